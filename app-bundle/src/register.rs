//! `POST /register`: a form or JSON in, one and the same answer for new and known addresses out.
//! What the answers look like in HTML is the page's business, what is stored the store's.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::App;
use crate::address::{Address, AddressError};
use crate::metrics::Registration;
use crate::page::Shown;
use crate::store::StoreError;

/// How long a client may take to send its body once the head is here.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// `Retry-After` in seconds of a 503. The page's script adds jitter, so that those who were shed do not come back as one.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// What both kinds of client send. Anything beside it is ignored.
#[derive(Deserialize)]
struct Submission {
    #[serde(default)]
    email: String,
}

/// How a client wants its answer. Told by what it sends, not by `Accept`: CloudFront removes that header.
#[derive(Clone, Copy, PartialEq)]
enum Client {
    Form,
    Json,
}

/// Why there is no address to look at.
enum Unreadable {
    Slow,
    TooLarge,
    UnknownType,
    Malformed,
}

/// The result of a registration, before it is put into HTML or JSON.
enum Outcome {
    Registered,
    Invalid(AddressError),
    Unreadable(Unreadable),
    Busy,
}

/// The handler. A success is answered only after DynamoDB has confirmed the write.
pub async fn register(State(app): State<App>, request: Request) -> Response {
    let client = Client::of(request.headers());
    let outcome = outcome(&app, client, request).await;
    app.metrics.registration(match outcome {
        Outcome::Registered => Registration::Accepted,
        Outcome::Invalid(_) | Outcome::Unreadable(_) => Registration::Invalid,
        Outcome::Busy => Registration::Refused,
    });
    let mut response = match client {
        Client::Form => in_html(&app, &outcome),
        Client::Json => in_json(&outcome),
    };
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

async fn outcome(app: &App, client: Client, request: Request) -> Outcome {
    let submission = match tokio::time::timeout(BODY_TIMEOUT, read(client, request)).await {
        Ok(Ok(submission)) => submission,
        Ok(Err(unreadable)) => return Outcome::Unreadable(unreadable),
        Err(_) => return Outcome::Unreadable(Unreadable::Slow),
    };
    let address = match Address::parse(&submission.email) {
        Ok(address) => address,
        Err(error) => return Outcome::Invalid(error),
    };
    let started = Instant::now();
    match app.store.register(&address).await {
        Ok(()) => {
            app.metrics.stored(started.elapsed());
            Outcome::Registered
        }
        Err(StoreError::Busy) => {
            app.metrics.shed();
            Outcome::Busy
        }
        Err(StoreError::Unavailable(_)) => Outcome::Busy,
    }
}

async fn read(client: Client, request: Request) -> Result<Submission, Unreadable> {
    match client {
        Client::Form => match Form::from_request(request, &()).await {
            Ok(Form(submission)) => Ok(submission),
            Err(FormRejection::InvalidFormContentType(_)) => Err(Unreadable::UnknownType),
            Err(rejection) => Err(Unreadable::of_status(rejection.status())),
        },
        Client::Json => match Json::from_request(request, &()).await {
            Ok(Json(submission)) => Ok(submission),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Unreadable::UnknownType),
            Err(rejection) => Err(Unreadable::of_status(rejection.status())),
        },
    }
}

impl Client {
    fn of(headers: &HeaderMap) -> Self {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else {
            Self::Form
        }
    }
}

impl Unreadable {
    fn of_status(status: StatusCode) -> Self {
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            Self::TooLarge
        } else {
            Self::Malformed
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Slow => "The request took too long to arrive.",
            Self::TooLarge => "The request is too large.",
            Self::UnknownType => "Send application/x-www-form-urlencoded or application/json.",
            Self::Malformed => "The request could not be read.",
        }
    }
}

fn in_html(app: &App, outcome: &Outcome) -> Response {
    let (status, shown) = match outcome {
        Outcome::Registered => (StatusCode::OK, Shown::Registered),
        Outcome::Invalid(error) => (StatusCode::BAD_REQUEST, Shown::Invalid(*error)),
        Outcome::Unreadable(unreadable) => (unreadable.status(), Shown::Invalid(AddressError::Malformed)),
        Outcome::Busy => (StatusCode::SERVICE_UNAVAILABLE, Shown::Busy),
    };
    (status, app.site.html(shown)).into_response()
}

fn in_json(outcome: &Outcome) -> Response {
    let (status, body) = match outcome {
        Outcome::Registered => (StatusCode::CREATED, serde_json::json!({ "status": "registered" })),
        Outcome::Invalid(error) => (StatusCode::BAD_REQUEST, problem("invalid", &error.to_string())),
        Outcome::Unreadable(unreadable) => (unreadable.status(), problem("unreadable", unreadable.message())),
        Outcome::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            problem("busy", "Too many people at once. Please try again."),
        ),
    };
    (status, Json(body)).into_response()
}

fn problem(status: &str, message: &str) -> serde_json::Value {
    serde_json::json!({ "status": status, "message": message })
}
