//! An application's configuration: a JSON tree in the shape of the model's *Descriptions*, from *Configurations* at creation, changed by *Updates*.

use serde_json::{Map, Value, json};

use super::answer::{ApiError, only, text};
use super::mode;

/// The two-column view of a configuration part: names in the Configuration and the Description; with `Update` appended they are those of the Update.
type Members = &'static [&'static str];

const CHECKPOINT: Members = &[
    "ConfigurationType",
    "CheckpointingEnabled",
    "CheckpointInterval",
    "MinPauseBetweenCheckpoints",
];
const MONITORING: Members = &["ConfigurationType", "MetricsLevel", "LogLevel"];
const PARALLELISM: Members = &[
    "ConfigurationType",
    "Parallelism",
    "ParallelismPerKPU",
    "AutoScalingEnabled",
];

/// The parts of `FlinkApplicationConfiguration`, and what each holds by default.
fn flink_parts() -> [(&'static str, Members, Value); 3] {
    [
        (
            "CheckpointConfiguration",
            CHECKPOINT,
            json!({ "ConfigurationType": "DEFAULT", "CheckpointingEnabled": true, "CheckpointInterval": 60_000, "MinPauseBetweenCheckpoints": 5_000 }),
        ),
        (
            "MonitoringConfiguration",
            MONITORING,
            json!({ "ConfigurationType": "DEFAULT", "MetricsLevel": "APPLICATION", "LogLevel": "INFO" }),
        ),
        (
            "ParallelismConfiguration",
            PARALLELISM,
            json!({ "ConfigurationType": "DEFAULT", "Parallelism": 1, "ParallelismPerKPU": 1, "CurrentParallelism": 1, "AutoScalingEnabled": true }),
        ),
    ]
}

/// The description of a configuration at creation.
pub(super) fn describe(configuration: &Value) -> Result<Value, ApiError> {
    let known = [
        "FlinkApplicationConfiguration",
        "EnvironmentProperties",
        "ApplicationCodeConfiguration",
        "ApplicationSnapshotConfiguration",
        "ApplicationSystemRollbackConfiguration",
        "VpcConfigurations",
        "ApplicationEncryptionConfiguration",
    ];
    only(configuration, &known, "ApplicationConfiguration")?;
    let mut description = json!({
        "RunConfigurationDescription": run_configuration(&Value::Null),
        "FlinkApplicationConfigurationDescription": flink(&configuration["FlinkApplicationConfiguration"])?,
        "ApplicationSnapshotConfigurationDescription": mode::describe(&configuration["ApplicationSnapshotConfiguration"])?,
        "ApplicationSystemRollbackConfigurationDescription":
            { "RollbackEnabled": configuration["ApplicationSystemRollbackConfiguration"]["RollbackEnabled"].as_bool().unwrap_or(false) },
    });
    if !configuration["ApplicationCodeConfiguration"].is_null() {
        description["ApplicationCodeConfigurationDescription"] =
            code(&configuration["ApplicationCodeConfiguration"])?;
    }
    only(
        &configuration["ApplicationSystemRollbackConfiguration"],
        &["RollbackEnabled"],
        "ApplicationSystemRollbackConfiguration",
    )?;
    only(
        &configuration["EnvironmentProperties"],
        &["PropertyGroups"],
        "EnvironmentProperties",
    )?;
    if let Some(groups) = configuration["EnvironmentProperties"]["PropertyGroups"]
        .as_array()
        .filter(|groups| !groups.is_empty())
    {
        description["EnvironmentPropertyDescriptions"] =
            json!({ "PropertyGroupDescriptions": groups });
    }
    for vpc in configuration["VpcConfigurations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        add_vpc(&mut description, vpc, 1)?;
    }
    let encryption = &configuration["ApplicationEncryptionConfiguration"];
    if !encryption.is_null() {
        only(
            encryption,
            &["KeyId", "KeyType"],
            "ApplicationEncryptionConfiguration",
        )?;
        description["ApplicationEncryptionConfigurationDescription"] = encryption.clone();
    }
    Ok(description)
}

fn flink(configuration: &Value) -> Result<Value, ApiError> {
    only(
        configuration,
        &[
            "CheckpointConfiguration",
            "MonitoringConfiguration",
            "ParallelismConfiguration",
        ],
        "FlinkApplicationConfiguration",
    )?;
    let mut description = Map::new();
    for (name, members, default) in flink_parts() {
        let mut part = default.clone();
        merge(&mut part, &configuration[name], members, "", name, &default)?;
        description.insert(format!("{name}Description"), part);
    }
    Ok(description.into())
}

/// Takes the members of `changes` over into `part`. With ConfigurationType DEFAULT the service's values hold, and naming others is refused.
fn merge(
    part: &mut Value,
    changes: &Value,
    members: Members,
    suffix: &str,
    place: &str,
    default: &Value,
) -> Result<(), ApiError> {
    let names: Vec<String> = members
        .iter()
        .map(|member| format!("{member}{suffix}"))
        .collect();
    only(
        changes,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
        &format!("{place}{suffix}"),
    )?;
    for (member, name) in members.iter().zip(&names) {
        if !changes[name].is_null() {
            part[*member] = changes[name].clone();
        }
    }
    if part["ConfigurationType"] == "DEFAULT" {
        let custom = names
            .iter()
            .skip(1)
            .find(|name| !changes[name.as_str()].is_null());
        if let Some(name) = custom {
            return Err(ApiError::invalid_argument(format!(
                "{place}: {name} can only be set with ConfigurationType CUSTOM"
            )));
        }
        *part = default.clone();
    } else if place.starts_with("Parallelism") {
        part["CurrentParallelism"] = part["Parallelism"].clone();
    }
    Ok(())
}

fn code(configuration: &Value) -> Result<Value, ApiError> {
    only(
        configuration,
        &["CodeContent", "CodeContentType"],
        "ApplicationCodeConfiguration",
    )?;
    let content = &configuration["CodeContent"];
    only(
        content,
        &["TextContent", "ZipFileContent", "S3ContentLocation"],
        "CodeContent",
    )?;
    let mut described = json!({});
    if !content["TextContent"].is_null() {
        described["TextContent"] = content["TextContent"].clone();
    }
    if let Some(zip) = content["ZipFileContent"].as_str() {
        described = zip_content(zip);
    }
    let location = &content["S3ContentLocation"];
    if !location.is_null() {
        only(
            location,
            &["BucketARN", "FileKey", "ObjectVersion"],
            "S3ContentLocation",
        )?;
        text(location, "BucketARN")?;
        text(location, "FileKey")?;
        described["S3ApplicationCodeLocationDescription"] = location.clone();
    }
    Ok(
        json!({ "CodeContentType": text(configuration, "CodeContentType")?, "CodeContentDescription": described }),
    )
}

/// Zipped code is described by its size and a fingerprint: the code itself never comes back.
fn zip_content(base64: &str) -> Value {
    json!({ "CodeMD5": fingerprint(base64), "CodeSize": base64.len() * 3 / 4 })
}

/// What stands for code (in the sandbox not an MD5).
pub(super) fn fingerprint(code: &str) -> String {
    let hash = |seed: u64| {
        code.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        hash(0xcbf2_9ce4_8422_2325),
        hash(0x8422_2325)
    )
}

/// What describes how the job is to be started: members that are not named have the model's defaults.
pub(super) fn run_configuration(input: &Value) -> Value {
    let restore = &input["ApplicationRestoreConfiguration"];
    let restore = if restore.is_null() {
        json!({ "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT" })
    } else {
        restore.clone()
    };
    json!({
        "ApplicationRestoreConfigurationDescription": restore,
        "FlinkRunConfigurationDescription": { "AllowNonRestoredState": input["FlinkRunConfiguration"]["AllowNonRestoredState"].as_bool().unwrap_or(false) },
    })
}

/// Refuses a run configuration that says something unknown or contradictory.
pub(super) fn check_run_configuration(input: &Value) -> Result<(), ApiError> {
    only(
        input,
        &["FlinkRunConfiguration", "ApplicationRestoreConfiguration"],
        "RunConfiguration",
    )?;
    only(
        &input["FlinkRunConfiguration"],
        &["AllowNonRestoredState"],
        "FlinkRunConfiguration",
    )?;
    let restore = &input["ApplicationRestoreConfiguration"];
    only(
        restore,
        &["ApplicationRestoreType", "SnapshotName", "SnapshotArn"],
        "ApplicationRestoreConfiguration",
    )?;
    if restore.is_null() {
        return Ok(());
    }
    let named = ["SnapshotName", "SnapshotArn"]
        .iter()
        .filter(|member| !restore[**member].is_null())
        .count();
    match (text(restore, "ApplicationRestoreType")?, named) {
        ("RESTORE_FROM_CUSTOM_SNAPSHOT", 1)
        | ("RESTORE_FROM_LATEST_SNAPSHOT" | "SKIP_RESTORE_FROM_SNAPSHOT", 0) => Ok(()),
        ("RESTORE_FROM_CUSTOM_SNAPSHOT", _) => Err(ApiError::invalid_argument(
            "exactly one of SnapshotName and SnapshotArn is required with RESTORE_FROM_CUSTOM_SNAPSHOT",
        )),
        ("RESTORE_FROM_LATEST_SNAPSHOT" | "SKIP_RESTORE_FROM_SNAPSHOT", _) => {
            Err(ApiError::invalid_argument(
                "SnapshotName and SnapshotArn are only allowed with RESTORE_FROM_CUSTOM_SNAPSHOT",
            ))
        }
        (other, _) => Err(ApiError::invalid_argument(format!(
            "{other} is not an ApplicationRestoreType"
        ))),
    }
}

/// Changes a description by an `ApplicationConfigurationUpdate`.
pub(super) fn apply(description: &mut Value, update: &Value) -> Result<(), ApiError> {
    let known = [
        "ApplicationCodeConfigurationUpdate",
        "FlinkApplicationConfigurationUpdate",
        "EnvironmentPropertyUpdates",
        "ApplicationSnapshotConfigurationUpdate",
        "ApplicationSystemRollbackConfigurationUpdate",
        "VpcConfigurationUpdates",
        "ApplicationEncryptionConfigurationUpdate",
    ];
    only(update, &known, "ApplicationConfigurationUpdate")?;
    apply_code(description, &update["ApplicationCodeConfigurationUpdate"])?;
    apply_flink(description, &update["FlinkApplicationConfigurationUpdate"])?;
    only(
        &update["EnvironmentPropertyUpdates"],
        &["PropertyGroups"],
        "EnvironmentPropertyUpdates",
    )?;
    only(
        &update["ApplicationSystemRollbackConfigurationUpdate"],
        &["RollbackEnabledUpdate"],
        "ApplicationSystemRollbackConfigurationUpdate",
    )?;
    if let Some(groups) = update["EnvironmentPropertyUpdates"]["PropertyGroups"].as_array() {
        description["EnvironmentPropertyDescriptions"] =
            json!({ "PropertyGroupDescriptions": groups });
        if let (true, Value::Object(members)) = (groups.is_empty(), &mut *description) {
            members.shift_remove("EnvironmentPropertyDescriptions");
        }
    }
    mode::apply(
        &mut description["ApplicationSnapshotConfigurationDescription"],
        &update["ApplicationSnapshotConfigurationUpdate"],
    )?;
    if let Some(enabled) =
        update["ApplicationSystemRollbackConfigurationUpdate"]["RollbackEnabledUpdate"].as_bool()
    {
        description["ApplicationSystemRollbackConfigurationDescription"]["RollbackEnabled"] =
            enabled.into();
    }
    for vpc in update["VpcConfigurationUpdates"]
        .as_array()
        .into_iter()
        .flatten()
    {
        apply_vpc(description, vpc)?;
    }
    let encryption = &update["ApplicationEncryptionConfigurationUpdate"];
    if !encryption.is_null() {
        only(
            encryption,
            &["KeyIdUpdate", "KeyTypeUpdate"],
            "ApplicationEncryptionConfigurationUpdate",
        )?;
        let mut described = json!({ "KeyType": text(encryption, "KeyTypeUpdate")? });
        if !encryption["KeyIdUpdate"].is_null() {
            described["KeyId"] = encryption["KeyIdUpdate"].clone();
        }
        description["ApplicationEncryptionConfigurationDescription"] = described;
    }
    Ok(())
}

fn apply_code(description: &mut Value, update: &Value) -> Result<(), ApiError> {
    if update.is_null() {
        return Ok(());
    }
    only(
        update,
        &["CodeContentTypeUpdate", "CodeContentUpdate"],
        "ApplicationCodeConfigurationUpdate",
    )?;
    let content = &update["CodeContentUpdate"];
    only(
        content,
        &[
            "TextContentUpdate",
            "ZipFileContentUpdate",
            "S3ContentLocationUpdate",
        ],
        "CodeContentUpdate",
    )?;
    let code = &mut description["ApplicationCodeConfigurationDescription"];
    if !update["CodeContentTypeUpdate"].is_null() {
        code["CodeContentType"] = update["CodeContentTypeUpdate"].clone();
    }
    if !content["TextContentUpdate"].is_null() {
        code["CodeContentDescription"] = json!({ "TextContent": content["TextContentUpdate"] });
    }
    if let Some(zip) = content["ZipFileContentUpdate"].as_str() {
        code["CodeContentDescription"] = zip_content(zip);
    }
    let location = &content["S3ContentLocationUpdate"];
    if !location.is_null() {
        only(
            location,
            &["BucketARNUpdate", "FileKeyUpdate", "ObjectVersionUpdate"],
            "S3ContentLocationUpdate",
        )?;
        // An object version belongs to one object: a location that does not name one means the newest.
        let before = code["CodeContentDescription"]["S3ApplicationCodeLocationDescription"].clone();
        let mut described = json!({});
        for member in ["BucketARN", "FileKey"] {
            let named = &location[format!("{member}Update")];
            described[member] = if named.is_null() {
                before[member].clone()
            } else {
                named.clone()
            };
        }
        if !location["ObjectVersionUpdate"].is_null() {
            described["ObjectVersion"] = location["ObjectVersionUpdate"].clone();
        }
        text(&described, "BucketARN")?;
        text(&described, "FileKey")?;
        code["CodeContentDescription"] =
            json!({ "S3ApplicationCodeLocationDescription": described });
    }
    Ok(())
}

fn apply_flink(description: &mut Value, update: &Value) -> Result<(), ApiError> {
    let known = [
        "CheckpointConfigurationUpdate",
        "MonitoringConfigurationUpdate",
        "ParallelismConfigurationUpdate",
    ];
    only(update, &known, "FlinkApplicationConfigurationUpdate")?;
    for (name, members, default) in flink_parts() {
        let changes = &update[format!("{name}Update")];
        if !changes.is_null() {
            let part = &mut description["FlinkApplicationConfigurationDescription"]
                [format!("{name}Description")];
            merge(part, changes, members, "Update", name, &default)?;
        }
    }
    Ok(())
}

fn apply_vpc(description: &mut Value, update: &Value) -> Result<(), ApiError> {
    only(
        update,
        &[
            "VpcConfigurationId",
            "SubnetIdUpdates",
            "SecurityGroupIdUpdates",
        ],
        "VpcConfigurationUpdate",
    )?;
    let id = text(update, "VpcConfigurationId")?;
    let all = description["VpcConfigurationDescriptions"].as_array_mut();
    let vpc = all
        .into_iter()
        .flatten()
        .find(|vpc| vpc["VpcConfigurationId"] == id);
    let vpc = vpc
        .ok_or_else(|| ApiError::invalid_argument(format!("there is no VPC configuration {id}")))?;
    for (member, changed) in [
        ("SubnetIds", "SubnetIdUpdates"),
        ("SecurityGroupIds", "SecurityGroupIdUpdates"),
    ] {
        if !update[changed].is_null() {
            vpc[member] = update[changed].clone();
        }
    }
    Ok(())
}

/// Adds a VPC configuration in version `version`; its description.
pub(super) fn add_vpc(
    description: &mut Value,
    vpc: &Value,
    version: i64,
) -> Result<Value, ApiError> {
    only(vpc, &["SubnetIds", "SecurityGroupIds"], "VpcConfiguration")?;
    let described = json!({
        "VpcConfigurationId": format!("{version}.1"),
        "VpcId": "vpc-0123456789abcdef0",
        "SubnetIds": vpc["SubnetIds"],
        "SecurityGroupIds": vpc["SecurityGroupIds"],
    });
    match &mut description["VpcConfigurationDescriptions"] {
        Value::Array(all) => all.push(described.clone()),
        none => *none = json!([described]),
    }
    Ok(described)
}

/// Removes a VPC configuration.
pub(super) fn delete_vpc(description: &mut Value, id: &str) -> Result<(), ApiError> {
    let all = description["VpcConfigurationDescriptions"].as_array_mut();
    let missing = || ApiError::not_found(format!("there is no VPC configuration {id}"));
    let all = all.ok_or_else(missing)?;
    let before = all.len();
    all.retain(|vpc| vpc["VpcConfigurationId"] != id);
    let (after, empty) = (all.len(), all.is_empty());
    if let (true, Value::Object(members)) = (empty, description) {
        members.shift_remove("VpcConfigurationDescriptions");
    }
    if after == before {
        Err(missing())
    } else {
        Ok(())
    }
}
