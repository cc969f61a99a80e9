//! The closed model, for comparison with other generators only: a fixed number of connections, each with one request at a time,
//! so that a slow site slows the generator down. `confctl load` never works like this.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::addresses::Addresses;
use super::connection::{Ask, Connection};
use super::site::Site;

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    pub answered: u64,
    pub failed: u64,
    pub seconds: f64,
}

/// Registers over `connections` kept-alive connections for a time, as fast as answers come.
pub async fn registrations(site: Arc<Site>, connections: u32, lasting: Duration) -> Rate {
    let began = Instant::now();
    let addresses = Addresses::new("closed");
    let mut loops = JoinSet::new();
    for number in 0..connections {
        loops.spawn(one_loop(site.clone(), addresses.of(number), began + lasting));
    }
    let mut rate = Rate::default();
    while let Some(ended) = loops.join_next().await {
        let (answered, failed) = ended.unwrap_or_default();
        rate.answered += answered;
        rate.failed += failed;
    }
    rate.seconds = began.elapsed().as_secs_f64();
    rate
}

async fn one_loop(site: Arc<Site>, address: String, until: Instant) -> (u64, u64) {
    let body = Bytes::from(serde_json::json!({"email": address}).to_string());
    let mut connection = Connection::new(&site);
    let ask = Ask {
        method: &Method::POST,
        path: "/register",
        json: Some(&body),
        keep_text: false,
        limit: Duration::from_secs(10),
    };
    let (mut answered, mut failed) = (0, 0);
    while Instant::now() < until {
        match connection.ask(ask).await {
            Ok(answer) if answer.status.is_success() => answered += 1,
            _ => failed += 1,
        }
    }
    (answered, failed)
}
