//! How a value of the wrong type is written as one of the right type.

use crate::finding::Fix;
use crate::manifest::{Data, Value};
use crate::schema::{Kind, is_quantity};
use crate::validate::message::expected;

/// Says how `value` becomes what it `must` be, and gives the change of its text where one way alone leads there.
pub(super) fn rewritten(must: &str, value: &Value) -> Option<(String, Option<Fix>)> {
    let quoted = |said: String| Some((format!("put it in quotes: \"{said}\""), Some(Fix::Quotes)));
    let bare = Some(("leave the quotes out".to_owned(), Some(Fix::NoQuotes)));
    match (must, &value.data) {
        ("a string", Data::Number(number)) => quoted(number.literal().to_owned()),
        ("a string", Data::Bool(flag)) => quoted(flag.to_string()),
        ("an integer" | "a number" | "an integer of 32 bits", Data::String(text)) if text.parse::<i64>().is_ok() => {
            bare
        }
        ("true or false", Data::String(text)) if matches!(text.as_str(), "true" | "false") => bare,
        ("a list", Data::String(text)) if text.len() <= 40 => Some((format!("write a list: `[{text}]`"), None)),
        ("a list", Data::Map(_)) => Some(("begin the item with `- `".to_owned(), None)),
        (_, Data::String(text)) if must == expected(Kind::Quantity) => {
            let bare = text.trim_end_matches(['b', 'B']);
            let fits = bare.len() < text.len() && is_quantity(bare);
            fits.then(|| (format!("did you mean `{bare}`? quantities have no unit of bytes"), None))
        }
        _ => None,
    }
}
