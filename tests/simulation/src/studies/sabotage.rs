//! Would it notice? Each mistake of `sabotages.json` is made in a copy of the project, one at a time; then the nights are played, and where they notice nothing, the tests of
//! the package concerned run, or the rehearsals. A mistake that nobody notices is a hole in the checks.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;
use serde_json::Value;

use super::notice;

/// The list.
const LIST: &str = include_str!("../../sabotages.json");

/// A mistake changes a line or two: what depends on it is built again piece by piece, and nights that are played once need no optimiser to linger over them.
const BUILT_QUICKLY: [&str; 4] = [
    "profile.simulation.incremental=true",
    "profile.simulation.package.region.opt-level=1",
    "profile.simulation.package.sandbox.opt-level=1",
    "profile.simulation.package.simulation.opt-level=1",
];

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// Where the copy is made; it keeps its own build from run to run.
    #[arg(long, default_value = "target/sabotage")]
    scratch: PathBuf,
    /// Only mistakes whose name, or whose noticer, contains this: `W` for all that the invariants of the verdict should notice.
    #[arg(long)]
    only: Option<String>,
    /// Nights played for each; with 0 only the rehearsals and the tests of its package are asked, in a tenth of the time.
    #[arg(long, default_value_t = 1_500)]
    nights: u64,
}

/// A mistake.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sabotage {
    /// What is done wrong.
    pub name: String,
    /// Where.
    pub file: String,
    /// What stands there, exactly once.
    pub from: String,
    /// What is put there.
    pub to: String,
    /// Who should notice.
    pub noticed_by: String,
}

/// The list.
///
/// # Panics
/// When the list does not parse; a test holds that it does.
#[must_use]
pub fn list() -> Vec<Sabotage> {
    serde_json::from_str(LIST).expect("the list is part of this package")
}

impl Sabotage {
    fn is_asked_for(&self, only: Option<&str>) -> bool {
        [&self.name, &self.noticed_by]
            .iter()
            .any(|text| notice::is_asked_for(only, text))
    }

    /// Makes the mistake in `text`.
    ///
    /// # Errors
    /// When what it replaces is not there exactly once.
    pub fn applied(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.from).count() {
            1 => Ok(text.replacen(&self.from, &self.to, 1)),
            n => Err(format!(
                "{}: what it replaces stands {n} times in {}",
                self.name, self.file
            )),
        }
    }
}

/// Makes every mistake asked for and tells what became of it; whether each was noticed.
///
/// # Errors
/// When none is asked for, a file cannot be read or written, or a mistake finds its place no longer.
pub fn run(asked: &Asked, say: &dyn Fn(&str)) -> io::Result<bool> {
    let all: Vec<Sabotage> = list()
        .into_iter()
        .filter(|one| one.is_asked_for(asked.only.as_deref()))
        .collect();
    notice::any(all.len(), asked.only.as_deref())?;
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let scratch = std::path::absolute(&asked.scratch)?;
    copy(&project, &scratch)?;
    let (mut noticed, mut survived) = (0, 0);
    for sabotage in &all {
        let file = scratch.join(&sabotage.file);
        let original = fs::read_to_string(&file)?;
        fs::write(
            &file,
            sabotage.applied(&original).map_err(io::Error::other)?,
        )?;
        let by = match sabotage.file.strip_prefix("infra/") {
            Some(read) => in_infra(read, &fs::read_to_string(&file)?, asked.nights)?,
            None => in_code(&scratch, sabotage, asked.nights)?,
        };
        fs::write(&file, original)?;
        match &by {
            Some(_) => noticed += 1,
            None => survived += 1,
        }
        say(&format!(
            "{:<62} {}\n",
            sabotage.name,
            by.unwrap_or_else(|| format!("SURVIVED (expected: {})", sabotage.noticed_by))
        ));
    }
    say(&format!("{noticed} noticed, {survived} survived\n"));
    Ok(survived == 0)
}

