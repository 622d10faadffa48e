//! The room `git` against real repositories that the machine's `git` makes and judges.

mod reading;
mod remote;
pub(crate) mod sandbox;
