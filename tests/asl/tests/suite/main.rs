//! Step Functions as its callers see it: definitions go in, verbs go over the wire, time is virtual. One binary, because linking is what costs.

// The helpers of the tests are tests to people, not to clippy.
#![allow(clippy::unwrap_used)]

mod definition;
mod flow;
mod sdk;
mod service;
mod support;
mod time;
