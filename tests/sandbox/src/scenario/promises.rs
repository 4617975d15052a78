//! What the invariant checker may know of a play beforehand: the region as it stands when it begins, and what is promised.
//!
//! A scenario promises what its `ends` says, for the application that it is about. A script without `ends` that lasts for a time is a simulated run: it promises a rescue only where one
//! is possible at all. The stack acts, the application is opted in with tags that say nothing else, there is one bad change and nobody else's hand, a fault that the alarms can see,
//! snapshots, and an infrastructure that fails for moments only. Everything else may end with a person.

use std::collections::BTreeMap;

use super::Script;
use crate::{
    flink,
    invariants::{Blame, KnownApplication, MANAGED, OWN_TAG, Policy, Premises, Rules, Taker},
    managed_flink::SnapshotView,
    region::Region,
    script::{
        Application, Behaviour, Code, Do, ExecutionEnd, FaultKind, Injected, RollbackRestores,
        TakenBy, When, Which,
    },
};

/// How Lifeguard's own snapshots are called, spelt out: the checks must not trust what they check.
const OWN_SNAPSHOTS: &str = "lifeguard-v";
/// What the table answers when a condition does not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";
/// Loops slower than this may escape an alarm on three restarts within ten minutes.
const SEEN_WITHIN_SECS: u64 = 180;
/// A version that is younger may be what is wrong itself.
const OLD_ENOUGH_SECS: u64 = 300 * 60;
/// From the change to the end of the run: time for the alarm.
const TIME_TO_SEE_SECS: u64 = 900;

/// The premises of a play in this region, which nothing has happened in yet.
pub(super) fn premises(region: &Region, script: &Script) -> Premises {
    let parameters = &region.stack().parameters;
    let policy = Policy::of(parameters);
    let subject = script.subject();
    let run = Run {
        script,
        policy: &policy,
        parameters,
    };
    let known = |name: String| {
        let (keeps_every_record, recovers) = match &script.ends {
            Some(ends) if name == subject => (!ends.may_lose_records, ends.outcome == "recovered"),
            None if script.lasts.is_some() => run.promises(&name),
            _ => (false, false),
        };
        KnownApplication {
            takers: takers(region, script, &name),
            secrets: secrets(region, script, &name),
            keeps_every_record,
            recovers,
            blame: run.blame(&name),
            name,
        }
    };
    let applications = region.flink().applications();
    Premises {
        applications: applications.into_iter().map(known).collect(),
        stale_reads: faults(script).any(|injected| injected.fault == FaultKind::Stale),
        policy,
    }
}

/// All faults of a script, those that come later too.
fn faults(script: &Script) -> impl Iterator<Item = &Injected> {
    let later = script.happens.iter().filter_map(|step| match &step.what {
        Some(Do::Inject(injected)) => Some(injected),
        _ => None,
    });
    script.faults.iter().chain(later)
}

/// Who took the snapshots from before: as is written, or as their names say.
fn takers(region: &Region, script: &Script, name: &str) -> BTreeMap<String, Taker> {
    let snapshots = region
        .flink()
        .application(name)
        .map(|view| view.snapshots)
        .unwrap_or_default();
    let taker = |one: &SnapshotView| match &one.enhanced {
        Some(enhanced) if enhanced.by_service => Taker::Service,
        Some(enhanced) if enhanced.tags.contains_key(OWN_TAG) => Taker::Lifeguard,
        None if one.name.starts_with(OWN_SNAPSHOTS) => Taker::Lifeguard,
        _ => Taker::Person,
    };
    let mut takers: BTreeMap<_, _> = snapshots
        .into_iter()
        .map(|one| (one.name.clone(), taker(&one)))
        .collect();
    let opened = region.opened();
    let written = described(script, name).into_iter();
    for snapshot in written.flat_map(|application| &application.snapshots) {
        let Some(by) = snapshot.taken_by else {
            continue;
        };
        let taker = match by {
            TakenBy::Lifeguard => Taker::Lifeguard,
            TakenBy::Person => Taker::Person,
            TakenBy::Service => Taker::Service,
        };
        takers.extend(snapshot.each(opened).map(|(name, _)| (name, taker)));
    }
    takers
}

