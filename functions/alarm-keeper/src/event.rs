//! What comes in and what goes out.
//!
//! Three may ask: the schedule, a person, and CloudTrail's record of a call. A record is taken only where the call may have changed which alarms there should be: that is settled
//! by two tags, by whether the application is there, and by its runtime. So an update that leaves the runtime as it is, a start or a snapshot asks for nothing, and neither does a
//! call that was refused. Such a record costs no call. What a record does not show (a rollback may change the runtime, and long parameters are left out) the schedule finds.

use lifecycle::{MANAGED_TAG, STACK_TAG, check_application_name};
use serde::Serialize;
use serde_json::Value;

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All applications of the account in this region.
    All,
    /// One.
    One(String),
    /// No application: all alarms of this stack are removed, before the stack is.
    Remove,
}

/// What is asked: by the schedule (`{}`), by CloudTrail, or by a person (`{"dryRun":true}`, `{"applicationName":"orders"}`, `{"removeAll":true}`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// About what.
    pub scope: Scope,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl Asked {
    fn of(scope: Scope) -> Self {
        Self {
            scope,
            dry_run: false,
        }
    }
}

/// An input, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Asks for a run.
    Run(Asked),
    /// Asks for nothing.
    Nothing {
        /// Why.
        because: String,
    },
}

/// This stack's account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The account's id.
    pub account: String,
    /// The region's code.
    pub region: String,
}

/// What a person may write.
const KNOWN: [&str; 3] = ["applicationName", "dryRun", "removeAll"];
/// The tags that say whose applications are watched.
const TAGS: [&str; 2] = [MANAGED_TAG, STACK_TAG];
/// The API of the applications in SQL, which have no alarms; it has the same names of events.
const API_OF_SQL: &str = "2015-08-14";
/// Longest piece of foreign text in a sentence.
const SEEN_CHARS: usize = 100;

/// Reads the input.
///
/// # Errors
/// A sentence on what is wrong with it. A misspelt `dryRun` must not become a wet one, so nothing unknown is taken.
pub fn read(event: &Value, home: &Home) -> Result<Input, String> {
    let members = event.as_object().ok_or("the input is not a JSON object")?;
    let text = |name: &str| event[name].as_str();
    match (text("source"), text("detail-type")) {
        // A schedule without an input of its own.
        (Some("aws.scheduler" | "aws.events"), Some("Scheduled Event")) => {
            Ok(Input::Run(Asked::of(Scope::All)))
        }
        (Some("aws.kinesisanalytics"), Some(kind)) if kind.ends_with("via CloudTrail") => {
            Ok(of_trail(event, home))
        }
        (None, None) => by_hand(members.keys(), event).map(Input::Run),
        (source, kind) => Err(format!(
            "the input is the event {} from {}, and only recorded calls of Managed Flink are taken",
            seen(kind.unwrap_or("without a type")),
            seen(source.unwrap_or("nobody"))
        )),
    }
}

fn by_hand<'a>(
    mut names: impl Iterator<Item = &'a String>,
    event: &Value,
) -> Result<Asked, String> {
    if let Some(name) = names.find(|name| !KNOWN.contains(&name.as_str())) {
        let alike = |known: &&&str| plain(known) == plain(name);
        return Err(match KNOWN.iter().find(alike) {
            Some(known) => format!("the input has {}: write {known}", seen(name)),
            None => format!(
                "the input has {}, and only applicationName, dryRun and removeAll are known",
                seen(name)
            ),
        });
    }
    let flag = |name: &str| match event.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("{name} is neither true nor false")),
    };
    let (dry_run, remove) = (flag("dryRun")?, flag("removeAll")?);
    let scope = match event.get("applicationName") {
        Some(_) if remove => {
            return Err("removeAll is about all applications: leave applicationName out".into());
        }
        None if remove => Scope::Remove,
        None => Scope::All,
        Some(Value::String(name)) => {
            check_application_name(name).map_err(|odd| {
                format!("applicationName is {}, which is no name: {odd}", seen(name))
            })?;
            Scope::One(name.clone())
        }
        Some(_) => return Err("applicationName is not a text".into()),
    };
    Ok(Asked { scope, dry_run })
}

/// A member's name without what people misspell in it.
fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// What a recorded call asks for.
fn of_trail(event: &Value, home: &Home) -> Input {
    match changed(event, home) {
        Ok(name) => Input::Run(Asked::of(Scope::One(name))),
        Err(because) => Input::Nothing { because },
    }
}

