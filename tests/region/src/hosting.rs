//! Where the functions of a region run: in this process, or each in one of its own.

use std::time::Duration;

use emulated_aws::{
    connector::Connector,
    lambda::{LambdaHost, Processes},
    template::FunctionSpec,
};

/// Where functions run.
pub(super) struct Hosting {
    pub(super) connector: Connector,
    pub(super) processes: Option<Processes>,
}

impl Hosting {
    /// Deploys the code of a package.
    pub(super) fn host(&self, lambda: &LambdaHost, spec: &FunctionSpec) -> Result<(), String> {
        if let Some(processes) = &self.processes {
            return lambda.host_process(spec, processes);
        }
        let connector = &self.connector;
        let timeout = Duration::from_secs(spec.timeout_secs);
        let (name, role, env) = (&spec.name, &spec.role, &spec.env);
        match spec.package.as_str() {
            "alarm-handler" => {
                lambda.host::<alarm_handler::AlarmHandler>(name, timeout, role, env, connector)
            }
            "alarm-keeper" => {
                lambda.host::<alarm_keeper::AlarmKeeper>(name, timeout, role, env, connector)
            }
            "subtask-verifier" => lambda
                .host::<subtask_verifier::SubtaskVerifier>(name, timeout, role, env, connector),
            "remediation-planner" => lambda.host::<remediation_planner::RemediationPlanner>(
                name, timeout, role, env, connector,
            ),
            "rollback" => lambda.host::<rollback::Rollback>(name, timeout, role, env, connector),
            "force-stop-and-restore" => lambda.host::<force_stop_and_restore::ForceStopAndRestore>(
                name, timeout, role, env, connector,
            ),
            "snapshot-keeper" => {
                lambda.host::<snapshot_keeper::SnapshotKeeper>(name, timeout, role, env, connector)
            }
            "sweeper" => lambda.host::<sweeper::Sweeper>(name, timeout, role, env, connector),
            package => return Err(format!("there is no package {package}")),
        }
        Ok(())
    }
}
