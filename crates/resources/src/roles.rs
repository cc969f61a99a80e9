//! What the service role and the instances' role share: what a role should be like, and making and keeping our own so.
//! Must know nothing of instance profiles, or of what a role is for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Tag;
use serde_json::{Value, json};

use super::ownership::{TagStep, change_tags, tag_steps, tags_among};
use super::role_facts::{attached, inline_names, role_tags};
use super::stack::Stack;
use crate::aws::errors::Explain;
use crate::aws::partitions::Partition;
use crate::aws::{Aws, Ownership, own_work};
use crate::engine::{Error, FieldChange, Kind, Limits, Owner, Plan, Poll, ResourceId, Step, Wait, WriteCx};

/// Inline policies whose names begin so are ours: put and removed by us.
pub(super) const OUR_POLICIES: &str = "confctl-";

/// IAM is eventually consistent; two minutes are the most that AWS is said to need (hashicorp/terraform#15341).
const SPREADING: Limits = Limits::minutes(1, 2);

/// What a role must be.
pub(super) struct WantedRole {
    pub(super) resource: ResourceId,
    /// Who may assume it: `ec2.amazonaws.com`.
    pub(super) service: String,
    /// Asked of the service when it assumes the role.
    pub(super) external_id: Option<&'static str>,
    /// ARNs of managed policies.
    pub(super) managed: BTreeSet<String>,
    /// ARNs of managed policies that the profile turns on and off: ours to detach where they are not wanted.
    pub(super) switched: BTreeSet<String>,
    /// Inline policies by name, all beginning with `confctl-`.
    pub(super) inline: BTreeMap<&'static str, Value>,
    /// Names of inline policies that former profiles gave it; `None` where nobody remembers them.
    pub(super) former_inline: Option<BTreeSet<&'static str>>,
    pub(super) boundary: Option<String>,
    /// Those of former profiles.
    pub(super) former_boundaries: BTreeSet<String>,
    /// What a role that is not ours must be allowed to do, to be used.
    pub(super) must_do: Vec<Deed>,
}

/// Actions on one resource.
pub(super) struct Deed {
    pub(super) actions: Vec<&'static str>,
    /// ARN, with `{account}` where the account goes; `None` for actions that know no resource.
    pub(super) on: Option<String>,
}

impl Deed {
    pub(super) fn on(action: &'static str, arn: String) -> Self {
        Self {
            actions: vec![action],
            on: Some(arn),
        }
    }

    pub(super) fn anywhere(actions: &[&'static str]) -> Self {
        Self {
            actions: actions.to_vec(),
            on: None,
        }
    }
}

/// A role as it is.
#[derive(Clone, Debug)]
pub(super) struct LiveRole {
    pub(super) name: String,
    /// `/`, or `/service-role/`.
    pub(super) path: String,
    pub(super) owner: Owner,
    pub(super) trusts: bool,
    pub(super) attached: BTreeSet<String>,
    /// Ours only.
    pub(super) inline: BTreeMap<String, Value>,
    pub(super) boundary: Option<String>,
    /// Actions that it would need and is not allowed; looked at only where it is not ours.
    pub(super) cannot: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// What can be changed of a role of ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RoleStep {
    Tag(TagStep),
    /// It does not let this service assume it.
    Trust(String),
    Attach(String),
    Detach(String),
    PutInline(&'static str, Value),
    DeleteInline(String),
    Boundary {
        from: Option<String>,
        to: Option<String>,
    },
}

impl Step for RoleStep {
    fn shown(&self) -> FieldChange {
        let name = |name: &str| Some(name.to_owned());
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Trust(service) => FieldChange::new("AssumeRolePolicyDocument", None, format!("trusts {service}")),
            Self::Attach(arn) => FieldChange::new("policy", None, name(arn)),
            Self::Detach(arn) => FieldChange::new("policy", name(arn), None),
            Self::PutInline(policy, _) => FieldChange::new("inline policy", None, name(policy)),
            Self::DeleteInline(policy) => FieldChange::new("inline policy", name(policy), None),
            Self::Boundary { from, to } => FieldChange::new("PermissionsBoundary", from.clone(), to.clone()),
        }
    }
}

impl LiveRole {
    /// `path/name` without the leading slash: some roles of Beanstalk's are under `/service-role/`.
    pub(super) fn path_and_name(&self) -> String {
        format!("{}{}", self.path.trim_start_matches('/'), self.name)
    }

