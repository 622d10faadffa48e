//! What a delivery promises: the same cases on the memory cluster, always, and on the lab's real API server, when there
//! is one.

use mergeline::cluster::kubeconfig::{KubeconfigSource, Location, connect};
use mergeline::cluster::{ApplyOptions, Cluster, MemoryCluster, Scope, Target};
use mergeline::commit::CommitId;
use mergeline::deliver::{Delivered, Desired, DesiredUnit, Options, deliver};
use mergeline::event::{Event, Trigger};
use mergeline::failure::{Failure, FailureKind};
use mergeline::manifest::yaml::{Budget, Dialect};
use mergeline::manifest::{Object, Source, TypeKey, Value, objects};
use mergeline::operation::{OperationStatus, Verb};
use mergeline::trust::{ApplyGrant, Grants};
use mergeline::unit::Unit;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The repository that everything is delivered from.
pub(crate) const REPOSITORY: &str = "acme/shop";

/// A cluster, and an environment with a namespace of its own.
pub(crate) struct Stage {
    pub(crate) cluster: Box<dyn Cluster>,
    pub(crate) environment: String,
    pub(crate) namespace: String,
    /// Commits in their order: `a` before `b` before `c`.
    pub(crate) options: Options,
}

impl Stage {
    pub(crate) fn memory() -> Self {
        Self::on(Box::new(MemoryCluster::new()))
    }

    pub(crate) async fn real() -> Option<Self> {
        let location = Location::File(mergeline_lab::needs::cluster()?.kubeconfig.clone());
        let source = KubeconfigSource { location, context: None, checkout: None, allow_exec: false };
        Some(Self::on(connect(&source).await.unwrap()))
    }

    pub(crate) fn on(cluster: Box<dyn Cluster>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("deliver-{}-{number}", std::process::id());
        let options = Options {
            timeout: Duration::from_secs(30),
            allow_empty: false,
            allow_protected: false,
            identity: name.clone(),
            default_namespace: "default".into(),
            redactor: mergeline::diff::Redactor::new(),
        };
        Self { cluster, environment: name.clone(), namespace: name, options }
    }

    pub(crate) fn commit(letter: char) -> CommitId {
        CommitId::parse(&letter.to_string().repeat(40)).unwrap()
    }

    pub(crate) fn grant(&self, commit: char) -> ApplyGrant {
        let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
        Grants::judge(&event).apply(&self.environment, &Self::commit(commit)).unwrap()
    }

    /// Units by name with their manifests; `NS` stands for the test's namespace.
    pub(crate) fn desired(&self, commit: char, units: &[(&str, &str)]) -> Desired {
        let units = units.iter().map(|(name, text)| {
            let source = Source::new(format!("{name}.yaml"), text.replace("NS", &self.namespace));
            let (objects, findings) = objects(&source, Dialect::Kubectl, &Budget::default());
            assert_eq!(findings, []);
            let unit = Unit { environment: self.environment.clone(), name: (*name).to_owned(), path: String::new() };
            DesiredUnit { unit, objects }
        });
        Desired {
            repository: REPOSITORY.into(),
            environment: self.environment.clone(),
            commit: Self::commit(commit),
            units: units.collect(),
        }
    }

    pub(crate) async fn try_deliver(&self, commit: char, units: &[(&str, &str)]) -> Result<Delivered, Failure> {
        let desired = self.desired(commit, units);
        let in_order = |old: &CommitId, new: &CommitId| Ok(old <= new);
        deliver(self.cluster.as_ref(), Some(&self.grant(commit)), &desired, &in_order, &self.options).await
    }

    pub(crate) async fn deliver(&self, commit: char, units: &[(&str, &str)]) -> Delivered {
        self.try_deliver(commit, units).await.unwrap()
    }

    async fn plan(&self, commit: char, units: &[(&str, &str)]) -> Delivered {
        let desired = self.desired(commit, units);
        let in_order = |old: &CommitId, new: &CommitId| Ok(old <= new);
        deliver(self.cluster.as_ref(), None, &desired, &in_order, &self.options).await.unwrap()
    }

