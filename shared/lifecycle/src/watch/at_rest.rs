//! What the operations of an application that is READY say of it.

use crate::{Assessment, Observation, Operation, OperationKind, OperationStatus, Part};

/// READY alone is no failure: the operations tell a failed start from a stop and from a job that is done.
pub(super) fn assess_ready(seen: &Observation) -> Assessment {
    match seen.why_unreadable(Part::Operations) {
        Some(why) => Assessment::Unknown {
            why: format!("READY, and the operations that would tell why could not be read: {why}"),
        },
        None => assess_at_rest(&seen.operations),
    }
}

/// What the operations of an application that is READY say of it, newest first.
#[must_use]
pub fn assess_at_rest(operations: &[Operation]) -> Assessment {
    let newest = |kinds: &[OperationKind]| newest(operations, kinds);
    let Some(last) = newest(&[
        OperationKind::Start,
        OperationKind::Update,
        OperationKind::Stop,
        OperationKind::Rollback,
    ]) else {
        return Assessment::Stopped {
            why: "the application was never started".into(),
        };
    };
    let own = newest(&[OperationKind::Maintenance, OperationKind::Scaling]);
    if let Some(own) =
        own.filter(|own| own.status == OperationStatus::Failed && own.started_at > last.started_at)
    {
        return failed(own);
    }
    if let Some(down) = down_and_changed(operations) {
        return Assessment::Stopped {
            why: format!(
                "down since {} failed at {}; the configuration was changed since and nobody has started it",
                down.name, down.started_at
            ),
        };
    }
    // An update of a stopped application only stores the configuration; the operation before it tells why the application is READY.
    let ran = newest(&[
        OperationKind::Start,
        OperationKind::Stop,
        OperationKind::Rollback,
    ])
    .unwrap_or(last);
    // Since the stop nothing has started it, so the update, failed or not, brought nothing down.
    let decisive = if last.kind() == OperationKind::Update && ran.kind() == OperationKind::Stop {
        ran
    } else {
        last
    };
    match (decisive.kind(), &decisive.status) {
        // Whoever stopped it wanted it stopped, also where the stop had to be forced in the end.
        (OperationKind::Stop, OperationStatus::Successful | OperationStatus::Failed) => {
            Assessment::Stopped {
                why: format!("stopped by {} at {}", decisive.name, decisive.started_at),
            }
        }
        (_, OperationStatus::Failed) => failed(decisive),
        (
            OperationKind::Start | OperationKind::Update | OperationKind::Rollback,
            OperationStatus::Successful,
        ) => Assessment::Finished,
        (_, status) => Assessment::Unknown {
            why: format!(
                "READY, and the last operation {} is {status}",
                decisive.name
            ),
        },
    }
}

fn newest<'a>(operations: &'a [Operation], kinds: &[OperationKind]) -> Option<&'a Operation> {
    operations.iter().find(|one| kinds.contains(&one.kind()))
}

/// What brought an application down that is READY and whose configuration was changed since: nobody stopped it, and nobody has started it.
pub(crate) fn down_and_changed_since(seen: &Observation) -> Option<&Operation> {
    let is_ready = seen.application.status == crate::ApplicationStatus::Ready;
    down_and_changed(&seen.operations).filter(|_| is_ready)
}

/// The same of the operations of an application that is READY.
pub(crate) fn down_and_changed(operations: &[Operation]) -> Option<&Operation> {
    let last = newest(
        operations,
        &[
            OperationKind::Start,
            OperationKind::Update,
            OperationKind::Stop,
            OperationKind::Rollback,
        ],
    )?;
    let only_stored =
        last.kind() == OperationKind::Update && last.status != OperationStatus::Failed;
    brought_down(operations).filter(|_| only_stored)
}

/// What brought an application down before a configuration was stored: the last that failed of what runs it, unless it was stopped or started since.
fn brought_down(operations: &[Operation]) -> Option<&Operation> {
    use OperationKind as Kind;
    let ran = newest(operations, &[Kind::Start, Kind::Rollback, Kind::Stop]);
    if ran.is_some_and(|ran| ran.kind() == Kind::Stop) {
        return None;
    }
    let last = operations.iter().find(|one| match one.kind() {
        Kind::Start | Kind::Rollback => true,
        Kind::Update | Kind::Maintenance | Kind::Scaling => one.status == OperationStatus::Failed,
        Kind::Stop | Kind::Other => false,
    })?;
    (last.status == OperationStatus::Failed).then_some(last)
}

fn failed(operation: &Operation) -> Assessment {
    let text = operation
        .failure
        .as_deref()
        .unwrap_or("the service gives no text");
    Assessment::Failed {
        why: format!("{} failed: {text}", operation.name),
        first_fault: None,
    }
}
