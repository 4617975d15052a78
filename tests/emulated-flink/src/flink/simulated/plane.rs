//! The simulated clusters as a data plane: what the service asks of them.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use super::SimulatedFlink;
use crate::flink::code::Fault;
use crate::flink::data_plane::{DataPlane, Ended, Launch, RestAnswer, Savepoint, SubmissionFailed};
use crate::flink::job::Phase;
use crate::flink::picture::JobState;
use crate::flink::{metrics, rest};
use ground::journal::Actor;

/// How long a submission takes that fails.
const REFUSAL: Duration = Duration::from_millis(1_800);

impl DataPlane for SimulatedFlink {
    fn launch(&self, launch: Launch) -> BoxFuture<'static, Result<(), SubmissionFailed>> {
        let inner = self.inner.clone();
        Box::pin(async move {
            match inner.submit(&launch) {
                Ok(running) => {
                    tokio::time::sleep(running).await;
                    inner.advance(&launch.application, inner.now());
                    Ok(())
                }
                Err(failure) => {
                    tokio::time::sleep(REFUSAL).await;
                    inner.journal.tell(
                        Actor::Flink,
                        Some(&launch.application),
                        "the submission fails, no job runs",
                    );
                    Err(failure)
                }
            }
        })
    }

    fn savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>> {
        let taken = self.inner.take_savepoint(application, snapshot, false);
        Box::pin(async move { taken })
    }

    fn stop_with_savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>> {
        let taken = self.inner.take_savepoint(application, snapshot, true);
        Box::pin(async move { taken })
    }

    fn cancel(&self, application: &str) -> BoxFuture<'static, ()> {
        let now = self.inner.now();
        self.inner.advance(application, now);
        if let Some(cluster) = self.inner.lock().clusters.get_mut(application) {
            cluster.keep(now);
            if let Some(mut job) = cluster.job.take() {
                job.cancel(now, &mut cluster.ledger);
            }
            cluster.gone();
        }
        Box::pin(async {})
    }

    fn replace_machines(&self, application: &str) -> BoxFuture<'static, ()> {
        let fault = Fault::new(
            "org.apache.flink.util.FlinkExpectedException",
            "The TaskExecutor is shutting down.",
        );
        self.inner.strike(application, |job, now| {
            if let Some(attempt) = &mut job.attempt {
                attempt.interrupt(now + 1, fault);
            }
        });
        Box::pin(async {})
    }

    fn is_healthy(&self, application: &str) -> bool {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let state = self.inner.lock();
        state
            .clusters
            .get(application)
            .and_then(|cluster| cluster.job.as_ref())
            .is_some_and(|job| job.unfit_for_savepoint(now).is_none())
    }

    fn restarts(&self, application: &str) -> u64 {
        self.inner.advance(application, self.inner.now());
        self.inner
            .lock()
            .clusters
            .get(application)
            .and_then(|cluster| cluster.job.as_ref())
            .map_or(0, |job| job.restarts)
    }

    fn ended(&self) -> BoxFuture<'static, (String, Ended)> {
        self.inner.endings.next()
    }

    fn rest(&self, application: &str, path: &str, query: &str) -> BoxFuture<'static, RestAnswer> {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let answer = match self.inner.lock().clusters.get_mut(application) {
            Some(cluster) => rest::answer(cluster, path, query, now),
            None => RestAnswer::error(
                503,
                "Service temporarily unavailable due to an ongoing leader election. Please refresh.",
            ),
        };
        Box::pin(async move { answer })
    }

    fn metrics(&self, application: &str, now: Timestamp) -> Vec<(&'static str, f64)> {
        let now = now.as_millisecond();
        self.inner.advance(application, now);
        let state = self.inner.lock();
        let Some(cluster) = state.clusters.get(application) else {
            return Vec::new();
        };
        let picture = cluster
            .job
            .as_ref()
            .filter(|job| !matches!(job.phase, Phase::Leaderless { .. }))
            .map(|job| job.picture(now, &cluster.ledger));
        picture
            .filter(|picture| picture.state != JobState::Initializing)
            .map_or_else(Vec::new, |picture| metrics::for_cloudwatch(&picture))
    }
}
