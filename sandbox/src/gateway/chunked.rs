//! `Content-Encoding: aws-chunked`: takes the framing off an upload and checks what it promises.
//! Must know nothing of objects; S3 sees only the bytes that come out of here.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::signature::{Signature, same};
use crate::protocols::call::header;
use crate::protocols::checksums;
use crate::world::Refusal;

/// Whether the body of a request with these headers is framed.
pub(crate) fn is_framed(headers: &HeaderMap) -> bool {
    header(headers, "x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"))
}

/// The bytes inside the framing. Checks the chunks' signatures, the announced length and the checksum.
///
/// # Errors
/// AWS's refusal of each of these.
pub(crate) fn decode(headers: &HeaderMap, body: &[u8], signature: &Signature, secret: &str) -> Result<Bytes, Refusal> {
    let kind = header(headers, "x-amz-content-sha256").unwrap_or_default();
    let mut chain = kind
        .starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        .then(|| Chain::new(signature, secret))
        .transpose()?;
    let mut rest = body;
    let mut content = BytesMut::with_capacity(body.len());
    loop {
        let (size, chunk_signature) = chunk_header(line(&mut rest)?)?;
        let data = take(&mut rest, size)?;
        if let Some(chain) = &mut chain {
            chain.next(&chunk_signature, "PAYLOAD", &[&hex_hash(b""), &hex_hash(data)])?;
        }
        if size == 0 {
            break;
        }
        content.extend_from_slice(data);
        take(&mut rest, 2)?;
    }
    let trailers = trailers(&mut rest, chain.as_mut().filter(|_| kind.ends_with("-TRAILER")))?;
    let content = content.freeze();
    check_length(headers, content.len())?;
    for (name, value) in &trailers {
        checksums::check(name, value, &content)?;
    }
    Ok(content)
}

fn check_length(headers: &HeaderMap, length: usize) -> Result<(), Refusal> {
    match header(headers, "x-amz-decoded-content-length") {
        Some(announced) if announced.parse() != Ok(length) => Err(Refusal::new(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header",
        )),
        Some(_) => Ok(()),
        None => Err(Refusal::with_status(
            411,
            "MissingContentLength",
            "You must provide the x-amz-decoded-content-length HTTP header.",
        )),
    }
}

/// The chunks' signatures: each covers the one before.
struct Chain {
    key: Vec<u8>,
    date: String,
    scope: String,
    previous: String,
}

impl Chain {
    fn new(signature: &Signature, secret: &str) -> Result<Self, Refusal> {
        let time = signature.time().map_err(|error| malformed(&error.to_string()))?;
        let key = generate_signing_key(secret, time, &signature.region, &signature.service);
        Ok(Self {
            key: key.as_ref().to_vec(),
            date: signature.date.clone(),
            scope: signature.scope(),
            previous: signature.signature.clone(),
        })
    }

    fn next(&mut self, claimed: &str, kind: &str, hashes: &[&str]) -> Result<(), Refusal> {
        let text = format!(
            "AWS4-HMAC-SHA256-{kind}\n{}\n{}\n{}\n{}",
            self.date,
            self.scope,
            self.previous,
            hashes.join("\n")
        );
        self.previous = calculate_signature(&self.key, text.as_bytes());
        if same(self.previous.as_bytes(), claimed.as_bytes()) {
            return Ok(());
        }
        Err(Refusal::with_status(
            403,
            "SignatureDoesNotMatch",
            "The signature of a chunk does not match the signature that was calculated.",
        ))
    }
}

/// `SIZE` or `SIZE;chunk-signature=SIGNATURE`.
fn chunk_header(line: &str) -> Result<(usize, String), Refusal> {
    let (size, extension) = line.split_once(';').unwrap_or((line, ""));
    let size = usize::from_str_radix(size.trim(), 16).map_err(|_| malformed("a chunk has no size"))?;
    let signature = extension.strip_prefix("chunk-signature=").unwrap_or_default();
    Ok((size, signature.to_owned()))
}

/// The checksums after the last chunk, without the signature that covers them.
fn trailers(rest: &mut &[u8], chain: Option<&mut Chain>) -> Result<Vec<(String, String)>, Refusal> {
    let mut found = Vec::new();
    let mut signature = String::new();
    while !rest.is_empty() {
        let line = line(rest)?;
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.trim().to_ascii_lowercase() {
            name if name == "x-amz-trailer-signature" => signature = value.trim().to_owned(),
            name => found.push((name, value.trim().to_owned())),
        }
    }
    if let Some(chain) = chain {
        let canonical: String = found.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        chain.next(&signature, "TRAILER", &[&hex_hash(canonical.as_bytes())])?;
    }
    Ok(found)
}

fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Refusal> {
    let all: &'a [u8] = rest;
    let end = all
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .ok_or_else(|| malformed("a line does not end"))?;
    *rest = &all[end + 2..];
    std::str::from_utf8(&all[..end]).map_err(|_| malformed("a line is not text"))
}

