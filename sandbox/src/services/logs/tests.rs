//! CloudWatch Logs as a client of its API meets it, without HTTP: pages that are empty, tokens that lead both ways.

use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use crate::fakes::{Fake, REGION, prepared, rest};
use crate::protocols::call::{Call, Protocol};
use crate::services::dispatch;
use crate::world::monitoring::{LogGroup, log_agent};
use crate::world::{Refusal, Tags};

const GROUP: &str = "/aws/elasticbeanstalk/talkative/var/log/web.stdout.log";

fn call(service: &str, operation: &str, body: String) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert("host", http::HeaderValue::from_static("127.0.0.1:4566"));
    Call {
        request_id: "r".to_owned(),
        service: service.to_owned(),
        region: REGION.to_owned(),
        protocol: Protocol::Json,
        operation: operation.to_owned(),
        caller: "arn:aws:iam::000000000000:user/alice".to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers,
        body: body.into(),
    }
}

fn ask(fake: &Fake, operation: &str, request: &Value) -> Result<Value, Refusal> {
    let call = call("logs", operation, request.to_string());
    dispatch(&fake.world, &call).map(|answer| serde_json::from_slice(&answer.body).unwrap())
}

/// A group in which two instances have said two things each, in turn.
fn talkative() -> Fake {
    let fake = prepared();
    let now = fake.world.clock.now();
    let mut group = LogGroup {
        name: GROUP.to_owned(),
        created: now,
        retention: 7,
        tags: Tags::new(),
        streams: Default::default(),
    };
    for (number, instance) in ["i-1", "i-2", "i-1", "i-2"].iter().enumerate() {
        let at = jiff::Timestamp::from_millisecond(1_000_000 + 1000 * number as i64).unwrap();
        group.streams.take(instance, vec![format!("said {number}")], at);
    }
    let mut state = fake.world.lock();
    state
        .region(REGION)
        .monitoring
        .log_groups
        .insert(GROUP.to_owned(), group);
    drop(state);
    fake
}

