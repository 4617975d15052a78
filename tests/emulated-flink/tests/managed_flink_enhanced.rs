//! Enhanced snapshots: the mode, the eight operations, and what the service does by itself, in raw JSON as the public model has it: the SDK knows none of it.

mod managed_flink_support;

use std::time::Duration;

use emulated_flink::managed_flink::{
    ApplicationSeed, Quirks, RollbackVersion, Settings, SnapshotSeed, SnapshotStatus, Stage,
    Status, Timings,
};
use managed_flink_support::{Region, codebook, orders, region, region_with};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kinesisanalytics:us-east-1:123456789012";

/// A call's answer, or its code.
async fn asked(region: &Region, verb: &str, body: Value) -> Result<Value, String> {
    let answer = region.raw("operator", verb, &body).await;
    answer.map_err(|(code, _)| code)
}

async fn done(region: &Region, verb: &str, body: Value) -> Value {
    let told = format!("{verb} {body}");
    asked(region, verb, body)
        .await
        .unwrap_or_else(|code| panic!("{told}: {code}"))
}

async fn code(region: &Region, verb: &str, body: Value) -> String {
    let told = format!("{verb} {body}");
    match asked(region, verb, body).await {
        Err(code) => code,
        Ok(answer) => panic!("{told} was accepted: {answer}"),
    }
}

async fn described(region: &Region) -> Value {
    let body = json!({ "ApplicationName": "orders" });
    done(region, "DescribeApplication", body).await["ApplicationDetail"].clone()
}

async fn update(region: &Region, more: Value) -> Result<Value, String> {
    let mut body = json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": described(region).await["ApplicationVersionId"] });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    asked(region, "UpdateApplication", body).await
}

/// Until the operation is done and every task runs.
async fn runs(region: &Region) {
    region.until("orders", Status::Running).await;
    region.sleep(30).await;
}

fn switched() -> Value {
    json!({ "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate":
        { "SnapshotsEnabledUpdate": true, "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS" } } })
}

async fn detail(region: &Region, name: &str) -> Value {
    let body = json!({ "SnapshotName": name });
    done(region, "DescribeSnapshot", body).await["SnapshotInfoDetails"].clone()
}

/// The names of a list, and the token of the next page.
async fn listed(region: &Region, filter: Value) -> (Vec<String>, Value) {
    let page = done(region, "ListSnapshots", filter).await;
    let names = page["SnapshotInfoList"].as_array().expect("a list").iter();
    let names = names.map(|one| one["SnapshotName"].as_str().expect("a name").to_owned());
    (names.collect(), page["NextToken"].clone())
}

/// `orders` with enhanced snapshots: one of the service and one of an hour ago.
fn enhanced_orders() -> ApplicationSeed {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    orders()
        .enhanced()
        .with_snapshot(SnapshotSeed::new("of-the-update", hours(24)).by_service())
        .with_snapshot(SnapshotSeed::new("tagged", hours(2)).tag("owner", "me"))
        .with_snapshot(SnapshotSeed::new("broken", hours(3)).that_is(SnapshotStatus::Failed))
        .with_snapshot(SnapshotSeed::new("before-the-switch", hours(30)).legacy())
}

