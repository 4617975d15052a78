//! Real clusters as a data plane: what the service asks of them.

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::{RealFlink, teller, times};
use crate::flink::data_plane::{DataPlane, Ended, Launch, RestAnswer, Savepoint, SubmissionFailed};
use ground::journal::Actor;

/// Metrics that CloudWatch gets up to Flink 1.20, from 2.2, and always: those of [`crate::flink::metrics`], without the records, which real Flink counts by task.
const UP_TO_1_20: [&str; 1] = ["fullRestarts"];
const FROM_2_2: [&str; 5] = [
    "numRestarts",
    "runningTime",
    "restartingTime",
    "failingTime",
    "cancellingTime",
];
const ALWAYS: [&str; 5] = [
    "uptime",
    "downtime",
    "lastCheckpointDuration",
    "lastCheckpointSize",
    "numberOfFailedCheckpoints",
];
/// Metrics that are the time since something began.
const SINCE: [&str; 6] = [
    "uptime",
    "downtime",
    "runningTime",
    "restartingTime",
    "failingTime",
    "cancellingTime",
];
/// A metric that is how long something took, measured in real time.
const TOOK: &str = "lastCheckpointDuration";

impl DataPlane for RealFlink {
    fn launch(&self, launch: Launch) -> BoxFuture<'static, Result<(), SubmissionFailed>> {
        let inner = self.inner.clone();
        Box::pin(async move {
            let (at, name) = (inner.clone(), launch.application.clone());
            let launched = tokio::task::spawn_blocking(move || at.launch(&launch)).await;
            let broken = |error: tokio::task::JoinError| SubmissionFailed {
                message: error.to_string(),
                state_does_not_fit: false,
            };
            launched.map_err(broken)??;
            inner.watch(&name);
            Ok(())
        })
    }

    fn savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>> {
        self.savepoint_of(application, snapshot, false)
    }

    fn stop_with_savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>> {
        self.savepoint_of(application, snapshot, true)
    }

    fn cancel(&self, application: &str) -> BoxFuture<'static, ()> {
        let (inner, application) = (self.inner.clone(), application.to_owned());
        Box::pin(async move {
            // Nobody is to wait for a task that panicked: there is nothing left to cancel then.
            let _ = tokio::task::spawn_blocking(move || {
                if let Some(present) = inner.lock().applications.get_mut(&application) {
                    if let Some(pair) = &present.pair {
                        pair.cancel();
                    }
                    present.over();
                }
            })
            .await;
        })
    }

    fn replace_machines(&self, application: &str) -> BoxFuture<'static, ()> {
        let (inner, application) = (self.inner.clone(), application.to_owned());
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                let mut state = inner.lock();
                let pair = state
                    .applications
                    .get_mut(&application)
                    .and_then(|present| present.pair.as_mut());
                let replaced = pair.map_or(Ok(()), super::Pair::replace_task_manager);
                drop(state);
                if let Err(error) = replaced {
                    inner.journal.tell(
                        Actor::Flink,
                        Some(&application),
                        format!("the machine could not be replaced: {error}"),
                    );
                }
            });
            let _ = done.await;
        })
    }

    fn is_healthy(&self, application: &str) -> bool {
        self.inner
            .lock()
            .applications
            .get_mut(application)
            .is_some_and(super::Application::is_healthy)
    }

    fn restarts(&self, application: &str) -> u64 {
        let state = self.inner.lock();
        let pair = state
            .applications
            .get(application)
            .and_then(|present| present.pair.as_ref());
        pair.and_then(teller::restarts).unwrap_or(0)
    }

    fn ended(&self) -> BoxFuture<'static, (String, Ended)> {
        self.inner.endings.next()
    }

    fn rest(&self, application: &str, path: &str, query: &str) -> BoxFuture<'static, RestAnswer> {
        let (inner, application) = (self.inner.clone(), application.to_owned());
        // The token is the service's affair; Flink never sees it.
        let query: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("authToken="))
            .collect();
        let asked = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", query.join("&"))
        };
        Box::pin(async move {
            let unavailable = |why: String| RestAnswer::error(503, &why);
            let client = inner
                .lock()
                .applications
                .get(&application)
                .and_then(|present| present.pair.as_ref())
                .map(|pair| pair.client);
            let Some(client) = client else {
                return unavailable(
                    "Service temporarily unavailable due to an ongoing leader election.".to_owned(),
                );
            };
            let answered = tokio::task::spawn_blocking(move || {
                inner.note();
                let answer = client.get(&asked).map_err(|error| error.to_string())?;
                let mut body =
                    serde_json::from_str(&inner.named(&application, &answer.body.to_string()))
                        .map_err(|error| error.to_string())?;
                inner.times.translate(&mut body, times::real_now());
                Ok(RestAnswer { body, ..answer })
            });
            match answered.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(why)) => unavailable(why),
                Err(error) => unavailable(error.to_string()),
            }
        })
    }

    fn metrics(&self, application: &str, now: Timestamp) -> Vec<(&'static str, f64)> {
        let state = self.inner.lock();
        let Some(pair) = state
            .applications
            .get(application)
            .and_then(|present| present.pair.as_ref())
        else {
            return Vec::new();
        };
        let Some(job) = &pair.job else {
            return Vec::new();
        };
        let names: Vec<&str> = UP_TO_1_20
            .into_iter()
            .chain(FROM_2_2)
            .chain(ALWAYS)
            .collect();
        let asked = times::real_now();
        let Some(metrics) = pair.get(&format!("/jobs/{job}/metrics?get={}", names.join(",")))
        else {
            return Vec::new();
        };
        let metrics: Vec<(&str, f64)> = metrics
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(value)
            .collect();
        let old = metrics.iter().any(|(name, _)| *name == "fullRestarts");
        let sent: &[&'static str] = if old { &UP_TO_1_20 } else { &FROM_2_2 };
        let times = &self.inner.times;
        let of = |name: &'static str| {
            let (_, value) = metrics.iter().find(|(known, _)| *known == name)?;
            // -1 stands for none.
            let told = match name {
                name if SINCE.contains(&name) && *value > 0.0 => {
                    times.since(asked, *value, now.as_millisecond())
                }
                TOOK if *value > 0.0 => value * self.inner.factor,
                _ => *value,
            };
            Some((name, told))
        };
        sent.iter().chain(&ALWAYS).copied().filter_map(of).collect()
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl RealFlink {
    fn savepoint_of(
        &self,
        application: &str,
        snapshot: &str,
        stop: bool,
    ) -> BoxFuture<'static, Result<Savepoint, String>> {
        let (inner, application, snapshot) = (
            self.inner.clone(),
            application.to_owned(),
            snapshot.to_owned(),
        );
        Box::pin(async move {
            let taken = tokio::task::spawn_blocking(move || {
                inner.take_savepoint(&application, &snapshot, stop)
            })
            .await;
            taken.map_err(|error| error.to_string())?
        })
    }
}

fn value(metric: &serde_json::Value) -> Option<(&str, f64)> {
    Some((
        metric["id"].as_str()?,
        metric["value"].as_str()?.parse().ok()?,
    ))
}
