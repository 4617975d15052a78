//! What an execution of the state machine is called. Who starts one for the same reason gives it the same name: Step Functions then says that the name is taken, for 90 days, and nothing is started twice.

use jiff::Timestamp;

/// Longest name that Step Functions allows.
pub const EXECUTION_NAME_CHARS: usize = 80;
/// So much of an application's name is readable in the execution's; the hash tells apart what the cut makes alike.
const APPLICATION_CHARS: usize = 44;

/// The execution that an alarm starts when it goes to ALARM at that time: who, when, and a hash of who, when and which alarm.
#[must_use]
pub fn execution_of_alarm(application: &str, alarm: &str, at: Timestamp) -> String {
    let readable = readable(application);
    let time = at.strftime("%Y%m%dT%H%M%SZ");
    // Neither an application's name nor a time holds a NUL, so different parts never run into the same text.
    let hash = fnv1a(format!("{application}\0{at}\0{alarm}").as_bytes());
    format!("{readable}-{time}-{hash:016x}")
}

/// An execution for another reason: who, a word for the reason, and a hash of what tells this occasion from any other.
#[must_use]
pub fn execution_because(application: &str, word: &str, occasion: &str) -> String {
    let hash = fnv1a(occasion.as_bytes());
    format!("{}-{word}-{hash:016x}", readable(application))
}

fn readable(application: &str) -> String {
    application
        .chars()
        .take(APPLICATION_CHARS)
        .map(|c| if c == '.' { '_' } else { c })
        .collect()
}

/// FNV-1a, 64 bits: small, and the same on every machine and in every release, which the standard library's hash does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_name_fits_and_tells_occasions_apart() {
        let long = "x.".repeat(64);
        let name = execution_because(&long, "deployment", "3");
        assert!(name.len() <= EXECUTION_NAME_CHARS, "{name}");
        assert!(!name.contains('.'));
        assert_ne!(name, execution_because(&long, "deployment", "4"));
        assert_eq!(name, execution_because(&long, "deployment", "3"));
    }
}
