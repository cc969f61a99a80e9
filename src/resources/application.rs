//! The Beanstalk application. Must know nothing of its versions and environments, which go before it.

use std::sync::Arc;

use aws_sdk_elasticbeanstalk::types::ApplicationDescription;

use super::outputs::APPLICATION;
use super::ownership::{beanstalk_tags, block_unless_ours, new_beanstalk_tags, take_over_in_beanstalk};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::presence::settled;
use crate::aws::tags::{CREATED, settled_owner};
use crate::aws::{Aws, tags};
use crate::engine::{
    Change, Error, Failure, FieldChange, Limits, Observed, Owner, Poll, ReadCx, Resource, ResourceId, Values, Wait,
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
}

impl Resource for Application {
    type Live = LiveApplication;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
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

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveApplication>, Error> {
        let aws = cx.aws();
        let Some(application) = settled(cx, ID, self.name(), || self.describe(aws)).await? else {
            return Ok(match aws.proof.of_reads(aws).await {
                Ok(()) => Observed::Absent,
                Err(error) => Observed::Unknown(error),
            });
        };
        let arn = application.application_arn.unwrap_or_default();
        let owner = settled_owner(cx, &self.stack.ownership, ID, self.name(), || beanstalk_tags(aws, &arn)).await?;
        Ok(Observed::Present {
            live: LiveApplication { arn },
            owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveApplication>, _: &Values) -> Change {
        let Some((_, owner)) = seen.live() else {
            return Change::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "app.name") {
            return blocked;
        }
        match owner {
            Owner::Ours => Change::Keep,
            _ => Change::Update {
                fields: vec![FieldChange::new(tags::STACK, None, self.stack.name.to_string())],
            },
        }
    }

    fn publish(&self, _: &LiveApplication, values: &mut Values) {
        values.set(&APPLICATION, self.name().to_owned());
    }

    async fn apply(
        &self,
        cx: &WriteCx<Aws>,
        seen: Observed<LiveApplication>,
        _: &Change,
    ) -> Result<LiveApplication, Failure> {
        let beanstalk = &cx.aws().beanstalk;
        if let Some((live, _)) = seen.live() {
            take_over_in_beanstalk(cx, &self.stack, ID, &live.arn, ("application", self.name())).await?;
            return Ok(live.clone());
        }
        cx.intend(CREATED, self.name()).await?;
        cx.check()?;
        let create = beanstalk
            .create_application()
            .application_name(self.name())
            .set_tags(Some(new_beanstalk_tags(&self.stack, ID)));
        let create = create.description("Made by confctl").send().await;
        let answer = create.explain(&format!("create the application {}", self.name()))?;
        let arn = answer
            .application
            .and_then(|application| application.application_arn)
            .unwrap_or_default();
        Ok(LiveApplication { arn })
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
