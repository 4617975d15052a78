//! Times as people say them: `02:50:36 UTC`, `27 Feb 02:50:36 UTC`; and sentences rid of those that machines write.

use jiff::{Timestamp, tz::TimeZone};

use crate::lasting;

/// From here on minutes are said in hours or days.
const MANY_MINUTES: i64 = 120;

/// A time in UTC, to the second, with the date where it is not today.
#[must_use]
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_zoned(TimeZone::UTC), now.to_zoned(TimeZone::UTC));
    let form = if at.date() == now.date() {
        "%H:%M:%S"
    } else if at.year() == now.year() {
        "%-d %b %H:%M:%S"
    } else {
        "%-d %b %Y %H:%M:%S"
    };
    at.strftime(form).to_string()
}

/// The same, and that it is UTC.
#[must_use]
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} UTC", clock(at, now))
}

/// A sentence with the times and the seconds in it as people say them: `since 2026-03-04T02:54:40Z` becomes `since 02:54:40 UTC`, `2700 s` becomes `45 min`.
#[must_use]
pub fn in_plain_words(sentence: &str, now: Timestamp) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in sentence.split(' ') {
        let seconds = words.last().and_then(|before| counted(before));
        let (core, after) = split_end(word);
        match seconds {
            Some((opening, secs)) if core == "s" => {
                let said = format!("{opening}{}{after}", lasting(secs));
                words.pop();
                words.push(said);
            }
            Some((opening, minutes)) if core == "min" && minutes >= MANY_MINUTES => {
                let said = format!("{opening}{}{after}", lasting(minutes.saturating_mul(60)));
                words.pop();
                words.push(said);
            }
            _ => words.push(timed(word, now)),
        }
    }
    words.join(" ")
}

/// What stands before the number, and the number.
fn counted(word: &str) -> Option<(&str, i64)> {
    let number = word.trim_start_matches('(');
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let opening = &word[..word.len() - number.len()];
    Some((opening, number.parse().ok().filter(|_| is_number)?))
}

/// A word and the punctuation after it.
fn split_end(word: &str) -> (&str, &str) {
    let core = word.trim_end_matches([',', ';', '.', ':', ')']);
    (core, &word[core.len()..])
}

fn timed(word: &str, now: Timestamp) -> String {
    let (core, after) = split_end(word);
    let bare = core.trim_start_matches('(');
    let opening = &core[..core.len() - bare.len()];
    let is_time = bare.len() >= "2026-03-04T02:54Z".len() && bare.ends_with('Z');
    match bare.parse::<Timestamp>() {
        Ok(at) if is_time => format!("{opening}{}{after}", moment(at, now)),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a date")
    }

    #[test]
    fn the_date_stands_where_it_is_not_today() {
        let now = at("2026-03-04T02:59:47Z");
        for (when, said) in [
            ("2026-03-04T02:50:36.251Z", "02:50:36 UTC"),
            ("2026-03-03T23:59:59Z", "3 Mar 23:59:59 UTC"),
            ("2025-12-31T08:00:00Z", "31 Dec 2025 08:00:00 UTC"),
        ] {
            assert_eq!(moment(at(when), now), said);
        }
    }

    #[test]
    fn sentences_lose_their_machine_times() {
        let now = at("2026-03-04T02:59:47Z");
        for (written, said) in [
            (
                "undisturbed since 2026-03-04T02:54:40Z, checkpoints complete",
                "undisturbed since 02:54:40 UTC, checkpoints complete",
            ),
            (
                "UPDATING for 2700 s, longer than the 2400 s allowed",
                "UPDATING for 45 min, longer than the 40 min allowed",
            ),
            (
                "it began (2026-03-03T02:50:36.251Z); waiting, 10 s of 2700 s",
                "it began (3 Mar 02:50:36 UTC); waiting, 10 s of 45 min",
            ),
            (
                "it had run well for 7202 min before, and 45 min after 2 min 31 s",
                "it had run well for 5 days before, and 45 min after 2 min 31 s",
            ),
            ("cannot parse '12 s' as INT", "cannot parse '12 s' as INT"),
            ("version 3 s", "version 3 s"),
            ("(100 s)", "(1 min 40 s)"),
            ("", ""),
        ] {
            assert_eq!(in_plain_words(written, now), said);
        }
    }

    proptest! {
        #[test]
        fn sentences_without_times_stay(sentence in "[a-z0-9 .,:;()TZ-]{0,80}") {
            let now = at("2026-03-04T02:59:47Z");
            let said = in_plain_words(&sentence, now);
            let is_unit = |word| matches!(split_end(word).0, "s" | "min");
            prop_assume!(!sentence.split(' ').any(is_unit));
            prop_assert_eq!(said, sentence);
        }

        #[test]
        fn any_sentence_is_taken(sentence in ".{0,200}") {
            let said = in_plain_words(&sentence, at("2026-03-04T02:59:47Z"));
            prop_assert_eq!(said.is_empty(), sentence.is_empty());
        }
    }
}
