#![allow(clippy::unwrap_used)]
use super::*;

/// A host with one repository, that forbids to touch `ci/` and counts what it is told.
struct Tiny {
    folder: tempfile::TempDir,
    told: Mutex<Vec<String>>,
}

impl Service for Tiny {
    fn api(&self) -> &'static str {
        "/api"
    }

    fn call(&self, request: &Request) -> Answer {
        self.told.lock().unwrap().push(format!("{} {}", request.method, request.path));
        match request.path.as_str() {
            "/things" => Answer::json(201, &json!({"name": request.json()["name"]})),
            _ => Answer::json(200, &json!({"name": 1})),
        }
    }

    fn repository(&self, path: &str, request: &Request, is_push: bool) -> Result<PathBuf, Answer> {
        if is_push && request.token().is_none() {
            return Err(Answer::text(401, "who is it?").header("WWW-Authenticate", "Basic realm=\"it\""));
        }
        assert_eq!(path, "/acme/shop");
        Ok(self.folder.path().join("shop"))
    }

    fn may_push(&self, _path: &str, pushes: &[Push]) -> Result<(), String> {
        let forbidden = pushes.iter().flat_map(|push| &push.files).find(|file| file.starts_with("ci/"));
        forbidden.map_or(Ok(()), |file| Err(format!("refusing to touch `{file}`")))
    }

    fn pushed(&self, path: &str, pushes: &[Push]) {
        let push = &pushes[0];
        let text = format!("{path} {} {}", push.reference, push.token.as_deref().unwrap_or_default());
        self.told.lock().unwrap().push(text);
    }
}

fn stub() -> Stub<Tiny> {
    let description = Box::leak(Box::new(Description::new(json!({"paths": {
        "/things": {"post": {
            "requestBody": {"content": {"application/json": {"schema": {"properties": {"name": {"type": "string"}}}}}},
            "responses": {"201": {"content": {"application/json": {"schema": {"type": "object"}}}}},
        }},
        "/thing": {"get": {"responses": {"200": {"content": {"application/json": {"schema":
            {"properties": {"name": {"type": "string"}}}}}}}}},
    }}))));
    Stub::start(Some(description), |_| {
        let folder = tempfile::tempdir().unwrap();
        create_repository(&folder.path().join("shop"));
        Tiny { folder, told: Mutex::default() }
    })
}

fn git(folder: &std::path::Path, arguments: &[&str]) -> Result<String, String> {
    let output = crate::git(folder).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn git_fetches_pushes_and_is_refused_by_the_rule_of_the_host() {
    let stub = stub();
    let folder = tempfile::tempdir().unwrap();
    let remote = format!("http://ada:secret@127.0.0.1:{}/acme/shop.git", stub.core.port);
    let commit = |file: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Incompressible and big: git sends it in chunks.
        std::fs::write(
            path,
            (0..400_000u64).map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 7) as u8).collect::<Vec<_>>(),
        )
        .unwrap();
        git(folder.path(), &["add", "--all"]).unwrap();
        git(folder.path(), &["commit", "--quiet", "--message", file]).unwrap();
    };
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]).unwrap();
    commit("web/a b.bin");
    let anonymous = format!("{}/acme/shop.git", stub.url());
    assert!(git(folder.path(), &["push", &anonymous, "HEAD:refs/heads/main"]).is_err());
    git(folder.path(), &["push", &remote, "HEAD:refs/heads/main"]).unwrap();
    assert_eq!(*stub.service().told.lock().unwrap(), ["/acme/shop refs/heads/main secret"]);
    commit("ci/it.yml");
    let refused = git(folder.path(), &["push", &remote, "HEAD:refs/heads/main"]).unwrap_err();
    assert!(refused.contains("remote: refusing to touch `ci/it.yml`"), "{refused}");
    let listed = git(folder.path(), &["ls-remote", &anonymous, "refs/heads/main"]).unwrap();
    assert!(listed.starts_with(&git(folder.path(), &["rev-parse", "HEAD~"]).unwrap()), "{listed}");
    let clone = folder.path().join("clone");
    git(folder.path(), &["clone", "--quiet", "--depth=1", &anonymous, clone.to_str().unwrap()]).unwrap();
    assert!(clone.join("web/a b.bin").is_file());
    assert!(stub.log().is_empty());
}

#[test]
fn faults_befall_the_request_that_was_chosen() {
    let stub = stub();
    stub.inject(Injection::nth_write(2, Fault::DropAfter));
    stub.inject(Injection::nth_write(1, Fault::TooMany(7)).after(2));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let post = || agent.post(format!("{}/things", stub.api_url())).send_json(json!({"name": "a"}));
    assert_eq!(post().unwrap().status(), 201);
    assert!(post().is_err());
    let limited = post().unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert!(!stub.is_armed());
    assert_eq!(post().unwrap().status(), 201);
    assert_eq!(stub.service().told.lock().unwrap().len(), 3, "the third was not done");
    assert_eq!((stub.writes(), stub.log()[1].status), (4, 201));
}

#[test]
fn what_the_description_does_not_allow_ends_the_test() {
    let stub = stub();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = agent.post(format!("{}/things", stub.api_url())).send_json(json!({"nam": "a"})).unwrap();
    assert_eq!(answer.status().as_u16(), 599);
    assert!(stub.service().told.lock().unwrap().is_empty());
    drop(agent.get(format!("{}/thing", stub.api_url())).call().unwrap());
    let violations = stub.violations().join("; ");
    assert!(violations.contains("no field `nam`") && violations.contains("the answer 200"), "{violations}");
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(stub)));
    assert!(dropped.is_err());
}

#[test]
fn pages_count_from_one() {
    assert_eq!(page(&[1, 2, 3], 2, 2), (vec![3], 2));
    assert_eq!(page::<u8>(&[], 1, 2), (vec![], 1));
}
