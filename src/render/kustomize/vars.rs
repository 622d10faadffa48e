//! Variables: `$(NAME)` in some fields stands for a field of a resource.
//!
//! Deprecated in kustomize and still used. Decided by `api/filters/refvar` and `api/internal/accumulator`.

use super::config::Config;
use super::directives::Var;
use super::fieldspec::{FieldSpec, split_with_brackets};
use super::ids::Gvk;
use super::matcher;
use super::node::{Fault, Kind, Node};
use super::resmap::ResMap;
use super::scalar::{Scalar, Style, Tag, shortest};
use super::stop::{Built, Stop};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// Variables by name.
pub(super) type Vars = BTreeMap<String, Var>;

/// Adds the variables of a kustomization, and notes which resource each is a field of.
pub(super) fn merge(vars: &mut Vars, incoming: &[Var], map: &mut ResMap) -> Built<()> {
    for var in incoming {
        let matches = |id: &super::ids::Id| {
            let namespace =
                if var.namespace.is_empty() || var.namespace == "default" { "default" } else { &var.namespace };
            id.name == var.object
                && id.gvk == var.gvk
                && (var.namespace.is_empty() || id.effective_namespace() == namespace)
        };
        let candidates = map.by_name(&var.object).to_vec();
        let found: Vec<usize> = candidates
            .into_iter()
            .filter(|at| {
                let resource = &map.resources()[*at];
                let now = super::ids::Id {
                    gvk: resource.gvk(),
                    name: resource.name().to_owned(),
                    namespace: resource.namespace().to_owned(),
                    cluster_scoped: false,
                };
                !resource.node.is_empty() && (matches(&now) || resource.previous_ids().any(|id| matches(&id)))
            })
            .collect();
        if found.len() > 1 {
            let message = format!("the variable `{}` could be a field of {} resources", var.name.text, found.len());
            return Err(Stop::refused(message, var.origin.as_ref()));
        }
        if let Some(at) = found.first() {
            map.contents_mut()[*at].variables.push(var.name.text.clone());
        }
    }
    incoming.iter().try_for_each(|var| add(vars, var))
}

/// Adds a variable.
pub(super) fn add(vars: &mut Vars, var: &Var) -> Built<()> {
    if vars.contains_key(&var.name.text) {
        return Err(Stop::refused(format!("the variable `{}` is there twice", var.name.text), var.origin.as_ref()));
    }
    vars.insert(var.name.text.clone(), var.clone());
    Ok(())
}

/// How many bytes of values one build may write.
const WRITTEN: usize = 64 << 20;

/// Puts values in the place of all variables.
pub(super) fn resolve(map: &mut ResMap, vars: &Vars, config: &Config) -> Built<()> {
    let mut values: HashMap<&str, Node> = HashMap::new();
    for (name, var) in vars {
        let stop = |message: String| Stop::refused(message, var.origin.as_ref());
        let holder = map.resources().iter().find(|resource| resource.variables.iter().any(|own| own == name));
        let holder = holder.ok_or_else(|| stop(format!("the variable `{name}` is a field of no resource")))?;
        let path = with_indices(&var.field_path);
        let value = matcher::lookup(&holder.node, &path).ok().flatten();
        let value = value.ok_or_else(|| stop(format!("the variable `{name}`: `{}` is not there", var.field_path)))?;
        let number = |fits: bool| {
            if fits {
                Ok(())
            } else {
                Err(stop(format!("the variable `{name}` is of a type that kustomize cannot read")))
            }
        };
        if let Kind::Scalar(scalar) = &value.kind {
            match scalar.tag {
                Tag::Int => number(scalar.text.parse::<i64>().is_ok())?,
                Tag::Float => number(scalar.text.parse::<f64>().is_ok())?,
                _ => {}
            }
        }
        values.insert(name, value.clone());
    }
    if values.is_empty() {
        return Ok(());
    }
    let values = Values { nodes: values, budget: Cell::new(WRITTEN) };
    let mut by_kind: HashMap<Gvk, Vec<&FieldSpec>> = HashMap::new();
    for resource in map.contents_mut() {
        let specs = by_kind
            .entry(resource.gvk())
            .or_insert_with_key(|gvk| config.var_reference.iter().filter(|spec| spec.is_for(gvk)).collect());
        for spec in specs.iter() {
            let resolved = spec.visit(&mut resource.node, None, None, &mut |node| set(node, &values));
            resolved.map_err(|fault| Stop::fault(fault, resource.origin()))?;
        }
        resource.settle();
    }
    Ok(())
}

