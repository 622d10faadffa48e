//! What only trusted configuration allows, done by the lab's kustomize: resources on other machines, and plugins.

use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Object, yaml};
use mergeline::render::{Allowed, RenderOptions, Rendered, find_kustomize, render};
use mergeline::unit::Unit;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

fn rendered(tree: &MemoryTree, kustomize: &Path, allowed: Allowed) -> Rendered {
    let unit = Unit { environment: "dev".to_owned(), name: "app".to_owned(), path: "app".to_owned() };
    let folders = [kustomize.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")];
    let kustomize = find_kustomize(&std::env::join_paths(folders).unwrap());
    render(tree, &unit, &RenderOptions { kustomize, allowed, ..RenderOptions::default() }).unwrap()
}

fn text(rendered: &Rendered) -> String {
    yaml::print_documents(&rendered.objects.iter().map(Object::value).collect::<Vec<_>>())
}

/// The first finding, which must name the setting.
fn refusal(rendered: &Rendered, setting: &str) -> String {
    assert!(!rendered.complete && rendered.objects.is_empty());
    let finding = &rendered.findings[0];
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(hint.contains(setting) && hint.contains("trusted"), "{finding:?}");
    let place = finding.place.as_ref().unwrap();
    assert_eq!((place.path.as_str(), place.line.is_some()), ("app/kustomization.yaml", true));
    finding.rule.to_string()
}

/// What `tree` renders to where `allowed` allows it; without that it is refused by `rule`, which names the `setting`.
fn only_where(allowed: Allowed, rule: &str, setting: &str, tree: &MemoryTree, kustomize: &Path) -> String {
    let other = Allowed { plugins: !allowed.plugins, remote: !allowed.remote };
    for not in [Allowed::default(), other] {
        assert_eq!(refusal(&rendered(tree, kustomize, not), setting), rule);
    }
    let done = rendered(tree, kustomize, allowed);
    assert!(done.complete, "{:?}", done.findings);
    text(&done)
}

/// Answers every request with one object, from a thread that ends with the test.
fn serve(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            drop(stream.read(&mut request));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    format!("http://{address}/map.yaml")
}

#[test]
fn remote_resources_are_fetched_only_where_trusted_configuration_allows_it() {
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let address = serve("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: far\n");
    let tree = MemoryTree::new().with("app/kustomization.yaml", format!("resources:\n- {address}\nnamePrefix: p-\n"));
    let allowed = Allowed { remote: true, plugins: false };
    let text = only_where(allowed, "remote-resource", "render.kustomize.allow-remote", &tree, &tools.kustomize);
    assert_eq!(text, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: p-far\n");
    let other = MemoryTree::new().with("app/kustomization.yaml", "resources: [http://127.0.0.1:1/map.yaml]\n");
    let broken = rendered(&other, &tools.kustomize, allowed);
    assert!(!broken.complete && !broken.findings.is_empty());
}

#[test]
fn exec_plugins_run_only_where_trusted_configuration_allows_it() {
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let text_of = "resources: [a.yaml]\ntransformers:\n- |-\n  apiVersion: example.com/v1\n  kind: Stamp\n  metadata:\n    name: stamp\n    annotations:\n      config.kubernetes.io/function: |\n        exec:\n          path: ./stamp.sh\n";
    let tree = MemoryTree::new()
        .with("app/kustomization.yaml", text_of)
        .with("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: plain}\n")
        .with("app/stamp.sh", "#!/bin/sh\nsed 's/plain/stamped/'\n");
    let allowed = Allowed { plugins: true, remote: false };
    let text = only_where(allowed, "foreign-plugin", "render.kustomize.allow-plugins", &tree, &tools.kustomize);
    assert_eq!(text, "apiVersion: v1\ndata:\n  a: stamped\nkind: ConfigMap\nmetadata:\n  name: a\n");
}
