//! Elastic Load Balancing v2. Source of names: botocore's model of elbv2, 2015-12-01.

use std::collections::BTreeMap;
use std::fmt;

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

/// Resources that DescribeTags takes at once.
pub const MOST_AT_ONCE: usize = 20;

#[derive(Debug, Clone)]
pub struct LoadBalancing(Client);

#[derive(Debug, Deserialize)]
struct LoadBalancersResponse {
    #[serde(rename = "DescribeLoadBalancersResult", alias = "CreateLoadBalancerResult", default)]
    result: LoadBalancersResult,
}

#[derive(Debug, Default, Deserialize)]
struct LoadBalancersResult {
    #[serde(rename = "LoadBalancers", default)]
    load_balancers: Members<LoadBalancer>,
    #[serde(rename = "NextMarker")]
    next_marker: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct LoadBalancer {
    #[serde(rename = "LoadBalancerArn")]
    pub arn: Option<String>,
    #[serde(rename = "LoadBalancerName")]
    pub name: Option<String>,
    #[serde(rename = "DNSName")]
    pub dns_name: Option<String>,
    /// `application`, `network`, `gateway`
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    #[serde(rename = "VpcId")]
    pub vpc_id: Option<String>,
    #[serde(rename = "State")]
    state: Option<State>,
    #[serde(rename = "SecurityGroups", default)]
    security_groups: Members<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct State {
    #[serde(rename = "Code")]
    code: Option<String>,
}

impl LoadBalancer {
    /// `provisioning`, `active`, `active_impaired`, `failed`
    pub fn state(&self) -> &str {
        let code = self.state.as_ref().and_then(|state| state.code.as_deref());
        code.unwrap_or_default()
    }

    pub fn security_groups(&self) -> &[String] {
        &self.security_groups.member
    }
}

/// One that is to be made: an application load balancer for the internet.
#[derive(Debug)]
pub struct CreateLoadBalancer<'a> {
    pub name: &'a str,
    pub subnets: &'a [String],
    pub security_groups: &'a [String],
    pub tags: &'a BTreeMap<String, String>,
}

/// What a rule or a listener does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Action {
    /// `forward`, `fixed-response`, …
    #[serde(rename = "Type")]
    pub kind: String,
    /// Of one that forwards to a single target group.
    target_group_arn: Option<String>,
    forward_config: Option<Forward>,
    pub fixed_response_config: Option<FixedResponse>,
}