/// What is written of the application of this name.
fn described<'a>(script: &'a Script, name: &str) -> Option<&'a Application> {
    let all = script.world.applications.iter().flatten();
    all.flat_map(Application::each)
        .find_map(|(named, application, _)| (named == name).then_some(application))
}

/// The values of its passwords, those that a deployment brings too.
fn secrets(region: &Region, script: &Script, application: &str) -> Vec<String> {
    let present = region.flink().properties(application).into_iter();
    let subject = script.subject();
    let ours = script
        .happens
        .iter()
        .filter(|step| step.application.as_deref().unwrap_or(&subject) == application);
    let deployed = ours.filter_map(|step| match &step.what {
        Some(Do::Deploy { properties, .. }) => properties.as_ref(),
        _ => None,
    });
    let maps = deployed
        .flat_map(|groups| groups.values())
        .filter_map(|group| group.as_object())
        .flatten();
    let later = maps.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let mut secrets: Vec<String> = present
        .chain(later)
        .filter(|(key, _)| key.contains("password"))
        .map(|(_, value)| value)
        .collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// A simulated run.
struct Run<'a> {
    script: &'a Script,
    policy: &'a Policy,
    parameters: &'a BTreeMap<String, String>,
}

impl Run<'_> {
    /// Whether no record may be lost of this application, and whether its rescue must succeed.
    fn promises(&self, name: &str) -> (bool, bool) {
        let Some(application) = described(self.script, name) else {
            return (false, false);
        };
        let subject = self.script.subject();
        let steps = self.script.happens.iter();
        let ours: Vec<(&When, &Do)> = steps
            .filter(|step| step.application.as_deref().unwrap_or(&subject) == name)
            .filter_map(|step| Some((step.when.as_ref()?, step.what.as_ref()?)))
            .collect();
        (
            may_keep_every_record(application, &ours),
            self.is_possible(application, &ours),
        )
    }

    fn is_possible(&self, application: &Application, ours: &[(&When, &Do)]) -> bool {
        let script = self.script;
        let rules = Rules::of(self.policy, &application.tags);
        let mut tags = application.tags.keys();
        let plain = tags.all(|key| key == MANAGED || !key.starts_with("lifeguard:"));
        let age = application.versions.last().map(|version| version.age);
        let stack_is_patient = rules.max_snapshot_age_secs >= 3_600
            && rules.operation_timeout_secs >= 600
            && self.number("SettleTimeoutSecs") >= 900
            && self.policy.deadline_secs >= 7_200;
        rules.opted_in
            && rules.act
            && plain
            && rules.rescues_per_day > may_count_in_vain(ours)
            && stack_is_patient
            && script.world.service.times_as_slow.is_none()
            && script.world.answers.is_empty()
            && script.world.keys.is_empty()
            && !application.snapshots_disabled
            && !application.stopped
            && age.is_some_and(|age| age.0.as_secs() >= OLD_ENOUGH_SECS)
            && self.is_one_bad_change(ours)
            && !self.is_cut_off(application)
            && !self.goes_back_wrongly(application, ours)
            && faults(script).all(passes)
    }

    /// Who is to blame, where the script leaves no doubt: nothing is done to it but one deployment of code that fails by itself, or no change is made at all and its code is sound.
    fn blame(&self, name: &str) -> Option<Blame> {
        let application = described(self.script, name);
        let plain = Application::default();
        let application = application.unwrap_or(&plain);
        let ours = self.ours(name);
        let sound = application
            .versions
            .iter()
            .all(|version| self.is_sound(&version.code));
        let old = application.versions.last();
        let old = old.is_none_or(|version| version.age.0.as_secs() >= OLD_ENOUGH_SECS);
        if !sound || !old || !application.incidents.is_empty() {
            return None;
        }
        let (changes, others): (Vec<_>, Vec<_>) = ours
            .into_iter()
            .partition(|what| matches!(what, Do::Deploy { .. }));
        match changes.as_slice() {
            [] => others
                .into_iter()
                .all(comes_from_outside)
                .then_some(Blame::NoChange),
            [
                Do::Deploy {
                    code: Some(code), ..
                },
            ] => {
                let bad = self.script.world.code.get(code);
                let blamed = bad.is_some_and(|code| self.is_seen(code))
                    && !self.is_cut_off(application)
                    && others.into_iter().all(leaves_it_alone);
                blamed.then_some(Blame::TheChange)
            }
            _ => None,
        }
    }

    /// What happens to an application, in any order.
    fn ours(&self, name: &str) -> Vec<&Do> {
        let subject = self.script.subject();
        let steps = self.script.happens.iter();
        steps
            .filter(|step| step.application.as_deref().unwrap_or(&subject) == name)
            .filter_map(|step| step.what.as_ref())
            .collect()
    }

    /// Code that fails only of what it lacks outside.
    fn is_sound(&self, code: &str) -> bool {
        let code = self.script.world.code.get(code);
        code.is_none_or(|code| {
            code.behaviour == Behaviour::Healthy && !code.running_whenever_looked
        })
    }

    fn number(&self, parameter: &str) -> u64 {
        let text = self.parameters.get(parameter);
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// One change, early enough, whose fault is seen; what else happens does not get in the way.
    fn is_one_bad_change(&self, ours: &[(&When, &Do)]) -> bool {
        let mut changes = 0;
        let bad = ours.iter().all(|(when, what)| match what {
            Do::Deploy {
                code: Some(code),
                runtime: None,
                properties: None,
                ..
            } => {
                changes += 1;
                let code = self.script.world.code.get(code);
                self.is_early(when) && code.is_some_and(|code| self.is_seen(code))
            }
            other => leaves_it_alone(other),
        });
        bad && changes == 1
    }

    fn is_early(&self, when: &When) -> bool {
        let lasts = self.script.lasts.unwrap_or_default().0.as_secs();
        matches!(when, When::At(at) if at.0.as_secs() + TIME_TO_SEE_SECS < lasts)
    }

    /// What leaves an application READY rings no alarm: the sweep finds it.
    fn sweeps(&self) -> bool {
        let state = self.parameters.get("SweepState");
        state.is_some_and(|state| state == "ENABLED")
    }

    /// A fault that the alarms or the sweep can see, and that comes before the soak is over: that is what a soak excludes.
    fn is_seen(&self, code: &Code) -> bool {
        let played = flink::Code::from(code);
        let endless = matches!(
            played.restart_strategy,
            flink::RestartStrategy::ExponentialDelay { .. }
                | flink::RestartStrategy::FixedDelay { attempts: None, .. }
        );
        let seen = match &code.behaviour {
            Behaviour::Throws { after, jitter, .. } => {
                let lives = after.0.as_secs() + jitter.0.as_secs();
                lives + played.restore.as_secs() <= SEEN_WITHIN_SECS
                    && lives < u64::from(self.policy.soak_secs)
            }
            Behaviour::ThrowsInOpen { .. } => true,
            Behaviour::BadMain { .. } => return self.sweeps(),
            _ => false,
        };
        seen && endless && played.reads(1)
    }

    /// What its present code needs goes away, whomever that was meant for.
    fn is_cut_off(&self, application: &Application) -> bool {
        let present = application.versions.last();
        let code = present.and_then(|version| self.script.world.code.get(&version.code));
        let needs = code.map_or(&[][..], |code| &code.needs);
        self.script.happens.iter().any(|step| {
            matches!(&step.what, Some(Do::Dependency { name, .. }) if needs.iter().any(|need| need.dependency == *name))
        })
    }

    /// The service's own rollback may restore a snapshot that was taken since the change; what then loops is a rollback's result, and left to a person.
    fn goes_back_wrongly(&self, application: &Application, ours: &[(&When, &Do)]) -> bool {
        let service = &self.script.world.service;
        let any = |is: fn(&Do) -> bool| ours.iter().any(|(_, what)| is(what));
        let latest = service.rollback_restores == RollbackRestores::Latest
            || any(|what| matches!(what, Do::RollbackRestores(_)));
        application.system_rollback
            && service.system_rollback_on_loops.is_some()
            && latest
            && any(|what| matches!(what, Do::TakeSnapshot { .. } | Do::PlaceSnapshot { .. }))
    }
}

