//! Who runs an instance's software, as `webapp` is no root on Beanstalk either.
//! Must know nothing of what the software is.

use std::os::unix::fs::lchown;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Ids that nobody uses: neither people, services, containers nor dynamic users (systemd.io/UIDS-GIDS: "1879048192…2147483647
/// Unused"). So many that the instances of all sandboxes of a machine can draw theirs blindly. No entry in a database of users
/// is needed: the kernel knows numbers only.
const FREE: std::ops::RangeInclusive<u32> = 1_879_048_192..=2_147_483_647;

/// `nobody`, which every user namespace of some size has.
const NOBODY: u32 = 65_534;

/// The user of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum User {
    /// The sandbox is no root: its software is its own user's, and nothing is between the two.
    Sandbox,
    /// In a namespace with too few users for one each: one for all instances.
    Nobody,
    /// No other process of the machine has it: instances can neither read nor end each other's.
    Own(u32),
}

impl User {
    /// For a new instance.
    pub(super) fn of_new_instance() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::Sandbox;
        }
        let maps = ["/proc/self/uid_map", "/proc/self/gid_map"];
        let maps = maps.map(|map| std::fs::read_to_string(map).unwrap_or_default());
        let has = |id: u32| maps.iter().all(|map| has(map, id));
        if has(*FREE.start()) && has(*FREE.end()) {
            Self::Own(FREE.start() + rand::random::<u32>() % (FREE.end() - FREE.start() + 1))
        } else if has(NOBODY) {
            Self::Nobody
        } else {
            Self::Sandbox
        }
    }

    /// Of the user and of its group; `None` where it is the sandbox's.
    pub(super) fn id(self) -> Option<u32> {
        match self {
            Self::Sandbox => None,
            Self::Nobody => Some(NOBODY),
            Self::Own(id) => Some(id),
        }
    }

    /// What every process of the instance has, and no other process.
    pub(super) fn alone(self) -> Option<u32> {
        match self {
            Self::Own(id) => Some(id),
            Self::Nobody | Self::Sandbox => None,
        }
    }

    /// Gives a folder with all that is in it. Nobody else may be able to change it meanwhile; its links are given, not followed.
    pub(super) fn own(self, folder: &Path) -> std::io::Result<()> {
        let Some(id) = self.id() else { return Ok(()) };
        let mut waiting = vec![folder.to_owned()];
        while let Some(path) = waiting.pop() {
            lchown(&path, Some(id), Some(id))?;
            if std::fs::symlink_metadata(&path)?.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    waiting.push(entry?.path());
                }
            }
        }
        Ok(())
    }
}

/// Whether a user namespace's map, lines of `inside outside count`, has an id. No map at all is no namespace.
fn has(map: &str, id: u32) -> bool {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
        Some((numbers.next()??, numbers.nth(1)??))
    });
    let ranges: Vec<_> = ranges.collect();
    let id = u64::from(id);
    ranges.is_empty()
        || ranges
            .iter()
            .any(|(first, count)| (*first..first + count).contains(&id))
}

#[cfg(test)]
#[test]
fn root_of_a_namespace_with_one_user_is_no_root_to_us() {
    assert!(has("         0          0 4294967295\n", NOBODY));
    assert!(has("         0          0 4294967295\n", *FREE.end()));
    assert!(!has("         0          0          1\n", NOBODY));
    // A container without root, as its runtime makes it of a user's subordinate ids.
    let container = "         0       1000          1\n         1     100000      65536\n";
    assert!(has(container, NOBODY) && !has(container, *FREE.start()));
    assert!(has("", NOBODY));
}