fn said(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap().iter();
    events.map(|event| event["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_goes_on_behind_an_empty_page() {
    let fake = talkative();
    let first = ask(&fake, "FilterLogEvents", &json!({"logGroupName": GROUP})).unwrap();
    assert_eq!(said(&first), Vec::<&str>::new());
    let next = json!({"logGroupName": GROUP, "nextToken": first["nextToken"], "limit": 3});
    let second = ask(&fake, "FilterLogEvents", &next).unwrap();
    assert_eq!(said(&second), ["said 0", "said 1", "said 2"]);
    assert_eq!(second["events"][1]["logStreamName"], "i-2");
    let next = json!({"logGroupName": GROUP, "nextToken": second["nextToken"], "limit": 3});
    let last = ask(&fake, "FilterLogEvents", &next).unwrap();
    assert_eq!(said(&last), ["said 3"]);
    assert_eq!(last.get("nextToken"), None, "{last}");
}

#[tokio::test]
async fn times_and_streams_narrow_a_search() {
    let fake = talkative();
    let until = |end: i64| {
        let request = json!({"logGroupIdentifier": GROUP, "logStreamNames": ["i-2"], "startTime": 1_001_000, "endTime": end,
            "nextToken": "0"});
        said(&ask(&fake, "FilterLogEvents", &request).unwrap()).len()
    };
    // Of a search its end is a part.
    assert_eq!((until(1_002_999), until(1_003_000)), (1, 2));
    let of = |end: i64| {
        let request = json!({"logGroupName": GROUP, "logStreamName": "i-2", "startTime": 1_001_000, "endTime": end});
        said(&ask(&fake, "GetLogEvents", &request).unwrap()).len()
    };
    // And of a stream that is read it is not.
    assert_eq!((of(1_003_000), of(1_003_001)), (1, 2));
}

#[tokio::test]
async fn a_stream_is_read_both_ways_until_the_token_stays_the_same() {
    let fake = talkative();
    let get = |more: Value| {
        let mut request = json!({"logGroupName": GROUP, "logStreamName": "i-1", "limit": 1});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ask(&fake, "GetLogEvents", &request).unwrap()
    };
    let newest = get(json!({}));
    assert_eq!(said(&newest), ["said 2"]);
    let before = get(json!({"nextToken": newest["nextBackwardToken"]}));
    assert_eq!(said(&before), ["said 0"]);
    let oldest = get(json!({"startFromHead": true}));
    assert_eq!(said(&oldest), ["said 0"]);
    let after = get(json!({"nextToken": oldest["nextForwardToken"], "startFromHead": true}));
    assert_eq!(said(&after), ["said 2"]);
    let end = get(json!({"nextToken": after["nextForwardToken"], "startFromHead": true}));
    assert_eq!(
        (said(&end).len(), &end["nextForwardToken"]),
        (0, &after["nextForwardToken"])
    );
}

#[tokio::test]
async fn streams_are_listed_by_name_or_by_their_newest_event() {
    let fake = talkative();
    let names = |more: Value| {
        let mut request = json!({"logGroupName": GROUP});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = ask(&fake, "DescribeLogStreams", &request).unwrap();
        let streams = answer["logStreams"].as_array().unwrap().iter();
        streams
            .map(|stream| stream["logStreamName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(json!({})), ["i-1", "i-2"]);
    assert_eq!(
        names(json!({"orderBy": "LastEventTime", "descending": true})),
        ["i-2", "i-1"]
    );
    assert_eq!(names(json!({"logStreamNamePrefix": "i-2"})), ["i-2"]);
    let both = json!({"logGroupName": GROUP, "orderBy": "LastEventTime", "logStreamNamePrefix": "i"});
    let refused = ask(&fake, "DescribeLogStreams", &both).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let fake = talkative();
    let refused = |operation: &str, request: Value| ask(&fake, operation, &request).unwrap_err();
    let group = refused("FilterLogEvents", json!({"logGroupName": "/none"}));
    assert_eq!(
        (group.code.as_str(), group.message.as_str()),
        ("ResourceNotFoundException", "The specified log group does not exist.")
    );
    let stream = refused("GetLogEvents", json!({"logGroupName": GROUP, "logStreamName": "i-9"}));
    assert_eq!(
        (stream.code.as_str(), stream.message.as_str()),
        ("ResourceNotFoundException", "The specified log stream does not exist.")
    );
    for neither_or_both in [json!({}), json!({"logGroupName": GROUP, "logGroupIdentifier": GROUP})] {
        assert_eq!(
            refused("FilterLogEvents", neither_or_both).code,
            "InvalidParameterException"
        );
    }
}

/// The agents take the instances' lines, where the environment streams them and the role lets them.
#[tokio::test(flavor = "multi_thread")]
async fn what_instances_say_comes_into_their_streams() {
    let fake = prepared();
    log_agent::run(&fake.world);
    let id = streaming_environment(&fake);
    rest(&fake, &id).await;
    let instances = fake.plane.0.lock().unwrap().launched.clone();
    let wanted: Vec<String> = instances.iter().map(|id| format!("hello from {id}")).collect();
    let heard = || {
        let answer = ask(
            &fake,
            "FilterLogEvents",
            &json!({"logGroupName": GROUP, "nextToken": "0"}),
        )
        .unwrap();
        let mut said: Vec<String> = said(&answer).into_iter().map(str::to_owned).collect();
        said.sort();
        said
    };
    for _ in 0..1000 {
        if heard() == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{:?} and not {wanted:?}", heard());
}

/// The id of an environment that is being launched.
fn streaming_environment(fake: &Fake) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("ApplicationName", "conference"),
        ("EnvironmentName", "talkative"),
        ("VersionLabel", "v1"),
        ("SolutionStackName", "64bit Amazon Linux 2023 v4.10.0 running Go 1"),
    ]);
    let settings = [
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "profile"),
        ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "true"),
    ];
    for (number, (namespace, name, value)) in settings.into_iter().enumerate() {
        let member = format!("OptionSettings.member.{}", number + 1);
        form.append_pair(&format!("{member}.Namespace"), namespace);
        form.append_pair(&format!("{member}.OptionName"), name);
        form.append_pair(&format!("{member}.Value"), value);
    }
    let call = Call {
        protocol: Protocol::Query,
        ..call("elasticbeanstalk", "CreateEnvironment", form.finish())
    };
    let answer = dispatch(&fake.world, &call).unwrap();
    let xml = String::from_utf8_lossy(&answer.body).into_owned();
    let (_, id) = xml.split_once("<EnvironmentId>").unwrap();
    id.split('<').next().unwrap().to_owned()
}
