//! What a delivery promises when something goes wrong at any request, or when two runs race.

use crate::deliver::{REPOSITORY, Stage};
use async_trait::async_trait;
use mergeline::cluster::memory::Fault;
use mergeline::cluster::{
    ApplyOptions, Cluster, Discovery, MemoryCluster, Rejection, ResourceKind, Scope, Target, Verdict, WatchEvent,
};
use mergeline::commit::CommitId;
use mergeline::deliver::{ApplySetId, Delivered, deliver};
use mergeline::failure::{FailureKind, Result};
use mergeline::manifest::{Object, Value};
use mergeline::trust::ApplyGrant;
use mergeline::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const PART_OF: &str = "applyset.kubernetes.io/part-of";

type Units = Vec<(&'static str, String)>;

fn config_map(text: &mut String, name: &str, value: &str) {
    write!(
        text,
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: NS}}\ndata: {{v: '{value}'}}\n"
    )
    .unwrap();
}

fn deployment(text: &mut String, name: &str, image: &str) {
    write!(
        text,
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: NS}}\nspec:\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: \
         {{containers: [{{name: {name}, image: '{image}'}}]}}\n"
    )
    .unwrap();
}

/// How many objects of each sort: 3 give 24 objects and more than 50 requests. With 8 (54 objects, more than 100 requests)
/// all of it passes as well, but takes minutes: the time grows with the square.
const EACH: usize = 3;

/// Objects by what becomes of them: those named `stay` stay as they are, `change` change, `leave` leave, `move` moves.
fn before() -> Units {
    let mut web = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n".to_owned();
    let (mut db, mut old) = (String::new(), String::new());
    for n in 0..EACH {
        config_map(&mut web, &format!("stay-{n}"), "1");
        config_map(&mut web, &format!("change-{n}"), "1");
        config_map(&mut db, &format!("leave-{n}"), "1");
        config_map(&mut old, &format!("old-{n}"), "1");
    }
    deployment(&mut web, "web", "web:1");
    deployment(&mut db, "leaves", "db:1");
    config_map(&mut db, "move", "1");
    config_map(&mut db, "rest", "1");
    vec![("web", web), ("db", db), ("old", old)]
}

/// As many after: the unit `old` is gone, `new` is new.
fn after() -> Units {
    let mut web = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n".to_owned();
    let (mut db, mut new) = (String::new(), String::new());
    for n in 0..EACH {
        config_map(&mut web, &format!("stay-{n}"), "1");
        config_map(&mut web, &format!("change-{n}"), "2");
        config_map(&mut db, &format!("create-{n}"), "2");
        config_map(&mut new, &format!("new-{n}"), "2");
    }
    deployment(&mut web, "web", "web:2");
    deployment(&mut new, "new", "new:2");
    config_map(&mut new, "move", "2");
    config_map(&mut db, "rest", "2");
    vec![("web", web), ("db", db), ("new", new)]
}

fn borrowed(units: &Units) -> Vec<(&str, &str)> {
    units.iter().map(|(name, text)| (*name, text.as_str())).collect()
}

