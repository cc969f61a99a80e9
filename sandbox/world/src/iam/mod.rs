//! IAM: roles, instance profiles, the policies on them, and what those allow.
//! Must know nothing of wire formats or of who asks; credentials and the evaluation of policies have files of their own.

pub mod credentials;
pub(crate) mod documents;
pub mod linked_roles;
pub mod managed;
pub mod policy;
mod sessions;
pub mod simulation;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Item, Refusal, Tags, ids};
use policy::{Context, Decision, Document};

/// IAM's limit of managed policies on a role (the default quota).
const MOST_ATTACHED: usize = 10;
/// IAM's limit of a role's inline policies together, in characters without white space.
const MOST_INLINE: usize = 10_240;

/// How long a role or profile still is held by what was taken from it: IAM is eventually consistent, and DeleteRole right after
/// a DetachRolePolicy or RemoveRoleFromInstanceProfile may be refused (aws/aws-sdk-java#2155, ministryofjustice/
/// analytics-platform#33; Terraform's provider goes on for two minutes). How long it takes is not documented: inferred, and here it always does.
const LET_GO_AFTER: SignedDuration = SignedDuration::from_secs(5);

const MUST_DETACH: &str = "Cannot delete entity, must detach all policies first.";
const MUST_DELETE: &str = "Cannot delete entity, must delete policies first.";
const MUST_REMOVE: &str = "Cannot delete entity, must remove roles from instance profile first.";

/// How long it takes until the use of a role shows, and how far uses are apart that are told one from the other.
const USES_SHOW_AFTER: SignedDuration = SignedDuration::from_hours(4);
const BETWEEN_USES: SignedDuration = SignedDuration::from_hours(1);

