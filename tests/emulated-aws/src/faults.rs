//! What goes wrong on purpose: a plan of faults that the router asks before and after each request.
//!
//! Invariant: the same plan and the same requests give the same faults; chance comes from the plan's own seeded generator, asked in the order of requests.
//! A fault is either the network's and the service's front door (any service), or a Lambda's (the host carries it out, see [`LambdaFault`]).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use crate::connector::Router;
use ground::{
    clock::Clock,
    journal::Journal,
    protocol::{invoked_function, record, refusal, verb},
    wire::{self, Request, Response},
};

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused at the front door with this error; nothing happened.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Error code, as the service's model spells it.
        code: String,
        /// Text for people.
        message: String,
    },
    /// Throttled in the service's own words; nothing happened.
    Throttle,
    /// The service's own 500; nothing happened.
    ServerError,
    /// The connection breaks before the request arrives; nothing happened.
    CutBefore,
    /// The request takes effect, then the connection breaks.
    LoseAnswer,
    /// The request takes effect, then the caller gets the service's own 500.
    ServerErrorAfter,
    /// The request takes effect at once, its answer comes this much later.
    Slow(Duration),
    /// Something happens inside the invoked function.
    Lambda(LambdaFault),
    /// The request arrives this much later: a late event, or one that others overtake.
    Late(Duration),
    /// The request arrives twice, as deliveries do that promise "at least once"; the second answer counts.
    Twice,
    /// A read gets the answer that the same request got before, where there is one: eventual consistency.
    Stale,
    /// The answer is cut off in the middle.
    Truncate,
    /// The answer is so long that it must not be read to its end: five megabytes of blanks follow it.
    Huge,
    /// Every id in the answer (32 hexadecimal digits) is another one: the answer of another job.
    OtherJob,
}

impl Fault {
    /// One word, for counts.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refused",
            Self::Throttle => "throttled",
            Self::ServerError => "server error",
            Self::CutBefore => "cut before the effect",
            Self::LoseAnswer => "cut after the effect",
            Self::ServerErrorAfter => "server error after the effect",
            Self::Slow(_) => "slow answer",
            Self::Lambda(LambdaFault::CrashBefore) => "Lambda crash before",
            Self::Lambda(LambdaFault::CrashAfter) => "Lambda crash after",
            Self::Lambda(LambdaFault::RunTwice) => "Lambda run twice",
            Self::Lambda(LambdaFault::TimeOutBefore) => "Lambda time-out before",
            Self::Lambda(LambdaFault::TimeOutAfter) => "Lambda time-out after",
            Self::Late(_) => "late",
            Self::Twice => "delivered twice",
            Self::Stale => "stale read",
            Self::Truncate => "truncated answer",
            Self::Huge => "huge answer",
            Self::OtherJob => "answer of another job",
        }
    }
}

/// What goes wrong inside an invoked function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LambdaFault {
    /// The process dies before the handler is called.
    CrashBefore,
    /// The handler runs to its end, then the process dies: the effect is there, the answer is lost.
    CrashAfter,
    /// The handler runs twice for one event, as asynchronous invocation may do; the second answer counts.
    RunTwice,
    /// The time is up before the handler did anything.
    TimeOutBefore,
    /// The handler runs to its end, but the time is up before its answer is out.
    TimeOutAfter,
}

/// Which of the matching requests a rule strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Every one.
    Always,
    /// Only the n-th, counted from 1.
    Nth(u64),
    /// The first n.
    First(u64),
    /// Every k-th, the first of them being number `from`.
    EveryKth {
        /// How far apart.
        k: u64,
        /// The first one struck, counted from 1.
        from: u64,
    },
    /// From the first to the last of these numbers, counted from 1.
    Between {
        /// The first one struck.
        first: u64,
        /// The last one struck.
        last: u64,
    },
    /// One in k, by the plan's generator.
    OneIn(u64),
    /// Those above a rate: a token bucket, as services have them. What is struck takes no token.
    Over {
        /// Time until one more token is there.
        refill: Duration,
        /// Tokens in a full bucket.
        burst: u32,
    },
}

