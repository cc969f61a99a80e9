//! What is answered of an environment and of what lies behind it, and how it is launched.
//! Must know nothing of what is tested with them.

use std::sync::Arc;

use confctl::resources::Stack;
use confctl::resources::outputs::{
    APPLICATION, INSTANCE_PROFILE, KEY_PAIR, NETWORK, Network, SERVICE_ROLE, TABLE, VERSION,
};

use crate::account::{Given, of_root};
use crate::beanstalk::{
    CUSTODIAN, EB_CLI, ENVIRONMENT, ENVIRONMENT_ARN, PLATFORM, environment, environments, events, serving, tagged,
};
use crate::bodies::query;
use crate::request::Sent;
use crate::script::Script;
use crate::wire::escaped;

const ID: &str = "environment";
pub const MANAGE_IQ: &str = "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/refresher_inventory_object.yml";
pub const BALANCER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/awseb-AWSEB-1/0123456789abcdef";
pub const BALANCER_NAME: &str = "awseb--AWSEB-IQDCP9T34J0M-804037053.us-east-1.elb.amazonaws.com";
pub const GROUP: &str = "awseb-e-pmpgbxpgsc-stack-AWSEBAutoScalingGroup-1";

pub fn given() -> Given {
    let subnets = vec!["subnet-1".to_owned(), "subnet-2".to_owned()];
    let network = Network {
        vpc_id: "vpc-1".to_owned(),
        subnets: subnets.clone(),
        lb_subnets: subnets,
    };
    Given::default()
        .with(&APPLICATION, "tcb-conference".to_owned())
        .with(&INSTANCE_PROFILE, "aws-elasticbeanstalk-ec2-role".to_owned())
        .with(&KEY_PAIR, "mod4-ssh-key".to_owned())
        .with(&NETWORK, network)
        .with(
            &SERVICE_ROLE,
            "service-role/aws-elasticbeanstalk-service-role".to_owned(),
        )
        .with(&TABLE, "users".to_owned())
        .with(&VERSION, "v1".to_owned())
}

pub fn summary(version: &str, lifecycle: &str) -> String {
    let lifecycle = match lifecycle {
        "" => String::new(),
        state => format!("<PlatformLifecycleState>{state}</PlatformLifecycleState>"),
    };
    format!(
        "<member><PlatformArn>arn:aws:elasticbeanstalk:us-east-1::platform/Go 1 running on 64bit Amazon Linux 2023/{version}</PlatformArn>\
         <PlatformOwner>AWSElasticBeanstalk</PlatformOwner><PlatformStatus>Ready</PlatformStatus>\
         <PlatformVersion>{version}</PlatformVersion><PlatformBranchName>Go 1 running on 64bit Amazon Linux 2023</PlatformBranchName>\
         {lifecycle}<PlatformBranchLifecycleState>Supported</PlatformBranchLifecycleState>\
         <SupportedTierList><member>WebServer/Standard</member></SupportedTierList><SupportedAddonList/></member>"
    )
}

pub fn platforms(summaries: &str, more: &str) -> String {
    query(
        "ListPlatformVersions",
        &format!("<PlatformSummaryList>{summaries}</PlatformSummaryList>{more}"),
    )
}

/// The platforms are asked for by their branch alone: no recording tells how AWS compares a lifecycle state.
pub fn platform() -> Script {
    let summaries = [
        summary("4.4.9", ""),
        summary("4.5.0", "Recommended"),
        summary("4.10.0", ""),
        summary("4.4.10", "Recommended"),
    ];
    Script::default().documented(
        "elasticbeanstalk:ListPlatformVersions",
        "aws/aws-elastic-beanstalk-cli ebcli/operations/platform_version_ops.py",
        platforms(&summaries.concat(), ""),
    )
}

pub fn create_answer() -> String {
    query(
        "CreateEnvironment",
        &environment("Launching", "<VersionLabel>v1</VersionLabel><Health>Grey</Health>"),
    )
}

pub fn stack_resources(resources: &[(&str, &str)]) -> String {
    let members: String = resources
        .iter()
        .map(|(logical, physical)| {
            let physical = match *physical {
                "" => String::new(),
                physical => format!("<PhysicalResourceId>{physical}</PhysicalResourceId>"),
            };
            format!(
                "<member><StackName>awseb-{ENVIRONMENT}-stack</StackName><LogicalResourceId>{logical}</LogicalResourceId>\
                 {physical}<ResourceType>AWS::X</ResourceType><Timestamp>2026-11-24T12:00:36.789Z</Timestamp>\
                 <ResourceStatus>CREATE_COMPLETE</ResourceStatus>\
                 <DriftInformation><StackResourceDriftStatus>NOT_CHECKED</StackResourceDriftStatus></DriftInformation></member>"
            )
        })
        .collect();
    query(
        "DescribeStackResources",
        &format!("<StackResources>{members}</StackResources>"),
    )
}

