#![allow(clippy::unwrap_used)]
use super::*;
use crate::host::limits::LOCAL;
use crate::report::sample;

#[test]
fn the_comment_of_a_review_is_this() {
    insta::assert_snapshot!(comment(&sample::review(), &LOCAL));
}

#[test]
fn the_comment_of_an_apply_lists_its_operations() {
    insta::assert_snapshot!(comment(&sample::apply(), &LOCAL));
}
