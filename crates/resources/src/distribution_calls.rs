//! CloudFront's calls with their traps: full replacement by ETag, deletion only of what is disabled everywhere.
//! Must know nothing of how a distribution should be.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::types::{Distribution, DistributionConfig, DistributionSummary, InvalidationBatch, Paths};

use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::engine::{Error, Kind, Limits, Poll, Wait, WriteCx};

/// One of a list: that has neither tags nor the whole configuration.
pub(super) struct Found {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) enabled: bool,
    /// Seconds since 1970.
    pub(super) modified: i64,
}

/// The distributions that are wanted, by id and comment, in the order of the list.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn list(aws: &Aws, is_wanted: impl Fn(&DistributionSummary) -> bool) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = aws.cloudfront.list_distributions().set_marker(marker).send().await;
        let page = page.explain("list the distributions")?;
        let Some(list) = page.distribution_list else {
            return Ok(found);
        };
        let alike = list
            .items
            .unwrap_or_default()
            .into_iter()
            .filter(|item| is_wanted(item));
        found.extend(alike.map(|item| Found {
            id: item.id,
            arn: item.arn,
            enabled: item.enabled,
            modified: item.last_modified_time.secs(),
        }));
        marker = list.next_marker.filter(|_| list.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// # Errors
/// Where they cannot be read.
pub(super) async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let answer = aws.cloudfront.list_tags_for_resource().resource(arn).send().await;
    let answer = answer.explain("read the tags of a distribution")?;
    let tags = answer.tags.and_then(|tags| tags.items).unwrap_or_default();
    Ok(tags
        .into_iter()
        .map(|tag| (tag.key, tag.value.unwrap_or_default()))
        .collect())
}

/// Has all edge locations forget what they keep of it. An answer that has expired comes before an error of the origin's: "CloudFront
/// continues to serve the object", so that who has a new error to show has to say so (CloudFront guide, HTTPStatusCodes).
///
/// # Errors
/// Where CloudFront refuses.
pub(super) async fn forget(cx: &WriteCx<Aws>, id: &str) -> Result<(), Error> {
    let doing = format!("have the edge forget the pages of the distribution {id}");
    cx.check()?;
    let unmade = |error: aws_sdk_cloudfront::error::BuildError| {
        Error::failed(format!("could not {doing}")).because(error.to_string())
    };
    let everything = Paths::builder().quantity(1).items("/*").build().map_err(unmade)?;
    let batch = InvalidationBatch::builder()
        .paths(everything)
        .caller_reference(format!("confctl-{:032x}", rand::random::<u128>()));
    let batch = batch.build().map_err(unmade)?;
    let invalidation = cx.aws().cloudfront.create_invalidation().distribution_id(id);
    let asked = invalidation.invalidation_batch(batch).send().await;
    asked.explain(&doing).map(drop)
}

/// # Errors
/// Where it cannot be read.
pub(super) async fn get(aws: &Aws, id: &str) -> Result<Option<Distribution>, Error> {
    let answer = aws.cloudfront.get_distribution().id(id).send().await;
    let answer = answer.or_absent(&["NoSuchDistribution"], &format!("read the distribution {id}"))?;
    Ok(answer.and_then(|answer| answer.distribution))
}

/// Changes the configuration: all of it is sent back, so it is read anew before each try.
///
/// # Errors
/// Where CloudFront refuses, or others change it faster than we do.
pub(super) async fn update(
    cx: &WriteCx<Aws>,
    id: &str,
    limits: Limits,
    change: impl Fn(&mut DistributionConfig) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let change = &change;
    let doing = &format!("update the distribution {id}");
    cx.check()?;
    let wait = Wait::new(format!("CloudFront to {doing}"), 5, limits);
    cx.wait(&wait, || async move {
        let current = cx.read().aws().cloudfront.get_distribution_config().id(id).send().await;
        let current = match current.explain(&format!("read the distribution {id}")) {
            Ok(current) => current,
            Err(error) => return polled(Err(error)),
        };
        let Some(mut config) = current.distribution_config else {
            return Poll::Failed(Error::failed(format!("could not {doing}")).because("it has no configuration"));
        };
        if let Err(error) = change(&mut config) {
            return Poll::Failed(error);
        }
        let update = cx.aws().cloudfront.update_distribution().id(id);
        let update = update.set_if_match(current.e_tag).distribution_config(config);
        match update.send().await.explain(doing) {
            Ok(_) => Poll::Ready(()),
            Err(error) if is_stale(&error) => Poll::NotYet("it was changed meanwhile".to_owned()),
            Err(error) => not_known_yet(&error).map_or_else(|| polled(Err(error)), Poll::NotYet),
        }
    })
    .await
}

/// What CloudFront is told late of: a web ACL, a certificate that was issued a moment ago (Terraform tries for a minute, too:
/// hashicorp/terraform-provider-aws, internal/service/cloudfront/distribution.go).
pub(super) fn not_known_yet(error: &Error) -> Option<String> {
    let what = match error.code.as_deref() {
        Some("InvalidWebACLId") => "the web ACL",
        Some("InvalidViewerCertificate") => "the certificate",
        _ => return None,
    };
    let why = error.causes.first().map_or("", String::as_str);
    Some(format!("CloudFront does not know {what} yet: {why}"))
}

/// Deletes one that is disabled, and waits until it is gone.
///
/// # Errors
/// Where CloudFront refuses, such as while it is on a pricing plan.
pub(super) async fn delete(cx: &WriteCx<Aws>, id: &str) -> Result<(), Error> {
    let doing = &format!("delete the distribution {id}");
    let wait = Wait::new(format!("CloudFront to {doing}"), 5, Limits::minutes(1, 2));
    cx.wait(&wait, || async move {
        let current = cx.read().aws().cloudfront.get_distribution_config().id(id).send().await;
        let current = match current.or_absent(&["NoSuchDistribution"], &format!("read the distribution {id}")) {
            Ok(Some(current)) => current,
            Ok(None) => return Poll::Ready(()),
            Err(error) => return polled(Err(error)),
        };
        let delete = cx.aws().cloudfront.delete_distribution().id(id);
        let deleted = delete.set_if_match(current.e_tag).send().await;
        match deleted.or_absent(&["NoSuchDistribution"], doing) {
            Ok(_) => Poll::Ready(()),
            // "Deployed" may be read before all of CloudFront agrees that it is disabled.
            Err(error) if error.is_code("DistributionNotDisabled") || is_stale(&error) => {
                Poll::NotYet("not disabled everywhere yet".to_owned())
            }
            Err(error) => polled(Err(error)),
        }
    })
    .await?;
    let wait = Wait::new(format!("the distribution {id} to be gone"), 5, Limits::minutes(2, 10));
    cx.wait(&wait, || async move {
        polled(get(cx.read().aws(), id).await.map(|distribution| match distribution {
            None => Poll::Ready(()),
            Some(_) => Poll::NotYet("deleted, and still visible".to_owned()),
        }))
    })
    .await
}

/// The ETag is of an older configuration. A pricing plan answers with the same code, and a text that makes it a refusal.
fn is_stale(error: &Error) -> bool {
    error.kind != Kind::Refused && (error.is_code("PreconditionFailed") || error.is_code("InvalidIfMatchVersion"))
}
