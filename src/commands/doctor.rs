//! `doctor`: what would stop `up`: credentials, account, region, platform, instance types by zone, quotas.
//! Reads only; every finding names the way out.

use serde_json::{Value, json};

use crate::aws::{Aws, instance_types, platforms, quotas, sign_in};
use crate::cli::Global;
use crate::engine::{Command, Error, Hint, counted};
use crate::exit::Exit;
use crate::profile::Profile;
use crate::resources::room::{self, Figure, Room};
use crate::resources::{Stack, VERSION_ID, partition};
use crate::session::profile_bundle;
use crate::session::selection::{Chosen, choose, connect, stack_name};
use crate::session::{event, target};
use crate::ui::{Summary, Ui};

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
    let connected = connect(&target, global, &mut chosen).await?;
    let aws = connected.read;
    let profile = &chosen.profile;
    let at = aws
        .endpoint
        .as_ref()
        .map(|endpoint| format!(" at {endpoint} (not AWS)"))
        .unwrap_or_default();
    let who = format!("{} in account {}{at}", aws.caller, aws.account);
    let credentials = match sign_in::described(&connected.configuration).await {
        Some(how) if target.credentials.is_none() => format!("{who}, {how}"),
        _ => who,
    };
    let mut findings = vec![
        Finding::good("credentials", credentials),
        Finding::of("region", region(&aws, &chosen)),
    ];
    let stack = Stack::new(
        stack_name(global)?,
        &aws.region,
        profile.clone(),
        profile_bundle::unknown(),
    );
    let (platform, types, quota, figures) = tokio::join!(
        platform(&aws, profile),
        offered(&aws, profile),
        quota(&aws, &stack),
        figures(&aws, &stack)
    );
    findings.push(Finding::of("platform", platform));
    findings.push(Finding::of("instance types", types));
    let free = quota.as_ref().ok().map(|(_, free)| *free);
    findings.push(Finding::of("vCPU quota", quota.map(|(finding, _)| finding)));
    findings.extend(figures);
    findings.extend(held(profile, free));
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

async fn offered(aws: &Aws, profile: &Profile) -> Result<Finding, Error> {
    let Some(wanted) = profile.instance.types.first() else {
        return Ok(Finding::bad(
            "instance types",
            "the profile names none",
            "--set instance.types=t3.micro",
        ));
    };
    let zones = instance_types::zones(aws, wanted).await?;
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

/// Whether the profile holds its event, where it says who comes.
fn held(profile: &Profile, vcpus: Option<f64>) -> Option<Finding> {
    let people = event::number(f64::from(profile.event.people?));
    let within = profile.event.within;
    Some(match event::broken(profile, vcpus).first() {
        None => Finding::good("event", format!("{people} people within {within} s are held")),
        Some(limit) => Finding::bad(
            "event",
            format!(
                "{people} people within {within} s are not held: {} breaks first",
                limit.name
            ),
            Hint::run("capacity").and(" says what it takes"),
        ),
    })
}

/// The other quotas that a stack of the profile takes a part of, were it not there yet.
async fn figures(aws: &Aws, stack: &Stack) -> Vec<Finding> {
    let mut parts = vec!["application", VERSION_ID, "environment"];
    parts.extend(stack.profile.has_web_acl().then_some("web-acl"));
    parts.extend(stack.profile.cdn.enabled.then_some("distribution"));
    let figures = room::figures(aws, stack, &parts).await.into_iter();
    let others = figures.filter(|figure| figure.quota != quotas::STANDARD_VCPUS);
    others.map(finding).collect()
}

fn finding(figure: Figure) -> Finding {
    let fits = figure.fits();
    let way_out = figure.way_out();
    let told = figure.room.map(|Room { value, used }| match fits {
        true => Finding::good("quota", format!("{}: {used} of {value} in use", figure.quota.name)),
        false => Finding::bad(
            "quota",
            format!("{}: {used} of {value} in use", figure.quota.name),
            way_out,
        ),
    });
    Finding::of("quota", told)
}

/// Also how many vCPUs are free.
async fn quota(aws: &Aws, stack: &Stack) -> Result<(Finding, f64), Error> {
    let profile = &stack.profile;
    let wanted = profile.instance.types.first().cloned().unwrap_or_default();
    let each = room::vcpus(aws, profile).await?;
    let quota = quotas::STANDARD_VCPUS.value(aws).await?;
    let (_, most) = profile.instance_range();
    let needed = f64::from(most) * each;
    let instances = counted(most.into(), "instance");
    let running = instance_types::standard_running(aws, &stack.names.environment).await?;
    let told = match running {
        0.0 => format!("{quota} vCPUs"),
        running => format!("{quota} vCPUs, of which others run {running}"),
    };
    let free = quota - running;
    let finding = if free >= needed {
        Finding::good(
            "vCPU quota",
            format!("{told}, {needed} are needed for {instances} of {wanted}"),
        )
    } else {
        Finding::bad(
            "vCPU quota",
            format!("{told}, but {needed} are needed for {instances} of {wanted}: scaling out would fail"),
            "ask for more at https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A, or --set scaling.max=2",
        )
    };
    Ok((finding, free))
}
