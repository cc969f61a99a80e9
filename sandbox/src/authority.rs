//! The sandbox's own certificate authority. Made anew with each sandbox: its certificate lies in the sandbox's directory, its key
//! in memory only. Must know nothing of who is signed for, or of connections.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;

/// Days. Apple's clients take no certificate that is good for longer than 825 (support.apple.com/HT210176).
const GOOD_FOR: i64 = 800;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("a certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
    #[error("a certificate cannot be used: {0}")]
    Used(#[from] rustls::Error),
}

impl Authority {
    pub(crate) fn new() -> Result<Self, Unsigned> {
        let mut params = params(Vec::new(), "confctl sandbox authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }

    /// Its own certificate: who trusts it trusts what it signs.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A key and certificate for a server of these names.
    pub(crate) fn sign(&self, names: &[String], provider: &CryptoProvider) -> Result<CertifiedKey, Unsigned> {
        let subject = names.first().map_or("", String::as_str);
        let mut params = params(names.to_vec(), subject)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(CertifiedKey::from_der(
            vec![certificate.der().clone()],
            key.into(),
            provider,
        )?)
    }
}

fn params(names: Vec<String>, subject: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, subject);
    // Real time, as whoever looks at it has it: the sandbox's clock runs ahead.
    let now = Timestamp::now();
    let day = |time: Timestamp| {
        let time = time.to_zoned_datetime(TimeZone::UTC);
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(time.year()), part(time.month()), part(time.day()))
    };
    params.not_before = day(now - SignedDuration::from_hours(24));
    params.not_after = day(now + SignedDuration::from_hours(24 * GOOD_FOR));
    Ok(params)
}
