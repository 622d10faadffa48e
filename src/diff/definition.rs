//! What changes in a CustomResourceDefinition, field by field: its schema is a thousand lines of which a handful matter.
//!
//! Each edit says whether the definition refuses afterwards what it took before. Decided by the Kubernetes documentation,
//! "Extend the Kubernetes API with CustomResourceDefinitions" and "Versions in CustomResourceDefinitions".

use super::text;
use crate::manifest::value::escape_token;
use crate::manifest::{Data, Object, Value};

/// One edit of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// What happens to what it is about.
    pub(super) sign: Sign,
    /// JSON pointer into the definition as it is afterwards.
    pub(super) pointer: String,
    /// The version, where it is about one of them.
    pub(super) version: Option<String>,
    /// The version as a whole: it comes, goes, is served or stored.
    pub(super) of_version: bool,
    /// One sentence.
    pub(super) message: String,
    /// What was taken is refused, dropped or not served.
    pub(super) tighter: bool,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Added,
    Removed,
    Changed,
}

impl Sign {
    /// As the first column of a diff has it.
    fn text(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '!',
        }
    }
}

impl Edit {
    /// As a line of a diff: `+ v1 spec.size (integer) is new`.
    pub(super) fn line(&self) -> String {
        let version = self.version.as_ref().filter(|_| !self.of_version).map(|name| format!("{name}: "));
        format!("{} {}{}", self.sign.text(), version.unwrap_or_default(), self.message)
    }
}

/// Schemas are deeper than this only when made to be.
const DEEPEST: usize = 64;

/// Says whether an object is a definition.
pub(super) fn is_definition(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition" && object.api_version().starts_with("apiextensions.k8s.io/")
}

/// Every edit from `before` to `after`, in the order of the versions.
pub(super) fn edits(before: &Object, after: &Object) -> Vec<Edit> {
    let mut edits = Vec::new();
    let of_all = |pointer: String, message: String, tighter: bool| Edit {
        sign: Sign::Changed,
        pointer,
        version: None,
        of_version: false,
        message,
        tighter,
    };
    for key in ["scope", "group"] {
        let value = |object: &Object| object.value().path(&["spec", key]).cloned();
        if value(before).is_some() && value(before) != value(after) {
            edits.push(of_all(format!("/spec/{key}"), format!("the {key} of the definition changes"), false));
        }
    }
    for (path, what) in [
        (&["spec", "names"][..], "names"),
        (&["spec", "conversion"], "conversion between versions"),
        (&["spec", "preserveUnknownFields"], "keeping of unknown fields"),
    ] {
        let value = |object: &Object| object.value().path(path).cloned();
        if value(before) != value(after) {
            edits.push(of_all(format!("/{}", path.join("/")), format!("the {what} of the definition changes"), false));
        }
    }
    for version in versions(before) {
        let name = name(version);
        let of_version = |sign, pointer: &str, message: String, tighter| Edit {
            sign,
            pointer: pointer.to_owned(),
            version: Some(name.to_owned()),
            of_version: true,
            message,
            tighter,
        };
        let Some((at, kept)) = versions(after).iter().enumerate().find(|(_, it)| self::name(it) == name) else {
            let message = format!("version `{name}` goes away");
            edits.push(of_version(Sign::Removed, "/spec/versions", message, true));
            continue;
        };
        let pointer = format!("/spec/versions/{at}");
        let flag = |of: &Value, key: &str| of.get(key).and_then(Value::as_bool).unwrap_or(false);
        for (key, off, on) in [
            ("served", "is no longer served", "comes to be served"),
            ("storage", "is no longer the one stored", "comes to be the one stored"),
            ("deprecated", "is no longer deprecated", "comes to be deprecated"),
        ] {
            let (was, is) = (flag(version, key), flag(kept, key));
            if was != is {
                let message = format!("version `{name}` {}", if is { on } else { off });
                let tighter = was && key != "deprecated";
                edits.push(of_version(Sign::Changed, &format!("{pointer}/{key}"), message, tighter));
            }
        }
        for (key, what) in [
            ("subresources", "subresources"),
            ("additionalPrinterColumns", "columns"),
            ("selectableFields", "selectable fields"),
        ] {
            if version.get(key) != kept.get(key) {
                let message = format!("the {what} of version `{name}` change");
                edits.push(of_version(Sign::Changed, &format!("{pointer}/{key}"), message, false));
            }
        }
        let schema = ["schema", "openAPIV3Schema"];
        if let (Some(old), Some(new)) = (version.path(&schema), kept.path(&schema)) {
            let mut walk = Walk { version: name, edits: Vec::new(), words: 0 };
            walk.compare(old, new, &format!("{pointer}/schema/openAPIV3Schema"), "", 0);
            let words = walk.words;
            edits.append(&mut walk.edits);
            if words > 0 {
                let message = format!("{words} description{} of version `{name}` change{}", plural(words), verb(words));
                edits.push(of_version(Sign::Changed, &pointer, message, false));
            }
        }
    }
    for (at, version) in versions(after).iter().enumerate() {
        let name = name(version);
        if !versions(before).iter().any(|it| self::name(it) == name) {
            let flag = |key: &str| version.get(key).and_then(Value::as_bool) == Some(true);
            let how = match (flag("served"), flag("storage")) {
                (true, true) => ", served and the one stored",
                (true, false) => ", served",
                (false, true) => ", the one stored",
                (false, false) => ", not served",
            };
            edits.push(Edit {
                sign: Sign::Added,
                pointer: format!("/spec/versions/{at}"),
                version: Some(name.to_owned()),
                of_version: true,
                message: format!("version `{name}` is new{how}"),
                tighter: false,
            });
        }
    }
    edits
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "s" } else { "" }
}

