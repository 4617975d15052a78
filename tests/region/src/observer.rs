//! Watching a region from within: every request that reaches a service, every task of a state machine, as they happen.
//!
//! For checks of invariants, which must see what an application was like when a request arrived and not when somebody asks later; and for people who act at the worst moment.
//! An observer sees requests after the faults: what was throttled or cut before never arrived.

use std::sync::{Arc, Mutex};

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

/// The observer, if there is one. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Watchers(Arc<Mutex<Option<Arc<dyn Observer>>>>);

impl Watchers {
    pub(crate) fn set(&self, observer: Arc<dyn Observer>) {
        *self
            .0
            .lock()
            .expect("no thread panics while it holds the observer") = Some(observer);
    }

    pub(crate) fn clear(&self) {
        // Dropped outside of the lock: the observer may hold the region.
        let observer = self
            .0
            .lock()
            .expect("no thread panics while it holds the observer")
            .take();
        drop(observer);
    }

    fn get(&self) -> Option<Arc<dyn Observer>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the observer")
            .clone()
    }

    /// Passes a request to its service under the observer's eyes.
    pub(crate) fn watched(
        &self,
        request: Request,
        next: impl FnOnce(Request) -> BoxFuture<'static, Response>,
    ) -> BoxFuture<'static, Response> {
        let Some(observer) = self.get() else {
            return next(request);
        };
        observer.arriving(&request);
        let answering = next(request.clone());
        Box::pin(async move {
            let answer = answering.await;
            observer.answered(&request, &answer);
            answer
        })
    }

    pub(crate) fn task_begins(&self, task: &TaskCall) -> UnderWay {
        let observer = self.get();
        if let Some(observer) = &observer {
            observer.task_begins(task);
        }
        UnderWay(observer.map(|observer| (observer, task.clone())))
    }
}

/// A task under way; one that is dropped was given up.
pub(crate) struct UnderWay(Option<(Arc<dyn Observer>, TaskCall)>);

impl UnderWay {
    pub(crate) fn ends(mut self, result: &Result<Value, TaskFailure>) {
        if let Some((observer, task)) = self.0.take() {
            observer.task_ends(&task, Some(result));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some((observer, task)) = self.0.take() {
            observer.task_ends(&task, None);
        }
    }
}
