//! What a VPC consists of, as EC2 tells it: subnets, routes, gateways.
//! Must know nothing of which of it a stack wants, or of what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, LocationType, RouteState, RouteTable, Subnet, SubnetState};

use super::ownership::from_ec2;
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::aws::{Aws, Ownership};
use crate::engine::{Error, Owner};

/// What has its own route leads there.
pub(super) const EVERYWHERE: &str = "0.0.0.0/0";

/// Something that came with a VPC and carries tags of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) tags: BTreeMap<String, String>,
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gateway {
    pub(super) part: Part,
    /// The VPC that it is attached to.
    pub(super) vpc_id: Option<String>,
}

/// A subnet, as far as it decides whether the stack can be in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) subnet: String,
    pub(super) zone: String,
    pub(super) available: bool,
    /// Gives instances a public address.
    pub(super) public_address: bool,
    /// Has a route to an internet gateway.
    pub(super) internet: bool,
}

#[cfg(test)]
impl Place {
    /// One that the stack can be in.
    pub(super) fn in_zone(zone: &str) -> Self {
        Self {
            subnet: format!("subnet-{zone}"),
            zone: zone.to_owned(),
            available: true,
            public_address: true,
            internet: true,
        }
    }
}

/// Where a route table sends what leaves the VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WayOut {
    Gateway,
    /// To this gateway, which is not attached: EC2 keeps the route and drops what takes it
    /// (VPC guide, "Configure route tables": the state blackhole).
    DeadEnd(String),
    /// To something else, as somebody wanted it.
    Other,
    Nowhere,
}

pub(super) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

pub(super) async fn subnets(aws: &Aws, vpc_id: &str) -> Result<Vec<Subnet>, Error> {
    let subnets = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_subnets().filters(filter("vpc-id", vpc_id));
        let page = list
            .set_next_token(token)
            .send()
            .await
            .explain("list the VPC's subnets")?;
        Ok(Page::new(page.subnets.unwrap_or_default(), page.next_token))
    });
    subnets.await
}

pub(super) async fn route_tables(aws: &Aws, vpc_id: &str) -> Result<Vec<RouteTable>, Error> {
    let tables = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_route_tables().filters(filter("vpc-id", vpc_id));
        let page = list.set_next_token(token).send().await;
        let page = page.explain("list the VPC's route tables")?;
        Ok(Page::new(page.route_tables.unwrap_or_default(), page.next_token))
    });
    tables.await
}

/// The region's internet gateways, attached or not: what was detached to be deleted has nothing but its tags.
pub(super) async fn gateways(aws: &Aws) -> Result<Vec<Gateway>, Error> {
    let gateways = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_internet_gateways();
        let page = list.set_next_token(token).send().await;
        let page = page.explain("list the internet gateways")?;
        Ok(Page::new(page.internet_gateways.unwrap_or_default(), page.next_token))
    });
    let gateways = gateways.await?.into_iter();
    Ok(gateways
        .filter_map(|gateway| {
            let attached = gateway.attachments().first().and_then(|to| to.vpc_id());
            Some(Gateway {
                vpc_id: attached.map(str::to_owned),
                part: Part {
                    tags: from_ec2(gateway.tags()),
                    id: gateway.internet_gateway_id?,
                },
            })
        })
        .collect())
}

/// Of these gateways the ids of those that are this stack's and lead nowhere.
pub(super) fn loose(ownership: &Ownership, gateways: &[Gateway]) -> Vec<String> {
    let ours = |gateway: &&Gateway| gateway.vpc_id.is_none() && ownership.owner_by(&gateway.part.tags) == Owner::Ours;
    let loose = gateways.iter().filter(ours);
    loose.map(|gateway| gateway.part.id.clone()).collect()
}

/// The zones that have a default subnet in a default VPC: those of the region itself, no local ones, no Wavelength zones
/// (VPC guide, "Default VPC components").
pub(super) async fn zones(aws: &Aws) -> Result<BTreeSet<String>, Error> {
    let list = aws.ec2.describe_availability_zones();
    let list = list.filters(filter("zone-type", "availability-zone"));
    let answer = list.filters(filter("state", "available")).send().await;
    let answer = answer.explain("list the region's availability zones")?;
    let zones = answer.availability_zones.unwrap_or_default().into_iter();
    Ok(zones.filter_map(|zone| zone.zone_name).collect())
}

pub(super) async fn zones_with(aws: &Aws, instance_type: &str) -> Result<BTreeSet<String>, Error> {
    let doing = format!("see which zones offer {instance_type}");
    let offerings = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_instance_type_offerings();
        let list = list.location_type(LocationType::AvailabilityZone);
        let list = list.filters(filter("instance-type", instance_type));
        let page = list.set_next_token(token).send().await.explain(&doing)?;
        Ok(Page::new(
            page.instance_type_offerings.unwrap_or_default(),
            page.next_token,
        ))
    });
    Ok(offerings
        .await?
        .into_iter()
        .filter_map(|offering| offering.location)
        .collect())
}

/// The tags of these, in their order.
pub(super) async fn tags_of(aws: &Aws, ids: &[String]) -> Result<Vec<BTreeMap<String, String>>, Error> {
    let named = Filter::builder()
        .name("resource-id")
        .set_values(Some(ids.to_vec()))
        .build();
    let tags = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_tags().filters(named.clone());
        let page = list.set_next_token(token).send().await;
        let page = page.explain("read the tags of the VPC's parts")?;
        Ok(Page::new(page.tags.unwrap_or_default(), page.next_token))
    });
    let mut by_id: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for tag in tags.await? {
        if let (Some(id), Some(key)) = (tag.resource_id, tag.key) {
            by_id.entry(id).or_default().insert(key, tag.value.unwrap_or_default());
        }
    }
    Ok(ids.iter().map(|id| by_id.remove(id).unwrap_or_default()).collect())
}

pub(super) fn main_table(tables: &[RouteTable]) -> Option<&RouteTable> {
    let main = |table: &&RouteTable| table.associations().iter().any(|link| link.main() == Some(true));
    tables.iter().find(main)
}

pub(super) fn way_out(table: &RouteTable) -> WayOut {
    let out = |route: &&aws_sdk_ec2::types::Route| route.destination_cidr_block() == Some(EVERYWHERE);
    let Some(route) = table.routes().iter().find(out) else {
        return WayOut::Nowhere;
    };
    match route.gateway_id().filter(|gateway| gateway.starts_with("igw-")) {
        Some(gateway) if route.state() == Some(&RouteState::Blackhole) => WayOut::DeadEnd(gateway.to_owned()),
        Some(_) => WayOut::Gateway,
        None => WayOut::Other,
    }
}

pub(super) fn place(subnet: &Subnet, tables: &[RouteTable]) -> Place {
    let id = subnet.subnet_id().unwrap_or_default();
    let of_its_own = |table: &&RouteTable| table.associations().iter().any(|link| link.subnet_id() == Some(id));
    let table = tables.iter().find(of_its_own).or_else(|| main_table(tables));
    Place {
        subnet: id.to_owned(),
        zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        available: subnet.state() == Some(&SubnetState::Available),
        public_address: subnet.map_public_ip_on_launch() == Some(true),
        internet: table.is_some_and(|table| way_out(table) == WayOut::Gateway),
    }
}
