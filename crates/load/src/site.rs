//! The site that is visited: its addresses, its name, and the way to its socket.
//! Must know nothing of what is asked there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use http::Uri;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig};

use super::measured::Cause;
use crate::resolve::{Lookup, resolve_by};

/// What is offered when TLS begins, as browsers do: HTTP/2 where the site speaks it.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
const HTTP2: &[u8] = b"h2";

/// A site by its URL.
pub struct Site {
    host: String,
    port: u16,
    /// The `Host` header: with the port where it is not the scheme's own.
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What everybody says beside, who asks for anything.
    said: Option<(&'static str, &'static str)>,
    /// Who tells its addresses, where that is not the system.
    names: Option<Lookup>,
    addresses: RwLock<Vec<SocketAddr>>,
    next: AtomicUsize,
}

/// Why a site cannot be visited at all.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("{0} is no address of a site")]
    Url(String),
    #[error("the name {0} cannot be resolved")]
    Name(String, #[source] std::io::Error),
    #[error("the system's certificates cannot be read")]
    Certificates(#[source] rustls::Error),
    #[error("the authorities to trust are no PEM certificates")]
    Authorities(#[source] rustls::pki_types::pem::Error),
}

/// What was connected to.
pub(super) struct Connected {
    pub socket: Box<dyn Socket>,
    pub is_http2: bool,
}

/// A connection's bytes, encrypted or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

impl Site {
    /// Finds the site's addresses. The authorities of `pem` count beside the system's.
    ///
    /// # Errors
    /// Where the URL is none, its name cannot be resolved, or nothing can be trusted.
    pub async fn find(url: &str, pem: Option<&[u8]>) -> Result<Arc<Self>, SiteError> {
        Self::find_by(url, pem, None, None).await
    }

    /// The same, for visitors who say this header with all that they ask; and where names are not the system's to tell.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn find_by(
        url: &str,
        pem: Option<&[u8]>,
        said: Option<(&'static str, &'static str)>,
        names: Option<Lookup>,
    ) -> Result<Arc<Self>, SiteError> {
        let unfit = || SiteError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| unfit())?;
        let host = uri.host().ok_or_else(unfit)?.to_owned();
        let authority = uri.authority().ok_or_else(unfit)?.to_string();
        let (tls, usual) = match uri.scheme_str() {
            Some("https") => {
                let mut config = tls(pem)?;
                config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
                let name = ServerName::try_from(host.clone()).map_err(|_| unfit())?;
                (Some((TlsConnector::from(Arc::new(config)), name)), 443)
            }
            Some("http") => (None, 80),
            _ => return Err(unfit()),
        };
        let site = Self {
            port: uri.port_u16().unwrap_or(usual),
            host,
            authority,
            tls,
            said,
            names,
            addresses: RwLock::default(),
            next: AtomicUsize::new(0),
        };
        site.look_up()
            .await
            .map_err(|error| SiteError::Name(site.host.clone(), error))?;
        Ok(Arc::new(site))
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn said(&self) -> Option<(&'static str, &'static str)> {
        self.said
    }

    /// Resolves the name again: an edge and a load balancer change their addresses, and thousands of people must not each ask.
    ///
    /// # Errors
    /// Where it cannot be; the former addresses stay.
    pub(super) async fn look_up(&self) -> std::io::Result<()> {
        let found = resolve_by(&self.host, self.port, self.names.clone()).await?;
        if found.is_empty() {
            return Err(std::io::Error::other("it has no addresses"));
        }
        *self.addresses.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = found;
        Ok(())
    }

    /// One after the other, as the resolvers of many people would spread them.
    fn address(&self) -> Option<SocketAddr> {
        let addresses = self.addresses.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        addresses.get(turn % addresses.len().max(1)).copied()
    }

    pub(super) async fn connect(&self) -> Result<Connected, Cause> {
        let address = self.address().ok_or(Cause::Unreachable)?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| Cause::of_connecting(&error))?;
        // A request is written in one piece; waiting for more would only delay it.
        let _ = stream.set_nodelay(true);
        let Some((connector, name)) = &self.tls else {
            return Ok(Connected {
                socket: Box::new(stream),
                is_http2: false,
            });
        };
        let stream = connector.connect(name.clone(), stream).await.map_err(|_| Cause::Tls)?;
        Ok(Connected {
            is_http2: stream.get_ref().1.alpn_protocol() == Some(HTTP2),
            socket: Box::new(stream),
        })
    }
}

/// The provider by name, since rustls panics where more than one is compiled in and none is named.
fn tls(pem: Option<&[u8]>) -> Result<ClientConfig, SiteError> {
    let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.unwrap_or_default()).collect();
    let authorities = authorities.map_err(SiteError::Authorities)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(authorities, provider.clone()).map_err(SiteError::Certificates)?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(SiteError::Certificates)?.dangerous();
    Ok(config
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sandboxes_names_are_this_machine_and_their_port_is_part_of_the_host() {
        let site = Site::find("http://d1.cloudfront.localhost:4566", None).await.unwrap();
        assert_eq!(site.authority(), "d1.cloudfront.localhost:4566");
        assert_eq!(site.address().unwrap().to_string(), "127.0.0.1:4566");
        // rustls panics where it cannot tell which cryptography to take.
        let encrypted = Site::find("https://d1.cloudfront.localhost", None).await.unwrap();
        assert!(encrypted.tls.is_some() && encrypted.authority() == "d1.cloudfront.localhost");
        for url in ["", "site", "ftp://localhost/", "http://"] {
            let found = Site::find(url, None).await;
            assert!(matches!(found, Err(SiteError::Url(named)) if named == url), "{url}");
        }
    }
}
