//! The account's quotas that a stack counts against, as Service Quotas knows them.
//! Must know nothing of how much of one is in use.

use super::Aws;
use super::clients::GLOBAL_REGION;
use super::errors::Explain;
use super::services::quotas::ServiceQuotas;
use crate::engine::{Command, Error};

/// A quota by its codes. Source: the AWS General Reference's pages of the services, whose links to Service Quotas have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub service: &'static str,
    pub code: &'static str,
    pub name: &'static str,
    /// It is the account's, and Service Quotas has it in us-east-1.
    is_global: bool,
}

const fn regional(service: &'static str, code: &'static str, name: &'static str) -> Quota {
    Quota {
        service,
        code,
        name,
        is_global: false,
    }
}

/// In vCPUs. New accounts have 5.
pub const STANDARD_VCPUS: Quota = regional(
    "ec2",
    "L-1216C47A",
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
);
pub const ADDRESSES: Quota = regional("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs");
pub const LOAD_BALANCERS: Quota = regional(
    "elasticloadbalancing",
    "L-53DA6B97",
    "Application Load Balancers per Region",
);
/// Of all load balancers of the region together; 0 until it was asked for (ELB guide, load-balancer-limits).
pub const RESERVED_UNITS: Quota = regional(
    "elasticloadbalancing",
    "L-8A66D0E6",
    "Reserved Application LCUs per Region",
);
pub const APPLICATIONS: Quota = regional("elasticbeanstalk", "L-1CEABD17", "Applications");
pub const ENVIRONMENTS: Quota = regional("elasticbeanstalk", "L-8EFC1C51", "Environments");
pub const VERSIONS: Quota = regional("elasticbeanstalk", "L-D64F1F14", "Application versions");
pub const DISTRIBUTIONS: Quota = Quota {
    is_global: true,
    ..regional("cloudfront", "L-24B04930", "Web distributions per AWS account")
};
pub const WEB_ACLS: Quota = Quota {
    is_global: true,
    ..regional(
        "wafv2",
        "L-24189897",
        "Maximum web ACLs per account in WAF for CloudFront",
    )
};

impl Quota {
    /// What the account has of it.
    ///
    /// # Errors
    /// Where Service Quotas does not say.
    pub async fn value(&self, aws: &Aws) -> Result<f64, Error> {
        let quotas: &ServiceQuotas = match self.is_global {
            true => &aws.global_quotas,
            false => &aws.quotas,
        };
        let doing = format!("read the quota {}", self.name);
        let applied = quotas.get_service_quota(self.service, self.code).await;
        // Of some only the default is known ("If the applied quota value is not available for a quota, the quota is not retrieved":
        // API reference, ListServiceQuotas).
        let answer = match applied.or_absent(&["NoSuchResourceException"], &doing)? {
            Some(answer) => answer,
            None => {
                let default = quotas.get_aws_default_service_quota(self.service, self.code).await;
                default.explain(&doing)?
            }
        };
        let value = answer.quota.and_then(|quota| quota.value);
        value.ok_or_else(|| Error::failed(format!("could not {doing}")).because("Service Quotas gave no value"))
    }

    /// How more of it is asked for.
    pub fn ask_for(&self, value: f64) -> Command {
        let ask = Command::aws("service-quotas request-service-quota-increase --service-code").arg(self.service);
        let ask = ask.arg("--quota-code").arg(self.code).arg("--desired-value").arg(value);
        match self.is_global {
            true => ask.arg("--region").arg(GLOBAL_REGION),
            false => ask,
        }
    }
}
