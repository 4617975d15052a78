//! A glance: one call that shows whether the job is still the one that was looked at.

use lifecycle::retention::JobNow;

use super::{FlinkRest, RestCall, RestError, RestProblem};
use crate::flink;

/// The newest job in the overview, which is nearly live; None when Flink knows no job.
///
/// # Errors
/// See [`RestProblem`].
pub async fn glance(rest: &FlinkRest) -> Result<Option<JobNow>, RestError> {
    let overview = rest.overview().await?;
    flink::newest_job_now(&overview).map_err(|_| RestProblem::Unparsable.of(RestCall::Overview))
}
