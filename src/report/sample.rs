//! Realistic reports for the tests of every format.
#![allow(clippy::unwrap_used)]

use super::{FailOn, Links, Report, Silenced, SilencedBy, Unchecked};
use crate::commit::CommitId;
use crate::diff::{Redactor, diff};
use crate::finding::{Excerpt, Finding, ObjectRef, Place};
use crate::manifest::yaml::{Budget, Dialect, read};
use crate::manifest::{Object, Source};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::unit::Unit;
use std::time::Duration;

pub(super) fn objects(path: &str, text: &str) -> Vec<Object> {
    let reading = read(&Source::new(path, text), Dialect::Kubectl, &Budget::default());
    reading.documents.into_iter().map(|document| Object::new(document).unwrap()).collect()
}

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: web
        image: nginx:1.27.0
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports: [{name: http, port: 80}]
  selector: {app: web}
";

const DB: &str = "\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 1
  template: {spec: {containers: [{name: db, image: \"postgres:16\", env: [{name: PASSWORD, value: hunter2-prod}]}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: creds, namespace: shop}
stringData: {password: hunter2-prod, user: shop}
";

const VOLUME: &str = "\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
";

pub(super) fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

pub(super) fn links() -> Links {
    Links {
        file: Some("https://git.example/shop/blob/{commit}/{path}".into()),
        line: Some("#L{line}".into()),
        commit: Some("https://git.example/shop/commit/{commit}".into()),
        report: Some("https://git.example/shop/runs/7".into()),
    }
}

/// The review of STYLE: one change in three environments, a deletion in the last one, an error.
pub(super) fn review() -> Report {
    let mut report = Report::new("review");
    report.environments = ["dev", "staging", "prod"].map(str::to_owned).to_vec();
    let after = WEB
        .replace("1.27.0", "1.27.1")
        .replace("replicas: 2", "replicas: three")
        .replace("port: 80}]\n  sel", "port: 8080}]\n  sel");
    for environment in &report.environments {
        let unit = Unit {
            environment: environment.clone(),
            name: "web".into(),
            path: format!("apps/web/overlays/{environment}"),
        };
        let path = "apps/web/base/web.yaml";
        report.changes.extend(diff(&unit, &objects(path, WEB), &objects(path, &after), None, &Redactor::new()));
    }
    let unit = Unit { environment: "prod".into(), name: "db".into(), path: "apps/db/overlays/prod".into() };
    let path = "apps/db/overlays/prod/db.yaml";
    let before = objects(path, &format!("{DB}{VOLUME}"));
    let after = objects(path, &DB.replace("hunter2-prod", "correct-horse"));
    report.changes.extend(diff(&unit, &before, &after, None, &Redactor::new()));
    let place = Place {
        excerpt: Some(Excerpt { line: "  replicas: three".into(), width: 5 }),
        ..Place::at("apps/web/base/web.yaml", 7, 13)
    };
    let mut error = Finding::error("schema", "`spec.replicas` must be an integer, got string \"three\"")
        .at(place)
        .pointer("/spec/replicas")
        .about(ObjectRef {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        });
    error.environments = report.environments.clone();
    error.unit = Some("web".into());
    let mut warning = Finding::warning("not-checked", "`example.com/v1 Widget` has no schema")
        .hint("add its CustomResourceDefinition to the repository");
    warning.environments = vec!["prod".into()];
    report.findings = vec![error, warning];
    let mut silenced = Finding::warning("absent-secret", "the Secret `dump` is made nowhere").at(Place::at(
        "apps/db/overlays/prod/db.yaml",
        12,
        5,
    ));
    silenced.environments = vec!["prod".into()];
    report.silenced = vec![Silenced { finding: silenced, by: SilencedBy::Comment("the vault makes it".into()) }];
    report.objects.rendered = 12;
    report.objects.checked = 11;
    report.objects.unchecked =
        vec![Unchecked { kind: "example.com/v1 Widget".into(), reason: "no schema".into(), count: 1 }];
    report.elapsed = Duration::from_millis(312);
    report.head = Some(commit('3'));
    report.base = Some(commit('9'));
    report.kubernetes = Some("1.36".into());
    report.links = links();
    report.judged(FailOn::Error)
}

/// An apply that the server stopped.
pub(super) fn apply() -> Report {
    let mut report = Report::new("apply");
    report.environments = vec!["dev".into()];
    report.operations = vec![
        Operation::planned(Verb::Apply, "dev/web/1", "Deployment shop/web in dev")
            .with(OperationStatus::Done, Some("configured".to_owned())),
        Operation::planned(Verb::Apply, "dev/web/2", "Service shop/web in dev")
            .with(OperationStatus::Failed, Some("spec.ports[0].port: Invalid value: 0".to_owned())),
        Operation::planned(Verb::Prune, "dev/web/3", "ConfigMap shop/old in dev").with(OperationStatus::Planned, None),
    ];
    report.head = Some(commit('3'));
    report.elapsed = Duration::from_secs(75);
    report.judged(FailOn::Error)
}

/// Findings in shapes that formats trip over: no place, two alike, foreign text that is markup elsewhere.
pub(super) fn hostile() -> Report {
    let mut report = Report::new("validate");
    let nasty = "<b>\"&amp;\u{1b}[31m\u{0}]]>\n::error::x\r\n`@all`\u{fffe}";
    for place in [None, Some(Place::file(nasty)), Some(Place::at("a b/%41#?.yaml", 2, 3))] {
        for severity in ["error", "error", "warning", "info"] {
            let mut finding = match severity {
                "error" => Finding::error("schema", nasty),
                "warning" => Finding::warning("unknown-kind", nasty),
                _ => Finding::info("a-rule-of-nobody", nasty),
            };
            finding = finding.at(place.clone()).hint(nasty).pointer(format!("/{nasty}"));
            finding.environments = vec![nasty.to_owned(), "prod".to_owned()];
            finding.related.push((Place::at(nasty, 1, 1), nasty.to_owned()));
            report.findings.push(finding);
        }
    }
    let finding = report.findings[5].clone();
    report.silenced.push(Silenced { finding, by: SilencedBy::Comment(nasty.into()) });
    report.objects.unchecked = vec![Unchecked { kind: nasty.into(), reason: nasty.into(), count: 2 }];
    report.withheld = vec![Unit { environment: nasty.into(), name: nasty.into(), path: nasty.into() }];
    report.links = links();
    report.judged(FailOn::Error)
}
