//! A fault as somebody asks for it: what it hits, what goes wrong there, and how often.
//! Must know nothing of requests under way.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::protocols::call::Call;
use crate::proxy::glob;
use crate::services::{self, permission_prefix};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Refused as by the service that is asked too often.
    Throttle,
    /// Refused as by a service that fails: 500 or 503.
    Error,
    /// The connection is closed, and nothing was done.
    CutBefore,
    /// It is done, and the connection is closed without an answer.
    CutAfter,
    /// It is done, and the connection is closed in the middle of the answer's body.
    Truncate,
    /// It is done later.
    Delay,
    /// It waits until it is released.
    Hold,
    /// Refused as by policies that do not allow it.
    Deny,
}

const KINDS: [(&str, FaultKind); 8] = [
    ("throttle", FaultKind::Throttle),
    ("error", FaultKind::Error),
    ("cut-before", FaultKind::CutBefore),
    ("cut-after", FaultKind::CutAfter),
    ("truncate", FaultKind::Truncate),
    ("delay", FaultKind::Delay),
    ("hold", FaultKind::Hold),
    ("deny", FaultKind::Deny),
];

impl FaultKind {
    /// As it is written.
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }
}

impl FromStr for FaultKind {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let known = KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        known.ok_or_else(|| {
            let names = KINDS.map(|(name, _)| name).join(", ");
            BadFault(format!("'{text}' is no kind of fault; there are {names}"))
        })
    }
}

/// Where a request is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Nothing is done until it goes on.
    #[default]
    Before,
    /// It is done, and the answer waits.
    After,
}

impl FromStr for When {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        match text {
            "before" => Ok(Self::Before),
            "after" => Ok(Self::After),
            other => Err(BadFault(format!(
                "'{other}' is no moment to hold a request at; there are before and after"
            ))),
        }
    }
}

/// A fault that the sandbox is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `iam:CreateRole`, `iam:*`, `s3:PutObject:*/journal*`.
    pub hits: String,
    pub kind: FaultKind,
    /// From the N-th request on that it could hit, counted from 1 since it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How likely it hits each, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What the draws are made of: the same seed hits the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many it hits at most. With `nth` one, else any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Of a throttle: so many pass in a second of real time, as a table or an account allows; those above are hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Of a delay: real seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
    /// Of an error: 500 or 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Of a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// Why a fault is none. Says what would be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFault(String);

/// Longest delay: an hour.
const LONGEST: f64 = 3600.0;

impl Fault {
    /// # Errors
    /// Where it could never hit anything, or asks for what its kind does not have.
    pub fn check(&self) -> Result<(), BadFault> {
        Pattern::read(&self.hits)?;
        let kind = self.kind.name();
        let refuse = |reason: String| Err(BadFault(reason));
        if self.nth == Some(0) {
            return refuse("nth is 0: requests are counted from 1".to_owned());
        }
        if self.times == Some(0) {
            return refuse("times is 0, which hits nothing: leave it out for any number".to_owned());
        }
        match self.probability {
            Some(chance) if !(0.0..=1.0).contains(&chance) => {
                return refuse(format!("probability is {chance}: it goes from 0 to 1"));
            }
            Some(_) if self.nth.is_some() => {
                return refuse("nth and probability exclude each other: say one of them".to_owned());
            }
            None if self.seed.is_some() => {
                return refuse("seed is of a probability: say one, from 0 to 1".to_owned());
            }
            _ => {}
        }
        self.check_above()?;
        match (self.kind, self.after) {
            (FaultKind::Delay, Some(seconds)) if seconds > 0.0 && seconds <= LONGEST => {}
            (FaultKind::Delay, _) => {
                return refuse(format!(
                    "a delay says after how many real seconds, more than 0 and up to {LONGEST}: after"
                ));
            }
            (_, Some(_)) => return refuse(format!("after is of kind delay, not of {kind}")),
            (_, None) => {}
        }
        if self.when.is_some() && self.kind != FaultKind::Hold {
            return refuse(format!("when is of kind hold, not of {kind}"));
        }
        match (self.kind, self.status) {
            (FaultKind::Error, None | Some(500 | 503)) | (_, None) => Ok(()),
            (FaultKind::Error, Some(other)) => refuse(format!("status is {other}: there are 500 and 503")),
            (_, Some(_)) => refuse(format!("status is of kind error, not of {kind}")),
        }
    }

