//! One run.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use executions::{StartError, StartExecution};
use futures::{StreamExt as _, future, stream};
use jiff::Timestamp;
use lambda_kit::{Budget, Failure};
use ledger::{Leases, Memories, ReadStopSwitch};
use lifecycle::{
    ApplicationStatus, Policy,
    sweep::{Hints, Judged, Listed, Memory, Read, Start, Whose, judge, looks_silent, suspect},
};
use managed_flink::{
    ApplicationSummary, CallError, CallErrorKind, ListApplicationOperations, ListApplications,
    ListTagsForResource,
};

use crate::{
    cloudwatch::{Ringing, Silence},
    event::{Answer, Started},
};

/// Applications read, started and written down at once.
const AT_ONCE: usize = 8;
/// After this nothing more is begun; Lambda ends the function at 55 s.
const TIME: Duration = Duration::from_secs(40);
/// Operations that are read of one application: what it did last, and why.
const OPERATIONS: usize = 10;
/// CloudWatch is asked for signs of jobs in every so manieth minute: each metric asked for costs.
const SILENCE_EVERY_MINUTES: i64 = 10;
/// Applications whose tags are read only because they run and may be silent, in one run.
const TAGS_FOR_SILENCE: usize = 200;

/// What a run needs.
#[derive(Debug)]
pub struct Sweep<'a, F, C, L, E> {
    /// The service.
    pub flink: &'a F,
    /// Alarms and metrics.
    pub cloudwatch: &'a C,
    /// What was seen before.
    pub ledger: &'a L,
    /// What starts executions.
    pub executions: &'a E,
    /// The stack's policy.
    pub policy: &'a Policy,
    /// The time.
    pub now: Timestamp,
    /// Only say what would be started.
    pub dry_run: bool,
}

/// What came of one application.
enum Came {
    /// Nothing is to be done or remembered.
    Nothing,
    /// It was read.
    Read,
    /// It was read, and an execution is to be started.
    Started(Started),
    /// An execution could not be started.
    NotStarted,
    /// It could not be read, or there was no time left.
    Left,
}

