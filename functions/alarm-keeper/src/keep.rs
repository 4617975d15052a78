//! One run: read applications and alarms, compare, change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use lambda_kit::{Budget, ErrorType, Failure};
use lifecycle::{
    ALARM_PREFIX, AlarmPlan, ApplicationStatus, FlinkMajor, FoundAlarm, Policy, STACK_TAG,
    StackName, Wish, Wishes, alarm_names, application_of_alarm, plan_alarms, suspects,
};
use managed_flink::{
    ApplicationSummary, CallError, CallErrorKind, DescribeApplication, Described, ListApplications,
    ListTagsForResource,
};

use crate::{
    alarms::{DeleteAlarms, DescribeAlarms, Found, OwnerOfAlarm, PAGE, PutAlarm},
    event::{Answer, Asked, Scope},
};

/// Reads under way at once: neither service publishes a rate for them, so few.
const READS_AT_ONCE: usize = 8;
/// Alarms put in one run at most. The service takes about three a second, so this is some two minutes of a run; the next run takes up the rest.
pub const PUTS_PER_RUN: usize = 400;

/// After this no tags are waited for; their applications are unknown, and keep their alarms as they are.
const TIME_FOR_TAGS: Duration = Duration::from_secs(120);
/// After this nothing is read any more, and a run that does not know everything changes nothing.
const TIME_TO_READ: Duration = Duration::from_secs(180);
/// No change is begun after this; one takes up to 20 s. The next run takes up the rest.
const TIME_TO_CHANGE: Duration = Duration::from_secs(260);

/// Calls that fail one after the other before no more of their kind are made in a run: the service is away, or does not want this role. Each stands for all attempts of the SDK.
const GIVE_UP_AFTER: usize = 8;

/// What a stack keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who it is, in the owner tag of its alarms.
    pub owner: String,
    /// Whose applications it watches.
    pub stack: StackName,
    /// How often its schedule checks snapshots; None when it is off.
    pub snapshots_checked_every_secs: Option<u32>,
}

/// Keeps the alarms.
///
/// # Errors
/// When applications or alarms cannot be listed (nothing is changed then), when CloudWatch takes no change now, or when it refuses one (the others are made).
pub async fn keep<F, C>(
    flink: &F,
    alarms: &C,
    asked: &Asked,
    kept: &Kept,
) -> Result<Answer, Failure>
where
    F: ListApplications + DescribeApplication + ListTagsForResource,
    C: DescribeAlarms + OwnerOfAlarm + PutAlarm + DeleteAlarms,
{
    let owner = kept.owner.as_str();
    let (to_read, to_change) = (Budget::of(TIME_TO_READ), Budget::of(TIME_TO_CHANGE));
    let read = to_read
        .within(read(flink, alarms, &asked.scope, kept))
        .await;
    let Read {
        wishes,
        found,
        plan,
        unread,
    } = read.unwrap_or_else(|| {
        Err(Failure::new(
            ErrorType::Retryable,
            format!(
                "applications and alarms could not be read within {} s, so nothing was changed",
                TIME_TO_READ.as_secs()
            ),
        ))
    })?;
    let applications = || wishes.applications.iter();
    let unknown = applications().filter(|(_, wish)| **wish == Wish::Unknown);
    let mut answer = Answer {
        dry_run: asked.dry_run,
        watched: applications()
            .filter(|(_, wish)| matches!(wish, Wish::Watched(_)))
            .count(),
        unknown: unknown.map(|(name, _)| name.clone()).collect(),
        right: plan.right,
        foreign: plan.foreign.clone(),
        unread,
        ..Answer::default()
    };
    for name in &plan.foreign {
        tracing::warn!(
            alarm = name,
            "an alarm of this name belongs to somebody else and is left alone"
        );
    }
    if asked.dry_run {
        tell(&plan, &mut answer);
        return Ok(answer);
    }
    change(alarms, &plan, &found, owner, to_change, &mut answer).await?;
    Ok(answer)
}

/// What a run knows before it changes anything, and what it is to change.
struct Read {
    wishes: Wishes,
    found: BTreeMap<String, Found>,
    plan: AlarmPlan,
    unread: Vec<String>,
}