pub fn cfn_stack(status: &str) -> String {
    let stack = format!(
        "<StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/awseb-{ENVIRONMENT}-stack/1</StackId>\
         <StackName>awseb-{ENVIRONMENT}-stack</StackName><CreationTime>2026-11-24T12:00:36.789Z</CreationTime>\
         <RollbackConfiguration/><StackStatus>{status}</StackStatus><DisableRollback>false</DisableRollback>\
         <NotificationARNs/><Tags/><EnableTerminationProtection>false</EnableTerminationProtection>\
         <DriftInformation><StackDriftStatus>NOT_CHECKED</StackDriftStatus></DriftInformation>"
    );
    query("DescribeStacks", &format!("<Stacks><member>{stack}</member></Stacks>"))
}

pub fn group(min: u32, max: u32) -> String {
    let group = format!(
        "<AutoScalingGroupName>{GROUP}</AutoScalingGroupName><MinSize>{min}</MinSize><MaxSize>{max}</MaxSize>\
         <DesiredCapacity>2</DesiredCapacity><DefaultCooldown>360</DefaultCooldown>\
         <AvailabilityZones><member>us-east-1a</member></AvailabilityZones><LoadBalancerNames/><HealthCheckType>EC2</HealthCheckType>\
         <HealthCheckGracePeriod>0</HealthCheckGracePeriod><Instances/><CreatedTime>2026-11-24T12:01:00.123Z</CreatedTime>\
         <SuspendedProcesses/><VPCZoneIdentifier>subnet-1,subnet-2</VPCZoneIdentifier><EnabledMetrics/><Tags/>\
         <TerminationPolicies><member>Default</member></TerminationPolicies>"
    );
    query(
        "DescribeAutoScalingGroups",
        &format!("<AutoScalingGroups><member>{group}</member></AutoScalingGroups>"),
    )
}

pub fn balancer() -> String {
    let balancer = format!(
        "<LoadBalancerArn>{BALANCER}</LoadBalancerArn><DNSName>{BALANCER_NAME}</DNSName><Scheme>internet-facing</Scheme>\
         <State><Code>active</Code></State><Type>application</Type>"
    );
    query(
        "DescribeLoadBalancers",
        &format!("<LoadBalancers><member>{balancer}</member></LoadBalancers>"),
    )
}

/// What lies behind an environment that rests: its stack, group and load balancer.
pub fn parts(min: u32, max: u32) -> Script {
    let resources = [
        ("AWSEBAutoScalingGroup", GROUP),
        ("AWSEBV2LoadBalancer", BALANCER),
        ("AWSEBInstanceLaunchWaitCondition", ""),
    ];
    Script::default()
        .recorded("cloudformation:DescribeStacks", MANAGE_IQ, cfn_stack("CREATE_COMPLETE"))
        .recorded(
            "cloudformation:DescribeStackResources",
            "localstack/localstack tests/aws/services/cloudformation/engine/test_conditions.snapshot.json",
            stack_resources(&resources),
        )
        .recorded(
            "autoscaling:DescribeAutoScalingGroups",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_restore_from_tag",
            group(min, max),
        )
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_appelb_disable_s3_logging",
            balancer(),
        )
}

/// Settings as Beanstalk gives back what was sent: of its own parts with the part's name, unset ones with an empty value.
pub fn settings(sent: &[(String, String, String)], status: &str) -> String {
    let member = |namespace: &str, name: &str, value: &str| {
        let part = match namespace {
            "aws:autoscaling:asg" => "<ResourceName>AWSEBAutoScalingGroup</ResourceName>",
            "aws:autoscaling:trigger" => "<ResourceName>AWSEBCloudwatchAlarmLow</ResourceName>",
            _ => "",
        };
        format!(
            "<member>{part}<Namespace>{namespace}</Namespace><OptionName>{name}</OptionName><Value>{}</Value></member>",
            escaped(value)
        )
    };
    let mut options: String = sent
        .iter()
        .map(|(space, name, value)| member(space, name, value))
        .collect();
    options.push_str(&member("aws:autoscaling:asg", "Custom Availability Zones", ""));
    options.push_str(&member(
        "aws:elasticbeanstalk:environment",
        "ExternalExtensionsS3Bucket",
        "",
    ));
    let description = format!(
        "<SolutionStackName>64bit Amazon Linux 2023 v4.5.0 running Go 1</SolutionStackName><PlatformArn>{PLATFORM}</PlatformArn>\
         <Tier><Name>WebServer</Name><Type>Standard</Type><Version> </Version></Tier><ApplicationName>tcb-conference</ApplicationName>\
         <EnvironmentName>Tcb-conference-env</EnvironmentName><DeploymentStatus>{status}</DeploymentStatus>\
         <DateCreated>2026-11-24T12:00:35Z</DateCreated><DateUpdated>2026-11-24T12:00:35Z</DateUpdated>\
         <OptionSettings>{options}</OptionSettings>"
    );
    format!("<member>{description}</member>")
}

