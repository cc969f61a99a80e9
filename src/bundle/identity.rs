//! The version label of a bundle, from its inputs alone: `plan` knows without building whether anything is new.
//! Writes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::archive;
use super::cargo::{Package, Rustc};
use super::contents::Contents;
use super::error::BundleError;
use super::source::Source;

/// What a bundle is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `NAME-` and 12 hexadecimal digits, at most 100 characters.
    pub version_label: String,
    /// At most 200 characters, the limit of a version's description. Names no path of this machine.
    pub description: String,
    /// SHA-256 in hexadecimal of everything that the bundle is made from.
    pub inputs_sha256: String,
}

/// The identity of `source`. For a Cargo package: its sources, the workspace's manifest and lock file, rustc and its target.
/// For a folder: its files and which of them can be run. For a zip: its bytes.
pub fn identity(source: &Source) -> Result<Identity, BundleError> {
    match source {
        Source::Package(directory) => of_package(&Package::read(directory)?),
        Source::Folder(folder) => {
            let inputs = digest_of(&Contents::of_folder(folder)?)?;
            Ok(Identity::new(&source.stem(), "from a folder", inputs))
        }
        Source::Zip(path) => Ok(Identity::new(&source.stem(), "from a zip", archive::sha256(path)?.0)),
    }
}

impl Identity {
    fn new(name: &str, origin: &str, inputs_sha256: String) -> Self {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let name: String = name.chars().map(plain).take(80).collect();
        let short = &inputs_sha256[..12];
        Self {
            version_label: format!("{name}-{short}"),
            description: format!("{name} {origin}, inputs {short}").chars().take(200).collect(),
            inputs_sha256,
        }
    }
}

fn of_package(package: &Package) -> Result<Identity, BundleError> {
    let rustc = Rustc::of(&package.directory)?;
    let mut digest = InputDigest::default();
    digest.add("rustc", rustc.release.as_bytes());
    digest.add("target", rustc.host.as_bytes());
    digest.add("profile", b"release");
    for (name, path) in package_inputs(package)? {
        digest.add(&name, &fs::read(path)?);
    }
    let origin = format!("from source, rustc {} for {}, release", rustc.release, rustc.host);
    Ok(Identity::new(&package.name, &origin, digest.finish()))
}

fn digest_of(contents: &Contents) -> Result<String, BundleError> {
    let mut digest = InputDigest::default();
    for file in &contents.files {
        digest.add(&file.name, if file.is_executable() { b"runs" } else { b"data" });
        digest.add("bytes", &file.read()?);
    }
    Ok(digest.finish())
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
    for directory in package.local_packages()? {
        files.extend(source_files(&directory)?);
    }
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

/// What git tracks or would track; without git all but build output and hidden folders that are not Beanstalk's.
fn source_files(directory: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let by_git = files_by_git(directory).unwrap_or_default();
    if !by_git.is_empty() {
        return Ok(by_git);
    }
    let mut files = Vec::new();
    walk(directory, &mut files)?;
    Ok(files)
}

fn files_by_git(directory: &Path) -> Option<Vec<PathBuf>> {
    let answer = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(directory)
        // A hook of git sets these for its own repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .ok()?;
    let names = String::from_utf8(answer.stdout).ok()?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    answer
        .status
        .success()
        .then(|| names.map(|name| directory.join(name)).collect())
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), BundleError> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_left_out =
            name == "target" || name.starts_with('.') && ![".platform", ".ebextensions"].contains(&&*name);
        if entry.file_type()?.is_dir() {
            if !is_left_out {
                walk(&entry.path(), files)?;
            }
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
