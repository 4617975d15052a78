//! What executions tell each other of their applications' troubles, so that one cause of many is not judged as if each were alone.
//!
//! A row is a fact about one application: when its trouble began, with which class of fault, and whether what runs is proven. It stays where it was first told: what happens after a step
//! of Lifeguard's may be that step's doing, and is nobody's evidence.
//! Deliberately absent: how rows are stored. That is the planner's and the state machine's business.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fault::class;

/// Troubles that began within this time of each other may have one cause.
pub const COMMON_WITHIN_SECS: i64 = 600;
/// So many other applications make a common cause.
pub const COMMON_OTHERS: usize = 3;
/// So many of the applications whose trouble began together are rescued at once.
const RESCUES_AT_ONCE: usize = 5;
/// For so long a fault that came back on a version that was put back says something about other applications.
const LEARNED_SECS: i64 = 3_600;
/// So many names are told.
const NAMES_TOLD: usize = 5;

/// The trouble of one application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// The application.
    pub application: String,
    /// When it began.
    pub began: Timestamp,
    /// The root class of its fault; None where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The version in which it began.
    pub version_id: u64,
    /// When that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// Whether its content had been proven.
    pub is_proven: bool,
    /// Whether its execution, left to itself, would go back to an earlier version.
    pub is_blamed: bool,
    /// How its execution ended; None while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<TroubleEnd>,
}

/// How the execution of an application in trouble ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleEnd {
    /// How.
    pub is: Came,
    /// When.
    pub at: Timestamp,
}

/// What came of a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Came {
    /// It runs again, and Lifeguard had changed nothing.
    RunsAgain,
    /// It was rescued.
    Recovered,
    /// The version that was put back fails with the same fault.
    SameFault,
    /// A person is needed.
    GivenUp,
}

/// What an execution knows of the troubles of other applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// What it has told them of its own.
    pub own: Option<Trouble>,
    /// What they told, or why that could not be read.
    pub told: Result<Vec<Trouble>, String>,
    /// Whether it is this execution that tells people of the common cause.
    pub is_teller: bool,
}

impl Default for Others {
    /// Nothing is known of others: an execution of a release before.
    fn default() -> Self {
        Self {
            own: None,
            told: Ok(Vec::new()),
            is_teller: false,
        }
    }
}

/// A trouble, as far as it is compared with others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared<'a> {
    pub(crate) application: &'a str,
    pub(crate) began: Timestamp,
    pub(crate) class: Option<&'a str>,
}

impl Trouble {
    pub(crate) fn compared(&self) -> Compared<'_> {
        Compared {
            application: &self.application,
            began: self.began,
            class: self.class.as_deref(),
        }
    }

    /// Those that began together are in this order.
    fn order(&self) -> (Timestamp, &str) {
        (self.began, &self.application)
    }

    /// What is not proven may have been changed: people see when.
    fn with_its_version(&self) -> String {
        let made = self
            .made_at
            .map_or_else(String::new, |at| format!(", made at {at}"));
        format!("{} (version {}{made})", self.application, self.version_id)
    }

    fn came(&self) -> Option<Came> {
        self.end.map(|end| end.is)
    }

    fn is_like(&self, own: &Compared<'_>) -> bool {
        match (self.class.as_deref(), own.class) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        }
    }
}

impl Others {
    /// Troubles of other applications that began about when this one did, in the order in which they began.
    fn near(&self, own: &Compared<'_>) -> Vec<&Trouble> {
        let within = SignedDuration::from_secs(COMMON_WITHIN_SECS);
        let mut near: Vec<&Trouble> = self
            .told
            .iter()
            .flatten()
            .filter(|one| one.application != own.application)
            .filter(|one| one.began.duration_since(own.began).abs() <= within)
            .collect();
        near.sort_by_key(|one| one.order());
        near
    }

    /// Other applications that are known to be in trouble like this one, each once.
    pub(crate) fn alike(&self) -> Vec<&Trouble> {
        let Some(own) = &self.own else {
            return Vec::new();
        };
        let own = own.compared();
        each_once(self.near(&own).into_iter().filter(|one| one.is_like(&own)))
    }

    /// How many they are, for people.
    #[must_use]
    pub fn count(&self) -> usize {
        self.alike().len()
    }

    /// Another application that is in trouble too, with whatever.
    pub(crate) fn another(&self) -> Option<&Trouble> {
        let own = self.own.as_ref()?;
        self.near(&own.compared()).first().copied()
    }

