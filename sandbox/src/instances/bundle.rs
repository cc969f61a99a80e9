//! Source bundles: where they are unpacked, so that the instances' user can read and run them, and what is in them.
//! Must know nothing of processes.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::beneath::Folder;
use super::procfile::{self, Process};
use super::user::User;
use super::wire::Setup;
use super::{home, unpack};

/// No bundle may unpack to more than this (Beanstalk: 500 MB zipped).
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

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
    let unpacked = home::hand_over(setup, place, |folder| {
        unpack::unpack(fs::File::open(zip)?, folder, LARGEST)
    });
    unpacked.map_err(|error| format!("failed to extract the source bundle: {error}"))
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
