//! What of a stack is there, whoever remembers it: by its tags, and by their own reads where no index has those.
//! Must know nothing of what becomes of it: a find is a hint, which its resource looks at before anything is done.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticbeanstalk::types::{ApplicationDescription, EnvironmentDescription, EnvironmentStatus};
use futures_util::future::try_join_all;

use super::network_parts::{Gateway, filter, gateways};
use super::ownership::{beanstalk_tags, from_ec2};
use super::{certificate, certificate_calls, distribution_calls, role_facts, roles, users_table};
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::aws::search::{self, Tagged};
use crate::aws::tags::{RESOURCE, STACK};
use crate::aws::{Aws, Ownership};
use crate::engine::{Error, Kind, Owner, ResourceId};
use crate::profile::{LoadBalancerMode, Names, Profile};

/// What carries a stack's tags.
#[derive(Debug, Default)]
pub struct Found {
    /// Resources by kind and name, as `Resource::name` has them.
    pub parts: BTreeSet<(ResourceId, String)>,
    /// Ids of distributions.
    pub distributions: Vec<String>,
    /// Ids of VPCs.
    pub networks: Vec<String>,
    /// What belongs to no resource by its kind, and to no environment: parts of a network, and what is not known here.
    pub others: Vec<Tagged>,
    /// Why something may have been missed.
    pub missed: Option<Error>,
}

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What AWS's index of tags has: enough where the record remembers the rest.
    Index,
    /// Roles and key pairs too, by their own lists.
    Everything,
}

/// The tag by which Beanstalk marks what it makes for an environment; it goes with it.
/// Source: the developer guide's applications-tagging-resources.
const OF_ENVIRONMENT: &str = "elasticbeanstalk:environment-id";

/// How each kind is found; docs/architecture.md has it as a table.
///
/// # Errors
/// Where AWS does not answer. What the caller may not read is missed, and said.
pub async fn find(aws: &Aws, ownership: &Ownership, reach: Reach) -> Result<Found, Error> {
    let mut found = Found::default();
    let tags = [
        (STACK, ownership.stack.as_str()),
        (crate::aws::tags::REGION, ownership.region.as_str()),
    ];
    let searches = search::regions(aws);
    let searches = searches
        .into_iter()
        .map(|region| async { search::tagged(aws, region, &tags).await });
    match try_join_all(searches).await {
        Ok(hits) => hits.into_iter().flatten().for_each(|hit| found.take(hit)),
        Err(error) if error.kind == Kind::Denied => {
            let mut hits = by_lists(aws, Some(&ownership.stack), &mut found.missed).await?;
            also_denied(&mut found.missed, &error);
            hits.retain(|hit| ownership.owner_by(&hit.tags) == Owner::Ours);
            hits.into_iter().for_each(|hit| found.take(hit));
        }
        Err(error) => return Err(error),
    }
    if reach == Reach::Index {
        return Ok(found);
    }
    let (pairs, roles) = tokio::join!(key_pairs(aws, &tags), roles_alike(aws, ownership));
    match pairs {
        Ok(pairs) => found.parts.extend(pairs),
        Err(error) => miss(&mut found.missed, error)?,
    }
    match roles {
        Ok(names) => our_roles(aws, ownership, names, &mut found).await?,
        Err(error) => miss(&mut found.missed, error)?,
    }
    Ok(found)
}

impl Found {
    fn take(&mut self, hit: Tagged) {
        match part_of(&hit) {
            // There is one default VPC, whatever its id.
            Part::Network(id) => {
                self.parts.insert(("default-vpc", String::new()));
                self.networks.push(id);
            }
            Part::Resource(kind, name) => {
                self.parts.insert((kind, name));
            }
            // Its rule is closed before what is behind it goes.
            Part::LoadBalancer(name) => {
                self.parts.insert(("listener-rule", name.clone()));
                self.parts.insert(("former-listener", name.clone()));
                self.parts.insert(("load-balancer", name));
            }
            Part::Distribution(id) => self.distributions.push(id),
            // Detached before it is deleted: it may be all that is left of the VPC.
            Part::Gateway => {
                self.parts.insert(("default-vpc", String::new()));
                self.others.push(hit);
            }
            Part::OfAnother => {}
            Part::Other => self.others.push(hit),
        }
    }
}

