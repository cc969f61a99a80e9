//! IAM: roles, instance profiles, policies and what they allow.

mod simulator;

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use winterbaume_iam::wire::{self, *};

use super::{Operation, Service, not_implemented, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::iam::{self, Iam, NewRole, documents, managed};
use crate::world::{Refusal, State, Tags, World};

const OPERATIONS: &[Operation] = &[
    operation("AddRoleToInstanceProfile", &["InstanceProfileName", "RoleName"]),
    operation("AttachRolePolicy", &["RoleName", "PolicyArn"]),
    operation(
        "CreateInstanceProfile",
        &["InstanceProfileName", "Path", "Tags{Key,Value}"],
    ),
    operation(
        "CreateRole",
        &[
            "RoleName",
            "Path",
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "Tags{Key,Value}",
        ],
    ),
    operation("CreateServiceLinkedRole", &["AWSServiceName", "Description"]),
    operation("DeleteInstanceProfile", &["InstanceProfileName"]),
    operation("DeleteRole", &["RoleName"]),
    operation("DeleteRolePolicy", &["RoleName", "PolicyName"]),
    operation("DetachRolePolicy", &["RoleName", "PolicyArn"]),
    operation("GetInstanceProfile", &["InstanceProfileName"]),
    operation("GetPolicy", &["PolicyArn"]),
    operation("GetPolicyVersion", &["PolicyArn", "VersionId"]),
    operation("GetRole", &["RoleName"]),
    operation("GetRolePolicy", &["RoleName", "PolicyName"]),
    operation(
        "ListAttachedRolePolicies",
        &["RoleName", "PathPrefix", "MaxItems", "Marker"],
    ),
    operation("ListEntitiesForPolicy", &["PolicyArn"]),
    operation("ListInstanceProfileTags", &["InstanceProfileName"]),
    operation("ListInstanceProfiles", &["PathPrefix", "MaxItems", "Marker"]),
    operation("ListInstanceProfilesForRole", &["RoleName", "MaxItems", "Marker"]),
    operation("ListRolePolicies", &["RoleName", "MaxItems", "Marker"]),
    operation("ListRoleTags", &["RoleName"]),
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
    ),
    operation("ListRoles", &["PathPrefix", "MaxItems", "Marker"]),
    operation("PutRolePolicy", &["RoleName", "PolicyName", "PolicyDocument"]),
    operation("RemoveRoleFromInstanceProfile", &["InstanceProfileName", "RoleName"]),
    operation(
        "SimulatePrincipalPolicy",
        &[
            "PolicySourceArn",
            "ActionNames",
            "ResourceArns",
            "ContextEntries{ContextKeyName,ContextKeyValues,ContextKeyType~}",
        ],
    ),
    operation("TagInstanceProfile", &["InstanceProfileName", "Tags{Key,Value}"]),
    operation("TagRole", &["RoleName", "Tags{Key,Value}"]),
    operation("UntagInstanceProfile", &["InstanceProfileName", "TagKeys"]),
    operation("UntagRole", &["RoleName", "TagKeys"]),
    operation("UpdateAssumeRolePolicy", &["RoleName", "PolicyDocument"]),
];

pub(crate) const SERVICE: Service = Service {
    scope: "iam",
    title: "IAM",
    operations: OPERATIONS,
    run,
};

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    check_names(call)?;
    let now = world.clock.now();
    let mut state = world.lock();
    let as_of = state.as_of(now);
    match call.operation.as_str() {
        "CreateRole" => return create_role(&mut state, call, now),
        "CreateServiceLinkedRole" => return create_linked_role(&mut state, call, now),
        "CreateInstanceProfile" => return create_instance_profile(&mut state, call, now),
        "AddRoleToInstanceProfile" | "AttachRolePolicy" | "PutRolePolicy" => must_show(state.iam.seen(as_of), call)?,
        _ => {}
    }
    let iam = if super::is_read(&call.operation) {
        state.iam.seen_mut(as_of)
    } else {
        &mut *state.iam
    };
    match call.operation.as_str() {
        "DeleteRole" | "GetRole" | "UpdateAssumeRolePolicy" | "ListRoles" => roles(iam, call, now),
        "SimulatePrincipalPolicy" => simulator::simulate(iam, call),
        "ListPolicies" => list_policies(iam, call),
        "GetPolicy" | "GetPolicyVersion" | "ListEntitiesForPolicy" => managed_policies(iam, call),
        name if name.contains("Tag") || name.starts_with("Untag") => tags(iam, call),
        name if name.contains("InstanceProfile") => instance_profiles(iam, call, now),
        _ => role_policies(iam, call, now),
    }
}

