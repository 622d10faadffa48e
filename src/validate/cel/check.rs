//! Finds what the server's compiler refuses in an expression: names, fields and functions that are not there, and values of
//! types that do not go together (cel-go, `checker`). What is not sure is let pass.

use super::parse::{Expr, Loop, Operator};
use super::value::unescape;
use crate::schema::{Kind, Node, go_pattern};

/// The type of a part, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum Type<'a> {
    /// Not known here, or of any type.
    Any,
    Scalar(&'static str),
    List(Box<Type<'a>>),
    Map(Box<Type<'a>>, Box<Type<'a>>),
    /// A place of the schema that is an object with fields.
    Object(Node<'a>),
    Optional(Box<Type<'a>>),
}

const BOOL: Type<'static> = Type::Scalar("bool");
const INT: Type<'static> = Type::Scalar("int");
const TEXT: Type<'static> = Type::Scalar("string");

/// Functions by name with the type of what they give; a method may be called on any value here.
const METHODS: [(&str, &str); 74] = [
    ("size", "int"),
    ("startsWith", "bool"),
    ("endsWith", "bool"),
    ("contains", "bool"),
    ("matches", "bool"),
    ("find", "string"),
    ("findAll", ""),
    ("charAt", "string"),
    ("indexOf", "int"),
    ("lastIndexOf", "int"),
    ("lowerAscii", "string"),
    ("upperAscii", "string"),
    ("trim", "string"),
    ("reverse", ""),
    ("replace", "string"),
    ("split", ""),
    ("substring", "string"),
    ("format", "string"),
    ("join", "string"),
    ("isSorted", "bool"),
    ("sum", ""),
    ("min", ""),
    ("max", ""),
    ("hasValue", "bool"),
    ("value", ""),
    ("or", ""),
    ("orValue", ""),
    ("getFullYear", "int"),
    ("getMonth", "int"),
    ("getDate", "int"),
    ("getDayOfMonth", "int"),
    ("getDayOfYear", "int"),
    ("getDayOfWeek", "int"),
    ("getHours", "int"),
    ("getMinutes", "int"),
    ("getSeconds", "int"),
    ("getMilliseconds", "int"),
    ("isGreaterThan", "bool"),
    ("isLessThan", "bool"),
    ("compareTo", "int"),
    ("add", ""),
    ("sub", ""),
    ("sign", "int"),
    ("isInteger", "bool"),
    ("asInteger", "int"),
    ("asApproximateFloat", "double"),
    ("major", "int"),
    ("minor", "int"),
    ("patch", "int"),
    ("getScheme", "string"),
    ("getHost", "string"),
    ("getHostname", "string"),
    ("getPort", "string"),
    ("getEscapedPath", "string"),
    ("getQuery", ""),
    ("family", "int"),
    ("isUnspecified", "bool"),
    ("isLoopback", "bool"),
    ("isLinkLocalMulticast", "bool"),
    ("isLinkLocalUnicast", "bool"),
    ("isGlobalUnicast", "bool"),
    ("containsIP", "bool"),
    ("containsCIDR", "bool"),
    ("ip", ""),
    ("prefixLength", "int"),
    ("masked", ""),
    ("validate", ""),
    ("all", "bool"),
    ("flatten", ""),
    ("distinct", ""),
    ("slice", ""),
    ("sort", ""),
    ("first", ""),
    ("last", ""),
];

/// Functions that are called by themselves.
const FUNCTIONS: [(&str, &str); 23] = [
    ("size", "int"),
    ("type", ""),
    ("int", "int"),
    ("uint", "uint"),
    ("double", "double"),
    ("string", "string"),
    ("bool", "bool"),
    ("bytes", "bytes"),
    ("timestamp", "timestamp"),
    ("duration", "duration"),
    ("dyn", ""),
    ("matches", "bool"),
    ("url", ""),
    ("isURL", "bool"),
    ("quantity", ""),
    ("isQuantity", "bool"),
    ("ip", ""),
    ("isIP", "bool"),
    ("cidr", ""),
    ("isCIDR", "bool"),
    ("semver", ""),
    ("isSemver", "bool"),
    ("getDate", "int"),
];

/// Says whether a function is known here: `size`, `sets.contains`.
#[cfg(test)]
pub(super) fn knows(name: &str) -> bool {
    let of_library: &[&str] = match name.split_once('.') {
        Some(("sets", _)) => &["sets.contains", "sets.equivalent", "sets.intersects"],
        Some(("optional", _)) => &["optional.of", "optional.none", "optional.ofNonZeroValue"],
        Some(("strings", _)) => &["strings.quote"],
        Some(("ip", _)) => &["ip.isCanonical"],
        Some(("lists", _)) => &["lists.range"],
        Some(("format", _)) => return true,
        _ => return METHODS.iter().chain(&FUNCTIONS).any(|(known, _)| *known == name),
    };
    of_library.contains(&name)
}

/// Methods that only a text has.
const OF_TEXTS: [&str; 13] = [
    "startsWith",
    "endsWith",
    "matches",
    "find",
    "findAll",
    "charAt",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "split",
    "substring",
    "format",
];

/// Methods that only a list has.
const OF_LISTS: [&str; 11] =
    ["isSorted", "sum", "min", "max", "join", "reverse", "distinct", "sort", "slice", "flatten", "first"];

/// A check under way, with the variables in scope.
pub(super) struct Check<'a, 'e> {
    pub(super) scope: Vec<(&'e str, Type<'a>)>,
}

fn named(name: &'static str) -> Type<'static> {
    if name.is_empty() { Type::Any } else { Type::Scalar(name) }
}

/// What expressions see of a place (`k8s.io/apiserver/pkg/cel/common`, `SchemaDeclType`).
pub(super) fn seen(node: Node<'_>) -> Type<'_> {
    match node.kind() {
        Kind::Map => match node.values() {
            Some(values) => Type::Map(Box::new(TEXT), Box::new(seen(values))),
            None => Type::Object(node),
        },
        Kind::List => Type::List(Box::new(node.items().map_or(Type::Any, seen))),
        Kind::String => match node.format() {
            Some("duration") => Type::Scalar("duration"),
            Some("date" | "date-time" | "datetime") => Type::Scalar("timestamp"),
            Some("byte") => Type::Scalar("bytes"),
            _ => TEXT,
        },
        Kind::Integer => INT,
        Kind::Number => Type::Scalar("double"),
        Kind::Boolean => BOOL,
        Kind::IntOrString | Kind::Quantity | Kind::Any => Type::Any,
    }
}

fn said(of: &Type<'_>) -> &'static str {
    match of {
        Type::Any => "any",
        Type::Scalar(name) => name,
        Type::List(_) => "list",
        Type::Map(..) => "map",
        Type::Object(_) => "object",
        Type::Optional(_) => "optional",
    }
}

/// Says whether two types surely do not go together.
fn differ(one: &Type<'_>, two: &Type<'_>) -> bool {
    match (one, two) {
        (Type::Any, _) | (_, Type::Any) | (Type::Optional(_), _) | (_, Type::Optional(_)) => false,
        (Type::Scalar("null"), _) | (_, Type::Scalar("null")) => false,
        (Type::Scalar(one), Type::Scalar(two)) => one != two,
        (Type::List(one), Type::List(two)) => differ(one, two),
        (Type::Map(_, one), Type::Map(_, two)) => differ(one, two),
        (Type::Object(_), Type::Object(_) | Type::Map(..)) | (Type::Map(..), Type::Object(_)) => false,
        _ => true,
    }
}

impl<'a, 'e> Check<'a, 'e> {
    /// The type of an expression.
    ///
    /// # Errors
    /// What the compiler would say.
    pub(super) fn of(&mut self, expr: &'e Expr) -> Result<Type<'a>, String> {
        Ok(match expr {
            Expr::Null => Type::Scalar("null"),
            Expr::Bool(_) => BOOL,
            Expr::Int(_) => INT,
            Expr::Uint(_) => Type::Scalar("uint"),
            Expr::Double(_) => Type::Scalar("double"),
            Expr::Text(_) => TEXT,
            Expr::Bytes(_) => Type::Scalar("bytes"),
            Expr::Name(name) => self.name(name)?,
            Expr::Select { of, field, optional } => {
                if qualified_type(of, field) {
                    return Ok(Type::Any);
                }
                let of = self.of(of)?;
                let found = self.field(&of, field)?;
                if *optional || matches!(of, Type::Optional(_)) { Type::Optional(Box::new(found)) } else { found }
            }
            Expr::Has { of, field } => {
                let of = self.of(of)?;
                self.field(&of, field)?;
                BOOL
            }
            Expr::Index { of, at, optional } => {
                let (of, at) = (self.of(of)?, self.of(at)?);
                let found = match &of {
                    Type::List(item) if !differ(&at, &INT) => (**item).clone(),
                    Type::Map(key, value) if !differ(&at, key) => (**value).clone(),
                    Type::Any | Type::Optional(_) => Type::Any,
                    _ => return Err(format!("found no matching overload for `{}[{}]`", said(&of), said(&at))),
                };
                if *optional || matches!(of, Type::Optional(_)) { Type::Optional(Box::new(found)) } else { found }
            }
            Expr::Call { name, receiver, arguments } => self.call(name, receiver.as_deref(), arguments)?,
            Expr::List(items) => {
                let mut of: Option<Type<'a>> = None;
                for (item, optional) in items {
                    let found = self.of(item)?;
                    let found = if *optional { Type::Any } else { found };
                    if of.as_ref().is_some_and(|of| differ(of, &found)) {
                        return Err("the items of a list must be of one type".to_owned());
                    }
                    of = Some(of.unwrap_or(found));
                }
                Type::List(Box::new(of.unwrap_or(Type::Any)))
            }
            Expr::Map(entries) => {
                for (key, value, _) in entries {
                    self.of(key)?;
                    self.of(value)?;
                }
                Type::Map(Box::new(Type::Any), Box::new(Type::Any))
            }
            Expr::Not(of) => self.flag(of, "!")?,
            Expr::Negative(of) => match self.of(of)? {
                Type::Scalar("int" | "double") | Type::Any => Type::Any,
                of => return Err(format!("found no matching overload for `-` of {}", said(&of))),
            },
            Expr::Binary { operator, left, right } => self.binary(*operator, left, right)?,
            Expr::And(parts) => self.flags(parts, "&&")?,
            Expr::Or(parts) => self.flags(parts, "||")?,
            Expr::Condition { test, yes, no } => {
                self.flag(test, "? :")?;
                let (yes, no) = (self.of(yes)?, self.of(no)?);
                if differ(&yes, &no) {
                    return Err(format!("found no matching overload for `? :` of {} and {}", said(&yes), said(&no)));
                }
                if matches!((&yes, &no), (Type::Scalar(a), Type::Scalar(b)) if a == b) { yes } else { Type::Any }
            }
            Expr::Loop { what, over, names, filter, body } => {
                self.go_through(*what, over, names, filter.as_deref(), body)?
            }
            Expr::Optional { of, name, body, .. } => {
                let of = match self.of(of)? {
                    Type::Optional(of) => *of,
                    _ => Type::Any,
                };
                self.scope.push((name, of));
                let body = self.of(body);
                self.scope.pop();
                body?;
                Type::Optional(Box::new(Type::Any))
            }
        })
    }

    fn name(&self, name: &str) -> Result<Type<'a>, String> {
        if let Some((_, of)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return Ok(of.clone());
        }
        const TYPES: [&str; 10] =
            ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];
        if TYPES.contains(&name) { Ok(Type::Any) } else { Err(format!("undeclared reference to `{name}`")) }
    }

    fn field(&self, of: &Type<'a>, name: &str) -> Result<Type<'a>, String> {
        match of {
            Type::Any => Ok(Type::Any),
            Type::Optional(of) => self.field(of, name),
            Type::Map(_, value) => Ok((**value).clone()),
            Type::Object(node) => {
                let name = unescape(name);
                // Of `metadata` expressions see the name alone.
                let hidden = node.is_go_type() && !matches!(&*name, "name" | "generateName");
                let found = node
                    .field(&name)
                    .filter(|field| !hidden && (field.kind() != Kind::Any || !field.preserves_unknown()));
                found.map(seen).ok_or_else(|| format!("undefined field `{name}`"))
            }
            _ => Err(format!("type `{}` does not support field selection", said(of))),
        }
    }

    fn flag(&mut self, expr: &'e Expr, operator: &str) -> Result<Type<'a>, String> {
        let of = self.of(expr)?;
        if differ(&of, &BOOL) {
            return Err(format!("found no matching overload for `{operator}` of {}", said(&of)));
        }
        Ok(BOOL)
    }

    fn flags(&mut self, parts: &'e [Expr], operator: &str) -> Result<Type<'a>, String> {
        for part in parts {
            self.flag(part, operator)?;
        }
        Ok(BOOL)
    }

    fn call(&mut self, name: &'e str, receiver: Option<&'e Expr>, arguments: &'e [Expr]) -> Result<Type<'a>, String> {
        for argument in arguments {
            self.of(argument)?;
        }
        // A server may have functions that are not known here: that is said where the rule is evaluated.
        let unknown = || Ok(Type::Any);
        let Some(receiver) = receiver else {
            return FUNCTIONS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(unknown, |(_, gives)| Ok(named(gives)));
        };
        if let Expr::Name(library) = receiver
            && super::library::LIBRARIES.contains(&library.as_str())
            && !self.scope.iter().any(|(known, _)| known == library)
        {
            return Ok(if library == "sets" || library == "ip" { BOOL } else { Type::Any });
        }
        let of = self.of(receiver)?;
        if OF_TEXTS.contains(&name) && differ(&of, &TEXT) {
            return Err(format!("found no matching overload for `{}.{name}`", said(&of)));
        }
        if OF_LISTS.contains(&name) && matches!(of, Type::Scalar(_) | Type::Map(..) | Type::Object(_)) {
            return Err(format!("found no matching overload for `{}.{name}`", said(&of)));
        }
        if let ("matches", [Expr::Text(pattern)]) = (name, arguments)
            && go_pattern(pattern).is_none()
        {
            return Err(format!("`{pattern}` is no regular expression"));
        }
        if name == "size" && matches!(of, Type::Scalar(scalar) if !matches!(scalar, "string" | "bytes")) {
            return Err(format!("found no matching overload for `{}.size`", said(&of)));
        }
        METHODS.iter().find(|(known, _)| *known == name).map_or_else(unknown, |(_, gives)| Ok(named(gives)))
    }

    fn binary(&mut self, operator: Operator, left: &'e Expr, right: &'e Expr) -> Result<Type<'a>, String> {
        use Operator::{
            Add, Divide, Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, Multiply, NotEqual, Remainder, Subtract,
        };
        let (left, right) = (self.of(left)?, self.of(right)?);
        let wrong = || Err(format!("found no matching overload for {} and {}", said(&left), said(&right)));
        let time = |of: &Type<'_>| matches!(of, Type::Scalar("timestamp" | "duration"));
        match operator {
            Equal | NotEqual if differ(&left, &right) => wrong(),
            Less | LessOrEqual | Greater | GreaterOrEqual if differ(&left, &right) => {
                // Numbers of different types may be compared.
                let number = |of: &Type<'_>| matches!(of, Type::Scalar("int" | "uint" | "double"));
                if number(&left) && number(&right) { Ok(BOOL) } else { wrong() }
            }
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual => Ok(BOOL),
            In => match &right {
                Type::List(item) if differ(&left, item) => wrong(),
                Type::Map(key, _) if differ(&left, key) => wrong(),
                Type::Scalar(_) => wrong(),
                _ => Ok(BOOL),
            },
            Add | Subtract if time(&left) || time(&right) => Ok(Type::Any),
            Add | Subtract | Multiply | Divide | Remainder if differ(&left, &right) => wrong(),
            Add => Ok(if matches!(left, Type::Any) { right } else { left }),
            _ if matches!(left, Type::Scalar("string" | "bool")) => wrong(),
            _ => Ok(if matches!(left, Type::Any) { right } else { left }),
        }
    }

    fn go_through(
        &mut self,
        what: Loop,
        over: &'e Expr,
        names: &'e (String, Option<String>),
        filter: Option<&'e Expr>,
        body: &'e Expr,
    ) -> Result<Type<'a>, String> {
        let over = self.of(over)?;
        let (key, value) = match &over {
            Type::List(item) => (INT, (**item).clone()),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Any | Type::Optional(_) => (Type::Any, Type::Any),
            _ => return Err(format!("expression of type `{}` cannot be range of a comprehension", said(&over))),
        };
        let bound = self.scope.len();
        match &names.1 {
            Some(second) => self.scope.extend([(names.0.as_str(), key), (second.as_str(), value.clone())]),
            None => self.scope.push((&names.0, if matches!(over, Type::Map(..)) { key } else { value.clone() })),
        }
        let result = filter.map_or(Ok(BOOL), |filter| self.flag(filter, "filter")).and_then(|_| self.of(body));
        self.scope.truncate(bound);
        let result = result?;
        match what {
            Loop::All | Loop::Exists | Loop::ExistsOne | Loop::Filter if differ(&result, &BOOL) => {
                Err(format!("found no matching overload for a condition that is {}", said(&result)))
            }
            Loop::All | Loop::Exists | Loop::ExistsOne => Ok(BOOL),
            Loop::Filter => Ok(Type::List(Box::new(if matches!(over, Type::Map(..)) { Type::Any } else { value }))),
            Loop::List => Ok(Type::List(Box::new(result))),
            Loop::Map | Loop::Entries => Ok(Type::Map(Box::new(Type::Any), Box::new(result))),
        }
    }
}

/// `google.protobuf.Duration` and `google.protobuf.Timestamp`.
fn qualified_type(of: &Expr, field: &str) -> bool {
    let package = matches!(of, Expr::Select { field, .. } if field == "protobuf");
    package && matches!(field, "Duration" | "Timestamp")
}

/// Says what the compiler refuses in a rule about `node`; the expression must give `gives`.
pub(super) fn refuses(expr: &Expr, node: Node<'_>, optional_old: bool, gives: &'static str) -> Option<String> {
    let own = seen(node);
    let old = if optional_old { Type::Optional(Box::new(own.clone())) } else { own.clone() };
    let mut check = Check { scope: vec![("self", own), ("oldSelf", old)] };
    match check.of(expr) {
        Err(why) => Some(why),
        Ok(of) if differ(&of, &Type::Scalar(gives)) => {
            Some(format!("must evaluate to a {gives}, not to {}", said(&of)))
        }
        Ok(_) => None,
    }
}
