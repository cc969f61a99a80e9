//! Certificates of ACM: requested, validated by a DNS record that their owner has to set, and in use.
//! Must know nothing of JSON, and nothing of TLS.
//!
//! What AWS says of them (ACM user guide: dns-validation, acm-certificate-characteristics; botocore's model of acm):
//! - the record of a name is the same for an account in every region, and that of `*.NAME` is that of `NAME`;
//! - it shows some seconds after the request;
//! - "it can take up to 30 minutes" from the record to ISSUED; without it a request is given up after 72 hours;
//! - the same idempotency token within an hour asks for nothing new.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::quotas::GLOBAL_REGION;
use super::{Item, Refusal, State, Tags, World, ids};

/// From the request until DescribeCertificate tells the record, in sandbox time.
const RECORD_SHOWS: SignedDuration = SignedDuration::from_secs(5);
/// From the moment in which ACM sees all records until the certificate is issued: usually minutes.
const ISSUING: SignedDuration = SignedDuration::from_secs(60);
/// How often it looks, in seconds of sandbox time.
const BETWEEN_LOOKS: u64 = 10;
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(72);
const TOKEN_COUNTS: SignedDuration = SignedDuration::from_hours(1);
/// How long an issued one is good (ACM user guide, since 2026).
pub const VALIDITY: SignedDuration = SignedDuration::from_hours(198 * 24);

/// Those of one region.
#[derive(Debug, Default, Clone)]
pub struct Certificates {
    /// By ARN.
    pub all: BTreeMap<String, Certificate>,
}

#[derive(Debug, Clone)]
pub struct Certificate {
    pub arn: String,
    /// The first of the names.
    pub domain_name: String,
    pub names: Vec<String>,
    pub key_algorithm: String,
    pub transparency: String,
    pub created: Timestamp,
    pub issued: Option<Timestamp>,
    pub tags: Tags,
    /// When all records were there.
    validated: Option<Timestamp>,
    token: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub domain_name: String,
    pub alternative_names: Vec<String>,
    pub key_algorithm: String,
    pub transparency: String,
    pub token: Option<String>,
    pub tags: Tags,
}

/// The CNAME by which ACM is told that a name is its owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    pub name: String,
    pub value: String,
}

impl Certificate {
    pub fn status(&self, now: Timestamp) -> &'static str {
        match self.issued {
            Some(_) => "ISSUED",
            None if now >= self.created + GIVEN_UP => "VALIDATION_TIMED_OUT",
            None => "PENDING_VALIDATION",
        }
    }

    /// The record of one of its names; `None` while it does not show yet.
    pub fn validation(&self, account: &str, name: &str, now: Timestamp) -> Option<Validation> {
        (now >= self.created + RECORD_SHOWS).then(|| validation(account, name))
    }

    /// Whether it is good for that name: a wildcard stands for one label.
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|own| match own.strip_prefix("*.") {
            Some(rest) => name.split_once('.').is_some_and(|(_, parent)| parent == rest),
            None => own == name,
        })
    }
}

/// The record of a name, which is the account's own.
pub fn validation(account: &str, name: &str) -> Validation {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let digits = |what: &str| {
        let digest = Sha256::digest(format!("{account}/{base}/{what}"));
        hex::encode(digest)[..32].to_owned()
    };
    Validation {
        name: format!("_{}.{base}.", digits("name")),
        value: format!("_{}.jddtvkljgg.acm-validations.aws.", digits("value")),
    }
}

impl Certificates {
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get(&self, arn: &str) -> Result<&Certificate, Refusal> {
        self.all.get(arn).ok_or_else(|| not_found(arn))
    }

    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_mut(&mut self, arn: &str) -> Result<&mut Certificate, Refusal> {
        self.all.get_mut(arn).ok_or_else(|| not_found(arn))
    }

    pub fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("acm", region);
        let all = self.all.values();
        all.map(|one| item("certificate", &one.arn, &one.domain_name, &one.tags))
            .collect()
    }

    /// The one that this token asked for not long ago.
    fn asked_before(&self, request: &Request, now: Timestamp) -> Option<&Certificate> {
        let token = request.token.as_deref()?;
        self.all.values().find(|one| {
            let same = one.token.as_deref() == Some(token) && one.domain_name == request.domain_name;
            same && now < one.created + TOKEN_COUNTS
        })
    }
}

