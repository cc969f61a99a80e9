//! Auto Scaling groups: what they hold, how large they are to be, and what they did about it.
//! Must know nothing of wire formats; [`keeper`] brings a group to its desired capacity.

pub mod keeper;
pub mod policies;
pub mod scheduled;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::compute::InstanceSpec;
use super::{Item, Refusal, Tags, World, clock, ids};

#[derive(Debug, Default)]
pub struct Scaling {
    /// By name.
    pub groups: BTreeMap<String, Group>,
    /// By name.
    pub configurations: BTreeMap<String, LaunchConfiguration>,
    /// By ARN.
    pub policies: BTreeMap<String, Policy>,
    /// Oldest first.
    pub activities: Vec<Activity>,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub arn: String,
    pub name: String,
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    /// Seconds.
    pub cooldown: i32,
    pub subnets: Vec<String>,
    pub zones: Vec<String>,
    pub spec: InstanceSpec,
    pub launch: LaunchSource,
    /// By instance id.
    pub members: BTreeMap<String, Member>,
    /// ARNs.
    pub target_groups: Vec<String>,
    pub created: Timestamp,
    pub tags: Tags,
    /// Keys of tags that are the group's alone: all others are passed on to every instance.
    pub kept_tags: BTreeSet<String>,
    /// By name.
    pub scheduled: BTreeMap<String, scheduled::ScheduledAction>,
    /// `Launch`, `Terminate`, `ReplaceUnhealthy`, …
    pub suspended: BTreeSet<String>,
    pub on_launch: Option<OnLaunch>,
    /// Members that died and have no successor yet.
    to_replace: i32,
    /// Between two runs of simple policies.
    cooling: policies::Cooldown,
    /// Why the desired capacity last changed, in the words of an activity's cause.
    reason: String,
    /// After a launch that failed.
    not_before: Option<Timestamp>,
}

/// Whom a group tells of each instance that it launches, as user data would: the group does not know what it is for.
#[derive(Debug, Clone)]
pub struct OnLaunch {
    /// As the one who is told knows itself by.
    pub owner: String,
    /// Called with region, owner and instance id, while the world is locked.
    pub tell: fn(&Arc<World>, &str, &str, &str),
}

#[derive(Debug, Clone)]
pub struct LaunchConfiguration {
    pub arn: String,
    pub name: String,
    pub created: Timestamp,
    pub spec: InstanceSpec,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LaunchSource {
    /// Id, name and version.
    Template(String, String, usize),
    /// Name.
    Configuration(String),
}

#[derive(Debug, Clone)]
pub struct Member {
    pub instance_id: String,
    pub lifecycle: Lifecycle,
    pub zone: String,
    pub instance_type: String,
    pub source: LaunchSource,
    pub joined: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Pending,
    InService,
    Terminating,
}

impl Lifecycle {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
        }
    }
}

/// A policy of type SimpleScaling.
#[derive(Debug, Clone)]
pub struct Policy {
    pub arn: String,
    pub name: String,
    pub group: String,
    pub adjustment: policies::Adjustment,
}

#[derive(Debug, Clone)]
pub struct Activity {
    pub id: String,
    pub group: String,
    pub group_arn: String,
    pub description: String,
    pub cause: String,
    pub details: String,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// `InProgress`, `Successful`, `Failed`, `Cancelled`.
    pub status: &'static str,
    pub message: Option<String>,
}

/// What a new group is to be.
pub(crate) struct NewGroup {
    pub name: String,
    pub min: i32,
    pub max: i32,
    pub cooldown: i32,
    pub subnets: Vec<String>,
    pub zones: Vec<String>,
    pub spec: InstanceSpec,
    pub launch: LaunchSource,
    pub target_groups: Vec<String>,
    pub tags: Tags,
    pub on_launch: Option<OnLaunch>,
}

/// Sizes as UpdateAutoScalingGroup takes them.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sizes {
    pub min: Option<i32>,
    pub max: Option<i32>,
    pub desired: Option<i32>,
}

/// Who changes a group's sizes, in the words of an activity's cause (the second: repost.aws/knowledge-center/auto-scaling-scale-down).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    User,
    Schedule,
}

impl Who {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "a user request",
            Self::Schedule => "a scheduled action",
        }
    }
}

impl Group {
    /// Members that are or will be in service.
    pub(crate) fn serving(&self) -> impl Iterator<Item = &Member> {
        self.members
            .values()
            .filter(|member| member.lifecycle != Lifecycle::Terminating)
    }

