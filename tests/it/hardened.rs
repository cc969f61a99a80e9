//! The profile `hardened`: what it closes is closed, seen from outside; what it counts is counted; what it protects is not lost by accident.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, User, until};

const BOUNDARY: &str = "arn:aws:iam::aws:policy/PowerUserAccess";
/// Allows nothing in DynamoDB.
const NARROW: &str = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier";
/// What the app answers to a registration.
const TAKEN: &str = "201";
const ROLE: &str = "aws-elasticbeanstalk-ec2-role";
/// A rule small enough to be broken in a moment; the style sheet uncached beside the script, to tell the two from each other.
const SETS: &[&str] = &[
    "roles.permissions_boundary=arn:aws:iam::aws:policy/PowerUserAccess",
    "waf.rate_limit=10",
    "waf.rate_window=600",
    "cdn.uncached=/register,/api/*,/assets/*.css",
];

fn run(user: &User, command: &[&str], sets: &[&str]) -> Ran {
    let profile = ["--sandbox", "-p", "hardened"];
    let sets = SETS.iter().chain(sets).flat_map(|set| ["--set", *set]);
    let sets: Vec<&str> = sets.collect();
    user.confctl(&[command, &profile, &sets[..]].concat())
}

fn up(user: &User, sets: &[&str]) -> Ran {
    run(user, &["up", "--yes", "--no-verify", "-o", "json"], sets).exits(0)
}

/// The site as a browser sees it: by HTTPS, which whatever ends TLS before the sandbox says.
struct Site<'a> {
    user: &'a User,
    url: String,
}

