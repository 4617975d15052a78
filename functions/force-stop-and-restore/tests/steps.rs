//! The three steps over the real SDK client: exactly one call when it is due, none when it is not, and a fresh look after a lost answer.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use force_stop_and_restore::ForceStopAndRestore;
use lambda_kit::{Env, ErrorType, Failure, Function, Invocation, answer};
use serde_json::{Value, json};
use support::service::{Fault, Lines, Service, full};

/// As the Lambda runtime does it, from JSON to JSON. No property value may show anywhere in what is answered or logged.
async fn run(service: &Service, event: Value) -> Result<Value, Failure> {
    let acting = Env::from_iter([
        ("MODE", "act"),
        ("FORCE_STOP", "enabled"),
        (
            "USABLE_KEYS",
            "arn:aws:kms:us-east-1:123456789012:key/key-1",
        ),
    ]);
    run_in(&acting, service, event).await
}

async fn run_in(env: &Env, service: &Service, event: Value) -> Result<Value, Failure> {
    let (lines, _listening) = Lines::start();
    let function = ForceStopAndRestore::build(env, &service.double.aws()).unwrap();
    let result = answer(
        &function,
        event,
        Invocation {
            request_id: "r1".into(),
            now: jiff::Timestamp::UNIX_EPOCH,
        },
    )
    .await;
    let seen = format!("{result:?} {}", lines.text());
    assert!(!seen.contains("marker"), "{seen}");
    result
}

fn event(step: &str, plan: Value) -> Value {
    json!({ "step": step, "applicationName": "orders", "plan": plan, "dryRun": false, "redriveCount": 0 })
}

fn force_stop() -> Value {
    event("forceStop", json!({ "versionId": 7, "reason": "looping" }))
}

fn restore() -> Value {
    event(
        "restoreConfiguration",
        json!({ "versionId": 7, "targetVersionId": 6 }),
    )
}

fn start() -> Value {
    event(
        "start",
        json!({ "versionId": 7, "restore": { "snapshotName": "before" }, "allowNonRestoredState": false }),
    )
}

/// Each step with an application on which it is due, the verb it calls, and what makes the change visible.
fn steps() -> Vec<(Value, Service, &'static str)> {
    let looping = Service::new(full());
    looping.with("ApplicationStatus", "RUNNING");
    let bad = bad_version();
    let stopped = Service::new(full());
    vec![
        (force_stop(), looping, "StopApplication"),
        (restore(), bad, "UpdateApplication"),
        (start(), stopped, "StartApplication"),
    ]
}

/// READY at version 7, which has another code, another property and a property group more than the good version 6.
fn bad_version() -> Service {
    let service = Service::new(full());
    service.set(|state| {
        let mut good = full();
        good["ApplicationVersionId"] = 6.into();
        state.versions.insert(6, good);
        let configuration = &mut state.application["ApplicationConfigurationDescription"];
        configuration["ApplicationCodeConfigurationDescription"]["CodeContentDescription"] = json!({ "CodeMD5": "bad", "CodeSize": 9,
            "S3ApplicationCodeLocationDescription": { "BucketARN": "arn:aws:s3:::code", "FileKey": "orders-7.jar", "ObjectVersion": "v7" } });
        let groups = &mut configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"];
        groups[0]["PropertyMap"]["url"] = "marker-secret-bad".into();
        groups.as_array_mut().unwrap().push(json!({ "PropertyGroupId": "added", "PropertyMap": { "key": "marker-secret-added" } }));
    });
    service
}

#[tokio::test]
async fn each_step_run_twice_calls_once() {
    for (event, service, verb) in steps() {
        assert_eq!(
            run(&service, event.clone()).await.unwrap()["outcome"],
            "accepted",
            "{verb}"
        );
        assert_eq!(
            run(&service, event).await.unwrap()["outcome"],
            "alreadyDone",
            "{verb}"
        );
        assert_eq!(service.double.bodies(verb).len(), 1, "{verb}");
        assert_eq!(service.changes().len(), 1, "{verb}");
    }
}

