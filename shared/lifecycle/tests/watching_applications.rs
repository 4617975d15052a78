//! Looks at an application become a verdict: its status, its operations, and what could not be read.

mod support;

use lifecycle::{Assessment, Part, Watch};
use support::*;

const SOAK: u32 = 303;

#[test]
fn a_running_application_is_judged_by_its_job() {
    let case = an_application("orders").made(minutes(20));
    assert_eq!(case.clone().healthy_for(600).assess().word(), "healthy");
    assert_eq!(
        case.clone()
            .status("ROLLED_BACK")
            .healthy_for(600)
            .assess()
            .word(),
        "healthy"
    );
    assert_eq!(case.clone().looping_every(10).assess().word(), "looping");
    says(&case.clone().assess().reason(), &["Flink knows no job yet"]);
    let blind = case.unreadable(Part::Job, "403").assess();
    assert_eq!(blind.word(), "unknown");
    says(&blind.reason(), &["403"]);
}

#[test]
fn blind_looks_are_counted_in_a_row() {
    let blind = an_application("orders").unreadable(Part::Job, "timed out");
    let mut watch = Watch::default();
    for count in 1..=3 {
        watch = watch.after(&blind.seen, SOAK).0;
        assert_eq!((watch.blind_looks, watch.looks), (count, count));
    }
    watch = watch
        .after(&an_application("orders").healthy_for(600).seen, SOAK)
        .0;
    assert_eq!((watch.blind_looks, watch.looks), (0, 4));
}

#[test]
fn a_busy_application_is_busy_since_its_operation_began_or_the_first_look_that_showed_it() {
    let busy = |age: i64| {
        let mut case = an_application("orders").status("UPDATING");
        case.seen.at = ago(age);
        case
    };
    let since = |watch: &Watch, case: &Case| match watch.after(&case.seen, SOAK).1 {
        Assessment::Busy { since, .. } => since,
        other => panic!("{other:?}"),
    };
    let first = Watch::default().after(&busy(500).seen, SOAK).0;
    assert_eq!(since(&first, &busy(0)), ago(500), "no operation is listed");
    let named = busy(0).operation("UpdateApplication", "IN_PROGRESS", 900, None);
    assert_eq!(
        since(&first, &named),
        ago(900),
        "it began before the first look"
    );
    let second = busy(0)
        .operation("UpdateApplication", "IN_PROGRESS", 20, None)
        .operation("UpdateApplication", "SUCCESSFUL", 600, Some(100));
    assert_eq!(
        since(&first, &second),
        ago(20),
        "another operation with the same status has its own time-out"
    );
    let other = Watch::default()
        .after(&an_application("orders").status("STARTING").seen, SOAK)
        .0;
    assert_eq!(
        since(&other, &busy(30)),
        ago(30),
        "another status, another since"
    );
}

#[test]
fn every_status_that_says_somebody_is_at_work_is_busy() {
    for status in [
        "STARTING",
        "STOPPING",
        "UPDATING",
        "AUTOSCALING",
        "FORCE_STOPPING",
        "ROLLING_BACK",
        "MAINTENANCE",
        "DELETING",
        "SOMETHING_NEW",
    ] {
        let case = an_application("orders").status(status).healthy_for(600);
        assert_eq!(case.assess().word(), "busy", "{status}");
        assert!(case.seen.application.status.is_busy());
    }
    for status in ["READY", "RUNNING", "ROLLED_BACK"] {
        assert!(
            !an_application("orders")
                .status(status)
                .seen
                .application
                .status
                .is_busy()
        );
    }
}

