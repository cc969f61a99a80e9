//! `verify`: one registration through the edge, read back from the table, then removed; and the headers that caching needs.

use std::time::Duration;

use clap::Args;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::front_door;
use super::junit::Junit;
use crate::aws::variables;
use crate::cli::Global;
use crate::engine::{Command, Error, Hint, Kind};
use crate::load::addresses::RESERVED_SUFFIX;
use crate::profile::ViewerProtocolPolicy;
use crate::resources::Registrations;
use crate::resources::outputs::SHOWN_INSTEAD;
use crate::session::{Look, Purpose, Session, event, in_time, unless_stopped};
use crate::site_client::{self, chain};
use crate::ui::junit::Proofs;
use crate::ui::{Summary, Ui};

/// How long a fresh edge may take until it answers, in AWS's time.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long a registration that is on its way may still take once the run was stopped: its removal comes after it, and a
/// pipeline that cancels kills 10 s after it asked (docs.github.com, workflow cancellation reference).
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What is looked at, in this order.
const PAGE: &str = "page";
const CACHING: &str = "caching";
const REDIRECT: &str = "redirect";
const LOCK: &str = "lock";
const REGISTRATION: &str = "registration";
const REMOVAL: &str = "removal";

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub junit: Junit,
}

pub(super) async fn run(global: &Global, args: &VerifyArgs, ui: &Ui) -> Result<Summary, Error> {
    args.junit.can_be_written()?;
    let mut proofs = proofs();
    let ended = verified(global, ui, &mut proofs).await;
    args.junit.report(ui, proofs, ended)
}

pub(super) fn proofs() -> Proofs {
    Proofs::of("verify", &[PAGE, CACHING, REDIRECT, LOCK, REGISTRATION, REMOVAL])
}

async fn verified(global: &Global, ui: &Ui, proofs: &mut Proofs) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::of_what_is("verify")).await?;
    let look = session.look().await?;
    if look.is_blocked() {
        return Err(look.blocked());
    }
    let checks = site(&session, &look, proofs).await?;
    let is_tried = checks.iter().any(|check| check["check"] == "registration");
    let mut summary = Summary::done()
        .output("checks", checks)
        .say(match (is_own_app(&session), is_tried) {
            (true, true) => "Verified: the site takes registrations.",
            (true, false) => "Verified: the page answers.",
            (false, _) => "Verified: the page answers. (What the forms of another app are called is not known here.)",
        });
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary)
}

/// Whether the site is the one that comes along: what the forms of another are called is not ours to know.
fn is_own_app(session: &Session) -> bool {
    session.stack.profile.app.bundle == crate::profile::App::default().bundle
}

/// Checks the site of a stack that is up. Gives the checks that passed.
pub(super) async fn site(session: &Session, look: &Look, proofs: &mut Proofs) -> Result<Vec<Value>, Error> {
    if !is_own_app(session) {
        proofs.without(REGISTRATION);
        proofs.without(REMOVAL);
    }
    let is_locked = session.stack.profile.has_own_load_balancer();
    if !is_locked {
        proofs.without(LOCK);
    }
    let cdn = &session.stack.profile.cdn;
    let redirects = cdn.enabled && cdn.viewer_protocol == ViewerProtocolPolicy::RedirectToHttps;
    if !redirects {
        proofs.without(REDIRECT);
    }
    look.own_table("verify")?;
    let url = session.site_url(look)?;
    in_maintenance(session, look)?;
    let public = &session.read.public;
    let names = public.name_server.as_ref().map(|server| server.0.clone());
    let client = site_client::client_by(&url, public.authorities.as_deref(), names);
    let client = client.map_err(|error| {
        let other = || Error::failed("could not start an HTTP client").caused_by(error);
        variables::unfit().unwrap_or_else(other)
    })?;
    let mut checks = Checks {
        session,
        proofs,
        rows: Vec::new(),
    };
    tell_records(session, look);
    let page = first_answer(session, &client, &url).await?;
    // The first of the names has answered, or there is none.
    for name in session
        .stack
        .profile
        .site_names()
        .iter()
        .skip(1)
        .filter(|_| is_named(session, &url))
    {
        first_answer(session, &client, &session.read.public.named(name)).await?;
    }
    checks.passed(PAGE, &format!("GET {url} answers 200"));
    cacheable(&page)?;
    checks.passed(CACHING, "the page says how long it may be cached");
    if redirects {
        redirected(&client, &url).await?;
        checks.passed(REDIRECT, "plain HTTP is sent to HTTPS");
    }
    if is_locked {
        let tries = front_door::tries(session, look);
        front_door::closed(session, &tries).await?;
        let text = format!("{} ways past the edge are refused or not answered", tries.len());
        checks.passed(LOCK, &text);
    }
    if !is_own_app(session) {
        return Ok(checks.rows);
    }
    if let Some(why) = event::no_trial(&session.stack.profile, jiff::Timestamp::now()) {
        session.ui.say(format!("  not tried: a test registration; {why}"));
        return Ok(checks.rows);
    }
    register(&client, &url, &mut checks).await?;
    Ok(checks.rows)
}

