//! Customer managed keys that a caller may not use, and settings that are newer than their readers.

mod managed_flink_support;

use std::collections::BTreeSet;
use std::time::Duration;

use emulated_flink::managed_flink::{ApplicationSeed, KeyUsers, Settings, Status, Timings};
use managed_flink_support::{Region, codebook, orders, region, region_with};
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/k-1";
const OTHER: &str = "arn:aws:kms:us-east-1:123456789012:key/k-2";

fn encrypted() -> ApplicationSeed {
    orders().configured(
        "ApplicationEncryptionConfiguration",
        json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": KEY }),
    )
}

fn only(caller: &str) -> KeyUsers {
    KeyUsers::Only(BTreeSet::from([caller.to_owned()]))
}

async fn described(region: &Region) -> Value {
    let body = json!({ "ApplicationName": "orders" });
    let answer = region.raw("rescuer", "DescribeApplication", &body).await;
    answer.expect("described")["ApplicationDetail"].clone()
}

/// What a caller's call comes to: None where it is accepted.
async fn refusal(region: &Region, caller: &str, verb: &str, more: Value) -> Option<String> {
    let mut body = json!({ "ApplicationName": "orders" });
    if matches!(verb, "UpdateApplication" | "RollbackApplication") {
        body["CurrentApplicationVersionId"] =
            described(region).await["ApplicationVersionId"].clone();
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let (code, text) = region.raw(caller, verb, &body).await.err()?;
    assert_eq!(code, "InvalidArgumentException", "{text}");
    Some(text)
}

fn with_code() -> Value {
    json!({ "ApplicationConfigurationUpdate": { "ApplicationCodeConfigurationUpdate": { "CodeContentUpdate":
        { "S3ContentLocationUpdate": { "FileKeyUpdate": "also-good.jar" } } } } })
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_the_key_is_refused_what_needs_it_and_others_are_not() {
    let region = region();
    region.service.add_application(encrypted());
    region.service.set_key(KEY, only("operator"));
    let snapshot = json!({ "SnapshotName": "new" });
    for (verb, more) in [
        ("UpdateApplication", with_code()),
        ("RollbackApplication", json!({})),
        ("CreateApplicationSnapshot", snapshot.clone()),
        ("StopApplication", json!({})),
    ] {
        let text = refusal(&region, "rescuer", verb, more).await.unwrap();
        assert!(
            text.contains("rescuer") && text.contains("kms:") && text.contains(KEY),
            "{text}"
        );
    }
    assert_eq!(
        refusal(&region, "operator", "CreateApplicationSnapshot", snapshot).await,
        None
    );
    // A stop by force asks for no key, and the start after it does.
    assert_eq!(
        refusal(
            &region,
            "rescuer",
            "StopApplication",
            json!({ "Force": true })
        )
        .await,
        None
    );
    region.until("orders", Status::Ready).await;
    assert!(
        refusal(&region, "rescuer", "StartApplication", json!({}))
            .await
            .is_some()
    );
    assert_eq!(
        refusal(&region, "operator", "StartApplication", json!({})).await,
        None
    );
    let told = described(&region).await;
    assert_eq!(told["ApplicationStatus"], "STARTING");
}

#[tokio::test(start_paused = true)]
async fn the_key_of_the_snapshot_and_of_the_version_gone_over_to_count_too() {
    let region = region();
    region.service.add_application(encrypted());
    let own = json!({ "ApplicationConfigurationUpdate": { "ApplicationEncryptionConfigurationUpdate": { "KeyTypeUpdate": "AWS_OWNED_KEY" } } });
    assert_eq!(
        refusal(&region, "rescuer", "UpdateApplication", own).await,
        None
    );
    region.until("orders", Status::Running).await;
    region.sleep(30).await;
    region.service.set_key(KEY, KeyUsers::Nobody);
    region.service.set_key(OTHER, only("operator"));
    let text = refusal(&region, "rescuer", "RollbackApplication", json!({})).await;
    assert!(text.unwrap().contains("is disabled"));
    let to = json!({ "ApplicationConfigurationUpdate": { "ApplicationEncryptionConfigurationUpdate": { "KeyTypeUpdate": "CUSTOMER_MANAGED_KEY", "KeyIdUpdate": OTHER } } });
    assert!(
        refusal(&region, "rescuer", "UpdateApplication", to)
            .await
            .is_some()
    );
    assert_eq!(
        refusal(
            &region,
            "rescuer",
            "StopApplication",
            json!({ "Force": true })
        )
        .await,
        None
    );
    region.until("orders", Status::Ready).await;
    let restore = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": { "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "hourly" } } });
    let text = refusal(&region, "operator", "StartApplication", restore).await;
    assert!(text.unwrap().contains(KEY));
    let told = json!({ "ApplicationName": "orders", "SnapshotName": "hourly" });
    let told = region
        .raw("operator", "DescribeApplicationSnapshot", &told)
        .await
        .unwrap();
    assert_eq!(
        told["SnapshotDetails"]["ApplicationEncryptionConfigurationDescription"]["KeyId"],
        KEY
    );
    let skip = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": { "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT" } } });
    assert_eq!(
        refusal(&region, "operator", "StartApplication", skip).await,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_setting_of_a_newer_service_is_kept_told_and_rolled_back() {
    let newer = "ApplicationTieringConfiguration";
    let settings = Settings {
        timings: Timings::default().exact(),
        newer: BTreeSet::from([newer.to_owned()]),
        ..Settings::default()
    };
    let region = region_with(settings, codebook());
    let hot = json!({ "Tier": "HOT" });
    region
        .service
        .add_application(orders().configured(newer, hot.clone()));
    let tier = async || {
        described(&region).await["ApplicationConfigurationDescription"]["ApplicationTieringConfigurationDescription"].clone()
    };
    assert_eq!(tier().await, hot);
    let cold = json!({ "Tier": "COLD" });
    let update = json!({ "ApplicationConfigurationUpdate": { "ApplicationTieringConfigurationUpdate": cold } });
    assert_eq!(
        refusal(&region, "operator", "UpdateApplication", update.clone()).await,
        None
    );
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(tier().await, cold);
    assert_eq!(
        refusal(&region, "operator", "RollbackApplication", json!({})).await,
        None
    );
    assert_eq!(tier().await, hot);

    let of_today = managed_flink_support::region();
    of_today.service.add_application(orders());
    assert!(
        refusal(&of_today, "operator", "UpdateApplication", update)
            .await
            .is_some()
    );
}
