//! What EC2 offers: regions, zones, instance types, images, managed prefix lists.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::list;
use super::filters;
use super::requests::{Filter, Listing, named};
use crate::protocols::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::compute::images::{self, Image};
use crate::world::gates::FREE_TYPES;
use crate::world::network::security_groups::{CLOUDFRONT_ENTRIES, cloudfront_prefix_list};
use crate::world::network::zones::{self, Zone};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeRegions {
    region_name: Vec<String>,
    all_regions: Option<bool>,
    filter: Vec<Filter>,
}

pub(super) fn describe_regions(call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeRegions = call.query()?;
    let refuse = |name: &str| Refusal::new("InvalidParameterValue", format!("Invalid region provided: {name}"));
    let all = named(zones::REGIONS.to_vec(), &request.region_name, |name| name, refuse)?;
    let by = |region: &&str, name: &str| {
        vec![match name {
            "region-name" => (*region).to_owned(),
            "endpoint" => format!("ec2.{region}.amazonaws.com"),
            _ => "opt-in-not-required".to_owned(),
        }]
    };
    let names = ["region-name", "endpoint", "opt-in-status"];
    let chosen = filters::select(all, request.filter, &names, by, filters::no_tags)?;
    let view = |region: &str| {
        json!({
            "optInStatus": "opt-in-not-required",
            "regionEndpoint": format!("ec2.{region}.amazonaws.com"),
            "regionName": region,
        })
    };
    Ok(list(call, "regionInfo", (chosen, None), view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeAvailabilityZones {
    zone_name: Vec<String>,
    zone_id: Vec<String>,
    all_availability_zones: Option<bool>,
    filter: Vec<Filter>,
}

const ZONE_FILTERS: &[&str] = &[
    "zone-name",
    "zone-id",
    "region-name",
    "state",
    "zone-type",
    "opt-in-status",
    "group-name",
];

/// The group that all zones of a region are in which are no local ones.
fn zone_group(region: &str) -> String {
    format!("{region}-zg-1")
}

pub(super) fn describe_zones(call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeAvailabilityZones = call.query()?;
    let refuse = |name: &str| Refusal::new("InvalidParameterValue", format!("Invalid availability zone: [{name}]"));
    let all = named(
        zones::zones(&call.region),
        &request.zone_name,
        |zone| &zone.name,
        refuse,
    )?;
    let all = named(all, &request.zone_id, |zone| &zone.id, refuse)?;
    let by = |zone: &Zone, name: &str| {
        vec![match name {
            "zone-name" => zone.name.clone(),
            "zone-id" => zone.id.clone(),
            "state" => "available".to_owned(),
            "zone-type" => "availability-zone".to_owned(),
            "opt-in-status" => "opt-in-not-required".to_owned(),
            "group-name" => zone_group(&call.region),
            _ => call.region.clone(),
        }]
    };
    let chosen = filters::select(all, request.filter, ZONE_FILTERS, by, filters::no_tags)?;
    let view = |zone: Zone| {
        json!({
            "groupLongName": zones::title(&call.region).map(|title| format!("{title} 1")),
            "groupName": zone_group(&call.region),
            "messageSet": [],
            "networkBorderGroup": call.region,
            "optInStatus": "opt-in-not-required",
            "regionName": call.region,
            "zoneId": zone.id,
            "zoneName": zone.name,
            "zoneState": "available",
            "zoneType": "availability-zone",
        })
    };
    Ok(list(call, "availabilityZoneInfo", (chosen, None), view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeInstanceTypeOfferings {
    location_type: Option<String>,
    filter: Vec<Filter>,
    max_results: Option<i32>,
    next_token: Option<String>,
}

/// By region, zone or zone id; the region has a type where one of its zones has.
pub(super) fn describe_offerings(call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeInstanceTypeOfferings = call.query()?;
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
    let names = ["instance-type", "location"];
    let chosen = filters::select(all, request.filter, &names, by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(instance_type, location): (&str, String)| json!({ "instanceType": instance_type, "location": location, "locationType": location_type });
    Ok(list(call, "instanceTypeOfferingSet", page, view))
}

const TYPE_FILTERS: &[&str] = &[
    "instance-type",
    "current-generation",
    "processor-info.supported-architecture",
    "vcpu-info.default-vcpus",
    "free-tier-eligible",
];

pub(super) fn describe_types(call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let refuse = |name: &str| {
        let text = format!("The following supplied instance types do not exist: [{name}]");
        zones::of_type(name, Refusal::new("InvalidInstanceType", text))
    };
    let all = named(
        zones::INSTANCE_TYPES.to_vec(),
        &request.names,
        |(name, ..)| name,
        refuse,
    )?;
    let by = |(name, vcpus, _, architecture): &(&str, i32, i64, &str), filter: &str| {
        vec![match filter {
            "instance-type" => (*name).to_owned(),
            "current-generation" => "true".to_owned(),
            "free-tier-eligible" => FREE_TYPES.contains(name).to_string(),
            "vcpu-info.default-vcpus" => vcpus.to_string(),
            _ => (*architecture).to_owned(),
        }]
    };
    let chosen = filters::select(all, request.filter, TYPE_FILTERS, by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |(name, vcpus, memory, architecture): (&str, i32, i64, &str)| {
        json!({
            "bareMetal": false,
            "burstablePerformanceSupported": name.starts_with('t'),
            "currentGeneration": true,
            "freeTierEligible": FREE_TYPES.contains(&name),
            "hypervisor": "nitro",
            "instanceType": name,
            "memoryInfo": { "sizeInMiB": memory },
            "processorInfo": { "supportedArchitectures": [architecture] },
            "vCpuInfo": { "defaultVCpus": vcpus },
        })
    };
    Ok(list(call, "instanceTypeSet", page, view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeImages {
    image_id: Vec<String>,
    owner: Vec<String>,
    filter: Vec<Filter>,
    max_results: Option<i32>,
    next_token: Option<String>,
}

pub(super) fn describe_images(call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeImages = call.query()?;
    let refuse = |id: &str| Refusal::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"));
    let mut all = named(images::all().collect(), &request.image_id, |image| image.id, refuse)?;
    let owners = request.owner;
    let by_amazon = owners.is_empty() || owners.iter().any(|owner| owner == "amazon" || owner == "self");
    all.retain(|_| by_amazon);
    let by = |image: &&Image, name: &str| {
        let value = match name {
            "image-id" => image.id,
            "architecture" => image.architecture,
            "state" => "available",
            _ => image.name,
        };
        vec![value.to_owned()]
    };
    let names = ["image-id", "architecture", "state", "name"];
    let chosen = filters::select(all, request.filter, &names, by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "imagesSet", page, image_view))
}

fn image_view(image: &Image) -> Value {
    json!({
        "architecture": image.architecture,
        "imageId": image.id,
        "imageOwnerAlias": "amazon",
        "imageState": "available",
        "isPublic": true,
        "name": image.name,
        "virtualizationType": "hvm",
    })
}

pub(super) fn describe_prefix_lists(call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let name = "com.amazonaws.global.cloudfront.origin-facing";
    let refuse = |id: &str| {
        let text = format!("The prefix list ID '{id}' does not exist");
        Refusal::new("InvalidPrefixListID.NotFound", text)
    };
    let all = named(
        vec![cloudfront_prefix_list(&call.region)],
        &request.ids,
        |id| id,
        refuse,
    )?;
    let by = |list: &String, filter: &str| {
        vec![match filter {
            "prefix-list-id" => list.clone(),
            "owner-id" => "AWS".to_owned(),
            _ => name.to_owned(),
        }]
    };
    let names = ["prefix-list-id", "prefix-list-name", "owner-id"];
    let chosen = filters::select(all, request.filter, &names, by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |id: String| {
        json!({
            "addressFamily": "IPv4",
            "maxEntries": CLOUDFRONT_ENTRIES,
            "ownerId": "AWS",
            "prefixListArn": format!("arn:aws:ec2:{}:aws:prefix-list/{id}", call.region),
            "prefixListId": id,
            "prefixListName": name,
            "state": "create-complete",
            "tagSet": [],
        })
    };
    Ok(list(call, "prefixListSet", page, view))
}
