//! The one HTTP client for the site: answers `*.localhost` with loopback itself and always names itself.
//! Must know nothing of what is asked.

use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::load::resolve;

/// The web ACL's common rule set refuses requests without one.
pub const USER_AGENT: &str = concat!("confctl/", env!("CARGO_PKG_VERSION"));

/// # Errors
/// Where the system's certificates cannot be read.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(Arc::new(Resolver))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
        .build()
}

struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move { Ok(Box::new(resolve(&host, 0).await?.into_iter()) as Addrs) })
    }
}
