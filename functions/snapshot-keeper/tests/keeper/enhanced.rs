//! Enhanced snapshots: taken with tags, owned by tags, deleted by their exact creation time, and never the service's or anybody else's.

use super::*;

/// When the application was made.
pub(super) const MADE: f64 = 1_780_000_000.5;

/// The snapshots of the account.
pub(super) struct Store {
    pub(super) mode: &'static str,
    /// By name.
    snapshots: BTreeMap<String, One>,
}

#[derive(Clone)]
struct One {
    created: f64,
    status: &'static str,
    initiator: &'static str,
    source: (&'static str, f64),
    version: u64,
    tags: Value,
}

impl One {
    fn of(age_secs: i64) -> Self {
        Self {
            created: f64::from(u32::try_from(NOW_SECS - age_secs).unwrap()) + 0.123,
            status: "READY",
            initiator: "USER",
            source: ("orders", MADE),
            version: 7,
            tags: json!([]),
        }
    }

    fn ours(age_secs: i64) -> Self {
        Self {
            tags: tags("lifeguard"),
            ..Self::of(age_secs)
        }
    }
}

fn tags(stack: &str) -> Value {
    json!([{ "Key": "flink-lifeguard:taken-by", "Value": stack }, { "Key": "flink-lifeguard:verified-version", "Value": "7" }])
}

impl Store {
    fn info(&self, name: &str) -> Option<Value> {
        let one = self.snapshots.get(name)?;
        Some(json!({
            "SnapshotName": name, "SnapshotArn": format!("arn:snapshot/{name}"), "SnapshotStatus": one.status,
            "SnapshotCreationTimestamp": one.created, "SnapshotInitiator": one.initiator, "RuntimeEnvironment": "FLINK-1_20",
            "SourceApplicationName": one.source.0,
            "SnapshotSourceDescription": { "SourceApplicationDescription": {
                "ApplicationName": one.source.0, "ApplicationCreationTimestamp": one.source.1, "ApplicationVersionId": one.version } },
        }))
    }

