//! The contract of `dyn Host`: the same cases for every host.

mod cases;
mod fixture;
mod gitea;
mod github;
pub(crate) mod gitlab;
mod gitlab_drafts;
mod local;
pub(crate) mod proxy;
mod remarks;

/// Makes one test of every case for each host.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod local_host {
            $(#[tokio::test] async fn $case() { super::cases::$case(&super::local::Local::new()).await; })+
        }

        mod github_host {
            $(#[tokio::test] async fn $case() {
                let Some(fixture) = super::github::GitHub::new() else { return };
                super::cases::$case(&fixture).await;
            })+
        }

        mod gitlab_host {
            $(#[tokio::test] async fn $case() { super::cases::$case(&super::gitlab::GitLab::new()).await; })+
        }

        mod gitea_host {
            $(#[tokio::test] async fn $case() {
                let Some(fixture) = super::gitea::Gitea::new() else { return };
                super::cases::$case(&fixture).await;
            })+
        }
    };
}

contract!(
    repository_facts_name_the_default_branch_and_our_rights,
    rights_of_a_writer_a_reader_and_a_stranger_are_told_apart,
    twenty_runs_on_one_pull_request_make_one_comment,
    an_unchanged_comment_makes_no_write,
    a_forged_marker_in_a_foreign_comment_is_not_touched,
    twins_are_removed_and_the_oldest_stays,
    a_removed_comment_is_gone_and_topics_do_not_mix,
    amending_changes_a_comment_that_is_there_and_makes_none,
    nothing_is_written_once_the_head_moved,
    our_comment_is_found_behind_sixty_others,
    a_lost_answer_makes_no_second_comment,
    remarks_stand_on_their_lines_once_and_go_when_they_are_mended,
    a_remark_that_somebody_answered_stays_and_is_called_settled,
    a_line_that_the_pull_request_does_not_show_has_no_remark,
    a_lost_answer_makes_no_remark_twice,
    no_remark_is_written_once_the_head_moved,
    an_equal_status_is_not_posted_again,
    the_newest_status_of_each_context_is_listed_with_its_author,
    a_commit_without_statuses_has_none,
    a_check_has_all_its_annotations_once_where_there_are_checks,
    a_lost_answer_makes_no_second_check_and_no_annotation_twice,
    a_lost_answer_makes_no_second_deployment,
    a_deployment_that_fails_and_then_goes_well_says_so,
    ensuring_a_pull_request_twice_gives_the_same_number,
    a_lost_answer_makes_no_second_pull_request,
    a_closed_pull_request_is_not_reopened_by_ensure,
    closing_says_why_once,
    landing_merges_the_judged_head_once,
    a_landed_pull_request_is_landed_once,
    a_lost_answer_to_landing_is_still_landed,
    a_moved_head_is_not_landed,
    conflicts_are_refused_with_a_reason,
    a_closed_pull_request_is_not_landed,
    a_persons_merge_is_seen,
    a_pull_request_from_a_fork_is_known_as_one,
    a_reader_is_refused_and_told_why,
    a_forbidden_pull_request_names_the_setting,
    a_missing_pull_request_is_a_clear_failure,
    pull_requests_are_listed_newest_first_to_the_end,
    a_deployment_is_recorded_once_where_there_are_such_records,
);

/// A job's token acts as an account that the server does not find in its own database: what depends on that.
mod gitea_host_as_job {
    macro_rules! by_job {
        ($($case:ident),+ $(,)?) => {
            $(#[tokio::test] async fn $case() {
                let Some(fixture) = super::gitea::Gitea::as_job() else { return };
                super::cases::$case(&fixture).await;
            })+
        };
    }

    by_job!(
        rights_of_a_writer_a_reader_and_a_stranger_are_told_apart,
        twins_are_removed_and_the_oldest_stays,
        remarks_stand_on_their_lines_once_and_go_when_they_are_mended,
        an_equal_status_is_not_posted_again,
        the_newest_status_of_each_context_is_listed_with_its_author,
        ensuring_a_pull_request_twice_gives_the_same_number,
        closing_says_why_once,
        a_landed_pull_request_is_landed_once,
        a_lost_answer_to_landing_is_still_landed,
        a_moved_head_is_not_landed,
        conflicts_are_refused_with_a_reason,
    );
}

/// An App has another name than a job, and GraphQL alone tells it.
mod github_host_as_app {
    macro_rules! by_app {
        ($($case:ident),+ $(,)?) => {
            $(#[tokio::test] async fn $case() {
                let Some(fixture) = super::github::GitHub::as_app() else { return };
                super::cases::$case(&fixture).await;
            })+
        };
    }

    by_app!(
        twins_are_removed_and_the_oldest_stays,
        remarks_stand_on_their_lines_once_and_go_when_they_are_mended,
        an_equal_status_is_not_posted_again,
        a_check_has_all_its_annotations_once_where_there_are_checks,
        ensuring_a_pull_request_twice_gives_the_same_number,
        a_landed_pull_request_is_landed_once,
        a_lost_answer_makes_no_second_deployment,
    );
}
