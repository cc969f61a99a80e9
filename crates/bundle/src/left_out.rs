//! Which files of a folder are not sent: what is never part of an app, what may be a secret, and what `.ebignore` or
//! `.gitignore` name. Reads those two files; judges nothing else.
//!
//! As the EB CLI: where there is an `.ebignore`, it alone counts, else `.gitignore` does (Beanstalk guide:
//! eb-cli3-configuration, "Ignoring files using .ebignore"). The last line of `.ebignore` that matches a file, or a folder
//! around it, decides (awsebcli matches with pathspec), so `!.env` sends what would be kept back as a secret.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::BundleError;

/// The EB CLI's list of what is not uploaded.
pub(super) const EBIGNORE: &str = ".ebignore";
const GITIGNORE: &str = ".gitignore";

/// Never part of an app. The files of macOS are no YAML where Beanstalk expects it
/// (github.com/parse-community/parse-server-example/issues/112).
const NEVER: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".elasticbeanstalk",
    ".ebignore",
    ".DS_Store",
    "._*",
    "__MACOSX",
    "*~",
];

/// What usually holds passwords and keys. A bundle lies in a bucket that every instance of the account may read.
const SECRETS: &[&str] = &[
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "!.env.dist",
    ".aws",
    ".ssh",
    ".netrc",
    ".pgpass",
    ".git-credentials",
];

/// Why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Never,
    Secret,
    Ebignore,
    Gitignore,
}

/// What a folder leaves out.
#[derive(Debug)]
pub(super) struct LeftOut {
    /// In the order of their weight: the last that matches decides.
    lines: Vec<(Gitignore, Why)>,
    /// There is no line that takes something back: a folder that is left out need not be looked into.
    is_final: bool,
    /// `.gitignore` counts.
    with_git: bool,
}

impl LeftOut {
    /// The rules of a folder that is sent as it is.
    pub(super) fn of_folder(root: &Path) -> Result<Self, BundleError> {
        let mut left_out = Self::usual();
        let path = root.join(EBIGNORE);
        left_out.with_git = !path.is_file();
        if !left_out.with_git {
            let text = fs_err::read_to_string(&path)?;
            for line in text.trim_start_matches('\u{feff}').lines() {
                left_out.is_final &= !line.starts_with('!');
                left_out.add(&[line], Why::Ebignore, &path)?;
            }
        }
        Ok(left_out)
    }

    /// The rules without those of a folder.
    pub(super) fn usual() -> Self {
        let mut left_out = Self {
            lines: Vec::new(),
            is_final: true,
            with_git: false,
        };
        for (lines, why) in [(NEVER, Why::Never), (SECRETS, Why::Secret)] {
            // Lines of ours are patterns.
            let _ = left_out.add(lines, why, Path::new(""));
        }
        left_out
    }

    /// The rules of source files: what git would not track.
    pub(super) fn of_sources() -> Self {
        Self {
            lines: Vec::new(),
            is_final: true,
            with_git: true,
        }
    }

    /// One weight for all of these.
    fn add(&mut self, lines: &[&str], why: Why, file: &Path) -> Result<(), BundleError> {
        let unusable = |error: ignore::Error| BundleError::Manifest {
            path: file.into(),
            reason: error.to_string(),
        };
        let mut builder = GitignoreBuilder::new("");
        for line in lines {
            builder.add_line(None, line).map_err(unusable)?;
        }
        self.lines.push((builder.build().map_err(unusable)?, why));
        Ok(())
    }

    /// Why a path, given from the root, is left out; `None` where it is sent.
    pub(super) fn why(&self, path: &Path, is_directory: bool) -> Option<Why> {
        let itself_and_around = || {
            let around = path.ancestors().skip(1).map(|folder| (folder, true));
            std::iter::once((path, is_directory))
                .chain(around)
                .filter(|(path, _)| !path.as_os_str().is_empty())
        };
        self.lines.iter().rev().find_map(|(line, why)| {
            let verdict = itself_and_around().map(|(path, is_directory)| line.matched(path, is_directory));
            match verdict.into_iter().find(|verdict| !verdict.is_none())? {
                Match::Ignore(_) => Some(Some(*why)),
                _ => Some(None),
            }
        })?
    }

