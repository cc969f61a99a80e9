//! What is asked of the table beside registrations, seldom and through the SDK: whether it is ready, how much is in it.
//! It knows nothing of HTTP requests.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{KeyType, ReturnConsumedCapacity, Select, TableStatus};
use thiserror::Error;

use crate::complaints::Complaints;
use crate::config::Config;

/// The table of registrations.
pub struct Table {
    client: Client,
    name: String,
    key: String,
    complaints: Complaints,
}

/// Why nothing is known of the table, in words without anything from a request.
#[derive(Debug, Error, PartialEq)]
#[error("{0}")]
pub struct TableError(String);

/// How much is in the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub items: u64,
    /// What it cost to know, in read request units.
    pub units: f64,
}

impl Table {
    pub fn new(client: Client, config: &Config) -> Self {
        Self {
            client,
            name: config.table_name.clone(),
            key: config.table_key.clone(),
            complaints: Complaints::default(),
        }
    }

    /// Whether the table is there, takes writes, and has the key that registrations rely on.
    pub async fn check(&self) -> Result<(), TableError> {
        let answer = self.client.describe_table().table_name(&self.name).send().await;
        let answer = answer.map_err(|error| self.failed("DescribeTable", &error))?;
        let table = answer.table.ok_or(TableError("no table in the answer".to_owned()))?;
        let takes_writes = matches!(table.table_status, Some(TableStatus::Active | TableStatus::Updating));
        let key_fits = matches!(table.key_schema(), [key]
            if key.key_type == KeyType::Hash && key.attribute_name == self.key);
        match (takes_writes, key_fits) {
            (true, true) => Ok(()),
            (false, _) => Err(TableError(format!("the table {} is not active", self.name))),
            (_, false) => Err(TableError(format!(
                "the only key of the table {} is not {}",
                self.name, self.key
            ))),
        }
    }

    /// Counts by reading everything. DescribeTable's ItemCount is free but up to six hours old (API reference,
    /// TableDescription): an event is over by then.
    pub async fn count(&self) -> Result<Count, TableError> {
        let scan = self.client.scan().table_name(&self.name);
        let scan = scan
            .select(Select::Count)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut count = Count { items: 0, units: 0.0 };
        let mut next = None;
        loop {
            let page = scan.clone().set_exclusive_start_key(next.take()).send().await;
            let page = page.map_err(|error| self.failed("Scan", &error))?;
            count.items += u64::try_from(page.count).unwrap_or_default();
            count.units += page
                .consumed_capacity
                .and_then(|capacity| capacity.capacity_units)
                .unwrap_or_default();
            next = page.last_evaluated_key;
            if next.is_none() {
                return Ok(count);
            }
        }
    }

    fn failed<E: ProvideErrorMetadata, R>(&self, operation: &str, error: &SdkError<E, R>) -> TableError {
        let reason = reason(error);
        self.complaints.log(operation, &reason);
        TableError(format!("{operation} of the table {} failed ({reason})", self.name))
    }
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
