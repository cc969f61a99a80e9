//! The sandbox as a process: its directory, start on demand, stop.
//! Must know nothing of AWS; it brings up the world behind the gateway and takes it down again.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rustix::process::{Pid, Signal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::gateway::bodies::Bodies;
use crate::gateway::faults::Faults;
use crate::gateway::request_log::RequestLog;
use crate::gateway::tls::Tls;
use crate::gateway::{Gateway, connections};
pub use crate::info::Info;
use crate::instances::{Machines, RoleCredentials};
use crate::services::s3::Store;
use crate::world::clock::Clock;
use crate::world::gates::{self, Gates};
use crate::world::{World, certificates, forgetting, ids, monitoring, tagging};

/// The account that the sandbox plays.
const ACCOUNT: &str = "123456789012";
/// Where it is by default: LocalStack's port, which people's tools know.
const PORT: u16 = 4566;
/// How long a daemon may take to be ready, and to end.
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long requests in flight may go on after the daemon was told to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// What a daemon has of the environment that it was started from.
const KEPT: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "RUST_BACKTRACE",
];
const KEPT_PREFIXES: &[&str] = &["XDG_", "CONFCTL_SANDBOX_"];

const INFO_FILE: &str = "sandbox.json";
const LOG_FILE: &str = "sandbox.log";
const REQUESTS_FILE: &str = "requests.jsonl";
const LOCK_FILE: &str = "start.lock";
/// The certificate of who signs for the sandbox's edge.
const AUTHORITY_FILE: &str = "authority.pem";
const OBJECTS_DIRECTORY: &str = "objects";

/// How a sandbox is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many sandbox seconds pass in a real one, 1 to 3600.
    pub time_scale: f64,
    /// 4566 or any free one by default.
    pub port: Option<u16>,
    /// How many sandbox seconds readers see what was before a change, as on AWS they may; 0 by default.
    pub tag_delay_seconds: u32,
    /// What the account cannot do yet; everything is open by default.
    pub gates: Gates,
    /// The command that ends in [`crate::supervisor_main`]: this program's hidden `sandbox instance` by default.
    pub supervisor: Vec<OsString>,
}

impl Default for Options {
    fn default() -> Self {
        let program = std::env::current_exe().map(PathBuf::into_os_string).unwrap_or_default();
        Self {
            time_scale: 60.0,
            port: None,
            tag_delay_seconds: 0,
            gates: Gates::default(),
            supervisor: vec![program, "sandbox".into(), "instance".into()],
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("there is no home directory; set CONFCTL_SANDBOX_DIR to say where the sandbox lives")]
    NoDirectory,
    #[error("the sandbox's folder {path} cannot be made: {source}")]
    NoFolder { path: PathBuf, source: std::io::Error },
    #[error("the sandbox does not use the folder {path}: {why}")]
    NotOurs { path: PathBuf, why: String },
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{path} is not what a sandbox writes: {source}")]
    Unreadable { path: PathBuf, source: serde_json::Error },
    #[error(
        "the sandbox in {directory} is run by version {running}, this is version {own}; end it with: confctl sandbox stop"
    )]
    OtherVersion {
        directory: PathBuf,
        running: String,
        own: String,
    },
    #[error("a sandbox runs in {directory} already, as process {pid}")]
    AlreadyRunning { directory: PathBuf, pid: u32 },
    #[error("the sandbox did not start: {reason}; its log ends with:\n{log}")]
    NotStarted { reason: String, log: String },
    #[error("process {0} of the sandbox does not end")]
    NotStopped(u32),
}

/// The sandbox's directory: `CONFCTL_SANDBOX_DIR`, else below the user's state directory.
///
/// # Errors
/// Where neither that nor a home directory is set.
pub fn directory() -> Result<PathBuf, DaemonError> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(directory) = variable("CONFCTL_SANDBOX_DIR") {
        return Ok(directory);
    }
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    Ok(state.ok_or(DaemonError::NoDirectory)?.join("confctl").join("sandbox"))
}

/// Where the certificate lies that whoever speaks TLS with the sandbox of a directory has to trust.
pub fn authority(directory: &Path) -> PathBuf {
    directory.join(AUTHORITY_FILE)
}

/// The sandbox that runs in a directory.
///
/// # Errors
/// Where `sandbox.json` cannot be read.
pub fn find(directory: &Path) -> Result<Option<Info>, DaemonError> {
    check_owner(directory)?;
    let path = directory.join(INFO_FILE);
    let text = match fs_err::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let info: Info = serde_json::from_slice(&text).map_err(|source| DaemonError::Unreadable { path, source })?;
    Ok(is_alive(&info).then_some(info))
}

