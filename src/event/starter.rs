//! The CI file that starts Mergeline on a host: what `mergeline init` writes, and what the README shows.
//!
//! One workflow serves every event of GitHub, Gitea and Forgejo; on GitLab one component serves every pipeline. Decided by
//! DESIGN §3.

use crate::host::address::HostKind;
use std::fmt::Write;

/// What a CI file is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The branch that pull requests go to by default.
    pub default_branch: String,
    /// The branches of environments.
    pub branches: Vec<String>,
    /// Names of the secrets that environments' kubeconfigs are in.
    pub secrets: Vec<String>,
}

/// A CI file, and what a person does on the host besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// Its path in the repository.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// What is left to do, in people's words.
    pub steps: Vec<String>,
}

/// The CI's folders and files by host, in the order in which they tell one from another.
const TRACES: [(&str, HostKind); 4] = [
    (".gitea/workflows", HostKind::Gitea),
    (".forgejo/workflows", HostKind::Gitea),
    (".gitlab-ci.yml", HostKind::GitLab),
    (".github/workflows", HostKind::GitHub),
];

/// The host that CI files speak of; `has` says whether a path is there.
#[must_use]
pub fn host_of_ci_files(has: impl Fn(&str) -> bool) -> Option<HostKind> {
    TRACES.iter().find(|(path, _)| has(path)).map(|(_, kind)| *kind)
}

