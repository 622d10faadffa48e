//! The functions that expressions may call: CEL's own and those of Kubernetes (`k8s.io/apiserver/pkg/cel/library`, cel-go
//! `ext` strings, sets and two-variable comprehensions).

mod lists;
mod named;
mod net;
mod quantity;
mod semver;
mod standard;
mod strings;
mod time;

pub(super) use named::Form;
pub(super) use net::{Address, Block, Url};
pub(super) use semver::Semver;
pub(super) use time::{duration, later};

use super::evaluate::Budget;
use super::value::{Cel, Outcome, Stop, no_overload};

/// Names that stand for a library before a dot.
pub(super) const LIBRARIES: [&str; 6] = ["sets", "optional", "format", "strings", "ip", "lists"];

/// Functions by name that are called by themselves, to tell a misspelt one from one that got the wrong values.
pub(super) const FUNCTIONS: [&str; 26] = [
    "size",
    "type",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "timestamp",
    "duration",
    "dyn",
    "matches",
    "url",
    "isURL",
    "quantity",
    "isQuantity",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "semver",
    "isSemver",
    "getDate",
    "startsWith",
    "endsWith",
    "contains",
];

/// A call `name(arguments)`.
pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Outcome<'a> {
    budget.spend(weight(arguments))?;
    let found = standard::function(name, arguments)
        .or_else(|| quantity::function(name, arguments))
        .or_else(|| net::function(name, arguments))
        .or_else(|| semver::function(name, arguments));
    match (found, FUNCTIONS.contains(&name)) {
        (Some(outcome), _) => outcome,
        (None, true) => no_overload(&called(name, arguments)),
        (None, false) => Err(Stop::Unknown(format!("the function `{name}` is not known"))),
    }
}

/// A call `library.name(arguments)`.
pub(super) fn of_library<'a>(library: &str, name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Outcome<'a> {
    budget.spend(weight(arguments))?;
    let found = match library {
        "sets" => lists::sets(name, arguments, budget),
        "optional" => standard::optional(name, arguments),
        "format" => named::of(name, arguments),
        "strings" => strings::library(name, arguments),
        "ip" => net::library(name, arguments),
        "lists" => lists::library(name, arguments, budget),
        _ => None,
    };
    found.unwrap_or_else(|| Err(Stop::Unknown(format!("the function `{library}.{name}` is not known"))))
}

/// A call `receiver.name(arguments)`.
pub(super) fn method<'a>(receiver: &Cel<'a>, name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Outcome<'a> {
    budget.spend(weight(std::slice::from_ref(receiver)) + weight(arguments))?;
    let found = match receiver {
        Cel::Text(text) => strings::method(text, name, arguments, budget),
        Cel::Items(..) | Cel::List(_) => lists::method(receiver, name, arguments, budget),
        Cel::Time(_) | Cel::Duration(_) => time::method(receiver, name, arguments),
        Cel::Quantity(quantity) => quantity.method(name, arguments),
        Cel::Semver(semver) => semver.method(name, arguments),
        Cel::Url(url) => url.method(name),
        Cel::Address(address) => address.method(name),
        Cel::Block(block) => block.method(name, arguments),
        Cel::Form(form) => form.method(name, arguments),
        Cel::Optional(value) if name == "hasValue" => Some(Ok(Cel::Bool(value.is_some()))),
        Cel::Optional(value) if name == "value" => Some(
            value
                .as_ref()
                .map_or_else(|| super::value::failed("optional.none() dereference"), |v| Ok(v.as_ref().clone())),
        ),
        _ => None,
    };
    if let Some(outcome) = found {
        return outcome;
    }
    match (name, receiver.size(), receiver.kind()) {
        ("size", Some(size), _) if arguments.is_empty() => Ok(Cel::Int(i64::try_from(size).unwrap_or(i64::MAX))),
        _ => Err(Stop::Unknown(format!("the function `{}.{name}` is not known", receiver.kind()))),
    }
}

fn called(name: &str, arguments: &[Cel<'_>]) -> String {
    let kinds: Vec<&str> = arguments.iter().map(Cel::kind).collect();
    format!("{name}({})", kinds.join(", "))
}

/// How many steps looking at these values takes.
fn weight(arguments: &[Cel<'_>]) -> usize {
    let of = |value: &Cel<'_>| match value {
        Cel::Text(text) => text.len() / 16,
        Cel::Bytes(bytes) => bytes.len() / 16,
        other => other.size().unwrap_or(0),
    };
    arguments.iter().map(of).sum()
}

/// Base64 as Go's standard encoding reads it.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let plain: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    base64::engine::general_purpose::STANDARD.decode(plain).ok()
}
