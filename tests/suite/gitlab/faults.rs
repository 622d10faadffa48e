//! A host and a network that fail at any request: nothing is there twice, and what cannot be recovered is said.

use super::shop::{PROJECT, Shop, app};
use mergeline_lab::gitlab::Cause;
use mergeline_lab::stub::{Fault, Injection};
use std::collections::BTreeMap;
use std::fmt::Write;

fn bumped() -> (String, String) {
    app("web", "dev", "1.1")
}

/// No environment has two records or two merge requests, and no status stands twice in a row.
fn nothing_is_there_twice(shop: &Shop, what: &str) {
    let server = shop.server();
    let mut records: BTreeMap<String, usize> = BTreeMap::new();
    for [environment, sha, ..] in server.deployments(PROJECT) {
        *records.entry(format!("{environment} {sha}")).or_default() += 1;
    }
    assert!(records.values().all(|count| *count == 1), "{what}: {records:#?}");
    let mut statuses: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    for (pipeline, name, state) in server.statuses(PROJECT) {
        statuses.entry((pipeline, name)).or_default().push(state);
    }
    assert!(statuses.values().all(|states| states.len() == 1), "{what}: {statuses:#?}");
    for branch in ["main", "env/prod"] {
        let requests = server.requests_to(PROJECT, branch);
        assert!(requests.len() <= 1, "{what}: {requests:?}");
        for (iid, _) in requests {
            assert!(server.remarks(PROJECT, iid).len() <= 1, "{what}: {:#?}", server.remarks(PROJECT, iid));
        }
    }
    assert_eq!(server.obeyed(), []);
}

/// A shop whose one release goes to two environments by itself: every kind of write comes once.
fn small_shop() -> Shop {
    let shop = Shop::new(Some("/gitlab"));
    let configuration = "version: 1
environments:
  dev: {source: apps/*/overlays/dev, branch: env/dev, cluster: {kubeconfig: {env: DEV_KUBECONFIG}}}
  prod: {source: apps/*/overlays/prod, branch: env/prod, cluster: {kubeconfig: {env: PROD_KUBECONFIG}}, needs: [dev], land: auto}
";
    shop.commit("main", &[("mergeline.yaml", configuration.to_owned())]);
    shop
}

#[test]
fn an_answer_that_is_lost_at_any_write_of_a_delivery_makes_nothing_twice() {
    let shop = small_shop();
    shop.job(Cause::Push("main")).exits(0);
    assert_eq!(shop.server().requests_to(PROJECT, "env/prod"), [(1, "merged")]);
    let writes = shop.stub.writes();
    assert!(writes >= 8, "{:#?}", shop.stub.log());
    // Every second loss is a torn answer or an error behind the effect.
    let faults = [Fault::DropAfter, Fault::Truncate, Fault::StatusAfter(502)];
    for (n, fault) in (1..=writes).zip(faults.iter().cycle()) {
        let shop = small_shop();
        shop.stub.inject(Injection::nth_write(n, fault.clone()));
        let said = shop.job(Cause::Push("main"));
        assert!(!shop.stub.is_armed());
        assert_eq!(said.code, 0, "write {n}, {fault:?}: {}", said.err);
        nothing_is_there_twice(&shop, &format!("write {n}, {fault:?}"));
        assert_eq!(shop.server().deployments(PROJECT).len(), 2, "write {n}, {fault:?}");
    }
}

#[test]
fn an_answer_that_is_lost_at_any_write_of_a_review_makes_nothing_twice() {
    let shop = Shop::new(Some("/gitlab"));
    let (path, text) = bumped();
    let iid = shop.propose("change", &[(&path, text)]);
    for (n, fault) in
        [1, 2].into_iter().flat_map(|n| [Fault::DropAfter, Fault::Truncate, Fault::StatusAfter(503)].map(|it| (n, it)))
    {
        // Each time there is something new to say.
        let version = format!("2.{}", shop.stub.log().len());
        let (path, text) = app("web", "dev", &version);
        shop.commit("change", &[(&path, text)]);
        shop.stub.inject(Injection::nth_write(n, fault.clone()));
        shop.job(Cause::MergeRequest(iid)).exits(0);
        assert!(!shop.stub.is_armed(), "write {n}");
        let notes = shop.server().remarks(PROJECT, iid);
        assert_eq!(notes.len(), 1, "write {n}, {fault:?}: {notes:#?}");
        assert!(notes[0].body.contains(&version), "write {n}, {fault:?}");
    }
    nothing_is_there_twice(&shop, "reviews");
}

