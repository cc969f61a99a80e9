//! What a comment shows, as GitHub's own renderer has it, whatever names and values there are.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::super::tests::{heading, orphans, planned, run};
use super::*;
use crate::engine::Plan;

const HOSTILE: &str =
    "x` | y\n| # <script>alert(1)</script> @admin **b** [l](http://e.example) www.e.example \\| `` &lt; :smile: #1";

fn update(fields: Vec<FieldChange>) -> Planned {
    Planned {
        resource: "environment",
        title: "environment summit-env".to_owned(),
        change: Change::of(Plan::Update(fields)),
        settling: None,
        notices: Vec::new(),
        remarks: Vec::new(),
    }
}

/// As GitHub renders it; nothing where there is no renderer, which CI must have.
fn rendered(markdown: &str) -> Option<String> {
    let spawned = Command::new("cmark-gfm")
        .args(["--unsafe", "--extension", "table", "--extension", "autolink"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut renderer) = spawned else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no cmark-gfm to render comments with"
        );
        return None;
    };
    renderer.stdin.take().unwrap().write_all(markdown.as_bytes()).unwrap();
    let output = renderer.wait_with_output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_plan_for_a_comment() {
    let cost = Cost {
        hour: 0.08,
        month: 55.2,
        million_requests: 2.225,
        note: "list prices of us-east-1".to_owned(),
    };
    let run = run("confctl plan --sandbox --name summit");
    insta::assert_snapshot!(plan(&run, &heading(), &planned(), &orphans(), Some(&cost)));
    let kept = &planned()[..2];
    insta::assert_snapshot!("nothing_to_do", plan(&run, &heading(), kept, &[], Some(&cost)));
}

#[test]
fn no_plan_for_a_comment() {
    let error = Error::refused("the table is not ours")
        .because(HOSTILE)
        .hint(Hint::run("status"));
    let shown = failure(&run("confctl plan --sandbox"), &[error]);
    if let Some(html) = rendered(&shown) {
        assert!(html.contains("<code>confctl status --sandbox</code>"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<a "), "{html}");
    }
}

#[test]
fn what_others_wrote_stands_there_letter_by_letter_and_does_nothing() {
    let field = FieldChange::new(HOSTILE, HOSTILE.to_owned(), None);
    let text = plan(&run("confctl plan"), &heading(), &[update(vec![field])], &[], None);
    let Some(html) = rendered(&text) else { return };
    assert_eq!(html.matches("<tr>").count(), 2, "{html}");
    for element in ["<a ", "<script", "<strong>b", "<em>", "<img"] {
        assert!(!html.contains(element), "{element} in {html}");
    }
    let shown = html
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    assert_eq!(shown.matches(&one_line(HOSTILE).into_owned()).count(), 2, "{html}");
}

#[test]
fn a_long_plan_is_cut_after_a_whole_row_and_says_how_many_are_left_out() {
    let field = |number: usize| {
        let long = format!("value {number} {}", "ü".repeat(number % 400));
        FieldChange::new(format!("app.properties.KEY_{number}"), None, long).effect(Effect::Restart)
    };
    let steps = [update((0..2_000).map(field).collect())];
    let text = plan(&run("confctl plan --name summit"), &heading(), &steps, &[], None);
    assert!(text.len() <= LONGEST && text.len() > LONGEST - 1_000, "{}", text.len());
    let rows = text.lines().filter(|line| line.starts_with("| change |")).count();
    assert!(
        text.lines().all(|line| !line.starts_with('|') || line.ends_with('|')),
        "a row is cut"
    );
    let left = format!(
        "{} of 2000 rows are left out here; <code>confctl plan --name summit</code> shows all.",
        2_000 - rows
    );
    assert!(text.contains(&left), "no '{left}'");
    // One that fits is whole.
    let short = plan(&run("confctl plan"), &heading(), &planned(), &orphans(), None);
    assert!(!short.contains("left out"), "{short}");
}
