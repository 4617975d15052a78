//! One stack per application: what belongs to another one is left alone, and a tag that names none is never ignored.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use lifecycle::{Mode, Reason, Step};
use support::{rescues::a_bad_deployment, *};

/// A deployment that fails, in a stack of this name.
fn bad(stack: &str) -> Case {
    let mut case = a_bad_deployment();
    case.policy.stack = stack.parse().unwrap();
    case
}

#[test]
fn an_application_of_another_stack_is_left_alone_with_the_stacks_name() {
    for (own, tag, owner) in [
        ("lifeguard", Some("payments"), "payments"),
        ("payments", None, "lifeguard"),
        ("payments", Some("lifeguard"), "lifeguard"),
        ("payments", Some("Payments"), "Payments"),
    ] {
        let case = tag.map_or_else(|| bad(own), |tag| bad(own).tagged("stack", tag));
        let decision = case.decide();
        assert_eq!(decision.because, Reason::OtherStack, "{own} {tag:?}");
        let said = format!("belongs to stack {owner}");
        assert!(decision.reason.contains(&said), "{}", decision.reason);
        case.must("leaveAlone", Reason::OtherStack);
    }
}

#[test]
fn an_application_of_this_stack_is_rescued_with_the_tag_and_in_the_default_stack_without() {
    for (own, tag) in [
        ("lifeguard", None),
        ("lifeguard", Some("lifeguard")),
        ("payments", Some("payments")),
    ] {
        let case = tag.map_or_else(|| bad(own), |tag| bad(own).tagged("stack", tag));
        let decision = case.decide();
        assert!(
            decision.action.plan().is_some(),
            "{own} {tag:?}: {}",
            decision.reason
        );
    }
}

#[test]
fn a_tag_that_names_no_stack_is_reported_and_nothing_is_changed() {
    for tag in [
        "",
        " ",
        "lifeguard ",
        "my stack",
        "arn:aws:cloudformation:x",
    ] {
        for own in ["lifeguard", "payments"] {
            let case = bad(own).tagged("stack", tag);
            let applied = case.policy.under(case.seen.tags.as_ref());
            assert_eq!(applied.policy.mode, Mode::Observe, "{tag:?}");
            assert!(applied.findings[0].contains("lifeguard:stack"), "{tag:?}");
            let decision = case.decide();
            assert!(decision.action.plan().is_none(), "{tag:?}");
            assert!(
                decision.reason.contains("lifeguard:stack"),
                "{}",
                decision.reason
            );
        }
    }
}

#[test]
fn what_was_moved_to_another_stack_in_the_middle_of_a_rescue_is_told() {
    bad("lifeguard")
        .rescuing()
        .step(Step::Rollback, 60, accepted())
        .tagged("stack", "payments")
        .must("escalate", Reason::OtherStack);
}

#[test]
fn who_asks_the_wrong_stack_is_told_which_one_to_ask() {
    let asked = bad("lifeguard")
        .tagged("stack", "payments")
        .asked(rollback());
    asked.must("escalate", Reason::OtherStack);
    assert!(asked.decide().reason.contains("stack payments"));
}
