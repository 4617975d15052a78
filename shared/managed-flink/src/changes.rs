//! What a version changed against the one it was made from, for people: places, numbers and names.
//!
//! Invariant (S10): no value of a property leaves this module, only names. Where a place or a name holds such a value, it is taken out as from any text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use aws_sdk_kinesisanalyticsv2::types::{
    ApplicationConfigurationDescription, CodeContentDescription,
    ParallelismConfigurationDescription,
};
use lifecycle::{Property, redact};

use crate::{Detail, properties};

/// Changes that are named; a deployment that changes more says how many more.
const NAMED: usize = 12;
/// The longest text of one change.
const TEXT_CHARS: usize = 120;

/// What `after` changed against `before`, in the words of the console. Empty where nothing did that is known here.
#[must_use]
pub fn changes(before: &Detail, after: &Detail) -> Vec<String> {
    let name = after.as_sdk().application_name();
    let mut found = Found {
        secrets: [before, after]
            .into_iter()
            .flat_map(properties)
            // What the application's own name says is no secret: code and streams are often called like it.
            .filter(|property| !name.contains(&property.value))
            .collect(),
        said: Vec::new(),
    };
    let (was, is) = (before.as_sdk(), after.as_sdk());
    found.named(
        "runtime",
        was.runtime_environment.as_str(),
        is.runtime_environment.as_str(),
    );
    found.differs(
        "service role",
        &was.service_execution_role,
        &is.service_execution_role,
    );
    let logging = |detail: &aws_sdk_kinesisanalyticsv2::types::ApplicationDetail| {
        let options = detail.cloud_watch_logging_option_descriptions().iter();
        options
            .map(|option| option.log_stream_arn.clone())
            .collect::<BTreeSet<_>>()
    };
    found.differs("CloudWatch logging option", &logging(was), &logging(is));
    found.named(
        "snapshot mode",
        before.snapshot_mode(),
        after.snapshot_mode(),
    );
    let both = was
        .application_configuration_description()
        .zip(is.application_configuration_description());
    if let Some((was, is)) = both {
        code(&mut found, was, is);
        flink(&mut found, was, is);
        surroundings(&mut found, was, is);
        named_properties(&mut found, before, after);
    }
    found.all()
}

/// What was found so far.
struct Found {
    secrets: Vec<Property>,
    said: Vec<String>,
}

impl Found {
    /// Says that something changed, without what it is now.
    fn differs<T: PartialEq>(&mut self, what: &str, was: &T, is: &T) {
        if was != is {
            self.said.push(what.to_owned());
        }
    }

    /// Says that something changed, and what it is now.
    fn named<T: PartialEq + Display>(&mut self, what: &str, was: T, is: T) {
        if was != is {
            self.said.push(format!("{what} {is}"));
        }
    }

    /// The same of a number or a switch that may be left to the service.
    fn set<T: PartialEq + Display>(&mut self, what: &str, was: Option<T>, is: Option<T>) {
        match is {
            Some(is) if was.as_ref() != Some(&is) => self.said.push(format!("{what} {is}")),
            None if was.is_some() => self.said.push(format!("{what} as the service chooses")),
            _ => {}
        }
    }

    fn all(self) -> Vec<String> {
        let more = self.said.len().saturating_sub(NAMED);
        let named = self.said.iter().take(NAMED);
        named
            .map(|said| redact(said, &self.secrets, TEXT_CHARS))
            .chain((more > 0).then(|| format!("{more} more")))
            .collect()
    }
}

