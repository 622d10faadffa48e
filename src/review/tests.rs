#![allow(clippy::unwrap_used)]
use super::*;
use crate::diff::Action;
use crate::finding::Severity;
use crate::git::MemoryTree;
use crate::render::layout;
use crate::report::Verdict;

const CONFIG: &str = "version: 1\nenvironments:\n  dev: {source: apps/*/dev}\n  prod: {source: apps/*/prod}\n";

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

/// Two applications in two environments.
fn shop() -> MemoryTree {
    let mut tree = MemoryTree::new();
    for app in ["api", "web"] {
        for environment in ["dev", "prod"] {
            tree.insert(format!("apps/{app}/{environment}/map.yaml"), map(app, environment));
        }
    }
    tree
}

fn config(text: &str) -> Configuration {
    Configuration::Trusted(Box::new(Config::parse(text.as_bytes()).unwrap()))
}

fn reviewed(base: &MemoryTree, head: &MemoryTree, configuration: Configuration) -> Report {
    review(&input(Some(base), head, configuration)).unwrap()
}

fn input<'a>(base: Option<&'a MemoryTree>, head: &'a MemoryTree, configuration: Configuration) -> Input<'a> {
    Input {
        base: base.map(|tree| Side { tree: tree as &dyn Tree, commit: None }),
        head: Side { tree: head, commit: None },
        configuration,
        environments: Vec::new(),
        render: RenderOptions::default(),
        kubernetes: None,
        strictness: Strictness::default(),
        fail_on: None,
        links: Links::default(),
        download: &crate::download::Offline,
        secrets: Vec::new(),
    }
}

fn told(report: &Report) -> Vec<String> {
    let change = |change: &crate::diff::Change| {
        format!("{}{} {} {}", change.action.sign(), change.environment, change.unit, change.object)
    };
    report.changes.changes.iter().map(change).collect()
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule.as_ref()).collect()
}

#[test]
fn changes_come_by_environment_in_configuration_order_and_the_rest_is_counted() {
    let mut head = shop();
    for path in ["apps/web/prod/map.yaml", "apps/web/dev/map.yaml", "apps/api/prod/map.yaml"] {
        head.insert(path, map("renamed", "x"));
    }
    let report = reviewed(&shop(), &head, config(CONFIG));
    assert_eq!(
        told(&report),
        [
            "+dev web ConfigMap renamed",
            "−dev web ConfigMap web",
            "+prod api ConfigMap renamed",
            "−prod api ConfigMap api",
            "+prod web ConfigMap renamed",
            "−prod web ConfigMap web"
        ]
    );
    assert_eq!((report.unchanged, report.objects.rendered), (1, 3));
}

#[test]
fn without_a_base_everything_is_new() {
    let report = review(&input(None, &shop(), config(CONFIG))).unwrap();
    assert_eq!(report.changes.count(Action::Create), 4);
    assert_eq!(report.verdict, Verdict::Pass);
}

#[test]
fn a_unit_that_does_not_render_on_one_side_is_withheld_and_fails_the_review() {
    let broken = shop().with("apps/web/dev/map.yaml", "kind: [");
    for (base, head) in [(&shop(), &broken), (&broken, &shop())] {
        let report = reviewed(base, head, config(CONFIG));
        assert_eq!(told(&report), [""; 0]);
        assert_eq!(report.withheld.iter().map(ToString::to_string).collect::<Vec<_>>(), ["web in dev"]);
        assert_eq!(report.verdict, Verdict::Fail);
        assert!(report.findings.iter().any(|it| it.severity == Severity::Error && it.environments == ["dev"]));
    }
    let mended = reviewed(&broken, &shop(), config(CONFIG));
    assert_eq!(rules(&mended), ["base-not-rendered"]);
}

#[test]
fn a_source_without_a_star_that_goes_is_an_error_and_its_objects_are_deleted() {
    let literal = "version: 1\nenvironments:\n  dev: {source: apps/web/dev}\n";
    let mut head = shop();
    head.remove("apps/web/dev/map.yaml");
    let report = reviewed(&shop(), &head, config(literal));
    assert_eq!(told(&report), ["−dev dev ConfigMap web"]);
    assert_eq!(rules(&report), ["empty-source"]);
}

