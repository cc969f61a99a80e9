//! Application load balancers of one's own: made, given listeners and security groups, deleted.
//! Must know nothing of the wire, nor of Beanstalk. Codes and texts: botocore's model of elbv2, and public logs of Terraform and CDK.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::RngExt;

use super::balancing::{Balancing, Listener, LoadBalancer};
use super::balancing_rules::RuleAction;
use super::balancing_tls::ListenerTls;
use super::iam::linked_roles;
use super::{Refusal, Region, Tags, World, ids, quotas};

/// Listeners of one load balancer (ELB guide, load-balancer-limits).
const MOST_LISTENERS: usize = 50;

/// Seconds until one is active. Seen: 2m15, 2m21, 2m28, 2m36, 2m56, 3m07 in public logs of Terraform and CDK of 2025 and 2026.
const PROVISIONING: std::ops::RangeInclusive<u64> = 140..=190;

/// Seconds for which the network interfaces of a deleted one are there still, so that its security groups cannot be deleted. "Some
/// minutes" say those who met it (hashicorp/terraform-provider-aws#1671); how many is not known.
const LEAVING: std::ops::RangeInclusive<u64> = 60..=120;

/// As ELB refuses them in some new accounts (as public event logs show it).
pub(crate) const NO_LOAD_BALANCERS: &str = "This AWS account currently does not support creating load balancers. For more \
     information, please contact AWS Support.";

/// A load balancer that is to be made.
#[derive(Debug, Clone)]
pub struct NewLoadBalancer {
    pub name: String,
    /// Ids.
    pub subnets: Vec<String>,
    /// Ids; none: the VPC's default group.
    pub security_groups: Vec<String>,
    /// `internet-facing`, `internal`.
    pub scheme: String,
    pub tags: Tags,
}

/// As CreateLoadBalancer: one that is there with the same settings is given as it is.
///
/// # Errors
/// `DuplicateLoadBalancerName` and all else that ELB refuses.
pub fn create(world: &Arc<World>, region: &str, caller: &str, new: NewLoadBalancer) -> Result<LoadBalancer, Refusal> {
    let now = world.clock.now();
    let made = {
        let mut state = world.lock();
        let gates = state.gates;
        let account = state.account.clone();
        let here = state.region(region);
        let made = here.planned(&account, &new)?;
        if let Some(existing) = here.balancing.named(&new.name) {
            return match is_alike(existing, &made) {
                true => Ok(existing.clone()),
                false => Err(Refusal::new(
                    "DuplicateLoadBalancerName",
                    format!(
                        "A load balancer with the same name '{}' exists, but with different settings",
                        new.name
                    ),
                )),
            };
        }
        if gates.load_balancers {
            return Err(Refusal::new("OperationNotPermitted", NO_LOAD_BALANCERS));
        }
        if !here
            .quotas
            .has_room(&quotas::LOAD_BALANCERS, here.balancing.load_balancers.len())
        {
            let text = "The maximum number of load balancers has been reached";
            return Err(Refusal::new("TooManyLoadBalancers", text));
        }
        if gates.service_linked_roles {
            let role = &linked_roles::LOAD_BALANCING;
            let ensured = state.iam.ensure_linked_role(&account, now, (caller, region), role);
            ensured.map_err(|why| Refusal::with_status(403, "AccessDenied", why))?;
        }
        let made = LoadBalancer { created: now, ..made };
        let balancers = &mut state.region(region).balancing.load_balancers;
        balancers.insert(made.arn.clone(), made.clone());
        made
    };
    provision(world, region, &made);
    Ok(made)
}

/// It is active some minutes later.
fn provision(world: &Arc<World>, region: &str, made: &LoadBalancer) {
    let seconds = rand::rng().random_range(PROVISIONING);
    let (owner, region, arn, began) = (world.clone(), region.to_owned(), made.arn.clone(), made.created);
    world.spawn(async move {
        owner.clock.sleep_seconds(seconds).await;
        let ended = owner.clock.now();
        let mut state = owner.lock();
        if let Some(balancer) = state.region(&region).balancing.load_balancers.get_mut(&arn) {
            balancer.state = "active".to_owned();
            let name = balancer.name.clone();
            let cycles = &mut state.life_cycles;
            cycles.passed("load balancer", &name, "active", began, ended);
        }
    });
}

