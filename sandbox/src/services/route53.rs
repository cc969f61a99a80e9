//! Route 53: rest-xml ↔ hosted zones and record sets. The answers are written here: no types are generated for them.
//! Nothing is decided here but form, and where the sandbox has its limits.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Entry, Service, not_implemented, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;
use crate::world::zones::{Action, Alias, CLOUDFRONT_ZONE, Change, RecordSet, Zone, in_order, whole};
use crate::world::{Refusal, State, World};

/// Paths begin with the API's version.
pub(crate) const VERSION: &str = "/2013-04-01/";

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

const CHANGES: &str = "ChangeBatch{Comment~,Changes{Action,ResourceRecordSet{Name,Type,TTL,ResourceRecords{Value},\
     AliasTarget{HostedZoneId,DNSName,EvaluateTargetHealth}}}}";

const OPERATIONS: &[Entry] = &[
    operation("ChangeResourceRecordSets", &[CHANGES], |world, call| {
        act(world, call, change)
    }),
    operation(
        "CreateHostedZone",
        &["Name", "CallerReference", "HostedZoneConfig{Comment,PrivateZone=false}"],
        |world, call| act(world, call, create),
    ),
    operation("DeleteHostedZone", &[], |world, call| act(world, call, delete)),
    operation("GetChange", &[], |world, call| act(world, call, get_change)),
    operation("GetHostedZone", &[], |world, call| act(world, call, get)),
    operation("ListHostedZones", &["marker", "maxitems"], |world, call| {
        act(world, call, list)
    }),
    operation(
        "ListHostedZonesByName",
        &["dnsname", "hostedzoneid", "maxitems"],
        |world, call| act(world, call, list_by_name),
    ),
    operation(
        "ListResourceRecordSets",
        &["name", "type", "maxitems"],
        |world, call| act(world, call, list_records),
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "route53",
    title: "Amazon Route 53",
    operations: OPERATIONS,
    refuses: Some(refuse),
};

/// The operation that a method and path name.
pub(crate) fn route(method: &Method, path_and_query: &str) -> Option<&'static str> {
    let segments = segments(path_and_query);
    Some(match (method.as_str(), segments.as_slice()) {
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        _ => return None,
    })
}

fn segments(path_and_query: &str) -> Vec<&str> {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let path = path.strip_prefix(VERSION).unwrap_or_default();
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The service is global, and signed for in one region only. An account may ask five times a second.
fn refuse(world: &Arc<World>, call: &Call) -> Result<(), Refusal> {
    if call.region != "us-east-1" {
        let text = format!("Credential should be scoped to a valid region, not '{}'.", call.region);
        return Err(Refusal::with_status(403, "SignatureDoesNotMatch", text));
    }
    world.lock().zones.admit(world.clock.now())
}

/// A request as an operation sees it.
struct Asked<'a> {
    call: &'a Call,
    query: HashMap<String, String>,
    now: Timestamp,
}

impl Asked<'_> {
    /// The id in the path: of a zone, or of a change.
    fn id(&self) -> &str {
        segments(self.call.uri.path()).get(1).copied().unwrap_or_default()
    }

    fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn most(&self, usual: usize) -> usize {
        self.query("maxitems").parse().unwrap_or(usual).clamp(1, usual)
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let text = std::str::from_utf8(&self.call.body).map_err(malformed)?;
        quick_xml::de::from_str(text).map_err(malformed)
    }
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal::new("InvalidInput", format!("The input is not valid: {error}"))
}

/// The status and the document that an operation answers.
type Told = (StatusCode, String);

