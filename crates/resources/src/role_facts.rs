//! Reading a role: its policies, whom it trusts, what it may do, and who else uses it.
//! Changes nothing; must know nothing of what a role should be like, but for what it is asked.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Role;
use futures_util::future::join_all;
use serde_json::Value;

use super::roles::{LiveRole, OUR_POLICIES, WantedRole};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::eventual_consistency::settled;
use crate::aws::paging::{self, Page};
use crate::aws::partitions;
use crate::aws::simulation::{Verdict, simulate};
use crate::aws::tags::told_tags;
use crate::aws::texts;
use crate::engine::{Error, Hint, Kind, Owner, ReadCx, WriteCx};
use crate::load::resolve;

/// A role with all that decides whether it fits; `None` where there is none of this name.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn read(
    cx: &ReadCx<Aws>,
    stack: &Stack,
    wanted: &WantedRole,
    name: &str,
) -> Result<Option<LiveRole>, Error> {
    let aws = cx.aws();
    let get = || async {
        let answer = aws.iam.get_role().role_name(name).send().await;
        let answer = answer.or_absent(&["NoSuchEntity"], &format!("read the role {name}"))?;
        Ok(answer.and_then(|answer| answer.role))
    };
    let Some(role) = settled(cx, wanted.resource, name, get).await? else {
        return Ok(None);
    };
    match facts(cx, stack, wanted, role).await {
        // It is being deleted: IAM's reads do not agree for a while, longer than the engine's second look takes.
        Err(error) if error.is_code("NoSuchEntity") => Ok(None),
        facts => facts.map(Some),
    }
}

async fn facts(cx: &ReadCx<Aws>, stack: &Stack, wanted: &WantedRole, role: Role) -> Result<LiveRole, Error> {
    let (aws, name) = (cx.aws(), role.role_name.as_str());
    // GetRole has them; only lists leave them out (API reference: GetRole, ListRoles).
    let told = role.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone()));
    let read = || role_tags(aws, name);
    let tagged = told_tags(cx, &stack.ownership, wanted.resource, name, told.collect(), read).await?;
    let owner = tagged.owner;
    let attached = attached(aws, name).await?;
    let cannot = match owner {
        Owner::Ours => Vec::new(),
        Owner::Nobody | Owner::OtherStack(_) => cannot_do(aws, &role, &attached, wanted).await?,
    };
    Ok(LiveRole {
        name: name.to_owned(),
        path: role.path.clone(),
        trusts: trusts(role.assume_role_policy_document().unwrap_or_default(), &wanted.service),
        attached,
        inline: our_inline(aws, name, wanted).await?,
        boundary: role
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
        owner,
        cannot,
        tags: tagged.tags,
    })
}

