//! VPCs and their attributes, and what the account has of them.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{answer, done, list};
use super::requests::{Listing, Switch, TagSpecification, named, specified};
use super::{filters, not_found, seen_network, tags_if_any};
use crate::protocols::call::{Answer, Call};
use crate::world::network::Vpc;
use crate::world::network::interfaces::derived_id;
use crate::world::{Refusal, World};

/// The set of DHCP options that a region has from the start, which every VPC here uses.
fn dhcp_options(region: &str) -> String {
    derived_id("dopt", region)
}

fn vpc_view(vpc: &Vpc, region: &str, account: &str, state: &str) -> Value {
    // A VPC's first block is one of its associations; Ansible's `ec2_vpc_net` waits for it.
    let first_block = json!({
        "associationId": vpc.id.replacen("vpc-", "vpc-cidr-assoc-", 1),
        "cidrBlock": vpc.cidr,
        "cidrBlockState": { "state": "associated" },
    });
    json!({
        "cidrBlock": vpc.cidr,
        "cidrBlockAssociationSet": [first_block],
        "dhcpOptionsId": dhcp_options(region),
        "instanceTenancy": "default",
        "isDefault": vpc.is_default,
        "ownerId": account,
        "state": state,
        "tagSet": tags_if_any(&vpc.tags),
        "vpcId": vpc.id,
    })
}

pub(super) fn create_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.create_default_vpc(&call.region)?;
    let vpc = network
        .vpcs
        .get(&id)
        .map(|vpc| vpc_view(vpc, &call.region, &account, "pending"));
    Ok(answer(call, &json!({ "vpc": vpc })))
}

const FILTERS: &[&str] = &[
    "vpc-id",
    "is-default",
    "isDefault",
    "cidr",
    "cidr-block",
    "state",
    "owner-id",
    "dhcp-options-id",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let vpcs = &seen_network(world, &mut state, call).vpcs;
    let refuse = |id: &str| not_found("InvalidVpcID.NotFound", "vpc ID", id);
    let all = named(vpcs.values().collect(), &request.ids, |vpc| &vpc.id, refuse)?;
    let values = |vpc: &&Vpc, name: &str| {
        vec![match name {
            "vpc-id" => vpc.id.clone(),
            "is-default" | "isDefault" => vpc.is_default.to_string(),
            "state" => "available".to_owned(),
            "owner-id" => account.clone(),
            "dhcp-options-id" => dhcp_options(&call.region),
            _ => vpc.cidr.clone(),
        }]
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |vpc| vpc.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "vpcSet", page, |vpc| {
        vpc_view(vpc, &call.region, &account, "available")
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteVpc {
    vpc_id: String,
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteVpc = call.query()?;
    world.lock().region(&call.region).delete_vpc(&request.vpc_id)?;
    Ok(done(call))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CreateVpc {
    cidr_block: String,
    instance_tenancy: Option<String>,
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateVpc = call.query()?;
    let tags = specified(request.tag_specification);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let vpc = network.create_vpc(&request.cidr_block, tags)?;
    Ok(answer(
        call,
        &json!({ "vpc": vpc_view(vpc, &call.region, &account, "pending") }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeVpcAttribute {
    vpc_id: String,
    attribute: String,
}

pub(super) fn describe_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeVpcAttribute = call.query()?;
    let mut state = world.lock();
    let vpc = state.region(&call.region).network.vpc_mut(&request.vpc_id)?;
    let attribute = request.attribute.as_str();
    let value = match attribute {
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableDnsSupport" => vpc.dns_support,
        "enableNetworkAddressUsageMetrics" => false,
        other => {
            let text = format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
    };
    Ok(answer(call, &json!({ "vpcId": vpc.id, attribute: { "value": value } })))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyVpcAttribute {
    vpc_id: String,
    enable_dns_hostnames: Option<Switch>,
    enable_dns_support: Option<Switch>,
}

pub(super) fn modify_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ModifyVpcAttribute = call.query()?;
    let mut state = world.lock();
    let vpc = state.region(&call.region).network.vpc_mut(&request.vpc_id)?;
    let given = |attribute: Option<Switch>| attribute.and_then(|it| it.value);
    vpc.dns_hostnames = given(request.enable_dns_hostnames).unwrap_or(vpc.dns_hostnames);
    vpc.dns_support = given(request.enable_dns_support).unwrap_or(vpc.dns_support);
    Ok(done(call))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeAccountAttributes {
    attribute_name: Vec<String>,
}

pub(super) fn describe_account_attributes(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeAccountAttributes = call.query()?;
    let wanted = request.attribute_name;
    let mut state = world.lock();
    let default = state.region(&call.region).network.default_vpc();
    let default = default.map_or_else(|| "none".to_owned(), |vpc| vpc.id.clone());
    let attributes = [("supported-platforms", "VPC".to_owned()), ("default-vpc", default)];
    let is_wanted = |(name, _): &(&str, String)| wanted.is_empty() || wanted.iter().any(|it| it == name);
    let chosen = attributes.into_iter().filter(is_wanted).collect();
    Ok(list(
        call,
        "accountAttributeSet",
        (chosen, None),
        |(name, value)| json!({ "attributeName": name, "attributeValueSet": [{ "attributeValue": value }] }),
    ))
}
