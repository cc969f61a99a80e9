//! A load balancer of the stack's own: CloudFront gets through, and nobody else, ever.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{User, until};

const OWN: &[&str] = &["--sandbox", "-p", "tests/it/sweep/own.toml", "-o", "json"];

fn run(user: &User, command: &[&str]) -> crate::support::Ran {
    user.confctl(&[command, OWN].concat())
}

/// What only the site says of itself.
const MARK: &str = "<form";

/// Somebody who asks all the time.
pub struct Watcher {
    program: Child,
    end: PathBuf,
    told: PathBuf,
}

impl Watcher {
    /// He tries every way past the edge.
    pub fn start(user: &User) -> Self {
        Self::who_wants(user, MARK)
    }

    /// The same, of a site that says this of itself.
    fn who_wants(user: &User, mark: &str) -> Self {
        user.confctl(&["sandbox", "start"]).exits(0);
        Self::run(user, "watcher.py", mark, &[])
    }

    /// He comes by the edge, as visitors do.
    fn visitor(user: &User, site: &str, paths: &[&str]) -> Self {
        Self::run(user, "visitor.py", site, paths)
    }

    fn run(user: &User, program: &str, argument: &str, more: &[&str]) -> Self {
        let of_it = |what: &str| user.home().join(format!("{program}.{what}"));
        let (end, told) = (of_it("end"), of_it("told"));
        let program = user
            .python_command()
            .arg(format!("tests/it/own_load_balancer/{program}"))
            .arg(argument)
            .arg(&end)
            .args(more)
            .stdout(std::fs::File::create(&told).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { program, end, told }
    }

    /// What was answered, a line a way.
    pub fn ends(mut self) -> Vec<String> {
        std::fs::write(&self.end, "").unwrap();
        assert!(self.program.wait().unwrap().success());
        let told = std::fs::read_to_string(&self.told).unwrap();
        told.lines().map(str::to_owned).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The rules of the load balancer's listener, and the security group's.
fn rules(user: &User) -> (Vec<Value>, Value) {
    let balancer = user.aws_json(&["elbv2", "describe-load-balancers", "--names", "eb-tcb-conference"]);
    let arn = balancer["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap();
    let listener = user.aws_json(&["elbv2", "describe-listeners", "--load-balancer-arn", arn]);
    let listener = listener["Listeners"][0]["ListenerArn"].as_str().unwrap();
    let rules = user.aws_json(&["elbv2", "describe-rules", "--listener-arn", listener]);
    let groups = user.aws_json(&[
        "ec2",
        "describe-security-groups",
        "--filters",
        "Name=group-name,Values=eb-tcb-conference",
    ]);
    (
        rules["Rules"].as_array().unwrap().clone(),
        groups["SecurityGroups"][0].clone(),
    )
}

/// The secrets that are let in.
fn secrets(user: &User) -> Vec<String> {
    let (rules, _) = rules(user);
    let values = rules[0]["Conditions"][0]["HttpHeaderConfig"]["Values"]
        .as_array()
        .cloned();
    let values = values.unwrap_or_default();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn whoever_comes_past_the_edge_never_sees_the_site_from_its_first_moment_to_its_last() {
    let user = User::new();
    let watcher = Watcher::start(&user);
    let log = user.home().join("log");
    let log = ["--log-file", log.to_str().unwrap()];
    let with_log = |command: &[&str]| run(&user, &[command, &log[..]].concat());
    let up = with_log(&["up", "--yes"]).exits(0).summary();
    let tried = up["outputs"]["verified"]
        .as_array()
        .unwrap()
        .iter()
        .any(|check| check["check"] == "lock");
    assert!(tried, "{up}");
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    let first = secrets(&user);
    assert_eq!(first.len(), 1);
    run(&user, &["plan"]).exits(0);

    // Whoever knows the secret and comes through an edge is let in: that is all that it stands on.
    with_log(&["up", "--yes", "--set", "app.properties.COLOR=blue"]).exits(0);
    // As it is: its profile has another color.
    let rotate = ["rotate-secret", "--yes", "--sandbox", "-o", "json"];
    user.confctl(&[&rotate[..], &log[..]].concat()).exits(0);
    let second = secrets(&user);
    assert!(second.len() == 1 && second != first);
    run(&user, &["verify"]).exits(0);
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    let objects = user.home().join("sandbox/objects");
    assert!(
        contains(&objects, "tcb-conference"),
        "the record and its journal are read here"
    );
    let hidden = |secret: &String| !contains(&objects, secret);
    assert!(first.iter().chain(&second).all(hidden), "the record has a secret");
    with_log(&["teardown", "--yes", "--delete-data"]).exits(0);
    let told = watcher.ends();
    let opened: Vec<_> = told.iter().filter(|line| line.starts_with("OPEN")).collect();
    assert!(opened.is_empty(), "{told:#?}");
    // He did get to the load balancer, by distributions of his own.
    let refused = told
        .iter()
        .any(|line| line.starts_with("distribution of his own") && line.contains(": 403 x"));
    assert!(refused, "{told:#?}");

    let left = user.inventory();
    let ours = left.iter().filter(|item| item.contains("confctl:stack"));
    assert_eq!(ours.count(), 0, "{left:#?}");
    // Neither secret stands anywhere: not in the log of what was sent, not in the record.
    let log = std::fs::read_to_string(log[1]).unwrap();
    assert!(log.contains("CreateRule") && log.contains("UpdateDistribution"));
    for secret in first.iter().chain(&second) {
        assert!(!log.contains(secret.as_str()), "the log has a secret");
    }
}

/// Whether any file below has this text.
fn contains(folder: &std::path::Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| match path.is_dir() {
        true => contains(&path, text),
        false => std::fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)),
    })
}

#[test]
fn what_somebody_opened_by_hand_is_shown_by_verify_and_plan_and_closed_by_up() {
    let user = User::new();
    run(&user, &["up", "--yes", "--no-verify"]).exits(0);
    let (before, group) = rules(&user);
    let id = group["GroupId"].as_str().unwrap();
    user.aws_json(&[
        "ec2",
        "authorize-security-group-ingress",
        "--group-id",
        id,
        "--protocol",
        "tcp",
        "--port",
        "80",
        "--cidr",
        "0.0.0.0/0",
    ]);
    // The inner wall stands.
    run(&user, &["verify"]).exits(0);
    let everybody = before[1]["RuleArn"].as_str().unwrap();
    user.aws_json(&["elbv2", "delete-rule", "--rule-arn", everybody]);
    let open = run(&user, &["verify"]).exits(7).summary();
    let told = open["error"]["message"].as_str().unwrap();
    assert!(told.contains("200") && told.contains("environment's name"), "{told}");
    let plan = run(&user, &["plan", "--detailed-exitcode"]).exits(2);
    for field in ["ingress", "rule for everybody"] {
        assert!(plan.stdout.contains(field), "{field}: {}", plan.stdout);
    }
    run(&user, &["up", "--yes"]).exits(0);
    run(&user, &["plan", "--detailed-exitcode"]).exits(0);

    // Another secret in the rule than the edge sends: nobody gets in, until it does.
    let (now, _) = rules(&user);
    let conditions =
        r#"[{"Field":"http-header","HttpHeaderConfig":{"HttpHeaderName":"x-confctl-origin","Values":["*"]}}]"#;
    let rule = now[0]["RuleArn"].as_str().unwrap();
    user.aws_json(&["elbv2", "modify-rule", "--rule-arn", rule, "--conditions", conditions]);
    run(&user, &["up", "--yes"]).exits(0);
    assert_eq!(secrets(&user).len(), 1);
    assert_ne!(secrets(&user), ["*"]);
    run(&user, &["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_rotation_that_was_broken_off_is_ended_by_the_next_and_by_up() {
    let user = User::new();
    run(&user, &["up", "--yes", "--no-verify"]).exits(0);
    let first = secrets(&user);
    let rotate = [&["rotate-secret", "--yes"], OWN].concat();
    for (next, point) in [
        (&["up", "--yes"][..], "cloudfront:UpdateDistribution"),
        (&["rotate-secret", "--yes"][..], "cloudfront:UpdateDistribution"),
    ] {
        assert!(user.killed_at(&rotate, point, 1, "after").is_none());
        let both = secrets(&user);
        assert_eq!(both.len(), 2, "either is let in");
        let url = run(&user, &["outputs"]).exits(0).summary();
        let url = url["outputs"]["site_url"].as_str().unwrap().to_owned();
        assert!(
            user.curl(&[&url]).stdout.contains(MARK),
            "whatever an edge location sends"
        );
        run(&user, next).exits(0);
        assert_eq!(secrets(&user), [both.iter().max().unwrap().clone()]);
        run(&user, &["plan", "--detailed-exitcode"]).exits(0);
    }
    assert_ne!(secrets(&user), first);
}

#[test]
fn a_stack_of_the_article_moves_behind_its_own_load_balancer_with_another_environment_and_not_without() {
    let user = User::new();
    let small = ["--set", "scaling.min=1", "--set", "waf.enabled=false"];
    let with = |command: &[&str], sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]).collect::<Vec<_>>();
        user.confctl(&[command, &["--sandbox", "-o", "json"][..], &small, &sets].concat())
    };
    let up = with(&["up", "--yes", "--no-verify"], &[]).exits(0).summary();
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    let before = user.inventory();
    let blocked = with(&["up", "--yes"], &["load_balancer.mode=own"]).exits(4);
    assert!(blocked.stdout.contains("environment.name"), "{}", blocked.stdout);
    assert_eq!(user.inventory(), before, "nothing was begun");

    let moved = ["load_balancer.mode=own", "environment.name=behind-its-own"];
    let up = with(&["up", "--yes"], &moved).exits(0).summary();
    assert_eq!(up["outputs"]["site_url"], site.as_str());
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    with(&["plan", "--detailed-exitcode"], &moved).exits(0);
    // CloudFront went there when the way was open, and not before.
    let requests = user.requests();
    let position = |operation: &str| {
        requests
            .iter()
            .rposition(|call| call["operation"] == operation)
            .unwrap()
    };
    assert!(position("UpdateDistribution") > position("ModifyRule"));

    // And back, by the same way.
    let back = ["environment.name=on-its-own-again"];
    with(&["up", "--yes"], &back).exits(0);
    assert!(user.curl(&[&site]).stdout.contains(MARK));
    assert!(!user.inventory().iter().any(|item| item.contains("eb-tcb-conference")));
    until("nothing to do", Duration::from_secs(60), || {
        with(&["plan", "--detailed-exitcode"], &back).code() == 0
    });
}

#[test]
fn the_maintenance_page_is_seen_through_the_edge_and_by_nobody_else_until_it_is_taken_away() {
    let user = User::new();
    let watcher = Watcher::start(&user);
    let stack = ["--sandbox", "-o", "json"];
    let with = |command: &[&str]| user.confctl(&[command, &stack[..]].concat());
    let up = run(&user, &["up", "--yes", "--no-verify"]).exits(0).summary();
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    let at_the_edge = || {
        let answer = user.curl(&["-w", "\n%{http_code} %{content_type}", &site]).stdout;
        answer
            .rsplit_once('\n')
            .map(|(page, kind)| (page.to_owned(), kind.to_owned()))
            .unwrap()
    };
    // The edge keeps the site's page, and would rather give that than an error.
    assert!(at_the_edge().0.contains(MARK));
    let refused = with(&["maintenance", "on", "--yes", &"long ".repeat(300)])
        .exits(64)
        .stdout;
    assert!(refused.contains("room for"), "{refused}");
    let on = with(&["maintenance", "on", "--yes", "--lang", "de", "Ab 18:00 <wieder>."])
        .exits(0)
        .summary();
    assert_eq!(on["outputs"]["shown"], true);
    let since = on["outputs"]["maintenance_since"].as_str().unwrap().to_owned();
    until("everybody to see it", Duration::from_secs(60), || {
        let (page, kind) = at_the_edge();
        kind.starts_with("503 text/html") && page.contains("Ab 18:00 &lt;wieder&gt;.") && page.contains("lang=de")
    });
    let post = user.curl(&[
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-d",
        "email=a@example.com",
        &format!("{site}/register"),
    ]);
    assert_eq!(post.stdout, "503");

    // What is said of it, and what is not changed by it.
    let status = with(&["status"]).exits(0);
    assert_eq!(status.summary()["outputs"]["maintenance_since"], since.as_str());
    let plan = run(&user, &["plan", "--detailed-exitcode"]).exits(0);
    assert!(
        plan.stdout.contains(&format!("maintenance page since {since}")),
        "{}",
        plan.stdout
    );
    let verify = run(&user, &["verify"]).exits(7).summary();
    assert!(
        verify["error"]["hint"].as_str().unwrap().contains("maintenance off"),
        "{verify}"
    );
    with(&["rotate-secret", "--yes"]).exits(0);
    let up = run(&user, &["up", "--yes", "--set", "app.properties.COLOR=blue"]).exits(0);
    assert!(up.stdout.contains("maintenance off"), "{}", up.stdout);
    let (page, kind) = at_the_edge();
    assert!(kind.starts_with("503") && page.contains("wieder"), "{kind} {page}");
    let again = with(&["maintenance", "on", "--yes"]).exits(0).summary();
    assert_eq!(again["outputs"]["maintenance_since"], since.as_str());

    with(&["maintenance", "off", "--yes"]).exits(0);
    until("the site to be there again", Duration::from_secs(60), || {
        at_the_edge().0.contains(MARK)
    });
    run(&user, &["verify"]).exits(0);
    with(&["maintenance", "on", "--yes"]).exits(0);
    run(&user, &["teardown", "--yes", "--delete-data"]).exits(0);
    let opened: Vec<_> = watcher
        .ends()
        .into_iter()
        .filter(|line| line.starts_with("OPEN"))
        .collect();
    assert!(opened.is_empty(), "{opened:#?}");
    let left = user.inventory();
    assert!(!left.iter().any(|item| item.contains("confctl:stack")), "{left:#?}");
}

#[test]
fn a_maintenance_page_and_a_second_environment_take_a_load_balancer_of_ones_own() {
    let user = User::new();
    let bundle = user.site(&[]);
    let more = ["--yes", "--sandbox", "-p", "dev", "-o", "json", "--set", &bundle];
    for command in [
        &["maintenance", "on"][..],
        &["deploy", "--strategy", "blue-green"],
        &["deploy", "--finish"],
    ] {
        let refused = user.confctl(&[command, &more[..]].concat()).exits(4).summary();
        let hint = refused["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("load_balancer.mode"), "{command:?}: {refused}");
    }
}

/// A site whose versions are told by their page.
struct Versions {
    user: User,
    bundle: String,
}

impl Versions {
    fn new() -> Self {
        let user = User::new();
        let bundle = user.site(&[]);
        Self { user, bundle }
    }

    fn becomes(&self, page: &str) {
        self.user
            .site(&[("index.html", &format!("<h1>Conference {page}</h1>\n"))]);
    }

    fn line<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let sets = [
            "app.health_path=/",
            "cdn.cache_policy=CachingDisabled",
            self.bundle.as_str(),
        ];
        let sets = sets.into_iter().flat_map(|set| ["--set", set]);
        command.iter().chain(OWN).copied().chain(sets).collect()
    }

    fn run(&self, command: &[&str]) -> crate::support::Ran {
        self.user.confctl(&self.line(command))
    }

    fn page(&self, site: &str) -> String {
        self.user.curl(&[site]).stdout.trim().to_owned()
    }

    /// Names and versions of the environments that there are.
    fn environments(&self) -> Vec<(String, String)> {
        let all = self
            .user
            .aws_json(&["elasticbeanstalk", "describe-environments", "--no-include-deleted"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // One that has ended shows for a while.
        let all = all["Environments"].as_array().unwrap().iter();
        let all = all.filter(|one| one["Status"] != "Terminated");
        let mut all: Vec<_> = all
            .map(|one| (text(&one["EnvironmentName"]), text(&one["VersionLabel"])))
            .collect();
        all.sort();
        all
    }
}

const BLUE_GREEN: &[&str] = &["deploy", "--yes", "--strategy", "blue-green"];
const FIRST: &str = "Tcb-conference-env";
const SECOND: &str = "Tcb-conference-env-b";

#[test]
fn visitors_are_sent_from_one_environment_to_another_and_back_and_none_of_them_sees_an_error() {
    let site = Versions::new();
    let user = &site.user;
    let watcher = Watcher::who_wants(user, "Conference");
    site.becomes("one");
    let up = site.run(&["up", "--yes", "--no-verify"]).exits(0).summary();
    let url = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    let domain = up["outputs"]["distribution_id"].clone();
    let first = up["outputs"]["application_version"].as_str().unwrap().to_owned();
    let visitor = Watcher::visitor(user, &url, &[]);
    assert_eq!(site.page(&url), "<h1>Conference one</h1>");

    // Over: the new version beside the old one, which stays.
    site.becomes("two");
    let over = site.run(BLUE_GREEN).exits(0).summary();
    let second = over["outputs"]["application_version"].as_str().unwrap().to_owned();
    assert_eq!(over["outputs"]["environment"], SECOND);
    assert_eq!(site.page(&url), "<h1>Conference two</h1>");
    let both = [(FIRST.to_owned(), first.clone()), (SECOND.to_owned(), second.clone())];
    assert_eq!(site.environments(), both);
    let plan = site.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert!(
        plan.stdout
            .contains(&format!("environment {FIRST} ({first}, Ready) stands beside")),
        "{}",
        plan.stdout
    );
    let status = site.run(&["status"]).exits(0).summary();
    assert_eq!(status["outputs"]["environment_beside"], FIRST);
    assert_eq!(status["outputs"]["application_version"], second.as_str());
    assert_eq!(status["outputs"]["distribution_id"], domain);
    site.run(&["up", "--yes"]).exits(0);
    assert_eq!(site.environments(), both, "`up` leaves both");
    // What acts on the site acts on the one that is served.
    let outputs = site.run(&["outputs"]).exits(0).summary();
    let named = [
        "elasticbeanstalk",
        "describe-environments",
        "--environment-names",
        SECOND,
    ];
    let id = user.aws_json(&named)["Environments"][0]["EnvironmentId"].clone();
    assert_eq!(outputs["outputs"]["environment_id"], id);

    // Back, at once: no environment is changed.
    let updates = (user.calls("UpdateEnvironment"), user.calls("CreateEnvironment"));
    let back = site.run(&["deploy", "--rollback", "--yes"]).exits(0).summary();
    assert_eq!(back["outputs"]["environment"], FIRST);
    assert_eq!(back["outputs"]["rolled_back"][0], second.as_str());
    assert_eq!(site.page(&url), "<h1>Conference one</h1>");
    assert_eq!(
        updates,
        (user.calls("UpdateEnvironment"), user.calls("CreateEnvironment"))
    );
    site.run(&["deploy", "--rollback", "--yes"]).exits(0);
    assert_eq!(site.page(&url), "<h1>Conference one</h1>", "not back by two");
    site.run(BLUE_GREEN).exits(4);

    // The next one takes the place of what stood beside; killed when visitors are there, and gone on.
    site.becomes("three");
    let killed = user.killed_at(&site.line(BLUE_GREEN), "elasticloadbalancing:ModifyRule", 1, "after");
    assert!(killed.is_none());
    assert_eq!(site.page(&url), "<h1>Conference three</h1>");
    let on = site.run(BLUE_GREEN).exits(0).summary();
    assert_eq!(on["outputs"]["environment"], SECOND);
    let third = on["outputs"]["application_version"].as_str().unwrap().to_owned();
    site.run(&["plan", "--detailed-exitcode"]).exits(0);
    let finish = site.run(&["deploy", "--finish", "--yes"]).exits(0);
    let planned = finish.events().into_iter().find(|line| line["type"] == "plan").unwrap();
    assert_eq!(planned["orphans"].as_array().unwrap().len(), 1, "{planned}");
    assert_eq!(finish.summary()["outputs"]["removed"], FIRST);
    assert_eq!(site.environments(), [(SECOND.to_owned(), third.clone())]);
    assert_eq!(site.page(&url), "<h1>Conference three</h1>");
    site.run(&["deploy", "--finish", "--yes"]).exits(0);
    site.run(&["plan", "--detailed-exitcode"]).exits(0);

    // The names take turns; teardown takes both.
    site.becomes("four");
    let over = site.run(BLUE_GREEN).exits(0).summary();
    assert_eq!(over["outputs"]["environment"], FIRST);
    let seen = visitor.ends();
    let failed: Vec<_> = seen.iter().filter(|line| line.contains("ERROR")).collect();
    assert!(failed.is_empty() && seen.len() >= 3, "{seen:#?}");
    site.run(&["teardown", "--yes", "--delete-data"]).exits(0);
    let opened: Vec<_> = watcher
        .ends()
        .into_iter()
        .filter(|line| line.starts_with("OPEN"))
        .collect();
    assert!(opened.is_empty(), "{opened:#?}");
    let left = user.inventory();
    assert!(!left.iter().any(|item| item.contains("confctl:stack")), "{left:#?}");
}

/// Says its page at every path; at one of them an error, where it was told so.
const SERVER: &str = r#"import http.server, os, sys
FOLDER = os.path.dirname(os.path.abspath(__file__))
PAGE, FAILS = (open(os.path.join(FOLDER, name)).read().strip() for name in ("index.html", "fails"))
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = PAGE.encode()
        self.send_response(500 if self.path == FAILS else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Site).serve_forever()
"#;

const CANARY: &[&str] = &["--canary", "10%,50%", "--evaluate", "40m"];

/// The weights of the rule for CloudFront, the largest first; none where it leads to one target group.
fn weights(user: &User) -> Vec<u64> {
    let action = rules(user).0[0]["Actions"][0].clone();
    let groups = action["ForwardConfig"]["TargetGroups"].as_array().unwrap().iter();
    let mut weights: Vec<_> = groups.map(|group| group["Weight"].as_u64().unwrap()).collect();
    weights.sort_by_key(|weight| std::cmp::Reverse(*weight));
    match action["TargetGroupArn"].is_string() {
        true => Vec::new(),
        false => weights,
    }
}

#[test]
fn a_version_that_answers_some_visitors_with_errors_is_taken_back_by_itself_and_a_good_one_gets_all_of_them() {
    let site = Versions::new();
    let user = &site.user;
    let becomes = |page: &str, fails: &str| {
        let web = ("Procfile", "web: python3 server.py $PORT\n");
        let page = format!("<h1>Conference {page}</h1>\n");
        user.site(&[web, ("server.py", SERVER), ("index.html", &page), ("fails", fails)]);
    };
    let canary = [BLUE_GREEN, CANARY].concat();
    becomes("one", "none");
    let up = site.run(&["up", "--yes", "--no-verify"]).exits(0).summary();
    let url = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    let first = up["outputs"]["application_version"].clone();
    let visitor = Watcher::visitor(user, &url, &["/", "/talks", "/speakers"]);

    // A tenth of the visitors meets the fault, and nobody else.
    becomes("two", "/talks");
    let failed = site.run(&canary).exits(1).summary();
    let said = failed["error"].to_string();
    for part in [
        "answered with 5xx there",
        "--max-5xx is 1 %",
        FIRST,
        SECOND,
        "deploy",
        "--finish",
    ] {
        assert!(said.contains(part), "{part}: {failed}");
    }
    assert_eq!(failed["outputs"]["application_version"], first);
    assert_eq!(
        (weights(user), site.page(&url).as_str()),
        (vec![], "<h1>Conference one</h1>")
    );
    site.run(&canary).exits(4);

    // Broken off, a canary is told of, and stands until somebody goes on or back.
    becomes("three", "none");
    let begin = || user.killed_at(&site.line(&canary), "elasticloadbalancing:ModifyRule", 1, "after");
    assert!(begin().is_none());
    assert_eq!(weights(user), [901, 100]);
    let status = site.run(&["status"]).exits(0).summary();
    assert_eq!(
        (
            &status["outputs"]["canary_percent"],
            &status["outputs"]["application_version"]
        ),
        (&Value::from(10), &first)
    );
    let plan = site.run(&["plan"]).exits(0);
    assert!(
        plan.stdout.contains("a canary is under way: 10 % of the visitors"),
        "{}",
        plan.stdout
    );
    site.run(&["deploy", "--finish", "--yes"]).exits(4);
    user.confctl(&["rotate-secret", "--yes", "--sandbox", "-o", "json"])
        .exits(0);
    assert_eq!(weights(user), [901, 100], "as it was");
    site.run(&["deploy", "--rollback", "--yes"]).exits(0);
    assert_eq!(
        (weights(user), site.page(&url).as_str()),
        (vec![], "<h1>Conference one</h1>")
    );
    site.run(&["deploy", "--finish", "--yes"]).exits(0);

    becomes("four", "none");
    assert!(begin().is_none());
    let over = site.run(&canary).exits(0);
    assert!(
        over.stdout.contains("50 % of the visitors were sent to"),
        "{}",
        over.stdout
    );
    assert_eq!(
        (weights(user), site.page(&url).as_str()),
        (vec![], "<h1>Conference four</h1>")
    );
    site.run(&["plan", "--detailed-exitcode"]).exits(0);

    let seen = visitor.ends();
    let times = |part: &str| -> usize {
        let lines = seen.iter().filter(|line| line.contains(part));
        lines
            .map(|line| line.rsplit_once(" x ").unwrap().1.parse::<usize>().unwrap())
            .sum()
    };
    let (failed, of_two) = (times("ERROR 500"), times("Conference two"));
    assert!(failed > 0 && times("ERROR") == failed, "{seen:#?}");
    assert!(times("Conference one") > 4 * of_two && of_two >= failed, "{seen:#?}");

    // With weights that stand, all goes.
    becomes("five", "none");
    assert!(begin().is_none());
    assert_eq!(weights(user), [901, 100]);
    site.run(&["teardown", "--yes", "--delete-data"]).exits(0);
    let left = user.inventory();
    assert!(!left.iter().any(|item| item.contains("confctl:stack")), "{left:#?}");
}