/// Whether deletion, creation and ownership are exactly as they shall be.
fn assert_exact(cluster: &MemoryCluster, stage: &Stage, units: &Units, at: &str) {
    let desired = stage.desired('f', &borrowed(units));
    let mut want: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    for unit in &desired.units {
        for object in &unit.objects {
            let value = object.value().path(&["data", "v"]).and_then(Value::as_str).map(str::to_owned);
            want.insert(object.key().to_string(), (ApplySetId::of(REPOSITORY, &unit.unit).as_str().to_owned(), value));
        }
    }
    let objects = cluster.objects();
    let mut have = BTreeMap::new();
    let mut uids = BTreeMap::new();
    for object in objects.iter().filter(|object| object.label(PART_OF).is_some()) {
        let value = object.value().path(&["data", "v"]).and_then(Value::as_str).map(str::to_owned);
        have.insert(object.key().to_string(), (object.label(PART_OF).unwrap().to_owned(), value));
        let uid = object.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap();
        uids.insert(object.key().to_string(), uid.to_owned());
    }
    assert_eq!(have, want, "{at}: the cluster has not exactly what it shall have");
    let mut recorded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for parent in objects.iter().filter(|object| object.annotation("mergeline.dev/unit").is_some()) {
        let unit = parent.annotation("mergeline.dev/unit").unwrap().to_owned();
        let text = parent.value().path(&["data", "entries"]).and_then(Value::as_str).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        for entry in entries {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let found = uids.iter().find(|(_, uid)| **uid == text("uid"));
            let key = found.unwrap_or_else(|| panic!("{at}: `{entry}` of {unit} names no member")).0;
            assert!(key.ends_with(&text("name")), "{at}: {entry}");
            recorded.entry(unit.clone()).or_default().insert(key.clone());
        }
        recorded.entry(unit).or_default();
    }
    let shall: BTreeMap<String, BTreeSet<String>> = desired
        .units
        .iter()
        .map(|unit| (unit.unit.name.clone(), unit.objects.iter().map(|object| object.key().to_string()).collect()))
        .collect();
    assert_eq!(recorded, shall, "{at}: the inventories are not exact");
    let stranger =
        objects.iter().find(|object| object.name() == Some("stranger")).expect("because nobody may delete it");
    assert_eq!(stranger.label(PART_OF), None);
    for object in &objects {
        let managers = object.value().path(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default();
        let ours: BTreeSet<&str> = managers
            .iter()
            .filter_map(|entry| entry.get("manager").and_then(Value::as_str))
            .filter(|manager| manager.starts_with("mergeline/"))
            .collect();
        assert!(ours.len() <= 1, "{at}: `{}` has two owners: {ours:?}", object.key());
    }
}

fn uids(cluster: &MemoryCluster) -> BTreeMap<String, String> {
    let uid = |object: &Object| object.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap().to_owned();
    cluster.objects().iter().map(|object| (object.key().to_string(), uid(object))).collect()
}

/// A cluster with the state before, and an object of somebody else beside it.
async fn begun() -> (MemoryCluster, Stage) {
    let cluster = MemoryCluster::new();
    let stage = Stage::on(Box::new(cluster.clone()));
    assert!(stage.deliver('a', &borrowed(&before())).await.delivered);
    let mut text = String::new();
    config_map(&mut text, "stranger", "1");
    let stranger = stage.desired('a', &[("x", &text)]).units.remove(0).objects.remove(0);
    let kind = cluster.discover().await.unwrap();
    let kind = kind.find(&stranger.type_key()).unwrap().clone();
    let target = Target { kind, namespace: Some(stage.namespace.clone()), name: "stranger".into() };
    let options = ApplyOptions { field_manager: "kubectl".into(), force: false };
    cluster.apply(&stage.grant('a'), &target, &stranger, &options).await.unwrap().unwrap();
    (cluster, stage)
}

/// For each request of the run there is: it goes wrong, and one more run makes everything right.
async fn converges_after(fault: impl Fn(u64) -> Fault) {
    let (cluster, stage) = begun().await;
    cluster.fault(None);
    assert!(stage.deliver('b', &borrowed(&after())).await.delivered);
    let requests: u64 = cluster.requests().values().sum();
    assert_exact(&cluster, &stage, &after(), "without a fault");
    assert!(requests > 50, "{requests}: the run is too short to tell anything");
    for at in 1..=requests {
        let (cluster, stage) = begun().await;
        let first = uids(&cluster);
        let name = format!("{:?} of {requests}", fault(at));
        cluster.fault(Some(fault(at)));
        let failed: Result<Delivered> = stage.try_deliver('b', &borrowed(&after())).await;
        cluster.fault(None);
        let again = stage.try_deliver('b', &borrowed(&after())).await;
        let again = again.unwrap_or_else(|failure| panic!("{name}: {failure} after {failed:?}"));
        assert!(again.delivered, "{name}: {again:?}");
        assert_exact(&cluster, &stage, &after(), &name);
        for (key, uid) in &uids(&cluster) {
            assert!(first.get(key).is_none_or(|before| before == uid), "{name}: `{key}` was deleted and made anew");
        }
        cluster.fault(None);
        assert!(!stage.deliver('b', &borrowed(&after())).await.changed, "{name}");
        let writes = ["apply", "replace", "delete", "dry-run"].map(|verb| cluster.requests().get(verb).copied());
        assert_eq!(writes, [None; 4], "{name}: the inventory does not know that all is as it shall be");
    }
}

#[tokio::test]
async fn a_request_that_fails_is_made_good_by_one_more_run() {
    converges_after(Fault::Fails).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_made_good_by_one_more_run() {
    converges_after(Fault::AnswerLost).await;
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_request_is_made_good_by_one_more() {
    converges_after(Fault::DownFrom).await;
}

/// Killed while it brings something new, and the next commit does not want that any more: nothing is left behind.
#[tokio::test]
async fn what_a_killed_run_began_and_the_next_commit_drops_is_no_orphan() {
    let (cluster, stage) = begun().await;
    cluster.fault(None);
    assert!(stage.deliver('b', &borrowed(&after())).await.delivered);
    let requests: u64 = cluster.requests().values().sum();
    for at in 1..=requests {
        let (cluster, stage) = begun().await;
        cluster.fault(Some(Fault::DownFrom(at)));
        drop(stage.try_deliver('b', &borrowed(&after())).await);
        cluster.fault(None);
        assert!(stage.deliver('c', &borrowed(&before())).await.delivered, "killed at {at}");
        assert_exact(&cluster, &stage, &before(), &format!("killed at {at}, then back"));
    }
}

/// A person deletes a member; the run that brings it back is killed before it could note the new UID; the next commit
/// drops it.
#[tokio::test]
async fn a_member_that_was_made_anew_by_a_killed_run_is_still_ours() {
    let (cluster, stage) = begun().await;
    let kind = cluster.discover().await.unwrap();
    let kind = kind.kinds.iter().find(|kind| kind.type_key.kind == "ConfigMap").unwrap().clone();
    let target = Target { kind, namespace: Some(stage.namespace.clone()), name: "leave-0".into() };
    let live = cluster.get(&target).await.unwrap().unwrap();
    let uid = live.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap().to_owned();
    cluster.delete(&stage.grant('a'), &target, &uid).await.unwrap().unwrap();
    // The last requests write the inventories and give the lease back.
    let mut probe = 1;
    loop {
        cluster.fault(Some(Fault::DownFrom(probe)));
        drop(stage.try_deliver('a', &borrowed(&before())).await);
        cluster.fault(None);
        if cluster.get(&target).await.unwrap().is_some() {
            break;
        }
        probe += 1;
    }
    assert!(stage.deliver('b', &borrowed(&after())).await.delivered);
    assert_exact(&cluster, &stage, &after(), "made anew by a killed run");
}

/// A cluster that takes its time: each request waits for some turns of the scheduler, and writes are noted.
#[derive(Clone)]
struct Busy {
    cluster: MemoryCluster,
    runner: usize,
    state: Arc<AtomicU64>,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl Busy {
    async fn turn(&self) {
        let seed = self.state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (seed ^ (seed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        for _ in 0..(mixed >> 60) {
            tokio::task::yield_now().await;
        }
    }

    fn note(&self, target: &Target) {
        if target.kind.type_key.kind != "Lease" && target.name != "mergeline-system" {
            self.writes.lock().unwrap().push(self.runner);
        }
    }
}

#[async_trait]
impl Cluster for Busy {
    async fn version(&self) -> Result<String> {
        self.cluster.version().await
    }
    async fn discover(&self) -> Result<Discovery> {
        self.turn().await;
        self.cluster.discover().await
    }
    async fn openapi(&self) -> Result<Vec<String>> {
        self.cluster.openapi().await
    }
    async fn list(&self, kind: &ResourceKind, scope: &Scope) -> Result<Vec<Object>> {
        self.turn().await;
        self.cluster.list(kind, scope).await
    }
    async fn get(&self, target: &Target) -> Result<Option<Object>> {
        self.turn().await;
        self.cluster.get(target).await
    }
    async fn dry_run(&self, target: &Target, object: &Object, options: &ApplyOptions) -> Result<Verdict> {
        self.turn().await;
        self.cluster.dry_run(target, object, options).await
    }
    async fn apply(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        object: &Object,
        options: &ApplyOptions,
    ) -> Result<Verdict> {
        self.turn().await;
        self.note(target);
        self.cluster.apply(grant, target, object, options).await
    }
    async fn replace(&self, grant: &ApplyGrant, target: &Target, object: &Object) -> Result<Verdict> {
        self.turn().await;
        self.note(target);
        self.cluster.replace(grant, target, object).await
    }
    async fn delete(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        uid: &str,
    ) -> Result<std::result::Result<(), Rejection>> {
        self.turn().await;
        self.note(target);
        self.cluster.delete(grant, target, uid).await
    }
    async fn watch(
        &self,
        kind: &ResourceKind,
        scope: &Scope,
    ) -> Result<futures::stream::BoxStream<'static, Result<WatchEvent>>> {
        self.turn().await;
        self.cluster.watch(kind, scope).await
    }
}

/// Lets runners of these commits race, and tells how each ended.
async fn race(seed: u64, commits: &[char]) -> Vec<Result<Delivered>> {
    let (cluster, stage) = begun().await;
    let stage = Arc::new(stage);
    let writes = Arc::new(Mutex::new(Vec::new()));
    let state = Arc::new(AtomicU64::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D)));
    let runs = commits.iter().enumerate().map(|(runner, commit)| {
        let busy = Busy { cluster: cluster.clone(), runner, state: state.clone(), writes: writes.clone() };
        let (stage, commit) = (stage.clone(), *commit);
        async move {
            let units = if commit == 'b' { before_with('b') } else { after() };
            let desired = stage.desired(commit, &borrowed(&units));
            let options = mergeline::deliver::Options { identity: format!("runner {runner}"), ..stage.options.clone() };
            let in_order = |old: &CommitId, new: &CommitId| Ok(old <= new);
            deliver(&busy, Some(&stage.grant(commit)), &desired, &in_order, &options).await
        }
    });
    let results = futures::future::join_all(runs).await;
    let newest = commits.iter().max().unwrap();
    let last = if *newest == 'b' { before_with('b') } else { after() };
    assert_exact(&cluster, &stage, &last, &format!("race {seed} of {commits:?}"));
    let mut turns = writes.lock().unwrap().clone();
    turns.dedup();
    let runners: BTreeSet<usize> = turns.iter().copied().collect();
    assert_eq!(turns.len(), runners.len(), "race {seed} of {commits:?}: the runs wrote by turns: {turns:?}");
    results
}

fn before_with(commit: char) -> Units {
    let mut units = before();
    config_map(&mut units[0].1, &format!("only-in-{commit}"), "1");
    units
}

#[tokio::test]
async fn two_runs_of_one_commit_do_not_interleave() {
    let races = (0..40).map(|seed| race(seed, &['c', 'c']));
    for results in futures::future::join_all(races).await {
        assert!(results.iter().all(|result| result.as_ref().is_ok_and(|delivered| delivered.delivered)), "{results:?}");
    }
}

#[tokio::test]
async fn the_newest_of_racing_runs_wins() {
    let races = (0..40).map(|seed| race(seed, if seed % 2 == 0 { &['b', 'c'] } else { &['c', 'b', 'c'] }));
    for mut results in futures::future::join_all(races).await {
        assert!(results.pop().unwrap().is_ok_and(|delivered| delivered.delivered));
        for result in results {
            match result {
                Ok(delivered) => assert!(delivered.delivered, "{delivered:?}"),
                Err(failure) => assert_eq!(failure.kind(), FailureKind::Refused, "{failure}"),
            }
        }
    }
}

/// The newer commit changes nothing, so nothing of it is seen in any object; the older one is refused all the same.
#[tokio::test]
async fn an_older_commit_is_refused_after_a_newer_one_that_changed_nothing() {
    let (cluster, stage) = begun().await;
    assert!(stage.deliver('c', &borrowed(&before())).await.delivered);
    let failure = stage.try_deliver('b', &borrowed(&after())).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Refused, "{failure}");
    assert_exact(&cluster, &stage, &before(), "after the older one");
}

#[tokio::test]
async fn an_object_moves_from_one_unit_to_another_and_keeps_its_identity() {
    let (cluster, stage) = begun().await;
    let first = uids(&cluster);
    let delivered = stage.deliver('b', &borrowed(&after())).await;
    assert!(delivered.delivered, "{delivered:?}");
    let moved = first.iter().find(|(key, _)| key.ends_with("/move")).unwrap();
    assert_eq!(uids(&cluster).get(moved.0), Some(moved.1));
    let unit = |name: &str| Unit { environment: stage.environment.clone(), name: name.into(), path: String::new() };
    let live = cluster.objects().into_iter().find(|object| object.name() == Some("move")).unwrap();
    assert_eq!(live.label(PART_OF), Some(ApplySetId::of(REPOSITORY, &unit("new")).as_str()));
}

/// With a person's word, a namespace goes with its content, but not with what stays or belongs to others.
#[tokio::test]
async fn a_namespace_is_not_pruned_while_anything_that_stays_lives_in_it() {
    let (cluster, mut stage) = begun().await;
    stage.options.allow_protected = true;
    let namespace = |cluster: &MemoryCluster| {
        let mut namespaces = cluster.objects().into_iter().filter(|object| object.kind() == "Namespace");
        namespaces.any(|object| object.name() == Some(stage.namespace.as_str()))
    };
    let mut left = String::new();
    config_map(&mut left, "rest", "1");
    let delivered = stage.deliver('b', &[("db", &left)]).await;
    assert!(
        delivered.findings.iter().any(|finding| finding.message.contains("objects of this environment live in it"))
    );
    assert!(delivered.delivered && namespace(&cluster));
    let elsewhere = left.replace("NS", "default");
    let delivered = stage.deliver('c', &[("db", &elsewhere)]).await;
    assert!(delivered.findings.iter().any(|finding| finding.message.contains("stranger")), "{delivered:?}");
    assert!(delivered.delivered && namespace(&cluster));
}

#[tokio::test]
async fn a_unit_that_is_empty_on_purpose_loses_all_and_keeps_its_inventory() {
    let (cluster, mut stage) = begun().await;
    let mut units = before();
    units[2].1.clear();
    let refused = stage.try_deliver('b', &borrowed(&units)).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Refused);
    stage.options.allow_empty = true;
    assert!(stage.deliver('b', &borrowed(&units)).await.delivered);
    assert_exact(&cluster, &stage, &units, "empty on purpose");
}

/// More units than one selector names.
#[tokio::test]
async fn an_environment_may_have_very_many_units() {
    let cluster = MemoryCluster::new();
    let stage = Stage::on(Box::new(cluster.clone()));
    let names: Vec<String> = (0..80).map(|n| format!("unit-{n}")).collect();
    let mut texts: Vec<String> = vec!["apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n".to_owned()];
    texts.resize(names.len(), String::new());
    texts.iter_mut().zip(&names).for_each(|(text, name)| config_map(text, name, "1"));
    let units: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let delivered = stage.deliver('a', &units).await;
    assert!(delivered.delivered && delivered.total == 81, "{delivered:?}");
    assert!(!stage.deliver('a', &units).await.changed);
    assert!(stage.deliver('b', &units[..40]).await.delivered);
    assert_eq!(cluster.objects().iter().filter(|object| object.label(PART_OF).is_some()).count(), 41);
}