/// One line of the plan. What is None matches anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Access key id, which names the role.
    pub caller: Option<String>,
    /// `kinesisanalytics`, `dynamodb`, `lambda`, `sns`, `events`, `states`, `monitoring`; `flink` for the Flink REST API.
    pub service: Option<String>,
    /// The verb; the path for the Flink REST API.
    pub action: Option<String>,
    /// The function's name, for Lambda.
    pub function: Option<String>,
    /// Which occurrences.
    pub when: When,
    /// From when to when, counted from the region's opening; None for always.
    pub within: Option<(Duration, Duration)>,
    /// What happens then.
    pub fault: Fault,
}

impl Rule {
    /// Strikes every request, until narrowed.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            caller: None,
            service: None,
            action: None,
            function: None,
            when: When::Always,
            within: None,
            fault,
        }
    }

    /// Only requests of this role.
    #[must_use]
    pub fn by(mut self, caller: &str) -> Self {
        self.caller = Some(caller.to_owned());
        self
    }

    /// Only this verb of this service.
    #[must_use]
    pub fn on(mut self, service: &str, action: &str) -> Self {
        (self.service, self.action) = (Some(service.to_owned()), Some(action.to_owned()));
        self
    }

    /// Only this service, any verb.
    #[must_use]
    pub fn on_service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only invocations of this function.
    #[must_use]
    pub fn on_function(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self.on("lambda", "Invoke")
    }

    /// Only these occurrences.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Only from `from` to `to`, counted from the region's opening.
    #[must_use]
    pub fn within(mut self, from: Duration, to: Duration) -> Self {
        self.within = Some((from, to));
        self
    }

    fn matches(
        &self,
        at: Duration,
        caller: Option<&str>,
        service: &str,
        action: &str,
        function: Option<&str>,
    ) -> bool {
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let about_lambda = !matches!(self.fault, Fault::Lambda(_)) || function.is_some();
        about_lambda
            && self
                .within
                .is_none_or(|(from, to)| (from..to).contains(&at))
            && fits(&self.caller, caller)
            && fits(&self.service, Some(service))
            && fits(&self.action, Some(action))
            && fits(&self.function, function)
    }
}

/// A request that was struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// When, counted from the region's opening.
    pub at: Duration,
    /// Of which service, named as in a [`Rule`].
    pub service: String,
    /// By what.
    pub fault: Fault,
}

/// What a rule has counted.
#[derive(Default)]
struct Tally {
    /// Requests that matched.
    seen: u64,
    /// When the bucket would be full again.
    full_at: Duration,
}

impl Tally {
    /// Counts a request, and answers whether it is struck.
    fn strikes(&mut self, when: &When, at: Duration, chance: &mut fastrand::Rng) -> bool {
        self.seen += 1;
        match when {
            When::Always => true,
            When::Nth(n) => self.seen == *n,
            When::First(n) => self.seen <= *n,
            When::Between { first, last } => (*first..=*last).contains(&self.seen),
            When::EveryKth { k, from } => {
                self.seen >= *from && (self.seen - from).is_multiple_of((*k).max(1))
            }
            When::OneIn(k) => chance.u64(0..(*k).max(1)) == 0,
            When::Over { refill, burst } => {
                let full_at = self.full_at.max(at);
                let after = full_at.saturating_add(*refill);
                if after - at > refill.saturating_mul(*burst) {
                    return true;
                }
                self.full_at = after;
                false
            }
        }
    }
}

struct Plan {
    rules: Vec<(Rule, Tally)>,
    chance: fastrand::Rng,
    struck: Vec<Struck>,
    /// Answers of reads by caller, verb and body, kept for [`Fault::Stale`].
    answers: BTreeMap<String, (Duration, Response)>,
}

/// More than any client of this project reads of one answer.
const HUGE_BYTES: usize = 5 << 20;
/// An answer older than this is not given again: eventual consistency is a matter of seconds.
const STALE_FOR: Duration = Duration::from_secs(15);

