//! Expressions of the Common Expression Language (cel-spec, "Syntax"), with the macros that Kubernetes switches on.

use super::lex::{Token, words};

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Name(String),
    /// `of.field`, `of.?field`.
    Select {
        of: Box<Expr>,
        field: String,
        optional: bool,
    },
    /// `has(of.field)`.
    Has {
        of: Box<Expr>,
        field: String,
    },
    /// `of[at]`, `of[?at]`.
    Index {
        of: Box<Expr>,
        at: Box<Expr>,
        optional: bool,
    },
    /// `name(arguments)`, `receiver.name(arguments)`.
    Call {
        name: String,
        receiver: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
    /// Items; those with a `?` are left out where they are none.
    List(Vec<(Expr, bool)>),
    /// Entries; those with a `?` are left out where their value is none.
    Map(Vec<(Expr, Expr, bool)>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary {
        operator: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// A chain, so that a long one is not deep.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Condition {
        test: Box<Expr>,
        yes: Box<Expr>,
        no: Box<Expr>,
    },
    /// `over.all(name, body)` and its like.
    Loop {
        what: Loop,
        over: Box<Expr>,
        names: (String, Option<String>),
        filter: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    /// `of.optMap(name, body)`; flat: `optFlatMap`.
    Optional {
        of: Box<Expr>,
        name: String,
        body: Box<Expr>,
        flat: bool,
    },
}

/// An operator with two sides that are both evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro that goes through a list or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    /// `map`, `transformList`.
    List,
    /// `filter`: keeps the items themselves.
    Filter,
    /// `transformMap`.
    Map,
    /// `transformMapEntry`: each body is a map of what it adds.
    Entries,
}

/// How deep expressions may nest (cel-go refuses more than 250).
const DEEPEST: usize = 100;

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser { words: words(text)?, at: 0, depth: 0 };
    let expr = parser.expression()?;
    match parser.words.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(format!("{} is not expected here", said(token))),
    }
}

fn said(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Sign(sign) => format!("`{sign}`"),
        _ => "a literal".to_owned(),
    }
}

struct Parser {
    words: Vec<Token>,
    at: usize,
    depth: usize,
}

/// Names that cannot stand for a variable (cel-spec, `RESERVED`).
pub(super) const RESERVED: [&str; 15] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
];

