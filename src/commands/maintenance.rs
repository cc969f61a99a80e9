//! `maintenance`: a page in the site's place, on or off; by plan, confirm, lock, plan again, apply.

use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::engine::{Error, Hint};
use crate::resources::outputs::SHOWN_INSTEAD;
use crate::resources::{Maintenance, Page};
use crate::session::asking::Asking;
use crate::session::confirmed::do_confirmed;
use crate::session::{Look, Purpose, Session, unlock};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Show visitors a page in the site's place
    On(OnArgs),
    /// Let visitors in again
    Off,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OnArgs {
    /// What the page says; plain text of some 600 characters
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,

    /// Its heading, and the name of the browser's tab
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// The language of both, as HTML has it: de, pt-BR [default: en]
    #[arg(long, value_name = "TAG")]
    pub lang: Option<String>,
}

impl MaintenanceCommand {
    fn wanted(&self) -> Result<Maintenance, Error> {
        match self {
            Self::Off => Ok(Maintenance::Off),
            Self::On(OnArgs {
                text: None,
                title: None,
                lang: None,
            }) => Ok(Maintenance::On(None)),
            Self::On(OnArgs { text, title, lang }) => {
                let page = Page::of(title.as_deref(), text.as_deref(), lang.as_deref())?;
                Ok(Maintenance::On(Some(page)))
            }
        }
    }
}

pub(super) async fn run(global: &Global, command: &MaintenanceCommand, ui: &Ui) -> Result<Summary, Error> {
    let wanted = command.wanted()?;
    let session = Session::open(global, ui, Purpose::to_maintain(wanted)).await?;
    if !session.stack.profile.has_own_load_balancer() {
        return Err(Error::refused(
            "a maintenance page is a rule of a load balancer of the stack's own, and this stack has none",
        )
        .hint("`load_balancer.mode = \"own\"` makes one, with another `environment.name`"));
    }
    let look = session.look().await?;
    ui.plan(&session.heading(), &look.planned, &[], None);
    if look.is_blocked() {
        return Err(look.blocked_as_shown(ui));
    }
    if !look.is_pending() {
        return Ok(told(&session, &look, "Nothing to do: "));
    }
    if !global.yes {
        ui.confirm("Do this?", &session.settings.stop).await?;
    }
    let lock = session.lock().await?;
    let summary = apply(&session, &look, Asking::new(&session, global.yes)).await;
    unlock(lock, summary).await
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, gate: Asking) -> Result<Summary, Error> {
    let changed = Error::refused("the page changed between the plan and now")
        .hint("run the same command again: it shows the new plan");
    let well = async { session.look().await.map(|look| told(session, &look, "")) };
    do_confirmed(session, confirmed, gate, changed, well).await
}

fn told(session: &Session, look: &Look, before: &str) -> Summary {
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    let since = session.values(look).get(&SHOWN_INSTEAD);
    let summary = match &since {
        None => summary.say(format!(
            "{before}the maintenance page is off. (What CloudFront keeps of it is gone within 10 s.)"
        )),
        Some(since) => {
            let since = since
                .as_deref()
                .map(|since| format!(" since {since}"))
                .unwrap_or_default();
            let on = Hint::from(format!("{before}visitors see the maintenance page{since}; "));
            summary.say(on.and_run("maintenance off").and(" lets them in again."))
        }
    };
    summary
        .output("shown", since.is_some())
        .output("maintenance_since", since.flatten())
}