    /// Whether a line asks for exactly this, against the rules before it.
    pub(super) fn is_wanted(&self, path: &Path) -> bool {
        let asks = |(line, why): &(Gitignore, Why)| {
            *why == Why::Ebignore && line.matched_path_or_any_parents(path, false).is_whitelist()
        };
        self.lines.iter().any(asks)
    }

    /// Whether nothing within a folder that is left out can be sent.
    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }

    /// The `.gitignore` of one folder, where it counts.
    pub(super) fn git_rules(&self, folder: &Path) -> Option<GitRules> {
        let path = folder.join(GITIGNORE);
        if !self.with_git || !path.is_file() {
            return None;
        }
        let mut builder = GitignoreBuilder::new(folder);
        // A line that git does not understand names nothing.
        let _ = builder.add(&path);
        builder.build().ok().map(|rules| GitRules {
            folder: folder.into(),
            rules,
        })
    }
}

/// What one `.gitignore` says of the files below it.
#[derive(Debug)]
pub(super) struct GitRules {
    folder: PathBuf,
    rules: Gitignore,
}

/// Whether git would leave a path out: the nearest file that says something decides.
pub(super) fn is_ignored_by_git(rules: &[GitRules], path: &Path, is_directory: bool) -> bool {
    let verdicts = rules.iter().rev().filter(|rules| path.starts_with(&rules.folder));
    let mut verdicts = verdicts.map(|rules| rules.rules.matched(path, is_directory));
    verdicts
        .find(|verdict| !verdict.is_none())
        .is_some_and(|verdict| verdict.is_ignore())
}

/// Whether the bytes are a private key, in PEM or PuTTY's form.
pub(super) fn is_private_key(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----");
    text.starts_with("PuTTY-User-Key-File") || text.starts_with("-----BEGIN ") && text.lines().any(begins)
}

/// Whether a file by this name may be a private key. Keys within packages of others, as in their tests, are public.
pub(super) fn may_be_a_key(name: &str) -> bool {
    let of_others = ["node_modules", "vendor", "site-packages"];
    if name.split('/').any(|part| of_others.contains(&part)) {
        return false;
    }
    let name = name.rsplit('/').next().unwrap_or(name);
    match name.rsplit_once('.') {
        None => true,
        Some((_, ending)) => ["pem", "key", "p8", "ppk", "crt", "cert"].contains(&&*ending.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ebignore: &str) -> (tempfile::TempDir, LeftOut) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(EBIGNORE), ebignore).unwrap();
        let rules = LeftOut::of_folder(folder.path()).unwrap();
        (folder, rules)
    }

    #[test]
    fn the_last_line_that_names_a_file_or_a_folder_around_it_decides() {
        let (_folder, rules) = rules("*\n!dist/\n!Procfile\ndist/notes/\n");
        let why = |path: &str| rules.why(Path::new(path), false);
        assert_eq!(why("src/server.ts"), Some(Why::Ebignore));
        assert_eq!(why("Procfile"), None);
        assert_eq!(why("dist/js/server.js"), None);
        assert_eq!(why("dist/notes/people.csv"), Some(Why::Ebignore));
    }

    #[test]
    fn secrets_stay_unless_they_are_asked_for() {
        let usual = LeftOut::usual();
        let kept_back = |path: &str| usual.why(Path::new(path), false) == Some(Why::Secret);
        for path in [".env", "api/.env.production", "home/.aws/credentials", ".netrc"] {
            assert!(kept_back(path), "{path}");
        }
        assert!(!kept_back(".env.example") && !kept_back("environment.js"));
        let (_folder, rules) = rules("!.env\n");
        assert_eq!(rules.why(Path::new(".env"), false), None);
        assert_eq!(rules.why(Path::new(".env.local"), false), Some(Why::Secret));
    }

    #[test]
    fn a_private_key_is_known_by_what_it_says() {
        assert!(is_private_key(b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"));
        assert!(is_private_key(
            b"-----BEGIN CERTIFICATE-----\n...\n-----BEGIN RSA PRIVATE KEY-----\n"
        ));
        assert!(!is_private_key(b"-----BEGIN CERTIFICATE-----\n"));
        assert!(!is_private_key(b"ssh-ed25519 AAAA"));
        assert!(may_be_a_key("keys/id_ed25519") && may_be_a_key("tls/site.PEM"));
        assert!(!may_be_a_key("server.js") && !may_be_a_key("node_modules/x/test/key.pem"));
    }
}