    /// Row 2: why this trouble and that of others have one cause, if they do. Others that have been running again for a while are no evidence that the cause is still there.
    pub(crate) fn common_cause(&self, own: &Compared<'_>, now: Timestamp) -> Option<String> {
        let is_over = |one: &Trouble| {
            let secs = one.end.map(|end| now.duration_since(end.at).as_secs());
            one.came() == Some(Came::RunsAgain) && secs > Some(COMMON_WITHIN_SECS)
        };
        let mut like = self.near(own);
        like.retain(|one| one.is_like(own) && !is_over(one));
        let (proven, young): (Vec<&Trouble>, Vec<&Trouble>) =
            like.into_iter().partition(|one| one.is_proven);
        let (proven, young) = (each_once(proven), each_once(young));
        (proven.len() >= COMMON_OTHERS).then(|| {
            let young = match young.len() {
                0 => String::new(),
                _ => format!("; so did {}", named(&young, Trouble::with_its_version)),
            };
            format!(
                "{} other applications that had run well began to fail within {} min of it{}: {}{young}",
                proven.len(),
                COMMON_WITHIN_SECS / 60,
                with_class(own.class),
                names(&proven)
            )
        })
    }

    /// Row 1, of another application: on which the same class of fault came back when an earlier version had been put back.
    pub(crate) fn same_fault_elsewhere(
        &self,
        own: &Compared<'_>,
        now: Timestamp,
    ) -> Option<String> {
        let class = own.class?;
        let near = self.near(own);
        let like = || {
            near.iter()
                .filter(|one| one.class.as_deref() == Some(class))
        };
        let one = like().find(|one| {
            let secs = one.end.map(|end| now.duration_since(end.at).as_secs());
            one.came() == Some(Came::SameFault) && secs.is_some_and(|secs| secs <= LEARNED_SECS)
        })?;
        let rest = like().filter(|other| other.application != one.application);
        let rest = each_once(rest.copied());
        let rest = match rest.len() {
            0 => String::new(),
            _ => format!("; {} fail alike", names(&rest)),
        };
        Some(format!(
            "{}, which began to fail at {}, fails with {class} on the version before too: version {} was undone there, and that did not help{rest}",
            one.application, one.began, one.version_id
        ))
    }

    /// Why this application is not rescued yet: those of a mass that began before it go first. Of many that fail alike right after they were changed only the first is rescued, until it
    /// is known whether that helps.
    pub(crate) fn turn(&self) -> Turn {
        let Some(own) = self.own.as_ref().filter(|own| own.is_blamed) else {
            return Turn::Own;
        };
        let near = self.near(&own.compared());
        let blamed = each_once(near.iter().copied().filter(|one| one.is_blamed));
        let ahead = |one: &&&Trouble| one.end.is_none() && one.order() < own.order();
        let like = || blamed.iter().filter(|one| one.is_like(&own.compared()));
        let has_helped = like().any(|one| one.came() == Some(Came::Recovered));
        if let Some(first) = like().find(ahead).filter(|_| !has_helped) {
            let many = like().count();
            let changed = match many {
                1 => "1 other application was".to_owned(),
                _ => format!("{many} other applications were"),
            };
            let why = format!(
                "{changed} changed too and began to fail within {} min of it{}: {} goes first, to see whether going back helps",
                COMMON_WITHIN_SECS / 60,
                with_class(own.class.as_deref()),
                first.application
            );
            return if many >= COMMON_OTHERS {
                Turn::After(why)
            } else {
                Turn::Perhaps(why)
            };
        }
        let ahead = blamed.iter().filter(ahead).count();
        if ahead >= RESCUES_AT_ONCE {
            return Turn::After(format!(
                "{ahead} other applications are being rescued, and {RESCUES_AT_ONCE} at once are allowed"
            ));
        }
        // Fewer than make a common cause, as far as is known.
        let alike = near
            .iter()
            .find(|one| one.is_proven && one.end.is_none() && one.is_like(&own.compared()));
        alike.map_or(Turn::Own, |alike| {
            Turn::Perhaps(format!(
                "{} fails alike, and others may follow",
                alike.application
            ))
        })
    }
}

/// Whose turn it is to be rescued.
pub(crate) enum Turn {
    /// This application's.
    Own,
    /// This application's, unless more are in the same trouble than have told so far: for that reason.
    Perhaps(String),
    /// That of others, for that reason.
    After(String),
}

/// Each application once, in order: where one was in trouble twice within these minutes, with the later trouble.
fn each_once<'a>(all: impl IntoIterator<Item = &'a Trouble>) -> Vec<&'a Trouble> {
    let last: BTreeMap<&str, &Trouble> = all
        .into_iter()
        .map(|one| (one.application.as_str(), one))
        .collect();
    let mut all: Vec<&Trouble> = last.into_values().collect();
    all.sort_by_key(|one| one.order());
    all
}

fn with_class(class: Option<&str>) -> String {
    class.map_or_else(String::new, |class| format!(" with {class}"))
}

fn names(of: &[&Trouble]) -> String {
    named(of, |one| one.application.clone())
}

/// At most some, then a count.
fn named(of: &[&Trouble], name: impl Fn(&Trouble) -> String) -> String {
    let told = of.iter().take(NAMES_TOLD).map(|one| name(one));
    let told = told.collect::<Vec<_>>().join(", ");
    match of.len().saturating_sub(NAMES_TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// The root class of a fault.
pub(crate) fn class_of(fault: &crate::Fault) -> String {
    class(fault.root_line()).to_owned()
}
