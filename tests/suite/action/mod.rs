//! The Action as users run it.

mod bootstrap;
mod files;
mod server;
