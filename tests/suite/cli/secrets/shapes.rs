//! Where people and renderers put a secret value: each shape is a file of the repository that holds one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::fmt::Write as _;

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Letters and digits: stands unquoted anywhere.
    Plain,
    /// Signs of every kind, and letters beyond ASCII.
    Signs,
    /// A private key of several lines.
    Pem,
    /// A long line of letters and digits.
    Long,
}

/// One way to hold a value.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) alphabet: Alphabet,
    /// The value is learned from a Secret beside it.
    pub(super) echo: bool,
    /// It keeps its unit from being rendered.
    pub(super) breaks: bool,
    /// The file's name, and its text for a name and a value.
    pub(super) file: &'static str,
    pub(super) text: fn(&str, &str) -> String,
}

/// A text as YAML's double-quoted form.
fn q(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A Secret that holds the value.
pub(super) fn secret(name: &str, value: &str) -> String {
    let data = STANDARD.encode(value);
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ndata:\n  password: {data}\n")
}

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  setting: {}\n", q(value))
}

fn pod(name: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  containers:\n    - name: web\n      image: web:1.0.0\n{container}"
    )
}

fn wrapped(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(|chunk| format!("    {}\n", String::from_utf8_lossy(chunk))).collect()
}

/// What a chart's release is given.
fn release(name: &str, value: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\nspec:\n  interval: 5m\n  \
         chart:\n    spec:\n      chart: db\n      sourceRef: {{kind: HelmRepository, name: db}}\n  values:\n    auth:\n      \
         adminPassword: {0}\n      replicas: 3\n    extra:\n      - name: API_TOKEN\n        value: {0}\n",
        q(value)
    )
}

fn application(name: &str, value: &str) -> String {
    let inner = format!("auth:\n  password: {}\n", q(value));
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  project: default\n  \
         destination:\n    name: in-cluster\n    namespace: db\n  source:\n    repoURL: {}\n    targetRevision: 1.0.0\n    \
         chart: db\n    helm:\n      parameters:\n        - name: auth.password\n          value: {1}\n      values: {2}\n      \
         valuesObject:\n        clientSecret: {1}\n",
        q("https://charts.example.com"),
        q(value),
        q(&inner)
    )
}

/// A repository's address with a login that no Secret holds.
fn address(name: &str, value: &str) -> String {
    let address = format!("https://bot:{value}@git.example.com/shop.git");
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: {name}\nspec:\n  interval: 5m\n  url: {}\n",
        q(&address)
    )
}

fn sops(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: ENC[AES256_GCM,data:{value},iv:{value}=,tag:{value}==,type:str]\n\
         sops:\n  age:\n    - recipient: age1{value}\n      enc: |\n        -----BEGIN AGE ENCRYPTED FILE-----\n        {value}\n        -----END AGE ENCRYPTED FILE-----\n  \
         lastmodified: \"2026-01-01T00:00:00Z\"\n  mac: ENC[AES256_GCM,data:{value},iv:x,tag:y,type:str]\n  version: 3.9.0\n"
    )
}

/// A value that is too short to be looked for.
fn pin(value: &str) -> String {
    let sum = hex(&<sha2::Sha256 as sha2::Digest>::digest(value.as_bytes()));
    format!("{}{}", &sum[20..23], "x".repeat(value.len() % 3))
}

/// A file encrypted by SOPS that a ConfigMap carries as text.
fn sops_in_text(name: &str, value: &str) -> String {
    let file = format!(
        "database:\n  password: ENC[AES256_GCM,data:{value},iv:{value}=,tag:{value}==,type:str]\nsops:\n  age:\n    - enc: |\n        \
         -----BEGIN AGE ENCRYPTED FILE-----\n        {value}\n        -----END AGE ENCRYPTED FILE-----\n  mac: ENC[AES256_GCM,data:{value}]\n"
    );
    config(name, &file)
}

fn sealed(name: &str, value: &str) -> String {
    format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: {name}\nspec:\n  encryptedData:\n    password: Ag{value}\n  \
         template:\n    type: Opaque\n    data:\n      config: {}\n",
        q(value)
    )
}

fn docker(name: &str, value: &str) -> String {
    let login = STANDARD.encode(format!("bot:{value}"));
    let file = format!(
        r#"{{"auths": {{"registry.example.com": {{"username": "bot", "password": {}, "auth": "{login}"}}}}}}"#,
        q(value)
    );
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {}\n---\n{}---\n{}",
        STANDARD.encode(&file),
        config(&format!("{name}-password"), value),
        config(&format!("{name}-login"), &login),
    )
}

