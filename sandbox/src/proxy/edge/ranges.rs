//! Parts of a response: `Range` and what answers it.
//! Must know nothing of where the whole came from. Source: CloudFront guide, RangeGETs; RFC 9110, 14.

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Between the parts of an answer to several ranges.
const BOUNDARY: &str = "CloudFront_sandbox_boundary";

/// What becomes of a whole response for a viewer that asks for parts of it.
pub(super) enum Parts {
    /// Ranges that make no sense, are not in ascending order or overlap get the whole.
    Whole,
    Some(Vec<RangeInclusive<usize>>),
    /// None of it lies within the response.
    None,
}

/// Reads `Range` for a response of `length` bytes.
pub(super) fn parts(range: &str, length: usize) -> Parts {
    let Some(list) = range.trim().strip_prefix("bytes=") else {
        return Parts::Whole;
    };
    let mut read = Vec::new();
    for one in list.split(',') {
        let Some((first, last)) = one.trim().split_once('-') else {
            return Parts::Whole;
        };
        let range = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last => Some((first, last.min(length.saturating_sub(1)))),
            (Ok(first), Err(_)) if last.is_empty() => Some((first, length.saturating_sub(1))),
            (Err(_), Ok(last)) if first.is_empty() => Some((length.saturating_sub(last), length.saturating_sub(1))),
            _ => return Parts::Whole,
        };
        read.extend(range.filter(|(first, last)| *first < length && first <= last));
    }
    if read.is_empty() {
        return Parts::None;
    }
    if read.windows(2).any(|pair| pair[1].0 <= pair[0].1) {
        return Parts::Whole;
    }
    Parts::Some(read.into_iter().map(|(first, last)| first..=last).collect())
}

/// Cuts the parts out of a body, and says so in the headers.
pub(super) fn cut(headers: &mut HeaderMap, body: &Bytes, parts: &[RangeInclusive<usize>]) -> (StatusCode, Bytes) {
    let said = |part: &RangeInclusive<usize>| format!("bytes {}-{}/{}", part.start(), part.end(), body.len());
    let cut = match parts {
        [one] => {
            set(headers, header::CONTENT_RANGE, &said(one));
            body.slice(one.clone())
        }
        several => {
            let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let kind = kind.unwrap_or("application/octet-stream").to_owned();
            let mut whole = BytesMut::new();
            for part in several {
                let head = format!(
                    "\r\n--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Range: {}\r\n\r\n",
                    said(part)
                );
                whole.extend_from_slice(head.as_bytes());
                whole.extend_from_slice(&body[part.clone()]);
            }
            whole.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
            set(
                headers,
                header::CONTENT_TYPE,
                &format!("multipart/byteranges; boundary={BOUNDARY}"),
            );
            whole.freeze()
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(cut.len()));
    (StatusCode::PARTIAL_CONTENT, cut)
}

/// The answer where no range lies within the response.
pub(super) fn unsatisfiable(headers: &mut HeaderMap, length: usize) -> StatusCode {
    set(headers, header::CONTENT_RANGE, &format!("bytes */{length}"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    StatusCode::RANGE_NOT_SATISFIABLE
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(range: &str) -> Option<Vec<(usize, usize)>> {
        match parts(range, 100) {
            Parts::Whole => None,
            Parts::None => Some(Vec::new()),
            Parts::Some(parts) => Some(parts.iter().map(|part| (*part.start(), *part.end())).collect()),
        }
    }

    #[test]
    fn ranges_are_from_first_to_last_or_from_the_end() {
        assert_eq!(ranges("bytes=0-9"), Some(vec![(0, 9)]));
        assert_eq!(ranges("bytes=90-"), Some(vec![(90, 99)]));
        assert_eq!(ranges("bytes=-5"), Some(vec![(95, 99)]));
        assert_eq!(ranges("bytes=50-200"), Some(vec![(50, 99)]));
        assert_eq!(ranges("bytes=0-9, 20-29"), Some(vec![(0, 9), (20, 29)]));
    }

    #[test]
    fn what_does_not_ascend_or_overlaps_gets_the_whole() {
        for wrong in [
            "bytes=30-39,10-19",
            "bytes=10-20,15-30",
            "bytes=9-0",
            "bytes=-",
            "items=0-1",
            "bytes=a-b",
        ] {
            assert_eq!(ranges(wrong), None, "{wrong}");
        }
        assert_eq!(ranges("bytes=100-"), Some(Vec::new()));
    }
}