/// The application whose alarms a recorded call may have changed, or why there is none.
fn changed(event: &Value, home: &Home) -> Result<String, String> {
    let detail = &event["detail"];
    let call = format!(
        "the call {}",
        seen(detail["eventName"].as_str().unwrap_or_default())
    );
    if let Some(other) = elsewhere(event, home) {
        return Err(format!("{call} {other}"));
    }
    // AWS's own sample of a record spells the service wrong.
    let service = detail["eventSource"].as_str().unwrap_or_default();
    if !service.is_empty() && !service.starts_with("kinesisan") {
        return Err(format!(
            "{call} is one of another service, {}",
            seen(service)
        ));
    }
    if detail["apiVersion"] == API_OF_SQL {
        return Err(format!(
            "{call} is one of the API of {API_OF_SQL}, which has no Flink applications"
        ));
    }
    if let Some(error) = refused(detail) {
        return Err(format!("{call} was refused: {error}"));
    }
    if detail["readOnly"] == true || detail["readOnly"] == "true" {
        return Err(format!("{call} only read"));
    }
    if !may_change_alarms(detail) {
        return Err(format!("{call} changes no alarm"));
    }
    if tag_keys(detail).is_some_and(|keys| !keys.iter().any(|key| TAGS.contains(key))) {
        return Err(format!(
            "{call} is about no tag of Lifeguard that alarms go by"
        ));
    }
    application(event, home).map_err(|why| format!("{call} {why}"))
}

/// Whether other alarms may be right after this call than before: an update of the runtime gives some of them another metric.
fn may_change_alarms(detail: &Value) -> bool {
    match detail["eventName"].as_str() {
        Some("CreateApplication" | "DeleteApplication" | "TagResource" | "UntagResource") => true,
        Some("UpdateApplication") => {
            member(&detail["requestParameters"], "runtimeEnvironmentUpdate")
                .is_some_and(Value::is_string)
        }
        _ => false,
    }
}

/// Where else an event is from.
fn elsewhere(event: &Value, home: &Home) -> Option<String> {
    let detail = &event["detail"];
    let other = |claims: [&Value; 2], ours: &str, what: &str| {
        let other = claims
            .into_iter()
            .find(|claim| !claim.is_null() && *claim != ours)?;
        let other = other
            .as_str()
            .map_or_else(|| other.to_string(), str::to_owned);
        Some(format!(
            "is of the {what} {}, and this stack looks after {ours}",
            seen(&other)
        ))
    };
    other(
        [&event["account"], &detail["recipientAccountId"]],
        &home.account,
        "account",
    )
    .or_else(|| {
        other(
            [&event["region"], &detail["awsRegion"]],
            &home.region,
            "region",
        )
    })
}

/// What a refused call was refused with. Some services tell it among the elements of the response.
fn refused(detail: &Value) -> Option<String> {
    let places = [detail, &detail["responseElements"]];
    let mut told = places.into_iter().flat_map(|place| {
        ["errorCode", "errorMessage"]
            .map(|name| member(place, name))
            .into_iter()
            .flatten()
    });
    let error = told.find(|error| !error.is_null())?;
    Some(seen(
        &error
            .as_str()
            .map_or_else(|| error.to_string(), str::to_owned),
    ))
}

/// The keys of the tags that a call set or took away; None where they cannot be read, or where the call is not about tags.
fn tag_keys(detail: &Value) -> Option<Vec<&str>> {
    let parameters = &detail["requestParameters"];
    match detail["eventName"].as_str()? {
        "UntagResource" => texts(member(parameters, "tagKeys")?.as_array()?.iter()),
        "TagResource" => keys(member(parameters, "tags")?),
        "CreateApplication" if parameters.is_object() => match member(parameters, "tags") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(tags) => keys(tags),
        },
        _ => None,
    }
}

fn keys(tags: &Value) -> Option<Vec<&str>> {
    texts(
        tags.as_array()?
            .iter()
            .map(|tag| member(tag, "key").unwrap_or(&Value::Null)),
    )
}

fn texts<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Vec<&'a str>> {
    values.map(Value::as_str).collect()
}

