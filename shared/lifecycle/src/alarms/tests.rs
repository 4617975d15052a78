//! Alarms: names, and what is created, put right, removed or left alone.

use std::collections::BTreeMap;

use proptest::{collection, prelude::*, sample::select};

use super::{
    FlinkMajor::{One, Two},
    *,
};
use crate::Runtime;

const ME: &str = "lifeguard";

fn wishes(of: &[(&str, Wish)]) -> Wishes {
    wishes_with(of, None)
}

fn wishes_with(of: &[(&str, Wish)], snapshots_checked_every_secs: Option<u32>) -> Wishes {
    Wishes {
        applications: of
            .iter()
            .map(|(name, wish)| ((*name).to_owned(), wish.clone()))
            .collect(),
        snapshots_checked_every_secs,
        stack: StackName::default(),
    }
}

fn found(definition: AlarmDefinition) -> FoundAlarm {
    FoundAlarm {
        name: definition.name.clone(),
        definition: Some(definition),
    }
}

fn owned(names: &[String], by: Option<&str>) -> BTreeMap<String, Option<String>> {
    names
        .iter()
        .map(|name| (name.clone(), by.map(str::to_owned)))
        .collect()
}

#[test]
fn an_application_that_opts_in_gets_all_its_alarms() {
    let plan = plan_alarms(
        &wishes(&[("orders", Wish::Watched(One))]),
        &[],
        &BTreeMap::new(),
        ME,
    );
    let names: Vec<&str> = plan
        .create
        .iter()
        .map(|alarm| alarm.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "lifeguard-orders-checkpoints",
            "lifeguard-orders-not-up",
            "lifeguard-orders-restarts",
            "lifeguard-orders-restarts-flink-2",
            "lifeguard-orders-restarts-slow"
        ]
    );
    assert!(
        plan.create
            .iter()
            .all(|alarm| alarm.description.contains("orders") && alarm.datapoints <= alarm.periods)
    );
}

#[test]
fn the_alarm_on_stale_snapshots_comes_and_goes_with_their_schedule() {
    let application = [("orders", Wish::Watched(One))];
    let plan = plan_alarms(
        &wishes_with(&application, Some(3_600)),
        &[],
        &BTreeMap::new(),
        ME,
    );
    let names: Vec<&str> = plan
        .create
        .iter()
        .map(|alarm| alarm.name.as_str())
        .collect();
    assert_eq!(
        (names.len(), names[5]),
        (6, "lifeguard-orders-snapshots-stale")
    );

    let stale = [found(snapshot_alarm_of(
        "orders",
        3_600,
        &StackName::default(),
    ))];
    let planned = |every| {
        let wishes = wishes_with(&application, every);
        plan_alarms(
            &wishes,
            &stale,
            &owned(&suspects(&wishes, &stale), Some(ME)),
            ME,
        )
    };
    assert_eq!(
        (
            planned(Some(3_600)).right,
            planned(Some(3_600)).remove.len()
        ),
        (1, 0)
    );
    assert_eq!(
        planned(Some(1_800)).fix,
        [snapshot_alarm_of("orders", 1_800, &StackName::default())],
        "another interval is another period"
    );
    assert_eq!(
        planned(None).remove,
        ["lifeguard-orders-snapshots-stale"],
        "what is not checked any more would never ring again"
    );
}

#[test]
fn an_alarm_on_snapshots_watches_as_often_as_is_checked_and_waits_for_the_second_check() {
    let alarm = snapshot_alarm_of("orders", 1_810, &"payments".parse().unwrap());
    assert_eq!(
        (alarm.period_secs, alarm.periods, alarm.datapoints),
        (1_860, 2, 2)
    );
    assert_eq!(
        (alarm.source.namespace(), alarm.metric.as_str()),
        ("FlinkLifeguard", SNAPSHOTS_STALE_METRIC)
    );
    assert_eq!(
        alarm.source.dimensions("orders"),
        [
            ("stack", "payments".to_owned()),
            ("function", "snapshot-keeper".to_owned()),
            ("application", "orders".to_owned())
        ]
    );
}

