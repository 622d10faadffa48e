//! The shape of `mergeline.yaml`: what each key means, its default and its form. Documentation here is what editors show,
//! through the JSON Schema that is generated from these types.

use super::form::{Duration, InputOrder, KubernetesVersion, OneOrMany};
use crate::manifest::Budget;
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of Mergeline: environments, what they hold, and how changes reach them.
///
/// The file is `mergeline.yaml` at the root of the repository and optional: without it, pull requests are reviewed by
/// discovery.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "mergeline.yaml")]
pub struct Model {
    /// The version of this file's shape. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The Kubernetes version that manifests are judged by, in quotes: "1.34"; a patch (`1.34.2`) changes nothing.
    /// Default: the newest one that this Mergeline knows. An environment may have its own.
    #[serde(default)]
    pub kubernetes: Option<KubernetesVersion>,
    /// The environments by name, in the order in which people read them. A name becomes part of branch and folder
    /// names.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, Environment>")]
    pub environments: InputOrder<Environment>,
    /// How pull requests are judged.
    #[serde(default)]
    pub review: Review,
    /// What manifests are validated against.
    #[serde(default)]
    pub validate: Validate,
    /// How sources are rendered.
    #[serde(default)]
    pub render: Render,
}

/// One environment: one branch, one promotion pull request, one landing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Environment {
    /// The folders (or files) to render, one pattern or several. `*` stands for one folder name, or a part of one; each
    /// match is a unit that is named by what the stars matched, joined by `-`, and by its last folder where no star is.
    pub source: OneOrMany,
    /// The branch that rendered manifests are committed to. Without one, the environment is applied straight from the
    /// default branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// The cluster that this environment is applied to. Without one (Argo CD or Flux pull the branch), landed counts as
    /// delivered.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    /// The environments that a release must have reached before it comes here. Without any, the environment follows the
    /// default branch by itself. Needs a `branch`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What must be true before a release lands here. Needs a `branch`.
    #[serde(default)]
    pub gates: Gates,
    /// Who lands a release once its gates are green. Default: `human` where `needs` is set, else `auto`. Needs a
    /// `branch`.
    #[serde(default)]
    pub land: Option<Land>,
    /// Whether rendered Secrets whose values the default branch already shows may be committed to the branch. Default:
    /// `allow`.
    #[serde(default)]
    pub secrets: Secrets,
    /// The namespace of namespaced objects that name none. Default: the one of the kubeconfig's context.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The Kubernetes version of this environment, in quotes: "1.34". Default: the one above all environments.
    #[serde(default)]
    pub kubernetes: Option<KubernetesVersion>,
}

/// How to reach a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cluster {
    /// Where the kubeconfig is: `{env: NAME}`, an environment variable that holds it as YAML or base64 or holds a path,
    /// or an absolute path outside the checkout. Never a file of the repository.
    pub kubeconfig: Kubeconfig,
    /// The context to use. Default: the kubeconfig's current one.
    #[serde(default)]
    pub context: Option<String>,
    /// Whether programs that the kubeconfig names may be run to sign in (`exec` users, as cloud providers use).
    /// Default: false.
    #[serde(default)]
    pub allow_exec: bool,
}

/// Where a kubeconfig is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubeconfig {
    /// In an environment variable of this name.
    Variable(String),
    /// In a file outside the checkout.
    Path(String),
}

/// What must be true before a release lands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Gates {
    /// How long the release must have been healthy in each of the `needs`, without a break: `30m`, `1h`, `2d`.
    #[serde(default)]
    pub soak: Option<Duration>,
    /// Statuses or checks that must be green on the commit that was delivered to each of the `needs`.
    #[serde(default)]
    pub checks: Vec<String>,
    /// How many people other than the release's authors must approve the promotion pull request.
    #[serde(default)]
    pub approvals: Option<u32>,
    /// When releases may land.
    #[serde(default)]
    pub windows: Option<Windows>,
}

/// When releases may land.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Windows {
    /// The time zone by its IANA name: `Europe/Paris`.
    pub tz: String,
    /// Days and hours in which landing is allowed: `Mon-Thu 09:00-16:00`.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// Who lands a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Land {
    /// It lands by itself once the gates are green.
    Auto,
    /// The pull request waits for a person.
    Human,
}

/// What happens to rendered Secrets on the way to an environment branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Secrets {
    /// Committed as far as the default branch already shows their values; a finding says so.
    #[default]
    Allow,
    /// Never committed: a rendered Secret stops the promotion.
    Refuse,
}

