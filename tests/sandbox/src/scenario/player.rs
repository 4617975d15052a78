//! Lets happen what a script says: its steps in their order, those at a time or at a moment of an execution beside them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use lambda_kit::Invocation;
use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};

use super::{
    afterwards::await_the_end,
    minutes,
    people::{People, function},
};
use crate::{
    lambda::{FunctionError, HostedFunction},
    moments::{Moments, TaskMoment},
    observer::Observer,
    protocol::invoked_function,
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    script::{Do, Entered, Moment, Once, Reported, Script, Step, Tried, When},
    states::Status,
    wire::Request,
};

/// A rescue ends well within this, or something is wrong.
const A_LONG_NIGHT: Duration = super::hours(5);

/// Plays a script in a region. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct Player {
    people: People,
    script: Arc<Script>,
    subject: Arc<str>,
    /// Nothing more happens: it has lasted as long as it should.
    over: Arc<AtomicBool>,
}

impl Player {
    pub(super) fn new(region: Region, script: &Script) -> Self {
        Self {
            people: People::new(region),
            subject: script.subject().into(),
            script: Arc::new(script.clone()),
            over: Arc::default(),
        }
    }

    fn region(&self) -> &Region {
        &self.people.region
    }

    /// Plays it to its end.
    pub(super) async fn play(self) {
        let began = Instant::now();
        self.prepare();
        self.begin_beside();
        let mut reported = 0;
        for step in &self.script.happens {
            if step.when.as_ref().is_some_and(When::is_beside) {
                continue;
            }
            match &step.when {
                Some(When::Then(time)) => tokio::time::sleep(time.0).await,
                Some(When::Once(once)) => self.until(step, once, &mut reported).await,
                _ => {}
            }
            if let Some(what) = &step.what {
                let application = self.application(step);
                self.people.act(application, what, None).await;
            }
        }
        if let Some(lasts) = self.script.lasts {
            tokio::time::sleep_until(began + lasts.0).await;
            self.over.store(true, Ordering::SeqCst);
            self.put_right();
            await_the_end(self.region()).await;
        }
    }

    /// The infrastructure works again, and what jobs depend on is back.
    fn put_right(&self) {
        self.region().faults().clear();
        for code in self.script.world.code.values() {
            for need in &code.needs {
                self.region().flink().set_dependency(&need.dependency, true);
            }
        }
    }

    fn application<'a>(&'a self, step: &'a Step) -> &'a str {
        step.application.as_deref().unwrap_or(&self.subject)
    }

    /// The infrastructure and the functions as the script has them.
    fn prepare(&self) {
        for (package, answer) in &self.script.world.answers {
            if let Some(name) = function(self.region(), package) {
                let answers = Arc::new(Answers(answer.clone()));
                self.region().lambda().register(&name, minutes(1), answers);
            }
        }
        for injected in &self.script.faults {
            self.people.inject(injected);
        }
    }

    /// Waits until something is so, or has not become so in time.
    async fn until(&self, step: &Step, once: &Once, reported: &mut usize) {
        let within = once.within.map_or(A_LONG_NIGHT, |within| within.0);
        if let Some(status) = &once.status {
            let application = self.application(step);
            let status_now = || {
                let view = self.region().flink().application(application);
                view.map_or_else(String::new, |view| view.status.name().to_owned())
            };
            self.poll(within, || status_now() == *status).await;
        } else if let Some(checks) = once.checked {
            self.poll(within, || self.checks_ended() >= checks).await;
        } else if let Some(which) = once.reported {
            let before = match which {
                Reported::All => 0,
                Reported::Again => *reported,
            };
            let done = || {
                let executions = self.region().executions_of(REMEDIATE);
                executions.len() > before
                    && executions
                        .iter()
                        .all(|execution| execution.status != Status::Running)
            };
            self.poll(within, done).await;
            *reported = self.region().executions_of(REMEDIATE).len();
        }
    }

    /// Snapshot checks that have ended, each with the execution that went on with its list.
    fn checks_ended(&self) -> usize {
        let executions = self.region().executions_of(SNAPSHOT_CHECK);
        let ended = executions
            .iter()
            .filter(|execution| execution.status != Status::Running);
        ended
            .filter(|execution| {
                execution
                    .output
                    .as_ref()
                    .is_none_or(|output| output["outcome"] != "goesOn")
            })
            .count()
    }

