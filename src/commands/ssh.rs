//! `ssh`: a shell on an instance, or one command: by Session Manager, by SSH, or by Run Command, whichever there is.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use clap::{Args, ValueEnum};
use etcetera::BaseStrategy;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::Command;

use crate::cli::{Format, Global, instance_id};
use crate::engine::{Error, Hint, Kind, quoted};
use crate::programs;
use crate::resources::looking::{instances, shell};
use crate::session::{Purpose, Session, unless_stopped};
use crate::ui::{Summary, Ui, signals};

/// Session Manager's plugin, a program of AWS's.
const PLUGIN: &str = "session-manager-plugin";

/// The variable that its token is in: in its arguments everybody on the machine could read it.
const RESPONSE: &str = "AWS_SSM_START_SESSION_RESPONSE";

/// The last version that takes the token as an argument only (aws-cli, customizations/sessionmanager.py).
const TOO_OLD: [u64; 4] = [1, 2, 497, 0];

/// Who one is on an instance of Beanstalk's.
const USER: &str = "ec2-user";

/// What `ssh.source` is where nobody may come in.
const CLOSED: &str = "127.0.0.1/32";

#[derive(Debug, Clone, Args)]
pub(crate) struct SshArgs {
    /// The instance [default: the first one]
    #[arg(value_name = "INSTANCE", value_parser = instance)]
    pub instance: Option<String>,

    /// The way in [default: session-manager or key; for a command run-command or key]
    #[arg(long, value_enum)]
    pub by: Option<Way>,

    /// One command instead of a shell: a line for the instance's shell, or a program and its words
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Through Systems Manager, where its plugin is installed: no open port, no key
    SessionManager,
    /// The system's ssh with the stack's key, where ssh.source lets you in
    Key,
    /// One command through Systems Manager: needs nothing on this machine
    RunCommand,
}

/// What stands there is meant for a command often enough.
fn instance(text: &str) -> Result<String, String> {
    instance_id(text).map_err(|error| format!("{error}; a command stands behind --: `-- {}`", quoted(text)))
}

/// An instance, and how it can be reached.
struct Target<'a> {
    session: &'a Session,
    instance: String,
    /// For the instance's shell; none for a shell.
    line: Option<String>,
}

pub(super) async fn run(global: &Global, args: &SshArgs, ui: &Ui) -> Result<Summary, Error> {
    let line = line(&args.command);
    if line.as_deref().is_some_and(|line| line.trim().is_empty()) {
        let empty = Error::new(Kind::Usage, "the command behind -- is empty");
        return Err(empty.hint("name one, or leave out the -- for a shell"));
    }
    if line.is_none() && global.output == Format::Json {
        return Err(Error::new(Kind::Usage, "a shell cannot be had as JSON").hint("name a command behind --"));
    }
    let session = Session::open(global, ui, Purpose::of_what_is("ssh")).await?;
    let target = target(&session, args, line).await?;
    let ways = match (args.by, &target.line) {
        (Some(way), _) => vec![way],
        (None, None) => vec![Way::SessionManager, Way::Key],
        // Only it tells how a command ended.
        (None, Some(_)) => vec![Way::RunCommand, Way::Key],
    };
    let mut reasons = Vec::new();
    for way in ways {
        let tried = match way {
            Way::SessionManager => by_session_manager(global, &target).await?,
            Way::Key => by_key(&target).await?,
            Way::RunCommand => by_run_command(&target).await?,
        };
        match tried {
            Ok(mut summary) => {
                summary.stack = Some(session.stack.name.to_string());
                return Ok(summary.output("instance", target.instance));
            }
            Err(reason) => reasons.push(reason),
        }
    }
    Err(no_way_in(&target, reasons))
}

/// One word is a line as it is; of several each stays a word.
fn line(command: &[String]) -> Option<String> {
    match command {
        [] => None,
        [line] => Some(line.clone()),
        words => Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
    }
}