/// The sandbox of a directory, started by `command` if it does not run. `command` is this program's `sandbox serve`.
///
/// # Errors
/// Where it does not become ready, or another version runs there.
pub fn ensure_started(directory: &Path, mut command: Command) -> Result<Info, DaemonError> {
    make_directory(directory)?;
    let lock = private_file(&directory.join(LOCK_FILE))?;
    // Two programs that need the sandbox at once start one.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(std::io::Error::from)?;
    if let Some(info) = find(directory)? {
        return of_this_version(directory, info);
    }
    let log = private_file(&directory.join(LOG_FILE))?;
    let begin = log.metadata()?.len();
    // glibc gives each thread an arena of its own, which keeps what was freed in it: after 400 stacks 42 MB of 300 were in use.
    command.env("MALLOC_ARENA_MAX", "2");
    forget_environment(&mut command);
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A Ctrl-C in the terminal is not meant for it.
        .process_group(0)
        .spawn()?;
    wait_until_ready(directory, child, begin)
}

/// It lives for long and needs nobody's credentials: of what this process was given it gets what is named here.
fn forget_environment(command: &mut Command) {
    let is_kept = |name: &OsStr| {
        name.to_str()
            .is_some_and(|name| KEPT.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
    };
    let set: Vec<OsString> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    for (name, _) in std::env::vars_os() {
        if !is_kept(&name) && !set.contains(&name) {
            command.env_remove(name);
        }
    }
}

fn wait_until_ready(directory: &Path, mut child: Child, log_begin: u64) -> Result<Info, DaemonError> {
    let begun = Instant::now();
    let failed = |reason: String| DaemonError::NotStarted {
        reason,
        log: log_since(&directory.join(LOG_FILE), log_begin),
    };
    loop {
        if let Some(info) = find(directory)? {
            return Ok(info);
        }
        if let Some(status) = child.try_wait()? {
            return Err(failed(format!("it ended with {status}")));
        }
        if begun.elapsed() > START_LIMIT {
            child.kill()?;
            child.wait()?;
            return Err(failed(format!("it was not ready within {} s", START_LIMIT.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn of_this_version(directory: &Path, info: Info) -> Result<Info, DaemonError> {
    let own = env!("CARGO_PKG_VERSION");
    if info.version == own {
        return Ok(info);
    }
    Err(DaemonError::OtherVersion {
        directory: directory.to_owned(),
        running: info.version,
        own: own.to_owned(),
    })
}

/// Ends the sandbox of a directory and waits until it is gone. `false`: none ran.
///
/// # Errors
/// Where it cannot be ended.
pub fn stop(directory: &Path) -> Result<bool, DaemonError> {
    let Some(info) = find(directory)? else {
        return Ok(false);
    };
    let pid = i32::try_from(info.pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(DaemonError::NotStopped(info.pid))?;
    for deadly in [Signal::TERM, Signal::KILL] {
        match rustix::process::kill_process(pid, deadly) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if !is_alive(&info) {
                remove_if_there(&directory.join(INFO_FILE))?;
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Err(DaemonError::NotStopped(info.pid))
}

/// The sandbox itself: serves until SIGTERM or SIGINT, then ends every instance and leaves.
///
/// # Errors
/// Where the directory or the port cannot be had.
pub async fn serve(directory: &Path, options: Options) -> Result<(), DaemonError> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The terminal that it was started from may go away.
    let mut hangup = signal(SignalKind::hangup())?;
    let stopper = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {}
            }
        }
        stopper.cancel();
    });
    serve_until(directory, options, stop).await
}

/// As [`serve`], until `stop` is cancelled.
///
/// # Errors
/// As [`serve`].
pub async fn serve_until(directory: &Path, options: Options, stop: CancellationToken) -> Result<(), DaemonError> {
    allow_open_files();
    make_directory(directory)?;
    if let Some(running) = find(directory)? {
        return Err(DaemonError::AlreadyRunning {
            directory: directory.to_owned(),
            pid: running.pid,
        });
    }
    let objects = directory.join(OBJECTS_DIRECTORY);
    // What an earlier sandbox left: its world is gone.
    if objects.exists() {
        fs_err::remove_dir_all(&objects)?;
    }
    let listener = listen(options.port).await?;
    let info = new_info(&options, listener.local_addr()?.port());
    make_directory(&objects)?;
    let store = Store::new(&objects)?;
    let world = new_world(directory, &options, &info, &store);
    crate::proxy::start(&world);
    let tls = Tls::new(world.clone()).map_err(std::io::Error::other)?;
    fs_err::write(authority(directory), tls.authority())?;
    let gateway = Arc::new(Gateway {
        world: world.clone(),
        store,
        log: RequestLog::create(&directory.join(REQUESTS_FILE))?,
        info: info.clone(),
        faults: Faults::default(),
        bodies: Bodies::default(),
        tls: Some(Arc::new(tls)),
    });
    publish(directory, &info)?;
    tracing::info!(port = info.port, pid = info.pid, "the sandbox is ready");
    tokio::select! {
        () = connections::serve(listener, gateway, &stop) => {}
        () = drained(&stop) => {}
    }
    world.shutdown.cancel();
    world.plane.shutdown().await;
    remove_if_there(&directory.join(INFO_FILE))?;
    Ok(())
}

/// Thousands of viewers at once need as many open files: shells give a process 1,024, and let it have more.
fn allow_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, files) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Resolves when the daemon was told to end and requests in flight have had their time.
async fn drained(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN_LIMIT).await;
}

fn new_world(directory: &Path, options: &Options, info: &Info, store: &Store) -> Arc<World> {
    // The world has the machines, and the machines ask the world for credentials.
    let owner: Arc<OnceLock<Weak<World>>> = Arc::default();
    let world_of = owner.clone();
    let credentials = Arc::new(move |role: &str| {
        let issued = world_of.get()?.upgrade()?.issue_credentials(role)?;
        Some(RoleCredentials {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
        })
    });
    let (supervisor, scale) = (options.supervisor.clone(), info.time_scale);
    let machines = Machines::new(directory.to_owned(), supervisor, info.port, credentials, scale);
    let world = World::new(
        &info.account,
        Clock::new(info.time_scale),
        CancellationToken::new(),
        Box::new(machines),
        Box::new(store.clone()),
    );
    // Set once: this is the only place.
    let _ = owner.set(Arc::downgrade(&world));
    let user = format!("arn:aws:iam::{}:user/sandbox", info.account);
    let mut state = world.lock();
    state.settling = SignedDuration::from_secs(i64::from(options.tag_delay_seconds));
    state.gates = options.gates;
    if options.gates.deprecated_policies {
        state.iam.retired.push(gates::DEPRECATED);
    }
    if options.gates.region_policy
        && let Err(refusal) = state.iam.add_service_control_policy(gates::REGION_POLICY)
    {
        tracing::error!(%refusal, "the organization's policy is none");
    }
    let credentials = &mut state.iam.credentials;
    credentials.add_user(&user, &info.access_key_id, &info.secret_access_key);
    drop(state);
    monitoring::minute::run(&world);
    monitoring::log_agent::run(&world);
    tagging::run(&world);
    certificates::run(&world);
    forgetting::run(&world);
    world
}

fn new_info(options: &Options, port: u16) -> Info {
    let pid = std::process::id();
    Info {
        pid,
        process_start: process_start(pid).unwrap_or_default(),
        port,
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: format!("AKIA{}", ids::capitals(16)),
        secret_access_key: ids::secret(40),
        token: ids::secret(40),
        time_scale: options.time_scale.clamp(1.0, 3600.0),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: jiff::Timestamp::now().to_string(),
    }
}

/// The port that was asked for; else the usual one; else any.
async fn listen(port: Option<u16>) -> Result<TcpListener, DaemonError> {
    let any = match port {
        Some(port) => return Ok(TcpListener::bind(("127.0.0.1", port)).await?),
        None => TcpListener::bind(("127.0.0.1", PORT)).await,
    };
    match any {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(TcpListener::bind(("127.0.0.1", 0)).await?),
        other => Ok(other?),
    }
}

/// Writes `sandbox.json` in one step: whoever sees it can connect.
fn publish(directory: &Path, info: &Info) -> Result<(), DaemonError> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer_pretty(&mut file, info).map_err(std::io::Error::from)?;
    // NamedTempFile makes files that only their owner can read.
    file.persist(directory.join(INFO_FILE)).map_err(|error| error.error)?;
    Ok(())
}

fn make_directory(directory: &Path) -> Result<(), DaemonError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| DaemonError::NoFolder {
        path: directory.to_owned(),
        source,
    })?;
    check_owner(directory)
}

