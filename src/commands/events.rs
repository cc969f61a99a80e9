//! `events`: what Beanstalk tells of the environment, and what it goes on to tell.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::engine::{Error, Kind};
use crate::exit::Exit;
use crate::resources::looking::events::{Event, Events, Start, Whose};
use crate::resources::looking::{Rounds, moment};
use crate::session::since::{Since, ended};
use crate::session::{Purpose, Session, not_up, unless_stopped};
use crate::ui::{Summary, Ui, signals};

/// How many are told where nobody says since when.
const NEWEST: i32 = 50;

/// Between two looks, in AWS's time, as the EB CLI has it.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
pub(crate) struct EventsArgs {
    /// Go on until Ctrl-C, or for as long as --timeout says
    #[arg(short, long)]
    pub follow: bool,

    /// From when on: 2h, 30m, or 2026-11-30T10:00:00Z [default: the newest 50]
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
}

pub(super) async fn run(global: &Global, args: &EventsArgs, ui: &Ui) -> Result<Summary, Error> {
    signals::only_looks();
    let session = Session::open(global, ui, Purpose::of_what_is("events")).await?;
    let looked = session.looked_at("events").await?;
    let names = &session.stack.names;
    let (id, whose) = match looked {
        Some(looked) => (Some(looked.id.clone()), Whose::Environment(looked.id)),
        // It may have ended by itself: what it said before is what one wants to know.
        None => (
            None,
            Whose::Named {
                application: names.application.clone(),
                environment: names.environment.clone(),
            },
        ),
    };
    let start = match &args.since {
        None => Start::Newest(NEWEST),
        Some(since) => Start::Time(since.time(&session, id.as_deref()).await?),
    };
    let mut events = Events::new(&session.read, whose, start);
    let told = unless_stopped(&session.settings.stop, events.next()).await?;
    if id.is_none() && told.is_empty() {
        return Err(not_up(&session.stack.name));
    }
    let mut count = told.len();
    told.iter().for_each(|event| tell(ui, event));
    let mut summary = Summary::done();
    if args.follow {
        let (more, exit) = follow(global, &session, &mut events).await?;
        count += more;
        summary = summary.exit(exit);
    } else if count == 0 {
        let then = args.since.map_or("", |_| " since then");
        ui.say(format!("Beanstalk tells no events of {}{then}.", names.environment));
    }
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary.output("events", count))
}

/// Until somebody ends it. Gives how many were told, and how it ended.
async fn follow(global: &Global, session: &Session, events: &mut Events<'_>) -> Result<(usize, Exit), Error> {
    let settings = session.without_deadline(global);
    let (mut rounds, mut answered, mut count) = (Rounds::every(EVERY), true, 0);
    while rounds.next(&settings, answered).await {
        let read = tokio::select! {
            read = events.next() => read,
            () = settings.stop.cancelled() => break,
        };
        answered = read.is_ok();
        match read {
            Ok(told) => {
                count += told.len();
                told.iter().for_each(|event| tell(&session.ui, event));
            }
            // No answer ends nothing.
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a look is missing"),
            Err(error) => return Err(error),
        }
    }
    Ok((count, ended()))
}

fn tell(ui: &Ui, event: &Event) {
    let version = event.version.as_ref().map(|version| format!(" [{version}]"));
    let text = format!(
        "{}  {:<5}  {}{}",
        event.at.strftime("%Y-%m-%d %H:%M:%S"),
        event.severity,
        event.message,
        version.unwrap_or_default()
    );
    let value = json!({
        "at": moment(event.at), "severity": event.severity, "message": event.message,
        "version_label": event.version, "request_id": event.request,
    });
    ui.answer("event", &text, value);
}
