//! Patience: somebody is at work, a job comes up, a broker is down.

use jiff::Timestamp;

use super::Turn;
use crate::{
    ApplicationStatus, Assessment, Decision, OperationKind, OperationStatus, Reason, Request, Step,
};

/// Between two looks at an application that somebody is working on, or whose job comes up.
const LOOK_AGAIN_SECS: u32 = 30;
/// Between two looks at a job that is waited for: each look costs the JobManager.
const LOOK_LATER_SECS: u32 = 60;
/// Added to the end of a soak: the REST API's pictures are up to 3 s old.
const CACHE_SECS: i64 = 4;

impl Turn<'_> {
    /// Rung 1: somebody else is at work. Wait, up to the operation's time-out; the service's own rollback always goes first.
    pub(super) fn busy(&self) -> Option<Decision> {
        let Assessment::Busy { status, since } = self.s.assessment else {
            return None;
        };
        let waited = self.secs_since(*since);
        let limit = i64::from(self.s.applied.policy.operation_timeout_secs);
        if waited < limit {
            let left = u32::try_from(limit - waited).unwrap_or(LOOK_AGAIN_SECS);
            return Some(self.wait(
                LOOK_AGAIN_SECS.min(left),
                Reason::Busy,
                format!("{status} since {since}, {waited} s of {limit} s"),
            ));
        }
        let stuck = format!("{status} for {waited} s, longer than the {limit} s allowed");
        // What the service does of its own accord is never worked against; a stop that hangs may be somebody's intention, so it takes a person's word.
        let ours_to_end = matches!(
            status,
            ApplicationStatus::Starting | ApplicationStatus::Updating
        ) || matches!(
            self.s.request,
            Some(Request::ForceStop {} | Request::Restore { .. })
        ) && status.allows_force_stop();
        if !ours_to_end {
            return Some(self.escalate(
                Reason::OperationStuck,
                format!("{stuck}; this is the service's to end, open a support case"),
            ));
        }
        Some(match (&self.progress.rescue, self.s.request) {
            (Some(_), Some(Request::Rollback {}))
                if self.progress.has_acted() && !self.progress.is_used(Step::ForceStop) =>
            {
                self.escalate(
                    Reason::OperationStuck,
                    format!("the rollback that was asked for does not end: {stuck}"),
                )
            }
            (Some(rescue), _) => self.next_rung(rescue, &stuck),
            (None, Some(request)) => self.begin_asked(request),
            (None, None) => self.begin_rescue(),
        })
    }

    /// Coming up, or up and not yet soaked.
    pub(super) fn settle(&self, why: &str) -> Decision {
        let soak = i64::from(self.s.applied.policy.soak_secs);
        let up_since = self.s.watch.job.as_ref().and_then(|job| job.up_since);
        if let (Some(since), Some(job)) = (up_since, &self.s.seen.job) {
            let up = (job.at.as_millisecond() - since.as_millisecond()) / 1000;
            if up < soak {
                // A JobManager's clock may jump back: never longer than a soak.
                let left =
                    u32::try_from((soak - up).min(soak) + CACHE_SECS).unwrap_or(LOOK_AGAIN_SECS);
                return self.wait(left, Reason::Settling, why.to_owned());
            }
        }
        let waited = self.coming_up_secs();
        let limit = i64::from(self.s.applied.policy.settle_timeout_secs);
        if waited > limit {
            return self.escalate(
                Reason::SettlingTooLong,
                format!("not up after {waited} s, {limit} s are allowed: {why}"),
            );
        }
        self.wait(LOOK_AGAIN_SECS, Reason::Settling, why.to_owned())
    }

    /// For how long the job has been coming up: since the first look at this run of it, by Flink's clock, or at the status, by the clock of the looks.
    fn coming_up_secs(&self) -> i64 {
        let watch = self.s.watch;
        if let (Some(run), Some(job)) = (&watch.job, &self.s.seen.job) {
            return job.at.as_second() - run.first_seen_at.as_second();
        }
        let looked = self.s.seen.at;
        let since = watch.status.as_ref().map_or(looked, |status| status.since);
        looked.as_second() - since.as_second()
    }

    pub(super) fn no_progress(&self, since: Timestamp) -> Decision {
        let limit = i64::from(self.s.applied.policy.no_progress_secs);
        let reason = self.s.assessment.reason();
        if self.secs_since_flinks(since) >= limit {
            let text = format!(
                "{reason}; going back would not help what is stuck, and a snapshot could not be taken: look at backpressure and the checkpoint's failure"
            );
            return self.escalate(Reason::NoProgress, text);
        }
        self.wait(LOOK_LATER_SECS, Reason::NoProgress, reason)
    }

    pub(super) fn too_few_restarts(&self, restarts: u64) -> Decision {
        let text = format!(
            "{restarts} restart(s), {} make a loop",
            self.s.applied.policy.min_restarts
        );
        self.wait(LOOK_AGAIN_SECS, Reason::TooFewRestarts, text)
    }

    /// A fault that no change caused: going back does not help, Flink's own retry loses nothing. Tell people, wait, and ask for help if it lasts.
    pub(super) fn wait_outside(&self, why: &str) -> Decision {
        let found = self.s.assessment.reason();
        if matches!(self.s.assessment, Assessment::Failed { .. }) {
            return self.escalate(
                Reason::NotTheChange,
                format!("{found}; no change is to blame ({why}), and nothing retries by itself"),
            );
        }
        let limit = i64::from(self.s.applied.policy.external_patience_secs);
        if let Some(since) = self.progress.waiting_since {
            let waited = self.secs_since(since);
            if waited >= limit {
                return self.escalate(
                    Reason::NotTheChange,
                    format!("{found}; no change is to blame ({why}), and it has lasted {waited} s"),
                );
            }
            return self.wait(
                LOOK_LATER_SECS,
                Reason::NotTheChange,
                format!("{found}; waiting, {waited} s of {limit} s"),
            );
        }
        let mut turn = Turn {
            s: self.s,
            progress: self.progress.clone(),
            doubt: None,
        };
        turn.progress.waiting_since = Some(self.s.now);
        let decision = turn.wait(
            LOOK_LATER_SECS,
            Reason::NotTheChange,
            format!("{found}; no change is to blame: {why}"),
        );
        let text = format!(
            "{found}. No change is to blame: {why}. Rolling back would not help, and Flink retries by itself from its last checkpoint; \
             nothing is changed. Check what the job depends on. If it has not recovered in {limit} s you will hear again."
        );
        self.notice(decision, " fails, and no change is to blame", text)
    }

    /// The service's own operation that is still under way, for a turn that wants to act on a RUNNING application.
    pub(super) fn in_progress(&self) -> Option<String> {
        let operation = self.s.seen.operations.iter().find(|one| {
            one.status == OperationStatus::InProgress && one.kind() != OperationKind::Other
        })?;
        Some(format!("{} since {}", operation.name, operation.started_at))
    }
}
