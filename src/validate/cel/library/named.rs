//! Named formats (`k8s.io/apiserver/pkg/cel/library/format.go`): `format.dns1123Label().validate(text)`.

use super::super::value::{Cel, Outcome};
use crate::validate::{format, names};

/// A format by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Form(&'static str);

const FORMS: [&str; 14] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
    "dns",
];

/// `format.NAME()` and `format.named("NAME")`.
pub(super) fn of<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let known = |name: &str| FORMS.iter().find(|form| **form == name).map(|form| Form(form));
    match (name, arguments) {
        ("named", [Cel::Text(name)]) => Some(Ok(known(name).map_or(Cel::NONE, |form| Cel::some(Cel::Form(form))))),
        (name, []) => known(name).map(|form| Ok(Cel::Form(form))),
        _ => None,
    }
}

impl Form {
    /// What is wrong with a text; `None` when nothing is.
    fn refuses(self, text: &str) -> Option<String> {
        // The prefix of a name that is not finished may end in a dash.
        let unfinished = |text: &str| text.strip_suffix('-').map_or_else(|| text.to_owned(), |rest| format!("{rest}a"));
        match self.0 {
            "dns1123Label" => names::label(text),
            "dns1123Subdomain" => names::subdomain(text),
            "dns1035Label" => names::label_1035(text),
            "qualifiedName" => names::qualified(text),
            "labelValue" => names::label_value(text),
            "dns1123LabelPrefix" => names::label(&unfinished(text)),
            "dns1123SubdomainPrefix" => names::subdomain(&unfinished(text)),
            "dns1035LabelPrefix" => names::label_1035(&unfinished(text)),
            form => (!format::matches(form, text, false)).then(|| format!("must be {}", format::example(form))),
        }
    }

    pub(super) fn method<'a>(self, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
        match (name, arguments) {
            ("validate", [Cel::Text(text)]) => Some(Ok(match self.refuses(text) {
                Some(why) => Cel::some(Cel::list(vec![Cel::text(why)])),
                None => Cel::NONE,
            })),
            _ => None,
        }
    }
}
