//! `doctor`: what would stop `up`: credentials, account, region, platform, instance types by zone, vCPU quota.
//! Reads only; every finding names the way out.

use aws_sdk_ec2::types::{Instance, LocationType};
use serde_json::{Value, json};

use super::choice::{Chosen, choose, connect_with, stack_name};
use super::session::target;
use crate::aws::errors::Explain;
use crate::aws::{Aws, platforms, sign_in};
use crate::cli::Global;
use crate::engine::{Command, Error, Hint};
use crate::exit::Exit;
use crate::profile::{Names, Profile};
use crate::resources::partition;
use crate::ui::{Summary, Ui};

/// Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, in vCPUs. New accounts have 5.
const STANDARD_VCPUS: &str = "L-1216C47A";

/// One thing that was looked at.
struct Finding {
    check: &'static str,
    good: bool,
    text: String,
    hint: Option<Hint>,
}

impl Finding {
    fn good(check: &'static str, text: impl Into<String>) -> Self {
        Self {
            check,
            good: true,
            text: text.into(),
            hint: None,
        }
    }

    fn bad(check: &'static str, text: impl Into<String>, hint: impl Into<Hint>) -> Self {
        Self {
            check,
            good: false,
            text: text.into(),
            hint: Some(hint.into()),
        }
    }

    fn of(check: &'static str, result: Result<Self, Error>) -> Self {
        result.unwrap_or_else(|error| {
            let text = std::iter::once(error.message.clone())
                .chain(error.causes)
                .collect::<Vec<_>>()
                .join(": ");
            Self {
                check,
                good: false,
                text,
                hint: error.hint,
            }
        })
    }
}

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let mut chosen = choose(global)?;
    let target = target(global, ui).await?;
    let (config, aws, _) = connect_with(&target, global, &mut chosen).await?;
    let profile = &chosen.profile;
    let at = aws
        .endpoint
        .as_ref()
        .map(|endpoint| format!(" at {endpoint} (not AWS)"))
        .unwrap_or_default();
    let who = format!("{} in account {}{at}", aws.caller, aws.account);
    let credentials = match sign_in::described(&config).await {
        Some(how) if target.credentials.is_none() => format!("{who}, {how}"),
        _ => who,
    };
    let mut findings = vec![
        Finding::good("credentials", credentials),
        Finding::of("region", region(&aws, &chosen)),
    ];
    let names = Names::resolve(profile, &stack_name(global)?, &aws.region);
    let (platform, types, quota) = tokio::join!(
        platform(&aws, profile),
        instance_types(&aws, profile),
        quota(&aws, profile, &names.environment)
    );
    findings.push(Finding::of("platform", platform));
    findings.push(Finding::of("instance types", types));
    findings.push(Finding::of("vCPU quota", quota));
    let mut summary = Summary::done();
    for finding in &findings {
        let mark = if finding.good { "ok" } else { "bad" };
        summary = summary.say(format!("{mark:<4} {:<15} {}", finding.check, finding.text));
        if let Some(hint) = &finding.hint {
            summary = summary.say(format!("     hint: {}", ui.shown(hint)));
        }
    }
    let rows: Vec<Value> = findings
        .iter()
        .map(|finding| json!({"check": finding.check, "ok": finding.good, "text": finding.text, "hint": finding.hint}))
        .collect();
    let exit = if findings.iter().all(|finding| finding.good) {
        Exit::Done
    } else {
        Exit::Failed
    };
    Ok(summary
        .output("checks", rows)
        .output("account", aws.account.clone())
        .exit(exit))
}

fn region(aws: &Aws, chosen: &Chosen) -> Result<Finding, Error> {
    partition::has_what_it_needs(&chosen.profile, &aws.region)?;
    Ok(Finding::good(
        "region",
        format!("{} (by {})", aws.region, chosen.region_from),
    ))
}

async fn platform(aws: &Aws, profile: &Profile) -> Result<Finding, Error> {
    let branch = &profile.app.platform;
    let newest = platforms::newest(aws, branch, None).await?;
    Ok(match newest.as_ref().map(platforms::version_of) {
        Some(version) => Finding::good("platform", format!("{branch}, version {version}")),
        None => Finding::bad(
            "platform",
            format!("no version of '{branch}'"),
            Hint::run(Command::aws("elasticbeanstalk list-platform-branches --region").arg(&aws.region))
                .and(" shows what there is; then --set app.platform='…'"),
        ),
    })
}

async fn instance_types(aws: &Aws, profile: &Profile) -> Result<Finding, Error> {
    let Some(wanted) = profile.instance.types.first() else {
        return Ok(Finding::bad(
            "instance types",
            "the profile names none",
            "--set instance.types=t3.micro",
        ));
    };
    let filter = aws_sdk_ec2::types::Filter::builder()
        .name("instance-type")
        .values(wanted)
        .build();
    let offerings = aws
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone);
    let answer = offerings
        .filters(filter)
        .send()
        .await
        .explain("read which zones offer the instance type")?;
    let mut zones: Vec<_> = answer
        .instance_type_offerings()
        .iter()
        .filter_map(|offer| offer.location())
        .collect();
    zones.sort_unstable();
    let needed = if profile.is_load_balanced() {
        profile.network.azs.max(2) as usize
    } else {
        1
    };
    Ok(if zones.len() >= needed {
        Finding::good("instance types", format!("{wanted} in {}", zones.join(", ")))
    } else {
        Finding::bad(
            "instance types",
            format!(
                "{wanted} is offered in {} zones of {}, {needed} are needed",
                zones.len(),
                aws.region
            ),
            "--set instance.types=t3.small, or another --region",
        )
    })
}

