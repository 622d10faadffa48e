//! The binary as a person runs it: arguments in, text and exit code out.

mod bad_input;
mod board;
mod chat;
mod cluster;
mod demo;
mod diff;
mod events;
mod failures;
mod gitea;
mod github;
mod hosted;
mod html;
mod init;
mod inputs;
mod output;
mod place;
mod review;
mod risks;
mod schemas;
mod secrets;
mod validate;
