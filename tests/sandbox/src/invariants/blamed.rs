//! W4, of blame: where it is certain beforehand what is to blame, nobody is told the contrary.

use serde_json::Value;

use super::{
    checker::Checker,
    invariant::{Invariant, Verdicts},
    premises::Blame,
};

pub(super) fn check(checker: &Checker, verdicts: &mut Verdicts, messages: &[Value]) {
    for known in &checker.premises.applications {
        let Some(blame) = known.blame else { continue };
        let details = messages.iter().map(|message| &message["event"]["detail"]);
        for detail in details.filter(|detail| {
            detail["applicationName"] == known.name.as_str() && detail["steps"].is_array()
        }) {
            let at = checker.now();
            verdicts.check(
                Invariant::W4,
                is_true(blame, detail),
                at,
                &known.name,
                || {
                    format!(
                        "{} is said ({}), and the truth is {blame:?}: {}",
                        detail["because"], detail["outcome"], detail["reason"]
                    )
                },
            );
        }
    }
}

/// Whether an outcome does not contradict what is known.
fn is_true(blame: Blame, detail: &Value) -> bool {
    let because = detail["because"].as_str().unwrap_or_default();
    match blame {
        Blame::TheChange => !matches!(because, "notTheChange" | "hadWorked"),
        Blame::NoChange => {
            let rescue = &detail["rescue"];
            let undoes = rescue.is_object()
                && detail["request"].is_null()
                && rescue["goodVersionId"] != rescue["faultyVersionId"];
            because != "changeToBlame" && !undoes
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_blame_is_compared_with_the_truth() {
        let rescue = json!({ "goodVersionId": 2, "faultyVersionId": 3 });
        let undone = json!({ "because": "recovered", "rescue": rescue });
        let asked = json!({ "because": "recovered", "rescue": rescue, "request": {} });
        let worked = json!({ "because": "hadWorked" });
        assert!(is_true(Blame::TheChange, &undone) && !is_true(Blame::NoChange, &undone));
        assert!(is_true(Blame::NoChange, &asked));
        assert!(!is_true(Blame::TheChange, &worked) && is_true(Blame::NoChange, &worked));
    }
}
