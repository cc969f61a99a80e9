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

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionHistory(Vec<(String, Fate)>);

impl VersionHistory {
    /// As the record has it; `keys` are those of the record. Lines that cannot be read are passed over.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn read(aws: &Aws, record: &Record, keys: &[String]) -> Result<Self, Error> {
        match keys.contains(&record.key(NAME)) {
            true => Self::newest(aws, record).await,
            false => Ok(Self::default()),
        }
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
        let Self(mut all) = Self::newest(aws, record).await?;
        all.extend_from_slice(news);
        let forgotten = all.len().saturating_sub(KEPT);
        let lines: String = all[forgotten..].iter().map(line).collect();
        record.write(aws, NAME, lines.into_bytes()).await
    }

    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            let fate = Fate::ALL.into_iter().find(|fate| line["fate"] == fate.as_str())?;
            Some((line["version"].as_str()?.to_owned(), fate))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    fn fate(&self, version: &str) -> Option<Fate> {
        let of_version = self.0.iter().rev().find(|(label, _)| label == version);
        of_version.map(|(_, fate)| *fate)
    }

    /// Whether the last that is known of it is that it was rolled back.
    pub fn was_rolled_back(&self, version: &str) -> bool {
        self.fate(version) == Some(Fate::RolledBack)
    }

    /// Whether it is the last that every instance ran.
    pub fn is_newest(&self, version: &str) -> bool {
        self.0
            .last()
            .is_some_and(|(label, fate)| label == version && *fate == Fate::Deployed)
    }

    /// What a run that did not get to its end has gone back to.
    pub fn going_back(&self) -> Option<&str> {
        let last = self.0.last().filter(|(_, fate)| *fate == Fate::GoingBack);
        last.map(|(label, _)| label.as_str())
    }

    /// What was gone back to last, whether that is over or not. Asked for again, it is the same one: whoever lost the answer does not go
    /// back by two.
    pub fn gone_back_to(&self) -> Option<&str> {
        match self.0.as_slice() {
            [.., (label, Fate::GoingBack)] => Some(label),
            [.., (to, Fate::GoingBack), (label, Fate::Deployed)] if to == label => Some(label),
            _ => None,
        }
    }

    /// The last other version that every instance ran and that nobody took back.
    pub fn before(&self, version: &str) -> Option<&str> {
        let labels = self.0.iter().rev().map(|(label, _)| label.as_str());
        labels
            .filter(|label| *label != version)
            .find(|label| matches!(self.fate(label), Some(Fate::Deployed | Fate::GoingBack)))
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
        VersionHistory(entries.collect())
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
        history.0.push(("v2".to_owned(), Fate::RolledBack));
        history.0.push(("v1".to_owned(), Fate::GoingBack));
        assert_eq!(history.going_back(), Some("v1"));
        assert_eq!(history.before("v2"), Some("v1"));
        assert_eq!(history.gone_back_to(), Some("v1"));
        history.0.push(("v1".to_owned(), Fate::Deployed));
        assert_eq!(history.going_back(), None);
        assert_eq!(history.gone_back_to(), Some("v1"), "and not to v0, asked for again");
        history.0.push(("v3".to_owned(), Fate::Deployed));
        assert_eq!(history.gone_back_to(), None);
    }

    #[test]
    fn what_others_wrote_there_is_passed_over() {
        let entries = [("v1".to_owned(), Fate::Deployed), ("v2".to_owned(), Fate::RolledBack)];
        let text: String = entries.iter().map(line).collect();
        let spoilt = format!("nonsense\n{{\"version\":7}}\n{text}{{\"version\":\"v3\",\"fate\":\"eaten\"}}\n");
        assert_eq!(VersionHistory::parse(&spoilt), VersionHistory(entries.to_vec()));
    }
}
