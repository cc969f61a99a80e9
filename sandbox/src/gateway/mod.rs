//! The front door: HTTP, signatures, routing by the service in the signature, request ids, the request log.
//! Must know nothing of what an operation does.

mod admin;
mod chunked;
pub(crate) mod connections;
pub(crate) mod faults;
mod faulty;
mod protocol;
pub(crate) mod request_log;
mod signature;

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;

use self::faults::Faults;
use self::request_log::RequestLog;
use self::signature::{Distrust, Signature};
use crate::info::Info;
use crate::protocols::call::{Answer, Call, Protocol, header};
use crate::protocols::checksums;
use crate::services;
use crate::services::s3::Store;
use crate::world::iam::credentials::Principal;
use crate::world::{Refusal, World, ids};

/// Largest body of an API call. S3 takes 5 GB in one part; no bundle is larger than 512 MB.
const LARGEST_BODY: usize = 1 << 30;

/// What AWS asks no signature for: who calls these has no keys yet.
const UNSIGNED: &[&str] = &["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"];

/// What the front door needs.
pub(crate) struct Gateway {
    pub world: Arc<World>,
    pub store: Store,
    pub log: RequestLog,
    pub info: Info,
    pub faults: Faults,
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
    Ok(match door(host, gateway.info.port) {
        Door::Site => crate::proxy::serve(gateway.world.clone(), request).await,
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

async fn api(gateway: &Arc<Gateway>, request: Request) -> Result<Response, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return Ok((
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is cut off or larger than 1 GiB\n",
        )
            .into_response());
    };
    if parts.uri.path().starts_with(admin::PREFIX) {
        return Ok(admin::serve(gateway, &parts, &body).await);
    }
    let call = match receive(gateway, parts, body) {
        Ok(call) => call,
        Err(refused) => return Ok(respond(*refused)),
    };
    if let Some(hit) = gateway.faults.meet(&call) {
        return faulty::answer_with(gateway, &call, &hit).await;
    }
    let answer = answer(gateway, &call).await;
    gateway.log.write(&gateway.world, &call, Some(&answer), None);
    Ok(respond(whole(&call, answer)))
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

/// Checks who is calling and what is called.
fn receive(gateway: &Gateway, parts: Parts, body: Bytes) -> Result<Call, Box<Answer>> {
    let signature = Signature::read(&parts);
    let service = signature.as_ref().map(|read| read.service.clone()).unwrap_or_default();
    let protocol = protocol::detect(&service, &parts);
    let request_id = match protocol {
        Protocol::S3 => ids::capitals(16),
        _ => ids::uuid(),
    };
    let refused = |refusal: &Refusal| {
        let mut answer = protocol::refuse(protocol, &service, refusal, &request_id);
        protocol::stamp(&mut answer, protocol, &service, &request_id);
        Box::new(answer)
    };
    let distrusted = |distrust: Distrust| refused(&protocol::distrusted(protocol, &distrust));
    if let (Err(Distrust::Unsigned), Some(operation)) = (&signature, protocol::operation(protocol, &parts, &body))
        && UNSIGNED.contains(&operation.as_str())
    {
        return Err(refused(&services::not_implemented(format!("{operation} of STS"))));
    }
    let signature = signature.map_err(distrusted)?;
    let principal = principal(&gateway.world, &signature).map_err(distrusted)?;
    signature
        .verify(&parts, &body, &principal.secret_access_key)
        .map_err(distrusted)?;
    let body = content(&parts, body, &signature, &principal.secret_access_key).map_err(|refusal| refused(&refusal))?;
    let Some(operation) = protocol::operation(protocol, &parts, &body) else {
        return Err(refused(&unknown_operation(protocol, &parts)));
    };
    Ok(Call {
        request_id,
        service: signature.service,
        region: signature.region,
        protocol,
        operation,
        caller: principal.arn,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    })
}

/// A request that names no operation is nobody's; a path that is not routed is a limit of the sandbox.
fn unknown_operation(protocol: Protocol, parts: &Parts) -> Refusal {
    let asked = format!("{} {}", parts.method, parts.uri.path());
    match protocol {
        Protocol::RestXml => services::not_implemented(format!("the operation of {asked}")),
        _ => Refusal::new(
            "InvalidAction",
            format!("{asked} does not say which operation it asks for"),
        ),
    }
}

/// The holder of the key that signed.
fn principal(world: &World, signature: &Signature) -> Result<Principal, Distrust> {
    let state = world.lock();
    let principal = state
        .iam
        .credentials
        .holder(&signature.access_key_id)
        .ok_or(Distrust::UnknownKey)?;
    let expected = principal.session_token.as_deref().unwrap_or_default();
    let sent = signature.token.as_deref().unwrap_or_default();
    if !signature::same(expected.as_bytes(), sent.as_bytes()) {
        return Err(Distrust::UnknownKey);
    }
    if principal.expires.is_some_and(|expires| expires < Timestamp::now()) {
        return Err(Distrust::ExpiredToken);
    }
    Ok(principal.clone())
}

/// Clients of CloudWatch compress large requests (Smithy, requestCompression).
fn uncompressed(parts: &Parts, body: Bytes) -> Result<Bytes, Refusal> {
    if header(&parts.headers, "content-encoding") != Some("gzip") {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let limit = u64::try_from(LARGEST_BODY).unwrap_or(u64::MAX);
    flate2::read::GzDecoder::new(&body[..])
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    Ok(plain.into())
}

/// The body as its operation means it: without the framing of aws-chunked, and not compressed.
fn content(parts: &Parts, body: Bytes, signature: &Signature, secret: &str) -> Result<Bytes, Refusal> {
    if signature.service != "s3" {
        return uncompressed(parts, body);
    }
    if chunked::is_framed(&parts.headers) {
        return chunked::decode(&parts.headers, &body, signature, secret);
    }
    // Of POSTs, the sums of an upload's parts put together are those of the whole object, not of this body.
    let of_parts = parts.uri.query().is_some_and(|query| query.contains("uploadId="));
    let has_body = matches!(parts.method, http::Method::PUT | http::Method::POST);
    if has_body && !(parts.method == http::Method::POST && of_parts) {
        checksums::check_headers(&parts.headers, &body)?;
    }
    Ok(body)
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
