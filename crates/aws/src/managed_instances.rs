//! Which instances Systems Manager reaches.
//! Must know nothing of what is done there.

use crate::Aws;
use crate::engine::Error;
use crate::errors::Explain;
use crate::paging::{self, Page};

/// Those of the instances whose agent answers: one without the policy for it never registers.
///
/// # Errors
/// Where Systems Manager does not say.
pub async fn reachable(aws: &Aws, instances: &[String]) -> Result<Vec<String>, Error> {
    let known = paging::all(async |token: Option<String>| {
        let page = aws.ssm.describe_instance_information(instances, token).await;
        let page = page.explain("see which instances Systems Manager reaches")?;
        Ok(Page::new(page.instance_information_list, page.next_token))
    });
    let online = known.await?.into_iter();
    let online = online.filter(|information| information.ping_status.as_deref() == Some("Online"));
    let mut online: Vec<String> = online.filter_map(|information| information.instance_id).collect();
    online.retain(|id| instances.contains(id));
    Ok(online)
}
