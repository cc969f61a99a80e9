//! AWS's managed policies, under the ids that they have in every account.
//! Sources: CloudFront guide, using-managed-cache-policies, using-managed-origin-request-policies,
//! using-managed-response-headers-policies; the two `UseOriginCacheControlHeaders`: aws-cdk, cache-policy.ts.

use super::{
    CacheRules, Cors, OriginRequestRules, ResponseHeadersRules, Security, Selection, StrictTransportSecurity,
    XssProtection,
};

/// A day and a year in seconds.
const DAY: i64 = 86_400;
const YEAR: i64 = 31_536_000;

pub(super) fn cache() -> Vec<(&'static str, &'static str, CacheRules)> {
    let compressed = |rules: CacheRules| CacheRules {
        gzip: true,
        brotli: true,
        ..rules
    };
    let origin_controlled = |query: Selection| CacheRules {
        headers: only(&[
            "host",
            "origin",
            "x-http-method",
            "x-http-method-override",
            "x-method-override",
        ]),
        cookies: Selection::All,
        query,
        ..compressed(CacheRules::new(0, 0, YEAR))
    };
    vec![
        (
            "658327ea-f89d-4fab-a63d-7e88639e58f6",
            "Managed-CachingOptimized",
            compressed(CacheRules::new(1, DAY, YEAR)),
        ),
        (
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "Managed-CachingDisabled",
            CacheRules::new(0, 0, 0),
        ),
        (
            "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
            "Managed-CachingOptimizedForUncompressedObjects",
            CacheRules::new(1, DAY, YEAR),
        ),
        (
            "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
            "UseOriginCacheControlHeaders",
            origin_controlled(Selection::Nothing),
        ),
        (
            "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
            "UseOriginCacheControlHeaders-QueryStrings",
            origin_controlled(Selection::All),
        ),
    ]
}

pub(super) fn origin_request() -> Vec<(&'static str, &'static str, OriginRequestRules)> {
    let everything = |headers: Selection, cloudfront: &[&str]| OriginRequestRules {
        headers,
        cloudfront_headers: list(cloudfront),
        cookies: Selection::All,
        query: Selection::All,
    };
    let headers = |names: &[&str]| OriginRequestRules {
        headers: only(names),
        ..OriginRequestRules::default()
    };
    vec![
        (
            "216adef6-5c7f-47e4-b989-5492eafa07d3",
            "Managed-AllViewer",
            everything(Selection::All, &[]),
        ),
        (
            "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            "Managed-AllViewerExceptHostHeader",
            everything(Selection::AllExcept(list(&["host"])), &[]),
        ),
        (
            "33f36d7e-f396-46d9-90e0-52428a34d9dc",
            "Managed-AllViewerAndCloudFrontHeaders-2022-06",
            everything(Selection::All, CLOUDFRONT_HEADERS),
        ),
        (
            "bf0718e1-ba1e-49d1-88b1-f726733018ae",
            "Managed-HostHeaderOnly",
            headers(&["host"]),
        ),
        (
            "59781a5b-3903-41f3-afcb-af62929ccde1",
            "Managed-CORS-CustomOrigin",
            headers(&["origin"]),
        ),
        (
            "acba4595-bd28-49b8-b9fe-13317c0390fa",
            "Managed-UserAgentRefererHeaders",
            headers(&["user-agent", "referer"]),
        ),
    ]
}

/// Those that existed in June 2022.
const CLOUDFRONT_HEADERS: &[&str] = &[
    "CloudFront-Forwarded-Proto",
    "CloudFront-Is-Android-Viewer",
    "CloudFront-Is-Desktop-Viewer",
    "CloudFront-Is-IOS-Viewer",
    "CloudFront-Is-Mobile-Viewer",
    "CloudFront-Is-SmartTV-Viewer",
    "CloudFront-Is-Tablet-Viewer",
    "CloudFront-Viewer-ASN",
    "CloudFront-Viewer-Address",
    "CloudFront-Viewer-City",
    "CloudFront-Viewer-Country",
    "CloudFront-Viewer-Country-Name",
    "CloudFront-Viewer-Country-Region",
    "CloudFront-Viewer-Country-Region-Name",
    "CloudFront-Viewer-Http-Version",
    "CloudFront-Viewer-Latitude",
    "CloudFront-Viewer-Longitude",
    "CloudFront-Viewer-Metro-Code",
    "CloudFront-Viewer-Postal-Code",
    "CloudFront-Viewer-TLS",
    "CloudFront-Viewer-Time-Zone",
];

pub(super) fn response_headers() -> Vec<(&'static str, &'static str, ResponseHeadersRules)> {
    let rules = |cors: Option<Cors>, security: Security| ResponseHeadersRules {
        cors,
        security,
        ..ResponseHeadersRules::default()
    };
    vec![
        (
            "67f7725c-6f97-4210-82d7-5512b31e9d03",
            "Managed-SecurityHeadersPolicy",
            rules(None, security()),
        ),
        (
            "60669652-455b-4ae9-85a4-c4c02393f86c",
            "Managed-SimpleCORS",
            rules(Some(cors(&["GET"], &[])), Security::default()),
        ),
        (
            "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
            "Managed-CORS-With-Preflight",
            rules(Some(cors(ALL_METHODS, &["*"])), Security::default()),
        ),
        (
            "e61eb60c-9c35-4d20-a928-2b84e02af89c",
            "Managed-CORS-and-SecurityHeadersPolicy",
            rules(Some(cors(&["GET"], &[])), security()),
        ),
        (
            "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
            "Managed-CORS-with-preflight-and-SecurityHeadersPolicy",
            rules(Some(cors(ALL_METHODS, &["*"])), security()),
        ),
    ]
}

const ALL_METHODS: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

fn cors(methods: &[&str], exposed: &[&str]) -> Cors {
    Cors {
        allow_credentials: false,
        allow_headers: list(&["*"]),
        allow_methods: list(methods),
        allow_origins: list(&["*"]),
        expose_headers: list(exposed),
        max_age: None,
        overrides: false,
    }
}

/// Only `nosniff` overrides what the origin sends.
fn security() -> Security {
    Security {
        content_security_policy: None,
        content_type_options: Some(true),
        frame_options: Some(("SAMEORIGIN".to_owned(), false)),
        referrer_policy: Some(("strict-origin-when-cross-origin".to_owned(), false)),
        strict_transport_security: Some(StrictTransportSecurity {
            max_age: 31_536_000,
            include_subdomains: None,
            preload: None,
            overrides: false,
        }),
        xss_protection: Some(XssProtection {
            protection: true,
            mode_block: Some(true),
            report_uri: None,
            overrides: false,
        }),
    }
}

fn only(names: &[&str]) -> Selection {
    Selection::Only(list(names))
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
