//! Texts that other people's code wrote (exceptions, failure texts) are shortened and cleaned before they enter an observation.
//!
//! Invariant (S10): no application environment property value, no presigned URL, no token, nothing that looks like a credential.

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";
/// Property values shorter than this are left: replacing every `true` or `10` would only blacken the text.
const SHORTEST_SECRET: usize = 5;
/// A longer name of a property is not shown.
const NAME_SHOWN: usize = 80;
/// A word of that many characters, letters and digits mixed, looks like a key.
const KEY_LENGTH: usize = 32;
/// Names whose value is never shown.
const NAMES: [&str; 13] = [
    "authtoken",
    "token",
    "password",
    "passwd",
    "pwd",
    "secret",
    "credential",
    "signature",
    "apikey",
    "api_key",
    "access_key",
    "accesskey",
    "authorization",
];

/// An environment property of an application. Its value may be a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property {
    /// The key.
    pub name: String,
    /// What is never shown.
    pub value: String,
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Property")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Cuts `text` to `limit` characters, puts the name of a property where its value stands, takes out URLs' queries and credentials, and whatever looks like a key.
#[must_use]
pub fn redact(text: &str, properties: &[Property], limit: usize) -> String {
    // The secrets first, before any cut: half a secret is still one.
    let text = without_values(text, properties);
    let mut out = String::new();
    let mut hide_next = false;
    let mut after_name = false;
    for piece in text.split_inclusive([
        ' ', '\n', '\t', ',', ';', '"', '\'', '(', ')', '{', '}', '&', '<', '>',
    ]) {
        let (word, end) = match piece.char_indices().next_back() {
            Some((at, last)) if " \n\t,;\"'(){}&<>".contains(last) => piece.split_at(at),
            _ => (piece, ""),
        };
        if word.is_empty() {
            out.push_str(end);
            continue;
        }
        if hide_next {
            // `Authorization: Bearer abc`: the scheme is no secret, the word after it is.
            hide_next = is_scheme(word) || matches!(word, "=" | ":");
            out.push_str(if hide_next { word } else { REDACTED });
        } else if after_name && matches!(word, "=" | ":") {
            hide_next = true;
            out.push_str(word);
        } else {
            let (clean, open) = redact_word(word);
            out.push_str(&clean);
            hide_next = open;
        }
        after_name = is_secret_name(word);
        out.push_str(end);
    }
    shorten(&out, limit)
}

/// The text with names in place of values: in one pass, so that no name is taken for a value, and the longest first, so that no rest of one stays.
fn without_values(text: &str, properties: &[Property]) -> String {
    let mut secrets: Vec<&Property> = properties
        .iter()
        .filter(|property| property.value.len() >= SHORTEST_SECRET)
        .collect();
    secrets.sort_by_key(|property| (std::cmp::Reverse(property.value.len()), *property));
    let mut pieces = vec![Piece::Text(text)];
    for secret in &secrets {
        pieces = pieces
            .into_iter()
            .flat_map(|piece| piece.without(secret))
            .collect();
    }
    let shown = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Value(property) => placeholder(property, &secrets),
    };
    pieces.into_iter().map(shown).collect()
}