/// What may not be read is said later; all else ends the search.
pub(super) fn miss(missed: &mut Option<Error>, error: Error) -> Result<(), Error> {
    match error.kind {
        Kind::Denied => {
            missed.get_or_insert(error);
            Ok(())
        }
        _ => Err(error),
    }
}

/// What the lists do not tell, the search would have.
pub(super) fn also_denied(missed: &mut Option<Error>, search: &Error) {
    if let Some(missed) = missed {
        missed
            .causes
            .push(format!("nor may it be searched for: {}", search.in_a_line()));
    }
}

/// What was read of one of a list; `None` where it is gone since it was listed, or may not be read: it hides no other.
fn of_one<T>(missed: &mut Option<Error>, read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind == Kind::Missing => Ok(None),
        Err(error) => miss(missed, error).map(|()| None),
    }
}

#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Resource(ResourceId, String),
    LoadBalancer(String),
    Distribution(String),
    Network(String),
    Gateway,
    /// It goes with an environment or an application.
    OfAnother,
    Other,
}

/// The service and the resource of an ARN.
pub(super) fn words_of(arn: &str) -> (&str, &str) {
    let mut words = arn.splitn(6, ':').skip(2);
    (words.next().unwrap_or_default(), words.nth(2).unwrap_or_default())
}

/// Which resource an ARN with our tags is of. Source of the forms: the service authorization reference, resource types.
pub(super) fn part_of(hit: &Tagged) -> Part {
    let (service, resource) = words_of(&hit.arn);
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    match (service, kind) {
        ("elasticbeanstalk", "application") => Part::Resource("application", name.to_owned()),
        ("elasticbeanstalk", "environment") => {
            let name = name.rsplit('/').next().unwrap_or(name);
            Part::Resource("environment", name.to_owned())
        }
        ("elasticbeanstalk", _) => Part::OfAnother,
        // Known by the load balancer's name, which is its own; the index has its id only.
        ("ec2", "security-group") if hit.tags.get(RESOURCE).is_some_and(|of| of == "security-group") => {
            match hit.tags.get(STACK) {
                Some(stack) => Part::Resource("security-group", format!("eb-{stack}")),
                None => Part::Other,
            }
        }
        // Of its environment: the only part that may outlive it unseen, since EC2 deletes none that another group refers to
        // (aws/elastic-beanstalk-roadmap#229).
        ("ec2", "security-group") => Part::Other,
        _ if hit.tags.contains_key(OF_ENVIRONMENT) => Part::OfAnother,
        ("dynamodb", "table") if !name.contains('/') => Part::Resource(users_table::ID, name.to_owned()),
        ("ec2", "vpc") => Part::Network(name.to_owned()),
        ("ec2", "internet-gateway") => Part::Gateway,
        // Read by themselves: the index has their ids only.
        ("ec2", "key-pair") => Part::OfAnother,
        ("elasticloadbalancing", "loadbalancer") => {
            match name.strip_prefix("app/").and_then(|rest| rest.split('/').next()) {
                Some(name) => Part::LoadBalancer(name.to_owned()),
                None => Part::Other,
            }
        }
        // They go with it.
        ("elasticloadbalancing", "listener" | "listener-rule") => Part::OfAnother,
        ("wafv2", "global") => match name.split('/').nth(1) {
            Some(name) => Part::Resource("web-acl", name.to_owned()),
            None => Part::Other,
        },
        ("cloudfront", "distribution") => Part::Distribution(name.to_owned()),
        ("acm", "certificate") => match hit.tags.get(certificate::NAMES) {
            Some(names) => Part::Resource(certificate::kind(&hit.tags), names.clone()),
            None => Part::Other,
        },
        _ => Part::Other,
    }
}