/// The CI file for a host; `None` for a host that has no runner of ours.
#[must_use]
pub fn starter(kind: HostKind, needs: &Needs, has: impl Fn(&str) -> bool) -> Option<Starter> {
    match kind {
        HostKind::GitHub => Some(Starter {
            path: ".github/workflows/mergeline.yml".to_owned(),
            text: workflow(needs),
            steps: [
                secrets(needs, "Settings, Secrets and variables, Actions"),
                has_promotions(needs).then(|| {
                    "let jobs open promotion pull requests: Settings, Actions, General, \"Allow GitHub Actions to create and approve pull requests\"".to_owned()
                }),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }),
        HostKind::Gitea => {
            // Gitea reads the first of these folders that is there, and no other.
            let folder = [".gitea/workflows", ".forgejo/workflows"].into_iter().find(|folder| has(folder));
            Some(Starter {
                path: format!("{}/mergeline.yml", folder.unwrap_or(".github/workflows")),
                text: workflow(needs),
                steps: secrets(needs, "Settings, Actions, Secrets").into_iter().collect(),
            })
        }
        HostKind::GitLab => Some(Starter {
            path: ".gitlab-ci.yml".to_owned(),
            text: component(needs),
            steps: [
                Some(
                    "make a project access token (Settings, Access tokens; role Maintainer, scopes api and write_repository) and put it \
                     into the masked variable MERGELINE_TOKEN (Settings, CI/CD, Variables)"
                        .to_owned(),
                ),
                secrets(needs, "Settings, CI/CD, Variables"),
                Some("add a schedule, so that what waits for time goes on (Build, Pipeline schedules)".to_owned())
                    .filter(|_| has_promotions(needs)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }),
        HostKind::Bitbucket | HostKind::Azure | HostKind::Local => None,
    }
}

fn has_promotions(needs: &Needs) -> bool {
    !needs.branches.is_empty()
}

fn secrets(needs: &Needs, place: &str) -> Option<String> {
    let names = needs.secrets.join(", ");
    (!names.is_empty()).then(|| {
        format!("set the secrets {names} ({place}), each a kubeconfig; or delete `cluster` where Argo CD or Flux pull the branch")
    })
}

fn workflow(needs: &Needs) -> String {
    let mut branches = vec![plain(&needs.default_branch)];
    match needs.branches.iter().all(|branch| branch.starts_with("env/")) {
        true => branches.push("\"env/**\"".to_owned()),
        false => branches.extend(needs.branches.iter().map(|branch| plain(branch))),
    }
    let mut out = format!(
        "name: mergeline
on:
  pull_request: {{}}
  pull_request_target: {{types: [closed]}}
  push: {{branches: [{}]}}
  schedule: [{{cron: \"*/15 * * * *\"}}]
  issue_comment: {{types: [created]}}
  workflow_dispatch: {{}}
permissions: {{contents: write, pull-requests: write, checks: write, statuses: write, deployments: write, issues: write}}
jobs:
  mergeline:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7
      - uses: mergeline/mergeline@v1
",
        branches.join(", ")
    );
    if !needs.secrets.is_empty() {
        out += "        env:\n";
    }
    for name in &needs.secrets {
        // A String takes all that is written to it.
        let _ = writeln!(out, "          {name}: \"${{{{ secrets.{name} }}}}\"");
    }
    out
}

/// The include of the component. Its own rules name the default branch and `env/`.
fn component(needs: &Needs) -> String {
    let mut out = "include:\n  - component: $CI_SERVER_FQDN/mergeline/mergeline/mergeline@v1\n".to_owned();
    if !needs.branches.iter().all(|branch| branch.starts_with("env/")) {
        let names: Vec<String> = needs.branches.iter().map(|branch| expression(branch)).collect();
        let pattern = format!("/^({})$/", names.join("|"));
        out += &format!("    inputs: {{branches: '{}'}}\n", pattern.replace('\'', "''"));
    }
    out
}

/// A branch's name as a regular expression of GitLab's, which slashes end.
fn expression(branch: &str) -> String {
    let mut out = String::new();
    for c in branch.chars() {
        if !(c.is_alphanumeric() || matches!(c, '-' | '_')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A branch's name as YAML: as it is where that is plain, else in quotes. Filters give meaning to `*`, `?`, `!` and the
/// like, which Git does not allow in names, or `+`, which they read as "one or more".
fn plain(branch: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    match branch.starts_with(|c: char| c.is_ascii_alphabetic())
        && branch.chars().all(safe)
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&branch)
    {
        true => branch.to_owned(),
        false => format!("\"{}\"", branch.replace('\\', "\\\\").replace('"', "\\\"").replace('+', "\\\\+")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn needs(branches: &[&str], secrets: &[&str]) -> Needs {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Needs { default_branch: "main".into(), branches: owned(branches), secrets: owned(secrets) }
    }

    fn text(needs: &Needs) -> String {
        starter(HostKind::GitHub, needs, |_| false).unwrap().text
    }

    #[test]
    fn every_branch_of_an_environment_starts_a_run() {
        assert!(text(&needs(&["env/dev"], &[])).contains("push: {branches: [main, \"env/**\"]}"));
        assert!(text(&needs(&["env/dev", "live"], &[])).contains("push: {branches: [main, env/dev, live]}"));
        let odd = Needs { default_branch: "1.x".into(), ..needs(&["a+b"], &[]) };
        assert!(text(&odd).contains(r#"push: {branches: ["1.x", "a\\+b"]}"#));
    }

    #[test]
    fn secrets_are_given_to_the_step_alone() {
        let written = text(&needs(&[], &["DEV_KUBECONFIG"]));
        assert!(written.ends_with("        env:\n          DEV_KUBECONFIG: \"${{ secrets.DEV_KUBECONFIG }}\"\n"));
        assert!(!text(&needs(&[], &[])).contains("env:\n"));
    }

    #[test]
    fn gitea_gets_the_workflow_in_the_folder_that_it_reads() {
        let path =
            |present: &'static str| starter(HostKind::Gitea, &needs(&[], &[]), |path| path == present).unwrap().path;
        assert_eq!(path(""), ".github/workflows/mergeline.yml");
        assert_eq!(path(".gitea/workflows"), ".gitea/workflows/mergeline.yml");
        assert_eq!(path(".forgejo/workflows"), ".forgejo/workflows/mergeline.yml");
    }

    #[test]
    fn gitlab_gets_the_component_and_branches_of_other_names_as_an_expression() {
        let written = |branches: &[&str]| starter(HostKind::GitLab, &needs(branches, &[]), |_| false).unwrap();
        assert!(written(&["env/dev"]).text.ends_with("mergeline@v1\n"));
        assert!(
            written(&["env/dev", "it's.live"])
                .text
                .ends_with("    inputs: {branches: '/^(env\\/dev|it\\''s\\.live)$/'}\n")
        );
        assert!(written(&["env/dev"]).steps[0].contains("MERGELINE_TOKEN"));
    }

    #[test]
    fn ci_files_tell_the_host() {
        assert_eq!(host_of_ci_files(|path| path == ".gitlab-ci.yml"), Some(HostKind::GitLab));
        assert_eq!(host_of_ci_files(|path| path.ends_with("/workflows")), Some(HostKind::Gitea));
        assert_eq!(host_of_ci_files(|path| path == ".github/workflows"), Some(HostKind::GitHub));
        assert_eq!(host_of_ci_files(|_| false), None);
    }
}
