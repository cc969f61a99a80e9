//! The stack's record in Beanstalk's bucket, under `confctl/<stack>/`: the applied profile, bundles, journal and lock.
//! A hint, never an authority (any Beanstalk instance of the account may write there): nothing is deleted on its word.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;

use super::errors::Explain;
use super::services::s3::{Entry, If};
use super::{Aws, paging};
use crate::engine::Error;

/// The profile that the newest `up` used, in every stack's record.
pub const APPLIED: &str = "profile.toml";
/// Written once, by the first `up`, and never again: no other object of a record is as old as its stack for long.
pub const BORN: &str = "born";
/// Where all records are.
const ALL: &str = "confctl/";

/// Where a stack's record is.
#[derive(Clone)]
pub struct Record {
    pub(super) bucket: String,
    /// `confctl/<stack>/`
    pub(super) prefix: String,
}

/// The most bytes of an object of the record that are read. What confctl writes there is far smaller; others may write anything.
pub(super) const MOST: u64 = 64 * 1024;
/// Another write was first, or is being made (S3 API reference, PutObject, `If-None-Match`).
const TAKEN: &[&str] = &["PreconditionFailed", "ConditionalRequestConflict"];
const ABSENT: &[&str] = &["NoSuchKey", "NoSuchBucket", "NotFound"];

impl Record {
    pub fn new(aws: &Aws, stack: &str) -> Self {
        Self {
            bucket: aws.storage_bucket(),
            prefix: format!("{ALL}{stack}/"),
        }
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The full key of one of the record's objects.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Makes the bucket if it is not there; an idempotent call without cost.
    ///
    /// # Errors
    /// Where Beanstalk refuses, or gives another bucket than the one whose name it always gives.
    pub async fn ensure_bucket(&self, aws: &Aws) -> Result<(), Error> {
        let answer = aws.beanstalk.create_storage_location().send().await;
        let answer = answer.explain("get Beanstalk's storage bucket")?;
        match answer.s3_bucket() {
            Some(bucket) if bucket == self.bucket => Ok(()),
            other => Err(Error::failed(format!(
                "Beanstalk's storage bucket is {}, not {} as expected",
                other.unwrap_or("not named"),
                self.bucket
            ))),
        }
    }

    /// An object of the record, as far as it is of a size that confctl would write; `None` where it, or the bucket, is not there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn read(&self, aws: &Aws, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_beginning(aws, name, MOST).await
    }

    /// As [`Self::read`], of an object of which is known how large it is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn read_beginning(&self, aws: &Aws, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let doing = format!("read s3://{}/{}", self.bucket, self.key(name));
        let got = aws.s3.get_beginning(&self.bucket, &self.key(name), most).await;
        Ok(got.or_absent(ABSENT, &doing)?.map(|object| object.body))
    }

    /// # Errors
    /// Where it cannot be written.
    pub async fn write(&self, aws: &Aws, name: &str, body: Vec<u8>) -> Result<(), Error> {
        let key = self.key(name);
        let put = aws.s3.put_object(&self.bucket, &key, body, If::Always).await;
        put.explain(&format!("write s3://{}/{key}", self.bucket))?;
        Ok(())
    }

    /// Writes an object that is not there yet, and leaves one that is. Which of the two it was, an answer that was lost does not
    /// tell: read it back.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn write_once(&self, aws: &Aws, name: &str, body: Vec<u8>) -> Result<(), Error> {
        let key = self.key(name);
        let put = aws.s3.put_object(&self.bucket, &key, body, If::Absent).await;
        put.or_absent(TAKEN, &format!("write s3://{}/{key}", self.bucket))?;
        Ok(())
    }

    /// Whether it has the object with this key: by the list that this run has made of it, where it has made one.
    ///
    /// # Errors
    /// Where its keys cannot be listed.
    pub async fn has(&self, aws: &Aws, key: &str) -> Result<bool, Error> {
        let keys = match aws.index.recorded(key) {
            Some(keys) => keys,
            None => self.list(aws, key).await?,
        };
        Ok(keys.iter().any(|known| known == key))
    }

    /// Keys in the bucket that begin with `prefix`; none where the bucket is not there.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub async fn list(&self, aws: &Aws, prefix: &str) -> Result<Vec<String>, Error> {
        let entries = entries(aws, &self.bucket, prefix).await?;
        Ok(entries.into_iter().map(|entry| entry.key).collect())
    }

    /// Deletes keys of the bucket.
    ///
    /// # Errors
    /// The first that could not be deleted.
    pub async fn delete_keys(&self, aws: &Aws, keys: &[String]) -> Result<(), Error> {
        for key in keys {
            let deleted = aws.s3.delete_object(&self.bucket, key, If::Always).await;
            deleted.explain(&format!("delete s3://{}/{key}", self.bucket))?;
        }
        Ok(())
    }
}

async fn entries(aws: &Aws, bucket: &str, prefix: &str) -> Result<Vec<Entry>, Error> {
    let doing = format!("list s3://{bucket}/{prefix}");
    paging::all(async |token: Option<String>| {
        let page = aws.s3.list_objects(bucket, prefix, token.as_deref()).await;
        Ok(page.or_absent(ABSENT, &doing)?.unwrap_or_default())
    })
    .await
}

/// A record, as a list shows it.
#[derive(Debug, Default)]
pub struct Listed {
    /// Since when S3 has the oldest object of it.
    pub since: Option<DateTime>,
    /// Names of its objects.
    pub names: Vec<String>,
}

/// The records of all stacks in the region, by the stack's name.
///
/// # Errors
/// Where they cannot be listed.
pub async fn all(aws: &Aws) -> Result<BTreeMap<String, Listed>, Error> {
    let mut stacks: BTreeMap<String, Listed> = BTreeMap::new();
    for entry in entries(aws, &aws.storage_bucket(), ALL).await? {
        if let Some((stack, name)) = entry.key.strip_prefix(ALL).and_then(|key| key.split_once('/')) {
            let record = stacks.entry(stack.to_owned()).or_default();
            record.since = record.since.into_iter().chain(entry.last_modified).min();
            record.names.push(name.to_owned());
        }
    }
    Ok(stacks)
}
