//! What of the sources' values is sent to CloudWatch, by the settings.

use super::{
    metrics::{Datum, Store},
    settings::{EndOfJob, MetricSettings},
};

/// The metric that the service sends itself, whatever the job does.
const KPUS: &str = "KPUs";

/// Puts into the store what is sent of these values, which come application by application; the time they are of begins at `at`.
pub(super) fn take(store: &mut Store, settings: &MetricSettings, values: Vec<Datum>, at: i64) {
    for of_one in values.chunk_by(|one, next| one.application == next.application) {
        // Flink's gauge of up time is negative when the job has ended, and only then.
        let ended = of_one
            .iter()
            .any(|datum| datum.name == "uptime" && datum.value < 0.0);
        let frozen = match settings.end_of_job {
            EndOfJob::Frozen if ended => store.newest(&of_one[0].application),
            _ => Vec::new(),
        };
        let of_the_job = |datum: &&Datum| datum.name != KPUS;
        let of_the_service = of_one.iter().filter(|datum| datum.name == KPUS);
        let sent: Vec<&Datum> = match settings.end_of_job {
            EndOfJob::Missing if ended => of_the_service.collect(),
            EndOfJob::Frozen if ended => of_the_service
                .chain(frozen.iter().filter(of_the_job))
                .collect(),
            _ => of_one.iter().collect(),
        };
        for datum in sent
            .into_iter()
            .filter(|datum| settings.sends(datum.name, datum.value))
        {
            store.put(datum, at, settings.samples_of(datum.name));
        }
    }
}
