//! The distribution's configuration as data: made from the profile, compared with what is live, changed where it differs.
//! Calls nobody. What is not managed here is kept as it is: an update replaces the whole configuration.

use std::collections::BTreeSet;

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{
    Aliases, AllowedMethods, CachedMethods, CustomHeaders, CustomOriginConfig, DefaultCacheBehavior,
    DistributionConfig, Method, MinimumProtocolVersion, Origin, OriginCustomHeader, OriginProtocolPolicy,
    OriginSslProtocols, Origins, SslProtocol, SslSupportMethod, ViewerCertificate, ViewerProtocolPolicy,
};

use super::distribution_behaviors::{self as behaviors, Uncached};
use super::distribution_origin::{OriginWay, error_responses, is_unkept};
use super::front_door::HEADER;
use crate::engine::{Error, FieldChange};
use crate::profile::{CachePolicy, Cdn};

/// The id of the one origin, within the distribution.
const ORIGIN_ID: &str = "environment";

/// CloudFront's names of what other resources give.
pub(super) const ORIGIN_NAME: &str = "Origin.DomainName";
pub(super) const ORIGIN_HEADER: &str = "Origin.CustomHeader";
pub(super) const WEB_ACL: &str = "WebACLId";
pub(super) const CERTIFICATE: &str = "ACMCertificateArn";

/// What those who come by the site's own name must speak at least; what is stricter stays.
const SECURITY_POLICY: &str = "TLSv1.2_2021";
const STRICTER: &[&str] = &["TLSv1.2_2025", "TLSv1.3_2025"];

/// What is shown in place of a secret.
pub(super) const NOT_SHOWN: &str = "(not shown)";

/// What a distribution should be like. `None` for what is known only after apply: compared with nothing then.
pub(super) struct Wanted<'a> {
    pub(super) cdn: &'a Cdn,
    pub(super) comment: &'a str,
    /// The name that it fetches from.
    pub(super) origin: Option<&'a str>,
    /// What it sends along, empty where that is to be nothing.
    pub(super) secret: Option<&'a str>,
    pub(super) way: OriginWay,
    /// The web ACL's ARN, empty where there is to be none.
    pub(super) web_acl: Option<&'a str>,
    pub(super) domain: Domain<'a>,
    /// Path patterns that former profiles left uncached.
    pub(super) former_uncached: BTreeSet<String>,
}

/// The names of one's own that a distribution answers to.
pub(super) struct Domain<'a> {
    /// None: what it has is kept, but for former names.
    pub(super) names: Vec<&'a str>,
    /// Those of former profiles.
    pub(super) former: Vec<&'a str>,
    /// The ARN for these names.
    pub(super) certificate: Option<&'a str>,
}

impl Domain<'_> {
    /// A name that somebody else gave it, and for which our certificate would not be good.
    pub(super) fn stray<'c>(&self, live: &'c DistributionConfig) -> Option<&'c str> {
        let known = |name: &&str| self.names.contains(name) || self.former.contains(name);
        let mut strays = aliases(live).into_iter().filter(|name| !known(name));
        strays.next().filter(|_| !self.names.is_empty())
    }

    /// Whether all names have reached a configuration, with a certificate.
    pub(super) fn is_served(&self, live: &DistributionConfig) -> bool {
        let has = aliases(live);
        certificate(live).is_some() && self.names.iter().all(|name| has.contains(name))
    }

    fn amend(&self, config: &mut DistributionConfig) -> Result<(), Error> {
        if !self.names.is_empty() || aliases(config).iter().any(|name| self.former.contains(name)) {
            self.amend_names(config)?;
        }
        Ok(())
    }

    fn amend_names(&self, config: &mut DistributionConfig) -> Result<(), Error> {
        let kept = aliases(config).into_iter().filter(|name| !self.former.contains(name));
        let mut names: Vec<String> = kept.map(str::to_owned).collect();
        for name in &self.names {
            if !names.iter().any(|known| known == name) {
                names.push((*name).to_owned());
            }
        }
        let quantity = i32::try_from(names.len()).unwrap_or(i32::MAX);
        let none_left = names.is_empty();
        let list = Aliases::builder().quantity(quantity).set_items(Some(names)).build();
        config.aliases = Some(list.map_err(invalid)?);
        if none_left {
            let own = ViewerCertificate::builder().cloud_front_default_certificate(true);
            config.viewer_certificate = Some(own.build());
        } else if !self.names.is_empty() {
            let policy = Some(security_policy(config)).filter(|policy| STRICTER.contains(policy));
            let policy = policy.unwrap_or(SECURITY_POLICY).to_owned();
            let arn = self.certificate.or(certificate(config)).map(str::to_owned);
            let own = ViewerCertificate::builder()
                .set_acm_certificate_arn(arn)
                .ssl_support_method(SslSupportMethod::SniOnly)
                .minimum_protocol_version(MinimumProtocolVersion::from(policy.as_str()));
            config.viewer_certificate = Some(own.build());
        }
        Ok(())
    }
}

