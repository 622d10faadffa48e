//! The flagship: a real Git host with its real runner, a real cluster, and nothing but real events.
//!
//! The one-step workflow runs unchanged through this repository's own `action.yml`. No step of Mergeline is called by
//! hand: a person pushes, opens, merges and dispatches; the host's runner does the rest.

use mergeline_lab::{Cluster, Gitea, needs};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(180);

struct Stage {
    gitea: &'static Gitea,
    cluster: &'static Cluster,
    repository: String,
    /// The prefix of the namespaces and the API group of this test.
    name: String,
    clone: tempfile::TempDir,
    /// Keeps the program that jobs run.
    _program: tempfile::TempDir,
}

impl Stage {
    fn set() -> Option<Self> {
        let (cluster, gitea) = needs::cluster_and_gitea()?;
        let tools = needs::tools()?;
        publish_action(gitea);
        let program = tempfile::tempdir().unwrap();
        gitea.set_job_binary(&program_with(program.path(), &tools.kustomize)).unwrap();
        let repository = gitea.create_repository("flagship").unwrap();
        let name = repository.rsplit('/').next().unwrap().to_owned();
        let collaborator = format!("/repos/{repository}/collaborators/{}", gitea.second.name);
        gitea.as_admin().expect("PUT", &collaborator, Some(&json!({"permission": "write"}))).unwrap();
        let kubeconfig = fs::read_to_string(&cluster.kubeconfig).unwrap();
        for environment in ["DEV", "STAGING", "PROD"] {
            gitea.set_secret(&repository, &format!("{environment}_KUBECONFIG"), &kubeconfig).unwrap();
        }
        let clone = tempfile::tempdir().unwrap();
        copy_example(clone.path(), &name);
        Some(Self { gitea, cluster, repository, name, clone, _program: program })
    }

    fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/repos/{}{path}", self.repository);
        self.gitea.as_second().expect(method, &path, body).unwrap()
    }

    /// Changes a file and pushes it as a person does.
    fn push(&self, branch: &str, file: &str, old: &str, new: &str, message: &str) -> String {
        let path = self.clone.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} lacks `{old}`");
        fs::write(&path, text.replace(old, new)).unwrap();
        self.gitea.push_folder(self.clone.path(), &self.repository, branch, message).unwrap()
    }

    fn quiet(&self) -> Vec<Value> {
        self.gitea.wait_until_quiet(&self.repository, PATIENCE).unwrap()
    }

    /// Waits for the run that a push made: the host takes note of pushes after it has answered them.
    fn run_for(&self, event: &str, commit: &str) {
        // A pull request's later pushes are runs of `pull_request_sync` in the host's list.
        let is = |run: &Value| run["event"].as_str().is_some_and(|name| name.trim_end_matches("_sync") == event);
        let wanted = |run: &Value| is(run) && run["head_sha"] == commit;
        self.gitea.wait_for_run(&self.repository, PATIENCE, wanted).unwrap();
    }

    /// Every run so far went well, but for those about `failing` commits.
    fn all_went_well(&self, failing: &[&str]) {
        for run in self.quiet() {
            let expected = failing.iter().any(|commit| run["head_sha"] == **commit);
            let fine = run["conclusion"] == "success" || run["conclusion"] == "skipped" || expected;
            assert!(fine, "{run:#}\n{}", self.logs());
        }
    }

    fn logs(&self) -> String {
        let mut text = String::new();
        for run in self.gitea.runs(&self.repository).unwrap() {
            let jobs = format!("/actions/runs/{}/jobs", run["id"]);
            for job in self.api("GET", &jobs, None)["jobs"].as_array().into_iter().flatten() {
                let log = self.gitea.job_log(&self.repository, job).unwrap_or_default();
                text += &format!("== {} {} {}\n{log}\n", run["event"], run["head_branch"], run["conclusion"]);
            }
        }
        text
    }

    fn head(&self, branch: &str) -> String {
        let branch = branch.replace('/', "%2F");
        self.api("GET", &format!("/branches/{branch}"), None)["commit"]["id"].as_str().unwrap().to_owned()
    }

    /// The newest state of a context on a commit.
    fn status(&self, commit: &str, context: &str) -> Option<(String, String)> {
        let statuses = self.api("GET", &format!("/commits/{commit}/statuses?limit=50"), None);
        let newest = statuses.as_array().unwrap().iter().filter(|status| status["context"] == context);
        let newest = newest.max_by_key(|status| status["id"].as_i64())?;
        let text = |key: &str| newest[key].as_str().unwrap_or_default().to_owned();
        Some((text("status"), text("description")))
    }

    fn comments(&self, number: u64) -> Vec<Value> {
        let comments = self.api("GET", &format!("/issues/{number}/comments"), None);
        comments
            .as_array()
            .unwrap()
            .iter()
            .filter(|comment| comment["user"]["login"] == "gitea-actions")
            .cloned()
            .collect()
    }

    fn open_pulls(&self) -> Vec<Value> {
        self.api("GET", "/pulls?state=open", None).as_array().unwrap().clone()
    }

    fn promotion_to(&self, branch: &str) -> Value {
        let pulls = self.open_pulls();
        let found = pulls.iter().find(|pull| pull["base"]["ref"] == branch);
        found.unwrap_or_else(|| panic!("no promotion to {branch}: {pulls:#?}\n{}", self.logs())).clone()
    }

    /// The merge button.
    fn merge(&self, number: &Value) {
        let merge = json!({"Do": "merge"});
        // The host finds out in the background whether a pull request can be merged.
        for _ in 0..50 {
            let path = format!("/repos/{}/pulls/{number}/merge", self.repository);
            let (status, _) = self.gitea.as_second().api("POST", &path, Some(&merge)).unwrap();
            if status == 200 {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("#{number} cannot be merged");
    }

    fn image(&self, environment: &str) -> String {
        let namespace = format!("{}-{environment}", self.name);
        let path = "jsonpath={.spec.template.spec.containers[0].image} {.status.availableReplicas}";
        self.cluster.kubectl(&["get", "deployment", "web", "-n", &namespace, "-o", path]).unwrap_or_default()
    }

    /// Says that an environment serves a version with its replicas. Simulated pods of a busy machine may be unready for a
    /// moment after they were ready, so it is asked a few times.
    fn serves(&self, environment: &str, tag: &str, replicas: u32) {
        let expected = format!("registry.example.com/shop/web:{tag} {replicas}");
        let begun = Instant::now();
        while self.image(environment) != expected {
            let found = self.image(environment);
            assert!(begun.elapsed().as_secs() < 20, "{environment} has `{found}`, not `{expected}`\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Everything that a run could write to.
    fn world(&self) -> Value {
        let branches = self.api("GET", "/branches?limit=50", None);
        let heads: Vec<&Value> = branches.as_array().unwrap().iter().map(|branch| &branch["commit"]["id"]).collect();
        let statuses: Vec<usize> = heads
            .iter()
            .map(|head| {
                let path = format!("/commits/{}/statuses?limit=50", head.as_str().unwrap());
                self.api("GET", &path, None).as_array().unwrap().len()
            })
            .collect();
        let pulls = self.api("GET", "/pulls?state=all", None);
        let pulls: Vec<Value> = pulls
            .as_array()
            .unwrap()
            .iter()
            .map(|pull| json!([pull["number"], pull["updated_at"], pull["state"], pull["comments"]]))
            .collect();
        let mut objects = Vec::new();
        let environments = ["dev", "staging", "prod"].map(|environment| format!("{}-{environment}", self.name));
        for namespace in environments.iter().map(String::as_str).chain(["mergeline-system"]) {
            let versions = "jsonpath={range .items[*]}{.kind}/{.metadata.name}@{.metadata.resourceVersion} {end}";
            let kinds = "configmaps,secrets,services,deployments.apps,leases.coordination.k8s.io";
            let text = self.cluster.kubectl(&["get", kinds, "-n", namespace, "-o", versions]).unwrap();
            let ours = |word: &&str| namespace != "mergeline-system" || word.contains("mergeline-");
            objects.push(text.split_whitespace().filter(ours).collect::<Vec<_>>().join(" "));
        }
        json!({"heads": heads, "statuses": statuses, "pulls": pulls, "objects": objects})
    }
}

/// Pushes this repository's action to the host, so that `uses: mergeline/mergeline@v1` is our own; once for each lab,
/// because runners keep what they have of a tag.
fn publish_action(gitea: &Gitea) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["action.yml", "action.sh", "LICENSE"];
    let admin = gitea.as_admin();
    if admin.api("GET", "/repos/mergeline/mergeline", None).unwrap().0 == 200 {
        for file in files {
            let published = admin.text(&format!("/repos/mergeline/mergeline/raw/{file}?ref=v1")).unwrap();
            let ours = fs::read_to_string(source.join(file)).unwrap();
            assert_eq!(published, ours, "the lab runs with another action: start it anew");
        }
        return;
    }
    gitea.create_repository_named("mergeline", "mergeline").unwrap();
    let action = tempfile::tempdir().unwrap();
    for file in files {
        fs::copy(source.join(file), action.path().join(file)).unwrap();
    }
    gitea.push_folder(action.path(), "mergeline/mergeline", "main", "Release").unwrap();
    gitea.push(action.path(), "mergeline/mergeline", &["HEAD:refs/tags/v1"]).unwrap();
}

/// A program that runs the binary under test with the lab's kustomize on its path, as a runner image would have it.
fn program_with(folder: &Path, kustomize: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("mergeline");
    let tools = kustomize.parent().unwrap().display();
    let binary = env!("CARGO_BIN_EXE_mergeline");
    fs::write(&program, format!("#!/bin/sh\nPATH=\"{tools}:$PATH\" exec \"{binary}\" \"$@\"\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// The example, with namespaces and an API group of this test's own. The lab's one cluster serves all three
/// environments, so that the definition, which the whole cluster shares, belongs to dev alone.
fn copy_example(to: &Path, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let copied = Command::new("cp").arg("-R").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
    for environment in ["staging", "prod"] {
        let folder = to.join("apps/platform/overlays").join(environment);
        fs::remove_file(folder.join("promotion-crd.yaml")).unwrap();
        let settings = fs::read_to_string(folder.join("settings.yaml")).unwrap();
        fs::write(folder.join("settings.yaml"), settings.split("\n---\n").next().unwrap().to_owned() + "\n").unwrap();
    }
    rename(to, name);
}

fn rename(folder: &Path, name: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rename(&path, name);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.replace("shop.example.com", &format!("{name}.example.com"));
            let text = ["dev", "staging", "prod"].iter().fold(text, |text, environment| {
                text.replace(&format!("shop-{environment}"), &format!("{name}-{environment}"))
            });
            fs::write(&path, text).unwrap();
        }
    }
}

const DEPLOYMENT: &str = "apps/web/base/deployment.yaml";

#[test]
fn a_change_goes_from_pull_request_to_production_by_real_events_alone() {
    let Some(stage) = Stage::set() else { return };

    // The first push releases to dev and staging, and proposes prod.
    stage.gitea.push_folder(stage.clone.path(), &stage.repository, "main", "Open the shop").unwrap();
    stage.run_for("push", &stage.head("main"));
    stage.all_went_well(&[]);
    stage.serves("staging", "1.27.0", 2);
    let first = stage.promotion_to("env/prod");
    stage.merge(&first["number"]);
    stage.run_for("push", &stage.head("env/prod"));
    stage.all_went_well(&[]);
    stage.serves("prod", "1.27.0", 2);

    // A pull request: one comment and a commit status.
    let head = stage.push("change", DEPLOYMENT, "web:1.27.0", "web:1.28.0", "Serve web 1.28.0");
    let draft = json!({"title": "Serve web 1.28.0", "head": "change", "base": "main"});
    let number = stage.api("POST", "/pulls", Some(&draft))["number"].as_u64().unwrap();
    stage.run_for("pull_request", &head);
    stage.all_went_well(&[]);
    let comments = stage.comments(number);
    assert_eq!(comments.len(), 1, "{comments:#?}\n{}", stage.logs());
    let body = comments[0]["body"].as_str().unwrap();
    assert!(body.contains("1.28.0") && body.contains("dev, staging, prod"), "{body}");
    assert_eq!(stage.status(&head, "mergeline/review").unwrap().0, "success");

    // A second push: the same comment, edited.
    let head = stage.push("change", DEPLOYMENT, "cpu: 50m", "cpu: 75m", "Ask for more");
    stage.run_for("pull_request", &head);
    stage.all_went_well(&[]);
    let again = stage.comments(number);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["id"], comments[0]["id"]);
    let body = again[0]["body"].as_str().unwrap();
    assert!(body.contains("75m"), "{body}\n{}", stage.logs());
    assert_eq!(stage.status(&head, "mergeline/review").unwrap().0, "success");

    // A typo: failing status, and the exact line through every overlay.
    let typo = stage.push("change", DEPLOYMENT, "replicas: 2", "replicas: two", "Slip");
    stage.run_for("pull_request", &typo);
    stage.quiet();
    assert_eq!(stage.status(&typo, "mergeline/review").unwrap().0, "failure", "{}", stage.logs());
    let body = stage.comments(number)[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains(&format!("{DEPLOYMENT}:6")), "{body}");
    let mended = stage.push("change", DEPLOYMENT, "replicas: two", "replicas: 2", "Mend the slip");
    stage.run_for("pull_request", &mended);
    stage.all_went_well(&[&typo]);

    // Merged by a person: rendered to env/dev, applied, healthy; promoted to staging and applied by the same run.
    let before = stage.head("env/dev");
    let merged = Instant::now();
    stage.merge(&json!(number));
    let mut healthy = None;
    while merged.elapsed() < PATIENCE && healthy.is_none() {
        let dev = stage.head("env/dev");
        let delivered =
            dev != before && stage.status(&dev, "mergeline/dev").is_some_and(|(state, _)| state == "success");
        healthy = delivered.then(|| merged.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    let healthy = healthy.unwrap_or_else(|| panic!("dev never became healthy\n{}", stage.logs()));
    // Straight to standard error, so that every run of the suite shows the figure.
    writeln!(std::io::stderr(), "merge to healthy in dev: {:.1} s", healthy.as_secs_f64()).unwrap();
    stage.all_went_well(&[&typo]);
    stage.serves("dev", "1.28.0", 2);
    stage.serves("staging", "1.28.0", 2);
    let (state, words) = stage.status(&stage.head("env/staging"), "mergeline/staging").unwrap();
    assert_eq!(state, "success", "{words}");

    // Prod waits for a person, whose merge wakes a run on the environment branch.
    stage.serves("prod", "1.27.0", 2);
    let promotion = stage.promotion_to("env/prod");
    assert_eq!(promotion["title"], "prod: web 1.27.0 → 1.28.0");
    assert_eq!(stage.comments(promotion["number"].as_u64().unwrap()).len(), 1);
    let proposed = promotion["head"]["sha"].as_str().unwrap().to_owned();
    assert_eq!(stage.status(&proposed, "mergeline/review").unwrap().0, "success");
    stage.merge(&promotion["number"]);
    stage.run_for("push", &stage.head("env/prod"));
    stage.all_went_well(&[&typo]);
    stage.serves("prod", "1.28.0", 2);
    let prod = stage.head("env/prod");
    assert_eq!(stage.status(&prod, "mergeline/prod").unwrap().0, "success");
    let woken = stage.quiet().iter().any(|run| run["event"] == "push" && run["head_branch"] == "env/prod");
    assert!(woken, "no run was woken on env/prod");

    // A dispatch with nothing to do writes nothing anywhere.
    let before = stage.world();
    stage.gitea.dispatch(&stage.repository, "mergeline.yml", "main", &json!({})).unwrap();
    let dispatched = |run: &Value| run["event"] == "workflow_dispatch";
    let run = stage.gitea.wait_for_run(&stage.repository, PATIENCE, dispatched).unwrap();
    assert_eq!(run.conclusion(), "success", "{}", run.log());
    stage.quiet();
    assert_eq!(stage.world(), before, "{}", run.log());
}