pub(super) async fn role_tags(aws: &Aws, name: &str) -> Result<BTreeMap<String, String>, Error> {
    let doing = format!("read the tags of the role {name}");
    let tags = paging::all(async |marker: Option<String>| {
        let page = aws.iam.list_role_tags().role_name(name).set_marker(marker).send().await;
        page.explain(&doing).map(|page| Page::new(page.tags, page.marker))
    });
    Ok(tags.await?.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

pub(super) async fn attached(aws: &Aws, name: &str) -> Result<BTreeSet<String>, Error> {
    let doing = format!("list the policies of the role {name}");
    let policies = paging::all(async |marker: Option<String>| {
        let list = aws.iam.list_attached_role_policies().role_name(name);
        let page = list.set_marker(marker).send().await.explain(&doing)?;
        Ok(Page::new(page.attached_policies.unwrap_or_default(), page.marker))
    });
    Ok(policies
        .await?
        .into_iter()
        .filter_map(|policy| policy.policy_arn)
        .collect())
}

pub(super) async fn inline_names(aws: &Aws, name: &str) -> Result<Vec<String>, Error> {
    let doing = format!("list the inline policies of the role {name}");
    let names = paging::all(async |marker: Option<String>| {
        let list = aws.iam.list_role_policies().role_name(name);
        let page = list.set_marker(marker).send().await.explain(&doing)?;
        Ok(Page::new(page.policy_names, page.marker))
    });
    names.await
}

/// Our inline policies, by name. They are listed only where nobody remembers which there may be.
async fn our_inline(aws: &Aws, name: &str, wanted: &WantedRole) -> Result<BTreeMap<String, Value>, Error> {
    let names: BTreeSet<String> = match &wanted.former_inline {
        Some(former) => wanted.inline.keys().chain(former).map(ToString::to_string).collect(),
        None => inline_names(aws, name).await?.into_iter().collect(),
    };
    let mut policies = BTreeMap::new();
    for policy in names.into_iter().filter(|policy| policy.starts_with(OUR_POLICIES)) {
        let read = aws.iam.get_role_policy().role_name(name).policy_name(&policy);
        let answer = read.send().await;
        let doing = format!("read the policy {policy} of the role {name}");
        if let Some(answer) = answer.or_absent(&["NoSuchEntity"], &doing)? {
            policies.insert(policy, document(&answer.policy_document));
        }
    }
    Ok(policies)
}

/// IAM hands out policy documents URL-encoded. One that is no JSON reads as null, and so as different from any other.
fn document(encoded: &str) -> Value {
    let text = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_default()
}

fn trusts(encoded: &str, service: &str) -> bool {
    let has = |value: &Value, word: &str| match value {
        Value::String(text) => text == word,
        Value::Array(texts) => texts.iter().any(|text| text == word),
        _ => false,
    };
    let allows = |statement: &Value| {
        statement["Effect"] == "Allow"
            && has(&statement["Principal"]["Service"], service)
            && has(&statement["Action"], "sts:AssumeRole")
    };
    match &document(encoded)["Statement"] {
        Value::Array(statements) => statements.iter().any(allows),
        statement => allows(statement),
    }
}

/// The actions that the role is not allowed, by IAM's own simulation: policies may be named anything. What hangs on a
/// condition that the simulator was not told of, or on the organization, holds for a role of our own as well. Where the caller
/// may not simulate, a role that has the policies of ours can do what ours could.
async fn cannot_do(
    aws: &Aws,
    role: &Role,
    attached: &BTreeSet<String>,
    wanted: &WantedRole,
) -> Result<Vec<String>, Error> {
    let mut denied = Vec::new();
    for deed in &wanted.must_do {
        let on = deed.on.as_ref().map(|arn| arn.replace("{account}", &aws.account));
        match simulate(aws, &role.arn, &deed.actions, on.as_deref()).await {
            Ok(verdicts) => {
                let refused = verdicts
                    .into_iter()
                    .filter(|(_, verdict)| matches!(verdict, Verdict::Denied | Verdict::NotGranted));
                denied.extend(refused.map(|(action, _)| action));
            }
            Err(error) if error.kind != Kind::Denied => return Err(error),
            Err(_) if wanted.managed.is_subset(attached) => return Ok(Vec::new()),
            Err(_) => return Ok(vec!["be tested (iam:SimulatePrincipalPolicy is denied)".to_owned()]),
        }
    }
    Ok(denied)
}

/// Environments other than this stack's, in this region, whose `option` names the role or profile: IAM would let them be broken.
///
/// # Errors
/// Where they cannot be read.
pub(super) async fn other_environments(
    cx: &WriteCx<Aws>,
    stack: &Stack,
    option: &str,
    name: &str,
) -> Result<Vec<String>, Error> {
    let aws = cx.read().aws();
    // IAM is the account's: it does not refuse to delete a role under instances that run in another region.
    let regions = aws.enabled_regions().await?;
    let users = join_all(regions.iter().map(|region| async move {
        let there = aws.in_region(region);
        match environments_in(&there, stack, option, name).await {
            Err(error) if error.kind == Kind::Unreachable && has_no_beanstalk(region).await => Ok(Vec::new()),
            users => believed(cx, region, name, users),
        }
    }));
    let users: Result<Vec<_>, Error> = users.await.into_iter().collect();
    Ok(users?.into_iter().flatten().collect())
}

/// Whether a region that can be reached has no Beanstalk: its endpoint has no name, as in mx-central-1 in 2026.
async fn has_no_beanstalk(region: &str) -> bool {
    let suffix = partitions::of_region(region).dns_suffix;
    let beanstalk = resolve(&format!("elasticbeanstalk.{region}.{suffix}"), 443).await;
    beanstalk.is_err() && resolve(&format!("ec2.{region}.{suffix}"), 443).await.is_ok()
}

/// The users of something in a region. One that cannot be read may hold some: what it might use stays. One that the
/// organization closes to the whole account holds none.
pub(super) fn believed(
    cx: &WriteCx<Aws>,
    region: &str,
    name: &str,
    users: Result<Vec<String>, Error>,
) -> Result<Vec<String>, Error> {
    users.or_else(|error| {
        if error.causes.iter().any(|cause| texts::is_denied_by_organization(cause)) {
            let text = format!("{region} is closed by a service control policy; nothing there is taken to use {name}");
            cx.settings().events.notice(text, None);
            return Ok(Vec::new());
        }
        Err(unread(region, name, &error))
    })
}

fn unread(region: &str, name: &str, error: &Error) -> Error {
    let mut kept = Error::new(
        Kind::Kept,
        format!("whether {name} is used in {region} cannot be told; it stays"),
    );
    kept.causes = std::iter::once(error.message.clone())
        .chain(error.causes.iter().cloned())
        .collect();
    kept.hint(Hint::from("let the caller read EC2 and Beanstalk there, then ").and_run("teardown"))
}

async fn environments_in(aws: &Aws, stack: &Stack, option: &str, name: &str) -> Result<Vec<String>, Error> {
    let environments = aws.beanstalk.describe_environments().include_deleted(false);
    let environments = environments.send().await.explain("list the environments")?;
    if environments.environments().is_empty() {
        aws.proof.of_reads(aws).await?;
    }
    let mut users = Vec::new();
    for environment in environments.environments() {
        let (Some(application), Some(environment)) = (environment.application_name(), environment.environment_name())
        else {
            continue;
        };
        let ours = aws.region == stack.region;
        if ours && application == stack.names.application && environment == stack.names.environment {
            continue;
        }
        let settings = aws.beanstalk.describe_configuration_settings();
        let settings = settings
            .application_name(application)
            .environment_name(environment)
            .send()
            .await;
        // It may have gone since it was listed.
        let settings = settings.or_absent(
            &["InvalidParameterValue"],
            &format!("read the settings of {environment}"),
        )?;
        let uses = settings.iter().flat_map(|settings| settings.configuration_settings());
        let mut options = uses.flat_map(|set| set.option_settings());
        let named = |value: &str| value == name || value.rsplit('/').next() == Some(name);
        if options.any(|set| set.option_name() == Some(option) && set.value().is_some_and(named)) {
            users.push(format!("environment {environment} of {application} in {}", aws.region));
        }
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_another_service_assumes_cannot_be_given_to_instances() {
        let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22lambda.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
        assert!(trusts(encoded, "lambda.amazonaws.com"));
        assert!(!trusts(encoded, "ec2.amazonaws.com"));
    }

    #[test]
    fn trust_is_seen_in_lists_and_in_a_single_statement_but_not_in_a_denial() {
        let one = r#"{"Statement": {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}}"#;
        assert!(trusts(one, "ec2.amazonaws.com"));
        assert!(!trusts(&one.replace("Allow", "Deny"), "ec2.amazonaws.com"));
        assert!(!trusts("not a policy", "ec2.amazonaws.com"));
    }
}