    /// Looks every second of the region's time.
    async fn poll(&self, at_most: Duration, is_so: impl Fn() -> bool) {
        let until = self.region().clock().elapsed() + at_most;
        while !is_so() && self.region().clock().elapsed() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Begins to wait for the times and the moments of the steps beside.
    fn begin_beside(&self) {
        let steps = self.script.happens.iter().enumerate();
        let (sender, moments) = mpsc::unbounded_channel();
        let (mut timed, mut entered, mut tried) = (Vec::new(), Vec::new(), Vec::new());
        for (index, step) in steps {
            match &step.when {
                Some(When::At(time)) => timed.push((time.0, index)),
                Some(When::State(state)) => entered.push((index, state.clone())),
                Some(When::Task(task)) => tried.push((index, task.clone())),
                _ => {}
            }
        }
        let mut happens = self.script.happens.iter();
        if happens.any(|step| step.what == Some(Do::DeliverAlarmAgain)) {
            let handler = function(self.region(), "alarm-handler").unwrap_or_default();
            let people = self.people.clone();
            self.region()
                .observe(Arc::new(AlarmEvents { people, handler }));
        }
        let has_moments = !tried.is_empty();
        if has_moments {
            let player = self.clone();
            Moments::listen(self.region(), move |now| {
                for (index, moment) in &tried {
                    let application = player.application(&player.script.happens[*index]);
                    if is_now(moment, application, now) {
                        // Nobody hears of it once the play is over.
                        let _ = sender.send(*index);
                    }
                }
            });
        }
        if !entered.is_empty() {
            self.listen_to_states(entered);
        }
        if !timed.is_empty() || has_moments {
            timed.sort_unstable();
            tokio::spawn(self.clone().beside(timed, moments));
        }
    }

    async fn beside(
        self,
        timed: Vec<(Duration, usize)>,
        mut moments: mpsc::UnboundedReceiver<usize>,
    ) {
        let began = Instant::now();
        let mut timed = timed.into_iter().peekable();
        loop {
            let next = timed.peek().map(|(at, _)| began + *at);
            let index = tokio::select! {
                biased;
                Some(index) = moments.recv() => Some(index),
                () = tokio::time::sleep_until(next.unwrap_or(began)), if next.is_some() => timed.next().map(|(_, index)| index),
                else => return,
            };
            if let Some(index) = index {
                // A task of its own: nobody waits for a slow answer.
                let player = self.clone();
                tokio::spawn(async move { player.act_beside(index, None).await });
            }
        }
    }

    async fn act_beside(&self, index: usize, execution: Option<String>) {
        let Some(step) = self.script.happens.get(index) else {
            return;
        };
        if self.is_over() {
            return;
        }
        if let Some(what) = &step.what {
            let application = self.application(step);
            self.people
                .act(application, what, execution.as_deref())
                .await;
        }
    }

    /// Steps at states that executions enter. An execution that ends there at once goes no further.
    fn listen_to_states(&self, steps: Vec<(usize, Entered)>) {
        let (player, counts) = (
            self.clone(),
            steps.iter().map(|_| AtomicU32::new(0)).collect::<Vec<_>>(),
        );
        self.region()
            .states()
            .on_state_entered(Arc::new(move |arn, state| {
                for ((index, entered), count) in steps.iter().zip(&counts) {
                    if entered.name != state || !player.is_about(*index, arn) {
                        continue;
                    }
                    let nth = count.fetch_add(1, Ordering::SeqCst) + 1;
                    let first = entered.nth.unwrap_or(1);
                    if (first..first + entered.times.unwrap_or(1)).contains(&nth) {
                        player.entered(*index, arn, entered.later.map(|later| later.0));
                    }
                }
            }));
    }

    fn is_about(&self, index: usize, arn: &str) -> bool {
        let view = self.region().states().view(arn);
        let named = view.map(|view| view.input["applicationName"].clone());
        let step = &self.script.happens[index];
        named.is_none_or(|named| named.is_null() || named == *self.application(step))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn entered(&self, index: usize, arn: &str, later: Option<Duration>) {
        if self.is_over() {
            return;
        }
        let step = &self.script.happens[index];
        if let (
            Some(Do::EndExecution {
                end,
                label,
                unheard,
            }),
            None,
        ) = (&step.what, later)
        {
            let application = self.application(step);
            return self
                .people
                .end(application, *end, label.as_deref(), *unheard, Some(arn));
        }
        let (player, arn) = (self.clone(), arn.to_owned());
        tokio::spawn(async move {
            if let Some(later) = later {
                tokio::time::sleep(later).await;
            }
            player.act_beside(index, Some(arn)).await;
        });
    }
}

/// Whether a step waits for this moment.
fn is_now(tried: &Tried, application: &str, now: &TaskMoment) -> bool {
    application == now.application
        && tried.state == now.state
        && tried.nth.unwrap_or(1) == now.nth
        && (tried.moment == Moment::Ends) == now.ended
}

/// Keeps the events of alarms, as they reach the alarm handler.
struct AlarmEvents {
    people: People,
    handler: String,
}

impl Observer for AlarmEvents {
    fn arriving(&self, request: &Request) {
        if invoked_function(request).as_deref() == Some(&self.handler) {
            let event = serde_json::from_slice(request.body()).unwrap_or_default();
            self.people.heard_alarm(event);
        }
    }
}

/// A function that always gives the same answer.
struct Answers(Value);

impl HostedFunction for Answers {
    fn invoke(&self, _: Value, _: Invocation) -> BoxFuture<'static, Result<Value, FunctionError>> {
        std::future::ready(Ok(self.0.clone())).boxed()
    }
}