/// AWS shows it of every action that forwards, of a single target group beside its ARN (recorded: DescribeListeners).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Forward {
    #[serde(default)]
    target_groups: Members<TargetGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetGroup {
    target_group_arn: String,
    /// Of 0 to 999.
    weight: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FixedResponse {
    pub status_code: String,
    pub content_type: Option<String>,
    pub message_body: Option<String>,
}

impl Action {
    pub fn forward(target_group: &str) -> Self {
        Self {
            kind: "forward".to_owned(),
            target_group_arn: Some(target_group.to_owned()),
            forward_config: None,
            fixed_response_config: None,
        }
    }

    /// To several target groups, each with its weight of 0 to 999. A visitor may come to another one with each request.
    pub fn split(weighed: &[(&str, u32)]) -> Self {
        let groups = weighed.iter().map(|(arn, weight)| TargetGroup {
            target_group_arn: (*arn).to_owned(),
            weight: Some(*weight),
        });
        Self {
            kind: "forward".to_owned(),
            target_group_arn: None,
            forward_config: Some(Forward {
                target_groups: members(groups),
            }),
            fixed_response_config: None,
        }
    }

    /// The target groups to which it forwards something, each with its weight. What a single one weighs means nothing.
    pub fn target_groups(&self) -> Vec<(&str, u32)> {
        let groups = self
            .forward_config
            .iter()
            .flat_map(|forward| &forward.target_groups.member);
        let weighed: Vec<_> = groups
            .map(|group| (group.target_group_arn.as_str(), group.weight.unwrap_or(1)))
            .collect();
        match (&self.target_group_arn, weighed.is_empty()) {
            (Some(only), true) => vec![(only, 1)],
            _ => weighed.into_iter().filter(|(_, weight)| *weight > 0).collect(),
        }
    }

    /// A plain text, without asking anybody.
    pub fn answer(status: u16, body: &str) -> Self {
        Self::fixed(status, "text/plain", body)
    }

    /// The same, of a page.
    pub fn page(status: u16, html: &str) -> Self {
        Self::fixed(status, "text/html", html)
    }

    fn fixed(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            kind: "fixed-response".to_owned(),
            target_group_arn: None,
            forward_config: None,
            fixed_response_config: Some(FixedResponse {
                status_code: status.to_string(),
                content_type: Some(content_type.to_owned()),
                message_body: Some(body.to_owned()),
            }),
        }
    }

    /// The status of a fixed response.
    pub fn status(&self) -> Option<&str> {
        let answer = self.fixed_response_config.as_ref();
        answer.map(|answer| answer.status_code.as_str())
    }

    fn put(&self, form: Form, list: &str) -> Form {
        let at = |name: &str| format!("{list}.member.1.{name}");
        let mut form = form.text(&at("Type"), &self.kind);
        if let Some(arn) = &self.target_group_arn {
            form = form.text(&at("TargetGroupArn"), arn);
        }
        if let Some(forward) = &self.forward_config {
            for (group, number) in forward.target_groups.member.iter().zip(1..) {
                let at = |name: &str| at(&format!("ForwardConfig.TargetGroups.member.{number}.{name}"));
                form = form
                    .text(&at("TargetGroupArn"), &group.target_group_arn)
                    .text(&at("Weight"), &group.weight.unwrap_or(1).to_string());
            }
            form = form.text(&at("ForwardConfig.TargetGroupStickinessConfig.Enabled"), "false");
        }
        if let Some(answer) = &self.fixed_response_config {
            form = form.text(&at("FixedResponseConfig.StatusCode"), &answer.status_code);
            let parts = [
                ("ContentType", &answer.content_type),
                ("MessageBody", &answer.message_body),
            ];
            for (name, value) in parts {
                if let Some(value) = value {
                    form = form.text(&at(&format!("FixedResponseConfig.{name}")), value);
                }
            }
        }
        form
    }
}

