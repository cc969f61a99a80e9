//! DistributionConfig ↔ the world's configuration: what CloudFront fills in, what must agree, what the sandbox refuses.
//! The whole document is kept beside what is acted on, so that it reads back as it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use winterbaume_cloudfront::wire as w;

use super::inconsistent;
use crate::world::Refusal;
use crate::world::distributions::{Behavior, Caching, Configuration, ErrorPage, ErrorResponse, Origin};
use crate::world::edge_policies::{CacheRules, OriginRequestRules, Selection};

macro_rules! distribution {
    () => {
        "DistributionConfig{CallerReference,Comment,Enabled,DefaultRootObject,WebACLId,Aliases{Quantity,Items},\
         Origins{Quantity,Items{Id,DomainName,OriginPath,CustomHeaders{Quantity,Items{HeaderName,HeaderValue}},\
         CustomOriginConfig{HTTPPort,HTTPSPort~,OriginProtocolPolicy,OriginSslProtocols{Quantity~,Items~},\
         OriginReadTimeout,OriginKeepaliveTimeout~,IpAddressType=ipv4},\
         ConnectionAttempts~,ConnectionTimeout~,OriginShield{Enabled=false},OriginAccessControlId=}},\
         DefaultCacheBehavior{TargetOriginId,ViewerProtocolPolicy,AllowedMethods{Quantity,Items,CachedMethods{Quantity,Items}},Compress,\
         CachePolicyId,OriginRequestPolicyId,ResponseHeadersPolicyId,MinTTL,DefaultTTL,MaxTTL,\
         ForwardedValues{QueryString,Cookies{Forward,WhitelistedNames{Quantity,Items}},Headers{Quantity,Items},\
         QueryStringCacheKeys{Quantity,Items}},\
         TrustedSigners{Enabled=false,Quantity=0},TrustedKeyGroups{Enabled=false,Quantity=0},SmoothStreaming=false,\
         LambdaFunctionAssociations{Quantity=0},FunctionAssociations{Quantity=0},FieldLevelEncryptionId=,\
         RealtimeLogConfigArn=,GrpcConfig{Enabled=false}},\
         CacheBehaviors{Quantity,Items{PathPattern,TargetOriginId,ViewerProtocolPolicy,AllowedMethods{Quantity,Items,CachedMethods{Quantity,Items}},Compress,\
         CachePolicyId,OriginRequestPolicyId,ResponseHeadersPolicyId,MinTTL,DefaultTTL,MaxTTL,\
         ForwardedValues{QueryString,Cookies{Forward,WhitelistedNames{Quantity,Items}},Headers{Quantity,Items},\
         QueryStringCacheKeys{Quantity,Items}},\
         TrustedSigners{Enabled=false,Quantity=0},TrustedKeyGroups{Enabled=false,Quantity=0},SmoothStreaming=false,\
         LambdaFunctionAssociations{Quantity=0},FunctionAssociations{Quantity=0},FieldLevelEncryptionId=,\
         RealtimeLogConfigArn=,GrpcConfig{Enabled=false}}},\
         CustomErrorResponses{Quantity,Items{ErrorCode,ResponsePagePath,ResponseCode,ErrorCachingMinTTL}},\
         OriginGroups{Quantity=0},Logging{Enabled=false,IncludeCookies=false,Bucket=,Prefix=},\
         Restrictions{GeoRestriction{RestrictionType=none,Quantity=0}},\
         ViewerCertificate{CloudFrontDefaultCertificate,ACMCertificateArn,Certificate~,CertificateSource~,\
         SSLSupportMethod~,MinimumProtocolVersion~,IAMCertificateId=},\
         PriceClass~,HttpVersion~,IsIPV6Enabled~,Staging=false,ContinuousDeploymentPolicyId=,AnycastIpListId=,\
         ConnectionMode=direct}"
    };
}

/// What is honoured of a distribution; what the edge would otherwise leave out is taken only where it asks for nothing.
pub(super) const DISTRIBUTION: &str = distribution!();

pub(super) const DISTRIBUTION_WITH_TAGS: &str = concat!(
    "DistributionConfigWithTags{",
    distribution!(),
    ",Tags{Items{Key,Value}}}"
);

