//! The whole line in one folder on embedded parts: the local host, clusters in memory, the example repository.
//!
//! Needs no tool but git.

use super::command::run;
use super::delivery::DeliveryOptions;
use super::reconcile::ReconcileOptions;
use super::session::{Session, Setting};
use crate::commit::CommitId;
use crate::event::{Event, PullRequestAction, PullRequestEvent, Surroundings, Trigger};
use crate::failure::{Failure, Result};
use crate::git::{Remote, Repository};
use crate::host::local::{LocalHost, Proposal};
use crate::host::{Host, Landing, PullRequest, PullRequestQuery, PullRequestState, Rights};
use crate::report::board::{self, Row};
use crate::trust::Grants;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The example repository, file by file.
const EXAMPLE: &[(&str, &str)] = &[
    ("mergeline.yaml", include_str!("../../examples/shop/mergeline.yaml")),
    ("README.md", include_str!("../../examples/shop/README.md")),
    (".github/workflows/mergeline.yml", include_str!("../../examples/shop/.github/workflows/mergeline.yml")),
    ("apps/web/base/kustomization.yaml", include_str!("../../examples/shop/apps/web/base/kustomization.yaml")),
    ("apps/web/base/deployment.yaml", include_str!("../../examples/shop/apps/web/base/deployment.yaml")),
    ("apps/web/base/service.yaml", include_str!("../../examples/shop/apps/web/base/service.yaml")),
    (
        "apps/web/overlays/dev/kustomization.yaml",
        include_str!("../../examples/shop/apps/web/overlays/dev/kustomization.yaml"),
    ),
    (
        "apps/web/overlays/staging/kustomization.yaml",
        include_str!("../../examples/shop/apps/web/overlays/staging/kustomization.yaml"),
    ),
    (
        "apps/web/overlays/prod/kustomization.yaml",
        include_str!("../../examples/shop/apps/web/overlays/prod/kustomization.yaml"),
    ),
    (
        "apps/platform/overlays/dev/namespace.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/dev/namespace.yaml"),
    ),
    (
        "apps/platform/overlays/dev/settings.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/dev/settings.yaml"),
    ),
    (
        "apps/platform/overlays/dev/promotion-crd.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/dev/promotion-crd.yaml"),
    ),
    (
        "apps/platform/overlays/staging/namespace.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/staging/namespace.yaml"),
    ),
    (
        "apps/platform/overlays/staging/settings.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/staging/settings.yaml"),
    ),
    (
        "apps/platform/overlays/staging/promotion-crd.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/staging/promotion-crd.yaml"),
    ),
    (
        "apps/platform/overlays/prod/namespace.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/prod/namespace.yaml"),
    ),
    (
        "apps/platform/overlays/prod/settings.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/prod/settings.yaml"),
    ),
    (
        "apps/platform/overlays/prod/promotion-crd.yaml",
        include_str!("../../examples/shop/apps/platform/overlays/prod/promotion-crd.yaml"),
    ),
];

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
const BRANCH: &str = "summer-sale";

