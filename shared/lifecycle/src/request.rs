//! What a person asks for: one request with an execution started from the console.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::door::odd_request;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Request {
    /// Go back to the version before, also when the job looks healthy.
    Rollback {},
    /// Stop without a snapshot.
    ForceStop {},
    /// Put a version's configuration back and start from a snapshot, or without state.
    Restore {
        /// The version whose configuration is put back; the present one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        application_version_id: Option<u64>,
        /// The snapshot to start from; the right one is chosen when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot_name: Option<String>,
        /// Start without state. Everything the job remembers is lost.
        #[serde(default)]
        without_state: bool,
        /// Allow state in the snapshot that no operator claims; carried over from the configuration when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allow_non_restored_state: Option<bool>,
    },
}

/// What can be asked for, for a person whose request was not understood.
pub(crate) const REQUESTS: &str = r#"write {"action":"rollback"}, {"action":"forceStop"}, or {"action":"restore"} with any of applicationVersionId, snapshotName, withoutState, allowNonRestoredState"#;

/// Reads a request, or none; one that cannot be read is refused together with what can be written.
///
/// # Errors
/// When there is a request, and it is none of those known.
pub fn read_request<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Request>, D::Error> {
    let refused =
        |why: String| D::Error::custom(format!("the request cannot be read ({why}); {REQUESTS}"));
    let Some(request) = Option::<Value>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if let Some(odd) = odd_request(&request) {
        return Err(refused(odd));
    }
    Request::deserialize(request)
        .map(Some)
        .map_err(|error| refused(error.to_string()))
}

impl Request {
    /// What contradicts itself in it.
    ///
    /// # Errors
    /// When it asks for a snapshot and for none.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Restore {
                snapshot_name: Some(name),
                without_state: true,
                ..
            } => Err(format!(
                "the request names the snapshot {name} and asks for a start without state: leave one of them out"
            )),
            _ => Ok(()),
        }
    }

    /// What it asks for, in the word of the input.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Rollback {} => "rollback",
            Self::ForceStop {} => "forceStop",
            Self::Restore { .. } => "restore",
        }
    }

    /// The version whose runtime has to be known.
    #[must_use]
    pub fn version_id(&self) -> Option<u64> {
        match self {
            Self::Restore {
                application_version_id,
                ..
            } => *application_version_id,
            _ => None,
        }
    }
}
