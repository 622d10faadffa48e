//! What every fuzz target does with its bytes. `tests/suite/fuzz.rs` runs the same functions on seeds and mutations of them.
//!
//! Each must end, whatever the bytes, without a panic. That is all that most assert; reading YAML asserts more
//! (`mergeline::manifest::yaml::examine`).

use mergeline::config::Config;
use mergeline::git::tree::MemoryTree;
use mergeline::manifest::yaml::{Budget, Content, Dialect, Parts, examine};
use mergeline::manifest::{Object, Source, objects};
use mergeline::render::{RenderOptions, render};
use mergeline::review::{Strictness, ValidateInput};
use mergeline::schema::Catalog;
use mergeline::unit::Unit;
use mergeline::validate::{self, Options};
use std::sync::OnceLock;

/// A target: its name, what it does with bytes, and inputs that lead far into it.
pub struct Target {
    pub name: &'static str,
    pub body: fn(&[u8]),
    pub seeds: &'static [&'static str],
}

/// Every parser of foreign bytes that a repository can reach.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "yaml",
        body: examine,
        seeds: &[MANIFEST, "a: &a {b: [1, 0x1f, ~, 'c', \"\\x41\"]}\nd: {<<: *a}\n--- # e\nf: |2-\n   g\n"],
    },
    Target {
        name: "json",
        body: json,
        seeds: &["1,\"b\":[true,null,-1.5e3,\"\\u00e9\\n\"]}", "{}} {\"c\":1}\n---\nd: 1\n"],
    },
    Target { name: "stream", body: stream, seeds: &[MANIFEST, "a: 1\r\n---\r\nb: |\n  c\n---\n{d: 1}\n"] },
    Target { name: "config", body: config, seeds: &[CONFIG] },
    Target { name: "kustomization", body: kustomization, seeds: &[KUSTOMIZATION] },
    Target { name: "definition", body: definition, seeds: &[DEFINITION] },
    Target {
        name: "cel",
        body: cel,
        seeds: &[
            "self.size > 0 && self.names.all(n, n.matches('^[a-z]+$'))",
            "has(self.size) ? quantity('1Gi').isLessThan(quantity(self.names[0])) : [1, 2u, 3.0].exists(x, x == {'a': -1}.a)",
        ],
    },
    Target {
        name: "values",
        body: values,
        seeds: &[
            "1500m",
            "1.5e3Gi",
            "*/5 0 1-5 jan mon-fri",
            "10.0.0.0/8",
            "2001:db8::1",
            "https://u@example.com/x?y#z",
        ],
    },
    Target {
        name: "comments",
        body: comments,
        seeds: &[
            "# mergeline: ignore schema,unknown-field because\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a} # mergeline: ignore\nodd: 1\n",
        ],
    },
    Target {
        name: "chat",
        body: chat,
        seeds: &[
            "/mergeline land prod\n",
            "<!-- mergeline:review -->\r\n> quoted\n/mergeline rollback prod to 0123abc",
        ],
    },
    Target {
        name: "schema",
        body: schema,
        seeds: &[
            "{\"type\":\"object\",\"x-kubernetes-group-version-kind\":[{\"group\":\"a.b\",\"version\":\"v1\",\"kind\":\"C\"}],\"properties\":{\"d\":{\"$ref\":\"#/definitions/e\",\"anyOf\":[{\"type\":[\"string\",\"null\"]}]}},\"definitions\":{\"e\":{\"pattern\":\"^a+$\"}}}",
        ],
    },
];

/// Runs a target by name.
///
/// # Panics
/// When there is none of that name, or when what must hold does not.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("there is a target of this name").body)(bytes);
}

const MANIFEST: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {a: 'b'}\nspec:\n  replicas: 2\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - name: web\n        image: \"x:1\"\n        resources: {limits: {cpu: 500m, memory: 1Gi}}\n        args: [--a, >-\n  folded]\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  data: {a: aGVsbG8=}\n";

const CONFIG: &str = "version: 1\nkubernetes: \"1.34\"\nenvironments:\n  dev:\n    source: apps/*/overlays/dev\n    branch: env/dev\n    cluster: {kubeconfig: {env: DEV}, context: dev}\n  prod:\n    source: apps/*/overlays/prod\n    branch: env/prod\n    needs: [dev]\n    gates: {soak: 24h, approvals: 1, windows: {tz: Europe/Paris, allow: [\"Mon-Thu 09:00-16:00\"]}}\n    land: human\nreview: {fail-on: error}\nvalidate: {schemas: [schemas/*.json], unknown: warn, rules: {schema: off}, budgets: {depth: 50}}\n";

const KUSTOMIZATION: &str = "namespace: x\nnamePrefix: p-\nresources: [a.yaml]\ncommonLabels: {a: b}\nlabels: [{pairs: {c: d}, includeSelectors: true}]\nimages: [{name: x, newTag: '2'}]\nreplicas: [{name: web, count: 3}]\npatches:\n- target: {kind: Deployment, name: w.*}\n  patch: |-\n    - op: replace\n      path: /spec/replicas\n      value: 5\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}\n    spec: {template: {spec: {containers: [{name: web, $patch: delete}]}}}\nconfigMapGenerator: [{name: g, literals: [a=b], files: [c=a.yaml], envs: [a.env]}]\nreplacements:\n- source: {kind: Deployment, fieldPath: metadata.name}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a], options: {delimiter: '-', index: 1, create: true}}]\n";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets, singular: widget}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            required: [size]\n            x-kubernetes-validations: [{rule: self.size > 0, messageExpression: \"'no ' + string(self.size)\"}]\n            properties:\n              size: {type: integer, minimum: 1, default: 3, enum: [1, 2]}\n              names: {type: array, items: {type: string, pattern: '^a*$', maxLength: 5}, x-kubernetes-list-type: set}\n              any: {x-kubernetes-preserve-unknown-fields: true, x-kubernetes-int-or-string: true}\n---\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 1, names: [aa, a], any: 1}\n";

fn budget() -> Budget {
    Budget { bytes: 1 << 20, nodes: 50_000, expanded: 10_000, ..Budget::default() }
}

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::bundled(Catalog::newest()).expect("bundled"))
}

