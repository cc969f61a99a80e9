//! Pages, and what is made for an environment, as a client of the API reads them.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::*;
use crate::fakes::{Fake, prepared, rest};
use crate::protocols::call::Protocol;
use crate::services::dispatch;
use crate::world::tagging::look;

fn call(service: &str, protocol: Protocol, operation: &str, body: String) -> Call {
    Call {
        request_id: "r".to_owned(),
        service: service.to_owned(),
        region: "us-east-1".to_owned(),
        protocol,
        operation: operation.to_owned(),
        caller: "arn:aws:iam::000000000000:user/alice".to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

fn get_resources(fake: &Fake, request: &Value) -> Result<Value, Refusal> {
    let call = call("tagging", Protocol::Json, "GetResources", request.to_string());
    dispatch(&fake.world, &call).map(|answer| serde_json::from_slice(&answer.body).unwrap())
}

fn arns(answer: &Value) -> Vec<&str> {
    let found = answer["ResourceTagMappingList"].as_array().unwrap();
    found.iter().map(|it| it["ResourceARN"].as_str().unwrap()).collect()
}

/// VPCs with that many tags each.
fn tagged_vpcs(fake: &Fake, counts: &[usize]) {
    {
        let mut state = fake.world.lock();
        let network = &mut state.region("us-east-1").network;
        for (number, count) in counts.iter().enumerate() {
            let tags = (0..*count).map(|key| (format!("k{key}"), "v".to_owned())).collect();
            network.create_vpc(&format!("10.{number}.0.0/16"), tags).unwrap();
        }
    }
    look(&fake.world);
}

#[test]
fn a_page_holds_as_many_resources_as_their_tags_fit_in_and_no_half_one() {
    let fake = Fake::new();
    tagged_vpcs(&fake, &[50; 5]);
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let page = get_resources(&fake, &json!({ "TagsPerPage": 120, "PaginationToken": token })).unwrap();
        pages.push(arns(&page).len());
        token = page["PaginationToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
}

#[test]
fn a_token_is_good_for_fifteen_minutes() {
    let fake = Fake::new();
    tagged_vpcs(&fake, &[1; 3]);
    let first = get_resources(&fake, &json!({ "ResourcesPerPage": 2 })).unwrap();
    let next = json!({ "PaginationToken": first["PaginationToken"] });
    assert_eq!(arns(&get_resources(&fake, &next).unwrap()).len(), 1);
    fake.world.clock.skip(Duration::from_secs(16 * 60));
    let refusal = get_resources(&fake, &next).unwrap_err();
    assert_eq!(refusal.code, "PaginationTokenExpiredException");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_for_an_environment_carries_its_id_but_for_what_the_index_has_not() {
    let fake = prepared();
    let made = [
        ("Action", "CreateEnvironment"),
        ("ApplicationName", "conference"),
        ("EnvironmentName", "tagged-env"),
        ("VersionLabel", "v1"),
        ("SolutionStackName", "64bit Amazon Linux 2023 v4.10.0 running Go 1"),
        ("Tags.member.1.Key", "confctl:stack"),
        ("Tags.member.1.Value", "mine"),
        ("OptionSettings.member.1.Namespace", "aws:elasticbeanstalk:environment"),
        ("OptionSettings.member.1.OptionName", "LoadBalancerType"),
        ("OptionSettings.member.1.Value", "application"),
        (
            "OptionSettings.member.2.Namespace",
            "aws:autoscaling:launchconfiguration",
        ),
        ("OptionSettings.member.2.OptionName", "IamInstanceProfile"),
        ("OptionSettings.member.2.Value", "profile"),
        (
            "OptionSettings.member.3.Namespace",
            "aws:autoscaling:launchconfiguration",
        ),
        ("OptionSettings.member.3.OptionName", "RootVolumeType"),
        ("OptionSettings.member.3.Value", "gp3"),
    ];
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(made)
        .finish();
    dispatch(
        &fake.world,
        &call("elasticbeanstalk", Protocol::Query, "CreateEnvironment", form),
    )
    .unwrap();
    let id = {
        let mut state = fake.world.lock();
        let environments = &state.region("us-east-1").beanstalk.environments;
        environments.keys().next().unwrap().clone()
    };
    rest(&fake, &id).await;
    look(&fake.world);
    let of_it = json!({ "TagFilters": [{ "Key": "elasticbeanstalk:environment-id", "Values": [id] }] });
    let answer = get_resources(&fake, &of_it).unwrap();
    let found = arns(&answer);
    for wanted in [
        "arn:aws:elasticbeanstalk:us-east-1:000000000000:environment/conference/tagged-env",
        "arn:aws:ec2:us-east-1:000000000000:instance/i-",
        "arn:aws:ec2:us-east-1:000000000000:security-group/sg-",
        "arn:aws:ec2:us-east-1:000000000000:launch-template/lt-",
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/",
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/",
        "arn:aws:cloudformation:us-east-1:000000000000:stack/",
    ] {
        assert!(found.iter().any(|arn| arn.starts_with(wanted)), "{wanted}: {found:#?}");
    }
    assert!(!found.iter().any(|arn| arn.contains(":autoscaling:")), "{found:#?}");
    let both = json!({ "TagFilters": [
        { "Key": "elasticbeanstalk:environment-name", "Values": ["tagged-env"] },
        { "Key": "confctl:stack", "Values": ["mine"] },
    ] });
    assert_eq!(arns(&get_resources(&fake, &both).unwrap()), found);
}
