//! The checksums of uploads, `x-amz-checksum-…`.
//! Must know nothing of framing, signatures or objects.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::world::Refusal;

/// Of the checksums that S3 takes, those that are known here.
pub(crate) const ALGORITHMS: &[&str] = &["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// Compares the checksum headers of an upload (`x-amz-checksum-crc32`, …) with its bytes.
///
/// # Errors
/// `BadDigest` where they differ.
pub(crate) fn check_headers(headers: &HeaderMap, content: &[u8]) -> Result<(), Refusal> {
    for (name, value) in headers {
        // Others are no checksum, or one that the operation's table refuses.
        let is_known = |one: &&str| name.as_str().strip_prefix("x-amz-checksum-") == Some(one);
        if ALGORITHMS.iter().any(is_known) {
            check(name.as_str(), value.to_str().unwrap_or_default(), content)?;
        }
    }
    Ok(())
}

/// # Errors
/// `BadDigest` where the bytes have another sum than the header or trailer of that name says.
pub(crate) fn check(name: &str, value: &str, content: &[u8]) -> Result<(), Refusal> {
    let algorithm = name.strip_prefix("x-amz-checksum-").unwrap_or_default();
    let sum = sum_of(algorithm, content).ok_or_else(|| {
        let text = format!("The sandbox does not know the checksum algorithm '{algorithm}'");
        Refusal::new("InvalidRequest", text)
    })?;
    if sum == value {
        return Ok(());
    }
    Err(Refusal::new(
        "BadDigest",
        format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.to_uppercase()
        ),
    ))
}

/// A checksum as S3 writes it; `None` where the algorithm is not known here.
pub(crate) fn sum_of(algorithm: &str, content: &[u8]) -> Option<String> {
    let sum = match algorithm {
        "crc32" => crc32(CrcAlgorithm::Crc32IsoHdlc, content),
        "crc32c" => crc32(CrcAlgorithm::Crc32Iscsi, content),
        "crc64nvme" => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, content)
            .to_be_bytes()
            .to_vec(),
        "sha256" => Sha256::digest(content).to_vec(),
        "sha1" => digest(&SHA1_FOR_LEGACY_USE_ONLY, content).as_ref().to_vec(),
        _ => return None,
    };
    Some(BASE64.encode(sum))
}

fn crc32(algorithm: CrcAlgorithm, content: &[u8]) -> Vec<u8> {
    (crc_fast::checksum(algorithm, content) as u32).to_be_bytes().to_vec()
}