#[test]
fn what_an_alarm_watches_is_spelled_as_cloudwatch_has_it() {
    let watched = |flink| -> Vec<_> {
        let alarms = alarms_of("orders", flink).into_iter();
        alarms
            .map(|alarm| (alarm.label(), alarm.watched.expression(), alarm.period_secs))
            .collect()
    };
    let rise = |label: &str, period_secs| (label.to_owned(), Some("DIFF(m1)"), period_secs);
    let not_up = |label: &str| {
        let expression = "IF((m1 >= 0) AND (m1 < 300000), 1, 0)";
        (label.to_owned(), Some(expression), 60)
    };
    assert_eq!(
        watched(One),
        [
            rise("fullRestarts per minute", 60),
            rise("numRestarts per minute", 60),
            rise("numberOfFailedCheckpoints per minute", 60),
            not_up("uptime short of 5 minutes"),
            rise("fullRestarts per 5 minutes", 300),
        ]
    );
    assert_eq!(
        watched(Two)[3..],
        [
            not_up("runningTime short of 5 minutes"),
            rise("numRestarts per 5 minutes", 300),
        ]
    );
    assert_eq!(Source::Service.namespace(), "AWS/KinesisAnalytics");
    assert_eq!(
        Source::Service.dimensions("orders"),
        [("Application", "orders".to_owned())]
    );
}

#[test]
fn the_metrics_change_with_flink_2() {
    for (runtime, flink) in [
        ("FLINK-1_15", One),
        ("FLINK-1_20", One),
        ("FLINK-2_2", Two),
        ("FLINK-2_3", Two),
        ("FLINK-3_0", Two),
        ("SQL-1_0", One),
        ("", One),
    ] {
        assert_eq!(FlinkMajor::of(&Runtime::from(runtime)), flink, "{runtime}");
    }
}

#[test]
fn no_alarm_from_flink_2_on_watches_what_flink_has_announced_to_remove() {
    let watched: Vec<String> = alarms_of("orders", Two)
        .into_iter()
        .map(|alarm| alarm.metric)
        .collect();
    for removed in ["uptime", "downtime"] {
        assert!(
            !watched.iter().any(|metric| metric == removed),
            "{watched:?}"
        );
    }
}

#[test]
fn another_runtime_gives_the_same_alarms_the_other_metrics() {
    let alarms: Vec<FoundAlarm> = alarms_of("orders", One).into_iter().map(found).collect();
    for (flink, fixed) in [(One, 0), (Two, 2)] {
        let wishes = wishes(&[("orders", Wish::Watched(flink))]);
        let suspects = suspects(&wishes, &alarms);
        let plan = plan_alarms(&wishes, &alarms, &owned(&suspects, Some(ME)), ME);
        let changed = (plan.create.len(), plan.fix.len(), plan.remove.len());
        assert_eq!((changed, plan.right), ((0, fixed, 0), 5 - fixed));
    }
}

#[test]
fn an_alarm_that_an_earlier_release_made_goes_where_this_stack_made_it() {
    let mut alarms: Vec<FoundAlarm> = alarms_of("orders", One).into_iter().map(found).collect();
    alarms.push(FoundAlarm {
        name: "lifeguard-orders-downtime".into(),
        definition: None,
    });
    for (wish, owner, removed, foreign) in [
        (Wish::Watched(One), Some(ME), 1, 0),
        (Wish::Watched(One), None, 0, 1),
        (Wish::Watched(One), Some("lifeguard-2"), 0, 1),
        (Wish::Unknown, Some(ME), 0, 0),
        (Wish::Unwatched, Some(ME), 6, 0),
    ] {
        let wishes = wishes(&[("orders", wish)]);
        let suspects = suspects(&wishes, &alarms);
        let plan = plan_alarms(&wishes, &alarms, &owned(&suspects, owner), ME);
        assert_eq!(
            (plan.remove.len(), plan.foreign.len()),
            (removed, foreign),
            "{wishes:?}"
        );
    }
    let asked = alarm_names("orders");
    assert!(asked.contains(&"lifeguard-orders-downtime".to_owned()));
}

