//! The report of an execution: what happened, what to do, why, what was done, what it cost. For people (a subject, a text) and for machines (the event's detail).
//!
//! The words of a reason are [`lifecycle::because`]'s; this puts the facts of the one case beside them.

mod deployment;
mod done;
mod facts;
mod headline;
mod impact;
mod text;

use jiff::Timestamp;
use lifecycle::{Action, Decision, Mail, Notice, Reason, Severity, because};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Event;
use facts::Facts;
pub(crate) use facts::Rules;
pub(crate) use impact::Impact;

/// The outcome of an execution that was started for a deployment which works.
const VERIFIED: &str = "verified";

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// A line.
    pub subject: String,
    /// For people.
    pub text: String,
    /// Whether people are sent it, and how urgent it is. None: the event says it all.
    pub mail: Option<Mail>,
    /// For machines: the EventBridge event's detail and the execution's output.
    pub detail: Value,
    /// What the trouble cost.
    #[serde(skip)]
    pub(crate) impact: Option<Impact>,
}

/// Writes the report of a final decision.
pub(crate) fn report(
    event: &Event,
    decision: &Decision,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Report {
    let facts = Facts::of(event, decision, rules, now);
    let application = &event.look.observation.application;
    let mail = lifecycle::mail(decision, &event.look.observation, event.request.is_some());
    let advice = because::advice(decision.because, &facts.about());
    let detail = json!({
        "applicationName": application.name,
        "outcome": if deployment::is_verified(event, decision) { VERIFIED } else { outcome(&decision.action) },
        "because": decision.because,
        "reason": decision.reason,
        "doThis": advice.steps,
        "choose": advice.choices,
        "application": { "status": application.status, "versionId": application.version_id, "runtime": application.runtime },
        "steps": decision.progress.steps,
        "rescue": decision.progress.rescue,
        "firstFault": event.look.watch.first_fault,
        "impact": facts.impact,
        "policy": rules.detail(),
        "drift": facts.drift(),
        "isDown": facts.is_down,
        "couldNotRead": event.look.observation.unreadable,
        "deployment": deployment::detail(event, decision, rules.ledger),
        "trigger": event.trigger,
        "request": event.request,
        "execution": event.execution,
        "startedAt": event.started_at,
        "endedAt": now,
    });
    Report {
        subject: subject(tag(decision, mail), &facts, decision.because),
        text: text::of(&facts, &headline::of(&facts), &advice),
        mail,
        detail,
        impact: facts.impact,
    }
}

/// What people hear before the end, with the same blocks as the report.
pub(crate) fn notice(
    event: &Event,
    decision: &Decision,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Option<Notice> {
    let notice = decision.notice.clone()?;
    let facts = Facts::of(event, decision, rules, now);
    // What cannot be told yet, and what a person has asked for, asks nothing of anybody.
    let is_waited_for = decision.progress.doubt.is_some() || event.request.is_some();
    let advice = if is_waited_for {
        because::Advice::default()
    } else {
        because::advice(decision.because, &facts.about())
    };
    let (subject, headline) = if is_waited_for {
        (notice.subject, because::in_plain_words(&notice.text, now))
    } else {
        let subject = subject("[ACTION NEEDED] ", &facts, decision.because);
        (subject, headline::of(&facts))
    };
    Some(Notice {
        subject,
        text: text::of(&facts, &headline, &advice),
        ..notice
    })
}

pub(crate) fn outcome(action: &Action) -> &'static str {
    match action {
        Action::Recovered => "recovered",
        Action::LeaveAlone => "leftAlone",
        _ => "escalated",
    }
}

/// What a subject begins with.
fn tag(decision: &Decision, mail: Option<Mail>) -> &'static str {
    match mail.map(|mail| mail.severity) {
        Some(Severity::Page | Severity::Action) => "[ACTION NEEDED] ",
        _ if decision.action == Action::Recovered => "[FIXED] ",
        _ => "[INFO] ",
    }
}

fn subject(tag: &str, facts: &Facts<'_>, reason: Reason) -> String {
    let because::News { what, ask } = facts.news(reason);
    let between = if facts.is_down { " IS DOWN, " } else { ": " };
    let ask = ask.map_or(String::new(), |ask| format!(" - {ask}"));
    lifecycle::subject(tag, facts.name(), &format!("{between}{what}{ask}"))
}