/// The names of one's own that it answers to.
fn aliases(config: &DistributionConfig) -> Vec<&str> {
    let items = config.aliases.as_ref().and_then(|aliases| aliases.items.as_deref());
    items.unwrap_or_default().iter().map(String::as_str).collect()
}

/// The ARN of its certificate; `None`: CloudFront's own.
pub(super) fn certificate(config: &DistributionConfig) -> Option<&str> {
    let certificate = config.viewer_certificate.as_ref()?;
    certificate.acm_certificate_arn().filter(|arn| !arn.is_empty())
}

fn security_policy(config: &DistributionConfig) -> &str {
    let certificate = config.viewer_certificate.as_ref();
    let policy = certificate.and_then(ViewerCertificate::minimum_protocol_version);
    policy.map_or("", MinimumProtocolVersion::as_str)
}

pub(super) fn invalid(error: BuildError) -> Error {
    Error::failed("could not make the distribution's configuration").because(error.to_string())
}

/// Ids of AWS's managed policies, the same in every account.
/// Source: CloudFront developer guide, using-managed-cache-policies.
pub(super) fn cache_policy_id(policy: CachePolicy) -> &'static str {
    match policy {
        CachePolicy::CachingOptimized => "658327ea-f89d-4fab-a63d-7e88639e58f6",
        CachePolicy::CachingOptimizedForUncompressedObjects => "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        CachePolicy::CachingDisabled => "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        CachePolicy::UseOriginCacheControlHeaders => "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        CachePolicy::UseOriginCacheControlHeadersQueryStrings => "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    }
}

