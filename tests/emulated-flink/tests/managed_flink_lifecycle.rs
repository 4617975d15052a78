//! The life of an application, driven by the real SDK client in virtual time.

mod managed_flink_support;

use std::time::Duration;

use aws_sdk_kinesisanalyticsv2::types as model;
use emulated_flink::flink::{Behaviour, Code, Sink, Stream};
use emulated_flink::managed_flink::{
    Quirks, RollbackState, RollbackVersion, Settings, SnapshotStatus, Stage, Status, Timings,
};
use managed_flink_support::{Region, codebook, orders, region, region_with, text, told};

async fn rollback(region: &Region, version: i64) -> Result<(), String> {
    let sent = region
        .client
        .rollback_application()
        .application_name("orders")
        .current_application_version_id(version)
        .send()
        .await;
    sent.map(|_| ()).map_err(|error| text(&error))
}

async fn force_stop(region: &Region) -> Result<(), String> {
    region
        .client
        .stop_application()
        .application_name("orders")
        .force(true)
        .send()
        .await
        .map(|_| ())
        .map_err(|error| text(&error))
}

async fn operation(
    region: &Region,
    index: usize,
) -> (
    model::ApplicationOperationInfo,
    model::ApplicationOperationInfoDetails,
) {
    let listed = region
        .client
        .list_application_operations()
        .application_name("orders")
        .send()
        .await
        .expect("listed");
    let info = listed.application_operation_info_list()[index].clone();
    let detail = region
        .client
        .describe_application_operation()
        .application_name("orders")
        .operation_id(info.operation_id().expect("an id"))
        .send()
        .await;
    (
        info,
        detail
            .expect("described")
            .application_operation_info_details
            .expect("details"),
    )
}

