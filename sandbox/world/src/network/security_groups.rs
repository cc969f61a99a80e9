//! Security groups: who may reach what, kept and reported; at load balancers it is held (`balancing_access`).
//! Must know nothing of instances beyond their network interfaces.

use super::{Network, Region};
use crate::{Refusal, Tags, ids};

#[derive(Debug, Clone)]
pub struct SecurityGroup {
    pub id: String,
    pub vpc_id: String,
    pub name: String,
    pub description: String,
    pub ingress: Vec<Permission>,
    /// Rules that were changed, with what each was made as: a rule is known by that as long as it is there.
    pub changed: Vec<(Permission, Permission)>,
    pub tags: Tags,
}

/// What a rule lets in. Exactly one kind of source is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// `tcp`, `udp`, `icmp` or `-1` for all.
    pub protocol: String,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub source: Source,
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Cidr(String),
    Group(String),
    PrefixList(String),
}

/// Inbound rules that a group may have: so many for IPv4, and so many for IPv6 (VPC user guide, amazon-vpc-limits).
const MOST_RULES: usize = 60;

/// What AWS says CloudFront's list weighs, which is the only one here (CloudFront guide, LocationsOfEdgeServers).
pub const CLOUDFRONT_ENTRIES: u8 = 55;

/// CloudFront's way to an origin, by which a security group can admit nothing else. Ids are AWS's own, of two regions;
/// in the others one is made up.
pub fn cloudfront_prefix_list(region: &str) -> String {
    match region {
        "us-east-1" => "pl-3b927c52".to_owned(),
        "eu-west-1" => "pl-4fa04526".to_owned(),
        other => format!(
            "pl-{:08x}",
            other
                .bytes()
                .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        ),
    }
}

impl Source {
    /// How often it counts among the rules for IPv6, or for IPv4. A reference to a prefix list counts as many times as the list
    /// has room for entries (VPC user guide, amazon-vpc-limits): CloudFront's, of IPv4, leaves no room for a second one.
    /// A group counts in both.
    fn weight(&self, of_ipv6: bool) -> usize {
        match self {
            Self::Cidr(cidr) => usize::from(cidr.contains(':') == of_ipv6),
            Self::PrefixList(_) if of_ipv6 => 0,
            Self::PrefixList(_) => CLOUDFRONT_ENTRIES.into(),
            Self::Group(_) => 1,
        }
    }
}

impl Permission {
    pub(crate) fn tcp(port: i32, source: Source) -> Self {
        Self {
            protocol: "tcp".to_owned(),
            from_port: Some(port),
            to_port: Some(port),
            source,
            description: None,
        }
    }
}

impl SecurityGroup {
    /// The group that every VPC has; it lets its own members in.
    pub(crate) fn default_of(vpc_id: &str) -> Self {
        let id = ids::ec2("sg");
        Self {
            ingress: vec![Permission {
                protocol: "-1".to_owned(),
                from_port: None,
                to_port: None,
                source: Source::Group(id.clone()),
                description: None,
            }],
            changed: Vec::new(),
            id,
            vpc_id: vpc_id.to_owned(),
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            tags: Tags::new(),
        }
    }

    /// What a rule was made as.
    pub fn made_as<'a>(&'a self, rule: &'a Permission) -> &'a Permission {
        let changed = self.changed.iter().find(|(now, _)| now == rule);
        changed.map_or(rule, |(_, was)| was)
    }

    fn refers_to(&self, group: &str) -> bool {
        self.ingress
            .iter()
            .any(|permission| matches!(&permission.source, Source::Group(id) if id == group))
    }
}

fn not_found(id: &str) -> Refusal {
    Refusal::new(
        "InvalidGroup.NotFound",
        format!("The security group '{id}' does not exist"),
    )
}

fn duplicate() -> Refusal {
    Refusal::new("InvalidPermission.Duplicate", "the specified rule already exists")
}

fn no_such_rule() -> Refusal {
    let text = "The specified rule does not exist in this security group.";
    Refusal::new("InvalidPermission.NotFound", text)
}

fn check_weight(rules: &[Permission]) -> Result<(), Refusal> {
    let weight = |of_ipv6| -> usize { rules.iter().map(|rule| rule.source.weight(of_ipv6)).sum() };
    if weight(false) <= MOST_RULES && weight(true) <= MOST_RULES {
        return Ok(());
    }
    let text = "The maximum number of rules per security group has been reached.";
    Err(Refusal::new("RulesPerSecurityGroupLimitExceeded", text))
}

