//! The certificates for the site's own names: the one that CloudFront shows to visitors, which it takes from ACM in us-east-1, and the
//! one that a load balancer of the stack's own shows to CloudFront, of ACM in its region. Validated by DNS.
//! Must know nothing of the distribution, nor of the load balancer.
//!
//! "The CNAME … is specific to" an account and a name (ACM user guide, dns-validation): one record validates both.
//! Its record is written where the account has a zone of Route 53 for the name; else its owner is told it, and waited for. It stays as
//! long as the certificate does: renewals look for it (ACM user guide, dns-renewal-validation).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::certificate_calls as calls;
use super::outputs::{CERTIFICATE, ORIGIN_CERTIFICATE, REQUESTED};
use super::ownership::{TagStep, change_tags, tag_steps};
use super::stack::Stack;
use super::zones::{self, Zone, Zones};
use crate::aws::clients::GLOBAL_REGION;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::services::acm::{Acm, CertificateDetail, RequestCertificate, ResourceRecord};
use crate::aws::services::route53::Action;
use crate::aws::tags::{RESOURCE, indexed_tags};
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId,
    Step, Values, Wait, WriteCx,
};

pub(super) const ID: ResourceId = "certificate";
pub(super) const OF_ORIGIN: ResourceId = "origin-certificate";

/// The kind of a certificate with these tags.
pub(super) fn kind(tags: &BTreeMap<String, String>) -> ResourceId {
    match tags.get(RESOURCE).map(String::as_str) {
        Some(OF_ORIGIN) => OF_ORIGIN,
        _ => ID,
    }
}

/// The tag that says which names it is for: no ARN does.
pub(super) const NAMES: &str = "confctl:domain";

/// The journal's word for the token that a request is about to use.
const TOKEN: &str = "idempotency-token";

const PENDING: &str = "PENDING_VALIDATION";
const ISSUED: &str = "ISSUED";

/// From the record to ISSUED "up to 30 minutes" (ACM user guide, dns-validation); Terraform gives up after 75.
const LIMITS: Limits = Limits::minutes(10, 75);
/// Somebody has to set the record first. The next run goes on.
const ELSEWHERE: Limits = Limits::minutes(10, 30);
/// "A delay of several seconds before you can retrieve information about the new certificate" (RequestCertificate).
const SHOWING: Limits = Limits::minutes(2, 5);
/// ACM learns late that nobody uses it any more: after 10 to 20 minutes (amplify-education/serverless-domain-manager#32).
const RELEASE: Limits = Limits::minutes(5, 30);

/// One that is there, with its tags.
type Found = (CertificateDetail, BTreeMap<String, String>);

pub(super) struct Certificate {
    stack: Arc<Stack>,
    id: ResourceId,
}

#[derive(Clone)]
pub(super) struct LiveCertificate {
    arn: String,
    status: String,
    /// Why ACM gave up.
    failure: Option<String>,
    records: Vec<Validation>,
    tags: BTreeMap<String, String>,
}

/// The record of one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Validation {
    record: ResourceRecord,
    /// Where it belongs; `None`: elsewhere.
    zone: Option<Zone>,
    seen: SeenRecord,
}

/// What the zone says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SeenRecord {
    Set,
    Missing,
    /// Another value stands there.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateStep {
    Tag(TagStep),
    /// A record in a zone of the account.
    Record {
        name: String,
        value: String,
    },
    /// ACM gave the request up: another one.
    RequestAnew {
        status: String,
    },
    /// Until it is issued.
    Follow,
}

impl Step for CertificateStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Record { name, value } => FieldChange::new(format!("CNAME {name}"), None, value.clone()),
            Self::RequestAnew { status } => FieldChange::new("Status", status.clone(), ISSUED.to_owned()),
            Self::Follow => FieldChange::new("Status", PENDING.to_owned(), ISSUED.to_owned()).passing_by_itself(),
        }
    }
}

impl Validation {
    fn is_missing_in_a_zone(&self) -> bool {
        self.zone.is_some() && self.seen == SeenRecord::Missing
    }

    fn line(&self) -> String {
        let (name, value) = (&self.record.name, &self.record.value);
        format!("{} CNAME {}", name.trim_end_matches('.'), value.trim_end_matches('.'))
    }
}

impl LiveCertificate {
    /// What is to be set at another provider, a line each.
    fn elsewhere(&self) -> Vec<String> {
        let records = self.records.iter().filter(|record| record.zone.is_none());
        records.map(Validation::line).collect()
    }

