//! What commands ask beside the resources: each answer as AWS gives it, through confctl's own clients.

use aws_smithy_types::DateTime;
use confctl::aws::Explain;
use confctl::aws::services::cloudwatch::GetMetricStatistics;
use confctl::engine::Kind;
use serde_json::json;

use crate::account::of_root;
use crate::bodies::{ec2, query};
use crate::script::{Script, refused};

const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
const CLI: &str = "aws/aws-cli awscli/examples";
const EB_CLI: &str = "aws/aws-elastic-beanstalk-cli tests/unit/mock_responses.py";

#[tokio::test]
async fn the_group_tells_of_its_policies_and_what_it_did() {
    let policy = "<member><AutoScalingGroupName>g</AutoScalingGroupName><PolicyName>up</PolicyName><PolicyARN>arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:up</PolicyARN>\
                  <PolicyType>SimpleScaling</PolicyType><AdjustmentType>ChangeInCapacity</AdjustmentType><ScalingAdjustment>1</ScalingAdjustment><Cooldown>360</Cooldown>\
                  <StepAdjustments/><Alarms><member><AlarmName>high</AlarmName><AlarmARN>arn:aws:cloudwatch:us-east-1:123456789012:alarm:high</AlarmARN></member></Alarms><Enabled>true</Enabled></member>";
    let activity = "<member><ActivityId>1</ActivityId><AutoScalingGroupName>g</AutoScalingGroupName><Description>Launching a new EC2 instance: i-1</Description>\
                    <Cause>At 2026-11-24T12:00:00Z a monitor alarm high in state ALARM triggered policy up changing the desired capacity from 2 to 3.</Cause>\
                    <StartTime>2026-11-24T12:00:10.123Z</StartTime><EndTime>2026-11-24T12:00:42Z</EndTime><StatusCode>Successful</StatusCode><Progress>100</Progress>\
                    <Details>{\"Subnet ID\":\"subnet-1\",\"Availability Zone\":\"us-east-1a\"}</Details></member>";
    let script = Script::default()
        .recorded(
            "autoscaling:DescribePolicies",
            &format!("{CUSTODIAN}/test_asg_scaling_policy_enabled"),
            query(
                "DescribePolicies",
                &format!("<ScalingPolicies>{policy}</ScalingPolicies>"),
            ),
        )
        .documented(
            "autoscaling:DescribeScalingActivities",
            &format!("{CLI}/autoscaling/describe-scaling-activities.rst"),
            query(
                "DescribeScalingActivities",
                &format!("<Activities>{activity}</Activities>"),
            ),
        );
    let account = of_root(script).await;
    let aws = account.reading();
    let policies = aws
        .autoscaling
        .describe_policies()
        .send()
        .await
        .explain("read")
        .unwrap();
    assert_eq!(policies.scaling_policies()[0].alarms()[0].alarm_name(), Some("high"));
    let activities = aws
        .autoscaling
        .describe_scaling_activities()
        .send()
        .await
        .explain("read")
        .unwrap();
    let activity = &activities.activities()[0];
    // It has the fraction that its end has not.
    assert!(activity.start_time().is_some() && activity.end_time().is_some());
    account.check();
}

