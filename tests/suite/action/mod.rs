//! The Action as users run it.

mod bootstrap;
mod component;
mod files;
mod github;
mod server;
mod stage;