/// The application that a call was about: from its parameters or, where those are hidden or were too long for a record, from its response or the resources it names.
fn application(event: &Value, home: &Home) -> Result<String, String> {
    let detail = &event["detail"];
    let (parameters, response) = (&detail["requestParameters"], &detail["responseElements"]);
    let described = member(response, "applicationDetail").unwrap_or(&Value::Null);
    let names = [parameters, described]
        .into_iter()
        .filter_map(|place| member(place, "applicationName")?.as_str());
    let resources = list(&detail["resources"]).filter_map(|resource| member(resource, "ARN"));
    let arns = [
        member(parameters, "resourceARN"),
        member(described, "applicationARN"),
        member(response, "applicationARN"),
    ];
    let arns = arns
        .into_iter()
        .flatten()
        .chain(resources)
        .chain(list(&event["resources"]))
        .filter_map(Value::as_str);
    if let Some(name) = names
        .into_iter()
        .find(|name| check_application_name(name).is_ok())
    {
        return Ok(name.to_owned());
    }
    for arn in arns {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "kinesisanalytics", region, account, resource] = parts[..] else {
            continue;
        };
        let Some(name) = resource
            .strip_prefix("application/")
            .filter(|name| check_application_name(name).is_ok())
        else {
            continue;
        };
        if (region, account) != (home.region.as_str(), home.account.as_str()) {
            return Err(format!("is about {}, which is not here", seen(arn)));
        }
        return Ok(name.to_owned());
    }
    Err("names no application of this account and region: left to the schedule".into())
}

/// A member whose exact spelling in a record is not documented.
fn member<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    of.as_object()?
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Foreign text: quoted, bounded, control characters escaped.
fn seen(text: &str) -> String {
    let cut: String = text.chars().take(SEEN_CHARS).collect();
    format!("{cut:?}")
}

/// Names that an answer lists of each kind at most; the counts are complete.
const LISTED: usize = 100;

/// What was done, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Why nothing was even looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
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
    /// Alarms whose owner could not be read; they stay as they are.
    pub unread: Vec<String>,
    /// Changes left for the next run: the service asked to slow down, or a run's share was done.
    pub left: usize,
    /// Why the run ended before its last change, and how far it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl Answer {
    /// Of an input that asks for nothing.
    #[must_use]
    pub fn of_nothing(because: String) -> Self {
        Self {
            ignored: Some(because),
            ..Self::default()
        }
    }

    /// The same with no more names than an answer lists.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        for names in [
            &mut self.unknown,
            &mut self.created,
            &mut self.fixed,
            &mut self.removed,
            &mut self.foreign,
            &mut self.unread,
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

    fn home() -> Home {
        Home {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
        }
    }

    fn asked(event: Value) -> Result<Asked, String> {
        match read(&event, &home())? {
            Input::Run(asked) => Ok(asked),
            Input::Nothing { because } => Err(because),
        }
    }

    fn run(scope: Scope, dry_run: bool) -> Result<Asked, String> {
        Ok(Asked { scope, dry_run })
    }

    #[test]
    fn the_schedule_asks_for_all_and_a_person_may_ask_for_less() {
        assert_eq!(asked(json!({})), run(Scope::All, false));
        assert_eq!(asked(json!({ "dryRun": true })), run(Scope::All, true));
        assert_eq!(asked(json!({ "dryRun": false })), run(Scope::All, false));
        assert_eq!(
            asked(json!({ "applicationName": "orders" })),
            run(Scope::One("orders".into()), false)
        );
        assert_eq!(
            asked(json!({ "removeAll": true })),
            run(Scope::Remove, false)
        );
        assert_eq!(
            asked(json!({ "removeAll": true, "dryRun": true })),
            run(Scope::Remove, true)
        );
        assert_eq!(asked(json!({ "removeAll": false })), run(Scope::All, false));
    }

    #[test]
    fn a_recorded_call_is_about_the_application_it_names() {
        let arn = "arn:aws:kinesisanalytics:eu-central-1:111122223333:application/orders";
        for spelt in ["resourceARN", "resourceArn", "ResourceARN"] {
            let event = json!({
                "source": "aws.kinesisanalytics", "detail-type": "AWS API Call via CloudTrail",
                "detail": { "eventName": "UntagResource", "requestParameters": { spelt: arn, "tagKeys": ["lifeguard:managed"] } }
            });
            assert_eq!(asked(event), run(Scope::One("orders".into()), false));
        }
    }

    #[test]
    fn long_or_odd_texts_of_others_are_cut_and_escaped() {
        let event = json!({
            "source": "aws.kinesisanalytics", "detail-type": "AWS API Call via CloudTrail",
            "detail": { "eventName": "x\n".repeat(10_000), "errorMessage": "y".repeat(10_000) }
        });
        let because = asked(event).unwrap_err();
        assert!(because.len() < 600 && !because.contains('\n'), "{because}");
    }
}
