//! `stress`: puts a load on the environment's instances, shows what comes of it, and writes the report.
//! What a burn is, and what proves that it scaled, is `confctl_stress`'s.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::junit::Junit;
use super::output_file::report_can_be_written;
use crate::cli::{Global, path};
use crate::engine::{Error, Hint, Kind, Owner};
use crate::exit::Exit;
use crate::report::clock;
use crate::report::stress::{Course, report};
use crate::resources::outputs::{ENVIRONMENT, LiveEnvironment};
use crate::session::{Look, Purpose, Session, not_up};
use crate::stress::{self, Burn, Burning, Group, How, News, NoBurn, Reading, Stage, Test, Wish};
use crate::ui::junit::Proofs;
use crate::ui::{Curve, Summary, Ui, Watch};

/// What is proven, in this order.
const OUT: &str = "the group grew by its alarm";
const IN: &str = "the group shrank again by its alarm";

#[derive(Debug, Clone, Args)]
pub(crate) struct StressArgs {
    /// As the article did: four workers on one instance, by `stress` where it is installed
    #[arg(long)]
    pub like_article: bool,

    /// Burn nothing, only follow: for a load that comes from elsewhere
    #[arg(long, conflicts_with = "like_article")]
    pub no_burn: bool,

    /// The HTML report; its numbers go beside it as .json [default: confctl-stress-TIME.html]
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    pub junit: Junit,
}

pub(super) async fn run(global: &Global, args: &StressArgs, ui: &Ui) -> Result<Summary, Error> {
    args.junit.can_be_written()?;
    report_can_be_written(&report_file(args, jiff::Timestamp::now()))?;
    let mut proofs = Proofs::of("stress", &[OUT, IN]);
    let ended = stressed(global, args, ui, &mut proofs).await;
    args.junit.report(ui, proofs, ended)
}

async fn stressed(global: &Global, args: &StressArgs, ui: &Ui, proofs: &mut Proofs) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::of_what_is("stress")).await?;
    let look = session.look().await?;
    let environment = environment(&session, &look)?;
    let group = Group::of(&session.read, &environment.id).await?;
    group.can_grow(session.stack.profile.scaling.max)?;
    let first = stress::look(&session.read, &environment.id, &group).await?;
    stress::at_rest(&group, &first)?;
    let mut burn = plan(&session, args, &group, 0.0).await?;
    confirm(&session, global, args, &group, &burn).await?;
    if how(args) == How::Sized {
        let idle = idle(&session, &environment, &group).await?;
        burn = plan(&session, args, &group, idle).await?;
        ui.say(format!("  the site itself takes {idle:.0} %; burning {}", burn.text));
    }
    let sent = match how(args) {
        How::Elsewhere => Vec::new(),
        How::Sized | How::LikeArticle => {
            let comment = format!("confctl: stress of {}", session.stack.name);
            stress::send(&session.write, &burn, &comment).await?
        }
    };
    let zero = match sent.first().and_then(|sent| sent.at) {
        Some(at) => at,
        None => stress::now(&session.read, &environment.id).await?,
    };
    let course = course(&session, &group, &burn, zero);
    let mut test = Test::new(course, group.clone(), &first, zero, burn.bound);
    let burning = Burning {
        read: &session.read,
        write: &session.write,
        environment: &environment.id,
        sent: &sent,
        zero,
    };
    let mut watch = ui.watch("stress");
    let told = |news: News<'_>| tell(&mut watch, &group, news);
    let followed = stress::follow(&burning, &group, &mut test, &session.settings, told).await;
    drop(watch);
    match followed {
        Err(error) if error.kind == Kind::Stopped => Err(error.hint(format!(
            "what still burns ends by itself within {:.0} s",
            burn.bound / session.settings.pace.speed
        ))),
        followed => {
            let proven = [(OUT, test.course.scaled_out), (IN, test.course.scaled_in)];
            let proven = proven.iter().filter(|(_, is_proven)| *is_proven);
            proven.for_each(|(name, _)| proofs.passed(name));
            finish(&session, args, test, followed)
        }
    }
}

fn how(args: &StressArgs) -> How {
    match (args.no_burn, args.like_article) {
        (true, _) => How::Elsewhere,
        (false, true) => How::LikeArticle,
        (false, false) => How::Sized,
    }
}

