//! What EC2 offers: regions, zones, instance types, images, managed prefix lists.

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters};
use crate::gateway::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::compute::images::{self, Image};
use crate::world::gates::FREE_TYPES;
use crate::world::network::security_groups::CLOUDFRONT_ENTRIES;
use crate::world::network::zones::{self, Zone};

/// CloudFront's way to an origin, by which a security group can admit nothing else. Ids are AWS's own, of two regions;
/// in the others one is made up.
fn cloudfront_prefix_list(region: &str) -> String {
    match region {
        "us-east-1" => "pl-3b927c52".to_owned(),
        "eu-west-1" => "pl-4fa04526".to_owned(),
        other => format!(
            "pl-{:08x}",
            other
                .bytes()
                .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        ),
    }
}

pub(super) fn describe_regions(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeRegionsRequest = call.query()?;
    let names = request.region_names.map(|list| list.items);
    let refuse = |name: &str| Refusal::new("InvalidParameterValue", format!("Invalid region provided: {name}"));
    all_known(names.as_ref(), |name| zones::REGIONS.contains(&name), refuse)?;
    let wanted = |name: &&&str| names.as_ref().is_none_or(|names| names.iter().any(|it| it == **name));
    let all: Vec<_> = zones::REGIONS.iter().filter(wanted).copied().collect();
    let by = |region: &&str, name: &str| {
        vec![match name {
            "region-name" => (*region).to_owned(),
            "endpoint" => format!("ec2.{region}.amazonaws.com"),
            _ => "opt-in-not-required".to_owned(),
        }]
    };
    let chosen = filters::select(
        all,
        request.filters,
        &["region-name", "endpoint", "opt-in-status"],
        by,
        filters::no_tags,
    )?;
    let view = |region: &str| m::Region {
        endpoint: Some(format!("ec2.{region}.amazonaws.com")),
        geography: None,
        opt_in_status: Some("opt-in-not-required".to_owned()),
        region_name: Some(region.to_owned()),
    };
    let result = m::DescribeRegionsResult {
        regions: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_regions_response(&result).into())
}

pub(super) fn describe_zones(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAvailabilityZonesRequest = call.query()?;
    let names = request.zone_names.map(|list| list.items);
    let ids = request.zone_ids.map(|list| list.items);
    let mut all = zones::zones(&call.region);
    let refuse = |name: &str| Refusal::new("InvalidParameterValue", format!("Invalid availability zone: [{name}]"));
    all_known(names.as_ref(), |name| all.iter().any(|zone| zone.name == name), refuse)?;
    all_known(ids.as_ref(), |id| all.iter().any(|zone| zone.id == id), refuse)?;
    all.retain(|zone| {
        names.as_ref().is_none_or(|names| names.contains(&zone.name))
            && ids.as_ref().is_none_or(|ids| ids.contains(&zone.id))
    });
    let known = [
        "zone-name",
        "zone-id",
        "region-name",
        "state",
        "zone-type",
        "opt-in-status",
        "group-name",
    ];
    let by = |zone: &Zone, name: &str| {
        vec![match name {
            "zone-name" => zone.name.clone(),
            "zone-id" => zone.id.clone(),
            "state" => "available".to_owned(),
            "zone-type" => "availability-zone".to_owned(),
            "opt-in-status" => "opt-in-not-required".to_owned(),
            _ => call.region.clone(),
        }]
    };
    let chosen = filters::select(all, request.filters, &known, by, filters::no_tags)?;
    let view = |zone: Zone| m::AvailabilityZone {
        group_name: Some(call.region.clone()),
        messages: Some(Vec::new().into()),
        network_border_group: Some(call.region.clone()),
        opt_in_status: Some("opt-in-not-required".to_owned()),
        region_name: Some(call.region.clone()),
        state: Some("available".to_owned()),
        zone_id: Some(zone.id),
        zone_name: Some(zone.name),
        zone_type: Some("availability-zone".to_owned()),
        ..m::AvailabilityZone::default()
    };
    let result = m::DescribeAvailabilityZonesResult {
        availability_zones: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_availability_zones_response(&result).into())
}

