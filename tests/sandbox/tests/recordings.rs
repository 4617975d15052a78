//! Every recording of a real cluster against what was really done to it. What is assessed wrongly today is marked, with its case; a mark that is no longer
//! needed fails too, so that it goes when the assessment is mended.

use std::{collections::BTreeSet, fs, path::Path};

use sandbox::assess::{CAPTURE_SOAK_SECS, Moment, assess};

/// What is true of a recording. A single look may know less, never the opposite.
#[derive(Clone, Copy, Debug)]
enum Truth {
    /// It comes up, and stays up.
    Healthy,
    /// It comes up, or is on its way, until its work is done.
    Finishes,
    /// Somebody ends it; it may run before, and be started again.
    Stopped,
    /// No job runs: the submission failed.
    NoJob,
    /// It fails again and again: from the first restart on it is never healthy.
    Loops,
    /// The same, recorded for some seconds: one incident as far as the recording goes.
    LoopsForSeconds,
    /// One incident: never a loop, and healthy in the end.
    OneIncident,
    /// Flink gave up after so many restarts.
    Fails { restarts: u64 },
    /// Healthy, then without checkpoints, then healthy.
    StopsCheckpointing,
}

impl Truth {
    /// What speaks against it in these moments.
    fn against(self, moments: &[Moment]) -> Vec<String> {
        let mut found = Vec::new();
        let mut not = |one: &Moment, why: &str| {
            found.push(format!("{} is {}: {why}", one.moment, one.assessment));
        };
        let allowed: &[&str] = match self {
            Self::Healthy | Self::OneIncident | Self::StopsCheckpointing => {
                &["settling", "healthy"]
            }
            Self::Finishes => &["settling", "healthy", "finished"],
            Self::Stopped => &["settling", "healthy", "stopped"],
            Self::NoJob => &["failed", "unknown"],
            Self::Loops => &["settling", "healthy", "looping"],
            Self::LoopsForSeconds => &["settling", "healthy"],
            Self::Fails { .. } => &["settling", "looping", "failed"],
        };
        for one in moments {
            if !allowed.contains(&one.assessment) {
                not(one, "that is not what happened");
            }
        }
        let last = moments.last().expect("a recording has moments");
        let end = match self {
            Self::Healthy | Self::OneIncident | Self::StopsCheckpointing => "healthy",
            Self::Finishes => "finished",
            Self::Stopped => "stopped",
            Self::Loops => "looping",
            Self::LoopsForSeconds => "settling",
            Self::NoJob | Self::Fails { .. } => "failed",
        };
        // The soak that fits a recording may be longer than the recording: what is still settling is not wrong.
        let may_settle = matches!(self, Self::Healthy | Self::OneIncident | Self::Stopped);
        if last.assessment != end && !(may_settle && last.assessment == "settling") {
            not(last, &format!("it should end {end}"));
        }
        match self {
            Self::Loops | Self::LoopsForSeconds => {
                let from = moments.iter().position(|one| one.restarts > 0);
                for one in moments.iter().skip(from.unwrap_or(0)) {
                    if one.assessment == "healthy" {
                        not(one, "healthy after a restart of a loop");
                    }
                }
            }
            Self::Stopped if moments.iter().all(|one| one.assessment != "stopped") => {
                not(last, "nobody saw that it was stopped");
            }
            Self::Fails { restarts } if last.restarts != restarts => {
                not(last, &format!("{} restarts, not {restarts}", last.restarts));
            }
            Self::StopsCheckpointing if moments.iter().all(|one| one.assessment == "healthy") => {
                not(last, "half a minute without a checkpoint went unseen");
            }
            _ => {}
        }
        found
    }
}

/// A recording: what is true of it, a piece of the cause that people must read, and the case for which it is assessed wrongly today.
type Row = (
    &'static str,
    Truth,
    Option<&'static str>,
    Option<&'static str>,
);

