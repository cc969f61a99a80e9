//! Cache policies ↔ CachePolicyConfig.
//! Nothing is decided here but form.

use std::collections::HashMap;

use winterbaume_cloudfront::wire as w;

use super::{Form, behavior, cookie_names, header_names, kind_of, modified, quantity, query_names, selection};
use crate::protocols::call::{Answer, Call};
use crate::services::cloudfront::configuration::{DEFAULT_TTL, MAX_TTL};
use crate::services::cloudfront::{inconsistent, malformed};
use crate::world::Refusal;
use crate::world::edge_policies::{CacheRules, Draft, Policy};

impl Form for CacheRules {
    fn read(call: &Call) -> Result<Draft<Self>, Refusal> {
        let input = w::deserialize_create_cache_policy_request(&call.to_generated(), &[], &HashMap::new());
        let config = input.map_err(malformed)?.cache_policy_config;
        let default_ttl = config.default_t_t_l.unwrap_or(DEFAULT_TTL.max(config.min_t_t_l));
        let rules = CacheRules {
            min_ttl: config.min_t_t_l,
            default_ttl,
            max_ttl: config.max_t_t_l.unwrap_or(MAX_TTL.max(default_ttl)),
            ..parameters(config.parameters_in_cache_key_and_forwarded_to_origin)?
        };
        Ok(Draft {
            name: config.name,
            comment: config.comment.unwrap_or_default(),
            rules,
        })
    }

    fn policy(policy: &Policy<Self>, created: bool) -> Answer {
        match created {
            true => w::serialize_create_cache_policy_response(&shown(policy)).into(),
            false => w::serialize_get_cache_policy_response(&shown(policy)).into(),
        }
    }

    fn config(policy: &Policy<Self>) -> Answer {
        w::serialize_get_cache_policy_config_response(&config(policy)).into()
    }

    fn list(page: Vec<&Policy<Self>>, next: Option<String>, most: i32) -> Answer {
        let items: Vec<_> = page
            .into_iter()
            .map(|policy| w::CachePolicySummary {
                r#type: kind_of(policy),
                cache_policy: Some(shown(policy)),
            })
            .collect();
        w::serialize_list_cache_policies_response(&w::CachePolicyList {
            max_items: Some(most),
            quantity: Some(quantity(items.len())),
            items: (!items.is_empty()).then(|| items.into()),
            next_marker: next,
        })
        .into()
    }
}

/// What is in the key; the times are the caller's.
fn parameters(sent: Option<w::ParametersInCacheKeyAndForwardedToOrigin>) -> Result<CacheRules, Refusal> {
    let mut rules = CacheRules::new(0, 0, 0);
    let Some(sent) = sent else { return Ok(rules) };
    rules.gzip = sent.enable_accept_encoding_gzip;
    rules.brotli = sent.enable_accept_encoding_brotli.unwrap_or(false);
    let (headers, cookies, query) = (sent.headers_config, sent.cookies_config, sent.query_strings_config);
    let names = headers
        .headers
        .map(|list| (list.quantity, list.items.unwrap_or_default().items));
    rules.headers = selection(
        "HeaderBehavior",
        &headers.header_behavior,
        "",
        counted("Headers", names)?,
    )?;
    let names = cookies
        .cookies
        .map(|list| (list.quantity, list.items.unwrap_or_default().items));
    rules.cookies = selection(
        "CookieBehavior",
        &cookies.cookie_behavior,
        "all",
        counted("Cookies", names)?,
    )?;
    let names = query
        .query_strings
        .map(|list| (list.quantity, list.items.unwrap_or_default().items));
    let names = counted("QueryStrings", names)?;
    rules.query = selection("QueryStringBehavior", &query.query_string_behavior, "all", names)?;
    Ok(rules)
}

/// The names of a list that says its length twice.
pub(super) fn counted(member: &str, list: Option<(i32, Vec<String>)>) -> Result<Option<Vec<String>>, Refusal> {
    match list {
        Some((said, names)) if said != quantity(names.len()) => Err(inconsistent(member)),
        list => Ok(list.map(|(_, names)| names)),
    }
}

fn shown(policy: &Policy<CacheRules>) -> w::CachePolicy {
    w::CachePolicy {
        id: Some(policy.id.clone()),
        last_modified_time: modified(policy),
        cache_policy_config: Some(config(policy)),
    }
}

fn config(policy: &Policy<CacheRules>) -> w::CachePolicyConfig {
    let rules = &policy.rules;
    let parameters = w::ParametersInCacheKeyAndForwardedToOrigin {
        enable_accept_encoding_brotli: Some(rules.brotli),
        enable_accept_encoding_gzip: rules.gzip,
        headers_config: w::CachePolicyHeadersConfig {
            header_behavior: behavior(&rules.headers, ""),
            headers: header_names(rules.headers.names()),
        },
        cookies_config: w::CachePolicyCookiesConfig {
            cookie_behavior: behavior(&rules.cookies, "all"),
            cookies: cookie_names(rules.cookies.names()),
        },
        query_strings_config: w::CachePolicyQueryStringsConfig {
            query_string_behavior: behavior(&rules.query, "all"),
            query_strings: query_names(rules.query.names()),
        },
    };
    w::CachePolicyConfig {
        comment: Some(policy.comment.clone()),
        name: policy.name.clone(),
        min_t_t_l: rules.min_ttl,
        default_t_t_l: Some(rules.default_ttl),
        max_t_t_l: Some(rules.max_ttl),
        parameters_in_cache_key_and_forwarded_to_origin: Some(parameters),
    }
}