    /// As UpdateAutoScalingGroup: the desired capacity follows the bounds, unless it is given.
    pub fn resize(&mut self, sizes: Sizes, who: Who, now: Timestamp) -> Result<(), Refusal> {
        let (min, max) = (sizes.min.unwrap_or(self.min), sizes.max.unwrap_or(self.max));
        if min > max {
            return Err(Refusal::new(
                "ValidationError",
                format!("Max bound, {max}, must be greater than or equal to min bound, {min}"),
            ));
        }
        let desired = match sizes.desired {
            Some(desired) if desired < min || desired > max => return Err(out_of_bounds(desired, min, max)),
            Some(desired) => desired,
            None => self.desired.clamp(min, max),
        };
        let cause = format!(
            "At {} {} update of AutoScalingGroup constraints to min: {min}, max: {max}, desired: {desired} changing the \
             desired capacity from {} to {desired}.",
            clock::seconds_text(now),
            who.as_str(),
            self.desired
        );
        (self.min, self.max) = (min, max);
        self.want(desired, cause);
        Ok(())
    }

    /// As SetDesiredCapacity.
    pub fn set_desired(&mut self, desired: i32, now: Timestamp) -> Result<(), Refusal> {
        if desired < self.min || desired > self.max {
            return Err(out_of_bounds(desired, self.min, self.max));
        }
        let cause = format!(
            "At {} a user request explicitly set group desired capacity changing the desired capacity from {} to {desired}.",
            clock::seconds_text(now),
            self.desired
        );
        self.want(desired, cause);
        Ok(())
    }

    /// As CreateOrUpdateTags, of one tag.
    pub fn tag(&mut self, key: &str, value: &str, passed_on: bool) {
        self.tags.insert(key.to_owned(), value.to_owned());
        match passed_on {
            true => self.kept_tags.remove(key),
            false => self.kept_tags.insert(key.to_owned()),
        };
    }

    /// As DeleteTags, of one tag.
    pub fn untag(&mut self, key: &str) {
        self.tags.remove(key);
        self.kept_tags.remove(key);
    }

    /// Changes the desired capacity for a reason that the next activities give.
    pub fn want(&mut self, desired: i32, reason: String) {
        if desired != self.desired {
            self.desired = desired;
            self.reason = reason;
        }
    }
}

fn out_of_bounds(desired: i32, min: i32, max: i32) -> Refusal {
    let (word, bound, side) = if desired > max {
        ("above", max, "max")
    } else {
        ("below", min, "min")
    };
    Refusal::new(
        "ValidationError",
        format!("New SetDesiredCapacity value {desired} is {word} {side} value {bound} for the AutoScalingGroup."),
    )
}

impl Scaling {
    pub(crate) fn create_configuration(
        &mut self,
        region: &str,
        account: &str,
        name: &str,
        spec: InstanceSpec,
        created: Timestamp,
    ) {
        let arn = format!(
            "arn:aws:autoscaling:{region}:{account}:launchConfiguration:{}:launchConfigurationName/{name}",
            ids::uuid()
        );
        let name = name.to_owned();
        let configuration = LaunchConfiguration {
            arn,
            name: name.clone(),
            created,
            spec,
        };
        self.configurations.insert(name, configuration);
    }

    pub(crate) fn create_group(&mut self, region: &str, account: &str, new: NewGroup, now: Timestamp) {
        let arn = format!(
            "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{}:autoScalingGroupName/{}",
            ids::uuid(),
            new.name
        );
        let reason = format!(
            "At {} a user request created an AutoScalingGroup changing the desired capacity from 0 to {}.",
            clock::seconds_text(now),
            new.min
        );
        let group = Group {
            arn,
            name: new.name.clone(),
            min: new.min,
            max: new.max,
            desired: new.min,
            cooldown: new.cooldown,
            subnets: new.subnets,
            zones: new.zones,
            spec: new.spec,
            launch: new.launch,
            members: BTreeMap::new(),
            target_groups: new.target_groups,
            created: now,
            tags: new.tags,
            kept_tags: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            suspended: BTreeSet::new(),
            on_launch: new.on_launch,
            to_replace: 0,
            cooling: policies::Cooldown::None,
            reason,
            not_before: None,
        };
        self.groups.insert(new.name, group);
    }

