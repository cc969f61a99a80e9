//! `simulate`: the event in a second, with a seed; the profile's own way of scaling beside others. Asks no account.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use confctl_simulate::{Outcome, Policy, Scenario, Site, run as simulated};
use serde_json::json;

use super::crowd::CrowdArgs;
use super::output_file::report_can_be_written;
use crate::cli::{Global, path, pause};
use crate::engine::{Error, Hint};
use crate::exit::Exit;
use crate::profile::{BillingMode, Metric, Profile};
use crate::report::{Chart, Figure, Hue, Report, Series, Shape, Table, Verdict};
use crate::session::event::{DELAY, in_flight, launch, number, stack};
use crate::session::selection::choose;
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub crowd: CrowdArgs,

    /// How long one looks at the page before sending the form, on average
    #[arg(long, default_value = "3s", value_name = "DURATION", value_parser = pause)]
    pub think: Duration,

    /// After how long in vain one leaves, on average [default: when the page has given up]
    #[arg(long, value_name = "DURATION", value_parser = pause)]
    pub abandon: Option<Duration>,

    /// How long a write of the table takes, on average
    #[arg(long, default_value = "6ms", value_name = "DURATION", value_parser = pause)]
    pub write: Duration,

    /// How long it takes to the site and back, beside what it takes there
    #[arg(long, default_value = "40ms", value_name = "DURATION", value_parser = pause)]
    pub distance: Duration,

    /// The same seed is the same event
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,

    /// Also the article's periods of five minutes, periods of one, and all instances there from the start
    #[arg(long)]
    pub compare: bool,

    /// The HTML report; its numbers go beside it as .json
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub report: Option<PathBuf>,
}

pub(super) fn run(global: &Global, args: &SimulateArgs, ui: &Ui) -> Result<Summary, Error> {
    args.report.as_deref().map_or(Ok(()), report_can_be_written)?;
    let chosen = choose(global)?;
    chosen.tell_idle(ui);
    let profile = &chosen.profile;
    let scenario = scenario(args, profile)?;
    let policies = policies(profile, args.compare);
    let outcomes: Vec<Outcome> = policies
        .into_iter()
        .map(|policy| {
            simulated(&Scenario {
                policy,
                ..scenario.clone()
            })
        })
        .collect();
    let mut summary = Summary::done().say(format!(
        "{} people within {} s, at first {} times denser, seed {}; one instance takes {} registrations a second",
        number(f64::from(scenario.people)),
        number(scenario.within),
        scenario.burst,
        scenario.seed,
        number(rate(&scenario.site)),
    ));
    for outcome in &outcomes {
        summary = summary.say(line(outcome));
    }
    summary = summary.output("outcomes", serde_json::to_value(&outcomes).unwrap_or_default());
    if let Some(path) = &args.report {
        let numbers = json!({"v": 1, "scenario": scenario, "outcomes": outcomes});
        crate::report::write(path, &report(&scenario, &outcomes), &numbers)
            .map_err(|error| Error::failed("could not write the report").caused_by(error))?;
        summary = summary
            .output("report", path.display().to_string())
            .say(format!("Report: {}", path.display()));
    }
    Ok(match outcomes.first().is_none_or(Outcome::all_in) {
        true => summary,
        false => summary.exit(Exit::Failed),
    })
}

fn scenario(args: &SimulateArgs, profile: &Profile) -> Result<Scenario, Error> {
    let by_command = Hint::run("simulate --people 10000 --within 60s");
    let stack = stack(profile, None, None);
    let rate = args.crowd.rate()?.unwrap_or(stack.rate.value);
    let registration = f64::from(stack.vcpus) / rate;
    let policy = own(profile);
    Ok(Scenario {
        people: args.crowd.people(profile, by_command)?,
        within: args.crowd.within(profile),
        burst: args.crowd.burst,
        think: args.think.as_secs_f64(),
        patience: args.abandon.map(|patience| patience.as_secs_f64()),
        site: Site {
            processors: stack.vcpus,
            registration,
            page: registration / 2.0,
            // What the app was measured to do (docs/performance.md).
            turning_away: 0.45,
            in_flight: in_flight(profile),
            distance: args.distance.as_secs_f64(),
            has_edge: stack.has_edge,
            write: args.write.as_secs_f64(),
            writes: match profile.table.billing {
                BillingMode::Provisioned => f64::from(profile.table.write_capacity.unwrap_or(5)),
                BillingMode::PayPerRequest => stack.writes.value,
            },
        },
        policy,
        seed: args.seed,
    })
}

fn rate(site: &Site) -> f64 {
    f64::from(site.processors) / site.registration
}

/// As the profile has it. A trigger that is not about CPU is none to this model: the group stays as it is.
fn own(profile: &Profile) -> Policy {
    let (least, most) = profile.instance_range();
    let scaling = &profile.scaling;
    let by_cpu = scaling.metric == Metric::CpuUtilization;
    Policy {
        name: "profile".to_owned(),
        least,
        most: if by_cpu { most } else { least },
        period: f64::from(scaling.period),
        evaluations: scaling.evaluation_periods,
        delay: DELAY,
        upper: scaling.upper,
        lower: scaling.lower,
        increment: scaling.increment,
        cooldown: f64::from(scaling.cooldown),
        launch: launch(profile),
    }
}

