//! The proof that a rescue is what it says: the scenarios, every step failing in every way, secrets, alarms, wrong inputs.
//!
//! One binary, because each links the whole region. What is checked comes from the region's record and from what went over the wire, not from Lifeguard's own words.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod alarms_start_once;
mod clocks;
mod dead_executions;
mod doors;
mod enhanced;
mod golden;
mod input;
mod mails;
mod overwritten;
mod scenarios;
mod secrets;
mod steps;
mod stop_switch;
mod support;
mod verdicts;
