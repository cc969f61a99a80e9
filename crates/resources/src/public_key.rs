//! The public key that the profile wants imported, read from this machine. A private one never gets any further.
//! Must know nothing of key pairs in AWS.

use std::io::Read;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::OFlags;

use crate::engine::{Error, Kind};
use crate::profile::Profile;
use crate::profile::paths::at_home;

/// No public key is longer.
const LONGEST: u64 = 16 * 1024;
/// Of the types of OpenSSH those that EC2 imports (EC2 guide: create-key-pairs).
const IMPORTED: &[&str] = &["ssh-rsa", "ssh-ed25519"];
/// The header of the other form with a header that EC2 imports (RFC 4716).
const SSH2: &str = "---- BEGIN SSH2 PUBLIC KEY ----";

/// The key that `ssh.public_key` names; `None` where EC2 is to make one.
///
/// # Errors
/// Where it cannot be read, or is nothing that EC2 would import.
pub fn public_key(profile: &Profile) -> Result<Option<String>, Error> {
    let Some(path) = profile.ssh.public_key.as_deref().filter(|_| profile.ssh.enabled) else {
        return Ok(None);
    };
    let text =
        read(&at_home(path)).map_err(|error| unusable("could not read the public key").because(error.to_string()))?;
    let text = text.trim().to_owned();
    match fault(&text) {
        None => Ok(Some(text)),
        Some(fault) => Err(unusable(&format!("{path} {fault}"))),
    }
}

fn unusable(message: &str) -> Error {
    Error::new(Kind::Usage, message)
        .hint("name a key with --set ssh.public_key=FILE, or let EC2 make one by leaving that out")
}

fn read(file: &Path) -> std::io::Result<String> {
    // Opening a pipe would wait for who writes into it.
    let mut open = fs_err::OpenOptions::new();
    let open = open
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(file)?;
    // Of what was opened: a name may lead elsewhere the next moment.
    if !open.metadata()?.is_file() {
        return Err(std::io::Error::other(format!("{} is no file", file.display())));
    }
    let mut bytes = Vec::new();
    open.take(LONGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LONGEST {
        true => Err(std::io::Error::other(format!(
            "{} is too long for a public key",
            file.display()
        ))),
        false => Ok(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Why EC2 would not import it, in words.
fn fault(text: &str) -> Option<&'static str> {
    let kind = text.split_whitespace().next().unwrap_or_default();
    let is_base64 =
        |text: &str| text.len() > 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=\r\n".contains(c));
    if text.contains("PRIVATE KEY") || text.starts_with("PuTTY-User-Key-File") {
        Some("is a private key, which stays on this machine: name the file that ends in .pub")
    } else if IMPORTED.contains(&kind) || text.starts_with(SSH2) || is_base64(text) {
        None
    } else if kind.starts_with("ecdsa-") || kind.starts_with("sk-") || kind == "ssh-dss" {
        Some("is of a type that EC2 does not import: it takes RSA and ED25519")
    } else {
        Some("is no public key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_key(text: &str) -> Result<Option<String>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pub");
        fs_err::write(&file, text).unwrap();
        let mut profile = Profile::default();
        profile.ssh.enabled = true;
        profile.ssh.public_key = Some(file.display().to_string());
        public_key(&profile)
    }

    #[test]
    fn only_what_ec2_imports_is_a_public_key() {
        assert_eq!(
            read_key("ssh-ed25519 AAAA me@here\n").unwrap().unwrap(),
            "ssh-ed25519 AAAA me@here"
        );
        assert!(read_key("ssh-rsa AAAA\n").is_ok());
        for (text, told) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "is a private key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nb3Bl\n", "is a private key"),
            ("ecdsa-sha2-nistp256 AAAA me@here\n", "RSA and ED25519"),
            ("nonsense\n", "is no public key"),
            ("", "is no public key"),
        ] {
            let error = read_key(text).unwrap_err();
            assert!(error.message.contains(told), "{error}");
            assert_eq!(error.kind, Kind::Usage);
        }
    }

    #[test]
    fn a_file_that_is_none_is_named_and_not_waited_for() {
        let mut profile = Profile::default();
        profile.ssh.enabled = true;
        for path in ["/nowhere/key.pub", "/dev/zero"] {
            profile.ssh.public_key = Some(path.to_owned());
            let error = public_key(&profile).unwrap_err();
            assert!(error.causes[0].contains(path), "{error:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        profile.ssh.public_key = Some(pipe.display().to_string());
        assert!(public_key(&profile).unwrap_err().causes[0].contains("is no file"));
        profile.ssh.enabled = false;
        assert!(public_key(&profile).unwrap().is_none());
    }

    #[test]
    fn what_is_longer_than_any_key_is_refused_not_cut() {
        let error = read_key(&format!("ssh-rsa {}", "A".repeat(17_000))).unwrap_err();
        assert!(error.causes[0].contains("too long"), "{error:?}");
    }
}
