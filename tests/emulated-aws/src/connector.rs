//! How requests reach the region without a socket: a router that can be opened late, and the SDK's connector and clock on top of it.
//!
//! The router is opened after the services are made, because services call each other through it. Closing it cuts that circle, so that a region can be
//! dropped and the next one started; whoever still calls finds the connection broken.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use lambda_kit::{Aws, Env};

use crate::faults;
use ground::{
    clock::Clock,
    place::REGION,
    wire::{Answering, Request, Response},
};

type Route = dyn Fn(Request) -> Answering + Send + Sync;

/// Where requests go. Cheap to clone; all clones lead to the same place.
#[derive(Clone, Default)]
pub struct Router(Arc<Mutex<Option<Arc<Route>>>>);

impl Router {
    /// A router that leads nowhere until [`Router::open`].
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// A router that is open from the start.
    pub fn new(route: impl Fn(Request) -> Answering + Send + Sync + 'static) -> Self {
        let router = Self::closed();
        router.open(route);
        router
    }

    /// From now on requests go to `route`.
    pub fn open(&self, route: impl Fn(Request) -> Answering + Send + Sync + 'static) {
        *self.route() = Some(Arc::new(route));
    }

    /// From now on requests go to the route that `around` makes; it is given the router as it was, to pass them on. For those who watch what goes over the wire.
    pub fn wrap<F>(&self, around: impl FnOnce(Self) -> F)
    where
        F: Fn(Request) -> Answering + Send + Sync + 'static,
    {
        let before = Self(Arc::new(Mutex::new(self.route().take())));
        self.open(around(before));
    }

    /// From now on every connection breaks. Lets go of the services behind the router.
    pub fn close(&self) {
        // Dropped outside of the lock: the services' own drop may come back here.
        let route = self.route().take();
        drop(route);
    }

    /// Whether anything is behind it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.route().is_some()
    }

    /// Sends a request.
    pub fn send(&self, request: Request) -> Answering {
        let route = self.route().clone();
        match route {
            Some(route) => route(request),
            None => Box::pin(std::future::ready(faults::cut())),
        }
    }

    fn route(&self) -> MutexGuard<'_, Option<Arc<Route>>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the route")
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Router")
    }
}

/// Makes SDK clients that live in the region: its router, its time.
#[derive(Clone, Debug)]
pub struct Connector {
    router: Router,
    clock: Clock,
}

impl Connector {
    /// Over this router, by this clock.
    #[must_use]
    pub fn new(router: Router, clock: Clock) -> Self {
        Self { router, clock }
    }

    /// The router requests go to.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The SDK's HTTP client: hands requests to the region in the same process.
    #[must_use]
    pub fn http(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess(self.router.clone()))
    }

    /// The SDK's time: the region's.
    #[must_use]
    pub fn time(&self) -> SharedTimeSource {
        SharedTimeSource::new(RegionTime(self.clock.clone()))
    }

    /// The variables that Lambda itself sets for a function that runs with `role`.
    #[must_use]
    pub fn variables(role: &str) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", role),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", REGION),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// What clients of `role` are made from.
    #[must_use]
    pub fn aws(&self, role: &str) -> Aws {
        let env: Env = Self::variables(role).into_iter().collect();
        Aws::new(&env, self.http(), self.time()).expect("every variable it needs was just set")
    }
}

#[derive(Clone, Debug)]
struct InProcess(Router);

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let router = self.0.clone();
        HttpConnectorFuture::new(async move {
            let (parts, body) = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(Box::new(error)))?
                .into_parts();
            let body = body.bytes().map(Bytes::copy_from_slice).ok_or_else(|| {
                ConnectorError::user("the region reads no streamed bodies".into())
            })?;
            let answer = router.send(Request::from_parts(parts, body)).await;
            to_sdk(answer)
        })
    }
}

fn to_sdk(answer: Response) -> Result<HttpResponse, ConnectorError> {
    if faults::is_cut(&answer) {
        return Err(ConnectorError::io(
            "the connection broke before an answer came".into(),
        ));
    }
    HttpResponse::try_from(answer.map(SdkBody::from))
        .map_err(|error| ConnectorError::other(Box::new(error), None))
}

#[derive(Debug)]
struct RegionTime(Clock);

impl TimeSource for RegionTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use managed_flink::{ListApplications as _, ManagedFlink};
    use serde_json::json;

    use super::*;
    use ground::wire::{self, json_answer};

    fn region(route: impl Fn(Request) -> Answering + Send + Sync + 'static) -> Connector {
        Connector::new(
            Router::new(route),
            Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn an_sdk_client_reaches_the_region_as_the_role_it_was_made_for() {
        let connector = region(|request| {
            assert_eq!(wire::caller(&request).as_deref(), Some("watcher"));
            assert_eq!(wire::service(&request).as_deref(), Some("states"));
            Box::pin(std::future::ready(json_answer(
                200,
                "application/x-amz-json-1.0",
                &json!({ "stateMachines": [] }),
            )))
        });
        let client = aws_sdk_sfn::Client::new(connector.aws("watcher").config());
        assert!(
            client
                .list_state_machines()
                .send()
                .await
                .unwrap()
                .state_machines()
                .is_empty()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_router_breaks_the_connection_and_retries_pass_in_virtual_time() {
        let connector = region(|_| unreachable!("the router is closed"));
        connector.router().close();
        let client = aws_sdk_sfn::Client::new(connector.aws("watcher").config());
        let error = client.list_state_machines().send().await.unwrap_err();
        assert!(
            matches!(
                error,
                aws_smithy_runtime_api::client::result::SdkError::DispatchFailure(_)
            ),
            "{error:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_client_spends_on_retries_is_not_missing_in_another() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        let connector = region(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(json_answer(
                500,
                "application/x-amz-json-1.1",
                &json!({ "__type": "InternalFailure" }),
            )))
        });
        let tries = async |client: &ManagedFlink| {
            let before = sent.load(Ordering::Relaxed);
            client.list_applications().await.unwrap_err();
            sent.load(Ordering::Relaxed) - before
        };
        let (spendthrift, other) = (
            ManagedFlink::new(&connector.aws("one")),
            ManagedFlink::new(&connector.aws("other")),
        );
        let first = tries(&spendthrift).await;
        while tries(&spendthrift).await > 1 {}
        assert_eq!(
            (first, tries(&other).await),
            (4, 4),
            "a function's process has its retries for itself"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_sdk_tells_the_regions_time() {
        let connector = region(|_| unreachable!("no request is made"));
        tokio::time::sleep(std::time::Duration::from_secs(90)).await;
        assert_eq!(
            connector.aws("watcher").now().to_string(),
            "2026-01-01T00:01:30Z"
        );
    }
}
