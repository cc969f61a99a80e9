//! Environments from their first event to their last, with fakes below and an hour in a second.

mod failures;
mod operations;
mod requests;
mod roles;
mod rollouts;
mod scaling;
mod updates;

use std::time::Duration;

use jiff::SignedDuration;

use super::environments::{self, Caller, NewEnvironment};
use super::events::{EventFilter, Severity};
use super::settings::Settings;
use super::{Environment, Reference, Status, catalogue, health};
use crate::fakes::{BUCKET, Fake, REGION, add_version, get, prepared, prepared_at, rest};
use crate::{Item, Tags, iam, routes};

fn caller(request: &str) -> Caller {
    Caller {
        region: REGION.to_owned(),
        arn: "arn:aws:iam::000000000000:user/alice".to_owned(),
        request_id: request.to_owned(),
    }
}

fn settings(changes: &[(&str, &str, &str)]) -> Settings {
    let mut settings = Settings::default();
    let usual = [
        (catalogue::ENVIRONMENT, "LoadBalancerType", "application"),
        (catalogue::ENVIRONMENT, "ServiceRole", "service-role"),
        (catalogue::LAUNCH, "IamInstanceProfile", "profile"),
        (catalogue::LAUNCH, "RootVolumeType", "gp3"),
        (catalogue::LAUNCH, "DisableIMDSv1", "true"),
        (catalogue::HEALTH, "SystemType", "enhanced"),
        (catalogue::ASG, "MinSize", "2"),
        (catalogue::TRIGGER, "MeasureName", "CPUUtilization"),
        (catalogue::TRIGGER, "UpperThreshold", "50"),
        (catalogue::TRIGGER, "LowerThreshold", "25"),
        (catalogue::PROPERTIES, "COLOR", "blue"),
    ];
    for (namespace, name, value) in usual.iter().chain(changes) {
        settings.set(namespace, name, value);
    }
    settings
}

fn new_environment(label: &str, changes: &[(&str, &str, &str)]) -> NewEnvironment {
    NewEnvironment {
        application: "conference".to_owned(),
        name: "conference-env".to_owned(),
        version_label: Some(label.to_owned()),
        solution_stack: Some("64bit Amazon Linux 2023 v4.10.0 running Go 1".to_owned()),
        settings: settings(changes),
        tags: Tags::from([("team".to_owned(), "events".to_owned())]),
        ..NewEnvironment::default()
    }
}

fn named() -> Reference {
    Reference::by_name("conference-env")
}

async fn create(fake: &Fake, label: &str, changes: &[(&str, &str, &str)]) -> Environment {
    let created = environments::create(&fake.world, &caller("r-create"), new_environment(label, changes)).unwrap();
    assert_eq!(created.status, Status::Launching);
    rest(fake, &created.id).await
}

/// Severities and texts, oldest first, of one request or all.
fn messages(fake: &Fake, request: Option<&str>) -> Vec<(Severity, String)> {
    let filter = EventFilter {
        request_id: request.map(str::to_owned),
        ..EventFilter::default()
    };
    let mut state = fake.world.lock();
    let events = state.region(REGION).beanstalk.events(&filter);
    events
        .into_iter()
        .rev()
        .map(|event| (event.severity, event.message.clone()))
        .collect()
}

fn has(messages: &[(Severity, String)], part: &str) -> bool {
    messages.iter().any(|(_, message)| message.contains(part))
}

