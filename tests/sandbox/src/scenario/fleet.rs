//! A snapshot check of many applications: everybody once, nobody twice, in time; taken of those that are healthy and due, of no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    region::{Region, SNAPSHOT_CHECK},
    script::{FleetEnds, World},
};

/// Of those that are due, one in so many may be left to the next check: every try to see its job was throttled.
const MAY_WAIT: usize = 50;

/// Everything that is not as it should be.
pub(super) fn complaints(world: &World, ends: &FleetEnds, region: &Region) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut expect = |what: &str, is: String, should: String| {
        if is != should {
            complaints.push(format!("{what}: {is}, and should be {should}"));
        }
    };
    let members = |list: &[String]| -> BTreeSet<String> {
        let names = world.names().into_iter();
        names
            .filter(|(name, called)| {
                list.contains(name)
                    || called.is_some_and(|called| list.iter().any(|one| one == called))
            })
            .map(|(name, _)| name)
            .collect()
    };
    let (checked, due) = (members(&ends.checked_once), members(&ends.due));
    let expected: BTreeMap<String, u32> = checked.iter().map(|name| (name.clone(), 1)).collect();
    let checks = checks(region);
    let wrong: Vec<&String> = expected
        .keys()
        .chain(checks.keys())
        .filter(|name| expected.get(*name) != checks.get(*name))
        .collect();
    expect(
        "checked not exactly once",
        format!("{wrong:?}"),
        "[]".into(),
    );
    let executions = region.executions_of(SNAPSHOT_CHECK);
    let report = executions
        .last()
        .and_then(|execution| execution.output.clone())
        .unwrap_or_default();
    let sum = |name: &str| usize::try_from(report["sums"][name].as_u64().unwrap_or(0)).unwrap_or(0);
    let all = region.flink().applications();
    expect("listed", sum("listed").to_string(), all.len().to_string());
    expect(
        "checked",
        sum("checked").to_string(),
        checked.len().to_string(),
    );
    let taken = taken(region);
    expect(
        "taken only of those that are healthy and due",
        taken.iter().all(|name| due.contains(name)).to_string(),
        "true".into(),
    );
    for (what, is) in [("taken", sum("taken")), ("READY", sum("ready"))] {
        expect(what, is.to_string(), taken.len().to_string());
    }
    // A job that could not be seen is refused and reported: the next check takes it, before the newest gets too old.
    let unseen = due.len() - taken.len().min(due.len());
    let refused = members(&ends.refused).len() + unseen;
    // One whose snapshot the service was too busy for at every try has failed, which is told just so.
    let told = sum("refused") + sum("failed");
    expect("refused or failed", told.to_string(), refused.to_string());
    expect(
        "nearly all that are due are taken at once",
        (unseen * MAY_WAIT <= due.len()).to_string(),
        "true".into(),
    );
    let first = executions.first().map(|execution| execution.started);
    let last = executions.last().and_then(|execution| execution.stopped);
    match (first, last) {
        (Some(first), Some(last)) if last.duration_since(first).unsigned_abs() < ends.within.0 => {}
        (first, last) => expect(
            "from and to",
            format!("{first:?} {last:?}"),
            format!("less than {}", ends.within),
        ),
    }
    complaints
}

/// How often each application was checked, as the keeper's metrics tell.
fn checks(region: &Region) -> BTreeMap<String, u32> {
    let mut checks = BTreeMap::<String, u32>::new();
    let lines = region.journal().log_lines();
    for line in lines
        .iter()
        .filter(|line| line.contains("\"SnapshotQuotaUsed\":"))
    {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let name = line["application"].as_str().unwrap_or_default();
        *checks.entry(name.to_owned()).or_default() += 1;
    }
    checks
}

/// The applications of which Lifeguard took a snapshot, each once.
fn taken(region: &Region) -> Vec<String> {
    let calls = region.journal().calls();
    let taken = calls
        .iter()
        .filter(|call| call.action.starts_with("Create") && call.action.ends_with("Snapshot"))
        .filter(|call| call.changed);
    taken
        .map(|call| crate::place::name_of(call.resource.as_deref().unwrap_or_default()).to_owned())
        .collect()
}
