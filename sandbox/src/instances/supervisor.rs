//! The supervisor process of one instance: runs a version's processes, keeps them running, and dies with the daemon.
//! Must know nothing of AWS; it gets releases on its standard input and reports on its standard output.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, set_child_subreaper, setpriority_pgrp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::beneath::Folder;
use super::governor::Governor;
use super::hooks::{self, Step};
use super::procfile::Process;
use super::user::User;
use super::wire::{self, Order, Release, Report, SETUP, Setup};
use super::{bundle, command, guest, home, log, mark, nginx, processes};
use crate::world::plane::START_LIMIT;

/// A web process that has ended so often before it ever listened will not listen.
const FAILED_STARTS: u32 = 3;

/// systemd's pause before a restart (RestartSec).
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// From SIGTERM to SIGKILL.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Below the load balancer and the API, which must stay responsive while instances burn.
const NICENESS: i32 = 10;

/// Between two reports of what the processors do: often enough that a minute of the fastest clocks has one.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Ports of instances: outside of the range that the kernel gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Ports between those of two instances that were started one after the other.
const BETWEEN: usize = 61;

/// The main of an instance's supervisor process. Ends when its standard input closes; nothing that it started outlives it.
pub fn supervisor_main() -> ExitCode {
    let setup = std::env::var(SETUP)
        .ok()
        .and_then(|text| serde_json::from_str::<Setup>(&text).ok());
    let Some(setup) = setup else {
        return ExitCode::from(64);
    };
    if shut_in(&setup).is_err() {
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return ExitCode::FAILURE;
    };
    let served = runtime.block_on(serve(&setup));
    // Orphans were adopted: whatever they made of their groups, sessions and environments, they are below.
    let own = rustix::process::getpid();
    processes::end_all(|| processes::alive_below(own));
    // A daemon that was killed cannot do it.
    mark::sweep_instance(&setup);
    home::remove(&setup);
    // Not waiting for the blocking read of standard input.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What holds for all that is started from here on. Before there is any other thread: it is each thread's own affair.
#[cfg(target_os = "linux")]
fn shut_in(setup: &Setup) -> std::io::Result<()> {
    // No program on the machine makes anybody more than what he is, whatever its mode says (prctl(2), PR_SET_NO_NEW_PRIVS).
    rustix::thread::set_no_new_privs(true)?;
    if setup.user == User::Sandbox {
        // The software is this process's own user's, and is not to read its memory and environment.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn shut_in(_: &Setup) -> std::io::Result<()> {
    Ok(())
}

async fn serve(setup: &Setup) -> std::io::Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut running: Option<Version> = None;
    let mut commands = Commands::default();
    tokio::spawn(govern(setup));
    loop {
        let line = tokio::select! {
            line = orders.next_line() => line?,
            _ = terminated.recv() => None,
        };
        let Some(line) = line else { break };
        match serde_json::from_str(&line)? {
            Order::Deploy(release) => {
                // As on Beanstalk, what runs goes on where the new version cannot even be unpacked.
                match prepare(setup, &release).await {
                    Ok(staged) => {
                        let is_proxied = running.is_some();
                        stop(running.take()).await;
                        report(&Report::Stopped).await;
                        running = Some(run(setup, release, staged, is_proxied));
                    }
                    Err(reason) => {
                        note_failure(setup, &release, None, &reason);
                        report(&failed(setup, release.number, &reason, false)).await;
                    }
                }
            }
            Order::Restart => {
                if let Some(version) = &running {
                    version.restart.send_modify(|count| *count += 1);
                }
            }
            Order::Run(command) => commands.run(setup, command),
            Order::Cancel(id) => commands.cancel(&id),
        }
    }
    stop(running).await;
    Ok(())
}

/// Watches what the instance's processes use of its processors, and tells it.
fn govern(setup: &Setup) -> impl Future<Output = ()> + use<> {
    let own = rustix::process::getpid();
    // Adopts orphans, so that all that was ever started is found below this process.
    if let Err(error) = set_child_subreaper(Some(own)) {
        tracing::warn!(%error, "processes that leave their parents will not be seen");
    }
    let mut governor = Governor::new(own, command::marks(&setup.mark), setup.processors, setup.weight);
    async move {
        let mut told: Option<Instant> = None;
        loop {
            let (reading, pause) = governor.look();
            if told.is_none_or(|time| time.elapsed() >= TELL_EVERY) {
                told = Some(Instant::now());
                report(&Report::Busy(reading)).await;
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Scripts that run, by their ids.
#[derive(Default)]
struct Commands(HashMap<String, CancellationToken>);

impl Commands {
    fn run(&mut self, setup: &Setup, command: wire::Command) {
        let cancel = CancellationToken::new();
        self.0.insert(command.id.clone(), cancel.clone());
        let setup = setup.clone();
        tokio::spawn(async move {
            let end = command::run(&setup, &command, cancel).await;
            report(&Report::Ran { id: command.id, end }).await;
        });
    }

    /// One that has ended already stays as it ended.
    fn cancel(&mut self, id: &str) {
        if let Some(cancel) = self.0.remove(id) {
            cancel.cancel();
        }
    }
}

async fn report(report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    let mut output = tokio::io::stdout();
    // Nobody listens any more: then the input closes, too.
    let _ = output.write_all(&line).await;
    let _ = output.flush().await;
}

/// The engine's last word on a deployment that failed, in a step that it names or not.
fn note_failure(setup: &Setup, release: &Release, step: Option<&str>, reason: &str) {
    let command = hooks::command_of(release);
    let step = step.map_or_else(String::new, |step| format!(" - [{step}]"));
    let text = format!(
        "An error occurred during execution of command [{command}]{step}. Stop running the command. Error: {reason}"
    );
    hooks::note(setup, "ERROR", &text);
    hooks::note(setup, "INFO", "Executing cleanup logic");
}

/// In the words of eb-engine.log.
fn failed(setup: &Setup, number: u64, reason: &str, quote_output: bool) -> Report {
    let mut text = format!(
        "[ERROR] An error occurred during execution of command [app-deploy]. Stop running the command. Error: {reason}"
    );
    if quote_output {
        let output = log::tail(&setup.logs.join("web.stdout.log"));
        text = format!("{text}\n----- web.stdout.log -----\n{output}");
    }
    Report::Failed {
        number,
        reason: reason.to_owned(),
        log: text,
    }
}

/// Stages a release and runs the hooks that come before it starts.
async fn prepare(setup: &Setup, release: &Release) -> Result<Staged, String> {
    let command = hooks::command_of(release);
    hooks::note(setup, "INFO", &format!("Executing command [{command}]."));
    let staged = stage(setup, release)?;
    let done = before_start(setup, release, &staged.directory).await;
    if done.is_err() {
        // Left behind, it is removed with the instance.
        let _ = std::fs::remove_dir_all(&staged.directory);
    }
    done.map(|()| staged)
}

async fn before_start(setup: &Setup, release: &Release, directory: &Path) -> Result<(), String> {
    hooks::run(setup, release, directory, Step::PreBuild).await?;
    hooks::build(setup, release, directory).await?;
    hooks::run(setup, release, directory, Step::PreDeploy).await
}

/// An unpacked bundle.
struct Staged {
    directory: PathBuf,
    processes: Vec<Process>,
}

/// Unpacks a release beside what runs.
fn stage(setup: &Setup, release: &Release) -> Result<Staged, String> {
    let directory = home::of_version(setup, release.number);
    bundle::unpack(setup, &release.bundle, &directory)?;
    let unreadable = |error: std::io::Error| format!("the directory of the version could not be read: {error}");
    let processes = bundle::processes(&Folder::open(&directory, setup.user).map_err(unreadable)?)?;
    Ok(Staged { directory, processes })
}

/// A version that runs.
struct Version {
    /// The mark of its processes.
    mark: String,
    directory: PathBuf,
    stop: CancellationToken,
    restart: watch::Sender<u32>,
    keepers: JoinSet<()>,
}

/// `is_proxied`: whether the proxy runs already, with what it was told before.
fn run(setup: &Setup, release: Release, staged: Staged, is_proxied: bool) -> Version {
    let mark = format!("{}{}", setup.mark, release.number);
    let stop = CancellationToken::new();
    let (restart, restarts) = watch::channel(0);
    let (ended, ends) = watch::channel(0);
    let port = free_port();
    let mut keepers = JoinSet::new();
    for process in staged.processes {
        let keeper = Keeper {
            environment: with_port(&release, &mark, port),
            log: setup.logs.join(format!("{}.stdout.log", process.name)),
            user: setup.user,
            directory: staged.directory.clone(),
            ended: process.is_main.then(|| ended.clone()),
            process,
            stop: stop.clone(),
            restarts: restarts.clone(),
        };
        keepers.spawn(keeper.keep());
    }
    let start = Start {
        setup: setup.clone(),
        directory: staged.directory.clone(),
        release,
        port,
        is_proxied,
    };
    keepers.spawn(start.watch(ends, stop.clone()));
    Version {
        mark,
        directory: staged.directory,
        stop,
        restart,
        keepers,
    }
}

/// `PORT` is ours to choose: on AWS nginx stands between, and every instance can have the same one.
fn with_port(release: &Release, mark: &str, port: u16) -> Vec<(String, String)> {
    let mut environment = release.environment.clone();
    environment.insert("PORT".to_owned(), port.to_string());
    environment.insert(mark::VARIABLE.to_owned(), mark.to_owned());
    environment.into_iter().collect()
}

/// Other instances may look at the same moment, and each port is free until its process listens: every supervisor begins
/// at a place of its own, by its process id.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let skipped = std::process::id() as usize * BETWEEN % PORTS.len();
    let mut ports = PORTS.cycle().skip(skipped).take(PORTS.len());
    ports.find(free).unwrap_or(PORTS.start)
}

/// A release whose processes have been started.
struct Start {
    setup: Setup,
    directory: PathBuf,
    release: Release,
    port: u16,
    is_proxied: bool,
}

impl Start {
    /// Reports once whether the web process came to listen. Restarts keep the port and need no report.
    async fn watch(self, mut ends: watch::Receiver<u32>, stop: CancellationToken) {
        let began = Instant::now();
        loop {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                return self.finish(&stop).await;
            }
            if *ends.borrow_and_update() >= FAILED_STARTS {
                let reason = "update processes [web] pid symlinks failed with error failed to read file /var/pids/web.pid \
                              after 6 attempts: the web process ends as soon as it is started";
                return self.fail(reason).await;
            }
            if began.elapsed() > START_LIMIT {
                let reason = format!(
                    "the web process does not listen on the port in its environment variable PORT ({} s)",
                    START_LIMIT.as_secs()
                );
                return self.fail(&reason).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }

    /// It serves; the last hooks decide what becomes of the deployment, but not of that.
    async fn finish(&self, stop: &CancellationToken) {
        let (number, port) = (self.release.number, self.port);
        if let Err(why) = nginx::test(&self.setup, &self.directory, port).await {
            // The version is in its place already: a proxy that runs goes on, with the configuration of before.
            if self.is_proxied {
                report(&Report::Serving { port }).await;
            }
            note_failure(
                &self.setup,
                &self.release,
                Some("start proxy with new configuration"),
                &why,
            );
            return report(&failed(&self.setup, number, &why, false)).await;
        }
        if hooks::are_there(&self.setup, &self.release, &self.directory, Step::PostDeploy) {
            report(&Report::Serving { port }).await;
            let hooks = hooks::run(&self.setup, &self.release, &self.directory, Step::PostDeploy);
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = hooks => done,
            };
            if let Err(why) = done {
                return report(&failed(&self.setup, number, &why, false)).await;
            }
        }
        hooks::note(&self.setup, "INFO", "Instance deployment completed successfully.");
        report(&Report::Listening { number, port }).await;
    }

    async fn fail(&self, reason: &str) {
        note_failure(&self.setup, &self.release, None, reason);
        log::refused_connection(&self.setup.logs, self.port);
        report(&failed(&self.setup, self.release.number, reason, true)).await;
    }
}

async fn stop(version: Option<Version>) {
    let Some(mut version) = version else { return };
    version.stop.cancel();
    while version.keepers.join_next().await.is_some() {}
    // Whoever left the process group is still found by the mark.
    mark::sweep(&version.mark);
    // Left behind, it is removed with the instance.
    let _ = std::fs::remove_dir_all(&version.directory);
}

/// Keeps one line of the Procfile running, as systemd does with `Restart=always`.
struct Keeper {
    process: Process,
    user: User,
    directory: PathBuf,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// Counts how often the process ended by itself.
    ended: Option<watch::Sender<u32>>,
    stop: CancellationToken,
    restarts: watch::Receiver<u32>,
}

impl Keeper {
    async fn keep(mut self) {
        while !self.stop.is_cancelled() {
            match self.start() {
                Ok(mut child) => {
                    // Kept: a child that has been waited for forgets its id.
                    let group = guest::group_of(&child);
                    tokio::select! {
                        _ = child.wait() => self.count_end(),
                        () = self.stop.cancelled() => return end(&mut child, group).await,
                        _ = self.restarts.changed() => {
                            end(&mut child, group).await;
                            continue;
                        }
                    }
                    // The shell is gone, but what it started in the background may not be.
                    signal_group(group, Signal::KILL);
                }
                Err(error) => {
                    let line = format!("could not start '{}': {error}\n", self.process.command);
                    log::keep(line.as_bytes(), self.log.clone()).await;
                    self.count_end();
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(RESTART_PAUSE) => {}
            }
        }
    }

    fn count_end(&self) {
        if let Some(ended) = &self.ended {
            ended.send_modify(|count| *count += 1);
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(&self.process.command)
            .current_dir(&self.directory);
        guest::prepare(&mut command, self.user, &self.directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn()?;
        if let Some(group) = guest::group_of(&child) {
            // Only a courtesy: an instance that cannot be niced runs all the same.
            let _ = setpriority_pgrp(Some(group), NICENESS);
        }
        if let Some(output) = child.stdout.take() {
            tokio::spawn(log::keep(output, self.log.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            tokio::spawn(log::keep(errors, self.log.clone()));
        }
        Ok(child)
    }
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The group may be gone already.
        let _ = kill_process_group(group, signal);
    }
}

async fn end(child: &mut Child, group: Option<Pid>) {
    signal_group(group, Signal::TERM);
    if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
        signal_group(group, Signal::KILL);
        // It was killed: the wait only takes it off the process table.
        let _ = child.wait().await;
    }
    signal_group(group, Signal::KILL);
}
