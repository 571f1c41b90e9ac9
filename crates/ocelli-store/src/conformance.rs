//! What every store must do, as functions that a store's own tests call.
//!
//! A store's tests name a function that makes a fresh, empty store, and get one test for each rule:
//!
//! ```
//! mod memory {
//!     use std::sync::Arc;
//!     use ocelli_store::{MemoryStore, StoreOptions, conformance::Fresh};
//!
//!     fn fresh(options: StoreOptions) -> Fresh {
//!         Fresh { store: Arc::new(MemoryStore::new(options)), keep: Box::new(()) }
//!     }
//!
//!     ocelli_store::conformance_tests!(fresh);
//! }
//! ```

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

use std::any::Any;
use std::sync::Arc;

use crate::{Store, StoreOptions};

pub mod accounts;
pub mod audit;
pub mod checkpoints;
pub mod control;
pub mod erasures;
pub mod exports;
pub mod holds;
pub mod images;
pub mod items;
pub mod iterations;
pub mod labels;
pub mod laws;
pub mod operations;
pub mod predictions;
pub mod projects;
pub mod reapplying;
pub mod retention;
pub mod scene;
pub mod tests;

/// An empty store and whatever must outlive it, such as its temporary directory.
pub struct Fresh {
    /// The store, as applications hold it.
    pub store: Arc<dyn Store>,
    /// Dropped after the store.
    pub keep: Box<dyn Any>,
}

/// Makes an empty store with these options; it goes by their clock.
pub type Make = fn(StoreOptions) -> Fresh;

