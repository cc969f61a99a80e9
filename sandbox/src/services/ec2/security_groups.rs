//! Security groups and their rules.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{answer, done, list};
use super::requests::{Filter, Listing, TagSpecification, named, specified};
use super::{filters, ids, not_found, seen_network, tag_list, tags_if_any};
use crate::protocols::call::{Answer, Call};
use crate::world::network::interfaces::derived_id;
use crate::world::network::security_groups::{Permission, SecurityGroup, Source};
use crate::world::{Refusal, World};

const FILTERS: &[&str] = &[
    "group-id",
    "group-name",
    "vpc-id",
    "description",
    "owner-id",
    "ip-permission.group-id",
    "ip-permission.cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.from-port",
    "ip-permission.to-port",
    "ip-permission.protocol",
];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let groups = &seen_network(world, &mut state, call).security_groups;
    let refuse = |id: &str| not_found("InvalidGroup.NotFound", "security group", id);
    let all = named(groups.values().collect(), &request.ids, |group| &group.id, refuse)?;
    let all = named(all, &request.names, |group| &group.name, refuse)?;
    check_filters(&request.filter)?;
    let values = |group: &&SecurityGroup, name: &str| values(group, name, &account);
    let chosen = filters::select(all, request.filter, FILTERS, values, |group| group.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "securityGroupInfo", page, |group| {
        view(group, &call.region, &account)
    }))
}

/// A VPC is looked for by its id only: what has not the form of one is refused, with the filter's name as all that is said
/// (aws-cli issue 7137, aws-load-balancer-controller issue 3352).
fn check_filters(asked: &[Filter]) -> Result<(), Refusal> {
    let is_strange = |value: &String| !value.contains(['*', '?']) && !ids::is_id(value, "vpc-");
    match asked
        .iter()
        .find(|it| it.name == "vpc-id" && it.value.iter().any(is_strange))
    {
        Some(filter) => Err(Refusal::new("InvalidParameterValue", &*filter.name)),
        None => Ok(()),
    }
}

fn values(group: &SecurityGroup, name: &str, account: &str) -> Vec<String> {
    let rules = group.ingress.iter();
    match name {
        "group-id" => vec![group.id.clone()],
        "group-name" => vec![group.name.clone()],
        "vpc-id" => vec![group.vpc_id.clone()],
        "description" => vec![group.description.clone()],
        "ip-permission.protocol" => rules.map(|rule| rule.protocol.clone()).collect(),
        "ip-permission.from-port" => rules
            .filter_map(|rule| rule.from_port)
            .map(|port| port.to_string())
            .collect(),
        "ip-permission.to-port" => rules
            .filter_map(|rule| rule.to_port)
            .map(|port| port.to_string())
            .collect(),
        "owner-id" => vec![account.to_owned()],
        _ => rules
            .filter_map(|rule| match (&rule.source, name) {
                (Source::Group(id), "ip-permission.group-id")
                | (Source::Cidr(id), "ip-permission.cidr")
                | (Source::PrefixList(id), "ip-permission.prefix-list-id") => Some(id.clone()),
                _ => None,
            })
            .collect(),
    }
}

fn view(group: &SecurityGroup, region: &str, account: &str) -> Value {
    json!({
        "groupDescription": group.description,
        "groupId": group.id,
        "groupName": group.name,
        "ipPermissions": permissions_view(&group.ingress, account),
        "ipPermissionsEgress": permissions_view(&[anywhere()], account),
        "ownerId": account,
        "securityGroupArn": arn(&group.id, region, account),
        "tagSet": tags_if_any(&group.tags),
        "vpcId": group.vpc_id,
    })
}

/// What every group lets out.
fn anywhere() -> Permission {
    Permission {
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
        source: Source::Cidr("0.0.0.0/0".to_owned()),
        description: None,
    }
}

fn arn(id: &str, region: &str, account: &str) -> String {
    format!("arn:aws:ec2:{region}:{account}:security-group/{id}")
}

/// Rules of one protocol and range are shown as one permission with several sources.
fn permissions_view(rules: &[Permission], account: &str) -> Value {
    let mut shown: Vec<Vec<&Permission>> = Vec::new();
    let span = |rule: &Permission| (rule.protocol.clone(), rule.from_port, rule.to_port);
    for rule in rules {
        match shown.iter_mut().find(|same| span(same[0]) == span(rule)) {
            Some(same) => same.push(rule),
            None => shown.push(vec![rule]),
        }
    }
    shown.into_iter().map(|same| permission_view(&same, account)).collect()
}

