#![allow(clippy::unwrap_used)]
use super::*;
use crate::manifest::Source;
use crate::manifest::yaml::{Budget, Dialect, read};

fn objects(text: &str) -> Vec<Object> {
    let reading = read(&Source::new("apps/web/all.yaml", text), Dialect::Kubectl, &Budget::default());
    assert!(reading.findings.is_empty(), "{:?}", reading.findings);
    reading.documents.into_iter().map(|document| Object::new(document).unwrap()).collect()
}

fn unit() -> Unit {
    Unit { environment: "dev".into(), name: "web".into(), path: "apps/web".into() }
}

fn changes(before: &str, after: &str) -> Vec<Change> {
    diff(&unit(), &objects(before), &objects(after), None, &Redactor::new())
}

/// The one change between two texts.
fn only(before: &str, after: &str) -> Change {
    let mut changes = changes(before, after);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.remove(0)
}

fn labels(change: &Change) -> Vec<String> {
    change.fields.iter().map(|field| format!("{} {}", field.action.word(), field.label)).collect()
}

fn lines(change: &Change) -> String {
    change.lines.iter().map(|line| format!("{line}\n")).collect()
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: nginx:1.27.0
        resources: {limits: {cpu: 1, memory: 1Gi}}
        env: [{name: A, value: a}, {name: B, value: b}]
      - name: side
        image: side:1
";

#[test]
fn an_image_is_named_by_its_container_and_shown_with_three_lines_of_context() {
    let change = only(DEPLOYMENT, &DEPLOYMENT.replace("1.27.0", "1.27.1"));
    assert_eq!(labels(&change), ["changed spec.template.spec.containers[name=web].image"]);
    assert_eq!(change.fields[0].pointer, "/spec/template/spec/containers/0/image");
    assert_eq!(change.images[0].before.as_ref().unwrap(), &"nginx:1.27.0");
    assert_eq!(change.place.as_ref().unwrap().to_string(), "apps/web/all.yaml:10:16");
    assert_eq!(
        lines(&change),
        "\
@@ spec.template.spec.containers[name=web].image @@
     spec:
       containers:
       - name: web
-        image: nginx:1.27.0
+        image: nginx:1.27.1
         resources:
           limits:
             cpu: 1
"
    );
}

#[test]
fn order_and_spelling_that_the_api_ignores_are_no_change() {
    let other = DEPLOYMENT
        .replace("[{name: A, value: a}, {name: B, value: b}]", "[{value: b, name: B}, {name: A, value: a}]")
        .replace("cpu: 1, memory: 1Gi", "memory: 1024Mi, cpu: 1000m")
        .replace("replicas: 2", "replicas: 0x2");
    assert!(changes(DEPLOYMENT, &other).is_empty());
    assert!(changes(DEPLOYMENT, DEPLOYMENT).is_empty());
}

#[test]
fn the_order_of_init_containers_is_a_change() {
    let pod = |names: [&str; 2]| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  initContainers: [{{name: {}}}, {{name: {}}}]\n",
            names[0], names[1]
        )
    };
    let change = only(&pod(["one", "two"]), &pod(["two", "one"]));
    assert_eq!(labels(&change), ["changed spec.initContainers"]);
    assert!(lines(&change).contains("+  # order: name=two, name=one"), "{}", lines(&change));
}

#[test]
fn the_schema_decides_how_lists_are_matched() {
    let catalog = Catalog::bundled(Catalog::newest()).unwrap();
    let pod = |spec: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {spec}\n");
    let compare = |one: &str, other: &str| {
        diff(&unit(), &objects(&pod(one)), &objects(&pod(other)), Some(&catalog), &Redactor::new())
    };
    let ports = ["{containerPort: 80}", "{containerPort: 80, protocol: UDP}"];
    let container = |ports: [&str; 2]| format!("{{containers: [{{name: a, ports: [{}]}}]}}", ports.join(", "));
    assert!(compare(&container(ports), &container([ports[1], ports[0]])).is_empty());
    let args = |args: &str| format!("{{containers: [{{name: a, args: {args}}}]}}");
    assert_eq!(compare(&args("[x, y]"), &args("[y, x]")).len(), 1, "arguments run in order");
    let limits = |cpu: &str| format!("{{containers: [{{name: a, resources: {{limits: {{cpu: {cpu}}}}}}}]}}");
    assert!(compare(&limits("1"), &limits("1000m")).is_empty());
}

