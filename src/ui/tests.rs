//! What people and programs read, as snapshots: in terminals of 60, 80 and 120 columns, with colours and without.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use clap::Parser;
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use serde_json::Value;

use super::hints::Run;
use super::page::Page;
use super::progress::Left;
use super::{Cost, Heading, Summary, json, lines, render, tree};
use crate::commands::Cli;
use crate::engine::{
    Action, After, Change, Effect, Error, Event, Expected, FieldChange, Hint, Kind, Leftover, Leg, Plan, Planned,
    PlannedRemoval, Removal, Sink, Stays,
};
use crate::exit::Exit;

const WIDTHS: [usize; 3] = [60, 80, 120];
const RUNNING: [usize; 4] = [60, 80, 120, 200];

pub(super) fn run(line: &str) -> Arc<Run> {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    Arc::new(Run::of(&cli.global, cli.command.repeated()))
}

/// The same at each width, then with what makes it coloured.
fn at_each_width(line: &str, text: impl Fn(Page<'_>) -> String) -> String {
    let run = run(line);
    let mut all = String::new();
    for colours in [false, true] {
        for columns in WIDTHS {
            let text = text(Page {
                run: &run,
                columns: Some(columns),
            });
            let (shown, how) = match colours {
                true => (text.replace('\u{1b}', "␛"), " in colour"),
                false => (anstream::adapter::strip_str(&text).to_string(), ""),
            };
            let _ = writeln!(all, "{:─<columns$}\n{shown}", format!("── {columns} columns{how} "));
        }
    }
    all
}

pub(super) fn heading() -> Heading {
    Heading {
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        region_from: Some("AWS_REGION".to_owned()),
        endpoint: Some("http://127.0.0.1:4566".to_owned()),
        stack: "summit".to_owned(),
        profile: "article".to_owned(),
    }
}

pub(super) fn planned() -> Vec<Planned> {
    let step = |resource, title: &str, change| Planned {
        resource,
        title: title.to_owned(),
        change,
        settling: None,
        notices: Vec::new(),
        remarks: Vec::new(),
    };
    let fields = vec![
        FieldChange::new("MaxSize", "4".to_owned(), "8".to_owned()),
        FieldChange::new(
            "InstanceTypes",
            "t3.micro".to_owned(),
            "t3.small,t3a.small,m6i.large".to_owned(),
        )
        .effect(Effect::ReplaceInstances),
        FieldChange::new("app.properties.TOKEN", None, None).effect(Effect::Restart),
    ];
    vec![
        step("application", "application summit", Change::Keep),
        step("key-pair", "key pair summit-ssh-key", Change::Keep),
        step("default-vpc", "default VPC vpc-0a1b2c3d", Change::Use),
        step("app-version", "version confapp-37610c768e2a", Change::Create),
        Planned {
            settling: Some("Updating".to_owned()),
            ..step("environment", "environment summit-env", Change::of(Plan::Update(fields)))
        },
        step(
            "users-table",
            "table summit-users",
            Change::Blocked {
                reason: "its partition key is 'email', the profile says 'mail'; a table's key cannot be changed and its data is not ours to move".to_owned(),
                hint: Hint::from("name another table with --set table.name=NAME, or take it over with ")
                    .and_run("up --adopt users-table"),
            },
        ),
    ]
}

pub(super) fn orphans() -> Vec<PlannedRemoval> {
    vec![PlannedRemoval {
        resource: "users-table",
        title: "table summit-people".to_owned(),
        holds_data: true,
        removal: Removal::Delete {
            loses: Some("10,000 registrations".to_owned()),
        },
    }]
}

fn removals() -> Vec<PlannedRemoval> {
    let step = |resource, title: &str, removal| PlannedRemoval {
        resource,
        title: title.to_owned(),
        holds_data: false,
        removal,
    };
    vec![
        step(
            "distribution",
            "distribution E2QWRUHAPOMQZL",
            Removal::Delete { loses: None },
        ),
        step("web-acl", "web ACL summit", Removal::Absent),
        step(
            "service-role",
            "role aws-elasticbeanstalk-service-role",
            Removal::Blocked {
                reason: "it cannot be told whether it exists: list the account's roles: AccessDenied".to_owned(),
                hint: Hint::run("doctor"),
            },
        ),
        step(
            "default-vpc",
            "default VPC vpc-0a1b2c3d",
            Removal::Leave {
                stays: Stays::NotOurs,
                reason: "not made by confctl".to_owned(),
            },
        ),
        orphans().remove(0),
    ]
}

fn failed() -> Error {
    let mut error = Error::failed("summit-env: Beanstalk could not do what was asked (the environment summit-env to launch)")
        .because("Creating Auto Scaling group named: awseb-e-abcdefghij-stack-AWSEBAutoScalingGroup failed Reason: You have requested more vCPU capacity than your current vCPU limit of 1 allows")
        .because("The environment's CloudFormation stack could not be created.")
        .hint(Hint::from("ask for more vCPUs, or take fewer: ").and_run("up --set scaling.max=2"));
    error.code = Some("VcpuLimitExceeded".to_owned());
    error
}

fn left_behind() -> Vec<Leftover> {
    vec![
        Leftover {
            what: "environment summit-env with its load balancer and instances".to_owned(),
            costs: true,
        },
        Leftover {
            what: "role summit-ec2-role".to_owned(),
            costs: false,
        },
    ]
}

fn legs() -> Vec<Leg> {
    let leg = |resource, title: &str, until, seconds| Leg {
        resource,
        title: title.to_owned(),
        until,
        seconds,
    };
    vec![
        leg("app-version", "version confapp-37610c768e2a", None, 6.0),
        leg(
            "environment",
            "environment summit-env",
            Some("environment.origin"),
            62.0441,
        ),
    ]
}

fn expected() -> Event {
    let environment = Expected {
        resource: "environment",
        seconds: Some(270.0),
        after: Vec::new(),
    };
    let distribution = Expected {
        resource: "distribution",
        seconds: Some(240.0),
        after: vec![After {
            resource: "environment",
            seconds: Some(150.0),
        }],
    };
    Event::Expected {
        steps: vec![environment, distribution],
    }
}

fn events() -> Vec<Event> {
    let title = || "environment summit-env".to_owned();
    vec![
        Event::Started {
            resource: "environment",
            title: title(),
            action: Action::Create,
        },
        Event::Progress {
            resource: "environment",
            text: "Created CloudWatch alarm named: awseb-e-abcdefghij-stack-AWSEBCloudwatchAlarmHigh".to_owned(),
        },
        Event::Done {
            resource: "environment",
            title: title(),
            action: Action::Create,
            seconds: 251.4567,
        },
        Event::Failed {
            resource: "environment",
            title: title(),
            action: Action::Create,
            error: failed(),
            left_behind: left_behind(),
        },
        Event::Skipped {
            resource: "distribution",
            title: "distribution of summit".to_owned(),
            because: "environment",
        },
        Event::Stopped {
            resource: "web-acl",
            title: "web ACL summit".to_owned(),
            action: Action::Delete,
        },
        Event::Notice {
            text: "the health of summit-env is Warning after its update".to_owned(),
            hint: Some(Hint::run("status").and(" tells Beanstalk's causes")),
        },
    ]
}

#[test]
fn a_plan() {
    let cost = Cost {
        hour: 0.0624,
        month: 45.5,
        million_requests: 1.84,
        note: "list prices of us-east-1, November 2026; without data transfer and load balancer capacity units"
            .to_owned(),
    };
    let shown = at_each_width(
        "confctl plan --sandbox --name summit --set tags.a=b --upgrade-platform",
        |page| render::plan(page, &heading(), &planned(), &orphans(), Some(&cost)),
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn a_plan_of_nothing() {
    let shown = at_each_width("confctl plan --sandbox", |page| {
        render::plan(page, &heading(), &planned()[..3], &[], None)
    });
    insta::assert_snapshot!(shown);
}

#[test]
fn one_resource_is_one() {
    let page = Page {
        run: &run("confctl plan"),
        columns: None,
    };
    let one: Vec<Planned> = planned()
        .into_iter()
        .filter(|step| step.change == Change::Keep)
        .take(1)
        .collect();
    let told = render::plan(page, &heading(), &one, &[], None);
    assert!(told.contains("the one resource is as the profile wants it"), "{told}");
}

#[test]
fn a_plan_of_a_removal() {
    let shown = at_each_width("confctl teardown --sandbox --name summit", |page| {
        render::removal_plan(page, &heading(), &removals())
    });
    insta::assert_snapshot!(shown);
}

#[test]
fn a_failure() {
    let shown = at_each_width("confctl up --sandbox --name summit --set scaling.max=8", |page| {
        format!(
            "{}\n{}",
            render::error(page, &failed()),
            render::left_behind(page, &left_behind(), true)
        )
    });
    insta::assert_snapshot!(shown);
}

#[test]
fn a_failed_removal_is_no_site_to_go_on_with() {
    let page_run = run("confctl teardown --sandbox --name summit --keep default-vpc");
    let page = Page {
        run: &page_run,
        columns: None,
    };
    insta::assert_snapshot!(render::left_behind(page, &left_behind(), true));
}

#[test]
fn what_stays_of_steps_in_a_terminal() {
    let shown = at_each_width("confctl up --sandbox --name summit", |page| {
        let lines: Vec<_> = events().iter().map(|event| tree::lasting(page, event)).collect();
        lines.join("\n")
    });
    insta::assert_snapshot!(shown);
}

#[test]
fn lines_where_there_is_no_terminal() {
    let run = run("confctl up --sandbox --name summit");
    let shown: Vec<_> = events()
        .iter()
        .map(|event| lines::line(&run, event, Left::default()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn json_for_programs() {
    let run = run("confctl up --sandbox --name summit");
    let time = jiff::Timestamp::UNIX_EPOCH;
    let mut objects: Vec<Value> = events()
        .iter()
        .map(|event| {
            let (kind, value) = json::of_event(event);
            json::object(&run, kind, value, time)
        })
        .collect();
    let plan = json::plan(&heading(), &planned(), &orphans(), None);
    objects.push(json::object(&run, "plan", plan, time));
    objects.push(json::object(
        &run,
        "plan",
        json::removal_plan(&heading(), &removals()),
        time,
    ));
    let mut summary = Summary::from(failed())
        .exit(Exit::Failed)
        .output("table", "summit-users");
    summary
        .errors
        .push(Error::new(Kind::Kept, "the role is used by another").hint("give that another role"));
    summary.left_behind = left_behind();
    objects.push(json::object(&run, "summary", json::summary(&summary, &legs()), time));
    insta::assert_json_snapshot!(objects);
}

/// A terminal that keeps what was drawn last.
#[derive(Debug, Clone)]
struct Screen {
    columns: u16,
    drawn: Arc<Mutex<String>>,
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.columns
    }

    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }

    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.drawn.lock().unwrap().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> std::io::Result<()> {
        self.drawn.lock().unwrap().clear();
        Ok(())
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A tree in a terminal of so many columns.
fn planted(columns: usize) -> (Screen, tree::Tree) {
    let screen = Screen {
        columns: columns.try_into().unwrap(),
        drawn: Arc::default(),
    };
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let all = MultiProgress::with_draw_target(target);
    (screen, tree::Tree::on(all, run("confctl up"), Some(columns)))
}

#[test]
fn what_is_left_and_what_is_newest_stay_when_the_first_step_has_ended() {
    for columns in RUNNING {
        let (screen, tree) = planted(columns);
        tree.event(expected());
        events().into_iter().take(3).for_each(|event| tree.event(event));
        tree.event(Event::Started {
            resource: "distribution",
            title: "distribution of summit".to_owned(),
            action: Action::Create,
        });
        tree.event(Event::Progress {
            resource: "distribution",
            text: "InProgress".to_owned(),
        });
        tree.redraw();
        let drawn = screen.drawn.lock().unwrap().clone();
        assert!(drawn.contains("InProgress"), "{columns} columns: {drawn}");
        assert!(drawn.contains(" left "), "{columns} columns: {drawn}");
    }
}

#[test]
fn a_running_step_has_room_for_what_it_waits_for() {
    let mut all = String::new();
    for columns in RUNNING {
        let (screen, tree) = planted(columns);
        tree.event(expected());
        events().into_iter().take(2).for_each(|event| tree.event(event));
        tree.redraw();
        // Lines are filled up to the terminal's edge, and so have no ends.
        let drawn: Vec<char> = screen.drawn.lock().unwrap().chars().collect();
        let lines = drawn.chunks(columns).map(|line| line.iter().collect::<String>());
        let drawn: Vec<_> = lines.map(|line| line.trim_end().to_owned()).collect();
        assert!(drawn.iter().all(|line| line.starts_with("  ")), "{drawn:?}");
        let drawn = drawn.join("\n");
        let _ = writeln!(all, "{:─<columns$}\n{drawn}", format!("── {columns} columns "));
    }
    // What the clock says, and how far the spinner got.
    insta::with_settings!({filters => vec![(r"[⠁-⣿] creating", "* creating"), (r" +\d+s", "    0s")]}, {
        insta::assert_snapshot!(all);
    });
}