type Act = fn(&mut State, &Asked<'_>) -> Result<Told, Refusal>;

fn act(world: &Arc<World>, call: &Call, act: Act) -> Result<Answer, Refusal> {
    let query = call.uri.query().unwrap_or_default().as_bytes();
    let asked = Asked {
        call,
        query: form_urlencoded::parse(query).into_owned().collect(),
        now: world.clock.now(),
    };
    let (status, body) = act(&mut world.lock(), &asked)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if status == StatusCode::CREATED {
        let id = body.split("<Id>").nth(1).and_then(|rest| rest.split('<').next());
        let location = format!("https://route53.amazonaws.com/2013-04-01{}", id.unwrap_or_default());
        if let Ok(location) = HeaderValue::from_str(&location) {
            headers.insert(header::LOCATION, location);
        }
    }
    Ok(Answer {
        status,
        headers,
        body: Bytes::from(body),
    })
}

fn document(name: &str, inside: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"{NAMESPACE}\">{inside}</{name}>")
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn zone_element(zone: &Zone) -> String {
    let comment = match zone.comment.is_empty() {
        true => String::new(),
        false => element("Comment", &zone.comment),
    };
    format!(
        "<HostedZone>{}{}{}<Config>{comment}<PrivateZone>false</PrivateZone></Config>\
         <ResourceRecordSetCount>{}</ResourceRecordSetCount></HostedZone>",
        element("Id", &format!("/hostedzone/{}", zone.id)),
        element("Name", &zone.name),
        element("CallerReference", &zone.caller_reference),
        zone.records.len()
    )
}

fn servers_element(zone: &Zone) -> String {
    let servers: String = zone
        .name_servers
        .iter()
        .map(|server| element("NameServer", server))
        .collect();
    format!("<DelegationSet><NameServers>{servers}</NameServers></DelegationSet>")
}

fn change_element(change: &Change, now: Timestamp) -> String {
    let submitted = change.submitted.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    format!(
        "<ChangeInfo>{}{}{}</ChangeInfo>",
        element("Id", &format!("/change/{}", change.id)),
        element("Status", change.status(now)),
        element("SubmittedAt", &submitted)
    )
}

fn record_element(set: &RecordSet) -> String {
    let mut inside = element("Name", &set.name) + &element("Type", &set.kind);
    if let Some(ttl) = set.ttl {
        inside += &element("TTL", &ttl.to_string());
    }
    if !set.values.is_empty() {
        let values = set.values.iter();
        let values: String = values
            .map(|value| format!("<ResourceRecord>{}</ResourceRecord>", element("Value", value)))
            .collect();
        inside += &format!("<ResourceRecords>{values}</ResourceRecords>");
    }
    if let Some(alias) = &set.alias {
        inside += &format!(
            "<AliasTarget>{}{}{}</AliasTarget>",
            element("HostedZoneId", &alias.zone_id),
            element("DNSName", &alias.name),
            element("EvaluateTargetHealth", &alias.evaluates_health.to_string())
        );
    }
    format!("<ResourceRecordSet>{inside}</ResourceRecordSet>")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewZone {
    name: String,
    caller_reference: String,
    #[serde(default)]
    hosted_zone_config: ZoneConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ZoneConfig {
    comment: String,
}

fn create(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let new: NewZone = asked.body()?;
    if !new.name.contains('.') {
        let text = format!("{} is not a valid domain name.", new.name);
        return Err(Refusal::new("InvalidDomainName", text));
    }
    let comment = &new.hosted_zone_config.comment;
    let (zone, change) = state
        .zones
        .create(&new.name, &new.caller_reference, comment, asked.now)?;
    let inside = zone_element(&zone) + &change_element(&change, asked.now) + &servers_element(&zone);
    Ok((StatusCode::CREATED, document("CreateHostedZoneResponse", &inside)))
}

fn delete(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let change = state.zones.delete(asked.id(), asked.now)?;
    let inside = change_element(&change, asked.now);
    Ok((StatusCode::OK, document("DeleteHostedZoneResponse", &inside)))
}

fn get(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let zone = state.zones.get(asked.id())?;
    let inside = zone_element(zone) + &servers_element(zone);
    Ok((StatusCode::OK, document("GetHostedZoneResponse", &inside)))
}

fn get_change(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let change = state.zones.get_change(asked.id())?;
    let inside = change_element(&change, asked.now);
    Ok((StatusCode::OK, document("GetChangeResponse", &inside)))
}

fn list(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let (most, marker) = (asked.most(100), asked.query("marker"));
    let mut rest = state.zones.all.values().filter(|zone| zone.id.as_str() >= marker);
    let zones: String = rest.by_ref().take(most).map(zone_element).collect();
    let next = rest.next().map(|zone| element("NextMarker", &zone.id));
    let inside = format!(
        "<HostedZones>{zones}</HostedZones>{}{}{}{}",
        element("Marker", marker),
        element("IsTruncated", &next.is_some().to_string()),
        next.unwrap_or_default(),
        element("MaxItems", &most.to_string())
    );
    Ok((StatusCode::OK, document("ListHostedZonesResponse", &inside)))
}

fn list_by_name(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let (most, named, after) = (asked.most(100), asked.query("dnsname"), asked.query("hostedzoneid"));
    let mut zones: Vec<&Zone> = state.zones.all.values().collect();
    zones.sort_by_key(|zone| (in_order(&zone.name), zone.id.clone()));
    let start = (in_order(&named.to_ascii_lowercase()), after.to_owned());
    let mut rest = zones.into_iter().filter(|zone| {
        let place = (in_order(&zone.name), zone.id.clone());
        named.is_empty() || place >= start
    });
    let page: String = rest.by_ref().take(most).map(zone_element).collect();
    let next = rest.next();
    let mut inside = format!("<HostedZones>{page}</HostedZones>");
    if !named.is_empty() {
        inside += &element("DNSName", named);
    }
    if !after.is_empty() {
        inside += &element("HostedZoneId", after);
    }
    inside += &element("IsTruncated", &next.is_some().to_string());
    if let Some(next) = next {
        inside += &(element("NextDNSName", &next.name) + &element("NextHostedZoneId", &next.id));
    }
    inside += &element("MaxItems", &most.to_string());
    Ok((StatusCode::OK, document("ListHostedZonesByNameResponse", &inside)))
}

fn list_records(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    let zone = state.zones.get(asked.id())?;
    let (most, name, kind) = (asked.most(300), asked.query("name"), asked.query("type"));
    if name.is_empty() && !kind.is_empty() {
        // API reference, ListResourceRecordSets: "Specifying a value for type without specifying a value for name returns an
        // InvalidInput error."
        return Err(malformed("type without name"));
    }
    let mut sets: Vec<&RecordSet> = zone.records.iter().collect();
    let place = |set: &RecordSet| (in_order(&set.name), set.kind.clone());
    sets.sort_by_key(|set| place(set));
    let start = (in_order(&whole(name)), kind.to_owned());
    let mut rest = sets.into_iter().filter(|set| name.is_empty() || place(set) >= start);
    let page: String = rest.by_ref().take(most).map(record_element).collect();
    let next = rest.next();
    let mut inside = format!(
        "<ResourceRecordSets>{page}</ResourceRecordSets>{}",
        element("IsTruncated", &next.is_some().to_string())
    );
    if let Some(next) = next {
        inside += &(element("NextRecordName", &next.name) + &element("NextRecordType", &next.kind));
    }
    inside += &element("MaxItems", &most.to_string());
    Ok((StatusCode::OK, document("ListResourceRecordSetsResponse", &inside)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeRequest {
    change_batch: ChangeBatch,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatch {
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    #[serde(default)]
    change: Vec<ChangeAsked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeAsked {
    action: String,
    resource_record_set: SetAsked,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAsked {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "TTL")]
    ttl: Option<u64>,
    resource_records: Option<Records>,
    alias_target: Option<AliasAsked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    #[serde(default)]
    resource_record: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasAsked {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

/// Types that Route 53 has (botocore: route53, RRType).
const TYPES: &[&str] = &[
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB",
    "HTTPS",
];

fn change(state: &mut State, asked: &Asked<'_>) -> Result<Told, Refusal> {
    state.zones.get(asked.id())?;
    let request: ChangeRequest = asked.body()?;
    if request.change_batch.changes.change.is_empty() {
        return Err(malformed("no changes"));
    }
    let changes = request
        .change_batch
        .changes
        .change
        .into_iter()
        .map(|one| change_of(asked.id(), one));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let change = state.zones.change(asked.id(), changes, asked.now)?;
    let inside = change_element(&change, asked.now);
    Ok((StatusCode::OK, document("ChangeResourceRecordSetsResponse", &inside)))
}

fn change_of(zone: &str, asked: ChangeAsked) -> Result<(Action, RecordSet), Refusal> {
    let ChangeAsked {
        action: named,
        resource_record_set: set,
    } = asked;
    let action = match named.as_str() {
        "CREATE" => Action::Create,
        "DELETE" => Action::Delete,
        "UPSERT" => Action::Upsert,
        _ => return Err(malformed(format!("Invalid Action {named}"))),
    };
    if !TYPES.contains(&set.kind.as_str()) {
        return Err(malformed(format!("Invalid Type {}", set.kind)));
    }
    let values: Vec<String> = set
        .resource_records
        .into_iter()
        .flat_map(|list| list.resource_record)
        .map(|one| one.value)
        .collect();
    let given = (set.ttl.is_some() && !values.is_empty(), set.alias_target.is_some());
    let ((true, false) | (false, true)) = given else {
        // As Go's and Python's clients were told (hashicorp/terraform#9732 and others).
        let found = if given.0 { "more than one" } else { "none" };
        return Err(Refusal::new(
            "InvalidInput",
            format!(
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                 TrafficPolicyInstanceId], but found {found} in Change with [Action={named}, Name={}, Type={}, \
                 SetIdentifier=null]",
                set.name, set.kind
            ),
        ));
    };
    let alias = set.alias_target.map(|alias| Alias {
        zone_id: alias.hosted_zone_id,
        name: whole(&alias.dns_name),
        evaluates_health: alias.evaluate_target_health,
    });
    if alias
        .as_ref()
        .is_some_and(|alias| alias.zone_id != CLOUDFRONT_ZONE && alias.zone_id != zone)
    {
        return Err(not_implemented(
            "aliases to other zones than CloudFront's and the record's own",
        ));
    }
    let set = RecordSet {
        name: whole(&set.name),
        kind: set.kind,
        ttl: set.ttl,
        values,
        alias,
    };
    Ok((action, set))
}
