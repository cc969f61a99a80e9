//! A zip whose bytes depend on nothing but the files: sorted names, one time, two modes.
//! Judges nothing.

use std::io::{BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::contents::Contents;
use super::error::BundleError;

/// Writes `contents` to `path`, which is complete or not there at all whenever somebody looks.
pub(super) fn write(contents: &Contents, path: &Path) -> Result<(), BundleError> {
    let unwritable = |source| BundleError::Zip {
        path: path.into(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let temporary = NamedTempFile::new_in(folder)?;
    let mut zip = ZipWriter::new(BufWriter::new(temporary));
    for file in &contents.files {
        // Without a system of its own the zip would say where it was made; without modes nothing in it could be run.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(6))
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(file.mode);
        if let Some(target) = file.link() {
            // `unzip`, which Beanstalk unpacks with, makes it a link again.
            zip.add_symlink(&file.name, target, options.unix_permissions(0o777))
                .map_err(unwritable)?;
            continue;
        }
        zip.start_file(&file.name, options).map_err(unwritable)?;
        zip.write_all(&file.read()?)?;
    }
    let temporary = zip
        .finish()
        .map_err(unwritable)?
        .into_inner()
        .map_err(|error| error.into_error())?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// SHA-256 of a file in hexadecimal, and its size in bytes.
pub(super) fn sha256(path: &Path) -> Result<(String, u64), BundleError> {
    let mut hasher = Sha256::new();
    let size = std::io::copy(&mut fs_err::File::open(path)?, &mut hasher)?;
    Ok((hex::encode(hasher.finalize()), size))
}
