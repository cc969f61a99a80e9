//! CloudFront's managed policies: what is in the cache key, what reaches the origin, how long a response is kept.
//! Must know nothing of requests. Ids and values: CloudFront guide, using-managed-cache-policies and
//! using-managed-origin-request-policies; the two `UseOriginCacheControlHeaders`: aws-cdk, cache-policy.ts.

/// Which headers, cookies or query strings a policy takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    Nothing,
    All,
    AllExcept(&'static [&'static str]),
    Only(&'static [&'static str]),
}

impl Selection {
    /// Whether the policy takes `name`. Case counts not: only header names are listed, which have none.
    pub(crate) fn takes(self, name: &str) -> bool {
        let listed = |names: &[&str]| names.iter().any(|listed| listed.eq_ignore_ascii_case(name));
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::AllExcept(names) => !listed(names),
            Self::Only(names) => listed(names),
        }
    }
}

/// What is in the cache key, and how long a response is kept. Times in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachePolicy {
    pub id: &'static str,
    pub name: &'static str,
    pub min_ttl: i64,
    pub default_ttl: i64,
    pub max_ttl: i64,
    pub gzip: bool,
    pub brotli: bool,
    pub headers: Selection,
    pub cookies: Selection,
    pub query: Selection,
}

/// What reaches the origin beside the cache key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OriginRequestPolicy {
    pub id: &'static str,
    pub name: &'static str,
    pub headers: Selection,
    /// Headers that CloudFront itself adds.
    pub cloudfront_headers: &'static [&'static str],
    pub cookies: Selection,
    pub query: Selection,
}

pub(crate) const CACHE_POLICIES: &[CachePolicy] = &[
    CachePolicy {
        id: "658327ea-f89d-4fab-a63d-7e88639e58f6",
        name: "Managed-CachingOptimized",
        min_ttl: 1,
        default_ttl: 86_400,
        max_ttl: 31_536_000,
        gzip: true,
        brotli: true,
        headers: Selection::Nothing,
        cookies: Selection::Nothing,
        query: Selection::Nothing,
    },
    CachePolicy {
        id: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        name: "Managed-CachingDisabled",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: 0,
        gzip: false,
        brotli: false,
        headers: Selection::Nothing,
        cookies: Selection::Nothing,
        query: Selection::Nothing,
    },
    CachePolicy {
        id: "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        name: "Managed-CachingOptimizedForUncompressedObjects",
        min_ttl: 1,
        default_ttl: 86_400,
        max_ttl: 31_536_000,
        gzip: false,
        brotli: false,
        headers: Selection::Nothing,
        cookies: Selection::Nothing,
        query: Selection::Nothing,
    },
    CachePolicy {
        id: "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        name: "UseOriginCacheControlHeaders",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: 31_536_000,
        gzip: true,
        brotli: true,
        headers: ORIGIN_CONTROLLED,
        cookies: Selection::All,
        query: Selection::Nothing,
    },
    CachePolicy {
        id: "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        name: "UseOriginCacheControlHeaders-QueryStrings",
        min_ttl: 0,
        default_ttl: 0,
        max_ttl: 31_536_000,
        gzip: true,
        brotli: true,
        headers: ORIGIN_CONTROLLED,
        cookies: Selection::All,
        query: Selection::All,
    },
];

const ORIGIN_CONTROLLED: Selection = Selection::Only(&[
    "host",
    "origin",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
]);

pub(crate) const ORIGIN_REQUEST_POLICIES: &[OriginRequestPolicy] = &[
    OriginRequestPolicy {
        id: "216adef6-5c7f-47e4-b989-5492eafa07d3",
        name: "Managed-AllViewer",
        headers: Selection::All,
        cloudfront_headers: &[],
        cookies: Selection::All,
        query: Selection::All,
    },
    OriginRequestPolicy {
        id: "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        name: "Managed-AllViewerExceptHostHeader",
        headers: Selection::AllExcept(&["host"]),
        cloudfront_headers: &[],
        cookies: Selection::All,
        query: Selection::All,
    },
    OriginRequestPolicy {
        id: "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        name: "Managed-AllViewerAndCloudFrontHeaders-2022-06",
        headers: Selection::All,
        cloudfront_headers: &["cloudfront-viewer-address", "cloudfront-forwarded-proto"],
        cookies: Selection::All,
        query: Selection::All,
    },
    OriginRequestPolicy {
        id: "59781a5b-3903-41f3-afcb-af62929ccde1",
        name: "Managed-CORS-CustomOrigin",
        headers: Selection::Only(&["origin"]),
        cloudfront_headers: &[],
        cookies: Selection::Nothing,
        query: Selection::Nothing,
    },
    OriginRequestPolicy {
        id: "acba4595-bd28-49b8-b9fe-13317c0390fa",
        name: "Managed-UserAgentRefererHeaders",
        headers: Selection::Only(&["user-agent", "referer"]),
        cloudfront_headers: &[],
        cookies: Selection::Nothing,
        query: Selection::Nothing,
    },
];

pub(crate) fn cache_policy(id: &str) -> Option<&'static CachePolicy> {
    CACHE_POLICIES.iter().find(|policy| policy.id == id)
}

pub(crate) fn origin_request_policy(id: &str) -> Option<&'static OriginRequestPolicy> {
    ORIGIN_REQUEST_POLICIES.iter().find(|policy| policy.id == id)
}
