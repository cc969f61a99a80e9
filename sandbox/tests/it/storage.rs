//! S3 as the lock, the record and the bundles use it. Requests by hand, signed by the SDK's signer: `tests/conformance` has
//! the same of boto3.

use http::StatusCode;

use crate::harness::{Response, Sandbox, get};

/// 11 MB of text that does not repeat in any block.
fn bundle() -> Vec<u8> {
    (0..11_000_000_u32)
        .map(|n| b' ' + (n.wrapping_mul(2_654_435_761) >> 26) as u8)
        .collect()
}

async fn bucket(sandbox: &Sandbox, name: &str) {
    let made = sandbox.s3("PUT", &format!("/{name}"), &[], b"").await;
    assert_eq!(made.status, 200, "{}", made.body);
}

/// Asserts the error's status and code.
fn refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status.as_u16(), status, "{}", response.body);
    assert!(
        response.body.contains(&format!("<Code>{code}</Code>")),
        "{}",
        response.body
    );
}

/// The texts of all elements of that name.
fn texts<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let elements = xml.split(&open).skip(1);
    elements
        .filter_map(|rest| rest.split_once(&close))
        .map(|(text, _)| text)
        .collect()
}

fn etag(response: &Response) -> String {
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bundle_comes_back_as_it_was_however_it_was_uploaded() {
    let sandbox = Sandbox::start().await;
    let bytes = bundle();
    bucket(&sandbox, "bundles").await;
    etag(&sandbox.s3("PUT", "/bundles/whole", &[], &bytes).await);

    let begun = sandbox.s3("POST", "/bundles/parts?uploads=", &[], b"").await;
    let id = texts(&begun.body, "UploadId")[0];
    let mut parts = String::new();
    for (number, part) in (1..).zip(bytes.chunks(6_000_000)) {
        let path = format!("/bundles/parts?partNumber={number}&uploadId={id}");
        let tag = etag(&sandbox.s3("PUT", &path, &[], part).await);
        parts.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        ));
    }
    let parts = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let path = format!("/bundles/parts?uploadId={id}");
    let completed = sandbox.s3("POST", &path, &[], parts.as_bytes()).await;
    assert_eq!(completed.status, 200, "{}", completed.body);

    for key in ["whole", "parts"] {
        let path = format!("/bundles/{key}");
        let read = sandbox.s3("GET", &path, &[], b"").await.body;
        assert!(read.as_bytes() == bytes, "{key} came back with {} bytes", read.len());
        let head = sandbox.s3("HEAD", &path, &[], b"").await;
        assert_eq!(head.headers["content-length"], "11000000", "{key}");
    }
}

#[tokio::test]
async fn of_many_who_take_a_lock_at_once_one_gets_it() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "record").await;
    let lock = "/record/confctl/x/lock";
    let takers = (0..20).map(|n| {
        let sandbox = &sandbox;
        async move {
            let body = format!("taker {n}");
            sandbox
                .s3("PUT", lock, &[("if-none-match", "*")], body.as_bytes())
                .await
        }
    });
    let results = futures_util::future::join_all(takers).await;
    let taken: Vec<_> = results.iter().filter(|result| result.status.is_success()).collect();
    assert_eq!(taken.len(), 1);
    let tag = etag(taken[0]);
    for result in results.iter().filter(|result| !result.status.is_success()) {
        refused(result, 412, "PreconditionFailed");
    }

    // Renewed by the holder, then no longer by the tag of before; released only by the newest tag.
    let with_tag = async |method: &str, tag: &str| sandbox.s3(method, lock, &[("if-match", tag)], b"").await;
    let renewed = etag(&sandbox.s3("PUT", lock, &[("if-match", &tag)], b"mine").await);
    refused(&with_tag("PUT", &tag).await, 412, "PreconditionFailed");
    refused(&with_tag("DELETE", &tag).await, 412, "PreconditionFailed");
    assert_eq!(with_tag("DELETE", &renewed).await.status, 204);
    let gone = with_tag("PUT", &tag).await;
    refused(&gone, 404, "NoSuchKey");
    assert!(gone.headers.contains_key("date"));
}

