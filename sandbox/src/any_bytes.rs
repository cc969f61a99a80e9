//! Whatever bytes come through the front door: its parsers, and what reads behind them, refuse them or take them, and neither fall
//! nor believe them. What the fuzz targets check, and the ordinary tests by mutants of their seeds (`fuzz/`).
//! Must know nothing of where the bytes come from.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use crate::fakes::{Fake, prepared};
use crate::gateway::{chunked, signature::Signature};
use crate::protocols::call::{Call, Protocol};
use crate::protocols::{bounds, document, xml};
use crate::services;

/// One account for all: what an input makes, the next ones meet. Its life cycles go on beside them.
static ACCOUNT: LazyLock<Option<(tokio::runtime::Runtime, Fake)>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .ok()?;
    let fake = runtime.block_on(async { prepared() });
    Some((runtime, fake))
});

/// The first line, in words, and what follows it.
fn parts(bytes: &[u8]) -> Option<(Vec<&str>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((line.split_whitespace().collect(), &bytes[end + 1..]))
}

fn call(protocol: Protocol, service: &str, operation: &str, body: &[u8]) -> Call {
    Call {
        request_id: "r".to_owned(),
        service: service.to_owned(),
        region: "us-east-1".to_owned(),
        protocol,
        operation: operation.to_owned(),
        caller: "arn:aws:iam::000000000000:user/somebody".to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    }
}

/// Whatever is asked for is done, or refused by a status that says so.
fn ask(call: &Call) {
    let query = call.uri.query().unwrap_or_default();
    if bounds::check(call.protocol, query, &call.body).is_err() {
        return;
    }
    let _ = document::of(call);
    let Some((runtime, account)) = ACCOUNT.as_ref() else {
        return;
    };
    let _running = runtime.enter();
    if let Err(refusal) = services::dispatch(&account.world, call) {
        assert!((400..600).contains(&refusal.status), "{refusal:?}");
    }
}

/// `SERVICE OPERATION`, and the body of a query.
pub fn query(bytes: &[u8]) {
    if let Some((words, body)) = parts(bytes)
        && let [service, operation] = words[..]
    {
        let protocol = match service {
            "ec2" => Protocol::Ec2Query,
            _ => Protocol::Query,
        };
        ask(&call(protocol, service, operation, body));
    }
}

/// `SERVICE OPERATION`, and a body of JSON.
pub fn json(bytes: &[u8]) {
    if let Some((words, body)) = parts(bytes)
        && let [service, operation] = words[..]
    {
        ask(&call(Protocol::Json, service, operation, body));
    }
}

/// `SERVICE METHOD PATH`, and a document. S3's own are read by its backend; here only as far as the sandbox reads them itself.
pub fn xml(bytes: &[u8]) {
    let Some((words, body)) = parts(bytes) else { return };
    let [service, method, path] = words[..] else { return };
    let (Ok(method), Ok(uri)) = (method.parse::<Method>(), path.parse::<Uri>()) else {
        return;
    };
    if service == "s3" {
        if bounds::check(Protocol::S3, "", body).is_ok() {
            let _ = xml::members(body);
        }
        return;
    }
    let Ok(request) = http::Request::builder().method(&method).uri(&uri).body(()) else {
        return;
    };
    let Some(operation) = services::route(Protocol::RestXml, &request.into_parts().0) else {
        return;
    };
    let asked = Call {
        method,
        uri,
        ..call(Protocol::RestXml, "cloudfront", &operation, body)
    };
    ask(&asked);
}

/// `KIND LENGTH`, and a framed body: never more comes out than came in.
pub fn chunked(bytes: &[u8]) {
    let Some((words, body)) = parts(bytes) else { return };
    let [kind, length] = words[..] else { return };
    let (Ok(kind), Ok(length)) = (kind.parse(), length.parse()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-content-sha256", kind);
    headers.insert("x-amz-decoded-content-length", length);
    let signed = head(SIGNED).and_then(|parts| Signature::read(&parts).ok());
    let Some(signature) = signed else { return };
    if let Ok(content) = chunked::decode(&headers, body, &signature, "secret") {
        assert!(content.len() <= body.len());
    }
}

const SIGNED: &[u8] = b"PUT /bucket/key HTTP/1.1\r\nhost: 127.0.0.1:4566\r\nx-amz-date: 20261124T070000Z\r\nauthorization: \
    AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n\r\n";

/// A head: who wrote it does not know the secret, and is not believed.
pub fn signature(bytes: &[u8]) {
    let Some(parts) = head(bytes) else { return };
    if let Ok(signature) = Signature::read(&parts) {
        let _ = signature.verify_head(&parts.headers);
        assert!(signature.verify(&parts, b"", "secret").is_err());
    }
}

fn head(bytes: &[u8]) -> Option<http::request::Parts> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let mut words = first.split(' ');
    let mut request = http::Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines.take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    Some(request.body(()).ok()?.into_parts().0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn mutants_of(seeds: &str, usual: usize) -> impl Iterator<Item = Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(seeds);
        mutants::of(mutants::seeds(&folder)).take(mutants::count(usual))
    }

    #[test]
    fn a_query_of_any_bytes_is_done_or_refused() {
        mutants_of("query", 4_000).for_each(|bytes| super::query(&bytes));
    }

    #[test]
    fn json_of_any_bytes_is_done_or_refused() {
        mutants_of("json", 4_000).for_each(|bytes| super::json(&bytes));
    }

    #[test]
    fn a_document_of_any_bytes_is_done_or_refused() {
        mutants_of("xml", 4_000).for_each(|bytes| super::xml(&bytes));
    }

    #[test]
    fn a_framed_body_of_any_bytes_is_taken_apart_or_refused() {
        mutants_of("chunked", 10_000).for_each(|bytes| super::chunked(&bytes));
    }

    #[test]
    fn a_head_of_any_bytes_is_not_believed() {
        mutants_of("signature", 4_000).for_each(|bytes| super::signature(&bytes));
    }
}
