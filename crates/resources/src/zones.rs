//! Where the records of a site's names are, and what they say: the account's zones of Route 53, or another DNS provider.
//! Must know nothing of certificates and distributions.
//!
//! Records carry no tags: whose one is, its value alone can tell.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::services::route53::{Action, AliasTarget, CLOUDFRONT_ZONE, HostedZone, Record, RecordSet, Records};
use crate::engine::{Error, Limits, Poll, Wait, WriteCx};
use crate::profile::Profile;

/// A change is on all name servers "generally within 60 seconds" (Route 53 API reference, ChangeResourceRecordSets).
const SPREADING: Limits = Limits::minutes(3, 10);

/// How long resolvers keep a validation record, in seconds: what ACM's console sets.
const TTL: u64 = 300;

/// A public zone of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) id: String,
    /// Without a dot at its end.
    pub(super) name: String,
}

/// By name of the site: its zone; `None` where its records are elsewhere.
pub(super) type Zones = BTreeMap<String, Option<Zone>>;

fn zone(found: &HostedZone) -> Zone {
    Zone {
        id: found.id().to_owned(),
        name: found.name.trim_end_matches('.').to_owned(),
    }
}

fn lies_in(name: &str, zone: &str) -> bool {
    name == zone || name.ends_with(&format!(".{zone}"))
}

/// Where the records of the profile's names are.
///
/// # Errors
/// Where it cannot be read, or the profile's own zone is none that has the names.
pub(super) async fn find(aws: &Aws, profile: &Profile) -> Result<Zones, Error> {
    let names = profile.site_names().into_iter();
    match profile.domain.zone.as_str() {
        "none" => Ok(names.map(|name| (name.to_owned(), None)).collect()),
        "auto" => {
            let mut zones = Zones::new();
            for name in names {
                zones.insert(name.to_owned(), longest(aws, name, &zones).await?);
            }
            Ok(zones)
        }
        id => {
            let named = named(aws, id).await?;
            if let Some(stray) = profile.site_names().iter().find(|name| !lies_in(name, &named.name)) {
                let text = format!("{stray} does not lie in the zone {id}, which is {}", named.name);
                return Err(
                    Error::refused(text).hint("let domain.zone be `auto`, or the id of the zone that has the name")
                );
            }
            Ok(names.map(|name| (name.to_owned(), Some(named.clone()))).collect())
        }
    }
}

async fn named(aws: &Aws, id: &str) -> Result<Zone, Error> {
    let answer = aws.route53.get_hosted_zone(id).await;
    let found = answer.or_absent(&["NoSuchHostedZone"], &format!("read the hosted zone {id}"))?;
    match found {
        Some(found) if !found.is_private() => Ok(zone(&found)),
        Some(_) => Err(Error::refused(format!(
            "the hosted zone {id} is private: nobody outside of its VPC sees it"
        ))
        .hint("name the public one with --set domain.zone=ID")),
        None => Err(Error::refused(format!("the account has no hosted zone {id}"))
            .hint("let domain.zone be `auto`, or `none` where the DNS is elsewhere")),
    }
}

/// The zone with the longest name that has this one. A top-level domain has none in an account.
async fn longest(aws: &Aws, name: &str, known: &Zones) -> Result<Option<Zone>, Error> {
    let labels: Vec<&str> = name.split('.').collect();
    for first in 0..labels.len() - 1 {
        let candidate = labels[first..].join(".");
        let before = known.values().flatten().find(|zone| zone.name == candidate);
        if let Some(zone) = before {
            return Ok(Some(zone.clone()));
        }
        let zones = aws.route53.hosted_zones_of_name(&candidate).await;
        let zones = zones.explain(&format!("look for a hosted zone of {candidate}"))?;
        if let Some(found) = zones.iter().find(|zone| !zone.is_private()) {
            return Ok(Some(zone(found)));
        }
    }
    Ok(None)
}

/// All record sets of a name.
///
/// # Errors
/// Where they cannot be read.
pub(super) async fn records(aws: &Aws, zone: &Zone, name: &str) -> Result<Vec<RecordSet>, Error> {
    let sets = aws.route53.record_sets_of_name(&zone.id, name).await;
    sets.explain(&format!("read the records of {name}"))
}