async fn read<F, C>(flink: &F, alarms: &C, scope: &Scope, kept: &Kept) -> Result<Read, Failure>
where
    F: ListApplications + DescribeApplication + ListTagsForResource,
    C: DescribeAlarms + OwnerOfAlarm,
{
    let mut wishes = Wishes {
        applications: wishes(flink, scope, &kept.stack).await?,
        snapshots_checked_every_secs: kept.snapshots_checked_every_secs,
        stack: kept.stack.clone(),
    };
    let found = match scope {
        Scope::All | Scope::Remove => alarms.alarms_beginning(ALARM_PREFIX).await?,
        Scope::One(name) => alarms.alarms_named(&alarm_names(name)).await?,
    };
    let found: BTreeMap<String, Found> = found
        .into_iter()
        .map(|found| (found.alarm.name.clone(), found))
        .collect();
    let list: Vec<FoundAlarm> = found.values().map(|found| found.alarm.clone()).collect();
    let asked = match scope {
        // Whatever kind an earlier release gave them: the owner tag decides.
        Scope::Remove => found.keys().cloned().collect(),
        Scope::All | Scope::One(_) => suspects(&wishes, &list),
    };
    let (owners, unread) = owners(alarms, &asked, &found).await;
    let planned = |wishes: &Wishes| {
        let mut plan = plan_alarms(wishes, &list, &owners, &kept.owner);
        plan.foreign.retain(|name| !unread.contains(name));
        plan
    };
    let plan = match scope {
        Scope::Remove => AlarmPlan {
            remove: owners
                .iter()
                .filter(|(_, owner)| owner.as_ref() == Some(&kept.owner))
                .map(|(name, _)| name.clone())
                .collect(),
            ..AlarmPlan::default()
        },
        Scope::All | Scope::One(_) => {
            let plan = planned(&wishes);
            if plan.remove.is_empty() {
                plan
            } else {
                confirm(flink, &plan, &mut wishes).await;
                planned(&wishes)
            }
        }
    };
    Ok(Read {
        wishes,
        found,
        plan,
        unread,
    })
}

/// Looks once more at the applications that would lose their alarms: an empty or stale list, or tags missing from one answer, must not leave them unwatched. One that is watched
/// loses only an alarm that this release does not have.
async fn confirm<F>(flink: &F, plan: &AlarmPlan, wishes: &mut Wishes)
where
    F: DescribeApplication + ListTagsForResource,
{
    let names: BTreeSet<String> = plan
        .remove
        .iter()
        .filter_map(|alarm| application_of_alarm(alarm))
        .filter(|name| !matches!(wishes.applications.get(*name), Some(Wish::Watched(_))))
        .map(str::to_owned)
        .collect();
    let (patience, stack) = (&Patience::default(), &wishes.stack);
    let looks = stream::iter(names).map(|name| async move {
        let wish = match patience.ask(flink.describe_application(&name)).await {
            Some(Ok(described)) => wish(flink, &summary(described), stack, patience).await,
            Some(Err(error)) if error.kind == CallErrorKind::NotFound => Wish::Unwatched,
            Some(Err(_)) | None => Wish::Unknown,
        };
        (name, wish)
    });
    let again: Vec<(String, Wish)> = looks.buffer_unordered(READS_AT_ONCE).collect().await;
    wishes.applications.extend(again);
}

/// What each application should have. Those that a list cannot show (deleted ones) are not in it.
async fn wishes<F>(
    flink: &F,
    scope: &Scope,
    stack: &StackName,
) -> Result<BTreeMap<String, Wish>, Failure>
where
    F: ListApplications + DescribeApplication + ListTagsForResource,
{
    let applications = match scope {
        Scope::Remove => Vec::new(),
        Scope::All => flink.list_applications().await?,
        Scope::One(name) => match flink.describe_application(name).await {
            Ok(described) => vec![summary(described)],
            Err(error) if error.kind == CallErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        },
    };
    let (budget, patience) = (Budget::of(TIME_FOR_TAGS), &Patience::default());
    let wishes = stream::iter(applications).map(|application| async move {
        let wish = budget
            .within(wish(flink, &application, stack, patience))
            .await;
        (application.name, wish.unwrap_or(Wish::Unknown))
    });
    Ok(wishes.buffer_unordered(READS_AT_ONCE).collect().await)
}

