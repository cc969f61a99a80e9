//! A load balancer of the stack's own with its listener, its rules and its security group, by what ELB and EC2 answer.

mod canary;
mod maintenance;
mod two_environments;

use std::sync::Arc;

use confctl::aws::origin_secret::OriginSecret;
use confctl::engine::{Change, Kind};
use confctl::profile::LoadBalancerMode;
use confctl::resources::Stack;
use confctl::resources::outputs::{
    EDGE_SECRET, ENVIRONMENT, LOAD_BALANCER, LiveEnvironment, LiveLoadBalancer, NETWORK, Network, SECRETS,
    SECURITY_GROUP,
};

use crate::account::{Given, of_root, stack_of};
use crate::bodies::{ec2, ec2_done, our_tags, query, tags_xml};
use crate::script::{Answer, Script, refused};

pub const CLI: &str = "aws/aws-cli awscli/examples/elbv2";
pub const EC2: &str = "aws/aws-cli awscli/examples/ec2";
pub const MODEL: &str = "boto/botocore botocore/data/elbv2/2015-12-01/service-2.json";
pub const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_appelb_disable_s3_logging";

const NAME: &str = "eb-tcb-conference";
pub const ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/eb-tcb-conference/50dc6c495c0c9188";
pub const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/eb-tcb-conference/50dc6c495c0c9188/f2f7dc8efc522ab2";
pub const TARGETS: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/awseb-Tcb-confere-default-x1y2z/73e2d6bc24d8a067";
pub const FIRST: &str = "00010123456789abcdef0123456789abcdef";
const SECOND: &str = "0002fedcba9876543210fedcba9876543210";

fn own(change: impl FnOnce(&mut Stack)) -> Arc<Stack> {
    let mut profile = confctl::profile::Profile::default();
    profile.load_balancer.mode = LoadBalancerMode::Own;
    let mut stack = stack_of(profile);
    change(&mut stack);
    Arc::new(stack)
}

pub fn rule_arn(number: usize) -> String {
    format!("{}/{number:016x}", LISTENER.replace(":listener/", ":listener-rule/"))
}

pub fn balancer(state: &str, group: &str) -> String {
    let member = format!(
        "<LoadBalancerArn>{ARN}</LoadBalancerArn><DNSName>{NAME}-1234567890.us-east-1.elb.amazonaws.com</DNSName>\
         <CanonicalHostedZoneId>Z35SXDOTRQ7X7K</CanonicalHostedZoneId><CreatedTime>2026-11-30T20:00:00Z</CreatedTime>\
         <LoadBalancerName>{NAME}</LoadBalancerName><Scheme>internet-facing</Scheme><VpcId>vpc-1</VpcId>\
         <State><Code>{state}</Code></State><Type>application</Type>\
         <AvailabilityZones><member><ZoneName>us-east-1a</ZoneName><SubnetId>subnet-a</SubnetId></member></AvailabilityZones>\
         <SecurityGroups><member>{group}</member></SecurityGroups><IpAddressType>ipv4</IpAddressType>"
    );
    format!("<LoadBalancers><member>{member}</member></LoadBalancers>")
}

pub fn found(state: &str, group: &str) -> String {
    query("DescribeLoadBalancers", &balancer(state, group))
}

pub fn answer_of(status: u16) -> String {
    format!(
        "<member><Type>fixed-response</Type><Order>1</Order><FixedResponseConfig><MessageBody>no</MessageBody>\
         <ContentType>text/plain</ContentType><StatusCode>{status}</StatusCode></FixedResponseConfig></member>"
    )
}

pub fn forward() -> String {
    format!(
        "<member><Type>forward</Type><TargetGroupArn>{TARGETS}</TargetGroupArn><ForwardConfig><TargetGroups><member>\
         <TargetGroupArn>{TARGETS}</TargetGroupArn><Weight>1</Weight></member></TargetGroups><TargetGroupStickinessConfig>\
         <Enabled>false</Enabled></TargetGroupStickinessConfig></ForwardConfig></member>"
    )
}

