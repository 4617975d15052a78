//! The line that people read first. SNS takes up to 99 printable ASCII characters, the first of them no blank, and refuses the whole message otherwise.
//!
//! Invariant: whatever goes in, what comes out is a subject that SNS takes, and the news is cut only where it alone is too long: the name gives way first.

/// The most characters that a subject may have.
pub const SUBJECT_CHARS: usize = 99;
/// So much of a name stays, however long the news is.
const NAME_KEPT: usize = 24;
/// So much of a name's end stays: names of one family differ there.
const END_KEPT: usize = 8;
/// Stands where a name was cut.
const CUT: &str = "..";

/// A subject about the application of this name.
#[must_use]
pub fn subject(before: &str, name: &str, news: &str) -> String {
    let (before, name, news) = (printable(before), printable(name), printable(news));
    let room = SUBJECT_CHARS.saturating_sub(before.len() + news.len());
    let name = shortened(&name, room.max(NAME_KEPT));
    let line = format!("{before}{name}{news}");
    let line = line.trim();
    let cut: String = line.chars().take(SUBJECT_CHARS).collect();
    if cut.is_empty() {
        return "(nothing to say)".to_owned();
    }
    cut
}

/// The name in at most so many characters: its beginning and its end.
fn shortened(name: &str, room: usize) -> String {
    if name.len() <= room {
        return name.to_owned();
    }
    let begin = room.saturating_sub(END_KEPT + CUT.len());
    format!("{}{CUT}{}", &name[..begin], &name[name.len() - END_KEPT..])
}

/// ASCII only, and nothing that does not print.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii_graphic() => c,
            c if c.is_whitespace() => ' ',
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_taken(subject: &str) -> bool {
        (1..=SUBJECT_CHARS).contains(&subject.len())
            && subject.bytes().all(|b| (0x20..0x7f).contains(&b))
            && !subject.starts_with(' ')
    }

    #[test]
    fn short_names_stay_and_long_ones_give_way() {
        assert_eq!(
            subject("", "orders", " needs a person: no lease"),
            "orders needs a person: no lease"
        );
        let long = format!("{}-prod", "a".repeat(123));
        let said = subject(
            "[ACTION NEEDED] ",
            &long,
            " fails, and no change is to blame",
        );
        assert!(said.starts_with("[ACTION NEEDED] aaa"), "{said}");
        assert!(
            said.ends_with("..aaa-prod fails, and no change is to blame"),
            "{said}"
        );
        assert_eq!(said.len(), SUBJECT_CHARS);
    }

    #[test]
    fn what_does_not_print_is_replaced() {
        assert_eq!(subject("", "örders", " a\nb\u{7}\t✓"), "?rders a b? ?");
        assert_eq!(subject(" \n", "", " "), "(nothing to say)");
    }

    proptest! {
        #[test]
        fn sns_takes_every_subject(before in ".{0,30}", name in ".{0,200}", news in ".{0,300}") {
            let said = subject(&before, &name, &news);
            prop_assert!(is_taken(&said), "{said:?}");
        }

        #[test]
        fn the_news_is_whole_beside_any_name(name in "[a-zA-Z0-9_.-]{1,128}", news in "[a-z ]{0,40}[a-z]") {
            let said = subject("[ACTION NEEDED] ", &name, &format!(" {news}"));
            prop_assert!(said.ends_with(&news), "{said:?}");
            prop_assert!(said.contains(&name[..name.len().min(14)]), "{said:?}");
        }
    }
}