async fn key_pairs(aws: &Aws, tags: &[(&str, &str)]) -> Result<Vec<(ResourceId, String)>, Error> {
    let filters = tags.iter().map(|(key, value)| filter(&format!("tag:{key}"), value));
    let describe = aws.ec2.describe_key_pairs().set_filters(Some(filters.collect()));
    let answer = describe.send().await.explain("list the stack's key pairs")?;
    let pairs = answer.key_pairs.unwrap_or_default().into_iter();
    Ok(pairs.filter_map(|pair| Some(("key-pair", pair.key_name?))).collect())
}

/// Roles by the description that we give them: no list of IAM's has tags, and there may be thousands.
async fn roles_alike(aws: &Aws, ownership: &Ownership) -> Result<Vec<String>, Error> {
    let description = roles::description(&ownership.stack, &ownership.region);
    let all = paging::all(async |marker: Option<String>| {
        let list = aws.iam.list_roles().max_items(1000).set_marker(marker);
        let page = list.send().await.explain("list the roles")?;
        Ok(Page::new(page.roles, page.marker))
    });
    let roles = all.await?.into_iter();
    let alike = roles.filter(|role| role.description.as_deref() == Some(&description));
    Ok(alike.map(|role| role.role_name).collect())
}

/// Those of these roles that are ours by their tags.
async fn our_roles(aws: &Aws, ownership: &Ownership, names: Vec<String>, found: &mut Found) -> Result<(), Error> {
    for name in names {
        let tags = role_facts::role_tags(aws, &name).await;
        let Some(tags) = of_one(&mut found.missed, tags)? else {
            continue;
        };
        if ownership.owner_by(&tags) != Owner::Ours {
            continue;
        }
        let part = match tags.get(RESOURCE).map(String::as_str) {
            Some("service-role") => Some(("service-role", name)),
            Some("instance-profile") => {
                let profile = of_one(&mut found.missed, profile_of(aws, &name).await)?;
                profile.map(|profile| ("instance-profile", profile))
            }
            _ => None,
        };
        found.parts.extend(part);
    }
    Ok(())
}

/// The instance profile that a role is in; it has the role's name where there is none.
async fn profile_of(aws: &Aws, role: &str) -> Result<String, Error> {
    let list = aws.iam.list_instance_profiles_for_role().role_name(role);
    let page = list
        .send()
        .await
        .explain(&format!("list the instance profiles of the role {role}"))?;
    let first = page.instance_profiles.into_iter().next();
    Ok(first.map_or_else(|| role.to_owned(), |profile| profile.instance_profile_name))
}

/// What lists give.
#[derive(Default)]
struct Listed {
    hits: Vec<Tagged>,
    missed: Option<Error>,
}

impl Listed {
    fn take(&mut self, arn: String, tags: Result<BTreeMap<String, String>, Error>) -> Result<(), Error> {
        let tags = of_one(&mut self.missed, tags)?;
        self.hits.extend(tags.map(|tags| Tagged { arn, tags }));
        Ok(())
    }
}

/// What the search would give, for who may not search: each service's list, and the tags of what it has. Whose that is nobody has
/// asked yet; VPCs are those of one stack, or of any.
pub(super) async fn by_lists(aws: &Aws, stack: Option<&str>, missed: &mut Option<Error>) -> Result<Vec<Tagged>, Error> {
    let mut hits = Vec::new();
    let lists = [
        tables(aws).await,
        beanstalk(aws).await,
        networks(aws, stack).await,
        distributions(aws).await,
        web_acls(aws).await,
        certificates(aws).await,
        load_balancers(aws).await,
        security_groups(aws, stack).await,
    ];
    for list in lists {
        match list {
            Ok(list) => {
                hits.extend(list.hits);
                *missed = missed.take().or(list.missed);
            }
            Err(error) => miss(missed, error)?,
        }
    }
    Ok(hits)
}

