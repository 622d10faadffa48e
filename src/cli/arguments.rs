//! The command line, as clap types. Flags read like kubectl's and git's.

use super::kubeconform::Kubeconform;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// GitOps from the repository itself: reviews, delivers and promotes Kubernetes manifests.
#[derive(Debug, Parser)]
#[command(name = "mergeline", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the CI's event and do the right thing; what the Action and the component call
    Run(Run),
    /// Review a change: verdicts on the exact line, rendered diff
    Review(Review),
    /// Validate manifests of folders, files or standard input
    Validate(Validate),
    /// Render a folder and print the objects
    Render(Render),
    /// Compare two folders or files of manifests, object by object
    Diff(Diff),
    /// Apply an environment to its cluster
    Apply(Apply),
    /// Bring every environment branch as far as it may go now
    Promote(Promote),
    /// Show the board of environments
    Status(Status),
    /// Write a first configuration and the CI file; what is there is left as it is
    Init(Init),
    /// Play the whole line in a temporary folder on embedded parts
    Demo(Demo),
    /// Print the JSON Schema of the configuration or of the report, or pull the schemas of a cluster's kinds
    Schema(Schema),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Not supported yet: compare clusters with Git
    #[command(hide = true)]
    Drift(NotYet),
    /// Not supported yet: bring an environment back
    #[command(hide = true)]
    Rollback(NotYet),
    /// Not supported yet: say what an environment waits for
    #[command(hide = true)]
    Why(NotYet),
    /// Not supported yet: show the history of an environment
    #[command(hide = true)]
    Log(NotYet),
}

/// The lightest finding that fails a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Nothing does
    Never,
}

/// Flags of the commands that judge.
#[derive(Debug, Args)]
pub(crate) struct Judging {
    /// Where results go, `FORMAT[=PATH]`; may be given several times. Formats: text, markdown, json, github,
    /// junit, gitlab, sarif, html
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(crate) outputs: Vec<String>,
    /// The lightest finding that fails the command
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    /// The Kubernetes version to judge by, `X.Y` (default: the configuration's for each environment, else the newest bundled)
    #[arg(long, value_name = "X.Y")]
    pub(crate) kubernetes: Option<String>,
}

/// Flags of the commands that judge and do nothing else.
#[derive(Debug, Args)]
pub(crate) struct Strictness {
    /// What an object of a kind that no schema is known for is (default: the configuration's, else a warning)
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) unknown: Option<Unknown>,
    /// Pass over fields that the server does not know
    #[arg(long)]
    pub(crate) lenient: bool,
    /// Where schemas of further kinds are: a file, folder or pattern from the root of the repository, or an address; a
    /// template such as `schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json` is filled in for each kind.
    /// May be given several times
    #[arg(long = "schema", value_name = "LOCATION")]
    pub(crate) schemas: Vec<String>,
}

/// What an object of an unknown kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unknown {
    /// A warning for each kind
    Warn,
    /// An error for each kind
    Fail,
    /// Only counted
    Ignore,
}

impl Strictness {
    /// What was asked for.
    pub(crate) fn asked(&self) -> crate::review::Strictness {
        let unknown = self.unknown.map(|unknown| match unknown {
            Unknown::Warn => crate::validate::Unknown::Warn,
            Unknown::Fail => crate::validate::Unknown::Fail,
            Unknown::Ignore => crate::validate::Unknown::Ignore,
        });
        crate::review::Strictness { schemas: self.schemas.clone(), unknown, lenient: self.lenient }
    }
}

/// Flags of the commands that speak to a Git host.
#[derive(Debug, Args)]
pub(crate) struct HostFlags {
    /// The Git host, `KIND=API-URL` (`gitea=https://git.example.com/api/v1`) or `local=FOLDER`; default: the CI's, or the
    /// one behind the remote
    #[arg(long, value_name = "KIND=URL", env = "MERGELINE_HOST")]
    pub(crate) host: Option<String>,
    /// The repository on the host, `OWNER/NAME`; default: the remote's path
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) repository: Option<String>,
    /// The remote to fetch from and push to
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub(crate) remote: String,
}

/// `mergeline run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) host: HostFlags,
    /// Act on this environment only; may be given several times
    #[arg(short, long = "environment", value_name = "NAME")]
    pub(crate) environments: Vec<String>,
    /// Decide and print, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `mergeline review`
