//! `capacity`: what breaks first when so many people come within such a time, and what it takes to hold them. Changes nothing.

use clap::Args;
use confctl_capacity::{AddressLimit, Crowd, Figure, Known, Limit, Stack, Way, limits};
use serde_json::{Value, json};

use super::crowd::{CrowdArgs, above_zero};
use crate::aws::record::Record;
use crate::aws::{instance_types, quotas};
use crate::cli::Global;
use crate::engine::{Command, Error, Hint, Program};
use crate::exit::Exit;
use crate::profile::Profile;
use crate::session::beside;
use crate::session::event::{MEASURED, Measured, PAGE_BYTES, crowd, number, stack};
use crate::session::selection::{Chosen, choose, connect, stack_name};
use crate::session::target;
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    pub crowd: CrowdArgs,

    /// How many of a hundred are behind one address, as in a hall [default: event.one_address]
    #[arg(long, value_name = "PERCENT")]
    pub one_address: Option<f64>,

    /// Requests of one address in five minutes that the web ACL lets through [default: registrations, by `waf.rate`]
    #[arg(long, value_name = "N")]
    pub address_limit: Option<f64>,

    /// Registrations sent for each person, on average
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub repeats: f64,

    /// Bytes of the page with its assets
    #[arg(long, default_value_t = PAGE_BYTES, value_name = "BYTES")]
    pub page: f64,

    /// Ask no account: its quota is taken to be a new account's
    #[arg(long)]
    pub paper: bool,
}

/// A rate-based rule's window where none is given (WAFV2's API reference, RateBasedStatement).
const WINDOW: f64 = 300.0;

pub(super) async fn run(global: &Global, args: &CapacityArgs, ui: &Ui) -> Result<Summary, Error> {
    let mut chosen = choose(global)?;
    let crowd = expected(args, &chosen.profile)?;
    let asked = match args.paper {
        true => Asked::default(),
        false => ask(global, &mut chosen, ui).await?,
    };
    let profile = &chosen.profile;
    // A name that no stack can have is refused here, too.
    stack_name(global)?;
    let given = args
        .crowd
        .rate()?
        .map(|rate| Figure::new(rate, Known::Measured, "as given by --rate"));
    let mut stack = stack(profile, given.or(asked.rate), asked.vcpus);
    stack.address_limit = args.address_limit.map(of_a_given_rule).or(stack.address_limit);
    let limits = limits(&crowd, &stack);
    Ok(told(&crowd, &stack, &limits, ui))
}

fn expected(args: &CapacityArgs, profile: &Profile) -> Result<Crowd, Error> {
    let behind = args.one_address.map(|percent| (percent / 100.0).clamp(0.0, 1.0));
    let mut profile = profile.clone();
    let by_command = Hint::run("capacity --people 10000 --within 60s");
    profile.event.people = Some(args.crowd.people(&profile, by_command)?);
    let crowd = crowd(&profile).ok_or_else(|| Error::failed("nobody comes"))?;
    Ok(Crowd {
        within: args.crowd.within(&profile),
        burst: args.crowd.burst,
        behind_one_address: behind.unwrap_or(crowd.behind_one_address),
        repeats: above_zero(args.repeats, "--repeats")?,
        page_bytes: above_zero(args.page, "--page")?,
        ..crowd
    })
}

/// A rule that counts everything, as most do.
fn of_a_given_rule(requests: f64) -> AddressLimit {
    AddressLimit {
        requests,
        window: WINDOW,
        registrations_only: false,
    }
}

/// What the account knows.
#[derive(Default)]
struct Asked {
    /// That it may run in the region, less what others run.
    vcpus: Option<f64>,
    /// Of one instance, as `load` measured it on this stack.
    rate: Option<Figure>,
}