/// By region, zone or zone id; the region has a type where one of its zones has.
pub(super) fn describe_offerings(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstanceTypeOfferingsRequest = call.query()?;
    let location_type = request.location_type.unwrap_or_else(|| "region".to_owned());
    let mut all = Vec::new();
    for (instance_type, ..) in zones::INSTANCE_TYPES {
        let zones = zones::zones(&call.region)
            .into_iter()
            .filter(|zone| zones::offers(&zone.name, instance_type));
        let locations: Vec<String> = match location_type.as_str() {
            "availability-zone" => zones.map(|zone| zone.name).collect(),
            "availability-zone-id" => zones.map(|zone| zone.id).collect(),
            "region" => vec![call.region.clone()],
            other => {
                let message = format!("Value ({other}) for parameter locationType is invalid.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        };
        all.extend(locations.into_iter().map(|location| (*instance_type, location)));
    }
    let by = |(instance_type, location): &(&str, String), name: &str| {
        vec![match name {
            "instance-type" => (*instance_type).to_owned(),
            _ => location.clone(),
        }]
    };
    let chosen = filters::select(
        all,
        request.filters,
        &["instance-type", "location"],
        by,
        filters::no_tags,
    )?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(instance_type, location): (&str, String)| m::InstanceTypeOffering {
        instance_type: Some(instance_type.to_owned()),
        location: Some(location),
        location_type: Some(location_type.clone()),
    };
    let result = m::DescribeInstanceTypeOfferingsResult {
        instance_type_offerings: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_instance_type_offerings_response(&result).into())
}

pub(super) fn describe_types(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeInstanceTypesRequest = call.query()?;
    let wanted = request.instance_types.map(|list| list.items);
    let refuse = |name: &str| {
        let text = format!("The following supplied instance types do not exist: [{name}]");
        zones::of_type(name, Refusal::new("InvalidInstanceType", text))
    };
    all_known(wanted.as_ref(), zones::is_known, refuse)?;
    let all: Vec<_> = zones::INSTANCE_TYPES
        .iter()
        .filter(|(name, ..)| wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|it| it == name)))
        .collect();
    let names = [
        "instance-type",
        "current-generation",
        "processor-info.supported-architecture",
        "vcpu-info.default-vcpus",
        "free-tier-eligible",
    ];
    let by = |(name, vcpus, _, architecture): &&(&str, i32, i64, &str), filter: &str| {
        vec![match filter {
            "instance-type" => (*name).to_owned(),
            "current-generation" => "true".to_owned(),
            "free-tier-eligible" => FREE_TYPES.contains(name).to_string(),
            "vcpu-info.default-vcpus" => vcpus.to_string(),
            _ => (*architecture).to_owned(),
        }]
    };
    let chosen = filters::select(all, request.filters, &names, by, filters::no_tags)?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(name, vcpus, memory, architecture): &(&str, i32, i64, &str)| m::InstanceTypeInfo {
        bare_metal: Some(false),
        burstable_performance_supported: Some(name.starts_with('t')),
        current_generation: Some(true),
        free_tier_eligible: Some(FREE_TYPES.contains(name)),
        hypervisor: Some("nitro".to_owned()),
        instance_type: Some((*name).to_owned()),
        memory_info: Some(m::MemoryInfo {
            size_in_mi_b: Some(*memory),
        }),
        processor_info: Some(m::ProcessorInfo {
            supported_architectures: Some(vec![(*architecture).to_owned()].into()),
            ..m::ProcessorInfo::default()
        }),
        v_cpu_info: Some(m::VCpuInfo {
            default_v_cpus: Some(*vcpus),
            ..m::VCpuInfo::default()
        }),
        ..m::InstanceTypeInfo::default()
    };
    let result = m::DescribeInstanceTypesResult {
        instance_types: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_instance_types_response(&result).into())
}

pub(super) fn describe_images(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeImagesRequest = call.query()?;
    let ids = request.image_ids.map(|list| list.items);
    let owners = request.owners.map(|list| list.items);
    let refuse = |id: &str| Refusal::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"));
    all_known(ids.as_ref(), |id| images::find(id).is_some(), refuse)?;
    let by_amazon = owners.is_none_or(|owners| owners.iter().any(|owner| owner == "amazon" || owner == "self"));
    let named = |image: &&Image| ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == image.id));
    let all: Vec<_> = images::all().filter(|image| by_amazon && named(image)).collect();
    let by = |image: &&Image, name: &str| {
        let value = match name {
            "image-id" => image.id,
            "architecture" => image.architecture,
            "state" => "available",
            _ => image.name,
        };
        vec![value.to_owned()]
    };
    let chosen = filters::select(
        all,
        request.filters,
        &["image-id", "architecture", "state", "name"],
        by,
        filters::no_tags,
    )?;
    let view = |image: &Image| m::Image {
        architecture: Some(image.architecture.to_owned()),
        image_id: Some(image.id.to_owned()),
        image_owner_alias: Some("amazon".to_owned()),
        name: Some(image.name.to_owned()),
        public: Some(true),
        state: Some("available".to_owned()),
        virtualization_type: Some("hvm".to_owned()),
        ..m::Image::default()
    };
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeImagesResult {
        images: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_images_response(&result).into())
}

pub(super) fn describe_prefix_lists(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeManagedPrefixListsRequest = call.query()?;
    let ids = request.prefix_list_ids.map(|list| list.items);
    let list = cloudfront_prefix_list(&call.region);
    let name = "com.amazonaws.global.cloudfront.origin-facing";
    let refuse = |id: &str| {
        Refusal::new(
            "InvalidPrefixListID.NotFound",
            format!("The prefix list ID '{id}' does not exist"),
        )
    };
    all_known(ids.as_ref(), |id| id == list, refuse)?;
    let by = |list: &String, filter: &str| {
        vec![match filter {
            "prefix-list-id" => list.clone(),
            "owner-id" => "AWS".to_owned(),
            _ => name.to_owned(),
        }]
    };
    let names = ["prefix-list-id", "prefix-list-name", "owner-id"];
    let chosen = filters::select(vec![list], request.filters, &names, by, filters::no_tags)?;
    let view = |list: String| m::ManagedPrefixList {
        address_family: Some("IPv4".to_owned()),
        max_entries: Some(CLOUDFRONT_ENTRIES.into()),
        owner_id: Some("AWS".to_owned()),
        prefix_list_arn: Some(format!("arn:aws:ec2:{}:aws:prefix-list/{list}", call.region)),
        prefix_list_id: Some(list),
        prefix_list_name: Some(name.to_owned()),
        state: Some("create-complete".to_owned()),
        tags: Some(Vec::new().into()),
        ..m::ManagedPrefixList::default()
    };
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeManagedPrefixListsResult {
        next_token,
        prefix_lists: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_managed_prefix_lists_response(&result).into())
}
