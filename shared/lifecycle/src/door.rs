//! What a person may write into an input, and what is odd about what they wrote: a sentence that names it and says what to write.
//!
//! Nothing is guessed: a key that is not known may have been meant to hold something back (`dryrun`), so it is refused and never ignored.

use serde_json::{Map, Value};

use crate::request::REQUESTS;

/// The longest name that an application may have.
const NAME_CHARS: usize = 128;
/// The longest text in a request or a trigger: an ARN and an alarm's reason are shorter, and all of them are carried from state to state.
const TEXT_CHARS: usize = 2_000;
/// So much of what somebody wrote is repeated.
const QUOTED_CHARS: usize = 60;
/// Two words of at least this length may differ by two letters and still be taken for a slip.
const LONG_WORD: usize = 5;
/// What starts a rescue, in the least words.
const EXAMPLE: &str = r#"write {"applicationName":"orders"}"#;

/// What a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Text.
    Text,
    /// Text of a bounded length.
    ShortText,
    /// A list.
    List,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// Something that is read elsewhere.
    Anything,
    /// An object with these keys.
    Object(&'static Keys),
}

/// The keys of an object.
pub type Keys = [(&'static str, Holds)];

const RESCUE: &Keys = &[
    ("applicationName", Holds::Anything),
    ("dryRun", Holds::Flag),
    ("request", Holds::Anything),
    ("trigger", Holds::Anything),
];
/// The action that has more to say than its name.
const RESTORE: &str = "restore";
/// What can be asked for.
const ACTIONS: [&str; 3] = ["rollback", "forceStop", RESTORE];
pub(crate) const REQUEST: &Keys = &[
    ("action", Holds::ShortText),
    ("applicationVersionId", Holds::Number),
    ("snapshotName", Holds::ShortText),
    ("withoutState", Holds::Flag),
    ("allowNonRestoredState", Holds::Flag),
];
const TRIGGER: &Keys = &[
    ("kind", Holds::ShortText),
    ("alarmName", Holds::ShortText),
    ("at", Holds::ShortText),
    ("reason", Holds::ShortText),
    ("execution", Holds::ShortText),
    ("before", Holds::ShortText),
    ("status", Holds::ShortText),
    ("successor", Holds::Number),
    ("condition", Holds::ShortText),
    ("versionId", Holds::Number),
    ("asked", Holds::ShortText),
];
/// The kinds of a trigger.
pub const TRIGGER_KINDS: [&str; 5] = ["alarm", "deployment", "executionBroke", "person", "sweep"];
/// How an execution ends that another succeeds.
const ENDED: [&str; 3] = ["FAILED", "TIMED_OUT", "ABORTED"];
/// The keys of a plan, as the functions that carry one out get it.
pub const PLAN: &Keys = &[
    ("versionId", Holds::Number),
    ("status", Holds::Text),
    ("targetVersionId", Holds::Number),
    (
        "restore",
        Holds::Object(&[
            ("snapshotName", Holds::Text),
            ("snapshotArn", Holds::Text),
            ("withoutState", Holds::Flag),
        ]),
    ),
    ("allowNonRestoredState", Holds::Flag),
    ("reason", Holds::Text),
];
const SNAPSHOTS: &Keys = &[
    ("applicationName", Holds::Anything),
    ("dryRun", Holds::Flag),
    // Written by an execution of the check for the one that goes on.
    ("goOn", Holds::Anything),
];
/// What a part of the check leaves to the next one. The state machine writes all of it.
const GO_ON: &Keys = &[
    ("tick", Holds::ShortText),
    ("run", Holds::ShortText),
    ("part", Holds::Number),
    ("nextToken", Holds::Text),
    ("sums", Holds::Anything),
    ("notable", Holds::List),
    ("pending", Holds::List),
    ("persons", Holds::Number),
];

/// What is odd about an input of the state machine `remediate`; None when nothing is.
#[must_use]
pub fn odd_rescue(input: &Value) -> Option<String> {
    let Value::Object(object) = input else {
        return Some(format!(
            "the input does not name an application: it is {}; {EXAMPLE}",
            kind_of(input)
        ));
    };
    if object.is_empty() {
        return Some(format!(
            "the input does not name an application: it is empty; {EXAMPLE}"
        ));
    }
    let elsewhere: &[(&str, &Keys)] = &[("request", REQUEST), ("trigger", TRIGGER)];
    if !object.contains_key("applicationName") {
        let slip = object.keys().find(|key| is_near(key, "applicationName"));
        let why = slip.map_or_else(
            || "it has no \"applicationName\"".to_owned(),
            |key| {
                format!(
                    "the key {} is not known; did you mean \"applicationName\"?",
                    quoted(key)
                )
            },
        );
        return Some(format!(
            "the input does not name an application: {why} {EXAMPLE}"
        ));
    }
    odd_name(&object["applicationName"])
        .or_else(|| odd_key("the input", object, RESCUE, elsewhere))
        .or_else(|| {
            let request = object.get("request").filter(|it| !it.is_null())?;
            let name = object["applicationName"].as_str().unwrap_or_default();
            odd_request(request).map(|odd| and(&format!("for {name}, {odd}"), REQUESTS))
        })
        .or_else(|| odd_trigger(object.get("trigger")?))
}

/// What is odd about an input of the state machine `snapshot-check`; None when nothing is.
#[must_use]
pub fn odd_snapshot_check(input: &Value) -> Option<String> {
    let write = r#"write {} for all applications that have opted in, {"applicationName":"orders"} for one, and add "dryRun":true to be told what would be done"#;
    let Value::Object(object) = input else {
        return Some(format!("the input is {}; {write}", kind_of(input)));
    };
    odd_key("the input", object, SNAPSHOTS, &[])
        .or_else(|| odd_name(object.get("applicationName")?))
        .or_else(|| odd_go_on(object.get("goOn")?))
        .map(|odd| and(&odd, write))
}

/// What is odd, and what to write.
fn and(odd: &str, write: &str) -> String {
    let between = if odd.ends_with('?') { "" } else { ";" };
    format!("{odd}{between} {write}")
}

/// What is odd about what a part of the check left to the next one. Nobody writes it by hand, so what to write is to leave it out.
fn odd_go_on(go_on: &Value) -> Option<String> {
    let Value::Object(object) = go_on else {
        return Some(format!("\"goOn\" is {}; leave it out", kind_of(go_on)));
    };
    let missing = || {
        let (name, _) = GO_ON.iter().find(|(name, _)| !has(object, name))?;
        Some(format!("\"goOn\" has no \"{name}\""))
    };
    odd_key("\"goOn\"", object, GO_ON, &[])
        .or_else(missing)
        .map(|odd| format!("{odd}; leave \"goOn\" out"))
}

fn has(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

/// What is odd about the input of a function that has these keys; None when nothing is. A list is refused: it would hold the same values without the keys that are checked.
#[must_use]
pub fn odd_input(input: &Value, known: &Keys) -> Option<String> {
    match input {
        Value::Object(object) => odd_key("it", object, known, &[]),
        other => Some(format!("it is {}; write an object", kind_of(other))),
    }
}

/// What is odd about a request; None when nothing is.
pub(crate) fn odd_request(request: &Value) -> Option<String> {
    let Value::Object(object) = request else {
        return Some(format!("the request is {}", kind_of(request)));
    };
    odd_key("the request", object, REQUEST, &[]).or_else(|| odd_action(object))
}

/// What is odd about the action of a request whose keys are known.
fn odd_action(request: &Map<String, Value>) -> Option<String> {
    let Some(action) = request.get("action").and_then(Value::as_str) else {
        let actions = ACTIONS.join(", ");
        return Some(format!(
            "the request has no \"action\"; it can be {actions}"
        ));
    };
    if !ACTIONS.contains(&action) {
        let odd = unknown_word(action, &ACTIONS);
        return Some(format!("the request's \"action\" is {odd}"));
    }
    let other = request
        .keys()
        .find(|key| action != RESTORE && *key != "action")?;
    Some(format!(
        "\"{other}\" belongs to the action {RESTORE}, and not to {action}"
    ))
}

/// A word that is none of those that are known, and what was probably meant.
fn unknown_word(word: &str, known: &[&str]) -> String {
    let near = known.iter().find(|known| is_near(word, known));
    let meant = near.map_or_else(
        || format!("it can be {}", known.join(", ")),
        |near| format!("did you mean \"{near}\"?"),
    );
    format!("{}, which is not known; {meant}", quoted(word))
}

/// What is odd about a trigger. None has to be written; what starts executions writes it.
fn odd_trigger(trigger: &Value) -> Option<String> {
    let object = match trigger {
        Value::Null => return None,
        Value::Object(object) => object,
        other => {
            return Some(format!(
                "\"trigger\" is {}, and not an object; leave it out",
                kind_of(other)
            ));
        }
    };
    let kinds = TRIGGER_KINDS.join(", ");
    let kind = match &object.get("kind") {
        Some(Value::String(kind)) => kind.as_str(),
        _ => {
            return Some(format!(
                "\"trigger\" has no \"kind\" that is one of {kinds}; leave the trigger out"
            ));
        }
    };
    if !TRIGGER_KINDS.contains(&kind) {
        let odd = unknown_word(kind, &TRIGGER_KINDS);
        return Some(format!("the trigger's \"kind\" is {odd}"));
    }
    if let Some(odd) = odd_key("the trigger", object, TRIGGER, &[]) {
        return Some(odd);
    }
    if kind != "executionBroke" {
        return None;
    }
    if !object.get("execution").is_some_and(Value::is_string) {
        return Some(
            "the trigger names no \"execution\": a text, the ARN of one that ended".into(),
        );
    }
    let status = object
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default();
    (!ENDED.contains(&status)).then(|| {
        format!(
            "the trigger's \"status\" is {}; it can be {}",
            quoted(status),
            ENDED.join(", ")
        )
    })
}

/// What is odd about the name of an application.
fn odd_name(name: &Value) -> Option<String> {
    let because = |why: String| Some(format!("the input does not name an application: {why}"));
    let Value::String(name) = name else {
        return because(format!(
            "\"applicationName\" is {}; {EXAMPLE}",
            kind_of(name)
        ));
    };
    let write = |name: &str| format!(r#"write {{"applicationName":"{name}"}}"#);
    if is_name(name) {
        return None;
    }
    if name.is_empty() {
        return because(format!("\"applicationName\" is empty; {EXAMPLE}"));
    }
    if name.starts_with("arn:") {
        let last = name.rsplit('/').next().unwrap_or_default();
        let write = if is_name(last) {
            write(last)
        } else {
            EXAMPLE.to_owned()
        };
        return because(format!("\"applicationName\" is an ARN; {write}"));
    }
    let trimmed = name.trim();
    if is_name(trimmed) {
        let ends = if name.starts_with(trimmed) {
            "ends"
        } else {
            "begins"
        };
        let odd = if name.starts_with(trimmed) {
            name.chars().last()
        } else {
            name.chars().next()
        };
        return because(format!(
            "\"applicationName\" {ends} with {}; {}",
            odd.map_or_else(String::new, word_of),
            write(trimmed)
        ));
    }
    let rule = format!("a name has 1 to {NAME_CHARS} letters, digits, _ . or -; {EXAMPLE}");
    if let Some(odd) = name.chars().find(|c| !is_name_char(*c)) {
        return because(format!(
            "\"applicationName\" contains {}; {rule}",
            word_of(odd)
        ));
    }
    because(format!(
        "\"applicationName\" has {} characters; {rule}",
        name.chars().count()
    ))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS).contains(&name.len()) && name.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn word_of(c: char) -> String {
    match c {
        '\n' | '\r' => "a line break".to_owned(),
        '\t' => "a tab".to_owned(),
        c if c.is_whitespace() => "a blank".to_owned(),
        c if c.is_control() => "a control character".to_owned(),
        c => format!("\"{c}\""),
    }
}

/// The first key of `object` that is not among `known`, or holds what it may not.
fn odd_key(
    what: &str,
    object: &Map<String, Value>,
    known: &Keys,
    elsewhere: &[(&str, &Keys)],
) -> Option<String> {
    object.iter().find_map(
        |(key, value)| match known.iter().find(|(name, _)| name == key) {
            Some((_, holds)) => odd_value(what, key, value, *holds),
            None => Some(unknown(what, key, known, elsewhere)),
        },
    )
}

fn unknown(what: &str, key: &str, known: &Keys, elsewhere: &[(&str, &Keys)]) -> String {
    let key_is = format!("{what} has the key {}, which is not known", quoted(key));
    if let Some((near, _)) = known.iter().find(|(name, _)| is_near(key, name)) {
        return format!("{key_is}; did you mean \"{near}\"?");
    }
    for (place, keys) in elsewhere {
        if let Some((near, _)) = keys.iter().find(|(name, _)| is_near(key, name)) {
            return format!("{key_is} there; put \"{near}\" into \"{place}\"");
        }
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    format!("{key_is}; it can have {}", names.join(", "))
}

fn odd_value(what: &str, key: &str, value: &Value, holds: Holds) -> Option<String> {
    if holds == Holds::ShortText
        && let Some(long) = value.as_str().map(|text| text.chars().count())
        && long > TEXT_CHARS
    {
        return Some(format!(
            "\"{key}\" in {what} has {long} characters; write at most {TEXT_CHARS}"
        ));
    }
    let (fits, write) = match holds {
        Holds::Anything => return None,
        Holds::Object(keys) => match value {
            Value::Object(object) => return odd_key(&format!("\"{key}\""), object, keys, &[]),
            _ => (false, "an object"),
        },
        Holds::Text | Holds::ShortText => (value.is_string(), "a text"),
        Holds::List => (value.is_array(), "a list"),
        Holds::Flag => (value.is_boolean(), "true or false"),
        Holds::Number => (value.is_u64(), "a whole number"),
    };
    // What holds back and what lets go is never anything but said: null might be meant as either.
    if fits || value.is_null() && !matches!(key, "dryRun" | "withoutState") {
        return None;
    }
    Some(format!(
        "\"{key}\" in {what} is {}; write {write}",
        kind_of(value)
    ))
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(is) => format!("{is}"),
        Value::Number(number) => format!("a number, {number}"),
        Value::String(text) => format!("a text, {}", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", crate::shorten(text, QUOTED_CHARS).escape_debug())
}

/// Whether `written` may be a slip of `known`: other capitals, a letter or two, or a part of it.
fn is_near(written: &str, known: &str) -> bool {
    let plain = |word: &str| -> Vec<char> {
        let letters = word.chars().filter(|c| c.is_alphanumeric());
        letters
            .flat_map(char::to_lowercase)
            .take(QUOTED_CHARS)
            .collect()
    };
    let (written, known) = (plain(written), plain(known));
    if written == known {
        return true;
    }
    let shorter = written.len().min(known.len());
    let is_part = shorter >= LONG_WORD
        && (known
            .windows(written.len().max(1))
            .any(|part| part == written)
            || written
                .windows(known.len().max(1))
                .any(|part| part == known));
    let allowed = if shorter >= LONG_WORD { 2 } else { 1 };
    is_part || shorter > 2 && distance(&written, &known) <= allowed
}

/// How many letters have to be put in, taken out or replaced.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_starts_executions_today_is_right() {
        for input in [
            json!({ "applicationName": "orders" }),
            json!({ "applicationName": "a".repeat(128), "dryRun": false, "request": null, "trigger": null }),
            json!({ "applicationName": "o-r.d_1", "request": { "action": "rollback" } }),
            json!({ "applicationName": "orders", "trigger": { "kind": "alarm", "alarmName": "a", "at": "2026-03-01T10:05:48.554Z", "reason": "r" } }),
            json!({ "applicationName": "orders", "trigger": {
                "kind": "executionBroke", "execution": "arn", "before": "arn", "status": "ABORTED", "successor": 2, "asked": "restore" } }),
        ] {
            assert_eq!(odd_rescue(&input), None, "{input}");
        }
        for input in [
            json!({}),
            json!({ "applicationName": "orders", "dryRun": true }),
        ] {
            assert_eq!(odd_snapshot_check(&input), None, "{input}");
        }
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (written, known) in [
            ("reqeust", "request"),
            ("Request", "request"),
            ("dry_run", "dryRun"),
            ("DRYRUN", "dryRun"),
            ("application", "applicationName"),
            ("versionId", "applicationVersionId"),
            ("snapshotname", "snapshotName"),
            ("withoutstate", "withoutState"),
            ("triger", "trigger"),
        ] {
            assert!(is_near(written, known), "{written} {known}");
        }
        for (written, known) in [
            ("colour", "dryRun"),
            ("", "kind"),
            ("at", "asked"),
            ("é", "at"),
            ("reason", "request"),
        ] {
            assert!(!is_near(written, known), "{written} {known}");
        }
    }

    #[test]
    fn a_requests_keys_and_types_are_named() {
        for (request, words) in [
            (
                json!({ "action": "restore", "snapshotname": "s" }),
                "\"snapshotName\"",
            ),
            (
                json!({ "action": "restore", "versionId": 2 }),
                "\"applicationVersionId\"",
            ),
            (
                json!({ "action": "restore", "withoutstate": true }),
                "\"withoutState\"",
            ),
            (
                json!({ "action": "restore", "withoutState": "yes" }),
                "\"withoutState\" in the request is a text, \"yes\"; write true or false",
            ),
            (
                json!({ "action": "restore", "applicationVersionId": "2" }),
                "a whole number",
            ),
            (
                json!({ "action": "restore", "applicationVersionId": 2.5 }),
                "a number, 2.5",
            ),
            (
                json!({ "action": "restore", "snapshotName": ["s"] }),
                "\"snapshotName\" in the request is a list",
            ),
            (
                json!({ "action": true }),
                "\"action\" in the request is true",
            ),
            (json!("rollback"), "the request is a text"),
            (
                json!({}),
                "the request has no \"action\"; it can be rollback, forceStop, restore",
            ),
            (json!({ "action": null }), "the request has no \"action\""),
            (
                json!({ "action": "Rollback" }),
                "\"Rollback\", which is not known; did you mean \"rollback\"?",
            ),
            (
                json!({ "action": "explode" }),
                "\"explode\", which is not known; it can be rollback, forceStop, restore",
            ),
            (
                json!({ "action": "rollback", "applicationVersionId": 1 }),
                "\"applicationVersionId\" belongs to the action restore, and not to rollback",
            ),
            (
                json!({ "action": "forceStop", "snapshotName": null }),
                "\"snapshotName\" belongs to the action restore, and not to forceStop",
            ),
            (
                json!({ "action": "restore", "withoutState": null }),
                "\"withoutState\" in the request is null; write true or false",
            ),
        ] {
            let odd = odd_request(&request).expect("it is odd");
            assert!(odd.contains(words), "{odd}");
        }
    }

    #[test]
    fn a_list_is_no_object_with_its_keys_left_out() {
        let known: &Keys = &[
            ("applicationName", Holds::Text),
            ("plan", Holds::Object(PLAN)),
        ];
        for (input, words) in [
            (
                json!(["orders", { "versionId": 2 }]),
                "it is a list; write an object",
            ),
            (json!("orders"), "it is a text"),
            (json!(null), "it is null"),
            (
                json!({ "applicationName": "orders", "plan": [2, "RUNNING", "why"] }),
                "\"plan\" in it is a list; write an object",
            ),
            (
                json!({ "plan": { "versionId": 2, "restore": [true] } }),
                "\"restore\" in \"plan\" is a list; write an object",
            ),
        ] {
            let odd = odd_input(&input, known).expect("it is odd");
            assert!(odd.contains(words), "{odd}");
        }
        let right =
            json!({ "applicationName": "orders", "plan": { "versionId": 2, "restore": null } });
        assert_eq!(odd_input(&right, known), None);
    }

    #[test]
    fn a_request_is_read_at_the_door_and_what_to_write_is_said() {
        for (action, words) in [
            (
                json!("rolback"),
                "\"rolback\", which is not known; did you mean \"rollback\"? write {\"action\":\"rollback\"}",
            ),
            (json!("dance"), "it can be rollback, forceStop, restore"),
            (json!("r".repeat(2_001)), "2001 characters"),
        ] {
            let input =
                json!({ "applicationName": "orders", "request": { "action": action.clone() } });
            let odd = odd_rescue(&input).expect("it is odd");
            assert!(odd.contains(words), "{odd}");
            assert!(odd.len() < 600, "{odd}");
        }
    }

    #[test]
    fn a_triggers_texts_are_texts_and_bounded() {
        let kinds = ["alarmName", "at", "reason", "execution", "before", "asked"];
        for key in kinds {
            for (value, words) in [
                (json!("x".repeat(2_001)), "write at most 2000"),
                (json!({ "a": 1 }), "is an object; write a text"),
                (json!(["a"]), "is a list; write a text"),
            ] {
                let mut trigger = json!({ "kind": "alarm" });
                trigger[key] = value;
                let input = json!({ "applicationName": "orders", "trigger": trigger });
                let odd = odd_rescue(&input).expect("it is odd");
                assert!(odd.contains(key) && odd.contains(words), "{odd}");
            }
        }
    }

    #[test]
    fn what_a_part_of_the_check_leaves_to_the_next_is_complete_or_left_out() {
        let right = json!({
            "tick": "2026-03-01T02:47:00Z", "run": "r", "part": 2, "nextToken": "t", "sums": {},
            "notable": [], "pending": [], "persons": 0,
        });
        assert_eq!(odd_snapshot_check(&json!({ "goOn": right.clone() })), None);
        for (key, value, words) in [
            ("part", json!("2"), "a whole number"),
            ("notable", json!({}), "write a list"),
            ("nextToken", json!(null), "has no \"nextToken\""),
            ("tock", json!(1), "did you mean \"tick\"?"),
        ] {
            let mut go_on = right.clone();
            go_on[key] = value;
            let odd = odd_snapshot_check(&json!({ "goOn": go_on })).expect("it is odd");
            assert!(odd.contains(words), "{odd}");
            assert!(odd.contains("leave \"goOn\" out"), "{odd}");
        }
        for odd in [json!(null), json!("x"), json!([]), json!({})] {
            let odd = odd_snapshot_check(&json!({ "goOn": odd })).expect("it is odd");
            assert!(odd.contains("\"goOn\""), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn an_unknown_key_is_never_overlooked(key in "[a-zA-Z_]{1,20}") {
            let known = ["applicationName", "dryRun", "request", "trigger"];
            prop_assume!(!known.contains(&key.as_str()));
            let input = json!({ "applicationName": "orders", key.clone(): true });
            let odd = odd_rescue(&input);
            prop_assert!(odd.is_some_and(|odd| odd.contains(&key)));
        }

        #[test]
        fn any_name_is_either_one_or_said_to_be_odd(name in ".{0,140}") {
            let input = json!({ "applicationName": name });
            prop_assert_eq!(odd_rescue(&input).is_none(), is_name(&name));
        }
    }
}