/// As DeleteLoadBalancer, which takes its listeners along: "If the load balancer does not exist or has already been deleted, the call
/// succeeds" (ELB API). Its network interfaces stay for a while.
pub fn delete(world: &Arc<World>, region: &str, arn: &str) {
    {
        let mut state = world.lock();
        let balancing = &mut state.region(region).balancing;
        let Some(deleted) = balancing.load_balancers.remove(arn) else {
            return;
        };
        balancing.drop_listeners(|listener| listener.load_balancer_arn == arn);
        balancing.leaving.insert(arn.to_owned(), deleted);
    }
    let seconds = rand::rng().random_range(LEAVING);
    let (owner, region, arn) = (world.clone(), region.to_owned(), arn.to_owned());
    world.spawn(async move {
        owner.clock.sleep_seconds(seconds).await;
        owner.lock().region(&region).balancing.leaving.remove(&arn);
    });
}

/// Whether a second request for it means the same one.
fn is_alike(one: &LoadBalancer, other: &LoadBalancer) -> bool {
    let places = |it: &LoadBalancer| it.subnets.iter().cloned().collect::<BTreeSet<_>>();
    let groups = |it: &LoadBalancer| it.security_groups.iter().cloned().collect::<BTreeSet<_>>();
    one.scheme == other.scheme
        && places(one) == places(other)
        && groups(one) == groups(other)
        && other.tags.iter().all(|(key, value)| one.tags.get(key) == Some(value))
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", text)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let why = if name.is_empty() || name.len() > 32 {
        "cannot be longer than '32' characters"
    } else if !allowed {
        "can only contain characters that are alphanumeric characters and hyphens(-)"
    } else if name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with a hyphen(-)"
    } else if name.starts_with("internal-") {
        "cannot begin with 'internal-'"
    } else {
        return Ok(());
    };
    Err(invalid(format!("The load balancer name '{name}' {why}")))
}

impl Region {
    /// The load balancer that a request is for, if it can be made.
    fn planned(&self, account: &str, new: &NewLoadBalancer) -> Result<LoadBalancer, Refusal> {
        check_name(&new.name)?;
        let mut subnets = Vec::new();
        for id in &new.subnets {
            let subnet = self.network.subnets.get(id);
            let subnet =
                subnet.ok_or_else(|| Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
            subnets.push(subnet);
        }
        let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
        if zones.len() < 2 {
            let text = "At least two subnets in two different Availability Zones must be specified";
            return Err(invalid(text));
        }
        let vpc_id = subnets[0].vpc_id.clone();
        if zones.len() < subnets.len() {
            let text = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
            return Err(Refusal::new("InvalidConfigurationRequest", text));
        }
        if subnets.iter().any(|subnet| subnet.vpc_id != vpc_id) {
            let text = "All subnets must belong to the same VPC";
            return Err(Refusal::new("InvalidSubnet", text));
        }
        let is_internal = new.scheme == "internal";
        if !is_internal && !self.network.has_internet(&vpc_id) {
            let text = format!("VPC {vpc_id} has no internet gateway");
            return Err(Refusal::new("InvalidSubnet", text));
        }
        let security_groups = self.checked_groups(&vpc_id, &new.security_groups)?;
        let (name, region, serial) = (&new.name, &self.name, hexadecimal());
        let internal = if is_internal { "internal-" } else { "" };
        Ok(LoadBalancer {
            arn: format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{serial}"),
            dns_name: format!("{internal}{name}-{}.{region}.elb.localhost", ids::digits(10)),
            name: name.clone(),
            state: "provisioning".to_owned(),
            kind: "application".to_owned(),
            scheme: new.scheme.clone(),
            subnets: subnets
                .iter()
                .map(|subnet| (subnet.zone.clone(), subnet.id.clone()))
                .collect(),
            vpc_id,
            security_groups,
            idle_timeout: 60,
            created: jiff::Timestamp::UNIX_EPOCH,
            tags: new.tags.clone(),
        })
    }

    /// Those groups, if they are all in the VPC; its default one where none is named.
    fn checked_groups(&self, vpc_id: &str, named: &[String]) -> Result<Vec<String>, Refusal> {
        let groups = &self.network.security_groups;
        if named.is_empty() {
            let default = groups.values().find(|it| it.vpc_id == vpc_id && it.name == "default");
            return Ok(default.map(|it| it.id.clone()).into_iter().collect());
        }
        let is_there = |id: &&String| groups.get(*id).is_some_and(|it| it.vpc_id == vpc_id);
        match named.iter().find(|id| !is_there(id)) {
            None => Ok(named.to_vec()),
            Some(id) => Err(Refusal::new(
                "InvalidSecurityGroup",
                format!("One or more security groups are invalid: {id}"),
            )),
        }
    }

    /// As SetSecurityGroups: these in place of those that it has.
    ///
    /// # Errors
    /// Where there is no such load balancer, or no such group in its VPC.
    pub fn set_security_groups(&mut self, arn: &str, named: &[String]) -> Result<Vec<String>, Refusal> {
        let vpc_id = self.balancing.load_balancer(arn)?.vpc_id.clone();
        let groups = self.checked_groups(&vpc_id, named)?;
        self.balancing
            .load_balancer_mut(arn)?
            .security_groups
            .clone_from(&groups);
        Ok(groups)
    }
}

impl Balancing {
    fn named(&self, name: &str) -> Option<&LoadBalancer> {
        self.load_balancers.values().find(|it| it.name == name)
    }

