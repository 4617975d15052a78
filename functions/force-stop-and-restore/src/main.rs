//! Wiring only.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_kit::run::<force_stop_and_restore::ForceStopAndRestore>().await
}
