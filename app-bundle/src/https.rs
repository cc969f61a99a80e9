//! The one kind of HTTP client of the app: connections and TLS to AWS, for DynamoDB and for the SDK's providers of credentials.
//! The SDK's own client speaks HTTP/2 besides, which DynamoDB does not, and weighs a megabyte.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector as SdkConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as Hyper};
use hyper_util::rt::{TokioExecutor, TokioTimer};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Credentials are short; more than this is no answer of a provider.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A pool of connections; a clone shares it.
pub type Client = Hyper<Connector, Full<Bytes>>;

/// How connections are made: with the system's root certificates, read once for all clients.
pub type Connector = HttpsConnector<HttpConnector>;

/// # Errors
/// Where the system's root certificates cannot be read.
pub fn connector() -> std::io::Result<Connector> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let provider = rustls::crypto::ring::default_provider();
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

/// `connections` is the most that are kept when idle, for each host.
pub fn client(connector: Connector, connections: usize) -> Client {
    let mut builder: Builder = Hyper::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(connections);
    builder.build(connector)
}

/// The same client, as the SDK wants it.
pub fn for_sdk(client: Client) -> SharedHttpClient {
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Adapter {
            client: client.clone(),
            read_timeout: settings.read_timeout(),
        })
    })
}

#[derive(Debug, Clone)]
struct Adapter {
    client: Client,
    /// The providers of credentials leave it to the connector to keep it.
    read_timeout: Option<Duration>,
}

impl SdkConnector for Adapter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, read_timeout } = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = exchange(client, request);
            match read_timeout {
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into()))),
                None => answer.await,
            }
        })
    }
}

async fn exchange(client: Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request: Request<SdkBody> = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = body
        .bytes()
        .map(Bytes::copy_from_slice)
        .ok_or_else(|| ConnectorError::user("a request whose body is a stream".into()))?;
    let answer = client.request(Request::from_parts(head, Full::new(body)));
    let answer = answer.await.map_err(|error| ConnectorError::io(error.into()))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await;
    let body = SdkBody::from(body.map_err(ConnectorError::io)?.to_bytes());
    HttpResponse::try_from(Response::from_parts(head, body)).map_err(|error| ConnectorError::other(error.into(), None))
}
