//! A small imitation of the service, with one application: enough to drive a change through the real SDK client, and to lose, cut or refuse an answer.
//! The full emulation is the sandbox's.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use managed_flink::ManagedFlink;
use serde_json::{Map, Value, json};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _};

use super::{Call, Double, Wire};

/// What happens to the next call of a verb.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is carried out, and the answer is lost.
    LoseAnswer,
    /// It never arrives.
    Cut,
    /// It is refused with that code and text.
    Refuse(&'static str, String),
    /// A server in front of the service, or the service itself, answers with that status; nothing is carried out.
    Status(u16),
}

/// The application and what the service knows about it.
pub struct State {
    /// `ApplicationDetail`.
    pub application: Value,
    /// What `DescribeApplicationVersion` gives.
    pub versions: BTreeMap<u64, Value>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Faults to come, by verb.
    pub faults: VecDeque<(&'static str, Fault)>,
    /// Verbs that are never answered.
    pub held: Vec<&'static str>,
    /// Checksums of S3 objects by key, where they are not that of the version.
    pub objects: BTreeMap<String, String>,
    /// After the first change, no read is answered.
    pub unreadable_after_change: bool,
    changed: bool,
}

/// The service over a [`Double`].
#[derive(Clone)]
pub struct Service {
    /// The state, for tests to set and read.
    pub state: Arc<Mutex<State>>,
    /// The wire.
    pub double: Double,
}

impl Service {
    /// With `application` opted in.
    pub fn new(application: Value) -> Self {
        let tags = BTreeMap::from([("lifeguard:managed".to_owned(), "true".to_owned())]);
        let state = State {
            application,
            versions: BTreeMap::new(),
            tags,
            faults: VecDeque::new(),
            held: Vec::new(),
            objects: BTreeMap::new(),
            unreadable_after_change: false,
            changed: false,
        };
        let state = Arc::new(Mutex::new(state));
        let own = Arc::clone(&state);
        Self {
            state,
            double: Double::new(move |call| own.lock().unwrap().answer(call)),
        }
    }

    /// The client.
    pub fn api(&self) -> ManagedFlink {
        ManagedFlink::new(&self.double.aws())
    }

    /// Changes the state.
    pub fn set(&self, change: impl FnOnce(&mut State)) -> &Self {
        change(&mut self.state.lock().unwrap());
        self
    }

    /// Sets one field of the application.
    pub fn with(&self, field: &str, value: impl Into<Value>) -> &Self {
        self.set(|state| state.application[field] = value.into())
    }

    /// The next call of `verb` meets `fault`.
    pub fn fault(&self, verb: &'static str, fault: Fault) -> &Self {
        self.set(|state| state.faults.push_back((verb, fault)))
    }

