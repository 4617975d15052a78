//! What a verdict is: the rows of the table, and what may be done by each.

use jiff::Timestamp;

use crate::{Part, Reason};

/// The answer, with the row of the table that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything since `good` ran is to blame.
    Change {
        /// The row.
        row: Row,
        /// The newest version whose content is known to have worked.
        good: u64,
        /// When a version later than `good` began to process; no snapshot from later is right.
        cutoff: Timestamp,
        /// When the trouble began.
        fault_at: Timestamp,
        /// The reason in a sentence.
        why: String,
    },
    /// Nothing is to be changed because of it.
    Held {
        /// The row.
        row: Row,
        /// The reason in a sentence.
        why: String,
        /// What may be done all the same.
        left: Left,
    },
    /// Something that would decide could not be read, or is not known yet.
    CannotTell {
        /// What, and why.
        why: String,
        /// The part of the look that could not be read; None where it is only not known yet.
        part: Option<Part>,
    },
}

/// What may be done where no change is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Rows 7 to 9: going back, on a person's word given ahead.
    WayBack(WayBack),
    /// Row 3: starting once more what had run well and is stored, where nothing retries.
    OnceMore {
        /// When that was done already, without a good run since.
        in_vain_at: Option<Timestamp>,
    },
}

/// A version that had worked, and what has to be known to go back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// The newest version whose content is known to have worked.
    pub good: u64,
    /// When a version later than `good` began to process; no snapshot from later is right.
    pub cutoff: Timestamp,
    /// When the trouble began.
    pub fault_at: Timestamp,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// 1: the same fault was on the version to go back to.
    SameFaultBefore,
    /// 1: the same fault was on the version to go back to of another application, which failed at about the same time.
    SameFaultElsewhere,
    /// 2: others whose content is proven began to fail at about the same time.
    CommonCause,
    /// 3: what runs is proven.
    Proven,
    /// 4: no earlier version is known to have worked, or nothing tried to run the present one.
    NothingToGoBackTo,
    /// 5: the version before was failing with the same kind of fault when it was left.
    OlderThanChange,
    /// 5b: the version before was failing too when it was left, with another fault or none that could be read.
    FailedBefore,
    /// 6: known to be bad, and applied again.
    BadBefore,
    /// 6: undone twice within a day, and applied again: the way back is known, and whoever applies it would go on.
    BadTwiceBefore,
    /// 7: the service restarted it between the change and the trouble.
    RestartedByService,
    /// 8: nothing but scale or logging was changed.
    OnlyScaled,
    /// 9: it had run well for a while.
    Soaked,
    /// 10: none of these.
    Else,
}

impl Row {
    /// Why nothing is changed, from the closed set.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::SameFaultBefore | Self::OlderThanChange => Reason::NotTheChange,
            Self::SameFaultElsewhere | Self::CommonCause => Reason::CommonCause,
            Self::Proven => Reason::HadWorked,
            Self::BadBefore | Self::Else => Reason::ChangeToBlame,
            Self::BadTwiceBefore => Reason::AppliedAgain,
            Self::NothingToGoBackTo
            | Self::FailedBefore
            | Self::RestartedByService
            | Self::OnlyScaled
            | Self::Soaked => Reason::Suspected,
        }
    }
}
