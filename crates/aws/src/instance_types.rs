//! Instance types: which zones offer them, how many vCPUs they have, and how many others run already.
//! Reads only.

use aws_sdk_ec2::types::{Filter, Instance, LocationType};

use super::Aws;
use super::errors::Explain;
use crate::engine::Error;

/// The zones of the region that offer this type.
///
/// # Errors
/// Where EC2 does not say.
pub async fn zones(aws: &Aws, instance_type: &str) -> Result<Vec<String>, Error> {
    let filter = Filter::builder().name("instance-type").values(instance_type).build();
    let offerings = aws
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone);
    let answer = offerings.filters(filter).send().await;
    let offered = answer.explain("read which zones offer the instance type")?;
    let offered = offered.instance_type_offerings.unwrap_or_default().into_iter();
    let mut zones: Vec<_> = offered.filter_map(|offer| offer.location).collect();
    zones.sort_unstable();
    Ok(zones)
}

/// vCPUs of one instance of this type, where EC2 tells.
///
/// # Errors
/// Where EC2 does not know the type.
pub async fn vcpus(aws: &Aws, instance_type: &str) -> Result<Option<i32>, Error> {
    let describe = aws.ec2.describe_instance_types().instance_types(instance_type.into());
    let answer = describe.send().await.explain("read the instance type's vCPUs")?;
    let found = answer.instance_types().first();
    Ok(found
        .and_then(|found| found.v_cpu_info())
        .and_then(|cpus| cpus.default_v_cpus()))
}

/// vCPUs of the region's On-Demand Standard instances but the environment's own.
///
/// # Errors
/// Where EC2 does not say.
pub async fn standard_running(aws: &Aws, environment: &str) -> Result<f64, Error> {
    let filter = Filter::builder().name("instance-state-name");
    let filter = filter.values("pending").values("running").build();
    let mut pages = aws.ec2.describe_instances().filters(filter).into_paginator().send();
    let mut vcpus = 0;
    while let Some(page) = pages.next().await {
        let page = page.explain("see which instances run")?;
        let instances = page
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances());
        vcpus += instances
            .filter(|one| counts(one, environment))
            .map(vcpus_of)
            .sum::<i32>();
    }
    Ok(f64::from(vcpus))
}

/// Whether an instance takes its part of the quota: families of one letter, and I's two cousins; DL, Inf, Mac and others have
/// quotas of their own (EC2 guide: ec2-on-demand-instances), as Spot has.
fn counts(instance: &Instance, environment: &str) -> bool {
    let of_environment = instance
        .tags()
        .iter()
        .any(|tag| tag.key() == Some("elasticbeanstalk:environment-name") && tag.value() == Some(environment));
    let name = instance.instance_type().map(|name| name.as_str()).unwrap_or_default();
    let family: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
    let standard = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];
    !of_environment && instance.instance_lifecycle().is_none() && standard.contains(&family.as_str())
}

fn vcpus_of(instance: &Instance) -> i32 {
    let options = instance.cpu_options();
    let of = |count: Option<i32>| count.unwrap_or(1);
    options.map_or(0, |options| of(options.core_count()) * of(options.threads_per_core()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{CpuOptions, InstanceLifecycleType, InstanceType, Tag};

    use super::*;

    fn instance(name: &str) -> aws_sdk_ec2::types::builders::InstanceBuilder {
        let options = CpuOptions::builder().core_count(2).threads_per_core(2).build();
        Instance::builder()
            .instance_type(InstanceType::from(name))
            .cpu_options(options)
    }

    #[test]
    fn others_standard_instances_take_their_part_of_the_quota_and_ours_and_other_kinds_do_not() {
        for (name, does) in [
            ("t3.micro", true),
            ("m7i-flex.large", true),
            ("im4gn.large", true),
            ("inf1.xlarge", false),
            ("mac2.metal", false),
            ("p4d.24xlarge", false),
        ] {
            assert_eq!(counts(&instance(name).build(), "Tcb-conference-env"), does, "{name}");
        }
        let spot = instance("t3.micro")
            .instance_lifecycle(InstanceLifecycleType::Spot)
            .build();
        assert!(!counts(&spot, "Tcb-conference-env"));
        let tag = Tag::builder()
            .key("elasticbeanstalk:environment-name")
            .value("Tcb-conference-env")
            .build();
        assert!(!counts(&instance("t3.micro").tags(tag).build(), "Tcb-conference-env"));
        assert_eq!(vcpus_of(&instance("t3.micro").build()), 4);
    }
}
