//! One page of the account's applications: which have opted in?

use lambda_kit::Failure;
use managed_flink::{ListApplicationPage, ListTagsForResource, is_opted_in};

use crate::Page;

/// Applications on a page. Each costs a call for its tags, one after the other: a page takes a second or two, and well under a minute when the service throttles.
const PAGE: i32 = 25;

/// Reads one page.
pub(crate) async fn list<A: ListApplicationPage + ListTagsForResource>(
    api: &A,
    from: Option<String>,
) -> Result<Page, Failure> {
    let listed = api.list_application_page(PAGE, from).await?;
    let mut page = Page {
        next_token: listed.next,
        listed: u32::try_from(listed.applications.len()).unwrap_or(u32::MAX),
        ..Page::default()
    };
    for application in listed.applications {
        if !application.runtime.is_flink() {
            page.not_flink += 1;
            continue;
        }
        match api.list_tags_for_resource(&application.arn).await {
            Ok(tags) if !is_opted_in(&tags) => page.not_opted_in += 1,
            Ok(_) => page.applications.push(application.name),
            // It may have opted in: its own check reads the tags again, with the state machine's retries, and tells.
            Err(error) => {
                tracing::warn!(application = application.name, %error, "the tags could not be read");
                page.applications.push(application.name);
            }
        }
    }
    Ok(page)
}
