//! JSON log lines on standard output, which is where CloudWatch Logs reads a Lambda.

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// The layer that writes log lines as they are deployed, into `writer`.
pub fn log_layer<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .without_time()
        .with_current_span(false)
        .with_writer(writer)
}

/// Starts logging of the process. The level is `info` unless `RUST_LOG` says otherwise; the SDK's own lines can carry request data and stay off.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("info,aws_smithy_runtime=off,aws_smithy_runtime_api=off,hyper=off")
    });
    tracing_subscriber::registry()
        .with(filter)
        .with(log_layer(std::io::stdout))
        .init();
}
