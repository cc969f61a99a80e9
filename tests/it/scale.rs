//! A pre-scale from its hour to its end: planned, kept by `up` and through a deployment and a kill, over by itself; taken back by
//! hand; forgotten; and taken along by teardown.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, User, until};

const FAR: &str = "2099-01-01T00:00:00Z";

/// A user with a site of a page behind a load balancer: one instance, and two at most.
struct Site {
    user: User,
    bundle: String,
}

impl Site {
    fn up() -> Self {
        let user = User::new();
        let site = Self {
            bundle: user.site(&[]),
            user,
        };
        site.run(&["up", "--yes", "--no-verify"]).exits(0);
        site
    }

    fn arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let usual = ["--sandbox", "-p", "dev", "-o", "json"];
        let sets = [
            &self.bundle,
            "app.health_path=/",
            "environment.type=LoadBalanced",
            "environment.deployment_policy=Rolling",
            "scaling.max=2",
        ];
        let sets = sets.into_iter().flat_map(|set| ["--set", set]);
        // What a command says of its own comes last.
        usual.into_iter().chain(sets).chain(command.iter().copied()).collect()
    }

    fn run(&self, command: &[&str]) -> Ran {
        self.user.confctl(&self.arguments(command))
    }

    fn scale(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[&["scale", "--yes"], arguments].concat()).exits(0);
        ran.summary()["outputs"]["scale"].clone()
    }

    fn group(&self) -> Value {
        self.user.aws_json(&["autoscaling", "describe-auto-scaling-groups"])["AutoScalingGroups"][0].clone()
    }

    fn serving(&self) -> usize {
        let group = self.group();
        let instances = group["Instances"].as_array().unwrap().iter();
        instances.filter(|it| it["LifecycleState"] == "InService").count()
    }

    /// The group's least and most, as the AWS CLI shows them.
    fn bounds(&self) -> (u64, u64) {
        let group = self.group();
        let size = |name: &str| group[name].as_u64().unwrap();
        (size("MinSize"), size("MaxSize"))
    }

    /// What is reserved for its load balancer, as the AWS CLI shows it.
    fn reservation(&self) -> Value {
        let balancers = self.user.aws_json(&["elbv2", "describe-load-balancers"]);
        let arn = balancers["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap();
        let describe = ["elbv2", "describe-capacity-reservation", "--load-balancer-arn", arn];
        self.user.aws_json(&describe)
    }

    fn scheduled(&self) -> Vec<String> {
        let items = self.user.inventory().into_iter();
        let items = items.map(|item| serde_json::from_str::<Value>(&item).unwrap());
        let actions = items.filter(|item| item["type"] == "scheduled-action");
        let mut names: Vec<_> = actions.map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    fn status(&self) -> Value {
        self.run(&["status"]).exits(0).summary()["outputs"].clone()
    }

    #[track_caller]
    fn has_nothing_to_do(&self) {
        self.run(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

fn reason(ran: &Ran) -> String {
    ran.summary()["error"].to_string()
}

#[test]
fn a_pre_scale_is_kept_through_an_up_a_deployment_and_a_kill_and_ends_by_itself() {
    let site = Site::up();
    let planned = site.scale(&[
        "--min",
        "2",
        "--max",
        "3",
        "--from",
        "2098-01-01T00:00:00Z",
        "--until",
        FAR,
    ]);
    assert_eq!(
        (&planned["stage"], &planned["max"]),
        (&"planned".into(), &3.into()),
        "{planned}"
    );
    assert_eq!(site.scheduled(), ["confctl-scale-back", "confctl-scale-out"]);
    assert_eq!(site.bounds(), (1, 2));
    site.scale(&["--min", "2", "--max", "3", "--from", "+10m", "--until", FAR]);
    let limit = Duration::from_secs(60);
    until("the hour", limit, || site.bounds() == (2, 3) && site.serving() == 2);
    assert_eq!(site.status()["scale"]["stage"], "stands");

    // The profile has one to two; and what would set the group to that is not done.
    site.has_nothing_to_do();
    site.run(&["up", "--yes", "--no-verify"]).exits(0).has_nothing_to_do();
    let smaller = site
        .run(&["up", "--yes", "--no-verify", "--set", "instance.types=t3.small"])
        .exits(4);
    assert!(reason(&smaller).contains("pre-scaled to 2 to 3"), "{}", smaller.stdout);
    let page = ("index.html", "<h1>In the middle</h1>\n");
    site.user.site(&[page]);
    site.run(&["deploy", "--yes"]).exits(0);
    assert_eq!(site.bounds(), (2, 3));
    let immutable = [
        "deploy",
        "--yes",
        "--strategy",
        "immutable",
        "--set",
        "app.version_label=next",
    ];
    let immutable = site.run(&immutable).exits(4);
    assert!(immutable.stdout.contains("--strategy rolling"), "{}", immutable.stdout);

    // Killed with the tag set and nothing else done: `up` completes it.
    let again = [
        "scale",
        "--yes",
        "--min",
        "2",
        "--max",
        "4",
        "--until",
        "2099-02-01T00:00:00Z",
    ];
    let put = "autoscaling:PutScheduledUpdateGroupAction";
    assert!(site.user.killed_at(&site.arguments(&again), put, 1, "before").is_none());
    site.user.clear_faults();
    assert_eq!(site.scheduled(), [] as [&str; 0]);
    site.run(&["up", "--yes", "--no-verify"]).exits(0);
    assert_eq!(
        (site.bounds(), site.scheduled()),
        ((2, 4), vec!["confctl-scale-back".to_owned()])
    );

    site.scale(&["--min", "2", "--until", "+2h"]);
    until("the end", limit, || site.bounds() == (1, 2));
    assert_eq!(site.scheduled(), [] as [&str; 0]);
    assert_eq!(site.status()["scale"], Value::Null);
    site.has_nothing_to_do();
}

#[test]
fn a_pre_scale_is_taken_back_named_where_it_was_forgotten_and_taken_along() {
    let site = Site::up();
    let usage = site.run(&["scale", "--yes"]).exits(64);
    assert!(reason(&usage).contains("event.people"), "{}", usage.stdout);
    site.run(&["scale", "--yes", "--min", "40"]).exits(4);
    assert_eq!(site.scale(&["--min", "2"])["until"], Value::Null);
    assert_eq!(site.bounds(), (2, 2));
    assert_eq!(site.scale(&["--back"]), Value::Null);
    assert_eq!(site.bounds(), (1, 2));
    site.run(&["scale", "--yes", "--back"]).exits(0).has_nothing_to_do();

    // Somebody has taken its end away, which has come: it is over, and the group is not back.
    site.scale(&["--min", "2", "--until", FAR]);
    let name = site.group()["AutoScalingGroupName"].clone();
    let name = name.as_str().unwrap();
    let delete = [
        "autoscaling",
        "delete-scheduled-action",
        "--auto-scaling-group-name",
        name,
    ];
    let action = ["--scheduled-action-name", "confctl-scale-back"];
    site.user.aws(&[&delete[..], &action[..]].concat()).exits(0);
    let tag = format!(
        "ResourceId={name},ResourceType=auto-scaling-group,Key=confctl:scale,Value=2-2 until 2026-01-01T00:00:00Z,\
         PropagateAtLaunch=false"
    );
    site.user
        .aws(&["autoscaling", "create-or-update-tags", "--tags", &tag])
        .exits(0);
    assert_eq!(site.status()["scale"]["stage"], "over");
    let drift = site.run(&["plan", "--detailed-exitcode"]).exits(2);
    assert!(drift.stdout.contains("was to be over at"), "{}", drift.stdout);
    site.run(&["up", "--yes", "--no-verify"]).exits(0);
    assert_eq!(site.bounds(), (1, 2));
    site.has_nothing_to_do();

    site.scale(&["--min", "2", "--until", FAR]);
    site.run(&["teardown", "--yes"]).exits(0);
    assert_eq!(site.scheduled(), [] as [&str; 0]);
}

#[test]
fn capacity_of_the_load_balancer_is_reserved_by_quota_told_with_its_price_and_taken_back_by_a_run_alone() {
    let site = Site::up();
    let refused = site.run(&["scale", "--yes", "--capacity-units", "500"]).exits(4);
    assert!(
        reason(&refused).contains("L-8A66D0E6") && reason(&refused).contains("--desired-value 500"),
        "{}",
        refused.stdout
    );
    let raise = ["service-quotas", "request-service-quota-increase"];
    let quota = ["--service-code", "elasticloadbalancing", "--quota-code", "L-8A66D0E6"];
    site.user
        .aws(&[&raise[..], &quota, &["--desired-value", "1000"]].concat())
        .exits(0);

    // The group stays as it is; the end comes soon, as AWS's clock goes faster than ours.
    let planned = site
        .run(&["scale", "--yes", "--capacity-units", "500", "--until", "+3h"])
        .exits(0);
    assert!(planned.stdout.contains("$4.00 an hour"), "{}", planned.stdout);
    let reserved = &planned.summary()["outputs"]["scale"]["reserved"];
    assert_eq!(
        (&reserved["capacity_units"], &reserved["state"]),
        (&500.into(), &"provisioned".into()),
        "{reserved}"
    );
    assert_eq!((site.bounds(), site.scheduled()), ((1, 2), vec![]));
    let shown = site.reservation();
    assert_eq!(shown["MinimumLoadBalancerCapacity"]["CapacityUnits"], 500);
    let zones = shown["CapacityReservationState"].as_array().unwrap();
    assert!(
        zones.len() == 2 && zones.iter().all(|zone| zone["State"]["Code"] == "provisioned"),
        "{shown}"
    );
    let limit = Duration::from_secs(90);
    until("the end", limit, || site.status()["scale"]["stage"] == "over");
    let forgotten = site.run(&["plan", "--detailed-exitcode"]).exits(2);
    assert!(
        forgotten
            .stdout
            .contains("500 capacity units of its load balancer are reserved")
            && forgotten.stdout.contains("$4.00 an hour"),
        "{}",
        forgotten.stdout
    );
    site.run(&["up", "--yes", "--no-verify"]).exits(0);
    assert_eq!(site.status()["scale"], Value::Null);
    site.has_nothing_to_do();

    // Killed once the tag is there: `up` asks for what it tells. And it goes with the site.
    let again = site.arguments(&["scale", "--yes", "--capacity-units", "200"]);
    let modify = "elasticloadbalancing:ModifyCapacityReservation";
    assert!(site.user.killed_at(&again, modify, 1, "before").is_none());
    site.user.clear_faults();
    site.run(&["up", "--yes", "--no-verify"]).exits(0);
    assert_eq!(site.status()["scale"]["reserved"]["capacity_units"], 200);
    let before = site.user.calls("ModifyCapacityReservation");
    site.run(&["teardown", "--yes"]).exits(0);
    assert_eq!(site.user.calls("ModifyCapacityReservation"), before + 1);
}

#[test]
fn the_instances_that_run_spend_no_surplus_credits_where_that_is_asked_for() {
    let site = Site::up();
    let credits = || {
        let shown = site.user.aws_json(&["ec2", "describe-instance-credit-specifications"]);
        shown["InstanceCreditSpecifications"].as_array().unwrap().len()
    };
    // Those that spend without limit.
    assert_eq!(credits(), 1);
    let set = site.run(&["scale", "--yes", "--credits", "standard"]).exits(0);
    assert!(set.stdout.contains("at its baseline"), "{}", set.stdout);
    assert_eq!(credits(), 0);
    let again = site.run(&["scale", "--yes", "--credits", "standard"]).exits(0);
    assert_eq!(again.summary()["outputs"]["scale"], Value::Null);
    again.has_nothing_to_do();
    site.run(&["scale", "--yes", "--credits", "unlimited"]).exits(0);
    assert_eq!(credits(), 1);
    site.has_nothing_to_do();
}
