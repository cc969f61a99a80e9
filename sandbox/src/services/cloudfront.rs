//! CloudFront: rest-xml ↔ distributions, invalidations and managed policies.
//! Nothing is decided here but form.

mod complete;
mod configuration;
mod policies;

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use winterbaume_cloudfront::wire as w;

use self::configuration::{DISTRIBUTION, DISTRIBUTION_WITH_TAGS};
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::distributions::{Distribution, Invalidation};
use crate::world::edge_policies::{CacheRules, OriginRequestRules, ResponseHeadersRules};
use crate::world::{Refusal, Tags, World};

pub(crate) const SERVICE: Service = Service {
    scope: "cloudfront",
    title: "Amazon CloudFront",
    operations: OPERATIONS,
    refuses: Some(refuse),
};

const PAGE: &[&str] = &["Marker", "MaxItems"];
const POLICIES: &[&str] = &["Type", "Marker", "MaxItems"];

const CACHE_POLICY: &str = "CachePolicyConfig{Name,Comment,MinTTL,DefaultTTL,MaxTTL,\
     ParametersInCacheKeyAndForwardedToOrigin{EnableAcceptEncodingGzip,EnableAcceptEncodingBrotli,\
     HeadersConfig{HeaderBehavior,Headers{Quantity,Items}},CookiesConfig{CookieBehavior,Cookies{Quantity,Items}},\
     QueryStringsConfig{QueryStringBehavior,QueryStrings{Quantity,Items}}}}";

const ORIGIN_REQUEST_POLICY: &str = "OriginRequestPolicyConfig{Name,Comment,\
     HeadersConfig{HeaderBehavior,Headers{Quantity,Items}},CookiesConfig{CookieBehavior,Cookies{Quantity,Items}},\
     QueryStringsConfig{QueryStringBehavior,QueryStrings{Quantity,Items}}}";

const RESPONSE_HEADERS_POLICY: &str = "ResponseHeadersPolicyConfig{Name,Comment,\
     CorsConfig{AccessControlAllowOrigins{Quantity,Items},AccessControlAllowHeaders{Quantity,Items},\
     AccessControlAllowMethods{Quantity,Items},AccessControlAllowCredentials,\
     AccessControlExposeHeaders{Quantity,Items},AccessControlMaxAgeSec,OriginOverride},\
     SecurityHeadersConfig{XSSProtection{Override,Protection,ModeBlock,ReportUri},FrameOptions{Override,FrameOption},\
     ReferrerPolicy{Override,ReferrerPolicy},ContentSecurityPolicy{Override,ContentSecurityPolicy},\
     ContentTypeOptions{Override},\
     StrictTransportSecurity{Override,IncludeSubdomains,Preload,AccessControlMaxAgeSec}},\
     ServerTimingHeadersConfig{Enabled,SamplingRate},CustomHeadersConfig{Quantity,Items{Header,Value,Override}},\
     RemoveHeadersConfig{Quantity,Items{Header}}}";

