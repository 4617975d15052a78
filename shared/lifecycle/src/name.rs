//! The name of an application, and what is odd about a text that should be one.

use std::fmt;

/// Longest name that an application can have.
const LONGEST: usize = 128;

/// What is odd about a text that should be an application's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OddName {
    /// There is nothing.
    Empty,
    /// An ARN; with the name in it, where it is an application's.
    Arn(Option<String>),
    /// A blank, a tab or a line break before the name.
    BlankBefore,
    /// The same behind it.
    BlankAfter,
    /// A character that no name has.
    Character(char),
    /// So many characters.
    TooLong(usize),
}

impl fmt::Display for OddName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::Arn(Some(name)) => write!(f, "it is an ARN: write the name, {name}"),
            Self::Arn(None) => write!(f, "it is an ARN: write the name of the application"),
            Self::BlankBefore => write!(f, "it begins with a blank"),
            Self::BlankAfter => write!(f, "it ends with a blank"),
            Self::Character(odd) => {
                write!(
                    f,
                    "it has the character {odd:?}: a name has letters, digits, _ . and -"
                )
            }
            Self::TooLong(chars) => {
                write!(f, "it has {chars} characters: a name has {LONGEST} at most")
            }
        }
    }
}

/// Checks a name by the service's own rule: 1 to 128 letters, digits, `_`, `.` or `-`.
///
/// # Errors
/// With what is odd about it.
pub fn check_application_name(name: &str) -> Result<(), OddName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let trimmed = name.trim();
    if trimmed.is_empty() {
        return Err(OddName::Empty);
    }
    if trimmed.starts_with("arn:") {
        let named = trimmed
            .split_once(":application/")
            .map(|(_, name)| name.to_owned());
        return Err(OddName::Arn(
            named.filter(|name| check_application_name(name).is_ok()),
        ));
    }
    if name.starts_with(char::is_whitespace) {
        return Err(OddName::BlankBefore);
    }
    if name.ends_with(char::is_whitespace) {
        return Err(OddName::BlankAfter);
    }
    if let Some(odd) = name.chars().find(|c| !allowed(*c)) {
        return Err(OddName::Character(odd));
    }
    if name.len() > LONGEST {
        return Err(OddName::TooLong(name.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_service_allows() {
        for name in ["orders", "Orders_2.v1-eu", "-", &"x".repeat(LONGEST)] {
            assert_eq!(check_application_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_odd_is_said_and_what_to_write_where_that_is_known() {
        let arn = "arn:aws:kinesisanalytics:eu-central-1:111122223333:application/orders";
        for (name, said) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("orders ", "it ends with a blank"),
            ("orders\n", "it ends with a blank"),
            ("orders\u{a0}", "it ends with a blank"),
            ("\torders", "it begins with a blank"),
            (arn, "it is an ARN: write the name, orders"),
            (&format!(" {arn}"), "it is an ARN: write the name, orders"),
            (
                "arn:aws-cn:kinesisanalytics:cn-north-1:1:application/or.ders",
                "it is an ARN: write the name, or.ders",
            ),
            (
                "arn:aws:s3:::orders",
                "it is an ARN: write the name of the application",
            ),
            (
                "arn:aws:kinesisanalytics:eu-central-1:1:application/or ders",
                "it is an ARN: write the name of the application",
            ),
            (
                "or ders",
                "it has the character ' ': a name has letters, digits, _ . and -",
            ),
            (
                "\"orders\"",
                "it has the character '\"': a name has letters, digits, _ . and -",
            ),
            (
                "ord\u{200b}ers",
                "it has the character '\\u{200b}': a name has letters, digits, _ . and -",
            ),
            (
                &"x".repeat(129),
                "it has 129 characters: a name has 128 at most",
            ),
        ] {
            let odd = check_application_name(name).unwrap_err();
            assert_eq!(odd.to_string(), said, "{name:?}");
        }
    }
}
