//! What S3 says beside what the backend holds: the members of errors, encryption and checksums, owners, encoded keys, opaque
//! tokens. Must know nothing of how objects are kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{is_document, target};
use crate::protocols::call::header;
use crate::protocols::call::{Answer, Call};
use crate::protocols::checksums;
use crate::protocols::xml::escape;
use crate::world::Refusal;

/// The sum of objects that were uploaded without one (S3 guide: checking-object-integrity-upload).
const DEFAULT_SUM: &str = "crc64nvme";

/// Characters that stay where keys are encoded for a list.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Elements of lists that `encoding-type=url` encodes (S3 API, ListObjectsV2: EncodingType).
const ENCODABLE: &[&str] = &["Key", "Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker"];

/// An error as S3 words it: what it is about has an element of its own, by the code (recorded by LocalStack,
/// tests/aws/services/s3: `Key`, `BucketName`, `Condition`).
pub(super) fn refused(call: &Call, refusal: &Refusal) -> Answer {
    let (bucket, key) = target(&call.uri);
    let (message, about) = match refusal.code.as_str() {
        "NoSuchKey" => (refusal.message.as_str(), Some(("Key", key))),
        "NoSuchBucket" => ("The specified bucket does not exist", Some(("BucketName", bucket))),
        "PreconditionFailed" => (
            "At least one of the pre-conditions you specified did not hold",
            condition(&call.headers).map(|name| ("Condition", name.to_owned())),
        ),
        _ => (refusal.message.as_str(), None),
    };
    let about = about.map_or_else(String::new, |(name, value)| element(name, &value));
    error(refusal.status, &refusal.code, message, &about)
}

/// An error with the elements that are its own; the gateway fills in the request's ids.
pub(super) fn error(status: u16, code: &str, message: &str, about: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{}{}{about}<RequestId></RequestId><HostId></HostId></Error>",
        element("Code", code),
        element("Message", message)
    );
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Answer {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        headers,
        body: body.into(),
    }
}

pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// The condition that did not hold; a request has one.
fn condition(headers: &HeaderMap) -> Option<&'static str> {
    ["If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since"]
        .into_iter()
        .find(|name| headers.contains_key(name.to_ascii_lowercase()))
}

/// Writes take few conditions: a tag in If-Match, a star in If-None-Match, and one of the two (recorded by LocalStack,
/// tests/aws/services/s3).
pub(super) fn unsupported_condition(call: &Call) -> Option<Answer> {
    if !matches!(call.operation.as_str(), "PutObject" | "CompleteMultipartUpload") {
        return None;
    }
    let (matching, none_matching) = (
        header(&call.headers, "if-match"),
        header(&call.headers, "if-none-match"),
    );
    let (name, why) = match (matching, none_matching) {
        (Some(_), Some(_)) => (
            "If-Match,If-None-Match",
            "Multiple conditional request headers present in the request".to_owned(),
        ),
        (Some("*"), None) => ("If-Match", unaccepted("If-Match")),
        (None, Some(value)) if value != "*" => ("If-None-Match", unaccepted("If-None-Match")),
        _ => return None,
    };
    let about = element("Header", name) + &element("additionalMessage", &why);
    let message = "A header you provided implies functionality that is not implemented";
    Some(error(501, "NotImplemented", message, &about))
}

fn unaccepted(name: &str) -> String {
    format!("We don't accept the provided value of {name} header for this API")
}

/// The backend's error in S3's words.
pub(super) fn reworded(call: &Call, answer: &Answer) -> Answer {
    let text = String::from_utf8_lossy(&answer.body);
    let Some(code) = content(&text, "Code") else {
        return answer.clone();
    };
    let message = content(&text, "Message").unwrap_or_default();
    refused(call, &Refusal::with_status(answer.status.as_u16(), &code, message))
}