fn applied(name: &str, value: &str) -> String {
    let former = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{name}"}},"stringData":{{"password":{}}}}}"#,
        q(value)
    );
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: {}\n\
         stringData:\n  other: unrelated-words\n---\n{}",
        q(&former),
        config(&format!("{name}-echo"), value)
    )
}

/// Text and data side by side, in a Secret inside of another object.
fn nested(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Secret\n    metadata:\n      name: {name}\n    stringData:\n      a: {0}\n  \
         - apiVersion: example.com/v1\n    kind: Set\n    metadata:\n      name: {name}\n    spec:\n      objects:\n        - apiVersion: v1\n          kind: Secret\n          \
         metadata:\n            name: inner\n          stringData:\n            b: {0}\n",
        q(value)
    )
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: locks.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Lock, plural: locks, singular: lock, listKind: LockList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations:
                - rule: \"!has(self.key) || self.key == 'none'\"
                  messageExpression: \"'the key ' + self.key + ' is not known'\"
              properties:
                key: {type: string}
                mode: {type: string, enum: [on-demand, always]}
                count: {type: integer}
                code: {type: string, pattern: '^[0-9]{4}$'}
";

/// What the shapes need beside them.
pub(super) fn definitions() -> &'static str {
    CRD
}

fn lock(name: &str, field: &str, value: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: Lock\nmetadata:\n  name: {name}\nspec:\n  {field}: {}\n", q(value))
}

use Alphabet::{Long, Pem, Plain, Signs};

const fn echo(name: &'static str, alphabet: Alphabet, text: fn(&str, &str) -> String) -> Shape {
    Shape { name, alphabet, echo: true, breaks: false, file: "echo.yaml", text }
}

const fn home(name: &'static str, alphabet: Alphabet, text: fn(&str, &str) -> String) -> Shape {
    Shape { name, alphabet, echo: false, breaks: false, file: "home.yaml", text }
}

const fn breaks(name: &'static str, alphabet: Alphabet, text: fn(&str, &str) -> String) -> Shape {
    Shape { breaks: true, ..echo(name, alphabet, text) }
}

