//! What a listener needs for HTTPS: a certificate of its own region, and a policy that says which TLS it speaks.
//! Must know nothing of the wire, nor of handshakes. Codes: botocore's model of elbv2; texts as public logs have them.

use jiff::Timestamp;

use super::certificates::Certificate;
use super::{Refusal, State};

/// What an HTTPS listener has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTls {
    pub certificate_arn: String,
    /// `ELBSecurityPolicy-…`
    pub policy: String,
}

/// The policy of a listener of which none is said.
const USUAL: &str = "ELBSecurityPolicy-2016-08";

/// Names, and whether TLS 1.2 and 1.3 are spoken (ELB guide, describe-ssl-policies). Of what is older the sandbox has nothing.
const POLICIES: &[(&str, bool, bool)] = &[
    (USUAL, true, false),
    ("ELBSecurityPolicy-TLS-1-2-2017-01", true, false),
    ("ELBSecurityPolicy-FS-1-2-Res-2020-10", true, false),
    ("ELBSecurityPolicy-TLS13-1-0-2021-06", true, true),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", true, true),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", false, true),
];

impl ListenerTls {
    /// Whether it speaks TLS 1.2, and 1.3.
    pub fn versions(&self) -> (bool, bool) {
        let known = POLICIES.iter().find(|(name, ..)| *name == self.policy);
        known.map_or((false, false), |(_, second, third)| (*second, *third))
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::new("ValidationError", text)
}

impl State {
    /// What a listener of that protocol is asked to have; a certificate that was issued a moment ago ELB may not know yet, or not as an
    /// issued one (hashicorp/terraform-provider-aws#41789).
    ///
    /// # Errors
    /// `CertificateNotFound`, `UnsupportedCertificate`, `SSLPolicyNotFound`, `ValidationError`.
    pub fn listener_tls(
        &mut self,
        region: &str,
        protocol: &str,
        certificates: &[String],
        policy: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<ListenerTls>, Refusal> {
        if protocol == "HTTP" {
            return match certificates.is_empty() && policy.is_none() {
                true => Ok(None),
                false => Err(invalid(
                    "Certificates and an SSL policy cannot be specified for HTTP listeners",
                )),
            };
        }
        let [arn] = certificates else {
            return Err(invalid(match certificates {
                [] => "A certificate must be specified for HTTPS listeners",
                _ => "You must specify exactly one certificate",
            }));
        };
        let policy = policy.unwrap_or(USUAL);
        if !POLICIES.iter().any(|(name, ..)| *name == policy) {
            let text = format!("SSL policy '{policy}' not found");
            return Err(Refusal::new("SSLPolicyNotFound", text));
        }
        let as_of = self.as_of(now);
        let known = self.region(region).certificates.seen(as_of);
        let certificate = known.all.get(arn).ok_or_else(|| {
            let text = format!("Certificate '{arn}' not found");
            Refusal::new("CertificateNotFound", text)
        })?;
        if certificate.status(now) != "ISSUED" {
            let text = format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size."
            );
            return Err(Refusal::new("UnsupportedCertificate", text));
        }
        Ok(Some(ListenerTls {
            certificate_arn: arn.clone(),
            policy: policy.to_owned(),
        }))
    }

    /// The certificate that a listener of the region shows.
    pub fn listener_certificate(&self, region: &str, tls: &ListenerTls) -> Option<&Certificate> {
        let mut regions = self.regions();
        let here = regions.find(|here| here.name == region)?;
        here.certificates.all.get(&tls.certificate_arn)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::certificates::{Request, look, validation};
    use crate::fakes::{ACCOUNT, Fake};

    fn asked(fake: &Fake, region: &str) -> String {
        let request = Request {
            domain_name: "events.example.org".to_owned(),
            ..Request::default()
        };
        let now = fake.world.clock.now();
        fake.world.lock().request_certificate(region, request, now)
    }

    #[test]
    fn a_listener_takes_an_issued_certificate_of_its_region_and_a_policy_that_there_is() {
        let fake = Fake::at(1.0);
        let (here, elsewhere) = (asked(&fake, "eu-west-1"), asked(&fake, "us-east-1"));
        let tls = |arns: &[&String], policy: Option<&str>| {
            let arns: Vec<String> = arns.iter().map(|arn| (*arn).clone()).collect();
            let now = fake.world.clock.now();
            let found = fake.world.lock().listener_tls("eu-west-1", "HTTPS", &arns, policy, now);
            found.map_err(|refusal| refusal.code)
        };
        assert_eq!(tls(&[&here], None).unwrap_err(), "UnsupportedCertificate");
        let record = validation(ACCOUNT, "events.example.org");
        fake.world.lock().zones.set_elsewhere(&record.name, &record.value);
        look(&fake.world);
        fake.world.clock.skip(Duration::from_secs(61));
        look(&fake.world);
        let usual = tls(&[&here], None).unwrap().unwrap();
        assert_eq!((usual.policy.as_str(), usual.versions()), (USUAL, (true, false)));
        let newest = tls(&[&here], Some("ELBSecurityPolicy-TLS13-1-3-2021-06"))
            .unwrap()
            .unwrap();
        assert_eq!(newest.versions(), (false, true));
        for (arns, policy, code) in [
            (vec![&elsewhere], None, "CertificateNotFound"),
            (vec![], None, "ValidationError"),
            (vec![&here, &here], None, "ValidationError"),
            (vec![&here], Some("ELBSecurityPolicy-2099-01"), "SSLPolicyNotFound"),
        ] {
            assert_eq!(tls(&arns, policy).unwrap_err(), code);
        }
        let now = fake.world.clock.now();
        let mut state = fake.world.lock();
        assert_eq!(state.listener_tls("eu-west-1", "HTTP", &[], None, now), Ok(None));
        assert!(state.listener_tls("eu-west-1", "HTTP", &[here], None, now).is_err());
    }
}
