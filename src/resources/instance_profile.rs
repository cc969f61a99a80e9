//! The instances' role, the instance profile, and the link between them: three things, each with its own owner.
//! Must know nothing of the environment that uses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::types::IamInstanceProfileAssociationState;

use super::instance_policies::wanted;
use super::outputs::INSTANCE_PROFILE;
use super::role_facts;
use super::roles::{self, LiveRole, WantedRole, blocked_by_owner};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::paging::{self, Page};
use crate::aws::presence::settled;
use crate::aws::tags::{self, settled_owner};
use crate::aws::{Aws, Ownership};
use crate::engine::{
    Change, Command, Error, Failure, FieldChange, Hint, Kind, Limits, Observed, Owner, Poll, ReadCx, Resource,
    ResourceId, Values, Wait, WriteCx,
};
use crate::profile::RolesMode;

pub(super) const ID: ResourceId = "instance-profile";
const LIMITS: Limits = Limits::minutes(2, 5);
/// Nothing tells when IAM has spread a new profile to EC2; 5 s cured it for hashicorp/packer#9810, AWS says 10 to 15.
const SPREADING: Duration = Duration::from_secs(10);

pub(super) struct InstanceProfile {
    stack: Arc<Stack>,
    wanted: WantedRole,
    /// The names that were chosen when the account was last looked at, and why not the preferred ones.
    chosen: Mutex<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
struct Choice {
    role: String,
    profile: String,
    instead: Option<String>,
}

/// What exists of role and profile under one choice of names.
#[derive(Clone, Debug)]
pub(super) struct LivePair {
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

    fn differences(&self, wanted: &WantedRole, choice: &Choice) -> Vec<FieldChange> {
        let mut fields = Vec::new();
        match &self.role {
            None => fields.push(FieldChange::new("role", None, choice.role.clone())),
            Some(role) if role.owner == Owner::Ours => fields.extend(role.differences(wanted)),
            Some(_) => {}
        }
        if self.profile.is_none() {
            fields.push(FieldChange::new("instance profile", None, choice.profile.clone()));
        }
        if !self.is_linked() {
            fields.push(FieldChange::new(
                "role of the instance profile",
                None,
                choice.role.clone(),
            ));
        }
        fields
    }
}

impl InstanceProfile {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        let chosen = Choice {
            role: stack.names.instance_role.clone(),
            profile: stack.names.instance_profile.clone(),
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

    fn choose(&self, choice: Choice) {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = choice;
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
        let owner = settled_owner(cx, &self.stack.ownership, ID, name, || profile_tags(cx.aws(), name)).await;
        let owner = match owner {
            // It is being deleted: IAM's reads do not agree for a while, longer than the engine's second look takes.
            Err(error) if error.is_code("NoSuchEntity") => return Ok(None),
            owner => owner?,
        };
        Ok(Some(LiveProfile {
            name: profile.instance_profile_name,
            arn: profile.arn,
            owner,
            role: profile.roles.into_iter().next().map(|role| role.role_name),
        }))
    }

    /// What exists under these names. What counts is the role that is in the profile, whatever its name.
    async fn pair(&self, cx: &ReadCx<Aws>, role: &str, profile: &str) -> Result<LivePair, Error> {
        let profile = self.profile(cx, profile).await?;
        let linked = profile.as_ref().and_then(|profile| profile.role.clone());
        let role = role_facts::read(cx, &self.stack, &self.wanted, linked.as_deref().unwrap_or(role)).await?;
        Ok(LivePair { role, profile })
    }

    /// The preferred names where they are free, ours or able; else our own beside them, which stay in use once they exist.
    async fn find(&self, cx: &ReadCx<Aws>) -> Result<LivePair, Error> {
        let names = &self.stack.names;
        let preferred = self.pair(cx, &names.instance_role, &names.instance_profile).await?;
        let choice = self.preferred();
        if self.stack.profile.roles.mode != RolesMode::Auto || names.own_instance_profile == names.instance_profile {
            self.choose(choice);
            return Ok(preferred);
        }
        let own = self
            .pair(cx, &names.own_instance_role, &names.own_instance_profile)
            .await?;
        let own_is_in_use = own.owner() == Owner::Ours;
        let mut why = preferred.usable(&self.wanted).err();
        if own_is_in_use && preferred.role.is_none() && preferred.profile.is_none() {
            why = Some("was taken when this was made".to_owned());
        }
        if own_is_in_use || why.is_some() {
            self.choose(Choice {
                role: names.own_instance_role.clone(),
                profile: names.own_instance_profile.clone(),
                instead: why.map(|why| format!("{} {why}", names.instance_role)),
            });
            return Ok(own);
        }
        self.choose(choice);
        Ok(preferred)
    }

    /// Makes what is missing; gives whether anything was made that has to spread.
    async fn converge(&self, cx: &WriteCx<Aws>, live: &LivePair) -> Result<bool, Error> {
        let choice = self.choice();
        let role = live.role.as_ref();
        if role.is_none_or(|role| role.owner == Owner::Ours) {
            let name = role.map_or(&choice.role, |role| &role.name);
            roles::converge(cx, &self.stack, &self.wanted, name, role).await?;
        }
        if live.profile.is_none() {
            self.create_profile(cx, &choice.profile).await?;
        }
        if !live.is_linked() {
            let (role, profile) = (role.map_or(&choice.role, |role| &role.name), &choice.profile);
            roles::once_visible(
                cx,
                &format!("put the role {role} into its profile"),
                |doing| async move {
                    let add = cx.aws().iam.add_role_to_instance_profile().role_name(role);
                    let added = add.instance_profile_name(profile).send().await;
                    // One role a profile: LimitExceeded means that an earlier try, its answer lost, has put it there.
                    added.or_absent(&["LimitExceeded"], &doing).map(drop)
                },
            )
            .await?;
        }
        Ok(!live.is_linked())
    }