/// Copies what git knows of; files that are the same stay as they are, so that nothing is built again without need.
fn copy(project: &Path, scratch: &Path) -> io::Result<()> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(project)
        .output()?;
    for name in String::from_utf8_lossy(&listed.stdout)
        .split('\0')
        .filter(|name| !name.is_empty())
    {
        let (from, to) = (project.join(name), scratch.join(name));
        let Ok(text) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|present| present == text) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(scratch))?;
        fs::write(to, text)?;
    }
    Ok(())
}

fn cargo(scratch: &Path, arguments: &[&str]) -> io::Result<Output> {
    let quickly = BUILT_QUICKLY
        .iter()
        .flat_map(|setting| ["--config", setting]);
    Command::new("cargo")
        .args(quickly)
        .args(arguments)
        .current_dir(scratch)
        .env("CARGO_TARGET_DIR", scratch.join("target"))
        .output()
}

/// Who notices a mistake in the template or a state machine, if anybody.
fn in_infra(file: &str, text: &str, nights: u64) -> io::Result<Option<String>> {
    let written = notice::Written::with(file, text)?;
    let (template, threads) = (
        written.template(),
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    Ok(notice::refused(&template)
        .or_else(|| notice::dreaded(&template, nights, threads))
        .or_else(|| notice::rehearsed(&template)))
}

/// Who notices a mistake in code, if anybody: the compiler, the nights, the tests of its own package.
fn in_code(scratch: &Path, sabotage: &Sabotage, nights: u64) -> io::Result<Option<String>> {
    let by = if nights > 0 {
        by_nights(scratch, nights)?
    } else {
        None
    };
    match by {
        Some(by) => Ok(Some(by)),
        None => by_tests(scratch, sabotage),
    }
}

fn by_nights(scratch: &Path, nights: u64) -> io::Result<Option<String>> {
    let profile = ["--quiet", "--profile", "simulation", "-p", "simulation"];
    let built = cargo(scratch, &[&["build"], &profile[..]].concat())?;
    if !built.status.success() {
        return Ok(Some("the compiler".to_owned()));
    }
    let seeds = format!("0..{nights}");
    let played = cargo(
        scratch,
        &[
            &["run"],
            &profile[..],
            &[
                "--",
                "--seeds",
                &seeds,
                "--json",
                "--no-shrink",
                "--most-broken",
                "1",
            ],
        ]
        .concat(),
    )?;
    Ok((!played.status.success()).then(|| broken(&played)))
}

fn by_tests(scratch: &Path, sabotage: &Sabotage) -> io::Result<Option<String>> {
    let package = sabotage.file.split('/').nth(1).unwrap_or_default();
    let tested = cargo(scratch, &["test", "--quiet", "-p", package])?;
    let text = String::from_utf8_lossy(&tested.stdout).into_owned();
    let first = text
        .lines()
        .find_map(|line| line.strip_prefix("---- "))
        .and_then(|line| line.split(' ').next());
    Ok((!tested.status.success())
        .then(|| first.map_or("the compiler".to_owned(), |test| format!("test {test}"))))
}

/// The seed and the invariant of the first broken night.
fn broken(played: &Output) -> String {
    let summary: Value = serde_json::from_slice(&played.stdout).unwrap_or_default();
    let first = &summary["broken"][0];
    match first["violations"][0]["invariant"].as_str() {
        Some(invariant) => format!("{invariant}, seed {}", first["seed"]),
        None => first["panic"]
            .as_str()
            .map_or("no night can be played", |words| {
                words.lines().next().unwrap_or_default()
            })
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sabotage_still_finds_its_place() {
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let all = list();
        assert!(all.len() >= 25, "{} are too few", all.len());
        for sabotage in all {
            let text = fs::read_to_string(project.join(&sabotage.file)).unwrap();
            assert_ne!(sabotage.applied(&text).unwrap(), text, "{}", sabotage.name);
        }
    }
}
