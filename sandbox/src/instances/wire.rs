//! What the daemon and a supervisor tell each other: one JSON object a line, on the supervisor's standard input and output.
//! Must know nothing of what is done about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::user::User;
use crate::world::plane::{CommandEnd, CpuReading};

/// From the daemon. The end of the stream means: end everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Order {
    Deploy(Release),
    Restart,
    Run(Command),
    /// The command of that id.
    Cancel(String),
}

/// A version to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Release {
    /// Counts the deployments of an instance.
    pub number: u64,
    /// The zip.
    pub bundle: PathBuf,
    pub environment: BTreeMap<String, String>,
    /// The version is there already: only its configuration is new.
    pub configuration: bool,
}

/// A script to run beside the version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Command {
    pub id: String,
    /// For the shell.
    pub script: String,
    /// A directory of its own where `None`.
    pub directory: Option<PathBuf>,
    /// It is ended after this time.
    pub limit: Duration,
    pub environment: BTreeMap<String, String>,
}

/// From the supervisor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Report {
    /// What ran before was stopped.
    Stopped,
    /// The web process listens on `port` of loopback; what else belongs to the deployment is not done yet.
    Serving {
        port: u16,
    },
    /// Release `number` is deployed: its web process listens on `port` of loopback.
    Listening {
        number: u64,
        port: u16,
    },
    Failed {
        number: u64,
        reason: String,
        log: String,
    },
    /// What the instance's processors have done so far.
    Busy(CpuReading),
    /// The command of that id has ended.
    Ran {
        id: String,
        end: CommandEnd,
    },
}

/// What a supervisor is started with, in its environment: it is no command that people type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// In the environment of every process of the instance, see [`super::mark`].
    pub mark: String,
    /// Where the processes' output goes.
    pub logs: PathBuf,
    /// Where its software is, see [`super::home`].
    pub home: PathBuf,
    /// Who runs it.
    pub user: User,
    /// Nominal ones.
    pub processors: u32,
    /// What a second of the version's own processes counts for, see [`super::governor`].
    pub weight: f64,
}

/// The variable that holds [`Setup`].
pub(super) const SETUP: &str = "CONFCTL_SANDBOX_SUPERVISOR";

#[cfg(test)]
impl Setup {
    /// Of an instance whose folder lies in `place`.
    pub(super) fn in_folder(place: &std::path::Path) -> Self {
        Self {
            mark: super::mark::of_instance(place, "i-1"),
            logs: place.to_owned(),
            home: place.join("home"),
            user: User::of_new_instance(),
            processors: 2,
            weight: 1.0,
        }
    }
}
