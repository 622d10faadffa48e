//! GitLab as users meet it: the component run by a real runner program, and what a run does when the network or the host
//! fails at any request.

mod faults;
mod pipelines;
mod remarks;
mod shop;
