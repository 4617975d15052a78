//! The input: which application, and what earlier looks of the same execution found.

use lifecycle::{Progress, Request, Watch};
use serde::Deserialize;

/// One look, please.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The application.
    pub application_name: String,
    /// What earlier looks found; absent before the first.
    #[serde(default)]
    pub watch: Option<Watch>,
    /// What a person asked for: the version it names is described too.
    #[serde(default, deserialize_with = "lifecycle::read_request")]
    pub request: Option<Request>,
    /// What the execution did so far: the version it goes back to is described too.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Only how it stands now is asked for. Earlier versions and CloudWatch's minutes, which say how it ran before, cost a thousand applications thousands of reads an hour.
    #[serde(default)]
    pub present_only: bool,
}
