//! The binary as a person runs it: arguments in, text and exit code out.

mod bad_input;
mod output;
mod place;
mod review;
mod validate;
