//! What one looks at in a stack that is up: events that show late, pages of logs that are empty, instances that tell less than others,
//! a session, a command that is not known yet.

use confctl::aws::Explain;
use confctl::engine::{Error, Kind};
use confctl::resources::looking::events::{Events, Start, Whose};
use confctl::resources::looking::logs::{File, Streamed, are_streamed};
use confctl::resources::looking::snapshot::{self, Parts};
use confctl::resources::looking::{instances, shell, tails};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::{Account, of_root};
use crate::beanstalk::{CUSTODIAN, EB_CLI, ENVIRONMENT, GUIDE, MODEL, environments, events, serving};
use crate::bodies::{done, ec2, query};
use crate::environment_answers::{GROUP, configuration, group, settings, stack_resources};
use crate::script::{Script, refused};

const CLI: &str = "aws/aws-cli awscli/examples";
const LOGS_MODEL: &str = "boto/botocore botocore/data/logs/2014-03-28/service-2.json";
const SSM_MODEL: &str = "boto/botocore botocore/data/ssm/2014-11-06/service-2.json";
const RUN: &str = "cloud-custodian/cloud-custodian tests/data/placebo/test_ssm_send_command";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Events, newest first, each with its time.
fn timed(newest_first: &[(&str, &str)]) -> String {
    let members: String = newest_first
        .iter()
        .map(|(time, message)| {
            format!(
                "<member><EventDate>{time}</EventDate><Message>{message}</Message><Severity>INFO</Severity></member>"
            )
        })
        .collect();
    query("DescribeEvents", &format!("<Events>{members}</Events>"))
}

#[tokio::test]
async fn an_event_is_told_once_also_where_one_of_before_shows_late() {
    let (one, two, late) = (
        "2026-11-24T12:00:01.000Z",
        "2026-11-24T12:00:30.000Z",
        "2026-11-24T12:00:20.000Z",
    );
    let script = Script::default()
        .documented(
            "elasticbeanstalk:DescribeEvents",
            MODEL,
            timed(&[(two, "two"), (one, "one")]),
        )
        .documented(
            "elasticbeanstalk:DescribeEvents",
            MODEL,
            timed(&[(two, "two"), (two, "two"), (late, "late"), (one, "one")]),
        )
        .documented(
            "elasticbeanstalk:DescribeEvents",
            MODEL,
            timed(&[(two, "two"), (two, "two"), (late, "late"), (one, "one")]),
        );
    let account = of_root(script).await;
    let whose = Whose::Environment(ENVIRONMENT.to_owned());
    let mut events = Events::new(account.reading(), whose, Start::Newest(50));
    let mut told = Vec::new();
    for _ in 0..3 {
        let next = events.next().await.unwrap();
        told.push(next.into_iter().map(|event| event.message).collect::<Vec<_>>());
    }
    assert_eq!(told, [vec!["one", "two"], vec!["late", "two"], vec![]]);
    let asked = account.replay.sent("elasticbeanstalk:DescribeEvents");
    assert_eq!(asked[0].parameter("MaxRecords").as_deref(), Some("50"));
    assert_eq!(asked[0].parameter("StartTime"), None);
    // A minute before the newest one.
    assert_eq!(asked[1].parameter("StartTime").as_deref(), Some("2026-11-24T11:59:30Z"));
    account.check();
}

#[tokio::test]
async fn no_events_are_believed_only_of_who_may_read_them() {
    let script = || Script::default().documented("elasticbeanstalk:DescribeEvents", MODEL, timed(&[]));
    let account = of_root(script()).await;
    let whose = || Whose::Named {
        application: "tcb-conference".to_owned(),
        environment: "Tcb-conference-env".to_owned(),
    };
    let mut events = Events::new(account.reading(), whose(), Start::Time(at("2026-11-24T12:00:00Z")));
    assert_eq!(events.next().await.unwrap(), []);
    account.check();
    let denied = "<EvaluationResults><member><EvalActionName>elasticbeanstalk:DescribeEvents</EvalActionName>\
                  <EvalResourceName>*</EvalResourceName><EvalDecision>explicitDeny</EvalDecision></member></EvaluationResults>\
                  <IsTruncated>false</IsTruncated>";
    let script = script().documented(
        "iam:SimulatePrincipalPolicy",
        "boto/botocore botocore/data/iam/2010-05-08/service-2.json",
        query("SimulatePrincipalPolicy", denied),
    );
    let account = crate::account::as_caller(script, "arn:aws:iam::123456789012:user/ann").await;
    let mut events = Events::new(account.reading(), whose(), Start::Newest(5));
    let error = events.next().await.unwrap_err();
    assert!(error.in_a_line().contains("DescribeEvents"), "{}", error.in_a_line());
}

