//! The design's invariants, checked on everything that happens in a region.
//!
//! | part | what it does |
//! |---|---|
//! | [`Invariant`], [`Verdicts`] | the invariants, the count of checks made of each, and what broke one |
//! | [`Premises`] | what the checker may know of a run beforehand |
//! | [`Checker`] | sees every request and task, and checks S1–S4, S6–S9 and N2 at the moment they could break |
//! | `mutation` | a change by a rescue arrives |
//! | `snapshots` | a change by the snapshot check arrives |
//! | `notes` | what is noted of each execution |
//! | `endings`, `recovery`, `secrets` | what is checked when the run is over: S5, S10, L1–L3 |
//! | [`Rules`] | the rules for one application, by a reading of their own |
//!
//! ```ignore
//! let checker = Checker::watch(&region, premises);
//! // … whatever happens …
//! let verdicts = checker.finish();
//! assert!(verdicts.violations.is_empty());
//! ```

mod checker;
mod endings;
mod invariant;
mod mutation;
mod notes;
mod premises;
mod recovery;
mod rules;
mod secrets;
mod snapshots;

pub use checker::{Checker, OPERATOR};
pub use invariant::{Invariant, Verdicts, Violation};
pub use premises::{KnownApplication, Policy, Premises, Taker};
pub use rules::{MANAGED, Rules, SnapshotRules};
