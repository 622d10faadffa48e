//! A kustomization file as kustomize understands it: every field typed and placed, old forms brought up to date.
//!
//! Decided by `api/types` (`Kustomization.Unmarshal`, `FixKustomization`, `EnforceFields`, `CheckEmpty`).

use super::charts::Chart;
use super::config::spec_of;
use super::fields::{Fields, Pair, Text};
use super::fieldspec::FieldSpec;
use super::ids::Gvk;
use super::replacement::Replacement;
use super::selector::SelectorTexts;
use super::stop::{Built, Stop};
use crate::finding::{Finding, Severity};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Map, Origin, Value};

/// A kustomization.
#[derive(Debug, Clone, Default)]
pub(super) struct Directives {
    pub(super) file: String,
    /// What is worth saying although kustomize builds it: deprecated fields, keys that are set twice.
    pub(super) notes: Vec<Finding>,
    pub(super) is_component: bool,
    pub(super) openapi_path: Option<Text>,
    pub(super) openapi_version: Option<Text>,
    pub(super) name_prefix: Text,
    pub(super) name_suffix: Text,
    pub(super) namespace: Text,
    pub(super) common_labels: Vec<Pair>,
    pub(super) labels: Vec<Label>,
    pub(super) has_labels: bool,
    pub(super) common_annotations: Vec<Pair>,
    pub(super) patches_strategic_merge: Vec<Text>,
    pub(super) patches_json: Vec<Patch>,
    pub(super) patches: Vec<Patch>,
    pub(super) images: Vec<Image>,
    pub(super) replacements: Vec<Replacement>,
    pub(super) replicas: Vec<Replica>,
    pub(super) vars: Vec<Var>,
    pub(super) sort: Option<Sort>,
    pub(super) resources: Vec<Text>,
    pub(super) components: Vec<Text>,
    pub(super) crds: Vec<Text>,
    pub(super) config_maps: Vec<Generator>,
    pub(super) secrets: Vec<Generator>,
    pub(super) charts: Vec<Chart>,
    pub(super) configurations: Vec<Text>,
    pub(super) generators: Vec<Text>,
    pub(super) transformers: Vec<Text>,
    pub(super) validators: Vec<Text>,
    pub(super) build_metadata: Vec<Text>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    pub(super) pairs: Vec<Pair>,
    pub(super) selectors: bool,
    pub(super) templates: bool,
    pub(super) fields: Vec<FieldSpec>,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Patch {
    pub(super) path: Text,
    pub(super) patch: Text,
    pub(super) target: Option<SelectorTexts>,
    pub(super) allow_name_change: bool,
    pub(super) allow_kind_change: bool,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) name: Text,
    pub(super) new_name: Text,
    pub(super) tag_suffix: Text,
    pub(super) new_tag: Text,
    pub(super) digest: Text,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Replica {
    pub(super) name: Text,
    pub(super) count: i64,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Var {
    pub(super) name: Text,
    pub(super) gvk: Gvk,
    pub(super) object: String,
    pub(super) namespace: String,
    pub(super) field_path: String,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Sort {
    pub(super) order: String,
    pub(super) legacy: Option<(Vec<String>, Vec<String>)>,
    pub(super) origin: Option<Origin>,
}

/// A generator of a ConfigMap or Secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Generator {
    pub(super) name: Text,
    pub(super) namespace: Text,
    pub(super) behavior: Text,
    pub(super) literals: Vec<Text>,
    pub(super) files: Vec<Text>,
    pub(super) envs: Vec<Text>,
    pub(super) secret_type: Text,
    pub(super) options: Options,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) labels: Vec<Pair>,
    pub(super) annotations: Vec<Pair>,
    pub(super) no_hash: bool,
    pub(super) immutable: bool,
}

const KNOWN: [&str; 33] = [
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
];
const SELECTOR: [&str; 7] = ["group", "version", "kind", "name", "namespace", "annotationSelector", "labelSelector"];

impl Directives {
    /// Reads a kustomization file.
    pub(super) fn read(file: &str, bytes: &[u8]) -> Built<Self> {
        let reading = yaml::read_bytes(file, bytes, Dialect::Kubectl, &Budget::default());
        // kustomize takes the last of equal keys and says nothing.
        let wrong = |finding: &Finding| {
            finding.severity == Severity::Error && !matches!(finding.rule.as_ref(), "duplicate-key" | "unread-document")
        };
        let (wrong, mut notes): (Vec<_>, Vec<_>) = reading.findings.into_iter().partition(wrong);
        if !wrong.is_empty() {
            return Err(Stop::Refused(wrong));
        }
        for note in notes.iter_mut().filter(|note| note.severity == Severity::Error) {
            note.severity = Severity::Warning;
        }
        let value = reading.documents.into_iter().next().unwrap_or_else(|| Map::new().into());
        let told = super::form::judge(file, &value);
        let built = Self::of(file, &value);
        let mut directives = built.map_err(|stop| stop.mended_as(&told).or_at(file, value.origin.as_ref()))?;
        notes.extend(told.into_iter().filter(|finding| finding.severity < Severity::Error));
        directives.notes = notes;
        Ok(directives)
    }

