//! From a source to a checked zip on disk, built only if it is not there yet.
//! Uploads nothing.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use tokio_util::sync::CancellationToken;

use super::archive;
use super::cargo::{Package, Rustc};
use super::check;
use super::contents::Contents;
use super::error::BundleError;
use super::identity::identity;
use super::procfile::PROCFILE;
use super::source::Source;
use crate::profile::Architecture;

/// A zip that Beanstalk can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub path: PathBuf,
    /// Of the zip, in hexadecimal.
    pub sha256: String,
    /// Of the zip, in bytes.
    pub size: u64,
    pub version_label: String,
    pub description: String,
}

/// What of a Cargo package goes into the bundle beside the program.
const PACKAGE_PARTS: &[&str] = &[PROCFILE, ".ebextensions", ".platform", "public", "static"];

/// Builds, checks and zips `source` for instances of `architecture`; blocks while it does. `progress` gets a line for
/// each step of a compilation, which ends when `stop` is cancelled. What was built before from the same inputs is taken as it
/// is.
pub fn build(
    source: &Source,
    architecture: Architecture,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(&str),
) -> Result<Bundle, BundleError> {
    let identity = identity(source)?;
    let file = format!("{}.zip", identity.version_label);
    let path = match source {
        Source::Package(directory) => from_package(&Package::read(directory)?, &file, architecture, stop, progress)?,
        Source::Folder(folder) => {
            let path = cache_directory()?.join(&file);
            zip(&Contents::of_folder(folder)?, &path, architecture)?;
            path
        }
        Source::Zip(path) => {
            checked(&Contents::of_zip(path)?, path, architecture)?;
            path.clone()
        }
    };
    let (sha256, size) = archive::sha256(&path)?;
    if let Some(flaw) = check::too_large(&name_of(&path), size) {
        return Err(BundleError::Unfit {
            bundle: name_of(&path),
            flaws: vec![flaw],
        });
    }
    Ok(Bundle {
        path,
        sha256,
        size,
        version_label: identity.version_label,
        description: identity.description,
    })
}

fn from_package(
    package: &Package,
    file: &str,
    architecture: Architecture,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(&str),
) -> Result<PathBuf, BundleError> {
    let host = Rustc::of(&package.directory)?.host;
    if !runs_on(&host, architecture) {
        return Err(BundleError::OtherArchitecture {
            package: package.name.clone(),
            host,
            wanted: architecture,
        });
    }
    let work = work_directory(package)?;
    let path = work.join(file);
    if let Ok(contents) = Contents::of_zip(&path) {
        checked(&contents, &path, architecture)?;
        return Ok(path);
    }
    let program = package.compile(&work, stop, progress)?;
    assemble(package, &program, &path, architecture)?;
    Ok(path)
}

/// Puts a package's files and its program together.
pub(super) fn assemble(
    package: &Package,
    program: &Path,
    path: &Path,
    architecture: Architecture,
) -> Result<(), BundleError> {
    let mut contents = Contents::of_parts(&package.directory, PACKAGE_PARTS)?;
    contents.add_program(&package.place, program)?;
    zip(&contents, path, architecture)
}

fn zip(contents: &Contents, path: &Path, architecture: Architecture) -> Result<(), BundleError> {
    checked(contents, path, architecture)?;
    archive::write(contents, path)
}

fn checked(contents: &Contents, path: &Path, architecture: Architecture) -> Result<(), BundleError> {
    let flaws = check::check(contents, architecture)?;
    if flaws.is_empty() {
        Ok(())
    } else {
        Err(BundleError::Unfit {
            bundle: name_of(path),
            flaws,
        })
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Whether what rustc makes for `host` runs on these instances.
fn runs_on(host: &str, architecture: Architecture) -> bool {
    let processor = match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "aarch64",
    };
    host.starts_with(processor) && host.contains("linux")
}

/// Cargo's files and the zips of a package: in its workspace's `target`, or in the cache where that is read-only.
fn work_directory(package: &Package) -> Result<PathBuf, BundleError> {
    let own = package.root.join("target/bundle");
    if fs_err::create_dir_all(&own).is_ok() {
        return Ok(own);
    }
    Ok(cache_directory()?.join(&package.name))
}

fn cache_directory() -> Result<PathBuf, BundleError> {
    let strategy = etcetera::choose_base_strategy().map_err(std::io::Error::other)?;
    Ok(strategy.cache_dir().join("confctl/bundles"))
}
