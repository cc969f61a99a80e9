//! S3's objects. Source of names and headers: botocore's model of s3, 2006-03-01.

use std::path::Path;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::clients::{ATTEMPT, Mode, OPERATION};
use crate::paging::Page;
use crate::wire::{Call, Called, Client, ESCAPED, Service, xml};

const SERVICE: Service = Service {
    id: "S3",
    signing_name: "s3",
    host: "s3",
};

/// Bytes a second: 500 MB, the largest bundle that Beanstalk takes, in half an hour.
const SLOWEST_UPLOAD: u64 = 256 * 1024;

/// A key keeps its slashes.
const ESCAPED_IN_KEY: &AsciiSet = &ESCAPED.remove(b'/');

/// Requests of one account's buckets: a bucket of the same name that is another's is refused.
#[derive(Debug, Clone)]
pub struct S3 {
    client: Client,
    owner: String,
}

/// What must hold for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum If<'a> {
    Always,
    /// There is no object of this key.
    Absent,
    /// The object is the one with this ETag.
    Matches(&'a str),
}

/// An object as it was read.
#[derive(Debug)]
pub struct Object {
    pub body: Vec<u8>,
    pub e_tag: Option<String>,
    pub last_modified: Option<DateTime>,
    /// S3's own time of the answer.
    pub date: Option<DateTime>,
}

/// A file to upload, read once for its hash: S3 refuses a body with another one.
#[derive(Debug)]
pub struct File {
    body: SdkBody,
    length: u64,
    sha256: String,
}

impl File {
    /// # Errors
    /// Where it cannot be read.
    pub async fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = tokio::fs::File::open(path).await?;
        let mut hash = Sha256::new();
        let mut length = 0;
        let mut some = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut some).await?;
            if read == 0 {
                break;
            }
            length += read as u64;
            hash.update(&some[..read]);
        }
        let body = ByteStream::from_path(path).await.map_err(std::io::Error::other)?;
        Ok(Self {
            body: body.into_inner(),
            length,
            sha256: hex::encode(hash.finalize()),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    contents: Vec<Contents>,
    next_continuation_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    last_modified: Option<String>,
}

/// An object as a list has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub last_modified: Option<DateTime>,
}

