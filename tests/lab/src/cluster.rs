//! The Kubernetes cluster: etcd, API server, controller manager, scheduler, and nodes that kwok simulates.
//!
//! Everything above the kubelet is real: admission, server-side apply, RBAC, rollouts, Jobs, garbage collection, namespace
//! finalisation. Containers are not run: kwok says of each pod what a kubelet would say once its containers are ready.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::builder::Cache;
use crate::error::{Doing, LabError, LabResult};
use crate::parts::part;
use crate::process::{Process, free_ports, loopback_command, random_token, run};
use crate::running::write_private;

/// How many nodes the cluster simulates.
const NODES: usize = 3;

/// A running cluster and the ways into it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cluster {
    /// A kubeconfig file whose current context is the administrator's.
    pub kubeconfig: PathBuf,
    /// The API server, `https://127.0.0.1:PORT`.
    pub server: String,
    /// The certificate authority of the API server, a PEM file.
    pub certificate_authority: PathBuf,
    /// Bearer token of `admin`, in the group `system:masters`.
    pub admin_token: String,
    /// Bearer token of `viewer`, a user without any rights until a test binds some.
    pub viewer_token: String,
    /// The kubectl that was built beside it.
    pub kubectl: PathBuf,
}

impl Cluster {
    /// A kubeconfig for whoever holds `token`, with one context named `lab` whose namespace is `namespace`.
    ///
    /// # Errors
    /// When the certificate authority cannot be read.
    pub fn kubeconfig_for(&self, token: &str, namespace: &str) -> LabResult<String> {
        let authority = fs::read(&self.certificate_authority)
            .doing(|| format!("read `{}`", self.certificate_authority.display()))?;
        Ok(kubeconfig(&self.server, &authority, token, namespace))
    }

    /// Runs `kubectl ARGUMENTS` as the administrator and gives its standard output.
    ///
    /// # Errors
    /// When kubectl does not succeed; with what it wrote.
    pub fn kubectl(&self, arguments: &[&str]) -> LabResult<String> {
        run(&mut self.kubectl_command(arguments), &format!("run `kubectl {}`", arguments.join(" ")))
    }

    /// Runs `kubectl apply --server-side` over a manifest in memory.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn apply(&self, manifest: &str) -> LabResult<()> {
        let file = tempfile::NamedTempFile::new().doing(|| "write a manifest".to_owned())?;
        fs::write(file.path(), manifest).doing(|| "write a manifest".to_owned())?;
        let path = file.path().display().to_string();
        self.kubectl(&["apply", "--server-side", "--field-manager=lab", "-f", &path]).map(drop)
    }

    /// Creates a namespace whose name starts with `prefix`, unlike any other: one for each test.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn create_namespace(&self, prefix: &str) -> LabResult<String> {
        let name = format!("{prefix}-{}", &random_token()?[..8]);
        self.kubectl(&["create", "namespace", &name])?;
        // Until a controller has made it, bare pods are refused for want of it.
        self.kubectl(&["wait", "--namespace", &name, "--for=create", "serviceaccount/default", "--timeout=30s"])?;
        Ok(name)
    }

    fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut command = loopback_command(&self.kubectl);
        // kubectl keeps what it discovered under HOME; another lab on the same port must not read it.
        let cache = self.kubeconfig.with_file_name("kubectl-cache");
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir").arg(cache).args(arguments);
        command
    }
}

