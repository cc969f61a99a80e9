//! What several resources say alike about whose they are, and about their tags.
//! Must know nothing of any one resource.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Tag as Ec2Tag;
use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::types::Tag;

use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::lifetime::{EXPIRES, Lifetime};
use crate::aws::tags::{CREATED, STACK};
use crate::aws::{Aws, own_work};
use crate::engine::{
    Command, Error, FieldChange, Hint, Kind, Limits, Owner, Plan, Poll, ResourceId, Step, Wait, WriteCx,
};

/// Tags show within a minute or so.
const SHOWING: Limits = Limits::minutes(1, 3);

/// A tag that is to be set, or taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagStep {
    key: String,
    from: Option<String>,
    to: Option<String>,
    /// What is shown in place of a value that each plan would have otherwise.
    told: Option<String>,
}

impl Step for TagStep {
    fn shown(&self) -> FieldChange {
        let to = self.told.clone().or_else(|| self.to.clone());
        FieldChange::new(format!("tag {}", self.key), self.from.clone(), to)
    }
}

/// What a resource's tags lack of what this stack's carry. Tags of others stay; one of a former profile goes, unless somebody
/// has given it another value since.
pub(super) fn tag_steps(stack: &Stack, id: ResourceId, tags: &BTreeMap<String, String>) -> Vec<TagStep> {
    let wanted = stack.ownership.tags(id);
    let mut steps: Vec<TagStep> = Vec::new();
    for (key, value) in &wanted {
        if tags.get(key) != Some(value) {
            steps.push(TagStep {
                key: key.clone(),
                from: tags.get(key).cloned(),
                to: Some(value.clone()),
                told: None,
            });
        }
    }
    for (key, value) in stack.former.iter().flat_map(|profile| &profile.tags) {
        let known = steps.iter().any(|step| step.key == *key);
        if !wanted.contains_key(key) && tags.get(key) == Some(value) && !known {
            steps.push(TagStep {
                key: key.clone(),
                from: Some(value.clone()),
                to: None,
                told: None,
            });
        }
    }
    steps
}

/// The changes of tags among a resource's steps, `STEP::Tag` of each.
macro_rules! tags_among {
    ($steps:expr, $step:ident) => {
        $steps
            .iter()
            .filter_map(|step| match step {
                $step::Tag(tag) => Some(tag.clone()),
                _ => None,
            })
            .collect::<Vec<$crate::ownership::TagStep>>()
    };
}
pub(super) use tags_among;

/// What `--ttl` changes of these tags. Where nothing was asked for, the end that there is stays, and is no tag of the profile's.
pub(super) fn expiry_step(stack: &Stack, tags: &BTreeMap<String, String>) -> Option<TagStep> {
    let from = tags.get(EXPIRES).cloned();
    let (to, told) = match stack.lifetime.as_ref()? {
        Lifetime::Unlimited => (None, None),
        Lifetime::Until(end) => (Some(end.to_string()), Some(format!("in {}", end.given()))),
    };
    let key = EXPIRES.to_owned();
    (from != to).then_some(TagStep { key, from, to, told })
}

/// The tags to set by these steps.
fn set_by(steps: &[TagStep]) -> BTreeMap<String, String> {
    let set = steps
        .iter()
        .filter_map(|step| Some((step.key.clone(), step.to.clone()?)));
    set.collect()
}

/// The keys to take off by these steps.
fn removed_by(steps: &[TagStep]) -> Vec<String> {
    let removed = steps.iter().filter(|step| step.to.is_none());
    removed.map(|step| step.key.clone()).collect()
}

/// The same, with the value that each had.
fn removed_with_value(steps: &[TagStep]) -> BTreeMap<String, String> {
    let removed = steps.iter().filter(|step| step.to.is_none());
    removed
        .map(|step| (step.key.clone(), step.from.clone().unwrap_or_default()))
        .collect()
}

/// Changes tags by these steps: `untag` takes keys with their values off, `tag` sets, `read` reads them until they show.
///
/// Taken off first: IAM's keys of roles do not tell `Team` from `team` (the IAM guide's id_tags).
///
/// # Errors
/// What the three give.
pub(super) async fn change_tags<U, T, R>(
    cx: &WriteCx<Aws>,
    (title, name): (&str, &str),
    steps: &[TagStep],
    untag: impl FnOnce(BTreeMap<String, String>) -> U,
    tag: impl FnOnce(BTreeMap<String, String>) -> T,
    read: impl FnMut() -> R,
) -> Result<(), Error>
where
    U: Future<Output = Result<(), Error>> + Send,
    T: Future<Output = Result<(), Error>> + Send,
    R: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    if steps.is_empty() {
        return Ok(());
    }
    let (set, removed) = (set_by(steps), removed_with_value(steps));
    if !removed.is_empty() {
        cx.check()?;
        untag(removed).await?;
    }
    if set.contains_key(STACK) {
        // Taken over: reads may say for a minute that it is nobody's.
        cx.intend(CREATED, name).await?;
    }
    if !set.is_empty() {
        cx.check()?;
        tag(set).await?;
    }
    match wait_shown(cx, title, steps, read).await {
        // The next plan tells.
        Err(error) if error.kind == Kind::Deadline => Ok(()),
        shown => shown,
    }
}

