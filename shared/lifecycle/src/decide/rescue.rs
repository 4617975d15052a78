//! The rungs: roll back; or force-stop, put the good configuration back, start from the right snapshot.

use super::{Turn, effect::is_lost, unread_of};
use crate::{
    Action, ApplicationStatus, Assessment, Blame, Decision, Operation, Part, Plan, Reason, Request,
    Rescue, Restore, Runtime, Snapshot, SnapshotChoice, SnapshotStatus, Step,
    blame::STAMP_SLACK_SECS, choose_snapshot, unfit,
};

/// Errors of a step after which no other step is right either: what is not permitted, or a defect of this project.
const NEEDS_A_PERSON: [&str; 3] = [
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
];

impl Turn<'_> {
    /// The application is broken and nothing has been done: is the change to blame, and may something be done?
    pub(super) fn begin_rescue(&self) -> Decision {
        let blame = match self.blame() {
            Ok(blame) => blame,
            Err(cannot_tell) => return *cannot_tell,
        };
        let (cutoff, fault_at, why) = match blame {
            Blame::Change {
                cutoff,
                fault_at,
                why,
            } => (cutoff, fault_at, why),
            Blame::Elsewhere { why } if matches!(self.s.assessment, Assessment::Busy { .. }) => {
                let text = format!(
                    "{}, longer than allowed; no change is to blame ({why})",
                    self.s.assessment.reason()
                );
                return self.escalate(Reason::OperationStuck, text);
            }
            Blame::Elsewhere { why } => return self.wait_outside(&why),
            Blame::CannotTell { why } => return self.cannot_tell_yet(Reason::Unknown, why),
        };
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let application = &self.s.seen.application;
        let Some((good, runtime)) = self.version_before() else {
            if self.s.seen.why_unreadable(Part::Versions).is_some() {
                return self.cannot_tell_yet(Reason::Unknown, self.no_version());
            }
            let text = format!(
                "{}; {why}, but {}",
                self.s.assessment.reason(),
                self.no_version()
            );
            return self.escalate(Reason::NoVersion, text);
        };
        let snapshot = choose_snapshot(
            &self.s.seen.snapshots,
            &runtime,
            cutoff,
            self.s.now,
            self.s.applied.policy.max_snapshot_age_secs,
        );
        if snapshot.chosen.is_none() {
            if let Some(doubt) = self.snapshots_unread() {
                return doubt;
            }
            let text = format!(
                "{}; {why}, but {}: nothing was touched. A start without state needs a person's word",
                self.s.assessment.reason(),
                self.no_snapshot(&snapshot)
            );
            return self.escalate(Reason::NoSnapshot, text);
        }
        let rescue = Rescue {
            faulty_version_id: application.version_id,
            good_version_id: good,
            good_runtime: runtime,
            cutoff,
            fault_at,
            because: why.clone(),
            snapshot,
        };
        self.with(rescue, |turn, rescue| turn.next_rung(rescue, &why))
    }

    /// The same turn with the rescue written down.
    fn with(&self, rescue: Rescue, next: impl FnOnce(&Turn<'_>, &Rescue) -> Decision) -> Decision {
        let mut progress = self.progress.clone();
        progress.rescue = Some(rescue.clone());
        next(
            &Turn {
                s: self.s,
                progress,
                doubt: self.doubt,
            },
            &rescue,
        )
    }

    /// Where a rollback goes, with its runtime.
    fn version_before(&self) -> Option<(u64, Runtime)> {
        let before = self.s.seen.application.version_updated_from?;
        Some((before, self.s.seen.runtime_of(before)?.clone()))
    }

    /// Why there is no version to go back to.
    fn no_version(&self) -> String {
        match (
            self.s.seen.application.version_updated_from,
            self.s.seen.why_unreadable(Part::Versions),
        ) {
            (None, _) => "the service names no version before this one".into(),
            (Some(before), Some(why)) => {
                format!("version {before}, to go back to, could not be read: {why}")
            }
            (Some(before), None) => format!("version {before}, to go back to, is not known"),
        }
    }

    /// The next rung that is open from here. The brakes hold on every rung: a tag may be set while a rescue is under way.
    pub(super) fn next_rung(&self, rescue: &Rescue, why: &str) -> Decision {
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let application = &self.s.seen.application;
        let version_id = application.version_id;
        if let Some((step, error, message)) = self
            .progress
            .last_failure()
            .filter(|(_, error, _)| NEEDS_A_PERSON.contains(error))
        {
            return self
                .escalate(Reason::LadderExhausted, format!("{step:?} ended with {error}: {message}; no other step is tried without a person"));
        }
        if application.status == ApplicationStatus::Ready {
            return self.restore_rungs(rescue, why);
        }
        if let Some(operation) = self.in_progress().filter(|_| !application.status.is_busy()) {
            return self.wait(
                30,
                Reason::Busy,
                format!(
                    "{} is RUNNING, but {operation} is in progress",
                    application.name
                ),
            );
        }
        let asked_for_another_way = matches!(
            self.s.request,
            Some(Request::ForceStop {} | Request::Restore { .. })
        );
        let rollback_open = !asked_for_another_way
            && !self.is_spent(Step::Rollback)
            && !self.progress.is_used(Step::ForceStop)
            && application.status.allows_rollback();
        // Only the version the rescue is about is rolled back: after any change of version the fence would be a guess.
        if rollback_open
            && version_id == rescue.faulty_version_id
            && !self.rollback_could_take_unfit_snapshot(rescue)
        {
            let reason = format!(
                "roll version {version_id} back to version {}: {why}",
                rescue.good_version_id
            );
            let plan = Plan {
                version_id,
                target_version_id: Some(rescue.good_version_id),
                reason,
                ..Plan::default()
            };
            let because = if self.s.request.is_some() {
                Reason::AskedFor
            } else {
                Reason::ChangeToBlame
            };
            return self.step(Step::Rollback, plan, because);
        }
        // Stopped with no rung left, it would only stay stopped: a job that loops is retried by Flink.
        let can_be_started = !self.is_spent(Step::Start)
            && (!self.is_spent(Step::RestoreConfiguration)
                || self.progress.is_done(Step::RestoreConfiguration));
        if can_be_started
            && !self.is_spent(Step::ForceStop)
            && application.status.allows_force_stop()
        {
            let reason = format!(
                "force-stop, to start version {} from the right snapshot: {}",
                rescue.good_version_id,
                self.what_went_before(why)
            );
            return self.step(
                Step::ForceStop,
                Plan {
                    version_id,
                    target_version_id: carried_over(rescue),
                    reason,
                    ..Plan::default()
                },
                Reason::NextRung,
            );
        }
        if let Some(last_resort) = self.was_started_as_stored(rescue) {
            return self.escalate(Reason::LadderExhausted, format!("{last_resort}; {why}"));
        }
        self.escalate(
            Reason::LadderExhausted,
            format!("every rung is used: {}", self.what_went_before(why)),
        )
    }

    /// While READY: configuration, then start.
    fn restore_rungs(&self, rescue: &Rescue, why: &str) -> Decision {
        let version_id = self.s.seen.application.version_id;
        let needs_configuration = rescue.good_version_id != rescue.faulty_version_id
            && !self.progress.is_done(Step::RestoreConfiguration);
        if needs_configuration {
            if self.is_spent(Step::RestoreConfiguration) {
                return self.without_the_good_configuration(rescue, why);
            }
            let reason = format!(
                "put the configuration of version {} back: {}",
                rescue.good_version_id,
                self.what_went_before(why)
            );
            // Fenced as the first try was: what it did itself counts as done, and what somebody else stored since is not overwritten.
            let lost = self
                .progress
                .last(Step::RestoreConfiguration)
                .filter(|taken| is_lost(taken));
            let version_id = lost.map_or(version_id, |taken| taken.version_id);
            let plan = Plan {
                version_id,
                target_version_id: Some(rescue.good_version_id),
                reason,
                ..Plan::default()
            };
            return self.step(Step::RestoreConfiguration, plan, Reason::NextRung);
        }
        if self.is_spent(Step::Start) {
            return self.escalate(
                Reason::LadderExhausted,
                format!("the start did not help: {}", self.what_went_before(why)),
            );
        }
        let (restore, from) = match (&rescue.snapshot.chosen, self.without_state()) {
            (_, true) => (
                Restore::WithoutState {
                    without_state: true,
                },
                "without state, on a person's word".to_owned(),
            ),
            (Some(snapshot), false) => (
                Restore::Snapshot {
                    snapshot_name: snapshot.name.clone(),
                },
                self.told_snapshot(rescue, snapshot),
            ),
            (None, false) => {
                return self.escalate(Reason::NoSnapshot, self.no_snapshot(&rescue.snapshot));
            }
        };
        let allow_non_restored_state = match self.s.request {
            Some(Request::Restore {
                allow_non_restored_state,
                ..
            }) => *allow_non_restored_state,
            _ => None,
        };
        let reason = format!("start version {} {from}", rescue.good_version_id);
        let plan = Plan {
            version_id,
            restore: Some(restore),
            allow_non_restored_state,
            reason,
            ..Plan::default()
        };
        self.step(
            Step::Start,
            plan,
            if self.s.request.is_some() {
                Reason::AskedFor
            } else {
                Reason::NextRung
            },
        )
    }

    fn told_snapshot(&self, rescue: &Rescue, snapshot: &Snapshot) -> String {
        let replayed = self.secs_since(snapshot.created_at);
        let passed: Vec<String> = rescue
            .snapshot
            .passed_over
            .iter()
            .map(|one| format!("{} ({})", one.name, one.why))
            .collect();
        let passed = if passed.is_empty() {
            String::new()
        } else {
            format!("; passed over: {}", passed.join(", "))
        };
        format!(
            "from snapshot {} of {}; {replayed} s of records are replayed{passed}",
            snapshot.name, snapshot.created_at
        )
    }

    /// Which snapshot the service's rollback takes when one was taken since the change is not documented. One that does not fit the runtime would break the job, so then
    /// the rungs below are taken, which name the snapshot.
    fn rollback_could_take_unfit_snapshot(&self, rescue: &Rescue) -> bool {
        let since =
            self.s.seen.snapshots.iter().filter(|one| {
                one.status == SnapshotStatus::Ready && one.created_at >= rescue.cutoff
            });
        since.into_iter().any(|one| {
            one.runtime
                .as_ref()
                .is_none_or(|runtime| !rescue.good_runtime.accepts_snapshot_of(runtime))
        })
    }

    pub(super) fn what_went_before(&self, why: &str) -> String {
        match self.progress.last_failure() {
            Some((step, _, message)) => format!("{step:?} failed ({message}); {why}"),
            None if self.progress.is_done(Step::Rollback)
                && self.s.seen.application.status != ApplicationStatus::Ready =>
            {
                format!("the rollback did not help; {why}")
            }
            None => why.to_owned(),
        }
    }

    /// A rescue is under way: has it worked?
    pub(super) fn rescue_under_way(&self) -> Option<Decision> {
        let rescue = self.progress.rescue.as_ref()?;
        let why = self.s.assessment.reason();
        let acted = self.progress.has_acted() || self.took_effect_unheard();
        if let Some(wait) = self.not_shown_yet().filter(|_| !self.asked_stop_is_done()) {
            return Some(wait);
        }
        let asked_rollback = matches!(self.s.request, Some(Request::Rollback {}));
        Some(match self.s.assessment {
            _ if self.asked_stop_is_done() => self.leave_alone(
                Reason::Stopped,
                "force-stopped as asked; it stays READY until somebody starts it",
            ),
            // The step was refused or lost and the application is as before: the rungs go on, or the person is told.
            _ if !acted => self.retry_or_next(rescue, &why),
            Assessment::Healthy { since } if self.is_older_than_the_step(*since) => {
                self.healthy_all_along(&why)
            }
            Assessment::Healthy { .. } => self.recovered(rescue),
            // Only where the last step was to make it run: READY after a force-stop is our own doing.
            Assessment::Finished
                if self
                    .progress
                    .steps
                    .last()
                    .is_some_and(|last| matches!(last.step, Step::Start | Step::Rollback)) =>
            {
                self.recovered(rescue)
            }
            Assessment::Settling { why } => self.settle(why),
            Assessment::NoProgress { since, .. } => self.no_progress(*since),
            Assessment::Looping { restarts, .. }
                if *restarts < u64::from(self.s.applied.policy.min_restarts) =>
            {
                self.too_few_restarts(*restarts)
            }
            _ if asked_rollback => self.escalate(
                Reason::LadderExhausted,
                format!("the rollback that was asked for did not help: {why}"),
            ),
            _ => self.next_rung(rescue, &why),
        })
    }

    fn asked_stop_is_done(&self) -> bool {
        matches!(self.s.request, Some(Request::ForceStop {}))
            && self.s.seen.application.status == ApplicationStatus::Ready
    }

    fn retry_or_next(&self, rescue: &Rescue, why: &str) -> Decision {
        match (self.s.request, self.s.assessment) {
            (None, Assessment::Healthy { .. }) => self.leave_alone(
                Reason::RunsAgain,
                format!("nothing was changed, and it runs again: {why}"),
            ),
            (None, Assessment::Settling { why }) => self.settle(why),
            (None, Assessment::NoProgress { since, .. }) => self.no_progress(*since),
            (None, Assessment::Looping { restarts, .. })
                if *restarts < u64::from(self.s.applied.policy.min_restarts) =>
            {
                self.too_few_restarts(*restarts)
            }
            // It was not us who stopped it.
            (None, Assessment::Stopped { why }) => {
                self.leave_alone(Reason::Stopped, format!("nothing was changed: {why}"))
            }
            (None, Assessment::Finished) => {
                self.leave_alone(Reason::Finished, format!("nothing was changed: {why}"))
            }
            (Some(Request::Rollback {}), _)
                if self.is_spent(Step::Rollback)
                    || !self.s.seen.application.status.allows_rollback() =>
            {
                let said = self
                    .progress
                    .last_failure()
                    .map_or("", |(_, _, message)| message);
                self.escalate(
                    Reason::RequestRefused,
                    format!("the rollback that was asked for was not done: {said}"),
                )
            }
            _ => self.next_rung(rescue, why),
        }
    }

    /// A step was accepted, and the job that is healthy now was so before it.
    fn healthy_all_along(&self, why: &str) -> Decision {
        if self.s.request.is_some() {
            return self.escalate(
                Reason::LadderExhausted,
                format!("what was asked for was accepted, but changed nothing that runs: {why}"),
            );
        }
        self.leave_alone(
            Reason::RunsAgain,
            format!("the last step changed nothing that runs, and it runs again: {why}"),
        )
    }

    /// Soaked. Which snapshot was restored is checked against the plan.
    fn recovered(&self, rescue: &Rescue) -> Decision {
        let health = self.s.assessment.reason();
        if let Some(last_resort) = self.was_started_as_stored(rescue) {
            let text = format!(
                "{last_resort}, and it runs: {health}; {}",
                self.restored(rescue)
            );
            return self.escalate(Reason::LadderExhausted, text);
        }
        self.say(
            Action::Recovered,
            Reason::Recovered,
            format!("{health}; {}", self.restored(rescue)),
        )
    }

    fn restored(&self, rescue: &Rescue) -> String {
        let restored = self
            .s
            .seen
            .job
            .as_ref()
            .and_then(|job| job.checkpoints.as_ref())
            .and_then(|checkpoints| checkpoints.latest_restored.as_ref());
        let named = restored.and_then(|restored| restored.path.as_deref());
        match (&rescue.snapshot.chosen, named) {
            _ if self.without_state() => "started without state, as asked".into(),
            // The longest name that fits: a path with `before-10` contains `before-1` too.
            (Some(planned), Some(path)) => {
                match self
                    .s
                    .seen
                    .snapshots
                    .iter()
                    .chain([planned])
                    .filter(|one| path.contains(&one.name))
                    .max_by_key(|one| one.name.len())
                {
                    Some(restored) if restored.name == planned.name => {
                        format!("restored from snapshot {}, as planned", planned.name)
                    }
                    Some(other) if other.created_at >= rescue.cutoff => {
                        format!(
                            "CHECK THE STATE: restored from snapshot {}, taken after the faulty version began; planned was {}",
                            other.name, planned.name
                        )
                    }
                    Some(other) => format!(
                        "restored from snapshot {}; planned was {}",
                        other.name, planned.name
                    ),
                    None => format!(
                        "planned was snapshot {}; Flink names another path, so this could not be confirmed",
                        planned.name
                    ),
                }
            }
            (Some(planned), None) => format!(
                "planned was snapshot {}; Flink does not say what was restored",
                planned.name
            ),
            (None, _) => "no snapshot was planned".into(),
        }
    }

    fn without_state(&self) -> bool {
        matches!(
            self.s.request,
            Some(Request::Restore {
                without_state: true,
                ..
            })
        )
    }

    /// A person asked for something and nothing has been done yet.
    pub(super) fn asked(&self) -> Option<Decision> {
        Some(self.begin_asked(self.s.request?))
    }

    pub(super) fn begin_asked(&self, request: &Request) -> Decision {
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let status = &self.s.seen.application.status;
        if let Some(operation) = self.in_progress().filter(|_| !status.is_busy()) {
            return self.wait(
                30,
                Reason::Busy,
                format!(
                    "{} is {status}, but {operation} is in progress",
                    self.s.seen.application.name
                ),
            );
        }
        match request {
            Request::Rollback {} if !status.allows_rollback() => self
                .escalate(Reason::RequestRefused, format!("a rollback is not possible from {status}; ask for restore with an applicationVersionId")),
            Request::ForceStop {} if *status == ApplicationStatus::Ready => self.leave_alone(Reason::Stopped, "it is READY already"),
            Request::Rollback {} => self.asked_rollback(),
            Request::ForceStop {} => {
                let rescue = self.asked_rescue(self.s.seen.application.version_id, &self.s.seen.application.runtime, SnapshotChoice::default());
                let plan = Plan { version_id: self.s.seen.application.version_id, reason: "force-stop, as asked".into(), ..Plan::default() };
                self.with(rescue, |turn, _| turn.step(Step::ForceStop, plan, Reason::AskedFor))
            }
            Request::Restore { application_version_id, snapshot_name, without_state, .. } => {
                self.asked_restore(*application_version_id, snapshot_name.as_deref(), *without_state)
            }
        }
    }

    fn asked_rollback(&self) -> Decision {
        let Some((good, runtime)) = self.version_before() else {
            if self.s.seen.why_unreadable(Part::Versions).is_some() {
                return self.cannot_tell_yet(Reason::Unknown, self.no_version());
            }
            return self.escalate(
                Reason::NoVersion,
                format!("a rollback was asked for, but {}", self.no_version()),
            );
        };
        let snapshot = choose_snapshot(
            &self.s.seen.snapshots,
            &runtime,
            self.processing_since(),
            self.s.now,
            self.s.applied.policy.max_snapshot_age_secs,
        );
        if snapshot.chosen.is_none() {
            if let Some(doubt) = self.snapshots_unread() {
                return doubt;
            }
            return self.escalate(
                Reason::NoSnapshot,
                format!(
                    "a rollback was asked for, but {}",
                    self.no_snapshot(&snapshot)
                ),
            );
        }
        let rescue = self.asked_rescue(good, &runtime, snapshot);
        let version_id = self.s.seen.application.version_id;
        let plan = Plan {
            version_id,
            target_version_id: Some(good),
            reason: format!("roll version {version_id} back to version {good}, as asked"),
            ..Plan::default()
        };
        self.with(rescue, |turn, _| {
            turn.step(Step::Rollback, plan, Reason::AskedFor)
        })
    }

    fn asked_restore(
        &self,
        version: Option<u64>,
        snapshot_name: Option<&str>,
        without_state: bool,
    ) -> Decision {
        let application = &self.s.seen.application;
        let good = version.unwrap_or(application.version_id);
        let Some(runtime) = self.s.seen.runtime_of(good).cloned() else {
            if let Some(why) = unread_of(self.s.seen, &[Part::Versions]) {
                return self.cannot_tell_yet(Reason::Unknown, why);
            }
            return self.escalate(
                Reason::RequestRefused,
                format!("version {good} of {} could not be read", application.name),
            );
        };
        let cutoff = if good == application.version_id {
            // Any snapshot there is: one that was taken a moment ago may be of a later time by the service's clock.
            jiff::Timestamp::MAX
        } else {
            self.processing_since()
        };
        let choice = match snapshot_name {
            _ if without_state => SnapshotChoice::default(),
            None => choose_snapshot(
                &self.s.seen.snapshots,
                &runtime,
                cutoff,
                self.s.now,
                self.s.applied.policy.max_snapshot_age_secs,
            ),
            Some(name) => match self.s.seen.snapshots.iter().find(|one| one.name == name) {
                None => {
                    if let Some(doubt) = self.snapshots_unread() {
                        return doubt;
                    }
                    let text = format!("{} has no snapshot named {name}", application.name);
                    return self.escalate(Reason::RequestRefused, text);
                }
                // A person's word lifts age and time, never what cannot work.
                Some(named) => match unfit(named, &runtime, None, self.s.now, None) {
                    Some(why) => {
                        return self.escalate(
                            Reason::RequestRefused,
                            format!("snapshot {name} cannot be restored: {why}"),
                        );
                    }
                    None => SnapshotChoice {
                        chosen: Some(named.clone()),
                        passed_over: Vec::new(),
                    },
                },
            },
        };
        if choice.chosen.is_none() && !without_state {
            if let Some(doubt) = self.snapshots_unread() {
                return doubt;
            }
            return self.escalate(
                Reason::NoSnapshot,
                format!("a restore was asked for, but {}", self.no_snapshot(&choice)),
            );
        }
        let lost = self.told_loss(without_state);
        let rescue = self.asked_rescue(good, &runtime, choice);
        let decision = self.with(rescue, |turn, rescue| match application.status {
            ApplicationStatus::Ready => turn.restore_rungs(rescue, "as asked"),
            _ => {
                let plan = Plan {
                    version_id: application.version_id,
                    target_version_id: carried_over(rescue),
                    reason: format!("force-stop, to start version {good} as asked"),
                    ..Plan::default()
                };
                turn.step(Step::ForceStop, plan, Reason::AskedFor)
            }
        });
        match lost {
            Some(text) => self.notice(
                decision,
                " is about to be started without state, as asked",
                text,
            ),
            None => decision,
        }
    }

    /// What a start without state loses, said before it is done.
    fn told_loss(&self, without_state: bool) -> Option<String> {
        if !without_state {
            return None;
        }
        let latest = self
            .s
            .seen
            .snapshots
            .iter()
            .filter(|one| one.status == SnapshotStatus::Ready)
            .map(|one| one.created_at)
            .max();
        let kept = match (latest, self.s.seen.why_unreadable(Part::Snapshots)) {
            (Some(at), _) => format!("The newest snapshot, of {at}, stays and can still be named."),
            (None, Some(_)) => {
                "Whether there is a snapshot to come back to could not be read.".to_owned()
            }
            (None, None) => "There is no snapshot to come back to.".to_owned(),
        };
        Some(format!(
            "Everything the job remembers is dropped: every key's state, every window and timer that is open, and the positions in its sources. It begins where its \
             source's configuration says; with a latest position the records since the job last ran are not read. {kept}"
        ))
    }

    fn asked_rescue(&self, good: u64, runtime: &Runtime, snapshot: SnapshotChoice) -> Rescue {
        Rescue {
            faulty_version_id: self.s.seen.application.version_id,
            good_version_id: good,
            good_runtime: runtime.clone(),
            cutoff: self.processing_since(),
            fault_at: self.s.now,
            because: "a person asked".into(),
            snapshot,
        }
    }

    /// When the present version began to process: the end of the operation that made it (during an update no snapshot can be taken but its own automatic one, of the version
    /// before), or its job's start where that is earlier. Where that operation is not known, the version may have processed from the moment it was made: a later operation or
    /// a restarted job tell nothing about that. The beginning of time where the service does not say when it was made: then no snapshot is known to be older.
    fn processing_since(&self) -> jiff::Timestamp {
        let seen = self.s.seen;
        let Some(made) = seen.application.version_created_at else {
            return jiff::Timestamp::UNIX_EPOCH;
        };
        let near = |one: &&Operation| {
            (one.started_at.as_second() - made.as_second()).abs() <= STAMP_SLACK_SECS
        };
        // One that had ended by then made an earlier version.
        let ended = seen
            .operations
            .iter()
            .filter(near)
            .filter_map(|one| one.ended_at)
            .filter(|ended| *ended >= made)
            .min();
        let Some(ended) = ended else { return made };
        let job = seen
            .job
            .as_ref()
            .map(|job| job.started_at)
            .filter(|started| *started >= made);
        job.map_or(ended, |started| started.min(ended))
    }

    /// Snapshots that could not be read are not "none": that would invite a start without state.
    fn snapshots_unread(&self) -> Option<Decision> {
        let why = unread_of(self.s.seen, &[Part::Snapshots])?;
        Some(self.cannot_tell_yet(Reason::Unknown, why))
    }

    /// Why no snapshot was chosen.
    fn no_snapshot(&self, choice: &SnapshotChoice) -> String {
        if choice.passed_over.is_empty() {
            return "there is no snapshot".into();
        }
        let each: Vec<String> = choice
            .passed_over
            .iter()
            .map(|one| format!("{}: {}", one.name, one.why))
            .collect();
        format!("no snapshot is right ({})", each.join("; "))
    }
}

/// The version whose configuration the steps after a force-stop put back: whether that can be done is found out before anything is stopped.
fn carried_over(rescue: &Rescue) -> Option<u64> {
    (rescue.good_version_id != rescue.faulty_version_id).then_some(rescue.good_version_id)
}
