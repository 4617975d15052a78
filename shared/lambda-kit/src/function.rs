//! A function, and how it meets the Lambda runtime.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Aws, Env, ErrorType, Failure, SettingError, clock::Clock};

/// What a handler is told beside its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The runtime's id of this invocation.
    pub request_id: String,
    /// The time at its start.
    pub now: Timestamp,
}

/// One Lambda function: built once in init, called for each event.
pub trait Function: Sized + Send + Sync + 'static {
    /// The package's name, which is also the function's name in the template.
    const NAME: &'static str;
    /// The keys of its input, where a person may write it by hand: any other is refused by name.
    const KEYS: Option<&'static lifecycle::Keys> = None;
    /// Whether it changes an application: then it does nothing for a dry run, nor for an execution that was redriven and has neither a lease nor fresh variables.
    const CHANGES: bool = false;
    /// Its input.
    type Event: DeserializeOwned + Send;
    /// Its result.
    type Answer: Serialize + Send;

    /// Reads the settings and builds the clients.
    ///
    /// # Errors
    /// When a setting is missing or does not parse: the function then fails in init and names the variable.
    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError>;

    /// Handles one event.
    fn handle(
        &self,
        event: Self::Event,
        invocation: Invocation,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// Answers one event in JSON. A payload that does not fit the function's event is [`ErrorType::BadInput`].
///
/// # Errors
/// The handler's own, and bad input.
pub async fn answer<F: Function>(
    function: &F,
    payload: Value,
    invocation: Invocation,
) -> Result<Value, Failure> {
    let refuse = |why: String| {
        Failure::new(
            ErrorType::BadInput,
            format!("{} cannot read its input: {why}", F::NAME),
        )
    };
    if let Some(odd) = F::KEYS.and_then(|keys| lifecycle::odd_input(&payload, keys)) {
        return Err(refuse(odd));
    }
    if F::CHANGES {
        may_change(&payload)?;
    }
    let event = serde_json::from_value(payload).map_err(|error| refuse(error.to_string()))?;
    let request_id = invocation.request_id.clone();
    let result = function.handle(event, invocation).await;
    match &result {
        Ok(_) => tracing::info!(function = F::NAME, request_id, "answered"),
        Err(failure) => {
            tracing::error!(function = F::NAME, request_id, error_type = failure.error_type.name(), error = %failure, "failed")
        }
    }
    serde_json::to_value(result?).map_err(|error| Failure::of(ErrorType::Internal, &error))
}

/// Whether a function that changes an application may do anything for this payload. The state machine asks none for a dry run; this holds if it ever does.
fn may_change(payload: &Value) -> Result<(), Failure> {
    if !matches!(&payload["dryRun"], Value::Null | Value::Bool(false)) {
        return Err(Failure::new(
            ErrorType::BadInput,
            "this is a dry run: nothing was sent",
        ));
    }
    if !matches!(&payload["redriveCount"], Value::Null) && payload["redriveCount"] != 0 {
        return Err(Failure::new(
            ErrorType::Stale,
            "this execution was redriven: nothing was sent; start a new execution",
        ));
    }
    Ok(())
}

/// The whole of a function's `main`: logs, settings, clients, then events until Lambda stops the process.
///
/// # Errors
/// When init fails, or the runtime's API does.
pub async fn run<F: Function>() -> Result<(), lambda_runtime::Error> {
    crate::logs::start();
    let env = Env::of_process();
    let clock = Clock::of(&env)?;
    let aws = Aws::of_lambda_by(&env, clock.source())?;
    let function = Arc::new(F::build(&env, &aws)?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        clock.meet(event.context.deadline);
        aws.begin_invocation();
        let (function, aws) = (Arc::clone(&function), aws.clone());
        async move {
            let invocation = Invocation {
                request_id: event.context.request_id,
                now: aws.now(),
            };
            answer(&*function, event.payload, invocation)
                .await
                .map_err(Diagnostic::from)
        }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource};
    use aws_smithy_runtime_api::client::http::{SharedHttpClient, http_client_fn};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    struct Doubler {
        limit: u32,
    }

    #[derive(Deserialize)]
    struct Number {
        number: u32,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Doubled {
        twice_as_much: u32,
        asked_by: String,
    }

    impl Function for Doubler {
        const NAME: &'static str = "doubler";
        type Event = Number;
        type Answer = Doubled;

        fn build(env: &Env, _aws: &Aws) -> Result<Self, SettingError> {
            Ok(Self {
                limit: env.required("LIMIT")?,
            })
        }

        async fn handle(&self, event: Number, invocation: Invocation) -> Result<Doubled, Failure> {
            if event.number > self.limit {
                return Err(Failure::new(ErrorType::Refused, "too much"));
            }
            Ok(Doubled {
                twice_as_much: event.number * 2,
                asked_by: invocation.request_id,
            })
        }
    }

    fn env() -> Env {
        [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "doubler"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("LIMIT", "5"),
        ]
        .into_iter()
        .collect()
    }

    fn aws(env: &Env) -> Result<Aws, SettingError> {
        let nobody: SharedHttpClient =
            http_client_fn(|_, _| unreachable!("this function calls nobody"));
        Aws::new(
            env,
            nobody,
            SharedTimeSource::new(StaticTimeSource::from_secs(1_772_359_548)),
        )
    }

    fn invocation() -> Invocation {
        Invocation {
            request_id: "8f2c".to_owned(),
            now: aws(&env()).unwrap().now(),
        }
    }

    #[tokio::test]
    async fn an_event_is_answered_in_json() {
        let doubler = Doubler::build(&env(), &aws(&env()).unwrap()).unwrap();
        let answered = answer(&doubler, json!({ "number": 2 }), invocation()).await;
        assert_eq!(answered, Ok(json!({ "twiceAsMuch": 4, "askedBy": "8f2c" })));
    }

    #[tokio::test]
    async fn a_payload_that_does_not_fit_is_bad_input() {
        let failure = answer(
            &Doubler { limit: 5 },
            json!({ "number": "two" }),
            invocation(),
        )
        .await
        .unwrap_err();
        assert_eq!(failure.error_type, ErrorType::BadInput);
        assert!(
            failure
                .message
                .starts_with("doubler cannot read its input: invalid type"),
            "{failure}"
        );
    }

    /// Changes applications.
    struct Changer;

    impl Function for Changer {
        const NAME: &'static str = "changer";
        const KEYS: Option<&'static lifecycle::Keys> = Some(&[
            ("number", lifecycle::Holds::Number),
            ("dryRun", lifecycle::Holds::Flag),
            ("redriveCount", lifecycle::Holds::Number),
        ]);
        const CHANGES: bool = true;
        type Event = Number;
        type Answer = u32;

        fn build(_: &Env, _: &Aws) -> Result<Self, SettingError> {
            Ok(Self)
        }

        async fn handle(&self, event: Number, _: Invocation) -> Result<u32, Failure> {
            Ok(event.number)
        }
    }

    #[tokio::test]
    async fn a_function_that_changes_does_nothing_for_a_dry_run_nor_when_redriven() {
        let ask = |payload| answer(&Changer, payload, invocation());
        for payload in [
            json!({ "number": 1 }),
            json!({ "number": 1, "dryRun": false, "redriveCount": 0 }),
        ] {
            assert_eq!(ask(payload).await, Ok(json!(1)));
        }
        for (payload, error_type) in [
            (json!({ "number": 1, "dryRun": true }), ErrorType::BadInput),
            (
                json!({ "number": 1, "dryRun": "true" }),
                ErrorType::BadInput,
            ),
            (json!({ "number": 1, "dryrun": true }), ErrorType::BadInput),
            // A list would hold the same values without a key that could hold anything back.
            (json!([1]), ErrorType::BadInput),
            (json!({ "number": 1, "redriveCount": 1 }), ErrorType::Stale),
        ] {
            let told = payload.to_string();
            assert_eq!(
                ask(payload).await.unwrap_err().error_type,
                error_type,
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn a_handlers_failure_passes_unchanged() {
        let failure = answer(&Doubler { limit: 5 }, json!({ "number": 6 }), invocation()).await;
        assert_eq!(failure, Err(Failure::new(ErrorType::Refused, "too much")));
    }

    #[test]
    fn init_fails_and_names_the_variable() {
        let no_limit: Env = [("LIMIT", "")].into_iter().collect();
        assert_eq!(
            Doubler::build(&no_limit, &aws(&env()).unwrap()).err(),
            Some(SettingError::Missing("LIMIT"))
        );
        assert_eq!(
            aws(&no_limit).err(),
            Some(SettingError::Missing("AWS_ACCESS_KEY_ID"))
        );
    }

    #[test]
    fn the_time_is_that_of_the_given_source() {
        assert_eq!(invocation().now.to_string(), "2026-03-01T10:05:48Z");
    }
}