async fn ask(global: &Global, chosen: &mut Chosen, ui: &Ui) -> Result<Asked, Error> {
    let target = target(global, ui).await?;
    let aws = connect(&target, global, chosen).await;
    let aws = aws
        .map_err(|error| error.hint(Hint::run("capacity --paper").and(" asks no account")))?
        .read;
    let name = stack_name(global)?;
    let names = beside::names(&aws, &name, &chosen.profile, ui).await?;
    let record = Record::new(&aws, name.as_str());
    let (quota, others, measured) = tokio::try_join!(
        quotas::STANDARD_VCPUS.value(&aws),
        instance_types::standard_running(&aws, &names.environment),
        record.read(&aws, MEASURED),
    )?;
    let measured = measured.and_then(|text| serde_json::from_slice::<Measured>(&text).ok());
    Ok(Asked {
        vcpus: Some(quota - others),
        rate: measured.and_then(|measured| measured.figure()),
    })
}

fn told(crowd: &Crowd, stack: &Stack, limits: &[Limit], ui: &Ui) -> Summary {
    let (least, most) = (stack.least, stack.most);
    let mut summary = Summary::done().say(format!(
        "{} people within {} s, {} of them in the densest second, come to {least} to {most} × {}:",
        number(crowd.people),
        number(crowd.within),
        number(crowd.peak()),
        stack.instance_type,
    ));
    for limit in limits {
        summary = summary.say(line(limit));
        if let Some(way) = &limit.way {
            summary = summary.say(format!("           {}", lifted_by(way, ui)));
        }
    }
    let first = limits.iter().find(|limit| limit.breaks());
    summary = match first {
        None => summary.say("They are held."),
        Some(limit) => summary
            .exit(Exit::Failed)
            .say(format!("They are not held: {} breaks first.", limit.name)),
    };
    let rows: Vec<Value> = limits.iter().map(|limit| row(limit, ui)).collect();
    summary
        .output("holds", first.is_none())
        .output("first", first.map(|limit| limit.name))
        .output("limits", rows)
}

fn line(limit: &Limit) -> String {
    let mark = if limit.breaks() { "bad" } else { "ok" };
    let room = limit.headroom();
    let room = if room >= 1000.0 {
        ">999".to_owned()
    } else {
        format!("{room:.1}")
    };
    format!(
        "{mark:<4} {room:>5}×  {}: {} of {} {} ({}: {})",
        limit.name,
        number(limit.asked),
        number(limit.holds.value),
        limit.unit,
        known(limit.holds.known),
        limit.holds.source,
    )
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Measured => "measured",
        Known::Documented => "documented",
        Known::Assumed => "assumed",
    }
}

/// The command that lifts it, where one does.
fn command(way: &Way) -> Option<Hint> {
    if let Some(units) = way.units {
        return Some(Hint::run(Command::confctl("scale").arg("--capacity-units").arg(units)));
    }
    if way.sets.is_empty() && way.aws.is_empty() {
        return None;
    }
    let command = match way.sets.is_empty() {
        true => Command {
            program: Program::Aws,
            words: way.aws.clone(),
            bare: false,
        },
        false => way.sets.iter().fold(Command::confctl("up"), |command, (key, value)| {
            command.arg("--set").arg(format!("{key}={value}"))
        }),
    };
    Some(Hint::run(command))
}

fn lifted_by(way: &Way, ui: &Ui) -> String {
    let command = command(way).map(|command| format!("{}  ", ui.shown(&command)));
    let price = way
        .hour
        .map(|hour| format!("; ${hour:.2} an hour more"))
        .unwrap_or_default();
    format!(
        "{}({}; begin {} before{price})",
        command.unwrap_or_default(),
        way.text,
        way.lead
    )
}

fn row(limit: &Limit, ui: &Ui) -> Value {
    let way = limit.way.as_ref().map(|way| {
        json!({"command": command(way).map(|command| ui.shown(&command)), "text": way.text, "lead": way.lead, "hour": way.hour})
    });
    json!({
        "name": limit.name,
        "asked": limit.asked,
        "holds": limit.holds.value,
        "unit": limit.unit,
        "headroom": Some(limit.headroom()).filter(|room| room.is_finite()),
        "known": limit.holds.known,
        "source": limit.holds.source,
        "way": way,
    })
}
