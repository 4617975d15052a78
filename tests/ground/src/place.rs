//! Where the region is: its name, its account, and the ARNs made from both.

/// The region's name, as signatures, ARNs and events carry it.
pub const REGION: &str = "us-east-1";
/// The account everything belongs to.
pub const ACCOUNT: &str = "123456789012";

/// An ARN of this region: `arn("lambda", "function:rollback")`.
#[must_use]
pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

/// The name at the end of an ARN, whichever way its service separates it; the text itself when it is not an ARN.
#[must_use]
pub fn name_of(arn: &str) -> &str {
    if arn.starts_with("arn:") {
        arn.rsplit([':', '/']).next().unwrap_or(arn)
    } else {
        arn
    }
}

/// An id that looks like a UUID and repeats from run to run: `kind` keeps the services' ids apart, `n` counts.
#[must_use]
pub fn id(kind: u16, n: u64) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_stands_last_in_an_arn() {
        assert_eq!(
            name_of("arn:aws:lambda:us-east-1:123456789012:function:rollback"),
            "rollback"
        );
        assert_eq!(
            name_of("arn:aws:dynamodb:us-east-1:123456789012:table/ledger"),
            "ledger"
        );
        assert_eq!(name_of("ledger"), "ledger");
    }

    #[test]
    fn ids_have_the_length_of_a_uuid() {
        assert_eq!(id(1, 42).len(), 36);
    }
}