/// Starts a cluster in `folder` and waits until its nodes are ready.
pub(crate) fn start(cache: &Cache, folder: &Path, logs: &Path) -> LabResult<(Cluster, Vec<Process>)> {
    let program = |name: &str| {
        part(name).map(|part| cache.program(part)).ok_or_else(|| LabError::new(format!("no part is called `{name}`")))
    };
    let (binary, kubectl, kwok) = (program("cluster")?, program("kubectl")?, program("kwok")?);
    let ports = free_ports(3)?;
    let [etcd_port, peer_port, api_port] = ports[..] else { return Err(LabError::new("cannot find three free ports")) };
    fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
    let key = folder.join("service-accounts.key");
    let (admin_token, viewer_token) = (random_token()?, random_token()?);
    write_private(
        &folder.join("tokens.csv"),
        &format!("{admin_token},admin,admin,\"system:masters\"\n{viewer_token},viewer,viewer\n"),
    )?;

    let mut processes = Vec::new();
    let etcd_url = format!("http://127.0.0.1:{etcd_port}");
    let peer_url = format!("http://127.0.0.1:{peer_port}");
    let mut etcd = loopback_command(&binary);
    etcd.arg("etcd").arg("--data-dir").arg(folder.join("etcd"));
    etcd.args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url]);
    etcd.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
    etcd.args(["--initial-cluster", &format!("default={peer_url}")]);
    // Its data lives as long as this run: a lost write after a power cut does not matter.
    etcd.args(["--unsafe-no-fsync", "--log-level", "error"]);
    processes.push(Process::start("etcd", &etcd, logs, None)?);

    run(loopback_command(&binary).arg("genkey").arg(&key), "make the key of the service accounts")?;

    let certificates = folder.join("certificates");
    let mut server = loopback_command(&binary);
    server.args(["kube-apiserver", "--etcd-servers", &etcd_url, "--bind-address", "127.0.0.1"]);
    server.args(["--secure-port", &api_port.to_string()]).arg("--cert-dir").arg(&certificates);
    server.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
    server.arg("--service-account-key-file").arg(&key).arg("--service-account-signing-key-file").arg(&key);
    server.arg("--token-auth-file").arg(folder.join("tokens.csv")).args(["--authorization-mode", "RBAC"]);
    server.args(["--service-cluster-ip-range", "10.0.0.0/16", "--endpoint-reconciler-type", "none"]);
    let mut server = Process::start("kube-apiserver", &server, logs, None)?;

    let url = format!("https://127.0.0.1:{api_port}");
    let authority = certificates.join("apiserver.crt");
    server
        .wait_until(Duration::from_secs(60), || authority.is_file() && certificates.join("apiserver.key").is_file())?;
    let bytes = fs::read(&authority).doing(|| format!("read `{}`", authority.display()))?;
    let config = folder.join("kubeconfig");
    write_private(&config, &kubeconfig(&url, &bytes, &admin_token, "default"))?;
    let cluster = Cluster {
        kubeconfig: config,
        server: url,
        certificate_authority: authority,
        admin_token,
        viewer_token,
        kubectl,
    };
    server.wait_until(Duration::from_secs(60), || {
        std::net::TcpStream::connect(("127.0.0.1", api_port)).is_ok() && is_ready(&cluster)
    })?;
    processes.push(server);

    let config = cluster.kubeconfig.as_path();
    // At their default of 20 requests a second, a hundred workloads take 20 seconds to become ready whoever applied them.
    let pace = ["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"];
    let mut controllers = loopback_command(&binary);
    controllers.arg("kube-controller-manager").arg("--kubeconfig").arg(config).args(pace);
    controllers.arg("--service-account-private-key-file").arg(&key);
    controllers
        .args(["--controllers", "*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller"]);
    processes.push(Process::start("kube-controller-manager", &controllers, logs, None)?);
    let mut scheduler = loopback_command(&binary);
    scheduler.arg("kube-scheduler").arg("--kubeconfig").arg(config).args(pace);
    processes.push(Process::start("kube-scheduler", &scheduler, logs, None)?);
    let mut nodes = loopback_command(&kwok);
    nodes.arg("--kubeconfig").arg(config).arg("--config").arg(kwok.with_file_name("stages.yaml"));
    nodes.args(["--manage-all-nodes=true", "--server-address", "127.0.0.1:0"]).env("HOME", folder);
    processes.push(Process::start("kwok", &nodes, logs, None)?);

    cluster.apply(&node_manifests())?;
    let asked = cluster.kubectl(&["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=30s"]);
    for process in &mut processes {
        process.still_runs()?;
    }
    asked?;
    Ok((cluster, processes))
}

fn is_ready(cluster: &Cluster) -> bool {
    let mut command = cluster.kubectl_command(&["get", "--raw", "/readyz"]);
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn kubeconfig(server: &str, authority: &[u8], token: &str, namespace: &str) -> String {
    use base64::Engine as _;
    let authority = base64::engine::general_purpose::STANDARD.encode(authority);
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: lab\n  cluster:\n    server: {server}\n    \
         certificate-authority-data: {authority}\nusers:\n- name: lab\n  user:\n    token: \"{token}\"\n\
         contexts:\n- name: lab\n  context: {{cluster: lab, user: lab, namespace: {namespace}}}\ncurrent-context: lab\n"
    )
}

fn node_manifests() -> String {
    (1..=NODES)
        .map(|number| {
            let resources = r#"{cpu: "32", memory: 256Gi, pods: "1000", ephemeral-storage: 1Ti}"#;
            format!(
                "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: node-{number}\n  annotations: {{kwok.x-k8s.io/node: fake}}\n  \
                 labels: {{kubernetes.io/hostname: node-{number}, kubernetes.io/os: linux, kubernetes.io/arch: amd64, \
                 topology.kubernetes.io/zone: zone-{number}}}\nstatus:\n  allocatable: {resources}\n  capacity: {resources}\n"
            )
        })
        .collect()
}
