//! What a version runs, without scale and logging: whether two versions are the same for a job.
//!
//! Invariant (S10): only numbers of versions leave this module, no value and nothing made from one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_kinesisanalyticsv2::types::{
    ApplicationConfigurationDescription, ApplicationMode, RuntimeEnvironment,
};

use crate::Detail;

/// A version's configuration, brought into one form.
#[derive(PartialEq)]
struct Content {
    runtime: RuntimeEnvironment,
    role: Option<String>,
    mode: ApplicationMode,
    configuration: ApplicationConfigurationDescription,
}

/// The lowest of these versions that runs the same, for each of them. A version of which that cannot be said is not among the answers: it equals no other.
#[must_use]
pub fn contents<'a>(versions: impl IntoIterator<Item = (u64, &'a Detail)>) -> BTreeMap<u64, u64> {
    let versions: BTreeMap<u64, &Detail> = versions.into_iter().collect();
    let mut known: Vec<(u64, Content)> = Vec::new();
    let mut answers = BTreeMap::new();
    for (id, detail) in versions {
        let Some(content) = content(detail) else {
            continue;
        };
        let same = known.iter().find(|(_, other)| *other == content);
        answers.insert(id, same.map_or(id, |(first, _)| *first));
        if same.is_none() {
            known.push((id, content));
        }
    }
    answers
}

/// The versions whose code is not in S3 any more: a later version loaded something else from the same place. Where the key names an object's version, nothing can take its place.
#[must_use]
pub fn replaced_code<'a>(versions: impl IntoIterator<Item = (u64, &'a Detail)>) -> BTreeSet<u64> {
    let mut loaded: Vec<(u64, Loaded<'a>)> = versions
        .into_iter()
        .filter_map(|(id, detail)| Some((id, Loaded::of(detail)?)))
        .collect();
    loaded.sort_by_key(|(id, _)| *id);
    // A rollback makes a version without loading anything: the place holds what was found there last for the first time.
    let first_of = |code: &Loaded<'a>| {
        let mut all = loaded.iter();
        all.find(|(_, other)| other == code).map(|(id, _)| *id)
    };
    let is_replaced = |code: &Loaded<'a>| {
        let mut others = loaded.iter();
        others.any(|(_, other)| other.is_instead_of(code) && first_of(other) > first_of(code))
    };
    let replaced = loaded.iter().filter(|(_, code)| is_replaced(code));
    replaced.map(|(id, _)| *id).collect()
}

/// Code that was loaded from S3.
#[derive(PartialEq, Eq)]
struct Loaded<'a> {
    bucket: &'a str,
    key: &'a str,
    md5: &'a str,
}

impl<'a> Loaded<'a> {
    fn of(detail: &'a Detail) -> Option<Self> {
        let configuration = detail.as_sdk().application_configuration_description()?;
        let code = configuration.application_code_configuration_description()?;
        let content = code.code_content_description()?;
        let place = content.s3_application_code_location_description()?;
        place.object_version().is_none().then_some(Self {
            bucket: place.bucket_arn(),
            key: place.file_key(),
            md5: content.code_md5()?,
        })
    }

    fn is_instead_of(&self, other: &Self) -> bool {
        (self.bucket, self.key) == (other.bucket, other.key) && self.md5 != other.md5
    }
}

/// None where the code is known by its place alone: what lies there may have been replaced.
fn content(detail: &Detail) -> Option<Content> {
    let detail = detail.as_sdk();
    let mut configuration = detail.application_configuration_description.clone()?;
    let code = configuration
        .application_code_configuration_description
        .as_ref()?
        .code_content_description
        .as_ref()?;
    let s3 = code.s3_application_code_location_description.as_ref();
    let is_exact = code.text_content.is_some()
        || code.code_md5.is_some()
        || s3.is_some_and(|place| place.object_version.is_some());
    if !is_exact {
        return None;
    }
    // How it was started last, and the plan that the service made of the code.
    configuration.run_configuration_description = None;
    if let Some(flink) = &mut configuration.flink_application_configuration_description {
        flink.job_plan_description = None;
        flink.parallelism_configuration_description = None;
        flink.monitoring_configuration_description = None;
    }
    if let Some(properties) = &mut configuration.environment_property_descriptions {
        let groups = properties
            .property_group_descriptions
            .get_or_insert_default();
        groups.sort_by(|one, other| one.property_group_id.cmp(&other.property_group_id));
    }
    for vpc in configuration
        .vpc_configuration_descriptions
        .iter_mut()
        .flatten()
    {
        vpc.vpc_configuration_id.clear();
        vpc.subnet_ids.sort_unstable();
        vpc.security_group_ids.sort_unstable();
    }
    Some(Content {
        runtime: detail.runtime_environment.clone(),
        role: detail.service_execution_role.clone(),
        mode: detail
            .application_mode
            .clone()
            .unwrap_or(ApplicationMode::Streaming),
        configuration,
    })
}
