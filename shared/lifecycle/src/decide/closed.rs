//! Steps that a setting closes: a snapshot mode that is not known or that no update sets back, a customer managed key that this stack may not use.
//!
//! The service takes a force-stop whatever these are, and refuses the start: so they are asked before anything is stopped.

use super::{Turn, snapshot::at_any_time};
use crate::{Decision, Reason, Rescue, Runtime, Snapshot, SnapshotMode, Wanted, unfit};

impl Turn<'_> {
    /// Why nothing at all may be changed, for a setting of what is stored.
    pub(super) fn closed_by_a_setting(&self) -> Option<(Reason, String)> {
        let application = &self.s.seen.application;
        if let SnapshotMode::Other(mode) = &application.snapshot_mode {
            let why = format!(
                "its snapshot mode is {mode}, which this release of Lifeguard does not know"
            );
            return Some((Reason::UnknownSetting, why));
        }
        // What was begun is finished.
        if self.has_begun() {
            return None;
        }
        let key = application.customer_key.as_deref()?;
        let of = format!("version {}, which is stored,", application.version_id);
        let why = self.why_not_usable(key, &of)?;
        Some((Reason::KeyNotUsable, why))
    }

    /// The first step is not begun where a later one needs a key that this stack may not use; nor is the next one after a step that was refused for a key, whatever the list says.
    pub(super) fn closed_by_a_key(&self, rescue: &Rescue) -> Option<Decision> {
        if self.has_begun() {
            return None;
        }
        if let Some(refused) = self.refused_for_a_key(rescue) {
            return Some(refused);
        }
        let good = rescue.good_version_id;
        let of_version = self.s.seen.customer_key_of(good);
        let chosen = rescue.snapshot.chosen.as_ref();
        let of_snapshot = chosen.and_then(|chosen| Some((chosen, chosen.customer_key.as_deref()?)));
        let why = of_version
            .and_then(|key| self.why_not_usable(key, &format!("version {good}")))
            .or_else(|| {
                let (chosen, key) = of_snapshot?;
                self.why_not_usable(key, &format!("snapshot {}", chosen.name))
            })?;
        let text = format!(
            "{}; {} was not touched: {why}",
            self.s.assessment.reason(),
            self.s.seen.application.name
        );
        Some(self.escalate(Reason::KeyNotUsable, text))
    }

    /// Which of its errors the service uses for that is documented nowhere, so the text tells; of an application without such a key it tells nothing.
    fn refused_for_a_key(&self, rescue: &Rescue) -> Option<Decision> {
        let (step, _, message) = self.progress.last_failure()?;
        let stored = self.s.seen.application.customer_key.as_deref();
        let good = self.s.seen.customer_key_of(rescue.good_version_id);
        let keys: Vec<&str> = stored.into_iter().chain(good).collect();
        let tells = |word: &str| message.contains(word);
        let is_of_a_key = tells("kms:") || tells("KMS") || keys.iter().any(|key| tells(key));
        (!keys.is_empty() && is_of_a_key).then(|| {
            let text = format!(
                "{step:?} failed ({message}); no other step is tried, because each of them needs the same key"
            );
            self.escalate(Reason::KeyNotUsable, text)
        })
    }

    fn why_not_usable(&self, key: &str, of: &str) -> Option<String> {
        if self.s.applied.policy.usable_keys.has(key) {
            return None;
        }
        Some(format!(
            "{of} is encrypted with the customer managed key {key}, which is not among those that this stack may use (parameter UsableKeys): a rollback or a start under it may be refused"
        ))
    }

    /// Whether RollbackApplication would go back to the version before and, with it, to the legacy snapshots: it can, once, while no update came after the switch. No update can.
    pub(super) fn is_rollback_across_the_switch(&self, good: u64) -> bool {
        let application = &self.s.seen.application;
        let before = application.version_updated_from;
        let before = before.and_then(|id| self.s.seen.snapshot_mode_of(id));
        application.snapshot_mode == SnapshotMode::Enhanced
            && before == Some(&SnapshotMode::Legacy)
            && application.status.allows_rollback()
            && self.rollback_reaches(good)
    }

    /// Why the good version's configuration cannot be stored for its snapshot mode.
    pub(super) fn mode_not_put_back(&self, rescue: &Rescue) -> Option<(Reason, String)> {
        let good = rescue.good_version_id;
        let stored = &self.s.seen.application.snapshot_mode;
        match (stored, self.s.seen.snapshot_mode_of(good)?) {
            (_, SnapshotMode::Other(mode)) => Some((
                Reason::UnknownSetting,
                format!(
                    "the snapshot mode of version {good} is {mode}, which this release of Lifeguard does not know"
                ),
            )),
            (SnapshotMode::Legacy, SnapshotMode::Enhanced) => Some((
                Reason::EveryStepUsed,
                format!(
                    "version {good} uses enhanced snapshots and what is stored does not; no update takes that switch back, so it is for a person"
                ),
            )),
            _ => None,
        }
    }

    /// What people must know of a rescue with enhanced snapshots before the application is stopped for it.
    pub(super) fn what_enhanced_snapshots_mean(&self, rescue: &Rescue) -> String {
        let seen = self.s.seen;
        if seen.application.snapshot_mode != SnapshotMode::Enhanced {
            return String::new();
        }
        let good = rescue.good_version_id;
        let kept = if seen.snapshot_mode_of(good) == Some(&SnapshotMode::Legacy) {
            format!(
                "; version {good} used legacy snapshots, and the mode stays ENHANCED_SNAPSHOTS, for no update sets it back"
            )
        } else {
            String::new()
        };
        format!(
            "{kept}; that this stack's role may restore an enhanced snapshot is not proven before the start"
        )
    }

    /// A person's word lifts age and time, and what the service does not say of an import; never what cannot work.
    pub(super) fn unfit_for_a_person(&self, named: &Snapshot, runtime: &Runtime) -> Option<String> {
        let mode = &self.s.seen.application.snapshot_mode;
        let wanted = Wanted {
            is_named: true,
            ..at_any_time(runtime, mode)
        };
        unfit(named, &wanted, self.s.now)
    }
}