/// The environment, if it is this stack's own and one that scales by CPU.
fn environment(session: &Session, look: &Look) -> Result<LiveEnvironment, Error> {
    let profile = &session.stack.profile;
    if !profile.is_load_balanced() {
        return Err(Error::new(
            Kind::Usage,
            "a single-instance environment does not scale: there is nothing to prove",
        ));
    }
    match look.seen.owner("environment") {
        Some(Owner::Ours) => {}
        None => return Err(not_up(&session.stack.name)),
        Some(_) => {
            return Err(Error::refused("the environment does not carry this stack's tag").hint(Hint::run("status")));
        }
    }
    session.values(look).get(&ENVIRONMENT).ok_or_else(|| {
        Error::failed("the environment is not ready").hint(Hint::run("status").and(", and again once it rests"))
    })
}

async fn plan(session: &Session, args: &StressArgs, group: &Group, idle: f64) -> Result<Burn, Error> {
    let wish = Wish {
        how: how(args),
        speed: session.settings.pace.speed,
        monitoring_period: session.stack.profile.instance.monitoring_period,
    };
    let planned = stress::plan(&session.read, wish, group, idle).await;
    planned.map_err(|error| match error {
        NoBurn::Unreachable { script } => unreachable(session, group, &script),
        NoBurn::Failed(error) => error,
    })
}

/// Percent that the site itself takes, so that it is not burned beside it.
async fn idle(session: &Session, environment: &LiveEnvironment, group: &Group) -> Result<f64, Error> {
    let mut watch = session.ui.watch("stress");
    let period = group.out.period();
    let text = format!("waiting for two periods of {period} s at rest, to know what the site itself takes");
    let waiting = |seen: &Reading| watch.show(&text, &[], json!({"cpu": seen.cpu.last().map(|(_, percent)| percent)}));
    let idle = stress::idle(&session.read, &session.settings, &environment.id, group, waiting).await?;
    if !idle.steady {
        watch.say(&format!(
            "the site's own CPU does not come to rest; its newest average is {:.0} %",
            idle.percent
        ));
    }
    Ok(idle.percent)
}

/// Systems Manager reaches nobody: says what it needs, and shows the way by SSH.
fn unreachable(session: &Session, group: &Group, script: &str) -> Error {
    let by_hand = Hint::from("By hand, over SSH (where ssh.source lets you in): run this on each instance, and let ");
    session.ui.say(by_hand.and_run("stress --no-burn").and(" follow:"));
    session
        .ui
        .say(format!("  ssh -i KEY ec2-user@ADDRESS 'sh -s' <<'BURN'\n{script}BURN"));
    Error::refused(format!("Systems Manager reaches none of {}", group.instances.join(", ")))
        .because("their role needs the policy AmazonSSMManagedInstanceCore; an agent registers within minutes after it is attached")
        .hint(Hint::run("up --set roles.ssm=true").and(", or attach the policy to the instances' role; then again"))
}

async fn confirm(
    session: &Session,
    global: &Global,
    args: &StressArgs,
    group: &Group,
    burn: &Burn,
) -> Result<(), Error> {
    let heading = session.heading();
    let ui = &session.ui;
    ui.say_folded(&format!("{} in {}", heading.stack, heading.place()));
    if args.no_burn {
        ui.say("  burns nothing: somebody else does; follows what comes of it");
        return Ok(());
    }
    let less = if args.like_article {
        ""
    } else {
        " (less what the site itself takes)"
    };
    ui.say(format!("  burn: {}{less}", burn.text));
    ui.say(format!(
        "  for at most {:.0} min on the instances' own clock; sooner if the group grows",
        burn.bound / 60.0
    ));
    ui.say(format!(
        "  the group {} grows from {} by its alarm above {} %; on AWS this takes 20 to 35 minutes with a 5-minute period",
        group.name,
        group.instances.len(),
        group.out.threshold()
    ));
    ui.say("  costs: one more instance for that time, and CPU credits where the instances are of type t");
    if global.yes {
        return Ok(());
    }
    ui.confirm("Put this load on them?", &session.settings.stop).await
}

