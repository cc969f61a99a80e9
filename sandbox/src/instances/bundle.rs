//! Source bundles: unpacked as Beanstalk unpacks them, where the instances' user can read and run them.
//! Must know nothing of processes.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use super::procfile::{self, Process};

/// Who runs the software where the sandbox is root: `nobody`, as `webapp` is no root on Beanstalk either.
pub(super) const USER: u32 = 65534;

/// No bundle may unpack to more than this (Beanstalk: 500 MB zipped).
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// Whether this process may run software as [`USER`]: root may, unless it is root of a user namespace that has no such user.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root() && has_user(&fs::read_to_string("/proc/self/uid_map").unwrap_or_default())
}

/// Whether a user namespace's map, lines of `inside outside count`, has [`USER`]. No map at all is no namespace.
fn has_user(map: &str) -> bool {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
        Some((numbers.next()??, numbers.nth(1)??))
    });
    let ranges: Vec<_> = ranges.collect();
    ranges.is_empty()
        || ranges
            .iter()
            .any(|(first, count)| (*first..first + count).contains(&u64::from(USER)))
}

#[cfg(test)]
#[test]
fn root_of_a_namespace_with_one_user_is_no_root_to_us() {
    assert!(has_user("         0          0 4294967295\n"));
    assert!(!has_user("         0          0          1\n"));
    assert!(has_user(""));
}

/// Names the directory for software where it is not the instances' own.
const LINK: &str = "software";

/// Makes the place where versions are unpacked: in the sandbox's directory, unless [`USER`] has to run them and cannot get
/// there. Then it is a new directory that nobody else can have prepared, among the machine's temporary ones.
///
/// # Errors
/// Where it cannot be made.
pub(super) fn make_place_for_software(instances: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(instances)?;
    fs::create_dir_all(&absolute)?;
    let closed = |path: &Path| fs::metadata(path).is_ok_and(|data| data.mode() & 0o001 == 0);
    if !is_root() || !absolute.ancestors().any(closed) {
        return Ok(absolute);
    }
    let place = tempfile::Builder::new()
        .prefix("sandbox-instances-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()?
        .keep();
    symlink(&place, absolute.join(LINK))?;
    Ok(place)
}

/// Removes what an earlier daemon had of instances, wherever it was.
pub(super) fn remove_all(instances: &Path) {
    if let Ok(place) = fs::read_link(instances.join(LINK)) {
        let _ = fs::remove_dir_all(place);
    }
    // What cannot be removed is in nobody's way: versions are numbered from one only in directories of new instances.
    let _ = fs::remove_dir_all(instances);
}

/// Removes an instance's versions, and the directory above if there is nothing else in it.
pub(super) fn remove(software: &Path) {
    // Whatever cannot be removed is removed with all the rest.
    let _ = fs::remove_dir_all(software);
    if let Some(directory) = software.parent() {
        let _ = fs::remove_dir(directory);
    }
}

/// Unpacks `zip` into `directory`, which is made anew.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn unpack(zip: &Path, directory: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("failed to extract the source bundle: {error}");
    let mut archive = fs::File::open(zip)
        .map_err(|error| failed(&error))
        .and_then(|file| zip::ZipArchive::new(file).map_err(|error| failed(&error)))?;
    make_directory(directory).map_err(|error| failed(&error))?;
    let mut left = LARGEST;
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| failed(&error))?;
        let Some(name) = entry.enclosed_name() else {
            return Err(failed(&format!("entry {index} leaves the bundle")));
        };
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| failed(&"it is too large"))?;
        let target = directory.join(name);
        if entry.is_dir() {
            make_directory(&target).map_err(|error| failed(&error))?;
            continue;
        }
        if entry.is_symlink() {
            let mut leads_to = String::new();
            entry.read_to_string(&mut leads_to).map_err(|error| failed(&error))?;
            links.push((target, leads_to));
            continue;
        }
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o777;
        write_file(&mut entry, &target, directory, mode).map_err(|error| failed(&error))?;
    }
    // At the end, as `unzip` does ("finishing deferred symbolic links"): no file is written through one.
    for (link, leads_to) in links {
        make_link(&link, directory, &leads_to).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn make_link(link: &Path, root: &Path, leads_to: &str) -> std::io::Result<()> {
    if let Some(parent) = link.parent().filter(|parent| *parent != root) {
        make_directory(&within(root, parent)?)?;
    }
    symlink(leads_to, link)?;
    if is_root() {
        lchown(link, Some(USER), Some(USER))?;
    }
    Ok(())
}

/// Where a path of a bundle really is. A link may lead anywhere: what root reads or changes by it has to be the bundle's.
pub(super) fn within(root: &Path, path: &Path) -> std::io::Result<PathBuf> {
    // Of what is not there yet the folders above are looked at.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    if fs::canonicalize(there)?.starts_with(fs::canonicalize(root)?) {
        Ok(path.to_owned())
    } else {
        Err(std::io::Error::other("a link leads out of the bundle"))
    }
}

