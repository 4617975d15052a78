//! Thousands of simulated runs: scripts of everything that can go wrong, drawn from seeds, played in the sandbox's region in virtual time, every invariant of the design checked at the
//! moment it could break.
//!
//! | part | what it does |
//! |---|---|
//! | [`generate`] | a seed → a [`sandbox::script::Script`], the language of the scenarios |
//! | [`play`] | a script → a region, lived through in a runtime of its own |
//! | [`many`] | many seeds on all cores, summed up |
//! | [`generate::days`] | a seed → a day of which it is known what is true |
//! | [`matrix`] | what was done and said on such days, against the truth |
//! | [`studies`] | would a mistake be noticed, how do rival policies do, which alarm sees which loop |
//! | [`shrink`] | a script that breaks an invariant → the shortest one that still does |
//!
//! Invariant: a seed gives the same script and the same trace in every process, whatever the number of threads.

pub mod cli;
pub mod generate;
pub mod many;
pub mod matrix;
pub mod play;
pub mod shrink;
pub mod studies;
mod trace;
