//! Tags, VPC configurations, logging options and the maintenance window.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{ApiError, Done, only, text};
use super::{Inner, State, configuration};

const MOST_TAGS: usize = 50;

/// By key.
type Tags = BTreeMap<String, String>;

impl Inner {
    pub(super) fn tag(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ResourceARN", "Tags"], "the request")?;
        let mut state = self.lock();
        let present = by_arn(&mut state, input)?;
        let tags = tags(&input["Tags"])?;
        let new = tags.keys().filter(|key| !present.contains_key(*key));
        if present.len() + new.count() > MOST_TAGS {
            return Err(too_many_tags());
        }
        present.extend(tags);
        Done::changed(json!({}))
    }

    pub(super) fn untag(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ResourceARN", "TagKeys"], "the request")?;
        let mut state = self.lock();
        let present = by_arn(&mut state, input)?;
        for key in input["TagKeys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            present.remove(key);
        }
        Done::changed(json!({}))
    }

    pub(super) fn list_tags(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ResourceARN"], "the request")?;
        let mut state = self.lock();
        let tags: Vec<Value> = by_arn(&mut state, input)?
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        Done::read(json!({ "Tags": tags }))
    }

    pub(super) fn update_maintenance(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "ApplicationMaintenanceConfigurationUpdate",
            ],
            "the request",
        )?;
        only(
            &input["ApplicationMaintenanceConfigurationUpdate"],
            &["ApplicationMaintenanceWindowStartTimeUpdate"],
            "ApplicationMaintenanceConfigurationUpdate",
        )?;
        let start = text(
            &input["ApplicationMaintenanceConfigurationUpdate"],
            "ApplicationMaintenanceWindowStartTimeUpdate",
        )?
        .to_owned();
        let valid = |(hours, minutes): (&str, &str)| {
            hours.parse().is_ok_and(|hours: u8| hours < 24)
                && minutes.parse().is_ok_and(|minutes: u8| minutes < 60)
        };
        if !start.split_once(':').is_some_and(valid) {
            return Err(ApiError::invalid_argument(
                "the maintenance window's start must be HH:MM",
            ));
        }
        let mut state = self.lock();
        let application = state.application_mut(text(input, "ApplicationName")?)?;
        application.maintenance_from = start;
        Done::changed(
            json!({ "ApplicationARN": application.arn, "ApplicationMaintenanceConfigurationDescription": application.maintenance() }),
        )
    }

    pub(super) fn add_vpc(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "CurrentApplicationVersionId",
                "ConditionalToken",
                "VpcConfiguration",
            ],
            "the request",
        )?;
        let mut added = Value::Null;
        let mut done = self.change(input, "AddApplicationVpcConfiguration", |version| {
            let id = version.id;
            let present = version.configuration["VpcConfigurationDescriptions"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            if present {
                return Err(ApiError::invalid_argument(
                    "the application has a VPC configuration already",
                ));
            }
            added =
                configuration::add_vpc(&mut version.configuration, &input["VpcConfiguration"], id)?;
            Ok(())
        })?;
        done.body = answer(&done.body, &[("VpcConfigurationDescription", added)]);
        Ok(done)
    }

    pub(super) fn delete_vpc(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "CurrentApplicationVersionId",
                "ConditionalToken",
                "VpcConfigurationId",
            ],
            "the request",
        )?;
        let id = text(input, "VpcConfigurationId")?;
        let mut done = self.change(input, "DeleteApplicationVpcConfiguration", |version| {
            configuration::delete_vpc(&mut version.configuration, id)
        })?;
        done.body = answer(&done.body, &[]);
        Ok(done)
    }

    pub(super) fn add_logging(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "CurrentApplicationVersionId",
                "ConditionalToken",
                "CloudWatchLoggingOption",
            ],
            "the request",
        )?;
        only(
            &input["CloudWatchLoggingOption"],
            &["LogStreamARN"],
            "CloudWatchLoggingOption",
        )?;
        let stream = text(&input["CloudWatchLoggingOption"], "LogStreamARN")?;
        let mut all = Value::Null;
        let mut done = self.change(input, "AddApplicationCloudWatchLoggingOption", |version| {
            if !version.logging.is_empty() {
                return Err(ApiError::invalid_argument("the application has a logging option already"));
            }
            version.logging.push(json!({ "CloudWatchLoggingOptionId": format!("{}.1", version.id), "LogStreamARN": stream }));
            all = version.logging.clone().into();
            Ok(())
        })?;
        done.body = answer(&done.body, &[("CloudWatchLoggingOptionDescriptions", all)]);
        Ok(done)
    }

    pub(super) fn delete_logging(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "CurrentApplicationVersionId",
                "ConditionalToken",
                "CloudWatchLoggingOptionId",
            ],
            "the request",
        )?;
        let id = text(input, "CloudWatchLoggingOptionId")?;
        let mut left = Value::Null;
        let mut done = self.change(
            input,
            "DeleteApplicationCloudWatchLoggingOption",
            |version| {
                let before = version.logging.len();
                version
                    .logging
                    .retain(|option| option["CloudWatchLoggingOptionId"] != id);
                left = version.logging.clone().into();
                if version.logging.len() == before {
                    Err(ApiError::not_found(format!(
                        "there is no logging option {id}"
                    )))
                } else {
                    Ok(())
                }
            },
        )?;
        done.body = answer(&done.body, &[("CloudWatchLoggingOptionDescriptions", left)]);
        Ok(done)
    }
}

/// The answer of a verb that changes one option, from that of an update.
fn answer(update: &Value, more: &[(&str, Value)]) -> Value {
    let detail = &update["ApplicationDetail"];
    let mut body = json!({ "ApplicationARN": detail["ApplicationARN"], "ApplicationVersionId": detail["ApplicationVersionId"], "OperationId": update["OperationId"] });
    for (name, value) in more {
        body[*name] = value.clone();
    }
    body
}

/// The tags of what an ARN names: of an application, or of an enhanced snapshot, which has its own.
fn by_arn<'a>(state: &'a mut State, input: &Value) -> Result<&'a mut Tags, ApiError> {
    let arn = text(input, "ResourceARN")?;
    let applications = state.applications.values_mut();
    let snapshots = state.account.snapshots.values_mut();
    let of_applications = applications.map(|one| (&one.arn, &mut one.tags));
    let of_snapshots = snapshots.map(|one| (&one.arn, &mut one.tags));
    of_applications
        .chain(of_snapshots)
        .find(|(known, _)| *known == arn)
        .map(|(_, tags)| tags)
        .ok_or_else(|| ApiError::not_found(format!("{arn} doesn't exist")))
}

fn too_many_tags() -> ApiError {
    ApiError::new("TooManyTagsException", format!("at most {MOST_TAGS} tags"))
}

/// Tags of a request that makes what bears them.
pub(super) fn few_tags(input: &Value) -> Result<Tags, ApiError> {
    let tags = tags(input)?;
    if tags.len() > MOST_TAGS {
        return Err(too_many_tags());
    }
    Ok(tags)
}

/// Tags of a request.
pub(super) fn tags(input: &Value) -> Result<Tags, ApiError> {
    let tag = |tag: &Value| {
        Ok((
            text(tag, "Key")?.to_owned(),
            tag["Value"].as_str().unwrap_or("").to_owned(),
        ))
    };
    input.as_array().into_iter().flatten().map(tag).collect()
}
