//! The text that people read: blocks in a fixed order, each only when there is something to say.

use lifecycle::{Assessment, Fault, Reason, because};

use super::{deployment, facts::Facts};

/// Labels and the lines under them begin at fixed columns.
const LABEL_CHARS: usize = 11;
/// A fault within this time of the trouble's beginning is its first.
const SAME_MOMENT_SECS: i64 = 60;

/// Puts the blocks together.
pub(super) fn of(facts: &Facts<'_>, headline: &str, advice: &because::Advice) -> String {
    let mut text = Text(format!("{headline}\n\n"));
    text.numbered("DO THIS", &advice.steps, |nth| format!("{nth}. "));
    text.numbered("CHOOSE", &advice.choices, |nth| {
        let letter = u8::try_from(nth).unwrap_or(1).saturating_sub(1);
        format!("{}) ", char::from(b'a'.saturating_add(letter.min(25))))
    });
    text.block("AFTERWARDS", &advice.afterwards);
    let impact = facts.impact.iter().map(|impact| impact.line(facts.now));
    text.block("IMPACT", &impact.collect::<Vec<_>>());
    text.block("WHY", &why(facts));
    let done: Vec<String> = facts
        .steps
        .iter()
        .map(|one| {
            let rescue = facts.decision.progress.rescue.as_ref();
            one.line(rescue, facts.request(), facts.now)
        })
        .collect();
    text.block("DONE", &done);
    text.block("CHECKED", &checked(facts));
    let mut policy = facts.rules.lines();
    policy.extend(facts.settings());
    text.block("POLICY", &policy);
    text.block("NEXT", &next(facts));
    text.0.push('\n');
    text.block("Execution", &[execution_link(&facts.event.execution)]);
    text.block("Console", &console_link(&facts.application().arn));
    text.0.trim_end().to_owned()
}

struct Text(String);

impl Text {
    fn block(&mut self, label: &str, lines: &[String]) {
        for (at, line) in lines.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            // What others wrote may have lines of its own: they stay in their column.
            let indented = line.trim().replace('\n', &format!("\n{:LABEL_CHARS$}", ""));
            self.0 += &format!("{label:<LABEL_CHARS$}{indented}\n");
        }
    }

    fn numbered(&mut self, label: &str, lines: &[String], number: impl Fn(usize) -> String) {
        let lines: Vec<String> = match lines {
            [only] => vec![only.clone()],
            many => many
                .iter()
                .enumerate()
                .map(|(at, line)| format!("{}{line}", number(at + 1)))
                .collect(),
        };
        self.block(label, &lines);
    }
}

/// A sentence of the decision, as people read it.
fn sentence(facts: &Facts<'_>, text: &str) -> String {
    let plain = because::in_plain_words(text, facts.now);
    let mut chars = plain.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    let end = if plain.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    // A name stays as it is.
    if plain.starts_with(facts.name()) {
        return format!("{plain}{end}");
    }
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}

fn why(facts: &Facts<'_>) -> Vec<String> {
    let progress = &facts.decision.progress;
    let mut lines = Vec::new();
    if let Assessment::ComesBack { fault, .. } = facts.assessment() {
        lines.push(fault_line(facts, fault, "last"));
    } else if let Some(fault) = &facts.event.look.watch.first_fault {
        // Faults before it may be without a date of their own.
        let episode = facts.event.look.watch.episode.as_ref();
        let is_later = episode
            .is_some_and(|it| fault.at.duration_since(it.began_at).as_secs() > SAME_MOMENT_SECS);
        let nth = if is_later { "last" } else { "first" };
        lines.push(fault_line(facts, fault, nth));
        let job = facts.event.look.observation.job.as_ref();
        let newest = job.and_then(|job| job.faults.newest.as_ref());
        // What was blamed is known also when the job that threw it is gone.
        let blamed = progress.rescue.as_ref().and_then(|it| it.fault.as_ref());
        let other = newest
            .or(blamed)
            .filter(|newest| newest.message != fault.message);
        lines.extend(other.map(|newest| format!("Then {}", fault_line(facts, newest, "last"))));
    }
    if !is_about_health(facts) {
        lines.extend(own_reason(facts).map(|reason| sentence(facts, reason)));
    }
    if let Some(rescue) = &progress.rescue {
        if !facts.decision.reason.contains(&rescue.because) {
            lines.push(sentence(facts, &rescue.because));
        }
        lines.extend(rescue.snapshot.passed_over.iter().map(|one| {
            sentence(
                facts,
                &format!("snapshot {} was passed over: {}", one.name, one.why),
            )
        }));
    }
    lines.extend(deployment::changed(facts.event, facts.decision));
    lines.extend(deployment::who(facts));
    for unread in &facts.event.look.observation.unreadable {
        let what = format!("{:?}", unread.what).to_lowercase();
        lines.push(format!("Could not be read: {what}: {}", unread.why));
    }
    lines
}

