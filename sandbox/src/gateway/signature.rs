//! Signature Version 4: who signed a request, and whether the signature is theirs. Verified by signing again.
//! Must know nothing of services beyond S3's dialect of the canonical request, which has its own path rules.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use http::request::Parts;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::protocols::call::header;

/// How far a request's date may be from now; AWS's limit.
const TOLERANCE: Duration = Duration::from_secs(15 * 60);
/// AWS's longest life of a presigned URL: seven days.
const LONGEST_PRESIGNED: u64 = 7 * 24 * 3600;
/// What S3 takes for the hash of a body that the signature does not cover, or covers chunk by chunk (S3 API reference,
/// sigv4-auth-using-authorization-header); asymmetric signatures (ECDSA) are not verified here.
const PAYLOADS: [&str; 4] = [
    "UNSIGNED-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
];
/// The query parameters that presigning adds.
const PRESIGNED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// Why a request is not believed. What code that becomes depends on the protocol.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Distrust {
    #[error("Missing Authentication Token")]
    Unsigned,
    #[error(
        "This is a Signature Version 2 request, which the sandbox does not verify. Presign with Signature Version 4 \
         (boto3: Config(signature_version='s3v4'))"
    )]
    Version2,
    #[error("The authorization is malformed: {0}")]
    Malformed(String),
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    BodyMismatch,
    /// In S3's words; the sandbox adds which (S3 has an element of its own for that: soto-project/soto#374).
    #[error("There were headers present in the request which were not signed (HeadersNotSigned: {0})")]
    NotSigned(String),
    /// versity/versitygw#1352.
    #[error("x-amz-content-sha256 must be {}, or a valid sha256 value.", PAYLOADS.join(", "))]
    UnknownPayload,
    #[error("Missing required header for this request: x-amz-content-sha256")]
    NoPayload,
    #[error("Signature expired: {0} is not within 15 minutes of the sandbox's real time")]
    Skewed(String),
    #[error("Request has expired")]
    Expired,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

/// What a request says of who signed it and how.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub access_key_id: String,
    /// `20261124`.
    day: String,
    pub region: String,
    pub service: String,
    headers: Vec<String>,
    pub signature: String,
    /// `20261124T070000Z`.
    pub date: String,
    /// Seconds that a presigned URL lives; `None` for a signature in the header.
    expires: Option<u64>,
    pub token: Option<String>,
}

impl Signature {
    /// Reads the signature off the header or the query string.
    pub(crate) fn read(parts: &Parts) -> Result<Self, Distrust> {
        let signature = match header(&parts.headers, "authorization") {
            Some(value) if value.starts_with("AWS ") => Err(Distrust::Version2),
            Some(value) => Self::from_header(value, &parts.headers),
            None => Self::from_query(&parts.uri),
        }?;
        signature.must_cover_all(&parts.headers)?;
        Ok(signature)
    }

    fn from_header(value: &str, headers: &HeaderMap) -> Result<Self, Distrust> {
        let fields = value
            .strip_prefix("AWS4-HMAC-SHA256")
            .ok_or_else(|| Distrust::Malformed("the algorithm is not AWS4-HMAC-SHA256".to_owned()))?;
        let field = |name: &str| {
            fields
                .split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
                .ok_or_else(|| Distrust::Malformed(format!("'{name}' is missing")))
        };
        let date = header(headers, "x-amz-date")
            .ok_or_else(|| Distrust::Malformed("the header 'x-amz-date' is missing".to_owned()))?;
        let token = header(headers, "x-amz-security-token").map(str::to_owned);
        let signature = Self::new(
            field("Credential")?,
            field("SignedHeaders")?,
            field("Signature")?,
            date,
            token,
            None,
        )?;
        signature.must_cover("x-amz-date")?;
        if signature.token.is_some() {
            signature.must_cover("x-amz-security-token")?;
        }
        Ok(signature)
    }

