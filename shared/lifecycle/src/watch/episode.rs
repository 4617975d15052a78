//! The present trouble by what looks saw of it: its incidents, and what ends it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BACK_OFF_SECS, Watch};
use crate::{Fault, INCIDENT_SECS, Job, LATE_SECS, Ran};

/// So far the minute of a fault may be from the fault.
const MINUTE_SLACK_SECS: i64 = 90;

/// Incidents with no soak between. It is only added to: nothing turns round because Flink forgot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Episode {
    /// The job. Under another JobManager it keeps its id.
    #[serde(default)]
    pub job: String,
    /// The first fault.
    pub began_at: Timestamp,
    /// The first fault of the newest incident.
    pub last_at: Timestamp,
    /// How many.
    pub incidents: u32,
    /// The first fault, where it could be read.
    pub first_fault: Option<Fault>,
    /// The newest fault, where it could be read: what a loop fails with.
    pub newest_fault: Option<Fault>,
    /// Whether the job has soaked since: the next incident begins another.
    #[serde(default)]
    pub is_over: bool,
}

impl Watch {
    /// Adds what a look saw to the episode, or begins another.
    pub(super) fn take_incidents(
        &mut self,
        job: &Job,
        knows_exceptions: bool,
        soak_secs: u32,
        checkpoint_interval_secs: Option<u32>,
    ) {
        self.knows_all_faults = knows_exceptions && !job.faults.truncated;
        // Another job is another operation's: what the one before did is not this one's loop.
        self.episode = self.episode.take().filter(|episode| episode.job == job.id);
        let run = self.job.as_ref().filter(|run| run.id == job.id);
        let mut times = job.faults.incidents.clone();
        if times.is_empty() {
            times.extend(job.faults.first.as_ref().map(|fault| fault.at));
        }
        times.extend(job.faults.newest_at);
        times.extend(job.restarting_at);
        // The same job under another JobManager: the one before was lost.
        times.extend(
            run.filter(|run| run.started_at < job.started_at)
                .map(|_| job.started_at),
        );
        // A counter that rose says little where the exceptions can be read: a rescale that somebody asked for counts too.
        let rose =
            run.filter(|run| run.started_at == job.started_at && run.restarts < job.restarts());
        let unseen = |times: &[Timestamp]| {
            let last = self.episode.as_ref().map(|episode| episode.last_at);
            times.iter().all(|at| Some(*at) <= last)
        };
        if rose.is_some() && !knows_exceptions && unseen(&times) {
            times.push(job.at);
        }
        times.sort_unstable();
        for at in times {
            self.take_incident(at, job, soak_secs, checkpoint_interval_secs);
        }
        let newest = job.faults.newest.as_ref().or(job.faults.first.as_ref());
        if let (Some(episode), Some(newest)) = (&mut self.episode, newest)
            && newest.at >= episode.began_at
        {
            episode.newest_fault = Some(newest.clone());
        }
        self.forget_what_was_got_over(job);
    }

    fn take_incident(
        &mut self,
        at: Timestamp,
        job: &Job,
        soak_secs: u32,
        checkpoint_interval_secs: Option<u32>,
    ) {
        let known = [&job.faults.first, &job.faults.newest];
        let fault = known
            .into_iter()
            .flatten()
            .find(|fault| (fault.at.as_second() - at.as_second()).abs() <= INCIDENT_SECS);
        let begun = || Episode {
            job: job.id.clone(),
            began_at: at,
            last_at: at,
            incidents: 1,
            first_fault: fault.cloned(),
            newest_fault: None,
            is_over: false,
        };
        match &mut self.episode {
            None => self.episode = Some(begun()),
            Some(episode) => {
                let quiet = at.as_second() - episode.last_at.as_second();
                let is_another = episode.is_over && quiet > 0;
                // What lies before the first look at the job was not watched; from then on a soak would have been seen, or CloudWatch's minutes tell of it, and a long back-off is none.
                let is_first = self.looks <= 1 || self.job.is_none();
                let soak = i64::from(soak_secs);
                let ran_well = self.history.spans.iter().any(|span| {
                    // Until then its tasks may have been initialising, which up time does not tell.
                    let well_from = span.well_from(checkpoint_interval_secs);
                    let from = well_from.max(episode.last_at).as_second();
                    let until = span.until.min(at).as_second();
                    let none_completed = checkpoint_interval_secs.is_some()
                        && matches!(
                            span.ran,
                            Ran::Up {
                                checkpoints: Some(0),
                                ..
                            }
                        );
                    span.incidents() == 0 && !none_completed && until - from > soak + BACK_OFF_SECS
                });
                let is_far = (is_first || ran_well) && quiet > soak + BACK_OFF_SECS;
                if is_another || is_far {
                    self.episode = Some(begun());
                } else if quiet > INCIDENT_SECS {
                    episode.incidents = episode.incidents.saturating_add(1);
                    episode.last_at = at;
                }
            }
        }
    }

    /// When the present trouble began and how many incidents it had, by looks and by CloudWatch's minutes: the minutes know more of a loop so quick that Flink's sixteen entries are
    /// one incident.
    pub(super) fn loop_so_far(&self, job: &Job, soak_secs: u32) -> Option<(Timestamp, u32)> {
        let now = job.at;
        let late = i64::from(soak_secs) + LATE_SECS;
        let series = self.history.spans.last().filter(|span| {
            span.incidents() > 0
                && span.until > job.started_at
                && now.as_second() - span.until.as_second() <= late
                // To the minutes a rescale that somebody asked for looks like a restart. Where Flink tells of each fault since then, there are no others.
                && !(self.knows_all_faults && job.started_at <= span.from)
        });
        let series = series.map(|span| (span.from, span.incidents()));
        let seen = self.episode.as_ref().filter(|episode| {
            now.as_second() - episode.last_at.as_second() <= i64::from(soak_secs) + BACK_OFF_SECS
        });
        let seen = seen.map(|episode| (episode.began_at, episode.incidents));
        // A minute is as exact as the minutes are: where both mean the same fault, the look knows when it was, however long ago.
        let looked = self.episode.as_ref().filter(|episode| !episode.is_over);
        let exact = |minute: Timestamp| {
            looked
                .map(|episode| episode.began_at)
                .filter(|at| (minute.as_second() - at.as_second()).abs() <= MINUTE_SLACK_SECS)
        };
        match (series, seen) {
            (Some(a), Some(b)) => {
                let since = exact(a.0).unwrap_or(a.0.min(b.0));
                Some((since, a.1.max(b.1)))
            }
            (Some(a), None) => Some((exact(a.0).unwrap_or(a.0), a.1)),
            (None, b) => b,
        }
    }

    /// When the present trouble began; of a job that gave up long ago, when the last that was seen did.
    pub(crate) fn trouble_since(&self, job: &Job, soak_secs: u32) -> Option<Timestamp> {
        let so_far = self.loop_so_far(job, soak_secs).map(|(since, _)| since);
        so_far.or_else(|| self.episode.as_ref().map(|episode| episode.began_at))
    }

    /// What a run of the job got over before the present trouble is none of its faults.
    fn forget_what_was_got_over(&mut self, job: &Job) {
        let (Some(episode), Some(first)) = (&self.episode, &self.first_fault) else {
            return;
        };
        let before = episode.began_at.as_second() - first.at.as_second() > INCIDENT_SECS;
        if before && episode.job == job.id && job.started_at <= first.at {
            let known = episode.first_fault.as_ref();
            self.first_fault = known.or(episode.newest_fault.as_ref()).cloned();
        }
    }
}
