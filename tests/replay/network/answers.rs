//! What EC2 answers of a default VPC, of its subnets, gateways and routes, and of what is there to be had.
//! Must know nothing of what is done with them.

use super::{CUSTODIAN, MANAGE_IQ, MODEL, SCENARIO, VPC};
use crate::bodies::ec2;
use crate::script::Script;

fn tag_set(tags: &[(&str, String)]) -> String {
    let items: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    match items.as_str() {
        // What has no tags has no set of tags either.
        "" => String::new(),
        items => format!("<tagSet>{items}</tagSet>"),
    }
}

pub fn vpc(tags: &[(&str, String)]) -> String {
    format!(
        "<vpcId>{VPC}</vpcId><ownerId>123456789012</ownerId><state>available</state><cidrBlock>172.31.0.0/16</cidrBlock>\
         <dhcpOptionsId>dopt-0123456789abcdef0</dhcpOptionsId><instanceTenancy>default</instanceTenancy><isDefault>true</isDefault>{}",
        tag_set(tags)
    )
}

pub fn vpcs(tags: &[(&str, String)]) -> String {
    ec2("DescribeVpcs", &format!("<vpcSet><item>{}</item></vpcSet>", vpc(tags)))
}

pub fn no_vpcs() -> String {
    ec2("DescribeVpcs", "<vpcSet/>")
}

pub fn subnet(zone: &str, default: bool) -> String {
    subnet_with(zone, default, &[])
}

pub fn subnet_with(zone: &str, default: bool, tags: &[(&str, String)]) -> String {
    format!(
        "<item><subnetId>subnet-{zone}</subnetId><state>available</state><vpcId>{VPC}</vpcId><cidrBlock>172.31.0.0/20</cidrBlock>\
         <availableIpAddressCount>4091</availableIpAddressCount><availabilityZone>{zone}</availabilityZone>\
         <defaultForAz>{default}</defaultForAz><mapPublicIpOnLaunch>{default}</mapPublicIpOnLaunch>\
         <assignIpv6AddressOnCreation>false</assignIpv6AddressOnCreation>{}</item>",
        tag_set(tags)
    )
}

pub fn subnets(items: &[String], more: &str) -> String {
    ec2(
        "DescribeSubnets",
        &format!("<subnetSet>{}</subnetSet>{more}", items.concat()),
    )
}

pub fn both_with(tags: &[(&str, String)]) -> Vec<String> {
    ["us-east-1a", "us-east-1b"]
        .map(|zone| subnet_with(zone, true, tags))
        .to_vec()
}

pub fn both() -> Vec<String> {
    both_with(&[])
}

pub fn routes() -> String {
    routes_in("active")
}

/// The main table's association names no subnet.
pub fn routes_in(state: &str) -> String {
    let table = format!(
        "<item><routeTableId>rtb-1</routeTableId><vpcId>{VPC}</vpcId><routeSet><item><destinationCidrBlock>172.31.0.0/16</destinationCidrBlock>\
         <gatewayId>local</gatewayId><state>active</state><origin>CreateRouteTable</origin></item><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
         <gatewayId>igw-1</gatewayId><state>{state}</state><origin>CreateRoute</origin></item></routeSet>\
         <associationSet><item><routeTableAssociationId>rtbassoc-1</routeTableAssociationId><routeTableId>rtb-1</routeTableId><main>true</main>\
         <associationState><state>associated</state></associationState></item></associationSet><propagatingVgwSet/><tagSet/></item>"
    );
    ec2(
        "DescribeRouteTables",
        &format!("<routeTableSet>{table}</routeTableSet>"),
    )
}

fn offerings() -> String {
    let items: String = ["us-east-1a", "us-east-1b"]
        .iter()
        .map(|zone| format!("<item><instanceType>t3.micro</instanceType><locationType>availability-zone</locationType><location>{zone}</location></item>"))
        .collect();
    ec2(
        "DescribeInstanceTypeOfferings",
        &format!("<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>"),
    )
}

/// Routes and offerings, which are asked for wherever there is a VPC.
pub fn surroundings() -> Script {
    Script::default()
        .recorded("ec2:DescribeRouteTables", MANAGE_IQ, routes())
        .modelled("ec2:DescribeInstanceTypeOfferings", MODEL, offerings())
}

/// The zones of the region, which are asked for where the VPC is the stack's: it is to have a subnet in each.
pub fn zones() -> Script {
    let items: String = ["us-east-1a", "us-east-1b"]
        .iter()
        .map(|zone| {
            format!(
                "<item><zoneName>{zone}</zoneName><zoneId>use1-az1</zoneId><zoneState>available</zoneState><regionName>us-east-1</regionName>\
                 <groupName>us-east-1</groupName><optInStatus>opt-in-not-required</optInStatus><networkBorderGroup>us-east-1</networkBorderGroup>\
                 <zoneType>availability-zone</zoneType><messageSet/></item>"
            )
        })
        .collect();
    let zones = ec2(
        "DescribeAvailabilityZones",
        &format!("<availabilityZoneInfo>{items}</availabilityZoneInfo>"),
    );
    Script::default().recorded("ec2:DescribeAvailabilityZones", MANAGE_IQ, zones)
}

/// A whole one with these tags on all of it.
pub fn there(tags: &[(&str, String)]) -> Script {
    let script = Script::default()
        .recorded(
            "ec2:DescribeVpcs",
            &format!("{CUSTODIAN}/test_appelb_default_vpc"),
            vpcs(tags),
        )
        .recorded("ec2:DescribeSubnets", MANAGE_IQ, subnets(&both_with(tags), ""))
        .recorded("ec2:DescribeInternetGateways", SCENARIO, gateways(Some(VPC), tags))
        .and(surroundings());
    match tags.is_empty() {
        true => script,
        false => script.and(zones()),
    }
}

pub fn gateways(attached: Option<&str>, tags: &[(&str, String)]) -> String {
    let attached = attached.map_or_else(
        || "<attachmentSet/>".to_owned(),
        |vpc| format!("<attachmentSet><item><vpcId>{vpc}</vpcId><state>available</state></item></attachmentSet>"),
    );
    let tags = match tag_set(tags).as_str() {
        "" => "<tagSet/>".to_owned(),
        tags => tags.to_owned(),
    };
    let gateway = format!(
        "<item><internetGatewayId>igw-1</internetGatewayId><ownerId>123456789012</ownerId>{attached}{tags}</item>"
    );
    ec2(
        "DescribeInternetGateways",
        &format!("<internetGatewaySet>{gateway}</internetGatewaySet>"),
    )
}

pub fn no_gateways() -> String {
    ec2("DescribeInternetGateways", "<internetGatewaySet/>")
}

/// The tags of these, as EC2 lists them by themselves.
pub fn tags_of(ids: &[&str], tags: &[(&str, String)]) -> String {
    let item = |id: &str| {
        let tags = tags.iter().map(|(key, value)| {
            format!("<item><resourceId>{id}</resourceId><resourceType>subnet</resourceType><key>{key}</key><value>{value}</value></item>")
        });
        tags.collect::<String>()
    };
    let items: String = ids.iter().map(|id| item(id)).collect();
    ec2("DescribeTags", &format!("<tagSet>{items}</tagSet>"))
}