#[tokio::test]
async fn after_a_lost_answer_each_step_looks_and_does_not_call_again() {
    for (event, service, verb) in steps() {
        service.fault(verb, Fault::LoseAnswer);
        let answer = run(&service, event).await.unwrap();
        assert_eq!(
            (&answer["outcome"], &answer["operationId"]),
            (&json!("accepted"), &Value::Null),
            "{verb}"
        );
        assert_eq!(
            service.double.verbs().last().unwrap(),
            "DescribeApplication",
            "{verb}"
        );
        assert_eq!(service.changes().len(), 1, "{verb}");
    }
}

#[tokio::test]
async fn a_call_that_never_arrived_is_retryable_and_the_next_run_succeeds() {
    for (event, service, verb) in steps() {
        service.fault(verb, Fault::Cut);
        assert_eq!(
            run(&service, event.clone()).await.unwrap_err().error_type,
            ErrorType::Retryable,
            "{verb}"
        );
        assert_eq!(service.changes().len(), 1, "{verb}: not repeated by itself");
        assert_eq!(
            run(&service, event).await.unwrap()["outcome"],
            "accepted",
            "{verb}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_an_unreadable_look_are_retryable_and_the_next_run_sees_the_effect() {
    for (event, service, verb) in steps() {
        service
            .fault(verb, Fault::LoseAnswer)
            .set(|state| state.unreadable_after_change = true);
        assert_eq!(
            run(&service, event.clone()).await.unwrap_err().error_type,
            ErrorType::Retryable,
            "{verb}"
        );
        service.set(|state| state.unreadable_after_change = false);
        assert_eq!(
            run(&service, event).await.unwrap()["outcome"],
            "alreadyDone",
            "{verb}"
        );
        assert_eq!(service.changes().len(), 1, "{verb}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_services_words_without_property_values() {
    for (index, (event, service, verb)) in steps().into_iter().enumerate() {
        let codes = [
            "InvalidRequestException",
            "InvalidApplicationConfigurationException",
            "ResourceNotFoundException",
        ];
        service.fault(
            verb,
            Fault::Refuse(codes[index], "cannot do that with marker-secret-one".into()),
        );
        let failure = run(&service, event).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Refused, "{verb}");
        assert!(
            failure.message.contains("cannot do that") && failure.message.contains("orders"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn an_operation_in_progress_refuses_nothing() {
    for (event, service, verb) in steps() {
        let in_use = "an operation is in progress; url is marker-secret-one";
        service.fault(verb, Fault::Refuse("ResourceInUseException", in_use.into()));
        let failure = run(&service, event.clone()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Stale, "{verb}");
        assert!(
            failure.message.contains("an operation is in progress"),
            "{}",
            failure.message
        );
        assert_eq!(
            run(&service, event).await.unwrap()["outcome"],
            "accepted",
            "{verb}"
        );
    }
}

#[tokio::test]
async fn nothing_is_stopped_whose_good_configuration_could_not_be_put_back() {
    let looping = |change: fn(&mut Value)| {
        let service = bad_version();
        service.with("ApplicationStatus", "RUNNING");
        service.set(|state| change(state.versions.get_mut(&6).unwrap()));
        service
    };
    let to = |target: u64| {
        event(
            "forceStop",
            json!({ "versionId": 7, "targetVersionId": target, "reason": "looping" }),
        )
    };
    // The object at the same key is another one now; the other mode; uploaded with a request.
    let overwritten = looping(|good| {
        good["ApplicationConfigurationDescription"]["ApplicationCodeConfigurationDescription"]["CodeContentDescription"] = json!({
            "CodeMD5": "good", "CodeSize": 9,
            "S3ApplicationCodeLocationDescription": { "BucketARN": "arn:aws:s3:::code", "FileKey": "orders-7.jar", "ObjectVersion": "v7" } });
    });
    let of_another_mode = looping(|good| good["ApplicationMode"] = "INTERACTIVE".into());
    // Snapshots in a mode, or anything else that is newer than this release.
    let with_a_new_setting = looping(|good| {
        good["ApplicationConfigurationDescription"]["ApplicationSnapshotConfigurationDescription"]
            ["NewSetting"] = "marker-secret".into();
    });
    for service in [overwritten, of_another_mode, with_a_new_setting] {
        let failure = run(&service, to(6)).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::CannotCarry);
        assert!(
            failure.message.contains("orders was not stopped")
                && failure.message.contains("version 6"),
            "{}",
            failure.message
        );
        assert!(!failure.message.contains("marker"), "{}", failure.message);
        assert!(service.changes().is_empty(), "{:?}", service.changes());
    }
    let fine = looping(|_| {});
    assert_eq!(run(&fine, to(6)).await.unwrap()["outcome"], "accepted");
    // What cannot be read is no answer: it is asked again, and nothing is stopped meanwhile.
    let unread = looping(|_| {});
    for _ in 0..6 {
        unread.fault("DescribeApplicationVersion", Fault::Cut);
    }
    assert_eq!(
        run(&unread, to(6)).await.unwrap_err().error_type,
        ErrorType::Retryable
    );
    assert!(unread.changes().is_empty());
    // To the version that it has, nothing is carried over.
    let itself = looping(|_| {});
    assert_eq!(run(&itself, to(7)).await.unwrap()["outcome"], "accepted");
    assert!(
        !itself
            .double
            .verbs()
            .contains(&"DescribeApplicationVersion".to_owned())
    );
}

#[tokio::test]
async fn a_refusal_that_quotes_the_target_versions_property_shows_none_either() {
    let service = bad_version();
    service.set(|state| {
        let group = &mut state.versions.get_mut(&6).unwrap()["ApplicationConfigurationDescription"]
            ["EnvironmentPropertyDescriptions"];
        group["PropertyGroupDescriptions"][0]["PropertyMap"]["only-here"] =
            "marker-only-in-the-target".into();
    });
    service.fault(
        "UpdateApplication",
        Fault::Refuse(
            "InvalidArgumentException",
            "bad: marker-only-in-the-target".into(),
        ),
    );
    assert!(
        run(&service, restore())
            .await
            .unwrap_err()
            .message
            .contains("[only-here]")
    );
}

#[tokio::test]
async fn a_plan_for_another_version_sends_nothing() {
    for (event, service, verb) in steps() {
        service.with("ApplicationVersionId", 8);
        assert_eq!(
            run(&service, event).await.unwrap_err().error_type,
            ErrorType::Stale,
            "{verb}"
        );
        assert!(service.changes().is_empty(), "{verb}");
    }
}

#[tokio::test]
async fn a_status_that_does_not_allow_the_step_sends_nothing() {
    for (step, statuses) in [
        (
            0,
            vec![
                "MAINTENANCE",
                "ROLLING_BACK",
                "DELETING",
                "ROLLED_BACK",
                "SOMETHING_NEW",
            ],
        ),
        (
            1,
            vec![
                "RUNNING",
                "STARTING",
                "UPDATING",
                "FORCE_STOPPING",
                "STOPPING",
                "ROLLED_BACK",
            ],
        ),
        (
            2,
            vec![
                "UPDATING",
                "FORCE_STOPPING",
                "STOPPING",
                "ROLLING_BACK",
                "MAINTENANCE",
                "ROLLED_BACK",
                "SOMETHING_NEW",
            ],
        ),
    ] {
        for status in statuses {
            let (event, service, verb) = steps().swap_remove(step);
            service.with("ApplicationStatus", status);
            assert_eq!(
                run(&service, event).await.unwrap_err().error_type,
                ErrorType::Stale,
                "{verb} in {status}"
            );
            assert!(service.changes().is_empty(), "{verb} in {status}");
        }
    }
}

#[tokio::test]
async fn an_application_of_another_stack_or_of_none_is_not_touched() {
    for tag in ["payments", "", " ", "my stack"] {
        for (event, service, _) in steps() {
            service.set(|state| {
                state.tags.insert("lifeguard:stack".into(), tag.into());
            });
            let failure = run(&service, event).await.unwrap_err();
            assert_eq!(failure.error_type, ErrorType::NotAllowed, "{failure}");
            assert!(failure.message.contains("lifeguard:stack"), "{failure}");
            assert!(service.changes().is_empty(), "{tag:?}");
        }
    }
}

#[tokio::test]
async fn an_application_that_has_not_opted_in_is_not_touched() {
    for (event, service, verb) in steps() {
        service.set(|state| state.tags.clear());
        let failure = run(&service, event).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed, "{verb}");
        assert!(
            failure.message.contains("lifeguard:managed=true"),
            "{}",
            failure.message
        );
        assert!(service.changes().is_empty(), "{verb}");
    }
}

#[tokio::test]
async fn a_wrong_input_is_bad_input() {
    for input in [
        json!({ "applicationName": "orders", "plan": { "versionId": 7 } }),
        event("somethingElse", json!({ "versionId": 7 })),
        event("restoreConfiguration", json!({ "versionId": 7 })),
        event("start", json!({ "versionId": 7 })),
    ] {
        let service = Service::new(full());
        assert_eq!(
            run(&service, input).await.unwrap_err().error_type,
            ErrorType::BadInput
        );
        assert!(service.double.calls().is_empty());
    }
}

#[tokio::test]
async fn force_stop_sends_force() {
    for status in ["STARTING", "UPDATING", "STOPPING", "AUTOSCALING", "RUNNING"] {
        let service = Service::new(full());
        service.with("ApplicationStatus", status);
        let plan = event("forceStop", json!({ "versionId": 7, "status": status }));
        assert_eq!(
            run(&service, plan).await.unwrap(),
            json!({ "outcome": "accepted", "operationId": "op-stop", "versionId": 7 })
        );
        assert_eq!(
            service.changes(),
            [(
                "StopApplication".to_owned(),
                json!({ "ApplicationName": "orders", "Force": true })
            )]
        );
    }
}

#[tokio::test]
async fn what_has_become_busy_since_the_decision_is_not_force_stopped() {
    for (decided, now) in [
        ("RUNNING", "AUTOSCALING"),
        ("RUNNING", "STOPPING"),
        ("UPDATING", "STARTING"),
    ] {
        let service = Service::new(full());
        service.with("ApplicationStatus", now);
        let plan = event("forceStop", json!({ "versionId": 7, "status": decided }));
        assert_eq!(
            run(&service, plan).await.unwrap_err().error_type,
            ErrorType::Stale
        );
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn what_is_stopped_or_stopping_needs_no_force_whatever_its_version() {
    for status in ["FORCE_STOPPING", "READY"] {
        let service = Service::new(full());
        service
            .with("ApplicationStatus", status)
            .with("ApplicationVersionId", 9);
        assert_eq!(
            run(&service, force_stop()).await.unwrap(),
            json!({ "outcome": "alreadyDone", "versionId": 9 })
        );
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn a_configuration_is_put_back_by_what_differs_and_nothing_else() {
    let service = bad_version();
    assert_eq!(
        run(&service, restore()).await.unwrap(),
        json!({ "outcome": "accepted", "operationId": "op-update", "versionId": 8 })
    );
    let expected = json!({
        "ApplicationName": "orders",
        "ApplicationConfigurationUpdate": {
            "ApplicationCodeConfigurationUpdate": { "CodeContentTypeUpdate": "ZIPFILE", "CodeContentUpdate": { "S3ContentLocationUpdate":
                { "BucketARNUpdate": "arn:aws:s3:::code", "FileKeyUpdate": "orders-6.jar", "ObjectVersionUpdate": "v6" } } },
            "EnvironmentPropertyUpdates": { "PropertyGroups": [
                { "PropertyGroupId": "sink", "PropertyMap": { "password": "marker-secret-one", "url": "marker-secret-two" } }] },
        },
        "RunConfigurationUpdate": { "FlinkRunConfiguration": { "AllowNonRestoredState": true } },
        "ConditionalToken": "token-7",
    });
    assert_eq!(
        service.changes(),
        [("UpdateApplication".to_owned(), expected)]
    );
    let state = service.state.lock().unwrap();
    assert_eq!(
        state.application["ApplicationConfigurationDescription"],
        state.versions[&6]["ApplicationConfigurationDescription"]
    );
}

#[tokio::test]
async fn without_a_token_the_version_is_the_fence() {
    let service = bad_version();
    service.with("ConditionalToken", Value::Null);
    run(&service, restore()).await.unwrap();
    let body = &service.double.bodies("UpdateApplication")[0];
    assert_eq!(
        (
            &body["CurrentApplicationVersionId"],
            &body["ConditionalToken"]
        ),
        (&json!(7), &Value::Null)
    );
}

#[tokio::test]
async fn a_hand_in_between_makes_the_update_stale() {
    let service = bad_version();
    service.fault(
        "UpdateApplication",
        Fault::Refuse(
            "ConcurrentModificationException",
            "changed meanwhile".into(),
        ),
    );
    assert_eq!(
        run(&service, restore()).await.unwrap_err().error_type,
        ErrorType::Stale
    );
}

#[tokio::test]
async fn what_cannot_be_carried_is_named_and_nothing_is_changed() {
    let service = bad_version();
    service.set(|state| {
        let good = &mut state.versions.get_mut(&6).unwrap()["ApplicationConfigurationDescription"];
        good["VpcConfigurationDescriptions"] = json!([]);
        good["ApplicationCodeConfigurationDescription"]["CodeContentDescription"] =
            json!({ "CodeMD5": "uploaded", "CodeSize": 3 });
    });
    let failure = run(&service, restore()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::CannotCarry);
    for part in [
        "version 6 of orders",
        "nothing was changed",
        "VPC: ",
        "code: ",
    ] {
        assert!(
            failure.message.contains(part),
            "{part}: {}",
            failure.message
        );
    }
    assert!(service.changes().is_empty());
}

#[tokio::test]
async fn a_setting_that_this_release_does_not_know_closes_the_step_by_name() {
    let service = bad_version();
    service.set(|state| {
        let good = &mut state.versions.get_mut(&6).unwrap()["ApplicationConfigurationDescription"];
        good["ApplicationSnapshotConfigurationDescription"]["NewSetting"] = "marker-secret".into();
    });
    let failure = run(&service, restore()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::CannotCarry);
    let name = "ApplicationSnapshotConfigurationDescription.NewSetting";
    assert!(failure.message.contains(name), "{}", failure.message);
    assert!(!failure.message.contains("marker"), "{}", failure.message);
    assert!(service.changes().is_empty());
}

#[tokio::test]
async fn code_that_was_replaced_at_its_place_in_s3_is_noticed_before_anything_starts() {
    let service = bad_version();
    service.set(|state| {
        state
            .objects
            .insert("orders-6.jar".to_owned(), "replaced".to_owned());
    });
    let failure = run(&service, restore()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::StoredOtherwise);
    assert!(
        failure.message.contains("is not as in version 6: code: ")
            && failure.message.contains("not started"),
        "{}",
        failure.message
    );
    let again = run(&service, restore()).await.unwrap_err();
    assert_eq!(
        again.error_type,
        ErrorType::Stale,
        "the version is another one now: look again"
    );
}

#[tokio::test]
async fn a_start_names_the_snapshot_and_the_flag() {
    let service = Service::new(full());
    assert_eq!(
        run(&service, start()).await.unwrap(),
        json!({ "outcome": "accepted", "operationId": "op-start", "versionId": 7 })
    );
    let expected = json!({ "ApplicationName": "orders", "RunConfiguration": {
        "FlinkRunConfiguration": { "AllowNonRestoredState": false },
        "ApplicationRestoreConfiguration": { "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "before" } } });
    assert_eq!(
        service.changes(),
        [("StartApplication".to_owned(), expected)]
    );
}

#[tokio::test]
async fn left_out_the_flag_stays_as_it_stands() {
    let service = Service::new(full());
    run(
        &service,
        event(
            "start",
            json!({ "versionId": 7, "restore": { "snapshotName": "before" } }),
        ),
    )
    .await
    .unwrap();
    assert_eq!(
        service.double.bodies("StartApplication")[0]["RunConfiguration"]["FlinkRunConfiguration"]["AllowNonRestoredState"],
        true
    );
}

#[tokio::test]
async fn without_state_needs_as_many_words() {
    let service = Service::new(full());
    for restore in [
        json!({}),
        json!({ "withoutState": false }),
        json!({ "snapshotName": null }),
        json!({ "snapshotName": "" }),
        json!({ "snapshotName": "before", "withoutState": true }),
    ] {
        let failure = run(
            &service,
            event("start", json!({ "versionId": 7, "restore": restore })),
        )
        .await
        .unwrap_err();
        assert_eq!(failure.error_type, ErrorType::BadInput, "{restore}");
    }
    assert!(service.double.calls().is_empty());
    run(
        &service,
        event(
            "start",
            json!({ "versionId": 7, "restore": { "withoutState": true } }),
        ),
    )
    .await
    .unwrap();
    assert_eq!(
        service.double.bodies("StartApplication")[0]["RunConfiguration"]["ApplicationRestoreConfiguration"],
        json!({ "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT" })
    );
}

#[tokio::test]
async fn an_application_that_was_started_from_something_else_is_stale_and_not_done() {
    for (restore, allow) in [
        (
            json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "another" }),
            false,
        ),
        (
            json!({ "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT" }),
            false,
        ),
        (
            json!({ "ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT" }),
            false,
        ),
        (
            json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "before" }),
            true,
        ),
    ] {
        for status in ["STARTING", "RUNNING"] {
            let service = Service::new(full());
            service.with("ApplicationStatus", status).set(|state| {
                state.application["ApplicationConfigurationDescription"]["RunConfigurationDescription"] = json!({
                    "ApplicationRestoreConfigurationDescription": restore, "FlinkRunConfigurationDescription": { "AllowNonRestoredState": allow } });
            });
            assert_eq!(
                run(&service, start()).await.unwrap_err().error_type,
                ErrorType::Stale,
                "{restore} {status}"
            );
            assert!(service.changes().is_empty());
        }
    }
}

#[tokio::test]
async fn a_stack_that_observes_or_has_no_last_resort_takes_no_step_whoever_calls() {
    for (mode, force_stop, said) in [
        ("observe", "enabled", "this stack only observes"),
        ("observe", "disabled", "this stack only observes"),
        ("act", "disabled", "ForceStop=disabled"),
    ] {
        let env = Env::from_iter([("MODE", mode), ("FORCE_STOP", force_stop)]);
        for (event, service, verb) in steps() {
            let failure = run_in(&env, &service, event).await.unwrap_err();
            assert_eq!(failure.error_type, ErrorType::NotAllowed, "{verb}");
            assert!(failure.message.contains(said), "{failure}");
            assert!(service.double.verbs().is_empty(), "nothing is even read");
        }
    }
}

#[tokio::test]
async fn an_application_that_is_only_observed_is_not_changed() {
    for (tag, value, said) in [
        ("lifeguard:mode", "observe", "lifeguard:mode=observe"),
        ("lifeguard:mode", "agressive", "write observe or act"),
        ("lifeguard:rescues-per-day", "many", "from 0 to 10"),
    ] {
        for (event, service, verb) in steps() {
            service.set(|state| drop(state.tags.insert(tag.into(), value.into())));
            let failure = run(&service, event).await.unwrap_err();
            assert_eq!(failure.error_type, ErrorType::NotAllowed, "{verb}");
            assert!(failure.message.contains(said), "{failure}");
            assert!(service.changes().is_empty(), "{verb}");
        }
    }
}

#[test]
fn without_a_mode_it_does_not_start() {
    let service = Service::new(full());
    for (env, said) in [
        (Env::default(), "MODE"),
        (
            Env::from_iter([("MODE", "Act"), ("FORCE_STOP", "enabled")]),
            "write observe or act",
        ),
        (Env::from_iter([("MODE", "act")]), "FORCE_STOP"),
        (
            Env::from_iter([("MODE", "act"), ("FORCE_STOP", "on")]),
            "write enabled or disabled",
        ),
    ] {
        let error = ForceStopAndRestore::build(&env, &service.double.aws())
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

const ARN: &str = "arn:aws:kinesisanalytics:eu-west-1:1:snapshot/before";

fn with_mode(detail: &mut Value, mode: &str) {
    let configuration = &mut detail["ApplicationConfigurationDescription"];
    configuration["ApplicationSnapshotConfigurationDescription"]["SnapshotMode"] = mode.into();
}

fn start_by_arn() -> Value {
    let from = json!({ "snapshotName": "before", "snapshotArn": ARN });
    event("start", json!({ "versionId": 7, "restore": from }))
}

#[tokio::test]
async fn an_enhanced_snapshot_is_named_by_its_arn_and_its_effect_is_known_by_it() {
    let service = Service::new(full());
    service.set(|state| with_mode(&mut state.application, "ENHANCED_SNAPSHOTS"));
    service.fault("StartApplication", Fault::LoseAnswer);
    let answer = run(&service, start_by_arn()).await.unwrap();
    assert_eq!(answer["outcome"], "accepted", "the look shows the ARN");
    let sent = &service.double.bodies("StartApplication")[0]["RunConfiguration"];
    assert_eq!(
        sent["ApplicationRestoreConfiguration"],
        json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": ARN })
    );
    let answer = run(&service, start_by_arn()).await.unwrap();
    assert_eq!(answer["outcome"], "alreadyDone");
    assert_eq!(service.changes().len(), 1);
}

#[tokio::test]
async fn a_start_whose_snapshot_is_not_of_the_mode_is_not_sent() {
    for (mode, event, error) in [
        ("ENHANCED_SNAPSHOTS", start(), ErrorType::Stale),
        (
            "APPLICATION_SNAPSHOTS_LEGACY",
            start_by_arn(),
            ErrorType::Stale,
        ),
        ("NEW", start(), ErrorType::NotAllowed),
        ("NEW", start_by_arn(), ErrorType::NotAllowed),
    ] {
        let service = Service::new(full());
        service.set(|state| with_mode(&mut state.application, mode));
        let failure = run(&service, event).await.unwrap_err();
        assert_eq!(failure.error_type, error, "{mode}");
        assert!(failure.message.contains(mode), "{}", failure.message);
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn the_snapshot_mode_stays_and_a_switch_to_it_is_a_persons() {
    // It has switched since the good version: no update sets that back, and none needs to.
    let stays = bad_version();
    stays.set(|state| with_mode(&mut state.application, "ENHANCED_SNAPSHOTS"));
    let answer = run(&stays, restore()).await.unwrap();
    assert_eq!(answer["outcome"], "accepted");
    let sent = stays.double.bodies("UpdateApplication")[0].to_string();
    assert!(!sent.contains("SnapshotMode"), "{sent}");
    assert_eq!(
        run(&stays, restore()).await.unwrap()["outcome"],
        "alreadyDone"
    );
    for (mode, named) in [("ENHANCED_SNAPSHOTS", "enhanced snapshots"), ("NEW", "NEW")] {
        let service = bad_version();
        service.set(|state| with_mode(state.versions.get_mut(&6).unwrap(), mode));
        let failure = run(&service, restore()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::CannotCarry);
        assert!(
            failure.message.contains("snapshot mode: ") && failure.message.contains(named),
            "{}",
            failure.message
        );
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn nothing_is_stopped_that_needs_a_key_which_the_stack_may_not_use() {
    let key = |detail: &mut Value| {
        let configuration = &mut detail["ApplicationConfigurationDescription"];
        configuration["ApplicationEncryptionConfigurationDescription"]["KeyId"] = "key-2".into();
    };
    let (own, of_target) = (bad_version(), bad_version());
    own.set(|state| key(&mut state.application));
    of_target.set(|state| key(state.versions.get_mut(&6).unwrap()));
    for service in [own, of_target] {
        service.with("ApplicationStatus", "RUNNING");
        let plan = json!({ "versionId": 7, "targetVersionId": 6 });
        let failure = run(&service, event("forceStop", plan)).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed);
        assert!(failure.message.contains("key-2"), "{}", failure.message);
        assert!(service.changes().is_empty());
    }
}
