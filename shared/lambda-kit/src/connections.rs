//! The connections of a function: each invocation makes its own.
//!
//! Between two invocations Lambda freezes the process, for a second or for an hour. A peer, or a firewall in between, gives its connections up meanwhile, and the process learns it
//! only when it writes: a read then costs an attempt, and a change, which is sent once, ends with its outcome unknown. A handshake per host costs milliseconds.

use std::sync::{Arc, RwLock};

use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Idle connections kept per host. Calls go one after the other, and where several were made at once and all are lost, an attempt may meet only one of them.
const IDLE_PER_HOST: usize = 1;

/// An HTTP client whose connections can be given up. All clones give up together.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<RwLock<SharedHttpClient>>);

impl Connections {
    /// TLS with ring and the system's root certificates.
    pub(crate) fn new() -> Self {
        Self(Arc::new(RwLock::new(fresh())))
    }

    /// The next call of every client makes a new connection.
    pub(crate) fn give_up(&self) {
        *self
            .0
            .write()
            .expect("no thread panics while it holds the client") = fresh();
    }

    fn current(&self) -> SharedHttpClient {
        self.0
            .read()
            .expect("no thread panics while it holds the client")
            .clone()
    }
}

/// The root certificates are read once in a process, whatever the number of these.
fn fresh() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https()
}

impl HttpClient for Connections {
    // The SDK asks for the connector at every attempt.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.current().http_connector(settings, components)
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.current()
            .validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.current().validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.current().connector_metadata()
    }
}
