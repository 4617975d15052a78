//! What happened, for people: a timeline of who did what, when, and how it ended.

mod html;
mod paint;
mod result;

use jiff::Timestamp;

pub use html::page;
pub use paint::Paint;
pub use region::mail::Mail;
pub use result::{
    ActionTaken, ApplicationNow, ExecutionTold, RecordsCount, Rehearsal, TimelineEntry,
};

use crate::journal::{Actor, Entry};

/// Width of the column that says who.
const WHO: usize = 10;

/// One line of a timeline: `+  4:10  alarm      orders-restarts is in ALARM`.
#[must_use]
pub fn line(entry: &Entry, opened: Timestamp, paint: Paint) -> String {
    let secs = entry.at.duration_since(opened).as_secs();
    let when = format!("{:>4}:{:02}", secs / 60, secs % 60);
    let who = format!("{:<WHO$}", name(entry.actor));
    format!(
        "{}  {}  {}",
        paint.faint(&when),
        paint.actor(entry.actor, &who),
        entry.text
    )
}

/// Who, for people.
#[must_use]
pub fn name(actor: Actor) -> &'static str {
    match actor {
        Actor::Operator => "operator",
        Actor::Service => "service",
        Actor::Flink => "flink",
        Actor::Alarm => "alarm",
        Actor::Lifeguard => "lifeguard",
    }
}