impl S3 {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode, owner: &str) -> Self {
        Self {
            client: Client::new(config, SERVICE, region, mode),
            owner: owner.to_owned(),
        }
    }

    /// Gives the new object's ETag.
    ///
    /// # Errors
    /// `PreconditionFailed` (412) where the condition does not hold, `ConditionalRequestConflict` (409) where another write came
    /// between, `NoSuchKey` (404) where the object that must match is gone; else what the SDK's own clients give.
    pub async fn put_object(&self, bucket: &str, key: &str, body: Vec<u8>, condition: If<'_>) -> Called<String> {
        let length = body.len().to_string();
        let mut headers = vec![("content-length", length.as_str())];
        match condition {
            If::Always => {}
            If::Absent => headers.push(("if-none-match", "*")),
            If::Matches(etag) => headers.push(("if-match", etag)),
        }
        let request = self.request("PUT", bucket, key, &headers, SdkBody::from(body));
        let call = self.call("PutObject", bucket, request.map_err(SdkError::construction_failure)?);
        self.client.call(call, |response| Ok(etag(response)), xml::fault).await
    }

    /// Uploads a file, with time-outs that suit its size.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn put_file(&self, bucket: &str, key: &str, file: File) -> Called<String> {
        let length = file.length.to_string();
        let headers = [("content-length", length.as_str())];
        let request = self.request("PUT", bucket, key, &headers, file.body);
        let mut call = self.call("PutObject", bucket, request.map_err(SdkError::construction_failure)?);
        call.body_hash = Some(file.sha256);
        call.patience = Some(patience(file.length));
        self.client.call(call, |response| Ok(etag(response)), xml::fault).await
    }

    /// # Errors
    /// `NoSuchKey`, `NoSuchBucket`; else what the SDK's own clients give.
    pub async fn get_object(&self, bucket: &str, key: &str) -> Called<Object> {
        self.get(bucket, key, &[]).await
    }

    /// The first `most` bytes of an object, of which anybody may have written any number.
    ///
    /// # Errors
    /// Those of [`Self::get_object`].
    pub async fn get_beginning(&self, bucket: &str, key: &str, most: u64) -> Called<Object> {
        let range = format!("bytes=0-{}", most.saturating_sub(1));
        match self.get(bucket, key, &[("range", &range)]).await {
            // An empty object has no first byte (S3 API reference, error responses).
            Err(error) if error.code() == Some("InvalidRange") => self.get(bucket, key, &[]).await,
            answer => answer,
        }
    }

    async fn get(&self, bucket: &str, key: &str, headers: &[(&str, &str)]) -> Called<Object> {
        let request = self.request("GET", bucket, key, headers, SdkBody::empty());
        let call = self.call("GetObject", bucket, request.map_err(SdkError::construction_failure)?);
        self.client
            .call(call, |response| Ok(object(response)), xml::fault)
            .await
    }

    /// # Errors
    /// Those of [`Self::put_object`] where it must match; deleting what is not there is none.
    pub async fn delete_object(&self, bucket: &str, key: &str, condition: If<'_>) -> Called<()> {
        let headers = match condition {
            If::Matches(etag) => Some(("if-match", etag)),
            If::Always | If::Absent => None,
        };
        let request = self.request("DELETE", bucket, key, headers.as_slice(), SdkBody::empty());
        let call = self.call("DeleteObject", bucket, request.map_err(SdkError::construction_failure)?);
        self.client.call(call, |_| Ok(()), xml::fault).await
    }

    /// A page of the objects whose keys begin with `prefix`.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_objects(&self, bucket: &str, prefix: &str, token: Option<&str>) -> Called<Page<Entry>> {
        let encoded = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        // In the order in which they are signed, which costs nothing.
        let mut query = String::from("?");
        if let Some(token) = token {
            query.push_str(&format!("continuation-token={}&", encoded(token)));
        }
        query.push_str(&format!("list-type=2&prefix={}", encoded(prefix)));
        let request = self.build("GET", bucket, &query, &[], SdkBody::empty());
        let call = self.call(
            "ListObjectsV2",
            bucket,
            request.map_err(SdkError::construction_failure)?,
        );
        let read = |response: &HttpResponse| {
            let listed: ListBucketResult = xml::read(response)?;
            let entries = listed.contents.into_iter().map(entry).collect();
            Ok(Page::new(entries, listed.next_continuation_token))
        };
        self.client.call(call, read, xml::fault).await
    }

    /// S3's own time, which it tells with every answer: also with that there is no such bucket.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn time(&self, bucket: &str) -> Called<Option<DateTime>> {
        let request = self.build("GET", bucket, "?list-type=2&max-keys=1", &[], SdkBody::empty());
        let call = self.call(
            "ListObjectsV2",
            bucket,
            request.map_err(SdkError::construction_failure)?,
        );
        let told = self.client.call(call, |response| Ok(date(response)), xml::fault).await;
        match &told {
            Err(SdkError::ServiceError(refusal)) if refusal.err().code() == Some("NoSuchBucket") => {
                Ok(date(refusal.raw()))
            }
            _ => told,
        }
    }

    fn request(
        &self,
        method: &str,
        bucket: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: SdkBody,
    ) -> http::Result<http::Request<SdkBody>> {
        let key = utf8_percent_encode(key, ESCAPED_IN_KEY).to_string();
        self.build(method, bucket, &key, headers, body)
    }

    /// On AWS the bucket is part of the host; elsewhere, where nobody answers for such hosts, of the path.
    fn build(
        &self,
        method: &str,
        bucket: &str,
        rest: &str,
        headers: &[(&str, &str)],
        body: SdkBody,
    ) -> http::Result<http::Request<SdkBody>> {
        let path = match self.client.endpoint.is_given {
            true => format!("/{bucket}/{rest}"),
            false => format!("/{rest}"),
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("x-amz-expected-bucket-owner", &self.owner);
        let headers = headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(body)
    }

    fn call(&self, operation: &'static str, bucket: &str, request: http::Request<SdkBody>) -> Call {
        let endpoint = &self.client.endpoint;
        let mut signing = SigningOptions::default();
        // S3 is the one service that wants each byte of a path encoded once, and the body's hash in a header.
        signing.double_uri_encode = false;
        signing.normalize_uri_path = false;
        signing.content_sha256_header = true;
        Call {
            operation,
            endpoint: (!endpoint.is_given).then(|| endpoint.with_host(bucket)),
            request,
            signing,
            body_hash: None,
            patience: None,
        }
    }
}

/// As long as a slow line takes for so many bytes, beside what any other call is given.
fn patience(length: u64) -> TimeoutConfig {
    let attempt = ATTEMPT + Duration::from_secs(length / SLOWEST_UPLOAD);
    TimeoutConfig::builder()
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * (OPERATION.as_secs() / ATTEMPT.as_secs()) as u32)
        .build()
}

fn etag(response: &HttpResponse) -> String {
    response.headers().get("etag").unwrap_or_default().to_owned()
}

fn object(response: &HttpResponse) -> Object {
    let header = |name| response.headers().get(name);
    let time = |name| DateTime::from_str(header(name)?, Format::HttpDate).ok();
    Object {
        body: response.body().bytes().unwrap_or_default().to_vec(),
        e_tag: header("etag").map(str::to_owned),
        last_modified: time("last-modified"),
        date: date(response),
    }
}

fn date(response: &HttpResponse) -> Option<DateTime> {
    DateTime::from_str(response.headers().get("date")?, Format::HttpDate).ok()
}

fn entry(object: Contents) -> Entry {
    let modified = object.last_modified.as_deref();
    Entry {
        last_modified: modified.and_then(|time| DateTime::from_str(time, Format::DateTime).ok()),
        key: object.key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_as_long_as_its_size_takes_and_no_longer() {
        let attempt = |length| patience(length).operation_attempt_timeout().unwrap();
        assert_eq!(attempt(1_000), ATTEMPT);
        let largest = attempt(500 * 1024 * 1024).as_secs() / 60;
        assert!((30..40).contains(&largest), "{largest} minutes");
        assert_eq!(patience(1_000).operation_timeout(), Some(OPERATION));
    }
}
