//! The shapes that are typed by hand name only members of the service's public model. `api-model.json` is an excerpt of it, which the engine `api-model` holds against the model.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const SHAPES: &str = include_str!("../src/enhanced/shapes.rs");

/// A field: its member's name, its type, and whether it may be missing.
#[derive(Debug)]
struct Field {
    member: String,
    shape: String,
    is_optional: bool,
}

fn model() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("api-model.json")).unwrap()
}

/// `snapshot_name` → `SnapshotName`, as serde does.
fn pascal(name: &str) -> String {
    name.split('_')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

/// Each struct of the source, by its name.
fn structs(source: &str) -> BTreeMap<String, Vec<Field>> {
    let mut found = BTreeMap::<String, Vec<Field>>::new();
    let mut within = String::new();
    for line in source.lines().map(str::trim) {
        let Some(line) = line.strip_prefix("pub(super) ") else {
            continue;
        };
        if let Some(name) = line.strip_prefix("struct ") {
            within = name
                .split(|letter: char| !letter.is_alphanumeric())
                .next()
                .unwrap()
                .to_owned();
            found.entry(within.clone()).or_default();
        } else if let Some((name, shape)) = line.trim_end_matches(',').split_once(": ") {
            let inner = |of: &str| {
                let inner = shape.strip_prefix(of)?.strip_suffix('>')?;
                Some(inner.to_owned())
            };
            let optional = inner("Option<");
            let shape = inner("Vec<").or_else(|| optional.clone());
            let shape = shape.unwrap_or_else(|| line.split_once(": ").unwrap().1.to_owned());
            let field = Field {
                member: pascal(name),
                shape: shape
                    .split('<')
                    .next()
                    .unwrap()
                    .trim_end_matches(',')
                    .to_owned(),
                is_optional: optional.is_some() || line.contains(": Vec<"),
            };
            found.get_mut(&within).unwrap().push(field);
        }
    }
    found
}

/// The paths below a struct, and whether each may be missing.
fn paths(
    structs: &BTreeMap<String, Vec<Field>>,
    of: &str,
    prefix: &str,
    into: &mut BTreeMap<String, bool>,
) {
    for field in structs.get(of).into_iter().flatten() {
        let path = format!("{prefix}{}", field.member);
        paths(structs, &field.shape, &format!("{path}."), into);
        into.insert(path, field.is_optional);
    }
}

/// What of a source does not fit the model.
fn misfits(source: &str) -> Vec<String> {
    let structs = structs(source);
    let mut misfits = Vec::new();
    let mut typed = BTreeSet::new();
    for (verb, sides) in model() {
        for (side, suffix) in [("input", "Input"), ("output", "Output")] {
            let name = format!("{verb}{suffix}");
            // An answer of which nothing is read has no shape of its own.
            if side == "output" && !structs.contains_key(&name) {
                continue;
            }
            typed.insert(name.clone());
            let members: BTreeMap<String, bool> =
                serde_json::from_value(sides[side].clone()).unwrap();
            let mut ours = BTreeMap::new();
            paths(&structs, &name, "", &mut ours);
            for (path, is_optional) in &ours {
                match members.get(path) {
                    None => misfits.push(format!("{name}: the model has no {path}")),
                    Some(false) if side == "output" && !is_optional => {
                        misfits.push(format!("{name}: {path} may be missing"));
                    }
                    Some(_) => {}
                }
            }
            let top = |path: &&String| side == "input" && !path.contains('.');
            for path in members.keys().filter(top) {
                if members[path] && !ours.contains_key(path) {
                    misfits.push(format!("{name}: {path} must be sent"));
                }
            }
        }
    }
    let verbs = structs
        .keys()
        .filter(|name| name.ends_with("Input") || name.ends_with("Output"));
    misfits.extend(
        verbs
            .filter(|name| !typed.contains(*name))
            .map(|name| format!("{name} is of no verb of the excerpt")),
    );
    misfits
}

#[test]
fn what_is_typed_by_hand_is_in_the_model() {
    assert_eq!(misfits(SHAPES), Vec::<String>::new());
    assert!(structs(SHAPES).len() >= 18);
}

#[test]
fn a_member_that_the_model_does_not_have_is_found() {
    for (right, wrong, found) in [
        (
            "snapshot_initiator: String",
            "snapshot_origin: String",
            "the model has no SnapshotInfoList.SnapshotOrigin",
        ),
        (
            "key_id: Option<String>",
            "key_arn: Option<String>",
            "KeyArn",
        ),
        (
            "next_token: Option<String>,\n}",
            "next_token: String,\n}",
            "NextToken may be missing",
        ),
        (
            "pub(super) snapshot_creation_timestamp: &'a Number,",
            "",
            "SnapshotCreationTimestamp must be sent",
        ),
        (
            "struct ListSnapshotsInput",
            "struct ListSnapshotInput",
            "ListSnapshotInput is of no verb",
        ),
    ] {
        assert!(SHAPES.contains(right), "{right}");
        let misfits = misfits(&SHAPES.replace(right, wrong));
        assert!(
            misfits.iter().any(|misfit| misfit.contains(found)),
            "{found}: {misfits:?}"
        );
    }
}
