//! Key pairs as EC2 makes and imports them: the private key is given once and kept nowhere.
//! Must know nothing of instances.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey};

use super::Compute;
use crate::{Refusal, Tags, ids};

#[derive(Debug, Clone)]
pub struct KeyPair {
    pub id: String,
    pub name: String,
    /// `rsa` or `ed25519`.
    pub kind: &'static str,
    pub fingerprint: String,
    /// OpenSSH format.
    pub public_key: String,
    pub created: Timestamp,
    pub tags: Tags,
}

/// A private key in the form in which EC2 gives it, and what is public of it.
struct Made {
    pem: String,
    public_key: String,
    fingerprint: String,
}

impl Compute {
    /// Makes a key pair; the second value is the private key as PEM.
    pub fn create_key_pair(
        &mut self,
        name: &str,
        kind: &str,
        created: Timestamp,
        tags: Tags,
    ) -> Result<(KeyPair, String), Refusal> {
        self.key_name_is_free(name)?;
        let (kind, made) = match kind {
            "rsa" => ("rsa", make_rsa(name)),
            "ed25519" => ("ed25519", make_ed25519(name)),
            other => {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!("Value ({other}) for parameter KeyType is invalid. Valid values: rsa, ed25519"),
                ));
            }
        };
        let made = made.ok_or_else(|| Refusal::with_status(500, "InternalError", "The key could not be made."))?;
        let pair = KeyPair {
            id: ids::ec2("key"),
            name: name.to_owned(),
            kind,
            fingerprint: made.fingerprint,
            public_key: made.public_key,
            created,
            tags,
        };
        self.key_pairs.insert(name.to_owned(), pair.clone());
        Ok((pair, made.pem))
    }

    /// Takes a public key in OpenSSH's format.
    pub fn import_key_pair(
        &mut self,
        name: &str,
        material: &str,
        created: Timestamp,
        tags: Tags,
    ) -> Result<KeyPair, Refusal> {
        self.key_name_is_free(name)?;
        let invalid = || Refusal::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
        let key = PublicKey::from_openssh(material.trim()).map_err(|_| invalid())?;
        let kind = match key.key_data() {
            KeyData::Rsa(_) => "rsa",
            KeyData::Ed25519(_) => "ed25519",
            _ => return Err(invalid()),
        };
        let pair = KeyPair {
            id: ids::ec2("key"),
            name: name.to_owned(),
            kind,
            fingerprint: sha256_fingerprint(&key),
            public_key: key.to_openssh().map_err(|_| invalid())?,
            created,
            tags,
        };
        self.key_pairs.insert(name.to_owned(), pair.clone());
        Ok(pair)
    }

    fn key_name_is_free(&self, name: &str) -> Result<(), Refusal> {
        if self.key_pairs.contains_key(name) {
            return Err(Refusal::new("InvalidKeyPair.Duplicate", "The keypair already exists"));
        }
        Ok(())
    }
}

/// EC2 shows OpenSSH's SHA-256 without its prefix but with padding for ED25519 keys.
fn sha256_fingerprint(key: &PublicKey) -> String {
    let text = key.fingerprint(HashAlg::Sha256).to_string();
    format!("{}=", text.trim_start_matches("SHA256:"))
}

fn make_ed25519(name: &str) -> Option<Made> {
    let mut seed = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut seed).ok()?;
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
    let mut key = PrivateKey::from(pair);
    key.set_comment(name);
    debug_assert_eq!(key.algorithm(), Algorithm::Ed25519);
    Some(Made {
        pem: key.to_openssh(LineEnding::LF).ok()?.to_string(),
        public_key: key.public_key().to_openssh().ok()?,
        fingerprint: sha256_fingerprint(key.public_key()),
    })
}

/// RSA of 2048 bits in PKCS#1. By AWS's own library: pure Rust takes a minute without optimisation.
fn make_rsa(name: &str) -> Option<Made> {
    use aws_lc_rs::signature::KeyPair as _;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let pkcs8 = pair.as_der().ok()?;
    let pkcs8 = pkcs8.as_ref();
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, pkcs8);
    let bytes: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    // SEQUENCE { modulus INTEGER, publicExponent INTEGER }
    let (public, _) = der_value(pair.public_key().as_ref())?;
    let (modulus, rest) = der_value(public)?;
    let (exponent, _) = der_value(rest)?;
    let public = ssh_key::public::RsaPublicKey {
        e: ssh_key::Mpint::from_bytes(exponent).ok()?,
        n: ssh_key::Mpint::from_bytes(modulus).ok()?,
    };
    Some(Made {
        pem: pkcs1_pem(pkcs8)?,
        public_key: PublicKey::new(KeyData::Rsa(public), name).to_openssh().ok()?,
        fingerprint: bytes.join(":"),
    })
}

/// PKCS#8 is `SEQUENCE { version, algorithm, OCTET STRING { the PKCS#1 key } }`.
fn pkcs1_pem(pkcs8: &[u8]) -> Option<String> {
    let (inside, _) = der_value(pkcs8)?;
    let (_, rest) = der_value(inside)?;
    let (_, rest) = der_value(rest)?;
    let (pkcs1, _) = der_value(rest)?;
    let text = STANDARD.encode(pkcs1);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    Some(format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
        lines.join("\n")
    ))
}

/// The content of the first DER element, and what follows it.
fn der_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = usize::from(*bytes.get(1)?);
    let (header, length) = if first < 0x80 {
        (2, first)
    } else {
        let count = first & 0x7f;
        let digits = bytes.get(2..2 + count)?;
        (
            2 + count,
            digits
                .iter()
                .fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)),
        )
    };
    let end = header.checked_add(length)?;
    Some((bytes.get(header..end)?, bytes.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_keys_are_in_the_forms_that_ec2_gives_and_names_are_unique() {
        let mut compute = Compute::default();
        let now = Timestamp::UNIX_EPOCH;
        let (pair, pem) = compute.create_key_pair("a", "ed25519", now, Tags::new()).unwrap();
        let read = PrivateKey::from_openssh(&pem).unwrap();
        assert_eq!(read.public_key().to_openssh().unwrap(), pair.public_key);

        let (rsa, pem) = compute.create_key_pair("b", "rsa", now, Tags::new()).unwrap();
        assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\nMII"), "{pem}");
        assert_eq!(rsa.fingerprint.len(), 59);
        assert!(rsa.public_key.starts_with("ssh-rsa AAAA"));

        let again = compute.create_key_pair("a", "rsa", now, Tags::new()).unwrap_err();
        assert_eq!(again.code, "InvalidKeyPair.Duplicate");
        let imported = compute
            .import_key_pair("c", &pair.public_key, now, Tags::new())
            .unwrap();
        assert_eq!(imported.fingerprint, pair.fingerprint);
    }
}