/// There is no site to look at: every request would be answered by the page, which is as it should be.
fn in_maintenance(session: &Session, look: &Look) -> Result<(), Error> {
    let Some(since) = session.values(look).get(&SHOWN_INSTEAD) else {
        return Ok(());
    };
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    Err(unverified(format!(
        "the site shows its maintenance page{since}: nothing else of it can be seen"
    ))
    .hint(Hint::run("maintenance off").then("verify")))
}

/// Whether the site is asked for by its own name.
fn is_named(session: &Session, url: &str) -> bool {
    let names = session.stack.profile.site_names();
    names.first().is_some_and(|name| url == session.read.public.named(name))
}

/// What only its owner can set, where the DNS is not Route 53's.
fn tell_records(session: &Session, look: &Look) {
    let records = session.own_records(look);
    if !records.is_empty() {
        session.ui.say(format!(
            "  at your DNS provider there have to be: {} (ALIAS or ANAME where the name is the domain's own)",
            records.join("; ")
        ));
    }
}

/// What passed so far.
struct Checks<'a> {
    session: &'a Session,
    proofs: &'a mut Proofs,
    rows: Vec<Value>,
}

impl Checks<'_> {
    fn passed(&mut self, name: &str, text: &str) {
        self.session.ui.say(format!("  ok: {text}"));
        self.proofs.passed(name);
        self.rows.push(json!({"check": name, "text": text}));
    }
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
        let page = as_visitor(session, client.get(url)).header(ACCEPT, "text/html");
        let answer = tokio::select! {
            answer = page.send() => answer,
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

/// Where plain HTTP is redirected, the page is HTTPS's: who asks by other means says so.
fn as_visitor(session: &Session, request: RequestBuilder) -> RequestBuilder {
    match session.read.public.over_tls {
        Some((name, value)) => request.header(name, value),
        None => request,
    }
}

/// Whoever comes in clear is sent to HTTPS, and gets nothing before.
async fn redirected(client: &Client, url: &str) -> Result<(), Error> {
    let plain = url.replacen("https://", "http://", 1);
    let answer = client.get(&plain).header(ACCEPT, "text/html").send().await;
    let answer = answer.map_err(|error| unverified(format!("GET {plain} is not answered")).because(chain(&error)))?;
    let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    if answer.status().is_redirection() && to.is_some_and(|to| to.starts_with("https://")) {
        return Ok(());
    }
    Err(unverified(format!("GET {plain} answers {}", answer.status()))
        .because("cdn.viewer_protocol says that it is sent to HTTPS"))
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

async fn register(client: &Client, url: &str, checks: &mut Checks<'_>) -> Result<(), Error> {
    let session = checks.session;
    let stop = &session.settings.stop;
    let address = format!("{}@verify{RESERVED_SUFFIX}", hex::encode(rand::random::<[u8; 6]>()));
    let post = as_visitor(session, client.post(format!("{url}/register"))).header(CONTENT_TYPE, "application/json");
    let answer = tokio::select! {
        answer = post.body(json!({"email": address}).to_string()).send() => Some(answer),
        () = async { stop.cancelled().await; tokio::time::sleep(LAST_WAIT).await } => None,
    };
    let came = answer.is_some();
    let outcome = match answer {
        Some(answer) if !stop.is_cancelled() => {
            unless_stopped(stop, judge_registration(session, answer, &address)).await
        }
        _ => Err(Error::stopped()),
    };
    // Whatever the answer, the address must not stay: a request that timed out may have been written.
    let removed = in_time(stop, async { registrations(session).remove_one(&address).await }).await;
    if stop.is_cancelled() && !(came && removed.is_ok()) {
        return Err(may_be_left(&address, session));
    }
    outcome?;
    checks.passed(
        REGISTRATION,
        "POST /register is accepted through the edge and found in the table",
    );
    removed?;
    checks.passed(REMOVAL, "the test registration is removed again");
    Ok(())
}

/// Stopped before the site answered, which may write it still, or before DynamoDB said that it is gone.
fn may_be_left(address: &str, session: &Session) -> Error {
    let table = &session.stack.names.table;
    let item = json!({&session.stack.profile.table.key: {"S": address}});
    let delete = Command::aws("dynamodb delete-item --table-name")
        .arg(table)
        .arg("--key")
        .arg(item);
    Error::stopped()
        .because(format!(
            "the test registration {address}, which is nobody's, may be in the table {table} still"
        ))
        .hint(Hint::run(delete))
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

pub(super) fn unverified(message: impl Into<String>) -> Error {
    Error::new(Kind::Unverified, message)
}