/// Every shape.
pub(super) const SHAPES: &[Shape] = &[
    home("data", Signs, secret),
    home("string-data", Signs, |name, value| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: {}\n", q(value))
    }),
    home("last-applied", Signs, applied),
    home("sops", Plain, sops),
    home("sops-in-text", Plain, sops_in_text),
    home("sealed", Plain, sealed),
    home("docker-config", Plain, docker),
    home("nested", Signs, nested),
    home("configured", Signs, |name, value| {
        format!(
            "apiVersion: example.com/v1\nkind: Vault\nmetadata:\n  name: {name}\nspec:\n  unseal:\n    - {0}\n---\n{1}",
            q(value),
            config(&format!("{name}-echo"), value)
        )
    }),
    home("helm-release", Signs, |name, value| {
        format!("{}---\n{}", release(name, value), config(&format!("{name}-echo"), value))
    }),
    home("argo-application", Plain, |name, value| {
        format!("{}---\n{}", application(name, value), config(&format!("{name}-echo"), value))
    }),
    home("address-with-login", Plain, address),
    home("key-of-a-file", Plain, |name, value| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  app.env: |\n    USER=shop\n    DB_PASSWORD={value}\n---\n{}",
            config(&format!("{name}-echo"), value)
        )
    }),
    home("not-base64", Plain, |name, value| {
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\ndata:\n  password: \"{value}!!\"\n")
    }),
    home("wrong-type-in-secret", Plain, |name, value| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password:\n    - {value}\n  other: {{{value}: 1}}\n"
        )
    }),
    home("field-of-secret", Plain, |name, value| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData: {value}\ndta:\n  password: {value}\n"
        )
    }),
    Shape {
        name: "broken-secret",
        alphabet: Plain,
        echo: false,
        breaks: true,
        file: "home.yaml",
        text: |name, value| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: \"{value}\n  other: {value}\" {value}\n"
            )
        },
    },
    Shape {
        name: "twice-in-secret",
        alphabet: Plain,
        echo: false,
        breaks: true,
        file: "home.yaml",
        text: |name, value| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: {value}\n  password: {value}x\n"
            )
        },
    },
    Shape {
        name: "generated-name",
        alphabet: Plain,
        echo: false,
        breaks: true,
        file: "kustomization.yaml",
        text: |name, value| {
            format!(
                "secretGenerator:\n  - name: {name}\n    literals:\n      - password={value}\nresources: [pod.yaml]\n"
            )
        },
    },
    Shape {
        name: "broken-generator",
        alphabet: Plain,
        echo: false,
        breaks: true,
        file: "kustomization.yaml",
        text: |name, value| {
            format!("secretGenerator:\n  - name: {name}\n    literals:\n      - \"{value}\"\nresources: [pod.yaml]\n")
        },
    },
    Shape {
        name: "broken-patch",
        alphabet: Plain,
        echo: false,
        breaks: true,
        file: "kustomization.yaml",
        text: |name, value| {
            format!(
                "resources: [pod.yaml]\npatches:\n  - target: {{kind: Pod, name: nobody}}\n    patch: |-\n      apiVersion: v1\n      kind: Secret\n      metadata: {{name: {name}}}\n      stringData: {{password: {value}, password: {value}x}}\n"
            )
        },
    },
    home("one-line", Signs, |name, value| {
        // What stands behind a value stands where it ends.
        format!(
            r#"{{"apiVersion": "v1", "kind": "List", "items": [{{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "{name}"}}, "stringData": {{"password": {0}, "pin": "{1}"}}, "dta": {{}}}}, {{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}-map", "lables": {{}}}}, "dta": {{}}, "data": {{"a": {0}, "b": "c"}}}}]}}"#,
            q(value),
            pin(value)
        )
    }),
    echo("long-line", Plain, |name, value| {
        format!(
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}", "annotations": {{"note": "{}"}}}}, "data": {{"a": {}, "b": "c"}}, "dta": {{}}}}"#,
            "long ".repeat(100),
            q(value),
        )
    }),
    echo("value", Signs, config),
    echo("environment", Signs, |name, value| {
        pod(name, &format!("      env:\n        - name: P\n          value: {}\n", q(value)))
    }),
    echo("argument", Signs, |name, value| {
        pod(name, &format!("      args:\n        - {}\n", q(&format!("--password={value}"))))
    }),
    echo("shell", Plain, |name, value| {
        pod(
            name,
            &format!(
                "      command: [sh, -c]\n      args:\n        - |\n          login --user shop --password '{value}'\n          exec shop\n"
            ),
        )
    }),
    echo("connection", Plain, |name, value| {
        config(name, &format!("postgres://shop:{value}@db.example.com:5432/shop?sslmode=require"))
    }),
    echo("connection-words", Plain, |name, value| {
        config(name, &format!("Server=db;User Id=shop;Password={value};Timeout=3"))
    }),
    echo("url-encoded", Signs, |name, value| config(name, &format!("amqp://shop:{}@queue", percent(value)))),
    echo("base64", Signs, |name, value| config(name, &STANDARD.encode(value))),
    echo("base64-of-line", Signs, |name, value| config(name, &STANDARD.encode(format!("{value}\n")))),
    echo("base64-inside-1", Signs, |name, value| config(name, &STANDARD.encode(format!("u:{value}@host and more")))),
    echo("base64-inside-2", Signs, |name, value| config(name, &STANDARD.encode(format!("us:{value}, and more")))),
    echo("base64-inside-3", Signs, |name, value| config(name, &URL_SAFE.encode(format!("usr:{value}; and more")))),
    echo("base64-twice", Plain, |name, value| config(name, &STANDARD.encode(STANDARD.encode(value)))),
    echo("basic-login", Signs, |name, value| {
        config(name, &format!("Authorization: Basic {}", STANDARD.encode(format!("me:{value}"))))
    }),
    echo("hexadecimal", Signs, |name, value| config(name, &hex(value.as_bytes()))),
    echo("hexadecimal-upper", Signs, |name, value| config(name, &hex(value.as_bytes()).to_uppercase())),
    echo("json", Signs, |name, value| config(name, &format!("{{\"password\": {}}}", q(value)))),
    echo("json-in-json", Plain, |name, value| config(name, &q(&format!("{{\"password\": {}}}", q(value))))),
    echo("pem", Pem, config),
    echo("pem-in-json", Pem, |name, value| config(name, &format!("{{\"key\": {}}}", q(value)))),
    echo("pem-line", Pem, |name, value| config(name, value.lines().nth(1).unwrap_or_default())),
    echo("pem-last-line", Pem, |name, value| config(name, value.lines().rev().nth(1).unwrap_or_default())),
    echo("wrapped-base64", Long, |name, value| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  setting: |\n{}",
            wrapped(&STANDARD.encode(value), 64)
        )
    }),
    echo("wrapped-value", Long, |name, value| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  setting: |\n{}",
            wrapped(value, 40)
        )
    }),
    echo("split-over-lines", Long, |name, value| {
        let (one, other) = value.split_at(value.len() / 2);
        lock(name, "mode", "x").replace("\"x\"", &format!("\"{one}\\\n    {other}\""))
    }),
    echo("annotation", Signs, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    note: {}\n", q(value))
    }),
    echo("label", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    key: l-{value}-l\n")
    }),
    echo("snippet", Plain, |name, value| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  annotations:\n    nginx.ingress.kubernetes.io/configuration-snippet: |\n      set $key \"{value}\";\n      proxy_set_header X-Key {value};\nspec:\n  rules:\n    - host: h{value}.example.com\n"
        )
    }),
    echo("list", Signs, |name, value| {
        format!(
            "apiVersion: example.com/v1\nkind: Keys\nmetadata:\n  name: {name}\nspec:\n  keys:\n    - {0}\n    - name: {0}\n    - other\n",
            q(value)
        )
    }),
    echo("key", Plain, |name, value| {
        format!(
            "apiVersion: example.com/v1\nkind: Keys\nmetadata:\n  name: {name}\nspec:\n  {value}: true\n  x-{value}-x:\n    - 1\n"
        )
    }),
    echo("unknown-field", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{value}: 1\ndata:\n  a: b\n")
    }),
    echo("comment", Plain, |name, value| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: three # the password is {value}\n  selector:\n    matchLabels: {{a: b}}\n  template:\n    metadata:\n      labels: {{a: b}}\n    spec:\n      containers:\n        - name: web\n"
        )
    }),
    echo("ignore-reason", Plain, |name, value| {
        format!(
            "# mergeline: ignore schema the password is {value}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  containers: none\n"
        )
    }),
    breaks("broken-yaml", Plain, |name, value| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: {value}: {value}\n  *{value}\n"
        )
    }),
    breaks("bad-escape", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: \"\\q{value}\"\n")
    }),
    breaks("unknown-anchor", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: *{value}\n")
    }),
    echo("wrong-type", Plain, |name, value| lock(name, "count", value)),
    echo("wrong-enum", Signs, |name, value| lock(name, "mode", value)),
    echo("wrong-pattern", Signs, |name, value| lock(name, "code", value)),
    echo("cel-message", Signs, |name, value| lock(name, "key", value)),
    echo("wrong-quantity", Plain, |name, value| {
        pod(name, &format!("      resources:\n        requests: {{cpu: {value}x}}\n"))
    }),
    echo("wrong-name", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: \"_{value}_\"\n")
    }),
    echo("data-key", Plain, |name, value| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  \"a {value}!\": x\n")
    }),
    echo("image", Plain, |name, value| pod(name, "").replace("web:1.0.0", &format!("web:{value}"))),
    echo("checksum", Signs, |name, value| {
        let sum = hex(&<sha2::Sha256 as sha2::Digest>::digest(value.as_bytes()));
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels: {{a: b}}\n  template:\n    metadata:\n      labels: {{a: b}}\n      annotations:\n        checksum/secret: {sum}\n        checksum/config: {sum}\n    spec:\n      containers:\n        - name: web\n          image: web:1.0.0\n"
        )
    }),
    echo("sync-wave", Plain, |name, value| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    argocd.argoproj.io/sync-wave: \"{value}\"\n    argocd.argoproj.io/hook: \"{value}\"\n"
        )
    }),
    echo("reference", Plain, |name, value| {
        pod(
            name,
            &format!(
                "      envFrom:\n        - configMapRef: {{name: c{value}}}\n        - secretRef: {{name: s{value}}}\n"
            ),
        )
    }),
    echo("host-path", Plain, |name, value| {
        format!("{}  volumes:\n    - name: v\n      hostPath: {{path: /keys/{value}}}\n", pod(name, ""))
    }),
];
