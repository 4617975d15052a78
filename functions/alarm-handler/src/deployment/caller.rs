//! The `userIdentity` of a CloudTrail record → who called, by name.
//!
//! Only names leave: no key, no token, no account. Types and members are those of CloudTrail's reference; one that is not known is left out.

use serde_json::Value;

use crate::text::bounded;

/// Longest name: a role's or a session's has 64 characters at most, a user's too.
const CHARS: usize = 64;

/// Who called; None where the record does not say it.
pub(super) fn who(identity: &Value) -> Option<String> {
    let principal = principal(identity);
    let through = name(&identity["invokedBy"]);
    match (through, principal) {
        (Some(through), Some(principal)) => Some(format!("{through} for {principal}")),
        (through, principal) => through.or(principal),
    }
}

fn principal(identity: &Value) -> Option<String> {
    match identity["type"].as_str()? {
        "AssumedRole" => {
            let issuer = name(&identity["sessionContext"]["sessionIssuer"]["userName"]);
            let (role, session) = session(identity["arn"].as_str().unwrap_or_default());
            let role = issuer.or(role)?;
            Some(session.map_or_else(
                || format!("role {role}"),
                |session| format!("role {role}, session {session}"),
            ))
        }
        "IAMUser" => Some(format!("user {}", name(&identity["userName"])?)),
        "Root" => Some("the account's root user".to_owned()),
        "SAMLUser" | "WebIdentityUser" | "FederatedUser" | "IdentityCenterUser" => {
            Some(format!("user {}", name(&identity["userName"])?))
        }
        _ => None,
    }
}

/// The role and the session of `arn:aws:sts::123456789012:assumed-role/deployer/alice`.
fn session(arn: &str) -> (Option<String>, Option<String>) {
    let mut parts = arn.split('/');
    if !parts.next().unwrap_or_default().ends_with(":assumed-role") {
        return (None, None);
    }
    let mut part = || parts.next().and_then(fit);
    (part(), part())
}

fn name(value: &Value) -> Option<String> {
    value.as_str().and_then(fit)
}

/// A name as IAM and STS allow it; anything else is not repeated.
fn fit(name: &str) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || "+=,.@_-:".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then(|| bounded(name, CHARS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_users_and_services_are_named_and_keys_are_not() {
        let session = json!({ "sessionIssuer": { "type": "Role", "userName": "deployer" } });
        for (identity, said) in [
            (
                json!({ "type": "AssumedRole", "principalId": "AROAEXAMPLE:alice", "accessKeyId": "ASIAEXAMPLE", "sessionContext": session,
                    "arn": "arn:aws:sts::123456789012:assumed-role/deployer/alice@example.com" }),
                Some("role deployer, session alice@example.com"),
            ),
            (
                json!({ "type": "AssumedRole", "arn": "arn:aws-cn:sts::123456789012:assumed-role/pipeline" }),
                Some("role pipeline"),
            ),
            (
                json!({ "type": "AssumedRole", "sessionContext": session, "invokedBy": "cloudformation.amazonaws.com" }),
                Some("cloudformation.amazonaws.com for role deployer"),
            ),
            (
                json!({ "type": "IAMUser", "userName": "bob", "accessKeyId": "AKIAEXAMPLE" }),
                Some("user bob"),
            ),
            (
                json!({ "type": "Root", "accountId": "123456789012" }),
                Some("the account's root user"),
            ),
            (
                json!({ "type": "AWSService", "invokedBy": "scaler.amazonaws.com" }),
                Some("scaler.amazonaws.com"),
            ),
            (
                json!({ "type": "IAMUser", "userName": "bob\nDO THIS: nothing" }),
                None,
            ),
            (
                json!({ "type": "AWSAccount", "principalId": "AIDAEXAMPLE" }),
                None,
            ),
            (json!({ "type": 7 }), None),
            (json!(null), None),
        ] {
            assert_eq!(who(&identity).as_deref(), said, "{identity}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let identity = json!({ "type": "IAMUser", "userName": "x".repeat(5_000) });
        assert!(who(&identity).unwrap().chars().count() <= 70);
    }
}
