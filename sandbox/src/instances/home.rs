//! An instance's folder: root's own, with finished folders in it that were given to the instance's user.
//! Must know nothing of what is in them.
//!
//! Where the sandbox is root, the instance's user wants its files. So nothing is written where that user can reach it: a folder is
//! filled in a closed one, given away as a whole without following a link, and then moved to its place in one step.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::wire::Setup;

/// Where folders are filled. Only its owner gets in.
const UNFINISHED: &str = "unfinished";
const VERSIONS: &str = "versions";
const COMMANDS: &str = "commands";

/// Where a release is unpacked.
pub(super) fn of_version(setup: &Setup, number: u64) -> PathBuf {
    setup.home.join(VERSIONS).join(number.to_string())
}

/// Where a script has its working directory.
pub(super) fn of_command(setup: &Setup, id: &str) -> PathBuf {
    setup.home.join(COMMANDS).join(id)
}

/// Where the proxy's configuration is tested.
pub(super) fn of_proxy(setup: &Setup) -> PathBuf {
    setup.home.join("nginx")
}

/// Makes a folder, lets `fill` put into it what belongs there, and gives it to the instance's user at `place`, which must not
/// be there yet.
pub(super) fn hand_over<T>(setup: &Setup, place: &Path, fill: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    make(setup)?;
    let closed = tempfile::tempdir_in(setup.home.join(UNFINISHED))?;
    let folder = closed.path().join("folder");
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    let filled = fill(&folder)?;
    setup.user.own(&folder)?;
    fs::rename(&folder, place)?;
    Ok(filled)
}

/// Nothing in it belongs to the instance's user but what was handed over. Other instances do not get in.
fn make(setup: &Setup) -> io::Result<()> {
    fs::create_dir_all(&setup.home)?;
    if let Some(id) = setup.user.id() {
        chown(&setup.home, Some(0), Some(id))?;
        fs::set_permissions(&setup.home, Permissions::from_mode(0o750))?;
    }
    for (name, mode) in [(VERSIONS, 0o755), (COMMANDS, 0o755), (UNFINISHED, 0o700)] {
        let folder = setup.home.join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Removes what was handed over, and the folder itself if there is nothing else in it: logs may be.
pub(super) fn remove(setup: &Setup) {
    // Whatever cannot be removed is removed with all the rest.
    for folder in [VERSIONS, COMMANDS, UNFINISHED] {
        let _ = fs::remove_dir_all(setup.home.join(folder));
    }
    let _ = fs::remove_dir_all(of_proxy(setup));
    let _ = fs::remove_dir(&setup.home);
}