    fn check_above(&self) -> Result<(), BadFault> {
        let refuse = |reason: String| Err(BadFault(reason));
        match self.above {
            None => Ok(()),
            Some(_) if self.kind != FaultKind::Throttle => {
                refuse(format!("above is of kind throttle, not of {}", self.kind.name()))
            }
            Some(_) if self.nth.is_some() || self.probability.is_some() => {
                refuse("above decides by itself what is hit: say neither nth nor probability".to_owned())
            }
            Some(above) if above.is_finite() && above > 0.0 => Ok(()),
            Some(above) => refuse(format!("above is {above}: so many a second pass, more than 0")),
        }
    }

    /// The number of requests that it hits at most.
    pub(super) fn limit(&self) -> u64 {
        self.times.or(self.nth.map(|_| 1)).unwrap_or(u64::MAX)
    }

    /// Whether it takes a permission away, from everybody and everywhere. Which of S3's objects it is about only requests tell.
    pub(super) fn denies_for_good(&self) -> bool {
        let always = self.nth.is_none() && self.probability.is_none() && self.times.is_none();
        self.kind == FaultKind::Deny && always && self.hits.matches(':').count() == 1
    }

    /// Whether the `met`-th request is one of those that it is about.
    pub(super) fn chooses(&self, seed: u64, met: u64) -> bool {
        match (self.nth, self.probability) {
            (Some(nth), _) => met >= nth,
            (None, Some(probability)) => draw(seed, met) < probability,
            (None, None) => true,
        }
    }
}

/// A number from 0 to below 1 that only these two decide, on every machine and in every version.
fn draw(seed: u64, met: u64) -> f64 {
    let digest = Sha256::digest([seed.to_be_bytes(), met.to_be_bytes()].concat());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // As many bits as a float holds: rounding must not make a 1 of it.
    (u64::from_be_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a fault hits, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    service: String,
    operation: String,
    /// Of S3: bucket and key.
    object: Option<String>,
}

impl Pattern {
    /// # Errors
    /// Where nothing that the sandbox has is called so.
    pub(super) fn read(text: &str) -> Result<Self, BadFault> {
        let mut parts = text.splitn(3, ':');
        let (Some(service), Some(operation)) = (parts.next(), parts.next()) else {
            return Err(BadFault(format!(
                "'{text}' does not say what is hit: write SERVICE:OPERATION, as iam:CreateRole, iam:* or s3:PutObject:*/journal*"
            )));
        };
        let pattern = Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            object: parts.next().map(str::to_owned),
        };
        let of_service: Vec<_> = services::operations_by_scope()
            .filter(|(scope, _)| pattern.is_of(scope))
            .collect();
        if of_service.is_empty() {
            return Err(BadFault(format!(
                "the sandbox has no service '{service}'; there are {}",
                services_by_name().join(", ")
            )));
        }
        if !of_service.iter().any(|(_, name)| glob::matches(operation, name)) {
            let mut names: Vec<_> = of_service.iter().map(|(_, name)| *name).collect();
            names.sort_unstable();
            return Err(BadFault(format!(
                "the sandbox has no operation '{operation}' of {service}; there are {}",
                names.join(", ")
            )));
        }
        if pattern.object.is_some() && of_service.iter().any(|(scope, _)| *scope != "s3") {
            return Err(BadFault(format!(
                "'{text}' names an object, which only operations of s3 have: s3:PutObject:BUCKET/KEY"
            )));
        }
        Ok(pattern)
    }

    /// By the name in signatures and in the request log, or by that in IAM's actions.
    fn is_of(&self, scope: &str) -> bool {
        glob::matches(&self.service, scope) || glob::matches(&self.service, permission_prefix(scope))
    }

    pub(super) fn covers(&self, call: &Call) -> bool {
        let object = || {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            path.trim_start_matches('/').to_owned()
        };
        self.is_of(&call.service)
            && glob::matches(&self.operation, &call.operation)
            && self
                .object
                .as_ref()
                .is_none_or(|pattern| glob::matches(pattern, &object()))
    }
}