/// The plan. Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::planned(Vec::new(), 0)
    }

    /// These rules, the first that strikes wins; chance from `seed`.
    #[must_use]
    pub fn planned(rules: Vec<Rule>, seed: u64) -> Self {
        let rules = rules
            .into_iter()
            .map(|rule| (rule, Tally::default()))
            .collect();
        Self(Arc::new(Mutex::new(Plan {
            rules,
            chance: fastrand::Rng::with_seed(seed),
            struck: Vec::new(),
            answers: BTreeMap::new(),
        })))
    }

    /// Adds a rule to a running plan; it counts from here.
    pub fn add(&self, rule: Rule) {
        self.plan().rules.push((rule, Tally::default()));
    }

    /// Adds a rule that strikes before all others; it counts from here.
    pub fn add_first(&self, rule: Rule) {
        self.plan().rules.insert(0, (rule, Tally::default()));
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        self.plan().rules.clear();
    }

    /// How many requests were struck so far.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.plan().struck.len() as u64
    }

    /// The same by kind.
    #[must_use]
    pub fn struck_by_kind(&self) -> BTreeMap<&'static str, u64> {
        let mut kinds = BTreeMap::new();
        for one in &self.plan().struck {
            *kinds.entry(one.fault.word()).or_default() += 1;
        }
        kinds
    }

    /// Whether a request of which `which` is true was struck so far.
    #[must_use]
    pub fn any_struck(&self, which: impl Fn(&Struck) -> bool) -> bool {
        self.plan().struck.iter().any(which)
    }

    /// The answer when something goes wrong before the request has an effect. Otherwise it is known from now on that this request was asked about, and nothing goes wrong with it later.
    pub fn refuse(
        &self,
        request: &mut Request,
        clock: &Clock,
        journal: &Journal,
    ) -> Option<Response> {
        let answer = self
            .strike(request, clock.elapsed())
            .and_then(|fault| before(&fault, &verb(request).0));
        request.extensions_mut().insert(Spared);
        answer.inspect(|answer| {
            record(
                journal,
                clock.now(),
                request,
                invoked_function(request),
                answer,
                false,
            )
        })
    }

    /// Passes a request on to `next`, unless or until something goes wrong with it.
    pub async fn pass(
        &self,
        mut request: Request,
        next: &Router,
        clock: &Clock,
        journal: &Journal,
    ) -> Response {
        let spared = request.extensions().get::<Spared>().is_some();
        let Some(fault) = (!spared)
            .then(|| self.strike(&request, clock.elapsed()))
            .flatten()
        else {
            return self.remembered(request, next, clock).await;
        };
        let service = verb(&request).0;
        if let Some(answer) = self
            .stale(&request, clock.elapsed())
            .filter(|_| fault == Fault::Stale)
        {
            return answer;
        }
        if let Some(answer) = before(&fault, &service) {
            record(
                journal,
                clock.now(),
                &request,
                invoked_function(&request),
                &answer,
                false,
            );
            return answer;
        }
        if let Fault::Lambda(fault) = fault {
            request.extensions_mut().insert(fault);
            return next.send(request).await;
        }
        match fault {
            Fault::Late(wait) => tokio::time::sleep(wait).await,
            Fault::Twice => drop(next.send(request.clone()).await),
            _ => {}
        }
        // The service itself records what happened.
        let answer = next.send(request).await;
        match fault {
            Fault::Slow(wait) => {
                tokio::time::sleep(wait).await;
                answer
            }
            Fault::LoseAnswer => cut(),
            Fault::Truncate => answer.map(|body| body.slice(..body.len() / 2)),
            Fault::Huge => {
                answer.map(|body| Bytes::from([&body[..], &vec![b' '; HUGE_BYTES][..]].concat()))
            }
            Fault::OtherJob => answer.map(|body| other_ids(&body)),
            Fault::ServerErrorAfter => server_error(&service),
            _ => answer,
        }
    }

    /// Passes a request on, and keeps the answer of a read where a stale one may be asked for later.
    async fn remembered(&self, request: Request, next: &Router, clock: &Clock) -> Response {
        let key = self
            .plan()
            .rules
            .iter()
            .any(|(rule, _)| rule.fault == Fault::Stale)
            .then(|| key_of_read(&request))
            .flatten();
        let answer = next.send(request).await;
        if let Some(key) = key.filter(|_| answer.status().is_success()) {
            self.plan()
                .answers
                .insert(key, (clock.elapsed(), answer.clone()));
        }
        answer
    }

    fn stale(&self, request: &Request, now: Duration) -> Option<Response> {
        let plan = self.plan();
        let (at, answer) = plan.answers.get(&key_of_read(request)?)?;
        (now.saturating_sub(*at) <= STALE_FOR).then(|| answer.clone())
    }

    fn strike(&self, request: &Request, at: Duration) -> Option<Fault> {
        let (caller, (service, action), function) = (
            wire::caller(request),
            verb(request),
            invoked_function(request),
        );
        let mut plan = self.plan();
        let Plan {
            rules,
            chance,
            struck,
            ..
        } = &mut *plan;
        let mut hit = None;
        // Every matching rule counts the request, also when an earlier one already struck it.
        for (rule, tally) in rules.iter_mut().filter(|(rule, _)| {
            rule.matches(
                at,
                caller.as_deref(),
                &service,
                &action,
                function.as_deref(),
            )
        }) {
            let now = tally.strikes(&rule.when, at, chance);
            if now && hit.is_none() {
                hit = Some(rule.fault.clone());
            }
        }
        if let Some(fault) = &hit {
            struck.push(Struck {
                at,
                service,
                fault: fault.clone(),
            });
        }
        hit
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.0
            .lock()
            .expect("no thread panics while it holds the plan")
    }
}

