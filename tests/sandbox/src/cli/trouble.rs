//! What a user can have go wrong in a rehearsal.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    faults::{Fault, LambdaFault, Rule, When},
    region::PACKAGES,
    template::FunctionSpec,
};

/// An invocation that goes wrong: `rollback=crash-after@2`.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    package: String,
    fault: LambdaFault,
    nth: u64,
}

impl Trouble {
    /// As a rule of the plan of faults, for the functions of this stack.
    pub(super) fn rule(&self, functions: &BTreeMap<String, FunctionSpec>) -> Rule {
        let name = functions
            .values()
            .find(|function| function.package == self.package)
            .map_or("", |function| function.name.as_str());
        Rule::new(Fault::Lambda(self.fault))
            .on_function(name)
            .when(When::Nth(self.nth))
    }
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (package, fault) = text
            .split_once('=')
            .ok_or("write PACKAGE=FAULT, such as rollback=crash-after")?;
        let (fault, nth) = fault.split_once('@').unwrap_or((fault, "1"));
        let fault = match fault {
            "crash-before" => LambdaFault::CrashBefore,
            "crash-after" => LambdaFault::CrashAfter,
            "time-out-before" => LambdaFault::TimeOutBefore,
            "time-out-after" => LambdaFault::TimeOutAfter,
            "run-twice" => LambdaFault::RunTwice,
            other => {
                return Err(format!(
                    "there is no fault {other:?}; write crash-before, crash-after, time-out-before, time-out-after or run-twice"
                ));
            }
        };
        let nth = nth
            .parse()
            .ok()
            .filter(|nth| *nth > 0)
            .ok_or("which invocation is a number from 1")?;
        Ok(Self {
            package: known(package)?,
            fault,
            nth,
        })
    }
}

/// A variable of one function: `rollback:AWS_REGION=`.
#[derive(Clone, Debug)]
pub(super) struct OwnVariable {
    pub(super) package: String,
    pub(super) name: String,
    pub(super) value: String,
}

impl FromStr for OwnVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(package, rest)| {
            rest.split_once('=')
                .map(|(name, value)| (package, name, value))
        });
        let (package, name, value) = parts.ok_or("write PACKAGE:NAME=VALUE")?;
        Ok(Self {
            package: known(package)?,
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

fn known(package: &str) -> Result<String, String> {
    if PACKAGES.contains(&package) {
        Ok(package.to_owned())
    } else {
        Err(format!(
            "there is no function {package:?}; there are {}",
            PACKAGES.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_names_a_function_what_goes_wrong_and_when() {
        let trouble: Trouble = "rollback=crash-after@2".parse().unwrap();
        let rule = trouble.rule(&BTreeMap::new());
        assert_eq!(
            (rule.when, rule.fault),
            (When::Nth(2), Fault::Lambda(LambdaFault::CrashAfter))
        );
        for wrong in [
            "rollback",
            "rollback=explode",
            "rollback=crash-after@0",
            "rolback=crash-after",
        ] {
            assert!(wrong.parse::<Trouble>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_belongs_to_one_function() {
        let variable: OwnVariable = "rollback:AWS_REGION=a=b".parse().unwrap();
        assert_eq!(
            (
                variable.package.as_str(),
                variable.name.as_str(),
                variable.value.as_str()
            ),
            ("rollback", "AWS_REGION", "a=b")
        );
        assert!("AWS_REGION=x".parse::<OwnVariable>().is_err());
    }
}
