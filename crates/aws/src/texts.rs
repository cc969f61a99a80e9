//! AWS's English, matched here and nowhere else: each row has the sentence as it was seen and where.
//! Where status, health and version say what happened, they decide. Texts explain, tell kinds of one code apart, and decide where
//! AWS says it in no other way: which event ends an operation, and what made a group grow.

use crate::engine::{Command, Hint, Kind};

/// An error that is told by its text.
#[derive(Debug, Clone, Copy)]
pub struct KnownError {
    /// `*` for any code.
    pub code: &'static str,
    /// Part of the message, as AWS words it; empty for any.
    pub contains: &'static str,
    pub kind: Kind,
    pub hint: Option<fn() -> Hint>,
}

/// As the AWS CLI's queries are written.
const NAMES_OF_DISTRIBUTIONS: &str = "DistributionList.Items[?Aliases.Items].[Id, Aliases.Items]";

pub(super) const KNOWN_ERRORS: &[KnownError] = &[
    // hashicorp/terraform-provider-aws#36663, aws-samples/aws-cdk-examples#279
    KnownError {
        code: "AccessDenied",
        contains: "Your account must be verified before you can add new CloudFront resources",
        kind: Kind::Account,
        hint: Some(|| {
            "open a case with AWS support to have the account verified for CloudFront; until then: --set cdn.enabled=false".into()
        }),
    },
    // CloudFront guide, alternate-domain-names-move; the text of a record that leads elsewhere: hashicorp/terraform-provider-aws#8734.
    KnownError {
        code: "CNAMEAlreadyExists",
        contains: "incorrectly configured DNS record",
        kind: Kind::Refused,
        hint: Some(|| {
            "a record of the name leads to another distribution: take it away at the DNS provider, and run the same command again"
                .into()
        }),
    },
    KnownError {
        code: "CNAMEAlreadyExists",
        contains: "",
        kind: Kind::Refused,
        hint: Some(|| {
            Hint::from("a name belongs to one distribution at a time, in all of AWS: ")
                .and_run(Command::aws("cloudfront list-distributions --query").arg(NAMES_OF_DISTRIBUTIONS))
                .and(" tells the names of this account's. Take it off there, or move it by a TXT record, as docs/domain.md tells; then run the same command again")
        }),
    },
    // Seen in public logs up to January 2026.
    KnownError {
        code: "*",
        contains: "This AWS account currently does not support creating load balancers",
        kind: Kind::Account,
        hint: Some(|| {
            Hint::from("open a case with AWS support to have load balancers enabled; until then: ").and_run("up -p dev")
        }),
    },
    // UA-TECH-POWER/DDoS_terraform_aws#5: ends by itself, mostly within minutes.
    KnownError {
        code: "*",
        contains: "Your request for accessing resources in this region is being validated",
        kind: Kind::Account,
        hint: Some(|| {
            "wait for AWS's e-mail, four hours at most, and run the same command again; it goes on where it was".into()
        }),
    },
    // splunk/attack_range#1302: accounts on the free plan.
    KnownError {
        code: "*",
        contains: "The specified instance type is not eligible for Free Tier",
        kind: Kind::Account,
        hint: Some(|| {
            "take a free one (--set instance.types=t3.micro), or upgrade the account's plan in the AWS console".into()
        }),
    },
    // ekristen/aws-nuke#1024
    KnownError {
        code: "PreconditionFailed",
        contains: "subscribed to a pricing plan",
        kind: Kind::Refused,
        hint: Some(|| {
            "cancel the distribution's flat-rate plan in the CloudFront console: the free plan ends at once, a paid one with its billing cycle; then run the same command again".into()
        }),
    },
    // Events of launches of new accounts; aws/elastic-beanstalk-roadmap#271.
    KnownError {
        code: "*",
        contains: "You have requested more vCPU capacity than your current vCPU limit",
        kind: Kind::Account,
        hint: Some(|| {
            "ask for more vCPUs (https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A), or take fewer: --set scaling.max=2".into()
        }),
    },
    KnownError {
        code: "*",
        contains: "The Launch Configuration creation operation is not available in your account",
        kind: Kind::Account,
        hint: Some(|| {
            "launch templates are made instead where instance.root_volume_type is gp3 and instance.imds_v1 is false"
                .into()
        }),
    },
    // aws-solutions/instance-scheduler-on-aws#705: an event of an update that replaces instances.
    KnownError {
        code: "*",
        contains: "Autoscaling rolling updates cannot be performed because scheduled action(s)",
        kind: Kind::Refused,
        hint: Some(|| {
            Hint::from("delete the actions that it names, or wait until they have run, and run the same command again; those of ")
                .and_run("scale")
                .and(" make way by themselves")
        }),
    },
    // The code OptInRequired, as text in events.
    KnownError {
        code: "*",
        contains: "You are not subscribed to this service",
        kind: Kind::Account,
        hint: Some(|| {
            "complete the account's sign-up (payment method, phone number), wait for AWS's e-mail, and run the same command again".into()
        }),
    },
    // An organization's policies; the IAM guide's troubleshoot_access-denied has the first, EC2's errors the second.
    KnownError {
        code: "*",
        contains: "with an explicit deny in a service control policy",
        kind: Kind::Denied,
        hint: Some(|| {
            "the organization forbids it, whatever the caller may: ask whoever looks after its policies".into()
        }),
    },
    KnownError {
        code: "*",
        contains: "Encoded authorization failure message",
        kind: Kind::Denied,
        hint: Some(|| {
            Hint::run(Command::aws("sts decode-authorization-message --encoded-message TEXT"))
                .and(" tells which policy; where volumes must be encrypted: ")
                .and_run(Command::aws("ec2 enable-ebs-encryption-by-default"))
        }),
    },
    // hashicorp/terraform-provider-aws#32284: whatever wants an environment that rests, and meets one that does not.
    KnownError {
        code: "InvalidParameterValue",
        contains: "is in an invalid state for this operation. Must be Ready",
        kind: Kind::Failed,
        hint: Some(|| {
            Hint::run("events --follow").and(" tells how far AWS is with it; once it rests, the same command again")
        }),
    },
    // AWS's own smoke tests (aws-sdk-ruby): the code says many other things too.
    KnownError {
        code: "InvalidParameterValue",
        contains: "No Environment found",
        kind: Kind::Missing,
        hint: None,
    },
];