    async fn create_profile(&self, cx: &WriteCx<Aws>, name: &str) -> Result<(), Error> {
        let create = cx.aws().iam.create_instance_profile().instance_profile_name(name);
        let create = create.set_tags(Some(roles::iam_tags(&self.stack.ownership, ID)?));
        cx.intend(tags::CREATED, name).await?;
        cx.check()?;
        let doing = format!("create the instance profile {name}");
        let created = create.send().await.or_absent(&["EntityAlreadyExists"], &doing)?;
        if created.is_none() && !is_ours(&self.stack.ownership, &profile_tags(cx.read().aws(), name).await?) {
            let taken = format!("somebody else made the instance profile {name} a moment ago");
            return Err(Error::refused(taken).hint(Hint::run("up")));
        }
        Ok(())
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
    fn must_exist(&self, why: &str) -> Change {
        Change::Blocked {
            reason: format!(
                "the instance profile {} {why}, and roles.mode is existing",
                self.choice().profile
            ),
            hint: "name one with --set roles.instance=NAME, or let confctl make one with --set roles.mode=auto".into(),
        }
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

fn is_ours(ownership: &Ownership, tags: &BTreeMap<String, String>) -> bool {
    let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    ownership.owner(pairs) == Owner::Ours
}

impl Resource for InstanceProfile {
    type Live = LivePair;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn title(&self) -> String {
        let choice = self.choice();
        match choice.instead {
            Some(why) => format!("instance profile {} ({why})", choice.profile),
            None => format!("instance profile {}", choice.profile),
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

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LivePair>, Error> {
        let live = self.find(cx).await?;
        if live.role.is_none() && live.profile.is_none() {
            return Ok(Observed::Absent);
        }
        Ok(Observed::Present {
            owner: live.owner(),
            live,
        })
    }

    fn plan(&self, seen: &Observed<LivePair>, _: &Values) -> Change {
        let (mode, choice) = (self.stack.profile.roles.mode, self.choice());
        let live = seen.live().map(|(live, _)| live);
        let Some(live) = live else {
            return match mode {
                RolesMode::Existing => self.must_exist("does not exist"),
                RolesMode::Auto | RolesMode::Own => Change::Create,
            };
        };
        if mode == RolesMode::Existing && live.owner() != Owner::Ours {
            let role = live.role.as_ref().filter(|_| live.is_linked());
            return match role.map(|role| role.can_do_it(&self.wanted)) {
                None => self.must_exist("has no role in it"),
                Some(Err(why)) => self.must_exist(&format!("has a role that {why}")),
                Some(Ok(())) => Change::Adopt,
            };
        }
        if mode == RolesMode::Own && live.owner() == Owner::Nobody {
            return blocked_by_owner(&format!("the role {}", choice.role), &Owner::Nobody, "roles.instance");
        }
        if let Err(why) = live.usable(&self.wanted) {
            return Change::Blocked {
                reason: format!("{} {why}", choice.role),
                hint: "use another name with --set roles.instance=NAME".into(),
            };
        }
        match live.differences(&self.wanted, &choice) {
            fields if !fields.is_empty() => Change::Update { fields },
            _ if live.owner() == Owner::Ours => Change::Keep,
            _ => Change::Adopt,
        }
    }

    fn publish(&self, live: &LivePair, values: &mut Values) {
        if let Some(profile) = live.profile.as_ref().filter(|_| live.is_linked()) {
            values.set(&INSTANCE_PROFILE, profile.name.clone());
        }
    }

    async fn apply(&self, cx: &WriteCx<Aws>, seen: Observed<LivePair>, _: &Change) -> Result<LivePair, Failure> {
        let choice = self.choice();
        let nothing = LivePair {
            role: None,
            profile: None,
        };
        let live = seen.live().map_or(&nothing, |(live, _)| live);
        let left = format!("role and instance profile {}, as far as they were made", choice.role);
        let partly = |error: Error| Failure::from(error).leaving(left.clone(), false);
        let must_spread = self.converge(cx, live).await.map_err(partly)?;
        let what = format!("the instance profile {} to show its role", choice.profile);
        let wait = Wait::new(what, 2, LIMITS).good_reads(3);
        let pair = cx.wait(&wait, || async {
            let pair = self.pair(cx.read(), &choice.role, &choice.profile).await;
            polled(pair.map(|pair| {
                // Until it is ready, its ARN may not be one (hashicorp/terraform-provider-aws, instance_profile.go).
                let has_arn = pair
                    .profile
                    .as_ref()
                    .is_some_and(|profile| profile.arn.starts_with("arn:"));
                match has_arn && pair.differences(&self.wanted, &choice).is_empty() {
                    true => Poll::Ready(pair),
                    false => Poll::NotYet("IAM does not show it everywhere yet".to_owned()),
                }
            }))
        });
        let pair = pair.await.map_err(partly)?;
        if must_spread {
            cx.step("giving IAM time to spread it");
            cx.pause(SPREADING).await?;
        }
        Ok(pair)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LivePair) -> Result<(), Failure> {
        let LivePair { role, profile } = live;
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