/// An ARN or a path is no name, also where nothing is made: AttachRolePolicy refuses the ARN of a role that there is
/// (github.com/shashankprasanna/torchserve-examples/issues/7). Beanstalk's options take them (Beanstalk guide:
/// command-options-general).
fn check_names(call: &Call) -> Result<(), Refusal> {
    let sent = call.parameters();
    let check = |parameter: &str, member: &str, longest: usize| {
        let name = sent.get(parameter);
        name.map_or(Ok(()), |name| iam::check_name(member, name, longest))
    };
    check("RoleName", "roleName", 64)?;
    check("InstanceProfileName", "instanceProfileName", 128)
}

/// What hangs something on a role is refused where the role does not show yet: "The role with name … cannot be found" right
/// after its creation is retried by everybody (hashicorp/terraform-provider-aws, internal/service/iam/instance_profile.go).
fn must_show(seen: &Iam, call: &Call) -> Result<(), Refusal> {
    let name = call.parameters().remove("RoleName").unwrap_or_default();
    match seen.role(&name) {
        Some(_) => Ok(()),
        None => Err(iam::no_role(&name)),
    }
}

fn create_role(state: &mut State, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let request: CreateRoleRequest = call.query()?;
    let new = NewRole {
        name: request.role_name,
        path: request.path,
        trust: request.assume_role_policy_document,
        description: request.description,
        max_session_duration: request.max_session_duration,
        tags: tags_in(request.tags),
    };
    let account = state.account.clone();
    // The answer of the creation says less than that of GetRole: no MaxSessionDuration, no RoleLastUsed.
    let role = Role {
        max_session_duration: None,
        ..role_out(state.iam.create_role(&account, now, new)?)
    };
    Ok(wire::serialize_create_role_response(&CreateRoleResponse { role: Some(role) }).into())
}

fn create_linked_role(state: &mut State, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let request: CreateServiceLinkedRoleRequest = call.query()?;
    let account = state.account.clone();
    let (service, description) = (&request.a_w_s_service_name, request.description);
    let role = role_out(state.iam.create_linked_role(&account, now, service, description)?);
    Ok(
        wire::serialize_create_service_linked_role_response(&CreateServiceLinkedRoleResponse { role: Some(role) })
            .into(),
    )
}

fn roles(iam: &mut Iam, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let answer = match call.operation.as_str() {
        "GetRole" => {
            let request: GetRoleRequest = call.query()?;
            let role = iam.role_mut(&request.role_name)?;
            let used = role.last_used(now).cloned();
            let role = Role {
                // Always there, and empty where the role was never used.
                role_last_used: Some(used.map_or_else(RoleLastUsed::default, |(date, region)| RoleLastUsed {
                    last_used_date: Some(time(date)),
                    region: Some(region),
                })),
                ..role_out(role)
            };
            wire::serialize_get_role_response(&GetRoleResponse { role: Some(role) })
        }
        "DeleteRole" => {
            let request: DeleteRoleRequest = call.query()?;
            iam.delete_role(&request.role_name, now)?;
            wire::serialize_delete_role_response()
        }
        "UpdateAssumeRolePolicy" => {
            let request: UpdateAssumeRolePolicyRequest = call.query()?;
            documents::check_trust(&request.policy_document)?;
            iam.role_mut(&request.role_name)?.trust = request.policy_document;
            wire::serialize_update_assume_role_policy_response()
        }
        _ => {
            let request: ListRolesRequest = call.query()?;
            let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
            let found = iam
                .roles()
                .filter(|role| role.path.starts_with(&prefix))
                .map(|role| Role {
                    // ListRoles leaves tags out.
                    tags: None,
                    ..role_out(role)
                });
            let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
            wire::serialize_list_roles_response(&ListRolesResponse {
                roles: Some(roleListType { items: page.items }),
                is_truncated: Some(page.marker.is_some()),
                marker: page.marker,
            })
        }
    };
    Ok(answer.into())
}

