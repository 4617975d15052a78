//! Tags and policy, requests, the spelling of the APIs, and what travels as JSON.

mod support;

use std::collections::BTreeMap;

use lifecycle::*;
use support::*;

fn under(tags: &[(&str, &str)]) -> Applied {
    let tags = tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Policy {
        mode: Mode::Act,
        ..Policy::default()
    }
    .under(Some(&tags))
}

#[test]
fn the_default_is_the_most_careful_mode_and_no_opt_in() {
    let applied = Policy::default().under(Some(&BTreeMap::new()));
    assert_eq!(
        (applied.policy.mode, applied.opted_in),
        (Mode::Observe, false)
    );
    assert!(applied.findings.is_empty());
    assert_eq!(applied.policy, Policy::default());
}

#[test]
fn unreadable_tags_opt_out() {
    let applied = Policy {
        mode: Mode::Act,
        ..Policy::default()
    }
    .under(None);
    assert_eq!(
        (
            applied.policy.mode,
            applied.opted_in,
            applied.findings.len()
        ),
        (Mode::Observe, false, 1)
    );
}

#[test]
fn every_tag_does_what_its_name_says() {
    type Read = fn(&Applied) -> u64;
    let rows: [(&str, &str, Read, u64); 10] = [
        ("lifeguard:managed", "true", |it| it.opted_in.into(), 1),
        ("lifeguard:managed", "false", |it| it.opted_in.into(), 0),
        ("lifeguard:soak", "90s", |it| it.policy.soak_secs.into(), 90),
        (
            "lifeguard:operation-timeout",
            "1h",
            |it| it.policy.operation_timeout_secs.into(),
            3_600,
        ),
        (
            "lifeguard:settle-timeout",
            "45m",
            |it| it.policy.settle_timeout_secs.into(),
            2_700,
        ),
        (
            "lifeguard:snapshot-max-age",
            "2d",
            |it| it.policy.max_snapshot_age_secs.into(),
            172_800,
        ),
        (
            "lifeguard:source-retention",
            "1h",
            |it| it.policy.source_retention_secs.unwrap().into(),
            3_600,
        ),
        (
            "lifeguard:source-retention",
            "365d",
            |it| it.policy.source_retention_secs.unwrap().into(),
            31_536_000,
        ),
        (
            "lifeguard:rescues-per-day",
            "0",
            |it| it.policy.rescues_per_day.into(),
            0,
        ),
        (
            "lifeguard:rescues-per-day",
            "10",
            |it| it.policy.rescues_per_day.into(),
            10,
        ),
    ];
    for (key, value, read, expected) in rows {
        let applied = under(&[(key, value)]);
        assert_eq!(read(&applied), expected, "{key}={value}");
        assert_eq!(
            (applied.findings.len(), applied.policy.mode),
            (0, Mode::Act),
            "{key}={value}"
        );
    }
}

#[test]
fn the_mode_can_only_become_more_careful() {
    for (stack, tag, expected) in [
        (Mode::Act, "act", Mode::Act),
        (Mode::Act, "observe", Mode::Observe),
        (Mode::Observe, "act", Mode::Observe),
        (Mode::Observe, "observe", Mode::Observe),
    ] {
        let tags = BTreeMap::from([("lifeguard:mode".to_owned(), tag.to_owned())]);
        let applied = Policy {
            mode: stack,
            ..Policy::default()
        }
        .under(Some(&tags));
        assert_eq!(applied.policy.mode, expected, "{stack} under {tag}");
        assert!(applied.findings.is_empty());
    }
    assert_eq!(
        (Mode::Observe.to_string(), Mode::Act.to_string()),
        ("observe".into(), "act".into()),
        "as the tag spells it"
    );
}

#[test]
fn the_longest_duration_is_thirty_days_and_every_unit_is_read() {
    for (value, secs) in [
        ("30d", 2_592_000),
        ("720h", 2_592_000),
        ("43200m", 2_592_000),
        ("2592000s", 2_592_000),
        ("30s", 30),
    ] {
        let applied = under(&[("lifeguard:soak", value)]);
        assert_eq!(
            (applied.policy.soak_secs, applied.findings),
            (secs, vec![]),
            "{value}"
        );
    }
    assert_eq!(under(&[("lifeguard:soak", "2592001s")]).findings.len(), 1);
}

#[test]
fn a_policy_from_before_stacks_could_lack_a_function_has_it() {
    let mut json = serde_json::to_value(Policy::default()).unwrap();
    json.as_object_mut()
        .unwrap()
        .remove("allowForceStop")
        .expect("it is written");
    assert_eq!(
        serde_json::from_value::<Policy>(json).unwrap(),
        Policy::default()
    );
}

