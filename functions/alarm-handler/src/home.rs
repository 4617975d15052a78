//! Whose events are taken: those of this stack's own account and region. An application of the same name elsewhere is none of ours.
//!
//! An event tells where it is from in several places, and a forwarded one may contradict itself. Invariant: every place that tells must say home, and at
//! least one must tell the account and one the region.

use std::collections::BTreeMap;

use executions::StateMachineArn;
use serde_json::Value;

use crate::{request::Refusal, text::seen};

/// This stack's account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The account's id.
    pub account: String,
    /// The region's code.
    pub region: String,
}

/// Where an event says that it is from. What is null or missing says nothing.
#[derive(Debug, Default)]
pub(crate) struct Claims<'a> {
    accounts: Vec<&'a Value>,
    regions: Vec<&'a Value>,
    arns: Vec<&'a Value>,
}

impl<'a> Claims<'a> {
    /// Ids of accounts.
    pub(crate) fn accounts(mut self, accounts: impl IntoIterator<Item = &'a Value>) -> Self {
        self.accounts.extend(accounts);
        self
    }

    /// Codes of regions, or what CloudWatch calls them for people.
    pub(crate) fn regions(mut self, regions: impl IntoIterator<Item = &'a Value>) -> Self {
        self.regions.extend(regions);
        self
    }

    /// ARNs.
    pub(crate) fn arns(mut self, arns: impl IntoIterator<Item = &'a Value>) -> Self {
        self.arns.extend(arns);
        self
    }
}

impl Home {
    /// Where this state machine is, which is where this stack is.
    #[must_use]
    pub fn of(machine: &StateMachineArn) -> Self {
        Self {
            account: machine.account().to_owned(),
            region: machine.region().to_owned(),
        }
    }

    /// Whether an account's id is ours, or is not told.
    pub(crate) fn is_ours(&self, account: &Value) -> bool {
        account.is_null() || account == self.account.as_str()
    }

    /// Whether an ARN is of this account and region. What is no ARN is not.
    pub(crate) fn has(&self, arn: &str) -> bool {
        of_arn(arn) == Some((self.region.as_str(), self.account.as_str()))
    }

    /// Checks what an event claims about `what`.
    ///
    /// # Errors
    /// When it is from elsewhere, or does not tell.
    pub(crate) fn check(&self, what: &str, claims: &Claims<'_>) -> Result<(), Refusal> {
        let arns: Vec<(&str, &str)> = told(&claims.arns)
            .filter_map(|arn| of_arn(arn.as_str()?))
            .collect();
        let accounts = told(&claims.accounts).map(text);
        let accounts: Vec<String> = accounts
            .chain(arns.iter().map(|(_, account)| (*account).to_owned()))
            .collect();
        let regions = told(&claims.regions).filter_map(region);
        let regions: Vec<String> = regions
            .chain(arns.iter().map(|(region, _)| (*region).to_owned()))
            .collect();
        if let Some(account) = accounts.iter().find(|account| **account != self.account) {
            return Err(Refusal::OtherAccount {
                what: what.to_owned(),
                account: seen(account),
                ours: self.account.clone(),
            });
        }
        if let Some(region) = regions.iter().find(|region| **region != self.region) {
            return Err(Refusal::OtherRegion {
                what: what.to_owned(),
                region: seen(region),
                ours: self.region.clone(),
            });
        }
        if accounts.is_empty() || regions.is_empty() {
            return Err(Refusal::Nowhere {
                what: what.to_owned(),
            });
        }
        Ok(())
    }
}

fn told<'a>(values: &'a [&Value]) -> impl Iterator<Item = &'a Value> {
    values.iter().copied().filter(|value| !value.is_null())
}

/// An odd value is shown as it is, and is not ours.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Region and account of an ARN that has both.
fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':');
    let is_one = parts.next() == Some("arn");
    let (_partition, _service) = (parts.next()?, parts.next()?);
    let (region, account) = (parts.next()?, parts.next()?);
    (is_one && !region.is_empty() && !account.is_empty()).then_some((region, account))
}

