//! The API server's refusals, word for word.

use super::fields::path_text;
use super::merge::{Conflict, conflict_message};
use crate::cluster::{Cause, Rejection, ResourceKind};

/// `deployments.apps`, `configmaps`.
fn resource(kind: &ResourceKind) -> String {
    qualified(&kind.plural, &kind.type_key.group)
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

fn plain(code: u16, reason: &str, message: String) -> Rejection {
    Rejection { code, reason: reason.to_owned(), message, causes: Vec::new() }
}

/// The URL's kind is not served.
pub(super) fn unknown_kind() -> Rejection {
    plain(404, "NotFound", "the server could not find the requested resource".to_owned())
}

/// The namespace or the object is not there.
pub(super) fn not_found(kind: &ResourceKind, name: &str) -> Rejection {
    plain(404, "NotFound", format!("{} \"{name}\" not found", resource(kind)))
}

/// The object was there already.
pub(super) fn already_exists(kind: &ResourceKind, name: &str) -> Rejection {
    plain(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource(kind)))
}

/// The object is at another version.
pub(super) fn modified(kind: &ResourceKind, name: &str) -> Rejection {
    let why = "the object has been modified; please apply your changes to the latest version and try again";
    plain(409, "Conflict", format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource(kind)))
}

/// The object has another UID.
pub(super) fn other_uid(kind: &ResourceKind, name: &str, asked: &str, live: &str) -> Rejection {
    let kind = &kind.type_key.kind;
    let message = format!(
        "Operation cannot be fulfilled on {kind} \"{name}\": the UID in the precondition ({asked}) does not match the \
         UID in record ({live}). The object might have been deleted and then recreated"
    );
    plain(409, "Conflict", message)
}

/// The object as written has another UID than the live one, or one although nothing is there.
pub(super) fn unlike_uid(kind: &ResourceKind, name: &str, uid: &str, is_live: bool) -> Rejection {
    if is_live {
        let message = format!("Invalid value: \"{uid}\": field is immutable");
        let (field, reason) = ("metadata.uid".to_owned(), "FieldValueInvalid".to_owned());
        return invalid(kind, name, vec![Cause { field, reason, message }]);
    }
    let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
    plain(409, "Conflict", format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource(kind)))
}

/// The namespace is going away.
pub(super) fn terminating(kind: &ResourceKind, name: &str, namespace: &str) -> Rejection {
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut rejection = forbidden(kind, name, &why);
    rejection.causes.push(Cause {
        field: "metadata.namespace".to_owned(),
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {namespace} is being terminated"),
    });
    rejection
}

/// Admission says no.
pub(super) fn forbidden(kind: &ResourceKind, name: &str, why: &str) -> Rejection {
    plain(403, "Forbidden", format!("{} \"{name}\" is forbidden: {why}", resource(kind)))
}

/// The object does not fit the kind's types; the server answers 500 without a reason.
pub(super) fn not_typed(kind: &ResourceKind, namespace: &str, name: &str, why: &str) -> Rejection {
    let (version, kind) = (kind.type_key.api_version(), &kind.type_key.kind);
    let object = format!("{namespace}/{name}; {version}, Kind={kind}");
    plain(500, "", format!("failed to create typed patch object ({object}): {why}"))
}

/// The request makes no sense.
pub(super) fn bad_request(message: String) -> Rejection {
    plain(400, "BadRequest", message)
}

/// The object breaks the kind's rules.
pub(super) fn invalid(kind: &ResourceKind, name: &str, causes: Vec<Cause>) -> Rejection {
    let lines: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let all = match lines.as_slice() {
        [only] => only.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let kind = qualified(&kind.type_key.kind, &kind.type_key.group);
    let message = format!("{kind} \"{name}\" is invalid: {all}");
    Rejection { code: 422, reason: "Invalid".to_owned(), message, causes }
}

/// Other managers own fields.
pub(super) fn conflicts(conflicts: &[Conflict]) -> Rejection {
    let cause = |conflict: &Conflict| Cause {
        field: path_text(&conflict.path),
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {}", conflict.manager),
    };
    let causes = conflicts.iter().map(cause).collect();
    Rejection { code: 409, reason: "Conflict".to_owned(), message: conflict_message(conflicts), causes }
}