impl Parser {
    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.words.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.sign(sign) {
            return Ok(());
        }
        match self.words.get(self.at) {
            Some(token) => Err(format!("`{sign}` is expected, not {}", said(token))),
            None => Err(format!("`{sign}` is expected at the end")),
        }
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it nests too deep".to_owned());
        }
        let test = self.or()?;
        let expr = if self.sign("?") {
            let yes = self.or()?;
            self.expect(":")?;
            let no = self.expression()?;
            Expr::Condition { test: test.into(), yes: yes.into(), no: no.into() }
        } else {
            test
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.and()?];
        while self.sign("||") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.relation()?];
        while self.sign("&&") {
            parts.push(self.relation()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn relation(&mut self) -> Result<Expr, String> {
        let mut left = self.sum()?;
        let mut links = 0;
        loop {
            let operator = match self.words.get(self.at) {
                Some(Token::Sign("==")) => Operator::Equal,
                Some(Token::Sign("!=")) => Operator::NotEqual,
                Some(Token::Sign("<")) => Operator::Less,
                Some(Token::Sign("<=")) => Operator::LessOrEqual,
                Some(Token::Sign(">")) => Operator::Greater,
                Some(Token::Sign(">=")) => Operator::GreaterOrEqual,
                Some(Token::Name(name)) if name == "in" => Operator::In,
                _ => return Ok(left),
            };
            self.at += 1;
            left = self.binary(operator, left, Self::sum, &mut links)?;
        }
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        let mut links = 0;
        loop {
            let operator = match self.words.get(self.at) {
                Some(Token::Sign("+")) => Operator::Add,
                Some(Token::Sign("-")) => Operator::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = self.binary(operator, left, Self::product, &mut links)?;
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        let mut links = 0;
        loop {
            let operator = match self.words.get(self.at) {
                Some(Token::Sign("*")) => Operator::Multiply,
                Some(Token::Sign("/")) => Operator::Divide,
                Some(Token::Sign("%")) => Operator::Remainder,
                _ => return Ok(left),
            };
            self.at += 1;
            left = self.binary(operator, left, Self::unary, &mut links)?;
        }
    }

    /// The right side of an operator; a chain of them is as deep as it is long.
    fn binary(
        &mut self,
        operator: Operator,
        left: Expr,
        next: fn(&mut Self) -> Result<Expr, String>,
        links: &mut usize,
    ) -> Result<Expr, String> {
        *links += 1;
        if self.depth + *links > DEEPEST {
            return Err("it nests too deep".to_owned());
        }
        let right = next(self)?;
        Ok(Expr::Binary { operator, left: left.into(), right: right.into() })
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it nests too deep".to_owned());
        }
        let expr = if self.sign("!") {
            Expr::Not(self.unary()?.into())
        } else if self.sign("-") {
            match self.unary()? {
                Expr::Int(i64::MIN) => Expr::Int(i64::MIN),
                Expr::Int(n) => Expr::Int(-n),
                Expr::Double(n) => Expr::Double(-n),
                other => Expr::Negative(other.into()),
            }
        } else {
            self.member()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn member(&mut self) -> Result<Expr, String> {
        let mut of = self.primary()?;
        let mut links = 0;
        loop {
            links += 1;
            if self.depth + links > DEEPEST {
                return Err("it nests too deep".to_owned());
            }
            if self.sign(".") {
                let optional = self.sign("?");
                let field = self.name()?;
                of = if !optional && self.sign("(") {
                    let arguments = self.arguments(")")?;
                    method(of, field, arguments)?
                } else {
                    Expr::Select { of: of.into(), field, optional }
                };
            } else if self.sign("[") {
                let optional = self.sign("?");
                let at = self.expression()?;
                self.expect("]")?;
                of = Expr::Index { of: of.into(), at: at.into(), optional };
            } else if matches!(self.words.get(self.at), Some(Token::Sign("{")))
                && matches!(of, Expr::Name(_) | Expr::Select { .. })
            {
                return Err("a message cannot be made in a rule".to_owned());
            } else {
                return Ok(of);
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(Token::Name(name)) = self.words.get(self.at) else {
            return Err("a name is expected".to_owned());
        };
        self.at += 1;
        Ok(name.clone())
    }

    fn arguments(&mut self, end: &str) -> Result<Vec<Expr>, String> {
        let mut arguments = Vec::new();
        if self.sign(end) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.sign(end) {
                return Ok(arguments);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let token = self.words.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(match token {
            Token::Int(n) => Expr::Int(n),
            Token::Uint(n) => Expr::Uint(n),
            Token::Double(n) => Expr::Double(n),
            Token::Text(text) => Expr::Text(text),
            Token::Bytes(bytes) => Expr::Bytes(bytes),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => self.list()?,
            Token::Sign("{") => self.map()?,
            Token::Sign(".") => {
                let name = self.name()?;
                Expr::Name(name)
            }
            Token::Name(name) => match &*name {
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "null" => Expr::Null,
                "in" => return Err("`in` is not expected here".to_owned()),
                _ if RESERVED.contains(&&*name) => return Err(format!("`{name}` is reserved")),
                _ if self.sign("(") => {
                    let arguments = self.arguments(")")?;
                    function(name, arguments)?
                }
                _ => Expr::Name(name),
            },
            Token::Sign(_) => return Err(format!("{} is not expected here", said(&token))),
        })
    }

    fn list(&mut self) -> Result<Expr, String> {
        let mut items = Vec::new();
        while !self.sign("]") {
            let optional = self.sign("?");
            items.push((self.expression()?, optional));
            if !self.sign(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Expr::List(items))
    }

    fn map(&mut self) -> Result<Expr, String> {
        let mut entries = Vec::new();
        while !self.sign("}") {
            let optional = self.sign("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?, optional));
            if !self.sign(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr::Map(entries))
    }
}

fn function(name: String, mut arguments: Vec<Expr>) -> Result<Expr, String> {
    if name == "has" {
        return match (arguments.pop(), arguments.is_empty()) {
            (Some(Expr::Select { of, field, optional: false }), true) => Ok(Expr::Has { of, field }),
            _ => Err("`has` takes one field: `has(self.field)`".to_owned()),
        };
    }
    Ok(Expr::Call { name, receiver: None, arguments })
}

/// A method, or the macro of that name and number of arguments.
fn method(of: Expr, name: String, arguments: Vec<Expr>) -> Result<Expr, String> {
    let count = arguments.len();
    let what = match (&*name, count) {
        ("all", 2 | 3) => Some((Loop::All, count - 1)),
        ("exists", 2 | 3) => Some((Loop::Exists, count - 1)),
        ("exists_one" | "existsOne", 2 | 3) => Some((Loop::ExistsOne, count - 1)),
        ("map", 2 | 3) => Some((Loop::List, 1)),
        ("filter", 2) => Some((Loop::Filter, 1)),
        ("transformList", 3 | 4) => Some((Loop::List, 2)),
        ("transformMap", 3 | 4) => Some((Loop::Map, 2)),
        ("transformMapEntry", 3 | 4) => Some((Loop::Entries, 2)),
        _ => None,
    };
    let variable = |expr: Expr| match expr {
        Expr::Name(name) => Ok(name),
        _ => Err(format!("`{name}` takes the name of a variable first")),
    };
    if let Some((what, names)) = what {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next().ok_or_else(|| format!("`{name}` lacks an argument"));
        let first = variable(next()?)?;
        let second = if names == 2 { Some(variable(next()?)?) } else { None };
        // `filter` keeps what its only argument holds for.
        let filter = if count > names + 1 { Some(Box::new(next()?)) } else { None };
        let body = Box::new(next()?);
        return Ok(Expr::Loop { what, over: of.into(), names: (first, second), filter, body });
    }
    if matches!(&*name, "optMap" | "optFlatMap") && count == 2 {
        let flat = name == "optFlatMap";
        let mut arguments = arguments.into_iter();
        let (Some(first), Some(body)) = (arguments.next(), arguments.next()) else {
            return Err("an argument lacks".to_owned());
        };
        return Ok(Expr::Optional { of: of.into(), name: variable(first)?, body: body.into(), flat });
    }
    Ok(Expr::Call { name, receiver: Some(of.into()), arguments })
}