fn listener(action: &str) -> String {
    format!(
        "<Listeners><member><ListenerArn>{LISTENER}</ListenerArn><LoadBalancerArn>{ARN}</LoadBalancerArn><Port>80</Port>\
         <Protocol>HTTP</Protocol><DefaultActions>{action}</DefaultActions></member></Listeners>"
    )
}

pub fn rule(number: usize, priority: &str, conditions: &str, action: &str) -> String {
    format!(
        "<member><RuleArn>{}</RuleArn><Priority>{priority}</Priority><Conditions>{conditions}</Conditions>\
         <Actions>{action}</Actions><IsDefault>{}</IsDefault></member>",
        rule_arn(number),
        priority == "default"
    )
}

pub fn by_path(pattern: &str) -> String {
    format!(
        "<member><Field>path-pattern</Field><Values><member>{pattern}</member></Values><PathPatternConfig><Values>\
         <member>{pattern}</member></Values></PathPatternConfig></member>"
    )
}

pub fn by_secret(values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<member>{value}</member>")).collect();
    format!(
        "<member><Field>http-header</Field><HttpHeaderConfig><HttpHeaderName>x-confctl-origin</HttpHeaderName>\
         <Values>{values}</Values></HttpHeaderConfig></member>"
    )
}

/// Its rules as they should be: closed to everybody, and for who knows the secret `action`.
pub fn rules(secrets: &[&str], action: &str) -> String {
    let all = [
        rule(1, "10", &by_secret(secrets), action),
        rule(2, "20", &by_path("*"), &answer_of(403)),
        rule(3, "default", "", &answer_of(403)),
    ];
    query("DescribeRules", &format!("<Rules>{}</Rules>", all.concat()))
}

fn no_rules() -> String {
    let default = rule(3, "default", "", &answer_of(403));
    query("DescribeRules", &format!("<Rules>{default}</Rules>"))
}

/// The tags of a resource of each ARN.
pub fn tagged(of: &[(String, Vec<(&str, String)>)]) -> String {
    let of = of.iter().map(|(arn, tags)| {
        let tags = tags_xml("member", tags.iter().cloned());
        format!("<member><ResourceArn>{arn}</ResourceArn><Tags>{tags}</Tags></member>")
    });
    let all: String = of.collect();
    query("DescribeTags", &format!("<TagDescriptions>{all}</TagDescriptions>"))
}

pub fn own_tags(resource: &str) -> Vec<(&'static str, String)> {
    our_tags(resource).into()
}

pub fn idle(seconds: u32) -> String {
    let attributes = format!(
        "<Attributes><member><Key>idle_timeout.timeout_seconds</Key><Value>{seconds}</Value></member>\
         <member><Key>deletion_protection.enabled</Key><Value>false</Value></member></Attributes>"
    );
    query("DescribeLoadBalancerAttributes", &attributes)
}

/// Tags of the load balancer, and of its rules.
pub fn with_tags(script: Script, balancer: Vec<(&str, String)>) -> Script {
    let rules = [
        (rule_arn(1), own_tags("listener-rule")),
        (rule_arn(2), own_tags("load-balancer")),
    ];
    with_tags_of(script, balancer, tagged(&rules))
}

/// The same, with this answer of its rules' tags.
fn with_tags_of(script: Script, balancer: Vec<(&str, String)>, rules: String) -> Script {
    script
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            tagged(&[(ARN.to_owned(), balancer)]),
        )
        .to("loadbalancer/app")
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            rules,
        )
        .to("listener-rule/app")
}

/// The load balancer alone.
pub fn alone() -> Script {
    Script::default()
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            CUSTODIAN,
            found("active", "sg-1"),
        )
        .documented(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            &format!("{CLI}/describe-load-balancer-attributes.rst"),
            idle(60),
        )
}

/// One that is there with these rules, behind a listener that refuses.
fn there(rules: String) -> Script {
    let script = alone()
        .documented(
            "elasticloadbalancing:DescribeListeners",
            &format!("{CLI}/describe-listeners.rst"),
            query("DescribeListeners", &listener(&answer_of(403))),
        )
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            rules,
        );
    with_tags(script, own_tags("load-balancer"))
}

