//! Promotion: which release each environment shall have next, and how it gets there.
//!
//! An environment branch holds the rendered tree and nothing merged into it. A promotion is one deterministic commit on
//! the branch's own head: two runs make the same one, there are no conflicts, and every merge button lands the same
//! tree. All state is read back from Git and the host; nothing is kept. Decided by DESIGN §4 "Promoting" and "Waking".
//!
//! [`decide()`] is pure: it is asked for one environment at a time, in the order of the graph, with the tree that the
//! candidate release renders to. Reading, rendering and writing are its caller's.

mod act;
mod attest;
mod decide;
mod message;
mod observe;
mod outcome;
mod prepare;
mod proposal;
mod rendering;
mod write;

pub use act::reconcile;
pub use decide::{Blocker, Candidate, Decision, Environment, Head, Proposal, Seen, Upstream, candidate, decide};
pub use message::{Trailers, promotion_branch};
pub use observe::{Observed, Scene, delivery_context, observe};
pub use outcome::{Delivery, Outcome};
pub use rendering::Renderings;
