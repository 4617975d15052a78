//! One page of the account's applications: which have opted in?

use std::time::Duration;

use futures::{StreamExt as _, stream};
use lambda_kit::{Budget, Failure};
use lifecycle::StackName;
use managed_flink::{ListApplicationPage, ListTagsForResource, is_opted_in};

use crate::Page;

/// Applications on a page. Each costs a call for its tags: a page takes a second, and as long as it may when the service throttles.
const PAGE: i32 = 25;
/// Tags read at once: the service publishes no rate.
const READS_AT_ONCE: usize = 4;
/// After this no tags are waited for. With the list itself, less than the function's time.
const TIME_TO_READ: Duration = Duration::from_secs(80);

/// Reads one page. An application whose tags cannot be read, or not in time, may have opted in: its own check reads them again, with the state machine's retries, and says so.
pub(crate) async fn list<A: ListApplicationPage + ListTagsForResource>(
    api: &A,
    stack: &StackName,
    from: Option<String>,
) -> Result<Page, Failure> {
    let budget = Budget::of(TIME_TO_READ);
    let listed = api.list_application_page(PAGE, from).await?;
    let mut page = Page {
        next_token: listed.next,
        listed: u32::try_from(listed.applications.len()).unwrap_or(u32::MAX),
        ..Page::default()
    };
    let asked = stream::iter(listed.applications).map(|application| async move {
        if !application.runtime.is_flink() {
            return (application.name, Opted::NotFlink);
        }
        let read = budget.within(api.list_tags_for_resource(&application.arn));
        let opted = match read.await {
            Some(Ok(tags)) if is_opted_in(&tags) && stack.other(&tags).is_none() => Opted::In,
            Some(Ok(_)) => Opted::Out,
            Some(Err(error)) => {
                tracing::warn!(application = application.name, %error, "the tags could not be read");
                Opted::Unknown
            }
            None => {
                tracing::warn!(application = application.name, "the tags could not be read in time");
                Opted::Unknown
            }
        };
        (application.name, opted)
    });
    let answers: Vec<(String, Opted)> = asked.buffered(READS_AT_ONCE).collect().await;
    for (name, opted) in answers {
        match opted {
            Opted::NotFlink => page.not_flink += 1,
            Opted::Out => page.not_opted_in += 1,
            Opted::In => page.applications.push(name),
            Opted::Unknown => {
                page.unread += 1;
                page.applications.push(name);
            }
        }
    }
    Ok(page)
}

enum Opted {
    In,
    Out,
    NotFlink,
    Unknown,
}
