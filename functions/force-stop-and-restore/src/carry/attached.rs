//! What is attached with an id of its own: VPC and logging options. An update changes what is there; adding and removing are other verbs, which this project does not use.

use std::collections::BTreeSet;

use managed_flink::sdk::{
    ApplicationDetail, CloudWatchLoggingOptionUpdate, VpcConfigurationDescription,
    VpcConfigurationUpdate,
};

use super::{Described, Part, obstacle};

const VPC: &str = "VPC";
const LOGGING: &str = "logging options";

/// The update of the VPC configuration: subnets and security groups of the one that is there.
pub(super) fn vpc(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<Vec<VpcConfigurationUpdate>> {
    let (before, after) = (vpcs(current), vpcs(target));
    let contents = |all: &[Vpc]| {
        all.iter()
            .map(|vpc| (vpc.vpc.clone(), vpc.subnets.clone(), vpc.groups.clone()))
            .collect::<BTreeSet<_>>()
    };
    if before.len() == after.len() && contents(&before) == contents(&after) {
        return Ok(None);
    }
    let Some(pairs) = pairs(&before, &after, |vpc| vpc.id.as_str()) else {
        return obstacle(
            VPC,
            "a VPC configuration was added or removed, which an update cannot do",
        );
    };
    let mut updates = Vec::new();
    for (from, to) in pairs {
        if from.vpc != to.vpc {
            return obstacle(VPC, "it is another VPC, which an update cannot change");
        }
        if (&from.subnets, &from.groups) != (&to.subnets, &to.groups) {
            let update = VpcConfigurationUpdate::builder()
                .vpc_configuration_id(&from.id)
                .set_subnet_id_updates(Some(to.subnets.iter().cloned().collect()))
                .set_security_group_id_updates(Some(to.groups.iter().cloned().collect()));
            let Ok(update) = update.build() else {
                return obstacle(VPC, "it cannot be written as an update");
            };
            updates.push(update);
        }
    }
    Ok(Some(updates))
}

/// The update of the logging options: the stream of the one that is there.
pub(super) fn logging(
    current: &ApplicationDetail,
    target: &ApplicationDetail,
) -> Part<Vec<CloudWatchLoggingOptionUpdate>> {
    let (before, after) = (options(current), options(target));
    let contents = |all: &[Logging]| {
        all.iter()
            .map(|it| (it.stream.clone(), it.role.clone()))
            .collect::<BTreeSet<_>>()
    };
    if before.len() == after.len() && contents(&before) == contents(&after) {
        return Ok(None);
    }
    let Some(pairs) = pairs(&before, &after, |it| it.id.as_str()) else {
        return obstacle(
            LOGGING,
            "an option was added or removed, which an update cannot do",
        );
    };
    let mut updates = Vec::new();
    for (from, to) in pairs {
        if from.role != to.role {
            return obstacle(
                LOGGING,
                "it has another role (of an old SQL application), which an update cannot change",
            );
        }
        if from.stream != to.stream {
            let update = CloudWatchLoggingOptionUpdate::builder()
                .cloud_watch_logging_option_id(&from.id)
                .log_stream_arn_update(&to.stream);
            let Ok(update) = update.build() else {
                return obstacle(LOGGING, "it cannot be written as an update");
            };
            updates.push(update);
        }
    }
    Ok(Some(updates))
}

/// Who is whose: by id, or, where there is exactly one on either side, those two (one that was removed and added again has another id). None when something is left over.
fn pairs<'a, T>(
    before: &'a [T],
    after: &'a [T],
    id: impl Fn(&T) -> &str,
) -> Option<Vec<(&'a T, &'a T)>> {
    if let ([from], [to]) = (before, after) {
        return Some(vec![(from, to)]);
    }
    if before.len() != after.len() {
        return None;
    }
    before
        .iter()
        .map(|from| Some((from, after.iter().find(|to| id(to) == id(from))?)))
        .collect()
}

struct Vpc {
    id: String,
    vpc: String,
    subnets: BTreeSet<String>,
    groups: BTreeSet<String>,
}

fn vpcs(configuration: Described<'_>) -> Vec<Vpc> {
    let own = |it: &VpcConfigurationDescription| Vpc {
        id: it.vpc_configuration_id().to_owned(),
        vpc: it.vpc_id().to_owned(),
        subnets: it.subnet_ids().iter().cloned().collect(),
        groups: it.security_group_ids().iter().cloned().collect(),
    };
    configuration
        .map(|it| it.vpc_configuration_descriptions())
        .unwrap_or_default()
        .iter()
        .map(own)
        .collect()
}

struct Logging {
    id: String,
    stream: String,
    role: Option<String>,
}

fn options(detail: &ApplicationDetail) -> Vec<Logging> {
    let own = |it: &managed_flink::sdk::CloudWatchLoggingOptionDescription| Logging {
        id: it
            .cloud_watch_logging_option_id()
            .unwrap_or_default()
            .to_owned(),
        stream: it.log_stream_arn().to_owned(),
        role: it.role_arn().map(str::to_owned),
    };
    detail
        .cloud_watch_logging_option_descriptions()
        .iter()
        .map(own)
        .collect()
}
