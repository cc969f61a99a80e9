//! Route 53's API as its clients speak it: paths, bodies, refusals.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::route;
use crate::protocols::call::{Call, Protocol};
use crate::proxy::tests as proxy;
use crate::world::{Refusal, World};

fn call(world: &Arc<World>, method: Method, path: &str, body: &str) -> Result<String, Refusal> {
    let path = format!("/2013-04-01/{path}");
    let answer = crate::services::dispatch(
        world,
        &Call {
            request_id: "request".to_owned(),
            service: "route53".to_owned(),
            region: "us-east-1".to_owned(),
            protocol: Protocol::RestXml,
            operation: route(&method, &path).unwrap().to_owned(),
            caller: "arn:aws:iam::123456789012:root".to_owned(),
            method,
            uri: path.parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        },
    )?;
    // Nobody here asks more often than an account may.
    world.clock.skip(Duration::from_secs(1));
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

fn element<'a>(document: &'a str, name: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("<{name}>")).unwrap();
    rest.split('<').next().unwrap()
}

/// A zone, and the path of its record sets.
fn zone(world: &Arc<World>, name: &str, reference: &str) -> (String, String) {
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
         <CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
    );
    let made = call(world, Method::POST, "hostedzone", &body).unwrap();
    let id = element(&made, "Id").trim_start_matches("/hostedzone/").to_owned();
    let records = format!("hostedzone/{id}/rrset");
    (id, records)
}

fn change(action: &str, set: &str) -> String {
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
         <Action>{action}</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change></Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>"
    )
}

const ALIAS: &str = "<Name>Events.Example.org</Name><Type>A</Type><AliasTarget><HostedZoneId>Z2FDTNDATAQYW2</HostedZoneId>\
     <DNSName>d1.cloudfront.localhost</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>";

#[tokio::test]
async fn a_record_is_written_listed_and_deleted_only_as_it_is() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let (_, records) = zone(&world, "example.org", "one");
    let made = call(&world, Method::POST, &records, &change("CREATE", ALIAS)).unwrap();
    assert_eq!(element(&made, "Status"), "PENDING");
    let path = element(&made, "Id").trim_start_matches('/').to_owned();
    world.clock.skip(Duration::from_secs(60));
    assert_eq!(
        element(&call(&world, Method::GET, &path, "").unwrap(), "Status"),
        "INSYNC"
    );

    let listed = call(
        &world,
        Method::GET,
        &format!("{records}?name=events.example.org&maxitems=1"),
        "",
    )
    .unwrap();
    assert!(
        listed.contains("<Name>events.example.org.</Name><Type>A</Type><AliasTarget>"),
        "{listed}"
    );
    let all = call(&world, Method::GET, &records, "").unwrap();
    assert!(
        all.find("<Type>SOA</Type>") < all.find("<Name>events.example.org.</Name>"),
        "by labels from the last: {all}"
    );

    let again = call(&world, Method::POST, &records, &change("CREATE", ALIAS)).unwrap_err();
    assert_eq!(again.code, "InvalidChangeBatch");
    let other = ALIAS.replace("d1.", "d2.");
    let refused = call(&world, Method::POST, &records, &change("DELETE", &other)).unwrap_err();
    assert!(
        refused
            .message
            .contains("the values provided do not match the current values"),
        "{refused}"
    );
    call(&world, Method::POST, &records, &change("UPSERT", &other)).unwrap();
    call(&world, Method::POST, &records, &change("DELETE", &other)).unwrap();
}

#[tokio::test]
async fn zones_are_found_by_their_names_from_one_on() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    for (name, reference) in [("example.org", "1"), ("example.com", "2"), ("events.example.org", "3")] {
        zone(&world, name, reference);
    }
    let listed = call(&world, Method::GET, "hostedzonesbyname?dnsname=example.org", "").unwrap();
    let names: Vec<&str> = listed
        .split("<Name>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap())
        .collect();
    assert_eq!(names, ["example.org.", "events.example.org."]);
    let first = call(&world, Method::GET, "hostedzonesbyname?maxitems=1", "").unwrap();
    assert_eq!(
        (element(&first, "Name"), element(&first, "NextDNSName")),
        ("example.com.", "example.org.")
    );
    let twice = call(
        &world,
        Method::POST,
        "hostedzone",
        "<CreateHostedZoneRequest><Name>a.example</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>",
    );
    assert_eq!(twice.unwrap_err().code, "HostedZoneAlreadyExists");
}

#[tokio::test]
async fn what_is_neither_alias_nor_values_is_refused_and_so_is_what_is_not_there() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let (_, records) = zone(&world, "example.org", "one");
    let bare = call(
        &world,
        Method::POST,
        &records,
        &change("CREATE", "<Name>a.example.org</Name><Type>A</Type>"),
    );
    let refused = bare.unwrap_err();
    assert_eq!(refused.code, "InvalidInput");
    assert!(
        refused
            .message
            .contains("but found none in Change with [Action=CREATE, Name=a.example.org, Type=A"),
        "{refused}"
    );
    let weighted = ALIAS.replace(
        "<AliasTarget>",
        "<SetIdentifier>blue</SetIdentifier><Weight>1</Weight><AliasTarget>",
    );
    let refused = call(&world, Method::POST, &records, &change("CREATE", &weighted)).unwrap_err();
    assert_eq!(refused.code, "NotImplemented");
    assert!(
        refused.message.contains("'ChangeBatch.Changes.ResourceRecordSet."),
        "{refused}"
    );
    let missing = call(&world, Method::GET, "hostedzone/Z0/rrset", "").unwrap_err();
    assert_eq!((missing.code.as_str(), missing.status), ("NoSuchHostedZone", 404));
}

#[tokio::test]
async fn an_account_may_ask_five_times_a_second() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let now = world.clock.now();
    for _ in 0..5 {
        world.lock().zones.admit(now).unwrap();
    }
    let refused = world.lock().zones.admit(now).unwrap_err();
    assert_eq!(refused.code, "Throttling");
}
