//! Programs of this machine that confctl starts for its user: found in PATH, given their words one by one and never a line for a shell,
//! and none of the operator's credentials. Must know nothing of what they are for.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use confctl_bundle::names_a_secret;
use tokio::process::Command;

/// Of AWS's variables what says who is trusted, and where the files with profiles are.
const OF_AWS: &[&str] = &["AWS_CA_BUNDLE", "AWS_CONFIG_FILE"];

/// Where the program is: the first of this name in PATH that can be run. Never in the current directory, which may be anybody's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    find_in(&std::env::var_os("PATH")?, name)
}

fn find_in(path: &OsStr, name: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|file| can_be_run(file))
}

fn can_be_run(file: &Path) -> bool {
    fs_err::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A program without the operator's credentials in its environment.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_credential(&name) {
            command.env_remove(&name);
        }
    }
    command
}

fn is_credential(name: &OsStr) -> bool {
    // A name that is no text may be anything.
    let Some(name) = name.to_str().map(str::to_ascii_uppercase) else {
        return true;
    };
    let of_aws = ["AWS_", "CONFCTL_"].iter().any(|prefix| name.starts_with(prefix));
    (of_aws && !OF_AWS.contains(&name.as_str())) || names_a_secret(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_and_ssh_need_stays_and_credentials_do_not() {
        let credentials = [
            "AWS_PROFILE",
            "AWS_SECRET_ACCESS_KEY",
            "CONFCTL_ACCOUNT",
            "GITHUB_TOKEN",
            "db_password",
        ];
        let others = [
            "PATH",
            "HOME",
            "DISPLAY",
            "SSH_AUTH_SOCK",
            "HTTPS_PROXY",
            "TERM",
            "AWS_CA_BUNDLE",
        ];
        assert!(credentials.iter().all(|name| is_credential(OsStr::new(name))));
        assert!(!others.iter().any(|name| is_credential(OsStr::new(name))));
    }

    #[test]
    fn a_program_is_looked_for_where_programs_are() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("plugin");
        std::fs::write(&file, "").unwrap();
        let path = place.path().as_os_str();
        assert_eq!(find_in(path, "plugin"), None, "it cannot be run");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in(path, "plugin"), Some(file));
        assert_eq!(find_in(OsStr::new("."), "Cargo.toml"), None);
    }
}