impl<F, C, L, E> Sweep<'_, F, C, L, E>
where
    F: ListApplications + ListTagsForResource + ListApplicationOperations,
    C: Ringing + Silence,
    L: Memories + Leases + ReadStopSwitch,
    E: StartExecution,
{
    /// Sweeps once.
    ///
    /// # Errors
    /// When the applications, or what was seen of them, cannot be read.
    pub async fn run(&self) -> Result<Answer, Failure> {
        let budget = Budget::of(TIME);
        let mut answer = Answer {
            dry_run: self.dry_run,
            ..Answer::default()
        };
        // What moved while the switch is on is still to be seen once it is lifted, so nothing is remembered either.
        if self.ledger.is_stopped().await? {
            tracing::warn!("the stop switch is on, so nothing is looked at");
            answer.stopped = true;
            return Ok(answer);
        }
        let (listed, memories, ringing) = future::join3(
            self.flink.list_applications(),
            self.ledger.memories(),
            self.cloudwatch.ringing(),
        )
        .await;
        let mut listed: Vec<ApplicationSummary> = listed?
            .into_iter()
            .filter(|one| one.runtime.is_flink() && one.status != ApplicationStatus::Deleting)
            .collect();
        let mut memories = memories?;
        let ringing = ringing.unwrap_or_else(|error| {
            tracing::warn!(%error, "which alarms are in ALARM could not be read");
            BTreeMap::new()
        });
        answer.applications = listed.len();
        self.learn_whose(&listed, &mut memories, budget).await;
        let silent = self.silent(&listed, &memories).await;
        // Who comes last in one run comes earlier in the next, so that what is left over is not always the same.
        let first = usize::try_from(self.now.as_second() / 60).unwrap_or_default();
        let turn = first.checked_rem(listed.len()).unwrap_or_default();
        listed.rotate_left(turn);
        let each = stream::iter(listed).map(|one| {
            let alarm = ringing.get(&one.name).cloned();
            let is_silent = silent.contains(&one.name);
            let memory = memories.get(&one.name).cloned();
            async move {
                let hints = Hints {
                    alarm: alarm.as_ref().map(|(name, at)| (name.as_str(), *at)),
                    is_silent,
                };
                let came = budget.within(self.one(&one, memory.as_ref(), &hints));
                came.await.unwrap_or(Came::Left)
            }
        });
        let came: Vec<Came> = each.buffer_unordered(AT_ONCE).collect().await;
        for one in came {
            match one {
                Came::Nothing => {}
                Came::Read => answer.read += 1,
                Came::Started(started) => {
                    answer.read += 1;
                    answer.started.push(started);
                }
                Came::NotStarted => {
                    answer.read += 1;
                    answer.not_started += 1;
                }
                Came::Left => answer.left += 1,
            }
        }
        answer
            .started
            .sort_by(|one, other| one.execution_name.cmp(&other.execution_name));
        Ok(answer)
    }

    async fn one(
        &self,
        one: &ApplicationSummary,
        before: Option<&Memory>,
        hints: &Hints<'_>,
    ) -> Came {
        let seen = Listed {
            name: &one.name,
            status: &one.status,
            version_id: one.version_id,
        };
        if !suspect(
            before,
            &seen,
            hints,
            self.policy.operation_timeout_secs,
            self.now,
        ) {
            let memory = Memory::after(before, &seen, self.now);
            return match self.remember(&one.name, before, &memory).await {
                Ok(()) => Came::Nothing,
                Err(error) => left(&one.name, &error),
            };
        }
        match self.read(one, &seen, before, hints).await {
            Ok(judged) => self.carry_out(&one.name, before, judged).await,
            // It was deleted meanwhile.
            Err(error) if error.kind == CallErrorKind::NotFound => Came::Nothing,
            Err(error) => left(&one.name, &error),
        }
    }

    async fn read(
        &self,
        one: &ApplicationSummary,
        seen: &Listed<'_>,
        before: Option<&Memory>,
        hints: &Hints<'_>,
    ) -> Result<Judged, CallError> {
        let known = before.and_then(|before| before.whose.clone());
        let whose = match known.filter(|whose| !whose.is_old(self.now)) {
            Some(whose) => whose,
            None => self.whose(one).await?,
        };
        let is_looked_after = whose.is_looked_after(self.now);
        let lease = if is_looked_after {
            self.ledger.lease(&one.name, self.now).await?
        } else {
            lifecycle::sweep::Lease::default()
        };
        let operations = if is_looked_after && !lease.is_held {
            self.flink
                .list_application_operations(&one.name, OPERATIONS)
                .await?
        } else {
            Vec::new()
        };
        let read = Read {
            whose: &whose,
            lease: &lease,
            operations: &operations,
        };
        Ok(judge(before, seen, hints, &read, self.now))
    }

    async fn whose(&self, one: &ApplicationSummary) -> Result<Whose, CallError> {
        let tags = self.flink.list_tags_for_resource(&one.arn).await?;
        Ok(Whose::of(self.policy, &tags, self.now))
    }

    async fn carry_out(&self, name: &str, before: Option<&Memory>, judged: Judged) -> Came {
        let Judged { memory, start } = judged;
        if let (Some(start), false) = (&start, self.dry_run)
            && let Err(error) = self.start(name, start).await
        {
            tracing::warn!(application = name, %error, "no execution was started for it now");
            return Came::NotStarted;
        }
        if let Err(error) = self.remember(name, before, &memory).await {
            return left(name, &error);
        }
        start.map_or(Came::Read, |start| {
            Came::Started(Started {
                application_name: name.to_owned(),
                condition: start.condition.word(),
                reason: start.condition.to_string(),
                execution_name: start.name,
            })
        })
    }

    async fn start(&self, name: &str, start: &Start) -> Result<(), StartError> {
        let started = self
            .executions
            .start_execution(&start.name, &start.input)
            .await;
        let reason = start.condition.to_string();
        match started {
            Err(StartError::AlreadyExists) => {
                tracing::info!(
                    application = name,
                    execution = start.name,
                    reason,
                    "was started before"
                );
                Ok(())
            }
            Ok(()) => {
                tracing::info!(
                    application = name,
                    execution = start.name,
                    reason,
                    "started"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn remember(
        &self,
        name: &str,
        before: Option<&Memory>,
        memory: &Memory,
    ) -> Result<(), CallError> {
        if self.dry_run || before == Some(memory) {
            return Ok(());
        }
        self.ledger.remember(name, memory, self.now).await
    }

    /// Whether it is the minute in which CloudWatch is asked for signs of jobs.
    fn asks_for_silence(&self) -> bool {
        self.now.as_second() / 60 % SILENCE_EVERY_MINUTES == 0
    }

    /// Reads the tags of those that run and of which it is not known whose they are: CloudWatch is asked about this stack's own only.
    async fn learn_whose(
        &self,
        listed: &[ApplicationSummary],
        memories: &mut BTreeMap<String, Memory>,
        budget: Budget,
    ) {
        if !self.asks_for_silence() {
            return;
        }
        let mut unknown = Vec::new();
        for one in listed {
            let needs = memories.get(&one.name).is_some_and(|memory| {
                let whose = memory.whose.as_ref();
                looks_silent(memory, &one.status, self.now)
                    && whose.is_none_or(|whose| whose.is_old(self.now))
            });
            if needs && unknown.len() < TAGS_FOR_SILENCE {
                unknown.push(one.clone());
            }
        }
        let read = stream::iter(unknown).map(|one| async move {
            let whose = budget.within(self.whose(&one)).await?;
            Some((one.name, whose.ok()?))
        });
        let read: Vec<Option<(String, Whose)>> = read.buffer_unordered(AT_ONCE).collect().await;
        for (name, whose) in read.into_iter().flatten() {
            if let Some(memory) = memories.get_mut(&name) {
                let before = memory.clone();
                memory.whose = Some(whose);
                if let Err(error) = self.remember(&name, Some(&before), memory).await {
                    tracing::warn!(application = name, %error, "whose it is could not be written down");
                }
            }
        }
    }

    async fn silent(
        &self,
        listed: &[ApplicationSummary],
        memories: &BTreeMap<String, Memory>,
    ) -> BTreeSet<String> {
        if !self.asks_for_silence() {
            return BTreeSet::new();
        }
        let mut names = Vec::new();
        for one in listed {
            let asks = memories.get(&one.name).is_some_and(|memory| {
                let whose = memory.whose.as_ref();
                looks_silent(memory, &one.status, self.now)
                    && whose.is_some_and(|whose| whose.is_looked_after(self.now))
            });
            if asks {
                names.push(one.name.clone());
            }
        }
        if names.is_empty() {
            return BTreeSet::new();
        }
        self.cloudwatch
            .silent(&names, self.now)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "which jobs give no sign could not be read");
                BTreeSet::new()
            })
    }
}

fn left(name: &str, error: &CallError) -> Came {
    tracing::warn!(application = name, %error, "it is left to the next sweep");
    Came::Left
}