#[tokio::test(start_paused = true)]
async fn an_application_is_created_started_stopped_and_deleted() {
    let region = region();
    let location = model::S3ContentLocation::builder()
        .bucket_arn("arn:aws:s3:::code")
        .file_key("good.jar")
        .build()
        .expect("a location");
    let code = model::ApplicationCodeConfiguration::builder()
        .code_content(
            model::CodeContent::builder()
                .s3_content_location(location)
                .build(),
        )
        .code_content_type(model::CodeContentType::Zipfile)
        .build()
        .expect("code");
    let created = region
        .client
        .create_application()
        .application_name("orders")
        .runtime_environment(model::RuntimeEnvironment::Flink120)
        .service_execution_role("arn:aws:iam::123456789012:role/x")
        .application_configuration(
            model::ApplicationConfiguration::builder()
                .application_code_configuration(code)
                .build(),
        )
        .send()
        .await
        .expect("created");
    let detail = created.application_detail().expect("a detail");
    assert_eq!(
        (detail.application_status(), detail.application_version_id()),
        (&model::ApplicationStatus::Ready, 1)
    );
    region
        .client
        .start_application()
        .application_name("orders")
        .send()
        .await
        .expect("started");
    assert_eq!(region.status("orders"), Status::Starting);
    region.until("orders", Status::Running).await;
    region.sleep(30).await;
    region
        .client
        .stop_application()
        .application_name("orders")
        .send()
        .await
        .expect("stopped");
    assert_eq!(region.status("orders"), Status::Stopping);
    region.until("orders", Status::Ready).await;
    let snapshots = region.service.application("orders").expect("it").snapshots;
    assert_eq!(
        snapshots
            .iter()
            .map(|snapshot| snapshot.status)
            .collect::<Vec<_>>(),
        [SnapshotStatus::Ready]
    );
    let described = region
        .client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .expect("described");
    let created = *described
        .application_detail()
        .expect("a detail")
        .create_timestamp()
        .expect("a moment");
    region
        .client
        .delete_application()
        .application_name("orders")
        .create_timestamp(created)
        .send()
        .await
        .expect("deleted");
    region.sleep(30).await;
    let gone = region
        .client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .expect_err("gone");
    assert!(text(&gone).starts_with("ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_bad_deployment_is_rolled_back_from_the_snapshot_of_the_update_and_loses_nothing() {
    let region = region();
    region.service.add_application(orders().stream(Stream {
        sink: Sink::ExactlyOnce,
        ..Stream::default()
    }));
    region.sleep(600).await;
    region.deploy("orders", "bad.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    assert_eq!(region.service.application("orders").expect("it").version, 4);
    region.sleep(300).await;
    rollback(&region, 4).await.expect("accepted");
    assert_eq!(region.status("orders"), Status::RollingBack);
    region.until("orders", Status::Running).await;
    region.sleep(600).await;
    let view = region.service.application("orders").expect("it");
    assert_eq!(
        (view.version, view.healthy, view.code.as_str()),
        (5, true, "good.jar")
    );
    let described = region
        .client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .expect("described");
    let detail = described.application_detail().expect("a detail");
    assert_eq!(
        (
            detail.application_version_rolled_back_from(),
            detail.application_version_rolled_back_to()
        ),
        (Some(4), Some(3))
    );
    let url = region.url("orders").await;
    let restored = &region.job(&url, "/checkpoints").await["latest"]["restored"];
    let automatic = view.snapshots.last().expect("the update's").name.clone();
    assert_eq!(restored["is_savepoint"], true);
    assert!(
        restored["external_path"]
            .as_str()
            .expect("a path")
            .contains(&automatic),
        "{restored}\n{}",
        told(&region.journal)
    );
    let records = region.service.records("orders");
    assert_eq!((records.lost, records.duplicated, records.wrong), (0, 0, 0));
    assert!(records.replayed > 0 && records.lag < 200, "{records:?}");
    println!("{}", told(&region.journal));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_falls_back_to_ready_with_the_text_of_the_failure() {
    let region = region();
    region.service.add_application(orders());
    region
        .deploy("orders", "bad-main.jar")
        .await
        .expect("accepted");
    region.until("orders", Status::Ready).await;
    let (info, detail) = operation(&region, 0).await;
    assert_eq!(
        (info.operation(), info.operation_status()),
        (
            Some("UpdateApplication"),
            Some(&model::OperationStatus::Failed)
        )
    );
    let failure = detail
        .operation_failure_details()
        .and_then(|failure| failure.error_info())
        .and_then(|info| info.error_string());
    assert!(failure.expect("a text").contains("NoSuchFieldError"));
    let change = detail
        .application_version_change_details()
        .expect("versions");
    assert_eq!(
        (
            change.application_version_updated_from(),
            change.application_version_updated_to()
        ),
        (3, 4)
    );
    assert!(
        rollback(&region, 4)
            .await
            .expect_err("READY")
            .starts_with("ResourceInUseException")
    );
}

#[tokio::test(start_paused = true)]
async fn the_service_rolls_back_by_itself_where_that_is_enabled() {
    let region = region();
    region
        .service
        .add_application(orders().with_system_rollback());
    region
        .deploy("orders", "bad-main.jar")
        .await
        .expect("accepted");
    region.until("orders", Status::RollingBack).await;
    region.until("orders", Status::Running).await;
    assert_eq!(region.service.application("orders").expect("it").version, 5);
    let (rollback, _) = operation(&region, 0).await;
    let (_, failed) = operation(&region, 1).await;
    let named = failed
        .operation_failure_details()
        .and_then(|failure| failure.rollback_operation_id());
    assert_eq!(named, rollback.operation_id());
}

#[tokio::test(start_paused = true)]
async fn the_service_can_be_made_to_catch_restart_loops_too() {
    let quirks = Quirks {
        system_rollback_on_loops: Some(Duration::from_secs(120)),
        ..Quirks::default()
    };
    let region = region_with(
        Settings {
            quirks,
            ..Settings::default()
        },
        codebook(),
    );
    region
        .service
        .add_application(orders().with_system_rollback());
    region.deploy("orders", "bad.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    region.until("orders", Status::RollingBack).await;
    region.until("orders", Status::Running).await;
    region.sleep(60).await;
    assert!(region.service.application("orders").expect("it").healthy);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_update_ends_only_by_force_or_rollback() {
    for by_force in [true, false] {
        let region = region();
        region.service.add_application(orders());
        region
            .service
            .faults("orders", |faults| _ = faults.stuck.insert(Stage::Updating));
        region.deploy("orders", "good.jar").await.expect("accepted");
        region.sleep(7_200).await;
        assert_eq!(region.status("orders"), Status::Updating);
        if by_force {
            force_stop(&region).await.expect("accepted");
            assert_eq!(region.status("orders"), Status::ForceStopping);
            assert!(
                force_stop(&region)
                    .await
                    .expect_err("under way")
                    .starts_with("ResourceInUseException")
            );
            region.until("orders", Status::Ready).await;
        } else {
            rollback(&region, 4).await.expect("accepted");
            region.until("orders", Status::Running).await;
        }
        let (cancelled, _) = operation(&region, 1).await;
        assert_eq!(
            cancelled.operation_status(),
            Some(&model::OperationStatus::Cancelled)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_start_is_stuck_once() {
    let region = region();
    region.service.add_application(orders().not_running());
    region
        .service
        .faults("orders", |faults| _ = faults.stuck.insert(Stage::Starting));
    region
        .client
        .start_application()
        .application_name("orders")
        .send()
        .await
        .expect("accepted");
    region.sleep(7_200).await;
    assert_eq!(region.status("orders"), Status::Starting);
    force_stop(&region).await.expect("accepted");
    region.until("orders", Status::Ready).await;
    region
        .client
        .start_application()
        .application_name("orders")
        .send()
        .await
        .expect("accepted");
    region.until("orders", Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_looping_job_can_be_neither_updated_nor_stopped_nor_snapshotted() {
    let region = region();
    region.service.add_application(orders());
    region.deploy("orders", "bad.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(60).await;
    let mut refused = 0;
    for _ in 0..20 {
        if region.status("orders") == Status::Running {
            match region.deploy("orders", "good.jar").await {
                Err(error) => {
                    assert!(
                        error.starts_with(
                            "InvalidApplicationConfigurationException: Failed to take snapshot"
                        ),
                        "{error}"
                    );
                    refused += 1;
                }
                Ok(_) => {
                    region.until("orders", Status::Running).await;
                    let view = region.service.application("orders").expect("it");
                    let last = view
                        .operations
                        .last()
                        .expect("the update")
                        .error
                        .clone()
                        .expect("it failed");
                    assert!(
                        view.version == 4 && last.contains("currently experiencing downtime"),
                        "{last}"
                    );
                }
            }
        }
        region.sleep(1).await;
    }
    assert!(refused > 0);
    let stopped = region
        .client
        .stop_application()
        .application_name("orders")
        .send()
        .await;
    if stopped.is_ok() {
        region.until("orders", Status::Running).await;
        assert_eq!(
            region
                .service
                .application("orders")
                .expect("it")
                .operations
                .last()
                .expect("the stop")
                .kind,
            "StopApplication"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn which_snapshot_and_which_number_a_rollback_takes_can_be_chosen() {
    for (state, number) in [
        (RollbackState::BeforeTheChange, RollbackVersion::Old),
        (RollbackState::Latest, RollbackVersion::New),
    ] {
        let quirks = Quirks {
            rollback_state: state,
            rollback_version: number,
            ..Quirks::default()
        };
        let region = region_with(
            Settings {
                quirks,
                timings: Timings::default().exact(),
                ..Settings::default()
            },
            codebook(),
        );
        region.service.add_application(orders());
        region.deploy("orders", "bad.jar").await.expect("accepted");
        region.until("orders", Status::Running).await;
        region.sleep(120).await;
        region
            .service
            .place_snapshot("orders", "too-late", Duration::from_secs(30));
        rollback(&region, 4).await.expect("accepted");
        region.until("orders", Status::Running).await;
        region.sleep(120).await;
        let view = region.service.application("orders").expect("it");
        // The late snapshot holds state in the bad version's format: the good version loops on it.
        assert_eq!(
            (view.healthy, view.version),
            if number == RollbackVersion::Old {
                (true, 3)
            } else {
                (false, 5)
            },
            "{}",
            told(&region.journal)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_flink_2_cannot_be_restored_under_flink_1() {
    let region = region();
    region.service.add_application(
        orders()
            .not_running()
            .runtime("FLINK-2_2")
            .version("also-good.jar", Duration::from_secs(60))
            .snapshot("of-two", Duration::from_secs(10)),
    );
    let update = region
        .client
        .update_application()
        .application_name("orders")
        .current_application_version_id(4)
        .runtime_environment_update(model::RuntimeEnvironment::Flink120);
    update.send().await.expect("stored");
    region
        .client
        .start_application()
        .application_name("orders")
        .send()
        .await
        .expect("accepted");
    region.sleep(1).await;
    region.until("orders", Status::Ready).await;
    let (_, detail) = operation(&region, 0).await;
    let failure = detail
        .operation_failure_details()
        .and_then(|failure| failure.error_info())
        .and_then(|info| info.error_string())
        .expect("a text");
    assert!(failure.contains("FLINK-2_2"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn state_that_does_not_fit_leaves_an_update_stuck() {
    let region = region();
    region.service.add_application(orders());
    region
        .deploy("orders", "strict.jar")
        .await
        .expect("accepted");
    region.sleep(7_200).await;
    assert_eq!(region.status("orders"), Status::Updating);
    rollback(&region, 4).await.expect("accepted");
    region.until("orders", Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_batch_returns_to_ready() {
    let region = region();
    region.service.add_application(orders());
    region
        .deploy("orders", "batch.jar")
        .await
        .expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(620).await;
    assert_eq!(region.status("orders"), Status::Ready);
}

#[tokio::test(start_paused = true)]
async fn maintenance_restarts_the_job_once_and_is_an_operation() {
    let region = region();
    region.service.add_application(orders());
    region.sleep(100).await;
    assert!(region.service.start_maintenance("orders"));
    assert!(!region.service.start_maintenance("orders"));
    assert_eq!(region.status("orders"), Status::Maintenance);
    assert!(
        region
            .service
            .metrics("orders", region.clock.now())
            .is_empty()
    );
    region.until("orders", Status::Running).await;
    region.sleep(60).await;
    let metrics = region.service.metrics("orders", region.clock.now());
    assert!(metrics.contains(&("fullRestarts", 1.0)), "{metrics:?}");
    assert_eq!(
        operation(&region, 0).await.0.operation(),
        Some("ApplicationMaintenance")
    );
}

#[tokio::test(start_paused = true)]
async fn autoscaling_takes_a_snapshot_and_changes_the_current_parallelism() {
    let region = region();
    region.service.add_application(orders());
    region.sleep(100).await;
    assert!(region.service.autoscale("orders", 4));
    assert_eq!(region.status("orders"), Status::Autoscaling);
    region.until("orders", Status::Running).await;
    let described = region
        .client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .expect("described");
    let flink = described
        .application_detail
        .and_then(|detail| detail.application_configuration_description)
        .and_then(|all| all.flink_application_configuration_description);
    assert_eq!(
        flink
            .and_then(|flink| flink.parallelism_configuration_description)
            .and_then(|all| all.current_parallelism),
        Some(4)
    );
}

#[tokio::test(start_paused = true)]
async fn the_way_back_by_hand_force_stop_restore_the_configuration_start_from_the_right_snapshot() {
    let region = region();
    region.service.add_application(orders());
    region.deploy("orders", "bad.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(120).await;
    force_stop(&region).await.expect("accepted");
    region.until("orders", Status::Ready).await;
    region.deploy("orders", "good.jar").await.expect("stored");
    assert_eq!(region.status("orders"), Status::Ready);
    let snapshot = region
        .service
        .application("orders")
        .expect("it")
        .snapshots
        .last()
        .expect("the update's")
        .name
        .clone();
    let restore = model::ApplicationRestoreConfiguration::builder()
        .application_restore_type(model::ApplicationRestoreType::RestoreFromCustomSnapshot)
        .snapshot_name(&snapshot)
        .build()
        .expect("a restore");
    let run = model::RunConfiguration::builder()
        .application_restore_configuration(restore)
        .build();
    region
        .client
        .start_application()
        .application_name("orders")
        .run_configuration(run)
        .send()
        .await
        .expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(300).await;
    assert!(region.service.application("orders").expect("it").healthy);
    assert_eq!(region.service.records("orders").lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_without_state_loses_what_came_before() {
    let region = region();
    region.service.add_application(orders());
    region.sleep(60).await;
    force_stop(&region).await.expect("accepted");
    region.until("orders", Status::Ready).await;
    region.service.delete_snapshots("orders");
    region.sleep(40).await;
    region
        .client
        .start_application()
        .application_name("orders")
        .send()
        .await
        .expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(60).await;
    let records = region.service.records("orders");
    assert!(records.lost > 10_000, "{records:?}");
}

#[tokio::test(start_paused = true)]
async fn wrong_results_become_right_when_a_rollback_replays_them() {
    let mut all = codebook();
    all.insert("wrong.jar".to_owned(), Code::that(Behaviour::WrongResults));
    let region = region_with(
        Settings {
            timings: Timings::default().exact(),
            ..Settings::default()
        },
        all,
    );
    region.service.add_application(orders());
    region
        .deploy("orders", "wrong.jar")
        .await
        .expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(600).await;
    let before = region.service.records("orders");
    assert!(
        before.wrong > 40_000 && region.service.application("orders").expect("it").healthy,
        "{before:?}"
    );
    rollback(&region, 4).await.expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(600).await;
    let after = region.service.records("orders");
    // What the wrong version had committed is committed once more.
    assert_eq!(
        (after.wrong, after.lost, after.duplicated),
        (0, 0, before.wrong),
        "{after:?}"
    );
    assert!(
        after.replayed >= before.wrong && after.lag < 200,
        "{after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_a_scenario_places_during_a_loop_holds_no_record_that_was_not_read() {
    let region = region_with(Settings::default(), codebook());
    region.service.add_application(orders());
    region.deploy("orders", "bad.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    region.sleep(600).await;
    region
        .service
        .place_snapshot("orders", "of-the-loop", Duration::from_secs(5));
    let position = region
        .service
        .flink()
        .savepoint_position("orders", "of-the-loop")
        .expect("placed");
    assert!(position < 30_000, "{position}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_stage_takes_its_multiple_and_a_status_can_be_placed() {
    let region = region();
    region.service.add_application(orders());
    region.service.faults("orders", |faults| {
        _ = faults.slow.insert(Stage::Updating, 10)
    });
    region.deploy("orders", "good.jar").await.expect("accepted");
    region.sleep(700).await;
    assert_eq!(region.status("orders"), Status::Updating);
    region.until("orders", Status::Running).await;
    region.service.set_status("orders", Status::RolledBack);
    assert!(
        rollback(&region, 4)
            .await
            .expect_err("ROLLED_BACK")
            .starts_with("ResourceInUseException")
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_open_air_is_told_once_per_series() {
    let region = region();
    region
        .service
        .add_application(orders().version("needs-broker.jar", Duration::from_secs(3_600)));
    for _ in 0..2 {
        region.sleep(300).await;
        region.service.set_dependency("broker", false);
        region.sleep(300).await;
        region.service.set_dependency("broker", true);
        region.sleep(300).await;
    }
    let story = told(&region.journal);
    assert_eq!(
        story.matches("java.net.ConnectException").count(),
        2,
        "{story}"
    );
    assert_eq!(story.matches("RUNNING again").count(), 2, "{story}");
    assert!(story.lines().count() < 30, "{story}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_story_and_another_one_another() {
    async fn story(seed: u64) -> (String, String) {
        let region = region_with(
            Settings {
                seed,
                ..Settings::default()
            },
            codebook(),
        );
        region.service.add_application(orders());
        region.deploy("orders", "bad.jar").await.expect("accepted");
        region.until("orders", Status::Running).await;
        region.sleep(400).await;
        rollback(&region, 4).await.expect("accepted");
        region.until("orders", Status::Running).await;
        region.sleep(100).await;
        (
            told(&region.journal),
            format!("{:?}", region.service.records("orders")),
        )
    }
    assert_eq!(story(7).await, story(7).await);
    assert_ne!(story(7).await.0, story(8).await.0);
}
