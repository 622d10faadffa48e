//! Checks of the whole configuration: what no single value can be wrong about alone.

use super::form::OneOrMany;
use super::model::{Environment, Kubeconfig};
use super::pattern::Pattern;
use super::{Config, Land};
use crate::finding::Finding;
use crate::manifest::Budget;
use crate::manifest::decode::nearest;
use crate::manifest::value::escape_token;
use crate::rule;
use crate::secret::SecretPath;
use std::collections::BTreeMap;

/// Everything that is wrong with `config`, in the order of the file.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut checks = Checks { config, findings: Vec::new() };
    if config.model.version != 1 {
        let message = format!("`version` is {}, and this Mergeline knows version 1 alone", config.model.version);
        checks.wrong("/version", message, "write `version: 1`, or use the Mergeline that the file was written for");
    }
    for (name, environment) in config.environments() {
        checks.environment(name, environment);
    }
    checks.rules();
    checks.budgets();
    checks.secret_paths();
    checks.names_differ_by_more_than_case();
    checks.branches();
    checks.cycles();
    checks.findings
}

struct Checks<'a> {
    config: &'a Config,
    findings: Vec<Finding>,
}

/// The JSON pointer to an environment.
pub(super) fn pointer(environment: &str) -> String {
    format!("/environments/{}", escape_token(environment))
}

impl Checks<'_> {
    fn budgets(&mut self) {
        let budgets = self.config.model.validate.budgets;
        let many = 100_000_000;
        let limits = [
            ("bytes", budgets.bytes, 1, 1 << 30),
            ("depth", budgets.depth, 1, Budget::DEEPEST),
            ("nodes", budgets.nodes, 1, many),
            ("aliases", budgets.aliases, 0, many),
            ("documents", budgets.documents, 1, many),
        ];
        for (name, said, least, most) in limits {
            if said < least || said > most {
                let message = format!("`validate.budgets.{name}` must be from {least} to {most}, got {said}");
                self.wrong(&format!("/validate/budgets/{name}"), message, "leave it out for the default");
            }
        }
    }

    fn wrong(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let place = self.config.place(pointer);
        self.findings.push(Finding::error("configuration", message).at(place).pointer(pointer).hint(hint));
    }

    fn wrong_key(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let place = self.config.key_place(pointer);
        self.findings.push(Finding::error("configuration", message).at(place).pointer(pointer).hint(hint));
    }

    fn secret_paths(&mut self) {
        for (index, text) in self.config.model.review.secret_paths.iter().enumerate() {
            if SecretPath::parse(text).is_none() {
                let message = format!("the secret path `{text}` is none");
                let hint = "write `KIND:/path/of/keys`, such as `Vault:/spec/unseal` or `*:/spec/**/password`";
                self.wrong(&format!("/review/secret-paths/{index}"), message, hint);
            }
        }
    }

    fn environment(&mut self, name: &str, environment: &Environment) {
        let here = pointer(name);
        if let Some(reason) = unsafe_name(name) {
            let message = format!("the environment name `{name}` {reason}");
            self.wrong_key(
                &here,
                message,
                "names become part of branches, folders and statuses: use letters, digits, `-`, `_` and `.`",
            );
        }
        if matches!(&environment.source, OneOrMany::Many(list) if list.is_empty()) {
            self.wrong(&format!("{here}/source"), format!("`source` of `{name}` is empty"), "name at least one folder");
        }
        for (entry, text) in environment.source.entries() {
            if let Err(reason) = Pattern::parse(text) {
                let message = format!("the source `{text}` {reason}");
                self.wrong(
                    &format!("{here}/source{entry}"),
                    message,
                    "write a path from the root of the repository, such as `apps/*/overlays/dev`",
                );
            }
        }
        if let Some(branch) = &environment.branch
            && let Some(reason) = unsafe_branch(branch)
        {
            self.wrong(
                &format!("{here}/branch"),
                format!("the branch `{branch}` {reason}"),
                "choose a name such as `env/dev`",
            );
        }
        self.what_needs_a_branch(name, environment);
        for (index, need) in environment.needs.iter().enumerate() {
            let at = format!("{here}/needs/{index}");
            if self.config.environment(need).is_none() {
                let known: Vec<&str> =
                    self.config.environments().map(|(known, _)| known).filter(|known| *known != name).collect();
                let hint = match nearest(need, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the environments are: {}", known.join(", ")),
                };
                self.wrong(&at, format!("`{name}` needs `{need}`, which is no environment"), hint);
            } else if environment.needs[..index].contains(need) {
                self.wrong(&at, format!("`{name}` needs `{need}` twice"), "remove one");
            }
        }
        if let Some(cluster) = &environment.cluster {
            let at = format!("{here}/cluster/kubeconfig");
            match &cluster.kubeconfig {
                Kubeconfig::Path(path) if !(path.starts_with('/') || path.starts_with("~/")) => {
                    let message = format!("the kubeconfig `{path}` would be read from the checkout");
                    self.wrong(
                        &at,
                        message,
                        "a kubeconfig is never taken from the repository: use `{env: NAME}` or an absolute path",
                    );
                }
                Kubeconfig::Variable(variable) if !is_variable(variable) => {
                    let message = format!("`{variable}` is no name of an environment variable");
                    self.wrong(&format!("{at}/env"), message, "write the variable's name, without `$`");
                }
                _ => {}
            }
        }
    }

    fn rules(&mut self) {
        let config = self.config;
        for id in config.model.validate.rules.0.keys() {
            let at = format!("/validate/rules/{}", escape_token(id));
            match rule::find(id) {
                Some(rule) if rule.can_be_silenced => {}
                Some(_) => {
                    let hint = format!("see `mergeline validate --explain {id}`");
                    self.wrong_key(&at, format!("the rule `{id}` cannot be set: what it says must be known"), hint);
                }
                None => {
                    let silenceable = rule::all().iter().filter(|rule| rule.can_be_silenced).map(|rule| rule.id);
                    let hint = match nearest(id, silenceable) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "rules are named in brackets where they are reported: `error[RULE]`".to_owned(),
                    };
                    self.wrong_key(&at, format!("there is no rule `{id}`"), hint);
                }
            }
        }
    }

    /// `needs`, `gates` and `land` speak about landing on a branch: without one they would do nothing.
    fn what_needs_a_branch(&mut self, name: &str, environment: &Environment) {
        if environment.branch.is_some() {
            return;
        }
        let gates = environment.gates != super::Gates::default();
        let set = [
            ("needs", !environment.needs.is_empty()),
            ("gates", gates),
            ("land", environment.land == Some(Land::Human)),
        ];
        for (key, _) in set.into_iter().filter(|(_, set)| *set) {
            let message = format!(
                "`{name}` has `{key}` but no `branch`: without one it is applied straight from the default branch"
            );
            self.wrong_key(&format!("{}/{key}", pointer(name)), message, format!("add `branch: env/{name}`"));
        }
    }

    fn names_differ_by_more_than_case(&mut self) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (name, _) in self.config.environments() {
            if let Some(first) = seen.insert(name.to_lowercase(), name) {
                let message = format!("`{name}` and `{first}` differ by case alone");
                self.wrong_key(
                    &pointer(name),
                    message,
                    "not every file system and host can keep them apart: rename one",
                );
            }
        }
    }

    /// A branch belongs to one environment, and no branch can be a folder of another one's name.
    fn branches(&mut self) {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (name, environment) in self.config.environments() {
            let Some(branch) = environment.branch.as_deref() else { continue };
            let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
            let at = format!("{}/branch", pointer(name));
            for (other, taken) in &seen {
                if branch == *taken {
                    self.wrong(
                        &at,
                        format!("`{name}` and `{other}` have the same branch `{branch}`"),
                        "give each environment its own branch",
                    );
                } else if below(branch, taken) || below(taken, branch) {
                    let message =
                        format!("Git cannot hold both the branch `{branch}` of `{name}` and `{taken}` of `{other}`");
                    self.wrong(&at, message, "no branch name may be the beginning of another up to a `/`");
                }
            }
            seen.push((name, branch));
        }
    }

    fn cycles(&mut self) {
        if let Err(cycle) = self.config.order() {
            let first = cycle[0].clone();
            let round = cycle.iter().chain(std::iter::once(&first)).map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let message = format!("environments need each other in a circle: {}", round.join(" needs "));
            self.wrong_key(&format!("{}/needs", pointer(&first)), message, "one of them must come first");
        }
    }
}