/// What a rule asks of a request. Its values may be a secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Condition {
    /// `http-header`, `path-pattern`, …
    pub field: String,
    #[serde(default)]
    values: Members<String>,
    http_header_config: Option<HttpHeader>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpHeader {
    http_header_name: String,
    #[serde(default)]
    values: Members<String>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl Condition {
    pub fn path(pattern: &str) -> Self {
        Self {
            field: "path-pattern".to_owned(),
            values: members([pattern.to_owned()]),
            http_header_config: None,
        }
    }

    pub fn header(name: &str, values: impl IntoIterator<Item = String>) -> Self {
        Self {
            field: "http-header".to_owned(),
            values: Members::default(),
            http_header_config: Some(HttpHeader {
                http_header_name: name.to_owned(),
                values: members(values),
            }),
        }
    }

    /// Of one that asks for a header, its name and the values that will do.
    pub fn as_header(&self) -> Option<(&str, &[String])> {
        let header = self.http_header_config.as_ref()?;
        Some((&header.http_header_name, &header.values.member))
    }

    /// Of one that asks for a path, the patterns that will do.
    pub fn as_path(&self) -> Option<&[String]> {
        (self.field == "path-pattern").then_some(&self.values.member)
    }

    fn put(&self, form: Form, number: usize) -> Form {
        let at = |name: &str| format!("Conditions.member.{number}.{name}");
        let values = self.values.member.iter().map(String::as_str);
        let form = form.text(&at("Field"), &self.field).list(&at("Values"), values);
        match &self.http_header_config {
            None => form,
            Some(header) => {
                let values = header.values.member.iter().map(String::as_str);
                form.text(&at("HttpHeaderConfig.HttpHeaderName"), &header.http_header_name)
                    .list(&at("HttpHeaderConfig.Values"), values)
            }
        }
    }
}

fn members<T>(values: impl IntoIterator<Item = T>) -> Members<T> {
    Members {
        member: values.into_iter().collect(),
    }
}

#[derive(Debug, Deserialize)]
struct ListenersResponse {
    #[serde(rename = "DescribeListenersResult", alias = "CreateListenerResult", default)]
    result: ListenersResult,
}

#[derive(Debug, Default, Deserialize)]
struct ListenersResult {
    #[serde(rename = "Listeners", default)]
    listeners: Members<Listener>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Listener {
    #[serde(rename = "ListenerArn")]
    pub arn: String,
    #[serde(rename = "Port")]
    pub port: Option<u16>,
    /// `HTTP`, `HTTPS`
    #[serde(rename = "Protocol")]
    protocol: Option<String>,
    #[serde(rename = "SslPolicy")]
    ssl_policy: Option<String>,
    #[serde(rename = "Certificates", default)]
    certificates: Members<Certificate>,
    #[serde(rename = "DefaultActions", default)]
    default_actions: Members<Action>,
}

#[derive(Debug, Clone, Deserialize)]
struct Certificate {
    #[serde(rename = "CertificateArn")]
    arn: Option<String>,
}

/// What a listener takes for HTTPS.
#[derive(Debug, Clone, Copy)]
pub struct Tls<'a> {
    /// Its ARN.
    pub certificate: &'a str,
    /// `ELBSecurityPolicy-…`
    pub policy: &'a str,
}

impl Tls<'_> {
    fn put(tls: Option<Self>, form: Form) -> Form {
        match tls {
            None => form.text("Protocol", "HTTP"),
            Some(tls) => form
                .text("Protocol", "HTTPS")
                .text("SslPolicy", tls.policy)
                .text("Certificates.member.1.CertificateArn", tls.certificate),
        }
    }
}

impl Listener {
    pub fn default_actions(&self) -> &[Action] {
        &self.default_actions.member
    }

    pub fn is_https(&self) -> bool {
        self.protocol.as_deref() == Some("HTTPS")
    }

    pub fn ssl_policy(&self) -> Option<&str> {
        self.ssl_policy.as_deref()
    }

    /// The ARN of its default certificate, the only one that a list of listeners tells.
    pub fn certificate(&self) -> Option<&str> {
        self.certificates.member.first()?.arn.as_deref()
    }
}

#[derive(Debug, Deserialize)]
struct RulesResponse {
    #[serde(rename = "DescribeRulesResult", alias = "CreateRuleResult", default)]
    result: RulesResult,
}

#[derive(Debug, Default, Deserialize)]
struct RulesResult {
    #[serde(rename = "Rules", default)]
    rules: Members<Rule>,
    #[serde(rename = "NextMarker")]
    next_marker: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    #[serde(rename = "RuleArn")]
    pub arn: String,
    /// A number, or `default`.
    #[serde(rename = "Priority")]
    priority: String,
    #[serde(rename = "Conditions", default)]
    conditions: Members<Condition>,
    #[serde(rename = "Actions", default)]
    actions: Members<Action>,
}

impl Rule {
    /// The lowest is looked at first; the listener's own action has none.
    pub fn priority(&self) -> Option<u32> {
        self.priority.parse().ok()
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions.member
    }

    pub fn actions(&self) -> &[Action] {
        &self.actions.member
    }
}

#[derive(Debug, Deserialize)]
struct ReservationResponse {
    #[serde(
        rename = "DescribeCapacityReservationResult",
        alias = "ModifyCapacityReservationResult",
        default
    )]
    result: Reservation,
}