fn code(
    found: &mut Found,
    was: &ApplicationConfigurationDescription,
    is: &ApplicationConfigurationDescription,
) {
    let (Some(was), Some(is)) = (content(was), content(is)) else {
        return;
    };
    let place = |of: &CodeContentDescription| {
        let place = of.s3_application_code_location_description()?;
        Some((place.bucket_arn().to_owned(), place.file_key().to_owned()))
    };
    let version = |of: &CodeContentDescription| {
        let place = of.s3_application_code_location_description()?;
        place.object_version().map(str::to_owned)
    };
    let has_moved = place(was) != place(is);
    let is_other = version(was) != version(is)
        || was.code_md5() != is.code_md5()
        || was.text_content() != is.text_content();
    if !has_moved && !is_other {
        return;
    }
    let mut said = place(is).map_or_else(|| "code".to_owned(), |(_, key)| format!("code {key}"));
    if !has_moved {
        let object = version(is).filter(|_| version(was) != version(is));
        said += &object.map_or_else(
            || ", replaced in its place".to_owned(),
            |object| format!(", object version {object}"),
        );
    }
    found.said.push(said);
}

fn content(of: &ApplicationConfigurationDescription) -> Option<&CodeContentDescription> {
    of.application_code_configuration_description()?
        .code_content_description()
}

fn flink(
    found: &mut Found,
    was: &ApplicationConfigurationDescription,
    is: &ApplicationConfigurationDescription,
) {
    let both = was
        .flink_application_configuration_description()
        .zip(is.flink_application_configuration_description());
    let Some((was, is)) = both else { return };
    let scale = |of: &Option<ParallelismConfigurationDescription>| {
        let of = of.as_ref();
        (
            of.and_then(|it| it.parallelism),
            of.and_then(|it| it.parallelism_per_kpu),
            of.and_then(|it| it.auto_scaling_enabled),
        )
    };
    let (before, now) = (
        scale(&was.parallelism_configuration_description),
        scale(&is.parallelism_configuration_description),
    );
    found.set("parallelism", before.0, now.0);
    found.set("parallelism per KPU", before.1, now.1);
    found.set("automatic scaling", before.2, now.2);
    found.differs(
        "checkpointing",
        &was.checkpoint_configuration_description,
        &is.checkpoint_configuration_description,
    );
    found.differs(
        "monitoring",
        &was.monitoring_configuration_description,
        &is.monitoring_configuration_description,
    );
}

fn surroundings(
    found: &mut Found,
    was: &ApplicationConfigurationDescription,
    is: &ApplicationConfigurationDescription,
) {
    let snapshots = |of: &ApplicationConfigurationDescription| {
        of.application_snapshot_configuration_description()
            .map(|it| it.snapshots_enabled())
    };
    found.set("snapshots", snapshots(was), snapshots(is));
    let system = |of: &ApplicationConfigurationDescription| {
        of.application_system_rollback_configuration_description()
            .map(|it| it.rollback_enabled())
    };
    found.set("system rollback", system(was), system(is));
    let networks = |of: &ApplicationConfigurationDescription| {
        let networks = of.vpc_configuration_descriptions().iter();
        networks
            .map(|vpc| {
                let sorted = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
                (sorted(vpc.subnet_ids()), sorted(vpc.security_group_ids()))
            })
            .collect::<BTreeSet<_>>()
    };
    found.differs("VPC", &networks(was), &networks(is));
    found.differs(
        "encryption",
        &was.application_encryption_configuration_description,
        &is.application_encryption_configuration_description,
    );
}

fn named_properties(found: &mut Found, before: &Detail, after: &Detail) {
    let all = |detail: &Detail| {
        let groups = detail
            .as_sdk()
            .application_configuration_description()
            .and_then(|configuration| configuration.environment_property_descriptions())
            .map(|environment| environment.property_group_descriptions().to_vec())
            .unwrap_or_default();
        let mut all = BTreeMap::new();
        for group in groups {
            for (name, value) in group.property_map {
                all.insert((group.property_group_id.clone(), name), value);
            }
        }
        all
    };
    let (was, is) = (all(before), all(after));
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for key @ (group, name) in names {
        let what = match (was.get(key), is.get(key)) {
            (None, _) => "new property",
            (_, None) => "removed property",
            (was, is) if was != is => "property",
            _ => continue,
        };
        found.said.push(format!("{what} {name} of group {group}"));
    }
}