fn no_such() -> Answer {
    let text = format!("Load balancers '[{NAME}]' not found");
    refused(400, "LoadBalancerNotFound", &text)
}

pub fn given() -> Given {
    let network = Network {
        vpc_id: "vpc-1".to_owned(),
        subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
        lb_subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
    };
    Given::default()
        .with(&NETWORK, network)
        .with(&SECURITY_GROUP, "sg-1".to_owned())
}

fn secret(text: &str) -> OriginSecret {
    OriginSecret::parse(text).unwrap()
}

/// The position of each of these operations among all that were sent.
pub fn order(account: &crate::account::Account, operations: &[&str]) -> Vec<usize> {
    let all = account.replay.called();
    let position = |operation: &&str| all.iter().position(|sent| sent == operation).unwrap_or(usize::MAX);
    operations.iter().map(position).collect()
}

#[tokio::test]
async fn a_new_one_is_closed_before_anything_else_and_its_secret_is_made_for_it() {
    let script = Script::default()
        .documented("elasticloadbalancing:DescribeLoadBalancers", MODEL, no_such())
        .modelled(
            "elasticloadbalancing:CreateLoadBalancer",
            MODEL,
            refused(400, "InvalidSecurityGroup", "One or more security groups are invalid"),
        )
        .documented(
            "elasticloadbalancing:CreateLoadBalancer",
            &format!("{CLI}/create-load-balancer.rst"),
            query("CreateLoadBalancer", &balancer("provisioning", "sg-1")),
        )
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            CUSTODIAN,
            found("provisioning", "sg-1"),
        )
        .after("elasticloadbalancing:CreateLoadBalancer")
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            CUSTODIAN,
            found("active", "sg-1"),
        )
        .after("elasticloadbalancing:CreateRule")
        .documented(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            &format!("{CLI}/describe-load-balancer-attributes.rst"),
            idle(60),
        )
        .documented(
            "elasticloadbalancing:DescribeListeners",
            &format!("{CLI}/describe-listeners.rst"),
            query("DescribeListeners", "<Listeners/>"),
        )
        .documented(
            "elasticloadbalancing:CreateListener",
            &format!("{CLI}/create-listener.rst"),
            query("CreateListener", &listener(&answer_of(403))),
        )
        .documented(
            "elasticloadbalancing:DescribeListeners",
            &format!("{CLI}/describe-listeners.rst"),
            query("DescribeListeners", &listener(&answer_of(403))),
        )
        .after("elasticloadbalancing:CreateListener")
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            no_rules(),
        )
        .documented(
            "elasticloadbalancing:CreateRule",
            &format!("{CLI}/create-rule.rst"),
            query(
                "CreateRule",
                &format!("<Rules>{}</Rules>", rule(2, "20", &by_path("*"), &answer_of(403))),
            ),
        )
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            rules(&[FIRST], &answer_of(503)),
        )
        .after("elasticloadbalancing:CreateRule");
    let account = of_root(with_tags(script, own_tags("load-balancer"))).await;
    account.up(&own(|_| {}), "load-balancer", given()).await.done();
    let made = &account.replay.sent("elasticloadbalancing:CreateLoadBalancer")[1];
    for part in [
        "Name=eb-tcb-conference",
        "Scheme=internet-facing",
        "sg-1",
        "confctl:stack",
    ] {
        assert!(made.contains(part), "{part}");
    }
    let listener = &account.replay.sent("elasticloadbalancing:CreateListener")[0];
    assert!(listener.contains("DefaultActions.member.1.FixedResponseConfig.StatusCode=403"));
    let rules = account.replay.sent("elasticloadbalancing:CreateRule");
    assert!(
        rules[0].contains("Priority=20") && rules[0].contains("StatusCode=403"),
        "closed first"
    );
    assert!(
        rules[1].contains("Priority=10") && rules[1].contains("StatusCode=503"),
        "nobody is behind it yet"
    );
    assert!(rules.iter().all(|sent| !sent.contains("Type=forward")));
    account.check();
}