/// kubectl tries JSON first where a file begins with a brace.
fn json(bytes: &[u8]) {
    let mut file = b"{\"a\":".to_vec();
    file.extend(bytes);
    examine(&file);
}

/// A stream in parts holds the bytes that it was given, whatever their sizes.
fn stream(bytes: &[u8]) {
    let step = usize::from(bytes.first().copied().unwrap_or(1)).max(1);
    let mut parts = Parts::new(step * 2, 1 << 20);
    let mut found: Vec<_> = bytes.chunks(step).flat_map(|chunk| parts.push(chunk)).collect();
    found.extend(parts.finish());
    let texts = found.into_iter().map(|part| match part.content {
        Content::Text(text) => text,
        Content::TooLong => panic!("a document that is short enough was dropped"),
    });
    assert_eq!(texts.flatten().collect::<Vec<u8>>(), bytes);
}

fn config(bytes: &[u8]) {
    let tree = MemoryTree::new().with("mergeline.yaml", bytes);
    let _ = Config::load(&tree);
}

fn kustomization(bytes: &[u8]) {
    let tree = MemoryTree::new()
        .with("app/kustomization.yaml", bytes)
        .with("app/a.yaml", MANIFEST)
        .with("app/a.env", "a=b\n# c\nd");
    let unit = Unit { environment: "dev".into(), name: "app".into(), path: "app".into() };
    let _ = render(&tree, &unit, &RenderOptions::default());
}

fn judged(objects: &[Object], catalog: &Catalog) {
    let _ = validate::validate(objects, catalog, &Options::default());
}

/// A definition and objects beside it, judged by it.
fn definition(bytes: &[u8]) {
    let source = Source::new("a.yaml", String::from_utf8_lossy(bytes));
    let (objects, _) = objects(&source, Dialect::Kubectl, &budget());
    let mut catalog = catalog().clone();
    let _ = catalog.add_definitions(&objects);
    judged(&objects, &catalog);
}

/// The rule of a definition.
fn cel(bytes: &[u8]) {
    let rule = serde_json::Value::from(String::from_utf8_lossy(bytes));
    definition(DEFINITION.replacen("rule: self.size > 0", &format!("rule: {rule}"), 1).as_bytes());
}

/// Texts where the server wants a quantity, a schedule, an address.
fn values(bytes: &[u8]) {
    let text = serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string();
    let manifest = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: a, labels: {{a: {text}}}}}\nspec: {{schedule: {text}}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: {text}, creationTimestamp: {text}}}\nspec:\n  hostIP: {text}\n  dnsConfig: {{nameservers: [{text}]}}\n  \
         containers: [{{name: a, image: {text}, resources: {{limits: {{cpu: {text}}}}}, ports: [{{name: {text}, containerPort: 1}}]}}]\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: a}}\nspec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {text}}}}}]}}]}}\n---\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: a}}\n\
         webhooks: [{{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {{url: {text}, caBundle: {text}}}}}]\n"
    );
    let (objects, _) = objects(&Source::new("a.yaml", manifest), Dialect::Kubectl, &budget());
    judged(&objects, catalog());
}

/// A file of a repository as `mergeline validate` takes it: what comments silence, discovery, redaction.
fn comments(bytes: &[u8]) {
    let tree = MemoryTree::new().with("a.yaml", bytes);
    let _ = mergeline::review::validate(ValidateInput {
        tree: &tree,
        commit: None,
        units: vec![Unit { environment: "default".into(), name: "a".into(), path: "a.yaml".into() }],
        findings: Vec::new(),
        definitions: vec![String::new()],
        config: None,
        render: RenderOptions { budget: budget(), ..RenderOptions::default() },
        kubernetes: None,
        whole: true,
        strictness: Strictness::default(),
        skip: Vec::new(),
        reject: Vec::new(),
        fail_on: None,
        links: Default::default(),
        download: &mergeline::download::Offline,
        secrets: Vec::new(),
    });
}

/// A comment on a pull request.
fn chat(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = mergeline::event::chat::Asked::of(&text);
    let _ = mergeline::host::marker::is_marked("review", &text);
}

/// A file of schemas: JSON Schema, OpenAPI, a bundle.
fn schema(bytes: &[u8]) {
    let mut catalog = catalog().clone();
    let text = String::from_utf8_lossy(bytes);
    let key = mergeline::manifest::TypeKey::new("a.b/v1", "C");
    let _ = catalog.add_schemas(&Source::new("a.json", text), Some(&key), &|_| None);
    let object = "apiVersion: a.b/v1\nkind: C\nmetadata: {name: a}\nd: aaa\n";
    let (objects, _) = objects(&Source::new("b.yaml", object), Dialect::Kubectl, &budget());
    judged(&objects, &catalog);
}
