//! `rehearse`: plays a scenario while telling it.

use std::{path::Path, process::ExitCode};

use super::{Rehearse, failed, in_virtual_time, paint, say, wrong};
use crate::{
    flink::real::DEFAULT_FACTOR,
    pace::Speed,
    region::{Region, RegionError},
    scenario::{self, CATALOGUE, Clusters, FLINK, Played, SNAPSHOTS, SWEEPS, Script, Stage},
    script::{is_path, no_scenario, read_file},
    story,
};

/// A story should take about this long.
const STORY_SECS: f64 = 10.0;

/// Rehearses as asked.
pub(super) fn run(asked: &Rehearse) -> ExitCode {
    let scenario = match named(&asked.name) {
        Ok(scenario) => scenario,
        Err(why) => return wrong(&why),
    };
    let scenario = &scenario;
    if let Err(why) = asked.flink.can_play(scenario, asked.speed) {
        return wrong(&why);
    }
    match rehearse(scenario, asked) {
        Ok(played) => finish(&played, asked),
        Err(error) => failed(&error),
    }
}

/// The scenario of that name, or in that file.
fn named(name: &str) -> Result<Script, String> {
    if is_path(name) {
        return read_file(Path::new(name)).map_err(|wrong| wrong.to_string());
    }
    let all = CATALOGUE
        .iter()
        .chain(FLINK.iter())
        .chain(SNAPSHOTS.iter())
        .chain(SWEEPS.iter());
    scenario::by_name(name)
        .cloned()
        .ok_or_else(|| no_scenario(name, all.map(|scenario| scenario.name.as_str())))
}

fn rehearse(scenario: &Script, asked: &Rehearse) -> Result<Played, RegionError> {
    let seed = asked.seed.or(scenario.seed).unwrap_or(1);
    let opened = |region: &Region| {
        asked
            .trouble
            .iter()
            .for_each(|trouble| region.faults().add(trouble.rule(&region.stack().functions)))
    };
    let real = asked.flink != Clusters::Simulated;
    if asked.json {
        let speed = asked.speed.unwrap_or(if real {
            Speed::Factor(DEFAULT_FACTOR)
        } else {
            Speed::Virtual
        });
        return in_virtual_time(scenario::play_staged(
            scenario,
            stage(scenario, asked, speed),
            seed,
            speed,
            opened,
            |_| {},
        ));
    }
    let paint = paint();
    say(&format!(
        "{}: {}\n\n",
        paint.strong(&scenario.name),
        scenario.sentence
    ));
    let speed = match asked.speed {
        Some(speed) => speed,
        None if real => Speed::Factor(DEFAULT_FACTOR),
        // A first run, at once, tells how long the story is.
        None => {
            let timeline = in_virtual_time(scenario::play(scenario, seed))?
                .rehearsal
                .timeline;
            Speed::Factor((timeline.last().map_or(0.0, |last| last.at_secs) / STORY_SECS).max(1.0))
        }
    };
    let mut told = 0;
    in_virtual_time(scenario::play_staged(
        scenario,
        stage(scenario, asked, speed),
        seed,
        speed,
        opened,
        move |region: &Region| {
            let entries = region.journal().entries();
            for entry in &entries[told..] {
                say(&format!("{}\n", story::line(entry, region.opened(), paint)));
            }
            told = entries.len();
        },
    ))
}

/// The scenario's stage, with what was asked for beyond it.
fn stage(scenario: &Script, asked: &Rehearse, speed: Speed) -> Stage {
    let mut stage = asked.flink.under(scenario.stage(), speed);
    stage.binaries = asked.functions.clone();
    for variable in asked.variable.iter().cloned() {
        stage
            .own_variables
            .entry(variable.package)
            .or_default()
            .insert(variable.name, variable.value);
    }
    stage
}

fn finish(played: &Played, asked: &Rehearse) -> ExitCode {
    let rehearsal = &played.rehearsal;
    if asked.json {
        say(&rehearsal.json());
        say("\n");
    } else {
        for mail in &rehearsal.mails {
            say(&format!("\n  The mail that people get:\n\n{}", mail.told()));
        }
        say(&format!("\n{}", rehearsal.table(paint())));
    }
    if let Some(file) = &asked.html
        && let Err(error) = std::fs::write(file, story::page(rehearsal))
    {
        return wrong(&format!("{} cannot be written: {error}", file.display()));
    }
    if rehearsal.is_as_it_should_be() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
