//! HTTPS from the edge to a load balancer of the stack's own: its certificate, what is left open, and the ways there and back.

use serde_json::Value;

use crate::own_load_balancer::Watcher;
use crate::support::{Ran, User};

const IN_CLEAR: &str = "tests/it/sweep/own.toml";
const BY_HTTPS: &str = "tests/it/sweep/domain.toml";
/// What only the site says of itself.
const MARK: &str = "<form";

fn run(user: &User, profile: &str, command: &[&str]) -> Ran {
    user.confctl(&[command, &["--sandbox", "-p", profile, "-o", "json"]].concat())
}

fn zone(user: &User) -> String {
    let create = [
        "route53",
        "create-hosted-zone",
        "--name",
        "example.org",
        "--caller-reference",
        "the account's own",
    ];
    let made = user.aws_json(&create);
    let id = made["HostedZone"]["Id"].as_str().unwrap();
    id.trim_start_matches("/hostedzone/").to_owned()
}

/// What curl gives for a URL whose host leads to this machine, whoever's certificate is shown there: how it ended, and the status.
fn curl(user: &User, url: &str, more: &[&str]) -> Ran {
    let (_, rest) = url.split_once("://").unwrap();
    let resolve = format!("{}:127.0.0.1", rest.split('/').next().unwrap());
    let out = ["-k", "-o", "/dev/null", "-w", "%{http_code}", "--resolve", &resolve];
    user.curl(&[&out, more, &[url]].concat())
}

fn authority(user: &User) -> String {
    let variables = user.aws_environment();
    let found = variables.into_iter().find(|(name, _)| name == "CONFCTL_SANDBOX_CA");
    found.unwrap().1
}

/// The load balancer, and its listeners by port.
fn balancer(user: &User) -> (Value, Vec<Value>) {
    let found = user.aws_json(&["elbv2", "describe-load-balancers", "--names", "eb-tcb-conference"]);
    let balancer = found["LoadBalancers"][0].clone();
    let arn = balancer["LoadBalancerArn"].as_str().unwrap();
    let listeners = user.aws_json(&["elbv2", "describe-listeners", "--load-balancer-arn", arn]);
    let mut listeners = listeners["Listeners"].as_array().unwrap().clone();
    listeners.sort_by_key(|listener| listener["Port"].as_u64());
    (balancer, listeners)
}

/// The rules of a listener: priority, and what becomes of who meets it.
fn rules(user: &User, listener: &Value) -> Vec<(String, String)> {
    let arn = listener["ListenerArn"].as_str().unwrap();
    let rules = user.aws_json(&["elbv2", "describe-rules", "--listener-arn", arn]);
    let rules = rules["Rules"].as_array().unwrap().iter().map(|rule| {
        let action = &rule["Actions"][0];
        let status = action["FixedResponseConfig"]["StatusCode"].as_str();
        let does = status.unwrap_or_else(|| action["Type"].as_str().unwrap());
        (rule["Priority"].as_str().unwrap().to_owned(), does.to_owned())
    });
    rules.collect()
}

fn ports(user: &User) -> Vec<(i64, i64)> {
    let filter = "Name=group-name,Values=eb-tcb-conference";
    let groups = user.aws_json(&["ec2", "describe-security-groups", "--filters", filter]);
    let rules = groups["SecurityGroups"][0]["IpPermissions"].as_array().unwrap().clone();
    let ports = |rule: &Value| (rule["FromPort"].as_i64().unwrap(), rule["ToPort"].as_i64().unwrap());
    rules.iter().map(ports).collect()
}

#[test]
fn what_people_enter_crosses_no_network_in_clear_and_nobody_comes_past_the_edge() {
    let user = User::new();
    user.confctl(&["doctor", "--sandbox"]).exits(0);
    let zone = zone(&user);
    let before = user.inventory();
    let up = run(&user, BY_HTTPS, &["up", "--yes"]).exits(0).summary();
    let checks = up["outputs"]["verified"].as_array().unwrap();
    for wanted in ["redirect", "lock"] {
        assert!(checks.iter().any(|check| check["check"] == wanted), "{checks:?}");
    }
    run(&user, BY_HTTPS, &["plan", "--detailed-exitcode"]).exits(0);
    let site = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert!(site.starts_with("https://example.org:"), "{site}");
    as_aws_shows_it(&user, &zone);

    at_the_edge(&user, &site, up["outputs"]["distribution_domain"].as_str().unwrap());
    past_the_edge(&user, &site);

    // People who come by the name are served.
    let load = ["load", "--people", "5", "--within", "1s", "--think", "0s", "--yes"];
    let report = user.home().join("load.html");
    let load = [&load[..], &["--report", report.to_str().unwrap()]].concat();
    assert_eq!(run(&user, BY_HTTPS, &load).exits(0).summary()["outputs"]["accepted"], 5);

    run(&user, BY_HTTPS, &["teardown", "--yes", "--delete-data"]).exits(0);
    assert_eq!(user.inventory(), before, "a name, a certificate or a way in is left");
}

