//! HTTPS from CloudFront to a load balancer of the stack's own: its certificate, its listener, the group's ports, and the end of the former
//! way, by what ACM, ELB and EC2 answer.

use std::sync::Arc;

use confctl::engine::Change;
use confctl::profile::{LoadBalancerMode, Profile};
use confctl::resources::Stack;
use confctl::resources::outputs::{
    EDGE_PROTOCOL, ENVIRONMENT, LOAD_BALANCER, LiveEnvironment, LiveLoadBalancer, ORIGIN_CERTIFICATE, REQUESTED,
};
use serde_json::json;

use crate::account::{Given, of_root, stack_of};
use crate::bodies::{ec2, our_tags, query, tags_json};
use crate::load_balancer::{
    ARN, CLI, EC2, FIRST, LISTENER, MODEL, alone, answer_of, by_path, by_secret, forward, given, group, own_tags, rule,
    rules, with_list, with_tags,
};
use crate::script::{Script, refused};

const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/2";
const EDGES: &str = "arn:aws:acm:us-east-1:123456789012:certificate/1";
const NAME: &str = "events.example.org";
const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";
const SECURE: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/eb-tcb-conference/50dc6c495c0c9188/0000000000000443";

/// With a domain elsewhere: of Route 53 nothing is asked.
fn by_https() -> Arc<Stack> {
    let mut profile = Profile::default();
    profile.load_balancer.mode = LoadBalancerMode::Own;
    profile.domain.name = Some(NAME.to_owned());
    profile.domain.zone = "none".to_owned();
    Arc::new(stack_of(profile))
}

fn in_clear() -> Arc<Stack> {
    let mut profile = Profile::default();
    profile.load_balancer.mode = LoadBalancerMode::Own;
    Arc::new(stack_of(profile))
}

fn plain() -> String {
    format!(
        "<member><ListenerArn>{LISTENER}</ListenerArn><LoadBalancerArn>{ARN}</LoadBalancerArn><Port>80</Port>\
         <Protocol>HTTP</Protocol><DefaultActions>{}</DefaultActions></member>",
        answer_of(403)
    )
}

fn secure(certificate: &str, policy: &str) -> String {
    format!(
        "<member><ListenerArn>{SECURE}</ListenerArn><LoadBalancerArn>{ARN}</LoadBalancerArn><Port>443</Port>\
         <Protocol>HTTPS</Protocol><Certificates><member><CertificateArn>{certificate}</CertificateArn></member></Certificates>\
         <SslPolicy>{policy}</SslPolicy><DefaultActions>{}</DefaultActions><MutualAuthentication><Mode>off</Mode>\
         </MutualAuthentication></member>",
        answer_of(403)
    )
}

fn listeners(operation: &str, all: &[String]) -> String {
    query(operation, &format!("<Listeners>{}</Listeners>", all.concat()))
}

/// The load balancer, with its tags; its listeners and rules are each test's.
fn balancer() -> Script {
    with_tags(alone(), own_tags("load-balancer"))
}

fn listening(script: Script, all: &[String]) -> Script {
    let answer = listeners("DescribeListeners", all);
    script.documented(
        "elasticloadbalancing:DescribeListeners",
        &format!("{CLI}/describe-listeners.rst"),
        answer,
    )
}

/// The rules of one of the two listeners.
fn with_rules(script: Script, listener: &str, rules: String) -> Script {
    let id = listener.rsplit('/').next().unwrap();
    script
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            rules,
        )
        .to(id)
}

fn no_rules() -> String {
    query("DescribeRules", "<Rules/>")
}

