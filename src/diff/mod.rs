//! Two sets of objects → what changes, field by field, with every secret masked.
//!
//! Owns matching of objects and list items, comparison by value, and redaction: text leaves this room only as
//! [`Redacted`]. Refuses to read files or render. Decided by DESIGN §4 "Reviewing", the Kubernetes API conventions (list
//! types and merge keys) and RFC 6901 (pointers).

pub mod change;
pub mod redact;

pub use change::{Action, Change, ChangeSet, DiffLine, FieldAction, FieldChange, FoldedChange, ImageChange, LineKind};
pub use redact::{Redacted, Redactor};
