//! The ledger of records against a plain model that keeps every single record.

use emulated_flink::flink::{Ledger, Sink, StartPosition, Stream};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Time passes.
    Wait(i64),
    /// The job reads so many, of which a checkpoint covers this share in percent; rightly or not.
    Process(i64, i64, bool),
    /// It restores, so far back.
    Restore(i64),
    /// It begins without state.
    Begin,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..5_000_i64).prop_map(Step::Wait),
        (0..400_i64, 0..=100_i64, any::<bool>())
            .prop_map(|(count, share, wrong)| Step::Process(count, share, wrong)),
        (0..500_i64).prop_map(Step::Restore),
        Just(Step::Begin),
    ];
    prop::collection::vec(step, 1..40)
}

/// Every record by itself: how often its effect was seen, and whether the last was wrong.
struct Plain {
    effects: std::collections::BTreeMap<i64, (u64, bool)>,
    position: i64,
    visible: i64,
    replayed: i64,
}

proptest! {
    #[test]
    fn ranges_count_like_single_records(steps in steps(), once in any::<bool>(), latest in any::<bool>()) {
        let sink = if once { Sink::ExactlyOnce } else { Sink::AtLeastOnce };
        let without_state = if latest { StartPosition::Latest } else { StartPosition::TrimHorizon };
        let mut ledger = Ledger::open(Stream { records_per_sec: 100, sink, without_state }, 0);
        let mut plain = Plain { effects: std::collections::BTreeMap::new(), position: 0, visible: 0, replayed: 0 };
        let mut now = 0;
        for step in steps {
            match step {
                Step::Wait(time) => now += time,
                Step::Process(count, share, wrong) => {
                    let to = (plain.position + count).min(ledger.produced(now)).max(plain.position);
                    let committed = plain.position + (to - plain.position) * share / 100;
                    ledger.processed(committed, to, wrong);
                    let visible = if once { committed.max(plain.visible) } else { to };
                    for record in plain.visible..visible {
                        let entry = plain.effects.entry(record).or_default();
                        *entry = (entry.0 + 1, wrong);
                    }
                    (plain.position, plain.visible) = (to, visible);
                }
                Step::Restore(back) => {
                    let to = (plain.position - back).max(0);
                    ledger.restore(to);
                    plain.replayed += plain.position - to;
                    (plain.position, plain.visible) = (to, to);
                }
                Step::Begin => {
                    let to = ledger.begin_without_state(now);
                    plain.replayed += (plain.position - to).max(0);
                    (plain.position, plain.visible) = (to, to);
                }
            }
            let counted = ledger.count(now);
            let seen = |record: i64| plain.effects.contains_key(&record) || (plain.visible..plain.position).contains(&record);
            let produced = ledger.produced(now);
            prop_assert_eq!(counted.produced, produced.unsigned_abs());
            prop_assert_eq!(counted.processed, (0..produced).filter(|record| seen(*record)).count() as u64);
            prop_assert_eq!(counted.lost, (0..plain.position).filter(|record| !seen(*record)).count() as u64);
            prop_assert_eq!(counted.replayed, plain.replayed.unsigned_abs());
            prop_assert_eq!(counted.duplicated, plain.effects.values().map(|(times, _)| times - 1).sum::<u64>());
            prop_assert_eq!(counted.wrong, plain.effects.values().filter(|(_, wrong)| *wrong).count() as u64);
            prop_assert_eq!(counted.lag, (produced - plain.position).unsigned_abs());
            prop_assert!(counted.processed + counted.lost + counted.lag >= counted.produced);
        }
    }
}

#[test]
fn a_wrong_result_becomes_right_when_it_is_replayed() {
    let mut ledger = Ledger::open(Stream::default(), 0);
    ledger.processed(100, 100, false);
    ledger.processed(300, 300, true);
    assert_eq!(ledger.count(3_000).wrong, 200);
    ledger.restore(100);
    ledger.processed(250, 250, false);
    let counted = ledger.count(3_000);
    assert_eq!(
        (counted.wrong, counted.replayed, counted.duplicated),
        (50, 200, 150)
    );
}