    /// The ARN of a group's policy of that name, or whose ARN that is.
    ///
    /// # Errors
    /// `ValidationError` where there is none.
    pub fn policy_arn(&self, group: Option<&str>, policy: &str) -> Result<String, Refusal> {
        let meant = |it: &&Policy| {
            let of_group = group.is_none_or(|name| name == it.group);
            of_group && (it.arn == policy || group.is_some() && it.name == policy)
        };
        let found = self.policies.values().find(meant).map(|it| it.arn.clone());
        found.ok_or_else(|| policies::unknown(policy))
    }

    pub fn create_policy(
        &mut self,
        region: &str,
        account: &str,
        group: &str,
        name: &str,
        adjustment: policies::Adjustment,
    ) -> String {
        let arn = format!(
            "arn:aws:autoscaling:{region}:{account}:scalingPolicy:{}:autoScalingGroupName/{group}:policyName/{name}",
            ids::uuid()
        );
        self.policies.insert(
            arn.clone(),
            Policy {
                arn: arn.clone(),
                name: name.to_owned(),
                group: group.to_owned(),
                adjustment,
            },
        );
        arn
    }

    pub fn group_mut(&mut self, name: &str) -> Result<&mut Group, Refusal> {
        self.groups.get_mut(name).ok_or_else(|| {
            Refusal::new(
                "ValidationError",
                format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"),
            )
        })
    }

    /// The group that an instance is a member of.
    pub fn group_of(&self, instance_id: &str) -> Option<&Group> {
        self.groups
            .values()
            .find(|group| group.members.contains_key(instance_id))
    }

    /// Whether an activity of the group goes on.
    fn is_scaling(&self, group: &str) -> bool {
        let mut activities = self.activities.iter();
        activities.any(|activity| activity.group == group && activity.ended.is_none())
    }

    fn begin(
        &mut self,
        group: &str,
        description: String,
        cause: String,
        (subnet, zone): (&str, &str),
        now: Timestamp,
    ) -> String {
        let id = ids::uuid();
        let group_arn = self
            .groups
            .get(group)
            .map(|group| group.arn.clone())
            .unwrap_or_default();
        self.activities.push(Activity {
            id: id.clone(),
            group: group.to_owned(),
            group_arn,
            description,
            cause,
            details: format!("{{\"Subnet ID\":\"{subnet}\",\"Availability Zone\":\"{zone}\"}}"),
            started: now,
            ended: None,
            status: "InProgress",
            message: None,
        });
        id
    }

    fn end(&mut self, id: &str, status: &'static str, message: Option<String>, now: Timestamp) {
        if let Some(activity) = self.activities.iter_mut().find(|activity| activity.id == id) {
            activity.status = status;
            activity.message = message;
            activity.ended = Some(now);
        }
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("autoscaling", region);
        let mut items: Vec<_> = self
            .groups
            .values()
            .map(|it| item("auto-scaling-group", &it.arn, &it.name, &it.tags))
            .collect();
        let scheduled = self.groups.values().flat_map(|it| it.scheduled.values());
        items.extend(scheduled.map(|it| item("scheduled-action", &it.arn, &it.name, &Tags::new())));
        items.extend(
            self.configurations
                .values()
                .map(|it| item("launch-configuration", &it.arn, &it.name, &Tags::new())),
        );
        items.extend(
            self.policies
                .values()
                .map(|it| item("scaling-policy", &it.arn, &it.name, &Tags::new())),
        );
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        scaling().groups.remove("g").unwrap()
    }

    pub(super) fn scaling() -> Scaling {
        let mut scaling = Scaling::default();
        let new = NewGroup {
            name: "g".to_owned(),
            min: 2,
            max: 4,
            cooldown: 360,
            subnets: Vec::new(),
            zones: Vec::new(),
            spec: InstanceSpec::default(),
            launch: LaunchSource::Configuration("c".to_owned()),
            target_groups: Vec::new(),
            tags: Tags::new(),
            on_launch: None,
        };
        scaling.create_group("us-east-1", "000000000000", new, Timestamp::UNIX_EPOCH);
        scaling
    }

    #[test]
    fn the_desired_capacity_follows_new_bounds_and_cannot_be_set_out_of_them() {
        let mut group = group();
        let sizes = Sizes {
            min: Some(3),
            ..Sizes::default()
        };
        group.resize(sizes, Who::User, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(group.desired, 3);
        let refused = group.set_desired(5, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(refused.message.contains("above max value 4"), "{}", refused.message);
        assert_eq!(group.desired, 3);
    }
}
