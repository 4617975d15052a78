//! Situations of a job, played on any data plane.

use std::time::Duration;

use emulated_flink::flink::{
    Backstage, Behaviour, ClusterEvent, Code, Codebook, DataPlane, Ended, Fault, Launch, Misfit,
    RestartStrategy, Restore,
};
use futures::future::BoxFuture;
use serde_json::json;

use crate::watch::Seen;

/// A data plane and what is behind it.
pub(crate) trait Plane: DataPlane + Backstage {}

impl<P: DataPlane + Backstage> Plane for P {}

/// A situation: the code at `new.jar`, beside healthy code at `good.jar`, and what happens.
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) code: fn() -> Code,
    pub(crate) script: for<'a> fn(&'a dyn Plane, &'a str, &'a mut Seen) -> BoxFuture<'a, ()>,
}

impl Situation {
    pub(crate) fn codebook(&self) -> Codebook {
        Codebook::from([
            ("good.jar".to_owned(), quick(Code::healthy())),
            ("new.jar".to_owned(), (self.code)()),
        ])
    }
}

/// A restart a second after each fault, a checkpoint every two seconds.
fn quick(code: Code) -> Code {
    code.restarting(RestartStrategy::every(1))
        .checkpointing_every(2)
}

fn throwing(secs: u64) -> Code {
    quick(Code::that(Behaviour::throws_after(
        secs,
        "java.lang.IllegalArgumentException",
        "cannot parse 'abc' as INT",
    )))
}

async fn launch(
    plane: &dyn Plane,
    runtime: &str,
    key: &str,
    restore: Option<Restore>,
    seen: &mut Seen,
) {
    let location = json!({ "S3ApplicationCodeLocationDescription": { "FileKey": key } });
    let configuration = json!({ "ApplicationCodeConfigurationDescription": { "CodeContentDescription": location } });
    let launch = Launch {
        application: "orders".to_owned(),
        version: 1,
        configuration,
        runtime: runtime.to_owned(),
        restore,
    };
    seen.another_run();
    let submitted = match plane.launch(launch).await {
        Ok(()) => "accepted".to_owned(),
        Err(failure) => {
            // Texts differ; what they are about must not.
            let about = [
                "java.lang.NoClassDefFoundError: com/example/orders/Enricher",
                "Cannot map checkpoint/savepoint state for operator",
            ];
            let told = about
                .iter()
                .find(|text| failure.message.contains(**text))
                .map_or("something else", |text| *text);
            format!(
                "refused, state does not fit: {}, {told}",
                failure.state_does_not_fit
            )
        }
    };
    seen.submissions.push(submitted);
}

/// Good code runs, and is stopped with a savepoint.
async fn stopped(plane: &dyn Plane, runtime: &str, seen: &mut Seen) {
    launch(plane, runtime, "good.jar", None, seen).await;
    seen.until_all_running(plane, 60).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    plane
        .stop_with_savepoint("orders", "before")
        .await
        .expect("a healthy job can be stopped");
}

fn from(snapshot: &str, allow_non_restored_state: bool) -> Option<Restore> {
    let location = format!("s3://managed-flink/orders/snapshots/{snapshot}");
    Some(Restore {
        snapshot: snapshot.to_owned(),
        location,
        allow_non_restored_state,
    })
}

/// Flink's cached answers are of before for so long.
const CACHED: Duration = Duration::from_secs(4);

/// Watched once every task runs and the API says so.
async fn settles(plane: &dyn Plane, seen: &mut Seen, secs: u64) {
    seen.until_all_running(plane, 60).await;
    tokio::time::sleep(CACHED).await;
    seen.watch(plane, secs).await;
}

async fn runs(plane: &dyn Plane, runtime: &str, seen: &mut Seen, secs: u64) {
    launch(plane, runtime, "new.jar", None, seen).await;
    settles(plane, seen, secs).await;
}

/// Launched from the savepoint that good code was stopped with.
async fn restores(
    plane: &dyn Plane,
    runtime: &str,
    seen: &mut Seen,
    allow_non_restored_state: bool,
) {
    stopped(plane, runtime, seen).await;
    launch(
        plane,
        runtime,
        "new.jar",
        from("before", allow_non_restored_state),
        seen,
    )
    .await;
}

/// Launched; watched some time after it has ended by itself.
async fn ends(plane: &dyn Plane, runtime: &str, seen: &mut Seen) {
    launch(plane, runtime, "new.jar", None, seen).await;
    ended(plane, seen).await;
    tokio::time::sleep(CACHED).await;
    seen.watch(plane, 4).await;
}

