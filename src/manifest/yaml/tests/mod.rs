//! What reading and writing promise, as sentences. Tables come from go-yaml's sources and runs of kubectl and kustomize.
#![allow(clippy::unwrap_used)]

mod hostile;
mod reading;
mod scalars;
mod writing;

use super::{Budget, Dialect, Reading, read};
use crate::manifest::Source;

fn kubectl(text: &str) -> Reading {
    read(&Source::new("a.yaml", text), Dialect::Kubectl, &Budget::default())
}

fn kustomize(text: &str) -> Reading {
    read(&Source::new("a.yaml", text), Dialect::Kustomize, &Budget::default())
}

/// `rule path:line:column` of each finding.
fn told(reading: &Reading) -> Vec<String> {
    reading.findings.iter().map(|finding| format!("{} {}", finding.rule, finding.place.as_ref().unwrap())).collect()
}
