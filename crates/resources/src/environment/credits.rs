//! How burstable instances spend CPU credits: what those of a group do, and setting it for those that run. Beanstalk has no option for
//! it: what is launched later does as the account has it for the family, which is unlimited but for T2 (EC2 guide,
//! burstable-performance-instances-unlimited-mode-concepts).
//! Must know nothing of pre-scales.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use aws_sdk_ec2::types::InstanceCreditSpecificationRequest;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::{Error, Hint, WriteCx};

/// The credit option of a burstable instance (botocore: ec2, InstanceCreditSpecificationRequest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditMode {
    /// At its baseline, once its credits are spent.
    Standard,
    /// Beyond that, and charged for it.
    Unlimited,
}

impl CreditMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Unlimited => "unlimited",
        }
    }
}

impl fmt::Display for CreditMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether instances of this type earn and spend credits: those of the families that begin with T and a number.
pub fn is_burstable(instance_type: &str) -> bool {
    let rest = instance_type.strip_prefix('t').unwrap_or_default();
    rest.starts_with(|first: char| first.is_ascii_digit())
}

/// The group's burstable instances that serve.
pub(super) fn burstable(group: &AutoScalingGroup) -> Vec<String> {
    let serving = group
        .instances()
        .iter()
        .filter(|one| one.lifecycle_state() == Some(&LifecycleState::InService));
    let burstable = serving.filter(|one| one.instance_type().is_some_and(is_burstable));
    burstable
        .filter_map(|one| one.instance_id().map(str::to_owned))
        .collect()
}

/// What each does, by its id.
///
/// # Errors
/// Where EC2 does not say.
pub(super) async fn modes(aws: &Aws, instances: &[String]) -> Result<BTreeMap<String, String>, Error> {
    // Without ids EC2 would give all of the account.
    if instances.is_empty() {
        return Ok(BTreeMap::new());
    }
    let describe = aws.ec2.describe_instance_credit_specifications();
    let answer = describe.set_instance_ids(Some(instances.to_vec())).send().await;
    // Of one that ended a moment ago nothing is to be known.
    let answer = answer.or_absent(
        &["InvalidInstanceID.NotFound"],
        "read how the instances spend CPU credits",
    )?;
    let all = answer
        .and_then(|answer| answer.instance_credit_specifications)
        .unwrap_or_default();
    let pairs = all
        .into_iter()
        .filter_map(|one| Some((one.instance_id?, one.cpu_credits?)));
    Ok(pairs.collect())
}

/// Sets it for these.
///
/// # Errors
/// Where EC2 does not take it for one of them: it says so of each, with status 200.
pub(super) async fn set(cx: &WriteCx<Aws>, instances: &[String], mode: CreditMode) -> Result<(), Error> {
    cx.check()?;
    let of_one = |id: &String| {
        let request = InstanceCreditSpecificationRequest::builder();
        request.instance_id(id).cpu_credits(mode.as_str()).build()
    };
    let requests = instances.iter().map(of_one).collect();
    let modify = cx.aws().ec2.modify_instance_credit_specification();
    let answer = modify.set_instance_credit_specifications(Some(requests)).send().await;
    let answer = answer.explain(&format!("set the CPU credits of the instances to {mode}"))?;
    let Some(refused) = answer.unsuccessful_instance_credit_specifications().first() else {
        return Ok(());
    };
    let instance = refused.instance_id().unwrap_or_default();
    let why = refused.error().and_then(|error| error.message()).unwrap_or_default();
    Err(Error::failed(format!(
        "the CPU credits of the instance {instance} could not be set to {mode}"
    ))
    .because(why)
    .hint(Hint::from("run the same command again: it sets what is not set yet")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_families_of_t_and_a_number_spend_credits() {
        for (name, is) in [
            ("t3.micro", true),
            ("t4g.small", true),
            ("t2.nano", true),
            ("trn1.2xlarge", false),
            ("m5.large", false),
        ] {
            assert_eq!(is_burstable(name), is, "{name}");
        }
    }
}