#[test]
fn a_string_that_was_a_number_is_a_change() {
    let change = only(DEPLOYMENT, &DEPLOYMENT.replace("replicas: 2", "replicas: \"2\""));
    assert_eq!(change.fields[0].after.as_ref().unwrap(), &"\"2\"");
}

#[test]
fn added_and_removed_list_items_are_one_field_each() {
    let after =
        DEPLOYMENT.replace("      - name: side\n        image: side:1\n", "      - name: new\n        image: new:2\n");
    let change = only(DEPLOYMENT, &after);
    assert_eq!(
        labels(&change),
        ["removed spec.template.spec.containers[name=side]", "added spec.template.spec.containers[name=new]"]
    );
    assert!(
        lines(&change).contains("-      - name: side\n-        image: side:1\n+      - name: new\n"),
        "{}",
        lines(&change)
    );
    assert_eq!(change.images.len(), 2);
}

#[test]
fn a_port_with_another_number_is_the_same_port_by_its_name() {
    let service = |port: u16| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ports: [{{name: http, port: {port}}}]}}\n"
        )
    };
    assert_eq!(labels(&only(&service(80), &service(8080))), ["changed spec.ports[name=http].port"]);
}

#[test]
fn removing_the_first_key_of_an_item_moves_its_dash() {
    let list = |item: &str| format!("apiVersion: x/v1\nkind: X\nmetadata: {{name: a}}\nspec:\n  list:\n{item}");
    let change = only(&list("  - a: 1\n    b: 2\n"), &list("  - b: 2\n"));
    assert!(lines(&change).ends_with("-  - a: 1\n-    b: 2\n+  - b: 2\n"), "{}", lines(&change));
}

#[test]
fn a_new_kind_under_the_same_name_is_a_replacement() {
    let after = DEPLOYMENT.replace("kind: Deployment", "kind: StatefulSet");
    let change = only(DEPLOYMENT, &after);
    assert_eq!(change.action, Action::Replace);
    assert_eq!(change.former.unwrap().kind, "Deployment");
    let moved = only(DEPLOYMENT, &DEPLOYMENT.replace("namespace: shop", "namespace: other"));
    assert_eq!(moved.action, Action::Replace);
}

#[test]
fn a_renamed_object_is_a_replacement_and_an_unlike_one_is_not() {
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME, namespace: shop}\nspec:\n  replicas: 2\n  \
               selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: \
               {serviceAccountName: web, containers: [{name: web, image: 'web:1', args: [a, b]}]}\n";
    let change = only(&web.replace("NAME", "web"), &web.replace("NAME", "shop-web"));
    assert_eq!(change.action, Action::Replace);
    assert_eq!(change.former.as_ref().unwrap().name, "web");
    let other =
        web.replace("NAME", "db").replace("web", "db").replace("replicas: 2", "replicas: 1").replace("[a, b]", "[c]");
    let both = changes(&web.replace("NAME", "web"), &other);
    assert_eq!(both.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::Create, Action::Delete]);
    let small = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: shop}\ndata: {a: b}\n";
    assert_eq!(changes(&small.replace("NAME", "one"), &small.replace("NAME", "two")).len(), 2);
}