/// Only an instance of the stack's own environment is reached.
async fn target<'a>(session: &'a Session, args: &SshArgs, line: Option<String>) -> Result<Target<'a>, Error> {
    let looked = session.needs_environment("ssh").await?;
    let stop = &session.settings.stop;
    let all = unless_stopped(stop, instances(&session.read, &looked.id)).await?;
    let instance = match &args.instance {
        Some(wanted) => all.iter().find(|id| *id == wanted).cloned().ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("{wanted:?} is none of the environment's instances"),
            )
            .hint(format!("one of {}", all.join(", ")))
        })?,
        None => all.first().cloned().ok_or_else(|| {
            Error::failed("the environment has no instance").hint(Hint::run("events").and(" tells why"))
        })?,
    };
    if args.instance.is_none() && all.len() > 1 {
        session.ui.say(format!("  {instance}, one of {}", all.join(", ")));
    }
    Ok(Target {
        session,
        instance,
        line,
    })
}

/// Why a way cannot be gone, and what would open it.
struct Closed {
    why: String,
    /// `None`: nothing that one could do soon.
    way_out: Option<Hint>,
}

impl Closed {
    fn new(why: impl Into<String>, way_out: impl Into<Hint>) -> Self {
        Self {
            why: why.into(),
            way_out: Some(way_out.into()),
        }
    }
}

type Tried = Result<Result<Summary, Closed>, Error>;

async fn is_reachable(target: &Target<'_>) -> Result<bool, Error> {
    let wanted = [target.instance.clone()];
    let reachable = shell::reachable(&target.session.read, &wanted);
    Ok(!unless_stopped(&target.session.settings.stop, reachable)
        .await?
        .is_empty())
}

fn unreachable(target: &Target<'_>) -> Closed {
    let why = "Systems Manager does not reach it: its role needs the policy AmazonSSMManagedInstanceCore (`roles.ssm`), and an agent \
               registers some minutes after it is attached";
    // The profile's own word: a role of somebody else's is not confctl's to know.
    let way_out = match target.session.stack.profile.roles.ssm {
        true => Hint::from("where the instance is new, the same command some minutes later; else ")
            .and_run("plan")
            .and(" shows whether its role lacks the policy"),
        false => Hint::run("up --set roles.ssm=true").and(" lets Systems Manager in"),
    };
    Closed::new(why, way_out)
}

async fn by_session_manager(global: &Global, target: &Target<'_>) -> Tried {
    if target.line.is_some() {
        let why = "Session Manager is for a shell here: it does not tell how a command ended";
        return Ok(Err(Closed::new(why, "leave out --by, or the command")));
    }
    let Some(program) = programs::find(PLUGIN) else {
        return Ok(Err(Closed::new(format!("{PLUGIN} is not installed"), INSTALL)));
    };
    let version = version(&program).await;
    if version.is_none_or(|version| version <= TOO_OLD) {
        let why = format!(
            "{} is too old: it would take the session's token as an argument, where everybody on this machine can read it",
            program.display()
        );
        return Ok(Err(Closed::new(why, INSTALL)));
    }
    if !is_reachable(target).await? {
        return Ok(Err(unreachable(target)));
    }
    let Target { session, instance, .. } = target;
    let reason = format!("confctl: ssh of {}", session.stack.name);
    let begun = unless_stopped(
        &session.settings.stop,
        shell::start_session(&session.write, instance, &reason),
    )
    .await?;
    let mut plugin = programs::command(&program);
    let response =
        json!({"SessionId": begun.session_id, "TokenValue": begun.token_value, "StreamUrl": begun.stream_url});
    // As the AWS CLI calls it (customizations/sessionmanager.py).
    plugin
        .env(RESPONSE, response.to_string())
        .arg(RESPONSE)
        .arg(&session.read.region)
        .arg("StartSession")
        .arg(global.aws_profile.as_deref().unwrap_or_default())
        .arg(json!({"Target": instance}).to_string())
        .arg(shell::service_url(&session.read));
    match in_this_terminal(session, plugin).await {
        Ok(ended) => Ok(Ok(ended_as(&ended))),
        Err(error) => {
            shell::end_session(&session.write, &begun.session_id).await?;
            Err(Error::failed(format!("could not start {}", program.display())).caused_by(error))
        }
    }
}

