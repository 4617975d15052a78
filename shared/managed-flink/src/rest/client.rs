//! The client: finds out which way the URL wants to be used, then reads JSON.
//!
//! AWS shows two ways. The token way: every call carries `authToken`. The cookie way: the URL itself is opened once, redirects, and sets cookies for the calls below it. The
//! token way is tried first, with the first call that a look needs anyway; whatever is not a readable answer to that leads to the cookie way.

use std::{collections::BTreeMap, fmt, sync::Mutex};

use lambda_kit::Aws;
use serde_json::Value;

use super::{
    HostRule, PresignedUrl, RestCall, RestError, RestProblem,
    transport::{Answer, Transport},
    url::Place,
};

/// Redirects followed when the URL is opened.
const REDIRECTS: usize = 5;
/// Exceptions asked for: all that Flink keeps by default. Each may name every subtask with a stack trace of its own: 16 of 25 subtasks are 4 MB, and then the newest tell what repeats.
const EXCEPTIONS_ASKED: [usize; 3] = [16, 4, 1];
/// The path segment below which the API lies.
const DASHBOARD: &str = "/flinkdashboard";

/// The Flink REST API of one application, for one look.
pub struct FlinkRest {
    transport: Transport,
    way: Way,
    /// `{origin}{path}` without a trailing slash.
    base: String,
    /// The answer that told which way to go: it is the first `/jobs/overview`, so a look costs no call more.
    overview: Mutex<Option<Value>>,
}

/// How calls show that they may.
enum Way {
    /// By the query of the presigned URL.
    Token(Option<String>),
    /// By cookies, where any were set.
    Cookies(Option<String>),
}

impl fmt::Debug for FlinkRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Token(_) => "token",
            Way::Cookies(_) => "cookies",
        };
        f.debug_struct("FlinkRest")
            .field("way", &way)
            .finish_non_exhaustive()
    }
}

impl FlinkRest {
    /// Opens the URL: one call the token way, some more the cookie way.
    ///
    /// # Errors
    /// When the URL leads to a host that is not allowed, is not accepted, or nobody answers.
    pub async fn open(aws: &Aws, url: &PresignedUrl, rule: HostRule) -> Result<Self, RestError> {
        let place = url
            .parts(rule)
            .map_err(|problem| problem.of(RestCall::Open))?;
        let transport = Transport::new(aws).map_err(|problem| problem.of(RestCall::Open))?;
        let base = format!("{}{}", place.origin, place.path.trim_end_matches('/'));
        let mut rest = Self {
            transport,
            way: Way::Token(place.query.clone()),
            base,
            overview: Mutex::new(None),
        };
        let first = rest.read(RestCall::Overview, "/jobs/overview").await;
        let first = match first {
            Err(error) if leads_to_cookies(error.problem) => {
                rest.take_cookies(place, rule)
                    .await
                    .map_err(|problem| problem.of(RestCall::Open))?;
                rest.read(RestCall::Overview, "/jobs/overview").await
            }
            other => other,
        };
        *rest.overview.lock().expect("no panic while it is held") = Some(first?);
        Ok(rest)
    }

    /// `/jobs/overview`.
    ///
    /// # Errors
    /// See [`RestProblem`], as for every call below.
    pub async fn overview(&self) -> Result<Value, RestError> {
        let first = self
            .overview
            .lock()
            .expect("no panic while it is held")
            .take();
        match first {
            Some(first) => Ok(first),
            None => self.read(RestCall::Overview, "/jobs/overview").await,
        }
    }

    /// `/jobs/:id`.
    ///
    /// # Errors
    /// See [`RestProblem`].
    pub async fn job(&self, id: &str) -> Result<Value, RestError> {
        self.read(
            RestCall::Job,
            &format!("/jobs/{}", segment(RestCall::Job, id)?),
        )
        .await
    }

    /// `/jobs/:id/exceptions`, the newest ones: fewer where so many do not fit into an answer.
    ///
    /// # Errors
    /// See [`RestProblem`].
    pub async fn exceptions(&self, id: &str) -> Result<Value, RestError> {
        let id = segment(RestCall::Exceptions, id)?;
        let mut answer = Err(RestProblem::TooLarge.of(RestCall::Exceptions));
        for most in EXCEPTIONS_ASKED {
            let path = format!("/jobs/{id}/exceptions?maxExceptions={most}");
            answer = self.read(RestCall::Exceptions, &path).await;
            let is_too_large =
                matches!(&answer, Err(error) if error.problem == RestProblem::TooLarge);
            if !is_too_large {
                break;
            }
        }
        answer
    }

