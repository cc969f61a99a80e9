//! TLS at the sandbox's port: whose certificate a client is shown, by the name that it asks for (SNI).
//! Must know nothing of what is asked for then. Without a name that the edge answers for there is no handshake, as at CloudFront; by a
//! load balancer's own name its HTTPS listener shows its certificate, whatever names that is for, as it does on AWS.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::authority::{Authority, Unsigned};
use crate::proxy::{self, Sni};
use crate::world::World;

/// The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1). No HTTP request begins with it.
pub(crate) const FIRST_BYTE: u8 = 0x16;

/// What every distribution answers to beside its aliases.
const OWN_NAMES: &str = ".cloudfront.localhost";

/// Versions by security policy (CloudFront guide, secure-connections-supported-viewer-protocols-ciphers). Of those before TLS 1.2 the
/// library has none: who may speak 1.0 may speak 1.2.
const NEWEST_ONLY: &str = "TLSv1.3_2025";
static NEWEST: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
static SECOND: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];

pub(crate) struct Tls {
    world: Arc<World>,
    authority: Authority,
    provider: Arc<CryptoProvider>,
    /// By the names that a certificate is for.
    keys: Mutex<HashMap<Vec<String>, Arc<CertifiedKey>>>,
}

/// Who answers at a name.
struct Identity {
    names: Vec<String>,
    versions: &'static [&'static SupportedProtocolVersion],
}

