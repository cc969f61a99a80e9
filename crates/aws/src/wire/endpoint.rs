//! Where a service is: what the caller's configuration says, else AWS's own host in the region.
//! Must know nothing of calls.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::client::Service;
use crate::partitions;

/// Where a client's calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    /// By the caller's configuration: not AWS's own.
    pub is_given: bool,
}

impl Endpoint {
    /// The same with a name before its host.
    pub(crate) fn with_host(&self, name: &str) -> String {
        match self.url.split_once("://") {
            Some((scheme, rest)) => format!("{scheme}://{name}.{rest}"),
            None => self.url.clone(),
        }
    }
}

pub(super) fn endpoint(config: &SdkConfig, service: &Service, region: &str) -> Endpoint {
    if let Some(url) = given(config, service.id) {
        return Endpoint { url, is_given: true };
    }
    let fips = config.use_fips().unwrap_or(false);
    let dual_stack = config.use_dual_stack().unwrap_or(false);
    Endpoint {
        url: format!("https://{}", host(service.host, region, fips, dual_stack)),
        is_given: false,
    }
}

/// In the order of the SDK's clients: what the program says, `AWS_ENDPOINT_URL_<SERVICE>` or the profile's `services` section,
/// `AWS_ENDPOINT_URL` or the profile's `endpoint_url`.
fn given(config: &SdkConfig, service: &str) -> Option<String> {
    let general = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(general)
}

/// Source: the endpoint rules of botocore's models. Those of the partition aws-us-gov have other names with FIPS: it has no
/// CloudFront, so no stack is there.
fn host(prefix: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    let partition = partitions::of_region(region);
    let fips = if fips { "-fips" } else { "" };
    match (prefix, dual_stack) {
        // Global: its host names no region.
        ("route53", false) => format!("route53{fips}.{}", partition.dns_suffix),
        ("route53", true) => format!("route53{fips}.global.{}", partition.dual_stack_suffix),
        (_, false) => format!("{prefix}{fips}.{region}.{}", partition.dns_suffix),
        ("s3", true) => format!("s3{fips}.dualstack.{region}.{}", partition.dns_suffix),
        (_, true) => format!("{prefix}{fips}.{region}.{}", partition.dual_stack_suffix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_the_models() {
        assert_eq!(host("ssm", "eu-west-1", false, false), "ssm.eu-west-1.amazonaws.com");
        assert_eq!(host("route53", "us-east-1", false, false), "route53.amazonaws.com");
        assert_eq!(host("route53", "us-east-1", true, false), "route53-fips.amazonaws.com");
        assert_eq!(
            host("wafv2", "us-east-1", true, false),
            "wafv2-fips.us-east-1.amazonaws.com"
        );
        assert_eq!(
            host("monitoring", "us-east-1", false, true),
            "monitoring.us-east-1.api.aws"
        );
        assert_eq!(
            host("s3", "us-east-1", true, true),
            "s3-fips.dualstack.us-east-1.amazonaws.com"
        );
        assert_eq!(
            host("cloudformation", "cn-north-1", false, false),
            "cloudformation.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn what_the_program_says_is_taken_and_says_so() {
        let config = SdkConfig::builder().endpoint_url("http://127.0.0.1:4566").build();
        let service = Service {
            id: "SSM",
            signing_name: "ssm",
            host: "ssm",
        };
        let endpoint = endpoint(&config, &service, "us-east-1");
        assert_eq!(endpoint.url, "http://127.0.0.1:4566");
        assert!(endpoint.is_given);
    }
}
