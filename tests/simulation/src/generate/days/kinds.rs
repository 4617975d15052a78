//! The kinds of days.

use std::str::FromStr;

use serde::Serialize;

use super::{changes, clusters, draft::Draft, fleets, outages, services};

/// A kind of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "their sentences are in the table below")]
pub enum Kind {
    EarlyIncident,
    TwoOutages,
    FixInOutage,
    BadAgainAndAgain,
    BadOnBad,
    ChangesBetween,
    ScaledBeforeOutage,
    StoppedForLong,
    StoredWhileStopped,
    LongName,
    ScalerOnClock,
    AppliedAgain,
    SameKey,
    JobManagerFailovers,
    JobManagerCrashLoop,
    FailoverRegions,
    Batch,
    RareCheckpoints,
    SlowPoison,
    Idle,
    SchemaChanged,
    SchemaChangedAtOnce,
    SecretRotated,
    TogetherBad,
    TogetherCutOff,
    TogetherInOutage,
    SeriesGone,
    StruckAtWorst,
    RatesLimited,
    Announcements,
    NeverStarts,
    StateDoesNotFit,
    TooFewSlots,
}

/// Each kind: its name, its sentence, and who draws it.
type Row = (Kind, &'static str, &'static str, fn(&mut Draft));

#[rustfmt::skip]
const TABLE: [Row; 33] = [
    (Kind::EarlyIncident, "early incident", "a machine is lost soon after a good deployment, long health, an outage", outages::early_incident),
    (Kind::TwoOutages, "two outages", "hours apart, nothing is changed", outages::two),
    (Kind::FixInOutage, "fix in an outage", "somebody deploys a fix while a broker is away, which helps nothing", outages::fix),
    (Kind::BadAgainAndAgain, "bad, and bad again", "two or three bad deployments, hours apart", changes::again_and_again),
    (Kind::BadOnBad, "bad on bad", "a bad fix on a bad version, or bad code two minutes after another change", changes::on_bad),
    (Kind::ChangesBetween, "changes between", "scaling, properties and maintenance, then bad code or an outage", changes::between),
    (Kind::ScaledBeforeOutage, "scaled before an outage", "only the parallelism changed minutes before", outages::scaled_before),
    (Kind::StoppedForLong, "stopped for long", "stopped and started again after hours, then an outage", outages::stopped_for_long),
    (Kind::StoredWhileStopped, "stored while stopped", "a bad version is stored while it is stopped, and started hours later", changes::stored_while_stopped),
    (Kind::LongName, "long name", "a bad deployment of an application whose name is as long as names are", changes::long_name),
    (Kind::ScalerOnClock, "scaler on a clock", "it scales every half hour; then bad code or an outage", changes::scaler_on_clock),
    (Kind::AppliedAgain, "applied again", "a pipeline applies the bad version again after the rescue, and once more", changes::applied_again),
    (Kind::SameKey, "same key", "bad code is built over the key of the good one, and deployed from there", changes::same_key),
    (Kind::JobManagerFailovers, "JobManager failovers", "some over the day, one in an outage", outages::job_manager),
    (Kind::JobManagerCrashLoop, "JobManager crash loop", "a version whose JobManager crashes again and again", clusters::crash_loop),
    (Kind::FailoverRegions, "failover regions", "every region fails once, also soon after a deployment", clusters::regions),
    (Kind::Batch, "batch", "a bounded job runs to its end", clusters::batch),
    (Kind::RareCheckpoints, "rare checkpoints", "a checkpoint every half hour; a good deployment, later a bad one", changes::rare_checkpoints),
    (Kind::SlowPoison, "slow poison", "a version that fails after ten to twenty-five minutes, each time", changes::slow_poison),
    (Kind::Idle, "idle", "nothing, but for maintenance", clusters::idle),
    (Kind::SchemaChanged, "schema changed", "upstream, minutes after a good deployment that had soaked", outages::schema),
    (Kind::SchemaChangedAtOnce, "schema changed at once", "the same within the soak", outages::schema_at_once),
    (Kind::SecretRotated, "secret rotated", "and after a while somebody deploys what knows the new one", outages::secret),
    (Kind::TogetherBad, "bad together", "some applications are deployed together, with one bad library", fleets::bad),
    (Kind::TogetherCutOff, "cut off together", "a broker of all is away, nothing was deployed", fleets::cut_off),
    (Kind::TogetherInOutage, "deployed in an outage", "some applications are deployed together while a broker is away", fleets::deployed_in_outage),
    (Kind::SeriesGone, "series gone", "CloudWatch does not answer around a bad deployment or an outage", services::series),
    (Kind::StruckAtWorst, "struck at the worst moment", "readings fail at the worst moments of a rescue", services::struck),
    (Kind::RatesLimited, "rates limited", "requests are throttled around a bad deployment", services::rates),
    (Kind::Announcements, "announcements", "late, lost, twice, around a bad deployment", services::announcements),
    (Kind::NeverStarts, "never starts", "a deployment whose main fails", changes::bad_main),
    (Kind::StateDoesNotFit, "state does not fit", "a deployment that cannot read the state", changes::misfit),
    (Kind::TooFewSlots, "too few slots", "a deployment that never gets its slots", changes::too_few_slots),
];

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there are {names}")
        })
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 33] = {
        let mut all = [Self::Idle; 33];
        let mut n = 0;
        while n < 33 {
            all[n] = TABLE[n].0;
            n += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        let row = TABLE.iter().find(|(kind, ..)| *kind == self);
        row.expect("every kind has its row, as a test says")
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What happens on such a day.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().2
    }

    /// Draws its truth and its script.
    pub(super) fn draw(self, draft: &mut Draft) {
        (self.row().3)(draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_in_its_own_row() {
        for (n, (kind, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*kind as usize, n, "{kind:?}");
        }
        assert_eq!(Kind::ALL.len(), Kind::TooFewSlots as usize + 1);
    }
}
