//! `verify`: one registration through the edge, read back from the table, then removed; and the headers that caching needs.

use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::aws::variables;
use crate::cli::Global;
use crate::engine::{Error, Kind};
use crate::load::addresses::RESERVED_SUFFIX;
use crate::resources::Registrations;
use crate::session::{Look, Purpose, Session};
use crate::site_client::{self, chain};
use crate::ui::{Summary, Ui};

/// How long a fresh edge may take until it answers, in AWS's time.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::of_what_is("verify")).await?;
    let look = session.look().await?;
    if look.is_blocked() {
        return Err(look.blocked());
    }
    let checks = site(&session, &look).await?;
    let mut summary = Summary::done()
        .output("checks", checks)
        .say(match is_own_app(&session) {
            true => "Verified: the site takes registrations.",
            false => "Verified: the page answers. (What the forms of another app are called is not known here.)",
        });
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary)
}

/// Whether the site is the one that comes along: what the forms of another are called is not ours to know.
fn is_own_app(session: &Session) -> bool {
    session.stack.profile.app.bundle == crate::profile::App::default().bundle
}

/// Checks the site of a stack that is up. Gives the checks that passed.
pub(super) async fn site(session: &Session, look: &Look) -> Result<Vec<Value>, Error> {
    look.own_table("verify")?;
    let url = session.site_url(look)?;
    let client = site_client::client(&url, session.read.public.authorities.as_deref());
    let client = client.map_err(|error| {
        let other = || Error::failed("could not start an HTTP client").caused_by(error);
        variables::unfit().unwrap_or_else(other)
    })?;
    let mut checks = Vec::new();
    let page = first_answer(session, &client, &url).await?;
    passed(session, &mut checks, "page", &format!("GET {url} answers 200"));
    cacheable(&page)?;
    passed(
        session,
        &mut checks,
        "caching",
        "the page says how long it may be cached",
    );
    if !is_own_app(session) {
        return Ok(checks);
    }
    register(session, &client, &url, &mut checks).await?;
    Ok(checks)
}

fn passed(session: &Session, checks: &mut Vec<Value>, name: &str, text: &str) {
    session.ui.say(format!("  ok: {text}"));
    checks.push(json!({"check": name, "text": text}));
}

/// The page, asked for until it is there: a distribution answers some time after it was made.
async fn first_answer(session: &Session, client: &Client, url: &str) -> Result<Response, Error> {
    let pace = session.settings.pace;
    let give_up = session
        .settings
        .deadline
        .min(tokio::time::Instant::now() + pace.limit(PATIENCE));
    let mut told = false;
    loop {
        let answer = tokio::select! {
            answer = client.get(url).header(ACCEPT, "text/html").send() => answer,
            () = session.settings.stop.cancelled() => return Err(Error::stopped()),
        };
        let seen = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer),
            Ok(answer) => format!("it answers {}", answer.status()),
            Err(error) => chain(&error),
        };
        if tokio::time::Instant::now() >= give_up {
            return Err(unverified(format!("GET {url} does not answer 200")).because(seen));
        }
        if !told {
            session.ui.say(format!("  waiting for the page: {seen}"));
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pace.interval(Duration::from_secs(5))) => {}
            () = session.settings.stop.cancelled() => return Err(Error::stopped()),
        }
    }
}

/// Without a word of the origin, CachingOptimized keeps a page for a day.
fn cacheable(page: &Response) -> Result<(), Error> {
    if page.headers().contains_key(CACHE_CONTROL) {
        return Ok(());
    }
    Err(
        unverified("the page has no Cache-Control header: the edge would keep it for a day")
            .hint("let the application send Cache-Control with every page"),
    )
}

async fn register(session: &Session, client: &Client, url: &str, checks: &mut Vec<Value>) -> Result<(), Error> {
    let address = format!("{}@verify{RESERVED_SUFFIX}", hex::encode(rand::random::<[u8; 6]>()));
    let post = client
        .post(format!("{url}/register"))
        .header(CONTENT_TYPE, "application/json");
    let answer = post.body(json!({"email": address}).to_string()).send().await;
    // Whatever the answer, the address must not stay: a request that timed out may have been written.
    let outcome = judge_registration(session, answer, &address).await;
    let removed = registrations(session).remove_one(&address).await;
    outcome?;
    passed(
        session,
        checks,
        "registration",
        "POST /register is accepted through the edge and found in the table",
    );
    removed?;
    passed(session, checks, "removal", "the test registration is removed again");
    Ok(())
}

async fn judge_registration(session: &Session, answer: reqwest::Result<Response>, address: &str) -> Result<(), Error> {
    let answer = answer.map_err(|error| unverified("POST /register got no answer").because(chain(&error)))?;
    let status = answer.status();
    let blocked_by_edge = status == StatusCode::FORBIDDEN;
    if !status.is_success() {
        let error = unverified(format!("POST /register answers {status}"));
        return Err(if blocked_by_edge {
            error.because("the web ACL or the distribution refused it")
        } else {
            error
        });
    }
    match registrations(session).has(address).await? {
        true => Ok(()),
        false => Err(unverified(format!(
            "POST /register answered {status}, but the table has no such registration"
        ))),
    }
}

fn registrations(session: &Session) -> Registrations<'_> {
    Registrations::new(&session.stack, &session.read, &session.write)
}

fn unverified(message: impl Into<String>) -> Error {
    Error::new(Kind::Unverified, message)
}
