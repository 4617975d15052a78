//! Enhanced snapshots: resources of the account, which any of its applications could be started from. What one says of itself, and whose state it holds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Application, SnapshotInitiator};

/// Two spellings of one creation time may differ by so much: an application is not deleted and made again within it.
const SAME_LIFE_MILLIS: i64 = 1_000;

/// What an enhanced snapshot says beside what every snapshot says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnhancedSnapshot {
    /// Its ARN: what a start names.
    pub arn: String,
    /// Who asked for it.
    pub initiator: SnapshotInitiator,
    /// Whose state it holds.
    pub source: SnapshotSource,
    /// The operation of the application within which the service took it, where that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// The version that Lifeguard had verified when it took this one, by the tag that it put on it. None: it is not Lifeguard's, or its tags were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_version_id: Option<u64>,
}

/// Whose state an enhanced snapshot holds. The service lets any enhanced application start from it, so this is the only thing that keeps one application's state out of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SnapshotSource {
    /// This application's, in its present life.
    ThisApplication,
    /// Another's.
    AnotherApplication {
        /// Its name.
        name: String,
    },
    /// That of an application of the same name that was deleted since.
    EarlierLife {
        /// When that one was made.
        created_at: Timestamp,
    },
    /// It was imported: the service does not say from whom.
    Imported,
    /// Not found out.
    NotRead,
}

/// The application that an enhanced snapshot names as its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceApplication {
    /// `ApplicationName`.
    pub name: String,
    /// `ApplicationCreationTimestamp`; None where it cannot be read.
    pub created_at: Option<Timestamp>,
}

impl SnapshotSource {
    /// Whose state a snapshot with that source holds, seen from `application`. Without the creation times of both, two lives of one name cannot be told apart.
    #[must_use]
    pub fn of(source: Option<&SourceApplication>, application: &Application) -> Self {
        let Some(source) = source else {
            return Self::Imported;
        };
        if source.name != application.name {
            return Self::AnotherApplication {
                name: source.name.clone(),
            };
        }
        match (source.created_at, application.created_at) {
            (Some(then), Some(now))
                if (then.as_millisecond() - now.as_millisecond()).abs() <= SAME_LIFE_MILLIS =>
            {
                Self::ThisApplication
            }
            (Some(created_at), Some(_)) => Self::EarlierLife { created_at },
            _ => Self::NotRead,
        }
    }

    /// Why a snapshot with this source is not restored; None where it is. What was imported is a person's to name.
    #[must_use]
    pub fn why_not(&self, is_named: bool) -> Option<String> {
        match self {
            Self::ThisApplication => None,
            Self::Imported if is_named => None,
            Self::Imported => {
                Some("it was imported, and the service does not say from which application".into())
            }
            Self::AnotherApplication { name } => {
                Some(format!("it holds the state of another application, {name}"))
            }
            Self::EarlierLife { created_at } => Some(format!(
                "it holds the state of an application of the same name that was made at {created_at} and deleted since"
            )),
            Self::NotRead => Some("whose state it holds was not read".into()),
        }
    }
}
