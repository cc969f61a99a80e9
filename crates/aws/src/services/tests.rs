//! Answers as AWS gives them, as bytes, through the whole client: signer, retries, protocols, errors.
//! Written after recorded answers, each naming the public one that it follows.

mod objects;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde_json::{Value, json};

use super::cloudformation::CloudFormation;
use super::cloudwatch::{AlarmSettings, CloudWatch, GetMetricStatistics};
use super::load_balancing::LoadBalancing;
use super::quotas::ServiceQuotas;
use super::s3::{If, S3};
use super::ssm::Ssm;
use super::waf::{Rule, Waf};
use crate::clients::Mode;
use crate::engine::Kind;
use crate::paging;
use crate::wire::replay::{Answer, Replay, answer};
use crate::{Explain, clients};

fn waf(replay: &Replay) -> Waf {
    Waf::new(&replay.config(), clients::GLOBAL_REGION, Mode::Write)
}

fn s3(replay: &Replay) -> S3 {
    S3::new(&replay.config(), "eu-west-1", Mode::Write, "123456789012")
}

fn body_of(replay: &Replay, call: usize) -> Value {
    serde_json::from_str(&replay.sent()[call].body).unwrap()
}

// --- The transport, whatever the service -----------------------------------------------------------------------------

#[tokio::test]
async fn a_call_is_signed_and_goes_to_the_services_host_in_the_region() {
    let replay = Replay::new([answer(200, r#"{"Quota":{"Value":1920.0}}"#)]);
    let quotas = ServiceQuotas::new(&replay.config(), "us-east-2", Mode::Read);
    // awscli examples/service-quotas/get-service-quota.
    let quota = quotas.get_service_quota("ec2", "L-1216C47A").await.unwrap().quota;
    assert_eq!(quota.and_then(|quota| quota.value), Some(1920.0));
    let sent = &replay.sent()[0];
    assert_eq!(
        (sent.method.as_str(), sent.uri.as_str()),
        ("POST", "https://servicequotas.us-east-2.amazonaws.com/")
    );
    assert_eq!(sent.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(
        sent.header("x-amz-target"),
        Some("ServiceQuotasV20190624.GetServiceQuota")
    );
    let authorization = sent.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"));
    assert!(
        authorization.contains("/us-east-2/servicequotas/aws4_request"),
        "{authorization}"
    );
    let signed = authorization.split("SignedHeaders=").nth(1).unwrap();
    for header in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        assert!(signed.contains(header), "{header} is not signed: {signed}");
    }
    assert!(sent.header("user-agent").unwrap().starts_with("aws-sdk-rust/"));
    assert!(sent.header("amz-sdk-invocation-id").is_some());
    assert_eq!(sent.header("amz-sdk-request"), Some("attempt=1; max=3"));
}

#[tokio::test]
async fn throttling_a_broken_server_and_a_broken_connection_are_tried_again() {
    let throttled = Answer::Http(
        400,
        vec![("x-amzn-errortype", "ThrottlingException")],
        r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.to_owned(),
    );
    for trouble in [
        throttled,
        answer(500, ""),
        answer(503, "<html>busy</html>"),
        Answer::Dropped,
    ] {
        let replay = Replay::new([trouble.clone(), answer(200, "{}")]);
        let ssm = Ssm::new(&replay.config(), "us-east-1", Mode::Write);
        ssm.cancel_command("c").await.unwrap();
        assert_eq!(replay.sent().len(), 2, "{trouble:?}");
        assert_eq!(replay.sent()[1].header("amz-sdk-request"), Some("attempt=2; max=3"));
    }
}

#[tokio::test]
async fn the_tries_end_and_what_is_no_trouble_is_not_tried_again() {
    let replay = Replay::new((0..9).map(|_| answer(500, "")));
    let ssm = Ssm::new(&replay.config(), "us-east-1", Mode::Write);
    let error = ssm.cancel_command("c").await.explain("end the burn").unwrap_err();
    assert_eq!((replay.sent().len(), error.kind), (3, Kind::Unreachable));

    let replay = Replay::new([answer(400, r#"{"__type":"InvalidCommandId"}"#), answer(200, "{}")]);
    let ssm = Ssm::new(&replay.config(), "us-east-1", Mode::Write);
    ssm.cancel_command("c").await.unwrap_err();
    assert_eq!(replay.sent().len(), 1);
}

#[tokio::test]
async fn nothing_that_writes_is_sent_where_only_reads_are_allowed() {
    let replay = Replay::new([]);
    let config = replay.config();
    let alarm = AlarmSettings::default();
    let read = Mode::Read;
    let refusals = [
        Ssm::new(&config, "us-east-1", read)
            .cancel_command("c")
            .await
            .unwrap_err(),
        CloudWatch::new(&config, "us-east-1", read)
            .put_metric_alarm(&alarm)
            .await
            .unwrap_err(),
        Waf::new(&config, "us-east-1", read)
            .delete_web_acl("n", "i", "t")
            .await
            .unwrap_err(),
        S3::new(&config, "us-east-1", read, "1")
            .delete_object("b", "k", If::Always)
            .await
            .unwrap_err(),
    ];
    for refusal in refusals {
        let error = Err::<(), _>(refusal).explain("change it").unwrap_err();
        let causes = error.causes.join(" ");
        assert!(causes.contains("was called where only reads are allowed"), "{error:?}");
    }
    assert_eq!(replay.sent().len(), 0);
}

#[tokio::test]
async fn every_read_of_these_services_is_in_the_table_of_reads() {
    let replay = Replay::new((0..12).map(|_| answer(200, "{}")));
    let config = replay.config();
    let read = Mode::Read;
    let allowed = |name: &str, result: Result<(), String>| {
        let refused = result.err().filter(|error| error.contains("only reads are allowed"));
        assert_eq!(refused, None, "{name}");
    };
    let told = |error: &dyn std::error::Error| format!("{error:?}");
    let ssm = Ssm::new(&config, "us-east-1", read);
    allowed(
        "instances",
        ssm.describe_instance_information(&[], None)
            .await
            .map(drop)
            .map_err(|e| told(&e)),
    );
    allowed(
        "invocation",
        ssm.get_command_invocation("c", "i")
            .await
            .map(drop)
            .map_err(|e| told(&e)),
    );
    let cloudwatch = CloudWatch::new(&config, "us-east-1", read);
    allowed(
        "alarms",
        cloudwatch.describe_alarms(&["a"]).await.map(drop).map_err(|e| told(&e)),
    );
    let waf = Waf::new(&config, "us-east-1", read);
    allowed(
        "web ACLs",
        waf.list_web_acls(None).await.map(drop).map_err(|e| told(&e)),
    );
    allowed(
        "tags",
        waf.list_tags_for_resource("a", None)
            .await
            .map(drop)
            .map_err(|e| told(&e)),
    );
    allowed(
        "web ACL",
        waf.get_web_acl("n", "i").await.map(drop).map_err(|e| told(&e)),
    );
    let stacks = CloudFormation::new(&config, "us-east-1", read);
    allowed(
        "stacks",
        stacks.describe_stacks("s").await.map(drop).map_err(|e| told(&e)),
    );
    allowed(
        "resources",
        stacks
            .describe_stack_resources("s")
            .await
            .map(drop)
            .map_err(|e| told(&e)),
    );
    let balancers = LoadBalancing::new(&config, "us-east-1", read);
    allowed(
        "balancers",
        balancers
            .describe_load_balancers(&["a"])
            .await
            .map(drop)
            .map_err(|e| told(&e)),
    );
    let s3 = S3::new(&config, "us-east-1", read, "1");
    allowed("object", s3.get_object("b", "k").await.map(drop).map_err(|e| told(&e)));
    allowed(
        "objects",
        s3.list_objects("b", "p", None).await.map(drop).map_err(|e| told(&e)),
    );
    assert_eq!(replay.sent().len(), 11);
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_where_all_calls_go() {
    let replay = Replay::new([answer(200, "{}"), answer(200, "<ListBucketResult/>")]);
    let config = replay
        .config()
        .into_builder()
        .endpoint_url("http://127.0.0.1:4566")
        .build();
    let ssm = Ssm::new(&config, "us-east-1", Mode::Write);
    ssm.cancel_command("c").await.unwrap();
    let s3 = S3::new(&config, "us-east-1", Mode::Read, "123456789012");
    s3.list_objects("bucket", "p/", None).await.unwrap();
    assert_eq!(replay.sent()[0].uri, "http://127.0.0.1:4566/");
    assert_eq!(
        replay.sent()[1].uri,
        "http://127.0.0.1:4566/bucket/?list-type=2&prefix=p%2F"
    );
}

// --- JSON --------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_error_in_json_has_its_code_in_the_header_or_in_the_body() {
    let with_header = Answer::Http(
        400,
        vec![
            (
                "x-amzn-errortype",
                "WAFNonexistentItemException:http://internal.amazon.com/coral/",
            ),
            ("x-amzn-requestid", "fe83472c-f294-4b3f-9652-5ea1e74981e4"),
        ],
        r#"{"Message":"AWS WAF couldn’t perform the operation because your resource doesn’t exist."}"#.to_owned(),
    );
    let in_body = answer(
        400,
        r#"{"__type":"com.amazonaws.wafv2#WAFNonexistentItemException","message":"AWS WAF couldn’t perform the operation because your resource doesn’t exist."}"#,
    );
    for trouble in [with_header, in_body] {
        let replay = Replay::new([trouble]);
        let error = waf(&replay).get_web_acl("n", "i").await.unwrap_err();
        assert_eq!(error.code(), Some("WAFNonexistentItemException"));
        assert!(error.message().unwrap().ends_with("your resource doesn’t exist."));
        if let Some(id) = error.request_id() {
            assert_eq!(id, "fe83472c-f294-4b3f-9652-5ea1e74981e4");
        }
        let absent = Err::<(), _>(error)
            .or_absent(&["WAFNonexistentItemException"], "read it")
            .unwrap();
        assert_eq!(absent, None);
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_an_error_and_not_an_empty_one() {
    let replay = Replay::new([answer(200, r#"{"WebACLs":[{"Name":"#)]);
    let error = waf(&replay)
        .list_web_acls(None)
        .await
        .explain("list the web ACLs")
        .unwrap_err();
    assert!(error.causes[0].contains("could not be read"), "{error:?}");
}

#[tokio::test]
async fn the_web_acls_end_with_an_empty_page_although_each_has_a_marker() {
    // cloud-custodian test_wafv2_any_standalone_rules: the marker of a page that is not full is the last one's name.
    let page =
        |name: &str| format!(r#"{{"NextMarker":"{name}","WebACLs":[{{"Name":"{name}","Id":"1","Description":""}}]}}"#);
    let replay = Replay::new([
        answer(200, &page("one")),
        answer(200, &page("two")),
        answer(200, r#"{"NextMarker":"two","WebACLs":[]}"#),
    ]);
    let waf = waf(&replay);
    let listed = paging::all(async |marker| waf.list_web_acls(marker).await.explain("list"))
        .await
        .unwrap();
    let names: Vec<_> = listed.iter().filter_map(|acl| acl.name.as_deref()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(body_of(&replay, 0), json!({"Scope": "CLOUDFRONT"}));
    assert_eq!(body_of(&replay, 2), json!({"Scope": "CLOUDFRONT", "NextMarker": "two"}));
}

#[tokio::test]
async fn tags_end_at_an_empty_marker_which_is_never_sent_back() {
    // cloud-custodian test_wafv2_cloudfront_tag.
    let replay = Replay::new([answer(
        200,
        r#"{"NextMarker":"","TagInfoForResource":{"ResourceARN":"arn:x","TagList":[{"Key":"Env","Value":"test"}]}}"#,
    )]);
    let waf = waf(&replay);
    let tags = paging::all(async |marker| waf.list_tags_for_resource("arn:x", marker).await.explain("list"));
    assert_eq!(tags.await.unwrap()[0].value, "test");
    assert_eq!(body_of(&replay, 0), json!({"ResourceARN": "arn:x"}));
    // Nothing there, in the ways in which AWS says so.
    for empty in [
        "{}",
        r#"{"TagInfoForResource":null}"#,
        r#"{"NextMarker":"","TagInfoForResource":{"TagList":[]}}"#,
    ] {
        let replay = Replay::new([answer(200, empty)]);
        let waf = self::waf(&replay);
        let tags = paging::all(async |marker| waf.list_tags_for_resource("arn:x", marker).await.explain("list"));
        assert_eq!(tags.await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_update_gives_back_what_aws_added_and_leaves_out_what_it_does_not_take() {
    // cloud-custodian test_wafv2_regional_remove_tag, with the members that AWS adds by itself.
    let read = json!({
        "LockToken": "token-1",
        "WebACL": {
            "Name": "acl", "Id": "1", "ARN": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/acl/1",
            "DefaultAction": {"Block": {}}, "Description": "", "Capacity": 925,
            "LabelNamespace": "awswaf:123456789012:webacl:acl:",
            "ManagedByFirewallManager": false, "RetrofittedByFirewallManager": false,
            "OnSourceDDoSProtectionConfig": {"ALBLowReputationMode": "ACTIVE_UNDER_DDOS"},
            "SomethingOfNextYear": {"Mode": "ON"},
            "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "acl"},
            "Rules": [{
                "Name": "AWS-AWSManagedRulesAntiDDoSRuleSet", "Priority": 0,
                "Statement": {"ManagedRuleGroupStatement": {
                    "VendorName": "AWS", "Name": "AWSManagedRulesAntiDDoSRuleSet",
                    "ManagedRuleGroupConfigs": [{"AWSManagedRulesAntiDDoSRuleSet": {"SensitivityToBlock": "LOW"}}],
                }},
                "OverrideAction": {"Count": {}},
                "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "m"},
            }, {
                "Name": "allow", "Priority": 1,
                "Statement": {"IPSetReferenceStatement": {"ARN": "arn:ip"}},
                "Action": {"Allow": {}},
                "RuleLabels": [{"Name": "known"}],
                "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "n"},
            }],
        },
    });
    let replay = Replay::new([
        answer(200, &read.to_string()),
        answer(200, r#"{"NextLockToken":"token-2"}"#),
    ]);
    let waf = waf(&replay);
    let got = waf.get_web_acl("acl", "1").await.unwrap();
    let acl = got.web_acl.unwrap();
    waf.update_web_acl(&acl, &got.lock_token.unwrap()).await.unwrap();
    let mut expected = read["WebACL"].clone();
    let members = expected.as_object_mut().unwrap();
    for taken_away in [
        "ARN",
        "Capacity",
        "Description",
        "LabelNamespace",
        "ManagedByFirewallManager",
        "RetrofittedByFirewallManager",
    ] {
        members.remove(taken_away);
    }
    members.insert("Scope".to_owned(), "CLOUDFRONT".into());
    members.insert("LockToken".to_owned(), "token-1".into());
    assert_eq!(body_of(&replay, 1), expected);
}

#[test]
fn a_rule_with_nulls_reads_as_one_without_those_members() {
    let rule: Rule = serde_json::from_str(
        r#"{"Name":"r","Priority":3,"Action":null,"OverrideAction":{"None":{}},
            "Statement":{"ManagedRuleGroupStatement":{"VendorName":"AWS","Name":"g","ExcludedRules":null,"Version":null}}}"#,
    )
    .unwrap();
    let group = rule.statement.managed_rule_group_statement.unwrap();
    assert_eq!(
        (group.version, group.excluded_rules.len(), rule.action),
        (None, 0, None)
    );
}

#[tokio::test]
async fn a_command_is_sent_with_its_script_and_its_time_is_read() {
    // cloud-custodian test_ssm_send_command; seconds with a fraction, as AWS JSON has times.
    let replay = Replay::new([answer(
        200,
        r#"{"Command":{"CommandId":"139fedb0","DocumentVersion":"","RequestedDateTime":1548839763.05,"ServiceRole":"","Targets":[]}}"#,
    )]);
    let ssm = Ssm::new(&replay.config(), "us-east-1", Mode::Write);
    let parameters = json!({"commands": ["wget x", "dpkg -i x"]});
    let instances = ["i-0ba3874e85bb97244".to_owned()];
    let sent = ssm
        .send_command("AWS-RunShellScript", &instances, parameters.clone(), "burn")
        .await
        .unwrap();
    let command = sent.command.unwrap();
    assert_eq!(command.command_id.as_deref(), Some("139fedb0"));
    assert_eq!(
        command.requested_date_time.map(|at| at.as_secs_f64()),
        Some(1_548_839_763.05)
    );
    assert_eq!(
        body_of(&replay, 0),
        json!({
            "DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0ba3874e85bb97244"],
            "Parameters": parameters, "Comment": "burn",
        })
    );
    assert_eq!(replay.sent()[0].header("x-amz-target"), Some("AmazonSSM.SendCommand"));
}

#[tokio::test]
async fn an_alarm_is_put_back_with_all_that_was_read_of_it() {
    // cloud-custodian test_ec2_autorecover_alarm.
    let replay = Replay::new([
        answer(
            200,
            r#"{"CompositeAlarms":[],"MetricAlarms":[{
                "AlarmName":"low","AlarmArn":"arn:alarm","AlarmDescription":"d","ActionsEnabled":false,"OKActions":[],
                "AlarmActions":["arn:policy"],"InsufficientDataActions":[],"StateValue":"INSUFFICIENT_DATA",
                "StateReason":"Unchecked: Initial alarm creation","StateUpdatedTimestamp":1496945083.873,
                "MetricName":"CPUUtilization","Namespace":"AWS/EC2","Statistic":"Average",
                "Dimensions":[{"Name":"AutoScalingGroupName","Value":"g"}],"Period":300,"EvaluationPeriods":1,
                "Threshold":25.0,"ComparisonOperator":"LessThanThreshold","TreatMissingData":"missing"}]}"#,
        ),
        answer(200, ""),
    ]);
    let cloudwatch = CloudWatch::new(&replay.config(), "us-east-1", Mode::Write);
    let alarm = cloudwatch.describe_alarms(&["low"]).await.unwrap().remove(0);
    assert_eq!(alarm.state_value.as_deref(), Some("INSUFFICIENT_DATA"));
    assert_eq!(
        alarm.state_updated_timestamp.map(|at| at.as_secs_f64()),
        Some(1_496_945_083.873)
    );
    let settings = AlarmSettings {
        actions_enabled: Some(true),
        threshold: Some(30.0),
        ..alarm.settings
    };
    cloudwatch.put_metric_alarm(&settings).await.unwrap();
    assert_eq!(
        body_of(&replay, 1),
        json!({
            "AlarmName": "low", "AlarmDescription": "d", "ActionsEnabled": true, "OKActions": [],
            "AlarmActions": ["arn:policy"], "InsufficientDataActions": [],
            "MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Statistic": "Average",
            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "g"}], "Period": 300, "EvaluationPeriods": 1,
            "Threshold": 30.0, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "missing",
        })
    );
    assert_eq!(replay.sent()[0].uri, "https://monitoring.us-east-1.amazonaws.com/");
    assert_eq!(
        replay.sent()[0].header("content-type"),
        Some("application/x-amz-json-1.0")
    );
}

#[tokio::test]
async fn points_come_oldest_first_in_whatever_order_cloudwatch_gives_them() {
    // ManageIQ metrics_capture-win2016: 10:50, 10:55, 10:45.
    let replay = Replay::new([answer(
        200,
        r#"{"Label":"CPUUtilization","Datapoints":[
            {"Average":2.0,"Unit":"Percent","Timestamp":1553856600},
            {"Average":3.0,"Unit":"Percent","Timestamp":1553856900.0},
            {"Average":1.0,"Unit":"Percent","Timestamp":1553856300}]}"#,
    )]);
    let cloudwatch = CloudWatch::new(&replay.config(), "us-east-1", Mode::Read);
    let asked = GetMetricStatistics {
        namespace: Some("AWS/EC2"),
        metric_name: Some("CPUUtilization"),
        dimensions: &[],
        statistics: vec!["Average"],
        period: 300,
        start_time: aws_smithy_types::DateTime::from_secs(1_553_856_000),
        end_time: aws_smithy_types::DateTime::from_secs_f64(1_553_857_200.5),
    };
    let points = cloudwatch.get_metric_statistics(&asked).await.unwrap();
    let averages: Vec<_> = points.iter().filter_map(|point| point.average).collect();
    assert_eq!(averages, [1.0, 2.0, 3.0]);
    assert_eq!(body_of(&replay, 0)["StartTime"], 1_553_856_000.0);
    assert_eq!(body_of(&replay, 0)["EndTime"], 1_553_857_200.5);
}

#[tokio::test]
async fn what_was_a_query_service_keeps_its_codes_in_json() {
    // Smithy's page on awsQueryCompatible: the header has the code of the query protocol, the body its shape's name.
    let replay = Replay::new([Answer::Http(
        400,
        vec![("x-amzn-query-error", "LimitExceeded;Sender")],
        r#"{"__type":"com.amazonaws.cloudwatch#LimitExceededFault","message":"too many"}"#.to_owned(),
    )]);
    let cloudwatch = CloudWatch::new(&replay.config(), "us-east-1", Mode::Write);
    let error = cloudwatch
        .put_metric_alarm(&AlarmSettings::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Some("LimitExceeded"), Some("too many"))
    );
    assert_eq!(replay.sent()[0].header("x-amzn-query-mode"), Some("true"));
}

// --- Query ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn stacks_and_their_resources_are_read() {
    // ManageIQ refresher_inventory_object; localstack test_conditions.
    let replay = Replay::new([
        answer(
            200,
            r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult>
    <Stacks>
      <member>
        <NotificationARNs/><StackName>billyaws2</StackName><StackStatus>ROLLBACK_COMPLETE</StackStatus>
        <RollbackConfiguration/><DriftInformation><StackDriftStatus>NOT_CHECKED</StackDriftStatus></DriftInformation>
        <StackStatusReason>quota &amp; limit</StackStatusReason>
      </member>
    </Stacks>
  </DescribeStacksResult>
  <ResponseMetadata><RequestId>0b7508e9</RequestId></ResponseMetadata>
</DescribeStacksResponse>"#,
        ),
        answer(
            200,
            "<DescribeStacksResponse><DescribeStacksResult>\n<Stacks/>\n</DescribeStacksResult></DescribeStacksResponse>",
        ),
        answer(
            200,
            "<DescribeStackResourcesResponse><DescribeStackResourcesResult><StackResources>\
             <member><LogicalResourceId>Wait</LogicalResourceId></member>\
             <member><LogicalResourceId>Bucket</LogicalResourceId><PhysicalResourceId>b-1</PhysicalResourceId></member>\
             </StackResources></DescribeStackResourcesResult></DescribeStackResourcesResponse>",
        ),
    ]);
    let stacks = CloudFormation::new(&replay.config(), "us-east-1", Mode::Read);
    let found = stacks.describe_stacks("billyaws2").await.unwrap();
    assert_eq!(found[0].stack_status, "ROLLBACK_COMPLETE");
    assert_eq!(found[0].stack_status_reason.as_deref(), Some("quota & limit"));
    assert!(stacks.describe_stacks("none").await.unwrap().is_empty());
    let resources = stacks.describe_stack_resources("s").await.unwrap();
    assert_eq!(resources.len(), 2);
    assert_eq!(resources[0].physical_resource_id, None);
    assert_eq!(resources[1].physical_resource_id.as_deref(), Some("b-1"));
    assert_eq!(
        replay.sent()[0].body,
        "Action=DescribeStacks&Version=2010-05-15&StackName=billyaws2"
    );
}

#[tokio::test]
async fn an_error_in_xml_has_its_code_and_message() {
    // localstack test_describe_stack_events_errors.
    let fault = |code: &str, message: &str| {
        format!(
            r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>2258efb6</RequestId>
</ErrorResponse>"#
        )
    };
    let replay = Replay::new([answer(
        400,
        &fault("ValidationError", "Stack [does-not-exist] does not exist"),
    )]);
    let stacks = CloudFormation::new(&replay.config(), "us-east-1", Mode::Read);
    let error = stacks.describe_stacks("does-not-exist").await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Some("ValidationError"), Some("Stack [does-not-exist] does not exist"))
    );
    let replay = Replay::new([answer(400, &fault("Throttling", "Rate exceeded")), answer(200, "<R/>")]);
    let balancers = LoadBalancing::new(&replay.config(), "us-east-1", Mode::Read);
    assert!(balancers.describe_load_balancers(&["arn:x"]).await.unwrap().is_empty());
    assert_eq!(replay.sent().len(), 2);
}

#[tokio::test]
async fn a_load_balancers_name_is_read() {
    // cloud-custodian test_appelb_disable_s3_logging.
    let replay = Replay::new([answer(
        200,
        r#"<DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
<DescribeLoadBalancersResult><LoadBalancers><member><IpAddressType>ipv4</IpAddressType>
<AvailabilityZones><member><SubnetId>subnet-51d6c234</SubnetId><LoadBalancerAddresses/></member></AvailabilityZones>
<DNSName>alb1-831142190.us-east-1.elb.amazonaws.com</DNSName></member></LoadBalancers></DescribeLoadBalancersResult>
</DescribeLoadBalancersResponse>"#,
    )]);
    let balancers = LoadBalancing::new(&replay.config(), "us-east-1", Mode::Read);
    let found = balancers.describe_load_balancers(&["arn:x"]).await.unwrap();
    assert_eq!(
        found[0].dns_name.as_deref(),
        Some("alb1-831142190.us-east-1.elb.amazonaws.com")
    );
}
