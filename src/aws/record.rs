//! The stack's record in Beanstalk's bucket, under `confctl/<stack>/`: the applied profile, bundles, journal and lock.
//! A hint, never an authority (any Beanstalk instance of the account may write there): nothing is deleted on its word.

use aws_sdk_s3::primitives::ByteStream;

use super::Aws;
use super::errors::Explain;
use crate::engine::Error;

/// Where a stack's record is.
#[derive(Clone)]
pub struct Record {
    pub(super) bucket: String,
    pub(super) account: String,
    /// `confctl/<stack>/`
    pub(super) prefix: String,
}

const ABSENT: &[&str] = &["NoSuchKey", "NoSuchBucket", "NotFound"];

impl Record {
    pub fn new(aws: &Aws, stack: &str) -> Self {
        Self {
            bucket: aws.storage_bucket(),
            account: aws.account.clone(),
            prefix: format!("confctl/{stack}/"),
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

    /// An object of the record; `None` where it, or the bucket, is not there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn read(&self, aws: &Aws, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let doing = format!("read s3://{}/{}", self.bucket, self.key(name));
        let get = aws
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .expected_bucket_owner(&self.account);
        let Some(object) = get.send().await.or_absent(ABSENT, &doing)? else {
            return Ok(None);
        };
        let body = object.body.collect().await;
        let body = body.map_err(|error| Error::failed(format!("could not {doing}")).because(error.to_string()))?;
        Ok(Some(body.into_bytes().to_vec()))
    }

    /// # Errors
    /// Where it cannot be written.
    pub async fn write(&self, aws: &Aws, name: &str, body: Vec<u8>) -> Result<(), Error> {
        let put = aws
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .expected_bucket_owner(&self.account);
        let answer = put.body(ByteStream::from(body)).send().await;
        answer.explain(&format!("write s3://{}/{}", self.bucket, self.key(name)))?;
        Ok(())
    }

    /// Keys in the bucket that begin with `prefix`; none where the bucket is not there.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub async fn list(&self, aws: &Aws, prefix: &str) -> Result<Vec<String>, Error> {
        let doing = format!("list s3://{}/{prefix}", self.bucket);
        let mut keys = Vec::new();
        let mut token = None;
        loop {
            let list = aws
                .s3
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_continuation_token(token);
            let page = list
                .expected_bucket_owner(&self.account)
                .send()
                .await
                .or_absent(ABSENT, &doing)?;
            let Some(page) = page else { return Ok(keys) };
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key().map(str::to_owned)),
            );
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Deletes keys of the bucket.
    ///
    /// # Errors
    /// The first that could not be deleted.
    pub async fn delete_keys(&self, aws: &Aws, keys: &[String]) -> Result<(), Error> {
        for key in keys {
            let delete = aws
                .s3
                .delete_object()
                .bucket(&self.bucket)
                .key(key)
                .expected_bucket_owner(&self.account);
            delete
                .send()
                .await
                .explain(&format!("delete s3://{}/{key}", self.bucket))?;
        }
        Ok(())
    }
}
