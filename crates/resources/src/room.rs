//! Whether what is to be made fits into the account's quotas. Asked only where something is to be made.
//! Must know nothing of how a plan is shown.

use futures_util::future::join_all;

use super::stack::Stack;
use super::{distribution_calls, found};
use crate::aws::errors::Explain;
use crate::aws::quotas::{self, Quota};
use crate::aws::{Aws, instance_types, paging};
use crate::engine::{Error, Hint, ResourceId};
use crate::profile::Profile;

/// What one resource takes of one quota.
#[derive(Debug)]
pub struct Figure {
    pub resource: ResourceId,
    pub quota: Quota,
    /// How much of it the resource takes.
    pub needed: f64,
    /// How much there is, and how much of it others take; or why that is not known.
    pub room: Result<Room, Error>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    pub value: f64,
    pub used: f64,
}

impl Figure {
    pub fn fits(&self) -> bool {
        self.room
            .as_ref()
            .is_ok_and(|room| room.used + self.needed <= room.value)
    }

    /// `of the quota EC2-VPC Elastic IPs (L-0263D0A3) 5 of 5 are in use, and 1 more is needed`; `None` where it is not known.
    pub fn told(&self) -> Option<String> {
        let Room { value, used } = self.room.as_ref().ok()?;
        let (Quota { name, code, .. }, needed) = (self.quota, self.needed);
        Some(format!(
            "of the quota {name} ({code}) {used} of {value} are in use, and {needed} more {} needed",
            if needed == 1.0 { "is" } else { "are" }
        ))
    }

    /// What can be done where it does not fit.
    pub fn way_out(&self) -> Hint {
        let used = self.room.as_ref().map_or(0.0, |room| room.used);
        let hint = Hint::from("ask for more: ").and_run(self.quota.ask_for(used + self.needed));
        let other = match self.quota {
            quotas::ADDRESSES => "; or with --set environment.type=LoadBalanced, which takes none",
            quotas::LOAD_BALANCERS => "; or with --set environment.type=SingleInstance, which has none",
            quotas::STANDARD_VCPUS => "; or with fewer or smaller instances, as with --set scaling.min=1",
            quotas::DISTRIBUTIONS => "; or with --set cdn.enabled=false",
            quotas::WEB_ACLS => "; or with --set waf.enabled=false",
            _ => "",
        };
        let hint = hint.and(format!("{other}; ")).and_run("list");
        hint.and(" shows which stacks there are, and ")
            .and_run("reap")
            .and(" which have had their time")
    }
}

/// How the resources that are to be made fit. What nobody may read is said in its figure.
pub async fn figures(aws: &Aws, stack: &Stack, made: &[ResourceId]) -> Vec<Figure> {
    let profile = &stack.profile;
    let wanted = wanted(profile)
        .into_iter()
        .filter(|(resource, _)| made.contains(resource));
    let figures = wanted.map(|(resource, quota)| async move {
        let asked = async {
            let value = quota.value(aws).await?;
            let (used, needed) = tokio::try_join!(used(aws, stack, quota), needed(aws, profile, quota))?;
            Ok((value, used, needed))
        };
        let (needed, room) = match asked.await {
            Ok((value, used, needed)) => (needed, Ok(Room { value, used })),
            Err(error) => (1.0, Err(error)),
        };
        Figure {
            resource,
            quota,
            needed,
            room,
        }
    });
    join_all(figures).await
}

/// What takes which quota.
fn wanted(profile: &Profile) -> Vec<(ResourceId, Quota)> {
    let reached = match profile.is_load_balanced() {
        true => quotas::LOAD_BALANCERS,
        // Beanstalk gives each single instance an Elastic IP (aws/elastic-beanstalk-roadmap#73, #47).
        false => quotas::ADDRESSES,
    };
    vec![
        ("application", quotas::APPLICATIONS),
        ("app-version", quotas::VERSIONS),
        ("environment", quotas::ENVIRONMENTS),
        ("environment", quotas::STANDARD_VCPUS),
        ("environment", reached),
        ("web-acl", quotas::WEB_ACLS),
        ("distribution", quotas::DISTRIBUTIONS),
    ]
}

/// The least that is made at once.
async fn needed(aws: &Aws, profile: &Profile, quota: Quota) -> Result<f64, Error> {
    if quota != quotas::STANDARD_VCPUS {
        return Ok(1.0);
    }
    let (least, _) = profile.instance_range();
    Ok(f64::from(least) * vcpus(aws, profile).await?)
}

/// Of one instance.
///
/// # Errors
/// Where EC2 does not know the type.
pub async fn vcpus(aws: &Aws, profile: &Profile) -> Result<f64, Error> {
    let wanted = profile.instance.types.first().cloned().unwrap_or_default();
    Ok(f64::from(instance_types::vcpus(aws, &wanted).await?.unwrap_or(2)))
}

/// How much of it is in use, as its own service counts it.
async fn used(aws: &Aws, stack: &Stack, quota: Quota) -> Result<f64, Error> {
    let count = match quota {
        quotas::STANDARD_VCPUS => return instance_types::standard_running(aws, &stack.names.environment).await,
        quotas::APPLICATIONS => found::applications(aws).await?.len(),
        quotas::ENVIRONMENTS => found::environments(aws).await?.len(),
        quotas::VERSIONS => {
            let applications = found::applications(aws).await?;
            applications.iter().map(|one| one.versions().len()).sum()
        }
        quotas::ADDRESSES => {
            let answer = aws.ec2.describe_addresses().send().await;
            answer.explain("count the Elastic IPs")?.addresses().len()
        }
        quotas::LOAD_BALANCERS => {
            let all = paging::all(async |marker: Option<String>| {
                let page = aws.elb.list_load_balancers(marker).await;
                page.explain("count the load balancers")
            });
            let of_kind = |kind: &Option<String>| kind.as_deref() == Some("application");
            all.await?.iter().filter(|one| of_kind(&one.kind)).count()
        }
        quotas::WEB_ACLS => {
            let all = paging::all(async |marker: Option<String>| {
                aws.waf.list_web_acls(marker).await.explain("count the web ACLs")
            });
            all.await?.len()
        }
        _ => distribution_calls::list(aws, |_| true).await?.len(),
    };
    Ok(count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(quota: Quota, needed: f64, value: f64, used: f64) -> Figure {
        Figure {
            resource: "environment",
            quota,
            needed,
            room: Ok(Room { value, used }),
        }
    }

    #[test]
    fn a_quota_that_is_just_filled_fits_and_one_more_is_told_with_its_figures() {
        assert!(figure(quotas::STANDARD_VCPUS, 4.0, 5.0, 1.0).fits());
        let full = figure(quotas::ADDRESSES, 1.0, 5.0, 5.0);
        assert!(!full.fits());
        let told = "of the quota EC2-VPC Elastic IPs (L-0263D0A3) 5 of 5 are in use, and 1 more is needed";
        assert_eq!(full.told().unwrap(), told);
        let way_out = full.way_out().shown(|commands| commands[0].words.join(" "));
        assert!(
            way_out.contains("--service-code ec2 --quota-code L-0263D0A3 --desired-value 6"),
            "{way_out}"
        );
    }

    #[test]
    fn a_single_instance_takes_an_address_and_a_group_a_load_balancer() {
        let quota = |profile: &Profile| wanted(profile)[4].1;
        let mut profile = Profile::default();
        assert_eq!(quota(&profile), quotas::LOAD_BALANCERS);
        profile.environment.kind = crate::profile::EnvironmentType::SingleInstance;
        assert_eq!(quota(&profile), quotas::ADDRESSES);
    }
}
