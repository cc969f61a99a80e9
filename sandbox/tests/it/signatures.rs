//! Who is believed, and how errors and request ids look in each protocol.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;

use crate::harness::{Sandbox, get, send};

const IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn the_key_in_sandbox_json_is_believed_and_a_wrong_secret_is_not() {
    let sandbox = Sandbox::start().await;
    let sts = aws_sdk_sts::Client::new(&sandbox.sdk().await);
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("123456789012"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::123456789012:user/sandbox"));

    let sts = aws_sdk_sts::Client::new(&sandbox.sdk_with("guessed").await);
    let error = sts.get_caller_identity().send().await.unwrap_err();
    assert_eq!(
        error.as_service_error().unwrap().meta().code(),
        Some("SignatureDoesNotMatch")
    );

    let dynamodb = aws_sdk_dynamodb::Client::new(&sandbox.sdk_with("guessed").await);
    let error = dynamodb.list_tables().send().await.unwrap_err();
    assert_eq!(
        error.as_service_error().unwrap().meta().code(),
        Some("InvalidSignatureException")
    );
}

#[tokio::test]
async fn what_was_changed_after_signing_is_refused() {
    let sandbox = Sandbox::start().await;
    let untouched = sandbox.post("sts", &[FORM], IDENTITY, |_| {}).await;
    assert_eq!(untouched.status, 200, "{}", untouched.body);

    let body = sandbox
        .post("sts", &[FORM], IDENTITY, |request| {
            *request.body_mut() = Full::new(Bytes::from_static(b"Action=GetCallerIdentity&Version=2010-01-01"));
        })
        .await;
    assert_eq!(body.status, 403, "{}", body.body);
    let header = sandbox
        .post("sts", &[FORM, ("x-amz-signed", "a")], IDENTITY, |request| {
            request.headers_mut().insert("x-amz-signed", "b".parse().unwrap());
        })
        .await;
    assert_eq!(header.status, 403, "{}", header.body);
    assert!(
        header.body.contains("<Code>SignatureDoesNotMatch</Code>"),
        "{}",
        header.body
    );
}

#[tokio::test]
async fn a_request_of_half_an_hour_ago_is_refused() {
    let sandbox = Sandbox::start().await;
    let uri = format!("{}/", sandbox.info.endpoint());
    let host = format!("127.0.0.1:{}", sandbox.info.port);
    let request = http::Request::post(uri).header("host", host).header(FORM.0, FORM.1);
    let mut request = request
        .body(Full::new(Bytes::from_static(IDENTITY.as_bytes())))
        .unwrap();
    let then = SystemTime::now() - Duration::from_secs(1800);
    sandbox.sign(&mut request, "sts", IDENTITY.as_bytes(), then);
    let response = send(request).await;
    assert_eq!(response.status, 403);
    assert!(response.body.contains("Signature expired"), "{}", response.body);
}

#[tokio::test]
async fn a_web_page_and_a_foreign_host_get_nothing() {
    let sandbox = Sandbox::start().await;
    let page = sandbox
        .post("sts", &[FORM], IDENTITY, |request| {
            request
                .headers_mut()
                .insert("origin", "http://evil.example".parse().unwrap());
        })
        .await;
    assert_eq!(page.status, 403);
    let rebound = get(&sandbox.info.endpoint(), &[("host", "evil.example")]).await;
    assert_eq!(rebound.status, 421);
    let unsigned = get(&sandbox.info.endpoint(), &[]).await;
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.body.contains("<Code>AccessDenied</Code>"), "{}", unsigned.body);
}

#[tokio::test]
async fn one_request_has_one_id_in_header_body_and_log() {
    let sandbox = Sandbox::start().await;
    let between = |text: &str, begin: &str, end: &str| -> String {
        let text = text
            .split(begin)
            .nth(1)
            .unwrap_or_else(|| panic!("no {begin} in {text}"));
        text.split(end).next().unwrap().to_owned()
    };
    let logged = |id: &str| sandbox.requests().iter().any(|line| line.contains(id));

    let query = sandbox
        .post("iam", &[FORM], "Action=ListRoles&Version=2010-05-08", |_| {})
        .await;
    let id = query.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    assert_eq!(between(&query.body, "<RequestId>", "<"), id);
    assert!(logged(&id));

    let refused = sandbox
        .post("iam", &[FORM], "Action=GetRole&RoleName=x&Version=2010-05-08", |_| {})
        .await;
    let id = refused.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    assert_eq!(between(&refused.body, "<RequestId>", "<"), id);
    assert!(refused.body.contains("<Code>NoSuchEntity</Code>"));

    let ec2 = sandbox
        .post("ec2", &[FORM], "Action=DescribeUnheardOf&Version=2016-11-15", |_| {})
        .await;
    let id = ec2.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    assert_eq!(between(&ec2.body, "<RequestID>", "<"), id);

    let target = ("x-amz-target", "DynamoDB_20120810.ListTables");
    let json = sandbox.post("dynamodb", &[target], "{}", |_| {}).await;
    let id = json.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    assert!(logged(&id));

    let cbor = sandbox
        .post("monitoring", &[("smithy-protocol", "rpc-v2-cbor")], "", |_| {})
        .await;
    assert_eq!(cbor.headers["smithy-protocol"], "rpc-v2-cbor");
    assert!(cbor.headers.contains_key("x-amzn-requestid"));
}