const OPERATIONS: &[Entry] = &[
    operation("CreateDistribution", &[DISTRIBUTION], create),
    operation(
        "CreateDistributionWithTags",
        &[DISTRIBUTION_WITH_TAGS],
        create_with_tags,
    ),
    operation("GetDistribution", &["Id"], get),
    operation("GetDistributionConfig", &["Id"], get_config),
    operation("UpdateDistribution", &["Id", "IfMatch", DISTRIBUTION], update),
    operation("DeleteDistribution", &["Id", "IfMatch"], delete),
    operation(
        "ListCloudFrontOriginAccessIdentities",
        PAGE,
        no_origin_access_identities,
    ),
    operation("ListDistributions", PAGE, list_all),
    operation(
        "ListDistributionsByWebACLId",
        &["WebACLId", "Marker", "MaxItems"],
        list_by_web_acl,
    ),
    operation("ListStreamingDistributions", PAGE, no_streaming_distributions),
    operation("ListTagsForResource", &["Resource"], list_tags),
    operation("TagResource", &["Resource", "Tags{Items{Key,Value}}"], tag),
    operation("UntagResource", &["Resource", "TagKeys{Items}"], untag),
    operation(
        "CreateInvalidation",
        &[
            "DistributionId",
            "InvalidationBatch{CallerReference,Paths{Quantity,Items}}",
        ],
        create_invalidation,
    ),
    operation("GetInvalidation", &["DistributionId", "Id"], get_invalidation),
    operation(
        "ListInvalidations",
        &["DistributionId", "Marker", "MaxItems"],
        list_invalidations,
    ),
    operation("CreateCachePolicy", &[CACHE_POLICY], policies::create::<CacheRules>),
    operation("GetCachePolicy", &["Id"], policies::get::<CacheRules>),
    operation("GetCachePolicyConfig", &["Id"], policies::get_config::<CacheRules>),
    operation(
        "UpdateCachePolicy",
        &["Id", "IfMatch", CACHE_POLICY],
        policies::update::<CacheRules>,
    ),
    operation("DeleteCachePolicy", &["Id", "IfMatch"], policies::delete::<CacheRules>),
    operation("ListCachePolicies", POLICIES, policies::list::<CacheRules>),
    operation(
        "ListDistributionsByCachePolicyId",
        &["CachePolicyId", "Marker", "MaxItems"],
        policies::list_distributions::<CacheRules>,
    ),
    operation(
        "CreateOriginRequestPolicy",
        &[ORIGIN_REQUEST_POLICY],
        policies::create::<OriginRequestRules>,
    ),
    operation("GetOriginRequestPolicy", &["Id"], policies::get::<OriginRequestRules>),
    operation(
        "GetOriginRequestPolicyConfig",
        &["Id"],
        policies::get_config::<OriginRequestRules>,
    ),
    operation(
        "UpdateOriginRequestPolicy",
        &["Id", "IfMatch", ORIGIN_REQUEST_POLICY],
        policies::update::<OriginRequestRules>,
    ),
    operation(
        "DeleteOriginRequestPolicy",
        &["Id", "IfMatch"],
        policies::delete::<OriginRequestRules>,
    ),
    operation(
        "ListOriginRequestPolicies",
        POLICIES,
        policies::list::<OriginRequestRules>,
    ),
    operation(
        "ListDistributionsByOriginRequestPolicyId",
        &["OriginRequestPolicyId", "Marker", "MaxItems"],
        policies::list_distributions::<OriginRequestRules>,
    ),
    operation(
        "CreateResponseHeadersPolicy",
        &[RESPONSE_HEADERS_POLICY],
        policies::create::<ResponseHeadersRules>,
    ),
    operation(
        "GetResponseHeadersPolicy",
        &["Id"],
        policies::get::<ResponseHeadersRules>,
    ),
    operation(
        "GetResponseHeadersPolicyConfig",
        &["Id"],
        policies::get_config::<ResponseHeadersRules>,
    ),
    operation(
        "UpdateResponseHeadersPolicy",
        &["Id", "IfMatch", RESPONSE_HEADERS_POLICY],
        policies::update::<ResponseHeadersRules>,
    ),
    operation(
        "DeleteResponseHeadersPolicy",
        &["Id", "IfMatch"],
        policies::delete::<ResponseHeadersRules>,
    ),
    operation(
        "ListResponseHeadersPolicies",
        POLICIES,
        policies::list::<ResponseHeadersRules>,
    ),
    operation(
        "ListDistributionsByResponseHeadersPolicyId",
        &["ResponseHeadersPolicyId", "Marker", "MaxItems"],
        policies::list_distributions::<ResponseHeadersRules>,
    ),
];

