//! Kubeconfigs: from a variable's content or a path outside the checkout to a connected [`Cluster`].
//!
//! A kubeconfig is never taken from the checkout, nor any file that it names: whoever can change a pull request could
//! point it elsewhere. Programs that it wants run for credentials are refused unless the caller allows them. The cluster
//! that the process runs in is not used by itself. A server `memory:///PATH` is the in-memory cluster kept in that file.

use super::kube::KubeCluster;
use super::{Cluster, MemoryCluster};
use crate::failure::{Failure, Result};
use crate::secret::Secret;
use ::kube::config::{AuthInfo, Cluster as Endpoint, KubeConfigOptions, Kubeconfig};
use base64::Engine as _;
use std::path::{Path, PathBuf};

/// Where a kubeconfig is.
#[derive(Debug, Clone)]
pub enum Location {
    /// In an environment variable, as YAML or as base64 of it.
    Variable {
        /// Its name.
        name: String,
        /// Its content; CI systems set absent secrets to the empty text.
        content: Option<Secret>,
    },
    /// In a file.
    File(PathBuf),
}

/// A kubeconfig and how it may be used.
#[derive(Debug, Clone)]
pub struct KubeconfigSource {
    /// Where it is.
    pub location: Location,
    /// The context; `None`: its current one.
    pub context: Option<String>,
    /// The root of the checkout, from which nothing is taken.
    pub checkout: Option<PathBuf>,
    /// It may run programs for credentials (`exec`).
    pub allow_exec: bool,
}

/// Reads the kubeconfig and makes a client; no request is sent yet.
///
/// # Errors
/// `Usage` when it is missing, empty or unusable; `Refused` when it lies in the checkout or wants a program run.
pub async fn connect(source: &KubeconfigSource) -> Result<Box<dyn Cluster>> {
    let (text, name) = read(source)?;
    let config = Kubeconfig::from_yaml(&text).ok().filter(|config| !config.clusters.is_empty());
    // The parser's own words could quote the credentials.
    let mut config =
        config.ok_or_else(|| Failure::usage(format!("{name} holds no kubeconfig (YAML, or base64 of it)")))?;
    let context = chosen_context(&config, source.context.as_deref(), &name)?;
    let named = config.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.clone());
    let missing =
        |what: &str, which: &str| Failure::usage(format!("{name} has no {what} `{which}` (context `{context}`)"));
    let chosen = named.ok_or_else(|| missing("context", &context))?;
    let endpoint = config.clusters.iter().find(|endpoint| endpoint.name == chosen.cluster);
    let endpoint =
        endpoint.and_then(|named| named.cluster.clone()).ok_or_else(|| missing("cluster", &chosen.cluster))?;
    let server = endpoint.server.clone().unwrap_or_default();
    if let Some(path) = server.strip_prefix("memory://") {
        if !Path::new(path).is_absolute() {
            return Err(Failure::usage(format!(
                "{name} names the in-memory cluster `{server}`, whose path is not absolute"
            )));
        }
        return Ok(Box::new(MemoryCluster::open(Path::new(path))?));
    }
    let user = chosen.user.clone().unwrap_or_default();
    let credentials = config.auth_infos.iter().find(|named| named.name == user);
    let credentials = match credentials.and_then(|named| named.auth_info.clone()) {
        Some(credentials) => credentials,
        None if user.is_empty() => AuthInfo::default(),
        None => return Err(missing("user", &user)),
    };
    check_programs(&credentials, source, &name, &user)?;
    check_files(&endpoint, &credentials, source, &name)?;
    if let Location::File(path) = &source.location {
        resolve_files(&mut config, path);
    }
    let options = KubeConfigOptions { context: Some(context), cluster: None, user: None };
    let unusable =
        |error: ::kube::config::KubeconfigError| Failure::usage(format!("{name} cannot be used")).because(error);
    let mut client = ::kube::Config::from_custom_kubeconfig(config, &options).await.map_err(unusable)?;
    if endpoint.proxy_url.is_none() && bypasses_proxy(client.cluster_url.host().unwrap_or_default()) {
        client.proxy_url = None;
    }
    Ok(Box::new(KubeCluster::new(client)?))
}

/// The YAML text, and how to call its place in a sentence.
fn read(source: &KubeconfigSource) -> Result<(String, String)> {
    match &source.location {
        Location::Variable { name, content } => {
            let content = content.as_ref().filter(|content| !content.expose().trim().is_empty());
            let content = content.ok_or_else(|| {
                Failure::usage(format!("the environment variable `{name}` with the kubeconfig is not set"))
                    .hint(format!("set `{name}` to the kubeconfig's YAML, or to base64 of it, from a secret of the CI"))
            })?;
            Ok((decoded(content.expose()), format!("the kubeconfig in `{name}`")))
        }
        Location::File(path) => {
            let shown = path.display();
            let cannot =
                |error: std::io::Error| Failure::usage(format!("cannot read the kubeconfig `{shown}`")).because(error);
            let real = path.canonicalize().map_err(cannot)?;
            if in_checkout(&real, source) {
                return Err(Failure::refused(format!("the kubeconfig `{shown}` lies in the checkout"))
                    .hint("a kubeconfig is never taken from the checkout: keep it in a secret, or at a path outside"));
            }
            let text = std::fs::read_to_string(&real).map_err(cannot)?;
            Ok((decoded(&text), format!("the kubeconfig `{shown}`")))
        }
    }
}

