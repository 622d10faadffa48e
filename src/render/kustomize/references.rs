//! What a kustomization names in other files: resources, components, patches, generators' files, plugins' configuration.

use super::Kustomization;
use crate::manifest::{Origin, Value};
use crate::render::path;

/// What a reference is for; decides what may stand there and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A file of objects or a folder with a kustomization: `resources`, `bases`.
    Build,
    /// A folder with a component: `components`.
    Component,
    /// A file of a patch.
    Patch,
    /// A file or folder that configures `generators`, `transformers` or `validators`.
    Plugin,
    /// Any other file: generators' files, `configurations`, `crds`, `replacements`, `openapi`.
    File,
}

/// One name of a file or folder in a kustomization.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The field it stands in, as `configMapGenerator.files`.
    pub field: &'static str,
    /// What it is for.
    pub role: Role,
    /// As written.
    pub text: String,
    /// What it leads to, relative to the root of the tree; the text itself when it is remote or leaves the tree.
    pub path: String,
    /// Where it leads.
    pub target: Target,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To a path of the tree, which may or may not be there.
    Tree,
    /// To another machine.
    Remote,
    /// Out of the tree.
    Outside,
}

impl Reference {
    fn new(directory: &str, field: &'static str, role: Role, text: &str, origin: Option<&Origin>) -> Self {
        let (target, found) = match path::resolve(directory, text) {
            _ if is_remote(text) => (Target::Remote, None),
            None => (Target::Outside, None),
            found => (Target::Tree, found),
        };
        let path = found.unwrap_or_else(|| text.to_owned());
        Self { field, role, text: text.to_owned(), path, target, origin: origin.cloned() }
    }

    /// Itself when it leads to a path of the tree.
    #[must_use]
    pub fn resolved(self) -> Option<Self> {
        (self.target == Target::Tree).then_some(self)
    }
}

/// Says whether kustomize would go to the network for this.
pub(super) fn is_remote(text: &str) -> bool {
    let hosts = ["github.com/", "github.com:", "gitlab.com/", "bitbucket.org/", "git@", "git::", "ssh:"];
    text.contains("://")
        || hosts.iter().any(|host| text.starts_with(host))
        || text.contains("?ref=")
        || text.contains("?version=")
}

/// Says whether an entry that may be a path or a document is a document. kustomize tries the path first, so nothing that it
/// could take for an address is one.
fn is_inline(text: &str) -> bool {
    let address = text.trim_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    text.contains('\n') || (!address && (text.contains(": ") || text.trim_start().starts_with('{')))
}

/// The value of a field, whose name Go reads in any capitals.
pub(super) fn in_any_capitals<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let same = |(key, _): &(&crate::manifest::Key, &Value)| key.text.eq_ignore_ascii_case(name);
    value.get(name).or_else(|| value.as_map()?.iter().find(same).map(|(_, value)| value))
}

struct Collector<'a> {
    directory: &'a str,
    found: Vec<Reference>,
}

impl Collector<'_> {
    fn add(&mut self, field: &'static str, role: Role, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            self.found.push(Reference::new(self.directory, field, role, text, value.origin.as_ref()));
        }
    }

    fn list(&mut self, field: &'static str, role: Role, values: Option<&Value>) {
        items(values).iter().for_each(|value| self.add(field, role, value));
    }

    fn path_of_each(&mut self, field: &'static str, role: Role, values: Option<&Value>) {
        items(values).iter().filter_map(|value| value.get("path")).for_each(|value| self.add(field, role, value));
    }

    fn paths_or_documents(&mut self, field: &'static str, role: Role, values: Option<&Value>) {
        let paths = items(values).iter().filter(|value| value.as_str().is_some_and(|text| !is_inline(text)));
        paths.for_each(|value| self.add(field, role, value));
    }

    /// The files that a generator of ConfigMaps or Secrets reads; an entry of `files` may be `key=path`.
    fn generator(&mut self, [files, envs, env]: [&'static str; 3], generator: &Value) {
        for value in items(in_any_capitals(generator, "files")) {
            let Some(text) = value.as_str() else { continue };
            let text = text.split_once('=').map_or(text, |(_, path)| path);
            self.found.push(Reference::new(self.directory, files, Role::File, text, value.origin.as_ref()));
        }
        self.list(envs, Role::File, in_any_capitals(generator, "envs"));
        in_any_capitals(generator, "env").into_iter().for_each(|value| self.add(env, Role::File, value));
    }
}

fn items(values: Option<&Value>) -> &[Value] {
    values.and_then(Value::as_list).unwrap_or_default()
}

pub(super) fn of(kustomization: &Kustomization) -> Vec<Reference> {
    let mut found = Collector { directory: &kustomization.directory, found: Vec::new() };
    let get = |key: &str| kustomization.value.get(key);
    found.list("resources", Role::Build, get("resources"));
    found.list("bases", Role::Build, get("bases"));
    found.list("components", Role::Component, get("components"));
    found.list("crds", Role::File, get("crds"));
    found.list("configurations", Role::File, get("configurations"));
    found.paths_or_documents("patchesStrategicMerge", Role::Patch, get("patchesStrategicMerge"));
    found.path_of_each("patchesJson6902", Role::Patch, get("patchesJson6902"));
    found.path_of_each("patches", Role::Patch, get("patches"));
    // Not a form of `patches`, as kustomize will say; the file is meant as a patch and no object of its own.
    found.paths_or_documents("patches", Role::Patch, get("patches"));
    found.path_of_each("replacements", Role::File, get("replacements"));
    let config_maps = ["configMapGenerator.files", "configMapGenerator.envs", "configMapGenerator.env"];
    items(get("configMapGenerator")).iter().for_each(|generator| found.generator(config_maps, generator));
    let secrets = ["secretGenerator.files", "secretGenerator.envs", "secretGenerator.env"];
    items(get("secretGenerator")).iter().for_each(|generator| found.generator(secrets, generator));
    found.paths_or_documents("generators", Role::Plugin, get("generators"));
    found.paths_or_documents("transformers", Role::Plugin, get("transformers"));
    found.paths_or_documents("validators", Role::Plugin, get("validators"));
    get("openapi")
        .and_then(|openapi| openapi.get("path"))
        .into_iter()
        .for_each(|value| found.add("openapi.path", Role::File, value));
    found.found
}

/// What the configuration of a built-in plugin names; paths are relative to the kustomization that uses it.
pub(super) fn of_plugin(directory: &str, configuration: &Value) -> Vec<Reference> {
    let mut found = Collector { directory, found: Vec::new() };
    let get = |name| in_any_capitals(configuration, name);
    get("targetFilePath").into_iter().for_each(|value| found.add("targetFilePath", Role::File, value));
    get("path").into_iter().for_each(|value| found.add("path", Role::Patch, value));
    found.paths_or_documents("paths", Role::Patch, get("paths"));
    // The text of a patch that is no document is taken for a path.
    let text = get("patches").filter(|patches| patches.as_str().is_some_and(|text| !is_inline(text)));
    text.into_iter().for_each(|value| found.add("patches", Role::Patch, value));
    found.path_of_each("replacements", Role::File, get("replacements"));
    found.generator(["files", "envs", "env"], configuration);
    found.found
}