#[test]
fn what_a_chart_renews_by_itself_is_noise_and_nothing_else_is() {
    let chart = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {helm.sh/chart: web-1}\n  annotations: \
                 {checksum/config: aa}\ndata: {a: b}\n";
    assert!(only(chart, &chart.replace("web-1", "web-2").replace("aa", "bb")).is_noise());
    assert!(!only(chart, &chart.replace("web-1", "web-2").replace("a: b", "a: c")).is_noise());
}

#[test]
fn what_a_workload_asks_for_is_counted_over_its_pods() {
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  template: {spec: \
               {containers: [{name: a, resources: {requests: {cpu: 100m, memory: 1Gi}}}, {name: b, resources: {limits: \
               {cpu: 1}}}], initContainers: [{name: i, resources: {requests: {memory: 4Gi}}}]}}\n";
    let (before, after) = only(web, &web.replace("replicas: 2", "replicas: 4")).footprint;
    assert_eq!((before.replicas, before.cpu_text(), before.memory_text()), (2, "2200m".into(), "8Gi".into()));
    assert_eq!((after.replicas, after.cpu_text(), after.memory_text()), (4, "4400m".into(), "16Gi".into()));
}

#[test]
fn unlike_objects_of_one_name_are_deleted_and_created() {
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n";
    let actions: Vec<Action> = changes(DEPLOYMENT, service).iter().map(|change| change.action).collect();
    assert_eq!(actions, [Action::Create, Action::Delete]);
}

#[test]
fn a_generated_secret_name_shows_no_hash_and_the_change_of_its_value_shows() {
    let secret = |hash: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: creds-{hash}}}\nstringData: {{password: {value}}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{volumes: [{{name: v, secret: {{secretName: creds-{hash}}}}}]}}\n"
        )
    };
    let changes = changes(&secret("2456789bcd", "hunter22"), &secret("dcb9876542", "hunter33"));
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert_eq!(changes[0].object.name, "creds-<hash>");
    assert_eq!(labels(&changes[0]), ["changed metadata.name", "changed stringData.password"]);
    assert!(lines(&changes[0]).contains("-  password: •••••• (before)\n+  password: •••••• (after)\n"));
    assert!(lines(&changes[1]).contains("+      secretName: creds-<hash> (after)\n"), "{}", lines(&changes[1]));
    let all = format!("{changes:?}");
    for leak in ["hunter", "2456789bcd", "dcb9876542"] {
        assert!(!all.contains(leak), "{leak} in {all}");
    }
}

#[test]
fn a_secret_value_in_a_text_of_several_lines_is_masked_and_its_change_told() {
    let both = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{p: {value}}}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  app.conf: |\n    a=1\n    password={value}\n    b=2\n"
        )
    };
    let changes = changes(&both("hunter22"), &both("hunter33"));
    assert!(
        lines(&changes[1])
            .contains("     a=1\n-    password=•••••• (before)\n+    password=•••••• (after)\n     b=2\n"),
        "{}",
        lines(&changes[1])
    );
}

#[test]
fn the_same_change_in_several_environments_folds() {
    let mut set = ChangeSet::default();
    for environment in ["dev", "staging", "prod"] {
        let image = if environment == "prod" { "1.28.0" } else { "1.27.1" };
        let namespaced = |text: &str| text.replace("namespace: shop", &format!("namespace: shop-{environment}"));
        let unit = Unit { environment: environment.into(), ..unit() };
        let after = namespaced(&DEPLOYMENT.replace("1.27.0", image));
        set.extend(diff(&unit, &objects(&namespaced(DEPLOYMENT)), &objects(&after), None, &Redactor::new()));
    }
    let folded = set.folded();
    assert_eq!(folded.len(), 2);
    assert_eq!(folded[0].environments, ["dev", "staging"]);
    assert_eq!(folded[0].object.to_string(), "Deployment web");
    assert_eq!(folded[1].object.to_string(), "Deployment shop-prod/web");
}

