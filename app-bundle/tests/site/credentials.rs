//! Where the site gets the keys from that it signs with: on an instance, from its metadata service.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use serde_json::json;
use tokio::net::TcpListener;

use crate::site::{JSON, Site};
use crate::table::Mood;

/// The metadata service in version 2, as an instance with a profile sees it (EC2 guide, "Retrieve security credentials from
/// instance metadata"): nothing without a token, new keys whenever it is asked.
#[derive(Clone, Default)]
struct Metadata(Arc<Mutex<usize>>);

const PATH: &str = "/latest/meta-data/iam/security-credentials/";

impl Metadata {
    async fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/latest/api/token", put(token))
            .route(PATH, get(role))
            .route(&format!("{PATH}web"), get(keys))
            .with_state(Self::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

async fn token(headers: HeaderMap) -> Result<([(&'static str, &'static str); 1], &'static str), StatusCode> {
    let lifetime = "x-aws-ec2-metadata-token-ttl-seconds";
    match headers.contains_key(lifetime) {
        true => Ok(([(lifetime, "21600")], "session")),
        false => Err(StatusCode::BAD_REQUEST),
    }
}

fn has_token(headers: &HeaderMap) -> Result<(), StatusCode> {
    match headers
        .get("x-aws-ec2-metadata-token")
        .is_some_and(|token| token == "session")
    {
        true => Ok(()),
        false => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn role(headers: HeaderMap) -> Result<&'static str, StatusCode> {
    has_token(&headers).map(|()| "web")
}

async fn keys(State(metadata): State<Metadata>, headers: HeaderMap) -> Result<String, StatusCode> {
    has_token(&headers)?;
    let mut asked = metadata.0.lock().unwrap();
    *asked += 1;
    let keys = json!({
        "Code": "Success",
        "LastUpdated": "2026-11-30T07:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": format!("ASIA{asked}"),
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2100-01-01T00:00:00Z",
    });
    Ok(keys.to_string())
}

#[tokio::test]
async fn an_instance_signs_with_the_keys_of_its_profile_and_gets_new_ones_when_they_are_over() {
    let metadata = format!("http://{}", Metadata::start().await);
    let site = Site::start_with(&[
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata),
    ])
    .await;
    let register = || site.post(JSON, r#"{"email":"ada@example.com"}"#);
    assert_eq!(register().await.status, StatusCode::CREATED);
    assert_eq!(site.table.signers(), ["ASIA1"]);

    site.table.set(Mood::Expired);
    assert_eq!(register().await.status, StatusCode::SERVICE_UNAVAILABLE);
    site.table.set(Mood::Well);
    // New keys are fetched a second after the last ones at the earliest.
    let renewed = async {
        while site.table.signers().last().is_some_and(|key| key == "ASIA1") {
            assert_eq!(register().await.status, StatusCode::CREATED);
        }
    };
    let renewed = tokio::time::timeout(std::time::Duration::from_secs(30), renewed).await;
    assert!(renewed.is_ok(), "it goes on with keys that are over");
}
