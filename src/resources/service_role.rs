//! The role with which Beanstalk reads health and updates platforms. Must know nothing of the instances' role.
//! A role that others made is used as it is where it can do the job, and never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::outputs::SERVICE_ROLE;
use super::role_facts;
use super::roles::{self, Deed, LiveRole, WantedRole, blocked_by_owner, managed_policy};
use super::stack::Stack;
use crate::aws::{Aws, partitions};
use crate::engine::{
    Change, Error, Failure, Hint, Kind, Limits, Observed, Owner, Poll, ReadCx, Resource, ResourceId, Values, Wait,
    WriteCx,
};
use crate::profile::RolesMode;

const ID: ResourceId = "service-role";

pub(super) struct ServiceRole {
    stack: Arc<Stack>,
    wanted: WantedRole,
    /// The role that was chosen when the account was last looked at, and why not the preferred one.
    chosen: Mutex<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
struct Choice {
    name: String,
    instead: Option<String>,
}

impl ServiceRole {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        let chosen = Choice {
            name: stack.names.service_role.clone(),
            instead: None,
        };
        Self {
            wanted: wanted(&stack),
            chosen: Mutex::new(chosen),
            stack,
        }
    }

    fn choice(&self) -> Choice {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn choose(&self, name: &str, instead: Option<String>) {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Choice {
            name: name.to_owned(),
            instead,
        };
    }

    async fn read(&self, cx: &ReadCx<Aws>, name: &str) -> Result<Option<LiveRole>, Error> {
        role_facts::read(cx, &self.stack, &self.wanted, name).await
    }

    /// The preferred role where it is free, ours or able; else our own beside it, which stays in use once it exists.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<Option<LiveRole>, Error> {
        let names = &self.stack.names;
        let preferred = self.read(cx, &names.service_role).await?;
        if self.stack.profile.roles.mode != RolesMode::Auto || names.own_service_role == names.service_role {
            self.choose(&names.service_role, None);
            return Ok(preferred);
        }
        let own = self.read(cx, &names.own_service_role).await?;
        let own_is_in_use = own.as_ref().is_some_and(|role| role.owner == Owner::Ours);
        let instead = match &preferred {
            Some(role) => why_not(role, &self.wanted),
            None if own_is_in_use => Some("was taken when this was made".to_owned()),
            None => None,
        };
        if own_is_in_use || instead.is_some() {
            let instead = instead.map(|why| format!("{} {why}", names.service_role));
            self.choose(&names.own_service_role, instead);
            return Ok(own);
        }
        self.choose(&names.service_role, None);
        Ok(preferred)
    }
}

/// What the service role needs where instances come from a launch template, as all of ours do.
/// Source: the Beanstalk guide's environments-cfg-autoscaling-launch-templates.
const LAUNCH_TEMPLATES: &[&str] = &[
    "ec2:CreateLaunchTemplate",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:DeleteLaunchTemplate",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:RunInstances",
];

/// Why a role under the preferred name is not used.
fn why_not(role: &LiveRole, wanted: &WantedRole) -> Option<String> {
    match &role.owner {
        Owner::Ours => None,
        Owner::OtherStack(stack) => Some(format!("belongs to stack {stack}")),
        Owner::Nobody => role.can_do_it(wanted).err(),
    }
}

fn wanted(stack: &Stack) -> WantedRole {
    // What enhanced health reads with the role, which is what `up` waits for.
    let mut health = vec!["autoscaling:DescribeAutoScalingGroups"];
    if stack.profile.is_load_balanced() {
        health.push("elasticloadbalancing:DescribeTargetHealth");
    }
    let partition = partitions::of_region(&stack.region);
    // Paths as AWS has them: only the first of the two is under service-role/.
    let managed = [
        "service-role/AWSElasticBeanstalkEnhancedHealth",
        "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
    ];
    WantedRole {
        resource: ID,
        // The same in every partition (the policy AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy passes roles to it and to
        // `ec2.amazonaws.com.cn`).
        service: "elasticbeanstalk.amazonaws.com".to_owned(),
        external_id: Some("elasticbeanstalk"),
        managed: managed
            .into_iter()
            .map(|name| managed_policy(partition, name))
            .collect(),
        switched: BTreeSet::new(),
        inline: BTreeMap::new(),
        boundary: stack.profile.roles.permissions_boundary.clone(),
        must_do: vec![Deed::anywhere(&health), Deed::anywhere(LAUNCH_TEMPLATES)],
    }
}

