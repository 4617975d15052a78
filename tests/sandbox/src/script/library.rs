//! The scenarios of this repository: the files below `tests/sandbox/scenarios`.

use std::sync::LazyLock;

use super::{Script, read};

/// Reads files of this repository, by their names.
macro_rules! scripts {
    ($($name:literal,)*) => {
        vec![$(of_ours(
            concat!($name, ".json"),
            include_str!(concat!("../../scenarios/", $name, ".json")),
        ),)*]
    };
}

/// Scenarios of rescues.
pub static CATALOGUE: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "bad-deployment",
        "rollback-refused",
        "rollback-loops-again",
        "failed-start",
        "stuck-updating",
        "stuck-starting",
        "system-rollback",
        "broker-outage",
        "common-cause",
        "pipeline-deploys-all",
        "bad-library",
        "permission-removed",
        "applied-a-third-time",
        "slow-loop",
        "slower-loop",
        "slowest-loop",
        "large-state",
        "flip-flop",
        "no-snapshot",
        "runtime-upgrade",
        "finished-batch",
        "maintenance",
        "operator-asks-rollback",
        "operator-asks-without-state",
        "no-progress",
        "enhanced-rollback",
        "enhanced-restore",
        "enhanced-switch-then-bad-deployment",
        "customer-key-usable",
        "customer-key-refused",
        "unknown-setting",
    ]
});

/// Scenarios about Flink itself, which the simulated clusters and real ones are both held against.
pub static FLINK: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "fails-in-open",
        "state-of-another-operator",
        "state-of-another-type",
        "slow-initialisation",
        "task-manager-killed",
    ]
});

/// Scenarios about the snapshots that a rescue needs: when one is taken, when it must not be, what is deleted and what never.
pub static SNAPSHOTS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "snapshots-fresh",
        "snapshots-stale",
        "snapshots-unhealthy-application",
        "snapshots-quota",
        "snapshots-stuck-creating",
        "snapshots-during-rescue",
        "snapshots-fleet",
        "snapshots-enhanced",
    ]
});

/// Scenarios of what the sweep notices, and of deployments that it has verified.
pub static SWEEPS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "deployment-good",
        "deployment-bad",
        "deployment-superseded",
        "deployment-raced-by-person",
        "deployment-raced-by-alarm",
        "deployment-by-terraform",
        "deployment-by-cloudformation",
        "deployment-slow-restore",
        "sweeper-dead",
        "rescue-left-unfinished",
        "job-failed",
        "alarm-handler-lost",
        "job-gave-up-at-once",
        "job-gone-where-nobody-opted-in",
        "observe-then-act",
        "tag-corrected",
        "lease-unavailable-then-back",
        "down-over-the-weekend",
        "down-and-silenced",
        "down-then-stopped-by-hand",
    ]
});

/// What people may type that is refused: plays beside the catalogue, for states that none of its scenarios enters.
pub static INPUTS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "inputs/input-without-application",
        "inputs/input-with-unknown-request",
        "inputs/input-with-unknown-application",
        "inputs/input-that-names-a-running-execution-dead",
        "inputs/input-of-a-dry-run",
        "inputs/input-to-snapshots-refused",
    ]
});

/// What goes wrong in the infrastructure, for as long as each state tries again: plays beside the catalogue, for states that only then are entered. First of rescues, then of snapshot checks.
pub static TROUBLES: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "troubles/trouble-with-the-lease",
        "troubles/trouble-with-the-ledger",
        "troubles/trouble-with-telling-others",
        "troubles/trouble-with-asking-others",
        "troubles/second-rescue-of-a-day-that-has-one",
        "troubles/left-by-an-execution-that-died",
        "troubles/left-by-another-release",
        "troubles/trouble-with-the-look",
        "troubles/nobody-looks",
        "troubles/nobody-looks-after-the-step",
        "troubles/nobody-decides",
        "troubles/decided-what-nobody-knows",
        "troubles/soaked-without-checkpoints",
        "troubles/trouble-with-telling",
        "troubles/trouble-with-announcing",
        "troubles/stopped-in-the-middle",
        "troubles/trouble-with-the-switch",
        "troubles/trouble-with-the-budget",
        "troubles/trouble-with-the-intent",
        "troubles/trouble-with-the-rollback",
        "troubles/trouble-with-every-step",
        "troubles/trouble-with-remembering",
        "troubles/nobody-hears",
        "troubles/tags-unread-after-the-force-stop",
        "troubles/rollback-throttled-for-minutes",
        "troubles/somebody-stores-while-it-is-down",
        "troubles/trouble-with-the-list",
        "troubles/trouble-with-the-check",
        "troubles/stopped-by-the-switch",
        "troubles/trouble-with-the-act",
        "troubles/trouble-with-the-book",
        "troubles/trouble-with-verifying-for-a-snapshot",
        "troubles/trouble-with-the-lease-before-a-snapshot",
        "troubles/snapshot-that-takes-long-and-one-that-fails",
        "troubles/snapshot-that-is-never-ready",
        "troubles/trouble-with-following",
        "troubles/trouble-with-telling-of-snapshots",
        "troubles/two-pages-with-facts-on-each",
        "troubles/trouble-on-the-second-page",
        "troubles/more-than-one-execution-lists",
        "troubles/trouble-with-going-on",
        "troubles/gone-on-without-an-answer",
    ]
});

