//! Recorded calls by the thousand, through the bus: what alarm-keeper is invoked for, and what that costs.

use std::{collections::BTreeMap, time::Duration};

use sandbox::region::Region;
use serde_json::{Value, json};

use super::{
    keeping::{arn, recorded, tagged, unbent, with},
    region, virtually,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Calls by alarm-keeper, by their verb, and how often it was invoked.
fn by_keeper(region: &Region) -> (BTreeMap<String, usize>, usize) {
    let (mut calls, mut invoked) = (BTreeMap::new(), 0);
    for call in region.journal().calls() {
        let of_keeper = |name: &String| name.contains("AlarmKeeper");
        if call.caller.contains("AlarmKeeper") {
            *calls.entry(call.action.clone()).or_default() += 1;
        }
        invoked +=
            usize::from(call.action == "Invoke" && call.resource.as_ref().is_some_and(of_keeper));
    }
    (calls, invoked)
}

fn emit(region: &Region, event: &Value) {
    region.bus().emit(
        "aws.kinesisanalytics",
        "AWS API Call via CloudTrail",
        &[],
        event["detail"].clone(),
    );
}

#[test]
fn a_thousand_updates_cost_no_call_and_no_invocation() {
    virtually(async {
        let region = region();
        for n in 0..1_000 {
            let name = format!("application-{n}");
            emit(
                &region,
                &recorded("UpdateApplication", json!({ "applicationName": name })),
            );
            let refused = with(
                tagged("lifeguard:managed"),
                "/detail/errorCode",
                json!("AccessDeniedException"),
            );
            emit(&region, &refused);
        }
        tokio::time::sleep(MINUTE).await;
        assert_eq!(by_keeper(&region), (BTreeMap::new(), 0));
    });
}

#[test]
fn a_thousand_tags_of_which_alarms_know_nothing_cost_no_call() {
    virtually(async {
        let region = region();
        for n in 0..1_000 {
            let name = format!("application-{n}");
            let tags = json!([{ "key": "lifeguard:soak", "value": "600" }, { "key": "team", "value": "shop" }]);
            let parameters = json!({ "resourceARN": arn(&name), "tags": tags });
            emit(&region, &recorded("TagResource", parameters));
        }
        tokio::time::sleep(MINUTE).await;
        assert_eq!(by_keeper(&region), (BTreeMap::new(), 1_000));
    });
}

#[test]
fn an_update_of_the_runtime_costs_a_look_at_one_application() {
    virtually(async {
        let region = region();
        unbent(&region).invoke(json!({})).await.unwrap();
        let parameters =
            json!({ "applicationName": "orders", "runtimeEnvironmentUpdate": "FLINK-1_20" });
        emit(&region, &recorded("UpdateApplication", parameters));
        tokio::time::sleep(MINUTE).await;
        let (calls, invoked) = by_keeper(&region);
        assert_eq!((calls.get("DescribeAlarms"), invoked), (Some(&2), 1));
        assert_eq!(calls.get("ListApplications"), Some(&1), "{calls:?}");
    });
}