/// As IAM's actions name them.
fn services_by_name() -> Vec<&'static str> {
    let mut names: Vec<_> = services::operations_by_scope()
        .map(|(scope, _)| permission_prefix(scope))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(hits: &str, kind: FaultKind) -> Fault {
        Fault {
            hits: hits.to_owned(),
            kind,
            nth: None,
            probability: None,
            seed: None,
            times: None,
            above: None,
            after: None,
            status: None,
            when: None,
        }
    }

    fn refused(fault: &Fault) -> String {
        fault.check().unwrap_err().to_string()
    }

    #[test]
    fn a_service_is_known_by_its_name_in_signatures_and_in_policies() {
        for hits in [
            "iam:CreateRole",
            "iam:*",
            "*:Create*",
            "cloudwatch:DescribeAlarms",
            "monitoring:DescribeAlarms",
            "tag:GetResources",
            "s3:PutObject:*/journal*",
            "elasticloadbalancing:DescribeLoadBalancers",
        ] {
            assert_eq!(fault(hits, FaultKind::Throttle).check(), Ok(()), "{hits}");
        }
    }

    #[test]
    fn what_could_never_hit_is_refused_with_what_could() {
        let throttled = |hits: &str| refused(&fault(hits, FaultKind::Throttle));
        assert!(throttled("CreateRole").contains("SERVICE:OPERATION"));
        let service = throttled("beanstalk:CreateEnvironment");
        assert!(
            service.contains("'beanstalk'") && service.contains("elasticbeanstalk,"),
            "{service}"
        );
        let operation = throttled("iam:CreateRoles");
        assert!(
            operation.contains("'CreateRoles'") && operation.contains(" CreateRole,"),
            "{operation}"
        );
        assert!(throttled("iam:CreateRole:mine").contains("only operations of s3"));
        assert!(throttled("*:*:mine").contains("only operations of s3"));
        assert!(
            "slow"
                .parse::<FaultKind>()
                .unwrap_err()
                .to_string()
                .contains("delay, hold")
        );
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused_by_name() {
        let iam = || fault("iam:*", FaultKind::Throttle);
        for (wrong, named) in [
            (Fault { nth: Some(0), ..iam() }, "nth is 0"),
            (
                Fault {
                    times: Some(0),
                    ..iam()
                },
                "times is 0",
            ),
            (
                Fault {
                    probability: Some(1.5),
                    ..iam()
                },
                "probability is 1.5",
            ),
            (
                Fault {
                    probability: Some(f64::NAN),
                    ..iam()
                },
                "probability is NaN",
            ),
            (
                Fault {
                    probability: Some(0.5),
                    nth: Some(1),
                    ..iam()
                },
                "exclude each other",
            ),
            (Fault { seed: Some(1), ..iam() }, "seed is of a probability"),
            (
                Fault {
                    above: Some(0.0),
                    ..iam()
                },
                "above is 0",
            ),
            (
                Fault {
                    above: Some(5.0),
                    nth: Some(1),
                    ..iam()
                },
                "say neither nth",
            ),
            (
                Fault {
                    after: Some(1.0),
                    ..iam()
                },
                "after is of kind delay",
            ),
            (
                Fault {
                    kind: FaultKind::Delay,
                    ..iam()
                },
                "a delay says after",
            ),
            (
                Fault {
                    kind: FaultKind::Delay,
                    after: Some(-1.0),
                    ..iam()
                },
                "a delay says after",
            ),
            (
                Fault {
                    status: Some(500),
                    ..iam()
                },
                "status is of kind error",
            ),
            (
                Fault {
                    kind: FaultKind::Error,
                    status: Some(200),
                    ..iam()
                },
                "status is 200",
            ),
            (
                Fault {
                    when: Some(When::After),
                    ..iam()
                },
                "when is of kind hold",
            ),
        ] {
            assert!(refused(&wrong).contains(named), "{}", refused(&wrong));
        }
    }

    #[test]
    fn the_same_seed_chooses_the_same_requests() {
        let unlikely = Fault {
            probability: Some(0.08),
            ..fault("iam:*", FaultKind::Throttle)
        };
        let chosen = |seed: u64| -> Vec<u64> { (1..=1000).filter(|met| unlikely.chooses(seed, *met)).collect() };
        assert_eq!(chosen(7), chosen(7));
        assert_ne!(chosen(7), chosen(8));
        assert!((50..=110).contains(&chosen(7).len()), "{}", chosen(7).len());
        let with = |probability| Fault {
            probability: Some(probability),
            ..unlikely.clone()
        };
        assert!((1..1000).all(|met| with(1.0).chooses(3, met) && !with(0.0).chooses(3, met)));
    }
}
