//! `doctor`: what would stop `up`: credentials, account, region, platform, instance types by zone, vCPU quota.
//! Reads only; every finding names the way out.

use aws_sdk_ec2::types::LocationType;
use serde_json::{Value, json};

use super::choice::{Chosen, choose, connect_with};
use super::session::target;
use crate::aws::errors::Explain;
use crate::aws::{Aws, platforms, sign_in};
use crate::cli::Global;
use crate::engine::Error;
use crate::exit::Exit;
use crate::profile::Profile;
use crate::resources::partition;
use crate::ui::{Summary, Ui};

/// Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, in vCPUs. New accounts have 5.
const STANDARD_VCPUS: &str = "L-1216C47A";

/// One thing that was looked at.
struct Finding {
    check: &'static str,
    good: bool,
    text: String,
    hint: Option<String>,
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

    fn bad(check: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
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
    let (platform, types, quota) = tokio::join!(
        platform(&aws, profile),
        instance_types(&aws, profile),
        quota(&aws, profile)
    );
    findings.push(Finding::of("platform", platform));
    findings.push(Finding::of("instance types", types));
    findings.push(Finding::of("vCPU quota", quota));
    let mut summary = Summary::done();
    for finding in &findings {
        let mark = if finding.good { "ok" } else { "bad" };
        summary = summary.say(format!("{mark:<4} {:<15} {}", finding.check, finding.text));
        if let Some(hint) = &finding.hint {
            summary = summary.say(format!("     hint: {hint}"));
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
            "aws elasticbeanstalk list-platform-branches shows what there is; then --set app.platform='…'",
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

async fn quota(aws: &Aws, profile: &Profile) -> Result<Finding, Error> {
    let wanted = profile.instance.types.first().cloned().unwrap_or_default();
    let describe = aws.ec2.describe_instance_types().instance_types(wanted.as_str().into());
    let answer = describe.send().await.explain("read the instance type's vCPUs")?;
    let each = answer
        .instance_types()
        .first()
        .and_then(|found| found.v_cpu_info())
        .and_then(|cpus| cpus.default_v_cpus());
    let quota = aws
        .quotas
        .get_service_quota()
        .service_code("ec2")
        .quota_code(STANDARD_VCPUS)
        .send()
        .await;
    let quota = quota
        .explain("read the quota of vCPUs")?
        .quota()
        .and_then(|quota| quota.value())
        .unwrap_or(0.0);
    let (_, most) = profile.instance_range();
    let needed = f64::from(most) * f64::from(each.unwrap_or(2));
    Ok(if quota >= needed {
        Finding::good(
            "vCPU quota",
            format!("{quota} vCPUs, {needed} are needed for {most} instances of {wanted}"),
        )
    } else {
        Finding::bad(
            "vCPU quota",
            format!("{quota} vCPUs, but {needed} are needed for {most} instances of {wanted}: scaling out would fail"),
            "ask for more at https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A, or --set scaling.max=2",
        )
    })
}
