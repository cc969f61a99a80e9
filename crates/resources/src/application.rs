//! The Beanstalk application, which also carries the stack's end: every stack has one, nothing else changes with its tags, and with an
//! end it is the last to go. Must know nothing of its versions and environments, which go before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_elasticbeanstalk::types::ApplicationDescription;

use super::outputs::{APPLICATION, EXPIRY};
use super::ownership::{
    TagStep, beanstalk_form, beanstalk_tags, block_unless_ours, expiry_step, retag_in_beanstalk, tag_steps,
};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::lifetime::{EXPIRES, Lifetime};
use crate::aws::tags::{Tagged, indexed_tags, settled_tags};
use crate::aws::texts::clean;
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, Hint, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Values, Wait,
    WriteCx,
};

const ID: ResourceId = "application";
const LIMITS: Limits = Limits::minutes(1, 10);

pub(super) struct Application {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveApplication {
    arn: String,
    tags: BTreeMap<String, String>,
}

impl Application {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.application
    }

    async fn describe(&self, aws: &Aws) -> Result<Option<ApplicationDescription>, Error> {
        let answer = aws
            .beanstalk
            .describe_applications()
            .application_names(self.name())
            .send()
            .await;
        let answer = answer.explain(&format!("describe the application {}", self.name()))?;
        Ok(answer.applications.unwrap_or_default().into_iter().next())
    }

    /// A stack's end is read by itself: the index may still have the one before the last renewal.
    async fn read_tags(&self, cx: &ReadCx<Aws>, arn: &str) -> Result<Tagged, Error> {
        let (aws, ownership) = (cx.aws(), &self.stack.ownership);
        let read = || beanstalk_tags(aws, arn);
        let ends = |tags: BTreeMap<String, String>| tags.contains_key(EXPIRES);
        match self.stack.lifetime.is_some() || aws.index.tags(arn).is_some_and(ends) {
            true => settled_tags(cx, ownership, ID, self.name(), read).await,
            false => indexed_tags(cx, ownership, ID, self.name(), arn, read).await,
        }
    }

    /// The tags that it is made with.
    fn new_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.stack.ownership.tags(ID);
        if let Some(Lifetime::Until(end)) = &self.stack.lifetime {
            tags.insert(EXPIRES.to_owned(), end.to_string());
        }
        tags
    }

    async fn whose(&self, cx: &WriteCx<Aws>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let tags = || async {
            let arn = self.describe(aws).await?.and_then(|found| found.application_arn);
            match arn {
                Some(arn) => beanstalk_tags(aws, &arn).await,
                None => Ok(BTreeMap::new()),
            }
        };
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
    }

    async fn wait_visible(&self, cx: &WriteCx<Aws>) -> Result<ApplicationDescription, Error> {
        let wait = Wait::new(format!("the application {} to show", self.name()), 2, LIMITS);
        cx.wait(&wait, || async {
            polled(self.describe(cx.read().aws()).await.map(|found| match found {
                Some(application) => Poll::Ready(application),
                None => Poll::NotYet("not visible yet".to_owned()),
            }))
        })
        .await
    }
}

impl Resource for Application {
    type Live = LiveApplication;
    type Place = ();
    type Step = TagStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.application.clone()
    }

    fn title(&self) -> String {
        format!("application {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![APPLICATION.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// As long as anything of the stack is there, so is the tag without which `reap` removes nothing of it.
    fn goes_last(&self, live: &LiveApplication) -> bool {
        live.tags.contains_key(EXPIRES)
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveApplication>, Error> {
        let aws = cx.aws();
        let Some(application) = settled(cx, ID, self.name(), || self.describe(aws)).await? else {
            return Ok(match aws.proof.of_reads(aws).await {
                Ok(()) => Observed::Absent(()),
                Err(error) => Observed::Unknown(error),
            });
        };
        let arn = application.application_arn.unwrap_or_default();
        let tagged = self.read_tags(cx, &arn).await?;
        Ok(Observed::Present {
            live: LiveApplication { arn, tags: tagged.tags },
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveApplication>, _: &Values) -> Plan<TagStep> {
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "app.name") {
            return blocked;
        }
        let mut steps = tag_steps(&self.stack, ID, &live.tags);
        steps.extend(expiry_step(&self.stack, &live.tags));
        Plan::of(steps)
    }

    fn notices(&self, seen: &Observed<LiveApplication>) -> Vec<Notice> {
        let expires = seen.live().and_then(|(live, _)| live.tags.get(EXPIRES));
        let notice = match (&self.stack.lifetime, seen, expires) {
            (None, _, Some(expires)) => Notice::new(format!("the stack's time ends at {}", clean(expires)))
                .hint(Hint::run("up --ttl 4h").and(" gives it four hours more, counted from now")),
            (Some(Lifetime::Until(end)), Observed::Absent(()), _) => {
                Notice::new(format!("the stack's time ends in {}", end.given()))
                    .hint(Hint::run("reap").and(" removes it after that"))
            }
            _ => return Vec::new(),
        };
        vec![notice]
    }

    fn publish(&self, live: &LiveApplication, values: &mut Values) {
        values.set(&APPLICATION, self.name().to_owned());
        if let Some(expires) = live.tags.get(EXPIRES) {
            values.set(&EXPIRY, clean(expires));
        }
    }

    fn foresee(&self, (): &(), values: &mut Values) {
        values.set(&APPLICATION, self.name().to_owned());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveApplication, Failure> {
        let create = cx
            .aws()
            .beanstalk
            .create_application()
            .application_name(self.name())
            .set_tags(Some(beanstalk_form(self.new_tags())));
        let create = create.description("Made by confctl");
        let doing = format!("create the application {}", self.name());
        let call = async { create.send().await.explain(&doing) };
        let made = own_work::create(cx, self.name(), call, |_| self.whose(cx)).await?;
        let application = match made.ours(&self.title())? {
            Some(answer) => answer.application,
            None => Some(self.wait_visible(cx).await?),
        };
        let arn = application
            .and_then(|application| application.application_arn)
            .unwrap_or_default();
        let tags = self.new_tags();
        Ok(LiveApplication { arn, tags })
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveApplication,
        steps: Vec<TagStep>,
    ) -> Result<LiveApplication, Failure> {
        retag_in_beanstalk(cx, &self.title(), &steps, &live.arn, ("application", self.name())).await?;
        Ok(live)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, _: LiveApplication) -> Result<(), Failure> {
        let doing = format!("delete the application {}", self.name());
        // While one of its versions is still being deleted Beanstalk answers OperationInProgressFailure.
        let wait = Wait::new(format!("the application {} to be deleted", self.name()), 5, LIMITS);
        cx.wait(&wait, || async {
            if let Err(stopped) = cx.check() {
                return Poll::Failed(stopped);
            }
            let delete = cx
                .aws()
                .beanstalk
                .delete_application()
                .application_name(self.name())
                .send()
                .await;
            polled(match delete.or_absent(&["OperationInProgressFailure"], &doing) {
                Ok(Some(_)) => Ok(Poll::Ready(())),
                Ok(None) => Ok(Poll::NotYet("another operation is in progress".to_owned())),
                Err(error) => match self.describe(cx.read().aws()).await {
                    Ok(None) => Ok(Poll::Ready(())),
                    _ => Err(error),
                },
            })
        })
        .await?;
        Ok(())
    }
}
