//! What holds for anything that could be observed: the invariants of the design, by their numbers.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

#[path = "support/any.rs"]
mod any;

use lifecycle::*;
use proptest::prelude::*;
use support::{Case, NOW_SECS, ago, an_application, now};

fn case() -> impl Strategy<Value = Case> {
    let beside = (
        any::policy(),
        any::ledger(),
        any::progress(),
        any::request(),
        any::others(),
        0..25_000_i64,
    );
    (
        any::observation(),
        proptest::option::of(any::observation()),
        beside,
    )
        .prop_map(
            |(seen, earlier, (policy, ledger, progress, request, others, age))| {
                let mut case = Case {
                    seen,
                    policy,
                    ledger,
                    progress,
                    request,
                    others,
                    started_at: ago(age),
                    ..an_application("orders")
                };
                if let Some(mut earlier) = earlier {
                    earlier.at = ago(300);
                    case.before = case.before.after(&earlier, case.policy.soak_secs).0;
                }
                case
            },
        )
}

/// Nothing decided yet: the first turn, or any before the first step.
fn fresh() -> impl Strategy<Value = Case> {
    case().prop_map(|case| Case {
        progress: Progress {
            waiting_since: case.progress.waiting_since,
            ..Progress::default()
        },
        ..case
    })
}

/// A deployment that may be to blame: without it, few arbitrary situations would reach the steps.
fn rescuable() -> impl Strategy<Value = Case> {
    (case(), 5..40_i64, 2..60_i64, 0..4_usize, 0..3_usize).prop_map(
        |(wild, made, period, kind, steps)| {
            let made = made * 60;
            let base = an_application("orders")
                .made(made)
                .with_snapshot("before-change", made + 600);
            let staged = match kind {
                0 => base.looping_every(period),
                1 => an_application("orders")
                    .ready()
                    .made_at(made)
                    .operation("UpdateApplication", "FAILED", made, Some(30))
                    .with_snapshot("before-change", made + 600),
                2 => base.healthy_for(made),
                _ => {
                    let mut case = an_application("orders")
                        .made_at(made)
                        .healthy_for(320)
                        .rescuing()
                        .step(Step::Rollback, 800, support::accepted());
                    case.seen.application.version_id = 8;
                    if steps > 0 {
                        case.looping_every(period)
                    } else {
                        case
                    }
                }
            };
            let mut seen = staged.seen;
            seen.snapshots.extend(wild.seen.snapshots);
            seen.tags = wild
                .seen
                .tags
                .filter(|tags| tags.contains_key(MANAGED_TAG))
                .or(seen.tags);
            Case {
                seen,
                policy: wild.policy,
                ledger: wild.ledger,
                request: wild.request,
                progress: staged.progress,
                ..an_application("orders")
            }
        },
    )
}

fn rescuable_afresh() -> impl Strategy<Value = Case> {
    rescuable().prop_map(|case| Case {
        progress: Progress::default(),
        ..case
    })
}

fn any_case() -> BoxedStrategy<Case> {
    prop_oneof![case(), fresh(), rescuable()].boxed()
}

fn is_changing(decision: &Decision) -> bool {
    decision.action.plan().is_some()
}

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    // Step Functions carry values, not text.
    let tree = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(tree).unwrap(), value);
}

