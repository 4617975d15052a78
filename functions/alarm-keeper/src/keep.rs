//! One run: read applications and alarms, compare, change.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use lambda_kit::{Budget, ErrorType, Failure};
use lifecycle::{
    ALARM_PREFIX, AlarmPlan, ApplicationStatus, FoundAlarm, Policy, STACK_TAG, StackName, Wish,
    Wishes, alarm_names, plan_alarms, suspects,
};
use managed_flink::{
    ApplicationSummary, CallErrorKind, DescribeApplication, ListApplications, ListTagsForResource,
};

use crate::{
    alarms::{AlarmCallError, DeleteAlarms, DescribeAlarms, Found, OwnerOfAlarm, PAGE, PutAlarm},
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
/// When applications or alarms cannot be listed (nothing is changed then), or a change is refused (the others are made).
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
        owners,
    } = read.unwrap_or_else(|| {
        Err(Failure::new(
            ErrorType::Retryable,
            format!(
                "applications and alarms could not be read within {} s, so nothing was changed",
                TIME_TO_READ.as_secs()
            ),
        ))
    })?;
    let list: Vec<FoundAlarm> = found.values().map(|found| found.alarm.clone()).collect();
    let plan = plan_alarms(&wishes, &list, &owners, owner);
    let of = |wanted: Wish| {
        wishes
            .applications
            .iter()
            .filter(move |(_, wish)| **wish == wanted)
            .map(|(name, _)| name.clone())
    };
    let mut answer = Answer {
        dry_run: asked.dry_run,
        watched: of(Wish::Watched).count(),
        unknown: of(Wish::Unknown).collect(),
        right: plan.right,
        foreign: plan.foreign.clone(),
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

/// What a run knows before it changes anything.
struct Read {
    wishes: Wishes,
    found: BTreeMap<String, Found>,
    owners: BTreeMap<String, Option<String>>,
}

async fn read<F, C>(flink: &F, alarms: &C, scope: &Scope, kept: &Kept) -> Result<Read, Failure>
where
    F: ListApplications + DescribeApplication + ListTagsForResource,
    C: DescribeAlarms + OwnerOfAlarm,
{
    let wishes = Wishes {
        applications: wishes(flink, scope, &kept.stack).await?,
        snapshots_checked_every_secs: kept.snapshots_checked_every_secs,
        stack: kept.stack.clone(),
    };
    let found = match scope {
        Scope::All => alarms.alarms_beginning(ALARM_PREFIX).await,
        Scope::One(name) => alarms.alarms_named(&alarm_names(name)).await,
    };
    let found: BTreeMap<String, Found> = found
        .map_err(|error| failure(&error))?
        .into_iter()
        .map(|found| (found.alarm.name.clone(), found))
        .collect();
    let list: Vec<FoundAlarm> = found.values().map(|found| found.alarm.clone()).collect();
    let owners = owners(alarms, &suspects(&wishes, &list), &found).await?;
    Ok(Read {
        wishes,
        found,
        owners,
    })
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
        Scope::All => flink.list_applications().await?,
        Scope::One(name) => match flink.describe_application(name).await {
            Ok(described) => {
                let application = described.application;
                vec![ApplicationSummary {
                    name: application.name,
                    arn: application.arn,
                    status: application.status,
                    runtime: application.runtime,
                }]
            }
            Err(error) if error.kind == CallErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        },
    };
    let budget = Budget::of(TIME_FOR_TAGS);
    let wishes = stream::iter(applications).map(|application| async move {
        let wish = budget.within(wish(flink, &application, stack)).await;
        (application.name, wish.unwrap_or(Wish::Unknown))
    });
    Ok(wishes.buffer_unordered(READS_AT_ONCE).collect().await)
}