#[tokio::test]
async fn the_new_listener_is_closed_asks_for_the_secret_that_is_sent_and_waits_until_elb_knows_its_certificate() {
    let script = listening(balancer(), &[plain()]);
    let script =
        listening(script, &[plain(), secure(CERTIFICATE, POLICY)]).after("elasticloadbalancing:CreateListener");
    let script = with_rules(script, LISTENER, rules(&[FIRST], &forward()));
    let script = with_rules(script, SECURE, no_rules());
    let create_rule = |script: Script| {
        let made = rule(2, "20", &by_path("*"), &answer_of(403));
        script.documented(
            "elasticloadbalancing:CreateRule",
            &format!("{CLI}/create-rule.rst"),
            query("CreateRule", &format!("<Rules>{made}</Rules>")),
        )
    };
    let script = create_rule(script)
        .recorded(
            "elasticloadbalancing:CreateListener",
            "hashicorp/terraform-provider-aws issue 41789",
            refused(
                400,
                "UnsupportedCertificate",
                &format!(
                    "The certificate '{CERTIFICATE}' must have a fully-qualified domain name, a supported signature, and a \
                     supported key size."
                ),
            ),
        )
        .documented(
            "elasticloadbalancing:CreateListener",
            &format!("{CLI}/create-listener.rst"),
            listeners("CreateListener", &[secure(CERTIFICATE, POLICY)]),
        );
    let account = of_root(script).await;
    let known = given().with(&ORIGIN_CERTIFICATE, CERTIFICATE.to_owned());
    account.up(&by_https(), "load-balancer", known).await.done();
    let made = &account.replay.sent("elasticloadbalancing:CreateListener")[1];
    for part in [
        "Protocol=HTTPS",
        "Port=443",
        "Certificates.member.1.CertificateArn=arn",
        POLICY,
        "DefaultActions.member.1.FixedResponseConfig.StatusCode=403",
    ] {
        assert!(made.contains(part), "{part}");
    }
    let rules = account.replay.sent("elasticloadbalancing:CreateRule");
    assert!(
        rules[0].contains("Priority=20") && rules[0].contains("StatusCode=403"),
        "closed first"
    );
    assert!(
        rules[1].contains(FIRST) && rules[1].contains("StatusCode=503"),
        "nobody is behind it yet"
    );
    assert!(
        account.replay.sent("elasticloadbalancing:DeleteListener").is_empty(),
        "the other is in use"
    );
    account.check();
}

