//! What is in the registrations table: what confctl made up, told from what people wrote, and removed again.
//! Must know nothing of how registrations got there, nor of how the table is made.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use futures_util::TryStreamExt;

use crate::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::Error;
use crate::load::addresses::{Addresses, RESERVED_SUFFIX, is_generated};

/// The most that BatchWriteItem takes.
const BATCH: usize = 25;
/// Batches at one time.
const AT_ONCE: usize = 8;
/// How often what DynamoDB did not process is sent again.
const TRIES: u32 = 10;
/// A registration that timed out may still be written after its run: looked for again this often.
const ROUNDS: u32 = 5;

/// The table of the stack, by its key.
pub struct Registrations<'a> {
    pub(super) stack: &'a Stack,
    pub(super) read: &'a Aws,
    pub(super) write: &'a Aws,
}

/// A row of the table.
pub(super) type Row = HashMap<String, AttributeValue>;

impl<'a> Registrations<'a> {
    pub fn new(stack: &'a Stack, read: &'a Aws, write: &'a Aws) -> Self {
        Self { stack, read, write }
    }

    pub fn table(&self) -> &str {
        &self.stack.names.table
    }

    pub(super) fn key(&self) -> &str {
        &self.stack.profile.table.key
    }

    /// Whether this address is registered.
    ///
    /// # Errors
    /// Where DynamoDB does not say.
    pub async fn has(&self, address: &str) -> Result<bool, Error> {
        let get = self.read.dynamodb.get_item().table_name(self.table());
        let get = get.key(self.key(), AttributeValue::S(address.to_owned()));
        let found = get.consistent_read(true).send().await;
        Ok(found.explain("read the test registration back")?.item.is_some())
    }

    /// Removes one address, there or not.
    ///
    /// # Errors
    /// Where DynamoDB does not do it.
    pub async fn remove_one(&self, address: &str) -> Result<(), Error> {
        let delete = self.write.dynamodb.delete_item().table_name(self.table());
        let delete = delete.key(self.key(), AttributeValue::S(address.to_owned()));
        delete.send().await.explain("remove the test registration")?;
        Ok(())
    }

    /// Whether somebody registered who is not made up. By consistent reads, which end at the first one found.
    pub async fn has_real_ones(&self) -> Result<bool, Error> {
        let found = self
            .find(
                "NOT contains(#key, :suffix)",
                RESERVED_SUFFIX,
                |address| !is_generated(address),
                1,
            )
            .await?;
        Ok(!found.is_empty())
    }

    /// What former runs of `load` left.
    pub async fn generated(&self) -> Result<Vec<String>, Error> {
        let suffix = Addresses::suffix_of_all();
        self.find(
            "contains(#key, :suffix)",
            &suffix,
            |address| address.ends_with(&suffix),
            usize::MAX,
        )
        .await
    }

    /// The people of a run who are in the table.
    pub async fn of_run(&self, run: &Addresses) -> Result<HashSet<u32>, Error> {
        let found = self.addresses_of_run(run).await?;
        Ok(found.iter().filter_map(|address| run.person(address)).collect())
    }

    async fn addresses_of_run(&self, run: &Addresses) -> Result<Vec<String>, Error> {
        self.find(
            "contains(#key, :suffix)",
            run.suffix(),
            |address| run.person(address).is_some(),
            usize::MAX,
        )
        .await
    }

    /// Removes a run's addresses, also those that come in meanwhile.
    pub async fn remove_run(&self, run: &Addresses) -> Result<(), Error> {
        for round in 0..ROUNDS {
            let found = self.addresses_of_run(run).await?;
            if found.is_empty() {
                return Ok(());
            }
            self.remove(&found).await?;
            if round > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        match self.addresses_of_run(run).await?.len() {
            0 => Ok(()),
            left => Err(Error::failed(format!(
                "{left} generated addresses are still in the table {}",
                self.table()
            ))),
        }
    }

    /// Addresses that the filter and `wanted` let through, by consistent reads; ends when there are `enough`.
    async fn find(
        &self,
        filter: &str,
        suffix: &str,
        wanted: impl Fn(&str) -> bool,
        enough: usize,
    ) -> Result<Vec<String>, Error> {
        let doing = format!("read the table {}", self.table());
        let scan = self.read.dynamodb.scan().table_name(self.table());
        let scan = scan
            .consistent_read(true)
            .filter_expression(filter)
            .projection_expression("#key")
            .expression_attribute_names("#key", self.key())
            .expression_attribute_values(":suffix", AttributeValue::S(suffix.to_owned()));
        let mut pages = scan.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let mut item = item.explain(&doing)?;
            if let Some(AttributeValue::S(address)) = item.remove(self.key())
                && wanted(&address)
            {
                found.push(address);
                if found.len() >= enough {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Reads all rows page by page, consistently, behind `from` where there is one. `take` gets each page with where the next begins.
    pub(super) async fn pages(
        &self,
        from: Option<Row>,
        mut take: impl FnMut(Vec<Row>, Option<&Row>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let doing = format!("read the table {}", self.table());
        let mut from = from;
        loop {
            let scan = self.read.dynamodb.scan().table_name(self.table()).consistent_read(true);
            let page = scan.set_exclusive_start_key(from).send().await.explain(&doing)?;
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            take(page.items.unwrap_or_default(), from.as_ref())?;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Removes these addresses.
    pub async fn remove(&self, addresses: &[String]) -> Result<(), Error> {
        let batches = futures_util::stream::iter(addresses.chunks(BATCH).map(Ok::<_, Error>));
        batches
            .try_for_each_concurrent(AT_ONCE, |batch| self.remove_batch(batch))
            .await
    }

    async fn remove_batch(&self, addresses: &[String]) -> Result<(), Error> {
        let doing = format!("remove generated addresses from the table {}", self.table());
        let requests = addresses.iter().map(|address| {
            let delete = DeleteRequest::builder().key(self.key(), AttributeValue::S(address.clone()));
            let delete = delete
                .build()
                .map_err(|error| Error::failed(doing.clone()).caused_by(error))?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        let mut left = requests.collect::<Result<Vec<_>, Error>>()?;
        for tried in 0..TRIES {
            let write = self.write.dynamodb.batch_write_item();
            let write = write.request_items(self.table(), left);
            let answer = write.send().await.explain(&doing)?;
            // What was throttled comes back unprocessed, without an error (DynamoDB guide, BatchWriteItem).
            left = answer
                .unprocessed_items
                .and_then(|mut items| items.remove(self.table()))
                .unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(tried.min(6))).await;
        }
        Err(Error::failed(format!("could not {doing}"))
            .because("DynamoDB leaves the same items unprocessed again and again"))
    }
}
