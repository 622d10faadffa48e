//! What a test says first: which real part it needs.
//!
//! Without that part the test is skipped, by name and with the reason, on the real standard error (libtest would swallow what
//! `eprintln!` writes). `cargo xtask test` sets [`REQUIRED`], and then nothing is skipped: a missing part is a failure.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::act::Act;
use crate::builder::Cache;
use crate::cluster::Cluster;
use crate::gitea::Gitea;
use crate::lab::{Lab, REQUIRED, Tools};
use crate::parts::part;
use crate::stub::Description;

/// The running cluster, or nothing after the skip was announced.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`.
#[must_use]
pub fn cluster() -> Option<&'static Cluster> {
    found("cluster", lab().and_then(|lab| lab.cluster.as_ref()))
}

/// The running Git host, or nothing after the skip was announced.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`.
#[must_use]
pub fn gitea() -> Option<&'static Gitea> {
    found("Gitea", lab().and_then(|lab| lab.gitea.as_ref()))
}

/// The built programs, or nothing after the skip was announced.
///
/// # Panics
/// When there are none and [`REQUIRED`] is `1`.
#[must_use]
pub fn tools() -> Option<&'static Tools> {
    found("tools", lab().map(|lab| &lab.tools))
}

/// The description that a stub judges by (the part of that name, `github-api`), or nothing after the skip was announced.
/// It needs no running lab, only the part in the cache.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`, and when it cannot be read.
#[must_use]
pub fn description(name: &'static str) -> Option<&'static Description> {
    static READ: Mutex<BTreeMap<&str, Option<&'static Description>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let known = *read.entry(name).or_insert_with(|| {
        let cache = Cache::open().ok()?;
        let part = part(name).filter(|part| cache.has(part))?;
        let description = Description::read(&cache.program(part)).unwrap_or_else(|error| panic!("{error}"));
        Some(Box::leak(Box::new(description)))
    });
    drop(read);
    found(name, known)
}

/// The program that runs GitHub's workflows, or nothing after the skip was announced. It needs no running lab, only the
/// part in the cache.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`.
#[must_use]
pub fn act() -> Option<&'static Act> {
    static ACT: OnceLock<Option<Act>> = OnceLock::new();
    let find = || {
        let cache = Cache::open().ok()?;
        part("act").filter(|part| cache.has(part)).map(|part| Act::new(cache.program(part)))
    };
    found("act", ACT.get_or_init(find).as_ref())
}

/// The program that runs GitLab's pipelines, `gitlab-ci-local`, or nothing after the skip was announced. It needs no
/// running lab, only the part in the cache.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`.
#[must_use]
pub fn gitlab_runner() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    found("gitlab-ci-local", PROGRAM.get_or_init(|| in_cache("gitlab-ci-local")).as_ref())
}

/// A browser for [`Page::open`](crate::browser::Page::open), or nothing after the skip was announced. It needs no running
/// lab, only the part in the cache.
///
/// # Panics
/// When there is none and [`REQUIRED`] is `1`.
#[must_use]
pub fn browser() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    found("browser", PROGRAM.get_or_init(|| in_cache("chromium")).as_ref())
}

fn in_cache(name: &str) -> Option<PathBuf> {
    let cache = Cache::open().ok()?;
    part(name).filter(|part| cache.has(part)).map(|part| cache.program(part))
}

/// The whole lab with its cluster and its Git host, for tests that go from a pull request to a rollout.
///
/// # Panics
/// When a part is missing and [`REQUIRED`] is `1`.
#[must_use]
pub fn cluster_and_gitea() -> Option<(&'static Cluster, &'static Gitea)> {
    Some((cluster()?, gitea()?))
}

fn lab() -> Option<&'static Lab> {
    static LAB: OnceLock<Option<Lab>> = OnceLock::new();
    LAB.get_or_init(|| match Lab::current() {
        Ok(lab) => lab,
        // Pointing at a lab that is gone is a mistake, never a reason to skip.
        Err(error) => panic!("{error}"),
    })
    .as_ref()
}

fn found<T>(part: &str, value: Option<&'static T>) -> Option<&'static T> {
    if value.is_some() {
        return value;
    }
    let thread = std::thread::current();
    let message = absence(thread.name().unwrap_or("a test"), part);
    assert!(!required(std::env::var(REQUIRED).ok().as_deref()), "{message}");
    // In one write: standard error has no buffer, and the lines of several threads would mix.
    drop(std::io::stderr().write_all(format!("skipped: {message}\n").as_bytes()));
    None
}

/// libtest names each test's thread after the test.
fn absence(test: &str, part: &str) -> String {
    format!("{test} needs the lab's {part}; run `cargo xtask test`")
}

fn required(value: Option<&str>) -> bool {
    value.is_some_and(|value| !matches!(value, "" | "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_names_the_test_the_part_and_the_command() {
        assert_eq!(
            absence("deliver::rolls_out", "cluster"),
            "deliver::rolls_out needs the lab's cluster; run `cargo xtask test`"
        );
    }

    #[test]
    fn only_an_explicit_value_makes_the_parts_required() {
        assert!(required(Some("1")));
        assert!(!required(Some("0")));
        assert!(!required(Some("")));
        assert!(!required(None));
    }
}
