//! Values while an expression is evaluated: views of the manifest by its schema, and what expressions make of them.
//!
//! Decided by `k8s.io/apiserver/pkg/cel/common` (how an object is seen through its schema) and cel-spec (values, equality).

use super::library::{Address, Block, Form, Semver, Url};
use super::parse::RESERVED;
use crate::manifest::{Data, Map, Number, Value, value::NumberKind};
use crate::schema::{Kind, ListType, Node, Quantity};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

/// A value. Cheap to clone but for texts that an expression made.
#[derive(Debug, Clone)]
pub(super) enum Cel<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Rc<[u8]>),
    /// In nanoseconds.
    Duration(i128),
    Time(jiff::Timestamp),
    Type(&'static str),
    /// A list of the manifest.
    Items(Node<'a>, &'a [Value]),
    List(Rc<Vec<Cel<'a>>>),
    /// A map of the manifest with fields that its schema names.
    Object(Node<'a>, &'a Map),
    /// A map of the manifest with free keys.
    Entries(Node<'a>, &'a Map),
    Map(Rc<Vec<(Cel<'a>, Cel<'a>)>>),
    Optional(Option<Rc<Cel<'a>>>),
    Quantity(Quantity),
    Semver(Rc<Semver>),
    Url(Rc<Url>),
    Address(Address),
    Block(Block),
    Form(Form),
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The server's evaluation fails as well, and it refuses the object.
    Failed(String),
    /// It is not known here what the server makes of it.
    Unknown(String),
    /// It took more steps than it may.
    TooLong,
}

pub(super) type Outcome<'a> = Result<Cel<'a>, Stop>;

/// A failure at evaluation.
pub(super) fn failed<T>(message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Failed(message.into()))
}

/// The failure of an operator or function that does not take these values.
pub(super) fn no_overload<T>(what: &str) -> Result<T, Stop> {
    failed(format!("no such overload: {what}"))
}

/// A value of the manifest as its schema lets expressions see it.
pub(super) fn view<'a>(node: Node<'a>, value: &'a Value) -> Cel<'a> {
    match &value.data {
        Data::Null => Cel::Null,
        Data::Bool(flag) => Cel::Bool(*flag),
        Data::Number(number) => seen_number(node, number),
        Data::String(text) => seen_text(node, text),
        Data::List(items) => Cel::Items(node, items),
        Data::Map(map) if node.values().is_some() => Cel::Entries(node, map),
        Data::Map(map) => Cel::Object(node, map),
    }
}

fn seen_number<'a>(node: Node<'a>, number: &Number) -> Cel<'a> {
    if node.kind() == Kind::Number {
        return Cel::Double(number.as_f64());
    }
    match (number.as_i64(), number.kind()) {
        (Some(n), _) => Cel::Int(n),
        (None, NumberKind::Unsigned(n)) => Cel::Uint(n),
        _ => Cel::Double(number.as_f64()),
    }
}

/// Texts of some formats are values of their own (`k8s.io/apiserver/pkg/cel/common`, `UnstructuredToVal`).
fn seen_text<'a>(node: Node<'a>, text: &'a str) -> Cel<'a> {
    match node.format() {
        Some("duration") => super::library::duration(text).map(Cel::Duration).ok(),
        Some("date") => format!("{text}T00:00:00Z").parse().map(Cel::Time).ok(),
        Some("date-time" | "datetime") => text.parse().map(Cel::Time).ok(),
        Some("byte") => super::library::base64(text).map(|bytes| Cel::Bytes(bytes.into())),
        _ => None,
    }
    .unwrap_or(Cel::Text(Cow::Borrowed(text)))
}

