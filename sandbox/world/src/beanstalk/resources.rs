//! Makes and removes what an environment consists of, each through the part of the world that owns it, recorded in the
//! environment's stack. Must know nothing of the order and pace; the workflows have those.

use std::collections::BTreeMap;

use super::catalogue::{
    ASG, BALANCER, CLASSIC, CLASSIC_LISTENER, CLASSIC_POLICIES, HEALTH_LOGS, INSTANCES, LAUNCH, LISTENER, LOGS,
    PROCESS, TOPICS, TRIGGER, VPC,
};
use super::places::Places;
use super::settings::Settings;
use super::workflow::Run;
use super::{Environment, Made, classic, deployment};
use crate::balancing::{HealthCheck, Listener, LoadBalancer, TargetGroup};
use crate::balancing_making::hexadecimal;
use crate::balancing_rules::RuleAction;
use crate::compute::{InstanceSpec, images};
use crate::monitoring::LogGroup;
use crate::monitoring::alarms::NewAlarm;
use crate::network::Subnet;
use crate::network::security_groups::{Permission, Source};
use crate::notifications::{Subscription, Topic};
use crate::scaling::policies::Adjustment;
use crate::scaling::{LaunchSource, NewGroup, OnLaunch, keeper};
use crate::stacks::Stack;
use crate::{Refusal, Region, World, ids};

/// Logical id and type in the stack.
pub(super) type Part = (&'static str, &'static str);

pub(super) const SECURITY_GROUP: Part = ("AWSEBSecurityGroup", "AWS::EC2::SecurityGroup");
pub(super) const BALANCER_GROUP: Part = ("AWSEBLoadBalancerSecurityGroup", "AWS::EC2::SecurityGroup");
pub(super) const TEMPLATE: Part = ("AWSEBEC2LaunchTemplate", "AWS::EC2::LaunchTemplate");
pub(super) const CONFIGURATION: Part = (
    "AWSEBAutoScalingLaunchConfiguration",
    "AWS::AutoScaling::LaunchConfiguration",
);
pub(super) const TARGETS: Part = (
    "AWSEBV2LoadBalancerTargetGroup",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
);
pub(super) const GROUP: Part = ("AWSEBAutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup");
pub(super) const UP: Part = ("AWSEBAutoScalingScaleUpPolicy", "AWS::AutoScaling::ScalingPolicy");
pub(super) const DOWN: Part = ("AWSEBAutoScalingScaleDownPolicy", "AWS::AutoScaling::ScalingPolicy");
pub(super) const HIGH: Part = ("AWSEBCloudwatchAlarmHigh", "AWS::CloudWatch::Alarm");
pub(super) const LOW: Part = ("AWSEBCloudwatchAlarmLow", "AWS::CloudWatch::Alarm");
pub(super) const LOAD_BALANCER: Part = ("AWSEBV2LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer");
pub(super) const LISTENER_80: Part = ("AWSEBV2LoadBalancerListener", "AWS::ElasticLoadBalancingV2::Listener");
pub(super) const ADDRESS: Part = ("AWSEBEIP", "AWS::EC2::EIP");
pub(super) const WAIT_HANDLE: Part = (
    "AWSEBInstanceLaunchWaitHandle",
    "AWS::CloudFormation::WaitConditionHandle",
);
pub(super) const WAIT: Part = ("AWSEBInstanceLaunchWaitCondition", "AWS::CloudFormation::WaitCondition");

/// The end of the name of the log group for changes of health.
pub(super) const HEALTH_LOG: &str = "environment-health.log";

/// Everything that is needed to make one part.
pub(super) struct Site<'a> {
    pub here: &'a mut Region,
    pub account: String,
    pub environment: Environment,
    run: &'a Run,
}

impl Run {
    /// Works on the region with the environment as it is; what was made is written back.
    pub(super) fn site<T>(&self, act: impl FnOnce(&mut Site) -> T) -> Option<T> {
        let mut state = self.world.lock();
        let account = state.account.clone();
        let here = state.region(&self.region);
        let environment = here.beanstalk.environments.get(&self.id)?.clone();
        let mut site = Site {
            here,
            account,
            environment,
            run: self,
        };
        let result = act(&mut site);
        let Site { here, environment, .. } = site;
        if let Some(record) = here.beanstalk.environments.get_mut(&self.id) {
            record.made = environment.made;
            record.endpoint = environment.endpoint;
        }
        Some(result)
    }

