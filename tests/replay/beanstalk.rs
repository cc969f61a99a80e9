//! Elastic Beanstalk's answers as several cases need them. Members and their order follow recorded answers.
//! Must know nothing of what is tested with them.

use crate::bodies::{done, our_tags, query, tags_xml};
use crate::script::Script;

pub const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_elasticbeanstalk_describe_envs";
pub const EB_CLI: &str = "aws/aws-elastic-beanstalk-cli tests/unit/mock_responses.py";
pub const MODEL: &str = "boto/botocore botocore/data/elasticbeanstalk/2010-12-01/service-2.json";
pub const GUIDE: &str = "awsdocs/aws-elastic-beanstalk-developer-guide";
pub const SAMPLES: &str = "boto/botocore tests/unit/response_parsing/xml/responses";

pub const ENVIRONMENT: &str = "e-pmpgbxpgsc";
pub const ENVIRONMENT_ARN: &str =
    "arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/tcb-conference/Tcb-conference-env";
pub const PLATFORM: &str = "arn:aws:elasticbeanstalk:us-east-1::platform/Go 1 running on 64bit Amazon Linux 2023/4.5.0";
pub const CNAME: &str = "tcb-conference-env.us-east-1.elasticbeanstalk.com";

/// The members of an environment in this status, with more behind them.
pub fn environment(status: &str, more: &str) -> String {
    format!(
        "<ApplicationName>tcb-conference</ApplicationName><EnvironmentName>Tcb-conference-env</EnvironmentName>\
         <EnvironmentId>{ENVIRONMENT}</EnvironmentId><EnvironmentArn>{ENVIRONMENT_ARN}</EnvironmentArn>\
         <Status>{status}</Status><EnvironmentLinks/><PlatformArn>{PLATFORM}</PlatformArn>\
         <SolutionStackName>64bit Amazon Linux 2023 v4.5.0 running Go 1</SolutionStackName><CNAME>{CNAME}</CNAME>\
         <AbortableOperationInProgress>false</AbortableOperationInProgress>\
         <Tier><Version> </Version><Type>Standard</Type><Name>WebServer</Name></Tier>\
         <DateUpdated>2026-11-24T12:00:41.758Z</DateUpdated><DateCreated>2026-11-24T12:00:35.235Z</DateCreated>{more}"
    )
}

/// One that serves, by enhanced health.
pub fn serving() -> String {
    let more = "<VersionLabel>v1</VersionLabel><Health>Green</Health><HealthStatus>Ok</HealthStatus>\
                <EndpointURL>awseb-e-p-AWSEBLoa-IQDCP9T34J0M-804037053.us-east-1.elb.amazonaws.com</EndpointURL>";
    environment("Ready", more)
}

pub fn environments(environments: &[String]) -> String {
    let members: String = environments
        .iter()
        .map(|one| format!("<member>{one}</member>"))
        .collect();
    query(
        "DescribeEnvironments",
        &format!("<Environments>{members}</Environments>"),
    )
}

/// Events, newest first, as Beanstalk gives them.
pub fn events(newest_first: &[(&str, &str)]) -> String {
    let events: String = newest_first
        .iter()
        .map(|(severity, message)| {
            format!(
                "<member><EventDate>2026-11-24T12:00:00.123Z</EventDate><Message>{message}</Message>\
                 <ApplicationName>tcb-conference</ApplicationName><EnvironmentName>Tcb-conference-env</EnvironmentName>\
                 <RequestId>{}</RequestId><Severity>{severity}</Severity></member>",
                crate::wire::REQUEST
            )
        })
        .collect();
    query("DescribeEvents", &format!("<Events>{events}</Events>"))
}

/// What Beanstalk tells of instances' deployments: id, version, id of the deployment, status.
pub fn instances(deployments: &[(&str, &str, u32, &str)]) -> String {
    instances_page(deployments, "")
}

/// The same, with a marker behind it where it is not the last page.
pub fn instances_page(deployments: &[(&str, &str, u32, &str)], next: &str) -> String {
    let members: String = deployments
        .iter()
        .map(|(id, version, deployment, status)| {
            format!(
                "<member><InstanceId>{id}</InstanceId><Deployment><VersionLabel>{version}</VersionLabel>\
                 <DeploymentId>{deployment}</DeploymentId><Status>{status}</Status>\
                 <DeploymentTime>2026-11-24T12:05:00Z</DeploymentTime></Deployment></member>"
            )
        })
        .collect();
    query(
        "DescribeInstancesHealth",
        &format!(
            "<InstanceHealthList>{members}</InstanceHealthList><RefreshedAt>2026-11-24T12:06:00Z</RefreshedAt>{next}"
        ),
    )
}

/// That the version is on every instance.
pub fn runs_everywhere(version: &str) -> Script {
    let both = [("i-1", version, 2, "Deployed"), ("i-2", version, 2, "Deployed")];
    Script::default().documented("elasticbeanstalk:DescribeInstancesHealth", MODEL, instances(&both))
}

/// Tags in no order, Beanstalk's own three among them.
pub fn tagged(resource: &str, arn: &str) -> String {
    let [stack, region, id] = our_tags(resource);
    let tags = [
        ("elasticbeanstalk:environment-name", "Tcb-conference-env".to_owned()),
        id,
        stack,
        ("elasticbeanstalk:environment-id", ENVIRONMENT.to_owned()),
        region,
        ("Name", "Tcb-conference-env".to_owned()),
    ];
    tags_of(arn, &tags_xml("member", tags))
}

/// The answer with these tags.
pub fn tags_of(arn: &str, tags: &str) -> String {
    query(
        "ListTagsForResource",
        &format!("<ResourceArn>{arn}</ResourceArn><ResourceTags>{tags}</ResourceTags>"),
    )
}

/// That somebody else's tags are on it.
pub fn tagged_by_others(arn: &str) -> String {
    tags_of(
        arn,
        &tags_xml("member", [("team", "billing".to_owned()), ("Name", "x".to_owned())]),
    )
}

/// That the environment was given its tags, as the EB CLI waits for it.
pub fn tagged_in_the_end() -> Script {
    Script::default().documented(
        "elasticbeanstalk:DescribeEvents",
        "aws/aws-elastic-beanstalk-cli ebcli/resources/strings.py",
        events(&[("INFO", "Environment tag update completed successfully.")]),
    )
}

/// Takes tags.
pub fn takes_tags() -> Script {
    Script::default().recorded(
        "elasticbeanstalk:UpdateTagsForResource",
        "cloud-custodian/cloud-custodian tests/data/placebo/test_elasticbeanstalk_env_tag",
        done("UpdateTagsForResource"),
    )
}
