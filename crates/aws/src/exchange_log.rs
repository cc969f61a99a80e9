//! What AWS was asked and what it answered, for `--log-file`: enough to make a recording of it, without secrets, addresses and keys.
//! Must know nothing of what the calls are for.

use std::sync::LazyLock;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use regex_lite::{Captures, Regex};

use crate::origin_secret;

/// Switched on for the log file alone: what is masked here is still more than a terminal should show.
pub const TARGET: &str = "exchange";

/// Bytes of a body that are kept.
const LONGEST: usize = 256 * 1024;

/// Of these nothing is written but that they were: registrations, the stack's record, key material, what ran on instances and what they said.
const WITHOUT_BODIES: &[(&str, &[&str])] = &[
    ("CloudWatch Logs", &["FilterLogEvents"]),
    (
        "DynamoDB",
        &["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"],
    ),
    ("EC2", &["CreateKeyPair", "ImportKeyPair"]),
    ("Elastic Beanstalk", &["RetrieveEnvironmentInfo"]),
    ("S3", &["GetObject", "PutObject"]),
    ("SSM", &["GetCommandInvocation", "SendCommand", "StartSession"]),
];

/// Beanstalk's namespace of environment properties, whose values may be secrets.
const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";

/// Writes down each attempt of each call.
#[derive(Debug)]
pub struct ExchangeLog;

#[dyn_dispatch_hint]
impl Intercept for ExchangeLog {
    fn name(&self) -> &'static str {
        "ExchangeLog"
    }

    // The request as it goes out, signed, each attempt anew: it is taken apart when it is sent.
    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_on() {
            let request = context.request();
            let asked = Asked {
                method: request.method().to_owned(),
                path: masked(request.uri().split('?').next().unwrap_or_default()),
                body: shown(cfg, request.body()),
            };
            cfg.interceptor_state().store_put(asked);
        }
        Ok(())
    }

    // The last hook of an attempt: the body of the answer has been read by then.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Asked { method, path, body }) = cfg.load::<Asked>().filter(|_| is_on()) else {
            return Ok(());
        };
        let (service, operation) = call(cfg);
        let Some(response) = context.response() else {
            tracing::debug!(target: TARGET, service, operation, method, path, asked = body, "no answer");
            return Ok(());
        };
        let header = |name: &str| response.headers().get(name);
        tracing::debug!(
            target: TARGET,
            service,
            operation,
            method,
            path,
            asked = body,
            status = response.status().as_u16(),
            // S3 names it otherwise than all other services.
            request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
            content_type = header("content-type"),
            answer = shown(cfg, response.body()),
            "answered"
        );
        Ok(())
    }
}

/// A request, as far as it is shown.
#[derive(Debug)]
struct Asked {
    method: String,
    path: String,
    body: String,
}

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

fn is_on() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::DEBUG)
}

/// Service and operation.
fn call(cfg: &ConfigBag) -> (&str, &str) {
    cfg.load::<Metadata>()
        .map_or(("unknown", "unknown"), |metadata| (metadata.service(), metadata.name()))
}

fn shown(cfg: &ConfigBag, body: &SdkBody) -> String {
    let (service, operation) = call(cfg);
    let hidden = WITHOUT_BODIES
        .iter()
        .any(|(name, operations)| *name == service && operations.contains(&operation));
    match body.bytes() {
        _ if hidden => "(left out)".to_owned(),
        None => "(a stream)".to_owned(),
        Some(bytes) => masked(&String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)])),
    }
}

/// What is replaced in every body.
struct Masks {
    mail: Regex,
    pem: Regex,
    key_id: Regex,
    signed: Regex,
    account: Regex,
    ipv4: Regex,
    origin_header: Regex,
}

