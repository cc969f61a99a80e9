//! What AWS's partitions lack of what a stack needs: told before anything is made.
//! Data only: calls nobody.

use crate::aws::partitions;
use crate::engine::Error;
use crate::profile::Profile;

/// Partitions where Beanstalk has endpoints. Source: botocore's endpoints.json of 2026.
const WITH_BEANSTALK: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// Partitions where a distribution with CloudFront's own name and a web ACL in front of it can be. GovCloud has no CloudFront
/// (botocore's endpoints.json); in China a distribution answers only to a domain of one's own with an ICP number, and has no
/// web ACL (Getting Started with Amazon Web Services in China: CloudFront, WAF).
const WITH_EDGE: [&str; 1] = ["aws"];

/// Whether the region's partition has all that the profile needs.
///
/// # Errors
/// What it lacks, and the way out.
pub fn has_what_it_needs(profile: &Profile, region: &str) -> Result<(), Error> {
    let partition = partitions::of_region(region).name;
    let lacks = |what: &str, hint: &str| {
        Error::refused(format!(
            "the partition {partition}, which {region} is in, has no {what} for it"
        ))
        .hint(hint)
    };
    if !WITH_BEANSTALK.contains(&partition) {
        return Err(lacks(
            "Elastic Beanstalk",
            "choose a region of another partition, as --region eu-central-1",
        ));
    }
    if profile.cdn.enabled && !WITH_EDGE.contains(&partition) {
        return Err(lacks(
            "CloudFront distribution with a web ACL",
            "leave them out with --set cdn.enabled=false: the site answers at its load balancer",
        ));
    }
    Ok(())
}

/// Whether credentials of the caller's partition are known in the region: each partition has accounts of its own.
///
/// # Errors
/// Where they are of another.
pub fn is_of_caller(caller: &str, region: &str) -> Result<(), Error> {
    let (wanted, own) = (
        partitions::of_region(region).name,
        caller.split(':').nth(1).unwrap_or_default(),
    );
    if own.is_empty() || own == wanted {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{region} is in the partition {wanted}, but the credentials are of an account in {own}"
    ))
    .hint("take credentials of that partition with --aws-profile NAME, or another --region"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacking(region: &str, cdn: bool) -> Option<String> {
        let mut profile = Profile::default();
        profile.cdn.enabled = cdn;
        has_what_it_needs(&profile, region).err().map(|error| error.message)
    }

    #[test]
    fn a_partition_that_lacks_a_service_is_named_with_it() {
        assert_eq!(lacking("eu-west-1", true), None);
        for region in ["us-gov-west-1", "cn-north-1"] {
            assert!(lacking(region, true).unwrap().contains("CloudFront"), "{region}");
            assert_eq!(lacking(region, false), None, "{region}");
        }
        let german = lacking("eusc-de-east-1", false).unwrap();
        assert!(
            german.contains("aws-eusc") && german.contains("Elastic Beanstalk"),
            "{german}"
        );
    }

    #[test]
    fn an_account_is_in_one_partition() {
        assert!(is_of_caller("arn:aws:iam::111122223333:user/ann", "eu-west-1").is_ok());
        assert!(is_of_caller("arn:aws-cn:iam::111122223333:user/ann", "cn-north-1").is_ok());
        let wrong = is_of_caller("arn:aws:sts::111122223333:assumed-role/ci/me", "us-gov-west-1").unwrap_err();
        assert!(wrong.message.contains("aws-us-gov"), "{wrong:?}");
    }
}
