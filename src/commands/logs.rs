//! `logs`: what the app, Beanstalk's engine and the proxy say on the instances.

use std::collections::HashSet;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use regex_lite::Regex;
use serde_json::json;

use crate::cli::{Global, instance_id};
use crate::engine::{Error, Hint, Kind};
use crate::exit::Exit;
use crate::resources::looking::logs::{File, Line, Streamed, are_streamed};
use crate::resources::looking::{Looked, Rounds, instances, moment, tails};
use crate::session::since::{Since, ended};
use crate::session::{Purpose, Session, unless_stopped};
use crate::ui::{Summary, Ui, signals};

/// How far back, where nobody says.
const AN_HOUR: Since = Since::Ago(Duration::from_secs(60 * 60));

/// Between two looks, in AWS's time.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
pub(crate) struct LogsArgs {
    /// What is read
    #[arg(value_enum, default_value_t = What::Web)]
    pub what: What,

    /// Go on until Ctrl-C, or for as long as --timeout says
    #[arg(short, long)]
    pub follow: bool,

    /// From when on: 2h, 30m, or 2026-11-30T10:00:00Z [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,

    /// Only lines that this regular expression is found in
    #[arg(long, value_name = "PATTERN")]
    pub grep: Option<Regex>,

    /// Only of this instance; repeatable
    #[arg(long, value_name = "ID", value_parser = instance_id)]
    pub instance: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// What the app prints
    Web,
    /// What Beanstalk's engine does: deployments, hooks, failures
    Engine,
    /// What the bundle's hooks print
    Hooks,
    /// The proxy's requests
    Access,
    /// What the proxy could not do
    Errors,
    /// The last 100 lines of each file of each instance
    Tails,
    /// The log of the newest deployment
    Deployment,
}

impl What {
    /// The file, where it is one that can be streamed.
    fn file(self) -> Option<File> {
        match self {
            Self::Web => Some(File::Web),
            Self::Engine => Some(File::Engine),
            Self::Hooks => Some(File::Hooks),
            Self::Access => Some(File::Access),
            Self::Errors => Some(File::Errors),
            Self::Tails | Self::Deployment => None,
        }
    }
}

pub(super) async fn run(global: &Global, args: &LogsArgs, ui: &Ui) -> Result<Summary, Error> {
    go_together(args)?;
    signals::only_looks();
    let session = Session::open(global, ui, Purpose::of_what_is("logs")).await?;
    let looked = session.needs_environment("logs").await?;
    let mut told = Told::new(ui, args);
    let exit = match args.what.file() {
        None if args.what == What::Deployment => deployment(&session, &looked, &mut told).await?,
        None => tails(&session, &looked, args, None, &mut told).await?,
        Some(file) => one_file(global, &session, &looked, file, args, &mut told).await?,
    };
    let mut summary = Summary::done().exit(exit).output("lines", told.lines);
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary)
}

/// What would count for nothing is refused: whoever typed it would take the answer for one to it.
fn go_together(args: &LogsArgs) -> Result<(), Error> {
    let text = match args.what {
        What::Deployment if !args.instance.is_empty() => {
            "the log of a deployment is of all its instances: no --instance"
        }
        What::Tails | What::Deployment if args.follow || args.since.is_some() => {
            "tails and deployment logs come as they are: no --follow, no --since"
        }
        _ => return Ok(()),
    };
    let way_out = "leave it out, or read a file that is streamed: web, engine, hooks, access, errors";
    Err(Error::new(Kind::Usage, text).hint(way_out))
}

/// By CloudWatch Logs where the environment streams there, else by what the instances themselves have.
async fn one_file(
    global: &Global,
    session: &Session,
    looked: &Looked,
    file: File,
    args: &LogsArgs,
    told: &mut Told<'_>,
) -> Result<Exit, Error> {
    let stop = &session.settings.stop;
    if unless_stopped(stop, are_streamed(&session.read, &looked.name)).await? {
        let since = args.since.unwrap_or(AN_HOUR).time(session, Some(&looked.id)).await?;
        let group = file.group(&looked.name);
        let mut streamed = Streamed::new(&session.read, group, args.instance.clone(), since);
        return streamed_lines(global, session, (looked, file), &mut streamed, args, told).await;
    }
    if args.follow || args.since.is_some() {
        return Err(Error::failed(
            "the environment does not stream its logs to CloudWatch Logs: there are only the ends of its files",
        )
        .hint(Hint::run("up --set environment.log_streaming=true").and(", or leave out --follow and --since")));
    }
    told.ui
        .say("  the environment does not stream its logs: asking the instances for the ends of theirs");
    tails(session, looked, args, Some(file), told).await
}

