//! Rules in the Common Expression Language (`x-kubernetes-validations`), evaluated as the API server does.
//!
//! Owns the language: words, syntax, evaluation, and the functions of Kubernetes. Evaluation goes over the manifest itself,
//! in a bounded number of steps, so that it ends, and with the same answer on every machine. What cannot be evaluated here is
//! said, never passed over.
//!
//! Decided by `github.com/google/cel-spec`, `k8s.io/apiserver/pkg/cel` and
//! `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`.

mod check;
mod evaluate;
mod lex;
mod library;
mod parse;
mod rules;
mod value;

pub(super) use rules::{judge, place_of, steps_each};

use crate::schema::Node;

/// Says whether Go reads a text as a duration: `1h30m`.
pub(super) fn is_duration(text: &str) -> bool {
    library::duration(text).is_ok()
}

/// Reads and checks an expression about `node`, which must give `gives`; says whether it uses `oldSelf`.
///
/// # Errors
/// What the server's compiler would say.
pub(super) fn compile(text: &str, node: Node<'_>, optional_old: bool, gives: &'static str) -> Result<bool, String> {
    let expr = parse::parse(text)?;
    match check::refuses(&expr, node, optional_old, gives) {
        Some(why) => Err(why),
        None => Ok(rules::mentions(&expr, "oldSelf")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml::{self, Budget, Dialect};
    use crate::manifest::{Data, Source, Value};
    use std::path::Path;

    /// The rules in a value, wherever they stand: each `rule` and `messageExpression`.
    fn rules(value: &Value, found: &mut Vec<String>) {
        match &value.data {
            Data::Map(map) => {
                for (key, value) in map {
                    match (key.as_str(), &value.data) {
                        ("x-kubernetes-validations", Data::List(items)) => {
                            let texts =
                                items.iter().flat_map(|item| ["rule", "messageExpression"].map(|key| item.get(key)));
                            found.extend(texts.flatten().filter_map(Value::as_str).map(str::to_owned));
                        }
                        _ => rules(value, found),
                    }
                }
            }
            Data::List(items) => items.iter().for_each(|item| rules(item, found)),
            _ => {}
        }
    }

    /// What cannot be computed here of an expression: its syntax, or functions that are not there.
    fn unknown(text: &str) -> Option<String> {
        match parse::parse(text) {
            Err(why) => Some(why),
            Ok(expr) => {
                let mut called = Vec::new();
                calls(&expr, &mut called);
                called.into_iter().find(|name| !check::knows(name))
            }
        }
    }

    fn calls(expr: &parse::Expr, called: &mut Vec<String>) {
        use parse::Expr;
        if let Expr::Call { name, receiver, .. } = expr {
            called.push(match receiver.as_deref() {
                Some(Expr::Name(library)) if library::LIBRARIES.contains(&library.as_str()) => {
                    format!("{library}.{name}")
                }
                _ => name.clone(),
            });
        }
        rules::parts(expr).into_iter().for_each(|part| calls(part, called));
    }

    /// The definitions of the verdict tests, and those of the conformance data where they are beside the repository.
    fn files() -> Vec<std::path::PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let conformance =
            ["..", "../.."].map(|up| root.join(up).join("shared/conformance/validation/kubectl-validate"));
        let folders = conformance.iter().flat_map(|folder| ["crds", "more-crds"].map(|part| folder.join(part)));
        let folders = folders.chain([root.join("tests/cases/verdict/definitions")]);
        let mut files: Vec<_> = folders
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn at_most_one_rule_in_a_hundred_cannot_be_computed() {
        let (mut all, mut not) = (0, Vec::new());
        for file in files() {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let reading = yaml::read(&Source::new("crd.yaml", &text), Dialect::Kubectl, &Budget::default());
            let mut found = Vec::new();
            reading.documents.iter().for_each(|document| rules(document, &mut found));
            all += found.len();
            not.extend(found.iter().filter_map(|rule| Some(format!("{rule}: {}", unknown(rule)?))));
        }
        assert!(all > 50, "only {all} rules were found");
        assert!(not.len() * 100 <= all, "{} of {all}:\n{}", not.len(), not.join("\n"));
    }
}
