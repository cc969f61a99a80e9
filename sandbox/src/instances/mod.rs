//! Instances as supervised processes.

/// The main of an instance's supervisor process.
pub fn supervisor_main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}

use std::net::SocketAddr;

use futures_util::future::BoxFuture;

use crate::world::plane::{DataPlane, Deployment, DeploymentFailure};

/// A machine that runs nothing.
pub(crate) struct NoInstances;

impl DataPlane for NoInstances {
    fn launch(&self, _instance_id: &str) {}

    fn deploy(&self, _deployment: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>> {
        Box::pin(std::future::ready(Err(DeploymentFailure {
            reason: "no instance can run here".to_owned(),
            log: String::new(),
        })))
    }

    fn restart(&self, _instance_id: &str) {}

    fn terminate(&self, _instance_id: &str) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn address(&self, _instance_id: &str) -> Option<SocketAddr> {
        None
    }

    fn log_tail(&self, _instance_id: &str) -> String {
        String::new()
    }
}