/// The state after a decision, as the state machine carries it on: the step's result is settled.
fn carry_on(case: &mut Case, decision: &Decision, result: &StepResult) {
    let (watch, _) = case.look();
    case.before = watch;
    case.progress = decision.progress.clone();
    if is_changing(decision) {
        case.progress.settle(result.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s1_a_busy_application_is_not_touched_before_its_time_out(case in any_case()) {
        if let Assessment::Busy { since, .. } = case.assess() {
            let timeout = case.policy.under(case.seen.tags.as_ref()).policy.operation_timeout_secs;
            if now().as_second() - since.as_second() < i64::from(timeout) {
                prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
            }
        }
    }

    #[test]
    fn s1_a_healthy_application_is_changed_only_on_a_persons_word(case in any_case()) {
        if matches!(case.assess(), Assessment::Healthy { .. }) && case.request.is_none() {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn s1_what_the_service_does_of_its_own_accord_is_never_touched(case in any_case()) {
        if matches!(case.seen.application.status.as_str(), "MAINTENANCE" | "ROLLING_BACK" | "FORCE_STOPPING" | "DELETING" | "HIBERNATING") {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn s7_nothing_is_begun_while_it_is_not_known_who_else_is_in_trouble(case in any_case()) {
        let mut case = case;
        case.others.told = Err("throttled".to_owned());
        if case.progress.steps.is_empty() && case.request.is_none() {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn s2_without_state_only_on_a_persons_word(case in any_case()) {
        let decision = case.decide();
        if let Some(Restore::WithoutState { .. }) = decision.action.plan().and_then(|plan| plan.restore.as_ref()) {
            prop_assert!(matches!(case.request, Some(Request::Restore { without_state: true, .. })), "{decision:?}");
        }
        if let Action::Start { plan } = &decision.action {
            prop_assert!(plan.restore.is_some(), "a start says what from");
        }
    }

    #[test]
    fn s3_a_rescue_is_begun_only_with_a_snapshot_that_is_right(case in prop_oneof![fresh(), rescuable_afresh()]) {
        let decision = case.decide();
        let Some(rescue) = decision.progress.rescue.as_ref().filter(|_| is_changing(&decision)) else { return Ok(()) };
        let named = match &case.request {
            Some(Request::Restore { snapshot_name, .. }) => snapshot_name.as_deref(),
            _ => None,
        };
        let Some(chosen) = &rescue.snapshot.chosen else {
            prop_assert!(matches!(case.request, Some(Request::ForceStop {} | Request::Restore { without_state: true, .. })), "{decision:?}");
            return Ok(());
        };
        prop_assert!(case.seen.snapshots.contains(chosen), "it is there");
        prop_assert_eq!(&chosen.status, &SnapshotStatus::Ready);
        let source = chosen.enhanced.as_ref().map(|one| &one.source);
        let imported = named.is_some() && source == Some(&SnapshotSource::Imported);
        prop_assert!(imported || source.is_none_or(|source| *source == SnapshotSource::ThisApplication), "{source:?}");
        let fits = |runtime: &Runtime| rescue.good_runtime.accepts_snapshot_of(runtime);
        prop_assert!(chosen.runtime.as_ref().map_or(imported, fits));
        let stays = rescue.good_version_id == rescue.faulty_version_id;
        if named.is_none() {
            prop_assert!(stays || chosen.created_at < rescue.cutoff, "{decision:?}");
            let limit = case.policy.under(case.seen.tags.as_ref()).policy.max_snapshot_age_secs;
            prop_assert!(now().as_second() - chosen.created_at.as_second() <= i64::from(limit));
        }
    }

    #[test]
    fn s3_a_start_names_the_snapshot_that_the_rescue_chose(case in any_case()) {
        let decision = case.decide();
        if let Some(Restore::Snapshot { snapshot_name, snapshot_arn }) = decision.action.plan().and_then(|plan| plan.restore.as_ref()) {
            let chosen = decision.progress.rescue.as_ref().and_then(|rescue| rescue.snapshot.chosen.as_ref());
            prop_assert_eq!(Some(snapshot_name), chosen.map(|one| &one.name));
            // By its name in one mode, by its ARN in the other: the service takes nothing else.
            let mode = &case.seen.application.snapshot_mode;
            prop_assert_eq!(snapshot_arn.is_some(), *mode == SnapshotMode::Enhanced);
            prop_assert!(matches!(mode, SnapshotMode::Legacy | SnapshotMode::Enhanced), "{mode}");
        }
    }

    #[test]
    fn s7_no_mode_that_is_not_known_and_no_key_that_is_not_allowed_is_passed(case in any_case()) {
        let application = &case.seen.application;
        let is_unknown = matches!(application.snapshot_mode, SnapshotMode::Other(_));
        // What was begun is finished.
        let is_closed = application.customer_key.is_some() && case.progress.steps.is_empty();
        if is_unknown || is_closed {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn s3_unreadable_snapshots_are_never_acted_on_but_without_state(case in fresh()) {
        if case.seen.why_unreadable(Part::Snapshots).is_some() {
            let decision = case.decide();
            let fine = matches!(case.request, Some(Request::ForceStop {} | Request::Restore { without_state: true, .. }));
            prop_assert!(fine || !is_changing(&decision), "{decision:?}");
            prop_assert!(!decision.reason.contains("there is no snapshot"), "{}", decision.reason);
        }
    }

    #[test]
    fn s6_what_has_not_opted_in_is_not_touched(case in any_case()) {
        if !case.policy.under(case.seen.tags.as_ref()).opted_in {
            let decision = case.decide();
            // Tags that could not be read are looked for again.
            prop_assert!(decision.action.is_final() || case.seen.tags.is_none(), "{decision:?}");
            prop_assert!(!is_changing(&decision), "{decision:?}");
        }
    }

    #[test]
    fn s7_no_brake_is_passed(case in any_case()) {
        let applied = case.policy.under(case.seen.tags.as_ref());
        // What was begun is finished without the ledger.
        let braked = applied.policy.mode == Mode::Observe
            || !applied.findings.is_empty()
            || case.ledger.is_err() && case.progress.steps.is_empty();
        let spent = case.ledger.as_ref().is_ok_and(|ledger| ledger.rescues_today >= applied.policy.rescues_per_day);
        if braked || spent && case.request.is_none() && case.progress.steps.is_empty() {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn a_version_that_soaked_is_rescued_only_on_a_persons_word(case in prop_oneof![fresh(), rescuable_afresh()]) {
        let made = case.seen.application.version_created_at;
        // What was seen under this number before the version was made is a namesake's.
        let soaked = case.ledger.as_ref().is_ok_and(|ledger| {
            let at = ledger.soaked.get(&case.seen.application.version_id);
            at.is_some_and(|at| made.is_some_and(|made| *at >= made))
        });
        // A word given ahead is a person's too.
        let word = case.policy.rolls_back_when_suspected;
        if soaked && case.request.is_none() && !word {
            prop_assert!(!is_changing(&case.decide()), "{:?}", case.decide());
        }
    }

    #[test]
    fn a_plan_is_fenced_by_a_version_that_was_seen_and_the_intent_is_written(case in any_case()) {
        let decision = case.decide();
        match decision.action.plan() {
            Some(plan) => {
                // A configuration that may have been put back already is sent again as it was the first time.
                let fence = match (&decision.action, case.progress.last(Step::RestoreConfiguration)) {
                    (Action::RestoreConfiguration { .. }, Some(StepTaken { result: Some(StepResult::Failed { error, .. }), version_id, .. }))
                        if error != "Lifeguard.Stale" => *version_id,
                    _ => case.seen.application.version_id,
                };
                prop_assert_eq!(plan.version_id, fence);
                prop_assert!(!plan.reason.is_empty());
                prop_assert_eq!(decision.progress.steps.len(), case.progress.steps.len() + 1);
                prop_assert_eq!(&decision.progress.steps.last().unwrap().result, &None);
                prop_assert!(decision.progress.rescue.is_some());
            }
            None => prop_assert_eq!(&decision.progress.steps, &case.progress.steps),
        }
        prop_assert!(!decision.reason.is_empty());
    }

    #[test]
    fn a_plan_is_only_made_where_the_service_takes_it(case in any_case()) {
        let status = &case.seen.application.status;
        match case.decide().action {
            Action::Rollback { .. } => prop_assert!(status.allows_rollback(), "{status}"),
            Action::RestoreConfiguration { .. } | Action::Start { .. } => prop_assert_eq!(status, &ApplicationStatus::Ready),
            // ROLLED_BACK is nowhere in the model: the service's answer is taken.
            Action::ForceStop { .. } => prop_assert!(status.allows_force_stop() || *status == ApplicationStatus::RolledBack, "{status}"),
            _ => {}
        }
    }

    #[test]
    fn a_rollback_asked_for_is_answered_with_nothing_else(case in fresh()) {
        if matches!(case.request, Some(Request::Rollback {})) {
            let decision = case.decide();
            // Where a snapshot was taken since the change, the service may restore that one: the same version is gone back to by the restore steps (cR3).
            let since = |one: &Snapshot| decision.progress.rescue.as_ref().is_some_and(|rescue| one.created_at >= rescue.cutoff);
            let otherwise = case.seen.snapshots.iter().any(since) && decision.reason.contains("RollbackApplication is not used: snapshot");
            let word = support::word(&decision.action);
            prop_assert!(!is_changing(&decision) || word == if otherwise { "forceStop" } else { "rollback" }, "{decision:?}");
        }
    }

    #[test]
    fn recovered_needs_a_change_and_health_or_an_end(case in any_case()) {
        if case.decide().action == Action::Recovered {
            prop_assert!(!case.progress.steps.is_empty());
            let word = case.assess().word();
            prop_assert!(["healthy", "finished"].contains(&word), "{word}");
        }
    }

    #[test]
    fn a_wait_is_at_least_a_second_and_never_past_the_deadline(case in any_case()) {
        if let Action::Wait { secs } = case.decide().action {
            let deadline = i64::from(case.policy.under(case.seen.tags.as_ref()).policy.deadline_secs);
            let left = deadline - (now().as_second() - case.started_at.as_second());
            prop_assert!((1..=deadline).contains(&i64::from(secs)), "{secs}");
            prop_assert!(i64::from(secs) <= left, "{secs} of {left}");
        }
    }

    #[test]
    fn l2_at_the_deadline_every_turn_is_the_last(case in any_case()) {
        let deadline = i64::from(case.policy.under(case.seen.tags.as_ref()).policy.deadline_secs);
        let case = Case { started_at: ago(deadline), ..case };
        prop_assert!(case.decide().action.is_final());
    }

    #[test]
    fn the_same_situation_gives_the_same_decision(case in any_case()) {
        prop_assert_eq!(case.decide(), case.decide());
    }

    #[test]
    fn what_travels_through_the_state_machine_comes_back_as_it_was(case in any_case()) {
        let decision = case.decide();
        let (watch, assessment) = case.look();
        round_trip(&decision);
        round_trip(&watch);
        round_trip(&assessment);
        round_trip(&case.seen);
        round_trip(&case.progress);
        round_trip(&case.request);
    }

    #[test]
    fn a_watch_of_before_this_version_can_still_be_read(case in case()) {
        let mut tree = serde_json::to_value(case.look().0).unwrap();
        if let Some(run) = tree["job"].as_object_mut() {
            run.remove("troubleAt");
        }
        prop_assert!(serde_json::from_value::<Watch>(tree).is_ok());
    }

    #[test]
    fn no_job_is_healthy_within_a_soak_of_its_last_disturbance(first in any::job(), second in any::job(), soak in 1..600_u32) {
        let mut watch = Watch::default();
        for job in [&first, &second] {
            if let Assessment::Healthy { since } = watch.assess_job(job, true, soak) {
                let millis = |at: jiff::Timestamp| at.as_millisecond();
                prop_assert!(job.is_all_running());
                prop_assert!(since >= job.disturbed_at());
                prop_assert!(millis(job.at) - millis(since) >= i64::from(soak) * 1000);
                let latest = job.checkpoints.as_ref().and_then(|all| all.latest_completed_at);
                prop_assert!(latest.is_some_and(|at| at >= since));
            }
        }
    }

    #[test]
    fn a_restart_that_any_signal_shows_between_two_looks_is_never_healthy_at_the_second(job in any::job(), apart in 1..9_000_i64, which in 0..4_u8) {
        let at = jiff::Timestamp::from_second(NOW_SECS + apart).unwrap();
        let mut second = Job { at, ..job.clone() };
        match which {
            0 => second.restarting_at = Some(at),
            1 => second.restarts_metric = Some(job.restarts().saturating_add(1)),
            2 => second.max_attempt = u32::try_from(job.restarts().saturating_add(1)).unwrap_or(u32::MAX),
            _ => second.faults.newest_at = Some(at),
        }
        let mut watch = Watch::default();
        watch.assess_job(&job, true, 303);
        if job.restarts() < u64::from(u32::MAX) {
            prop_assert_ne!(watch.assess_job(&second, true, 303).word(), "healthy");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// On a word given ahead nothing is stopped and nothing is started, whatever is seen meanwhile.
    #[test]
    fn a_word_given_ahead_is_for_rollback_application_only(case in rescuable(), wild in case()) {
        let mut case = Case { seen: if wild.seen.at == now() { wild.seen } else { case.seen.clone() }, request: None, ..case };
        case.progress.steps.retain(|taken| taken.step == Step::Rollback);
        let Some(rescue) = case.progress.rescue.as_mut() else { return Ok(()) };
        rescue.only = Some(Only::Rollback);
        let decision = case.decide();
        prop_assert!(!is_changing(&decision) || matches!(decision.action, Action::Rollback { .. }), "{}", decision.reason);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// The world stays as it is, whatever is done to it: the worst that can be met. Every step is accepted at most once for each target, tried three times at most, and the execution ends.
    #[test]
    fn l2_every_sequence_of_decisions_ends_and_takes_each_step_once(
        start in any_case(),
        later in proptest::collection::vec(any::observation(), 1..6),
        results in proptest::collection::vec(any::result(), 1..8),
    ) {
        let mut case = Case { progress: Progress::default(), started_at: now(), now: now(), ..start };
        let deadline = i64::from(case.policy.under(None).policy.deadline_secs);
        let mut turns = 0_usize;
        loop {
            let decision = case.decide();
            if decision.action.is_final() {
                break;
            }
            carry_on(&mut case, &decision, &results[turns % results.len()]);
            let passed = match decision.action {
                Action::Wait { secs } => i64::from(secs),
                // A step takes time, as the state machine's wait after it does.
                _ => 10,
            };
            case.now += jiff::SignedDuration::from_secs(passed);
            turns += 1;
            // Now and then the world changes, but who is looked after stays.
            if turns.is_multiple_of(3) {
                let mut seen = later[turns / 3 % later.len()].clone();
                seen.tags.clone_from(&case.seen.tags);
                case.seen = seen;
            }
            case.seen.at = case.now;
            for step in [Step::Rollback, Step::ForceStop, Step::RestoreConfiguration, Step::Start] {
                let of_step: Vec<&StepTaken> = case.progress.own_steps().iter().filter(|taken| taken.step == step).collect();
                let accepted = of_step.iter().filter(|taken| matches!(taken.result, Some(StepResult::Accepted { .. }))).count();
                prop_assert!(accepted <= 1, "{step:?} was accepted {accepted} times");
                prop_assert!(of_step.len() <= 3, "{step:?} was tried {} times", of_step.len());
            }
            prop_assert!(turns < 25_000, "it does not end");
        }
        let took = case.now.as_second() - case.started_at.as_second();
        prop_assert!(took <= deadline + 10, "it ended {took} s after its start, {deadline} s are allowed");
    }

    #[test]
    fn redaction_never_shows_a_known_secret_and_never_panics(text in ".{0,80}", secret in "[a-zA-Z0-9!#$%]{5,20}", before in ".{0,20}", limit in 0..200_usize) {
        let property = lifecycle::Property { name: "db.password".into(), value: secret.clone() };
        let clean = redact(&format!("{before}{secret}{text}"), &[property], limit);
        prop_assert!(!clean.contains(&secret) || "[db.password]".contains(&secret), "{clean}");
        prop_assert!(clean.chars().count() <= limit + 1);
    }

    #[test]
    fn a_tag_is_understood_or_found_fault_with(name in "[a-z-]{0,20}", value in ".{0,12}") {
        let tags = std::collections::BTreeMap::from([(format!("{TAG_PREFIX}{name}"), value)]);
        let applied = Policy { mode: Mode::Act, ..Policy::default() }.under(Some(&tags));
        if !applied.findings.is_empty() {
            prop_assert_eq!(applied.policy.mode, Mode::Observe);
        }
        prop_assert!(applied.policy.soak_secs >= 30 && applied.policy.operation_timeout_secs >= 60);
    }
}

/// The properties are worth nothing if they never meet a rescue.
#[test]
fn the_strategies_reach_every_action() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..3_000 {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        *seen
            .entry(support::word(&case.decide().action))
            .or_default() += 1;
    }
    for action in [
        "wait",
        "rollback",
        "forceStop",
        "restoreConfiguration",
        "start",
        "recovered",
        "leaveAlone",
        "escalate",
    ] {
        assert!(
            seen.get(action).copied().unwrap_or(0) >= 5,
            "{action} is hardly met: {seen:?}"
        );
    }
}