/// An answer of the backend's with all that S3 adds.
pub(super) fn dress(call: &Call, account: &str, sum: Option<&str>, answer: &mut Answer) {
    let is_content = matches!(call.operation.as_str(), "GetObject" | "HeadObject");
    if !is_content && answer.body.is_empty() {
        answer.headers.remove(CONTENT_TYPE);
    } else if is_document(&call.operation) && call.operation != "HeadBucket" {
        answer
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        let owner = hex::encode(Sha256::digest(account));
        let text = String::from_utf8_lossy(&answer.body)
            .replace("<DisplayName>winterbaume</DisplayName>", "")
            .replace(&format!("<ID>{account}</ID>"), &format!("<ID>{owner}</ID>"));
        answer.body = text.into();
    }
    if matches!(
        call.operation.as_str(),
        "CompleteMultipartUpload"
            | "CopyObject"
            | "CreateMultipartUpload"
            | "GetObject"
            | "HeadObject"
            | "PutObject"
            | "UploadPart"
    ) {
        set(answer, "x-amz-server-side-encryption", "AES256");
    }
    match call.operation.as_str() {
        "HeadBucket" => {
            let (bucket, _) = target(&call.uri);
            set(answer, "x-amz-bucket-arn", &format!("arn:aws:s3:::{bucket}"));
            set(answer, "x-amz-access-point-alias", "false");
        }
        "PutObject" => sign(answer, sum, &call.body),
        "GetObject" if wants_sums(call) => {
            let body = answer.body.clone();
            sign(answer, sum, &body);
        }
        _ => {}
    }
}

/// The sum of an object is told to who asks for it, of whole objects.
pub(super) fn wants_sums(call: &Call) -> bool {
    let mode = header(&call.headers, "x-amz-checksum-mode");
    mode.is_some_and(|mode| mode.eq_ignore_ascii_case("enabled")) && !call.headers.contains_key("range")
}

/// The sum of these bytes, by the algorithm that they were uploaded with.
pub(super) fn sign(answer: &mut Answer, sum: Option<&str>, content: &[u8]) {
    let algorithm = sum.unwrap_or(DEFAULT_SUM);
    if let Some(value) = checksums::sum_of(algorithm, content) {
        set(answer, &format!("x-amz-checksum-{algorithm}"), &value);
        set(answer, "x-amz-checksum-type", "FULL_OBJECT");
    }
}

fn set(answer: &mut Answer, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        answer.headers.insert(name, value);
    }
}

/// The algorithm that an upload's sum was made with: in a header, announced as a trailer, or named.
pub(super) fn algorithm_of(call: &Call) -> Option<String> {
    let of_header = |name: &HeaderName| {
        let name = name.as_str().strip_prefix("x-amz-checksum-")?;
        checksums::ALGORITHMS.contains(&name).then(|| name.to_owned())
    };
    let trailer = header(&call.headers, "x-amz-trailer");
    let trailer = trailer.and_then(|name| name.strip_prefix("x-amz-checksum-"));
    let named = header(&call.headers, "x-amz-sdk-checksum-algorithm");
    let found = call.headers.keys().find_map(of_header);
    found.or_else(|| trailer.or(named).map(str::to_ascii_lowercase))
}

/// A list's request for the backend: the token is the key that the page before ended with, and keys are not encoded.
pub(super) fn backends_uri(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default().split('&');
    let query: Vec<String> = query
        .filter(|pair| !pair.starts_with("encoding-type="))
        .map(|pair| match pair.split_once('=') {
            Some(("continuation-token", token)) => format!("continuation-token={}", key_of(token)),
            _ => pair.to_owned(),
        })
        .collect();
    format!("https://s3.amazonaws.com{}?{}", uri.path(), query.join("&"))
}

/// A token of ours as the key that it stands for, encoded; one of nobody's stays what it is.
fn key_of(token: &str) -> String {
    let token = percent_encoding::percent_decode_str(token).decode_utf8_lossy();
    let key = URL_SAFE_NO_PAD.decode(token.as_bytes()).ok();
    let key = key.and_then(|bytes| String::from_utf8(bytes).ok());
    utf8_percent_encode(&key.unwrap_or_else(|| token.into_owned()), NON_ALPHANUMERIC).to_string()
}

