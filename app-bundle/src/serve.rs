//! Accepts connections, bounds how long a silent client may hold one, and drains them at the end.
//! It knows no route: it serves whatever router it is given.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How long a connection may take to send a request's head, idle time between requests included. Longer than the 60 s
/// that nginx and a load balancer keep idle connections by default: were ours shorter, we would close a connection
/// on which the proxy is just sending the next POST, and the visitor would get its 502.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on every address. The queue of connections that wait to be accepted is as long as Amazon Linux 2023 allows
/// (`net.core.somaxconn` is 4096): a burst must not be turned into SYNs that are sent again after a second.
pub fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    socket.listen(4096)
}

/// Serves until `stop` completes; then takes no more connections, lets requests in flight end, and returns when all are
/// answered or `drain` is over.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>, drain: Duration) {
    let (draining, connections) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, router.clone(), connections.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut stop => break,
        }
    }
    drop(listener);
    drop(connections);
    tracing::info!(open_connections = draining.receiver_count(), "draining");
    let _ = draining.send(true);
    if tokio::time::timeout(drain, draining.closed()).await.is_err() {
        tracing::warn!(open_connections = draining.receiver_count(), "gave up draining");
    }
}

/// One connection; its copy of the channel is also how the drain knows that it has ended.
async fn connection(stream: TcpStream, router: Router, mut draining: watch::Receiver<bool>) {
    // Answers are small: Nagle's algorithm would only hold them back.
    let _ = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = draining.wait_for(|draining| *draining) => {}
    }
    // A request in flight is answered with `Connection: close`; an idle connection ends at once.
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
