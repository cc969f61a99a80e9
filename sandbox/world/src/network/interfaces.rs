//! Network interfaces: one of each instance, one in each subnet of a load balancer.
//! They are derived, never stored: what is gone has none.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Region;
use crate::Tags;
use crate::balancing::LoadBalancer;
use crate::compute::Instance;

#[derive(Debug, Clone)]
pub struct NetworkInterface {
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub zone: String,
    pub description: String,
    pub security_groups: Vec<String>,
    pub private_ip: String,
    pub public_ip: Option<String>,
    /// Whether its VPC gives its addresses names.
    pub has_names: bool,
    pub instance_id: Option<String>,
    pub attached: Timestamp,
    /// `amazon-elb` for those that a load balancer has.
    pub requester: Option<&'static str>,
    pub tags: Tags,
}

impl NetworkInterface {
    pub fn attachment_id(&self) -> String {
        derived_id("eni-attach", &self.id)
    }

    /// One of those that whoever likes may use: its second bit says so.
    pub fn mac_address(&self) -> String {
        let [a, b, c, d, e, ..]: [u8; 32] = Sha256::digest(&self.id).into();
        format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
    }
}

/// The name of a private address (EC2 guide, hostname-types).
pub fn private_name(region: &str, ip: &str) -> String {
    let domain = match region {
        "us-east-1" => "ec2".to_owned(),
        other => format!("{other}.compute"),
    };
    format!("ip-{}.{domain}.internal", ip.replace('.', "-"))
}

/// The name of a public address.
pub fn public_name(region: &str, ip: &str) -> String {
    let domain = match region {
        "us-east-1" => "compute-1".to_owned(),
        other => format!("{other}.compute"),
    };
    format!("ec2-{}.{domain}.amazonaws.com", ip.replace('.', "-"))
}

/// A stable id of EC2's shape for what is derived.
pub fn derived_id(prefix: &str, seed: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{prefix}{seed}")));
    format!("{prefix}-0{}", &digest[..16])
}

impl Region {
    pub fn network_interfaces(&self) -> Vec<NetworkInterface> {
        let instances = self.compute.instances.values().filter(|instance| !instance.is_gone());
        let mut all: Vec<_> = instances.map(|instance| self.interface_of(instance)).collect();
        let leaving = self.balancing.leaving.values();
        for balancer in self.balancing.load_balancers.values().chain(leaving) {
            let subnets = balancer.subnets.iter();
            all.extend(subnets.map(|(zone, subnet_id)| self.interface_in(balancer, zone, subnet_id)));
        }
        all
    }

    fn gives_names(&self, vpc_id: &str) -> bool {
        let vpc = self.network.vpcs.get(vpc_id);
        vpc.is_some_and(|vpc| vpc.dns_hostnames && vpc.dns_support)
    }

    /// The one that an instance has.
    pub fn interface_of(&self, instance: &Instance) -> NetworkInterface {
        NetworkInterface {
            id: derived_id("eni", &instance.id),
            vpc_id: instance.vpc_id.clone(),
            subnet_id: instance.subnet_id.clone(),
            zone: instance.zone.clone(),
            description: String::new(),
            security_groups: instance.security_groups.clone(),
            private_ip: instance.private_ip.clone(),
            public_ip: instance.public_ip.clone(),
            has_names: self.gives_names(&instance.vpc_id),
            instance_id: Some(instance.id.clone()),
            attached: instance.launched,
            requester: None,
            tags: Tags::new(),
        }
    }

    /// The one that a load balancer has in a subnet.
    fn interface_in(&self, balancer: &LoadBalancer, zone: &str, subnet_id: &str) -> NetworkInterface {
        let id = derived_id("eni", &format!("{}{subnet_id}", balancer.arn));
        let host = u8::from_str_radix(&id[5..7], 16).unwrap_or(0);
        let suffix = balancer
            .arn
            .split_once("loadbalancer/")
            .map_or("", |(_, suffix)| suffix);
        NetworkInterface {
            id,
            vpc_id: balancer.vpc_id.clone(),
            subnet_id: subnet_id.to_owned(),
            zone: zone.to_owned(),
            description: format!("ELB {suffix}"),
            security_groups: balancer.security_groups.clone(),
            private_ip: format!("172.31.255.{host}"),
            public_ip: (balancer.scheme == "internet-facing").then(|| format!("198.19.255.{host}")),
            has_names: self.gives_names(&balancer.vpc_id),
            instance_id: None,
            attached: balancer.created,
            requester: Some("amazon-elb"),
            tags: Tags::new(),
        }
    }
}
