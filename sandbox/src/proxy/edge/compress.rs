//! Compressing what the origin sent uncompressed.
//! Must know nothing of policies: it is told what the viewer takes. Source: CloudFront guide, ServingCompressedFiles.

use std::io::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Sizes that are compressed, in bytes.
const SIZES: std::ops::RangeInclusive<usize> = 1_000..=10_000_000;

/// How hard Brotli tries: quick enough for a page that somebody waits for.
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;

/// Types that are compressed.
const TYPES: &[&str] = &[
    "application/dash+xml",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/javascript",
    "application/json",
    "application/opentype",
    "application/otf",
    "application/pdf",
    "application/pkcs7-mime",
    "application/protobuf",
    "application/rss+xml",
    "application/truetype",
    "application/ttf",
    "application/vnd.apple.mpegurl",
    "application/vnd.mapbox-vector-tile",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/xhtml+xml",
    "application/xml",
    "application/x-font-opentype",
    "application/x-font-truetype",
    "application/x-font-ttf",
    "application/x-httpd-cgi",
    "application/x-javascript",
    "application/x-mpegurl",
    "application/x-opentype",
    "application/x-otf",
    "application/x-perl",
    "application/x-ttf",
    "font/eot",
    "font/opentype",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/js",
    "text/plain",
    "text/richtext",
    "text/tab-separated-values",
    "text/xml",
    "text/x-component",
    "text/x-java-source",
    "text/x-script",
    "vnd.apple.mpegurl",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

/// Whether CloudFront compresses such a response. It must say its length.
pub(super) fn is_compressible(status: StatusCode, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(status.as_u16(), 200 | 403 | 404)
        && length.is_some_and(|length: usize| SIZES.contains(&length))
        && !headers.contains_key(header::CONTENT_ENCODING)
        && TYPES.contains(&kind.as_str())
}

/// The body compressed, with headers to match: a strong ETag becomes a weak one, an invalid one goes.
pub(super) async fn compress(headers: &mut HeaderMap, body: Bytes, encoding: Encoding) -> Bytes {
    let plain = body.clone();
    let packed = tokio::task::spawn_blocking(move || pack(&plain, encoding)).await;
    let Ok(Ok(packed)) = packed else { return body };
    let name = match encoding {
        Encoding::Brotli => "br",
        Encoding::Gzip => "gzip",
    };
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(packed.len()));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(etag) = headers.remove(header::ETAG)
        && let Some(weak) = weaken(&etag)
    {
        headers.insert(header::ETAG, weak);
    }
    packed
}

fn weaken(etag: &HeaderValue) -> Option<HeaderValue> {
    match etag.as_bytes() {
        [b'W', b'/', ..] => Some(etag.clone()),
        strong @ [b'"', ..] => HeaderValue::from_bytes(&[b"W/", strong].concat()).ok(),
        _ => None,
    }
}

fn pack(plain: &[u8], encoding: Encoding) -> std::io::Result<Bytes> {
    let packed = Vec::with_capacity(plain.len() / 2);
    let packed = match encoding {
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::default());
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Encoding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(packed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
            encoder.write_all(plain)?;
            encoder.into_inner()
        }
    };
    Ok(packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(length: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert("content-length", HeaderValue::from(length));
        headers
    }

    #[test]
    fn text_of_a_known_and_middling_length_is_compressed() {
        assert!(is_compressible(StatusCode::OK, &page(1_000)));
        assert!(!is_compressible(StatusCode::OK, &page(999)));
        assert!(!is_compressible(StatusCode::OK, &page(10_000_001)));
        assert!(!is_compressible(StatusCode::INTERNAL_SERVER_ERROR, &page(5_000)));
        let mut unknown = page(5_000);
        unknown.remove("content-length");
        assert!(!is_compressible(StatusCode::OK, &unknown));
        let mut packed = page(5_000);
        packed.insert("content-encoding", HeaderValue::from_static("identity"));
        assert!(!is_compressible(StatusCode::OK, &packed));
        let mut image = page(5_000);
        image.insert("content-type", HeaderValue::from_static("image/png"));
        assert!(!is_compressible(StatusCode::OK, &image));
    }

    #[tokio::test]
    async fn an_etag_is_weak_after_compression() {
        let body = Bytes::from("a".repeat(5_000));
        for (sent, left) in [
            ("\"v1\"", Some("W/\"v1\"")),
            ("W/\"v1\"", Some("W/\"v1\"")),
            ("v1", None),
        ] {
            let mut headers = page(5_000);
            headers.insert("etag", HeaderValue::from_static(sent));
            let packed = compress(&mut headers, body.clone(), Encoding::Gzip).await;
            assert!(packed.len() < 100);
            assert_eq!(headers.get("etag").map(|etag| etag.to_str().unwrap()), left);
            assert_eq!(headers["content-length"], packed.len().to_string().as_str());
        }
    }
}
