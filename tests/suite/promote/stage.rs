//! A shop with three environments on a Git host: the embedded one, or one that a [`Rig`] brings.

use super::gitea::Gitea;
use super::github::GitHub;
use super::gitlab::GitLab;
use super::witness::{Ledger, Witness};
use mergeline::commit::CommitId;
use mergeline::event::Surroundings;
use mergeline::failure::Result;
use mergeline::host::{Host, LocalHost, PostedStatus, PullRequest, PullRequestQuery, PullRequestState, Rights};
use mergeline::run::{ReconcileOptions, Reconciled, Session, Setting, reconcile};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// dev follows the default branch, staging lands by itself, prod waits for a person.
pub(super) const CONFIGURATION: &str = "version: 1
environments:
  dev: {source: apps/*/dev, branch: env/dev, cluster: {kubeconfig: {env: DEV_KUBECONFIG}}}
  staging: {source: apps/*/staging, branch: env/staging, cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}, needs: [dev], land: auto}
  prod: {source: apps/*/prod, branch: env/prod, cluster: {kubeconfig: {env: PROD_KUBECONFIG}}, needs: [staging]}
";

pub(super) const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// How a person merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Button {
    Merge,
    Squash,
    Rebase,
}

/// A host beside the embedded one, with a private repository, our own account, and a person who may write.
pub(super) trait Rig {
    /// The host as `--host` names it: `gitea=URL`.
    fn flag(&self) -> String;
    /// `owner/name`.
    fn repository(&self) -> String;
    /// Our own token.
    fn token(&self) -> String;
    /// The host as our own account sees it.
    fn host(&self) -> Box<dyn Host>;
    /// Where the repository is, without a credential; with ours; with the person's.
    fn bare_remote(&self) -> String;
    fn own_remote(&self) -> String;
    fn person_remote(&self) -> String;
    /// The person merges a pull request.
    fn merge(&self, number: u64, button: Button);
    /// The person closes one.
    fn close(&self, number: u64);
    /// The comments of a pull request, oldest first.
    fn comments(&self, number: u64) -> Vec<String>;
    /// Waits until the host has taken note of the first push.
    fn settle(&self) {}
    /// How many requests our own account has sent to the API since the last time.
    fn take_requests(&self) -> u64;
}

pub(super) enum Place {
    Local(LocalHost),
    Hosted(Box<dyn Rig>),
}

pub(super) struct Stage {
    folder: TempDir,
    pub(super) place: Place,
    pub(super) ledger: Ledger,
    /// Runs work in a clone of depth 1, as a job has.
    pub(super) shallow: Cell<bool>,
    /// What runs are asked for.
    pub(super) options: RefCell<ReconcileOptions>,
    clones: Cell<u32>,
    clock: Cell<u32>,
}

impl Stage {
    /// On the embedded host, with the configuration and the applications `web` and `api` at version 1 pushed.
    pub(super) fn local() -> Self {
        let folder = TempDir::new().unwrap();
        let host = LocalHost::create(folder.path().join("host"), "acme/shop").unwrap();
        host.set_member("ada", Rights::Write).unwrap();
        Self::on(folder, Place::Local(host))
    }

    /// On the lab's Gitea; `None` where there is no lab.
    pub(super) fn gitea() -> Option<Self> {
        Gitea::new().map(Self::hosted)
    }

    /// On the stub of GitHub; `None` where there is no description of it.
    pub(super) fn github() -> Option<Self> {
        GitHub::new().map(Self::hosted)
    }

    /// On the GitLab that the lab plays.
    pub(super) fn gitlab() -> Self {
        Self::hosted(GitLab::new())
    }

    pub(super) fn hosted(rig: impl Rig + 'static) -> Self {
        Self::on(TempDir::new().unwrap(), Place::Hosted(Box::new(rig)))
    }

    /// The host's rig; the embedded one has none.
    pub(super) fn rig(&self) -> &dyn Rig {
        match &self.place {
            Place::Local(_) => unreachable!("the embedded host has no rig"),
            Place::Hosted(rig) => rig.as_ref(),
        }
    }

    fn on(folder: TempDir, place: Place) -> Self {
        let ledger = Ledger::new(&folder.path().join("ledger"));
        if let Place::Local(host) = &place {
            ledger.watch(&host.repository_path());
        }
        let options = ReconcileOptions { deliver: true, ..ReconcileOptions::default() };
        let stage = Self {
            folder,
            place,
            ledger,
            shallow: Cell::new(false),
            options: RefCell::new(options),
            clones: Cell::new(0),
            clock: Cell::new(0),
        };
        for environment in ENVIRONMENTS {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
                 contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\n\
                 clusters: [{{name: it, cluster: {{server: \"memory://{}\"}}}}]\nusers: [{{name: it, user: {{}}}}]\n",
                stage.cluster_file(environment).display()
            );
            std::fs::write(stage.kubeconfig(environment), text).unwrap();
        }
        git(stage.folder.path(), &["init", "--quiet", "--initial-branch", "main", "person"]);
        let mut files = vec![("mergeline.yaml".to_owned(), CONFIGURATION.to_owned())];
        for environment in ENVIRONMENTS {
            for unit in ["web", "api"] {
                files.push(app(unit, environment, "1.0"));
            }
        }
        stage.commit("main", &files, "Begin the shop");
        if let Place::Hosted(rig) = &stage.place {
            rig.settle();
        }
        stage
    }

    fn kubeconfig(&self, environment: &str) -> PathBuf {
        self.folder.path().join(format!("{environment}.kubeconfig"))
    }

    pub(super) fn cluster_file(&self, environment: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(format!("{environment}.cluster.json"))
    }

    /// What is in an environment's cluster, as text.
    pub(super) fn cluster(&self, environment: &str) -> String {
        std::fs::read_to_string(self.cluster_file(environment)).unwrap_or_default()
    }

    /// The host as our own account sees it.
    pub(super) fn host(&self) -> Box<dyn Host> {
        match &self.place {
            Place::Local(host) => {
                // One time for everything: two hosts with the same history have the same commits.
                let instant = jiff::Timestamp::from_second(1_800_000_000).unwrap();
                Box::new(host.with_clock(move || instant))
            }
            Place::Hosted(rig) => rig.host(),
        }
    }

    /// Where a person pushes to.
    pub(super) fn remote(&self) -> String {
        match &self.place {
            Place::Local(host) => format!("file://{}", host.repository_path().display()),
            Place::Hosted(rig) => rig.person_remote(),
        }
    }

    /// Commits files on a branch as a person and pushes it; an empty text removes the file.
    pub(super) fn commit(&self, branch: &str, files: &[(String, String)], message: &str) -> CommitId {
        let person = self.folder.path().join("person");
        if !self.head_of(branch).is_empty() {
            self.git_person(&["fetch", "--quiet", &self.remote(), branch]);
            self.git_person(&["checkout", "--quiet", "--force", "-B", "work", "FETCH_HEAD"]);
        }
        for (path, text) in files {
            let path = person.join(path);
            if text.is_empty() {
                drop(std::fs::remove_file(path));
            } else {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
        self.git_person(&["add", "--all"]);
        self.git_person(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.push_as_person(&format!("HEAD:refs/heads/{branch}"));
        CommitId::parse(&self.git_person(&["rev-parse", "HEAD"])).unwrap()
    }

    pub(super) fn push_as_person(&self, refspec: &str) {
        self.git_person(&["push", "--quiet", "--force", &self.remote(), refspec]);
    }

    /// Releases another version of an application to some environments.
    pub(super) fn release(&self, unit: &str, version: &str, environments: &[&str]) -> CommitId {
        let files: Vec<_> = environments.iter().map(|environment| app(unit, environment, version)).collect();
        self.commit("main", &files, &format!("Bring {unit} {version}"))
    }

    /// Replaces the configuration.
    pub(super) fn configure(&self, text: &str) -> CommitId {
        self.commit("main", &[("mergeline.yaml".to_owned(), text.to_owned())], "Configure")
    }

    pub(super) fn git_person(&self, arguments: &[&str]) -> String {
        self.clock.set(self.clock.get() + 1);
        let date = format!("{} +0000", 1_700_000_000 + self.clock.get());
        let mut command = command(&self.folder.path().join("person"), arguments);
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).env("LEDGER_PERSON", "1");
        output(command, arguments)
    }

    /// The head of a branch on the host, or nothing.
    pub(super) fn head_of(&self, branch: &str) -> String {
        let listed = git(self.folder.path(), &["ls-remote", &self.remote(), &format!("refs/heads/{branch}")]);
        listed.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// The head of a branch, which must be there.
    pub(super) fn head(&self, branch: &str) -> CommitId {
        CommitId::parse(&self.head_of(branch)).unwrap_or_else(|_| panic!("there is no branch {branch}"))
    }

    /// A file on a branch, or nothing.
    pub(super) fn file(&self, branch: &str, path: &str) -> Option<String> {
        self.git_person(&["fetch", "--quiet", &self.remote(), branch]);
        let arguments = ["show", &format!("FETCH_HEAD:{path}")];
        let output = command(&self.folder.path().join("person"), &arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The session of one run, in a new clone.
    pub(super) async fn session(&self) -> Result<Session> {
        let number = self.clones.get();
        self.clones.set(number + 1);
        let clone = self.folder.path().join(format!("clone-{number}"));
        let remote = match &self.place {
            Place::Local(host) => format!("file://{}", host.repository_path().display()),
            Place::Hosted(rig) => rig.own_remote(),
        };
        let depth: &[&str] = if self.shallow.get() { &["--depth=1", "--branch=main"] } else { &[] };
        let arguments = [&["clone", "--quiet"], depth, &[remote.as_str(), clone.to_str().unwrap()]].concat();
        git(self.folder.path(), &arguments);
        let mut variables: BTreeMap<String, String> = ENVIRONMENTS
            .iter()
            .map(|name| (format!("{}_KUBECONFIG", name.to_uppercase()), self.kubeconfig(name).display().to_string()))
            .collect();
        let (host, repository) = match &self.place {
            Place::Local(host) => (format!("local={}", host.folder().display()), None),
            Place::Hosted(rig) => {
                git(&clone, &["remote", "set-url", "origin", &rig.bare_remote()]);
                variables.insert("MERGELINE_TOKEN".to_owned(), rig.token());
                (rig.flag(), Some(rig.repository()))
            }
        };
        let setting = Setting {
            directory: clone,
            surroundings: Surroundings { variables, payload: None },
            host: Some(host),
            repository,
            remote: "origin".to_owned(),
        };
        let mut session = Session::open(&setting).await?;
        let host = match &self.place {
            Place::Local(_) => self.host(),
            Place::Hosted(_) => session.host,
        };
        session.host = Box::new(Witness { host, ledger: self.ledger.clone() });
        Ok(session)
    }

    /// One run, in a new clone, as far as it goes.
    pub(super) async fn try_run(&self) -> Result<Reconciled> {
        let session = self.session().await?;
        let options = self.options.borrow().clone();
        reconcile(&session, &options, &|_| {}).await
    }

    /// One run that must go well.
    pub(super) async fn run(&self) -> Reconciled {
        let done = self.try_run().await.unwrap_or_else(|failure| panic!("{failure}"));
        if let Some(failure) = &done.failure {
            panic!("{failure}");
        }
        done
    }

    /// The outside writes of `run`, one line each.
    pub(super) async fn writes_of_a_run(&self) -> Vec<String> {
        let before = self.ledger.writes().len();
        self.run().await;
        self.ledger.writes().split_off(before)
    }

    /// Every pull request, newest first.
    pub(super) async fn pulls(&self) -> Vec<PullRequest> {
        self.host().pull_requests(&PullRequestQuery::default()).await.unwrap()
    }

    /// The open promotions of an environment.
    pub(super) async fn open(&self, environment: &str) -> Vec<PullRequest> {
        let mut pulls = self.pulls().await;
        let from = format!("mergeline/promote/{environment}");
        pulls.retain(|pull| pull.state == PullRequestState::Open && pull.head_branch == from);
        pulls
    }

    /// The one open promotion of an environment.
    pub(super) async fn promotion(&self, environment: &str) -> PullRequest {
        let mut open = self.open(environment).await;
        assert_eq!(open.len(), 1, "{environment}: {open:#?}");
        open.remove(0)
    }

    /// Our own verdict on the head of an environment's branch.
    pub(super) async fn evidence(&self, environment: &str) -> Option<PostedStatus> {
        let head = self.head(&format!("env/{environment}"));
        let context = format!("mergeline/{environment}");
        self.host().statuses(&head).await.unwrap().into_iter().find(|posted| posted.status.context == context)
    }

    /// A person merges a pull request.
    pub(super) async fn merge(&self, number: u64, button: Button) {
        match &self.place {
            Place::Local(host) => {
                use mergeline::host::local::MergeStyle;
                let style = match button {
                    Button::Merge => MergeStyle::MergeCommit,
                    Button::Squash => MergeStyle::Squash,
                    Button::Rebase => MergeStyle::FastForward,
                };
                host.set_merge_style(style).unwrap();
                let instant = jiff::Timestamp::from_second(1_800_000_000).unwrap();
                let landing = host.as_user("ada").with_clock(move || instant).merge_pull_request(number).unwrap();
                assert!(matches!(landing, mergeline::host::Landing::Landed(_)), "{landing:?}");
                host.set_merge_style(MergeStyle::default()).unwrap();
            }
            Place::Hosted(rig) => rig.merge(number, button),
        }
    }

    /// A person closes a pull request.
    pub(super) fn close(&self, number: u64) {
        match &self.place {
            Place::Local(host) => host.as_user("ada").set_open(number, false).unwrap(),
            Place::Hosted(rig) => rig.close(number),
        }
    }

    /// The comments of a pull request.
    pub(super) fn comments(&self, number: u64) -> Vec<String> {
        match &self.place {
            Place::Local(host) => host.comments(number).unwrap().into_iter().map(|comment| comment.body).collect(),
            Place::Hosted(rig) => rig.comments(number),
        }
    }

    /// Forbids our account to open pull requests.
    pub(super) fn forbid_pull_requests(&self, forbidden: bool) {
        match &self.place {
            Place::Local(host) => host.let_jobs_create_pull_requests(!forbidden).unwrap(),
            Place::Hosted(_) => unreachable!("only the embedded host has this setting"),
        }
    }

    /// All that is outside of a run: branches with their commits, everything on the host, every cluster.
    pub(super) fn everything(&self) -> String {
        let refs = git(self.folder.path(), &["ls-remote", &self.remote(), "refs/heads/*"]);
        let mut text = format!("{refs}\n");
        if let Place::Local(host) = &self.place {
            for name in ["pull-requests", "statuses", "deployments"] {
                for path in files_below(&host.folder().join(name)) {
                    text += &format!("{}\n{}\n", path.display(), std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        for environment in ENVIRONMENTS {
            text += &format!("CLUSTER {environment}\n{}", self.cluster(environment));
        }
        text.replace(&self.folder.path().canonicalize().unwrap().display().to_string(), "FOLDER")
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The manifest of an application in one environment: its path and text.
pub(super) fn app(unit: &str, environment: &str, version: &str) -> (String, String) {
    (format!("apps/{unit}/{environment}/all.yaml"), deployment(unit, version))
}

/// The Deployment of an application.
pub(crate) fn deployment(unit: &str, version: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {unit}, namespace: default}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {unit}}}}}
  template:
    metadata: {{labels: {{app: {unit}}}}}
    spec: {{containers: [{{name: {unit}, image: \"example.com/{unit}:{version}\"}}]}}
"
    )
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = mergeline_lab::git(folder);
    command.args(arguments);
    command
}

fn output(mut command: Command, arguments: &[&str]) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The machine's `git`, without any of the machine's configuration.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> String {
    output(command(folder, arguments), arguments)
}
