//! The board of environments that `mergeline status` prints: what is delivered where, and what is waited for.

use super::markdown::escape::{name, text as escaped};
use super::text::columns;
use super::visible::{cut, one_line};
use crate::commit::CommitId;
use jiff::Timestamp;
use serde::Serialize;

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub environment: String,
    /// The released commit of the default branch and its title; `None` before the first delivery.
    pub release: Option<(CommitId, String)>,
    /// When it was delivered, by the host's clock.
    pub delivered_at: Option<Timestamp>,
    /// How many objects are healthy, and of how many; `None` where no cluster was asked.
    pub healthy: Option<(usize, usize)>,
    /// What comes next and what it waits for: `3f2c1ab in #41: soak until tomorrow 09:14, then 1 approval`.
    pub next: Option<String>,
}

const HEADS: [&str; 5] = ["ENVIRONMENT", "RELEASE", "DELIVERED", "HEALTHY", "NEXT"];

fn cells(row: &Row, now: Timestamp) -> [String; 5] {
    let release = row
        .release
        .as_ref()
        .map_or_else(|| "–".to_owned(), |(commit, title)| format!("{} {}", commit.short(), cut(title, 40)));
    [
        one_line(&row.environment),
        release.trim_end().to_owned(),
        row.delivered_at.map(|at| ago(at, now)).unwrap_or_default(),
        row.healthy.map(|(healthy, all)| format!("{healthy}/{all}")).unwrap_or_default(),
        row.next.as_deref().map(one_line).unwrap_or_default(),
    ]
}

/// The board for a terminal.
#[must_use]
pub fn text(rows: &[Row], now: Timestamp) -> String {
    let heads = std::iter::once(HEADS.map(str::to_owned));
    let all: Vec<[String; 5]> = heads.chain(rows.iter().map(|row| cells(row, now))).collect();
    columns(&all)
}

/// The board as a Markdown table.
#[must_use]
pub fn markdown(rows: &[Row], now: Timestamp) -> String {
    let mut out = "| environment | release | delivered | healthy | next |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let [environment, rest @ ..] = cells(row, now);
        out += &format!("| **{}** | {} |\n", name(&environment), rest.map(|cell| escaped(&cell)).join(" | "));
    }
    out
}

/// The board as JSON: one entry for each environment, absent facts `null`.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let environments = rows.iter().map(|row| EnvironmentShape {
        environment: &row.environment,
        release: row.release.as_ref().map(|(commit, title)| ReleaseShape { commit: commit.as_str(), title }),
        delivered_at: row.delivered_at.map(|at| at.to_string()),
        healthy: row.healthy.map(|(healthy, of)| HealthyShape { healthy, of }),
        next: row.next.as_deref(),
    });
    let shape = BoardShape { version: 1, command: "status", environments: environments.collect() };
    serde_json::to_string_pretty(&shape).expect("because the shape holds only text, numbers and lists") + "\n"
}

#[derive(Serialize)]
struct BoardShape<'a> {
    version: u32,
    command: &'a str,
    environments: Vec<EnvironmentShape<'a>>,
}

#[derive(Serialize)]
struct EnvironmentShape<'a> {
    environment: &'a str,
    release: Option<ReleaseShape<'a>>,
    delivered_at: Option<String>,
    healthy: Option<HealthyShape>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct ReleaseShape<'a> {
    commit: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
struct HealthyShape {
    healthy: usize,
    of: usize,
}

/// How long ago, in the largest unit that fits.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    let (count, unit) = match seconds {
        ..0 => return "just now".to_owned(),
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        86_400..172_800 => (1, "day"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows() -> Vec<Row> {
        let commit = |digit: &str| CommitId::parse(&digit.repeat(40)).unwrap();
        let row = |environment: &str, digit, title: &str, at, next: Option<&str>| Row {
            environment: environment.into(),
            release: Some((commit(digit), title.into())),
            delivered_at: Some(Timestamp::from_second(at).unwrap()),
            healthy: Some((12, 12)),
            next: next.map(str::to_owned),
        };
        vec![
            row("dev", "3", "web 2.1", 1_000_000 - 120, None),
            row("staging", "3", "web 2.1", 1_000_000 - 60, None),
            row(
                "prod",
                "9",
                "web 2.0",
                1_000_000 - 3 * 86_400,
                Some("3333333 in #41: soak until tomorrow 09:14, then 1 approval"),
            ),
            Row { environment: "new".into(), release: None, delivered_at: None, healthy: None, next: None },
        ]
    }

    #[test]
    fn the_board_fits_a_terminal() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        insta::assert_snapshot!(text(&rows(), now));
        insta::assert_snapshot!(markdown(&rows(), now));
        let value: serde_json::Value = serde_json::from_str(&json(&rows())).unwrap();
        assert_eq!(value["environments"][3]["release"], serde_json::Value::Null);
    }
}
