use serde_json::json;

use super::*;
use ground::protocol::{aws_json, invocation, refused};

struct Site {
    faults: Faults,
    next: Router,
    clock: Clock,
    journal: Journal,
    arrived: Arc<Mutex<Vec<Option<LambdaFault>>>>,
}

fn site(rules: Vec<Rule>, seed: u64) -> Site {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let arrived: Arc<Mutex<Vec<Option<LambdaFault>>>> = Arc::default();
    let seen = Arc::clone(&arrived);
    let next = Router::new(move |request| {
        seen.lock()
            .unwrap()
            .push(request.extensions().get::<LambdaFault>().copied());
        Box::pin(std::future::ready(wire::json_answer(
            200,
            "application/json",
            &json!({}),
        )))
    });
    Site {
        faults: Faults::planned(rules, seed),
        next,
        journal: Journal::new(clock.clone()),
        clock,
        arrived,
    }
}

impl Site {
    async fn call(&self, caller: &str, service: &str, target: &str) -> Response {
        self.faults
            .pass(
                aws_json(caller, service, target, "1.1", &json!({})),
                &self.next,
                &self.clock,
                &self.journal,
            )
            .await
    }

    fn arrivals(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_strikes_only_the_role_the_verb_and_the_occurrence_it_names() {
    let site = site(
        vec![
            Rule::new(Fault::Throttle)
                .by("rollback")
                .on("kinesisanalytics", "RollbackApplication")
                .when(When::Nth(2)),
        ],
        1,
    );
    let target = "KinesisAnalytics_20180523.RollbackApplication";
    assert!(
        site.call("other", "kinesisanalytics", target)
            .await
            .status()
            .is_success()
    );
    assert!(
        site.call("rollback", "kinesisanalytics", target)
            .await
            .status()
            .is_success()
    );
    assert!(
        site.call(
            "rollback",
            "kinesisanalytics",
            "KinesisAnalytics_20180523.DescribeApplication"
        )
        .await
        .status()
        .is_success()
    );
    let second = site.call("rollback", "kinesisanalytics", target).await;
    assert_eq!(refused(&second).unwrap().0, "ThrottlingException");
    assert!(
        site.call("rollback", "kinesisanalytics", target)
            .await
            .status()
            .is_success()
    );
    assert_eq!(site.arrivals(), 4, "a throttled request never arrives");
    assert_eq!(site.journal.calls()[0].outcome, "ThrottlingException");
    assert_eq!(site.faults.struck(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_had_its_effect_and_a_cut_had_none() {
    let site = site(
        vec![
            Rule::new(Fault::LoseAnswer).when(When::Nth(1)),
            Rule::new(Fault::CutBefore).when(When::Nth(2)),
        ],
        1,
    );
    assert!(is_cut(
        &site
            .call("a", "dynamodb", "DynamoDB_20120810.PutItem")
            .await
    ));
    assert_eq!(site.arrivals(), 1);
    assert!(is_cut(
        &site
            .call("a", "dynamodb", "DynamoDB_20120810.PutItem")
            .await
    ));
    assert_eq!(site.arrivals(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_strikes_the_same_requests() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let site = site(vec![Rule::new(Fault::ServerError).when(When::OneIn(3))], 42);
        let mut run = Vec::new();
        for _ in 0..50 {
            run.push(
                site.call("a", "dynamodb", "DynamoDB_20120810.PutItem")
                    .await
                    .status()
                    .as_u16(),
            );
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&500) && runs[0].contains(&200));
}

#[tokio::test(start_paused = true)]
async fn a_functions_fault_travels_with_the_request_to_the_host() {
    let site = site(
        vec![
            Rule::new(Fault::Lambda(LambdaFault::CrashAfter))
                .on_function("rollback")
                .when(When::EveryKth { k: 2, from: 2 }),
        ],
        1,
    );
    for _ in 0..4 {
        site.faults
            .pass(
                invocation("states", "rollback", "RequestResponse", &json!({})),
                &site.next,
                &site.clock,
                &site.journal,
            )
            .await;
    }
    let seen = site.arrived.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            None,
            Some(LambdaFault::CrashAfter),
            None,
            Some(LambdaFault::CrashAfter)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_asked_about_first_counts_once_and_is_spared_afterwards() {
    let site = site(vec![Rule::new(Fault::Throttle).when(When::Nth(2))], 1);
    let mut requests = [(); 2].map(|()| aws_json("a", "sns", "Publish", "1.1", &json!({})));
    assert!(
        site.faults
            .refuse(&mut requests[0], &site.clock, &site.journal)
            .is_none()
    );
    let [first, mut second] = requests;
    assert!(
        site.faults
            .pass(first, &site.next, &site.clock, &site.journal)
            .await
            .status()
            .is_success()
    );
    let refusal = site
        .faults
        .refuse(&mut second, &site.clock, &site.journal)
        .unwrap();
    assert_eq!(refused(&refusal).unwrap().0, "Throttling");
    assert_eq!((site.arrivals(), site.faults.struck()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn from_the_first_to_the_last_number_is_struck_and_no_other() {
    let between = When::Between { first: 2, last: 3 };
    let site = site(vec![Rule::new(Fault::Throttle).when(between)], 1);
    let mut served = Vec::new();
    for _ in 0..4 {
        let answer = site.call("people", "sns", "Publish").await;
        served.push(answer.status().is_success());
    }
    assert_eq!(served, [true, false, false, true]);
}

/// How many of so many requests at once are served.
async fn served(site: &Site, requests: usize) -> usize {
    let mut served = 0;
    for _ in 0..requests {
        let answer = site
            .call("people", "dynamodb", "DynamoDB_20120810.GetItem")
            .await;
        served += usize::from(answer.status().is_success());
    }
    served
}

#[tokio::test(start_paused = true)]
async fn a_token_bucket_serves_a_burst_and_then_its_rate() {
    let over = When::Over {
        refill: Duration::from_millis(500),
        burst: 3,
    };
    let site = site(
        vec![
            Rule::new(Fault::Throttle)
                .on_service("dynamodb")
                .when(over.clone()),
        ],
        1,
    );
    assert_eq!(served(&site, 5).await, 3, "a full bucket");
    tokio::time::sleep(Duration::from_millis(499)).await;
    assert_eq!(served(&site, 1).await, 0, "no token yet");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(served(&site, 2).await, 1, "one token");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(served(&site, 9).await, 3, "it holds no more than a burst");
}

#[tokio::test(start_paused = true)]
async fn what_another_service_is_asked_takes_no_token() {
    let over = When::Over {
        refill: Duration::from_secs(1),
        burst: 1,
    };
    let site = site(
        vec![Rule::new(Fault::Throttle).on_service("dynamodb").when(over)],
        1,
    );
    for _ in 0..3 {
        let answer = site.call("people", "sns", "Publish").await;
        assert!(answer.status().is_success());
    }
    assert_eq!(served(&site, 2).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_added_first_strikes_before_the_others() {
    let site = site(vec![Rule::new(Fault::Slow(Duration::from_secs(1)))], 1);
    site.faults.add_first(Rule::new(Fault::Throttle));
    let answer = site.call("people", "sns", "Publish").await;
    assert!(!answer.status().is_success());
}
