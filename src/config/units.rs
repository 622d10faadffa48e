//! From source patterns to units.

use super::check::pointer;
use super::pattern::{Pattern, last_name};
use super::{Config, PATH};
use crate::failure;
use crate::finding::{Finding, Severity};
use crate::git::tree::Tree;
use crate::unit::Unit;

impl Config {
    /// The units of all environments in `tree`: environments in the order of the file, units by name.
    ///
    /// A source without a star that is not there is an error: a unit was named and would vanish without a word. A pattern
    /// that matches nothing is a warning. Two matches that share a name are an error, and only the first is kept.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn units(&self, tree: &dyn Tree) -> failure::Result<(Vec<Unit>, Vec<Finding>)> {
        let (mut units, mut findings) = (Vec::new(), Vec::new());
        for (name, environment) in self.environments() {
            let mut here: Vec<Unit> = Vec::new();
            for (entry, text) in environment.source.entries() {
                let place = self.place(&format!("{}/source{entry}", pointer(name)));
                // Checked when the configuration was read.
                let Ok(pattern) = Pattern::parse(text) else { continue };
                let matches = pattern.matches(tree)?;
                if matches.is_empty() {
                    let (severity, verb) = match pattern.is_literal() {
                        true => (Severity::Error, "is not there"),
                        false => (Severity::Warning, "matches nothing"),
                    };
                    let message = format!("the source `{text}` of `{name}` {verb}");
                    let hint = format!("create the folder, or correct `source` in `{PATH}`");
                    let finding = Finding::new("empty-source", severity, message).at(place.clone()).hint(hint);
                    findings.push(about(name, finding));
                }
                for found in matches {
                    let unit = match (found.stars.is_empty(), last_name(&found.path)) {
                        (false, _) => found.stars.join("-"),
                        (true, "") => name.to_owned(),
                        (true, last) => last.to_owned(),
                    };
                    let unit = Unit { environment: name.to_owned(), name: unit, path: found.path };
                    match here.iter().find(|other| other.name == unit.name || other.path == unit.path) {
                        None => here.push(unit),
                        Some(same) if same.path == unit.path => {}
                        Some(other) => {
                            let Unit { name: taken, path, .. } = &unit;
                            let message =
                                format!("`{}` and `{path}` would both be the unit `{taken}` of `{name}`", other.path);
                            let hint = "a unit is named by what `*` matched, else by its last folder: rename a folder, or widen the pattern so that its stars tell them apart";
                            findings.push(about(
                                name,
                                Finding::error("duplicate-unit", message).at(place.clone()).hint(hint),
                            ));
                        }
                    }
                }
            }
            here.sort();
            units.extend(here);
        }
        Ok((units, findings))
    }
}

fn about(environment: &str, mut finding: Finding) -> Finding {
    finding.environments.push(environment.to_owned());
    finding
}
