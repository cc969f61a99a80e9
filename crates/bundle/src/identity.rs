//! The version label of a bundle, from its inputs alone: `plan` knows without building whether anything is new.
//! Writes nothing and runs nothing: neither a compiler nor git.

use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::archive;
use super::cargo::Package;
use super::contents::Contents;
use super::error::BundleError;
use super::instances::{Instances, target};
use super::source::Source;
use super::walk::source_files;
use confctl_profile::Architecture;

/// What a bundle is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `NAME-` and 12 hexadecimal digits, at most 100 characters.
    pub version_label: String,
    /// At most 200 characters, the limit of a version's description. Names no path of this machine, and ends in
    /// [`Identity::mark`].
    pub description: String,
    /// SHA-256 in hexadecimal of everything that the bundle is made from.
    pub inputs_sha256: String,
}

impl Identity {
    /// The part of a description that tells whether a version has this bundle, whatever its label is.
    pub fn mark(&self) -> String {
        format!("inputs {}", self.short())
    }

    fn short(&self) -> &str {
        self.inputs_sha256.get(..12).unwrap_or(&self.inputs_sha256)
    }

    fn new(name: &str, origin: &str, inputs_sha256: String) -> Self {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let name: String = name.chars().map(plain).take(80).collect();
        let mut identity = Self {
            version_label: String::new(),
            description: String::new(),
            inputs_sha256,
        };
        identity.version_label = format!("{name}-{}", identity.short());
        identity.description = format!("{name} {origin}, {}", identity.mark());
        identity
    }
}

/// The identity of `source`. For a Cargo package: its sources, the workspace's manifest and lock file, and what it is compiled
/// for. For a folder: its files and which of them can be run. For a zip: its bytes.
pub fn identity(source: &Source, instances: &Instances) -> Result<Identity, BundleError> {
    match source {
        Source::Package(directory) => {
            let package = Package::read(directory, instances.release)?;
            of_package(&package, instances.architecture)
        }
        Source::Folder(folder) => of_folder(&source.stem(), &Contents::of_folder(folder)?),
        Source::Zip(path) => of_zip(&source.stem(), "from a zip", path),
        Source::Release(path) => of_zip(&source.stem(), "from the release", path),
    }
}

/// Of the files that a folder sends.
pub(super) fn of_folder(name: &str, contents: &Contents) -> Result<Identity, BundleError> {
    let mut digest = InputDigest::default();
    for file in &contents.files {
        let kind: &[u8] = match file.link() {
            Some(_) => b"link",
            None if file.is_executable() => b"runs",
            None => b"data",
        };
        digest.add(&file.name, kind);
        digest.add("bytes", &file.read()?);
    }
    Ok(Identity::new(name, "from a folder", digest.finish()))
}

fn of_zip(name: &str, origin: &str, path: &Path) -> Result<Identity, BundleError> {
    Ok(Identity::new(name, origin, archive::sha256(path)?.0))
}

pub(super) fn of_package(package: &Package, architecture: Architecture) -> Result<Identity, BundleError> {
    let mut digest = InputDigest::default();
    digest.add("target", target(architecture).as_bytes());
    digest.add("profile", package.profile.as_bytes());
    for (name, path) in package_inputs(package)? {
        digest.add(&name, &fs::read(path)?);
    }
    let origin = format!("from source for {architecture}");
    Ok(Identity::new(&package.name, &origin, digest.finish()))
}

/// A hash over named pieces, each with its length, so that no two lists of pieces look alike.
#[derive(Default)]
struct InputDigest(Sha256);

impl InputDigest {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

/// Files of a workspace's root that change what is compiled.
const ROOT_FILES: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "rust-toolchain",
    ".cargo/config.toml",
];

/// Every input with its name from the workspace's root, in order: the same on every machine.
fn package_inputs(package: &Package) -> Result<Vec<(String, PathBuf)>, BundleError> {
    let mut files: Vec<PathBuf> = ROOT_FILES.iter().map(|name| package.root.join(name)).collect();
    files.extend(source_files(&package.root, &package.local_packages()?)?);
    files.retain(|path| path.is_file());
    let mut inputs: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| (name_from(&package.root, &path), path))
        .collect();
    inputs.sort();
    inputs.dedup();
    Ok(inputs)
}

fn name_from(root: &Path, path: &Path) -> String {
    let name = path.strip_prefix(root).unwrap_or(path);
    name.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