/// Listener, rules, certificates and records, by the AWS CLI.
fn as_aws_shows_it(user: &User, zone: &str) {
    let (balancer, listeners) = balancer(user);
    let [listener] = &listeners[..] else {
        panic!("one way in: {listeners:#?}");
    };
    assert_eq!(
        (&listener["Port"], &listener["Protocol"]),
        (&443.into(), &"HTTPS".into())
    );
    assert_eq!(listener["SslPolicy"], "ELBSecurityPolicy-TLS13-1-2-2021-06");
    let told = rules(user, listener);
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(priority, does)| (priority.as_str(), does.as_str()))
        .collect();
    // The third is Beanstalk's, which nobody comes to.
    assert_eq!(
        told,
        [("10", "forward"), ("20", "403"), ("21", "forward"), ("default", "403")]
    );
    assert_eq!(ports(user), [(443, 443)]);

    let shown = listener["Certificates"][0]["CertificateArn"].as_str().unwrap();
    let certificate = user.aws_json(&["acm", "describe-certificate", "--certificate-arn", shown]);
    let certificate = &certificate["Certificate"];
    assert_eq!(
        (&certificate["DomainName"], &certificate["Status"]),
        (&"example.org".into(), &"ISSUED".into())
    );
    assert_eq!(certificate["InUseBy"], serde_json::json!([balancer["LoadBalancerArn"]]));
    let listed = user.aws_json(&["acm", "list-certificates"]);
    assert_eq!(
        listed["CertificateSummaryList"].as_array().unwrap().len(),
        2,
        "the edge has its own"
    );

    let sets = user.aws_json(&["route53", "list-resource-record-sets", "--hosted-zone-id", zone]);
    let sets = sets["ResourceRecordSets"].as_array().unwrap().clone();
    let kinds: Vec<&str> = sets.iter().filter_map(|set| set["Type"].as_str()).collect();
    let count = |wanted: &str| kinds.iter().filter(|kind| **kind == wanted).count();
    assert_eq!(
        (count("A"), count("AAAA"), count("CNAME")),
        (1, 1, 1),
        "one record validates both: {kinds:?}"
    );

    let distributions = user.aws_json(&["cloudfront", "list-distributions"]);
    let origin = &distributions["DistributionList"]["Items"][0]["Origins"]["Items"][0];
    assert_eq!(origin["DomainName"], balancer["DNSName"]);
    let custom = &origin["CustomOriginConfig"];
    assert_eq!(custom["OriginProtocolPolicy"], "https-only");
    assert_eq!(custom["OriginSslProtocols"]["Items"], serde_json::json!(["TLSv1.2"]));
}

fn at_the_edge(user: &User, site: &str, own: &str) {
    let trusting = ["--cacert", &authority(user), "--no-insecure"];
    assert_eq!(curl(user, site, &trusting).exits(0).stdout, "200");
    assert_eq!(
        curl(user, &site.replace("https://", "http://"), &[]).exits(0).stdout,
        "301"
    );
    curl(user, site, &["--tls-max", "1.1"]).exits(35);
    // By CloudFront's own name, for which the load balancer has no certificate; and nobody else gets that answer.
    let by_its_own = site.replace("//example.org", &format!("//{own}"));
    let unkept = "/nobody-has-asked-for-this-yet";
    let by_its_own = curl(user, &format!("{by_its_own}{unkept}"), &[]).exits(0);
    assert_eq!(by_its_own.stdout, "502");
    let by_its_name = curl(user, &format!("{site}{unkept}"), &trusting).exits(0);
    assert_eq!(by_its_name.stdout, "404", "the app's own answer");
}

/// Every way to the load balancer itself: first as it is, then with its group opened by somebody.
fn past_the_edge(user: &User, site: &str) {
    let (balancer, _) = balancer(user);
    let direct = site.replace("//example.org", &format!("//{}", balancer["DNSName"].as_str().unwrap()));
    let in_clear = direct.replace("https://", "http://");
    for host in ["", "Host: example.org"] {
        let headers: &[&str] = if host.is_empty() { &[] } else { &["-H", host] };
        curl(user, &direct, headers).exits(35);
    }
    curl(user, &in_clear, &[]).exits(52);

    let filter = "Name=group-name,Values=eb-tcb-conference";
    let groups = user.aws_json(&["ec2", "describe-security-groups", "--filters", filter]);
    let id = groups["SecurityGroups"][0]["GroupId"].as_str().unwrap().to_owned();
    let open = [
        "ec2",
        "authorize-security-group-ingress",
        "--group-id",
        &id,
        "--protocol",
        "tcp",
        "--cidr",
        "0.0.0.0/0",
    ];
    user.aws_json(&[&open[..], &["--port", "443"]].concat());
    for headers in [
        &[][..],
        &["-H", "Host: example.org"],
        &["-H", "Host: example.org", "-H", "x-confctl-origin: *"],
        &["-H", "Host: example.org", "-H", "x-confctl-origin;"],
        &[
            "-H",
            "Host: example.org",
            "-H",
            "x-confctl-origin: 000100000000000000000000000000000000",
        ],
        &[
            "-H",
            "Via: 1.1 a.cloudfront.net (CloudFront)",
            "-H",
            "X-Forwarded-Proto: https",
        ],
        &["--tls-max", "1.2", "-X", "POST"],
    ] {
        assert_eq!(curl(user, &direct, headers).exits(0).stdout, "403", "{headers:?}");
    }
    // Nobody listens in clear, whoever may come.
    curl(user, &in_clear, &[]).exits(52);
    run(user, BY_HTTPS, &["verify"]).exits(0);
    let plan = run(user, BY_HTTPS, &["plan", "--detailed-exitcode"]).exits(2);
    assert!(plan.stdout.contains("443 from 0.0.0.0/0"), "{}", plan.stdout);
    run(user, BY_HTTPS, &["up", "--yes", "--no-verify"]).exits(0);
    curl(user, &direct, &[]).exits(35);
}

