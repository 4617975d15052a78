//! What comes in and what goes out.

use serde::Serialize;
use serde_json::Value;

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All applications of the account in this region.
    All,
    /// One.
    One(String),
}

/// What is asked: by the schedule (`{}`), by CloudTrail, or by a person (`{"dryRun":true}`, `{"applicationName":"orders"}`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// About what.
    pub scope: Scope,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// Reads the input.
///
/// # Errors
/// A sentence on what is wrong with it. A misspelt `dryRun` must not become a wet one, so nothing unknown is taken.
pub fn read(event: &Value) -> Result<Asked, String> {
    let members = event.as_object().ok_or("the input is not a JSON object")?;
    if members.contains_key("detail") {
        return Ok(Asked {
            scope: of_trail(&event["detail"])?,
            dry_run: false,
        });
    }
    if let Some(unknown) = members
        .keys()
        .find(|name| !["applicationName", "dryRun"].contains(&name.as_str()))
    {
        return Err(format!(
            "the input has {unknown:?}, and only applicationName and dryRun are known"
        ));
    }
    let scope = match &event["applicationName"] {
        Value::Null => Scope::All,
        Value::String(name) => Scope::One(checked(name)?),
        _ => return Err("applicationName is not a text".into()),
    };
    let dry_run = match &event["dryRun"] {
        Value::Null => false,
        Value::Bool(dry_run) => *dry_run,
        _ => return Err("dryRun is neither true nor false".into()),
    };
    Ok(Asked { scope, dry_run })
}

/// The application of a recorded API call: by its name, or by its ARN where the call tags.
fn of_trail(detail: &Value) -> Result<Scope, String> {
    let parameters = detail["requestParameters"].as_object();
    // How CloudTrail spells `ResourceARN` is not documented.
    let named = |wanted: &str| {
        parameters
            .into_iter()
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .and_then(|(_, value)| value.as_str())
    };
    match (named("applicationName"), named("resourceARN")) {
        (Some(name), _) => Ok(Scope::One(checked(name)?)),
        (None, Some(arn)) => {
            let (_, name) = arn
                .split_once(":application/")
                .ok_or("the recorded call is about no application")?;
            Ok(Scope::One(checked(name)?))
        }
        (None, None) => Ok(Scope::All),
    }
}

fn checked(name: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if fits {
        Ok(name.to_owned())
    } else {
        Err("an application's name has 1 to 128 letters, digits, _ . or -".into())
    }
}

/// Names that an answer lists of each kind at most; the counts are complete.
const LISTED: usize = 100;

/// What was done, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether nothing was done because that was asked.
    pub dry_run: bool,
    /// Applications that are looked after.
    pub watched: usize,
    /// Applications of which that could not be found out; their alarms stay as they are.
    pub unknown: Vec<String>,
    /// Alarms that were right already.
    pub right: usize,
    /// How many were made, put right and removed.
    pub changed: usize,
    /// Names of those made.
    pub created: Vec<String>,
    /// Names of those put right.
    pub fixed: Vec<String>,
    /// Names of those removed.
    pub removed: Vec<String>,
    /// Alarms that have such a name and belong to somebody else.
    pub foreign: Vec<String>,
    /// Changes left for the next run: the service asked to slow down, or a run's share was done.
    pub left: usize,
}

impl Answer {
    /// The same with no more names than an answer lists.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        for names in [
            &mut self.unknown,
            &mut self.created,
            &mut self.fixed,
            &mut self.removed,
            &mut self.foreign,
        ] {
            names.truncate(LISTED);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schedule_asks_for_all_and_a_person_may_ask_for_less() {
        assert_eq!(
            read(&json!({})),
            Ok(Asked {
                scope: Scope::All,
                dry_run: false
            })
        );
        assert_eq!(
            read(&json!({ "dryRun": true })),
            Ok(Asked {
                scope: Scope::All,
                dry_run: true
            })
        );
        assert_eq!(
            read(&json!({ "applicationName": "orders" })),
            Ok(Asked {
                scope: Scope::One("orders".into()),
                dry_run: false
            })
        );
    }

    #[test]
    fn a_recorded_call_is_about_the_application_it_names() {
        let call = |parameters: Value| {
            read(
                &json!({ "detail-type": "AWS API Call via CloudTrail", "detail": { "requestParameters": parameters } }),
            )
        };
        let orders = Ok(Asked {
            scope: Scope::One("orders".into()),
            dry_run: false,
        });
        assert_eq!(call(json!({ "applicationName": "orders" })), orders);
        for spelt in ["resourceARN", "resourceArn", "ResourceARN"] {
            assert_eq!(
                call(
                    json!({ spelt: "arn:aws:kinesisanalytics:us-east-1:1:application/orders", "tags": [] })
                ),
                orders
            );
        }
        assert_eq!(
            call(Value::Null),
            Ok(Asked {
                scope: Scope::All,
                dry_run: false
            })
        );
        assert!(call(json!({ "resourceARN": "arn:aws:sns:us-east-1:1:orders" })).is_err());
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for event in [
            json!({ "dryrun": true }),
            json!({ "dryRun": "true" }),
            json!({ "applicationName": "or ders" }),
            json!({ "applicationName": 1 }),
            json!([]),
        ] {
            assert!(read(&event).is_err(), "{event}");
        }
    }
}
