//! Network interfaces: one of each instance, one in each subnet of a load balancer.
//! They are derived, never stored: what is gone has none.

use sha2::{Digest, Sha256};

use super::Region;
use crate::world::Tags;

#[derive(Debug, Clone)]
pub(crate) struct NetworkInterface {
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub zone: String,
    pub description: String,
    pub security_groups: Vec<String>,
    pub private_ip: String,
    pub public_ip: Option<String>,
    pub instance_id: Option<String>,
    /// `amazon-elb` for those that a load balancer has.
    pub requester: Option<&'static str>,
    pub tags: Tags,
}

/// A stable id of EC2's shape for what is derived.
pub(crate) fn derived_id(prefix: &str, seed: &str) -> String {
    let digest = hex::encode(Sha256::digest(seed));
    format!("{prefix}-0{}", &digest[..16])
}

impl Region {
    pub(crate) fn network_interfaces(&self) -> Vec<NetworkInterface> {
        let instances = self.compute.instances.values().filter(|instance| !instance.is_gone());
        let mut all: Vec<_> = instances
            .map(|instance| NetworkInterface {
                id: derived_id("eni", &instance.id),
                vpc_id: instance.vpc_id.clone(),
                subnet_id: instance.subnet_id.clone(),
                zone: instance.zone.clone(),
                description: String::new(),
                security_groups: instance.security_groups.clone(),
                private_ip: instance.private_ip.clone(),
                public_ip: instance.public_ip.clone(),
                instance_id: Some(instance.id.clone()),
                requester: None,
                tags: Tags::new(),
            })
            .collect();
        for balancer in self.balancing.load_balancers.values() {
            for (zone, subnet_id) in &balancer.subnets {
                let id = derived_id("eni", &format!("{}{subnet_id}", balancer.arn));
                let host = u8::from_str_radix(&id[5..7], 16).unwrap_or(0);
                let suffix = balancer
                    .arn
                    .split_once("loadbalancer/")
                    .map_or("", |(_, suffix)| suffix);
                all.push(NetworkInterface {
                    id,
                    vpc_id: balancer.vpc_id.clone(),
                    subnet_id: subnet_id.clone(),
                    zone: zone.clone(),
                    description: format!("ELB {suffix}"),
                    security_groups: balancer.security_groups.clone(),
                    private_ip: format!("172.31.255.{host}"),
                    public_ip: (balancer.scheme == "internet-facing").then(|| format!("198.19.255.{host}")),
                    instance_id: None,
                    requester: Some("amazon-elb"),
                    tags: Tags::new(),
                });
            }
        }
        all
    }
}