/// `1.2.707.0`; `None` where it says something else.
async fn version(program: &std::path::Path) -> Option<[u64; 4]> {
    let told = programs::command(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    parse_version(&String::from_utf8_lossy(&told.stdout))
}

fn parse_version(text: &str) -> Option<[u64; 4]> {
    let mut version = [0; 4];
    for (place, part) in text.trim().split('.').enumerate() {
        *version.get_mut(place)? = part.parse().ok()?;
    }
    Some(version)
}

async fn by_key(target: &Target<'_>) -> Tried {
    let Target {
        session,
        instance,
        line,
    } = target;
    let source = &session.stack.profile.ssh.source;
    if source == CLOSED {
        return Ok(Err(Closed::new("port 22 is closed (`ssh.source`)", LET_IN)));
    }
    let Some(program) = programs::find("ssh") else {
        return Ok(Err(Closed::new("ssh is not installed", "install ssh")));
    };
    let Some(key) = shell::private_key(&session.read, &session.stack)? else {
        let name = &session.stack.names.key_pair;
        return Ok(Err(Closed {
            why: format!("the private key of {name} is not on this machine"),
            way_out: None,
        }));
    };
    let address = unless_stopped(&session.settings.stop, shell::address(&session.read, instance)).await?;
    let Some(address) = address else {
        return Ok(Err(Closed {
            why: "it has no public address".to_owned(),
            way_out: None,
        }));
    };
    let mut ssh = programs::command(&program);
    ssh.arg("-i").arg(key).args(ssh_options(instance)?);
    ssh.arg("--").arg(format!("{USER}@{address}")).args(line);
    let ended = in_this_terminal(session, ssh).await;
    let ended =
        ended.map_err(|error| Error::failed(format!("could not start {}", program.display())).caused_by(error))?;
    if ended.code() == Some(255) {
        // ssh's own failure (ssh(1), EXIT STATUS).
        return Err(Error::failed(format!("ssh did not reach {instance} at {address}"))
            .because(format!("port 22 is open for {source} (`ssh.source`)"))
            .hint("see what ssh said above; whether this machine's address is in that range"));
    }
    Ok(Ok(match (line, ended.code()) {
        (Some(line), Some(code)) => command_ended(instance, line, code),
        _ => ended_as(&ended),
    }))
}

/// Addresses are given to one instance after the other: a host key is known by the instance's id, and in a file of its own.
fn ssh_options(instance: &str) -> Result<Vec<String>, Error> {
    let folder = state_folder()?;
    let known = folder.join("known_hosts");
    let option = |text: String| ["-o".to_owned(), text];
    let options = [
        option("IdentitiesOnly=yes".to_owned()),
        option(format!("HostKeyAlias={instance}")),
        option(format!("UserKnownHostsFile=\"{}\"", known.display())),
        option("StrictHostKeyChecking=accept-new".to_owned()),
        option("ConnectTimeout=15".to_owned()),
    ];
    Ok(options.into_iter().flatten().collect())
}

fn state_folder() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy();
    let strategy =
        strategy.map_err(|error| Error::failed("there is no home directory for host keys").caused_by(error))?;
    let folder = strategy
        .state_dir()
        .unwrap_or_else(|| strategy.data_dir())
        .join("confctl");
    fs_err::create_dir_all(&folder).map_err(|error| Error::failed("no place for host keys").caused_by(error))?;
    Ok(folder)
}

/// In this terminal, to its end. What is typed is the program's, Ctrl-C too; whoever ends confctl ends it.
async fn in_this_terminal(session: &Session, mut command: Command) -> std::io::Result<ExitStatus> {
    let _left = signals::LeftToChild::begin();
    let mut child = command.spawn()?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    tokio::select! {
        ended = child.wait() => return ended,
        () = session.settings.stop.cancelled() => {}
    }
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
    child.wait().await
}

/// How a shell ended is its user's matter.
fn ended_as(ended: &ExitStatus) -> Summary {
    Summary::done().output("exit_code", ended.code())
}

