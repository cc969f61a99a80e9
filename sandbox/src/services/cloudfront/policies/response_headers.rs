//! Response headers policies ↔ ResponseHeadersPolicyConfig.
//! Nothing is decided here but form.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};
use winterbaume_cloudfront::wire as w;

use super::cache::counted;
use super::{Form, kind_of, modified, quantity};
use crate::protocols::call::{Answer, Call};
use crate::services::cloudfront::{inconsistent, malformed};
use crate::world::Refusal;
use crate::world::edge_policies::{
    ContentSecurityPolicy, Cors, Draft, Header, Policy, ResponseHeadersRules, Security, StrictTransportSecurity,
    XssProtection,
};

impl Form for ResponseHeadersRules {
    fn read(call: &Call) -> Result<Draft<Self>, Refusal> {
        let input = w::deserialize_create_response_headers_policy_request(&call.to_generated(), &[], &HashMap::new());
        let config = input.map_err(malformed)?.response_headers_policy_config;
        let removed = config.remove_headers_config.map(|list| {
            let items = list.items.unwrap_or_default().items.into_iter();
            (list.quantity, items.map(|one| one.header).collect())
        });
        let removed = counted("RemoveHeadersConfig", removed)?.unwrap_or_default();
        if let Some(wrong) = removed.iter().find(|name| name.parse::<HeaderName>().is_err()) {
            return Err(wrong_header(wrong));
        }
        let timing = config.server_timing_headers_config.filter(|timing| timing.enabled);
        let rules = ResponseHeadersRules {
            cors: config.cors_config.map(read_cors).transpose()?,
            security: config.security_headers_config.map(read_security).unwrap_or_default(),
            custom: read_custom(config.custom_headers_config)?,
            removed,
            server_timing: timing.map(|timing| timing.sampling_rate.unwrap_or(100.0)),
        };
        Ok(Draft {
            name: config.name,
            comment: config.comment.unwrap_or_default(),
            rules,
        })
    }

    fn policy(policy: &Policy<Self>, created: bool) -> Answer {
        match created {
            true => w::serialize_create_response_headers_policy_response(&shown(policy)).into(),
            false => w::serialize_get_response_headers_policy_response(&shown(policy)).into(),
        }
    }

    fn config(policy: &Policy<Self>) -> Answer {
        w::serialize_get_response_headers_policy_config_response(&config(policy)).into()
    }

    fn list(page: Vec<&Policy<Self>>, next: Option<String>, most: i32) -> Answer {
        let items: Vec<_> = page
            .into_iter()
            .map(|policy| w::ResponseHeadersPolicySummary {
                r#type: kind_of(policy),
                response_headers_policy: Some(shown(policy)),
            })
            .collect();
        w::serialize_list_response_headers_policies_response(&w::ResponseHeadersPolicyList {
            max_items: Some(most),
            quantity: Some(quantity(items.len())),
            items: (!items.is_empty()).then(|| items.into()),
            next_marker: next,
        })
        .into()
    }
}

fn wrong_header(name: &str) -> Refusal {
    Refusal::new(
        "InvalidArgument",
        format!("The header {name} or its value is not valid."),
    )
}

fn read_custom(sent: Option<w::ResponseHeadersPolicyCustomHeadersConfig>) -> Result<Vec<Header>, Refusal> {
    let Some(sent) = sent else { return Ok(Vec::new()) };
    let items = sent.items.unwrap_or_default().items;
    if sent.quantity != quantity(items.len()) {
        return Err(inconsistent("CustomHeadersConfig"));
    }
    let header = |one: w::ResponseHeadersPolicyCustomHeader| {
        if one.header.parse::<HeaderName>().is_err() || one.value.parse::<HeaderValue>().is_err() {
            return Err(wrong_header(&one.header));
        }
        Ok(Header {
            name: one.header,
            value: one.value,
            overrides: one.r#override,
        })
    };
    items.into_iter().map(header).collect()
}

fn read_cors(sent: w::ResponseHeadersPolicyCorsConfig) -> Result<Cors, Refusal> {
    let list = |member: &str, quantity: i32, items: Vec<String>| {
        counted(member, Some((quantity, items))).map(Option::unwrap_or_default)
    };
    let (headers, methods, origins) = (
        sent.access_control_allow_headers,
        sent.access_control_allow_methods,
        sent.access_control_allow_origins,
    );
    let exposed = sent.access_control_expose_headers.unwrap_or_default();
    Ok(Cors {
        allow_credentials: sent.access_control_allow_credentials,
        allow_headers: list("AccessControlAllowHeaders", headers.quantity, headers.items.items)?,
        allow_methods: list("AccessControlAllowMethods", methods.quantity, methods.items.items)?,
        allow_origins: list("AccessControlAllowOrigins", origins.quantity, origins.items.items)?,
        expose_headers: list(
            "AccessControlExposeHeaders",
            exposed.quantity,
            exposed.items.unwrap_or_default().items,
        )?,
        max_age: sent.access_control_max_age_sec,
        overrides: sent.origin_override,
    })
}

