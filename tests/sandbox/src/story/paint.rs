//! Colours, where the terminal has them.

use std::io::IsTerminal as _;

use crate::journal::Actor;

/// Whether to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// With colours.
    Colours,
    /// Plain text.
    Plain,
}

impl Paint {
    /// Colours when standard output is a terminal that is not told to do without (`NO_COLOR`).
    #[must_use]
    pub fn for_stdout(no_color: bool) -> Self {
        if std::io::stdout().is_terminal() && !no_color {
            Self::Colours
        } else {
            Self::Plain
        }
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colours => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn actor(self, actor: Actor, text: &str) -> String {
        let code = match actor {
            Actor::Operator => "36",
            Actor::Service => "34",
            Actor::Flink => "35",
            Actor::Alarm => "31;1",
            Actor::Lifeguard => "32;1",
        };
        self.with(code, text)
    }

    /// A heading.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Good news or bad.
    #[must_use]
    pub fn verdict(self, good: bool, text: &str) -> String {
        self.with(if good { "32;1" } else { "31;1" }, text)
    }
}