/// Who is to blame, where to go back to, and what must never be left down: situations that a rescue gets wrong easily. First the verdict, then the way back.
pub static VERDICTS: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "verdicts/lost-machine-long-before-an-outage",
        "verdicts/lost-machine-long-before-an-outage-with-snapshots",
        "verdicts/soaked-then-an-outage",
        "verdicts/stopped-and-started-in-an-outage",
        "verdicts/fix-deployed-in-an-outage",
        "verdicts/properties-changed-in-an-outage",
        "verdicts/scaled-and-deployed-within-two-minutes",
        "verdicts/configured-and-deployed-within-two-minutes",
        "verdicts/bad-version-force-stopped-and-started",
        "verdicts/fails-twelve-minutes-after-each-start",
        "verdicts/exceptions-too-large-to-read",
        "verdicts/eight-regions-one-blip",
        "verdicts/machine-lost-with-four-regions",
        "verdicts/three-restarts-in-forty-seconds",
        "verdicts/jobmanager-lost-in-an-outage",
        "verdicts/jobmanager-crashes-for-ever",
        "verdicts/jobmanager-crashes-within-seconds",
        "verdicts/restart-delay-of-three-hours",
        "verdicts/lost-machine-then-another-fault",
        "verdicts/same-fault-after-the-rollback",
        "verdicts/no-checkpoint-and-no-record-since-the-deployment",
        "verdicts/late-checkpoints-while-records-flow",
        "verdicts/never-comes-up",
        "verdicts/scaled-by-the-service-within-the-soak",
        "verdicts/batch-stages-that-wait",
        "verdicts/checkpoint-every-half-hour",
        "verdicts/tags-throttled-before-a-rescue",
        "verdicts/operations-throttled-before-a-rescue",
        "verdicts/snapshots-throttled-before-a-rescue",
        "verdicts/versions-throttled-before-a-rescue",
        "verdicts/rescaled-by-somebody",
        "verdicts/scaled-then-memory-at-each-scale",
        "verdicts/stopped-and-scaled-then-started",
        "verdicts/rescaled-every-minute-after-a-deployment",
        "verdicts/rescaled-on-an-old-version",
        "verdicts/rescaled-then-a-blip",
        "verdicts/rescaled-with-a-lost-machine-between",
        "verdicts/asked-while-it-restarts",
        "verdicts/outage-after-a-change-of-scale",
        "verdicts/scaler-every-ten-minutes-then-an-outage",
        "verdicts/bad-fix-after-a-bad-version",
        "verdicts/bad-version-after-a-failed-update",
        "verdicts/wrong-results-with-newer-snapshots",
        "verdicts/scaling-begins-before-the-rollback",
        "verdicts/old-configuration-refused",
        "verdicts/snapshots-disabled-and-an-old-one",
        "verdicts/fix-stored-and-not-started",
        "verdicts/budget-taken-away-before-a-successor",
        "verdicts/open-fails-every-second",
        "verdicts/stopped-on-friday-started-on-monday",
        "verdicts/back-to-what-had-only-soaked",
        "verdicts/down-a-major-version-on-a-persons-word",
        "verdicts/down-on-purpose-in-observe",
        "verdicts/tags-throttled-for-thirty-seconds",
        "verdicts/every-change-throttled",
        "verdicts/jobmanager-lost-long-before-an-outage",
        "verdicts/soaked-seven-minutes-then-an-outage",
        "verdicts/rolled-back-on-a-word-given-ahead",
        "verdicts/maintained-scaled-and-started-in-an-outage",
        "verdicts/upgraded-in-an-outage",
        "verdicts/scaled-by-the-service-then-bad-code",
        "verdicts/bad-version-started-without-state",
        "verdicts/series-away-and-a-snapshot-tells",
        "verdicts/eight-regions-two-blips",
        "verdicts/enhanced-bad-fix-after-a-bad-version",
        "verdicts/snapshot-placed-as-the-rollback-is-sent",
        "verdicts/maintained-within-the-soak-then-an-outage",
        "verdicts/three-bad-versions-in-a-row",
        "verdicts/snapshots-unread-after-the-force-stop",
        "verdicts/stop-switch-while-it-is-down",
        "verdicts/snapshot-deleted-while-it-is-down",
        "verdicts/configured-and-scaled-while-it-was-stopped",
        "verdicts/bad-version-after-a-fix-after-a-rescue",
        "verdicts/old-code-deployed-again-then-an-outage",
        "verdicts/bad-version-beside-an-outage",
    ]
});

/// Executions that die: a test puts every state in.
pub static DYING: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "dying/rescue-that-dies",
        "dying/restore-that-dies",
        "dying/asked-restore-that-dies",
        "dying/looks-that-die",
        "dying/rescue-whose-end-nobody-hears",
        "dying/restore-whose-end-nobody-hears",
        "dying/asked-stop-whose-end-nobody-hears",
        "dying/rescue-that-a-person-took-over",
    ]
});

/// What the documentation shows.
pub static EXAMPLES: LazyLock<Vec<Script>> = LazyLock::new(|| {
    scripts![
        "examples/orders-twice-a-day",
        "examples/deployed-through-a-stack",
    ]
});

fn of_ours(name: &str, text: &str) -> Script {
    read(name, text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The scenario of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Script> {
    CATALOGUE
        .iter()
        .chain(FLINK.iter())
        .chain(SNAPSHOTS.iter())
        .chain(SWEEPS.iter())
        .find(|scenario| scenario.name == name)
}

/// The scenario or the play beside the catalogue of that name.
#[must_use]
pub fn play_by_name(name: &str) -> Option<&'static Script> {
    by_name(name).or_else(|| {
        INPUTS
            .iter()
            .chain(TROUBLES.iter())
            .chain(VERDICTS.iter())
            .chain(DYING.iter())
            .find(|play| play.name == name)
    })
}
