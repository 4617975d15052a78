//! What is read of an application whose deployment was announced, and the execution that this comes to ([`lifecycle::sweep::hear`], pure).
//!
//! Invariant: nothing is changed but the book's line of who deployed, and what cannot be read starts nothing: the sweep does, within a minute.

use std::time::Duration;

use futures::future;
use jiff::Timestamp;
use lambda_kit::Budget;
use ledger::{Leases, NoteDeployment, ReadStopSwitch, Recall};
use lifecycle::{
    Deployed, Policy,
    sweep::{Announced, Heard, Lease, Listed, Read, Whose, hear},
};
use managed_flink::{
    CallError, CallErrorKind, DescribeApplication, ListApplicationOperations, ListTagsForResource,
};

use crate::{
    deployment::{Caller, Deployment},
    text::seen,
};

/// Operations that are read: the newest that deploys is among them, or the sweep finds it.
const OPERATIONS: usize = 10;
/// After this it is left to the sweep; Lambda ends the function at 60 s.
const TIME: Duration = Duration::from_secs(40);

/// What an announcement is held against.
#[derive(Debug)]
pub struct Listener<'a, F, L> {
    /// The service.
    pub flink: &'a F,
    /// What the sweep remembers, leases, the stop switch.
    pub ledger: &'a L,
    /// The stack's policy.
    pub policy: &'a Policy,
    /// The time.
    pub now: Timestamp,
}

impl<F, L> Listener<'_, F, L>
where
    F: DescribeApplication + ListTagsForResource + ListApplicationOperations,
    L: Recall + Leases + ReadStopSwitch + NoteDeployment,
{
    /// Whether an execution is to be started.
    pub async fn hear(&self, deployment: &Deployment) -> Heard {
        let nothing = |because: &str| Heard::Nothing {
            because: because.to_owned(),
        };
        match Budget::of(TIME).within(self.read(deployment)).await {
            Some(Ok(heard)) => heard,
            Some(Err(error)) if error.kind == CallErrorKind::NotFound => {
                nothing("is not there any more")
            }
            Some(Err(error)) => {
                tracing::warn!(application = deployment.application.as_str(), %error, "it is left to the sweep");
                nothing(&format!(
                    "could not be read ({}): left to the sweep",
                    seen(&error.to_string())
                ))
            }
            None => nothing("could not be read in time: left to the sweep"),
        }
    }

    async fn read(&self, deployment: &Deployment) -> Result<Heard, CallError> {
        let name = deployment.application.as_str();
        let application = self.flink.describe_application(name).await?.application;
        if !application.runtime.is_flink() {
            return Ok(Heard::Nothing {
                because: "runs no Flink".to_owned(),
            });
        }
        let tags = self.flink.list_tags_for_resource(&application.arn).await?;
        let whose = Whose::of(self.policy, &tags, self.now);
        let announced = Announced {
            by: deployment.by,
            at: deployment.at,
            operation: deployment.operation.as_deref(),
            version_id: deployment.version_id,
        };
        let seen = Listed {
            name,
            status: &application.status,
            version_id: application.version_id,
        };
        if !whose.is_looked_after(self.now) {
            let read = Read {
                whose: &whose,
                lease: &Lease::default(),
                operations: &[],
            };
            return Ok(hear(&announced, None, &seen, &read, self.now));
        }
        self.note(deployment).await;
        let (stopped, lease, memory, operations) = future::try_join4(
            self.ledger.is_stopped(),
            self.ledger.lease(name, self.now),
            self.ledger.recall(name),
            self.flink.list_application_operations(name, OPERATIONS),
        )
        .await?;
        // As with the sweep: it sees what moved once the switch is lifted.
        if stopped {
            return Ok(Heard::Nothing {
                because: "is left alone, because the stop switch is on".to_owned(),
            });
        }
        let read = Read {
            whose: &whose,
            lease: &lease,
            operations: &operations,
        };
        Ok(hear(&announced, memory.as_ref(), &seen, &read, self.now))
    }

    /// Into the book of versions, for the reports. One that is missing there makes no difference to anything else.
    async fn note(&self, deployment: &Deployment) {
        let Some(Caller {
            version_id,
            verb,
            who,
        }) = &deployment.caller
        else {
            return;
        };
        let application = deployment.application.as_str();
        let deployed = Deployed {
            at: deployment.at,
            call: (*verb).to_owned(),
            by: who.clone(),
        };
        let noted = self.ledger.note(application, *version_id, &deployed);
        if let Err(error) = noted.await {
            tracing::warn!(application, version_id, %error, "who deployed it could not be written down");
        }
    }
}