fn read_security(sent: w::ResponseHeadersPolicySecurityHeadersConfig) -> Security {
    Security {
        content_security_policy: sent.content_security_policy.map(|one| ContentSecurityPolicy {
            policy: one.content_security_policy,
            overrides: one.r#override,
        }),
        content_type_options: sent.content_type_options.map(|one| one.r#override),
        frame_options: sent.frame_options.map(|one| (one.frame_option, one.r#override)),
        referrer_policy: sent.referrer_policy.map(|one| (one.referrer_policy, one.r#override)),
        strict_transport_security: sent.strict_transport_security.map(|one| StrictTransportSecurity {
            max_age: one.access_control_max_age_sec,
            include_subdomains: one.include_subdomains,
            preload: one.preload,
            overrides: one.r#override,
        }),
        xss_protection: sent.x_s_s_protection.map(|one| XssProtection {
            protection: one.protection,
            mode_block: one.mode_block,
            report_uri: one.report_uri,
            overrides: one.r#override,
        }),
    }
}

fn shown(policy: &Policy<ResponseHeadersRules>) -> w::ResponseHeadersPolicy {
    w::ResponseHeadersPolicy {
        id: Some(policy.id.clone()),
        last_modified_time: modified(policy),
        response_headers_policy_config: Some(config(policy)),
    }
}

fn config(policy: &Policy<ResponseHeadersRules>) -> w::ResponseHeadersPolicyConfig {
    let rules = &policy.rules;
    let custom: Vec<_> = rules
        .custom
        .iter()
        .map(|one| w::ResponseHeadersPolicyCustomHeader {
            header: one.name.clone(),
            value: one.value.clone(),
            r#override: one.overrides,
        })
        .collect();
    let removed: Vec<_> = rules
        .removed
        .iter()
        .map(|name| w::ResponseHeadersPolicyRemoveHeader { header: name.clone() })
        .collect();
    w::ResponseHeadersPolicyConfig {
        comment: Some(policy.comment.clone()),
        name: policy.name.clone(),
        cors_config: rules.cors.as_ref().map(write_cors),
        security_headers_config: write_security(&rules.security),
        custom_headers_config: (!custom.is_empty()).then(|| w::ResponseHeadersPolicyCustomHeadersConfig {
            quantity: quantity(custom.len()),
            items: Some(custom.into()),
        }),
        remove_headers_config: (!removed.is_empty()).then(|| w::ResponseHeadersPolicyRemoveHeadersConfig {
            quantity: quantity(removed.len()),
            items: Some(removed.into()),
        }),
        server_timing_headers_config: rules.server_timing.map(|rate| {
            w::ResponseHeadersPolicyServerTimingHeadersConfig {
                enabled: true,
                sampling_rate: Some(rate),
            }
        }),
    }
}

fn write_cors(cors: &Cors) -> w::ResponseHeadersPolicyCorsConfig {
    w::ResponseHeadersPolicyCorsConfig {
        access_control_allow_credentials: cors.allow_credentials,
        access_control_allow_headers: w::ResponseHeadersPolicyAccessControlAllowHeaders {
            quantity: quantity(cors.allow_headers.len()),
            items: cors.allow_headers.clone().into(),
        },
        access_control_allow_methods: w::ResponseHeadersPolicyAccessControlAllowMethods {
            quantity: quantity(cors.allow_methods.len()),
            items: cors.allow_methods.clone().into(),
        },
        access_control_allow_origins: w::ResponseHeadersPolicyAccessControlAllowOrigins {
            quantity: quantity(cors.allow_origins.len()),
            items: cors.allow_origins.clone().into(),
        },
        access_control_expose_headers: (!cors.expose_headers.is_empty()).then(|| {
            w::ResponseHeadersPolicyAccessControlExposeHeaders {
                quantity: quantity(cors.expose_headers.len()),
                items: Some(cors.expose_headers.clone().into()),
            }
        }),
        access_control_max_age_sec: cors.max_age,
        origin_override: cors.overrides,
    }
}

fn write_security(security: &Security) -> Option<w::ResponseHeadersPolicySecurityHeadersConfig> {
    let shown = w::ResponseHeadersPolicySecurityHeadersConfig {
        content_security_policy: security.content_security_policy.as_ref().map(|one| {
            w::ResponseHeadersPolicyContentSecurityPolicy {
                content_security_policy: one.policy.clone(),
                r#override: one.overrides,
            }
        }),
        content_type_options: security
            .content_type_options
            .map(|r#override| w::ResponseHeadersPolicyContentTypeOptions { r#override }),
        frame_options: security.frame_options.as_ref().map(|(option, r#override)| {
            w::ResponseHeadersPolicyFrameOptions {
                frame_option: option.clone(),
                r#override: *r#override,
            }
        }),
        referrer_policy: security.referrer_policy.as_ref().map(|(policy, r#override)| {
            w::ResponseHeadersPolicyReferrerPolicy {
                referrer_policy: policy.clone(),
                r#override: *r#override,
            }
        }),
        strict_transport_security: security.strict_transport_security.as_ref().map(|one| {
            w::ResponseHeadersPolicyStrictTransportSecurity {
                access_control_max_age_sec: one.max_age,
                include_subdomains: one.include_subdomains,
                preload: one.preload,
                r#override: one.overrides,
            }
        }),
        x_s_s_protection: security
            .xss_protection
            .as_ref()
            .map(|one| w::ResponseHeadersPolicyXSSProtection {
                protection: one.protection,
                mode_block: one.mode_block,
                report_uri: one.report_uri.clone(),
                r#override: one.overrides,
            }),
    };
    (*security != Security::default()).then_some(shown)
}