#[test]
fn a_stack_that_stands_moves_to_https_and_back_and_is_never_open_nor_closed_meanwhile() {
    let user = User::new();
    user.confctl(&["doctor", "--sandbox"]).exits(0);
    zone(&user);
    let before = user.inventory();
    let watcher = Watcher::start(&user);
    let up = run(&user, IN_CLEAR, &["up", "--yes", "--no-verify"]).exits(0).summary();
    let edge = up["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert!(user.curl(&[&edge]).stdout.contains(MARK));

    let begun = user.requests().len();
    let plan = run(&user, BY_HTTPS, &["plan"]).exits(0);
    for told in [
        "443, refusing everybody",
        "80-443 from CloudFront",
        "https-only",
        "is answered 502 from then on",
    ] {
        assert!(plan.stdout.contains(told), "{told}: {}", plan.stdout);
    }
    run(&user, BY_HTTPS, &["up", "--yes"]).exits(0);
    run(&user, BY_HTTPS, &["plan", "--detailed-exitcode"]).exits(0);
    in_this_order(&user, begun);

    // The former listener has Beanstalk's rule, which it may look for: it stays, and leads nobody anywhere.
    let (_, listeners) = balancer(&user);
    assert_eq!(listeners.len(), 2);
    let former: Vec<_> = rules(&user, &listeners[0]).into_iter().map(|(_, does)| does).collect();
    assert_eq!(former, ["403", "forward", "403"]);
    assert_eq!(rules(&user, &listeners[1])[0].1, "forward");
    assert_eq!(ports(&user), [(443, 443)]);

    // And back, where nobody comes by HTTPS any more.
    let begun = user.requests().len();
    run(&user, IN_CLEAR, &["up", "--yes", "--no-verify"]).exits(0);
    run(&user, IN_CLEAR, &["plan", "--detailed-exitcode"]).exits(0);
    in_this_order(&user, begun);
    let (_, listeners) = balancer(&user);
    assert_eq!(listeners.len(), 1, "nobody has a rule at the other one");
    assert_eq!(listeners[0]["Protocol"], "HTTP");
    assert_eq!(ports(&user), [(80, 80)]);
    assert!(user.curl(&[&edge]).stdout.contains(MARK));
    let certificates = user.aws_json(&["acm", "list-certificates"]);
    assert_eq!(certificates["CertificateSummaryList"], serde_json::json!([]));

    run(&user, IN_CLEAR, &["teardown", "--yes", "--delete-data"]).exits(0);
    let told = watcher.ends();
    let opened: Vec<_> = told.iter().filter(|line| line.starts_with("OPEN")).collect();
    assert!(opened.is_empty(), "{told:#?}");
    // He did get to the load balancer, by distributions of his own.
    let met = |way: &str| {
        told.iter()
            .any(|line| line.starts_with(way) && line.contains(": 403 x"))
    };
    assert!(met("distribution of his own"), "{told:#?}");
    // What is his stays.
    let left = user.inventory().into_iter().filter(|item| !before.contains(item));
    let ours: Vec<_> = left.filter(|item| item.contains("confctl:")).collect();
    assert_eq!(ours, Vec::<String>::new());
}

/// The way is there and leads to the site before CloudFront takes it, and the former one goes when CloudFront has left it.
fn in_this_order(user: &User, begun: usize) {
    let requests = user.requests();
    let all: Vec<&str> = requests[begun..]
        .iter()
        .filter_map(|call| call["operation"].as_str())
        .collect();
    let first = |operation: &str| all.iter().position(|one| *one == operation);
    let last = |operation: &str| all.iter().rposition(|one| *one == operation);
    let (edge, ports) = (first("UpdateDistribution").unwrap(), "ModifySecurityGroupRules");
    assert!(first(ports).unwrap() < edge, "it opens first");
    assert!(first("ModifyRule").unwrap() < edge, "and leads to the site");
    assert!(first("CreateListener").is_none_or(|made| made < edge));
    let closed = last("DeleteRule").max(last("DeleteListener")).unwrap();
    assert!(edge < last(ports).unwrap() && last(ports).unwrap() < closed, "{all:?}");
}
