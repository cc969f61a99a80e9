//! What requests of EC2 have in common: filters, tags for what is made, and lists of what is named.
//! Must know nothing of what is listed.

use serde::Deserialize;

use crate::world::{Refusal, Tags};

/// A request for what there is. Its ids and names are called after what is listed; an operation takes those that its table
/// names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listing {
    #[serde(
        alias = "AllocationId",
        alias = "AssociationId",
        alias = "GroupId",
        alias = "ImageId",
        alias = "InstanceId",
        alias = "InternetGatewayId",
        alias = "KeyPairId",
        alias = "LaunchTemplateId",
        alias = "NetworkInterfaceId",
        alias = "PrefixListId",
        alias = "RouteTableId",
        alias = "SecurityGroupRuleId",
        alias = "SubnetId",
        alias = "VpcEndpointId",
        alias = "VpcId",
        alias = "ZoneId"
    )]
    pub ids: Vec<String>,
    #[serde(
        alias = "GroupName",
        alias = "InstanceType",
        alias = "KeyName",
        alias = "LaunchTemplateName",
        alias = "PublicIp",
        alias = "RegionName",
        alias = "ZoneName"
    )]
    pub names: Vec<String>,
    pub filter: Vec<Filter>,
    pub max_results: Option<i32>,
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub name: String,
    pub value: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Tag {
    pub key: String,
    /// Where a tag is to be deleted, of any value if there is none.
    pub value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TagSpecification {
    resource_type: String,
    tag: Vec<Tag>,
}

/// What is switched on or off: `EnableDnsSupport.Value=true`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Switch {
    pub value: Option<bool>,
}

/// The tags of a list; one without a value has an empty one.
pub(super) fn tags(list: Vec<Tag>) -> Tags {
    let pair = |tag: Tag| (tag.key, tag.value.unwrap_or_default());
    list.into_iter().map(pair).collect()
}

/// The tags that a request gives what it makes.
pub(super) fn specified(specifications: Vec<TagSpecification>) -> Tags {
    specifications.into_iter().flat_map(|it| tags(it.tag)).collect()
}

/// Those of `all` that are named by `key`, or all where none is. What is named has to exist.
///
/// # Errors
/// What `refuse` makes of the first that does not.
pub(super) fn named<T>(
    mut all: Vec<T>,
    named: &[String],
    key: impl Fn(&T) -> &str,
    refuse: impl Fn(&str) -> Refusal,
) -> Result<Vec<T>, Refusal> {
    if let Some(unknown) = named.iter().find(|name| !all.iter().any(|it| key(it) == **name)) {
        return Err(refuse(unknown));
    }
    all.retain(|it| named.is_empty() || named.iter().any(|name| name == key(it)));
    Ok(all)
}
