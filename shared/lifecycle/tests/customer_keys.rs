//! Customer managed keys: what the stack may not use closes the steps that need it, by name and before anything is stopped (cR13).

mod support;

use lifecycle::{Reason, Step, StepResult, UsableKeys};
use support::{rescues::*, *};

const KEY: &str = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd";

impl Case {
    /// The stored version, the good one and the chosen snapshot with these keys.
    fn keys(mut self, [stored, good, snapshot]: [Option<&str>; 3]) -> Self {
        let own = |key: Option<&str>| key.map(str::to_owned);
        self.seen.application.customer_key = own(stored);
        for version in &mut self.seen.versions {
            version.customer_key = own(good);
        }
        for one in &mut self.seen.snapshots {
            one.customer_key = own(snapshot);
        }
        let rescue = self.progress.rescue.as_mut();
        let chosen = rescue.and_then(|rescue| rescue.snapshot.chosen.as_mut());
        if let Some(chosen) = chosen {
            chosen.customer_key = own(snapshot);
        }
        self
    }

    fn may_use(self, keys: &str) -> Self {
        let keys: UsableKeys = keys.parse().expect("a list of keys");
        self.policy(|it| it.usable_keys = keys)
    }
}

const OF_EACH: [(&str, [Option<&str>; 3]); 3] = [
    ("version 7, which is stored,", [Some(KEY), None, None]),
    ("version 6", [None, Some(KEY), None]),
    ("snapshot before-change", [None, None, Some(KEY)]),
];

#[test]
fn a_key_that_the_stack_may_not_use_closes_a_rescue_by_name_and_nothing_is_touched() {
    for (whose, keys) in OF_EACH {
        let refused = || a_rescue().step(Step::Rollback, minutes(2), refused());
        for case in [
            a_rescue(),
            refused(),
            a_failed_update().rescuing(),
            a_bad_deployment().asked(rollback()),
            a_bad_deployment().asked(restore_of(6)),
            a_failed_update().asked(restore_of(6)),
        ] {
            let decision = case.keys(keys).must("escalate", Reason::KeyNotUsable);
            says(&decision.reason, &[whose, KEY, "UsableKeys"]);
            assert!(decision.progress.steps.len() <= 1, "nothing more is sent");
        }
    }
}

#[test]
fn a_key_that_the_stack_may_use_closes_nothing() {
    for (_, keys) in OF_EACH {
        for may in [
            KEY.to_owned(),
            format!("arn:aws:kms:eu-central-1:000000000000:key/other, {KEY}"),
        ] {
            a_rescue()
                .keys(keys)
                .may_use(&may)
                .must("rollback", Reason::ChangeToBlame);
        }
        let id = keys.map(|key| key.map(|_| "1234abcd"));
        a_rescue()
            .keys(id)
            .may_use(KEY)
            .must("rollback", Reason::ChangeToBlame);
    }
}

#[test]
fn a_step_that_was_refused_for_a_key_is_followed_by_no_other() {
    let after = |message: &str, key: Option<&str>| {
        let failed = StepResult::Failed {
            error: "Lifeguard.Refused".into(),
            message: message.into(),
        };
        a_rescue()
            .step(Step::Rollback, minutes(2), failed)
            .keys([key, key, None])
            .may_use(KEY)
    };
    for message in [
        "is not authorized to perform: kms:CreateGrant",
        "KMSInvalidStateException: the key is pending deletion",
        &format!("the key {KEY} cannot be used"),
    ] {
        let decision = after(message, Some(KEY)).must("escalate", Reason::KeyNotUsable);
        says(&decision.reason, &[message, "no other step"]);
        // Without such a key the word means something else: the application's name, say.
        after(message, None).must("forceStop", Reason::NextStep);
    }
    after("no snapshots", Some(KEY)).must("forceStop", Reason::NextStep);
}

#[test]
fn what_an_alias_leads_to_is_not_guessed() {
    for alias in [
        "alias/orders",
        "arn:aws:kms:eu-central-1:000000000000:alias/orders",
    ] {
        let keys: UsableKeys = KEY.parse().unwrap();
        assert!(!keys.has(alias));
        let case = a_rescue().keys([Some(alias), None, None]).may_use(KEY);
        says(
            &case.must("escalate", Reason::KeyNotUsable).reason,
            &[alias, "nothing was changed"],
        );
    }
    assert!(!UsableKeys::default().has(KEY) && !UsableKeys::default().has(""));
}

#[test]
fn what_lifeguard_stopped_is_started_whatever_the_key() {
    for (_, keys) in OF_EACH {
        after_a_force_stop()
            .step(Step::RestoreConfiguration, 100, accepted())
            .keys(keys)
            .must("start", Reason::NextStep);
    }
}
