//! A made-up repository: `main`, and two branches that change everything and one file.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How its applications are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One folder of manifests each.
    Plain,
    /// A base and an overlay each.
    Kustomize,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "100 plain applications",
            Self::Kustomize => "100 overlays",
        }
    }
}

/// A repository in a temporary folder.
pub(crate) struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    pub(crate) fn generate(kind: Kind, applications: usize) -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        let source = match kind {
            Kind::Plain => "apps/*",
            Kind::Kustomize => "apps/*/overlays/prod",
        };
        repository.write("mergeline.yaml", &format!("version: 1\nenvironments:\n  prod: {{source: {source}}}\n"));
        for number in 0..applications {
            repository.application(kind, number, "1.0.0");
        }
        repository.commit("first");
        repository.git(&["switch", "--quiet", "--create", "one-file"]);
        repository.application(kind, 0, "1.1.0");
        repository.commit("one file");
        repository.git(&["switch", "--quiet", "--create", "everything", "main"]);
        for number in 0..applications {
            repository.application(kind, number, "1.1.0");
        }
        repository.commit("everything");
        repository.git(&["switch", "--quiet", "main"]);
        repository
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn application(&self, kind: Kind, number: usize, version: &str) {
        let name = format!("app-{number:03}");
        let folder = match kind {
            Kind::Plain => format!("apps/{name}"),
            Kind::Kustomize => format!("apps/{name}/base"),
        };
        let mut settings = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n");
        for key in 0..20 {
            writeln!(settings, "  KEY_{key}: value of {key} in {name}").unwrap();
        }
        self.write(&format!("{folder}/deployment.yaml"), &deployment(&name, version));
        self.write(&format!("{folder}/service.yaml"), &service(&name));
        self.write(&format!("{folder}/settings.yaml"), &settings);
        if kind == Kind::Kustomize {
            let resources = "resources: [deployment.yaml, service.yaml, settings.yaml]\n";
            self.write(&format!("{folder}/kustomization.yaml"), resources);
            let overlay = format!(
                "resources: [../../base]\nnamespace: prod\nlabels:\n  - pairs: {{environment: prod}}\nreplicas:\n  - {{name: {name}, count: 3}}\n"
            );
            self.write(&format!("apps/{name}/overlays/prod/kustomization.yaml"), &overlay);
        }
    }

    fn write(&self, path: &str, text: &str) {
        let place: PathBuf = self.folder.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        let person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
        self.git(&[&person[..], &["commit", "--quiet", "--message", message]].concat());
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").args(arguments).current_dir(self.folder.path()).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }
}

fn deployment(name: &str, version: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: main
          image: registry.example.com/{name}:{version}
          ports:
            - {{name: http, containerPort: 8080}}
          envFrom:
            - configMapRef: {{name: {name}}}
          readinessProbe:
            httpGet: {{path: /healthz, port: http}}
          resources:
            requests: {{cpu: 50m, memory: 64Mi}}
            limits: {{memory: 128Mi}}
"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector: {{app: {name}}}\n  ports:\n    - {{name: http, port: 80, targetPort: http}}\n"
    )
}
