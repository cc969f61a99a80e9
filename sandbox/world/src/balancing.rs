//! Elastic Load Balancing v2: load balancers, listeners, target groups and the health of their targets.
//! Must know nothing of how traffic is carried; `proxy/` reads this and writes target health.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::balancing_capacity::Reservation;
use super::balancing_rules::{ListenerRule, RuleAction};
use super::balancing_tls::ListenerTls;
use super::compute::InstanceState;
use super::{Item, Region, Tags, World};

#[derive(Debug, Default, Clone)]
pub struct Balancing {
    /// By ARN.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// By ARN.
    pub target_groups: BTreeMap<String, TargetGroup>,
    /// By ARN.
    pub listeners: BTreeMap<String, Listener>,
    /// By ARN; without the default ones, which are their listeners'.
    pub rules: BTreeMap<String, ListenerRule>,
    /// Deleted ones, whose network interfaces are still there.
    pub leaving: BTreeMap<String, LoadBalancer>,
    /// By the load balancer's ARN, for which some was reserved once.
    pub reservations: BTreeMap<String, Reservation>,
}

#[derive(Debug, Clone)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    /// `NAME-DIGITS.REGION.elb.localhost`; without a port.
    pub dns_name: String,
    /// `provisioning`, `active`.
    pub state: String,
    /// `application`; `classic` for one of the first generation, see [`is_classic`].
    pub kind: String,
    /// `internet-facing`, `internal`.
    pub scheme: String,
    pub vpc_id: String,
    /// Availability zone and subnet id.
    pub subnets: Vec<(String, String)>,
    pub security_groups: Vec<String>,
    /// Seconds.
    pub idle_timeout: u32,
    pub created: Timestamp,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub struct Listener {
    pub arn: String,
    pub load_balancer_arn: String,
    pub port: u16,
    /// `HTTP`, `HTTPS`.
    pub protocol: String,
    /// Of HTTPS.
    pub tls: Option<ListenerTls>,
    /// What is done with a request that no rule is for.
    pub default_action: RuleAction,
}

#[derive(Debug, Clone)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub port: u16,
    pub protocol: String,
    pub vpc_id: String,
    pub check: HealthCheck,
    /// Seconds that a deregistered target still finishes what it has.
    pub deregistration_delay: u32,
    /// By instance id.
    pub targets: BTreeMap<String, Target>,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// `None`: the port that the target has its traffic at.
    pub port: Option<u16>,
    /// Empty where a connection is enough, as for a classic load balancer with a TCP check.
    pub path: String,
    /// Seconds of sandbox time.
    pub interval: u32,
    /// Seconds.
    pub timeout: u32,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    /// `200`, `200,301` or `200-299`.
    pub matcher: String,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub instance_id: String,
    pub port: u16,
    pub state: TargetState,
    /// Results in a row of the newest kind; reset when the kind changes.
    pub streak: u32,
    pub last_ok: bool,
    pub reason: Option<String>,
    pub description: Option<String>,
}

impl Target {
    /// Nothing new reaches it from now on.
    fn drain(&mut self) {
        self.state = TargetState::Draining;
        self.reason = Some("Target.DeregistrationInProgress".to_owned());
        self.description = Some("Target deregistration is in progress".to_owned());
    }

    pub fn is_draining(&self) -> bool {
        self.state == TargetState::Draining
    }

    /// A target as RegisterTargets makes it: `initial` until its first checks have passed.
    pub fn new(instance_id: &str, port: u16) -> Self {
        Self {
            instance_id: instance_id.to_owned(),
            port,
            state: TargetState::Initial,
            streak: 0,
            last_ok: false,
            reason: Some("Elb.RegistrationInProgress".to_owned()),
            description: Some("Target registration is in progress".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    Initial,
    Healthy,
    Unhealthy,
    Draining,
}

impl TargetState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
        }
    }
}

/// A load balancer of the first generation has its instances itself. Here its target group has the load balancer's own
/// ARN, and is no resource.
pub fn is_classic(arn: &str) -> bool {
    arn.contains(":loadbalancer/") && !arn.contains(":loadbalancer/app/")
}

