//! Requests that are too deep, too large or never whole: refused before they cost anything, and the sandbox goes on.

use std::io::Write;
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Response, Sandbox, send, until};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Sandbox {
    /// Refuses, and is still there for others.
    #[track_caller]
    fn refused(&self, response: &Response, code: &str, why: &str) {
        assert!(
            response.status.is_client_error() && response.body.contains(code) && response.body.contains(why),
            "{} {}",
            response.status,
            response.body
        );
    }

    async fn lives(&self) {
        let identity = "Action=GetCallerIdentity&Version=2011-06-15";
        assert_eq!(self.post("sts", &[FORM], identity, |_| {}).await.status, 200);
    }

    /// Sends these bytes and nothing more, and reads until the sandbox has answered or closed.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.info.port)).await.unwrap();
        // Who is refused in the middle of a large head cannot send the rest.
        let _ = stream.write_all(bytes).await;
        let mut answer = vec![0; 64 << 10];
        let read = stream.read(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}

#[tokio::test]
async fn what_is_nested_thousands_deep_does_not_end_the_sandbox() {
    let sandbox = Sandbox::start().await;
    let name = vec!["a"; 3000].join(".");
    let body = format!("Action=GetCallerIdentity&Version=2011-06-15&{name}=1");
    let dots = sandbox.post("sts", &[FORM], &body, |_| {}).await;
    sandbox.refused(&dots, "MalformedQueryString", "3000 parts");

    sandbox.s3("PUT", "/bucket", &[], b"").await;
    let open = "<a>".repeat(5000);
    let tags = sandbox.s3("PUT", "/bucket?tagging=", &[], open.as_bytes()).await;
    sandbox.refused(&tags, "MalformedXML", "open at once");
    let uri = format!("{}/2020-05-31/distribution", sandbox.info.endpoint());
    let host = format!("127.0.0.1:{}", sandbox.info.port);
    let request = http::Request::post(uri).header("host", host);
    let mut request = request.body(Full::new(Bytes::from(open.clone()))).unwrap();
    sandbox.sign(&mut request, "cloudfront", open.as_bytes(), SystemTime::now());
    sandbox.refused(&send(request).await, "MalformedXML", "open at once");

    let nested = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
    for condition in [
        nested,
        format!("{}a", "NOT ".repeat(1000)),
        format!("a{}", ".a".repeat(2000)),
    ] {
        let body = serde_json::json!({
            "TableName": "users",
            "Item": {"email": {"S": "a"}},
            "ConditionExpression": condition,
        });
        let target = ("x-amz-target", "DynamoDB_20120810.PutItem");
        let refused = sandbox.post("dynamodb", &[target], &body.to_string(), |_| {}).await;
        sandbox.refused(&refused, "ValidationException", "Invalid ConditionExpression");
    }
    sandbox.lives().await;
}

#[tokio::test]
async fn an_element_with_thousands_of_attributes_is_not_looked_through() {
    let sandbox = Sandbox::start().await;
    sandbox.s3("PUT", "/bucket", &[], b"").await;
    let attributes: String = (0..20_000).map(|number| format!(" a{number}=\"\"")).collect();
    let body = format!("<Tagging{attributes}><TagSet/></Tagging>");
    let refused = sandbox.s3("PUT", "/bucket?tagging=", &[], body.as_bytes()).await;
    sandbox.refused(&refused, "MalformedXML", "attributes");
}

#[tokio::test]
async fn what_becomes_large_when_it_is_unpacked_is_not_unpacked() {
    let sandbox = Sandbox::start().await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b'a'; 100 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 1 << 20);
    let request = http::Request::post(format!("{}/", sandbox.info.endpoint()))
        .header("host", format!("127.0.0.1:{}", sandbox.info.port))
        .header(FORM.0, FORM.1)
        .header("content-encoding", "gzip");
    let mut request = request.body(Full::new(Bytes::from(packed.clone()))).unwrap();
    sandbox.sign(&mut request, "monitoring", &packed, SystemTime::now());
    let refused = send(request).await;
    assert_eq!(refused.status, 413, "{}", refused.body);
}

