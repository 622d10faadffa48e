//! What promotion promises, scenario by scenario: real clones, real pushes, on the embedded host always and on the lab's
//! real Gitea when there is one.

mod flow;
mod gitea;
mod stage;
mod witness;

/// Makes one test of every scenario for each host.
macro_rules! scenarios {
    ($($module:ident::$case:ident),+ $(,)?) => {
        mod local_host {
            $(#[tokio::test] async fn $case() { super::$module::$case(&super::stage::Stage::local()).await; })+
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
    flow::one_run_brings_a_release_to_dev_and_staging_and_proposes_it_to_prod,
    flow::a_second_run_writes_nothing,
    flow::a_merge_commit_is_recognised_and_applied,
    flow::a_squash_is_recognised_and_applied,
    flow::a_rebase_is_recognised_and_applied,
    flow::a_squashed_release_is_still_known_when_the_next_one_comes,
    flow::a_release_right_below_the_end_of_a_shallow_clone_is_recognised,
    flow::a_squashed_release_far_below_a_shallow_clone_is_recognised,
    flow::a_shallow_clone_proposes_what_a_whole_one_does,
);
