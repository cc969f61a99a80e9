//! Accepts connections, bounds how long a silent client may hold one, and drains them at the end.
//! It knows no route: workers serve whatever router they have.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::resting::{Progress, Resting};
use crate::workers::Workers;

/// How long a connection may be idle. Longer than the 60 s that nginx and a load balancer keep idle connections by default:
/// were ours shorter, we would close a connection on which the proxy is just sending the next POST, and the visitor would
/// get its 502.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long the head of a request may take once its first byte is here.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long what was sent before a stop may take to be seen: it is in the kernel already, on a connection or in the queue of
/// those that wait to be accepted.
const LINGER: Duration = Duration::from_millis(50);

/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens. The queue of connections that wait to be accepted is as long as Amazon Linux 2023 allows
/// (`net.core.somaxconn` is 4096): a burst must not be turned into SYNs that are sent again after a second.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

/// Lets `workers` serve until `stop` completes; then takes no more connections, lets requests in flight end, and returns when all are
/// answered or `drain` is over.
pub async fn serve(listener: TcpListener, workers: &Workers, stop: impl Future<Output = ()>, drain: Duration) {
    let (draining, connections) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let handed = accepted.and_then(|(stream, _)| workers.serve(stream, connections.clone()));
                if let Err(error) = handed {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            () = &mut stop => break,
        }
    }
    accept_who_waits(&listener, workers, &connections).await;
    drop(listener);
    drop(connections);
    tracing::info!("draining");
    let _ = draining.send(true);
    if tokio::time::timeout(drain, draining.closed()).await.is_err() {
        tracing::warn!("gave up draining");
    }
}

async fn accept_who_waits(listener: &TcpListener, workers: &Workers, connections: &watch::Receiver<bool>) {
    let waiting = async {
        while let Ok((stream, _)) = listener.accept().await {
            if workers.serve(stream, connections.clone()).is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, waiting).await;
}

/// Completes when the process drains and what was sent until then has been seen.
async fn told_to_stop(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
    tokio::time::sleep(LINGER).await;
}

/// One connection; its copy of the channel is also how the drain knows that it has ended.
pub async fn connection(mut stream: TcpStream, router: Router, mut draining: watch::Receiver<bool>) {
    // Answers are small: Nagle's algorithm would only hold them back.
    let _ = stream.set_nodelay(true);
    let mut byte = [0];
    loop {
        tokio::select! {
            // Not `readable`: what that says of a fresh connection may be wrong, and hyper would take its buffers.
            first = tokio::time::timeout(IDLE_TIMEOUT, stream.peek(&mut byte)) => {
                if !matches!(first, Ok(Ok(1))) {
                    return;
                }
            }
            () = told_to_stop(&mut draining) => return,
        }
        // In a box, so that an idle connection is only its stream.
        if !Box::pin(exchange(&mut stream, &router, draining.clone())).await {
            return;
        }
    }
}

/// Serves requests until none comes for a while. Gives whether the connection can go on.
async fn exchange(stream: &mut TcpStream, router: &Router, mut draining: watch::Receiver<bool>) -> bool {
    let progress = Progress::default();
    let router = TowerToHyperService::new(router.clone());
    let service = service_fn(|request| {
        let answer = router.call(request);
        async {
            let answer = answer.await;
            progress.answered();
            answer
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // An end of the stream, also where it only rests, does not take back a request that is under way.
        .half_close(true)
        .serve_connection(TokioIo::new(Resting::new(stream, &progress)), service);
    tokio::pin!(serving);
    tokio::select! {
        served = serving.as_mut() => return served.is_ok() && progress.has_rested(),
        () = told_to_stop(&mut draining) => {}
    }
    // A request in flight is answered with `Connection: close`; an idle connection ends at once.
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
    false
}