    /// Sets the status of the environment's stack.
    pub(super) fn stack(&self, status: &str, reason: Option<&str>) {
        let now = self.world.clock.now();
        self.site(|site| {
            let id = site.environment.made.stack.clone().unwrap_or_default();
            if let Some(stack) = site.here.stacks.find_mut(&id) {
                stack.set_status(status, reason, now);
            }
        });
    }
}

/// Without Spot only the first of the list is used (Beanstalk guide: command-options-general).
pub(super) fn instance_type(settings: &Settings) -> String {
    let list = settings.list(INSTANCES, "InstanceTypes");
    let first = list.into_iter().next();
    first
        .or_else(|| settings.get(LAUNCH, "InstanceType").map(str::to_owned))
        .unwrap_or_else(|| "t3.micro".to_owned())
}

/// A launch template instead of a launch configuration. Reports say that DisableIMDSv1 alone is not enough
/// (github.com/aws/aws-elastic-beanstalk-cli/issues/528), and that its default makes none (as public event logs show it): both
/// have to be there.
pub(super) fn wants_template(settings: &Settings) -> bool {
    let mappings = settings.text(LAUNCH, "BlockDeviceMappings");
    let gp3 = settings.get(LAUNCH, "RootVolumeType") == Some("gp3") || mappings.contains("gp3");
    gp3 && settings.is_true(LAUNCH, "DisableIMDSv1")
}

