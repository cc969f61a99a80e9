//! S3: buckets and objects. winterbaume's backend holds them; this adds what it leaves out: atomic conditions, the
//! owner check, buckets' regions and tags. Dates are real time here, unlike in all other payloads: `LastModified` is compared with
//! the `Date` of the answer, which HTTP's own layer sets.

mod answers;
mod files;
mod operations;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use winterbaume_core::{DEFAULT_ACCOUNT_ID, MockRequest, MockService, StatefulService};
use winterbaume_s3::S3Service;

use self::files::Files;
pub(crate) use self::operations::{OPERATIONS, TITLE, operation_name};
use super::not_implemented;
use crate::protocols::call::{Answer, Call, header};
use crate::protocols::xml::{self, escape};
use crate::world::iam::policy::{self, Context, Decision, Document};
use crate::world::plane::Objects;
use crate::world::{Refusal, Tags};

/// The backend keeps buckets by region; names are unique in all of S3, so that all live in one.
const BACKEND_REGION: &str = "us-east-1";

/// Characters that stay in a key's path.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Bytes of a key in UTF-8 (S3 guide, object-keys).
const LONGEST_KEY: usize = 1024;

/// All buckets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: S3Service,
    /// Held by writes: a condition and the write that depends on it are one step.
    writing: tokio::sync::Mutex<()>,
    /// By name.
    known: Mutex<BTreeMap<String, Bucket>>,
    /// By bucket and key: the algorithm of the checksum that an object was uploaded with.
    sums: Mutex<BTreeMap<(String, String), String>>,
}

/// What is known of a bucket beside its objects.
#[derive(Clone)]
struct Bucket {
    region: String,
    tags: Tags,
}

impl Bucket {
    fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            tags: Tags::new(),
        }
    }
}

impl Store {
    /// `directory`: where the bytes of objects go.
    pub(crate) fn new(directory: &Path) -> std::io::Result<Self> {
        let files = Files::new(directory)?;
        Ok(Self {
            inner: Arc::new(Inner {
                backend: S3Service::with_vfs(Arc::new(files)),
                writing: tokio::sync::Mutex::new(()),
                known: Mutex::new(BTreeMap::new()),
                sums: Mutex::new(BTreeMap::new()),
            }),
        })
    }

    /// Runs an operation for a caller whose account is `account`. Refusals are answers already: S3's have members of their own.
    pub(crate) async fn run(&self, call: &Call, account: &str) -> Answer {
        match self.perform(call, account).await {
            Ok(answer) => answer,
            Err(refusal) => answers::refused(call, &refusal),
        }
    }

    async fn perform(&self, call: &Call, account: &str) -> Result<Answer, Refusal> {
        if call.service != "s3" {
            return Err(not_implemented(format!("the service '{}'", call.service)));
        }
        let operation = OPERATIONS
            .iter()
            .find(|operation| operation.name == call.operation)
            .ok_or_else(|| not_implemented(format!("{} of S3", call.operation)))?;
        super::check(TITLE, operation, &operations::members(call, operation))?;
        if let Some(expected) = header(&call.headers, "x-amz-expected-bucket-owner")
            && expected != account
        {
            return Err(Refusal::with_status(403, "AccessDenied", "Access Denied"));
        }
        let (bucket, key) = target(&call.uri);
        if let Some(elsewhere) = self.redirect(call, &bucket) {
            return Ok(elsewhere);
        }
        check_key(&key)?;
        if let Some(refused) = answers::unsupported_condition(call) {
            return Ok(refused);
        }
        if call.operation == "CreateBucket" {
            check_location(call)?;
        }
        if call.operation == "DeleteBucket" {
            self.check_policy("s3:DeleteBucket", &bucket).await?;
        }
        let read = matches!(call.method, Method::GET | Method::HEAD);
        let _turn = match read {
            true => None,
            false => Some(self.inner.writing.lock().await),
        };
        if call.method == Method::PUT && call.headers.contains_key("if-match") {
            // S3 says 404 where there is nothing to match; the backend says 412.
            let uri = object_uri(&bucket, &key);
            let found = self.send(Method::HEAD, &uri, HeaderMap::new(), Bytes::new()).await;
            if found.status == StatusCode::NOT_FOUND {
                return Err(Refusal::with_status(
                    404,
                    "NoSuchKey",
                    "The specified key does not exist.",
                ));
            }
        }
        let mut headers = call.headers.clone();
        for name in ["authorization", "content-length", "expect", "host"] {
            headers.remove(name);
        }
        unframe(&mut headers);
        let uri = answers::backends_uri(&call.uri);
        let is_document = is_document(&call.operation);
        let body = if is_document {
            widened(&call.body)
        } else {
            call.body.clone()
        };
        // The backend's own HEAD of an object leaves the user's metadata out.
        let head = call.operation == "HeadObject";
        let method = if head { Method::GET } else { call.method.clone() };
        let mut answer = self.send(method, &uri, headers, body).await;
        if let Some(tags) = header(&call.headers, "x-amz-tagging").filter(|_| answer.status.is_success()) {
            // The backend takes them in an operation of their own only.
            let uri = format!("{}?tagging", object_uri(&bucket, &key));
            let document = widened(&Bytes::from(tagging(tags)));
            self.send(Method::PUT, &uri, HeaderMap::new(), document).await;
        }
        if is_document || !answer.status.is_success() {
            answer.body = narrowed(&answer.body);
        }
        if answer.status.is_client_error() || answer.status.is_server_error() {
            return Ok(answers::reworded(call, &answer));
        }
        if answer.status.is_success() {
            self.finish(call, account, &mut answer);
        }
        self.note_bucket(call, &bucket, &mut answer);
        Ok(answer)
    }

