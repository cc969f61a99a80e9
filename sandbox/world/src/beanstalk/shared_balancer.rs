//! An environment behind a load balancer that its owner made, alone or with others: a rule on the listener, and nothing else of it.
//! Must know nothing of how that load balancer is made (Beanstalk guide: environments-cfg-alb-shared).

use super::catalogue::{BALANCER, COMMAND, ENVIRONMENT, LISTENER, TRIGGER};
use super::permissions;
use super::resources::{Part, Site};
use super::settings::{Problem, Settings};
use super::workflow::Run;
use crate::balancing_rules::{Condition, RuleAction};

pub(super) const RULE: Part = (
    "AWSEBV2LoadBalancerListenerRule",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
);

/// The tag by which Beanstalk counts on the load balancer who shares it (public modules for Terraform ignore it as drift).
const COUNT: &str = "elasticbeanstalk:shared-elb-environment-count";

/// The port of the listener that gets the rule, where nothing else is said.
const PORT: u16 = 80;

/// And where something is: the option `Rules` of a listener's own namespace, which ends in its port.
const OF_A_LISTENER: &str = "aws:elbv2:listener:";
const RULES: &str = "Rules";
/// The rule that the environment has in any case.
const DEFAULT: &str = "default";

/// The port of the listener that gets the rule by this option.
fn port_of((namespace, name): (&str, &str), value: &str) -> Option<u16> {
    let port = namespace.strip_prefix(OF_A_LISTENER)?.parse().ok()?;
    (name == RULES && value == DEFAULT).then_some(port)
}

/// Whether an option of a listener's own namespace is one that the sandbox goes by.
pub(super) fn knows(namespace: &str, name: &str, value: &str) -> bool {
    port_of((namespace, name), value).is_some()
}

/// Measures of a trigger that count all who share the load balancer (Beanstalk guide: command-options-general).
const MEASURES: [&str; 3] = ["HealthyHostCount", "UnhealthyHostCount", "TargetResponseTime"];

impl Settings {
    /// Whether the environment's load balancer is one that is there.
    pub(crate) fn is_shared(&self) -> bool {
        !self.is_single_instance() && self.is_true(ENVIRONMENT, "LoadBalancerIsShared")
    }
}

/// What does not go together with a shared load balancer. That AWS refuses the measures is documented; where and in which words is
/// not, nor what it does with traffic splitting there.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !settings.is_shared() {
        let own = settings
            .of_api()
            .filter(|((namespace, name), value)| knows(namespace, name, value));
        let why = "This sandbox has no option of this namespace.";
        problems.extend(own.map(|((namespace, name), value)| Problem::of_value(namespace, name, value, why)));
        return problems;
    }
    let mut refuse = |namespace: &str, name: &str, why: &str| {
        problems.push(Problem::of_value(namespace, name, &settings.text(namespace, name), why));
    };
    if settings.get(ENVIRONMENT, "LoadBalancerType") != Some("application") {
        let why = "Only an application load balancer can be shared.";
        refuse(ENVIRONMENT, "LoadBalancerIsShared", why);
    }
    if settings.get(BALANCER, "SharedLoadBalancer").is_none() {
        let why = "You must specify the ARN of the shared load balancer.";
        refuse(BALANCER, "SharedLoadBalancer", why);
    }
    if MEASURES.contains(&settings.text(TRIGGER, "MeasureName").as_str()) {
        let why = "The measure is not available with a shared load balancer.";
        refuse(TRIGGER, "MeasureName", why);
    }
    if settings.get(COMMAND, "DeploymentPolicy") == Some("TrafficSplitting") {
        let why = "This sandbox has traffic splitting behind a load balancer of the environment's own only.";
        refuse(COMMAND, "DeploymentPolicy", why);
    }
    problems
}

/// What is said of listeners counts with a shared load balancer only: others the sandbox has at port 80 alone.
fn ports(settings: &Settings) -> Vec<u16> {
    let given = settings.of_api();
    let ports: Vec<u16> = given
        .filter_map(|((namespace, name), value)| port_of((namespace, name), value))
        .collect();
    if ports.is_empty() { vec![PORT] } else { ports }
}

/// An option that Beanstalk would set on a load balancer of its own: "cannot be applied because AWSEBV2LoadBalancer doesn't exist"
/// (cloudposse/terraform-aws-elastic-beanstalk-environment PR 185, of AccessLogsS3Enabled; that it is so of the others is inferred).
fn of_its_own_balancer(settings: &Settings) -> Option<String> {
    let is_applied = |(namespace, name): &(String, String)| match namespace.as_str() {
        LISTENER => true,
        BALANCER => !["SecurityGroups", "SharedLoadBalancer"].contains(&name.as_str()),
        _ => false,
    };
    let mut given = settings.of_api();
    given.find_map(|(key, _)| is_applied(key).then(|| key.1.clone()))
}