fn course(session: &Session, group: &Group, burn: &Burn, zero: f64) -> Course {
    let began = jiff::Timestamp::from_millisecond((zero * 1000.0) as i64).unwrap_or_default();
    Course {
        stack: session.stack.name.to_string(),
        began: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        environment: session.stack.names.environment.clone(),
        group: group.name.clone(),
        upper: group.out.threshold(),
        lower: group.back.as_ref().map(stress::Rule::threshold),
        burn: burn.text.clone(),
        ..Course::default()
    }
}

fn tell(watch: &mut Watch, group: &Group, news: News<'_>) {
    match news {
        News::Passed(before, test) => watch.say(&passed(before, test)),
        News::Read(reading, test) => show(watch, test, reading, group),
        News::Said(text) => watch.say(&format!("the burn says: {text}")),
    }
}

fn show(watch: &mut Watch, test: &Test, reading: &Reading, group: &Group) {
    let cpu: Vec<f64> = reading.cpu.iter().map(|(_, percent)| *percent).collect();
    let instances: Vec<f64> = test.course.instances.iter().map(|(_, count)| *count).collect();
    let newest = cpu.last().map_or_else(
        || "-".to_owned(),
        |percent| format!("{percent:.0} %, threshold {} %", group.out.threshold()),
    );
    let curves = [
        Curve {
            name: "CPU",
            values: &cpu,
            top: Some(100.0),
            now: newest,
        },
        Curve {
            name: "instances",
            values: &instances,
            top: Some(f64::from(group.max)),
            now: reading.in_service.to_string(),
        },
    ];
    let value = json!({"cpu": cpu.last(), "alarm": reading.high.state, "instances": reading.in_service, "health": reading.health});
    watch.show(&test.waits_for(reading), &curves, value);
}

/// What was waited for, and how it came.
fn passed(before: Stage, test: &Test) -> String {
    let newest = test.course.activities.last();
    let cause = newest.map(|activity| activity.cause.clone()).unwrap_or_default();
    match (before, test.stage) {
        (Stage::Out, _) => format!("scaling out by the alarm, the burn is ended: {cause}"),
        (Stage::Launch, _) => "the new instance is in service".to_owned(),
        _ => format!("scaled in by the alarm: {cause}"),
    }
}

fn report_file(args: &StressArgs, began: jiff::Timestamp) -> PathBuf {
    let named = args.report.clone();
    named.unwrap_or_else(|| crate::report::default_path("stress", began))
}

/// The report, and what came of it.
fn finish(session: &Session, args: &StressArgs, test: Test, followed: Result<(), Error>) -> Result<Summary, Error> {
    let mut course = test.course;
    course.verdict = match &followed {
        Ok(()) => proof(&course),
        Err(error) => format!("It did not scale: {error}."),
    };
    let began = jiff::Timestamp::now();
    let path = report_file(args, began);
    crate::report::write(&path, &report(&course), &json!({"v": 1, "course": course}))
        .map_err(|error| Error::failed("could not write the report").caused_by(error))?;
    let mut summary = Summary::done()
        .output("scaled_out", course.scaled_out)
        .output("scaled_in", course.scaled_in)
        .output("report", path.display().to_string())
        .say(course.verdict.clone())
        .say(format!("Report: {}", path.display()));
    summary.stack = Some(session.stack.name.to_string());
    if let Err(error) = followed {
        summary.exit = Exit::from(error.kind);
        summary.errors.push(error);
    }
    Ok(summary)
}

/// The whole way in a sentence, in AWS's time. An alarm that stays on for a period more adds a second instance: the newcomers'
/// own start is hot.
fn proof(course: &Course) -> String {
    let counts: Vec<String> = course.instances.iter().map(|(_, count)| count.to_string()).collect();
    let at = |adds: bool| {
        let activity = course.activities.iter().find(|activity| activity.adds == adds);
        activity.map_or_else(String::new, |activity| clock(activity.from))
    };
    let many = |adds: bool| match course
        .activities
        .iter()
        .filter(|activity| activity.adds == adds)
        .count()
    {
        0 | 1 => "one".to_owned(),
        more => more.to_string(),
    };
    format!(
        "{} instances: the alarm added {}, the first {} after the burn began, and the low alarm took {} away from {} on.",
        counts.join(" → "),
        many(true),
        at(true),
        many(false),
        at(false)
    )
}