async fn tables(aws: &Aws) -> Result<Listed, Error> {
    let names = paging::all(async |start: Option<String>| {
        let list = aws.dynamodb.list_tables().set_exclusive_start_table_name(start);
        let page = list.send().await.explain("list the tables")?;
        Ok(Page::new(
            page.table_names.unwrap_or_default(),
            page.last_evaluated_table_name,
        ))
    });
    let mut listed = Listed::default();
    for name in names.await? {
        let arn = aws.table_arn(&name);
        let tags = users_table::tags(aws, &name, &arn).await;
        listed.take(arn, tags)?;
    }
    Ok(listed)
}

/// All of the region.
pub(super) async fn applications(aws: &Aws) -> Result<Vec<ApplicationDescription>, Error> {
    let answer = aws.beanstalk.describe_applications().send().await;
    Ok(answer
        .explain("list the applications")?
        .applications
        .unwrap_or_default())
}

/// All of the region that are there.
pub(super) async fn environments(aws: &Aws) -> Result<Vec<EnvironmentDescription>, Error> {
    let describe = aws.beanstalk.describe_environments().include_deleted(false);
    let answer = describe.send().await.explain("list the environments")?;
    let mut all = answer.environments.unwrap_or_default();
    // One that has just ended may still be among them.
    all.retain(|one| one.status != Some(EnvironmentStatus::Terminated));
    Ok(all)
}

async fn beanstalk(aws: &Aws) -> Result<Listed, Error> {
    let (applications, environments) = (applications(aws).await?, environments(aws).await?);
    let mut listed = Listed::default();
    if applications.is_empty() || environments.is_empty() {
        // Without permission they are empty too.
        of_one(&mut listed.missed, aws.proof.of_reads(aws).await)?;
    }
    let arns = applications.into_iter().filter_map(|one| one.application_arn);
    let arns = arns.chain(environments.into_iter().filter_map(|one| one.environment_arn));
    for arn in arns {
        let tags = beanstalk_tags(aws, &arn).await;
        listed.take(arn, tags)?;
    }
    Ok(listed)
}

async fn networks(aws: &Aws, stack: Option<&str>) -> Result<Listed, Error> {
    let answer = aws.ec2.describe_vpcs().filters(with_tag(stack)).send().await;
    let vpcs = answer
        .explain("list the VPCs that carry a stack's tags")?
        .vpcs
        .unwrap_or_default();
    let arn = |kind: &str, id: &str| {
        let (partition, region, account) = (aws.partition(), &aws.region, &aws.account);
        format!("arn:{partition}:ec2:{region}:{account}:{kind}/{id}")
    };
    let vpcs = vpcs.into_iter().filter_map(|vpc| {
        let tags = from_ec2(vpc.tags());
        let arn = arn("vpc", vpc.vpc_id.as_deref()?);
        Some(Tagged { arn, tags })
    });
    let gateways = gateways(aws).await?.into_iter().map(|Gateway { part, .. }| Tagged {
        arn: arn("internet-gateway", &part.id),
        tags: part.tags,
    });
    Ok(Listed {
        hits: vpcs.chain(gateways).collect(),
        missed: None,
    })
}

async fn distributions(aws: &Aws) -> Result<Listed, Error> {
    let mut listed = Listed::default();
    if aws.partition() != "aws" {
        return Ok(listed);
    }
    for one in distribution_calls::list(aws, |_| true).await? {
        let tags = distribution_calls::tags(aws, &one.arn).await;
        listed.take(one.arn, tags)?;
    }
    Ok(listed)
}

async fn web_acls(aws: &Aws) -> Result<Listed, Error> {
    let mut listed = Listed::default();
    if aws.partition() != "aws" {
        return Ok(listed);
    }
    let all =
        paging::all(async |marker: Option<String>| aws.waf.list_web_acls(marker).await.explain("list the web ACLs"));
    for arn in all.await?.into_iter().filter_map(|acl| acl.arn) {
        let tags = super::web_acl::tags(aws, &arn).await;
        listed.take(arn, tags)?;
    }
    Ok(listed)
}