/// Capacity that is reserved for a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Reservation {
    minimum_load_balancer_capacity: MinimumCapacity,
    capacity_reservation_state: Members<ZonalReservation>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MinimumCapacity {
    capacity_units: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ZonalReservation {
    state: ReservationState,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReservationState {
    code: String,
    reason: Option<String>,
}

/// The state of what is ready to be used.
pub const PROVISIONED: &str = "provisioned";

impl Reservation {
    /// How many units; none where nothing is reserved.
    pub fn units(&self) -> Option<u32> {
        self.minimum_load_balancer_capacity
            .capacity_units
            .filter(|units| *units > 0)
    }

    /// `provisioned` where it is that in every zone, as HashiCorp's provider reads it too; else what a zone says that is not there
    /// yet: `pending`, `rebalancing`, `failed`.
    pub fn state(&self) -> &str {
        self.unready().map_or(PROVISIONED, |state| state.code.as_str())
    }

    pub fn reason(&self) -> Option<&str> {
        self.unready()?.reason.as_deref()
    }

    fn unready(&self) -> Option<&ReservationState> {
        let states = self.capacity_reservation_state.member.iter().map(|zone| &zone.state);
        let mut unready = states.filter(|state| state.code != PROVISIONED);
        let first = unready.next()?;
        // Of several zones the one that failed says why.
        let failed = |state: &&ReservationState| state.code == "failed";
        Some(std::iter::once(first).chain(unready).find(failed).unwrap_or(first))
    }
}

#[derive(Debug, Deserialize)]
struct TagsResponse {
    #[serde(rename = "DescribeTagsResult", default)]
    result: TagsResult,
}

#[derive(Debug, Default, Deserialize)]
struct TagsResult {
    #[serde(rename = "TagDescriptions", default)]
    descriptions: Members<TagDescription>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagDescription {
    resource_arn: String,
    #[serde(default)]
    tags: Members<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AttributesResponse {
    #[serde(rename = "DescribeLoadBalancerAttributesResult", default)]
    result: AttributesResult,
}

#[derive(Debug, Default, Deserialize)]
struct AttributesResult {
    #[serde(rename = "Attributes", default)]
    attributes: Members<Tag>,
}

#[derive(Debug, Deserialize)]
struct TargetHealthResponse {
    #[serde(rename = "DescribeTargetHealthResult", default)]
    result: TargetHealthResult,
}

#[derive(Debug, Default, Deserialize)]
struct TargetHealthResult {
    #[serde(rename = "TargetHealthDescriptions", default)]
    descriptions: Members<TargetHealthDescription>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetHealthDescription {
    target_health: Option<TargetHealth>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetHealth {
    state: Option<String>,
}

/// An answer of which nothing is wanted.
#[derive(Debug, Deserialize)]
struct Done {}

fn put_tags(form: Form, tags: &BTreeMap<String, String>) -> Form {
    tags.iter().zip(1..).fold(form, |form, ((key, value), number)| {
        form.text(&format!("Tags.member.{number}.Key"), key)
            .text(&format!("Tags.member.{number}.Value"), value)
    })
}

fn put_conditions(form: Form, conditions: &[Condition]) -> Form {
    let numbered = conditions.iter().zip(1..);
    numbered.fold(form, |form, (condition, number)| condition.put(form, number))
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
        let answer: LoadBalancersResponse = form.call(&self.0).await?;
        Ok(answer.result.load_balancers.member)
    }

    /// The load balancer of this name; names are a region's.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn load_balancer_named(&self, name: &str) -> Called<Option<LoadBalancer>> {
        let form = Form::new("DescribeLoadBalancers", VERSION).list("Names", [name]);
        let answer: LoadBalancersResponse = form.call(&self.0).await?;
        Ok(answer.result.load_balancers.member.into_iter().next())
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
        let answer: LoadBalancersResponse = form.call(&self.0).await?;
        Ok(Page::new(
            answer.result.load_balancers.member,
            answer.result.next_marker,
        ))
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn create_load_balancer(&self, wanted: &CreateLoadBalancer<'_>) -> Called<Option<LoadBalancer>> {
        let form = Form::new("CreateLoadBalancer", VERSION)
            .text("Name", wanted.name)
            .text("Type", "application")
            .text("Scheme", "internet-facing")
            .list("Subnets", wanted.subnets.iter().map(String::as_str))
            .list("SecurityGroups", wanted.security_groups.iter().map(String::as_str));
        let answer: LoadBalancersResponse = put_tags(form, wanted.tags).call(&self.0).await?;
        Ok(answer.result.load_balancers.member.into_iter().next())
    }

    /// One that is gone already is no error to AWS.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn delete_load_balancer(&self, arn: &str) -> Called<()> {
        let form = Form::new("DeleteLoadBalancer", VERSION).text("LoadBalancerArn", arn);
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn set_security_groups(&self, arn: &str, groups: &[String]) -> Called<()> {
        let form = Form::new("SetSecurityGroups", VERSION).text("LoadBalancerArn", arn);
        let form = form.list("SecurityGroups", groups.iter().map(String::as_str));
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn attributes(&self, arn: &str) -> Called<BTreeMap<String, String>> {
        let form = Form::new("DescribeLoadBalancerAttributes", VERSION).text("LoadBalancerArn", arn);
        let answer: AttributesResponse = form.call(&self.0).await?;
        let attributes = answer.result.attributes.member.into_iter();
        Ok(attributes
            .map(|attribute| (attribute.key, attribute.value.unwrap_or_default()))
            .collect())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn set_attribute(&self, arn: &str, key: &str, value: &str) -> Called<()> {
        let form = Form::new("ModifyLoadBalancerAttributes", VERSION)
            .text("LoadBalancerArn", arn)
            .text("Attributes.member.1.Key", key)
            .text("Attributes.member.1.Value", value);
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// All of a load balancer, which has at most 50.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn listeners(&self, load_balancer: &str) -> Called<Vec<Listener>> {
        let form = Form::new("DescribeListeners", VERSION).text("LoadBalancerArn", load_balancer);
        let answer: ListenersResponse = form.call(&self.0).await?;
        Ok(answer.result.listeners.member)
    }

    /// One for HTTPS, or for plain HTTP.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn create_listener(
        &self,
        load_balancer: &str,
        port: u16,
        tls: Option<Tls<'_>>,
        action: &Action,
    ) -> Called<Option<Listener>> {
        let form = Form::new("CreateListener", VERSION)
            .text("LoadBalancerArn", load_balancer)
            .text("Port", &port.to_string());
        let form = Tls::put(tls, form);
        let answer: ListenersResponse = action.put(form, "DefaultActions").call(&self.0).await?;
        Ok(answer.result.listeners.member.into_iter().next())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn set_default_action(&self, listener: &str, action: &Action) -> Called<()> {
        let form = Form::new("ModifyListener", VERSION).text("ListenerArn", listener);
        let form = action.put(form, "DefaultActions");
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// "Changing the protocol from HTTPS to HTTP … removes the security policy and default certificate properties" (ModifyListener).
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn set_protocol(&self, listener: &str, tls: Option<Tls<'_>>) -> Called<()> {
        let form = Form::new("ModifyListener", VERSION).text("ListenerArn", listener);
        Tls::put(tls, form).call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn delete_listener(&self, arn: &str) -> Called<()> {
        let form = Form::new("DeleteListener", VERSION).text("ListenerArn", arn);
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// A page of a listener's rules, the default one among them.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn rules(&self, listener: &str, marker: Option<String>) -> Called<Page<Rule>> {
        let form = Form::new("DescribeRules", VERSION).text("ListenerArn", listener);
        let form = match &marker {
            Some(marker) => form.text("Marker", marker),
            None => form,
        };
        let answer: RulesResponse = form.call(&self.0).await?;
        Ok(Page::new(answer.result.rules.member, answer.result.next_marker))
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn create_rule(
        &self,
        listener: &str,
        priority: u32,
        condition: &Condition,
        action: &Action,
        tags: &BTreeMap<String, String>,
    ) -> Called<Option<Rule>> {
        let form = Form::new("CreateRule", VERSION)
            .text("ListenerArn", listener)
            .text("Priority", &priority.to_string());
        let form = put_conditions(form, std::slice::from_ref(condition));
        let answer: RulesResponse = put_tags(action.put(form, "Actions"), tags).call(&self.0).await?;
        Ok(answer.result.rules.member.into_iter().next())
    }

    /// Changes a rule in what is given.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn modify_rule(&self, arn: &str, condition: Option<&Condition>, action: Option<&Action>) -> Called<()> {
        let mut form = Form::new("ModifyRule", VERSION).text("RuleArn", arn);
        if let Some(condition) = condition {
            form = put_conditions(form, std::slice::from_ref(condition));
        }
        if let Some(action) = action {
            form = action.put(form, "Actions");
        }
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn delete_rule(&self, arn: &str) -> Called<()> {
        let form = Form::new("DeleteRule", VERSION).text("RuleArn", arn);
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn set_rule_priorities(&self, priorities: &[(&str, u32)]) -> Called<()> {
        let numbered = priorities.iter().zip(1..);
        let form = numbered.fold(
            Form::new("SetRulePriorities", VERSION),
            |form, ((rule, priority), number)| {
                form.text(&format!("RulePriorities.member.{number}.RuleArn"), rule)
                    .text(
                        &format!("RulePriorities.member.{number}.Priority"),
                        &priority.to_string(),
                    )
            },
        );
        form.call(&self.0).await.map(|Done {}| ())
    }

    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`, …: of each target of the group.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn target_health(&self, target_group: &str) -> Called<Vec<String>> {
        let form = Form::new("DescribeTargetHealth", VERSION).text("TargetGroupArn", target_group);
        let answer: TargetHealthResponse = form.call(&self.0).await?;
        let targets = answer.result.descriptions.member.into_iter();
        let state = |target: TargetHealthDescription| target.target_health.and_then(|health| health.state);
        Ok(targets.map(|target| state(target).unwrap_or_default()).collect())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn capacity_reservation(&self, load_balancer: &str) -> Called<Reservation> {
        let form = Form::new("DescribeCapacityReservation", VERSION).text("LoadBalancerArn", load_balancer);
        let answer: ReservationResponse = form.call(&self.0).await?;
        Ok(answer.result)
    }

    /// Reserves so many capacity units, in place of what is reserved; without a number none any more.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn reserve_capacity(&self, load_balancer: &str, units: Option<u32>) -> Called<Reservation> {
        let form = Form::new("ModifyCapacityReservation", VERSION).text("LoadBalancerArn", load_balancer);
        let form = match units {
            Some(units) => form.text("MinimumLoadBalancerCapacity.CapacityUnits", &units.to_string()),
            None => form.text("ResetCapacityReservation", "true"),
        };
        let answer: ReservationResponse = form.call(&self.0).await?;
        Ok(answer.result)
    }

    /// The tags of load balancers, listeners, rules and target groups, by ARN; at most [`MOST_AT_ONCE`].
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn tags(&self, arns: &[&str]) -> Called<BTreeMap<String, BTreeMap<String, String>>> {
        let form = Form::new("DescribeTags", VERSION).list("ResourceArns", arns.iter().copied());
        let answer: TagsResponse = form.call(&self.0).await?;
        let tagged = answer.result.descriptions.member.into_iter().map(|one| {
            let tags = one.tags.member.into_iter();
            let tags = tags.map(|tag| (tag.key, tag.value.unwrap_or_default()));
            (one.resource_arn, tags.collect())
        });
        Ok(tagged.collect())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn add_tags(&self, arn: &str, tags: &BTreeMap<String, String>) -> Called<()> {
        let form = Form::new("AddTags", VERSION).list("ResourceArns", [arn]);
        put_tags(form, tags).call(&self.0).await.map(|Done {}| ())
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn remove_tags(&self, arn: &str, keys: &[String]) -> Called<()> {
        let form = Form::new("RemoveTags", VERSION).list("ResourceArns", [arn]);
        let form = form.list("TagKeys", keys.iter().map(String::as_str));
        form.call(&self.0).await.map(|Done {}| ())
    }
}
