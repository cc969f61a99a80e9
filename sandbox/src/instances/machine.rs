//! One instance as the daemon sees it: a supervisor process at the other end of a pipe.
//! Must know nothing of what the supervisor does with its orders.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};

use super::user::User;
use super::wire::{self, Order, Release, Report, SETUP, Setup};
use super::{Host, home, mark};
use crate::world::plane::{Command, CommandEnd, CpuReading, Deployment, DeploymentFailure};

/// In the folder of the logs: what it was last told to run.
const BUNDLE: &str = "bundle.zip";
/// A supervisor ends its processes within this time or is killed with them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time scale at which what a version does counts in full.
const USUAL_SCALE: f64 = 60.0;

/// What a supervisor has of the daemon's environment: where programs and their libraries are, and where temporary files go.
const KEPT: &[&str] = &["PATH", "LD_LIBRARY_PATH", "HOME", "LANG", "TMPDIR", "RUST_BACKTRACE"];

type Answer = oneshot::Sender<Result<(), DeploymentFailure>>;

pub(super) struct Machine {
    host: Host,
    mark: String,
    /// Dropping it closes the pipe, and the supervisor ends.
    orders: Mutex<Option<mpsc::UnboundedSender<Order>>>,
    seen: Arc<Mutex<Seen>>,
    /// True when the supervisor and all its processes are gone.
    ended: watch::Receiver<bool>,
}

/// What the supervisor told.
#[derive(Default)]
struct Seen {
    address: Option<SocketAddr>,
    cpu: Option<CpuReading>,
    /// Commands that run, by their ids.
    commands: HashMap<String, oneshot::Sender<CommandEnd>>,
    releases: u64,
    awaited: Option<(u64, Answer)>,
}

impl Seen {
    /// Nothing will be heard of the supervisor any more.
    fn give_up(&mut self) {
        self.address = None;
        self.cpu = None;
        self.awaited = None;
        self.commands.clear();
    }
}

impl Machine {
    /// Starts the supervisor. That it could not be started shows when something is deployed.
    pub(super) fn boot(host: Host, instance_id: &str, processors: u32) -> Self {
        let mark = mark::of_instance(&host.directory, instance_id);
        let (orders, queue) = mpsc::unbounded_channel();
        let (finished, ended) = watch::channel(false);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let setup = Setup {
            mark: mark.clone(),
            logs: host.directory.join(instance_id),
            home: host.software.join(instance_id),
            user: User::of_new_instance(),
            processors,
            weight: (USUAL_SCALE / host.time_scale).min(1.0),
        };
        match start(&host, &setup) {
            Ok(child) => {
                tokio::spawn(attend(child, queue, seen.clone(), setup, finished));
            }
            Err(error) => {
                tracing::error!(instance_id, %error, "the instance's supervisor could not be started");
                // Nothing to wait for at its end.
                let _ = finished.send(true);
            }
        }
        Self {
            host,
            mark,
            orders: Mutex::new(Some(orders)),
            seen,
            ended,
        }
    }

    pub(super) async fn deploy(&self, deployment: Deployment) -> Result<(), DeploymentFailure> {
        let directory = self.host.directory.join(&deployment.instance_id);
        let bundle = directory.join(BUNDLE);
        tokio::fs::write(&bundle, &deployment.bundle)
            .await
            .map_err(|error| failure(&format!("the source bundle could not be stored: {error}")))?;
        let (answer, result) = oneshot::channel();
        let number = {
            let mut seen = lock(&self.seen);
            seen.releases += 1;
            // A deployment that another one overtakes fails: its answer is dropped.
            seen.awaited = Some((seen.releases, answer));
            seen.releases
        };
        self.order(Order::Deploy(Release {
            number,
            bundle,
            environment: environment(&self.host, &deployment),
            configuration: deployment.configuration,
        }));
        result.await.unwrap_or_else(|_| Err(gone()))
    }

    pub(super) fn restart(&self) {
        self.order(Order::Restart);
    }

    /// Runs a script to its end; `None` where the instance ends before.
    pub(super) async fn run(&self, command: Command) -> Option<CommandEnd> {
        let (answer, end) = oneshot::channel();
        lock(&self.seen).commands.insert(command.id.clone(), answer);
        self.order(Order::Run(wire::Command {
            environment: platform(&self.host, command.role_arn.as_deref()),
            id: command.id,
            script: command.script,
            directory: command.directory.map(PathBuf::from),
            limit: command.limit,
        }));
        end.await.ok()
    }

    pub(super) fn cancel(&self, command_id: &str) {
        self.order(Order::Cancel(command_id.to_owned()));
    }

    pub(super) fn cpu(&self) -> Option<CpuReading> {
        lock(&self.seen).cpu
    }

