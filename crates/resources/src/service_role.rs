//! The role with which Beanstalk reads health and updates platforms. Must know nothing of the instances' role.
//! A role that others made is used as it is where it can do the job, and never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::instance_policies::former_boundaries;
use super::outputs::SERVICE_ROLE;
use super::role_facts;
use super::roles::{self, Deed, LiveRole, RoleStep, WantedRole, blocked_by_owner, managed_policy};
use super::stack::Stack;
use crate::aws::errors::polled;
use crate::aws::{Aws, partitions};
use crate::engine::{
    Error, Failure, Hint, Kind, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Values, Wait,
    WriteCx,
};
use crate::profile::RolesMode;

const ID: ResourceId = "service-role";

pub(super) struct ServiceRole {
    stack: Arc<Stack>,
    wanted: WantedRole,
}

/// The name under which the role is or would be, and why it is not the preferred one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    name: String,
    instead: Option<String>,
}

impl Chosen {
    fn title(&self) -> String {
        match &self.instead {
            Some(why) => format!("role {} ({why})", self.name),
            None => format!("role {}", self.name),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct LiveServiceRole {
    role: LiveRole,
    chosen: Chosen,
}

impl ServiceRole {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self {
            wanted: wanted(&stack),
            stack,
        }
    }

    async fn read(&self, cx: &ReadCx<Aws>, name: &str) -> Result<Option<LiveRole>, Error> {
        role_facts::read(cx, &self.stack, &self.wanted, name).await
    }

    fn preferred(&self) -> Chosen {
        Chosen {
            name: self.stack.names.service_role.clone(),
            instead: None,
        }
    }

    /// The preferred role where it is free, ours or able; else our own beside it, which stays in use once it exists.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<(Chosen, Option<LiveRole>), Error> {
        let names = &self.stack.names;
        let preferred = self.read(cx, &names.service_role).await?;
        let is_ours = preferred.as_ref().is_some_and(|role| role.owner == Owner::Ours);
        if is_ours || self.stack.profile.roles.mode != RolesMode::Auto || names.own_service_role == names.service_role {
            return Ok((self.preferred(), preferred));
        }
        let own = self.read(cx, &names.own_service_role).await?;
        let own_is_in_use = own.as_ref().is_some_and(|role| role.owner == Owner::Ours);
        let instead = match &preferred {
            Some(role) => why_not(role, &self.wanted),
            None if own_is_in_use => Some("was taken when this was made".to_owned()),
            None => None,
        };
        if own_is_in_use || instead.is_some() {
            let chosen = Chosen {
                name: names.own_service_role.clone(),
                instead: instead.map(|why| format!("{} {why}", names.service_role)),
            };
            return Ok((chosen, own));
        }
        Ok((self.preferred(), preferred))
    }

    /// The role of this name, once it shows as it should be.
    async fn wait_right(&self, cx: &WriteCx<Aws>, chosen: Chosen) -> Result<LiveServiceRole, Failure> {
        let name = &chosen.name;
        let wait = Wait::new(format!("the role {name} to show"), 2, Limits::minutes(1, 2)).good_reads(2);
        let role = cx.wait(&wait, || async {
            polled(self.read(cx.read(), name).await.map(|role| match role {
                Some(role) if role.differences(&self.stack, &self.wanted).is_empty() => Poll::Ready(role),
                _ => Poll::NotYet("IAM does not show it everywhere yet".to_owned()),
            }))
        });
        let role = role.await.map_err(|error| partly(error, name))?;
        Ok(LiveServiceRole { role, chosen })
    }
}

fn partly(error: Error, name: &str) -> Failure {
    Failure::from(error).leaving(format!("role {name}"), false)
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
        // No profile gives it any.
        former_inline: (!stack.former.is_empty()).then(BTreeSet::new),
        boundary: stack.profile.roles.permissions_boundary.clone(),
        former_boundaries: former_boundaries(stack),
        must_do: vec![Deed::anywhere(&health), Deed::anywhere(LAUNCH_TEMPLATES)],
    }
}

impl Resource for ServiceRole {
    type Live = LiveServiceRole;
    type Place = Chosen;
    type Step = RoleStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.service_role.clone()
    }

    fn title(&self) -> String {
        self.preferred().title()
    }

    fn title_of(&self, seen: &Observed<LiveServiceRole, Chosen>) -> String {
        match (seen, seen.live()) {
            (Observed::Absent(chosen), _) => chosen.title(),
            (_, Some((live, _))) => live.chosen.title(),
            _ => self.title(),
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

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveServiceRole, Chosen>, Error> {
        let (chosen, role) = self.find(cx).await?;
        Ok(match role {
            None => Observed::Absent(chosen),
            Some(role) => Observed::Present {
                owner: role.owner.clone(),
                live: LiveServiceRole { role, chosen },
            },
        })
    }

    fn plan(&self, seen: &Observed<LiveServiceRole, Chosen>, _: &Values) -> Plan<RoleStep> {
        let mode = self.stack.profile.roles.mode;
        let Some((live, owner)) = seen.live() else {
            return match mode {
                RolesMode::Existing => Plan::blocked(
                    format!(
                        "there is no role {}, and roles.mode is existing",
                        self.stack.names.service_role
                    ),
                    "name one with --set roles.service=NAME, or let confctl make one with --set roles.mode=auto",
                ),
                RolesMode::Auto | RolesMode::Own => Plan::Create,
            };
        };
        let name = &live.chosen.name;
        match (mode, owner, live.role.can_do_it(&self.wanted)) {
            (_, Owner::Ours, _) => Plan::of(live.role.differences(&self.stack, &self.wanted)),
            (RolesMode::Existing, _, Ok(())) | (RolesMode::Auto, Owner::Nobody, Ok(())) => Plan::Use,
            (RolesMode::Existing, _, Err(why)) => Plan::blocked(
                format!("the role {name} {why}"),
                "correct the role, or let confctl make one with --set roles.mode=auto",
            ),
            (RolesMode::Auto | RolesMode::Own, owner, _) => {
                blocked_by_owner(&format!("the role {name}"), owner, "roles.service")
            }
        }
    }

    fn publish(&self, live: &LiveServiceRole, values: &mut Values) {
        values.set(&SERVICE_ROLE, live.role.path_and_name());
    }

    /// Our own is made without a path.
    fn foresee(&self, chosen: &Chosen, values: &mut Values) {
        values.set(&SERVICE_ROLE, chosen.name.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, chosen: Chosen) -> Result<LiveServiceRole, Failure> {
        let made = roles::make(cx, &self.stack, &self.wanted, &chosen.name).await;
        made.map_err(|error| partly(error, &chosen.name))?;
        self.wait_right(cx, chosen).await
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveServiceRole,
        steps: Vec<RoleStep>,
    ) -> Result<LiveServiceRole, Failure> {
        let changed = roles::change(cx, &self.wanted, &live.role.name, &steps).await;
        changed.map_err(|error| partly(error, &live.role.name))?;
        self.wait_right(cx, live.chosen).await
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveServiceRole) -> Result<(), Failure> {
        let live = live.role;
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
        let plan = role.plan(&Observed::Absent(role.preferred()), &Values::default());
        assert!(matches!(plan, Plan::Blocked { .. }), "{plan:?}");
    }

    #[test]
    fn in_an_empty_account_the_role_has_the_articles_name() {
        let role = service_role(RolesMode::Auto);
        let nothing = Observed::Absent(role.preferred());
        assert_eq!(role.title_of(&nothing), "role aws-elasticbeanstalk-service-role");
        assert_eq!(role.plan(&nothing, &Values::default()), Plan::Create);
    }
}
