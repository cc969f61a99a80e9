//! Connections: accepts so many, ends those that stay silent, and lets requests in flight end when the sandbox does.
//! Must know nothing of what a request asks for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tls::{self, Tls};
use super::{Cut, Gateway};

/// How long the head of the next request may take to come: what load balancers give an idle connection by default.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Open at once; who comes then waits to be accepted. A visitor's takes two more, from edge to load balancer and to the app, and
/// shells let a process have some 20,000 files and more.
const MOST: usize = 6000;

/// After a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is cancelled and what was under way then has ended.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, stop: &CancellationToken) {
    let tls = gateway.tls.clone();
    let handle = move |request| super::handle(gateway.clone(), request);
    accept(listener, MOST, tls, handle, stop).await;
}

async fn accept<H, F>(listener: TcpListener, most: usize, tls: Option<Arc<Tls>>, handle: H, stop: &CancellationToken)
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Cut>> + Send + 'static,
{
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            accepted = accept_one(&listener, &places) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((place, stream, viewer)) => {
                let (handle, stop, tls) = (handle.clone(), stop.clone(), tls.clone());
                connections.spawn(async move {
                    welcome(stream, viewer, tls.as_deref(), handle, stop).await;
                    drop(place);
                });
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

type Accepted = (tokio::sync::OwnedSemaphorePermit, TcpStream, SocketAddr);

async fn accept_one(listener: &TcpListener, places: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, viewer) = listener.accept().await?;
    Ok((place, stream, viewer))
}

/// One port for both: a connection speaks TLS if its first byte says so.
async fn welcome<H, F>(stream: TcpStream, viewer: SocketAddr, tls: Option<&Tls>, handle: H, stop: CancellationToken)
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Response, Cut>>,
{
    // Answers are small: Nagle's algorithm would only hold them back.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    // Nothing is under way before that byte: it may go with the sandbox.
    let spoke = tokio::select! {
        spoke = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut first)) => spoke,
        () = stop.cancelled() => return,
    };
    match (spoke, tls) {
        (Ok(Ok(1)), Some(tls)) if first[0] == tls::FIRST_BYTE => {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream, viewer.ip())) => shaken,
                () = stop.cancelled() => return,
            };
            if let Ok(Ok((stream, name))) = shaken {
                connection(
                    stream,
                    move |request| {
                        request.extensions_mut().insert(name.clone());
                    },
                    viewer,
                    handle,
                    stop,
                )
                .await;
            }
        }
        (Ok(Ok(1)), _) => connection(stream, |_| {}, viewer, handle, stop).await,
        // It went away, or says nothing.
        _ => {}
    }
}

/// HTTP/1 only: where TLS does not agree on another, AWS's clients speak nothing else.
async fn connection<S, H, F>(
    stream: S,
    mark: impl Fn(&mut Request),
    viewer: SocketAddr,
    handle: H,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request) -> F,
    F: Future<Output = Result<Response, Cut>>,
{
    let service = service_fn(|request: http::Request<Incoming>| {
        let mut request = request.map(Body::new);
        // The edge looks at who is calling.
        request.extensions_mut().insert(ConnectInfo(viewer));
        mark(&mut request);
        handle(request)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Accepts `most` connections at once and says to each request how many there were.
    async fn counting(most: usize) -> (SocketAddr, Arc<AtomicUsize>, tokio_util::sync::DropGuard) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let handle = move |_: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok(Response::new(Body::empty())) }
        };
        tokio::spawn(async move { accept(listener, most, None, handle, &stopped).await });
        (address, count, stop.drop_guard())
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 4096];
        assert!(stream.read(&mut answer).await.unwrap() > 0);
    }

    #[tokio::test]
    async fn who_comes_when_all_places_are_taken_waits_for_one() {
        let (address, count, _stop) = counting(2).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut first).await;
        ask(&mut second).await;
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(REQUEST).await.unwrap();
        // It would have been seen meanwhile.
        for _ in 0..50 {
            ask(&mut first).await;
        }
        assert_eq!(count.load(Ordering::Relaxed), 52);
        drop(second);
        let mut answer = [0; 4096];
        assert!(third.read(&mut answer).await.unwrap() > 0);
        assert_eq!(count.load(Ordering::Relaxed), 53);
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_not_waited_for_for_ever() {
        let (address, count, _stop) = counting(2).await;
        for head in [&b"GET / HTTP/1.1\r\nhost: a\r\n"[..], b"G", b""] {
            let mut silent = TcpStream::connect(address).await.unwrap();
            silent.write_all(head).await.unwrap();
            let mut answer = Vec::new();
            // Ends with the connection, at the latest when it may no longer be silent.
            let _ = silent.read_to_end(&mut answer).await;
            assert!(!answer.starts_with(b"HTTP/1.1 200"));
        }
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}
