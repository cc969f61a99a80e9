//! The managed cache and origin request policies as CloudFront's API shows them.
//! Own policies cannot be made in the sandbox.

use winterbaume_cloudfront::wire as w;

use crate::gateway::call::Answer;
use crate::world::Refusal;
use crate::world::edge_policies::{
    self, CACHE_POLICIES, CachePolicy, ORIGIN_REQUEST_POLICIES, OriginRequestPolicy, Selection,
};

/// When AWS made them is of no use; a fixed time keeps answers equal.
const MADE: &str = "2022-06-01T00:00:00Z";

pub(super) fn list_cache_policies(kind: &str) -> Answer {
    let shown = if kind == "custom" { &[][..] } else { CACHE_POLICIES };
    let items: Vec<_> = shown
        .iter()
        .map(|policy| w::CachePolicySummary {
            r#type: Some("managed".to_owned()),
            cache_policy: Some(cache_policy(policy)),
        })
        .collect();
    w::serialize_list_cache_policies_response(&w::CachePolicyList {
        max_items: Some(100),
        quantity: i32::try_from(items.len()).ok(),
        items: (!items.is_empty()).then(|| items.into()),
        next_marker: None,
    })
    .into()
}

pub(super) fn get_cache_policy(id: &str) -> Result<Answer, Refusal> {
    let policy = edge_policies::cache_policy(id)
        .ok_or_else(|| Refusal::with_status(404, "NoSuchCachePolicy", "The cache policy does not exist."))?;
    let answer: Answer = w::serialize_get_cache_policy_response(&cache_policy(policy)).into();
    Ok(super::with(answer, &[("etag", "E23ZP02F085DFQ")]))
}

pub(super) fn list_origin_request_policies(kind: &str) -> Answer {
    let shown = if kind == "custom" {
        &[][..]
    } else {
        ORIGIN_REQUEST_POLICIES
    };
    let items: Vec<_> = shown
        .iter()
        .map(|policy| w::OriginRequestPolicySummary {
            r#type: Some("managed".to_owned()),
            origin_request_policy: Some(origin_request_policy(policy)),
        })
        .collect();
    w::serialize_list_origin_request_policies_response(&w::OriginRequestPolicyList {
        max_items: Some(100),
        quantity: i32::try_from(items.len()).ok(),
        items: (!items.is_empty()).then(|| items.into()),
        next_marker: None,
    })
    .into()
}

pub(super) fn get_origin_request_policy(id: &str) -> Result<Answer, Refusal> {
    let policy = edge_policies::origin_request_policy(id).ok_or_else(|| {
        Refusal::with_status(
            404,
            "NoSuchOriginRequestPolicy",
            "The origin request policy does not exist.",
        )
    })?;
    let answer: Answer = w::serialize_get_origin_request_policy_response(&origin_request_policy(policy)).into();
    Ok(super::with(answer, &[("etag", "E23ZP02F085DFQ")]))
}

fn names(selection: Selection) -> Option<Vec<String>> {
    match selection {
        Selection::Nothing | Selection::All => None,
        Selection::Only(names) | Selection::AllExcept(names) => {
            Some(names.iter().map(|&name| name.to_owned()).collect())
        }
    }
}

fn behavior(selection: Selection, all: &str) -> String {
    match selection {
        Selection::Nothing => "none",
        Selection::All => all,
        Selection::AllExcept(_) => "allExcept",
        Selection::Only(_) => "whitelist",
    }
    .to_owned()
}

fn headers(selection: Selection) -> Option<w::Headers> {
    names(selection).map(|names| w::Headers {
        quantity: i32::try_from(names.len()).unwrap_or(i32::MAX),
        items: Some(names.into()),
    })
}

fn cache_policy(policy: &CachePolicy) -> w::CachePolicy {
    let parameters = w::ParametersInCacheKeyAndForwardedToOrigin {
        enable_accept_encoding_brotli: Some(policy.brotli),
        enable_accept_encoding_gzip: policy.gzip,
        headers_config: w::CachePolicyHeadersConfig {
            header_behavior: behavior(policy.headers, "all"),
            headers: headers(policy.headers),
        },
        cookies_config: w::CachePolicyCookiesConfig {
            cookie_behavior: behavior(policy.cookies, "all"),
            cookies: None,
        },
        query_strings_config: w::CachePolicyQueryStringsConfig {
            query_string_behavior: behavior(policy.query, "all"),
            query_strings: None,
        },
    };
    w::CachePolicy {
        id: Some(policy.id.to_owned()),
        last_modified_time: Some(MADE.to_owned()),
        cache_policy_config: Some(w::CachePolicyConfig {
            comment: Some(String::new()),
            name: policy.name.to_owned(),
            min_t_t_l: policy.min_ttl,
            default_t_t_l: Some(policy.default_ttl),
            max_t_t_l: Some(policy.max_ttl),
            parameters_in_cache_key_and_forwarded_to_origin: Some(parameters),
        }),
    }
}

fn origin_request_policy(policy: &OriginRequestPolicy) -> w::OriginRequestPolicy {
    w::OriginRequestPolicy {
        id: Some(policy.id.to_owned()),
        last_modified_time: Some(MADE.to_owned()),
        origin_request_policy_config: Some(w::OriginRequestPolicyConfig {
            comment: Some(String::new()),
            name: policy.name.to_owned(),
            headers_config: w::OriginRequestPolicyHeadersConfig {
                header_behavior: if policy.cloudfront_headers.is_empty() {
                    behavior(policy.headers, "allViewer")
                } else {
                    "allViewerAndWhitelistCloudFront".to_owned()
                },
                headers: if policy.cloudfront_headers.is_empty() {
                    headers(policy.headers)
                } else {
                    headers(Selection::Only(policy.cloudfront_headers))
                },
            },
            cookies_config: w::OriginRequestPolicyCookiesConfig {
                cookie_behavior: behavior(policy.cookies, "all"),
                cookies: None,
            },
            query_strings_config: w::OriginRequestPolicyQueryStringsConfig {
                query_string_behavior: behavior(policy.query, "all"),
                query_strings: None,
            },
        }),
    }
}
