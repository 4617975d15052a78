//! What people, the service and the world do in a night. People go through the same API as everybody, as the role `operator`; what is refused is their bad luck.

use std::time::Duration;

use sandbox::{
    connector::Router,
    faults::is_cut,
    invariants::OPERATOR,
    journal::Actor,
    managed_flink::{ApiError, RollbackState, SnapshotStatus, Status},
    protocol::{aws_json, invocation, refused},
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    states::{self, ExecutionView},
};
use serde_json::{Value, json};

use crate::{
    night::{Night, What, properties},
    player::Player,
};

/// The cause of an execution that Step Functions lost.
const LOST: &str = "Step Functions lost it";

/// Uploads the code of every deployment to where its event will find it.
pub(crate) fn code_key(event: usize) -> String {
    format!("event-{event}.jar")
}

/// Does what an event says.
pub(crate) async fn act(player: Player, event: usize) {
    let (region, night) = (player.region.clone(), player.night.clone());
    let Some((happening, application)) = named(&night, event) else {
        return;
    };
    let hand = Hand {
        region: &region,
        router: region.router().clone(),
        application: &application.name,
    };
    hand.tell(&happening.what);
    match &happening.what {
        What::Deploy { runtime, .. } => hand.deploy(&code_key(event), runtime.as_deref()).await,
        What::ChangeProperty => {
            // The old value stays: what a job quotes is of the configuration that it runs with.
            let mut groups = properties(&application.secret());
            groups[0]["PropertyMap"]["database.password.next"] =
                format!("{}-changed", application.secret()).into();
            hand.update(
                json!({ "EnvironmentPropertyUpdates": { "PropertyGroups": groups } }),
                None,
            )
            .await;
        }
        What::Stop => hand.send("StopApplication", json!({})).await,
        What::ForceStop => hand.send("StopApplication", json!({ "Force": true })).await,
        What::Start => hand.start("RESTORE_FROM_LATEST_SNAPSHOT").await,
        What::StartWithoutState => hand.start("SKIP_RESTORE_FROM_SNAPSHOT").await,
        What::Rollback => {
            hand.send(
                "RollbackApplication",
                json!({ "CurrentApplicationVersionId": hand.version() }),
            )
            .await
        }
        What::TakeSnapshot => {
            hand.send(
                "CreateApplicationSnapshot",
                json!({ "SnapshotName": format!("by-hand-{event}") }),
            )
            .await
        }
        What::DeleteSnapshot { newest } => hand.delete_snapshot(*newest).await,
        What::CheckSnapshots { dry } => {
            let _ = region.start(
                SNAPSHOT_CHECK,
                &json!({ "applicationName": application.name, "dryRun": dry }).to_string(),
            );
        }
        What::Tag(key, value) => region.flink().set_tag(
            &application.name,
            key,
            &application.with_names(value, region.opened()),
        ),
        What::Untag(key) => region.flink().remove_tag(&application.name, key),
        What::Ask(request) => {
            let mut input = json!({ "applicationName": application.name });
            if let Some(request) = request {
                input["request"] = request.clone();
                if let Some(name) = request["snapshotName"].as_str() {
                    input["request"]["snapshotName"] =
                        application.with_names(name, region.opened()).into();
                }
            }
            let _ = region.start_remediation(&input.to_string());
        }
        What::Befall(event) => region.flink().befall(&application.name, event),
        What::LoseMachine => region.flink().kill_task_manager(&application.name),
        What::AbortExecutions => abort(&region, &application.name),
        What::RingAgain => ring_again(&player, &application.name).await,
        other => of_the_world(&region, &application.name, event, other),
    }
}

/// What no person does.
fn of_the_world(region: &Region, application: &str, event: usize, what: &What) {
    let flink = region.flink();
    match what {
        What::Dependency(name, up) => region.set_dependency(name, *up),
        What::Maintenance => drop(flink.start_maintenance(application)),
        What::Autoscale(parallelism) => drop(flink.autoscale(application, *parallelism)),
        What::Stuck(stage) => flink.faults(application, |faults| {
            faults.stuck.insert(*stage);
        }),
        What::Slow(stage, times) => flink.faults(application, |faults| {
            faults.slow.insert(*stage, *times);
        }),
        What::RefuseRollback => {
            let refusal = ApiError::new(
                "InvalidRequestException",
                "The application cannot be rolled back in its current state",
            );
            flink.faults(application, |faults| faults.refuse_rollback = Some(refusal));
        }
        What::FailExecutions => fail(region, application),
        What::FailSnapshots(n) => flink.faults(application, |faults| faults.failing_snapshots = *n),
        What::RollbackState(state) => {
            flink.faults(application, |faults| faults.rollback_state = Some(*state))
        }
        What::DeleteSnapshots => flink.delete_snapshots(application),
        // A snapshot of a job that is down cannot be taken; one that was under way when the job went down may still come to its end.
        What::PlaceSnapshot
            if flink
                .standing(application)
                .is_some_and(|standing| standing.status == Status::Running) =>
        {
            flink.place_snapshot(application, &format!("placed-{event}"), Duration::ZERO);
        }
        _ => {}
    }
}

