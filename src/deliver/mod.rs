//! Delivery: bringing one environment's objects of one commit into its cluster.
//!
//! The whole set is dry-run on the server before the first write: one bad object means zero changes. The inventory (an
//! ApplySet parent for each unit) holds the union of old and new before the first write and the exact set after the
//! last, so that a kill at any request leaves no orphan and makes no wrong delete, and one more run converges. A lease
//! fences two runs, and only a descendant of the last applied commit is applied. Decided by DESIGN §4 "Delivering".

mod act;
mod compare;
mod desired;
pub mod health;
mod inventory;
mod lease;
mod look;
pub mod order;
mod plan;
mod preflight;
mod prune;
mod refusal;
mod wait;

pub use act::{Ancestry, Delivered, Options, deliver};
pub use desired::{Desired, DesiredUnit};
pub use inventory::{ApplySetId, NAMESPACE, field_manager};
