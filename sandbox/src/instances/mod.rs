//! Instances as supervised processes: the data plane of [`crate::world::plane`] on this machine.
//! Must know nothing of AWS's APIs; it is given bundles, properties and names, and runs them.

mod beneath;
mod bundle;
mod command;
mod governor;
mod guest;
mod home;
mod hooks;
mod log;
mod machine;
mod mark;
mod nginx;
mod output;
mod processes;
mod procfile;
mod supervisor;
#[cfg(test)]
pub(crate) mod tests;
mod unpack;
mod user;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::world::plane::{Command, CommandEnd, CpuReading, DataPlane, Deployment, DeploymentFailure, LogGrowth};
use machine::Machine;
pub use supervisor::supervisor_main;

/// Temporary credentials as an instance profile gives them.
#[derive(Debug, Clone)]
pub(crate) struct RoleCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

/// Gives credentials of a role by its ARN; `None` if there is no such role.
pub(crate) type CredentialSource = Arc<dyn Fn(&str) -> Option<RoleCredentials> + Send + Sync>;

/// Every instance of the sandbox.
pub(crate) struct Machines {
    host: Host,
    running: Mutex<HashMap<String, Arc<Machine>>>,
}

/// What all instances have in common.
#[derive(Clone)]
pub(crate) struct Host {
    /// Where logs are: `<directory>/instances/<id>/`.
    pub directory: PathBuf,
    /// Where versions are unpacked; the instances' user must reach it.
    pub software: PathBuf,
    /// The command that runs [`supervisor_main`].
    pub supervisor: Vec<OsString>,
    /// The API of this sandbox, in place of the instance metadata service and AWS's endpoints.
    pub endpoint: String,
    pub credentials: CredentialSource,
    /// Sandbox seconds in a real one.
    pub time_scale: f64,
}

impl Machines {
    /// `directory` is the sandbox's own; `supervisor` a command that ends in [`supervisor_main`]. What a killed daemon
    /// may have left of its instances is ended first.
    pub(crate) fn new(
        directory: PathBuf,
        supervisor: Vec<OsString>,
        api_port: u16,
        credentials: CredentialSource,
        time_scale: f64,
    ) -> Self {
        let instances = directory.join("instances");
        mark::sweep(&mark::prefix(&instances));
        bundle::remove_all(&instances);
        let software = bundle::make_place_for_software(&instances).unwrap_or_else(|error| {
            tracing::error!(%error, "no place for the software of instances; their deployments will fail");
            instances.clone()
        });
        Self {
            host: Host {
                software,
                directory: instances,
                supervisor,
                endpoint: format!("http://127.0.0.1:{api_port}"),
                credentials,
                time_scale,
            },
            running: Mutex::default(),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Arc<Machine>>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn machine(&self, instance_id: &str) -> Option<Arc<Machine>> {
        self.running().get(instance_id).cloned()
    }
}

impl DataPlane for Machines {
    fn launch(&self, instance_id: &str, processors: u32) {
        self.running()
            .entry(instance_id.to_owned())
            .or_insert_with(|| Arc::new(Machine::boot(self.host.clone(), instance_id, processors)));
    }

    fn deploy(&self, deployment: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>> {
        self.launch(&deployment.instance_id, 1);
        let machine = self.machine(&deployment.instance_id);
        async move {
            match machine {
                Some(machine) => machine.deploy(deployment).await,
                None => Err(machine::gone()),
            }
        }
        .boxed()
    }

    fn restart(&self, instance_id: &str) {
        if let Some(machine) = self.machine(instance_id) {
            machine.restart();
        }
    }

    fn cpu(&self, instance_id: &str) -> Option<CpuReading> {
        self.machine(instance_id)?.cpu()
    }

    fn run(&self, instance_id: &str, command: Command) -> BoxFuture<'static, Option<CommandEnd>> {
        let machine = self.machine(instance_id);
        async move { machine?.run(command).await }.boxed()
    }

    fn cancel(&self, instance_id: &str, command_id: &str) {
        if let Some(machine) = self.machine(instance_id) {
            machine.cancel(command_id);
        }
    }

    fn terminate(&self, instance_id: &str) -> BoxFuture<'static, ()> {
        let machine = self.running().remove(instance_id);
        async move {
            if let Some(machine) = machine {
                machine.terminate().await;
            }
        }
        .boxed()
    }

    fn address(&self, instance_id: &str) -> Option<SocketAddr> {
        self.machine(instance_id)?.address()
    }

    fn log_tail(&self, instance_id: &str) -> String {
        log::tail(&self.host.directory.join(instance_id).join("web.stdout.log"))
    }

    fn logs(&self, instance_id: &str) -> Vec<(String, String)> {
        log::all(&self.host.directory.join(instance_id))
    }

    fn log_growth(&self, instance_id: &str, known: &BTreeMap<String, u64>) -> Vec<LogGrowth> {
        log::growth(&self.host.directory.join(instance_id), known)
    }

    fn shutdown(&self) -> BoxFuture<'static, ()> {
        let software = self.host.software.clone();
        let machines: Vec<_> = self.running().drain().map(|(_, machine)| machine).collect();
        async move {
            futures_util::future::join_all(machines.iter().map(|machine| machine.terminate())).await;
            // Only where it is not the directory that the logs stay in.
            let _ = std::fs::remove_dir(software);
        }
        .boxed()
    }
}
