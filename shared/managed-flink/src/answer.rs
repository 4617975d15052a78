//! The bytes of an answer, of which the SDK's type may leave something out.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use serde::de::DeserializeOwned;

/// The bytes of the last attempt's answer. One for each call: the next would overwrite it.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<Vec<u8>>>);

/// Its `Debug` shows nothing: values may be secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    /// None where the bytes are no such JSON.
    pub(crate) fn read<A: DeserializeOwned>(&self) -> Option<A> {
        let bytes = self.0.lock().expect("no panic while it is held");
        serde_json::from_slice(&bytes).ok()
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "its answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().expect("no panic while it is held") = bytes.to_vec();
        Ok(())
    }
}