fn policies(profile: &Profile, compare: bool) -> Vec<Policy> {
    let own = own(profile);
    if !compare {
        return vec![own];
    }
    let article = Policy {
        name: "article".to_owned(),
        period: 300.0,
        evaluations: 1,
        cooldown: 360.0,
        increment: 1,
        ..own.clone()
    };
    let minute = Policy {
        name: "1-minute".to_owned(),
        period: 60.0,
        cooldown: 60.0,
        increment: 2,
        ..article.clone()
    };
    let prepared = Policy {
        name: "pre-scaled".to_owned(),
        least: own.most,
        ..own.clone()
    };
    vec![own, article, minute, prepared]
}

fn line(outcome: &Outcome) -> String {
    let seconds = |value: f64| format!("{value:.2}");
    let shed = outcome
        .first_shed
        .map(|at| format!(", the first after {at:.0} s"))
        .unwrap_or_default();
    let left = match outcome.abandoned {
        0 => String::new(),
        left => format!(", {} left", number(f64::from(left))),
    };
    format!(
        "{:<10}  {} in, {} gave up{left}; {} answers 503{shed}; p50 {} s, p95 {} s, p99 {} s; at most {} instances, over after {:.0} s",
        outcome.policy,
        number(f64::from(outcome.accepted)),
        number(f64::from(outcome.gave_up)),
        number(outcome.shed as f64),
        seconds(outcome.p50),
        seconds(outcome.p95),
        seconds(outcome.p99),
        outcome.most_instances(),
        outcome.over,
    )
}

const HUES: [Hue; 4] = [Hue::First, Hue::Second, Hue::Third, Hue::Fourth];

fn report(scenario: &Scenario, outcomes: &[Outcome]) -> Report {
    let seconds = outcomes
        .iter()
        .fold(scenario.within, |longest, outcome| longest.max(outcome.over));
    let accepted = |outcome: &Outcome| -> Vec<(f64, f64)> {
        let each = outcome.by_second.iter().enumerate();
        each.map(|(second, count)| (second as f64, f64::from(*count))).collect()
    };
    let instances = |outcome: &Outcome| -> Vec<(f64, f64)> {
        let last = outcome.instances.last().map(|(_, count)| (seconds, *count));
        let all = outcome.instances.iter().copied().chain(last);
        all.map(|(at, count)| (at, f64::from(count))).collect()
    };
    let chart = |title: &str, unit: &str, series| {
        Figure::Chart(Chart {
            title: title.to_owned(),
            unit: unit.to_owned(),
            seconds,
            top: 1.0,
            series,
            thresholds: Vec::new(),
            bands: Vec::new(),
        })
    };
    let all_in = outcomes.first().is_some_and(Outcome::all_in);
    let verdict = outcomes.first().map(line).unwrap_or_default();
    Report {
        title: format!("Simulation of {} people", number(f64::from(scenario.people))),
        verdict: Verdict {
            good: all_in,
            text: verdict,
        },
        facts: vec![
            ("People".to_owned(), format!("{} within {:.0} s", scenario.people, scenario.within)),
            ("Seed".to_owned(), scenario.seed.to_string()),
            ("One instance".to_owned(), format!("{} registrations a second", number(rate(&scenario.site)))),
        ],
        figures: vec![
            chart("Registrations accepted", "a second", series(outcomes, || Shape::Line, accepted)),
            chart("Instances that serve", "instances", series(outcomes, || Shape::Steps, instances)),
        ],
        tables: vec![table(outcomes)],
        notes: vec![
            "Nothing was asked of a site: this is a model of it. Its rate of an instance is assumed where none was given; `load` measures one.".to_owned(),
        ],
    }
}

/// A curve for each policy.
fn series(
    outcomes: &[Outcome],
    shape: impl Fn() -> Shape,
    points: impl Fn(&Outcome) -> Vec<(f64, f64)>,
) -> Vec<Series> {
    let each = outcomes.iter().zip(HUES);
    each.map(|(outcome, hue)| Series {
        name: outcome.policy.clone(),
        hue,
        shape: shape(),
        points: points(outcome),
    })
    .collect()
}

fn table(outcomes: &[Outcome]) -> Table {
    let head = [
        "Policy",
        "In",
        "Gave up",
        "Left",
        "503",
        "p50 s",
        "p95 s",
        "p99 s",
        "Most instances",
    ];
    let row = |outcome: &Outcome| {
        vec![
            outcome.policy.clone(),
            outcome.accepted.to_string(),
            outcome.gave_up.to_string(),
            outcome.abandoned.to_string(),
            outcome.shed.to_string(),
            format!("{:.3}", outcome.p50),
            format!("{:.3}", outcome.p95),
            format!("{:.3}", outcome.p99),
            outcome.most_instances().to_string(),
        ]
    };
    Table {
        title: "Policies".to_owned(),
        head: head.map(str::to_owned).into(),
        rows: outcomes.iter().map(row).collect(),
    }
}