/// What a name of an environment must not be, if it is.
fn unsafe_name(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > 40 {
        Some("is longer than 40 characters")
    } else if !name.chars().all(allowed) {
        Some("has a character other than letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        Some("does not begin and end with a letter or digit")
    } else if name.contains("..") || name.to_ascii_lowercase().ends_with(".lock") {
        Some("cannot be part of a branch name")
    } else {
        None
    }
}

/// What a branch name must not be (`git check-ref-format`), and what is reserved, if it is.
fn unsafe_branch(branch: &str) -> Option<&'static str> {
    let part_is_bad =
        |part: &str| part.is_empty() || part.starts_with('.') || part.to_ascii_lowercase().ends_with(".lock");
    let bad_char = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if branch.is_empty() {
        Some("is empty")
    } else if branch.starts_with("refs/") {
        Some("is a full reference, not a branch name")
    } else if branch.starts_with("mergeline/") || branch == "mergeline" {
        Some("is in `mergeline/`, which holds the branches of promotions")
    } else if branch.starts_with('-') || branch == "HEAD" || branch == "@" {
        Some("means something else to Git")
    } else if branch.len() > 200
        || branch.chars().any(bad_char)
        || branch.contains("..")
        || branch.contains("@{")
        || branch.ends_with('.')
        || branch.split('/').any(part_is_bad)
    {
        Some("is no branch name that Git accepts")
    } else {
        None
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