#[test]
fn the_policy_of_the_change_itself_does_not_count() {
    let lenient = format!("{CONFIG}review: {{fail-on: never}}\nkubernetes: \"1.1\"\n");
    let head =
        shop().with("apps/web/dev/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: 7\n");
    let own = Configuration::FromHead(Box::new(Config::parse(lenient.as_bytes()).unwrap()));
    let report = reviewed(&shop(), &head, own);
    assert_eq!(report.verdict, Verdict::Fail);
    assert_eq!(rules(&report), ["schema", "configuration-from-head"]);
    // The same words on the target branch do.
    let trusted = reviewed(&shop(), &head, config(&lenient));
    assert_eq!(trusted.verdict, Verdict::Pass);
    assert_eq!(rules(&trusted), ["schema", "kubernetes-version"]);
}

#[test]
fn findings_of_discovery_that_the_change_has_nothing_to_do_with_are_left_out() {
    let base = shop().with("chart/Chart.yaml", "name: chart\n").with("chart/values.yaml", "a: 1\n");
    let head = base.clone().with("apps/web/dev/map.yaml", map("web", "other"));
    assert_eq!(rules(&reviewed(&base, &head, Configuration::None)), [""; 0]);
    let touched = head.with("chart/values.yaml", "a: 2\n");
    assert_eq!(rules(&reviewed(&base, &touched, Configuration::None)), ["not-rendered"]);
}

#[test]
fn an_environment_that_is_not_there_is_refused() {
    let tree = MemoryTree::new();
    let mut input = input(None, &tree, config(CONFIG));
    input.environments = vec!["moon".into()];
    assert!(review(&input).unwrap_err().hints()[0].contains("`dev`, `prod`"));
    input.environments = vec!["prod".into()];
    assert_eq!(review(&input).unwrap().environments, ["prod"]);
}

/// An environment branch with one unit of these objects.
fn branch(objects: &[(&str, &str)]) -> MemoryTree {
    let mut tree = MemoryTree::new().with(layout::METADATA, layout::metadata_file("dev", &["web".into()]));
    for (name, value) in objects {
        tree.insert(format!("web/_cluster/ConfigMap-{name}.yaml"), map(name, value));
    }
    tree
}

fn promoted(base: &MemoryTree, head: &MemoryTree) -> Report {
    promoted_by(base, head, None, None)
}

fn promoted_by(base: &MemoryTree, head: &MemoryTree, config: Option<&Config>, policy: Option<&MemoryTree>) -> Report {
    review_rendered(&RenderedInput {
        environment: "dev".into(),
        base: Some(Side { tree: base, commit: None }),
        head: Side { tree: head, commit: None },
        config,
        policy: policy.map(|tree| tree as &dyn crate::git::tree::Tree),
        kubernetes: None,
        fail_on: None,
        links: Links::default(),
        download: &crate::download::Offline,
        secrets: Vec::new(),
    })
    .unwrap()
}

#[test]
fn a_promotion_is_judged_by_the_definitions_and_schemas_of_the_default_branch() {
    let thing = |group: &str, size: &str| {
        format!("apiVersion: {group}.example.com/v1\nkind: Thing\nmetadata: {{name: a}}\nspec: {{size: {size}}}\n")
    };
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.crd.example.com}\nspec:\n  group: crd.example.com\n  scope: Cluster\n  names: {plural: things, singular: thing, kind: Thing}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}]\n";
    let schema = r#"{"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}"#;
    let config = "version: 1\nenvironments: {dev: {source: apps/*}}\nvalidate: {schemas: [\"schemas/{{.Group}}-{{.ResourceKind}}.json\"]}\n";
    let policy = MemoryTree::new()
        .with("mergeline.yaml", config)
        .with("crds/things.yaml", definition)
        .with("schemas/json.example.com-thing.json", schema);
    let base = branch(&[]);
    let mut head = branch(&[]);
    head.insert("web/_cluster/Thing.crd.example.com-a.yaml".to_owned(), thing("crd", "big"));
    head.insert("web/_cluster/Thing.json.example.com-a.yaml".to_owned(), thing("json", "big"));
    let config = Config::parse(config.as_bytes()).unwrap();
    let judged = promoted_by(&base, &head, Some(&config), Some(&policy));
    assert_eq!(rules(&judged), ["schema", "schema"]);
    // Nobody knows the kinds otherwise.
    let unknown = promoted(&base, &head);
    assert!(rules(&unknown).iter().all(|rule| *rule == "unknown-kind"), "{:?}", unknown.findings);
}

