//! Instances as a user of the sandbox meets them: real bundles, real processes, real deaths.

mod any_bytes;
mod burning;
mod guests;
mod hooks;
mod proxy;
mod scripts;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::user::User;
use super::wire::{Order, Release, Report, SETUP, Setup};
use super::{CredentialSource, Machines, RoleCredentials, mark};
use crate::world::plane::{DataPlane, Deployment};

/// The command of a supervisor: this test program, running [`supervisor_process`]. What the test harness prints before it is
/// no report and is passed over.
fn supervisor() -> Vec<OsString> {
    let tests = std::env::current_exe().unwrap();
    let arguments = [
        "instances::tests::supervisor_process",
        "--exact",
        "--nocapture",
        "--test-threads=2",
    ];
    std::iter::once(tests.into())
        .chain(arguments.map(OsString::from))
        .collect()
}

/// Not a test of its own, unless it is started as a supervisor.
#[test]
fn supervisor_process() {
    if std::env::var_os(SETUP).is_some() {
        assert_eq!(super::supervisor_main(), ExitCode::SUCCESS);
    }
}

/// A zip of files with their modes.
pub(crate) fn bundle(files: &[(&str, &str, u32)]) -> Bytes {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content, mode) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

/// A web server that needs nothing but Python's standard library.
pub(crate) const SERVER: &str = "web: exec python3 -u -m http.server --bind 127.0.0.1 $PORT\n";

pub(crate) fn deployment(instance_id: &str, bundle: Bytes) -> Deployment {
    Deployment {
        instance_id: instance_id.to_owned(),
        bundle,
        properties: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        role_arn: Some("arn:aws:iam::123456789012:role/app".to_owned()),
        configuration: false,
    }
}

pub(crate) fn machines(directory: &Path) -> Machines {
    machines_at(directory, 60.0)
}

/// The same where the clock runs that many times faster than real time.
pub(crate) fn machines_at(directory: &Path, scale: f64) -> Machines {
    let credentials: CredentialSource = Arc::new(|role| {
        Some(RoleCredentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: format!("token of {role}"),
        })
    });
    Machines::new(directory.to_owned(), supervisor(), 4566, credentials, scale)
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(15), "{what} does not come true");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A directory as the daemon makes its own: the instances' user cannot get there.
fn private_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let owner_only = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(owner_only).tempdir().unwrap()
}

