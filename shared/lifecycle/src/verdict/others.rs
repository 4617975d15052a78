//! Rows 1 and 2, of other applications: the same cause may be behind several troubles.

use super::{
    Case,
    evidence::{Credit, Evidence, Known},
};
use crate::{
    Assessment, Ledger, Left, Observation, OperationKind, Others, Policy, Trouble, Verdict, Watch,
    trouble::{Compared, class_of},
};

impl Case<'_> {
    pub(super) fn same_fault_elsewhere(&self, others: &Others) -> Option<String> {
        let class = self.fault().map(class_of);
        others.same_fault_elsewhere(&self.compared(class.as_deref()), self.evidence.seen.at)
    }

    pub(super) fn common_cause(&self, others: &Others) -> Option<String> {
        let class = self.fault().map(class_of);
        others.common_cause(&self.compared(class.as_deref()), self.evidence.seen.at)
    }

    fn compared<'a>(&'a self, class: Option<&'a str>) -> Compared<'a> {
        Compared {
            application: &self.evidence.seen.application.name,
            began: self.began,
            class,
        }
    }
}

/// What the executions of other applications are told of a trouble; None where it is not known when it began. What is known of theirs does not count: each tells what it sees.
pub(crate) fn trouble(
    seen: &Observation,
    watch: &Watch,
    assessment: &Assessment,
    ledger: &Ledger,
    policy: &Policy,
) -> Option<Trouble> {
    let evidence = Evidence::new(seen, watch, ledger, policy);
    let application = &seen.application;
    let began = super::began(&evidence, assessment)?;
    let mut trouble = Trouble {
        application: application.name.clone(),
        began,
        class: None,
        version_id: application.version_id,
        made_at: application.version_created_at,
        is_proven: false,
        is_blamed: false,
        end: None,
    };
    if let Ok(case) = Case::of(&evidence, assessment) {
        trouble.class = case.fault().map(class_of);
        trouble.version_id = case.present.version;
        trouble.made_at = Some(case.present.from);
        trouble.is_proven = case.ran_for_a_proof() == Known::Yes && !case.follows_an_operation();
        trouble.is_blamed = match case.judge(&Others::default()) {
            Verdict::Change { .. } => true,
            Verdict::Held { left, .. } => {
                matches!(left, Left::WayBack(_)) && policy.rolls_back_when_suspected
            }
            Verdict::CannotTell { .. } => false,
        };
    }
    Some(trouble)
}

impl Case<'_> {
    /// Whether it began within a soak of a start, an update or a rollback. Lifeguard's own step may have been it, and what such a step brings about says nothing to others.
    fn follows_an_operation(&self) -> bool {
        let soak = i64::from(self.evidence.policy.soak_secs);
        let kinds = [
            OperationKind::Start,
            OperationKind::Update,
            OperationKind::Rollback,
        ];
        self.evidence.seen.operations.iter().any(|one| {
            let ended = one.ended_at.unwrap_or(self.evidence.seen.at).as_second();
            kinds.contains(&one.kind())
                && one.started_at <= self.began
                && self.began.as_second() <= ended + soak
        })
    }

    fn ran_for_a_proof(&self) -> Known {
        let proof = i64::from(self.evidence.policy.proven_secs);
        self.evidence
            .ran_for(self.present.content, proof, self.began, Credit::Possible)
    }
}