fn logged(id: u64, stream: &str, at: i64, message: &str) -> Value {
    json!({"logStreamName": stream, "timestamp": at, "message": message, "ingestionTime": at + 995,
        "eventId": format!("{id:056}")})
}

fn page(events: &[Value], next: Option<&str>) -> String {
    let mut page = json!({"events": events, "searchedLogStreams": []});
    if let Some(next) = next {
        page["nextToken"] = next.into();
    }
    page.to_string()
}

#[tokio::test]
async fn a_log_is_read_behind_empty_pages_and_each_line_told_once() {
    let (first, second) = (
        logged(1, "i-1", 1_712_567_843_827, "one\n"),
        logged(2, "i-2", 1_712_567_843_900, "two\u{1b}[2J"),
    );
    let late = logged(3, "i-3", 1_712_567_843_850, "late");
    let source = &format!("{CLI}/logs/filter-log-events.rst");
    let script = Script::default()
        .documented("logs:FilterLogEvents", LOGS_MODEL, page(&[], Some("more")))
        .documented(
            "logs:FilterLogEvents",
            source,
            page(&[first.clone(), second.clone()], None),
        )
        .documented("logs:FilterLogEvents", source, page(&[first, late, second], None));
    let account = of_root(script).await;
    let group = File::Web.group("Tcb-conference-env");
    let mut streamed = Streamed::new(account.reading(), group, Vec::new(), at("2024-04-08T09:00:00Z"));
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut lines = Vec::new();
        let is_there = streamed
            .next(|line| lines.push(format!("{} {}", line.instance, line.message)))
            .await;
        assert!(is_there.unwrap());
        told.push(lines);
    }
    assert_eq!(told, [vec!["i-1 one", "i-2 two [2J"], vec!["i-3 late"]]);
    let asked: Vec<Value> = account
        .replay
        .sent("logs:FilterLogEvents")
        .iter()
        .map(|sent| serde_json::from_str(&sent.body).unwrap())
        .collect();
    assert_eq!(
        asked[0]["logGroupName"],
        "/aws/elasticbeanstalk/Tcb-conference-env/var/log/web.stdout.log"
    );
    assert_eq!(asked[0].get("logStreamNames"), None);
    assert_eq!(asked[1]["nextToken"], "more");
    // Ten seconds before the newest line.
    assert_eq!(asked[2]["startTime"], 1_712_567_833_900_i64);
    account.check();
}

/// Reads the log of `only`, to which FilterLogEvents answers with this refusal. No line is told.
async fn refused_log(code: &str, message: &str, only: &[&str]) -> (Account, Result<bool, Error>) {
    let script = Script::default().documented("logs:FilterLogEvents", LOGS_MODEL, refused(400, code, message));
    let account = of_root(script).await;
    let only = only.iter().map(|id| (*id).to_owned()).collect();
    let since = at("2024-04-08T09:00:00Z");
    let is_there = Streamed::new(account.reading(), File::Engine.group("e"), only, since)
        .next(|line| panic!("{line:?}"))
        .await;
    account.check();
    (account, is_there)
}

#[tokio::test]
async fn a_log_to_which_nothing_was_written_is_not_there_yet() {
    let missing = "The specified log stream does not exist.";
    let (account, is_there) = refused_log("ResourceNotFoundException", missing, &["i-1"]).await;
    assert!(!is_there.unwrap());
    let asked = &account.replay.sent("logs:FilterLogEvents")[0];
    assert_eq!(asked.member("logStreamNames"), json!(["i-1"]));
}