/// A text in the course of being cleaned.
enum Piece<'a> {
    Text(&'a str),
    /// Here the value of a property stood.
    Value(&'a Property),
}

impl<'a> Piece<'a> {
    fn without(self, secret: &'a Property) -> Vec<Self> {
        let Self::Text(text) = self else {
            return vec![self];
        };
        let mut pieces = Vec::new();
        for (nth, part) in text.split(secret.value.as_str()).enumerate() {
            if nth > 0 {
                pieces.push(Self::Value(secret));
            }
            pieces.push(Self::Text(part));
        }
        pieces
    }
}

/// What stands where the value stood: the property's name, unless that says another one's value, or is no name to put between words.
fn placeholder(property: &Property, secrets: &[&Property]) -> String {
    let name = property.name.as_str();
    let is_plain = name.len() <= NAME_SHOWN
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let tells = secrets
        .iter()
        .any(|secret| name.contains(secret.value.as_str()));
    if is_plain && !name.is_empty() && !tells {
        format!("[{name}]")
    } else {
        REDACTED.to_owned()
    }
}

/// Cuts at a character boundary and says so.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// One word without its secret, and whether it announces that the next word is one.
fn redact_word(word: &str) -> (String, bool) {
    // A URL whose first parameter is a secret is a URL all the same: what stands before that parameter may hold a password too.
    if let Some((name, value)) = word
        .split_once('=')
        .filter(|(name, _)| !name.contains("://") && is_secret_name(name))
    {
        return if value.is_empty() || is_scheme(value) {
            (word.to_owned(), true)
        } else {
            (format!("{name}={REDACTED}"), false)
        };
    }
    if let Some((scheme, rest)) = word.split_once("://") {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let cut = if word.contains('?') || word.contains('@') {
            REDACTED
        } else {
            ""
        };
        return (format!("{scheme}://{rest}{cut}"), false);
    }
    if let Some((name, value)) = word
        .split_once(':')
        .filter(|(name, _)| is_secret_name(name))
    {
        return if value.is_empty() || is_scheme(value) {
            (word.to_owned(), true)
        } else {
            (format!("{name}:{REDACTED}"), false)
        };
    }
    if looks_like_key(word) {
        (REDACTED.to_owned(), false)
    } else {
        (word.to_owned(), false)
    }
}

/// A scheme of `Authorization` is no secret, the word after it is.
fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES.iter().any(|secret| name.ends_with(secret))
}

/// AWS access key ids, JSON web tokens, and long words of letters and digits mixed (a Java class name has dots and no digits to speak of, a Flink id is hexadecimal).
fn looks_like_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '=');
    let is_key_id = word.len() == 20 && (word.starts_with("AKIA") || word.starts_with("ASIA"));
    let is_token = word.starts_with("eyJ") && word.len() > 20;
    let plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c));
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let hexadecimal = word.chars().all(|c| c.is_ascii_hexdigit());
    let mixed = word.chars().any(|c| c.is_ascii_uppercase())
        && word.chars().any(|c| c.is_ascii_lowercase());
    is_key_id
        || is_token
        || (word.len() >= KEY_LENGTH && plain && digits >= 1 && mixed && !hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_taken_out() {
        for (text, hidden) in [
            ("cannot log in: password=hunter2hunter2", "hunter2hunter2"),
            ("Authorization: Bearer abc.def.ghi", "abc.def.ghi"),
            (
                "jdbc:postgresql://me:pass1word@db/orders failed",
                "pass1word",
            ),
            (
                "GET https://x.amazonaws.com/flinkdashboard?authToken=abc123",
                "abc123",
            ),
            ("key AKIAIOSFODNN7EXAMPLE refused", "AKIAIOSFODNN7EXAMPLE"),
            ("{\"secret\":\"s3cr3tvalue\"}", "s3cr3tvalue"),
            (
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1 leaked",
                "bPxRfiCYEXAMPLEKEY1",
            ),
            ("token = abcdef", "abcdef"),
        ] {
            let clean = redact(text, &[], 500);
            assert!(!clean.contains(hidden), "{text} -> {clean}");
        }
    }

    #[test]
    fn property_values_are_taken_out_wherever_they_stand() {
        let property = |name: &str, value: &str| Property {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let secrets = [
            property("db.password", "orders-db-password"),
            property("flag", "no"),
            property("topic", "orders"),
            property("of orders", "unspeakable"),
            property("orders.url", "somewhere"),
        ];
        let clean = |text: &str| redact(text, &secrets, 500);
        assert_eq!(
            clean("no way: >orders-db-password<"),
            "no way: >[db.password]<"
        );
        assert_eq!(clean("orders of orders"), "[topic] of [topic]");
        // A name with blanks, and one that says another's value.
        assert_eq!(
            clean("unspeakable somewhere"),
            format!("{REDACTED} {REDACTED}")
        );
    }

    #[test]
    fn ordinary_exceptions_stay_readable() {
        for text in [
            "java.lang.IllegalArgumentException: poison record 145: cannot parse 'abc' as INT",
            "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy",
            "Cannot map checkpoint/savepoint state for operator 8ad0a339064fd18ef5b9c94282a00e10 to the new program",
        ] {
            assert_eq!(redact(text, &[], 500), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(redact("ääää", &[], 2), "ää…");
    }
}
