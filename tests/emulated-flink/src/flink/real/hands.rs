//! What scenarios do to real clusters and see of them, beyond what the service asks.

use std::time::Duration;

use jiff::Timestamp;

use super::cluster::pause;
use super::{Application, JobRun, RealFlink, is_all_running, ledger, shown, times};
use crate::flink::data_plane::{Backstage, DataPlane as _, Launch, NotPlaced, PastFault};
use crate::flink::{ClusterEvent, Code, Millis, Records, Stream};
use ground::journal::Actor;

/// From RUNNING to every task RUNNING, for a job that is placed.
const PLACED: Duration = Duration::from_secs(60);

impl Backstage for RealFlink {
    fn add_code(&self, key: &str, code: Code) {
        self.inner.lock().codebook.insert(key.to_owned(), code);
    }

    fn open_stream(&self, application: &str, stream: Stream) {
        self.inner
            .lock()
            .applications
            .insert(application.to_owned(), Application::new(stream));
    }

    /// Taken as soon as there is a job: a savepoint of the past cannot be had. So it is younger than its snapshot says.
    fn place_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        _: Timestamp,
        _: &[String],
    ) -> String {
        if let Some(present) = self.inner.lock().applications.get_mut(application) {
            present.savepoints.insert(snapshot.to_owned(), None);
        }
        shown(application, snapshot)
    }

    fn place_job(
        &self,
        launch: &Launch,
        launched: Timestamp,
        _: &[PastFault],
    ) -> Result<(), NotPlaced> {
        let (inner, application) = (&self.inner, &launch.application);
        let not_placed = |why| NotPlaced {
            application: application.clone(),
            why,
        };
        let opened = inner.clock.now().as_millisecond();
        let before = times::real_now();
        inner
            .launch(launch)
            .map_err(|failure| not_placed(failure.message))?;
        let until = times::real_now() + Millis::try_from(PLACED.as_millis()).expect("a minute");
        while !self.is_healthy(application) {
            if times::real_now() > until {
                inner.lock().keep_folder = true;
                let folder = inner.folder.join(application);
                return Err(not_placed(format!(
                    "its tasks do not come up within {} s; the logs are under {}",
                    PLACED.as_secs(),
                    folder.display()
                )));
            }
            pause();
        }
        let pending: Vec<String> = {
            let state = inner.lock();
            let all = state
                .applications
                .get(application)
                .into_iter()
                .flat_map(|present| &present.savepoints);
            all.filter(|(_, location)| location.is_none())
                .map(|(snapshot, _)| snapshot.clone())
                .collect()
        };
        for snapshot in pending {
            inner
                .take_savepoint(application, &snapshot, false)
                .map_err(|error| {
                    not_placed(format!("no savepoint for snapshot {snapshot}: {error}"))
                })?;
        }
        inner.times.began(before, launched.as_millisecond(), opened);
        inner.watch(application);
        Ok(())
    }

    fn set_dependency(&self, name: &str, _: bool) {
        panic!("real Flink has no dependency {name} that could be switched off");
    }

    fn befall(&self, application: &str, event: &ClusterEvent) {
        assert_eq!(
            *event,
            ClusterEvent::TaskManagerLost,
            "real Flink can only lose a TaskManager here"
        );
        let mut state = self.inner.lock();
        let pair = state
            .applications
            .get_mut(application)
            .and_then(|present| present.pair.as_mut());
        let killed = pair.map_or_else(
            || Err("there is none".to_owned()),
            super::Pair::kill_task_manager,
        );
        drop(state);
        let text = killed.map_or_else(
            |error| format!("the TaskManager could not be killed: {error}"),
            |()| "the TaskManager was killed, another starts".to_owned(),
        );
        self.inner
            .journal
            .tell(Actor::Flink, Some(application), text);
    }

    fn records(&self, application: &str) -> Records {
        let (folder, produced) = {
            let state = self.inner.lock();
            let Some(present) = state.applications.get(application) else {
                return Records::default();
            };
            (
                self.inner.folder.join(application).join("ledger"),
                present.written(times::real_now(), self.inner.factor),
            )
        };
        ledger::count(&folder, produced).map_or_else(|_| Records::default(), |(records, _)| records)
    }

    fn job_runs(&self, application: &str) -> Vec<JobRun> {
        ledger::runs(&self.inner.folder.join(application).join("ledger")).unwrap_or_default()
    }

    fn written(&self, application: &str, at: Timestamp) -> Option<u64> {
        let real = self.inner.times.real(at.as_millisecond());
        Some(
            self.inner
                .lock()
                .applications
                .get(application)?
                .written(real, self.inner.factor),
        )
    }

    fn up_since(&self, application: &str) -> Option<Timestamp> {
        let state = self.inner.lock();
        let pair = state.applications.get(application)?.pair.as_ref()?;
        if !is_all_running(pair.overview().as_ref()) {
            return None;
        }
        let job = pair.get(&format!("/jobs/{}", pair.job.as_ref()?))?;
        let running = job["timestamps"]["RUNNING"].as_i64()?;
        Timestamp::from_millisecond(self.inner.times.region(running)).ok()
    }
}
