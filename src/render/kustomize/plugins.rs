//! Objects of `generators`, `transformers` and `validators` that configure what is built into kustomize.
//!
//! Everything else there is an exec or container plugin, and is refused by name. Decided by
//! `api/internal/plugins`.

use super::charts::Chart;
use super::config::spec_of;
use super::directives::{Generator, Image, Patch, Replica};
use super::fields::{Fields, Pair, Text};
use super::fieldspec::FieldSpec;
use super::filters::{Namespace, Subjects};
use super::generate::generate;
use super::loader::Loader;
use super::metadata::Configured;
use super::node::Node;
use super::patches;
use super::replacement::Replacement;
use super::resource::Resource;
use super::schema::Schema;
use super::steps::{Action, Step};
use super::stop::{Built, Stop};
use super::valueadd::ValueAdd;
use crate::finding::Finding;
use crate::manifest::{Origin, Value};

/// What a plugin's configuration is.
pub(super) enum Plugin {
    Generator(Vec<Resource>, Option<Configured>),
    Transformer(Box<Step>),
}

/// Configures the plugin that `resource` describes.
pub(super) fn load(resource: &Resource, loader: &Loader<'_>, schema: &Schema) -> Built<Plugin> {
    let place = resource.node.get("kind").and_then(|kind| kind.origin.clone());
    refuse_foreign(resource, place.as_ref())?;
    let value = super::output::value(&resource.node).map_err(|fault| Stop::fault(fault, place.as_ref()))?;
    let fields = Fields::new(&value, "", None)?;
    let configured = Configured::by(resource);
    let origin = resource.origin().cloned();
    let specs = || specs(&fields);
    let action = match resource.kind() {
        "ConfigMapGenerator" | "SecretGenerator" | "IAMPolicyGenerator" => {
            let made = generated(resource.kind(), &value, &fields, loader)?;
            return Ok(Plugin::Generator(made, configured));
        }
        "HelmChartInflationGenerator" => {
            let chart = Chart::of(&value, None, fields.text("chartHome")?)?;
            return Ok(Plugin::Generator(chart.inflate(loader, schema)?, configured));
        }
        "AnnotationsTransformer" => Action::Texts { pairs: fields.pairs("annotations")?, specs: specs()? },
        "LabelTransformer" => Action::Texts { pairs: fields.pairs("labels")?, specs: specs()? },
        "HashTransformer" => Action::Hash,
        "ImageTagTransformer" => {
            let image = fields.get("imageTag").map(|image| Image::of(image, false)).transpose()?.unwrap_or_default();
            Action::Image { image: Box::new(image), specs: specs()? }
        }
        "NamespaceTransformer" => Action::Namespace(Box::new(namespace(&fields)?)),
        "PatchJson6902Transformer" => {
            let mut patch = Patch::of(&value, false)?;
            patch.patch = fields.text("jsonOp")?;
            Action::Patch(patches::load_json(&patch, loader)?)
        }
        "PatchStrategicMergeTransformer" => {
            let mut entries = fields.texts("paths")?;
            let inline = fields.text("patches")?;
            if entries.is_empty() && inline.is_empty() {
                return Err(Stop::refused(
                    "a `PatchStrategicMergeTransformer` needs `paths` or `patches`",
                    place.as_ref(),
                ));
            }
            if !inline.is_empty() {
                entries.push(inline);
            }
            Action::Patch(patches::load_merges(&entries, loader)?)
        }
        "PatchTransformer" => Action::Patch(patches::load(&Patch::of(&value, false)?, loader)?),
        "PrefixTransformer" => affix(&fields, "prefix", place.as_ref())?,
        "SuffixTransformer" => affix(&fields, "suffix", place.as_ref())?,
        "PrefixSuffixTransformer" => {
            Action::All(vec![affix(&fields, "prefix", place.as_ref())?, affix(&fields, "suffix", place.as_ref())?])
        }
        "ReplacementTransformer" => {
            let mut all = Vec::new();
            for replacement in fields.list("replacements")? {
                all.extend(Replacement::of(replacement, false)?.loaded(loader)?);
            }
            Action::Replacements(all)
        }
        "ReplicaCountTransformer" => {
            let replica = fields.get("replica").map(|replica| Replica::of(replica, false)).transpose()?;
            Action::Replicas { replica: replica.unwrap_or_default(), specs: specs()? }
        }
        "ValueAddTransformer" => Action::ValueAdd(ValueAdd::of(&fields, loader)?),
        other => {
            return Err(Stop::refused(format!("kustomize has no built-in plugin `{other}`"), place.as_ref()));
        }
    };
    Ok(Plugin::Transformer(Box::new(Step { action, origin, configured })))
}

