//! WAFv2, of scope CLOUDFRONT. Source of names: botocore's model of wafv2, 2019-07-29.
//!
//! What is not named here is kept as AWS gave it, and goes back with an update: one replaces the whole web ACL.

use aws_config::SdkConfig;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clients::Mode;
use crate::paging::Page;
use crate::wire::members::or_default;
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "WAFV2",
    signing_name: "wafv2",
    host: "wafv2",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "AWSWAF_20190729",
    was_query: false,
};

const SCOPE: &str = "CLOUDFRONT";

/// What GetWebACL gives of a web ACL and UpdateWebACL does not take.
const READ_ONLY: &[&str] = &[
    "ARN",
    "Capacity",
    "LabelNamespace",
    "ManagedByFirewallManager",
    "PostProcessFirewallManagerRuleGroups",
    "PreProcessFirewallManagerRuleGroups",
    "RetrofittedByFirewallManager",
];

#[derive(Debug, Clone)]
pub struct Waf(Client);

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebAclSummary {
    pub name: Option<String>,
    pub id: Option<String>,
    #[serde(rename = "ARN")]
    pub arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListWebAclsAnswer {
    #[serde(rename = "WebACLs", default, deserialize_with = "or_default")]
    web_acls: Vec<WebAclSummary>,
    next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsForResourceAnswer {
    #[serde(default, deserialize_with = "or_default")]
    tag_info_for_resource: TagInfo,
    next_marker: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagInfo {
    #[serde(default, deserialize_with = "or_default")]
    tag_list: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetWebAclAnswer {
    #[serde(rename = "WebACL")]
    pub web_acl: Option<WebAcl>,
    pub lock_token: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebAcl {
    #[serde(rename = "ARN", skip_serializing)]
    pub arn: String,
    pub default_action: DefaultAction,
    #[serde(default, deserialize_with = "or_default")]
    pub rules: Vec<Rule>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// One of the two is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DefaultAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    pub name: String,
    pub priority: i64,
    #[serde(default)]
    pub statement: Statement,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<RuleAction>,
    /// In place of an action, where the rule holds a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_action: Option<RuleAction>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// One of them, or one of those that are not named here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RuleAction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Value>,
    /// Of an override: the group's own actions hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_rule_group_statement: Option<ManagedRuleGroupStatement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_based_statement: Option<RateBasedStatement>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ManagedRuleGroupStatement {
    pub vendor_name: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub excluded_rules: Vec<Value>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub rule_action_overrides: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_down_statement: Option<Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RateBasedStatement {
    pub limit: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation_window_sec: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_down_statement: Option<Value>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What CreateWebACL is asked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateWebAcl<'a> {
    pub name: &'a str,
    pub default_action: DefaultAction,
    pub rules: Vec<Rule>,
    pub visibility_config: Value,
    pub tags: Vec<Tag>,
}

impl Waf {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// A page of the account's web ACLs. AWS gives a marker even with the only page; the one after it is empty.
    ///
    /// Source: github.com/boto/boto3 issue 3715.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_web_acls(&self, marker: Option<String>) -> Called<Page<WebAclSummary>> {
        let input = with_marker(json!({"Scope": SCOPE}), marker);
        let answer: ListWebAclsAnswer = PROTOCOL.call(&self.0, "ListWebACLs", &input).await?;
        Ok(page(answer.web_acls, answer.next_marker))
    }

    /// A page of a resource's tags. AWS gives `""` as marker with the last one, and refuses it where it is sent.
    ///
    /// Source: the AWS CLI's example of `wafv2 list-tags-for-resource`; `NextMarker`'s minimum length in the model.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_tags_for_resource(&self, arn: &str, marker: Option<String>) -> Called<Page<Tag>> {
        let input = with_marker(json!({"ResourceARN": arn}), marker);
        let answer: ListTagsForResourceAnswer = PROTOCOL.call(&self.0, "ListTagsForResource", &input).await?;
        Ok(page(answer.tag_info_for_resource.tag_list, answer.next_marker))
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_web_acl(&self, name: &str, id: &str) -> Called<GetWebAclAnswer> {
        let input = json!({"Name": name, "Scope": SCOPE, "Id": id});
        PROTOCOL.call(&self.0, "GetWebACL", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_web_acl_by_arn(&self, arn: &str) -> Called<GetWebAclAnswer> {
        PROTOCOL.call(&self.0, "GetWebACL", &json!({"ARN": arn})).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn create_web_acl(&self, web_acl: &CreateWebAcl<'_>) -> Called<IgnoredAny> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Input<'a> {
            scope: &'static str,
            #[serde(flatten)]
            web_acl: &'a CreateWebAcl<'a>,
        }
        let input = Input { scope: SCOPE, web_acl };
        PROTOCOL.call(&self.0, "CreateWebACL", &input).await
    }

    /// Replaces the web ACL of this name and id, if it is still the one that came with the lock token.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn update_web_acl(&self, web_acl: &WebAcl, lock_token: &str) -> Called<IgnoredAny> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Input<'a> {
            scope: &'static str,
            lock_token: &'a str,
            #[serde(flatten)]
            web_acl: &'a WebAcl,
        }
        let mut web_acl = web_acl.clone();
        web_acl.rest.retain(|name, value| {
            // WAF hands out an empty description and takes none (its minimum length is 1).
            let is_empty = value.is_null() || (name == "Description" && value == "");
            !is_empty && !READ_ONLY.contains(&name.as_str())
        });
        let input = Input {
            scope: SCOPE,
            lock_token,
            web_acl: &web_acl,
        };
        PROTOCOL.call(&self.0, "UpdateWebACL", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn delete_web_acl(&self, name: &str, id: &str, lock_token: &str) -> Called<IgnoredAny> {
        let input = json!({"Name": name, "Scope": SCOPE, "Id": id, "LockToken": lock_token});
        PROTOCOL.call(&self.0, "DeleteWebACL", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn tag_resource(&self, arn: &str, tags: &[Tag]) -> Called<IgnoredAny> {
        let input = json!({"ResourceARN": arn, "Tags": tags});
        PROTOCOL.call(&self.0, "TagResource", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn untag_resource(&self, arn: &str, keys: &[String]) -> Called<IgnoredAny> {
        let input = json!({"ResourceARN": arn, "TagKeys": keys});
        PROTOCOL.call(&self.0, "UntagResource", &input).await
    }
}

fn with_marker(mut input: Value, marker: Option<String>) -> Value {
    if let Some(marker) = marker {
        input["NextMarker"] = marker.into();
    }
    input
}

/// An empty page is the last one, whatever its marker says.
fn page<T>(items: Vec<T>, marker: Option<String>) -> Page<T> {
    let marker = marker.filter(|_| !items.is_empty());
    Page::new(items, marker)
}