fn opened() -> Region {
    let region = region();
    region.service.add_application(enhanced_orders());
    region
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_taken_told_and_deleted_and_its_operations_stay() {
    let region = opened();
    let body = json!({ "ApplicationName": "orders", "SnapshotName": "nightly", "SnapshotDescription": "before the release", "Tags": [{ "Key": "owner", "Value": "me" }] });
    let begun = done(&region, "CreateSnapshot", body.clone()).await;
    assert_eq!(begun["SnapshotArn"], format!("{ARN}:snapshot/nightly"));
    assert_eq!(
        (&begun["SnapshotStatus"], &begun["SnapshotOperationStatus"]),
        (&json!("CREATING"), &json!("IN_PROGRESS"))
    );
    let creating = detail(&region, "nightly").await;
    assert_eq!(
        (
            &creating["SnapshotStatus"],
            &creating["SnapshotSizeInBytes"]
        ),
        (&json!("CREATING"), &json!(0))
    );
    assert_eq!(
        code(&region, "CreateSnapshot", body).await,
        "ResourceInUseException"
    );
    let another = json!({ "ApplicationName": "orders", "SnapshotName": "another" });
    assert_eq!(
        code(&region, "CreateSnapshot", another).await,
        "LimitExceededException"
    );
    let created = creating["SnapshotCreationTimestamp"].clone();
    let early = json!({ "SnapshotName": "nightly", "SnapshotCreationTimestamp": created });
    assert_eq!(
        code(&region, "DeleteSnapshot", early.clone()).await,
        "ResourceInUseException"
    );
    region.sleep(60).await;
    let ready = detail(&region, "nightly").await;
    assert_eq!(ready["SnapshotStatus"], "READY");
    assert!(
        ready["SnapshotSizeInBytes"].as_u64().unwrap() > 0,
        "{ready}"
    );
    assert_eq!(ready["RuntimeEnvironment"], "FLINK-1_20");
    assert_eq!(ready["SnapshotFormat"], "CANONICAL");
    assert_eq!(ready["SnapshotDescription"], "before the release");
    assert_eq!(
        ready["SnapshotEncryptionConfigurationDescription"],
        json!({ "KeyType": "AWS_OWNED_KEY" })
    );
    let source = &ready["SnapshotSourceDescription"]["SourceApplicationDescription"];
    let application = described(&region).await;
    assert_eq!(source["ApplicationName"], "orders");
    assert_eq!(source["ApplicationVersionId"], 3);
    assert_eq!(
        source["ApplicationCreationTimestamp"],
        application["CreateTimestamp"]
    );

    let wrong = json!({ "SnapshotName": "nightly", "SnapshotCreationTimestamp": 1 });
    assert_eq!(
        code(&region, "DeleteSnapshot", wrong).await,
        "InvalidArgumentException"
    );
    let gone = done(&region, "DeleteSnapshot", early).await;
    assert_eq!(gone["SnapshotStatus"], "DELETING");
    let again = json!({ "ApplicationName": "orders", "SnapshotName": "nightly" });
    assert_eq!(
        code(&region, "CreateSnapshot", again.clone()).await,
        "ResourceInUseException"
    );
    region.sleep(60).await;
    let name = json!({ "SnapshotName": "nightly" });
    assert_eq!(
        code(&region, "DescribeSnapshot", name.clone()).await,
        "ResourceNotFoundException"
    );
    let operations = done(&region, "ListSnapshotOperations", name.clone()).await;
    let kinds: Vec<&Value> = operations["SnapshotOperationInfoList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["SnapshotOperation"])
        .collect();
    assert_eq!(kinds, ["DeleteSnapshot", "CreateSnapshot"]);
    done(&region, "CreateSnapshot", again).await;
    let known = json!({ "SnapshotName": "of-the-update" });
    region.sleep(91 * 86_400).await;
    let operations = done(&region, "ListSnapshotOperations", known).await;
    assert_eq!(operations["SnapshotOperationInfoList"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn every_refusal_has_the_code_of_the_model() {
    let region = opened();
    let short = |name: &str| json!({ "ApplicationName": "orders", "SnapshotName": name });
    let many: Vec<Value> = (0..51)
        .map(|n| json!({ "Key": format!("k{n}"), "Value": "" }))
        .collect();
    let tagged = json!({ "ApplicationName": "orders", "SnapshotName": "new", "Tags": many });
    let told = json!({ "ApplicationName": "orders", "SnapshotName": "new", "SnapshotDescription": "two\nlines" });
    let export = |name: &str| {
        json!({ "SnapshotName": name, "ExportDestinationConfiguration": {
        "DestinationType": "S3", "ExportRoleArn": "arn:aws:iam::1:role/x", "DestinationS3PrefixLocation": { "BucketARN": "arn:aws:s3:::b", "KeyPrefix": "p/" } } })
    };
    let mut by_alias = export("hourly");
    by_alias["ExportDestinationConfiguration"]["DestinationEncryptionConfiguration"] =
        json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "alias/x" });
    let import = json!({ "SnapshotName": "hourly", "ImportSourceConfiguration": {
        "SourceType": "S3", "ImportRoleArn": "arn:aws:iam::1:role/x", "SourceS3PrefixLocation": { "BucketARN": "arn:aws:s3:::b", "KeyPrefix": "p/" } } });
    let start = |restore: Value| json!({ "ApplicationName": "orders", "RunConfiguration": { "ApplicationRestoreConfiguration": restore } });
    let legacy = json!({ "ApplicationName": "orders" });
    let legacy_one = json!({ "ApplicationName": "orders", "SnapshotName": "before-the-switch" });
    let mut legacy_delete = legacy_one.clone();
    legacy_delete["SnapshotCreationTimestamp"] = 1.into();
    for (verb, body, expected) in [
        (
            "CreateSnapshot",
            short("SystemSnapshot-1"),
            "InvalidArgumentException",
        ),
        (
            "CreateSnapshot",
            short(&"x".repeat(101)),
            "InvalidArgumentException",
        ),
        (
            "CreateSnapshot",
            short("with a blank"),
            "InvalidArgumentException",
        ),
        ("CreateSnapshot", short("broken"), "ResourceInUseException"),
        ("CreateSnapshot", told, "InvalidArgumentException"),
        ("CreateSnapshot", tagged, "TooManyTagsException"),
        (
            "CreateSnapshot",
            json!({ "ApplicationName": "nobody", "SnapshotName": "x" }),
            "InvalidArgumentException",
        ),
        (
            "CreateSnapshot",
            json!({ "ApplicationName": "orders", "SnapshotName": "x", "Color": "red" }),
            "InvalidArgumentException",
        ),
        (
            "DescribeSnapshot",
            json!({ "SnapshotName": "before-the-switch" }),
            "ResourceNotFoundException",
        ),
        (
            "DeleteSnapshot",
            json!({ "SnapshotName": "nobody", "SnapshotCreationTimestamp": 1 }),
            "ResourceNotFoundException",
        ),
        (
            "ListSnapshots",
            json!({ "SourceApplicationName": "orders", "SnapshotStatus": "READY" }),
            "InvalidArgumentException",
        ),
        (
            "ListSnapshots",
            json!({ "Limit": 51 }),
            "InvalidArgumentException",
        ),
        (
            "ListSnapshots",
            json!({ "NextToken": "nonsense" }),
            "InvalidArgumentException",
        ),
        (
            "ListSnapshotOperations",
            json!({ "SnapshotName": "hourly", "SnapshotOperation": "CreateSnapshot", "SnapshotOperationStatus": "FAILED" }),
            "InvalidArgumentException",
        ),
        (
            "ListSnapshotOperations",
            json!({ "SnapshotName": "nobody" }),
            "ResourceNotFoundException",
        ),
        (
            "DescribeSnapshotOperation",
            json!({ "SnapshotName": "hourly", "SnapshotOperationId": "nonsense" }),
            "ResourceNotFoundException",
        ),
        ("ExportSnapshot", export("broken"), "ResourceInUseException"),
        (
            "ExportSnapshot",
            export("nobody"),
            "ResourceNotFoundException",
        ),
        ("ExportSnapshot", by_alias, "InvalidArgumentException"),
        ("ImportSnapshot", import, "ResourceInUseException"),
        (
            "ListApplicationSnapshots",
            legacy.clone(),
            "UnsupportedOperationException",
        ),
        (
            "DescribeApplicationSnapshot",
            legacy_one.clone(),
            "UnsupportedOperationException",
        ),
        (
            "CreateApplicationSnapshot",
            short("new"),
            "UnsupportedOperationException",
        ),
        (
            "DeleteApplicationSnapshot",
            legacy_delete,
            "UnsupportedOperationException",
        ),
        (
            "TagResource",
            json!({ "ResourceARN": format!("{ARN}:snapshot/nobody"), "Tags": [] }),
            "ResourceNotFoundException",
        ),
    ] {
        let told = format!("{verb} {body}");
        assert_eq!(code(&region, verb, body).await, expected, "{told}");
    }
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders", "Force": true }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    assert_eq!(
        code(&region, "CreateSnapshot", short("new")).await,
        "ResourceInUseException"
    );
    let custom = "RESTORE_FROM_CUSTOM_SNAPSHOT";
    let arn = format!("{ARN}:snapshot/hourly");
    for restore in [
        json!({ "ApplicationRestoreType": custom }),
        json!({ "ApplicationRestoreType": custom, "SnapshotName": "hourly", "SnapshotArn": arn }),
        json!({ "ApplicationRestoreType": custom, "SnapshotName": "before-the-switch" }),
        json!({ "ApplicationRestoreType": custom, "SnapshotArn": format!("{ARN}:snapshot/broken") }),
        json!({ "ApplicationRestoreType": custom, "SnapshotArn": arn.replace("us-east-1", "eu-west-1") }),
        json!({ "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT", "SnapshotArn": arn }),
    ] {
        let told = restore.to_string();
        assert_eq!(
            code(&region, "StartApplication", start(restore)).await,
            "InvalidArgumentException",
            "{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_legacy_application_has_no_enhanced_snapshots() {
    let region = region();
    region.service.add_application(orders());
    let body = json!({ "ApplicationName": "orders", "SnapshotName": "new" });
    let expected = "InvalidApplicationConfigurationException";
    assert_eq!(
        code(&region, "CreateSnapshot", body.clone()).await,
        expected
    );
    assert_eq!(listed(&region, json!({})).await.0, Vec::<String>::new());
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders", "Force": true }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    let by_arn = json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": format!("{ARN}:snapshot/hourly") });
    let start = json!({ "ApplicationName": "orders", "RunConfiguration": { "ApplicationRestoreConfiguration": by_arn } });
    assert_eq!(
        code(&region, "StartApplication", start).await,
        "InvalidArgumentException"
    );
}

#[tokio::test(start_paused = true)]
async fn lists_are_newest_first_by_pages_and_by_one_filter() {
    let region = opened();
    region.service.add_application(
        ApplicationSeed::new("payments")
            .version("good.jar", Duration::from_secs(9_000))
            .enhanced()
            .snapshot("of-payments", Duration::from_secs(60)),
    );
    let all = ["of-payments", "hourly", "tagged", "broken", "of-the-update"];
    assert_eq!(listed(&region, json!({})).await.0, all);
    let (first, token) = listed(&region, json!({ "Limit": 2 })).await;
    let (rest, end) = listed(&region, json!({ "NextToken": token })).await;
    assert_eq!(
        ([first, rest].concat(), end),
        (all.map(str::to_owned).to_vec(), Value::Null)
    );
    for (filter, expected) in [
        (json!({ "SourceApplicationName": "orders" }), &all[1..]),
        (json!({ "SnapshotInitiator": "SYSTEM" }), &all[4..]),
        (
            json!({ "SnapshotInitiatorOperation": "SystemCreateSnapshot" }),
            &all[4..],
        ),
        (json!({ "SnapshotStatus": "FAILED" }), &all[3..4]),
    ] {
        assert_eq!(
            listed(&region, filter.clone()).await.0,
            expected,
            "{filter}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_switch_takes_an_enhanced_snapshot_and_goes_one_way() {
    let region = region();
    region.service.add_application(orders());
    let told = described(&region).await;
    let of = |told: &Value| {
        told["ApplicationConfigurationDescription"]["ApplicationSnapshotConfigurationDescription"]
            .clone()
    };
    assert_eq!(of(&told), json!({ "SnapshotsEnabled": true }));
    let without = json!({ "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate": { "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS" } } });
    assert_eq!(
        update(&region, without).await.unwrap_err(),
        "InvalidArgumentException"
    );
    let done_by = update(&region, switched()).await.unwrap()["OperationId"].clone();
    runs(&region).await;
    let mode = json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" });
    assert_eq!(of(&described(&region).await), mode);

    let (names, _) = listed(&region, json!({ "SnapshotInitiator": "SYSTEM" })).await;
    let [name] = &names[..] else {
        panic!("{names:?}")
    };
    let taken = detail(&region, name).await;
    assert_eq!(taken["SnapshotInitiatorOperation"], "SystemCreateSnapshot");
    let filter = json!({ "SnapshotName": name, "SnapshotOperation": "SystemCreateSnapshot" });
    let operations = done(&region, "ListSnapshotOperations", filter).await;
    let id = &operations["SnapshotOperationInfoList"][0]["SnapshotOperationId"];
    let body = json!({ "SnapshotName": name, "SnapshotOperationId": id });
    let operation = done(&region, "DescribeSnapshotOperation", body).await;
    let operation = &operation["SnapshotOperationInfoDetails"];
    assert_eq!(&operation["SnapshotOperationId"], id);
    assert_eq!(operation["SnapshotOperationStatus"], "SUCCESSFUL");
    assert_eq!(
        operation["ApplicationOperationDescription"],
        json!({ "ApplicationOperationId": done_by, "ApplicationName": "orders" })
    );

    let back = json!({ "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate":
        { "SnapshotsEnabledUpdate": true, "SnapshotModeUpdate": "APPLICATION_SNAPSHOTS_LEGACY" } } });
    assert_eq!(
        update(&region, back).await.unwrap_err(),
        "InvalidArgumentException"
    );
    let silent = json!({ "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate": { "SnapshotsEnabledUpdate": true } } });
    update(&region, silent).await.unwrap();
    runs(&region).await;
    assert_eq!(of(&described(&region).await), mode);
}

#[tokio::test(start_paused = true)]
async fn the_switch_needs_the_runtime_to_be_there_already() {
    let region = region();
    let old = ApplicationSeed::new("orders")
        .runtime("FLINK-1_19")
        .version("good.jar", Duration::from_secs(9_000));
    region.service.add_application(old);
    let mut with_runtime = switched();
    with_runtime["RuntimeEnvironmentUpdate"] = "FLINK-1_20".into();
    for body in [switched(), with_runtime] {
        assert_eq!(
            update(&region, body).await.unwrap_err(),
            "InvalidArgumentException"
        );
    }
    update(&region, json!({ "RuntimeEnvironmentUpdate": "FLINK-2_3" }))
        .await
        .unwrap();
    runs(&region).await;
    update(&region, switched()).await.unwrap();
    let create = |runtime: &str| {
        json!({ "ApplicationName": format!("on-{runtime}"), "RuntimeEnvironment": runtime, "ServiceExecutionRole": "arn:aws:iam::123456789012:role/x",
        "ApplicationConfiguration": { "ApplicationSnapshotConfiguration": { "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" } } })
    };
    assert_eq!(
        code(&region, "CreateApplication", create("FLINK-1_19")).await,
        "InvalidArgumentException"
    );
    done(&region, "CreateApplication", create("FLINK-2_3")).await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_nobody_updated_since_can_be_rolled_back_and_no_other() {
    for rollback_version in [RollbackVersion::New, RollbackVersion::Old] {
        let quirks = Quirks {
            rollback_version,
            ..Quirks::default()
        };
        let settings = Settings {
            timings: Timings::default().exact(),
            quirks,
            ..Settings::default()
        };
        let region = region_with(settings, codebook());
        region.service.add_application(orders());
        let roll_back = async || {
            let version = described(&region).await["ApplicationVersionId"].clone();
            let body =
                json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": version });
            let rolled = asked(&region, "RollbackApplication", body).await;
            if rolled.is_ok() {
                runs(&region).await;
            }
            let view = region.service.application("orders").unwrap();
            rolled.map(|_| view.enhanced)
        };
        update(&region, switched()).await.unwrap();
        runs(&region).await;
        assert_eq!(roll_back().await, Ok(false));
        update(&region, switched()).await.unwrap();
        runs(&region).await;
        region.deploy("orders", "also-good.jar").await.unwrap();
        runs(&region).await;
        assert_eq!(roll_back().await, Ok(true), "{rollback_version:?}");
        if rollback_version == RollbackVersion::Old {
            assert_eq!(roll_back().await, Err("InvalidRequestException".to_owned()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_enhanced_snapshot_of_the_account_is_restored_by_its_arn() {
    let region = opened();
    region.service.add_application(
        ApplicationSeed::new("payments")
            .version("good.jar", Duration::from_secs(90_000))
            .enhanced()
            .snapshot("of-payments", Duration::from_secs(7_200)),
    );
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders", "Force": true }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    for name in ["tagged", "of-payments"] {
        let arn = format!("{ARN}:snapshot/{name}");
        let restore =
            json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": arn });
        let start = json!({ "ApplicationName": "orders", "RunConfiguration": { "ApplicationRestoreConfiguration": restore } });
        done(&region, "StartApplication", start).await;
        runs(&region).await;
        let told = described(&region).await;
        assert_eq!(
            told["ApplicationConfigurationDescription"]["RunConfigurationDescription"]["ApplicationRestoreConfigurationDescription"],
            restore
        );
        let launches = region.service.record("orders").launches;
        assert_eq!(launches.last().unwrap().restored.as_deref(), Some(name));
        done(
            &region,
            "StopApplication",
            json!({ "ApplicationName": "orders", "Force": true }),
        )
        .await;
        region.until("orders", Status::Ready).await;
    }
    // The latest of the application: neither a legacy one, nor another application's.
    done(
        &region,
        "StartApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await;
    runs(&region).await;
    let launches = region.service.record("orders").launches;
    assert_eq!(launches.last().unwrap().restored.as_deref(), Some("hourly"));
    let restore = json!({ "RunConfigurationUpdate": { "ApplicationRestoreConfiguration": { "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": format!("{ARN}:snapshot/tagged") } } });
    update(&region, restore).await.unwrap();
    runs(&region).await;
    let launches = region.service.record("orders").launches;
    assert_eq!(launches.last().unwrap().restored.as_deref(), Some("tagged"));
}

#[tokio::test(start_paused = true)]
async fn snapshots_outlive_their_application_and_are_not_those_of_the_next() {
    let region = opened();
    let created = described(&region).await["CreateTimestamp"].clone();
    let delete = json!({ "ApplicationName": "orders", "CreateTimestamp": created });
    done(&region, "DeleteApplication", delete).await;
    region.sleep(60).await;
    region.service.add_application(
        ApplicationSeed::new("orders")
            .version("good.jar", Duration::from_secs(10))
            .enhanced(),
    );
    let (names, _) = listed(&region, json!({ "SourceApplicationName": "orders" })).await;
    assert_eq!(names.len(), 4, "{names:?}");
    let source = detail(&region, "hourly").await["SnapshotSourceDescription"]["SourceApplicationDescription"].clone();
    assert_eq!(source["ApplicationCreationTimestamp"], created);
    assert_ne!(described(&region).await["CreateTimestamp"], created);
    assert_eq!(region.service.application("orders").unwrap().snapshots, []);
    let all = region.service.account_snapshots();
    assert_eq!(all.len(), 4);
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders", "Force": true }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    done(
        &region,
        "StartApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await;
    runs(&region).await;
    let launches = region.service.record("orders").launches;
    assert_eq!(launches.last().unwrap().restored, None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_an_enhanced_snapshot_and_a_stop_by_force_leaves_a_failed_one() {
    let settings = Settings {
        timings: Timings::default()
            .exact()
            .with(Stage::Snapshot, Duration::from_secs(40)),
        ..Settings::default()
    };
    let region = region_with(settings, codebook());
    region.service.add_application(enhanced_orders());
    let newest = async || {
        listed(&region, json!({ "SnapshotInitiator": "SYSTEM" }))
            .await
            .0[0]
            .clone()
    };
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await;
    region.sleep(10).await;
    let name = newest().await;
    assert_eq!(detail(&region, &name).await["SnapshotStatus"], "CREATING");
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders", "Force": true }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    assert_eq!(detail(&region, &name).await["SnapshotStatus"], "FAILED");
    let operations = done(
        &region,
        "ListSnapshotOperations",
        json!({ "SnapshotName": name }),
    )
    .await;
    assert_eq!(
        operations["SnapshotOperationInfoList"][0]["SnapshotOperationStatus"],
        "CANCELLED"
    );
    done(
        &region,
        "StartApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await;
    runs(&region).await;
    region.sleep(60).await;
    done(
        &region,
        "StopApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await;
    region.until("orders", Status::Ready).await;
    assert_eq!(
        detail(&region, &newest().await).await["SnapshotStatus"],
        "READY"
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_has_tags_of_its_own() {
    let region = opened();
    let arn = format!("{ARN}:snapshot/tagged");
    let of = |arn: &str| json!({ "ResourceARN": arn });
    let owner = json!({ "Key": "owner", "Value": "me" });
    let tags = done(&region, "ListTagsForResource", of(&arn)).await;
    assert_eq!(tags["Tags"], json!([owner]));
    let more = json!({ "ResourceARN": arn, "Tags": [{ "Key": "keep", "Value": "yes" }] });
    done(&region, "TagResource", more).await;
    done(
        &region,
        "UntagResource",
        json!({ "ResourceARN": arn, "TagKeys": ["owner"] }),
    )
    .await;
    let tags = done(&region, "ListTagsForResource", of(&arn)).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "keep", "Value": "yes" }]));
    let system = of(&format!("{ARN}:snapshot/of-the-update"));
    let tags = done(&region, "ListTagsForResource", system).await;
    assert_eq!(tags["Tags"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_an_export_and_an_import_has_no_source() {
    let settings = Settings {
        timings: Timings::default()
            .exact()
            .with(Stage::Snapshot, Duration::from_secs(600)),
        ..Settings::default()
    };
    let region = region_with(settings, codebook());
    region.service.add_application(enhanced_orders());
    let place = json!({ "BucketARN": "arn:aws:s3:::b", "KeyPrefix": "p/" });
    let export = json!({ "SnapshotName": "hourly", "ExportDestinationConfiguration": { "DestinationType": "S3", "ExportRoleArn": "arn:aws:iam::1:role/x", "DestinationS3PrefixLocation": place } });
    let id = done(&region, "ExportSnapshot", export.clone()).await["SnapshotOperationId"].clone();
    assert_eq!(
        code(&region, "ExportSnapshot", export).await,
        "LimitExceededException"
    );
    let created = detail(&region, "hourly").await["SnapshotCreationTimestamp"].clone();
    let delete = json!({ "SnapshotName": "hourly", "SnapshotCreationTimestamp": created });
    done(&region, "DeleteSnapshot", delete).await;
    region.sleep(300).await;
    assert_eq!(
        detail(&region, "hourly").await["SnapshotStatus"],
        "DELETING"
    );
    region.sleep(400).await;
    let name = json!({ "SnapshotName": "hourly" });
    assert_eq!(
        code(&region, "DescribeSnapshot", name).await,
        "ResourceNotFoundException"
    );
    let body = json!({ "SnapshotName": "hourly", "SnapshotOperationId": id });
    let operation =
        done(&region, "DescribeSnapshotOperation", body).await["SnapshotOperationInfoDetails"]
            .clone();
    let prefix = format!("p/{}/", id.as_str().unwrap());
    assert_eq!(
        operation["SnapshotDestinationLocationDescription"]["S3PrefixLocation"]["ExportedPrefix"],
        prefix
    );

    let import = json!({ "SnapshotName": "brought", "ImportSourceConfiguration": { "SourceType": "S3", "ImportRoleArn": "arn:aws:iam::1:role/x", "SourceS3PrefixLocation": place } });
    done(&region, "ImportSnapshot", import).await;
    region.sleep(700).await;
    let brought = detail(&region, "brought").await;
    assert_eq!(brought["SnapshotStatus"], "READY");
    assert_eq!(
        (
            &brought["SnapshotInitiator"],
            &brought["RuntimeEnvironment"]
        ),
        (&json!("USER"), &Value::Null)
    );
    assert_eq!(
        brought["SnapshotSourceDescription"],
        json!({ "S3PrefixLocation": place })
    );
}