fn not_found(arn: &str) -> Refusal {
    let account = arn.split(':').nth(4).unwrap_or_default();
    let text = format!("Could not find certificate {arn} in account {account}.");
    Refusal::new("ResourceNotFoundException", text)
}

impl State {
    /// Asks for a certificate; its ARN comes at once.
    pub fn request_certificate(&mut self, region: &str, request: Request, now: Timestamp) -> String {
        let account = self.account.clone();
        let certificates = &mut self.region(region).certificates;
        if let Some(before) = certificates.asked_before(&request, now) {
            return before.arn.clone();
        }
        let arn = format!("arn:aws:acm:{region}:{account}:certificate/{}", ids::uuid());
        let mut names = vec![request.domain_name.clone()];
        for name in request.alternative_names {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let certificate = Certificate {
            arn: arn.clone(),
            domain_name: request.domain_name,
            names,
            key_algorithm: request.key_algorithm,
            transparency: request.transparency,
            created: now,
            issued: None,
            tags: request.tags,
            validated: None,
            token: request.token,
        };
        certificates.all.insert(arn.clone(), certificate);
        arn
    }

    /// The ARNs of what uses a certificate, or has used it a moment ago.
    pub fn users_of_certificate(&self, arn: &str, now: Timestamp) -> Vec<String> {
        let all = self.distributions.all.values();
        let users = all.filter(|distribution| {
            let served = distribution.served(now);
            let mut both = served.into_iter().chain([&distribution.configuration]);
            both.any(|configuration| configuration.certificate_arn == arn)
        });
        let users = users.map(|distribution| distribution.arn.clone());
        let listeners = self.regions().flat_map(|here| here.balancing.listeners.values());
        let showing = listeners.filter(|listener| listener.tls.as_ref().is_some_and(|tls| tls.certificate_arn == arn));
        users
            .chain(showing.map(|listener| listener.load_balancer_arn.clone()))
            .collect()
    }

    /// # Errors
    /// `ResourceNotFoundException`; `ResourceInUseException` while a distribution or a listener has it, or ACM does not know yet that none does.
    pub fn delete_certificate(&mut self, region: &str, arn: &str, now: Timestamp) -> Result<(), Refusal> {
        self.region(region).certificates.get(arn)?;
        let is_used = !self.users_of_certificate(arn, now).is_empty();
        if is_used || self.distributions.is_held(arn, now) {
            let text = format!("Certificate {arn} in account {} is in use.", self.account);
            return Err(Refusal::new("ResourceInUseException", text));
        }
        self.region(region).certificates.all.remove(arn);
        Ok(())
    }

    /// The certificate of a name that CloudFront takes: issued, in its one region.
    pub fn viewer_certificate(&self, arn: &str, now: Timestamp) -> Option<&Certificate> {
        let mut regions = self.regions();
        let global = regions.find(|region| region.name == GLOBAL_REGION)?;
        let found = global.certificates.all.get(arn)?;
        (found.status(now) == "ISSUED").then_some(found)
    }

    /// Looks whether the records of those that wait are there.
    fn look_at_records(&mut self, now: Timestamp) {
        let account = self.account.clone();
        let (zones, regions) = (&self.zones, &mut self.regions);
        let mut issued = Vec::new();
        for region in regions.values_mut() {
            for one in region.certificates.all.values_mut() {
                if one.status(now) != "PENDING_VALIDATION" {
                    continue;
                }
                let is_set = |name: &String| {
                    let wanted = validation(&account, name);
                    zones
                        .cname(&wanted.name, now)
                        .is_some_and(|value| value == wanted.value)
                };
                match one.validated {
                    // It is looked at once: what is taken away later counts for the renewal only.
                    None if one.names.iter().all(is_set) => one.validated = Some(now),
                    Some(validated) if now >= validated + ISSUING => {
                        one.issued = Some(now);
                        issued.push((one.arn.clone(), validated));
                    }
                    _ => {}
                }
            }
        }
        for (arn, validated) in issued {
            self.life_cycles.passed("certificate", &arn, "issued", validated, now);
        }
    }
}

/// Runs for ever: ACM looks whether the records are there.
pub fn run(world: &Arc<World>) {
    world.look_every(BETWEEN_LOOKS, look);
}

/// Looks now.
pub fn look(world: &World) {
    let now = world.clock.now();
    world.lock().look_at_records(now);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fakes::Fake;
    use crate::zones::RecordSet;

    fn asked(fake: &Fake, region: &str, names: &[&str]) -> String {
        let request = Request {
            domain_name: names[0].to_owned(),
            alternative_names: names[1..].iter().map(|name| (*name).to_owned()).collect(),
            ..Request::default()
        };
        let now = fake.world.clock.now();
        fake.world.lock().request_certificate(region, request, now)
    }

    fn status(fake: &Fake, region: &str, arn: &str) -> &'static str {
        let now = fake.world.clock.now();
        fake.world
            .lock()
            .region(region)
            .certificates
            .get(arn)
            .unwrap()
            .status(now)
    }

