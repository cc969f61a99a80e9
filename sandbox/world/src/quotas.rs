//! Service quotas of a region: what the account may have at once. Those of global services are us-east-1's.
//! Must know nothing of who counts against them.

use std::collections::BTreeMap;

use super::beanstalk::quotas as beanstalk;

/// Where Service Quotas has those of global services.
pub const GLOBAL_REGION: &str = "us-east-1";

/// A quota as Service Quotas knows it. Codes, names and defaults: AWS General Reference, the pages of the services.
#[derive(Debug, PartialEq)]
pub struct Quota {
    pub service: &'static str,
    pub code: &'static str,
    pub service_name: &'static str,
    pub name: &'static str,
    pub default: f64,
    pub is_global: bool,
    /// Whether the sandbox can give more of it.
    pub is_raised: bool,
}

const EC2: &str = "Amazon Elastic Compute Cloud (Amazon EC2)";
const BEANSTALK: &str = "AWS Elastic Beanstalk";

/// In vCPUs. AWS's default is 5; the sandbox's user is taken for somebody who has asked for more.
pub const STANDARD_VCPUS: Quota = quota(
    ("ec2", "L-1216C47A", EC2),
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    64,
);
pub const ADDRESSES: Quota = quota(("ec2", "L-0263D0A3", EC2), "EC2-VPC Elastic IPs", 5);
pub const LOAD_BALANCERS: Quota = quota(
    ("elasticloadbalancing", "L-53DA6B97", "Elastic Load Balancing (ELB)"),
    "Application Load Balancers per Region",
    50,
);
/// Capacity units of all load balancers together. Nobody has any before he has asked for them.
pub const RESERVED_UNITS: Quota = quota(
    ("elasticloadbalancing", "L-8A66D0E6", "Elastic Load Balancing (ELB)"),
    "Reserved Application LCUs per Region",
    0,
);
pub const DISTRIBUTIONS: Quota = Quota {
    is_global: true,
    ..quota(
        ("cloudfront", "L-24B04930", "Amazon CloudFront"),
        "Web distributions per AWS account",
        500,
    )
};
/// The page has it for each Region; what counts against it is made in us-east-1 alone.
pub const WEB_ACLS: Quota = Quota {
    is_global: true,
    ..quota(
        ("wafv2", "L-24189897", "AWS WAF"),
        "Maximum web ACLs per account in WAF for CloudFront",
        100,
    )
};
const APPLICATIONS: Quota = fixed("L-1CEABD17", "Applications", beanstalk::APPLICATIONS);
const ENVIRONMENTS: Quota = fixed("L-8EFC1C51", "Environments", beanstalk::ENVIRONMENTS);
const VERSIONS: Quota = fixed("L-D64F1F14", "Application versions", beanstalk::VERSIONS);

const KNOWN: [Quota; 9] = [
    STANDARD_VCPUS,
    ADDRESSES,
    LOAD_BALANCERS,
    RESERVED_UNITS,
    DISTRIBUTIONS,
    WEB_ACLS,
    APPLICATIONS,
    ENVIRONMENTS,
    VERSIONS,
];

const fn quota(
    (service, code, service_name): (&'static str, &'static str, &'static str),
    name: &'static str,
    default: usize,
) -> Quota {
    Quota {
        service,
        code,
        service_name,
        name,
        default: default as f64,
        is_global: false,
        is_raised: true,
    }
}

const fn fixed(code: &'static str, name: &'static str, most: usize) -> Quota {
    Quota {
        is_raised: false,
        ..quota(("elasticbeanstalk", code, BEANSTALK), name, most)
    }
}

/// What the account has in one region.
#[derive(Debug)]
pub struct Quotas {
    /// vCPUs of running on-demand standard instances.
    pub standard_vcpus: f64,
    /// By code, where it is not the default.
    raised: BTreeMap<&'static str, f64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            standard_vcpus: STANDARD_VCPUS.default,
            raised: BTreeMap::new(),
        }
    }
}

/// The quota of these codes, as the region knows it.
pub fn find(region: &str, service: &str, code: &str) -> Option<Quota> {
    let is_there = |quota: &Quota| !quota.is_global || region == GLOBAL_REGION;
    let mut known = KNOWN.into_iter();
    known.find(|quota| (quota.service, quota.code) == (service, code) && is_there(quota))
}

/// Codes of all that are counted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().map(|quota| quota.code)
}

impl Quotas {
    pub fn value(&self, quota: &Quota) -> f64 {
        match quota.code == STANDARD_VCPUS.code {
            true => self.standard_vcpus,
            false => self.raised.get(quota.code).copied().unwrap_or(quota.default),
        }
    }

    /// As if the request had been granted at once; on AWS it takes minutes to days.
    pub fn raise(&mut self, quota: &Quota, value: f64) {
        match quota.code == STANDARD_VCPUS.code {
            true => self.standard_vcpus = value,
            false => {
                self.raised.insert(quota.code, value);
            }
        }
    }

    /// Whether there is room for one more beside these.
    pub fn has_room(&self, quota: &Quota, present: usize) -> bool {
        present as f64 + 1.0 <= self.value(quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_of_a_global_service_is_us_east_1s_and_one_that_was_raised_gives_room() {
        assert!(find("eu-west-1", "cloudfront", DISTRIBUTIONS.code).is_none());
        assert_eq!(find("us-east-1", "cloudfront", DISTRIBUTIONS.code), Some(DISTRIBUTIONS));
        assert_eq!(find("us-east-1", "wafv2", WEB_ACLS.code), Some(WEB_ACLS));
        assert!(find("eu-west-1", "ec2", "L-00000000").is_none());
        let mut quotas = Quotas::default();
        assert!(quotas.has_room(&ADDRESSES, 4) && !quotas.has_room(&ADDRESSES, 5));
        quotas.raise(&ADDRESSES, 6.0);
        assert!(quotas.has_room(&ADDRESSES, 5) && !quotas.has_room(&ADDRESSES, 6));
    }
}
