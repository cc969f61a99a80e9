//! Gateway endpoints: S3 and DynamoDB without a way through the internet. They keep their VPC from being deleted.
//! Must know nothing of traffic: on loopback nothing takes another way because of them.

use jiff::Timestamp;

use super::{Network, not_found};
use crate::{Refusal, Tags, ids};

#[derive(Debug, Clone)]
pub struct VpcEndpoint {
    pub id: String,
    pub vpc_id: String,
    /// `com.amazonaws.us-east-1.dynamodb`.
    pub service: String,
    pub route_tables: Vec<String>,
    pub created: Timestamp,
    pub tags: Tags,
}

impl Network {
    pub fn create_gateway_endpoint(
        &mut self,
        region: &str,
        now: Timestamp,
        vpc_id: &str,
        service: &str,
        route_tables: Vec<String>,
        tags: Tags,
    ) -> Result<&VpcEndpoint, Refusal> {
        if !self.vpcs.contains_key(vpc_id) {
            return Err(not_found("InvalidVpcId.NotFound", "Vpc", vpc_id));
        }
        let services = ["s3", "dynamodb"].map(|name| format!("com.amazonaws.{region}.{name}"));
        if !services.iter().any(|known| known == service) {
            let text = format!("The Vpc Endpoint Service '{service}' does not exist");
            return Err(Refusal::new("InvalidServiceName", text));
        }
        if let Some(unknown) = route_tables.iter().find(|id| !self.route_tables.contains_key(*id)) {
            return Err(not_found("InvalidRouteTableId.NotFound", "routeTable", unknown));
        }
        let endpoint = VpcEndpoint {
            id: ids::ec2("vpce"),
            vpc_id: vpc_id.to_owned(),
            service: service.to_owned(),
            route_tables,
            created: now,
            tags,
        };
        Ok(self.endpoints.entry(endpoint.id.clone()).or_insert(endpoint))
    }

    /// As DeleteVpcEndpoints does with each.
    ///
    /// # Errors
    /// `InvalidVpcEndpoint.NotFound`, which the operation tells within its success.
    pub fn delete_endpoint(&mut self, id: &str) -> Result<(), Refusal> {
        match self.endpoints.remove(id) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(
                "InvalidVpcEndpoint.NotFound",
                format!("The Vpc Endpoint Id '{id}' does not exist"),
            )),
        }
    }
}
