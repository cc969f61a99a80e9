//! Two environments behind one rule: which of them is meant, and when visitors are sent from one to the other.

use confctl::resources::Turning;

use super::*;

pub const OTHER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/awseb-Tcb-confere-default-a2b3c/0123456789abcdef";

pub fn health(states: &[&str]) -> String {
    let targets = states.iter().enumerate().map(|(number, state)| {
        format!(
            "<member><HealthCheckPort>80</HealthCheckPort><Target><Port>80</Port><Id>i-{number}</Id></Target>\
             <TargetHealth><State>{state}</State></TargetHealth></member>"
        )
    });
    let targets: String = targets.collect();
    query(
        "DescribeTargetHealth",
        &format!("<TargetHealthDescriptions>{targets}</TargetHealthDescriptions>"),
    )
}

pub fn ready(target_group: &str) -> LiveEnvironment {
    LiveEnvironment {
        id: "e-2".to_owned(),
        cname: "b.us-east-1.elasticbeanstalk.com".to_owned(),
        load_balancer: None,
        target_group: Some(target_group.to_owned()),
        trouble: None,
        version: Some("v1".to_owned()),
        astray: Vec::new(),
    }
}

pub fn known_of(environment: LiveEnvironment) -> Given {
    let balancer = LiveLoadBalancer {
        arn: ARN.to_owned(),
        dns_name: String::new(),
        security_groups: Vec::new(),
    };
    Given::default()
        .with(&LOAD_BALANCER, balancer)
        .with(&ENVIRONMENT, environment)
}

pub fn instances_at(version: &str, status: &str) -> String {
    let deployment = format!(
        "<Deployment><VersionLabel>{version}</VersionLabel><DeploymentId>1</DeploymentId><Status>{status}</Status></Deployment>"
    );
    query(
        "DescribeInstancesHealth",
        &format!("<InstanceHealthList><member><InstanceId>i-0</InstanceId>{deployment}</member></InstanceHealthList>"),
    )
}

pub const BEANSTALK: &str = "aws/aws-cli awscli/examples/elasticbeanstalk";

#[tokio::test]
async fn visitors_are_sent_over_when_each_instance_has_the_version_and_answers_and_by_one_call() {
    let over = own(|stack| stack.turning = Some(Turning::Over));
    let script = there(rules(&[FIRST], &forward()))
        .documented(
            "elasticbeanstalk:DescribeInstancesHealth",
            &format!("{BEANSTALK}/describe-instances-health.rst"),
            instances_at("v1", "In Progress"),
        )
        .documented(
            "elasticbeanstalk:DescribeInstancesHealth",
            &format!("{BEANSTALK}/describe-instances-health.rst"),
            instances_at("v1", "Deployed"),
        )
        .documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["healthy"]),
        )
        .documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["initial"]),
        )
        .documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["healthy"]),
        )
        .documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        );
    let account = of_root(script).await;
    let change = account.plan_with(&over, "listener-rule", known_of(ready(OTHER))).await;
    assert_eq!(fields(&change), ["visitors"]);
    account.up(&over, "listener-rule", known_of(ready(OTHER))).await.done();
    let sent = account.replay.sent("elasticloadbalancing:ModifyRule");
    assert!(
        sent.len() == 1 && sent[0].contains(OTHER) && !sent[0].contains("Conditions."),
        "{sent:?}"
    );
    assert!(
        account.replay.times("elasticloadbalancing:DescribeTargetHealth") >= 3,
        "not before all is well"
    );
    account.check();

    // They are there already.
    let account = of_root(there(rules(&[FIRST], &forward()))).await;
    let change = account
        .plan_with(&over, "listener-rule", known_of(ready(TARGETS)))
        .await;
    assert_eq!(change, Change::Keep);
    account.check();
}

