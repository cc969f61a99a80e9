//! Where a region has DynamoDB, by the rules that the AWS SDK brings with its client.
//! It knows neither requests nor credentials.

use thiserror::Error;

/// How the names of hosts end (`partitions.json` of the AWS SDKs): the region's beginning, then the end for IPv4 only and the end
/// for both (dual-stack).
const PARTITIONS: [(&str, &str, &str); 6] = [
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];
/// All other regions: AWS's commercial ones, and GovCloud, whose names end likewise.
const OTHERS: (&str, &str) = ("amazonaws.com", "api.aws");

/// An endpoint of one's own cannot be one of AWS's kinds as well.
#[derive(Debug, Error, PartialEq)]
#[error("{0} cannot be had at an endpoint of your own")]
pub struct EndpointConflict(&'static str);

/// What DynamoDB's `endpoint-rule-set-1.json` says: `named` if there is one, else the region's. The region `local` is DynamoDB local.
pub fn of_dynamodb(
    region: &str,
    named: Option<String>,
    fips: bool,
    dual_stack: bool,
) -> Result<String, EndpointConflict> {
    let local = || (region == "local").then(|| "http://localhost:8000".to_owned());
    match (named.or_else(local), fips, dual_stack) {
        (Some(named), false, false) => Ok(named),
        (Some(_), true, _) => Err(EndpointConflict("FIPS")),
        (Some(_), false, true) => Err(EndpointConflict("dual-stack")),
        (None, ..) => Ok(of_region(region, fips, dual_stack)),
    }
}

fn of_region(region: &str, fips: bool, dual_stack: bool) -> String {
    let partition = PARTITIONS.iter().find(|(beginning, ..)| region.starts_with(beginning));
    let (ipv4, both) = partition.map_or(OTHERS, |(_, ipv4, both)| (ipv4, both));
    // GovCloud's IPv4 endpoint is a FIPS endpoint by its usual name.
    let usual_name = !fips || region.starts_with("us-gov-") && !dual_stack;
    let service = if usual_name { "dynamodb" } else { "dynamodb-fips" };
    let end = if dual_stack { both } else { ipv4 };
    format!("https://{service}.{region}.{end}")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    use super::*;

    #[tokio::test]
    async fn it_is_where_the_sdk_would_look_in_every_partition() {
        for region in [
            "us-east-1",
            "eu-central-1",
            "ap-southeast-5",
            "mx-central-1",
            "us-gov-west-1",
            "cn-north-1",
            "eusc-de-east-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "local",
        ] {
            for named in [None, Some("http://127.0.0.1:4566".to_owned())] {
                for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                    let parameters = Params::builder().region(region).set_endpoint(named.clone());
                    let parameters = parameters.use_fips(fips).use_dual_stack(dual_stack).build().unwrap();
                    let sdk = DefaultResolver::new().resolve_endpoint(&parameters).await;
                    let ours = of_dynamodb(region, named.clone(), fips, dual_stack);
                    assert_eq!(
                        ours.ok().as_deref(),
                        sdk.as_ref().ok().map(|endpoint| endpoint.url()),
                        "{region} {named:?} {fips} {dual_stack}"
                    );
                }
            }
        }
    }
}