    async fn target(&self, api_version: &str, kind: &str, name: &str) -> Option<Target> {
        let kind = self.cluster.discover().await.unwrap().find(&TypeKey::new(api_version, kind)).cloned()?;
        let namespace = kind.namespaced.then(|| self.namespace.clone());
        Some(Target { kind, namespace, name: name.to_owned() })
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Object> {
        let target = self.target(api_version, kind, name).await?;
        self.cluster.get(&target).await.unwrap()
    }

    /// Every object of the kinds the tests use, with its resource version: equal lists mean that nothing was written.
    ///
    /// The certificate that a controller puts into each new namespace comes at a moment of its own.
    async fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for (api_version, kind) in [("v1", "ConfigMap"), ("v1", "Namespace"), ("coordination.k8s.io/v1", "Lease")] {
            let kind = self.cluster.discover().await.unwrap().find(&TypeKey::new(api_version, kind)).cloned().unwrap();
            for object in self.cluster.list(&kind, &Scope::default()).await.unwrap() {
                let text = format!("{object:?}");
                let ours = text.contains(&self.environment) && object.name() != Some("kube-root-ca.crt");
                if ours && !object.kind().is_empty() {
                    let version =
                        object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str).unwrap();
                    versions.push(format!("{}@{version}", object.key()));
                }
            }
        }
        versions
    }

    pub(crate) async fn tear_down(&self) {
        if let Some(namespace) = self.get("v1", "Namespace", &self.namespace).await {
            let target = self.target("v1", "Namespace", &self.namespace).await.unwrap();
            let uid = namespace.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap().to_owned();
            self.cluster.delete(&self.grant('f'), &target, &uid).await.unwrap().ok();
        }
    }
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n";
const SETTINGS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: NS}\ndata: {greeting: hello}\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: NS}\ndata: {a: b}\n";
const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:1'}]}
";

fn base(documents: &[&str]) -> String {
    documents.join("\n---\n")
}

/// A fresh environment is made in order and waited for until healthy.
async fn a_fresh_environment_becomes_healthy(stage: &Stage) {
    let delivered = stage.deliver('a', &[("platform", NAMESPACE), ("web", &base(&[SETTINGS, WEB]))]).await;
    assert_eq!(delivered.findings, []);
    assert!(delivered.delivered && delivered.changed);
    assert_eq!((delivered.healthy, delivered.total), (3, 3));
    let web = stage.get("apps/v1", "Deployment", "web").await.unwrap();
    assert!(web.label("applyset.kubernetes.io/part-of").is_some());
    let first = &delivered.operations[0];
    assert_eq!(first.target, format!("Namespace {} in {}", stage.namespace, stage.environment));
}

/// Nothing to do means no write at all.
async fn a_second_delivery_writes_nothing(stage: &Stage) {
    let units = [("platform", NAMESPACE), ("web", &base(&[SETTINGS, WEB]) as &str)];
    stage.deliver('a', &units).await;
    let before = stage.versions().await;
    let again = stage.deliver('a', &units).await;
    assert!(again.delivered && !again.changed, "{again:?}");
    assert!(again.operations.iter().all(|operation| operation.status == OperationStatus::Skipped), "{again:?}");
    assert_eq!(stage.versions().await, before);
}

/// One bad object means zero changes, and the finding names the field.
async fn one_bad_object_means_zero_changes(stage: &Stage) {
    stage.deliver('a', &[("platform", NAMESPACE)]).await;
    let before = stage.versions().await;
    let bad = WEB.replace("app: web}}\n  template", "app: another}}\n  template");
    let delivered = stage.deliver('b', &[("platform", NAMESPACE), ("web", &base(&[SETTINGS, &bad]))]).await;
    assert!(!delivered.delivered && !delivered.changed);
    assert_eq!(delivered.findings.len(), 1, "{:?}", delivered.findings);
    assert_eq!(delivered.findings[0].rule, "server-refused");
    assert_eq!(stage.versions().await, before);
    assert!(stage.get("v1", "ConfigMap", "settings").await.is_none());
}

