//! One kustomization of a build: its resources gathered, generated and transformed in kustomize's order.
//!
//! Decided by `api/internal/target/kusttarget.go`.

use super::config::{BackReference, Config, merge_one, merge_specs};
use super::crds;
use super::directives::Directives;
use super::fields::Text;
use super::fieldspec::FieldSpec;
use super::filters::Namespace;
use super::generate::generate;
use super::ids::Gvk;
use super::loader::{Loader, locked};
use super::metadata::{self, Configured};
use super::meter::Meter;
use super::plugins::{self, Plugin};
use super::resmap::ResMap;
use super::resource::Resource;
use super::schema::Schema;
use super::steps::{self, Action, Step};
use super::stop::{Built, Stop};
use super::vars::{self, Vars};
use super::{documents, patches};
use crate::finding::{Finding, Place};
use crate::git::tree::EntryKind;
use crate::manifest::Origin;
use crate::manifest::yaml::{self, Budget, Dialect};
use std::sync::Arc;

/// What has been gathered so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Accumulated {
    pub(super) map: ResMap,
    pub(super) config: Arc<Config>,
    pub(super) vars: Vars,
    /// What is worth saying about the kustomizations that gave it.
    pub(super) notes: Vec<Finding>,
}

/// What all kustomizations of a build share.
#[derive(Debug, Default)]
pub(super) struct Build {
    pub(super) schema: Schema,
}

/// A kustomization that is built.
pub(super) struct Target<'a> {
    pub(super) loader: Loader<'a>,
    pub(super) directives: Arc<Directives>,
    /// Where it is, relative to the root of the build, when origins are asked for.
    pub(super) origin: Option<String>,
}

impl Accumulated {
    fn add_config(&mut self, config: &Arc<Config>, place: Option<&Origin>) -> Built<()> {
        if Arc::ptr_eq(&self.config, config) {
            return Ok(());
        }
        if Arc::ptr_eq(config, &Config::builtin()) && *self.config == Config::default() {
            self.config = Arc::clone(config);
            return Ok(());
        }
        let merged = self.config.merged(config).map_err(|fault| Stop::fault(fault, place))?;
        self.config = Arc::new(merged);
        Ok(())
    }

    /// Adds everything of another.
    fn add(&mut self, other: Accumulated, schema: &Schema, place: Option<&Origin>) -> Built<()> {
        self.notes.extend(other.notes);
        self.map.append_all(other.map, schema).map_err(|fault| Stop::fault(fault, place))?;
        self.add_config(&other.config, place)?;
        other.vars.values().try_for_each(|var| vars::add(&mut self.vars, var))
    }
}

