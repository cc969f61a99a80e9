//! Finds DynamoDB from the environment, once: endpoint and credentials are looked for where the AWS SDK looks for them.
//! It knows neither registrations nor requests.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::service_config::ServiceConfigKey;

use crate::config::Config;
use crate::credentials::Credentials;
use crate::endpoint;
use crate::https;
use crate::signed::{EndpointError, Signed};

/// A way to DynamoDB over the connections of `http`.
pub async fn connect(config: &Config, http: https::Client) -> Result<Signed, EndpointError> {
    let shared = shared(config, http.clone()).await;
    let endpoint = endpoint(&shared, &config.region)?;
    let provider = shared.credentials_provider().ok_or(EndpointError::NoCredentials)?;
    Signed::new(http, &endpoint, &config.region, Credentials::kept_fresh(provider))
}

/// What providers of credentials go by.
async fn shared(config: &Config, http: https::Client) -> SdkConfig {
    // The SDK's preset first pause is up to a second and only connecting is bounded.
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_secs(4))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https::for_sdk(http))
        .region(Region::new(config.region.clone()))
        .retry_config(retries)
        .timeout_config(timeouts)
        .load()
        .await
}

/// As the SDK's own client finds it: `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL` and their like in the configuration
/// file, else the region's, FIPS and dual-stack if asked for.
fn endpoint(shared: &SdkConfig, region: &str) -> Result<String, EndpointError> {
    let key = ServiceConfigKey::builder()
        .service_id("DynamoDB")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service = key
        .ok()
        .and_then(|key| shared.service_config().and_then(|service| service.load_config(key)));
    let named = of_service.or_else(|| shared.endpoint_url().map(str::to_owned));
    let fips = shared.use_fips().unwrap_or(false);
    let dual_stack = shared.use_dual_stack().unwrap_or(false);
    Ok(endpoint::of_dynamodb(region, named, fips, dual_stack)?)
}