    /// What S3 adds to the backend's answer.
    fn finish(&self, call: &Call, account: &str, answer: &mut Answer) {
        let (bucket, key) = target(&call.uri);
        let place = (bucket.clone(), key);
        let mut sums = self.inner.sums.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (call.operation.as_str(), answers::algorithm_of(call)) {
            ("PutObject", Some(algorithm)) => {
                sums.insert(place.clone(), algorithm);
            }
            ("PutObject" | "CopyObject" | "CompleteMultipartUpload" | "DeleteObject", _) => {
                sums.remove(&place);
            }
            _ => {}
        }
        let sum = sums.get(&place).map(String::as_str);
        if call.operation == "HeadObject" {
            if answers::wants_sums(call) {
                let body = answer.body.clone();
                answers::sign(answer, sum, &body);
            }
            answer.headers.insert(CONTENT_LENGTH, answer.body.len().into());
            answer.body = Bytes::new();
        }
        answers::dress(call, account, sum, answer);
        if matches!(
            call.operation.as_str(),
            "ListObjects" | "ListObjectsV2" | "ListObjectVersions"
        ) {
            answers::dress_list(call, answer, |key| sums.get(&(bucket.clone(), key.to_owned())).cloned());
        }
    }

    async fn send(&self, method: Method, uri: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let request = MockRequest {
            method: method.to_string(),
            uri: uri.to_owned(),
            headers,
            body,
        };
        self.inner.backend.handle(request).await.into()
    }

