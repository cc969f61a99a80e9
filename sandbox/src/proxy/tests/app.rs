//! An origin whose answers the test sets, and which remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;

/// What an origin was asked.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
pub(super) struct App(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// 200 where it is 0.
    status: u16,
    headers: HeaderMap,
    /// `answer N` where there is none.
    body: Option<String>,
    /// Without a length.
    chunked: bool,
    pause: Duration,
    /// Status and body of single paths.
    pages: HashMap<String, (u16, String)>,
    seen: Vec<Seen>,
}

impl App {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn says(&self, name: &'static str, value: &str) {
        self.state().headers.insert(name, value.parse().unwrap());
    }

    pub(super) fn no_longer_says(&self, name: &str) {
        self.state().headers.remove(name);
    }

    /// With 0, it answers well again.
    pub(super) fn fails_with(&self, status: u16) {
        self.state().status = status;
    }

    pub(super) fn sends(&self, body: &str) {
        self.state().body = Some(body.to_owned());
    }

    pub(super) fn sends_in_chunks(&self) {
        self.state().chunked = true;
    }

    pub(super) fn waits(&self, pause: Duration) {
        self.state().pause = pause;
    }

    pub(super) fn has_page(&self, path: &str, status: u16, body: &str) {
        self.state().pages.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// How often it was asked.
    pub(super) fn count(&self) -> usize {
        self.state().seen.len()
    }

    /// How often it was asked for that path.
    pub(super) fn seen_at(&self, path: &str) -> usize {
        self.state().seen.iter().filter(|seen| seen.path == path).count()
    }

    /// What it was asked last.
    pub(super) fn seen(&self) -> Seen {
        self.state().seen.last().unwrap().clone()
    }

    async fn answer(self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let pause = {
            let mut state = self.state();
            state.seen.push(Seen {
                method: parts.method,
                path: parts.uri.path_and_query().unwrap().to_string(),
                headers: parts.headers.clone(),
                body,
            });
            state.pause
        };
        let number = self.count();
        tokio::time::sleep(pause).await;
        let state = self.state();
        if let Some((status, body)) = state.pages.get(parts.uri.path()) {
            let mut page = Response::new(Body::from(body.clone()));
            *page.status_mut() = StatusCode::from_u16(*status).unwrap();
            return page;
        }
        let text = state.body.clone().unwrap_or_else(|| format!("answer {number}"));
        let text_of = |tag: &http::HeaderValue| String::from_utf8_lossy(tag.as_bytes()).into_owned();
        let opaque = |tag: &http::HeaderValue| text_of(tag).trim_start_matches("W/").to_owned();
        let known = parts.headers.get("if-none-match").map(opaque);
        let by_tag = known.is_some() && known == state.headers.get("etag").map(opaque);
        let since = parts.headers.get("if-modified-since");
        // A tag, where there is one, is what counts (RFC 9110, 13.1.3).
        let known = by_tag || known.is_none() && since.is_some() && since == state.headers.get("last-modified");
        let mut response = Response::new(match (known, state.chunked) {
            (true, _) => Body::empty(),
            (false, false) => Body::from(text),
            (false, true) => {
                let chunks = [Ok::<_, std::io::Error>(Bytes::from(text))];
                Body::from_stream(futures_util::stream::iter(chunks))
            }
        });
        *response.headers_mut() = state.headers.clone();
        *response.status_mut() = match state.status {
            0 if known => StatusCode::NOT_MODIFIED,
            0 => StatusCode::OK,
            status => StatusCode::from_u16(status).unwrap(),
        };
        response
    }

    pub(super) async fn serve(&self) -> SocketAddr {
        let app = self.clone();
        let router = Router::new().fallback(move |request: Request| app.clone().answer(request));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}
