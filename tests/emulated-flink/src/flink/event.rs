//! What befalls a running cluster from outside of its code, as data that a script can say.

use serde::{Deserialize, Serialize};

use super::code::Fault;

/// One thing that befalls the cluster of an application. Where it cannot happen (no job, or no such scheduler) nothing does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClusterEvent {
    /// The JobManager dies: its REST API is gone for twenty seconds, then the job begins a new life from its last checkpoint. It keeps its id; start time,
    /// counters, exceptions and statistics begin anew.
    JobManagerLost,
    /// A TaskManager dies, unnoticed for some seconds. Of a job with failover regions the first half of them ran on it, and slots are spare.
    TaskManagerLost,
    /// Every failover region fails once, one after the other: a blip of something that all of them need. A job with shuffles fails once as a whole.
    RegionsFail {
        /// From one region's failure to the next.
        apart_millis: u32,
        /// What each throws.
        fault: Fault,
    },
    /// Somebody asks the adaptive scheduler for another parallelism.
    Rescale {
        /// Of every vertex.
        parallelism: u32,
    },
    /// The adaptive scheduler loses a TaskManager, and its slots come back only so much later: the job waits for them, CREATED.
    SlotsLost {
        /// From the restart to the slots.
        for_secs: u32,
    },
}
