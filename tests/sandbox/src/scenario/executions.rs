//! What no execution may do, whatever the scenario is about.

use serde_json::Value;

use super::LOST;
use crate::{
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    states::{ExecutionView, Status},
};

/// A complaint for each execution that fails by itself (unless that is how an input is refused), each expression that does not evaluate, and each step that is reported without what became of it.
pub(super) fn complaints(may_fail: bool, region: &Region) -> Vec<String> {
    let mut complaints = Vec::new();
    for (machine, execution) in [REMEDIATE, SNAPSHOT_CHECK].into_iter().flat_map(|id| {
        region
            .executions_of(id)
            .into_iter()
            .map(move |one| (id, one))
    }) {
        let failed = failed(&execution).filter(|_| !may_fail);
        let unevaluated = region
            .states()
            .history(&execution.arn)
            .into_iter()
            .filter_map(|event| unevaluated(&event));
        let wrong = failed
            .into_iter()
            .chain(unevaluated)
            .chain(unsettled(&execution));
        complaints.extend(wrong.map(|what| format!("{machine}: {what}")));
    }
    complaints
}

/// One that a person stopped did not fail, nor did one that a script let fail.
fn failed(execution: &ExecutionView) -> Option<String> {
    let by_itself = matches!(execution.status, Status::Failed | Status::TimedOut)
        && execution.cause.as_deref() != Some(LOST);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    by_itself.then(|| {
        format!(
            "an execution ended {}: {}: {}",
            execution.status.name(),
            text(&execution.error),
            text(&execution.cause)
        )
    })
}

fn unevaluated(event: &Value) -> Option<String> {
    let details = event.get("evaluationFailedEventDetails")?;
    let text = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
    Some(format!(
        "{} of {} was not evaluated: {}",
        text("location"),
        text("state"),
        text("cause")
    ))
}

fn unsettled(execution: &ExecutionView) -> Vec<String> {
    let steps = execution
        .output
        .as_ref()
        .and_then(|report| report["steps"].as_array())
        .into_iter()
        .flatten();
    steps
        .filter(|taken| taken["result"].is_null())
        .map(|taken| {
            format!(
                "the step {} is reported without what became of it",
                taken["step"]
            )
        })
        .collect()
}
