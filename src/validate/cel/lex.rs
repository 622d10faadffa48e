//! Words of the Common Expression Language (cel-spec, "Lexis").

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 28] = [
    "==", "!=", "<=", ">=", "&&", "||", ".", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ",", "(", ")", "[", "]",
    "{", "}", "=", "&", "|", ";",
];

/// Splits an expression into words.
pub(super) fn words(text: &str) -> Result<Vec<Token>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some((token, left)) = literal(rest)? {
            words.push(token);
            rest = left;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let (token, left) = number(rest)?;
            words.push(token);
            rest = left;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            words.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if c == '`' {
            let end = rest[1..].find('`').ok_or("a quoted field name does not end")?;
            words.push(Token::Name(rest[1..=end].to_owned()));
            rest = &rest[end + 2..];
        } else {
            let sign =
                SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or_else(|| format!("`{c}` is no operator"))?;
            words.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
    }
    Ok(words)
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let unsigned = |rest: &str| rest.starts_with(['u', 'U']);
    let wrong = || "a number is too large".to_owned();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let (digits, rest) = hex.split_at(end);
        if unsigned(rest) {
            return Ok((Token::Uint(u64::from_str_radix(digits, 16).map_err(|_| wrong())?), &rest[1..]));
        }
        return Ok((Token::Int(i64::from_str_radix(digits, 16).map_err(|_| wrong())?), rest));
    }
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut end = digits(text);
    let mut float = false;
    if text[end..].starts_with('.') && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        float = true;
        end += 1 + digits(&text[end + 1..]);
    }
    if let Some(exponent) = text[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let count = digits(&exponent[sign..]);
        if count > 0 {
            float = true;
            end += 1 + sign + count;
        }
    }
    let (number, rest) = text.split_at(end);
    if float {
        return Ok((Token::Double(number.parse().map_err(|_| wrong())?), rest));
    }
    if unsigned(rest) {
        return Ok((Token::Uint(number.parse().map_err(|_| wrong())?), &rest[1..]));
    }
    // The least integer is a minus and a number that does not fit by itself.
    if number == "9223372036854775808" {
        return Ok((Token::Int(i64::MIN), rest));
    }
    Ok((Token::Int(number.parse().map_err(|_| wrong())?), rest))
}

/// A text or bytes with an optional prefix: `r"…"`, `b'…'`, `"""…"""`.
fn literal(text: &str) -> Result<Option<(Token, &str)>, String> {
    let (mut raw, mut bytes) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            '"' | '\'' => break,
            _ => return Ok(None),
        }
        rest = &rest[1..];
    }
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote));
    let Some(quote) = quote else { return Ok(None) };
    let mut body = Vec::new();
    rest = &rest[quote.len()..];
    loop {
        if let Some(left) = rest.strip_prefix(quote) {
            rest = left;
            break;
        }
        let c = rest.chars().next().ok_or("a text does not end")?;
        if quote.len() == 1 && matches!(c, '\n' | '\r') {
            return Err("a text does not end".to_owned());
        }
        rest = &rest[c.len_utf8()..];
        if c == '\\' && !raw {
            rest = escape(rest, bytes, &mut body)?;
        } else {
            body.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
    }
    let token = if bytes {
        Token::Bytes(body)
    } else {
        Token::Text(String::from_utf8(body).map_err(|_| "a text is no UTF-8")?)
    };
    Ok(Some((token, rest)))
}

fn escape<'a>(text: &'a str, bytes: bool, body: &mut Vec<u8>) -> Result<&'a str, String> {
    let unknown = || "an escape in a text is not known".to_owned();
    let c = text.chars().next().ok_or_else(unknown)?;
    let simple = match c {
        'n' => Some(b'\n'),
        't' => Some(b'\t'),
        'r' => Some(b'\r'),
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'v' => Some(11),
        '\\' | '"' | '\'' | '`' | '?' => Some(c as u8),
        _ => None,
    };
    if let Some(byte) = simple {
        body.push(byte);
        return Ok(&text[1..]);
    }
    let (skip, count, radix) = match c {
        'x' | 'X' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='3' => (0, 3, 8),
        _ => return Err(unknown()),
    };
    let digits = text.get(skip..skip + count).ok_or_else(unknown)?;
    let code = u32::from_str_radix(digits, radix).map_err(|_| unknown())?;
    if bytes && count < 4 {
        body.push(u8::try_from(code).map_err(|_| unknown())?);
    } else {
        let c = char::from_u32(code).ok_or_else(unknown)?;
        body.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
    Ok(&text[skip + count..])
}
