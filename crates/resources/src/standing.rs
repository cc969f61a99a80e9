//! Which of a stack's two environments visitors are sent to. A second one stands beside the first where a version is changed by
//! sending visitors from one to the other. AWS alone tells: both names are fixed, both carry the stack's tags, and the rule for
//! CloudFront leads to one of them. Reads only.

use aws_sdk_elasticbeanstalk::types::{EnvironmentDescription, EnvironmentStatus};

use super::canary::Canary;
use super::environment::live::{self, Live};
use super::environment::options::{ENDPOINT, NOTIFICATIONS, PROPERTIES};
use super::front_door::{self, FrontDoor};
use super::ownership::beanstalk_tags;
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::deploying::Way;
use crate::engine::{Error, Hint, Owner};

/// The tag by which Beanstalk says whose target group it is (the developer guide's applications-tagging-resources).
const OF_ENVIRONMENT: &str = "elasticbeanstalk:environment-name";

/// What is left of a target group between two reads.
const GONE: &[&str] = &["TargetGroupNotFound", "TargetGroupNotFoundException"];

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub name: String,
    pub id: String,
    pub version: Option<String>,
    /// `Ready`, `Launching`, …
    pub status: String,
    /// Its health, where the site cannot be called up with it.
    trouble: Option<String>,
}

/// An environment that a part of the visitors is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub side: Side,
    /// Of the visitors.
    pub percent: u32,
}

impl Tried {
    /// `10 % of the visitors are sent to environment two (site-2, Ready)`
    pub fn told(&self) -> String {
        format!("{} % of the visitors are sent to {}", self.percent, self.side.told())
    }
}

/// Where visitors are sent from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turning {
    /// To the stack's environment, once it is well.
    Over,
    /// There, too, part by part, as long as it answers them.
    PartByPart(Canary),
    /// To one that stood beside it.
    To { environment: String, target_group: String },
}

impl Side {
    fn of(environment: &EnvironmentDescription) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Self {
            name: text(environment.environment_name()),
            id: text(environment.environment_id()),
            version: environment.version_label().map(str::to_owned),
            status: text(environment.status().map(EnvironmentStatus::as_str)),
            trouble: live::trouble(environment),
        }
    }

    /// `environment two (site-1, Ready)`
    pub fn told(&self) -> String {
        let version = self.version.as_deref().unwrap_or("no version");
        format!("environment {} ({version}, {})", self.name, self.status)
    }
}

/// Gives the stack's environment the name of the one that a run is about: of the one that visitors are sent to, or of the other one
/// where a version is put beside it.
///
/// # Errors
/// Where AWS does not say.
pub async fn place(aws: &Aws, stack: &mut Stack) -> Result<(), Error> {
    let [first, second] = stack.names.environments();
    let (one, other) = sides(aws, stack, &first, &second).await?;
    let leads_to = match (&one, &other) {
        (Some(_), Some(_)) => leads_to(aws, stack).await?,
        _ => Vec::new(),
    };
    let second_serves = match leads_to.first() {
        Some((served, _)) => *served == second,
        None => one.is_none() && other.is_some(),
    };
    let (here, there, beside) = match second_serves {
        true => (other, one, (second, first)),
        false => (one, other, (first, second)),
    };
    stack.served.clone_from(&here);
    stack.tried = there.as_ref().and_then(|side| {
        let part = leads_to.iter().skip(1).find(|(name, _)| *name == side.name);
        part.map(|(_, percent)| Tried {
            side: side.clone(),
            percent: *percent,
        })
    });
    let Some(deploying) = stack.deploying.take_if(|deploying| deploying.way == Way::Beside) else {
        stack.names.call_environment(&beside.0);
        stack.beside = there;
        return Ok(());
    };
    stack.turning = Some(deploying.canary.map_or(Turning::Over, Turning::PartByPart));
    if let Some(here) = &here {
        take_on(aws, stack, here).await?;
    }
    stack.names.call_environment(&beside.1);
    stack.beside = here;
    Ok(())
}

/// Those of the two that are there; the second one only if it is ours.
async fn sides(aws: &Aws, stack: &Stack, first: &str, second: &str) -> Result<(Option<Side>, Option<Side>), Error> {
    let describe = aws.beanstalk.describe_environments().include_deleted(false);
    let answer = describe.environment_names(first).environment_names(second).send().await;
    let all = answer.explain("look for the environments of the stack")?.environments;
    let all = all.unwrap_or_default();
    let named = |name: &str| {
        let ended = Some(&EnvironmentStatus::Terminated);
        all.iter()
            .find(|one| one.environment_name() == Some(name) && one.status() != ended)
    };
    let mut other = named(second);
    if let Some(arn) = other.and_then(EnvironmentDescription::environment_arn) {
        let tags = beanstalk_tags(aws, arn).await?;
        other = other.filter(|_| stack.ownership.owner_by(&tags) == Owner::Ours);
    }
    Ok((named(first).map(Side::of), other.map(Side::of)))
}

