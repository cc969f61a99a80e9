//! CloudFormation. Source of names: botocore's model of cloudformation, 2010-05-15.

use aws_config::SdkConfig;
use serde::Deserialize;

use crate::clients::Mode;
use crate::wire::xml::Members;
use crate::wire::{Called, Client, Form, Service};

const SERVICE: Service = Service {
    id: "CloudFormation",
    signing_name: "cloudformation",
    host: "cloudformation",
};
const VERSION: &str = "2010-05-15";

#[derive(Debug, Clone)]
pub struct CloudFormation(Client);

#[derive(Debug, Deserialize)]
struct DescribeStacksResponse {
    #[serde(rename = "DescribeStacksResult", default)]
    result: DescribeStacksResult,
}

#[derive(Debug, Default, Deserialize)]
struct DescribeStacksResult {
    #[serde(rename = "Stacks", default)]
    stacks: Members<Stack>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stack {
    pub stack_status: String,
    pub stack_status_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DescribeStackResourcesResponse {
    #[serde(rename = "DescribeStackResourcesResult", default)]
    result: DescribeStackResourcesResult,
}

#[derive(Debug, Default, Deserialize)]
struct DescribeStackResourcesResult {
    #[serde(rename = "StackResources", default)]
    resources: Members<StackResource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackResource {
    pub logical_resource_id: Option<String>,
    pub physical_resource_id: Option<String>,
}

impl CloudFormation {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// The stack of this name, or the deleted one of this id.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn describe_stacks(&self, name: &str) -> Called<Vec<Stack>> {
        let form = Form::new("DescribeStacks", VERSION).text("StackName", name);
        let answer: DescribeStacksResponse = form.call(&self.0).await?;
        Ok(answer.result.stacks.member)
    }

    /// A stack's resources, at most 100: this operation has no pages.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn describe_stack_resources(&self, stack: &str) -> Called<Vec<StackResource>> {
        let form = Form::new("DescribeStackResources", VERSION).text("StackName", stack);
        let answer: DescribeStackResourcesResponse = form.call(&self.0).await?;
        Ok(answer.result.resources.member)
    }
}