    /// The status now.
    pub fn status(&self) -> String {
        self.state.lock().unwrap().application["ApplicationStatus"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The bodies of all changes sent so far, by verb.
    pub fn changes(&self) -> Vec<(String, Value)> {
        let is_read = |verb: &str| verb.starts_with("Describe") || verb.starts_with("List");
        self.double
            .calls()
            .into_iter()
            .filter(|call| !is_read(&call.verb))
            .map(|call| (call.verb, call.body))
            .collect()
    }
}

impl State {
    fn answer(&mut self, call: &Call) -> Wire {
        let is_read = call.verb.starts_with("Describe") || call.verb.starts_with("List");
        if is_read && self.changed && self.unreadable_after_change {
            return Wire::Broken;
        }
        if self.held.contains(&call.verb.as_str()) {
            return Wire::Silence;
        }
        self.changed |= !is_read;
        let fault = self
            .faults
            .iter()
            .position(|(verb, _)| *verb == call.verb)
            .and_then(|at| self.faults.remove(at));
        match fault {
            Some((_, Fault::Refuse(code, text))) => Wire::error(400, code, &text),
            Some((_, Fault::Status(status))) => Wire::with_headers(status, &[], "unavailable"),
            Some((_, Fault::Cut)) => Wire::Broken,
            Some((_, Fault::LoseAnswer)) => {
                self.carry_out(call);
                Wire::Broken
            }
            None => self.carry_out(call),
        }
    }

    fn carry_out(&mut self, call: &Call) -> Wire {
        let version = self.application["ApplicationVersionId"].as_u64().unwrap();
        match call.verb.as_str() {
            "DescribeApplication" => {
                Wire::json(200, &json!({ "ApplicationDetail": self.application }))
            }
            "DescribeApplicationVersion" => match self
                .versions
                .get(&call.body["ApplicationVersionId"].as_u64().unwrap())
            {
                Some(detail) => Wire::json(200, &json!({ "ApplicationVersionDetail": detail })),
                None => Wire::error(400, "ResourceNotFoundException", "no such version"),
            },
            "ListTagsForResource" => {
                let tags: Vec<Value> = self
                    .tags
                    .iter()
                    .map(|(key, value)| json!({ "Key": key, "Value": value }))
                    .collect();
                Wire::json(200, &json!({ "Tags": tags }))
            }
            "RollbackApplication" if call.body["CurrentApplicationVersionId"] != version => {
                Wire::error(
                    400,
                    "ConcurrentModificationException",
                    "another version is current",
                )
            }
            "RollbackApplication" => {
                self.application["ApplicationStatus"] = "ROLLING_BACK".into();
                Wire::json(
                    200,
                    &json!({ "ApplicationDetail": self.application, "OperationId": "op-rollback" }),
                )
            }
            "StopApplication" => {
                self.application["ApplicationStatus"] = "FORCE_STOPPING".into();
                Wire::json(200, &json!({ "OperationId": "op-stop" }))
            }
            "StartApplication" => {
                let run = &call.body["RunConfiguration"];
                self.application["ApplicationStatus"] = "STARTING".into();
                self.application["ApplicationConfigurationDescription"]["RunConfigurationDescription"] = json!({
                    "ApplicationRestoreConfigurationDescription": run["ApplicationRestoreConfiguration"],
                    "FlinkRunConfigurationDescription": run["FlinkRunConfiguration"],
                });
                Wire::json(200, &json!({ "OperationId": "op-start" }))
            }
            "UpdateApplication" => self.update(&call.body, version),
            other => panic!("a call that nobody expects: {other}"),
        }
    }

    fn update(&mut self, body: &Value, version: u64) -> Wire {
        let by_token = !body["ConditionalToken"].is_null()
            && body["ConditionalToken"] == self.application["ConditionalToken"];
        if !by_token && body["CurrentApplicationVersionId"] != version {
            return Wire::error(
                400,
                "ConcurrentModificationException",
                "another version is current",
            );
        }
        let configuration = &mut self.application["ApplicationConfigurationDescription"];
        // The trap of the API model: what an update does not name becomes false.
        let allow =
            body["RunConfigurationUpdate"]["FlinkRunConfiguration"]["AllowNonRestoredState"]
                .as_bool()
                .unwrap_or(false);
        configuration["RunConfigurationDescription"]["FlinkRunConfigurationDescription"]["AllowNonRestoredState"] =
            allow.into();
        for (part, update) in body["ApplicationConfigurationUpdate"]
            .as_object()
            .cloned()
            .unwrap_or_default()
        {
            apply(configuration, &part, &update, &self.objects);
        }
        for update in body["CloudWatchLoggingOptionUpdates"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let option = by_id(
                &mut self.application["CloudWatchLoggingOptionDescriptions"],
                "CloudWatchLoggingOptionId",
                update,
            );
            option["LogStreamARN"] = update["LogStreamARNUpdate"].clone();
        }
        for (update, field) in [
            ("ServiceExecutionRoleUpdate", "ServiceExecutionRole"),
            ("RuntimeEnvironmentUpdate", "RuntimeEnvironment"),
        ] {
            if !body[update].is_null() {
                self.application[field] = body[update].clone();
            }
        }
        self.application["ApplicationVersionId"] = (version + 1).into();
        self.application["ConditionalToken"] = format!("token-{}", version + 1).into();
        Wire::json(
            200,
            &json!({ "ApplicationDetail": self.application, "OperationId": "op-update" }),
        )
    }
}

/// Applies one part of an `ApplicationConfigurationUpdate` to the description.
fn apply(
    configuration: &mut Value,
    part: &str,
    update: &Value,
    objects: &BTreeMap<String, String>,
) {
    match part {
        "ApplicationCodeConfigurationUpdate" => {
            let code = &mut configuration["ApplicationCodeConfigurationDescription"];
            code["CodeContentType"] = update["CodeContentTypeUpdate"].clone();
            let (text, s3) = (
                &update["CodeContentUpdate"]["TextContentUpdate"],
                &update["CodeContentUpdate"]["S3ContentLocationUpdate"],
            );
            if !text.is_null() {
                code["CodeContentDescription"] = json!({ "TextContent": text });
                return;
            }
            let content = &mut code["CodeContentDescription"];
            content
                .as_object_mut()
                .map(|content| content.remove("TextContent"));
            merge(&mut content["S3ApplicationCodeLocationDescription"], s3);
            let key = s3["FileKeyUpdate"].as_str().unwrap();
            content["CodeMD5"] = objects.get(key).map_or("md5", String::as_str).into();
            content["CodeSize"] = 1_000.into();
        }
        "FlinkApplicationConfigurationUpdate" => {
            for (name, update) in update.as_object().unwrap() {
                let name = format!("{}Description", name.strip_suffix("Update").unwrap());
                merge(
                    &mut configuration["FlinkApplicationConfigurationDescription"][name],
                    update,
                );
            }
        }
        "EnvironmentPropertyUpdates" => {
            configuration["EnvironmentPropertyDescriptions"] =
                json!({ "PropertyGroupDescriptions": update["PropertyGroups"] });
        }
        "VpcConfigurationUpdates" => {
            for update in update.as_array().unwrap() {
                let vpc = by_id(
                    &mut configuration["VpcConfigurationDescriptions"],
                    "VpcConfigurationId",
                    update,
                );
                vpc["SubnetIds"] = update["SubnetIdUpdates"].clone();
                vpc["SecurityGroupIds"] = update["SecurityGroupIdUpdates"].clone();
            }
        }
        "ApplicationEncryptionConfigurationUpdate" => {
            let mut described = Value::Null;
            merge(&mut described, update);
            configuration["ApplicationEncryptionConfigurationDescription"] = described;
        }
        "ApplicationSnapshotConfigurationUpdate"
        | "ApplicationSystemRollbackConfigurationUpdate" => {
            merge(
                &mut configuration[format!("{}Description", part.strip_suffix("Update").unwrap())],
                update,
            );
        }
        other => panic!("an update that nobody expects: {other}"),
    }
}

fn merge(description: &mut Value, update: &Value) {
    if description.is_null() {
        *description = Value::Object(Map::new());
    }
    for (name, value) in update.as_object().unwrap() {
        description[name.strip_suffix("Update").unwrap()] = value.clone();
    }
}

fn by_id<'a>(all: &'a mut Value, field: &str, update: &Value) -> &'a mut Value {
    all.as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|one| one[field] == update[field])
        .expect("an id that is there")
}