    fn from_query(uri: &Uri) -> Result<Self, Distrust> {
        let parameters: Vec<(String, String)> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let parameter = |name: &str| {
            parameters
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        if parameter("AWSAccessKeyId").is_some() {
            return Err(Distrust::Version2);
        }
        let credential = parameter("X-Amz-Credential").ok_or(Distrust::Unsigned)?;
        let needed = |name: &str| parameter(name).ok_or_else(|| Distrust::Malformed(format!("'{name}' is missing")));
        if needed("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
            return Err(Distrust::Malformed(
                "X-Amz-Algorithm is not AWS4-HMAC-SHA256".to_owned(),
            ));
        }
        let expires = needed("X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|seconds| (1..=LONGEST_PRESIGNED).contains(seconds))
            .ok_or_else(|| Distrust::Malformed("X-Amz-Expires is not between 1 and 604800".to_owned()))?;
        Self::new(
            credential,
            needed("X-Amz-SignedHeaders")?,
            needed("X-Amz-Signature")?,
            needed("X-Amz-Date")?,
            parameter("X-Amz-Security-Token").map(str::to_owned),
            Some(expires),
        )
    }

    fn new(
        credential: &str,
        headers: &str,
        signature: &str,
        date: &str,
        token: Option<String>,
        expires: Option<u64>,
    ) -> Result<Self, Distrust> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(Distrust::Malformed(format!(
                "the credential '{credential}' has no scope"
            )));
        };
        // `20261124`: without a day, the date would begin with it.
        if day.len() != 8 || !date.starts_with(day) {
            return Err(Distrust::Malformed(
                "the date differs from the credential's scope".to_owned(),
            ));
        }
        let read = Self {
            access_key_id: access_key_id.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            headers: headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature: signature.to_owned(),
            date: date.to_owned(),
            expires,
            token,
        };
        read.must_cover("host")?;
        Ok(read)
    }

    fn must_cover(&self, name: &str) -> Result<(), Distrust> {
        if self.headers.iter().any(|header| header == name) {
            return Ok(());
        }
        Err(Distrust::Malformed(format!("'{name}' must be a signed header")))
    }

    /// Each header that decides something must be signed, or whoever is in between could add it (IAM user guide,
    /// reference_sigv-create-signed-request). S3 leaves one out (demarche-numerique/ds_proxy#164): what it says is compared with the body.
    fn must_cover_all(&self, headers: &HeaderMap) -> Result<(), Distrust> {
        let names = headers.keys().map(http::HeaderName::as_str);
        let mut loose = names.filter(|name| {
            name.starts_with("x-amz-")
                && *name != "x-amz-content-sha256"
                && !self.headers.iter().any(|header| header == name)
        });
        match loose.next() {
            Some(name) => Err(Distrust::NotSigned(name.to_owned())),
            None => Ok(()),
        }
    }

    pub(crate) fn is_presigned(&self) -> bool {
        self.expires.is_some()
    }

