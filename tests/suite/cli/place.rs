//! A folder of its own with a repository in it, and the binary run there without the machine's environment.

use crate::git::sandbox::{Checkout, Sandbox};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository, and the binary run in it.
pub(super) struct Place {
    sandbox: Sandbox,
    pub(super) checkout: Checkout,
    tools: Option<PathBuf>,
}

/// What the binary said.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// Both streams, for what must be in neither.
    pub(super) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }

    /// Asserts on the exit code with all that was said.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }
}

impl Place {
    /// A repository without commits.
    pub(super) fn empty() -> Self {
        let sandbox = Sandbox::new();
        let checkout = sandbox.repository("shop");
        Self { sandbox, checkout, tools: None }
    }

    /// A repository with two plain applications, committed.
    pub(super) fn plain() -> Self {
        let place = Self::empty();
        place.checkout.write("web/deployment.yaml", DEPLOYMENT);
        place.checkout.write("api/service.yaml", SERVICE);
        place.checkout.commit("first");
        place
    }

    /// A copy of `examples/shop`, committed, and the lab's kustomize; nothing after the skip was announced.
    pub(super) fn shop() -> Option<Self> {
        let tools = mergeline_lab::needs::tools()?;
        let mut place = Self::empty();
        place.tools = tools.kustomize.parent().map(Path::to_owned);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop"), &place.checkout.path);
        place.checkout.commit("first");
        Some(place)
    }

    /// Replaces a text in a file; it must be there.
    pub(super) fn change(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.checkout.path.join(path)).unwrap();
        assert!(text.contains(from), "`{path}` has no `{from}`");
        self.checkout.write(path, text.replace(from, to));
    }

    /// A folder beside the repository.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        let path = self.sandbox.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs the binary in the repository.
    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        self.run_in(&self.checkout.path, arguments, "")
    }

    /// Runs the binary in a folder with a standard input.
    pub(super) fn run_in(&self, folder: &Path, arguments: &[&str], input: &str) -> Said {
        let path: Vec<PathBuf> = self.tools.iter().cloned().collect();
        let path: OsString = std::env::join_paths(path).unwrap();
        run(folder, arguments, input, &[("PATH", path), ("HOME", self.beside("home").into())])
    }
}

/// Runs the binary with no other variables than these.
pub(super) fn run(folder: &Path, arguments: &[&str], input: &str, variables: &[(&str, OsString)]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mergeline"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// The CustomResourceDefinition of `Kind` (plural: lower case and an s) in `example.com/v1`, whose `spec` has this schema, in
/// flow style.
pub(super) fn definition(kind: &str, spec: &str) -> String {
    let one = kind.to_lowercase();
    format!(
        "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {one}s.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{kind: {kind}, listKind: {kind}List, plural: {one}s, singular: {one}}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {spec}}}}}}}
"
    )
}

pub(super) const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: example.com/web:1.0.0
";

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: api}
spec:
  selector: {app: api}
  ports: [{port: 80}]
";
