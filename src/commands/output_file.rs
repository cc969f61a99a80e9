//! Whether there is a place for a file that a command has only at its end: asked before it begins, so that no work is lost for want of
//! one. Must know nothing of what is written.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::engine::{Error, Kind};

/// # Errors
/// Where nothing can be written there. `flag` names the file.
pub(super) fn can_be_written(file: &Path, flag: &str) -> Result<(), Error> {
    let probed = match fs_err::metadata(file) {
        Ok(there) if there.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(there) if there.is_file() => fs_err::OpenOptions::new().append(true).open(file).map(drop),
        // Opening a pipe would wait for who reads it.
        Ok(_) => Ok(()),
        Err(_) => takes_files(&folder_of(file)),
    };
    unless_unwritable(probed, file, flag)
}

/// As [`can_be_written`] of a report and its numbers, which come into a folder that is made where there is none.
///
/// # Errors
/// As there.
pub(super) fn report_can_be_written(report: &Path) -> Result<(), Error> {
    let mut folder = folder_of(report);
    if folder.is_dir() {
        can_be_written(report, "--report")?;
        return can_be_written(&report.with_extension("json"), "--report");
    }
    while folder.symlink_metadata().is_err() && folder.pop() {}
    unless_unwritable(takes_files(&folder), report, "--report")
}

/// As [`can_be_written`] of the files that a folder is to get.
///
/// # Errors
/// As there.
pub(super) fn folder_takes_files(folder: &Path, flag: &str) -> Result<(), Error> {
    unless_unwritable(takes_files(folder), folder, flag)
}

/// The folder of a file that may be none yet.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

fn takes_files(folder: &Path) -> io::Result<()> {
    // A path of which nothing is there ends in nothing.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    NamedTempFile::new_in(folder).map(drop)
}

fn unless_unwritable(probed: io::Result<()>, place: &Path, flag: &str) -> Result<(), Error> {
    probed.map_err(|error| {
        Error::new(Kind::Usage, format!("nothing can be written to {}", place.display()))
            .caused_by(error)
            .hint(format!(
                "name a place that can be written to with {flag}; nothing was done yet"
            ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_tried_without_a_trace() {
        let home = tempfile::tempdir().unwrap();
        let in_home = |name: &str| home.path().join(name);
        fs_err::write(in_home("former.xml"), "former").unwrap();
        for good in ["new.xml", "former.xml"] {
            can_be_written(&in_home(good), "--junit").unwrap();
        }
        report_can_be_written(&in_home("reports/of/today/load.html")).unwrap();
        assert_eq!(fs_err::read_to_string(in_home("former.xml")).unwrap(), "former");
        assert_eq!(fs_err::read_dir(home.path()).unwrap().count(), 1);

        for bad in ["former.xml/x.xml", "absent/x.xml", "."] {
            let error = can_be_written(&in_home(bad), "--junit").unwrap_err();
            assert!(
                error.message.contains(home.path().to_str().unwrap()),
                "{}",
                error.message
            );
            assert_eq!(error.kind, Kind::Usage);
        }
        report_can_be_written(&in_home("former.xml/load.html")).unwrap_err();
        // The numbers beside it have a place of their own.
        fs_err::create_dir(in_home("load.json")).unwrap();
        report_can_be_written(&in_home("load.html")).unwrap_err();
        folder_takes_files(&in_home("absent"), "--folder").unwrap_err();
        folder_takes_files(home.path(), "--folder").unwrap();
    }
}