async fn wish<F: ListTagsForResource>(
    flink: &F,
    application: &ApplicationSummary,
    stack: &StackName,
) -> Wish {
    if !application.runtime.is_flink() || application.status == ApplicationStatus::Deleting {
        return Wish::Unwatched;
    }
    match flink.list_tags_for_resource(&application.arn).await {
        Ok(tags) => of_tags(&application.name, &tags, stack),
        Err(error) if error.kind == CallErrorKind::NotFound => Wish::Unwatched,
        Err(error) => {
            tracing::warn!(application = application.name, %error, "its tags could not be read, so its alarms stay as they are");
            Wish::Unknown
        }
    }
}

/// A tag that does not parse makes it observe-only and is reported by a look; watched it is all the same. Only where the tag that names its stack does not, it is nobody's, and its
/// alarms stay as they are.
fn of_tags(name: &str, tags: &BTreeMap<String, String>, stack: &StackName) -> Wish {
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
                application = name,
                why,
                "its tag {STACK_TAG} names no stack, so its alarms stay as they are"
            );
            Wish::Unknown
        }
        (true, _) if applied.other_stack.is_some() => Wish::Unwatched,
        (true, _) => Wish::Watched,
    }
}

/// The owner tags of these alarms. One that cannot be read leaves its alarm alone.
async fn owners<C: OwnerOfAlarm>(
    alarms: &C,
    names: &[String],
    found: &BTreeMap<String, Found>,
) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let arns: Vec<(String, String)> = names
        .iter()
        .filter_map(|name| Some((name.clone(), found.get(name)?.arn.clone())))
        .collect();
    let asked = stream::iter(arns).map(|(name, arn)| async move {
        let owner = alarms.owner_of(&arn).await;
        (name, owner)
    });
    let answers: BTreeMap<String, Result<Option<String>, AlarmCallError>> =
        asked.buffer_unordered(READS_AT_ONCE).collect().await;
    answers
        .into_iter()
        .map(|(name, owner)| Ok((name, owner.map_err(|error| failure(&error))?)))
        .collect()
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

/// Fixes first, then new ones, then removals: what watches least is put right first. A throttled call ends the run without an error: what is left, the next run does.
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
    let mut refused = Vec::new();
    let mut slow_down = false;
    let puts = plan
        .fix
        .iter()
        .map(|definition| (definition, true))
        .chain(plan.create.iter().map(|definition| (definition, false)));
    let in_time = |_: &_| !budget.is_spent();
    for (definition, is_there) in puts.take(PUTS_PER_RUN).take_while(in_time) {
        let actions = found
            .get(&definition.name)
            .map(|found| found.actions.clone())
            .unwrap_or_default();
        let sent = if is_there {
            alarms.fix(definition, &actions).await
        } else {
            alarms.create(definition, owner).await
        };
        match sent {
            Ok(()) => note(
                if is_there {
                    &mut answer.fixed
                } else {
                    &mut answer.created
                },
                &mut answer.changed,
                &definition.name,
            ),
            Err(error) if error.error_type == ErrorType::Retryable => {
                tracing::warn!(%error, "left for the next run");
                slow_down = true;
                break;
            }
            Err(error) => refused.push(error),
        }
    }
    for names in plan
        .remove
        .chunks(PAGE)
        .take_while(|_| !slow_down && !budget.is_spent())
    {
        match alarms.delete(names).await {
            Ok(()) => names
                .iter()
                .for_each(|name| note(&mut answer.removed, &mut answer.changed, name)),
            Err(error) => refused.push(error),
        }
    }
    answer.left = planned - answer.changed - refused.len();
    match refused.first() {
        None if slow_down && answer.changed == 0 => Err(Failure::new(
            ErrorType::Retryable,
            format!("{planned} alarms are to be changed, and CloudWatch took none of them now"),
        )),
        None => Ok(()),
        Some(error) => {
            let mut failure = failure(error);
            failure.message = format!(
                "{} of {planned} changes of alarms were refused, {} were made; the first: {}",
                refused.len(),
                answer.changed,
                failure.message
            );
            Err(failure)
        }
    }
}

fn note(list: &mut Vec<String>, changed: &mut usize, name: &str) {
    *changed += 1;
    list.push(name.to_owned());
}

fn failure(error: &AlarmCallError) -> Failure {
    Failure::of(error.error_type, error)
}