fn named(
    night: &Night,
    event: usize,
) -> Option<(&crate::night::Event, &crate::night::Application)> {
    let happening = night.events.get(event)?;
    Some((happening, night.applications.get(happening.application)?))
}

/// A person's hand on one application.
pub(crate) struct Hand<'a> {
    pub(crate) region: &'a Region,
    pub(crate) router: Router,
    pub(crate) application: &'a str,
}

impl Hand<'_> {
    fn tell(&self, what: &What) {
        let text = match what {
            What::Deploy { code, runtime } => {
                format!(
                    "deploys code that is {:?}{}",
                    code.behaviour,
                    runtime
                        .as_ref()
                        .map_or(String::new(), |on| format!(" on {on}"))
                )
            }
            other => format!("{other:?}"),
        };
        self.region
            .journal()
            .tell(Actor::Operator, Some(self.application), text);
    }

    pub(crate) fn version(&self) -> i64 {
        self.region
            .flink()
            .standing(self.application)
            .map_or(0, |standing| standing.version)
    }

    pub(crate) async fn send(&self, verb: &str, mut body: Value) {
        body["ApplicationName"] = self.application.into();
        let target = format!("KinesisAnalytics_20180523.{verb}");
        let answer = self
            .router
            .send(aws_json(
                OPERATOR,
                "kinesisanalytics",
                &target,
                "1.1",
                &body,
            ))
            .await;
        if let Some((code, message)) = refused(&answer).filter(|_| !is_cut(&answer)) {
            self.region.journal().tell(
                Actor::Operator,
                Some(self.application),
                format!("{verb} is refused: {code}: {message}"),
            );
        }
    }

    async fn update(&self, configuration: Value, runtime: Option<&str>) {
        let mut body = json!({ "CurrentApplicationVersionId": self.version(), "ApplicationConfigurationUpdate": configuration });
        if let Some(runtime) = runtime {
            body["RuntimeEnvironmentUpdate"] = runtime.into();
        }
        self.send("UpdateApplication", body).await;
    }

    async fn deploy(&self, key: &str, runtime: Option<&str>) {
        let location = json!({ "S3ContentLocationUpdate": { "FileKeyUpdate": key } });
        self.update(
            json!({ "ApplicationCodeConfigurationUpdate": { "CodeContentUpdate": location } }),
            runtime,
        )
        .await;
    }

    /// Deletes one that can be deleted.
    async fn delete_snapshot(&self, newest: bool) {
        let Some(view) = self.region.flink().application(self.application) else {
            return;
        };
        let settled = view
            .snapshots
            .iter()
            .filter(|one| matches!(one.status, SnapshotStatus::Ready | SnapshotStatus::Failed));
        let chosen = if newest {
            settled.max_by_key(|one| one.created)
        } else {
            settled.min_by_key(|one| one.created)
        };
        let Some(chosen) = chosen else { return };
        let created = chosen.created.as_millisecond() as f64 / 1_000.0;
        self.send(
            "DeleteApplicationSnapshot",
            json!({ "SnapshotName": chosen.name, "SnapshotCreationTimestamp": created }),
        )
        .await;
    }

    pub(crate) async fn start(&self, restore: &str) {
        let run =
            json!({ "ApplicationRestoreConfiguration": { "ApplicationRestoreType": restore } });
        self.send("StartApplication", json!({ "RunConfiguration": run }))
            .await;
    }
}

fn abort(region: &Region, application: &str) {
    for execution in under_way(region.states().executions(), application) {
        let _ = region
            .states()
            .stop(&execution.arn, None, Some("a person stopped it"));
    }
}

fn fail(region: &Region, application: &str) {
    for execution in under_way(region.executions_of(REMEDIATE), application) {
        let _ = region.states().fail(&execution.arn, "States.Runtime", LOST);
    }
}

fn under_way(
    executions: Vec<ExecutionView>,
    application: &str,
) -> impl Iterator<Item = ExecutionView> {
    executions.into_iter().filter(move |one| {
        one.status == states::Status::Running && one.input["applicationName"] == application
    })
}

/// EventBridge delivers at least once: the last event of an alarm of this application comes again.
async fn ring_again(player: &Player, application: &str) {
    if let Some(event) = player.last_alarm(application) {
        player
            .region
            .router()
            .send(invocation(
                "events.amazonaws.com",
                "lifeguard-AlarmHandler",
                "Event",
                &event,
            ))
            .await;
    }
}

/// What the service's rollback restores when nobody says.
pub(crate) fn rollback_state(latest: bool) -> RollbackState {
    if latest {
        RollbackState::Latest
    } else {
        RollbackState::BeforeTheChange
    }
}
