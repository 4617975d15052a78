//! What a report names of one case, found out once.

use jiff::Timestamp;
use lifecycle::{
    Application, Applied, Assessment, Decision, LedgerView, Others, Reason, Request, Step, because,
    lasting,
};
use serde_json::{Value, json};

use super::{
    done::Taken,
    impact::{self, Impact},
};
use crate::{Event, event::Left};

/// The rules that applied, and what is left of today's rescues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) applied: &'a Applied,
    pub(crate) ledger: &'a LedgerView,
    pub(crate) others: &'a Others,
}

impl Rules<'_> {
    /// None where the ledger could not be read.
    fn rescues_left(&self) -> Option<u32> {
        let begun = self.ledger.as_ref().ok()?.rescues_today;
        Some(self.applied.policy.rescues_per_day.saturating_sub(begun))
    }

    /// For machines.
    pub(super) fn detail(&self) -> Value {
        let policy = &self.applied.policy;
        json!({
            "mode": policy.mode,
            "soakSecs": policy.soak_secs,
            "rollsBackWhenSuspected": policy.rolls_back_when_suspected,
            "rescuesPerDay": policy.rescues_per_day,
            "rescuesLeft": self.rescues_left(),
            "findings": self.applied.findings,
        })
    }

    /// For people: a line, and one for each tag that is odd.
    pub(super) fn lines(&self) -> Vec<String> {
        let policy = &self.applied.policy;
        let left = match self.rescues_left() {
            Some(left) => format!("{left} of {} rescues left today", policy.rescues_per_day),
            None => format!(
                "{} rescues a day, how many are left could not be read",
                policy.rescues_per_day
            ),
        };
        let opted_in = if self.applied.opted_in {
            ""
        } else {
            "not opted in; "
        };
        let soak = lasting(i64::from(policy.soak_secs));
        let word = if policy.rolls_back_when_suspected {
            "; rolls back when suspected"
        } else {
            ""
        };
        let line = format!("{opted_in}{}; soak {soak}; {left}{word}", policy.mode);
        std::iter::once(line)
            .chain(self.applied.findings.iter().cloned())
            .collect()
    }
}

/// The facts of a report.
pub(super) struct Facts<'a> {
    pub(super) event: &'a Event,
    pub(super) decision: &'a Decision,
    pub(super) rules: Rules<'a>,
    pub(super) now: Timestamp,
    pub(super) steps: Vec<Taken<'a>>,
    pub(super) impact: Option<Impact>,
    /// Whether it is down because Lifeguard stopped it, and nothing of Lifeguard's starts it any more.
    pub(super) is_down: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(
        event: &'a Event,
        decision: &'a Decision,
        rules: &Rules<'a>,
        now: Timestamp,
    ) -> Self {
        let observation = &event.look.observation;
        let mut steps = Taken::all(&decision.progress.steps, &observation.operations);
        if decision.action.plan().is_some() {
            // What is told before it is sent.
            steps.retain(|one| !one.is_to_come());
        }
        Self {
            event,
            decision,
            rules: *rules,
            now,
            impact: impact::of(event, decision, &steps),
            is_down: decision.progress.brought_down(observation),
            steps,
        }
    }

    pub(super) fn application(&self) -> &'a Application {
        &self.event.look.observation.application
    }

    pub(super) fn assessment(&self) -> &'a Assessment {
        &self.event.look.assessment
    }

    pub(super) fn name(&self) -> &'a str {
        &self.application().name
    }

    /// What a person had asked for, this execution or the one that it takes over from.
    pub(super) fn request(&self) -> Option<&'a Request> {
        let before = match &self.event.unfinished {
            Left::Begun(unfinished) => unfinished.request.as_ref(),
            Left::Nothing | Left::Unreadable => None,
        };
        self.event.request.as_ref().or(before)
    }

    pub(super) fn about(&self) -> because::About<'_> {
        let application = self.application();
        let rescue = self.decision.progress.rescue.as_ref();
        let good = rescue.map(|rescue| rescue.good_version_id);
        because::About {
            name: &application.name,
            arn: &application.arn,
            version_id: application.version_id,
            status: &application.status,
            execution: &self.event.execution,
            table: self.event.stop.as_ref().map(|stop| stop.table.as_str()),
            snapshot: rescue.and_then(|rescue| rescue.snapshot.chosen.as_ref()),
            good_version_id: good.or(application.version_updated_from),
            undone_version_id: self.undone_version(),
            request: self.request(),
            is_well: matches!(self.assessment(), Assessment::Healthy { .. }),
            is_down: self.is_down,
            others: self.rules.others.count(),
            failing_secs: self.failing_since().map(|since| self.secs_since(since)),
        }
    }

    /// What of the application's settings bears on a rescue, where it is not what most have.
    pub(super) fn settings(&self) -> Vec<String> {
        let application = self.application();
        let mode = &application.snapshot_mode;
        let mode = (!mode.is_legacy()).then(|| format!("snapshot mode {mode}"));
        let key = application.customer_key.as_ref();
        let key = key.map(|key| format!("customer managed key {key}"));
        mode.into_iter().chain(key).collect()
    }

    /// The news, more exact where something was changed.
    pub(super) fn news(&self, reason: Reason) -> because::News {
        let news = because::news(reason, &self.about());
        match self.what_fixed_it() {
            Some(fix) if reason == Reason::Recovered => because::News {
                what: format!("{fix}, {}", news.what),
                ..news
            },
            _ => news,
        }
    }

    fn what_fixed_it(&self) -> Option<String> {
        let rescue = self.decision.progress.rescue.as_ref()?;
        let good = rescue.good_version_id;
        let did = |step| {
            self.steps
                .iter()
                .any(|one| one.is(step) && one.was_carried_out())
        };
        if did(Step::Start) {
            return Some(format!("version {good} restored"));
        }
        did(Step::Rollback).then(|| "deployment rolled back".to_owned())
    }

    /// The version that infrastructure as code describes, where an earlier configuration runs now.
    fn undone_version(&self) -> Option<u64> {
        let application = self.application();
        if self.decision.because == Reason::SystemRolledBack {
            return application.version_rolled_back_from;
        }
        let rescue = self.decision.progress.rescue.as_ref()?;
        let went_back = self.steps.iter().any(|one| {
            (one.is(Step::Rollback) || one.is(Step::RestoreConfiguration)) && one.was_carried_out()
        });
        let is_older = rescue.good_version_id != rescue.faulty_version_id;
        (went_back && is_older).then_some(rescue.faulty_version_id)
    }

    /// For machines.
    pub(super) fn drift(&self) -> Option<String> {
        let undone = self.undone_version()?;
        let runs = match &self.decision.progress.rescue {
            Some(rescue) => format!("version {}", rescue.good_version_id),
            None => "an earlier version".to_owned(),
        };
        Some(format!(
            "the application runs the configuration of {runs}; Terraform, CloudFormation or a pipeline still describes version {undone} and brings it back with its next run: revert or fix it there first"
        ))
    }

    pub(super) fn secs_since(&self, at: Timestamp) -> i64 {
        self.now.as_second() - at.as_second()
    }

    /// Since when it has been failing, where it is.
    pub(super) fn failing_since(&self) -> Option<Timestamp> {
        match self.assessment() {
            Assessment::Looping { since, .. } => Some(*since),
            Assessment::Failed {
                first_fault: Some(fault),
                ..
            } => Some(fault.at),
            _ => None,
        }
    }
}
