//! `mergeline run` as a job of GitHub, on the stub that is judged by GitHub's own description.

use super::hosted::{Hosted, pull_request};
use mergeline_lab::GitHub;
use mergeline_lab::stub::{Fault, Injection, Request, Stub};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

const SHOP: &str = "acme/shop";

/// A pull request that changes every object of a shop, and a clone that is a job about it.
struct Shop {
    stub: Stub<GitHub>,
    hosted: Hosted,
    number: u64,
    head: String,
}

impl Shop {
    /// `wrong` of the `objects` would be refused by the API server.
    fn new(objects: usize, wrong: usize) -> Option<Self> {
        let stub = GitHub::start()?;
        let github = stub.service();
        github.create_repository(SHOP, &[("ada", "write")]);
        let remote = github.clone_url(SHOP);
        let ada = github.person_token("ada");
        let hosted = Hosted::new();
        let with_token = remote.replacen("http://", &format!("http://ada:{ada}@"), 1);
        hosted.clone.git(&["remote", "add", "origin", &with_token]);
        let files = |value: &dyn Fn(usize) -> String| -> Vec<(String, String)> {
            let text = |n: usize| {
                let value = value(n);
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{n}}}\ndata:\n  version: {value}\n")
            };
            (0..objects).map(|n| (format!("web/map-{n}.yaml"), text(n))).collect()
        };
        let push = |branch: &str, files: &[(String, String)]| {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            hosted.push(branch, &files)
        };
        push("main", &files(&|_| "'1'".to_owned()));
        let head = push("change", &files(&|n| if n < wrong { "2".to_owned() } else { "'2'".to_owned() }));
        hosted.clone.git(&["remote", "set-url", "origin", &remote]);
        let number = github.open_pull(SHOP, "ada", "change", "main", "A change", "");
        let mut shop = Self { stub, hosted, number, head };
        shop.with_token(&shop.stub.service().job_token(SHOP));
        let payload = pull_request("opened", shop.number, &shop.head, "change", SHOP, SHOP);
        shop.as_job("pull_request", &payload);
        Some(shop)
    }

    fn github(&self) -> &GitHub {
        self.stub.service()
    }

    /// What the next runs are let in by, and no run may say.
    fn with_token(&mut self, token: &str) {
        self.hosted.variables.remove("MERGELINE_TOKEN");
        self.hosted.keep_secret(token);
        self.hosted.set("GITHUB_TOKEN", token);
    }

    fn as_job(&mut self, event: &str, payload: &str) {
        let url = self.stub.url();
        self.hosted.as_job(event, payload, SHOP, &url);
        self.hosted.variables.remove("GITEA_ACTIONS");
        self.hosted.set("GITHUB_API_URL", self.stub.api_url());
    }

    /// Comments, statuses and checks of the pull request.
    fn written(&self) -> Written {
        let github = self.github();
        let comments = github.comments(SHOP, self.number).len();
        (comments, github.statuses(SHOP, &self.head), github.checks(SHOP, &self.head))
    }
}

/// Comments, then statuses and checks as the stub tells them.
type Written = (usize, Vec<(String, String, String)>, Vec<(String, String, usize)>);

/// True of each request once.
fn first_time() -> impl Fn(&Request) -> bool + Send {
    let seen = Mutex::new(HashSet::new());
    move |request| {
        let key = (request.method.clone(), request.path.clone(), request.query.clone(), request.body.clone());
        seen.lock().unwrap().insert(key)
    }
}

#[test]
fn a_review_of_300_objects_is_one_comment_one_review_one_check_and_one_status() {
    let Some(shop) = Shop::new(300, 60) else { return };
    let said = shop.hosted.once(&["run"]).exits(1);
    let log = shop.stub.take_log();
    let writes: Vec<_> = log.iter().filter(|entry| entry.is_write()).collect();
    assert!(log.len() <= 25, "{log:#?}");
    assert_eq!(writes.len(), 4, "{writes:#?}");
    // Ten suggestions in one review, and the others as annotations.
    let beside = shop.github().line_comments(SHOP, shop.number);
    assert_eq!((beside.len(), shop.github().reviews(SHOP, shop.number)), (10, 1));
    assert!(beside.iter().all(|(.., body)| body.contains("```suggestion\n")), "{beside:#?}");
    let (comments, statuses, checks) = shop.written();
    assert_eq!(comments, 1);
    let ours = |context: &str, state: &str| (context.to_owned(), state.to_owned(), "github-actions[bot]".to_owned());
    assert_eq!(statuses, [ours("mergeline/review", "failure")]);
    assert_eq!(checks, [("Mergeline".to_owned(), "failure".to_owned(), 50)]);
    assert!(!said.out.contains("::error"), "the check shows them already: {}", said.out);
    // Looking again changes nothing.
    shop.hosted.run(&["run"]).exits(1);
    assert_eq!(shop.stub.writes(), 0);
    assert_eq!(shop.written(), (comments, statuses, checks));
}