/// The operation that a method, path and query name.
pub(crate) fn route(method: &Method, path_and_query: &str) -> Option<&'static str> {
    let target = Target::of(path_and_query);
    let has = |name: &str| target.query.contains_key(name);
    Some(match (method.as_str(), target.segments.as_slice()) {
        ("POST", ["distribution"]) if has("WithTags") => "CreateDistributionWithTags",
        ("POST", ["distribution"]) => "CreateDistribution",
        ("GET", ["distribution"]) => "ListDistributions",
        ("GET", ["distribution", _]) => "GetDistribution",
        ("DELETE", ["distribution", _]) => "DeleteDistribution",
        ("GET", ["distribution", _, "config"]) => "GetDistributionConfig",
        ("PUT", ["distribution", _, "config"]) => "UpdateDistribution",
        ("GET", ["distributionsByWebACLId", ..]) => "ListDistributionsByWebACLId",
        ("GET", ["origin-access-identity", "cloudfront"]) => "ListCloudFrontOriginAccessIdentities",
        ("GET", ["streaming-distribution"]) => "ListStreamingDistributions",
        ("POST", ["distribution", _, "invalidation"]) => "CreateInvalidation",
        ("GET", ["distribution", _, "invalidation"]) => "ListInvalidations",
        ("GET", ["distribution", _, "invalidation", _]) => "GetInvalidation",
        ("GET", ["tagging"]) => "ListTagsForResource",
        ("POST", ["tagging"]) => match target.query.get("Operation").map(String::as_str) {
            Some("Tag") => "TagResource",
            Some("Untag") => "UntagResource",
            _ => return None,
        },
        (_, segments) => return policies::route(method, segments),
    })
}

/// A request's path behind the API's version, and its query.
struct Target<'a> {
    segments: Vec<&'a str>,
    query: HashMap<String, String>,
}

impl<'a> Target<'a> {
    fn of_call(call: &'a Call) -> Self {
        Self::of(call.uri.path_and_query().map_or("/", |path| path.as_str()))
    }

    fn of(path_and_query: &'a str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        if !segments.is_empty() {
            segments.remove(0);
        }
        Self {
            segments,
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        }
    }

    /// The path's labels as the generated decoders take them.
    fn label(&self, position: usize) -> &'a str {
        self.segments.get(position).copied().unwrap_or_default()
    }

    fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// The id that a path names: of a distribution or of a policy.
fn id_in(call: &Call) -> &str {
    Target::of_call(call).label(1)
}

/// The ARN whose tags a request is about.
fn resource_in(call: &Call) -> String {
    Target::of_call(call).query("Resource").to_owned()
}

/// The service is global, and signed for in one region only.
fn refuse(_: &Arc<World>, call: &Call) -> Result<(), Refusal> {
    if call.region == "us-east-1" {
        return Ok(());
    }
    let text = format!(
        "Credential should be scoped to a valid region, not '{}': CloudFront is signed for us-east-1",
        call.region
    );
    Err(Refusal::with_status(403, "SignatureDoesNotMatch", text))
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal::new("MalformedXML", format!("The XML document is malformed. {error}"))
}

fn inconsistent(member: &str) -> Refusal {
    let text = format!("The value of Quantity and the size of Items don't match: {member}.");
    Refusal::new("InconsistentQuantities", text)
}