impl Target<'_> {
    fn file_name(&self) -> &str {
        crate::render::path::name(&self.directives.file)
    }

    /// The path of something of this kustomization, for annotations.
    fn noted(&self, path: &str) -> Option<String> {
        self.origin.as_ref().map(|origin| metadata::join(origin, path))
    }

    fn configured(&self, kind: &str) -> Option<Configured> {
        self.noted(self.file_name()).map(|file| Configured::builtin(&file, kind))
    }

    /// Gathers everything; `into` is what a component is applied to.
    pub(super) fn accumulate(&self, into: Accumulated, build: &mut Build) -> Built<Accumulated> {
        let directives = &self.directives;
        let mut gathered = self.resources(into, &directives.resources, build)?;
        gathered.notes.extend(directives.notes.iter().cloned());
        let config = self.configuration()?;
        gathered.add_config(&config, None)?;
        if !directives.crds.is_empty() {
            let crds = crds::load(&directives.crds, &self.loader)?;
            let merged = gathered.config.merged(&crds).map_err(|fault| Stop::fault(fault, None))?;
            gathered.config = Arc::new(merged);
        }
        self.generate(&mut gathered, build)?;
        for component in &directives.components {
            gathered = self.component(gathered, component, build)?;
        }
        let config = Arc::clone(&gathered.config);
        let steps = self.steps(&config, build)?;
        steps::count(&steps, &gathered.map, self.loader.meter)?;
        for step in steps {
            step.run(&mut gathered.map, &build.schema)?;
        }
        self.validate(&mut gathered, build)?;
        vars::merge(&mut gathered.vars, &directives.vars, &mut gathered.map)?;
        Ok(gathered)
    }

    fn configuration(&self) -> Built<Arc<Config>> {
        let builtin = Config::builtin();
        if self.directives.configurations.is_empty() {
            return Ok(builtin);
        }
        let mut own = Config::default();
        for file in &self.directives.configurations {
            let (path, bytes) = self.loader.load(&file.text, file.origin.as_ref())?;
            let reading = yaml::read_bytes(&path, &bytes, Dialect::Kubectl, &Budget::default());
            let wrong =
                reading.findings.into_iter().find(|finding| finding.severity == crate::finding::Severity::Error);
            if let Some(finding) = wrong {
                return Err(Stop::because(finding));
            }
            let Some(document) = reading.documents.first() else { continue };
            let read = Config::read(document).and_then(|config| own.merged(&config));
            own = read.map_err(|fault| Stop::because(Finding::error("kustomize", fault).at(Place::file(path))))?;
        }
        let merged = builtin.merged(&own);
        let first = self.directives.configurations.first().and_then(|file| file.origin.as_ref());
        merged.map(Arc::new).map_err(|fault| Stop::fault(fault, first))
    }

    fn resources(&self, mut gathered: Accumulated, paths: &[Text], build: &mut Build) -> Built<Accumulated> {
        for text in paths {
            let origin = text.origin.as_ref();
            let target = self.loader.resolve(&text.text, origin)?;
            if self.loader.kind(&target)? == Some(EntryKind::Directory) {
                gathered = self.base(gathered, &target, text, build)?;
                continue;
            }
            let resources = self.loader.resources(&text.text, origin)?;
            for resource in resources.iter() {
                let mut resource = resource.clone();
                if let Some(path) = self.noted(&text.text) {
                    let noted = resource.annotate(metadata::ORIGIN, &metadata::path(&path));
                    noted.map_err(|fault| Stop::fault(fault, origin))?;
                }
                let place = resource.origin().cloned();
                let appended = gathered.map.append(resource, &build.schema);
                appended.map_err(|fault| Stop::fault(fault, origin).related(place.as_ref(), "the second one"))?;
            }
            Meter::hold(gathered.map.resources().len(), gathered.map.size(), origin)?;
        }
        Ok(gathered)
    }

    /// The kustomization of a folder that this one names.
    fn enter(&self, target: &str, text: &Text, build: &mut Build) -> Built<Target<'_>> {
        let origin = text.origin.as_ref();
        self.loader.meter.enter(origin)?;
        let loader = self.loader.enter(target, &text.text, origin)?;
        let directives = loader.directives(origin)?;
        set_schema(&mut build.schema, &directives, &loader)?;
        Ok(Target { loader, directives, origin: self.noted(&text.text) })
    }

    fn base(&self, mut gathered: Accumulated, target: &str, text: &Text, build: &mut Build) -> Built<Accumulated> {
        let origin = text.origin.as_ref();
        let base = self.enter(target, text, build)?;
        if base.directives.is_component {
            let message = format!("`{}` is a component, which `components` names", text.text);
            return Err(Stop::refused(message, origin));
        }
        // What a base gives depends on nothing but the tree, unless origins are noted or types are changed.
        let pure = self.origin.is_none() && build.schema.is_builtin() && !self.loader.unrestricted;
        let cache = &self.loader.cache.bases;
        let known = pure.then(|| locked(cache).get(target).cloned()).flatten();
        let found = match known {
            Some(found) => found,
            None => {
                let found = Arc::new(base.accumulate(Accumulated::default(), build)?);
                if pure && build.schema.is_builtin() {
                    locked(cache).insert(target.to_owned(), Arc::clone(&found));
                }
                found
            }
        };
        gathered.add((*found).clone(), &build.schema, origin)?;
        Meter::hold(gathered.map.resources().len(), gathered.map.size(), origin)?;
        Ok(gathered)
    }

    fn component(&self, gathered: Accumulated, text: &Text, build: &mut Build) -> Built<Accumulated> {
        let origin = text.origin.as_ref();
        let target = self.loader.resolve(&text.text, origin)?;
        if self.loader.kind(&target)? != Some(EntryKind::Directory) {
            let message = format!("`components` names `{}`, which is no folder", text.text);
            return Err(Stop::refused(message, origin));
        }
        let component = self.enter(&target, text, build)?;
        if !component.directives.is_component {
            let message = format!("`{}` is no component: its kustomization needs `kind: Component`", text.text);
            return Err(Stop::refused(message, origin));
        }
        let applied = component.accumulate(gathered, build)?;
        let mut whole = Accumulated::default();
        whole.add(applied, &build.schema, origin)?;
        Ok(whole)
    }

    fn generate(&self, gathered: &mut Accumulated, build: &mut Build) -> Built<()> {
        let directives = &self.directives;
        let mut made: Vec<(Resource, Option<Configured>)> = Vec::new();
        for (generators, is_secret, kind) in
            [(&directives.config_maps, false, "ConfigMapGenerator"), (&directives.secrets, true, "SecretGenerator")]
        {
            for generator in generators {
                made.push((generate(generator, is_secret, &self.loader)?, self.configured(kind)));
            }
        }
        for chart in &directives.charts {
            let configured = self.configured("HelmChartInflationGenerator");
            let resources = chart.inflate(&self.loader, &build.schema)?;
            made.extend(resources.into_iter().map(|resource| (resource, configured.clone())));
        }
        for plugin in self.plugins(&directives.generators, build)? {
            match plugins::load(&plugin, &self.loader, &build.schema)? {
                Plugin::Generator(resources, configured) => {
                    made.extend(resources.into_iter().map(|resource| (resource, configured.clone())));
                }
                Plugin::Transformer(_) => {
                    let message = format!("`{}` is a transformer, not a generator", plugin.kind());
                    return Err(Stop::refused(message, plugin.origin()));
                }
            }
        }
        for (mut resource, configured) in made {
            let place = resource.origin().cloned();
            let done = configured.map_or(Ok(()), |configured| configured.generated(&mut resource));
            let done = done.and_then(|()| gathered.map.absorb(resource, &build.schema));
            let place = place.as_ref().map(Origin::place_without_excerpt);
            done.map_err(|fault| Stop::because(Finding::error("kustomize", fault).at(place)))?;
        }
        Ok(())
    }

    /// The objects that configure plugins: written in the kustomization, in files, or in kustomizations of their own.
    fn plugins(&self, entries: &[Text], build: &mut Build) -> Built<Vec<Resource>> {
        let mut gathered = Accumulated::default();
        let mut paths = Vec::new();
        for entry in entries {
            match documents::of_text(&entry.text, entry.origin.as_ref()) {
                Err(_) => paths.push(entry.clone()),
                Ok(resources) => {
                    for mut resource in resources {
                        let note = self.noted(self.file_name()).map(|file| metadata::path(&file));
                        let noted = note.map_or(Ok(()), |note| resource.annotate(metadata::ORIGIN, &note));
                        let added = noted.and_then(|()| gathered.map.append(resource, &build.schema));
                        added.map_err(|fault| Stop::fault(fault, entry.origin.as_ref()))?;
                    }
                }
            }
        }
        let gathered = self.resources(gathered, &paths, build)?;
        Ok(gathered.map.into_resources())
    }

    /// All transformers, in the order in which kustomize runs them.
    fn steps(&self, config: &Config, build: &mut Build) -> Built<Vec<Step>> {
        let directives = &self.directives;
        let mut steps: Vec<Step> = Vec::new();
        let mut push = |action: Action, origin: Option<Origin>, kind: &str| {
            steps.push(Step { action, origin, configured: self.configured(kind) });
        };
        if let Some(first) = directives.patches_strategic_merge.first() {
            let loaded = patches::load_merges(&directives.patches_strategic_merge, &self.loader)?;
            push(Action::Patch(loaded), first.origin.clone(), "PatchStrategicMergeTransformer");
        }
        for patch in &directives.patches {
            let loaded = patches::load(patch, &self.loader)?;
            push(Action::Patch(loaded), patch.origin.clone(), "PatchTransformer");
        }
        if !directives.namespace.is_empty() {
            let namespace = &directives.namespace;
            let action =
                Namespace { namespace: namespace.clone(), specs: config.namespace.clone(), ..Namespace::default() };
            push(Action::Namespace(Box::new(action)), namespace.origin.clone(), "NamespaceTransformer");
        }
        for (affix, is_prefix, specs, kind) in [
            (&directives.name_prefix, true, &config.name_prefix, "PrefixTransformer"),
            (&directives.name_suffix, false, &config.name_suffix, "SuffixTransformer"),
        ] {
            if !affix.is_empty() {
                let action = Action::Affix { affix: affix.clone(), is_prefix, specs: specs.clone() };
                push(action, affix.origin.clone(), kind);
            }
        }
        if directives.has_labels || !directives.common_labels.is_empty() {
            for label in &directives.labels {
                let specs = label_specs(label, config).map_err(|fault| Stop::fault(fault, label.origin.as_ref()))?;
                push(Action::Texts { pairs: label.pairs.clone(), specs }, label.origin.clone(), "LabelTransformer");
            }
            let origin = directives.common_labels.first().and_then(|pair| pair.key.origin.clone());
            let action = Action::Texts { pairs: directives.common_labels.clone(), specs: config.common_labels.clone() };
            push(action, origin, "LabelTransformer");
        }
        if let Some(first) = directives.common_annotations.first() {
            let (pairs, specs) = (directives.common_annotations.clone(), config.common_annotations.clone());
            push(Action::Texts { pairs, specs }, first.key.origin.clone(), "AnnotationsTransformer");
        }
        for patch in &directives.patches_json {
            let loaded = patches::load_json(patch, &self.loader)?;
            push(Action::Patch(loaded), patch.origin.clone(), "PatchJson6902Transformer");
        }
        for replica in &directives.replicas {
            let action = Action::Replicas { replica: replica.clone(), specs: config.replicas.clone() };
            push(action, replica.origin.clone(), "ReplicaCountTransformer");
        }
        for image in &directives.images {
            let action = Action::Image { image: Box::new(image.clone()), specs: config.images.clone() };
            push(action, image.origin.clone(), "ImageTagTransformer");
        }
        if !directives.replacements.is_empty() {
            let mut all = Vec::new();
            for replacement in &directives.replacements {
                all.extend(replacement.clone().loaded(&self.loader)?);
            }
            push(Action::Replacements(all), None, "ReplacementTransformer");
        }
        for plugin in self.plugins(&directives.transformers, build)? {
            steps.push(self.transformer(&plugin, build)?);
        }
        Ok(steps)
    }

    fn transformer(&self, plugin: &Resource, build: &Build) -> Built<Step> {
        match plugins::load(plugin, &self.loader, &build.schema)? {
            Plugin::Transformer(step) => Ok(*step),
            Plugin::Generator(..) => {
                let message = format!("`{}` is a generator, not a transformer", plugin.kind());
                Err(Stop::refused(message, plugin.origin()))
            }
        }
    }

    /// Runs `validators`, which must leave everything as it is.
    fn validate(&self, gathered: &mut Accumulated, build: &mut Build) -> Built<()> {
        for plugin in self.plugins(&self.directives.validators, build)? {
            let step = self.transformer(&plugin, build)?;
            let before = super::printed(&gathered.map)?;
            steps::count(std::slice::from_ref(&step), &gathered.map, self.loader.meter)?;
            step.run(&mut gathered.map, &build.schema)?;
            if super::printed(&gathered.map)? != before {
                let message = format!("the validator `{}` changes resources", plugin.kind());
                return Err(Stop::refused(message, plugin.origin()));
            }
        }
        Ok(())
    }
}