#[tokio::test]
async fn what_the_sandbox_does_not_honour_is_refused_by_name() {
    let sandbox = Sandbox::start().await;
    let unknown = sandbox
        .post("iam", &[FORM], "Action=ListUsers&Version=2010-05-08", |_| {})
        .await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("ListUsers of IAM"), "{}", unknown.body);

    let target = ("x-amz-target", "DynamoDB_20120810.CreateTable");
    let body = r#"{"TableName":"users","StreamSpecification":{"StreamEnabled":true}}"#;
    let ignored = sandbox.post("dynamodb", &[target], body, |_| {}).await;
    assert_eq!(ignored.status, 400);
    assert!(ignored.body.contains("StreamSpecification"), "{}", ignored.body);
}

#[tokio::test]
async fn the_sandboxs_own_endpoints_need_its_token() {
    let sandbox = Sandbox::start().await;
    let uri = format!("{}/_sandbox/inventory", sandbox.info.endpoint());
    assert_eq!(get(&uri, &[]).await.status, 403);
    assert_eq!(get(&uri, &[("x-sandbox-token", "guessed")]).await.status, 403);
    let inventory = get(&uri, &[("x-sandbox-token", &sandbox.info.token)]).await;
    assert_eq!((inventory.status.as_u16(), inventory.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn a_version_that_a_service_never_had_is_refused() {
    let sandbox = Sandbox::start().await;
    let ask = async |service: &str, action: &str, version: &str| {
        let body = format!("Action={action}&Version={version}");
        sandbox.post(service, &[FORM], &body, |_| {}).await
    };
    for (service, action, version) in [
        ("iam", "ListRoles", "2010-05-08"),
        ("ec2", "DescribeVpcs", "2016-11-15"),
        ("elasticloadbalancing", "DescribeLoadBalancers", "2012-06-01"),
        ("elasticloadbalancing", "DescribeLoadBalancers", "2015-12-01"),
        ("monitoring", "DescribeAlarms", "2010-08-01"),
        ("elasticbeanstalk", "DescribeApplications", "2010-12-01"),
    ] {
        let known = ask(service, action, version).await;
        assert_eq!(known.status, 200, "{service}: {}", known.body);
        let unknown = ask(service, action, "1999-01-01").await;
        assert_eq!(unknown.status, 400, "{service}: {}", unknown.body);
        let says = if service == "ec2" {
            "<Code>NoSuchVersion</Code><Message>The requested version (1999-01-01) of service".to_owned()
        } else {
            format!("<Code>InvalidAction</Code><Message>Could not find operation {action} for version 1999-01-01<")
        };
        assert!(unknown.body.contains(&says), "{}", unknown.body);
    }
}

/// A header that decides what is done, added to a request that was signed without it.
#[tokio::test]
async fn a_header_of_awss_that_nobody_signed_is_refused() {
    let sandbox = Sandbox::start().await;
    let chosen = sandbox
        .post("dynamodb", &[], "{}", |request| {
            let target = "DynamoDB_20120810.ListTables".parse().unwrap();
            request.headers_mut().insert("x-amz-target", target);
        })
        .await;
    assert_eq!(chosen.status, 400, "{}", chosen.body);
    assert!(chosen.body.contains("x-amz-target"), "{}", chosen.body);

    for (path, body) in [("/bucket", &b""[..]), ("/bucket/secret", b"secret")] {
        assert_eq!(sandbox.s3("PUT", path, &[], body).await.status, 200);
    }
    let copied = sandbox
        .s3_tampered("PUT", "/bucket/copy", b"", |request| {
            let source = "/bucket/secret".parse().unwrap();
            request.headers_mut().insert("x-amz-copy-source", source);
        })
        .await;
    assert_eq!(copied.status, 403, "{}", copied.body);
    assert!(
        copied.body.contains("<Code>AccessDenied</Code>")
            && copied.body.contains("HeadersNotSigned: x-amz-copy-source"),
        "{}",
        copied.body
    );
    assert_eq!(sandbox.s3("GET", "/bucket/copy", &[], b"").await.status, 404);
}

#[tokio::test]
async fn what_a_body_is_signed_as_has_to_be_known() {
    let sandbox = Sandbox::start().await;
    sandbox.s3("PUT", "/bucket", &[], b"").await;
    for kind in ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-", "GIBBERISH"] {
        let body = b"5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n";
        let headers = [("x-amz-content-sha256", kind), ("x-amz-decoded-content-length", "5")];
        let refused = sandbox.s3("PUT", "/bucket/key", &headers, body).await;
        assert_eq!(refused.status, 400, "{kind}: {}", refused.body);
        assert!(
            refused.body.contains("x-amz-content-sha256 must be UNSIGNED-PAYLOAD"),
            "{}",
            refused.body
        );
    }
    assert_eq!(sandbox.s3("GET", "/bucket/key", &[], b"").await.status, 404);
}

#[tokio::test]
async fn the_scope_of_a_key_has_a_day() {
    let sandbox = Sandbox::start().await;
    let refused = sandbox
        .post("sts", &[FORM], IDENTITY, |request| {
            let signed = request.headers()["authorization"].to_str().unwrap().to_owned();
            let day = signed.split('/').nth(1).unwrap().to_owned();
            let without = signed.replacen(&format!("/{day}/"), "//", 1);
            request.headers_mut().insert("authorization", without.parse().unwrap());
        })
        .await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("<Code>IncompleteSignature</Code>"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn the_name_of_a_session_is_no_xml() {
    let sandbox = Sandbox::start().await;
    let name = "x%3C%2FArn%3E%3CAccount%3E999999999999%3C%2FAccount%3E";
    let role = "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fnobody";
    let body = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName={name}");
    let refused = sandbox.post("sts", &[FORM], &body, |_| {}).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(
        refused.body.contains("<Code>ValidationError</Code>") && refused.body.contains("&lt;/Arn&gt;"),
        "{}",
        refused.body
    );
}
