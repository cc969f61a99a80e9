//! Where the API is and how its public names are reached: AWS or a local endpoint, decided once at the start.
//! What acts on AWS sees a target, and cannot tell whether it is a sandbox.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Pace;

/// An API to talk to.
#[derive(Debug, Clone)]
pub struct Target {
    /// `None`: AWS's own endpoints, or whatever the SDK's configuration says.
    pub endpoint: Option<String>,
    /// `None`: the SDK's own chain.
    pub credentials: Option<StaticCredentials>,
    pub pace: Pace,
    pub public: PublicNames,
}

/// A key pair of the target's own.
#[derive(Clone)]
pub struct StaticCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// How names that AWS gives out (distributions, load balancers, environments) are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicNames {
    /// `https` where the edge has a certificate.
    pub edge_scheme: &'static str,
    /// `None`: the scheme's own.
    pub port: Option<u16>,
    /// The header by which a visitor of the edge counts as one of HTTPS, where TLS ends before it.
    pub over_tls: Option<(&'static str, &'static str)>,
    /// PEM certificates that count beside the system's, where somebody opens TLS on the way.
    pub authorities: Option<Vec<u8>>,
    /// Who is asked for the site's own names; `None`: whoever the system asks.
    pub name_server: Option<NameServer>,
}

type Lookup = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Tells the addresses of a name; none where it has none. It may take as long as an answer over the network.
#[derive(Clone)]
pub struct NameServer(pub Arc<Lookup>);

impl fmt::Debug for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameServer")
    }
}

impl PartialEq for NameServer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for NameServer {}

impl PublicNames {
    /// The address of a distribution.
    pub fn edge(&self, domain: &str) -> String {
        self.url(self.edge_scheme, domain)
    }

    /// The address of a name of one's own, which has a certificate.
    pub fn named(&self, name: &str) -> String {
        self.url("https", name)
    }

    /// The address of an environment or load balancer, which speak plain HTTP.
    pub fn origin(&self, host: &str) -> String {
        self.url("http", host)
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

impl Target {
    /// AWS, by the SDK's own configuration.
    pub fn aws() -> Self {
        Self {
            endpoint: None,
            credentials: None,
            pace: Pace::AWS,
            public: PublicNames {
                edge_scheme: "https",
                port: None,
                over_tls: None,
                authorities: None,
                name_server: None,
            },
        }
    }

    /// A sandbox on this machine whose clock runs `time_scale` times faster than AWS's.
    pub fn sandbox(port: u16, access_key_id: &str, secret_access_key: &str, time_scale: f64) -> Self {
        Self {
            endpoint: Some(format!("http://127.0.0.1:{port}")),
            credentials: Some(StaticCredentials {
                access_key_id: access_key_id.to_owned(),
                secret_access_key: secret_access_key.to_owned(),
            }),
            pace: Pace {
                speed: time_scale.max(1.0),
                shortest_interval: Duration::from_millis(50),
                // Starting real processes does not get faster with the clock.
                shortest_limit: Duration::from_secs(90),
            },
            public: PublicNames {
                edge_scheme: "http",
                port: Some(port),
                over_tls: Some(("x-forwarded-proto", "https")),
                authorities: None,
                name_server: None,
            },
        }
    }
}