    fn pass(fake: &Fake, seconds: u64) {
        fake.world.clock.skip(Duration::from_secs(seconds));
        look(&fake.world);
    }

    #[test]
    fn one_record_validates_a_name_in_every_region_and_its_wildcard_too() {
        let fake = Fake::at(1.0);
        let here = asked(&fake, "us-east-1", &["example.org", "*.example.org"]);
        let there = asked(&fake, "eu-west-1", &["example.org"]);
        pass(&fake, 600);
        assert_eq!(status(&fake, "us-east-1", &here), "PENDING_VALIDATION");
        let record = validation(crate::fakes::ACCOUNT, "*.example.org");
        fake.world.lock().zones.set_elsewhere(&record.name, &record.value);
        pass(&fake, 0);
        assert_eq!(
            status(&fake, "us-east-1", &here),
            "PENDING_VALIDATION",
            "seen, and not issued yet"
        );
        pass(&fake, 61);
        assert_eq!(status(&fake, "us-east-1", &here), "ISSUED");
        assert_eq!(status(&fake, "eu-west-1", &there), "ISSUED");
        let now = fake.world.clock.now();
        let state = fake.world.lock();
        assert!(state.viewer_certificate(&here, now).is_some());
        assert!(state.viewer_certificate(&there, now).is_none(), "of another region");
        let found = state.viewer_certificate(&here, now).unwrap();
        assert!(found.covers("www.example.org") && !found.covers("a.b.example.org") && !found.covers("org"));
    }

    #[test]
    fn a_record_in_a_zone_counts_once_the_change_is_everywhere() {
        let fake = Fake::at(1.0);
        let arn = asked(&fake, "us-east-1", &["events.example.org"]);
        let record = validation(crate::fakes::ACCOUNT, "events.example.org");
        let now = fake.world.clock.now();
        {
            let mut state = fake.world.lock();
            let zone = state.zones.create("example.org", "one", "", now).unwrap().0.id;
            let set = RecordSet::cname(&record.name, &record.value, 300);
            state
                .zones
                .change(&zone, vec![(crate::zones::Action::Create, set)], now)
                .unwrap();
        }
        look(&fake.world);
        pass(&fake, 61);
        assert_eq!(status(&fake, "us-east-1", &arn), "PENDING_VALIDATION");
        pass(&fake, 61);
        assert_eq!(status(&fake, "us-east-1", &arn), "ISSUED");
    }

    #[test]
    fn without_its_record_a_request_is_given_up_after_three_days() {
        let fake = Fake::at(1.0);
        let arn = asked(&fake, "us-east-1", &["example.org"]);
        pass(&fake, 72 * 3600);
        assert_eq!(status(&fake, "us-east-1", &arn), "VALIDATION_TIMED_OUT");
    }

    #[test]
    fn the_same_token_asks_for_nothing_new_within_an_hour() {
        let fake = Fake::at(1.0);
        let ask = |fake: &Fake| {
            let request = Request {
                domain_name: "example.org".to_owned(),
                token: Some("t".to_owned()),
                ..Request::default()
            };
            let now = fake.world.clock.now();
            fake.world.lock().request_certificate("us-east-1", request, now)
        };
        let first = ask(&fake);
        assert_eq!(ask(&fake), first);
        pass(&fake, 3601);
        assert_ne!(ask(&fake), first);
    }
}