#[tokio::test]
async fn an_environment_tells_of_its_resources_and_instances() {
    let resources = "<EnvironmentResources><EnvironmentName>e</EnvironmentName><AutoScalingGroups><member><Name>g</Name></member></AutoScalingGroups>\
                     <Instances><member><Id>i-1</Id></member></Instances><LaunchConfigurations/><LaunchTemplates><member><Id>lt-1</Id></member></LaunchTemplates>\
                     <LoadBalancers><member><Name>arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/x/1</Name></member></LoadBalancers><Triggers/><Queues/></EnvironmentResources>";
    let instance = "<item><instanceId>i-1</instanceId><instanceType>t3.micro</instanceType><instanceState><code>16</code><name>running</name></instanceState>\
                    <launchTime>2026-11-24T12:00:16.000Z</launchTime><privateDnsName/><dnsName/><reason/><placement><availabilityZone>us-east-1a</availabilityZone><groupName/><tenancy>default</tenancy></placement></item>";
    let kind = "<item><instanceType>t3.micro</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus><defaultCores>1</defaultCores></vCpuInfo>\
                <processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo></item>";
    let script = Script::default()
        .recorded("elasticbeanstalk:DescribeEnvironmentResources", EB_CLI, query("DescribeEnvironmentResources", resources))
        .recorded(
            "ec2:DescribeInstances",
            &format!("{CUSTODIAN}/test_ec2_unmonitor_instance"),
            ec2(
                "DescribeInstances",
                &format!("<reservationSet><item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet>{instance}</instancesSet></item></reservationSet>"),
            ),
        )
        .documented(
            "ec2:DescribeInstanceTypes",
            &format!("{CLI}/ec2/describe-instance-types.rst"),
            ec2("DescribeInstanceTypes", &format!("<instanceTypeSet>{kind}</instanceTypeSet>")),
        );
    let account = of_root(script).await;
    let aws = account.reading();
    let found = aws
        .beanstalk
        .describe_environment_resources()
        .environment_name("e")
        .send()
        .await;
    let found = found.explain("read").unwrap().environment_resources.unwrap();
    assert_eq!(found.auto_scaling_groups()[0].name(), Some("g"));
    let instances = aws
        .ec2
        .describe_instances()
        .instance_ids("i-1")
        .send()
        .await
        .explain("read")
        .unwrap();
    assert_eq!(instances.reservations()[0].instances()[0].instance_id(), Some("i-1"));
    let kinds = aws.ec2.describe_instance_types().send().await.explain("read").unwrap();
    assert_eq!(
        kinds.instance_types()[0]
            .v_cpu_info()
            .and_then(|info| info.default_v_cpus()),
        Some(2)
    );
    account.check();
}

#[tokio::test]
async fn datapoints_come_in_no_order_and_are_read_in_theirs() {
    let points = json!({
        "Label": "CPUUtilization",
        "Datapoints": [
            {"Timestamp": 1_732_449_900, "Average": 71.5, "Unit": "Percent"},
            {"Timestamp": 1_732_449_600, "Average": 12.25, "Unit": "Percent"},
        ],
    });
    let source = "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/metrics_capture-win2016.yml";
    let account =
        of_root(Script::default().recorded("cloudwatch:GetMetricStatistics", source, points.to_string())).await;
    let asked = GetMetricStatistics {
        namespace: Some("AWS/EC2"),
        metric_name: Some("CPUUtilization"),
        dimensions: &[],
        statistics: vec!["Average"],
        period: 300,
        start_time: DateTime::from_secs(1_732_449_600),
        end_time: DateTime::from_secs(1_732_450_200),
    };
    let points = account
        .reading()
        .cloudwatch
        .get_metric_statistics(&asked)
        .await
        .explain("read")
        .unwrap();
    let read: Vec<_> = points
        .iter()
        .map(|point| (point.timestamp.map(|time| time.secs()), point.average))
        .collect();
    assert_eq!(
        read,
        [(Some(1_732_449_600), Some(12.25)), (Some(1_732_449_900), Some(71.5))]
    );
    account.check();
}

