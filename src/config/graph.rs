//! The order of environments: who comes before whom.

use super::Config;
use std::collections::BTreeSet;

impl Config {
    /// The environments so that each comes after all that it needs; ties keep the order of the file.
    ///
    /// # Errors
    /// The names on one cycle, each needing the next one and the last needing the first. A checked configuration has none.
    pub fn order(&self) -> Result<Vec<&str>, Vec<String>> {
        let mut order: Vec<&str> = Vec::new();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        let count = self.environments().count();
        while order.len() < count {
            let ready = self.environments().find(|(name, environment)| {
                let known = |need: &&String| self.environment(need).is_some();
                !placed.contains(name)
                    && environment.needs.iter().filter(known).all(|need| placed.contains(need.as_str()))
            });
            let Some((name, _)) = ready else { return Err(self.cycle(&placed)) };
            placed.insert(name);
            order.push(name);
        }
        Ok(order)
    }

    /// Walks `needs` among the environments that could not be placed until a name comes twice.
    fn cycle(&self, placed: &BTreeSet<&str>) -> Vec<String> {
        let mut walk: Vec<&str> = Vec::new();
        let mut next = self.environments().map(|(name, _)| name).find(|name| !placed.contains(name));
        while let Some(name) = next {
            if let Some(start) = walk.iter().position(|seen| *seen == name) {
                return walk[start..].iter().map(|name| (*name).to_owned()).collect();
            }
            walk.push(name);
            let needs = self.environment(name).into_iter().flat_map(|environment| &environment.needs);
            next = needs.map(String::as_str).find(|need| self.environment(need).is_some() && !placed.contains(need));
        }
        Vec::new()
    }

    /// The environments that need `name` directly, in the order of the file.
    #[must_use]
    pub fn followers(&self, name: &str) -> Vec<&str> {
        let needs = |needs: &[String]| needs.iter().any(|need| need == name);
        self.environments().filter(|(_, environment)| needs(&environment.needs)).map(|(follower, _)| follower).collect()
    }
}
