//! What is done with environments beside updates: logs, names, rebuilding, templates, lifecycles.

use super::updates::{set, update, version, wait};
use super::*;
use crate::beanstalk::catalogue::{ASG, MANAGED, PLATFORM_UPDATE, PROPERTIES};
use crate::beanstalk::info::{self, Kind};
use crate::beanstalk::lifecycle::{Lifecycle, Rule};
use crate::beanstalk::templates::NewTemplate;
use crate::beanstalk::{Origin, managed, rebuild, swap};
use crate::fakes::add_version;

fn origin(fake: &Fake) -> Origin {
    Origin {
        region: REGION.to_owned(),
        account: "000000000000".to_owned(),
        request_id: "r".to_owned(),
        now: fake.world.clock.now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_taken_from_every_instance_and_put_into_the_bucket() {
    let fake = prepared();
    create(&fake, "v1", &[]).await;
    let retrieve = |kind| info::retrieve(&fake.world, &caller("r"), &named(), kind).unwrap();
    assert_eq!(retrieve(Kind::Tail), []);
    info::request(&fake.world, &caller("r-logs"), &named(), Kind::Tail).unwrap();
    wait(&fake, || retrieve(Kind::Tail).len() == 2).await;
    for info in retrieve(Kind::Tail) {
        let text = fake.objects.0.lock().unwrap()[&format!("{}/{}", info.bucket, info.key)].clone();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("/var/log/web.stdout.log"), "{text}");
        assert!(text.contains(&format!("hello from {}", info.instance_id)), "{text}");
    }
    info::request(&fake.world, &caller("r-logs"), &named(), Kind::Bundle).unwrap();
    wait(&fake, || retrieve(Kind::Bundle).len() == 2).await;
    let info = retrieve(Kind::Bundle).remove(0);
    let zip = fake.objects.0.lock().unwrap()[&format!("{}/{}", info.bucket, info.key)].clone();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    assert!(archive.by_name("var/log/web.stdout.log").is_ok());
    assert!(
        Kind::parse("analyze")
            .unwrap_err()
            .message
            .contains("limit of the sandbox")
    );
}

#[tokio::test]
async fn a_rebuilt_environment_keeps_its_names_and_has_everything_else_anew() {
    let fake = prepared();
    let before = create(&fake, "v1", &[]).await;
    rebuild::rebuild(&fake.world, &caller("r-rebuild"), &named()).unwrap();
    assert_eq!(get(&fake, &before.id).status, Status::Updating);
    let after = rest(&fake, &before.id).await;
    let told = messages(&fake, Some("r-rebuild"));
    assert_eq!((&after.cname, &after.name), (&before.cname, &before.name));
    assert_ne!(after.made.load_balancer, before.made.load_balancer);
    assert_eq!(after.health.status.as_str(), "Ok", "{told:#?}");
    assert_eq!(fake.plane.0.lock().unwrap().launched.len(), 2);

    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &before.id).await;
    let by_id = Reference::by_id(before.id.clone());
    rebuild::rebuild(&fake.world, &caller("r-again"), &by_id).unwrap();
    let restored = rest(&fake, &before.id).await;
    assert_eq!((restored.status, &restored.cname), (Status::Ready, &before.cname));
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &before.id).await;
    assert_eq!(leftovers(&fake), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_environment_whose_name_was_taken_stays_gone() {
    let fake = prepared();
    let first = create(&fake, "v1", &[]).await;
    environments::terminate(&fake.world, &caller("r-end"), &named()).unwrap();
    rest(&fake, &first.id).await;
    create(&fake, "v1", &[]).await;
    let by_id = Reference::by_id(first.id);
    let refused = rebuild::rebuild(&fake.world, &caller("r"), &by_id).unwrap_err();
    assert_eq!(refused.message, "Environment conference-env already exists.");
}

#[tokio::test]
async fn blue_and_green_change_names_and_visitors_follow() {
    let fake = prepared();
    let blue = create(&fake, "v1", &[]).await;
    let new = NewEnvironment {
        name: "green-env".to_owned(),
        ..new_environment("v2", &[])
    };
    let green = environments::create(&fake.world, &caller("r-green"), new).unwrap();
    let one = named();
    let other = Reference::by_id(green.id.clone());
    let refused = swap::swap(&fake.world, &caller("r"), &one, &other).unwrap_err();
    assert!(
        refused.message.contains("green-env is in an invalid state"),
        "{}",
        refused.message
    );
    let green = rest(&fake, &green.id).await;
    swap::swap(&fake.world, &caller("r-swap"), &one, &other).unwrap();
    rest(&fake, &blue.id).await;
    let swapped = rest(&fake, &green.id).await;
    assert_eq!(swapped.cname, blue.cname);
    let route = routes::route(&fake.world.lock(), &blue.cname.unwrap());
    let Some(routes::Route::LoadBalancer { arn, .. }) = route else {
        panic!("{route:?}");
    };
    assert_eq!(Some(arn), green.made.load_balancer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_from_another_ones_saved_configuration() {
    let fake = prepared();
    let first = create(&fake, "v1", &[(ASG, "MaxSize", "3")]).await;
    let new = NewTemplate {
        application: "conference".to_owned(),
        name: "saved".to_owned(),
        environment_id: Some(first.id.clone()),
        ..NewTemplate::default()
    };
    let origin = origin(&fake);
    {
        let mut state = fake.world.lock();
        let beanstalk = &mut state.region(REGION).beanstalk;
        beanstalk.create_template(&origin, new.clone()).unwrap();
        let twice = beanstalk.create_template(&origin, new).unwrap_err();
        assert_eq!(twice.message, "Configuration Template saved already exists.");
    }
    let mut changes = Settings::default();
    changes.set(PROPERTIES, "COLOR", "red");
    let new = NewEnvironment {
        name: "second-env".to_owned(),
        template: Some("saved".to_owned()),
        solution_stack: None,
        settings: changes,
        ..new_environment("v1", &[])
    };
    let second = environments::create(&fake.world, &caller("r-second"), new).unwrap();
    assert_eq!(second.settings.get(ASG, "MaxSize"), Some("3"));
    assert_eq!(
        second.settings.get(PROPERTIES, "COLOR"),
        Some("red"),
        "what is sent counts more"
    );
    assert_eq!(second.platform, first.platform);
    rest(&fake, &second.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_go_but_not_the_one_that_runs() {
    let fake = prepared();
    create(&fake, "v1", &[]).await;
    let mut state = fake.world.lock();
    let beanstalk = &mut state.region(REGION).beanstalk;
    let count = Lifecycle {
        max_count: Some(Rule {
            enabled: true,
            limit: 1,
            delete_source: true,
        }),
        ..Lifecycle::default()
    };
    let refused = beanstalk.set_lifecycle("conference", count.clone()).unwrap_err();
    assert!(
        refused.message.contains("A ServiceRole is required"),
        "{}",
        refused.message
    );
    let with_role = Lifecycle {
        service_role: Some("arn:aws:iam::000000000000:role/service-role".to_owned()),
        ..count
    };
    beanstalk.set_lifecycle("conference", with_role).unwrap();
    let now = fake.world.clock.now();
    let bundles = beanstalk.retire_versions("conference", now);
    let left: Vec<_> = beanstalk.application("conference").unwrap().versions.keys().collect();
    assert!(left.contains(&&"v1".to_owned()) && left.len() <= 2, "{left:?}");
    assert!(!bundles.iter().any(|(_, key)| key == "v1.zip"), "{bundles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_update_is_due_where_managed_updates_are_on_and_can_be_applied_now() {
    let fake = prepared();
    let old = NewEnvironment {
        solution_stack: Some("64bit Amazon Linux 2023 v4.9.5 running Go 1".to_owned()),
        ..new_environment("v1", &[(MANAGED, "PreferredStartTime", "Tue:09:00")])
    };
    let environment = environments::create(&fake.world, &caller("r-create"), old).unwrap();
    rest(&fake, &environment.id).await;
    let pending = || managed::pending(&fake.world, &caller("r"), &named()).unwrap();
    assert_eq!(pending(), None);
    update(&fake, set(PLATFORM_UPDATE, "UpdateLevel", "minor")).await;
    update(&fake, set(MANAGED, "ManagedActionsEnabled", "true")).await;
    let action = pending().unwrap();
    managed::apply(&fake.world, &caller("r-apply"), &named(), &action.id).unwrap();
    let updated = rest(&fake, &environment.id).await;
    assert_eq!(updated.platform.version, "4.10.0");
    assert_eq!(pending(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_cannot_make_load_balancers_and_the_environment_says_so() {
    let fake = prepared();
    fake.world.lock().gates = "new".parse().unwrap();
    let environment = create(&fake, "v1", &[]).await;
    assert_eq!(
        (environment.status, environment.health.status.color()),
        (Status::Ready, "Red")
    );
    let told = messages(&fake, Some("r-create"));
    assert!(has(&told, "does not support creating load balancers"), "{told:#?}");
    let refused = environments::update(&fake.world, &caller("r"), &named(), version("v2")).unwrap_err();
    assert!(refused.message.contains("CloudFormation stack"), "{}", refused.message);
}

/// A version whose bundle has one configuration file.
fn add_configured(fake: &Fake, label: &str, configuration: &str) {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file(".ebextensions/01.config", options).unwrap();
    archive.write_all(configuration.as_bytes()).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    add_version(&fake.world, &fake.objects, label, bytes.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_brings_settings_that_count_less_than_those_of_the_api() {
    let fake = prepared();
    let file = "option_settings:\n  aws:autoscaling:asg:\n    MinSize: 1\n    MaxSize: 3\n  \
                aws:elasticbeanstalk:application:environment:\n    SHAPE: round\ncommands:\n  one:\n    command: ls\n";
    add_configured(&fake, "shaped", file);
    add_configured(
        &fake,
        "wrong",
        "option_settings:\n  aws:autoscaling:asg:\n    Minimum: 1\n",
    );
    let environment = create(&fake, "shaped", &[]).await;
    let told = messages(&fake, Some("r-create"));
    let group = environment.made.group.clone().unwrap();
    let sizes = |fake: &Fake| {
        let mut state = fake.world.lock();
        let group = &state.region(REGION).scaling.groups[&group];
        (group.min, group.max)
    };
    assert_eq!(sizes(&fake), (2, 3), "{told:#?}");
    assert!(
        has(&told, "does not do 'commands' of .ebextensions/01.config"),
        "{told:#?}"
    );
    let shapes = || {
        let plane = fake.plane.0.lock().unwrap();
        plane
            .running
            .values()
            .map(|(_, it)| it.get("SHAPE").cloned())
            .collect::<Vec<_>>()
    };
    assert_eq!(shapes(), [Some("round".to_owned()), Some("round".to_owned())]);

    update(&fake, version("wrong")).await;
    let told = messages(&fake, Some("r-update"));
    assert!(
        has(&told, "OptionName: 'Minimum'): Unknown configuration setting."),
        "{told:#?}"
    );
    assert!(has(&told, "Failed to deploy application."));

    update(&fake, version("v2")).await;
    assert_eq!(sizes(&fake), (2, 4), "what the version brought goes with it");
    assert_eq!(shapes(), [None, None]);
}

#[test]
fn an_account_has_no_more_applications_than_its_quota() {
    let fake = Fake::new();
    let origin = origin(&fake);
    let mut state = fake.world.lock();
    let beanstalk = &mut state.region(REGION).beanstalk;
    let mut create = |number: usize| beanstalk.create_application(&origin, &format!("app-{number}"), None, Tags::new());
    for number in 0..75 {
        create(number).unwrap();
    }
    assert_eq!(create(75).unwrap_err().code, "TooManyApplicationsException");
}
