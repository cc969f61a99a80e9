//! AWS's partitions: what a region's ARNs begin with, and where its endpoints are.
//! Must know nothing of services.
//!
//! Source: botocore's partitions.json.

/// A part of AWS with accounts, ARNs and names of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// As in ARNs.
    pub name: &'static str,
    /// What its regions begin with.
    regions: &'static [&'static str],
    pub dns_suffix: &'static str,
    /// Of endpoints that answer by IPv6 too.
    pub dual_stack_suffix: &'static str,
}

const fn partition(
    name: &'static str,
    regions: &'static [&'static str],
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
) -> Partition {
    Partition {
        name,
        regions,
        dns_suffix,
        dual_stack_suffix,
    }
}

const AWS: Partition = partition("aws", &[], "amazonaws.com", "api.aws");

const OTHERS: &[Partition] = &[
    partition("aws-cn", &["cn-"], "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("aws-us-gov", &["us-gov-"], "amazonaws.com", "api.aws"),
    partition("aws-eusc", &["eusc-"], "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("aws-iso", &["us-iso-"], "c2s.ic.gov", "api.aws.ic.gov"),
    partition("aws-iso-b", &["us-isob-"], "sc2s.sgov.gov", "api.aws.scloud"),
    partition("aws-iso-e", &["eu-isoe-"], "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    partition("aws-iso-f", &["us-isof-"], "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// The partition of a region; a region that nothing is known of is taken to be in `aws`, as AWS's SDKs take it.
pub fn of_region(region: &str) -> &'static Partition {
    let is_of = |partition: &&Partition| partition.regions.iter().any(|prefix| region.starts_with(prefix));
    OTHERS.iter().find(is_of).unwrap_or(&AWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_is_in_its_partition() {
        for (region, name, suffix) in [
            ("eu-west-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("xx-new-1", "aws", "amazonaws.com"),
        ] {
            let partition = of_region(region);
            assert_eq!((partition.name, partition.dns_suffix), (name, suffix), "{region}");
        }
    }
}
