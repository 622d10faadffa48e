//! `helmCharts`: charts of the repository, rendered behind one seam and taken in as resources.
//!
//! What is asked of Helm is decided by `HelmChartInflationGenerator` and `HelmChart.AsHelmArgs` of kustomize: where the chart
//! lies, how values are merged, and which flags are passed. A chart that is not in the tree is a remote resource.

use super::fields::{Fields, Text};
use super::loader::{Loader, REMOTE};
use super::merge::merge;
use super::node::Node;
use super::resource::Resource;
use super::schema::Schema;
use super::stop::{Built, Stop};
use super::{documents, gojson};
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::EntryKind;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Map, Origin, Value};
use crate::render::path;
use std::collections::BTreeMap;

/// The annotation that keeps namespaces of charts as Helm made them.
pub(super) const HELM_GENERATED: &str = "internal.config.kubernetes.io/helm-generated";
/// Where charts lie when `helmGlobals.chartHome` does not say.
pub(super) const HOME: &str = "charts";
/// How many bytes the files of one chart may have.
const BYTES: usize = 64 << 20;

/// Renders charts.
pub trait Charts: Sync {
    /// Renders one.
    ///
    /// # Errors
    /// When the machine cannot do it. What is wrong with the chart is an [`Answer`].
    fn template(&self, order: &Order) -> Result<Answer>;
}

/// A chart to render, as `helm template` takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The name of the chart's folder.
    pub name: String,
    /// The files of the chart, by their path below its folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files of values; the last wins.
    pub values: Vec<Vec<u8>>,
    /// The name of the release; empty: one is made up.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// A template for the name of the release.
    pub name_template: String,
    /// API versions that the chart may ask for, beyond those that Helm knows.
    pub api_versions: Vec<String>,
    /// The version of Kubernetes; empty: Helm's own.
    pub kube_version: String,
    /// `crds/` is part of the output.
    pub include_crds: bool,
    /// Tests are no part of it.
    pub skip_tests: bool,
    /// Hooks are no part of it.
    pub skip_hooks: bool,
    /// Development versions count.
    pub devel: bool,
    /// Helm prints more.
    pub debug: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The manifests.
    Manifests(String),
    /// Helm refuses the chart, for this reason.
    Refused(String),
}

/// An entry of `helmCharts`.
#[derive(Debug, Clone, Default)]
pub(super) struct Chart {
    name: Text,
    version: Text,
    repo: Text,
    home: Text,
    values_file: Text,
    additional_values: Vec<Text>,
    inline: Option<Value>,
    values_merge: Text,
    order: Order,
    origin: Option<Origin>,
}

const FIELDS: [&str; 17] = [
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "nameTemplate",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "skipTests",
    "apiVersions",
    "kubeVersion",
    "debug",
    "devel",
];

/// The folder of a chart below its home.
pub(super) fn folder(home: &str, name: &str, version: &str, repo: &str) -> String {
    let home = if home.is_empty() { HOME } else { home };
    if version.is_empty() || repo.is_empty() {
        format!("{home}/{name}")
    } else {
        format!("{home}/{name}-{version}/{name}")
    }
}

impl Chart {
    /// Reads the entries of `helmCharts`.
    pub(super) fn list(all: &Fields<'_>) -> Built<Vec<Self>> {
        let home = match all.get("helmGlobals") {
            None => Text::default(),
            Some(globals) => {
                let globals = Fields::new(globals, "helmGlobals", Some(&["chartHome", "configHome"]))?;
                globals.text("configHome")?;
                globals.text("chartHome")?
            }
        };
        if let Some(old) =
            all.get("helmChartInflationGenerator").and_then(Value::as_list).filter(|list| !list.is_empty())
        {
            let place = all
                .key_origin("helmChartInflationGenerator")
                .or_else(|| old.first().and_then(|one| one.origin.clone()));
            let message = "`helmChartInflationGenerator` is not supported";
            return Err(Stop::refused(message, place.as_ref()).hint("`kustomize edit fix` turns it into `helmCharts`"));
        }
        all.list("helmCharts")?.iter().map(|chart| Self::of(chart, Some(&FIELDS), home.clone())).collect()
    }

