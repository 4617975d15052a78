//! CloudWatch: metrics, the alarms on them, and their history.
//!
//! Each region minute the sources are polled, every metric alarm is evaluated over the minutes that are complete, then the composites. A transition goes to
//! the event bus as `CloudWatch Alarm State Change`, and to the alarm's actions (a function, a topic) in their own envelopes. GetMetricData answers from the
//! same minutes, late and with gaps as [`MetricSettings`] say, and before them from what the sources know of their past. Deliberately absent: metrics
//! put by clients, dashboards, Metrics Insights, anomaly detection, action suppression, percentiles.
//!
//! Invariant: an alarm never sees a minute that is not over.

mod alarm;
mod cbor;
mod compute;
mod data;
mod envelope;
mod evaluate;
mod history;
mod intake;
mod list;
mod math;
mod metrics;
mod plan;
mod rule;
mod settings;
mod state;
mod verbs;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use alarm::{AlarmError, CompositeAlarm, MetricAlarm};
pub use cbor::in_cbor;
pub use envelope::{event, lambda_action, sns_action};
pub use metrics::{Datum, MESSAGES_SENT, MetricSource, NAMESPACE, Past, Point};
pub use settings::{EndOfJob, MetricSettings, Unset};
pub use state::{Alarm, AlarmState, Definition, StateValue, Transition};

use plan::Plan;

use crate::{connector::Router, delivery, events::EventBus, permissions::ForTheSakeOf, sns};
use ground::{
    clock::Clock,
    journal::{Actor, Journal},
    place,
    protocol::{aws_query, invocation, record, tower_service},
    wire::{Request, Response},
};

/// The name as which alarms call functions and topics.
pub const CALLER: &str = "cloudwatch.amazonaws.com";

const MINUTE_SECS: i64 = 60;

/// The service. Cheap to clone; all clones share metrics and alarms.
#[derive(Clone)]
pub struct CloudWatch {
    clock: Clock,
    journal: Journal,
    bus: EventBus,
    router: Router,
    settings: MetricSettings,
    site: Arc<Mutex<Site>>,
}

#[derive(Default)]
struct Site {
    sources: Vec<Arc<dyn MetricSource>>,
    store: metrics::Store,
    alarms: BTreeMap<String, Alarm>,
    /// By alarm name.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Every change of an alarm's state, in order; of deleted alarms too.
    history: Vec<Transition>,
}

tower_service!(CloudWatch);