#[test]
fn limits_and_bad_answers_are_waited_for_or_end_the_run_cleanly() {
    let shop = Shop::new(Some("/gitlab"));
    let (path, text) = bumped();
    let iid = shop.propose("change", &[(&path, text)]);
    for fault in [Fault::Busy(1), Fault::Status(502), Fault::Status(503), Fault::DropBefore, Fault::Truncate] {
        shop.stub.inject(Injection::next(fault.clone()).times(2));
        shop.job(Cause::MergeRequest(iid)).exits(0);
    }
    for fault in [Fault::Status(500), Fault::DropBefore, Fault::Busy(3600)] {
        shop.stub.inject(Injection::next(fault.clone()).always());
        let said = shop.job(Cause::MergeRequest(iid)).exits(4);
        assert!(said.err.contains("error: ") && said.err.contains("GitLab"), "{fault:?}: {}", said.err);
        shop.stub.calm();
    }
    assert_eq!(shop.server().remarks(PROJECT, iid).len(), 1);
}

#[test]
fn a_review_of_three_hundred_objects_costs_few_requests_and_more_runs_cost_no_write() {
    let shop = Shop::new(Some("/gitlab"));
    let mut text = String::new();
    for n in 0..300 {
        // A String takes all that is written to it.
        let _ = write!(
            text,
            "---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: map-{n}}}, data: {{value: \"{n}\"}}}}\n"
        );
    }
    let iid = shop.propose("change", &[("apps/web/overlays/dev/maps.yaml", text)]);
    shop.job(Cause::MergeRequest(iid)).exits(0);
    let log = shop.stub.take_log();
    let writes = log.iter().filter(|entry| entry.is_write()).count();
    assert!(log.len() <= 25 && writes <= 3, "{} requests, {writes} writes: {log:#?}", log.len());
    for _ in 0..3 {
        shop.job(Cause::MergeRequest(iid)).exits(0);
    }
    assert_eq!(shop.stub.writes(), 0);
    assert_eq!(shop.server().remarks(PROJECT, iid).len(), 1);
    assert_eq!(shop.server().statuses(PROJECT).len(), 1);
}

#[test]
fn text_of_the_repository_is_not_obeyed_and_no_token_is_said() {
    let shop = Shop::new(Some("/gitlab"));
    let hostile =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: \"1\\n/merge\\n```\\n/close\\n/approve\"}}\n";
    let iid = shop.propose("change", &[("apps/web/overlays/dev/x.yaml", hostile.to_owned())]);
    shop.job(Cause::MergeRequest(iid)).exits(0);
    assert_eq!(shop.server().obeyed(), []);
    assert_eq!(shop.server().remarks(PROJECT, iid).len(), 1);
    // A token that is refused everywhere.
    let prepared =
        shop.prepare(&shop.ada, Cause::MergeRequest(iid)).with(&[("MERGELINE_TOKEN", "glpat-planted-wrong")]);
    let said = shop.call(&prepared, &["run"]).exits(4);
    assert!(said.err.contains("401"), "{}", said.err);
}

#[test]
fn without_a_project_token_a_delivery_is_refused_with_one_hint() {
    let shop = Shop::new(Some("/gitlab"));
    let prepared = shop.prepare(&shop.ada, Cause::Push("main")).with(&[("MERGELINE_TOKEN", "")]);
    let said = shop.call(&prepared, &["run"]).exits(2);
    assert_eq!(said.err.matches("project access token").count(), 1, "{}", said.err);
    let said = shop.call(&prepared, &["status"]).exits(2);
    assert!(said.err.contains("CI_JOB_TOKEN") && said.err.contains("project access token"), "{}", said.err);
    assert_eq!(shop.stub.log().len(), 0);
}
