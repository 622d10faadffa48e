//! The text of a first `mergeline.yaml`.

use super::layout::Found;
use std::fmt::Write;

/// Where editors find the shape of the file.
const SCHEMA: &str = "https://raw.githubusercontent.com/mergeline/mergeline/v1/schemas/mergeline.schema.json";

/// The variable, and the secret, that holds an environment's kubeconfig.
#[must_use]
pub fn kubeconfig_variable(environment: &str) -> String {
    format!("{}_KUBECONFIG", environment.to_ascii_uppercase().replace('-', "_"))
}

/// A configuration for environments that stand in `stages`: those of the first follow the default branch, each later one
/// needs all of the stage before it, and the last waits for a person.
///
/// Without any, a file that says how to write one; it is valid and delivers nothing.
#[must_use]
pub fn text(stages: &[Vec<Found>]) -> String {
    let mut out = format!("# yaml-language-server: $schema={SCHEMA}\nversion: 1\n");
    if stages.is_empty() {
        out += NOTHING_FOUND;
        return out;
    }
    out += "environments:\n";
    for (at, stage) in stages.iter().enumerate() {
        for Found { name, source } in stage {
            let variable = kubeconfig_variable(name);
            // A String takes all that is written to it.
            let _ = writeln!(out, "  {name}:\n    source: {source}\n    branch: env/{name}");
            let _ = writeln!(out, "    cluster: {{kubeconfig: {{env: {variable}}}}}");
            if at > 0 {
                let needs: Vec<&str> = stages[at - 1].iter().map(|found| found.name.as_str()).collect();
                let land = if at + 1 == stages.len() { "human" } else { "auto" };
                let _ = writeln!(out, "    needs: [{}]\n    land: {land}", needs.join(", "));
            }
        }
    }
    out
}

const NOTHING_FOUND: &str = "
# Pull requests are reviewed without any environment. With some, merges are delivered:
#
# environments:
#   dev:
#     source: apps/*/overlays/dev        # each match is a unit; `*` names it
#     branch: env/dev                    # rendered manifests are committed here; leave out to apply straight from main
#     cluster: {kubeconfig: {env: DEV_KUBECONFIG}}    # leave out where Argo CD or Flux pull the branch
#   prod:
#     source: apps/*/overlays/prod
#     branch: env/prod
#     cluster: {kubeconfig: {env: PROD_KUBECONFIG}}
#     needs: [dev]                       # a release comes here once dev has delivered it
#     land: human                        # its pull request waits for a person
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;

    fn found(name: &str) -> Found {
        Found { name: name.to_owned(), source: format!("apps/*/overlays/{name}") }
    }

    #[test]
    fn what_is_written_can_be_read_and_means_what_it_says() {
        let stages = [vec![found("dev")], vec![found("stage-a")], vec![found("prod-eu"), found("prod-us")]];
        let config = Config::parse(text(&stages).as_bytes()).unwrap();
        let needs = |name: &str| config.environment(name).unwrap().needs.clone();
        assert_eq!(
            config.environments().map(|(name, _)| name).collect::<Vec<_>>(),
            ["dev", "stage-a", "prod-eu", "prod-us"]
        );
        assert_eq!((needs("dev"), needs("stage-a")), (vec![], vec!["dev".to_owned()]));
        assert_eq!(needs("prod-us"), ["stage-a"]);
        assert!(text(&stages).contains("{env: STAGE_A_KUBECONFIG}"));
    }

    #[test]
    fn a_file_that_only_explains_is_valid_and_so_is_what_it_explains() {
        let written = text(&[]);
        assert_eq!(Config::parse(written.as_bytes()).unwrap().environments().count(), 0);
        let explained: String =
            NOTHING_FOUND.lines().skip(3).map(|line| format!("{}\n", line.strip_prefix("# ").unwrap())).collect();
        let config = Config::parse(format!("version: 1\n{explained}").as_bytes()).unwrap();
        assert_eq!(config.environments().count(), 2);
    }
}