async fn certificates(aws: &Aws) -> Result<Listed, Error> {
    let mut listed = Listed::default();
    if aws.partition() != "aws" {
        return Ok(listed);
    }
    for arn in certificate_calls::list_everywhere(aws, |_| true).await? {
        let tags = certificate_calls::tags(certificate_calls::acm_of(aws, &arn), &arn).await;
        listed.take(arn, tags)?;
    }
    Ok(listed)
}

/// Of load balancers those that could be a stack's own: others go with their environments.
async fn load_balancers(aws: &Aws) -> Result<Listed, Error> {
    let all = paging::all(async |marker: Option<String>| {
        let page = aws.elb.list_load_balancers(marker).await;
        page.explain("list the load balancers")
    });
    let all = all.await?.into_iter();
    let of_stacks = all.filter(|one| one.name.as_ref().is_some_and(|name| name.starts_with("eb-")));
    let mut listed = Listed::default();
    for arn in of_stacks.filter_map(|one| one.arn) {
        let tags = aws.elb.tags(&[&arn]).await.explain("read the tags of a load balancer");
        let tags = tags.map(|mut tags| tags.remove(&arn).unwrap_or_default());
        listed.take(arn, tags)?;
    }
    Ok(listed)
}

async fn security_groups(aws: &Aws, stack: Option<&str>) -> Result<Listed, Error> {
    let describe = aws.ec2.describe_security_groups().filters(with_tag(stack));
    let answer = describe
        .send()
        .await
        .explain("list the security groups that carry a stack's tags")?;
    let groups = answer.security_groups.unwrap_or_default().into_iter();
    let (partition, region, account) = (aws.partition(), &aws.region, &aws.account);
    let hits = groups.filter_map(|group| {
        let id = group.group_id()?;
        Some(Tagged {
            arn: format!("arn:{partition}:ec2:{region}:{account}:security-group/{id}"),
            tags: from_ec2(group.tags()),
        })
    });
    // An environment's carry its tags as well, and go with it.
    let own = |hit: &Tagged| !hit.tags.contains_key(OF_ENVIRONMENT);
    Ok(Listed {
        hits: hits.filter(own).collect(),
        missed: None,
    })
}

/// What carries the tag of this stack, or of any.
fn with_tag(stack: Option<&str>) -> aws_sdk_ec2::types::Filter {
    match stack {
        Some(stack) => filter(&format!("tag:{STACK}"), stack),
        None => filter("tag-key", STACK),
    }
}

/// Of these, what is still there: the index has what was deleted for hours. `None` where nothing here can tell.
///
/// # Errors
/// Where it cannot be read.
pub async fn still_there(aws: &Aws, hit: &Tagged) -> Result<Option<bool>, Error> {
    let (service, resource) = words_of(&hit.arn);
    let ("ec2", Some((_, id))) = (service, resource.split_once('/')) else {
        return Ok(None);
    };
    let describe = aws.ec2.describe_tags().filters(filter("resource-id", id));
    let answer = describe
        .send()
        .await
        .explain(&format!("see whether {id} is still there"))?;
    Ok(Some(!answer.tags.unwrap_or_default().is_empty()))
}

/// A profile whose graph has every kind of resource.
pub fn of_every_kind() -> Profile {
    let mut profile = Profile::default();
    profile.load_balancer.mode = LoadBalancerMode::Own;
    profile.domain.name = Some("example.org".to_owned());
    profile
}

/// The profile of a stack that has a resource of this kind and name: names of its own are the profile's.
pub fn profile_with(kind: ResourceId, name: &str) -> Profile {
    let mut profile = of_every_kind();
    let is_certificate = [certificate::ID, certificate::OF_ORIGIN].contains(&kind);
    let mut names = name.split(' ').map(str::to_owned).filter(|_| is_certificate);
    profile.domain.name = names.next();
    profile.domain.also = names.collect();
    profile
}