/// A target's health as DescribeTargetHealth shows it.
#[derive(Debug, PartialEq)]
pub struct ShownHealth {
    pub state: &'static str,
    pub reason: Option<String>,
    pub description: Option<String>,
}

impl ShownHealth {
    fn unused(reason: &str, description: impl Into<String>) -> Self {
        Self {
            state: "unused",
            reason: Some(reason.to_owned()),
            description: Some(description.into()),
        }
    }

    /// Of a target that somebody asks for and the group does not have.
    pub fn not_registered() -> Self {
        Self::unused("Target.NotRegistered", "Target is not registered to the target group")
    }
}

impl Region {
    /// A target that no load balancer forwards to, or whose instance does not run, is `unused`, whatever checks would say (ELB
    /// API, TargetHealth).
    pub fn shown_health(&self, group: &TargetGroup, target: &Target) -> ShownHealth {
        if self.balancing.balancers_of(&group.arn).is_empty() {
            let text = "Target group is not configured to receive traffic from the load balancer";
            return ShownHealth::unused("Target.NotInUse", text);
        }
        let instance = self.compute.instances.get(&target.instance_id);
        let state = instance.map(|instance| instance.state);
        if let Some(state @ (InstanceState::ShuttingDown | InstanceState::Terminated)) = state
            && target.state != TargetState::Draining
        {
            let text = format!("Target is in the {} state", state.as_str());
            return ShownHealth::unused("Target.InvalidState", text);
        }
        ShownHealth {
            state: target.state.as_str(),
            reason: target.reason.clone(),
            description: target.description.clone(),
        }
    }
}

impl Balancing {
    /// What the API of the second generation shows.
    pub fn second_generation(&self) -> Self {
        let mut shown = self.clone();
        shown.load_balancers.retain(|arn, _| !is_classic(arn));
        shown.target_groups.retain(|arn, _| !is_classic(arn));
        shown
            .listeners
            .retain(|_, listener| !is_classic(&listener.load_balancer_arn));
        shown
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("elasticloadbalancing", region);
        let mut items: Vec<_> = self
            .load_balancers
            .values()
            .map(|it| item("load-balancer", &it.arn, &it.name, &it.tags))
            .collect();
        items.extend(
            self.target_groups
                .values()
                .filter(|it| !is_classic(&it.arn))
                .map(|it| item("target-group", &it.arn, &it.name, &it.tags)),
        );
        items.extend(
            self.listeners
                .values()
                .filter(|it| !is_classic(&it.load_balancer_arn))
                .map(|it| item("listener", &it.arn, "", &Tags::new())),
        );
        items
    }

    /// The load balancers whose listeners, or their rules, forward to that target group.
    pub fn balancers_of(&self, target_group: &str) -> Vec<String> {
        let leads_there = |action: &RuleAction| action.forwards().iter().any(|(arn, _)| arn == target_group);
        let forwards = |listener: &&Listener| {
            let by_rule = |rule: &&ListenerRule| leads_there(&rule.action);
            leads_there(&listener.default_action) || self.rules_of(&listener.arn).iter().any(by_rule)
        };
        let listeners = self.listeners.values().filter(forwards);
        let mut arns: Vec<String> = listeners.map(|listener| listener.load_balancer_arn.clone()).collect();
        arns.dedup();
        arns
    }
}

/// Takes a target out of a group: it drains for the group's delay, then it is gone.
pub fn deregister(world: &Arc<World>, region: &str, target_group: &str, instance_id: &str) {
    let delay = {
        let mut state = world.lock();
        let group = state.region(region).balancing.target_groups.get_mut(target_group);
        let Some((delay, target)) =
            group.and_then(|group| Some((group.deregistration_delay, group.targets.get_mut(instance_id)?)))
        else {
            return;
        };
        target.drain();
        delay
    };
    let (owner, region) = (world.clone(), region.to_owned());
    let (target_group, instance_id) = (target_group.to_owned(), instance_id.to_owned());
    world.spawn(async move {
        owner.clock.sleep_seconds(delay.into()).await;
        let mut state = owner.lock();
        let group = state.region(&region).balancing.target_groups.get_mut(&target_group);
        if let Some(group) = group
            && group.targets.get(&instance_id).is_some_and(Target::is_draining)
        {
            group.targets.remove(&instance_id);
        }
    });
}
