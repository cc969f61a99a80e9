//! VPCs and their attributes, and what the account has of them.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::Vpc;
use crate::world::{Refusal, World};

fn vpc_view(vpc: &Vpc, account: &str, state: &str) -> m::Vpc {
    m::Vpc {
        cidr_block: Some(vpc.cidr.clone()),
        cidr_block_association_set: Some(vec![first_block(vpc)].into()),
        dhcp_options_id: Some("default".to_owned()),
        instance_tenancy: Some("default".to_owned()),
        is_default: Some(vpc.is_default),
        owner_id: Some(account.to_owned()),
        state: Some(state.to_owned()),
        tags: Some(tag_list(&vpc.tags)),
        vpc_id: Some(vpc.id.clone()),
        ..m::Vpc::default()
    }
}

/// A VPC's first block is one of its associations; Ansible's `ec2_vpc_net` waits for it.
fn first_block(vpc: &Vpc) -> m::VpcCidrBlockAssociation {
    m::VpcCidrBlockAssociation {
        association_id: Some(vpc.id.replacen("vpc-", "vpc-cidr-assoc-", 1)),
        cidr_block: Some(vpc.cidr.clone()),
        cidr_block_state: Some(m::VpcCidrBlockState {
            state: Some("associated".to_owned()),
            ..m::VpcCidrBlockState::default()
        }),
    }
}

pub(super) fn create_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.create_default_vpc(&call.region)?;
    let result = m::CreateDefaultVpcResult {
        vpc: network.vpcs.get(&id).map(|vpc| vpc_view(vpc, &account, "pending")),
    };
    Ok(wire::serialize_create_default_vpc_response(&result).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeVpcsRequest = call.query()?;
    let ids = request.vpc_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let vpcs = &seen_network(world, &mut state, call).vpcs;
    all_known(
        ids.as_ref(),
        |id| vpcs.contains_key(id),
        |id| not_found("InvalidVpcID.NotFound", "vpc ID", id),
    )?;
    let all: Vec<_> = vpcs
        .values()
        .filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id)))
        .collect();
    let names = [
        "vpc-id",
        "is-default",
        "isDefault",
        "cidr",
        "cidr-block",
        "state",
        "owner-id",
        "dhcp-options-id",
    ];
    let values = |vpc: &&Vpc, name: &str| {
        vec![match name {
            "vpc-id" => vpc.id.clone(),
            "is-default" | "isDefault" => vpc.is_default.to_string(),
            "state" => "available".to_owned(),
            "owner-id" => account.clone(),
            "dhcp-options-id" => "default".to_owned(),
            _ => vpc.cidr.clone(),
        }]
    };
    let chosen = filters::select(all, request.filters, &names, values, |vpc| vpc.tags.clone())?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeVpcsResult {
        next_token,
        vpcs: Some(
            chosen
                .into_iter()
                .map(|vpc| vpc_view(vpc, &account, "available"))
                .collect(),
        ),
    };
    Ok(wire::serialize_describe_vpcs_response(&result).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteVpcRequest = call.query()?;
    world.lock().region(&call.region).delete_vpc(&request.vpc_id)?;
    Ok(wire::serialize_delete_vpc_response().into())
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateVpcRequest = call.query()?;
    let tags = specified(request.tag_specifications);
    let cidr = request.cidr_block.unwrap_or_default();
    let mut state = world.lock();
    let account = state.account.clone();
    let vpc = state.region(&call.region).network.create_vpc(&cidr, tags)?;
    let result = m::CreateVpcResult {
        vpc: Some(vpc_view(vpc, &account, "pending")),
    };
    Ok(wire::serialize_create_vpc_response(&result).into())
}

pub(super) fn describe_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeVpcAttributeRequest = call.query()?;
    let mut state = world.lock();
    let vpc = state.region(&call.region).network.vpc_mut(&request.vpc_id)?;
    let value = |value: bool| Some(m::AttributeBooleanValue { value: Some(value) });
    let mut result = m::DescribeVpcAttributeResult {
        vpc_id: Some(request.vpc_id),
        ..m::DescribeVpcAttributeResult::default()
    };
    match request.attribute.as_str() {
        "enableDnsHostnames" => result.enable_dns_hostnames = value(vpc.dns_hostnames),
        "enableDnsSupport" => result.enable_dns_support = value(vpc.dns_support),
        "enableNetworkAddressUsageMetrics" => result.enable_network_address_usage_metrics = value(false),
        other => {
            let text = format!("Value ({other}) for parameter attribute is invalid. Unknown attribute.");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
    }
    Ok(wire::serialize_describe_vpc_attribute_response(&result).into())
}

pub(super) fn modify_attribute(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyVpcAttributeRequest = call.query()?;
    let mut state = world.lock();
    let vpc = state.region(&call.region).network.vpc_mut(&request.vpc_id)?;
    let given = |attribute: Option<m::AttributeBooleanValue>| attribute.and_then(|it| it.value);
    vpc.dns_hostnames = given(request.enable_dns_hostnames).unwrap_or(vpc.dns_hostnames);
    vpc.dns_support = given(request.enable_dns_support).unwrap_or(vpc.dns_support);
    Ok(wire::serialize_modify_vpc_attribute_response().into())
}

pub(super) fn describe_account_attributes(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeAccountAttributesRequest = call.query()?;
    let wanted = request.attribute_names.map(|list| list.items);
    let mut state = world.lock();
    let default = state
        .region(&call.region)
        .network
        .default_vpc()
        .map(|vpc| vpc.id.clone());
    let attributes = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", default.unwrap_or_else(|| "none".to_owned())),
    ];
    let attributes = attributes.into_iter().filter(|(name, _)| {
        wanted
            .as_ref()
            .is_none_or(|names| names.iter().any(|wanted| wanted == name))
    });
    let view = |(name, value): (&str, String)| m::AccountAttribute {
        attribute_name: Some(name.to_owned()),
        attribute_values: Some(
            vec![m::AccountAttributeValue {
                attribute_value: Some(value),
            }]
            .into(),
        ),
    };
    let result = m::DescribeAccountAttributesResult {
        account_attributes: Some(attributes.map(view).collect()),
    };
    Ok(wire::serialize_describe_account_attributes_response(&result).into())
}