/// Where nothing is said: a day, and a year (CloudFront API, CachePolicyConfig).
pub(super) const DEFAULT_TTL: i64 = 86_400;
pub(super) const MAX_TTL: i64 = 31_536_000;

/// Reads a configuration as a client sent it.
///
/// # Errors
/// `InconsistentQuantities`, `InvalidArgument`; `NotImplemented` for what the edge of the sandbox cannot do.
pub(super) fn read(mut config: w::DistributionConfig) -> Result<Configuration, Refusal> {
    check_certificate(config.viewer_certificate.as_ref())?;
    check_origins(&config)?;
    check_quantities(&config)?;
    fill_in(&mut config);
    let default = plain(&config.default_cache_behavior)?;
    let behaviors = config
        .cache_behaviors
        .iter()
        .flat_map(|list| list.items.iter().flat_map(|list| &list.items));
    let certificate = config.viewer_certificate.as_ref();
    Ok(Configuration {
        aliases: config
            .aliases
            .iter()
            .flat_map(|list| list.items.iter().flat_map(|list| list.items.clone()))
            .collect(),
        certificate_arn: certificate
            .and_then(|one| one.a_c_m_certificate_arn.clone())
            .unwrap_or_default(),
        minimum_protocol: certificate
            .and_then(|one| one.minimum_protocol_version.clone())
            .unwrap_or_default(),
        caller_reference: config.caller_reference.clone(),
        comment: config.comment.clone(),
        enabled: config.enabled,
        default_root_object: config.default_root_object.clone().unwrap_or_default(),
        web_acl_id: config.web_a_c_l_id.clone().unwrap_or_default(),
        origins: config.origins.items.items.iter().map(origin).map(Arc::new).collect(),
        default_behavior: Arc::new(behavior(&default)?),
        behaviors: behaviors
            .map(|one| behavior(one).map(Arc::new))
            .collect::<Result<_, _>>()?,
        error_responses: error_responses(&config)?,
        document: serde_json::to_value(&config).map_err(unreadable)?,
    })
}

/// The configuration as it was sent, with what CloudFront fills in.
///
/// # Errors
/// `InternalError`, should the stored document not be one.
pub(super) fn write(configuration: &Configuration) -> Result<w::DistributionConfig, Refusal> {
    serde_json::from_value(configuration.document.clone()).map_err(unreadable)
}

pub(super) fn unreadable(error: serde_json::Error) -> Refusal {
    Refusal::with_status(500, "InternalError", error.to_string())
}

/// The default behavior in the form of the others: only the pattern is missing in it.
fn plain(default: &w::DefaultCacheBehavior) -> Result<w::CacheBehavior, Refusal> {
    let mut document = serde_json::to_value(default).map_err(unreadable)?;
    document["PathPattern"] = "*".into();
    serde_json::from_value(document).map_err(unreadable)
}

fn behavior(one: &w::CacheBehavior) -> Result<Behavior, Refusal> {
    let allowed = one.allowed_methods.clone().unwrap_or_default();
    let named = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    let caching = match (named(&one.cache_policy_id), &one.forwarded_values) {
        (Some(cache_policy_id), None) => Caching::Policies {
            cache_policy_id,
            origin_request_policy_id: named(&one.origin_request_policy_id),
        },
        (None, Some(values)) if named(&one.origin_request_policy_id).is_none() => forwarded(one, values),
        (None, None) => {
            return Err(Refusal::new(
                "InvalidArgument",
                "The parameter ForwardedValues is required when there is no CachePolicyId.",
            ));
        }
        _ => {
            return Err(Refusal::new(
                "InvalidArgument",
                "The parameter ForwardedValues cannot be used when a cache policy or an origin request policy is associated to the cache behavior.",
            ));
        }
    };
    Ok(Behavior {
        path_pattern: one.path_pattern.clone(),
        target_origin_id: one.target_origin_id.clone(),
        viewer_protocol_policy: one.viewer_protocol_policy.clone(),
        cached_methods: allowed.cached_methods.unwrap_or_default().items.items,
        allowed_methods: allowed.items.items,
        compress: one.compress.unwrap_or(false),
        caching,
        response_headers_policy_id: named(&one.response_headers_policy_id),
    })
}

