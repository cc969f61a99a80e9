//! Security groups and their rules.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, not_found, seen_network, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::network::interfaces::derived_id;
use crate::world::network::security_groups::{Permission, SecurityGroup, Source};
use crate::world::{Refusal, World};

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeSecurityGroupsRequest = call.query()?;
    let ids = request.group_ids.map(|list| list.items);
    let group_names = request.group_names.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let groups = &seen_network(world, &mut state, call).security_groups;
    let refuse = |id: &str| not_found("InvalidGroup.NotFound", "security group", id);
    all_known(ids.as_ref(), |id| groups.contains_key(id), refuse)?;
    all_known(
        group_names.as_ref(),
        |name| groups.values().any(|it| it.name == name),
        refuse,
    )?;
    let wanted = |group: &&SecurityGroup| {
        ids.as_ref().is_none_or(|ids| ids.contains(&group.id))
            && group_names.as_ref().is_none_or(|names| names.contains(&group.name))
    };
    let all: Vec<_> = groups.values().filter(wanted).collect();
    let names = [
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
    let chosen = filters::select(
        all,
        request.filters,
        &names,
        |group, name| values(group, name, &account),
        |group| group.tags.clone(),
    )?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeSecurityGroupsResult {
        next_token,
        security_groups: Some(
            chosen
                .into_iter()
                .map(|group| view(group, &call.region, &account))
                .collect(),
        ),
    };
    Ok(wire::serialize_describe_security_groups_response(&result).into())
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

fn view(group: &SecurityGroup, region: &str, account: &str) -> m::SecurityGroup {
    let everything = m::IpPermission {
        ip_protocol: Some("-1".to_owned()),
        ip_ranges: Some(
            vec![m::IpRange {
                cidr_ip: Some("0.0.0.0/0".to_owned()),
                description: None,
            }]
            .into(),
        ),
        ipv6_ranges: Some(Vec::new().into()),
        prefix_list_ids: Some(Vec::new().into()),
        user_id_group_pairs: Some(Vec::new().into()),
        ..m::IpPermission::default()
    };
    m::SecurityGroup {
        description: Some(group.description.clone()),
        group_id: Some(group.id.clone()),
        group_name: Some(group.name.clone()),
        ip_permissions: Some(permissions_view(&group.ingress, account).into()),
        ip_permissions_egress: Some(vec![everything].into()),
        owner_id: Some(account.to_owned()),
        security_group_arn: Some(arn(&group.id, region, account)),
        tags: Some(tag_list(&group.tags)),
        vpc_id: Some(group.vpc_id.clone()),
    }
}

fn arn(id: &str, region: &str, account: &str) -> String {
    format!("arn:aws:ec2:{region}:{account}:security-group/{id}")
}

/// Protocol, first and last port.
type Span<'a> = (&'a str, Option<i32>, Option<i32>);

