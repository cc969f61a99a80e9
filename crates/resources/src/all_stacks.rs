//! Every stack of the account in one region: by the tags of what is there, and by the records where the index does not show one
//! yet. A find is confirmed by its service's own read, which is one for all stacks wherever the service has such a one: Beanstalk
//! gives all its reads one bucket of requests (aws/aws-toolkit-azure-devops#62).
//! Must know nothing of what becomes of a stack.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::TagDescription;
use aws_sdk_elasticbeanstalk::types::{ApplicationDescription, EnvironmentDescription};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::found::{self, Part, part_of, words_of};
use super::network_parts::filter;
use super::ownership::beanstalk_tags;
use super::{certificate_calls, distribution_calls, users_table};
use crate::aws::errors::Explain;
use crate::aws::paging::{self, Page};
use crate::aws::record::{self, APPLIED, Record};
use crate::aws::search::{self, Tagged};
use crate::aws::tags::{REGION, STACK};
use crate::aws::{Aws, Ownership, lifetime};
use crate::engine::{Error, Kind, Owner, ResourceId};
use crate::profile::{self, Names, Profile, StackName};

/// So many reads of one service that cannot be asked for all stacks at once go on side by side.
const SIDE_BY_SIDE: usize = 8;

/// What a look at a region found.
#[derive(Debug)]
pub struct AllStacks {
    /// By name.
    pub stacks: Vec<StackSeen>,
    /// AWS's time of the look.
    pub now: Timestamp,
    /// Why some may have been missed.
    pub missed: Option<Error>,
}

/// One stack, as far as it is seen from outside.
#[derive(Debug)]
pub struct StackSeen {
    pub name: StackName,
    /// What is there, by kind and name; of roles and key pairs no index tells whose they are.
    pub parts: BTreeSet<(ResourceId, String)>,
    pub applications: Vec<SeenApplication>,
    pub environments: Vec<SeenEnvironment>,
    /// As the record has it.
    pub profile: Option<Profile>,
    /// Its oldest trace.
    pub since: Option<Timestamp>,
    /// Whether its record says when its time is over.
    pub is_to_end: bool,
}

#[derive(Debug)]
pub struct SeenApplication {
    pub arn: String,
    /// As the search has them: late by minutes.
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct SeenEnvironment {
    pub status: String,
    /// In the words of enhanced health, else its colour.
    pub health: String,
}

/// All stacks of the region, or the one of this name.
///
/// # Errors
/// Where AWS does not answer. What the caller may not read is missed, and said.
pub async fn find(aws: &Aws, only: Option<&StackName>) -> Result<AllStacks, Error> {
    let (found, records, listed, now) = tokio::try_join!(
        search(aws, only),
        record::all(aws),
        Beanstalk::look(aws),
        lifetime::now(aws)
    )?;
    let mut missed = found.missed.or(listed.missed.clone());
    let mut stacks: BTreeMap<StackName, StackSeen> = BTreeMap::new();
    let there = There::of(aws, &found.hits, &mut missed).await?;
    for hit in found.hits {
        let Some(name) = hit.tags.get(STACK).and_then(|name| name.parse::<StackName>().ok()) else {
            continue;
        };
        let Some(part) = confirmed(&hit, &there, &listed) else {
            continue;
        };
        let stack = stacks.entry(name.clone()).or_insert_with(|| StackSeen::new(name));
        stack.take(part, hit, &listed);
    }
    let recorded = records.keys().filter_map(|name| name.parse::<StackName>().ok());
    let recorded: BTreeSet<StackName> = recorded.filter(|name| only.is_none_or(|only| only == name)).collect();
    let names: BTreeSet<&StackName> = stacks.keys().chain(&recorded).collect();
    let mut profiles = profiles(aws, &names, &mut missed).await?;
    for name in &recorded {
        let is_known = stacks.get(name).is_some_and(|stack| !stack.applications.is_empty());
        if let (false, Some(profile)) = (is_known, profiles.get(name)) {
            let stack = stacks.remove(name).unwrap_or_else(|| StackSeen::new(name.clone()));
            let found = by_record(aws, stack, profile, &listed, &mut missed).await?;
            stacks.extend(found.map(|stack| (name.clone(), stack)));
        }
    }
    let mut stacks: Vec<StackSeen> = stacks.into_values().collect();
    for stack in &mut stacks {
        let created = listed.created(stack).filter(|created| *created <= now);
        let record = records.get(stack.name.as_str());
        let recorded = record.and_then(|record| lifetime::timestamp(record.since?));
        stack.since = created.into_iter().chain(recorded).min();
        stack.is_to_end = record.is_some_and(|record| record.names.iter().any(|name| name == lifetime::NAME));
        stack.profile = profiles.remove(&stack.name);
    }
    Ok(AllStacks { stacks, now, missed })
}

impl StackSeen {
    fn new(name: StackName) -> Self {
        Self {
            name,
            parts: BTreeSet::new(),
            applications: Vec::new(),
            environments: Vec::new(),
            profile: None,
            since: None,
            is_to_end: false,
        }
    }

