//! Watches a job through the REST API alone, and sums up what it showed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::answer_paths::paths;
use crate::situations::Plane;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// What the API showed.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// What each submission came to.
    pub(crate) submissions: Vec<String>,
    /// How the job ended by itself.
    pub(crate) ended: Option<String>,
    /// Looks at each state of the job, by `/jobs/overview`, which is nearly live.
    pub(crate) job_states: BTreeMap<String, u32>,
    /// Looks at each state of each vertex's tasks.
    pub(crate) task_states: BTreeMap<(String, String), u32>,
    pub(crate) looks: u32,
    pub(crate) all_running: u32,
    pub(crate) last_state: String,
    /// Names and parallelisms.
    pub(crate) vertices: BTreeMap<String, u64>,
    /// Sticky signals at the last look: RESTARTING, attempt, newest exception, restarts.
    pub(crate) sticky: [i64; 4],
    /// Whether one of them ever went back.
    pub(crate) sticky_went_back: bool,
    /// Class and task of the first fault.
    pub(crate) fault: Option<(String, Option<String>)>,
    pub(crate) checkpoint_completed: bool,
    /// Whether what was restored last is a savepoint, and where it lies.
    pub(crate) restored: Option<(bool, String)>,
    /// Paths of every answer, by endpoint.
    pub(crate) keys: BTreeSet<String>,
}

impl Seen {
    /// Another job run begins: its signals begin anew.
    pub(crate) fn another_run(&mut self) {
        let kept = Self {
            submissions: std::mem::take(&mut self.submissions),
            keys: std::mem::take(&mut self.keys),
            ..Self::default()
        };
        *self = kept;
    }

    /// In a line, for those who read why something differs.
    pub(crate) fn summary(&self) -> String {
        let states: Vec<String> = self
            .job_states
            .iter()
            .map(|(state, looks)| format!("{state} {looks}"))
            .collect();
        let submissions = self.submissions.join("; ");
        format!(
            "[{submissions}] {} of {} looks all running; {}; sticky {:?}; fault {:?}",
            self.all_running,
            self.looks,
            states.join(", "),
            self.sticky,
            self.fault
        )
    }

    /// Looks at the job again and again, for so long.
    pub(crate) async fn watch(&mut self, plane: &dyn Plane, secs: u64) {
        let until = tokio::time::Instant::now() + Duration::from_secs(secs);
        while tokio::time::Instant::now() < until {
            self.look(plane).await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks until every subtask is RUNNING, at most so long; what is seen meanwhile does not count.
    pub(crate) async fn until_all_running(&self, plane: &dyn Plane, secs: u64) {
        let until = tokio::time::Instant::now() + Duration::from_secs(secs);
        while !plane.is_healthy("orders") && tokio::time::Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn get(
        &mut self,
        plane: &dyn Plane,
        endpoint: &str,
        path: &str,
        query: &str,
    ) -> Option<Value> {
        let answer = plane.rest("orders", path, query).await;
        if answer.status != 200 {
            return None;
        }
        let mut found = BTreeSet::new();
        paths(&answer.body, "", &mut found);
        self.keys
            .extend(found.into_iter().map(|path| format!("{endpoint} {path}")));
        Some(answer.body)
    }

    async fn look(&mut self, plane: &dyn Plane) {
        let Some(overview) = self.get(plane, "jobs_overview", "/jobs/overview", "").await else {
            return;
        };
        let Some(job) = overview["jobs"]
            .as_array()
            .and_then(|jobs| jobs.iter().max_by_key(|job| job["start-time"].as_i64()))
        else {
            return;
        };
        let (id, state) = (text(&job["jid"]), text(&job["state"]));
        self.looks += 1;
        *self.job_states.entry(state.clone()).or_default() += 1;
        self.last_state = state;
        let Some(details) = self.get(plane, "job", &format!("/jobs/{id}"), "").await else {
            return;
        };
        let empty = Vec::new();
        let vertices = details["vertices"].as_array().unwrap_or(&empty);
        for vertex in vertices {
            let name = text(&vertex["name"]);
            for (task, count) in vertex["tasks"].as_object().expect("tasks by state") {
                if count != 0 {
                    *self
                        .task_states
                        .entry((name.clone(), task.clone()))
                        .or_default() += 1;
                }
            }
            self.vertices
                .insert(name, vertex["parallelism"].as_u64().expect("a parallelism"));
        }
        let up = |vertex: &Value| vertex["tasks"]["RUNNING"] == vertex["parallelism"];
        self.all_running += u32::from(
            details["state"] == "RUNNING" && !vertices.is_empty() && vertices.iter().all(up),
        );
        let restarting = details["timestamps"]["RESTARTING"].as_i64().unwrap_or(0);
        let vertex = vertices
            .get(1)
            .and_then(|vertex| vertex["id"].as_str())
            .map(str::to_owned);
        self.signals(plane, &id, vertex, restarting).await;
    }

    async fn signals(
        &mut self,
        plane: &dyn Plane,
        id: &str,
        vertex: Option<String>,
        restarting: i64,
    ) {
        let before = self.sticky;
        let mut now = [restarting, before[1], before[2], before[3]];
        if let Some(vertex) = vertex
            && let Some(details) = self
                .get(
                    plane,
                    "vertex",
                    &format!("/jobs/{id}/vertices/{vertex}"),
                    "",
                )
                .await
        {
            now[1] = list(&details["subtasks"])
                .iter()
                .filter_map(|subtask| subtask["attempt"].as_i64())
                .max()
                .unwrap_or(0);
        }
        if let Some(exceptions) = self
            .get(plane, "exceptions", &format!("/jobs/{id}/exceptions"), "")
            .await
        {
            let entries = list(&exceptions["exceptionHistory"]["entries"]);
            now[2] = entries
                .iter()
                .filter_map(|entry| entry["timestamp"].as_i64())
                .max()
                .unwrap_or(0);
            if self.fault.is_none() {
                let task = |entry: &Value| {
                    entry["taskName"]
                        .as_str()
                        .map(|name| name.split(" (").next().unwrap_or(name).to_owned())
                };
                self.fault = entries
                    .last()
                    .map(|entry| (text(&entry["exceptionName"]), task(entry)));
            }
        }
        if let Some(checkpoints) = self
            .get(plane, "checkpoints", &format!("/jobs/{id}/checkpoints"), "")
            .await
        {
            self.checkpoint_completed |= checkpoints["counts"]["completed"]
                .as_i64()
                .is_some_and(|count| count > 0);
            let restored = &checkpoints["latest"]["restored"];
            if let Some(path) = restored["external_path"].as_str() {
                // A checkpoint's path carries an id.
                let savepoint = restored["is_savepoint"] == true;
                self.restored = Some((
                    savepoint,
                    if savepoint {
                        path.to_owned()
                    } else {
                        "a checkpoint".to_owned()
                    },
                ));
            }
        }
        if let Some(metrics) = self
            .get(
                plane,
                "metrics",
                &format!("/jobs/{id}/metrics"),
                "get=numRestarts,fullRestarts",
            )
            .await
        {
            let values = list(&metrics)
                .iter()
                .filter_map(|metric| metric["value"].as_str()?.parse().ok());
            now[3] = values.max().unwrap_or(before[3]);
        }
        self.sticky_went_back |= before.iter().zip(&now).any(|(before, now)| now < before);
        self.sticky = now;
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}