    /// Whether it can do the job as it is.
    ///
    /// # Errors
    /// Why not, read after the role's name.
    pub(super) fn can_do_it(&self, wanted: &WantedRole) -> Result<(), String> {
        if !self.trusts {
            return Err(format!("does not trust {}", wanted.service));
        }
        if self.cannot.is_empty() {
            return Ok(());
        }
        Err(format!("may not {}", self.cannot.join(", ")))
    }

    /// What of our own role is not as it should be. Policies that others attached stay (and go with the role).
    pub(super) fn differences(&self, stack: &Stack, wanted: &WantedRole) -> Vec<RoleStep> {
        let tags = tag_steps(stack, wanted.resource, &self.tags);
        let mut steps: Vec<_> = tags.into_iter().map(RoleStep::Tag).collect();
        if !self.trusts {
            steps.push(RoleStep::Trust(wanted.service.clone()));
        }
        let missing = wanted.managed.difference(&self.attached);
        steps.extend(missing.map(|arn| RoleStep::Attach(arn.clone())));
        let switched_off = wanted.switched.difference(&wanted.managed);
        let switched_off = switched_off.filter(|arn| self.attached.contains(*arn));
        steps.extend(switched_off.map(|arn| RoleStep::Detach(arn.clone())));
        for (name, document) in &wanted.inline {
            if self.inline.get(*name) != Some(document) {
                steps.push(RoleStep::PutInline(name, document.clone()));
            }
        }
        let stale = self
            .inline
            .keys()
            .filter(|name| !wanted.inline.contains_key(name.as_str()));
        steps.extend(stale.map(|name| RoleStep::DeleteInline(name.clone())));
        // One that nobody set with confctl stays where none is wanted: it bounds what others may have reason to bound.
        let was_ours = |boundary: &String| wanted.former_boundaries.contains(boundary);
        let goes = wanted.boundary.is_none() && self.boundary.as_ref().is_some_and(was_ours);
        if (wanted.boundary.is_some() && self.boundary != wanted.boundary) || goes {
            steps.push(RoleStep::Boundary {
                from: self.boundary.clone(),
                to: wanted.boundary.clone(),
            });
        }
        steps
    }
}

/// ARN of a policy that AWS manages: `AWSElasticBeanstalkWebTier`, `service-role/AWSElasticBeanstalkEnhancedHealth`.
pub(super) fn managed_policy(partition: &Partition, name: &str) -> String {
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        format!("arn:{}:iam::aws:policy/{name}", partition.name)
    }
}

/// The tags of one of our roles or profiles.
///
/// # Errors
/// Where the SDK does not take them.
pub(super) fn iam_tags(ownership: &Ownership, resource: &str) -> Result<Vec<Tag>, Error> {
    iam_form(ownership.tags(resource))
}

/// # Errors
/// Where the SDK does not take them.
pub(super) fn iam_form(tags: BTreeMap<String, String>) -> Result<Vec<Tag>, Error> {
    let tags = tags.into_iter();
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>()
        .map_err(|error| Error::failed("could not make the tags").because(error.to_string()))
}

/// What `up` does with a role that is in use or would be.
pub(super) fn blocked_by_owner<S>(what: &str, owner: &Owner, key: &str) -> Plan<S> {
    let reason = match owner {
        Owner::OtherStack(stack) => format!("{what} belongs to stack {stack}"),
        Owner::Ours | Owner::Nobody => format!("{what} exists and was not made by confctl"),
    };
    Plan::blocked(
        reason,
        format!("use another name with --set {key}=NAME, or use it as it is with --set roles.mode=existing"),
    )
}

