//! What is found by tags, and which log groups there are, by what AWS answers.

use confctl::aws::{clients, search};
use confctl::engine::Kind;
use serde_json::{Value, json};

use crate::account::{connect, of_root};
use crate::script::{Script, refused};

const ROOT: &str = "arn:aws:iam::123456789012:root";
const SNAPSHOT: &str = "localstack/localstack tests/aws/services/resourcegroupstaggingapi/test_rgsa.snapshot.json";
const MODEL: &str = "boto/botocore botocore/data/resourcegroupstaggingapi/2017-01-26/service-2.json";
const REFERENCE: &str = "docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html";
const DENIALS: &str = "docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
const LOGS: &str = "aws/aws-cli awscli/examples/logs/describe-log-groups.rst";
const OF_LOGS: &str = "boto/botocore botocore/data/logs/2014-03-28/service-2.json";
const OURS: [(&str, &str); 2] = [("confctl:stack", "mod4"), ("confctl:region", "eu-west-1")];

fn resource(arn: &str) -> Value {
    json!({"ResourceARN": arn, "Tags": [{"Key": "confctl:stack", "Value": "mod4"}]})
}

fn page(arns: &[&str], token: &Value) -> String {
    let found: Vec<Value> = arns.iter().map(|arn| resource(arn)).collect();
    json!({"PaginationToken": token, "ResourceTagMappingList": found}).to_string()
}

#[tokio::test]
async fn all_pages_are_read_in_the_stacks_region_and_where_distributions_are() {
    let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/users";
    let vpc = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0a";
    let distribution = "arn:aws:cloudfront::123456789012:distribution/E1";
    let script = Script::default()
        .documented("tag:GetResources", REFERENCE, page(&[table], &json!("more")))
        .to("eu-west-1")
        // A page may be empty and not the last.
        .documented("tag:GetResources", REFERENCE, page(&[], &json!("still more")))
        .to("\"more\"")
        .documented("tag:GetResources", REFERENCE, page(&[vpc], &json!(null)))
        .to("still more")
        .recorded("tag:GetResources", SNAPSHOT, page(&[distribution], &json!("")))
        .to("tagging.us-east-1");
    let account = connect(script, ROOT, "eu-west-1").await.unwrap();
    let aws = account.reading();
    assert_eq!(search::regions(aws), ["eu-west-1", "us-east-1"]);
    let mut arns = Vec::new();
    for region in search::regions(aws) {
        let found = search::tagged(aws, region, &OURS).await.unwrap();
        assert!(found.iter().all(|it| it.tags["confctl:stack"] == "mod4"));
        arns.extend(found.into_iter().map(|it| it.arn));
    }
    assert_eq!(arns, [table, vpc, distribution]);
    let filters = json!([
        {"Key": "confctl:stack", "Values": ["mod4"]},
        {"Key": "confctl:region", "Values": ["eu-west-1"]},
    ]);
    let sent = account.replay.sent("tag:GetResources");
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|request| request.member("TagFilters") == filters));
    account.check();
}

#[tokio::test]
async fn in_china_there_is_no_us_east_1() {
    let account = connect(Script::default(), "arn:aws-cn:iam::123456789012:root", "cn-north-1");
    let account = account.await.unwrap();
    assert_eq!(search::regions(account.reading()), ["cn-north-1"]);
    account.check();
}

#[tokio::test]
async fn a_search_in_us_east_1_is_one_search() {
    let script = Script::default().recorded("tag:GetResources", SNAPSHOT, page(&[], &json!("")));
    let account = of_root(script).await;
    let aws = account.reading();
    assert_eq!(search::regions(aws), [clients::GLOBAL_REGION]);
    assert_eq!(search::tagged(aws, "us-east-1", &OURS).await.unwrap(), []);
    account.check();
}

#[tokio::test]
async fn who_has_lost_all_tags_is_listed_without_them() {
    let bare = json!({"ResourceTagMappingList": [{"ResourceARN": "arn:aws:s3:::b", "Tags": []}]}).to_string();
    let account = of_root(Script::default().documented("tag:GetResources", REFERENCE, bare)).await;
    let found = search::tagged(account.reading(), "us-east-1", &[]).await.unwrap();
    assert_eq!((found.len(), found[0].tags.len()), (1, 0));
    account.check();
}

