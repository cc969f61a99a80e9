//! EC2's API: networks, instances, key pairs and launch templates.

mod addresses;
mod answer;
mod endpoints;
mod filters;
mod ids;
mod instances;
mod interfaces;
mod internet_gateways;
mod key_pairs;
mod launch_templates;
mod offers;
mod requests;
mod route_tables;
mod security_groups;
mod subnets;
mod tagging;
#[cfg(test)]
mod tests;
mod vpcs;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Operation, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::network::Network;
use crate::world::{Refusal, State, Tags, World};

/// Sources are IPv4 ranges, groups by their id, and prefix lists. Whose a group is says its id.
const PERMISSIONS: &str = "IpPermissions{IpProtocol,FromPort,ToPort,IpRanges{CidrIp,Description},\
     Groups{GroupId,UserId~,Description},PrefixListIds{PrefixListId,Description}}";

const OPERATIONS: &[Operation] = &[
    operation("AssociateRouteTable", &["RouteTableId", "SubnetId"]),
    operation("AttachInternetGateway", &["InternetGatewayId", "VpcId"]),
    operation(
        "AuthorizeSecurityGroupIngress",
        &[
            "GroupId",
            "GroupName",
            PERMISSIONS,
            "CidrIp",
            "FromPort",
            "ToPort",
            "IpProtocol",
        ],
    ),
    operation("CreateDefaultSubnet", &["AvailabilityZone"]),
    operation("CreateDefaultVpc", &[]),
    operation(
        "CreateInternetGateway",
        &["TagSpecification{ResourceType=internet-gateway,Tag{Key,Value}}"],
    ),
    operation(
        "CreateKeyPair",
        &[
            "KeyName",
            "KeyType",
            "KeyFormat",
            "TagSpecification{ResourceType=key-pair,Tag{Key,Value}}",
        ],
    ),
    operation("CreateRoute", &["RouteTableId", "DestinationCidrBlock", "GatewayId"]),
    operation(
        "CreateRouteTable",
        &[
            "VpcId",
            "ClientToken",
            "TagSpecification{ResourceType=route-table,Tag{Key,Value}}",
        ],
    ),
    operation(
        "CreateSecurityGroup",
        &[
            "GroupName",
            "GroupDescription",
            "VpcId",
            "TagSpecification{ResourceType=security-group,Tag{Key,Value}}",
        ],
    ),
    operation(
        "CreateSubnet",
        &[
            "VpcId",
            "CidrBlock",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "TagSpecification{ResourceType=subnet,Tag{Key,Value}}",
        ],
    ),
    operation("CreateTags", &["ResourceId", "Tag{Key,Value}"]),
    operation(
        "CreateVpc",
        &[
            "CidrBlock",
            "InstanceTenancy=default",
            "TagSpecification{ResourceType=vpc,Tag{Key,Value}}",
        ],
    ),
    operation(
        "CreateVpcEndpoint",
        &[
            "VpcId",
            "ServiceName",
            "VpcEndpointType",
            "RouteTableId",
            "TagSpecification{ResourceType=vpc-endpoint,Tag{Key,Value}}",
        ],
    ),
    operation("DeleteInternetGateway", &["InternetGatewayId"]),
    operation("DeleteKeyPair", &["KeyName", "KeyPairId"]),
    operation("DeleteRoute", &["RouteTableId", "DestinationCidrBlock"]),
    operation("DeleteRouteTable", &["RouteTableId"]),
    operation("DeleteSecurityGroup", &["GroupId", "GroupName"]),
    operation("DeleteSubnet", &["SubnetId"]),
    operation("DeleteTags", &["ResourceId", "Tag{Key,Value}"]),
    operation("DeleteVpc", &["VpcId"]),
    operation("DeleteVpcEndpoints", &["VpcEndpointId"]),
    operation("DescribeAccountAttributes", &["AttributeName"]),
    operation("DescribeAddresses", &["AllocationId", "PublicIp", "Filter{Name,Value}"]),
    operation(
        "DescribeAvailabilityZones",
        &["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter{Name,Value}"],
    ),
    operation(
        "DescribeIamInstanceProfileAssociations",
        &["AssociationId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeImages",
        &["ImageId", "Owner", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeInstanceStatus",
        &[
            "InstanceId",
            "IncludeAllInstances",
            "Filter{Name,Value}",
            "MaxResults",
            "NextToken",
        ],
    ),
    operation(
        "DescribeInstanceTypeOfferings",
        &["LocationType", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeInstanceTypes",
        &["InstanceType", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeInstances",
        &["InstanceId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeInternetGateways",
        &["InternetGatewayId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeKeyPairs",
        &["KeyName", "KeyPairId", "IncludePublicKey", "Filter{Name,Value}"],
    ),
    operation(
        "DescribeLaunchTemplateVersions",
        &[
            "LaunchTemplateId",
            "LaunchTemplateName",
            "LaunchTemplateVersion",
            "MaxResults",
            "NextToken",
        ],
    ),
    operation(
        "DescribeLaunchTemplates",
        &[
            "LaunchTemplateId",
            "LaunchTemplateName",
            "Filter{Name,Value}",
            "MaxResults",
            "NextToken",
        ],
    ),
    operation(
        "DescribeManagedPrefixLists",
        &["PrefixListId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeNetworkInterfaces",
        &["NetworkInterfaceId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation("DescribeRegions", &["RegionName", "AllRegions", "Filter{Name,Value}"]),
    operation(
        "DescribeRouteTables",
        &["RouteTableId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeSecurityGroupRules",
        &["SecurityGroupRuleId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeSecurityGroups",
        &["GroupId", "GroupName", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeSubnets",
        &["SubnetId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation("DescribeTags", &["Filter{Name,Value}", "MaxResults", "NextToken"]),
    operation("DescribeVpcAttribute", &["VpcId", "Attribute"]),
    operation(
        "DescribeVpcEndpoints",
        &["VpcEndpointId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation(
        "DescribeVpcs",
        &["VpcId", "Filter{Name,Value}", "MaxResults", "NextToken"],
    ),
    operation("DetachInternetGateway", &["InternetGatewayId", "VpcId"]),
    operation("DisassociateRouteTable", &["AssociationId"]),
    operation(
        "ImportKeyPair",
        &[
            "KeyName",
            "PublicKeyMaterial",
            "TagSpecification{ResourceType=key-pair,Tag{Key,Value}}",
        ],
    ),
    operation("ModifySubnetAttribute", &["SubnetId", "MapPublicIpOnLaunch{Value}"]),
    operation(
        "ModifyVpcAttribute",
        &["VpcId", "EnableDnsHostnames{Value}", "EnableDnsSupport{Value}"],
    ),
    operation(
        "RevokeSecurityGroupIngress",
        &[
            "GroupId",
            "GroupName",
            PERMISSIONS,
            "CidrIp",
            "FromPort",
            "ToPort",
            "IpProtocol",
        ],
    ),
    operation("TerminateInstances", &["InstanceId"]),
];

pub(crate) const SERVICE: Service = Service {
    scope: "ec2",
    title: "EC2",
    operations: OPERATIONS,
    run,
};

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    // What a dry run asks is whether the caller may, and here he may whatever gets so far.
    if call.parameters().get("DryRun").is_some_and(|dry| dry == "true") {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with_status(412, "DryRunOperation", text));
    }
    ids::check(&call.parameters())?;
    tagging::must_show(world, call)?;
    match call.operation.as_str() {
        "AssociateRouteTable" => route_tables::associate(world, call),
        "AttachInternetGateway" => internet_gateways::attach(world, call),
        "AuthorizeSecurityGroupIngress" => security_groups::authorize(world, call),
        "CreateDefaultSubnet" => subnets::create_default(world, call),
        "CreateDefaultVpc" => vpcs::create_default(world, call),
        "CreateInternetGateway" => internet_gateways::create(world, call),
        "CreateKeyPair" => key_pairs::create(world, call),
        "CreateRoute" => route_tables::create_route(world, call),
        "CreateRouteTable" => route_tables::create(world, call),
        "CreateSecurityGroup" => security_groups::create(world, call),
        "CreateSubnet" => subnets::create(world, call),
        "CreateTags" => tagging::create(world, call),
        "CreateVpc" => vpcs::create(world, call),
        "CreateVpcEndpoint" => endpoints::create(world, call),
        "DeleteInternetGateway" => internet_gateways::delete(world, call),
        "DeleteKeyPair" => key_pairs::delete(world, call),
        "DeleteRoute" => route_tables::delete_route(world, call),
        "DeleteRouteTable" => route_tables::delete(world, call),
        "DeleteSecurityGroup" => security_groups::delete(world, call),
        "DeleteSubnet" => subnets::delete(world, call),
        "DeleteTags" => tagging::delete(world, call),
        "DeleteVpc" => vpcs::delete(world, call),
        "DeleteVpcEndpoints" => endpoints::delete(world, call),
        "DescribeAccountAttributes" => vpcs::describe_account_attributes(world, call),
        "DescribeAddresses" => addresses::describe(world, call),
        "DescribeAvailabilityZones" => offers::describe_zones(call),
        "DescribeIamInstanceProfileAssociations" => instances::describe_profile_associations(world, call),
        "DescribeImages" => offers::describe_images(call),
        "DescribeInstanceStatus" => instances::describe_status(world, call),
        "DescribeInstanceTypeOfferings" => offers::describe_offerings(call),
        "DescribeInstanceTypes" => offers::describe_types(call),
        "DescribeInstances" => instances::describe(world, call),
        "DescribeInternetGateways" => internet_gateways::describe(world, call),
        "DescribeKeyPairs" => key_pairs::describe(world, call),
        "DescribeLaunchTemplateVersions" => launch_templates::describe_versions(world, call),
        "DescribeLaunchTemplates" => launch_templates::describe(world, call),
        "DescribeManagedPrefixLists" => offers::describe_prefix_lists(call),
        "DescribeNetworkInterfaces" => interfaces::describe(world, call),
        "DescribeRegions" => offers::describe_regions(call),
        "DescribeRouteTables" => route_tables::describe(world, call),
        "DescribeSecurityGroupRules" => security_groups::describe_rules(world, call),
        "DescribeSecurityGroups" => security_groups::describe(world, call),
        "DescribeSubnets" => subnets::describe(world, call),
        "DescribeTags" => tagging::describe(world, call),
        "DescribeVpcAttribute" => vpcs::describe_attribute(world, call),
        "DescribeVpcEndpoints" => endpoints::describe(world, call),
        "DescribeVpcs" => vpcs::describe(world, call),
        "DetachInternetGateway" => internet_gateways::detach(world, call),
        "DisassociateRouteTable" => route_tables::disassociate(world, call),
        "ImportKeyPair" => key_pairs::import(world, call),
        "ModifySubnetAttribute" => subnets::modify_attribute(world, call),
        "ModifyVpcAttribute" => vpcs::modify_attribute(world, call),
        "RevokeSecurityGroupIngress" => security_groups::revoke(world, call),
        "TerminateInstances" => instances::terminate(world, call),
        other => Err(super::not_implemented(format!("{other} of EC2"))),
    }
}

/// The network as readers see it.
fn seen_network<'a>(world: &World, state: &'a mut State, call: &Call) -> &'a Network {
    let as_of = state.as_of(world.clock.now());
    state.region(&call.region).network.seen(as_of)
}

/// Where AWS leaves them out if there are none: of VPCs, subnets, security groups and instances.
fn tags_if_any(tags: &Tags) -> Option<Value> {
    (!tags.is_empty()).then(|| tag_list(tags))
}

fn tag_list(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

/// `InvalidVpcID.NotFound`: The vpc ID 'vpc-1' does not exist.
fn not_found(code: &str, what: &str, id: &str) -> Refusal {
    Refusal::new(code, format!("The {what} '{id}' does not exist"))
}
