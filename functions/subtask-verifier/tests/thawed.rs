//! The deployed program, frozen between two invocations while its connection is lost: the second one makes a new connection.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]
mod server;

use std::{
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
};

use serde_json::json;
use server::{Loss, Server};

/// Killed at the test's end.
struct Program(Child);

impl Program {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.0.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_invocation_makes_its_own_connections() {
    for loss in [Loss::Reset, Loss::Closed, Loss::HalfClosed, Loss::Silent] {
        let service = Server::start(|_| {
            let unknown =
                json!({ "__type": "ResourceNotFoundException", "message": "no such application" });
            (400, unknown.to_string())
        });
        let (events, waiting) = mpsc::channel::<String>();
        let (ends, ended) = mpsc::channel::<String>();
        let waiting = Mutex::new(waiting);
        let runtime = Server::with_headers(move |request| {
            if request.line.starts_with("GET") {
                // Until the test hands an event over; after the test, for ever.
                let id = waiting.lock().unwrap().recv();
                let id = id.unwrap_or_else(|_| {
                    loop {
                        std::thread::park()
                    }
                });
                let headers = format!(
                    "lambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: 1772592420000\r\n\
                     lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:000000000000:function:f\r\n"
                );
                let event = json!({ "applicationName": "orders" });
                return (200, headers, event.to_string());
            }
            let _ = ends.send(request.body.clone());
            (202, String::new(), String::new())
        });
        let program = Command::new(env!("CARGO_BIN_EXE_subtask-verifier"))
            .env_clear()
            .envs([
                (
                    "AWS_LAMBDA_RUNTIME_API",
                    runtime.address.to_string().as_str(),
                ),
                ("AWS_LAMBDA_FUNCTION_NAME", "f"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ENDPOINT_URL", service.url().as_str()),
            ])
            .stdout(Stdio::null())
            .spawn();
        let program = Program(program.unwrap());
        for invocation in 1..=2 {
            events.send(format!("invocation-{invocation}")).unwrap();
            let answer = ended.recv().unwrap();
            assert!(answer.contains("no application named orders"), "{answer}");
            assert_eq!(
                (service.connections(), service.over_lost()),
                (invocation, 0),
                "{loss:?}"
            );
            program.signal("-STOP");
            service.lose(loss);
            program.signal("-CONT");
        }
    }
}