/// All that exists beside the network, applications and versions.
fn leftovers(fake: &Fake) -> Vec<Item> {
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    let mut items = here.scaling.inventory(REGION);
    items.extend(here.balancing.inventory(REGION));
    items.extend(here.compute.inventory(REGION));
    items.extend(here.monitoring.inventory(REGION));
    items.extend(here.stacks.inventory(REGION));
    items.extend(here.notifications.inventory(REGION));
    let own_network = here.network.inventory(REGION).into_iter();
    items.extend(own_network.filter(|item| !item.tags.is_empty()));
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balanced_environment_comes_up_and_leaves_nothing_behind() {
    let fake = prepared();
    let mail = (catalogue::TOPICS, "Notification Endpoint", "a@example.org");
    let logs = [
        (catalogue::LOGS, "StreamLogs", "true"),
        (catalogue::LOGS, "DeleteOnTerminate", "true"),
    ];
    let environment = create(&fake, "v1", &[mail, logs[0], logs[1]]).await;
    let told = messages(&fake, Some("r-create"));
    assert_eq!(environment.status, Status::Ready);
    assert_eq!(environment.health.status.as_str(), "Ok", "{told:#?}");
    assert!(told[0].1.starts_with("createEnvironment is starting."));
    assert!(has(&told, "Successfully launched environment: conference-env"));
    assert!(
        told.iter().all(|(severity, _)| *severity <= Severity::Info),
        "{told:#?}"
    );
    assert_eq!(fake.plane.0.lock().unwrap().running.len(), 2);

    let made = leftovers(&fake);
    // Scaling policies have no tags on AWS; of listeners the sandbox keeps none.
    for item in made
        .iter()
        .filter(|it| !["scaling-policy", "listener"].contains(&it.kind))
    {
        let tag = |key: &str| item.tags.get(key).map(String::as_str);
        assert_eq!(tag("team"), Some("events"), "{item:#?}");
        assert_eq!(
            tag("elasticbeanstalk:environment-name"),
            Some("conference-env"),
            "{item:#?}"
        );
    }
    for kind in [
        "auto-scaling-group",
        "load-balancer",
        "listener",
        "target-group",
        "launch-template",
        "topic",
    ] {
        assert_eq!(made.iter().filter(|item| item.kind == kind).count(), 1, "{kind}");
    }
    for kind in ["alarm", "scaling-policy", "security-group", "instance"] {
        assert_eq!(made.iter().filter(|item| item.kind == kind).count(), 2, "{kind}");
    }
    let cname = environment.cname.clone().unwrap();
    let route = routes::route(&fake.world.lock(), &cname);
    assert!(matches!(route, Some(routes::Route::LoadBalancer { .. })), "{cname}");
    let log = format!(
        "{BUCKET}/resources/environments/logs/deployments/{}/eb-deployment-r-create.log",
        environment.id
    );
    assert!(fake.objects.0.lock().unwrap().contains_key(&log));

    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    let ended = rest(&fake, &environment.id).await;
    assert_eq!(ended.status, Status::Terminated);
    assert!(has(
        &messages(&fake, Some("r-end")),
        "terminateEnvironment completed successfully."
    ));
    assert_eq!(leftovers(&fake), []);
    // Whoever looks within the hour still finds it.
    let since = ended.ended.unwrap();
    assert!(ended.is_listed(since + SignedDuration::from_mins(59)));
    assert!(!ended.is_listed(since + SignedDuration::from_mins(61)));
    assert!(fake.plane.0.lock().unwrap().launched.is_empty());
    let again = environments::terminate(&fake.world, &caller("r-again"), &named()).unwrap_err();
    assert!(again.message.starts_with("No Environment found"), "{}", again.message);
}

/// The order, and no event earlier than on AWS (as public event logs show it); on a busy machine they are later.
#[tokio::test(flavor = "multi_thread")]
async fn a_launch_tells_its_steps_in_awss_order_and_no_sooner() {
    let fake = prepared();
    let began = fake.world.clock.now();
    create(&fake, "v1", &[]).await;
    let filter = EventFilter {
        request_id: Some("r-create".to_owned()),
        ..EventFilter::default()
    };
    let mut state = fake.world.lock();
    let mut events: Vec<_> = state.region(REGION).beanstalk.events(&filter);
    events.reverse();
    let mut told = events.iter();
    for (second, text) in [
        (0, "createEnvironment is starting."),
        (
            2,
            "Using elasticbeanstalk-us-east-1-000000000000 as Amazon S3 storage bucket for environment data.",
        ),
        (24, "Created security group named: "),
        (24, "Created security group named: "),
        (39, "Created target group named: "),
        (55, "Created Auto Scaling group named: "),
        (55, "Waiting for EC2 instances to launch. This may take a few minutes."),
        (70, "Created Auto Scaling group policy named: "),
        (70, "Created Auto Scaling group policy named: "),
        (70, "Created CloudWatch alarm named: "),
        (70, "Created CloudWatch alarm named: "),
        (150, "Created load balancer named: "),
        (150, "Created Load Balancer listener named: "),
        (166, "Instance deployment completed successfully."),
        (231, "Application available at "),
        (231, "Successfully launched environment: conference-env"),
    ] {
        let event = told.find(|event| event.message.starts_with(text));
        let event = event.unwrap_or_else(|| panic!("'{text}' is missing or too early: {events:#?}"));
        let after = event.time.duration_since(began).as_secs_f64();
        assert!(after >= f64::from(second) - 0.5, "'{text}' after {after} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_instance_is_reached_by_its_cname_and_has_no_load_balancer() {
    let fake = prepared();
    let environment = create(
        &fake,
        "v1",
        &[(catalogue::ENVIRONMENT, "EnvironmentType", "SingleInstance")],
    )
    .await;
    assert_eq!(environment.health.status.as_str(), "Ok", "{:#?}", messages(&fake, None));
    assert_eq!(
        leftovers(&fake).iter().filter(|item| item.kind == "instance").count(),
        1
    );
    assert!(fake.world.lock().region(REGION).balancing.load_balancers.is_empty());
    let route = routes::route(&fake.world.lock(), &environment.cname.unwrap());
    assert!(matches!(route, Some(routes::Route::Instance { .. })));
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &environment.id).await;
    assert_eq!(leftovers(&fake), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_out_the_key_pair_does_not_close_ssh() {
    use crate::network::security_groups::Source;
    let fake = prepared();
    let restriction = (catalogue::LAUNCH, "SSHSourceRestriction", "tcp, 22, 22, 127.0.0.1/32");
    for (settings, open_to) in [(&[][..], "0.0.0.0/0"), (&[restriction][..], "127.0.0.1/32")] {
        let environment = create(&fake, "v1", settings).await;
        let group = environment.made.security_group.unwrap();
        let ingress = fake.world.lock().region(REGION).network.security_groups[&group]
            .ingress
            .clone();
        let mut ssh = ingress.iter().filter(|permission| permission.from_port == Some(22));
        assert_eq!(ssh.next().unwrap().source, Source::Cidr(open_to.to_owned()));
        assert_eq!(ssh.next(), None);
        environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
        rest(&fake, &environment.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_load_balancer_gets_a_classic_one() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[(catalogue::ENVIRONMENT, "LoadBalancerType", "classic")]).await;
    let told = messages(&fake, Some("r-create"));
    assert_eq!(environment.health.status.as_str(), "Ok", "{told:#?}");
    assert!(has(&told, "Created load balancer named: awseb-e-"));
    assert!(!has(&told, "target group"));
    let kinds: Vec<_> = leftovers(&fake).into_iter().map(|item| item.kind).collect();
    assert!(kinds.contains(&"load-balancer"), "{kinds:?}");
    assert!(
        !kinds.contains(&"target-group") && !kinds.contains(&"listener"),
        "{kinds:?}"
    );
    let route = routes::route(&fake.world.lock(), environment.endpoint.as_deref().unwrap());
    assert!(matches!(route, Some(routes::Route::LoadBalancer { .. })));
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &environment.id).await;
    assert_eq!(leftovers(&fake), []);
    assert!(fake.world.lock().region(REGION).balancing.target_groups.is_empty());
}