fn processes_below(directory: &Path) -> usize {
    mark::marked(&mark::prefix(&directory.join("instances"))).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_runs_is_replaced_in_place_and_leaves_nothing() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines.launch("i-1", 2);
    assert_eq!(machines.address("i-1"), None);

    let first = bundle(&[("Procfile", SERVER, 0o644), ("static/page.txt", "one", 0o600)]);
    machines.deploy(deployment("i-1", first)).await.unwrap();
    assert!(get(machines.address("i-1").unwrap(), "/static/page.txt").ends_with("one"));

    let second = bundle(&[("Procfile", SERVER, 0o644), ("static/page.txt", "two", 0o644)]);
    machines.deploy(deployment("i-1", second)).await.unwrap();
    assert!(get(machines.address("i-1").unwrap(), "/static/page.txt").ends_with("two"));
    assert_eq!(processes_below(directory.path()), 1, "the first version still runs");

    machines.terminate("i-1").await;
    assert_eq!(machines.address("i-1"), None);
    assert_eq!(processes_below(directory.path()), 0);
    let left = std::fs::read_dir(directory.path().join("instances/i-1")).unwrap();
    let mut left = left.map(|entry| entry.unwrap().path());
    assert!(
        left.all(|path| path.extension().is_some_and(|end| end == "log")),
        "more than logs is left"
    );
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_is_started_again() {
    let directory = private_directory();
    let machines = machines(directory.path());
    machines
        .deploy(deployment("i-1", bundle(&[("Procfile", SERVER, 0o644)])))
        .await
        .unwrap();
    let address = machines.address("i-1").unwrap();
    let running = || mark::marked(&mark::prefix(&directory.path().join("instances")));
    let first = running();
    rustix::process::kill_process(first[0], rustix::process::Signal::KILL).unwrap();
    until("a new process", || {
        running() != first && TcpStream::connect(address).is_ok()
    })
    .await;

    let second = running();
    machines.restart("i-1");
    until("another process", || {
        running() != second && TcpStream::connect(address).is_ok()
    })
    .await;
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_get_the_properties_the_role_and_a_port_of_their_own_and_are_not_root() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let script =
        "#!/bin/sh\n{ env; echo UID=$(id -u); } > env.txt\nexec python3 -m http.server --bind 127.0.0.1 $PORT\n";
    let bundle = bundle(&[("Procfile", "web: ./run\n", 0o644), ("run", script, 0o755)]);
    machines.deploy(deployment("i-1", bundle.clone())).await.unwrap();
    machines.deploy(deployment("i-2", bundle)).await.unwrap();
    let (one, two) = (machines.address("i-1").unwrap(), machines.address("i-2").unwrap());
    assert_ne!(one, two);
    let environment = get(one, "/env.txt");
    for expected in [
        "GREETING=hello",
        "AWS_ENDPOINT_URL=http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID=ASIAEXAMPLE",
        "AWS_SESSION_TOKEN=token of arn:aws:iam::123456789012:role/app",
    ] {
        assert!(environment.contains(expected), "{expected} is not in {environment}");
    }
    assert!(!environment.contains("REGION="), "{environment}");
    if rustix::process::geteuid().is_root() {
        assert!(!environment.contains("UID=0\n"), "{environment}");
    }
    machines.shutdown().await;
    assert_eq!(processes_below(directory.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_cannot_be_unpacked_stops_nothing() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let good = bundle(&[("Procfile", SERVER, 0o644), ("page.txt", "one", 0o644)]);
    machines.deploy(deployment("i-1", good)).await.unwrap();
    for wrong in [Bytes::from_static(b"no zip"), bundle(&[("../outside", "", 0o644)])] {
        let failure = machines.deploy(deployment("i-1", wrong)).await.unwrap_err();
        assert!(failure.reason.contains("failed to extract"), "{}", failure.reason);
    }
    assert!(get(machines.address("i-1").unwrap(), "/page.txt").ends_with("one"));
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_beanstalk_would_refuse_fails_with_the_reason_and_the_output() {
    let directory = private_directory();
    let machines = machines(directory.path());
    let failure =
        async |files: &[(&str, &str, u32)]| machines.deploy(deployment("i-1", bundle(files))).await.unwrap_err();
    let nothing = failure(&[("readme.txt", "hello", 0o644)]).await;
    assert!(nothing.reason.contains("no Procfile"), "{}", nothing.reason);
    let malformed = failure(&[("Procfile", "web ./server", 0o644)]).await;
    assert!(
        malformed.reason.contains("Procfile could not be parsed"),
        "{}",
        malformed.reason
    );
    let crashing = failure(&[("Procfile", "web: echo no database >&2; exit 3\n", 0o644)]).await;
    assert!(
        crashing.reason.contains("web.pid after 6 attempts"),
        "{}",
        crashing.reason
    );
    assert!(crashing.log.contains("no database"), "{}", crashing.log);
    let not_executable = failure(&[("Procfile", "web: ./server\n", 0o644), ("server", "#!/bin/sh\n", 0o644)]).await;
    assert!(
        not_executable.log.contains("ermission denied"),
        "{}",
        not_executable.log
    );
    machines.shutdown().await;
}

/// Names the directory of [`daemon_process`].
const DAEMON: &str = "CONFCTL_SANDBOX_TEST_DAEMON";

/// No test of its own: it deploys and waits for its death.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the next test starts it as its daemon"]
async fn daemon_process() {
    let Some(directory) = std::env::var_os(DAEMON) else {
        return;
    };
    let machines = machines(Path::new(&directory));
    let procfile = "web: setsid sleep 600 & exec python3 -m http.server --bind 127.0.0.1 $PORT\n";
    let bundle = bundle(&[("Procfile", procfile, 0o644)]);
    machines.deploy(deployment("i-1", bundle)).await.unwrap();
    std::fs::write(Path::new(&directory).join("deployed"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_nothing_not_even_what_left_its_process_group() {
    let directory = private_directory();
    let mut daemon = Command::new(std::env::current_exe().unwrap())
        .args(["instances::tests::daemon_process", "--exact", "--ignored"])
        .env(DAEMON, directory.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("a deployment", || directory.path().join("deployed").exists()).await;
    assert!(processes_below(directory.path()) >= 2);

    daemon.kill().unwrap();
    daemon.wait().unwrap();
    until("the end of all processes", || processes_below(directory.path()) == 0).await;
    let instances = directory.path().join("instances");
    let software = std::fs::read_link(instances.join("software")).unwrap_or(instances);
    until("the end of the software", || {
        !software.join("i-1").join("versions").exists()
    })
    .await;
    super::bundle::remove_all(&directory.path().join("instances"));
}

/// A supervisor that is killed itself: the daemon that comes after sweeps what it left.
#[test]
fn a_new_daemon_ends_what_a_killed_one_and_its_supervisors_left() {
    let directory = private_directory();
    let instances = directory.path().join("instances");
    let (mut supervisor, setup) = start_by_hand(&instances, directory.path());
    deploy_by_hand(&mut supervisor, directory.path(), SERVER);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    assert_eq!(mark::marked(&setup.mark).len(), 1);

    let machines = machines(directory.path());
    assert_eq!(mark::marked(&setup.mark).len(), 0);
    assert!(!setup.home.exists());
    futures_util::FutureExt::now_or_never(machines.shutdown());
}

fn start_by_hand(instances: &Path, directory: &Path) -> (std::process::Child, Setup) {
    let setup = Setup {
        mark: mark::of_instance(instances, "i-1"),
        logs: directory.to_owned(),
        home: super::bundle::make_place_for_software(instances).unwrap().join("i-1"),
        user: User::of_new_instance(),
        processors: 2,
        weight: 1.0,
    };
    let supervisor = Command::new(&supervisor()[0])
        .args(&supervisor()[1..])
        .env(SETUP, serde_json::to_string(&setup).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    (supervisor, setup)
}

/// Deploys and waits until the web process listens.
fn deploy_by_hand(supervisor: &mut std::process::Child, directory: &Path, procfile: &str) {
    use std::io::BufRead;
    let zip = directory.join("bundle.zip");
    std::fs::write(&zip, bundle(&[("Procfile", procfile, 0o644)])).unwrap();
    let order = Order::Deploy(Release {
        number: 1,
        bundle: zip,
        environment: BTreeMap::new(),
        configuration: false,
    });
    let mut line = serde_json::to_string(&order).unwrap();
    line.push('\n');
    supervisor.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    let reports = std::io::BufReader::new(supervisor.stdout.take().unwrap());
    let listening = reports
        .lines()
        .filter_map(|line| serde_json::from_str(&line.unwrap()).ok())
        .any(|report| matches!(report, Report::Listening { .. }));
    assert!(listening);
}
