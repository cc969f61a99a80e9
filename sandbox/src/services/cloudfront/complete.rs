//! What an update of a distribution must say: nothing of a configuration is merged with what was there.
//! Must know nothing of what the members mean.

use serde_json::Value;
use winterbaume_cloudfront::wire as w;

use super::configuration::unreadable;
use crate::world::Refusal;

/// Members of the configuration that a creation may leave out.
const CONFIGURATION: &[&str] = &[
    "DefaultRootObject",
    "CacheBehaviors",
    "CustomErrorResponses",
    "Logging",
    "PriceClass",
    "ViewerCertificate",
    "Restrictions",
    "WebACLId",
    "HttpVersion",
];
/// Those of a behavior, and what CloudFront calls them.
const BEHAVIOR: &[(&str, &str)] = &[
    ("AllowedMethods", "AllowedMethods"),
    ("Compress", "Compress"),
    ("LambdaFunctionAssociations", "LambdaFunctionAssociations"),
    ("FieldLevelEncryptionId", "Field level encryption id"),
];
/// Those of a behavior without a cache policy.
const TIMES: &[(&str, &str)] = &[("MinTTL", "MinTTL"), ("DefaultTTL", "DefaultTTL"), ("MaxTTL", "MaxTTL")];
const FORWARDED_VALUES: &[(&str, &str)] = &[
    ("Headers", "Header settings"),
    ("QueryStringCacheKeys", "QueryStringCacheKeys"),
];

/// The new configuration replaces the old one, and members that a creation may leave out are required (CloudFront guide:
/// "Required API fields for creating and updating distributions"). The codes and texts that were
/// seen: Aliases, OriginCustomHeaders and SmoothStreaming (scttfrdmn/substrate, from an account), WebACLId
/// (yaybu/touchdown#66), the origin's time-outs (boto/boto3#1083), FieldLevelEncryptionId (boto/boto3#1558),
/// OriginSslProtocols (lucidsoftware/cumulus#131), Headers (aws/aws-sdk-net#825), MinTTL
/// (aws-controllers-k8s/community#2335). The others are given in their pattern.
///
/// # Errors
/// `IllegalUpdate` or `InvalidArgument`, with the name of the first member that is missing.
pub(super) fn check(config: &w::DistributionConfig) -> Result<(), Refusal> {
    let document = serde_json::to_value(config).map_err(unreadable)?;
    if document.get("Aliases").is_none() {
        return illegal("Aliases are missing for the resource");
    }
    if let Some(member) = CONFIGURATION.iter().find(|member| document.get(**member).is_none()) {
        return illegal(&format!("{member} is missing for the resource"));
    }
    let list = |list: &str, element: &str| document[list]["Items"][element].as_array().into_iter().flatten();
    list("Origins", "Origin").try_for_each(check_origin)?;
    check_behavior(&document["DefaultCacheBehavior"])?;
    list("CacheBehaviors", "CacheBehavior").try_for_each(check_behavior)
}

fn check_origin(origin: &Value) -> Result<(), Refusal> {
    if origin.get("CustomHeaders").is_none() {
        return illegal("The 'OriginCustomHeaders' field is missing.");
    }
    let Some(custom) = origin.get("CustomOriginConfig") else {
        return Ok(());
    };
    for member in ["OriginReadTimeout", "OriginKeepaliveTimeout"] {
        if custom.get(member).is_none() {
            return illegal(&format!("{member} is required for updates."));
        }
    }
    require(custom, &[("OriginSslProtocols", "OriginSslProtocols")])
}

fn check_behavior(behavior: &Value) -> Result<(), Refusal> {
    require(behavior, BEHAVIOR)?;
    if behavior.get("SmoothStreaming").is_none() {
        return invalid("The parameter SmoothStreaming flag is missing.");
    }
    let Some(values) = behavior.get("ForwardedValues") else {
        return Ok(());
    };
    require(values, FORWARDED_VALUES)?;
    require(behavior, TIMES)
}

fn require(structure: &Value, members: &[(&str, &str)]) -> Result<(), Refusal> {
    match members.iter().find(|(member, _)| structure.get(member).is_none()) {
        Some((_, name)) => invalid(&format!("The parameter {name} is required.")),
        None => Ok(()),
    }
}

fn illegal(text: &str) -> Result<(), Refusal> {
    Err(Refusal::new("IllegalUpdate", text))
}

fn invalid(text: &str) -> Result<(), Refusal> {
    Err(Refusal::new("InvalidArgument", text))
}
