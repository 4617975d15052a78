//! The next action with its reason: observation, policy, ledger and what the execution did so far go in, a complete plan comes out.
//!
//! The decision itself is [`lifecycle::decide`]; this function reads the ledger's row, applies the policy, and writes the report. No AWS call, so its role allows none.

mod around;
mod book;
mod dry_run;
mod event;
mod figures;
mod report;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metric, Metrics, Record, SettingError};
use lifecycle::{
    Action, Assessment, Decision, Holds, Keys, Policy, Progress, Reason, Situation, StepResult,
    decide,
};
use serde::Serialize;
use serde_json::{Value, json};

pub use around::{Around, Tell};
pub use book::Remember;
pub use event::{Asked, Event, LedgerRow, Left, Look, StopRow, Unfinished};
pub use report::Report;

/// Days after which the executions of a day are forgotten.
const FORGET_AFTER_DAYS: i32 = 7;

/// The decision, and what the state machine needs beside it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What to count before the first change; none for later ones, and none on a person's word.
    pub spend: Option<Spend>,
    /// What to remember: this version soaked healthy. For a state machine of an older release; the present one writes `remember`.
    pub soaked: Option<Soaked>,
    /// What to tell the executions of other applications of this one's trouble.
    pub trouble: Option<Tell>,
    /// Whether the same look is decided on again once that is told and others were asked: nothing else of this answer happens.
    pub asks_others: bool,
    /// What to add to the book of versions.
    pub remember: Option<Remember>,
    /// The report of a final decision.
    pub report: Option<Report>,
}

/// What the planner answers.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// The next action.
    Plan(Box<Answer>),
    /// What is odd about an execution's input.
    #[serde(rename_all = "camelCase")]
    Explained {
        /// In a sentence, with what to write instead.
        odd: String,
        /// The application, where the input names one.
        application_name: String,
    },
}

/// One of today's rescues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spend {
    /// Today, UTC.
    pub day: String,
    /// The day that may be forgotten.
    pub forget: String,
    /// How many a day has.
    pub limit: u32,
}

/// A version seen soaked and healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Soaked {
    /// The version.
    pub version_id: u64,
    /// When.
    pub at: Timestamp,
}

/// The function.
#[derive(Debug)]
pub struct RemediationPlanner {
    policy: Policy,
    metrics: Metrics,
}

impl Function for RemediationPlanner {
    const NAME: &'static str = "remediation-planner";
    const KEYS: Option<&'static Keys> = Some(&[
        ("look", Holds::Anything),
        ("ledger", Holds::Anything),
        ("progress", Holds::Anything),
        ("unfinished", Holds::Anything),
        ("stepResult", Holds::Anything),
        ("request", Holds::Anything),
        ("trigger", Holds::Anything),
        ("execution", Holds::Text),
        ("startedAt", Holds::Text),
        ("dryRun", Holds::Flag),
        ("redriveCount", Holds::Number),
        ("dead", Holds::Anything),
        ("around", Holds::Anything),
        ("stop", Holds::Anything),
        ("input", Holds::Anything),
    ]);
    type Event = Asked;
    type Answer = Said;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            policy: lambda_kit::policy(env)?,
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, asked: Asked, invocation: Invocation) -> Result<Said, Failure> {
        let event = match asked {
            Asked::Plan(event) => event,
            Asked::Explain(input) => return Ok(explain(&input)),
        };
        let answer = self.plan(&event, invocation.now);
        let name = &event.look.observation.application.name;
        let decision = &answer.decision;
        tracing::info!(application = name, action = action_name(&decision.action), because = ?decision.because, reason = decision.reason, "decided");
        let counted = match decision.action {
            Action::Wait { .. } => None,
            Action::Rollback { .. }
            | Action::ForceStop { .. }
            | Action::RestoreConfiguration { .. }
            | Action::Start { .. } => Some(Metric::Steps),
            Action::Recovered => Some(Metric::Recovered),
            Action::LeaveAlone => Some(Metric::LeftAlone),
            Action::Escalate => Some(Metric::Escalated),
        };
        // A dry run is nobody's rescue.
        if let Some(metric) = counted.filter(|_| !event.dry_run && !answer.asks_others) {
            let mut record = Record::of(Self::NAME, &invocation);
            record.about(name).add(metric, 1);
            self.metrics.emit(&record);
            // Of the stack only: a metric of each application would cost more than its alarms.
            let mut figures = Record::of(Self::NAME, &invocation);
            let impact = answer.report.as_ref().and_then(|it| it.impact.as_ref());
            for (figure, value) in figures::of(&event, decision, impact) {
                figures.add(figure, value);
            }
            self.metrics.emit(&figures);
        }
        Ok(Said::Plan(Box::new(answer)))
    }
}

