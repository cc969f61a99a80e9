//! One client a service, for one account, region and target. Clients for reading refuse every operation that is not a read.
//! Must know nothing of what is done with them.

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use super::empty_answers::Proof;
use super::errors::Explain;
use super::exchange_log::ExchangeLog;
use super::partitions;
use super::reads::ReadOnly;
use super::search::Index;
use super::services::acm::Acm;
use super::services::cloudformation::CloudFormation;
use super::services::cloudwatch::CloudWatch;
use super::services::load_balancing::LoadBalancing;
use super::services::logs::Logs;
use super::services::quotas::ServiceQuotas;
use super::services::route53::Route53;
use super::services::s3::S3;
use super::services::ssm::Ssm;
use super::services::tagging::Tagging;
use super::services::waf::Waf;
use super::sign_in::SignIn;
use super::tenure::Tenure;
use crate::engine::{Error, Kind};
use crate::target::{PublicNames, Target};

/// CloudFront, its web ACLs and their tags live here, whatever the stack's region.
/// Source: the `Scope` member of wafv2:CreateWebACL.
pub const GLOBAL_REGION: &str = "us-east-1";

/// How long one try of a call may take.
pub const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a call may take with all its tries.
pub const OPERATION: Duration = Duration::from_secs(120);

/// Whether clients may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Read,
    Write,
}

/// Everything needed to talk to one account and region.
#[derive(Clone)]
pub struct Aws {
    /// Twelve digits.
    pub account: String,
    /// ARN of whoever the credentials belong to.
    pub caller: String,
    pub region: String,
    /// The endpoint, where it is not AWS's own.
    pub endpoint: Option<String>,
    pub public: PublicNames,
    /// Whether empty answers of Beanstalk can be believed.
    pub proof: Proof,
    /// Certificates that CloudFront takes: of [`GLOBAL_REGION`].
    pub acm: Acm,
    pub autoscaling: aws_sdk_autoscaling::Client,
    pub beanstalk: aws_sdk_elasticbeanstalk::Client,
    pub cloudformation: CloudFormation,
    pub cloudfront: aws_sdk_cloudfront::Client,
    pub cloudwatch: CloudWatch,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub elb: LoadBalancing,
    /// Of [`GLOBAL_REGION`].
    pub global_quotas: ServiceQuotas,
    pub global_tagging: Tagging,
    pub iam: aws_sdk_iam::Client,
    /// What was found by tags in this run.
    pub index: Index,
    pub logs: Logs,
    pub quotas: ServiceQuotas,
    /// Certificates of the stack's own region.
    pub regional_acm: Acm,
    pub route53: Route53,
    pub s3: S3,
    /// For the lock itself, which does not wait for itself.
    pub s3_of_the_lock: S3,
    pub ssm: Ssm,
    pub tagging: Tagging,
    /// What changes something waits while it is not known that the stack's lock is ours.
    pub tenure: Tenure,
    pub waf: Waf,
}

impl Aws {
    /// The bucket that Beanstalk keeps for itself in this account and region, and where the stack's record is.
    pub fn storage_bucket(&self) -> String {
        format!("elasticbeanstalk-{}-{}", self.region, self.account)
    }

    /// The regions that the account can use.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub async fn enabled_regions(&self) -> Result<Vec<String>, Error> {
        let answer = self
            .ec2
            .describe_regions()
            .send()
            .await
            .explain("list the account's regions")?;
        Ok(answer
            .regions()
            .iter()
            .filter_map(|region| region.region_name().map(str::to_owned))
            .collect())
    }

    /// The same account in another region, for EC2 and Beanstalk: who uses account-wide roles is known only there.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let mut there = self.clone();
        there.region = region.to_owned();
        let region = || Some(Region::new(region.to_owned()));
        let mut ec2 = self.ec2.config().to_builder();
        ec2.set_region(region());
        there.ec2 = aws_sdk_ec2::Client::from_conf(ec2.build());
        let mut beanstalk = self.beanstalk.config().to_builder();
        beanstalk.set_region(region());
        there.beanstalk = aws_sdk_elasticbeanstalk::Client::from_conf(beanstalk.build());
        there
    }

    /// Takes note of what this run listed of the stack's record: see [`Index`].
    pub fn listed_record(&self, prefix: String, keys: Vec<String>) {
        self.index.record(prefix, keys);
    }

    /// Something is about to be changed: what this run found before is read again.
    pub fn reads_anew(&self) {
        self.index.forget();
    }

    /// The partition of the region, as in its ARNs: `aws`, `aws-cn`, …
    pub fn partition(&self) -> &'static str {
        partitions::of_region(&self.region).name
    }

    /// A DynamoDB table's ARN.
    pub fn table_arn(&self, table: &str) -> String {
        let partition = self.partition();
        format!(
            "arn:{partition}:dynamodb:{}:{}:table/{table}",
            self.region, self.account
        )
    }
}

