//! ACM's calls with their traps: what shows late, lists that leave keys out, deletion only of what nothing uses.
//! Must know nothing of which certificate is wanted.

use std::collections::BTreeMap;

use crate::aws::Aws;
use crate::aws::clients::GLOBAL_REGION;
use crate::aws::errors::{Explain, polled};
use crate::aws::paging;
use crate::aws::services::acm::{Acm, CertificateDetail, Tag};
use crate::engine::{Error, Limits, Poll, Wait, WriteCx};

const MISSING: &[&str] = &["ResourceNotFoundException"];

/// # Errors
/// Where it cannot be read.
pub(super) async fn describe(acm: &Acm, arn: &str) -> Result<Option<CertificateDetail>, Error> {
    let answer = acm.describe_certificate(arn).await;
    answer.or_absent(MISSING, &format!("read the certificate {arn}"))
}

/// Whether it tells the record of each of its names, which it does some seconds after it was requested.
pub(super) fn tells_records(detail: &CertificateDetail) -> bool {
    let options = &detail.domain_validation_options;
    !options.is_empty() && options.iter().all(|option| option.resource_record.is_some())
}

/// # Errors
/// Where they cannot be read.
pub(super) async fn tags(acm: &Acm, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let answer = acm.list_tags_for_certificate(arn).await;
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

/// ACM of a certificate's region: us-east-1's, of which CloudFront takes them, else the stack's own.
pub(super) fn acm_of<'a>(aws: &'a Aws, arn: &str) -> &'a Acm {
    match arn.split(':').nth(3) == Some(GLOBAL_REGION) {
        true => &aws.acm,
        false => &aws.regional_acm,
    }
}

/// ARNs of those whose names are wanted: of those that CloudFront can take, and of the stack's own region.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn list_everywhere(aws: &Aws, is_wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Error> {
    let mut arns = list(&aws.acm, &is_wanted).await?;
    if aws.region != GLOBAL_REGION {
        arns.extend(list(&aws.regional_acm, &is_wanted).await?);
    }
    Ok(arns)
}

/// The same of one region.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn list(acm: &Acm, is_wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Error> {
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
pub(super) async fn delete(
    cx: &WriteCx<Aws>,
    of: impl Fn(&Aws) -> &Acm + Sync,
    arn: &str,
    release: Limits,
) -> Result<(), Error> {
    let of = &of;
    let doing = &format!("delete the certificate {arn}");
    cx.check()?;
    let wait = Wait::new(format!("ACM to {doing}"), 10, release);
    cx.wait(&wait, || async move {
        let acm = of(cx.aws());
        let deleted = acm.delete_certificate(arn).await;
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
        polled(describe(of(cx.read().aws()), arn).await.map(|found| match found {
            None => Poll::Ready(()),
            Some(_) => Poll::NotYet("deleted, and still visible".to_owned()),
        }))
    })
    .await
}
