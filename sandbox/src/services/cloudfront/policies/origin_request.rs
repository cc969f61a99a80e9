//! Origin request policies ↔ OriginRequestPolicyConfig.
//! Nothing is decided here but form.

use std::collections::HashMap;

use winterbaume_cloudfront::wire as w;

use super::cache::counted;
use super::{Form, behavior, cookie_names, header_names, kind_of, modified, quantity, query_names, selection};
use crate::protocols::call::{Answer, Call};
use crate::services::cloudfront::malformed;
use crate::world::Refusal;
use crate::world::edge_policies::{Draft, OriginRequestRules, Policy, Selection};

/// All of the viewer's headers, and a list of CloudFront's own.
const ALL_AND_CLOUDFRONT: &str = "allViewerAndWhitelistCloudFront";

impl Form for OriginRequestRules {
    fn read(call: &Call) -> Result<Draft<Self>, Refusal> {
        let input = w::deserialize_create_origin_request_policy_request(&call.to_generated(), &[], &HashMap::new());
        let config = input.map_err(malformed)?.origin_request_policy_config;
        let (cookies, query) = (config.cookies_config, config.query_strings_config);
        let (headers, cloudfront_headers) = headers(config.headers_config)?;
        let names = cookies
            .cookies
            .map(|list| (list.quantity, list.items.unwrap_or_default().items));
        let names = counted("Cookies", names)?;
        let cookies = selection("CookieBehavior", &cookies.cookie_behavior, "all", names)?;
        let names = query
            .query_strings
            .map(|list| (list.quantity, list.items.unwrap_or_default().items));
        let names = counted("QueryStrings", names)?;
        let query = selection("QueryStringBehavior", &query.query_string_behavior, "all", names)?;
        Ok(Draft {
            name: config.name,
            comment: config.comment.unwrap_or_default(),
            rules: OriginRequestRules {
                headers,
                cloudfront_headers,
                cookies,
                query,
            },
        })
    }

    fn policy(policy: &Policy<Self>, created: bool) -> Answer {
        match created {
            true => w::serialize_create_origin_request_policy_response(&shown(policy)).into(),
            false => w::serialize_get_origin_request_policy_response(&shown(policy)).into(),
        }
    }

    fn config(policy: &Policy<Self>) -> Answer {
        w::serialize_get_origin_request_policy_config_response(&config(policy)).into()
    }

    fn list(page: Vec<&Policy<Self>>, next: Option<String>, most: i32) -> Answer {
        let items: Vec<_> = page
            .into_iter()
            .map(|policy| w::OriginRequestPolicySummary {
                r#type: kind_of(policy),
                origin_request_policy: Some(shown(policy)),
            })
            .collect();
        w::serialize_list_origin_request_policies_response(&w::OriginRequestPolicyList {
            max_items: Some(most),
            quantity: Some(quantity(items.len())),
            items: (!items.is_empty()).then(|| items.into()),
            next_marker: next,
        })
        .into()
    }
}

/// The viewer's headers that are taken, and those of CloudFront's own.
fn headers(sent: w::OriginRequestPolicyHeadersConfig) -> Result<(Selection, Vec<String>), Refusal> {
    let names = sent
        .headers
        .map(|list| (list.quantity, list.items.unwrap_or_default().items));
    let names = counted("Headers", names)?;
    if sent.header_behavior == ALL_AND_CLOUDFRONT {
        return Ok((Selection::All, names.unwrap_or_default()));
    }
    let selection = selection("HeaderBehavior", &sent.header_behavior, "allViewer", names)?;
    Ok((selection, Vec::new()))
}

fn shown(policy: &Policy<OriginRequestRules>) -> w::OriginRequestPolicy {
    w::OriginRequestPolicy {
        id: Some(policy.id.clone()),
        last_modified_time: modified(policy),
        origin_request_policy_config: Some(config(policy)),
    }
}

fn config(policy: &Policy<OriginRequestRules>) -> w::OriginRequestPolicyConfig {
    let rules = &policy.rules;
    let headers_config = if rules.cloudfront_headers.is_empty() {
        w::OriginRequestPolicyHeadersConfig {
            header_behavior: behavior(&rules.headers, "allViewer"),
            headers: header_names(rules.headers.names()),
        }
    } else {
        w::OriginRequestPolicyHeadersConfig {
            header_behavior: ALL_AND_CLOUDFRONT.to_owned(),
            headers: header_names(&rules.cloudfront_headers),
        }
    };
    w::OriginRequestPolicyConfig {
        comment: Some(policy.comment.clone()),
        name: policy.name.clone(),
        headers_config,
        cookies_config: w::OriginRequestPolicyCookiesConfig {
            cookie_behavior: behavior(&rules.cookies, "all"),
            cookies: cookie_names(rules.cookies.names()),
        },
        query_strings_config: w::OriginRequestPolicyQueryStringsConfig {
            query_string_behavior: behavior(&rules.query, "all"),
            query_strings: query_names(rules.query.names()),
        },
    }
}
