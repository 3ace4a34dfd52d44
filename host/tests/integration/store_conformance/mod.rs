//! What every store must do. The checks run on a real SQLite file and on a real PostgreSQL
//! server; a check that only one of them can pass is not in here.

pub(crate) mod accounts;
pub(crate) mod approvals;
pub(crate) mod assets;
pub(crate) mod audit;
pub(crate) mod bindings;
pub(crate) mod checkpoints;
pub(crate) mod conversations;
mod fixture;
pub(crate) mod forgetting;
pub(crate) mod items;
pub(crate) mod ledger;
pub(crate) mod plugin_state;
pub(crate) mod responses;
pub(crate) mod secrets;
pub(crate) mod tampering;

pub(crate) use fixture::{Fixture, assistant, incomplete, message, user};

/// Makes a test of each check, on the store that the given function opens.
macro_rules! conformance {
    ($open:path; $($module:ident: $($check:ident),+;)+) => {$(
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    $crate::store_conformance::$module::$check($open().await).await;
                }
            )+
        }
    )+};
    ($open:path) => {
        $crate::store_conformance::conformance! {
            $open;
            items: what_is_appended_is_read_back, a_head_moves_only_from_its_parent,
                two_branches_grow_at_once, one_branch_grows_in_one_order,
                a_thousand_items_are_read_at_once, items_are_append_only,
                an_unfinished_item_is_refused, what_is_too_large_is_refused;
            tampering: exchanged_content_is_named, an_altered_column_is_named,
                an_exchanged_hash_is_named, an_item_that_moved_is_named,
                an_exchanged_record_is_named, a_lost_item_is_named,
                another_master_key_says_what_to_do;
            forgetting: a_forgotten_item_leaves_its_link, an_erased_user_is_unreadable,
                a_deleted_conversation_is_gone, nothing_said_is_stored_in_clear;
            conversations: pages_follow_each_other, titles_are_changed_and_checked,
                nobody_sees_anothers, each_query_keeps_users_apart, an_edit_is_a_sibling;
            responses: a_response_goes_from_begin_to_end, a_killed_server_loses_a_second_at_most,
                an_item_takes_its_drafts_place, an_ended_response_stays_as_it_is, a_branch_takes_one_response_at_a_time,
                a_retried_request_finds_its_response, retries_at_once_begin_one_response,
                what_is_not_stored_leaves_nothing, another_servers_responses_are_left_alone;
            secrets: a_users_own_secret_comes_before_the_organisations,
                a_secret_is_sealed_and_its_changes_are_audited, what_cannot_be_a_secret_is_refused;
            bindings: a_binding_reaches_whom_it_names, a_binding_is_revoked_once,
                a_ceiling_has_versions_and_requests_are_closed;
            checkpoints: versions_of_a_name_count_up_and_are_found, a_deleted_checkpoint_takes_what_it_alone_held,
                a_checkpoint_is_its_owners_and_altered_ones_are_noticed, a_branch_is_switched_to;
            approvals: a_question_ends_once_and_is_its_owners,
                a_yes_for_a_conversation_is_bound_to_what_it_was_for,
                what_a_killed_server_asked_is_interrupted;
            assets: the_same_bytes_are_there_once_for_a_user, assets_go_with_what_holds_them,
                an_altered_file_is_noticed;
            plugin_state: a_space_is_one_plugins_and_one_users, a_quota_of_state_is_exact,
                comparing_and_setting_is_atomic, a_value_stays_with_its_name;
            ledger: reservations_never_go_over_the_limit, a_killed_server_gives_back_what_it_held,
                what_is_left_is_shared_out_exactly;
            audit: the_chain_is_whole_and_notices_changes, entries_at_once_get_places_of_their_own,
                what_is_acknowledged_outlasts_a_kill, one_bad_entry_keeps_no_other_back,
                closing_writes_what_waits_and_takes_no_more, the_audit_log_is_append_only, entries_are_found_by_what_they_say,
                the_first_break_of_each_chain_is_named,
                entries_cut_off_are_missed;
            accounts: the_first_start_makes_one_local_user, a_setup_link_works_once,
                sessions_slide_and_end, wrong_passwords_are_throttled, keys_work_until_revoked,
                a_key_keeps_its_policies,
                names_are_unique_whatever_their_case, migrations_run_once;
        }
    };
}
pub(crate) use conformance;