/// What is announced and never comes is not waited for: the head says enough.
#[tokio::test]
async fn a_large_body_is_refused_before_it_is_sent() {
    let sandbox = Sandbox::start().await;
    let host = format!("127.0.0.1:{}", sandbox.info.port);
    let gigabyte = 1_u64 << 30;
    let unsigned = format!("POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: {gigabyte}\r\n\r\n");
    assert!(sandbox.raw(unsigned.as_bytes()).await.starts_with("HTTP/1.1 403"));

    let head = |key: &str, length: u64| {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{key}/{}/us-east-1/sts/aws4_request", &now[..8]);
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nx-amz-date: {now}\r\ncontent-length: {length}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential={scope}, SignedHeaders=host;x-amz-date, Signature=00\r\n\r\n"
        )
    };
    let unknown = sandbox.raw(head("AKIAUNKNOWN", gigabyte).as_bytes()).await;
    assert!(unknown.contains("InvalidClientTokenId"), "{unknown}");
    let known = sandbox.raw(head(&sandbox.info.access_key_id, 2 << 20).as_bytes()).await;
    assert!(known.starts_with("HTTP/1.1 413"), "{known}");
    let admin = format!("POST /_sandbox/faults HTTP/1.1\r\nhost: {host}\r\ncontent-length: {gigabyte}\r\n\r\n");
    assert!(sandbox.raw(admin.as_bytes()).await.starts_with("HTTP/1.1 403"));
    sandbox.lives().await;
}

#[tokio::test]
async fn nobody_is_answered_in_http_2() {
    let sandbox = Sandbox::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let answer = sandbox.raw(preface).await;
    // An answer of HTTP/2 begins with the length of its settings.
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1"),
        "{:?}",
        answer.as_bytes()
    );
}

/// Open files of this process, which the sandbox is in, and its memory in MiB.
fn holds() -> (usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let memory = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = memory.split(' ').nth(1).unwrap().parse().unwrap();
    (files, (pages * 4096) >> 20)
}

/// `CONFCTL_MUTANTS=100000` for as many.
#[tokio::test]
async fn thousands_of_bad_requests_leave_neither_files_nor_memory_behind() {
    let sandbox = Sandbox::start().await;
    let host = format!("127.0.0.1:{}", sandbox.info.port);
    let key = &sandbox.info.access_key_id;
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope = format!("{key}/{}/us-east-1/sts/aws4_request", &now[..8]);
    let signed = format!(
        "x-amz-date: {now}\r\nauthorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=00\r\n"
    );
    let deep = vec!["a"; 3000].join(".");
    let bad = [
        format!("POST / HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!("GET /bucket/../../x HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nhost: {host}\r\n{signed}content-length: 4\r\n\r\na=b&"),
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\n{signed}content-length: {}\r\n\r\n{deep}",
            deep.len()
        ),
        format!("POST / HTTP/1.1\r\nhost: {host}\r\n{signed}content-length: 9999999\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {host}\r\nx: {}\r\n\r\n", "y".repeat(100_000)),
        "GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\0\0\0\0".to_owned(),
        format!("POST / HTTP/1.1\r\nhost: {host}\r\ncontent-le"),
    ];
    let send = async |number: usize| {
        let request = bad[number % bad.len()].as_bytes();
        // The last is half a head: who sends it goes away.
        if number % bad.len() == bad.len() - 1 {
            let mut stream = TcpStream::connect(("127.0.0.1", sandbox.info.port)).await.unwrap();
            stream.write_all(request).await.unwrap();
        } else {
            sandbox.raw(request).await;
        }
    };
    for number in 0..500 {
        send(number).await;
    }
    let (files, memory) = holds();
    for number in 0..mutants::count(3000) {
        send(number).await;
    }
    until("the end of the last connections", async || holds().0 <= files + 2).await;
    let grown = holds().1.saturating_sub(memory);
    assert!(grown < 16, "{grown} MiB more than after the first 500");
    sandbox.lives().await;
}
