//! The sandbox as a process of its own: started once, found, stopped, gone.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use confctl_sandbox::daemon::{self, DaemonError};

/// `examples/serve`, which `cargo test` builds beside the tests.
fn command(directory: &Path) -> Command {
    let test = std::env::current_exe().unwrap();
    let program: PathBuf = test.parent().unwrap().parent().unwrap().join("examples/serve");
    let mut command = Command::new(program);
    command.arg(directory);
    command
}

#[test]
fn it_starts_once_is_private_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("sandbox");
    assert!(daemon::find(&directory).unwrap().is_none());
    assert!(!daemon::stop(&directory).unwrap());

    // Many at once start one.
    let started: Vec<u32> = std::thread::scope(|scope| {
        let start = || daemon::ensure_started(&directory, command(&directory)).unwrap().pid;
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(started.iter().all(|pid| *pid == started[0]), "{started:?}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("sandbox.json")), 0o600);
    let info = daemon::find(&directory).unwrap().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", info.port)).is_ok());

    assert!(daemon::stop(&directory).unwrap());
    assert!(daemon::find(&directory).unwrap().is_none());
    assert!(!Path::new("/proc").join(info.pid.to_string()).join("exe").exists());
    assert!(!directory.join("sandbox.json").exists());
}

#[test]
fn a_sandbox_that_cannot_start_says_why() {
    let home = tempfile::tempdir().unwrap();
    let mut broken = Command::new("sh");
    broken.args(["-c", "echo the reason >&2; exit 3"]);
    let error = daemon::ensure_started(home.path(), broken).unwrap_err().to_string();
    assert!(error.contains("the reason") && error.contains('3'), "{error}");
}

#[test]
fn a_file_of_a_process_that_is_no_more_is_stale_and_another_version_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("sandbox");
    let info = daemon::ensure_started(&directory, command(&directory)).unwrap();
    let file = directory.join("sandbox.json");

    let mut other = info.clone();
    other.version = "0.0.0".to_owned();
    std::fs::write(&file, serde_json::to_string(&other).unwrap()).unwrap();
    let error = daemon::ensure_started(&directory, command(&directory)).unwrap_err();
    assert!(matches!(error, DaemonError::OtherVersion { .. }), "{error}");
    assert!(error.to_string().contains("sandbox stop"), "{error}");
    assert!(daemon::stop(&directory).unwrap());

    let mut stale = info;
    // The pid is used again, by a process that started at another time.
    stale.pid = std::process::id();
    stale.process_start = 1;
    std::fs::write(&file, serde_json::to_string(&stale).unwrap()).unwrap();
    assert!(daemon::find(&directory).unwrap().is_none());
}

#[test]
fn it_has_nothing_of_the_environment_that_it_was_started_from_but_what_it_needs() {
    // As every test has what cargo told it, an operator's shell has his credentials.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let home = tempfile::tempdir().unwrap();
    let mut telling = Command::new("sh");
    telling.args(["-c", "env >&2; exit 3"]).env("MEANT_FOR_IT", "1");
    let told = daemon::ensure_started(home.path(), telling).unwrap_err().to_string();
    assert!(told.contains("PATH=") && told.contains("MEANT_FOR_IT=1"), "{told}");
    assert!(!told.contains("CARGO_") && !told.contains("NEXTEST"), "{told}");
}

#[test]
fn a_folder_where_others_can_write_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    let open = home.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = daemon::ensure_started(&open, command(&open)).unwrap_err();
    assert!(matches!(error, DaemonError::NotOurs { .. }), "{error}");
    // Whoever wrote there a file that looks like a sandbox's has nothing ended and nobody misled.
    std::fs::write(open.join("sandbox.json"), "{}").unwrap();
    for error in [daemon::find(&open).unwrap_err(), daemon::stop(&open).unwrap_err()] {
        assert!(matches!(error, DaemonError::NotOurs { .. }), "{error}");
    }
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&open, Some(65_534), None).unwrap();
        let error = daemon::find(&open).unwrap_err();
        assert!(error.to_string().contains("belongs to user 65534"), "{error}");
    }
}
