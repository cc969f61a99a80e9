//! The profiles that runs wrote down for later ones: the one that was applied, and former ones whose resources may not be gone
//! yet. Hints only: nothing is deleted on their word alone.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::selection::{Chosen, RegionFrom, usage};
use crate::aws::Aws;
pub(crate) use crate::aws::record::APPLIED;
use crate::aws::record::Record;
use crate::cli::Global;
use crate::engine::Error;
use crate::profile::{self, Profile};

/// Profiles of runs whose orphans may not be gone yet.
pub(crate) const HISTORY: &str = "profiles/";

pub(crate) async fn applied(aws: &Aws, record: &Record, global: &Global) -> Result<Option<Chosen>, Error> {
    let Some(text) = record.read(aws, APPLIED).await? else {
        return Ok(None);
    };
    let place = format!("s3://{}/{}", record.bucket(), record.key(APPLIED));
    // Other instances of the account may write there: what they spoil must not stand in the way, and of this machine only the command
    // line has a word.
    let parsed = |text: &str, set: &[String]| {
        let profile = profile::parse(&place, text, set).map_err(usage);
        profile.map_err(|error| error.hint("say which profile it is with -p NAME|FILE"))
    };
    let mut profile = parsed(&String::from_utf8_lossy(&text), &[])?;
    forget_this_machine(&mut profile);
    if !global.set.is_empty() {
        profile = parsed(&written(&profile)?, &global.set)?;
    }
    if let Some(region) = &global.region {
        profile.region = region.clone();
    }
    let region_from = match global.region {
        Some(_) => RegionFrom::Flag,
        None => RegionFrom::Profile,
    };
    Ok(Some(Chosen::recorded(profile, region_from)))
}

/// Profiles of former runs.
pub(crate) struct History {
    pub profiles: Vec<Profile>,
    /// Names of those that are no profiles (any more): what they had made cannot be told.
    pub unreadable: Vec<String>,
}

/// The profiles that runs applied since the last that ended well; `keys` are those of the record.
pub(crate) async fn history(aws: &Aws, record: &Record, keys: &[String]) -> Result<History, Error> {
    let names = keys.iter().filter_map(|key| key.strip_prefix(&record.key("")));
    let mut names: BTreeSet<&str> = names
        .filter(|name| *name == APPLIED || name.starts_with(HISTORY))
        .collect();
    let mut history = History {
        profiles: Vec::new(),
        unreadable: Vec::new(),
    };
    // Read first: its copy in the history is known by its hash, and need not be read again.
    if names.remove(APPLIED)
        && let Some(text) = history.take(aws, record, APPLIED).await?
    {
        names.remove(in_history(&text).as_str());
    }
    for name in names {
        history.take(aws, record, name).await?;
    }
    Ok(history)
}

impl History {
    /// Reads one; gives its text.
    async fn take(&mut self, aws: &Aws, record: &Record, name: &str) -> Result<Option<String>, Error> {
        let Some(text) = record.read(aws, name).await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        match profile::parse(name, &text, &[]) {
            Ok(profile) => {
                let profile = public(&profile);
                if !self.profiles.contains(&profile) {
                    self.profiles.push(profile);
                }
            }
            Err(_) => self.unreadable.push(name.to_owned()),
        }
        Ok(Some(text))
    }
}

/// The profile as it is recorded: without properties, which may be secrets, without addresses, and without what is on this machine,
/// in whose place stands the label of the version. Every Beanstalk instance of the account may read that bucket.
pub(crate) fn recorded(profile: &Profile, label: &str) -> Result<String, Error> {
    let mut recorded = public(profile);
    recorded.app.version_label = Some(label.to_owned()).filter(|label| !label.is_empty());
    written(&recorded)
}

fn written(profile: &Profile) -> Result<String, Error> {
    let text = profile.to_toml();
    text.map_err(|error| Error::failed("could not write the profile down").because(error.to_string()))
}

/// The profile that is recorded so, with another version deployed; `None` where it is no profile that this confctl can read.
pub(crate) fn with_version(text: &str, label: &str) -> Option<String> {
    let profile = profile::parse(APPLIED, text, &[]).ok()?;
    recorded(&profile, label).ok()
}

/// What two profiles have to be alike in to be the same, wherever they come from.
pub(crate) fn public(profile: &Profile) -> Profile {
    let mut public = profile.clone();
    public.app.properties.clear();
    public.app.version_label = None;
    public.notifications.email = None;
    forget_this_machine(&mut public);
    public
}

/// Every Beanstalk instance of the account may write into that bucket, too: nothing there says what is opened or run here.
fn forget_this_machine(profile: &mut Profile) {
    profile.app.bundle = Profile::default().app.bundle;
    profile.ssh.public_key = None;
}

/// Where a profile is kept among those that were applied.
pub(crate) fn in_history(text: &str) -> String {
    format!("{HISTORY}{}.toml", &hex::encode(Sha256::digest(text))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_which_version_was_deployed_and_nothing_of_this_machine() {
        let mut profile = Profile::default();
        profile.app.bundle = "~/clients/secret-project".to_owned();
        profile.app.properties.insert("TOKEN".to_owned(), "s3cret".to_owned());
        profile.ssh.public_key = Some("~/.ssh/id_ed25519.pub".to_owned());
        let text = recorded(&profile, "site-1a2b").unwrap();
        for private in ["secret-project", "s3cret", "id_ed25519"] {
            assert!(!text.contains(private), "{text}");
        }
        let read = profile::parse("record", &text, &[]).unwrap();
        assert_eq!(read.app.version_label.as_deref(), Some("site-1a2b"));
        // The same profile, whatever version came with it.
        assert_eq!(public(&read), public(&profile));
        let later = profile::parse("record", &with_version(&text, "site-3c4d").unwrap(), &[]).unwrap();
        assert_eq!(later.app.version_label.as_deref(), Some("site-3c4d"));
        assert_eq!(public(&later), public(&profile));
        assert_eq!(with_version("no profile", "site-3c4d"), None);
    }
}
