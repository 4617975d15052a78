//! The design's invariants, checked on everything that happens in a region.
//!
//! | part | what it does |
//! |---|---|
//! | [`Invariant`], [`Verdicts`] | the invariants, the count of checks made of each, and what broke one |
//! | [`Premises`] | what the checker may know of a run beforehand |
//! | [`Checker`] | sees every request and task, and checks S1–S4, S6–S9 and N2 at the moment they could break |
//! | `mutation` | a change by a rescue arrives |
//! | `snapshots` | a change by the snapshot check arrives |
//! | `enhanced` | whose enhanced snapshot is restored or deleted, and the way back over the switch of the mode |
//! | `notes` | what is noted of each execution |
//! | `content` | a change by a rescue took effect: W1 and W3 |
//! | `down` | what is left stopped: W2 |
//! | `told`, `times`, `blamed` | what people were told, against what happened: W4 |
//! | `noticed` | what the sweep is there to find: W5 |
//! | `endings`, `recovery`, `secrets` | what is checked when the run is over: S5, S10, L1–L3 |
//! | [`Rules`] | the rules for one application, by a reading of their own |
//!
//! ```ignore
//! let checker = Checker::watch(&region, premises);
//! // … whatever happens …
//! let verdicts = checker.finish();
//! assert!(verdicts.violations.is_empty());
//! ```
//!
//! # How to add an invariant
//! 1. Give it a name and a sentence in [`Invariant`].
//! 2. Ask where it could break. When a request or a task does it, check it there, in `mutation` or `snapshots`, before the service sees the request; when only the end shows it,
//!    check it in `endings`. Call `verdicts.check(…)` for every occasion, also where it holds: the counts show that the check is not asleep.
//! 3. Judge by what the service knows ([`region::Region::flink`](crate::region::Region::flink), the ledger's rows, the journal) and by what the caller had read. Do not judge by what Lifeguard says, and
//!    do not call its code: rules and names are spelt out here a second time.
//! 4. What has to be known beforehand is a premise. Prefer what can be seen: who asked for what, which requests an injected fault struck.
//! 5. Add a mistake to `tests/simulation/sabotages.json` that only the new check notices, and play it: `cargo run -p simulation -- sabotage --only NAME --nights 0`.
//! 6. Play the scenarios (`cargo run -- rehearse NAME`), the plays of trouble (`cargo test -p sandbox`), and some thousand simulated runs. Where it is broken although nothing is wrong, the check assumes too much: mend the
//!    assumption, and leave the check as sharp as it was.

mod blamed;
mod checker;
mod content;
mod down;
mod endings;
mod enhanced;
mod invariant;
mod mutation;
mod notes;
mod noticed;
mod premises;
mod recovery;
mod rules;
mod secrets;
mod snapshots;
mod times;
mod told;
#[cfg(test)]
mod watching;

pub use checker::{Checker, OPERATOR, is_a_person};
pub use enhanced::{OWN_TAG, VERSION_TAG};
pub use invariant::{Invariant, Verdicts, Violation};
pub use premises::{Blame, KnownApplication, Policy, Premises, Taker};
pub use rules::{MANAGED, Rules, SnapshotRules};
