#![allow(clippy::unwrap_used)]
use super::*;
use crate::git::tree::MemoryTree;

/// The example of DESIGN §3.
const EXAMPLE: &str = r#"# yaml-language-server: $schema=./schemas/mergeline.schema.json
version: 1
kubernetes: "1.34"
environments:
  dev:
    source: apps/*/overlays/dev
    branch: env/dev
    cluster: {kubeconfig: {env: DEV_KUBECONFIG}, context: dev}
  staging:
    source: apps/*/overlays/staging
    branch: env/staging
    cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}
    needs: [dev]
    gates: {soak: 1h, checks: [e2e]}
    land: auto
  prod:
    source: apps/*/overlays/prod
    branch: env/prod
    cluster: {kubeconfig: {env: PROD_KUBECONFIG}}
    needs: [staging]
    gates: {soak: 24h, approvals: 1, windows: {tz: Europe/Paris, allow: ["Mon-Thu 09:00-16:00"]}}
    land: human
review: {fail-on: error}
validate: {schemas: [schemas/*.json]}
"#;

fn told(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
    let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{place}: {}{hint}", finding.message)
}

fn wrong(text: &str) -> Vec<String> {
    match Config::parse(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(told).collect(),
    }
}

/// A configuration with one environment of these lines.
fn one(lines: &str) -> String {
    format!("version: 1\nenvironments:\n  dev:\n    source: apps/*\n{lines}")
}

#[test]
fn the_example_of_the_design_is_sound_and_says_what_is_not_supported_yet() {
    let config =
        Config::parse(EXAMPLE.as_bytes()).map_err(|findings| findings.iter().map(told).collect::<Vec<_>>()).unwrap();
    assert_eq!(config.order().unwrap(), ["dev", "staging", "prod"]);
    assert_eq!(config.environment("staging").unwrap().land(), Land::Auto);
    assert_eq!(config.environment("prod").unwrap().land(), Land::Human);
    assert_eq!(config.environment("prod").unwrap().gates.soak.unwrap().as_secs(), 86_400);
    assert_eq!(config.environment_of_branch("env/staging"), Some("staging"));
    assert_eq!(config.followers("dev"), ["staging"]);
    assert_eq!(config.model().kubernetes, KubernetesVersion::parse("1.34"));
    let unsupported: Vec<String> = config.unsupported().iter().map(told).collect();
    assert_eq!(
        unsupported,
        [
            "mergeline.yaml:14:13: `gates.soak` of `staging` is not supported yet: nothing is promoted to it while the gate is there",
            "mergeline.yaml:14:23: `gates.checks` of `staging` is not supported yet: nothing is promoted to it while the gate is there",
            "mergeline.yaml:21:13: `gates.soak` of `prod` is not supported yet: nothing is promoted to it while the gate is there",
            "mergeline.yaml:21:24: `gates.approvals` of `prod` is not supported yet: nothing is promoted to it while the gate is there",
            "mergeline.yaml:21:38: `gates.windows` of `prod` is not supported yet: nothing is promoted to it while the gate is there",
        ]
    );
    assert_eq!(config.unsupported()[0].environments, ["staging"]);
    assert_eq!(config.environment("dev").unwrap().unsupported_gates(), [""; 0]);
}

#[test]
fn units_are_named_by_their_stars_in_every_environment() {
    let config = Config::parse(EXAMPLE.as_bytes()).unwrap();
    let tree = ["apps/web/overlays/dev", "apps/db/overlays/dev", "apps/web/overlays/staging"]
        .iter()
        .fold(MemoryTree::new(), |tree, folder| tree.with(format!("{folder}/kustomization.yaml"), "resources: []"));
    let (units, findings) = config.units(&tree).unwrap();
    let names: Vec<String> = units.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["db in dev", "web in dev", "web in staging"]);
    assert_eq!(units[1].path, "apps/web/overlays/dev");
    let told: Vec<String> = findings.iter().map(told).collect();
    let hint = "create the folder, or correct `source` in `mergeline.yaml`";
    assert_eq!(
        told,
        [format!("mergeline.yaml:17:13: the source `apps/*/overlays/prod` of `prod` matches nothing ({hint})")]
    );
}

#[test]
fn two_folders_with_one_unit_name_are_an_error_and_one_folder_twice_is_not() {
    let config = Config::parse(b"version: 1\nenvironments: {dev: {source: [a/*, b/*, a/web, .]}}").unwrap();
    let tree = MemoryTree::new().with("a/web/x.yaml", "x").with("b/web/x.yaml", "x");
    let (units, findings) = config.units(&tree).unwrap();
    let paths: Vec<&str> = units.iter().map(|unit| unit.path.as_str()).collect();
    assert_eq!(paths, ["", "a/web"]);
    assert_eq!(units[0].name, "dev", "the root has no folder to be named by");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("`a/web` and `b/web` would both be the unit `web` of `dev`"));
}

#[test]
fn a_source_without_a_star_that_is_not_there_is_an_error() {
    let config = Config::parse(b"version: 1\nenvironments: {dev: {source: apps/gone}}").unwrap();
    let (_, findings) = config.units(&MemoryTree::new().with("a", "x")).unwrap();
    assert_eq!(findings[0].severity, crate::finding::Severity::Error);
}

#[test]
fn unknown_keys_are_refused_at_their_place_with_a_guess() {
    assert_eq!(
        wrong("version: 1\nenviroments: {}\n"),
        ["mergeline.yaml:2:1: unknown field `enviroments` (did you mean `environments`?)"]
    );
    assert_eq!(
        wrong(&one("    brnach: env/dev\n")),
        ["mergeline.yaml:5:5: unknown field `brnach` (did you mean `branch`?)"]
    );
    let nested = wrong(&one("    branch: env/dev\n    cluster:\n      kubeconfig: {enf: X}\n"));
    assert!(nested[0].starts_with("mergeline.yaml:7:20: unknown field `enf`"), "{nested:?}");
}

#[test]
fn values_of_the_wrong_form_are_refused_at_their_place() {
    let cases = [
        ("kubernetes: 1.34\n", "mergeline.yaml:2:13"),
        ("kubernetes: v1.34\n", "mergeline.yaml:2:13"),
        ("review: {fail-on: warnings}\n", "mergeline.yaml:2:19"),
        ("environments: {dev: {source: {}}}\n", "mergeline.yaml:2:30"),
        ("environments: {dev: {branch: x}}\n", "mergeline.yaml:2:21"),
        ("environments: {dev: {source: a, branch: b, gates: {soak: 1 hour}}}\n", "mergeline.yaml:2:58"),
        ("environments: [dev]\n", "mergeline.yaml:2:15"),
    ];
    for (text, place) in cases {
        let told = wrong(&format!("version: 1\n{text}"));
        assert!(told.len() == 1 && told[0].starts_with(&format!("{place}: ")), "{text}: {told:?}");
    }
    assert!(wrong("environments: {}\n")[0].contains("version"), "{:?}", wrong("environments: {}\n"));
    assert!(wrong("version: 2\n")[0].starts_with("mergeline.yaml:1:10: `version` is 2"));
    assert!(wrong("")[0].contains("is empty"));
    assert!(wrong("a: [\n")[0].starts_with("mergeline.yaml:"));
    assert!(wrong("version: 1\n---\nversion: 1\n")[0].contains("second"));
}

#[test]
fn needs_must_name_other_environments_without_a_circle_and_with_a_branch() {
    let two = |dev: &str, prod: &str| {
        wrong(&format!(
            "version: 1\nenvironments:\n  dev: {{source: a, branch: env/dev{dev}}}\n  prod: {{source: b{prod}}}\n"
        ))
    };
    let unknown = two("", ", branch: env/prod, needs: [dve]");
    assert_eq!(unknown, ["mergeline.yaml:4:47: `prod` needs `dve`, which is no environment (did you mean `dev`?)"]);
    let circle = two(", needs: [prod]", ", branch: env/prod, needs: [dev]");
    assert!(circle.len() == 1 && circle[0].contains("`dev` needs `prod` needs `dev`"), "{circle:?}");
    let itself = two(", needs: [dev]", "");
    assert!(itself[0].contains("`dev` needs `dev`"), "{itself:?}");
    let branchless = two("", ", needs: [dev]");
    assert!(branchless.len() == 1 && branchless[0].contains("`prod` has `needs` but no `branch`"), "{branchless:?}");
}

#[test]
fn names_and_branches_are_safe_and_apart() {
    for name in ["a/b", "..", "-a", "a b", "x.lock", "", "é"] {
        let told = wrong(&format!("version: 1\nenvironments:\n  ? \"{name}\"\n  : {{source: a}}\n"));
        assert!(told.len() == 1 && told[0].contains("the environment name"), "{name}: {told:?}");
    }
    for branch in ["env//dev", "/env", "a..b", "a b", "x.lock", "mergeline/x", "refs/heads/x", "-x", "@", "a~1", ".x"] {
        let told = wrong(&one(&format!("    branch: {branch:?}\n")));
        assert!(told.len() == 1 && told[0].contains("the branch"), "{branch}: {told:?}");
    }
    let two = |one: &str, other: &str| {
        wrong(&format!(
            "version: 1\nenvironments: {{a: {{source: a, branch: {one}}}, b: {{source: b, branch: {other}}}}}\n"
        ))
    };
    assert!(two("env/x", "env/x")[0].contains("have the same branch"));
    assert!(two("env", "env/x")[0].contains("Git cannot hold both"));
    assert_eq!(two("env/x", "env/xy"), [""; 0]);
    assert!(wrong("version: 1\nenvironments: {dev: {source: a}, Dev: {source: b}}")[0].contains("differ by case"));
}

#[test]
fn a_kubeconfig_is_never_taken_from_the_checkout() {
    let told = wrong(&one("    cluster: {kubeconfig: secrets/config}\n"));
    assert!(
        told[0].starts_with("mergeline.yaml:5:27: the kubeconfig `secrets/config` would be read from the checkout"),
        "{told:?}"
    );
    assert_eq!(wrong(&one("    cluster: {kubeconfig: ~/.kube/config}\n")), [""; 0]);
    assert_eq!(wrong(&one("    cluster: {kubeconfig: {env: $X}}\n")).len(), 1);
}

#[test]
fn the_other_spelling_of_the_file_name_is_not_overlooked() {
    let load = |name: &str| Config::load(&MemoryTree::new().with(name, "version: 1\n")).unwrap();
    assert!(matches!(load("mergeline.yaml"), Loaded::Config(_)));
    assert!(matches!(load("other.yaml"), Loaded::Absent));
    assert!(
        matches!(load("mergeline.yml"), Loaded::Broken(findings) if findings[0].message.contains("must be called"))
    );
}

#[test]
fn rules_are_known_and_can_be_set() {
    let rules = |lines: &str| wrong(&format!("version: 1\nvalidate:\n  rules:\n{lines}"));
    assert_eq!(rules("    schema: off\n    absent-secret: \"off\"\n    unknown-field: warning\n"), [""; 0]);
    assert_eq!(
        rules("    shcema: off\n    yaml-syntax: off\n"),
        [
            "mergeline.yaml:4:5: there is no rule `shcema` (did you mean `schema`?)",
            "mergeline.yaml:5:5: the rule `yaml-syntax` cannot be set: what it says must be known (see `mergeline validate --explain yaml-syntax`)",
        ]
    );
    assert!(rules("    schema: quiet\n")[0].contains("`off`, `warning` or `error`"));
    assert!(rules("    schema: on\n")[0].contains("`off`, `warning` or `error`"));
}

#[test]
fn budgets_have_bounds() {
    let with = |budgets: &str| wrong(&format!("version: 1\nvalidate: {{budgets: {{{budgets}}}}}\n"));
    assert_eq!(with("bytes: 1073741824, depth: 250, aliases: 0, documents: 1, nodes: 1"), Vec::<String>::new());
    assert_eq!(
        with("depth: 251"),
        ["mergeline.yaml:2:29: `validate.budgets.depth` must be from 1 to 250, got 251 (leave it out for the default)"]
    );
    assert_eq!((with("bytes: 0").len(), with("bites: 1").len()), (1, 1));
}
