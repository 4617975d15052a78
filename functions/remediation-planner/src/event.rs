//! The input: a look, the ledger as DynamoDB gives it, and what the execution did so far.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lifecycle::{
    Assessment, Ended, LedgerView, Observation, Predecessor, Progress, Request, StepResult,
    StepTaken, StopSwitch, Watch,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::Around;

/// Attributes that begin with this hold the executions that began a rescue on a day.
pub(crate) const RESCUES: &str = "rescues ";

/// Of what people wrote into the stop switch, so much is repeated.
const SAID_LENGTH: usize = 300;
/// The kind of a trigger that is another execution's end.
const BROKE: &str = "executionBroke";

/// What to decide on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The look.
    pub look: Look,
    /// The ledger's row, none of it, or why it could not be read.
    #[serde(default)]
    pub ledger: LedgerRow,
    /// What the execution did so far; absent before the first turn.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// What an earlier execution had begun when it died, if its lease was taken over.
    #[serde(default, deserialize_with = "read_unfinished")]
    pub unfinished: Left,
    /// How the last step went, if the last turn decided one.
    #[serde(default)]
    pub step_result: Option<StepResult>,
    /// What a person asked for.
    #[serde(default, deserialize_with = "lifecycle::read_request")]
    pub request: Option<Request>,
    /// The stop switch, where it was found on, or could not be read, right before the change that is decided here again.
    #[serde(default)]
    pub stop: Option<StopRow>,
    /// What started the execution: repeated in the report, and read only where it is another execution's end.
    #[serde(default)]
    pub trigger: Value,
    /// The execution's ARN.
    pub execution: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// How often the execution was redriven.
    #[serde(default)]
    pub redrive_count: u64,
    /// The executions that were looked up and have ended without an outcome; absent where the state machine is of an older release and looked up none.
    #[serde(default)]
    pub dead: Option<Vec<String>>,
    /// What is known of other applications' troubles; absent where the state machine is of an older release.
    #[serde(default)]
    pub around: Option<Around>,
}

/// What the planner is asked.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The next action.
    Plan(Box<Event>),
    /// What is odd about an execution's input.
    Explain(Value),
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut asked = Value::deserialize(deserializer)?;
        if asked
            .as_object()
            .is_some_and(|asked| asked.len() == 1 && asked.contains_key("input"))
        {
            return Ok(Self::Explain(asked["input"].take()));
        }
        Event::deserialize(asked)
            .map(|event| Self::Plan(Box::new(event)))
            .map_err(D::Error::custom)
    }
}

/// What was left in the lease.
#[derive(Clone, Debug, Default)]
pub enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// What an execution had begun.
    Begun(Box<Unfinished>),
    /// Something that cannot be read.
    Unreadable,
}