    /// `20261124/us-east-1/s3/aws4_request`.
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day, self.region, self.service)
    }

    /// When it was signed.
    fn timestamp(&self) -> Result<Timestamp, Distrust> {
        let malformed = || Distrust::Malformed(format!("'{}' is not a date", self.date));
        let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", &self.date).map_err(|_| malformed())?;
        TimeZone::UTC.to_timestamp(civil).map_err(|_| malformed())
    }

    /// As [`Signature::timestamp`], in the form that signing takes.
    pub(crate) fn time(&self) -> Result<SystemTime, Distrust> {
        let seconds = u64::try_from(self.timestamp()?.as_second()).unwrap_or_default();
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// What can be told before the body is read: whether it was signed just now, and says what of its body is signed.
    pub(crate) fn verify_head(&self, headers: &HeaderMap) -> Result<(), Distrust> {
        self.verify_time()?;
        if self.service != "s3" || self.is_presigned() {
            return Ok(());
        }
        let said = header(headers, "x-amz-content-sha256").ok_or(Distrust::NoPayload)?;
        let is_hash = said.len() == 64 && said.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_hash || PAYLOADS.contains(&said) {
            true => Ok(()),
            false => Err(Distrust::UnknownPayload),
        }
    }

    /// Whether the request was signed with this secret, for this body, just now.
    pub(crate) fn verify(&self, parts: &Parts, body: &[u8], secret: &str) -> Result<(), Distrust> {
        self.verify_head(&parts.headers)?;
        let payload = self.payload(&parts.headers, body)?;
        let calculated = self.calculate(parts, payload, secret)?;
        if same(calculated.as_bytes(), self.signature.as_bytes()) {
            Ok(())
        } else {
            Err(Distrust::Mismatch)
        }
    }

    fn verify_time(&self) -> Result<(), Distrust> {
        let age = Timestamp::now().duration_since(self.timestamp()?);
        let tolerance = jiff::SignedDuration::from_secs(TOLERANCE.as_secs() as i64);
        if age < -tolerance || (self.expires.is_none() && age > tolerance) {
            return Err(Distrust::Skewed(self.date.clone()));
        }
        match self.expires {
            Some(seconds) if age.as_secs() > seconds as i64 => Err(Distrust::Expired),
            _ => Ok(()),
        }
    }

    /// What the signature covers of the body, after the body was compared with it.
    fn payload<'a>(&self, headers: &HeaderMap, body: &'a [u8]) -> Result<SignableBody<'a>, Distrust> {
        if self.is_presigned() {
            // Only S3 leaves the body of a presigned request open.
            let open = self.service == "s3";
            return Ok(if open {
                SignableBody::UnsignedPayload
            } else {
                SignableBody::Bytes(body)
            });
        }
        match header(headers, "x-amz-content-sha256") {
            None => Ok(SignableBody::Bytes(body)),
            Some(special) if self.service == "s3" && PAYLOADS.contains(&special) => {
                Ok(SignableBody::Precomputed(special.to_owned()))
            }
            Some(hash) if hash.eq_ignore_ascii_case(&hex::encode(Sha256::digest(body))) => {
                Ok(SignableBody::Precomputed(hash.to_owned()))
            }
            Some(_) => Err(Distrust::BodyMismatch),
        }
    }

    fn calculate(&self, parts: &Parts, payload: SignableBody<'_>, secret: &str) -> Result<String, Distrust> {
        let identity =
            aws_credential_types::Credentials::new(&self.access_key_id, secret, self.token.clone(), None, "request")
                .into();
        let parameters = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(self.time()?)
            .settings(self.settings())
            .build()
            .map_err(|error| Distrust::Malformed(error.to_string()))?
            .into();
        let added_by_signing = |name: &str| name == "x-amz-date" || name == "x-amz-security-token";
        let mut covered = Vec::new();
        for name in self.headers.iter().filter(|name| !added_by_signing(name)) {
            for value in parts.headers.get_all(name.as_str()) {
                covered.push((name.as_str(), value.to_str().map_err(|_| Distrust::Mismatch)?));
            }
        }
        let uri = signable_uri(parts)?;
        let request = SignableRequest::new(parts.method.as_str(), uri, covered.into_iter(), payload)
            .map_err(|error| Distrust::Malformed(error.to_string()))?;
        let (_, signature) = sign(request, &parameters)
            .map_err(|error| Distrust::Malformed(error.to_string()))?
            .into_parts();
        Ok(signature)
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.excluded_headers = None;
        if self.service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        settings.signature_location = SignatureLocation::Headers;
        if let Some(seconds) = self.expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        settings
    }
}

