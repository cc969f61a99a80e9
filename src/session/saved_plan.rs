//! A plan in a file: what was shown, for whom, and of what. `up` compares it with the plan that it makes itself, and takes no step
//! of it. Must know nothing of how a plan is made.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Look, Session};
use crate::engine::{Command, Error, Hint, Kind};
use crate::profile::paths::at_home;

/// No plan is larger, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What is written: no property's value, and nothing that could be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedPlan {
    /// Where it was read.
    #[serde(skip)]
    file: PathBuf,
    /// The form of this file.
    version: u32,
    account: String,
    region: String,
    /// Where it is not AWS.
    endpoint: Option<String>,
    stack: String,
    /// Of the whole profile.
    profile_sha256: String,
    /// The version that would run, and what its bundle is known by.
    bundle: String,
    /// As shown.
    steps: Value,
    /// Resources of former profiles, as shown.
    orphans: Value,
}

impl SavedPlan {
    pub(crate) fn of(session: &Session, look: &Look) -> Result<Self, Error> {
        let unwritable = |error: &dyn std::fmt::Display| {
            Error::failed("the plan could not be written down").because(error.to_string())
        };
        let profile = session.stack.profile.to_toml().map_err(|error| unwritable(&error))?;
        let value = |value: Result<Value, serde_json::Error>| value.map_err(|error| unwritable(&error));
        let heading = session.heading();
        let bundle = &session.stack.bundle;
        Ok(Self {
            file: PathBuf::new(),
            version: 1,
            account: heading.account,
            region: heading.region,
            endpoint: heading.endpoint,
            stack: heading.stack,
            profile_sha256: hex::encode(Sha256::digest(profile)),
            bundle: format!("{} {}", bundle.label, bundle.mark),
            steps: value(serde_json::to_value(&look.planned))?,
            orphans: value(serde_json::to_value(&look.orphans))?,
        })
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where the file is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let path = at_home(path);
        let unfit = |reason: String| {
            Error::new(Kind::Usage, format!("{} is no saved plan", path.display()))
                .because(reason)
                .hint(Hint::run("plan --out plan.json").and(" makes one"))
        };
        let mut text = String::new();
        let read = fs_err::File::open(&path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
        read.map_err(|error| unfit(error.to_string()))?;
        let mut plan: Self = serde_json::from_str(&text).map_err(|error| unfit(error.to_string()))?;
        plan.file.clone_from(&path);
        match plan.version {
            1 => Ok(plan),
            other => Err(unfit(format!("its form is {other}; this confctl knows 1"))),
        }
    }

    /// Whether what would be done now is what was saved.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn must_be(&self, now: &Self) -> Result<(), Error> {
        let told = [
            ("account", self.account != now.account),
            ("region", self.region != now.region),
            ("endpoint", self.endpoint != now.endpoint),
            ("stack", self.stack != now.stack),
            ("profile", self.profile_sha256 != now.profile_sha256),
            ("bundle", self.bundle != now.bundle),
            ("steps", self.steps != now.steps),
            ("resources of former profiles", self.orphans != now.orphans),
        ];
        let differs: Vec<_> = told
            .iter()
            .filter(|(_, differs)| *differs)
            .map(|(what, _)| *what)
            .collect();
        match differs.is_empty() {
            true => Ok(()),
            false => Err(
                Error::refused("the saved plan is not what would be done now; nothing was changed")
                    .because(format!("not the same: {}", differs.join(", ")))
                    .hint(Hint::run(Command::confctl("plan --out").arg(self.file.display())).and(" saves the new one")),
            ),
        }
    }
}

/// Where a plan is to be written: made before anything is looked at, so that a plan is not lost for want of a place.
pub(crate) struct PlanFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl PlanFile {
    /// # Errors
    /// Where nothing can be written there.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let path = at_home(path);
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // For its owner only: a plan names the whole account.
        let file =
            NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|error| unwritable(&path, &error))?;
        match path.is_dir() {
            true => Err(unwritable(&path, &"it is a folder")),
            false => Ok(Self { path, file }),
        }
    }

    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn write(mut self, plan: &SavedPlan) -> Result<PathBuf, Error> {
        let text = serde_json::to_string_pretty(plan).map_err(|error| unwritable(&self.path, &error))?;
        let written = writeln!(self.file, "{text}").and_then(|()| self.file.as_file().sync_all());
        written.map_err(|error| unwritable(&self.path, &error))?;
        self.file
            .persist(&self.path)
            .map_err(|error| unwritable(&self.path, &error))?;
        Ok(self.path)
    }
}

fn unwritable(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Usage, format!("the plan cannot be written to {}", path.display()))
        .because(reason.to_string())
        .hint("name a file in a folder that can be written with --out FILE")
}
