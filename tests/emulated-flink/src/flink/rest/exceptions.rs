//! `/jobs/:id/exceptions`.

use serde_json::{Value, json};

use super::vertex::{HOST, TASK_MANAGER};
use crate::flink::code::Fault;
use crate::flink::picture::{EXCEPTIONS, Exception, Picture, TaskState};
use crate::flink::release::Release;

/// The exception history: newest first, at most as many as the query's `maxExceptions` says.
pub(super) fn history(picture: &Picture, query: &str) -> Value {
    let most = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("maxExceptions=")?.parse().ok())
        .unwrap_or(EXCEPTIONS);
    let entries: Vec<Value> = picture
        .exceptions
        .iter()
        .take(most)
        .map(|exception| entry(picture, exception))
        .collect();
    let history = json!({ "entries": entries, "truncated": picture.exceptions.len() > most });
    if picture.release >= Release::TWO {
        return json!({ "exceptionHistory": history });
    }
    let newest = picture.exceptions.front();
    json!({
        "root-exception": newest.map(|exception| exception.suppressed_by.as_ref().map_or_else(|| stack_trace(&exception.fault), |strategy| suppressed(strategy))),
        "timestamp": newest.map(|exception| exception.at),
        "all-exceptions": present(picture),
        "truncated": false,
        "exceptionHistory": history,
    })
}

/// The failures of the present executions: none once the tasks have been started again.
fn present(picture: &Picture) -> Vec<Value> {
    let failed = picture.vertices.iter().any(|vertex| {
        vertex
            .subtasks
            .iter()
            .any(|subtask| subtask.state == TaskState::Failed)
    });
    let newest = picture
        .exceptions
        .front()
        .filter(|exception| failed && exception.fault.vertex.is_some());
    let entry = |exception: &Exception| {
        json!({
            "exception": stack_trace(&exception.fault),
            "task": task(picture, &exception.fault),
            "location": HOST,
            "endpoint": HOST,
            "timestamp": exception.at,
            "taskManagerId": TASK_MANAGER,
        })
    };
    newest.map(entry).into_iter().collect()
}

fn entry(picture: &Picture, exception: &Exception) -> Value {
    let fault = &exception.fault;
    match &exception.suppressed_by {
        None => thrown(picture, exception, Some(&exception.concurrent)),
        Some(strategy) => json!({
            "exceptionName": "org.apache.flink.runtime.JobException",
            "stacktrace": format!("{}Caused by: {}", suppressed(strategy), stack_trace(fault)),
            "timestamp": exception.at + 24,
            "failureLabels": {},
            "concurrentExceptions": [thrown(picture, exception, None)],
        }),
    }
}

/// An entry for an exception that a task, or none, threw.
fn thrown(picture: &Picture, exception: &Exception, concurrent: Option<&[Exception]>) -> Value {
    let fault = &exception.fault;
    let mut entry = json!({
        "exceptionName": fault.class,
        "stacktrace": stack_trace(fault),
        "timestamp": exception.at,
        "failureLabels": {},
    });
    if fault.vertex.is_some() {
        entry["taskName"] = format!(
            "{} - execution #{}",
            task(picture, fault),
            exception.execution
        )
        .into();
        if picture.release < Release::TWO {
            entry["location"] = HOST.into();
        }
        if picture.release >= Release::WITH_ENDPOINT {
            entry["endpoint"] = HOST.into();
        }
        entry["taskManagerId"] = TASK_MANAGER.into();
    }
    if let Some(concurrent) = concurrent {
        let merged = concurrent
            .iter()
            .map(|exception| thrown(picture, exception, None));
        entry["concurrentExceptions"] = merged.collect();
    }
    entry
}

fn task(picture: &Picture, fault: &Fault) -> String {
    let index = fault
        .vertex
        .unwrap_or(0)
        .min(picture.vertices.len().saturating_sub(1));
    picture
        .vertices
        .get(index)
        .map_or_else(String::new, |vertex| {
            let subtasks = u32::try_from(vertex.subtasks.len())
                .unwrap_or(u32::MAX)
                .max(1);
            let subtask = fault.subtask.min(subtasks - 1) + 1;
            format!("{} ({subtask}/{subtasks})", vertex.name)
        })
}

fn stack_trace(fault: &Fault) -> String {
    format!(
        "{}: {}\n\tat com.example.Job.processElement(Job.java:38)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n",
        fault.class, fault.message
    )
}

fn suppressed(strategy: &str) -> String {
    format!(
        "org.apache.flink.runtime.JobException: Recovery is suppressed by {strategy}\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
    )
}
