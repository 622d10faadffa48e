//! YAML as Kubernetes reads and writes it.
//!
//! Owns the way from text to [`Value`](super::Value) and back. What a scalar means is decided by the Go libraries that the tools in
//! front of the API server use, one [`Dialect`] each, and so is the grammar: it is libyaml's, which is neither that of YAML 1.1
//! nor of 1.2. Nothing here panics or recurses deeper than the [`Budget`] allows, whatever the bytes.
//!
//! The rules of `scan`, `grammar` and `resolve`, and the order in which they are asked, are go-yaml's (MIT and Apache-2.0),
//! whose scanner and parser in turn port libyaml (MIT): see `NOTICE` at the root of the repository.
//!
//! Refused, each as a finding: duplicate keys, keys that are no strings, directives (`%YAML`), text after `---`, and
//! documents behind `...`, because kubectl and kustomize refuse or drop them.

mod budget;
mod build;
mod events;
mod fold;
mod grammar;
mod json;
mod parts;
mod print;
mod read;
mod report;
mod resolve;
mod scan;
mod split;
#[cfg(test)]
mod tests;
mod timestamp;
mod write;

pub use budget::Budget;
pub use parts::{Content, Part, Parts};
pub use print::{key_order, print_documents};
pub use read::{Documents, Reading, examine, read, read_bytes};
pub use resolve::{Plain, plain_meaning};
pub use write::{canonical, write, write_documents};

/// Which Go library decides what a plain scalar, a key and a merge mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `sigs.k8s.io/yaml` on go-yaml v2: kubectl, Helm's output, kustomization files, Argo CD. YAML 1.1 booleans, and
    /// keys resolve as values do before they become strings.
    Kubectl,
    /// kyaml on go-yaml v3: resources and patches that kustomize loads. YAML 1.2 booleans, timestamps are normalised,
    /// and a key that is no string is an error.
    Kustomize,
}