/// An application with every field that the API model knows (but SQL's and Studio's). Its property values are markers: they must never be seen.
pub fn full() -> Value {
    json!({
        "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:1:application/orders",
        "ApplicationDescription": "counts orders",
        "ApplicationName": "orders",
        "RuntimeEnvironment": "FLINK-1_20",
        "ServiceExecutionRole": "arn:aws:iam::1:role/orders",
        "ApplicationStatus": "READY",
        "ApplicationVersionId": 7,
        "CreateTimestamp": 1_000.0,
        "LastUpdateTimestamp": 2_000.0,
        "ApplicationVersionUpdatedFrom": 6,
        "ApplicationVersionRolledBackFrom": 5,
        "ApplicationVersionRolledBackTo": 4,
        "ApplicationVersionCreateTimestamp": 2_000.0,
        "ConditionalToken": "token-7",
        "ApplicationMode": "STREAMING",
        "ApplicationMaintenanceConfigurationDescription":
            { "ApplicationMaintenanceWindowStartTime": "01:00", "ApplicationMaintenanceWindowEndTime": "09:00" },
        "CloudWatchLoggingOptionDescriptions": [{ "CloudWatchLoggingOptionId": "1.1", "LogStreamARN": "arn:aws:logs:eu-west-1:1:s", "RoleARN": "arn:aws:iam::1:role/l" }],
        "ApplicationConfigurationDescription": {
            "ApplicationCodeConfigurationDescription": {
                "CodeContentType": "ZIPFILE",
                "CodeContentDescription": {
                    "CodeMD5": "md5", "CodeSize": 1_000,
                    "S3ApplicationCodeLocationDescription": { "BucketARN": "arn:aws:s3:::code", "FileKey": "orders-6.jar", "ObjectVersion": "v6" },
                },
            },
            "RunConfigurationDescription": {
                "ApplicationRestoreConfigurationDescription": { "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "before" },
                "FlinkRunConfigurationDescription": { "AllowNonRestoredState": true },
            },
            "FlinkApplicationConfigurationDescription": {
                "CheckpointConfigurationDescription":
                    { "ConfigurationType": "CUSTOM", "CheckpointingEnabled": true, "CheckpointInterval": 60_000, "MinPauseBetweenCheckpoints": 5_000 },
                "MonitoringConfigurationDescription": { "ConfigurationType": "CUSTOM", "MetricsLevel": "TASK", "LogLevel": "INFO" },
                "ParallelismConfigurationDescription":
                    { "ConfigurationType": "CUSTOM", "Parallelism": 4, "ParallelismPerKPU": 1, "CurrentParallelism": 4, "AutoScalingEnabled": false },
                "JobPlanDescription": "{}",
            },
            "EnvironmentPropertyDescriptions": { "PropertyGroupDescriptions": [
                { "PropertyGroupId": "sink", "PropertyMap": { "password": "marker-secret-one", "url": "marker-secret-two" } }] },
            "ApplicationSnapshotConfigurationDescription": { "SnapshotsEnabled": true },
            "ApplicationSystemRollbackConfigurationDescription": { "RollbackEnabled": false },
            "VpcConfigurationDescriptions":
                [{ "VpcConfigurationId": "2.1", "VpcId": "vpc-1", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"] }],
            "ApplicationEncryptionConfigurationDescription": { "KeyId": "key-1", "KeyType": "CUSTOMER_MANAGED_KEY" },
        },
    })
}

/// What was logged while it lived: every line of this project's crates, at every level.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Starts to listen, on this thread.
    pub fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let filter = EnvFilter::new(
            "info,rollback=trace,force_stop_and_restore=trace,managed_flink=trace,lambda_kit=trace",
        );
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(lambda_kit::log_layer(lines.clone()));
        (lines, tracing::subscriber::set_default(subscriber))
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
