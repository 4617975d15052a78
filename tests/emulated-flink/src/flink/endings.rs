//! Jobs that ended by themselves, from those who notice to the one who waits for them.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc};

use super::data_plane::Ended;

/// An application, and how its job ended.
type Ending = (String, Ended);

/// A queue of endings.
pub(super) struct Endings {
    sender: mpsc::UnboundedSender<Ending>,
    receiver: Arc<Mutex<mpsc::UnboundedReceiver<Ending>>>,
}

impl Endings {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            receiver: Arc::new(Mutex::new(receiver)),
        }
    }

    /// An application's job has ended.
    pub(super) fn add(&self, application: &str, how: Ended) {
        // The receiver lives as long as `self`.
        let _ = self.sender.send((application.to_owned(), how));
    }

    /// Waits for the next one.
    pub(super) fn next(&self) -> BoxFuture<'static, Ending> {
        let queue = self.receiver.clone();
        Box::pin(async move {
            match queue.lock().await.recv().await {
                Some(ending) => ending,
                None => std::future::pending().await,
            }
        })
    }
}