/// Makes our role, with all that it should have.
///
/// # Errors
/// Where IAM refuses.
pub(super) async fn make(cx: &WriteCx<Aws>, stack: &Stack, wanted: &WantedRole, name: &str) -> Result<(), Error> {
    create(cx, stack, wanted, name).await?;
    let attach = wanted.managed.iter().map(|arn| RoleStep::Attach(arn.clone()));
    let put = wanted.inline.iter();
    let put = put.map(|(name, document)| RoleStep::PutInline(name, document.clone()));
    let steps: Vec<_> = attach.chain(put).collect();
    change(cx, wanted, name, &steps).await
}

/// Takes these steps with our role.
///
/// # Errors
/// Where IAM refuses.
pub(super) async fn change(
    cx: &WriteCx<Aws>,
    wanted: &WantedRole,
    name: &str,
    steps: &[RoleStep],
) -> Result<(), Error> {
    tag(cx, name, &tags_among!(steps, RoleStep)).await?;
    for step in steps {
        match step {
            RoleStep::Tag(_) => {}
            RoleStep::Trust(_) => trust(cx, wanted, name).await?,
            RoleStep::Attach(arn) => attach(cx, name, arn).await?,
            RoleStep::Detach(arn) => detach(cx, name, arn).await?,
            RoleStep::PutInline(policy, document) => put_inline(cx, name, policy, document).await?,
            RoleStep::DeleteInline(policy) => delete_inline(cx, name, policy).await?,
            RoleStep::Boundary { to, .. } => bound(cx, name, to.as_deref()).await?,
        }
    }
    Ok(())
}

async fn tag(cx: &WriteCx<Aws>, name: &str, steps: &[TagStep]) -> Result<(), Error> {
    let (iam, doing) = (&cx.aws().iam, &format!("tag the role {name}"));
    let untag = |tags: BTreeMap<String, String>| async move {
        let untag = iam.untag_role().role_name(name);
        let untag = untag.set_tag_keys(Some(tags.into_keys().collect()));
        untag.send().await.explain(doing).map(drop)
    };
    let tag = |tags| async move {
        let tag = iam.tag_role().role_name(name).set_tags(Some(iam_form(tags)?));
        tag.send().await.explain(doing).map(drop)
    };
    let read = || role_tags(cx.read().aws(), name);
    change_tags(cx, (&format!("role {name}"), name), steps, untag, tag, read).await
}

async fn trust(cx: &WriteCx<Aws>, wanted: &WantedRole, name: &str) -> Result<(), Error> {
    cx.check()?;
    let update = cx.aws().iam.update_assume_role_policy().role_name(name);
    let update = update.policy_document(trust_policy(wanted).to_string()).send().await;
    update.explain(&format!("correct whom the role {name} trusts"))?;
    Ok(())
}

async fn attach(cx: &WriteCx<Aws>, name: &str, arn: &str) -> Result<(), Error> {
    once_visible(cx, &format!("attach {arn} to the role {name}"), |doing| async move {
        let attach = cx.aws().iam.attach_role_policy().role_name(name).policy_arn(arn);
        match attach.send().await.explain(&doing) {
            Ok(_) => Ok(()),
            Err(error) if error.is_code("NoSuchEntity") => Err(of_policy(cx.read().aws(), arn, error).await),
            Err(error) => Err(error),
        }
    })
    .await
}

async fn put_inline(cx: &WriteCx<Aws>, name: &str, policy: &str, document: &Value) -> Result<(), Error> {
    once_visible(cx, &format!("put {policy} into the role {name}"), |doing| async move {
        let put = cx.aws().iam.put_role_policy().role_name(name).policy_name(policy);
        let put = put.policy_document(document.to_string()).send().await;
        put.explain(&doing).map(drop)
    })
    .await
}

