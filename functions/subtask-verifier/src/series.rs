//! How the application ran until now, from CloudWatch's minutes: what is asked, and how far back.
//!
//! All or nothing: of what is read once only new minutes are asked for later, so half an answer would leave a hole for ever. What failed is asked again at the next look.

use jiff::Timestamp;
use lambda_kit::Budget;
use lifecycle::{Application, History, Refusal, SeriesMetric, SeriesRead};
use managed_flink::{GetMetricData, Periods, read_series};

const METRICS: [SeriesMetric; 6] = [
    SeriesMetric::UpTime,
    SeriesMetric::Restarts,
    SeriesMetric::CheckpointDuration,
    SeriesMetric::CheckpointSize,
    SeriesMetric::RecordsIn,
    SeriesMetric::RecordsOut,
];
const MINUTE_SECS: u32 = 60;
const DAY_SECS: i64 = 86_400;
/// So long before the present version was made the one before is asked about first.
const BEFORE_SECS: i64 = 6 * 3_600;
/// Periods that CloudWatch keeps longer than minutes, with how long: what is older than that answers nothing, not even what is younger.
const LONGER: [(u32, i64); 2] = [(300, 63 * DAY_SECS), (3_600, 455 * DAY_SECS)];
/// Clocks differ, and CloudWatch rounds the begin down.
const MARGIN_SECS: i64 = 600;
/// A run of this length shows that an earlier version worked: older times need not be asked for.
const RUN_MILLIS: f64 = 1_800_000.0;

/// Why something was not read.
pub(crate) struct Unread {
    pub(crate) why: String,
    pub(crate) refusal: Option<Refusal>,
}

/// Reads what `history` does not know yet.
///
/// # Errors
/// Why something was not read, for people. Then nothing was.
pub(crate) async fn read<A: GetMetricData>(
    api: &A,
    application: &Application,
    history: &History,
    now: Timestamp,
    budget: Budget,
) -> Result<Vec<SeriesRead>, Unread> {
    let Some((from, until)) = history.wanted(now, application.created_at) else {
        return Ok(Vec::new());
    };
    let ask = async |metrics: &[SeriesMetric], periods: Periods| {
        let answer = read_series(api, &application.name, metrics, periods, budget).await;
        match answer.not_read.is_empty() {
            true => Ok(answer.read),
            false => Err(Unread {
                why: answer.not_read.join("; "),
                refusal: answer.refusal,
            }),
        }
    };
    let since = async |from: Timestamp| {
        let minutes = Periods {
            from,
            until,
            secs: MINUTE_SECS,
        };
        ask(&METRICS, minutes).await
    };
    if history.known.is_some() {
        return Ok(vec![since(from).await?]);
    }
    let lately = lately(application, now).max(from);
    let read = since(lately).await?;
    if lately > from && shows_enough(&read, application) {
        return Ok(vec![read]);
    }
    let mut reads = vec![if lately > from {
        since(from).await?
    } else {
        read
    }];
    for (secs, kept_secs) in LONGER {
        if reads.iter().any(|read| ran_before(read, application)) {
            break;
        }
        let oldest = now.as_second() - kept_secs + MARGIN_SECS.max(i64::from(secs));
        let until = reads.last().map_or(from, |read| read.from);
        if let Some(periods) = whole(secs, oldest, until, application.created_at) {
            reads.push(ask(&[SeriesMetric::UpTime], periods).await?);
        }
    }
    Ok(reads)
}

/// How far back a verdict mostly has to look: to some hours before the present version was made, or, of one that is older, a day. Fifteen days are a hundred times as many values.
fn lately(application: &Application, now: Timestamp) -> Timestamp {
    let made = application.version_created_at.unwrap_or(now).as_second();
    let now = now.as_second();
    let since = (made - BEFORE_SECS).clamp(now - DAY_SECS, now - BEFORE_SECS / 2);
    Timestamp::from_second(since - since.rem_euclid(i64::from(MINUTE_SECS)))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether it shows that the version before had worked, or, where the present one is older than all of it, that this one had.
fn shows_enough(read: &SeriesRead, application: &Application) -> bool {
    let is_old = application
        .version_created_at
        .is_some_and(|made| made < read.from);
    ran_before(read, application)
        || is_old
            && read
                .points(SeriesMetric::UpTime)
                .unwrap_or_default()
                .iter()
                .any(|point| point.value >= RUN_MILLIS)
}

/// Whether an undisturbed run of some length is seen before the present version was made.
fn ran_before(read: &SeriesRead, application: &Application) -> bool {
    let up_time = read
        .series
        .iter()
        .filter(|series| series.metric == SeriesMetric::UpTime);
    up_time.flat_map(|series| &series.points).any(|point| {
        let end = point.at.as_second() + i64::from(read.period_secs);
        point.value >= RUN_MILLIS
            && application
                .version_created_at
                .is_none_or(|made| end <= made.as_second())
    })
}

/// The whole periods of this length between two times, and after the application was made; None where there are none.
fn whole(
    secs: u32,
    oldest: i64,
    until: Timestamp,
    created_at: Option<Timestamp>,
) -> Option<Periods> {
    let length = i64::from(secs);
    let from = created_at.map_or(oldest, |at| at.as_second().max(oldest));
    let from = from + (-from).rem_euclid(length);
    let until = until.as_second() - until.as_second().rem_euclid(length);
    (from < until).then_some(Periods {
        from: Timestamp::from_second(from).ok()?,
        until: Timestamp::from_second(until).ok()?,
        secs,
    })
}
