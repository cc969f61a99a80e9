//! `stress`: a CPU burn sized to cross the trigger once; followed from the metric to the alarm, to the activity, to the new
//! instance, and back. What proves it is the activity's own cause.

mod burn;
mod follow;
mod group;
mod readings;
mod remote;
mod rest;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use self::burn::{Dose, Size, Trigger};
use self::follow::{Stage, Test};
use self::group::Group;
use self::readings::Reading;
use self::remote::Sent;
use super::session::{Fallback, Look, Session};
use super::up::values;
use crate::cli::{Global, StressArgs, Wishes};
use crate::engine::{Command, Error, Hint, Kind, Owner};
use crate::exit::Exit;
use crate::report::clock;
use crate::report::stress::{Course, report};
use crate::resources::outputs::{ENVIRONMENT, LiveEnvironment};
use crate::ui::{Curve, Summary, Ui, Watch};

/// Between two readings, in AWS's time.
const EVERY: Duration = Duration::from_secs(30);

/// No burn is bounded to less of this machine's time: processes do not start faster where AWS's clock does.
const SHORTEST_BURN: f64 = 15.0;

/// How long ending the burn before its time may hold up a Ctrl-C.
const GOODBYE: Duration = Duration::from_secs(5);

/// What is going to be run where.
struct Burn {
    script: String,
    instances: Vec<String>,
    /// As people read it.
    text: String,
    /// Seconds of AWS's time.
    bound: f64,
}

pub(super) async fn run(global: &Global, args: &StressArgs, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, "stress", Fallback::Applied, &Wishes::default(), false).await?;
    let look = session.look().await?;
    let environment = environment(&session, &look)?;
    let group = Group::of(&session.read, &environment.id).await?;
    can_grow(&session, &group)?;
    let first = rest::look(&session.read, &environment.id, &group).await?;
    rest::at_rest(&group, &first)?;
    let burn = plan(&session, args, &group, 0.0).await?;
    confirm(&session, global, args, &group, &burn).await?;
    let burn = if args.no_burn || args.like_article {
        burn
    } else {
        let idle = rest::idle(&session, &environment.id, &group, ui).await?;
        let sized = plan(&session, args, &group, idle).await?;
        ui.say(format!("  the site itself takes {idle:.0} %; burning {}", sized.text));
        sized
    };
    let sent = if args.no_burn {
        Vec::new()
    } else {
        let comment = format!("confctl: stress of {}", session.stack.name);
        remote::send(
            &session.write,
            &burn.instances,
            &burn.script,
            burn.bound as u64 + 60,
            &comment,
        )
        .await?
    };
    let zero = match sent.first().and_then(|sent| sent.at) {
        Some(at) => at,
        None => readings::now(&session.read, &environment.id).await?,
    };
    let course = course(&session, &group, &burn, zero);
    let mut test = Test::new(course, group.clone(), &first, zero, burn.bound);
    let followed = follow(&session, &environment, &group, &sent, &mut test, zero, ui).await;
    if followed.is_err() {
        stop_burning(&session, &sent).await;
    }
    match followed {
        Err(error) if error.kind == Kind::Stopped => Err(error.hint(format!(
            "what still burns ends by itself within {:.0} s",
            burn.bound / session.settings.pace.speed
        ))),
        followed => finish(&session, args, test, followed),
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
        None => {
            return Err(Error::failed("there is nothing to put under load: the stack is not up").hint(Hint::run("up")));
        }
        Some(_) => {
            return Err(Error::refused("the environment does not carry this stack's tag").hint(Hint::run("status")));
        }
    }
    values(session, look).get(&ENVIRONMENT).ok_or_else(|| {
        Error::failed("the environment is not ready").hint(Hint::run("status").and(", and again once it rests"))
    })
}

/// Whether there is room for one more: by the group itself, and by the profile that was given.
fn can_grow(session: &Session, group: &Group) -> Result<(), Error> {
    let metric = group.out.alarm.settings.metric_name.as_deref().unwrap_or_default();
    if metric != "CPUUtilization" {
        let error = Error::new(
            Kind::Usage,
            format!("the trigger measures {metric}: a CPU burn does not move it"),
        );
        return Err(error.hint(Hint::run("up --set scaling.metric=CPUUtilization")));
    }
    let running = u32::try_from(group.instances.len()).unwrap_or(u32::MAX);
    let wanted = session.stack.profile.scaling.max;
    let (most, whose, hint) = if group.max <= wanted {
        let more = Command::confctl("up --set").arg(format!("scaling.max={}", group.max + 2));
        (
            group.max,
            format!("the group's MaxSize is {}", group.max),
            Hint::run(more),
        )
    } else {
        let whose = format!(
            "the profile given has scaling.max = {wanted} (the group itself allows {})",
            group.max
        );
        (
            wanted,
            whose,
            "leave scaling.max out, and the group's own maximum holds".into(),
        )
    };
    if running < most {
        return Ok(());
    }
    let error = Error::new(
        Kind::DidNotScale,
        format!("it cannot scale out: {running} instances run, and {whose}"),
    );
    Err(error
        .because("an alarm that goes off at the maximum changes nothing, so nothing was burned")
        .hint(hint))
}

