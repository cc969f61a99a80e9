//! Route tables, which subnets use them, and the one route that matters here: out through an internet gateway.
//! Must know nothing of what travels on a route.

use std::collections::BTreeMap;

use super::{Network, not_found};
use crate::{Refusal, Tags, ids};

/// Where everything goes that has no nearer destination.
pub const EVERYWHERE: &str = "0.0.0.0/0";

#[derive(Debug, Clone)]
pub struct RouteTable {
    pub id: String,
    pub vpc_id: String,
    /// The association that makes it the table of all subnets without one of their own.
    pub main: Option<String>,
    /// Subnets by the ids of their associations.
    pub associations: BTreeMap<String, String>,
    /// Where [`EVERYWHERE`] goes.
    pub internet_gateway: Option<String>,
    pub tags: Tags,
}

fn no_table(id: &str) -> Refusal {
    not_found("InvalidRouteTableID.NotFound", "routeTable", id)
}

impl Network {
    pub(super) fn add_main_route_table(&mut self, vpc_id: &str, internet_gateway: Option<String>) {
        let table = RouteTable {
            id: ids::ec2("rtb"),
            vpc_id: vpc_id.to_owned(),
            main: Some(ids::ec2("rtbassoc")),
            associations: BTreeMap::new(),
            internet_gateway,
            tags: Tags::new(),
        };
        self.route_tables.insert(table.id.clone(), table);
    }

    /// A `token` that was used before gives the table that was made then.
    pub fn create_route_table(
        &mut self,
        vpc_id: &str,
        token: Option<String>,
        tags: Tags,
    ) -> Result<&RouteTable, Refusal> {
        if !self.vpcs.contains_key(vpc_id) {
            return Err(not_found("InvalidVpcID.NotFound", "vpc", vpc_id));
        }
        let table = RouteTable {
            id: ids::ec2("rtb"),
            vpc_id: vpc_id.to_owned(),
            main: None,
            associations: BTreeMap::new(),
            internet_gateway: None,
            tags,
        };
        if let Some(token) = token {
            let id = self.made_for.entry(token).or_insert_with(|| table.id.clone());
            if let Some(made) = self.route_tables.get(id).filter(|made| made.vpc_id == vpc_id).cloned() {
                return Ok(self.route_tables.entry(made.id.clone()).or_insert(made));
            }
        }
        Ok(self.route_tables.entry(table.id.clone()).or_insert(table))
    }

    /// Refused for a VPC's main table, and while a subnet uses it.
    pub fn delete_route_table(&mut self, id: &str) -> Result<(), Refusal> {
        let table = self.route_table_mut(id)?;
        if table.main.is_some() || !table.associations.is_empty() {
            return Err(super::dependency("routeTable", id));
        }
        self.route_tables.remove(id);
        Ok(())
    }

    /// Gives a subnet a table of its own.
    pub fn associate_route_table(&mut self, id: &str, subnet_id: &str) -> Result<String, Refusal> {
        let vpc_id = self.route_table_mut(id)?.vpc_id.clone();
        let subnet = self.subnets.get(subnet_id);
        let subnet = subnet.ok_or_else(|| not_found("InvalidSubnetID.NotFound", "subnet", subnet_id))?;
        if subnet.vpc_id != vpc_id {
            let text = format!("Route table {id} and subnet {subnet_id} belong to different networks");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
        let taken = |table: &RouteTable| table.associations.values().any(|it| it == subnet_id);
        if self.route_tables.values().any(taken) {
            let text = format!("the specified association for route table {id} conflicts with an existing association");
            return Err(Refusal::new("Resource.AlreadyAssociated", text));
        }
        let association = ids::ec2("rtbassoc");
        let associations = &mut self.route_table_mut(id)?.associations;
        associations.insert(association.clone(), subnet_id.to_owned());
        Ok(association)
    }

    /// The subnet goes back to the main table.
    pub fn disassociate_route_table(&mut self, association: &str) -> Result<(), Refusal> {
        let mut tables = self.route_tables.values_mut();
        if tables.any(|table| table.associations.remove(association).is_some()) {
            return Ok(());
        }
        if self
            .route_tables
            .values()
            .any(|table| table.main.as_deref() == Some(association))
        {
            let text = format!("cannot disassociate the main route table association {association}");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
        let text = format!("The association ID '{association}' does not exist");
        Err(Refusal::new("InvalidAssociationID.NotFound", text))
    }

    /// The route out. Other destinations and targets are the caller's to refuse.
    pub fn create_route(&mut self, id: &str, gateway: &str) -> Result<(), Refusal> {
        let table = self.route_table_mut(id)?;
        let vpc_id = table.vpc_id.clone();
        if table.internet_gateway.is_some() {
            let text = format!("The route identified by {EVERYWHERE} already exists.");
            return Err(Refusal::new("RouteAlreadyExists", text));
        }
        let known = self.internet_gateways.get(gateway);
        let known = known.ok_or_else(|| not_found("InvalidGatewayID.NotFound", "gateway", gateway))?;
        if known.vpc_id.as_ref() != Some(&vpc_id) {
            let text = format!("route table {id} and network gateway {gateway} belong to different networks");
            return Err(Refusal::new("InvalidParameterValue", text));
        }
        self.route_table_mut(id)?.internet_gateway = Some(gateway.to_owned());
        Ok(())
    }

    pub fn delete_route(&mut self, id: &str, destination: &str) -> Result<(), Refusal> {
        let table = self.route_table_mut(id)?;
        if destination == EVERYWHERE && table.internet_gateway.take().is_some() {
            return Ok(());
        }
        let text = format!("no route with destination-cidr-block {destination} in route table {id}");
        Err(Refusal::new("InvalidRoute.NotFound", text))
    }

    fn route_table_mut(&mut self, id: &str) -> Result<&mut RouteTable, Refusal> {
        self.route_tables.get_mut(id).ok_or_else(|| no_table(id))
    }

    /// The table that a subnet uses: its own, else its VPC's main one.
    fn route_table_of(&self, subnet_id: &str) -> Option<&RouteTable> {
        let vpc_id = &self.subnets.get(subnet_id)?.vpc_id;
        let tables = || self.route_tables.values().filter(|table| &table.vpc_id == vpc_id);
        let own = tables().find(|table| table.associations.values().any(|it| it == subnet_id));
        own.or_else(|| tables().find(|table| table.main.is_some()))
    }

    fn leads_out(&self, table: &RouteTable) -> bool {
        let gateway = table.internet_gateway.as_ref();
        let gateway = gateway.and_then(|id| self.internet_gateways.get(id));
        gateway.is_some_and(|gateway| gateway.vpc_id.as_ref() == Some(&table.vpc_id))
    }

    /// Whether what runs in that VPC can reach the internet from some subnet, given public addresses.
    pub(crate) fn has_internet(&self, vpc_id: &str) -> bool {
        let mut tables = self.route_tables.values();
        tables.any(|table| table.vpc_id == vpc_id && self.leads_out(table))
    }

    /// As [`Network::has_internet`], from that subnet.
    pub(crate) fn reaches_internet(&self, subnet_id: &str) -> bool {
        let table = self.route_table_of(subnet_id);
        table.is_some_and(|table| self.leads_out(table))
    }
}
