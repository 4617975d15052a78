//! Wiring only.

use lambda_kit::run;
use remediation_planner::RemediationPlanner;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run::<RemediationPlanner>().await
}