impl<'a> Cel<'a> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    pub(super) fn list(items: Vec<Cel<'a>>) -> Self {
        Self::List(Rc::new(items))
    }

    pub(super) fn some(value: Cel<'a>) -> Self {
        Self::Optional(Some(Rc::new(value)))
    }

    pub(super) const NONE: Self = Self::Optional(None);

    /// The name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Items(..) | Self::List(_) => "list",
            Self::Object(..) => "object",
            Self::Entries(..) | Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Url(_) => "kubernetes.URL",
            Self::Address(_) => "net.IP",
            Self::Block(_) => "net.CIDR",
            Self::Form(_) => "kubernetes.NamedFormat",
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<Vec<Cel<'a>>> {
        match self {
            Self::Items(node, items) => {
                let of = node.items().unwrap_or(*node);
                Some(items.iter().map(|item| view(of, item)).collect())
            }
            Self::List(items) => Some(items.as_ref().clone()),
            _ => None,
        }
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> Option<Vec<(Cel<'a>, Cel<'a>)>> {
        match self {
            Self::Entries(node, map) => {
                let values = node.values()?;
                let entries =
                    map.iter().map(|(key, value)| (Cel::Text(Cow::Borrowed(key.as_str())), view(values, value)));
                Some(entries.collect())
            }
            Self::Map(entries) => Some(entries.as_ref().clone()),
            _ => None,
        }
    }

    /// What a loop goes through: each item with its index, each key with its value.
    pub(super) fn pairs(&self) -> Option<Vec<(Cel<'a>, Cel<'a>)>> {
        if let Some(items) = self.items() {
            let index = |at: usize| Cel::Int(i64::try_from(at).unwrap_or(i64::MAX));
            return Some(items.into_iter().enumerate().map(|(at, item)| (index(at), item)).collect());
        }
        self.entries()
    }

    /// How many items, entries or characters it has.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::Items(_, items) => Some(items.len()),
            Self::List(items) => Some(items.len()),
            Self::Entries(_, map) | Self::Object(_, map) => Some(map.len()),
            Self::Map(entries) => Some(entries.len()),
            Self::Text(text) => Some(text.chars().count()),
            Self::Bytes(bytes) => Some(bytes.len()),
            _ => None,
        }
    }

    /// The field called `name` of an object, as an expression spells it; the value under a key of a map.
    pub(super) fn field(&self, name: &str) -> Result<Option<Cel<'a>>, Stop> {
        match self {
            Self::Object(node, map) => {
                let name = unescape(name);
                Ok(node.field(&name).and_then(|field| map.get(&name).map(|value| view(field, value))))
            }
            Self::Entries(node, map) => {
                Ok(node.values().and_then(|values| map.get(name).map(|value| view(values, value))))
            }
            Self::Map(entries) => {
                let found = entries.iter().find(|(key, _)| matches!(key, Cel::Text(text) if text == name));
                Ok(found.map(|(_, value)| value.clone()))
            }
            _ => no_overload(&format!("`.{name}` of {}", self.kind())),
        }
    }

    /// What stands at an index or a key.
    pub(super) fn at(&self, index: &Cel<'a>) -> Result<Option<Cel<'a>>, Stop> {
        match (self, index) {
            (Self::Items(..) | Self::List(_), _) => {
                let Some(at) = index.as_index() else { return no_overload(&format!("list[{}]", index.kind())) };
                Ok(match self {
                    Self::Items(node, items) => {
                        let of = node.items().unwrap_or(*node);
                        usize::try_from(at).ok().and_then(|at| items.get(at)).map(|item| view(of, item))
                    }
                    Self::List(items) => usize::try_from(at).ok().and_then(|at| items.get(at)).cloned(),
                    _ => None,
                })
            }
            (Self::Entries(..), Self::Text(key)) => self.field(key),
            (Self::Object(node, map), Self::Text(key)) => {
                Ok(node.field(key).and_then(|field| map.get(key).map(|value| view(field, value))))
            }
            (Self::Entries(..), _) => Ok(None),
            (Self::Map(entries), _) => {
                Ok(entries.iter().find(|(key, _)| key.equals(index)).map(|(_, value)| value.clone()))
            }
            _ => no_overload(&format!("{}[{}]", self.kind(), index.kind())),
        }
    }

    fn as_index(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Uint(n) => i64::try_from(*n).ok(),
            #[allow(clippy::cast_possible_truncation)]
            Self::Double(n) if n.fract() == 0.0 => Some(*n as i64),
            _ => None,
        }
    }

    /// Equality (cel-spec, "Equality"): numbers by value whatever their type, other types never equal one another.
    pub(super) fn equals(&self, other: &Cel<'a>) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Quantity(a), Self::Quantity(b)) => a == b,
            (Self::Semver(a), Self::Semver(b)) => a.compare(b) == Ordering::Equal,
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Address(a), Self::Address(b)) => a == b,
            (Self::Block(a), Self::Block(b)) => a == b,
            (Self::Form(a), Self::Form(b)) => a == b,
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            // Sets, and lists whose items have keys, have no order (`k8s.io/apiserver/pkg/cel/common`, `listMap`).
            (Self::Items(node, a), Self::Items(_, b))
                if matches!(node.list_type(), Some(ListType::Set | ListType::Map(_))) =>
            {
                let of = node.items().unwrap_or(*node);
                a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| view(of, a).equals(&view(of, b))))
            }
            (Self::Items(..) | Self::List(_), Self::Items(..) | Self::List(_)) => same_items(self, other),
            (Self::Object(node, a), Self::Object(_, b)) => {
                let seen = |map: &'a Map| map.iter().filter(|(key, _)| node.field(key.as_str()).is_some()).count();
                seen(a) == seen(b)
                    && a.iter().all(|(key, value)| {
                        let Some(field) = node.field(key.as_str()) else { return true };
                        b.get(key.as_str()).is_some_and(|other| view(field, value).equals(&view(field, other)))
                    })
            }
            (Self::Entries(..) | Self::Map(_), Self::Entries(..) | Self::Map(_)) => {
                let (Some(a), Some(b)) = (self.entries(), other.entries()) else { return false };
                a.len() == b.len()
                    && a.iter().all(|(key, value)| b.iter().any(|(k, v)| k.equals(key) && v.equals(value)))
            }
            _ => self.compare_numbers(other) == Some(Ordering::Equal),
        }
    }

    fn compare_numbers(&self, other: &Cel<'a>) -> Option<Ordering> {
        #[allow(clippy::cast_precision_loss)]
        let float = |value: &Cel<'a>| match value {
            Self::Int(n) => Some(*n as f64),
            Self::Uint(n) => Some(*n as f64),
            Self::Double(n) => Some(*n),
            _ => None,
        };
        let whole = |value: &Cel<'a>| match value {
            Self::Int(n) => Some(i128::from(*n)),
            Self::Uint(n) => Some(i128::from(*n)),
            _ => None,
        };
        match (whole(self), whole(other)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => float(self)?.partial_cmp(&float(other)?),
        }
    }

    /// Order; `None` where the two have none.
    pub(super) fn compare(&self, other: &Cel<'a>) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            _ => self.compare_numbers(other),
        }
    }
}

fn same_items<'a>(one: &Cel<'a>, two: &Cel<'a>) -> bool {
    let (Some(a), Some(b)) = (one.items(), two.items()) else { return false };
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.equals(b))
}

/// Says whether a field is not called so in an expression.
fn is_escaped(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "in") || (RESERVED.contains(&word) && word != "var")
}

/// The name of a field from how expressions spell it (`k8s.io/apiserver/pkg/cel`, `Unescape`).
pub(super) fn unescape(name: &str) -> Cow<'_, str> {
    if !name.contains("__") {
        return Cow::Borrowed(name);
    }
    let word = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    if let Some(word) = word.filter(|word| is_escaped(word)) {
        return Cow::Borrowed(word);
    }
    let plain = name.replace("__dot__", ".").replace("__dash__", "-").replace("__slash__", "/");
    Cow::Owned(plain.replace("__underscores__", "__"))
}
