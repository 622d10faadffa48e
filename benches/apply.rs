//! How fast an environment is applied to a real API server, beside a bare loop of server-side applies on the same one.
//!
//!     cargo xtask lab                 # keeps the lab running and says how to point at it
//!     cargo bench --bench apply
//!
//! The bare loop has the same client and the same number of requests in flight, and neither preflight, inventory, lease nor
//! health: its rate is the server's own ceiling at that moment. The figures to compare are the ratios. Nothing fails
//! here: the budgets are those of the design. Rounds alternate, each in namespaces of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use mergeline::cluster::kubeconfig::{KubeconfigSource, Location, connect};
use mergeline::cluster::{
    ApplyOptions, Cluster, Discovery, Rejection, ResourceKind, Scope, Target, Verdict, WatchEvent,
};
use mergeline::commit::CommitId;
use mergeline::deliver::{Desired, DesiredUnit, Options, deliver};
use mergeline::event::{Event, Trigger};
use mergeline::failure::Result;
use mergeline::manifest::yaml::{Budget, Dialect};
use mergeline::manifest::{Object, Source, Value, objects};
use mergeline::trust::{ApplyGrant, Grants};
use mergeline::unit::Unit;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Namespaces with thirty objects each.
const NAMESPACES: usize = 10;
const ROUNDS: usize = 3;
const AT_ONCE: usize = 16;

/// Counts requests, and notes when the last apply was answered.
struct Counted {
    cluster: Box<dyn Cluster>,
    requests: Mutex<BTreeMap<&'static str, usize>>,
    last_apply: Mutex<Instant>,
}

impl Counted {
    fn count(&self, verb: &'static str) {
        *self.requests.lock().unwrap().entry(verb).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

#[async_trait]
impl Cluster for Counted {
    async fn version(&self) -> Result<String> {
        self.count("version");
        self.cluster.version().await
    }
    async fn discover(&self) -> Result<Discovery> {
        self.count("discover");
        self.cluster.discover().await
    }
    async fn openapi(&self) -> Result<Vec<String>> {
        self.count("openapi");
        self.cluster.openapi().await
    }
    async fn list(&self, kind: &ResourceKind, scope: &Scope) -> Result<Vec<Object>> {
        self.count("list");
        self.cluster.list(kind, scope).await
    }
    async fn get(&self, target: &Target) -> Result<Option<Object>> {
        self.count("get");
        self.cluster.get(target).await
    }
    async fn dry_run(&self, target: &Target, object: &Object, options: &ApplyOptions) -> Result<Verdict> {
        self.count("dry-run");
        self.cluster.dry_run(target, object, options).await
    }
    async fn apply(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        object: &Object,
        options: &ApplyOptions,
    ) -> Result<Verdict> {
        self.count("apply");
        let verdict = self.cluster.apply(grant, target, object, options).await;
        *self.last_apply.lock().unwrap() = Instant::now();
        verdict
    }
    async fn replace(&self, grant: &ApplyGrant, target: &Target, object: &Object) -> Result<Verdict> {
        self.count("replace");
        self.cluster.replace(grant, target, object).await
    }
    async fn delete(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        uid: &str,
    ) -> Result<std::result::Result<(), Rejection>> {
        self.count("delete");
        self.cluster.delete(grant, target, uid).await
    }
    async fn watch(&self, kind: &ResourceKind, scope: &Scope) -> Result<BoxStream<'static, Result<WatchEvent>>> {
        self.count("watch");
        self.cluster.watch(kind, scope).await
    }
}

fn manifests(prefix: &str, at: usize) -> String {
    let namespace = format!("{prefix}-{at}");
    let mut text = format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}\n");
    let mut add = |version: &str, kind: &str, name: &str, rest: &str| {
        let metadata = format!("{{name: {name}, namespace: {namespace}}}");
        write!(text, "---\napiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\n{rest}\n").unwrap();
    };
    add("v1", "ServiceAccount", "app", "");
    add("rbac.authorization.k8s.io/v1", "Role", "app", "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]");
    let binding = "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: app}\n\
                   subjects: [{kind: ServiceAccount, name: app}]";
    add("rbac.authorization.k8s.io/v1", "RoleBinding", "app", binding);
    for n in 0..8 {
        add("v1", "ConfigMap", &format!("settings-{n}"), "data: {greeting: hello, level: info, pages: '12'}");
    }
    for n in 0..6 {
        let name = format!("app-{n}");
        add("v1", "Secret", &name, "stringData: {password: correct-horse-battery-staple}");
        add("v1", "Service", &name, &format!("spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}"));
        let deployment = format!(
            "spec:\n  replicas: 0\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: \
             {{app: {name}}}}}\n    spec: {{containers: [{{name: app, image: 'app:1', ports: [{{containerPort: 80}}]}}]}}"
        );
        add("apps/v1", "Deployment", &name, &deployment);
    }
    text
}