/// The row for an error of AWS's, if its text is known.
pub fn known_error(code: &str, message: &str) -> Option<&'static KnownError> {
    KNOWN_ERRORS
        .iter()
        .find(|row| (row.code == "*" || row.code == code) && message.contains(row.contains))
}

/// How an environment's operation ended, by the text of its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Succeeded,
    Failed,
}

/// Texts that end an operation of Beanstalk's. Severity cannot be trusted: "there were issues during launch" is INFO.
/// Sources: the EB CLI's response strings, the developer guide's AWSHowTo.eventbridge, public event logs.
const ENDINGS: &[(&str, Ending)] = &[
    ("Successfully launched environment:", Ending::Succeeded),
    ("createEnvironment completed successfully.", Ending::Succeeded),
    ("Environment update completed successfully.", Ending::Succeeded),
    ("terminateEnvironment completed successfully.", Ending::Succeeded),
    ("Environment tag update completed successfully.", Ending::Succeeded),
    ("Environment tag update failed.", Ending::Failed),
    ("there were issues during launch", Ending::Failed),
    ("Failed to launch environment.", Ending::Failed),
    (
        "Create environment operation is complete, but with errors.",
        Ending::Failed,
    ),
    (
        "Create environment operation is complete, but with command timeouts.",
        Ending::Failed,
    ),
    (
        "Update environment operation is complete, but with errors.",
        Ending::Failed,
    ),
    (
        "Update environment operation is complete, but with command timeouts.",
        Ending::Failed,
    ),
    ("Failed to deploy application.", Ending::Failed),
    // rennokki/laravel-aws-eb#71, aws-samples/eb-demo-php-simple-app#9
    (
        "During an aborted deployment, some instances may have deployed the new application version.",
        Ending::Failed,
    ),
    ("Failed to deploy configuration.", Ending::Failed),
    (
        "The environment was reverted to the previous configuration setting.",
        Ending::Failed,
    ),
    ("The environment termination step failed", Ending::Failed),
    ("Failed to terminate environment", Ending::Failed),
];

/// Whether this event ends its operation, and how.
pub fn ending(message: &str) -> Option<Ending> {
    ENDINGS
        .iter()
        .find(|(text, _)| message.contains(text))
        .map(|(_, ending)| *ending)
}

/// How the deployment of a version ended, by a text that nothing else ends with: changes of settings have texts of their own.
/// Sources: public event logs (rennokki/laravel-aws-eb#71, aws/elastic-beanstalk-roadmap#126 and #162).
pub fn deployment_ending(message: &str) -> Option<Ending> {
    [
        (
            "New application version was deployed to running EC2 instances.",
            Ending::Succeeded,
        ),
        ("Successfully launched environment:", Ending::Succeeded),
        ("Failed to deploy application.", Ending::Failed),
        ("During an aborted deployment,", Ending::Failed),
    ]
    .iter()
    .find(|(text, _)| message.contains(text))
    .map(|(_, ending)| *ending)
}

