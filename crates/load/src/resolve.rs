//! Names to addresses, for every HTTP client of ours: `localhost` and `*.localhost` are this machine.
//! Must know nothing of what is connected to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The addresses of a host. glibc asks the network for `*.localhost` (RFC 6761 binds resolvers, not glibc), so they are
/// answered here.
///
/// # Errors
/// Where the name is not known or nobody can be asked.
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)]);
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// Tells the addresses of a name; it may take its time.
pub type Lookup = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// The same, where names that are not this machine's are not the system's to tell.
///
/// # Errors
/// As [`resolve`].
pub async fn resolve_by(host: &str, port: u16, names: Option<Lookup>) -> io::Result<Vec<SocketAddr>> {
    let Some(names) = names.filter(|_| !is_this_machine(host)) else {
        return resolve(host, port).await;
    };
    let host = host.to_owned();
    let told = tokio::task::spawn_blocking(move || names(&host))
        .await
        .map_err(io::Error::other)?;
    Ok(told.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// Whether a host is this machine, by name or by address; an IPv6 address may have its brackets.
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    is_localhost(host) || address.is_ok_and(|address| address.is_loopback())
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}