fn with(mut answer: Answer, headers: &[(&'static str, &str)]) -> Answer {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers.insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn if_match(call: &Call) -> Option<&str> {
    call.headers
        .get(http::header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
}

fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request = call.to_generated();
    let input = w::deserialize_create_distribution_request(&request, &[], &HashMap::new()).map_err(malformed)?;
    make(world, input.distribution_config, Tags::new())
}

fn create_with_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request = call.to_generated();
    let input =
        w::deserialize_create_distribution_with_tags_request(&request, &[], &HashMap::new()).map_err(malformed)?;
    let body = input.distribution_config_with_tags;
    make(world, body.distribution_config, tags_of(body.tags))
}

fn make(world: &World, config: w::DistributionConfig, tags: Tags) -> Result<Answer, Refusal> {
    let configuration = configuration::read(config)?;
    let now = world.clock.now();
    let made = world.lock().create_distribution(configuration, tags, now)?;
    let answer: Answer = w::serialize_create_distribution_response(&distribution(&made, now)?).into();
    let location = format!("https://cloudfront.amazonaws.com/2020-05-31/distribution/{}", made.id);
    Ok(with(answer, &[("etag", &made.etag), ("location", &location)]))
}

fn list_all(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    Ok(list(world, &Target::of_call(call), |_| true))
}

/// The distribution as readers see it.
fn seen(world: &World, id: &str) -> Result<Distribution, Refusal> {
    let state = world.lock();
    let seen = state.distributions.seen(state.as_of(world.clock.now()));
    seen.get(id).cloned()
}

fn get(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let found = seen(world, id_in(call))?;
    let answer: Answer = w::serialize_get_distribution_response(&distribution(&found, world.clock.now())?).into();
    Ok(with(answer, &[("etag", &found.etag)]))
}

fn get_config(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let found = seen(world, id_in(call))?;
    let config = configuration::write(&found.configuration)?;
    let answer: Answer = w::serialize_get_distribution_config_response(&config).into();
    Ok(with(answer, &[("etag", &found.etag)]))
}

fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let (request, id) = (call.to_generated(), id_in(call));
    let input =
        w::deserialize_update_distribution_request(&request, &[("Id", id)], &HashMap::new()).map_err(malformed)?;
    complete::check(&input.distribution_config)?;
    let configuration = configuration::read(input.distribution_config)?;
    let now = world.clock.now();
    let changed = world
        .lock()
        .update_distribution(id, if_match(call), configuration, now)?;
    let answer: Answer = w::serialize_update_distribution_response(&distribution(&changed, now)?).into();
    Ok(with(answer, &[("etag", &changed.etag)]))
}

fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let now = world.clock.now();
    world.lock().delete_distribution(id_in(call), if_match(call), now)?;
    Ok(w::serialize_delete_distribution_response().into())
}

fn list_by_web_acl(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    // An ARN has slashes, which some clients do not encode. `null` asks for those without one.
    let named = target.segments[1..].join("/");
    let wanted = percent_encoding::percent_decode_str(&named)
        .decode_utf8_lossy()
        .into_owned();
    let wanted = if wanted == "null" { String::new() } else { wanted };
    if !wanted.is_empty() && world.lock().web_acls.by_arn(&wanted).is_none() {
        return Err(Refusal::new(
            "InvalidWebACLId",
            format!("The web ACL {wanted} does not exist."),
        ));
    }
    Ok(list(world, &target, |distribution| {
        distribution.configuration.web_acl_id == wanted
    }))
}

fn list(world: &World, target: &Target<'_>, wanted: impl Fn(&Distribution) -> bool) -> Answer {
    let now = world.clock.now();
    let most = target.query("MaxItems").parse::<usize>().unwrap_or(100).clamp(1, 100);
    let marker = target.query("Marker");
    let state = world.lock();
    let mut rest = state
        .distributions
        .seen(state.as_of(now))
        .all
        .values()
        .filter(|one| one.id.as_str() > marker && wanted(one));
    let page: Vec<&Distribution> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let items: Vec<_> = page.iter().filter_map(|one| summary(one, now)).collect();
    w::serialize_list_distributions_response(&w::DistributionList {
        is_truncated: Some(more),
        quantity: i32::try_from(items.len()).ok(),
        marker: Some(marker.to_owned()),
        max_items: i32::try_from(most).ok(),
        next_marker: page.last().filter(|_| more).map(|last| last.id.clone()),
        // AWS leaves the list out where it is empty.
        items: (!items.is_empty()).then(|| items.into()),
    })
    .into()
}

/// They are for origins in S3, which the sandbox's edge has not; there are none, and clients that list everything go on.
fn no_origin_access_identities(_: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    Ok(
        w::serialize_list_cloud_front_origin_access_identities_response(&w::CloudFrontOriginAccessIdentityList {
            is_truncated: Some(false),
            quantity: Some(0),
            marker: Some(target.query("Marker").to_owned()),
            max_items: Some(target.query("MaxItems").parse().unwrap_or(100)),
            next_marker: None,
            items: None,
        })
        .into(),
    )
}

