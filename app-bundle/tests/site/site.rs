//! Starts the real binary on a free port, talks HTTP to it, and ends it with the test.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::table::Table;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";

/// One running site with its table.
pub struct Site {
    pub table: Table,
    pub address: SocketAddr,
    pub process: Child,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Site {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts the site with further environment variables and waits until it listens.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::start_complaining_to(Stdio::inherit(), environment).await
    }

    /// What it says on standard error goes there: a panic of a task of its own is heard of nowhere else.
    pub async fn start_complaining_to(complaints: Stdio, environment: &[(&str, &str)]) -> Self {
        let (table, endpoint) = Table::start().await;
        let port = free_port().await;
        let process = command(&port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://{endpoint}"))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        for _ in 0..400 {
            if TcpStream::connect(address).await.is_ok() {
                let client = Client::builder(TokioExecutor::new()).build_http();
                return Self {
                    table,
                    address,
                    process,
                    client,
                };
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the site does not listen on port {port}");
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.send_to(&self.address.to_string(), method, path, headers, body)
            .await
    }

    /// The same, to whatever stands in front of the site.
    pub async fn send_to(
        &self,
        origin: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{origin}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .client
            .request(request.body(Full::new(body.into())).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, content_type: &str, body: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, "/register", &[("content-type", content_type)], body)
            .await
    }

    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = self
            .process
            .id()
            .and_then(|id| rustix::process::Pid::from_raw(id as i32))
            .unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }
}

/// The binary with an environment of its own, so that no credentials or settings of this machine get in.
pub fn command(port: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confapp"));
    command
        .env_clear()
        .env("PORT", port)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

pub async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// One registration on a connection of its own; `None` where there was no answer.
pub async fn register(address: SocketAddr, email: &str) -> Option<StatusCode> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(format!("http://{address}/register"))
        .header("content-type", JSON)
        .body(Full::from(format!(r#"{{"email":"{email}"}}"#)));
    Some(client.request(request.unwrap()).await.ok()?.status())
}
