//! `status --watch`: the same again and again, with what moves: health, instances, requests, alarms, events.
//! A screen in a terminal, a line a change elsewhere, and for programs an object a change. How a screen looks, `view` says.

mod view;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Row, rows};
use crate::cli::{Format, Global};
use crate::engine::{Error, Kind, Settings};
use crate::exit::Exit;
use crate::resources::looking::events::{Event, Events, Start, Whose};
use crate::resources::looking::snapshot::{self, Parts, Snapshot};
use crate::resources::looking::{Looked, Rounds, find, moment};
use crate::session::since::ended;
use crate::session::{Session, unless_stopped};
use crate::ui::{Did, FullScreen, Summary, signals};

/// Between two looks at what moves, and between two at everything, in AWS's time: enhanced health is told every ten seconds.
const EVERY: Duration = Duration::from_secs(10);
const EVERYTHING: Duration = Duration::from_secs(60);

/// Nobody reads faster, however fast AWS's clock is.
const SHORTEST: Duration = Duration::from_secs(1);
const SHORTEST_OF_EVERYTHING: Duration = Duration::from_secs(5);

/// Events that are kept: more than a screen has lines.
const EVENTS: i32 = 100;

/// What is known by now.
#[derive(Default)]
pub(super) struct Known {
    rows: Vec<Row>,
    environment: Option<Looked>,
    snapshot: Option<Snapshot>,
    /// Oldest first.
    events: Vec<Event>,
    site: Option<String>,
    /// Why the newest look failed.
    trouble: Option<String>,
}

pub(super) async fn run(global: &Global, session: &Session) -> Result<Summary, Error> {
    signals::only_looks();
    let settings = session.without_deadline(global);
    let mut watch = Watch::new(session);
    // What cannot be read at all is told as any other command tells it.
    unless_stopped(&settings.stop, watch.look()).await?;
    let mut out = match session.ui.full_screen() {
        Some(screen) => Out::Screen(screen),
        None => Out::Told(None),
    };
    let exit = follow(&mut watch, &mut out, &settings, global).await;
    drop(out);
    let mut summary = Summary::done().exit(exit);
    summary.stack = Some(session.stack.name.to_string());
    if let Some(seen) = &watch.known.snapshot {
        summary = summary
            .output("status", seen.status.as_str())
            .output("health", seen.health.as_str());
    }
    Ok(summary)
}

enum Out {
    Screen(FullScreen),
    /// What was told last.
    Told(Option<Value>),
}

async fn follow(watch: &mut Watch<'_>, out: &mut Out, settings: &Settings, global: &Global) -> Exit {
    let mut rounds = Rounds::every(EVERY);
    loop {
        show(watch, out, global);
        let pause = rounds.pause(settings, watch.known.trouble.is_none()).max(SHORTEST);
        let next = (Instant::now() + pause).min(settings.deadline);
        // Until then whoever watches may do something, and the window may change.
        while Instant::now() < next {
            tokio::select! {
                () = tokio::time::sleep_until(next) => break,
                () = settings.stop.cancelled() => return ended(),
                did = done_at(out) => match did {
                    Did::Leave => return Exit::Done,
                    Did::Interrupt => return Exit::Interrupted,
                    Did::Resize => show(watch, out, global),
                },
            }
        }
        if Instant::now() >= settings.deadline {
            return ended();
        }
        // A look takes a while: whoever leaves does not wait for it.
        tokio::select! {
            () = watch.again() => {}
            () = settings.stop.cancelled() => return ended(),
            did = left(out) => return did,
        }
    }
}

/// What somebody did at the screen; never anything where there is none.
async fn done_at(out: &mut Out) -> Did {
    match out {
        Out::Screen(screen) => screen.next().await,
        Out::Told(_) => std::future::pending().await,
    }
}

async fn left(out: &mut Out) -> Exit {
    loop {
        match done_at(out).await {
            Did::Leave => return Exit::Done,
            Did::Interrupt => return Exit::Interrupted,
            Did::Resize => {}
        }
    }
}

fn show(watch: &Watch<'_>, out: &mut Out, global: &Global) {
    let (known, ui) = (&watch.known, &watch.session.ui);
    match out {
        Out::Screen(screen) => screen.draw(&view::parts(known, &watch.session.heading())),
        Out::Told(before) => {
            let now = value(known);
            if before.as_ref() == Some(&now) {
                return;
            }
            match global.output {
                Format::Json => ui.answer("status", "", now.clone()),
                Format::Text | Format::Markdown => view::changes(before.as_ref(), &now)
                    .iter()
                    .for_each(|line| ui.result(line)),
            }
            *before = Some(now);
        }
    }
}

/// All of it for programs.
fn value(known: &Known) -> Value {
    let event = |event: &Event| {
        json!({"at": moment(event.at), "severity": event.severity, "message": event.message,
            "version_label": event.version, "request_id": event.request})
    };
    json!({
        "resources": known.rows.iter().map(Row::value).collect::<Vec<_>>(),
        "environment": known.snapshot,
        "site_url": known.site,
        "events": known.events.iter().map(event).collect::<Vec<_>>(),
        "trouble": known.trouble,
    })
}

struct Watch<'a> {
    session: &'a Session,
    known: Known,
    parts: Parts,
    events: Option<Events<'a>>,
    /// When everything was looked at.
    everything: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            known: Known::default(),
            parts: Parts::default(),
            events: None,
            everything: None,
        }
    }

    /// As [`Watch::look`]; what goes wrong is a part of what is seen, and the next look may go well.
    async fn again(&mut self) {
        self.known.trouble = match self.look().await {
            Ok(()) => None,
            Err(error) if error.kind == Kind::Unreachable => Some(format!("no answer: {error}")),
            Err(error) => Some(error.in_a_line()),
        };
    }

    /// What moves, and what seldom does where that was a while ago.
    async fn look(&mut self) -> Result<(), Error> {
        let every = self
            .session
            .settings
            .pace
            .interval(EVERYTHING)
            .max(SHORTEST_OF_EVERYTHING);
        if self.everything.is_none_or(|last| last.elapsed() >= every) {
            self.look_at_everything().await?;
            self.everything = Some(Instant::now());
        }
        let Some(environment) = self.known.environment.clone() else {
            return Ok(());
        };
        let aws = &self.session.read;
        if self.parts.is_empty() {
            self.parts = Parts::of(aws, &environment.id).await?;
        }
        self.known.snapshot = snapshot::read(aws, &environment.id, &self.parts).await?;
        if let Some(events) = &mut self.events {
            self.known.events.extend(events.next().await?);
            let above = self.known.events.len().saturating_sub(EVENTS as usize);
            self.known.events.drain(..above);
        }
        Ok(())
    }

    async fn look_at_everything(&mut self) -> Result<(), Error> {
        let session = self.session;
        // What was found before is not what is there now.
        session.read.reads_anew();
        let look = session.look().await?;
        self.known.rows = rows(&look);
        self.known.site = session.site_url(&look).ok();
        let ours = look.seen.owner("environment") == Some(crate::engine::Owner::Ours);
        let environment = match ours {
            true => find(&session.read, &session.stack).await?,
            false => None,
        };
        if environment != self.known.environment {
            let whose = |looked: &Looked| Whose::Environment(looked.id.clone());
            self.events = environment
                .as_ref()
                .map(|looked| Events::new(&session.read, whose(looked), Start::Newest(EVENTS)));
            self.parts = Parts::default();
            self.known.snapshot = None;
            self.known.environment = environment;
        }
        Ok(())
    }
}