#[derive(Debug, Args)]
pub(crate) struct Review {
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) strictness: Strictness,
    /// Compare with the merge-base of the head and this revision (default: the default branch)
    #[arg(long, value_name = "REVISION")]
    pub(crate) base: Option<String>,
    /// The revision to review (default: the working tree with untracked files)
    #[arg(long, value_name = "REVISION")]
    pub(crate) head: Option<String>,
    /// Look at this environment only; may be given several times
    #[arg(short, long = "environment", value_name = "NAME")]
    pub(crate) environments: Vec<String>,
}

/// `mergeline validate`
#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) strictness: Strictness,
    #[command(flatten)]
    pub(crate) kubeconform: Kubeconform,
    /// Leave objects of these kinds out, `Kind` or `group/version/Kind`; they are counted as not checked
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Refuse objects of these kinds, `Kind` or `group/version/Kind`
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) reject: Vec<String>,
    /// Explain a rule: what it finds, why, and how to mend or silence it
    #[arg(long, value_name = "RULE", conflicts_with = "paths")]
    pub(crate) explain: Option<String>,
    /// Files, folders and patterns; `-` for standard input (default: every unit of the repository)
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// `mergeline render`
#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The folder to render
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) path: PathBuf,
}

/// `mergeline diff`
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// From: a folder (rendered first), a file, or `-` for standard input
    #[arg(value_name = "FROM")]
    pub(crate) before: PathBuf,
    /// To
    #[arg(value_name = "TO")]
    pub(crate) after: PathBuf,
    /// Where results go, `FORMAT[=PATH]`; may be given several times. Formats: text, markdown, json, github,
    /// junit, gitlab, sarif, html
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(crate) outputs: Vec<String>,
    /// End with 1 when anything differs, as `git diff --exit-code` does
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// The Kubernetes version that says how lists merge, `X.Y` (default: the newest bundled)
    #[arg(long, value_name = "X.Y")]
    pub(crate) kubernetes: Option<String>,
}

/// `mergeline apply`
#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) host: HostFlags,
    /// Print the plan with the server's verdict for each object, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to wait for health: `90s`, `5m`
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) timeout: String,
    /// Post no commit status; for clusters without a Git host
    #[arg(long)]
    pub(crate) no_status: bool,
    /// Let a unit that renders to nothing delete all that it has
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Let objects of protected kinds be pruned (Namespace, CustomResourceDefinition, PersistentVolumeClaim, …)
    #[arg(long)]
    pub(crate) allow_protected: bool,
}

/// `mergeline promote`
#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) host: HostFlags,
    /// Act on this environment only; may be given several times
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environments: Vec<String>,
    /// Decide and print, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `mergeline status`
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Where results go, `FORMAT[=PATH]`; may be given several times. Formats: text, markdown, json
    #[arg(short, long = "output", value_name = "FORMAT[=PATH]")]
    pub(crate) outputs: Vec<String>,
    #[command(flatten)]
    pub(crate) host: HostFlags,
}

/// `mergeline init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The Git host: github, gitea, forgejo, gitlab (default: what the remote's name says, else the CI files)
    #[arg(long, value_name = "KIND")]
    pub(crate) host: Option<String>,
    /// The remote whose name tells the host
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub(crate) remote: String,
}

/// `mergeline demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Make the demo in this folder, which must not exist (default: a new temporary folder)
    #[arg(long = "in", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// `mergeline schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    #[command(subcommand)]
    pub(crate) command: SchemaCommand,
}

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the JSON Schema of `mergeline.yaml`
    Config,
    /// Print the JSON Schema of `--output json`
    Report,
    /// Write the schemas of the kinds that a cluster serves beyond Kubernetes' own, for `validate.schemas`
    Pull(PullSchemas),
}

/// `mergeline schema pull`
#[derive(Debug, Args)]
pub(crate) struct PullSchemas {
    /// The file to write (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The kubeconfig (default: the variable `KUBECONFIG`, else `~/.kube/config`)
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context (default: the kubeconfig's current one)
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Let the kubeconfig run programs to sign in, as cloud providers want
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// Write Kubernetes' own kinds as well
    #[arg(long)]
    pub(crate) all: bool,
}

/// `mergeline completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// A command that is not there yet; takes anything, so that the answer is clear.
#[derive(Debug, Args)]
pub(crate) struct NotYet {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