#[tokio::test]
async fn a_rule_whose_answer_was_lost_is_known_and_its_secret_taken() {
    let script = there(no_rules())
        .documented(
            "elasticloadbalancing:CreateRule",
            MODEL,
            refused(400, "PriorityInUse", "Priority '20' is currently in use"),
        )
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            rules(&[FIRST], &answer_of(503)),
        )
        .after("elasticloadbalancing:CreateRule");
    let account = of_root(script).await;
    account.up(&own(|_| {}), "load-balancer", given()).await.done();
    account.check();
}

#[tokio::test]
async fn what_is_as_it_should_be_is_kept_whatever_beanstalk_counts_on_it() {
    let mut tags = own_tags("load-balancer");
    tags.push(("elasticbeanstalk:shared-elb-environment-count", "1".to_owned()));
    let script = there(rules(&[FIRST], &forward())).without(&["elasticloadbalancing:DescribeTags"]);
    let account = of_root(with_tags(script, tags)).await;
    assert_eq!(
        account.plan_with(&own(|_| {}), "load-balancer", given()).await,
        Change::Keep
    );
    account.check();
}

/// The fields of an update.
fn fields(change: &Change) -> Vec<&str> {
    change.fields().iter().map(|field| field.field.as_str()).collect()
}

#[tokio::test]
async fn everything_that_was_opened_is_closed_again() {
    let opened = [
        rule(1, "1", &by_secret(&["*"]), &forward()),
        rule(2, "2", &by_path("/nothing"), &forward()),
        rule(3, "default", "", &forward()),
    ];
    let opened = query("DescribeRules", &format!("<Rules>{}</Rules>", opened.concat()));
    let script = Script::default()
        .recorded(
            "elasticloadbalancing:DescribeLoadBalancers",
            CUSTODIAN,
            found("active", "sg-9"),
        )
        .documented(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            &format!("{CLI}/describe-load-balancer-attributes.rst"),
            idle(4000),
        )
        .documented(
            "elasticloadbalancing:DescribeListeners",
            &format!("{CLI}/describe-listeners.rst"),
            query("DescribeListeners", &listener(&forward())),
        )
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            opened,
        )
        .documented(
            "elasticloadbalancing:SetSecurityGroups",
            &format!("{CLI}/set-security-groups.rst"),
            query(
                "SetSecurityGroups",
                "<SecurityGroupIds><member>sg-1</member></SecurityGroupIds>",
            ),
        )
        .documented(
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            &format!("{CLI}/modify-load-balancer-attributes.rst"),
            query("ModifyLoadBalancerAttributes", "<Attributes/>"),
        )
        .documented(
            "elasticloadbalancing:ModifyListener",
            &format!("{CLI}/modify-listener.rst"),
            query("ModifyListener", &listener(&answer_of(403))),
        )
        .documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        )
        .documented(
            "elasticloadbalancing:SetRulePriorities",
            &format!("{CLI}/set-rule-priorities.rst"),
            query("SetRulePriorities", "<Rules/>"),
        )
        .documented(
            "elasticloadbalancing:RemoveTags",
            &format!("{CLI}/remove-tags.rst"),
            query("RemoveTags", ""),
        )
        .documented(
            "elasticloadbalancing:AddTags",
            &format!("{CLI}/add-tags.rst"),
            query("AddTags", ""),
        );
    let mut tags = own_tags("load-balancer");
    tags.push(("cost", "41".to_owned()));
    tags.push(("old", "yes".to_owned()));
    let mut now = own_tags("load-balancer");
    now.push(("cost", "42".to_owned()));
    let script = with_tags(script, tags)
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            tagged(&[(ARN.to_owned(), now)]),
        )
        .to("loadbalancer/app")
        .after("elasticloadbalancing:AddTags");
    let stack = own(|stack| {
        stack.profile.tags.insert("cost".to_owned(), "42".to_owned());
        stack.ownership.extra = stack.profile.tags.clone();
        let mut former = stack.profile.clone();
        former.tags.insert("old".to_owned(), "yes".to_owned());
        stack.former.push(former);
    });
    let account = of_root(script).await;
    let change = account.plan_with(&stack, "load-balancer", given()).await;
    assert_eq!(
        fields(&change),
        [
            "tag cost",
            "tag old",
            "SecurityGroups",
            "idle_timeout.timeout_seconds",
            "listener's own action",
            "rule for everybody",
            "rule for CloudFront",
            "priorities of the rules",
        ]
    );
    account.up(&stack, "load-balancer", given()).await.done();
    let modified = account.replay.sent("elasticloadbalancing:ModifyRule");
    assert!(modified[0].contains("Values.member.1=*") && modified[0].contains("StatusCode=403"));
    let asks = &modified[1];
    assert!(asks.contains("HttpHeaderConfig.Values.member.1=0001") && !asks.contains("member.1=*"));
    assert!(!asks.contains("Actions."), "where it leads is not touched");
    // Closed before what it asks for is looked at.
    let [listener, rule] = order(
        &account,
        &["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"],
    )[..] else {
        panic!()
    };
    assert!(listener < rule);
    account.check();
}

