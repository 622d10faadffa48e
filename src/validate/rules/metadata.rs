//! `metadata`: what every object has there and the server refuses.
//!
//! Decided by apimachinery's `ValidateObjectMeta` (`pkg/api/validation/objectmeta.go`): labels, annotations, owners,
//! finalizers, generated names. Names by kind, as kube-apiserver 1.36.3 answered for each: most are DNS subdomains.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::{Data, Key, Map, Object, Value, value::escape_token};
use crate::schema::{Catalog, KindSource, Minor, Node};
use crate::validate::Subject;
use crate::validate::message::{path, quote};
use crate::validate::names;
use crate::validate::problem::{At, Problem};
use std::borrow::Cow;

pub(super) const RULE: Rule = Rule {
    id: "metadata",
    severity: Severity::Error,
    about: "a name, label, annotation, owner or finalizer has a form that the server refuses",
    check: Check::Object(check),
};

/// All keys and values of the annotations together (apimachinery, `TotalAnnotationSizeLimitB`).
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

fn check(subject: &Subject<'_>, catalog: &Catalog, findings: &mut Vec<Finding>) {
    // What is of no known kind may be a tool's configuration that looks like an object.
    let Some(kind) = subject.kind else { return };
    let object = subject.object;
    let key = object.type_key();
    let mut report = |pointer: &str, at: At, message: String| {
        findings.push(Problem::new(RULE.id, at, pointer, message).finding(object, RULE.severity));
    };
    match &*key.group {
        "authentication.k8s.io" => return,
        // Questions that are answered and not kept.
        "authorization.k8s.io" => return empty(object, &key.kind, &mut report),
        _ => {}
    }
    let custom = matches!(kind.source, KindSource::Definition | KindSource::Configured);
    name(object, catalog, &mut report);
    if let Some(namespace) = object.namespace().filter(|_| kind.namespaced)
        && let Some(reason) = names::label(namespace)
    {
        report("/metadata/namespace", At::Value, format!("`metadata.namespace` {reason}, got {}", quote(namespace)));
    }
    let generation = object.value().path(&["metadata", "generation"]).and_then(Value::as_i64);
    if generation.is_some_and(|generation| generation < 0) && !custom && keeps_generation(&key.group, &key.kind) {
        report("/metadata/generation", At::Value, "`metadata.generation` must not be negative".to_owned());
    }
    let free = custom || has_free_finalizers(&key.group, &key.kind);
    common(object, "/metadata", free, &mut report);
    if is_workload(object) {
        labels(object, "/spec/template/metadata/labels", &mut report);
        annotations(object, "/spec/template/metadata/annotations", &mut report);
    }
    if custom {
        embedded(kind.root(), object.value(), &mut String::new(), true, &mut |pointer| {
            inner(object, pointer, &mut report);
            common(object, &format!("{pointer}/metadata"), true, &mut report);
        });
    }
}

/// What is asked of the metadata of every object, also of one inside another.
fn common(object: &Object, pointer: &str, free: bool, report: Report<'_>) {
    labels(object, &format!("{pointer}/labels"), report);
    annotations(object, &format!("{pointer}/annotations"), report);
    let Some(metadata) = object.value().at(pointer).and_then(Value::as_map) else { return };
    owners(metadata, pointer, report);
    finalizers(metadata, pointer, free, report);
}

/// Finds the metadata of the objects that stand inside a custom one.
fn embedded(node: Node<'_>, value: &Value, pointer: &mut String, root: bool, found: &mut dyn FnMut(&str)) {
    if !root && node.is_embedded_resource() {
        found(pointer);
    }
    let length = pointer.len();
    let mut below = |node: Node<'_>, token: &str, value: &Value| {
        pointer.push('/');
        pointer.push_str(&escape_token(token));
        embedded(node, value, pointer, false, found);
        pointer.truncate(length);
    };
    match &value.data {
        Data::Map(map) => map.iter().for_each(|(key, value)| {
            if let Some(field) = node.field(key.as_str()).or_else(|| node.values()).filter(|field| !field.is_go_type())
            {
                below(field, key.as_str(), value);
            }
        }),
        Data::List(items) => {
            if let Some(of) = node.items() {
                items.iter().enumerate().for_each(|(index, item)| below(of, &index.to_string(), item));
            }
        }
        _ => {}
    }
}

/// Says why a text does not have a form.
type Refuses = fn(&str) -> Option<String>;

