//! `status`: what exists, how it fares, and what differs from the profile that was applied.

use serde_json::json;

use super::session::{Fallback, Session};
use super::up::with_outputs;
use crate::aws::errors::Explain;
use crate::cli::{Global, Wishes};
use crate::engine::{Change, Error, Observed, Owner};
use crate::ui::{Summary, Ui};

pub(super) async fn run(global: &Global, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, "status", Fallback::Applied, &Wishes::default(), false).await?;
    let look = session.look().await?;
    let heading = session.heading();
    ui.say(&format!(
        "{} in {}, profile {}",
        heading.stack,
        heading.place(),
        heading.profile
    ));
    let ours = |step: &crate::engine::Planned| look.seen.owner(step.resource) == Some(Owner::Ours);
    if !look.planned.iter().any(ours) && look.orphans.is_empty() {
        let mut summary = Summary::done().output("resources", Vec::<serde_json::Value>::new());
        summary.stack = Some(heading.stack.clone());
        return Ok(summary.say(format!(
            "There is nothing of the stack {} here; `confctl up` makes it.",
            heading.stack
        )));
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
        let health = health(&session, &id).await?;
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

/// Beanstalk's word for the environment's health, with the number of its instances by theirs.
async fn health(session: &Session, id: &str) -> Result<String, Error> {
    let describe = session.read.beanstalk.describe_environments().environment_ids(id);
    let answer = describe.send().await.explain("read the environment's health")?;
    let environment = answer.environments.unwrap_or_default().into_iter().next();
    let Some(environment) = environment else {
        return Ok("unknown".to_owned());
    };
    let status = environment.status().map_or("unknown", |status| status.as_str());
    let health = environment.health_status().map_or("unknown", |health| health.as_str());
    let version = environment.version_label().unwrap_or("none");
    Ok(format!("{status}, {health}, version {version}"))
}