fn take<'a>(rest: &mut &'a [u8], size: usize) -> Result<&'a [u8], Refusal> {
    let all: &'a [u8] = rest;
    let (taken, left) = all
        .split_at_checked(size)
        .ok_or_else(|| Refusal::new("IncompleteBody", "The request body terminated unexpectedly"))?;
    *rest = left;
    Ok(taken)
}

fn hex_hash(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

fn malformed(what: &str) -> Refusal {
    Refusal::new("InvalidRequest", format!("The aws-chunked body is malformed: {what}"))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use crc_fast::CrcAlgorithm;
    use proptest::prelude::*;

    use super::*;

    fn signature() -> Signature {
        let request = http::Request::builder()
            .uri("/bucket/key")
            .header("host", "127.0.0.1:4566")
            .header("x-amz-date", "20261124T070000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=00",
            )
            .body(())
            .unwrap();
        Signature::read(&request.into_parts().0).unwrap()
    }

    fn headers(kind: &str, length: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-content-sha256", kind.parse().unwrap());
        headers.insert("x-amz-decoded-content-length", length.to_string().parse().unwrap());
        headers
    }

    #[test]
    fn an_unsigned_upload_with_a_checksum_comes_out_without_its_framing() {
        let body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        let headers = headers("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11);
        let content = decode(&headers, body, &signature(), "secret").unwrap();
        assert_eq!(content, "hello world");
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let body = b"5\r\nhellO\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        let headers = headers("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11);
        assert_eq!(
            decode(&headers, body, &signature(), "secret").unwrap_err().code,
            "BadDigest"
        );
    }

    #[test]
    fn a_cut_off_upload_is_refused() {
        let headers = headers("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11);
        for (body, code, text) in [
            (&b"5\r\nhel"[..], "IncompleteBody", "terminated unexpectedly"),
            (b"5\r\nhello\r\n", "InvalidRequest", "a line does not end"),
            (b"zz\r\n", "InvalidRequest", "a chunk has no size"),
            (b"", "InvalidRequest", "a line does not end"),
        ] {
            let refused = decode(&headers, body, &signature(), "secret").unwrap_err();
            assert_eq!(refused.code, code);
            assert!(refused.message.contains(text), "{}", refused.message);
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>, trailer: bool) {
            let kind = if trailer { "STREAMING-UNSIGNED-PAYLOAD-TRAILER" } else { "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" };
            let _ = decode(&headers(kind, 0), &body, &signature(), "secret");
        }

        #[test]
        fn whatever_was_framed_comes_out(content: Vec<u8>, size in 1..70_usize) {
            let mut body = Vec::new();
            for chunk in content.chunks(size) {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            let sum = BASE64.encode(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, &content).to_be_bytes());
            body.extend_from_slice(format!("0\r\nx-amz-checksum-crc64nvme:{sum}\r\n\r\n").as_bytes());
            let headers = headers("STREAMING-UNSIGNED-PAYLOAD-TRAILER", content.len());
            prop_assert_eq!(decode(&headers, &body, &signature(), "secret").unwrap(), content);
        }
    }

    /// AWS's own example of a signed upload in chunks, with and without a signed trailer.
    /// Source: the S3 API reference's sigv4-streaming and sigv4-streaming-trailers.
    #[test]
    fn awss_own_examples_of_signed_chunks_come_out() {
        let seeded = |seed: &str| {
            let request = http::Request::builder()
                .uri("/examplebucket/chunkObject.txt")
                .header("host", "s3.amazonaws.com")
                .header("x-amz-date", "20130524T000000Z")
                .header(
                    "authorization",
                    format!(
                        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature={seed}"
                    ),
                );
            Signature::read(&request.body(()).unwrap().into_parts().0).unwrap()
        };
        let framed = |signatures: [&str; 3], trailer: &str| {
            let [first, second, last] = signatures;
            let (long, short) = ("a".repeat(65_536), "a".repeat(1024));
            format!(
                "10000;chunk-signature={first}\r\n{long}\r\n400;chunk-signature={second}\r\n{short}\r\n\
                 0;chunk-signature={last}\r\n{trailer}\r\n"
            )
        };
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let plain = framed(
            [
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ],
            "",
        );
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let kind = headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 66_560);
        let content = decode(&kind, plain.as_bytes(), &seeded(seed), secret).unwrap();
        assert_eq!(content, "a".repeat(66_560));
        let with_trailer = framed(
            [
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ],
            "x-amz-checksum-crc32c:sOO8/Q==\r\n\
             x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
        );
        let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
        let kind = headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 66_560);
        let content = decode(&kind, with_trailer.as_bytes(), &seeded(seed), secret).unwrap();
        assert_eq!(content, "a".repeat(66_560));
    }

    #[test]
    fn a_signed_upload_with_a_changed_chunk_is_refused() {
        let body = b"5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n";
        let headers = headers("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 5);
        let refusal = decode(&headers, body, &signature(), "secret").unwrap_err();
        assert_eq!(refusal.code, "SignatureDoesNotMatch");
    }
}