async fn ended(plane: &dyn Plane, seen: &mut Seen) {
    let how = tokio::time::timeout(Duration::from_secs(60), plane.ended()).await;
    seen.ended = Some(match how {
        Ok((_, Ended::Finished)) => "finished".to_owned(),
        Ok((_, Ended::Failed)) => "failed".to_owned(),
        Err(_) => "does not end".to_owned(),
    });
}

/// All situations.
pub(crate) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "healthy",
        code: || quick(Code::healthy()),
        script: |plane, runtime, seen| Box::pin(runs(plane, runtime, seen, 10)),
    },
    Situation {
        name: "loop-while-processing",
        code: || throwing(5),
        script: |plane, runtime, seen| Box::pin(runs(plane, runtime, seen, 40)),
    },
    Situation {
        name: "loop-in-open",
        code: || {
            quick(Code::that(Behaviour::ThrowsInOpen {
                fault: Fault::new("java.net.ConnectException", "Connection refused"),
            }))
        },
        script: |plane, runtime, seen| {
            Box::pin(async move {
                launch(plane, runtime, "new.jar", None, seen).await;
                tokio::time::sleep(Duration::from_secs(3)).await;
                seen.watch(plane, 20).await;
            })
        },
    },
    Situation {
        name: "bad-main",
        code: || {
            quick(Code::that(Behaviour::BadMain {
                message: "java.lang.NoClassDefFoundError: com/example/orders/Enricher".to_owned(),
            }))
        },
        script: |plane, runtime, seen| {
            Box::pin(async move { launch(plane, runtime, "new.jar", None, seen).await })
        },
    },
    Situation {
        name: "restored-from-a-savepoint",
        code: || quick(Code::healthy()),
        script: |plane, runtime, seen| {
            Box::pin(async move {
                restores(plane, runtime, seen, false).await;
                settles(plane, seen, 8).await;
            })
        },
    },
    Situation {
        name: "state-of-another-operator",
        code: || Code {
            misfit: Misfit::Refused,
            ..quick(Code::healthy()).with_state(2, 2)
        },
        script: |plane, runtime, seen| {
            Box::pin(async move {
                restores(plane, runtime, seen, false).await;
                seen.watch(plane, 5).await;
            })
        },
    },
    Situation {
        name: "state-of-another-operator-may-be-dropped",
        code: || Code {
            misfit: Misfit::Refused,
            ..quick(Code::healthy()).with_state(2, 2)
        },
        script: |plane, runtime, seen| {
            Box::pin(async move {
                restores(plane, runtime, seen, true).await;
                settles(plane, seen, 5).await;
            })
        },
    },
    Situation {
        name: "state-of-another-type",
        code: || quick(Code::healthy()).with_state(2, 2),
        script: |plane, runtime, seen| {
            Box::pin(async move {
                restores(plane, runtime, seen, false).await;
                tokio::time::sleep(CACHED).await;
                seen.watch(plane, 20).await;
            })
        },
    },
    Situation {
        name: "slow-initialisation",
        code: || quick(Code::healthy().restoring_for(25)),
        script: |plane, runtime, seen| {
            Box::pin(async move {
                restores(plane, runtime, seen, false).await;
                tokio::time::sleep(CACHED).await;
                seen.watch(plane, 12).await;
            })
        },
    },
    Situation {
        name: "task-manager-killed",
        code: || quick(Code::healthy()),
        script: |plane, runtime, seen| {
            Box::pin(async move {
                launch(plane, runtime, "new.jar", None, seen).await;
                seen.until_all_running(plane, 60).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                plane.befall("orders", &ClusterEvent::TaskManagerLost);
                seen.watch(plane, 60).await;
            })
        },
    },
    Situation {
        name: "machine-replaced",
        code: || quick(Code::healthy()),
        script: |plane, runtime, seen| {
            Box::pin(async move {
                launch(plane, runtime, "new.jar", None, seen).await;
                seen.until_all_running(plane, 60).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                plane.replace_machines("orders").await;
                seen.watch(plane, 20).await;
            })
        },
    },
    Situation {
        name: "restarts-exhausted",
        code: || {
            let twice = RestartStrategy::FixedDelay {
                delay: Duration::from_secs(1),
                attempts: Some(2),
            };
            throwing(3).restarting(twice)
        },
        script: |plane, runtime, seen| Box::pin(ends(plane, runtime, seen)),
    },
    Situation {
        name: "bounded",
        code: || {
            quick(Code::that(Behaviour::Bounded {
                after: Duration::from_secs(8),
            }))
        },
        script: |plane, runtime, seen| Box::pin(ends(plane, runtime, seen)),
    },
];
