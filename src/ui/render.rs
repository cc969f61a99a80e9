//! Plans, errors and leftovers as text for people. Pure: strings in, strings out, and they make sense without colour.

use std::fmt::Write;

use serde::Serialize;

use super::hints::Onward;
use super::page::Page;
use super::terminal::one_line;
use crate::engine::{Action, Change, Effect, Error, FieldChange, Hint, Leftover, Planned, PlannedRemoval, Removal};

/// Colours by meaning.
pub(super) mod style {
    use anstyle::{AnsiColor, Style};

    pub(in crate::ui) const GOOD: Style = AnsiColor::Green.on_default();
    pub(in crate::ui) const CHANGE: Style = AnsiColor::Yellow.on_default();
    pub(in crate::ui) const BAD: Style = AnsiColor::Red.on_default().bold();
    pub(in crate::ui) const DIM: Style = Style::new().dimmed();
    pub(in crate::ui) const STRONG: Style = Style::new().bold();
}

/// What every plan and prompt opens with.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Heading {
    pub account: String,
    pub region: String,
    /// What names it, where neither the command line nor the profile does.
    #[serde(skip)]
    pub region_from: Option<String>,
    /// Where it is not AWS.
    pub endpoint: Option<String>,
    pub stack: String,
    pub profile: String,
}

impl Heading {
    /// The account and region, and the endpoint where it is not AWS.
    pub(crate) fn place(&self) -> String {
        let endpoint = self.endpoint.as_ref();
        let at = endpoint.map(|endpoint| format!(" at {endpoint} (not AWS)"));
        let from = self.region_from.as_ref().map(|from| format!(" (by {from})"));
        format!(
            "account {}, region {}{}{}",
            self.account,
            self.region,
            from.unwrap_or_default(),
            at.unwrap_or_default()
        )
    }
}

/// What the stack costs, in US dollars.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cost {
    pub hour: f64,
    pub month: f64,
    pub million_requests: f64,
    /// What is not in it, and of when and where the prices are.
    pub note: String,
}

fn heading(heading: &Heading) -> String {
    let (strong, reset) = (style::STRONG, style::STRONG);
    format!(
        "{strong}{}{reset:#} in {}, profile {}",
        heading.stack,
        heading.place(),
        heading.profile
    )
}

pub(super) fn plan(
    page: Page<'_>,
    head: &Heading,
    planned: &[Planned],
    orphans: &[PlannedRemoval],
    cost: Option<&Cost>,
) -> String {
    let mut text = heading(head);
    text.push('\n');
    let (kept, moving): (Vec<_>, Vec<_>) = planned
        .iter()
        .partition(|step| step.change == Change::Keep && step.settling.is_none());
    if moving.iter().all(|step| step.change == Change::Use) && orphans.is_empty() {
        let all = match planned.len() {
            1 => "the one resource is as the profile wants it".to_owned(),
            many => format!("all {many} resources are as the profile wants them"),
        };
        let _ = write!(text, "\n  {all}");
        return page.fold(&text);
    }
    if !kept.is_empty() {
        let kept: Vec<_> = kept.iter().map(|step| step.resource).collect();
        let dim = style::DIM;
        let _ = write!(text, "\n  {dim}  keep    {dim:#} {}", kept.join(", "));
    }
    for step in moving {
        let (mark, style, word) = match &step.change {
            Change::Create => ("+", style::GOOD, "create"),
            Change::Update { .. } => ("~", style::CHANGE, "change"),
            Change::Keep => (" ", style::DIM, "keep"),
            Change::Use => ("=", style::DIM, "use"),
            Change::Blocked { .. } => ("!", style::BAD, "blocked"),
        };
        let _ = write!(
            text,
            "\n  {style}{mark} {word:<8}{style:#} {:<17} {}",
            step.resource, step.title
        );
        match &step.change {
            Change::Update { fields } => {
                let lines = fields
                    .shown()
                    .iter()
                    .map(|field| format!("\n      {}", field_line(field)));
                text.extend(lines);
            }
            Change::Use => text.push_str(" (not ours: used as it is, never changed, never deleted)"),
            Change::Blocked { reason, hint } => {
                let _ = write!(text, "\n      {}\n      hint: {}", one_line(reason), page.hint(hint));
            }
            Change::Create | Change::Keep => {}
        }
        text.extend(step.remarks.iter().map(|line| format!("\n      {line}")));
        if let Some(what) = &step.settling {
            let _ = write!(text, "\n      {what}; it is followed until it rests");
        }
    }
    for orphan in orphans {
        if let Removal::Delete { loses } = &orphan.removal {
            let bad = style::BAD;
            let only = Hint::from(" (kept: only ")
                .and_run("teardown --delete-data")
                .and(" deletes data)");
            let kept = if loses.is_some() {
                page.hint(&only)
            } else {
                String::new()
            };
            let _ = write!(
                text,
                "\n  {bad}- orphan  {bad:#} {:<17} {} is no longer in the profile{kept}",
                orphan.resource, orphan.title
            );
        }
    }
    let _ = write!(text, "\n\n  {}", counts(planned, orphans));
    if let Some(cost) = cost {
        let _ = write!(
            text,
            "\n  about ${:.2} an hour, ${:.0} a month at rest, and ${:.2} per million requests ({})",
            cost.hour, cost.month, cost.million_requests, cost.note
        );
    }
    page.fold(&text)
}