impl Site<'_> {
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.run.world.clock.now()
    }

    /// Region and account.
    pub(super) fn origin(&self) -> (String, String) {
        (self.run.region.clone(), self.account.clone())
    }

    /// Security groups of the load balancer: Beanstalk's own, and those that were given.
    pub(super) fn balancer_groups(&self) -> Vec<String> {
        let own = self.environment.made.balancer_security_group.clone();
        let settings = &self.environment.settings;
        own.into_iter()
            .chain(settings.list(balancer_options(settings), "SecurityGroups"))
            .collect()
    }

    pub(super) fn tags(&self) -> crate::Tags {
        self.environment.resource_tags()
    }

    pub(super) fn settings(&self) -> Settings {
        self.environment.settings.clone()
    }

    fn made(&mut self) -> &mut Made {
        &mut self.environment.made
    }

    /// `awseb-e-…-stack-AWSEBAutoScalingGroup-XXXXXXXXXXXX`.
    fn name_of(&self, part: Part) -> String {
        format!("{}-{}-{}", self.environment.stack_name(), part.0, ids::capitals(12))
    }

    /// Records a part in the stack.
    pub(super) fn record(&mut self, part: Part, physical_id: &str, status: &str, reason: Option<&str>) {
        let now = self.run.world.clock.now();
        let id = self.environment.made.stack.clone().unwrap_or_default();
        if let Some(stack) = self.here.stacks.find_mut(&id) {
            stack.resource(part, physical_id, status, reason, now);
        }
    }

    pub(super) fn complete(&mut self, part: Part, physical_id: &str) {
        self.record(
            part,
            physical_id,
            "CREATE_IN_PROGRESS",
            Some("Resource creation Initiated"),
        );
        self.record(part, physical_id, "CREATE_COMPLETE", None);
    }

    pub(super) fn make_stack(&mut self) {
        let now = self.run.world.clock.now();
        let stack = Stack::new(
            &self.run.region,
            &self.account,
            &self.environment.stack_name(),
            now,
            self.tags(),
        );
        self.made().stack = Some(stack.id.clone());
        self.here.stacks.stacks.push(stack);
        let handle = format!(
            "https://cloudformation-waitcondition-{}.s3.amazonaws.com/{}",
            self.run.region,
            ids::uuid()
        );
        self.complete(WAIT_HANDLE, &handle);
    }

    /// The load balancer's group lets the world in at 80; the instances' lets the load balancer in, and SSH.
    pub(super) fn make_security_groups(&mut self, vpc_id: &str) -> Result<Vec<String>, (Part, String)> {
        let settings = self.settings();
        let mut made = Vec::new();
        let balanced = !settings.is_single_instance();
        let mut from = Source::Cidr("0.0.0.0/0".to_owned());
        let of_shared = settings.list(BALANCER, "SecurityGroups").into_iter().next();
        if let Some(given) = of_shared.filter(|_| settings.is_shared()) {
            // With none given the group below goes to the shared load balancer, until the last environment leaves it (Beanstalk
            // guide: command-options-general, SecurityGroups).
            from = Source::Group(given);
        } else if let Some(managed) = settings
            .get(balancer_options(&settings), "ManagedSecurityGroup")
            .filter(|_| balanced)
        {
            from = Source::Group(managed.to_owned());
        } else if balanced {
            let id = self.make_group(
                vpc_id,
                BALANCER_GROUP,
                "Elastic Beanstalk created security group used when no ELB \
                 security groups are specified during ELB creation",
                from,
            )?;
            self.made().balancer_security_group = Some(id.clone());
            from = Source::Group(id.clone());
            made.push(id);
        }
        if !settings.is_true(LAUNCH, "DisableDefaultEC2SecurityGroup") {
            let id = self.make_group(vpc_id, SECURITY_GROUP, "VPC Security Group", from)?;
            self.open_ssh(&id, &settings);
            self.made().security_group = Some(id.clone());
            made.push(id);
        }
        Ok(made)
    }

    fn make_group(
        &mut self,
        vpc_id: &str,
        part: Part,
        description: &str,
        from: Source,
    ) -> Result<String, (Part, String)> {
        let (name, tags) = (self.name_of(part), self.tags());
        let network = &mut self.here.network;
        let made = network
            .create_security_group(vpc_id, &name, description, tags)
            .and_then(|id| {
                network.authorize_ingress(&id, vec![Permission::tcp(80, from)])?;
                Ok(id)
            });
        let id = made.map_err(|refusal| (part, refusal.message))?;
        self.complete(part, &id);
        Ok(id)
    }

    /// Port 22 is open to the world unless `SSHSourceRestriction` names who may come, with or without a key pair
    /// (Beanstalk guide: using-features.managing.ec2.instances.sg).
    pub(super) fn open_ssh(&mut self, group: &str, settings: &Settings) {
        let Some(group) = self.here.network.security_groups.get_mut(group) else {
            return;
        };
        group.ingress.retain(|permission| permission.from_port != Some(22));
        let restriction = settings.list(LAUNCH, "SSHSourceRestriction");
        let source = restriction.last().map_or("0.0.0.0/0", String::as_str);
        let source = if source.starts_with("sg-") {
            Source::Group(source.to_owned())
        } else {
            Source::Cidr(source.to_owned())
        };
        group.ingress.push(Permission::tcp(22, source));
    }

    /// How instances are launched by these settings.
    pub(super) fn spec(&self, profile_arn: Option<String>) -> InstanceSpec {
        let settings = &self.environment.settings;
        let own = self.environment.made.security_group.clone();
        let more = settings.list(LAUNCH, "SecurityGroups");
        InstanceSpec {
            image_id: settings
                .get(LAUNCH, "ImageId")
                .unwrap_or_else(|| images::for_architectures(&settings.list(INSTANCES, "SupportedArchitectures")))
                .to_owned(),
            instance_type: instance_type(settings),
            key_name: settings.get(LAUNCH, "EC2KeyName").map(str::to_owned),
            profile_arn,
            security_groups: own.into_iter().chain(more).collect(),
            public_ip: settings
                .get(VPC, "AssociatePublicIpAddress")
                .map(|value| value == "true"),
            volume_type: settings.get(LAUNCH, "RootVolumeType").map(str::to_owned),
            requires_imds_v2: settings.is_true(LAUNCH, "DisableIMDSv1"),
            detailed_monitoring: settings.get(LAUNCH, "MonitoringInterval") == Some("1 minute"),
        }
    }

    pub(super) fn make_launch_template(&mut self, spec: InstanceSpec, caller: &str) -> LaunchSource {
        let name = self.name_of(TEMPLATE);
        let (now, tags) = (self.run.world.clock.now(), self.tags());
        let id = self.here.compute.create_launch_template(&name, now, caller, spec, tags);
        self.complete(TEMPLATE, &id);
        self.made().launch_template = Some(id.clone());
        LaunchSource::Template(id, name, 1)
    }

    /// The stack deletes the one that this one replaces.
    pub(super) fn make_launch_configuration(&mut self, spec: InstanceSpec) -> LaunchSource {
        let (name, now) = (self.name_of(CONFIGURATION), self.run.world.clock.now());
        let scaling = &mut self.here.scaling;
        scaling.create_configuration(&self.run.region, &self.account, &name, spec, now);
        self.complete(CONFIGURATION, &name);
        if let Some(replaced) = self.made().launch_configuration.replace(name.clone()) {
            self.here.scaling.configurations.remove(&replaced);
        }
        LaunchSource::Configuration(name)
    }

    pub(super) fn make_target_group(&mut self, vpc_id: &str) -> String {
        let arn = self.make_further_target_group(vpc_id);
        self.complete(TARGETS, &arn);
        self.made().target_group = Some(arn.clone());
        arn
    }

    /// One beside the environment's own; no part of its stack.
    pub(super) fn make_further_target_group(&mut self, vpc_id: &str) -> String {
        let settings = self.settings();
        // On a shared load balancer it has a name of its own (aws/elastic-beanstalk-roadmap#267).
        let name = match settings.is_shared() {
            false => format!("awseb-AWSEB-{}", ids::capitals(12)),
            true => {
                let environment: String = self.environment.name.chars().take(12).collect();
                format!("awseb-{}-default-{}", environment.trim_end_matches('-'), ids::smalls(5))
            }
        };
        let (region, account) = (&self.run.region, &self.account);
        let arn = format!(
            "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{}",
            hexadecimal()
        );
        let group = TargetGroup {
            arn: arn.clone(),
            name,
            port: instance_port(&settings),
            protocol: settings.text(PROCESS, "Protocol"),
            vpc_id: vpc_id.to_owned(),
            check: health_check(&settings),
            deregistration_delay: draining(&settings),
            targets: BTreeMap::new(),
            tags: self.tags(),
        };
        self.here.balancing.target_groups.insert(arn.clone(), group);
        arn
    }

    pub(super) fn make_auto_scaling_group(
        &mut self,
        spec: InstanceSpec,
        launch: LaunchSource,
        subnets: &[Subnet],
    ) -> String {
        let settings = self.settings();
        let name = self.name_of(GROUP);
        let (min, max) = sizes(&settings);
        let new = NewGroup {
            name: name.clone(),
            min,
            max,
            cooldown: i32::try_from(settings.whole(ASG, "Cooldown")).unwrap_or(360),
            subnets: subnets.iter().map(|subnet| subnet.id.clone()).collect(),
            zones: subnets.iter().map(|subnet| subnet.zone.clone()).collect(),
            spec,
            launch,
            target_groups: self.environment.made.target_group.clone().into_iter().collect(),
            tags: self.tags(),
            on_launch: Some(OnLaunch {
                owner: self.environment.id.clone(),
                tell: deployment::start_up,
            }),
        };
        let now = self.run.world.clock.now();
        self.here
            .scaling
            .create_group(&self.run.region, &self.account, new, now);
        self.complete(GROUP, &name);
        self.made().group = Some(name.clone());
        keeper::keep(&self.run.world, &self.run.region, &name);
        name
    }

    /// Two policies and two alarms that run them.
    pub(super) fn make_triggers(&mut self, group: &str) {
        let settings = self.settings();
        let (region, account) = (self.run.region.clone(), self.account.clone());
        let increments = [(UP, "UpperBreachScaleIncrement"), (DOWN, "LowerBreachScaleIncrement")];
        let [up, down] = increments.map(|(part, option)| {
            let adjustment = i32::try_from(settings.whole(TRIGGER, option)).unwrap_or(1);
            let name = self.name_of(part);
            let arn = self
                .here
                .scaling
                .create_policy(&region, &account, group, &name, Adjustment::Change(adjustment));
            self.complete(part, &arn);
            arn
        });
        let [high, low] = [(HIGH, &up), (LOW, &down)].map(|(part, policy)| {
            let name = self.name_of(part);
            self.put_alarm(part, &name, policy);
            self.complete(part, &name);
            name
        });
        let made = self.made();
        (made.up_policy, made.down_policy) = (Some(up), Some(down));
        (made.high_alarm, made.low_alarm) = (Some(high), Some(low));
    }

    /// Sets both alarms again: those of the load balancer's metrics were made before it had a name.
    pub(super) fn refresh_alarms(&mut self) {
        let made = self.environment.made.clone();
        for (part, alarm, policy) in [
            (HIGH, made.high_alarm, made.up_policy),
            (LOW, made.low_alarm, made.down_policy),
        ] {
            if let (Some(alarm), Some(policy)) = (alarm, policy) {
                self.put_alarm(part, &alarm, &policy);
            }
        }
    }

    /// Sets an alarm as the trigger's options say. The comparison is strict (as the alarms of public stacks show it).
    pub(super) fn put_alarm(&mut self, part: Part, name: &str, policy: &str) {
        let settings = self.settings();
        let now = self.run.world.clock.now();
        let (direction, threshold, comparison) = if part == HIGH {
            ("Up", "UpperThreshold", "GreaterThanThreshold")
        } else {
            ("Down", "LowerThreshold", "LessThanThreshold")
        };
        let metric = settings.text(TRIGGER, "MeasureName");
        let of_instances = metric == "CPUUtilization" || metric.starts_with("Network") || metric.starts_with("Disk");
        let (namespace, dimension, value) = if of_instances {
            ("AWS/EC2", "AutoScalingGroupName", self.environment.made.group.clone())
        } else {
            let arn = self.environment.made.load_balancer.clone();
            if settings.is_classic() {
                let name = arn.map(|arn| classic::name_of(&arn).to_owned());
                ("AWS/ELB", "LoadBalancerName", name)
            } else {
                let name = arn.and_then(|arn| Some(arn.split_once(":loadbalancer/")?.1.to_owned()));
                ("AWS/ApplicationELB", "LoadBalancer", name)
            }
        };
        let alarm = NewAlarm {
            name: name.to_owned(),
            description: Some(format!("ElasticBeanstalk Default Scale {direction} alarm")),
            namespace: namespace.to_owned(),
            metric_name: metric,
            dimensions: BTreeMap::from([(dimension.to_owned(), value.unwrap_or_default())]),
            statistic: Some(settings.text(TRIGGER, "Statistic")),
            unit: settings.get(TRIGGER, "Unit").map(str::to_owned),
            period: i32::try_from(settings.whole(TRIGGER, "Period") * 60).unwrap_or(300),
            evaluation_periods: i32::try_from(settings.whole(TRIGGER, "EvaluationPeriods")).unwrap_or(1),
            datapoints_to_alarm: None,
            threshold: settings.number(TRIGGER, threshold),
            comparison: comparison.to_owned(),
            treat_missing_data: None,
            actions_enabled: true,
            alarm_actions: vec![policy.to_owned()],
            ok_actions: Vec::new(),
            insufficient_data_actions: Vec::new(),
            tags: self.tags(),
        };
        let monitoring = &mut self.here.monitoring;
        monitoring.put_alarm(&self.run.region, &self.account, alarm, now);
    }

    /// The load balancer, and its listener at port 80. From here on its name is known.
    pub(super) fn make_load_balancer(&mut self, places: &Places) -> (String, Option<String>) {
        let settings = self.settings();
        let (region, account) = (self.run.region.clone(), self.account.clone());
        let (name, serial) = (format!("awseb--AWSEB-{}", ids::capitals(12)), hexadecimal());
        let prefix = format!("arn:aws:elasticloadbalancing:{region}:{account}");
        let arn = format!("{prefix}:loadbalancer/app/{name}/{serial}");
        let dns_name = format!("{name}-{}.{region}.elb.localhost", ids::digits(10));
        let balancer = LoadBalancer {
            arn: arn.clone(),
            name: name.clone(),
            dns_name: dns_name.clone(),
            state: "active".to_owned(),
            kind: "application".to_owned(),
            scheme: if settings.get(VPC, "ELBScheme") == Some("internal") {
                "internal"
            } else {
                "internet-facing"
            }
            .to_owned(),
            vpc_id: places.vpc_id.clone(),
            subnets: places
                .balancer
                .iter()
                .map(|subnet| (subnet.zone.clone(), subnet.id.clone()))
                .collect(),
            security_groups: self.balancer_groups(),
            idle_timeout: idle_timeout(&settings),
            created: self.run.world.clock.now(),
            tags: self.tags(),
        };
        self.here.balancing.load_balancers.insert(arn.clone(), balancer);
        self.complete(LOAD_BALANCER, &arn);
        self.made().load_balancer = Some(arn.clone());
        self.environment.endpoint = Some(dns_name);
        let listener = settings.is_true(LISTENER, "ListenerEnabled").then(|| {
            let listener = Listener {
                arn: format!("{prefix}:listener/app/{name}/{serial}/{}", hexadecimal()),
                load_balancer_arn: arn.clone(),
                port: 80,
                protocol: "HTTP".to_owned(),
                tls: None,
                default_action: RuleAction::forward(self.environment.made.target_group.clone().unwrap_or_default()),
            };
            let listener_arn = listener.arn.clone();
            self.here.balancing.listeners.insert(listener_arn.clone(), listener);
            self.complete(LISTENER_80, &listener_arn);
            self.made().listener = Some(listener_arn.clone());
            listener_arn
        });
        (arn, listener)
    }

    /// The elastic address of a single instance.
    pub(super) fn make_address(&mut self) -> String {
        let tags = self.tags();
        let allocation_id = self.here.network.allocate_address(tags);
        let ip = self
            .here
            .network
            .addresses
            .get(&allocation_id)
            .map(|it| it.public_ip.clone())
            .unwrap_or_default();
        self.complete(ADDRESS, &ip);
        self.made().address = Some(allocation_id);
        self.environment.endpoint = Some(ip.clone());
        ip
    }

    /// Binds the elastic address of a single instance to it; one that replaces another takes it over.
    pub(super) fn bind_address(&mut self, instance_id: &str) {
        let allocation = self.environment.made.address.clone().unwrap_or_default();
        let Some(address) = self.here.network.addresses.get_mut(&allocation) else {
            return;
        };
        address.association_id = Some(ids::ec2("eipassoc"));
        address.instance_id = Some(instance_id.to_owned());
        let ip = address.public_ip.clone();
        if let Some(instance) = self.here.compute.instances.get_mut(instance_id) {
            instance.public_ip = Some(ip);
        }
    }

    /// The topic for notifications, where somebody is to be notified; a topic given by ARN is the user's.
    pub(super) fn make_topic(&mut self) -> Option<String> {
        let settings = self.settings();
        let endpoint = settings.get(TOPICS, "Notification Endpoint")?;
        if settings.get(TOPICS, "Notification Topic ARN").is_some() {
            return None;
        }
        let name = settings.get(TOPICS, "Notification Topic Name").map_or_else(
            || format!("ElasticBeanstalkNotifications-Environment-{}", self.environment.name),
            str::to_owned,
        );
        let arn = format!("arn:aws:sns:{}:{}:{name}", self.run.region, self.account);
        let topic = Topic {
            arn: arn.clone(),
            name,
            subscriptions: vec![Subscription {
                protocol: settings.text(TOPICS, "Notification Protocol"),
                endpoint: endpoint.to_owned(),
            }],
            tags: self.tags(),
        };
        self.here.notifications.topics.insert(arn.clone(), topic);
        self.made().topic = Some(arn.clone());
        Some(arn)
    }

    /// Log groups of what is streamed (Beanstalk guide: AWSHowTo.cloudwatchlogs).
    pub(super) fn make_log_groups(&mut self) {
        let settings = self.settings();
        let name = self.environment.name.clone();
        let now = self.run.world.clock.now();
        let mut wanted = Vec::new();
        if settings.is_true(LOGS, "StreamLogs") {
            let files = [
                "eb-engine.log",
                "eb-hooks.log",
                "web.stdout.log",
                "nginx/access.log",
                "nginx/error.log",
            ];
            wanted.extend(files.map(|file| format!("/aws/elasticbeanstalk/{name}/var/log/{file}")));
        }
        if settings.is_true(HEALTH_LOGS, "HealthStreamingEnabled") {
            wanted.push(format!("/aws/elasticbeanstalk/{name}/{HEALTH_LOG}"));
        }
        for name in &wanted {
            let namespace = if name.ends_with(HEALTH_LOG) { HEALTH_LOGS } else { LOGS };
            let retention = i32::try_from(settings.whole(namespace, "RetentionInDays")).unwrap_or(7);
            let tags = self.tags();
            let groups = &mut self.here.monitoring.log_groups;
            let group = groups.entry(name.clone()).or_insert_with(|| LogGroup {
                name: name.clone(),
                created: now,
                retention,
                tags,
                streams: Default::default(),
            });
            group.retention = retention;
        }
        self.made().log_groups = wanted;
    }

    /// Deletes one security group; `Err` says what AWS says.
    pub(super) fn delete_group(&mut self, id: &str) -> Result<(), Refusal> {
        self.here.delete_security_group(id)
    }
}

