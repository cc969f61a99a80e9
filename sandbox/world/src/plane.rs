//! What the world asks of the machine it runs on: processes for instances, bytes for objects.
//! Only traits and their data; `instances/` and `services/s3.rs` implement them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::Tags;

/// How long a deployment's processes get, in real time, until the web process must listen. A deployment that never
/// listens fails only then: whoever waits for its answer waits longer.
pub const START_LIMIT: Duration = Duration::from_secs(40);

/// What a deployment on one instance runs.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub instance_id: String,
    /// The application version's source bundle, a zip.
    pub bundle: Bytes,
    /// Environment properties as set on the environment. `PORT` is the plane's to give.
    pub properties: BTreeMap<String, String>,
    /// Role that the instance profile gives, if any: the processes get temporary credentials of it.
    pub role_arn: Option<String>,
    /// Only the configuration is new, not the version.
    pub configuration: bool,
}

/// Why a deployment failed on an instance, in the form of Beanstalk's deployment log.
#[derive(Debug, Clone)]
pub struct DeploymentFailure {
    /// One line: what failed.
    pub reason: String,
    /// `[ERROR]` lines and up to 50 lines of the application's output.
    pub log: String,
}

/// What the processors of an instance have done since it was launched. Between two readings the instance was busy for
/// the difference of `busy` over the difference of `alive`; over one where its processes got more than their share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuReading {
    /// At 100 % of all its processors it grows as `alive` does.
    pub busy: Duration,
    /// Real time.
    pub alive: Duration,
}

/// A script to run on an instance, beside its version.
#[derive(Debug, Clone)]
pub struct Command {
    pub id: String,
    /// For `/bin/sh`.
    pub script: String,
    /// The working directory; one of its own where `None`.
    pub directory: Option<String>,
    /// Real time, after which it is ended.
    pub limit: Duration,
    /// As of [`Deployment`].
    pub role_arn: Option<String>,
}

/// How a script ended, and the first 24,000 characters of what it wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandEnd {
    pub outcome: CommandOutcome,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandOutcome {
    /// The exit code.
    Exited(i32),
    Cancelled,
    TimedOut,
}

/// What was added to a log of an instance, in whole lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGrowth {
    /// Its path below `/var/log`.
    pub name: String,
    pub lines: Vec<String>,
    /// How many bytes of it are known now.
    pub end: u64,
}

/// Instances as real processes.
pub trait DataPlane: Send + Sync {
    /// An instance with that many nominal processors boots: nothing runs on it yet.
    fn launch(&self, instance_id: &str, processors: u32);

    /// Runs the bundle by its Procfile, in place of what ran before. Ready when the web process listens.
    fn deploy(&self, deployment: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>>;

    /// Restarts the instance's processes.
    fn restart(&self, instance_id: &str);

    /// What its processors have done so far; `None` while there is nothing to be told.
    fn cpu(&self, _instance_id: &str) -> Option<CpuReading> {
        None
    }

    /// Runs a script as an unprivileged user; `None` where the instance ends before the script does.
    fn run(&self, _instance_id: &str, _command: Command) -> BoxFuture<'static, Option<CommandEnd>> {
        Box::pin(std::future::ready(None))
    }

    /// Ends a script that runs.
    fn cancel(&self, _instance_id: &str, _command_id: &str) {}

    /// Ends every process of the instance; it is gone when this resolves.
    fn terminate(&self, instance_id: &str) -> BoxFuture<'static, ()>;

    /// Where the instance's port 80 is on this machine, while it listens.
    fn address(&self, instance_id: &str) -> Option<SocketAddr>;

    /// The last lines that the instance's processes wrote.
    fn log_tail(&self, instance_id: &str) -> String;

    /// Every log of the instance, by its path below `/var/log`.
    fn logs(&self, _instance_id: &str) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What the logs have grown by behind the bytes that are known of each, by their paths below `/var/log`.
    fn log_growth(&self, _instance_id: &str, _known: &BTreeMap<String, u64>) -> Vec<LogGrowth> {
        Vec::new()
    }

    /// The daemon ends: every process of every instance is gone when this resolves.
    fn shutdown(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Objects in S3, as other services see them.
pub trait Objects: Send + Sync {
    /// Makes the bucket if it is not there.
    fn ensure_bucket(&self, bucket: &str, region: &str) -> BoxFuture<'static, ()>;
    /// Where a bucket is; `None` where there is no such bucket.
    fn region(&self, bucket: &str) -> Option<String>;
    /// `None`: no such bucket or key.
    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'static, Option<Bytes>>;
    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'static, ()>;
    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'static, ()>;
    /// `bucket/key` of every object there is, and `bucket/` of every bucket.
    fn list_all(&self) -> BoxFuture<'static, Vec<String>>;
    /// Every bucket with its region and tags.
    fn tagged_buckets(&self) -> Vec<(String, String, Tags)> {
        Vec::new()
    }
}