    /// When its time is over, as the search shows it.
    pub fn expires(&self) -> Option<&str> {
        let mut tags = self.applications.iter().map(|application| &application.tags);
        tags.find_map(|tags| tags.get(lifetime::EXPIRES)).map(String::as_str)
    }

    fn take(&mut self, part: (ResourceId, String), hit: Tagged, listed: &Beanstalk) {
        if !self.parts.insert(part.clone()) {
            return;
        }
        match part.0 {
            "application" => self.applications.push(SeenApplication {
                arn: hit.arn,
                tags: hit.tags,
            }),
            "environment" => self.environments.extend(listed.environment(&part.1).map(seen)),
            _ => {}
        }
    }
}

/// What carries the tags of a stack.
struct Hits {
    hits: Vec<Tagged>,
    missed: Option<Error>,
}

async fn search(aws: &Aws, only: Option<&StackName>) -> Result<Hits, Error> {
    let only = only.map(StackName::as_str);
    let tags = [(STACK, only), (REGION, Some(aws.region.as_str()))];
    let mut found = Hits {
        hits: Vec::new(),
        missed: None,
    };
    for region in search::regions(aws) {
        match search::all_tagged(aws, region, &tags).await {
            Ok(hits) => found.hits.extend(hits),
            Err(error) if error.kind == Kind::Denied => {
                found.hits = found::by_lists(aws, only, &mut found.missed).await?;
                found::also_denied(&mut found.missed, &error);
                let has = |hit: &Tagged, key: &str, value: &str| hit.tags.get(key).is_some_and(|tag| tag == value);
                found.hits.retain(|hit| {
                    hit.tags.contains_key(STACK)
                        && has(hit, REGION, &aws.region)
                        && only.is_none_or(|only| has(hit, STACK, only))
                });
                return Ok(found);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// All that Beanstalk has in the region, in two reads.
struct Beanstalk {
    applications: Vec<ApplicationDescription>,
    environments: Vec<EnvironmentDescription>,
    missed: Option<Error>,
}

impl Beanstalk {
    async fn look(aws: &Aws) -> Result<Self, Error> {
        let mut all = Self {
            applications: found::applications(aws).await?,
            environments: found::environments(aws).await?,
            missed: None,
        };
        if all.applications.is_empty() {
            // Without permission it is empty too.
            if let Err(error) = aws.proof.of_reads(aws).await {
                found::miss(&mut all.missed, error)?;
            }
        }
        Ok(all)
    }

    fn application(&self, name: &str) -> Option<&ApplicationDescription> {
        let mut all = self.applications.iter();
        all.find(|one| one.application_name() == Some(name))
    }

    fn environment(&self, name: &str) -> Option<&EnvironmentDescription> {
        let mut all = self.environments.iter();
        all.find(|one| one.environment_name() == Some(name))
    }

    fn created(&self, stack: &StackSeen) -> Option<Timestamp> {
        let named = stack.parts.iter().filter(|(kind, _)| *kind == "application");
        let created = named.filter_map(|(_, name)| self.application(name)?.date_created().copied());
        created.filter_map(lifetime::timestamp).min()
    }
}

fn seen(environment: &EnvironmentDescription) -> SeenEnvironment {
    let enhanced = environment.health_status().map(|health| health.as_str());
    let health = enhanced.or_else(|| environment.health().map(|health| health.as_str()));
    SeenEnvironment {
        status: environment.status().map_or("", |status| status.as_str()).to_owned(),
        health: health.unwrap_or_default().to_owned(),
    }
}

/// What of the finds is there, by what their services say; none is asked that has no find.
#[derive(Default)]
struct There {
    tables: BTreeSet<String>,
    distributions: BTreeSet<String>,
    /// By ARN.
    web_acls: BTreeSet<String>,
    /// By ARN.
    certificates: BTreeSet<String>,
    /// Ids of what carries the tag of a stack in EC2.
    in_ec2: BTreeSet<String>,
    /// By ARN.
    load_balancers: BTreeSet<String>,
}

impl There {
    async fn of(aws: &Aws, hits: &[Tagged], missed: &mut Option<Error>) -> Result<Self, Error> {
        let parts: Vec<Part> = hits.iter().map(part_of).collect();
        let of_kind = |kind: &str| {
            let named = parts.iter().filter_map(move |part| match part {
                Part::Resource(is, name) if *is == kind => Some(name.clone()),
                _ => None,
            });
            named.collect::<BTreeSet<String>>()
        };
        let mut there = Self::default();
        match tables(aws, of_kind(users_table::ID)).await {
            Ok(tables) => there.tables = tables,
            Err(error) => found::miss(missed, error)?,
        }
        if parts.iter().any(|part| matches!(part, Part::Distribution(_))) {
            match distribution_calls::list(aws, |_| true).await {
                Ok(all) => there.distributions = all.into_iter().map(|one| one.id).collect(),
                Err(error) => found::miss(missed, error)?,
            }
        }
        if !of_kind("web-acl").is_empty() {
            let all = paging::all(async |marker: Option<String>| {
                aws.waf.list_web_acls(marker).await.explain("list the web ACLs")
            });
            match all.await {
                Ok(all) => there.web_acls = all.into_iter().filter_map(|acl| acl.arn).collect(),
                Err(error) => found::miss(missed, error)?,
            }
        }
        if !of_kind("certificate").is_empty() || !of_kind("origin-certificate").is_empty() {
            match certificate_calls::list_everywhere(aws, |_| true).await {
                Ok(all) => there.certificates = all.into_iter().collect(),
                Err(error) => found::miss(missed, error)?,
            }
        }
        if parts.iter().any(|part| matches!(part, Part::LoadBalancer(_))) {
            let all = paging::all(async |marker: Option<String>| {
                aws.elb
                    .list_load_balancers(marker)
                    .await
                    .explain("list the load balancers")
            });
            match all.await {
                Ok(all) => there.load_balancers = all.into_iter().filter_map(|one| one.arn).collect(),
                Err(error) => found::miss(missed, error)?,
            }
        }
        let of_ec2 = |part: &Part| {
            matches!(
                part,
                Part::Network(_) | Part::Gateway | Part::Resource("security-group", _)
            )
        };
        if parts.iter().any(of_ec2) {
            match tagged_in_ec2(aws).await {
                Ok(ids) => there.in_ec2 = ids,
                Err(error) => found::miss(missed, error)?,
            }
        }
        Ok(there)
    }
}

/// Those of these tables that are there.
async fn tables(aws: &Aws, names: BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let described = stream::iter(names).map(|name| async move {
        let answer = aws.dynamodb.describe_table().table_name(&name).send().await;
        let answer = answer.or_absent(&["ResourceNotFoundException"], &format!("describe the table {name}"))?;
        Ok::<_, Error>(answer.map(|_| name))
    });
    let described: Vec<Option<String>> = described.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    Ok(described.into_iter().flatten().collect())
}

async fn tagged_in_ec2(aws: &Aws) -> Result<BTreeSet<String>, Error> {
    let tags = paging::all(async |token: Option<String>| {
        let describe = aws.ec2.describe_tags().filters(filter("key", STACK));
        let page = describe.set_next_token(token).send().await;
        let page = page.explain("see what carries a stack's tag in EC2")?;
        Ok(Page::new(page.tags.unwrap_or_default(), page.next_token))
    });
    let ids = tags
        .await?
        .into_iter()
        .filter_map(|tag: TagDescription| tag.resource_id);
    Ok(ids.collect())
}

/// The part of a stack that a find is, if it is there.
fn confirmed(hit: &Tagged, there: &There, listed: &Beanstalk) -> Option<(ResourceId, String)> {
    let (_, resource) = words_of(&hit.arn);
    let id = resource.split('/').nth(1).unwrap_or_default();
    match part_of(hit) {
        Part::Resource(kind, name) => {
            let is_there = match kind {
                "application" => listed.application(&name).is_some(),
                "environment" => listed.environment(&name).is_some(),
                "certificate" | "origin-certificate" => there.certificates.contains(&hit.arn),
                "web-acl" => there.web_acls.contains(&hit.arn),
                "security-group" => there.in_ec2.contains(id),
                _ => there.tables.contains(&name),
            };
            is_there.then_some((kind, name))
        }
        Part::Distribution(id) => there.distributions.contains(&id).then_some(("distribution", id)),
        Part::LoadBalancer(name) => there
            .load_balancers
            .contains(&hit.arn)
            .then_some(("load-balancer", name)),
        Part::Network(_) | Part::Gateway => there.in_ec2.contains(id).then(|| ("default-vpc", id.to_owned())),
        Part::OfAnother | Part::Other => None,
    }
}

/// The profiles that the stacks were last put up with. One that nobody can read is none.
async fn profiles(
    aws: &Aws,
    names: &BTreeSet<&StackName>,
    missed: &mut Option<Error>,
) -> Result<BTreeMap<StackName, Profile>, Error> {
    let read = stream::iter(names.iter().copied()).map(|name| async move {
        let text = Record::new(aws, name.as_str()).read(aws, APPLIED).await;
        (name, text)
    });
    let read: Vec<_> = read.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let mut profiles = BTreeMap::new();
    for (name, text) in read {
        match text {
            Ok(Some(text)) => {
                let parsed = profile::parse(APPLIED, &String::from_utf8_lossy(&text), &[]);
                profiles.extend(parsed.ok().map(|profile| (name.clone(), profile)));
            }
            Ok(None) => {}
            Err(error) => found::miss(missed, error)?,
        }
    }
    Ok(profiles)
}

/// What there is of a stack that the search does not show: its application, if its own tags say so, and the environment in it.
async fn by_record(
    aws: &Aws,
    mut stack: StackSeen,
    profile: &Profile,
    listed: &Beanstalk,
    missed: &mut Option<Error>,
) -> Result<Option<StackSeen>, Error> {
    let shown = |stack: StackSeen| (!stack.parts.is_empty()).then_some(stack);
    let names = Names::resolve(profile, &stack.name, &aws.region);
    let Some(application) = listed.application(&names.application) else {
        return Ok(shown(stack));
    };
    let arn = application.application_arn().unwrap_or_default().to_owned();
    let tags = match beanstalk_tags(aws, &arn).await {
        Ok(tags) => tags,
        Err(error) if error.kind == Kind::Missing => return Ok(shown(stack)),
        Err(error) => {
            found::miss(missed, error)?;
            return Ok(shown(stack));
        }
    };
    if ownership(aws, &stack.name).owner_by(&tags) != Owner::Ours {
        return Ok(shown(stack));
    }
    stack.parts.insert(("application", names.application.clone()));
    stack.applications.push(SeenApplication { arn, tags });
    let of_it = |one: &&EnvironmentDescription| one.application_name() == Some(&names.application);
    if let Some(environment) = listed.environment(&names.environment).filter(of_it)
        && stack.parts.insert(("environment", names.environment.clone()))
    {
        stack.environments.push(seen(environment));
    }
    Ok(Some(stack))
}

fn ownership(aws: &Aws, stack: &StackName) -> Ownership {
    Ownership {
        stack: stack.to_string(),
        region: aws.region.clone(),
        extra: BTreeMap::new(),
    }
}

/// Whether the stack's time is over, by what its applications' own tags say now: the search shows a tag late, and what is removed
/// must be ours by a read of its own. One of which neither the search nor the record knows an end is not asked.
///
/// # Errors
/// Where AWS does not answer.
pub async fn judge(aws: &Aws, stack: &StackSeen) -> Result<lifetime::Verdict, Error> {
    if stack.expires().is_none() && !stack.is_to_end {
        return Ok(lifetime::Verdict::Unlimited);
    }
    let ownership = ownership(aws, &stack.name);
    let mut expiries = Vec::new();
    for application in &stack.applications {
        let tags = beanstalk_tags(aws, &application.arn).await?;
        let is_ours = ownership.owner_by(&tags) == Owner::Ours;
        expiries.push(tags.get(lifetime::EXPIRES).filter(|_| is_ours).cloned());
    }
    let record = Record::new(aws, stack.name.as_str());
    lifetime::judge(aws, &record, &expiries).await
}