fn role_policies(iam: &mut Iam, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let answer = match call.operation.as_str() {
        "AttachRolePolicy" => {
            let request: AttachRolePolicyRequest = call.query()?;
            iam.attach(&request.role_name, &request.policy_arn)?;
            wire::serialize_attach_role_policy_response()
        }
        "DetachRolePolicy" => {
            let request: DetachRolePolicyRequest = call.query()?;
            iam.detach(&request.role_name, &request.policy_arn, now)?;
            wire::serialize_detach_role_policy_response()
        }
        "PutRolePolicy" => {
            let request: PutRolePolicyRequest = call.query()?;
            iam.put_inline(&request.role_name, &request.policy_name, &request.policy_document)?;
            wire::serialize_put_role_policy_response()
        }
        "DeleteRolePolicy" => {
            let request: DeleteRolePolicyRequest = call.query()?;
            iam.delete_inline(&request.role_name, &request.policy_name, now)?;
            wire::serialize_delete_role_policy_response()
        }
        "GetRolePolicy" => {
            let request: GetRolePolicyRequest = call.query()?;
            let role = iam.role_mut(&request.role_name)?;
            let document = role
                .inline
                .get(&request.policy_name)
                .ok_or_else(|| iam::no_inline(&request.policy_name))?;
            wire::serialize_get_role_policy_response(&GetRolePolicyResponse {
                role_name: Some(role.name.clone()),
                policy_document: Some(encoded(document)),
                policy_name: Some(request.policy_name),
            })
        }
        "ListRolePolicies" => {
            let request: ListRolePoliciesRequest = call.query()?;
            let names = iam.role_mut(&request.role_name)?.inline.keys().cloned().collect();
            let page = page(names, request.marker.as_deref(), request.max_items)?;
            wire::serialize_list_role_policies_response(&ListRolePoliciesResponse {
                policy_names: Some(policyNameListType { items: page.items }),
                is_truncated: Some(page.marker.is_some()),
                marker: page.marker,
            })
        }
        "ListAttachedRolePolicies" => {
            let request: ListAttachedRolePoliciesRequest = call.query()?;
            let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
            let attached = iam.role_mut(&request.role_name)?.attached.iter();
            let policies = attached
                .filter_map(|arn| managed::find(arn))
                .filter(|policy| policy.path.starts_with(&prefix));
            let policies = policies.map(|policy| AttachedPolicy {
                policy_arn: Some(policy.arn()),
                policy_name: Some(policy.name.to_owned()),
            });
            let page = page(policies.collect(), request.marker.as_deref(), request.max_items)?;
            wire::serialize_list_attached_role_policies_response(&ListAttachedRolePoliciesResponse {
                attached_policies: Some(attachedPoliciesListType { items: page.items }),
                is_truncated: Some(page.marker.is_some()),
                marker: page.marker,
            })
        }
        other => return Err(not_implemented(other)),
    };
    Ok(answer.into())
}

fn create_instance_profile(state: &mut State, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let request: CreateInstanceProfileRequest = call.query()?;
    let account = state.account.clone();
    let tags = tags_in(request.tags);
    let name = &request.instance_profile_name;
    let profile = state
        .iam
        .create_instance_profile(&account, now, name, request.path, tags)?
        .clone();
    let instance_profile = Some(profile_out(&state.iam, &profile));
    Ok(wire::serialize_create_instance_profile_response(&CreateInstanceProfileResponse { instance_profile }).into())
}