/// What is odd about an execution's input. The state machine asks only where it found that something is.
fn explain(input: &Value) -> Said {
    let odd = lifecycle::odd_rescue(input).unwrap_or_else(|| {
        r#"the input cannot be understood; write {"applicationName":"orders"}"#.to_owned()
    });
    let name = input["applicationName"].as_str();
    let named = json!({ "applicationName": name });
    let application_name = name
        .filter(|_| lifecycle::odd_rescue(&named).is_none())
        .unwrap_or("unknown")
        .to_owned();
    Said::Explained {
        odd,
        application_name,
    }
}

impl RemediationPlanner {
    fn plan(&self, event: &Event, now: Timestamp) -> Answer {
        let today = day(now, 0);
        let applied = self.policy.under(event.look.observation.tags.as_ref());
        let ledger = match event.unfinished {
            Left::Unreadable => {
                Err("what the execution before this one wrote into the lease does not parse".into())
            }
            _ => event.ledger.view(&today),
        };
        let predecessor = event.predecessor();
        let stop = event.stop.as_ref().map(StopRow::switch);
        let others = around::others(event.around.as_ref());
        let mut progress = event.progress();
        if let Some(result) = event.step_result.clone() {
            progress.settle(in_plain_words(result));
        }
        let slow = lifecycle::slower_than_a_soak(
            &event.look.observation,
            &event.look.assessment,
            &progress,
            event.request.as_ref(),
            &applied.policy,
        );
        let mut event = std::borrow::Cow::Borrowed(event);
        if let Some(slow) = slow {
            event.to_mut().look.assessment = slow;
        }
        let event = event.as_ref();
        let mut situation = Situation {
            seen: &event.look.observation,
            watch: &event.look.watch,
            assessment: &event.look.assessment,
            applied: &applied,
            ledger: &ledger,
            others: &others,
            progress: &progress,
            request: event.request.as_ref(),
            stop: stop.as_ref(),
            predecessor: predecessor.as_ref(),
            now,
            started_at: event.started_at,
            redriven: event.redrive_count > 0,
        };
        let mut decision = decide(&situation);
        let afresh = Progress::default();
        if event.progress.is_none() && decision.because == Reason::SomebodyElseActed {
            // What a dead execution had begun was taken up by somebody else since: this one begins afresh.
            situation.progress = &afresh;
            decision = decide(&situation);
        }
        let trouble = lifecycle::trouble(&situation, &decision);
        let asks_others = around::asks(event.around.as_ref(), &others, trouble.as_ref());
        let trouble = trouble.as_ref().map(Tell::of);
        let progress = situation.progress;
        let rules = report::Rules {
            applied: &applied,
            ledger: &ledger,
            others: &others,
        };
        if event.dry_run {
            return Answer {
                trouble,
                asks_others,
                ..dry_run::answer(event, decision, progress.clone(), &rules, now)
            };
        }
        let first_change = decision.action.plan().is_some()
            && progress.steps.is_empty()
            && event.request.is_none();
        let spend = first_change.then(|| Spend {
            day: today,
            forget: day(now, FORGET_AFTER_DAYS),
            limit: applied.policy.rescues_per_day,
        });
        let is_soaked = decision.action.is_final()
            && matches!(event.look.assessment, Assessment::Healthy { .. });
        let soaked = is_soaked.then_some(Soaked {
            version_id: event.look.observation.application.version_id,
            at: now,
        });
        let look = &event.look;
        let proven = lifecycle::proven_so_far(
            &look.observation,
            &look.watch,
            &look.assessment,
            &applied.policy,
        );
        let remember = book::remember(look, proven, &ledger, &decision, now);
        let report = decision
            .action
            .is_final()
            .then(|| report::report(event, &decision, &rules, now));
        decision.notice = report::notice(event, &decision, &rules, now);
        Answer {
            decision,
            spend,
            soaked,
            trouble,
            asks_others,
            remember,
            report,
        }
    }
}

/// The day in UTC, some days ago.
fn day(now: Timestamp, ago: i32) -> String {
    let date = now.to_zoned(TimeZone::UTC).date();
    date.checked_sub(ago.days()).unwrap_or(date).to_string()
}

/// A failed step's message comes as Step Functions' Cause.
fn in_plain_words(result: StepResult) -> StepResult {
    match result {
        StepResult::Failed { error, message } => StepResult::Failed {
            error,
            message: lifecycle::said(&message),
        },
        accepted => accepted,
    }
}

pub(crate) fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Wait { .. } => "wait",
        Action::Rollback { .. } => "rollback",
        Action::ForceStop { .. } => "forceStop",
        Action::RestoreConfiguration { .. } => "restoreConfiguration",
        Action::Start { .. } => "start",
        Action::Recovered => "recovered",
        Action::LeaveAlone => "leaveAlone",
        Action::Escalate => "escalate",
    }
}
