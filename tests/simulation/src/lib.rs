//! Thousands of bad nights: seeded schedules of everything that can go wrong, played in the sandbox's region in virtual time, every invariant of the design checked at the
//! moment it could break.
//!
//! | part | what it does |
//! |---|---|
//! | [`generate`] | a seed → a [`night::Night`], plain data |
//! | [`play`] | a night → a region, lived through in a runtime of its own |
//! | `promises` | what the invariant checker ([`sandbox::invariants`]) may know of a night beforehand |
//! | [`many`] | many seeds on all cores, summed up |
//! | [`script`] | a night → a scenario's file, which `cargo run -- rehearse FILE` plays |
//! | [`studies`] | would a mistake be noticed, how do rival policies do, which alarm sees which loop |
//! | [`shrink`] | a night that breaks an invariant → the shortest one that still does |
//!
//! Invariant: a seed gives the same night and the same trace in every process, whatever the number of threads.

mod alarms;
pub mod cli;
pub mod generate;
pub mod many;
pub mod night;
mod people;
pub mod play;
mod player;
mod promises;
pub mod script;
pub mod shrink;
pub mod studies;
mod trace;