/// What the process's options make of a target group's check.
pub(super) fn health_check(settings: &Settings) -> HealthCheck {
    if settings.is_classic() {
        return classic::health_check(settings);
    }
    HealthCheck {
        port: None,
        path: settings.text(PROCESS, "HealthCheckPath"),
        interval: seconds(settings.whole(PROCESS, "HealthCheckInterval")),
        timeout: seconds(settings.whole(PROCESS, "HealthCheckTimeout")),
        healthy_threshold: seconds(settings.whole(PROCESS, "HealthyThresholdCount")),
        unhealthy_threshold: seconds(settings.whole(PROCESS, "UnhealthyThresholdCount")),
        matcher: settings.text(PROCESS, "MatcherHTTPCode"),
    }
}

/// Where the load balancer turns to on an instance: a port of the proxy's, not of the app's (Beanstalk guide:
/// environments-cfg-alb).
pub(super) fn instance_port(settings: &Settings) -> u16 {
    let number = if settings.is_classic() {
        settings.whole(CLASSIC_LISTENER, "InstancePort")
    } else {
        settings.whole(PROCESS, "Port")
    };
    u16::try_from(number).unwrap_or(80)
}

/// Seconds that a target which leaves still has.
pub(super) fn draining(settings: &Settings) -> u32 {
    if settings.is_classic() {
        return classic::draining(settings);
    }
    seconds(settings.whole(PROCESS, "DeregistrationDelay"))
}

