//! Fetching what a shallow clone lacks, and pushing with leases.

#![allow(clippy::unwrap_used)]

use super::sandbox::{Checkout, Sandbox};
use mergeline::commit::CommitId;
use mergeline::event::{Event, Trigger};
use mergeline::failure::{Failure, FailureKind};
use mergeline::git::{BranchUpdate, CommitDraft, Pushed, Remote, Repository, Tree, TreeEdit, TreeId};
use mergeline::secret::Secret;
use mergeline::trust::{Grants, PromoteGrant};
use std::io::{Read, Write};

fn grant() -> PromoteGrant {
    let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
    Grants::judge(&event).promote("prod").unwrap()
}

fn origin() -> Remote {
    Remote::new("origin")
}

fn update(branch: &str, expected: Option<&CommitId>, new: Option<&CommitId>) -> BranchUpdate {
    BranchUpdate { branch: branch.to_owned(), expected: expected.cloned(), new: new.cloned() }
}

fn put(path: &str, text: &str) -> TreeEdit {
    TreeEdit::Put { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
}

/// Writes a commit with one more file on `parent`.
fn next(repository: &Repository, parent: &CommitId, path: &str) -> CommitId {
    let base = repository.tree_id(parent).unwrap();
    let tree = repository.write_tree(Some(&base), &[put(path, path)]).unwrap();
    let time = repository.commit(parent).unwrap().committed_at;
    let message = format!("add {path}");
    repository.write_commit(&CommitDraft { tree, parents: vec![parent.clone()], message, time }).unwrap()
}

fn everything_told(failure: &Failure) -> String {
    format!("{failure} {failure:?} {:?}", failure.hints())
}

/// `main` with `before` commits, then `after` more on it, and `topic` with `own` commits from the first part.
fn forked(sandbox: &Sandbox, before: usize, after: usize, own: usize) -> (Checkout, [CommitId; 3]) {
    let checkout = sandbox.repository("source");
    let repository = checkout.open();
    let grown = |from: CommitId, branch: &str, count: usize| {
        (0..count).fold(from, |parent, number| next(&repository, &parent, &format!("{branch}/{number}")))
    };
    let fork = grown(repository.write_root_commit("root").unwrap(), "old", before - 1);
    let main = grown(fork.clone(), "main", after);
    let topic = grown(fork.clone(), "topic", own);
    checkout.git(&["update-ref", "refs/heads/main", main.as_str()]);
    checkout.git(&["update-ref", "refs/heads/topic", topic.as_str()]);
    let published = sandbox.publish(&checkout, "origin.git");
    (published, [fork, main, topic])
}

#[test]
fn shallow_clone_of_one_branch_is_deepened_until_the_merge_base_is_found() {
    let sandbox = Sandbox::new();
    let (published, [fork, main, topic]) = forked(&sandbox, 400, 3, 60);
    let clone = sandbox.clone(&published, &["--depth=1", "--branch=topic"], "clone");
    let repository = clone.open();
    assert!(repository.is_shallow().unwrap());
    assert!(!repository.has_commit(&main).unwrap());
    assert_eq!(repository.ensure_history(&origin(), &main, &topic).unwrap(), Some(fork.clone()));
    assert_eq!(repository.merge_base(&main, &topic).unwrap(), Some(fork));
    assert_eq!(repository.commits_between(&main, &topic).unwrap().len(), 60);
    assert!(repository.is_shallow().unwrap(), "history before the fork is not needed");
    assert_eq!(clone.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/topic");
    clone.assert_sound();
}

#[test]
fn questions_that_a_shallow_clone_cannot_answer_are_failures_and_not_guesses() {
    let sandbox = Sandbox::new();
    let (published, [fork, main, topic]) = forked(&sandbox, 2, 2, 2);
    let repository = sandbox.clone(&published, &["--depth=1", "--no-single-branch"], "clone").open();
    for failure in [
        repository.merge_base(&main, &topic).unwrap_err(),
        repository.is_ancestor(&fork, &topic).unwrap_err(),
        repository.first_parents(&topic, 4).unwrap_err(),
        repository.commits_between(&main, &topic).unwrap_err(),
    ] {
        assert!(failure.message().contains("in this shallow clone"), "{failure}");
        assert!(failure.hints()[0].contains("--unshallow"));
    }
    assert_eq!(repository.first_parents(&topic, 1).unwrap().len(), 1);
    assert!(repository.ensure_ancestry(&origin(), &fork, &topic).unwrap());
    assert!(!repository.ensure_ancestry(&origin(), &main, &topic).unwrap());
    assert_eq!(repository.ensure_first_parents(&origin(), &main, 100).unwrap().len(), 4);
}

#[test]
fn merge_base_that_a_shallow_clone_shows_is_not_taken_while_a_better_one_may_be_hidden() {
    // topic: long private work that took in main's second commit long ago, and merged main's first one just now.
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("source");
    let first = checkout.commit("first");
    let second = checkout.commit("second");
    checkout.git(&["checkout", "--quiet", "-b", "topic"]);
    (0..5).for_each(|number| drop(checkout.commit(&format!("topic {number}"))));
    let tree = checkout.git(&["rev-parse", "HEAD^{tree}"]);
    let topic = checkout.git(&["commit-tree", &tree, "-p", "HEAD", "-p", first.as_str(), "-m", "late"]);
    checkout.git(&["reset", "--quiet", "--hard", &topic]);
    let topic = checkout.commit_at("HEAD");
    let published = sandbox.publish(&checkout, "origin.git");
    let clone = sandbox.clone(&published, &["--depth=2", "--no-single-branch", "--branch=topic"], "clone");
    let repository = clone.open();
    assert!(repository.has_commit(&first).unwrap());
    assert!(repository.merge_base(&second, &topic).is_err());
    assert_eq!(repository.ensure_history(&origin(), &second, &topic).unwrap(), Some(second));
}

#[test]
fn unrelated_histories_have_no_merge_base_even_when_all_was_fetched() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("source");
    checkout.commit("a");
    let main = checkout.commit("b");
    checkout.git(&["checkout", "--quiet", "--orphan", "other"]);
    let other = checkout.commit("c");
    let published = sandbox.publish(&checkout, "origin.git");
    let repository = sandbox.clone(&published, &["--depth=1"], "clone").open();
    assert_eq!(repository.ensure_history(&origin(), &main, &other).unwrap(), None);
}

#[test]
fn whole_clone_stays_whole_when_a_commit_is_fetched_into_it() {
    let sandbox = Sandbox::new();
    let (published, [..]) = forked(&sandbox, 1, 0, 1);
    let clone = sandbox.clone(&published, &[], "clone").open();
    let writer = sandbox.clone(&published, &["--branch=main"], "writer");
    writer.commit("one");
    let new = writer.commit("two");
    writer.git(&["push", "--quiet", "origin", "main"]);
    let heads = clone.fetch_branches(&origin(), &["main", "missing"]).unwrap();
    assert_eq!(heads.into_iter().collect::<Vec<_>>(), [("main".to_owned(), new.clone())]);
    assert!(!clone.is_shallow().unwrap());
    assert_eq!(clone.first_parents(&new, 10).unwrap().len(), 3);
}

#[test]
fn heads_are_read_from_a_path_and_an_empty_remote_has_none() {
    let sandbox = Sandbox::new();
    let (published, [_, main, topic]) = forked(&sandbox, 1, 1, 1);
    published.git(&["tag", "v1"]);
    let repository = published.open();
    let by_path = Remote::new(published.path.to_str().unwrap());
    let heads: Vec<_> = repository.remote_heads(&by_path).unwrap().into_iter().collect();
    assert_eq!(heads, [("main".to_owned(), main), ("topic".to_owned(), topic)]);
    super::sandbox::git(&sandbox.path(""), &["init", "--quiet", "--bare", "empty.git"]);
    let empty = Remote::new(sandbox.path("empty.git").to_str().unwrap());
    assert!(repository.remote_heads(&empty).unwrap().is_empty());
}

#[test]
fn two_clones_make_the_same_commits_and_both_pushes_succeed() {
    let sandbox = Sandbox::new();
    let (published, [..]) = forked(&sandbox, 1, 1, 0);
    let [one, two] = ["one", "two"].map(|name| sandbox.clone(&published, &["--depth=1"], name).open());
    let made = [&one, &two].map(|repository| {
        let root = repository.write_root_commit("Start env/prod\n\nPromotion-Env: prod").unwrap();
        (root.clone(), next(repository, &root, "web/shop/Deployment.apps-web.yaml"))
    });
    assert_eq!(made[0], made[1]);
    let (root, head) = &made[0];
    // What `git commit-tree` makes of the same tree, message, identity and time.
    assert_eq!(root.as_str(), "424bea1ab7c9ffcfe817ef34cc9de73aff89af53");
    for repository in [&one, &two] {
        let updates = [update("env/prod", None, Some(root)), update("promote/prod", None, Some(head))];
        assert_eq!(repository.push(&grant(), &origin(), &updates).unwrap(), Pushed::Done);
    }
    let heads = one.remote_heads(&origin()).unwrap();
    assert_eq!((&heads["env/prod"], &heads["promote/prod"]), (root, head));
    published.assert_sound();
    assert_eq!(
        published.git(&["log", "-1", "--format=%an <%ae> %at %cn <%ce> %ct", "env/prod"]),
        "Mergeline <mergeline@users.noreply.github.com> 0 Mergeline <mergeline@users.noreply.github.com> 0"
    );
    assert_eq!(published.git(&["ls-tree", "-r", "env/prod"]), "");
}

#[test]
fn push_that_lost_a_race_says_where_the_branch_is_and_moves_none() {
    let sandbox = Sandbox::new();
    let (published, [_, main, topic]) = forked(&sandbox, 1, 1, 1);
    let [one, two] = ["one", "two"].map(|name| sandbox.clone(&published, &[], name).open());
    let (mine, theirs) = (next(&one, &main, "mine"), next(&two, &main, "theirs"));
    two.push(&grant(), &origin(), &[update("main", Some(&main), Some(&theirs))]).unwrap();
    let updates = [update("topic", Some(&topic), Some(&mine)), update("main", Some(&main), Some(&mine))];
    let moved = Pushed::Moved { branch: "main".into(), expected: Some(main.clone()), found: Some(theirs.clone()) };
    assert_eq!(one.push(&grant(), &origin(), &updates).unwrap(), moved);
    let heads = one.remote_heads(&origin()).unwrap();
    assert_eq!((&heads["main"], &heads["topic"]), (&theirs, &topic));

    let exists = one.push(&grant(), &origin(), &[update("topic", None, Some(&mine))]).unwrap();
    assert_eq!(exists, Pushed::Moved { branch: "topic".into(), expected: None, found: Some(topic.clone()) });
    let gone = one.push(&grant(), &origin(), &[update("gone", Some(&main), Some(&mine))]).unwrap();
    assert_eq!(gone, Pushed::Moved { branch: "gone".into(), expected: Some(main), found: None });
    let deleted = [update("topic", Some(&topic), None)];
    assert_eq!(one.push(&grant(), &origin(), &deleted).unwrap(), Pushed::Done);
    assert_eq!(two.push(&grant(), &origin(), &deleted).unwrap(), Pushed::Done, "a twin deleted it already");
    assert!(!one.remote_heads(&origin()).unwrap().contains_key("topic"));
}

#[test]
fn refused_push_is_a_failure_with_the_servers_words_and_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let (published, [_, main, topic]) = forked(&sandbox, 1, 1, 1);
    let repository = sandbox.clone(&published, &[], "clone").open();
    published.git(&["config", "receive.denyNonFastForwards", "true"]);
    let failure = repository.push(&grant(), &origin(), &[update("main", Some(&main), Some(&topic))]).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.hints()[0].contains("not a fast-forward"), "{failure:?}");

    let hook = published.path.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'branch is protected' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mine = next(&repository, &main, "mine");
    let failure = repository.push(&grant(), &origin(), &[update("main", Some(&main), Some(&mine))]).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.to_string().contains("branch is protected"), "{failure}");
    assert!(failure.message().contains("`main` to `origin` for environment `prod`"), "{failure}");
    assert!(failure.hints().iter().any(|hint| hint.contains("branch protection")));
    assert!(!failure.hints().iter().any(|hint| hint.contains("fast-forward")));
    assert_eq!(repository.remote_heads(&origin()).unwrap()["main"], main);
}

