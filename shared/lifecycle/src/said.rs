//! What a failed call said, out of the Cause that Step Functions gives: a function's error is JSON there, anything else is text, and both may be cut anywhere.

use serde_json::Value;

/// So much of what was said is carried on: it stands in the execution's variables and in every report.
const SAID_CHARS: usize = 2_000;

/// The function's message, where the cause is a function's error; otherwise the cause as it is.
#[must_use]
pub fn said(cause: &str) -> String {
    let message = match serde_json::from_str::<Value>(cause) {
        Ok(Value::Object(error)) => match error.get("errorMessage") {
            Some(Value::String(message)) => message.clone(),
            Some(other) if !other.is_null() => other.to_string(),
            _ => cause.to_owned(),
        },
        _ => cause.to_owned(),
    };
    crate::shorten(&message, SAID_CHARS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_functions_message_is_taken_out_and_anything_else_stays() {
        for (cause, expected) in [
            (
                r#"{"errorType":"Lifeguard.Refused","errorMessage":"no \"x\""}"#,
                r#"no "x""#,
            ),
            (r#"{"errorMessage":5}"#, "5"),
            (
                r#"{"errorMessage":{"errorMessage":"x"}}"#,
                r#"{"errorMessage":"x"}"#,
            ),
            (r#"{"errorMessage":null}"#, r#"{"errorMessage":null}"#),
            (
                r#"{"errorType":"Runtime.ExitError"}"#,
                r#"{"errorType":"Runtime.ExitError"}"#,
            ),
            (
                r#"{"errorMessage":"cut in the mid"#,
                r#"{"errorMessage":"cut in the mid"#,
            ),
            ("{errorMessage}", "{errorMessage}"),
            ("no cause was given", "no cause was given"),
            ("", ""),
        ] {
            assert_eq!(said(cause), expected);
        }
    }

    proptest! {
        #[test]
        fn any_cause_is_read_and_bounded(cause in ".{0,80}", repeated in 1_usize..400, at in 0_usize..400) {
            let long = cause.repeat(repeated);
            let json = json!({ "errorType": "x", "errorMessage": long }).to_string();
            let cut: String = json.chars().take(at).collect();
            for cause in [&long, &json, &cut] {
                prop_assert!(said(cause).chars().count() <= SAID_CHARS + 1);
            }
        }
    }
}
