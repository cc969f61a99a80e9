//! Source bundles: unpacked as Beanstalk unpacks them, where the instances' user can read and run them.
//! Must know nothing of processes.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::beneath::Folder;
use super::home;
use super::procfile::{self, Process};
use super::user::User;
use super::wire::Setup;

/// No bundle may unpack to more than this (Beanstalk: 500 MB zipped).
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// No path is longer (PATH_MAX).
const LONGEST_LINK: u64 = 4096;

/// Names the directory for software where it is not the instances' own.
const LINK: &str = "software";

/// Makes the place where versions are unpacked: in the sandbox's directory, unless other users have to run them and cannot get
/// there. Then it is a new directory that nobody else can have prepared, among the machine's temporary ones.
///
/// # Errors
/// Where it cannot be made.
pub(super) fn make_place_for_software(instances: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(instances)?;
    fs::create_dir_all(&absolute)?;
    let closed = |path: &Path| fs::metadata(path).is_ok_and(|data| data.mode() & 0o001 == 0);
    if User::of_new_instance() == User::Sandbox || !absolute.ancestors().any(closed) {
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

/// Unpacks a release's bundle, and gives it to the instance's user when it is whole.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn unpack(setup: &Setup, zip: &Path, place: &Path) -> Result<(), String> {
    let unpacked = home::hand_over(setup, place, |folder| unpack_into(folder, zip));
    unpacked.map_err(|error| format!("failed to extract the source bundle: {error}"))
}

/// Nobody else can reach `folder` meanwhile.
fn unpack_into(folder: &Path, zip: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(fs::File::open(zip)?)?;
    let mut left = LARGEST;
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

/// The processes of an unpacked bundle. Without a Procfile, the Go platform runs `bin/application` or `application`.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn processes(bundle: &Folder) -> Result<Vec<Process>, String> {
    match bundle.read_to_string(Path::new("Procfile")) {
        Ok(text) => procfile::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let program = ["bin/application", "application"]
                .into_iter()
                .find(|program| bundle.has(Path::new(program)))
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
    let setup = Setup::in_folder(place.path());
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
    unpack(&setup, &zip, &directory).unwrap();
    assert_eq!(fs::read_to_string(directory.join("config/app.json")).unwrap(), "{}");
    assert_eq!(
        processes(&Folder::open(&directory, setup.user).unwrap()).unwrap_err(),
        "Procfile could not be read: a link leads out of the bundle"
    );

    // A file behind the link is the bundle's, whatever comes first.
    let mut archive = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    archive.add_symlink("assets", "../outside", options).unwrap();
    archive.start_file("assets/secret", options).unwrap();
    archive.write_all(b"theirs").unwrap();
    archive.finish().unwrap();
    let another = place.path().join("another");
    let why = unpack(&setup, &zip, &another).unwrap_err();
    assert!(why.contains("File exists"), "{why}");
    assert!(!another.exists());
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "ours");
}
