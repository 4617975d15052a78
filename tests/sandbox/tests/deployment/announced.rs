//! Deployments that are announced by several, or by one alone: each scenario ends as it says.

use sandbox::scenario::{SWEEPS, play};

use super::virtually;

fn ends_as_it_should(name: &str) {
    let scenario = SWEEPS
        .iter()
        .find(|one| one.name == name)
        .expect("it is in the list");
    for seed in 1..=3 {
        virtually(async {
            let played = play(scenario, seed).await.unwrap();
            let complaints = &played.rehearsal.complaints;
            assert_eq!(complaints, &Vec::<String>::new(), "{name}, seed {seed}");
        });
    }
}

#[test]
fn by_terraform_in_three_calls() {
    ends_as_it_should("deployment-by-terraform");
}

#[test]
fn by_cloudformation_alone_and_rolled_back_by_it() {
    ends_as_it_should("deployment-by-cloudformation");
}

#[test]
fn of_a_state_that_takes_long_to_load() {
    ends_as_it_should("deployment-slow-restore");
}

#[test]
fn while_the_alarm_rings() {
    ends_as_it_should("deployment-raced-by-alarm");
}
