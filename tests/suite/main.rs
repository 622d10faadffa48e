//! Integration tests: one binary, so that one link serves them all.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod action;
mod architecture;
mod cli;
mod contract;
mod deliver;
mod deliver_faults;
mod flagship;
mod git;
mod gitlab;
mod immutable;
mod kustomize;
mod kustomize_charts;
mod kustomize_differential;
mod kustomize_external;
mod kustomize_hostile;
mod phantom;
mod promote;
mod render;
mod risk;
mod rules;
mod schemas;
mod validate;
mod validation_conformance;
mod verdict;
mod yaml_oracle;
