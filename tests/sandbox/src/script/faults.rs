//! What goes wrong in the infrastructure, as it is written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Span, is_default};
use crate::faults::{Fault, LambdaFault, Rule, When};

/// An injected fault: what goes wrong with which requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Injected {
    /// What goes wrong.
    pub fault: FaultKind,
    /// Only requests to this service: `kinesisanalytics`, `dynamodb`, `lambda`, `sns`, `events`, `states`, `monitoring`; `flink` for the Flink REST API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this verb, `DescribeApplication`; for the Flink REST API the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// Only invocations of this function, by its package: `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Only requests of this caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Which of these requests; every one when absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub which: Which,
    /// From so long after the opening on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Span>,
    /// Until so long after the opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Span>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum FaultKind {
    /// The request is refused with this error; nothing happened.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// Text for people.
        message: String,
    },
    /// It is throttled; nothing happened.
    Throttle,
    /// The service answers with its own 500; nothing happened.
    ServerError,
    /// The connection breaks before the request arrives.
    CutBefore,
    /// The request takes effect, and its answer is lost.
    LoseAnswer,
    /// The request takes effect, and the service answers with its own 500.
    ServerErrorAfter,
    /// The answer comes so much later.
    Slow(Span),
    /// The request arrives so much later.
    Late(Span),
    /// The request arrives twice.
    Twice,
    /// A read gets the answer of the same read before.
    Stale,
    /// The answer is cut off in the middle.
    Truncate,
    /// The answer is far too long.
    Huge,
    /// The answer is that of another job.
    OtherJob,
    /// Lambda: the process dies before the handler is called.
    CrashBefore,
    /// Lambda: the handler runs to its end, then the process dies.
    CrashAfter,
    /// Lambda: the handler runs twice.
    RunTwice,
    /// Lambda: the time is up before the handler did anything.
    TimeOutBefore,
    /// Lambda: the handler runs to its end, but its time is up.
    TimeOutAfter,
}

/// Which of the requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Which {
    /// Every one.
    #[default]
    Always,
    /// The n-th, counted from 1.
    Nth(u64),
    /// The first n.
    First(u64),
    /// From one number to another, counted from 1, both included.
    Between {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Every k-th.
    EveryKth {
        /// How far apart.
        k: u64,
        /// The first one, counted from 1.
        from: u64,
    },
    /// One in k, by the seed.
    OneIn(u64),
    /// Those above a rate: a token bucket, as services have them.
    Over {
        /// Requests a second that are served.
        per_second: f64,
        /// So many at once are served when the bucket is full.
        burst: u32,
    },
}

impl Injected {
    /// The region's rule; `function` turns a package into the function's name.
    #[must_use]
    pub fn rule(&self, function: impl Fn(&str) -> Option<String>) -> Rule {
        let mut rule = Rule::new((&self.fault).into()).when((&self.which).into());
        rule.service.clone_from(&self.service);
        rule.action.clone_from(&self.verb);
        rule.caller.clone_from(&self.caller);
        if let Some(package) = &self.function {
            rule = rule.on_function(&function(package).unwrap_or_default());
        }
        if self.from.is_some() || self.to.is_some() {
            let from = self.from.unwrap_or_default().0;
            rule = rule.within(from, self.to.map_or(Duration::MAX, |to| to.0));
        }
        rule
    }
}

impl From<&FaultKind> for Fault {
    fn from(kind: &FaultKind) -> Self {
        match kind {
            FaultKind::Refuse {
                status,
                code,
                message,
            } => Self::Refuse {
                status: *status,
                code: code.clone(),
                message: message.clone(),
            },
            FaultKind::Throttle => Self::Throttle,
            FaultKind::ServerError => Self::ServerError,
            FaultKind::CutBefore => Self::CutBefore,
            FaultKind::LoseAnswer => Self::LoseAnswer,
            FaultKind::ServerErrorAfter => Self::ServerErrorAfter,
            FaultKind::Slow(time) => Self::Slow(time.0),
            FaultKind::Late(time) => Self::Late(time.0),
            FaultKind::Twice => Self::Twice,
            FaultKind::Stale => Self::Stale,
            FaultKind::Truncate => Self::Truncate,
            FaultKind::Huge => Self::Huge,
            FaultKind::OtherJob => Self::OtherJob,
            FaultKind::CrashBefore => Self::Lambda(LambdaFault::CrashBefore),
            FaultKind::CrashAfter => Self::Lambda(LambdaFault::CrashAfter),
            FaultKind::RunTwice => Self::Lambda(LambdaFault::RunTwice),
            FaultKind::TimeOutBefore => Self::Lambda(LambdaFault::TimeOutBefore),
            FaultKind::TimeOutAfter => Self::Lambda(LambdaFault::TimeOutAfter),
        }
    }
}

impl From<&Which> for When {
    fn from(which: &Which) -> Self {
        match which {
            Which::Always => Self::Always,
            Which::Nth(n) => Self::Nth(*n),
            Which::First(n) => Self::First(*n),
            Which::Between { first, last } => Self::Between {
                first: *first,
                last: *last,
            },
            Which::EveryKth { k, from } => Self::EveryKth { k: *k, from: *from },
            Which::OneIn(k) => Self::OneIn(*k),
            Which::Over { per_second, burst } => Self::Over {
                refill: Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(Duration::MAX),
                burst: *burst,
            },
        }
    }
}
