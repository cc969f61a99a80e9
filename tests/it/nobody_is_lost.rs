//! Registrations, counted before and after what may lose them, while people go on registering: whoever was told that he is in
//! is in the table, and who was in before stays. With `CONFCTL_PEOPLE=10000` a whole conference comes instead of a few hundred.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use crate::support::{User, finish, until};

const GROUPS: &[&str] = &["autoscaling", "describe-auto-scaling-groups"];

/// So many any machine lets in.
const SAMPLE: u64 = 400;

/// How many people come, and within how many seconds: so slowly that they still come when it is over.
fn crowd() -> (u64, u64) {
    let people = std::env::var("CONFCTL_PEOPLE")
        .ok()
        .and_then(|people| people.parse().ok());
    let people = people.unwrap_or(SAMPLE);
    (people, (people / 20).max(30))
}

fn up(user: &User, settings: &[&str]) {
    let settings: Vec<_> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let up = ["up", "--sandbox", "--yes", "--no-verify"];
    user.confctl(&[&up[..], &settings].concat()).exits(0);
}

fn instances(user: &User) -> Vec<String> {
    let groups = user.aws_json(GROUPS);
    let of_group = groups["AutoScalingGroups"][0]["Instances"].as_array().cloned();
    let ids = of_group.unwrap_or_default().into_iter();
    ids.map(|instance| instance["InstanceId"].as_str().unwrap().to_owned())
        .collect()
}

/// Some are in; more register while it happens, and after it.
fn nobody_is_lost_while(user: &User, happens: impl FnOnce()) {
    let load = |people: &str, within: &str, report: &str| {
        let line = ["load", "--sandbox", "--yes", "--keep", "-o", "json", "--think", "200ms"];
        let report = user.home().join(report).display().to_string();
        // However many a busy machine turns away: an accepted one that is not stored fails the command.
        let crowd = [
            "--people",
            people,
            "--within",
            within,
            "--max-failed",
            "100",
            "--report",
            &report,
        ];
        user.start(&[&line[..], &crowd].concat())
    };
    finish(load("40", "1s", "early.html")).exits(0);
    let before: HashSet<String> = user.registered().into_iter().collect();
    assert_eq!(before.len(), 40);

    let (people, seconds) = crowd();
    let coming = load(&people.to_string(), &format!("{seconds}s"), "during.html");
    let somebody_registers = || {
        let now = user.registered().len();
        until("somebody who registers", Duration::from_secs(60), || {
            user.registered().len() > now
        });
    };
    somebody_registers();
    happens();
    somebody_registers();
    let summary = finish(coming).exits(0).summary();
    let of = |name: &str| summary["outputs"][name].as_u64().unwrap();
    let after: HashSet<String> = user.registered().into_iter().collect();
    assert!(before.is_subset(&after), "{:?} are gone", before.difference(&after));
    assert_eq!(after.len() as u64, 40 + of("stored"), "{summary}");
    if people == SAMPLE {
        assert_eq!((of("accepted"), of("failed")), (people, 0), "{summary}");
    }
    assert!(of("stored") >= of("accepted"), "{summary}");
}

#[test]
fn when_an_instance_dies() {
    let user = User::new();
    up(&user, &[]);
    let victim = instances(&user).remove(0);
    nobody_is_lost_while(&user, || {
        user.aws(&["ec2", "terminate-instances", "--instance-ids", &victim])
            .exits(0);
        until("another instance", Duration::from_secs(60), || {
            let now = instances(&user);
            !now.contains(&victim) && now.len() == 2
        });
    });
}

/// A deployment in two batches, of another bundle with the same app.
#[test]
fn when_a_new_version_rolls_out() {
    let user = User::new();
    up(&user, &[]);
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary()["outputs"]["bundle"].clone();
    let (old, new) = (bundle.as_str().unwrap(), user.home().join("next.zip"));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(old).unwrap()).unwrap();
    let mut next = zip::ZipWriter::new(std::fs::File::create(&new).unwrap());
    for index in 0..archive.len() {
        next.raw_copy_file(archive.by_index_raw(index).unwrap()).unwrap();
    }
    next.start_file("news.txt", zip::write::SimpleFileOptions::default())
        .unwrap();
    next.write_all(b"what is new").unwrap();
    next.finish().unwrap();
    nobody_is_lost_while(&user, || up(&user, &[&format!("app.bundle={}", new.display())]));
    let ask = ["elasticbeanstalk", "describe-environments"];
    let label = user.aws_json(&ask)["Environments"][0]["VersionLabel"].clone();
    assert!(label.as_str().unwrap().starts_with("next-"), "{label}");
}

#[test]
fn when_the_edge_changes() {
    let user = User::new();
    up(&user, &[]);
    nobody_is_lost_while(&user, || up(&user, &["cdn.price_class=PriceClass_100"]));
}

#[test]
fn when_instances_are_taken_away() {
    let user = User::new();
    up(&user, &["scaling.min=3"]);
    assert_eq!(instances(&user).len(), 3);
    nobody_is_lost_while(&user, || {
        up(&user, &["scaling.min=1", "scaling.max=1"]);
        until("the end of two instances", Duration::from_secs(60), || {
            instances(&user).len() == 1
        });
    });
}
