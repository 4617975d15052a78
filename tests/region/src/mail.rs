//! The mails that people get: what the topic of the stack carries, as somebody reads it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use ground::journal::Journal;

/// A mail: a message on an SNS topic, with the subject and the text that a mailbox shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// When it was sent.
    pub at: Timestamp,
    /// Its subject; SNS makes one of its own where there is none.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// What SNS writes above a message without a subject.
const NO_SUBJECT: &str = "AWS Notification Message";

impl Mail {
    /// All mails so far, in order.
    #[must_use]
    pub fn all(journal: &Journal) -> Vec<Self> {
        journal.messages().iter().filter_map(Self::of).collect()
    }

    /// The mail that a message of the region's record is; None for an event of the bus.
    fn of(message: &Value) -> Option<Self> {
        let text = |member: &str| message[member].as_str();
        (text("service") == Some("sns")).then(|| Self {
            at: text("at")
                .and_then(|at| at.parse().ok())
                .unwrap_or_default(),
            subject: text("subject").unwrap_or(NO_SUBJECT).to_owned(),
            text: text("message").unwrap_or_default().to_owned(),
        })
    }

    /// As a mailbox shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!(
            "Sent: {}\nSubject: {}\n\n{}\n",
            self.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            self.subject,
            self.text.trim_end()
        )
    }

    /// The same within a story: indented.
    #[must_use]
    pub fn told(&self) -> String {
        self.shown()
            .lines()
            .map(|line| format!("      {line}").trim_end().to_owned() + "\n")
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use ground::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn messages_of_a_topic_are_mails_and_events_are_none() {
        let journal = Journal::new(Clock::starting_at("2026-03-04T02:47:00Z".parse().unwrap()));
        let at = "2026-03-04T03:00:00Z";
        journal.message(json!({ "service": "events", "at": at, "event": {} }));
        journal.message(json!({ "service": "sns", "at": at, "topic": "people", "subject": "orders recovered", "message": "first\n\nlast\n" }));
        journal.message(
            json!({ "service": "sns", "at": at, "topic": "people", "subject": null, "message": "{}" }),
        );
        let shown: Vec<String> = Mail::all(&journal).iter().map(Mail::shown).collect();
        assert_eq!(
            shown,
            [
                "Sent: 2026-03-04 03:00:00 UTC\nSubject: orders recovered\n\nfirst\n\nlast\n",
                "Sent: 2026-03-04 03:00:00 UTC\nSubject: AWS Notification Message\n\n{}\n",
            ]
        );
    }
}
