//! What was done and said, against what is true.

use serde::Serialize;

use super::record::{Effect, Said, Seen};
use crate::generate::days::{Blame, Right, Trouble, Way};

/// How a trouble was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mark {
    /// What was to be undone is undone, and what had worked runs.
    ActedRightly,
    /// A person was asked where nobody could know.
    AskedRightly,
    /// What had to be left as it was is.
    LeftRightly,
    /// Something was changed that should not have been, or was changed into something else.
    ActedWrongly,
    /// Nothing was done, or not enough, and nobody was asked.
    LeftWrongly,
    /// A person was asked where the truth was clear.
    AskedWhereClear,
    /// People were told what is not so.
    SaidWrongly,
}

impl Mark {
    /// All of them, right ones first.
    pub const ALL: [Self; 7] = [
        Self::ActedRightly,
        Self::AskedRightly,
        Self::LeftRightly,
        Self::ActedWrongly,
        Self::LeftWrongly,
        Self::AskedWhereClear,
        Self::SaidWrongly,
    ];

    /// As a column is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActedRightly => "acted rightly",
            Self::AskedRightly => "asked rightly",
            Self::LeftRightly => "left rightly",
            Self::ActedWrongly => "acted wrongly",
            Self::LeftWrongly => "left wrongly",
            Self::AskedWhereClear => "asked where clear",
            Self::SaidWrongly => "said wrongly",
        }
    }

    /// Whether it was met as it should be.
    #[must_use]
    pub const fn is_right(self) -> bool {
        matches!(
            self,
            Self::ActedRightly | Self::AskedRightly | Self::LeftRightly
        )
    }
}

/// Words that say that no change is to blame.
const NOT_TO_BLAME: [&str; 2] = ["notTheChange", "commonCause"];
/// And that what runs had run well.
const HAD_WORKED: &str = "hadWorked";

/// How a trouble was met.
pub(super) fn mark(seen: &Seen) -> Mark {
    let trouble = &seen.trouble;
    let acts = match &trouble.right {
        Right::Act { back_to, .. } => acted(seen, back_to),
        _ if seen.effects.is_empty() => None,
        Right::FindOut => Some(Mark::ActedRightly),
        Right::Leave | Right::Ask => Some(Mark::ActedWrongly),
    };
    if acts == Some(Mark::ActedWrongly) {
        return Mark::ActedWrongly;
    }
    if seen.said.iter().any(|said| is_false(trouble, said)) {
        return Mark::SaidWrongly;
    }
    if let Some(mark) = acts {
        return mark;
    }
    let asked = seen.said.iter().any(asks);
    let told = asked || seen.said.iter().any(exonerates);
    match trouble.right {
        Right::Leave if asked => Mark::AskedWhereClear,
        Right::Leave => Mark::LeftRightly,
        Right::Ask | Right::FindOut if told => Mark::AskedRightly,
        Right::Act { .. } if asked => Mark::AskedWhereClear,
        _ => Mark::LeftWrongly,
    }
}

/// None where nothing was changed.
fn acted(seen: &Seen, back_to: &str) -> Option<Mark> {
    if seen.effects.is_empty() {
        return None;
    }
    if seen.led_to.iter().any(|code| code != back_to) {
        return Some(Mark::ActedWrongly);
    }
    let runs = seen.up_on.as_deref() == Some(back_to);
    let asked = seen.said.iter().any(asks);
    Some(match (runs, asked) {
        (true, _) => Mark::ActedRightly,
        (false, true) => Mark::AskedWhereClear,
        (false, false) => Mark::LeftWrongly,
    })
}

/// Whether this contradicts who is to blame.
fn is_false(trouble: &Trouble, said: &Said) -> bool {
    let because = said.because.as_str();
    match trouble.blame {
        Blame::TheChange => {
            NOT_TO_BLAME.contains(&because) || because == HAD_WORKED && !trouble.had_worked
        }
        Blame::TheWorld => because == "changeToBlame" || said.undone,
    }
}

fn exonerates(said: &Said) -> bool {
    NOT_TO_BLAME.contains(&said.because.as_str()) || said.because == HAD_WORKED
}

/// Whether somebody is asked to judge. Who is told that no change is to blame need not.
fn asks(said: &Said) -> bool {
    said.calls && !exonerates(said)
}

