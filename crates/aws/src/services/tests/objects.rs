//! S3's answers: objects with their times and tags, conditions, pages of keys, files that go up again.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::s3;
use crate::Explain;
use crate::paging;
use crate::services::s3::{File, If};
use crate::wire::replay::{Answer, Replay, answer};

fn s3_fault(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <Key>k</Key><RequestId>9546790AD5B79CBA</RequestId><HostId>x</HostId></Error>"
    )
}

#[tokio::test]
async fn an_object_is_addressed_in_its_buckets_host_with_each_byte_encoded_once() {
    let replay = Replay::new([
        Answer::Http(200, vec![("etag", "\"0d9f\"")], String::new()),
        answer(204, ""),
    ]);
    let s3 = s3(&replay);
    let put = s3.put_object("bucket", "a/straße +%.txt", b"body".to_vec(), If::Absent);
    assert_eq!(put.await.unwrap(), "\"0d9f\"");
    s3.delete_object("bucket", "k", If::Matches("\"0d9f\"")).await.unwrap();
    let sent = &replay.sent()[0];
    assert_eq!(
        sent.uri,
        "https://bucket.s3.eu-west-1.amazonaws.com/a/stra%C3%9Fe%20%2B%25.txt"
    );
    assert_eq!((sent.method.as_str(), sent.body.as_str()), ("PUT", "body"));
    assert_eq!(sent.header("if-none-match"), Some("*"));
    assert_eq!(sent.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    assert_eq!(
        sent.header("x-amz-content-sha256"),
        Some("230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5")
    );
    let signed = sent
        .header("authorization")
        .unwrap()
        .split("SignedHeaders=")
        .nth(1)
        .unwrap();
    for header in [
        "host",
        "if-none-match",
        "x-amz-content-sha256",
        "x-amz-expected-bucket-owner",
    ] {
        assert!(signed.contains(header), "{header} is not signed: {signed}");
    }
    assert_eq!(replay.sent()[1].header("if-match"), Some("\"0d9f\""));
}

#[tokio::test]
async fn conditions_that_do_not_hold_are_told_apart() {
    // localstack test_precondition_failed_error and its kin.
    for (status, code) in [
        (412, "PreconditionFailed"),
        (409, "ConditionalRequestConflict"),
        (404, "NoSuchKey"),
    ] {
        let replay = Replay::new([answer(status, &s3_fault(code, "no"))]);
        let put = s3(&replay)
            .put_object("bucket", "k", Vec::new(), If::Matches("\"1\""))
            .await;
        let error = put.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert_eq!(replay.sent().len(), 1, "{code} is an answer");
        assert_eq!(replay.sent()[0].header("if-match"), Some("\"1\""));
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_by_its_code() {
    let replay = Replay::new([answer(404, &s3_fault("NoSuchKey", "The specified key does not exist."))]);
    let read = s3(&replay).get_object("bucket", "k").await;
    assert!(read.or_absent(&["NoSuchKey"], "read").unwrap().is_none());
}

#[tokio::test]
async fn an_object_comes_with_its_times_and_its_tag() {
    let replay = Replay::new([Answer::Http(
        200,
        vec![
            ("etag", "\"0d9f\""),
            ("last-modified", "Wed, 30 Jan 2019 14:15:02 GMT"),
            ("date", "Wed, 30 Jan 2019 14:16:02 GMT"),
        ],
        "hello".to_owned(),
    )]);
    let object = s3(&replay).get_object("bucket", "k").await.unwrap();
    assert_eq!(
        (object.body.as_slice(), object.e_tag.as_deref()),
        (b"hello".as_slice(), Some("\"0d9f\""))
    );
    let age = object.date.unwrap().secs() - object.last_modified.unwrap().secs();
    assert_eq!(age, 60);
}

#[tokio::test]
async fn of_what_anybody_may_have_written_the_beginning_is_read() {
    let replay = Replay::new([
        Answer::Http(206, vec![("content-range", "bytes 0-3/5000000000")], "hell".to_owned()),
        answer(416, &s3_fault("InvalidRange", "The requested range is not satisfiable")),
        answer(200, ""),
    ]);
    let s3 = s3(&replay);
    let object = s3.get_beginning("bucket", "k", 4).await.unwrap();
    assert_eq!(object.body, b"hell");
    assert_eq!(replay.sent()[0].header("range"), Some("bytes=0-3"));
    // An empty one has no beginning.
    assert!(s3.get_beginning("bucket", "k", 4).await.unwrap().body.is_empty());
}

#[tokio::test]
async fn keys_are_listed_in_pages_to_the_end() {
    // localstack test_list_objects_v2_continuation_common_prefixes; keys are escaped as XML.
    let replay = Replay::new([
        answer(
            200,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount>
<NextContinuationToken>1a+/=</NextContinuationToken><IsTruncated>true</IsTruncated>
<Contents><Key>p/straße &amp; 日本</Key><LastModified>2026-11-24T12:00:01.000Z</LastModified>
<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>11</Size></Contents>
<Contents><Key>p/ two</Key><Size>0</Size></Contents></ListBucketResult>"#,
        ),
        answer(
            200,
            "<ListBucketResult><Contents><Key>p/three</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
        ),
    ]);
    let s3 = s3(&replay);
    let listed = paging::all(async |token: Option<String>| {
        s3.list_objects("bucket", "p/", token.as_deref()).await.explain("list")
    });
    let listed = listed.await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|entry| (entry.key.as_str(), entry.last_modified.map(|time| time.secs())))
        .collect();
    let straße = ("p/straße & 日本", Some(1_795_521_601));
    assert_eq!(listed, [straße, ("p/ two", None), ("p/three", None)]);
    assert_eq!(
        replay.sent()[1].uri,
        "https://bucket.s3.eu-west-1.amazonaws.com/?continuation-token=1a%2B%2F%3D&list-type=2&prefix=p%2F"
    );
}

#[tokio::test]
async fn a_file_goes_up_whole_with_its_hash_and_again_where_the_connection_broke() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    let content = "0123456789".repeat(300_000);
    std::fs::write(&path, &content).unwrap();
    let replay = Replay::new([Answer::Dropped, answer(200, "")]);
    let file = File::open(&path).await.unwrap();
    let s3 = s3(&replay);
    s3.put_file("bucket", "bundles/v.zip", file).await.unwrap();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&content));
    assert_eq!(replay.sent().len(), 2);
    for sent in replay.sent() {
        assert!(sent.body == content, "{} bytes came", sent.body.len());
        assert_eq!(sent.header("content-length"), Some("3000000"));
        assert_eq!(sent.header("x-amz-content-sha256"), Some(hash.as_str()));
    }
}
