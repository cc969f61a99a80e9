//! The same people for engines that send from many machines: a script for k6, and a test for Distributed Load Testing on AWS.
//! Must know nothing of files and of who asks; how people behave is taken from where they do it here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::addresses::Addresses;
use crate::arrivals::Coming;
use crate::person::{PAGE_LIMIT, POST_LIMIT, RELOAD_AFTER, RELOADS, TRIES};

const SCRIPT: &str = include_str!("k6.js");
/// Where the script takes its figures from.
const PLAN: &str = "const PLAN = {};";

/// Parts of a record of arrivals at most: a script has to fit into a ConfigMap, 1 MiB (grafana.com/docs/k6, executing-k6-scripts-
/// with-testrun-crd).
const MOST_PARTS: u64 = 600;

/// How many people one task of Distributed Load Testing on AWS is: what its guide begins with, for a task of 2 vCPUs.
const PEOPLE_OF_A_TASK: u32 = 200;
/// After the last one came: eight tries with their pauses, and a page that was waited for.
const UNTIL_ALL_LEFT: Duration = Duration::from_secs(120);

/// Who comes to which site.
#[derive(Debug, Clone)]
pub struct Rehearsal<'a> {
    pub site: &'a str,
    /// What tells this run's addresses from others'.
    pub run: &'a str,
    pub coming: &'a Coming,
    pub think: Duration,
    pub patience: Option<Duration>,
    /// The share of people that is to get in, 0 to 1.
    pub least_in: f64,
}

/// The script. By k6's own executors, it is split over machines by execution segments, as its operator does, and a person's
/// number stays one over all of them (grafana.com/docs/k6, k6-execution: `scenario.iterationInTest`).
pub fn k6(rehearsal: &Rehearsal<'_>) -> String {
    let seconds = |time: Duration| format!("{}ms", time.as_millis());
    let plan = json!({
        "site": rehearsal.site,
        "run": rehearsal.run,
        "suffix": Addresses::suffix_of_all(),
        "userAgent": crate::USER_AGENT,
        "within": rehearsal.coming.within().as_secs_f64(),
        "slice": slice(rehearsal.coming).as_secs_f64(),
        "think": rehearsal.think.as_secs_f64(),
        "patience": rehearsal.patience.map(|patience| patience.as_secs_f64()),
        "leastIn": rehearsal.least_in,
        "pageLimit": seconds(PAGE_LIMIT),
        "postLimit": seconds(POST_LIMIT),
        "tries": TRIES,
        "reloads": RELOADS,
        "reloadAfter": RELOAD_AFTER.as_secs_f64(),
        "scenario": scenario(rehearsal),
    });
    SCRIPT.replacen(PLAN, &format!("const PLAN = {plan:#};"), 1)
}

/// k6 lets people come evenly within such a time: each is moved by a random part of it, so that they bunch as people do.
fn slice(coming: &Coming) -> Duration {
    let parts = u32::try_from(MOST_PARTS).unwrap_or(u32::MAX);
    (coming.within() / parts)
        .max(Duration::from_secs(1))
        .min(coming.within())
}

/// An open model: people come whatever the site does, each by a virtual user of their own.
fn scenario(rehearsal: &Rehearsal<'_>) -> Value {
    let coming = rehearsal.coming;
    let (people, within) = (coming.people(), coming.within().max(Duration::from_millis(1)));
    let milliseconds = format!("{}ms", within.as_millis());
    // So many are there at one time where the site is quick; more are made as they are needed.
    let visit = rehearsal.think.as_secs_f64() + 3.0;
    let at_once = (f64::from(people) * visit / within.as_secs_f64()).ceil();
    let mut scenario = json!({
        "preAllocatedVUs": (at_once as u32).clamp(1, people.max(1)),
        "maxVUs": people,
        "gracefulStop": format!("{}s", UNTIL_ALL_LEFT.as_secs()),
    });
    match coming {
        Coming::AtRandom { .. } => {
            scenario["executor"] = "constant-arrival-rate".into();
            scenario["rate"] = people.into();
            scenario["timeUnit"] = milliseconds.clone().into();
            scenario["duration"] = milliseconds.into();
        }
        Coming::Recorded(moments) => {
            let slice = slice(coming).max(Duration::from_millis(1));
            let length = format!("{}ms", slice.as_millis());
            scenario["executor"] = "ramping-arrival-rate".into();
            scenario["timeUnit"] = length.clone().into();
            let counts = counts(moments, slice);
            scenario["startRate"] = counts.first().copied().unwrap_or_default().into();
            // A stage goes from the rate before to its own: one of no length comes first, so that each rate is a step.
            let steps = counts.into_iter().flat_map(|count| {
                ["0s", length.as_str()].map(|duration| json!({"target": count, "duration": duration}))
            });
            scenario["stages"] = steps.collect();
        }
    }
    scenario
}

