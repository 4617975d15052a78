//! What all parts of a look share: its time, what could not be read, and what no text may tell.

use std::{collections::BTreeSet, future::Future};

use lambda_kit::Budget;
use lifecycle::{Part, Property, Unreadable};
use managed_flink::{CallError, DescribeApplicationVersion, Described, ManagedFlink, properties};

/// What could not be read, and why.
pub(crate) struct Notes {
    pub(crate) budget: Budget,
    pub(crate) unreadable: Vec<Unreadable>,
}

impl Notes {
    /// Reads a part, while there is time.
    pub(crate) async fn read<T>(
        &mut self,
        what: Part,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Option<T> {
        // Boxed as the calls themselves are: their types are deep.
        match Box::pin(self.budget.within(call)).await {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.could_not(what, &error),
            None => self.note(what, TOO_LATE.to_owned()),
        }
        None
    }

    pub(crate) fn could_not(&mut self, what: Part, error: &CallError) {
        tracing::warn!(?what, %error, "could not be read");
        self.unreadable.push(Unreadable {
            what,
            why: error.to_string(),
            refusal: error.refusal(),
        });
    }

    /// Notes what another look may read.
    pub(crate) fn note(&mut self, what: Part, why: String) {
        self.unreadable.push(Unreadable {
            what,
            why,
            refusal: None,
        });
    }
}

/// Why a part was not read, for people.
pub(crate) const TOO_LATE: &str = "the time for this look was over";

/// Environment property values: those of every version whose code may have written a text that is read here. A version that was left had a password too, and its failure is
/// told long after.
pub(crate) struct Secrets {
    pub(crate) versions: BTreeSet<u64>,
    pub(crate) values: Vec<Property>,
}

impl Secrets {
    pub(crate) fn learn(&mut self, version: u64, described: &Described) {
        self.versions.insert(version);
        self.values.extend(properties(&described.detail));
    }

    /// Learns those of a version that an operation was about.
    pub(crate) async fn ask(
        &mut self,
        service: &ManagedFlink,
        name: &str,
        version: u64,
    ) -> Result<(), CallError> {
        let described = service.describe_application_version(name, version).await?;
        self.learn(version, &described);
        Ok(())
    }
}
