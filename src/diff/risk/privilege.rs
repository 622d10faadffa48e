//! `privilege`: pods come to reach into their node.
//!
//! The fields are those that the "baseline" Pod Security Standard forbids (Kubernetes documentation).

use super::workload::{container, containers, pod};
use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "privilege",
    severity: Severity::Warning,
    about: "pods become privileged, or reach into their node's files, network or processes",
    check: Check::Edit(check),
};

/// What the baseline standard lets a container add.
const HARMLESS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some(after) = edit.after else { return };
    let Some((root, spec)) = pod(after) else { return };
    let former = edit.former().and_then(pod).map(|(_, spec)| spec);
    let on = |of: Option<&Value>, path: &[&str]| of.and_then(|it| it.path(path)).and_then(Value::as_bool) == Some(true);
    for (key, what) in [("hostNetwork", "network"), ("hostPID", "processes"), ("hostIPC", "shared memory")] {
        if on(Some(spec), &[key]) && !on(former, &[key]) {
            found.at(after, &format!("{root}/{key}"), format!("the pods come to share the node's {what}"));
        }
    }
    for (at, volume) in list(spec, "volumes").iter().enumerate() {
        let Some(path) = volume.path(&["hostPath", "path"]).and_then(Value::as_str) else { continue };
        let known = former.is_some_and(|former| {
            list(former, "volumes")
                .iter()
                .any(|it| it.path(&["hostPath", "path"]).and_then(Value::as_str) == Some(path))
        });
        if !known {
            found.at(
                after,
                &format!("{root}/volumes/{at}/hostPath"),
                format!("the pods come to mount `{path}` of the node"),
            );
        }
    }
    for (pointer, name, item) in containers(after) {
        let old = edit.former().and_then(|former| container(former, name));
        of_container(after, &pointer, name, item, old, found);
    }
}

fn of_container(after: &Object, pointer: &str, name: &str, item: &Value, old: Option<&Value>, found: &mut Found<'_>) {
    let on = |of: Option<&Value>, key: &str| {
        of.and_then(|it| it.path(&["securityContext", key])).and_then(Value::as_bool) == Some(true)
    };
    let context = format!("{pointer}/securityContext");
    if on(Some(item), "privileged") && !on(old, "privileged") {
        let message = format!("`{name}` becomes privileged: it may do on its node what root may");
        found.at(after, &format!("{context}/privileged"), message);
    }
    let added = |of: Option<&Value>| -> Vec<String> {
        let items = of.and_then(|it| it.path(&["securityContext", "capabilities", "add"])).and_then(Value::as_list);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let had = added(old);
    let new: Vec<String> = added(Some(item))
        .into_iter()
        .filter(|one| !had.contains(one) && !HARMLESS.contains(&one.trim_start_matches("CAP_")))
        .map(|one| format!("`{one}`"))
        .collect();
    if !new.is_empty() {
        found.at(
            after,
            &format!("{context}/capabilities/add"),
            format!("`{name}` gets the capability {}", new.join(", ")),
        );
    }
    for (at, port) in list(item, "ports").iter().enumerate() {
        let number = |of: &Value| of.get("hostPort").and_then(Value::as_i64).filter(|port| *port > 0);
        let known = |port: i64| old.is_some_and(|old| list(old, "ports").iter().any(|it| number(it) == Some(port)));
        if let Some(port) = number(port).filter(|port| !known(*port)) {
            found.at(
                after,
                &format!("{pointer}/ports/{at}/hostPort"),
                format!("`{name}` takes port {port} of its node"),
            );
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_list).unwrap_or_default()
}
