//! Where the host shows a place.

use super::Links;
use crate::commit::CommitId;
use crate::finding::Place;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a place at a commit, where the host's shape of it is known.
pub(super) fn address(place: &Place, commit: Option<&CommitId>, links: &Links) -> Option<String> {
    let (template, commit) = (links.file.as_ref()?, commit?);
    let path = utf8_percent_encode(&place.path, PATH).to_string();
    let mut address = template.replace("{commit}", commit.as_str()).replace("{path}", &path);
    if let (Some(fragment), Some(line)) = (&links.line, place.line) {
        address += &fragment.replace("{line}", &line.to_string());
    }
    Some(address)
}
