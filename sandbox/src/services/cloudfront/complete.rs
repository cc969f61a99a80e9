//! What an update of a distribution must say: nothing of a configuration is merged with what was there.
//! Must know nothing of what the members mean.

use winterbaume_cloudfront::wire as w;

use crate::world::Refusal;

/// The new configuration replaces the old one, and members that a creation may leave out are required (developer guide,
/// "Required API fields for creating and updating distributions"; facts/aws.md §1.6). The codes and texts that were
/// seen: Aliases and OriginCustomHeaders (scttfrdmn/substrate, from an account), WebACLId (yaybu/touchdown#66), the
/// origin's time-outs (boto/boto3#1083), FieldLevelEncryptionId (boto/boto3#1558), OriginSslProtocols
/// (lucidsoftware/cumulus#131), Headers (aws/aws-sdk-net#825), MinTTL (aws-controllers-k8s/community#2335). The others
/// are given in their pattern.
///
/// # Errors
/// `IllegalUpdate` or `InvalidArgument`, with the name of the first member that is missing.
pub(super) fn check(config: &w::DistributionConfig) -> Result<(), Refusal> {
    let missing = |member: &str| Refusal::new("IllegalUpdate", format!("{member} is missing for the resource"));
    if config.aliases.is_none() {
        return Err(Refusal::new("IllegalUpdate", "Aliases are missing for the resource"));
    }
    for (member, is_there) in [
        ("DefaultRootObject", config.default_root_object.is_some()),
        ("CacheBehaviors", config.cache_behaviors.is_some()),
        ("CustomErrorResponses", config.custom_error_responses.is_some()),
        ("Logging", config.logging.is_some()),
        ("PriceClass", config.price_class.is_some()),
        ("ViewerCertificate", config.viewer_certificate.is_some()),
        ("Restrictions", config.restrictions.is_some()),
        ("WebACLId", config.web_a_c_l_id.is_some()),
        ("HttpVersion", config.http_version.is_some()),
    ] {
        if !is_there {
            return Err(missing(member));
        }
    }
    config.origins.items.items.iter().try_for_each(check_origin)?;
    // Two types with the same members.
    macro_rules! check_behavior {
        ($behavior:expr) => {{
            let behavior = $behavior;
            for (member, is_there) in [
                ("AllowedMethods", behavior.allowed_methods.is_some()),
                ("Compress", behavior.compress.is_some()),
                (
                    "Lambda function associations",
                    behavior.lambda_function_associations.is_some(),
                ),
                (
                    "Field level encryption id",
                    behavior.field_level_encryption_id.is_some(),
                ),
            ] {
                require(member, is_there)?;
            }
            if behavior.smooth_streaming.is_none() {
                return Err(invalid("The parameter SmoothStreaming flag is missing."));
            }
            if let Some(values) = &behavior.forwarded_values {
                require("Header settings", values.headers.is_some())?;
                require("QueryStringCacheKeys", values.query_string_cache_keys.is_some())?;
                require("MinTTL", behavior.min_t_t_l.is_some())?;
                require("DefaultTTL", behavior.default_t_t_l.is_some())?;
                require("MaxTTL", behavior.max_t_t_l.is_some())?;
            }
        }};
    }
    check_behavior!(&config.default_cache_behavior);
    let behaviors = config.cache_behaviors.iter().flat_map(|list| &list.items);
    for behavior in behaviors.flat_map(|list| &list.items) {
        check_behavior!(behavior);
    }
    Ok(())
}

fn check_origin(origin: &w::Origin) -> Result<(), Refusal> {
    let illegal = |text: &str| Err(Refusal::new("IllegalUpdate", text));
    if origin.custom_headers.is_none() {
        return illegal("The 'OriginCustomHeaders' field is missing.");
    }
    let Some(custom) = &origin.custom_origin_config else {
        return Ok(());
    };
    if custom.origin_read_timeout.is_none() {
        return illegal("OriginReadTimeout is required for updates.");
    }
    if custom.origin_keepalive_timeout.is_none() {
        return illegal("OriginKeepaliveTimeout is required for updates.");
    }
    require("OriginSslProtocols", custom.origin_ssl_protocols.is_some())
}

fn require(member: &str, is_there: bool) -> Result<(), Refusal> {
    match is_there {
        true => Ok(()),
        false => Err(invalid(&format!("The parameter {member} is required."))),
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::new("InvalidArgument", text)
}