/// The folders of the shared conformance set, where they are beside this repository.
fn conformance(case: &str) -> Option<(Vec<Object>, Vec<Object>)> {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder =
        above.map(|at| at.join("shared/conformance/diff").join(case)).find(|at| at.is_dir()).unwrap_or_default();
    let text = |name: &str| {
        let found = [format!("{name}.yml"), format!("{name}.yaml")];
        found.iter().find_map(|file| std::fs::read_to_string(folder.join(file)).ok())
    };
    let Some((from, to)) = text("from").zip(text("to")) else {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: conformance/diff/{case} is not in a `shared` folder beside this repository");
        }
        return None;
    };
    // The set has one document that is no object: give it a type.
    let typed = |text: String| {
        if text.contains("apiVersion:") {
            text
        } else {
            format!("apiVersion: x/v1\nkind: X\nmetadata: {{name: x}}\n{text}")
        }
    };
    Some((objects(&typed(from)), objects(&typed(to))))
}

#[test]
fn conformance_a_changed_text_is_a_diff_of_its_lines() {
    let Some((from, to)) = conformance("kubernetes/configmaps") else { return };
    let changes = diff(&unit(), &from, &to, None, &Redactor::new());
    assert_eq!(changes.len(), 1);
    assert_eq!(labels(&changes[0]), ["changed data[\"pinniped.yaml\"]"]);
    let edits: Vec<String> = changes[0].edits().map(ToString::to_string).collect();
    assert_eq!(
        edits,
        [
            "-        renewBeforeSeconds: 2160000",
            "+        renewBeforeSeconds: 12160000",
            "-    labels: {\"app\": \"pinniped-concierge\"}"
        ]
    );
}

#[test]
fn conformance_documents_come_and_go() {
    let Some((from, to)) = conformance("kubernetes/multi-docs-file-level") else { return };
    let changes = diff(&unit(), &from, &to, None, &Redactor::new());
    let told: Vec<String> = changes.iter().map(|change| format!("{} {}", change.action, change.object)).collect();
    assert_eq!(told, ["update Service foo", "create Service bar", "create Service baz", "delete Service foo-2"]);
    assert_eq!(labels(&changes[0]), ["added metadata.annotations"]);
}

#[test]
fn conformance_a_generated_name_is_one_rename_and_one_changed_line() {
    let Some((from, to)) = conformance("kubernetes/rename") else { return };
    let changes = diff(&unit(), &from, &to, None, &Redactor::new());
    assert_eq!(changes.len(), 1);
    assert_eq!(labels(&changes[0]), ["changed data[\"pinniped.yaml\"]", "changed metadata.name"]);
    assert_eq!(changes[0].former.as_ref().unwrap().name, "pinniped-concierge-config-9bfbmfgt2f");
    assert_eq!(changes[0].edits().count(), 3, "the name, and the line that is new in the text");
}

#[test]
fn conformance_entries_that_only_moved_are_no_change() {
    let Some((from, to)) = conformance("prometheus") else { return };
    let changes = diff(&unit(), &from, &to, None, &Redactor::new());
    assert_eq!(changes.len(), 1);
    assert_eq!(
        labels(&changes[0]),
        [
            "changed scrape_configs[job_name=kubernetes-apiservers].scheme",
            "changed scrape_configs[job_name=kubernetes-apiservers].relabel_configs[0].regex"
        ]
    );
}

#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stderr)]
fn measure_a_large_pair() {
    let many = |image: &str| -> String {
        (0..1500)
            .map(|at| {
                format!(
                    "---\n{}",
                    DEPLOYMENT.replace("name: web, n", &format!("name: web{at}, n")).replace("1.27.0", image)
                )
            })
            .collect()
    };
    let (before, after) = (many("1.27.0"), many("1.27.1"));
    let (old, new) = (objects(&before), objects(&after));
    let start = std::time::Instant::now();
    let count = diff(&unit(), &old, &new, None, &Redactor::new()).len();
    eprintln!("{} bytes, {count} changes: {:?}", before.len(), start.elapsed());
}
