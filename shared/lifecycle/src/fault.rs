//! Which faults are the same: of two runs, of two versions.

use crate::{Fault, redact::shorten};

/// So much of a key is kept.
const KEY_CHARS: usize = 400;
/// Between the outermost line of a stack trace and its last cause.
const CAUSE: &str = "; caused by: ";

/// Exceptions of which the class says that something was short or took too long.
const OF_RESOURCES: [&str; 5] = [
    "OutOfMemoryError",
    "NoResourceAvailableException",
    "InsufficientResources",
    "SlotNotAvailable",
    "Metaspace",
];

/// Whose time-outs are the cluster's own. Those of a client say that another system did not answer.
const OF_THE_CLUSTER: [&str; 4] = [
    "java.util.concurrent.",
    "org.apache.flink.runtime.",
    "org.apache.pekko.",
    "akka.",
];

impl Fault {
    /// What stays the same when it happens again: the root class with its message, and the task, without whatever has a digit in it (an id, an offset, an attempt).
    #[must_use]
    pub fn key(&self) -> String {
        let root = self.root_line();
        let task = self.task.as_deref().unwrap_or_default();
        let key = format!("{} in {}", without_digits(root), vertex(task));
        shorten(&key, KEY_CHARS)
    }

    /// Whether a key is of a fault with the same root class, whatever its text and its task.
    #[must_use]
    pub fn is_of_class_in(&self, key: &str) -> bool {
        class(&self.key()) == class(key)
    }

    /// The line of the last cause; the only line where there is no other.
    #[must_use]
    pub fn root_line(&self) -> &str {
        self.message
            .rsplit_once(CAUSE)
            .map_or(self.message.as_str(), |(_, cause)| cause)
    }

    /// Whether it says that memory, slots or time were short: that tells nothing about whose fault it is.
    #[must_use]
    pub fn is_of_resources(&self) -> bool {
        let is_of = |class: &str| {
            let is_short = OF_RESOURCES.iter().any(|one| class.contains(one));
            let is_time = class.ends_with("TimeoutException");
            is_short || is_time && OF_THE_CLUSTER.iter().any(|one| class.starts_with(one))
        };
        is_of(class(self.root_line())) || is_of(&self.exception)
    }

    /// Whether it is the same again.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// `a.b.Exception: text` → `a.b.Exception`.
pub(crate) fn class(line: &str) -> &str {
    line.split([':', ' ']).next().unwrap_or_default()
}

/// `enrich (1/4) - execution #3` → `enrich`.
fn vertex(task: &str) -> &str {
    let task = task
        .rsplit_once(" - execution #")
        .map_or(task, |(task, _)| task);
    let is_subtask = |of: &&str| {
        of.strip_suffix(')')
            .and_then(|of| of.split_once('/'))
            .is_some_and(|(nth, all)| nth.parse::<u32>().is_ok() && all.parse::<u32>().is_ok())
    };
    match task.rsplit_once(" (") {
        Some((vertex, of)) if is_subtask(&of) => vertex,
        _ => task,
    }
}

fn without_digits(text: &str) -> String {
    let mut kept = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        if word.contains(|c: char| c.is_numeric()) {
            kept.push('#');
        } else {
            kept.push_str(&word);
        }
        word.clear();
        kept.push(c);
    }
    kept.pop();
    kept
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn fault(message: &str, task: &str) -> Fault {
        Fault {
            exception: "java.lang.Exception".into(),
            message: message.into(),
            task: (!task.is_empty()).then(|| task.into()),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn numbers_ids_attempts_and_wrappers_make_no_other_fault() {
        let one = fault(
            "a.Parse: cannot parse 'abc' at offset 1312 of 8f3e-77",
            "enrich (1/4) - execution #0",
        );
        for (message, task) in [
            (
                "a.Parse: cannot parse 'abc' at offset 9 of 11aa-2",
                "enrich (3/4) - execution #12",
            ),
            (
                "a.Parse: cannot parse 'abc' at offset 9 of 1-2",
                "enrich (1/2)",
            ),
            (
                "b.Wrapper: could not; caused by: a.Parse: cannot parse 'abc' at offset 4 of 1-2",
                "enrich",
            ),
        ] {
            assert!(one.is_like(&fault(message, task)), "{message} in {task}");
        }
    }

    #[test]
    fn another_class_text_or_task_is_another_fault() {
        let one = fault("a.Parse: no", "enrich (1/4) - execution #0");
        for (message, task) in [
            ("a.Parse: not", "enrich (1/4) - execution #0"),
            ("b.Parse: no", "enrich (1/4) - execution #0"),
            ("a.Parse: no", "sink (1/4) - execution #0"),
            ("a.Parse: no", "map-2 (1/4)"),
            ("a.Parse: no", ""),
            ("a.Parse: no; caused by: a.Io: gone", "enrich (1/4)"),
        ] {
            assert!(!one.is_like(&fault(message, task)), "{message} in {task}");
        }
        assert!(!fault("no", "map-1 (1/2)").is_like(&fault("no", "map-2 (1/2)")));
        assert_eq!(fault("no", "map (odd) (1/2)").key(), "no in map (odd)");
        assert_eq!(fault("no", "map (odd)").key(), "no in map (odd)");
    }
}
