//! Task tokens: how a task that waits learns of its end from outside.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use super::TaskFailure;

type Answer = Result<Value, TaskFailure>;

/// All tokens that were ever given out. Cheap to clone; all clones agree.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<BTreeMap<String, Slot>>>);

enum Slot {
    Waiting {
        answer: oneshot::Sender<Answer>,
        heartbeat: Arc<Notify>,
    },
    /// Answered, timed out, or its execution is over.
    Spent,
}

/// Why a token was of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Useless {
    /// Nobody gave it out.
    Unknown,
    /// Its task does not wait any more.
    Spent,
}

/// A task's own end of its token. The token is spent when this is dropped.
pub(super) struct Ticket {
    tokens: Tokens,
    pub(super) token: String,
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) heartbeat: Arc<Notify>,
}

impl Tokens {
    /// Gives out a token.
    pub(super) fn issue(&self, rng: &mut fastrand::Rng) -> Ticket {
        let token = format!("{:032x}{:032x}", rng.u128(..), rng.u128(..));
        let (sender, answer) = oneshot::channel();
        let heartbeat = Arc::new(Notify::new());
        self.slots().insert(
            token.clone(),
            Slot::Waiting {
                answer: sender,
                heartbeat: Arc::clone(&heartbeat),
            },
        );
        Ticket {
            tokens: self.clone(),
            token,
            answer,
            heartbeat,
        }
    }

    /// Ends the task that waits for this token.
    pub(super) fn answer(&self, token: &str, with: Answer) -> Result<(), Useless> {
        let mut slots = self.slots();
        let slot = slots.get_mut(token).ok_or(Useless::Unknown)?;
        match std::mem::replace(slot, Slot::Spent) {
            Slot::Waiting { answer, .. } => answer.send(with).map_err(|_| Useless::Spent),
            Slot::Spent => Err(Useless::Spent),
        }
    }

    /// Tells the task that waits for this token that its work goes on.
    pub(super) fn beat(&self, token: &str) -> Result<(), Useless> {
        match self.slots().get(token) {
            Some(Slot::Waiting { heartbeat, .. }) => {
                heartbeat.notify_one();
                Ok(())
            }
            Some(Slot::Spent) => Err(Useless::Spent),
            None => Err(Useless::Unknown),
        }
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the tokens")
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tokens.slots().insert(self.token.clone(), Slot::Spent);
    }
}
