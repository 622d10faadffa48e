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

pub(super) use rules::{judge, place_of};

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
