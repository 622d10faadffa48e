//! Holds the import table of the design: which room may import which.
//!
//! Change the table here in the same commit as the code when the design should move.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// Imported everywhere, imports only each other.
const VOCABULARY: &[&str] = &["commit", "failure", "finding", "operation", "rule", "secret", "unit"];

/// The pure rooms: no IO, and importable by every use case.
const PURE: &[&str] = &["manifest", "schema", "render", "validate", "diff", "report", "config"];

/// Room → what it may import besides the vocabulary. `room::part` allows that part alone.
fn table() -> BTreeMap<&'static str, Vec<&'static str>> {
    let use_case = |more: &[&'static str]| PURE.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    BTreeMap::from([
        ("manifest", vec![]),
        ("schema", vec!["manifest"]),
        ("config", vec!["manifest", "git::tree"]),
        ("render", vec!["manifest", "schema", "git::tree"]),
        ("validate", vec!["manifest", "schema"]),
        ("diff", vec!["manifest", "schema"]),
        ("report", vec!["diff", "manifest", "host::limits"]),
        // An event says where its host is: a plain address, no host code.
        ("event", vec!["host::address"]),
        ("trust", vec!["event", "host::address"]),
        ("intent", vec!["event", "trust", "config"]),
        // What `init` writes: a configuration for the environments that a layout names.
        ("setup", vec!["config", "git::tree"]),
        ("git", vec!["trust"]),
        ("host", vec!["trust", "git"]),
        ("cluster", vec!["manifest", "schema", "trust"]),
        ("download", vec![]),
        ("review", use_case(&["git", "host", "trust", "download"])),
        ("deliver", use_case(&["git", "host", "cluster", "trust"])),
        ("promote", use_case(&["git", "host", "trust"])),
        (
            "run",
            use_case(&[
                "git", "host", "cluster", "event", "trust", "intent", "review", "deliver", "promote", "download",
            ]),
        ),
        (
            "cli",
            use_case(&[
                "git", "host", "cluster", "event", "trust", "run", "review", "deliver", "promote", "setup", "download",
            ]),
        ),
    ])
}

/// Crates that a room without IO never names.
const WORLDLY: &[&str] = &["tokio", "reqwest", "kube", "gix", "indicatif"];

#[derive(Default)]
struct Paths(BTreeSet<Vec<String>>);

impl Paths {
    fn tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let extend = |ident: &syn::Ident| prefix.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.tree(&extend(&path.ident), &path.tree),
            syn::UseTree::Name(name) => drop(self.0.insert(extend(&name.ident))),
            syn::UseTree::Rename(name) => drop(self.0.insert(extend(&name.ident))),
            syn::UseTree::Glob(_) => drop(self.0.insert(prefix.to_vec())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(prefix, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // Test modules may reach for real parts.
        if item.ident != "tests" {
            syn::visit::visit_item_mod(self, item);
        }
    }
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the source folder can be read") {
        let path = entry.expect("the source folder can be read").path();
        if path.is_dir() && path.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            // Test modules in files of their own may reach for real parts too.
            files.push(path);
        }
    }
    files
}

fn room_of(relative: &Path) -> String {
    let first = relative.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn paths_in(file: &Path) -> BTreeSet<Vec<String>> {
    let text = fs::read_to_string(file).expect("a source file is text");
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut paths = Paths::default();
    paths.visit_file(&parsed);
    paths.0
}

#[test]
fn rooms_import_only_what_the_design_allows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = table();
    let mut wrong = Vec::new();
    for file in source_files(&source) {
        let relative = file.strip_prefix(&source).expect("below the source folder").to_owned();
        let room = room_of(&relative);
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let vocabulary = VOCABULARY.contains(&room.as_str());
        let allowed = table.get(room.as_str()).cloned().unwrap_or_default();
        if !vocabulary && !table.contains_key(room.as_str()) {
            wrong.push(format!("{}: the room `{room}` is not in the table", relative.display()));
            continue;
        }
        for path in paths_in(&file) {
            if path.first().map(String::as_str) != Some("crate") || path.len() < 2 {
                continue;
            }
            let target = path[1].as_str();
            let part = path.get(2).map(|part| format!("{target}::{part}")).unwrap_or_default();
            let known = VOCABULARY.contains(&target) || target == room;
            if !known && !allowed.contains(&target) && !allowed.contains(&part.as_str()) {
                wrong.push(format!("{}: `{}` is not for `{room}`", relative.display(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the design's table:\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_name_no_crate_that_touches_the_world() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let pure =
        |room: &str| VOCABULARY.contains(&room) || PURE.contains(&room) || ["event", "trust", "intent"].contains(&room);
    let mut wrong = Vec::new();
    for file in source_files(&source) {
        let relative = file.strip_prefix(&source).expect("below the source folder").to_owned();
        // The one door to outside programs; see the design's table.
        let external = relative.starts_with("render/external.rs") || relative.starts_with("render/external");
        if !pure(&room_of(&relative)) || external {
            continue;
        }
        for path in paths_in(&file) {
            let first = path.first().map(String::as_str).unwrap_or_default();
            let world = path.len() > 1
                && first == "std"
                && ["fs", "env", "net", "process", "time"].contains(&path[1].as_str())
                // Values alone: a span, an address.
                && !matches!(path.get(2).map(String::as_str), Some("Duration" | "IpAddr" | "Ipv4Addr" | "Ipv6Addr"));
            if WORLDLY.contains(&first) || world {
                wrong.push(format!("{}: `{}`", relative.display(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "pure rooms that touch the world:\n{}", wrong.join("\n"));
}

#[test]
fn host_names_stay_in_their_rooms() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in source_files(&source) {
        let relative = file.strip_prefix(&source).expect("below the source folder").to_owned();
        if ["event", "host", "report"].contains(&room_of(&relative).as_str()) {
            continue;
        }
        for path in paths_in(&file) {
            let host =
                path.iter().any(|part| ["GitHub", "GitLab", "Gitea", "Bitbucket", "Azure"].contains(&part.as_str()));
            if host {
                wrong.push(format!("{}: `{}`", relative.display(), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "hosts named outside their rooms:\n{}", wrong.join("\n"));
}
