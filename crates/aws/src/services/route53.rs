//! Route 53: hosted zones and their record sets. Source of names and paths: botocore's model of route53, 2013-04-01.

use aws_config::SdkConfig;
use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use percent_encoding::utf8_percent_encode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clients::{GLOBAL_REGION, Mode};
use crate::wire::{Call, CallError, Called, Client, ESCAPED, Service, xml};

const SERVICE: Service = Service {
    id: "Route 53",
    signing_name: "route53",
    host: "route53",
};

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// The zone of all distributions, for aliases to them (Route 53 API reference, AliasTarget).
pub const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";

/// A global service, signed for in one region.
#[derive(Debug, Clone)]
pub struct Route53(Client);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostedZone {
    /// `/hostedzone/Z…`
    id: String,
    /// With a dot at its end.
    pub name: String,
    #[serde(default)]
    config: ZoneConfig,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ZoneConfig {
    private_zone: bool,
}

impl HostedZone {
    /// `Z…`
    pub fn id(&self) -> &str {
        bare(&self.id)
    }

    /// Of a VPC's own: nobody outside of it sees its records.
    pub fn is_private(&self) -> bool {
        self.config.private_zone
    }
}

/// Ids come with what they are of before them.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListHostedZonesByNameResponse {
    #[serde(default)]
    hosted_zones: HostedZones,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostedZones {
    hosted_zone: Vec<HostedZone>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetHostedZoneResponse {
    hosted_zone: HostedZone,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResourceRecordSetsResponse {
    #[serde(default)]
    resource_record_sets: RecordSets,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RecordSets {
    resource_record_set: Vec<RecordSet>,
}

/// A record set as it is listed and sent; what else it may have (weights, regions) makes it another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordSet {
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    #[serde(default, skip_serializing_if = "Records::is_empty")]
    pub resource_records: Records,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTarget>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Records {
    pub resource_record: Vec<Record>,
}

impl Records {
    fn is_empty(&self) -> bool {
        self.resource_record.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasTarget {
    pub hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    pub evaluate_target_health: bool,
}

/// What becomes of a record set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Refused where there is one of that name and type.
    Create,
    /// Refused where it is not as it is named, every value.
    Delete,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeResourceRecordSetsRequest<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    change_batch: ChangeBatch<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatch<'a> {
    changes: Changes<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changes<'a> {
    change: Vec<Change<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    action: Action,
    resource_record_set: &'a RecordSet,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeResponse {
    change_info: ChangeInfo,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeInfo {
    id: String,
    /// `PENDING`, `INSYNC`
    pub status: String,
}

impl ChangeInfo {
    pub fn id(&self) -> &str {
        bare(&self.id)
    }
}

impl Route53 {
    pub fn new(config: &SdkConfig, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, GLOBAL_REGION, mode))
    }

    /// The zones of exactly that name, of which an account may have several, private ones among them.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn hosted_zones_of_name(&self, name: &str) -> Called<Vec<HostedZone>> {
        // They are listed in the order of their names, beginning with the first that is not before this one.
        let path = format!("hostedzonesbyname?dnsname={}&maxitems=20", escaped(name));
        let answer: ListHostedZonesByNameResponse = self.call("ListHostedZonesByName", get(&path)).await?;
        let zones = answer.hosted_zones.hosted_zone.into_iter();
        Ok(zones.filter(|zone| zone.name.trim_end_matches('.') == name).collect())
    }

    /// # Errors
    /// `NoSuchHostedZone`; else what the SDK's own clients give.
    pub async fn get_hosted_zone(&self, id: &str) -> Called<HostedZone> {
        let path = format!("hostedzone/{}", escaped(id));
        let answer: GetHostedZoneResponse = self.call("GetHostedZone", get(&path)).await?;
        Ok(answer.hosted_zone)
    }

    /// All record sets of one name, of every type. A name has a set of each type, and with routing policies more of them: a page of 100
    /// holds what any site has.
    ///
    /// # Errors
    /// `NoSuchHostedZone`; else what the SDK's own clients give.
    pub async fn record_sets_of_name(&self, zone: &str, name: &str) -> Called<Vec<RecordSet>> {
        let path = format!("hostedzone/{}/rrset?maxitems=100&name={}", escaped(zone), escaped(name));
        let answer: ListResourceRecordSetsResponse = self.call("ListResourceRecordSets", get(&path)).await?;
        let sets = answer.resource_record_sets.resource_record_set.into_iter();
        let is_of = |set: &RecordSet| set.name.trim_end_matches('.') == name.trim_end_matches('.');
        Ok(sets.take_while(is_of).collect())
    }

    /// Does all of it or nothing.
    ///
    /// # Errors
    /// `InvalidChangeBatch` where one of them cannot be done; else what the SDK's own clients give.
    pub async fn change_record_sets(&self, zone: &str, action: Action, sets: &[RecordSet]) -> Called<ChangeInfo> {
        let change = |set| Change {
            action,
            resource_record_set: set,
        };
        let body = quick_xml::se::to_string(&ChangeResourceRecordSetsRequest {
            xmlns: NAMESPACE,
            change_batch: ChangeBatch {
                changes: Changes {
                    change: sets.iter().map(change).collect(),
                },
            },
        });
        let body = body.map_err(SdkError::construction_failure)?;
        let path = format!("hostedzone/{}/rrset/", escaped(zone));
        let request = http::Request::post(format!("/2013-04-01/{path}"))
            .header("content-type", "application/xml")
            .body(SdkBody::from(body));
        let answer: ChangeResponse = self.call("ChangeResourceRecordSets", request).await?;
        Ok(answer.change_info)
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_change(&self, id: &str) -> Called<ChangeInfo> {
        let answer: ChangeResponse = self.call("GetChange", get(&format!("change/{}", escaped(id)))).await?;
        Ok(answer.change_info)
    }

    async fn call<T>(&self, operation: &'static str, request: http::Result<http::Request<SdkBody>>) -> Called<T>
    where
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    {
        let call = Call {
            operation,
            endpoint: None,
            request: request.map_err(SdkError::construction_failure)?,
            signing: SigningOptions::default(),
            body_hash: None,
            patience: None,
        };
        self.0
            .call(call, |response: &HttpResponse| xml::read(response), fault)
            .await
    }
}

/// Why a batch was refused comes in a frame of its own at times (the model's InvalidChangeBatch; the SDK for Go reads both).
fn fault(response: &HttpResponse) -> CallError {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct InvalidChangeBatch {
        messages: Messages,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Messages {
        #[serde(default)]
        message: Vec<String>,
    }
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    match quick_xml::de::from_str::<InvalidChangeBatch>(&body) {
        Ok(batch) if body.contains("<InvalidChangeBatch") => {
            let message = batch.messages.message.join(", ");
            CallError::answered(Some("InvalidChangeBatch".to_owned()), Some(message))
        }
        _ => xml::fault(response),
    }
}

fn get(path: &str) -> http::Result<http::Request<SdkBody>> {
    http::Request::get(format!("/2013-04-01/{path}")).body(SdkBody::empty())
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
