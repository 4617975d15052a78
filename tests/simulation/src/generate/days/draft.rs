//! A day as it is being drawn: the truth first, then what makes it so.

use std::time::Duration;

use fastrand::Rng;
use sandbox::{
    invariants::MANAGED,
    script::{
        Application, Behaviour, Code, Do, Injected, Misfit, Need, Restarts, Script, Snapshot,
        SnapshotStatus, Span, Stream, Through, Version, When,
    },
};

use super::{
    super::{any, at, code, empty, minutes, one_in, seconds, world},
    truth::{Blame, Right, Trouble, Truth, Way},
};

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 3_600;
/// Time for a rescue, and for those who wait for Flink.
const AFTER_THE_LAST: u64 = 3 * HOUR;
const DAY: u64 = 24 * HOUR;

/// A day as it is being drawn.
pub(super) struct Draft {
    pub(super) rng: Rng,
    pub(super) script: Script,
    truth: Truth,
    names: Vec<String>,
    /// The code that each application runs, or ran last, and is good.
    good: Vec<String>,
    /// Seconds since the region opened.
    pub(super) now: u64,
    code: u32,
}

impl Draft {
    /// Nothing yet; the region opens in the first hours of a day.
    pub(super) fn of(seed: u64, fork: u64, kind: &str) -> Self {
        let mut rng = Rng::with_seed(fork);
        let mut script = empty(seed, rng.u32(0..240), 24 * 60);
        script.name = format!("day-{seed}");
        script.sentence = format!("The simulated day of seed {seed}: {kind}.");
        let parameters = &mut script.world.parameters;
        parameters.insert("SweepState".to_owned(), "ENABLED".to_owned());
        world::set(parameters, "RescuesPerDay", 5);
        Self {
            rng,
            script,
            truth: Truth::default(),
            names: Vec::new(),
            good: Vec::new(),
            now: 0,
            code: 0,
        }
    }

    /// The truth and the script, which ends hours after the last thing that happens.
    pub(super) fn done(mut self) -> (Truth, Script) {
        let ends = (self.now + AFTER_THE_LAST).max(DAY);
        self.script.lasts = Some(seconds(ends));
        (self.truth, self.script)
    }

    /// An application that has run well for hours or days, with snapshots; its code needs these.
    pub(super) fn application(&mut self, needs: &[&str]) -> usize {
        let name = world::name_of(self.names.len());
        self.named(&name, needs)
    }

    /// The same under another name.
    pub(super) fn named(&mut self, name: &str, needs: &[&str]) -> usize {
        let index = self.names.len();
        let sound = self.sound(index, needs);
        let (before, present) = (format!("{index}-old.jar"), format!("{index}.jar"));
        let all = &mut self.script.world.code;
        all.insert(before.clone(), sound.clone());
        all.insert(present.clone(), sound);
        let age = any(&mut self.rng, &[300, 1_440, 10_000]);
        let version = |code: &str, age| Version {
            code: code.to_owned(),
            age: minutes(age),
        };
        let snapshot = Snapshot {
            name: "scheduled-{taken}".to_owned(),
            age: minutes(self.rng.u64(20..280)),
            status: SnapshotStatus::Ready,
            taken_by: None,
            count: Some(4),
            apart: Some(minutes(360)),
        };
        let runtimes = ["FLINK-1_20", "FLINK-1_20", "FLINK-1_18", "FLINK-2_2"];
        let application = Application {
            name: Some(name.to_owned()),
            runtime: Some(any(&mut self.rng, &runtimes).to_owned()),
            versions: vec![version(&before, age * 3), version(&present, age)],
            snapshots: vec![snapshot],
            tags: [(MANAGED.to_owned(), "true".to_owned())].into(),
            properties: world::properties(index),
            stream: Some(Stream::default()),
            ..Application::default()
        };
        let applications = self.script.world.applications.get_or_insert_default();
        applications.push(application);
        self.names.push(name.to_owned());
        self.good.push(present);
        index
    }

    fn sound(&mut self, index: usize, needs: &[&str]) -> Code {
        let rng = &mut self.rng;
        let delay = seconds(any(rng, &[5, 10, 30]));
        let restarts = one_in(rng, 3).then_some(Restarts::FixedDelay {
            delay,
            attempts: None,
        });
        Code {
            restarts,
            restore: Some(seconds(any(rng, &[2, 2, 5, 30]))),
            checkpoint_every: Some(seconds(any(rng, &[10, 30, 60, 60]))),
            needs: needs.iter().map(|need| needed(index, need)).collect(),
            ..Code::default()
        }
    }

    pub(super) fn name(&self, index: usize) -> String {
        self.names[index].clone()
    }

    /// The S3 key of what an application runs, and is good.
    pub(super) fn good(&self, index: usize) -> String {
        self.good[index].clone()
    }

    /// The code of an application that is good.
    pub(super) fn good_code(&self, index: usize) -> Code {
        self.script.world.code[&self.good[index]].clone()
    }

    /// So many minutes pass, at least and at most.
    pub(super) fn minutes(&mut self, least: u64, most: u64) {
        self.now += self.rng.u64(least * MINUTE..most * MINUTE);
    }

    /// So many hours pass, at least and at most.
    pub(super) fn hours(&mut self, least: u64, most: u64) {
        self.minutes(least * 60, most * 60);
    }

    /// Something happens to an application now.
    pub(super) fn act(&mut self, index: usize, what: Do) {
        self.act_when(index, at(self.now), what);
    }

    /// Something happens to an application at a moment.
    pub(super) fn act_when(&mut self, index: usize, when: When, what: Do) {
        self.script.happens.push(sandbox::script::Step {
            when: Some(when),
            application: Some(self.name(index)),
            what: Some(what),
        });
    }

