//! Thousands of bad nights: seeded schedules of everything that can go wrong, played in the sandbox's region in virtual time, every invariant of the design checked at the
//! moment it could break.
//!
//! | part | what it does |
//! |---|---|
//! | [`generate`] | a seed → a [`night::Night`], plain data |
//! | [`play`] | a night → a region, lived through in a runtime of its own |
//! | `promises` | what the invariant checker ([`sandbox::invariants`]) may know of a night beforehand |
//! | [`many`] | many seeds on all cores, summed up |
//! | [`sabotage`] | would it notice? a list of mistakes, made one at a time in a copy |
//! | [`mutants`] | would it notice? every piece of the state machines taken out, one at a time |
//! | `notice` | who notices a mistake in the template or a state machine |
//! | `patience` | how often each task must be tried again |
//! | [`others`] | the same nights under other rule sets |
//! | [`detection`] | which alarm sees which loop how soon |
//! | [`shrink`] | a night that breaks an invariant → the shortest one that still does |
//!
//! Invariant: a seed gives the same night and the same trace in every process, whatever the number of threads.

mod alarms;
pub mod cli;
pub mod detection;
pub mod generate;
pub mod many;
pub mod mutants;
pub mod night;
mod notice;
pub mod others;
mod patience;
mod people;
pub mod play;
mod player;
mod promises;
pub mod sabotage;
pub mod shrink;
mod trace;
