//! The instances' role, the instance profile, and the link between them: three things, each with its own owner.
//! Must know nothing of the environment that uses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::types::IamInstanceProfileAssociationState;
use tokio::time::Instant;

use super::instance_policies::wanted;
use super::outputs::INSTANCE_PROFILE;
use super::ownership::{TagStep, change_tags, tag_steps};
use super::role_facts;
use super::roles::{self, LiveRole, RoleStep, WantedRole, blocked_by_owner};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::paging::{self, Page};
use crate::aws::tags::told_tags;
use crate::aws::{Aws, own_work};
use crate::engine::{
    Command, Error, Failure, FieldChange, Hint, Kind, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource,
    ResourceId, Step, Values, Wait, WriteCx,
};
use crate::profile::RolesMode;

pub(super) const ID: ResourceId = "instance-profile";
const LIMITS: Limits = Limits::minutes(2, 5);
/// Nothing tells when IAM has spread a new profile to EC2; 5 s cured it for hashicorp/packer#9810, AWS says 10 to 15.
const SPREADING: Duration = Duration::from_secs(10);

pub(super) struct InstanceProfile {
    stack: Arc<Stack>,
    wanted: WantedRole,
}

/// The names under which the two are or would be, and why they are not the preferred ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    role: String,
    profile: String,
    instead: Option<String>,
}

impl Choice {
    fn title(&self) -> String {
        match &self.instead {
            Some(why) => format!("instance profile {} ({why})", self.profile),
            None => format!("instance profile {}", self.profile),
        }
    }
}

/// What exists of role and profile under one choice of names.
#[derive(Clone, Debug)]
pub(super) struct LivePair {
    choice: Choice,
    role: Option<LiveRole>,
    profile: Option<LiveProfile>,
}

#[derive(Clone, Debug)]
struct LiveProfile {
    name: String,
    arn: String,
    owner: Owner,
    /// The role in it; IAM allows one.
    role: Option<String>,
    tags: BTreeMap<String, String>,
}

/// What can be changed of the three.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PairStep {
    CreateRole(String),
    Role(RoleStep),
    CreateProfile(String),
    TagProfile(TagStep),
    /// The role is put into the profile.
    Link {
        role: String,
    },
}

impl Step for PairStep {
    fn shown(&self) -> FieldChange {
        let made = |field: &str, name: &str| FieldChange::new(field, None, name.to_owned());
        match self {
            Self::CreateRole(name) => made("role", name),
            Self::Role(step) => step.shown(),
            Self::CreateProfile(name) => made("instance profile", name),
            Self::TagProfile(step) => {
                let mut shown = step.shown();
                shown.field.push_str(" of the instance profile");
                shown
            }
            Self::Link { role } => made("role of the instance profile", role),
        }
    }
}

impl LivePair {
    /// Ours where any part is.
    fn owner(&self) -> Owner {
        let role = self.role.as_ref().map(|role| &role.owner);
        let profile = self.profile.as_ref().map(|profile| &profile.owner);
        match (role, profile) {
            (Some(Owner::Ours), _) | (_, Some(Owner::Ours)) => Owner::Ours,
            (_, Some(owner)) | (Some(owner), None) => owner.clone(),
            (None, None) => Owner::Nobody,
        }
    }

    fn is_linked(&self) -> bool {
        matches!((&self.role, &self.profile), (Some(role), Some(profile)) if profile.role.as_ref() == Some(&role.name))
    }

    /// Whether it does the job, or can be made to by changing only what is ours.
    fn usable(&self, wanted: &WantedRole) -> Result<(), String> {
        if let Some(role) = &self.role {
            match &role.owner {
                Owner::Ours => {}
                Owner::OtherStack(stack) => return Err(format!("belongs to stack {stack}")),
                Owner::Nobody => role.can_do_it(wanted)?,
            }
        }
        match &self.profile {
            Some(profile) if profile.owner != Owner::Ours => match &profile.owner {
                Owner::OtherStack(stack) => Err(format!("belongs to stack {stack}")),
                _ if self.is_linked() => Ok(()),
                _ => Err("is an instance profile without a role".to_owned()),
            },
            _ => Ok(()),
        }
    }

