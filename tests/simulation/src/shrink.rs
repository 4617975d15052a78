//! From a script that breaks an invariant to the shortest one that still breaks the same one: steps, faults, applications and peculiarities are left out one after the other for
//! as long as that can be done.

use sandbox::{
    invariants::{Invariant, MANAGED},
    script::{Application, Script, Service},
};

use crate::{generate, play::play};

/// Of many old snapshots these are left first.
const FEW_SNAPSHOTS: usize = 4;
/// Scripts played at most.
const TRIES: usize = 400;

/// Shortens a script.
#[must_use]
pub fn shrink(script: &Script, broken: Invariant) -> Script {
    let breaks = |shorter: &Script| {
        let violations = play(shorter, false).violations;
        violations.iter().any(|one| one.invariant == broken)
    };
    shortest(script, TRIES, breaks)
}

/// The shortest that this is still true of, as far as so many tries lead.
fn shortest(script: &Script, mut tries: usize, is_so: impl Fn(&Script) -> bool) -> Script {
    let mut best = script.clone();
    loop {
        let shorter = candidates(&best).into_iter().find(|shorter| {
            tries = tries.saturating_sub(1);
            tries > 0 && is_so(shorter)
        });
        match shorter {
            Some(shorter) => best = shorter,
            None => return best,
        }
    }
}

/// The script with one thing less, the largest first.
fn candidates(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Script)| {
        let mut shorter = script.clone();
        change(&mut shorter);
        generate::tidy(&mut shorter);
        // One that was changed to nothing new would be tried for ever.
        if shorter != *script {
            all.push(shorter);
        }
    };
    with(&|script| script.faults.clear());
    let applications = script.world.applications.as_ref().map_or(0, Vec::len);
    if applications > 1 {
        for index in (0..applications).rev() {
            with(&|script| leave_out(script, index));
        }
    }
    for index in (0..script.happens.len()).rev() {
        with(&|script| drop(script.happens.remove(index)));
    }
    for index in (0..script.faults.len()).rev() {
        with(&|script| drop(script.faults.remove(index)));
    }
    for index in 0..applications {
        let mut changed = |change: fn(&mut Application)| {
            with(&|script| {
                let all = script.world.applications.as_mut();
                all.and_then(|all| all.get_mut(index))
                    .into_iter()
                    .for_each(change);
            });
        };
        changed(|application| application.snapshots.clear());
        changed(|application| application.snapshots.truncate(FEW_SNAPSHOTS));
        changed(|application| application.tags.retain(|key, _| key == MANAGED));
    }
    with(&|script| script.world.trail = None);
    with(&|script| script.world.service = Service::default());
    with(&|script| script.world.service.times_as_slow = None);
    with(&|script| script.world.service.system_rollback_on_loops = None);
    with(&|script| {
        let sweep = script.world.parameters.remove_entry("SweepState");
        script.world.parameters = generate::usual_parameters();
        script.world.parameters.extend(sweep);
    });
    all
}

/// Without this application and all that happens to it.
fn leave_out(script: &mut Script, index: usize) {
    let Some(all) = script.world.applications.as_mut() else {
        return;
    };
    let name = all.remove(index).name;
    script.happens.retain(|step| step.application != name);
}

#[cfg(test)]
mod tests {
    use sandbox::script::{Do, read};

    use super::*;

    #[test]
    fn what_is_left_is_what_it_takes_and_can_be_read() {
        let deploys = |script: &Script| {
            let mut steps = script.happens.iter();
            steps.any(|step| matches!(step.what, Some(Do::Deploy { code: Some(_), .. })))
        };
        for seed in (0..100).filter(|seed| deploys(&generate::script(*seed))) {
            let shortest = shortest(&generate::script(seed), usize::MAX, deploys);
            assert_eq!(shortest.happens.len(), 1, "seed {seed}");
            let applications = shortest.world.applications.as_ref().map(Vec::len);
            assert_eq!(applications, Some(1), "seed {seed}");
            assert_eq!(shortest.world.code.len(), 3, "seed {seed}");
            assert_eq!(shortest.world.service, Service::default(), "seed {seed}");
            assert_eq!(
                read("run.json", &shortest.json()),
                Ok(shortest),
                "seed {seed}"
            );
        }
    }
}
