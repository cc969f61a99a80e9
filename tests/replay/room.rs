//! How much room an account has for what is to be made, by what Service Quotas and the services themselves count.

use confctl::engine::Kind;
use confctl::resources::room::{Room, figures};
use serde_json::json;

use crate::account::{ACCOUNT, connect, of_root, stack};
use crate::beanstalk::{EB_CLI, environments};
use crate::bodies::{ec2, query};
use crate::script::{Script, refused};

const CLI: &str = "aws/aws-cli awscli/examples";
const GENERAL: &str = "docs.aws.amazon.com/general/latest/gr";
const MODEL: &str = "boto/botocore botocore/data/service-quotas/2019-06-24/service-2.json";

fn quota(service: &str, code: &str, value: f64) -> String {
    json!({"Quota": {"ServiceCode": service, "QuotaCode": code, "Value": value, "Adjustable": true, "GlobalQuota": false}}).to_string()
}

#[tokio::test]
async fn a_quota_that_was_never_raised_has_its_default_and_what_is_in_use_is_counted_by_its_service() {
    let address = format!(
        "<addressesSet><item><publicIp>198.18.0.1</publicIp><allocationId>eipalloc-1</allocationId><domain>vpc</domain>\
         <networkInterfaceOwnerId>{ACCOUNT}</networkInterfaceOwnerId></item></addressesSet>"
    );
    let kind = "<item><instanceType>t3.micro</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo></item>";
    let script = Script::default()
        .documented(
            "servicequotas:GetServiceQuota",
            &format!("{CLI}/service-quotas/get-service-quota.rst"),
            quota("ec2", "L-1216C47A", 5.0),
        )
        .to("L-1216C47A")
        .documented(
            "servicequotas:GetServiceQuota",
            MODEL,
            refused(
                400,
                "NoSuchResourceException",
                "The request failed because the specified service or quota does not exist.",
            ),
        )
        .to("L-0263D0A3")
        .documented(
            "servicequotas:GetAWSDefaultServiceQuota",
            &format!("{CLI}/service-quotas/get-aws-default-service-quota.rst"),
            quota("ec2", "L-0263D0A3", 5.0),
        )
        .modelled(
            "servicequotas:GetServiceQuota",
            MODEL,
            refused(
                400,
                "AccessDeniedException",
                "User: ann is not authorized to perform: servicequotas:GetServiceQuota",
            ),
        )
        .to("L-8EFC1C51")
        .documented(
            "ec2:DescribeAddresses",
            &format!("{CLI}/ec2/describe-addresses.rst"),
            ec2("DescribeAddresses", &address),
        )
        .documented(
            "ec2:DescribeInstances",
            &format!("{CLI}/ec2/describe-instances.rst"),
            ec2("DescribeInstances", "<reservationSet/>"),
        )
        .documented(
            "ec2:DescribeInstanceTypes",
            &format!("{CLI}/ec2/describe-instance-types.rst"),
            ec2(
                "DescribeInstanceTypes",
                &format!("<instanceTypeSet>{kind}</instanceTypeSet>"),
            ),
        );
    let account = of_root(script).await;
    let single = stack(|profile| profile.environment.kind = confctl::profile::EnvironmentType::SingleInstance);
    let found = figures(account.reading(), &single, &["environment"]).await;
    let room: Vec<_> = found
        .iter()
        .map(|figure| (figure.quota.code, figure.needed, figure.room.as_ref().ok().copied()))
        .collect();
    let of = |value, used| Some(Room { value, used });
    assert_eq!(
        room,
        [
            ("L-8EFC1C51", 1.0, None),
            ("L-1216C47A", 2.0, of(5.0, 0.0)),
            ("L-0263D0A3", 1.0, of(5.0, 1.0))
        ]
    );
    assert_eq!(found[0].room.as_ref().unwrap_err().kind, Kind::Denied);
    account.check();
}

#[tokio::test]
async fn load_balancers_are_counted_to_the_last_page_and_network_load_balancers_are_none() {
    let page = |kinds: &[&str], more: &str| {
        let members: String = kinds
            .iter()
            .map(|kind| format!("<member><DNSName>x</DNSName><Type>{kind}</Type></member>"))
            .collect();
        query(
            "DescribeLoadBalancers",
            &format!("<LoadBalancers>{members}</LoadBalancers>{more}"),
        )
    };
    let script = Script::default()
        .documented("servicequotas:GetServiceQuota", MODEL, quota("any", "any", 50.0))
        .documented(
            "elasticloadbalancing:DescribeLoadBalancers",
            &format!("{CLI}/elbv2/describe-load-balancers.rst"),
            page(&["application", "network"], "<NextMarker>m</NextMarker>"),
        )
        .documented(
            "elasticloadbalancing:DescribeLoadBalancers",
            &format!("{CLI}/elbv2/describe-load-balancers.rst"),
            page(&["application"], ""),
        )
        .to("Marker=m")
        .documented(
            "ec2:DescribeInstances",
            &format!("{CLI}/ec2/describe-instances.rst"),
            ec2("DescribeInstances", "<reservationSet/>"),
        )
        .documented(
            "ec2:DescribeInstanceTypes",
            &format!("{CLI}/ec2/describe-instance-types.rst"),
            ec2("DescribeInstanceTypes", "<instanceTypeSet/>"),
        )
        .recorded("elasticbeanstalk:DescribeEnvironments", EB_CLI, environments(&[]));
    let account = of_root(script).await;
    let found = figures(account.reading(), &stack(|_| {}), &["environment"]).await;
    let balancers = found
        .iter()
        .find(|figure| figure.quota.service == "elasticloadbalancing")
        .unwrap();
    assert_eq!(balancers.room.as_ref().unwrap().used, 2.0);
    account.check();
}

#[tokio::test]
async fn web_acls_are_counted_beyond_the_marker_of_a_page_that_is_not_full_and_have_a_way_out_of_their_own() {
    let acl = |name: &str| {
        json!({"Name": name, "Id": name, "Description": "", "LockToken": "t",
            "ARN": format!("arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/{name}/{name}")})
    };
    let full = json!({"WebACLs": [acl("one"), acl("two")], "NextMarker": "two"});
    let script = Script::default()
        .documented(
            "servicequotas:GetServiceQuota",
            &format!("{GENERAL} waf"),
            quota("wafv2", "L-24189897", 2.0),
        )
        .recorded("wafv2:ListWebACLs", "boto/boto3 issue 3715", full.to_string())
        .recorded(
            "wafv2:ListWebACLs",
            "boto/boto3 issue 3715",
            json!({"WebACLs": [], "NextMarker": "two"}).to_string(),
        )
        .to("NextMarker");
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let account = connect(script, &root, "eu-west-1").await.unwrap();
    let found = figures(account.reading(), &stack(|_| {}), &["web-acl"]).await;
    let [acls] = found.as_slice() else { panic!("{found:?}") };
    assert!(!acls.fits());
    let told = acls.told().unwrap();
    assert!(
        told.contains("(L-24189897) 2 of 2 are in use, and 1 more is needed"),
        "{told}"
    );
    let way_out = acls.way_out().shown(|commands| commands[0].words.join(" "));
    for part in ["--region us-east-1", "--set waf.enabled=false"] {
        assert!(way_out.contains(part), "{way_out}");
    }
    // The quota is the account's: it is asked for where CloudFront's are, wherever the stack is.
    let asked = &account.replay.sent("servicequotas:GetServiceQuota")[0];
    assert_eq!(asked.member("QuotaCode"), "L-24189897");
    assert!(asked.text.starts_with("servicequotas.us-east-1."), "{}", asked.text);
    account.check();
}
