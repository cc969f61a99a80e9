//! The sweep: a command is killed before and after every request that changes something, each of its requests goes wrong in
//! every way there is, and each is denied; and what it was about comes out right all the same. A few of these cases each time, by
//! a seed; all of them by one command (docs/reliability.md). Here stands what is swept; a line a command.

mod cases;
mod ground;
mod table;

use self::cases::comes_out_right;
use self::ground::From::{self, Beside, Closed, Grouped, Nothing, Over, Standing, Twice};

/// A command that is swept.
#[derive(Debug, Clone, Copy)]
struct Swept {
    name: &'static str,
    /// What there is before it.
    from: From,
    command: &'static [&'static str],
    /// What is done after it was ended; what stands then must be what it is without any trouble.
    then: &'static [&'static str],
    /// How that may end.
    ends: &'static [i32],
    /// What must end well then, where nothing that stands tells how it came out.
    proof: &'static [&'static str],
    /// Of which stacks.
    profiles: &'static [&'static str],
}

const EMBEDDED: &[&str] = &["article", "ci", "dev"];
/// A stack behind a load balancer of its own.
const OWN: &[&str] = &["tests/it/sweep/own.toml"];

/// The same at a name of one's own, by HTTPS all the way.
const DOMAIN: &[&str] = &["tests/it/sweep/domain.toml"];

const UP: &[&str] = &["up", "--yes", "--no-verify"];
const TEARDOWN: &[&str] = &["teardown", "--yes"];
const REAP: &[&str] = &["reap", "--yes"];
/// Something of every resource: its tags; and an environment that is updated.
const CHANGE: &[&str] = &[
    "up",
    "--yes",
    "--no-verify",
    "--set",
    "tags.swept=yes",
    "--set",
    "app.properties.SWEPT=yes",
];

/// Another version of the same bundle, on every instance.
const DEPLOY: &[&str] = &["deploy", "--yes", "--set", "app.version_label=swept"];

/// More instances, a schedule for the way back that is not met, and capacity of the load balancer.
const SCALE: &[&str] = &[
    "scale",
    "--yes",
    "--min",
    "3",
    "--until",
    "2099-01-01T00:00:00Z",
    "--capacity-units",
    "100",
    "--set",
    "environment.type=LoadBalanced",
];
/// Another secret between CloudFront and the load balancer.
const ROTATE: &[&str] = &["rotate-secret", "--yes"];

/// A page in the site's place, and the site again.
const PAGE: &[&str] = &["maintenance", "on", "--yes", "Swept."];
const NO_PAGE: &[&str] = &["maintenance", "off", "--yes"];

/// The same version in an environment beside the one that is served.
const BLUE_GREEN: &[&str] = &[
    "deploy",
    "--yes",
    "--strategy",
    "blue-green",
    "--set",
    "app.version_label=swept",
];
/// The same with a part of the visitors first.
const CANARY: &[&str] = &[
    "deploy",
    "--yes",
    "--strategy",
    "blue-green",
    "--canary",
    "10%,50%",
    "--evaluate",
    "1m",
    "--set",
    "app.version_label=swept",
];
/// What stands beside the one that is served goes.
const FINISH: &[&str] = &["deploy", "--finish", "--yes"];
/// Long ago, so that a draw may begin.
const OVER: &str = "event.closes_at=2026-01-01T00:00:00Z";
/// At once, by a word. Of one that was made there is no second, which ends with 4 and writes its files again.
const DRAW: &[&str] = &[
    "draw",
    "--yes",
    "--winners",
    "2",
    "--seed",
    "swept",
    "--folder",
    "FRESH",
    "--set",
    OVER,
];
const CHECK: &[&str] = &["draw", "--check", "FRESH/confctl-draw-tcb-conference.json"];

/// A file that is there already is not written again.
const EXPORT: &[&str] = &["export", "FRESH/people.csv"];
const EXPORT_AGAIN: &[&str] = &["export", "FRESH/again.csv"];

/// From there to what ran before.
const BACK: &[&str] = &["deploy", "--rollback", "--yes"];

macro_rules! sweep {
    ($($name:ident: $from:ident, $command:expr, then $then:expr $(, ends $ends:expr)? $(, by $proof:expr)?, of $profiles:expr;)*) => { $(
        #[test]
        fn $name() {
            comes_out_right(&Swept {
                name: stringify!($name),
                from: $from,
                command: $command,
                then: $then,
                ends: [$($ends as &[i32],)? &[0]][0],
                proof: [$($proof as &[&str],)? &[]][0],
                profiles: $profiles,
            });
        }
    )* };
}

sweep! {
    up: Nothing, UP, then UP, of EMBEDDED;
    teardown: Standing, TEARDOWN, then TEARDOWN, of EMBEDDED;
    teardown_then_up: Standing, TEARDOWN, then UP, of EMBEDDED;
    change: Standing, CHANGE, then CHANGE, of EMBEDDED;
    deploy: Standing, DEPLOY, then DEPLOY, of EMBEDDED;
    reap: Over, REAP, then TEARDOWN, of EMBEDDED;
    back: Twice, BACK, then BACK, of EMBEDDED;
    up_behind_its_own: Nothing, UP, then UP, of OWN;
    teardown_behind_its_own: Standing, TEARDOWN, then TEARDOWN, of OWN;
    up_by_https: Nothing, UP, then UP, of DOMAIN;
    teardown_by_https: Standing, TEARDOWN, then TEARDOWN, of DOMAIN;
    maintenance_on: Standing, PAGE, then PAGE, of OWN;
    maintenance_on_then_off: Standing, PAGE, then NO_PAGE, of OWN;
    blue_green: Standing, BLUE_GREEN, then BLUE_GREEN, of OWN;
    blue_green_by_parts: Standing, CANARY, then CANARY, of OWN;
    blue_green_back: Beside, BACK, then BACK, of OWN;
    blue_green_finished: Beside, FINISH, then FINISH, of OWN;
    rotate_secret: Standing, ROTATE, then ROTATE, of OWN;
    scale: Grouped, SCALE, then SCALE, of EMBEDDED;
    draw: Closed, DRAW, then DRAW, ends &[0, 4], by CHECK, of EMBEDDED;
    export: Closed, EXPORT, then EXPORT_AGAIN, of EMBEDDED;
}