/// The URI as it was before signing added its parameters.
fn signable_uri(parts: &Parts) -> Result<String, Distrust> {
    let host = header(&parts.headers, "host").ok_or_else(|| Distrust::Malformed("no Host".to_owned()))?;
    let kept: Vec<&str> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !PRESIGNED.contains(&name)
        })
        .collect();
    let separator = if kept.is_empty() { "" } else { "?" };
    Ok(format!(
        "http://{host}{}{separator}{}",
        parts.uri.path(),
        kept.join("&")
    ))
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocols::presign;
    use crate::world::iam::credentials::Principal;

    fn parts(uri: &str, authorization: &str, date: &str) -> Option<Parts> {
        let request = http::Request::builder().uri(uri).header("host", "127.0.0.1:4566");
        let request = request
            .header("authorization", authorization)
            .header("x-amz-date", date)
            .body(())
            .ok()?;
        Some(request.into_parts().0)
    }

    fn read(headers: &str) -> Result<Signature, Distrust> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/sts/aws4_request, SignedHeaders={headers}, Signature=00"
        );
        Signature::read(&parts("/", &authorization, "20261124T070000Z").unwrap())
    }

    #[test]
    fn host_and_date_must_be_covered() {
        let signature = read("host;x-amz-date").unwrap();
        assert_eq!(signature.scope(), "20261124/us-east-1/sts/aws4_request");
        for headers in ["x-amz-date", "host", "hosts;x-amz-date", ""] {
            assert!(matches!(read(headers), Err(Distrust::Malformed(_))), "{headers}");
        }
    }

    #[test]
    fn the_scope_must_be_of_the_requests_day() {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/sts/aws4_request, \
                             SignedHeaders=host;x-amz-date, Signature=00";
        let request = parts("/", authorization, "20261124T070000Z").unwrap();
        assert!(matches!(Signature::read(&request), Err(Distrust::Malformed(_))));
    }

    #[test]
    fn version_2_is_named() {
        let presigned = http::Request::builder()
            .uri("/b/k?AWSAccessKeyId=A&Signature=x&Expires=1")
            .body(())
            .unwrap();
        assert!(matches!(
            Signature::read(&presigned.into_parts().0),
            Err(Distrust::Version2)
        ));
        assert!(matches!(
            Signature::read(&parts("/", "AWS A:b", "x").unwrap()),
            Err(Distrust::Version2)
        ));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,80}", date in "[ -~]{0,20}") {
            if let Some(request) = parts("/?X-Amz-Credential=a", &authorization, &date)
                && let Ok(signature) = Signature::read(&request)
            {
                prop_assert!(signature.verify(&request, b"", "secret").is_err());
            }
        }

        #[test]
        fn no_query_makes_it_panic(query in "[a-zA-Z0-9=&%/;-]{0,200}") {
            let uri = format!("/?X-Amz-Credential=a/20261124/r/s3/aws4_request&X-Amz-Algorithm=AWS4-HMAC-SHA256&{query}");
            if let Ok(request) = http::Request::builder().uri(uri).body(()) {
                let _ = Signature::read(&request.into_parts().0);
            }
        }
    }

    #[test]
    fn what_is_presigned_here_is_believed_here() {
        let object = presign::Object {
            host: "127.0.0.1:4566",
            region: "us-east-1",
            bucket: "b",
            key: "resources/environments/logs/tail/e-1/i-1/TailLogs-1.txt",
        };
        for token in [None, Some("token".to_owned())] {
            let holder = Principal {
                arn: "arn:aws:iam::123456789012:user/sandbox".to_owned(),
                secret_access_key: "secret".to_owned(),
                session_token: token,
                expires: None,
            };
            let url = presign::get_object(&object, "AKIA", &holder, Duration::from_secs(900)).unwrap();
            let request = http::Request::get(url.trim_start_matches("http://127.0.0.1:4566"))
                .header("host", object.host)
                .body(())
                .unwrap();
            let (parts, ()) = request.into_parts();
            let signature = Signature::read(&parts).unwrap();
            assert_eq!(signature.verify(&parts, b"", "secret"), Ok(()), "{url}");
            assert_eq!(signature.verify(&parts, b"", "other"), Err(Distrust::Mismatch));
        }
    }
}