/// The environments that the rule for CloudFront leads to, each with its percentage; the one that is served first.
async fn leads_to(aws: &Aws, stack: &Stack) -> Result<Vec<(String, u32)>, Error> {
    let door = front_door::look(aws, stack).await?;
    let groups = door.as_ref().map(FrontDoor::target_groups).unwrap_or_default();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let arns: Vec<_> = groups.iter().map(|(arn, _)| *arn).collect();
    let tags = aws.elb.tags(&arns).await;
    let tags = tags.or_absent(GONE, "see to which environment visitors are sent")?;
    let mut tags = tags.unwrap_or_default();
    // One whose environment is unknown stays in its place, without a name.
    let mut name = |arn: &str| tags.get_mut(arn).and_then(|tags| tags.remove(OF_ENVIRONMENT));
    let named = groups
        .iter()
        .map(|(arn, percent)| (name(arn).unwrap_or_default(), *percent));
    Ok(named.collect())
}

/// Whether visitors are sent to the same environment as when the stack was looked at first.
///
/// # Errors
/// Where AWS does not say.
pub async fn still_serves(aws: &Aws, stack: &Stack) -> Result<bool, Error> {
    let now = leads_to(aws, stack).await?;
    let now = now.first().map(|(name, _)| name);
    Ok(now == stack.served.as_ref().map(|side| &side.name))
}

/// What a second environment has to have of the one that is served: its properties and its address for notifications, where
/// the profile is the recorded one, which leaves them out.
async fn take_on(aws: &Aws, stack: &mut Stack, here: &Side) -> Result<(), Error> {
    let Some(environment) = live::by_id(aws, &here.id).await? else {
        return Ok(());
    };
    let live = Live::read(aws, &environment).await?;
    if live.group.as_ref().is_some_and(|group| group.mark.is_some()) {
        return Err(Error::refused(
            "a pre-scale stands, and a second environment would begin with the profile's sizes",
        )
        .hint(Hint::run("scale --back").and(" first, or deploy without --strategy blue-green")));
    }
    if stack.properties_unknown {
        let endpoint = (NOTIFICATIONS.to_owned(), ENDPOINT.to_owned());
        stack.profile.notifications.email = live
            .settings
            .get(&endpoint)
            .cloned()
            .filter(|address| !address.is_empty());
        let properties = live.settings.into_iter();
        let properties = properties.filter(|((namespace, _), _)| namespace == PROPERTIES);
        let properties = properties.map(|((_, name), value)| (name, value));
        stack.profile.app.properties.extend(properties);
        stack.properties_unknown = false;
    }
    Ok(())
}

/// The way to an environment that stands beside the one that is served.
///
/// # Errors
/// Where nobody could be served there.
pub async fn way_to(aws: &Aws, side: &Side) -> Result<Turning, Error> {
    let unfit = |why: String| {
        Error::refused(format!("nobody can be sent to the environment {}: {why}", side.name))
            .hint(Hint::run("status").and("; visitors stay where they are"))
    };
    if side.status != EnvironmentStatus::Ready.as_str() {
        return Err(unfit(format!("it is {}", side.status)));
    }
    if let Some(trouble) = &side.trouble {
        return Err(unfit(format!("its health is {trouble}")));
    }
    let stack = format!("awseb-{}-stack", side.id);
    let parts = live::stack_resources(aws, &stack).await?;
    let group = parts.get(live::TARGET_GROUP).cloned();
    let target_group = group.ok_or_else(|| unfit("it has no target group".to_owned()))?;
    if !is_served(aws, &target_group).await? {
        return Err(unfit("none of its instances is healthy".to_owned()));
    }
    Ok(Turning::To {
        environment: side.name.clone(),
        target_group,
    })
}

/// Whether an instance of it answers the load balancer.
pub(super) async fn is_served(aws: &Aws, target_group: &str) -> Result<bool, Error> {
    let states = target_states(aws, target_group).await?;
    Ok(states.iter().any(|state| state == "healthy"))
}

/// What the load balancer holds of each target.
pub(super) async fn target_states(aws: &Aws, target_group: &str) -> Result<Vec<String>, Error> {
    let states = aws.elb.target_health(target_group).await;
    states.explain("see whether the environment answers the load balancer")
}