/// The account's IAM. Names are unique without regard to case.
#[derive(Debug, Default, Clone)]
pub struct Iam {
    pub credentials: credentials::Credentials,
    /// By name in lower case.
    roles: BTreeMap<String, Role>,
    /// By name in lower case.
    instance_profiles: BTreeMap<String, InstanceProfile>,
    /// Names of managed policies that AWS has taken out of use, by a switch of the account.
    pub retired: Vec<&'static str>,
    /// Of the organization that the account is in: what they deny nobody in the account may. None: it is in none.
    service_control_policies: Vec<Document>,
    /// What nobody may do for now, whatever their policies say: actions, with wildcards.
    pub withheld: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Role {
    pub name: String,
    /// `/` or `/service-role/`.
    pub path: String,
    pub id: String,
    pub arn: String,
    pub description: Option<String>,
    /// The trust policy, JSON as it was given.
    pub trust: String,
    /// Seconds.
    pub max_session_duration: i32,
    pub created: Timestamp,
    pub tags: Tags,
    /// ARNs of managed policies.
    pub attached: BTreeSet<String>,
    /// Name to document, JSON as it was given.
    pub inline: BTreeMap<String, String>,
    /// The ARN of the managed policy beyond which nothing is allowed.
    pub boundary: Option<String>,
    /// When and in which region its credentials were used, oldest first, an hour apart at least.
    uses: Vec<(Timestamp, String)>,
    /// When something was taken from it last, and what a deletion is told for a while after.
    taken: Option<(Timestamp, &'static str)>,
}

#[derive(Debug, Clone)]
pub struct InstanceProfile {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    pub created: Timestamp,
    pub tags: Tags,
    /// Name of its one role.
    pub role: Option<String>,
    /// As of a role.
    taken: Option<(Timestamp, &'static str)>,
}

/// # Errors
/// `DeleteConflict` while what was taken is still seen.
fn check_let_go(taken: Option<(Timestamp, &'static str)>, now: Timestamp) -> Result<(), Refusal> {
    match taken {
        Some((time, text)) if now.duration_since(time) < LET_GO_AFTER => Err(conflict(text)),
        _ => Ok(()),
    }
}

/// # Errors
/// Where the role is linked to a service.
fn check_unprotected(role: &Role) -> Result<(), Refusal> {
    if !role.path.starts_with("/aws-service-role/") {
        return Ok(());
    }
    let text = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name
    );
    Err(Refusal::new("UnmodifiableEntity", text))
}

/// What a boundary says of an action. It grants nothing by itself (IAM user guide, access_policies_boundaries).
fn within(boundary: &str, action: &str, resource: &str, context: &Context) -> Decision {
    let document = managed::find(boundary).and_then(|policy| Document::known(policy.document));
    policy::decide(document.as_slice(), action, resource, context)
}

impl Role {
    /// Whether a service may act as this role; `context` is what it says of itself when it asks.
    pub(crate) fn trusts_service(&self, service: &str, context: &Context) -> bool {
        Document::known(&self.trust).is_some_and(|trust| trust.trusts_service(service, context))
    }
}

impl Role {
    /// When and where it was used last, as GetRole tells it: "recent activity usually appears within 4 hours" (IAM user guide,
    /// access_policies_last-accessed).
    pub fn last_used(&self, now: Timestamp) -> Option<&(Timestamp, String)> {
        let mut told = self.uses.iter().rev();
        told.find(|(time, _)| now.duration_since(*time) >= USES_SHOW_AFTER)
    }

    fn note_use(&mut self, now: Timestamp, region: &str) {
        let last = self.uses.last();
        if last.is_some_and(|(time, _)| now.duration_since(*time) < BETWEEN_USES) {
            return;
        }
        self.uses.push((now, region.to_owned()));
        // What is older than the newest that shows is of no use.
        while self
            .uses
            .get(1)
            .is_some_and(|(time, _)| now.duration_since(*time) >= USES_SHOW_AFTER)
        {
            self.uses.remove(0);
        }
    }
}

/// What CreateRole is given.
#[derive(Debug, Default)]
pub struct NewRole {
    pub name: String,
    pub path: Option<String>,
    pub trust: String,
    pub description: Option<String>,
    pub max_session_duration: Option<i32>,
    pub boundary: Option<String>,
    pub tags: Tags,
}

impl Iam {
    /// A role by name, `path/name` or ARN.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&key(name))
    }

    /// An instance profile by name or ARN.
    pub fn instance_profile(&self, name: &str) -> Option<&InstanceProfile> {
        self.instance_profiles.get(&key(name))
    }

    /// The role that instances with this profile (name or ARN) have credentials of.
    ///
    /// # Errors
    /// Why they have none; a role that does not trust EC2 in the words of the instance metadata service, whose code for it is
    /// AssumeRoleUnauthorizedAccess (IAM user guide, troubleshoot_iam-ec2).
    pub(crate) fn instance_role(&self, profile: &str) -> Result<&Role, String> {
        let name = self.instance_profile(profile).and_then(|held| held.role.as_deref());
        let role = name.and_then(|name| self.role(name));
        let role = role.ok_or_else(|| format!("the instance profile {profile} gives no role"))?;
        if role.trusts_service("ec2.amazonaws.com", &Context::new()) {
            return Ok(role);
        }
        Err(format!(
            "AssumeRoleUnauthorizedAccess: EC2 cannot assume the role {}. Please see documentation at \
             https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.",
            role.name
        ))
    }

    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    pub fn instance_profiles(&self) -> impl Iterator<Item = &InstanceProfile> {
        self.instance_profiles.values()
    }

    /// Whether whoever calls with that ARN may: a role's session what its policies allow, the account's own user everything;
    /// nobody what the organization denies.
    pub fn caller_can(&self, caller: &str, region: &str, action: &str, resource: &str) -> bool {
        self.caller_can_so(caller, region, action, resource, &Context::new())
    }

    /// As [`Self::caller_can`], of a request with keys of its service's own.
    pub fn caller_can_so(&self, caller: &str, region: &str, action: &str, resource: &str, own: &Context) -> bool {
        match assumed_role(caller) {
            Some(role) => self.role_can_so(role, region, action, resource, own),
            None => {
                let account = caller.split(':').nth(4).unwrap_or_default();
                let mut context = policy::request_context(caller, account, region);
                context.extend(own.clone());
                !self.organization_denies(action, resource, &context)
            }
        }
    }

    /// Whether the role's policies allow `action` (`dynamodb:PutItem`) on `resource` (an ARN), asked for in a region.
    pub(crate) fn role_can(&self, role: &str, region: &str, action: &str, resource: &str) -> bool {
        self.role_can_so(role, region, action, resource, &Context::new())
    }

    fn role_can_so(&self, role: &str, region: &str, action: &str, resource: &str, own: &Context) -> bool {
        let arn = self.role(role).map_or("", |role| &role.arn);
        let account = arn.split(':').nth(4).unwrap_or_default();
        // The principal of a role's session is, to conditions, the role.
        let mut context = policy::request_context(arn, account, region);
        context.insert("aws:multifactorauthpresent".to_owned(), vec!["false".to_owned()]);
        context.extend(own.clone());
        !self.organization_denies(action, resource, &context)
            && self.decide(role, action, resource, &context) == Decision::Allowed
    }

    /// Service control policies filter and grant nothing (AWS Organizations guide, SCPs); the one that allows all is always there.
    pub fn organization_denies(&self, action: &str, resource: &str, context: &Context) -> bool {
        let decision = policy::decide(&self.service_control_policies, action, resource, context);
        decision == Decision::ExplicitlyDenied
    }

    /// # Errors
    /// As of a policy of a role.
    pub fn add_service_control_policy(&mut self, text: &str) -> Result<(), Refusal> {
        documents::check_permissions(text)?;
        let document = Document::parse(text).map_err(|why| Refusal::new("MalformedPolicyDocument", why))?;
        self.service_control_policies.push(document);
        Ok(())
    }

    pub fn leave_organization(&mut self) {
        self.service_control_policies.clear();
    }

    pub(crate) fn in_organization(&self) -> bool {
        !self.service_control_policies.is_empty()
    }

    pub(crate) fn service_control_policies(&self) -> &[Document] {
        &self.service_control_policies
    }

    /// What the role's policies say of an action.
    pub(crate) fn decide(&self, role: &str, action: &str, resource: &str, context: &Context) -> Decision {
        let Some(role) = self.role(role) else {
            return Decision::ImplicitlyDenied;
        };
        let managed = role
            .attached
            .iter()
            .filter_map(|arn| managed::find(arn))
            .map(|policy| policy.document);
        let inline = role.inline.values().map(String::as_str);
        let documents: Vec<_> = managed.chain(inline).filter_map(Document::known).collect();
        let decision = policy::decide(&documents, action, resource, context);
        match role
            .boundary
            .as_deref()
            .map(|boundary| within(boundary, action, resource, context))
        {
            Some(limit) if decision == Decision::Allowed || limit == Decision::ExplicitlyDenied => limit,
            _ => decision,
        }
    }

    /// Somebody calls with that ARN: of a role's session, the role is used.
    pub fn note_use(&mut self, caller: &str, region: &str, now: Timestamp) {
        let role = assumed_role(caller).map(key);
        if let Some(role) = role.and_then(|name| self.roles.get_mut(&name)) {
            role.note_use(now, region);
        }
    }

    pub fn create_role(&mut self, account: &str, now: Timestamp, new: NewRole) -> Result<&Role, Refusal> {
        check_name("roleName", &new.name, 64)?;
        documents::check_trust(&new.trust)?;
        if self.roles.contains_key(&key(&new.name)) {
            return Err(exists(format!("Role with name {} already exists.", new.name)));
        }
        if let Some(boundary) = &new.boundary {
            self.check_boundary(boundary)?;
        }
        let path = new.path.unwrap_or_else(|| "/".to_owned());
        let role = Role {
            id: format!("AROA{}", ids::capitals(17)),
            arn: format!("arn:aws:iam::{account}:role{path}{}", new.name),
            path,
            description: new.description,
            trust: new.trust,
            max_session_duration: new.max_session_duration.unwrap_or(3600),
            created: now,
            tags: new.tags,
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            boundary: new.boundary,
            uses: Vec::new(),
            taken: None,
            name: new.name,
        };
        Ok(self.roles.entry(key(&role.name)).or_insert(role))
    }

    pub fn delete_role(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let role = self.role(name).ok_or_else(|| no_role(name))?;
        check_unprotected(role)?;
        if self
            .instance_profiles
            .values()
            .any(|profile| profile.role.as_deref() == Some(&role.name))
        {
            return Err(conflict(MUST_REMOVE));
        }
        if !role.attached.is_empty() {
            return Err(conflict(MUST_DETACH));
        }
        if !role.inline.is_empty() {
            return Err(conflict(MUST_DELETE));
        }
        check_let_go(role.taken, now)?;
        self.roles.remove(&key(name));
        Ok(())
    }

    /// # Errors
    /// `NoSuchEntity`.
    pub fn existing_role(&self, name: &str) -> Result<&Role, Refusal> {
        self.role(name).ok_or_else(|| no_role(name))
    }

    /// # Errors
    /// `NoSuchEntity`.
    pub fn existing_instance_profile(&self, name: &str) -> Result<&InstanceProfile, Refusal> {
        self.instance_profile(name).ok_or_else(|| no_profile(name))
    }

    /// As UpdateAssumeRolePolicy.
    ///
    /// # Errors
    /// Where the document is no trust policy.
    pub fn update_trust(&mut self, role: &str, document: String) -> Result<(), Refusal> {
        documents::check_trust(&document)?;
        self.role_mut(role)?.trust = document;
        Ok(())
    }

    pub fn role_mut(&mut self, name: &str) -> Result<&mut Role, Refusal> {
        self.roles.get_mut(&key(name)).ok_or_else(|| no_role(name))
    }

    pub fn instance_profile_mut(&mut self, name: &str) -> Result<&mut InstanceProfile, Refusal> {
        self.instance_profiles
            .get_mut(&key(name))
            .ok_or_else(|| no_profile(name))
    }

    pub fn create_instance_profile(
        &mut self,
        account: &str,
        now: Timestamp,
        name: &str,
        path: Option<String>,
        tags: Tags,
    ) -> Result<&InstanceProfile, Refusal> {
        check_name("instanceProfileName", name, 128)?;
        if self.instance_profiles.contains_key(&key(name)) {
            return Err(exists(format!("Instance Profile {name} already exists.")));
        }
        let path = path.unwrap_or_else(|| "/".to_owned());
        let profile = InstanceProfile {
            id: format!("AIPA{}", ids::capitals(17)),
            arn: format!("arn:aws:iam::{account}:instance-profile{path}{name}"),
            path,
            name: name.to_owned(),
            created: now,
            tags,
            role: None,
            taken: None,
        };
        Ok(self.instance_profiles.entry(key(name)).or_insert(profile))
    }

    pub fn delete_instance_profile(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let profile = self.instance_profile(name).ok_or_else(|| no_profile(name))?;
        if profile.role.is_some() {
            return Err(conflict(MUST_REMOVE));
        }
        check_let_go(profile.taken, now)?;
        self.instance_profiles.remove(&key(name));
        Ok(())
    }

    pub fn add_role(&mut self, profile: &str, role: &str) -> Result<(), Refusal> {
        let role = self.role(role).ok_or_else(|| no_role(role))?.name.clone();
        let profile = self.instance_profile_mut(profile)?;
        if profile.role.is_some() {
            let text = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
            return Err(Refusal::with_status(409, "LimitExceeded", text));
        }
        profile.role = Some(role);
        Ok(())
    }

    pub fn remove_role(&mut self, profile: &str, role: &str, now: Timestamp) -> Result<(), Refusal> {
        // Of two that are not there the role is named (recorded by cloud-custodian: RemoveRoleFromInstanceProfile).
        self.role(role).ok_or_else(|| no_role(role))?;
        let wanted = role.to_lowercase();
        let profile = self.instance_profile_mut(profile)?;
        if profile.role.as_ref().is_none_or(|held| held.to_lowercase() != wanted) {
            return Err(no_role(role));
        }
        profile.role = None;
        profile.taken = Some((now, MUST_REMOVE));
        self.role_mut(role)?.taken = Some((now, MUST_REMOVE));
        Ok(())
    }

    pub fn attach(&mut self, role: &str, policy: &str) -> Result<(), Refusal> {
        let found = managed::find(policy);
        if found.is_some_and(managed::ManagedPolicy::is_of_service) {
            let text = "Cannot attach a Service Role Policy to a Customer Role.";
            return Err(Refusal::new("PolicyNotAttachable", text));
        }
        if found.is_none_or(|policy| self.retired.contains(&policy.name)) {
            let text = format!("Policy {policy} does not exist or is not attachable.");
            let refusal = Refusal::with_status(404, "NoSuchEntity", text);
            let attachable = managed::all().filter(|it| !it.is_of_service() && !self.retired.contains(&it.name));
            return Err(refusal.of_few("managed policies", attachable.map(|policy| policy.name)));
        }
        let role = self.role_mut(role)?;
        if role.attached.len() >= MOST_ATTACHED && !role.attached.contains(policy) {
            let text = format!("Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}");
            return Err(Refusal::with_status(409, "LimitExceeded", text));
        }
        role.attached.insert(policy.to_owned());
        Ok(())
    }

    /// # Errors
    /// `NoSuchEntity`, in the words that OpenShift's installer was told (openshift/rosa's tests of `--permissions-boundary`).
    fn check_boundary(&self, policy: &str) -> Result<(), Refusal> {
        let found = managed::find(policy).filter(|policy| !self.retired.contains(&policy.name));
        if found.is_some() {
            return Ok(());
        }
        let text = format!("Scope ARN: {policy} does not exist or is not attachable.");
        let known = managed::all().map(|policy| policy.name);
        Err(Refusal::with_status(404, "NoSuchEntity", text).of_few("managed policies", known))
    }

    /// As PutRolePermissionsBoundary, or DeleteRolePermissionsBoundary without one; that none was there is no error here, which
    /// of AWS is not known.
    ///
    /// # Errors
    /// Where there is no such role or policy, or the role is linked to a service.
    pub fn bound(&mut self, role: &str, boundary: Option<String>) -> Result<(), Refusal> {
        check_unprotected(self.existing_role(role)?)?;
        if let Some(boundary) = &boundary {
            self.check_boundary(boundary)?;
        }
        self.role_mut(role)?.boundary = boundary;
        Ok(())
    }

    pub fn detach(&mut self, role: &str, policy: &str, now: Timestamp) -> Result<(), Refusal> {
        let role = self.role_mut(role)?;
        if role.attached.remove(policy) {
            role.taken = Some((now, MUST_DETACH));
            return Ok(());
        }
        Err(Refusal::with_status(
            404,
            "NoSuchEntity",
            format!("Policy {policy} was not found."),
        ))
    }

    pub fn put_inline(&mut self, role: &str, name: &str, document: &str) -> Result<(), Refusal> {
        check_name("policyName", name, 128)?;
        documents::check_permissions(document)?;
        let role = self.role_mut(role)?;
        let length = |text: &String| text.chars().filter(|character| !character.is_whitespace()).count();
        let others = role
            .inline
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(_, text)| length(text));
        if others.sum::<usize>() + length(&document.to_owned()) > MOST_INLINE {
            let text = format!(
                "Maximum policy size of {MOST_INLINE} bytes exceeded for role {}",
                role.name
            );
            return Err(Refusal::with_status(409, "LimitExceeded", text));
        }
        role.inline.insert(name.to_owned(), document.to_owned());
        Ok(())
    }

    pub fn delete_inline(&mut self, role: &str, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let role = self.role_mut(role)?;
        match role.inline.remove(name) {
            Some(_) => {
                role.taken = Some((now, MUST_DELETE));
                Ok(())
            }
            None => Err(no_inline(name)),
        }
    }

    /// `region`: IAM is global and shown under one name.
    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("iam", region);
        let roles = self
            .roles
            .values()
            .map(|role| item("role", &role.arn, &role.name, &role.tags));
        let profiles = self
            .instance_profiles
            .values()
            .map(|profile| item("instance-profile", &profile.arn, &profile.name, &profile.tags));
        roles.chain(profiles).collect()
    }
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` → `ROLE`.
fn assumed_role(caller: &str) -> Option<&str> {
    caller.split(":assumed-role/").nth(1)?.split('/').next()
}

/// Names are unique without regard to case; ARNs and paths end in the name.
fn key(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_lowercase()
}

/// # Errors
/// Where the name has other characters than IAM allows, or is longer.
pub fn check_name(member: &str, name: &str, longest: usize) -> Result<(), Refusal> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+=,.@_-".contains(character);
    if !name.is_empty() && name.len() <= longest && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Refusal::new(
        "ValidationError",
        format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        ),
    ))
}

fn exists(text: String) -> Refusal {
    Refusal::with_status(409, "EntityAlreadyExists", text)
}

fn conflict(text: &str) -> Refusal {
    Refusal::with_status(409, "DeleteConflict", text)
}

/// A role that is not there.
pub(crate) fn no_role(name: &str) -> Refusal {
    Refusal::with_status(
        404,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    )
}

fn no_profile(name: &str) -> Refusal {
    Refusal::with_status(404, "NoSuchEntity", format!("Instance Profile {name} cannot be found."))
}

/// An inline policy that is not there.
pub fn no_inline(name: &str) -> Refusal {
    Refusal::with_status(
        404,
        "NoSuchEntity",
        format!("The role policy with name {name} cannot be found."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

    fn iam_with_role(name: &str) -> Iam {
        let mut iam = Iam::default();
        let new = NewRole {
            name: name.to_owned(),
            trust: TRUST.to_owned(),
            ..NewRole::default()
        };
        iam.create_role("123456789012", Timestamp::UNIX_EPOCH, new).unwrap();
        iam
    }

    #[test]
    fn a_role_name_that_differs_in_case_is_taken() {
        let mut iam = iam_with_role("App");
        let again = NewRole {
            name: "APP".to_owned(),
            trust: TRUST.to_owned(),
            ..NewRole::default()
        };
        let refusal = iam
            .create_role("123456789012", Timestamp::UNIX_EPOCH, again)
            .unwrap_err();
        assert_eq!(refusal.code, "EntityAlreadyExists");
    }

    #[test]
    fn the_web_tier_policy_gives_no_access_to_tables_and_an_inline_one_to_its_table_only() {
        let mut iam = iam_with_role("app");
        let table = "arn:aws:dynamodb:us-east-1:123456789012:table/users";
        iam.attach("app", "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier")
            .unwrap();
        assert!(!iam.role_can("app", "us-east-1", "dynamodb:PutItem", table));
        let document =
            format!(r#"{{"Statement":{{"Effect":"Allow","Action":"dynamodb:*Item","Resource":"{table}"}}}}"#);
        iam.put_inline("app", "table", &document).unwrap();
        assert!(iam.role_can("app", "us-east-1", "dynamodb:PutItem", table));
        assert!(!iam.role_can("app", "us-east-1", "dynamodb:PutItem", &format!("{table}-of-others")));
    }

    #[test]
    fn a_boundary_takes_from_what_a_role_may_and_gives_nothing() {
        let mut iam = iam_with_role("app");
        let bucket = "arn:aws:s3:::elasticbeanstalk-us-east-1-123456789012/confctl";
        let table = "arn:aws:dynamodb:us-east-1:123456789012:table/users";
        let policy = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
        iam.attach("app", &policy("AWSElasticBeanstalkWebTier")).unwrap();
        assert!(iam.role_can("app", "us-east-1", "s3:PutObject", bucket));
        iam.bound("app", Some(policy("AmazonDynamoDBFullAccess"))).unwrap();
        assert!(!iam.role_can("app", "us-east-1", "s3:PutObject", bucket));
        assert!(!iam.role_can("app", "us-east-1", "dynamodb:PutItem", table));
        iam.attach("app", &policy("AmazonDynamoDBFullAccess_v2")).unwrap();
        assert!(iam.role_can("app", "us-east-1", "dynamodb:PutItem", table));
        let refused = iam.bound("app", Some(policy("NoSuchPolicy"))).unwrap_err();
        assert_eq!(refused.code, "NoSuchEntity");
        iam.bound("app", None).unwrap();
        assert!(iam.role_can("app", "us-east-1", "s3:PutObject", bucket));
    }

    #[test]
    fn a_role_is_held_for_some_seconds_by_what_was_taken_from_it() {
        let mut iam = iam_with_role("app");
        let at = |second| Timestamp::from_second(second).unwrap();
        let policy = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier";
        iam.create_instance_profile("123456789012", at(0), "profile", None, Tags::new())
            .unwrap();
        iam.add_role("profile", "app").unwrap();
        iam.attach("app", policy).unwrap();
        iam.detach("app", policy, at(100)).unwrap();
        iam.remove_role("profile", "app", at(101)).unwrap();
        let refused = iam.delete_role("app", at(104)).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("DeleteConflict", MUST_REMOVE)
        );
        let refused = iam.delete_instance_profile("profile", at(104)).unwrap_err();
        assert_eq!(refused.code, "DeleteConflict");
        iam.delete_role("app", at(106)).unwrap();
        iam.delete_instance_profile("profile", at(106)).unwrap();
    }

    #[test]
    fn a_profile_takes_one_role() {
        let mut iam = iam_with_role("app");
        let now = Timestamp::UNIX_EPOCH;
        iam.create_instance_profile("123456789012", now, "profile", None, Tags::new())
            .unwrap();
        iam.add_role("profile", "app").unwrap();
        assert_eq!(iam.add_role("profile", "app").unwrap_err().code, "LimitExceeded");
        assert_eq!(iam.instance_profile("profile").unwrap().role.as_deref(), Some("app"));
    }
}
