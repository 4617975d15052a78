//! Which clusters a scenario can be played over.

use std::str::FromStr;

use super::Stage;
use crate::{
    flink::real,
    pace::Speed,
    script::{Do, Script},
};

/// Over which clusters a scenario is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clusters {
    /// Simulated ones.
    #[default]
    Simulated,
    /// Real ones, every version of the application under this runtime.
    Real {
        /// `FLINK-1_20`, `FLINK-2_2` or `FLINK-2_3`.
        runtime: &'static str,
    },
}

impl FromStr for Clusters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "simulated" => Ok(Self::Simulated),
            "real" | "real-1.20" => Ok(Self::Real {
                runtime: "FLINK-1_20",
            }),
            "real-2.2" => Ok(Self::Real {
                runtime: "FLINK-2_2",
            }),
            "real-2.3" => Ok(Self::Real {
                runtime: "FLINK-2_3",
            }),
            _ => Err("write simulated, real, real-1.20, real-2.2 or real-2.3".to_owned()),
        }
    }
}

impl Clusters {
    /// Whether a scenario can be played over these clusters at this speed on this machine.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn can_play(self, scenario: &Script, speed: Option<Speed>) -> Result<(), String> {
        let Self::Real { runtime } = self else {
            return Ok(());
        };
        if let Some(Speed::Virtual) = speed {
            return Err(
                "real Flink takes real time: write --speed real or a factor, or leave it out"
                    .to_owned(),
            );
        }
        if let Some(Speed::Factor(factor)) = speed
            && factor > real::LARGEST_FACTOR
        {
            return Err(format!(
                "real Flink cannot keep up with {factor} times real time: at most {}",
                real::LARGEST_FACTOR
            ));
        }
        let stage = scenario.stage();
        if stage.applications.len() != 1 || changes_runtime(scenario) {
            return Err(format!(
                "{} needs simulated clusters: real ones are for one application under one runtime",
                scenario.name
            ));
        }
        if let Some(what) = stage.codebook.values().find_map(real::unfit) {
            return Err(format!(
                "{} needs simulated clusters: {what} cannot be had from real Flink here",
                scenario.name
            ));
        }
        real::prepared(runtime).map_err(|error| error.to_string())
    }

    /// The stage as these clusters play it at this speed.
    #[must_use]
    pub fn under(self, mut stage: Stage, speed: Speed) -> Stage {
        if let Self::Real { runtime } = self {
            stage.applications = stage
                .applications
                .into_iter()
                .map(|application| application.all_on(runtime))
                .collect();
            stage.real_flink = Some(match speed {
                Speed::Factor(factor) => factor,
                Speed::Virtual => real::DEFAULT_FACTOR,
            });
        }
        stage
    }
}

/// Whether somebody deploys another runtime.
fn changes_runtime(scenario: &Script) -> bool {
    let mut steps = scenario.happens.iter();
    steps.any(|step| {
        matches!(
            &step.what,
            Some(Do::Deploy {
                runtime: Some(_),
                ..
            })
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{FLINK, by_name, play};

    fn named(name: &str) -> &'static Script {
        by_name(name).unwrap()
    }

    #[test]
    fn scenarios_about_flink_end_as_they_are_written_over_simulated_clusters() {
        for scenario in FLINK.iter() {
            for seed in 1..=3 {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .start_paused(true)
                    .build()
                    .unwrap();
                let complaints = runtime.block_on(async {
                    play(scenario, seed)
                        .await
                        .unwrap()
                        .rehearsal
                        .complaints
                        .clone()
                });
                assert_eq!(complaints, [""; 0], "{} with seed {seed}", scenario.name);
            }
        }
    }

    #[test]
    fn what_real_clusters_cannot_play_is_said_before_anything_is_started() {
        let real: Clusters = "real-2.2".parse().unwrap();
        assert_eq!(
            real,
            Clusters::Real {
                runtime: "FLINK-2_2"
            }
        );
        for (name, speed, why) in [
            (
                "bad-deployment",
                Some(Speed::Virtual),
                "real Flink takes real time",
            ),
            ("bad-deployment", Some(Speed::Factor(60.0)), "at most 12"),
            (
                "broker-outage",
                None,
                "something outside that is switched off",
            ),
            ("flip-flop", None, "a loop in step with the cache"),
            ("no-progress", None, "checkpoints that stop"),
            ("operator-asks-rollback", None, "wrong results"),
            ("runtime-upgrade", None, "one application under one runtime"),
            ("snapshots-fleet", None, "one application under one runtime"),
        ] {
            let refusal = real.can_play(named(name), speed).unwrap_err();
            assert!(refusal.contains(why), "{name}: {refusal}");
            assert_eq!(Clusters::Simulated.can_play(named(name), speed), Ok(()));
        }
    }

    #[test]
    fn clusters_are_named_by_a_word() {
        for wrong in ["", "2.2", "real-1.15", "REAL"] {
            assert!(wrong.parse::<Clusters>().is_err(), "{wrong}");
        }
    }
}
