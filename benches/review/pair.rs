//! A manifest of 780 KB against one with a hundred edits, beside dyff: two files in, the diff as text out.

use mergeline::diff::{ChangeSet, Redactor, diff};
use mergeline::manifest::{Budget, Dialect, Object, Source, objects};
use mergeline::report::{Report, text};
use mergeline::unit::Unit;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The size that the budget is for.
const BYTES: usize = 780_000;
const BUDGET: u128 = 65;
const RUNS: usize = 9;

/// Measures both, and prints each with the ratio.
pub(crate) fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.yaml"), folder.path().join("to.yaml"));
    std::fs::write(&from, manifest(false)).unwrap();
    std::fs::write(&to, manifest(true)).unwrap();
    let size = std::fs::metadata(&from).unwrap().len() / 1000;
    let ours = times(|| ours(&from, &to));
    println!(
        "{:48} {:>9} {:>9} {BUDGET:>6} ms",
        format!("diff: a pair of {size} KB"),
        shown(ours[0]),
        shown(middle(&ours))
    );
    let Some(dyff) = dyff() else {
        println!("{:48} skipped: dyff is not among the lab's parts", "diff: dyff");
        return;
    };
    let theirs = times(|| {
        let output =
            Command::new(&dyff).args(["between", "--omit-header"]).arg(&from).arg(&to).stderr(Stdio::null()).output();
        output.unwrap().stdout.len()
    });
    println!("{:48} {:>9} {:>9}", "diff: the same by dyff", shown(theirs[0]), shown(middle(&theirs)));
    println!(
        "{:48} {:>9.1}",
        "diff: times faster (median)",
        middle(&theirs).as_secs_f64() / middle(&ours).as_secs_f64()
    );
}

fn ours(from: &Path, to: &Path) -> usize {
    let read = |path: &Path| -> Vec<Object> {
        let source = Source::new("manifest.yaml", std::fs::read_to_string(path).unwrap());
        objects(&source, Dialect::Kubectl, &Budget::default()).0
    };
    let unit = Unit { environment: "prod".into(), name: "shop".into(), path: "shop".into() };
    let mut report = Report::new("review");
    report.environments = vec!["prod".into()];
    report.changes = ChangeSet { changes: diff(&unit, &read(from), &read(to), None, &Redactor::new()) };
    assert!(report.changes.changes.len() > 90, "{}", report.changes.changes.len());
    text::text(&report, false).len()
}

fn times(run: impl Fn() -> usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            assert!(run() > 0);
            started.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn middle(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Deployments, Services and ConfigMaps; one in ten objects differs.
fn manifest(after: bool) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < BYTES {
        let edited = after && number % 10 == 0;
        let (image, replicas) = if edited { ("1.1.0", 3) } else { ("1.0.0", 2) };
        write!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{number}\n  namespace: shop\n  labels: {{app: web-{number}}}\nspec:\n  \
             replicas: {replicas}\n  selector: {{matchLabels: {{app: web-{number}}}}}\n  template:\n    metadata: {{labels: {{app: web-{number}}}}}\n    spec:\n      \
             containers:\n        - name: web\n          image: example.com/web:{image}\n          ports: [{{name: http, containerPort: 8080}}]\n          \
             env:\n            - {{name: A, value: \"{number}\"}}\n            - {{name: B, value: \"two\"}}\n          resources:\n            \
             requests: {{cpu: 100m, memory: 128Mi}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web-{number}, namespace: shop}}\nspec:\n  \
             selector: {{app: web-{number}}}\n  ports: [{{name: http, port: 80, targetPort: http}}]\n"
        )
        .unwrap();
        number += 1;
    }
    text
}

/// The lab's dyff.
fn dyff() -> Option<PathBuf> {
    let parts = PathBuf::from(std::env::var_os("HOME")?).join(".cache/mergeline/lab/parts");
    let mut found = std::fs::read_dir(parts).ok()?.flatten().map(|entry| entry.path().join("dyff"));
    found.find(|path| path.is_file())
}
