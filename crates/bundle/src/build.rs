//! From a source to a checked zip on disk, built only if it is not there yet; and the look at it that needs no build.
//! Uploads nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::archive;
use super::cargo::Package;
use super::check::{self, Finding, Findings, GLIBC};
use super::compile::{self, Toolchain, Way};
use super::contents::Contents;
use super::elf;
use super::error::BundleError;
use super::identity::{self, Identity, identity};
use super::instances::Instances;
use super::source::Source;

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
    /// What is worth to be known of it.
    pub notes: Vec<Finding>,
}

/// What can be told of a bundle before it is built.
#[derive(Clone, Debug)]
pub struct Inspected {
    pub identity: Identity,
    pub notes: Vec<Finding>,
    /// Names of the environment's properties that its configuration files set.
    pub properties: BTreeSet<String>,
}

/// What of a Cargo package goes into the bundle beside the program.
const PACKAGE_PARTS: &[&str] = &[
    beanstalk_procfile::PROCFILE,
    ".ebextensions",
    ".platform",
    "public",
    "static",
];

/// Identifies and checks `source` as far as that goes without a compiler, and that there is room for the zip.
pub fn inspect(source: &Source, instances: &Instances) -> Result<Inspected, BundleError> {
    let (identity, mut findings) = match source {
        Source::Package(directory) => {
            let package = Package::read(directory, instances.release)?;
            let contents = Contents::of_parts(&package.directory, PACKAGE_PARTS)?;
            let identity = identity::of_package(&package, instances.architecture)?;
            must_be_writable(&work_directory(&package)?)?;
            (identity, check::check(&contents, instances, Some(&package.place))?)
        }
        Source::Folder(folder) => {
            let contents = Contents::of_folder(folder)?;
            must_be_writable(&cache_directory()?)?;
            (
                identity::of_folder(&source.stem(), &contents)?,
                check::check(&contents, instances, None)?,
            )
        }
        Source::Zip(path) | Source::Release(path) => {
            let mut findings = check::check(&Contents::of_zip(path)?, instances, None)?;
            findings
                .flaws
                .extend(check::too_large(&name_of(path), fs_err::metadata(path)?.len()));
            (identity(source, instances)?, findings)
        }
    };
    let properties = std::mem::take(&mut findings.properties);
    let notes = passed(findings, source.path(), instances)?;
    Ok(Inspected {
        identity,
        notes,
        properties,
    })
}

/// Builds, checks and zips `source`; blocks while it does. `progress` gets a line for each step of a compilation, which ends
/// when `stop` is cancelled. What was built before from the same inputs is taken as it is.
pub fn build(
    source: &Source,
    instances: &Instances,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(&str),
) -> Result<Bundle, BundleError> {
    let identity = identity(source, instances)?;
    let file = format!("{}.zip", identity.version_label);
    let (path, mut notes) = match source {
        Source::Package(directory) => from_package(
            &Package::read(directory, instances.release)?,
            &file,
            instances,
            stop,
            progress,
        )?,
        Source::Folder(folder) => {
            let path = cache_directory()?.join(&file);
            let notes = zip(&Contents::of_folder(folder)?, &path, instances)?;
            (path, notes)
        }
        Source::Zip(path) | Source::Release(path) => {
            let notes = checked(&Contents::of_zip(path)?, path, instances)?;
            (path.clone(), notes)
        }
    };
    let (sha256, size) = archive::sha256(&path)?;
    let findings = Findings {
        flaws: check::too_large(&name_of(&path), size).into_iter().collect(),
        ..Findings::default()
    };
    notes.extend(passed(findings, &path, instances)?);
    Ok(Bundle {
        path,
        sha256,
        size,
        version_label: identity.version_label,
        description: identity.description,
        notes,
    })
}

fn from_package(
    package: &Package,
    file: &str,
    instances: &Instances,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(&str),
) -> Result<(PathBuf, Vec<Finding>), BundleError> {
    let work = work_directory(package)?;
    let path = work.join(file);
    if let Ok(contents) = Contents::of_zip(&path) {
        let notes = checked(&contents, &path, instances)?;
        return Ok((path, notes));
    }
    let architecture = instances.architecture;
    let toolchain = Toolchain::of(&package.directory)?;
    let mut compile = |way| {
        let arguments = compile::arguments(package, way, architecture);
        compile::compile(package, &arguments, &work, stop, progress)
    };
    let way = toolchain.way(&package.name, architecture)?;
    let mut program = compile(way)?;
    if way == Way::Native && toolchain.has_older_glibc(architecture) && needs_newer_glibc(&program)? {
        program = compile(Way::Zig)?;
    }
    let notes = assemble(package, &program, &path, instances)?;
    Ok((path, notes))
}

fn needs_newer_glibc(program: &Path) -> Result<bool, BundleError> {
    let needs = elf::needs(&fs_err::read(program)?);
    Ok(needs.is_ok_and(|needs| needs.glibc > Some(GLIBC)))
}

/// Puts a package's files and its program together.
pub(super) fn assemble(
    package: &Package,
    program: &Path,
    path: &Path,
    instances: &Instances,
) -> Result<Vec<Finding>, BundleError> {
    let mut contents = Contents::of_parts(&package.directory, PACKAGE_PARTS)?;
    contents.add_program(&package.place, program)?;
    zip(&contents, path, instances)
}

fn zip(contents: &Contents, path: &Path, instances: &Instances) -> Result<Vec<Finding>, BundleError> {
    let notes = checked(contents, path, instances)?;
    archive::write(contents, path)?;
    Ok(notes)
}

fn checked(contents: &Contents, path: &Path, instances: &Instances) -> Result<Vec<Finding>, BundleError> {
    passed(check::check(contents, instances, None)?, path, instances)
}

/// The notes of what passes. Who knows better lets flaws pass, too, and is told of them.
fn passed(findings: Findings, path: &Path, instances: &Instances) -> Result<Vec<Finding>, BundleError> {
    let Findings { flaws, mut notes, .. } = findings;
    if !flaws.is_empty() && !instances.unchecked {
        return Err(BundleError::Unfit {
            bundle: name_of(path),
            flaws,
        });
    }
    notes.splice(0..0, flaws);
    Ok(notes)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Cargo's files and the zips of a package: in its workspace's `target`, or in the cache where that is read-only.
fn work_directory(package: &Package) -> Result<PathBuf, BundleError> {
    let own = package.root.join("target/bundle");
    if must_be_writable(&own).is_ok() {
        return Ok(own);
    }
    Ok(cache_directory()?.join(&package.name))
}

fn cache_directory() -> Result<PathBuf, BundleError> {
    let strategy = etcetera::choose_base_strategy().map_err(std::io::Error::other)?;
    Ok(strategy.cache_dir().join("confctl/bundles"))
}

fn must_be_writable(directory: &Path) -> Result<(), BundleError> {
    let made = std::fs::create_dir_all(directory).and_then(|()| NamedTempFile::new_in(directory));
    made.map(drop).map_err(|source| BundleError::NoRoom {
        directory: directory.into(),
        source,
    })
}
