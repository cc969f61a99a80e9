//! What one person does: page, assets, a moment of thought, the form, and again while the site is too busy.
//! Must know nothing of other people.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::arrivals::around;
use super::connection::{Answer, Ask, Connection};
use super::measured::{Cause, Outcome, Recorder, Timed};
use super::page::{self, Page};
use super::site::Site;

/// The page's script gives up a POST after ten seconds (app-bundle/assets/script.js).
pub(super) const POST_LIMIT: Duration = Duration::from_secs(10);
/// And the whole thing after this many.
pub(super) const TRIES: u32 = 8;
/// Nobody looks at an empty window for longer.
pub(super) const PAGE_LIMIT: Duration = Duration::from_secs(30);
/// How often somebody reloads a page that does not come, and after how long.
pub(super) const RELOADS: u32 = 3;
pub(super) const RELOAD_AFTER: Duration = Duration::from_secs(2);

/// What all people of a run share.
pub(super) struct Crowd {
    pub site: Arc<Site>,
    pub start: Instant,
    pub think: Duration,
    pub patience: Option<Duration>,
    /// Cancelled where everybody is to leave.
    pub leaving: CancellationToken,
    pub recorder: Mutex<Recorder>,
}

impl Crowd {
    pub(super) fn record(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// Asks, and files what came of it.
    async fn ask(&self, connection: &mut Connection, ask: Ask<'_>, again: bool) -> Result<Answer, Cause> {
        let is_post = *ask.method == Method::POST;
        self.record().asked(self.since_start(Instant::now()), is_post, again);
        let result = connection.ask(ask).await;
        let result = match result {
            Ok(answer) if answer.status.is_success() || is_post => Ok(answer),
            Ok(answer) => Err(Cause::Status(answer.status.as_u16())),
            Err(cause) => Err(cause),
        };
        let at = self.since_start(Instant::now());
        let mut recorder = self.record();
        if let Ok(answer) = &result {
            recorder.answered(answer.version);
        }
        match &result {
            Ok(answer) if answer.status.is_success() => {
                if !is_post {
                    recorder.cached(answer.cache);
                }
            }
            Ok(answer) => recorder.failed(at, Cause::Status(answer.status.as_u16())),
            Err(cause) => recorder.failed(at, *cause),
        }
        result
    }
}

/// One visit, begun at its intended moment: what this program or the site makes a person wait counts from there.
pub(super) async fn visit(crowd: &Crowd, intended: Instant, address: &str) -> Outcome {
    let mut connection = Connection::new(&crowd.site);
    let patience = crowd.patience.map(around);
    let page = tokio::select! {
        biased;
        () = crowd.leaving.cancelled() => return Outcome::Unfinished,
        () = had_enough(patience, intended) => return Outcome::Abandoned,
        page = look(crowd, &mut connection, intended) => page,
    };
    let Some(page) = page else { return Outcome::NoPage };
    let click = Instant::now() + around(crowd.think);
    tokio::select! {
        biased;
        () = crowd.leaving.cancelled() => return Outcome::Unfinished,
        () = sleep_until(click) => {}
    }
    submit(crowd, &mut connection, click, patience, &page.action, address).await
}

/// Ends when somebody who waits since then leaves.
async fn had_enough(patience: Option<Duration>, since: Instant) {
    match patience {
        Some(patience) => sleep_until(since + patience).await,
        None => std::future::pending().await,
    }
}

/// The page with its assets: everything before there is something to look at.
async fn look(crowd: &Crowd, connection: &mut Connection, intended: Instant) -> Option<Page> {
    let html = load_page(crowd, connection, intended).await?;
    let page = page::read(&html);
    for path in &page.assets {
        let began = Instant::now();
        // A page without its icon still takes registrations.
        if crowd.ask(connection, get(path, false), false).await.is_ok() {
            let began_at = crowd.since_start(began);
            crowd.record().timed(Timed::Asset, began_at, began.elapsed());
        }
    }
    Some(page)
}

async fn load_page(crowd: &Crowd, connection: &mut Connection, intended: Instant) -> Option<String> {
    for tried in 0..=RELOADS {
        if let Ok(answer) = crowd.ask(connection, get("/", true), tried > 0).await {
            let began = crowd.since_start(intended);
            crowd.record().timed(Timed::Page, began, intended.elapsed());
            return Some(answer.text);
        }
        if tried < RELOADS {
            sleep(around(RELOAD_AFTER)).await;
        }
    }
    None
}

/// Eight tries, as the page's script has them, but none after a redirect or a refusal: whoever measures a site wants to
/// see a firewall in its way. A form that was sent is waited for, also by those who are to leave: the site may take it.
async fn submit(
    crowd: &Crowd,
    connection: &mut Connection,
    click: Instant,
    patience: Option<Duration>,
    action: &str,
    address: &str,
) -> Outcome {
    let body = Bytes::from(serde_json::json!({"email": address}).to_string());
    for tried in 0..TRIES {
        let began = Instant::now();
        let answer = crowd.ask(connection, post(action, &body), tried > 0).await;
        let mut wait = 1.0;
        if let Ok(answer) = answer {
            let began_at = crowd.since_start(began);
            crowd.record().timed(Timed::Answer, began_at, began.elapsed());
            if answer.status.is_success() {
                crowd
                    .record()
                    .timed(Timed::Registration, crowd.since_start(click), click.elapsed());
                return Outcome::Accepted;
            }
            if is_final(answer.status) {
                return Outcome::Refused;
            }
            wait = answer.retry_after.filter(|seconds| *seconds > 0.0).unwrap_or(1.0);
        }
        if tried + 1 < TRIES {
            let spread = f64::from(2_u32.pow(tried).min(10));
            let pause = Duration::from_secs_f64(wait.min(60.0) + rand::random::<f64>() * spread);
            tokio::select! {
                biased;
                () = crowd.leaving.cancelled() => return Outcome::Unfinished,
                () = had_enough(patience, click) => return Outcome::Abandoned,
                () = sleep(pause) => {}
            }
        }
    }
    Outcome::GaveUp
}

fn is_final(status: StatusCode) -> bool {
    let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !again.contains(&status)
}

fn get(path: &str, keep_text: bool) -> Ask<'_> {
    Ask {
        method: &Method::GET,
        path,
        json: None,
        keep_text,
        limit: PAGE_LIMIT,
    }
}

fn post<'a>(path: &'a str, json: &'a Bytes) -> Ask<'a> {
    Ask {
        method: &Method::POST,
        path,
        json: Some(json),
        keep_text: false,
        limit: POST_LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_change_is_tried_again() {
        let is_final = |status| is_final(StatusCode::from_u16(status).unwrap());
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(!is_final(status), "{status}");
        }
        for status in [301, 400, 403, 404, 413, 415] {
            assert!(is_final(status), "{status}");
        }
    }
}