const RECORDINGS: &[Row] = &[
    ("1.18/region-blip", Truth::OneIncident, None, None),
    ("1.20/batch", Truth::Healthy, None, None),
    ("1.20/bounded-job", Truth::Finishes, None, None),
    ("1.20/cancelled", Truth::Stopped, None, None),
    ("1.20/healthy", Truth::Healthy, None, None),
    (
        "1.20/loop-in-open",
        Truth::LoopsForSeconds,
        Some("Connection refused"),
        None,
    ),
    (
        "1.20/loop-while-processing",
        Truth::LoopsForSeconds,
        Some("cannot parse 'abc' as INT"),
        None,
    ),
    ("1.20/not-submittable", Truth::NoJob, None, None),
    (
        "1.20/region-blip-exponential",
        Truth::OneIncident,
        None,
        None,
    ),
    // Two jobs: one that used its two restarts up, then one that has none.
    (
        "1.20/restarts-exhausted",
        Truth::Fails { restarts: 0 },
        Some("cannot parse 'abc' as INT"),
        Some("the exception that ended it is counted as a restart"),
    ),
    ("1.20/savepoint-and-restore", Truth::Stopped, None, None),
    ("1.20/slow-initialisation", Truth::Healthy, None, None),
    ("2.2/healthy", Truth::Healthy, None, None),
    (
        "2.2/loop-while-processing",
        Truth::LoopsForSeconds,
        Some("cannot parse 'abc' as INT"),
        None,
    ),
    (
        "2.2/region-blip-fixed-delay",
        Truth::OneIncident,
        None,
        None,
    ),
    (
        "2.2/taskmanager-killed-spare-slots",
        Truth::OneIncident,
        Some("is no longer reachable"),
        None,
    ),
    (
        "2.3/adaptive-waits-for-resources",
        Truth::OneIncident,
        Some("is no longer reachable"),
        None,
    ),
    ("2.3/batch-two-stages", Truth::Finishes, None, None),
    ("2.3/bounded-finishes", Truth::Finishes, None, None),
    (
        "2.3/checkpoint-directory-lost",
        Truth::LoopsForSeconds,
        Some("Exceeded checkpoint tolerable failure threshold"),
        None,
    ),
    (
        "2.3/checkpoints-failing",
        Truth::StopsCheckpointing,
        None,
        None,
    ),
    (
        "2.3/failed-attempts-exhausted",
        Truth::Fails { restarts: 2 },
        Some("cannot parse 'abc' as INT"),
        Some("the exception that ended it is counted as a restart"),
    ),
    (
        "2.3/failed-no-restart",
        Truth::Fails { restarts: 0 },
        Some("cannot parse 'abc' as INT"),
        Some("the exception that ended it is counted as a restart"),
    ),
    ("2.3/healthy", Truth::Healthy, None, None),
    (
        "2.3/jobmanager-crash-loop",
        Truth::Loops,
        None,
        Some("cB15, cB27"),
    ),
    ("2.3/jobmanager-failover", Truth::OneIncident, None, None),
    (
        "2.3/loop-at-once",
        Truth::LoopsForSeconds,
        Some("cannot parse 'abc' as INT"),
        None,
    ),
    (
        "2.3/loop-default-strategy",
        Truth::Loops,
        Some("cannot parse 'abc' as INT"),
        None,
    ),
    (
        "2.3/loop-in-open",
        Truth::LoopsForSeconds,
        Some("Connection refused"),
        None,
    ),
    (
        "2.3/loop-while-processing",
        Truth::LoopsForSeconds,
        Some("cannot parse 'abc' as INT"),
        None,
    ),
    ("2.3/one-source-finished", Truth::Healthy, None, None),
    (
        "2.3/region-blip-default-strategy",
        Truth::OneIncident,
        None,
        None,
    ),
    (
        "2.3/region-blip-fixed-delay",
        Truth::OneIncident,
        None,
        None,
    ),
    (
        "2.3/region-loops-one-of-eight-fixed-delay",
        Truth::Loops,
        Some("poison record 25000"),
        None,
    ),
    ("2.3/rescale-adaptive", Truth::OneIncident, None, None),
    ("2.3/restore-large-state", Truth::Healthy, None, None),
    (
        "2.3/restore-unaligned-during-recovery",
        Truth::OneIncident,
        None,
        None,
    ),
    ("2.3/savepoint-and-restore", Truth::Stopped, None, None),
    ("2.3/slow-initialisation", Truth::Healthy, None, None),
    (
        "2.3/snapshot-throws",
        Truth::LoopsForSeconds,
        Some("java.io.IOException: Access Denied"),
        None,
    ),
    (
        "2.3/state-other-operator",
        Truth::Fails { restarts: 0 },
        Some("Cannot map checkpoint/savepoint state for operator"),
        Some("the exception that ended it is counted as a restart"),
    ),
    (
        "2.3/state-other-type",
        Truth::LoopsForSeconds,
        Some("StateMigrationException"),
        None,
    ),
    (
        "2.3/taskmanager-killed-spare-slots",
        Truth::OneIncident,
        Some("is no longer reachable"),
        None,
    ),
];

fn assessed(name: &str) -> Vec<Moment> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/managed-flink/tests/recordings")
        .join(name);
    assess(&folder, CAPTURE_SOAK_SECS).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_recording_is_assessed_as_what_it_was_or_is_marked_as_wrong() {
    let mut wrong = Vec::new();
    for (name, truth, _, known) in RECORDINGS {
        let found = truth.against(&assessed(name));
        match known {
            None if !found.is_empty() => wrong.push(format!("{name} ({truth:?}): {found:?}")),
            Some(case) if found.is_empty() => {
                wrong.push(format!("{name} is right now: take the mark {case:?} away"))
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn people_read_the_cause_and_not_only_its_wrapper() {
    for (name, _, cause, _) in RECORDINGS {
        let Some(cause) = cause else { continue };
        let fault = assessed(name)
            .pop()
            .and_then(|one| one.first_fault)
            .unwrap_or_else(|| panic!("{name}: no fault"));
        assert!(
            fault.message.contains(cause),
            "{name}: {cause:?} is not in {:?}",
            fault.message
        );
    }
}

#[test]
fn the_table_has_every_recording() {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/managed-flink/tests/recordings");
    let mut there = BTreeSet::new();
    for version in fs::read_dir(&root).expect("recordings") {
        let version = version.expect("a version");
        for situation in fs::read_dir(version.path()).expect("situations") {
            let situation = situation.expect("a situation");
            there.insert(format!(
                "{}/{}",
                version.file_name().display(),
                situation.file_name().display()
            ));
        }
    }
    let listed: BTreeSet<String> = RECORDINGS
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert_eq!(listed, there);
    assert_eq!(listed.len(), RECORDINGS.len());
}
