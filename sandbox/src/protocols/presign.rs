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