/// YAML, taken out of base64 where it is wrapped in that. A kubeconfig in YAML has colons, base64 has none.
fn decoded(text: &str) -> String {
    if !text.contains(':') {
        let packed: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(packed).ok();
        if let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            return text;
        }
    }
    text.to_owned()
}

fn in_checkout(path: &Path, source: &KubeconfigSource) -> bool {
    let root = |root: &PathBuf| root.canonicalize().unwrap_or_else(|_| root.clone());
    source.checkout.as_ref().is_some_and(|checkout| path.starts_with(root(checkout)))
}

fn chosen_context(config: &Kubeconfig, asked: Option<&str>, name: &str) -> Result<String> {
    let contexts: Vec<&str> = config.contexts.iter().map(|context| context.name.as_str()).collect();
    let hint = match contexts.as_slice() {
        [] => "it has no contexts".to_owned(),
        names => {
            format!("its contexts: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    };
    let current = config.current_context.as_deref().filter(|name| !name.is_empty());
    match asked.or(current) {
        Some(context) if contexts.contains(&context) => Ok(context.to_owned()),
        Some(context) => Err(Failure::usage(format!("{name} has no context `{context}`")).hint(hint)),
        None => Err(Failure::usage(format!("{name} has no current context")).hint(hint)),
    }
}

fn check_programs(credentials: &AuthInfo, source: &KubeconfigSource, name: &str, user: &str) -> Result<()> {
    if let Some(exec) = credentials.exec.as_ref().filter(|_| !source.allow_exec) {
        let program = exec.command.as_deref().unwrap_or_default();
        return Err(Failure::refused(format!("{name} wants to run `{program}` for the credentials of `{user}`"))
            .hint("use a token or a client certificate, or allow credential programs explicitly"));
    }
    if let Some(provider) = &credentials.auth_provider {
        let provider = &provider.name;
        return Err(Failure::refused(format!(
            "{name} uses the auth provider `{provider}` for `{user}`, which is not supported"
        ))
        .hint("use a token or a client certificate"));
    }
    Ok(())
}

/// Files that the kubeconfig names must not come from the checkout either.
fn check_files(endpoint: &Endpoint, credentials: &AuthInfo, source: &KubeconfigSource, name: &str) -> Result<()> {
    let files = [
        ("certificate-authority", &endpoint.certificate_authority),
        ("tokenFile", &credentials.token_file),
        ("client-certificate", &credentials.client_certificate),
        ("client-key", &credentials.client_key),
    ];
    for (field, path) in files.into_iter().filter_map(|(field, path)| Some((field, path.as_deref()?))) {
        let path = Path::new(path);
        let base = match &source.location {
            Location::File(file) => file.parent(),
            Location::Variable { .. } => None,
        };
        let Some(full) = (if path.is_absolute() { Some(path.to_owned()) } else { base.map(|base| base.join(path)) })
        else {
            let shown = path.display();
            return Err(Failure::refused(format!("{name} names the relative path `{shown}` in `{field}`"))
                .hint(format!("a kubeconfig in a variable has no folder: embed the content as `{field}-data`, or use an absolute path")));
        };
        if in_checkout(&full.canonicalize().unwrap_or(full), source) {
            let shown = path.display();
            return Err(Failure::refused(format!("{name} takes `{field}` from the checkout: `{shown}`"))
                .hint("nothing that decides who is talked to is taken from the checkout"));
        }
    }
    Ok(())
}

/// Makes the relative paths in a kubeconfig file absolute, as kubectl reads them.
fn resolve_files(config: &mut Kubeconfig, file: &Path) {
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let resolve = |path: &mut Option<String>| {
        if let Some(path) = path {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    for endpoint in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        resolve(&mut endpoint.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        resolve(&mut user.token_file);
        resolve(&mut user.client_certificate);
        resolve(&mut user.client_key);
    }
}

/// Says whether `NO_PROXY` names the host: exactly, as a domain above it, or by `*`. (`kube` compares the proxy's own
/// name, and would send requests for a local server to the proxy.)
fn bypasses_proxy(host: &str) -> bool {
    let list =
        ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok().filter(|list| !list.is_empty()));
    list.is_some_and(|list| names_host(&list, host))
}

fn names_host(list: &str, host: &str) -> bool {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        entry == "*" || host == domain || host.ends_with(&format!(".{domain}"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::failure::FailureKind;

    const CONFIG: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: \"https://127.0.0.1:1\"}\n\
        users:\n- name: token\n  user: {token: hunter2hunter2}\n- name: exec\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token}}\n\
        - name: file\n  user: {tokenFile: token.txt}\n\
        contexts:\n- name: dev\n  context: {cluster: a, user: token}\n- name: exec\n  context: {cluster: a, user: exec}\n\
        - name: file\n  context: {cluster: a, user: file}\n- name: broken\n  context: {cluster: b, user: token}\n";

    fn variable(content: Option<&str>, context: Option<&str>) -> KubeconfigSource {
        KubeconfigSource {
            location: Location::Variable { name: "DEV_KUBECONFIG".into(), content: content.map(Secret::new) },
            context: context.map(str::to_owned),
            checkout: None,
            allow_exec: false,
        }
    }

    async fn failure(source: &KubeconfigSource) -> Failure {
        connect(source).await.err().unwrap()
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_or_empty_is_named() {
        for content in [None, Some(""), Some(" \n")] {
            let failure = failure(&variable(content, None)).await;
            assert_eq!(failure.kind(), FailureKind::Usage);
            assert!(failure.message().contains("`DEV_KUBECONFIG`"), "{failure}");
        }
    }

    #[tokio::test]
    async fn yaml_and_base64_of_it_are_read() {
        let packed = base64::engine::general_purpose::STANDARD.encode(CONFIG);
        let wrapped: String =
            packed.as_bytes().chunks(76).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
        for content in [CONFIG, &packed, &wrapped] {
            assert!(connect(&variable(Some(content), Some("dev"))).await.is_ok());
        }
    }

    #[tokio::test]
    async fn an_unknown_context_lists_the_known_ones() {
        let failure_of_named = failure(&variable(Some(CONFIG), Some("prod"))).await;
        assert_eq!(failure_of_named.message(), "the kubeconfig in `DEV_KUBECONFIG` has no context `prod`");
        assert_eq!(failure_of_named.hints(), ["its contexts: `dev`, `exec`, `file`, `broken`"]);
        let without = failure(&variable(Some(CONFIG), None)).await;
        assert_eq!(without.message(), "the kubeconfig in `DEV_KUBECONFIG` has no current context");
        let broken = failure(&variable(Some(CONFIG), Some("broken"))).await;
        assert_eq!(broken.message(), "the kubeconfig in `DEV_KUBECONFIG` has no cluster `b` (context `broken`)");
    }

    #[tokio::test]
    async fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
        let failure = failure(&variable(Some("users: [{name: x, user: {token: hunter2hunter2"), None)).await;
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
        assert_eq!(failure.kind(), FailureKind::Usage);
    }

    #[tokio::test]
    async fn credential_programs_are_refused_unless_allowed() {
        let mut source = variable(Some(CONFIG), Some("exec"));
        let refused = failure(&source).await;
        assert_eq!(refused.kind(), FailureKind::Refused);
        assert!(refused.message().contains("`get-token`"), "{refused}");
        source.allow_exec = true;
        // The program does not exist: now that is what is wrong.
        assert_eq!(failure(&source).await.kind(), FailureKind::Usage);
    }

    #[tokio::test]
    async fn nothing_is_taken_from_the_checkout() {
        let checkout = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let inside = checkout.path().join("kubeconfig");
        std::fs::write(&inside, CONFIG).unwrap();
        let source = |path: &Path, context: &str| KubeconfigSource {
            location: Location::File(path.to_owned()),
            context: Some(context.into()),
            checkout: Some(checkout.path().to_owned()),
            allow_exec: false,
        };
        assert_eq!(failure(&source(&inside, "dev")).await.kind(), FailureKind::Refused);
        let link = outside.path().join("link");
        std::os::unix::fs::symlink(&inside, &link).unwrap();
        assert_eq!(failure(&source(&link, "dev")).await.kind(), FailureKind::Refused);
        let fine = outside.path().join("kubeconfig");
        std::fs::write(&fine, CONFIG).unwrap();
        assert!(connect(&source(&fine, "dev")).await.is_ok());
        std::os::unix::fs::symlink(&inside, outside.path().join("token.txt")).unwrap();
        assert_eq!(failure(&source(&fine, "file")).await.kind(), FailureKind::Refused);
        assert_eq!(failure(&variable(Some(CONFIG), Some("file"))).await.kind(), FailureKind::Refused);
        assert_eq!(failure(&source(&outside.path().join("nothing"), "dev")).await.kind(), FailureKind::Usage);
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_named() {
        let mut source = variable(Some(CONFIG), Some("dev"));
        source.allow_exec = true;
        let config = Kubeconfig::from_yaml(CONFIG).unwrap();
        let options = KubeConfigOptions { context: Some("dev".into()), ..Default::default() };
        let config = ::kube::Config::from_custom_kubeconfig(config, &options).await.unwrap();
        let cluster = KubeCluster::new(config).unwrap().with_retry_budget(std::time::Duration::ZERO);
        let failure = cluster.discover().await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Remote);
        assert!(failure.message().contains("`https://127.0.0.1:1`"), "{failure}");
    }

    #[test]
    fn no_proxy_names_hosts_and_domains() {
        assert!(names_host("localhost, 127.0.0.1,.cluster.local", "127.0.0.1"));
        assert!(names_host(".cluster.local", "api.cluster.local"));
        assert!(names_host("*", "anything"));
        assert!(!names_host("cluster.local", "mycluster.local"));
    }
}