fn desired(environment: &str, prefix: &str) -> Desired {
    let units = (0..NAMESPACES).map(|at| {
        let source = Source::new("bench.yaml", manifests(prefix, at));
        let (objects, findings) = objects(&source, Dialect::Kubectl, &Budget::default());
        assert_eq!(findings, []);
        let unit = Unit { environment: environment.to_owned(), name: format!("unit-{at}"), path: String::new() };
        DesiredUnit { unit, objects }
    });
    Desired {
        repository: "bench/apply".to_owned(),
        environment: environment.to_owned(),
        commit: commit(),
        units: units.collect(),
    }
}

fn commit() -> CommitId {
    CommitId::parse(&"a".repeat(40)).unwrap()
}

fn grant(environment: &str) -> ApplyGrant {
    let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
    Grants::judge(&event).apply(environment, &commit()).unwrap()
}

async fn target(discovery: &Discovery, object: &Object) -> Target {
    let kind = discovery.find(&object.type_key()).unwrap().clone();
    let namespace = object.namespace().map(str::to_owned);
    Target { kind, namespace, name: object.name().unwrap().to_owned() }
}

/// Namespaces, then all the rest, as fast as the server takes them.
async fn bare(cluster: &Counted, desired: &Desired) -> Duration {
    let grant = grant(&desired.environment);
    let begun = Instant::now();
    let discovery = cluster.discover().await.unwrap();
    let (first, rest): (Vec<&Object>, Vec<&Object>) =
        desired.units.iter().flat_map(|unit| &unit.objects).partition(|object| object.kind() == "Namespace");
    for objects in [first, rest] {
        let applying = objects.into_iter().map(async |object| {
            let target = target(&discovery, object).await;
            let options = ApplyOptions { field_manager: "bare".to_owned(), force: true };
            cluster.apply(&grant, &target, object, &options).await.unwrap().unwrap();
        });
        futures::stream::iter(applying).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
    begun.elapsed()
}

async fn remove(cluster: &Counted, desired: &Desired) {
    let grant = grant(&desired.environment);
    let discovery = cluster.discover().await.unwrap();
    for unit in &desired.units {
        let target = target(&discovery, &unit.objects[0]).await;
        let live = cluster.get(&target).await.unwrap().unwrap();
        let uid = live.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap();
        cluster.delete(&grant, &target, uid).await.unwrap().unwrap();
    }
}

fn main() {
    // `cargo test --all-targets` runs this too, to see that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(lab) = mergeline_lab::needs::cluster() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(&lab.kubeconfig));
}

async fn measure(kubeconfig: &std::path::Path) {
    let location = Location::File(kubeconfig.to_owned());
    let source = KubeconfigSource { location, context: None, checkout: None, allow_exec: false };
    let cluster = Counted {
        cluster: connect(&source).await.unwrap(),
        requests: Mutex::default(),
        last_apply: Mutex::new(Instant::now()),
    };
    let options = Options {
        timeout: Duration::from_secs(120),
        allow_empty: false,
        allow_protected: false,
        identity: "bench".to_owned(),
        default_namespace: "default".to_owned(),
        redactor: mergeline::diff::Redactor::new(),
    };
    let any = |_: &CommitId, _: &CommitId| Ok(true);
    let mut made = Vec::new();
    let name = format!("bench-{}", std::process::id());
    for round in 0..ROUNDS {
        let loose = desired(&format!("{name}-bare-{round}"), &format!("{name}-bare-{round}"));
        let bare = bare(&cluster, &loose).await;
        let environment = format!("{name}-{round}");
        let desired = desired(&environment, &environment);
        let count: usize = desired.units.iter().map(|unit| unit.objects.len()).sum();
        cluster.take();
        let begun = Instant::now();
        let delivered = deliver(&cluster, Some(&grant(&environment)), &desired, &any, &options).await.unwrap();
        let healthy = begun.elapsed();
        assert!(delivered.delivered, "{:?}", delivered.findings);
        let applied = *cluster.last_apply.lock().unwrap() - begun;
        let ratio = bare.as_secs_f64() / applied.as_secs_f64();
        println!(
            "round {round}: {count} objects, bare {bare:.2?} ({:.0}/s), preflighted and applied {applied:.2?}: {ratio:.2} of \
             the bare rate (budget 0.5), healthy after {healthy:.2?}; {:?}",
            count as f64 / bare.as_secs_f64(),
            cluster.take(),
        );
        let begun = Instant::now();
        let again = deliver(&cluster, Some(&grant(&environment)), &desired, &any, &options).await.unwrap();
        assert!(again.delivered && !again.changed, "{again:?}");
        let took = begun.elapsed();
        let requests = cluster.take();
        println!("         again: {took:.2?}, {} requests (budget 20): {requests:?}", requests.values().sum::<usize>());
        made.extend([loose, desired]);
    }
    for desired in &made {
        remove(&cluster, desired).await;
    }
}