/// A wrong type, an unknown field, a list key that stands twice: each on its line.
async fn a_refused_field_is_named_on_its_line(stage: &Stage) {
    stage.deliver('a', &[("platform", NAMESPACE)]).await;
    let cases = [
        (WEB.replace("replicas: 2", "replicas: two"), "spec.replicas", 6),
        (WEB.replace("replicas: 2", "repliccas: 2"), "spec.repliccas", 6),
        (
            WEB.replace("image: 'web:1'}", "image: 'web:1'}, {name: web, image: 'web:2'}"),
            "spec.template.spec.containers",
            10,
        ),
    ];
    for (text, field, line) in cases {
        let delivered = stage.deliver('b', &[("platform", NAMESPACE), ("web", &text)]).await;
        let found = &delivered.findings;
        assert!(!delivered.changed && found.len() == 1, "{found:?}");
        assert!(found[0].message.contains(&format!("`{field}")), "{found:?}");
        assert_eq!(found[0].place.as_ref().unwrap().line, Some(line), "{found:?}");
    }
}

/// What cannot be changed says so, what to do, and nothing of what the server quotes beside it.
async fn an_immutable_field_says_what_to_do(stage: &Stage) {
    let claim = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: NS}
spec: {accessModes: [ReadWriteOnce], storageClassName: slow, resources: {requests: {storage: 1Gi}}}
";
    let immutable = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: NS}\nimmutable: true\nstringData: {p: hunter22}\n";
    let quick = Options { timeout: Duration::from_secs(1), ..stage.options.clone() };
    let desired = stage.desired('a', &[("all", &base(&[NAMESPACE, WEB, claim, immutable]))]);
    let any = |_: &CommitId, _: &CommitId| Ok(true);
    deliver(stage.cluster.as_ref(), Some(&stage.grant('a')), &desired, &any, &quick).await.unwrap();
    let changed = base(&[
        NAMESPACE,
        &WEB.replace("app: web", "app: other"),
        &claim.replace("slow", "fast"),
        &immutable.replace("hunter22", "hunter33"),
    ]);
    let plan = stage.plan('b', &[("all", &changed)]).await;
    assert_eq!(plan.findings.len(), 3, "{:?}", plan.findings);
    for finding in &plan.findings {
        assert!(finding.hint.as_ref().is_some_and(|hint| hint.starts_with("immutable")), "{finding:?}");
        assert!(finding.message.len() < 200 && !finding.message.contains('\n'), "{finding:?}");
        assert!(!format!("{finding:?}").contains("hunter"), "{finding:?}");
    }
}

/// A CRD and an object of it arrive in one commit.
async fn a_definition_and_its_objects_arrive_together(stage: &Stage) {
    let group = format!("{}.example.com", stage.namespace);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}}
  versions:
    - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}
"
    );
    let widget =
        format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: one, namespace: NS}}\nspec: {{size: 1}}\n");
    let delivered = stage.deliver('a', &[("all", &base(&[&widget, NAMESPACE, &definition]))]).await;
    assert!(delivered.delivered, "{delivered:?}");
    assert!(stage.get(&format!("{group}/v1"), "Widget", "one").await.is_some());
    // Protected kinds stay without a person's word: what this test made goes by hand.
    let target = stage.target("apiextensions.k8s.io/v1", "CustomResourceDefinition", &format!("widgets.{group}")).await;
    let live = stage.cluster.get(target.as_ref().unwrap()).await.unwrap().unwrap();
    let uid = live.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap();
    stage.cluster.delete(&stage.grant('a'), &target.unwrap(), uid).await.unwrap().unwrap();
}

/// What left Git is pruned; what is protected stays and says so.
async fn what_left_git_is_pruned_and_protected_kinds_stay(stage: &Stage) {
    stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS, OTHER]))]).await;
    let delivered = stage.deliver('b', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    assert!(delivered.delivered, "{delivered:?}");
    assert!(stage.get("v1", "ConfigMap", "other").await.is_none());
    let pruned = delivered.operations.iter().filter(|operation| operation.verb == Verb::Prune).collect::<Vec<_>>();
    assert_eq!((pruned.len(), pruned[0].status), (1, OperationStatus::Done));

    let held = stage.deliver('c', &[("all", SETTINGS)]).await;
    assert!(stage.get("v1", "Namespace", &stage.namespace).await.is_some());
    assert!(held.findings.iter().any(|finding| finding.rule == "prune-held"), "{held:?}");
    assert!(held.delivered);
}

