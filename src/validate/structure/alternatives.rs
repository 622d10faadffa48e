//! `allOf`, `anyOf`, `oneOf` and `not`: which forms of a definition a value fits, and what is said of one that fits none.

use super::{SCHEMA, Walk};
use crate::manifest::Value;
use crate::schema::{Node, Schema};
use crate::validate::message::{field, names};
use crate::validate::problem::At;

impl Walk {
    pub(super) fn alternatives(&mut self, node: Node<'_>, schema: &Schema, value: &Value) {
        // The two spellings of int-or-string say nothing that its type has not said.
        let is_type = schema.int_or_string;
        for part in &schema.all_of {
            self.in_part(|walk| walk.value(node.part(part), value));
        }
        if !schema.any_of.is_empty() && !is_type {
            let fits = schema.any_of.iter().filter(|part| self.fits(node.part(part), value)).count();
            if fits == 0 {
                self.no_alternative(node, &schema.any_of, value, "at least one");
            }
        }
        if !schema.one_of.is_empty() && !is_type {
            let fits = schema.one_of.iter().filter(|part| self.fits(node.part(part), value)).count();
            match fits {
                1 => {}
                0 => self.no_alternative(node, &schema.one_of, value, "exactly one"),
                _ => self.too_many(&schema.one_of, value, fits),
            }
        }
        if let Some(not) = &schema.not
            && self.fits(node.part(not), value)
        {
            let message = format!("{} has a form that its definition excludes", field(&self.pointer));
            let forbidden = (!not.required.is_empty())
                .then(|| format!("not all of {} may be set together", names(not.required.iter().map(|name| &**name))));
            self.problem(SCHEMA, At::Value, message, forbidden);
        }
    }

    fn in_part(&mut self, go: impl FnOnce(&mut Self)) {
        let was = std::mem::replace(&mut self.part, true);
        go(self);
        self.part = was;
    }

    fn fits(&mut self, node: Node<'_>, value: &Value) -> bool {
        let before = self.problems.len();
        self.in_part(|walk| walk.value(node, value));
        let fits = self.problems.len() == before;
        self.problems.truncate(before);
        fits
    }

    /// None of the alternatives fits: says which fields would do, or what the only candidate lacks, or just that.
    fn no_alternative(&mut self, node: Node<'_>, parts: &[Schema], value: &Value, how_many: &str) {
        if let Some(fields) = single_fields(parts) {
            let message = format!("{} must have {how_many} of the fields {}", field(&self.pointer), names(fields));
            self.problem(SCHEMA, At::Value, message, None);
            return;
        }
        if let [only] = parts {
            self.in_part(|walk| walk.value(node.part(only), value));
            return;
        }
        let count = parts.len();
        let message = format!("{} fits none of the {count} forms that its definition allows", field(&self.pointer));
        self.problem(SCHEMA, At::Value, message, None);
    }

    fn too_many(&mut self, parts: &[Schema], value: &Value, fits: usize) {
        let set: Option<Vec<&str>> =
            single_fields(parts).map(|fields| fields.into_iter().filter(|name| value.get(name).is_some()).collect());
        let message = match set {
            Some(set) => format!("{} must have only one of the fields {}", field(&self.pointer), names(set)),
            None => format!("{} fits {fits} forms, of which its definition allows one at a time", field(&self.pointer)),
        };
        self.problem(SCHEMA, At::Value, message, None);
    }
}

/// The fields, when each alternative is the presence of one.
fn single_fields(parts: &[Schema]) -> Option<Vec<&str>> {
    parts.iter().map(|part| if let [name] = &part.required[..] { Some(&**name) } else { None }).collect()
}