/// The one that is shown; none ends the handshake with an alert.
#[derive(Debug)]
struct Shown(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

impl Tls {
    /// # Errors
    /// Where no authority can be made.
    pub(crate) fn new(world: Arc<World>) -> Result<Self, Unsigned> {
        Ok(Self {
            world,
            authority: Authority::new()?,
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            keys: Mutex::default(),
        })
    }

    /// The certificate of the authority.
    pub(crate) fn authority(&self) -> &str {
        self.authority.pem()
    }

    /// Shakes hands with a client, and gives the name that it came by.
    ///
    /// # Errors
    /// Where it does not come to that.
    pub(crate) async fn accept<S>(&self, stream: S, client: IpAddr) -> io::Result<(TlsStream<S>, Sni)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = start
            .client_hello()
            .server_name()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let config = self.config(&name, client).map_err(io::Error::other)?;
        let stream = start.into_stream(Arc::new(config)).await?;
        Ok((stream, Sni(name)))
    }

    fn config(&self, name: &str, client: IpAddr) -> Result<ServerConfig, Unsigned> {
        let identity = match proxy::is_balancer(name) {
            true => self.balancer(name, client),
            false => self.identity(name),
        };
        let versions = identity
            .as_ref()
            .map_or(rustls::ALL_VERSIONS, |identity| identity.versions);
        let shown = identity.map(|identity| self.key(identity.names)).transpose()?;
        let config = ServerConfig::builder_with_provider(self.provider.clone()).with_protocol_versions(versions)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(Shown(shown)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// A load balancer's HTTPS listener. Whom its security groups keep out gets no handshake; on AWS nobody would answer him at all.
    fn balancer(&self, name: &str, client: IpAddr) -> Option<Identity> {
        let listener = proxy::listener(&self.world, name, client)?;
        let tls = listener.tls?;
        let state = self.world.lock();
        let region = tls.certificate_arn.split(':').nth(3)?;
        let certificate = state.listener_certificate(region, &tls)?;
        Some(Identity {
            names: certificate.names.clone(),
            versions: match tls.versions() {
                (true, true) => rustls::ALL_VERSIONS,
                (true, false) => &SECOND,
                (false, true) => &NEWEST,
                (false, false) => return None,
            },
        })
    }

    fn identity(&self, name: &str) -> Option<Identity> {
        let now = self.world.clock.now();
        let state = self.world.lock();
        let distribution = state.distributions.by_host(name, now)?;
        if name.ends_with(OWN_NAMES) {
            return Some(Identity {
                names: vec![format!("*{OWN_NAMES}")],
                versions: rustls::ALL_VERSIONS,
            });
        }
        let served = distribution.served(now)?;
        let certificate = state.viewer_certificate(&served.certificate_arn, now)?;
        Some(Identity {
            names: certificate.names.clone(),
            versions: match served.minimum_protocol == NEWEST_ONLY {
                true => &NEWEST,
                false => rustls::ALL_VERSIONS,
            },
        })
    }

    fn key(&self, names: Vec<String>) -> Result<Arc<CertifiedKey>, Unsigned> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&names) {
            return Ok(key.clone());
        }
        let key = Arc::new(self.authority.sign(&names, &self.provider)?);
        keys.insert(names, key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::proxy::tests as proxy;
    use crate::world::Tags;

    /// A distribution with that alias and policy, deployed; gives its own domain.
    fn site(world: &Arc<World>, alias: &str, policy: &str) -> String {
        let arn = proxy::certificate(world, "us-east-1", alias);
        let mut configuration = proxy::configuration(proxy::OPTIMIZED);
        configuration.aliases = vec![alias.to_owned()];
        configuration.certificate_arn = arn;
        configuration.minimum_protocol = policy.to_owned();
        let now = world.clock.now();
        let made = world
            .lock()
            .create_distribution(configuration, Tags::new(), now)
            .unwrap();
        world.clock.skip(Duration::from_secs(600));
        made.domain_name
    }

    /// Whether a client that trusts the authority and speaks these versions comes through by a name.
    async fn shakes(tls: &Tls, name: &str, versions: &[&'static SupportedProtocolVersion]) -> bool {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(tls.authority().as_bytes()).unwrap())
            .unwrap();
        let config = ClientConfig::builder_with_provider(tls.provider.clone());
        let config = config
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let (near, far) = tokio::io::duplex(1 << 16);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let (client, server) = tokio::join!(
            connector.connect(name, near),
            tls.accept(far, IpAddr::V4(Ipv4Addr::LOCALHOST))
        );
        client.is_ok() && server.is_ok()
    }

    #[tokio::test]
    async fn who_is_asked_for_by_name_shows_a_certificate_for_it_and_nobody_else_does() {
        let world = proxy::world(1.0, proxy::Fixed::default());
        let domain = site(&world, "events.example.org", "TLSv1.2_2021");
        let tls = Tls::new(world).unwrap();
        let both = rustls::ALL_VERSIONS;
        assert!(shakes(&tls, "events.example.org", both).await);
        assert!(shakes(&tls, "events.example.org", &[&rustls::version::TLS12]).await);
        assert!(
            shakes(&tls, &domain, both).await,
            "its own name has CloudFront's certificate"
        );
        assert!(!shakes(&tls, "other.example.org", both).await);
        assert!(!shakes(&tls, "d0.cloudfront.localhost", both).await);
    }

    #[tokio::test]
    async fn a_policy_of_the_newest_version_keeps_the_others_out() {
        let world = proxy::world(1.0, proxy::Fixed::default());
        site(&world, "events.example.org", "TLSv1.3_2025");
        let tls = Tls::new(world).unwrap();
        assert!(shakes(&tls, "events.example.org", &[&rustls::version::TLS13]).await);
        assert!(!shakes(&tls, "events.example.org", &[&rustls::version::TLS12]).await);
    }

    #[tokio::test]
    async fn a_load_balancer_shows_its_listeners_certificate_by_its_own_name() {
        let world = proxy::world(1.0, proxy::Fixed::default());
        let arn = proxy::certificate(&world, "us-east-1", proxy::BALANCER);
        proxy::balance(&world, "group", &[], "/");
        let tls = Tls::new(world.clone()).unwrap();
        let both = rustls::ALL_VERSIONS;
        assert!(!shakes(&tls, proxy::BALANCER, both).await, "it listens in clear");
        proxy::listen_by_https(&world, &arn, "ELBSecurityPolicy-TLS13-1-2-2021-06");
        assert!(shakes(&tls, proxy::BALANCER, both).await);
        assert!(shakes(&tls, proxy::BALANCER, &[&rustls::version::TLS12]).await);
        proxy::listen_by_https(&world, &arn, "ELBSecurityPolicy-TLS13-1-3-2021-06");
        assert!(!shakes(&tls, proxy::BALANCER, &[&rustls::version::TLS12]).await);
        // A group that lets nobody in.
        {
            let mut state = world.lock();
            let balancers = &mut state.region("us-east-1").balancing.load_balancers;
            balancers.get_mut("lb").unwrap().security_groups = vec!["sg-1".to_owned()];
        }
        assert!(!shakes(&tls, proxy::BALANCER, both).await);
    }
}
