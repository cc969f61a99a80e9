//! The end of an environment, and what it says where Beanstalk cannot end it: who holds on to its parts, and what of it still costs.
//! Must know nothing of why it is ended.

use std::collections::BTreeSet;

use aws_sdk_elasticbeanstalk::operation::RequestId;
use aws_sdk_elasticbeanstalk::types::EnvironmentStatus;

use super::follow::{self, Ended, Operation, follow};
use super::{Environment, live};
use crate::aws::errors::{Explain, polled};
use crate::aws::{Aws, texts};
use crate::engine::{Error, Failure, Leftover, Poll, Wait, WriteCx};
use crate::network_parts::filter;

impl Environment {
    pub(super) async fn terminate(&self, cx: &WriteCx<Aws>, id: &str) -> Result<(), Failure> {
        // It can fail once by a race between its security groups, and asking again works (ThoughtWorksStudios/eb_deployer#62).
        for last in [false, true] {
            let Some(request) = self.ask_for_termination(cx, id).await? else {
                return Ok(());
            };
            let operation = Operation {
                name: "the termination of the environment".to_owned(),
                leftover: Some(self.leftover()),
                ..self.operation(
                    format!("the environment {} to terminate", self.name()),
                    id,
                    Some(request),
                )
            };
            let ended = follow(cx, &operation, |_| async {}).await;
            let leftover = format!("environment {} ({id})", self.name());
            let ended = ended.map_err(|error| Failure::from(error).leaving(leftover, true))?;
            if ended.terminated() {
                return Ok(());
            }
            if last {
                return Err(self.stuck(cx, &operation, &ended).await);
            }
        }
        Ok(())
    }

    /// TerminateEnvironment, waiting while Beanstalk refuses it because of an operation under way. `None`: it is gone.
    async fn ask_for_termination(&self, cx: &WriteCx<Aws>, id: &str) -> Result<Option<String>, Error> {
        let doing = format!("terminate the environment {}", self.name());
        let wait = Wait::new(format!("{} to be free for termination", self.name()), 5, follow::LIMITS);
        cx.wait(&wait, || async {
            if let Err(stopped) = cx.check() {
                return Poll::Failed(stopped);
            }
            let answer = cx
                .aws()
                .beanstalk
                .terminate_environment()
                .environment_id(id)
                .terminate_resources(true)
                .send()
                .await;
            polled(match answer {
                Ok(answer) => Ok(Poll::Ready(Some(answer.request_id().unwrap_or_default().to_owned()))),
                Err(error) => match live::by_id(cx.read().aws(), id).await {
                    Ok(None) => Ok(Poll::Ready(None)),
                    Ok(Some(seen)) if seen.status() == Some(&EnvironmentStatus::Terminated) => Ok(Poll::Ready(None)),
                    Ok(Some(seen)) if seen.status() != Some(&EnvironmentStatus::Ready) => Ok(Poll::NotYet(format!(
                        "it is {}; Beanstalk terminates it only when that is over",
                        seen.status().map_or("busy", EnvironmentStatus::as_str)
                    ))),
                    _ => Err(error).explain(&doing),
                },
            })
        })
        .await
    }

    /// The failure of a termination, with who refers to its security groups, which Beanstalk does not say, and with what is left of
    /// it now.
    async fn stuck(&self, cx: &WriteCx<Aws>, operation: &Operation<'_>, ended: &Ended) -> Failure {
        let aws = cx.read().aws();
        let mut failure = follow::failure(cx, operation, ended).await;
        let referring = referring(aws, &failure.error.causes).await;
        failure.error.causes.extend(referring);
        if let Some(left) = self.left(aws, operation.environment).await {
            failure.left_behind = vec![left];
        }
        failure
    }

    /// What of it is still there; `None` where that cannot be read.
    async fn left(&self, aws: &Aws, id: &str) -> Option<Leftover> {
        let describe = aws.beanstalk.describe_environment_resources().environment_id(id);
        let answer = describe.send().await.ok()?;
        let parts = answer.environment_resources()?;
        let (instances, balancers) = (parts.instances().len(), parts.load_balancers().len());
        let with = match (instances, balancers) {
            (0, 0) => String::new(),
            (0, _) => " with its load balancer".to_owned(),
            (_, 0) => " with its instances".to_owned(),
            _ => " with its instances and load balancer".to_owned(),
        };
        Some(Leftover {
            what: format!("environment {} ({id}){with}", self.name()),
            costs: instances + balancers > 0,
        })
    }
}

/// The security groups that let those in of which AWS says that it cannot delete them: with such a rule EC2 deletes none
/// (aws/elastic-beanstalk-roadmap#229).
async fn referring(aws: &Aws, causes: &[String]) -> Vec<String> {
    let ours: BTreeSet<String> = causes.iter().flat_map(|cause| texts::security_groups(cause)).collect();
    let mut told = Vec::new();
    for group in &ours {
        let describe = aws.ec2.describe_security_groups();
        let describe = describe.filters(filter("ip-permission.group-id", group));
        let Ok(answer) = describe.send().await else { continue };
        let others = answer.security_groups.unwrap_or_default().into_iter();
        let others = others.filter(|other| other.group_id().is_some_and(|id| !ours.contains(id)));
        told.extend(others.map(|other| {
            let (name, id) = (other.group_name.unwrap_or_default(), other.group_id.unwrap_or_default());
            format!("a rule of the security group {name} ({id}) refers to {group}: take it away")
        }));
    }
    told
}