async fn by_run_command(target: &Target<'_>) -> Tried {
    let Target {
        session,
        instance,
        line,
    } = target;
    let Some(line) = line else {
        return Ok(Err(Closed::new(
            "Run Command runs one command, and there is none",
            "name it behind --",
        )));
    };
    if !is_reachable(target).await? {
        return Ok(Err(unreachable(target)));
    }
    let comment = format!("confctl: ssh of {}", session.stack.name);
    let clients = (&*session.read, &*session.write);
    let ended = shell::run(clients, &session.settings, instance, line, &comment).await?;
    let (stdout, stderr) = (ended.stdout.trim_end(), ended.stderr.trim_end());
    if !stdout.is_empty() {
        session.ui.result(stdout);
    }
    if !stderr.is_empty() {
        session.ui.say(stderr);
    }
    let summary = match ended.code {
        Some(code) => command_ended(instance, line, code),
        None => Summary::from(Error::failed(format!(
            "the command on {instance} did not come to its end: {}",
            ended.status
        ))),
    };
    Ok(Ok(summary
        .output("status", ended.status.as_str())
        .output("stdout", ended.stdout.as_str())
        .output("stderr", ended.stderr.as_str())))
}

/// A command that failed is a failure, with its own code beside ours.
fn command_ended(instance: &str, line: &str, code: i32) -> Summary {
    let summary = match code {
        0 => Summary::done(),
        code => Summary::from(
            Error::failed(format!("the command on {instance} ended with {code}")).because(format!("it was: {line}")),
        ),
    };
    summary.output("exit_code", code)
}

const INSTALL: &str = "install the plugin (Systems Manager guide: session-manager-working-with-install-plugin)";
/// In words: an address of this machine is not ours to know, and what stands for one is no command.
const LET_IN: &str =
    "let this machine in by `up` with --set ssh.source=ADDRESS/32 (https://checkip.amazonaws.com tells its address)";

/// What opens each of the ways that were tried; of the others nobody asked.
fn no_way_in(target: &Target<'_>, closed: Vec<Closed>) -> Error {
    let mut error = Error::failed(format!("there is no way into {}", target.instance));
    let shell = target.line.is_none();
    let (causes, ways): (Vec<_>, Vec<_>) = closed.into_iter().map(|closed| (closed.why, closed.way_out)).unzip();
    error.causes = causes;
    error.hint = way_out(ways.into_iter().flatten(), shell);
    error
}

fn way_out(ways: impl Iterator<Item = Hint>, shell: bool) -> Option<Hint> {
    let instead = shell.then(|| Hint::from("one command, behind --, needs neither key nor plugin"));
    ways.chain(instead).reduce(|all, next| all.and("; or ").and_hint(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_line_and_several_stay_words() {
        let of = |words: &[&str]| line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["df -h | head"]).as_deref(), Some("df -h | head"));
        assert_eq!(
            of(&["cat", "two words", "$HOME"]).as_deref(),
            Some("cat 'two words' '$HOME'")
        );
    }

    #[test]
    fn a_way_out_is_of_the_ways_that_were_tried() {
        let told = |ways: Vec<Hint>, shell| {
            let hint = way_out(ways.into_iter(), shell);
            hint.map(|hint| hint.shown(|commands| commands[0].words.join(" ")))
        };
        let ssm = || Hint::run("up --set roles.ssm=true").and(" lets Systems Manager in");
        assert_eq!(told(vec![LET_IN.into()], false).as_deref(), Some(LET_IN));
        assert_eq!(
            told(vec![ssm(), LET_IN.into()], false).unwrap(),
            format!("`up --set roles.ssm=true` lets Systems Manager in; or {LET_IN}")
        );
        assert!(told(vec![], true).unwrap().contains("behind --"));
        assert_eq!(told(vec![], false), None);
    }

    #[test]
    fn what_is_no_instance_may_be_a_command() {
        assert_eq!(instance("i-0123456789abcdef0").as_deref(), Ok("i-0123456789abcdef0"));
        assert!(instance("ls").unwrap_err().contains("`-- ls`"));
        assert!(instance("df -h").unwrap_err().contains("`-- 'df -h'`"));
    }

    #[test]
    fn a_plugin_that_shows_tokens_to_everybody_is_told_by_its_version() {
        let good = |text| parse_version(text).is_some_and(|version| version > TOO_OLD);
        assert!(good("1.2.707.0\n") && good("1.3") && good("2"));
        assert!(!good("1.2.497.0") && !good("1.2.30.0") && !good("") && !good("1.2.x") && !good("1.2.3.4.5"));
    }
}