/// A unit that left Git as a whole goes, with its inventory.
async fn a_unit_that_left_git_goes_with_its_inventory(stage: &Stage) {
    stage.deliver('a', &[("base", &base(&[NAMESPACE, SETTINGS])), ("extra", OTHER)]).await;
    let delivered = stage.deliver('b', &[("base", &base(&[NAMESPACE, SETTINGS]))]).await;
    assert!(delivered.delivered, "{delivered:?}");
    assert!(stage.get("v1", "ConfigMap", "other").await.is_none());
    let left: Vec<String> = stage.versions().await.into_iter().filter(|line| line.contains("-extra-")).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// An empty render deletes nothing without a person's word.
async fn an_empty_environment_is_refused(stage: &Stage) {
    stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    let failure = stage.try_deliver('b', &[("all", "")]).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Refused);
    assert!(failure.hints()[0].contains("--allow-empty"));
    assert!(stage.get("v1", "ConfigMap", "settings").await.is_some());
}

/// An older or unrelated commit never replaces a newer one.
async fn an_older_commit_is_refused(stage: &Stage) {
    stage.deliver('b', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    let failure = stage.try_deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS, OTHER]))]).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Refused);
    assert!(failure.message().contains("not an ancestor"), "{failure}");
    assert!(stage.get("v1", "ConfigMap", "other").await.is_none());
}

/// What another unit owns is not taken: the owner is named.
async fn an_object_of_another_unit_is_refused_with_its_owner(stage: &Stage) {
    stage.deliver('a', &[("one", &base(&[NAMESPACE, SETTINGS]))]).await;
    let other = Stage {
        environment: format!("{}-b", stage.environment),
        cluster: Box::new(MemoryCluster::new()),
        namespace: stage.namespace.clone(),
        options: stage.options.clone(),
    };
    let desired = other.desired('a', &[("two", &SETTINGS.replace("hello", "mine"))]);
    let grant = other.grant('a');
    let any = |_: &CommitId, _: &CommitId| Ok(true);
    let delivered = deliver(stage.cluster.as_ref(), Some(&grant), &desired, &any, &stage.options).await.unwrap();
    assert!(!delivered.delivered && !delivered.changed);
    assert_eq!(delivered.findings[0].rule, "owned-by-another");
    let owner = format!("mergeline/{}/one", stage.environment);
    assert!(delivered.findings[0].message.contains(&owner), "{:?}", delivered.findings);
}

/// A person's edit is put back.
async fn a_persons_edit_is_overridden(stage: &Stage) {
    stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    let edited = stage.desired('a', &[("all", &SETTINGS.replace("hello", "edited"))]).units.remove(0).objects.remove(0);
    let target = stage.target("v1", "ConfigMap", "settings").await.unwrap();
    let options = ApplyOptions { field_manager: "kubectl".into(), force: true };
    stage.cluster.apply(&stage.grant('a'), &target, &edited, &options).await.unwrap().unwrap();
    let delivered = stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    assert!(delivered.delivered && delivered.changed, "{delivered:?}");
    let live = stage.get("v1", "ConfigMap", "settings").await.unwrap();
    assert_eq!(live.value().path(&["data", "greeting"]).and_then(Value::as_str), Some("hello"));
}

/// A plan is printed with the server's verdict and writes nothing.
async fn a_plan_writes_nothing(stage: &Stage) {
    stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS]))]).await;
    let before = stage.versions().await;
    let plan = stage.plan('b', &[("all", &base(&[NAMESPACE, &SETTINGS.replace("hello", "bye"), OTHER]))]).await;
    let reasons: Vec<&str> = plan.operations.iter().filter_map(|operation| operation.reason.as_deref()).collect();
    assert_eq!(reasons, ["unchanged", "create", "update"]);
    assert!(!plan.changed && !plan.delivered);
    assert_eq!(stage.versions().await, before);
}