fn label_specs(label: &super::directives::Label, config: &Config) -> Result<Vec<FieldSpec>, String> {
    let mut specs = label.fields.clone();
    merge_specs(&mut specs, &config.labels)?;
    if label.selectors {
        merge_specs(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.templates {
        merge_specs(&mut specs, &config.template_labels)?;
    }
    merge_one(&mut specs, &FieldSpec::new(Gvk::default(), "metadata/labels", true))?;
    Ok(specs)
}

/// Takes what a kustomization says of types.
pub(super) fn set_schema(schema: &mut Schema, directives: &Directives, loader: &Loader<'_>) -> Built<()> {
    let version = directives.openapi_version.as_ref();
    let (file, place) = match &directives.openapi_path {
        None => (None, version.and_then(|version| version.origin.as_ref())),
        Some(path) => (Some(loader.load(&path.text, path.origin.as_ref())?), path.origin.as_ref()),
    };
    let file = file.as_ref().map(|(path, bytes)| (path.as_str(), &**bytes));
    schema.set(file, version.map(|version| version.text.as_str())).map_err(|fault| Stop::fault(fault, place))
}

/// A reference to objects of one kind, as `crds` give it.
pub(super) fn reference(kind: &str, version: &str, spec: FieldSpec) -> BackReference {
    BackReference { gvk: Gvk::new("", version, kind), referrers: vec![spec] }
}
