//! What the configuration may say and this version cannot do yet: named loudly, never without effect.

use super::check::pointer;
use super::model::Environment;
use super::{Config, Gates};
use crate::finding::Finding;

impl Config {
    /// One warning for each key that asks for something this version cannot do, with its place and, for keys of an
    /// environment, that environment.
    ///
    /// A use case that would need one of them for an environment must refuse that environment: an unsupported gate is
    /// never green.
    #[must_use]
    pub fn unsupported(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, environment) in self.environments() {
            for key in environment.unsupported_gates() {
                let effect = "nothing is promoted to it while the gate is there";
                findings.push(self.not_yet(
                    &format!("{}/{}", pointer(name), key.replace('.', "/")),
                    key,
                    effect,
                    Some(name),
                ));
            }
            if environment.namespace.is_some() {
                let effect = "objects without a namespace go where the kubeconfig says";
                findings.push(self.not_yet(&format!("{}/namespace", pointer(name)), "namespace", effect, Some(name)));
            }
        }
        findings
    }

    fn not_yet(&self, pointer: &str, key: &str, effect: &str, environment: Option<&str>) -> Finding {
        let of = environment.map(|name| format!(" of `{name}`")).unwrap_or_default();
        let message = format!("`{key}`{of} is not supported yet: {effect}");
        let mut finding = Finding::warning("not-supported", message).at(self.key_place(pointer)).pointer(pointer);
        finding.environments.extend(environment.map(str::to_owned));
        finding
    }
}

impl Environment {
    /// The gates that are set and that this version cannot judge (`gates.soak`, …). While there is one, a release may
    /// not land here.
    #[must_use]
    pub fn unsupported_gates(&self) -> Vec<&'static str> {
        let Gates { soak, checks, approvals, windows } = &self.gates;
        let set = [
            ("gates.soak", soak.is_some()),
            ("gates.checks", !checks.is_empty()),
            ("gates.approvals", approvals.is_some_and(|count| count > 0)),
            ("gates.windows", windows.is_some()),
        ];
        set.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect()
    }
}
