//! Elastic Load Balancing v2. Source of names: botocore's model of elbv2, 2015-12-01.

use aws_config::SdkConfig;
use serde::Deserialize;

use crate::clients::Mode;
use crate::paging::Page;
use crate::wire::xml::Members;
use crate::wire::{Called, Client, Form, Service};

const SERVICE: Service = Service {
    id: "Elastic Load Balancing v2",
    signing_name: "elasticloadbalancing",
    host: "elasticloadbalancing",
};
const VERSION: &str = "2015-12-01";

#[derive(Debug, Clone)]
pub struct LoadBalancing(Client);

#[derive(Debug, Deserialize)]
struct DescribeLoadBalancersResponse {
    #[serde(rename = "DescribeLoadBalancersResult", default)]
    result: DescribeLoadBalancersResult,
}

#[derive(Debug, Default, Deserialize)]
struct DescribeLoadBalancersResult {
    #[serde(rename = "LoadBalancers", default)]
    load_balancers: Members<LoadBalancer>,
    #[serde(rename = "NextMarker")]
    next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct LoadBalancer {
    #[serde(rename = "DNSName")]
    pub dns_name: Option<String>,
    /// `application`, `network`, `gateway`
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

impl LoadBalancing {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// The load balancers of these ARNs, at most 20.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn describe_load_balancers(&self, arns: &[&str]) -> Called<Vec<LoadBalancer>> {
        let form = Form::new("DescribeLoadBalancers", VERSION).list("LoadBalancerArns", arns.iter().copied());
        let answer: DescribeLoadBalancersResponse = form.call(&self.0).await?;
        Ok(answer.result.load_balancers.member)
    }

    /// A page of all of the region.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_load_balancers(&self, marker: Option<String>) -> Called<Page<LoadBalancer>> {
        let form = Form::new("DescribeLoadBalancers", VERSION);
        let form = match &marker {
            Some(marker) => form.text("Marker", marker),
            None => form,
        };
        let answer: DescribeLoadBalancersResponse = form.call(&self.0).await?;
        Ok(Page::new(
            answer.result.load_balancers.member,
            answer.result.next_marker,
        ))
    }
}
