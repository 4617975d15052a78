//! What befalls clusters: drawn last and from a generator of its own, forked from the seed, so that a night keeps everything else that it was before this was drawn.

use fastrand::Rng;
use sandbox::flink::{Behaviour, ClusterEvent, Fault, Scheduler};

use super::{any, one_in, weighted, worst_moment};
use crate::night::{Event, Moment, Night, What};

/// Forks the seed.
const CLUSTERS: u64 = 0x636c_7573_7465_7273;

/// Adds it to a night that is drawn already.
pub(super) fn add(seed: u64, night: &mut Night) {
    let rng = &mut Rng::with_seed(seed ^ CLUSTERS);
    if one_in(rng, 4) {
        let index = rng.usize(0..night.applications.len());
        befall(rng, index, night);
    }
}

/// One or a few things befall the cluster of an application, whose graph may be made so that they can.
fn befall(rng: &mut Rng, index: usize, night: &mut Night) {
    let length = u64::from(night.length_mins) * 60;
    let kind = weighted(rng, &[40, 25, 20, 15]);
    let times = if kind == 3 { 1 } else { rng.u32(1..4) };
    for _ in 0..times {
        let what = match kind {
            0 => ClusterEvent::JobManagerLost,
            1 => ClusterEvent::RegionsFail {
                apart_millis: any(rng, &[20, 150, 1_000]),
                fault: Fault::new("java.net.ConnectException", "Connection refused"),
            },
            2 => ClusterEvent::TaskManagerLost,
            _ => rescale(rng),
        };
        let at = if one_in(rng, 4) {
            worst_moment(rng)
        } else {
            Moment::After(rng.u64(30..length))
        };
        night.events.push(Event {
            at,
            application: index,
            what: What::Befall(what),
        });
    }
    let application = &mut night.applications[index];
    match kind {
        1 | 2 => in_regions(rng, index, night),
        3 if application.runtime.starts_with("FLINK-2") => {
            application.code.scheduler = Scheduler::ADAPTIVE;
        }
        _ => {}
    }
}

fn rescale(rng: &mut Rng) -> ClusterEvent {
    if one_in(rng, 3) {
        ClusterEvent::SlotsLost {
            for_secs: rng.u32(10..300),
        }
    } else {
        ClusterEvent::Rescale {
            parallelism: rng.u32(1..9),
        }
    }
}

/// The application has no shuffles, and neither has what somebody deploys there.
fn in_regions(rng: &mut Rng, index: usize, night: &mut Night) {
    let regions = rng.u32(2..9);
    let application = &mut night.applications[index];
    application.code = application.code.clone().in_regions(regions);
    for event in &mut night.events {
        if let What::Deploy { code, .. } = &mut event.what
            && event.application == index
            && !matches!(code.behaviour, Behaviour::ThrowsInOpen { .. })
        {
            **code = code.as_ref().clone().in_regions(regions);
        }
    }
}
