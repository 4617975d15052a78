//! The worst moment: when a task of the stack's state machines begins, or has just ended, for an application, the n-th time.
//!
//! For people who act just then: between the decision and the step, between the reading of the lease and the deletes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::{
    observer::Observer,
    region::{REMEDIATE, Region},
    states::{TaskCall, TaskFailure},
};

/// The states of the snapshot check are called so in a [`TaskMoment`].
pub const SNAPSHOT_CHECK_PREFIX: &str = "SnapshotCheck.";

/// One such moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskMoment {
    /// The application that the task is about.
    pub application: String,
    /// The state; one of the snapshot check has its prefix.
    pub state: String,
    /// Which time, from 1.
    pub nth: u32,
    /// Once it has ended, not when it begins.
    pub ended: bool,
}

/// Listens for such moments, and counts them.
pub struct Moments<F> {
    remediate: String,
    counts: Mutex<BTreeMap<(String, String, bool), u32>>,
    heard: F,
}

impl<F: Fn(&TaskMoment) + Send + Sync + 'static> Moments<F> {
    /// From now on `heard` is called at every such moment in this region; it must not block.
    pub fn listen(region: &Region, heard: F) {
        region.observe(Arc::new(Self {
            remediate: region.machine(REMEDIATE).to_owned(),
            counts: Mutex::default(),
            heard,
        }));
    }

    fn moment(&self, task: &TaskCall, ended: bool) {
        let Some(application) = application_of_task(task) else {
            return;
        };
        let state = if task.state_machine_arn == self.remediate {
            task.state.clone()
        } else {
            format!("{SNAPSHOT_CHECK_PREFIX}{}", task.state)
        };
        let mut counts = self
            .counts
            .lock()
            .expect("no thread panics while it counts");
        let nth = counts
            .entry((application.clone(), state.clone(), ended))
            .or_default();
        *nth += 1;
        let moment = TaskMoment {
            application,
            state,
            nth: *nth,
            ended,
        };
        drop(counts);
        (self.heard)(&moment);
    }
}

impl<F: Fn(&TaskMoment) + Send + Sync + 'static> Observer for Moments<F> {
    fn task_begins(&self, task: &TaskCall) {
        self.moment(task, false);
    }

    fn task_ends(&self, task: &TaskCall, _result: Option<&Result<Value, TaskFailure>>) {
        self.moment(task, true);
    }
}

/// The application a task is about.
#[must_use]
pub fn application_of_task(task: &TaskCall) -> Option<String> {
    let arguments = &task.arguments;
    let named = arguments["Payload"]["applicationName"].as_str();
    // What is told to the executions of other applications stands under a key of its own: time and name.
    let told = || {
        let key = arguments["Item"]["sk"]["S"].as_str()?;
        let name = key.rsplit(' ').next();
        name.filter(|_| arguments["Item"]["pk"]["S"] == "#trouble")
    };
    named
        .or_else(told)
        .or_else(|| arguments["Item"]["pk"]["S"].as_str())
        .or_else(|| arguments["Key"]["pk"]["S"].as_str())
        .map(str::to_owned)
}