impl Masks {
    fn compile() -> Result<Self, regex_lite::Error> {
        Ok(Self {
            mail: Regex::new(r"[A-Za-z0-9._+-]+(@|%40)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")?,
            pem: Regex::new(r"-----BEGIN [A-Z ]+-----[^<]*?-----END [A-Z ]+-----")?,
            key_id: Regex::new(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")?,
            signed: Regex::new(
                r#"(X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|SessionToken|SecretAccessKey)(=|%3D|"?:\s*"|>)[^&"<\s]+"#,
            )?,
            account: Regex::new(r"(^|[^0-9A-Za-z])[0-9]{12}($|[^0-9A-Za-z])")?,
            origin_header: Regex::new(r"(<HeaderValue>)[^<]*(</HeaderValue>)")?,
            ipv4: Regex::new(r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b")?,
        })
    }
}

/// A body without what is nobody's business: property values, addresses, account numbers, keys, signatures.
pub fn masked(body: &str) -> String {
    static MASKS: LazyLock<Option<Masks>> = LazyLock::new(|| Masks::compile().ok());
    // The patterns are constants, and a test compiles them; were one broken, nothing would be written.
    let Some(masks) = MASKS.as_ref() else {
        return "(left out)".to_owned();
    };
    let text = without_property_values(body);
    let text = masks.mail.replace_all(&text, "someone@example.com");
    let text = masks.pem.replace_all(&text, "(key)");
    let text = masks.key_id.replace_all(&text, "AKIAIOSFODNN7EXAMPLE");
    let text = masks.signed.replace_all(&text, "$1$2(masked)");
    let text = masks.origin_header.replace_all(&text, "${1}(masked)${2}");
    let text = origin_secret::masked(&text);
    let text = masks.account.replace_all(&text, "${1}123456789012${2}");
    let text = masks
        .ipv4
        .replace_all(&text, |found: &Captures<'_>| public_address(&found[0]));
    text.into_owned()
}

/// An address of the internet becomes one of those that are kept for examples (RFC 5737); private ones tell nothing.
fn public_address(text: &str) -> String {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(address) if !address.is_private() && !address.is_loopback() && !address.is_unspecified() => {
            "203.0.113.1".to_owned()
        }
        _ => text.to_owned(),
    }
}

/// In a request `OptionSettings.member.N.Value=…`, in an answer `<Value>…</Value>` of the same `<member>`.
fn without_property_values(body: &str) -> String {
    if body.contains(&PROPERTIES.replace(':', "%3A")) {
        return without_sent_values(body);
    }
    if !body.contains(PROPERTIES) {
        return body.to_owned();
    }
    let mut parts = body.split("<member>");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("<member>");
        let values = part.find("<Value>").zip(part.find("</Value>"));
        match values.filter(|(start, end)| part.contains(PROPERTIES) && start < end) {
            Some((start, end)) => {
                text.push_str(&part[..start + "<Value>".len()]);
                text.push_str("(masked)");
                text.push_str(&part[end..]);
            }
            None => text.push_str(part),
        }
    }
    text
}

fn without_sent_values(body: &str) -> String {
    let namespace = PROPERTIES.replace(':', "%3A");
    let pairs: Vec<(&str, &str)> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let of_properties: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| *value == namespace)
        .filter_map(|(name, _)| name.strip_suffix(".Namespace"))
        .map(|option| format!("{option}.Value"))
        .collect();
    let masked = pairs.iter().map(|(name, value)| {
        let value = if of_properties.iter().any(|secret| secret == name) {
            "(masked)"
        } else {
            value
        };
        format!("{name}={value}")
    });
    masked.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_values_do_not_get_into_the_log() {
        let asked = "Action=CreateEnvironment&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Aasg&\
                     OptionSettings.member.1.OptionName=MinSize&OptionSettings.member.1.Value=2&\
                     OptionSettings.member.2.Namespace=aws%3Aelasticbeanstalk%3Aapplication%3Aenvironment&\
                     OptionSettings.member.2.OptionName=API_TOKEN&OptionSettings.member.2.Value=hunter2";
        let text = masked(asked);
        assert!(
            !text.contains("hunter2") && text.contains("member.1.Value=2") && text.contains("API_TOKEN"),
            "{text}"
        );
        let answer = "<OptionSettings><member><Namespace>aws:autoscaling:asg</Namespace><OptionName>MinSize</OptionName>\
                      <Value>2</Value></member><member><OptionName>API_TOKEN</OptionName>\
                      <Namespace>aws:elasticbeanstalk:application:environment</Namespace><Value>hunter2</Value></member></OptionSettings>";
        let text = masked(answer);
        assert!(
            !text.contains("hunter2") && text.contains("<Value>2</Value>") && text.contains("API_TOKEN"),
            "{text}"
        );
    }

    #[test]
    fn people_accounts_keys_and_addresses_are_nobodys_business() {
        for (text, wanted) in [
            (
                "Endpoint=ops.team%40corp.example&x=1",
                "Endpoint=someone@example.com&x=1",
            ),
            ("<Owner>jo@corp.example</Owner>", "<Owner>someone@example.com</Owner>"),
            ("arn:aws:iam::444455556666:role/r", "arn:aws:iam::123456789012:role/r"),
            ("\"1732960000000\"", "\"1732960000000\""),
            ("<PublicIp>54.1.2.3</PublicIp>", "<PublicIp>203.0.113.1</PublicIp>"),
            ("<PrivateIp>172.31.0.9</PrivateIp>", "<PrivateIp>172.31.0.9</PrivateIp>"),
            ("AKIAABCDEFGHIJKLMNOP", "AKIAIOSFODNN7EXAMPLE"),
            (
                "<m>-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----</m>",
                "<m>(key)</m>",
            ),
            (
                "<HeaderName>x-a</HeaderName><HeaderValue>hunter2</HeaderValue>",
                "<HeaderName>x-a</HeaderName><HeaderValue>(masked)</HeaderValue>",
            ),
            (
                "Values.member.1=0001aaaaaaaabbbbbbbbccccccccdddddddd&y=2",
                "Values.member.1=(masked)&y=2",
            ),
            ("?X-Amz-Signature=abcdef&y=2", "?X-Amz-Signature=(masked)&y=2"),
        ] {
            assert_eq!(masked(text), wanted);
        }
    }

    #[test]
    fn the_patterns_are_patterns() {
        assert!(Masks::compile().is_ok());
    }
}
