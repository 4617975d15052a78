//! Who acts on a day: Lifeguard, or another rule set, while Lifeguard only observes.

use std::sync::{Arc, Mutex};

use sandbox::{region::Region, script::Script};
use serde::Serialize;

use super::record::Effect;
use crate::{generate::days::Day, studies::others};

/// A rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rules {
    /// Nobody does anything.
    Nothing,
    /// AWS's article, literally.
    Article,
    /// The defaults of Flink's Kubernetes operator.
    Operator,
    /// Lifeguard's.
    Lifeguard,
}

/// What another rule set did, by application, as it does it.
pub(super) type Acting = Arc<Mutex<Vec<(String, Effect)>>>;

impl Rules {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Nothing,
        Self::Article,
        Self::Operator,
        Self::Lifeguard,
    ];

    /// As it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing at all",
            Self::Article => "AWS's article, literally",
            Self::Operator => "Flink Kubernetes Operator's defaults",
            Self::Lifeguard => "Flink Lifeguard",
        }
    }

    /// The script of a day, in which Lifeguard only observes while others act.
    pub(super) fn script(self, day: &Day) -> Script {
        let mut script = day.script.clone();
        if self != Self::Lifeguard {
            let parameters = &mut script.world.parameters;
            for (name, value) in [
                ("Mode", "observe"),
                ("SweepState", "DISABLED"),
                ("SnapshotScheduleState", "DISABLED"),
            ] {
                parameters.insert(name.to_owned(), value.to_owned());
            }
        }
        script
    }

    /// Lets another rule set act on every application of a region.
    pub(super) fn act(self, region: &Region, script: &Script) -> Acting {
        let acting = Acting::default();
        let rules = match self {
            Self::Article => others::Rules::Article,
            Self::Operator => others::Rules::Operator,
            Self::Nothing | Self::Lifeguard => return acting,
        };
        for (name, _) in script.world.names() {
            let (acting, of) = (Arc::clone(&acting), name.clone());
            let done = move |at, verb: &str| {
                let effect = Effect {
                    at,
                    verb: verb.to_owned(),
                };
                let mut all = acting
                    .lock()
                    .expect("no thread panics while it takes a note");
                all.push((of.clone(), effect));
            };
            tokio::spawn(others::act(region.clone(), name, rules, done));
        }
        acting
    }
}