#[test]
fn an_application_costs_less_than_a_dollar_a_month_in_alarms() {
    // An alarm of one metric costs 0.10 USD a month, one with an expression as much for each of its metrics: here each has one.
    let stack = StackName::default();
    let alarms = alarms_of("orders", One).into_iter();
    let alarms = alarms.chain([snapshot_alarm_of("orders", 3_600, &stack)]);
    assert_eq!(alarms.count() * 10, 60, "cents; infra/README.md says so");
}

#[test]
fn an_alarm_changed_by_hand_is_put_right_only_where_this_stack_owns_it() {
    let wishes = wishes(&[("orders", Wish::Watched(One))]);
    let mut alarms: Vec<FoundAlarm> = alarms_of("orders", One).into_iter().map(found).collect();
    alarms[0].definition.as_mut().unwrap().periods = 99;
    alarms[1].definition = None;
    let suspects = suspects(&wishes, &alarms);
    assert_eq!(suspects, [alarms[0].name.clone(), alarms[1].name.clone()]);
    let plan = plan_alarms(&wishes, &alarms, &owned(&suspects, Some(ME)), ME);
    assert_eq!(
        (
            plan.fix.len(),
            plan.right,
            plan.create.len(),
            plan.remove.len()
        ),
        (2, 3, 0, 0)
    );
    for other in [Some("lifeguard-2"), None] {
        let plan = plan_alarms(&wishes, &alarms, &owned(&suspects, other), ME);
        assert_eq!((plan.fix.len(), plan.foreign.len()), (0, 2));
    }
}

#[test]
fn alarms_go_with_their_application_and_with_its_opting_out_and_never_on_a_doubt() {
    let alarms: Vec<FoundAlarm> = alarms_of("orders", One).into_iter().map(found).collect();
    for (wish, removed) in [
        (vec![], 5),
        (vec![("orders", Wish::Unwatched)], 5),
        (vec![("orders", Wish::Unknown)], 0),
    ] {
        let wishes = wishes(&wish);
        let asked = suspects(&wishes, &alarms);
        assert_eq!(asked.len(), removed);
        assert_eq!(
            plan_alarms(&wishes, &alarms, &owned(&asked, Some(ME)), ME)
                .remove
                .len(),
            removed,
            "{wish:?}"
        );
        let others = plan_alarms(&wishes, &alarms, &owned(&asked, Some("lifeguard-2")), ME);
        assert_eq!(
            (others.remove.len(), others.foreign.len()),
            (0, removed),
            "{wish:?}"
        );
    }
}

#[test]
fn a_name_that_this_project_does_not_give_is_nobody_s_business() {
    for name in [
        "orders-restarts",
        "lifeguard-orders",
        "lifeguard-restarts",
        "lifeguard--restarts",
        "lifeguard-AlarmsRefused-1X2Y",
    ] {
        let alarm = FoundAlarm {
            name: name.into(),
            definition: None,
        };
        assert!(
            suspects(&Wishes::default(), std::slice::from_ref(&alarm)).is_empty(),
            "{name}"
        );
        let plan = plan_alarms(
            &Wishes::default(),
            &[alarm],
            &owned(&[name.into()], Some(ME)),
            ME,
        );
        assert_eq!(plan, AlarmPlan::default(), "{name}");
    }
}

fn application() -> impl Strategy<Value = String> {
    // Names made of the parts of alarm names: where a mix-up would show.
    collection::vec(
        select(vec![
            "a",
            "restarts",
            "flink-2",
            "checkpoints",
            "downtime",
            "not-up",
            "slow",
            "snapshots",
            "stale",
            "lifeguard",
        ]),
        1..4,
    )
    .prop_map(|parts| parts.join("-"))
}

fn wish() -> impl Strategy<Value = Wish> {
    select(vec![
        Wish::Watched(One),
        Wish::Watched(Two),
        Wish::Unwatched,
        Wish::Unknown,
    ])
}

