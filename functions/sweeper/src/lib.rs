//! The sweep: every minute, what is stuck and what was deployed, and nobody looks at it.
//!
//! Input: the schedule's `{}`, or a person's `{"dryRun":true}`. Order: list all applications, read what was seen of them before and what is in ALARM, read more of those that are suspected
//! ([`lifecycle::sweep`], pure), start executions of `remediate`, write down what was seen. Level-triggered: what one run could not read or start, the next one does.
//! Deliberately absent: any look at a job, and any change of an application.
//!
//! Invariant: what is remembered of an application is written only after what it asks for was started, so nothing is remembered as done that was not.

pub mod cloudwatch;
pub mod event;
pub mod run;

use executions::{StateMachineArn, StepFunctions};
use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metric, Metrics, Record, SettingError};
use ledger::LedgerTable;
use lifecycle::{Holds, Keys, Policy};
use managed_flink::ManagedFlink;

use crate::{
    cloudwatch::CloudWatch,
    event::{Answer, Event},
    run::Sweep,
};

/// Names the variable with the state machine to start.
pub const STATE_MACHINE_ARN: &str = "STATE_MACHINE_ARN";
/// Names the variable with the table that holds what was seen before, and leases.
pub const LEDGER_TABLE: &str = "LEDGER_TABLE";

/// The function.
#[derive(Debug)]
pub struct Sweeper {
    flink: ManagedFlink,
    cloudwatch: CloudWatch,
    ledger: LedgerTable,
    executions: StepFunctions,
    policy: Policy,
    metrics: Metrics,
}

impl Function for Sweeper {
    const NAME: &'static str = "sweeper";
    const KEYS: Option<&'static Keys> = Some(&[("dryRun", Holds::Flag)]);
    type Event = Event;
    type Answer = Answer;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        let state_machine: StateMachineArn = env.required(STATE_MACHINE_ARN)?;
        Ok(Self {
            flink: ManagedFlink::new(aws),
            cloudwatch: CloudWatch::new(aws),
            ledger: LedgerTable::new(aws, env.required(LEDGER_TABLE)?),
            executions: StepFunctions::new(aws, state_machine),
            policy: lambda_kit::policy(env)?,
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, event: Event, invocation: Invocation) -> Result<Answer, Failure> {
        let sweep = Sweep {
            flink: &self.flink,
            cloudwatch: &self.cloudwatch,
            ledger: &self.ledger,
            executions: &self.executions,
            policy: &self.policy,
            now: invocation.now,
            dry_run: event.dry_run,
        };
        let answer = sweep.run().await?;
        if !event.dry_run {
            let mut record = Record::of(Self::NAME, &invocation);
            let started = answer.started.len() as u64;
            if started > 0 {
                record.add(Metric::ExecutionsStarted, started);
            }
            if answer.not_started > 0 {
                record.add(Metric::ExecutionsNotStarted, answer.not_started as u64);
            }
            // The alarm on the sweep itself waits for this: a sweep that left something is none.
            if answer.left == 0 {
                record.add(Metric::Sweeps, 1);
            }
            self.metrics.emit(&record);
        }
        Ok(answer)
    }
}
