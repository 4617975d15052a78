//! Each changing step, failing in every way: the application ends right, and nothing is done twice. The same for every call of the state machine, and for a person who
//! stops an execution at any of its states.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use sandbox::{
    faults::{Fault, LambdaFault, Rule, When},
    scenario::{APPLICATION, Played, Scenario, hours, minutes, play_on},
    states::Status,
};
use serde_json::Value;

use crate::support::{
    assert_well, attempts, effects, ending, in_virtual_time, lease, named, outcomes, play_staged, stage, stage_where, stage_with, story, told,
};

/// A step, where it is used, and how to strike it.
struct Strike {
    scenario: &'static str,
    verb: &'static str,
    function: &'static str,
    /// Which invocation of the function it is, when nothing fails.
    invocation: u64,
}

const ROLLBACK: Strike = Strike { scenario: "bad-deployment", verb: "RollbackApplication", function: "Rollback", invocation: 1 };
const FORCE_STOP: Strike = Strike { scenario: "rollback-refused", verb: "StopApplication", function: "ForceStopAndRestore", invocation: 1 };
const RESTORE: Strike = Strike { scenario: "rollback-refused", verb: "UpdateApplication", function: "ForceStopAndRestore", invocation: 2 };
const START: Strike = Strike { scenario: "rollback-refused", verb: "StartApplication", function: "ForceStopAndRestore", invocation: 3 };

/// Everything that can go wrong with a step, once or a few times.
fn troubles(strike: &Strike, role: &str) -> Vec<(String, Rule)> {
    let call = |fault: &Fault, when: When| Rule::new(fault.clone()).by(role).on("kinesisanalytics", strike.verb).when(when);
    let invoke = |fault: Fault, when: When| Rule::new(fault).on_function(strike.function).when(when);
    let mut troubles = Vec::new();
    for fault in [Fault::ServerError, Fault::Throttle, Fault::CutBefore, Fault::LoseAnswer, Fault::ServerErrorAfter] {
        // Once is repeated by the SDK, several times by the state machine.
        for times in [1, 4] {
            troubles.push((format!("{} {fault:?} x{times}", strike.verb), call(&fault, When::First(times))));
        }
        // The call of the function, before it runs or after.
        troubles.push((format!("{} invocation {fault:?}", strike.verb), invoke(fault, When::Nth(strike.invocation))));
    }
    for fault in [LambdaFault::CrashBefore, LambdaFault::CrashAfter, LambdaFault::RunTwice, LambdaFault::TimeOutBefore, LambdaFault::TimeOutAfter] {
        troubles.push((format!("{} {fault:?}", strike.verb), invoke(Fault::Lambda(fault), When::Nth(strike.invocation))));
    }
    troubles
}

/// Plays the step's scenario with each trouble. It must end as if nothing had gone wrong: the same changes, each once.
fn survives(strike: &Strike) {
    let role = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played.region.role_of(if strike.function == "Rollback" { "rollback" } else { "force-stop-and-restore" }).unwrap().to_owned()
    });
    let function = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played.region.stack().functions.get(strike.function).unwrap().name.clone()
    });
    let strike = Strike { function: function.leak(), ..*strike };
    for (what, rule) in troubles(&strike, &role) {
        for seed in 1..=2 {
            in_virtual_time(async {
                let played = play_staged(named(strike.scenario), stage_with(strike.scenario, vec![rule.clone()]), seed).await;
                assert!(played.region.faults().struck() > 0, "{what}: nothing was struck");
                assert_well(&played, &what);
                assert_eq!(played.rehearsal.records.lost, 0, "{what}");
                assert!(lease(&played.region).await.is_none(), "{what}: the lease is still there");
            });
        }
    }
}

#[test]
fn a_rollback_that_fails_in_any_way_is_done_once() {
    survives(&ROLLBACK);
}

#[test]
fn a_force_stop_that_fails_in_any_way_is_done_once() {
    survives(&FORCE_STOP);
}

#[test]
fn a_configuration_put_back_that_fails_in_any_way_is_put_back_once() {
    survives(&RESTORE);
}

#[test]
fn a_start_that_fails_in_any_way_is_done_once() {
    survives(&START);
}