impl Network {
    pub fn create_security_group(
        &mut self,
        vpc_id: &str,
        name: &str,
        description: &str,
        tags: Tags,
    ) -> Result<String, Refusal> {
        if !self.vpcs.contains_key(vpc_id) {
            return Err(super::not_found("InvalidVpcID.NotFound", "vpc", vpc_id));
        }
        if self
            .security_groups
            .values()
            .any(|group| group.vpc_id == vpc_id && group.name == name)
        {
            return Err(Refusal::new(
                "InvalidGroup.Duplicate",
                format!("The security group '{name}' already exists for VPC '{vpc_id}'"),
            ));
        }
        let id = ids::ec2("sg");
        self.security_groups.insert(
            id.clone(),
            SecurityGroup {
                id: id.clone(),
                vpc_id: vpc_id.to_owned(),
                name: name.to_owned(),
                description: description.to_owned(),
                ingress: Vec::new(),
                changed: Vec::new(),
                tags,
            },
        );
        Ok(id)
    }

    /// The id of a group that is meant by its id, or by its name, which only groups of the default VPC can be.
    pub fn group_id(&self, id: Option<String>, name: Option<String>) -> Result<String, Refusal> {
        if let Some(id) = id {
            return Ok(id);
        }
        let name = name.ok_or_else(|| {
            let text = "The request must contain the parameter groupName or groupId";
            Refusal::new("MissingParameter", text)
        })?;
        let vpc_id = self.default_vpc().map(|vpc| vpc.id.clone()).unwrap_or_default();
        let mut groups = self.security_groups.values();
        let found = groups.find(|group| group.vpc_id == vpc_id && group.name == name);
        let found = found.map(|group| group.id.clone());
        found.ok_or_else(|| {
            let text = format!("The security group '{name}' does not exist in default VPC '{vpc_id}'");
            Refusal::new("InvalidGroup.NotFound", text)
        })
    }

    pub fn authorize_ingress(&mut self, id: &str, permissions: Vec<Permission>) -> Result<(), Refusal> {
        for permission in &permissions {
            if let Source::Group(source) = &permission.source
                && !self.security_groups.contains_key(source)
            {
                return Err(not_found(source));
            }
        }
        let group = self.security_groups.get_mut(id).ok_or_else(|| not_found(id))?;
        if permissions.iter().any(|permission| group.ingress.contains(permission)) {
            return Err(duplicate());
        }
        let after: Vec<_> = group.ingress.iter().chain(&permissions).cloned().collect();
        check_weight(&after)?;
        group.ingress = after;
        Ok(())
    }

    /// As ModifySecurityGroupRules of one rule, which goes on being the same one. That its weight is looked at as of what there is then is
    /// inferred.
    ///
    /// # Errors
    /// Where there is no such group or rule, or one like it is there.
    pub fn modify_ingress(&mut self, id: &str, rule: &Permission, to: Permission) -> Result<(), Refusal> {
        let group = self.security_groups.get_mut(id).ok_or_else(|| not_found(id))?;
        let place = group.ingress.iter().position(|known| known == rule);
        let place = place.ok_or_else(no_such_rule)?;
        let mut others = group.ingress.iter().enumerate().filter(|(number, _)| *number != place);
        if others.any(|(_, known)| *known == to) {
            return Err(duplicate());
        }
        let mut after = group.ingress.clone();
        after[place] = to.clone();
        check_weight(&after)?;
        let was = group.made_as(rule).clone();
        group.changed.retain(|(now, _)| now != rule);
        group.changed.push((to, was));
        group.ingress = after;
        Ok(())
    }

    pub fn revoke_ingress(&mut self, id: &str, permissions: &[Permission]) -> Result<(), Refusal> {
        let group = self.security_groups.get_mut(id).ok_or_else(|| not_found(id))?;
        if !permissions.iter().all(|permission| group.ingress.contains(permission)) {
            return Err(no_such_rule());
        }
        group.ingress.retain(|permission| !permissions.contains(permission));
        group.changed.retain(|(now, _)| !permissions.contains(now));
        Ok(())
    }
}

impl Region {
    /// Refused while an interface is in the group or another group's rule names it.
    pub fn delete_security_group(&mut self, id: &str) -> Result<(), Refusal> {
        let group = self.network.security_groups.get(id).ok_or_else(|| not_found(id))?;
        if group.name == "default" {
            return Err(Refusal::new(
                "CannotDelete",
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
            ));
        }
        let mut others = self.network.security_groups.values().filter(|other| other.id != id);
        let referred = others.any(|other| other.refers_to(id));
        let in_use = self
            .network_interfaces()
            .iter()
            .any(|interface| interface.security_groups.iter().any(|member| member == id));
        if referred || in_use {
            return Err(Refusal::new(
                "DependencyViolation",
                format!("resource {id} has a dependent object"),
            ));
        }
        self.network.security_groups.remove(id);
        Ok(())
    }
}
