//! What a script can do: what people do, through the same API as everybody, and what the service and the world do. What is refused is people's bad luck, and is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    faults::{Fault, Rule, is_cut},
    flink::ClusterEvent,
    invariants::OPERATOR,
    journal::Actor,
    managed_flink::{self, ApiError, SnapshotStatus, Status},
    protocol::{aws_json, invocation, refused},
    region::{CLOUDFORMATION, REMEDIATE, Region, SNAPSHOT_CHECK, StackEvent},
    script::{Do, ExecutionEnd, Injected, KeyUsers, StartFrom, Through, WhichSnapshot, properties},
    states::{self, ExecutionView},
};

/// The cause of an execution that fails on purpose: no other may.
pub const LOST: &str = "Step Functions lost it";
/// How often a tool looks whether its call has ended.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// How often it looks before it gives up: ten minutes in all.
const LOOKS: u32 = 60;
const NOT_POISONED: &str = "no thread panics while it takes notes";

/// People and the world around a region. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct People {
    pub(super) region: Region,
    notes: Arc<Mutex<Notes>>,
}

/// What is remembered between steps.
#[derive(Default)]
struct Notes {
    /// Executions by the labels that a script gave them.
    labels: BTreeMap<String, String>,
    /// Events of alarms, as they reached the alarm handler: the alarm, the event.
    alarms: Vec<(String, Value)>,
}