    /// # Errors
    /// `AccessDenied` where the bucket's own policy denies that.
    async fn check_policy(&self, action: &str, bucket: &str) -> Result<(), Refusal> {
        let uri = format!("{}?policy", object_uri(bucket, ""));
        let policy = self.send(Method::GET, &uri, HeaderMap::new(), Bytes::new()).await;
        let text = String::from_utf8_lossy(&policy.body);
        let Ok(document) = Document::parse(&text) else {
            return Ok(());
        };
        let resource = format!("arn:aws:s3:::{bucket}");
        match policy::decide(&[document], action, &resource, &Context::new()) {
            Decision::ExplicitlyDenied => Err(Refusal::with_status(403, "AccessDenied", "Access Denied")),
            _ => Ok(()),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        let known = self.inner.known.lock();
        known.unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The answer to a request that was signed for another region than its bucket's: a client that follows it signs anew for
    /// the region in the header (aws/aws-sdk-java#1151; of the body, yanganto/s3rs#18). The endpoint is the same in all regions
    /// here. Any region tells where a bucket is.
    fn redirect(&self, call: &Call, bucket: &str) -> Option<Answer> {
        if matches!(call.operation.as_str(), "CreateBucket" | "GetBucketLocation") {
            return None;
        }
        let region = self.region(bucket).filter(|region| *region != call.region)?;
        let endpoint = header(&call.headers, "host").unwrap_or_default();
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send \
                       all future requests to this endpoint.";
        let about = answers::element("Endpoint", endpoint) + &answers::element("Bucket", bucket);
        let mut answer = answers::error(301, "PermanentRedirect", message, &about);
        let region = HeaderValue::from_str(&region).ok()?;
        answer.headers.insert("x-amz-bucket-region", region);
        Some(answer)
    }

    /// Remembers of a bucket what was asked for, until it is deleted, and says where it is when asked.
    fn note_bucket(&self, call: &Call, name: &str, answer: &mut Answer) {
        let mut known = self.known();
        if answer.status.is_success() {
            note(&mut known, call, name);
        }
        let Some(Bucket { region, .. }) = known.get(name) else {
            return;
        };
        match call.operation.as_str() {
            "HeadBucket" => {
                if let Ok(value) = HeaderValue::from_str(region) {
                    answer.headers.insert("x-amz-bucket-region", value);
                }
            }
            "GetBucketLocation" if answer.status.is_success() => {
                // The first region has no name here.
                let name = if region == "us-east-1" { "" } else { region };
                answer.body = Bytes::from(format!(
                    "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{name}</LocationConstraint>"
                ));
            }
            _ => {}
        }
    }
}

impl Objects for Store {
    fn ensure_bucket(&self, bucket: &str, region: &str) -> BoxFuture<'static, ()> {
        let (store, bucket, region) = (self.clone(), bucket.to_owned(), region.to_owned());
        Box::pin(async move {
            let uri = object_uri(&bucket, "");
            let made = store.send(Method::PUT, &uri, HeaderMap::new(), Bytes::new()).await;
            if made.status.is_success() {
                store.known().insert(bucket.clone(), Bucket::new(&region));
                let policy = Bytes::from(beanstalks_policy(&bucket));
                store
                    .send(Method::PUT, &format!("{uri}?policy"), HeaderMap::new(), policy)
                    .await;
            }
        })
    }

    fn region(&self, bucket: &str) -> Option<String> {
        self.known().get(bucket).map(|bucket| bucket.region.clone())
    }

    fn get(&self, bucket: &str, key: &str) -> BoxFuture<'static, Option<Bytes>> {
        let (store, uri) = (self.clone(), object_uri(bucket, key));
        Box::pin(async move {
            let answer = store.send(Method::GET, &uri, HeaderMap::new(), Bytes::new()).await;
            answer.status.is_success().then_some(answer.body)
        })
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'static, ()> {
        let (store, uri) = (self.clone(), object_uri(bucket, key));
        Box::pin(async move {
            let _turn = store.inner.writing.lock().await;
            store.send(Method::PUT, &uri, HeaderMap::new(), body).await;
        })
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'static, ()> {
        let (store, uri) = (self.clone(), object_uri(bucket, key));
        Box::pin(async move {
            let _turn = store.inner.writing.lock().await;
            store.send(Method::DELETE, &uri, HeaderMap::new(), Bytes::new()).await;
        })
    }

    fn list_all(&self) -> BoxFuture<'static, Vec<String>> {
        let store = self.clone();
        Box::pin(async move {
            let all = store.inner.backend.snapshot(DEFAULT_ACCOUNT_ID, BACKEND_REGION).await;
            let mut paths = Vec::new();
            for (bucket, contents) in all.buckets {
                paths.extend(contents.objects.into_keys().map(|key| {
                    let key = narrowed(&Bytes::from(key));
                    format!("{bucket}/{}", String::from_utf8_lossy(&key))
                }));
                paths.push(format!("{bucket}/"));
            }
            paths.sort();
            paths
        })
    }

    fn tagged_buckets(&self) -> Vec<(String, String, Tags)> {
        let known = self.known().clone().into_iter();
        known.map(|(name, bucket)| (name, bucket.region, bucket.tags)).collect()
    }
}

fn note(known: &mut BTreeMap<String, Bucket>, call: &Call, name: &str) {
    let bucket = known.get_mut(name);
    match (call.operation.as_str(), bucket) {
        ("CreateBucket", _) => {
            let new = || Bucket::new(&call.region);
            known.entry(name.to_owned()).or_insert_with(new);
        }
        ("DeleteBucket", _) => {
            known.remove(name);
        }
        ("PutBucketTagging", Some(bucket)) => bucket.tags = tags_of(&call.body),
        _ => {}
    }
}

/// What a document of tags has.
fn tags_of(document: &Bytes) -> Tags {
    let document = xml::members(document);
    let set = document.get("Tagging").and_then(|it| it[0]["TagSet"][0].as_array());
    let text = |tag: &serde_json::Value, member: &str| tag[member][0].as_str().map(str::to_owned);
    let tags = set.into_iter().flatten();
    tags.filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?)))
        .collect()
}

/// Beanstalk's bucket is not deleted by accident (Beanstalk guide: AWSHowTo.S3). Who takes the policy away can delete it
/// (github.com/awsdocs/amazon-s3-user-guide/issues/2).
fn beanstalks_policy(bucket: &str) -> String {
    let policy = serde_json::json!({
        "Version": "2008-10-17",
        "Statement": [{
            "Sid": "eb-58950a8c-feb6-11e2-89e0-0800277d041b",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "s3:DeleteBucket",
            "Resource": format!("arn:aws:s3:::{bucket}"),
        }],
    });
    policy.to_string()
}

