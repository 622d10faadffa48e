//! `mergeline apply` with a kubeconfig or a cluster that is not as it should be.

use super::hosted::{DIRECT, Hosted, Local, TOKEN, kubeconfig};
use mergeline_lab::needs;

fn shop() -> (Hosted, Local) {
    Hosted::local(DIRECT)
}

/// What the host holds beside Git: statuses on commits, deployment records.
fn evidence(local: &Local) -> String {
    let folder = local.host.folder();
    let files = local.everything();
    let files = files.iter().filter(|(path, _)| !path.starts_with(folder.join("repository.git")));
    files.map(|(path, bytes)| format!("{}: {}\n", path.display(), String::from_utf8_lossy(bytes))).collect()
}

#[test]
fn a_kubeconfig_that_is_not_set_is_named() {
    let (mut hosted, local) = shop();
    let before = local.everything();
    for value in [None, Some(""), Some(" \n")] {
        if let Some(value) = value {
            hosted.set("DEV_KUBECONFIG", value);
        }
        let said = hosted.run(&["apply", "dev"]).exits(2);
        assert!(
            said.err.contains("the environment variable `DEV_KUBECONFIG` with the kubeconfig is not set"),
            "{}",
            said.err
        );
        assert!(said.err.contains("hint: set `DEV_KUBECONFIG`"), "{}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named_and_never_quoted() {
    let (mut hosted, local) = shop();
    let before = local.everything();
    let good = kubeconfig("https://127.0.0.1:1", TOKEN);
    let cases = [
        (TOKEN.to_owned(), "the kubeconfig in `DEV_KUBECONFIG` holds no kubeconfig"),
        (format!("a: [{TOKEN}"), "holds no kubeconfig"),
        (good.replace("\"token\":", "\"token\": 1, \"token\":"), "DEV_KUBECONFIG"),
        (good.replace("\"current-context\":\"it\"", "\"current-context\":\"other\""), "has no context `other`"),
        (good.replace("\"cluster\":\"it\"", "\"cluster\":\"other\""), "has no cluster `other`"),
        (good.replace("\"user\":\"it\"", "\"user\":\"other\""), "has no user `other`"),
        (hosted.path("nowhere.yaml").to_str().unwrap().to_owned(), "cannot read the kubeconfig"),
    ];
    for (kubeconfig, why) in cases {
        hosted.set("DEV_KUBECONFIG", &kubeconfig);
        let said = hosted.run(&["apply", "dev"]).exits(2);
        assert!(said.err.contains(why), "{why}: {}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn a_context_that_is_configured_and_not_there_is_refused_with_those_that_are() {
    let (mut hosted, local) = Hosted::local(&DIRECT.replace("}}}", "}, context: other}}"));
    hosted.set("DEV_KUBECONFIG", kubeconfig("https://127.0.0.1:1", TOKEN));
    let before = local.everything();
    let said = hosted.run(&["apply", "dev"]).exits(2);
    assert!(said.err.contains("has no context `other`"), "{}", said.err);
    assert!(said.err.contains("hint: its contexts: `it`"), "{}", said.err);
    assert!(before == local.everything());
}

#[test]
fn nothing_of_a_kubeconfig_comes_from_the_checkout() {
    let (mut hosted, local) = shop();
    let inside = hosted.clone.path.join("kubeconfig.yaml");
    hosted.clone.write("kubeconfig.yaml", kubeconfig("https://127.0.0.1:1", TOKEN));
    hosted.clone.write("token", TOKEN);
    let link = hosted.path("link.yaml");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    let token_file = format!("\"tokenFile\":\"{}\"", hosted.clone.path.join("token").display());
    let by_file = kubeconfig("https://127.0.0.1:1", "x").replace("\"token\":\"x\"", &token_file);
    let program = kubeconfig("https://127.0.0.1:1", "x").replace(
        "\"token\":\"x\"",
        "\"exec\":{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"command\":\"./steal\"}",
    );
    let before = local.everything();
    for (value, why) in [
        (inside.into_os_string(), "lies in the checkout"),
        (link.into_os_string(), "lies in the checkout"),
        (by_file.into(), "takes `tokenFile` from the checkout"),
        (program.into(), "wants to run `./steal`"),
    ] {
        hosted.set("DEV_KUBECONFIG", value);
        let said = hosted.run(&["apply", "dev"]).exits(5);
        assert!(said.err.contains(why), "{why}: {}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn an_api_server_that_cannot_be_reached_is_named_and_the_status_says_so() {
    // A server that is not there gets half a minute to come back: side by side.
    let run = |arguments: &[&str]| {
        let (mut hosted, local) = shop();
        hosted.set("DEV_KUBECONFIG", kubeconfig("http://127.0.0.1:1", TOKEN));
        let before = local.everything();
        let said = hosted.once(arguments).exits(4);
        assert!(said.err.contains("cannot reach the API server `http://127.0.0.1:1"), "{}", said.err);
        (before == local.everything(), evidence(&local))
    };
    std::thread::scope(|scope| {
        let dry = scope.spawn(|| run(&["apply", "dev", "--dry-run", "-vvv"]));
        let quiet = scope.spawn(|| run(&["apply", "dev", "--no-status"]));
        let (_, evidence) = run(&["apply", "dev", "-vvv"]);
        assert!(dry.join().unwrap().0 && quiet.join().unwrap().0);
        assert!(evidence.contains("mergeline/dev") && evidence.contains("cannot reach the API server"), "{evidence}");
        assert!(!evidence.contains(TOKEN) && !evidence.contains("success"), "{evidence}");
    });
}

#[test]
fn credentials_that_the_api_server_does_not_take_are_said_and_change_nothing() {
    let Some(cluster) = needs::cluster() else { return };
    let namespace = cluster.create_namespace("badinput").unwrap();
    let (mut hosted, local) = shop();
    let map = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: web, namespace: {namespace}}}}}\n");
    hosted.push("main", &[("web/map.yaml", &map)]);
    hosted.keep_secret(&cluster.viewer_token);
    for (token, why) in [
        (TOKEN, "does not accept the kubeconfig's credentials"),
        (cluster.viewer_token.as_str(), "User \"viewer\" cannot"),
    ] {
        let kubeconfig = cluster.kubeconfig_for(token, &namespace).unwrap();
        hosted.set("DEV_KUBECONFIG", kubeconfig);
        for command in [&["apply", "dev", "--dry-run"][..], &["apply", "dev"]] {
            let said = hosted.run(command);
            assert!(said.all().contains(why), "{why}: {} {}", said.code, said.all());
            said.exits(2);
        }
        assert_eq!(
            cluster.kubectl(&["get", "configmap", "web", "--namespace", &namespace, "--ignore-not-found"]).unwrap(),
            ""
        );
    }
    assert!(!evidence(&local).contains("success"), "{}", evidence(&local));
}

#[test]
fn a_dry_run_prints_the_servers_verdict_on_each_object_and_one_refusal_holds_all() {
    let Some(cluster) = needs::cluster() else { return };
    let namespace = cluster.create_namespace("badinput").unwrap();
    // The cluster remembers what each environment has: this one is of this test alone.
    let environment = namespace.as_str();
    let (mut hosted, local) = Hosted::local(&DIRECT.replace("dev:", &format!("{environment}:")));
    let object = |kind: &str, name: &str, rest: &str| {
        format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}}}, {rest}}}\n")
    };
    let (good, bad) =
        (object("ConfigMap", "web", "data: {a: b}"), object("Service", "bad", "spec: {ports: [{port: 99999}]}"));
    hosted.push("main", &[("web/map.yaml", &good), ("web/service.yaml", &bad)]);
    hosted.keep_secret(&cluster.admin_token);
    hosted.set("DEV_KUBECONFIG", cluster.kubeconfig_for(&cluster.admin_token, &namespace).unwrap());
    let listed = || cluster.kubectl(&["get", "configmap,service", "--namespace", &namespace, "--output=name"]).unwrap();
    let (before, there) = (local.everything(), listed());
    let said = hosted.run(&["apply", environment, "--dry-run"]).exits(1);
    assert!(said.out.contains("ConfigMap") && said.out.contains("web"), "{}", said.out);
    assert!(said.out.contains("99999"), "{}", said.out);
    assert!(before == local.everything());
    let said = hosted.run(&["apply", environment]).exits(1);
    assert!(said.out.contains("99999"), "{}", said.out);
    assert_eq!(there, listed());
    assert!(!evidence(&local).contains("success"), "{}", evidence(&local));
}