/// A list of objects as S3 gives it: what was asked for is in it again, rows say how they were summed, tokens are opaque.
/// `sum` tells the algorithm of a key's object.
pub(super) fn dress_list(call: &Call, answer: &mut Answer, sum: impl Fn(&str) -> Option<String>) {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut text = with_sums(&text, sum);
    if let Some(next) = content(&text, "NextContinuationToken") {
        let opaque = URL_SAFE_NO_PAD.encode(next.as_bytes());
        text = mapped(&text, "NextContinuationToken", |_| opaque.clone());
    }
    let query = call.uri.query().unwrap_or_default();
    let asked: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let of = |name: &str| {
        asked
            .iter()
            .find(|(asked, _)| asked == name)
            .map(|(_, value)| value.as_str())
    };
    let mut added = String::new();
    for (name, member) in [
        ("delimiter", "Delimiter"),
        ("continuation-token", "ContinuationToken"),
        ("start-after", "StartAfter"),
    ] {
        if let Some(value) = of(name).filter(|value| !value.is_empty() && content(&text, member).is_none()) {
            added += &element(member, value);
        }
    }
    if of("encoding-type") == Some("url") {
        added += &element("EncodingType", "url");
    }
    if let Some(end) = text.rfind("</") {
        text.insert_str(end, &added);
    }
    if of("encoding-type") == Some("url") {
        for name in ENCODABLE {
            text = mapped(&text, name, |value| utf8_percent_encode(value, ENCODED).to_string());
        }
    }
    answer.body = Bytes::from(text);
}

/// `ChecksumAlgorithm` and `ChecksumType` in each row (recorded by LocalStack since 2025).
fn with_sums(text: &str, sum: impl Fn(&str) -> Option<String>) -> String {
    const ROW: &str = "<Contents>";
    let mut rows = text.split(ROW);
    let mut dressed = rows.next().unwrap_or_default().to_owned();
    for row in rows {
        let key = content(row, "Key").unwrap_or_default();
        let algorithm = sum(&key).unwrap_or_else(|| DEFAULT_SUM.to_owned()).to_uppercase();
        let sums = element("ChecksumAlgorithm", &algorithm) + &element("ChecksumType", "FULL_OBJECT");
        dressed += ROW;
        dressed += &sums;
        dressed += row;
    }
    dressed
}

/// The text of the first element of that name.
fn content(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let inside = rest.split('<').next()?;
    quick_xml::escape::unescape(inside).ok().map(|text| text.into_owned())
}

/// With the text of every element of that name changed.
fn mapped(text: &str, name: &str, change: impl Fn(&str) -> String) -> String {
    let tag = format!("<{name}>");
    let mut parts = text.split(tag.as_str());
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_at(part.find('<').unwrap_or(part.len()));
        let inside = quick_xml::escape::unescape(inside).unwrap_or_else(|_| inside.into());
        changed += &tag;
        changed += &escape(&change(&inside));
        changed += rest;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_where_that_is_asked_for_and_rows_say_their_sum() {
        let listed = "<R><Prefix></Prefix><Contents><Key>a&amp;b c/ä</Key><Size>1</Size></Contents></R>";
        let text = with_sums(listed, |key| (key == "a&b c/ä").then(|| "crc32".to_owned()));
        assert!(
            text.contains("<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT"),
            "{text}"
        );
        let text = mapped(&text, "Key", |key| utf8_percent_encode(key, ENCODED).to_string());
        assert!(text.contains("<Key>a%26b%20c/%C3%A4</Key>"), "{text}");
    }

    #[test]
    fn the_token_of_a_page_is_a_key_to_the_backend_only() {
        let token = URL_SAFE_NO_PAD.encode("p/ä");
        let uri = format!("/b?list-type=2&encoding-type=url&continuation-token={token}");
        let sent = backends_uri(&uri.parse().unwrap());
        assert_eq!(
            sent,
            "https://s3.amazonaws.com/b?list-type=2&continuation-token=p%2F%C3%A4"
        );
    }
}