#[test]
fn every_lost_answer_is_looked_for_and_nothing_is_written_twice() {
    let Some(shop) = Shop::new(3, 2) else { return };
    let first = first_time();
    shop.stub.inject(Injection::next(Fault::DropAfter).matching(move |it| it.is_write() && first(it)).always());
    shop.hosted.once(&["run"]).exits(1);
    let (comments, statuses, checks) = shop.written();
    assert_eq!((comments, statuses.len()), (1, 1), "{statuses:?}");
    assert_eq!(checks, [("Mergeline".to_owned(), "failure".to_owned(), 0)]);
    let beside = shop.github().line_comments(SHOP, shop.number);
    assert_eq!(beside.len(), 2, "{beside:#?}");
    shop.stub.calm();
    drop(shop.stub.take_log());
    shop.hosted.run(&["run"]).exits(1);
    assert_eq!(shop.stub.writes(), 0);
}

#[test]
fn a_bad_network_and_a_busy_host_are_obeyed_and_survived() {
    let Some(shop) = Shop::new(3, 2) else { return };
    let faults = [
        Fault::DropBefore,
        Fault::Status(502),
        Fault::TooMany(1),
        Fault::Secondary(1),
        Fault::Exhausted(0),
        Fault::Truncate,
        Fault::StatusAfter(500),
    ];
    // Every request meets one of them the first time.
    let kinds = faults.len() as u64;
    for (kind, fault) in (0..).zip(faults) {
        let first = first_time();
        let chosen = move |request: &Request| {
            let mut hash = DefaultHasher::new();
            (&request.method, &request.path).hash(&mut hash);
            hash.finish() % kinds == kind && first(request)
        };
        shop.stub.inject(Injection::next(fault).matching(chosen).always());
    }
    shop.hosted.once(&["run"]).exits(1);
    let met: BTreeMap<String, usize> = shop.stub.log().iter().fold(BTreeMap::new(), |mut met, entry| {
        *met.entry(entry.fault.as_ref().map_or_else(String::new, |fault| format!("{fault:?}"))).or_default() += 1;
        met
    });
    assert!(met.len() > 3, "{met:?}");
    let (comments, statuses, checks) = shop.written();
    assert_eq!((comments, statuses.len(), checks.len()), (1, 1, 1), "{statuses:?} {checks:?}");
}

#[test]
fn a_host_that_stays_down_ends_the_run_cleanly() {
    for (fault, words) in [
        (Fault::Status(503), "503"),
        (Fault::DropBefore, "did not answer"),
        (Fault::TooMany(3600), "3600 s"),
        (Fault::Exhausted(3600), "limits how much"),
    ] {
        let Some(shop) = Shop::new(1, 1) else { return };
        shop.stub.inject(Injection::next(fault.clone()).matching(|it| it.path.ends_with("/comments")).always());
        let said = shop.hosted.once(&["run", "-vvv"]).exits(4);
        assert!(said.err.contains(words) && said.err.contains("hint: "), "{fault:?}: {}", said.err);
        assert_eq!(shop.written().0, 0);
    }
}

#[test]
fn a_fork_is_judged_with_its_read_only_token_and_nothing_is_written() {
    let Some(mut shop) = Shop::new(2, 1) else { return };
    let token = shop.github().read_only_job_token(SHOP);
    shop.with_token(&token);
    let payload = pull_request("opened", shop.number, &shop.head, "change", "eve/shop", SHOP);
    shop.as_job("pull_request", &payload);
    let said = shop.hosted.once(&["run"]).exits(1);
    assert!(said.out.contains("web/map-0.yaml"), "{}", said.out);
    assert_eq!((shop.stub.writes(), shop.written().0), (0, 0));
    // The same as a branch of the repository: its comment is expected, and may not be written.
    let payload = pull_request("opened", shop.number, &shop.head, "change", SHOP, SHOP);
    shop.as_job("pull_request", &payload);
    let said = shop.hosted.run(&["run"]).exits(4);
    assert!(said.err.contains("Resource not accessible by integration"), "{}", said.err);
    assert!(said.err.contains("pull-requests: write"), "{}", said.err);
}

#[test]
fn a_persons_token_has_no_check_and_all_else() {
    let Some(mut shop) = Shop::new(2, 1) else { return };
    let token = shop.github().person_token("ada");
    shop.with_token(&token);
    shop.hosted.once(&["run"]).exits(1);
    let (comments, statuses, checks) = shop.written();
    assert_eq!((comments, statuses.len(), checks.len()), (1, 1, 0));
}

#[test]
fn wrong_tokens_are_named_and_never_shown() {
    let Some(mut shop) = Shop::new(1, 0) else { return };
    shop.with_token("ghp_planted0123456789planted0123456789");
    let said = shop.hosted.run(&["run"]).exits(4);
    assert!(said.err.contains("GitHub answered 401"), "{}", said.err);
    assert!(said.err.contains("hint: the token is wrong, expired or revoked"), "{}", said.err);
    let permissions = [("contents", "read"), ("pull-requests", "write"), ("statuses", "write")];
    let token = shop.github().job_token_with(SHOP, &permissions);
    shop.with_token(&token);
    let said = shop.hosted.run(&["run"]).exits(4);
    assert!(said.err.contains("checks: write"), "{}", said.err);
}