    /// `/jobs/:id/checkpoints`.
    ///
    /// # Errors
    /// See [`RestProblem`]; not found also when checkpointing is off.
    pub async fn checkpoints(&self, id: &str) -> Result<Value, RestError> {
        self.read(
            RestCall::Checkpoints,
            &format!("/jobs/{}/checkpoints", segment(RestCall::Checkpoints, id)?),
        )
        .await
    }

    /// `/jobs/:id/metrics`, the two counters of restarts. Each Flink answers those it has.
    ///
    /// # Errors
    /// See [`RestProblem`].
    pub async fn metrics(&self, id: &str) -> Result<Value, RestError> {
        self.read(
            RestCall::Metrics,
            &format!(
                "/jobs/{}/metrics?get=numRestarts,fullRestarts",
                segment(RestCall::Metrics, id)?
            ),
        )
        .await
    }

    /// `/jobs/:id/vertices/:vid`, for the attempts of its subtasks.
    ///
    /// # Errors
    /// See [`RestProblem`].
    pub async fn vertex(&self, id: &str, vertex: &str) -> Result<Value, RestError> {
        let (id, vertex) = (
            segment(RestCall::Vertex, id)?,
            segment(RestCall::Vertex, vertex)?,
        );
        self.read(RestCall::Vertex, &format!("/jobs/{id}/vertices/{vertex}"))
            .await
    }

    async fn read(&self, call: RestCall, path: &str) -> Result<Value, RestError> {
        let url = format!("{}{path}", self.base);
        let answer = match &self.way {
            Way::Token(None) => self.transport.get(&url, None).await,
            Way::Token(Some(query)) => {
                let joint = if path.contains('?') { '&' } else { '?' };
                self.transport
                    .get(&format!("{url}{joint}{query}"), None)
                    .await
            }
            Way::Cookies(cookies) => self.transport.get(&url, cookies.as_deref()).await,
        };
        answer
            .and_then(|answer| parse(&answer))
            .map_err(|problem| problem.of(call))
    }

    /// Opens the URL itself, keeps the cookies on the way, and calls below the dashboard from then on.
    async fn take_cookies(&mut self, place: Place, rule: HostRule) -> Result<(), RestProblem> {
        let mut place = place;
        let mut jar = Jar::default();
        for _ in 0..=REDIRECTS {
            let answer = self
                .transport
                .get(&place.target(), jar.header().as_deref())
                .await?;
            jar.keep(&answer.set_cookies);
            match (answer.status, answer.location) {
                (300..=399, Some(location)) => place = place.redirected(&location, rule)?,
                (200..=299, _) => {
                    let path = place
                        .path
                        .find(DASHBOARD)
                        .map_or(place.path.as_str(), |at| {
                            &place.path[..at + DASHBOARD.len()]
                        });
                    self.base = format!("{}{}", place.origin, path.trim_end_matches('/'));
                    self.way = Way::Cookies(jar.header());
                    return Ok(());
                }
                (status, _) => return Err(problem_of(status)),
            }
        }
        Err(RestProblem::Redirects)
    }
}

/// Cookies as name and value. Path, age and the rest do not matter for the seconds of a look on one host.
#[derive(Default)]
struct Jar(BTreeMap<String, String>);

impl Jar {
    fn keep(&mut self, set_cookies: &[String]) {
        for cookie in set_cookies {
            if let Some((name, value)) = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
            {
                self.0
                    .insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// Whether the token way was answered, but not with what it should have been: a redirect, a sign-in page, a refusal.
fn leads_to_cookies(problem: RestProblem) -> bool {
    matches!(
        problem,
        RestProblem::UrlExpired
            | RestProblem::NotFound
            | RestProblem::Unparsable
            | RestProblem::Http(300..=499)
    )
}

fn parse(answer: &Answer) -> Result<Value, RestProblem> {
    match answer.status {
        200..=299 => serde_json::from_slice(&answer.body).map_err(|_| RestProblem::Unparsable),
        status => Err(problem_of(status)),
    }
}

fn problem_of(status: u16) -> RestProblem {
    match status {
        401 | 403 => RestProblem::UrlExpired,
        404 => RestProblem::NotFound,
        status => RestProblem::Http(status),
    }
}

/// Ids come from answers and go into paths: only what Flink's ids consist of.
fn segment(call: RestCall, id: &str) -> Result<&str, RestError> {
    let plain = !id.is_empty()
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain {
        Ok(id)
    } else {
        Err(RestProblem::Unparsable.of(call))
    }
}
