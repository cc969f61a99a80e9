//! A sandbox of its own for each test, and clients for it.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use bytes::Bytes;
use confctl_sandbox::daemon::{self, Info, Options};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_util::sync::CancellationToken;

pub struct Sandbox {
    pub info: Info,
    pub directory: tempfile::TempDir,
    stop: CancellationToken,
}

impl Sandbox {
    /// Runs in this process until it is dropped. Its clock is the fastest there is.
    pub async fn start() -> Self {
        Self::start_with(Options {
            time_scale: 3600.0,
            ..Options::default()
        })
        .await
    }

    pub async fn start_with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let (path, stopped) = (directory.path().to_owned(), stop.clone());
        let daemon = tokio::spawn(async move { daemon::serve_until(&path, options, stopped).await });
        for _ in 0..1000 {
            if let Some(info) = daemon::find(directory.path()).unwrap() {
                return Self { info, directory, stop };
            }
            assert!(!daemon.is_finished(), "the sandbox ended: {:?}", daemon.await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the sandbox is not ready");
    }

    /// What the SDK's clients are made of. Nothing is retried: the first answer is what a test is about.
    pub async fn sdk(&self) -> SdkConfig {
        self.sdk_with(&self.info.secret_access_key).await
    }

    pub async fn sdk_with(&self, secret: &str) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(self.info.endpoint())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new(&self.info.access_key_id, secret, None, None, "test"))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load()
            .await
    }

    /// A request of S3; what is not a letter or digit in `path` is escaped already.
    pub async fn s3(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        send(self.s3_request(method, path, headers, body)).await
    }

    /// As [`Sandbox::s3`], with a change made to it after signing.
    pub async fn s3_tampered(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        tamper: impl FnOnce(&mut http::Request<Full<Bytes>>),
    ) -> Response {
        let mut request = self.s3_request(method, path, &[], body);
        tamper(&mut request);
        send(request).await
    }

    fn s3_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.info.endpoint()))
            .header("host", format!("127.0.0.1:{}", self.info.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        let kind = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
        let signed = match kind {
            Some((_, kind)) => SignableBody::Precomputed((*kind).to_owned()),
            None => SignableBody::Bytes(body),
        };
        self.sign_with(s3_settings(), &mut request, "s3", signed, SystemTime::now());
        request
    }

    /// A link to an object that works for so many seconds.
    pub fn presigned(&self, path: &str, seconds: u64) -> String {
        let mut request = http::Request::builder()
            .uri(format!("{}{path}", self.info.endpoint()))
            .header("host", format!("127.0.0.1:{}", self.info.port))
            .body(Full::default())
            .unwrap();
        let mut settings = s3_settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds));
        self.sign_with(
            settings,
            &mut request,
            "s3",
            SignableBody::UnsignedPayload,
            SystemTime::now(),
        );
        request.uri().to_string()
    }

    /// The lines of the request log.
    pub fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.path().join("requests.jsonl")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// A signed POST to `service`, with a change made to it after signing.
    pub async fn post(
        &self,
        service: &str,
        headers: &[(&str, &str)],
        body: &str,
        tamper: impl FnOnce(&mut http::Request<Full<Bytes>>),
    ) -> Response {
        let mut request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.info.endpoint()))
            .header("host", format!("127.0.0.1:{}", self.info.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        self.sign(&mut request, service, body.as_bytes(), SystemTime::now());
        tamper(&mut request);
        send(request).await
    }

    pub fn sign(&self, request: &mut http::Request<Full<Bytes>>, service: &str, body: &[u8], time: SystemTime) {
        let settings = SigningSettings::default();
        self.sign_with(settings, request, service, SignableBody::Bytes(body), time);
    }

    fn sign_with(
        &self,
        settings: SigningSettings,
        request: &mut http::Request<Full<Bytes>>,
        service: &str,
        body: SignableBody<'_>,
        time: SystemTime,
    ) {
        let identity = Credentials::new(
            &self.info.access_key_id,
            &self.info.secret_access_key,
            None,
            None,
            "test",
        )
        .into();
        let parameters = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let headers = request.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let uri = request.uri().to_string();
        let method = request.method().as_str();
        let signable = SignableRequest::new(method, uri, headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(request);
    }
}

/// S3 wants each byte of a path encoded once, and the body's hash in a header.
fn s3_settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
        // Nobody waits for the daemon here; software that others run is outside of its folder.
        if let Ok(place) = std::fs::read_link(self.directory.path().join("instances/software")) {
            let _ = std::fs::remove_dir_all(place);
        }
    }
}

pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

pub async fn send(request: http::Request<Full<Bytes>>) -> Response {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

pub async fn get(uri: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http::Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::default()).unwrap()).await
}

/// Waits until `probe` says yes.
pub async fn until(what: &str, mut probe: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if probe().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come");
}
