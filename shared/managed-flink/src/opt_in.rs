//! Whether an application may be changed: the stack's mode, and the application's tags. IAM enforces mode and opt-in too; the check here gives a person a sentence
//! instead of an access error, also where somebody invokes a function directly.

use std::{collections::BTreeMap, time::Duration};

use lambda_kit::{Budget, ErrorType, Failure};
use lifecycle::{Applied, Mode, Policy, SnapshotMode};

use crate::{DescribeApplication, Described, ListTagsForResource};

/// An application with this tag set to `true` is looked after; any other is not touched.
pub const OPT_IN_TAG: &str = "lifeguard:managed";

/// The reads before a change take this long at most: with the change and the look after a lost answer, less than the function's time of 60 s. What is not read by then is tried again.
const TIME_TO_LOOK: Duration = Duration::from_secs(20);

/// Whether these tags opt the application in. Any value but `true` does not: a doubt is a no.
#[must_use]
pub fn is_opted_in(tags: &BTreeMap<String, String>) -> bool {
    tags.get(OPT_IN_TAG).is_some_and(|value| value == "true")
}

/// The fresh look right before a change: the application as it is now, when this project may touch it at all. Under a stack that observes nothing is even read.
///
/// # Errors
/// [`ErrorType::NotAllowed`] when stack or application are only observed, or when it is not opted in or is no Flink application; else what the reads say.
pub async fn look_before_change<A: DescribeApplication + ListTagsForResource>(
    api: &A,
    policy: &Policy,
    application: &str,
) -> Result<Described, Failure> {
    let look = Box::pin(look(api, policy, application));
    Budget::of(TIME_TO_LOOK)
        .within(look)
        .await
        .unwrap_or_else(|| {
            Err(Failure::new(
                ErrorType::Retryable,
                format!("{application} could not be read in time, so nothing was sent"),
            ))
        })
}

async fn look<A: DescribeApplication + ListTagsForResource>(
    api: &A,
    policy: &Policy,
    application: &str,
) -> Result<Described, Failure> {
    if policy.mode == Mode::Observe {
        return Err(Failure::new(
            ErrorType::NotAllowed,
            format!(
                "{application} was not changed: this stack only observes (MODE=observe). To let it act, deploy it with Mode=act"
            ),
        ));
    }
    let seen = api.describe_application(application).await?;
    let runtime = &seen.application.runtime;
    if !runtime.is_flink() {
        return Err(Failure::new(
            ErrorType::NotAllowed,
            format!("{application} runs on {runtime}: only Flink applications are looked after"),
        ));
    }
    let tags = api.list_tags_for_resource(&seen.application.arn).await?;
    if !is_opted_in(&tags) {
        return Err(Failure::new(
            ErrorType::NotAllowed,
            format!(
                "{application} is not opted in: it has no tag {OPT_IN_TAG}=true, so it is not touched"
            ),
        ));
    }
    let applied = policy.under(Some(&tags));
    if let Some(other) = &applied.other_stack {
        return Err(Failure::new(
            ErrorType::NotAllowed,
            format!("{application} was not changed: {other}"),
        ));
    }
    if let Some(why) = only_observed(application, &applied) {
        return Err(Failure::new(ErrorType::NotAllowed, why));
    }
    if let SnapshotMode::Other(mode) = &seen.application.snapshot_mode {
        return Err(Failure::new(
            ErrorType::NotAllowed,
            format!(
                "{application} was not changed: its snapshot mode is {mode}, which this release does not know"
            ),
        ));
    }
    Ok(seen)
}

/// Whether this stack may use the customer managed keys of what it is about to roll back, or to stop and start. Asked before that, because a start that is refused comes after the
/// stop.
///
/// # Errors
/// `NotAllowed`, naming the key.
pub fn may_use_keys(
    policy: &Policy,
    application: &str,
    keys: &[Option<&str>],
) -> Result<(), Failure> {
    let mut keys = keys.iter().flatten();
    match keys.find(|key| !policy.usable_keys.has(key)) {
        None => Ok(()),
        Some(key) => Err(Failure::new(
            ErrorType::NotAllowed,
            format!(
                "{application} was not changed: it needs the customer managed key {key}, which is not among those that this stack may use (parameter UsableKeys)"
            ),
        )),
    }
}

/// Why an application that has opted in is only observed, if it is.
fn only_observed(application: &str, applied: &Applied) -> Option<String> {
    if !applied.findings.is_empty() {
        let findings = applied.findings.join("; ");
        return Some(format!(
            "{application} was not changed: a tag that cannot be read makes it observe-only: {findings}"
        ));
    }
    (applied.policy.mode == Mode::Observe).then(|| {
        format!(
            "{application} was not changed: its tag lifeguard:mode=observe makes it observe-only"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_value_opts_in() {
        for (value, expected) in [
            ("true", true),
            ("True", false),
            ("yes", false),
            ("", false),
            ("false", false),
        ] {
            assert_eq!(
                is_opted_in(&BTreeMap::from([(OPT_IN_TAG.to_owned(), value.to_owned())])),
                expected,
                "{value}"
            );
        }
        assert!(!is_opted_in(&BTreeMap::new()));
    }
}