/// The code of a region; None for a name that this release does not know, where the ARN beside it decides.
fn region(value: &Value) -> Option<String> {
    let Some(name) = value.as_str() else {
        return Some(value.to_string());
    };
    if is_code(name) {
        return Some(name.to_owned());
    }
    let known: BTreeMap<&str, &str> = CITIES.into_iter().collect();
    let city = name.split_once('(')?.1.split_once(')')?.0;
    known.get(city).map(|code| (*code).to_owned())
}

/// Whether it is spelt as codes are: `eu-central-1`, `us-gov-west-1`.
fn is_code(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let number = parts
        .last()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let words = |part: &&str| part.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.len() >= 3
        && number
        && parts[..parts.len() - 1].iter().all(words)
        && parts.iter().all(|part| !part.is_empty())
}

/// What stands in brackets where CloudWatch writes a region for people, as in `EU (Frankfurt)`. What stands before them has changed over the years.
const CITIES: [(&str, &str); 35] = [
    ("N. Virginia", "us-east-1"),
    ("Ohio", "us-east-2"),
    ("N. California", "us-west-1"),
    ("Oregon", "us-west-2"),
    ("Cape Town", "af-south-1"),
    ("Hong Kong", "ap-east-1"),
    ("Taipei", "ap-east-2"),
    ("Mumbai", "ap-south-1"),
    ("Hyderabad", "ap-south-2"),
    ("Tokyo", "ap-northeast-1"),
    ("Seoul", "ap-northeast-2"),
    ("Osaka", "ap-northeast-3"),
    ("Singapore", "ap-southeast-1"),
    ("Sydney", "ap-southeast-2"),
    ("Jakarta", "ap-southeast-3"),
    ("Melbourne", "ap-southeast-4"),
    ("Malaysia", "ap-southeast-5"),
    ("Thailand", "ap-southeast-7"),
    ("Central", "ca-central-1"),
    ("Calgary", "ca-west-1"),
    ("Frankfurt", "eu-central-1"),
    ("Zurich", "eu-central-2"),
    ("Ireland", "eu-west-1"),
    ("London", "eu-west-2"),
    ("Paris", "eu-west-3"),
    ("Milan", "eu-south-1"),
    ("Spain", "eu-south-2"),
    ("Stockholm", "eu-north-1"),
    ("Tel Aviv", "il-central-1"),
    ("UAE", "me-central-1"),
    ("Bahrain", "me-south-1"),
    ("Sao Paulo", "sa-east-1"),
    ("São Paulo", "sa-east-1"),
    ("Beijing", "cn-north-1"),
    ("Ningxia", "cn-northwest-1"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_region_is_told_by_its_code_or_by_the_city_in_brackets() {
        for (name, code) in [
            ("eu-central-1", Some("eu-central-1")),
            ("us-gov-west-1", Some("us-gov-west-1")),
            ("EU (Frankfurt)", Some("eu-central-1")),
            ("Europe (Frankfurt)", Some("eu-central-1")),
            ("US East (N. Virginia)", Some("us-east-1")),
            ("Mars (Olympus Mons)", None),
            ("eu--1", None),
            ("Frankfurt", None),
            ("", None),
        ] {
            assert_eq!(region(&json!(name)).as_deref(), code, "{name}");
        }
        assert_eq!(region(&json!(7)).as_deref(), Some("7"));
    }

    #[test]
    fn an_arn_tells_where_it_is_from_only_when_it_has_both() {
        assert_eq!(
            of_arn("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:a:b"),
            Some(("eu-central-1", "111122223333"))
        );
        for other in [
            "",
            "orders",
            "arn:aws:s3:::bucket",
            "arn:aws:sns:eu-central-1",
        ] {
            assert_eq!(of_arn(other), None, "{other}");
        }
    }
}