#[test]
fn hooks_of_the_checkout_do_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let (published, [_, main, _]) = forked(&sandbox, 1, 0, 0);
    let clone = sandbox.clone(&published, &[], "clone");
    for name in ["pre-push", "reference-transaction"] {
        let hook = clone.path.join(".git/hooks").join(name);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let repository = clone.open();
    let mine = next(&repository, &main, "mine");
    let pushed = repository.push(&grant(), &origin(), &[update("main", Some(&main), Some(&mine))]).unwrap();
    assert_eq!(pushed, Pushed::Done);
}

#[test]
fn written_trees_are_those_that_git_would_write() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.write("web/a.yaml", "a");
    checkout.write("web/deep/b.yaml", "b");
    checkout.write("api/c.yaml", "c");
    checkout.write("file", "f");
    let commit = checkout.commit("base");
    let repository = checkout.open();
    let base = repository.tree_id(&commit).unwrap();
    let web = repository.subtree_id(&commit, "web").unwrap().unwrap();
    let remove = |path: &str| TreeEdit::Remove { path: path.to_owned() };
    let edits = [
        remove("web"),
        remove("absent/path"),
        put("web/aux:x.yaml", "new"),
        put("file/now/directory", "x"),
        remove("api/c.yaml"),
        TreeEdit::PutTree { path: "copy/of/web".into(), tree: web },
        TreeEdit::PutTree { path: "copy/nothing".into(), tree: TreeId::empty() },
    ];
    let written = repository.write_tree(Some(&base), &edits).unwrap();
    let tree = repository.tree_by_id(&written).unwrap();
    let paths: Vec<_> = tree.walk("").unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["copy/of/web/a.yaml", "copy/of/web/deep/b.yaml", "file/now/directory", "web/aux:x.yaml"]);
    for path in ["web", "file", "api"] {
        std::fs::remove_dir_all(checkout.path.join(path))
            .or_else(|_| std::fs::remove_file(checkout.path.join(path)))
            .unwrap();
    }
    for path in &paths {
        checkout.write(path, tree.read(path).unwrap().unwrap());
    }
    checkout.git(&["add", "--all"]);
    assert_eq!(checkout.git(&["write-tree"]), written.as_str());
    assert_eq!(repository.write_tree(Some(&written), &[]).unwrap(), written);
    let all_gone = ["web", "file", "api"].map(remove);
    assert_eq!(repository.write_tree(Some(&base), &all_gone).unwrap(), TreeId::empty());
    for path in ["", "/a", "a//b", "../a", "a/..", ".git/config", "a/.GIT/x", "a/git~1", "a/\0"] {
        assert_eq!(repository.write_tree(None, &[put(path, "x")]).unwrap_err().kind(), FailureKind::Usage, "{path}");
    }
    checkout.assert_sound();
}

