//! People at a site that speaks TLS, by an authority of its own: what they speak with it, and whom they trust.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;

use crate::addresses::Addresses;
use crate::{Coming, Load, Measured, Site, run};

const PAGE: &str = r#"<link rel="stylesheet" href="/style.css"><form action="/take-part" method="post"></form>"#;

/// A site on this machine.
struct Server {
    url: String,
    /// The authority that its certificate is of.
    authority: String,
    seen: Arc<Seen>,
}

/// What it was asked for.
#[derive(Default)]
struct Seen {
    registered: AtomicU64,
    /// Requests by HTTP/2, and by HTTP/1.1.
    http2: AtomicU64,
    http1: AtomicU64,
}

impl Server {
    /// One that speaks these protocols.
    async fn start(protocols: &[&[u8]]) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["site.localhost".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &authority).unwrap();
        let acceptor = acceptor(certificate.der().clone(), &key, protocols);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        tokio::spawn(serve(listener, acceptor, seen.clone()));
        Self {
            url: format!("https://site.localhost:{port}"),
            authority: authority.pem(),
            seen,
        }
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair, protocols: &[&[u8]]) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Seen>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        tokio::spawn(async move {
            // Whoever does not trust the certificate hangs up.
            let Ok(socket) = acceptor.accept(socket).await else {
                return;
            };
            let is_http2 = socket.get_ref().1.alpn_protocol() == Some(b"h2");
            let socket = TokioIo::new(socket);
            let answers = service_fn(move |request| answer(request, seen.clone()));
            let _ = match is_http2 {
                true => {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    server.serve_connection(socket, answers).await
                }
                false => {
                    let server = hyper::server::conn::http1::Builder::new();
                    server.serve_connection(socket, answers).await
                }
            };
        });
    }
}

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Full<Bytes>>, Infallible> {
    let by = match request.version() {
        Version::HTTP_2 => &seen.http2,
        _ => &seen.http1,
    };
    by.fetch_add(1, Ordering::Relaxed);
    // By HTTP/2 the host is part of the address.
    let of_address = request.uri().authority().map(ToString::to_string);
    let of_header = request
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok().map(str::to_owned));
    let is_named = of_address
        .or(of_header)
        .is_some_and(|host| host.starts_with("site.localhost:"));
    let (status, body) = match (request.method().clone(), request.uri().path()) {
        _ if !is_named => (StatusCode::MISDIRECTED_REQUEST, ""),
        (Method::GET, "/") => (StatusCode::OK, PAGE),
        (Method::GET, "/style.css") => (StatusCode::OK, "body {}"),
        (Method::POST, "/take-part") => {
            let body = request
                .into_body()
                .collect()
                .await
                .map(|body| body.to_bytes())
                .unwrap_or_default();
            let is_ours = serde_json::from_slice::<serde_json::Value>(&body)
                .is_ok_and(|body| body["email"].as_str().is_some_and(crate::addresses::is_generated));
            seen.registered.fetch_add(u64::from(is_ours), Ordering::Relaxed);
            (StatusCode::CREATED, "{}")
        }
        _ => (StatusCode::NOT_FOUND, ""),
    };
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    Ok(answer)
}

/// Twenty people who trust these authorities beside the system's, and who wait so long in vain.
async fn twenty_people(server: &Server, trusted: Option<&str>, patience: Option<Duration>) -> Measured {
    let load = Load {
        site: Site::find(&server.url, trusted.map(str::as_bytes)).await.unwrap(),
        addresses: Addresses::new("tls"),
        coming: Coming::AtRandom {
            people: 20,
            within: Duration::from_millis(200),
        },
        think: Duration::ZERO,
        patience,
    };
    run(load, &CancellationToken::new(), |_| {}).await
}

#[tokio::test]
async fn people_speak_http_2_with_a_site_that_does_as_their_browsers_would() {
    let server = Server::start(&[b"h2", b"http/1.1"]).await;
    let measured = twenty_people(&server, Some(&server.authority), None).await;
    assert_eq!(measured.totals.accepted, 20, "{:?}", measured.errors);
    assert_eq!((measured.totals.http2, measured.totals.requests), (60, 60));
    let seen = |count: &AtomicU64| count.load(Ordering::Relaxed);
    assert_eq!(
        (
            seen(&server.seen.registered),
            seen(&server.seen.http2),
            seen(&server.seen.http1)
        ),
        (20, 60, 0)
    );
}

#[tokio::test]
async fn people_speak_what_an_older_site_speaks() {
    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let server = Server::start(protocols).await;
        let measured = twenty_people(&server, Some(&server.authority), None).await;
        assert_eq!(
            (measured.totals.accepted, measured.totals.http2),
            (20, 0),
            "{:?}",
            measured.errors
        );
        assert_eq!(server.seen.http1.load(Ordering::Relaxed), 60);
    }
}

#[tokio::test]
async fn nobody_registers_at_a_site_that_nobody_vouches_for() {
    let server = Server::start(&[b"h2"]).await;
    let measured = twenty_people(&server, None, Some(Duration::from_millis(500))).await;
    assert_eq!((measured.totals.accepted, measured.totals.abandoned), (0, 20));
    assert!(measured.errors.keys().eq(["TLS failed"]), "{:?}", measured.errors);
    assert_eq!(server.seen.registered.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn authorities_that_are_none_are_said_to_be_none() {
    let broken = "-----BEGIN CERTIFICATE-----\nno base64!\n-----END CERTIFICATE-----\n";
    let found = Site::find("https://site.localhost", Some(broken.as_bytes())).await;
    let said = found.err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(said, "the authorities to trust are no PEM certificates");
}