/// Whether tags are as these steps make them.
pub(super) fn are_set(steps: &[TagStep], tags: &BTreeMap<String, String>) -> bool {
    steps.iter().all(|step| tags.get(&step.key) == step.to.as_ref())
}

/// Waits until tags that were just changed read so: the next plan must not find them missing.
///
/// # Errors
/// Where they cannot be read, or still read otherwise after minutes.
pub(super) async fn wait_shown<F>(
    cx: &WriteCx<Aws>,
    title: &str,
    steps: &[TagStep],
    mut read: impl FnMut() -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<BTreeMap<String, String>, Error>> + Send,
{
    let wait = Wait::new(format!("the tags of the {title} to show"), 3, SHOWING);
    cx.wait(&wait, || {
        let read = read();
        async {
            polled(read.await.map(|tags| match are_set(steps, &tags) {
                true => Poll::Ready(()),
                false => Poll::NotYet("its tags do not show yet".to_owned()),
            }))
        }
    })
    .await
}

/// For what may never be adopted quietly, because it holds data, code or traffic: blocked unless it is ours or was taken
/// over. `key` is the profile's key for its name.
pub(super) fn block_unless_ours<S>(stack: &Stack, id: ResourceId, owner: &Owner, key: &str) -> Option<Plan<S>> {
    let way = format!("choose another name with --set {key}=NAME");
    block_unless_ours_with(stack, id, owner, &way)
}

/// The same where the name is not the profile's to choose: `way` is another way around what is there.
pub(super) fn block_unless_ours_with<S>(stack: &Stack, id: ResourceId, owner: &Owner, way: &str) -> Option<Plan<S>> {
    match owner {
        Owner::Ours => None,
        Owner::Nobody if stack.takes_over(id) => None,
        Owner::Nobody => Some(Plan::blocked(
            "it exists and was not made by confctl",
            Hint::from(format!("{way}, or take it over with ")).and_run(Command::confctl("up --adopt").arg(id)),
        )),
        Owner::OtherStack(other) => Some(Plan::blocked(format!("it belongs to stack {other}"), way.to_owned())),
    }
}

/// Tags as EC2 takes them.
pub(super) fn ec2_form(tags: BTreeMap<String, String>) -> Vec<Ec2Tag> {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Ec2Tag::builder().key(key).value(value).build())
        .collect()
}

/// Tags as EC2 gives them.
pub(super) fn from_ec2(tags: &[Ec2Tag]) -> BTreeMap<String, String> {
    let tags = tags.iter();
    tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect()
}

/// The tags that a Beanstalk resource of this stack is made with.
pub(super) fn new_beanstalk_tags(stack: &Stack, id: ResourceId) -> Vec<Tag> {
    beanstalk_form(stack.ownership.tags(id))
}

pub(super) fn beanstalk_form(tags: BTreeMap<String, String>) -> Vec<Tag> {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Changes the tags of a Beanstalk resource. `kind` and `name` are read after "tag the". Gives the request's id, by which an
/// environment's events tell when it is over.
pub(super) async fn tag_in_beanstalk(
    cx: &WriteCx<Aws>,
    steps: &[TagStep],
    arn: &str,
    (kind, name): (&str, &str),
) -> Result<Option<String>, Error> {
    if steps.is_empty() {
        return Ok(None);
    }
    cx.intend(CREATED, name).await?;
    cx.check()?;
    let tag = cx.aws().beanstalk.update_tags_for_resource().resource_arn(arn);
    let tag = tag.set_tags_to_add(Some(beanstalk_form(set_by(steps))));
    let removed = removed_by(steps);
    let tag = tag.set_tags_to_remove((!removed.is_empty()).then_some(removed));
    let answer = tag.send().await.explain(&format!("tag the {kind} {name}"))?;
    Ok(answer.request_id().map(str::to_owned))
}

/// Changes the tags of an application or a version, and waits until they show. Where another change is under way Beanstalk refuses,
/// which may be an earlier try of this one (botocore: elasticbeanstalk, UpdateTagsForResource, OperationInProgressException).
pub(super) async fn retag_in_beanstalk(
    cx: &WriteCx<Aws>,
    title: &str,
    steps: &[TagStep],
    arn: &str,
    named: (&str, &str),
) -> Result<(), Error> {
    if steps.is_empty() {
        return Ok(());
    }
    let read = || beanstalk_tags(cx.read().aws(), arn);
    let shown = || wait_shown(cx, title, steps, read);
    let rested = || async {
        match shown().await {
            Err(error) if error.kind == Kind::Deadline => Ok(false),
            shown => shown.map(|()| true),
        }
    };
    let changed = own_work::change(cx, || tag_in_beanstalk(cx, steps, arn, named), rested).await?;
    match changed {
        Some(_) => shown().await,
        None => Ok(()),
    }
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