#[tokio::test]
async fn the_way_in_is_opened_to_a_ready_environment_and_closed_before_it_goes() {
    let environment = LiveEnvironment {
        id: "e-1".to_owned(),
        cname: "a.us-east-1.elasticbeanstalk.com".to_owned(),
        load_balancer: None,
        target_group: Some(TARGETS.to_owned()),
        trouble: None,
        version: None,
        astray: Vec::new(),
    };
    let balancer = LiveLoadBalancer {
        arn: ARN.to_owned(),
        dns_name: String::new(),
        security_groups: Vec::new(),
    };
    let given = Given::default()
        .with(&LOAD_BALANCER, balancer)
        .with(&ENVIRONMENT, environment);
    let script = there(rules(&[FIRST], &answer_of(503))).documented(
        "elasticloadbalancing:ModifyRule",
        &format!("{CLI}/modify-rule.rst"),
        query("ModifyRule", "<Rules/>"),
    );
    let account = of_root(script).await;
    account.up(&own(|_| {}), "listener-rule", given).await.done();
    let opened = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(opened.contains("Type=forward") && !opened.contains("Conditions."));
    account.check();

    let script = there(rules(&[FIRST], &forward())).documented(
        "elasticloadbalancing:ModifyRule",
        &format!("{CLI}/modify-rule.rst"),
        query("ModifyRule", "<Rules/>"),
    );
    let account = of_root(script).await;
    account.down(&own(|_| {}), "listener-rule").await.done();
    let closed = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(closed.contains("StatusCode=503"));
    account.check();
}

#[tokio::test]
async fn a_further_secret_is_let_in_beside_the_present_one_and_the_former_one_goes_when_the_edge_sends_it() {
    let rotating = own(|stack| stack.rotating = true);
    let script = there(rules(&[FIRST], &forward())).documented(
        "elasticloadbalancing:ModifyRule",
        &format!("{CLI}/modify-rule.rst"),
        query("ModifyRule", "<Rules/>"),
    );
    let account = of_root(script).await;
    account.up(&rotating, "load-balancer", given()).await.done();
    let both = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(both.contains(FIRST) && both.contains("member.2=0002"));
    account.check();

    let all = vec![secret(FIRST), secret(SECOND)];
    let given = Given::default().with(&SECRETS, all).with(&EDGE_SECRET, secret(SECOND));
    let script = there(rules(&[SECOND, FIRST], &forward())).documented(
        "elasticloadbalancing:ModifyRule",
        &format!("{CLI}/modify-rule.rst"),
        query("ModifyRule", "<Rules/>"),
    );
    let account = of_root(script).await;
    account.up(&own(|_| {}), "origin-secret", given).await.done();
    let only = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(only.contains(SECOND) && !only.contains(FIRST));
    account.check();
}