/// vCPUs of the region's On-Demand Standard instances but the environment's own.
async fn running(aws: &Aws, environment: &str) -> Result<f64, Error> {
    let filter = aws_sdk_ec2::types::Filter::builder().name("instance-state-name");
    let filter = filter.values("pending").values("running").build();
    let mut pages = aws.ec2.describe_instances().filters(filter).into_paginator().send();
    let mut vcpus = 0;
    while let Some(page) = pages.next().await {
        let page = page.explain("see which instances run")?;
        let instances = page
            .reservations()
            .iter()
            .flat_map(|reservation| reservation.instances());
        vcpus += instances
            .filter(|one| counts(one, environment))
            .map(vcpus_of)
            .sum::<i32>();
    }
    Ok(f64::from(vcpus))
}

/// Whether an instance takes its part of the quota: families of one letter, and I's two cousins; DL, Inf, Mac and others have
/// quotas of their own (EC2 guide: ec2-on-demand-instances), as Spot has.
fn counts(instance: &Instance, environment: &str) -> bool {
    let of_environment = instance
        .tags()
        .iter()
        .any(|tag| tag.key() == Some("elasticbeanstalk:environment-name") && tag.value() == Some(environment));
    let name = instance.instance_type().map(|name| name.as_str()).unwrap_or_default();
    let family: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
    let standard = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];
    !of_environment && instance.instance_lifecycle().is_none() && standard.contains(&family.as_str())
}

fn vcpus_of(instance: &Instance) -> i32 {
    let options = instance.cpu_options();
    let of = |count: Option<i32>| count.unwrap_or(1);
    options.map_or(0, |options| of(options.core_count()) * of(options.threads_per_core()))
}

async fn quota(aws: &Aws, profile: &Profile, environment: &str) -> Result<Finding, Error> {
    let wanted = profile.instance.types.first().cloned().unwrap_or_default();
    let describe = aws.ec2.describe_instance_types().instance_types(wanted.as_str().into());
    let answer = describe.send().await.explain("read the instance type's vCPUs")?;
    let each = answer
        .instance_types()
        .first()
        .and_then(|found| found.v_cpu_info())
        .and_then(|cpus| cpus.default_v_cpus());
    let answer = aws.quotas.get_service_quota("ec2", STANDARD_VCPUS).await;
    let answer = answer.explain("read the quota of vCPUs")?;
    let quota = answer.quota.and_then(|quota| quota.value).unwrap_or(0.0);
    let (_, most) = profile.instance_range();
    let needed = f64::from(most) * f64::from(each.unwrap_or(2));
    let running = running(aws, environment).await?;
    let told = match running {
        0.0 => format!("{quota} vCPUs"),
        running => format!("{quota} vCPUs, of which others run {running}"),
    };
    Ok(if quota - running >= needed {
        Finding::good(
            "vCPU quota",
            format!("{told}, {needed} are needed for {most} instances of {wanted}"),
        )
    } else {
        Finding::bad(
            "vCPU quota",
            format!("{told}, but {needed} are needed for {most} instances of {wanted}: scaling out would fail"),
            "ask for more at https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A, or --set scaling.max=2",
        )
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{CpuOptions, InstanceLifecycleType, InstanceType, Tag};

    use super::*;

    fn instance(name: &str) -> aws_sdk_ec2::types::builders::InstanceBuilder {
        let options = CpuOptions::builder().core_count(2).threads_per_core(2).build();
        Instance::builder()
            .instance_type(InstanceType::from(name))
            .cpu_options(options)
    }

    #[test]
    fn others_standard_instances_take_their_part_of_the_quota_and_ours_and_other_kinds_do_not() {
        for (name, does) in [
            ("t3.micro", true),
            ("m7i-flex.large", true),
            ("im4gn.large", true),
            ("inf1.xlarge", false),
            ("mac2.metal", false),
            ("p4d.24xlarge", false),
        ] {
            assert_eq!(counts(&instance(name).build(), "Tcb-conference-env"), does, "{name}");
        }
        let spot = instance("t3.micro")
            .instance_lifecycle(InstanceLifecycleType::Spot)
            .build();
        assert!(!counts(&spot, "Tcb-conference-env"));
        let tag = Tag::builder()
            .key("elasticbeanstalk:environment-name")
            .value("Tcb-conference-env")
            .build();
        assert!(!counts(&instance("t3.micro").tags(tag).build(), "Tcb-conference-env"));
        assert_eq!(vcpus_of(&instance("t3.micro").build()), 4);
    }
}