#[test]
fn commit_on_what_is_not_there_is_refused() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository("checkout").open();
    let nobody = CommitId::parse(&"1".repeat(40)).unwrap();
    let tree = repository.write_tree(None, &[put("a", "x")]).unwrap();
    let draft =
        |tree: TreeId, parents| CommitDraft { tree, parents, message: "m".into(), time: jiff::Timestamp::UNIX_EPOCH };
    assert!(repository.write_commit(&draft(tree.clone(), vec![nobody.clone()])).is_err());
    assert!(repository.write_commit(&draft(TreeId::parse(nobody.as_str()).unwrap(), vec![])).is_err());
    let commit = repository.write_commit(&draft(tree, vec![])).unwrap();
    assert_eq!(repository.commit(&commit).unwrap().message, "m\n");
}

#[test]
fn tokens_never_show_in_failures() {
    let sandbox = Sandbox::new();
    let (published, [_, main, _]) = forked(&sandbox, 1, 0, 0);
    let clone = sandbox.clone(&published, &[], "clone");
    let planted = "ghp_plantedtoken123";
    // Nothing listens on the discard port of the loopback address.
    let address = format!("http://bob:{planted}@127.0.0.1:9/x.git");
    clone.git(&["remote", "set-url", "origin", &address]);
    let repository = clone.open();
    let absent = CommitId::parse(&"1".repeat(40)).unwrap();
    let secret = Secret::new("ghp_othertoken456");
    for remote in [origin(), Remote::new(&address), Remote::new(&address).with_credential(secret.clone())] {
        for failure in [
            repository.remote_heads(&remote).unwrap_err(),
            repository.fetch(&remote, std::slice::from_ref(&absent)).unwrap_err(),
            repository.push(&grant(), &remote, &[update("x", None, Some(&main))]).unwrap_err(),
        ] {
            assert_eq!(failure.kind(), FailureKind::Remote);
            let told = everything_told(&failure);
            assert!(!told.contains(planted), "{told}");
            assert!(!told.contains(secret.expose()), "{told}");
            assert!(told.contains("127.0.0.1"), "{told}");
        }
    }
    assert!(!format!("{:?}", origin().with_credential(secret.clone())).contains(secret.expose()));
}

