//! The name that was probably meant.

/// The candidate nearest to `name`, when it is near enough to be what was meant: another case first, then the fewest
/// edits, at most a third of the name.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(name, candidates).min().map(|(_, found)| found)
}

/// The nearest candidate where it is the only one as near as that, and at most two edits away.
#[must_use]
pub fn only_nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut near: Vec<(usize, &str)> = near(name, candidates).filter(|(distance, _)| *distance <= 2).collect();
    near.sort_unstable();
    match near[..] {
        [(first, _), (second, _), ..] if first == second => None,
        [(_, found), ..] => Some(found),
        [] => None,
    }
}

/// The candidates that are near enough, each with its distance. Compared by name as well, their order never shows.
fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = (usize, &'a str)> {
    let folded = name.to_lowercase();
    let limit = (folded.chars().count() / 3).max(1);
    let measured = candidates.into_iter().filter(move |candidate| *candidate != name).map(move |candidate| {
        let distance = strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
        (distance, candidate)
    });
    measured.filter(move |(distance, _)| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::{nearest, only_nearest};

    #[test]
    fn case_and_small_slips_are_found_and_strangers_are_not() {
        let fields = ["containers", "initContainers", "volumes", "restartPolicy"];
        assert_eq!(nearest("contAINerz", fields), Some("containers"));
        assert_eq!(nearest("Volumes", fields), Some("volumes"));
        assert_eq!(nearest("template", fields), None);
    }

    #[test]
    fn one_of_two_that_are_as_near_is_not_certain() {
        assert_eq!(only_nearest("envz", ["env", "envs", "files"]), None);
        assert_eq!(only_nearest("envss", ["env", "envs", "files"]), Some("envs"));
        assert_eq!(only_nearest("resuorces", ["resources", "replicas"]), Some("resources"));
        assert_eq!(nearest("comonAnotatins", ["commonAnnotations"]), Some("commonAnnotations"));
        assert_eq!(only_nearest("comonAnotatins", ["commonAnnotations"]), None);
    }
}