#[tokio::test]
async fn it_goes_with_its_listener_first_and_what_is_gone_already_is_no_failure() {
    let script = there(rules(&[FIRST], &answer_of(503)))
        .documented(
            "elasticloadbalancing:DeleteListener",
            MODEL,
            refused(400, "ListenerNotFound", "One or more listeners not found"),
        )
        .documented(
            "elasticloadbalancing:DeleteLoadBalancer",
            &format!("{CLI}/delete-load-balancer.rst"),
            query("DeleteLoadBalancer", ""),
        )
        .documented("elasticloadbalancing:DescribeLoadBalancers", MODEL, no_such())
        .after("elasticloadbalancing:DeleteLoadBalancer");
    let account = of_root(script).await;
    account.down(&own(|_| {}), "load-balancer").await.done();
    let order = order(
        &account,
        &[
            "elasticloadbalancing:DeleteListener",
            "elasticloadbalancing:DeleteLoadBalancer",
        ],
    );
    assert!(order[0] < order[1]);
    account.check();
}

#[tokio::test]
async fn one_of_somebody_elses_name_is_not_touched() {
    let script = there(rules(&[FIRST], &forward())).without(&["elasticloadbalancing:DescribeTags"]);
    let account = of_root(with_tags(script, vec![("Name", "mine".to_owned())])).await;
    let change = account.plan_with(&own(|_| {}), "load-balancer", given()).await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    account.check();
}

// --- Its security group ---------------------------------------------------------------------------------------------

pub fn group(permissions: &str, tags: &[(&str, String)]) -> String {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let group = format!(
        "<item><ownerId>123456789012</ownerId><groupId>sg-0123456789abcdef0</groupId><groupName>{NAME}</groupName>\
         <groupDescription>x</groupDescription><vpcId>vpc-1</vpcId><ipPermissions>{permissions}</ipPermissions>\
         <tagSet>{tags}</tagSet></item>"
    );
    ec2(
        "DescribeSecurityGroups",
        &format!("<securityGroupInfo>{group}</securityGroupInfo>"),
    )
}

fn no_group() -> String {
    ec2("DescribeSecurityGroups", "<securityGroupInfo/>")
}

fn permission(port: u16, source: &str) -> String {
    format!(
        "<item><ipProtocol>tcp</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort><groups/>{source}</item>"
    )
}

fn from_list() -> String {
    permission(
        80,
        "<ipRanges/><ipv6Ranges/><prefixListIds><item><prefixListId>pl-3b927c52</prefixListId></item></prefixListIds>",
    )
}

fn from_anybody(port: u16) -> String {
    permission(
        port,
        "<ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges><ipv6Ranges/><prefixListIds/>",
    )
}

pub fn with_list(script: Script) -> Script {
    script.documented(
        "ec2:DescribeManagedPrefixLists",
        &format!("{EC2}/describe-managed-prefix-lists.rst"),
        ec2(
            "DescribeManagedPrefixLists",
            "<prefixListSet><item><prefixListId>pl-3b927c52</prefixListId><addressFamily>IPv4</addressFamily>\
             <state>create-complete</state><prefixListName>com.amazonaws.global.cloudfront.origin-facing</prefixListName>\
             <maxEntries>55</maxEntries><ownerId>AWS</ownerId></item></prefixListSet>",
        ),
    )
}