async fn bound(cx: &WriteCx<Aws>, name: &str, boundary: Option<&str>) -> Result<(), Error> {
    let (iam, doing) = (
        &cx.aws().iam,
        format!("set the permissions boundary of the role {name}"),
    );
    cx.check()?;
    match boundary {
        Some(boundary) => {
            let put = iam.put_role_permissions_boundary().role_name(name);
            put.permissions_boundary(boundary).send().await.explain(&doing)?;
        }
        None => {
            let delete = iam.delete_role_permissions_boundary().role_name(name);
            delete.send().await.explain(&doing)?;
        }
    }
    Ok(())
}

/// IAM answers NoSuchEntity where the role does not show yet, and where the policy "does not exist or is not attachable", as
/// AWS's own deprecated ones: whether it is the policy tells GetPolicy. Who may not ask waits for the role.
async fn of_policy(aws: &Aws, arn: &str, error: Error) -> Error {
    let policy = aws.iam.get_policy().policy_arn(arn).send().await;
    let attachable = match policy.or_absent(&["NoSuchEntity"], &format!("read the policy {arn}")) {
        Ok(found) => found
            .and_then(|found| found.policy)
            .is_some_and(|policy| policy.is_attachable),
        Err(_) => true,
    };
    if attachable {
        return error;
    }
    let mut of_policy =
        Error::failed(error.message).hint("name another policy in roles.instance_policies, or correct its ARN");
    of_policy.causes = error.causes;
    of_policy
}

/// What a role of a stack is described as: lists of roles have no tags, and this instead.
pub(super) fn description(stack: &str, region: &str) -> String {
    format!("Made by confctl for stack {stack} in {region}")
}

async fn create(cx: &WriteCx<Aws>, stack: &Stack, wanted: &WantedRole, name: &str) -> Result<(), Error> {
    let doing = format!("create the role {name}");
    let create = cx
        .aws()
        .iam
        .create_role()
        .role_name(name)
        .assume_role_policy_document(trust_policy(wanted).to_string())
        .description(description(stack.name.as_str(), &stack.region))
        .set_permissions_boundary(wanted.boundary.clone())
        .set_tags(Some(iam_tags(&stack.ownership, wanted.resource)?));
    let (ownership, aws) = (&stack.ownership, cx.read().aws());
    let call = async { create.send().await.explain(&doing) };
    let whose = |_| own_work::by_tags(cx, ownership, wanted.resource, name, || role_tags(aws, name));
    let made = own_work::create(cx, name, call, whose).await?;
    made.ours(&format!("role {name}")).map(drop)
}

async fn detach(cx: &WriteCx<Aws>, role: &str, arn: &str) -> Result<(), Error> {
    once_settled(cx, &format!("detach {arn} from the role {role}"), |doing| async move {
        let detach = cx.aws().iam.detach_role_policy().role_name(role).policy_arn(arn);
        detach.send().await.or_absent(&["NoSuchEntity"], &doing).map(drop)
    })
    .await
}

async fn delete_inline(cx: &WriteCx<Aws>, role: &str, policy: &str) -> Result<(), Error> {
    once_settled(
        cx,
        &format!("delete the policy {policy} of the role {role}"),
        |doing| async move {
            let delete = cx.aws().iam.delete_role_policy().role_name(role).policy_name(policy);
            delete.send().await.or_absent(&["NoSuchEntity"], &doing).map(drop)
        },
    )
    .await
}

/// Deletes our role with every policy that anybody gave it: IAM deletes no role that has one.
///
/// # Errors
/// Where IAM refuses.
pub(super) async fn delete(cx: &WriteCx<Aws>, name: &str) -> Result<(), Error> {
    let reader = cx.read().aws();
    let known = reader.iam.get_role().role_name(name).send().await;
    if known
        .or_absent(&["NoSuchEntity"], &format!("read the role {name}"))?
        .is_none()
    {
        return Ok(());
    }
    for arn in attached(reader, name).await? {
        detach(cx, name, &arn).await?;
    }
    for policy in inline_names(reader, name).await? {
        delete_inline(cx, name, &policy).await?;
    }
    once_settled(cx, &format!("delete the role {name}"), |doing| async move {
        let delete = cx.aws().iam.delete_role().role_name(name).send().await;
        delete.or_absent(&["NoSuchEntity"], &doing).map(drop)
    })
    .await
}

