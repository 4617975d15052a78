//! What code does: that of applications when the region opens, and what somebody deploys.

use std::time::Duration;

use fastrand::Rng;
use sandbox::script::{Behaviour, Code, Fault, Misfit, Need, Restarts, Script, Span};

use super::{any, one_in, seconds, weighted, world::secret_of};

/// An exception in the second vertex, where most user code is.
pub(super) fn fault(class: &str, message: &str) -> Fault {
    Fault {
        class: class.to_owned(),
        message: message.to_owned(),
        vertex: None,
        subtask: 0,
        outside_tasks: false,
    }
}

/// What an exception says that quotes a property's value.
pub(super) fn cannot_parse(index: usize) -> String {
    format!("cannot parse '{}' as INT", secret_of(index))
}

/// Throws so many seconds after each start.
pub(super) fn throws_after(secs: u64, class: &str, message: &str) -> Behaviour {
    Behaviour::Throws {
        after: seconds(secs),
        jitter: Span::default(),
        fault: fault(class, message),
    }
}

/// The code of an application's present version.
pub(super) fn present(script: &Script, index: usize) -> &Code {
    &script.world.code[&format!("{index}.jar")]
}

/// Healthy code, as an application runs it when the region opens.
pub(super) fn running(rng: &mut Rng, index: usize) -> Code {
    let restarts = strategy(rng);
    let restore = any(rng, &[1, 2, 2, 5, 30, 240, 700]);
    let checkpoint_every = Some(seconds(any(rng, &[10, 30, 60, 60, 300])));
    let need = |dependency: &str, class: &str, message: &str| Need {
        dependency: dependency.to_owned(),
        fault: fault(class, message),
        notices_after: None,
    };
    let needs = if one_in(rng, 3) {
        let timed_out = format!("Timed out as {}", secret_of(index));
        let class = "org.apache.kafka.common.errors.TimeoutException";
        vec![need("broker", class, &timed_out)]
    } else if one_in(rng, 4) {
        let class = "software.amazon.awssdk.services.kinesis.model.AccessDeniedException";
        vec![need("permission", class, "not authorized to perform it")]
    } else {
        Vec::new()
    };
    Code {
        restarts,
        restore: unusual_restore(restore),
        checkpoint_every,
        needs,
        ..Code::default()
    }
}

/// None where it takes as long as usual.
fn unusual_restore(secs: u64) -> Option<Span> {
    (secs != 2).then(|| seconds(secs))
}

fn every(secs: u64) -> Restarts {
    Restarts::FixedDelay {
        delay: seconds(secs),
        attempts: None,
    }
}

/// None for Flink's default.
fn strategy(rng: &mut Rng) -> Option<Restarts> {
    match weighted(rng, &[50, 25, 10, 10, 5]) {
        0 => None,
        1 => Some(every(any(rng, &[1, 5, 10, 30]))),
        2 => Some(Restarts::FixedDelay {
            delay: seconds(10),
            attempts: Some(rng.u32(1..8)),
        }),
        3 => Some(Restarts::ExponentialDelay {
            initial: seconds(1),
            max: seconds(300),
            multiplier: 2.0,
            reset_after: seconds(600),
        }),
        _ => Some(Restarts::Never),
    }
}

/// A new version of the code: bad in one of the ways there are, or good.
pub(super) fn deployed(rng: &mut Rng, index: usize, present: &Code) -> Code {
    let fails = any(rng, &[1, 3, 5, 10, 30, 60, 120, 180, 310, 420]);
    let wrong_argument = "java.lang.IllegalArgumentException";
    let mut code = Code {
        needs: present.needs.clone(),
        restarts: if one_in(rng, 2) {
            present.restarts.clone()
        } else {
            strategy(rng)
        },
        restore: present.restore,
        checkpoint_every: present.checkpoint_every,
        ..Code::default()
    };
    let kind = weighted(rng, &[34, 8, 8, 8, 4, 8, 4, 4, 3, 19]);
    code.behaviour = match kind {
        0 => throws_after(fails, wrong_argument, &cannot_parse(index)),
        1 => Behaviour::Throws {
            after: seconds(fails),
            jitter: seconds(rng.u64(1..60)),
            fault: fault(wrong_argument, &cannot_parse(index)),
        },
        2 => Behaviour::ThrowsInOpen {
            fault: fault("java.lang.IllegalStateException", "open() failed"),
        },
        3 => Behaviour::BadMain {
            message: "java.lang.NoClassDefFoundError: com/example/Enricher".to_owned(),
        },
        4 => Behaviour::TooFewSlots,
        6 => Behaviour::CheckpointsStop {
            after: seconds(rng.u64(30..1_200)),
        },
        7 => Behaviour::WrongResults,
        8 => Behaviour::Bounded {
            after: seconds(rng.u64(60..3_000)),
        },
        _ => Behaviour::Healthy,
    };
    if kind == 5 {
        // A new format of the state, without a way from the old one: refused at the start, or found out by a loop.
        (code.state_version, code.reads_state_from) = (Some(9), Some(9));
        code.misfit = any(rng, &[Misfit::Refused, Misfit::Loops]);
    } else if one_in(rng, 4) {
        code.state_version = Some(2);
        code.misfit = any(rng, &[Misfit::Refused, Misfit::Loops]);
    }
    if matches!(code.behaviour, Behaviour::Throws { .. }) && one_in(rng, 6) {
        code.running_whenever_looked = true;
        code.restarts = Some(every(1));
        code.restore = Some(Span(Duration::from_secs(1)));
    }
    code
}
