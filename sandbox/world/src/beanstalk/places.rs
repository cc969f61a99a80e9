//! Where an environment's instances and its load balancer go: subnets that its settings name, or those of the default VPC.
//! Makes nothing.

use super::catalogue::VPC;
use super::resources::instance_type;
use super::settings::Settings;
use crate::network::{Subnet, zones};
use crate::{Refusal, Region};

/// Where the instances and the load balancer go.
pub(super) struct Places {
    pub vpc_id: String,
    pub instances: Vec<Subnet>,
    pub balancer: Vec<Subnet>,
}

/// The subnets that the settings name, else those of the default VPC whose zones have the instance type.
pub(super) fn places(here: &Region, settings: &Settings) -> Result<Places, String> {
    let named = |option: &str| -> Result<Vec<Subnet>, String> {
        let ids = settings.list(VPC, option);
        let find = |id: &String| {
            let subnet = here.network.subnets.get(id).cloned();
            subnet.ok_or_else(|| format!("The subnet ID '{id}' does not exist"))
        };
        ids.iter().map(find).collect()
    };
    let vpc_id = match settings.get(VPC, "VPCId") {
        Some(id) if here.network.vpcs.contains_key(id) => id.to_owned(),
        Some(id) => return Err(format!("The vpc ID '{id}' does not exist")),
        None => here
            .network
            .default_vpc()
            .map(|vpc| vpc.id.clone())
            .ok_or("No default VPC for this user")?,
    };
    let mut instances = named("Subnets")?;
    if instances.is_empty() {
        let wanted = instance_type(settings);
        let fits = |subnet: &&Subnet| subnet.vpc_id == vpc_id && zones::offers(&subnet.zone, &wanted);
        instances = here.network.subnets.values().filter(fits).cloned().collect();
        instances.sort_by(|one, other| one.zone.cmp(&other.zone));
    }
    let mut balancer = named("ELBSubnets")?;
    if balancer.is_empty() {
        balancer = instances.clone();
    }
    if let Some(stranger) = instances.iter().chain(&balancer).find(|subnet| subnet.vpc_id != vpc_id) {
        return Err(format!("The subnet '{}' is not in the VPC '{vpc_id}'", stranger.id));
    }
    if instances.is_empty() {
        let wanted = instance_type(settings);
        let why = format!("The VPC '{vpc_id}' has no subnet for the instance type {wanted}");
        let refusal = zones::of_type(&wanted, Refusal::new("InvalidParameterValue", why));
        return Err(refusal.message);
    }
    Ok(Places {
        vpc_id,
        instances,
        balancer,
    })
}
