//! The scenarios, and how each must end.

use std::time::Duration;

use serde_json::json;

use super::{APPLICATION, Ends, Scenario, Stage, World, hours, minutes};
use crate::{
    flink::{Behaviour, Code, Misfit, RestartStrategy},
    managed_flink::{ApiError, RollbackState, Stage as Step},
};

/// A rescue ends well within this, or something is wrong.
pub(super) const A_LONG_NIGHT: Duration = hours(5);

const ROLLBACK: &[&str] = &["RollbackApplication"];
const RESTORE: &[&str] = &["StopApplication", "UpdateApplication", "StartApplication"];
const NOTHING: &[&str] = &[];

/// Nothing was to be done.
pub(crate) const LEFT_ALONE: Ends = Ends {
    outcome: "leftAlone",
    changes: NOTHING,
    code: "orders-6.jar",
    status: "RUNNING",
    may_lose_records: false,
    because: "",
    snapshots: None,
    counts_changes: false,
};
/// A person is needed, nothing was touched.
pub(crate) const ESCALATED: Ends = Ends {
    outcome: "escalated",
    ..LEFT_ALONE
};
/// Rolled back.
pub(crate) const RECOVERED: Ends = Ends {
    outcome: "recovered",
    changes: ROLLBACK,
    ..LEFT_ALONE
};