    /// Somebody deploys this code now, under a key of its own, which it gives.
    pub(super) fn deploy(&mut self, index: usize, code: Code, through: Through) -> String {
        self.code += 1;
        let key = format!("{index}-deployed-{}.jar", self.code);
        self.script.world.code.insert(key.clone(), code);
        self.apply(index, &key, through);
        key
    }

    /// Somebody deploys what lies at this key.
    pub(super) fn apply(&mut self, index: usize, key: &str, through: Through) {
        let what = Do::Deploy {
            code: Some(key.to_owned()),
            runtime: None,
            properties: None,
            through,
        };
        self.act(index, what);
    }

    /// Somebody builds other code over the key of what runs, and deploys it from there.
    pub(super) fn deploy_over(&mut self, index: usize, code: Code) {
        self.code += 1;
        let built = format!("{index}-built-{}.jar", self.code);
        self.script.world.code.insert(built.clone(), code);
        let key = self.good(index);
        let what = Do::Overwrite {
            key: key.clone(),
            code: built,
        };
        self.act(index, what);
        self.apply(index, &key, Through::Console);
    }

    /// Somebody deploys good code.
    pub(super) fn deploy_good(&mut self, index: usize) {
        let code = self.good_code(index);
        self.good[index] = self.deploy(index, code, Through::Console);
    }

    /// Code that is bad, and soon seen to be: it throws within minutes of each start, or never gets so far.
    pub(super) fn bad(&mut self, index: usize) -> Code {
        let sound = self.good_code(index);
        let rng = &mut self.rng;
        let fails = any(rng, &[1, 3, 10, 30, 60, 120, 150]);
        let wrong = "java.lang.IllegalArgumentException";
        let behaviour = match rng.u32(0..4) {
            0 => Behaviour::ThrowsInOpen {
                fault: code::fault("java.lang.IllegalStateException", "open() failed"),
            },
            1 => Behaviour::Throws {
                after: seconds(fails / 2),
                jitter: seconds(30),
                fault: code::fault(wrong, &code::cannot_parse(index)),
            },
            _ => code::throws_after(fails, wrong, &code::cannot_parse(index)),
        };
        Code { behaviour, ..sound }
    }

    /// A bad deployment, which is to be undone; its key.
    pub(super) fn bad_deployment(&mut self, index: usize, what: &'static str) -> String {
        self.undoing(index, Way::Rollback, what);
        let bad = self.bad(index);
        self.deploy(index, bad, Through::Console)
    }

    /// The change that happens now is to blame, and to be undone.
    pub(super) fn undoing(&mut self, index: usize, by: Way, what: &'static str) {
        let back_to = self.good(index);
        let right = Right::Act { by, back_to };
        self.trouble(index, right, Blame::TheChange, what);
    }

    /// A trouble begins now; what runs had run well for long.
    pub(super) fn trouble(&mut self, index: usize, right: Right, blame: Blame, what: &'static str) {
        let had_worked = blame == Blame::TheWorld;
        self.trouble_of(index, right, blame, had_worked, what);
    }

    /// A trouble begins now.
    pub(super) fn trouble_of(
        &mut self,
        index: usize,
        right: Right,
        blame: Blame,
        had_worked: bool,
        what: &'static str,
    ) {
        self.truth.troubles.push(Trouble {
            application: self.name(index),
            at_secs: self.now,
            right,
            blame,
            had_worked,
            what,
        });
    }

    /// What is harmless happens now.
    pub(super) fn harmless(&mut self, index: usize, happens: Do, what: &'static str) {
        self.trouble(index, Right::Leave, Blame::TheWorld, what);
        self.act(index, happens);
    }

    /// What jobs need goes away now, and comes back after so many minutes.
    pub(super) fn away(&mut self, index: usize, name: &str, (least, most): (u64, u64)) {
        let switched = |up| Do::Dependency {
            name: name.to_owned(),
            up,
        };
        self.act(index, switched(false));
        let back = self.now + self.rng.u64(least * MINUTE..most * MINUTE);
        self.act_when(index, at(back), switched(true));
    }

    /// An outage begins now, which leaves no doubt, and is over when this returns.
    pub(super) fn outage(&mut self, index: usize, minutes: (u64, u64)) {
        self.trouble(index, Right::Leave, Blame::TheWorld, "an outage");
        self.away(index, "broker", minutes);
        self.now += minutes.1 * MINUTE;
    }

    /// Something goes wrong in the infrastructure.
    pub(super) fn fault(&mut self, injected: Injected) {
        self.script.faults.push(injected);
    }

    /// State that the new code cannot read.
    pub(super) fn misfit(&mut self, index: usize) -> Code {
        let misfit = any(&mut self.rng, &[Misfit::Refused, Misfit::Loops]);
        Code {
            state_version: Some(9),
            reads_state_from: Some(9),
            misfit,
            ..self.good_code(index)
        }
    }
}

/// What is there of each dependency, and what a job throws without it.
fn needed(index: usize, name: &str) -> Need {
    let secret = world::secret_of(index);
    let (class, message) = match name {
        "schema" => (
            "com.fasterxml.jackson.databind.exc.MismatchedInputException",
            "Cannot deserialize value of type `long` from String".to_owned(),
        ),
        "secret" => (
            "org.apache.kafka.common.errors.SaslAuthenticationException",
            format!("Authentication failed with {secret}"),
        ),
        _ => (
            "org.apache.kafka.common.errors.TimeoutException",
            format!("Timed out as {secret}"),
        ),
    };
    Need {
        dependency: name.to_owned(),
        fault: code::fault(class, &message),
        notices_after: Some(Span(Duration::from_secs(5))),
    }
}
