//! The files of a bundle before or after zipping, by name and mode; their bytes are read when needed.
//! Judges nothing.

use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err as fs;
use zip::ZipArchive;

use super::error::BundleError;
use super::left_out::{self, LeftOut, Why};
use super::walk;

/// Links that lead to links: more are a circle.
const MOST_LINKS: usize = 40;
/// No private key is longer, and no more of a file is read to find one.
const LONGEST_KEY: u64 = 64 * 1024;

/// Files in the order of their names.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) files: Vec<File>,
    /// Files and folders that may hold secrets, and are not sent.
    pub(super) secrets: Vec<String>,
    /// Files and folders that `.gitignore` keeps out.
    pub(super) ignored_by_git: Vec<String>,
    /// Names that are not UTF-8, as they may be shown.
    pub(super) unnameable: Vec<String>,
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
    Link { target: String },
}

/// Where a name leads once links are followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A path in the bundle, whether something is there or not.
    Inside(String),
    /// An absolute path, on the instance.
    Absolute(String),
    /// Above the bundle.
    Outside,
}

impl Contents {
    /// Everything in a folder that is sent.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, BundleError> {
        Ok(walk::folder(folder, LeftOut::of_folder(folder)?, &[folder])?.sorted())
    }

    /// Those of `parts` (files or folders of `folder`) that exist.
    pub(super) fn of_parts(folder: &Path, parts: &[&str]) -> Result<Self, BundleError> {
        let paths: Vec<PathBuf> = parts.iter().map(|part| folder.join(part)).collect();
        let folders: Vec<&Path> = paths
            .iter()
            .map(PathBuf::as_path)
            .filter(|path| path.is_dir())
            .collect();
        let mut found = walk::folder(folder, LeftOut::usual(), &folders)?;
        for (part, path) in parts.iter().zip(&paths).filter(|(_, path)| path.is_file()) {
            found.files.push(File::on_disk(part, path.clone())?);
        }
        Ok(found.sorted())
    }

    /// What a zip holds, folders left out.
    pub(super) fn of_zip(path: &Path) -> Result<Self, BundleError> {
        let unreadable = |source| BundleError::Zip {
            path: path.into(),
            source,
        };
        let mut archive = ZipArchive::new(fs::File::open(path)?).map_err(unreadable)?;
        let mut found = Self::empty();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).map_err(unreadable)?;
            if file.is_dir() {
                continue;
            }
            let name = match file.name() {
                Ok(name) => name.into_owned(),
                Err(_) => {
                    let name = file.name_raw().escape_ascii().to_string();
                    found.unnameable.push(name);
                    continue;
                }
            };
            let mode = file.unix_mode().unwrap_or(0o644) & 0o777;
            let body = if file.is_symlink() {
                let mut target = String::new();
                file.read_to_string(&mut target)?;
                Body::Link { target }
            } else {
                Body::InZip {
                    archive: path.into(),
                    index,
                }
            };
            found.files.push(File { name, mode, body });
        }
        found.note_secrets()?;
        Ok(found.sorted())
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

    /// The file of this name; a link is not followed.
    pub(super) fn find(&self, name: &str) -> Option<&File> {
        let index = self.files.binary_search_by(|file| file.name.as_str().cmp(name)).ok()?;
        self.files.get(index)
    }

    /// The file that is opened by this name.
    pub(super) fn open(&self, name: &str) -> Option<&File> {
        match self.place_of(name) {
            Place::Inside(name) => self.find(&name),
            Place::Absolute(_) | Place::Outside => None,
        }
    }

    /// Whether there is a file or a folder of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some() || self.has_folder(name)
    }

    pub(super) fn has_folder(&self, name: &str) -> bool {
        let within = format!("{name}/");
        let next = self.files.partition_point(|file| file.name < within);
        self.files.get(next).is_some_and(|file| file.name.starts_with(&within))
    }

    /// Follows the links that a name leads over.
    pub(super) fn place_of(&self, name: &str) -> Place {
        let mut left: Vec<String> = name.split('/').rev().map(str::to_owned).collect();
        let mut place: Vec<String> = Vec::new();
        let mut followed = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if place.pop().is_none() => return Place::Outside,
                ".." => continue,
                _ => place.push(part),
            }
            let Some(target) = self.find(&place.join("/")).and_then(File::link) else {
                continue;
            };
            followed += 1;
            if target.starts_with('/') {
                return Place::Absolute(target.to_owned());
            }
            if followed > MOST_LINKS {
                return Place::Outside;
            }
            place.pop();
            left.extend(target.split('/').rev().map(str::to_owned));
        }
        Place::Inside(place.join("/"))
    }

    pub(super) fn empty() -> Self {
        Self {
            files: Vec::new(),
            secrets: Vec::new(),
            ignored_by_git: Vec::new(),
            unnameable: Vec::new(),
        }
    }

    /// Of a zip, whose files are sent as they are.
    fn note_secrets(&mut self) -> Result<(), BundleError> {
        let usual = LeftOut::usual();
        for file in &self.files {
            let is_named = usual.why(Path::new(&file.name), false) == Some(Why::Secret);
            if is_named || file.holds_a_key()? {
                self.secrets.push(file.name.clone());
            }
        }
        Ok(())
    }

    fn sorted(mut self) -> Self {
        self.files.sort_by(|one, other| one.name.cmp(&other.name));
        for names in [&mut self.secrets, &mut self.ignored_by_git, &mut self.unnameable] {
            names.sort();
        }
        self
    }
}

impl File {
    pub(super) fn on_disk(name: &str, path: PathBuf) -> Result<Self, BundleError> {
        let metadata = fs::metadata(&path)?;
        let runs = is_executable(&metadata) || is_hook(name) || starts_like_a_program(&path)?;
        let mode = if runs { 0o755 } else { 0o644 };
        Ok(Self {
            name: name.into(),
            mode,
            body: Body::File(path),
        })
    }

    pub(super) fn link_to(name: &str, target: String) -> Self {
        Self {
            name: name.into(),
            mode: 0o777,
            body: Body::Link { target },
        }
    }

    /// All of its bytes; of a link the path that it leads to.
    pub(super) fn read(&self) -> Result<Vec<u8>, BundleError> {
        self.read_at_most(u64::MAX)
    }

    fn read_at_most(&self, most: u64) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        match &self.body {
            Body::File(path) => {
                fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
            }
            Body::InZip { archive, index } => {
                let unreadable = |source| BundleError::Zip {
                    path: archive.clone(),
                    source,
                };
                let mut zip = ZipArchive::new(fs::File::open(archive)?).map_err(unreadable)?;
                let file = zip.by_index(*index).map_err(unreadable)?;
                file.take(most).read_to_end(&mut bytes)?;
            }
            Body::Link { target } => bytes.extend_from_slice(target.as_bytes()),
        }
        Ok(bytes)
    }

    /// Where it leads, if it is a link.
    pub(super) fn link(&self) -> Option<&str> {
        match &self.body {
            Body::Link { target } => Some(target),
            Body::File(_) | Body::InZip { .. } => None,
        }
    }

    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    pub(super) fn holds_a_key(&self) -> Result<bool, BundleError> {
        let may_hold = self.link().is_none() && left_out::may_be_a_key(&self.name);
        Ok(may_hold && left_out::is_private_key(&self.read_at_most(LONGEST_KEY)?))
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
