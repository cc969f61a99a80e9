//! ACM's API as its clients speak it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::proxy::tests as proxy;
use crate::services::asked;
use crate::world::{Refusal, World, certificates};

fn call(world: &Arc<World>, operation: &str, request: &Value) -> Result<Value, Refusal> {
    let answer = asked::json(world, ("acm", "us-east-1"), operation, request)?;
    Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
}

fn requested(world: &Arc<World>, more: &Value) -> Value {
    let mut request = json!({ "DomainName": "example.org", "ValidationMethod": "DNS" });
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let arn = call(world, "RequestCertificate", &request).unwrap()["CertificateArn"].clone();
    json!({ "CertificateArn": arn })
}

fn described(world: &Arc<World>, named: &Value) -> Value {
    call(world, "DescribeCertificate", named).unwrap()["Certificate"].clone()
}

#[tokio::test]
async fn a_certificate_tells_its_record_late_and_is_issued_once_that_is_set() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let names = json!({ "SubjectAlternativeNames": ["www.example.org"], "Tags": [{ "Key": "stack", "Value": "one" }] });
    let named = requested(&world, &names);
    let detail = described(&world, &named);
    assert_eq!(detail["Status"], "PENDING_VALIDATION");
    assert_eq!(
        detail["SubjectAlternativeNames"],
        json!(["example.org", "www.example.org"])
    );
    assert!(
        detail["DomainValidationOptions"][0].get("ResourceRecord").is_none(),
        "{detail}"
    );
    world.clock.skip(Duration::from_secs(6));
    let detail = described(&world, &named);
    for option in detail["DomainValidationOptions"].as_array().unwrap() {
        let record = &option["ResourceRecord"];
        let text = |member: &str| record[member].as_str().unwrap();
        assert!(
            text("Name").ends_with(".example.org.") && text("Value").ends_with(".acm-validations.aws."),
            "{record}"
        );
        world.lock().zones.set_elsewhere(text("Name"), text("Value"));
    }
    certificates::look(&world);
    world.clock.skip(Duration::from_secs(61));
    certificates::look(&world);
    let detail = described(&world, &named);
    assert_eq!(
        (&detail["Status"], &detail["KeyAlgorithm"]),
        (&json!("ISSUED"), &json!("RSA-2048"))
    );
    assert_eq!(
        call(&world, "ListTagsForCertificate", &named).unwrap(),
        json!({ "Tags": [{ "Key": "stack", "Value": "one" }] })
    );
    call(&world, "DeleteCertificate", &named).unwrap();
    let gone = call(&world, "DescribeCertificate", &named).unwrap_err();
    assert_eq!(gone.code, "ResourceNotFoundException");
}

/// Whoever does not ask for all kinds of keys takes a certificate for absent that is there.
#[tokio::test]
async fn a_list_leaves_out_what_has_another_key_than_rsa_2048_unless_it_is_asked_for() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let usual = requested(&world, &json!({}));
    let other = requested(&world, &json!({ "KeyAlgorithm": "EC_prime256v1" }));
    let listed = |request: &Value| {
        let answer = call(&world, "ListCertificates", request).unwrap();
        let all = answer["CertificateSummaryList"].as_array().unwrap().clone();
        all.into_iter()
            .map(|one| one["CertificateArn"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&json!({})), [usual["CertificateArn"].clone()]);
    let ec = json!({ "Includes": { "keyTypes": ["EC_prime256v1"] } });
    assert_eq!(listed(&ec), [other["CertificateArn"].clone()]);
    assert_eq!(listed(&json!({ "CertificateStatuses": ["ISSUED"] })), [json!(null); 0]);
}

#[tokio::test]
async fn tags_come_and_go_and_one_with_another_value_stays() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let mut named = requested(&world, &json!({}));
    let tags = |world: &Arc<World>, named: &Value| {
        let arn = json!({ "CertificateArn": named["CertificateArn"] });
        call(world, "ListTagsForCertificate", &arn).unwrap()["Tags"].clone()
    };
    named["Tags"] = json!([{ "Key": "a", "Value": "1" }, { "Key": "b" }]);
    call(&world, "AddTagsToCertificate", &named).unwrap();
    named["Tags"] = json!([{ "Key": "a", "Value": "2" }, { "Key": "b" }]);
    call(&world, "RemoveTagsFromCertificate", &named).unwrap();
    assert_eq!(tags(&world, &named), json!([{ "Key": "a", "Value": "1" }]));
}

#[tokio::test]
async fn what_is_no_name_and_what_is_validated_otherwise_is_refused() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let ask = |name: &str| {
        call(
            &world,
            "RequestCertificate",
            &json!({ "DomainName": name, "ValidationMethod": "DNS" }),
        )
    };
    assert_eq!(ask("example").unwrap_err().code, "ValidationException");
    assert_eq!(ask("a_b.example.org").unwrap_err().code, "ValidationException");
    ask("*.example.org").unwrap();
    let by_mail = call(&world, "RequestCertificate", &json!({ "DomainName": "example.org" }));
    assert_eq!(by_mail.unwrap_err().code, "NotImplemented");
}
