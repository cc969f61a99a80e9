//! The steps of an environment that is up, taken: its tags, its settings, its platform, its version, and a launch that is done again.
//! Must know nothing of how they were planned.

use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::operation::update_environment::builders::UpdateEnvironmentFluentBuilder;
use aws_sdk_elasticbeanstalk::types::{EnvironmentDescription, OptionSpecification};

use super::deployment::{Watched, policy_key};
use super::follow::{self, Ended, Operation, Warning, follow};
use super::instances::astray;
use super::live::Live;
use super::options::OptionStep;
use super::steps::EnvironmentStep;
use super::{Environment, settings_of};
use crate::aws::errors::Explain;
use crate::aws::texts::{self, Ending};
use crate::aws::{Aws, own_work};
use crate::engine::{Error, Failure, Hint, Kind, Resource, WriteCx};
use crate::ownership::{TagStep, are_set, beanstalk_tags, tag_in_beanstalk, wait_shown};
use crate::strategy::Strategy;

impl Environment {
    /// A pre-scale is held through it: what of its schedule stands in the way of other instances is put back afterwards, however
    /// that ended.
    pub(super) async fn change(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        steps: &[EnvironmentStep],
    ) -> Result<(), Failure> {
        let made_way = self.make_way(cx, live, steps).await?;
        let changed = self.change_all(cx, live, steps).await;
        if !made_way {
            return changed;
        }
        match (changed, self.schedule_again(cx, &live.id).await) {
            (Ok(()), again) => again,
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(again)) => {
                let text = format!("the pre-scale's schedule was not put back: {}", again.error.in_a_line());
                cx.settings()
                    .events
                    .notice(text, Some(Hint::run("up").and(" puts it back")));
                Err(failure)
            }
        }
    }

    /// Settings and version go in two updates: the API's text refuses both in one.
    async fn change_all(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
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
        if live.stands().is_some() && steps.iter().any(EnvironmentStep::is_deployed) {
            self.hold(cx, &live.id).await?;
        }
        if steps.iter().any(EnvironmentStep::is_deployed) {
            follow::wait_healthy(cx, &live.id, self.name(), self.leaves(), Warning::Accepted).await?;
        }
        self.prune(cx, steps).await?;
        let drift = steps.iter().filter_map(|step| match step {
            EnvironmentStep::Drift(drift) => Some(drift.clone()),
            _ => None,
        });
        self.repair(cx, &live.id, &drift.collect::<Vec<_>>()).await?;
        self.scale(cx, live, steps).await
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
        let asked = steps.iter().filter(|step| matches!(step, EnvironmentStep::Option(_)));
        let asked: Vec<_> = asked.cloned().collect();
        self.run_update(cx, live, update, "its settings", &asked, None).await
    }

    async fn move_platform(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        for step in steps {
            if let EnvironmentStep::Platform { to, .. } = step {
                let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
                let asked = std::slice::from_ref(step);
                self.run_update(cx, live, update.platform_arn(to), "the platform", asked, None)
                    .await?;
            }
        }
        Ok(())
    }

    async fn deploy(&self, cx: &WriteCx<Aws>, live: &Live, steps: &[EnvironmentStep]) -> Result<(), Failure> {
        let strategy = steps.iter().find_map(|step| match step {
            EnvironmentStep::Strategy { from, to, then } => Some((*from, *to, *then)),
            _ => None,
        });
        if let Some((from, to, _)) = strategy
            && from != to
        {
            self.deploy_by(cx, live, from, to).await?;
        }
        let by = strategy.map_or(live.policy(), |(_, to, _)| to);
        let mut deployed = Ok(());
        for step in steps {
            if let EnvironmentStep::Version { to, .. } = step {
                deployed = self.deploy_version(cx, live, step, to, by).await;
            }
        }
        let Some((_, of_this, Some(usual))) = strategy else {
            return deployed;
        };
        let set_back = self.deploy_by(cx, live, of_this, usual).await;
        if let (Err(failure), Err(_)) = (&set_back, &deployed) {
            let text = format!(
                "the way in which versions are deployed is still {}: the next deployment sets it back",
                of_this.policy()
            );
            cx.settings().events.notice(text, None);
            tracing::warn!(error = %failure.error, "the deployment policy could not be set back");
        } else {
            set_back?;
        }
        deployed
    }

    /// Beanstalk says when it is over, its instances whether it was done.
    async fn deploy_version(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        step: &EnvironmentStep,
        to: &str,
        by: Strategy,
    ) -> Result<(), Failure> {
        let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
        let (what, asked) = (format!("the version {to}"), std::slice::from_ref(step));
        let watched = Watched::new(to, live.batches(by));
        self.run_update(cx, live, update.version_label(to), &what, asked, Some(&watched))
            .await?;
        self.on_every_instance(cx, live, to).await
    }

    /// Sets the way in which versions are deployed. It touches no instance, and cannot be sent with a version: the API's text refuses both
    /// in one.
    async fn deploy_by(&self, cx: &WriteCx<Aws>, live: &Live, from: Strategy, to: Strategy) -> Result<(), Failure> {
        let update = cx.aws().beanstalk.update_environment().environment_id(&live.id);
        let set = [(policy_key(), to.policy().to_owned())].into();
        let update = update.set_option_settings(Some(settings_of(&set)));
        let asked = [EnvironmentStep::Strategy { from, to, then: None }];
        self.run_update(cx, live, update, "its deployment policy", &asked, None)
            .await
    }

    /// Aborts what is under way and follows it until it rests; what it leaves behind its instances say.
    pub(super) async fn stop(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<(), Failure> {
        let aws = cx.read().aws();
        let request = follow::newest_request(aws, &live.id).await?;
        cx.check()?;
        let abort = cx.aws().beanstalk.abort_environment_update().environment_id(&live.id);
        match abort.send().await.explain("abort the update of the environment") {
            // It ended a moment ago, or an earlier try of this call was heard.
            Err(error) if error.causes.iter().any(|cause| texts::is_nothing_to_abort(cause)) => {}
            asked => asked.map(drop)?,
        }
        let operation = Operation {
            name: "the end of the update".to_owned(),
            ..self.operation(format!("the update of {} to stop", self.name()), &live.id, request)
        };
        follow(cx, &operation, |_| async {}).await?;
        Ok(())
    }

    pub(super) async fn relaunch(&self, cx: &WriteCx<Aws>, live: &Live) -> Result<Live, Failure> {
        cx.step("its launch failed: terminating it, then launching again");
        self.terminate(cx, &live.id).await?;
        cx.gone();
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
        let aws = cx.read().aws();
        let what = format!("the tags of {} to be updated", self.name());
        let call = || tag_in_beanstalk(cx, tags, &live.arn, ("environment", self.name()));
        let rested = || async {
            self.rested(cx, live, &what, None).await?;
            Ok::<_, Failure>(are_set(tags, &beanstalk_tags(aws, &live.arn).await?))
        };
        let Some(request) = own_work::change(cx, call, rested).await? else {
            return Ok(());
        };
        let operation = Operation {
            name: "the update of its tags".to_owned(),
            ..self.operation(what, &live.id, request)
        };
        let ended = follow(cx, &operation, |_| async {}).await?;
        match wait_shown(cx, &self.title(), tags, || beanstalk_tags(aws, &live.arn)).await {
            Err(error) if error.kind == Kind::Deadline && ended.ending == Ending::Failed => {
                Err(follow::failure(cx, &operation, &ended).await)
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
        asked: &[EnvironmentStep],
        watched: Option<&Watched>,
    ) -> Result<(), Failure> {
        let doing = &format!("update {what} of the environment {}", self.name());
        let name = match watched {
            Some(watched) => format!("the deployment of {}", watched.version),
            None => format!("the update of {what}"),
        };
        let what = format!("{what} of {} to be deployed", self.name());
        let call = || {
            let update = update.clone();
            async move { update.send().await.explain(doing) }
        };
        let rested = || async {
            let environment = self.rested(cx, live, &what, watched).await?;
            let now = Live::read(cx.read().aws(), &environment).await?;
            Ok::<_, Failure>(self.is_deployed(cx, &now, asked))
        };
        let Some(answer) = own_work::change(cx, call, rested).await? else {
            return Ok(());
        };
        let operation = Operation {
            name,
            batches: watched.and_then(|watched| watched.batches),
            ..self.operation(what, &live.id, answer.request_id().map(str::to_owned))
        };
        let ended = follow(cx, &operation, |_| self.tell_instances(cx, &live.id, watched)).await?;
        if ended.ending == Ending::Failed {
            return Err(self.failed(cx, live, &operation, &ended, watched).await);
        }
        Ok(())
    }

    /// Why it failed; of a deployment also what became of it on each instance.
    async fn failed(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        operation: &Operation<'_>,
        ended: &Ended,
        watched: Option<&Watched>,
    ) -> Failure {
        let failure = follow::failure(cx, operation, ended).await;
        match watched {
            Some(watched) => self.with_instances(cx, live, watched, ended, failure).await,
            None => failure,
        }
    }

    /// Follows what is under way, whoever asked for it, by the request that its newest events are of.
    async fn rested(
        &self,
        cx: &WriteCx<Aws>,
        live: &Live,
        what: &str,
        watched: Option<&Watched>,
    ) -> Result<EnvironmentDescription, Failure> {
        let request = follow::newest_request(cx.read().aws(), &live.id).await?;
        let operation = self.operation(what.to_owned(), &live.id, request);
        let ended = follow(cx, &operation, |_| async {}).await?;
        match ended.ending {
            Ending::Succeeded => Ok(ended.environment),
            Ending::Failed => Err(self.failed(cx, live, &operation, &ended, watched).await),
        }
    }

    /// Whether the environment has what these steps ask for by now.
    fn is_deployed(&self, cx: &WriteCx<Aws>, now: &Live, asked: &[EnvironmentStep]) -> bool {
        let lacking = self.differences(now, &cx.values());
        let lacks = |option: &OptionStep| {
            let same =
                |step: &EnvironmentStep| matches!(step, EnvironmentStep::Option(other) if other.key == option.key);
            lacking.iter().any(same)
        };
        asked.iter().all(|step| match step {
            EnvironmentStep::Option(option) => !lacks(option),
            EnvironmentStep::Platform { to, .. } => now.platform_arn.as_ref() == Some(to),
            EnvironmentStep::Version { to, .. } => {
                now.version.as_ref() == Some(to) && astray(&now.instances, to).is_empty()
            }
            EnvironmentStep::Strategy { to, .. } => now.policy() == *to,
            _ => true,
        })
    }
}