fn instance_profiles(iam: &mut Iam, call: &Call, now: jiff::Timestamp) -> Result<Answer, Refusal> {
    let answer = match call.operation.as_str() {
        "AddRoleToInstanceProfile" => {
            let request: AddRoleToInstanceProfileRequest = call.query()?;
            iam.add_role(&request.instance_profile_name, &request.role_name)?;
            wire::serialize_add_role_to_instance_profile_response()
        }
        "RemoveRoleFromInstanceProfile" => {
            let request: RemoveRoleFromInstanceProfileRequest = call.query()?;
            iam.remove_role(&request.instance_profile_name, &request.role_name, now)?;
            wire::serialize_remove_role_from_instance_profile_response()
        }
        "DeleteInstanceProfile" => {
            let request: DeleteInstanceProfileRequest = call.query()?;
            iam.delete_instance_profile(&request.instance_profile_name, now)?;
            wire::serialize_delete_instance_profile_response()
        }
        "GetInstanceProfile" => {
            let request: GetInstanceProfileRequest = call.query()?;
            let profile = iam.instance_profile_mut(&request.instance_profile_name)?.clone();
            let instance_profile = Some(profile_out(iam, &profile));
            wire::serialize_get_instance_profile_response(&GetInstanceProfileResponse { instance_profile })
        }
        "ListInstanceProfilesForRole" => {
            let request: ListInstanceProfilesForRoleRequest = call.query()?;
            let role = iam.role_mut(&request.role_name)?.name.clone();
            let found = iam
                .instance_profiles()
                .filter(|profile| profile.role.as_ref() == Some(&role));
            let found = found.map(|profile| profile_out(iam, profile)).collect();
            let page = page(found, request.marker.as_deref(), request.max_items)?;
            wire::serialize_list_instance_profiles_for_role_response(&ListInstanceProfilesForRoleResponse {
                instance_profiles: Some(instanceProfileListType { items: page.items }),
                is_truncated: Some(page.marker.is_some()),
                marker: page.marker,
            })
        }
        _ => {
            let request: ListInstanceProfilesRequest = call.query()?;
            let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
            let found = iam
                .instance_profiles()
                .filter(|profile| profile.path.starts_with(&prefix));
            let found = found.map(|profile| InstanceProfile {
                // ListInstanceProfiles leaves tags out.
                tags: None,
                ..profile_out(iam, profile)
            });
            let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
            wire::serialize_list_instance_profiles_response(&ListInstanceProfilesResponse {
                instance_profiles: Some(instanceProfileListType { items: page.items }),
                is_truncated: Some(page.marker.is_some()),
                marker: page.marker,
            })
        }
    };
    Ok(answer.into())
}

fn tags(iam: &mut Iam, call: &Call) -> Result<Answer, Refusal> {
    let answer = match call.operation.as_str() {
        "TagRole" => {
            let request: TagRoleRequest = call.query()?;
            iam.role_mut(&request.role_name)?
                .tags
                .extend(tags_in(Some(request.tags)));
            wire::serialize_tag_role_response()
        }
        "UntagRole" => {
            let request: UntagRoleRequest = call.query()?;
            let role = iam.role_mut(&request.role_name)?;
            role.tags.retain(|key, _| !request.tag_keys.items.contains(key));
            wire::serialize_untag_role_response()
        }
        "TagInstanceProfile" => {
            let request: TagInstanceProfileRequest = call.query()?;
            let profile = iam.instance_profile_mut(&request.instance_profile_name)?;
            profile.tags.extend(tags_in(Some(request.tags)));
            wire::serialize_tag_instance_profile_response()
        }
        "UntagInstanceProfile" => {
            let request: UntagInstanceProfileRequest = call.query()?;
            let profile = iam.instance_profile_mut(&request.instance_profile_name)?;
            profile.tags.retain(|key, _| !request.tag_keys.items.contains(key));
            wire::serialize_untag_instance_profile_response()
        }
        "ListRoleTags" => {
            let request: ListRoleTagsRequest = call.query()?;
            wire::serialize_list_role_tags_response(&ListRoleTagsResponse {
                tags: tags_out(&iam.role_mut(&request.role_name)?.tags),
                is_truncated: Some(false),
                marker: None,
            })
        }
        _ => {
            let request: ListInstanceProfileTagsRequest = call.query()?;
            let profile = iam.instance_profile_mut(&request.instance_profile_name)?;
            wire::serialize_list_instance_profile_tags_response(&ListInstanceProfileTagsResponse {
                tags: tags_out(&profile.tags),
                is_truncated: Some(false),
                marker: None,
            })
        }
    };
    Ok(answer.into())
}

/// What GetPolicy and ListPolicies say of one; the list leaves the description out.
fn policy_out(iam: &Iam, policy: &managed::ManagedPolicy, description: Option<String>) -> Policy {
    let arn = policy.arn();
    Policy {
        attachment_count: Some(iam.roles().filter(|role| role.attached.contains(&arn)).count() as i32),
        arn: Some(arn),
        policy_name: Some(policy.name.to_owned()),
        path: Some(policy.path.to_owned()),
        description,
        default_version_id: Some(policy.version.to_owned()),
        is_attachable: Some(!policy.is_of_service() && !iam.retired.contains(&policy.name)),
        permissions_boundary_usage_count: Some(0),
        ..Policy::default()
    }
}

