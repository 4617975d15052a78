//! The state machine whose executions are started.

use std::str::FromStr;

/// The state machine `remediate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachineArn(String);

impl StateMachineArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the state machine of that ARN, or a version or an alias of it.
    #[must_use]
    pub fn is_of(&self, machine: &str) -> bool {
        self.0.strip_prefix(machine).is_some_and(|rest| {
            machine.contains(":stateMachine:") && (rest.is_empty() || rest.starts_with(':'))
        })
    }

    /// Whether it is an execution of this state machine.
    #[must_use]
    pub fn ran(&self, execution: &str) -> bool {
        let machine: Vec<&str> = self.0.split(':').take(7).collect();
        let mut parts = execution.split(':');
        machine.into_iter().all(|ours| match parts.next() {
            Some("execution") => ours == "stateMachine",
            theirs => theirs == Some(ours) && ours != "stateMachine",
        }) && parts.next().is_some_and(|name| !name.is_empty())
    }

    /// The region it is in, which is where this stack is.
    #[must_use]
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The account it is in.
    #[must_use]
    pub fn account(&self) -> &str {
        self.part(4)
    }

    fn part(&self, index: usize) -> &str {
        self.0.split(':').nth(index).unwrap_or_default()
    }
}

/// Not the ARN of a state machine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a state machine (arn:…:states:…:stateMachine:…)")]
pub struct NotAStateMachine;

impl FromStr for StateMachineArn {
    type Err = NotAStateMachine;

    fn from_str(arn: &str) -> Result<Self, NotAStateMachine> {
        let parts: Vec<&str> = arn.split(':').collect();
        let has = |index: usize| parts.get(index).is_some_and(|part| !part.is_empty());
        let is = |index: usize, word| parts.get(index) == Some(&word);
        let fits = is(0, "arn") && is(2, "states") && is(5, "stateMachine");
        if fits && has(3) && has(4) && has(6) {
            Ok(Self(arn.to_owned()))
        } else {
            Err(NotAStateMachine)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine_is_an_arn_of_any_partition_with_or_without_alias() {
        for arn in [
            "arn:aws:states:eu-central-1:123456789012:stateMachine:remediate",
            "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:remediate:live",
        ] {
            assert_eq!(arn.parse::<StateMachineArn>().unwrap().as_str(), arn);
        }
        for other in [
            "remediate",
            "arn:aws:states:eu-central-1:123456789012:execution:remediate:1",
            "arn:aws:lambda:a:b:stateMachine:x",
            "arn:aws:states::123456789012:stateMachine:remediate",
            "arn:aws:states:eu-central-1::stateMachine:remediate",
            "arn:aws:states:eu-central-1:123456789012:stateMachine:",
            "arn:aws:states",
        ] {
            assert_eq!(
                other.parse::<StateMachineArn>(),
                Err(NotAStateMachine),
                "{other}"
            );
        }
    }

    #[test]
    fn an_alias_belongs_to_its_state_machine_and_another_machine_does_not() {
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:remediate";
        for ours in [
            machine.to_owned(),
            format!("{machine}:live"),
            format!("{machine}:7"),
        ] {
            let ours: StateMachineArn = ours.parse().unwrap();
            assert!(ours.is_of(machine), "{ours:?}");
            for other in [
                "",
                "arn",
                "arn:aws:states:eu-central-1:123456789012:stateMachine:remed",
                "arn:aws:states:eu-central-1:123456789012:stateMachine:other",
            ] {
                assert!(!ours.is_of(other), "{other}");
            }
        }
    }

    #[test]
    fn an_execution_is_of_the_state_machine_that_its_arn_names() {
        let place = "arn:aws:states:eu-central-1:123456789012";
        for ours in ["remediate", "remediate:live"] {
            let ours: StateMachineArn = format!("{place}:stateMachine:{ours}").parse().unwrap();
            assert!(ours.ran(&format!("{place}:execution:remediate:orders-1")));
            assert_eq!(
                (ours.region(), ours.account()),
                ("eu-central-1", "123456789012")
            );
            for other in [
                format!("{place}:execution:remediate:"),
                format!("{place}:execution:remediate"),
                format!("{place}:execution:other:orders-1"),
                format!("{place}:stateMachine:remediate:orders-1"),
                "arn:aws:states:us-west-2:123456789012:execution:remediate:orders-1".to_owned(),
                "arn:aws:states:eu-central-1:999988887777:execution:remediate:orders-1".to_owned(),
                String::new(),
            ] {
                assert!(!ours.ran(&other), "{other}");
            }
        }
    }
}