/// No hand took state away, and every start had state to begin with; without checkpoints Flink itself forgets at each restart.
fn may_keep_every_record(application: &Application, ours: &[(&When, &Do)]) -> bool {
    let harmless = |what: &Do| {
        !matches!(
            what,
            Do::Start { .. }
                | Do::DeleteSnapshots
                | Do::Stop { force: true }
                | Do::Autoscale { .. }
                | Do::FailSnapshots { .. }
        )
    };
    !application.snapshots_disabled
        && !application.without_checkpoints
        && ours.iter().all(|(_, what)| harmless(what))
}

/// Rescues that may be counted and change nothing: one that dies in between stays counted, as a brake must.
fn may_count_in_vain(ours: &[(&When, &Do)]) -> u64 {
    let dies = |what: &Do| matches!(what, Do::EndExecution { .. });
    ours.iter().filter(|(_, what)| dies(what)).count() as u64
}

/// Whether what happens does not get in the way of a rescue.
fn leaves_it_alone(what: &Do) -> bool {
    matches!(
        what,
        Do::RefuseRollback
            | Do::RollbackRestores(_)
            | Do::DeliverAlarmAgain
            | Do::Ask {
                input: None,
                request: None,
                ..
            }
            | Do::EndExecution {
                end: ExecutionEnd::Failed,
                label: None,
                unheard: false,
            }
            | Do::TakeSnapshot { .. }
            | Do::PlaceSnapshot { .. }
            | Do::AskForSnapshots { .. }
            | Do::TellOfStack { .. }
    )
}

