//! A source bundle's zip as files: as Beanstalk unpacks it, but nothing outside of its folder, and nothing through a link.
//! Must know nothing of whom the files are for.

use std::fs;
use std::io::{self, Read, Seek};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// No path is longer (PATH_MAX).
const LONGEST_LINK: u64 = 4096;

/// Unpacks a zip into an empty folder, to at most so many bytes. Nobody else may be able to reach the folder meanwhile.
pub(super) fn unpack(zip: impl Read + Seek, folder: &Path, largest: u64) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(zip)?;
    let mut left = largest;
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some(name) = entry.enclosed_name() else {
            return Err(io::Error::other(format!("entry {index} leaves the bundle")));
        };
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| io::Error::other("it is too large"))?;
        let target = folder.join(name);
        if entry.is_dir() {
            make_directory(&target)?;
            continue;
        }
        if entry.is_symlink() {
            let mut leads_to = String::new();
            entry.by_ref().take(LONGEST_LINK).read_to_string(&mut leads_to)?;
            links.push((target, leads_to));
            continue;
        }
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o777;
        write_file(&mut entry, &target, folder, mode)?;
    }
    // At the end, as `unzip` does ("finishing deferred symbolic links"): no file is written through one.
    for (link, leads_to) in links {
        make_link(&link, folder, &leads_to)?;
    }
    Ok(())
}

fn make_link(link: &Path, root: &Path, leads_to: &str) -> io::Result<()> {
    if let Some(parent) = link.parent().filter(|parent| *parent != root) {
        make_directory(&within(root, parent)?)?;
    }
    symlink(leads_to, link)
}

/// A path through links that were made already, if it stays in the bundle.
fn within(root: &Path, path: &Path) -> io::Result<PathBuf> {
    // Of what is not there yet the folders above are looked at.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    if fs::canonicalize(there)?.starts_with(fs::canonicalize(root)?) {
        Ok(path.to_owned())
    } else {
        Err(io::Error::other("a link leads out of the bundle"))
    }
}

fn write_file(content: &mut impl Read, target: &Path, root: &Path, mode: u32) -> io::Result<()> {
    if let Some(parent) = target.parent().filter(|parent| *parent != root) {
        make_directory(parent)?;
    }
    let mut file = fs::File::create(target)?;
    io::copy(content, &mut file)?;
    file.set_permissions(fs::Permissions::from_mode(mode | 0o444))
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}
