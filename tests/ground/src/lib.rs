//! What the emulated services stand on: a clock, the wire protocols, and the record of what happened.

pub mod clock;
pub mod journal;
pub mod pace;
pub mod place;
pub mod protocol;
pub mod remembered;
pub mod wire;
