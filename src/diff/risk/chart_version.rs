//! `chart-version`: a chart moves to another major version, back, or comes to follow whatever is newest.
//!
//! Versions of charts are semantic ones (Helm documentation, "Charts"): another first number may take other values. Fields:
//! Flux `HelmRelease` and `OCIRepository`, Argo CD `Application` and `ApplicationSet`, the `HelmChart` of k3s.

use super::image::version;
use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "chart-version",
    severity: Severity::Warning,
    about: "a chart moves to another major version, back to an older one, or follows a range",
    check: Check::Edit(check),
};

/// A chart that an object names.
struct Chart<'a> {
    name: &'a str,
    version: Option<&'a str>,
    pointer: String,
}

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some(after) = edit.after else { return };
    let former = edit.former().map(charts).unwrap_or_default();
    for chart in charts(after) {
        let was = former.iter().find(|was| was.name == chart.name);
        if was.is_some_and(|was| was.version == chart.version) {
            continue;
        }
        let name = chart.name;
        if let Some(how) = follows(chart.version) {
            let message = format!("the chart `{name}` {how}: what is delivered changes without a commit");
            found.at(after, &chart.pointer, message).hint = Some("name one version".to_owned());
            continue;
        }
        let (Some(was), Some(is)) = (was.and_then(|was| was.version), chart.version) else { continue };
        let (Some(old), Some(new)) = (version(was), version(is)) else { continue };
        // Before 1.0 the second number is the one that breaks.
        let breaking = |of: [u64; 3]| if of[0] == 0 { (0, of[1]) } else { (of[0], 0) };
        if new < old {
            found.at(after, &chart.pointer, format!("the chart `{name}` goes back to an older version: {was} → {is}"));
        } else if breaking(old) != breaking(new) {
            let message = format!("the chart `{name}` moves to another major version: {was} → {is}");
            found.at(after, &chart.pointer, message).hint =
                Some("read its notes: values and what it makes may be others".to_owned());
        }
    }
}

/// Says how a version is none: a range, or nothing at all.
fn follows(version: Option<&str>) -> Option<String> {
    match version {
        None | Some("") => Some("names no version and follows the newest".to_owned()),
        Some(version) => {
            let parts = version.split(['.', '-', '+']);
            let wild = parts.into_iter().any(|part| matches!(part, "x" | "X" | "*"));
            let range = version.starts_with(['^', '~', '>', '<']) || version.contains([' ', '|', ',']);
            (wild || range).then(|| format!("follows the range `{version}`"))
        }
    }
}

fn charts(object: &Object) -> Vec<Chart<'_>> {
    let group = super::group(object);
    match (group, object.kind()) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => chart(object, "/spec/chart/spec", "chart", "version"),
        ("helm.cattle.io", "HelmChart") => chart(object, "/spec", "chart", "version"),
        ("argoproj.io", "Application") => sources(object, "/spec"),
        ("argoproj.io", "ApplicationSet") => sources(object, "/spec/template/spec"),
        _ => Vec::new(),
    }
}

fn sources<'a>(object: &'a Object, spec: &str) -> Vec<Chart<'a>> {
    let mut found = chart(object, &format!("{spec}/source"), "chart", "targetRevision");
    let several = object.value().at(&format!("{spec}/sources")).and_then(Value::as_list).map_or(0, <[Value]>::len);
    for at in 0..several {
        found.extend(chart(object, &format!("{spec}/sources/{at}"), "chart", "targetRevision"));
    }
    found
}

fn chart<'a>(object: &'a Object, pointer: &str, name: &str, version: &str) -> Vec<Chart<'a>> {
    let Some(spec) = object.value().at(pointer) else { return Vec::new() };
    let text = |key: &str| spec.get(key).and_then(Value::as_str);
    // A template's placeholder says nothing yet.
    let Some(name) = text(name).filter(|name| !name.contains("{{")) else { return Vec::new() };
    let written = text(version);
    if written.is_some_and(|written| written.contains("{{")) {
        return Vec::new();
    }
    vec![Chart { name, version: written, pointer: format!("{pointer}/{version}") }]
}
