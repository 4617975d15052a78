//! Lets happen what happens in a night: at its time, or at the worst moment.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sandbox::{
    moments::{Moments, TaskMoment},
    observer::Observer,
    protocol,
    region::Region,
    wire::{Request, Response},
};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    night::{Moment, Night},
    people::act,
};

/// Plays a night in a region. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) region: Region,
    pub(crate) night: Arc<Night>,
    alarms: Arc<Alarms>,
}

/// Alarm events as they were delivered, by alarm, for being delivered again.
#[derive(Default)]
struct Alarms(Mutex<Vec<(String, Value)>>);

impl Player {
    pub(crate) fn of(region: &Region, night: &Arc<Night>) -> Self {
        let alarms = Arc::<Alarms>::default();
        region.observe(alarms.clone());
        Self {
            region: region.clone(),
            night: night.clone(),
            alarms,
        }
    }

    /// The last event of an alarm of this application.
    pub(crate) fn last_alarm(&self, application: &str) -> Option<Value> {
        let alarms = self
            .alarms
            .0
            .lock()
            .expect("no thread panics while it notes an alarm");
        alarms
            .iter()
            .rev()
            .find(|(alarm, _)| alarm.starts_with(application))
            .map(|(_, event)| event.clone())
    }

    /// Until the night is over.
    pub(crate) async fn live(self) {
        let (tell, mut moments) = mpsc::unbounded_channel();
        let night = self.night.clone();
        Moments::listen(&self.region, move |moment| {
            for index in at(&night, moment) {
                // The receiver lives as long as the night.
                let _ = tell.send(index);
            }
        });
        let length = u64::from(self.night.length_mins) * 60;
        let mut timed: Vec<(u64, usize)> = self
            .night
            .events
            .iter()
            .enumerate()
            .filter_map(|(index, event)| match event.at {
                Moment::After(secs) if secs < length => Some((secs, index)),
                _ => None,
            })
            .collect();
        timed.sort_unstable();
        let began = tokio::time::Instant::now();
        let mut timed = timed.into_iter().peekable();
        loop {
            let next = timed.peek().map_or(length, |(secs, _)| *secs);
            tokio::select! {
                biased;
                event = moments.recv() => if let Some(event) = event {
                    // A task of its own: nobody waits for a slow answer.
                    tokio::spawn(act(self.clone(), event));
                },
                () = tokio::time::sleep_until(began + Duration::from_secs(next)) => match timed.next() {
                    Some((_, event)) => drop(tokio::spawn(act(self.clone(), event))),
                    None => return,
                },
            }
        }
    }
}

/// The events that happen at this moment.
fn at(night: &Night, moment: &TaskMoment) -> Vec<usize> {
    let now = Moment::Task {
        state: moment.state.clone(),
        nth: moment.nth,
        ended: moment.ended,
    };
    let events = night.events.iter().enumerate().filter(|(_, event)| {
        let named = night.applications.get(event.application);
        event.at == now && named.is_some_and(|one| one.name == moment.application)
    });
    events.map(|(index, _)| index).collect()
}

impl Observer for Alarms {
    fn answered(&self, request: &Request, answer: &Response) {
        let rings = answer.status().is_success()
            && protocol::invoked_function(request).as_deref() == Some("lifeguard-AlarmHandler");
        if !rings {
            return;
        }
        let event: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let alarm = event["detail"]["alarmName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let mut alarms = self
            .0
            .lock()
            .expect("no thread panics while it notes an alarm");
        alarms.push((alarm, event));
    }
}
