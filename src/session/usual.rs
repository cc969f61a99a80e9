//! How long steps usually take: what others were seen to need, then what this machine's own runs took.
//! Must know nothing of a run; whatever is wrong with the file, nobody waits for it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::engine::{Action, Pace, Report, Usual};
use crate::resources::outputs::ORIGIN;

/// Seconds on AWS. The environment from public logs of launches (load balancer 150 s in, ready after 231 to 300), CloudFront 3.5
/// minutes and more since 2020, the rest from its services' documentation or from waits of others' tools: where nothing is known,
/// the sum of its requests.
const SEEN: &[(&str, Action, Option<&str>, f64)] = &[
    ("users-table", Action::Create, None, 10.0),
    ("users-table", Action::Update, None, 10.0),
    ("users-table", Action::Delete, None, 10.0),
    ("default-vpc", Action::Create, None, 10.0),
    ("default-vpc", Action::Delete, None, 15.0),
    ("service-role", Action::Create, None, 12.0),
    ("service-role", Action::Delete, None, 3.0),
    ("instance-profile", Action::Create, None, 15.0),
    ("instance-profile", Action::Delete, None, 3.0),
    ("application", Action::Create, None, 1.0),
    ("application", Action::Delete, None, 3.0),
    ("app-version", Action::Create, None, 6.0),
    ("app-version", Action::Delete, None, 2.0),
    ("key-pair", Action::Create, None, 1.0),
    ("key-pair", Action::Delete, None, 1.0),
    ("environment", Action::Create, Some(ORIGIN.name), 150.0),
    ("environment", Action::Create, None, 270.0),
    ("environment", Action::Update, None, 240.0),
    ("environment", Action::Delete, None, 240.0),
    ("security-group", Action::Create, None, 2.0),
    ("security-group", Action::Delete, None, 120.0),
    ("load-balancer", Action::Create, Some(ORIGIN.name), 3.0),
    ("load-balancer", Action::Create, None, 160.0),
    ("load-balancer", Action::Delete, None, 3.0),
    ("listener-rule", Action::Create, None, 1.0),
    ("listener-rule", Action::Delete, None, 1.0),
    ("web-acl", Action::Create, None, 3.0),
    ("web-acl", Action::Delete, None, 5.0),
    ("distribution", Action::Create, None, 240.0),
    ("distribution", Action::Update, None, 240.0),
    ("distribution", Action::Delete, Some(ORIGIN.name), 240.0),
    ("distribution", Action::Delete, None, 250.0),
];

/// So many of the newest runs count: the median of them.
const KEPT: usize = 7;

/// What runs took: by pace, then by step, newest last.
#[derive(Default, Serialize, Deserialize)]
struct Learned(BTreeMap<String, BTreeMap<String, Vec<f64>>>);

/// What is expected of a run at this pace.
pub(crate) fn usual(pace: Pace) -> Usual {
    let mut usual = Usual::default();
    for (kind, action, until, seconds) in SEEN {
        usual.set(kind, *action, *until, *seconds);
    }
    for (step, took) in read().0.remove(&pace_key(pace)).unwrap_or_default() {
        if let (Some((kind, action, until)), Some(seconds)) = (parsed(&step), median(took)) {
            usual.set(kind, action, until, seconds);
        }
    }
    usual
}

/// Takes note of what a run took, but for changes of the kind that took as long as was asked for.
pub(crate) fn learn(report: &Report, pace: Pace, asked_for: Option<&str>) {
    let mut took = Usual::of(report, pace);
    took.retain(|((kind, action, _), _)| *action != Action::Update || asked_for != Some(kind.as_str()));
    if took.is_empty() {
        return;
    }
    let mut learned = read();
    let of_pace = learned.0.entry(pace_key(pace)).or_default();
    for ((kind, action, until), seconds) in took {
        let runs = of_pace.entry(key(&kind, action, until.as_deref())).or_default();
        runs.push((seconds * 10.0).round() / 10.0);
        let old = runs.len().saturating_sub(KEPT);
        runs.drain(..old);
    }
    if let Err(error) = write(&learned) {
        tracing::debug!(%error, "what the run took was not kept");
    }
}

/// Runs at another pace are no measure: what the network takes is not faster there.
fn pace_key(pace: Pace) -> String {
    format!("x{}", pace.speed)
}

/// `environment create`, `environment create until environment.origin`
fn key(kind: &str, action: Action, until: Option<&str>) -> String {
    let action = word(action);
    match until {
        Some(output) => format!("{kind} {action} until {output}"),
        None => format!("{kind} {action}"),
    }
}

const WORDS: [(Action, &str); 4] = [
    (Action::Create, "create"),
    (Action::Update, "update"),
    (Action::Delete, "delete"),
    (Action::Settle, "settle"),
];

fn word(action: Action) -> &'static str {
    WORDS
        .iter()
        .find(|(other, _)| *other == action)
        .map_or("", |(_, word)| word)
}

fn parsed(key: &str) -> Option<(&str, Action, Option<&str>)> {
    let (step, until) = match key.split_once(" until ") {
        Some((step, output)) => (step, Some(output)),
        None => (key, None),
    };
    let (kind, action) = step.split_once(' ')?;
    let (action, _) = WORDS.iter().find(|(_, word)| *word == action)?;
    Some((kind, *action, until))
}

fn median(mut took: Vec<f64>) -> Option<f64> {
    took.retain(|seconds| seconds.is_finite() && *seconds >= 0.0);
    took.sort_by(f64::total_cmp);
    took.get(took.len().saturating_sub(1) / 2).copied()
}

fn path() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("confctl/durations.json"))
}

/// Nothing where there is no file, or one that nobody can read.
fn read() -> Learned {
    let text = path()
        .and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Another run that ends at the same moment may win; a file that is half written never does.
fn write(learned: &Learned) -> std::io::Result<()> {
    let Some(path) = path() else { return Ok(()) };
    let folder = path.parent().unwrap_or(&path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, learned)?;
    file.persist(&path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_that_is_known_is_read_back_as_what_it_was() {
        for (kind, action, until, _) in SEEN {
            assert_eq!(parsed(&key(kind, *action, *until)), Some((*kind, *action, *until)));
        }
        assert_eq!(parsed("environment explode"), None);
    }

    #[test]
    fn one_slow_run_decides_nothing() {
        assert_eq!(median(vec![230.0, 240.0, 900.0]), Some(240.0));
        assert_eq!(median(vec![240.0, 900.0]), Some(240.0));
        assert_eq!(median(vec![f64::NAN, -1.0]), None);
    }
}