/// Makes the rule, and what else is done to the load balancer.
///
/// # Errors
/// Why the stack cannot use it. Whether AWS says so at once or, as here, by the stack is not known.
pub(super) fn join(run: &Run, caller: &str) -> Result<(), (Part, String)> {
    permissions::check(run, caller, RULE, permissions::LISTENER_RULE)?;
    let made = run.site(|site| site.join_shared_balancer());
    let rule = made.unwrap_or(Ok(None))?;
    if let Some(arn) = rule {
        run.info(format!("Created Load Balancer listener rule named: {arn}"));
    }
    Ok(())
}

/// Takes the rule away, and what else was done to the load balancer.
///
/// # Errors
/// Where the caller may not.
pub(super) fn leave(run: &Run, caller: &str) -> Result<(), (Part, String)> {
    let made = run.snapshot().map(|environment| environment.made).unwrap_or_default();
    if made.load_balancer.is_none() {
        return Ok(());
    }
    permissions::check(run, caller, RULE, permissions::NO_LISTENER_RULE)?;
    run.site(|site| site.leave_shared_balancer());
    if let Some(arn) = made.listener_rule {
        run.info(format!("Deleted Load Balancer listener rule named: {arn}"));
    }
    Ok(())
}

impl Site<'_> {
    /// The environment's own name goes to its instances, behind all rules that are there: "this environment's rules are adjusted to
    /// have lower priority than existing rules" (aws/elastic-beanstalk-roadmap#217). Gives the rule, where there is a listener for it.
    fn join_shared_balancer(&mut self) -> Result<Option<String>, (Part, String)> {
        let settings = self.settings();
        let arn = settings.text(BALANCER, "SharedLoadBalancer");
        if let Some(name) = of_its_own_balancer(&settings) {
            let why = format!("{name} cannot be applied because AWSEBV2LoadBalancer doesn't exist");
            return Err((RULE, why));
        }
        let target_group = self.environment.made.target_group.clone().unwrap_or_default();
        let balancing = &mut self.here.balancing;
        let balancer = balancing
            .load_balancer(&arn)
            .map_err(|refusal| (RULE, refusal.message))?;
        let group = balancing.target_group(&target_group);
        let vpc_id = group.map_err(|refusal| (RULE, refusal.message))?.vpc_id.clone();
        let unfit = |why: &str| Err((RULE, format!("The load balancer '{arn}' {why}")));
        if balancer.kind != "application" || balancer.name.starts_with("awseb-") {
            return unfit("is no application load balancer that can be shared");
        }
        if balancer.state != "active" {
            return unfit("is not active");
        }
        if balancer.vpc_id != vpc_id {
            return unfit("is in another VPC");
        }
        let dns_name = balancer.dns_name.clone();
        let mut listeners = balancing.listeners.values();
        let ports = ports(&settings);
        let listener = listeners.find(|it| it.load_balancer_arn == arn && ports.contains(&it.port));
        let mut made = None;
        if let Some(listener) = listener.map(|listener| listener.arn.clone()) {
            let priority = balancing.rules_of(&listener).last().map_or(1, |rule| rule.priority + 1);
            let host = Condition::HostHeader(vec![self.environment.cname.clone().unwrap_or_default()]);
            let (forward, tags) = (RuleAction::forward(target_group), self.environment.resource_tags());
            let rule = balancing.create_rule(&listener, priority, vec![host], forward, tags);
            made = Some(rule.map_err(|refusal| (RULE, refusal.message))?.arn);
        }
        self.count(&arn, 1);
        if let Some(own) = self.environment.made.balancer_security_group.clone()
            && let Ok(balancer) = self.here.balancing.load_balancer_mut(&arn)
        {
            balancer.security_groups.push(own);
        }
        if let Some(rule) = &made {
            self.complete(RULE, rule);
        }
        self.environment.made.listener_rule.clone_from(&made);
        self.environment.made.load_balancer = Some(arn);
        // "The URL to the load balancer" (Beanstalk API, EndpointURL): what it is with a shared one is inferred.
        self.environment.endpoint = Some(dns_name);
        Ok(made)
    }

    fn leave_shared_balancer(&mut self) {
        if let Some(rule) = self.environment.made.listener_rule.take() {
            self.here.balancing.rules.remove(&rule);
            self.record(RULE, &rule, "DELETE_COMPLETE", None);
        }
        if let Some(arn) = self.environment.made.load_balancer.take() {
            self.count(&arn, -1);
            let own = self.environment.made.balancer_security_group.clone();
            if let Ok(balancer) = self.here.balancing.load_balancer_mut(&arn) {
                balancer.security_groups.retain(|group| Some(group) != own.as_ref());
            }
        }
        self.environment.endpoint = None;
    }

    /// One more, or one less, of those who share it.
    fn count(&mut self, arn: &str, change: i32) {
        let Ok(balancer) = self.here.balancing.load_balancer_mut(arn) else {
            return;
        };
        let present = balancer.tags.get(COUNT).and_then(|count| count.parse::<i32>().ok());
        match present.unwrap_or(0) + change {
            0 => balancer.tags.remove(COUNT),
            count => balancer.tags.insert(COUNT.to_owned(), count.to_string()),
        };
    }
}
