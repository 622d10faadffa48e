//! A report of ten megabytes, cut to what a host takes.

use mergeline::diff::{Action, Change, DiffLine, LineKind, Redactor};
use mergeline::finding::{ObjectRef, Place};
use mergeline::host::limits::GITHUB;
use mergeline::report::{FailOn, Report, html, markdown};
use std::time::{Duration, Instant};

const OBJECTS: usize = 5_000;
const LINES: usize = 50;

/// Five thousand objects of two kilobytes, no two alike, in ten units and three environments.
fn report() -> (Report, usize) {
    let redactor = Redactor::new();
    let mut report = Report::new("review");
    let mut size = 0;
    report.environments = ["dev", "staging", "prod"].map(str::to_owned).to_vec();
    for at in 0..OBJECTS {
        let lines = (0..LINES).map(|line| {
            let kind = [LineKind::Context, LineKind::Removed, LineKind::Added][line % 3];
            let text = redactor.text(&format!("  key-{line:02}: value {line} of object {at:06} here"));
            size += text.as_str().len() + 2;
            DiffLine { kind, text }
        });
        report.changes.changes.push(Change {
            environment: report.environments[at % 3].clone(),
            unit: format!("unit-{}", at % 10),
            object: ObjectRef {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                namespace: Some("shop".to_owned()),
                name: format!("settings-{at}"),
            },
            former: None,
            action: Action::Update,
            fields: Vec::new(),
            lines: lines.collect(),
            images: Vec::new(),
            footprint: Default::default(),
            summary: Vec::new(),
            place: Some(Place::at(format!("apps/{at}/map.yaml"), 3, 1)),
        });
    }
    (report.judged(FailOn::Error), size)
}

/// Measures the comment of the largest report that anybody reads, and its page.
pub(crate) fn measure() {
    let (report, size) = report();
    let bytes = |text: &str| format!("{:.1} MB", text.len() as f64 / 1e6);
    let timed = |what: &str, budget: &str, make: &dyn Fn() -> String| {
        let mut made = String::new();
        let mut times: Vec<Duration> = (0..7)
            .map(|_| {
                let started = Instant::now();
                made = make();
                started.elapsed()
            })
            .collect();
        times.sort();
        let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        println!("{:48} {:>9} {:>9} {budget:>9}  {}", what, shown(times[0]), shown(times[3]), bytes(&made));
    };
    println!("a report of {:.1} MB of diff in {OBJECTS} objects", size as f64 / 1e6);
    timed("cut: to a comment of 65,000 characters", "100 ms", &|| markdown::comment(&report, &GITHUB));
    timed("cut: to a step summary of 1 MiB", "", &|| markdown::summary(&report));
    timed("cut: whole, as a page", "", &|| html::html(&report).unwrap());
}