    /// Reads an entry, or the configuration of a `HelmChartInflationGenerator`.
    pub(super) fn of(value: &Value, known: Option<&[&str]>, home: Text) -> Built<Self> {
        let fields = Fields::new(value, "helmCharts", known)?;
        let text = |name: &str| fields.text(name).map(|text| text.text);
        let inline = fields.get("valuesInline").filter(|inline| inline.as_map().is_some_and(|map| !map.is_empty()));
        Ok(Self {
            name: fields.text("name")?,
            version: fields.text("version")?,
            repo: fields.text("repo")?,
            home,
            values_file: fields.text("valuesFile")?,
            additional_values: fields.texts("additionalValuesFiles")?,
            inline: inline.cloned(),
            values_merge: fields.text("valuesMerge")?,
            order: Order {
                release: text("releaseName")?,
                namespace: text("namespace")?,
                name_template: text("nameTemplate")?,
                api_versions: fields.texts("apiVersions")?.into_iter().map(|text| text.text).collect(),
                kube_version: text("kubeVersion")?,
                include_crds: fields.flag("includeCRDs")?,
                skip_tests: fields.flag("skipTests")?,
                skip_hooks: fields.flag("skipHooks")?,
                devel: fields.flag("devel")?,
                debug: fields.flag("debug")?,
                ..Order::default()
            },
            origin: fields.origin(),
        })
    }

    /// The resources of the chart.
    pub(super) fn inflate(&self, loader: &Loader<'_>, schema: &Schema) -> Built<Vec<Resource>> {
        let origin = self.name.origin.as_ref().or(self.origin.as_ref());
        if self.name.is_empty() {
            return Err(Stop::refused("a chart needs a `name`", self.origin.as_ref()));
        }
        let merge = self.values_merge.text.as_str();
        if !matches!(merge, "" | "override" | "merge" | "replace") {
            let message = "`valuesMerge` must be `override`, `merge` or `replace`";
            return Err(Stop::refused(message, self.values_merge.origin.as_ref()));
        }
        let mut order = self.order.clone();
        (order.name, order.files) = self.files(loader, origin)?;
        order.values = self.values(loader, schema)?;
        let Some(charts) = loader.charts else {
            let finding =
                Finding::error("helm-missing", "this kustomization renders charts, and `helm` is not installed");
            let hint = "install Helm (https://helm.sh/docs/intro/install/) and see that `PATH` leads to it, or commit the output of the chart";
            return Err(Stop::because(finding.at(origin.map(Origin::place)).hint(hint)));
        };
        let text = match charts.template(&order)? {
            Answer::Manifests(text) => text,
            Answer::Refused(why) => {
                let message = format!("Helm cannot render the chart `{}`: {why}", self.name.text);
                return Err(Stop::refused(message, origin));
            }
        };
        // Helm may say something before the first document.
        let resources = documents::of_text(&text, origin)
            .or_else(|_| documents::of_text(text.split_once("\n---").map_or("", |(_, rest)| rest), origin));
        let mut resources = resources.map_err(|findings| {
            let why = findings.first().map_or_else(String::new, |finding| format!(": {}", finding.message));
            Stop::refused(format!("the chart `{}` gives no objects{why}", self.name.text), origin)
        })?;
        for resource in &mut resources {
            resource.annotate(HELM_GENERATED, "true").map_err(|fault| Stop::fault(fault, origin))?;
        }
        Ok(resources)
    }

