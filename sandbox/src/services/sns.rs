//! SNS's API, as far as it reads: topics are those that Beanstalk makes for notifications.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use winterbaume_sns::{model as m, wire};

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::protocols::xml::escape;
use crate::world::notifications::{Notifications, Subscription, Topic};
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation("GetTopicAttributes", &["TopicArn"], |world, call| {
        read(world, call, attributes)
    }),
    operation("ListSubscriptions", &[], |world, call| {
        read(world, call, list_all_subscriptions)
    }),
    operation("ListSubscriptionsByTopic", &["TopicArn"], |world, call| {
        read(world, call, list_subscriptions)
    }),
    operation("ListTagsForResource", &["ResourceArn"], |world, call| {
        read(world, call, list_tags)
    }),
    operation("ListTopics", &[], |world, call| read(world, call, list_topics)),
];

pub(crate) const SERVICE: Service = Service {
    scope: "sns",
    title: "SNS",
    operations: OPERATIONS,
    refuses: None,
};

/// Reads the topics of the region and account that a call is for.
fn read(
    world: &World,
    call: &Call,
    answer: fn(&Notifications, &Call, &str) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let mut state = world.lock();
    let account = state.account.clone();
    answer(&state.region(&call.region).notifications, call, &account)
}

fn find<'a>(notifications: &'a Notifications, arn: &str) -> Result<&'a Topic, Refusal> {
    let missing = || Refusal::with_status(404, "NotFound", "Topic does not exist");
    notifications.topics.get(arn).ok_or_else(missing)
}

fn list_topics(notifications: &Notifications, _: &Call, _: &str) -> Result<Answer, Refusal> {
    let view = |topic: &Topic| m::Topic {
        topic_arn: Some(topic.arn.clone()),
    };
    let result = m::ListTopicsResponse {
        next_token: None,
        topics: Some(notifications.topics.values().map(view).collect()),
    };
    Ok(wire::serialize_list_topics_response(&result).into())
}

/// E-mail waits for a click that nobody makes here.
fn subscription_view(topic: &Topic, subscription: &Subscription, account: &str) -> m::Subscription {
    m::Subscription {
        endpoint: Some(subscription.endpoint.clone()),
        owner: Some(account.to_owned()),
        protocol: Some(subscription.protocol.clone()),
        subscription_arn: Some("PendingConfirmation".to_owned()),
        topic_arn: Some(topic.arn.clone()),
    }
}

fn list_all_subscriptions(notifications: &Notifications, _: &Call, account: &str) -> Result<Answer, Refusal> {
    let topics = notifications.topics.values();
    let all = topics.flat_map(|topic| topic.subscriptions.iter().map(move |it| (topic, it)));
    let result = m::ListSubscriptionsResponse {
        next_token: None,
        subscriptions: Some(all.map(|(topic, it)| subscription_view(topic, it, account)).collect()),
    };
    Ok(wire::serialize_list_subscriptions_response(&result).into())
}

fn list_subscriptions(notifications: &Notifications, call: &Call, account: &str) -> Result<Answer, Refusal> {
    let request: m::ListSubscriptionsByTopicInput = call.query()?;
    let topic = find(notifications, &request.topic_arn)?;
    let view = |subscription: &Subscription| subscription_view(topic, subscription, account);
    let result = m::ListSubscriptionsByTopicResponse {
        next_token: None,
        subscriptions: Some(topic.subscriptions.iter().map(view).collect()),
    };
    Ok(wire::serialize_list_subscriptions_by_topic_response(&result).into())
}

fn list_tags(notifications: &Notifications, call: &Call, _: &str) -> Result<Answer, Refusal> {
    let request: m::ListTagsForResourceRequest = call.query()?;
    let topic = find(notifications, &request.resource_arn)?;
    let view = |(key, value): (&String, &String)| m::Tag {
        key: key.clone(),
        value: value.clone(),
    };
    let result = m::ListTagsForResourceResponse {
        tags: Some(topic.tags.iter().map(view).collect()),
    };
    Ok(wire::serialize_list_tags_for_resource_response(&result).into())
}

/// What SNS does for every topic that says nothing else (SNS guide: sns-message-delivery-retries).
const DELIVERY: &str = "{\"http\":{\"defaultHealthyRetryPolicy\":{\"minDelayTarget\":20,\"maxDelayTarget\":20,\
     \"numRetries\":3,\"numMaxDelayRetries\":0,\"numNoDelayRetries\":0,\"numMinDelayRetries\":0,\"backoffFunction\":\
     \"linear\"},\"disableSubscriptionOverrides\":false,\"defaultRequestPolicy\":{\"headerContentType\":\"text/plain; \
     charset=UTF-8\"}}}";

/// The policy that every topic begins with: its account may do everything with it.
fn owners_policy(arn: &str, account: &str) -> String {
    let actions = [
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
    ];
    let policy = serde_json::json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": actions.map(|action| format!("SNS:{action}")),
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account } },
        }],
    });
    policy.to_string()
}

/// Written here: the generated serializer writes a map's keys as element names, which no client of a query API reads.
fn attributes(notifications: &Notifications, call: &Call, account: &str) -> Result<Answer, Refusal> {
    let request: m::GetTopicAttributesInput = call.query()?;
    let topic = find(notifications, &request.topic_arn)?;
    let pending = topic.subscriptions.len().to_string();
    let policy = owners_policy(&topic.arn, account);
    let attributes = [
        ("TopicArn", topic.arn.as_str()),
        ("DisplayName", ""),
        ("EffectiveDeliveryPolicy", DELIVERY),
        ("Owner", account),
        ("Policy", policy.as_str()),
        ("SubscriptionsConfirmed", "0"),
        ("SubscriptionsDeleted", "0"),
        ("SubscriptionsPending", pending.as_str()),
    ];
    let entry = |(key, value): (&str, &str)| {
        let value = escape(value);
        format!("<entry><key>{key}</key><value>{value}</value></entry>")
    };
    let body = format!(
        "<GetTopicAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><GetTopicAttributesResult>\
         <Attributes>{}</Attributes></GetTopicAttributesResult><ResponseMetadata><RequestId></RequestId>\
         </ResponseMetadata></GetTopicAttributesResponse>",
        attributes.map(entry).concat()
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    Ok(Answer {
        status: StatusCode::OK,
        headers,
        body: body.into(),
    })
}