pub(super) fn cname(name: &str, value: &str) -> RecordSet {
    let value = value.to_owned();
    RecordSet {
        name: name.to_owned(),
        kind: "CNAME".to_owned(),
        set_identifier: None,
        ttl: Some(TTL),
        resource_records: Records {
            resource_record: vec![Record { value }],
        },
        alias_target: None,
    }
}

/// `kind`: A or AAAA.
pub(super) fn alias(name: &str, kind: &str, distribution: &str) -> RecordSet {
    RecordSet {
        name: name.to_owned(),
        kind: kind.to_owned(),
        set_identifier: None,
        ttl: None,
        resource_records: Records::default(),
        alias_target: Some(AliasTarget {
            hosted_zone_id: CLOUDFRONT_ZONE.to_owned(),
            dns_name: distribution.to_owned(),
            evaluate_target_health: false,
        }),
    }
}

/// Whether the one value of a CNAME is this one.
pub(super) fn is_cname_to(set: &RecordSet, value: &str) -> bool {
    let values = &set.resource_records.resource_record;
    set.kind == "CNAME" && values.len() == 1 && same_name(&values[0].value, value)
}

/// The distribution's own name that an alias leads to.
pub(super) fn distribution_of(set: &RecordSet) -> Option<&str> {
    let target = set.alias_target.as_ref()?;
    let is_one = target.hosted_zone_id == CLOUDFRONT_ZONE && set.set_identifier.is_none();
    is_one.then(|| target.dns_name.trim_end_matches('.'))
}

pub(super) fn same_name(one: &str, other: &str) -> bool {
    one.trim_end_matches('.')
        .eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// What a record set says, in a line.
pub(super) fn told(set: &RecordSet) -> String {
    let value = match &set.alias_target {
        Some(target) => format!("alias {}", target.dns_name.trim_end_matches('.')),
        None => {
            let values = set.resource_records.resource_record.iter();
            values
                .map(|record| record.value.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        }
    };
    format!("{} {} {value}", set.name.trim_end_matches('.'), set.kind)
}

/// Changes record sets of one zone, all or none. Gives the change's id.
///
/// # Errors
/// Where Route 53 refuses.
pub(super) async fn change(
    cx: &WriteCx<Aws>,
    zone: &Zone,
    action: Action,
    sets: &[RecordSet],
) -> Result<String, Error> {
    cx.check()?;
    let changed = cx.aws().route53.change_record_sets(&zone.id, action, sets).await;
    let changed = changed.explain(&format!("change records of {}", zone.name))?;
    Ok(changed.id().to_owned())
}

/// Waits until every name server has a change.
///
/// # Errors
/// Where it cannot be read, or takes far too long.
pub(super) async fn wait_in_sync(cx: &WriteCx<Aws>, zone: &Zone, change: &str) -> Result<(), Error> {
    let wait = Wait::new(
        format!("the name servers of {} to have the records", zone.name),
        10,
        SPREADING,
    );
    cx.wait(&wait, || async {
        let answer = cx.read().aws().route53.get_change(change).await;
        let answer = answer.explain("see whether the name servers have the records");
        polled(answer.map(|info| match info.status.as_str() {
            "INSYNC" => Poll::Ready(()),
            _ => Poll::NotYet("PENDING: on its way to the name servers".to_owned()),
        }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_its_value_alone() {
        let ours = alias("events.example.org.", "A", "d1.cloudfront.net.");
        assert_eq!(distribution_of(&ours), Some("d1.cloudfront.net"));
        let weighted = RecordSet {
            set_identifier: Some("blue".to_owned()),
            ..ours.clone()
        };
        assert_eq!(distribution_of(&weighted), None);
        let mut balancer = ours;
        balancer.alias_target.as_mut().unwrap().hosted_zone_id = "Z35SXDOTRQ7X7K".to_owned();
        assert_eq!(distribution_of(&balancer), None);
        let validation = cname("_x.example.org.", "_Y.acm-validations.aws.");
        assert!(is_cname_to(&validation, "_y.acm-validations.aws"));
        assert!(!is_cname_to(&validation, "_z.acm-validations.aws"));
        assert_eq!(told(&validation), "_x.example.org CNAME _Y.acm-validations.aws.");
    }

    #[test]
    fn a_name_lies_in_zones_of_whole_labels_only() {
        assert!(lies_in("events.example.org", "example.org") && lies_in("example.org", "example.org"));
        assert!(!lies_in("badexample.org", "example.org"));
    }
}
