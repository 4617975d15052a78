//! That the checker notices what is done to enhanced snapshots: requests under Lifeguard's roles, as if its functions had sent them.

use serde_json::{Value, json};

use super::{Checker, Invariant};
use crate::{
    observer::Observer as _,
    protocol::aws_json,
    region::{REMEDIATE, SNAPSHOT_CHECK},
    scenario::Opened,
    script::read,
    states::TaskCall,
};

const ARN: &str = "arn:aws:kinesisanalytics:us-east-1:123456789012:snapshot";

/// A region with `orders`, which has snapshots of every kind, and `payments`.
async fn opened() -> Opened {
    let by = |name: &str, age: &str, by: &str| json!({ "name": name, "age": age, "takenBy": by });
    let script = json!({
        "name": "run",
        "world": { "applications": [
            {
                "like": "orders",
                "snapshotMode": "enhanced",
                "snapshots": [by("by-service", "5 h", "service"), by("by-hand", "6 h", "person"), by("own", "7 h", "lifeguard"), by("newer", "2 h", "lifeguard")],
                "snapshotsBeforeSwitch": [by("legacy", "8 h", "lifeguard")],
                "snapshotsOfNamesake": [by("of-namesake", "90 days", "lifeguard")],
            },
            { "name": "payments", "like": "orders", "snapshotMode": "enhanced", "snapshots": [by("of-payments", "3 h", "lifeguard")] },
        ] },
        "happens": [],
    });
    let script = read("run.json", &script.to_string()).expect("a script");
    Opened::of(&script, script.stage(), 1).await.expect("open")
}

/// The texts of what broke these invariants when a step of a state machine sent the request under this role.
async fn broken(
    of: [Invariant; 2],
    (machine, state, package): (&str, &str, &str),
    application: &str,
    verb: &str,
    body: &Value,
) -> Vec<String> {
    let opened = opened().await;
    let checker: &Checker = opened.checker.as_ref().expect("it watches");
    let task = TaskCall {
        resource: String::new(),
        arguments: json!({ "Payload": { "applicationName": application } }),
        state: state.to_owned(),
        execution_arn: "one".to_owned(),
        state_machine_arn: opened.region.machine(machine).to_owned(),
        task_token: None,
    };
    checker.task_begins(&task);
    let role = opened.region.role_of(package).expect("a role").to_owned();
    for (verb, body) in [
        (
            "DescribeApplication",
            &json!({ "ApplicationName": application }),
        ),
        (
            "ListSnapshots",
            &json!({ "SourceApplicationName": application }),
        ),
        (verb, body),
    ] {
        let target = format!("KinesisAnalytics_20180523.{verb}");
        let request = aws_json(&role, "kinesisanalytics", &target, "1.1", body);
        opened.region.router().send(request).await;
    }
    let found = checker.so_far().violations.into_iter();
    found
        .filter(|one| of.contains(&one.invariant))
        .map(|one| one.text)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_is_not_lifeguards_own_is_noticed() {
    let keeper = (SNAPSHOT_CHECK, "Act", "snapshot-keeper");
    let none = "";
    for (name, application, expected) in [
        ("own", "orders", none),
        ("by-service", "orders", "the service took it"),
        ("by-hand", "orders", "it has no tag of Lifeguard's"),
        ("of-namesake", "orders", "it is of orders, created at"),
        (
            "legacy",
            "orders",
            "it is of the snapshot mode before the switch",
        ),
    ] {
        let verb = match name {
            "legacy" => "DeleteApplicationSnapshot",
            _ => "DeleteSnapshot",
        };
        let body = json!({ "ApplicationName": application, "SnapshotName": name, "SnapshotCreationTimestamp": 1 });
        let found = broken(
            [Invariant::S9, Invariant::S11],
            keeper,
            application,
            verb,
            &body,
        )
        .await;
        let ours = |text: &&String| {
            ["the service took", "no tag", "it is of"]
                .iter()
                .any(|said| text.contains(said))
        };
        let said: Vec<&String> = found.iter().filter(ours).collect();
        match expected {
            "" => assert_eq!(said, Vec::<&String>::new(), "{name}"),
            _ => assert!(
                said.iter().any(|text| text.contains(expected)),
                "{name}: {found:?}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_from_anothers_state_is_noticed() {
    let restore = (REMEDIATE, "StartFromSnapshot", "force-stop-and-restore");
    for (name, holds) in [
        ("by-hand", true),
        ("of-payments", false),
        ("of-namesake", false),
    ] {
        let custom = json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": format!("{ARN}/{name}") });
        let run = json!({ "ApplicationRestoreConfiguration": custom });
        for (verb, member) in [
            ("StartApplication", "RunConfiguration"),
            ("UpdateApplication", "RunConfigurationUpdate"),
        ] {
            let body = json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": 2, member: run });
            let found = broken([Invariant::S11; 2], restore, "orders", verb, &body).await;
            assert_eq!(found.is_empty(), holds, "{verb} {name}: {found:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_over_the_switch_is_noticed_where_no_rollback_was_tried() {
    for rolled_back in [false, true] {
        let script = json!({ "name": "run", "happens": [{ "do": "switchSnapshots" }, { "when": { "then": "10 min" } }] });
        let script = read("run.json", &script.to_string()).expect("a script");
        let opened = Opened::of(&script, script.stage(), 1).await.expect("open");
        opened.live(&script).await;
        let checker = opened.checker.as_ref().expect("it watches");
        let step = |state: &str| TaskCall {
            resource: String::new(),
            arguments: json!({ "Payload": { "applicationName": "orders" } }),
            state: state.to_owned(),
            execution_arn: "one".to_owned(),
            state_machine_arn: opened.region.machine(REMEDIATE).to_owned(),
            task_token: None,
        };
        if rolled_back {
            checker.task_begins(&step("RollBack"));
        }
        checker.task_begins(&step("RestoreConfiguration"));
        let role = opened
            .region
            .role_of("force-stop-and-restore")
            .expect("a role");
        let body = json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": 3 });
        let target = "KinesisAnalytics_20180523.UpdateApplication";
        let request = aws_json(role, "kinesisanalytics", target, "1.1", &body);
        opened.region.router().send(request).await;
        let found = checker.so_far().violations.into_iter();
        let burnt = found.filter(|one| one.invariant == Invariant::S11).count();
        assert_eq!(burnt, usize::from(!rolled_back));
    }
}
