//! What promotion commits and pull requests are called, and the trailers that say what they carry.

use crate::commit::CommitId;
use crate::report::visible::one_line;
use std::sync::LazyLock;

/// The branch that an environment's promotion pull request comes from.
#[must_use]
pub fn promotion_branch(environment: &str) -> String {
    format!("mergeline/promote/{environment}")
}

/// The environment whose promotion comes from `branch`.
#[must_use]
pub(super) fn environment_of(branch: &str) -> Option<&str> {
    branch.strip_prefix("mergeline/promote/").filter(|name| !name.is_empty())
}

/// The trailers of a promotion commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailers {
    /// The environment it goes to.
    pub environment: String,
    /// The release: a commit on the default branch.
    pub release: CommitId,
}

impl Trailers {
    /// Reads them from a commit message: the last paragraph, as `git interpret-trailers` does.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let last = message.trim_end().rsplit("\n\n").next()?;
        let value = |name: &str| {
            let mut lines = last.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
        };
        let release = CommitId::parse(&value("Promotion-Release")?).ok()?;
        Some(Self { environment: value("Promotion-Environment")?, release })
    }

    fn text(&self) -> String {
        format!("Promotion-Environment: {}\nPromotion-Release: {}\n", self.environment, self.release)
    }
}

/// The message of a promotion commit. Holds nothing of the run that made it: two runs make the same commit.
#[must_use]
pub(super) fn commit_message(title: &str, subject: &str, trailers: &Trailers) -> String {
    let release = trailers.release.short();
    format!("{title}\n\nRendered from {release} ({}).\n\n{}", inert(subject), trailers.text())
}

/// Foreign text on one line of a commit or title. What keeps a CI from running (`[skip ci]`, `[ci skip]`, `[no ci]`,
/// `***NO_CI***`) would keep what is released from being delivered: it loses its brackets.
fn inert(text: &str) -> String {
    static SKIPS: LazyLock<regex::Regex> = LazyLock::new(|| {
        regex::Regex::new(r"(?i)\[([^\[\]]*\b(?:skip|no ci)\b[^\[\]]*)\]|\*\*\*(NO_CI)\*\*\*")
            .expect("because the pattern is constant")
    });
    SKIPS.replace_all(&one_line(text), "($1$2)").into_owned()
}

/// An image whose version changes: its name, the old and the new version.
type Move = (String, String, String);

/// The title of a promotion: what changes, as a release note says it; `None` for the first release. At most `limit`
/// characters.
#[must_use]
pub(super) fn title(environment: &str, changed: Option<(&[Move], &[String])>, limit: usize) -> String {
    let changed = match changed {
        None => "first release".to_owned(),
        Some(([], [])) => "no object changed".to_owned(),
        Some(([], units)) => format!("{} changed", listed(units, 4)),
        Some((images, _)) => {
            let moves: Vec<String> = images.iter().map(|(name, old, new)| format!("{name} {old} → {new}")).collect();
            listed(&moves, 3)
        }
    };
    let title = inert(&format!("{environment}: {changed}"));
    if title.chars().count() <= limit {
        return title;
    }
    title.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn listed(items: &[String], most: usize) -> String {
    let shown = items.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn trailers_survive_the_message() {
        let trailers =
            Trailers { environment: "prod".into(), release: CommitId::parse(&"3f2c1ab9".repeat(5)).unwrap() };
        let message = commit_message("prod: web 1 → 2", "Promotion-Release: forged in the subject", &trailers);
        assert_eq!(Trailers::parse(&message), Some(trailers));
        assert_eq!(Trailers::parse("prod: web\n\nPromotion-Release: not a commit\n"), None);
    }

    #[test]
    fn no_word_of_a_release_keeps_the_ci_from_delivering_it() {
        let trailers =
            Trailers { environment: "prod".into(), release: CommitId::parse(&"3f2c1ab9".repeat(5)).unwrap() };
        let image = ("web".to_owned(), "1".to_owned(), "2 [CI skip]\n\nPromotion-Environment: dev".to_owned());
        let title = title("prod", Some((&[image], &[])), 256);
        assert_eq!(title, "prod: web 1 → 2 (CI skip)  Promotion-Environment: dev");
        for subject in ["Fix docs [skip ci]", "[No CI] x", "[skip actions]", "a ***NO_CI*** b", "[ci-skip]"] {
            let message = commit_message(&title, subject, &trailers);
            assert!(!message.contains(['[', ']', '*']), "{message}");
            assert_eq!(Trailers::parse(&message), Some(trailers.clone()));
        }
        assert_eq!(inert("[JIRA-1] Skip the cache"), "[JIRA-1] Skip the cache");
    }

    #[test]
    fn titles_say_what_changes() {
        let images = [("web".to_owned(), "1.27.0".to_owned(), "1.27.1".to_owned())];
        assert_eq!(title("prod", Some((&images, &["web".into()])), 256), "prod: web 1.27.0 → 1.27.1");
        let units: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(title("prod", Some((&[], &units)), 256), "prod: a, b, c, d and 1 more changed");
        assert_eq!(title("prod", Some((&[], &units)), 8), "prod: a…");
    }
}