/// The SDK's configuration for a target: where it is AWS the SDK's own chain, else nothing but the target's own words.
pub async fn configuration(target: &Target, region: &str, sign_in: Option<&SignIn>) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(5);
    // Only the connect time-out is preset by the SDK.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    if let (Some(endpoint), Some(key)) = (&target.endpoint, &target.credentials) {
        let credentials = Credentials::from_keys(key.access_key_id.clone(), key.secret_access_key.clone(), None);
        return SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(retries)
            .timeout_config(timeouts)
            .build();
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(retries)
        .timeout_config(timeouts);
    if let Some(sign_in) = sign_in {
        let http = sign_in.trust.client(sign_in.is_this_machine());
        if let Some(provider) = sign_in.provider(region, &http) {
            loader = loader.credentials_provider(provider);
        }
        if let Some(profile) = sign_in.named() {
            loader = loader.profile_name(profile);
        }
        loader = loader.http_client(http);
    }
    loader.load().await
}

/// Connects: finds out whose account the credentials are for, and makes the clients.
///
/// # Errors
/// Without credentials, with ones that AWS does not accept, or in an account other than `only_account`.
pub async fn connect(
    target: &Target,
    config: &SdkConfig,
    region: &str,
    only_account: Option<&str>,
) -> Result<(Aws, Aws), Error> {
    let identity = aws_sdk_sts::Client::new(config).get_caller_identity().send().await;
    let identity = identity.explain("find out whose AWS account this is")?;
    let account = identity.account().unwrap_or_default().to_owned();
    let caller = identity.arn().unwrap_or_default().to_owned();
    if let Some(only) = only_account.filter(|only| *only != account) {
        return Err(Error::new(
            Kind::Refused,
            format!("the credentials are for account {account}, not {only}"),
        )
        .hint("use other credentials with `--aws-profile NAME`, or change `--account` or the profile's `account`"));
    }
    let tenure = Tenure::default();
    let waiting = tenure.over(config);
    let read = clients(target, config, region, &account, &caller, Mode::Read);
    let mut write = clients(target, &waiting, region, &account, &caller, Mode::Write);
    write.s3_of_the_lock = S3::new(config, region, Mode::Write, &account);
    write.tenure = tenure;
    Ok((read, write))
}

/// Whether AWS does not know the key at all: it is gone, or the region is not enabled and knows none of the account's.
/// Source: the IAM guide's id_credentials_temp_enable-regions.
pub fn is_unknown_key(error: &Error) -> bool {
    ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"]
        .iter()
        .any(|code| error.is_code(code))
}

/// Whether the key is known where no region has to be enabled.
pub async fn knows_key_elsewhere(config: &SdkConfig) -> bool {
    let elsewhere = aws_sdk_sts::config::Builder::from(config)
        .region(Region::new(GLOBAL_REGION))
        .build();
    let identity = aws_sdk_sts::Client::from_conf(elsewhere)
        .get_caller_identity()
        .send()
        .await;
    identity.is_ok()
}

fn clients(target: &Target, config: &SdkConfig, region: &str, account: &str, caller: &str, mode: Mode) -> Aws {
    macro_rules! client {
        ($sdk:ident, $region:expr) => {{
            let mut builder = $sdk::config::Builder::from(config);
            builder.set_region(Some(Region::new($region.to_owned())));
            builder = builder.interceptor(ExchangeLog);
            if mode == Mode::Read {
                builder = builder.interceptor(ReadOnly);
            }
            $sdk::Client::from_conf(builder.build())
        }};
    }
    Aws {
        account: account.to_owned(),
        caller: caller.to_owned(),
        region: region.to_owned(),
        // Also where the SDK's own configuration names one: a plan must say that it is not for AWS.
        endpoint: target
            .endpoint
            .clone()
            .or_else(|| config.endpoint_url().map(str::to_owned)),
        public: target.public.clone(),
        proof: Proof::default(),
        index: Index::default(),
        acm: Acm::new(config, GLOBAL_REGION, mode),
        autoscaling: client!(aws_sdk_autoscaling, region),
        beanstalk: client!(aws_sdk_elasticbeanstalk, region),
        cloudformation: CloudFormation::new(config, region, mode),
        cloudfront: client!(aws_sdk_cloudfront, GLOBAL_REGION),
        cloudwatch: CloudWatch::new(config, region, mode),
        dynamodb: client!(aws_sdk_dynamodb, region),
        ec2: client!(aws_sdk_ec2, region),
        elb: LoadBalancing::new(config, region, mode),
        global_quotas: ServiceQuotas::new(config, GLOBAL_REGION, mode),
        global_tagging: Tagging::new(config, GLOBAL_REGION, mode),
        iam: client!(aws_sdk_iam, region),
        logs: Logs::new(config, region, mode),
        quotas: ServiceQuotas::new(config, region, mode),
        regional_acm: Acm::new(config, region, mode),
        route53: Route53::new(config, mode),
        s3: S3::new(config, region, mode, account),
        s3_of_the_lock: S3::new(config, region, mode, account),
        ssm: Ssm::new(config, region, mode),
        tagging: Tagging::new(config, region, mode),
        tenure: Tenure::default(),
        waf: Waf::new(config, GLOBAL_REGION, mode),
    }
}

/// Clients for tests whose calls end in a replay; it is first asked who calls.
#[cfg(test)]
pub(crate) async fn replayed(config: &SdkConfig, region: &str) -> Aws {
    let (read, _) = connect(&Target::aws(), config, region, None).await.unwrap();
    read
}
