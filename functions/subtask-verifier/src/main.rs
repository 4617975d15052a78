//! Wiring only.

use lambda_kit::run;
use subtask_verifier::SubtaskVerifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run::<SubtaskVerifier>().await
}