impl Wanted<'_> {
    /// The configuration of a new distribution.
    ///
    /// # Errors
    /// Where the SDK does not take it.
    pub(super) fn config(&self, caller_reference: &str) -> Result<DistributionConfig, Error> {
        let config = DistributionConfig::builder()
            .caller_reference(caller_reference)
            .comment(self.comment)
            .enabled(true)
            .viewer_certificate(
                ViewerCertificate::builder()
                    .cloud_front_default_certificate(true)
                    .build(),
            )
            .origins(self.origins()?)
            .default_cache_behavior(self.behavior()?)
            .build();
        let mut config = config.map_err(invalid)?;
        self.amend(&mut config)?;
        Ok(config)
    }

    fn origins(&self) -> Result<Origins, Error> {
        let origin = Origin::builder()
            .id(ORIGIN_ID)
            .domain_name(self.origin.unwrap_or_default())
            .custom_origin_config(self.custom_origin()?)
            .build();
        let origins = Origins::builder().quantity(1).items(origin.map_err(invalid)?);
        origins.build().map_err(invalid)
    }

    /// Both ports are named, whichever is come to.
    fn custom_origin(&self) -> Result<CustomOriginConfig, Error> {
        let origin = CustomOriginConfig::builder()
            .http_port(80)
            .https_port(443)
            .origin_protocol_policy(OriginProtocolPolicy::HttpOnly)
            .origin_read_timeout(seconds(self.cdn.origin_read_timeout))
            .origin_keepalive_timeout(seconds(self.cdn.origin_keepalive_timeout));
        let mut origin = origin.build().map_err(invalid)?;
        self.way.amend_origin(&mut origin)?;
        Ok(origin)
    }

    fn behavior(&self) -> Result<DefaultCacheBehavior, Error> {
        let behavior = DefaultCacheBehavior::builder()
            .target_origin_id(ORIGIN_ID)
            .viewer_protocol_policy(ViewerProtocolPolicy::from(self.cdn.viewer_protocol.as_str()));
        behavior.build().map_err(invalid)
    }

    fn methods(&self) -> Result<AllowedMethods, Error> {
        // OPTIONS is cached only where it is asked for: the console leaves it out.
        let cached = CachedMethods::builder()
            .quantity(2)
            .items(Method::Get)
            .items(Method::Head)
            .build();
        let methods: Vec<Method> = self
            .cdn
            .methods
            .iter()
            .map(|method| Method::from(method.as_str()))
            .collect();
        AllowedMethods::builder()
            .quantity(i32::try_from(methods.len()).unwrap_or(i32::MAX))
            .set_items(Some(methods))
            .cached_methods(cached.map_err(invalid)?)
            .build()
            .map_err(invalid)
    }

    /// Sets what we manage, and nothing else.
    ///
    /// # Errors
    /// Where the SDK does not take it.
    pub(super) fn amend(&self, config: &mut DistributionConfig) -> Result<(), Error> {
        config.enabled = true;
        config.comment = self.comment.to_owned();
        config.price_class = Some(self.cdn.price_class.as_str().into());
        config.http_version = Some(self.cdn.http_version.as_str().into());
        config.is_ipv6_enabled = Some(self.cdn.ipv6);
        self.domain.amend(config)?;
        if let Some(web_acl) = self.web_acl {
            config.web_acl_id = Some(web_acl.to_owned());
        }
        match &mut config.default_cache_behavior {
            Some(behavior) => {
                behavior.viewer_protocol_policy = self.cdn.viewer_protocol.as_str().into();
                behavior.compress = Some(self.cdn.compress);
                behavior.allowed_methods = Some(self.methods()?);
                behavior.cache_policy_id = Some(cache_policy_id(self.cdn.cache_policy).to_owned());
                self.way.amend_behavior(behavior);
                forget_legacy_settings(behavior);
            }
            none => *none = Some(self.behavior()?),
        }
        match origin_mut(config) {
            Some(origin) => {
                if let Some(name) = self.origin {
                    origin.domain_name = name.to_owned();
                }
                if let Some(secret) = self.secret {
                    send_along(origin, secret)?;
                }
                match &mut origin.custom_origin_config {
                    Some(custom) => {
                        (custom.http_port, custom.https_port) = (80, 443);
                        self.way.amend_origin(custom)?;
                        custom.origin_read_timeout = Some(seconds(self.cdn.origin_read_timeout));
                        custom.origin_keepalive_timeout = Some(seconds(self.cdn.origin_keepalive_timeout));
                    }
                    none => *none = Some(self.custom_origin()?),
                }
            }
            None => config.origins = Some(self.origins()?),
        }
        self.way.amend_errors(config)?;
        let uncached = Uncached {
            cdn: self.cdn,
            forwards_host: self.way.is_https(),
            former: &self.former_uncached,
            methods: self.methods()?,
        };
        uncached.amend(config)
    }

    /// What of a live distribution is not as it should be.
    ///
    /// # Errors
    /// Where the SDK does not take what is wanted.
    pub(super) fn differences(&self, live: &DistributionConfig) -> Result<Vec<FieldChange>, Error> {
        let mut wanted = live.clone();
        self.amend(&mut wanted)?;
        let pairs = fields(live).into_iter().zip(fields(&wanted));
        let differing = pairs.filter(|((_, is), (_, should))| is != should);
        let of_paths = behaviors::differences(live, &wanted);
        let told = |field: &str, value: String| match field {
            ORIGIN_HEADER => some(value).map(|_| NOT_SHOWN.to_owned()),
            _ => some(value),
        };
        Ok(differing
            .map(|((field, is), (_, should))| FieldChange::new(field, told(field, is), told(field, should)))
            .chain(of_paths)
            .collect())
    }
}

#[expect(
    deprecated,
    reason = "CloudFront refuses a cache policy beside the settings that it replaced"
)]
fn forget_legacy_settings(behavior: &mut DefaultCacheBehavior) {
    behavior.forwarded_values = None;
    (behavior.min_ttl, behavior.default_ttl, behavior.max_ttl) = (None, None, None);
}

/// Sets the header that we manage, or takes it away; those of others stay.
fn send_along(origin: &mut Origin, secret: &str) -> Result<(), Error> {
    let headers = origin.custom_headers.take().and_then(|headers| headers.items);
    let mut headers = headers.unwrap_or_default();
    headers.retain(|header| !header.header_name.eq_ignore_ascii_case(HEADER));
    if !secret.is_empty() {
        let header = OriginCustomHeader::builder()
            .header_name(HEADER)
            .header_value(secret)
            .build();
        headers.push(header.map_err(invalid)?);
    }
    let quantity = i32::try_from(headers.len()).unwrap_or(i32::MAX);
    let headers = CustomHeaders::builder()
        .quantity(quantity)
        .set_items((!headers.is_empty()).then_some(headers));
    origin.custom_headers = Some(headers.build().map_err(invalid)?);
    Ok(())
}

