//! Which versions every instance of the stack ran, in their order, and which were rolled back: an object of the record, a line each.
//! A hint only: what runs is Beanstalk's to say.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::record::Record;
use crate::engine::Error;

/// In the record.
pub const NAME: &str = "versions.jsonl";
/// Older ones are forgotten.
const KEPT: usize = 100;

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Every instance ran it.
    Deployed,
    /// Another one was put in its place on purpose.
    RolledBack,
    /// It is gone back to, and that is not over: whoever is stopped in the middle means the same version the next time.
    GoingBack,
}

impl Fate {
    const ALL: [Self; 3] = [Self::Deployed, Self::RolledBack, Self::GoingBack];

    fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::RolledBack => "rolled_back",
            Self::GoingBack => "going_back",
        }
    }
}

/// Another object of the record: the newest deployment that did not come to every instance yet. Of its own, as who could not even begin
/// has no lock to write into the history with.
pub const ATTEMPT: &str = "attempt.json";

/// A deployment that was to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `None` where there was no bundle.
    pub version: Option<String>,
    /// Beanstalk may have been asked for it.
    pub begun: bool,
}

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionHistory {
    fates: Vec<(String, Fate)>,
    attempt: Option<Attempt>,
}

impl VersionHistory {
    /// As the record has it; `keys` are those of the record. Lines that cannot be read are passed over.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn read(aws: &Aws, record: &Record, keys: &[String]) -> Result<Self, Error> {
        let mut history = match keys.contains(&record.key(NAME)) {
            true => Self::newest(aws, record).await?,
            false => Self::default(),
        };
        if keys.contains(&record.key(ATTEMPT)) {
            let text = record.read(aws, ATTEMPT).await?.unwrap_or_default();
            history.attempt = Attempt::parse(&String::from_utf8_lossy(&text));
        }
        Ok(history)
    }

    async fn newest(aws: &Aws, record: &Record) -> Result<Self, Error> {
        let text = record.read(aws, NAME).await?.unwrap_or_default();
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    /// Writes down what became of these. The lock is held.
    ///
    /// # Errors
    /// Where the record cannot be read or written.
    pub async fn note(aws: &Aws, record: &Record, news: &[(String, Fate)]) -> Result<(), Error> {
        let Self { fates: mut all, .. } = Self::newest(aws, record).await?;
        all.extend_from_slice(news);
        let forgotten = all.len().saturating_sub(KEPT);
        let lines: String = all[forgotten..].iter().map(line).collect();
        record.write(aws, NAME, lines.into_bytes()).await
    }

    /// Writes down that a deployment was to be. No lock is needed.
    ///
    /// # Errors
    /// Where the record cannot be written.
    pub async fn note_attempt(aws: &Aws, record: &Record, attempt: &Attempt) -> Result<(), Error> {
        record.write(aws, ATTEMPT, attempt.text().into_bytes()).await
    }

    /// Forgets it: every instance runs the same version since, whichever it is.
    ///
    /// # Errors
    /// Where the record cannot be written.
    pub async fn forget_attempt(aws: &Aws, record: &Record) -> Result<(), Error> {
        record.delete_keys(aws, &[record.key(ATTEMPT)]).await
    }

    /// The newest deployment, where it did not come to every instance as far as is known.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// The same, where every instance runs `version`: there is nothing of it to go back from.
    pub fn came_to_nothing(&self, version: &str) -> Option<&Attempt> {
        let attempt = self.attempt.as_ref();
        attempt.filter(|attempt| attempt.version.as_deref() != Some(version))
    }

    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            let fate = Fate::ALL.into_iter().find(|fate| line["fate"] == fate.as_str())?;
            Some((line["version"].as_str()?.to_owned(), fate))
        };
        Self {
            fates: text.lines().filter_map(entry).collect(),
            attempt: None,
        }
    }

    /// Of a deployment of `v` that was begun and came to nothing as far as is known, after these.
    #[cfg(test)]
    pub(crate) fn for_test(fates: &[(&str, Fate)], tried: Option<&str>) -> Self {
        let attempt = |version: &str| Attempt {
            version: Some(version.to_owned()),
            begun: true,
        };
        Self {
            fates: fates.iter().map(|(label, fate)| ((*label).to_owned(), *fate)).collect(),
            attempt: tried.map(attempt),
        }
    }

    fn fate(&self, version: &str) -> Option<Fate> {
        let of_version = self.fates.iter().rev().find(|(label, _)| label == version);
        of_version.map(|(_, fate)| *fate)
    }

    /// Whether the last that is known of it is that it was rolled back.
    pub fn was_rolled_back(&self, version: &str) -> bool {
        self.fate(version) == Some(Fate::RolledBack)
    }

    /// Whether it is the last that every instance ran.
    pub fn is_newest(&self, version: &str) -> bool {
        self.fates
            .last()
            .is_some_and(|(label, fate)| label == version && *fate == Fate::Deployed)
    }

    /// What a run that did not get to its end has gone back to.
    pub fn going_back(&self) -> Option<&str> {
        let last = self.fates.last().filter(|(_, fate)| *fate == Fate::GoingBack);
        last.map(|(label, _)| label.as_str())
    }

    /// What was gone back to last, whether that is over or not. Asked for again, it is the same one: whoever lost the answer does not go
    /// back by two.
    pub fn gone_back_to(&self) -> Option<&str> {
        match self.fates.as_slice() {
            [.., (label, Fate::GoingBack)] => Some(label),
            [.., (to, Fate::GoingBack), (label, Fate::Deployed)] if to == label => Some(label),
            _ => None,
        }
    }

    /// The last other version that every instance ran and that nobody took back.
    pub fn before(&self, version: &str) -> Option<&str> {
        let labels = self.fates.iter().rev().map(|(label, _)| label.as_str());
        labels
            .filter(|label| *label != version)
            .find(|label| matches!(self.fate(label), Some(Fate::Deployed | Fate::GoingBack)))
    }
}