/// How many come in each part of the time.
fn counts(moments: &[Duration], slice: Duration) -> Vec<u64> {
    let mut counts = Vec::new();
    for moment in moments {
        let place = usize::try_from(moment.as_nanos() / slice.as_nanos().max(1)).unwrap_or(usize::MAX);
        let place = place.min(2 * MOST_PARTS as usize);
        if counts.len() <= place {
            counts.resize(place + 1, 0);
        }
        counts[place] += 1;
    }
    counts
}

/// What `POST /scenarios` of Distributed Load Testing on AWS takes (its `createTestSchema`), beside the script that lies in its bucket
/// as `public/test-scenarios/k6/ID.js`. It runs k6 through Taurus, with `--vus` and `--duration`: one person each.
pub fn distributed(rehearsal: &Rehearsal<'_>, region: &str) -> Value {
    let people = rehearsal.coming.people();
    let tasks = people.div_ceil(PEOPLE_OF_A_TASK).max(1);
    let hold = (rehearsal.coming.within() + UNTIL_ALL_LEFT).as_secs();
    let minutes = hold.div_ceil(60).max(1);
    let id = format!("confctl-{}", rehearsal.run);
    json!({
        "testId": id,
        "testName": id,
        "testDescription": format!("{people} people who register at {}", rehearsal.site),
        "testType": "k6",
        "fileType": "script",
        "testTaskConfigs": [{"region": region, "taskCount": tasks, "concurrency": people.div_ceil(tasks)}],
        "regionalTaskDetails": {region: {"dltAvailableTasks": tasks}},
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": format!("{minutes}m"), "scenario": id, "executor": "k6"}],
            "scenarios": {&id: {"script": format!("{id}.js")}},
        },
        "showLive": true,
        "saveOnly": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehearsal(coming: &Coming) -> Rehearsal<'_> {
        Rehearsal {
            site: "https://d1.cloudfront.net",
            run: "a1",
            coming,
            think: Duration::from_secs(3),
            patience: None,
            least_in: 0.99,
        }
    }

    fn seconds(seconds: &[f64]) -> Coming {
        Coming::Recorded(seconds.iter().map(|second| Duration::from_secs_f64(*second)).collect())
    }

    #[test]
    fn people_who_come_at_random_are_a_rate_that_does_not_wait_for_the_site() {
        let coming = Coming::AtRandom {
            people: 10_000,
            within: Duration::from_secs(60),
        };
        let scenario = scenario(&rehearsal(&coming));
        assert_eq!(scenario["executor"], "constant-arrival-rate");
        assert_eq!(
            (&scenario["rate"], &scenario["duration"]),
            (&10_000.into(), &"60000ms".into())
        );
        assert_eq!(
            (&scenario["preAllocatedVUs"], &scenario["maxVUs"]),
            (&1_000.into(), &10_000.into())
        );
        let script = k6(&rehearsal(&coming));
        assert!(
            !script.contains(PLAN) && script.contains(r#""site": "https://d1.cloudfront.net""#),
            "{script}"
        );
    }

    #[test]
    fn recorded_people_come_in_the_seconds_in_which_they_came() {
        let scenario = scenario(&rehearsal(&seconds(&[0.0, 0.2, 3.1, 3.9, 3.95])));
        assert_eq!(scenario["executor"], "ramping-arrival-rate");
        let stages = scenario["stages"].as_array().unwrap();
        let rates: Vec<_> = stages
            .iter()
            .filter(|stage| stage["duration"] != "0s")
            .map(|stage| &stage["target"])
            .collect();
        assert_eq!(rates, [2, 0, 0, 3]);
    }

    #[test]
    fn a_record_of_a_day_is_a_script_all_the_same() {
        let day: Vec<f64> = (0..20_000).map(|nth| f64::from(nth) * 4.32).collect();
        let script = k6(&rehearsal(&seconds(&day)));
        assert!(script.len() < 200_000, "{}", script.len());
        let at_once = scenario(&rehearsal(&seconds(&[0.0, 0.0])));
        assert_eq!(at_once["startRate"], 2, "{at_once}");
    }

    #[test]
    fn a_distributed_test_has_a_virtual_user_for_each_person() {
        let coming = Coming::AtRandom {
            people: 10_001,
            within: Duration::from_secs(60),
        };
        let test = distributed(&rehearsal(&coming), "eu-central-1");
        let tasks = &test["testTaskConfigs"][0];
        let product = tasks["taskCount"].as_u64().unwrap() * tasks["concurrency"].as_u64().unwrap();
        assert!((10_001..10_060).contains(&product), "{tasks}");
        let name = test["testScenario"]["execution"][0]["scenario"].as_str().unwrap();
        assert!(test["testScenario"]["scenarios"][name]["script"].is_string());
        assert_eq!(test["testScenario"]["execution"][0]["hold-for"], "3m");
    }
}
