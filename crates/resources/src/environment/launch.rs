//! The beginning of an environment: it is asked for under a name that is free, followed, and launched again where it came too early.
//! Must know nothing of how one that stands is changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::operation::create_environment::CreateEnvironmentOutput;
use aws_sdk_elasticbeanstalk::types::{EnvironmentDescription, EnvironmentStatus, EnvironmentTier};

use super::follow::{self, Operation, Warning, follow};
use super::live::{self, Live};
use super::{Environment, ID, TERMINATED, settings_of};
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::own_work::{self, Made};
use crate::aws::texts::{self, Ending};
use crate::engine::{Error, Failure, Hint, Owner, Resource, WriteCx};
use crate::outputs::{APPLICATION, ORIGIN, VERSION};
use crate::ownership::{beanstalk_tags, new_beanstalk_tags};
use crate::profile::CdnOrigin;

/// How often a launch is tried again that came before IAM had spread the new instance profile. With its pause each takes half a
/// minute, and two minutes are the most that AWS is said to need (hashicorp/terraform#15341).
const SPREAD_RETRIES: u32 = 4;

impl Environment {
    pub(super) async fn launch(&self, cx: &WriteCx<Aws>) -> Result<Live, Failure> {
        let platform = self.platform(cx.read().aws()).await?;
        let mut retries = SPREAD_RETRIES;
        let mut prefix = cx.read().intents(ID, "cname-prefix").pop();
        loop {
            let asked = self.ask_for_creation(cx, &platform, prefix.take()).await;
            let (id, request, asked) = asked.map_err(|error| self.without_a_name(cx, error.into()))?;
            // A second launch asks for the name that the distribution may fetch from by now.
            prefix = Some(asked);
            let operation = Operation {
                name: "the launch of the environment".to_owned(),
                ..self.operation(format!("the environment {} to launch", self.name()), &id, request)
            };
            let ended = follow(cx, &operation, |seen| self.publish_origin(cx, seen)).await?;
            if ended.ending == Ending::Succeeded && !ended.terminated() {
                let environment = follow::wait_healthy(cx, &id, self.name(), self.leaves(), Warning::WaitedOut).await?;
                return Ok(Live::read(cx.read().aws(), &environment).await?);
            }
            if ended.terminated() {
                cx.gone();
                self.sweep(cx, &id).await;
            }
            if ended.terminated() && ended.profile_not_spread() && retries > 0 {
                retries -= 1;
                cx.step("IAM has not spread the instance profile yet; launching again");
                cx.pause(Duration::from_secs(20)).await?;
                continue;
            }
            let failure = follow::failure(cx, &operation, &ended).await;
            return Err(if ended.terminated() {
                self.without_a_name(cx, failure)
            } else {
                failure
            });
        }
    }