    fn order(&self, order: Order) {
        let taken = lock(&self.orders)
            .as_ref()
            .is_some_and(|orders| orders.send(order).is_ok());
        if taken {
            return;
        }
        // A machine that has ended takes no orders; who waits for one hears that it is gone.
        lock(&self.seen).give_up();
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        lock(&self.seen).address
    }

    pub(super) async fn terminate(&self) {
        lock(&self.orders).take();
        let mut ended = self.ended.clone();
        // An error: the task that would tell is gone, and the supervisor with it.
        let _ = ended.wait_for(|ended| *ended).await;
        tracing::debug!(mark = self.mark, "the instance is gone");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn failure(reason: &str) -> DeploymentFailure {
    DeploymentFailure {
        reason: reason.to_owned(),
        log: format!("[ERROR] {reason}"),
    }
}

pub(super) fn gone() -> DeploymentFailure {
    failure("the instance is gone: it was terminated, or could not be started")
}

/// The environment of the version's processes: the environment's properties, and what the platform gives.
fn environment(host: &Host, deployment: &Deployment) -> BTreeMap<String, String> {
    let mut properties = deployment.properties.clone();
    properties.extend(platform(host, deployment.role_arn.as_deref()));
    properties
}

/// AWS gives credentials by the metadata service, which loopback cannot have: here they are in the environment, with the
/// endpoint of the sandbox. A region is not: Beanstalk sets none (inferred: the guide's example sets it as a property,
/// environments-cfg-softwaresettings), and who forgets the property finds out here.
fn platform(host: &Host, role_arn: Option<&str>) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
    set("AWS_ENDPOINT_URL", &host.endpoint);
    set("AWS_EC2_METADATA_DISABLED", "true");
    if let Some(credentials) = role_arn.and_then(|role| (host.credentials)(role)) {
        set("AWS_ACCESS_KEY_ID", &credentials.access_key_id);
        set("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key);
        set("AWS_SESSION_TOKEN", &credentials.session_token);
    }
    environment
}

fn start(host: &Host, setup: &Setup) -> std::io::Result<Child> {
    fs_err::create_dir_all(&setup.logs)?;
    let (program, arguments) = host.supervisor.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    tokio::process::Command::new(program)
        .args(arguments)
        // Whatever else the daemon was given, credentials above all, is none of an instance's business.
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env(SETUP, serde_json::to_string(setup)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(supervisor_log(&setup.logs)?)
        // Ctrl-C in the daemon's terminal is for the daemon: the pipe tells the supervisor.
        .process_group(0)
        .spawn()
}

fn supervisor_log(logs: &Path) -> std::io::Result<Stdio> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(logs.join("supervisor.log"))?;
    Ok(file.into())
}

/// Carries orders and reports until the supervisor has ended, and makes sure that its processes have, too.
async fn attend(
    mut child: Child,
    mut queue: mpsc::UnboundedReceiver<Order>,
    seen: Arc<Mutex<Seen>>,
    setup: Setup,
    finished: watch::Sender<bool>,
) {
    if let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) {
        let send = async move {
            while let Some(order) = queue.recv().await {
                let mut line = serde_json::to_vec(&order).unwrap_or_default();
                line.push(b'\n');
                if input.write_all(&line).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = send => {}
            () = listen(output, &seen) => {}
        }
    }
    lock(&seen).give_up();
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        // Already ended in between: nothing to kill.
        let _ = child.kill().await;
    }
    // A supervisor that was killed could not do it.
    let cleaning = tokio::task::spawn_blocking(move || {
        mark::sweep_instance(&setup);
        home::remove(&setup);
        // Of an instance that is gone only its logs are asked for.
        let _ = std::fs::remove_file(setup.logs.join(BUNDLE));
    });
    let _ = cleaning.await;
    let _ = finished.send(true);
}

async fn listen(output: ChildStdout, seen: &Mutex<Seen>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(report) => note(&mut lock(seen), report),
            Err(error) => tracing::warn!(%error, line, "a supervisor said something that is no report"),
        }
    }
}

fn note(seen: &mut Seen, report: Report) {
    let (number, result) = match report {
        Report::Stopped => {
            seen.address = None;
            return;
        }
        Report::Serving { port } => {
            seen.address = Some((Ipv4Addr::LOCALHOST, port).into());
            return;
        }
        Report::Listening { number, port } => {
            seen.address = Some((Ipv4Addr::LOCALHOST, port).into());
            (number, Ok(()))
        }
        Report::Failed { number, reason, log } => (number, Err(DeploymentFailure { reason, log })),
        Report::Busy(reading) => {
            seen.cpu = Some(reading);
            return;
        }
        Report::Ran { id, end } => {
            if let Some(answer) = seen.commands.remove(&id) {
                // Who asked may have given up.
                let _ = answer.send(end);
            }
            return;
        }
    };
    if let Some((_, answer)) = seen.awaited.take_if(|(awaited, _)| *awaited == number) {
        // Who asked may have given up.
        let _ = answer.send(result);
    }
}
