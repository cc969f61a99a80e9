//! A request as it would travel, and which operation of which service it is: told by host, target, action or path.
//! Must know nothing of scripts.

use percent_encoding::percent_decode_str;

const MARKERS: [&str; 6] = [
    "NextMarker",
    "NextToken",
    "nextToken",
    "Marker",
    "PaginationToken",
    "continuation-token",
];

/// What was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// `service:Operation`, the service as the permission's prefix has it.
    pub operation: String,
    /// Host, path and query, then the body; decoded.
    pub text: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Sent {
    pub fn new(method: &str, uri: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let (host, path) = split(uri);
        let body = String::from_utf8_lossy(&body).into_owned();
        let service = service(host);
        let target = headers.iter().find(|(name, _)| name == "x-amz-target");
        let name = match (target, service) {
            (Some((_, target)), _) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            (None, "cloudfront") => cloudfront(method, path).to_owned(),
            (None, "route53") => route53(method, path).to_owned(),
            (None, "s3") => s3(method, path).to_owned(),
            (None, _) => parameter(&body, "Action").unwrap_or_default(),
        };
        let form = body.replace('+', " ");
        let text = format!("{host}{path} {}", percent_decode_str(&form).decode_utf8_lossy());
        Self {
            operation: format!("{service}:{name}"),
            text,
            headers,
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it asks for a next page by an empty marker, which AWS's models refuse: their least length is one.
    pub fn has_an_empty_marker(&self) -> bool {
        let document: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let in_form = |name: &str| self.parameter(name).is_some_and(|value| value.is_empty());
        let in_path = |name: &str| {
            self.text.contains(&format!("{name}=&")) || self.text.trim_end().ends_with(&format!("{name}="))
        };
        MARKERS
            .iter()
            .any(|name| document[name] == "" || in_form(name) || in_path(name))
    }

    pub fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// A parameter of a form.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.body, name)
    }

    /// A member of a JSON document; null where there is none.
    pub fn member(&self, name: &str) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        document[name].clone()
    }
}

fn split(uri: &str) -> (&str, &str) {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let at = rest.find('/').unwrap_or(rest.len());
    rest.split_at(at)
}

/// The permission's prefix of the service whose host it is.
/// Source: `endpointPrefix` in boto/botocore, botocore/data/*/service-2.json.
pub fn service(host: &str) -> &'static str {
    let hosts = [
        ("acm.", "acm"),
        ("monitoring.", "cloudwatch"),
        ("autoscaling.", "autoscaling"),
        ("cloudformation.", "cloudformation"),
        ("cloudfront.", "cloudfront"),
        ("dynamodb.", "dynamodb"),
        ("ddb.", "dynamodb"),
        ("ec2.", "ec2"),
        ("elasticbeanstalk.", "elasticbeanstalk"),
        ("elasticloadbalancing.", "elasticloadbalancing"),
        ("iam.", "iam"),
        ("logs.", "logs"),
        ("route53.", "route53"),
        ("servicequotas.", "servicequotas"),
        ("ssm.", "ssm"),
        ("sts.", "sts"),
        ("tagging.", "tag"),
        ("wafv2.", "wafv2"),
    ];
    let known = hosts
        .iter()
        .find(|(prefix, _)| host.starts_with(prefix) || host.contains(&format!(".{prefix}")));
    match known {
        // An ARN makes DynamoDB's host the account's own: 123456789012.ddb.us-east-1.amazonaws.com.
        Some((_, service)) => service,
        None if host.contains("s3.") => "s3",
        None => "unknown",
    }
}

fn parameter(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| {
        percent_decode_str(&value.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    })
}

/// Source: the `requestUri` of each operation in boto/botocore, botocore/data/cloudfront/2020-05-31/service-2.json.
fn cloudfront(method: &str, path: &str) -> &'static str {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    match (method, parts.as_slice()) {
        ("GET", ["distribution"]) => "ListDistributions",
        ("POST", ["distribution"]) if query.contains("WithTags") => "CreateDistributionWithTags",
        ("GET", ["distribution", _]) => "GetDistribution",
        ("GET", ["distribution", _, "config"]) => "GetDistributionConfig",
        ("PUT", ["distribution", _, "config"]) => "UpdateDistribution",
        ("POST", ["distribution", _, "invalidation"]) => "CreateInvalidation",
        ("DELETE", ["distribution", _]) => "DeleteDistribution",
        ("GET", ["distributionsByWebACLId", ..]) => "ListDistributionsByWebACLId",
        ("GET", ["tagging"]) => "ListTagsForResource",
        ("POST", ["tagging"]) if query.contains("Operation=Tag") => "TagResource",
        ("POST", ["tagging"]) if query.contains("Operation=Untag") => "UntagResource",
        _ => "unknown",
    }
}

/// Source: the `requestUri` of each operation in boto/botocore, botocore/data/route53/2013-04-01/service-2.json.
fn route53(method: &str, path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    match (method, parts.as_slice()) {
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        _ => "unknown",
    }
}

/// Source: the `requestUri` of each operation in boto/botocore, botocore/data/s3/2006-03-01/service-2.json.
fn s3(method: &str, path: &str) -> &'static str {
    match method {
        "GET" if path.contains("list-type=2") => "ListObjectsV2",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" => "PutObject",
        "DELETE" => "DeleteObject",
        _ => "unknown",
    }
}