    fn differences(&self, stack: &Stack, wanted: &WantedRole) -> Vec<PairStep> {
        let mut steps = Vec::new();
        match &self.role {
            None => steps.push(PairStep::CreateRole(self.choice.role.clone())),
            Some(role) if role.owner == Owner::Ours => {
                steps.extend(role.differences(stack, wanted).into_iter().map(PairStep::Role));
            }
            Some(_) => {}
        }
        match &self.profile {
            None => steps.push(PairStep::CreateProfile(self.choice.profile.clone())),
            Some(profile) if profile.owner == Owner::Ours => {
                let tags = tag_steps(stack, ID, &profile.tags);
                steps.extend(tags.into_iter().map(PairStep::TagProfile));
            }
            Some(_) => {}
        }
        if !self.is_linked() {
            let role = self.role.as_ref().map_or(&self.choice.role, |role| &role.name);
            steps.push(PairStep::Link { role: role.clone() });
        }
        steps
    }
}

impl InstanceProfile {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self {
            wanted: wanted(&stack),
            stack,
        }
    }

    fn preferred(&self) -> Choice {
        Choice {
            role: self.stack.names.instance_role.clone(),
            profile: self.stack.names.instance_profile.clone(),
            instead: None,
        }
    }

    async fn profile(&self, cx: &ReadCx<Aws>, name: &str) -> Result<Option<LiveProfile>, Error> {
        let read = || async {
            let get = cx.aws().iam.get_instance_profile().instance_profile_name(name);
            let doing = format!("read the instance profile {name}");
            let answer = get.send().await.or_absent(&["NoSuchEntity"], &doing)?;
            Ok(answer.and_then(|answer| answer.instance_profile))
        };
        let Some(profile) = settled(cx, ID, name, read).await? else {
            return Ok(None);
        };
        // GetInstanceProfile has them; only lists leave them out (API reference: GetInstanceProfile, ListInstanceProfiles).
        let told = profile.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        let read = || profile_tags(cx.aws(), name);
        let tagged = told_tags(cx, &self.stack.ownership, ID, name, told.collect(), read).await;
        let tagged = match tagged {
            // It is being deleted: IAM's reads do not agree for a while, longer than the engine's second look takes.
            Err(error) if error.is_code("NoSuchEntity") => return Ok(None),
            tagged => tagged?,
        };
        Ok(Some(LiveProfile {
            name: profile.instance_profile_name,
            arn: profile.arn,
            owner: tagged.owner,
            tags: tagged.tags,
            role: profile.roles.into_iter().next().map(|role| role.role_name),
        }))
    }

    /// What exists under these names. What counts is the role that is in the profile, whatever its name.
    async fn pair(&self, cx: &ReadCx<Aws>, choice: Choice) -> Result<LivePair, Error> {
        let profile = self.profile(cx, &choice.profile).await?;
        let linked = profile.as_ref().and_then(|profile| profile.role.clone());
        let role = linked.as_deref().unwrap_or(&choice.role);
        let role = role_facts::read(cx, &self.stack, &self.wanted, role).await?;
        Ok(LivePair { choice, role, profile })
    }

    /// The preferred names where they are free, ours or able; else our own beside them, which stay in use once they exist.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<LivePair, Error> {
        let names = &self.stack.names;
        let preferred = self.pair(cx, self.preferred()).await?;
        let is_ours = preferred.owner() == Owner::Ours && preferred.is_linked();
        if is_ours
            || self.stack.profile.roles.mode != RolesMode::Auto
            || names.own_instance_profile == names.instance_profile
        {
            return Ok(preferred);
        }
        let own = Choice {
            role: names.own_instance_role.clone(),
            profile: names.own_instance_profile.clone(),
            instead: None,
        };
        let mut own = self.pair(cx, own).await?;
        let own_is_in_use = own.owner() == Owner::Ours;
        let mut why = preferred.usable(&self.wanted).err();
        if own_is_in_use && preferred.role.is_none() && preferred.profile.is_none() {
            why = Some("was taken when this was made".to_owned());
        }
        if own_is_in_use || why.is_some() {
            own.choice.instead = why.map(|why| format!("{} {why}", names.instance_role));
            return Ok(own);
        }
        Ok(preferred)
    }

    /// Takes the steps, and waits until what came of them shows.
    async fn converge(&self, cx: &WriteCx<Aws>, choice: Choice, steps: &[PairStep]) -> Result<LivePair, Failure> {
        let left = format!("role and instance profile {}, as far as they were made", choice.role);
        let partly = |error: Error| Failure::from(error).leaving(left.clone(), false);
        self.take(cx, &choice, steps).await.map_err(partly)?;
        let taken = Instant::now();
        let what = format!("the instance profile {} to show its role", choice.profile);
        let wait = Wait::new(what, 2, LIMITS).good_reads(3);
        let pair = cx.wait(&wait, || async {
            polled(self.pair(cx.read(), choice.clone()).await.map(|pair| {
                // Until it is ready, its ARN may not be one (hashicorp/terraform-provider-aws, instance_profile.go).
                let has_arn = pair
                    .profile
                    .as_ref()
                    .is_some_and(|profile| profile.arn.starts_with("arn:"));
                match has_arn && pair.differences(&self.stack, &self.wanted).is_empty() {
                    true => Poll::Ready(pair),
                    false => Poll::NotYet("IAM does not show it everywhere yet".to_owned()),
                }
            }))
        });
        let pair = pair.await.map_err(partly)?;
        if steps.iter().any(|step| matches!(step, PairStep::Link { .. })) {
            cx.step("giving IAM time to spread it");
            cx.pause_since(taken, SPREADING).await?;
        }
        Ok(pair)
    }

    async fn take(&self, cx: &WriteCx<Aws>, choice: &Choice, steps: &[PairStep]) -> Result<(), Error> {
        let (mut of_role, mut tags) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                PairStep::Role(step) => of_role.push(step.clone()),
                PairStep::TagProfile(step) => tags.push(step.clone()),
                _ => {}
            }
        }
        if !of_role.is_empty() {
            roles::change(cx, &self.wanted, &choice.role, &of_role).await?;
        }
        if !tags.is_empty() {
            self.tag_profile(cx, &choice.profile, &tags).await?;
        }
        for step in steps {
            match step {
                PairStep::CreateRole(name) => roles::make(cx, &self.stack, &self.wanted, name).await?,
                PairStep::CreateProfile(name) => self.create_profile(cx, name).await?,
                PairStep::Link { role } => link(cx, role, &choice.profile).await?,
                PairStep::Role(_) | PairStep::TagProfile(_) => {}
            }
        }
        Ok(())
    }

    async fn tag_profile(&self, cx: &WriteCx<Aws>, name: &str, steps: &[TagStep]) -> Result<(), Error> {
        let (iam, doing) = (&cx.aws().iam, &format!("tag the instance profile {name}"));
        let untag = |tags: BTreeMap<String, String>| async move {
            let untag = iam.untag_instance_profile().instance_profile_name(name);
            let untag = untag.set_tag_keys(Some(tags.into_keys().collect()));
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags| async move {
            let tag = iam.tag_instance_profile().instance_profile_name(name);
            tag.set_tags(Some(roles::iam_form(tags)?))
                .send()
                .await
                .explain(doing)
                .map(drop)
        };
        let read = || profile_tags(cx.read().aws(), name);
        change_tags(cx, (&format!("instance profile {name}"), name), steps, untag, tag, read).await
    }

    async fn create_profile(&self, cx: &WriteCx<Aws>, name: &str) -> Result<(), Error> {
        let create = cx.aws().iam.create_instance_profile().instance_profile_name(name);
        let create = create.set_tags(Some(roles::iam_tags(&self.stack.ownership, ID)?));
        let doing = format!("create the instance profile {name}");
        let (ownership, aws) = (&self.stack.ownership, cx.read().aws());
        let call = async { create.send().await.explain(&doing) };
        let whose = |_| own_work::by_tags(cx, ownership, ID, name, || profile_tags(aws, name));
        let made = own_work::create(cx, name, call, whose).await?;
        made.ours(&format!("instance profile {name}")).map(drop)
    }

    /// Who else would break without it, looked at for as long as our own instances may take to let go of it.
    async fn wait_unused(&self, cx: &WriteCx<Aws>, profile: &LiveProfile) -> Result<(), Error> {
        let aws = cx.read().aws();
        let environments = role_facts::other_environments(cx, &self.stack, "IamInstanceProfile", &profile.name).await?;
        if !environments.is_empty() {
            return Err(used(&profile.name, &environments));
        }
        for region in aws
            .enabled_regions()
            .await?
            .iter()
            .filter(|region| **region != aws.region)
        {
            let there = instances_with(&aws.in_region(region), &profile.arn).await;
            let there = role_facts::believed(cx, region, &profile.name, there)?;
            if !there.is_empty() {
                return Err(used(&profile.name, &there));
            }
        }
        let users = Mutex::new(Vec::new());
        let wait = Wait::new(
            format!("instances to let go of the instance profile {}", profile.name),
            5,
            Limits::minutes(1, 3),
        );
        let waited = cx.wait(&wait, || async {
            polled(instances_with(aws, &profile.arn).await.map(|instances| {
                let answer = match instances.is_empty() {
                    true => Poll::Ready(()),
                    false => Poll::NotYet(format!("still used by {}", instances.join(", "))),
                };
                *users.lock().unwrap_or_else(PoisonError::into_inner) = instances;
                answer
            }))
        });
        match waited.await {
            Err(error) if error.kind == Kind::Deadline => {
                Err(used(&profile.name, &users.into_inner().unwrap_or_default()))
            }
            answer => answer,
        }
    }
}

