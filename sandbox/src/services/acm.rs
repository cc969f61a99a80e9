//! ACM: JSON ↔ certificates. The answers are written here: no types are generated for them.
//! Nothing is decided here but form, and where the sandbox has its limits.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::order::in_no_order;
use super::page::page;
use super::{Entry, Service, not_implemented, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::certificates::{Certificate, Request, VALIDITY};
use crate::world::{Refusal, State, Tags, World};

const ARN: &[&str] = &["CertificateArn"];
const TAGGED: &[&str] = &["CertificateArn", "Tags{Key,Value}"];

const OPERATIONS: &[Entry] = &[
    operation("AddTagsToCertificate", TAGGED, |world, call| act(world, call, add_tags)),
    operation("DeleteCertificate", ARN, |world, call| act(world, call, delete)),
    operation("DescribeCertificate", ARN, |world, call| act(world, call, describe)),
    operation(
        "ListCertificates",
        &[
            "CertificateStatuses",
            "Includes{keyTypes}",
            "NextToken",
            "MaxItems",
            "SortBy=CREATED_AT",
            "SortOrder=ASCENDING|DESCENDING",
        ],
        |world, call| act(world, call, list),
    ),
    operation("ListTagsForCertificate", ARN, |world, call| act(world, call, list_tags)),
    operation("RemoveTagsFromCertificate", TAGGED, |world, call| {
        act(world, call, remove_tags)
    }),
    operation(
        "RequestCertificate",
        &[
            "DomainName",
            "ValidationMethod=DNS",
            "SubjectAlternativeNames",
            "IdempotencyToken",
            "KeyAlgorithm",
            "Options{CertificateTransparencyLoggingPreference}",
            "Tags{Key,Value}",
        ],
        |world, call| act(world, call, request),
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "acm",
    title: "AWS Certificate Manager",
    operations: OPERATIONS,
    refuses: None,
};

const RSA_2048: &str = "RSA_2048";

/// What a list has where no key types are asked for: "default filtering returns only RSA_1024 and RSA_2048 certificates"
/// (botocore: acm, Filters).
const LISTED_BY_DEFAULT: &[&str] = &["RSA_1024", RSA_2048];

const KEY_ALGORITHMS: &[&str] = &[
    "RSA_1024",
    RSA_2048,
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
];

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    certificate_arn: String,
    domain_name: String,
    validation_method: Option<String>,
    subject_alternative_names: Vec<String>,
    idempotency_token: Option<String>,
    key_algorithm: Option<String>,
    options: Map<String, Value>,
    tags: Vec<Tag>,
    certificate_statuses: Vec<String>,
    includes: Includes,
    next_token: Option<String>,
    max_items: Option<i32>,
    sort_by: Option<String>,
    sort_order: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Includes {
    key_types: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Tag {
    key: String,
    value: Option<String>,
}

/// What an operation does in a region at that time.
type Act = fn(&mut State, &str, Timestamp, Asked) -> Result<Value, Refusal>;

fn act(world: &Arc<World>, call: &Call, act: Act) -> Result<Answer, Refusal> {
    let asked: Asked = call.json()?;
    let answer = act(&mut world.lock(), &call.region, world.clock.now(), asked)?;
    let body = match answer {
        Value::Null => String::new(),
        answer => answer.to_string(),
    };
    Ok(winterbaume_core::MockResponse::json(200, body).into())
}

fn request(state: &mut State, region: &str, now: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    if asked.validation_method.is_none() {
        return Err(not_implemented(
            "validation by e-mail, which is what AWS does where no method is named",
        ));
    }
    let names = std::iter::once(&asked.domain_name).chain(&asked.subject_alternative_names);
    names.map(|name| check_name(name)).collect::<Result<Vec<()>, _>>()?;
    let algorithm = asked.key_algorithm.unwrap_or_else(|| RSA_2048.to_owned());
    check_algorithm(&algorithm)?;
    let small = |name: String| name.to_ascii_lowercase();
    let preference = asked.options.get("CertificateTransparencyLoggingPreference");
    let arn = state.request_certificate(
        region,
        Request {
            domain_name: small(asked.domain_name),
            alternative_names: asked.subject_alternative_names.into_iter().map(small).collect(),
            key_algorithm: algorithm,
            transparency: preference.and_then(Value::as_str).unwrap_or("ENABLED").to_owned(),
            token: asked.idempotency_token,
            tags: tags_of(asked.tags),
        },
        now,
    );
    Ok(json!({ "CertificateArn": arn }))
}

/// In the words of AWS's validation of every member by its model.
fn check_name(name: &str) -> Result<(), Refusal> {
    let label = |label: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(good) && !label.starts_with('-') && !label.ends_with('-')
    };
    let rest = name.strip_prefix("*.").unwrap_or(name);
    if name.len() <= 253 && rest.contains('.') && rest.split('.').all(label) {
        return Ok(());
    }
    let text = format!(
        "1 validation error detected: Value '{name}' at 'domainName' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: ^(\\*\\.)?(((?!-)[A-Za-z0-9-]{{0,62}}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{{1,62}}[A-Za-z0-9])$"
    );
    Err(Refusal::new("ValidationException", text))
}

fn check_algorithm(algorithm: &str) -> Result<(), Refusal> {
    if KEY_ALGORITHMS.contains(&algorithm) {
        return Ok(());
    }
    let all = KEY_ALGORITHMS.join(", ");
    let text = format!(
        "1 validation error detected: Value '{algorithm}' at 'keyAlgorithm' failed to satisfy constraint: Member must satisfy enum \
         value set: [{all}]"
    );
    Err(Refusal::new("ValidationException", text))
}

fn describe(state: &mut State, region: &str, now: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    let users = state.users_of_certificate(&asked.certificate_arn, now);
    let (account, as_of) = (state.account.clone(), state.as_of(now));
    let certificates = state.region(region).certificates.seen(as_of);
    let one = certificates.get(&asked.certificate_arn)?;
    Ok(json!({ "Certificate": detail(one, &account, &users, now) }))
}

fn detail(one: &Certificate, account: &str, users: &[String], now: Timestamp) -> Value {
    let status = one.status(now);
    let validations = one.names.iter().map(|name| {
        let mut option = json!({
            "DomainName": name,
            "ValidationDomain": name,
            "ValidationStatus": match status {
                "ISSUED" => "SUCCESS",
                "PENDING_VALIDATION" => status,
                _ => "FAILED",
            },
            "ValidationMethod": "DNS",
        });
        // Seconds after the request there is none yet.
        if let Some(record) = one.validation(account, name, now) {
            option["ResourceRecord"] = json!({ "Name": record.name, "Type": "CNAME", "Value": record.value });
        }
        option
    });
    let mut detail = json!({
        "CertificateArn": one.arn,
        "DomainName": one.domain_name,
        "SubjectAlternativeNames": one.names,
        "DomainValidationOptions": validations.collect::<Vec<_>>(),
        "Subject": format!("CN={}", one.domain_name),
        "Issuer": "Amazon",
        "CreatedAt": seconds(one.created),
        "Status": status,
        "KeyAlgorithm": hyphenated(&one.key_algorithm),
        "SignatureAlgorithm": if one.key_algorithm.starts_with("RSA") { "SHA256WITHRSA" } else { "SHA256WITHECDSA" },
        "InUseBy": users,
        "Type": "AMAZON_ISSUED",
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "RenewalEligibility": if users.is_empty() { "INELIGIBLE" } else { "ELIGIBLE" },
        "Options": {
            "CertificateTransparencyLoggingPreference": one.transparency,
            "Export": "DISABLED",
        },
    });
    if let Some(issued) = one.issued {
        detail["IssuedAt"] = json!(seconds(issued));
        detail["NotBefore"] = json!(seconds(issued));
        detail["NotAfter"] = json!(seconds(issued + VALIDITY));
        let usage = |name: &str| json!({ "Name": name });
        detail["KeyUsages"] = json!([usage("DIGITAL_SIGNATURE"), usage("KEY_ENCIPHERMENT")]);
        detail["ExtendedKeyUsages"] = json!([{ "Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1" }]);
    }
    detail
}

/// Described with a hyphen, listed as the model has it (public answers of the AWS CLI since 2018 have `RSA-2048` here).
fn hyphenated(algorithm: &str) -> String {
    algorithm.replacen('_', "-", 1)
}

fn list(state: &mut State, region: &str, now: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    if asked.sort_by.is_some() != asked.sort_order.is_some() {
        // botocore: acm, ListCertificates.
        let text = "If you specify SortBy, you must also specify SortOrder.";
        return Err(Refusal::new("ValidationException", text));
    }
    let used: Vec<String> = {
        let arns: Vec<String> = state.region(region).certificates.all.keys().cloned().collect();
        let is_used = |arn: &String| !state.users_of_certificate(arn, now).is_empty();
        arns.into_iter().filter(is_used).collect()
    };
    let as_of = state.as_of(now);
    let seen = state.region(region).certificates.seen(as_of).all.values();
    let kinds: Vec<&str> = match asked.includes.key_types.is_empty() {
        true => LISTED_BY_DEFAULT.to_vec(),
        false => asked.includes.key_types.iter().map(String::as_str).collect(),
    };
    let wanted = seen.filter(|one| {
        let of_status = asked.certificate_statuses.is_empty()
            || asked
                .certificate_statuses
                .iter()
                .any(|status| status == one.status(now));
        of_status && kinds.contains(&one.key_algorithm.as_str())
    });
    let mut wanted = in_no_order(wanted, |one| one.arn.clone());
    if asked.sort_by.is_some() {
        wanted.sort_by_key(|one| one.created);
        if asked.sort_order.as_deref() == Some("DESCENDING") {
            wanted.reverse();
        }
    }
    let (certificates, next) = page(wanted, asked.max_items.or(Some(1000)), asked.next_token.as_deref())?;
    let certificates = certificates
        .iter()
        .map(|one| summary(one, used.contains(&one.arn), now));
    let mut answer = json!({ "CertificateSummaryList": certificates.collect::<Vec<_>>() });
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn summary(one: &Certificate, is_used: bool, now: Timestamp) -> Value {
    let mut summary = json!({
        "CertificateArn": one.arn,
        "DomainName": one.domain_name,
        "SubjectAlternativeNameSummaries": one.names,
        "HasAdditionalSubjectAlternativeNames": false,
        "Status": one.status(now),
        "Type": "AMAZON_ISSUED",
        "KeyAlgorithm": one.key_algorithm,
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "ExportOption": "DISABLED",
        "InUse": is_used,
        "RenewalEligibility": if is_used { "ELIGIBLE" } else { "INELIGIBLE" },
        "CreatedAt": seconds(one.created),
    });
    if let Some(issued) = one.issued {
        summary["IssuedAt"] = json!(seconds(issued));
        summary["NotBefore"] = json!(seconds(issued));
        summary["NotAfter"] = json!(seconds(issued + VALIDITY));
    }
    summary
}

/// As the JSON protocol writes times.
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1e3
}

fn delete(state: &mut State, region: &str, now: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    state.delete_certificate(region, &asked.certificate_arn, now)?;
    Ok(Value::Null)
}

fn list_tags(state: &mut State, region: &str, now: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    let as_of = state.as_of(now);
    let certificates = state.region(region).certificates.seen(as_of);
    let tags = certificates.get(&asked.certificate_arn)?.tags.iter();
    let tags: Vec<_> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": tags }))
}

fn add_tags(state: &mut State, region: &str, _: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    let certificates = &mut state.region(region).certificates;
    let tags = &mut certificates.get_mut(&asked.certificate_arn)?.tags;
    tags.extend(tags_of(asked.tags));
    Ok(Value::Null)
}

/// A tag with a value goes only where it has that one (botocore: acm, RemoveTagsFromCertificate).
fn remove_tags(state: &mut State, region: &str, _: Timestamp, asked: Asked) -> Result<Value, Refusal> {
    let certificates = &mut state.region(region).certificates;
    let tags = &mut certificates.get_mut(&asked.certificate_arn)?.tags;
    tags.retain(|key, value| {
        let mut named = asked.tags.iter().filter(|tag| tag.key == *key);
        !named.any(|tag| tag.value.as_ref().is_none_or(|meant| meant == value))
    });
    Ok(Value::Null)
}

fn tags_of(tags: Vec<Tag>) -> Tags {
    let tags = tags.into_iter();
    tags.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
}