/// Clients that list every kind of distribution ask for those of RTMP too, which nobody can make since 2020.
fn no_streaming_distributions(_: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    Ok(
        w::serialize_list_streaming_distributions_response(&w::StreamingDistributionList {
            is_truncated: Some(false),
            quantity: Some(0),
            marker: Some(target.query("Marker").to_owned()),
            max_items: Some(target.query("MaxItems").parse().unwrap_or(100)),
            next_marker: None,
            items: None,
        })
        .into(),
    )
}

fn distribution(one: &Distribution, now: Timestamp) -> Result<w::Distribution, Refusal> {
    Ok(w::Distribution {
        a_r_n: Some(one.arn.clone()),
        id: Some(one.id.clone()),
        domain_name: Some(one.domain_name.clone()),
        status: Some(one.status(now).to_owned()),
        last_modified_time: Some(time(one.modified)),
        in_progress_invalidation_batches: Some(in_progress(one, now)),
        active_trusted_signers: Some(w::ActiveTrustedSigners {
            enabled: Some(false),
            quantity: Some(0),
            items: None,
        }),
        active_trusted_key_groups: Some(w::ActiveTrustedKeyGroups {
            enabled: Some(false),
            quantity: Some(0),
            items: None,
        }),
        distribution_config: Some(configuration::write(&one.configuration)?),
        ..Default::default()
    })
}

fn in_progress(one: &Distribution, now: Timestamp) -> i32 {
    let running = one
        .invalidations
        .iter()
        .filter(|invalidation| invalidation.status(now) == "InProgress");
    i32::try_from(running.count()).unwrap_or(i32::MAX)
}

/// In lists there are no tags and no caller reference.
fn summary(one: &Distribution, now: Timestamp) -> Option<w::DistributionSummary> {
    let config = configuration::write(&one.configuration).ok()?;
    Some(w::DistributionSummary {
        a_r_n: Some(one.arn.clone()),
        id: Some(one.id.clone()),
        domain_name: Some(one.domain_name.clone()),
        e_tag: Some(one.etag.clone()),
        status: Some(one.status(now).to_owned()),
        last_modified_time: Some(time(one.modified)),
        comment: Some(config.comment),
        enabled: Some(config.enabled),
        aliases: config.aliases,
        cache_behaviors: config.cache_behaviors,
        custom_error_responses: config.custom_error_responses,
        default_cache_behavior: Some(config.default_cache_behavior),
        // In capitals, unlike in configurations (recorded in 33 lists of 34).
        http_version: config.http_version.map(|version| version.to_uppercase()),
        is_i_p_v6_enabled: config.is_i_p_v6_enabled,
        origin_groups: config.origin_groups,
        origins: Some(config.origins),
        price_class: config.price_class,
        restrictions: config.restrictions,
        staging: config.staging,
        viewer_certificate: config.viewer_certificate,
        web_a_c_l_id: config.web_a_c_l_id,
        ..Default::default()
    })
}

/// Milliseconds, as CloudFront writes it.
fn time(when: Timestamp) -> String {
    when.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn tags_of(tags: w::Tags) -> Tags {
    let items = tags.items.unwrap_or_default().items.into_iter();
    items.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
}

fn list_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let arn = resource_in(call);
    let state = world.lock();
    let seen = state.distributions.seen(state.as_of(world.clock.now()));
    let items: Vec<_> = seen
        .by_arn(&arn)?
        .tags
        .iter()
        .map(|(key, value)| w::Tag {
            key: key.clone(),
            value: Some(value.clone()),
        })
        .collect();
    let tags = w::Tags {
        items: Some(items.into()),
    };
    Ok(w::serialize_list_tags_for_resource_response(&tags).into())
}

fn tag(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let input = w::deserialize_tag_resource_request(&call.to_generated(), &[], &HashMap::new()).map_err(malformed)?;
    let mut state = world.lock();
    state
        .distributions
        .by_arn_mut(&resource_in(call))?
        .tags
        .extend(tags_of(input.tags));
    Ok(w::serialize_tag_resource_response().into())
}

