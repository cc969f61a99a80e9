//! Connections: accepts them, ends those that stay silent, and lets requests in flight end when the sandbox does.
//! Must know nothing of what a request asks for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Gateway;

/// How long the head of the next request may take to come: what load balancers give an idle connection by default.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is cancelled and what was under way then has ended.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, stop: &CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, viewer)) => {
                connections.spawn(connection(stream, viewer, gateway.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// HTTP/1 only, as what stands before AWS's clients here is no TLS that could choose another.
async fn connection(stream: TcpStream, viewer: SocketAddr, gateway: Arc<Gateway>, stop: CancellationToken) {
    // Answers are small: Nagle's algorithm would only hold them back.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        // The edge looks at who is calling.
        request.extensions_mut().insert(ConnectInfo(viewer));
        super::handle(gateway.clone(), request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // A client that went away, and one that was cut off on purpose.
        _ = serving.as_mut() => return,
        () = stop.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