/// What a read is known by, whoever asks; None for anything that changes something.
fn key_of_read(request: &Request) -> Option<String> {
    let (service, action) = verb(request);
    let reads = service == "kinesisanalytics"
        && (action.starts_with("Describe") || action.starts_with("List"));
    reads.then(|| format!("{action} {}", String::from_utf8_lossy(request.body())))
}

/// The same text with every digit of its 32-digit ids moved on by one.
fn other_ids(body: &[u8]) -> Bytes {
    let mut text = body.to_vec();
    let mut from = 0;
    while from < text.len() {
        let length = text[from..]
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            .count();
        if length == 32 {
            for byte in &mut text[from..from + length] {
                *byte = match *byte {
                    b'9' => b'a',
                    b'f' => b'0',
                    other => other + 1,
                };
            }
        }
        from += length.max(1);
    }
    Bytes::from(text)
}

/// The mark of a request with which nothing goes wrong any more.
#[derive(Clone, Copy, Debug)]
struct Spared;

/// The answer when this goes wrong before the request has an effect.
fn before(fault: &Fault, service: &str) -> Option<Response> {
    match fault {
        Fault::Refuse {
            status,
            code,
            message,
        } => Some(refusal(service, *status, code, message)),
        Fault::Throttle => Some(throttled(service)),
        Fault::ServerError => Some(server_error(service)),
        Fault::CutBefore => Some(cut()),
        _ => None,
    }
}

/// The mark of an answer that never came.
#[derive(Clone, Copy, Debug)]
struct Cut;

/// Stands for a broken connection: no answer. The SDK's connector turns it into an I/O error, the server closes the socket.
#[must_use]
pub fn cut() -> Response {
    let mut answer = refusal(
        "",
        502,
        "ConnectionBroken",
        "the connection broke before an answer came",
    );
    answer.extensions_mut().insert(Cut);
    *answer.body_mut() = Bytes::from_static(b"{\"__type\":\"ConnectionBroken\",\"message\":\"the connection broke before an answer came\"}");
    answer
}

/// Whether this stands for a broken connection.
#[must_use]
pub fn is_cut(answer: &Response) -> bool {
    answer.extensions().get::<Cut>().is_some()
}

fn throttled(service: &str) -> Response {
    let (status, code) = match service {
        "lambda" => (429, "TooManyRequestsException"),
        "sns" | "monitoring" => (400, "Throttling"),
        "dynamodb" => (400, "ProvisionedThroughputExceededException"),
        _ => (400, "ThrottlingException"),
    };
    refusal(service, status, code, "Rate exceeded")
}

fn server_error(service: &str) -> Response {
    let code = match service {
        "lambda" => "ServiceException",
        "sns" => "InternalError",
        "monitoring" => "InternalServiceFault",
        "dynamodb" => "InternalServerError",
        "events" => "InternalException",
        _ => "InternalFailure",
    };
    refusal(
        service,
        500,
        code,
        "The request could not be processed because of an internal error",
    )
}

#[cfg(test)]
mod tests;