#[tokio::test]
async fn another_certificate_or_a_weaker_policy_is_set_right_and_a_stricter_one_stays() {
    let with = |certificate: &str, policy: &str| {
        let script = listening(balancer(), &[secure(certificate, policy)]);
        with_rules(script, SECURE, rules(&[FIRST], &forward()))
    };
    let known = || given().with(&ORIGIN_CERTIFICATE, CERTIFICATE.to_owned());
    for (certificate, policy) in [(EDGES, POLICY), (CERTIFICATE, "ELBSecurityPolicy-2016-08")] {
        let script = with(certificate, policy).documented(
            "elasticloadbalancing:ModifyListener",
            &format!("{CLI}/modify-listener.rst"),
            listeners("ModifyListener", &[secure(CERTIFICATE, POLICY)]),
        );
        let account = of_root(script).await;
        account.up(&by_https(), "load-balancer", known()).await.done();
        let sent = &account.replay.sent("elasticloadbalancing:ModifyListener")[0];
        assert!(sent.contains(POLICY) && sent.contains("certificate/2") && !sent.contains("DefaultActions"));
        account.check();
    }
    let account = of_root(with(CERTIFICATE, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")).await;
    assert_eq!(
        account.plan_with(&by_https(), "load-balancer", known()).await,
        Change::Keep
    );
    account.check();
}

#[tokio::test]
async fn of_two_certificates_for_the_same_names_the_tags_tell_which_is_whose() {
    let detail = |arn: &str| {
        let record = json!({"Name": "_a.events.example.org.", "Type": "CNAME", "Value": "_b.acm-validations.aws."});
        json!({"Certificate": {
            "CertificateArn": arn,
            "DomainName": NAME,
            "SubjectAlternativeNames": [NAME],
            "DomainValidationOptions": [{"DomainName": NAME, "ValidationMethod": "DNS", "ResourceRecord": record}],
            "Status": "ISSUED",
            "InUseBy": [],
        }})
        .to_string()
    };
    let tags = |resource: &str| json!({"Tags": tags_json(our_tags(resource))}).to_string();
    let acm = "aws/aws-cli awscli/examples/acm";
    let listed = [EDGES, CERTIFICATE]
        .map(|arn| json!({"CertificateArn": arn, "DomainName": NAME, "SubjectAlternativeNameSummaries": [NAME]}));
    let mut script = Script::default().documented(
        "acm:ListCertificates",
        &format!("{acm}/list-certificates.rst"),
        json!({ "CertificateSummaryList": listed }).to_string(),
    );
    for (arn, resource) in [(EDGES, "certificate"), (CERTIFICATE, "origin-certificate")] {
        script = script
            .documented(
                "acm:DescribeCertificate",
                &format!("{acm}/describe-certificate.rst"),
                detail(arn),
            )
            .to(arn)
            .documented(
                "acm:ListTagsForCertificate",
                &format!("{acm}/list-tags-for-certificate.rst"),
                tags(resource),
            )
            .to(arn);
    }
    let account = of_root(script).await;
    let known = Given::default().with(&REQUESTED, EDGES.to_owned());
    assert_eq!(
        account.plan_with(&by_https(), "origin-certificate", known).await,
        Change::Keep
    );
    assert_eq!(account.plan(&by_https(), "certificate").await, Change::Keep);
    account.check();
}

fn ports(from: u16, to: u16) -> String {
    format!(
        "<item><ipProtocol>tcp</ipProtocol><fromPort>{from}</fromPort><toPort>{to}</toPort><groups/><ipRanges/><ipv6Ranges/>\
         <prefixListIds><item><prefixListId>pl-3b927c52</prefixListId></item></prefixListIds></item>"
    )
}

/// The group's rule by itself, beside what every group lets out.
fn by_itself(script: Script) -> Script {
    let rules = "<securityGroupRuleSet><item><securityGroupRuleId>sgr-0a1</securityGroupRuleId><groupId>sg-0123456789abcdef0</groupId>\
         <isEgress>true</isEgress><ipProtocol>-1</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4>\
         </item><item><securityGroupRuleId>sgr-0b2</securityGroupRuleId><groupId>sg-0123456789abcdef0</groupId>\
         <isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort>\
         <prefixListId>pl-3b927c52</prefixListId></item></securityGroupRuleSet>";
    script
        .documented(
            "ec2:DescribeSecurityGroupRules",
            &format!("{EC2}/describe-security-group-rules.rst"),
            ec2("DescribeSecurityGroupRules", rules),
        )
        .documented(
            "ec2:ModifySecurityGroupRules",
            &format!("{EC2}/modify-security-group-rules.rst"),
            ec2("ModifySecurityGroupRules", "<return>true</return>"),
        )
}

#[tokio::test]
async fn the_groups_one_rule_is_widened_in_place_as_there_is_no_room_for_two() {
    let example = format!("{EC2}/describe-security-groups.rst");
    let standing = |from, to| group(&ports(from, to), &our_tags("security-group"));
    let script = with_list(by_itself(Script::default()))
        .documented("ec2:DescribeSecurityGroups", &example, standing(80, 80))
        .documented("ec2:DescribeSecurityGroups", &example, standing(80, 443))
        .after("ec2:ModifySecurityGroupRules");
    let account = of_root(script).await;
    account.up(&by_https(), "security-group", given()).await.done();
    let sent = &account.replay.sent("ec2:ModifySecurityGroupRules")[0];
    for part in [
        "SecurityGroupRuleId=sgr-0b2",
        "FromPort=80",
        "ToPort=443",
        "PrefixListId=pl-3b927c52",
    ] {
        assert!(sent.contains(part), "{part}");
    }
    assert!(
        account.replay.sent("ec2:RevokeSecurityGroupIngress").is_empty(),
        "nobody is kept out meanwhile"
    );
    account.check();
}

fn where_cloudfront_comes_by(protocol: &str) -> Given {
    let environment = LiveEnvironment {
        id: "e-1".to_owned(),
        cname: String::new(),
        load_balancer: None,
        target_group: None,
        trouble: None,
        version: None,
        astray: Vec::new(),
    };
    let balancer = LiveLoadBalancer {
        arn: ARN.to_owned(),
        dns_name: String::new(),
        security_groups: Vec::new(),
    };
    Given::default()
        .with(&ENVIRONMENT, environment)
        .with(&LOAD_BALANCER, balancer)
        .with(&EDGE_PROTOCOL, protocol.to_owned())
}

/// Both ways are there, and the group lets CloudFront in at both ports.
fn both_ways(script: Script) -> Script {
    let script = listening(script, &[plain(), secure(CERTIFICATE, POLICY)]);
    with_list(by_itself(script)).documented(
        "ec2:DescribeSecurityGroups",
        &format!("{EC2}/describe-security-groups.rst"),
        group(&ports(80, 443), &our_tags("security-group")),
    )
}

#[tokio::test]
async fn when_every_edge_location_comes_by_https_the_port_is_closed_and_then_the_listener_goes() {
    let script = both_ways(balancer()).documented(
        "elasticloadbalancing:DeleteListener",
        &format!("{CLI}/delete-listener.rst"),
        query("DeleteListener", ""),
    );
    let script = with_rules(script, LISTENER, rules(&[FIRST], &forward()));
    let script = with_rules(script, SECURE, rules(&[FIRST], &forward()));
    let account = of_root(script).await;
    account
        .up(&by_https(), "former-listener", where_cloudfront_comes_by("https-only"))
        .await
        .done();
    let closed = &account.replay.sent("ec2:ModifySecurityGroupRules")[0];
    assert!(closed.contains("FromPort=443") && closed.contains("ToPort=443"));
    let gone = &account.replay.sent("elasticloadbalancing:DeleteListener")[0];
    assert!(gone.contains("f2f7dc8efc522ab2"), "the one in clear");
    let all = account.replay.called();
    let at = |operation: &str| all.iter().position(|sent| sent == operation).unwrap();
    assert!(at("ec2:ModifySecurityGroupRules") < at("elasticloadbalancing:DeleteListener"));
    account.check();
}

#[tokio::test]
async fn while_one_comes_by_the_former_way_it_stays_open() {
    let script = both_ways(balancer()).without(&["ec2:DescribeSecurityGroupRules", "ec2:ModifySecurityGroupRules"]);
    let script = with_rules(script, LISTENER, rules(&[FIRST], &forward()));
    let script = with_rules(script, SECURE, rules(&[FIRST], &forward()));
    let account = of_root(script).await;
    let change = account
        .plan_with(&by_https(), "former-listener", Given::default())
        .await;
    assert!(
        change
            .fields()
            .iter()
            .all(|field| field.awaits == Some(EDGE_PROTOCOL.name)),
        "{change:?}"
    );
    account.check();
}

/// With a rule of Beanstalk's, which it made when there was no other listener.
fn with_beanstalks(secret: bool) -> String {
    let own = rule(1, "10", &by_secret(&[FIRST]), &forward());
    let all = [
        if secret { own } else { String::new() },
        rule(2, "20", &by_path("*"), &answer_of(403)),
        rule(7, "21", &by_path("/x"), &forward()),
        rule(3, "default", "", &answer_of(403)),
    ];
    query("DescribeRules", &format!("<Rules>{}</Rules>", all.concat()))
}

#[tokio::test]
async fn a_listener_with_beanstalks_rule_stays_without_its_certificate_and_leads_nobody_anywhere() {
    let script = both_ways(balancer())
        .documented(
            "elasticloadbalancing:DeleteRule",
            MODEL,
            refused(400, "RuleNotFound", "One or more rules not found"),
        )
        .documented(
            "elasticloadbalancing:ModifyListener",
            &format!("{CLI}/modify-listener.rst"),
            listeners("ModifyListener", &[plain()]),
        );
    let script = with_rules(script, SECURE, with_beanstalks(true));
    let script = with_rules(script, LISTENER, rules(&[FIRST], &forward()));
    let account = of_root(script).await;
    // Back to plain HTTP.
    account
        .up(&in_clear(), "former-listener", where_cloudfront_comes_by("http-only"))
        .await
        .done();
    let sent = &account.replay.sent("elasticloadbalancing:ModifyListener")[0];
    assert!(sent.contains("Protocol=HTTP") && !sent.contains("Certificates"));
    assert!(account.replay.sent("elasticloadbalancing:DeleteListener").is_empty());
    account.check();

    // What is so is so.
    let example = format!("{EC2}/describe-security-groups.rst");
    let script = with_list(listening(balancer(), &[plain(), secure(CERTIFICATE, POLICY)])).documented(
        "ec2:DescribeSecurityGroups",
        &example,
        group(&ports(443, 443), &our_tags("security-group")),
    );
    let script = with_rules(script, LISTENER, with_beanstalks(false));
    let script = with_rules(script, SECURE, rules(&[FIRST], &forward()));
    let account = of_root(script).await;
    let known = where_cloudfront_comes_by("https-only");
    assert_eq!(
        account.plan_with(&by_https(), "former-listener", known).await,
        Change::Keep
    );
    account.check();
}

#[tokio::test]
async fn what_leads_to_the_environment_by_a_former_way_is_closed_before_that_goes() {
    let script = listening(balancer(), &[plain(), secure(CERTIFICATE, POLICY)]).documented(
        "elasticloadbalancing:DeleteRule",
        &format!("{CLI}/delete-rule.rst"),
        query("DeleteRule", ""),
    );
    let script = with_list(script).documented(
        "ec2:DescribeSecurityGroups",
        &format!("{EC2}/describe-security-groups.rst"),
        group(&ports(80, 443), &our_tags("security-group")),
    );
    let script = with_rules(script, LISTENER, rules(&[FIRST], &forward()));
    let script = with_rules(script, SECURE, rules(&[FIRST], &answer_of(503)));
    let account = of_root(script).await;
    account.down(&by_https(), "former-listener").await.done();
    assert_eq!(account.replay.sent("elasticloadbalancing:DeleteRule").len(), 1);
    account.check();
}
