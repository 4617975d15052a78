//! `act`: the facts afresh, the decision again, then at most one snapshot and a bounded number of deletes. Each change is sent once.

use std::time::Duration;

use jiff::Timestamp;
use lambda_kit::{Budget, ErrorType, Failure, Function as _, Invocation, Metric, Record};
use lifecycle::{
    Application, ApplicationStatus, Ledger, Snapshot, SnapshotStatus,
    retention::{Finding, JobNow, Lease, Need, Retention, may_take, need, quota_percent, retain},
};
use managed_flink::{CallError, CallErrorKind, CreateApplicationPresignedUrl, FlinkRest, glance};

use crate::{Did, Look, Row, SnapshotKeeper, Soaked, facts::Facts, kind};

/// Deletes of one invocation; the next check goes on.
const DELETES: usize = 40;
/// No change is begun after this part of the invocation: one takes up to 15 s, with a look after it 35 s, and the function's time must not end in the middle of it.
const TIME_TO_CHANGE: Duration = Duration::from_secs(80);
/// No further delete is begun after this part of the invocation.
const TIME_TO_DELETE: Duration = Duration::from_secs(45);

/// A free lease that was read longer ago than this may be held by now: the tries of this step take minutes.
const LEASE_VALID_SECS: i64 = 60;

/// The lease as far as it says something about now.
pub(crate) fn still_valid(lease: Lease, read_at: Timestamp, now: Timestamp) -> Lease {
    let age_secs = now.duration_since(read_at).as_secs();
    if lease == Lease::Free && age_secs > LEASE_VALID_SECS {
        Lease::Unknown {
            why: format!("it was read {age_secs} s ago"),
        }
    } else {
        lease
    }
}

/// What to act on.
pub(crate) struct Order<'a> {
    pub(crate) tick: Timestamp,
    pub(crate) look: Option<&'a Look>,
    pub(crate) lease: &'a Lease,
    pub(crate) dry_run: bool,
}

/// What came of the wish for a snapshot.
struct Outcome {
    did: Did,
    why: String,
    snapshot_name: Option<String>,
}

impl SnapshotKeeper {
    /// Acts.
    pub(crate) async fn act(
        &self,
        name: &str,
        order: &Order<'_>,
        invocation: &Invocation,
    ) -> Result<Row, Failure> {
        let (to_delete, to_change) = (Budget::of(TIME_TO_DELETE), Budget::of(TIME_TO_CHANGE));
        let facts = match self.facts(name).await? {
            Ok(facts) => facts,
            Err(row) => return Ok(row),
        };
        let stock = facts.stock(order.lease);
        let mut found = facts.findings();
        let dry = order.dry_run || !facts.may_change();
        let need = need(&stock);
        let wanted = self.wanted(name, order, &facts, &need, to_change).await;
        // What is worth a snapshot has soaked.
        let soaked = order.look.filter(|_| wanted.is_ok() && !order.dry_run);
        let soaked = soaked.map(|look| Soaked {
            attribute: format!(
                "{}{}",
                Ledger::SOAKED,
                look.observation.application.version_id
            ),
            at: look.observation.at,
        });
        let retention = retain(&stock);
        // An application in trouble keeps everything: what is deleted today may be what somebody looks for tomorrow.
        let may_delete = !matches!(&wanted, Err(outcome) if outcome.did == Did::Refused);
        let delete_first = quota_percent(&stock) >= stock.policy.quota_warn_percent;
        let mut deleted = 0;
        if may_delete && delete_first {
            deleted = self
                .delete(&facts, &retention, to_delete, dry, &mut found)
                .await;
        }
        let outcome = match wanted {
            Ok(why) => {
                if !dry && to_change.is_spent() {
                    return Err(Failure::new(
                        ErrorType::Retryable,
                        format!("reading about {name} took too long to take a snapshot after it"),
                    ));
                }
                self.take(order.tick, &facts, dry, why, &mut found).await?
            }
            Err(outcome) => outcome,
        };
        if may_delete && !delete_first {
            deleted = self
                .delete(&facts, &retention, to_delete, dry, &mut found)
                .await;
        }
        // Being remedied right now, or a rescue's business, whose own report follows. In mode observe nobody remedies it.
        let is_in_hand = matches!(outcome.did, Did::Taken | Did::Underway)
            || (order.dry_run && outcome.did == Did::WouldTake)
            || matches!(order.lease, Lease::Held { .. });
        found.retain(|finding| !(is_in_hand && matches!(finding, Finding::Stale { .. })));
        let mut row = facts.row(outcome.did, outcome.why, &found);
        row.snapshot_name = outcome.snapshot_name;
        row.soaked = soaked;
        *(if dry {
            &mut row.would_delete
        } else {
            &mut row.deleted
        }) = deleted;
        if let Some(why) = retention.nothing_because {
            row.findings.push(format!("nothing is deleted: {why}"));
        }
        tracing::info!(application = name, did = ?row.did, why = row.why, snapshot = row.snapshot_name, deleted = row.deleted, would_delete = row.would_delete, dry, "acted");
        self.count(name, &row, invocation);
        Ok(row)
    }

