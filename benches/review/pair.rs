//! A manifest of 780 KB against one in which a tenth of the applications differ, beside dyff: two files in, the diff as text out,
//! each a new process.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The size that the budget is for.
const BYTES: usize = 780_000;
const BUDGET: u128 = 65;
const RUNS: usize = 9;

/// Measures both, and prints each with the ratio: for streams of documents, and for a `List` as `kubectl get` prints it.
pub(crate) fn measure() {
    let folder = tempfile::tempdir().unwrap();
    for (name, form) in [("a stream", stream as fn(bool) -> String), ("a compact stream", compact), ("a List", list)] {
        let (from, to) = (folder.path().join("from.yaml"), folder.path().join("to.yaml"));
        std::fs::write(&from, form(false)).unwrap();
        std::fs::write(&to, form(true)).unwrap();
        let size = std::fs::metadata(&from).unwrap().len() / 1000;
        let ours = times(|| {
            let output =
                Command::new(env!("CARGO_BIN_EXE_mergeline")).arg("diff").arg(&from).arg(&to).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout.len()
        });
        println!(
            "{:48} {:>9} {:>9} {BUDGET:>6} ms",
            format!("diff: {name} of {size} KB against another"),
            shown(ours[0]),
            shown(middle(&ours))
        );
        let Some(dyff) = dyff() else {
            println!("{:48} skipped: dyff is not among the lab's parts", "diff: dyff");
            continue;
        };
        let theirs = times(|| {
            let dyff = Command::new(&dyff)
                .args(["between", "--omit-header"])
                .arg(&from)
                .arg(&to)
                .stderr(Stdio::null())
                .output();
            dyff.unwrap().stdout.len()
        });
        println!("{:48} {:>9} {:>9}", "diff: the same by dyff", shown(theirs[0]), shown(middle(&theirs)));
        println!(
            "{:48} {:>9.1}",
            "diff: times faster (median)",
            middle(&theirs).as_secs_f64() / middle(&ours).as_secs_f64()
        );
    }
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

/// Deployments and Services as people write them who keep them short.
fn compact(after: bool) -> String {
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

/// The objects of [`stream`] as one `List`.
fn list(after: bool) -> String {
    let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for document in stream(after).split("---\n").filter(|document| !document.is_empty()) {
        for (number, line) in document.lines().enumerate() {
            writeln!(text, "{} {line}", if number == 0 { "-" } else { " " }).unwrap();
        }
    }
    text
}

/// Applications as Helm and kustomize print them: an account, settings, a Service and a Deployment each.
fn stream(after: bool) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < BYTES {
        let edited = after && number % 10 == 0;
        let (image, replicas, level) = if edited { ("1.1.0", 3, "debug") } else { ("1.0.0", 2, "info") };
        let settings =
            (0..12).map(|line| format!("    setting.{line} = value {line} of {number}\n")).collect::<String>();
        write!(
            text,
            "\
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web-{number}
  namespace: shop
---
apiVersion: v1
data:
  LOG_LEVEL: {level}
  web.properties: |
{settings}kind: ConfigMap
metadata:
  labels:
    app.kubernetes.io/name: web-{number}
  name: web-{number}
  namespace: shop
---
apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/instance: shop
    app.kubernetes.io/name: web-{number}
  name: web-{number}
  namespace: shop
spec:
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: http
  selector:
    app.kubernetes.io/instance: shop
    app.kubernetes.io/name: web-{number}
  type: ClusterIP
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/instance: shop
    app.kubernetes.io/managed-by: Helm
    app.kubernetes.io/name: web-{number}
    app.kubernetes.io/version: \"{image}\"
  name: web-{number}
  namespace: shop
spec:
  replicas: {replicas}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      app.kubernetes.io/instance: shop
      app.kubernetes.io/name: web-{number}
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
    type: RollingUpdate
  template:
    metadata:
      labels:
        app.kubernetes.io/instance: shop
        app.kubernetes.io/name: web-{number}
    spec:
      containers:
      - args:
        - --port=8080
        - --log-format=json
        env:
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: NUMBER
          value: \"{number}\"
        envFrom:
        - configMapRef:
            name: web-{number}
        image: registry.example.com/shop/web:{image}
        imagePullPolicy: IfNotPresent
        livenessProbe:
          httpGet:
            path: /healthz
            port: http
          initialDelaySeconds: 10
          periodSeconds: 10
        name: web
        ports:
        - containerPort: 8080
          name: http
          protocol: TCP
        readinessProbe:
          httpGet:
            path: /readyz
            port: http
          periodSeconds: 5
        resources:
          limits:
            memory: 256Mi
          requests:
            cpu: 100m
            memory: 128Mi
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
          runAsNonRoot: true
        volumeMounts:
        - mountPath: /etc/web
          name: settings
          readOnly: true
      serviceAccountName: web-{number}
      volumes:
      - configMap:
          name: web-{number}
        name: settings
"
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
