//! What was done to the application: enough operations to tell its own runs from faults, and the texts of those that failed.

use std::time::Duration;

use lambda_kit::Budget;
use lifecycle::{OPERATIONS_KEPT, Operation, OperationStatus, Part};
use managed_flink::{
    CallError, DescribeApplicationOperation, ListApplicationOperations, ManagedFlink,
    OperationDetail,
};

use crate::notes::{Notes, Secrets};

/// Failed operations whose text is asked for: the newest tell the story, and each costs a call.
const FAILURES_ASKED: usize = 3;

/// The texts of failed operations are for people and decide nothing, so they must not take the time of what does.
const TIME_FOR_TEXTS: Duration = Duration::from_secs(10);

pub(crate) async fn read(
    service: &ManagedFlink,
    name: &str,
    secrets: &mut Secrets,
    notes: &mut Notes,
) -> Vec<Operation> {
    let listed = service.list_application_operations(name, OPERATIONS_KEPT);
    let Some(mut operations) = notes.read(Part::Operations, listed).await else {
        return Vec::new();
    };
    let texts = Budget::of(TIME_FOR_TEXTS);
    let failed = operations
        .iter_mut()
        .filter(|operation| operation.status == OperationStatus::Failed)
        .take(FAILURES_ASKED);
    for operation in failed {
        let read = texts.within(failure(service, name, &operation.id, secrets));
        match Box::pin(read).await {
            Some(Ok(detail)) => {
                operation.failure = detail.operation.failure;
                operation.rollback_operation_id = detail.operation.rollback_operation_id;
            }
            // Without it the decision is the same.
            Some(Err(error)) => {
                tracing::warn!(%error, "the failure of an operation could not be read");
            }
            None => tracing::warn!("the failure of an operation could not be read in time"),
        }
    }
    operations
}

/// A failed operation. Its text is told only without the properties of both versions that it is about: when they are learnt only from the operation itself, it is read again.
async fn failure(
    service: &ManagedFlink,
    name: &str,
    id: &str,
    secrets: &mut Secrets,
) -> Result<OperationDetail, CallError> {
    let detail = service
        .describe_application_operation(name, id, &secrets.values)
        .await?;
    let about: Vec<u64> = detail
        .versions
        .iter()
        .flat_map(|change| [change.from, change.to])
        .filter(|id| !secrets.versions.contains(id))
        .collect();
    if about.is_empty() {
        return Ok(detail);
    }
    for version in about {
        secrets.ask(service, name, version).await?;
    }
    service
        .describe_application_operation(name, id, &secrets.values)
        .await
}
