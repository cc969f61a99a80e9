//! Presigned URLs that services of AWS hand out: whoever has one may read that object for a while.
//! Must know nothing of what lies in the object.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};

use crate::world::iam::credentials::Principal;

/// An object to read, and where this sandbox is reached.
pub(crate) struct Object<'a> {
    /// With port.
    pub host: &'a str,
    pub region: &'a str,
    pub bucket: &'a str,
    /// Of characters that stay as they are in a path.
    pub key: &'a str,
}

/// A URL for GetObject, signed now with that access key; `None` where it cannot be signed.
pub(crate) fn get_object(object: &Object, access_key_id: &str, holder: &Principal, life: Duration) -> Option<String> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(life);
    let (secret, token) = (&holder.secret_access_key, holder.session_token.clone());
    let identity = aws_credential_types::Credentials::new(access_key_id, secret, token, None, "sandbox").into();
    let parameters = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region(object.region)
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .ok()?
        .into();
    let uri = format!("http://{}/{}/{}", object.host, object.bucket, object.key);
    let headers = [("host", object.host)];
    let signable = SignableRequest::new("GET", uri.clone(), headers.into_iter(), SignableBody::UnsignedPayload).ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    let mut request = http::Request::get(uri).body(()).ok()?;
    instructions.apply_to_request_http1x(&mut request);
    Some(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::signature::Signature;

    #[test]
    fn what_is_presigned_here_is_believed_here() {
        let object = Object {
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
            let url = get_object(&object, "AKIA", &holder, Duration::from_secs(900)).unwrap();
            let request = http::Request::get(url.trim_start_matches("http://127.0.0.1:4566"))
                .header("host", object.host)
                .body(())
                .unwrap();
            let (parts, ()) = request.into_parts();
            let signature = Signature::read(&parts).unwrap();
            assert_eq!(signature.verify(&parts, b"", "secret"), Ok(()), "{url}");
            assert!(signature.verify(&parts, b"", "other").is_err());
        }
    }
}