impl Left {
    fn begun(&self) -> Option<&Unfinished> {
        match self {
            Self::Begun(unfinished) => Some(unfinished),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// As the lease's row has it, which is JSON in a text; an object where the state machine is of an older release.
fn read_unfinished<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Left, D::Error> {
    let row = Value::deserialize(deserializer)?;
    let left = match &row {
        Value::Null => return Ok(Left::Nothing),
        Value::String(text) => serde_json::from_str::<Unfinished>(text),
        other => Unfinished::deserialize(other),
    };
    Ok(left.map_or(Left::Unreadable, |unfinished| {
        Left::Begun(Box::new(unfinished))
    }))
}

/// What an execution wrote down before each change.
#[derive(Clone, Debug, Deserialize)]
pub struct Unfinished {
    /// What it had done, the last step's outcome unknown.
    pub progress: Progress,
    /// What a person had asked it for.
    #[serde(default)]
    pub request: Option<Request>,
}

/// The trigger of an execution that succeeds one which ended without an outcome, as alarm-handler writes it.
#[derive(Deserialize)]
struct Broke {
    kind: String,
    #[serde(default)]
    execution: Option<String>,
    status: Ended,
    #[serde(default)]
    asked: Option<String>,
}

impl Event {
    /// The execution that this one takes over from: on its first turn, and for as long as it only waits for what that one may still have on its way.
    pub(crate) fn predecessor(&self) -> Option<Predecessor> {
        // Anything else started it, or somebody wrote a trigger by hand: then only the lease's row counts.
        let broke = Broke::deserialize(&self.trigger)
            .ok()
            .filter(|broke| broke.kind == BROKE && self.is_dead(broke.execution.as_deref()));
        let row = self.unfinished.begun();
        if broke.is_none() && row.is_none() {
            return None;
        }
        let asked = row
            .and_then(|row| row.request.as_ref())
            .map(|request| request.action().to_owned());
        let before = Predecessor {
            ended: broke.as_ref().map(|broke| broke.status),
            asked: asked.or_else(|| broke.and_then(|broke| broke.asked)),
            progress: row.map_or_else(Progress::default, |row| row.progress.clone().interrupted()),
        };
        let waits = || {
            before.ended.is_some()
                && before
                    .progress
                    .steps
                    .last()
                    .is_some_and(StepTaken::is_interrupted)
        };
        let has_begun = self
            .progress
            .as_ref()
            .is_some_and(|progress| !waits() || progress.steps != self.taken_over().steps);
        (!has_begun).then_some(before)
    }

    /// Whether that execution was looked up and has ended. Where none was looked up the trigger's word stands.
    fn is_dead(&self, execution: Option<&str>) -> bool {
        let Some(dead) = &self.dead else { return true };
        execution.is_some_and(|execution| dead.iter().any(|one| one == execution))
    }

    /// What a dead execution had begun by itself. What a person had asked for is not gone on with: it takes that word again.
    fn taken_over(&self) -> Progress {
        let by_itself = self
            .unfinished
            .begun()
            .filter(|unfinished| unfinished.request.is_none() && self.request.is_none());
        by_itself.map_or_else(Progress::default, |unfinished| {
            unfinished.progress.clone().interrupted()
        })
    }

    /// What this execution did so far; before its first turn, what it takes over.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone().unwrap_or_else(|| self.taken_over())
    }
}

/// The row of the stop switch in DynamoDB's JSON. That it is there is what counts, whatever it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopRow {
    /// The table it is in, for the command that takes it out.
    #[serde(default)]
    pub table: String,
    /// The row.
    #[serde(default)]
    pub item: BTreeMap<String, Value>,
    /// Why it could not be read.
    #[serde(default)]
    pub unreadable: Option<String>,
}

impl StopRow {
    pub(crate) fn switch(&self) -> StopSwitch {
        let said = |name: &str| {
            let text = self.item.get(name)?["S"].as_str()?.trim();
            (!text.is_empty()).then(|| lifecycle::shorten(text, SAID_LENGTH))
        };
        match &self.unreadable {
            Some(error) => StopSwitch::Unreadable {
                error: error.clone(),
            },
            None => StopSwitch::Thrown {
                by: said("by"),
                why: said("why"),
            },
        }
    }
}

/// A look, as subtask-verifier answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// The facts.
    pub observation: Observation,
    /// What was carried from look to look.
    pub watch: Watch,
    /// What both say.
    pub assessment: Assessment,
}

/// The ledger's row in DynamoDB's JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRow {
    /// The row, if there is one.
    #[serde(default)]
    pub item: BTreeMap<String, Value>,
    /// Why it could not be read.
    #[serde(default)]
    pub unreadable: Option<String>,
}

impl LedgerRow {
    /// The ledger. A value that does not parse makes it unreadable: what cannot be understood must not be acted on.
    pub(crate) fn view(&self, today: &str) -> LedgerView {
        if let Some(why) = &self.unreadable {
            return Err(why.clone());
        }
        let mut ledger = crate::book::read(&self.item)?;
        if let Some(executions) = self.item.get(&format!("{RESCUES}{today}")) {
            let executions = executions["SS"]
                .as_array()
                .ok_or_else(|| format!("the ledger's rescues of {today} do not parse"))?;
            ledger.rescues_today = u32::try_from(executions.len()).unwrap_or(u32::MAX);
        }
        Ok(ledger)
    }
}