/// What is asked of an object inside another alone.
fn inner(object: &Object, pointer: &str, report: Report<'_>) {
    let Some(value) = object.value().at(pointer) else { return };
    if let Some(kind) = value.get("kind").and_then(Value::as_str).filter(|kind| !kind.is_empty())
        && let Some(reason) = names::label_1035(&kind.to_lowercase())
    {
        report(&format!("{pointer}/kind"), At::Value, format!("the kind {} {reason}", quote(kind)));
    }
    for field in ["apiVersion", "kind"] {
        if value.get(field).and_then(Value::as_str) == Some("") {
            let at = format!("{pointer}/{field}");
            report(&at, At::Value, format!("`{}` must not be empty", path(&at)));
        }
    }
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version.matches('/').count() > 1 {
        let at = format!("{pointer}/apiVersion");
        let message = format!("`{}` must be `group/version` or `version`, got {}", path(&at), quote(version));
        report(&at, At::Value, message);
    }
    let forms: [(&str, Refuses); 3] =
        [("name", names::path_segment), ("generateName", names::path_prefix), ("namespace", names::label)];
    for (field, refuses) in forms {
        let text = value.path(&["metadata", field]).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some((text, reason)) = text.and_then(|text| Some((text, refuses(text)?))) {
            let at = format!("{pointer}/metadata/{field}");
            report(&at, At::Value, format!("`{}` {reason}, got {}", path(&at), quote(text)));
        }
    }
    let managed = value.path(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default();
    for (index, entry) in managed.iter().enumerate() {
        let operation = entry.get("operation").and_then(Value::as_str).unwrap_or_default();
        if entry.as_map().is_some() && !matches!(operation, "Apply" | "Update") {
            let at = format!("{pointer}/metadata/managedFields/{index}");
            report(&at, At::Value, format!("`{}.operation` must be `Apply` or `Update`", path(&at)));
        }
    }
}

/// Reviews of access have no metadata, but for the namespace of a local one.
fn empty(object: &Object, kind: &str, report: Report<'_>) {
    if kind == "SelfSubjectRulesReview" {
        return;
    }
    let metadata = object.value().get("metadata").and_then(Value::as_map);
    let set = |(key, value): &(&Key, &Value)| {
        let zero = value.is_null() || value.as_str() == Some("") || value.as_i64() == Some(0) || is_empty(value);
        // The server sets these itself.
        !zero && !matches!(key.as_str(), "managedFields" | "selfLink" | "namespace" | "creationTimestamp")
    };
    if let Some((key, _)) = metadata.into_iter().flatten().find(set) {
        let pointer = format!("/metadata/{}", escape_token(key.as_str()));
        report(&pointer, At::Key, format!("{kind} must have no metadata, got `{}`", key.as_str()));
    }
}

fn is_empty(value: &Value) -> bool {
    match &value.data {
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
        _ => false,
    }
}

/// Reports something at a place.
type Report<'a> = &'a mut dyn FnMut(&str, At, String);

fn name(object: &Object, catalog: &Catalog, report: Report<'_>) {
    let Some(form) = name_form(object, catalog) else { return };
    if let Form::Made(expected) = &form {
        let wrong = [("name", object.name()), ("generateName", object.generate_name())];
        for (field, text) in
            wrong.into_iter().filter_map(|(field, text)| Some((field, text?))).filter(|(_, text)| text != expected)
        {
            let message = format!("`metadata.{field}` must be {}, got {}", quote(expected), quote(text));
            report(&format!("/metadata/{field}"), At::Value, message);
        }
        return;
    }
    if let Some(name) = object.name()
        && let Some(reason) = form.refuses(name)
    {
        report("/metadata/name", At::Value, format!("`metadata.name` {reason}, got {}", quote(name)));
    }
    if let Some(prefix) = object.generate_name() {
        prefixed(object, prefix, &form, report);
    }
}

/// What a name is to begin with: judged by itself for most kinds, and as the name that the server makes of it.
fn prefixed(object: &Object, prefix: &str, form: &Form, report: Report<'_>) {
    let key = object.type_key();
    // A dash at its end is followed by what is generated.
    let whole = match prefix.strip_suffix('-') {
        Some(rest) if prefix.len() > 1 => format!("{rest}a"),
        _ => prefix.to_owned(),
    };
    let by_itself = match (&*key.group, &*key.kind) {
        // Those that call apimachinery's `ValidateObjectMetaWithOpts` look at the name alone.
        ("resource.k8s.io", "DeviceClass") | ("", "ReplicationController") => names::path_prefix(prefix),
        // These ask more of the name that is made.
        ("batch", _) => names::subdomain(&whole),
        _ if matches!(form, Form::PathSegment) => names::path_prefix(prefix),
        _ => form.refuses(&whole),
    };
    // Five characters follow, the rest is cut off.
    let made = || {
        let end = (0..=prefix.len().min(58)).rev().find(|end| prefix.is_char_boundary(*end)).unwrap_or(0);
        format!("{}xxxxx", &prefix[..end])
    };
    let refused = by_itself.or_else(|| object.name().is_none().then(|| form.refuses(&made())).flatten());
    if let Some(reason) = refused {
        let message = format!("`metadata.generateName` {reason}, got {}", quote(prefix));
        report("/metadata/generateName", At::Value, message);
    }
}

fn labels(object: &Object, pointer: &str, report: Report<'_>) {
    let none = Map::new();
    let said = |text: &str| if object.is_secret() { String::new() } else { format!(" {}", quote(text)) };
    for (key, value) in object.value().at(pointer).and_then(Value::as_map).unwrap_or(&none) {
        let pointer = || format!("{pointer}/{}", escape_token(key.as_str()));
        if let Some(reason) = names::qualified(key.as_str()) {
            report(&pointer(), At::Key, format!("label key {} {reason}", quote(key.as_str())));
        }
        if let Some(text) = value.as_str()
            && let Some(reason) = names::label_value(text)
        {
            report(&pointer(), At::Value, format!("label value{} {reason}", said(text)));
        }
    }
}

fn annotations(object: &Object, pointer: &str, report: Report<'_>) {
    let Some(annotations) = object.value().at(pointer).and_then(Value::as_map) else { return };
    let mut bytes = 0;
    for (key, value) in annotations {
        bytes += key.as_str().len() + value.as_str().map_or(0, str::len);
        // The server lowers the case of annotation keys before it looks at them.
        let lower = key.as_str().bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let text = if lower { Cow::Borrowed(key.as_str()) } else { Cow::Owned(key.as_str().to_lowercase()) };
        if let Some(reason) = names::qualified(&text) {
            let pointer = format!("{pointer}/{}", escape_token(key.as_str()));
            report(&pointer, At::Key, format!("annotation key {} {reason}", quote(key.as_str())));
        }
    }
    if bytes > MOST_ANNOTATION_BYTES {
        let message = format!("annotations hold {bytes} bytes, the server takes {MOST_ANNOTATION_BYTES}");
        report(pointer, At::Key, message);
    }
}

fn owners(metadata: &Map, at: &str, report: Report<'_>) {
    let owners = metadata.get("ownerReferences").and_then(Value::as_list).unwrap_or_default();
    let mut controllers = 0;
    for (index, owner) in owners.iter().enumerate() {
        let pointer = format!("{at}/ownerReferences/{index}");
        let field_name = path(&pointer);
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        for field in ["apiVersion", "kind", "name", "uid"] {
            // What is of another type is said by the schema.
            let value = owner.get(field).filter(|value| !value.is_null());
            if (owner.as_map().is_some() || owner.is_null()) && value.is_none_or(|value| value.as_str() == Some("")) {
                let place = if value.is_some() { format!("{pointer}/{field}") } else { pointer.clone() };
                report(&place, At::Value, format!("`{field_name}.{field}` must not be empty"));
            }
        }
        let (version, kind) = (text("apiVersion"), text("kind"));
        if version.matches('/').count() > 1 || version.ends_with('/') {
            let must = "must be `group/version` or `version`";
            let message = format!("`{field_name}.apiVersion` {must}, got {}", quote(version));
            report(&format!("{pointer}/apiVersion"), At::Value, message);
        }
        if version == "v1" && kind == "Event" {
            report(&format!("{pointer}/kind"), At::Value, "an Event cannot own an object".to_owned());
        }
        controllers += usize::from(owner.get("controller").and_then(Value::as_bool) == Some(true));
        if controllers == 2 {
            let message = "only one owner can be the controller of an object".to_owned();
            report(&format!("{pointer}/controller"), At::Value, message);
        }
    }
}

/// The finalizers without a domain (core/v1, `IsStandardFinalizerName`).
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

fn finalizers(metadata: &Map, at: &str, free: bool, report: Report<'_>) {
    let finalizers = metadata.get("finalizers").and_then(Value::as_list).unwrap_or_default();
    for (index, value) in finalizers.iter().enumerate() {
        // An item that is null is an empty text.
        let Some(text) = value.as_str().or(value.is_null().then_some("")) else { continue };
        let pointer = format!("{at}/finalizers/{index}");
        if let Some(reason) = names::qualified(text) {
            report(&pointer, At::Value, format!("finalizer {} {reason}", quote(text)));
        } else if !free && !text.contains('/') && !STANDARD_FINALIZERS.contains(&text) {
            let message = format!("finalizer {} must have a domain: `example.com/{text}`", quote(text));
            report(&pointer, At::Value, message);
        }
    }
    let has = |name: &str| finalizers.iter().any(|value| value.as_str() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        let message = "the finalizers `orphan` and `foregroundDeletion` cannot be set together".to_owned();
        report(&format!("{at}/finalizers"), At::Key, message);
    }
}

/// Kinds of Kubernetes whose validation asks no domain of a finalizer (as kube-apiserver 1.36.3 answered for each).
fn has_free_finalizers(group: &str, kind: &str) -> bool {
    matches!(group, "apiextensions.k8s.io" | "apiregistration.k8s.io" | "admissionregistration.k8s.io")
        || matches!((group, kind), ("", "Event") | ("policy", "PodDisruptionBudget"))
        || matches!((group, kind), ("coordination.k8s.io", "Lease") | ("node.k8s.io", "RuntimeClass"))
}

/// Says whether the server judges the generation that a manifest names; for the other kinds it sets its own first (as
/// kube-apiserver 1.36.3 answered for each).
fn keeps_generation(group: &str, kind: &str) -> bool {
    match group {
        "" => !matches!(kind, "Pod" | "PodTemplate" | "ReplicationController"),
        "apps" => kind == "ControllerRevision",
        "networking.k8s.io" => matches!(kind, "ServiceCIDR" | "IPAddress"),
        "resource.k8s.io" => matches!(kind, "ResourceClaim" | "ResourceClaimTemplate"),
        "autoscaling" | "events.k8s.io" | "storage.k8s.io" | "apiregistration.k8s.io" | "certificates.k8s.io" => true,
        "rbac.authorization.k8s.io" | "coordination.k8s.io" | "node.k8s.io" => true,
        _ => false,
    }
}

/// The workloads whose pod template the server judges with them.
fn is_workload(object: &Object) -> bool {
    match object.api_version() {
        "apps/v1" => matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"),
        "batch/v1" => object.kind() == "Job",
        "v1" => object.kind() == "ReplicationController",
        _ => false,
    }
}

/// What the server takes as a name.
enum Form {
    /// A DNS subdomain of at most this many bytes.
    Subdomain(usize),
    /// A DNS label.
    Label,
    /// A DNS label that begins with a letter.
    Label1035,
    /// A DNS label when the number of the last pod follows.
    OfPods(i64),
    /// Anything that fits into a URL path.
    PathSegment,
    /// An IP address in its canonical form.
    Address,
    /// This text alone: it is made of the object's fields.
    Made(String),
}

fn name_form(object: &Object, catalog: &Catalog) -> Option<Form> {
    let key = object.type_key();
    let text = |path: &[&str]| object.value().path(path).and_then(Value::as_str).unwrap_or_default();
    Some(match (key.group.as_str(), key.kind.as_str()) {
        ("internal.apiserver.k8s.io", _) | ("", "Binding" | "ComponentStatus") => return None,
        ("coordination.k8s.io", "LeaseCandidate") => return None,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            Form::Made(format!("{}.{}", text(&["spec", "names", "plural"]), text(&["spec", "group"])))
        }
        ("apiregistration.k8s.io", "APIService") => {
            Form::Made(format!("{}.{}", text(&["spec", "version"]), text(&["spec", "group"])))
        }
        ("networking.k8s.io", "IPAddress") => Form::Address,
        // Since 1.36 they may begin with a digit (KEP-5311).
        ("", "Service") if Minor::parse(catalog.version()) < Minor::parse("1.36") => Form::Label1035,
        ("", "Namespace" | "Service") | ("apps", "StatefulSet") => Form::Label,
        ("batch", "Job") => {
            let spec = |name: &str| object.value().path(&["spec", name]);
            let indexed = spec("completionMode").and_then(Value::as_str) == Some("Indexed");
            match spec("completions").and_then(Value::as_i64).filter(|pods| indexed && *pods > 0) {
                Some(pods) => Form::OfPods(pods - 1),
                // The name is the value of a label of the pods.
                None => Form::Subdomain(63),
            }
        }
        ("", "Event") | ("policy", "PodDisruptionBudget") => Form::PathSegment,
        ("rbac.authorization.k8s.io" | "certificates.k8s.io", _) => Form::PathSegment,
        // Eleven characters are left for the name of the Job.
        ("batch", "CronJob") => Form::Subdomain(52),
        _ => Form::Subdomain(253),
    })
}

impl Form {
    fn refuses(&self, name: &str) -> Option<String> {
        match self {
            Self::PathSegment => names::path_segment(name),
            Self::Label => names::label(name),
            Self::Label1035 => names::label_1035(name),
            Self::OfPods(last) => names::subdomain(name).or_else(|| names::label(&format!("{name}-{last}"))),
            Self::Subdomain(most) if name.len() > *most => Some(format!("must be at most {most} bytes long")),
            Self::Subdomain(_) => names::subdomain(name),
            Self::Address => {
                let canonical = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_string() == name);
                (!canonical).then(|| "must be an IP address in its canonical form".to_owned())
            }
            Self::Made(_) => None,
        }
    }
}
