//! Durations as people say them.

/// `45 s`, `2 min 31 s`, `45 min`, `18 h 50 min`, `5 days`. Of a negative one, its length.
#[must_use]
pub fn lasting(secs: i64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let secs = secs.unsigned_abs();
    let (whole, unit, rest, smaller) = match secs {
        0..MINUTE => return format!("{secs} s"),
        MINUTE..HOUR => (secs / MINUTE, "min", secs % MINUTE, "s"),
        HOUR..172_800 => (secs / HOUR, "h", secs % HOUR / MINUTE, "min"),
        _ => (secs / DAY, "days", secs % DAY / HOUR, "h"),
    };
    match rest {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {rest} {smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn a_duration_is_said_in_two_units_at_most() {
        for (secs, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (151, "2 min 31 s"),
            (2_700, "45 min"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (67_800, "18 h 50 min"),
            (86_400, "24 h"),
            (172_799, "47 h 59 min"),
            (172_800, "2 days"),
            (435_600, "5 days 1 h"),
            (-151, "2 min 31 s"),
            (i64::MIN, "106751991167300 days 15 h"),
        ] {
            assert_eq!(lasting(secs), said);
        }
    }
}
