//! VPCs and what lies in them: subnets, gateways, routes, security groups, elastic addresses.
//! Must know nothing of Beanstalk; what is in use is read from the region's instances and load balancers.

pub mod cidr;
pub mod endpoints;
pub mod interfaces;
pub mod routes;
pub mod security_groups;
#[cfg(test)]
mod tests;
pub mod zones;

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Item, Refusal, Region, Tags, ids};
use cidr::Range;
use endpoints::VpcEndpoint;
use routes::RouteTable;
use security_groups::SecurityGroup;

#[derive(Debug, Default, Clone)]
pub struct Network {
    /// By id, as all of these.
    pub vpcs: BTreeMap<String, Vpc>,
    pub subnets: BTreeMap<String, Subnet>,
    pub internet_gateways: BTreeMap<String, InternetGateway>,
    pub route_tables: BTreeMap<String, RouteTable>,
    pub security_groups: BTreeMap<String, SecurityGroup>,
    pub addresses: BTreeMap<String, Address>,
    pub endpoints: BTreeMap<String, VpcEndpoint>,
    /// What was made for a client's token: asking again with it makes nothing.
    made_for: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: String,
    pub cidr: String,
    pub is_default: bool,
    /// Whether instances get public host names.
    pub dns_hostnames: bool,
    pub dns_support: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub struct Subnet {
    pub id: String,
    pub vpc_id: String,
    /// `us-east-1a`.
    pub zone: String,
    pub cidr: String,
    pub default_for_az: bool,
    /// Instances get a public address unless told otherwise.
    pub map_public_ip_on_launch: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub struct InternetGateway {
    pub id: String,
    pub vpc_id: Option<String>,
    pub tags: Tags,
}

/// An elastic IP address.
#[derive(Debug, Clone)]
pub struct Address {
    pub allocation_id: String,
    pub public_ip: String,
    pub association_id: Option<String>,
    pub instance_id: Option<String>,
    pub tags: Tags,
}

/// A public IPv4 address that no host on the internet has: 198.18.0.0/15 is for benchmarks (RFC 2544), so that a
/// stray request of a user never reaches a stranger.
pub(crate) fn public_ip() -> String {
    let mut random = rand::rng();
    let [a, b]: [u8; 2] = [random.random_range(0..255), random.random_range(1..255)];
    format!("198.{}.{a}.{b}", random.random_range(18..20))
}

impl Network {
    pub fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.values().find(|vpc| vpc.is_default)
    }

    /// Makes the default VPC with all that AWS puts into it: a /20 subnet in every zone, an internet gateway, the main
    /// route table with a route to it, and the default security group (VPC guide, "Default VPC components").
    pub fn create_default_vpc(&mut self, region: &str) -> Result<String, Refusal> {
        if self.default_vpc().is_some() {
            return Err(Refusal::new(
                "DefaultVpcAlreadyExists",
                "A Default VPC already exists for this account in this region.",
            ));
        }
        let vpc_id = ids::ec2("vpc");
        self.vpcs.insert(
            vpc_id.clone(),
            Vpc {
                id: vpc_id.clone(),
                cidr: "172.31.0.0/16".to_owned(),
                is_default: true,
                dns_hostnames: true,
                dns_support: true,
                tags: Tags::new(),
            },
        );
        for (index, zone) in zones::zones(region).into_iter().enumerate() {
            self.add_default_subnet(&vpc_id, &zone.name, index);
        }
        self.add_gateway(&vpc_id);
        let group = SecurityGroup::default_of(&vpc_id);
        self.security_groups.insert(group.id.clone(), group);
        Ok(vpc_id)
    }

    fn add_default_subnet(&mut self, vpc_id: &str, zone: &str, index: usize) -> String {
        let id = ids::ec2("subnet");
        self.subnets.insert(
            id.clone(),
            Subnet {
                id: id.clone(),
                vpc_id: vpc_id.to_owned(),
                zone: zone.to_owned(),
                cidr: format!("172.31.{}.0/20", index * 16),
                default_for_az: true,
                map_public_ip_on_launch: true,
                tags: Tags::new(),
            },
        );
        id
    }

    fn add_gateway(&mut self, vpc_id: &str) {
        let gateway_id = ids::ec2("igw");
        self.internet_gateways.insert(
            gateway_id.clone(),
            InternetGateway {
                id: gateway_id.clone(),
                vpc_id: Some(vpc_id.to_owned()),
                tags: Tags::new(),
            },
        );
        self.add_main_route_table(vpc_id, Some(gateway_id));
    }

    /// Makes a VPC with what every one has: a default security group and a main route table that leads nowhere.
    pub fn create_vpc(&mut self, cidr: &str, tags: Tags) -> Result<&Vpc, Refusal> {
        let range = Range::parse(cidr).ok_or_else(|| invalid_cidr(cidr))?;
        if !range.is_allowed() {
            return Err(Refusal::new(
                "InvalidVpc.Range",
                format!("The CIDR '{cidr}' is invalid."),
            ));
        }
        let vpc = Vpc {
            id: ids::ec2("vpc"),
            cidr: range.to_string(),
            is_default: false,
            dns_hostnames: false,
            dns_support: true,
            tags,
        };
        let group = SecurityGroup::default_of(&vpc.id);
        self.security_groups.insert(group.id.clone(), group);
        self.add_main_route_table(&vpc.id, None);
        Ok(self.vpcs.entry(vpc.id.clone()).or_insert(vpc))
    }

    /// Makes a subnet in `zone`, or in the region's first.
    pub fn create_subnet(
        &mut self,
        region: &str,
        vpc_id: &str,
        zone: Option<String>,
        cidr: &str,
        tags: Tags,
    ) -> Result<&Subnet, Refusal> {
        let vpc = self.vpcs.get(vpc_id);
        let vpc = vpc.ok_or_else(|| not_found("InvalidVpcID.NotFound", "vpc", vpc_id))?;
        let known = zones::zones(region);
        let zone = match zone {
            Some(zone) if known.iter().any(|it| it.name == zone) => zone,
            Some(zone) => return Err(no_zone(&zone)),
            None => known.first().map(|zone| zone.name.clone()).unwrap_or_default(),
        };
        let range = Range::parse(cidr).ok_or_else(|| invalid_cidr(cidr))?;
        let inside = Range::parse(&vpc.cidr).is_some_and(|vpc| vpc.contains(range));
        if !inside || !range.is_allowed() {
            return Err(Refusal::new(
                "InvalidSubnet.Range",
                format!("The CIDR '{cidr}' is invalid."),
            ));
        }
        let others = self.subnets.values().filter(|subnet| subnet.vpc_id == vpc_id);
        if others
            .filter_map(|subnet| Range::parse(&subnet.cidr))
            .any(|other| other.overlaps(range))
        {
            let text = format!("The CIDR '{cidr}' conflicts with another subnet");
            return Err(Refusal::new("InvalidSubnet.Conflict", text));
        }
        let subnet = Subnet {
            id: ids::ec2("subnet"),
            vpc_id: vpc_id.to_owned(),
            zone,
            cidr: range.to_string(),
            default_for_az: false,
            map_public_ip_on_launch: false,
            tags,
        };
        Ok(self.subnets.entry(subnet.id.clone()).or_insert(subnet))
    }

    pub fn subnet_mut(&mut self, id: &str) -> Result<&mut Subnet, Refusal> {
        let refusal = || not_found("InvalidSubnetID.NotFound", "subnet", id);
        self.subnets.get_mut(id).ok_or_else(refusal)
    }

    pub fn vpc_mut(&mut self, id: &str) -> Result<&mut Vpc, Refusal> {
        let refusal = || not_found("InvalidVpcID.NotFound", "vpc", id);
        self.vpcs.get_mut(id).ok_or_else(refusal)
    }

    pub fn create_internet_gateway(&mut self, tags: Tags) -> &InternetGateway {
        let gateway = InternetGateway {
            id: ids::ec2("igw"),
            vpc_id: None,
            tags,
        };
        self.internet_gateways.entry(gateway.id.clone()).or_insert(gateway)
    }

    /// One gateway a VPC, and one VPC a gateway.
    pub fn attach_internet_gateway(&mut self, id: &str, vpc_id: &str) -> Result<(), Refusal> {
        self.vpc_mut(vpc_id)?;
        let taken = self
            .internet_gateways
            .values()
            .any(|it| it.vpc_id.as_deref() == Some(vpc_id));
        let gateway = self.internet_gateways.get_mut(id);
        let gateway = gateway.ok_or_else(|| not_found("InvalidInternetGatewayID.NotFound", "internetGateway", id))?;
        if let Some(attached) = &gateway.vpc_id {
            let text = format!("resource {id} is already attached to network {attached}");
            return Err(Refusal::new("Resource.AlreadyAssociated", text));
        }
        if taken {
            let text = format!("Network {vpc_id} already has an internet gateway attached");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
        gateway.vpc_id = Some(vpc_id.to_owned());
        Ok(())
    }

    /// Makes again the default subnet of a zone.
    pub fn create_default_subnet(&mut self, region: &str, zone: &str) -> Result<String, Refusal> {
        let vpc_id = self.default_vpc().map(|vpc| vpc.id.clone()).ok_or_else(|| {
            Refusal::new(
                "DefaultVpcDoesNotExist",
                "No default VPC exists for this account in this region.",
            )
        })?;
        if !zones::zones(region).iter().any(|known| known.name == zone) {
            return Err(no_zone(zone));
        }
        let of_vpc = |subnet: &&Subnet| subnet.vpc_id == vpc_id;
        if self
            .subnets
            .values()
            .filter(of_vpc)
            .any(|subnet| subnet.default_for_az && subnet.zone == zone)
        {
            return Err(Refusal::new(
                "DefaultSubnetAlreadyExistsInAvailabilityZone",
                format!("'{zone}' already has a default subnet."),
            ));
        }
        let taken: Vec<_> = self
            .subnets
            .values()
            .filter(of_vpc)
            .map(|subnet| subnet.cidr.clone())
            .collect();
        let free = (0..16)
            .find(|index| !taken.contains(&format!("172.31.{}.0/20", index * 16)))
            .ok_or_else(|| Refusal::new("InvalidSubnet.Range", "The VPC has no free range for a default subnet."))?;
        Ok(self.add_default_subnet(&vpc_id, zone, free))
    }

    /// Gives an elastic address, bound to nothing yet.
    pub(crate) fn allocate_address(&mut self, tags: Tags) -> String {
        let allocation_id = ids::ec2("eipalloc");
        self.addresses.insert(
            allocation_id.clone(),
            Address {
                allocation_id: allocation_id.clone(),
                public_ip: public_ip(),
                association_id: None,
                instance_id: None,
                tags,
            },
        );
        allocation_id
    }

    /// The tags of any of these by its id.
    pub fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        None.or_else(|| self.vpcs.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.subnets.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.internet_gateways.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.route_tables.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.security_groups.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.addresses.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.endpoints.get_mut(id).map(|it| &mut it.tags))
    }

    /// Whether there is anything with that id.
    pub fn holds(&self, id: &str) -> bool {
        self.vpcs.contains_key(id)
            || self.subnets.contains_key(id)
            || self.internet_gateways.contains_key(id)
            || self.route_tables.contains_key(id)
            || self.security_groups.contains_key(id)
            || self.addresses.contains_key(id)
            || self.endpoints.contains_key(id)
    }

    pub fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("ec2", region);
        let mut items = Vec::new();
        items.extend(self.vpcs.values().map(|it| item("vpc", &it.id, "", &it.tags)));
        items.extend(self.subnets.values().map(|it| item("subnet", &it.id, "", &it.tags)));
        items.extend(
            self.internet_gateways
                .values()
                .map(|it| item("internet-gateway", &it.id, "", &it.tags)),
        );
        items.extend(
            self.route_tables
                .values()
                .map(|it| item("route-table", &it.id, "", &it.tags)),
        );
        items.extend(
            self.security_groups
                .values()
                .map(|it| item("security-group", &it.id, &it.name, &it.tags)),
        );
        items.extend(
            self.addresses
                .values()
                .map(|it| item("elastic-ip", &it.allocation_id, &it.public_ip, &it.tags)),
        );
        items.extend(
            self.endpoints
                .values()
                .map(|it| item("vpc-endpoint", &it.id, &it.service, &it.tags)),
        );
        items
    }
}