/// Makes a change to what may have been created a moment ago, until IAM knows it.
///
/// # Errors
/// Where IAM refuses, or does not know it after two minutes.
pub(super) async fn once_visible<F>(
    cx: &WriteCx<Aws>,
    doing: &str,
    change: impl FnMut(String) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let passing = ["NoSuchEntity", "ConcurrentModification"];
    again(cx, doing, &passing, "IAM does not show it everywhere yet", change).await
}

/// Takes something away that had something hanging on it a moment ago, until IAM knows that it has not. The provider of
/// Terraform waits as long (hashicorp/terraform-provider-aws, internal/service/iam/role.go).
///
/// # Errors
/// Where IAM refuses, or still holds it after two minutes.
pub(super) async fn once_settled<F>(
    cx: &WriteCx<Aws>,
    doing: &str,
    change: impl FnMut(String) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let passing = ["DeleteConflict", "ConcurrentModification"];
    again(cx, doing, &passing, "IAM still knows what was taken off it", change).await
}

async fn again<F>(
    cx: &WriteCx<Aws>,
    doing: &str,
    passing: &[&str],
    because: &str,
    mut change: impl FnMut(String) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let wait = Wait::new(format!("IAM to {doing}"), 2, SPREADING);
    cx.check()?;
    cx.wait(&wait, || {
        let attempt = change(doing.to_owned());
        async {
            match attempt.await {
                Ok(()) => Poll::Ready(()),
                Err(error) if passing.iter().any(|code| error.is_code(code)) => Poll::NotYet(because.to_owned()),
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        }
    })
    .await
}

fn trust_policy(wanted: &WantedRole) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": wanted.service },
        "Action": "sts:AssumeRole",
    });
    if let Some(id) = wanted.external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::partitions;

    fn managed_policy(name: &str) -> String {
        super::managed_policy(partitions::of_region("us-east-1"), name)
    }

    fn wanted() -> WantedRole {
        WantedRole {
            resource: "service-role",
            service: "ec2.amazonaws.com".to_owned(),
            external_id: None,
            managed: [managed_policy("One")].into(),
            switched: [managed_policy("Switched")].into(),
            inline: BTreeMap::new(),
            boundary: None,
            former_inline: None,
            former_boundaries: BTreeSet::new(),
            must_do: Vec::new(),
        }
    }

    fn role(attached: &[&str]) -> LiveRole {
        LiveRole {
            name: "role".to_owned(),
            path: "/service-role/".to_owned(),
            owner: Owner::Ours,
            trusts: true,
            attached: attached.iter().map(|name| managed_policy(name)).collect(),
            inline: BTreeMap::new(),
            boundary: None,
            cannot: Vec::new(),
            tags: Stack::for_test(|_| {}).ownership.tags("service-role"),
        }
    }

    #[test]
    fn a_policy_that_somebody_added_to_our_role_is_no_drift_but_one_that_we_switch_off_is() {
        let stack = Stack::for_test(|_| {});
        assert_eq!(role(&["One", "TheirMonitoring"]).differences(&stack, &wanted()), []);
        let switched = role(&["One", "Switched"]).differences(&stack, &wanted());
        assert_eq!(switched, [RoleStep::Detach(managed_policy("Switched"))]);
        let missing = role(&[]).differences(&stack, &wanted());
        assert_eq!(missing, [RoleStep::Attach(managed_policy("One"))]);
    }

    #[test]
    fn a_role_of_somebody_else_is_used_only_if_it_can_do_the_job() {
        let mut theirs = role(&[]);
        assert_eq!(theirs.can_do_it(&wanted()), Ok(()));
        theirs.cannot.push("dynamodb:PutItem".to_owned());
        assert_eq!(theirs.can_do_it(&wanted()), Err("may not dynamodb:PutItem".to_owned()));
    }

    #[test]
    fn a_role_under_a_path_is_named_with_it() {
        assert_eq!(role(&[]).path_and_name(), "service-role/role");
    }
}