/// Whether what carries no tags is looked for where this kind was found: the records of a certificate's names.
pub fn goes_with(found: ResourceId, kind: ResourceId) -> bool {
    found == certificate::ID && kind == super::domain_records::ID
}

/// Gives one resource of a stack another name, for the one of this name that was found.
pub fn rename(names: &mut Names, kind: ResourceId, name: &str) {
    let place = match kind {
        "application" => &mut names.application,
        "environment" => &mut names.environment,
        "users-table" => &mut names.table,
        "key-pair" => &mut names.key_pair,
        "service-role" => &mut names.service_role,
        "instance-profile" => {
            names.instance_role = name.to_owned();
            &mut names.instance_profile
        }
        "web-acl" => &mut names.web_acl,
        "load-balancer" | "listener-rule" | "former-listener" | "security-group" => &mut names.load_balancer,
        _ => return,
    };
    *place = name.to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(arn: &str) -> Tagged {
        Tagged {
            arn: arn.to_owned(),
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn each_kind_is_known_by_its_arn() {
        let resource = |kind, name: &str| Part::Resource(kind, name.to_owned());
        for (arn, part) in [
            (
                "arn:aws:dynamodb:us-east-1:1:table/users",
                resource("users-table", "users"),
            ),
            (
                "arn:aws:elasticbeanstalk:us-east-1:1:application/a",
                resource("application", "a"),
            ),
            (
                "arn:aws:elasticbeanstalk:us-east-1:1:environment/a/a-env",
                resource("environment", "a-env"),
            ),
            (
                "arn:aws:elasticbeanstalk:us-east-1:1:applicationversion/a/v1",
                Part::OfAnother,
            ),
            ("arn:aws:ec2:us-east-1:1:vpc/vpc-1", Part::Network("vpc-1".to_owned())),
            ("arn:aws:ec2:us-east-1:1:subnet/subnet-1", Part::Other),
            ("arn:aws:ec2:us-east-1:1:internet-gateway/igw-1", Part::Gateway),
            ("arn:aws:ec2:us-east-1:1:key-pair/key-1", Part::OfAnother),
            (
                "arn:aws:wafv2:us-east-1:1:global/webacl/mine/9-9",
                resource("web-acl", "mine"),
            ),
            (
                "arn:aws:cloudfront::1:distribution/E1",
                Part::Distribution("E1".to_owned()),
            ),
            ("arn:aws:acm:us-east-1:1:certificate/1-2", Part::Other),
            (
                "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/eb-one/0123456789abcdef",
                Part::LoadBalancer("eb-one".to_owned()),
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:1:listener-rule/app/eb-one/0123456789abcdef/1/2",
                Part::OfAnother,
            ),
            ("arn:aws:s3:::a-bucket", Part::Other),
            ("nonsense", Part::Other),
        ] {
            assert_eq!(part_of(&hit(arn)), part, "{arn}");
        }
        let mut certificate = hit("arn:aws:acm:us-east-1:1:certificate/1-2");
        let names = "example.org www.example.org";
        certificate.tags.insert(certificate::NAMES.to_owned(), names.to_owned());
        assert_eq!(part_of(&certificate), resource("certificate", names));
        assert_eq!(
            profile_with("certificate", names).site_names(),
            ["example.org", "www.example.org"]
        );
        let mut of_environment = hit("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/x/1");
        of_environment.tags.insert(OF_ENVIRONMENT.to_owned(), "e-1".to_owned());
        assert_eq!(part_of(&of_environment), Part::OfAnother);
        of_environment.arn = "arn:aws:ec2:us-east-1:1:security-group/sg-1".to_owned();
        assert_eq!(part_of(&of_environment), Part::Other);
    }
}