#[tokio::test]
async fn a_throttled_search_is_tried_again_and_one_that_stays_so_decides_nothing() {
    let throttled = || refused(400, "ThrottledException", "Rate exceeded");
    let script = Script::default()
        .modelled("tag:GetResources", MODEL, throttled())
        .recorded("tag:GetResources", SNAPSHOT, page(&["arn:aws:s3:::b"], &json!("")));
    let account = of_root(script).await;
    let found = search::tagged(account.reading(), "us-east-1", &OURS).await.unwrap();
    assert_eq!(found.len(), 1);
    account.check();

    let account = of_root(Script::default().modelled("tag:GetResources", MODEL, throttled())).await;
    let error = search::tagged(account.reading(), "us-east-1", &OURS).await.unwrap_err();
    assert_eq!(
        (error.kind, account.replay.times("tag:GetResources")),
        (Kind::Unreachable, 3)
    );
    account.check();
}

#[tokio::test]
async fn who_may_search_in_one_region_only_is_denied_in_the_other() {
    let words = "User: arn:aws:iam::123456789012:root is not authorized to perform: tag:GetResources with an explicit deny \
                 in a service control policy";
    let script = Script::default()
        .recorded("tag:GetResources", SNAPSHOT, page(&["arn:aws:s3:::b"], &json!("")))
        .to("tagging.eu-west-1")
        .documented(
            "tag:GetResources",
            DENIALS,
            refused(400, "AccessDeniedException", words),
        )
        .to("tagging.us-east-1");
    let account = connect(script, ROOT, "eu-west-1").await.unwrap();
    let aws = account.reading();
    assert_eq!(search::tagged(aws, "eu-west-1", &OURS).await.unwrap().len(), 1);
    let error = search::tagged(aws, "us-east-1", &OURS).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    let said = error.in_a_line();
    assert!(
        said.contains("us-east-1") && said.contains("tag:GetResources"),
        "{said}"
    );
    account.check();
}

fn group(name: &str) -> Value {
    json!({
        "storedBytes": 0,
        "metricFilterCount": 0,
        "creationTime": 1_433_189_500_783_i64,
        "logGroupName": name,
        "retentionInDays": 5,
        "arn": format!("arn:aws:logs:us-east-1:123456789012:log-group:{name}:*"),
    })
}

#[tokio::test]
async fn log_groups_are_found_by_how_their_names_begin_and_tell_whose_they_are() {
    let (first, second) = (
        "/aws/elasticbeanstalk/mod4-env/var/log/a",
        "/aws/elasticbeanstalk/mod4-env/var/log/b",
    );
    let kept_for_ever = {
        let mut group = group(second);
        group.as_object_mut().unwrap().remove("retentionInDays");
        group
    };
    let script = Script::default()
        .documented(
            "logs:DescribeLogGroups",
            LOGS,
            json!({"logGroups": [group(first)], "nextToken": "more"}).to_string(),
        )
        .documented(
            "logs:DescribeLogGroups",
            LOGS,
            json!({"logGroups": [kept_for_ever]}).to_string(),
        )
        .to("\"more\"")
        .modelled(
            "logs:ListTagsForResource",
            OF_LOGS,
            json!({"tags": {"confctl:stack": "mod4"}}).to_string(),
        )
        .to(format!("{first}\""))
        .modelled(
            "logs:ListTagsForResource",
            OF_LOGS,
            refused(
                400,
                "ResourceNotFoundException",
                "The specified log group does not exist.",
            ),
        )
        .to(format!("{second}\""));
    let account = of_root(script).await;
    let aws = account.reading();
    let groups = search::log_groups(aws, "/aws/elasticbeanstalk/mod4-env/")
        .await
        .unwrap();
    let read: Vec<_> = groups
        .iter()
        .map(|it| (it.log_group_name.as_str(), it.retention_in_days))
        .collect();
    assert_eq!(read, [(first, Some(5)), (second, None)]);
    let tags = search::tags_of_log_group(aws, &groups[0]).await.unwrap();
    assert_eq!(tags["confctl:stack"], "mod4");
    let gone = search::tags_of_log_group(aws, &groups[1]).await.unwrap_err();
    assert_eq!(gone.kind, Kind::Missing);
    let asked = account.replay.sent("logs:DescribeLogGroups");
    assert_eq!(asked[0].member("logGroupNamePrefix"), "/aws/elasticbeanstalk/mod4-env/");
    account.check();
}