/// Where and how much to burn. `idle`: percent that the site itself takes.
async fn plan(session: &Session, args: &StressArgs, group: &Group, idle: f64) -> Result<Burn, Error> {
    let reachable = remote::reachable(&session.read, &group.instances).await?;
    let processors = group::processors(&session.read, &group.instances).await?;
    let speed = session.settings.pace.speed;
    // Two whole periods, so that one of them is hot from end to end; its way through CloudWatch; and a launch.
    let slowest = group
        .out
        .takes()
        .max(u64::from(session.stack.profile.instance.monitoring_period));
    let bound = (2.0 * slowest as f64 + 600.0).max(SHORTEST_BURN * speed).ceil();
    let here = Duration::from_secs_f64(bound / speed);
    let count = group.instances.len();
    if args.like_article {
        let instances: Vec<String> = reachable.into_iter().take(1).collect();
        let text = format!("`stress -c 4`, or four shell loops, on one of {count} instances");
        let burn = Burn {
            script: burn::like_article(here),
            instances,
            text,
            bound,
        };
        return if burn.instances.is_empty() && !args.no_burn {
            Err(unreachable(session, group, &burn.script))
        } else {
            Ok(burn)
        };
    }
    let burning = if args.no_burn || reachable.is_empty() {
        count
    } else {
        reachable.len()
    };
    let size = Size {
        instances: u32::try_from(count).unwrap_or(u32::MAX),
        burning: u32::try_from(burning).unwrap_or(u32::MAX),
        idle,
    };
    let trigger = Trigger {
        upper: group.out.threshold(),
        step: group.out.step.unsigned_abs(),
    };
    let dose = burn::dose(trigger, size)
        .map_err(|error| Error::refused("no burn is right for this group").caused_by(error))?;
    let script = burn::sized(dose, processors, here);
    if reachable.is_empty() && !args.no_burn {
        return Err(unreachable(session, group, &script));
    }
    Ok(Burn {
        script,
        text: if args.no_burn {
            "by somebody else".to_owned()
        } else {
            told(dose, size, processors)
        },
        instances: reachable,
        bound,
    })
}

fn told(dose: Dose, size: Size, processors: u32) -> String {
    format!(
        "{:.0} % of {processors} virtual CPUs on each of {} instances: an average of {:.0} %, and of {:.0} % with one more",
        dose.percent, size.burning, dose.before, dose.after
    )
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
    ui.say(format!("{} in {}", heading.stack, heading.place()));
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
        lower: group.back.as_ref().map(group::Rule::threshold),
        burn: burn.text.clone(),
        ..Course::default()
    }
}

async fn follow(
    session: &Session,
    environment: &LiveEnvironment,
    group: &Group,
    sent: &[Sent],
    test: &mut Test,
    zero: f64,
    ui: &Ui,
) -> Result<(), Error> {
    let pace = session.settings.pace;
    let started = Instant::now();
    let mut watch = ui.watch("stress");
    let mut said = false;
    loop {
        let now = started.elapsed().as_secs_f64() * pace.speed;
        let burning = if test.stage < Stage::Launch { sent } else { &[] };
        let until = zero + now + f64::from(group.out.period());
        let since = zero - f64::from(group.out.period());
        match readings::read(&session.read, &environment.id, group, burning, since, until).await {
            Ok(reading) => {
                let before = test.stage;
                test.take(&reading, now)
                    .map_err(|reason| Error::new(Kind::DidNotScale, reason))?;
                if before != test.stage {
                    watch.say(&passed(before, test));
                }
                // What is to be proven is proven: more heat only keeps the alarm on, and the group growing, while an
                // instance boots.
                if before < Stage::Launch && test.stage >= Stage::Launch {
                    stop_burning(session, sent).await;
                }
                show(&mut watch, test, &reading, group);
            }
            // Not an answer: never decides anything.
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a reading is missing"),
            Err(error) => return Err(error),
        }
        if test.stage == Stage::Done {
            return Ok(());
        }
        if !said && let Some(text) = remote::said(&session.read, sent).await {
            watch.say(&format!("the burn says: {text}"));
            said = true;
        }
        if Instant::now() >= session.settings.deadline {
            return Err(
                Error::new(Kind::Deadline, "the deadline came before the group was back")
                    .hint(Hint::run("stress --timeout 3h")),
            );
        }
        tokio::select! {
            () = tokio::time::sleep(pace.interval(EVERY)) => {}
            () = session.settings.stop.cancelled() => return Err(Error::stopped()),
        }
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

/// Ends the burn before its time. What cannot be ended ends by its own bound.
async fn stop_burning(session: &Session, sent: &[Sent]) {
    if sent.is_empty() {
        return;
    }
    match tokio::time::timeout(GOODBYE, remote::cancel(&session.write, sent)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%error, "the burn goes on until its bound"),
        Err(_) => tracing::info!("the burn goes on until its bound"),
    }
}

/// The report, and what came of it.
fn finish(session: &Session, args: &StressArgs, test: Test, followed: Result<(), Error>) -> Result<Summary, Error> {
    let mut course = test.course;
    course.verdict = match &followed {
        Ok(()) => proof(&course),
        Err(error) => format!("It did not scale: {error}."),
    };
    let began = jiff::Timestamp::now();
    let path = args
        .report
        .clone()
        .unwrap_or_else(|| crate::report::default_path("stress", began));
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