fn permission_view(same: &[&Permission], account: &str) -> Value {
    let (mut ranges, mut groups, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for rule in same {
        let description = &rule.description;
        match &rule.source {
            Source::Cidr(cidr) => ranges.push(json!({ "cidrIp": cidr, "description": description })),
            Source::Group(id) => groups.push(json!({ "groupId": id, "userId": account, "description": description })),
            Source::PrefixList(id) => lists.push(json!({ "prefixListId": id, "description": description })),
        }
    }
    let rule = same.first();
    json!({
        "fromPort": rule.and_then(|rule| rule.from_port),
        "groups": groups,
        "ipProtocol": rule.map(|rule| &rule.protocol),
        "ipRanges": ranges,
        "ipv6Ranges": [],
        "prefixListIds": lists,
        "toPort": rule.and_then(|rule| rule.to_port),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSecurityGroup {
    group_name: String,
    group_description: String,
    vpc_id: Option<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateSecurityGroup = call.query()?;
    let tags = specified(request.tag_specification);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let default = network.default_vpc().map(|vpc| vpc.id.clone());
    let vpc_id = request
        .vpc_id
        .or(default)
        .ok_or_else(|| Refusal::new("VPCIdNotSpecified", "No default VPC for this user"))?;
    let id = network.create_security_group(&vpc_id, &request.group_name, &request.group_description, tags.clone())?;
    let made = json!({
        "groupId": id,
        "securityGroupArn": arn(&id, &call.region, &account),
        "tagSet": tag_list(&tags),
    });
    Ok(answer(call, &made))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSecurityGroup {
    group_id: Option<String>,
    group_name: Option<String>,
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteSecurityGroup = call.query()?;
    let mut state = world.lock();
    let here = state.region(&call.region);
    let id = here.network.group_id(request.group_id, request.group_name)?;
    here.delete_security_group(&id)?;
    Ok(answer(call, &json!({ "groupId": id, "return": true })))
}

/// Rules that are to be made, or to go.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ingress {
    group_id: Option<String>,
    group_name: Option<String>,
    #[serde(default)]
    ip_permissions: Vec<IpPermission>,
    // Of a single rule.
    cidr_ip: Option<String>,
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct IpPermission {
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    ip_ranges: Vec<Peer>,
    groups: Vec<Peer>,
    prefix_list_ids: Vec<Peer>,
}

/// Who is let in: one of the three.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Peer {
    cidr_ip: Option<String>,
    group_id: Option<String>,
    prefix_list_id: Option<String>,
    description: Option<String>,
    user_id: Option<String>,
}

impl Peer {
    fn source(&self) -> Option<Source> {
        let cidr = self.cidr_ip.clone().map(Source::Cidr);
        let group = self.group_id.clone().map(Source::Group);
        cidr.or(group)
            .or_else(|| self.prefix_list_id.clone().map(Source::PrefixList))
    }
}

/// Each source of each permission is a rule of its own.
fn rules(request: &Ingress) -> Vec<Permission> {
    let rule = |protocol: &Option<String>, from_port, to_port, source, description| Permission {
        protocol: protocol.clone().unwrap_or_else(|| "-1".to_owned()),
        from_port,
        to_port,
        source,
        description,
    };
    let mut rules = Vec::new();
    for it in &request.ip_permissions {
        let peers = it.ip_ranges.iter().chain(&it.groups).chain(&it.prefix_list_ids);
        rules.extend(peers.filter_map(|peer| {
            let description = peer.description.clone();
            let source = peer.source()?;
            Some(rule(&it.ip_protocol, it.from_port, it.to_port, source, description))
        }));
    }
    let single = request.cidr_ip.clone().map(Source::Cidr);
    let (from_port, to_port) = (request.from_port, request.to_port);
    rules.extend(single.map(|source| rule(&request.ip_protocol, from_port, to_port, source, None)));
    rules
}

pub(super) fn authorize(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Ingress = call.query()?;
    let rules = rules(&request);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.group_id(request.group_id, request.group_name)?;
    network.authorize_ingress(&id, rules.clone())?;
    let group = &network.security_groups[&id];
    let made = rules.iter();
    let made = made.map(|rule| rule_view(group, rule, false, &call.region, &account));
    Ok(answer(
        call,
        &json!({ "return": true, "securityGroupRuleSet": made.collect::<Value>() }),
    ))
}

pub(super) fn revoke(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Ingress = call.query()?;
    let rules = rules(&request);
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let id = network.group_id(request.group_id, request.group_name)?;
    network.revoke_ingress(&id, &rules)?;
    Ok(done(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modification {
    group_id: String,
    #[serde(default)]
    security_group_rule: Vec<RuleUpdate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleUpdate {
    security_group_rule_id: String,
    #[serde(default)]
    security_group_rule: NewRule,
}

/// All of a rule: what is not said of it is not kept.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NewRule {
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ipv4: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

pub(super) fn modify_rules(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Modification = call.query()?;
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let refuse = |id: &str| not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", id);
    for update in request.security_group_rule {
        let group = network.security_groups.get(&request.group_id);
        let group = group.ok_or_else(|| not_found("InvalidGroup.NotFound", "security group", &request.group_id))?;
        let id = &update.security_group_rule_id;
        let mut rules = group.ingress.iter();
        let rule = rules.find(|rule| rule_id(group, rule, false) == *id).cloned();
        let rule = rule.ok_or_else(|| refuse(id))?;
        let to = update.security_group_rule;
        let source = to.cidr_ipv4.map(Source::Cidr);
        let source = source.or(to.referenced_group_id.map(Source::Group));
        let source = source.or(to.prefix_list_id.map(Source::PrefixList));
        // Words of AWS's are not public.
        let source = source.ok_or_else(|| {
            let text = "A security group rule must have exactly one source.";
            Refusal::new("InvalidParameterCombination", text)
        })?;
        let to = Permission {
            protocol: to.ip_protocol.unwrap_or_else(|| "-1".to_owned()),
            from_port: to.from_port,
            to_port: to.to_port,
            source,
            description: to.description,
        };
        network.modify_ingress(&request.group_id, &rule, to)?;
    }
    Ok(done(call))
}

/// A rule's id stays the same while the rule is there.
fn rule_id(group: &SecurityGroup, rule: &Permission, is_egress: bool) -> String {
    derived_id("sgr", &format!("{}{is_egress}{:?}", group.id, group.made_as(rule)))
}

/// A rule by itself.
fn rule_view(group: &SecurityGroup, rule: &Permission, is_egress: bool, region: &str, account: &str) -> Value {
    let id = rule_id(group, rule, is_egress);
    let source = |wanted: fn(&Source) -> Option<&String>| wanted(&rule.source).cloned();
    let referenced = match &rule.source {
        Source::Group(id) => json!({ "groupId": id, "userId": account }),
        Source::Cidr(_) | Source::PrefixList(_) => Value::Null,
    };
    json!({
        "cidrIpv4": source(|it| match it { Source::Cidr(cidr) => Some(cidr), _ => None }),
        "description": rule.description,
        // -1 is "any" here, where a permission leaves the port out.
        "fromPort": rule.from_port.unwrap_or(-1),
        "groupId": group.id,
        "groupOwnerId": account,
        "ipProtocol": rule.protocol,
        "isEgress": is_egress,
        "prefixListId": source(|it| match it { Source::PrefixList(id) => Some(id), _ => None }),
        "referencedGroupInfo": referenced,
        "securityGroupRuleArn": format!("arn:aws:ec2:{region}:{account}:security-group-rule/{id}"),
        "securityGroupRuleId": id,
        "tagSet": [],
        "toPort": rule.to_port.unwrap_or(-1),
    })
}

pub(super) fn describe_rules(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let groups = seen_network(world, &mut state, call).security_groups.values();
    let mut all = Vec::new();
    for group in groups {
        let out = (anywhere(), true);
        let ingress = group.ingress.iter().map(|rule| (rule.clone(), false));
        all.extend(std::iter::once(out).chain(ingress).map(|(rule, is_egress)| {
            let id = rule_id(group, &rule, is_egress);
            (id, group, rule, is_egress)
        }));
    }
    let refuse = |id: &str| not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", id);
    let all = named(all, &request.ids, |(id, ..)| id, refuse)?;
    let values = |(id, group, ..): &(String, &SecurityGroup, Permission, bool), name: &str| match name {
        "group-id" => vec![group.id.clone()],
        _ => vec![id.clone()],
    };
    let names = ["group-id", "security-group-rule-id"];
    let chosen = filters::select(all, request.filter, &names, values, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(
        call,
        "securityGroupRuleSet",
        page,
        |(_, group, rule, is_egress)| rule_view(group, &rule, is_egress, &call.region, &account),
    ))
}