/// The decision's sentence, without what the headline and the fault say already.
fn own_reason<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    let reason = facts.decision.reason.as_str();
    let found = facts.assessment().reason();
    let is_said = facts
        .event
        .look
        .watch
        .first_fault
        .as_ref()
        .is_some_and(|fault| found.contains(&fault.message));
    match reason.strip_prefix(&found) {
        Some(rest) if is_said => {
            let rest = rest.trim_start_matches([';', ',', '.', ' ']);
            (!rest.is_empty()).then_some(rest)
        }
        _ => Some(reason),
    }
}

fn fault_line(facts: &Facts<'_>, fault: &Fault, nth: &str) -> String {
    // Flink names the subtask and its attempt too: `enrich (1/2) - execution #0`.
    let name = |task: &str| task.split(" (").next().unwrap_or(task).to_owned();
    let task = fault.task.as_deref().map_or(String::new(), |task| {
        format!(", in task \"{}\"", name(task))
    });
    format!(
        "{}{task}, {nth} at {}",
        fault.message,
        because::moment(fault.at, facts.now)
    )
}

/// Whether the decision's sentence says what was checked, and not why.
fn is_about_health(facts: &Facts<'_>) -> bool {
    matches!(
        facts.decision.because,
        Reason::Recovered
            | Reason::Healthy
            | Reason::RunsAgain
            | Reason::Finished
            | Reason::SystemRolledBack
    )
}

fn checked(facts: &Facts<'_>) -> Vec<String> {
    if is_about_health(facts) {
        return vec![sentence(facts, &facts.decision.reason)];
    }
    match facts.assessment() {
        healthy @ Assessment::Healthy { .. } => vec![sentence(facts, &healthy.reason())],
        _ => Vec::new(),
    }
}

fn next(facts: &Facts<'_>) -> Vec<String> {
    use lifecycle::Action;
    let started = facts.event.started_at;
    let limit = facts.rules.applied.policy.deadline_secs;
    let line = match facts.decision.action {
        Action::Escalate if facts.is_down => "The sweep goes on from here as soon as it can, where it is on. Do not wait for it.".to_owned(),
        Action::Escalate => {
            "Lifeguard looks again when an alarm goes to ALARM and, where the sweep is on, while this lasts.".to_owned()
        }
        Action::Wait { .. } => {
            let until = started
                .checked_add(jiff::SignedDuration::from_secs(i64::from(limit)))
                .unwrap_or(started);
            format!(
                "Lifeguard goes on looking until {} at most, and reports how it ends.",
                because::moment(until, facts.now)
            )
        }
        Action::Recovered | Action::LeaveAlone => return Vec::new(),
        _ => "Lifeguard does this now, and reports how it ends.".to_owned(),
    };
    vec![line]
}

/// The region of an ARN, and the host of its partition's console.
fn place(arn: &str) -> Option<(&str, &'static str)> {
    let mut parts = arn.split(':').skip(1);
    let (partition, _service, region) = (parts.next()?, parts.next()?, parts.next()?);
    let host = match partition {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    (!region.is_empty()).then_some((region, host))
}

fn execution_link(arn: &str) -> String {
    match place(arn) {
        Some((region, host)) => format!(
            "https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
        ),
        None => arn.to_owned(),
    }
}

fn console_link(arn: &str) -> Vec<String> {
    let link = place(arn).map(|(region, host)| {
        format!("https://{region}.{host}/flink/home?region={region}#/applications")
    });
    link.into_iter().collect()
}
