//! What is asked of the table beside registrations, seldom: whether it is ready, how much is in it.
//! It knows nothing of HTTP requests.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::complaints::Complaints;
use crate::config::Config;
use crate::retries;
use crate::signed::Signed;

/// The table of registrations.
pub struct Table {
    dynamodb: Signed,
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

/// DescribeTable's answer, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    table: Description,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    table_status: String,
    #[serde(default)]
    key_schema: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

/// One page of a Scan that counts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    count: u64,
    consumed_capacity: Option<Consumed>,
    /// Where the next page begins, as DynamoDB wants it back.
    last_evaluated_key: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    capacity_units: f64,
}

impl Table {
    pub fn new(dynamodb: Signed, config: &Config) -> Self {
        Self {
            dynamodb,
            name: config.table_name.clone(),
            key: config.table_key.clone(),
            complaints: Complaints::default(),
        }
    }

    /// Whether the table is there, takes writes, and has the key that registrations rely on.
    pub async fn check(&self) -> Result<(), TableError> {
        let request = json!({ "TableName": self.name });
        let answer: Described = self
            .ask("DescribeTable", "DynamoDB_20120810.DescribeTable", request)
            .await?;
        let table = answer.table;
        let takes_writes = matches!(table.table_status.as_str(), "ACTIVE" | "UPDATING");
        let key_fits = matches!(table.key_schema.as_slice(), [key]
            if key.key_type == "HASH" && key.attribute_name == self.key);
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
        let mut request = json!({ "TableName": self.name, "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL" });
        let mut count = Count { items: 0, units: 0.0 };
        loop {
            let page: Page = self.ask("Scan", "DynamoDB_20120810.Scan", request.clone()).await?;
            count.items += page.count;
            count.units += page.consumed_capacity.map_or(0.0, |consumed| consumed.capacity_units);
            match page.last_evaluated_key {
                Some(next) => request["ExclusiveStartKey"] = next,
                None => return Ok(count),
            }
        }
    }

    async fn ask<A>(&self, operation: &str, target: &'static str, request: Value) -> Result<A, TableError>
    where
        A: for<'a> Deserialize<'a>,
    {
        let answer = retries::call(&self.dynamodb, target, Bytes::from(request.to_string()), || {}).await;
        let answer = answer.map_err(|error| self.failed(operation, &error.to_string()))?;
        serde_json::from_slice(&answer).map_err(|_| self.failed(operation, "answer not understood"))
    }

    fn failed(&self, operation: &str, reason: &str) -> TableError {
        self.complaints.log(operation, reason);
        TableError(format!("{operation} of the table {} failed ({reason})", self.name))
    }
}