/// The namespace of the load balancer's own options.
fn balancer_options(settings: &Settings) -> &'static str {
    if settings.is_classic() { CLASSIC } else { BALANCER }
}

/// Seconds; 60 is the load balancer's own default.
pub(super) fn idle_timeout(settings: &Settings) -> u32 {
    if settings.is_classic() {
        return seconds(settings.whole(CLASSIC_POLICIES, "ConnectionSettingIdleTimeout"));
    }
    settings
        .get(BALANCER, "IdleTimeout")
        .and_then(|value| value.parse().ok())
        .unwrap_or(60)
}

/// Smallest and largest size of the group: one instance is always one.
pub(super) fn sizes(settings: &Settings) -> (i32, i32) {
    if settings.is_single_instance() {
        return (1, 1);
    }
    let size = |name| i32::try_from(settings.whole(ASG, name)).unwrap_or(1);
    (size("MinSize"), size("MaxSize"))
}

pub(super) fn seconds(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// The ARN of the instance profile that the settings name, or why there is none that can be used, in the words of
/// Beanstalk's events (as public event logs show it). A role's ARN finds no profile. Beanstalk may be told of new
/// profiles late (github.com/hashicorp/terraform/issues/15341).
pub(super) fn instance_profile(world: &World, settings: &Settings) -> Result<String, String> {
    let Some(name) = settings.get(LAUNCH, "IamInstanceProfile") else {
        return Err("Environment must have instance profile associated with it.".to_owned());
    };
    let state = world.lock();
    let iam = state.iam.seen(state.as_of_elsewhere(world.clock.now()));
    let found = iam
        .instance_profile(name)
        .filter(|profile| !name.starts_with("arn:") || profile.arn == name);
    let Some(profile) = found else {
        return Err(format!(
            "The instance profile {name} associated with the environment does not exist."
        ));
    };
    let role = profile.role.as_ref().filter(|role| iam.role(role).is_some());
    if role.is_none() {
        return Err(format!(
            "The instance profile {name} associated with the environment has no role. Please attach a role to the \
             instance profile."
        ));
    }
    Ok(profile.arn.clone())
}
