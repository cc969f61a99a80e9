//! The steps of an environment that is up, taken: its tags, its settings, its platform, its version, and a launch that is done again.
//! Must know nothing of how they were planned.

use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::operation::update_environment::builders::UpdateEnvironmentFluentBuilder;
use aws_sdk_elasticbeanstalk::types::OptionSpecification;

use super::follow::{self, Operation, Warning, follow};
use super::live::Live;
use super::options::OptionStep;
use super::steps::EnvironmentStep;
use super::{Environment, settings_of};
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::texts::Ending;
use crate::engine::{Error, Failure, Kind, Resource, WriteCx};
use crate::ownership::{TagStep, beanstalk_tags, tag_in_beanstalk, wait_shown};

impl Environment {
    /// Settings and version go in two updates: the API's text refuses both in one.
    pub(super) async fn change(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        steps: &[EnvironmentStep],
    ) -> Result<(), Failure> {
        if steps.contains(&EnvironmentStep::DropDraft) {
            self.drop_failed_draft(cx, live).await?;
        }
        if live.trouble.is_some() {
            // What runs is broken and would fail the settings' deployment as well: what may mend it goes first.
            self.deploy(cx, live, steps).await?;
        }
        self.configure(cx, live, steps).await?;
        self.move_platform(cx, live, steps).await?;
        if live.trouble.is_none() {
            self.deploy(cx, live, steps).await?;
        }
        if steps.iter().any(EnvironmentStep::is_deployed) {
            follow::wait_healthy(cx, &live.id, self.name(), self.leftover(), Warning::Accepted).await?;
        }
        let drift = steps.iter().filter_map(|step| match step {
            EnvironmentStep::Drift(drift) => Some(drift.clone()),
            _ => None,
        });
        Ok(self.repair(cx, &live.id, &drift.collect::<Vec<_>>()).await?)
    }

    async fn drop_failed_draft(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<(), Error> {
        cx.check()?;
        let delete = cx.aws().beanstalk.delete_environment_configuration();
        let delete = delete.environment_name(self.name()).application_name(&live.application);
        delete.send().await.explain("drop the draft of a failed change")?;
        Ok(())
    }

    async fn configure(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        let options: Vec<&OptionStep> = steps
            .iter()
            .filter_map(|step| match step {
                EnvironmentStep::Option(option) => Some(option),
                _ => None,
            })
            .collect();
        if options.is_empty() {
            return Ok(());
        }
        let set = options
            .iter()
            .filter_map(|option| Some((option.key.clone(), option.to.clone()?)));
        let removed = options.iter().filter(|option| option.to.is_none()).map(|option| {
            OptionSpecification::builder()
                .namespace(&option.key.0)
                .option_name(&option.key.1)
                .build()
        });
        let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
        let update = update.set_option_settings(Some(settings_of(&set.collect())));
        let update = update.set_options_to_remove(Some(removed.collect()));
        self.run_update(cx, live, update, "its settings").await
    }

    async fn move_platform(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        for step in steps {
            if let EnvironmentStep::Platform { to, .. } = step {
                let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
                self.run_update(cx, live, update.platform_arn(to), "the platform")
                    .await?;
            }
        }
        Ok(())
    }

    async fn deploy(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        for step in steps {
            if let EnvironmentStep::Version { to, .. } = step {
                let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
                let what = format!("the version {to}");
                self.run_update(cx, live, update.version_label(to), &what).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn relaunch(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<Live, Failure> {
        cx.step("its launch failed: terminating it, then launching again");
        self.terminate(cx, &live.id).await?;
        follow::delete_objects(cx.aws(), self.stack.name.as_str(), &live.id).await?;
        self.launch(cx).await
    }

    /// Beanstalk passes them on to all that is behind the environment, and refuses any other update until that is over
    /// (hashicorp/terraform-provider-aws#36074). Whether they read right decides: it says "failed" too where its stack had them
    /// already (cloudposse/terraform-aws-elastic-beanstalk-environment#37).
    pub(super) async fn change_tags(&self, cx: &WriteCx<Aws>, live: &Live, tags: &[TagStep]) -> Result<(), Failure> {
        if tags.is_empty() {
            return Ok(());
        }
        let operation = Operation {
            what: format!("the tags of {} to be updated", self.name()),
            environment: &live.id,
            request: tag_in_beanstalk(cx, tags, &live.arn, ("environment", self.name())).await?,
            leftover: self.leftover(),
        };
        let ended = follow(cx, &operation, |_| async {}).await?;
        let aws = cx.read().aws();
        match wait_shown(cx, &self.title(), tags, || beanstalk_tags(aws, &live.arn)).await {
            Err(error) if error.kind == Kind::Deadline && ended.ending == Ending::Failed => {
                Err(follow::failure(cx, &operation, &ended, self.name()).await)
            }
            shown => Ok(shown?),
        }
    }

    async fn run_update(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        update: UpdateEnvironmentFluentBuilder,
        what: &str,
    ) -> Result<(), Failure> {
        cx.check()?;
        let answer = update
            .send()
            .await
            .explain(&format!("update {what} of the environment {}", self.name()))?;
        let operation = Operation {
            what: format!("{what} of {} to be deployed", self.name()),
            environment: &live.id,
            request: answer.request_id().map(str::to_owned),
            leftover: self.leftover(),
        };
        let ended = follow(cx, &operation, |_| async {}).await?;
        if ended.ending == Ending::Failed {
            return Err(follow::failure(cx, &operation, &ended, self.name()).await);
        }
        Ok(())
    }
}
