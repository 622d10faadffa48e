//! What every `Cluster` promises: the same cases on the memory cluster, always, and on the lab's real API server, when
//! there is one. The real server is the oracle: where the two differ, the memory cluster is wrong.

mod arena;
mod cases;

use arena::Arena;

/// Runs each case on each implementation, as a test of its own.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case(&super::Arena::memory().await).await;
            })+
        }

        mod real {
            $(#[tokio::test]
            async fn $case() {
                let Some(arena) = super::Arena::real().await else { return };
                super::cases::$case(&arena).await;
                arena.tear_down().await;
            })+
        }
    };
}

contract! {
    applying_twice_leaves_the_resource_version_alone,
    a_field_of_another_manager_conflicts_and_names_the_manager,
    an_edit_by_another_client_conflicts_too,
    two_managers_may_own_the_same_value,
    force_takes_the_field_over,
    a_field_dropped_by_its_manager_disappears,
    a_field_that_another_manager_still_applies_stays,
    list_items_merge_by_their_keys,
    a_repeated_list_key_is_a_rejection,
    a_dry_run_changes_nothing,
    a_dry_run_of_a_new_object_answers_it,
    deleting_with_a_wrong_uid_is_refused,
    deleting_what_is_gone_is_fine,
    deleting_waits_for_finalizers,
    an_object_in_a_missing_namespace_is_rejected_as_not_found,
    deleting_a_namespace_removes_its_content,
    a_custom_resource_needs_its_definition_first,
    an_unknown_kind_is_rejected_and_lists_nothing,
    immutable_fields_are_named_as_immutable,
    the_generation_counts_changes_of_the_desired_state,
    a_broken_object_is_invalid_with_its_fields,
    a_name_unlike_the_target_is_a_bad_request,
    replace_creates_once,
    replace_loses_a_race_with_a_conflict,
    a_watch_tells_the_state_then_the_changes,
    a_watch_with_labels_tells_who_leaves,
    label_selectors_select,
    a_key_that_leaves_string_data_is_removed,
    dependents_go_with_their_owner,
    discovery_knows_the_common_kinds,
    openapi_describes_custom_resources,
}

#[tokio::test]
async fn every_kind_of_the_memory_cluster_is_served_alike_by_the_real_one() {
    let Some(real) = Arena::real().await else { return };
    let served = real.cluster.discover().await.unwrap();
    for kind in Arena::memory().await.cluster.discover().await.unwrap().kinds {
        let found = served.preferred(&kind.type_key.group, &kind.type_key.kind).cloned();
        let found = found.map(|found| (found.type_key, found.plural, found.namespaced));
        assert_eq!(found, Some((kind.type_key, kind.plural, kind.namespaced)));
    }
    real.tear_down().await;
}