    /// The name of the chart's folder, and its files.
    fn files(&self, loader: &Loader<'_>, origin: Option<&Origin>) -> Built<(String, BTreeMap<String, Vec<u8>>)> {
        let folder = folder(&self.home.text, &self.name.text, &self.version.text, &self.repo.text);
        let home = self.home.origin.as_ref().or(origin);
        let target = loader.resolve(&folder, home)?;
        if loader.kind(&target)? != Some(EntryKind::Directory) {
            if self.repo.is_empty() {
                let finding = Finding::error("missing-source", format!("there is no chart at `{target}`"));
                return Err(Stop::because(
                    finding.at(origin.map(Origin::place)).hint("correct `name` or `helmGlobals.chartHome`"),
                ));
            }
            let message = format!("the chart `{}` of `{}` is not in this repository", self.name.text, self.repo.text);
            let hint = format!(
                "put it into `{target}`, or set `render.kustomize.allow-remote` in the trusted `mergeline.yaml`"
            );
            let place = self.repo.origin.as_ref().or(origin).map(Origin::place);
            return Err(Stop::because(Finding::error(REMOTE, message).at(place).hint(hint)));
        }
        let mut files = BTreeMap::new();
        let mut bytes = 0;
        for entry in loader.tree.walk(&target)? {
            if entry.kind == EntryKind::Symlink {
                let message = format!("the chart `{}` holds the symbolic link `{}`", self.name.text, entry.path);
                return Err(Stop::refused(message, origin).hint("links are not followed: put the file itself there"));
            }
            let Some(content) = loader.tree.read(&entry.path)?.filter(|_| entry.kind == EntryKind::File) else {
                continue;
            };
            bytes += content.len();
            if bytes > BYTES {
                let message = format!("the chart `{}` has more than {} MB", self.name.text, BYTES >> 20);
                return Err(
                    Stop::refused(message, origin).hint("list what is no part of it in `.helmignore` elsewhere")
                );
            }
            let below = entry.path.strip_prefix(&target).unwrap_or(&entry.path).trim_start_matches('/').to_owned();
            files.insert(below, content);
        }
        Ok((path::name(&target).to_owned(), files))
    }

    /// The files of values, as kustomize hands them to Helm.
    fn values(&self, loader: &Loader<'_>, schema: &Schema) -> Built<Vec<Vec<u8>>> {
        let origin = self.values_file.origin.as_ref().or(self.name.origin.as_ref()).or(self.origin.as_ref());
        let home = if self.home.is_empty() { HOME } else { &self.home.text };
        let (name, version) = (&self.name.text, &self.version.text);
        let own = match self.values_file.text.as_str() {
            "" => {
                let versioned = format!("{home}/{name}-{version}/{name}/values.yaml");
                let there = path::resolve(&loader.root, &versioned).filter(|_| !version.is_empty());
                let there = there.map(|path| loader.kind(&path)).transpose()?.flatten() == Some(EntryKind::File);
                if there { versioned } else { format!("{home}/{name}/values.yaml") }
            }
            own => own.to_owned(),
        };
        let mut values = Vec::new();
        let additional = |file: &Text| Ok(loader.load(&file.text, file.origin.as_ref())?.1.to_vec());
        let additional = self.additional_values.iter().map(additional).collect::<Built<Vec<Vec<u8>>>>()?;
        let Some(inline) = &self.inline else {
            values.push(loader.load(&own, origin)?.1.to_vec());
            values.extend(additional);
            return Ok(values);
        };
        let inline = Node::of_json(inline);
        let merged = if self.values_merge.text == "replace" {
            Some(inline)
        } else {
            let (file, bytes) = loader.load(&own, origin)?;
            let reading = yaml::read_bytes(&file, &bytes, Dialect::Kustomize, &Budget::default());
            let document = reading.documents.into_iter().next().filter(|document| document.as_map().is_some());
            let own = Node::of(&document.unwrap_or_else(|| Map::new().into()));
            let (target, patch) = if self.values_merge.text == "merge" { (inline, own) } else { (own, inline) };
            merge(&target, &patch, schema).map_err(|fault| Stop::fault(fault, origin))?
        };
        let mut json = String::new();
        let written = gojson::value(&merged.unwrap_or_else(|| Node::map(Vec::new(), None)), &mut json);
        written.map_err(|fault| Stop::fault(fault, origin))?;
        values.push(json.into_bytes());
        values.extend(additional);
        Ok(values)
    }
}