async fn streamed_lines(
    global: &Global,
    session: &Session,
    (looked, file): (&Looked, File),
    streamed: &mut Streamed<'_>,
    args: &LogsArgs,
    told: &mut Told<'_>,
) -> Result<Exit, Error> {
    let settings = session.without_deadline(global);
    let first = streamed.next(|line| told.streamed(file, &line));
    let is_there = unless_stopped(&settings.stop, first).await?;
    for instance in &args.instance {
        if !told.instances.contains(instance) {
            of_the_environment(session, looked, instance).await?;
        }
    }
    if !args.follow {
        if told.lines == 0 {
            let text = match is_there {
                true => "No such line in that time; a longer --since looks further back.".to_owned(),
                false => format!("Nothing was ever written to {} here.", file.path()),
            };
            told.ui.say(text);
        }
        return Ok(Exit::Done);
    }
    let (mut rounds, mut answered) = (Rounds::every(EVERY), true);
    while rounds.next(&settings, answered).await {
        let read = tokio::select! {
            read = streamed.next(|line| told.streamed(file, &line)) => read,
            () = settings.stop.cancelled() => break,
        };
        answered = read.is_ok();
        match read {
            // No answer ends nothing.
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a look is missing"),
            read => {
                read?;
            }
        }
    }
    Ok(ended())
}

/// Of an instance that is gone there may be lines; of one that is none of the environment's, and left none, there is nothing to tell.
async fn of_the_environment(session: &Session, looked: &Looked, instance: &str) -> Result<(), Error> {
    let all = unless_stopped(&session.settings.stop, instances(&session.read, &looked.id)).await?;
    is_among(instance, &all)
}

fn is_among(instance: &str, all: &[String]) -> Result<(), Error> {
    if all.iter().any(|id| id == instance) {
        return Ok(());
    }
    let text = format!("{instance} is none of the environment's instances");
    Err(Error::new(Kind::Usage, text).hint(match all {
        [] => Hint::from("it has none; ").and_run("events").and(" tells why"),
        all => Hint::from(format!("one of {}", all.join(", "))),
    }))
}

/// What the instances have themselves: all their files, or one.
async fn tails(
    session: &Session,
    looked: &Looked,
    args: &LogsArgs,
    file: Option<File>,
    told: &mut Told<'_>,
) -> Result<Exit, Error> {
    let stop = &session.settings.stop;
    let all = unless_stopped(stop, instances(&session.read, &looked.id)).await?;
    args.instance.iter().try_for_each(|instance| is_among(instance, &all))?;
    let wanted = match args.instance.is_empty() {
        true => all,
        false => args.instance.clone(),
    };
    let clients = (&*session.read, &*session.write);
    let asked = tails::ask(clients, &session.settings, &looked.id, &wanted);
    let tails = unless_stopped(stop, asked).await?;
    for tail in &tails {
        for (path, lines) in &tail.files {
            if file.is_none_or(|file| path.ends_with(&format!("/{}", file.path()))) {
                told.tail(&tail.instance, path, lines);
            }
        }
    }
    for silent in wanted
        .iter()
        .filter(|id| !tails.iter().any(|tail| tail.instance == **id))
    {
        told.ui.notice(&format!("{silent} did not give its logs in time"), None);
    }
    Ok(Exit::Done)
}

async fn deployment(session: &Session, looked: &Looked, told: &mut Told<'_>) -> Result<Exit, Error> {
    let log = tails::deployment(&session.read, &looked.id);
    match unless_stopped(&session.settings.stop, log).await? {
        Some((request, lines)) => told.tail(&request, "eb-deployment.log", &lines),
        None => {
            let none = Hint::from("No deployment left a log: platform versions before March 2026 write none; ");
            told.ui
                .say(none.and_run("logs engine").and(" has what the instances say."));
        }
    }
    Ok(Exit::Done)
}

/// Where lines go, and which.
struct Told<'a> {
    ui: &'a Ui,
    grep: Option<&'a Regex>,
    lines: usize,
    /// Those that said anything, wanted or not.
    instances: HashSet<String>,
}

impl<'a> Told<'a> {
    fn new(ui: &'a Ui, args: &'a LogsArgs) -> Self {
        Self {
            ui,
            grep: args.grep.as_ref(),
            lines: 0,
            instances: HashSet::new(),
        }
    }

    fn wants(&self, message: &str) -> bool {
        self.grep.is_none_or(|pattern| pattern.is_match(message))
    }

    fn streamed(&mut self, file: File, line: &Line) {
        if !self.instances.contains(&line.instance) {
            self.instances.insert(line.instance.clone());
        }
        if self.wants(&line.message) {
            let time = line.at.strftime("%Y-%m-%d %H:%M:%S");
            let text = format!("{time}  {}  {}", line.instance, line.message);
            self.tell(&text, Some(line.at), &line.instance, file.path(), &line.message);
        }
    }

    /// Under a heading, where there is anything to stand under it.
    fn tail(&mut self, source: &str, path: &str, lines: &[String]) {
        let wanted: Vec<&String> = lines.iter().filter(|line| self.wants(line)).collect();
        if wanted.is_empty() {
            return;
        }
        self.ui.result(&format!("== {source}  {path}"));
        for line in wanted {
            self.tell(line, None, source, path, line);
        }
    }

    fn tell(&mut self, text: &str, at: Option<Timestamp>, source: &str, file: &str, message: &str) {
        self.lines += 1;
        let at = at.map(moment);
        let value = json!({"at": at, "source": source, "file": file, "message": message});
        self.ui.answer("log", text, value);
    }
}
