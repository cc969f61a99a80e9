//! The table of registrations: one conditional put per address, bounded in number and in time.
//! It knows nothing of HTTP requests, and puts no address into an error or a log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, KeyType, TableStatus};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::address::Address;
use crate::config::Config;

/// What a visitor may wait for at most: the edge gives up on a POST after 30 s, people much sooner.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The registrations. Writes are idempotent: whoever is unsure may just register again.
pub struct Store {
    client: Client,
    table_name: String,
    table_key: String,
    condition: String,
    in_flight: Semaphore,
    max_in_flight: usize,
    complaints: Complaints,
}

/// Why a registration was not stored.
#[derive(Debug, Error, PartialEq)]
pub enum StoreError {
    /// Too many writes are under way already; none was tried.
    #[error("too many registrations at once")]
    Busy,
    /// DynamoDB did not confirm the write. It may still have happened.
    #[error("DynamoDB does not answer as it should ({0})")]
    Unavailable(String),
}

impl Store {
    /// A client from the environment, with retries and time-outs that fit somebody who waits.
    pub async fn connect(config: &Config) -> Self {
        // The SDK's preset first pause is up to a second and only connecting is bounded.
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(50))
            .with_max_backoff(Duration::from_millis(500));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let shared = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .retry_config(retries)
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load()
            .await;
        Self::new(Client::new(&shared), config)
    }

    pub fn new(client: Client, config: &Config) -> Self {
        Self {
            client,
            table_name: config.table_name.clone(),
            table_key: config.table_key.clone(),
            condition: "attribute_not_exists(#key)".to_owned(),
            in_flight: Semaphore::new(config.max_in_flight),
            max_in_flight: config.max_in_flight,
            complaints: Complaints::default(),
        }
    }

    /// Stores the address unless it is there already; both are one and the same success. That also makes a retry
    /// harmless whose first try was written and whose answer was lost.
    pub async fn register(&self, address: &Address) -> Result<(), StoreError> {
        let _place = self.in_flight.try_acquire().map_err(|_| StoreError::Busy)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table_name)
            .item(&self.table_key, AttributeValue::S(address.as_str().to_owned()))
            .item("registered_at", AttributeValue::S(now()))
            .condition_expression(&self.condition)
            // The key's name may be a word that DynamoDB reserves.
            .expression_attribute_names("#key", &self.table_key);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => {
                let reason = reason(&error);
                self.complaints.log("PutItem", &reason);
                Err(StoreError::Unavailable(reason))
            }
        }
    }

    /// Whether the table is there, takes writes, and has the key that [`Store::register`] relies on.
    pub async fn check(&self) -> Result<(), StoreError> {
        let answer = self
            .client
            .describe_table()
            .table_name(&self.table_name)
            .send()
            .await
            .map_err(|error| {
                let reason = reason(&error);
                self.complaints.log("DescribeTable", &reason);
                StoreError::Unavailable(reason)
            })?;
        let table = answer
            .table
            .ok_or_else(|| StoreError::Unavailable("no table in the answer".to_owned()))?;
        let takes_writes = matches!(table.table_status, Some(TableStatus::Active | TableStatus::Updating));
        let key_fits = matches!(table.key_schema(), [key]
            if key.key_type == KeyType::Hash && key.attribute_name == self.table_key);
        match (takes_writes, key_fits) {
            (true, true) => Ok(()),
            (false, _) => Err(StoreError::Unavailable("the table is not active".to_owned())),
            (_, false) => Err(StoreError::Unavailable(format!(
                "the table's only key is not {}",
                self.table_key
            ))),
        }
    }

    /// Writes under way now.
    pub fn in_flight(&self) -> usize {
        self.max_in_flight - self.in_flight.available_permits()
    }
}

/// RFC 3339 in UTC, always with milliseconds, so that the order of the texts is the order in time.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// What may be told of a failure: the error code or the kind. Never the SDK's debug text: it holds the request.
fn reason<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::TimeoutError(_) => "time-out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "time-out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_io() => "no connection".to_owned(),
        SdkError::DispatchFailure(_) => "request not sent, often for want of credentials".to_owned(),
        SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown error code").to_owned(),
        SdkError::ConstructionFailure(_) => "request could not be built".to_owned(),
        _ => "answer not understood".to_owned(),
    }
}

/// Logs at most one failure a second: an outage at full load must not fill the disk. The metrics count them all.
#[derive(Default)]
struct Complaints {
    started: std::sync::OnceLock<Instant>,
    /// The second, counted from `started` plus one, in which the last was logged.
    last: AtomicU64,
}

impl Complaints {
    fn log(&self, operation: &str, reason: &str) {
        let second = self.started.get_or_init(Instant::now).elapsed().as_secs() + 1;
        if self.last.swap(second, Ordering::Relaxed) != second {
            tracing::error!(operation, reason, "DynamoDB failed");
        }
    }
}
