//! EC2's API: networks, instances, key pairs and launch templates.

mod addresses;
mod answer;
mod credits;
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

use super::{Entry, Service, operation};
use crate::protocols::call::Call;
use crate::world::network::Network;
use crate::world::{Refusal, State, Tags, World};

/// Sources are IPv4 ranges, groups by their id, and prefix lists. Whose a group is says its id.
const PERMISSIONS: &str = "IpPermissions{IpProtocol,FromPort,ToPort,IpRanges{CidrIp,Description},\
     Groups{GroupId,UserId~,Description},PrefixListIds{PrefixListId,Description}}";

const OPERATIONS: &[Entry] = &[
    operation(
        "AssociateRouteTable",
        &["RouteTableId", "SubnetId"],
        route_tables::associate,
    ),
    operation(
        "AttachInternetGateway",
        &["InternetGatewayId", "VpcId"],
        internet_gateways::attach,
    ),
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
        security_groups::authorize,
    ),
    operation("CreateDefaultSubnet", &["AvailabilityZone"], subnets::create_default),
    operation("CreateDefaultVpc", &[], vpcs::create_default),
    operation(
        "CreateInternetGateway",
        &["TagSpecification{ResourceType=internet-gateway,Tag{Key,Value}}"],
        internet_gateways::create,
    ),
    operation(
        "CreateKeyPair",
        &[
            "KeyName",
            "KeyType",
            "KeyFormat",
            "TagSpecification{ResourceType=key-pair,Tag{Key,Value}}",
        ],
        key_pairs::create,
    ),
    operation(
        "CreateRoute",
        &["RouteTableId", "DestinationCidrBlock", "GatewayId"],
        route_tables::create_route,
    ),
    operation(
        "CreateRouteTable",
        &[
            "VpcId",
            "ClientToken",
            "TagSpecification{ResourceType=route-table,Tag{Key,Value}}",
        ],
        route_tables::create,
    ),
    operation(
        "CreateSecurityGroup",
        &[
            "GroupName",
            "GroupDescription",
            "VpcId",
            "TagSpecification{ResourceType=security-group,Tag{Key,Value}}",
        ],
        security_groups::create,
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
        subnets::create,
    ),
    operation("CreateTags", &["ResourceId", "Tag{Key,Value}"], tagging::create),
    operation(
        "CreateVpc",
        &[
            "CidrBlock",
            "InstanceTenancy=default",
            "TagSpecification{ResourceType=vpc,Tag{Key,Value}}",
        ],
        vpcs::create,
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
        endpoints::create,
    ),
    operation(
        "DeleteInternetGateway",
        &["InternetGatewayId"],
        internet_gateways::delete,
    ),
    operation("DeleteKeyPair", &["KeyName", "KeyPairId"], key_pairs::delete),
    operation(
        "DeleteRoute",
        &["RouteTableId", "DestinationCidrBlock"],
        route_tables::delete_route,
    ),
    operation("DeleteRouteTable", &["RouteTableId"], route_tables::delete),
    operation(
        "DeleteSecurityGroup",
        &["GroupId", "GroupName"],
        security_groups::delete,
    ),
    operation("DeleteSubnet", &["SubnetId"], subnets::delete),
    operation("DeleteTags", &["ResourceId", "Tag{Key,Value}"], tagging::delete),
    operation("DeleteVpc", &["VpcId"], vpcs::delete),
    operation("DeleteVpcEndpoints", &["VpcEndpointId"], endpoints::delete),
    operation(
        "DescribeAccountAttributes",
        &["AttributeName"],
        vpcs::describe_account_attributes,
    ),
    operation(
        "DescribeAddresses",
        &["AllocationId", "PublicIp", "Filter{Name,Value}"],
        addresses::describe,
    ),
    operation(
        "DescribeAvailabilityZones",
        &["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter{Name,Value}"],
        |_, call| offers::describe_zones(call),
    ),
    operation(
        "DescribeIamInstanceProfileAssociations",
        &["AssociationId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        instances::describe_profile_associations,
    ),
    operation(
        "DescribeImages",
        &["ImageId", "Owner", "Filter{Name,Value}", "MaxResults", "NextToken"],
        |_, call| offers::describe_images(call),
    ),
    operation(
        "DescribeInstanceCreditSpecifications",
        &["InstanceId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        credits::describe,
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
        instances::describe_status,
    ),
    operation(
        "DescribeInstanceTypeOfferings",
        &["LocationType", "Filter{Name,Value}", "MaxResults", "NextToken"],
        |_, call| offers::describe_offerings(call),
    ),
    operation(
        "DescribeInstanceTypes",
        &["InstanceType", "Filter{Name,Value}", "MaxResults", "NextToken"],
        |_, call| offers::describe_types(call),
    ),
    operation(
        "DescribeInstances",
        &["InstanceId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        instances::describe,
    ),
    operation(
        "DescribeInternetGateways",
        &["InternetGatewayId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        internet_gateways::describe,
    ),
    operation(
        "DescribeKeyPairs",
        &["KeyName", "KeyPairId", "IncludePublicKey", "Filter{Name,Value}"],
        key_pairs::describe,
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
        launch_templates::describe_versions,
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
        launch_templates::describe,
    ),
    operation(
        "DescribeManagedPrefixLists",
        &["PrefixListId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        |_, call| offers::describe_prefix_lists(call),
    ),
    operation(
        "DescribeNetworkInterfaces",
        &["NetworkInterfaceId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        interfaces::describe,
    ),
    operation(
        "DescribeRegions",
        &["RegionName", "AllRegions", "Filter{Name,Value}"],
        |_, call| offers::describe_regions(call),
    ),
    operation(
        "DescribeRouteTables",
        &["RouteTableId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        route_tables::describe,
    ),
    operation(
        "DescribeSecurityGroupRules",
        &["SecurityGroupRuleId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        security_groups::describe_rules,
    ),
    operation(
        "DescribeSecurityGroups",
        &["GroupId", "GroupName", "Filter{Name,Value}", "MaxResults", "NextToken"],
        security_groups::describe,
    ),
    operation(
        "DescribeSubnets",
        &["SubnetId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        subnets::describe,
    ),
    operation(
        "DescribeTags",
        &["Filter{Name,Value}", "MaxResults", "NextToken"],
        tagging::describe,
    ),
    operation(
        "DescribeVpcAttribute",
        &["VpcId", "Attribute"],
        vpcs::describe_attribute,
    ),
    operation(
        "DescribeVpcEndpoints",
        &["VpcEndpointId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        endpoints::describe,
    ),
    operation(
        "DescribeVpcs",
        &["VpcId", "Filter{Name,Value}", "MaxResults", "NextToken"],
        vpcs::describe,
    ),
    operation(
        "DetachInternetGateway",
        &["InternetGatewayId", "VpcId"],
        internet_gateways::detach,
    ),
    operation("DisassociateRouteTable", &["AssociationId"], route_tables::disassociate),
    operation(
        "ImportKeyPair",
        &[
            "KeyName",
            "PublicKeyMaterial",
            "TagSpecification{ResourceType=key-pair,Tag{Key,Value}}",
        ],
        key_pairs::import,
    ),
    operation(
        "ModifyInstanceCreditSpecification",
        &["InstanceCreditSpecification{InstanceId,CpuCredits}"],
        credits::modify,
    ),
    operation(
        "ModifySecurityGroupRules",
        &[
            "GroupId",
            "SecurityGroupRule{SecurityGroupRuleId,SecurityGroupRule{IpProtocol,FromPort,ToPort,CidrIpv4,PrefixListId,\
             ReferencedGroupId,Description}}",
        ],
        security_groups::modify_rules,
    ),
    operation(
        "ModifySubnetAttribute",
        &["SubnetId", "MapPublicIpOnLaunch{Value}"],
        subnets::modify_attribute,
    ),
    operation(
        "ModifyVpcAttribute",
        &["VpcId", "EnableDnsHostnames{Value}", "EnableDnsSupport{Value}"],
        vpcs::modify_attribute,
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
        security_groups::revoke,
    ),
    operation("TerminateInstances", &["InstanceId"], instances::terminate),
];

pub(crate) const SERVICE: Service = Service {
    scope: "ec2",
    title: "EC2",
    operations: OPERATIONS,
    refuses: Some(refuse),
};

/// What keeps every operation from running.
fn refuse(world: &Arc<World>, call: &Call) -> Result<(), Refusal> {
    // What a dry run asks is whether the caller may, and here he may whatever gets so far.
    if call.parameters().get("DryRun").is_some_and(|dry| dry == "true") {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with_status(412, "DryRunOperation", text));
    }
    ids::check(&call.parameters())?;
    tagging::must_show(world, call)
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
