//! ACM's calls with their traps: what shows late, lists that leave keys out, deletion only of what nothing uses.
//! Must know nothing of which certificate is wanted.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::paging;
use crate::aws::services::acm::{Acm, CertificateDetail, Tag};
use crate::engine::{Error, Limits, Poll, Wait, WriteCx};

const MISSING: &[&str] = &["ResourceNotFoundException"];

/// # Errors
/// Where it cannot be read.
pub(super) async fn describe(aws: &Aws, arn: &str) -> Result<Option<CertificateDetail>, Error> {
    let answer = aws.acm.describe_certificate(arn).await;
    answer.or_absent(MISSING, &format!("read the certificate {arn}"))
}

/// Whether it tells the record of each of its names, which it does some seconds after it was requested.
pub(super) fn tells_records(detail: &CertificateDetail) -> bool {
    let options = &detail.domain_validation_options;
    !options.is_empty() && options.iter().all(|option| option.resource_record.is_some())
}

/// # Errors
/// Where they cannot be read.
pub(super) async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let answer = aws.acm.list_tags_for_certificate(arn).await;
    let tags = answer
        .or_absent(MISSING, "read the tags of a certificate")?
        .unwrap_or_default();
    Ok(tags
        .into_iter()
        .map(|tag| (tag.key, tag.value.unwrap_or_default()))
        .collect())
}

pub(super) fn tags_of(tags: BTreeMap<String, String>) -> Vec<Tag> {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Tag {
        key,
        value: Some(value),
    })
    .collect()
}

/// ARNs of those that CloudFront can take whose names are wanted.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn list(aws: &Aws, is_wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Error> {
    list_of(&aws.acm, &is_wanted).await
}

/// The same, with those of the stack's own region.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn list_everywhere(aws: &Aws, is_wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Error> {
    let mut arns = list_of(&aws.acm, &is_wanted).await?;
    arns.extend(list_of(&aws.regional_acm, &is_wanted).await?);
    Ok(arns)
}

async fn list_of(acm: &Acm, is_wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Error> {
    let all = paging::all(async |token: Option<String>| {
        let page = acm.list_certificates(token).await;
        page.explain("list the certificates")
    });
    let wanted = all.await?.into_iter().filter(|one| {
        // Where a list tells no alternative names, its first is all.
        match one.subject_alternative_name_summaries.is_empty() {
            true => is_wanted(std::slice::from_ref(&one.domain_name)),
            false => is_wanted(&one.subject_alternative_name_summaries),
        }
    });
    Ok(wanted.map(|one| one.certificate_arn).collect())
}

/// Deletes one, once nothing uses it, and waits until it is gone: "there may be a short delay" (DeleteCertificate).
///
/// # Errors
/// Where ACM refuses, or something goes on using it.
pub(super) async fn delete(cx: &WriteCx<Aws>, arn: &str, release: Limits) -> Result<(), Error> {
    let doing = &format!("delete the certificate {arn}");
    cx.check()?;
    let wait = Wait::new(format!("ACM to {doing}"), 10, release);
    cx.wait(&wait, || async move {
        let deleted = cx.aws().acm.delete_certificate(arn).await;
        match deleted.or_absent(MISSING, doing) {
            Ok(_) => Poll::Ready(()),
            Err(error) if error.is_code("ResourceInUseException") => {
                Poll::NotYet("ACM does not know yet that nothing uses it".to_owned())
            }
            Err(error) => polled(Err(error)),
        }
    })
    .await?;
    let wait = Wait::new(format!("the certificate {arn} to be gone"), 3, Limits::minutes(2, 5));
    cx.wait(&wait, || async move {
        polled(describe(cx.read().aws(), arn).await.map(|found| match found {
            None => Poll::Ready(()),
            Some(_) => Poll::NotYet("deleted, and still visible".to_owned()),
        }))
    })
    .await
}