/// What a distribution sends along in the header that we manage.
pub(super) fn sent_along(config: &DistributionConfig) -> &str {
    let headers = origin(config)
        .and_then(Origin::custom_headers)
        .map(CustomHeaders::items);
    let ours = headers
        .unwrap_or_default()
        .iter()
        .find(|header| header.header_name.eq_ignore_ascii_case(HEADER));
    ours.map_or("", OriginCustomHeader::header_value)
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn seconds(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// The origin of the default behaviour.
fn origin_mut(config: &mut DistributionConfig) -> Option<&mut Origin> {
    let id = config.default_cache_behavior.as_ref()?.target_origin_id.clone();
    config.origins.as_mut()?.items.iter_mut().find(|origin| origin.id == id)
}

fn origin(config: &DistributionConfig) -> Option<&Origin> {
    let id = &config.default_cache_behavior.as_ref()?.target_origin_id;
    config.origins.as_ref()?.items.iter().find(|origin| origin.id == *id)
}

/// The protocol by which it fetches: `http-only`, `https-only`, …
pub(super) fn origin_policy(config: &DistributionConfig) -> &str {
    let custom = origin(config).and_then(Origin::custom_origin_config);
    custom.map_or("", |custom| custom.origin_protocol_policy.as_str())
}

/// The name that a distribution fetches from.
pub(super) fn origin_name(config: &DistributionConfig) -> &str {
    origin(config).map_or("", Origin::domain_name)
}

/// Everything that we manage, as text, under CloudFront's own names.
fn fields(config: &DistributionConfig) -> Vec<(&'static str, String)> {
    let behavior = config.default_cache_behavior.as_ref();
    let custom = origin(config).and_then(Origin::custom_origin_config);
    let text = |value: Option<String>| value.unwrap_or_default();
    let number = |value: Option<i32>| text(value.map(|value| value.to_string()));
    let flag = |value: Option<bool>| value.unwrap_or_default().to_string();
    vec![
        ("Comment", config.comment.clone()),
        (ORIGIN_NAME, origin_name(config).to_owned()),
        (ORIGIN_HEADER, sent_along(config).to_owned()),
        (
            "OriginProtocolPolicy",
            text(custom.map(|custom| custom.origin_protocol_policy.to_string())),
        ),
        (
            "OriginSslProtocols",
            custom
                .and_then(CustomOriginConfig::origin_ssl_protocols)
                .map_or_else(String::new, ssl_protocols),
        ),
        ("HTTPPort", number(custom.map(|custom| custom.http_port))),
        (
            "OriginReadTimeout",
            number(custom.and_then(|custom| custom.origin_read_timeout)),
        ),
        (
            "OriginKeepaliveTimeout",
            number(custom.and_then(|custom| custom.origin_keepalive_timeout)),
        ),
        ("HTTPSPort", number(custom.map(|custom| custom.https_port))),
        ("AllowedMethods", methods(behavior)),
        ("CachedMethods", cached_methods(behavior)),
        (
            "CachePolicyId",
            text(behavior.and_then(|behavior| behavior.cache_policy_id.clone())),
        ),
        (
            "OriginRequestPolicyId",
            text(behavior.and_then(|behavior| behavior.origin_request_policy_id.clone())),
        ),
        (
            "ErrorCachingMinTTL 502",
            text(
                error_responses(config)
                    .iter()
                    .find(|one| is_unkept(one))
                    .map(|_| "0".to_owned()),
            ),
        ),
        (
            "ViewerProtocolPolicy",
            text(behavior.map(|behavior| behavior.viewer_protocol_policy.to_string())),
        ),
        ("Compress", flag(behavior.and_then(|behavior| behavior.compress))),
        (
            "PriceClass",
            text(config.price_class.as_ref().map(|class| class.as_str().to_owned())),
        ),
        (
            "HttpVersion",
            // CloudFront answers `HTTP2` in some lists and `http2` in configurations.
            text(
                config
                    .http_version
                    .as_ref()
                    .map(|version| version.as_str().to_ascii_lowercase()),
            ),
        ),
        ("IsIPV6Enabled", flag(config.is_ipv6_enabled)),
        (WEB_ACL, text(config.web_acl_id.clone())),
        ("Aliases", in_alphabetical_order(aliases(config))),
        (CERTIFICATE, certificate(config).unwrap_or_default().to_owned()),
        // Without names of one's own it counts for nobody, and is answered as `TLSv1`.
        (
            "MinimumProtocolVersion",
            aliases(config)
                .first()
                .map(|_| security_policy(config).to_owned())
                .unwrap_or_default(),
        ),
        ("Enabled", config.enabled.to_string()),
    ]
}

/// In alphabetical order: CloudFront keeps them as a set.
fn methods(behavior: Option<&DefaultCacheBehavior>) -> String {
    let allowed = behavior.and_then(|behavior| behavior.allowed_methods.as_ref());
    in_order(allowed.map_or(&[][..], |allowed| &allowed.items))
}

fn cached_methods(behavior: Option<&DefaultCacheBehavior>) -> String {
    let allowed = behavior.and_then(|behavior| behavior.allowed_methods.as_ref());
    let cached = allowed.and_then(|allowed| allowed.cached_methods.as_ref());
    in_order(cached.map_or(&[][..], |cached| &cached.items))
}

fn ssl_protocols(protocols: &OriginSslProtocols) -> String {
    in_alphabetical_order(protocols.items().iter().map(SslProtocol::as_str).collect())
}

fn in_order(methods: &[Method]) -> String {
    in_alphabetical_order(methods.iter().map(Method::as_str).collect())
}

fn in_alphabetical_order(mut words: Vec<&str>) -> String {
    words.sort_unstable();
    words.join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::front_door::Entrance;

    pub(crate) fn wanted(cdn: &Cdn) -> Wanted<'_> {
        Wanted {
            cdn,
            comment: "confctl tcb-conference us-east-1",
            origin: Some("awseb-1.us-east-1.elb.amazonaws.com"),
            secret: Some(""),
            way: IN_CLEAR,
            web_acl: Some("arn:aws:wafv2:us-east-1:111122223333:global/webacl/one/1"),
            former_uncached: BTreeSet::new(),
            domain: named(&[], &[], None),
        }
    }

    pub(crate) const IN_CLEAR: OriginWay = OriginWay {
        entrance: Entrance::Http,
        was_https: false,
    };
    const CERTIFICATE_ARN: &str = "arn:aws:acm:us-east-1:111122223333:certificate/1";

    fn named<'a>(names: &[&'a str], former: &[&'a str], certificate: Option<&'a str>) -> Domain<'a> {
        Domain {
            names: names.to_vec(),
            former: former.to_vec(),
            certificate,
        }
    }

    fn served_at(names: &[&str]) -> DistributionConfig {
        let cdn = Cdn::default();
        let wanted = Wanted {
            domain: named(names, &[], Some(CERTIFICATE_ARN)),
            ..wanted(&cdn)
        };
        wanted.config("confctl-1").unwrap()
    }

    #[test]
    fn a_name_of_ones_own_comes_with_its_certificate_and_goes_with_the_profile() {
        let config = served_at(&["example.org", "www.example.org"]);
        assert_eq!(aliases(&config), ["example.org", "www.example.org"]);
        assert_eq!(
            (certificate(&config), security_policy(&config)),
            (Some(CERTIFICATE_ARN), "TLSv1.2_2021")
        );
        let mut without = config.clone();
        named(&[], &["example.org", "www.example.org"], None)
            .amend(&mut without)
            .unwrap();
        assert_eq!((aliases(&without), certificate(&without)), (vec![], None));
        let mut moved = config.clone();
        named(&["new.example.org"], &["example.org", "www.example.org"], Some("arn:2"))
            .amend(&mut moved)
            .unwrap();
        assert_eq!(
            (aliases(&moved), certificate(&moved)),
            (vec!["new.example.org"], Some("arn:2"))
        );
    }

    #[test]
    fn a_domain_that_somebody_added_by_hand_is_never_removed() {
        let config = served_at(&["mine.example.org"]);
        for domain in [named(&[], &[], None), named(&[], &["old.example.org"], None)] {
            let mut amended = config.clone();
            domain.amend(&mut amended).unwrap();
            assert_eq!(amended, config);
            assert_eq!(domain.stray(&config), None, "nothing of ours is in its way");
        }
        let ours = named(&["events.example.org"], &[], Some(CERTIFICATE_ARN));
        assert_eq!(ours.stray(&config), Some("mine.example.org"));
        let mut both = config.clone();
        ours.amend(&mut both).unwrap();
        assert_eq!(aliases(&both), ["mine.example.org", "events.example.org"]);
    }

    #[test]
    fn a_stricter_security_policy_stays_and_a_weaker_one_does_not() {
        for (live, kept) in [("TLSv1.3_2025", "TLSv1.3_2025"), ("TLSv1.1_2016", "TLSv1.2_2021")] {
            let mut config = served_at(&["example.org"]);
            if let Some(certificate) = &mut config.viewer_certificate {
                certificate.minimum_protocol_version = Some(MinimumProtocolVersion::from(live));
            }
            named(&["example.org"], &[], Some(CERTIFICATE_ARN))
                .amend(&mut config)
                .unwrap();
            assert_eq!(security_policy(&config), kept);
        }
    }

    #[test]
    fn the_articles_distribution_has_every_value_of_the_article() {
        let cdn = Cdn::default();
        let config = wanted(&cdn).config("confctl-1").unwrap();
        let is: std::collections::BTreeMap<_, _> = fields(&config).into_iter().collect();
        assert_eq!(is["Origin.DomainName"], "awseb-1.us-east-1.elb.amazonaws.com");
        assert_eq!(is["OriginProtocolPolicy"], "http-only");
        assert_eq!(is["AllowedMethods"], "DELETE GET HEAD OPTIONS PATCH POST PUT");
        assert_eq!(is["CachePolicyId"], "658327ea-f89d-4fab-a63d-7e88639e58f6");
        assert_eq!(is["ViewerProtocolPolicy"], "allow-all");
        assert_eq!(is["PriceClass"], "PriceClass_All");
        assert_eq!(is["IsIPV6Enabled"], "true");
    }

    #[test]
    fn a_created_distribution_is_as_it_should_be_whatever_the_order_of_its_methods() {
        let cdn = Cdn::default();
        let mut config = wanted(&cdn).config("confctl-1").unwrap();
        if let Some(methods) = config
            .default_cache_behavior
            .as_mut()
            .and_then(|b| b.allowed_methods.as_mut())
        {
            methods.items.reverse();
        }
        assert_eq!(wanted(&cdn).differences(&config).unwrap(), []);
    }

    #[test]
    fn a_replaced_load_balancer_shows_as_a_new_origin_and_one_not_yet_known_as_nothing() {
        let cdn = Cdn::default();
        let config = wanted(&cdn).config("confctl-1").unwrap();
        let moved = Wanted {
            origin: Some("awseb-2.us-east-1.elb.amazonaws.com"),
            ..wanted(&cdn)
        };
        assert_eq!(moved.differences(&config).unwrap().len(), 1);
        let unknown = Wanted {
            origin: None,
            secret: None,
            web_acl: None,
            ..wanted(&cdn)
        };
        assert_eq!(unknown.differences(&config).unwrap(), []);
    }

    #[test]
    fn the_secret_is_sent_along_beside_what_others_send_and_shown_to_nobody() {
        let cdn = Cdn::default();
        let mut config = wanted(&cdn).config("confctl-1").unwrap();
        assert_eq!(sent_along(&config), "");
        let of_others = OriginCustomHeader::builder()
            .header_name("x-team")
            .header_value("events");
        let headers = CustomHeaders::builder().quantity(1).items(of_others.build().unwrap());
        origin_mut(&mut config).unwrap().custom_headers = Some(headers.build().unwrap());
        let with = |secret| Wanted {
            secret: Some(secret),
            ..wanted(&cdn)
        };
        let added = with("0001aa").differences(&config).unwrap();
        assert_eq!(added, [FieldChange::new(ORIGIN_HEADER, None, NOT_SHOWN.to_owned())]);
        with("0001aa").amend(&mut config).unwrap();
        assert_eq!(sent_along(&config), "0001aa");
        let changed = with("0002bb").differences(&config).unwrap();
        assert_eq!(changed.len(), 1);
        assert!(!format!("{changed:?}").contains("0002bb"), "{changed:?}");
        with("").amend(&mut config).unwrap();
        let left = origin(&config).and_then(Origin::custom_headers).unwrap();
        assert_eq!((left.quantity(), left.items()[0].header_name()), (1, "x-team"));
    }

    #[test]
    fn what_others_set_on_it_survives_an_update() {
        let cdn = Cdn::default();
        let mut config = wanted(&cdn).config("confctl-1").unwrap();
        config.default_root_object = Some("index.html".to_owned());
        config.enabled = false;
        wanted(&cdn).amend(&mut config).unwrap();
        assert_eq!(config.default_root_object.as_deref(), Some("index.html"));
        assert!(config.enabled);
    }
}
