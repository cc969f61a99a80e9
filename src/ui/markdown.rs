//! A plan as GitHub's Markdown, for a comment: a line that sums it up and a table of steps, cut where a comment ends.
//! Pure. Whatever others wrote (names, values, AWS's reasons) stands in it as it is and does nothing.

use std::fmt::Write;

use super::hints::Run;
use super::render::{Cost, Heading, counts, effect, field_values};
use super::terminal::one_line;
use crate::engine::{Change, Effect, Error, FieldChange, Hint, Planned, PlannedRemoval, Removal};

/// GitHub takes 65,536 characters (422 "Body is too long", hashicorp/terraform-cdk-action#150); who posts it may put a line
/// before it. Counted in bytes, which are never fewer.
const LONGEST: usize = 65_000;
/// Of one value.
const LONGEST_VALUE: usize = 1_000;

pub(super) fn plan(
    run: &Run,
    heading: &Heading,
    planned: &[Planned],
    orphans: &[PlannedRemoval],
    cost: Option<&Cost>,
) -> String {
    let rows: Vec<String> = planned
        .iter()
        .flat_map(|step| rows_of(run, step))
        .chain(orphans.iter().filter_map(|orphan| orphan_row(run, orphan)))
        .collect();
    let kept: Vec<_> = planned
        .iter()
        .filter(|step| is_kept(step))
        .map(|step| code(step.resource))
        .collect();
    let what = match rows.is_empty() {
        true => "nothing to do".to_owned(),
        false => counts(planned, orphans),
    };
    let mut head = format!("### Plan: {what}\n\n{}\n", place(heading));
    let mut tail = String::new();
    if !kept.is_empty() {
        let _ = write!(tail, "\nKept as they are: {}.\n", kept.join(", "));
    }
    if let (Some(cost), false) = (cost, rows.is_empty()) {
        let _ = write!(
            tail,
            "\nAbout ${:.2} an hour, ${:.0} a month at rest, and ${:.2} per million requests ({}).\n",
            cost.hour,
            cost.month,
            cost.million_requests,
            code(&cost.note)
        );
    }
    if !rows.is_empty() {
        head.push_str("\n| step | resource | what | effect |\n|---|---|---|---|\n");
    }
    fitted(run, head, &rows, &tail)
}

/// That there is no plan, and why.
pub(super) fn failure(run: &Run, errors: &[Error]) -> String {
    let mut text = "### There is no plan\n".to_owned();
    for error in errors {
        let _ = write!(text, "\n**{}**\n", code(&error.message));
        for cause in &error.causes {
            let _ = write!(text, "\n- caused by: {}", code(cause));
        }
        if let Some(hint) = &error.hint {
            let _ = write!(text, "\n- what to do: {}", code(&run.shown(hint)));
        }
        text.push('\n');
    }
    match text.len() > LONGEST {
        true => "### There is no plan\n\nWhy is in the log.\n".to_owned(),
        false => text,
    }
}

/// As many rows as a comment takes, and how many are left out.
fn fitted(run: &Run, head: String, rows: &[String], tail: &str) -> String {
    let left_out = |count: usize| {
        let whole = code(&run.shown(&Hint::run("plan")));
        format!(
            "\n{count} of {} rows are left out here; {whole} shows all.\n",
            rows.len()
        )
    };
    let room = LONGEST.saturating_sub(head.len() + tail.len());
    let whole: usize = rows.iter().map(String::len).sum();
    if whole <= room {
        return head + &rows.concat() + tail;
    }
    let room = room.saturating_sub(left_out(rows.len()).len());
    let mut taken = 0;
    let fits = rows.iter().take_while(|row| {
        taken += row.len();
        taken <= room
    });
    let shown: Vec<_> = fits.map(String::as_str).collect();
    head + &shown.concat() + &left_out(rows.len() - shown.len()) + tail
}

fn place(heading: &Heading) -> String {
    let at = heading.endpoint.as_ref();
    let at = at
        .map(|endpoint| format!(" at {} (not AWS)", code(endpoint)))
        .unwrap_or_default();
    format!(
        "{} in account {}, region {}{at}, profile {}",
        code(&heading.stack),
        code(&heading.account),
        code(&heading.region),
        code(&heading.profile)
    )
}

fn is_kept(step: &Planned) -> bool {
    step.change == Change::Keep && step.settling.is_none()
}

fn rows_of(run: &Run, step: &Planned) -> Vec<String> {
    let title = || code(&step.title);
    let mut rows = match &step.change {
        Change::Keep => Vec::new(),
        Change::Create => vec![row("create", step.resource, &title(), "")],
        Change::Use => vec![row(
            "use",
            step.resource,
            &title(),
            "not ours: never changed, never deleted",
        )],
        Change::Update { fields } => fields
            .shown()
            .iter()
            .map(|field| field_row(step.resource, field))
            .collect(),
        Change::Blocked { reason, hint } => {
            let what = format!("{}: {}<br>to do: {}", title(), code(reason), code(&run.shown(hint)));
            vec![row("**blocked**", step.resource, &what, "**nothing is changed**")]
        }
    };
    if let Some(what) = &step.settling {
        let what = format!("{}: {}", title(), code(what));
        rows.push(row("follow", step.resource, &what, "until it rests"));
    }
    rows
}

fn field_row(resource: &str, field: &FieldChange) -> String {
    let (from, to) = field_values(field);
    let what = format!("{}: {} → {}", code(&field.field), code(&from), code(&to));
    let effect = match field.effect {
        Effect::None => String::new(),
        felt => format!("**{}**", effect(felt)),
    };
    row("change", resource, &what, &effect)
}

fn orphan_row(run: &Run, orphan: &PlannedRemoval) -> Option<String> {
    let Removal::Delete { loses } = &orphan.removal else {
        return None;
    };
    let what = format!("{} is no longer in the profile", code(&orphan.title));
    Some(match loses {
        None if orphan.holds_data => row("keep", orphan.resource, &what, "`up` deletes no table"),
        None => row("**delete**", orphan.resource, &what, "**it is gone then**"),
        Some(loses) => {
            let only = code(&run.shown(&Hint::run("teardown --delete-data")));
            let effect = format!("**would lose {}**: kept, only {only} deletes it", code(loses));
            row("keep", orphan.resource, &what, &effect)
        }
    })
}

fn row(step: &str, resource: &str, what: &str, effect: &str) -> String {
    format!("| {step} | {} | {what} | {effect} |\n", code(resource))
}

/// A text of others as GitHub shows it letter by letter. Within `code` nobody is mentioned and nothing linked; a letter written
/// by its number is no markup (CommonMark 0.31, 6.2: numeric references "cannot be used in place of symbols indicating structure").
fn code(text: &str) -> String {
    let mut shown = "<code>".to_owned();
    let mut length = 0;
    for c in one_line(text).chars() {
        length += 1;
        if length > LONGEST_VALUE {
            shown.push('…');
            break;
        }
        match c.is_alphanumeric() || " -,/()=+".contains(c) {
            true => shown.push(c),
            false => {
                let _ = write!(shown, "&#{};", u32::from(c));
            }
        }
    }
    shown + "</code>"
}

#[cfg(test)]
mod tests;
