//! AWS's refusals in confctl's own kinds, with the way out: codes and words as services send them.

use confctl::aws::texts;
use confctl::engine::{Error, Kind};

use crate::account::{connect, connect_to, of_root};
use crate::script::{Answer, Replay, Script, refused};
use crate::way_out;

const ERRORS: &str = "awsdocs/amazon-ec2-api-reference errors-overview";

/// What is made of this answer of EC2.
async fn told(answer: Answer) -> Error {
    let account = of_root(Script::default().documented("ec2:DescribeRegions", ERRORS, answer)).await;
    account.reading().enabled_regions().await.unwrap_err()
}

#[tokio::test]
async fn each_code_has_its_kind() {
    let cases = [
        (400, "Throttling", "Rate exceeded", Kind::Unreachable),
        (
            503,
            "RequestLimitExceeded",
            "Request limit exceeded.",
            Kind::Unreachable,
        ),
        (503, "SlowDown", "Please reduce your request rate.", Kind::Unreachable),
        (
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error.",
            Kind::Unreachable,
        ),
        (
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            Kind::Denied,
        ),
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:GetRole",
            Kind::Denied,
        ),
        (
            400,
            "InvalidVpcID.NotFound",
            "The vpc ID 'vpc-1' does not exist",
            Kind::Missing,
        ),
        (
            400,
            "InvalidParameterValue",
            "No Environment found for EnvironmentName = 'x'.",
            Kind::Missing,
        ),
        (
            400,
            "InvalidParameterValue",
            "Environment x already exists.",
            Kind::Failed,
        ),
        (
            401,
            "OptInRequired",
            "You are not subscribed to this service.",
            Kind::Account,
        ),
        (
            400,
            "VcpuLimitExceeded",
            "You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket that the specified instance type belongs to.",
            Kind::Account,
        ),
        (
            400,
            "PendingVerification",
            "Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until the validation is complete.",
            Kind::Account,
        ),
    ];
    for (status, code, message, kind) in cases {
        let error = told(refused(status, code, message)).await;
        assert_eq!(error.kind, kind, "{code}: {}", error.in_a_line());
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(error.in_a_line().contains(message), "{}", error.in_a_line());
    }
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_named_as_a_cause() {
    let script = Script::default().documented(
        "sts:GetCallerIdentity",
        "awsdocs/iam-user-guide id_credentials_temp_enable-regions",
        refused(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        ),
    );
    let replay = Replay::new(script);
    let error = connect_to(replay.clone(), "me-south-1").await.err().unwrap();
    let hint = way_out(&error);
    assert_eq!(error.kind, Kind::Denied);
    assert!(hint.contains("region"), "{hint}");
    replay.check();
    for (status, code, message) in [
        (
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        (
            400,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    ] {
        let error = told(refused(status, code, message)).await;
        let hint = way_out(&error);
        assert_eq!(error.kind, Kind::Denied, "{code}");
        assert!(hint.contains("region"), "{code}: {hint}");
    }
}

#[tokio::test]
async fn an_expired_session_is_told_to_sign_in_again() {
    for (status, code) in [
        (403, "ExpiredToken"),
        (400, "ExpiredTokenException"),
        (400, "RequestExpired"),
    ] {
        let error = told(refused(
            status,
            code,
            "The security token included in the request is expired",
        ))
        .await;
        assert_eq!(error.kind, Kind::Denied, "{code}");
        assert!(way_out(&error).contains("sso login"), "{code}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_asked_for_again_and_then_unreachable() {
    let account = of_root(Script::default().modelled("ec2:DescribeRegions", ERRORS, Answer::Cut)).await;
    let error = account.reading().enabled_regions().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(account.replay.times("ec2:DescribeRegions") > 1);
    // A proxy's page is no answer of AWS's either.
    let page = "<html><head><title>503 Service Unavailable</title></head><body></body></html>";
    let error = told(Answer::Raw(503, page.to_owned())).await;
    assert_eq!(error.kind, Kind::Unreachable, "{}", error.in_a_line());
}

#[tokio::test]
async fn an_account_other_than_the_one_named_is_refused_before_anything_else() {
    let account = connect(Script::default(), "arn:aws:iam::123456789012:user/ann", "us-east-1").await;
    assert_eq!(account.unwrap().reading().account, "123456789012");
}

#[tokio::test]
async fn control_characters_of_an_answer_never_reach_the_terminal() {
    let error = told(refused(400, "InvalidParameterValue", "bad \u{9b}31m value")).await;
    assert!(
        !error.in_a_line().chars().any(char::is_control),
        "{:?}",
        error.in_a_line()
    );
}

/// Sentences as AWS was seen to write them, and where.
#[test]
fn gates_that_only_support_opens_are_known_by_their_sentences() {
    let sentences = [
        // hashicorp/terraform-provider-aws issue 36663
        (
            "AccessDenied",
            "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact AWS Support.",
        ),
        // aws/elastic-beanstalk-roadmap, public event logs
        (
            "*",
            "Creating load balancer failed Reason: This AWS account currently does not support creating load balancers. For more information, please contact AWS Support.",
        ),
        // UA-TECH-POWER/DDoS_terraform_aws issue 5
        (
            "*",
            "Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until the validation is complete.",
        ),
        // splunk/attack_range issue 1302
        ("*", "The specified instance type is not eligible for Free Tier."),
    ];
    for (code, sentence) in sentences {
        let known = texts::known_error(code, sentence);
        assert_eq!(known.map(|row| row.kind), Some(Kind::Account), "{sentence}");
    }
    // aws/elastic-beanstalk-roadmap issue 271, aws/aws-elastic-beanstalk-cli issue 561 and EC2's own errors-overview.
    for sentence in [
        "You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket that the specified instance type belongs to.",
        "The Launch Configuration creation operation is not available in your account. Use launch templates to create configuration templates for your Auto Scaling groups.",
    ] {
        assert!(texts::known_error("*", sentence).is_some(), "{sentence}");
    }
}

#[test]
fn the_ends_of_operations_are_known_by_their_sentences_and_not_by_severity() {
    use texts::Ending::{Failed, Succeeded};
    // aws/aws-elastic-beanstalk-cli ebcli/resources/strings.py; the developer guide's AWSHowTo.eventbridge.
    let sentences = [
        ("Successfully launched environment: Tcb-conference-env", Some(Succeeded)),
        ("Environment update completed successfully.", Some(Succeeded)),
        ("terminateEnvironment completed successfully.", Some(Succeeded)),
        (
            "Launched environment: Tcb-conference-env. However, there were issues during launch. See event log for details.",
            Some(Failed),
        ),
        (
            "Create environment operation is complete, but with errors. For more information, see troubleshooting documentation.",
            Some(Failed),
        ),
        ("Failed to deploy application.", Some(Failed)),
        ("createEnvironment is starting.", None),
        ("Added instance [i-0123456789abcdef0] to your environment.", None),
    ];
    for (sentence, ending) in sentences {
        assert_eq!(texts::ending(sentence), ending, "{sentence}");
    }
}

#[test]
fn other_sentences_are_read_as_aws_writes_them() {
    // aws/aws-elastic-beanstalk-cli ebcli/resources/strings.py
    assert!(texts::is_name_taken(
        "DNS name (x.us-east-1.elasticbeanstalk.com) is not available."
    ));
    // aws/aws-elastic-beanstalk-cli issue 322
    assert!(texts::is_profile_not_spread(
        "The instance profile aws-elasticbeanstalk-ec2-role associated with the environment does not exist."
    ));
    // Netflix/edda issue 60
    let cause = "At 2013-08-19T19:08:29Z a monitor alarm high in state ALARM triggered policy up changing the desired capacity from 1 to 2.  At 2013-08-19T19:08:38Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 1 to 2.";
    assert_eq!(texts::alarm_of_cause(cause), Some("high"));
}

#[tokio::test]
async fn names_are_of_the_regions_own_partition() {
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
    ] {
        let account = connect(Script::default(), "arn:aws:iam::123456789012:user/ann", region)
            .await
            .unwrap();
        let arn = account.reading().table_arn("users");
        assert_eq!(
            arn,
            format!("arn:{partition}:dynamodb:{region}:123456789012:table/users")
        );
    }
}