/// `a[0].b` as the parts `a`, `0`, `b`.
fn with_indices(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in split_with_brackets(path) {
        let indexed = part.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match indexed.filter(|(_, index)| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())) {
            None => parts.push(part),
            Some((name, index)) => {
                if !name.is_empty() {
                    parts.push(name.to_owned());
                }
                parts.push(index.to_owned());
            }
        }
    }
    parts
}

fn is_string(node: &Node) -> bool {
    node.as_scalar().is_some_and(|scalar| matches!(scalar.tag, Tag::Str | Tag::Unset))
}

/// The values of variables, and how many bytes of them may still be written.
struct Values<'a> {
    nodes: HashMap<&'a str, Node>,
    budget: Cell<usize>,
}

fn set(node: &mut Node, values: &Values<'_>) -> Result<(), Fault> {
    if node.is_null() {
        return Ok(());
    }
    match &mut node.kind {
        Kind::Scalar(_) => {
            if is_string(node) {
                replace(node, values)?;
            }
            Ok(())
        }
        Kind::Map(_) => {
            for entry in node.entries_mut().into_iter().flatten().filter(|entry| is_string(&entry.value)) {
                replace(&mut entry.value, values)?;
            }
            Ok(())
        }
        Kind::List(_) => node.items_mut().into_iter().flatten().try_for_each(|item| {
            if !is_string(item) {
                return Err("a list in which variables stand may hold nothing but strings".to_owned());
            }
            replace(item, values)
        }),
    }
}

fn replace(node: &mut Node, values: &Values<'_>) -> Result<(), Fault> {
    let Kind::Scalar(scalar) = &mut node.kind else { return Ok(()) };
    let tie = scalar.tie;
    let (text, tag) = expanded(&scalar.text, values)?;
    *scalar = Scalar { tie, ..Scalar::new(text, tag, Style::Plain) };
    Ok(())
}

/// A text with its variables replaced; a text that is one variable takes the type of its value.
///
/// # Errors
/// When the values of all variables together grow too large.
fn expanded(input: &str, values: &Values<'_>) -> Result<(String, Tag), Fault> {
    let mut output = String::with_capacity(input.len());
    let mut rest = input;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        let Some(next) = after.chars().next() else { break };
        output.push_str(&rest[..at]);
        if next == '$' {
            output.push('$');
            rest = &after[1..];
        } else if let Some(end) = after.find(')').filter(|_| next == '(') {
            let name = &after[1..end];
            let (text, tag) = value_of(name, &values.nodes);
            let left = values.budget.get().checked_sub(text.len());
            values.budget.set(left.ok_or("the values of variables grow too large")?);
            if input.len() == name.len() + 3 {
                return Ok((text, tag));
            }
            output.push_str(&text);
            rest = &after[end + 1..];
        } else {
            output.push('$');
            output.push(next);
            rest = &after[next.len_utf8()..];
        }
    }
    output.push_str(rest);
    Ok((output, Tag::Str))
}

fn value_of(name: &str, values: &HashMap<&str, Node>) -> (String, Tag) {
    let unknown = || (format!("$({name})"), Tag::Str);
    let Some(scalar) = values.get(name).and_then(Node::as_scalar) else { return unknown() };
    let text = scalar.text.clone();
    match scalar.tag {
        Tag::Int => (text.trim_start_matches('+').to_owned(), Tag::Int),
        Tag::Float => (text.parse::<f64>().map(shortest).unwrap_or(text), Tag::Float),
        Tag::Bool => (text.to_lowercase(), Tag::Bool),
        _ => (text, Tag::Str),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_escapes_kept() {
        let nodes = HashMap::from([
            ("A", Node::string("x", None)),
            ("N", Node::scalar(Scalar::new("5", Tag::Int, Style::Plain), None)),
        ]);
        let values = Values { nodes, budget: Cell::new(WRITTEN) };
        for (text, expected) in [
            ("$(A)", ("x", Tag::Str)),
            ("$(N)", ("5", Tag::Int)),
            ("a$(A)b$(N)", ("axb5", Tag::Str)),
            ("$$(A)", ("$(A)", Tag::Str)),
            ("$(B) $x $", ("$(B) $x $", Tag::Str)),
            ("$(A", ("$(A", Tag::Str)),
        ] {
            assert_eq!(expanded(text, &values), Ok((expected.0.to_owned(), expected.1)), "{text}");
        }
        assert_eq!(with_indices("spec.a[0].b"), ["spec", "a", "0", "b"]);
    }
}
