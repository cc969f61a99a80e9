//! Who is calling and what is called: the head is believed first, then its body is read, and then both are what they say.
//! Must know nothing of what an operation does.

use std::io::Read;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::body::Body as _;
use jiff::Timestamp;

use super::Gateway;
use super::bodies::{Kept, Unread};
use super::signature::{self, Distrust, Signature};
use super::{chunked, protocol};
use crate::protocols::call::{Answer, Call, Protocol, header};
use crate::protocols::{bounds, checksums};
use crate::services;
use crate::world::iam::credentials::Principal;
use crate::world::{Refusal, World, ids};

/// Largest body of an API call, also where it comes compressed. (DynamoDB's batches may have 16 MB on AWS.)
const LARGEST: usize = 1 << 20;
/// Of an object or a part of one. S3 takes 5 GB; no bundle is larger than 512 MB.
const LARGEST_OBJECT: usize = 1 << 30;
/// Of who is not believed: enough to hear the refusal of a call of the usual size.
const LARGEST_OF_STRANGERS: usize = 64 << 10;
/// What is worked on where others do not wait for it.
const LONG: usize = 64 << 10;

/// What AWS asks no signature for: who calls these has no keys yet.
const UNSIGNED: &[&str] = &["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"];

/// A call, and the room that its body takes.
pub(super) struct Received<'a> {
    pub call: Call,
    _body: Kept<'a>,
}

/// Who signed, by the head alone.
struct Signed {
    signature: Signature,
    principal: Principal,
}

/// What is known of a request as soon as its head is here.
struct Head {
    parts: Parts,
    protocol: Protocol,
    service: String,
    request_id: String,
}

impl Head {
    fn new(parts: Parts, service: String) -> Self {
        let protocol = protocol::detect(&service, &parts);
        let request_id = match protocol {
            Protocol::S3 => ids::capitals(16),
            _ => ids::uuid(),
        };
        Self {
            parts,
            protocol,
            service,
            request_id,
        }
    }

    fn refused(&self, refusal: &Refusal) -> Box<Answer> {
        let mut answer = protocol::refuse(self.protocol, &self.service, refusal, &self.request_id);
        protocol::stamp(&mut answer, self.protocol, &self.service, &self.request_id);
        Box::new(answer)
    }

    fn distrusted(&self, distrust: &Distrust) -> Box<Answer> {
        self.refused(&protocol::distrusted(self.protocol, distrust))
    }
}

/// # Errors
/// The answer, where there is nobody to believe or nothing to call.
pub(super) async fn receive(gateway: &Gateway, request: Request) -> Result<Received<'_>, Box<Answer>> {
    let (parts, body) = request.into_parts();
    let signature = Signature::read(&parts);
    let service = signature.as_ref().map(|read| read.service.clone()).unwrap_or_default();
    let head = Head::new(parts, service);
    let signed = signature.and_then(|signature| signed(&gateway.world, &head.parts, signature));
    let signed = match signed {
        Ok(signed) => signed,
        Err(distrust) => return Err(refuse_stranger(gateway, &head, &distrust, body).await),
    };
    let largest = largest(&head);
    if largest == LARGEST_OBJECT && body.size_hint().exact().is_none() {
        // S3 API reference, ErrorResponses.
        let text = "You must provide the Content-Length HTTP header.";
        return Err(head.refused(&Refusal::with_status(411, "MissingContentLength", text)));
    }
    let kept = gateway.bodies.read(body, largest).await;
    let kept = kept.map_err(|unread| head.refused(&unread_as(head.protocol, unread)))?;
    let body = kept.bytes.clone();
    let call = if body.len() > LONG {
        // Hashes and decompression of so much take a while.
        let checked = tokio::task::spawn_blocking(move || check(head, signed, body)).await;
        checked.map_err(|_| failed())?
    } else {
        check(head, signed, body)
    }?;
    Ok(Received { call, _body: kept })
}

/// Where the sandbox itself has failed.
fn failed() -> Box<Answer> {
    Box::new(Answer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    })
}

/// Whether the head is one of ours: its key is known, and it was signed just now.
fn signed(world: &World, parts: &Parts, signature: Signature) -> Result<Signed, Distrust> {
    let principal = principal(world, &signature)?;
    signature.verify_head(&parts.headers)?;
    Ok(Signed { signature, principal })
}

/// Of who is not believed no more is read than it takes for him to hear it.
async fn refuse_stranger(gateway: &Gateway, head: &Head, distrust: &Distrust, body: Body) -> Box<Answer> {
    let read = gateway.bodies.read(body, LARGEST_OF_STRANGERS).await;
    if let (Distrust::Unsigned, Ok(body)) = (distrust, read)
        && let Some(operation) = protocol::operation(head.protocol, &head.parts, &body.bytes)
        && UNSIGNED.contains(&operation.as_str())
    {
        return head.refused(&services::not_implemented(format!("{operation} of STS")));
    }
    head.distrusted(distrust)
}

fn largest(head: &Head) -> usize {
    if head.protocol != Protocol::S3 {
        return LARGEST;
    }
    match protocol::operation(head.protocol, &head.parts, &[]).as_deref() {
        Some("PutObject" | "UploadPart") => LARGEST_OBJECT,
        _ => LARGEST,
    }
}

fn unread_as(protocol: Protocol, unread: Unread) -> Refusal {
    let (status, code) = match (unread, protocol) {
        (Unread::TooLarge(_), Protocol::S3) => (400, "EntityTooLarge"),
        (Unread::TooLarge(_), _) => (413, "RequestEntityTooLarge"),
        (Unread::CutOff, _) => (400, "IncompleteBody"),
        (Unread::Silent, _) => (400, "RequestTimeout"),
    };
    let limit = match unread {
        Unread::TooLarge(_) => "; this is a limit of the sandbox, not of AWS",
        _ => "",
    };
    Refusal::with_status(status, code, format!("{unread}{limit}"))
}

/// Whether the body is what was signed, and what is called.
fn check(head: Head, signed: Signed, body: Bytes) -> Result<Call, Box<Answer>> {
    let Signed { signature, principal } = signed;
    let secret = &principal.secret_access_key;
    let verified = signature.verify(&head.parts, &body, secret);
    verified.map_err(|distrust| head.distrusted(&distrust))?;
    let body = content(&head.parts, body, &signature, secret).map_err(|refusal| head.refused(&refusal))?;
    let Some(operation) = protocol::operation(head.protocol, &head.parts, &body) else {
        return Err(head.refused(&unknown_operation(head.protocol, &head.parts)));
    };
    if !is_object(head.protocol, &operation) {
        let query = head.parts.uri.query().unwrap_or_default();
        bounds::check(head.protocol, query, &body).map_err(|refusal| head.refused(&refusal))?;
    }
    let Head {
        parts,
        protocol,
        request_id,
        ..
    } = head;
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

/// Objects may contain anything.
fn is_object(protocol: Protocol, operation: &str) -> bool {
    protocol == Protocol::S3 && matches!(operation, "PutObject" | "UploadPart")
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
    flate2::read::GzDecoder::new(&body[..])
        .take(LARGEST as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    match plain.len() > LARGEST {
        true => Err(unread_as(Protocol::Query, Unread::TooLarge(LARGEST))),
        false => Ok(plain.into()),
    }
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