/// What does not become healthy in time is said, and nothing is pruned meanwhile.
async fn what_is_unhealthy_at_the_time_limit_is_said_and_nothing_is_pruned(stage: &Stage) {
    stage.deliver('a', &[("all", &base(&[NAMESPACE, SETTINGS, OTHER]))]).await;
    let stuck = WEB
        .replace("replicas: 2", "replicas: 1")
        .replace("image: 'web:1'", "image: 'web:1', resources: {requests: {cpu: '100000'}}");
    let quick = Stage {
        cluster: Box::new(MemoryCluster::new()),
        environment: stage.environment.clone(),
        namespace: stage.namespace.clone(),
        options: Options { timeout: Duration::from_secs(2), ..stage.options.clone() },
    };
    let desired = quick.desired('b', &[("all", &base(&[NAMESPACE, SETTINGS, &stuck]))]);
    let any = |_: &CommitId, _: &CommitId| Ok(true);
    let delivered =
        deliver(stage.cluster.as_ref(), Some(&quick.grant('b')), &desired, &any, &quick.options).await.unwrap();
    assert!(!delivered.delivered && delivered.changed);
    assert!(delivered.findings.iter().any(|finding| finding.rule == "unhealthy"), "{delivered:?}");
    assert!(stage.get("v1", "ConfigMap", "other").await.is_some());
}

/// Two repositories that call their environment and unit alike leave each other's objects alone.
async fn repositories_with_the_same_names_leave_each_other_alone(stage: &Stage) {
    stage.deliver('a', &[("web", &base(&[NAMESPACE, SETTINGS]))]).await;
    let deliver_other = async |text: &str| {
        let desired = Desired { repository: "acme/other".into(), ..stage.desired('c', &[("web", text)]) };
        let unrelated = |_: &CommitId, _: &CommitId| Ok(false);
        deliver(stage.cluster.as_ref(), Some(&stage.grant('c')), &desired, &unrelated, &stage.options).await.unwrap()
    };
    let other = deliver_other(OTHER).await;
    assert!(other.delivered, "{other:?}");
    assert!(stage.get("v1", "ConfigMap", "settings").await.is_some());
    assert!(stage.get("v1", "ConfigMap", "other").await.is_some());

    let taken = deliver_other(&base(&[OTHER, &SETTINGS.replace("hello", "mine")])).await;
    assert!(!taken.delivered && !taken.changed);
    assert_eq!(taken.findings[0].rule, "owned-by-another", "{:?}", taken.findings);
}

macro_rules! promises {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::Stage::memory()).await;
            })+
        }

        mod real {
            $(#[tokio::test]
            async fn $case() {
                let Some(stage) = super::Stage::real().await else { return };
                super::$case(&stage).await;
                stage.tear_down().await;
            })+
        }
    };
}

promises! {
    repositories_with_the_same_names_leave_each_other_alone,
    a_fresh_environment_becomes_healthy,
    a_second_delivery_writes_nothing,
    one_bad_object_means_zero_changes,
    a_definition_and_its_objects_arrive_together,
    what_left_git_is_pruned_and_protected_kinds_stay,
    a_unit_that_left_git_goes_with_its_inventory,
    an_empty_environment_is_refused,
    an_older_commit_is_refused,
    an_object_of_another_unit_is_refused_with_its_owner,
    a_persons_edit_is_overridden,
    a_plan_writes_nothing,
}

#[tokio::test]
async fn memory_what_is_unhealthy_is_said() {
    let cluster = MemoryCluster::new();
    cluster.stuck("web");
    what_is_unhealthy_at_the_time_limit_is_said_and_nothing_is_pruned(&Stage::on(Box::new(cluster))).await;
}

// The memory cluster has no schemas and knows few immutable fields.
#[tokio::test]
async fn real_a_refused_field_is_named_on_its_line() {
    let Some(stage) = Stage::real().await else { return };
    a_refused_field_is_named_on_its_line(&stage).await;
    stage.tear_down().await;
}

#[tokio::test]
async fn real_an_immutable_field_says_what_to_do() {
    let Some(stage) = Stage::real().await else { return };
    an_immutable_field_says_what_to_do(&stage).await;
    stage.tear_down().await;
}

#[tokio::test]
async fn real_what_is_unhealthy_is_said() {
    let Some(stage) = Stage::real().await else { return };
    what_is_unhealthy_at_the_time_limit_is_said_and_nothing_is_pruned(&stage).await;
    stage.tear_down().await;
}
