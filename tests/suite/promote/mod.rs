//! What promotion promises, scenario by scenario, each written once: real clones, real pushes, on the embedded host always, on
//! the lab's real Gitea when there is one, and on stubs of the hosts that cannot be run.

mod faults;
mod flow;
mod gitea;
mod github;
mod gitlab;
mod people;
pub(crate) mod stage;
mod trouble;
mod waking;
mod witness;

/// Makes one test of every scenario on the embedded host, and of the first list on every other host too.
macro_rules! scenarios {
    (everywhere: $($module:ident::$case:ident),+; embedded: $($local:ident::$embedded:ident),+ $(,)?) => {
        mod local_host {
            $(#[tokio::test] async fn $case() { super::$module::$case(&super::stage::Stage::local()).await; })+
            $(#[tokio::test] async fn $embedded() { super::$local::$embedded(&super::stage::Stage::local()).await; })+
        }

        mod github_host {
            $(#[tokio::test] async fn $case() {
                let Some(stage) = super::stage::Stage::github() else { return };
                super::$module::$case(&stage).await;
            })+
        }

        mod gitlab_host {
            $(#[tokio::test] async fn $case() { super::$module::$case(&super::stage::Stage::gitlab()).await; })+
        }

        mod gitea_host {
            $(#[tokio::test] async fn $case() {
                let Some(stage) = super::stage::Stage::gitea() else { return };
                super::$module::$case(&stage).await;
            })+
        }
    };
}

scenarios!(
    everywhere:
    flow::one_run_brings_a_release_to_dev_and_staging_and_proposes_it_to_prod,
    flow::a_second_run_writes_nothing,
    flow::a_merge_commit_is_recognised_and_applied,
    flow::a_squash_is_recognised_and_applied,
    flow::a_rebase_is_recognised_and_applied,
    flow::a_squashed_release_is_still_known_when_the_next_one_comes,
    flow::a_release_right_below_the_end_of_a_shallow_clone_is_recognised,
    flow::a_squashed_release_far_below_a_shallow_clone_is_recognised,
    flow::a_shallow_clone_proposes_what_a_whole_one_does;
    embedded:
    people::a_release_that_changes_nothing_for_prod_opens_no_pull_request,
    people::a_newer_release_updates_the_open_pull_request,
    people::a_release_that_brings_prod_the_same_leaves_the_open_pull_request,
    people::a_closed_pull_request_rejects_that_release_and_no_newer_one,
    people::a_release_that_came_back_is_proposed_again,
    people::an_edited_promotion_is_left_alone,
    people::a_hand_edit_of_an_environment_blocks_with_the_exact_paths,
    people::a_hand_edit_is_not_believed_while_its_unit_fails_to_render,
    people::a_unit_that_fails_to_render_holds_every_landing,
    people::a_gate_that_cannot_be_judged_holds_the_landing_and_says_so,
    people::a_removed_environment_closes_its_orphan_and_keeps_its_branch,
    people::an_environment_that_moves_to_another_branch_leaves_no_promotion_behind,
    people::a_configuration_that_is_only_proposed_has_no_effect,
);