#[test]
fn a_tag_that_does_not_parse_makes_the_application_observe_only_and_is_told() {
    for (key, value, told) in [
        ("lifeguard:managed", "yes", "true or false"),
        ("lifeguard:managed", "True", "true or false"),
        ("lifeguard:managed", "", "true or false"),
        ("lifeguard:mode", "ACT", "observe or act"),
        ("lifeguard:mode", "", "observe or act"),
        ("lifeguard:soak", "300", "30s to 30d"),
        ("lifeguard:soak", "29s", "30s to 30d"),
        ("lifeguard:soak", "5 m", "30s to 30d"),
        ("lifeguard:soak", "-5m", "30s to 30d"),
        ("lifeguard:soak", "m", "30s to 30d"),
        ("lifeguard:soak", "", "30s to 30d"),
        ("lifeguard:soak", "5ä", "30s to 30d"),
        ("lifeguard:soak", "31d", "30s to 30d"),
        ("lifeguard:soak", "4294967295d", "30s to 30d"),
        ("lifeguard:soak", "99999999999s", "30s to 30d"),
        ("lifeguard:operation-timeout", "59s", "60s to 30d"),
        ("lifeguard:settle-timeout", "1.5h", "60s to 30d"),
        ("lifeguard:snapshot-max-age", "forever", "60s to 30d"),
        ("lifeguard:source-retention", "59m", "3600s to 365d"),
        ("lifeguard:source-retention", "366d", "3600s to 365d"),
        ("lifeguard:rescues-per-day", "11", "0 to 10"),
        ("lifeguard:rescues-per-day", "-1", "0 to 10"),
        ("lifeguard:rescues-per-day", "two", "0 to 10"),
        ("lifeguard:colour", "blue", "no such tag"),
        ("lifeguard:", "", "no such tag"),
        ("lifeguard:Managed", "true", "no such tag"),
    ] {
        let applied = under(&[(MANAGED_TAG, "true"), (key, value)]);
        assert_eq!(applied.policy.mode, Mode::Observe, "{key}={value}");
        assert_eq!(applied.findings.len(), 1, "{key}={value}");
        says(&applied.findings[0], &[key, told]);
    }
}

#[test]
fn tags_of_other_functions_and_of_other_people_are_no_concern() {
    let applied = under(&[
        ("lifeguard:owner", "team-a"),
        ("lifeguard:snapshot-keep-last", "x"),
        ("lifeguard:snapshot-keep-daily-days", "7"),
        ("mode", "act!"),
        ("cost", "1"),
    ]);
    assert_eq!(
        (applied.findings.len(), applied.policy.mode),
        (0, Mode::Act)
    );
}

#[test]
fn one_bad_tag_does_not_hide_another() {
    assert_eq!(
        under(&[
            ("lifeguard:soak", "x"),
            ("lifeguard:mode", "y"),
            ("lifeguard:managed", "true")
        ])
        .findings
        .len(),
        2
    );
}

#[test]
fn a_request_may_not_contradict_itself() {
    let both = Request::Restore {
        application_version_id: None,
        snapshot_name: Some("s".into()),
        without_state: true,
        allow_non_restored_state: None,
    };
    says(
        &both.check().unwrap_err(),
        &["names the snapshot s", "without state"],
    );
    for fine in [
        rollback(),
        force_stop(),
        restore(),
        restore_of(3),
        restore_from("s"),
        restore_without_state(),
    ] {
        assert_eq!(fine.check(), Ok(()));
    }
    assert_eq!(
        (
            restore_of(3).version_id(),
            restore().version_id(),
            rollback().version_id()
        ),
        (Some(3), None, None)
    );
}

