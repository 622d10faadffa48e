//! Functions on lists (`k8s.io/apiserver/pkg/cel/library/lists.go`, cel-go `ext.Sets`).

use super::super::evaluate::Budget;
use super::super::value::{Cel, Outcome, failed, no_overload};
use std::cmp::Ordering;
use std::rc::Rc;

/// A method of a list; `None` when there is no such.
pub(super) fn method<'a>(
    list: &Cel<'a>,
    name: &str,
    arguments: &[Cel<'a>],
    budget: &mut Budget,
) -> Option<Outcome<'a>> {
    let items = list.items().unwrap_or_default();
    if let Err(stop) = budget.spend(items.len()) {
        return Some(Err(stop));
    }
    let at = |found: Option<usize>| Some(Ok(Cel::Int(found.map_or(-1, |at| at as i64))));
    match (name, arguments) {
        ("isSorted", []) => {
            let sorted = items.windows(2).all(|pair| !matches!(pair[0].compare(&pair[1]), Some(Ordering::Greater)));
            Some(Ok(Cel::Bool(sorted)))
        }
        ("sum", []) => Some(sum(&items)),
        ("min", []) => Some(extreme(&items, "min", Ordering::Less)),
        ("max", []) => Some(extreme(&items, "max", Ordering::Greater)),
        ("indexOf", [item]) => at(items.iter().position(|other| other.equals(item))),
        ("lastIndexOf", [item]) => at(items.iter().rposition(|other| other.equals(item))),
        ("reverse", []) => Some(Ok(Cel::list(items.into_iter().rev().collect()))),
        ("first", []) => Some(Ok(Cel::Optional(items.into_iter().next().map(Rc::new)))),
        ("last", []) => Some(Ok(Cel::Optional(items.into_iter().next_back().map(Rc::new)))),
        ("slice", [Cel::Int(from), Cel::Int(to)]) => Some(slice(&items, *from, *to)),
        ("distinct", []) => Some(distinct(items, budget)),
        ("sort", []) => Some(sort(items, budget)),
        ("flatten", []) => Some(Ok(Cel::list(flatten(items, 1)))),
        ("flatten", [Cel::Int(depth)]) if *depth >= 0 => Some(Ok(Cel::list(flatten(items, *depth)))),
        ("join", []) => Some(join(&items, "", budget)),
        ("join", [Cel::Text(by)]) => Some(join(&items, by, budget)),
        _ => None,
    }
}

fn sum<'a>(items: &[Cel<'a>]) -> Outcome<'a> {
    let mut total = match items.first() {
        None | Some(Cel::Int(_)) => Cel::Int(0),
        Some(Cel::Uint(_)) => Cel::Uint(0),
        Some(Cel::Double(_)) => Cel::Double(0.0),
        Some(Cel::Duration(_)) => Cel::Duration(0),
        Some(other) => return no_overload(&format!("sum of {}", other.kind())),
    };
    for item in items {
        total = match (&total, item) {
            (Cel::Int(a), Cel::Int(b)) => match a.checked_add(*b) {
                Some(sum) => Cel::Int(sum),
                None => return failed("integer overflow"),
            },
            (Cel::Uint(a), Cel::Uint(b)) => match a.checked_add(*b) {
                Some(sum) => Cel::Uint(sum),
                None => return failed("integer overflow"),
            },
            (Cel::Double(a), Cel::Double(b)) => Cel::Double(a + b),
            (Cel::Duration(a), Cel::Duration(b)) => Cel::Duration(a + b),
            _ => return no_overload("sum of values of different types"),
        };
    }
    Ok(total)
}

fn extreme<'a>(items: &[Cel<'a>], name: &str, wanted: Ordering) -> Outcome<'a> {
    let mut items = items.iter();
    let Some(mut best) = items.next() else { return failed(format!("{name} called on empty list")) };
    for item in items {
        match item.compare(best) {
            Some(ordering) if ordering == wanted => best = item,
            Some(_) => {}
            None => return no_overload(&format!("{name} of values of different types")),
        }
    }
    Ok(best.clone())
}

fn join<'a>(items: &[Cel<'a>], by: &str, budget: &mut Budget) -> Outcome<'a> {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        let Cel::Text(part) = item else { return no_overload(&format!("join of {}", item.kind())) };
        budget.spend((part.len() + by.len()) / 8)?;
        if at > 0 {
            text.push_str(by);
        }
        text.push_str(part);
    }
    Ok(Cel::text(text))
}

fn slice<'a>(items: &[Cel<'a>], from: i64, to: i64) -> Outcome<'a> {
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let found = range.filter(|(from, to)| from <= to).and_then(|(from, to)| items.get(from..to));
    found.map_or_else(|| failed(format!("cannot slice({from}, {to})")), |found| Ok(Cel::list(found.to_vec())))
}

fn distinct<'a>(items: Vec<Cel<'a>>, budget: &mut Budget) -> Outcome<'a> {
    let mut kept: Vec<Cel<'a>> = Vec::new();
    for item in items {
        budget.spend(kept.len())?;
        if !kept.iter().any(|other| other.equals(&item)) {
            kept.push(item);
        }
    }
    Ok(Cel::list(kept))
}

fn sort<'a>(mut items: Vec<Cel<'a>>, budget: &mut Budget) -> Outcome<'a> {
    budget.spend(items.len() * 8)?;
    if items.windows(2).any(|pair| pair[0].compare(&pair[1]).is_none()) {
        return no_overload("sort of values that have no order");
    }
    items.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(Cel::list(items))
}

fn flatten<'a>(items: Vec<Cel<'a>>, depth: i64) -> Vec<Cel<'a>> {
    let mut flat = Vec::new();
    for item in items {
        match item.items() {
            Some(inner) if depth > 0 => flat.extend(flatten(inner, depth - 1)),
            _ => flat.push(item),
        }
    }
    flat
}

/// `lists.range(n)`.
pub(super) fn library<'a>(name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Option<Outcome<'a>> {
    let ("range", [Cel::Int(count)]) = (name, arguments) else { return None };
    let count = usize::try_from(*count).unwrap_or(0);
    Some(budget.spend(count).map(|()| Cel::list((0..count).map(|n| Cel::Int(n as i64)).collect())))
}

/// `sets.contains`, `sets.equivalent`, `sets.intersects`.
pub(super) fn sets<'a>(name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Option<Outcome<'a>> {
    let [one, two] = arguments else { return None };
    let (one, two) = (one.items()?, two.items()?);
    if let Err(stop) = budget.spend(one.len().saturating_mul(two.len())) {
        return Some(Err(stop));
    }
    let within =
        |items: &[Cel<'a>], all: &[Cel<'a>]| items.iter().all(|item| all.iter().any(|other| other.equals(item)));
    let holds = match name {
        "contains" => within(&two, &one),
        "equivalent" => within(&two, &one) && within(&one, &two),
        "intersects" => one.iter().any(|item| two.iter().any(|other| other.equals(item))),
        _ => return None,
    };
    Some(Ok(Cel::Bool(holds)))
}