pub fn configuration(members: &str) -> String {
    query(
        "DescribeConfigurationSettings",
        &format!("<ConfigurationSettings>{members}</ConfigurationSettings>"),
    )
}

/// The option settings of a request, in its own order.
pub fn options_of(sent: &Sent) -> Vec<(String, String, String)> {
    let numbered = (1..).map(|n| format!("OptionSettings.member.{n}"));
    let options = numbered.map_while(|prefix| {
        let part = |name: &str| sent.parameter(&format!("{prefix}.{name}"));
        Some((part("Namespace")?, part("OptionName")?, part("Value")?))
    });
    options.collect()
}

pub const LAUNCHED: &[(&str, &str)] = &[
    ("INFO", "Successfully launched environment: Tcb-conference-env"),
    (
        "INFO",
        "Environment health has transitioned from Pending to Ok. Initialization completed 12 seconds ago and took 3 minutes.",
    ),
    ("INFO", "createEnvironment is starting."),
];

pub fn absent() -> Script {
    Script::default().recorded("elasticbeanstalk:DescribeEnvironments", EB_CLI, environments(&[]))
}

/// A launch: first without endpoint and health, then `last`.
pub fn launch(happened: &[(&str, &str)], last: String) -> Script {
    absent()
        .and(platform())
        .recorded("elasticbeanstalk:CreateEnvironment", EB_CLI, create_answer())
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            events(&[("INFO", "createEnvironment is starting.")]),
        )
        .recorded("elasticbeanstalk:DescribeEvents", EB_CLI, events(happened))
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment("Launching", "<Health>Grey</Health>")]),
        )
        .after("elasticbeanstalk:CreateEnvironment")
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[last]),
        )
        .after("elasticbeanstalk:CreateEnvironment")
}

/// Launches the stack's environment, and gives the settings that were asked for.
pub async fn launched(stack: &Arc<Stack>) -> Vec<(String, String, String)> {
    let script = launch(LAUNCHED, serving()).and(parts(2, 4)).recorded(
        "elasticbeanstalk:DescribeConfigurationSettings",
        EB_CLI,
        configuration(&settings(&[], "deployed")),
    );
    let account = of_root(script).await;
    account.up(stack, ID, given()).await.done();
    account.check();
    options_of(&account.replay.sent("elasticbeanstalk:CreateEnvironment")[0])
}

/// One that rests, with these settings and tags.
pub fn resting(environment: String, configuration: String, tags: String) -> Script {
    Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[environment]),
        )
        .recorded("elasticbeanstalk:ListTagsForResource", CUSTODIAN, tags)
        .recorded("elasticbeanstalk:DescribeConfigurationSettings", EB_CLI, configuration)
}

pub fn ours() -> String {
    tagged(ID, ENVIRONMENT_ARN)
}

pub fn failed_launch(events_told: &[(&str, &str)]) -> Script {
    let broken = environment(
        "Ready",
        "<VersionLabel>v1</VersionLabel><Health>Red</Health><HealthStatus>Severe</HealthStatus>",
    );
    launch(events_told, broken).and(of_a_launch()).recorded(
        "elasticbeanstalk:DescribeEnvironmentHealth",
        EB_CLI,
        query(
            "DescribeEnvironmentHealth",
            "<EnvironmentName>Tcb-conference-env</EnvironmentName><HealthStatus>Severe</HealthStatus><Status>Ready</Status>\
             <Color>Red</Color><Causes><member>ELB processes are not healthy on all instances.</member></Causes>\
             <RefreshedAt>2026-11-24T12:10:00Z</RefreshedAt>",
        ),
    )
}

/// What is looked at while it launches: the load balancer's name.
pub fn of_a_launch() -> Script {
    Script::default()
        .recorded(
            "cloudformation:DescribeStackResources",
            "localstack/localstack tests/aws/services/cloudformation/engine/test_conditions.snapshot.json",
            stack_resources(&[("AWSEBV2LoadBalancer", BALANCER)]),
        )
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_appelb_disable_s3_logging",
            balancer(),
        )
}