    pub(super) fn answer(&mut self, call: &Call) -> Option<Wire> {
        let named = call.body["SnapshotName"].as_str().unwrap_or_default();
        let missing = || {
            Wire::error(
                400,
                "ResourceNotFoundException",
                "there is no such snapshot",
            )
        };
        Some(match call.verb.as_str() {
            "ListSnapshots" => {
                let of = call.body["SourceApplicationName"].as_str().unwrap();
                let all = self.snapshots.iter().filter(|(_, one)| one.source.0 == of);
                let all: Vec<Value> = all.filter_map(|(name, _)| self.info(name)).collect();
                Wire::json(200, &json!({ "SnapshotInfoList": all }))
            }
            "DescribeSnapshot" => match self.info(named) {
                Some(info) => Wire::json(200, &json!({ "SnapshotInfoDetails": info })),
                None => missing(),
            },
            "ListTagsForResource" => {
                let arn = call.body["ResourceARN"].as_str().unwrap();
                let name = arn.strip_prefix("arn:snapshot/")?;
                match self.snapshots.get(name) {
                    Some(one) => Wire::json(200, &json!({ "Tags": one.tags })),
                    None => missing(),
                }
            }
            "CreateSnapshot" if self.snapshots.contains_key(named) => {
                Wire::error(400, "ResourceInUseException", "the name is in use")
            }
            "CreateSnapshot" => {
                let one = One {
                    status: "CREATING",
                    tags: call.body["Tags"].clone(),
                    ..One::of(0)
                };
                self.snapshots.insert(named.to_owned(), one);
                Wire::json(200, &json!({ "SnapshotStatus": "CREATING" }))
            }
            "DeleteSnapshot" => match self.snapshots.get_mut(named) {
                Some(one) if call.body["SnapshotCreationTimestamp"] == one.created => {
                    one.status = "DELETING";
                    Wire::json(200, &json!({ "SnapshotStatus": "DELETING" }))
                }
                _ => Wire::error(400, "InvalidArgumentException", "another creation time"),
            },
            verb if verb.contains("ApplicationSnapshot") && self.mode == "ENHANCED_SNAPSHOTS" => {
                panic!("{verb} of an application with enhanced snapshots")
            }
            _ => return None,
        })
    }
}

/// An application with enhanced snapshots: one that is due to be followed by another, and twenty that Lifeguard took, a day apart.
fn crowded() -> Service {
    let service = Service::with_newest(6 * HOUR);
    let mut snapshots = BTreeMap::from([("newest".to_owned(), One::of(6 * HOUR))]);
    for day in 1..=20_i64 {
        snapshots.insert(format!("ours-{day}"), One::ours(day * 24 * HOUR + 100));
    }
    service.set(|world| {
        world.enhanced = Some(Store {
            mode: "ENHANCED_SNAPSHOTS",
            snapshots,
        });
    });
    service
}

fn store(service: &Service, change: impl FnOnce(&mut Store)) {
    service.set(|world| change(world.enhanced.as_mut().unwrap()));
}

fn created(service: &Service) -> Value {
    service.double.bodies("CreateSnapshot")[0].clone()
}

#[tokio::test]
async fn one_is_taken_with_the_tags_by_which_it_is_ours_and_the_old_ones_of_ours_go() {
    let service = crowded();
    let row = service.run(act(&look(|_| {}))).await.unwrap();
    assert_eq!(row["did"], "taken", "{row}");
    let sent = created(&service);
    assert_eq!(sent["Tags"], tags("lifeguard"));
    let name = sent["SnapshotName"].as_str().unwrap();
    assert!(
        name.starts_with("lg-orders-") && name.ends_with("-7-20261122T1100Z"),
        "{name}"
    );
    assert_eq!(
        (&row["snapshotName"], &sent["ApplicationName"]),
        (&json!(name), &json!("orders"))
    );
    let deleted = service.double.bodies("DeleteSnapshot");
    assert!(
        !deleted.is_empty() && row["deleted"] == deleted.len(),
        "{row}"
    );
    for body in &deleted {
        assert!(
            body["SnapshotName"].as_str().unwrap().starts_with("ours-"),
            "{body}"
        );
    }
    // The same step again finds what it asked for.
    let row = service.run(act(&look(|_| {}))).await.unwrap();
    assert_eq!(
        (&row["did"], service.sent("CreateSnapshot")),
        (&json!("taken"), 1)
    );
}

#[tokio::test]
async fn what_the_service_another_stack_somebody_or_another_life_made_is_never_deleted() {
    type Change = fn(&mut One);
    let changes: [(&str, Change); 4] = [
        ("by the service", |one| {
            (one.initiator, one.tags) = ("SYSTEM", json!([]))
        }),
        ("another stack's", |one| one.tags = tags("other")),
        ("somebody's", |one| one.tags = json!([])),
        ("an earlier life's", |one| one.source.1 = MADE - 9_000.0),
    ];
    for (whose, change) in changes {
        let service = crowded();
        service.set(|world| {
            world
                .tags
                .insert("lifeguard:snapshot-prune".into(), "service-made-too".into());
        });
        store(&service, |store| {
            store.snapshots.values_mut().for_each(change)
        });
        let row = service.run(act(&look(|_| {}))).await.unwrap();
        assert_eq!(service.sent("DeleteSnapshot"), 0, "{whose}: {row}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_a_name_that_somebody_else_holds_is_not_ours() {
    let lost = crowded();
    lost.fault("CreateSnapshot", Fault::LoseAnswer);
    let row = lost.run(act(&look(|_| {}))).await.unwrap();
    assert_eq!(
        (&row["did"], lost.sent("CreateSnapshot")),
        (&json!("taken"), 1)
    );
    let cut = crowded();
    cut.fault("CreateSnapshot", Fault::Cut);
    let failure = cut.run(act(&look(|_| {}))).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Retryable);
    // The service takes a name once in an account: whoever has it is asked for by its tags.
    let name = created(&lost)["SnapshotName"].as_str().unwrap().to_owned();
    let taken = crowded();
    store(&taken, |store| {
        let other = One {
            source: ("payments", MADE),
            ..One::of(60)
        };
        store.snapshots.insert(name, other);
    });
    let row = taken.run(act(&look(|_| {}))).await.unwrap();
    assert_eq!(row["did"], "refused", "{row}");
    assert!(
        row["why"].as_str().unwrap().contains("ResourceInUse"),
        "{row}"
    );
}

#[tokio::test]
async fn what_cannot_be_described_or_has_no_known_mode_is_not_acted_on() {
    for verb in ["ListSnapshots", "DescribeSnapshot"] {
        let service = crowded();
        service.fault(
            verb,
            Fault::Refuse("AccessDeniedException", "not you".into()),
        );
        let failure = service.run(act(&look(|_| {}))).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed, "{verb}");
        assert!(service.changes().is_empty());
    }
    let service = crowded();
    store(&service, |store| store.mode = "NEW");
    let failure = service.run(act(&look(|_| {}))).await.unwrap_err();
    assert!(
        failure.message.contains("NEW") && service.changes().is_empty(),
        "{failure:?}"
    );
}

#[tokio::test]
async fn what_was_asked_for_is_followed_by_its_own_verb_and_its_version_by_its_tag() {
    let service = crowded();
    let of_another_version = One {
        version: 8,
        ..One::ours(50)
    };
    store(&service, |store| {
        for (name, one) in [
            ("lg-ready", One::ours(60)),
            ("lg-other", of_another_version),
            (
                "lg-creating",
                One {
                    status: "CREATING",
                    ..One::ours(40)
                },
            ),
            (
                "lg-failed",
                One {
                    status: "FAILED",
                    ..One::ours(30)
                },
            ),
        ] {
            store.snapshots.insert(name.into(), one);
        }
    });
    let pending: Vec<Value> = [
        "lg-ready",
        "lg-other",
        "lg-creating",
        "lg-failed",
        "lg-gone",
    ]
    .map(|name| json!({ "applicationName": "orders", "snapshotName": name }))
    .into();
    let followed = service
        .run(json!({ "step": "follow", "pending": pending }))
        .await
        .unwrap();
    assert_eq!(
        (&followed["ready"], &followed["pending"]),
        (&json!(1), &json!([pending[2]]))
    );
    let why = followed["failed"].to_string();
    for part in [
        "lg-other is of version 8, and version 7 was verified",
        "lg-failed FAILED",
        "lg-gone is gone",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
}
