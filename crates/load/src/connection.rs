//! One connection that is kept alive, and one request after the other on it.
//! Must know nothing of who asks, or why.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use super::measured::{Cache, Cause};
use super::site::{Connected, Site};

/// hyper's own limit is 400 KB a connection, which with ten thousand of them is too much.
const BUFFER: usize = 16 * 1024;

/// A page is never this large; what is said beyond is thrown away.
const MOST_KEPT: usize = 256 * 1024;

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub version: Version,
    /// Seconds, where the answer says so.
    pub retry_after: Option<f64>,
    pub cache: Option<Cache>,
    /// Empty unless asked for.
    pub text: String,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub json: Option<&'a Bytes>,
    pub keep_text: bool,
    pub limit: Duration,
}

/// A person's way to the site: connected when first needed, and again when the site has closed it.
pub(super) struct Connection {
    site: Arc<Site>,
    host: HeaderValue,
    sender: Option<Sender>,
}

/// A connection that is open, by what was agreed on when it was opened.
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    pub(super) fn new(site: &Arc<Site>) -> Self {
        Self {
            site: site.clone(),
            // What a URL's authority may hold, a header may hold.
            host: HeaderValue::from_str(site.authority()).unwrap_or(HeaderValue::from_static("")),
            sender: None,
        }
    }

    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, Cause> {
        let result = timeout(ask.limit, self.exchange(ask))
            .await
            .unwrap_or(Err(Cause::TimedOut));
        if result.is_err() {
            // What is left on it belongs to an answer that nobody waits for any more.
            self.sender = None;
        }
        result
    }

    async fn exchange(&mut self, ask: Ask<'_>) -> Result<Answer, Cause> {
        let reused = self.sender.is_some();
        match self.send(ask).await {
            // The site may close an idle connection in the moment in which it is used: browsers then take a new one.
            Err(Cause::Closed) if reused => {
                self.sender = None;
                self.send(ask).await
            }
            result => result,
        }
    }

    async fn send(&mut self, ask: Ask<'_>) -> Result<Answer, Cause> {
        let is_http2 = matches!(self.ready().await?, Sender::Http2(_));
        let request = self.request(ask, is_http2)?;
        let sender = self.sender.as_mut().ok_or(Cause::Closed)?;
        let answer = sender.send(request).await.map_err(|error| Cause::of_exchange(&error))?;
        read(answer, ask.keep_text).await
    }

    /// HTTP/2 has scheme and host in fields of its own, which are made of the whole address, and no `Host` (RFC 9113, 8.3.1).
    fn request(&self, ask: Ask<'_>, is_http2: bool) -> Result<Request<Full<Bytes>>, Cause> {
        let request = Request::builder().method(ask.method);
        let mut request = match is_http2 {
            true => request.uri(format!("https://{}{}", self.site.authority(), ask.path)),
            false => request.uri(ask.path).header(HOST, &self.host),
        }
        .header(USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
        if let Some((name, value)) = self.site.said() {
            request = request.header(name, value);
        }
        if ask.json.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request
            .body(Full::new(ask.json.cloned().unwrap_or_default()))
            .map_err(|_| Cause::Protocol)
    }

    async fn ready(&mut self) -> Result<&mut Sender, Cause> {
        if let Some(sender) = &mut self.sender
            && !sender.is_ready().await
        {
            self.sender = None;
        }
        if self.sender.is_none() {
            self.sender = Some(open(&self.site).await?);
        }
        self.sender.as_mut().ok_or(Cause::Closed)
    }
}

impl Sender {
    async fn is_ready(&mut self) -> bool {
        let ready = match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        };
        ready.is_ok()
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }
}

/// What runs the connection ends with its sender, and what goes wrong on it is told to whoever waits for an answer.
async fn open(site: &Site) -> Result<Sender, Cause> {
    let Connected { socket, is_http2 } = site.connect().await?;
    let socket = TokioIo::new(socket);
    if is_http2 {
        let handshake = http2::Builder::new(TokioExecutor::new()).handshake(socket).await;
        let (sender, connection) = handshake.map_err(|_| Cause::Closed)?;
        tokio::spawn(connection);
        return Ok(Sender::Http2(sender));
    }
    let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(socket).await;
    let (sender, connection) = handshake.map_err(|_| Cause::Closed)?;
    tokio::spawn(connection);
    Ok(Sender::Http1(sender))
}

async fn read(answer: Response<Incoming>, keep_text: bool) -> Result<Answer, Cause> {
    let headers = answer.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let cache = text("x-cache").map(Cache::of);
    let retry_after = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let (status, version) = (answer.status(), answer.version());
    let mut body = answer.into_body();
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Cause::of_exchange(&error))?;
        if let (true, Ok(data)) = (keep_text && kept.len() < MOST_KEPT, frame.into_data()) {
            kept.extend_from_slice(&data);
        }
    }
    Ok(Answer {
        status,
        version,
        retry_after,
        cache,
        text: String::from_utf8_lossy(&kept).into_owned(),
    })
}
