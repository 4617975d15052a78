//! A region in which a script can be played.
//!
//! Every play runs under the invariants. Not so over real Flink: since when every subtask of a job has run undisturbed is known of the simulated one only. Nor where Step Functions and
//! the ledger are another engine's: the checker would see neither tasks nor leases.

use super::{Script, Stage, alarms, people::set_key, player::Player, promises::premises};
use crate::{
    invariants::{Checker, Verdicts},
    lambda::Processes,
    managed_flink::Dashboard,
    region::{Blueprint, Open, Region, RegionError},
    script::Alarms,
    server::Server,
};

/// A region in which a script can be played: it is open, its applications and their alarms are there, and nothing has happened yet.
pub struct Opened {
    /// The region.
    pub region: Open,
    /// Who watches it, where that can be done.
    pub checker: Option<Checker>,
    /// Takes connections of functions that run in processes of their own.
    server: Option<Server>,
}

impl Opened {
    /// Opens the region of a stage for a script.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn of(script: &Script, stage: Stage, seed: u64) -> Result<Self, RegionError> {
        let can_be_watched = stage.real_flink.is_none() && !stage.other_engine;
        let mut blueprint = Blueprint {
            seed,
            parameters: stage.parameters,
            template: stage.template,
            names: stage.names,
            codebook: stage.codebook,
            settings: stage.settings,
            faults: stage.faults,
            trail: stage.trail,
            own_variables: stage.own_variables,
            real_flink: stage.real_flink,
            ..Blueprint::default()
        };
        // Processes reach the region over TCP, and must be told where before it is opened.
        let mut port = None;
        if let Some(directory) = stage.binaries {
            let bound = Server::bind(0)?;
            let endpoint = bound.endpoint()?;
            blueprint
                .more_variables
                .insert("FLINK_REST_LOOPBACK".to_owned(), "true".to_owned());
            blueprint.processes = Some(Processes {
                directory,
                endpoint: endpoint.clone(),
            });
            port = Some((bound, endpoint));
        }
        let region = Region::open_at(blueprint, stage.opened)?;
        let mut server = None;
        if let Some((bound, endpoint)) = port {
            region
                .flink()
                .serve_dashboards_at(Dashboard::Loopback(endpoint));
            server = Some(bound.serve(region.router().clone())?);
        }
        for application in stage.applications {
            region.flink().try_add_application(application)?;
        }
        for (id, users) in stage.keys {
            set_key(&region, &id, users);
        }
        match stage.alarms {
            // What a person does after the deployment; from then on the schedule keeps the alarms.
            Alarms::Kept => region.keep_alarms().await?,
            Alarms::Everywhere => alarms::put_everywhere(&region),
        }
        let checker = can_be_watched.then(|| Checker::watch(&region, premises(&region, script)));
        Ok(Self {
            region,
            checker,
            server,
        })
    }

    /// Lets everything happen that the script says.
    pub async fn live(&self, script: &Script) {
        Player::new((*self.region).clone(), script).play().await;
    }

    /// The play is over: no more connections are taken, and this is what the checker found; nothing where none watched.
    pub fn close(&mut self) -> Verdicts {
        drop(self.server.take());
        self.checker
            .as_ref()
            .map_or_else(Verdicts::default, Checker::finish)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{region::REMEDIATE, script::read};

    /// Plays a run in which a bad version is deployed after ten minutes, and gives its region.
    fn played(lasts: &str, alarms: &str, managed: &str) -> Open {
        let fault = json!({ "class": "java.lang.NullPointerException", "message": "price" });
        let looks = json!({ "task": { "state": "Look" } });
        let script = json!({
            "name": "run",
            "lasts": lasts,
            "world": {
                "alarms": alarms,
                "code": { "orders-7.jar": { "behaviour": { "throws": { "after": "5 s", "fault": fault } } } },
                "applications": [{ "like": "orders", "tags": { "lifeguard:managed": managed } }],
            },
            "happens": [
                { "when": { "at": "10 min" }, "do": { "deploy": { "code": "orders-7.jar" } } },
                { "when": looks, "do": { "tag": { "key": "somebody", "value": "looked" } } },
            ],
        });
        let script = read("run.json", &script.to_string()).expect("a script");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime of one thread");
        runtime.block_on(async {
            let opened = Opened::of(&script, script.stage(), 1).await.expect("open");
            opened.live(&script).await;
            opened.region
        })
    }

    fn is_tagged(region: &Region) -> bool {
        let standing = region.flink().standing("orders").expect("there");
        standing.tags.contains_key("somebody")
    }

    #[test]
    fn what_waits_for_a_moment_does_not_happen_after_the_end() {
        let (long, short) = (
            played("40 min", "kept", "true"),
            played("11 min", "kept", "true"),
        );
        assert!(is_tagged(&long));
        assert!(!short.executions_of(REMEDIATE).is_empty(), "a look came");
        assert!(!is_tagged(&short));
    }

    #[test]
    fn alarms_everywhere_call_to_what_has_not_opted_in() {
        let called = |alarms| {
            let region = played("40 min", alarms, "false");
            !region.executions_of(REMEDIATE).is_empty()
        };
        assert!(called("everywhere"));
        assert!(!called("kept"));
    }
}
