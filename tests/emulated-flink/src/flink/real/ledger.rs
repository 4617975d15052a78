//! The ledger that the real job writes, a line a record that it counted: what was lost, what was read again, what was counted wrongly.
//!
//! Records of one key are counted in order, those of different keys are not: while the job runs some are between its tasks. So lost is a record that is missing although a later one of
//! its key was counted; what is merely behind is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::flink::Records;

/// Keys of the job.
const KEYS: u64 = 8;

/// What one launch of a job did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRun {
    /// The version that was launched.
    pub version: i64,
    /// The first record that it counted; none when it counted nothing.
    pub first: Option<u64>,
    /// The last one.
    pub last: Option<u64>,
    /// Different records that it counted.
    pub records: u64,
    /// Records that it counted again, after its own restarts.
    pub again: u64,
    /// Different records that it counted and an earlier launch had counted: what was replayed to it.
    pub replayed: u64,
    /// Records whose count was not what it must be when nothing was lost from the state and nothing counted twice.
    pub wrong: u64,
}

/// Reads what each launch wrote: files `<launch>-<version>-<subtask>.txt`, launches in order.
pub(super) fn runs(folder: &Path) -> std::io::Result<Vec<JobRun>> {
    Ok(read(folder)?.0)
}

/// The count over all launches, of a log that has `produced` records by now.
pub(super) fn count(folder: &Path, produced: u64) -> std::io::Result<(Records, Vec<JobRun>)> {
    let (runs, seen) = read(folder)?;
    let replayed = runs.iter().map(|run| run.again + run.replayed).sum();
    let (mut counted, mut last) = (BTreeMap::<u64, u64>::new(), BTreeMap::new());
    for record in &seen {
        *counted.entry(record % KEYS).or_default() += 1;
        last.insert(record % KEYS, *record);
    }
    let lost = last
        .iter()
        .map(|(key, last)| last / KEYS + 1 - counted[key])
        .sum();
    let processed = seen.len() as u64;
    let records = Records {
        produced: produced.max(seen.last().map_or(0, |last| last + 1)),
        processed,
        lost,
        replayed,
        // Every line is visible at once: the ledger is a sink that sees what is read again twice.
        duplicated: replayed,
        wrong: runs.iter().map(|run| run.wrong).sum(),
        lag: produced.saturating_sub(processed + lost),
    };
    Ok((records, runs))
}

fn read(folder: &Path) -> std::io::Result<(Vec<JobRun>, BTreeSet<u64>)> {
    let mut files: BTreeMap<(u32, i64), Vec<std::path::PathBuf>> = BTreeMap::new();
    if folder.exists() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if let Some(launch) = path
                .file_stem()
                .and_then(|name| launch(&name.to_string_lossy()))
            {
                files.entry(launch).or_default().push(path);
            }
        }
    }
    let (mut runs, mut before) = (Vec::new(), BTreeSet::new());
    for ((_, version), paths) in files {
        let mut run = JobRun {
            version,
            ..JobRun::default()
        };
        let mut own = BTreeSet::new();
        for path in paths {
            for (record, count) in std::fs::read_to_string(&path)?.lines().filter_map(line) {
                run.again += u64::from(!own.insert(record));
                // Each key sees every KEYS-th record, so its count follows from the record's number.
                run.wrong += u64::from(count != record / KEYS + 1);
            }
        }
        (run.first, run.last, run.records) =
            (own.first().copied(), own.last().copied(), own.len() as u64);
        run.replayed = own.intersection(&before).count() as u64;
        before.append(&mut own);
        runs.push(run);
    }
    Ok((runs, before))
}

/// `3-7-0` → launch 3, of version 7.
fn launch(name: &str) -> Option<(u32, i64)> {
    let mut parts = name.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `record key count`; a line whose end is missing was cut by a kill in the middle of its write, and was never counted.
fn line(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split(' ').map(str::parse::<u64>);
    let (record, _key, count) = (
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    );
    Some((record, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(records: impl Iterator<Item = u64>) -> String {
        records
            .map(|record| format!("{record} {} {}\n", record % KEYS, record / KEYS + 1))
            .collect()
    }

    fn ledger(name: &str, files: &[(&str, String)]) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("lifeguard-ledger-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn what_is_read_again_after_a_restart_and_after_a_restore_is_counted_apart() {
        let files = [
            ("1-6-0.txt", lines(0..100)),
            ("2-7-0.txt", lines((100..150).chain(120..160))),
            ("3-8-0.txt", lines(100..300)),
        ];
        let (records, runs) = count(&ledger("again", &files), 310).unwrap();
        assert_eq!(
            runs.iter()
                .map(|run| (run.version, run.first, run.last, run.again, run.replayed))
                .collect::<Vec<_>>(),
            [
                (6, Some(0), Some(99), 0, 0),
                (7, Some(100), Some(159), 30, 0),
                (8, Some(100), Some(299), 0, 60),
            ]
        );
        assert_eq!(
            (
                records.produced,
                records.processed,
                records.lost,
                records.replayed,
                records.wrong,
                records.lag
            ),
            (310, 300, 0, 90, 0, 10)
        );
    }

    #[test]
    fn a_gap_is_a_loss_and_a_count_that_starts_anew_is_wrong() {
        let anew = lines(0..20).replace("0 0 1\n", "100 4 1\n");
        let (records, _) = count(
            &ledger("gap", &[("1-6-0.txt", lines(0..10)), ("2-7-0.txt", anew)]),
            101,
        )
        .unwrap();
        // Of its key 4 and 12 were counted, and then 100.
        assert_eq!((records.lost, records.wrong, records.lag), (10, 1, 70));
    }

    #[test]
    fn what_is_between_the_tasks_is_behind_and_not_lost() {
        let half = lines((0..100).filter(|record| record % 2 == 0));
        let (records, _) = count(
            &ledger(
                "half",
                &[
                    ("1-6-0.txt", half),
                    ("1-6-1.txt", lines((0..60).filter(|record| record % 2 == 1))),
                ],
            ),
            110,
        )
        .unwrap();
        assert_eq!((records.lost, records.processed, records.lag), (0, 80, 30));
    }
}