/// # Errors
/// `KeyTooLongError`.
fn check_key(key: &str) -> Result<(), Refusal> {
    match key.len() > LONGEST_KEY {
        true => Err(Refusal::new("KeyTooLongError", "Your key is too long")),
        false => Ok(()),
    }
}

/// A bucket is made where it is asked for, and says so (S3 API, CreateBucket).
fn check_location(call: &Call) -> Result<(), Refusal> {
    let named = xml::members(&call.body);
    let named = named
        .get("CreateBucketConfiguration")
        .map(|it| &it[0]["LocationConstraint"][0]);
    let named = named.and_then(serde_json::Value::as_str).unwrap_or("us-east-1");
    match named == call.region {
        true => Ok(()),
        false => Err(Refusal::new(
            "IllegalLocationConstraintException",
            format!(
                "The {named} location constraint is incompatible for the region specific endpoint this request was sent to."
            ),
        )),
    }
}

/// `a=1&b=2` as a document.
fn tagging(form: &str) -> String {
    let tags = form_urlencoded::parse(form.as_bytes());
    let tags = tags.map(|(key, value)| {
        let (key, value) = (escape(&key), escape(&value));
        format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
    });
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.collect::<String>())
}

/// The backend takes each byte of a key in a path for a character. So it must be told of keys in bodies, and its answers
/// be read.
fn widened(body: &Bytes) -> Bytes {
    match body.is_ascii() {
        true => body.clone(),
        false => body.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

/// The reverse of [`widened`]; what is none of its results stays as it is.
fn narrowed(body: &Bytes) -> Bytes {
    let bytes = std::str::from_utf8(body).ok().and_then(|text| {
        let bytes = text.chars().map(|character| u8::try_from(u32::from(character)).ok());
        bytes.collect::<Option<Vec<u8>>>()
    });
    match bytes {
        Some(bytes) if !body.is_ascii() => bytes.into(),
        _ => body.clone(),
    }
}

/// Whether a body is a document of S3's, not the bytes of an object or a policy.
fn is_document(operation: &str) -> bool {
    !matches!(
        operation,
        "GetObject" | "PutObject" | "UploadPart" | "HeadObject" | "GetBucketPolicy" | "PutBucketPolicy"
    )
}

fn object_uri(bucket: &str, key: &str) -> String {
    format!("https://s3.amazonaws.com/{bucket}/{}", utf8_percent_encode(key, KEY))
}

/// Takes `aws-chunked` out of Content-Encoding: the gateway has decoded the body.
fn unframe(headers: &mut HeaderMap) {
    let Some(encoding) = header(headers, "content-encoding") else {
        return;
    };
    let parts = encoding.split(',').map(str::trim);
    let rest: Vec<&str> = parts
        .filter(|part| !part.is_empty() && *part != "aws-chunked")
        .collect();
    match HeaderValue::from_str(&rest.join(",")) {
        Ok(value) if !rest.is_empty() => headers.insert("content-encoding", value),
        _ => headers.remove("content-encoding"),
    };
}

/// Whether an operation puts an object where its request says.
pub(super) fn stores_an_object(operation: &str) -> bool {
    matches!(operation, "PutObject" | "CopyObject" | "CompleteMultipartUpload")
}

/// Whether an answer says that there is no such object.
pub(crate) fn is_missing(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && String::from_utf8_lossy(&answer.body).contains("<Code>NoSuchKey</Code>")
}

/// Bucket and key of a path-style request; either may be empty.
pub(crate) fn target(uri: &Uri) -> (String, String) {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
    (bucket.to_owned(), key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_method_path_and_query() {
        let name =
            |method: Method, uri: &'static str| operation_name(&method, &Uri::from_static(uri), &HeaderMap::new());
        assert_eq!(name(Method::GET, "/"), "ListBuckets");
        assert_eq!(name(Method::GET, "/b?list-type=2&prefix=a"), "ListObjectsV2");
        assert_eq!(name(Method::GET, "/b/?acl"), "GetBucketAcl");
        assert_eq!(name(Method::PUT, "/b/k?tagging"), "PutObjectTagging");
        assert_eq!(name(Method::PUT, "/b?policy"), "PutBucketPolicy");
        assert_eq!(name(Method::POST, "/b/k?uploads"), "CreateMultipartUpload");
        assert_eq!(name(Method::PUT, "/b/k/policy?x-id=PutObject"), "PutObject");
    }
}
