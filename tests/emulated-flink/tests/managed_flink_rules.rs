//! What the emulated service accepts, refuses, and describes: driven by the real SDK client.

mod managed_flink_support;

use std::time::Duration;

use aws_sdk_kinesisanalyticsv2::types as model;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use emulated_flink::managed_flink::{
    ApiError, ApplicationSeed, Quirks, Settings, SnapshotStatus, Status,
};
use managed_flink_support::{Region, codebook, orders, region, region_with, text};
use serde_json::{Value, json};

async fn described(region: &Region) -> model::ApplicationDetail {
    region
        .client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .expect("described")
        .application_detail
        .expect("a detail")
}

fn flink_update(
    checkpoints: model::CheckpointConfigurationUpdate,
) -> model::ApplicationConfigurationUpdate {
    let flink = model::FlinkApplicationConfigurationUpdate::builder()
        .checkpoint_configuration_update(checkpoints)
        .build();
    model::ApplicationConfigurationUpdate::builder()
        .flink_application_configuration_update(flink)
        .build()
}

#[tokio::test(start_paused = true)]
async fn every_member_of_an_update_is_stored_and_makes_one_version() {
    let region = region();
    region
        .service
        .add_application(orders().not_running().configured(
            "VpcConfigurations",
            json!([{ "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] }]),
        ));
    let logging = model::CloudWatchLoggingOption::builder()
        .log_stream_arn("arn:aws:logs:::a")
        .build()
        .expect("an option");
    region
        .client
        .add_application_cloud_watch_logging_option()
        .application_name("orders")
        .current_application_version_id(3)
        .cloud_watch_logging_option(logging)
        .send()
        .await
        .expect("added");
    let before = described(&region).await;
    let option = before.cloud_watch_logging_option_descriptions()[0]
        .cloud_watch_logging_option_id()
        .expect("an id")
        .to_owned();
    let vpc = before
        .application_configuration_description()
        .expect("a configuration")
        .vpc_configuration_descriptions()[0]
        .vpc_configuration_id()
        .to_owned();
    let location = model::S3ContentLocationUpdate::builder()
        .bucket_arn_update("arn:aws:s3:::other")
        .file_key_update("also-good.jar")
        .object_version_update("v7")
        .build();
    let code = model::ApplicationCodeConfigurationUpdate::builder()
        .code_content_type_update(model::CodeContentType::Zipfile)
        .code_content_update(
            model::CodeContentUpdate::builder()
                .s3_content_location_update(location)
                .build(),
        )
        .build();
    let custom = model::ConfigurationType::Custom;
    let flink = model::FlinkApplicationConfigurationUpdate::builder()
        .checkpoint_configuration_update(
            model::CheckpointConfigurationUpdate::builder()
                .configuration_type_update(custom.clone())
                .checkpoint_interval_update(10_000)
                .build(),
        )
        .monitoring_configuration_update(
            model::MonitoringConfigurationUpdate::builder()
                .configuration_type_update(custom.clone())
                .metrics_level_update(model::MetricsLevel::Task)
                .build(),
        )
        .parallelism_configuration_update(
            model::ParallelismConfigurationUpdate::builder()
                .configuration_type_update(custom)
                .parallelism_update(4)
                .parallelism_per_kpu_update(2)
                .auto_scaling_enabled_update(false)
                .build(),
        )
        .build();
    let group = model::PropertyGroup::builder()
        .property_group_id("app")
        .property_map("key", "value")
        .build()
        .expect("a group");
    let update = model::ApplicationConfigurationUpdate::builder()
        .application_code_configuration_update(code)
        .flink_application_configuration_update(flink)
        .environment_property_updates(
            model::EnvironmentPropertyUpdates::builder()
                .property_groups(group)
                .build()
                .expect("groups"),
        )
        .application_snapshot_configuration_update(
            model::ApplicationSnapshotConfigurationUpdate::builder()
                .snapshots_enabled_update(false)
                .build()
                .expect("a flag"),
        )
        .application_system_rollback_configuration_update(
            model::ApplicationSystemRollbackConfigurationUpdate::builder()
                .rollback_enabled_update(true)
                .build()
                .expect("a flag"),
        )
        .vpc_configuration_updates(
            model::VpcConfigurationUpdate::builder()
                .vpc_configuration_id(&vpc)
                .subnet_id_updates("subnet-2")
                .security_group_id_updates("sg-2")
                .build()
                .expect("a VPC"),
        )
        .application_encryption_configuration_update(
            model::ApplicationEncryptionConfigurationUpdate::builder()
                .key_type_update(model::KeyType::CustomerManagedKey)
                .key_id_update("alias/x")
                .build()
                .expect("a key"),
        )
        .build();
    let done = region
        .client
        .update_application()
        .application_name("orders")
        .conditional_token(before.conditional_token().expect("a token"))
        .application_configuration_update(update)
        .service_execution_role_update("arn:aws:iam::1:role/y")
        .runtime_environment_update(model::RuntimeEnvironment::Flink22)
        .run_configuration_update(
            model::RunConfigurationUpdate::builder()
                .flink_run_configuration(
                    model::FlinkRunConfiguration::builder()
                        .allow_non_restored_state(true)
                        .build(),
                )
                .build(),
        )
        .cloud_watch_logging_option_updates(
            model::CloudWatchLoggingOptionUpdate::builder()
                .cloud_watch_logging_option_id(option)
                .log_stream_arn_update("arn:aws:logs:::b")
                .build()
                .expect("an option"),
        )
        .send()
        .await
        .expect("stored");
    let now = described(&region).await;
    assert_eq!(done.application_detail(), Some(&now));
    assert_eq!(
        (
            now.application_version_id(),
            now.application_version_updated_from(),
            now.application_status()
        ),
        (5, Some(4), &model::ApplicationStatus::Ready)
    );
    assert_eq!(
        (now.service_execution_role(), now.runtime_environment()),
        (
            Some("arn:aws:iam::1:role/y"),
            &model::RuntimeEnvironment::Flink22
        )
    );
    assert_eq!(
        now.cloud_watch_logging_option_descriptions()[0].log_stream_arn(),
        "arn:aws:logs:::b"
    );
    let all = now
        .application_configuration_description()
        .expect("a configuration");
    let content = all
        .application_code_configuration_description()
        .and_then(|code| code.code_content_description())
        .and_then(|content| content.s3_application_code_location_description())
        .expect("a location");
    assert_eq!(
        (
            content.bucket_arn(),
            content.file_key(),
            content.object_version()
        ),
        ("arn:aws:s3:::other", "also-good.jar", Some("v7"))
    );
    let flink = all
        .flink_application_configuration_description()
        .expect("Flink");
    assert_eq!(
        flink
            .checkpoint_configuration_description()
            .and_then(|part| part.checkpoint_interval()),
        Some(10_000)
    );
    assert_eq!(
        flink
            .monitoring_configuration_description()
            .and_then(|part| part.metrics_level()),
        Some(&model::MetricsLevel::Task)
    );
    assert_eq!(
        flink
            .parallelism_configuration_description()
            .map(|part| (part.parallelism(), part.auto_scaling_enabled())),
        Some((Some(4), Some(false)))
    );
    assert_eq!(
        all.environment_property_descriptions()
            .map(|all| all.property_group_descriptions()[0].property_map()["key"].as_str()),
        Some("value")
    );
    assert_eq!(
        all.application_snapshot_configuration_description()
            .map(|part| part.snapshots_enabled()),
        Some(false)
    );
    assert_eq!(
        all.application_system_rollback_configuration_description()
            .map(|part| part.rollback_enabled()),
        Some(true)
    );
    assert_eq!(
        all.vpc_configuration_descriptions()[0].subnet_ids(),
        ["subnet-2"]
    );
    assert_eq!(
        all.application_encryption_configuration_description()
            .map(|part| part.key_type()),
        Some(&model::KeyType::CustomerManagedKey)
    );
    assert_eq!(allow_non_restored(&now), Some(true));
    let old = region
        .client
        .describe_application_version()
        .application_name("orders")
        .application_version_id(4)
        .send()
        .await
        .expect("described");
    let old = old.application_version_detail().expect("a detail");
    assert_eq!(
        (old.application_version_id(), old.runtime_environment()),
        (4, &model::RuntimeEnvironment::Flink120)
    );
    // An update that does not name it makes it false again.
    region
        .client
        .update_application()
        .application_name("orders")
        .current_application_version_id(5)
        .service_execution_role_update("arn:aws:iam::1:role/z")
        .send()
        .await
        .expect("stored");
    assert_eq!(allow_non_restored(&described(&region).await), Some(false));
}

fn allow_non_restored(detail: &model::ApplicationDetail) -> Option<bool> {
    detail
        .application_configuration_description()?
        .run_configuration_description()?
        .flink_run_configuration_description()?
        .allow_non_restored_state()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_fenced_by_version_or_token() {
    let region = region();
    region.service.add_application(orders().not_running());
    let update = || {
        region
            .client
            .update_application()
            .application_name("orders")
    };
    let stale = update()
        .current_application_version_id(2)
        .send()
        .await
        .expect_err("stale");
    assert!(text(&stale).starts_with("ConcurrentModificationException"));
    let stale = update()
        .conditional_token("another")
        .send()
        .await
        .expect_err("stale");
    assert!(text(&stale).starts_with("ConcurrentModificationException"));
    let neither = update().send().await.expect_err("unfenced");
    assert!(text(&neither).starts_with("InvalidArgumentException"));
    let token = described(&region)
        .await
        .conditional_token()
        .expect("a token")
        .to_owned();
    update()
        .conditional_token(&token)
        .send()
        .await
        .expect("stored");
    assert_ne!(
        described(&region).await.conditional_token(),
        Some(token.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn values_need_the_custom_type_and_unknown_members_are_refused() {
    let region = region();
    region.service.add_application(orders().not_running());
    let update = flink_update(
        model::CheckpointConfigurationUpdate::builder()
            .checkpoint_interval_update(10_000)
            .build(),
    );
    let sent = region
        .client
        .update_application()
        .application_name("orders")
        .current_application_version_id(3)
        .application_configuration_update(update)
        .send()
        .await;
    assert!(text(&sent.expect_err("DEFAULT")).starts_with("InvalidArgumentException"));
    let (status, body) = raw(
        &region,
        "UpdateApplication",
        &json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": 3, "Colour": "red" }),
    )
    .await;
    assert_eq!(
        (status, body["__type"].as_str()),
        (400, Some("InvalidArgumentException"))
    );
    assert_eq!(
        raw(&region, "DiscoverInputSchema", &json!({})).await.1["__type"],
        "UnknownOperationException"
    );
}

/// A request that the SDK would not make.
async fn raw(region: &Region, verb: &str, body: &Value) -> (u16, Value) {
    let request = http::Request::builder()
        .method("POST")
        .uri("/")
        .header("x-amz-target", format!("KinesisAnalytics_20180523.{verb}"));
    let answer = region
        .service
        .handle(
            request
                .body(Bytes::from(body.to_string()))
                .expect("a request"),
        )
        .await;
    (
        answer.status().as_u16(),
        serde_json::from_slice(answer.body()).expect("JSON"),
    )
}

#[tokio::test(start_paused = true)]
async fn each_verb_is_refused_in_a_status_that_does_not_allow_it() {
    let region = region();
    region.service.add_application(orders().not_running());
    let rollback = |version| {
        region
            .client
            .rollback_application()
            .application_name("orders")
            .current_application_version_id(version)
            .send()
    };
    let start = || {
        region
            .client
            .start_application()
            .application_name("orders")
            .send()
    };
    let stop = |force| {
        region
            .client
            .stop_application()
            .application_name("orders")
            .force(force)
            .send()
    };
    let update = |version| {
        region
            .client
            .update_application()
            .application_name("orders")
            .current_application_version_id(version)
            .send()
    };
    let snapshot = || {
        region
            .client
            .create_application_snapshot()
            .application_name("orders")
            .snapshot_name("by-hand")
            .send()
    };
    let url = || {
        region
            .client
            .create_application_presigned_url()
            .application_name("orders")
            .url_type(model::UrlType::FlinkDashboardUrl)
            .send()
    };
    let in_use = |error: String| assert!(error.starts_with("ResourceInUseException"), "{error}");
    // READY
    in_use(text(&rollback(3).await.expect_err("READY")));
    in_use(text(&stop(false).await.expect_err("READY")));
    in_use(text(&stop(true).await.expect_err("READY")));
    in_use(text(&url().await.expect_err("READY")));
    assert!(text(&snapshot().await.expect_err("READY")).starts_with("InvalidRequestException"));
    // STARTING
    start().await.expect("accepted");
    in_use(text(&start().await.expect_err("STARTING")));
    in_use(text(&rollback(3).await.expect_err("STARTING")));
    in_use(text(&stop(false).await.expect_err("STARTING")));
    in_use(text(&update(3).await.expect_err("STARTING")));
    in_use(text(&snapshot().await.expect_err("STARTING")));
    in_use(text(&url().await.expect_err("STARTING")));
    // RUNNING
    region.until("orders", Status::Running).await;
    region.sleep(10).await;
    in_use(text(&start().await.expect_err("RUNNING")));
    assert!(
        text(&rollback(2).await.expect_err("stale")).starts_with("ConcurrentModificationException")
    );
    // UPDATING
    update(3).await.expect("accepted");
    in_use(text(&update(4).await.expect_err("UPDATING")));
    in_use(text(&url().await.expect_err("UPDATING")));
    // ROLLING_BACK
    rollback(4).await.expect("accepted");
    in_use(text(&rollback(5).await.expect_err("ROLLING_BACK")));
    in_use(text(&stop(true).await.expect_err("ROLLING_BACK")));
    // FORCE_STOPPING
    region.until("orders", Status::Running).await;
    stop(true).await.expect("accepted");
    in_use(text(&stop(true).await.expect_err("FORCE_STOPPING")));
    in_use(text(&start().await.expect_err("FORCE_STOPPING")));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_refused_without_snapshots_without_an_older_version_and_on_demand() {
    let region = region();
    region.service.add_application(orders());
    let rollback = || {
        region
            .client
            .rollback_application()
            .application_name("orders")
            .current_application_version_id(3)
            .send()
    };
    region.service.delete_snapshots("orders");
    assert!(
        text(&rollback().await.expect_err("no snapshot")).starts_with("InvalidRequestException")
    );
    region.service.faults("orders", |faults| {
        faults.refuse_rollback = Some(ApiError::new(
            "UnsupportedOperationException",
            "not for you",
        ))
    });
    assert_eq!(
        text(&rollback().await.expect_err("refused")),
        "UnsupportedOperationException: not for you"
    );
    region.service.add_application(
        ApplicationSeed::new("young")
            .version("good.jar", Duration::from_secs(60))
            .snapshot("s", Duration::from_secs(10)),
    );
    let young = region
        .client
        .rollback_application()
        .application_name("young")
        .current_application_version_id(1)
        .send()
        .await;
    assert!(text(&young.expect_err("no older version")).starts_with("InvalidRequestException"));
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_created_listed_in_pages_out_of_order_and_deleted_by_their_exact_moment() {
    let region = region();
    let mut seed = orders();
    for index in 0..120 {
        seed = seed.snapshot(&format!("s{index:03}"), Duration::from_secs(10_000 - index));
    }
    region.service.add_application(seed);
    region.sleep(60).await;
    region
        .client
        .create_application_snapshot()
        .application_name("orders")
        .snapshot_name("by-hand")
        .send()
        .await
        .expect("accepted");
    let again = region
        .client
        .create_application_snapshot()
        .application_name("orders")
        .snapshot_name("by-hand")
        .send()
        .await;
    assert!(text(&again.expect_err("there already")).starts_with("InvalidArgumentException"));
    let detail = |name: &'static str| {
        let client = region.client.clone();
        async move {
            client
                .describe_application_snapshot()
                .application_name("orders")
                .snapshot_name(name)
                .send()
                .await
                .map(|done| done.snapshot_details.expect("details"))
        }
    };
    assert_eq!(
        detail("by-hand")
            .await
            .expect("described")
            .snapshot_status(),
        &model::SnapshotStatus::Creating
    );
    region.sleep(20).await;
    let ready = detail("by-hand").await.expect("described");
    assert_eq!(
        (ready.snapshot_status(), ready.application_version_id()),
        (&model::SnapshotStatus::Ready, 3)
    );
    let pages = region
        .client
        .list_application_snapshots()
        .application_name("orders")
        .limit(50)
        .into_paginator_by_hand()
        .await;
    assert_eq!(
        (pages.len(), pages.iter().map(Vec::len).sum::<usize>()),
        (3, 122)
    );
    let all: Vec<_> = pages.into_iter().flatten().collect();
    assert!(!all.is_sorted_by_key(|snapshot| {
        snapshot
            .snapshot_creation_timestamp()
            .map(|moment| moment.as_nanos())
    }));
    let too_many = region
        .client
        .list_application_snapshots()
        .application_name("orders")
        .limit(51)
        .send()
        .await;
    assert!(text(&too_many.expect_err("51")).starts_with("InvalidArgumentException"));
    let delete = |moment| {
        region
            .client
            .delete_application_snapshot()
            .application_name("orders")
            .snapshot_name("by-hand")
            .snapshot_creation_timestamp(moment)
            .send()
    };
    let moment = *ready.snapshot_creation_timestamp().expect("a moment");
    let wrong = aws_smithy_types::DateTime::from_secs(moment.secs() - 1);
    assert!(
        text(&delete(wrong).await.expect_err("another moment"))
            .starts_with("InvalidArgumentException")
    );
    delete(moment).await.expect("accepted");
    assert_eq!(
        detail("by-hand")
            .await
            .expect("described")
            .snapshot_status(),
        &model::SnapshotStatus::Deleting
    );
    region.sleep(30).await;
    assert!(
        text(&detail("by-hand").await.expect_err("gone")).starts_with("ResourceNotFoundException")
    );
    assert!(moment.fmt(Format::DateTime).is_ok());
}

/// All pages, with the token of each handed on.
trait Pages {
    async fn into_paginator_by_hand(self) -> Vec<Vec<model::SnapshotDetails>>;
}

impl Pages for aws_sdk_kinesisanalyticsv2::operation::list_application_snapshots::builders::ListApplicationSnapshotsFluentBuilder {
    async fn into_paginator_by_hand(self) -> Vec<Vec<model::SnapshotDetails>> {
        let (mut pages, mut token) = (Vec::new(), None);
        loop {
            let page = self.clone().set_next_token(token).send().await.expect("a page");
            pages.push(page.snapshot_summaries().to_vec());
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return pages;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn snapshots_can_fail_and_have_a_quota() {
    let quirks = Quirks {
        snapshot_quota: 2,
        ..Quirks::default()
    };
    let region = region_with(
        Settings {
            quirks,
            ..Settings::default()
        },
        codebook(),
    );
    region.service.add_application(orders());
    region.sleep(60).await;
    region
        .service
        .faults("orders", |faults| faults.failing_snapshots = 1);
    let create = |name: &str| {
        region
            .client
            .create_application_snapshot()
            .application_name("orders")
            .snapshot_name(name)
            .send()
    };
    create("one").await.expect("accepted");
    region.sleep(30).await;
    assert_eq!(
        region
            .service
            .application("orders")
            .expect("it")
            .snapshots
            .last()
            .map(|snapshot| snapshot.status),
        Some(SnapshotStatus::Failed)
    );
    assert!(text(&create("two").await.expect_err("full")).starts_with("LimitExceededException"));
    region.service.add_application(
        ApplicationSeed::new("none")
            .version("good.jar", Duration::from_secs(60))
            .without_snapshots(),
    );
    let refused = region
        .client
        .create_application_snapshot()
        .application_name("none")
        .snapshot_name("x")
        .send()
        .await;
    assert!(
        text(&refused.expect_err("disabled"))
            .starts_with("InvalidApplicationConfigurationException")
    );
}

#[tokio::test(start_paused = true)]
async fn vpc_and_logging_options_each_make_a_version() {
    let region = region();
    region.service.add_application(orders().not_running());
    let vpc = model::VpcConfiguration::builder()
        .subnet_ids("subnet-1")
        .security_group_ids("sg-1")
        .build()
        .expect("a VPC");
    let added = region
        .client
        .add_application_vpc_configuration()
        .application_name("orders")
        .current_application_version_id(3)
        .vpc_configuration(vpc)
        .send()
        .await
        .expect("added");
    assert_eq!(added.application_version_id(), Some(4));
    let id = added
        .vpc_configuration_description()
        .expect("a VPC")
        .vpc_configuration_id()
        .to_owned();
    region
        .client
        .delete_application_vpc_configuration()
        .application_name("orders")
        .current_application_version_id(4)
        .vpc_configuration_id(id)
        .send()
        .await
        .expect("deleted");
    let option = model::CloudWatchLoggingOption::builder()
        .log_stream_arn("arn:aws:logs:::a")
        .build()
        .expect("an option");
    let added = region
        .client
        .add_application_cloud_watch_logging_option()
        .application_name("orders")
        .current_application_version_id(5)
        .cloud_watch_logging_option(option)
        .send()
        .await
        .expect("added");
    let id = added.cloud_watch_logging_option_descriptions()[0]
        .cloud_watch_logging_option_id()
        .expect("an id")
        .to_owned();
    region
        .client
        .delete_application_cloud_watch_logging_option()
        .application_name("orders")
        .current_application_version_id(6)
        .cloud_watch_logging_option_id(id)
        .send()
        .await
        .expect("deleted");
    let versions = region
        .client
        .list_application_versions()
        .application_name("orders")
        .send()
        .await
        .expect("listed");
    assert_eq!(versions.application_version_summaries().len(), 7);
    assert!(
        described(&region)
            .await
            .application_configuration_description()
            .expect("it")
            .vpc_configuration_descriptions()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn tags_are_set_listed_and_removed() {
    let region = region();
    region.service.add_application(orders());
    let arn = described(&region).await.application_arn().to_owned();
    let tag = model::Tag::builder()
        .key("team")
        .value("a")
        .build()
        .expect("a tag");
    region
        .client
        .tag_resource()
        .resource_arn(&arn)
        .tags(tag)
        .send()
        .await
        .expect("tagged");
    let tags = region
        .client
        .list_tags_for_resource()
        .resource_arn(&arn)
        .send()
        .await
        .expect("listed");
    let listed: Vec<_> = tags
        .tags()
        .iter()
        .map(|tag| (tag.key(), tag.value().unwrap_or("")))
        .collect();
    assert_eq!(listed, [("flink-lifeguard", "act"), ("team", "a")]);
    region
        .client
        .untag_resource()
        .resource_arn(&arn)
        .tag_keys("team")
        .send()
        .await
        .expect("untagged");
    assert_eq!(
        region.service.application("orders").expect("it").tags.len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn sql_and_studio_applications_can_be_described_and_nothing_more() {
    let region = region();
    for runtime in ["SQL-1_0", "ZEPPELIN-FLINK-3_0"] {
        region.service.add_application(
            ApplicationSeed::new("orders")
                .runtime(runtime)
                .version("none", Duration::from_secs(60)),
        );
        assert_eq!(
            described(&region).await.runtime_environment().as_str(),
            runtime
        );
        assert!(
            region
                .client
                .rollback_application()
                .application_name("orders")
                .current_application_version_id(1)
                .send()
                .await
                .is_err()
        );
        assert!(
            region
                .client
                .stop_application()
                .application_name("orders")
                .force(true)
                .send()
                .await
                .is_err()
        );
    }
    assert_eq!(
        region
            .client
            .list_applications()
            .send()
            .await
            .expect("listed")
            .application_summaries()
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn operations_are_listed_newest_first_and_can_be_filtered() {
    let region = region();
    region.service.add_application(orders());
    region.deploy("orders", "good.jar").await.expect("accepted");
    let listed = region
        .client
        .list_application_operations()
        .application_name("orders")
        .send()
        .await
        .expect("listed");
    let all = listed.application_operation_info_list();
    assert_eq!(
        (all.len(), all[0].operation_status()),
        (4, Some(&model::OperationStatus::InProgress))
    );
    assert!(
        all.windows(2)
            .all(|pair| pair[0].start_time().map(|at| at.as_nanos())
                > pair[1].start_time().map(|at| at.as_nanos()))
    );
    assert_eq!(all[0].end_time(), None, "a list leaves the end out");
    let detail = region
        .client
        .describe_application_operation()
        .application_name("orders")
        .operation_id(all[0].operation_id().expect("an id"))
        .send()
        .await
        .expect("described");
    assert_eq!(
        detail
            .application_operation_info_details()
            .map(|detail| detail.end_time().secs()),
        Some(0),
        "the SDK makes epoch 0 of a missing end"
    );
    let failed = region
        .client
        .list_application_operations()
        .application_name("orders")
        .operation_status(model::OperationStatus::Failed)
        .send()
        .await
        .expect("listed");
    assert!(failed.application_operation_info_list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_call_is_recorded_with_its_outcome() {
    let region = region();
    region.service.add_application(orders());
    let _ = region
        .client
        .rollback_application()
        .application_name("orders")
        .current_application_version_id(9)
        .send()
        .await;
    let _ = region
        .client
        .stop_application()
        .application_name("orders")
        .force(true)
        .send()
        .await;
    let calls: Vec<_> = region
        .journal
        .calls()
        .into_iter()
        .map(|call| {
            (
                call.caller,
                call.action,
                call.resource,
                call.outcome,
                call.changed,
            )
        })
        .collect();
    let call = |action: &str, outcome: &str, changed| {
        (
            "operator".to_owned(),
            action.to_owned(),
            Some("orders".to_owned()),
            outcome.to_owned(),
            changed,
        )
    };
    assert_eq!(
        calls,
        [
            call(
                "RollbackApplication",
                "ConcurrentModificationException",
                false
            ),
            call("StopApplication", "ok", true)
        ]
    );
}