    fn of(file: &str, value: &Value) -> Built<Self> {
        let known: Vec<&str> = KNOWN.into_iter().chain(["buildMetadata"]).collect();
        let all = Fields::new(value, "", Some(&known))?;
        let mut kind = all.text("kind")?.text;
        if kind.is_empty() {
            "Kustomization".clone_into(&mut kind);
        }
        let is_component = kind == "Component";
        let version = if is_component { "kustomize.config.k8s.io/v1alpha1" } else { "kustomize.config.k8s.io/v1beta1" };
        let api_version = all.text("apiVersion")?;
        if let Some(metadata) = all.get("metadata") {
            let metadata = Fields::new(metadata, "metadata", Some(&["name", "namespace", "labels", "annotations"]))?;
            metadata.text("name")?;
            metadata.text("namespace")?;
            metadata.pairs("labels")?;
            metadata.pairs("annotations")?;
        }
        let openapi = all.pairs("openapi")?;
        let openapi = |name: &str| openapi.iter().find(|pair| pair.key.text == name).map(|pair| pair.value.clone());
        let global = match all.get("generatorOptions") {
            None => Options::default(),
            Some(options) => Options::of(options, true)?,
        };
        let generators = |name: &str| -> Built<Vec<Generator>> {
            all.list(name)?
                .iter()
                .map(|value| Generator::of(value, name, true).map(|one| one.with_global(&global)))
                .collect()
        };
        let mut resources = all.texts("resources")?;
        resources.extend(all.texts("bases")?);
        let mut images = Image::list(&all, "images")?;
        images.extend(Image::list(&all, "imageTags")?);
        let directives = Self {
            file: file.to_owned(),
            notes: Vec::new(),
            is_component,
            openapi_path: openapi("path"),
            openapi_version: openapi("version"),
            name_prefix: all.text("namePrefix")?,
            name_suffix: all.text("nameSuffix")?,
            namespace: all.text("namespace")?,
            common_labels: all.pairs("commonLabels")?,
            has_labels: !all.list("labels")?.is_empty(),
            labels: all.list("labels")?.iter().map(Label::of).collect::<Built<_>>()?,
            common_annotations: all.pairs("commonAnnotations")?,
            patches_strategic_merge: all.texts("patchesStrategicMerge")?,
            patches_json: all
                .list("patchesJson6902")?
                .iter()
                .map(|patch| Patch::of(patch, true))
                .collect::<Built<_>>()?,
            patches: all.list("patches")?.iter().map(|patch| Patch::of(patch, true)).collect::<Built<_>>()?,
            images,
            replacements: all
                .list("replacements")?
                .iter()
                .map(|one| Replacement::of(one, true))
                .collect::<Built<_>>()?,
            replicas: all.list("replicas")?.iter().map(|replica| Replica::of(replica, true)).collect::<Built<_>>()?,
            vars: all.list("vars")?.iter().map(Var::of).collect::<Built<_>>()?,
            sort: all.get("sortOptions").map(Sort::of).transpose()?,
            resources,
            components: all.texts("components")?,
            crds: all.texts("crds")?,
            config_maps: generators("configMapGenerator")?,
            secrets: generators("secretGenerator")?,
            charts: Chart::list(&all)?,
            configurations: all.texts("configurations")?,
            generators: all.texts("generators")?,
            transformers: all.texts("transformers")?,
            validators: all.texts("validators")?,
            build_metadata: all.texts("buildMetadata")?,
        };
        if KNOWN.iter().chain(&["buildMetadata"]).skip(2).all(|name| all.get(name).is_none_or(is_zero)) {
            return Err(Stop::refused("the kustomization is empty", value.origin.as_ref())
                .hint("name at least one field, as `resources`"));
        }
        if !is_component && kind != "Kustomization" {
            return Err(Stop::refused(
                "`kind` must be `Kustomization` or `Component`",
                all.key_origin("kind").as_ref(),
            ));
        }
        if !api_version.is_empty() && api_version.text != version {
            let message = format!("`apiVersion` of a {kind} must be `{version}`");
            return Err(Stop::refused(message, api_version.origin.as_ref()));
        }
        Ok(directives)
    }
}

/// Values that are as good as no field at all.
fn is_zero(value: &Value) -> bool {
    value.as_str() == Some("")
}

impl Label {
    fn of(value: &Value) -> Built<Self> {
        let fields = Fields::new(value, "labels", Some(&["pairs", "includeSelectors", "includeTemplates", "fields"]))?;
        let specs = fields.list("fields")?.iter();
        let specs = specs.map(|spec| spec_of(spec, true).map_err(|fault| Stop::fault(fault, spec.origin.as_ref())));
        Ok(Self {
            pairs: fields.pairs("pairs")?,
            selectors: fields.flag("includeSelectors")?,
            templates: fields.flag("includeTemplates")?,
            fields: specs.collect::<Built<_>>()?,
            origin: fields.origin(),
        })
    }
}

/// The texts of a selector; with `strict`, unknown fields are refused.
pub(super) fn selector_of(value: &Value, what: &str, strict: bool) -> Built<SelectorTexts> {
    let fields = Fields::new(value, what, strict.then_some(&SELECTOR[..]))?;
    Ok(SelectorTexts {
        gvk: gvk_of(&fields)?,
        name: fields.text("name")?.text,
        namespace: fields.text("namespace")?.text,
        labels: fields.text("labelSelector")?.text,
        annotations: fields.text("annotationSelector")?.text,
    })
}

pub(super) fn gvk_of(fields: &Fields<'_>) -> Built<Gvk> {
    let text = |name| fields.text(name).map(|text| text.text);
    Ok(Gvk { group: text("group")?, version: text("version")?, kind: text("kind")? })
}

impl Patch {
    pub(super) fn of(value: &Value, strict: bool) -> Built<Self> {
        let fields = Fields::new(value, "patches", strict.then_some(&["path", "patch", "target", "options"][..]))?;
        let target = fields.get("target").map(|target| selector_of(target, "patches.target", strict)).transpose()?;
        let mut patch = Self {
            path: fields.text("path")?,
            patch: fields.text("patch")?,
            target,
            origin: fields.origin(),
            ..Self::default()
        };
        if let Some(options) = fields.get("options") {
            let known = ["allowNameChange", "allowKindChange"];
            let options = Fields::new(options, "patches.options", strict.then_some(&known[..]))?;
            patch.allow_name_change = options.flag("allowNameChange")?;
            patch.allow_kind_change = options.flag("allowKindChange")?;
        }
        Ok(patch)
    }
}

impl Image {
    fn list(all: &Fields<'_>, name: &str) -> Built<Vec<Self>> {
        all.list(name)?.iter().map(|value| Self::of(value, true)).collect()
    }