impl InstanceProfile {
    fn must_exist(&self, why: &str) -> Plan<PairStep> {
        Plan::blocked(
            format!(
                "the instance profile {} {why}, and roles.mode is existing",
                self.stack.names.instance_profile
            ),
            "name one with --set roles.instance=NAME, or let confctl make one with --set roles.mode=auto",
        )
    }

    async fn delete_profile(&self, cx: &WriteCx<Aws>, profile: &LiveProfile) -> Result<(), Error> {
        let (iam, name) = (&cx.aws().iam, &profile.name);
        if let Some(role) = &profile.role {
            let doing = format!("take the role {role} out of its profile");
            roles::once_settled(cx, &doing, |doing| async move {
                let remove = iam.remove_role_from_instance_profile().instance_profile_name(name);
                let removed = remove.role_name(role).send().await;
                removed.or_absent(&["NoSuchEntity"], &doing).map(drop)
            })
            .await?;
        }
        roles::once_settled(cx, &format!("delete the instance profile {name}"), |doing| async move {
            let deleted = iam.delete_instance_profile().instance_profile_name(name).send().await;
            deleted.or_absent(&["NoSuchEntity"], &doing).map(drop)
        })
        .await
    }
}

async fn link(cx: &WriteCx<Aws>, role: &str, profile: &str) -> Result<(), Error> {
    let doing = format!("put the role {role} into its profile");
    roles::once_visible(cx, &doing, |doing| async move {
        let add = cx.aws().iam.add_role_to_instance_profile().role_name(role);
        let added = add.instance_profile_name(profile).send().await;
        // One role a profile: LimitExceeded means that an earlier try, its answer lost, has put it there.
        added.or_absent(&["LimitExceeded"], &doing).map(drop)
    })
    .await
}