    /// As CreateListener, which works while the load balancer is provisioning (as an integration test on AWS has it:
    /// tmshkr/blue-green-beanstalk, createLoadBalancer.ts).
    ///
    /// # Errors
    /// Where there is no such load balancer or target group, or the port is taken.
    pub fn create_listener(
        &mut self,
        load_balancer: &str,
        port: u16,
        tls: Option<ListenerTls>,
        default_action: RuleAction,
    ) -> Result<Listener, Refusal> {
        self.load_balancer(load_balancer)?;
        self.check_action(&default_action)?;
        let own = self
            .listeners
            .values()
            .filter(|it| it.load_balancer_arn == load_balancer);
        if own.clone().any(|it| it.port == port) {
            return Err(Refusal::new(
                "DuplicateListener",
                format!("A listener already exists on this port for this load balancer '{load_balancer}'"),
            ));
        }
        if own.count() >= MOST_LISTENERS {
            let text = "The maximum number of listeners has been reached";
            return Err(Refusal::new("TooManyListeners", text));
        }
        let made = Listener {
            arn: format!(
                "{}/{}",
                load_balancer.replacen(":loadbalancer/", ":listener/", 1),
                hexadecimal()
            ),
            load_balancer_arn: load_balancer.to_owned(),
            port,
            protocol: protocol_of(tls.as_ref()),
            tls,
            default_action,
        };
        self.listeners.insert(made.arn.clone(), made.clone());
        Ok(made)
    }

    /// # Errors
    /// `ListenerNotFound`.
    pub fn listener(&self, arn: &str) -> Result<&Listener, Refusal> {
        self.listeners.get(arn).ok_or_else(no_listener)
    }

    /// As ModifyListener, of its default action.
    ///
    /// # Errors
    /// `ListenerNotFound`, and what a creation refuses.
    pub fn set_default_action(&mut self, arn: &str, action: RuleAction) -> Result<Listener, Refusal> {
        self.check_action(&action)?;
        let listener = self.listeners.get_mut(arn).ok_or_else(no_listener)?;
        listener.default_action = action;
        Ok(listener.clone())
    }

