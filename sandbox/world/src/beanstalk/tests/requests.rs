//! What visitors are answered, as enhanced health takes it.

use super::*;
use crate::beanstalk::health::{self, Health, HealthStatus, Requests};
use crate::traffic::Traffic;

/// Both rules on 4xx switched off.
const UNCOUNTED: &str = r#"{"Version":1,"Rules":{"Environment":{"Application":{"ApplicationRequests4xx":{"Enabled":false}},
    "ELB":{"ELBRequests4xx":{"Enabled":false}}}}}"#;

/// The environment's health after each of its instances gave these answers, so many of each.
fn after(fake: &Fake, environment: &Environment, answers: &[(u16, usize)]) -> Health {
    let now = fake.world.clock.now();
    let mut traffic = Traffic::default();
    for id in environment.deployments.keys() {
        for (status, times) in answers {
            (0..*times).for_each(|_| traffic.note(id, now, *status, Duration::from_millis(5)));
        }
    }
    let mut state = fake.world.lock();
    let here = state.region(REGION);
    let seen = health::instances(here, environment, (now, &traffic), |_| true);
    health::evaluate(environment, &seen, &Requests::of(environment, &seen, &traffic, now))
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_ask_for_what_is_not_there_turn_the_health() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    assert_eq!(
        after(&fake, &environment, &[(200, 50)]),
        Health::new(HealthStatus::Ok, None)
    );
    assert_eq!(
        after(&fake, &environment, &[(200, 45), (404, 5)]).status,
        HealthStatus::Warning
    );
    assert_eq!(
        after(&fake, &environment, &[(200, 35), (404, 15)]).status,
        HealthStatus::Degraded
    );
    let severe = after(&fake, &environment, &[(404, 50)]);
    assert_eq!(severe.status, HealthStatus::Severe);
    assert!(
        severe.causes[0].starts_with("100.0 % of the requests are erroring with HTTP 4xx."),
        "{:?}",
        severe.causes
    );
    assert!(severe.causes[1].starts_with("100.0 % of the requests to the ELB are erroring"));
    // Of a few it is told, and nothing comes of it.
    let few = after(&fake, &environment, &[(404, 1)]);
    assert_eq!(few.status, HealthStatus::Ok);
    assert!(
        few.causes[0].contains("Insufficient request rate (12.0 requests/min)"),
        "{:?}",
        few.causes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_leaves_them_out() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[(catalogue::HEALTH, "ConfigDocument", UNCOUNTED)]).await;
    assert_eq!(
        after(&fake, &environment, &[(404, 50)]),
        Health::new(HealthStatus::Ok, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_goes_on_when_its_bundle_is_gone_from_where_it_was() {
    let fake = prepared();
    let environment = create(&fake, "v1", &[]).await;
    let copy = format!(
        "{BUCKET}/resources/environments/{}/_runtime/_versions/conference/v1",
        environment.id
    );
    assert!(fake.objects.0.lock().unwrap().contains_key(&copy));
    fake.objects.0.lock().unwrap().remove(&format!("{BUCKET}/v1.zip"));
    let change = environments::EnvironmentUpdate {
        set: vec![(catalogue::PROPERTIES.to_owned(), "COLOR".to_owned(), "green".to_owned())],
        ..environments::EnvironmentUpdate::default()
    };
    environments::update(&fake.world, &caller("r-color"), &named(), change).unwrap();
    let rested = rest(&fake, &environment.id).await;
    assert_eq!(
        rested.health.status.color(),
        "Green",
        "{:#?}",
        messages(&fake, Some("r-color"))
    );
}