    fn leftover(&self) -> String {
        format!("certificate {}", self.arn)
    }
}

impl Certificate {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack, id: ID }
    }

    /// The one that the load balancer shows.
    pub(super) fn of_origin(stack: Arc<Stack>) -> Self {
        Self { stack, id: OF_ORIGIN }
    }

    fn is_of_origin(&self) -> bool {
        self.id == OF_ORIGIN
    }

    fn acm<'a>(&self, aws: &'a Aws) -> &'a Acm {
        match self.is_of_origin() {
            true => &aws.regional_acm,
            false => &aws.acm,
        }
    }

    fn names(&self) -> Vec<&str> {
        self.stack.profile.site_names()
    }

    fn is_for_our_names(&self, names: &[String]) -> bool {
        let wanted: BTreeSet<&str> = self.names().into_iter().collect();
        names.iter().map(String::as_str).collect::<BTreeSet<_>>() == wanted
    }

    /// ARNs of those of our names that the run's search found.
    fn indexed(&self, aws: &Aws) -> Vec<String> {
        let region = match self.is_of_origin() {
            true => aws.region.as_str(),
            false => GLOBAL_REGION,
        };
        let arn = format!("arn:aws:acm:{region}:{}:certificate/", aws.account);
        aws.index.beginning(&arn)
    }

    /// Ours of our names, with its tags.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<Option<Found>, Error> {
        let aws = cx.aws();
        let indexed = self.ours_of(cx, self.indexed(aws)).await?;
        if indexed.is_some() {
            return Ok(indexed);
        }
        let name = self.name();
        let list = || async {
            let alike = calls::list(self.acm(aws), |names| self.is_for_our_names(names)).await?;
            Ok((!alike.is_empty()).then_some(alike))
        };
        let listed = settled(cx, self.id, &name, list).await?.unwrap_or_default();
        self.ours_of(cx, listed).await
    }

    /// Of these, the one that is issued before one that waits.
    async fn ours_of(&self, cx: &ReadCx<Aws>, arns: Vec<String>) -> Result<Option<Found>, Error> {
        let aws = cx.aws();
        let mut ours = Vec::new();
        for arn in arns {
            // Deleted since it was listed, or not to be described yet.
            let Some(detail) = calls::describe(self.acm(aws), &arn).await? else {
                continue;
            };
            if !self.is_for_our_names(&detail.subject_alternative_names) {
                continue;
            }
            let (ownership, name) = (&self.stack.ownership, self.name());
            let read = || calls::tags(self.acm(aws), &arn);
            let tagged = indexed_tags(cx, ownership, self.id, &name, &arn, read).await?;
            // In us-east-1 both are in one list.
            if tagged.owner == Owner::Ours && kind(&tagged.tags) == self.id {
                ours.push((detail, tagged.tags));
            }
        }
        let order = |status: &str| [PENDING, ISSUED].iter().position(|known| *known == status);
        Ok(ours.into_iter().max_by_key(|(detail, _)| order(&detail.status)))
    }

    async fn live(
        &self,
        aws: &Aws,
        detail: CertificateDetail,
        tags: BTreeMap<String, String>,
        zones: &Zones,
    ) -> Result<LiveCertificate, Error> {
        let mut records = Vec::new();
        for option in detail.domain_validation_options {
            let Some(record) = option.resource_record else { continue };
            let zone = zones.get(&option.domain_name).cloned().flatten();
            let seen = match &zone {
                None => SeenRecord::Missing,
                Some(zone) => seen_record(aws, zone, &record).await?,
            };
            records.push(Validation { record, zone, seen });
        }
        Ok(LiveCertificate {
            arn: detail.certificate_arn,
            status: detail.status,
            failure: detail.failure_reason,
            records,
            tags,
        })
    }

    async fn request(&self, cx: &WriteCx<Aws>) -> Result<String, Error> {
        // With the token of a run that lost the answer ACM makes no second one within the hour.
        let earlier = cx.read().intents(self.id, TOKEN).pop();
        let token = earlier.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        cx.intend(TOKEN, &*token).await?;
        let names = self.names();
        let mut tags = self.stack.ownership.tags(self.id);
        tags.insert(NAMES.to_owned(), self.name());
        let asked = RequestCertificate {
            domain_name: names.first().copied().unwrap_or_default(),
            subject_alternative_names: names.get(1..).unwrap_or_default(),
            idempotency_token: &token,
            validation_method: "DNS",
            tags: calls::tags_of(tags),
        };
        let call = async {
            let acm = self.acm(cx.aws());
            let answer = acm.request_certificate(&asked).await;
            answer.explain(&format!("request a certificate for {}", names.join(", ")))
        };
        let made = own_work::create(cx, &self.name(), call, async |_| Ok(Owner::Nobody)).await?;
        let arn = made.ours(&self.title())?;
        arn.ok_or_else(|| Error::failed("could not request a certificate").because("ACM gives no ARN"))
    }

    /// A new one, once it tells the records of all its names.
    async fn wait_shown(&self, cx: &WriteCx<Aws>, arn: &str, zones: &Zones) -> Result<LiveCertificate, Error> {
        let aws = cx.read().aws();
        let wait = Wait::new("ACM to tell the certificate's records", 3, SHOWING);
        let detail = cx.wait(&wait, || async {
            polled(calls::describe(self.acm(aws), arn).await.map(|found| match found {
                Some(detail) if calls::tells_records(&detail) => Poll::Ready(detail),
                _ => Poll::NotYet("its records do not show yet".to_owned()),
            }))
        });
        let detail = detail.await?;
        self.live(aws, detail, BTreeMap::new(), zones).await
    }

    /// Writes these records; each was shown.
    async fn set_records(&self, cx: &WriteCx<Aws>, live: &LiveCertificate) -> Result<(), Error> {
        let missing = live.records.iter().filter(|record| record.is_missing_in_a_zone());
        let mut written = BTreeSet::new();
        for one in missing {
            let Some(zone) = &one.zone else { continue };
            // A name and its wildcard have the same.
            if !written.insert(&one.record.name) {
                continue;
            }
            let set = zones::cname(&one.record.name, &one.record.value);
            match zones::change(cx, zone, Action::Create, std::slice::from_ref(&set)).await {
                Ok(change) => zones::wait_in_sync(cx, zone, &change).await?,
                // An earlier try whose answer was lost may have written it.
                Err(error) if error.is_code("InvalidChangeBatch") => {
                    if seen_record(cx.read().aws(), zone, &one.record).await? != SeenRecord::Set {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn wait_issued(&self, cx: &WriteCx<Aws>, mut live: LiveCertificate) -> Result<LiveCertificate, Failure> {
        let (aws, arn) = (cx.read().aws(), live.arn.clone());
        let elsewhere = live.elsewhere();
        let limits = if elsewhere.is_empty() { LIMITS } else { ELSEWHERE };
        let seen = match elsewhere.is_empty() {
            true => format!("{PENDING}: ACM looks for its records"),
            false => format!("{PENDING}: set at your DNS provider: {}", elsewhere.join("; ")),
        };
        let wait = Wait::new("ACM to issue the certificate", 10, limits);
        let waited = cx.wait(&wait, || async {
            polled(calls::describe(self.acm(aws), &arn).await.map(|found| match found {
                None => Poll::NotYet("not visible yet".to_owned()),
                Some(detail) => match detail.status.as_str() {
                    ISSUED => Poll::Ready(()),
                    PENDING => Poll::NotYet(seen.clone()),
                    _ => Poll::Failed(given_up(&detail)),
                },
            }))
        });
        match waited.await {
            Ok(()) => {
                live.status = ISSUED.to_owned();
                Ok(live)
            }
            Err(error) => Err(Failure::from(explained(error, &live)).leaving(live.leftover(), false)),
        }
    }

    /// Makes it, or goes on with one that waits, until it can be used.
    async fn finish(&self, cx: &WriteCx<Aws>, live: LiveCertificate) -> Result<LiveCertificate, Failure> {
        let left = |error: Error| Failure::from(error).leaving(live.leftover(), false);
        self.set_records(cx, &live).await.map_err(left)?;
        if !self.is_of_origin() {
            cx.publish(&REQUESTED, live.arn.clone());
        }
        match live.status == ISSUED {
            true => Ok(live),
            false => self.wait_issued(cx, live).await,
        }
    }

    /// Another certificate of the account may count on the same record: it is the account's own for a name.
    async fn is_shared(
        &self,
        cx: &WriteCx<Aws>,
        live: &LiveCertificate,
        record: &ResourceRecord,
    ) -> Result<bool, Error> {
        let aws = cx.read().aws();
        let host = record
            .name
            .trim_end_matches('.')
            .split_once('.')
            .map_or("", |(_, host)| host);
        let has = |names: &[String]| names.iter().any(|name| name.trim_start_matches("*.") == host);
        let others = calls::list_everywhere(aws, has).await?;
        Ok(others.iter().any(|arn| *arn != live.arn))
    }

    /// Takes its records out of the zones.
    async fn remove_records(&self, cx: &WriteCx<Aws>, live: &LiveCertificate) -> Result<(), Error> {
        let mut removed = BTreeSet::new();
        for one in live.records.iter().filter(|record| record.seen == SeenRecord::Set) {
            let (Some(zone), true) = (&one.zone, removed.insert(&one.record.name)) else {
                continue;
            };
            if self.is_shared(cx, live, &one.record).await? {
                cx.step(format!(
                    "the record {} stays: another certificate needs it",
                    one.record.name
                ));
                continue;
            }
            let sets = zones::records(cx.read().aws(), zone, &one.record.name).await?;
            let own = sets.into_iter().find(|set| zones::is_cname_to(set, &one.record.value));
            if let Some(own) = own {
                let change = zones::change(cx, zone, Action::Delete, &[own]).await?;
                zones::wait_in_sync(cx, zone, &change).await?;
            }
        }
        Ok(())
    }
}

async fn seen_record(aws: &Aws, zone: &Zone, record: &ResourceRecord) -> Result<SeenRecord, Error> {
    let sets = zones::records(aws, zone, &record.name).await?;
    Ok(match sets.first() {
        None => SeenRecord::Missing,
        Some(_) if sets.iter().any(|set| zones::is_cname_to(set, &record.value)) => SeenRecord::Set,
        Some(other) => SeenRecord::Other(zones::told(other)),
    })
}

fn given_up(detail: &CertificateDetail) -> Error {
    let error = Error::failed("ACM does not issue the certificate");
    let status = detail.status.clone();
    match &detail.failure_reason {
        None => error.because(status),
        Some(reason) => error.because(format!("{status}: {reason}")),
    }
}

/// The way on where it was waited for long enough.
fn explained(error: Error, live: &LiveCertificate) -> Error {
    if error.kind != Kind::Deadline {
        return error;
    }
    let elsewhere = live.elsewhere();
    match (
        elsewhere.is_empty(),
        live.records.first().and_then(|record| record.zone.as_ref()),
    ) {
        (false, _) => error.hint(
            Hint::from(format!("set at your DNS provider: {}; then ", elsewhere.join("; ")))
                .and_run("up")
                .and(" goes on"),
        ),
        (true, Some(zone)) => error.hint(
            Hint::from(format!(
                "see that whoever the domain is registered with names the name servers of the zone {} ({}); then ",
                zone.name, zone.id
            ))
            .and_run("up")
            .and(" goes on"),
        ),
        (true, None) => error,
    }
}

impl Resource for Certificate {
    type Live = LiveCertificate;
    type Place = Zones;
    type Step = CertificateStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        self.id
    }

    /// Its names cannot be changed: with others it is another one.
    fn name(&self) -> String {
        self.names().join(" ")
    }

    fn title(&self) -> String {
        let names = self.names().join(", ");
        match self.is_of_origin() {
            true => format!("certificate of the load balancer for {names}"),
            false => format!("certificate for {names}"),
        }
    }

    /// Their record is set by one, and taken away by the same when the other is gone.
    fn needs(&self) -> Vec<&'static str> {
        match self.is_of_origin() {
            true => vec![REQUESTED.name],
            false => Vec::new(),
        }
    }

    fn gives(&self) -> Vec<&'static str> {
        match self.is_of_origin() {
            true => vec![ORIGIN_CERTIFICATE.name],
            false => vec![CERTIFICATE.name, REQUESTED.name],
        }
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveCertificate, Zones>, Error> {
        let zones = zones::find(cx.aws(), &self.stack.profile).await?;
        Ok(match self.find(cx).await? {
            None => Observed::Absent(zones),
            Some((detail, tags)) => Observed::Present {
                live: self.live(cx.aws(), detail, tags, &zones).await?,
                owner: Owner::Ours,
            },
        })
    }

    fn plan(&self, seen: &Observed<LiveCertificate, Zones>, _: &Values) -> Plan<CertificateStep> {
        let Some((live, _)) = seen.live() else {
            return Plan::Create;
        };
        let other = live.records.iter().find_map(|record| match &record.seen {
            SeenRecord::Other(told) => Some((told, record)),
            _ => None,
        });
        if let Some((told, record)) = other {
            return Plan::blocked(
                format!("its record is to be {}, and the zone has {told}", record.line()),
                "take that record away, or let domain.zone be `none` and set it yourself",
            );
        }
        let mut steps: Vec<_> = tag_steps(&self.stack, self.id, &live.tags)
            .into_iter()
            .map(CertificateStep::Tag)
            .collect();
        let missing = live.records.iter().filter(|record| record.is_missing_in_a_zone());
        let mut written = BTreeSet::new();
        let missing = missing.filter(|one| written.insert(&one.record.name));
        let records = missing.map(|one| CertificateStep::Record {
            name: one.record.name.clone(),
            value: one.record.value.clone(),
        });
        match live.status.as_str() {
            ISSUED => steps.extend(records),
            PENDING => {
                steps.extend(records);
                steps.push(CertificateStep::Follow);
            }
            "VALIDATION_TIMED_OUT" | "FAILED" => {
                let status = live
                    .failure
                    .clone()
                    .map_or(live.status.clone(), |why| format!("{}: {why}", live.status));
                steps = vec![CertificateStep::RequestAnew { status }];
            }
            // Renewed by ACM itself while its records are there.
            status => {
                return Plan::blocked(
                    format!("ACM says that the certificate {} is {status}", live.arn),
                    Hint::from("see why in ACM's console; with other names, as with --set domain.also=NAME, ")
                        .and_run("up")
                        .and(" requests another one"),
                );
            }
        }
        Plan::of(steps)
    }

    fn notices(&self, seen: &Observed<LiveCertificate, Zones>) -> Vec<Notice> {
        let live = seen.live().map(|(live, _)| live);
        let waits = live.filter(|live| live.status == PENDING && !live.elsewhere().is_empty());
        let notice = waits.map(|live| {
            let text = format!(
                "the {} waits for this at your DNS provider: {}",
                self.title(),
                live.elsewhere().join("; ")
            );
            Notice::new(text)
        });
        notice.into_iter().collect()
    }

    fn publish(&self, live: &LiveCertificate, values: &mut Values) {
        let output = match self.is_of_origin() {
            true => &ORIGIN_CERTIFICATE,
            false => &CERTIFICATE,
        };
        if live.status == ISSUED {
            values.set(output, live.arn.clone());
        }
        if !self.is_of_origin() {
            values.set(&REQUESTED, live.arn.clone());
        }
    }

    async fn create(&self, cx: &WriteCx<Aws>, zones: Zones) -> Result<LiveCertificate, Failure> {
        let arn = self.request(cx).await?;
        let live = self.wait_shown(cx, &arn, &zones).await;
        let live = live.map_err(|error| Failure::from(error).leaving(format!("certificate {arn}"), false))?;
        self.finish(cx, live).await
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveCertificate,
        steps: Vec<CertificateStep>,
    ) -> Result<LiveCertificate, Failure> {
        let mut tags = Vec::new();
        for step in steps {
            match step {
                CertificateStep::Tag(tag) => tags.push(tag),
                CertificateStep::RequestAnew { .. } => {
                    // Never used: what was not issued no distribution takes.
                    calls::delete(cx, |aws| self.acm(aws), &live.arn, RELEASE).await?;
                    let zones = zones::find(cx.read().aws(), &self.stack.profile).await?;
                    return self.create(cx, zones).await;
                }
                CertificateStep::Record { .. } | CertificateStep::Follow => {}
            }
        }
        if !tags.is_empty() {
            let (acm, arn) = (self.acm(cx.aws()), &live.arn);
            let doing = &format!("tag the certificate {arn}");
            let untag = |tags| async move {
                let untagged = acm.remove_tags_from_certificate(arn, &calls::tags_of(tags)).await;
                untagged.explain(doing).map(drop)
            };
            let tag = |tags| async move {
                let tagged = acm.add_tags_to_certificate(arn, &calls::tags_of(tags)).await;
                tagged.explain(doing).map(drop)
            };
            let read = || calls::tags(self.acm(cx.read().aws()), arn);
            change_tags(cx, (&self.title(), &self.name()), &tags, untag, tag, read).await?;
        }
        self.finish(cx, live).await
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveCertificate) -> Result<(), Failure> {
        let left = |error: Error| Failure::from(error).leaving(live.leftover(), false);
        // Before the certificate: nothing else tells that they are ours.
        self.remove_records(cx, &live).await.map_err(left)?;
        calls::delete(cx, |aws| self.acm(aws), &live.arn, RELEASE)
            .await
            .map_err(left)
    }
}