#[test]
fn ready_has_the_meaning_that_its_operations_give_it() {
    /// Operations newest first (name, status), the word, a part of the reason.
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: &[Row<'_>] = &[
        (&[], "stopped", "never started"),
        (&[("StartApplication", "SUCCESSFUL")], "finished", "done"),
        (
            &[("StartApplication", "FAILED")],
            "failed",
            "StartApplication failed: it did not work",
        ),
        (&[("StartApplication", "CANCELLED")], "unknown", "CANCELLED"),
        (
            &[("StartApplication", "IN_PROGRESS")],
            "unknown",
            "IN_PROGRESS",
        ),
        (
            &[
                ("StopApplication", "SUCCESSFUL"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by StopApplication",
        ),
        (
            &[
                ("StopApplication", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by StopApplication",
        ),
        (
            &[
                ("StopApplication", "IN_PROGRESS"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "unknown",
            "IN_PROGRESS",
        ),
        (
            &[
                ("UpdateApplication", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "failed",
            "UpdateApplication failed",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "finished",
            "done",
        ),
        // The update only stored a configuration: the stop before it tells.
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("StopApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by",
        ),
        (
            &[
                ("UpdateApplication", "FAILED"),
                ("StopApplication", "SUCCESSFUL"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("UpdateApplication", "FAILED"),
                ("StopApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("StartApplication", "FAILED"),
            ],
            "stopped",
            "nobody has started it",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("RollbackApplication", "FAILED"),
            ],
            "stopped",
            "nobody has started it",
        ),
        // The fix was stored after what brought it down, and nothing has run it.
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("UpdateApplication", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "UpdateApplication failed",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("UpdateApplication", "SUCCESSFUL"),
                ("UpdateApplication", "FAILED"),
            ],
            "stopped",
            "nobody has started it",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("AutoScaling", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "AutoScaling failed",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("AutoScaling", "FAILED"),
                ("StopApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by",
        ),
        (
            &[
                ("UpdateApplication", "SUCCESSFUL"),
                ("StartApplication", "SUCCESSFUL"),
                ("UpdateApplication", "FAILED"),
            ],
            "finished",
            "done",
        ),
        (
            &[
                ("StartApplication", "FAILED"),
                ("UpdateApplication", "SUCCESSFUL"),
                ("StopApplication", "SUCCESSFUL"),
            ],
            "failed",
            "StartApplication failed",
        ),
        (&[("UpdateApplication", "SUCCESSFUL")], "finished", "done"),
        (
            &[
                ("UpdateApplication", "CANCELLED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "unknown",
            "CANCELLED",
        ),
        (
            &[
                ("RollbackApplication", "SUCCESSFUL"),
                ("UpdateApplication", "SUCCESSFUL"),
            ],
            "finished",
            "done",
        ),
        (
            &[
                ("RollbackApplication", "FAILED"),
                ("UpdateApplication", "SUCCESSFUL"),
            ],
            "failed",
            "RollbackApplication failed",
        ),
        // Maintenance and scaling restart a job; they neither start nor stop an application, but they may break it.
        (
            &[
                ("ApplicationMaintenance", "SUCCESSFUL"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "finished",
            "done",
        ),
        (
            &[
                ("ApplicationMaintenance", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "failed",
            "ApplicationMaintenance failed",
        ),
        (
            &[
                ("AutoScaling", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "failed",
            "AutoScaling failed",
        ),
        (
            &[
                ("StopApplication", "SUCCESSFUL"),
                ("Maintenance", "FAILED"),
                ("StartApplication", "SUCCESSFUL"),
            ],
            "stopped",
            "stopped by",
        ),
        (
            &[("TagResource", "FAILED"), ("StopApplication", "SUCCESSFUL")],
            "stopped",
            "stopped by",
        ),
    ];
    for (operations, expected, reason) in rows {
        let newest_first = operations
            .iter()
            .zip(1..)
            .map(|((name, status), age)| an_operation(name, status, age * 600, Some(60)))
            .collect();
        let verdict = an_application("orders")
            .ready()
            .operations(newest_first)
            .assess();
        assert_eq!(
            verdict.word(),
            *expected,
            "{operations:?}: {}",
            verdict.reason()
        );
        says(&verdict.reason(), &[reason]);
    }
}

#[test]
fn a_maintenance_that_failed_brought_down_only_what_was_started_before_it() {
    for (began, word) in [(599, "failed"), (600, "finished"), (601, "finished")] {
        let started = an_application("orders").ready().operation(
            "StartApplication",
            "SUCCESSFUL",
            600,
            Some(60),
        );
        assert_eq!(
            started
                .operation("ApplicationMaintenance", "FAILED", began, Some(60))
                .assess()
                .word(),
            word,
            "{began} s ago"
        );
    }
}

#[test]
fn ready_with_unreadable_operations_cannot_be_told() {
    let case = an_application("orders")
        .ready()
        .operation("StartApplication", "FAILED", 60, Some(30))
        .unreadable(Part::Operations, "throttled");
    assert_eq!(case.assess().word(), "unknown");
}

#[test]
fn ready_ends_the_run_that_was_watched() {
    let running = an_application("orders").healthy_for(600);
    let case = an_application("orders").ready().looked_at(&running, 60);
    assert!(case.before.job.is_some() && case.look().0.job.is_none());
}

#[test]
fn a_failed_operation_without_a_text_says_so() {
    let mut case =
        an_application("orders")
            .ready()
            .operation("StartApplication", "FAILED", 60, Some(30));
    case.seen.operations[0].failure = None;
    says(&case.assess().reason(), &["the service gives no text"]);
}

#[test]
fn every_verdict_has_a_word_and_a_reason() {
    let since = now();
    for (verdict, word, reason) in [
        (
            Assessment::Healthy { since },
            "healthy",
            "undisturbed since",
        ),
        (
            Assessment::Settling {
                why: "coming up".into(),
            },
            "settling",
            "coming up",
        ),
        (
            Assessment::NoProgress { since, failed: 3 },
            "settling",
            "(3 failed)",
        ),
        (
            Assessment::Looping {
                since,
                restarts: 4,
                incidents: 4,
                first_fault: None,
            },
            "looping",
            "no exception recorded",
        ),
        (
            Assessment::Looping {
                since,
                restarts: 4,
                incidents: 4,
                first_fault: Some(a_fault(since)),
            },
            "looping",
            "4 restart(s): java.lang.IllegalArgumentException",
        ),
        (
            Assessment::Failed {
                why: "no JAR".into(),
                first_fault: None,
            },
            "failed",
            "no JAR",
        ),
        (Assessment::Finished, "finished", "bounded and done"),
        (
            Assessment::Stopped {
                why: "by hand".into(),
            },
            "stopped",
            "by hand",
        ),
        (
            Assessment::Busy {
                status: "UPDATING".into(),
                since,
            },
            "busy",
            "UPDATING since",
        ),
        (Assessment::Unknown { why: "403".into() }, "unknown", "403"),
    ] {
        assert_eq!(verdict.word(), word);
        says(&verdict.reason(), &[reason]);
    }
}
