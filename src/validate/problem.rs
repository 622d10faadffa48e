//! What is wrong in one object, before it is a finding: cheap to make and to throw away while alternatives are tried.

use crate::finding::{Finding, Fix, Place, Severity};
use crate::manifest::{Object, Origin};

/// What in the object a problem points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The value at the pointer.
    Value,
    /// The key that the pointer ends in.
    Key,
}

/// Something wrong at a place of an object.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) rule: &'static str,
    pub(super) at: At,
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Another place that belongs to it, with a word on why.
    pub(super) related: Option<(String, &'static str)>,
    /// How the text there is mended for certain.
    pub(super) fix: Option<Fix>,
    /// It is about what fields ask of each other, not about one of them.
    pub(super) related_fields: bool,
}

impl Problem {
    pub(super) fn new(rule: &'static str, at: At, pointer: &str, message: String) -> Self {
        let pointer = pointer.to_owned();
        Self { rule, at, pointer, message, hint: None, related: None, fix: None, related_fields: false }
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    pub(super) fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// The finding, with the place in the file; inside a Secret without the text of its line.
    pub(super) fn finding(self, object: &Object, severity: Severity) -> Finding {
        let origin = match self.at {
            At::Value => object.value().origin_at(&self.pointer),
            At::Key => object.value().key_origin_at(&self.pointer).or_else(|| object.value().origin_at(&self.pointer)),
        };
        let mut finding = Finding::new(self.rule, severity, self.message)
            .at(origin.map(|origin| place(object, origin)))
            .pointer(self.pointer)
            .about(object.reference())
            .fix(self.fix);
        finding.hint = self.hint;
        if let Some((pointer, why)) = self.related
            && let Some(origin) = object.value().origin_at(&pointer)
        {
            finding = finding.related(place(object, origin), why);
        }
        finding
    }
}

/// The place of an origin as it may be shown for this object.
pub(super) fn place(object: &Object, origin: &Origin) -> Place {
    if object.is_secret() { origin.place_without_excerpt() } else { origin.place() }
}
