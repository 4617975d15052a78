//! The scheduled snapshot check of one application: fresh enough? take, prune, report. Four steps, none of which waits; the state machine `snapshot-check` waits.
//!
//! `list` names the applications that have opted in, a page at a time · `check` reads the facts and says what they ask for · `act` reads them afresh, decides again, and carries it
//! out · `follow` says what became of the snapshots that were asked for. Every decision is [`lifecycle::retention`]'s.
//!
//! Deliberately absent: any wait, any repeat of a change, and the verification of the job, which is the subtask verifier's.
//!
//! Invariant: nothing is taken without a look that shows the application healthy and still the same; nothing is deleted but what was decided on facts read in the same
//! invocation, and then with the very time stamp that the service gives for it; in mode observe nothing is changed at all.

mod act;
mod check;
mod event;
mod facts;
mod follow;
mod kind;
mod list;
mod settings;

use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metrics, SettingError};
use lifecycle::{Holds, Keys, Policy, SnapshotPolicy};
use managed_flink::{HostRule, ManagedFlink};

pub use event::{Answer, Created, Did, Event, Followed, Look, Next, Page, Row, Soaked};

/// The function.
#[derive(Debug)]
pub struct SnapshotKeeper {
    api: ManagedFlink,
    aws: Aws,
    hosts: HostRule,
    policy: Policy,
    snapshots: SnapshotPolicy,
    metrics: Metrics,
}

impl Function for SnapshotKeeper {
    const NAME: &'static str = "snapshot-keeper";
    const KEYS: Option<&'static Keys> = Some(&[
        ("step", Holds::Text),
        ("applicationName", Holds::Text),
        ("nextToken", Holds::Text),
        ("tick", Holds::Text),
        ("look", Holds::Anything),
        ("lease", Holds::Anything),
        ("leaseReadAt", Holds::Text),
        ("dryRun", Holds::Flag),
        ("pending", Holds::Anything),
        ("input", Holds::Anything),
    ]);
    type Event = Event;
    type Answer = Answer;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            api: ManagedFlink::new(aws),
            aws: aws.clone(),
            hosts: HostRule::of(env)?,
            policy: lambda_kit::policy(env)?,
            snapshots: settings::policy(env)?,
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, event: Event, invocation: Invocation) -> Result<Answer, Failure> {
        match event {
            Event::ExplainInput { input } => {
                let odd = lifecycle::odd_snapshot_check(&input)
                    .unwrap_or_else(|| "the input cannot be understood; leave \"goOn\" out, and write {} for all applications that have opted in".to_owned());
                Ok(Answer::Explained { odd })
            }
            Event::List { next_token } => list::list(&self.api, &self.policy.stack, next_token)
                .await
                .map(Answer::Page),
            Event::Check { application_name } => self
                .check(&application_name, &invocation)
                .await
                .map(|row| Answer::Row(Box::new(row))),
            Event::Act {
                application_name,
                tick,
                look,
                lease,
                lease_read_at,
                dry_run,
            } => {
                let lease = act::still_valid(lease, lease_read_at, self.aws.now());
                let order = act::Order {
                    tick,
                    look: look.as_deref(),
                    lease: &lease,
                    dry_run,
                };
                self.act(&application_name, &order, &invocation)
                    .await
                    .map(|row| Answer::Row(Box::new(row)))
            }
            Event::Follow { pending } => {
                let stack = &self.policy.stack;
                let followed = follow::follow(&self.api, stack, pending).await;
                Ok(Answer::Followed(followed))
            }
        }
    }
}