/// Whether it changes nothing of an application: what fails then fails of the world around it.
fn comes_from_outside(what: &Do) -> bool {
    leaves_it_alone(what)
        || matches!(
            what,
            Do::Dependency { .. }
                | Do::LoseMachine
                | Do::LoseJobManager
                | Do::Maintenance
                | Do::FailRegions { .. }
        )
}

/// Whether a fault passes within moments, and takes nothing from a rescue that must succeed by itself.
fn passes(injected: &Injected) -> bool {
    let mild = match injected.which {
        Which::Nth(_) => true,
        Which::First(n) => n <= 2,
        _ => false,
    };
    mild && injected.service.as_deref() != Some("events") && !takes_the_turn(&injected.fault)
}

/// A request that comes late may find another at work; a condition that is said not to hold means just that. Both leave the rescue to a hand that may not be there.
fn takes_the_turn(fault: &FaultKind) -> bool {
    matches!(fault, FaultKind::Late(_))
        || matches!(fault, FaultKind::Refuse { code, .. } if code == CONDITION_FAILED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A run of an hour, in which `orders` gets this at 10 min, as far as its parts are changed.
    fn promised(change: impl FnOnce(&mut Script)) -> (bool, bool) {
        with_run(change, |run| run.promises("orders"))
    }

    fn with_run<T>(change: impl FnOnce(&mut Script), asked: impl FnOnce(&Run<'_>) -> T) -> T {
        let fault = json!({ "class": "java.lang.NullPointerException", "message": "price" });
        let mut script: Script = serde_json::from_value(json!({
            "name": "run",
            "lasts": "1 h",
            "world": {
                "code": { "orders-7.jar": { "behaviour": { "throws": { "after": "20 s", "fault": fault } } } },
                "applications": [{
                    "name": "orders",
                    "versions": [{ "code": "orders-5.jar", "age": "30 days" }, { "code": "orders-6.jar", "age": "5 days" }],
                    "tags": { "lifeguard:managed": "true" },
                }],
            },
            "happens": [{ "when": { "at": "10 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }],
        }))
        .expect("a script");
        change(&mut script);
        let mut parameters = BTreeMap::from([("SettleTimeoutSecs".to_owned(), "2400".to_owned())]);
        parameters.extend(script.world.parameters.clone());
        let policy = Policy {
            act: true,
            soak_secs: 303,
            operation_timeout_secs: 2_400,
            rescues_per_day: 2,
            max_snapshot_age_secs: 86_400,
            deadline_secs: 14_400,
            ..Policy::default()
        };
        let run = Run {
            script: &script,
            policy: &policy,
            parameters: &parameters,
        };
        asked(&run)
    }

    fn happens(script: &mut Script, at: &str, what: serde_json::Value) {
        let step = json!({ "when": { "at": at }, "do": what });
        script
            .happens
            .push(serde_json::from_value(step).expect("a step"));
    }

    #[test]
    fn blame_is_certain_where_nothing_else_happens() {
        let blamed = |change: fn(&mut Script)| with_run(change, |run| run.blame("orders"));
        assert_eq!(blamed(|_| {}), Some(Blame::TheChange));
        assert_eq!(
            blamed(|script| script.happens.clear()),
            Some(Blame::NoChange)
        );
        let outage: fn(&mut Script) = |script| {
            script.happens.clear();
            happens(
                script,
                "10 min",
                json!({ "dependency": { "name": "broker", "up": false } }),
            );
        };
        assert_eq!(blamed(outage), Some(Blame::NoChange));
        let stopped: fn(&mut Script) = |script| happens(script, "20 min", json!({ "stop": {} }));
        assert_eq!(blamed(stopped), None);
    }

    #[test]
    fn one_bad_deployment_and_nothing_else_is_rescued() {
        assert_eq!(promised(|_| {}), (true, true));
        let harmless = |script: &mut Script| {
            happens(script, "5 min", json!("refuseRollback"));
            happens(
                script,
                "12 min",
                json!({ "takeSnapshot": { "name": "by-hand" } }),
            );
        };
        assert_eq!(promised(harmless), (true, true));
    }

    #[test]
    fn nothing_is_promised_where_somebody_gets_in_the_way() {
        for what in [
            json!({ "tag": { "key": "lifeguard:managed", "value": "false" } }),
            json!({ "deploy": { "code": "orders-7.jar" } }),
            json!({ "inject": { "fault": "throttle" } }),
            json!("loseMachine"),
        ] {
            let promised = promised(|script| happens(script, "15 min", what.clone()));
            assert_eq!(promised, (true, false), "{what}");
        }
    }

    #[test]
    fn nothing_is_promised_of_what_comes_late_or_is_not_seen() {
        let late = |script: &mut Script| {
            script.happens[0].when = Some(When::At("50 min".parse().expect("a time")));
        };
        let slow = |script: &mut Script| {
            let code = script.world.code.get_mut("orders-7.jar").expect("written");
            code.restore = Some("200 s".parse().expect("a time"));
        };
        assert_eq!(promised(late), (true, false));
        assert_eq!(promised(slow), (true, false));
    }

    #[test]
    fn what_rings_no_alarm_is_promised_where_the_sweep_is_on() {
        let bad_main = |state: &str| {
            promised(|script| {
                let code = script.world.code.get_mut("orders-7.jar").expect("written");
                code.behaviour =
                    serde_json::from_value(json!({ "badMain": { "message": "no main" } }))
                        .expect("a behaviour");
                let parameters = &mut script.world.parameters;
                parameters.insert("SweepState".to_owned(), state.to_owned());
            })
        };
        assert_eq!(bad_main("ENABLED"), (true, true));
        assert_eq!(bad_main("DISABLED"), (true, false));
    }

    #[test]
    fn records_are_not_promised_where_state_is_taken_away() {
        for what in [
            json!({ "start": { "from": "nothing" } }),
            json!("deleteSnapshots"),
            json!({ "stop": { "force": true } }),
        ] {
            let promised = promised(|script| happens(script, "15 min", what.clone()));
            assert_eq!(promised, (false, false), "{what}");
        }
    }
}