fn summary(described: Described) -> ApplicationSummary {
    let application = described.application;
    ApplicationSummary {
        name: application.name,
        arn: application.arn,
        status: application.status,
        version_id: application.version_id,
        runtime: application.runtime,
    }
}

async fn wish<F: ListTagsForResource>(
    flink: &F,
    application: &ApplicationSummary,
    stack: &StackName,
    patience: &Patience,
) -> Wish {
    if !application.runtime.is_flink() || application.status == ApplicationStatus::Deleting {
        return Wish::Unwatched;
    }
    match patience
        .ask(flink.list_tags_for_resource(&application.arn))
        .await
    {
        Some(Ok(tags)) => of_tags(application, &tags, stack),
        Some(Err(error)) if error.kind == CallErrorKind::NotFound => Wish::Unwatched,
        Some(Err(error)) => {
            tracing::warn!(application = application.name, %error, "its tags could not be read, so its alarms stay as they are");
            Wish::Unknown
        }
        None => Wish::Unknown,
    }
}

/// A tag that does not parse makes it observe-only and is reported by a look; watched it is all the same. Only where the tag that names its stack does not, it is nobody's, and its
/// alarms stay as they are.
fn of_tags(
    application: &ApplicationSummary,
    tags: &BTreeMap<String, String>,
    stack: &StackName,
) -> Wish {
    let policy = Policy {
        stack: stack.clone(),
        ..Policy::default()
    };
    let applied = policy.under(Some(tags));
    let named = tags.get(STACK_TAG).map(|value| value.parse::<StackName>());
    match (applied.opted_in, named) {
        (false, _) => Wish::Unwatched,
        (true, Some(Err(why))) => {
            tracing::warn!(
                application = application.name,
                why,
                "its tag {STACK_TAG} names no stack, so its alarms stay as they are"
            );
            Wish::Unknown
        }
        (true, _) if applied.other_stack.is_some() => Wish::Unwatched,
        (true, _) => Wish::Watched(FlinkMajor::of(&application.runtime)),
    }
}

/// The owner tags of these alarms, and the names of those that could not be read: nobody knows whose they are, so they are left alone.
async fn owners<C: OwnerOfAlarm>(
    alarms: &C,
    names: &[String],
    found: &BTreeMap<String, Found>,
) -> (BTreeMap<String, Option<String>>, Vec<String>) {
    let arns: Vec<(String, String)> = names
        .iter()
        .filter_map(|name| Some((name.clone(), found.get(name)?.arn.clone())))
        .collect();
    let patience = &Patience::default();
    let asked = stream::iter(arns).map(|(name, arn)| async move {
        let owner = patience.ask(alarms.owner_of(&arn)).await;
        (name, owner)
    });
    let answers: Vec<(String, Option<_>)> = asked.buffer_unordered(READS_AT_ONCE).collect().await;
    let (mut owners, mut unread) = (BTreeMap::new(), Vec::new());
    for (name, answer) in answers {
        match answer {
            Some(Ok(owner)) => drop(owners.insert(name, owner)),
            Some(Err(error)) => {
                tracing::warn!(alarm = name, %error, "its owner could not be read, so it stays as it is");
                unread.push(name);
            }
            None => unread.push(name),
        }
    }
    unread.sort();
    (owners, unread)
}

/// How many calls of one kind have failed in a row.
#[derive(Debug, Default)]
struct Patience(AtomicUsize);

impl Patience {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= GIVE_UP_AFTER
    }

    fn note<T>(&self, result: &Result<T, CallError>) {
        match result {
            Err(error) if error.kind != CallErrorKind::NotFound => {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.0.store(0, Ordering::Relaxed),
        }
    }

    /// What the call comes to; None when it is not made any more.
    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Option<Result<T, CallError>> {
        if self.is_over() {
            return None;
        }
        let result = call.await;
        self.note(&result);
        Some(result)
    }
}

