//! CEL rules as they stand in a schema (`x-kubernetes-validations`); `validate/cel` evaluates them.

use serde::Deserialize;
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A rule of a schema (apiextensions/v1, `ValidationRule`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Validation {
    pub(crate) rule: String,
    pub(crate) message: Option<String>,
    pub(crate) message_expression: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) field_path: Option<String>,
    pub(crate) optional_old_self: Option<bool>,
    #[serde(skip)]
    prepared: Prepared,
}

/// What whoever evaluates the rule has made of it, once for all objects.
#[derive(Default)]
struct Prepared(OnceLock<Arc<dyn Any + Send + Sync>>);

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "prepared" } else { "not prepared" })
    }
}

impl Validation {
    /// What `prepare` makes of this rule, made when first asked for.
    pub(crate) fn prepared<T: Any + Send + Sync>(&self, prepare: impl FnOnce(&Self) -> T) -> &T {
        let made = self.prepared.0.get_or_init(|| Arc::new(prepare(self)));
        made.downcast_ref().expect("because one type alone is made of rules")
    }
}