impl People {
    pub(super) fn new(region: Region) -> Self {
        Self {
            region,
            notes: Arc::default(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().expect(NOT_POISONED)
    }

    /// An alarm's event has reached the alarm handler.
    pub(super) fn heard_alarm(&self, event: Value) {
        let alarm = event["detail"]["alarmName"].as_str().unwrap_or_default();
        let alarm = alarm.to_owned();
        self.notes().alarms.push((alarm, event));
    }

    /// Does what a step says to this application; `execution` is the one whose state it waited for.
    pub(super) async fn act(&self, application: &str, what: &Do, execution: Option<&str>) {
        let hand = Hand {
            people: self,
            application,
        };
        match what {
            Do::Deploy {
                code,
                runtime,
                properties,
                through,
            } => {
                let (code, runtime) = (code.as_deref(), runtime.as_deref());
                hand.deploy(code, runtime, properties.as_ref(), *through)
                    .await;
            }
            Do::SwitchSnapshots => hand.switch_snapshots().await,
            Do::Configure { update } => hand.configure(update).await,
            Do::Stop { force } => hand.stop(*force).await,
            Do::Start { from } => hand.start(*from).await,
            Do::Rollback => hand.roll_back().await,
            Do::TakeSnapshot { name } => hand.take_snapshot(name).await,
            Do::DeleteSnapshot(which) => hand.delete_snapshot(*which).await,
            Do::Ask {
                input,
                request,
                label,
            } => {
                let input = hand.input(input.as_ref(), request.as_ref());
                hand.tell(format!("starts Lifeguard by hand: {input}"));
                let arn = hand.start_execution(REMEDIATE, &input).await;
                if let Some((label, arn)) = label.clone().zip(arn) {
                    self.notes().labels.insert(label, arn);
                }
            }
            Do::AskForSnapshots { input } => {
                let input = hand.input(input.as_ref(), None);
                hand.tell(format!("starts the snapshot check by hand: {input}"));
                hand.start_execution(SNAPSHOT_CHECK, &input).await;
            }
            Do::ThrowStopSwitch { by, why } => hand.throw_switch(by, why).await,
            Do::LiftStopSwitch => hand.lift_switch().await,
            Do::LeaveLease { progress } => hand.leave_lease(&self.filled(progress)).await,
            Do::DeliverAlarmAgain => hand.deliver_alarm_again().await,
            Do::EndExecution {
                end,
                label,
                unheard,
            } => self.end(application, *end, label.as_deref(), *unheard, execution),
            other => self.of_the_world(application, other),
        }
    }

    /// What no person does.
    fn of_the_world(&self, application: &str, what: &Do) {
        let flink = self.region.flink();
        match what {
            Do::Dependency { name, up } => self.region.set_dependency(name, *up),
            Do::LoseMachine => flink.kill_task_manager(application),
            Do::LoseJobManager => flink.kill_job_manager(application),
            Do::FailRegions { apart, fault } => {
                let event = ClusterEvent::RegionsFail {
                    apart_millis: u32::try_from(apart.0.as_millis()).unwrap_or(u32::MAX),
                    fault: fault.into(),
                };
                flink.befall(application, &event);
            }
            Do::Rescale { parallelism } => {
                let parallelism = *parallelism;
                flink.befall(application, &ClusterEvent::Rescale { parallelism });
            }
            Do::LoseSlots { lasting } => {
                let for_secs = u32::try_from(lasting.0.as_secs()).unwrap_or(u32::MAX);
                flink.befall(application, &ClusterEvent::SlotsLost { for_secs });
            }
            Do::Maintenance => drop(flink.start_maintenance(application)),
            Do::Autoscale { parallelism } => drop(flink.autoscale(application, *parallelism)),
            Do::Stuck(stage) => flink.faults(application, |faults| {
                faults.stuck.insert((*stage).into());
            }),
            Do::Slow(stages) => flink.faults(application, |faults| {
                let stages = stages
                    .iter()
                    .map(|(stage, times)| ((*stage).into(), *times));
                faults.slow.extend(stages);
            }),
            Do::RefuseRollback => {
                let refusal = ApiError::new(
                    "InvalidRequestException",
                    "The application cannot be rolled back in its current state",
                );
                flink.faults(application, |faults| faults.refuse_rollback = Some(refusal));
            }
            Do::FailSnapshots { count } => {
                flink.faults(application, |faults| faults.failing_snapshots = *count);
            }
            Do::RollbackRestores(state) => flink.faults(application, |faults| {
                faults.rollback_state = Some((*state).into());
            }),
            Do::DeleteSnapshots => flink.delete_snapshots(application),
            // A snapshot of a job that is down cannot be taken; one that was under way when the job went down may still come to its end.
            Do::PlaceSnapshot { name }
                if flink
                    .standing(application)
                    .is_some_and(|standing| standing.status == Status::Running) =>
            {
                flink.place_snapshot(application, name, Duration::ZERO);
            }
            Do::Overwrite { key, code } => flink.overwrite(key, code),
            Do::Key { id, users } => set_key(&self.region, id, *users),
            Do::Tag { key, value } => flink.set_tag(application, key, value),
            Do::Untag { key } => flink.remove_tag(application, key),
            Do::TellOfStack {
                status,
                of_resource,
                reason,
            } => self.region.tell_of_stack(&StackEvent {
                stack: format!("{application}-stack"),
                application: of_resource.then(|| application.to_owned()),
                status: status.clone(),
                reason: reason.clone(),
            }),
            Do::Inject(injected) => self.inject(injected),
            _ => {}
        }
    }

    /// From now on this goes wrong.
    pub(super) fn inject(&self, injected: &Injected) {
        let function = |package: &str| function(&self.region, package);
        self.region.faults().add(injected.rule(function));
    }

    /// Ends executions before they are done.
    pub(super) fn end(
        &self,
        application: &str,
        end: ExecutionEnd,
        label: Option<&str>,
        unheard: bool,
        execution: Option<&str>,
    ) {
        if unheard {
            let handler = function(&self.region, "alarm-handler").unwrap_or_default();
            self.region
                .faults()
                .add_first(Rule::new(Fault::ServerError).on_function(&handler));
        }
        let labelled = label.and_then(|label| self.notes().labels.get(label).cloned());
        if let Some(arn) = labelled.as_deref().or(execution) {
            return self.end_one(arn, end);
        }
        // A person stops whatever is at work; what fails by itself is a rescue.
        let all = match end {
            ExecutionEnd::Stopped => self.region.states().executions(),
            ExecutionEnd::Failed => self.region.executions_of(REMEDIATE),
        };
        for execution in under_way(all, application) {
            self.end_one(&execution.arn, end);
        }
    }

    fn end_one(&self, arn: &str, end: ExecutionEnd) {
        let states = self.region.states();
        // One that has ended meanwhile stays as it ended.
        match end {
            ExecutionEnd::Stopped => {
                let _ = states.stop(arn, None, Some("a person stopped it"));
            }
            ExecutionEnd::Failed => {
                let _ = states.fail(arn, "States.Runtime", LOST);
            }
        }
    }

    /// The same document with `{now}` and the labels of executions filled in.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let now = self.region.clock().now().to_string();
                let mut text = text.replace("{now}", &now);
                for (label, arn) in &self.notes().labels {
                    text = text.replace(&format!("{{{label}}}"), arn);
                }
                Value::String(text)
            }
            Value::Array(values) => values.iter().map(|value| self.filled(value)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), self.filled(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }
}

/// From now on these may use a key. Stacks act with what people may.
pub(super) fn set_key(region: &Region, id: &str, users: KeyUsers) {
    let users = match users {
        KeyUsers::Everybody => managed_flink::KeyUsers::Everybody,
        KeyUsers::People => {
            managed_flink::KeyUsers::Only([OPERATOR, CLOUDFORMATION].map(str::to_owned).into())
        }
        KeyUsers::Nobody => managed_flink::KeyUsers::Nobody,
    };
    region.flink().set_key(id, users);
}

/// The name of the function of this package.
pub(super) fn function(region: &Region, package: &str) -> Option<String> {
    let functions = &region.stack().functions;
    functions
        .values()
        .find(|function| function.package == package)
        .map(|function| function.name.clone())
}

fn under_way(
    executions: Vec<ExecutionView>,
    application: &str,
) -> impl Iterator<Item = ExecutionView> {
    executions.into_iter().filter(move |one| {
        one.status == states::Status::Running && one.input["applicationName"] == application
    })
}

/// A person's hand on one application.
struct Hand<'a> {
    people: &'a People,
    application: &'a str,
}