/// How pull requests are judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Review {
    /// The lightest finding that fails a run. Default: `error`.
    #[serde(default)]
    pub fail_on: FailOn,
    /// Whether findings on lines of the pull request are said beside these lines too, with the line as it should be where
    /// that is certain. Default: true.
    #[serde(default)]
    pub line_comments: Option<bool>,
    /// A file of the repository that says what the review comment looks like, in Jinja's syntax. Default: the comment
    /// that `docs/comment.md.j2` of Mergeline's own repository writes.
    #[serde(default)]
    pub template: Option<String>,
    /// From how much on a change reaches far (`blast-radius`).
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Where further secret values stand, as `KIND:/path/of/keys` (`Vault:/spec/unseal`, `*:/spec/**/password`): everything
    /// below is masked in every output. `*` is one key, index or part of a key, `**` any number of keys. Secrets, sealed
    /// ones, files of SOPS and passwords that a chart is given are known without.
    #[serde(default)]
    pub secret_paths: Vec<String>,
}

/// From how much on a change reaches far: what it does to one environment at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Thresholds {
    /// Units that change. Default: 10.
    #[serde(default)]
    pub units: Option<u32>,
    /// Objects that change. Default: 60.
    #[serde(default)]
    pub objects: Option<u32>,
    /// Objects that are deleted or replaced. Default: 10.
    #[serde(default)]
    pub deletions: Option<u32>,
    /// Of the objects of the units that change, how many in a hundred are deleted or replaced; fewer than three never count.
    /// Default: 50.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub deleted_percent: Option<u32>,
}

/// The lightest finding that fails a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Errors fail the run.
    #[default]
    Error,
    /// Warnings fail it too.
    Warning,
    /// Findings never fail it.
    Never,
}

/// What manifests are validated against.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Validate {
    /// Where schemas of further kinds are: files, folders and patterns from the root of the repository
    /// (CustomResourceDefinitions, what `mergeline schema pull` wrote, OpenAPI v3, JSON Schemas), or addresses. A location
    /// with fields such as `{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json` is filled in for each kind.
    /// CustomResourceDefinitions of the repository are known without.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// What an object is whose kind no schema is known for. Default: `warn`.
    #[serde(default)]
    pub unknown: Unknown,
    /// What findings of a rule weigh, by the rule's name: `off`, `warning` or `error`, or `{level: off, reason: …}` with a
    /// reason that reports tell. Default: what `docs/rules.md` says. What is off is counted all the same. Rules are those of
    /// manifests and those of changes.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, RuleSetting>")]
    pub rules: InputOrder<RuleSetting>,
    /// How much a manifest may cost to read.
    #[serde(default)]
    pub budgets: Budgets,
}

/// How much one file of manifests, or one document of a long stream, may cost to read. What costs more is a `yaml-budget`
/// error. Of a pull request the limits of its target branch count: a change cannot raise its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Budgets {
    /// Bytes of text, and bytes with all aliases expanded; at most 1 GiB. Default: 33554432 (32 MiB).
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub bytes: usize,
    /// Lists and maps inside each other, at most 250. Default: 100.
    #[schemars(range(min = 1, max = 250))]
    pub depth: usize,
    /// Keys and values. Default: 4000000.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub nodes: usize,
    /// Keys and values that anchors and aliases add to that. Default: 400000.
    #[schemars(range(max = 100_000_000))]
    pub aliases: usize,
    /// Documents, also of all parts of a stream together. Default: 250000.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub documents: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        let Budget { bytes, depth, nodes, expanded, documents, .. } = Budget::default();
        Self { bytes, depth, nodes, aliases: expanded, documents }
    }
}

impl Budgets {
    /// The limits as the reader takes them.
    #[must_use]
    pub fn budget(&self) -> Budget {
        let Self { bytes, depth, nodes, aliases, documents } = *self;
        Budget { bytes, depth, nodes, expanded: aliases, documents, ..Budget::default() }
    }
}

/// What findings of a rule weigh, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetting {
    /// What they weigh.
    pub level: RuleLevel,
    /// Why, for whoever reads a report.
    pub reason: Option<String>,
}

/// What findings of a rule weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleLevel {
    /// They are counted and not shown.
    Off,
    /// Warnings.
    Warning,
    /// Errors.
    Error,
}

/// What an object is whose kind no schema is known for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// A warning for each such kind.
    #[default]
    Warn,
    /// An error for each such kind.
    Fail,
    /// Fine; such objects are counted all the same.
    Ignore,
}

/// How sources are rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Render {
    /// Files and folders that are no manifests, as lines of a `.gitignore`. They add to those of `.mergelineignore`
    /// files.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// What kustomizations may use.
    #[serde(default)]
    pub kustomize: Kustomize,
}

/// What kustomizations may use beyond the files of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kustomize {
    /// Whether remote resources may be fetched. Default: false.
    #[serde(default)]
    pub allow_remote: bool,
    /// Whether exec and container plugins may be run. Default: false.
    #[serde(default)]
    pub allow_plugins: bool,
}

impl Environment {
    /// Who lands a release here: what is written, else `human` where `needs` is set and `auto` elsewhere.
    #[must_use]
    pub fn land(&self) -> Land {
        self.land.unwrap_or(if self.needs.is_empty() { Land::Auto } else { Land::Human })
    }
}