/// Who may not read a log is told so: it is not taken for empty.
#[tokio::test]
async fn a_log_that_nobody_may_read_is_no_empty_one() {
    let denied = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: logs:FilterLogEvents";
    let (_, is_there) = refused_log("AccessDeniedException", denied, &[]).await;
    assert_eq!(is_there.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn logs_are_streamed_where_what_is_deployed_says_so() {
    for (value, wanted) in [("true", true), ("false", false)] {
        let option = ["aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", value].map(str::to_owned);
        let [namespace, name, value] = option;
        let script = Script::default()
            .recorded(
                "elasticbeanstalk:DescribeEnvironments",
                CUSTODIAN,
                environments(&[serving()]),
            )
            .recorded(
                "elasticbeanstalk:DescribeConfigurationSettings",
                EB_CLI,
                configuration(&settings(&[(namespace, name, value)], "deployed")),
            );
        let account = of_root(script).await;
        assert_eq!(
            are_streamed(account.reading(), "Tcb-conference-env").await.unwrap(),
            wanted
        );
        account.check();
    }
}

/// One as the EB CLI had it recorded, and one that also tells of its deployment.
fn instances_health() -> String {
    let metrics = "<ApplicationMetrics><Duration>10</Duration><RequestCount>48</RequestCount>\
                   <Latency><P50>0.001</P50><P95>0.005</P95></Latency>\
                   <StatusCodes><Status2xx>47</Status2xx><Status3xx>0</Status3xx><Status4xx>1</Status4xx><Status5xx>0</Status5xx></StatusCodes>\
                   </ApplicationMetrics>";
    let system = "<System><CPUUtilization><User>1.5</User><Nice>0.1</Nice><System>0.3</System><Idle>97.8</Idle><IOWait>0.2</IOWait>\
                  <IRQ>0.0</IRQ><SoftIRQ>0.1</SoftIRQ></CPUUtilization><LoadAverage><member>0.0</member></LoadAverage></System>";
    let deployment = "<Deployment><DeploymentId>3</DeploymentId><Status>Failed</Status><VersionLabel>v2</VersionLabel>\
                      <DeploymentTime>2026-11-24T12:10:00Z</DeploymentTime></Deployment>";
    let one = format!(
        "<member><InstanceId>i-2</InstanceId><HealthStatus>Ok</HealthStatus><Color>Green</Color><Causes/>\
         <LaunchedAt>2026-11-24T12:01:00Z</LaunchedAt>{metrics}{system}</member>"
    );
    let other = format!(
        "<member><InstanceId>i-1</InstanceId><HealthStatus>Degraded</HealthStatus><Causes><member>Application update failed.</member></Causes>\
         <AvailabilityZone>us-east-1a</AvailabilityZone><InstanceType>t3.micro</InstanceType>{deployment}</member>"
    );
    query(
        "DescribeInstancesHealth",
        &format!(
            "<InstanceHealthList>{one}{other}</InstanceHealthList><RefreshedAt>2026-11-24T12:10:00Z</RefreshedAt>"
        ),
    )
}

#[tokio::test]
async fn instances_are_seen_with_what_each_tells() {
    let health = "<EnvironmentName>Tcb-conference-env</EnvironmentName><HealthStatus>Degraded</HealthStatus><Status>Ready</Status>\
                  <Color>Red</Color><Causes><member>Incorrect application version found on 1 out of 2 instances.</member></Causes>\
                  <ApplicationMetrics><Duration>10</Duration><RequestCount>45</RequestCount>\
                  <StatusCodes><Status2xx>45</Status2xx></StatusCodes></ApplicationMetrics><RefreshedAt>2026-11-24T12:10:00Z</RefreshedAt>";
    let resources = [("AWSEBAutoScalingGroup", GROUP), ("AWSEBCloudwatchAlarmHigh", "high")];
    let alarm = json!({"AlarmName": "high", "StateValue": "ALARM", "StateUpdatedTimestamp": 1_732_449_600.123,
        "MetricName": "CPUUtilization", "Threshold": 50.0, "ComparisonOperator": "GreaterThanThreshold"});
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .recorded(
            "elasticbeanstalk:DescribeEnvironmentHealth",
            EB_CLI,
            query("DescribeEnvironmentHealth", health),
        )
        .recorded("elasticbeanstalk:DescribeInstancesHealth", EB_CLI, instances_health())
        .recorded(
            "cloudformation:DescribeStackResources",
            "localstack/localstack tests/aws/services/cloudformation/engine/test_conditions.snapshot.json",
            stack_resources(&resources),
        )
        .recorded(
            "autoscaling:DescribeAutoScalingGroups",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_asg_resize_restore_from_tag",
            group(2, 4),
        )
        .recorded(
            "cloudwatch:DescribeAlarms",
            "cloud-custodian/cloud-custodian tests/data/placebo/test_alarm_delete",
            json!({"MetricAlarms": [alarm], "CompositeAlarms": []}).to_string(),
        );
    let account = of_root(script).await;
    let parts = Parts::of(account.reading(), ENVIRONMENT).await.unwrap();
    let seen = snapshot::read(account.reading(), ENVIRONMENT, &parts)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.status.as_str(), seen.health.as_str(), seen.version.as_deref()),
        ("Ready", "Degraded", Some("v1"))
    );
    assert_eq!(seen.causes.len(), 1);
    let [other, one] = seen.instances.as_slice() else {
        panic!("{:?}", seen.instances)
    };
    assert_eq!(
        (other.id.as_str(), other.version.as_deref(), other.deployment),
        ("i-1", Some("v2"), Some(3))
    );
    assert_eq!((other.cpu, other.requests.clone()), (None, None));
    assert_eq!(
        (one.id.as_str(), one.cpu, one.version.as_deref()),
        ("i-2", Some(2.2), None)
    );
    assert_eq!(one.requests.as_ref().map(|asked| asked.by_status), Some([47, 0, 1, 0]));
    let bounds = seen.group.map(|group| (group.min, group.desired, group.max));
    assert_eq!(bounds, Some((2, 2, 4)));
    assert_eq!(
        (seen.alarms[0].state.as_str(), seen.alarms[0].rule.as_str()),
        ("ALARM", "CPUUtilization > 50")
    );
    account.check();
}