proptest! {
    #[test]
    fn no_two_applications_share_an_alarm(one in application(), other in application()) {
        prop_assume!(one != other);
        let names = alarm_names(&one);
        prop_assert!(alarm_names(&other).iter().all(|name| !names.contains(name)));
    }

    #[test]
    fn what_a_plan_does_leaves_nothing_to_do_and_touches_only_its_own(
        applications in collection::btree_map(application(), wish(), 0..5),
        snapshots_checked_every_secs in select(vec![None, Some(60), Some(3_600)]),
        present in collection::vec((application(), 0..6_usize, any::<bool>(), select(vec![Some(ME), Some("other"), None])), 0..12),
    ) {
        let wishes = Wishes { applications, snapshots_checked_every_secs, stack: StackName::default() };
        let mut alarms: BTreeMap<String, FoundAlarm> = BTreeMap::new();
        let mut tags: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (application, kind, changed, tag) in present {
            let all = alarms_of(&application, One).into_iter().chain([snapshot_alarm_of(&application, 3_600, &StackName::default())]);
            let mut definition = all.collect::<Vec<_>>().swap_remove(kind);
            definition.periods += u32::from(changed);
            tags.insert(definition.name.clone(), tag.map(str::to_owned));
            alarms.insert(definition.name.clone(), found(definition));
        }
        let before = alarms.clone();
        let round = |alarms: &BTreeMap<String, FoundAlarm>, tags: &BTreeMap<String, Option<String>>| {
            let list: Vec<FoundAlarm> = alarms.values().cloned().collect();
            let owners = suspects(&wishes, &list).into_iter().map(|name| { let tag = tags[&name].clone(); (name, tag) }).collect();
            plan_alarms(&wishes, &list, &owners, ME)
        };
        let plan = round(&alarms, &tags);
        for definition in plan.create.iter().chain(&plan.fix) {
            prop_assert!(matches!(wishes.applications[&definition.application], Wish::Watched(_)));
            tags.entry(definition.name.clone()).or_insert(Some(ME.to_owned()));
            alarms.insert(definition.name.clone(), found(definition.clone()));
        }
        for name in &plan.remove {
            alarms.remove(name);
        }
        for (name, alarm) in &before {
            let ours = tags[name].as_deref() == Some(ME);
            prop_assert!(ours || alarms.get(name) == Some(alarm), "{} was somebody else's", name);
        }
        for application in wishes.applications.iter().filter(|(_, wish)| **wish == Wish::Unknown).map(|(name, _)| name) {
            for name in alarm_names(application) {
                prop_assert_eq!(alarms.get(&name), before.get(&name));
            }
        }
        let again = round(&alarms, &tags);
        prop_assert_eq!((again.create.len(), again.fix.len(), again.remove.len()), (0, 0, 0));
        prop_assert_eq!(again.foreign, plan.foreign);
    }
}

#[test]
fn the_longest_name_of_an_application_fits_into_cloudwatchs_limits() {
    for chars in [1, 53, 99, 128] {
        let application = "x".repeat(chars);
        let mut all = alarms_of(&application, One);
        all.push(snapshot_alarm_of(
            &application,
            3_600,
            &StackName::default(),
        ));
        for alarm in all {
            assert!(alarm.name.len() <= 255, "{}", alarm.name);
            assert!(alarm.description.chars().count() <= 1024, "{}", alarm.name);
            assert_eq!(
                application_of_alarm(&alarm.name),
                Some(application.as_str())
            );
        }
    }
}

#[test]
fn an_alarms_name_tells_its_application_also_where_that_is_named_like_a_kind() {
    for application in [
        "orders",
        "orders-restarts",
        "restarts-flink-2",
        "-",
        "a-b.c",
    ] {
        for name in alarm_names(application) {
            assert_eq!(application_of_alarm(&name), Some(application), "{name}");
        }
    }
    for other in [
        "lifeguard-restarts",
        "lifeguard--restarts",
        "orders-restarts",
        "lifeguard-orders-mine",
    ] {
        assert_eq!(application_of_alarm(other), None, "{other}");
    }
}
