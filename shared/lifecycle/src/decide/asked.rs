//! What a person asked for.

use jiff::Timestamp;

use super::{Turn, unread_of};
use crate::{
    ApplicationStatus, Decision, Part, Plan, Reason, Request, Rescue, Runtime, SnapshotChoice,
    SnapshotStatus, Step,
};

impl Turn<'_> {
    pub(super) fn without_state(&self) -> bool {
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
                let application = &self.s.seen.application;
                let rescue = self.asked_rescue(application.version_id, &application.runtime, Timestamp::MAX, SnapshotChoice::default());
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
                return self.waits_for(Part::Versions, Reason::Unknown, self.no_version());
            }
            return self.escalate(
                Reason::NoVersion,
                format!("a rollback was asked for, but {}", self.no_version()),
            );
        };
        let cutoff = match self.cutoff_of(good) {
            Ok(cutoff) => cutoff,
            Err(decision) => return *decision,
        };
        let snapshot = self.plan_snapshot_to(good, &runtime, cutoff);
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
        let rescue = self.asked_rescue(good, &runtime, cutoff, snapshot);
        self.with(rescue, |turn, rescue| turn.next_step(rescue, "as asked"))
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
                return self.waits_for(Part::Versions, Reason::Unknown, why);
            }
            return self.escalate(
                Reason::RequestRefused,
                format!("version {good} of {} could not be read", application.name),
            );
        };
        let cutoff = match self.cutoff_of(good) {
            Ok(cutoff) => cutoff,
            Err(_) if snapshot_name.is_some() || without_state => Timestamp::MAX,
            Err(decision) => return *decision,
        };
        let choice = match snapshot_name {
            _ if without_state => SnapshotChoice::default(),
            None => self.plan_snapshot(&runtime, cutoff),
            Some(name) => match self.s.seen.snapshots.iter().find(|one| one.name == name) {
                None => {
                    if let Some(doubt) = self.snapshots_unread() {
                        return doubt;
                    }
                    let text = format!("{} has no snapshot named {name}", application.name);
                    return self.escalate(Reason::RequestRefused, text);
                }
                // A person's word lifts age and time, never what cannot work.
                Some(named) => match self.unfit_for_a_person(named, &runtime) {
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
        let rescue = self.asked_rescue(good, &runtime, cutoff, choice);
        let decision = self.with(rescue, |turn, rescue| match application.status {
            ApplicationStatus::Ready => turn
                .closed_by_a_key(rescue)
                .unwrap_or_else(|| turn.restore_steps(rescue, "as asked")),
            _ => turn.force_stop(rescue, "as asked"),
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

    fn asked_rescue(
        &self,
        good: u64,
        runtime: &Runtime,
        cutoff: Timestamp,
        snapshot: SnapshotChoice,
    ) -> Rescue {
        Rescue {
            faulty_version_id: self.s.seen.application.version_id,
            good_version_id: good,
            good_runtime: runtime.clone(),
            cutoff,
            fault_at: self.s.now,
            because: "a person asked".into(),
            snapshot,
            fault: self.present_fault(),
            restored: None,
            only: None,
            instead_of: None,
            steps_before: 0,
        }
    }
}
