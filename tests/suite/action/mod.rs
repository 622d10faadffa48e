//! The Action as users run it.

mod bootstrap;
mod files;
mod github;
mod server;
mod stage;
