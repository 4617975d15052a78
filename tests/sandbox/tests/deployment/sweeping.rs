//! The sweeper in the region: its doors, what it costs for many applications, and what it does while the stop switch is on or Step Functions takes no start. Over the protocol that the SDK speaks.

use std::{collections::BTreeMap, time::Duration};

use sandbox::{
    faults::{Fault, Rule},
    managed_flink::ApplicationSeed,
    region::{REMEDIATE, Region},
    scenario::{act, days},
};
use serde_json::{Value, json};

use super::{region, virtually};

const MINUTE: Duration = Duration::from_secs(60);

async fn sweep(region: &Region, event: Value) -> Value {
    region.invoke("sweeper", &event).await.unwrap()
}

/// Calls of the sweeper since so many of all calls, by verb.
fn calls(region: &Region, since: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let calls = region.journal().calls();
    let own = calls.iter().skip(since);
    for call in own.filter(|call| call.caller.contains("SweeperRole")) {
        *counts.entry(call.action.clone()).or_default() += 1;
    }
    counts
}

/// Somebody does this to `orders`.
async fn done(region: &Region, what: Value) {
    act(region, "orders", &serde_json::from_value(what).unwrap()).await;
}

async fn deployed(region: &Region) {
    done(region, json!({ "deploy": { "code": "orders-5.jar" } })).await;
}

fn executions(region: &Region) -> Vec<String> {
    let executions = region.executions_of(REMEDIATE);
    executions.into_iter().map(|one| one.name).collect()
}

#[test]
fn a_dry_run_says_what_it_would_start_and_neither_starts_nor_remembers() {
    virtually(async {
        let region = region();
        sweep(&region, json!({})).await;
        deployed(&region).await;
        for _ in 0..2 {
            let said = sweep(&region, json!({ "dryRun": true })).await;
            assert_eq!(said["dryRun"], true, "{said}");
            assert_eq!(said["started"][0]["condition"], "deployment", "{said}");
            assert_eq!(said["started"][0]["applicationName"], "orders");
        }
        assert_eq!(executions(&region), Vec::<String>::new());
        let said = sweep(&region, json!({})).await;
        assert_eq!(
            executions(&region),
            [said["started"][0]["executionName"].as_str().unwrap()]
        );
        assert_eq!(sweep(&region, json!({})).await["started"], json!([]));
    });
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    virtually(async {
        let region = region();
        for (event, named) in [(json!({ "dryrun": true }), "dryrun"), (json!([]), "a list")] {
            let refused = region.invoke("sweeper", &event).await.unwrap_err();
            assert!(refused.contains(named), "{refused}");
        }
        assert_eq!(calls(&region, 0), BTreeMap::new());
    });
}

#[test]
fn while_the_stop_switch_is_on_nothing_is_looked_at_and_nothing_is_forgotten() {
    virtually(async {
        let region = region();
        sweep(&region, json!({})).await;
        let thrown =
            json!({ "throwStopSwitch": { "by": "mia", "why": "the region is in trouble" } });
        done(&region, thrown).await;
        deployed(&region).await;
        let before = region.journal().calls().len();
        let said = sweep(&region, json!({})).await;
        assert_eq!(
            (&said["stopped"], &said["started"]),
            (&json!(true), &json!([]))
        );
        assert_eq!(
            calls(&region, before),
            BTreeMap::from([("GetItem".to_owned(), 1)])
        );
        done(&region, json!("liftStopSwitch")).await;
        let said = sweep(&region, json!({})).await;
        assert_eq!(said["started"][0]["condition"], "deployment", "{said}");
    });
}

#[test]
fn what_could_not_be_started_is_started_by_the_next_run() {
    virtually(async {
        let region = region();
        sweep(&region, json!({})).await;
        let throttled = Rule::new(Fault::Throttle).on("states", "StartExecution");
        region.faults().add(throttled);
        deployed(&region).await;
        let said = sweep(&region, json!({})).await;
        assert_eq!(
            (&said["notStarted"], &said["started"]),
            (&json!(1), &json!([]))
        );
        region.faults().clear();
        let said = sweep(&region, json!({})).await;
        assert_eq!(said["started"][0]["condition"], "deployment", "{said}");
    });
}

#[test]
fn a_thousand_that_run_cost_their_pages_and_nothing_each() {
    virtually(async {
        let region = region();
        for n in 0..1_000 {
            let seed = ApplicationSeed::new(&format!("application-{n}"))
                .version("orders-6.jar", days(5))
                .tag("lifeguard:managed", "true");
            region.flink().add_application(seed);
        }
        sweep(&region, json!({})).await;
        // Not one of the minutes in which signs of jobs are asked for.
        tokio::time::sleep(MINUTE).await;
        let before = region.journal().calls().len();
        let said = sweep(&region, json!({})).await;
        assert_eq!(
            (&said["applications"], &said["read"]),
            (&json!(1_001), &json!(0))
        );
        let counts = calls(&region, before);
        assert_eq!(counts["ListApplications"], 21, "{counts:?}");
        assert!(counts.values().sum::<usize>() < 30, "{counts:?}");
    });
}
