//! What several resources say alike about whose they are.
//! Must know nothing of any one resource.

use std::collections::BTreeMap;

use aws_sdk_elasticbeanstalk::types::Tag;

use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::tags::CREATED;
use crate::engine::{Change, Command, Error, Hint, Owner, ResourceId, WriteCx};

/// For what may never be adopted quietly, because it holds data, code or traffic: blocked unless it is ours or was taken
/// over. `key` is the profile's key for its name.
pub(super) fn block_unless_ours(stack: &Stack, id: ResourceId, owner: &Owner, key: &str) -> Option<Change> {
    match owner {
        Owner::Ours => None,
        Owner::Nobody if stack.takes_over(id) => None,
        Owner::Nobody => Some(Change::Blocked {
            reason: "it exists and was not made by confctl".to_owned(),
            hint: Hint::from(format!(
                "choose another name with --set {key}=NAME, or take it over with "
            ))
            .and_run(Command::confctl("up --adopt").arg(id)),
        }),
        Owner::OtherStack(other) => Some(Change::Blocked {
            reason: format!("it belongs to stack {other}"),
            hint: format!("choose another name with --set {key}=NAME").into(),
        }),
    }
}

/// The tags that a Beanstalk resource of this stack is made with.
pub(super) fn new_beanstalk_tags(stack: &Stack, id: ResourceId) -> Vec<Tag> {
    let tags = stack.ownership.tags(id).into_iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Tags a Beanstalk resource as this stack's. `kind` and `name` are read after "tag the".
pub(super) async fn take_over_in_beanstalk(
    cx: &WriteCx<Aws>,
    stack: &Stack,
    id: ResourceId,
    arn: &str,
    (kind, name): (&str, &str),
) -> Result<(), Error> {
    cx.intend(CREATED, name).await?;
    cx.check()?;
    let tag = cx.aws().beanstalk.update_tags_for_resource().resource_arn(arn);
    let tag = tag.set_tags_to_add(Some(new_beanstalk_tags(stack, id))).send().await;
    tag.explain(&format!("tag the {kind} {name}"))?;
    Ok(())
}

/// The tags of a Beanstalk resource.
pub(super) async fn beanstalk_tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let answer = aws.beanstalk.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.explain(&format!("read the tags of {arn}"))?;
    if answer.resource_tags().is_empty() {
        // Without permission the list is empty too; ours would then read as nobody's, and be left behind.
        aws.proof.of_reads(aws).await?;
    }
    let tags = answer.resource_tags.unwrap_or_default().into_iter();
    Ok(tags
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect())
}