impl Attempt {
    fn text(&self) -> String {
        json!({"version": self.version, "begun": self.begun}).to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        Some(Self {
            begun: value["begun"].as_bool()?,
            version: value["version"].as_str().map(str::to_owned),
        })
    }
}

fn line((version, fate): &(String, Fate)) -> String {
    format!("{}\n", json!({"version": version, "fate": fate.as_str()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(entries: &[(&str, Fate)]) -> VersionHistory {
        let entries = entries.iter().map(|(version, fate)| ((*version).to_owned(), *fate));
        VersionHistory {
            fates: entries.collect(),
            attempt: None,
        }
    }

    #[test]
    fn the_version_to_go_back_to_is_the_last_that_stood() {
        use Fate::{Deployed, RolledBack};
        let history = history(&[
            ("v0", Deployed),
            ("v1", Deployed),
            ("v2", Deployed),
            ("v2", RolledBack),
            ("v1", Deployed),
        ]);
        assert_eq!(history.before("v3"), Some("v1"));
        assert_eq!(history.before("v1"), Some("v0"), "v2 was no good");
        assert!(history.was_rolled_back("v2") && !history.was_rolled_back("v1"));
        assert!(history.is_newest("v1") && !history.is_newest("v2"));
    }

    #[test]
    fn a_version_that_was_deployed_again_on_purpose_is_held_back_no_more() {
        use Fate::{Deployed, RolledBack};
        let history = history(&[("v2", RolledBack), ("v1", Deployed), ("v2", Deployed)]);
        assert!(!history.was_rolled_back("v2"));
        assert_eq!(history.before("v2"), Some("v1"));
    }

    #[test]
    fn where_a_way_back_was_stopped_it_goes_to_the_same_version() {
        let mut history = history(&[("v0", Fate::Deployed), ("v1", Fate::Deployed), ("v2", Fate::Deployed)]);
        assert_eq!(history.going_back(), None);
        history.fates.push(("v2".to_owned(), Fate::RolledBack));
        history.fates.push(("v1".to_owned(), Fate::GoingBack));
        assert_eq!(history.going_back(), Some("v1"));
        assert_eq!(history.before("v2"), Some("v1"));
        assert_eq!(history.gone_back_to(), Some("v1"));
        history.fates.push(("v1".to_owned(), Fate::Deployed));
        assert_eq!(history.going_back(), None);
        assert_eq!(history.gone_back_to(), Some("v1"), "and not to v0, asked for again");
        history.fates.push(("v3".to_owned(), Fate::Deployed));
        assert_eq!(history.gone_back_to(), None);
    }

    #[test]
    fn what_others_wrote_there_is_passed_over() {
        let entries = [("v1".to_owned(), Fate::Deployed), ("v2".to_owned(), Fate::RolledBack)];
        let text: String = entries.iter().map(line).collect();
        let spoilt = format!("nonsense\n{{\"version\":7}}\n{text}{{\"version\":\"v3\",\"fate\":\"eaten\"}}\n");
        assert_eq!(VersionHistory::parse(&spoilt).fates, entries);
    }

    #[test]
    fn a_deployment_that_came_nowhere_is_told_from_one_that_every_instance_runs() {
        let attempt = |version: Option<&str>, begun| Attempt {
            version: version.map(str::to_owned),
            begun,
        };
        for of_old in [
            attempt(Some("v2"), true),
            attempt(Some("v2"), false),
            attempt(None, false),
        ] {
            assert_eq!(Attempt::parse(&of_old.text()), Some(of_old.clone()));
            let history = VersionHistory {
                attempt: Some(of_old.clone()),
                ..history(&[("v1", Fate::Deployed)])
            };
            assert_eq!(history.came_to_nothing("v1"), Some(&of_old));
            assert_eq!(history.came_to_nothing("v2").is_some(), of_old.version.is_none());
        }
        assert_eq!(VersionHistory::default().came_to_nothing("v1"), None);
        assert_eq!(Attempt::parse("nonsense"), None);
    }
}
