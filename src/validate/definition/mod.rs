//! CustomResourceDefinitions: what the server refuses of them beyond the types of their fields.
//!
//! Decided by `pkg/apis/apiextensions/validation` and `pkg/apiserver/schema` of `k8s.io/apiextensions-apiserver`.

mod schema;

use super::message::quote;
use super::problem::{At, Problem};
use crate::manifest::{Object, TypeKey, Value};
use crate::schema::{Catalog, Node};

/// The rule of definitions.
const RULE: &str = "crd-schema";

/// Says whether an object defines kinds.
pub(super) fn is_definition(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition" && object.api_version() == "apiextensions.k8s.io/v1"
}

/// What is found so far.
pub(super) struct Report {
    problems: Vec<Problem>,
}

impl Report {
    fn add(&mut self, at: At, pointer: &str, message: String) {
        self.problems.push(Problem::new(RULE, at, pointer, message));
    }

    fn value(&mut self, pointer: &str, message: impl Into<String>) {
        self.add(At::Value, pointer, message.into());
    }
}

/// Judges a definition; `kind` is the schema of definitions themselves.
pub(super) fn judge(object: &Object, kind: Node<'_>, catalog: &Catalog) -> Vec<Problem> {
    let mut report = Report { problems: Vec::new() };
    let spec = object.value().get("spec");
    let text = |path: &[&str]| spec.and_then(|spec| spec.path(path)).and_then(Value::as_str).unwrap_or_default();
    if spec.and_then(|spec| spec.get("preserveUnknownFields")).and_then(Value::as_bool) == Some(true) {
        report.value(
            "/spec/preserveUnknownFields",
            "`spec.preserveUnknownFields` must be false: set `x-kubernetes-preserve-unknown-fields` in the schema",
        );
    }
    if !text(&["names", "listKind"]).is_empty() && text(&["names", "listKind"]) == text(&["names", "kind"]) {
        report.value("/spec/names/listKind", "`spec.names.listKind` must differ from `spec.names.kind`");
    }
    conversion(spec, &mut report);
    let versions = spec.and_then(|spec| spec.get("versions")).and_then(Value::as_list).unwrap_or_default();
    let flag = |version: &Value, name: &str| version.get(name).and_then(Value::as_bool) == Some(true);
    let stored = versions.iter().filter(|version| flag(version, "storage")).count();
    if stored != 1 && !versions.is_empty() {
        report.add(
            At::Key,
            "/spec/versions",
            format!("exactly one version must be the one that is stored, got {stored}"),
        );
    }
    let of_schemas = kind.at("/spec/versions/0/schema/openAPIV3Schema");
    for (index, version) in versions.iter().enumerate() {
        let pointer = format!("/spec/versions/{index}");
        let name = version.get("name").and_then(Value::as_str).unwrap_or_default();
        let deprecated = flag(version, "deprecated");
        if let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) {
            let at = format!("{pointer}/deprecationWarning");
            if !deprecated {
                report.value(&at, "`deprecationWarning` may only be set for a version that is deprecated");
            } else if warning.is_empty() || warning.len() > 256 || warning.contains(char::is_control) {
                report.value(&at, "`deprecationWarning` must be a text of 1 to 256 printable bytes");
            }
        }
        columns(version, &pointer, &mut report);
        scale(version, &pointer, &mut report);
        let at = format!("{pointer}/schema/openAPIV3Schema");
        let whole = version.path(&["schema", "openAPIV3Schema"]).filter(|schema| !schema.is_null());
        // Of a version that is served it was said when the schema was read.
        if whole.is_none() && !flag(version, "served") {
            report.add(At::Key, &pointer, format!("version `{name}` has no `openAPIV3Schema`"));
        }
        let Some(whole) = whole.filter(|schema| schema.as_map().is_some()) else { continue };
        let key = TypeKey {
            group: text(&["group"]).to_owned(),
            version: name.to_owned(),
            kind: text(&["names", "kind"]).to_owned(),
        };
        let known = catalog.kind(&key).map(|kind| kind.root());
        let status = version.path(&["subresources", "status"]).is_some();
        schema::judge(whole, known, &at, &schema::Around { of_schemas, status }, &mut report);
        fields(version, known, &pointer, &mut report);
    }
    report.problems
}

