//! Situations that the tests of a rescue begin with.

use super::*;

/// Version 7, made half an hour ago, failing every 10 s since; `before-change` was taken an hour ago.
pub fn a_bad_deployment() -> Case {
    an_application("orders")
        .version(7)
        .made(minutes(30))
        .running()
        .looping_every(secs(10))
        .with_snapshot("before-change", hours(1))
}

/// The update to version 7 failed and the application fell back to READY.
pub fn a_failed_update() -> Case {
    an_application("orders")
        .ready()
        .made_at(minutes(10))
        .operation("UpdateApplication", "FAILED", minutes(10), Some(90))
        .with_snapshot("before-change", hours(1))
}

/// UPDATING for that long.
pub fn a_stuck_update(age: i64) -> Case {
    an_application("orders")
        .status("UPDATING")
        .made_at(age)
        .operation("UpdateApplication", "IN_PROGRESS", age, None)
        .with_snapshot("before-change", age + 60)
}

/// The rescue of a bad deployment that still loops.
pub fn a_rescue() -> Case {
    a_bad_deployment().rescuing()
}

/// The rollback was accepted ten minutes ago and ended; version 8 loops as well.
pub fn after_a_rollback() -> Case {
    let mut case = an_application("orders")
        .made_at(minutes(10))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(10), Some(120))
        .job(a_looping_job(minutes(7), 10))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(
            Step::Rollback,
            minutes(10) + 1,
            accepted_as("RollbackApplication-600"),
        );
    case.seen.application.version_id = 8;
    case.seen.application.version_rolled_back_from = Some(7);
    case
}

/// The rollback was refused, the force-stop done.
pub fn after_a_force_stop() -> Case {
    an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", minutes(5), Some(30))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::Rollback, minutes(6), refused())
        .step(
            Step::ForceStop,
            minutes(5) + 1,
            accepted_as("StopApplication-300"),
        )
}