#[tokio::test]
async fn with_basic_health_there_is_a_colour_and_no_instance_is_told_of() {
    let basic = || {
        refused(
            400,
            "InvalidRequestException",
            "DescribeEnvironmentHealth is not supported.",
        )
    };
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironments",
            CUSTODIAN,
            environments(&[serving()]),
        )
        .documented("elasticbeanstalk:DescribeEnvironmentHealth", MODEL, basic())
        .documented("elasticbeanstalk:DescribeInstancesHealth", MODEL, basic());
    let account = of_root(script).await;
    let seen = snapshot::read(account.reading(), ENVIRONMENT, &Parts::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.health.as_str(), seen.instances.len(), seen.requests),
        ("Green", 0, None)
    );
    account.check();
}

#[tokio::test]
async fn a_command_is_followed_to_its_end_with_its_own_code() {
    let sent = json!({"Command": {"CommandId": "c-1", "Status": "Pending", "RequestedDateTime": 1_732_449_600.123}});
    let invocation = |status: &str, code: i32| {
        json!({"CommandId": "c-1", "InstanceId": "i-1", "Status": status, "StatusDetails": status, "ResponseCode": code,
            "StandardOutputContent": "", "StandardErrorContent": "no such file\n"})
    };
    let script = Script::default()
        .recorded("ssm:SendCommand", RUN, sent.to_string())
        .documented(
            "ssm:GetCommandInvocation",
            SSM_MODEL,
            refused(400, "InvocationDoesNotExist", ""),
        )
        .recorded(
            "ssm:GetCommandInvocation",
            RUN,
            invocation("InProgress", -1).to_string(),
        )
        .recorded("ssm:GetCommandInvocation", RUN, invocation("Failed", 2).to_string());
    let account = of_root(script).await;
    let clients = (account.reading(), &**account.writing());
    let ended = shell::run(clients, &account.settings(), "i-1", "cat 'two words'", "a test")
        .await
        .unwrap();
    assert_eq!(
        (ended.status.as_str(), ended.code, ended.stderr.as_str()),
        ("Failed", Some(2), "no such file\n")
    );
    let parameters = account.replay.sent("ssm:SendCommand")[0].member("Parameters");
    assert_eq!(parameters["commands"], json!(["cat 'two words'"]));
    account.check();
}

#[tokio::test]
async fn a_session_is_begun_and_its_token_printed_nowhere() {
    let answer = json!({"SessionId": "ann-07a16060613c408b5", "TokenValue": "AAEAAVeryMuchAToken",
        "StreamUrl": "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/ann-07a16060613c408b5?role=publish_subscribe"});
    let not_there = refused(400, "TargetNotConnected", "i-1 is not connected.");
    let script = Script::default()
        .documented("ssm:StartSession", SSM_MODEL, answer.to_string())
        .documented("ssm:StartSession", SSM_MODEL, not_there)
        .documented(
            "ssm:TerminateSession",
            &format!("{CLI}/ssm/terminate-session.rst"),
            json!({"SessionId": "ann-07a16060613c408b5"}).to_string(),
        );
    let account = of_root(script).await;
    let session = shell::start_session(account.writing(), "i-1", "a test").await.unwrap();
    assert_eq!(session.token_value, "AAEAAVeryMuchAToken");
    assert!(!format!("{session:?}").contains("VeryMuchAToken"));
    let error = shell::start_session(account.writing(), "i-1", "a test")
        .await
        .err()
        .unwrap();
    assert!(error.is_code("TargetNotConnected"), "{error:?}");
    shell::end_session(account.writing(), &session.session_id)
        .await
        .unwrap();
    account.check();
    // A command that only reads begins none.
    let refused = account
        .reading()
        .ssm
        .start_session("i-1", "a test")
        .await
        .explain("begin")
        .err()
        .unwrap();
    assert!(
        refused.in_a_line().contains("only reads are allowed"),
        "{}",
        refused.in_a_line()
    );
}