#[tokio::test]
async fn a_bucket_of_somebody_else_and_one_that_is_not_there_are_refused() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "ours").await;
    let put = async |owner: &str| {
        let header = ("x-amz-expected-bucket-owner", owner);
        sandbox.s3("PUT", "/ours/k", &[header], b"x").await
    };
    assert_eq!(put("123456789012").await.status, 200);
    assert_eq!(put("999999999999").await.status, 403);
    refused(&sandbox.s3("PUT", "/absent/k", &[], b"x").await, 404, "NoSuchBucket");
    assert_eq!(sandbox.s3("HEAD", "/absent", &[], b"").await.status, 404);
}

#[tokio::test]
async fn a_presigned_url_works_without_keys_and_only_as_it_was_signed() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "logs").await;
    let path = "/logs/tail%20log%2B1.txt";
    etag(&sandbox.s3("PUT", path, &[], b"hello").await);
    let presigned = sandbox.presigned(path, 3600);
    let response = get(&presigned, &[]).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "hello"));
    let longer = presigned.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    assert_eq!(get(&longer, &[]).await.status, 403);
}

#[tokio::test]
async fn objects_are_listed_in_pages_and_appear_in_the_inventory() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "record").await;
    for n in 0..5 {
        etag(&sandbox.s3("PUT", &format!("/record/a/{n}"), &[], b"x").await);
    }
    let list = "/record?list-type=2&max-keys=3&prefix=a%2F";
    let first = sandbox.s3("GET", list, &[], b"").await.body;
    assert_eq!(texts(&first, "Key"), ["a/0", "a/1", "a/2"]);
    assert_eq!(texts(&first, "IsTruncated"), ["true"]);
    let token = texts(&first, "NextContinuationToken")[0].replace('/', "%2F");
    let list = format!("/record?continuation-token={token}&list-type=2&max-keys=3&prefix=a%2F");
    let second = sandbox.s3("GET", &list, &[], b"").await.body;
    assert_eq!(texts(&second, "Key"), ["a/3", "a/4"]);

    let uri = format!("{}/_sandbox/inventory", sandbox.info.endpoint());
    let inventory = get(&uri, &[("x-sandbox-token", &sandbox.info.token)]).await.body;
    assert!(inventory.contains("arn:aws:s3:::record/a/4"), "{inventory}");
}

#[tokio::test]
async fn a_key_comes_back_as_it_was_however_long_and_in_whatever_script() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "record").await;
    let longest = "a".repeat(1024);
    let deep = "a/".repeat(100);
    let deep_in_query = deep.replace('/', "%2F");
    for (key, in_path, in_query) in [
        ("täglich", "t%C3%A4glich", "t%C3%A4glich"),
        (longest.as_str(), longest.as_str(), longest.as_str()),
        (deep.as_str(), deep.as_str(), deep_in_query.as_str()),
    ] {
        etag(&sandbox.s3("PUT", &format!("/record/{in_path}"), &[], b"x").await);
        let list = format!("/record?list-type=2&prefix={in_query}");
        let listed = sandbox.s3("GET", &list, &[], b"").await.body;
        assert_eq!(texts(&listed, "Key")[0], key);
    }
    let longer = format!("/record/{longest}a");
    refused(&sandbox.s3("PUT", &longer, &[], b"x").await, 400, "KeyTooLongError");
}

#[tokio::test]
async fn a_key_may_look_like_a_path_and_is_none() {
    let sandbox = Sandbox::start().await;
    bucket(&sandbox, "keys").await;
    let keys = ["c", "a/../c", "a/./c", "./c", "a/b/../../c", "../c", "..", "."];
    for key in keys {
        etag(&sandbox.s3("PUT", &format!("/keys/{key}"), &[], key.as_bytes()).await);
    }
    for key in keys {
        let read = sandbox.s3("GET", &format!("/keys/{key}"), &[], b"").await;
        assert_eq!(read.body, key);
    }
    let listed = sandbox.s3("GET", "/keys?list-type=2", &[], b"").await;
    let mut listed = texts(&listed.body, "Key");
    listed.sort_unstable();
    let mut all = keys.to_vec();
    all.sort_unstable();
    assert_eq!(listed, all);
}