/// The deprecated way to say what is in the key and what reaches the origin (CloudFront API, ForwardedValues).
fn forwarded(one: &w::CacheBehavior, values: &w::ForwardedValues) -> Caching {
    let selection = |all: bool, names: Vec<String>| match (all, names.is_empty()) {
        (true, _) => Selection::All,
        (false, true) => Selection::Nothing,
        (false, false) => Selection::Only(names),
    };
    let names = values
        .headers
        .clone()
        .and_then(|list| list.items)
        .unwrap_or_default()
        .items;
    let every_header = names.iter().any(|name| name == "*");
    let headers = selection(every_header, names);
    let preference = &values.cookies;
    let names = preference
        .whitelisted_names
        .clone()
        .and_then(|list| list.items)
        .unwrap_or_default()
        .items;
    let cookies = selection(
        preference.forward == "all",
        if preference.forward == "whitelist" {
            names
        } else {
            Vec::new()
        },
    );
    let keys = values
        .query_string_cache_keys
        .clone()
        .and_then(|list| list.items)
        .unwrap_or_default()
        .items;
    let query = selection(
        values.query_string && (keys.is_empty() || keys.iter().any(|key| key == "*")),
        keys,
    );
    let min_ttl = one.min_t_t_l.unwrap_or(0);
    let default_ttl = one.default_t_t_l.unwrap_or(DEFAULT_TTL.max(min_ttl));
    let max_ttl = one.max_t_t_l.unwrap_or(MAX_TTL.max(default_ttl));
    Caching::ForwardedValues {
        cache: Arc::new(CacheRules {
            // Where all headers are forwarded, nothing is ever kept (CloudFront guide, Expiration).
            max_ttl: if every_header { min_ttl } else { max_ttl },
            default_ttl: if every_header { min_ttl } else { default_ttl },
            // Gzip is looked at in any case; Brotli needs a cache policy (CloudFront guide, ServingCompressedFiles).
            gzip: !every_header,
            headers: headers.clone(),
            cookies: cookies.clone(),
            query,
            ..CacheRules::new(min_ttl, default_ttl, max_ttl)
        }),
        origin_request: Arc::new(OriginRequestRules {
            headers,
            cloudfront_headers: Vec::new(),
            cookies,
            query: selection(values.query_string, Vec::new()),
        }),
    }
}

fn origin(one: &w::Origin) -> Origin {
    let custom = one.custom_origin_config.clone().unwrap_or_default();
    let headers = one
        .custom_headers
        .iter()
        .flat_map(|list| list.items.iter().flat_map(|list| &list.items));
    Origin {
        id: one.id.clone(),
        domain_name: one.domain_name.clone(),
        path: one.origin_path.clone().unwrap_or_default(),
        custom_headers: headers
            .map(|header| (header.header_name.clone(), header.header_value.clone()))
            .collect(),
        protocol_policy: custom.origin_protocol_policy,
        http_port: u16::try_from(custom.h_t_t_p_port).unwrap_or_default(),
        https_port: u16::try_from(custom.h_t_t_p_s_port).unwrap_or_default(),
        ssl_protocols: custom.origin_ssl_protocols.unwrap_or_default().items.items,
        read_timeout: custom
            .origin_read_timeout
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(30),
    }
}

fn error_responses(config: &w::DistributionConfig) -> Result<BTreeMap<u16, ErrorResponse>, Refusal> {
    let list = config
        .custom_error_responses
        .iter()
        .flat_map(|list| list.items.iter().flat_map(|list| &list.items));
    let mut responses = BTreeMap::new();
    for one in list {
        let status = u16::try_from(one.error_code).unwrap_or_default();
        let page = match (blank(&one.response_page_path), blank(&one.response_code)) {
            (true, true) => None,
            (false, false) => Some(ErrorPage {
                path: one.response_page_path.clone().unwrap_or_default(),
                status: one
                    .response_code
                    .as_deref()
                    .and_then(|code| code.parse().ok())
                    .unwrap_or_default(),
            }),
            _ => {
                let text = "ResponsePagePath and ResponseCode must both be specified, or neither.";
                return Err(Refusal::new("InvalidArgument", text));
            }
        };
        let response = ErrorResponse {
            caching_min_ttl: one.error_caching_min_t_t_l,
            page,
        };
        if responses.insert(status, response).is_some() {
            let text = format!("Your request contains the error code {status} more than once.");
            return Err(Refusal::new("InvalidArgument", text));
        }
    }
    Ok(responses)
}

