//! Text from outside, made fit to be repeated in an error or an execution's input.

/// Cuts `text` to at most `limit` characters, and says so with an ellipsis.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    text.chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Longest piece of foreign text in one error message: enough to recognise an ARN's or a namespace's end, too short to flood a log.
const SEEN_CHARS: usize = 100;

/// `text` for an error message: quoted, bounded, control characters escaped.
pub(crate) fn seen(text: &str) -> String {
    format!("{:?}", bounded(text, SEEN_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays_as_it_is_and_long_text_is_cut_by_characters_not_bytes() {
        assert_eq!(bounded("größer", 6), "größer");
        assert_eq!(bounded("größer", 5), "größ…");
        assert_eq!(bounded("", 5), "");
        assert_eq!(bounded("größer", 0), "…");
    }

    #[test]
    fn what_was_seen_cannot_break_a_log_line() {
        assert_eq!(seen("a\n\"b\""), r#""a\n\"b\"""#);
        assert!(seen(&"x".repeat(1_000_000)).len() < 110);
    }
}
