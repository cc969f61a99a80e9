//! The front door: HTTP, signatures, routing by the service in the signature, request ids, the request log.
//! Must know nothing of what an operation does.

mod admin;
pub(crate) mod bodies;
pub(crate) mod chunked;
pub(crate) mod connections;
pub(crate) mod faults;
mod faulty;
mod protocol;
mod receive;
pub(crate) mod request_log;
pub(crate) mod signature;
pub(crate) mod tls;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use self::bodies::Bodies;
use self::faults::Faults;
use self::request_log::RequestLog;
use self::tls::Tls;
use crate::info::Info;
use crate::protocols::call::{Answer, Call, header};
use crate::proxy::{Sni, Unreachable, is_balancer};
use crate::services;
use crate::services::s3::Store;
use crate::world::{Refusal, World};

/// What the front door needs.
pub(crate) struct Gateway {
    pub world: Arc<World>,
    pub store: Store,
    pub log: RequestLog,
    pub info: Info,
    pub faults: Faults,
    pub bodies: Bodies,
    /// `None`: plain HTTP only.
    pub tls: Option<Arc<Tls>>,
}

/// No answer is given: the connection is closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
pub(crate) struct Cut;

/// Whose door a request knocks at, by its Host header.
#[derive(Debug, PartialEq)]
enum Door {
    Api,
    /// A site: an edge, a load balancer or an environment.
    Site,
    Nobody,
}

fn door(host: &str, port: u16) -> Door {
    let Some((name, number)) = host.rsplit_once(':') else {
        return Door::Nobody;
    };
    if number.parse() != Ok(port) {
        return Door::Nobody;
    }
    let sites = [".cloudfront.localhost", ".elb.localhost", ".elasticbeanstalk.localhost"];
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "127.0.0.1" | "localhost" => Door::Api,
        _ if sites.iter().any(|site| name.ends_with(site)) => Door::Site,
        _ => Door::Nobody,
    }
}

async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, Cut> {
    let host = header(request.headers(), "host").unwrap_or_default();
    let mut door = door(host, gateway.info.port);
    if door == Door::Nobody && is_alias(&gateway.world, host) {
        door = Door::Site;
    }
    let by_tls = request.extensions().get::<Sni>();
    if by_tls.is_some_and(|Sni(name)| is_balancer(name)) {
        door = Door::Site;
    } else if let Some(Sni(name)) = by_tls
        && (door != Door::Site || !leads_to_the_same(&gateway.world, name, host))
    {
        // Whom the certificate was shown for is not whom the request is for (RFC 9110, 15.5.20).
        let text = format!("'{host}' is not what the certificate of this connection is for\n");
        return Ok((StatusCode::MISDIRECTED_REQUEST, text).into_response());
    }
    Ok(match door {
        Door::Site => {
            let served = crate::proxy::serve(gateway.world.clone(), request).await;
            served.map_err(|_: Unreachable| Cut)?
        }
        // A page in a browser must not be able to use the API, even with a name that resolves to loopback.
        Door::Api if request.headers().contains_key("origin") => (
            StatusCode::FORBIDDEN,
            "The sandbox's API takes no request from a web page\n",
        )
            .into_response(),
        Door::Api => return api(&gateway, request).await,
        Door::Nobody => {
            let text = format!(
                "'{host}' is no name that this sandbox serves on port {}\n",
                gateway.info.port
            );
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    })
}

/// The host without its port. Whoever has a name of his own lead here may have its usual ports lead here, too.
fn bare(host: &str) -> String {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.to_ascii_lowercase()
}

/// Whether it is a distribution's alternate domain name.
fn is_alias(world: &World, host: &str) -> bool {
    let (name, now) = (bare(host), world.clock.now());
    world.lock().distributions.by_host(&name, now).is_some()
}

/// Whether one distribution answers for both names.
fn leads_to_the_same(world: &World, name: &str, host: &str) -> bool {
    let now = world.clock.now();
    let state = world.lock();
    let id = |name: &str| state.distributions.by_host(name, now).map(|found| found.id.clone());
    let named = id(name);
    named.is_some() && named == id(&bare(host))
}

async fn api(gateway: &Arc<Gateway>, request: Request) -> Result<Response, Cut> {
    if request.uri().path().starts_with(admin::PREFIX) {
        return Ok(admin::serve(gateway, request).await);
    }
    let received = match receive::receive(gateway, request).await {
        Ok(received) => received,
        Err(refused) => return Ok(respond(*refused)),
    };
    let call = &received.call;
    if let Some(hit) = gateway.faults.meet(call) {
        return faulty::answer_with(gateway, call, &hit).await;
    }
    let answer = answer(gateway, call).await;
    gateway.log.write(&gateway.world, call, Some(&answer), None);
    Ok(respond(whole(call, answer)))
}

/// What the operation answers, refusals too.
async fn answer(gateway: &Gateway, call: &Call) -> Answer {
    match run(gateway, call).await {
        Ok(answer) => stamped(call, answer),
        Err(refusal) => refused(call, &refusal),
    }
}

fn refused(call: &Call, refusal: &Refusal) -> Answer {
    let answer = protocol::refuse(call.protocol, &call.service, refusal, &call.request_id);
    stamped(call, answer)
}

fn stamped(call: &Call, mut answer: Answer) -> Answer {
    protocol::stamp(&mut answer, call.protocol, &call.service, &call.request_id);
    answer
}

/// The answer as it goes out: an error of a HEAD has no body.
fn whole(call: &Call, mut answer: Answer) -> Answer {
    if call.method == http::Method::HEAD && !answer.status.is_success() {
        answer.body = Bytes::new();
    }
    answer
}

/// Runs the operation, for the version that it is asked of.
async fn run(gateway: &Gateway, call: &Call) -> Result<Answer, Refusal> {
    protocol::check_version(call)?;
    services::run(&gateway.world, &gateway.store, call).await
}

fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
        .headers_mut()
        .insert(http::header::SERVER, HeaderValue::from_static("confctl-sandbox"));
    response
}

#[cfg(test)]
mod tests {
    use super::{Door, door};

    #[test]
    fn only_the_names_of_the_sandbox_are_served() {
        assert_eq!(door("127.0.0.1:4566", 4566), Door::Api);
        assert_eq!(door("localhost:4566", 4566), Door::Api);
        assert_eq!(door("d1.cloudfront.localhost:4566", 4566), Door::Site);
        assert_eq!(door("X.us-east-1.elb.localhost:4566", 4566), Door::Site);
        for stranger in [
            "127.0.0.1",
            "127.0.0.1:80",
            "evil.example:4566",
            "cloudfront.localhost.evil:4566",
            "",
        ] {
            assert_eq!(door(stranger, 4566), Door::Nobody, "{stranger}");
        }
    }
}