fn blank(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

/// What `MinimumProtocolVersion` may be where a certificate is served by SNI (CloudFront API, ViewerCertificate).
const SECURITY_POLICIES: &[&str] = &[
    "TLSv1",
    "TLSv1_2016",
    "TLSv1.1_2016",
    "TLSv1.2_2018",
    "TLSv1.2_2019",
    "TLSv1.2_2021",
    "TLSv1.2_2025",
    "TLSv1.3_2025",
];

/// A certificate of one's own wants to be told how it is served. Words of AWS's are not public.
fn check_certificate(certificate: Option<&w::ViewerCertificate>) -> Result<(), Refusal> {
    let Some(certificate) = certificate.filter(|one| !blank(&one.a_c_m_certificate_arn)) else {
        return Ok(());
    };
    let invalid = |text: &str| Err(Refusal::new("InvalidArgument", text));
    match certificate.s_s_l_support_method.as_deref() {
        Some("sni-only") => {}
        Some("vip" | "static-ip") => {
            return Err(crate::services::not_implemented("SSLSupportMethod other than sni-only"));
        }
        _ => return invalid("The parameter SSLSupportMethod is required."),
    }
    let policy = certificate.minimum_protocol_version.as_deref();
    match policy.is_none_or(|policy| SECURITY_POLICIES.contains(&policy)) {
        true => Ok(()),
        false => invalid("The parameter MinimumProtocolVersion is not valid."),
    }
}

/// An origin without this is a bucket.
fn check_origins(config: &w::DistributionConfig) -> Result<(), Refusal> {
    match config
        .origins
        .items
        .items
        .iter()
        .all(|origin| origin.custom_origin_config.is_some())
    {
        true => Ok(()),
        false => Err(crate::services::not_implemented("an origin without CustomOriginConfig")),
    }
}

/// Every list says its length twice, and CloudFront compares.
fn check_quantities(config: &w::DistributionConfig) -> Result<(), Refusal> {
    let check = |member: &str, quantity: i32, items: usize| match usize::try_from(quantity) == Ok(items) {
        true => Ok(()),
        false => Err(inconsistent(member)),
    };
    check("Origins", config.origins.quantity, config.origins.items.items.len())?;
    for origin in &config.origins.items.items {
        if let Some(list) = &origin.custom_headers {
            check(
                "CustomHeaders",
                list.quantity,
                list.items.as_ref().map_or(0, |list| list.items.len()),
            )?;
        }
    }
    if let Some(list) = &config.aliases {
        check(
            "Aliases",
            list.quantity,
            list.items.as_ref().map_or(0, |list| list.items.len()),
        )?;
    }
    if let Some(list) = &config.cache_behaviors {
        check(
            "CacheBehaviors",
            list.quantity,
            list.items.as_ref().map_or(0, |list| list.items.len()),
        )?;
    }
    if let Some(list) = &config.custom_error_responses {
        check(
            "CustomErrorResponses",
            list.quantity,
            list.items.as_ref().map_or(0, |list| list.items.len()),
        )?;
    }
    let behaviors = config
        .cache_behaviors
        .iter()
        .flat_map(|list| list.items.iter().flat_map(|list| &list.items));
    let methods = behaviors.map(|one| &one.allowed_methods);
    for methods in methods
        .chain([&config.default_cache_behavior.allowed_methods])
        .flatten()
    {
        check("AllowedMethods", methods.quantity, methods.items.items.len())?;
        if let Some(cached) = &methods.cached_methods {
            check("CachedMethods", cached.quantity, cached.items.items.len())?;
        }
    }
    Ok(())
}

/// What CloudFront answers for members that were left out (API, DistributionConfig and its parts).
fn fill_in(config: &mut w::DistributionConfig) {
    config.aliases.get_or_insert_default();
    config.cache_behaviors.get_or_insert_default();
    config.custom_error_responses.get_or_insert_default();
    config.origin_groups.get_or_insert_default();
    config.default_root_object.get_or_insert_default();
    config.web_a_c_l_id.get_or_insert_default();
    config.continuous_deployment_policy_id.get_or_insert_default();
    config.price_class.get_or_insert_with(|| "PriceClass_All".to_owned());
    config.http_version.get_or_insert_with(|| "http2".to_owned());
    config.is_i_p_v6_enabled.get_or_insert(false);
    config.staging.get_or_insert(false);
    let logging = config.logging.get_or_insert_default();
    logging.enabled.get_or_insert(false);
    logging.include_cookies.get_or_insert(false);
    logging.bucket.get_or_insert_default();
    logging.prefix.get_or_insert_default();
    let restrictions = config.restrictions.get_or_insert_default();
    if restrictions.geo_restriction.restriction_type.is_empty() {
        restrictions.geo_restriction.restriction_type = "none".to_owned();
    }
    let certificate = config.viewer_certificate.get_or_insert_default();
    let own = !blank(&certificate.a_c_m_certificate_arn);
    certificate.cloud_front_default_certificate.get_or_insert(!own);
    certificate
        .minimum_protocol_version
        .get_or_insert_with(|| "TLSv1".to_owned());
    certificate.s_s_l_support_method.get_or_insert_with(|| "vip".to_owned());
    // Deprecated, and answered all the same: they repeat what is said above.
    if own {
        certificate.certificate = certificate.a_c_m_certificate_arn.clone();
    }
    certificate.certificate_source = Some(if own { "acm" } else { "cloudfront" }.to_owned());
    config.origins.items.items.iter_mut().for_each(fill_in_origin);
    macro_rules! fill_in_behavior {
        ($behavior:expr) => {{
            let behavior = $behavior;
            fill_in_methods(behavior.allowed_methods.get_or_insert_default());
            behavior.compress.get_or_insert(false);
            behavior.smooth_streaming.get_or_insert(false);
            behavior.field_level_encryption_id.get_or_insert_default();
            behavior.trusted_signers.get_or_insert_default();
            behavior.trusted_key_groups.get_or_insert_default();
            behavior.lambda_function_associations.get_or_insert_default();
            behavior.function_associations.get_or_insert_default();
            behavior.grpc_config.get_or_insert_default();
            if let Some(values) = &mut behavior.forwarded_values {
                values.headers.get_or_insert_default();
                values.query_string_cache_keys.get_or_insert_default();
                let min_ttl = *behavior.min_t_t_l.get_or_insert(0);
                let default_ttl = *behavior.default_t_t_l.get_or_insert(DEFAULT_TTL.max(min_ttl));
                behavior.max_t_t_l.get_or_insert(MAX_TTL.max(default_ttl));
            }
        }};
    }
    // Two types with the same members.
    fill_in_behavior!(&mut config.default_cache_behavior);
    let behaviors = config.cache_behaviors.iter_mut().flat_map(|list| list.items.iter_mut());
    for behavior in behaviors.flat_map(|list| list.items.iter_mut()) {
        fill_in_behavior!(behavior);
    }
}

/// GET and HEAD are allowed, and cached, where nothing is said.
fn fill_in_methods(methods: &mut w::AllowedMethods) {
    let least = || vec!["HEAD".to_owned(), "GET".to_owned()];
    if methods.items.items.is_empty() {
        methods.items.items = least();
        methods.quantity = 2;
    }
    let cached = methods.cached_methods.get_or_insert_default();
    if cached.items.items.is_empty() {
        cached.items.items = least();
        cached.quantity = 2;
    }
}

fn fill_in_origin(origin: &mut w::Origin) {
    origin.origin_path.get_or_insert_default();
    origin.custom_headers.get_or_insert_default();
    origin.connection_attempts.get_or_insert(3);
    origin.connection_timeout.get_or_insert(10);
    origin.origin_access_control_id.get_or_insert_default();
    origin.origin_shield.get_or_insert_default();
    if let Some(custom) = &mut origin.custom_origin_config {
        custom.origin_read_timeout.get_or_insert(30);
        custom.origin_keepalive_timeout.get_or_insert(5);
        let protocols = custom.origin_ssl_protocols.get_or_insert_default();
        if protocols.items.items.is_empty() {
            protocols.items.items = ["TLSv1", "TLSv1.1", "TLSv1.2"].map(str::to_owned).to_vec();
            protocols.quantity = 3;
        }
    }
}