/// Steps that a run came upon and that its plan did not show.
pub(super) fn unforeseen(title: &str, fields: &[FieldChange], between: &str) -> String {
    let fields: Vec<_> = fields.iter().map(field_line).collect();
    format!(
        "the plan did not show this of {title}:{between}{}",
        fields.join(between)
    )
}

fn field_line(field: &FieldChange) -> String {
    let (from, to) = field_values(field);
    let effect = match field.effect {
        Effect::None => String::new(),
        felt => format!("  ({})", effect(felt)),
    };
    format!("{}: {from} -> {to}{effect}", field.field)
}

/// What it is, and what it comes to.
pub(super) fn field_values(field: &FieldChange) -> (String, String) {
    let shown = |value: &Option<String>| {
        value
            .as_deref()
            .map_or("(none)".to_owned(), |text| one_line(text).into_owned())
    };
    let to = match field.awaits {
        Some(output) => format!("(known with {output})"),
        None => shown(&field.to),
    };
    (shown(&field.from), to)
}

/// What people feel of a change.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::None => "",
        Effect::Restart => "restarts the application, batch by batch",
        Effect::ReplaceInstances => "replaces instances, batch by batch",
        Effect::Interrupt => "interrupts the site while it lasts",
    }
}

pub(super) fn counts(planned: &[Planned], orphans: &[PlannedRemoval]) -> String {
    let count = |wanted: fn(&Change) -> bool| planned.iter().filter(|step| wanted(&step.change)).count();
    let create = count(|change| matches!(change, Change::Create));
    let update = count(|change| matches!(change, Change::Update { .. }));
    let blocked = count(|change| matches!(change, Change::Blocked { .. }));
    let delete = orphans
        .iter()
        .filter(|orphan| matches!(orphan.removal, Removal::Delete { loses: None }) && !orphan.holds_data)
        .count();
    let mut text = format!("{create} to create, {update} to change, {delete} to delete");
    if blocked > 0 {
        let _ = write!(text, ", {blocked} blocked");
    }
    text
}

pub(super) fn removal_plan(page: Page<'_>, head: &Heading, removals: &[PlannedRemoval]) -> String {
    let mut text = heading(head);
    text.push('\n');
    for step in removals {
        let bad = style::BAD;
        match &step.removal {
            Removal::Absent => {}
            Removal::Delete { loses } => {
                let _ = write!(text, "\n  {bad}- delete {bad:#} {:<17} {}", step.resource, step.title);
                if let Some(loses) = loses {
                    let _ = write!(text, "  {bad}and with it {loses}{bad:#}");
                }
            }
            Removal::Leave { reason, .. } => {
                let _ = write!(
                    text,
                    "\n    leave   {:<17} {} ({})",
                    step.resource,
                    step.title,
                    one_line(reason)
                );
            }
            Removal::Blocked { reason, hint } => {
                let _ = write!(
                    text,
                    "\n  {bad}! blocked{bad:#} {:<17} {}\n      {}\n      hint: {}",
                    step.resource,
                    step.title,
                    one_line(reason),
                    page.hint(hint)
                );
            }
        }
    }
    page.fold(&text)
}

pub(super) fn error(page: Page<'_>, error: &Error) -> String {
    let bad = style::BAD;
    let mut text = format!("{bad}error:{bad:#} {}", one_line(&error.message));
    for cause in &error.causes {
        let _ = write!(text, "\n  caused by: {}", one_line(cause));
    }
    if let Some(hint) = &error.hint {
        let _ = write!(text, "\n  hint: {}", page.hint(hint));
    }
    page.fold(&text)
}

pub(super) fn notice(page: Page<'_>, text: &str, hint: Option<&Hint>) -> String {
    let text = one_line(text);
    match hint {
        Some(hint) => format!("notice: {text} ({})", page.hint(hint)),
        None => format!("notice: {text}"),
    }
}

/// `failed`: what was tried fails again as long as its cause is there.
pub(super) fn left_behind(page: Page<'_>, left: &[Leftover], failed: bool) -> String {
    let mut text = "left behind:".to_owned();
    for leftover in left {
        let costs = if leftover.costs { " (goes on costing money)" } else { "" };
        let _ = write!(text, "\n  {}{costs}", one_line(&leftover.what));
    }
    let onward = match page.run.onward() {
        Onward::Teardown => Hint::run("teardown").and(" goes on from here"),
        Onward::Up if failed => Hint::from("once the cause is mended, ")
            .and_run("up")
            .and(" goes on from here; ")
            .and_run("teardown")
            .and(" removes what is ours"),
        Onward::Up => Hint::run("up")
            .and(" goes on from here; ")
            .and_run("teardown")
            .and(" removes what is ours"),
        Onward::AsSaid => Hint::run("teardown").and(" removes what is ours"),
    };
    let _ = write!(text, "\n  hint: {}", page.hint(&onward));
    page.fold(&text)
}

pub(super) fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "changing",
        Action::Delete => "deleting",
        Action::Settle => "following",
    }
}

pub(super) fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "changed",
        Action::Delete => "deleted",
        Action::Settle => "settled",
    }
}