#[tokio::test]
async fn a_new_group_lets_cloudfront_in_and_what_was_done_before_is_no_failure() {
    let script = with_list(Script::default())
        .documented(
            "ec2:DescribeSecurityGroups",
            &format!("{EC2}/describe-security-groups.rst"),
            no_group(),
        )
        .documented(
            "ec2:CreateSecurityGroup",
            &format!("{EC2}/create-security-group.rst"),
            ec2(
                "CreateSecurityGroup",
                "<return>true</return><groupId>sg-0123456789abcdef0</groupId>",
            ),
        )
        .documented(
            "ec2:AuthorizeSecurityGroupIngress",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(
                400,
                "InvalidGroup.NotFound",
                "The security group 'sg-0123456789abcdef0' does not exist",
            ),
        )
        .documented(
            "ec2:AuthorizeSecurityGroupIngress",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            refused(400, "InvalidPermission.Duplicate", "the specified rule already exists"),
        )
        .documented(
            "ec2:DescribeSecurityGroups",
            &format!("{EC2}/describe-security-groups.rst"),
            group(&from_list(), &our_tags("security-group")),
        )
        .after("ec2:AuthorizeSecurityGroupIngress");
    let account = of_root(script).await;
    account.up(&own(|_| {}), "security-group", given()).await.done();
    let made = &account.replay.sent("ec2:CreateSecurityGroup")[0];
    assert!(
        made.contains("TagSpecification.1.ResourceType=security-group"),
        "tagged at birth"
    );
    let opened = &account.replay.sent("ec2:AuthorizeSecurityGroupIngress")[0];
    assert!(opened.contains("pl-3b927c52") && !opened.contains("CidrIp"));
    account.check();
}

#[tokio::test]
async fn who_was_let_in_by_hand_is_closed_out() {
    let opened = [from_list(), from_anybody(80)].concat();
    let script = with_list(Script::default())
        .documented(
            "ec2:DescribeSecurityGroups",
            &format!("{EC2}/describe-security-groups.rst"),
            group(&opened, &our_tags("security-group")),
        )
        .documented(
            "ec2:RevokeSecurityGroupIngress",
            &format!("{EC2}/revoke-security-group-ingress.rst"),
            ec2_done("RevokeSecurityGroupIngress"),
        );
    let account = of_root(script).await;
    account.up(&own(|_| {}), "security-group", given()).await.done();
    let closed = &account.replay.sent("ec2:RevokeSecurityGroupIngress")[0];
    assert!(closed.contains("0.0.0.0/0") && !closed.contains("pl-3b927c52"));
    account.check();
}

#[tokio::test]
async fn the_group_waits_for_the_network_interfaces_of_the_load_balancer_to_go() {
    let (describe, example) = (
        "ec2:DescribeSecurityGroups",
        &format!("{EC2}/describe-security-groups.rst"),
    );
    let standing = || group(&from_list(), &our_tags("security-group"));
    let script = with_list(Script::default())
        .documented(describe, example, standing())
        // Deleted, and still shown: its VPC would be taken for one that is used.
        .documented(describe, example, standing())
        .documented(describe, example, no_group())
        .documented(
            "ec2:DeleteSecurityGroup",
            "hashicorp/terraform-provider-aws issue 1671",
            refused(
                400,
                "DependencyViolation",
                "resource sg-0123456789abcdef0 has a dependent object",
            ),
        )
        .documented(
            "ec2:DeleteSecurityGroup",
            &format!("{EC2}/delete-security-group.rst"),
            ec2_done("DeleteSecurityGroup"),
        );
    let account = of_root(script).await;
    account.down(&own(|_| {}), "security-group").await.done();
    assert_eq!(account.replay.sent("ec2:DeleteSecurityGroup").len(), 2);
    // Once before it, and afterwards until two reads in a row no longer show it.
    assert_eq!(account.replay.sent(describe).len(), 4);
    account.check();
}

#[tokio::test]
async fn a_denied_change_of_the_rules_names_the_action_and_never_the_secret() {
    let text = format!(
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform: elasticloadbalancing:ModifyRule with {FIRST}"
    );
    let rotating = own(|stack| stack.rotating = true);
    let script = there(rules(&[FIRST], &forward())).documented(
        "elasticloadbalancing:ModifyRule",
        MODEL,
        refused(403, "AccessDenied", &text),
    );
    let account = of_root(script).await;
    let ran = account.up(&rotating, "load-balancer", given()).await;
    let error = &ran.failure().error;
    assert_eq!(error.kind, Kind::Denied);
    let told = format!("{error:?}");
    assert!(told.contains("ModifyRule") && !told.contains(FIRST), "{told}");
    account.check();
}
