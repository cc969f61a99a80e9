//! What the world asks of the machine it runs on: processes for instances, bytes for objects.
//! Only traits and their data; `instances/` and `services/s3.rs` implement them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// What a deployment on one instance runs.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub instance_id: String,
    /// The application version's source bundle, a zip.
    pub bundle: Bytes,
    /// Environment properties as set on the environment. `PORT` is overridden by the plane.
    pub properties: BTreeMap<String, String>,
    /// Role that the instance profile gives, if any: the processes get temporary credentials of it.
    pub role_arn: Option<String>,
    pub region: String,
    /// Only the configuration is new, not the version.
    pub configuration: bool,
}

/// Why a deployment failed on an instance, in the form of Beanstalk's deployment log.
#[derive(Debug, Clone)]
pub(crate) struct DeploymentFailure {
    /// One line: what failed.
    pub reason: String,
    /// `[ERROR]` lines and up to 50 lines of the application's output.
    pub log: String,
}

/// Instances as real processes.
pub(crate) trait DataPlane: Send + Sync {
    /// An instance boots: nothing runs on it yet.
    fn launch(&self, instance_id: &str);

    /// Runs the bundle by its Procfile, in place of what ran before. Ready when the web process listens.
    fn deploy(&self, deployment: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>>;

    /// Restarts the instance's processes.
    fn restart(&self, instance_id: &str);

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

    /// The daemon ends: every process of every instance is gone when this resolves.
    fn shutdown(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Objects in S3, as other services see them.
pub(crate) trait Objects: Send + Sync {
    /// Makes the bucket if it is not there.
    fn ensure_bucket(&self, bucket: &str, region: &str) -> BoxFuture<'static, ()>;
    /// `None`: no such bucket or key.
    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'static, Option<Bytes>>;
    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'static, ()>;
    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'static, ()>;
    /// `bucket/key` of every object there is, and `bucket/` of every bucket.
    fn list_all(&self) -> BoxFuture<'static, Vec<String>>;
}
