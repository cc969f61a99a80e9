//! Walks through folders: what of them is sent, and which sources git would track.
//! Opens no file but `.gitignore`, and what may be a private key; judges nothing.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::contents::{Contents, File};
use super::error::BundleError;
use super::left_out::{self, GitRules, LeftOut, Why};

/// What is sent of these folders of `root`.
pub(super) fn folder(root: &Path, left_out: LeftOut, folders: &[&Path]) -> Result<Contents, BundleError> {
    let mut walk = Walk {
        root,
        left_out,
        git: Vec::new(),
        found: Contents::empty(),
    };
    for folder in folders {
        walk.enter(folder)?;
    }
    Ok(walk.found)
}

/// A walk through a folder.
struct Walk<'a> {
    root: &'a Path,
    left_out: LeftOut,
    /// Of the folders that are being walked through.
    git: Vec<GitRules>,
    found: Contents,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path) -> Result<(), BundleError> {
        let rules = self.left_out.git_rules(folder);
        let has_rules = rules.is_some();
        self.git.extend(rules);
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            self.take(&entry.path(), entry.file_type()?)?;
        }
        if has_rules {
            self.git.pop();
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, kind: std::fs::FileType) -> Result<(), BundleError> {
        let from_root = path.strip_prefix(self.root).unwrap_or(path);
        let why = self.left_out.why(from_root, kind.is_dir());
        let why = why.or_else(|| left_out::is_ignored_by_git(&self.git, path, kind.is_dir()).then_some(Why::Gitignore));
        let Some(name) = name_of(from_root) else {
            if why.is_none() {
                let shown = from_root.as_os_str().as_encoded_bytes().escape_ascii();
                self.found.unnameable.push(shown.to_string());
            }
            return Ok(());
        };
        match why {
            Some(Why::Secret) => self.found.secrets.push(name.clone()),
            Some(Why::Gitignore) => self.found.ignored_by_git.push(name.clone()),
            Some(Why::Never | Why::Ebignore) | None => {}
        }
        if kind.is_dir() {
            let is_looked_into = why.is_none() || !self.left_out.is_final() && why == Some(Why::Ebignore);
            return if is_looked_into { self.enter(path) } else { Ok(()) };
        }
        if why.is_some() {
            return Ok(());
        }
        let file = if kind.is_symlink() {
            File::link_to(&name, fs::read_link(path)?.to_string_lossy().into_owned())
        } else if kind.is_file() {
            File::on_disk(&name, path.into())?
        } else {
            // Sockets and pipes are nothing that could be sent.
            return Ok(());
        };
        if file.holds_a_key()? && !self.left_out.is_wanted(from_root) {
            self.found.secrets.push(name);
        } else {
            self.found.files.push(file);
        }
        Ok(())
    }
}

/// With slashes; `None` for a name that is not UTF-8.
fn name_of(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.components().map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// The files of `directories` below `root` that git would track, in no order. Build output and hidden folders that are not
/// Beanstalk's are none.
pub(super) fn source_files(root: &Path, directories: &[PathBuf]) -> Result<Vec<PathBuf>, BundleError> {
    let mut files = Vec::new();
    let outside = directories.iter().filter(|directory| !directory.starts_with(root));
    for start in std::iter::once(root).chain(outside.map(PathBuf::as_path)) {
        walk_sources(start, directories, &LeftOut::of_sources(), &mut Vec::new(), &mut files)?;
    }
    Ok(files)
}

fn walk_sources(
    folder: &Path,
    directories: &[PathBuf],
    rules: &LeftOut,
    git: &mut Vec<GitRules>,
    files: &mut Vec<PathBuf>,
) -> Result<(), BundleError> {
    let is_within = directories.iter().any(|directory| folder.starts_with(directory));
    let depth = git.len();
    git.extend(rules.git_rules(folder));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if left_out::is_ignored_by_git(git, &path, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            let leads_there = directories.iter().any(|directory| directory.starts_with(&path));
            if (is_within && is_source_folder(&path)) || leads_there {
                walk_sources(&path, directories, rules, git, files)?;
            }
        } else if is_within {
            files.push(path);
        }
    }
    git.truncate(depth);
    Ok(())
}

fn is_source_folder(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name != "target" && (!name.starts_with('.') || [".platform", ".ebextensions"].contains(&&*name))
}
