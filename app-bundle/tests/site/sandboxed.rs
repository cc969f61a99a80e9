//! The site against the sandbox's DynamoDB, which checks signatures, conditions and keys as AWS does.
//! What a table that fails or is slow does to visitors is told elsewhere, against the stand-in.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use axum::http::StatusCode;
use confctl_sandbox::daemon::{self, Info, Options};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::site::{FORM, JSON, Site};

/// A sandbox in this process, which ends with the test.
struct Sandbox {
    info: Info,
    dynamodb: Client,
    _directory: TempDir,
    _stop: DropGuard,
}

impl Sandbox {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let stop = CancellationToken::new();
        let (path, stopped) = (directory.path().to_owned(), stop.clone());
        tokio::spawn(async move { daemon::serve_until(&path, Options::default(), stopped).await });
        let info = loop {
            if let Ok(Some(info)) = daemon::find(directory.path()) {
                break info;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let keys = Credentials::new(&info.access_key_id, &info.secret_access_key, None, None, "sandbox");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(info.region.clone()))
            .endpoint_url(info.endpoint())
            .credentials_provider(keys)
            .build();
        Self {
            info,
            dynamodb: Client::from_conf(config),
            _directory: directory,
            _stop: stop.drop_guard(),
        }
    }

    /// The table `users` with `key` as its partition key, active.
    async fn create_table(&self, key: &str) {
        let attribute = AttributeDefinition::builder()
            .attribute_name(key)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
        let request = self.dynamodb.create_table().table_name("users");
        request
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap())
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
        loop {
            let described = self.dynamodb.describe_table().table_name("users").send().await.unwrap();
            if described.table().unwrap().table_status().unwrap().as_str() == "ACTIVE" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The site as an instance would start it here, but for what `other` sets.
    async fn site(&self, other: &[(&str, &str)]) -> Site {
        let endpoint = self.info.endpoint();
        let mut environment = vec![
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", &self.info.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.info.secret_access_key),
        ];
        environment.extend(other);
        Site::start_with(&environment).await
    }

    /// How often each address is in the table, by a consistent scan of all pages.
    async fn addresses(&self) -> BTreeMap<String, usize> {
        let mut addresses = BTreeMap::new();
        let scan = self.dynamodb.scan().table_name("users").consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let address = item.unwrap()["email"].as_s().unwrap().clone();
            *addresses.entry(address).or_default() += 1;
        }
        addresses
    }
}

#[tokio::test]
async fn an_address_is_in_once_however_often_and_in_whatever_spelling_it_comes() {
    let sandbox = Sandbox::start().await;
    sandbox.create_table("email").await;
    let site = sandbox.site(&[]).await;
    assert_eq!(site.get("/ready").await.status, StatusCode::OK);
    let first = site.post(FORM, "email=Ada%40Example.COM").await;
    let again = site.post(FORM, "email=ada%40example.com").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let json = site.post(JSON, r#"{"email":"grace@exämple.com"}"#).await;
    assert_eq!(json.status, StatusCode::CREATED);
    let addresses = sandbox.addresses().await;
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert!(addresses.values().all(|times| *times == 1));
    let key = AttributeValue::S(addresses.keys().next().unwrap().clone());
    let stored = sandbox.dynamodb.get_item().table_name("users").key("email", key);
    let item = stored.send().await.unwrap().item.unwrap();
    let when: Result<jiff::Timestamp, _> = item["registered_at"].as_s().unwrap().parse();
    assert!(when.is_ok(), "{item:?}");
    let told: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    let grace = AttributeValue::S(addresses.keys().last().unwrap().clone());
    let stored = sandbox.dynamodb.get_item().table_name("users").key("email", grace);
    let ticket = stored.send().await.unwrap().item.unwrap()["ticket"]
        .as_s()
        .unwrap()
        .clone();
    assert_eq!(told["ticket"], ticket);
    assert_eq!(
        item.len(),
        3,
        "more than an address, a time and a ticket is kept of a person"
    );
}

#[tokio::test]
async fn whoever_was_told_to_be_in_is_in_also_when_the_instance_stops_in_the_middle() {
    let sandbox = Sandbox::start().await;
    sandbox.create_table("email").await;
    let mut site = sandbox.site(&[]).await;
    let address = site.address;
    let crowd: Vec<_> = (0..32)
        .map(|visitor| {
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for number in 0..200 {
                    let email = format!("{visitor}-{number}@crowd.example");
                    match crate::site::register(address, &email).await {
                        Some(StatusCode::CREATED) => accepted.push(email),
                        Some(other) => assert_eq!(other, StatusCode::SERVICE_UNAVAILABLE),
                        // The site is gone.
                        None => break,
                    }
                }
                accepted
            })
        })
        .collect();
    while sandbox.addresses().await.len() < 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    site.terminate();
    let mut accepted = Vec::new();
    for visitor in crowd {
        accepted.append(&mut visitor.await.unwrap());
    }
    assert_eq!(site.process.wait().await.unwrap().code(), Some(0));
    assert!(accepted.len() >= 200, "{}", accepted.len());
    let addresses = sandbox.addresses().await;
    let lost: Vec<_> = accepted
        .iter()
        .filter(|email| !addresses.contains_key(*email))
        .collect();
    assert!(lost.is_empty(), "told to be in and are not: {lost:?}");
    assert!(addresses.values().all(|times| *times == 1));
}

#[tokio::test]
async fn without_its_table_or_with_wrong_keys_the_site_says_so_and_takes_nobody_in() {
    let sandbox = Sandbox::start().await;
    let site = sandbox.site(&[]).await;
    let ready = site.get("/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.body.contains("users"), "{}", ready.body);
    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.header("retry-after").is_empty());

    sandbox.create_table("email").await;
    let stranger = sandbox.site(&[("AWS_SECRET_ACCESS_KEY", "not-the-secret")]).await;
    let answer = stranger.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(sandbox.addresses().await.is_empty());

    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(
        answer.status,
        StatusCode::CREATED,
        "the table has come, no restart is needed"
    );
}

#[tokio::test]
async fn a_table_with_another_key_is_not_ready() {
    let sandbox = Sandbox::start().await;
    sandbox.create_table("name").await;
    let site = sandbox.site(&[]).await;
    let ready = site.get("/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.body.contains("email"), "{}", ready.body);
    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
