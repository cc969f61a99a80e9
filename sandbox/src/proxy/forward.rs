//! Passing one request on to one address: the pooled client, hop-by-hop headers, forwarding headers, time-outs.
//! Must know nothing of load balancers or distributions.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::watched::{Progress, Watched};

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Idle connections that are kept for one instance.
const MOST_IDLE: usize = 1_024;

/// Connections to instances, kept for the next request.
pub(super) struct Client {
    pool: Pool<HttpConnector, Body>,
    /// One for each request that an instance works on. A load balancer of AWS's knows no such bound, but this machine does: files
    /// that a process may have open. What waits here would wait at the instance.
    open: Arc<Semaphore>,
}

impl Default for Client {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_LIMIT));
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(MOST_IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            pool,
            open: Arc::new(Semaphore::new(most_open())),
        }
    }
}

/// A quarter of the files that this process may have open: viewers have theirs, and idle connections.
fn most_open() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files
        .and_then(|files| usize::try_from(files).ok())
        .unwrap_or(usize::MAX);
    (files / 4).clamp(64, 100_000)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the connection failed: {0}")]
    Connection(String),
    #[error("the viewer sent nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("the viewer's body is malformed")]
    Malformed,
}

impl Client {
    /// Sends `request` to `address`, as it is but for hop-by-hop headers; the answer's body streams. `idle`: how long either side
    /// may be silent, from the last byte of the request that came.
    pub(super) async fn send(
        &self,
        address: SocketAddr,
        mut request: Request,
        idle: Duration,
    ) -> Result<Response, Failed> {
        remove_hop_by_hop(request.headers_mut());
        *request.uri_mut() = at(address, request.uri());
        *request.version_mut() = Version::HTTP_11;
        request.extensions_mut().clear();
        let sent = (!request.body().is_end_stream()).then(Arc::<Progress>::default);
        let request = match &sent {
            Some(progress) => request.map(|body| Body::new(Watched::new(body, idle, Some(progress.clone())))),
            None => request,
        };
        let turn = tokio::time::timeout(idle, self.open.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Failed::TimedOut(idle))?.ok();
        let answer = self.answer(request, idle, sent.as_deref()).await?;
        let mut answer = answer.map(|body| Body::new(Watched::new(body, idle, None).holding(turn)));
        remove_hop_by_hop(answer.headers_mut());
        *answer.version_mut() = Version::HTTP_11;
        Ok(answer)
    }

    async fn answer(
        &self,
        request: Request,
        idle: Duration,
        sent: Option<&Progress>,
    ) -> Result<http::Response<Incoming>, Failed> {
        let mut answer = std::pin::pin!(self.pool.request(request));
        let mut wait = idle;
        loop {
            match tokio::time::timeout(wait, answer.as_mut()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(_)) if sent.is_some_and(Progress::is_stalled) => return Err(Failed::Stalled(idle)),
                Ok(Err(_)) if sent.is_some_and(Progress::is_broken) => return Err(Failed::Malformed),
                Ok(Err(error)) => return Err(Failed::Connection(error.to_string())),
                Err(_) => {}
            }
            // The request's body goes on coming: the wait begins with its last byte.
            wait = idle.saturating_sub(sent.map_or(idle, Progress::since));
            if wait.is_zero() {
                let waits_for_viewer = sent.is_some_and(Progress::waits_for_sender);
                return Err(if waits_for_viewer {
                    Failed::Stalled(idle)
                } else {
                    Failed::TimedOut(idle)
                });
            }
        }
    }
}

fn at(address: SocketAddr, uri: &Uri) -> Uri {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(address.to_string())
        .path_and_query(path)
        .build()
        .unwrap_or_default()
}

/// What `Connection` may name in vain: "Intermediaries … ought not to" be told to drop what is for all recipients (RFC 9110,
/// 7.6.1), and what proxies say of whom they heard is what those behind them go by.
const FOR_ALL: &[&str] = &[
    "host",
    "content-length",
    "forwarded",
    "via",
    "x-real-ip",
    "x-amzn-trace-id",
    "x-amz-cf-id",
];
const OF_FORWARDING: &[&str] = &["x-forwarded-", "cloudfront-"];

/// Headers that are for one connection only (RFC 9110, 7.6.1), and those that `Connection` names.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let is_for_all = |name: &HeaderName| {
        let name = name.as_str();
        FOR_ALL.contains(&name) || OF_FORWARDING.iter().any(|prefix| name.starts_with(prefix))
    };
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !is_for_all(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        headers.remove(name);
    }
}

/// Whether a request names more than one host, to which the answer is a 400 (RFC 9112, 3.2).
pub(super) fn names_two_hosts(headers: &HeaderMap) -> bool {
    headers.get_all(header::HOST).iter().nth(1).is_some()
}

/// Appends `address` to `X-Forwarded-For`.
pub(super) fn append_forwarded_for(headers: &mut HeaderMap, address: IpAddr) {
    let name = HeaderName::from_static("x-forwarded-for");
    let before: Vec<&str> = headers
        .get_all(&name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let mut list = before.join(", ");
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(&address.to_string());
    if let Ok(value) = HeaderValue::from_str(&list) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_connection_stays_there() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close, X-Private"));
        headers.insert("x-private", HeaderValue::from_static("1"));
        headers.insert("x-public", HeaderValue::from_static("1"));
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 1);
        assert!(headers.contains_key("x-public"));
    }

    #[test]
    fn nobody_takes_away_by_connection_what_is_for_all() {
        let mut headers = HeaderMap::new();
        let named = "close, Host, content-length, via, X-Forwarded-For, x-forwarded-proto, CloudFront-Viewer-Address";
        headers.insert(header::CONNECTION, HeaderValue::from_static(named));
        for name in [
            "host",
            "content-length",
            "via",
            "x-forwarded-for",
            "cloudfront-viewer-address",
        ] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 5, "{headers:?}");
    }

    #[test]
    fn every_proxy_appends_whom_it_heard() {
        let mut headers = HeaderMap::new();
        append_forwarded_for(&mut headers, [192, 0, 2, 1].into());
        append_forwarded_for(&mut headers, [127, 0, 0, 1].into());
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
    }
}