#[test]
fn credential_replaces_the_header_that_a_checkout_action_left() {
    let sandbox = Sandbox::new();
    let (published, [..]) = forked(&sandbox, 1, 0, 0);
    let clone = sandbox.clone(&published, &[], "clone");
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}/", server.local_addr().unwrap());
    clone.git(&["remote", "set-url", "origin", &format!("{host}owner/x.git")]);
    clone.git(&["config", &format!("http.{host}.extraheader"), "AUTHORIZATION: basic bGVmdDpiZWhpbmQ="]);
    let seen = |remote: Remote| {
        let repository = clone.open();
        let asking = std::thread::spawn(move || repository.remote_heads(&remote).map(drop));
        let (mut stream, _) = server.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        drop(stream);
        assert_eq!(asking.join().unwrap().unwrap_err().kind(), FailureKind::Remote);
        let request = String::from_utf8(request).unwrap();
        let header = |line: &str| line.to_lowercase().starts_with("authorization:").then(|| line.to_owned());
        request.lines().filter_map(header).collect::<Vec<_>>()
    };
    assert_eq!(seen(origin()), ["AUTHORIZATION: basic bGVmdDpiZWhpbmQ="]);
    let ours = origin().with_username("ci").with_credential(Secret::new("token"));
    assert_eq!(seen(ours), ["Authorization: Basic Y2k6dG9rZW4="]);
    assert!(!std::fs::read_to_string(clone.path.join(".git/config")).unwrap().contains("Y2k6dG9rZW4="));
}

#[test]
fn location_that_looks_like_an_option_is_refused() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository("checkout").open();
    let failure = repository.remote_heads(&Remote::new("--upload-pack=touch /tmp/x")).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Usage);
}
