//! Playing scenarios: the region that a script describes, what happens in it, and how it ended.

mod afterwards;
mod alarms;
mod clusters;
mod ends;
mod executions;
mod fleet;
mod opened;
mod people;
mod play;
mod player;
mod promises;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::Timestamp;

pub use crate::script::{
    CATALOGUE, DYING, EXAMPLES, Ends, FLINK, INPUTS, SNAPSHOTS, SWEEPS, Script, TROUBLES, VERDICTS,
    by_name, play_by_name,
};
pub use afterwards::await_the_end;
pub use clusters::Clusters;
pub use opened::Opened;
pub use people::LOST;
pub use play::{Played, act, go_on, play, play_observed, play_on, play_staged};

use crate::{
    faults::Rule,
    flink::{Code, Codebook},
    managed_flink::{ApplicationSeed, Settings},
    region::{OPENED, Trail},
    script::{Alarms, KeyUsers},
};

/// The application that a scenario is about where it does not say.
pub const APPLICATION: &str = "orders";

/// What a region is like.
pub struct Stage {
    /// When it opens.
    pub opened: Timestamp,
    /// The applications.
    pub applications: Vec<ApplicationSeed>,
    /// What their code does.
    pub codebook: Codebook,
    /// How the service behaves.
    pub settings: Settings,
    /// Parameters of the stack.
    pub parameters: BTreeMap<String, String>,
    /// Another template than this repository's.
    pub template: Option<PathBuf>,
    /// Names that a deployment elsewhere gave to resources, by logical id.
    pub names: BTreeMap<String, String>,
    /// What goes wrong in the plumbing.
    pub faults: Vec<Rule>,
    /// What CloudTrail is like.
    pub trail: Trail,
    /// Who may use which customer managed key.
    pub keys: BTreeMap<String, KeyUsers>,
    /// Which applications have alarms from the beginning.
    pub alarms: Alarms,
    /// Variables of single functions that replace the template's, by their package.
    pub own_variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Where the functions' binaries are, for each to run in a process of its own; they run in this process when None.
    pub binaries: Option<PathBuf>,
    /// Over real clusters, how many times as fast as this machine's the region's clock runs; None over simulated ones.
    pub real_flink: Option<f64>,
    /// Whether Step Functions, DynamoDB, SNS and EventBridge are another engine's.
    pub other_engine: bool,
}

impl Stage {
    /// One application, `orders`: Flink 1.20, opted in, version 6 running well for five days, a snapshot of every six hours; the stack acts.
    #[must_use]
    pub fn of(present: Code) -> Self {
        let stage = Self {
            opened: OPENED.parse().expect("a date"),
            applications: vec![
                Self::orders()
                    .snapshot("scheduled-before", hours(6))
                    .snapshot("scheduled-long-before", hours(12)),
            ],
            codebook: Codebook::new(),
            settings: Settings::default(),
            // The scheduled snapshot check has scenarios of its own; here it would only tell the hours.
            parameters: BTreeMap::from([
                ("Mode".to_owned(), "act".to_owned()),
                ("SnapshotScheduleState".to_owned(), "DISABLED".to_owned()),
                ("SweepState".to_owned(), "DISABLED".to_owned()),
            ]),
            template: None,
            names: BTreeMap::new(),
            faults: Vec::new(),
            trail: Trail::default(),
            keys: BTreeMap::new(),
            alarms: Alarms::default(),
            own_variables: BTreeMap::new(),
            binaries: None,
            real_flink: None,
            other_engine: false,
        };
        stage
            .code("orders-5.jar", Code::healthy())
            .code("orders-6.jar", present)
    }

    /// `orders` without snapshots.
    #[must_use]
    pub fn orders() -> ApplicationSeed {
        let properties = serde_json::json!({
            "PropertyGroups": [{ "PropertyGroupId": "orders", "PropertyMap": { "database.password": crate::scenario::SECRET_PROPERTY, "input.stream": "orders" } }]
        });
        ApplicationSeed::new(APPLICATION)
            .version("orders-5.jar", days(30))
            .version("orders-6.jar", days(5))
            .tag("lifeguard:managed", "true")
            .tag("team", "payments")
            .configured("EnvironmentProperties", properties)
    }

    /// With this code at this S3 key.
    #[must_use]
    pub fn code(mut self, key: &str, code: Code) -> Self {
        self.codebook.insert(key.to_owned(), code);
        self
    }

    /// With this application instead.
    #[must_use]
    pub fn application(mut self, application: ApplicationSeed) -> Self {
        self.applications = vec![application];
        self
    }
}

/// An environment property value of the scenarios' application: it must appear nowhere.
pub const SECRET_PROPERTY: &str = "hunter2-orders-database";

/// Days.
#[must_use]
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

/// Hours.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}

/// Minutes.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}