fn versions(definition: &Object) -> &[Value] {
    definition.value().path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default()
}

fn name(version: &Value) -> &str {
    version.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The type of a schema in a word.
fn kind_of(schema: &Value) -> String {
    let word = |key: &str| schema.get(key).and_then(Value::as_str);
    let on = |key: &str| schema.get(key).and_then(Value::as_bool) == Some(true);
    match word("type") {
        Some("array") => match schema.get("items") {
            Some(items) => format!("list of {}", kind_of(items)),
            None => "list".to_owned(),
        },
        Some(kind) => kind.to_owned(),
        None if on("x-kubernetes-int-or-string") => "integer or string".to_owned(),
        None => "any".to_owned(),
    }
}

/// A walk through the schemas of one version.
struct Walk<'a> {
    version: &'a str,
    edits: Vec<Edit>,
    /// Descriptions that change.
    words: usize,
}

impl Walk<'_> {
    fn say(&mut self, sign: Sign, pointer: String, message: String, tighter: bool) {
        let version = Some(self.version.to_owned());
        self.edits.push(Edit { sign, pointer, version, of_version: false, message, tighter });
    }

    /// Tells what differs at one schema and below it.
    fn compare(&mut self, old: &Value, new: &Value, pointer: &str, path: &str, depth: usize) {
        if depth > DEEPEST || old == new {
            return;
        }
        let here =
            if path.is_empty() { "the object".to_owned() } else { format!("`{}`", path.trim_start_matches('.')) };
        let at = |key: &str| format!("{pointer}/{key}");
        self.words += usize::from(old.get("description") != new.get("description"));
        let (was, is) = (kind_of(old), kind_of(new));
        let word = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
        let typed = |of: &Value| word(of, "type");
        if typed(old) != typed(new) {
            let tighter = typed(new).is_some() && !(was == "integer" && is == "number");
            self.say(Sign::Changed, at("type"), format!("{here} becomes {is}, was {was}"), tighter);
        }
        self.required(old, new, pointer, path);
        self.values(old, new, pointer, &here);
        self.limits(old, new, pointer, &here);
        for key in ["pattern", "format"] {
            match (word(old, key), word(new, key)) {
                (was, Some(is)) if was.as_ref() != Some(&is) => {
                    self.say(Sign::Changed, at(key), format!("{here} gets a new {key}"), true);
                }
                (Some(_), None) => self.say(Sign::Changed, at(key), format!("{here} loses its {key}"), false),
                _ => {}
            }
        }
        if old.get("default") != new.get("default") {
            let told = |of: &Value| of.get("default").map(|value| text::flow(&value.data));
            let message = match (told(old), told(new)) {
                (Some(was), Some(is)) => format!("the default of {here} becomes {is}, was {was}"),
                (None, Some(is)) => format!("{here} gets the default {is}"),
                (was, _) => format!("{here} loses its default {}", was.unwrap_or_default()),
            };
            self.say(Sign::Changed, at("default"), message, false);
        }
        self.rules(old, new, pointer, &here);
        self.flags(old, new, pointer, &here);
        self.properties(old, new, pointer, path, depth);
        for (key, sign) in [("items", "[]"), ("additionalProperties", "{}")] {
            if let (Some(was), Some(is)) = (old.get(key), new.get(key))
                && was.as_map().is_some()
                && is.as_map().is_some()
            {
                self.compare(was, is, &at(key), &format!("{path}{sign}"), depth + 1);
            }
        }
    }

    fn required(&mut self, old: &Value, new: &Value, pointer: &str, path: &str) {
        let (had, has) = (strings(old, "required"), strings(new, "required"));
        let field = |name: &str| format!("{path}.{name}").trim_start_matches('.').to_owned();
        for name in has.iter().filter(|name| !had.contains(name)) {
            let defaulted = new.path(&["properties", name.as_str(), "default"]).is_some();
            let message = format!("`{}` becomes required", field(name));
            self.say(Sign::Changed, format!("{pointer}/required"), message, !defaulted);
        }
        for name in had.iter().filter(|name| !has.contains(name)) {
            // What goes away is told as such.
            if new.path(&["properties", name.as_str()]).is_some() {
                let message = format!("`{}` is no longer required", field(name));
                self.say(Sign::Changed, format!("{pointer}/required"), message, false);
            }
        }
    }

    fn values(&mut self, old: &Value, new: &Value, pointer: &str, here: &str) {
        let (had, has) = (strings(old, "enum"), strings(new, "enum"));
        let listed =
            |values: Vec<&String>| values.into_iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        let mut say = |message: String, tighter| self.say(Sign::Changed, format!("{pointer}/enum"), message, tighter);
        match (had.is_empty(), has.is_empty()) {
            (true, false) => say(format!("{here} takes listed values only"), true),
            (false, true) => say(format!("{here} takes any value"), false),
            _ => {
                let gone: Vec<&String> = had.iter().filter(|value| !has.contains(value)).collect();
                let new: Vec<&String> = has.iter().filter(|value| !had.contains(value)).collect();
                if !gone.is_empty() {
                    say(format!("{here} no longer takes {}", listed(gone)), true);
                }
                if !new.is_empty() {
                    say(format!("{here} comes to take {}", listed(new)), false);
                }
            }
        }
    }

    fn limits(&mut self, old: &Value, new: &Value, pointer: &str, here: &str) {
        let number = |of: &Value, key: &str| match of.get(key).map(|value| &value.data) {
            Some(Data::Number(number)) => Some(number.as_f64()),
            _ => None,
        };
        for (key, lower) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("minProperties", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
            ("maxProperties", false),
        ] {
            let at = format!("{pointer}/{key}");
            match (number(old, key), number(new, key)) {
                (Some(was), Some(is)) if (was - is).abs() > f64::EPSILON => {
                    let tighter = if lower { is > was } else { is < was };
                    let was = if tighter { String::new() } else { format!(", was {was}") };
                    self.say(Sign::Changed, at, format!("`{key}` of {here} becomes {is}{was}"), tighter);
                }
                (None, Some(is)) => self.say(Sign::Changed, at, format!("`{key}` of {here} becomes {is}"), true),
                (Some(was), None) => {
                    self.say(Sign::Changed, at, format!("`{key}` of {here} goes away, was {was}"), false);
                }
                _ => {}
            }
        }
    }

    fn rules(&mut self, old: &Value, new: &Value, pointer: &str, here: &str) {
        let word = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
        let rules =
            |of: &Value| of.get("x-kubernetes-validations").and_then(Value::as_list).unwrap_or_default().to_vec();
        let texts = |of: &Value| -> Vec<Option<String>> { rules(of).iter().map(|rule| word(rule, "rule")).collect() };
        let told = |rule: &Value| word(rule, "message").or_else(|| word(rule, "rule")).unwrap_or_default();
        let at = format!("{pointer}/x-kubernetes-validations");
        let (known, kept) = (texts(old), texts(new));
        for rule in rules(new).iter().filter(|rule| !known.contains(&word(rule, "rule"))) {
            self.say(Sign::Changed, at.clone(), format!("{here} gets a new rule: {}", told(rule)), true);
        }
        for rule in rules(old).iter().filter(|rule| !kept.contains(&word(rule, "rule"))) {
            self.say(Sign::Changed, at.clone(), format!("{here} loses a rule: {}", told(rule)), false);
        }
    }

    fn flags(&mut self, old: &Value, new: &Value, pointer: &str, here: &str) {
        let on = |of: &Value, key: &str| of.get(key).and_then(Value::as_bool) == Some(true);
        for (key, word, on_is_tighter) in [
            ("nullable", "null", false),
            ("x-kubernetes-preserve-unknown-fields", "fields that are not listed", false),
            ("x-kubernetes-int-or-string", "an integer as well as a string", false),
        ] {
            let (was, is) = (on(old, key), on(new, key));
            if was != is {
                let verb = if is { "comes to take" } else { "no longer takes" };
                let message = format!("{here} {verb} {word}");
                self.say(Sign::Changed, format!("{pointer}/{key}"), message, is == on_is_tighter);
            }
        }
        for key in ["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"] {
            if old.get(key) != new.get(key) {
                let message = format!("{here} is merged in another way: `{key}` changes");
                self.say(Sign::Changed, format!("{pointer}/{key}"), message, false);
            }
        }
    }

    fn properties(&mut self, old: &Value, new: &Value, pointer: &str, path: &str, depth: usize) {
        let fields = |of: &'_ Value| of.get("properties").and_then(Value::as_map).cloned();
        let open = new.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
        let (was, is) = (fields(old).unwrap_or_default(), fields(new).unwrap_or_default());
        if fields(old).is_none() && fields(new).is_none() {
            return;
        }
        for (key, child) in &was {
            let below = format!("{path}.{}", key.as_str());
            match is.get(key.as_str()) {
                Some(now) => {
                    let pointer = format!("{pointer}/properties/{}", escape_token(key.as_str()));
                    self.compare(child, now, &pointer, &below, depth + 1);
                }
                None => {
                    let effect = if open { "is no longer described" } else { "goes away: its values are dropped" };
                    let message = format!("`{}` {effect}", below.trim_start_matches('.'));
                    self.say(Sign::Removed, format!("{pointer}/properties"), message, !open);
                }
            }
        }
        for (key, child) in &is {
            if was.get(key.as_str()).is_none() {
                let below = format!("{path}.{}", key.as_str());
                let default = child.get("default").map(|value| format!(", default {}", text::flow(&value.data)));
                let (name, kind) = (below.trim_start_matches('.'), kind_of(child));
                let message = format!("`{name}` is new ({kind}{})", default.unwrap_or_default());
                let pointer = format!("{pointer}/properties/{}", escape_token(key.as_str()));
                self.say(Sign::Added, pointer, message, false);
            }
        }
    }
}

/// The items of a list as words.
fn strings(of: &Value, key: &str) -> Vec<String> {
    let items = of.get(key).and_then(Value::as_list).unwrap_or_default();
    items.iter().map(|item| item.as_str().map_or_else(|| text::flow(&item.data), str::to_owned)).collect()
}
