//! The name that was probably meant.

/// The candidate nearest to `name`, when it is near enough to be what was meant: another case first, then the fewest
/// edits, at most a third of the name.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    let limit = (folded.chars().count() / 3).max(1);
    let measured = candidates.into_iter().map(|candidate| {
        let distance = strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
        (distance, candidate)
    });
    // By name as well, so that the order of candidates never shows.
    measured.filter(|(distance, candidate)| *distance <= limit && *candidate != name).min().map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn case_and_small_slips_are_found_and_strangers_are_not() {
        let fields = ["containers", "initContainers", "volumes", "restartPolicy"];
        assert_eq!(nearest("contAINerz", fields), Some("containers"));
        assert_eq!(nearest("Volumes", fields), Some("volumes"));
        assert_eq!(nearest("template", fields), None);
    }
}
