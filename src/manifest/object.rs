//! A Kubernetes object, what it is called, and what kind it is.

use super::value::Value;
use crate::finding::ObjectRef;
use std::fmt;

/// An object: a map with `apiVersion` and `kind`.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    value: Value,
}

/// Group and kind with version: what decides the schema.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeKey {
    /// Empty for the core group.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
}

/// What identifies an object over its versions: group, kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// `None` for cluster-scoped objects and where none is set.
    pub namespace: Option<String>,
    /// Empty when only `generateName` is set.
    pub name: String,
}

/// Why a document is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// A scalar or a list.
    #[error("the document is not a map")]
    NotAMap,
    /// `apiVersion` is missing, empty or no string.
    #[error("`apiVersion` is missing")]
    NoApiVersion,
    /// `kind` is missing, empty or no string.
    #[error("`kind` is missing")]
    NoKind,
}

impl TypeKey {
    /// Splits `apps/v1` and `v1`.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// `apps/v1`, or `v1` in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl fmt::Display for TypeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

impl fmt::Display for ObjectKey {
    /// `Deployment.apps shop/web`, `Namespace shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " {namespace}/{}", self.name),
            None => write!(f, " {}", self.name),
        }
    }
}

impl Object {
    /// Takes a document as an object.
    ///
    /// # Errors
    /// [`NotAnObject`] says what is missing.
    pub fn new(value: Value) -> Result<Self, NotAnObject> {
        Self::new_or_back(value).map_err(|(_, why)| why)
    }

    /// Takes a document as an object, or gives it back.
    ///
    /// # Errors
    /// The document and what it lacks.
    pub fn new_or_back(value: Value) -> Result<Self, (Value, NotAnObject)> {
        let has = |key| value.get(key).and_then(Value::as_str).is_some_and(|text: &str| !text.is_empty());
        if value.as_map().is_none() {
            Err((value, NotAnObject::NotAMap))
        } else if !has("apiVersion") {
            Err((value, NotAnObject::NoApiVersion))
        } else if !has("kind") {
            Err((value, NotAnObject::NoKind))
        } else {
            Ok(Self { value })
        }
    }

    /// The whole document.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The whole document, to change it. `apiVersion` and `kind` must stay non-empty strings.
    pub fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }

    /// Gives the document back.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        self.value.path(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }

    /// `Deployment`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    /// `metadata.name`, when it is a non-empty string.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text(&["metadata", "name"])
    }

    /// `metadata.generateName`, when it is a non-empty string.
    #[must_use]
    pub fn generate_name(&self) -> Option<&str> {
        self.text(&["metadata", "generateName"])
    }

    /// `metadata.namespace`, when it is a non-empty string.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text(&["metadata", "namespace"])
    }

    /// A label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.value.path(&["metadata", "labels", key]).and_then(Value::as_str)
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value.path(&["metadata", "annotations", key]).and_then(Value::as_str)
    }

    /// Group, version and kind.
    #[must_use]
    pub fn type_key(&self) -> TypeKey {
        TypeKey::new(self.api_version(), self.kind())
    }

    /// What identifies it, as written: a namespaced object without a namespace has `None`.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        let TypeKey { group, kind, .. } = self.type_key();
        let namespace = self.namespace().map(str::to_owned);
        ObjectKey { group, kind, namespace, name: self.name().unwrap_or_default().to_owned() }
    }

    /// What a person calls it.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        Self::reference_of(&self.value).unwrap_or_else(|| ObjectRef {
            api_version: String::new(),
            kind: String::new(),
            namespace: None,
            name: String::new(),
        })
    }

    /// What a person calls a document, when it has `apiVersion` and `kind`.
    #[must_use]
    pub fn reference_of(value: &Value) -> Option<ObjectRef> {
        let text = |path: &[&str]| value.path(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = text(&["metadata", "name"]).map(str::to_owned);
        let generated = || text(&["metadata", "generateName"]).map(|prefix| format!("{prefix}*"));
        Some(ObjectRef {
            api_version: text(&["apiVersion"])?.to_owned(),
            kind: text(&["kind"])?.to_owned(),
            namespace: text(&["metadata", "namespace"]).map(str::to_owned),
            name: name.or_else(generated).unwrap_or_default(),
        })
    }

    /// Says whether this is a Secret of the core group, whose values appear nowhere.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind() == "Secret" && self.api_version() == "v1"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::value::map;
    use super::*;

    #[test]
    fn an_object_needs_its_type() {
        assert_eq!(Object::new(Value::from("x")), Err(NotAnObject::NotAMap));
        assert_eq!(Object::new(map([("kind", "Pod")])), Err(NotAnObject::NoApiVersion));
        assert_eq!(Object::new(map([("apiVersion", "v1")])), Err(NotAnObject::NoKind));
    }

    #[test]
    fn keys_name_the_group_and_drop_the_version() {
        let value = map([
            ("apiVersion", Value::from("apps/v1")),
            ("kind", "Deployment".into()),
            ("metadata", map([("name", "web"), ("namespace", "shop")])),
        ]);
        let object = Object::new(value).unwrap();
        assert_eq!(object.key().to_string(), "Deployment.apps shop/web");
        assert_eq!(object.reference().to_string(), "Deployment shop/web");
        assert_eq!(object.type_key().api_version(), "apps/v1");
    }
}
