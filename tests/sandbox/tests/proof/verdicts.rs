//! Who is to blame, the way back, and never left down: each play of `scenarios/verdicts` ends as it should.

use sandbox::scenario::{self, VERDICTS};

use crate::support::{in_virtual_time, story};

/// A test for each play, named like its file; and the list of all that have one.
macro_rules! verdicts {
    ($($test:ident,)*) => {
        $(#[test]
        fn $test() {
            ends_as_it_should(&stringify!($test).replace('_', "-"));
        })*

        const TESTED: &[&str] = &[$(stringify!($test)),*];
    };
}

verdicts! {
    lost_machine_long_before_an_outage,
    lost_machine_long_before_an_outage_with_snapshots,
    soaked_then_an_outage,
    stopped_and_started_in_an_outage,
    fix_deployed_in_an_outage,
    properties_changed_in_an_outage,
    scaled_and_deployed_within_two_minutes,
    configured_and_deployed_within_two_minutes,
    bad_version_force_stopped_and_started,
    fails_twelve_minutes_after_each_start,
    exceptions_too_large_to_read,
    eight_regions_one_blip,
    machine_lost_with_four_regions,
    three_restarts_in_forty_seconds,
    jobmanager_lost_in_an_outage,
    jobmanager_crashes_for_ever,
    jobmanager_crashes_within_seconds,
    restart_delay_of_three_hours,
    lost_machine_then_another_fault,
    same_fault_after_the_rollback,
    no_checkpoint_and_no_record_since_the_deployment,
    late_checkpoints_while_records_flow,
    never_comes_up,
    scaled_by_the_service_within_the_soak,
    batch_stages_that_wait,
    checkpoint_every_half_hour,
    tags_throttled_before_a_rescue,
    operations_throttled_before_a_rescue,
    snapshots_throttled_before_a_rescue,
    versions_throttled_before_a_rescue,
    rescaled_by_somebody,
    scaled_then_memory_at_each_scale,
    stopped_and_scaled_then_started,
    rescaled_every_minute_after_a_deployment,
    rescaled_on_an_old_version,
    rescaled_then_a_blip,
    rescaled_with_a_lost_machine_between,
    asked_while_it_restarts,
    outage_after_a_change_of_scale,
    scaler_every_ten_minutes_then_an_outage,
    bad_fix_after_a_bad_version,
    bad_version_after_a_failed_update,
    wrong_results_with_newer_snapshots,
    scaling_begins_before_the_rollback,
    old_configuration_refused,
    snapshots_disabled_and_an_old_one,
    fix_stored_and_not_started,
    budget_taken_away_before_a_successor,
    open_fails_every_second,
    stopped_on_friday_started_on_monday,
    back_to_what_had_only_soaked,
    down_a_major_version_on_a_persons_word,
    down_on_purpose_in_observe,
    tags_throttled_for_thirty_seconds,
    every_change_throttled,
    jobmanager_lost_long_before_an_outage,
    soaked_seven_minutes_then_an_outage,
    rolled_back_on_a_word_given_ahead,
    maintained_scaled_and_started_in_an_outage,
    upgraded_in_an_outage,
    scaled_by_the_service_then_bad_code,
    bad_version_started_without_state,
    series_away_and_a_snapshot_tells,
    eight_regions_two_blips,
    enhanced_bad_fix_after_a_bad_version,
    snapshot_placed_as_the_rollback_is_sent,
    maintained_within_the_soak_then_an_outage,
    three_bad_versions_in_a_row,
    snapshots_unread_after_the_force_stop,
    stop_switch_while_it_is_down,
    snapshot_deleted_while_it_is_down,
    configured_and_scaled_while_it_was_stopped,
    bad_version_after_a_fix_after_a_rescue,
    old_code_deployed_again_then_an_outage,
    bad_version_beside_an_outage,
}

fn ends_as_it_should(name: &str) {
    let script = VERDICTS.iter().find(|script| script.name == name);
    let script = script.expect("its file is in the list");
    let played = in_virtual_time(scenario::play(script, 1)).expect("the template is right");
    let complaints = &played.rehearsal.complaints;
    assert!(
        complaints.is_empty(),
        "{complaints:#?}\n{}",
        story(&played.region)
    );
}

#[test]
fn each_play_has_its_test() {
    let plays: Vec<String> = VERDICTS
        .iter()
        .map(|it| it.name.replace('-', "_"))
        .collect();
    assert_eq!(plays, TESTED);
}
