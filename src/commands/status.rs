//! `status`: what exists, how it fares, and what differs from the profile that was applied.

use serde_json::json;

use crate::cli::Global;
use crate::engine::{Change, Error, Hint, Observed, Owner};
use crate::resources::environment_health;
use crate::resources::found::Reach;
use crate::session::{Purpose, Session, with_outputs};
use crate::ui::{Summary, Ui};

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let purpose = Purpose {
        reach: Reach::Everything,
        ..Purpose::of_what_is("status")
    };
    let session = Session::open(global, ui, purpose).await?;
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
        let mut summary = Summary::done().output("resources", Vec::<serde_json::Value>::new());
        summary.stack = Some(heading.stack.clone());
        let nothing = Hint::from(format!("There is nothing of the stack {} here; ", heading.stack));
        return Ok(summary.say(nothing.and_run("up").and(" makes it.")));
    }
    let width = look.planned.iter().map(|step| step.title.len()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for step in &look.planned {
        let seen = look.seen.of(step.resource);
        let state = state(&seen, &step.change);
        ui.result(&format!("  {:<17} {:<width$}  {state}", step.resource, step.title));
        rows.push(json!({"resource": step.resource, "title": step.title, "state": state, "plan": step.change}));
    }
    for orphan in &look.orphans {
        ui.result(&format!(
            "  {:<17} {:<width$}  orphan: no longer in the profile",
            orphan.resource, orphan.title
        ));
        rows.push(json!({"resource": orphan.resource, "title": orphan.title, "state": "orphan"}));
    }
    let mut summary = with_outputs(Summary::done(), &session, &look).output("resources", rows);
    if let Some(id) = summary
        .outputs
        .get("environment_id")
        .and_then(|id| id.as_str())
        .map(str::to_owned)
    {
        let health = environment_health(&session.read, &id).await?;
        ui.result(&format!("  health: {health}"));
        summary = summary.output("health", health);
    }
    Ok(summary)
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