/// What the demo tells, as it goes.
pub enum Scene<'a> {
    /// What happens now.
    Step(&'a str),
    /// One thing that was done.
    Detail(&'a str),
    /// Text that a person would see on the host: the comment, the board.
    Shown(&'a str),
    /// Something that the person should know.
    Note(&'a str),
}

/// What the demo left behind.
pub struct Left {
    /// The folder with everything in it.
    pub folder: PathBuf,
    /// The clone inside of it.
    pub clone: PathBuf,
}

/// Plays the demo in `folder`, which must be absent or empty.
///
/// # Errors
/// Usage when the folder is not empty or git is missing; anything else is a defect.
pub async fn play(folder: &Path, surroundings: &Surroundings, tell: &dyn Fn(Scene<'_>)) -> Result<Left> {
    let stage = Stage::set(folder, surroundings)?;
    tell(Scene::Step("The first release goes everywhere: dev follows main, staging lands by itself"));
    let board = stage.run(Trigger::Push { branch: "main".to_owned(), after: Some(stage.head("main")?) }, tell).await?;
    let first = stage.open_promotion().await?;
    tell(Scene::Detail(&format!("a person merges #{}: {}", first.number, first.title)));
    stage.merge(first.number)?;
    stage.run(Trigger::Push { branch: "env/prod".to_owned(), after: Some(stage.head("env/prod")?) }, tell).await?;
    drop(board);

    tell(Scene::Step("A pull request changes the shop; this is its comment"));
    let pull = stage.propose_change()?;
    let event = PullRequestEvent {
        number: pull.number,
        action: PullRequestAction::Changed,
        head: pull.head.clone(),
        head_branch: pull.head_branch.clone(),
        base_branch: pull.base_branch.clone(),
        from_fork: false,
        privileged: false,
    };
    stage.run(Trigger::PullRequest(event), &|_| {}).await?;
    let comments = stage.host.comments(pull.number)?;
    let comment = comments.first().ok_or_else(|| Failure::bug("the review left no comment"))?;
    tell(Scene::Shown(visible(&comment.body)));

    tell(Scene::Step("It is merged: rendered, applied, promoted"));
    stage.merge(pull.number)?;
    stage.run(Trigger::Push { branch: "main".to_owned(), after: Some(stage.head("main")?) }, tell).await?;
    tell(Scene::Step("Where every environment stands"));
    let rows = stage.run(Trigger::Schedule, &|_| {}).await?;
    tell(Scene::Shown(&board::text(&rows, jiff::Timestamp::now())));
    Ok(Left { folder: stage.folder, clone: stage.clone })
}

/// The comment without the marker that people do not see.
fn visible(body: &str) -> &str {
    body.split_once("-->\n").filter(|(marker, _)| marker.starts_with("<!--")).map_or(body, |(_, rest)| rest).trim()
}

struct Stage {
    folder: PathBuf,
    clone: PathBuf,
    host: LocalHost,
    alice: LocalHost,
    surroundings: Surroundings,
}

impl Stage {
    fn set(folder: &Path, surroundings: &Surroundings) -> Result<Self> {
        let cannot =
            |error: std::io::Error| Failure::usage(format!("cannot write to `{}`", folder.display())).because(error);
        let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        if taken {
            return Err(Failure::usage(format!("`{}` is not empty", folder.display()))
                .hint("name a folder that does not exist yet"));
        }
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let folder = folder.canonicalize().map_err(cannot)?;
        let host = LocalHost::create(folder.join("host"), "acme/shop")?;
        host.set_member("alice", Rights::Write)?;
        let mut variables = surroundings.clone();
        variables.variables.retain(|name, _| ["PATH", "HOME", "TMPDIR"].contains(&name.as_str()));
        std::fs::create_dir_all(folder.join("clusters")).map_err(cannot)?;
        for name in ENVIRONMENTS {
            let file = folder.join("clusters").join(format!("{name}.kubeconfig"));
            std::fs::write(&file, kubeconfig(&folder, name)).map_err(cannot)?;
            let variable = format!("{}_KUBECONFIG", name.to_uppercase());
            variables.variables.insert(variable, file.display().to_string());
        }
        let clone = folder.join("shop");
        for (path, text) in EXAMPLE {
            let file = clone.join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(&clone)).map_err(cannot)?;
            std::fs::write(&file, text).map_err(cannot)?;
        }
        let alice = host.as_user("alice");
        let stage = Self { folder, clone, host, alice, surroundings: variables };
        let repository = stage.host.repository_path().display().to_string();
        stage.git(&["init", "--quiet", "--initial-branch=main"])?;
        stage.git(&["remote", "add", "origin", &repository])?;
        stage.commit("Open the shop")?;
        stage.git(&["push", "--quiet", "origin", "main"])?;
        Ok(stage)
    }

    /// Runs the machine's git in the clone as Alice, with nobody's settings.
    fn git(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("git");
        command.current_dir(&self.clone).args(arguments).env_clear();
        for (name, value) in &self.surroundings.variables {
            command.env(name, value);
        }
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Alice"),
            ("GIT_AUTHOR_EMAIL", "alice@example.com"),
            ("GIT_COMMITTER_NAME", "Alice"),
            ("GIT_COMMITTER_EMAIL", "alice@example.com"),
        ]);
        let output = command.output().map_err(|error| {
            Failure::usage("cannot run `git`").because(error).hint("install git: the demo needs no other tool")
        })?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::bug(format!("`git {}` failed in the demo: {words}", arguments.join(" "))))
    }

    fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    fn head(&self, branch: &str) -> Result<CommitId> {
        let heads = Repository::open(&self.clone)?.remote_heads(&Remote::new("origin"))?;
        heads.get(branch).cloned().ok_or_else(|| Failure::bug(format!("the demo lost its branch `{branch}`")))
    }

    /// One run of Mergeline for one event, as the host's CI would start it.
    async fn run(&self, trigger: Trigger, tell: &dyn Fn(Scene<'_>)) -> Result<Vec<Row>> {
        let setting = Setting {
            directory: self.clone.clone(),
            surroundings: self.surroundings.clone(),
            host: None,
            repository: None,
            remote: "origin".to_owned(),
        };
        let mut session = Session::open(&setting).await?;
        session.event = Event { trigger, ..session.event };
        session.grants = Grants::judge(&session.event);
        let options =
            ReconcileOptions { deliver: true, delivery: DeliveryOptions::default(), ..ReconcileOptions::default() };
        let ran = run(&session, &options, &|line| tell(Scene::Detail(line))).await?;
        match ran.failure {
            Some(failure) => Err(failure),
            None => Ok(ran.board),
        }
    }

    async fn open_promotion(&self) -> Result<PullRequest> {
        let query = PullRequestQuery {
            base_branch: Some("env/prod".to_owned()),
            state: Some(PullRequestState::Open),
            head_branch: None,
        };
        self.host
            .pull_requests(&query)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| Failure::bug("the demo has no promotion to prod"))
    }

    /// The merge button, pressed by Alice.
    fn merge(&self, number: u64) -> Result<()> {
        match self.alice.merge_pull_request(number)? {
            Landing::Landed(_) | Landing::AlreadyMerged => self.git(&["fetch", "--quiet", "origin"]),
            other => Err(Failure::bug(format!("the demo cannot merge #{number}: {other:?}"))),
        }
    }

    /// A change worth a review: a new image, a new discount, a new password.
    fn propose_change(&self) -> Result<PullRequest> {
        self.git(&["checkout", "--quiet", "-b", BRANCH])?;
        self.replace("apps/web/base/deployment.yaml", "web:1.27.0", "web:1.28.0")?;
        for name in ENVIRONMENTS {
            let file = format!("apps/platform/overlays/{name}/settings.yaml");
            self.replace(&file, "percent: 20", "percent: 30")?;
        }
        self.replace("apps/platform/overlays/prod/settings.yaml", "not-a-real-password-prod", "another-password-prod")?;
        self.commit("Start the summer sale")?;
        self.git(&["push", "--quiet", "origin", BRANCH])?;
        self.git(&["checkout", "--quiet", "main"])?;
        self.alice.open_pull_request(&Proposal {
            head_branch: BRANCH.to_owned(),
            fork: None,
            base_branch: "main".to_owned(),
            title: "Start the summer sale".to_owned(),
            body: String::new(),
        })
    }

    fn replace(&self, path: &str, old: &str, new: &str) -> Result<()> {
        let file = self.clone.join(path);
        let cannot =
            |error: std::io::Error| Failure::usage(format!("cannot change `{}`", file.display())).because(error);
        let text = std::fs::read_to_string(&file).map_err(cannot)?;
        if !text.contains(old) {
            return Err(Failure::bug(format!("the demo's `{path}` lacks `{old}`")));
        }
        std::fs::write(&file, text.replace(old, new)).map_err(cannot)
    }
}

/// A kubeconfig for a cluster that lives in a file.
fn kubeconfig(folder: &Path, name: &str) -> String {
    let file = folder.join("clusters").join(format!("{name}.json"));
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n  - name: {name}\n    cluster: {{server: \"memory://{}\"}}\ncontexts:\n  - name: {name}\n    context: {{cluster: {name}, user: \"\"}}\n",
        file.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the example can be read").flatten() {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => files(&entry.path(), &format!("{name}/"), found),
                false => drop(found.insert(name)),
            }
        }
    }

    #[test]
    fn the_demo_holds_every_file_of_the_example() {
        let mut found = BTreeSet::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop"), "", &mut found);
        let held: BTreeSet<String> = EXAMPLE.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(found, held);
    }
}