/// A local host with an open pull request, and the right to review it.
fn pull_request(folder: &std::path::Path) -> (crate::host::LocalHost, crate::trust::CommentGrant) {
    use crate::event::{Event, PullRequestAction, PullRequestEvent, Trigger};
    let host = crate::host::LocalHost::create(folder.join("host"), "acme/shop").unwrap();
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]).args(arguments);
        let output = git.current_dir(folder.join("copy")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir(folder.join("copy")).unwrap();
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
    git(&["switch", "--quiet", "--create", "change"]);
    git(&["commit", "--quiet", "--allow-empty", "--message=second"]);
    git(&["push", "--quiet", &host.repository_path().display().to_string(), "main", "change"]);
    let head = CommitId::parse(&git(&["rev-parse", "HEAD"])).unwrap();
    let proposal = crate::host::local::Proposal {
        title: "change".into(),
        body: String::new(),
        head_branch: "change".into(),
        base_branch: "main".into(),
        fork: None,
    };
    let number = host.open_pull_request(&proposal).unwrap().number;
    let trigger = Trigger::PullRequest(PullRequestEvent {
        number,
        action: PullRequestAction::Changed,
        head,
        head_branch: "change".into(),
        base_branch: "main".into(),
        from_fork: false,
        privileged: false,
    });
    let event = Event { trigger, host: None, actor: None, run_url: None };
    (host, crate::trust::Grants::judge(&event).review().unwrap().clone())
}

#[tokio::test]
async fn publishing_is_silent_until_there_is_something_to_say_and_then_keeps_its_one_comment() {
    use crate::host::Host;
    let folder = tempfile::tempdir().unwrap();
    let (host, grant) = pull_request(folder.path());
    let quiet = reviewed(&shop(), &shop(), config(CONFIG));
    let changed = reviewed(&shop(), &shop().with("apps/web/dev/map.yaml", map("web", "x")), config(CONFIG));
    let comments = || host.comments(grant.pull_request()).unwrap();
    publish(&host, &grant, &quiet, None).await.unwrap();
    assert_eq!(comments().len(), 0);
    assert_eq!(host.statuses(grant.head()).await.unwrap()[0].status.context, CONTEXT);

    publish(&host, &grant, &changed, None).await.unwrap();
    assert!(comments()[0].body.contains("web changes in dev"), "{}", comments()[0].body);
    let writes = host.writes();
    let later = Report { elapsed: std::time::Duration::from_secs(9), ..changed };
    let operations = publish(&host, &grant, &later, None).await.unwrap();
    assert_eq!(host.writes(), writes, "{operations:?}");

    publish(&host, &grant, &quiet, None).await.unwrap();
    assert_eq!(comments().len(), 1);
    assert!(comments()[0].body.contains("nothing changes"), "{}", comments()[0].body);
}

/// A Deployment with faults on three lines; the second one is there before the change.
fn faulty(image: &str, rest: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  progressDeadlineSeconds: '60'\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n        - name: web\n          image: {image}\n{rest}"
    )
}