    /// Whether a snapshot is to be taken now, with the reason; else what the row says.
    async fn wanted(
        &self,
        name: &str,
        order: &Order<'_>,
        facts: &Facts,
        need: &Need,
        budget: Budget,
    ) -> Result<String, Outcome> {
        let not = |did: Did, why: String| Outcome {
            did,
            why,
            snapshot_name: None,
        };
        // A second try of this very step: the first one's request had arrived.
        let own = kind::named(&facts.described.application, order.tick);
        let taken = |why: String| Outcome {
            did: Did::Taken,
            why,
            snapshot_name: Some(own.clone()),
        };
        let is_there =
            |snapshot: &Snapshot| snapshot.name == own && snapshot.status == SnapshotStatus::Ready;
        let because = match need {
            Need::Due { why } => why,
            Need::Fresh { why } if facts.snapshots.iter().any(is_there) => {
                return Err(taken(why.clone()));
            }
            Need::Fresh { why } => return Err(not(Did::Fresh, why.clone())),
            Need::NotNow { why } => return Err(not(Did::NotNow, why.clone())),
            Need::Underway { name } if *name == own => return Err(taken(need.why())),
            Need::Underway { .. } => return Err(not(Did::Underway, need.why())),
        };
        let refused = |why: String| not(Did::Refused, format!("{because}; not taken: {why}"));
        let Some(look) = order.look else {
            return Err(refused("no look was made".into()));
        };
        let job = budget.within(self.job_now(name, facts)).await;
        let job = job.unwrap_or_else(|| Err("the dashboard did not answer in time".to_owned()));
        let stock = facts.stock(order.lease);
        may_take(
            &stock,
            &look.observation,
            &look.assessment,
            job.as_ref().map_err(String::as_str),
            &facts.policy.policy,
        )
        .map_err(refused)?;
        Ok(because.clone())
    }

    /// A glance at the job. Only of a RUNNING application: any other has no dashboard.
    async fn job_now(&self, name: &str, facts: &Facts) -> Result<JobNow, String> {
        if facts.described.application.status != ApplicationStatus::Running {
            return Err(format!(
                "the application is {}",
                facts.described.application.status
            ));
        }
        let url = self
            .api
            .create_application_presigned_url(name)
            .await
            .map_err(|error| error.to_string())?;
        let rest = FlinkRest::open(&self.aws, &url, self.hosts)
            .await
            .map_err(|error| error.to_string())?;
        let job = glance(&rest).await.map_err(|error| error.to_string())?;
        job.ok_or_else(|| "Flink knows no job".to_owned())
    }