    /// As ModifyListener, of its protocol; a certificate goes with HTTPS.
    ///
    /// # Errors
    /// `ListenerNotFound`.
    pub fn set_protocol(&mut self, arn: &str, tls: Option<ListenerTls>) -> Result<Listener, Refusal> {
        let listener = self.listeners.get_mut(arn).ok_or_else(no_listener)?;
        listener.protocol = protocol_of(tls.as_ref());
        listener.tls = tls;
        Ok(listener.clone())
    }

    /// As DeleteListener, which takes its rules along.
    ///
    /// # Errors
    /// `ListenerNotFound`.
    pub fn delete_listener(&mut self, arn: &str) -> Result<(), Refusal> {
        if !self.listeners.contains_key(arn) {
            return Err(no_listener());
        }
        self.drop_listeners(|listener| listener.arn == arn);
        Ok(())
    }

    /// Takes listeners away, and their rules with them.
    pub(crate) fn drop_listeners(&mut self, goes: impl Fn(&Listener) -> bool) {
        let gone: BTreeSet<String> = self
            .listeners
            .values()
            .filter(|listener| goes(listener))
            .map(|listener| listener.arn.clone())
            .collect();
        self.listeners.retain(|arn, _| !gone.contains(arn));
        self.rules.retain(|_, rule| !gone.contains(&rule.listener_arn));
    }
}

fn protocol_of(tls: Option<&ListenerTls>) -> String {
    if tls.is_some() { "HTTPS" } else { "HTTP" }.to_owned()
}

fn no_listener() -> Refusal {
    Refusal::new("ListenerNotFound", "One or more listeners not found")
}

pub(crate) fn hexadecimal() -> String {
    ids::uuid().replace('-', "")[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancing_rules::Condition;
    use crate::fakes::{ACCOUNT, Fake, REGION, prepared};
    use crate::network::security_groups::{Permission, Source};

    const CALLER: &str = "arn:aws:iam::000000000000:user/alice";

    fn wanted(fake: &Fake) -> NewLoadBalancer {
        let mut state = fake.world.lock();
        let network = &state.region(REGION).network;
        NewLoadBalancer {
            name: "eb-conference".to_owned(),
            subnets: network.subnets.keys().take(2).cloned().collect(),
            security_groups: Vec::new(),
            scheme: "internet-facing".to_owned(),
            tags: Tags::from([("team".to_owned(), "events".to_owned())]),
        }
    }

    fn refused() -> RuleAction {
        RuleAction::FixedResponse {
            status: 403,
            content_type: None,
            body: String::new(),
        }
    }

    #[tokio::test]
    async fn it_is_made_once_however_often_it_is_asked_for_and_active_later() {
        let fake = prepared();
        let first = create(&fake.world, REGION, CALLER, wanted(&fake)).unwrap();
        assert_eq!(first.state, "provisioning");
        assert!(
            first
                .arn
                .contains(&format!(":{ACCOUNT}:loadbalancer/app/eb-conference/"))
        );
        let again = create(&fake.world, REGION, CALLER, wanted(&fake)).unwrap();
        assert_eq!(again.arn, first.arn);
        let mut other = wanted(&fake);
        other.scheme = "internal".to_owned();
        let refusal = create(&fake.world, REGION, CALLER, other).unwrap_err();
        assert_eq!(refusal.code, "DuplicateLoadBalancerName");
        // A listener and rules need not wait for it.
        fake.world
            .lock()
            .region(REGION)
            .balancing
            .create_listener(&first.arn, 80, None, refused())
            .unwrap();
        let state = || {
            let mut state = fake.world.lock();
            state.region(REGION).balancing.load_balancers[&first.arn].state.clone()
        };
        while state() != "active" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let state = fake.world.lock();
        let cycle = state.life_cycles.iter().find(|it| it.kind == "load balancer").unwrap();
        assert!(cycle.ended - cycle.began >= 140.0, "{cycle:?}");
    }

    #[tokio::test]
    async fn its_group_can_go_some_time_after_it() {
        let fake = prepared();
        let mut new = wanted(&fake);
        let group = {
            let mut state = fake.world.lock();
            let here = state.region(REGION);
            let vpc = here.network.default_vpc().unwrap().id.clone();
            here.network
                .create_security_group(&vpc, "edge-only", "CloudFront", Tags::new())
                .unwrap()
        };
        new.security_groups = vec![group.clone()];
        let made = create(&fake.world, REGION, CALLER, new).unwrap();
        delete(&fake.world, REGION, &made.arn);
        let delete_group = || fake.world.lock().region(REGION).delete_security_group(&group);
        assert_eq!(delete_group().unwrap_err().code, "DependencyViolation");
        // Once more is no error.
        delete(&fake.world, REGION, &made.arn);
        while delete_group().is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let mut state = fake.world.lock();
        assert!(state.region(REGION).balancing.load_balancers.is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_one_is_refused_in_elbs_words() {
        let fake = prepared();
        let refused = |change: &dyn Fn(&mut NewLoadBalancer)| {
            let mut new = wanted(&fake);
            change(&mut new);
            create(&fake.world, REGION, CALLER, new).unwrap_err().code
        };
        assert_eq!(refused(&|new| new.subnets.truncate(1)), "ValidationError");
        assert_eq!(refused(&|new| new.subnets[0] = "subnet-1".to_owned()), "SubnetNotFound");
        assert_eq!(refused(&|new| new.name = "a_b".to_owned()), "ValidationError");
        let stranger = vec!["sg-1".to_owned()];
        assert_eq!(
            refused(&|new| new.security_groups.clone_from(&stranger)),
            "InvalidSecurityGroup"
        );
        let mut state = fake.world.lock();
        let found = state
            .region(REGION)
            .balancing
            .create_listener("lb", 80, None, self::refused());
        assert_eq!(found.unwrap_err().code, "LoadBalancerNotFound");
    }

    #[tokio::test]
    async fn a_listener_goes_with_its_rules_and_a_port_has_one() {
        let fake = prepared();
        let made = create(&fake.world, REGION, CALLER, wanted(&fake)).unwrap();
        let mut state = fake.world.lock();
        let balancing = &mut state.region(REGION).balancing;
        let listener = balancing.create_listener(&made.arn, 80, None, refused()).unwrap();
        let twice = balancing.create_listener(&made.arn, 80, None, refused());
        assert_eq!(twice.unwrap_err().code, "DuplicateListener");
        let all = vec![Condition::PathPattern(vec!["/*".to_owned()])];
        balancing
            .create_rule(&listener.arn, 20, all, refused(), Tags::new())
            .unwrap();
        balancing.delete_listener(&listener.arn).unwrap();
        assert!(balancing.rules.is_empty());
        assert_eq!(
            balancing.delete_listener(&listener.arn).unwrap_err().code,
            "ListenerNotFound"
        );
    }

    #[tokio::test]
    async fn cloudfronts_list_leaves_no_room_for_a_second_rule_of_it() {
        let fake = prepared();
        let mut state = fake.world.lock();
        let here = state.region(REGION);
        let vpc = here.network.default_vpc().unwrap().id.clone();
        let group = here
            .network
            .create_security_group(&vpc, "edge-only", "CloudFront", Tags::new())
            .unwrap();
        let list = |port| vec![Permission::tcp(port, Source::PrefixList("pl-3b927c52".to_owned()))];
        here.network.authorize_ingress(&group, list(80)).unwrap();
        let second = here.network.authorize_ingress(&group, list(443));
        assert_eq!(second.unwrap_err().code, "RulesPerSecurityGroupLimitExceeded");
        // The one that is there can be for both, and goes on being the same.
        let (first, mut both) = (list(80).remove(0), list(443).remove(0));
        both.from_port = Some(80);
        here.network.modify_ingress(&group, &first, both.clone()).unwrap();
        let changed = &here.network.security_groups[&group];
        assert_eq!(changed.ingress, [both.clone()]);
        assert_eq!(changed.made_as(&both), &first);
        let gone = here.network.modify_ingress(&group, &first, both);
        assert_eq!(gone.unwrap_err().code, "InvalidPermission.NotFound");
    }
}