/// All scenarios.
pub const CATALOGUE: &[Scenario] = &[
    Scenario {
        name: "bad-deployment",
        sentence: "A new version throws 5 s after each start; it is rolled back and nothing is lost.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", throwing(5)),
        script: |world| Box::pin(deploy_and_wait(world, "orders-7.jar")),
        ends: RECOVERED,
    },
    Scenario {
        name: "rollback-refused",
        sentence: "The service refuses the rollback; force-stop, the good configuration, the snapshot from before the change.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", throwing(5)),
        script: |world| {
            Box::pin(async move {
                let refusal = ApiError::new(
                    "InvalidRequestException",
                    "The application cannot be rolled back in its current state",
                );
                world
                    .region()
                    .flink()
                    .faults(APPLICATION, |faults| faults.refuse_rollback = Some(refusal));
                deploy_and_wait(world, "orders-7.jar").await;
            })
        },
        ends: Ends {
            changes: RESTORE,
            ..RECOVERED
        },
    },
    Scenario {
        name: "rollback-loops-again",
        sentence: "The service's rollback takes a snapshot that the bad version wrote, and loops; the older, right one is restored.",
        stage: || {
            let mut bad = throwing(45).with_state(2, 1);
            bad.misfit = Misfit::Loops;
            let mut stage = Stage::of(Code::healthy()).code("orders-7.jar", bad);
            stage.settings.quirks.rollback_state = RollbackState::Latest;
            stage
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("RUNNING", minutes(10)).await;
                world.pass(Duration::from_secs(8)).await;
                world.take_snapshot("taken-by-an-old-cron-job").await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        // The rollback had put the good configuration back already: nothing is left to update.
        ends: Ends {
            changes: &["RollbackApplication", "StopApplication", "StartApplication"],
            ..RECOVERED
        },
    },
    Scenario {
        name: "failed-start",
        sentence: "A broken JAR: the update fails and the application falls back to READY; the good version is started again.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", Code::that(bad_main())),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("READY", minutes(20)).await;
                world.pass(minutes(1)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            changes: &["UpdateApplication", "StartApplication"],
            ..RECOVERED
        },
    },
    Scenario {
        name: "stuck-updating",
        sentence: "An update never ends; after its time-out it is rolled back.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.region().flink().faults(APPLICATION, |faults| {
                    faults.stuck.insert(Step::Updating);
                });
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.pass(minutes(15)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: RECOVERED,
    },
    Scenario {
        name: "stuck-starting",
        sentence: "A start of a new version never ends; it is force-stopped and the good version started from its snapshot.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.stop().await;
                world.until_status("READY", minutes(10)).await;
                world.deploy("orders-7.jar").await;
                world.region().flink().faults(APPLICATION, |faults| {
                    faults.stuck.insert(Step::Starting);
                });
                world.pass(minutes(1)).await;
                world.start().await;
                world.pass(minutes(15)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            changes: RESTORE,
            ..RECOVERED
        },
    },
    Scenario {
        name: "system-rollback",
        sentence: "The service rolls a failed update back by itself; Lifeguard waits and changes nothing.",
        stage: || {
            let application = Stage::orders()
                .snapshot("scheduled-before", hours(6))
                .with_system_rollback();
            Stage::of(Code::healthy())
                .code("orders-7.jar", Code::that(bad_main()))
                .application(application)
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("ROLLING_BACK", minutes(20)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            because: "the service rolled version",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "broker-outage",
        sentence: "A broker is down for 20 minutes; people are told, nothing is changed, and it runs again by itself.",
        stage: || Stage::of(needing_broker()),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().set_dependency("broker", false);
                world.pass(minutes(20)).await;
                world.region().set_dependency("broker", true);
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            because: "runs again without a change",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "permission-removed",
        sentence: "Somebody took a permission away from a version that had been healthy; a person is asked, nothing is changed.",
        stage: || {
            let denied = "not authorized to perform kinesis:GetRecords on stream orders";
            Stage::of(Code::healthy().needing(
                "permission",
                "software.amazon.awssdk.services.kinesis.model.AccessDeniedException",
                denied,
            ))
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().set_dependency("permission", false);
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            because: "no change is to blame",
            ..ESCALATED
        },
    },
    Scenario {
        name: "slow-loop",
        sentence: "A new version dies 180 s after each start, with exponential back-off; it is found out and rolled back.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", throwing(180)),
        script: |world| Box::pin(deploy_and_wait(world, "orders-7.jar")),
        ends: RECOVERED,
    },
    Scenario {
        name: "large-state",
        sentence: "After the rollback the state takes 12 minutes to load; that is patience, not failure.",
        stage: || {
            let mut stage = Stage::of(Code::healthy().restoring_for(720))
                .code("orders-7.jar", throwing(5).restoring_for(5));
            stage.settings.timings = stage
                .settings
                .timings
                .with(Step::Snapshot, Duration::from_secs(150));
            stage
        },
        script: |world| Box::pin(deploy_and_wait(world, "orders-7.jar")),
        ends: RECOVERED,
    },
    Scenario {
        name: "flip-flop",
        sentence: "The bad version loops in step with the REST cache: every look shows all subtasks RUNNING. It is never called healthy.",
        stage: || {
            // Back within the cache's three seconds, or a look could fall into the gap.
            let mut bad = throwing(3)
                .restarting(RestartStrategy::every(1))
                .restoring_for(0);
            bad.running_whenever_looked = true;
            Stage::of(Code::healthy()).code("orders-7.jar", bad)
        },
        script: |world| Box::pin(deploy_and_wait(world, "orders-7.jar")),
        ends: RECOVERED,
    },
    Scenario {
        name: "no-snapshot",
        sentence: "The change is to blame, but there is no snapshot to go back to; a person is asked, nothing is touched.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", throwing(5)),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("RUNNING", minutes(10)).await;
                world.region().flink().delete_snapshots(APPLICATION);
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            code: "orders-7.jar",
            because: "there is no snapshot",
            ..ESCALATED
        },
    },
    Scenario {
        name: "runtime-upgrade",
        sentence: "An upgrade from Flink 1.20 to 2.2 fails; the 2.2 snapshot taken since is never restored under 1.20.",
        stage: || {
            let bad = throwing(45).with_state(2, 1);
            let mut stage = Stage::of(Code::healthy()).code("orders-7-flink2.jar", bad);
            stage.settings.quirks.rollback_state = RollbackState::Latest;
            stage
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy_on("orders-7-flink2.jar", "FLINK-2_2").await;
                world.until_status("RUNNING", minutes(10)).await;
                world.pass(Duration::from_secs(8)).await;
                world.take_snapshot("taken-under-2-2").await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            changes: RESTORE,
            ..RECOVERED
        },
    },
    Scenario {
        name: "finished-batch",
        sentence: "A bounded job is done and the application READY; started by hand, Lifeguard sees that this is right.",
        stage: || {
            let done = Code::that(Behaviour::Bounded { after: minutes(10) });
            let batch = Stage::orders()
                .snapshot("scheduled-before", hours(6))
                .not_running();
            Stage::of(done).application(batch)
        },
        script: |world| {
            Box::pin(async move {
                world.start().await;
                world.pass(minutes(1)).await;
                world.until_status("READY", hours(1)).await;
                world.pass(minutes(2)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            status: "READY",
            because: "bounded and done",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "maintenance",
        sentence: "The service patches the application: one restart, no alarm. Started by hand during the next one, Lifeguard waits and leaves it alone.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().flink().start_maintenance(APPLICATION);
                world.pass(minutes(40)).await;
                world.region().flink().start_maintenance(APPLICATION);
                world.pass(Duration::from_secs(5)).await;
                world.ask_to_look().await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "operator-asks-rollback",
        sentence: "The new version runs but computes wrong results; a person asks for the rollback, and it is verified like any other.",
        stage: || {
            Stage::of(Code::healthy()).code("orders-7.jar", Code::that(Behaviour::WrongResults))
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.pass(minutes(20)).await;
                world.ask(json!({ "applicationName": APPLICATION, "request": { "action": "rollback" } })).await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: RECOVERED,
    },
    Scenario {
        name: "operator-asks-without-state",
        sentence: "No snapshot is left, and a person says to start without state: what is lost is named first, then it is done.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", throwing(5)),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("RUNNING", minutes(10)).await;
                world.region().flink().delete_snapshots(APPLICATION);
                world.until_told(A_LONG_NIGHT).await;
                world.pass(minutes(5)).await;
                let restore =
                    json!({ "action": "restore", "applicationVersionId": 2, "withoutState": true });
                world
                    .ask(json!({ "applicationName": APPLICATION, "request": restore }))
                    .await;
                world.until_told(A_LONG_NIGHT).await;
            })
        },
        ends: Ends {
            changes: RESTORE,
            may_lose_records: true,
            because: "without state, as asked",
            ..RECOVERED
        },
    },
    Scenario {
        name: "no-progress",
        sentence: "RUNNING, no restarts, but no checkpoint completes any more; a person is asked, nothing is touched.",
        stage: || {
            Stage::of(Code::healthy()).code(
                "orders-7.jar",
                Code::that(Behaviour::CheckpointsStop { after: minutes(8) }),
            )
        },
        script: |world| Box::pin(deploy_and_wait(world, "orders-7.jar")),
        ends: Ends {
            code: "orders-7.jar",
            because: "no checkpoint has completed",
            ..ESCALATED
        },
    },
];

/// The scenario of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Scenario> {
    CATALOGUE
        .iter()
        .chain(super::FLINK)
        .chain(super::SNAPSHOTS)
        .find(|scenario| scenario.name == name)
}

/// Throws so many seconds after each start.
fn throwing(secs: u64) -> Code {
    Code::that(Behaviour::throws_after(
        secs,
        "java.lang.IllegalArgumentException",
        "cannot parse 'abc' as INT",
    ))
}

fn bad_main() -> Behaviour {
    Behaviour::BadMain { message: "The main method caused an error: java.lang.NoClassDefFoundError: com/example/orders/Enricher".to_owned() }
}

fn needing_broker() -> Code {
    Code::healthy().needing(
        "broker",
        "org.apache.kafka.common.errors.TimeoutException",
        "Timed out waiting for a node assignment. Call: describeTopics",
    )
}

pub(super) async fn deploy_and_wait(world: World, code: &'static str) {
    world.pass(minutes(2)).await;
    world.deploy(code).await;
    world.until_told(A_LONG_NIGHT).await;
}
