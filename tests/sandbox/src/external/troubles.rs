//! What goes wrong in the plumbing, for as long as each state tries again: plays beside the catalogue, for states that only then are entered.
//!
//! Each tells a state machine from the same one without the catcher, or the variable, that the play is about: by its reason, or by the report held to the letter.

mod rescues;
mod said;
mod snapshots;

use std::ops::RangeInclusive;

use crate::{
    faults::{Fault, LambdaFault, Rule, When},
    scenario::{Scenario, World},
};

/// All of them: of the rescues, of the snapshot checks.
pub const TROUBLES: [&[Scenario]; 2] = [rescues::RESCUES, snapshots::CHECKS];

/// These requests of this kind are throttled, counted from now on.
fn throttle(world: &World, service: &str, verb: &str, requests: RangeInclusive<u64>) {
    for request in requests {
        world.region().faults().add(
            Rule::new(Fault::Throttle)
                .on(service, verb)
                .when(When::Nth(request)),
        );
    }
}

/// The function of this package crashes before it does anything, in these invocations.
fn crash(world: &World, package: &str, invocations: RangeInclusive<u64>) {
    for invocation in invocations {
        strike(world, package, When::Nth(invocation));
    }
}

/// The function of this package crashes whenever it is called.
fn crash_always(world: &World, package: &str) {
    strike(world, package, When::Always);
}

fn strike(world: &World, package: &str, when: When) {
    let functions = &world.region().stack().functions;
    let name = functions
        .values()
        .find(|function| function.package == package)
        .map_or("", |function| function.name.as_str());
    world.region().faults().add(
        Rule::new(Fault::Lambda(LambdaFault::CrashBefore))
            .on_function(name)
            .when(when),
    );
}