impl CloudWatch {
    /// A service without metrics and alarms. Its events go to `bus`, its actions through `router`.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal, bus: EventBus, router: Router) -> Self {
        Self {
            clock,
            journal,
            bus,
            router,
            settings: MetricSettings::default(),
            site: Arc::default(),
        }
    }

    /// With metrics that come as these settings say.
    #[must_use]
    pub fn with_metrics(mut self, settings: MetricSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Polls this source from the next minute on.
    pub fn add_source(&self, source: Arc<dyn MetricSource>) {
        self.site().sources.push(source);
    }

    /// Takes a value of the minute that began so many seconds before now, as of something that was there before the region opened.
    pub fn assume(&self, datum: &Datum, secs_ago: i64) {
        let at = self.clock.now().as_second() - secs_ago;
        self.site().store.put(datum, at, 1.0);
    }

    /// Lets go of the sources: with them goes what they hold of the region.
    pub fn clear_sources(&self) {
        let sources = std::mem::take(&mut self.site().sources);
        drop(sources);
    }

    /// Puts an alarm from the properties of an `AWS::CloudWatch::Alarm`, its references resolved and its `AlarmName` given. PutMetricAlarm takes the same.
    ///
    /// # Errors
    /// When a property is not known or does not fit the others; the text names it.
    pub fn put_alarm(&self, properties: &Value) -> Result<(), AlarmError> {
        let alarm = MetricAlarm::read(properties)?;
        let tags = alarm
            .tags
            .iter()
            .filter_map(|tag| {
                Some((
                    tag["Key"].as_str()?.to_owned(),
                    tag["Value"].as_str()?.to_owned(),
                ))
            })
            .collect();
        {
            // The service takes tags when an alarm is made, and ignores them on one that is there.
            let mut site = self.site();
            if !site.alarms.contains_key(&alarm.alarm_name) {
                site.tags.insert(alarm.alarm_name.clone(), tags);
            }
        }
        self.put(alarm.alarm_name.clone(), Definition::Metric(alarm));
        Ok(())
    }

    /// Puts a composite alarm, from the properties of an `AWS::CloudWatch::CompositeAlarm`.
    ///
    /// # Errors
    /// When a property is not known, the rule cannot be read, or it names an alarm that does not exist.
    pub fn put_composite(&self, properties: &Value) -> Result<(), AlarmError> {
        let alarm = CompositeAlarm::read(properties)?;
        let site = self.site();
        if let Some(missing) = alarm
            .children()
            .into_iter()
            .find(|child| !site.alarms.contains_key(child))
        {
            return Err(AlarmError::Invalid(format!(
                "the alarm rule of {} names {missing}, which does not exist",
                alarm.alarm_name
            )));
        }
        drop(site);
        self.put(alarm.alarm_name.clone(), Definition::Composite(alarm));
        Ok(())
    }

    /// The alarm as it stands.
    #[must_use]
    pub fn alarm(&self, name: &str) -> Option<Alarm> {
        self.site().alarms.get(name).cloned()
    }

    /// The alarm's tags; none for one that does not exist.
    #[must_use]
    pub fn tags_of(&self, name: &str) -> BTreeMap<String, String> {
        self.site().tags.get(name).cloned().unwrap_or_default()
    }

    /// The names of all alarms, in order.
    #[must_use]
    pub fn alarm_names(&self) -> Vec<String> {
        self.site().alarms.keys().cloned().collect()
    }

    /// Stores one value for the minute that ends at the last full minute, beside those of the sources: for tests and for stories told by hand.
    pub fn put_value(&self, datum: &Datum) {
        let minute = last_minute(self.clock.now());
        self.site().store.put(datum, minute, 1.0);
    }

    /// Polls as often as the settings say and evaluates at every full minute, until the region's router is closed.
    pub async fn run(self) {
        let step = self.settings.sample_secs();
        while self.router.is_open() {
            let now = self.clock.now().as_second();
            let next = now - now.rem_euclid(step) + step;
            self.clock.sleep_until(at_second(next)).await;
            if next % MINUTE_SECS == 0 {
                self.tick();
            } else {
                self.sample();
            }
        }
    }

    /// One minute: polls the sources, evaluates every alarm.
    pub fn tick(&self) {
        self.sample();
        let now = self.clock.now();
        let transitions = {
            let mut site = self.site();
            let mut transitions = site.evaluate_metric_alarms(&self.settings, now);
            transitions.extend(site.evaluate_composites(now));
            transitions
        };
        self.announce(transitions);
    }

    /// Polls the sources, for the minute that is not over or ends now.
    fn sample(&self) {
        let now = self.clock.now();
        let sources = self.site().sources.clone();
        // Outside of the lock: a source may look at the region.
        let values: Vec<Datum> = sources
            .iter()
            .flat_map(|source| source.metrics(now))
            .collect();
        let from = now.as_second() - self.settings.sample_secs();
        intake::take(&mut self.site().store, &self.settings, values, from);
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        let as_json = cbor::to_json(&request);
        let asked = as_json.as_ref().unwrap_or(&request);
        let (answer, alarm, transitions) = verbs::answer(self, asked);
        record(
            &self.journal,
            self.clock.now(),
            asked,
            alarm,
            &answer,
            false,
        );
        let answer = if as_json.is_some() {
            in_cbor(answer)
        } else {
            answer
        };
        self.announce(transitions);
        answer
    }

    fn put(&self, name: String, definition: Definition) {
        let now = self.clock.now();
        let mut site = self.site();
        match site.alarms.get_mut(&name) {
            // A changed definition keeps the state until the next evaluation.
            Some(alarm) => {
                *alarm = Alarm {
                    state: alarm.state.clone(),
                    ..Alarm::new(definition, now)
                }
            }
            None => {
                site.alarms.insert(name, Alarm::new(definition, now));
            }
        }
    }

    fn announce(&self, transitions: Vec<Transition>) {
        self.site().history.extend(transitions.iter().cloned());
        for transition in transitions {
            let (name, from, to) = (
                transition.alarm.definition.name(),
                transition.previous.value,
                transition.alarm.state.value,
            );
            let reason = transition
                .alarm
                .state
                .reason
                .trim_start_matches("Threshold Crossed: ");
            // The reason lists every value; a timeline needs how many.
            let reason = reason.split(" [").next().unwrap_or(reason);
            let news = match (from, to) {
                (_, StateValue::Alarm) => Some(format!("{name} is in ALARM: {reason}")),
                (StateValue::Alarm, _) => Some(format!("{name} goes back to {to}")),
                // That an alarm has got its first data is no news.
                _ => None,
            };
            if let Some(text) = news {
                self.journal.tell(
                    Actor::Alarm,
                    transition.alarm.definition.application(),
                    text,
                );
            }
            self.bus.emit(
                "aws.cloudwatch",
                "CloudWatch Alarm State Change",
                &[transition.alarm.definition.arn()],
                event(&transition),
            );
            for action in transition.actions() {
                delivery::deliver(
                    &self.router,
                    &self.journal,
                    "cloudwatch",
                    request(action, &transition),
                    None,
                );
            }
        }
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.site
            .lock()
            .expect("no thread panics while it holds the alarms")
    }
}

