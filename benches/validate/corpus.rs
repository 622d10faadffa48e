//! Manifests as teams keep them: an application a folder, a kind a file, a few kinds together in one.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Objects of one application.
pub(crate) const PER_APPLICATION: usize = 12;

/// Writes `applications` folders below `folder`.
pub(crate) fn write(folder: &Path, applications: usize) {
    for number in 0..applications {
        let folder = folder.join(format!("team-{}/app-{number}", number % 40));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files(number) {
            fs::write(folder.join(name), text).unwrap();
        }
    }
}

/// All objects of `applications` in one stream.
pub(crate) fn stream(applications: usize) -> String {
    let mut text = String::new();
    for number in 0..applications {
        for (_, file) in files(number) {
            writeln!(text, "---\n{}", file.trim_end()).unwrap();
        }
    }
    text
}

fn files(n: usize) -> [(&'static str, String); 8] {
    let meta = |indent: &str| {
        format!(
            "{indent}name: app-{n}\n{indent}namespace: team-{}\n{indent}labels:\n{indent}  app.kubernetes.io/name: app-{n}\n{indent}  app.kubernetes.io/part-of: shop\n{indent}  app.kubernetes.io/version: \"1.{n}.0\"\n",
            n % 40
        )
    };
    let head = |api: &str, kind: &str| format!("apiVersion: {api}\nkind: {kind}\nmetadata:\n{}", meta("  "));
    let labels = format!("app.kubernetes.io/name: app-{n}");
    let pod = |indent: &str, restart: &str| {
        let text = format!(
            "metadata:
  labels:
    {labels}
  annotations:
    prometheus.io/scrape: \"true\"
    prometheus.io/port: \"9090\"
spec:
  serviceAccountName: app-{n}
{restart}  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    fsGroup: 1000
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: app
    image: registry.example.com/shop/app-{n}:1.{n}.0
    imagePullPolicy: IfNotPresent
    args: [\"--listen=:8080\", \"--metrics=:9090\", \"--level=info\"]
    ports:
    - name: http
      containerPort: 8080
      protocol: TCP
    - name: metrics
      containerPort: 9090
    env:
    - name: LOG_LEVEL
      value: info
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: DATABASE_PASSWORD
      valueFrom:
        secretKeyRef:
          name: app-{n}
          key: password
    envFrom:
    - configMapRef:
        name: app-{n}
    resources:
      requests:
        cpu: 100m
        memory: 128Mi
      limits:
        memory: 256Mi
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      initialDelaySeconds: 10
      periodSeconds: 10
    readinessProbe:
      httpGet:
        path: /ready
        port: 8080
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop:
        - ALL
    volumeMounts:
    - name: config
      mountPath: /etc/app
      readOnly: true
    - name: tmp
      mountPath: /tmp
  volumes:
  - name: config
    configMap:
      name: app-{n}
  - name: tmp
    emptyDir: {{}}
"
        );
        text.lines().map(|line| format!("{indent}{line}\n")).collect::<String>()
    };
    let deployment = format!(
        "{}spec:\n  replicas: 3\n  revisionHistoryLimit: 3\n  selector:\n    matchLabels:\n      {labels}\n  strategy:\n    type: RollingUpdate\n    rollingUpdate:\n      maxSurge: 25%\n      maxUnavailable: 0\n  template:\n{}",
        head("apps/v1", "Deployment"),
        pod("    ", "")
    );
    let service = format!(
        "{}spec:\n  type: ClusterIP\n  selector:\n    {labels}\n  ports:\n  - name: http\n    port: 80\n    targetPort: http\n  - name: metrics\n    port: 9090\n    targetPort: 9090\n    protocol: TCP\n",
        head("v1", "Service")
    );
    let settings: String = (0..20).map(|key| format!("  SETTING_{key}: \"value of {key} in app {n}\"\n")).collect();
    let config = format!(
        "{}data:\n{settings}  app.properties: |\n    # how the application is run\n    server.port=8080\n    cache.size=100\n    cache.ttl=60s\n",
        head("v1", "ConfigMap")
    );
    let secret = format!("{}type: Opaque\nstringData:\n  password: example-{n}\n", head("v1", "Secret"));
    let role = format!(
        "{}rules:\n- apiGroups: [\"\"]\n  resources: [configmaps, secrets]\n  verbs: [get, list, watch]\n- apiGroups: [coordination.k8s.io]\n  resources: [leases]\n  verbs: [\"*\"]\n",
        head("rbac.authorization.k8s.io/v1", "Role")
    );
    let binding = format!(
        "{}roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: app-{n}\nsubjects:\n- kind: ServiceAccount\n  name: app-{n}\n  namespace: team-{}\n",
        head("rbac.authorization.k8s.io/v1", "RoleBinding"),
        n % 40
    );
    let rbac = format!("{}---\n{role}---\n{binding}", head("v1", "ServiceAccount"));
    let ingress = format!(
        "{}spec:\n  ingressClassName: nginx\n  tls:\n  - hosts: [app-{n}.example.com]\n    secretName: app-{n}-tls\n  rules:\n  - host: app-{n}.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: app-{n}\n            port:\n              name: http\n",
        head("networking.k8s.io/v1", "Ingress")
    );
    let scaling = format!(
        "{}spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: app-{n}\n  minReplicas: 2\n  maxReplicas: 10\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 80\n---\n{}spec:\n  minAvailable: 1\n  selector:\n    matchLabels:\n      {labels}\n",
        head("autoscaling/v2", "HorizontalPodAutoscaler"),
        head("policy/v1", "PodDisruptionBudget")
    );
    let network = format!(
        "{}spec:\n  podSelector:\n    matchLabels:\n      {labels}\n  policyTypes: [Ingress]\n  ingress:\n  - from:\n    - namespaceSelector:\n        matchLabels:\n          kubernetes.io/metadata.name: ingress\n    ports:\n    - port: 8080\n",
        head("networking.k8s.io/v1", "NetworkPolicy")
    );
    let job = pod("        ", "  restartPolicy: OnFailure\n");
    let cron = format!(
        "{}spec:\n  schedule: \"*/15 * * * *\"\n  concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      backoffLimit: 2\n      template:\n{job}",
        head("batch/v1", "CronJob")
    );
    [
        ("deployment.yaml", deployment),
        ("service.yaml", format!("{service}---\n{network}")),
        ("config.yaml", config),
        ("secret.yaml", secret),
        ("rbac.yaml", rbac),
        ("ingress.yaml", ingress),
        ("scaling.yaml", scaling),
        ("cronjob.yaml", cron),
    ]
}