fn used(profile: &str, users: &[String]) -> Error {
    Error::new(
        Kind::Kept,
        format!("the instance profile {profile} is used by {}", users.join(", ")),
    )
    .hint(Hint::from("give those another instance profile, then ").and_run("teardown"))
}

async fn instances_with(aws: &Aws, profile_arn: &str) -> Result<Vec<String>, Error> {
    let associations = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_iam_instance_profile_associations();
        let page = list.set_next_token(token).send().await;
        let page = page.explain("list which instances use which instance profile")?;
        let found = page.iam_instance_profile_associations.unwrap_or_default();
        Ok(Page::new(found, page.next_token))
    });
    let used = associations.await?.into_iter().filter(|association| {
        let gone = association.state() == Some(&IamInstanceProfileAssociationState::Disassociated);
        let arn = association.iam_instance_profile().and_then(|profile| profile.arn());
        !gone && arn == Some(profile_arn)
    });
    Ok(used.filter_map(|association| association.instance_id).collect())
}

async fn profile_tags(aws: &Aws, name: &str) -> Result<BTreeMap<String, String>, Error> {
    let doing = format!("read the tags of the instance profile {name}");
    let tags = paging::all(async |marker: Option<String>| {
        let list = aws.iam.list_instance_profile_tags().instance_profile_name(name);
        let page = list.set_marker(marker).send().await.explain(&doing)?;
        Ok(Page::new(page.tags, page.marker))
    });
    Ok(tags.await?.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

impl Resource for InstanceProfile {
    type Live = LivePair;
    type Place = Choice;
    type Step = PairStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.instance_profile.clone()
    }

    fn title(&self) -> String {
        self.preferred().title()
    }

    fn title_of(&self, seen: &Observed<LivePair, Choice>) -> String {
        match (seen, seen.live()) {
            (Observed::Absent(choice), _) => choice.title(),
            (_, Some((live, _))) => live.choice.title(),
            _ => self.title(),
        }
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![INSTANCE_PROFILE.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LivePair, Choice>, Error> {
        let live = self.find(cx).await?;
        if live.role.is_none() && live.profile.is_none() {
            return Ok(Observed::Absent(live.choice));
        }
        Ok(Observed::Present {
            owner: live.owner(),
            live,
        })
    }

    fn plan(&self, seen: &Observed<LivePair, Choice>, _: &Values) -> Plan<PairStep> {
        let mode = self.stack.profile.roles.mode;
        let Some((live, _)) = seen.live() else {
            return match mode {
                RolesMode::Existing => self.must_exist("does not exist"),
                RolesMode::Auto | RolesMode::Own => Plan::Create,
            };
        };
        if mode == RolesMode::Existing && live.owner() != Owner::Ours {
            let role = live.role.as_ref().filter(|_| live.is_linked());
            return match role.map(|role| role.can_do_it(&self.wanted)) {
                None => self.must_exist("has no role in it"),
                Some(Err(why)) => self.must_exist(&format!("has a role that {why}")),
                Some(Ok(())) => Plan::Use,
            };
        }
        let role = &live.choice.role;
        if mode == RolesMode::Own && live.owner() == Owner::Nobody {
            return blocked_by_owner(&format!("the role {role}"), &Owner::Nobody, "roles.instance");
        }
        if let Err(why) = live.usable(&self.wanted) {
            return Plan::blocked(
                format!("{role} {why}"),
                "use another name with --set roles.instance=NAME",
            );
        }
        match live.differences(&self.stack, &self.wanted) {
            steps if steps.is_empty() && live.owner() != Owner::Ours => Plan::Use,
            steps => Plan::of(steps),
        }
    }

    fn publish(&self, live: &LivePair, values: &mut Values) {
        if let Some(profile) = live.profile.as_ref().filter(|_| live.is_linked()) {
            values.set(&INSTANCE_PROFILE, profile.name.clone());
        }
    }

    fn foresee(&self, choice: &Choice, values: &mut Values) {
        values.set(&INSTANCE_PROFILE, choice.profile.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, choice: Choice) -> Result<LivePair, Failure> {
        let nothing = LivePair {
            choice: choice.clone(),
            role: None,
            profile: None,
        };
        let steps = nothing.differences(&self.stack, &self.wanted);
        self.converge(cx, choice, &steps).await
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LivePair, steps: Vec<PairStep>) -> Result<LivePair, Failure> {
        let mut choice = live.choice;
        // What counts is the role that is in the profile, whatever its name.
        if let Some(role) = live.role {
            choice.role = role.name;
        }
        self.converge(cx, choice, &steps).await
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LivePair) -> Result<(), Failure> {
        let LivePair { role, profile, .. } = live;
        let our_role = role.filter(|role| role.owner == Owner::Ours);
        if let Some(profile) = profile {
            let what = format!("role and instance profile {}", profile.name);
            let kept = |error: Error| Failure::from(error).leaving(what.clone(), false);
            self.wait_unused(cx, &profile).await.map_err(kept)?;
            if profile.owner != Owner::Ours {
                // Somebody put our role into a profile of theirs: taking it out would change what is not ours.
                let error = Error::new(
                    Kind::Kept,
                    format!("our role is in {}, an instance profile of somebody else", profile.name),
                )
                .hint(Hint::run(
                    Command::aws("iam remove-role-from-instance-profile --instance-profile-name")
                        .arg(&profile.name)
                        .arg("--role-name")
                        .arg(profile.role.as_deref().unwrap_or_default()),
                ));
                return Err(kept(error));
            }
            self.delete_profile(cx, &profile).await?;
        }
        match our_role {
            Some(role) => Ok(roles::delete(cx, &role.name).await?),
            None => Ok(()),
        }
    }
}
