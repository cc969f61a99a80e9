//! A stand-in for DynamoDB: one table, PutItem with the condition that the site relies on, DescribeTable, Scan.
//! It can be told to fail or to be slow, and knows nothing of the site.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How the table answers a PutItem.
#[derive(Clone, Copy, Default)]
pub enum Mood {
    #[default]
    Well,
    Slow(Duration),
    Throttling,
    /// Throttles so many times, then is well.
    ThrottlingOnly(usize),
    Broken,
    /// Says that the credentials are over.
    Expired,
}

#[derive(Clone, Default)]
pub struct Table(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    mood: Mood,
    items: BTreeMap<String, Value>,
    describes: usize,
    scans: usize,
    /// Bodies of PutItem, as they came.
    puts: Vec<String>,
    /// By which access key each request was signed, whatever it was.
    signers: Vec<String>,
}

impl Table {
    /// Starts to answer on a free port.
    pub async fn start() -> (Self, SocketAddr) {
        let table = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(answer)).with_state(table.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (table, address)
    }

    pub fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    pub fn addresses(&self) -> Vec<String> {
        self.0.lock().unwrap().items.keys().cloned().collect()
    }

    pub fn item(&self, address: &str) -> Option<Value> {
        self.0.lock().unwrap().items.get(address).cloned()
    }

    pub fn describes(&self) -> usize {
        self.0.lock().unwrap().describes
    }

    pub fn scans(&self) -> usize {
        self.0.lock().unwrap().scans
    }

    /// The bodies of all PutItem requests so far.
    pub fn puts(&self) -> Vec<String> {
        self.0.lock().unwrap().puts.clone()
    }

    /// The access keys of all requests so far.
    pub fn signers(&self) -> Vec<String> {
        self.0.lock().unwrap().signers.clone()
    }

    /// Until the first PutItem has arrived; its answer may be under way.
    pub async fn wait_for_a_put(&self) {
        for _ in 0..500 {
            if !self.puts().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no PutItem has come");
    }

    /// A registration that an app without tickets made.
    pub fn put_without_ticket(&self, address: &str) {
        let item = json!({ "email": { "S": address } });
        self.0.lock().unwrap().items.insert(address.to_owned(), item);
    }

    pub fn fill(&self, items: usize) {
        let mut inner = self.0.lock().unwrap();
        let first = inner.items.len();
        let filled = (first..first + items).map(|number| (format!("{number}@filled.example"), Value::Null));
        inner.items.extend(filled.collect::<Vec<_>>());
    }

    fn put(&self, request: &Value) -> Response {
        let key_name = request["ExpressionAttributeNames"]["#key"].as_str().unwrap_or_default();
        if request["TableName"] != "users" || request["ConditionExpression"] != "attribute_not_exists(#key)" {
            return problem(StatusCode::BAD_REQUEST, "ValidationException");
        }
        let Some(key) = request["Item"][key_name]["S"].as_str().filter(|_| key_name == "email") else {
            return problem(StatusCode::BAD_REQUEST, "ValidationException");
        };
        let mut inner = self.0.lock().unwrap();
        if let Some(item) = inner.items.get(key) {
            let mut body = error("ConditionalCheckFailedException");
            if request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD" {
                body["Item"] = item.clone();
            }
            return answered(StatusCode::BAD_REQUEST, &body);
        }
        inner.items.insert(key.to_owned(), request["Item"].clone());
        success(json!({}))
    }
}

async fn answer(State(table): State<Table>, headers: HeaderMap, body: String) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let request: Value = serde_json::from_str(&body).unwrap_or_default();
    let signature = headers
        .get("authorization")
        .and_then(|signature| signature.to_str().ok());
    let key = signature.and_then(|signature| signature.strip_prefix("AWS4-HMAC-SHA256 Credential="));
    let mood = {
        let mut inner = table.0.lock().unwrap();
        let key = key.and_then(|credential| credential.split('/').next());
        inner.signers.extend(key.map(str::to_owned));
        if operation.ends_with(".PutItem") {
            inner.puts.push(body);
        }
        inner.mood
    };
    // Not checked any further: the sandbox's DynamoDB does that (see `sandboxed`).
    if key.is_none() {
        return problem(StatusCode::BAD_REQUEST, "MissingAuthenticationTokenException");
    }
    match (operation.rsplit('.').next(), mood) {
        (_, Mood::ThrottlingOnly(times)) if times > 0 => {
            table.set(Mood::ThrottlingOnly(times - 1));
            problem(StatusCode::BAD_REQUEST, "ThrottlingException")
        }
        (_, Mood::Expired) => problem(StatusCode::BAD_REQUEST, "ExpiredTokenException"),
        (Some("PutItem"), Mood::ThrottlingOnly(_)) => table.put(&request),
        (Some("PutItem"), Mood::Well) => table.put(&request),
        (Some("PutItem"), Mood::Slow(pause)) => {
            tokio::time::sleep(pause).await;
            table.put(&request)
        }
        (_, Mood::Throttling) => problem(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException"),
        (_, Mood::Broken) => problem(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        (Some("Scan"), _) if request["Select"] == "COUNT" => {
            let mut inner = table.0.lock().unwrap();
            inner.scans += 1;
            success(json!({ "Count": inner.items.len(), "ScannedCount": inner.items.len() }))
        }
        (Some("DescribeTable"), _) => {
            table.0.lock().unwrap().describes += 1;
            let key = json!([{ "AttributeName": "email", "KeyType": "HASH" }]);
            success(json!({ "Table": { "TableName": "users", "TableStatus": "ACTIVE", "KeySchema": key } }))
        }
        _ => problem(StatusCode::BAD_REQUEST, "UnknownOperationException"),
    }
}

fn success(body: Value) -> Response {
    answered(StatusCode::OK, &body)
}

fn problem(status: StatusCode, code: &str) -> Response {
    answered(status, &error(code))
}

fn error(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": code })
}

fn answered(status: StatusCode, body: &Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, content_type, body.to_string()).into_response()
}