#[tokio::test]
async fn nobody_is_sent_to_an_environment_in_trouble_or_without_a_healthy_instance() {
    let over = own(|stack| stack.turning = Some(Turning::Over));
    let account = of_root(there(rules(&[FIRST], &forward()))).await;
    let ill = LiveEnvironment {
        trouble: Some("Severe".to_owned()),
        ..ready(OTHER)
    };
    let ran = account.up(&over, "listener-rule", known_of(ill)).await;
    let failure = ran.failure().error.in_a_line();
    assert!(
        failure.contains("visitors stay where they are") && failure.contains("Severe"),
        "{failure}"
    );
    account.check();

    let back = own(|stack| {
        stack.turning = Some(Turning::To {
            environment: "one".to_owned(),
            target_group: OTHER.to_owned(),
        });
    });
    let script = || {
        there(rules(&[FIRST], &forward())).documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["unhealthy", "draining"]),
        )
    };
    let account = of_root(script()).await;
    let ran = account.up(&back, "listener-rule", Given::default()).await;
    assert!(
        ran.failure()
            .error
            .in_a_line()
            .contains("no instance of one is healthy")
    );
    account.check();

    let script = there(rules(&[FIRST], &forward()))
        .documented(
            "elasticloadbalancing:DescribeTargetHealth",
            &format!("{CLI}/describe-target-health.rst"),
            health(&["healthy", "draining"]),
        )
        .documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        );
    let account = of_root(script).await;
    account.up(&back, "listener-rule", Given::default()).await.done();
    assert!(account.replay.sent("elasticloadbalancing:ModifyRule")[0].contains(OTHER));
    account.check();
}

pub fn environments(all: &[(&str, &str)]) -> String {
    let all = all.iter().map(|(name, status)| {
        format!(
            "<member><EnvironmentName>{name}</EnvironmentName><EnvironmentId>e-{name}</EnvironmentId>\
             <EnvironmentArn>arn:aws:elasticbeanstalk:us-east-1:123456789012:environment/a/{name}</EnvironmentArn>\
             <ApplicationName>tcb-conference</ApplicationName><VersionLabel>v-{name}</VersionLabel><Status>{status}</Status>\
             <Health>Green</Health></member>"
        )
    });
    let all: String = all.collect();
    query("DescribeEnvironments", &format!("<Environments>{all}</Environments>"))
}

pub fn tagged_as(script: Script, owner: [(&'static str, String); 3]) -> Script {
    let tags = tags_xml("member", owner);
    script.documented(
        "elasticbeanstalk:ListTagsForResource",
        "boto/botocore botocore/data/elasticbeanstalk/2010-12-01/service-2.json",
        query("ListTagsForResource", &format!("<ResourceTags>{tags}</ResourceTags>")),
    )
}

/// Whose each target group is.
pub fn leads_to(script: Script, groups: &[(&str, &str)]) -> Script {
    let own = |name: &str| vec![("elasticbeanstalk:environment-name", name.to_owned())];
    let groups: Vec<_> = groups
        .iter()
        .map(|(arn, name)| ((*arn).to_owned(), own(name)))
        .collect();
    script
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            tagged(&groups),
        )
        .to("targetgroup/")
}

#[tokio::test]
async fn which_of_two_environments_is_meant_the_rule_tells_and_nothing_else() {
    let (first, second) = ("Tcb-conference-env", "Tcb-conference-env-b");
    let by_name = |script: Script, all: &[(&str, &str)]| {
        script.documented(
            "elasticbeanstalk:DescribeEnvironments",
            &format!("{BEANSTALK}/describe-environments.rst"),
            environments(all),
        )
    };
    let meant = async |script: Script| {
        let account = of_root(script).await;
        let mut profile = confctl::profile::Profile::default();
        profile.load_balancer.mode = LoadBalancerMode::Own;
        let mut stack = stack_of(profile);
        confctl::resources::place(account.reading(), &mut stack).await.unwrap();
        account.check();
        (stack.names.environment.clone(), stack.beside.map(|side| side.name))
    };
    let one = |name: &str| (name.to_owned(), None);
    assert_eq!(meant(by_name(Script::default(), &[])).await, one(first));
    assert_eq!(meant(by_name(Script::default(), &[(first, "Ready")])).await, one(first));
    let alone = by_name(Script::default(), &[(first, "Terminated"), (second, "Ready")]);
    assert_eq!(meant(tagged_as(alone, our_tags("environment"))).await, one(second));
    for (served, other) in [(first, second), (second, first)] {
        let both = by_name(
            there(rules(&[FIRST], &forward())),
            &[(first, "Ready"), (second, "Updating")],
        );
        let both = leads_to(tagged_as(both, our_tags("environment")), &[(TARGETS, served)]);
        assert_eq!(meant(both).await, (served.to_owned(), Some(other.to_owned())));
    }
    // One of that name of another stack is none of ours.
    let mut others = our_tags("environment");
    others[0].1 = "somebody".to_owned();
    let foreign = by_name(Script::default(), &[(first, "Ready"), (second, "Ready")]);
    assert_eq!(meant(tagged_as(foreign, others)).await, one(first));
}
