//! Watching a region from within: every request that reaches a service, every task of a state machine, as they happen.
//!
//! For checks of invariants, which must see what an application was like when a request arrived and not when somebody asks later; and for people who act at the worst moment.
//! An observer sees requests after the faults: what was throttled or cut before never arrived.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::BoxFuture;
use serde_json::Value;

use asl::{TaskCall, TaskFailure};
use ground::wire::{Request, Response};

/// Sees what happens. Called in the region's one thread; must not block.
pub trait Observer: Send + Sync + 'static {
    /// A request is about to reach its service.
    fn arriving(&self, _request: &Request) {}

    /// Its answer, before faults take it away.
    fn answered(&self, _request: &Request, _answer: &Response) {}

    /// A task of a state machine begins.
    fn task_begins(&self, _task: &TaskCall) {}

    /// It ends; None when it was given up: its time is up, or the execution was stopped.
    fn task_ends(&self, _task: &TaskCall, _result: Option<&Result<Value, TaskFailure>>) {}
}

/// The observers, in the order in which they came. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<Observers>>);

type Observers = Arc<[Arc<dyn Observer>]>;

impl Watchers {
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) {
        let mut observers = self.lock();
        *observers = observers.iter().cloned().chain([observer]).collect();
    }

    pub(crate) fn clear(&self) {
        // Dropped outside of the lock: an observer may hold the region.
        let observers = std::mem::take(&mut *self.lock());
        drop(observers);
    }

    fn get(&self) -> Observers {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Observers> {
        self.0
            .lock()
            .expect("no thread panics while it holds the observers")
    }

    /// Passes a request to its service under the observers' eyes.
    pub(crate) fn watched(
        &self,
        request: Request,
        next: impl FnOnce(Request) -> BoxFuture<'static, Response>,
    ) -> BoxFuture<'static, Response> {
        let observers = self.get();
        if observers.is_empty() {
            return next(request);
        }
        for observer in observers.iter() {
            observer.arriving(&request);
        }
        let answering = next(request.clone());
        Box::pin(async move {
            let answer = answering.await;
            for observer in observers.iter() {
                observer.answered(&request, &answer);
            }
            answer
        })
    }

    pub(crate) fn task_begins(&self, task: &TaskCall) -> UnderWay {
        let observers = self.get();
        if observers.is_empty() {
            return UnderWay(None);
        }
        for observer in observers.iter() {
            observer.task_begins(task);
        }
        UnderWay(Some((observers, task.clone())))
    }
}

/// A task under way; one that is dropped was given up.
pub(crate) struct UnderWay(Option<(Observers, TaskCall)>);

impl UnderWay {
    pub(crate) fn ends(mut self, result: &Result<Value, TaskFailure>) {
        self.tell(Some(result));
    }

    fn tell(&mut self, result: Option<&Result<Value, TaskFailure>>) {
        if let Some((observers, task)) = self.0.take() {
            for observer in observers.iter() {
                observer.task_ends(&task, result);
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.tell(None);
    }
}
