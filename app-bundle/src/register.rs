//! `POST /register`: a form or JSON in, one and the same answer for new and known addresses out.
//! What the answers look like in HTML is the page's business, what is stored the store's.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;

use crate::App;
use crate::address::{Address, AddressError};
use crate::language::Language;
use crate::metrics::{Registration, Shed};
use crate::page::Shown;
use crate::store::{StoreError, Ticket};
use crate::submission::{Format, Submission};

/// The largest request body in bytes. AWS's own rule group for the edge draws the same line
/// (AWSManagedRulesCommonRuleSet, SizeRestrictions_BODY).
pub const BODY_LIMIT: usize = 8 * 1024;

/// How long a client may take to send its body once the head is here.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// `Retry-After` in seconds of a 503. The page's script adds jitter, so that those who were shed do not come back as one.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Why there is no address to look at.
#[derive(Clone, Copy)]
enum Unreadable {
    Slow,
    TooLarge,
    UnknownType,
    Malformed,
}

/// The result of a registration, before it is put into HTML or JSON.
enum Outcome {
    /// With the ticket that is stored.
    Registered(Option<Ticket>),
    Closed,
    Invalid(AddressError),
    Unreadable(Unreadable),
    Busy,
}

/// The handler. A success is answered only after DynamoDB has confirmed the write.
pub async fn register(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let format = format_of(&head.headers);
    let (outcome, language) = match format {
        Some(format) => outcome(&app, format, body).await,
        None => (Outcome::Unreadable(Unreadable::UnknownType), Language::ENGLISH),
    };
    app.metrics.registration(match &outcome {
        Outcome::Registered(_) => Registration::Accepted,
        Outcome::Closed => Registration::Closed,
        Outcome::Invalid(_) | Outcome::Unreadable(_) => Registration::Invalid,
        Outcome::Busy => Registration::Refused,
    });
    let mut response = match format {
        Some(Format::Form) => in_html(&app, language, &outcome),
        // No browser's form sends anything else: who did is a program, and is told what to send.
        Some(Format::Json) | None => in_json(&outcome),
    };
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

/// Told by what a client sends, not by `Accept`: CloudFront removes that header.
fn format_of(headers: &HeaderMap) -> Option<Format> {
    Format::of(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

/// Also the language of the form, as far as it could be read.
async fn outcome(app: &App, format: Format, body: Body) -> (Outcome, Language) {
    let body = match read(body).await {
        Ok(body) => body,
        Err(unreadable) => return (Outcome::Unreadable(unreadable), Language::ENGLISH),
    };
    let Ok(submission) = Submission::read(format, &body) else {
        return (Outcome::Unreadable(Unreadable::Malformed), Language::ENGLISH);
    };
    let language = Language::of(&submission.lang).unwrap_or(Language::ENGLISH);
    let now = Timestamp::now();
    let outcome = match Address::parse(&submission.email) {
        _ if app.schedule.is_closed(now) => Outcome::Closed,
        Ok(address) if app.schedule.takes(&address, now) => store(app, &address).await,
        Ok(_) => Outcome::Invalid(AddressError::Malformed),
        Err(error) => Outcome::Invalid(error),
    };
    (outcome, language)
}

async fn store(app: &App, address: &Address) -> Outcome {
    if app.crowding.is_crowded(app.store.in_flight()) {
        app.metrics.shed(Shed::Crowded);
        return Outcome::Busy;
    }
    let started = Instant::now();
    match app.store.register(address).await {
        Ok(ticket) => {
            app.metrics.stored(started.elapsed());
            Outcome::Registered(ticket)
        }
        Err(StoreError::Busy) => {
            app.metrics.shed(Shed::InFlight);
            Outcome::Busy
        }
        Err(StoreError::Unconfirmed(cause)) => {
            app.metrics.unconfirmed(cause);
            Outcome::Busy
        }
    }
}

async fn read(body: Body) -> Result<Bytes, Unreadable> {
    let whole = Limited::new(body, BODY_LIMIT).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unreadable::TooLarge),
        Ok(Err(_)) => Err(Unreadable::Malformed),
        Err(_) => Err(Unreadable::Slow),
    }
}

impl Unreadable {
    fn status(self) -> StatusCode {
        match self {
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Slow => "The request took too long to arrive.",
            Self::TooLarge => "The request is too large.",
            Self::UnknownType => "Send application/x-www-form-urlencoded or application/json.",
            Self::Malformed => "The request could not be read.",
        }
    }
}

fn in_html(app: &App, language: Language, outcome: &Outcome) -> Response {
    let (status, shown) = match outcome {
        Outcome::Registered(ticket) => {
            let ticket = ticket.as_ref().map(Ticket::as_str);
            return (StatusCode::OK, app.site.registered(language, ticket)).into_response();
        }
        Outcome::Closed => (StatusCode::GONE, app.site.without_form()),
        Outcome::Invalid(error) => (StatusCode::BAD_REQUEST, Shown::Invalid(*error)),
        Outcome::Unreadable(unreadable) => (unreadable.status(), Shown::Unreadable),
        Outcome::Busy => (StatusCode::SERVICE_UNAVAILABLE, Shown::Busy),
    };
    (status, app.site.html(language, shown)).into_response()
}

fn in_json(outcome: &Outcome) -> Response {
    let (status, body) = match outcome {
        Outcome::Registered(ticket) => (StatusCode::CREATED, registered(ticket.as_ref())),
        Outcome::Closed => (StatusCode::GONE, problem("closed", "closed", "Registration is closed.")),
        Outcome::Invalid(error) => {
            let reason = match error {
                AddressError::Empty => "empty",
                AddressError::TooLong => "too_long",
                AddressError::Malformed => "malformed",
            };
            (StatusCode::BAD_REQUEST, problem("invalid", reason, &error.to_string()))
        }
        Outcome::Unreadable(unreadable) => (
            unreadable.status(),
            problem("unreadable", "unreadable", unreadable.message()),
        ),
        Outcome::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            problem("busy", "busy", "Too many people at once. Please try again."),
        ),
    };
    let content_type = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

fn registered(ticket: Option<&Ticket>) -> Bytes {
    match ticket {
        Some(ticket) => Bytes::from(format!(r#"{{"status":"registered","ticket":"{}"}}"#, ticket.as_str())),
        None => Bytes::from_static(br#"{"status":"registered","ticket":null}"#),
    }
}

fn problem(status: &str, reason: &str, message: &str) -> Bytes {
    let problem = serde_json::json!({ "status": status, "reason": reason, "message": message });
    Bytes::from(problem.to_string())
}
