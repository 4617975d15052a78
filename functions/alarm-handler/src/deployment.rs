//! Announcements of deployments: CloudFormation's `Resource Status Change` of an application, and CloudTrail's record of a call that makes a version or a run begin.
//!
//! Neither is trusted further than that something may have begun: whether it did, and what, the service is asked ([`crate::announce`]).
//! Read field by field, like an alarm. Invariant: only names, numbers, ids and times leave this module; a record's parameters may hold secrets and are never repeated.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    event::envelope,
    home::Home,
    request::{ApplicationName, Refusal},
    settings::OwnRoles,
    text::seen,
};

mod caller;

/// The calls after which a version or a run begins. Others that do, the sweep sees.
const CALLS: [&str; 3] = ["UpdateApplication", RUNS, "RollbackApplication"];
/// The one of them that makes no version.
const RUNS: &str = "StartApplication";
/// A resource that has settled. While it is IN_PROGRESS the call may not have been made yet, so nothing could be read.
const SETTLED: [&str; 3] = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED"];
/// The resource.
const RESOURCE: &str = "AWS::KinesisAnalyticsV2::Application";
/// The API of the applications in SQL; it has the same names of events.
const API_OF_SQL: &str = "2015-08-14";
/// The service, where it calls itself.
const SERVICE: &str = "kinesisanalytics.amazonaws.com";

/// Who made a version, and by which call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The version.
    pub version_id: u64,
    /// The call.
    pub verb: &'static str,
    /// The role and its session, the user or the service, by name; never a key.
    pub who: String,
}

/// A deployment, as it was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Of which application.
    pub application: ApplicationName,
    /// Who announced it.
    pub by: &'static str,
    /// When.
    pub at: Timestamp,
    /// The operation that the service began.
    pub operation: Option<String>,
    /// The version that was made.
    pub version_id: Option<u64>,
    /// Who made it, where the announcement says so.
    pub caller: Option<Caller>,
}

/// What an announcement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something may have been deployed.
    Deployed(Deployment),
    /// Nothing that is to be verified.
    Nothing {
        /// Why.
        because: String,
    },
}

impl News {
    fn nothing(because: String) -> Self {
        Self::Nothing { because }
    }
}

/// Reads an announcement; None when the event is something else.
///
/// # Errors
/// When it is from elsewhere than `home`, or does not say what it must.
#[must_use]
pub fn read(event: &Value, home: &Home, own: &OwnRoles) -> Option<Result<News, Refusal>> {
    let text = |key: &str| event[key].as_str();
    match (text("source"), text("detail-type")) {
        (Some("aws.cloudformation"), Some("CloudFormation Resource Status Change")) => {
            Some(of_stack(event, home))
        }
        (Some("aws.kinesisanalytics"), Some("AWS API Call via CloudTrail")) => {
            Some(of_trail(event, home, own))
        }
        _ => None,
    }
}

fn of_stack(event: &Value, home: &Home) -> Result<News, Refusal> {
    let detail = &event["detail"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let what = format!(
        "the change of the resource {}",
        seen(&text(&detail["logical-resource-id"]))
    );
    home.check(&what, &envelope(event).arns([&detail["stack-id"]]))?;
    let (kind, status) = (
        text(&detail["resource-type"]),
        text(&detail["status-details"]["status"]),
    );
    if kind != RESOURCE {
        let because = format!("{what} is one of {}, and no application", seen(&kind));
        return Ok(News::nothing(because));
    }
    if !SETTLED.contains(&status.as_str()) {
        let because = format!("{what} is to {}, and nothing has begun", seen(&status));
        return Ok(News::nothing(because));
    }
    // The physical id of an application is its name.
    let name = detail["physical-resource-id"].as_str();
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| lacks(&what, "its application"))?;
    Ok(News::Deployed(Deployment {
        application: name.parse()?,
        by: "CloudFormation",
        at: time([&event["time"], &Value::Null]).ok_or_else(|| lacks(&what, "when it was"))?,
        operation: None,
        version_id: None,
        caller: None,
    }))
}

fn of_trail(event: &Value, home: &Home, own: &OwnRoles) -> Result<News, Refusal> {
    let detail = &event["detail"];
    let verb = detail["eventName"].as_str().unwrap_or_default();
    let what = format!("the call {}", seen(verb));
    let claims = envelope(event)
        .accounts([&detail["recipientAccountId"]])
        .regions([&detail["awsRegion"]]);
    home.check(&what, &claims)?;
    let nothing = |why: &str| Ok(News::nothing(format!("{what} {why}")));
    let Some(verb) = CALLS.into_iter().find(|call| *call == verb) else {
        return nothing("deploys nothing");
    };
    if detail["apiVersion"] == API_OF_SQL {
        return nothing("is one of the API of 2015, which has no Flink applications");
    }
    if is_refused(detail) {
        return nothing("was refused, so nothing changed");
    }
    if own.made(detail) {
        return nothing("is Lifeguard's own");
    }
    if is_of_the_service(&detail["userIdentity"]) {
        return nothing("is the service's own");
    }
    let response = &detail["responseElements"];
    let described = member(response, "applicationDetail");
    let name = [&detail["requestParameters"], described]
        .into_iter()
        .find_map(|place| member(place, "applicationName").as_str());
    let Some(name) = name else {
        return nothing("names no application (long or hidden parameters): left to the sweep");
    };
    let at = time([&detail["eventTime"], &event["time"]]);
    let version_id = member(described, "applicationVersionId").as_u64();
    let who = caller::who(&detail["userIdentity"]);
    let made = version_id.filter(|_| verb != RUNS).zip(who);
    Ok(News::Deployed(Deployment {
        application: name.parse()?,
        by: "CloudTrail",
        at: at.ok_or_else(|| lacks(&what, "when it was"))?,
        operation: member(response, "operationId").as_str().map(str::to_owned),
        version_id,
        caller: made.map(|(version_id, who)| Caller {
            version_id,
            verb,
            who,
        }),
    }))
}

fn lacks(what: &str, lacks: &'static str) -> Refusal {
    Refusal::Announcement {
        what: what.to_owned(),
        lacks,
    }
}

fn time(places: [&Value; 2]) -> Option<Timestamp> {
    places
        .into_iter()
        .find_map(|time| time.as_str()?.parse().ok())
}

/// Some services tell a refusal among the elements of the response.
fn is_refused(detail: &Value) -> bool {
    [detail, &detail["responseElements"]].iter().any(|place| {
        ["errorCode", "errorMessage"]
            .iter()
            .any(|name| !member(place, name).is_null())
    })
}

fn is_of_the_service(identity: &Value) -> bool {
    identity["type"] == "AWSService" || identity["invokedBy"] == SERVICE
}

/// A member whose exact spelling in a record is not documented; null where there is none.
fn member<'a>(of: &'a Value, name: &str) -> &'a Value {
    let members = of.as_object().into_iter().flatten();
    members
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .next()
        .unwrap_or(&Value::Null)
}