    async fn take(
        &self,
        tick: Timestamp,
        facts: &Facts,
        dry: bool,
        because: String,
        found: &mut Vec<Finding>,
    ) -> Result<Outcome, Failure> {
        let application = &facts.described.application;
        let stack = &self.policy.stack;
        let snapshot = kind::named(application, tick);
        if dry {
            return Ok(Outcome {
                did: Did::WouldTake,
                why: because,
                snapshot_name: Some(snapshot),
            });
        }
        let taken = |because: String| Outcome {
            did: Did::Taken,
            why: because,
            snapshot_name: Some(snapshot.clone()),
        };
        let created = kind::create(&self.api, application, stack, &snapshot);
        let Err(error) = created.await else {
            return Ok(taken(because));
        };
        // Lost answers and second tries: what counts is whether it is there.
        let there = kind::describe(&self.api, application, stack, &snapshot);
        if let Ok(there) = there.await
            && kind::is_what_was_asked_for(there.snapshot())
            && matches!(
                there.snapshot().status,
                SnapshotStatus::Creating | SnapshotStatus::Ready
            )
        {
            return Ok(taken(because));
        }
        if error.is_worth_retrying() {
            // The state machine tries this step again, from fresh facts. A request that arrives late has the same name, so there is never a second one.
            return Err(error.into());
        }
        if error.kind == CallErrorKind::Denied {
            found.push(Finding::Tag {
                text: format!("the role of snapshot-keeper may not take it: {error}"),
            });
        }
        Ok(Outcome {
            did: Did::Refused,
            why: format!("{because}; not taken: {error}"),
            snapshot_name: None,
        })
    }

    /// Deletes what was decided, as far as it is still there and still the same. How many.
    async fn delete(
        &self,
        facts: &Facts,
        retention: &Retention,
        budget: Budget,
        dry: bool,
        found: &mut Vec<Finding>,
    ) -> u32 {
        if dry {
            return u32::try_from(retention.delete.len()).unwrap_or(u32::MAX);
        }
        let application = &facts.described.application;
        let name = &application.name;
        let mut deleted = 0;
        for snapshot in retention.delete.iter().take(DELETES) {
            if budget.is_spent() {
                break;
            }
            let mut result = self.delete_one(application, snapshot).await;
            if !budget.is_spent() && result.as_ref().is_err_and(CallError::is_worth_retrying) {
                // Once more: its creation time makes sure that it is the same one.
                result = self.delete_again(application, snapshot).await;
            }
            match result {
                Ok(true) => deleted += 1,
                // Gone, or being used or deleted by somebody: nothing of ours to do.
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(application = name, snapshot = snapshot.name, %error, "could not be deleted");
                    found.push(Finding::Refused {
                        text: format!("snapshot {} could not be deleted: {error}", snapshot.name),
                    });
                    // A refusal of one may be a refusal of all: the next check tries again.
                    break;
                }
            }
        }
        deleted
    }

    async fn delete_one(
        &self,
        application: &Application,
        decided: &Snapshot,
    ) -> Result<bool, CallError> {
        let is_normal = |error: &CallError| {
            matches!(error.kind, CallErrorKind::NotFound | CallErrorKind::InUse)
        };
        let stack = &self.policy.stack;
        let now = kind::describe(&self.api, application, stack, &decided.name);
        let now = match now.await {
            Ok(now) => now,
            Err(error) if is_normal(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        if now.snapshot() != decided {
            return Ok(false);
        }
        match kind::delete(&self.api, application, &now).await {
            Ok(()) => Ok(true),
            Err(error) if is_normal(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// After a delete whose outcome is not known. It is done when the snapshot is gone or going.
    async fn delete_again(
        &self,
        application: &Application,
        decided: &Snapshot,
    ) -> Result<bool, CallError> {
        let stack = &self.policy.stack;
        let now = kind::describe(&self.api, application, stack, &decided.name);
        match now.await {
            Err(error) if error.kind == CallErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
            Ok(now)
                if now.snapshot().status == SnapshotStatus::Deleting
                    && now.snapshot().created_at == decided.created_at =>
            {
                Ok(true)
            }
            Ok(_) => self.delete_one(application, decided).await,
        }
    }

    fn count(&self, name: &str, row: &Row, invocation: &Invocation) {
        let mut record = Record::of(Self::NAME, invocation);
        record.about(name);
        match row.did {
            Did::Taken => record.add(Metric::SnapshotsTaken, 1),
            Did::Refused => record.add(Metric::SnapshotsRefused, 1),
            _ => &mut record,
        };
        if row.deleted > 0 {
            record.add(Metric::SnapshotsDeleted, u64::from(row.deleted));
        }
        self.metrics.emit(&record);
    }
}
