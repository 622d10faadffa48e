//! Real parts for the tests: a Kubernetes cluster with simulated nodes, a Git host with its CI runner, helm, kustomize, kubectl.
//!
//! It owns how these parts are built ([`Cache`]), started and stopped ([`RunningLab`]), and how a test finds them ([`Lab`]).
//! It refuses to fake: each part is upstream's own code, built from its Go module; only hosts that nobody can run are played,
//! and judged by their own description ([`stub`]). It knows nothing of Mergeline itself.
//!
//! A test that needs a part starts with
//!
//! ```no_run
//! # fn test() {
//! let Some(cluster) = mergeline_lab::needs::cluster() else { return };
//! # }
//! ```
//!
//! and is skipped by name, with the reason on standard error, where no lab runs. See this folder's README.

#![recursion_limit = "256"]

mod act;
pub mod browser;
mod builder;
mod cluster;
mod error;
mod git;
mod gitea;
mod github;
pub mod gitlab;
mod lab;
pub mod needs;
mod node;
pub mod noise;
mod parts;
mod process;
mod running;
pub mod stub;
mod wheel;
pub mod yaml;

pub use act::{Act, Annotation, Job, JobRun};
pub use builder::Cache;
pub use cluster::Cluster;
pub use error::{LabError, LabResult};
pub use git::git;
pub use gitea::{Client, Gitea, Run, Signature, User};
pub use github::{GitHub, Started};
pub use lab::{CURRENT, Lab, REQUIRED, Tools};
pub use parts::{KUBERNETES_VERSION, PARTS, Part, Purpose, Source, part};
pub use running::{RunningLab, Selection};
