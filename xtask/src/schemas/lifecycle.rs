//! When each API came, is deprecated and goes, and what replaces it: from the code that the server's own warnings come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::sources::{OLD_APIS, RELEASES, Sources};

/// Introduced, deprecated, removed, replacement.
type Life = [String; 4];

const HEADER: &str = "\
# When Kubernetes' APIs came and go. Made by `cargo xtask schemas bundle` from the `zz_generated.prerelease-lifecycle.go` files of
# k8s.io/api, k8s.io/apiextensions-apiserver and k8s.io/kube-aggregator (Apache License 2.0); never edited by hand.
# group/version kind introduced deprecated removed replacement
";

/// Deprecations that the generated code does not have: the server warns of them from its registries
/// (`pkg/registry/core/{endpoint,componentstatus}`, seen on kube-apiserver 1.36.3).
const BY_HAND: [(&str, &str, &str, &str); 2] =
    [("v1", "ComponentStatus", "1.19", ""), ("v1", "Endpoints", "1.33", "discovery.k8s.io/v1:EndpointSlice")];

/// The table as text, one API a line, in order.
pub(crate) fn table(sources: &Sources) -> Result<String, String> {
    let mut found: BTreeMap<(String, String), Life> = BTreeMap::new();
    // What a later version says replaces what an earlier one said; what it no longer has, stays.
    for version in OLD_APIS.into_iter().chain(RELEASES.iter().map(|release| release.staging)) {
        read(&sources.types("k8s.io/api", version)?, &mut found)?;
    }
    let newest = RELEASES[RELEASES.len() - 1].staging;
    for module in ["k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator"] {
        read(&sources.types(module, newest)?.join("pkg/apis"), &mut found)?;
    }
    for (api_version, kind, deprecated, replacement) in BY_HAND {
        let life = found.entry((api_version.to_owned(), kind.to_owned())).or_default();
        (life[1], life[3]) = (deprecated.to_owned(), replacement.to_owned());
    }
    let mut text = HEADER.to_owned();
    for ((api_version, kind), life) in found.into_iter().filter(|((_, kind), _)| !kind.ends_with("List")) {
        let [introduced, deprecated, removed, replacement] =
            life.map(|part| if part.is_empty() { "-".to_owned() } else { part });
        text.push_str(&format!("{api_version} {kind} {introduced} {deprecated} {removed} {replacement}\n"));
    }
    Ok(text)
}

fn read(module: &Path, found: &mut BTreeMap<(String, String), Life>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot read `{}`: {error}", module.display());
    for group in fs::read_dir(module).map_err(unreadable)?.flatten().filter(|entry| entry.path().is_dir()) {
        for version in fs::read_dir(group.path()).map_err(unreadable)?.flatten() {
            let file = version.path().join("zz_generated.prerelease-lifecycle.go");
            let (Ok(code), Ok(register)) =
                (fs::read_to_string(&file), fs::read_to_string(version.path().join("register.go")))
            else {
                continue;
            };
            let name = register.lines().find_map(|line| line.split_once("GroupName = \""));
            let name = name.and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
            let version = version.file_name().to_string_lossy().into_owned();
            let api_version = if name.is_empty() { version } else { format!("{name}/{version}") };
            functions(&code, &api_version, found);
        }
    }
    Ok(())
}

fn functions(code: &str, api_version: &str, found: &mut BTreeMap<(String, String), Life>) {
    let mut cleared = Vec::new();
    let mut current: Option<(String, usize)> = None;
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("func (in *") {
            let (kind, function) = rest.split_once(") ").unwrap_or_default();
            let which = ["Introduced", "Deprecated", "Removed", "Replacement"];
            let which = which.iter().position(|name| function.starts_with(&format!("APILifecycle{name}(")));
            current = which.map(|which| (kind.to_owned(), which));
            if !cleared.iter().any(|known| known == kind) {
                cleared.push(kind.to_owned());
                found.insert((api_version.to_owned(), kind.to_owned()), Life::default());
            }
        } else if let (Some(value), Some((kind, which))) = (line.trim().strip_prefix("return "), &current) {
            let life = found.entry((api_version.to_owned(), kind.clone())).or_default();
            life[*which] = if *which == 3 { replacement(value) } else { value.replace(", ", ".") };
        }
    }
}

/// `schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}` as `apps/v1:Deployment`.
fn replacement(code: &str) -> String {
    let texts: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
    match texts[..] {
        ["", version, kind] => format!("{version}:{kind}"),
        [group, version, kind] => format!("{group}/{version}:{kind}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_functions_are_read() {
        let code = "func (in *Ingress) APILifecycleIntroduced() (major, minor int) {\n\treturn 1, 14\n}\n\nfunc (in *Ingress) APILifecycleReplacement() schema.GroupVersionKind {\n\treturn schema.GroupVersionKind{Group: \"networking.k8s.io\", Version: \"v1\", Kind: \"Ingress\"}\n}\n";
        let mut found = BTreeMap::new();
        functions(code, "networking.k8s.io/v1beta1", &mut found);
        let life = &found[&("networking.k8s.io/v1beta1".to_owned(), "Ingress".to_owned())];
        assert_eq!(life, &["1.14".to_owned(), String::new(), String::new(), "networking.k8s.io/v1:Ingress".to_owned()]);
    }
}