/// One test for each rule of [`conformance`](crate::conformance), on the stores that a function makes.
#[macro_export]
macro_rules! conformance_tests {
    ($make:path) => {
        $crate::conformance_tests! { $make =>
            projects: a_project_comes_back_as_it_was_made,
            projects: projects_are_listed_by_age_and_state,
            projects: an_update_changes_what_it_names,
            projects: a_domain_changes_within_its_type_only,
            projects: a_deleted_project_is_gone_for_every_question,
            projects: a_deleted_project_takes_no_change_but_restoring_and_erasing,
            projects: a_deleted_project_comes_back_for_thirty_days,
            projects: a_project_with_a_published_iteration_stays,
            projects: the_number_of_projects_is_limited,
            projects: training_is_locked_once_at_a_time,
            projects: projects_do_not_see_each_other,
            labels: tags_keep_their_order_and_are_counted,
            labels: tag_names_are_unique,
            labels: there_is_one_negative_tag,
            labels: the_number_of_tags_is_limited,
            labels: a_negative_tag_stands_alone,
            labels: a_tag_turns_negative_only_where_it_stands_alone,
            labels: deleting_a_tag_takes_it_from_photos_and_regions,
            labels: tagging_reports_created_duplicated_and_exceeded,
            labels: tagging_does_all_or_nothing,
            labels: untagging_passes_over_what_is_not_there,
            labels: regions_are_drawn_and_taken_away,
            labels: regions_are_drawn_all_or_none,
            labels: regions_are_limited_per_photo_and_batch,
            images: a_photo_comes_back_as_it_was_added,
            images: all_photos_with_tags_are_listed_with_them,
            images: the_same_bytes_are_one_photo,
            images: the_same_bytes_within_a_batch_are_one_photo,
            images: a_bad_photo_does_not_lose_the_others,
            images: each_refusal_has_its_status,
            images: a_batch_that_is_too_large_is_refused,
            images: photos_are_paged_in_order,
            images: photos_are_filtered_by_tag_and_tagging,
            images: photos_are_filtered_by_metadata,
            images: photos_are_found_by_id_in_the_order_asked,
            images: questions_are_limited,
            images: deleting_erases_bytes_and_features,
            images: deleting_is_all_or_nothing,
            images: metadata_is_replaced,
            images: features_are_kept_by_photo_and_key,
            images: a_calibration_is_kept_until_another_comes,
            iterations: an_iteration_begins_and_completes,
            iterations: an_iteration_fails_with_its_reason,
            iterations: what_lost_its_process_is_interrupted,
            iterations: default_names_count_on,
            iterations: names_are_unique,
            iterations: the_number_of_iterations_is_limited,
            iterations: only_what_is_in_training_ends,
            iterations: only_a_completed_iteration_has_a_model,
            iterations: publishing_gives_one_name_to_one_iteration,
            iterations: a_name_passes_on_when_overwriting,
            iterations: a_name_is_published_in_a_precision,
            iterations: unpublishing_ends_it,
            iterations: deleting_spares_what_is_published_or_in_training,
            tests: a_test_comes_back_beside_what_was_held_out,
            tests: an_erased_photo_leaves_the_test_and_was_not_trained_on,
            tests: a_photo_that_goes_before_the_training_ends_leaves_the_test,
            tests: a_due_photo_leaves_the_test,
            tests: a_test_that_names_an_erased_tag_is_refused,
            checkpoints: a_checkpoint_is_replaced_by_the_next,
            checkpoints: a_checkpoint_belongs_to_a_training_under_way,
            checkpoints: a_checkpoint_goes_when_its_training_ends,
            checkpoints: an_interrupted_training_goes_on_from_its_checkpoint,
            checkpoints: a_training_goes_on_that_nobody_has_called_interrupted,
            checkpoints: nothing_goes_on_without_a_checkpoint,
            checkpoints: a_checkpoint_goes_with_its_iteration,
            checkpoints: a_checkpoint_goes_with_a_photo_or_a_tag,
            checkpoints: what_learned_from_something_erased_is_not_kept,
            checkpoints: a_checkpoint_is_unseen_with_a_due_photo_or_iteration,
            checkpoints: a_hold_keeps_no_checkpoint,
            checkpoints: a_checkpoint_of_the_bytes_of_a_photo_leaves_the_photo,
            predictions: a_kept_prediction_comes_back,
            predictions: figures_that_are_not_finite_are_refused,
            predictions: an_expired_prediction_is_invisible,
            predictions: an_expired_prediction_is_erased_in_steps,
            predictions: predictions_are_paged_in_order,
            predictions: predictions_are_filtered,
            predictions: prediction_questions_are_limited,
            predictions: deleting_predictions_is_all_or_nothing,
            predictions: a_prediction_becomes_a_photo,
            predictions: a_prediction_of_a_known_photo_joins_it,
            predictions: a_prediction_that_joins_a_photo_brings_its_metadata,
            predictions: a_refused_prediction_stays,
            predictions: bytes_live_while_something_refers_to_them,
            exports: an_export_comes_back_as_it_was_kept,
            exports: exports_belong_to_a_completed_iteration,
            exports: names_of_files_and_ids_of_exports_are_unique,
            exports: an_export_is_erased,
            exports: exports_go_with_their_iteration,
            exports: bytes_live_while_a_photo_or_an_export_has_them,
            erasures: a_photo_leaves_performance_records,
            erasures: the_answer_tells_names_and_exports,
            erasures: iterations_are_kept_unpublished_or_deleted,
            erasures: a_training_under_way_is_listed_and_left,
            erasures: a_training_under_way_goes_where_that_was_chosen,
            erasures: a_training_may_be_using_a_photo_that_has_no_tag,
            erasures: a_training_on_an_erased_tag_does_not_complete,
            erasures: photos_that_a_model_was_calibrated_with_are_known,
            erasures: photos_erased_during_a_training_are_counted,
            erasures: a_calibration_goes_with_a_photo_it_looked_at,
            erasures: a_calibration_of_an_erased_photo_is_not_kept,
            erasures: features_of_an_erased_calibration_do_not_come_back,
            erasures: a_tag_leaves_kept_answers,
            erasures: an_erased_tag_is_not_kept_with_new_answers,
            erasures: a_tag_leaves_messages_of_failed_trainings,
            erasures: a_project_in_use_is_erased,
            erasures: a_deleted_project_is_erased,
            erasures: erasures_are_listed_in_order,
            erasures: metadata_that_was_empty_or_stays_is_not_erased,
            erasures: a_refused_erasure_erases_and_records_nothing,
            reapplying: an_older_state_loses_what_was_erased,
            reapplying: an_older_state_loses_a_project,
            reapplying: an_older_state_loses_a_prediction_whose_photo_was_erased,
            reapplying: reapplying_is_done_once,
            reapplying: reapplying_does_with_iterations_as_chosen,
            reapplying: reapplying_passes_over_what_is_not_there,
            reapplying: what_is_held_keeps_nothing_else_from_going_again,
            erasures: nothing_is_pending_or_damaged,
            accounts: a_deleted_project_is_restored_until_its_policy_ends,
            accounts: a_deleted_project_may_not_be_kept_at_all,
            accounts: a_closed_account_hides_its_projects,
            accounts: closing_a_closed_account_changes_nothing,
            accounts: an_account_with_a_published_iteration_stays_open,
            accounts: a_closed_account_is_kept_for_ninety_days,
            accounts: an_account_policy_comes_back_as_it_was_set,
            retention: each_class_falls_due_by_its_own_rule,
            retention: a_due_photo_is_invisible_to_every_question,
            retention: a_due_photo_is_seen_through_no_iteration_and_no_calibration,
            retention: a_due_photo_is_refused_by_every_change,
            retention: a_training_completes_without_due_photos,
            retention: what_is_due_stands_in_nobodys_way,
            retention: a_due_iteration_is_not_there,
            retention: a_due_iteration_gives_its_published_name_up,
            retention: a_due_export_is_not_there,
            retention: a_kept_prediction_falls_due_in_parts,
            retention: a_prediction_whose_photo_is_due_is_not_trained_on,
            retention: expiry_is_told_by_the_policy_of_the_moment,
            retention: no_policy_brings_anything_back,
            retention: no_clock_brings_anything_back,
            retention: a_rule_may_name_the_moment,
            retention: what_is_not_kept_at_all_is_refused,
            retention: features_that_are_not_kept_are_passed_over,
            retention: features_fall_due_by_their_own_age,
            retention: a_prediction_is_kept_by_the_parts_that_may_be,
            retention: the_bytes_of_a_due_photo_come_again_as_a_new_photo,
            retention: the_bytes_of_a_due_held_photo_come_again_beside_it,
            retention: the_retention_of_a_deleted_project_runs_on,
            retention: a_policy_is_kept_with_its_latches,
            holds: a_held_photo_stays_as_it_is,
            holds: a_hold_on_a_photo_keeps_nothing_else,
            holds: a_held_prediction_stays_as_it_is,
            holds: a_held_project_stays_as_it_is,
            holds: a_held_project_may_be_deleted_and_stays,
            holds: a_hold_on_metadata_keeps_what_it_selects,
            holds: a_prediction_held_by_its_metadata_is_not_made_a_photo,
            holds: what_is_due_and_held_is_seen_by_its_hold_only,
            holds: what_a_hold_keeps_is_paged_in_order,
            holds: several_holds_are_all_named,
            holds: holds_are_listed_in_order,
            holds: a_hold_is_placed_on_what_is_there,
            holds: holds_go_with_their_project,
            operations: an_erasure_is_an_operation_of_its_own,
            operations: what_erases_nothing_begins_no_operation,
            operations: erasures_of_one_thing_at_one_moment_are_told_apart,
            operations: the_end_of_a_used_prediction_is_known,
            operations: an_erasure_in_steps_adds_up,
            operations: each_step_looks_again,
            operations: a_prediction_is_erased_in_parts,
            operations: due_features_go_without_those_that_are_not,
            operations: what_is_deleted_is_erased_in_steps,
            operations: what_is_abandoned_is_not_what_was_asked_for,
            operations: a_step_tells_of_iterations,
            operations: a_step_is_limited,
            operations: an_erasure_completes,
            operations: an_erasure_is_complete_no_sooner_than_it_begins,
            operations: a_receipt_is_kept_once,
            operations: an_unknown_operation_is_refused,
            audit: the_audit_log_is_a_chain,
            audit: entries_have_the_time_of_the_store,
            audit: changes_of_photos_and_tags_leave_their_entries,
            audit: changes_of_iterations_and_predictions_leave_their_entries,
            audit: changes_of_what_is_kept_leave_their_entries,
            audit: what_a_change_does_to_other_iterations_leaves_its_entries,
            audit: what_is_refused_in_steps_leaves_one_entry,
            audit: what_changes_nothing_leaves_no_entry,
            audit: failed_changes_leave_no_entry,
            audit: the_audit_log_holds_no_content,
            audit: due_entries_are_replaced_by_a_checkpoint,
            audit: entries_that_were_due_stay_so,
            items: items_tell_what_there_is,
            items: items_are_paged_in_order,
            items: items_are_there_due_or_not,
            items: a_single_item_is_asked_for,
            items: items_are_selected_by_their_metadata,
            items: features_are_items_by_the_moment,
            items: projects_are_items_once_they_are_deleted,
            items: questions_about_nothing_are_refused,
            items: a_commitment_is_to_the_photo,
            items: iterations_that_were_trained_on_photos_are_found,
            laws: held_is_never_erased_and_due_never_comes_back,
        }
    };
    ($make:path => $($subject:ident: $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::$subject::$name($make);
            }
        )*
    };
}