#[tokio::test]
async fn lines_of_the_change_with_a_certain_fix_get_a_suggestion_and_others_get_none() {
    let folder = tempfile::tempdir().unwrap();
    let (host, grant) = pull_request(folder.path());
    let path = "apps/web/dev/web.yaml";
    let before = shop().with(path, faulty("web:1", ""));
    let rest = "          imagePullPolicy: always\n          envv: []\n          ports:\n            - containerPort: \"80\" # 1\n          args: 3\n";
    let after = shop().with(path, faulty("web:1", rest));
    let report = reviewed(&before, &after, config(CONFIG));
    let operations = publish(&host, &grant, &report, None).await.unwrap();
    assert!(operations.iter().any(|it| it.target.contains("3 remarks beside lines")), "{operations:?}");
    let remarks = || host.remarks(grant.pull_request()).unwrap();
    let said: Vec<(u32, bool)> = remarks().iter().map(|(at, line, _)| (*line, at == path)).collect();
    assert_eq!(said, [(14, true), (15, true), (17, true)]);
    for ((_, _, comment), wanted) in remarks().iter().zip([
        "```suggestion\n          imagePullPolicy: Always\n```\n",
        "```suggestion\n          env: []\n```\n",
        "```suggestion\n            - containerPort: 80 # 1\n```\n",
    ]) {
        assert!(comment.body.contains(wanted), "{}", comment.body);
    }
    // The check shows what has no suggestion, on lines of the change alone.
    let check = std::fs::read_to_string(host.folder().join(format!("checks/{}.json", grant.head()))).unwrap();
    assert!(check.contains("args"), "{check}");
    let annotations = |check: &str| {
        let check: serde_json::Value = serde_json::from_str(check).unwrap();
        check[0]["annotations"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let shown = annotations(&check);
    assert!(shown.len() == 1 && shown[0].contains(":18"), "{shown:?}");
    // The same again writes nothing; what is mended goes; who wants none has none.
    let writes = host.writes();
    publish(&host, &grant, &report, None).await.unwrap();
    assert_eq!(host.writes(), writes);
    let mended = shop().with(path, faulty("web:1", &rest.replace("envv", "env")));
    publish(&host, &grant, &reviewed(&before, &mended, config(CONFIG)), None).await.unwrap();
    assert_eq!(remarks().len(), 2);
    let none = format!("{CONFIG}review: {{line-comments: false}}\n");
    publish(&host, &grant, &reviewed(&before, &mended, config(&none)), None).await.unwrap();
    assert_eq!(remarks(), []);
}

#[test]
fn an_api_that_moved_has_a_suggestion_only_where_nothing_else_has_to_change() {
    let job = |rest: &str| {
        format!(
            "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {{name: job}}\nspec:\n  schedule: '* * * * *'\n  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: a, image: a:1{rest}}}]}}}}}}}}\n"
        )
    };
    let fixes = |text: &str| {
        let report = reviewed(&shop(), &shop().with("apps/web/dev/job.yaml", text), config(CONFIG));
        report.remarks.unwrap().into_iter().filter_map(|it| it.instead).collect::<Vec<_>>()
    };
    assert_eq!(fixes(&job("")), ["apiVersion: batch/v1"]);
    assert_eq!(fixes(&job(", unheard: 1")), [] as [&str; 0]);
}

#[test]
fn a_promotion_is_compared_object_by_object() {
    let report = promoted(&branch(&[("a", "1"), ("b", "1")]), &branch(&[("a", "2"), ("c", "1")]));
    assert_eq!(told(&report), ["~dev web ConfigMap a", "+dev web ConfigMap c", "−dev web ConfigMap b"]);
    assert_eq!(promoted(&branch(&[("a", "1")]), &branch(&[("a", "1")])).unchanged, 1);
}

#[test]
fn a_promotion_that_cannot_be_read_whole_is_withheld() {
    let broken = branch(&[("a", "1")]).with("web/_cluster/ConfigMap-b.yaml", "kind: [");
    for (base, head) in [(&broken, &branch(&[])), (&branch(&[]), &broken)] {
        let report = promoted(base, head);
        assert_eq!((report.verdict, report.changes.changes.len(), report.withheld.len()), (Verdict::Fail, 0, 1));
        assert!(report.count(Severity::Error) > 0);
    }
}

/// What reading may cost is said by the target branch; a change that says otherwise for itself is read by the defaults.
#[test]
fn a_change_cannot_raise_what_its_own_manifests_may_cost() {
    let tree = |depth: usize| {
        let deep = format!("{}1{}", "{a: ".repeat(depth - 2), "}".repeat(depth - 2));
        let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{deep: {deep}}}\n");
        MemoryTree::new().with("apps/api/dev/map.yaml", object)
    };
    let limits = |depth: usize| config(&format!("{CONFIG}validate: {{budgets: {{depth: {depth}}}}}\n"));
    let refused = |depth: usize, by: Configuration| {
        let report = reviewed(&MemoryTree::new(), &tree(depth), by);
        rules(&report).contains(&"yaml-budget")
    };
    assert!(!refused(20, limits(20)) && refused(21, limits(20)));
    assert!(!refused(150, limits(150)));
    let Configuration::Trusted(raised) = limits(150) else { unreachable!() };
    assert!(refused(150, Configuration::FromHead(raised)));
}
