//! The verbs that only read.

use serde_json::{Value, json};

use super::Enhanced;
use crate::managed_flink::answer::{ApiError, Done, only, page, text};
use crate::managed_flink::{Inner, State};

impl State {
    /// The snapshot of this name.
    pub(super) fn enhanced(&self, name: &str) -> Result<&Enhanced, ApiError> {
        let found = self.account.snapshots.get(name);
        found.ok_or_else(|| ApiError::not_found(format!("there is no snapshot {name}")))
    }
}

impl Inner {
    pub(in crate::managed_flink) fn describe_enhanced(
        &self,
        input: &Value,
    ) -> Result<Done, ApiError> {
        only(input, &["SnapshotName"], "the request")?;
        let state = self.lock();
        let snapshot = state.enhanced(text(input, "SnapshotName")?)?;
        Done::read(json!({ "SnapshotInfoDetails": snapshot.detail() }))
    }

    /// Newest first.
    pub(in crate::managed_flink) fn list_enhanced(&self, input: &Value) -> Result<Done, ApiError> {
        let filters = [
            "SourceApplicationName",
            "SnapshotInitiator",
            "SnapshotInitiatorOperation",
            "SnapshotStatus",
        ];
        only(
            input,
            &[&["Limit", "NextToken"], &filters[..]].concat(),
            "the request",
        )?;
        one_filter(input, &filters)?;
        let state = self.lock();
        let mut all: Vec<&Enhanced> = state.account.snapshots.values().collect();
        all.sort_by_key(|one| std::cmp::Reverse((one.snapshot.created, &one.snapshot.name)));
        let listed: Vec<Value> = all
            .into_iter()
            .map(Enhanced::summary)
            .filter(|info| {
                let fits = |filter: &str| input[filter].is_null() || input[filter] == info[filter];
                filters.iter().all(|filter| fits(filter))
            })
            .collect();
        Done::read(page(input, listed, "SnapshotInfoList")?)
    }
}

/// Refuses more than one filter.
pub(super) fn one_filter(input: &Value, filters: &[&str]) -> Result<(), ApiError> {
    let given = filters.iter().filter(|filter| !input[**filter].is_null());
    let given: Vec<&str> = given.copied().collect();
    if given.len() > 1 {
        return Err(ApiError::invalid_argument(format!(
            "only one filter can be given at a time, not {}",
            given.join(" and ")
        )));
    }
    Ok(())
}