impl Site {
    fn evaluate_metric_alarms(
        &mut self,
        settings: &MetricSettings,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for alarm in self.alarms.values_mut() {
            let (Definition::Metric(definition), Plan::Metric(plan)) =
                (&alarm.definition, &*alarm.plan)
            else {
                continue;
            };
            let series = plan.series(&self.store, settings, now);
            if let Some(state) = evaluate::evaluate(definition, &alarm.state, &series, now) {
                transitions.extend(alarm.enter(state));
            }
        }
        transitions
    }

    /// Composites may watch composites, so one pass follows another until nothing moves; a circle ends after as many passes as there are alarms.
    fn evaluate_composites(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for _ in 0..=self.alarms.len() {
            let states: BTreeMap<&str, &AlarmState> = self
                .alarms
                .iter()
                .map(|(name, alarm)| (name.as_str(), &alarm.state))
                .collect();
            let step = |alarm: &Alarm| {
                let (Definition::Composite(definition), Plan::Composite(rule)) =
                    (&alarm.definition, &*alarm.plan)
                else {
                    return None;
                };
                Some((
                    definition.alarm_name.clone(),
                    definition.evaluate(rule, &alarm.state, &states, now)?,
                ))
            };
            let steps: Vec<(String, AlarmState)> = self.alarms.values().filter_map(step).collect();
            if steps.is_empty() {
                break;
            }
            transitions.extend(
                steps
                    .into_iter()
                    .filter_map(|(name, state)| self.alarms.get_mut(&name)?.enter(state)),
            );
        }
        transitions
    }
}

/// What an action asks of a function or a topic.
fn request(action: &str, transition: &Transition) -> Request {
    if action.starts_with("arn:aws:lambda:") {
        return invocation(CALLER, action, "Event", &lambda_action(transition));
    }
    let (subject, message) = sns_action(transition);
    let form = [
        ("TopicArn", action),
        ("Subject", &subject),
        ("Message", &message.to_string()),
    ];
    let form: Vec<(String, String)> = form
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut request = aws_query(CALLER, "sns", sns::API_VERSION, "Publish", &form);
    let alarm = ForTheSakeOf(transition.alarm.definition.arn());
    request.extensions_mut().insert(alarm);
    request
}

/// The start of the minute that was over last.
fn last_minute(now: Timestamp) -> i64 {
    let second = now.as_second();
    second - second.rem_euclid(MINUTE_SECS) - MINUTE_SECS
}

/// A time as alarm events write it.
fn long_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

fn at_second(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

/// An alarm's ARN by its name.
fn alarm_arn(name: &str) -> String {
    place::arn("cloudwatch", &format!("alarm:{name}"))
}

#[cfg(test)]
mod tests;
