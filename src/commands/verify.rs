//! `verify`: one registration through the edge, read back from the table, then removed; and the headers that caching needs.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::session::{Fallback, Look, Session};
use super::up::{blocked, values};
use crate::aws::errors::Explain;
use crate::aws::variables;
use crate::cli::{Global, Wishes};
use crate::engine::{Error, Hint, Kind, Owner};
use crate::load::addresses::RESERVED_SUFFIX;
use crate::resources::outputs::{DISTRIBUTION, ENVIRONMENT};
use crate::site_client;
use crate::ui::{Summary, Ui};

/// How long a fresh edge may take until it answers, in AWS's time.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, "verify", Fallback::Applied, &Wishes::default(), false).await?;
    let look = session.look().await?;
    if look.is_blocked() {
        return Err(blocked(&look));
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
    own_table(look, "verify")?;
    let url = site_url(session, look)?;
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

/// Ours to write into only if it carries our tag: a table of this name may be somebody's production.
pub(super) fn own_table(look: &Look, command: &str) -> Result<(), Error> {
    match look.seen.owner("users-table") {
        Some(Owner::Ours) => Ok(()),
        None => Err(no_site()),
        Some(_) => Err(Error::refused(format!(
            "the table does not carry this stack's tag: {command} does not write into it"
        ))
        .hint(Hint::run("status"))),
    }
}

fn no_site() -> Error {
    Error::failed("there is no site: the stack is not up").hint(Hint::run("up"))
}

pub(super) fn site_url(session: &Session, look: &Look) -> Result<String, Error> {
    let values = values(session, look);
    let public = &session.read.public;
    let edge = values
        .get(&DISTRIBUTION)
        .map(|distribution| public.edge(&distribution.domain));
    let environment = values
        .get(&ENVIRONMENT)
        .map(|environment| public.origin(&environment.cname));
    edge.or(environment).ok_or_else(no_site)
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
        let seen = match client.get(url).header(ACCEPT, "text/html").send().await {
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
    let removed = remove(session, &address).await;
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
    let key = &session.stack.profile.table.key;
    let get = session.read.dynamodb.get_item().table_name(&session.stack.names.table);
    let get = get
        .key(key, AttributeValue::S(address.to_owned()))
        .consistent_read(true);
    let found = get.send().await.explain("read the test registration back")?;
    match found.item() {
        Some(_) => Ok(()),
        None => Err(unverified(format!(
            "POST /register answered {status}, but the table has no such registration"
        ))),
    }
}

async fn remove(session: &Session, address: &str) -> Result<(), Error> {
    let key = &session.stack.profile.table.key;
    let delete = session
        .write
        .dynamodb
        .delete_item()
        .table_name(&session.stack.names.table);
    let delete = delete.key(key, AttributeValue::S(address.to_owned()));
    delete.send().await.explain("remove the test registration")?;
    Ok(())
}

fn unverified(message: impl Into<String>) -> Error {
    Error::new(Kind::Unverified, message)
}

pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
