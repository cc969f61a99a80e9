//! S3 as the lock, the record and the bundles use it.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::harness::{Sandbox, get};

/// 11 MB that do not repeat in any block.
fn bundle() -> Vec<u8> {
    (0..11_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[tokio::test]
async fn a_bundle_comes_back_as_it_was_however_it_was_uploaded() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    let bytes = bundle();
    s3.create_bucket().bucket("bundles").send().await.unwrap();

    // From memory: one signed body. From a file: aws-chunked with signed chunks and a checksum trailer.
    let file = sandbox.directory.path().join("bundle.zip");
    std::fs::write(&file, &bytes).unwrap();
    let streamed = ByteStream::from_path(&file).await.unwrap();
    for (key, body) in [("memory", ByteStream::from(bytes.clone())), ("file", streamed)] {
        s3.put_object()
            .bucket("bundles")
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }
    let upload = s3
        .create_multipart_upload()
        .bucket("bundles")
        .key("parts")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(bytes.chunks(6_000_000)) {
        let request = s3
            .upload_part()
            .bucket("bundles")
            .key("parts")
            .upload_id(id)
            .part_number(number);
        let uploaded = request.body(ByteStream::from(part.to_vec())).send().await.unwrap();
        let part = CompletedPart::builder().part_number(number).set_e_tag(uploaded.e_tag);
        parts = parts.parts(part.build());
    }
    let complete = s3
        .complete_multipart_upload()
        .bucket("bundles")
        .key("parts")
        .upload_id(id);
    complete.multipart_upload(parts.build()).send().await.unwrap();

    for key in ["memory", "file", "parts"] {
        let object = s3.get_object().bucket("bundles").key(key).send().await.unwrap();
        let read = object.body.collect().await.unwrap().into_bytes();
        assert!(read == bytes, "{key} came back with {} bytes", read.len());
        let head = s3.head_object().bucket("bundles").key(key).send().await.unwrap();
        assert_eq!(head.content_length(), Some(11_000_000), "{key}");
    }
}

#[tokio::test]
async fn of_many_who_take_a_lock_at_once_one_gets_it() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("record").send().await.unwrap();
    let takers = (0..20).map(|n| {
        let put = s3
            .put_object()
            .bucket("record")
            .key("confctl/x/lock")
            .if_none_match("*");
        put.body(ByteStream::from(format!("taker {n}").into_bytes())).send()
    });
    let results = futures_util::future::join_all(takers).await;
    let taken: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(taken.len(), 1);
    let tag = taken[0].e_tag().unwrap();
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
        assert_eq!(
            error.as_service_error().unwrap().meta().code(),
            Some("PreconditionFailed")
        );
    }

    // Renewed by the holder, then no longer by the tag of before; released only by the newest tag.
    let renew = |tag: &str| {
        s3.put_object()
            .bucket("record")
            .key("confctl/x/lock")
            .if_match(tag)
            .body(b"mine".to_vec().into())
    };
    let renewed = renew(tag).send().await.unwrap();
    assert_eq!(
        renew(tag)
            .send()
            .await
            .unwrap_err()
            .raw_response()
            .unwrap()
            .status()
            .as_u16(),
        412
    );
    let release = |tag: &str| s3.delete_object().bucket("record").key("confctl/x/lock").if_match(tag);
    assert_eq!(
        release(tag)
            .send()
            .await
            .unwrap_err()
            .raw_response()
            .unwrap()
            .status()
            .as_u16(),
        412
    );
    release(renewed.e_tag().unwrap()).send().await.unwrap();
    let gone = renew(tag).send().await.unwrap_err();
    assert_eq!(gone.raw_response().unwrap().status().as_u16(), 404);
    assert!(gone.raw_response().unwrap().headers().get("date").is_some());
}

#[tokio::test]
async fn a_bucket_of_somebody_else_and_one_that_is_not_there_are_refused() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("ours").send().await.unwrap();
    let put = |bucket: &str| s3.put_object().bucket(bucket).key("k").body(b"x".to_vec().into());
    put("ours").expected_bucket_owner("123456789012").send().await.unwrap();
    let squatted = put("ours")
        .expected_bucket_owner("999999999999")
        .send()
        .await
        .unwrap_err();
    assert_eq!(squatted.raw_response().unwrap().status().as_u16(), 403);
    let absent = put("absent").send().await.unwrap_err();
    assert_eq!(absent.as_service_error().unwrap().meta().code(), Some("NoSuchBucket"));
    let head = s3.head_bucket().bucket("absent").send().await.unwrap_err();
    assert!(head.as_service_error().unwrap().is_not_found());
}

#[tokio::test]
async fn a_presigned_url_works_without_keys_and_only_as_it_was_signed() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("logs").send().await.unwrap();
    s3.put_object()
        .bucket("logs")
        .key("tail log+1.txt")
        .body(b"hello".to_vec().into())
        .send()
        .await
        .unwrap();
    let hour = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
    let presigned = s3
        .get_object()
        .bucket("logs")
        .key("tail log+1.txt")
        .presigned(hour)
        .await
        .unwrap();
    let response = get(presigned.uri(), &[]).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "hello"));
    let longer = presigned.uri().replace("X-Amz-Expires=3600", "X-Amz-Expires=7200");
    assert_eq!(get(&longer, &[]).await.status, 403);
}

#[tokio::test]
async fn objects_are_listed_in_pages_and_appear_in_the_inventory() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("record").send().await.unwrap();
    for n in 0..5 {
        s3.put_object()
            .bucket("record")
            .key(format!("a/{n}"))
            .body(b"x".to_vec().into())
            .send()
            .await
            .unwrap();
    }
    let list = || s3.list_objects_v2().bucket("record").prefix("a/").max_keys(3);
    let first = list().send().await.unwrap();
    assert_eq!((first.contents().len(), first.is_truncated()), (3, Some(true)));
    let token = first.next_continuation_token().unwrap();
    assert_eq!(
        list().continuation_token(token).send().await.unwrap().contents().len(),
        2
    );

    let uri = format!("{}/_sandbox/inventory", sandbox.info.endpoint());
    let inventory = get(&uri, &[("x-sandbox-token", &sandbox.info.token)]).await.body;
    assert!(inventory.contains("arn:aws:s3:::record/a/4"), "{inventory}");
}

#[tokio::test]
async fn a_key_comes_back_as_it_was_however_long_and_in_whatever_script() {
    let sandbox = Sandbox::start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("record").send().await.unwrap();
    let put = |key: String| {
        s3.put_object()
            .bucket("record")
            .key(key)
            .body(b"x".to_vec().into())
            .send()
    };
    for key in ["täglich".to_owned(), "a".repeat(1024), "a/".repeat(100)] {
        put(key.clone()).await.unwrap();
        let listed = s3.list_objects_v2().bucket("record").prefix(&key).send().await.unwrap();
        assert_eq!(listed.contents()[0].key(), Some(key.as_str()));
    }
    let refused = put("a".repeat(1025)).await.unwrap_err();
    assert_eq!(
        refused.as_service_error().unwrap().meta().code(),
        Some("KeyTooLongError")
    );
}