fn conversion(spec: Option<&Value>, report: &mut Report) {
    let Some(conversion) = spec.and_then(|spec| spec.get("conversion")) else { return };
    let webhook = conversion.get("webhook").filter(|webhook| !webhook.is_null());
    let versions = webhook
        .and_then(|webhook| webhook.get("conversionReviewVersions"))
        .and_then(Value::as_list)
        .unwrap_or_default();
    let client = webhook.and_then(|webhook| webhook.get("clientConfig")).filter(|client| !client.is_null());
    if conversion.get("strategy").and_then(Value::as_str) == Some("Webhook") {
        let set = |name: &str| client.and_then(|client| client.get(name)).is_some_and(|value| !value.is_null());
        if set("url") == set("service") {
            report.add(
                At::Key,
                "/spec/conversion/webhook/clientConfig",
                "a webhook must have one of the fields `url`, `service`".to_owned(),
            );
        }
        if !versions.iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
            let message = "`conversionReviewVersions` must have one of `v1`, `v1beta1`".to_owned();
            report.add(At::Key, "/spec/conversion/webhook/conversionReviewVersions", message);
        }
    } else if client.is_some() || !versions.is_empty() {
        report.add(
            At::Key,
            "/spec/conversion/webhook",
            "a webhook may only be set with the strategy `Webhook`".to_owned(),
        );
    }
}

fn columns(version: &Value, pointer: &str, report: &mut Report) {
    const FORMATS: [&str; 8] = ["int32", "int64", "float", "double", "byte", "date", "date-time", "password"];
    let columns = version.get("additionalPrinterColumns").and_then(Value::as_list).unwrap_or_default();
    for (index, column) in columns.iter().enumerate() {
        let format = column.get("format").and_then(Value::as_str).unwrap_or_default();
        if !format.is_empty() && !FORMATS.contains(&format) {
            let at = format!("{pointer}/additionalPrinterColumns/{index}/format");
            report.value(
                &at,
                format!("the format of a column must be one of {}, got {}", FORMATS.join(", "), quote(format)),
            );
        }
    }
}

fn scale(version: &Value, pointer: &str, report: &mut Report) {
    let Some(scale) = version.path(&["subresources", "scale"]) else { return };
    let wanted: [(&str, &[&str]); 3] = [
        ("specReplicasPath", &[".spec."]),
        ("statusReplicasPath", &[".status."]),
        ("labelSelectorPath", &[".spec.", ".status."]),
    ];
    for (name, begins) in wanted {
        let Some(path) = scale.get(name).and_then(Value::as_str).filter(|path| !path.is_empty()) else { continue };
        if !begins.iter().any(|begin| path.starts_with(begin)) || path.contains(['[', ']']) {
            let at = format!("{pointer}/subresources/scale/{name}");
            let must = begins.iter().map(|begin| format!("`{begin}`")).collect::<Vec<_>>().join(" or ");
            report.value(&at, format!("`{name}` must be a path under {must} without brackets, got {}", quote(path)));
        }
    }
}

/// Fields by which lists may be filtered point to texts, whole numbers or flags of the schema.
fn fields(version: &Value, known: Option<Node<'_>>, pointer: &str, report: &mut Report) {
    use crate::schema::Kind;
    let fields = version.get("selectableFields").and_then(Value::as_list).unwrap_or_default();
    if fields.len() > 8 {
        report.value(&format!("{pointer}/selectableFields"), "at most 8 fields may be selected by");
    }
    let mut seen = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let Some(path) = field.get("jsonPath").and_then(Value::as_str).filter(|path| !path.is_empty()) else {
            continue;
        };
        let at = format!("{pointer}/selectableFields/{index}/jsonPath");
        if seen.contains(&path) {
            report.value(&at, format!("the field {} is selected twice", quote(path)));
        }
        seen.push(path);
        let node = known.and_then(|root| path.split('.').skip(1).try_fold(root, Node::field));
        let right = node.is_some_and(|node| matches!(node.kind(), Kind::String | Kind::Integer | Kind::Boolean));
        if known.is_some() && (!right || !path.starts_with('.') || path.starts_with(".metadata")) {
            report.value(&at, format!("{} must point to a text, whole number or flag of the schema", quote(path)));
        }
    }
}