    /// Removes what Beanstalk copied for a launch that ended by itself. Where that fails the next run does it, and AWS's reason for
    /// the launch's end is told all the same.
    async fn sweep(&self, cx: &WriteCx<Aws>, id: &str) {
        let swept = async {
            cx.intend(TERMINATED, id).await?;
            follow::delete_objects(cx.aws(), self.stack.name.as_str(), id).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, id, "what Beanstalk left of it in its bucket could not be removed");
        }
    }

    /// The failure of a launch that gave the environment's name up, or could not have it again: the distribution may be there.
    fn without_a_name(&self, cx: &WriteCx<Aws>, failure: Failure) -> Failure {
        let (true, Some(origin)) = (self.is_origin_by_cname(), cx.values().get(&ORIGIN)) else {
            return failure;
        };
        let what = format!("a distribution that may fetch from {origin}, a name that is anyone's now");
        let mut failure = failure.leaving(what, true);
        failure.error.hint = Some(Hint::run("teardown --keep users-table").and(", at once"));
        failure
    }

    /// CreateEnvironment, with another name prefix where somebody else has ours. Gives the id, the request's id where its answer
    /// came, and the prefix.
    async fn ask_for_creation(
        &self,
        cx: &WriteCx<Aws>,
        platform: &str,
        mut prefix: Option<String>,
    ) -> Result<(String, Option<String>, String), Error> {
        for _ in 0..3 {
            let asked = prefix
                .take()
                .unwrap_or_else(|| self.stack.names.cname_prefix(&random_suffix()));
            cx.intend("cname-prefix", asked.clone()).await?;
            let there = Mutex::new(None);
            let whose = |_| self.whose(cx, &there);
            let made = own_work::create(cx, self.name(), self.create_with(cx, platform, &asked), whose).await?;
            let made = match made {
                Made::ByOthers(refusal) if refusal.causes.iter().any(|cause| texts::is_name_taken(cause)) => {
                    self.another_name(cx, refusal)?;
                    cx.step(format!("the name {asked} is taken; trying another"));
                    continue;
                }
                made => made.ours(&self.title())?,
            };
            let (id, cname, request) = match made {
                Some(answer) => {
                    let request = answer.request_id().map(str::to_owned);
                    (answer.environment_id, answer.cname, request)
                }
                // Its events tell of its launch alone: it is new.
                None => {
                    let there = there.into_inner().unwrap_or_else(PoisonError::into_inner);
                    let gone = || Error::failed(format!("the environment {} is gone", self.name()));
                    let there = there.ok_or_else(gone)?;
                    (there.environment_id, there.cname, None)
                }
            };
            // In cname mode the name is ours from now on, and not before: it is a namespace of all customers.
            if let (Some(cname), CdnOrigin::Cname) = (&cname, self.stack.profile.cdn.origin) {
                cx.publish(&ORIGIN, cname.clone());
            }
            return Ok((id.unwrap_or_default(), request, asked));
        }
        Err(Error::failed("three names in a row were taken by others")
            .hint(Hint::run("up").and(" once more, or choose another name with --set environment.name=NAME")))
    }

    async fn create_with(
        &self,
        cx: &WriteCx<Aws>,
        platform: &str,
        prefix: &str,
    ) -> Result<CreateEnvironmentOutput, Error> {
        let create = cx.aws().beanstalk.create_environment();
        let create = create
            .application_name(cx.need(&APPLICATION)?)
            .environment_name(self.name())
            .version_label(cx.need(&VERSION)?)
            .platform_arn(platform)
            .cname_prefix(prefix)
            .tier(EnvironmentTier::builder().name("WebServer").r#type("Standard").build())
            .set_option_settings(Some(settings_of(&self.wanted(&cx.values()))))
            .set_tags(Some(new_beanstalk_tags(&self.stack, ID)));
        let doing = format!("create the environment {}", self.name());
        create.send().await.explain(&doing)
    }

    /// Whose the environment of this name is; it is put into `there`.
    async fn whose(&self, cx: &WriteCx<Aws>, there: &Mutex<Option<EnvironmentDescription>>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let tags = || async {
            let Some(environment) = live::find(aws, self.name()).await? else {
                return Ok(BTreeMap::new());
            };
            let tags = beanstalk_tags(aws, environment.environment_arn().unwrap_or_default()).await;
            *there.lock().unwrap_or_else(PoisonError::into_inner) = Some(environment);
            tags
        };
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
    }

    /// Whether another name may be taken where ours is somebody else's.
    fn another_name(&self, cx: &WriteCx<Aws>, refusal: Error) -> Result<(), Error> {
        if cx.values().get(&ORIGIN).is_some() {
            return Err(refusal.context("somebody else took the name that the distribution fetches from"));
        }
        if self.stack.names.has_exact_cname_prefix() {
            return Err(refusal.hint(
                "another customer of AWS has that name: choose another with --set environment.cname_prefix=NAME",
            ));
        }
        Ok(())
    }

    /// Publishes the load balancer's name as soon as AWS shows it, minutes before the environment is ready.
    async fn publish_origin(&self, cx: &WriteCx<Aws>, seen: EnvironmentDescription) {
        if cx.values().get(&ORIGIN).is_some() || seen.status() != Some(&EnvironmentStatus::Launching) {
            return;
        }
        let aws = cx.read().aws();
        let stack = format!("awseb-{}-stack", seen.environment_id().unwrap_or_default());
        let Ok(resources) = live::stack_resources(aws, &stack).await else {
            return;
        };
        let balancer = resources.get("AWSEBV2LoadBalancer").cloned();
        let Ok(load_balancer) = live::load_balancer_name(aws, balancer).await else {
            return;
        };
        if let Some(origin) = self.origin(seen.cname().unwrap_or_default(), load_balancer.as_deref()) {
            cx.publish(&ORIGIN, origin);
        }
    }
}

/// Nobody can guess it: a name that CloudFront points at must not be taken by others the moment it is free.
fn random_suffix() -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..10)
        .map(|_| alphabet[rand::random_range(0..alphabet.len())] as char)
        .collect()
}
