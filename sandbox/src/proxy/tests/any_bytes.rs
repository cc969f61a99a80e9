//! Whatever bytes come: edge and load balancer answer or hang up, and serve the next.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{Request, StatusCode};
use axum::Router;
use axum::body::Body;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::net::TcpListener;

use super::{BALANCER, OPTIMIZED, Site, configuration};

/// The world's public names, and how often serving them panicked.
async fn front(site: &Site, panics: Arc<AtomicUsize>) -> SocketAddr {
    let world = site.world.clone();
    let router = Router::new().fallback(move |request: axum::extract::Request| {
        let (world, panics) = (world.clone(), panics.clone());
        async move {
            let served = AssertUnwindSafe(crate::proxy::serve(world, request)).catch_unwind();
            match served.await {
                Ok(served) => served.unwrap_or_else(|_| super::http::dropped()),
                Err(_) => {
                    panics.fetch_add(1, Ordering::SeqCst);
                    axum::response::Response::new(Body::empty())
                }
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

#[tokio::test]
async fn edge_and_load_balancer_answer_whatever_comes_or_hang_up() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let panics = Arc::new(AtomicUsize::new(0));
    let front = front(&site, panics.clone()).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/http");
    let seeds = mutants::seeds(&folder).into_iter().flat_map(|seed| {
        let seed = String::from_utf8(seed).unwrap();
        [BALANCER, &*site.domain].map(|host| seed.replace("HOST", host).into_bytes())
    });
    let answers = stream::iter(mutants::of(seeds.collect()).take(mutants::count(2_000)))
        .map(|bytes| tokio::task::spawn_blocking(move || (mutants::say(front, &bytes), bytes)))
        .buffer_unordered(64);
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    for (answer, bytes) in &answers {
        let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.");
        assert!(is_http, "{:?}", String::from_utf8_lossy(bytes));
    }
    let is_good = |answer: &[u8]| answer.starts_with(b"HTTP/1.1 200");
    let good = answers.iter().filter(|(answer, _)| is_good(answer)).count();
    assert!(good > answers.len() / 20, "only {good} reach the app");
    assert_eq!(site.ask(Request::get("/"), "").await.status, StatusCode::OK);
    assert_eq!(site.ask_balancer(Request::get("/"), "").await.status, StatusCode::OK);
}