fn not_found(code: &str, what: &str, id: &str) -> Refusal {
    Refusal::new(code, format!("The {what} ID '{id}' does not exist"))
}

fn no_zone(zone: &str) -> Refusal {
    let text = format!("Value ({zone}) for parameter availabilityZone is invalid.");
    Refusal::new("InvalidParameterValue", text)
}

fn invalid_cidr(cidr: &str) -> Refusal {
    let text = format!("Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
    Refusal::new("InvalidParameterValue", text)
}

fn dependency(what: &str, id: &str) -> Refusal {
    Refusal::new(
        "DependencyViolation",
        format!("The {what} '{id}' has dependencies and cannot be deleted."),
    )
}

/// Deletions depend on what else the region holds.
impl Region {
    /// Refused while something has a network interface in it.
    pub fn delete_subnet(&mut self, id: &str) -> Result<(), Refusal> {
        if !self.network.subnets.contains_key(id) {
            return Err(not_found("InvalidSubnetID.NotFound", "subnet", id));
        }
        if self
            .network_interfaces()
            .iter()
            .any(|interface| interface.subnet_id == id)
        {
            return Err(dependency("subnet", id));
        }
        self.network.subnets.remove(id);
        for table in self.network.route_tables.values_mut() {
            table.associations.retain(|_, subnet| subnet != id);
        }
        Ok(())
    }

    /// Refused while a public address of the VPC is in use.
    pub fn detach_internet_gateway(&mut self, id: &str, vpc_id: &str) -> Result<(), Refusal> {
        let in_use = self
            .network_interfaces()
            .iter()
            .any(|interface| interface.vpc_id == vpc_id && interface.public_ip.is_some());
        let gateway = self
            .network
            .internet_gateways
            .get_mut(id)
            .ok_or_else(|| not_found("InvalidInternetGatewayID.NotFound", "internetGateway", id))?;
        if gateway.vpc_id.as_deref() != Some(vpc_id) {
            return Err(Refusal::new(
                "Gateway.NotAttached",
                format!("resource {id} is not attached to network {vpc_id}"),
            ));
        }
        if in_use {
            return Err(Refusal::new(
                "DependencyViolation",
                format!(
                    "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before \
                     detaching the gateway."
                ),
            ));
        }
        gateway.vpc_id = None;
        Ok(())
    }

    /// Refused while it is attached.
    pub fn delete_internet_gateway(&mut self, id: &str) -> Result<(), Refusal> {
        let gateway = self
            .network
            .internet_gateways
            .get(id)
            .ok_or_else(|| not_found("InvalidInternetGatewayID.NotFound", "internetGateway", id))?;
        if gateway.vpc_id.is_some() {
            return Err(dependency("internetGateway", id));
        }
        self.network.internet_gateways.remove(id);
        Ok(())
    }

    /// Takes the default security group and the main route table along; all else must be gone before.
    pub fn delete_vpc(&mut self, id: &str) -> Result<(), Refusal> {
        let network = &mut self.network;
        if !network.vpcs.contains_key(id) {
            return Err(not_found("InvalidVpcID.NotFound", "vpc", id));
        }
        let attached = |gateway: &InternetGateway| gateway.vpc_id.as_deref() == Some(id);
        let group_left = |group: &SecurityGroup| group.vpc_id == id && group.name != "default";
        let table_left = |table: &RouteTable| table.vpc_id == id && table.main.is_none();
        if network.subnets.values().any(|subnet| subnet.vpc_id == id)
            || network.internet_gateways.values().any(attached)
            || network.security_groups.values().any(group_left)
            || network.route_tables.values().any(table_left)
            || network.endpoints.values().any(|endpoint| endpoint.vpc_id == id)
        {
            return Err(dependency("vpc", id));
        }
        network.security_groups.retain(|_, group| group.vpc_id != id);
        network.route_tables.retain(|_, table| table.vpc_id != id);
        network.vpcs.remove(id);
        Ok(())
    }
}