/// In a folder where somebody else can write, he chooses which process is ended as the sandbox's and which files its own are.
fn check_owner(directory: &Path) -> Result<(), DaemonError> {
    use std::os::unix::fs::MetadataExt;
    let refused = |why: String| DaemonError::NotOurs {
        path: directory.to_owned(),
        why,
    };
    // One that is not there yet is made, or the error comes from there.
    let Ok(found) = std::fs::metadata(directory) else {
        return Ok(());
    };
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        return Err(refused(format!(
            "it belongs to user {}, and this is user {own}",
            found.uid()
        )));
    }
    if found.mode() & 0o022 != 0 {
        return Err(refused(format!(
            "others may write there (mode {:o})",
            found.mode() & 0o7777
        )));
    }
    Ok(())
}

fn private_file(path: &Path) -> Result<std::fs::File, DaemonError> {
    let mut options = std::fs::OpenOptions::new();
    Ok(options.create(true).append(true).read(true).mode(0o600).open(path)?)
}

fn remove_if_there(path: &Path) -> Result<(), DaemonError> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn log_since(path: &Path, begin: u64) -> String {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(begin))?;
        file.read_to_string(&mut text)
    });
    match read {
        Ok(_) => text,
        Err(error) => error.to_string(),
    }
}

/// Whether the process that wrote the file is still there, and still the same.
fn is_alive(info: &Info) -> bool {
    match process_start(info.pid) {
        Some(start) => start == info.process_start,
        None => false,
    }
}

/// When a process started, in clock ticks since boot; `None` if there is none, or only its zombie.
#[cfg(target_os = "linux")]
fn process_start(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// Elsewhere only whether there is one.
#[cfg(not(target_os = "linux"))]
fn process_start(pid: u32) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    rustix::process::test_kill_process(pid).ok().map(|()| 0)
}
