//! The loop: event → intent → use cases, again until nothing is left that may be done now.
//!
//! Nothing here depends on the next event: a push made with a job's own token starts no workflow. Decided by DESIGN §1.

mod chat;
mod command;
mod delivery;
pub mod demo;
mod reconcile;
mod session;

pub use command::{Ran, run};
pub use delivery::{DeliveryOptions, connect_cluster};
pub use reconcile::{ReconcileOptions, Reconciled, apply, fail_on, reconcile, usable};
pub use session::{Session, Setting, Tip, catalogs};
