//! Which authorities are trusted, and which proxies are taken, on the way to AWS.
//! Must know nothing of who signs in, or of what is asked.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::engine::{Error, Kind};

/// The authorities that count.
#[derive(Clone, Default)]
pub struct Trust {
    /// Of a bundle; none: the system's.
    pem: Option<Vec<u8>>,
    tls: TlsContext,
}

impl Trust {
    /// Reads a bundle of PEM certificates, which `named` names. As for the AWS CLI it takes the place of the system's.
    ///
    /// # Errors
    /// Where it cannot be read, or holds no certificate or one that is none: the SDK would panic at the first call.
    pub fn of(bundle: Option<(PathBuf, String)>) -> Result<Self, Error> {
        let Some((path, named)) = bundle else {
            return Ok(Self::default());
        };
        let unfit = |why: String| {
            Error::new(
                Kind::Usage,
                format!("the certificates that {named} names cannot be used"),
            )
            .because(why)
            .hint("name a file of PEM certificates there, or unset it to trust the system's")
        };
        let pem = fs_err::read(&path).map_err(|error| unfit(error.to_string()))?;
        check(&path, &pem).map_err(unfit)?;
        let trusted = TrustStore::empty().with_pem_certificate(pem.clone());
        let tls = TlsContext::builder().with_trust_store(trusted).build();
        Ok(Self {
            tls: tls.map_err(|error| unfit(error.to_string()))?,
            pem: Some(pem),
        })
    }

    /// The bundle's certificates, as PEM.
    pub fn pem(&self) -> Option<&[u8]> {
        self.pem.as_deref()
    }

    /// The client for AWS: proxies by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, but never to this machine.
    pub fn client(&self, is_this_machine: bool) -> SharedHttpClient {
        let tls = self.tls.clone();
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = ConnectorBuilder::default()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .tls_context(tls.clone());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            let proxies = match is_this_machine {
                true => ProxyConfig::disabled(),
                false => ProxyConfig::from_env(),
            };
            connector.proxy_config(proxies).build()
        })
    }
}

fn check(path: &Path, pem: &[u8]) -> Result<(), String> {
    let path = path.display();
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| format!("{path}: {error}"))?;
    if certificates.is_empty() {
        return Err(format!("{path} holds no PEM certificate"));
    }
    let mut roots = RootCertStore::empty();
    for (place, certificate) in certificates.into_iter().enumerate() {
        let added = roots.add(certificate);
        added.map_err(|error| format!("{path}: certificate {}: {error}", place + 1))?;
    }
    Ok(())
}
