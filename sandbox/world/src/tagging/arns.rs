//! The ARNs of what AWS's tag service has, by kind, and the types that they are filtered by.
//! Must know nothing of who asks.
//!
//! Forms as the Service Authorization Reference has them, and public answers of GetResources: key pairs by their ids, log
//! groups without `:*`, environments with their application (regular expressions of
//! github.com/prometheus-community/yet-another-cloudwatch-exporter, `pkg/config/services.go`).

use super::{Known, Tagged};
use crate::beanstalk::{Environment, Status};
use crate::{Item, State};

/// Where services are that have no region.
const GLOBAL_REGION: &str = "us-east-1";

/// All that exists and can be told, tagged or not.
pub(super) fn of_all(state: &State) -> Known {
    let items = state.inventory().into_iter();
    let mut known: Known = items
        .filter_map(|item| {
            let arn = arn(&item, &state.account)?;
            let region = if item.region == "global" {
                GLOBAL_REGION
            } else {
                &item.region
            };
            Some((arn, Tagged::new(region, item.tags)))
        })
        .collect();
    for region in state.regions() {
        let environments = region.beanstalk.environments.values();
        known.extend(environments.filter(|it| it.status != Status::Terminated).map(|it| {
            let tags = Environment::resource_tags(it);
            (it.arn.clone(), Tagged::new(&region.name, tags))
        }));
    }
    known
}

/// `None`: the tag service does not have it, or it has no tags.
fn arn(item: &Item, account: &str) -> Option<String> {
    let Item { region, id, name, .. } = item;
    Some(match (item.service, item.kind) {
        ("autoscaling" | "iam" | "route53", _) => return None,
        ("ec2", kind) => format!("arn:aws:ec2:{region}:{account}:{kind}/{id}"),
        ("cloudfront", kind) => format!("arn:aws:cloudfront::{account}:{kind}/{id}"),
        ("wafv2", _) => format!("arn:aws:wafv2:{GLOBAL_REGION}:{account}:global/webacl/{name}/{id}"),
        ("logs", _) => format!("arn:aws:logs:{region}:{account}:log-group:{id}"),
        _ if id.starts_with("arn:") => id.clone(),
        _ => return None,
    })
}

/// Whether an ARN is of a type `service[:resourceType]`, "the same as that embedded in a resource's ARN" (API reference,
/// GetResources). A bucket's has none: the reference's own example is `s3:bucket`.
pub(super) fn is_of_type(arn: &str, wanted: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match wanted.split_once(':') {
        None => service == wanted,
        Some(("s3", "bucket")) => service == "s3",
        Some((of, kind)) => {
            let rest = resource.strip_prefix(kind);
            of == service && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
        }
    }
}
