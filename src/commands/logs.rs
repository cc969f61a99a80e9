//! `logs`: what the app, Beanstalk's engine and the proxy say on the instances.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use regex_lite::Regex;
use serde_json::json;

use crate::cli::Global;
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

fn instance_id(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("i-").unwrap_or_default();
    match !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(text.to_owned()),
        false => Err("an instance's id is written as i-0123456789abcdef0".to_owned()),
    }
}

pub(super) async fn run(global: &Global, args: &LogsArgs, ui: &Ui) -> Result<Summary, Error> {
    if args.what.file().is_none() && (args.follow || args.since.is_some()) {
        return Err(Error::new(
            Kind::Usage,
            "tails and deployment logs come as they are: no --follow, no --since",
        )
        .hint("leave them out, or read a file that is streamed: web, engine, hooks, access, errors"));
    }
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
        return streamed_lines(global, session, &mut streamed, file, args, told).await;
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
    streamed: &mut Streamed<'_>,
    file: File,
    args: &LogsArgs,
    told: &mut Told<'_>,
) -> Result<Exit, Error> {
    let settings = session.without_deadline(global);
    let first = streamed.next(|line| told.streamed(file, &line));
    let is_there = unless_stopped(&settings.stop, first).await?;
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
    if let Some(unknown) = args.instance.iter().find(|id| !all.contains(id)) {
        let text = format!("{unknown} is none of the environment's instances");
        return Err(Error::new(Kind::Usage, text).hint(format!("one of {}", all.join(", "))));
    }
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
}

impl<'a> Told<'a> {
    fn new(ui: &'a Ui, args: &'a LogsArgs) -> Self {
        Self {
            ui,
            grep: args.grep.as_ref(),
            lines: 0,
        }
    }

    fn wants(&self, message: &str) -> bool {
        self.grep.is_none_or(|pattern| pattern.is_match(message))
    }

    fn streamed(&mut self, file: File, line: &Line) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_its_id() {
        assert_eq!(instance_id("i-0123456789abcdef0").as_deref(), Ok("i-0123456789abcdef0"));
        for none in ["web", "i-", "i-0/../x", "--help"] {
            assert!(instance_id(none).is_err(), "{none}");
        }
    }
}