/// The ids of instances in a text, as events name them: `[Instance: i-…]`, `instance id(s) 'i-…,i-…'`.
pub fn instance_ids(message: &str) -> impl Iterator<Item = &str> {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| {
        let digits = word.strip_prefix("i-").unwrap_or_default();
        digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The number of the batch that a text is about: "Batch 2: Starting application deployment on instance(s) […]."
/// (aws/elastic-beanstalk-roadmap#126).
pub fn batch(message: &str) -> Option<u32> {
    let (number, _) = message.strip_prefix("Batch ")?.split_once(':')?;
    number.parse().ok()
}

/// Whether a launch failed because IAM had not yet spread a new instance profile.
/// Sources: aws/aws-elastic-beanstalk-cli#322, hashicorp/terraform-provider-aws#419.
pub fn is_profile_not_spread(message: &str) -> bool {
    let about_profile = message.contains("instance profile") || message.contains("IAM Instance Profile");
    about_profile
        && [
            "does not exist",
            "has no role",
            "has no associated IAM Roles",
            "Invalid IAM Instance Profile name",
        ]
        .iter()
        .any(|text| message.contains(text))
}

/// Whether an instance could not do its part, so that its own logs say why.
/// Sources: einaregilsson/beanstalk-deploy#86 and the EB CLI's response strings.
pub fn is_failure_of_an_instance(message: &str) -> bool {
    [
        "Instance deployment failed.",
        "Command failed on instance.",
        "Unsuccessful command execution on instance id(s)",
    ]
    .iter()
    .any(|text| message.contains(text))
}

/// Whether a text says no more than that something failed, or where, and not why.
/// Sources: as of [`ending`] and [`is_failure_of_an_instance`].
pub fn is_general(message: &str) -> bool {
    is_failure_of_an_instance(message) || ending(message) == Some(Ending::Failed)
}

/// Whether an organization denies this to everybody in the account: nobody can have anything there.
/// Source: the IAM guide's troubleshoot_access-denied, "… with an explicit deny in a service control policy".
pub fn is_denied_by_organization(message: &str) -> bool {
    message.contains("explicit deny in a service control policy")
}

/// The id of the distribution that already has a caller reference.
/// Seen as "The caller reference that you are using to create a distribution is associated with another distribution. Already
/// exists: E1S5NFOO9V4JC3" (aws/aws-sdk-js-v3#2618).
pub fn existing_distribution(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Already exists: ")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|id| !id.is_empty())
}

/// Whether a CNAME prefix is held by somebody, of whatever account: "DNS name (X) is not available."
/// Source: the EB CLI's response strings; the code, InvalidParameterValue, says many other things too.
pub fn is_name_taken(message: &str) -> bool {
    message.contains("DNS name") && message.contains("not available")
}

/// Whether what is asked for is refused because its name is taken. An environment has two that can be, and no source says which of
/// them Beanstalk looks at first.
/// Seen as "Environment test-env already exists." (hashicorp/terraform#22433), "Application Version X already exists."
/// (travis-ci/dpl#1184), "Table already exists: users" (the DynamoDB developer guide's error handling), and as [`is_name_taken`].
pub fn is_taken(message: &str) -> bool {
    message.contains("already exists") || is_name_taken(message)
}

/// Whether an environment is refused a change because of another one: "Environment named X is in an invalid state for this
/// operation. Must be Ready." (hashicorp/terraform-provider-aws#32284). Where its stack is broken the sentence ends otherwise.
pub fn is_under_way(message: &str) -> bool {
    message.contains("is in an invalid state for this operation. Must be Ready")
}

/// Whether there is no update that could be aborted, any more or at all: "Environment named X is in an invalid state for this
/// operation. Must be pending deployment." (aws/aws-elastic-beanstalk-cli-setup#144).
pub fn is_nothing_to_abort(message: &str) -> bool {
    message.contains("is in an invalid state for this operation. Must be pending deployment")
}

/// Whether a scheduled action's hour has come before it was asked for: "ValidationError: Given start time is in the past"
/// (hashicorp/terraform-provider-aws#3033).
pub fn is_past_start(message: &str) -> bool {
    message.contains("start time is in the past")
}

/// The alarm that made Auto Scaling act, by the cause of its activity: "At 2026-11-24T12:00:00Z a monitor alarm NAME in state
/// ALARM triggered policy NAME changing the desired capacity from 2 to 3.  At …". What a person did is "a user request …".
/// Source: Auto Scaling guide, verify scaling activities.
pub fn alarm_of_cause(cause: &str) -> Option<&str> {
    let (_, after) = cause.split_once(" a monitor alarm ")?;
    let (alarm, _) = after.split_once(" in state ALARM triggered policy ")?;
    Some(alarm)
}

/// Whether a scaling activity adds an instance, by its description: "Launching a new EC2 instance: i-…", where others begin with
/// "Terminating". Source: Auto Scaling guide, verify scaling activities.
pub fn is_launch(description: &str) -> bool {
    description.starts_with("Launching")
}

/// AWS's text as a part of a line. What may reach a terminal at all is seen to where it is written.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The security groups that a text names: `resource sg-0123456789abcdef0 has a dependent object` (aws/elastic-beanstalk-roadmap#229).
pub fn security_groups(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words
        .filter(|word| word.starts_with("sg-"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_name_instances_and_batches() {
        let ids = |text| instance_ids(text).collect::<Vec<_>>();
        assert_eq!(
            ids(
                "Unsuccessful command execution on instance id(s) 'i-0bf0eb2e2e8e98adb,i-0dddd8f7'. Aborting the operation."
            ),
            ["i-0bf0eb2e2e8e98adb", "i-0dddd8f7"]
        );
        assert_eq!(
            ids("[Instance: i-0bf0eb2e2e8e98adb] Command failed on instance. Return code: 1"),
            ["i-0bf0eb2e2e8e98adb"]
        );
        assert!(ids("the multi-instance i-deal i-0123").is_empty());
        assert_eq!(
            batch("Batch 12: Starting application deployment on instance(s) [i-0bf0eb2e2e8e98adb]."),
            Some(12)
        );
        assert_eq!(batch("Terminating the additional batch: [i-0bf0eb2e2e8e98adb]."), None);
    }

    #[test]
    fn a_launch_with_issues_is_a_failure_though_aws_files_it_as_information() {
        let text = "Launched environment: Tcb-conference-env. However, there were issues during launch. See event log for details.";
        assert_eq!(ending(text), Some(Ending::Failed));
        assert_eq!(
            ending("Successfully launched environment: Tcb-conference-env"),
            Some(Ending::Succeeded)
        );
        assert_eq!(
            ending("Waiting for EC2 instances to launch. This may take a few minutes."),
            None
        );
    }

    #[test]
    fn a_deployment_that_stopped_half_way_has_ended_and_not_well() {
        let text = "During an aborted deployment, some instances may have deployed the new application version. To ensure all instances are running the same version, re-deploy the appropriate application version.";
        assert_eq!(ending(text), Some(Ending::Failed));
        let refusal = "Environment named e is in an invalid state for this operation. Must be pending deployment.";
        assert!(is_nothing_to_abort(refusal) && !is_under_way(refusal));
    }

    #[test]
    fn an_account_that_is_not_ready_is_told_from_a_mistake() {
        let events = [
            "Creating Auto Scaling launch configuration failed Reason: Resource handler returned message: \"The Launch Configuration creation operation is not available in your account. Use launch templates to create configuration templates for your Auto Scaling groups.\"",
            "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 1 allows for the instance bucket that the specified instance type belongs to.",
            "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
        ];
        for event in events {
            let row = known_error("*", event).unwrap();
            assert_eq!(row.kind, Kind::Account, "{event}");
            assert!(row.hint.is_some(), "{event}");
        }
    }

    #[test]
    fn a_conflict_names_the_distribution_that_has_the_reference() {
        let text = "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: E1S5NFOO9V4JC3 (DistributionAlreadyExists)";
        assert_eq!(existing_distribution(text), Some("E1S5NFOO9V4JC3"));
        assert_eq!(existing_distribution("Already exists: "), None);
    }

    #[test]
    fn a_cause_names_the_alarm_or_somebody_else() {
        let by_alarm = "At 2026-11-24T12:00:00Z a monitor alarm awseb-e-1-High in state ALARM triggered policy up changing the desired capacity from 2 to 3.  At 2026-11-24T12:00:09Z an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 2 to 3.";
        assert_eq!(alarm_of_cause(by_alarm), Some("awseb-e-1-High"));
        let by_hand = "At 2026-11-24T12:00:00Z a user request explicitly set group desired capacity changing the desired capacity from 2 to 3.";
        assert_eq!(alarm_of_cause(by_hand), None);
    }

    #[test]
    fn a_region_that_the_organization_closed_is_told_from_a_missing_permission() {
        let closed = "User: arn:aws:iam::111122223333:role/ci is not authorized to perform: ec2:DescribeInstances with an explicit deny in a service control policy";
        assert!(is_denied_by_organization(closed));
        assert!(!is_denied_by_organization(
            "with an explicit deny in an identity-based policy"
        ));
    }

    #[test]
    fn escape_sequences_never_reach_the_terminal() {
        assert_eq!(clean("ok\u{1b}[2J\nend"), "ok [2J end");
    }
}
