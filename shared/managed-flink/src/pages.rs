//! Lists that come in pages, walked by the SDK's own paginators, and never without a bound.

use std::error::Error;

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::CallError;

/// Gives each page to `take`, which says where the next one begins, up to `most` pages. Whether the last one was reached: where half a list is worse than none, the caller says
/// so.
///
/// The paginator must not stop at a token that comes twice (`stop_on_duplicate_token(false)`): it would end as if that were the last page.
///
/// # Errors
/// What the service says.
pub async fn pages<P, E>(
    verb: &'static str,
    subject: &str,
    most: usize,
    mut pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
    mut take: impl FnMut(P) -> Option<String>,
) -> Result<bool, CallError>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    for _ in 0..most {
        let Some(page) = pages.next().await else {
            return Ok(true);
        };
        let page = page.map_err(|error| CallError::of(verb, subject, &error))?;
        if take(page).is_none_or(|token| token.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}