/// Rules of one protocol and range are shown as one permission with several sources.
fn permissions_view(rules: &[Permission], account: &str) -> Vec<m::IpPermission> {
    let mut shown: Vec<(Span, Vec<&Permission>)> = Vec::new();
    for rule in rules {
        let key = (rule.protocol.as_str(), rule.from_port, rule.to_port);
        match shown.iter_mut().find(|(known, _)| *known == key) {
            Some((_, same)) => same.push(rule),
            None => shown.push((key, vec![rule])),
        }
    }
    shown
        .into_iter()
        .map(|((protocol, from_port, to_port), rules)| {
            let (mut ranges, mut groups, mut lists) = (Vec::new(), Vec::new(), Vec::new());
            for rule in rules {
                let description = rule.description.clone();
                match &rule.source {
                    Source::Cidr(cidr) => ranges.push(m::IpRange {
                        cidr_ip: Some(cidr.clone()),
                        description,
                    }),
                    Source::Group(id) => groups.push(m::UserIdGroupPair {
                        description,
                        group_id: Some(id.clone()),
                        user_id: Some(account.to_owned()),
                        ..m::UserIdGroupPair::default()
                    }),
                    Source::PrefixList(id) => lists.push(m::PrefixListId {
                        description,
                        prefix_list_id: Some(id.clone()),
                    }),
                }
            }
            m::IpPermission {
                from_port,
                ip_protocol: Some(protocol.to_owned()),
                ip_ranges: Some(ranges.into()),
                ipv6_ranges: Some(Vec::new().into()),
                prefix_list_ids: Some(lists.into()),
                to_port,
                user_id_group_pairs: Some(groups.into()),
            }
        })
        .collect()
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateSecurityGroupRequest = call.query()?;
    let tags = specified(request.tag_specifications);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let default = network.default_vpc().map(|vpc| vpc.id.clone());
    let vpc_id = request
        .vpc_id
        .or(default)
        .ok_or_else(|| Refusal::new("VPCIdNotSpecified", "No default VPC for this user"))?;
    let id = network.create_security_group(&vpc_id, &request.group_name, &request.description, tags.clone())?;
    let result = m::CreateSecurityGroupResult {
        security_group_arn: Some(arn(&id, &call.region, &account)),
        group_id: Some(id),
        tags: Some(tag_list(&tags)),
    };
    Ok(wire::serialize_create_security_group_response(&result).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteSecurityGroupRequest = call.query()?;
    let mut state = world.lock();
    let here = state.region(&call.region);
    let id = here.network.group_id(request.group_id, request.group_name)?;
    here.delete_security_group(&id)?;
    let result = m::DeleteSecurityGroupResult {
        group_id: Some(id),
        r#return: Some(true),
    };
    Ok(wire::serialize_delete_security_group_response(&result).into())
}

/// Each source of each permission is a rule of its own.
fn rules(list: Option<m::IpPermissionList>, single: Option<m::IpPermission>) -> Vec<Permission> {
    let all = list
        .map(|list| list.items)
        .unwrap_or_default()
        .into_iter()
        .chain(single);
    let mut rules = Vec::new();
    for permission in all {
        let mut add = |source: Option<Source>, description: Option<String>| {
            if let Some(source) = source {
                rules.push(Permission {
                    protocol: permission.ip_protocol.clone().unwrap_or_else(|| "-1".to_owned()),
                    from_port: permission.from_port,
                    to_port: permission.to_port,
                    source,
                    description,
                });
            }
        };
        for range in permission.ip_ranges.iter().flat_map(|list| &list.items) {
            add(range.cidr_ip.clone().map(Source::Cidr), range.description.clone());
        }
        for pair in permission.user_id_group_pairs.iter().flat_map(|list| &list.items) {
            add(pair.group_id.clone().map(Source::Group), pair.description.clone());
        }
        for prefix in permission.prefix_list_ids.iter().flat_map(|list| &list.items) {
            add(
                prefix.prefix_list_id.clone().map(Source::PrefixList),
                prefix.description.clone(),
            );
        }
    }
    rules
}

fn single(
    cidr: Option<String>,
    protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
) -> Option<m::IpPermission> {
    cidr.map(|cidr| m::IpPermission {
        from_port,
        ip_protocol: protocol,
        ip_ranges: Some(
            vec![m::IpRange {
                cidr_ip: Some(cidr),
                description: None,
            }]
            .into(),
        ),
        to_port,
        ..m::IpPermission::default()
    })
}

pub(super) fn authorize(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AuthorizeSecurityGroupIngressRequest = call.query()?;
    let single = single(request.cidr_ip, request.ip_protocol, request.from_port, request.to_port);
    let rules = rules(request.ip_permissions, single);
    let mut state = world.lock();
    let account = state.account.clone();
    let network = &mut state.region(&call.region).network;
    let id = network.group_id(request.group_id, request.group_name)?;
    network.authorize_ingress(&id, rules.clone())?;
    let made = rules.iter().map(|rule| rule_view(&id, rule, &call.region, &account));
    let result = m::AuthorizeSecurityGroupIngressResult {
        r#return: Some(true),
        security_group_rules: Some(made.collect()),
    };
    Ok(wire::serialize_authorize_security_group_ingress_response(&result).into())
}

pub(super) fn revoke(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RevokeSecurityGroupIngressRequest = call.query()?;
    let single = single(request.cidr_ip, request.ip_protocol, request.from_port, request.to_port);
    let rules = rules(request.ip_permissions, single);
    let mut state = world.lock();
    let network = &mut state.region(&call.region).network;
    let id = network.group_id(request.group_id, request.group_name)?;
    network.revoke_ingress(&id, &rules)?;
    let result = m::RevokeSecurityGroupIngressResult {
        r#return: Some(true),
        ..m::RevokeSecurityGroupIngressResult::default()
    };
    Ok(wire::serialize_revoke_security_group_ingress_response(&result).into())
}

/// A rule by itself, with an id that stays the same while the rule is there.
fn rule_view(group_id: &str, rule: &Permission, region: &str, account: &str) -> m::SecurityGroupRule {
    let id = derived_id("sgr", &format!("{group_id}{rule:?}"));
    let mut view = m::SecurityGroupRule {
        description: rule.description.clone(),
        // -1 is "any" here, where a permission leaves the port out.
        from_port: Some(rule.from_port.unwrap_or(-1)),
        group_id: Some(group_id.to_owned()),
        group_owner_id: Some(account.to_owned()),
        ip_protocol: Some(rule.protocol.clone()),
        is_egress: Some(false),
        security_group_rule_arn: Some(format!("arn:aws:ec2:{region}:{account}:security-group-rule/{id}")),
        security_group_rule_id: Some(id),
        tags: Some(Vec::new().into()),
        to_port: Some(rule.to_port.unwrap_or(-1)),
        ..m::SecurityGroupRule::default()
    };
    match &rule.source {
        Source::Cidr(cidr) => view.cidr_ipv4 = Some(cidr.clone()),
        Source::PrefixList(id) => view.prefix_list_id = Some(id.clone()),
        Source::Group(id) => {
            view.referenced_group_info = Some(m::ReferencedSecurityGroup {
                group_id: Some(id.clone()),
                user_id: Some(account.to_owned()),
                ..m::ReferencedSecurityGroup::default()
            });
        }
    }
    view
}

pub(super) fn describe_rules(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeSecurityGroupRulesRequest = call.query()?;
    let ids = request.security_group_rule_ids.map(|list| list.items);
    let mut state = world.lock();
    let account = state.account.clone();
    let groups = &seen_network(world, &mut state, call).security_groups;
    let anywhere = |group: &SecurityGroup| {
        let rule = Permission {
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            source: Source::Cidr("0.0.0.0/0".to_owned()),
            description: Some("egress".to_owned()),
        };
        m::SecurityGroupRule {
            description: None,
            is_egress: Some(true),
            ..rule_view(&group.id, &rule, &call.region, &account)
        }
    };
    let mut all = Vec::new();
    for group in groups.values() {
        all.push(anywhere(group));
        let ingress = group.ingress.iter();
        all.extend(ingress.map(|rule| rule_view(&group.id, rule, &call.region, &account)));
    }
    let id = |rule: &m::SecurityGroupRule| rule.security_group_rule_id.clone().unwrap_or_default();
    let known = |wanted: &str| all.iter().any(|rule| id(rule) == wanted);
    let refuse = |id: &str| not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", id);
    all_known(ids.as_ref(), known, refuse)?;
    all.retain(|rule| ids.as_ref().is_none_or(|ids| ids.contains(&id(rule))));
    let values = |rule: &m::SecurityGroupRule, name: &str| match name {
        "group-id" => rule.group_id.iter().cloned().collect(),
        _ => vec![id(rule)],
    };
    let names = ["group-id", "security-group-rule-id"];
    let chosen = filters::select(all, request.filters, &names, values, filters::no_tags)?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeSecurityGroupRulesResult {
        next_token,
        security_group_rules: Some(chosen.into()),
    };
    Ok(wire::serialize_describe_security_group_rules_response(&result).into())
}