fn untag(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let input = w::deserialize_untag_resource_request(&call.to_generated(), &[], &HashMap::new()).map_err(malformed)?;
    let keys = input.tag_keys.items.unwrap_or_default().items;
    let mut state = world.lock();
    let tags = &mut state.distributions.by_arn_mut(&resource_in(call))?.tags;
    tags.retain(|key, _| !keys.contains(key));
    Ok(w::serialize_untag_resource_response().into())
}

fn create_invalidation(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let id = id_in(call);
    let input =
        w::deserialize_create_invalidation_request(&call.to_generated(), &[], &HashMap::new()).map_err(malformed)?;
    let batch = input.invalidation_batch;
    let paths = batch.paths.items.unwrap_or_default().items;
    if i32::try_from(paths.len()) != Ok(batch.paths.quantity) {
        return Err(inconsistent("Paths"));
    }
    let now = world.clock.now();
    let mut state = world.lock();
    let made = state
        .distributions
        .get_mut(id)?
        .invalidate(batch.caller_reference, paths, now)?;
    let answer: Answer = w::serialize_create_invalidation_response(&invalidation(&made, now)).into();
    let location = format!(
        "https://cloudfront.amazonaws.com/2020-05-31/distribution/{id}/invalidation/{}",
        made.id
    );
    Ok(with(answer, &[("location", &location)]))
}

fn get_invalidation(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    let (distribution_id, id) = (target.label(1), target.label(3));
    let now = world.clock.now();
    let state = world.lock();
    let invalidations = &state.distributions.get(distribution_id)?.invalidations;
    let found = invalidations
        .iter()
        .find(|one| one.id == id)
        .ok_or_else(|| Refusal::with_status(404, "NoSuchInvalidation", "The specified invalidation does not exist."))?;
    Ok(w::serialize_get_invalidation_response(&invalidation(found, now)).into())
}

fn list_invalidations(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let target = Target::of_call(call);
    let now = world.clock.now();
    let most = target.query("MaxItems").parse::<usize>().unwrap_or(100).clamp(1, 100);
    let marker = target.query("Marker");
    let state = world.lock();
    // Newest first; a marker is the last of the page before.
    let newest = state.distributions.get(target.label(1))?.invalidations.iter().rev();
    let all: Vec<&Invalidation> = newest.collect();
    let begin = all
        .iter()
        .position(|one| one.id == marker)
        .map_or(0, |position| position + 1);
    let mut rest = all.into_iter().skip(begin);
    let page: Vec<&Invalidation> = rest.by_ref().take(most).collect();
    let more = rest.next().is_some();
    let items = page.iter().map(|one| w::InvalidationSummary {
        id: Some(one.id.clone()),
        create_time: Some(time(one.created)),
        status: Some(one.status(now).to_owned()),
    });
    let items: Vec<_> = items.collect();
    let list = w::InvalidationList {
        is_truncated: Some(more),
        marker: Some(marker.to_owned()),
        max_items: i32::try_from(most).ok(),
        next_marker: page.last().filter(|_| more).map(|last| last.id.clone()),
        quantity: i32::try_from(items.len()).ok(),
        items: (!items.is_empty()).then(|| items.into()),
    };
    Ok(w::serialize_list_invalidations_response(&list).into())
}

fn invalidation(one: &Invalidation, now: Timestamp) -> w::Invalidation {
    w::Invalidation {
        id: Some(one.id.clone()),
        create_time: Some(time(one.created)),
        status: Some(one.status(now).to_owned()),
        invalidation_batch: Some(w::InvalidationBatch {
            caller_reference: one.caller_reference.clone(),
            paths: w::Paths {
                quantity: i32::try_from(one.paths.len()).unwrap_or(i32::MAX),
                items: Some(one.paths.clone().into()),
            },
        }),
    }
}

#[cfg(test)]
mod tests;