fn tell(plan: &AlarmPlan, answer: &mut Answer) {
    answer.created = plan
        .create
        .iter()
        .map(|definition| definition.name.clone())
        .collect();
    answer.fixed = plan
        .fix
        .iter()
        .map(|definition| definition.name.clone())
        .collect();
    answer.removed = plan.remove.clone();
    answer.changed = plan.create.len() + plan.fix.len() + plan.remove.len();
}

/// Fixes first, then new ones, then removals: what watches least is put right first.
///
/// A refused change does not hold back the others. One that CloudWatch cannot take now ends the run, and so do refusals one after the other: hundreds of alarms would meet the same.
/// What is left, the next run does.
async fn change<C>(
    alarms: &C,
    plan: &AlarmPlan,
    found: &BTreeMap<String, Found>,
    owner: &str,
    budget: Budget,
    answer: &mut Answer,
) -> Result<(), Failure>
where
    C: PutAlarm + DeleteAlarms,
{
    let planned = plan.create.len() + plan.fix.len() + plan.remove.len();
    let mut course = Course::new(budget);
    let puts = plan
        .fix
        .iter()
        .map(|definition| (definition, true))
        .chain(plan.create.iter().map(|definition| (definition, false)));
    for (definition, is_there) in puts.take(PUTS_PER_RUN) {
        if course.is_over() {
            break;
        }
        let actions = found
            .get(&definition.name)
            .map(|found| found.actions.clone())
            .unwrap_or_default();
        let (sent, list) = if is_there {
            (alarms.fix(definition, &actions).await, &mut answer.fixed)
        } else {
            (alarms.create(definition, owner).await, &mut answer.created)
        };
        if course.note(sent, 1) {
            list.push(definition.name.clone());
        }
    }
    for names in plan.remove.chunks(PAGE) {
        if course.is_over() {
            break;
        }
        if course.note(alarms.delete(names).await, names.len()) {
            answer.removed.extend_from_slice(names);
        }
    }
    answer.changed = answer.fixed.len() + answer.created.len() + answer.removed.len();
    answer.left = planned - answer.changed - course.refused;
    course.end(planned, answer)
}

/// How the changes of one run go.
struct Course {
    budget: Budget,
    patience: Patience,
    refused: usize,
    first: Option<CallError>,
    later: Option<CallError>,
}

impl Course {
    fn new(budget: Budget) -> Self {
        Self {
            budget,
            patience: Patience::default(),
            refused: 0,
            first: None,
            later: None,
        }
    }

    fn is_over(&self) -> bool {
        self.later.is_some() || self.patience.is_over() || self.budget.is_spent()
    }

    /// Whether a call about so many alarms changed them.
    fn note(&mut self, sent: Result<(), CallError>, alarms: usize) -> bool {
        self.patience.note(&sent);
        match sent {
            Ok(()) => return true,
            Err(error) if error.is_worth_retrying() => self.later = Some(error),
            // One of several was deleted by somebody else meanwhile, and then the service deletes none.
            Err(error) if error.kind == CallErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, "a change of alarms was refused");
                self.refused += alarms;
                self.first.get_or_insert(error);
            }
        }
        false
    }

    /// What the run comes to.
    fn end(self, planned: usize, answer: &mut Answer) -> Result<(), Failure> {
        let so_far = format!(
            "{} of {planned} changes of alarms were made",
            answer.changed
        );
        let stopped = match &self.later {
            Some(error) => Some(format!("{so_far}, then CloudWatch took none: {error}")),
            None if self.budget.is_spent() && answer.left > 0 => {
                Some(format!("{so_far}, then the run's time was over"))
            }
            None => None,
        };
        if let Some(stopped) = &stopped {
            tracing::warn!(
                stopped,
                left = answer.left,
                "the rest is left for the next run"
            );
        }
        answer.stopped.clone_from(&stopped);
        match (self.first, stopped) {
            (Some(error), _) => {
                let mut failure = error.into_refusal();
                failure.message = format!(
                    "{so_far}, {} were refused, {} are left; the first: {}",
                    self.refused, answer.left, failure.message
                );
                Err(failure)
            }
            (None, Some(stopped)) if self.later.is_some() && answer.changed == 0 => {
                Err(Failure::new(ErrorType::Retryable, stopped))
            }
            (None, _) => Ok(()),
        }
    }
}
