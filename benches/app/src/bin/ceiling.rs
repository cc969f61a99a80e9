//! The ceiling: what any app on this stack has to do at least. A bare axum handler that makes one plain, unsigned call to
//! the stand-in and answers 201.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

type Stand = Client<HttpConnector, Full<Bytes>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").unwrap_or_default();
    let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap_or_default();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Stand = Client::builder(TokioExecutor::new()).build(connector);
    let router = Router::new()
        .route("/register", post(register))
        .with_state((client, endpoint));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await
}

async fn register(State((client, endpoint)): State<(Stand, String)>, body: Body) -> StatusCode {
    let Ok(body) = body.collect().await else {
        return StatusCode::BAD_REQUEST;
    };
    let request = Request::post(endpoint).body(Full::new(body.to_bytes()));
    let Ok(request) = request else {
        return StatusCode::BAD_REQUEST;
    };
    let Ok(answer) = client.request(request).await else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    match answer.into_body().collect().await {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