#[tokio::test]
async fn a_command_is_sent_followed_and_cancelled() {
    let instance = json!({
        "InstanceId": "i-1", "PingStatus": "Online", "LastPingDateTime": 1_732_449_600.123, "AgentVersion": "3.3.2299.0",
        "IsLatestVersion": false, "PlatformType": "Linux", "ResourceType": "EC2Instance", "AssociationStatus": "Success",
    });
    let command = json!({
        "CommandId": "c-1", "DocumentName": "AWS-RunShellScript", "DocumentVersion": "", "Status": "Pending", "StatusDetails": "Pending",
        "RequestedDateTime": 1_732_449_600.123, "OutputS3BucketName": "", "OutputS3KeyPrefix": "", "ServiceRole": "",
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false},
    });
    let invocation = json!({
        "CommandId": "c-1", "InstanceId": "i-1", "DocumentVersion": "", "Status": "Success", "StatusDetails": "Success", "ResponseCode": 0,
        "StandardOutputContent": "done\n", "StandardOutputUrl": "", "StandardErrorContent": "", "StandardErrorUrl": "",
        "ExecutionStartDateTime": "2026-11-24T12:00:00.000Z",
    });
    let run = format!("{CUSTODIAN}/test_ssm_send_command");
    let script = Script::default()
        .recorded(
            "ssm:DescribeInstanceInformation",
            &run,
            json!({"InstanceInformationList": [instance], "NextToken": "more"}).to_string(),
        )
        .recorded("ssm:SendCommand", &run, json!({"Command": command}).to_string())
        .documented(
            "ssm:GetCommandInvocation",
            "boto/botocore botocore/data/ssm/2014-11-06/service-2.json",
            refused(400, "InvocationDoesNotExist", ""),
        )
        .recorded("ssm:GetCommandInvocation", &run, json!(invocation).to_string())
        .modelled(
            "ssm:CancelCommand",
            "boto/botocore botocore/data/ssm/2014-11-06/service-2.json",
            "{}",
        );
    let account = of_root(script).await;
    let (read, write) = (&account.reading().ssm, &account.writing().ssm);
    let instances = vec!["i-1".to_owned()];
    let known = read
        .describe_instance_information(&instances, None)
        .await
        .explain("read")
        .unwrap();
    assert_eq!(
        known.instance_information_list[0].ping_status.as_deref(),
        Some("Online")
    );
    let parameters = json!({"commands": ["true"]});
    let sent = write
        .send_command("AWS-RunShellScript", &instances, parameters, "a test")
        .await
        .explain("send")
        .unwrap();
    assert_eq!(
        sent.command.and_then(|command| command.command_id).as_deref(),
        Some("c-1")
    );
    let early = read
        .get_command_invocation("c-1", "i-1")
        .await
        .or_absent(&["InvocationDoesNotExist"], "read")
        .unwrap();
    assert!(early.is_none(), "just after it was sent");
    let then = read.get_command_invocation("c-1", "i-1").await.explain("read").unwrap();
    assert_eq!(then.standard_output_content.as_deref(), Some("done\n"));
    write.cancel_command("c-1").await.explain("cancel").unwrap();
    account.check();
}

#[tokio::test]
async fn items_are_read_removed_and_put_again_where_dynamodb_did_not_take_all() {
    let model = "boto/botocore botocore/data/dynamodb/2012-08-10/service-2.json";
    let script = Script::default()
        .documented("dynamodb:GetItem", &format!("{CLI}/dynamodb/get-item.rst"), json!({"Item": {"email": {"S": "ann@example.com"}}}).to_string())
        .documented("dynamodb:GetItem", model, "{}")
        .documented("dynamodb:DeleteItem", &format!("{CLI}/dynamodb/delete-item.rst"), "{}")
        .recorded(
            "dynamodb:BatchWriteItem",
            "localstack/localstack tests/aws/services/dynamodb/test_dynamodb.snapshot.json::test_batch_write_items_streaming",
            json!({"UnprocessedItems": {}}).to_string(),
        );
    let account = of_root(script).await;
    let (read, write) = (&account.reading().dynamodb, &account.writing().dynamodb);
    let get = || read.get_item().table_name("users").send();
    assert!(get().await.explain("read").unwrap().item.is_some());
    assert!(
        get().await.explain("read").unwrap().item.is_none(),
        "what is not there is no member"
    );
    write
        .delete_item()
        .table_name("users")
        .send()
        .await
        .explain("delete")
        .unwrap();
    let left = write.batch_write_item().send().await.explain("put").unwrap();
    assert!(left.unprocessed_items.unwrap_or_default().is_empty());
    account.check();
}

#[tokio::test]
async fn a_quota_is_a_number_and_one_that_nobody_may_read_is_denied() {
    let quota = json!({"Quota": {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A", "Value": 5.0, "Adjustable": true, "GlobalQuota": false}});
    let script = Script::default()
        .documented(
            "servicequotas:GetServiceQuota",
            &format!("{CLI}/service-quotas/get-service-quota.rst"),
            quota.to_string(),
        )
        .documented(
            "servicequotas:GetServiceQuota",
            "boto/botocore botocore/data/service-quotas/2019-06-24/service-2.json",
            refused(
                400,
                "AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: servicequotas:GetServiceQuota",
            ),
        );
    let account = of_root(script).await;
    let quotas = &account.reading().quotas;
    let found = quotas
        .get_service_quota("ec2", "L-1216C47A")
        .await
        .explain("read")
        .unwrap();
    assert_eq!(found.quota.and_then(|quota| quota.value), Some(5.0));
    let denied = quotas
        .get_service_quota("ec2", "L-1216C47A")
        .await
        .explain("read")
        .err()
        .unwrap();
    assert_eq!(denied.kind, Kind::Denied);
    account.check();
}