impl Hand<'_> {
    fn region(&self) -> &Region {
        &self.people.region
    }

    fn tell(&self, text: impl Into<String>) {
        self.region()
            .journal()
            .tell(Actor::Operator, Some(self.application), text);
    }

    fn version(&self) -> i64 {
        self.region()
            .flink()
            .standing(self.application)
            .map_or(0, |standing| standing.version)
    }

    async fn send(&self, verb: &str, body: Value) {
        self.send_as(OPERATOR, verb, body).await;
    }

    async fn send_as(&self, caller: &str, verb: &str, mut body: Value) {
        body["ApplicationName"] = self.application.into();
        self.send_body(caller, verb, &body).await;
    }

    /// What is about no application.
    async fn send_of_account(&self, verb: &str, body: &Value) {
        self.send_body(OPERATOR, verb, body).await;
    }

    async fn send_body(&self, caller: &str, verb: &str, body: &Value) {
        let target = format!("KinesisAnalytics_20180523.{verb}");
        let request = aws_json(caller, "kinesisanalytics", &target, "1.1", body);
        let answer = self.region().router().send(request).await;
        if let Some((code, message)) = refused(&answer).filter(|_| !is_cut(&answer)) {
            self.tell(format!("{verb} is refused: {code}: {message}"));
        }
    }

    async fn deploy(
        &self,
        code: Option<&str>,
        runtime: Option<&str>,
        groups: Option<&Map<String, Value>>,
        through: Through,
    ) {
        if through == Through::Terraform {
            self.prepare_as_terraform().await;
        }
        let mut told = code.map_or("other properties".to_owned(), str::to_owned);
        let mut update = json!({});
        if let Some(code) = code {
            let location = json!({ "S3ContentLocationUpdate": { "FileKeyUpdate": code } });
            update["ApplicationCodeConfigurationUpdate"] = json!({ "CodeContentUpdate": location });
        }
        if let Some(groups) = groups {
            update["EnvironmentPropertyUpdates"] = properties(groups);
            if code.is_some() {
                told.push_str(" with other properties");
            }
        }
        let mut body = json!({ "CurrentApplicationVersionId": self.version(), "ApplicationConfigurationUpdate": update });
        if let Some(runtime) = runtime {
            body["RuntimeEnvironmentUpdate"] = runtime.into();
            told.push_str(&format!(" on {runtime}"));
        }
        let caller = match through {
            Through::Console => OPERATOR,
            Through::Stack => {
                told.push_str(" through a stack");
                CLOUDFORMATION
            }
            Through::Terraform => {
                told.push_str(" with Terraform");
                OPERATOR
            }
        };
        self.tell(format!("deploys {told}"));
        self.send_as(caller, "UpdateApplication", body).await;
    }

    async fn switch_snapshots(&self) {
        self.tell("switches to enhanced snapshots");
        let mode =
            json!({ "SnapshotsEnabledUpdate": true, "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS" });
        let update = json!({ "ApplicationSnapshotConfigurationUpdate": mode });
        self.send_update(update).await;
    }

    async fn configure(&self, update: &Map<String, Value>) {
        let members: Vec<&str> = update.keys().map(String::as_str).collect();
        self.tell(format!("updates {}", members.join(", ")));
        self.send_update(update.clone().into()).await;
    }

    async fn send_update(&self, update: Value) {
        let body = json!({ "CurrentApplicationVersionId": self.version(), "ApplicationConfigurationUpdate": update });
        self.send("UpdateApplication", body).await;
    }

    /// What the provider changes before the one update, in its order, each with the version of the call before.
    async fn prepare_as_terraform(&self) {
        let vpc = json!({ "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] });
        let stream = "arn:aws:logs:us-east-1:123456789012:log-group:orders:log-stream:flink";
        for (verb, member, value) in [
            ("AddApplicationVpcConfiguration", "VpcConfiguration", vpc),
            (
                "AddApplicationCloudWatchLoggingOption",
                "CloudWatchLoggingOption",
                json!({ "LogStreamARN": stream }),
            ),
        ] {
            self.tell(format!("sends {verb} with Terraform"));
            let body = json!({ "CurrentApplicationVersionId": self.version(), member: value });
            self.send(verb, body).await;
            self.settled().await;
        }
    }

    /// Waits as tools do, until nothing is under way.
    async fn settled(&self) {
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOKS_EVERY).await;
            let view = self.region().flink().application(self.application);
            if view.is_none_or(|view| matches!(view.status, Status::Running | Status::Ready)) {
                return;
            }
        }
    }

    async fn stop(&self, force: bool) {
        if force {
            self.tell("stops the application by force");
            return self.send("StopApplication", json!({ "Force": true })).await;
        }
        self.tell("stops the application");
        self.send("StopApplication", json!({})).await;
    }

    async fn start(&self, from: Option<StartFrom>) {
        let (told, restore) = match from {
            None => ("", None),
            Some(StartFrom::LatestSnapshot) => (
                " from its latest snapshot",
                Some("RESTORE_FROM_LATEST_SNAPSHOT"),
            ),
            Some(StartFrom::Nothing) => (" without state", Some("SKIP_RESTORE_FROM_SNAPSHOT")),
        };
        self.tell(format!("starts the application{told}"));
        let mut body = json!({});
        if let Some(restore) = restore {
            let how = json!({ "ApplicationRestoreType": restore });
            body["RunConfiguration"] = json!({ "ApplicationRestoreConfiguration": how });
        }
        self.send("StartApplication", body).await;
    }

    async fn roll_back(&self) {
        self.tell("rolls the application back");
        let body = json!({ "CurrentApplicationVersionId": self.version() });
        self.send("RollbackApplication", body).await;
    }

    async fn take_snapshot(&self, name: &str) {
        self.tell(format!("takes a snapshot, {name}"));
        let view = self.region().flink().application(self.application);
        let verb = if view.is_some_and(|view| view.enhanced) {
            "CreateSnapshot"
        } else {
            "CreateApplicationSnapshot"
        };
        self.send(verb, json!({ "SnapshotName": name })).await;
    }

    /// Deletes one that can be deleted.
    async fn delete_snapshot(&self, which: WhichSnapshot) {
        let Some(view) = self.region().flink().application(self.application) else {
            return;
        };
        let settled = view
            .snapshots
            .iter()
            .filter(|one| matches!(one.status, SnapshotStatus::Ready | SnapshotStatus::Failed));
        let chosen = match which {
            WhichSnapshot::Newest => settled.max_by_key(|one| one.created),
            WhichSnapshot::Oldest => settled.min_by_key(|one| one.created),
        };
        let Some(chosen) = chosen else { return };
        self.tell(format!("deletes the snapshot {}", chosen.name));
        let created = chosen.created.as_millisecond() as f64 / 1_000.0;
        let body = json!({ "SnapshotName": chosen.name, "SnapshotCreationTimestamp": created });
        if chosen.enhanced.is_some() {
            return self.send_of_account("DeleteSnapshot", &body).await;
        }
        self.send("DeleteApplicationSnapshot", body).await;
    }

    /// What a person writes into an execution's input.
    fn input(&self, input: Option<&Value>, request: Option<&Value>) -> Value {
        if let Some(input) = input {
            return self.people.filled(input);
        }
        let mut input = json!({ "applicationName": self.application });
        if let Some(request) = request {
            input["request"] = request.clone();
        }
        input
    }

    /// Through the API, as from the console: Step Functions may be another engine's. Gives the execution's ARN.
    async fn start_execution(&self, machine: &str, input: &Value) -> Option<String> {
        let arn = self
            .region()
            .stack()
            .state_machines
            .get(machine)
            .map_or("", |machine| machine.arn.as_str());
        let asked = json!({ "stateMachineArn": arn, "input": input.to_string() });
        let target = "AWSStepFunctions.StartExecution";
        let request = aws_json(OPERATOR, "states", target, "1.0", &asked);
        let answer = self.region().router().send(request).await;
        if let Some((code, message)) = refused(&answer).filter(|_| !is_cut(&answer)) {
            self.tell(format!("StartExecution is refused: {code}: {message}"));
        }
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        body["executionArn"].as_str().map(str::to_owned)
    }

    /// Leaves the lease of an execution that died a long time ago, with what it had written down before its last step.
    async fn leave_lease(&self, progress: &Value) {
        self.tell("finds the lease of an execution that died");
        let text = |text: &str| json!({ "S": text });
        let row = json!({
            "pk": text(self.application), "sk": text("lease"), "holder": text("one-that-died"), "expiresAt": { "N": "1" }, "progress": text(&progress.to_string()),
        });
        self.on_ledger("PutItem", json!({ "Item": row })).await;
    }

    /// Somebody throws the stop switch, as the template's output says.
    async fn throw_switch(&self, by: &str, why: &str) {
        self.tell(format!("throws the stop switch: {why}"));
        let row = json!({ "pk": { "S": "*" }, "sk": { "S": "stop" }, "by": { "S": by }, "why": { "S": why } });
        self.on_ledger("PutItem", json!({ "Item": row })).await;
    }

    /// Somebody lifts it.
    async fn lift_switch(&self) {
        self.tell("lifts the stop switch");
        let key = json!({ "pk": { "S": "*" }, "sk": { "S": "stop" } });
        self.on_ledger("DeleteItem", json!({ "Key": key })).await;
    }

    /// A person's request to the ledger table.
    async fn on_ledger(&self, verb: &str, mut asked: Value) {
        let table = self
            .region()
            .stack()
            .tables
            .get("LedgerTable")
            .map_or("", |table| table.name.as_str());
        asked["TableName"] = json!(table);
        let target = format!("DynamoDB_20120810.{verb}");
        let request = aws_json(OPERATOR, "dynamodb", &target, "1.0", &asked);
        let answer = self.region().router().send(request).await;
        if let Some((code, message)) = refused(&answer).filter(|_| !is_cut(&answer)) {
            self.tell(format!("{verb} is refused: {code}: {message}"));
        }
    }

    /// EventBridge delivers at least once: the last event of an alarm of this application comes again.
    async fn deliver_alarm_again(&self) {
        let event = self
            .people
            .notes()
            .alarms
            .iter()
            .rev()
            .find(|(alarm, _)| alarm.contains(self.application))
            .map(|(_, event)| event.clone());
        let Some(event) = event else { return };
        self.tell("gets the last alarm's event again");
        let handler = function(self.region(), "alarm-handler").unwrap_or_default();
        let request = invocation("events.amazonaws.com", &handler, "Event", &event);
        self.region().router().send(request).await;
    }
}
