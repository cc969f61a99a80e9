//! The Resource Groups Tagging API. Source of names: botocore's model of resourcegroupstaggingapi, 2017-01-26.

use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clients::Mode;
use crate::wire::members::or_default;
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "Resource Groups Tagging API",
    signing_name: "tagging",
    host: "tagging",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "ResourceGroupsTaggingAPI_20170126",
    was_query: false,
};

/// The most that there is in a page (`ResourcesPerPage`).
const PAGE: u8 = 100;

/// A client for one region: each region's knows only what is there.
#[derive(Debug, Clone)]
pub struct Tagging(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetResourcesAnswer {
    #[serde(default, deserialize_with = "or_default")]
    pub resource_tag_mapping_list: Vec<ResourceTagMapping>,
    /// Empty at the end, as recorded; null by the reference.
    pub pagination_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTagMapping {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Tagging {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// A page of what carries all of these tags; `None` stands for any value.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_resources(
        &self,
        tags: &[(&str, Option<&str>)],
        token: Option<String>,
    ) -> Called<GetResourcesAnswer> {
        // "If you don't specify a value for a key, the response returns all resources that are tagged with that key, with any or
        // no value" (API reference, GetResources).
        let filter = |(key, value): &(&str, Option<&str>)| match value {
            Some(value) => json!({"Key": key, "Values": [value]}),
            None => json!({"Key": key}),
        };
        let filters: Vec<Value> = tags.iter().map(filter).collect();
        let mut input = json!({"TagFilters": filters, "ResourcesPerPage": PAGE});
        if let Some(token) = token {
            input["PaginationToken"] = token.into();
        }
        PROTOCOL.call(&self.0, "GetResources", &input).await
    }
}