    pub(super) fn of(value: &Value, strict: bool) -> Built<Self> {
        let known = ["name", "newName", "tagSuffix", "newTag", "digest"];
        let fields = Fields::new(value, "images", strict.then_some(&known[..]))?;
        Ok(Self {
            name: fields.text("name")?,
            new_name: fields.text("newName")?,
            tag_suffix: fields.text("tagSuffix")?,
            new_tag: fields.text("newTag")?,
            digest: fields.text("digest")?,
            origin: fields.origin(),
        })
    }
}

impl Replica {
    pub(super) fn of(value: &Value, strict: bool) -> Built<Self> {
        let fields = Fields::new(value, "replicas", strict.then_some(&["name", "count"][..]))?;
        let origin = fields.get("count").and_then(|count| count.origin.clone()).or_else(|| fields.origin());
        Ok(Self { name: fields.text("name")?, count: fields.integer("count")?, origin })
    }
}

impl Var {
    fn of(value: &Value) -> Built<Self> {
        let fields = Fields::new(value, "vars", Some(&["name", "objref", "fieldref"]))?;
        let mut var = Self { name: fields.text("name")?, origin: fields.origin(), ..Self::default() };
        "metadata.name".clone_into(&mut var.field_path);
        if let Some(object) = fields.get("objref") {
            let known = ["apiVersion", "group", "version", "kind", "name", "namespace"];
            let object = Fields::new(object, "vars.objref", Some(&known))?;
            var.gvk = gvk_of(&object)?;
            let api_version = object.text("apiVersion")?.text;
            match api_version.split('/').collect::<Vec<_>>().as_slice() {
                [""] | [_, _, _, ..] | [] => {}
                [version] => (*version).clone_into(&mut var.gvk.version),
                [group, version] => var.gvk = Gvk::new(group, version, &var.gvk.kind),
            }
            var.object = object.text("name")?.text;
            var.namespace = object.text("namespace")?.text;
        }
        if let Some(field) = fields.get("fieldref") {
            let path = Fields::new(field, "vars.fieldref", Some(&["fieldPath"]))?.text("fieldPath")?.text;
            if !path.is_empty() {
                var.field_path = path;
            }
        }
        Ok(var)
    }
}

impl Sort {
    fn of(value: &Value) -> Built<Self> {
        let fields = Fields::new(value, "sortOptions", Some(&["order", "legacySortOptions"]))?;
        let mut sort = Self { order: fields.text("order")?.text, legacy: None, origin: fields.origin() };
        if let Some(legacy) = fields.get("legacySortOptions") {
            let legacy = Fields::new(legacy, "sortOptions.legacySortOptions", Some(&["orderFirst", "orderLast"]))?;
            let texts = |name| legacy.texts(name).map(|texts| texts.into_iter().map(|text| text.text).collect());
            sort.legacy = Some((texts("orderFirst")?, texts("orderLast")?));
        }
        Ok(sort)
    }
}

impl Generator {
    pub(super) fn of(value: &Value, what: &str, strict: bool) -> Built<Self> {
        let mut known = vec!["name", "namespace", "behavior", "literals", "files", "envs", "env", "options"];
        if what == "secretGenerator" {
            known.push("type");
        }
        let fields = Fields::new(value, what, strict.then_some(&known))?;
        let mut envs = fields.texts("envs")?;
        let env = fields.text("env")?;
        if !env.is_empty() && strict {
            envs.push(env);
        }
        Ok(Self {
            name: fields.text("name")?,
            namespace: fields.text("namespace")?,
            behavior: fields.text("behavior")?,
            literals: fields.texts("literals")?,
            files: fields.texts("files")?,
            envs,
            secret_type: if what == "secretGenerator" { fields.text("type")? } else { Text::default() },
            options: fields.get("options").map(|options| Options::of(options, strict)).transpose()?.unwrap_or_default(),
            origin: fields.origin(),
        })
    }

    fn with_global(mut self, global: &Options) -> Self {
        let add = |own: &mut Vec<Pair>, more: &[Pair]| {
            for pair in more {
                if !own.iter().any(|known| known.key.text == pair.key.text) {
                    own.push(pair.clone());
                }
            }
            own.sort_by(|a, b| a.key.text.cmp(&b.key.text));
        };
        add(&mut self.options.labels, &global.labels);
        add(&mut self.options.annotations, &global.annotations);
        self.options.no_hash |= global.no_hash;
        self.options.immutable |= global.immutable;
        self
    }
}

impl Options {
    fn of(value: &Value, strict: bool) -> Built<Self> {
        let known = ["labels", "annotations", "disableNameSuffixHash", "immutable"];
        let fields = Fields::new(value, "options", strict.then_some(&known[..]))?;
        Ok(Self {
            labels: fields.pairs("labels")?,
            annotations: fields.pairs("annotations")?,
            no_hash: fields.flag("disableNameSuffixHash")?,
            immutable: fields.flag("immutable")?,
        })
    }
}
