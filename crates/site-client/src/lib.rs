//! The HTTP client that asks a site now and then: answers `*.localhost` with loopback itself and always names itself. (The load
//! generator has connections of its own.)
//! Must know nothing of what is asked.

use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use confctl_load::{is_this_machine, resolve_by};

/// The web ACL's common rule set refuses requests without one.
pub const USER_AGENT: &str = concat!("confctl/", env!("CARGO_PKG_VERSION"));

pub use confctl_load::Lookup;

/// The client for a site at `url`. Proxies are taken from the environment, but never on the way to this machine, which they
/// cannot reach. The authorities of `pem` count beside the system's.
///
/// # Errors
/// Where the system's certificates cannot be read.
pub fn client(url: &str, pem: Option<&[u8]>) -> reqwest::Result<reqwest::Client> {
    client_by(url, pem, None)
}

/// The same, where names are not the system's to tell: they lead to this machine, or nowhere.
///
/// # Errors
/// Where the system's certificates cannot be read.
pub fn client_by(url: &str, pem: Option<&[u8]>, names: Option<Lookup>) -> reqwest::Result<reqwest::Client> {
    builder(url, pem, names)?.build()
}

/// A client that looks at nobody's certificate: it asks who answers at an address, whatever name that has a certificate for.
///
/// # Errors
/// Where it cannot be made.
pub fn client_of_any_name(url: &str, names: Option<Lookup>) -> reqwest::Result<reqwest::Client> {
    builder(url, None, names)?.tls_danger_accept_invalid_certs(true).build()
}

fn builder(url: &str, pem: Option<&[u8]>, names: Option<Lookup>) -> reqwest::Result<reqwest::ClientBuilder> {
    let leads_here = names.is_some();
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(Arc::new(Resolver(names)))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30));
    let host = url
        .parse::<http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(is_this_machine));
    if leads_here || host.unwrap_or(false) {
        builder = builder.no_proxy();
    }
    if let Some(pem) = pem {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    Ok(builder)
}

struct Resolver(Option<Lookup>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let lookup = self.0.clone();
        Box::pin(async move {
            let addresses = resolve_by(&host, 0, lookup).await?;
            if addresses.is_empty() {
                return Err("the name has no address yet".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// An error with what it is due to, in one line: a client's own message says the least.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