impl Resource for ServiceRole {
    type Live = LiveRole;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn title(&self) -> String {
        let choice = self.choice();
        match choice.instead {
            Some(why) => format!("role {} ({why})", choice.name),
            None => format!("role {}", choice.name),
        }
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![SERVICE_ROLE.name]
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 5)
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveRole>, Error> {
        Ok(match self.find(cx).await? {
            None => Observed::Absent,
            Some(live) => Observed::Present {
                owner: live.owner.clone(),
                live,
            },
        })
    }

    fn plan(&self, seen: &Observed<LiveRole>, _: &Values) -> Change {
        let mode = self.stack.profile.roles.mode;
        let name = self.choice().name;
        let Some((live, owner)) = seen.live() else {
            return match mode {
                RolesMode::Existing => Change::Blocked {
                    reason: format!("there is no role {name}, and roles.mode is existing"),
                    hint: "name one with --set roles.service=NAME, or let confctl make one with --set roles.mode=auto"
                        .into(),
                },
                RolesMode::Auto | RolesMode::Own => Change::Create,
            };
        };
        match (mode, owner, live.can_do_it(&self.wanted)) {
            (_, Owner::Ours, _) => match live.differences(&self.wanted) {
                fields if fields.is_empty() => Change::Keep,
                fields => Change::Update { fields },
            },
            (RolesMode::Existing, _, Ok(())) | (RolesMode::Auto, Owner::Nobody, Ok(())) => Change::Adopt,
            (RolesMode::Existing, _, Err(why)) => Change::Blocked {
                reason: format!("the role {name} {why}"),
                hint: "correct the role, or let confctl make one with --set roles.mode=auto".into(),
            },
            (RolesMode::Auto | RolesMode::Own, owner, _) => {
                blocked_by_owner(&format!("the role {name}"), owner, "roles.service")
            }
        }
    }

    fn publish(&self, live: &LiveRole, values: &mut Values) {
        values.set(&SERVICE_ROLE, live.path_and_name());
    }

    async fn apply(&self, cx: &WriteCx<Aws>, seen: Observed<LiveRole>, _: &Change) -> Result<LiveRole, Failure> {
        let name = self.choice().name;
        let live = seen.live().map(|(live, _)| live);
        let partly = |error: Error| Failure::from(error).leaving(format!("role {name}"), false);
        roles::converge(cx, &self.stack, &self.wanted, &name, live)
            .await
            .map_err(partly)?;
        let wait = Wait::new(format!("the role {name} to show"), 2, Limits::minutes(1, 2)).good_reads(2);
        let role = cx.wait(&wait, || async {
            match self.read(cx.read(), &name).await {
                Ok(Some(role)) if role.differences(&self.wanted).is_empty() => Poll::Ready(role),
                Ok(_) => Poll::NotYet("IAM does not show it everywhere yet".to_owned()),
                Err(error) => Poll::Unknown(error),
            }
        });
        role.await.map_err(partly)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveRole) -> Result<(), Failure> {
        let users = role_facts::other_environments(cx, &self.stack, "ServiceRole", &live.name).await?;
        if users.is_empty() {
            return Ok(roles::delete(cx, &live.name).await?);
        }
        let error = Error::new(
            Kind::Kept,
            format!("the role {} is used by {}", live.name, users.join(", ")),
        )
        .hint(Hint::from("give those environments another service role, then ").and_run("teardown"));
        Err(Failure::from(error).leaving(format!("role {}", live.name), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service_role(mode: RolesMode) -> ServiceRole {
        ServiceRole::new(Stack::for_test(|profile| profile.roles.mode = mode))
    }

    #[test]
    fn a_role_that_must_exist_is_never_made() {
        let role = service_role(RolesMode::Existing);
        let change = role.plan(&Observed::Absent, &Values::default());
        assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    }

    #[test]
    fn in_an_empty_account_the_role_has_the_articles_name() {
        let role = service_role(RolesMode::Auto);
        assert_eq!(role.title(), "role aws-elasticbeanstalk-service-role");
        assert_eq!(role.plan(&Observed::Absent, &Values::default()), Change::Create);
    }
}