#[tokio::test]
async fn an_instance_has_a_public_address_or_none() {
    let described = |address: &str| {
        let instance = format!("<item><instanceId>i-1</instanceId>{address}</item>");
        ec2(
            "DescribeInstances",
            &format!("<reservationSet><item><instancesSet>{instance}</instancesSet></item></reservationSet>"),
        )
    };
    let source = "cloud-custodian/cloud-custodian tests/data/placebo/test_ec2_unmonitor_instance";
    let script = Script::default()
        .recorded(
            "ec2:DescribeInstances",
            source,
            described("<ipAddress>203.0.113.9</ipAddress>"),
        )
        .recorded("ec2:DescribeInstances", source, described(""));
    let account = of_root(script).await;
    let address = || shell::address(account.reading(), "i-1");
    assert_eq!(address().await.unwrap().as_deref(), Some("203.0.113.9"));
    assert_eq!(address().await.unwrap(), None);
    account.check();
}

#[tokio::test]
async fn instances_that_do_not_answer_are_not_waited_for_and_nobody_is_told_of_what_is_old() {
    let info = |instance: &str, time: &str| {
        format!(
            "<member><InfoType>tail</InfoType><Ec2InstanceId>{instance}</Ec2InstanceId><SampleTimestamp>{time}</SampleTimestamp>\
             <Message>http://127.0.0.1:1/old</Message></member>"
        )
    };
    let listed = |members: &str| {
        query(
            "RetrieveEnvironmentInfo",
            &format!("<EnvironmentInfo>{members}</EnvironmentInfo>"),
        )
    };
    let old = info("i-1", "2026-11-24T12:00:00Z");
    let resources = "<EnvironmentResources><Instances><member><Id>i-1</Id></member></Instances></EnvironmentResources>";
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEnvironmentResources",
            EB_CLI,
            query("DescribeEnvironmentResources", resources),
        )
        .documented("elasticbeanstalk:RetrieveEnvironmentInfo", GUIDE_LOGS, listed(&old))
        .documented(
            "elasticbeanstalk:RequestEnvironmentInfo",
            GUIDE_LOGS,
            done("RequestEnvironmentInfo"),
        );
    let account = of_root(script).await;
    let all = instances(account.reading(), ENVIRONMENT).await.unwrap();
    assert_eq!(all, ["i-1"]);
    let clients = (account.reading(), &**account.writing());
    let error = tails::ask(clients, &account.settings(), ENVIRONMENT, &all)
        .await
        .unwrap_err();
    assert!(error.message.contains("no instance gave its logs"), "{error:?}");
    account.check();
}

const GUIDE_LOGS: &str = "awsdocs/aws-elastic-beanstalk-developer-guide using-features.logging";

#[tokio::test]
async fn the_newest_deployment_with_a_log_is_the_one_that_is_shown() {
    let key = |request: &str| format!("eb-deployment-{request}.log");
    let event = |request: &str| {
        format!(
            "<member><EventDate>2026-11-24T12:00:00.123Z</EventDate><Message>x</Message><RequestId>{request}</RequestId></member>"
        )
    };
    let told = format!(
        "<Events>{}{}{}</Events>",
        event("r-logs"),
        event("r-deploy"),
        event("r-deploy")
    );
    let source = &format!("{GUIDE} environments-deployment-logs");
    let script = Script::default()
        .recorded(
            "elasticbeanstalk:DescribeEvents",
            EB_CLI,
            query("DescribeEvents", &told),
        )
        .documented(
            "s3:GetObject",
            source,
            refused(404, "NoSuchKey", "The specified key does not exist."),
        )
        .to(key("r-logs"))
        .documented("s3:GetObject", source, "[INFO] deploying\n[ERROR] no Procfile\u{7}\n")
        .to(key("r-deploy"));
    let account = of_root(script).await;
    let (request, lines) = tails::deployment(account.reading(), ENVIRONMENT)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (request.as_str(), lines.as_slice()),
        (
            "r-deploy",
            &["[INFO] deploying".to_owned(), "[ERROR] no Procfile ".to_owned()][..]
        )
    );
    account.check();
    // None at all is no failure.
    let none = Script::default().recorded("elasticbeanstalk:DescribeEvents", EB_CLI, events(&[]));
    let account = of_root(none).await;
    assert_eq!(tails::deployment(account.reading(), ENVIRONMENT).await.unwrap(), None);
}
