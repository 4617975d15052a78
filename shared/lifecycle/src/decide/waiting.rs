//! Patience: somebody is at work, a job comes up, a broker is down.

use jiff::Timestamp;

use super::Turn;
use crate::{
    ApplicationStatus, Assessment, Decision, OperationKind, OperationStatus, Reason, Request, Row,
    Step,
};

/// Between two looks at an application that somebody is working on, or whose job comes up.
const LOOK_AGAIN_SECS: u32 = 30;
/// Between two looks at a job that is waited for: each look costs the JobManager.
const LOOK_LATER_SECS: u32 = 60;
/// For so long what a step of ours began is looked at more often, so that the next step follows, or the soak begins, as soon as the service allows it. What takes longer takes
/// minutes more.
const LOOK_SOON_FOR_SECS: i64 = 300;
/// So long the incidents of a loop have to go on.
const LOOPING_FOR_SECS: i64 = 120;
/// Added to the end of a soak: the REST API's pictures are up to 3 s old.
const CACHE_SECS: i64 = 4;

impl Turn<'_> {
    /// Somebody else is at work. Wait, up to the operation's time-out; the service's own rollback always goes first.
    pub(super) fn busy(&self) -> Option<Decision> {
        let Assessment::Busy { status, since } = self.s.assessment else {
            return None;
        };
        let waited = self.secs_since(*since);
        let limit = i64::from(self.s.applied.policy.operation_timeout_secs);
        if waited < limit {
            let left = u32::try_from(limit - waited).unwrap_or(LOOK_AGAIN_SECS);
            return Some(self.wait(
                self.again_after(waited).min(left),
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
            (Some(rescue), _) => self.next_step(rescue, &stuck),
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
                return self.wait(
                    left.min(self.looks_within()),
                    Reason::Settling,
                    why.to_owned(),
                );
            }
        }
        let waited = self.coming_up_secs();
        let limit = i64::from(self.s.applied.policy.settle_timeout_secs);
        if waited > limit {
            return self.not_up(&format!(
                "not up after {waited} s, {limit} s are allowed: {why}"
            ));
        }
        self.wait(self.again_after(waited), Reason::Settling, why.to_owned())
    }

    /// Until the next look at what has been under way for so long: soon, where a step of ours began it.
    fn again_after(&self, waited: i64) -> u32 {
        if self.progress.has_acted() && waited < LOOK_SOON_FOR_SECS {
            self.soon()
        } else {
            LOOK_AGAIN_SECS
        }
    }

    /// How long a job that soaks is left alone at most. Before the first step nobody knows yet whether it works, and a fault is to be seen soon; afterwards only the end of the soak counts.
    fn looks_within(&self) -> u32 {
        let restarts = self.s.seen.job.as_ref().map_or(0, crate::Job::restarts);
        match (self.progress.steps.is_empty(), restarts) {
            (false, _) => u32::MAX,
            (true, 0) => LOOK_LATER_SECS,
            (true, _) => LOOK_AGAIN_SECS,
        }
    }

    /// For how long the job has been coming up: since the first look at this run of it, or the fault after which it did no more, by Flink's clock; or at the status, by the clock of
    /// the looks.
    fn coming_up_secs(&self) -> i64 {
        let watch = self.s.watch;
        if let (Some(run), Some(job)) = (&watch.job, &self.s.seen.job) {
            let episode = watch
                .episode
                .as_ref()
                .filter(|episode| episode.job == job.id);
            let began = episode.map_or(run.first_seen_at, |episode| episode.began_at);
            return job.at.as_second() - run.first_seen_at.max(began).as_second();
        }
        let looked = self.s.seen.at;
        let since = watch.status.as_ref().map_or(looked, |status| status.since);
        looked.as_second() - since.as_second()
    }

    pub(super) fn no_progress(&self, since: Timestamp) -> Decision {
        let limit = self.no_progress_limit();
        let reason = self.s.assessment.reason();
        if self.secs_since_flinks(since) >= limit {
            if self.stands_still(limit) {
                return self.not_up(&reason);
            }
            let text = format!(
                "{reason}; going back would not help what is stuck, and a snapshot could not be taken: look at backpressure and the checkpoint's failure"
            );
            return self.escalate(Reason::NoProgress, text);
        }
        self.wait(LOOK_LATER_SECS, Reason::NoProgress, reason)
    }

    /// A checkpoint that is not due yet is not missed: the interval may be longer than the policy's time.
    fn no_progress_limit(&self) -> i64 {
        let policy = &self.s.applied.policy;
        let interval = self.s.seen.application.checkpoint_interval_secs;
        let due = interval.map_or(0, |interval| interval.saturating_add(policy.soak_secs));
        i64::from(policy.no_progress_secs.max(due))
    }

    /// A version that does not come up, or gets nowhere, after one that did is judged like one that fails.
    fn not_up(&self, text: &str) -> Decision {
        if self.progress.rescue.is_none() && self.s.request.is_none() {
            return self.begin_rescue();
        }
        let because = match self.s.assessment {
            Assessment::NoProgress { .. } => Reason::NoProgress,
            _ => Reason::SettlingTooLong,
        };
        self.escalate(because, text)
    }

    /// Whether no record has gone through for so long. A job that catches up while its checkpoints are late makes progress.
    fn stands_still(&self, secs: i64) -> bool {
        let history = &self.s.watch.history;
        let (Some(known), Some(last)) = (history.known, history.records_at) else {
            return false;
        };
        known.until.as_second() - last.as_second() >= secs - crate::LATE_SECS
    }

    /// A loop is several incidents over some minutes: three within a minute may be a broker that fails over.
    pub(super) fn is_no_loop_yet(&self) -> bool {
        let Assessment::Looping {
            since, incidents, ..
        } = self.s.assessment
        else {
            return false;
        };
        *incidents < self.s.applied.policy.min_restarts
            || self.secs_since_flinks(*since) < LOOPING_FOR_SECS
    }

    /// A long restart delay: what does not even try for longer than a job may take to come up will not be a loop for hours.
    fn down_too_long(&self) -> Option<String> {
        let job = self.s.seen.job.as_ref()?;
        let down = job.at.as_second() - job.disturbed_at().as_second();
        let limit = i64::from(self.s.applied.policy.settle_timeout_secs);
        let is_down = !job.is_all_running() && down > limit;
        is_down.then(|| format!("not up for {down} s, {limit} s are allowed"))
    }

    pub(super) fn too_few_incidents(&self) -> Decision {
        let Assessment::Looping {
            since, incidents, ..
        } = self.s.assessment
        else {
            return self.settle(&self.s.assessment.reason());
        };
        if let Some(down) = self.down_too_long() {
            return self.not_up(&down);
        }
        let text = format!(
            "{incidents} incident(s) since {since}; {} over {LOOPING_FOR_SECS} s make a loop",
            self.s.applied.policy.min_restarts
        );
        // Not later than when they have gone on for long enough.
        let left = LOOPING_FOR_SECS - self.secs_since_flinks(*since) + 1;
        let secs = u32::try_from(left.max(1)).unwrap_or(LOOK_AGAIN_SECS);
        let secs = if left > 0 {
            secs.min(LOOK_AGAIN_SECS)
        } else {
            LOOK_AGAIN_SECS
        };
        self.wait(secs, Reason::TooFewRestarts, text)
    }

    /// Nothing is changed because of what is wrong: people are told at once, and asked again if it lasts.
    pub(super) fn held(&self, row: Row, why: &str) -> Decision {
        let because = row.reason();
        if let Some(look) = self.looks_around(because) {
            return look;
        }
        let found = self.s.assessment.reason();
        match self.s.assessment {
            Assessment::Busy { .. } => {
                let text = format!("{found}, longer than allowed; {why}");
                return self.escalate(Reason::OperationStuck, text);
            }
            // The cause is the others' too, however it shows here.
            _ if because == Reason::CommonCause => return self.wait_for_people(because, why),
            Assessment::Settling { .. } => {
                let text = format!("not up for longer than allowed: {found}; {why}");
                return self.escalate(Reason::SettlingTooLong, text);
            }
            Assessment::NoProgress { .. } => {
                return self.escalate(Reason::NoProgress, format!("{found}; {why}"));
            }
            // Nothing retries by itself.
            Assessment::Failed { .. } => {
                return self.escalate(because, format!("{found}; {why}"));
            }
            _ => {}
        }
        // Somebody has to deploy something; waiting would not show more.
        if row == Row::NothingToGoBackTo {
            return self.escalate(because, format!("{found}; {why}, so nothing was changed"));
        }
        self.wait_for_people(because, why)
    }

    /// Flink retries by itself from its last checkpoint and loses nothing meanwhile.
    pub(super) fn wait_for_people(&self, because: Reason, why: &str) -> Decision {
        let found = self.s.assessment.reason();
        let limit = i64::from(self.s.applied.policy.external_patience_secs);
        let is_common = because == Reason::CommonCause;
        // What was told of all at once, and is this application's own after all, people have not heard of.
        let is_untold = self.progress.shared.is_told_by_others && !is_common;
        if let Some(since) = self.progress.waiting_since.filter(|_| !is_untold) {
            let waited = self.secs_since(since);
            if waited >= limit {
                let text = format!("{found}; nothing was changed, because {why}");
                return self.escalate(because, text);
            }
            let text = format!("{found}; nothing is changed, because {why}");
            return self.wait(LOOK_LATER_SECS, because, text);
        }
        let mut turn = Turn {
            s: self.s,
            progress: self.progress.clone(),
            doubt: None,
        };
        turn.progress.waiting_since = Some(self.s.now);
        turn.progress.shared.is_told_by_others = is_common && !self.s.others.is_teller;
        let text = format!("{found}; nothing is changed, because {why}");
        let decision = turn.wait(LOOK_LATER_SECS, because, text);
        let (news, advice) = match because {
            Reason::HadWorked => (
                " fails, and its version had run well",
                "Rolling back would not help. Check what the job depends on.",
            ),
            Reason::NotTheChange => (
                " fails, and so did the version before",
                "Rolling back would not help. Check what the job depends on.",
            ),
            Reason::CommonCause => (
                " fails, and so do other applications",
                "Rolling back would not help. Check what they share.",
            ),
            _ => (
                " fails, and a person has to decide about rolling back",
                "Whether the change is to blame is for a person to say: ask for a rollback if you think that it is.",
            ),
        };
        let text = format!(
            "{found}. Nothing is changed, because {why}. Flink retries by itself from its last checkpoint. {advice} You will hear again if it lasts."
        );
        let mut decision = self.notice(decision, news, text);
        if let Some(notice) = decision.notice.as_mut().filter(|_| is_common) {
            let own = self.s.others.own.as_ref();
            let class = own.and_then(|own| own.class.clone());
            notice.common = Some(class.unwrap_or_else(|| "unknown".to_owned()));
        }
        decision
    }

    /// The service's own operation that is still under way, for a turn that wants to act on a RUNNING application.
    pub(super) fn in_progress(&self) -> Option<String> {
        let operation = self.s.seen.operations.iter().find(|one| {
            one.status == OperationStatus::InProgress && one.kind() != OperationKind::Other
        })?;
        Some(format!("{} since {}", operation.name, operation.started_at))
    }
}
