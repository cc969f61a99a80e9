//! Elastic addresses.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::list;
use super::requests::{Listing, named};
use super::{filters, not_found, seen_network, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::network::Address;
use crate::world::{Refusal, World};

const FILTERS: &[&str] = &["allocation-id", "association-id", "domain", "instance-id", "public-ip"];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let addresses = seen_network(world, &mut state, call).addresses.values();
    let refuse = |id: &str| not_found("InvalidAllocationID.NotFound", "allocation ID", id);
    let mut all = named(addresses.collect(), &request.ids, |it| &it.allocation_id, refuse)?;
    let ips = request.names;
    all.retain(|address: &&Address| ips.is_empty() || ips.contains(&address.public_ip));
    let values = |address: &&Address, name: &str| match name {
        "allocation-id" => vec![address.allocation_id.clone()],
        "association-id" => address.association_id.iter().cloned().collect(),
        "domain" => vec!["vpc".to_owned()],
        "instance-id" => address.instance_id.iter().cloned().collect(),
        _ => vec![address.public_ip.clone()],
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |address| address.tags.clone())?;
    Ok(list(call, "addressesSet", (chosen, None), view))
}

fn view(address: &Address) -> Value {
    json!({
        "allocationId": address.allocation_id,
        "associationId": address.association_id,
        "domain": "vpc",
        "instanceId": address.instance_id,
        "publicIp": address.public_ip,
        "tagSet": tag_list(&address.tags),
    })
}
