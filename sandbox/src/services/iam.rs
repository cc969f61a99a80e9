//! IAM: roles, instance profiles, policies and what they allow.

mod instance_profiles;
mod managed_policies;
mod role_policies;
mod roles;
mod simulator;

use std::sync::Arc;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use winterbaume_iam::wire::{Tag, tagListType};

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::iam::{self, Iam};
use crate::world::{Refusal, Tags, World};

const OPERATIONS: &[Entry] = &[
    operation(
        "AddRoleToInstanceProfile",
        &["InstanceProfileName", "RoleName"],
        |world, call| hang(world, call, instance_profiles::add_role),
    ),
    operation("AttachRolePolicy", &["RoleName", "PolicyArn"], |world, call| {
        hang(world, call, role_policies::attach)
    }),
    operation(
        "CreateInstanceProfile",
        &["InstanceProfileName", "Path", "Tags{Key,Value}"],
        instance_profiles::create,
    ),
    operation(
        "CreateRole",
        &[
            "RoleName",
            "Path",
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "PermissionsBoundary",
            "Tags{Key,Value}",
        ],
        roles::create,
    ),
    operation(
        "CreateServiceLinkedRole",
        &["AWSServiceName", "Description"],
        roles::create_linked,
    ),
    operation("DeleteInstanceProfile", &["InstanceProfileName"], |world, call| {
        change(world, call, instance_profiles::delete)
    }),
    operation("DeleteRole", &["RoleName"], |world, call| {
        change(world, call, roles::delete)
    }),
    operation("DeleteRolePermissionsBoundary", &["RoleName"], |world, call| {
        change(world, call, roles::delete_boundary)
    }),
    operation("DeleteRolePolicy", &["RoleName", "PolicyName"], |world, call| {
        change(world, call, role_policies::delete)
    }),
    operation("DetachRolePolicy", &["RoleName", "PolicyArn"], |world, call| {
        change(world, call, role_policies::detach)
    }),
    operation("GetInstanceProfile", &["InstanceProfileName"], |world, call| {
        read(world, call, instance_profiles::get)
    }),
    operation("GetPolicy", &["PolicyArn"], |world, call| {
        read(world, call, managed_policies::get)
    }),
    operation("GetPolicyVersion", &["PolicyArn", "VersionId"], |world, call| {
        read(world, call, managed_policies::get_version)
    }),
    operation("GetRole", &["RoleName"], |world, call| read(world, call, roles::get)),
    operation("GetRolePolicy", &["RoleName", "PolicyName"], |world, call| {
        read(world, call, role_policies::get)
    }),
    operation(
        "ListAttachedRolePolicies",
        &["RoleName", "PathPrefix", "MaxItems", "Marker"],
        |world, call| read(world, call, role_policies::list_attached),
    ),
    operation("ListEntitiesForPolicy", &["PolicyArn"], |world, call| {
        read(world, call, managed_policies::list_entities)
    }),
    operation("ListInstanceProfileTags", &["InstanceProfileName"], |world, call| {
        read(world, call, instance_profiles::list_tags)
    }),
    operation(
        "ListInstanceProfiles",
        &["PathPrefix", "MaxItems", "Marker"],
        |world, call| read(world, call, instance_profiles::list),
    ),
    operation(
        "ListInstanceProfilesForRole",
        &["RoleName", "MaxItems", "Marker"],
        |world, call| read(world, call, instance_profiles::list_for_role),
    ),
    operation(
        "ListRolePolicies",
        &["RoleName", "MaxItems", "Marker"],
        |world, call| read(world, call, role_policies::list),
    ),
    operation("ListRoleTags", &["RoleName"], |world, call| {
        read(world, call, roles::list_tags)
    }),
    operation(
        "ListPolicies",
        &[
            "Scope",
            "OnlyAttached",
            "PathPrefix",
            "PolicyUsageFilter",
            "MaxItems",
            "Marker",
        ],
        |world, call| read(world, call, managed_policies::list),
    ),
    operation("ListRoles", &["PathPrefix", "MaxItems", "Marker"], |world, call| {
        read(world, call, roles::list)
    }),
    operation(
        "PutRolePermissionsBoundary",
        &["RoleName", "PermissionsBoundary"],
        |world, call| hang(world, call, roles::put_boundary),
    ),
    operation(
        "PutRolePolicy",
        &["RoleName", "PolicyName", "PolicyDocument"],
        |world, call| hang(world, call, role_policies::put),
    ),
    operation(
        "RemoveRoleFromInstanceProfile",
        &["InstanceProfileName", "RoleName"],
        |world, call| change(world, call, instance_profiles::remove_role),
    ),
    operation(
        "SimulatePrincipalPolicy",
        &[
            "PolicySourceArn",
            "ActionNames",
            "ResourceArns",
            "ContextEntries{ContextKeyName,ContextKeyValues,ContextKeyType~}",
        ],
        |world, call| read(world, call, simulator::simulate),
    ),
    operation(
        "TagInstanceProfile",
        &["InstanceProfileName", "Tags{Key,Value}"],
        |world, call| change(world, call, instance_profiles::tag),
    ),
    operation("TagRole", &["RoleName", "Tags{Key,Value}"], |world, call| {
        change(world, call, roles::tag)
    }),
    operation(
        "UntagInstanceProfile",
        &["InstanceProfileName", "TagKeys"],
        |world, call| change(world, call, instance_profiles::untag),
    ),
    operation("UntagRole", &["RoleName", "TagKeys"], |world, call| {
        change(world, call, roles::untag)
    }),
    operation(
        "UpdateAssumeRolePolicy",
        &["RoleName", "PolicyDocument"],
        |world, call| change(world, call, roles::update_trust),
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "iam",
    title: "IAM",
    operations: OPERATIONS,
    refuses: Some(check_names),
};

/// Reads IAM as its readers see it.
fn read(
    world: &World,
    call: &Call,
    answer: fn(&Iam, &Call, Timestamp) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let now = world.clock.now();
    let state = world.lock();
    answer(state.iam.seen(state.as_of(now)), call, now)
}

fn change(
    world: &World,
    call: &Call,
    answer: fn(&mut Iam, &Call, Timestamp) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    answer(&mut world.lock().iam, call, world.clock.now())
}

/// Changes what hangs on a role. It is refused where the role does not show yet: "The role with name … cannot be found" right
/// after its creation is retried by everybody (hashicorp/terraform-provider-aws, internal/service/iam/instance_profile.go).
fn hang(
    world: &World,
    call: &Call,
    answer: fn(&mut Iam, &Call, Timestamp) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let name = call.parameters().remove("RoleName").unwrap_or_default();
    {
        let state = world.lock();
        state.iam.seen(state.as_of(world.clock.now())).existing_role(&name)?;
    }
    change(world, call, answer)
}

/// An ARN or a path is no name, also where nothing is made: AttachRolePolicy refuses the ARN of a role that there is
/// (github.com/shashankprasanna/torchserve-examples/issues/7). Beanstalk's options take them (Beanstalk guide:
/// command-options-general).
fn check_names(_: &Arc<World>, call: &Call) -> Result<(), Refusal> {
    let sent = call.parameters();
    let check = |parameter: &str, member: &str, longest: usize| {
        let name = sent.get(parameter);
        name.map_or(Ok(()), |name| iam::check_name(member, name, longest))
    };
    check("RoleName", "roleName", 64)?;
    check("InstanceProfileName", "instanceProfileName", 128)
}

/// Part of a list, and the marker of the next part.
struct Page<T> {
    items: Vec<T>,
    marker: Option<String>,
}

fn page<T>(all: Vec<T>, marker: Option<&str>, max: Option<i32>) -> Result<Page<T>, Refusal> {
    let start: usize = match marker {
        Some(marker) => marker
            .parse()
            .map_err(|_| Refusal::new("ValidationError", format!("Invalid Marker: {marker}")))?,
        None => 0,
    };
    let size = max.map_or(100, |max| max.clamp(1, 1000) as usize);
    let marker = (start.saturating_add(size) < all.len()).then(|| (start + size).to_string());
    Ok(Page {
        items: all.into_iter().skip(start).take(size).collect(),
        marker,
    })
}

/// RFC 3986's unreserved characters stay.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// IAM returns documents percent-encoded.
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, DOCUMENT).to_string()
}

fn tags_in(tags: Option<tagListType>) -> Tags {
    let items = tags.map(|list| list.items).unwrap_or_default();
    items.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn tags_out(tags: &Tags) -> Option<tagListType> {
    let items = tags.iter().map(|(key, value)| Tag {
        key: key.clone(),
        value: value.clone(),
    });
    Some(tagListType { items: items.collect() })
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
