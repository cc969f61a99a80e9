//! Regions, their availability zones, and the instance types that those offer.
//! Must know nothing of what lies in them.

use crate::Refusal;

/// The regions that are on in every account.
pub const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// `us-east-1a`.
    pub name: String,
    /// `use1-az1`.
    pub id: String,
}

/// The zones of a region: six in us-east-1, three elsewhere. Their ids do not go by their letters, which are each account's
/// own (RAM user guide, working-with-az-ids).
pub fn zones(region: &str) -> Vec<Zone> {
    let numbers: &[(char, u8)] = match region {
        "us-east-1" => &[('a', 6), ('b', 1), ('c', 2), ('d', 4), ('e', 3), ('f', 5)],
        _ => &[('a', 2), ('b', 3), ('c', 1)],
    };
    let zone = |(letter, number): &(char, u8)| Zone {
        name: format!("{region}{letter}"),
        id: format!("{}-az{number}", short(region)),
    };
    numbers.iter().map(zone).collect()
}

/// What AWS calls a region (AWS General Reference, "Regional endpoints").
pub fn title(region: &str) -> Option<&'static str> {
    Some(match region {
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        "ap-northeast-3" => "Asia Pacific (Osaka)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "ca-central-1" => "Canada (Central)",
        "eu-central-1" => "Europe (Frankfurt)",
        "eu-north-1" => "Europe (Stockholm)",
        "eu-west-1" => "Europe (Ireland)",
        "eu-west-2" => "Europe (London)",
        "eu-west-3" => "Europe (Paris)",
        "sa-east-1" => "South America (Sao Paulo)",
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        _ => return None,
    })
}

/// `use1` of `us-east-1`, `apne2` of `ap-northeast-2`, as in zone ids.
fn short(region: &str) -> String {
    region
        .split('-')
        .enumerate()
        .map(|(index, part)| match (index, part) {
            (0, _) => part.to_owned(),
            (_, "northeast") => "ne".to_owned(),
            (_, "southeast") => "se".to_owned(),
            _ => part.chars().take(1).collect(),
        })
        .collect()
}

/// Instance types that the sandbox has, with virtual CPUs, MiB of memory and architecture.
pub const INSTANCE_TYPES: &[(&str, i32, i64, &str)] = &[
    ("t3.nano", 2, 512, "x86_64"),
    ("t3.micro", 2, 1024, "x86_64"),
    ("t3.small", 2, 2048, "x86_64"),
    ("t3.medium", 2, 4096, "x86_64"),
    ("t3.large", 2, 8192, "x86_64"),
    ("t3.xlarge", 4, 16384, "x86_64"),
    ("t4g.micro", 2, 1024, "arm64"),
    ("t4g.small", 2, 2048, "arm64"),
    ("c5.large", 2, 4096, "x86_64"),
    ("c5.xlarge", 4, 8192, "x86_64"),
    ("m5.large", 2, 8192, "x86_64"),
    ("m5.xlarge", 4, 16384, "x86_64"),
    ("c7i-flex.large", 2, 4096, "x86_64"),
    ("m7i-flex.large", 2, 8192, "x86_64"),
];

/// What is refused about an instance type: where it is none of these, AWS may well have it.
pub fn of_type(instance_type: &str, refusal: Refusal) -> Refusal {
    if is_known(instance_type) {
        return refusal;
    }
    refusal.of_few("instance types", INSTANCE_TYPES.iter().map(|(name, ..)| *name))
}

/// The virtual CPUs of a type.
pub fn processors(instance_type: &str) -> u32 {
    let known = INSTANCE_TYPES.iter().find(|(name, ..)| *name == instance_type);
    known.and_then(|(_, count, ..)| u32::try_from(*count).ok()).unwrap_or(2)
}

/// The architecture of a type's processors.
pub fn architecture(instance_type: &str) -> &'static str {
    let known = INSTANCE_TYPES.iter().find(|(name, ..)| *name == instance_type);
    known.map_or("x86_64", |(.., architecture)| architecture)
}

pub(crate) fn is_known(instance_type: &str) -> bool {
    INSTANCE_TYPES.iter().any(|(name, ..)| *name == instance_type)
}

/// Whether a zone has a type. us-east-1e is old: it has no t3, t4g or newer (unverified), which is why subnets have to
/// be chosen by DescribeInstanceTypeOfferings.
pub fn offers(zone: &str, instance_type: &str) -> bool {
    is_known(instance_type)
        && (zone != "us-east-1e" || instance_type.starts_with("m5.") || instance_type.starts_with("c5."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_a_title() {
        assert!(REGIONS.iter().all(|region| title(region).is_some()));
    }

    #[test]
    fn zone_ids_are_short_forms_of_the_region() {
        assert_eq!(zones("us-east-1")[0].id, "use1-az6");
        assert_eq!(zones("ap-northeast-2")[0].id, "apne2-az2");
        assert_eq!(zones("eu-central-1").len(), 3);
    }
}