fn write_file(content: &mut impl std::io::Read, target: &Path, root: &Path, mode: u32) -> std::io::Result<()> {
    if let Some(parent) = target.parent().filter(|parent| *parent != root) {
        make_directory(parent)?;
    }
    let mut file = fs::File::create(target)?;
    std::io::copy(content, &mut file)?;
    file.set_permissions(fs::Permissions::from_mode(mode | 0o444))?;
    own(target)
}

pub(super) fn make_directory(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    own(path)
}

/// Deployed files belong to the user that runs them, as on Beanstalk.
pub(super) fn own(path: &Path) -> std::io::Result<()> {
    if is_root() {
        chown(path, Some(USER), Some(USER))
    } else {
        Ok(())
    }
}

/// The processes of an unpacked bundle. Without a Procfile, the Go platform runs `bin/application` or `application`.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn processes(directory: &Path) -> Result<Vec<Process>, String> {
    match within(directory, &directory.join("Procfile")).and_then(fs::read_to_string) {
        Ok(text) => procfile::parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let program = ["bin/application", "application"]
                .into_iter()
                .find(|program| directory.join(program).is_file())
                .ok_or("there is no Procfile at the root of the bundle, and no executable 'application'")?;
            Ok(vec![Process {
                name: "web".to_owned(),
                command: format!("./{program}"),
                is_main: true,
            }])
        }
        Err(error) => Err(format!("Procfile could not be read: {error}")),
    }
}

#[cfg(test)]
#[test]
fn links_are_made_again_and_nothing_is_written_or_read_through_them() {
    use std::io::Write;

    let place = tempfile::tempdir().unwrap();
    let (zip, outside) = (place.path().join("bundle.zip"), place.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "ours").unwrap();
    let mut archive = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.add_symlink("config", "shared/config", options).unwrap();
    archive.add_symlink("assets", "../outside", options).unwrap();
    archive.add_symlink("Procfile", "assets/secret", options).unwrap();
    archive.start_file("shared/config/app.json", options).unwrap();
    archive.write_all(b"{}").unwrap();
    archive.finish().unwrap();
    let directory = place.path().join("version");
    unpack(&zip, &directory).unwrap();
    assert_eq!(fs::read_to_string(directory.join("config/app.json")).unwrap(), "{}");
    assert_eq!(
        processes(&directory).unwrap_err(),
        "Procfile could not be read: a link leads out of the bundle"
    );

    // A file behind the link is the bundle's, whatever comes first.
    let mut archive = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    archive.add_symlink("assets", "../outside", options).unwrap();
    archive.start_file("assets/secret", options).unwrap();
    archive.write_all(b"theirs").unwrap();
    archive.finish().unwrap();
    let why = unpack(&zip, &place.path().join("another")).unwrap_err();
    assert!(why.contains("File exists"), "{why}");
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "ours");
}