impl Site<'_> {
    /// What an answer says of itself: as `%{http_code}`, and headers.
    fn told(&self, what: &str, path: &str, more: &[&str]) -> String {
        let url = format!("{}{path}", self.url);
        let asked = ["-o", "/dev/null", "-w", what, &url];
        self.user.curl(&[more, &asked].concat()).exits(0).stdout
    }

    fn secure(&self, what: &str, path: &str, more: &[&str]) -> String {
        self.told(what, path, &[&["-H", "X-Forwarded-Proto: https"][..], more].concat())
    }

    /// The statuses of so many registrations, one after the other.
    fn registrations(&self, count: usize) -> Vec<String> {
        let url = format!("{}/register", self.url);
        let mut arguments = vec!["-H", "X-Forwarded-Proto: https", "-H", "Content-Type: application/json"];
        arguments.extend(["--data", r#"{"email":"ada@example.com"}"#]);
        for _ in 0..count {
            arguments.extend(["-o", "/dev/null", &url]);
        }
        arguments.extend(["-w", "%{http_code}\n"]);
        let ran = self.user.curl(&arguments).exits(0);
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// The path of an asset with this ending, as the page names it.
    fn asset(&self, ending: &str) -> String {
        let page = self
            .user
            .curl(&["-H", "X-Forwarded-Proto: https", &self.url])
            .exits(0)
            .stdout;
        let mut named = page.split('"').filter(|part| part.starts_with("/assets/"));
        named
            .find(|path| path.split('?').next().unwrap().ends_with(ending))
            .unwrap()
            .to_owned()
    }
}

/// Requests that the rule on registrations caught.
fn caught(user: &User, web_acl: &str) -> Vec<Value> {
    let sampled = user.aws_json(&[
        "wafv2",
        "get-sampled-requests",
        "--region",
        "us-east-1",
        "--web-acl-arn",
        web_acl,
        "--rule-metric-name",
        "confctl-registrations",
        "--scope",
        "CLOUDFRONT",
        "--time-window",
        "StartTime=2020-01-01T00:00:00Z,EndTime=2199-01-01T00:00:00Z",
        "--max-items",
        "500",
    ]);
    sampled["SampledRequests"].as_array().unwrap().clone()
}

fn boundary(user: &User) -> Value {
    let role = user.aws_json(&["iam", "get-role", "--role-name", ROLE]);
    role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"].clone()
}

#[test]
fn what_hardened_closes_is_closed_and_what_it_protects_goes_only_where_that_was_said() {
    // Slower than elsewhere: ten requests have to fit into the rule's window.
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "100");
    let empty = user.inventory_of_a_fresh_sandbox();
    // Its own verification goes the way of a visitor, too.
    let brought_up = run(&user, &["up", "--yes", "-o", "json"], &[]).exits(0);
    assert!(
        brought_up
            .stdout
            .contains("of one address 10 registrations pass within 600 s"),
        "{}",
        brought_up.stdout
    );
    let outputs = brought_up.summary()["outputs"].clone();
    let site = Site {
        user: &user,
        url: outputs["site_url"].as_str().unwrap().to_owned(),
    };
    run(&user, &["plan", "--detailed-exitcode"], &[]).exits(0);

    redirects(&site);
    let few = [
        "load",
        "--sandbox",
        "--yes",
        "--people",
        "5",
        "--within",
        "1s",
        "--think",
        "0s",
    ];
    let report = user.home().join("load.html");
    user.confctl(&[&few[..], &["--report", report.to_str().unwrap()]].concat())
        .exits(0);
    keeps_nothing_of_a_persons_own(&site);
    has_neither_key_nor_open_port(&user);
    counts_and_then_blocks(&user, &site);
    is_bounded(&user, &site);
    says_when_an_update_would_meet_the_event(&user);
    protects_the_table(&user);
    assert_eq!(user.inventory(), empty);
}

fn redirects(site: &Site) {
    let https = site.url.replace("http://", "https://");
    let https = https.rsplit_once(':').map_or(https.as_str(), |(host, _)| host);
    for (method, path, status) in [("GET", "/", "301"), ("HEAD", "/", "301"), ("POST", "/register", "307")] {
        let more: &[&str] = match method {
            "HEAD" => &["--head"],
            "POST" => &["--data", "email=ada@example.com"],
            _ => &[],
        };
        let told = site.told("%{http_code} %{redirect_url}", path, more);
        assert!(told.starts_with(&format!("{status} {https}")), "{method}: {told}");
    }
    assert_eq!(site.secure("%{http_code}", "/", &[]), "200");
}

fn keeps_nothing_of_a_persons_own(site: &Site) {
    // The edge keeps an asset at its first visit, where it may.
    let twice = |path: &str| {
        site.secure("%{http_code}", path, &["-f"]);
        site.secure("%header{x-cache}", path, &["-f"])
    };
    let (script, style) = (site.asset(".js"), site.asset(".css"));
    assert!(twice(&script).starts_with("Hit"), "{script}");
    assert!(twice(&style).starts_with("Miss"), "{style}");
    // The role of the instances may count, and nothing else of reading.
    assert_eq!(site.secure("%{http_code}", "/api/stats", &[]), "200");
}

fn has_neither_key_nor_open_port(user: &User) {
    let pairs = user.aws_json(&["ec2", "describe-key-pairs"]);
    assert_eq!(pairs["KeyPairs"], Value::Array(Vec::new()));
    let groups = user.aws_json(&["ec2", "describe-security-groups"]);
    let rules = groups["SecurityGroups"].as_array().unwrap().iter();
    let mut rules = rules.flat_map(|group| group["IpPermissions"].as_array().cloned().unwrap_or_default());
    let is_open = |rule: &Value| {
        let mut ranges = rule["IpRanges"].as_array().unwrap().iter();
        rule["FromPort"] == 22 && ranges.any(|range| range["CidrIp"] != "127.0.0.1/32")
    };
    assert!(!rules.any(|rule| is_open(&rule)), "{groups}");
}

fn counts_and_then_blocks(user: &User, site: &Site) {
    let listed = user.aws_json(&[
        "wafv2",
        "list-web-acls",
        "--scope",
        "CLOUDFRONT",
        "--region",
        "us-east-1",
    ]);
    let web_acl = listed["WebACLs"][0]["ARN"].as_str().unwrap().to_owned();
    until("the rule to count", Duration::from_secs(60), || {
        let statuses = site.registrations(40);
        assert!(statuses.iter().all(|status| status == TAKEN), "{statuses:?}");
        !caught(user, &web_acl).is_empty()
    });
    let counted = caught(user, &web_acl);
    for request in &counted {
        let (action, asked) = (&request["Action"], &request["Request"]);
        assert_eq!(
            (action, &asked["Method"], &asked["URI"]),
            (&"COUNT".into(), &"POST".into(), &"/register".into())
        );
    }

    up(user, &["waf.rate=block"]);
    until("the rule to block", Duration::from_secs(60), || {
        site.registrations(40).iter().any(|status| status == "403")
    });
    // Who plays many people from one address is told before he is held back.
    let played = ["load", "--sandbox", "--yes", "--people", "500", "--within", "60s"];
    let refused = user.confctl(&played).exits(4);
    assert!(refused.stderr.contains("confctl-registrations"), "{}", refused.stderr);
    // The page is not counted, nor held back.
    assert_eq!(site.secure("%{http_code}", "/", &[]), "200");
    let paper = run(user, &["capacity", "--paper", "-o", "json"], &["waf.rate=block"]).exits(1);
    assert_eq!(paper.summary()["outputs"]["first"], "web ACL, requests of one address");
    up(user, &[]);
}

fn is_bounded(user: &User, site: &Site) {
    assert_eq!(boundary(user), BOUNDARY);
    assert_eq!(site.registrations(1), [TAKEN]);
    // Somebody sets another one, in which there is no DynamoDB: the app may not write, though its role's policies say so.
    let put = ["iam", "put-role-permissions-boundary", "--role-name", ROLE];
    user.aws(&[&put[..], &["--permissions-boundary", NARROW]].concat())
        .exits(0);
    until("the boundary to hold", Duration::from_secs(60), || {
        site.registrations(1) == ["503"]
    });
    let planned = run(user, &["plan", "-o", "json"], &[]).exits(0);
    assert!(planned.stdout.contains("PermissionsBoundary"), "{}", planned.stdout);
    up(user, &[]);
    assert_eq!(boundary(user), BOUNDARY);
    until("the app to write again", Duration::from_secs(60), || {
        site.registrations(1) == [TAKEN]
    });
}

fn says_when_an_update_would_meet_the_event(user: &User) {
    let plan = |at: &str| run(user, &["plan"], &[at]).exits(0);
    let told = |ran: Ran| {
        format!("{}{}", ran.stdout, ran.stderr).contains("Beanstalk may replace the instances during the event")
    };
    // A Sunday, and a Thursday.
    assert!(told(plan("event.at=2126-12-08T05:00:00Z")));
    assert!(!told(plan("event.at=2126-12-12T05:00:00Z")));
}

fn protects_the_table(user: &User) {
    let teardown = |more: &[&str]| user.confctl(&[&["teardown", "--sandbox", "--yes"], more].concat());
    let full = teardown(&[]).exits(4);
    assert!(
        full.stderr.contains("the registrations in the table users"),
        "{}",
        full.stderr
    );
    assert!(full.stderr.contains("point-in-time recovery"), "{}", full.stderr);
    let key = r#"{"email":{"S":"ada@example.com"}}"#;
    user.aws(&["dynamodb", "delete-item", "--table-name", "users", "--key", key])
        .exits(0);
    let protected = teardown(&[]).exits(4);
    assert!(
        protected.stderr.contains("protected against deletion"),
        "{}",
        protected.stderr
    );
    assert_eq!(user.registered(), Vec::<String>::new());
    teardown(&["--delete-data"]).exits(0);
}