fn list_policies(iam: &Iam, call: &Call) -> Result<Answer, Refusal> {
    let request: ListPoliciesRequest = call.query()?;
    // No policy here is the customer's, and none is a boundary.
    let any = request.scope.as_deref() != Some("Local")
        && request.policy_usage_filter.as_deref() != Some("PermissionsBoundary");
    let prefix = request.path_prefix.unwrap_or_else(|| "/".to_owned());
    let attached = request.only_attached == Some(true);
    let found = managed::all()
        .filter(|policy| any && policy.path.starts_with(&prefix))
        .map(|policy| policy_out(iam, policy, None))
        .filter(|policy| !attached || policy.attachment_count > Some(0));
    let page = page(found.collect(), request.marker.as_deref(), request.max_items)?;
    let result = ListPoliciesResponse {
        policies: Some(policyListType { items: page.items }),
        is_truncated: Some(page.marker.is_some()),
        marker: page.marker,
    };
    Ok(wire::serialize_list_policies_response(&result).into())
}

fn managed_policies(iam: &Iam, call: &Call) -> Result<Answer, Refusal> {
    let find = |arn: &str| {
        managed::find(arn)
            .ok_or_else(|| Refusal::with_status(404, "NoSuchEntity", format!("Policy {arn} was not found.")))
    };
    let holders = |arn: &str| {
        iam.roles()
            .filter(|role| role.attached.contains(arn))
            .cloned()
            .collect::<Vec<_>>()
    };
    let answer = match call.operation.as_str() {
        "GetPolicy" => {
            let request: GetPolicyRequest = call.query()?;
            let policy = find(&request.policy_arn)?;
            wire::serialize_get_policy_response(&GetPolicyResponse {
                policy: Some(policy_out(iam, policy, Some(policy.description.to_owned()))),
            })
        }
        "GetPolicyVersion" => {
            let request: GetPolicyVersionRequest = call.query()?;
            let policy = find(&request.policy_arn)?;
            if request.version_id != policy.version {
                let text = format!(
                    "Policy {} version {} does not exist.",
                    request.policy_arn, request.version_id
                );
                return Err(Refusal::with_status(404, "NoSuchEntity", text));
            }
            wire::serialize_get_policy_version_response(&GetPolicyVersionResponse {
                policy_version: Some(PolicyVersion {
                    document: Some(encoded(policy.document)),
                    is_default_version: Some(true),
                    version_id: Some(request.version_id),
                    ..PolicyVersion::default()
                }),
            })
        }
        _ => {
            let request: ListEntitiesForPolicyRequest = call.query()?;
            find(&request.policy_arn)?;
            let roles = holders(&request.policy_arn).into_iter().map(|role| PolicyRole {
                role_id: Some(role.id),
                role_name: Some(role.name),
            });
            wire::serialize_list_entities_for_policy_response(&ListEntitiesForPolicyResponse {
                policy_roles: Some(PolicyRoleListType { items: roles.collect() }),
                policy_groups: Some(PolicyGroupListType::default()),
                policy_users: Some(PolicyUserListType::default()),
                is_truncated: Some(false),
                marker: None,
            })
        }
    };
    Ok(answer.into())
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

fn role_out(role: &iam::Role) -> Role {
    Role {
        role_name: Some(role.name.clone()),
        path: Some(role.path.clone()),
        role_id: Some(role.id.clone()),
        arn: Some(role.arn.clone()),
        create_date: Some(time(role.created)),
        assume_role_policy_document: Some(encoded(&role.trust)),
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_duration),
        tags: tags_out(&role.tags).filter(|tags| !tags.items.is_empty()),
        ..Role::default()
    }
}

fn profile_out(iam: &Iam, profile: &iam::InstanceProfile) -> InstanceProfile {
    let role = profile.role.as_ref().and_then(|name| iam.role(name));
    // A role within a profile says the least (recorded in 73 of 73).
    let role = role.map(|role| Role {
        description: None,
        max_session_duration: None,
        tags: None,
        ..role_out(role)
    });
    InstanceProfile {
        instance_profile_name: Some(profile.name.clone()),
        instance_profile_id: Some(profile.id.clone()),
        path: Some(profile.path.clone()),
        arn: Some(profile.arn.clone()),
        create_date: Some(time(profile.created)),
        roles: Some(roleListType {
            items: role.into_iter().collect(),
        }),
        tags: tags_out(&profile.tags),
    }
}

fn time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