/// Whether what was to be undone was undone in another way than the shortest.
pub(super) fn by_another_way(seen: &Seen) -> bool {
    let Right::Act { by, .. } = &seen.trouble.right else {
        return false;
    };
    let rolled_back = |effect: &Effect| effect.verb == "RollbackApplication";
    let taken = if seen.effects.iter().any(rolled_back) {
        Way::Rollback
    } else {
        Way::Restore
    };
    !seen.effects.is_empty() && taken != *by
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::matrix::record::Cost;

    fn seen(right: Right, blame: Blame) -> Seen {
        Seen {
            trouble: Trouble {
                application: "app-0".to_owned(),
                at_secs: 60,
                right,
                blame,
                had_worked: false,
                what: "a trouble",
            },
            effects: Vec::new(),
            led_to: Vec::new(),
            up_on: None,
            said: Vec::new(),
            cost: Cost::default(),
        }
    }

    fn says(mut seen: Seen, because: &str) -> Mark {
        seen.said.push(Said {
            at: Timestamp::UNIX_EPOCH,
            because: because.to_owned(),
            calls: true,
            undone: because == "recovered",
        });
        mark(&seen)
    }

    fn undoes(mut seen: Seen, led_to: &str, up_on: Option<&str>) -> Seen {
        seen.effects.push(Effect {
            at: Timestamp::UNIX_EPOCH,
            verb: "RollbackApplication".to_owned(),
        });
        seen.led_to.push(led_to.to_owned());
        seen.up_on = up_on.map(str::to_owned);
        seen
    }

    fn bad() -> Seen {
        let back_to = "good.jar".to_owned();
        let by = Way::Rollback;
        seen(Right::Act { by, back_to }, Blame::TheChange)
    }

    #[test]
    fn a_bad_change_is_to_be_undone() {
        assert_eq!(mark(&bad()), Mark::LeftWrongly);
        assert_eq!(says(bad(), "suspected"), Mark::AskedWhereClear);
        assert_eq!(says(bad(), "notTheChange"), Mark::SaidWrongly);
        assert_eq!(says(bad(), "hadWorked"), Mark::SaidWrongly);
        let to = |code, up_on| mark(&undoes(bad(), code, up_on));
        assert_eq!(to("good.jar", Some("good.jar")), Mark::ActedRightly);
        assert_eq!(to("good.jar", None), Mark::LeftWrongly);
        assert_eq!(to("other.jar", Some("good.jar")), Mark::ActedWrongly);
    }

    #[test]
    fn an_outage_is_left_alone() {
        let outage = || seen(Right::Leave, Blame::TheWorld);
        assert_eq!(mark(&outage()), Mark::LeftRightly);
        assert_eq!(says(outage(), "hadWorked"), Mark::LeftRightly);
        assert_eq!(says(outage(), "suspected"), Mark::AskedWhereClear);
        assert_eq!(says(outage(), "changeToBlame"), Mark::SaidWrongly);
        let undone = undoes(outage(), "good.jar", Some("good.jar"));
        assert_eq!(mark(&undone), Mark::ActedWrongly);
    }

    #[test]
    fn where_nobody_can_know_people_are_asked() {
        let unclear = || seen(Right::Ask, Blame::TheChange);
        assert_eq!(mark(&unclear()), Mark::LeftWrongly);
        assert_eq!(says(unclear(), "suspected"), Mark::AskedRightly);
        assert_eq!(says(unclear(), "commonCause"), Mark::SaidWrongly);
        let undone = undoes(unclear(), "good.jar", Some("good.jar"));
        assert_eq!(mark(&undone), Mark::ActedWrongly);
    }

    #[test]
    fn who_finds_out_says_what_was_found() {
        let unclear = || seen(Right::FindOut, Blame::TheWorld);
        assert_eq!(mark(&unclear()), Mark::LeftWrongly);
        let undone = || undoes(unclear(), "good.jar", None);
        assert_eq!(says(undone(), "notTheChange"), Mark::ActedRightly);
        assert_eq!(says(undone(), "recovered"), Mark::SaidWrongly);
        assert_eq!(says(unclear(), "suspected"), Mark::AskedRightly);
    }

    #[test]
    fn the_shortest_way_is_told_from_others() {
        let undone = undoes(bad(), "good.jar", None);
        assert!(!by_another_way(&undone) && !by_another_way(&bad()));
        let mut restored = undone;
        restored.effects[0].verb = "StopApplication".to_owned();
        assert!(by_another_way(&restored));
    }
}
