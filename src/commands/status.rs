//! `status`: what exists, how it fares, and what differs from the profile that was applied; once, or watched.

mod watch;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::engine::{Change, Error, Hint, Observed, Owner};
use crate::resources::found::Reach;
use crate::resources::outputs::{EXPIRY, SCALED, SHOWN_INSTEAD};
use crate::resources::{Fares, InstanceVersion, environment_health};
use crate::session::{Look, Purpose, Session, with_outputs};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct StatusArgs {
    /// Go on showing it: resources, health, instances, requests, alarms, events; q ends it
    #[arg(short, long)]
    pub watch: bool,
}

pub(super) async fn run(global: &Global, args: &StatusArgs, ui: &Ui) -> Result<Summary, Error> {
    let purpose = Purpose {
        reach: Reach::Everything,
        ..Purpose::of_what_is("status")
    };
    let session = Session::open(global, ui, purpose).await?;
    if args.watch {
        return watch::run(global, &session).await;
    }
    let look = session.look().await?;
    let heading = session.heading();
    ui.say(format!(
        "{} in {}, profile {}",
        heading.stack,
        heading.place(),
        heading.profile
    ));
    let ours = |step: &crate::engine::Planned| look.seen.owner(step.resource) == Some(Owner::Ours);
    if !look.planned.iter().any(ours) && look.orphans.is_empty() {
        let mut summary = Summary::done().output("resources", Vec::<Value>::new());
        summary.stack = Some(heading.stack.clone());
        let nothing = Hint::from(format!("There is nothing of the stack {} here; ", heading.stack));
        return Ok(summary.say(nothing.and_run("up").and(" makes it.")));
    }
    let rows = rows(&look);
    let width = rows.iter().map(|row| row.title.len()).max().unwrap_or(0);
    for Row {
        resource, title, state, ..
    } in &rows
    {
        ui.result(&format!("  {resource:<17} {title:<width$}  {state}"));
    }
    if let Some(expires) = session.values(&look).get(&EXPIRY) {
        ui.result(&format!("  expires: {expires}"));
    }
    if let Some(scaled) = session.values(&look).get(&SCALED) {
        ui.result(&format!("  scale: {}", scaled.told));
    }
    if let Some(since) = session.values(&look).get(&SHOWN_INSTEAD) {
        let shown = since.map_or_else(|| "shown".to_owned(), |since| format!("shown since {since}"));
        let off = Hint::from(format!("  maintenance page: {shown}; ")).and_run("maintenance off");
        ui.result(&ui.shown(&off.and(" lets visitors in again")));
    }
    if let Some(tried) = &session.stack.tried {
        let ways = Hint::from(format!("  canary: {}; ", tried.told())).and_run("deploy --rollback");
        ui.result(&ui.shown(&ways.and(" sends all of them back")));
    } else if let Some(beside) = &session.stack.beside {
        let ways = Hint::from(format!("  beside it: {}; ", beside.told())).and_run("deploy --finish");
        ui.result(&ui.shown(&ways.and(" takes it away")));
    }
    let rows: Vec<Value> = rows.iter().map(Row::value).collect();
    let mut summary = with_outputs(Summary::done(), &session, &look).output("resources", rows);
    if let Some(beside) = &session.stack.beside {
        summary = summary.output("environment_beside", beside.name.as_str());
    }
    if let Some(tried) = &session.stack.tried {
        summary = summary.output("canary_percent", tried.percent);
    }
    if let Some(id) = summary
        .outputs
        .get("environment_id")
        .and_then(|id| id.as_str())
        .map(str::to_owned)
    {
        summary = with_health(ui, summary, &environment_health(&session.read, &id).await?);
    }
    Ok(summary)
}

/// How the environment fares; where it is not well, why, and which instance runs what.
fn with_health(ui: &Ui, mut summary: Summary, fares: &Fares) -> Summary {
    ui.result(&format!("  health: {}", fares.text));
    for cause in &fares.causes {
        ui.result(&format!("    {cause}"));
    }
    if fares.is_mixed() {
        for instance in &fares.instances {
            ui.result(&format!("    {instance}"));
        }
        let back = Hint::run("deploy --rollback");
        summary = summary.say(back.and(format!(" puts {} on all instances again.", fares.version())));
    }
    let instances: Vec<_> = fares.instances.iter().map(InstanceVersion::told).collect();
    summary
        .output("health", fares.text.as_str())
        .output("causes", fares.causes.clone())
        .output("instances", instances)
}

/// A resource, and how it is.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    resource: String,
    title: String,
    state: String,
    /// `None` of an orphan.
    plan: Option<Change>,
}

impl Row {
    fn value(&self) -> Value {
        let mut value = json!({"resource": self.resource, "title": self.title, "state": self.state});
        if let Some(plan) = &self.plan {
            value["plan"] = json!(plan);
        }
        value
    }
}

fn rows(look: &Look) -> Vec<Row> {
    let planned = look.planned.iter().map(|step| Row {
        resource: step.resource.to_owned(),
        title: step.title.clone(),
        state: state(&look.seen.of(step.resource), &step.change),
        plan: Some(step.change.clone()),
    });
    let orphans = look.orphans.iter().map(|orphan| Row {
        resource: orphan.resource.to_owned(),
        title: orphan.title.clone(),
        state: "orphan: no longer in the profile".to_owned(),
        plan: None,
    });
    planned.chain(orphans).collect()
}

fn state(seen: &crate::engine::Seen, change: &Change) -> String {
    match seen {
        Observed::Absent(_) => "absent".to_owned(),
        Observed::Unknown(error) => format!("unknown: {error}"),
        Observed::Settling { what, .. } => what.clone(),
        Observed::Present { owner, .. } => match (owner, change) {
            (Owner::OtherStack(stack), _) => format!("belongs to stack {stack}"),
            (_, Change::Update { fields }) => {
                let fields: Vec<_> = fields.shown().iter().map(|field| field.field.as_str()).collect();
                format!("differs: {}", fields.join(", "))
            }
            (_, Change::Blocked { reason, .. }) => format!("blocked: {reason}"),
            (Owner::Nobody, _) => "used, not ours".to_owned(),
            (Owner::Ours, _) => "ok".to_owned(),
        },
    }
}
