//! The files of a bundle before or after zipping, by name and mode; their bytes are read when needed.
//! Judges nothing.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use zip::ZipArchive;

use super::error::BundleError;

/// Folders and files that are never part of an app.
const NEVER: &[&str] = &[".git", ".hg", ".svn", ".elasticbeanstalk", ".DS_Store"];

/// Files in the order of their names.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) files: Vec<File>,
}

/// One file of a bundle.
#[derive(Debug)]
pub(super) struct File {
    /// Path in the bundle, with slashes.
    pub(super) name: String,
    /// Unix permissions, 0755 or 0644 where we make the zip.
    pub(super) mode: u32,
    body: Body,
}

#[derive(Debug)]
enum Body {
    File(PathBuf),
    InZip { archive: PathBuf, index: usize },
}

impl Contents {
    /// Everything in a folder.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, BundleError> {
        let mut files = Vec::new();
        collect(folder, "", &mut files)?;
        Ok(Self::sorted(files))
    }

    /// Those of `parts` (files or folders of `folder`) that exist.
    pub(super) fn of_parts(folder: &Path, parts: &[&str]) -> Result<Self, BundleError> {
        let mut files = Vec::new();
        for part in parts {
            let path = folder.join(part);
            if path.is_dir() {
                collect(&path, &format!("{part}/"), &mut files)?;
            } else if path.is_file() {
                files.push(File::on_disk(part, path)?);
            }
        }
        Ok(Self::sorted(files))
    }

    /// What a zip holds, folders left out.
    pub(super) fn of_zip(path: &Path) -> Result<Self, BundleError> {
        let unreadable = |source| BundleError::Zip {
            path: path.into(),
            source,
        };
        let mut archive = ZipArchive::new(fs::File::open(path)?).map_err(unreadable)?;
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let file = archive.by_index(index).map_err(unreadable)?;
            if !file.is_dir() {
                files.push(File {
                    name: file.name().map_err(unreadable)?.into_owned(),
                    mode: file.unix_mode().unwrap_or(0o644) & 0o777,
                    body: Body::InZip {
                        archive: path.into(),
                        index,
                    },
                });
            }
        }
        Ok(Self::sorted(files))
    }

    /// Puts a program on disk into the bundle, in place of what has its name.
    pub(super) fn add_program(&mut self, name: &str, path: &Path) -> Result<(), BundleError> {
        self.files.retain(|file| file.name != name);
        self.files.push(File {
            mode: 0o755,
            ..File::on_disk(name, path.into())?
        });
        self.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }

    /// The file of this name.
    pub(super) fn find(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }

    fn sorted(mut files: Vec<File>) -> Self {
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Self { files }
    }
}

impl File {
    fn on_disk(name: &str, path: PathBuf) -> Result<Self, BundleError> {
        let metadata = fs::metadata(&path)?;
        let runs = is_executable(&metadata) || is_hook(name) || starts_like_a_program(&path)?;
        let mode = if runs { 0o755 } else { 0o644 };
        Ok(Self {
            name: name.into(),
            mode,
            body: Body::File(path),
        })
    }

    /// All of its bytes.
    pub(super) fn read(&self) -> Result<Vec<u8>, BundleError> {
        match &self.body {
            Body::File(path) => Ok(fs::read(path)?),
            Body::InZip { archive, index } => {
                let unreadable = |source| BundleError::Zip {
                    path: archive.clone(),
                    source,
                };
                let mut zip = ZipArchive::new(fs::File::open(archive)?).map_err(unreadable)?;
                let mut bytes = Vec::new();
                zip.by_index(*index).map_err(unreadable)?.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// Beanstalk runs these as root; it sets their mode itself, but only on platforms from 2022 on (Beanstalk guide:
/// platforms-linux-extend.hooks).
pub(super) fn is_hook(name: &str) -> bool {
    name.starts_with(".platform/hooks/") || name.starts_with(".platform/confighooks/")
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    false
}

/// An ELF file or a script. The mode alone is not enough: it is lost on the way through Windows or some archives
/// (github.com/aws/aws-elastic-beanstalk-cli/issues/80).
fn starts_like_a_program(path: &Path) -> Result<bool, BundleError> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(4).read_to_end(&mut start)?;
    Ok(start == b"\x7fELF" || start.starts_with(b"#!"))
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), BundleError> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if NEVER.contains(&name.as_str()) {
            continue;
        }
        let path = entry.path();
        let inner = format!("{prefix}{name}");
        // A link to a folder could lead round in circles; one to a file is followed.
        if entry.file_type()?.is_dir() {
            collect(&path, &format!("{inner}/"), files)?;
        } else if path.is_file() {
            files.push(File::on_disk(&inner, path)?);
        } else {
            return Err(
                std::io::Error::other(format!("{}: a link that does not lead to a file", path.display())).into(),
            );
        }
    }
    Ok(())
}
