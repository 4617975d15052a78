//! Managed Service for Apache Flink, emulated: the verbs of its API, the statuses an application goes through, and the dashboards behind presigned URLs.
//!
//! The rules are those of the public model and documentation; where those are silent or disagree, [`Quirks`] chooses. Each verb that changes an application
//! answers at once and goes on asynchronously, as the real service does, for as long as [`Timings`] says; any stage can be made slow or stuck.
//!
//! Deliberately absent: IAM, throttling and lost answers (the region's router has those), SQL and Zeppelin applications beyond being described.
//!
//! Invariant: an application has at most one operation under way, and every status it takes is told in the journal.

mod answer;
mod api;
mod application;
mod change;
mod configuration;
mod dashboard;
mod enhanced;
mod keys;
mod lifecycle;
mod mode;
mod newer;
mod objects;
mod options;
mod past;
mod read;
mod recovery;
mod scenario;
mod seed;
mod series;
mod settings;
mod snapshots;
mod status;
mod transitions;
mod views;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::BoxFuture;

pub use answer::ApiError;
pub use keys::KeyUsers;
pub use past::Samples;
pub use seed::{ApplicationSeed, Incident, SnapshotSeed};
pub use settings::{
    Dashboard, Faults, Quirks, RollbackState, RollbackVersion, Settings, Stage, Timings,
};
pub use status::{OperationStatus, SnapshotStatus, Status};
pub use views::{
    ApplicationView, EnhancedView, OperationView, SnapshotView, Standing, VersionView,
};

use crate::flink::{Backstage, Codebook, DataPlane, SimulatedFlink};
use application::Application;
use ground::clock::Clock;
use ground::journal::Journal;
use ground::wire::{Request, Response};

/// The service. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct ManagedFlink {
    inner: Arc<Inner>,
    /// The data plane, as scenarios reach into it.
    backstage: Arc<dyn Backstage>,
    /// The data plane, when it is the simulated one.
    flink: Option<SimulatedFlink>,
}

struct Inner {
    clock: Clock,
    journal: Journal,
    plane: Arc<dyn DataPlane>,
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    /// Of durations.
    rng: fastrand::Rng,
    /// Of names and tokens: asking for one more URL must not change how long an update takes.
    names: fastrand::Rng,
    applications: BTreeMap<String, Application>,
    /// What belongs to none of them.
    account: enhanced::Account,
    keys: keys::Keys,
    objects: objects::Objects,
    /// What was before applications were placed, by name; it outlives them, as CloudWatch's metrics do.
    pasts: BTreeMap<String, Vec<past::Past>>,
    dashboard: Dashboard,
    sessions: BTreeMap<String, dashboard::Session>,
}

impl ManagedFlink {
    /// The service over simulated clusters. Needs a tokio runtime.
    pub fn simulated(
        clock: Clock,
        journal: Journal,
        codebook: Codebook,
        settings: Settings,
    ) -> Self {
        let flink = SimulatedFlink::new(clock.clone(), journal.clone(), codebook, settings.seed);
        let mut service = Self::over(clock, journal, flink.clone(), settings);
        service.flink = Some(flink);
        service
    }

    /// The service over any data plane. Needs a tokio runtime.
    pub fn over(
        clock: Clock,
        journal: Journal,
        plane: impl DataPlane + Backstage + Clone,
        settings: Settings,
    ) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(settings.seed),
            names: fastrand::Rng::with_seed(settings.seed ^ 0x4a3e),
            applications: BTreeMap::new(),
            account: enhanced::Account::default(),
            objects: objects::Objects::default(),
            keys: keys::Keys::new(),
            pasts: BTreeMap::new(),
            dashboard: settings.dashboard.clone(),
            sessions: BTreeMap::new(),
        };
        let backstage = Arc::new(plane.clone());
        let inner = Arc::new(Inner {
            clock,
            journal,
            plane: Arc::new(plane),
            settings,
            state: Mutex::new(state),
        });
        inner.clone().watch_endings();
        Self {
            inner,
            backstage,
            flink: None,
        }
    }

    /// The region is closed: what runs outside of this process is ended.
    pub fn close(&self) {
        self.inner.plane.close();
    }

    /// Answers a request of the control plane: POST with `X-Amz-Target: KinesisAnalytics_20180523.<Verb>`.
    pub async fn handle(&self, request: Request) -> Response {
        self.inner.api(&request)
    }
}

impl tower::Service<Request> for ManagedFlink {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            Ok(if service.serves_dashboard(&request) {
                service.dashboard(request).await
            } else {
                service.handle(request).await
            })
        })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds the applications")
    }
}

impl State {
    fn application(&self, name: &str) -> Result<&Application, ApiError> {
        self.applications
            .get(name)
            .ok_or_else(|| no_application(name))
    }

    fn application_mut(&mut self, name: &str) -> Result<&mut Application, ApiError> {
        self.applications
            .get_mut(name)
            .ok_or_else(|| no_application(name))
    }

    /// A name as the service gives: random, but the same for the same seed.
    fn id(&mut self, length: usize) -> String {
        let letter = || {
            char::from(
                *b"abcdefghijklmnopqrstuvwxyz0123456789"
                    .get(self.names.usize(0..36))
                    .expect("thirty-six letters"),
            )
        };
        std::iter::repeat_with(letter).take(length).collect()
    }
}

fn no_application(name: &str) -> ApiError {
    ApiError::not_found(format!("Application {name} doesn't exist"))
}
