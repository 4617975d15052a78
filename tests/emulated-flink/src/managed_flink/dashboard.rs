//! Presigned URLs, and the Flink dashboards behind them: only GET, only as long as the session lives, only while a cluster is there.
//!
//! Invariant: a URL or token is in no journal entry and in no error.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{ApiError, Done, only, text};
use super::settings::Dashboard;
use super::status::Status;
use super::{Inner, ManagedFlink};
use ground::journal::Call;
use ground::wire::{self, Request, Response};

/// A URL not used for so long after it was given out is dead.
const FIRST_USE: Duration = Duration::from_secs(180);
const SESSION: std::ops::RangeInclusive<i64> = 1_800..=43_200;
const LONGEST_SESSION: i64 = 43_200;
const PATH: &str = "/flinkdashboard";
const COOKIE: &str = "flink-session";

/// What a URL stands for.
pub(super) struct Session {
    application: String,
    caller: String,
    given_out: Timestamp,
    used: bool,
    expires: Timestamp,
}

/// CreateApplicationPresignedUrl.
pub(super) fn presign(inner: &Arc<Inner>, input: &Value, caller: &str) -> Result<Done, ApiError> {
    only(
        input,
        &[
            "ApplicationName",
            "UrlType",
            "SessionExpirationDurationInSeconds",
        ],
        "the request",
    )?;
    let name = text(input, "ApplicationName")?;
    match text(input, "UrlType")? {
        "FLINK_DASHBOARD_URL" => {}
        other => {
            return Err(ApiError::invalid_argument(format!(
                "the sandbox does not serve {other}"
            )));
        }
    }
    let seconds = input["SessionExpirationDurationInSeconds"]
        .as_i64()
        .unwrap_or(LONGEST_SESSION);
    if !SESSION.contains(&seconds) {
        return Err(ApiError::invalid_argument(
            "SessionExpirationDurationInSeconds must be between 1800 and 43200",
        ));
    }
    let mut state = inner.lock();
    let application = state.application(name)?;
    if application.status != Status::Running {
        return Err(ApiError::in_use(format!(
            "the application is {}: its dashboard is there only while it is RUNNING",
            application.status.name()
        )));
    }
    let host = application.arn.bytes().fold(0xcbf2_9ce4_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }) & 0xffff_ffff;
    let base = match &state.dashboard {
        Dashboard::Aws => format!(
            "https://{name}-{host:08x}.flink.{}.amazonaws.com{PATH}",
            inner.settings.region
        ),
        Dashboard::Loopback(base) => format!("{}{PATH}", base.trim_end_matches('/')),
    };
    let token = state.id(64);
    let now = inner.clock.now();
    let session = Session {
        application: name.to_owned(),
        caller: caller.to_owned(),
        given_out: now,
        used: false,
        expires: now + SignedDuration::from_secs(seconds),
    };
    state.sessions.retain(|_, session| session.expires > now);
    state.sessions.insert(token.clone(), session);
    Done::read(json!({ "AuthorizedUrl": format!("{base}?authToken={token}") }))
}

impl ManagedFlink {
    /// Whether a request is for a dashboard rather than for the control plane.
    pub fn serves_dashboard(&self, request: &Request) -> bool {
        let path = request.uri().path();
        path == PATH
            || path
                .strip_prefix(PATH)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Where presigned URLs lead from now on: the loopback base of a served region.
    pub fn serve_dashboards_at(&self, dashboard: Dashboard) {
        self.inner.lock().dashboard = dashboard;
    }

    /// Answers a request for a dashboard: the token in the query, or the cookie that the opened URL has set.
    pub async fn dashboard(&self, request: Request) -> Response {
        let path = request
            .uri()
            .path()
            .strip_prefix(PATH)
            .unwrap_or("")
            .to_owned();
        let query = request.uri().query().unwrap_or("").to_owned();
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("authToken="))
            .map(decoded);
        let by_token = token.is_some();
        let Some((token, session)) = token
            .or_else(|| cookie(&request))
            .and_then(|token| Some((token.clone(), self.inner.use_session(&token)?)))
        else {
            return plain(403, json!({ "errors": ["Forbidden"] }));
        };
        if request.method() != http::Method::GET {
            return plain(405, json!({ "errors": ["only GET is allowed"] }));
        }
        if path.trim_matches('/').is_empty() {
            return opened(
                by_token.then_some(token.as_str()),
                request.uri().scheme_str() == Some("http") || self.inner.is_loopback(),
            );
        }
        let (application, caller) = session;
        let status = self
            .inner
            .lock()
            .applications
            .get(&application)
            .map(|application| application.status);
        let answer = match status {
            Some(Status::Running | Status::Maintenance) => {
                self.inner.plane.rest(&application, &path, &query).await
            }
            _ => crate::flink::RestAnswer::error(503, "The Flink cluster is not available"),
        };
        let outcome = if answer.status == 200 {
            "ok".to_owned()
        } else {
            answer.status.to_string()
        };
        let action = format!("GET {}", without_ids(&path));
        let (at, service) = (self.inner.clock.now(), "flink".to_owned());
        self.inner.journal.call(Call {
            at,
            caller,
            service,
            action,
            resource: Some(application),
            outcome,
            changed: false,
        });
        plain(answer.status, answer.body)
    }
}

impl Inner {
    /// The application and the caller behind a token that is still good.
    fn use_session(&self, token: &str) -> Option<(String, String)> {
        let now = self.clock.now();
        let mut state = self.lock();
        let session = state.sessions.get_mut(token)?;
        let waited = Duration::try_from(now.duration_since(session.given_out)).unwrap_or_default();
        if now >= session.expires || (!session.used && waited > FIRST_USE) {
            return None;
        }
        session.used = true;
        Some((session.application.clone(), session.caller.clone()))
    }

    fn is_loopback(&self) -> bool {
        matches!(self.lock().dashboard, Dashboard::Loopback(_))
    }
}

/// The opened URL: goes on to the dashboard with a cookie; without a token, the page itself.
fn opened(token: Option<&str>, insecure: bool) -> Response {
    let answer = match token {
        Some(token) => {
            let secure = if insecure { "" } else { "; Secure" };
            let answer = http::Response::builder()
                .status(302)
                .header(http::header::LOCATION, format!("{PATH}/"));
            answer
                .header(
                    http::header::SET_COOKIE,
                    format!("{COOKIE}={token}; Path={PATH}; HttpOnly{secure}"),
                )
                .body(Bytes::new())
        }
        None => http::Response::builder()
            .status(200)
            .header(http::header::CONTENT_TYPE, "text/html")
            .body(Bytes::from_static(b"<title>Apache Flink Dashboard</title>")),
    };
    answer.expect("status and headers are of this project; a token has letters and digits")
}

fn cookie(request: &Request) -> Option<String> {
    let header = request.headers().get(http::header::COOKIE)?.to_str().ok()?;
    header.split(';').find_map(|pair| {
        pair.trim()
            .strip_prefix(COOKIE)?
            .strip_prefix('=')
            .map(str::to_owned)
    })
}

/// A job or vertex id is no name of an action.
fn without_ids(path: &str) -> String {
    let part = |part: &str| {
        if part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            ":id".to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Percent-decoding, as far as a token can need it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let code = (*byte == b'%').then(|| text_of(tail.get(..2)?)).flatten();
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn plain(status: u16, body: Value) -> Response {
    wire::json_answer(status, "application/json; charset=UTF-8", &body)
}
