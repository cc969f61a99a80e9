//! The process's environment as confctl and the AWS SDK are to find it: a variable without a value is no variable.
//! Must run before anything reads it; must know nothing of what the variables mean.

use std::env;
use std::ffi::OsString;

use crate::engine::{Error, Kind};

/// Pipelines set variables to nothing where a value is missing: `env: AWS_ENDPOINT_URL: ${{ vars.ENDPOINT }}`.
const OURS_AND_AWS: [&str; 3] = ["CONFCTL_", "AWS_", "SSL_CERT_"];

/// What the AWS SDK takes for unset where it is not Unicode: another account, region or endpoint than was meant.
const MUST_BE_TEXT: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
];

/// A guard: taken for unset, it would let through what it was set to stop.
pub const ACCOUNT: &str = "CONFCTL_ACCOUNT";

/// Takes empty variables out of the environment. The AWS CLI and boto3 take them for unset; the SDK for Rust takes some at
/// their word, and an empty AWS_ENDPOINT_URL ends in a panic in aws-smithy-types.
///
/// To be called once, first of all in `main`.
#[expect(unsafe_code, reason = "the environment can be changed in no other way")]
pub fn forget_empty() {
    let empty = env::vars_os().filter(|(name, value)| {
        let name = name.to_string_lossy();
        value.is_empty() && name != ACCOUNT && OURS_AND_AWS.iter().any(|prefix| name.starts_with(prefix))
    });
    for (name, _) in empty.collect::<Vec<_>>() {
        // SAFETY: this is the only thread: `main` has done nothing yet.
        unsafe { env::remove_var(name) };
    }
}

/// What is wrong with the variables that decide who acts where, and who is trusted. `None`: nothing that can be told before a call.
pub fn unfit() -> Option<Error> {
    let text = MUST_BE_TEXT.into_iter().find_map(|name| {
        let value = env::var_os(name)?;
        Some((name, why_unfit(name, value.to_str())?))
    });
    let unfit = text.or_else(|| without_certificates(env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")));
    unfit.map(|(variable, why)| {
        Error::new(Kind::Usage, format!("{variable} {why}")).hint(format!("correct it, or `unset {variable}`"))
    })
}

/// Where OpenSSL's variables take the place of the system's certificates and lead to none, the SDK's client panics in a debug
/// build and trusts nobody in a release (aws-smithy-http-client, rustls_provider.rs).
fn without_certificates(file: Option<OsString>, folder: Option<OsString>) -> Option<(&'static str, &'static str)> {
    let has_some = |file: &OsString| {
        fs_err::read(file).is_ok_and(|pem| String::from_utf8_lossy(&pem).contains("BEGIN CERTIFICATE"))
    };
    let is_folder = |folder: &OsString| std::path::Path::new(folder).is_dir();
    match (file.as_ref().map(has_some), folder.as_ref().map(is_folder)) {
        (Some(false), None | Some(false)) => Some(("SSL_CERT_FILE", "names no file of PEM certificates")),
        (None, Some(false)) => Some(("SSL_CERT_DIR", "names no folder")),
        _ => None,
    }
}

/// The SDK panics at a key that is no header (aws-runtime, auth.rs), and prints the request where an endpoint has no scheme.
fn why_unfit(name: &str, value: Option<&str>) -> Option<&'static str> {
    let Some(value) = value else {
        return Some("is not UTF-8");
    };
    if name.contains("ACCESS_KEY") && !value.is_empty() && !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("holds a space, a line end or another character that no key has");
    }
    let has_host = |url: &str| {
        url.parse::<http::Uri>()
            .is_ok_and(|url| url.host().is_some_and(|host| !host.is_empty()))
    };
    let is_url = |url: &str| (url.starts_with("http://") || url.starts_with("https://")) && has_host(url);
    (name == "AWS_ENDPOINT_URL" && !value.is_empty() && !is_url(value))
        .then_some("is no URL: it has to begin with http:// or https:// and to name a host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_would_choke_on_or_overlook_is_told_by_its_variable() {
        let unfit = |name, value| why_unfit(name, value).is_some();
        for key in ["AKIAIOSFODNN7EXAMPLE\n", "AKIA IOSFODNN7EXAMPLE", "AKIA\u{7f}"] {
            assert!(unfit("AWS_ACCESS_KEY_ID", Some(key)), "{key:?}");
        }
        for url in ["localhost:4701", "http://", "ftp://localhost", " "] {
            assert!(unfit("AWS_ENDPOINT_URL", Some(url)), "{url:?}");
        }
        assert!(unfit("AWS_PROFILE", None));
        let nowhere = || Some(OsString::from("/nowhere/at/all"));
        assert_eq!(without_certificates(nowhere(), None).unwrap().0, "SSL_CERT_FILE");
        assert_eq!(without_certificates(None, nowhere()).unwrap().0, "SSL_CERT_DIR");
        assert_eq!(without_certificates(nowhere(), Some(env::temp_dir().into())), None);
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL", "https://[::1]:4566/"),
            ("AWS_PROFILE", "two words"),
        ] {
            assert!(!unfit(name, Some(value)), "{name}={value}");
        }
    }
}