#[test]
fn a_request_is_written_as_the_readme_says_and_a_typing_mistake_is_refused() {
    let parse = |text: &str| serde_json::from_str::<Request>(text);
    assert_eq!(parse(r#"{"action":"rollback"}"#).unwrap(), rollback());
    assert_eq!(parse(r#"{"action":"forceStop"}"#).unwrap(), force_stop());
    assert_eq!(parse(r#"{"action":"restore"}"#).unwrap(), restore());
    let full = r#"{"action":"restore","applicationVersionId":3,"snapshotName":"s","withoutState":false,"allowNonRestoredState":true}"#;
    let expected = Request::Restore {
        application_version_id: Some(3),
        snapshot_name: Some("s".into()),
        without_state: false,
        allow_non_restored_state: Some(true),
    };
    assert_eq!(parse(full).unwrap(), expected);
    for wrong in [
        r#"{"action":"rolback"}"#,
        r#"{"action":"rollback","applicationVersionId":3}"#,
        r#"{"action":"forceStop","withoutState":true}"#,
        r#"{"action":"restore","snapshot":"s"}"#,
        r#"{"action":"restore","applicationVersionId":"3"}"#,
        r#"{"action":"restore","withoutState":"true"}"#,
        r"{}",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_request_that_cannot_be_read_is_refused_with_what_can_be_written() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Input {
        #[serde(default, deserialize_with = "read_request")]
        request: Option<Request>,
    }
    let read = |json: serde_json::Value| {
        serde_json::from_value::<Input>(json)
            .map(|input| input.request)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(serde_json::json!({})), Ok(None));
    assert_eq!(read(serde_json::json!({"request": null})), Ok(None));
    assert_eq!(
        read(serde_json::json!({"request": {"action": "rollback"}})),
        Ok(Some(rollback()))
    );
    let refused = read(serde_json::json!({"request": {"action": "rolback"}})).unwrap_err();
    says(
        &refused,
        &[
            "the request cannot be read",
            "rolback",
            r#"write {"action":"rollback"}"#,
        ],
    );
    assert_eq!(
        [rollback(), force_stop(), restore()].map(|request| request.action()),
        ["rollback", "forceStop", "restore"]
    );
}

#[test]
fn the_apis_values_come_back_as_they_were_also_those_nobody_knows() {
    for text in [
        "READY",
        "RUNNING",
        "ROLLED_BACK",
        "FORCE_STOPPING",
        "HIBERNATING",
        "",
    ] {
        let status = ApplicationStatus::from(text);
        assert_eq!((status.as_str(), status.to_string().as_str()), (text, text));
        assert_eq!(
            serde_json::to_value(&status).unwrap(),
            serde_json::json!(text)
        );
        assert_eq!(
            serde_json::from_value::<ApplicationStatus>(serde_json::json!(text)).unwrap(),
            status
        );
    }
    assert_eq!(JobState::from("CANCELED").as_str(), "CANCELED");
    assert_eq!(String::from(SnapshotStatus::from("CREATING")), "CREATING");
    assert_eq!(
        OperationStatus::from("PAUSED".to_owned()),
        OperationStatus::Other("PAUSED".into())
    );
}

#[test]
fn what_a_status_allows_is_what_the_api_model_says() {
    for (status, force_stop, rollback) in [
        ("DELETING", false, false),
        ("STARTING", true, false),
        ("STOPPING", true, false),
        ("READY", false, false),
        ("RUNNING", true, true),
        ("UPDATING", true, true),
        ("AUTOSCALING", true, true),
        ("FORCE_STOPPING", false, false),
        ("ROLLING_BACK", false, false),
        ("MAINTENANCE", false, false),
        ("ROLLED_BACK", false, false),
        ("SOMETHING_NEW", false, false),
    ] {
        let status = ApplicationStatus::from(status);
        assert_eq!(
            (status.allows_force_stop(), status.allows_rollback()),
            (force_stop, rollback),
            "{status}"
        );
    }
}

#[test]
fn an_operations_name_tells_its_kind() {
    for (name, kind) in [
        ("StartApplication", OperationKind::Start),
        ("UpdateApplication", OperationKind::Update),
        ("StopApplication", OperationKind::Stop),
        ("FORCE_STOP", OperationKind::Stop),
        ("RollbackApplication", OperationKind::Rollback),
        ("SystemRollbackUpdateApplication", OperationKind::Rollback),
        ("Maintenance", OperationKind::Maintenance),
        ("ApplicationMaintenance", OperationKind::Maintenance),
        ("AutoScaling", OperationKind::Scaling),
        ("ScaleUp", OperationKind::Scaling),
        ("CreateSnapshot", OperationKind::Other),
        ("", OperationKind::Other),
    ] {
        assert_eq!(
            an_operation(name, "SUCCESSFUL", 1, None).kind(),
            kind,
            "{name}"
        );
    }
}

#[test]
fn a_runtime_is_flink_or_out_of_scope() {
    for (runtime, version) in [
        ("FLINK-1_15", Some((1, 15))),
        ("FLINK-2_2", Some((2, 2))),
        ("SQL-1_0", None),
        ("ZEPPELIN-FLINK-3_0", None),
        ("FLINK-2", None),
        ("FLINK-2_x", None),
        ("", None),
    ] {
        let runtime = Runtime::from(runtime);
        assert_eq!(
            (runtime.flink_version(), runtime.is_flink()),
            (version, version.is_some()),
            "{runtime}"
        );
        assert_eq!(runtime.to_string(), runtime.as_str());
    }
}

#[test]
fn an_observation_knows_its_versions_and_what_it_could_not_read() {
    let seen = an_application("orders")
        .unreadable(Part::Tags, "no")
        .operation("UpdateApplication", "SUCCESSFUL", 9, None)
        .seen;
    assert_eq!(seen.runtime_of(7), Some(&Runtime::from("FLINK-1_20")));
    assert_eq!(seen.runtime_of(6).map(Runtime::as_str), Some("FLINK-1_20"));
    assert_eq!(seen.runtime_of(5), None);
    assert_eq!(
        (
            seen.why_unreadable(Part::Tags),
            seen.why_unreadable(Part::Job)
        ),
        (Some("no"), None)
    );
    assert_eq!(seen.newest(&[OperationKind::Start]), None);
}

#[test]
fn a_plan_says_only_what_it_means() {
    let plan = Plan {
        version_id: 8,
        restore: Some(Restore::Snapshot {
            snapshot_name: "s".into(),
            snapshot_arn: None,
        }),
        reason: "why".into(),
        ..Plan::default()
    };
    assert_eq!(
        serde_json::to_value(&plan).unwrap(),
        serde_json::json!({"versionId": 8, "restore": {"snapshotName": "s"}, "reason": "why"})
    );
    let without = Plan {
        restore: Some(Restore::WithoutState {
            without_state: true,
        }),
        ..Plan::default()
    };
    assert_eq!(
        serde_json::to_value(&without).unwrap()["restore"],
        serde_json::json!({"withoutState": true})
    );
}

#[test]
fn a_decision_is_flat_for_the_state_machine() {
    let decision = an_application("orders")
        .made(hours(9))
        .healthy_for(600)
        .decide();
    let json = serde_json::to_value(&decision).unwrap();
    assert_eq!(
        (json["action"].as_str(), json["because"].as_str()),
        (Some("leaveAlone"), Some("healthy"))
    );
    let wait = an_application("orders").made(minutes(3)).decide();
    assert_eq!(
        serde_json::to_value(&wait).unwrap()["secs"],
        serde_json::json!(30)
    );
}

#[test]
fn progress_remembers_which_steps_are_used() {
    let mut progress = Progress::default();
    assert!(
        !progress.has_acted()
            && !progress.is_used(Step::Rollback)
            && progress.last_failure().is_none()
    );
    progress.settle(accepted());
    assert!(progress.steps.is_empty(), "nothing to settle");
    progress.steps.push(StepTaken {
        before: None,
        tries: 1,
        first_at: None,
        step: Step::Rollback,
        at: now(),
        version_id: 7,
        result: None,
    });
    assert!(
        progress.has_acted(),
        "an unknown outcome may have changed it"
    );
    assert!(progress.is_used(Step::Rollback) && !progress.is_done(Step::Rollback));
    progress.settle(refused());
    assert!(!progress.has_acted() && !progress.is_done(Step::Rollback));
    assert_eq!(
        progress.last_failure(),
        Some((
            Step::Rollback,
            "Lifeguard.Refused",
            "the service said Lifeguard.Refused"
        ))
    );
    progress.settle(accepted_as("op-1"));
    assert!(
        progress.is_done(Step::Rollback)
            && progress.has_acted()
            && progress.last_failure().is_none()
    );
}

#[test]
fn how_a_step_went_is_told_in_a_word() {
    let taken = |result| StepTaken {
        before: None,
        tries: 1,
        first_at: None,
        step: Step::Rollback,
        at: now(),
        version_id: 7,
        result,
    };
    let mut progress = Progress {
        steps: vec![taken(None)],
        ..Progress::default()
    };
    assert_eq!(
        (progress.steps[0].word(), progress.steps[0].is_interrupted()),
        ("sent, outcome not known", false)
    );
    progress = progress.interrupted();
    assert_eq!(
        (progress.steps[0].word(), progress.steps[0].is_interrupted()),
        ("sent, outcome not known", true)
    );
    assert!(
        !progress.has_acted(),
        "like any lost answer, it is looked for"
    );
    for (result, word) in [(accepted(), "accepted"), (refused(), "failed")] {
        let heard = Progress {
            steps: vec![taken(Some(result))],
            ..Progress::default()
        };
        assert_eq!(
            (heard.steps[0].word(), heard.steps[0].is_interrupted()),
            (word, false)
        );
        assert_eq!(heard.clone().interrupted(), heard, "what was heard stays");
    }
}

#[test]
fn only_the_last_three_actions_are_final_and_only_changes_have_a_plan() {
    let plan = || Plan::default();
    for (action, is_final, changes) in [
        (Action::Wait { secs: 1 }, false, false),
        (Action::Rollback { plan: plan() }, false, true),
        (Action::ForceStop { plan: plan() }, false, true),
        (Action::RestoreConfiguration { plan: plan() }, false, true),
        (Action::Start { plan: plan() }, false, true),
        (Action::Recovered, true, false),
        (Action::LeaveAlone, true, false),
        (Action::Escalate, true, false),
    ] {
        assert_eq!(
            (action.is_final(), action.plan().is_some()),
            (is_final, changes),
            "{action:?}"
        );
    }
}