/// Only what is built into kustomize runs here.
fn refuse_foreign(resource: &Resource, place: Option<&Origin>) -> Built<()> {
    let kind = resource.kind();
    let function = ["config.kubernetes.io/function", "config.k8s.io/function"];
    let setting =
        "only built-in plugins run unless `render.kustomize.allow-plugins` is set in the trusted `mergeline.yaml`";
    let message = if function.iter().any(|key| resource.annotation(key).is_some()) {
        format!("`{kind}` is an exec or container plugin (`config.kubernetes.io/function`)")
    } else if resource.api_version() != "builtin" {
        format!("`{kind}` of `{}` is a plugin that is not built in", resource.api_version())
    } else {
        return Ok(());
    };
    let finding = Finding::error(super::loader::PLUGIN, message).at(place.map(Origin::place));
    Err(Stop::because(finding.hint(setting)))
}

fn specs(fields: &Fields<'_>) -> Built<Vec<FieldSpec>> {
    let one = |spec: &Value| spec_of(spec, false).map_err(|fault| Stop::fault(fault, spec.origin.as_ref()));
    fields.list("fieldSpecs")?.iter().map(one).collect()
}

fn affix(fields: &Fields<'_>, name: &str, place: Option<&Origin>) -> Built<Action> {
    if fields.get("fieldSpecs").is_none() {
        return Err(Stop::refused(format!("a transformer with `{name}` needs `fieldSpecs`"), place));
    }
    Ok(Action::Affix { affix: fields.text(name)?, is_prefix: name == "prefix", specs: specs(fields)? })
}

fn namespace(fields: &Fields<'_>) -> Built<Namespace> {
    let mut namespace =
        Namespace { specs: specs(fields)?, unset_only: fields.flag("unsetOnly")?, ..Namespace::default() };
    if let Some(metadata) = fields.get("metadata") {
        namespace.namespace = Fields::new(metadata, "metadata", None)?.text("namespace")?;
    }
    let subjects = fields.text("setRoleBindingSubjects")?;
    namespace.subjects = match subjects.text.as_str() {
        "" | "defaultOnly" => Subjects::Default,
        "allServiceAccounts" => Subjects::ServiceAccounts,
        "none" => Subjects::None,
        _ => {
            let message = "`setRoleBindingSubjects` must be `defaultOnly`, `allServiceAccounts` or `none`";
            return Err(Stop::refused(message, subjects.origin.as_ref()));
        }
    };
    Ok(namespace)
}

fn generated(kind: &str, value: &Value, fields: &Fields<'_>, loader: &Loader<'_>) -> Built<Vec<Resource>> {
    if kind == "IAMPolicyGenerator" {
        return iam_policy(fields).map(|resource| vec![resource]);
    }
    let is_secret = kind == "SecretGenerator";
    let what = if is_secret { "secretGenerator" } else { "configMapGenerator" };
    let mut generator = Generator::of(value, what, false)?;
    if let Some(metadata) = fields.get("metadata") {
        let metadata = Fields::new(metadata, "metadata", None)?;
        if generator.name.is_empty() {
            generator.name = metadata.text("name")?;
        }
        if generator.namespace.is_empty() {
            generator.namespace = metadata.text("namespace")?;
        }
    }
    generate(&generator, is_secret, loader).map(|resource| vec![resource])
}

/// A service account that is bound to one of Google Cloud.
fn iam_policy(fields: &Fields<'_>) -> Built<Resource> {
    let cloud = fields.text("cloud")?;
    if cloud.text != "gke" {
        return Err(Stop::refused("an `IAMPolicyGenerator` needs `cloud: gke`", cloud.origin.as_ref()));
    }
    let nested = |name: &str, key: &str| -> Built<Text> {
        match fields.get(name) {
            Some(value) => Fields::new(value, name, None)?.text(key),
            None => Ok(Text::default()),
        }
    };
    let origin = fields.origin();
    let name = nested("kubernetesService", "name")?;
    let namespace = nested("kubernetesService", "namespace")?;
    let account = format!(
        "{}@{}.iam.gserviceaccount.com",
        nested("serviceAccount", "name")?.text,
        nested("serviceAccount", "projectId")?.text
    );
    let mut node = Node::map(Vec::new(), origin.clone());
    let text = |text: &Text| Node::untagged(text.text.as_str(), text.origin.clone());
    let build = |node: &mut Node| -> Result<(), super::node::Fault> {
        node.set("apiVersion", Node::string("v1", origin.clone()), origin.as_ref())?;
        node.set("kind", Node::string("ServiceAccount", origin.clone()), origin.as_ref())?;
        let metadata = node.map_at("metadata", origin.as_ref())?;
        let annotations = metadata.map_at("annotations", origin.as_ref())?;
        annotations.set("iam.gke.io/gcp-service-account", Node::string(account, origin.clone()), origin.as_ref())?;
        metadata.set("name", text(&name), name.origin.as_ref())?;
        if !namespace.is_empty() {
            metadata.set("namespace", text(&namespace), namespace.origin.as_ref())?;
        }
        Ok(())
    };
    build(&mut node).map_err(|fault| Stop::fault(fault, fields.origin().as_ref()))?;
    Ok(Resource::new(node))
}

/// The pairs of a map of texts, for steps that kustomize makes itself.
pub(super) fn pair(key: &str, value: &str) -> Pair {
    let text = |text: &str| Text { text: text.to_owned(), origin: None };
    Pair { key: text(key), value: text(value) }
}
