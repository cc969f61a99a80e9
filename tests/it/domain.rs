//! A name of one's own: with its zone in Route 53, and with DNS elsewhere. Over real TLS, by curl, which trusts the sandbox's authority.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;

use serde_json::Value;

use crate::interrupted::send;
use crate::support::{Ran, User};

/// One instance and no web ACL: neither is what these stories are about.
const SMALL: &[&str] = &[
    "--set",
    "scaling.min=1",
    "--set",
    "scaling.max=1",
    "--set",
    "waf.enabled=false",
];

fn line<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, &["--sandbox", "-o", "json"], SMALL, more].concat()
}

/// What curl gives for a URL whose host leads to this machine: how it ended, and the status with the page.
fn curl(user: &User, url: &str, more: &[&str]) -> Ran {
    let (_, rest) = url.split_once("://").unwrap();
    let place = rest.split('/').next().unwrap();
    let resolve = format!("{place}:127.0.0.1");
    let out = ["-o", "/dev/null", "-w", "%{http_code}", "--resolve", &resolve];
    user.curl(&[&out, more, &[url]].concat())
}

fn authority(user: &User) -> String {
    let variables = user.aws_environment();
    let found = variables.into_iter().find(|(name, _)| name == "CONFCTL_SANDBOX_CA");
    found.unwrap().1
}

/// Records of a zone but those that every zone has.
fn records(user: &User, zone: &str) -> Vec<(String, String)> {
    let sets = user.aws_json(&["route53", "list-resource-record-sets", "--hosted-zone-id", zone]);
    let sets = sets["ResourceRecordSets"].as_array().unwrap().clone();
    let text = |set: &Value, name: &str| set[name].as_str().unwrap().to_owned();
    let sets = sets.iter().map(|set| (text(set, "Type"), text(set, "Name")));
    sets.filter(|(kind, _)| kind != "NS" && kind != "SOA").collect()
}

fn zone(user: &User, name: &str) -> String {
    let made = user.aws_json(&[
        "route53",
        "create-hosted-zone",
        "--name",
        name,
        "--caller-reference",
        "the account's own",
    ]);
    let id = made["HostedZone"]["Id"].as_str().unwrap();
    id.trim_start_matches("/hostedzone/").to_owned()
}

const NAMED: &[&str] = &[
    "--set",
    "domain.name=example.org",
    "--set",
    "domain.also=www.example.org",
];

#[test]
fn a_site_takes_its_own_names_by_route_53_and_gives_them_back() {
    let user = User::new();
    user.confctl(&["doctor", "--sandbox"]).exits(0);
    let zone = zone(&user, "example.org");
    let before = user.inventory();

    let up = user.confctl(&line(&["up", "--yes"], NAMED)).exits(0);
    let outputs = up.summary()["outputs"].clone();
    let site = outputs["site_url"].as_str().unwrap();
    assert!(site.starts_with("https://example.org:"), "{outputs}");
    user.confctl(&line(&["plan", "--detailed-exitcode"], NAMED)).exits(0);
    it_answers_by_tls_to_its_own_names_only(&user, site);
    names_come_last(&user);

    // Four aliases, and a record for each name of the certificate, which stay as long as it does.
    let kinds: Vec<String> = records(&user, &zone).into_iter().map(|(kind, _)| kind).collect();
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    assert_eq!((count("A"), count("AAAA"), count("CNAME")), (2, 2, 2));

    a_name_that_is_dropped_goes_and_the_other_stays(&user, &zone);

    user.confctl(&line(&["teardown", "--yes", "--delete-data"], &[]))
        .exits(0);
    assert_eq!(records(&user, &zone), [], "teardown left a name that dangles");
    assert_eq!(user.inventory(), before);
}

fn it_answers_by_tls_to_its_own_names_only(user: &User, site: &str) {
    let authority = authority(user);
    let trusting = ["--cacert", &authority];
    let www = site.replace("//example.org", "//www.example.org");
    for url in [site, &www] {
        assert_eq!(curl(user, url, &trusting).exits(0).stdout, "200", "{url}");
    }
    // Nobody else's authority has signed it; and for no other name there is a certificate.
    curl(user, site, &[]).exits(60);
    let other = site.replace("//example.org", "//other.example.org");
    curl(user, &other, &trusting).exits(35);
    // Who came by one name does not get to another by it.
    let misdirected = [&trusting[..], &["-H", "Host: other.example.org"]].concat();
    assert_eq!(curl(user, site, &misdirected).exits(0).stdout, "421");
    let oldest = [&trusting[..], &["--tls-max", "1.1"]].concat();
    curl(user, site, &oldest).exits(35);
    // The same port answers in clear, too, as the profile says.
    let plain = site.replace("https://", "http://");
    assert_eq!(curl(user, &plain, &[]).exits(0).stdout, "200");
}

/// Aliases are written when the edge answers to the names, and the edge takes them when the certificate is issued.
fn names_come_last(user: &User) {
    let requests = user.requests();
    let at = |operation: &str, last: bool| {
        let mut all = requests
            .iter()
            .enumerate()
            .filter(|(_, call)| call["operation"] == operation);
        let found = if last { all.next_back() } else { all.next() };
        found.unwrap_or_else(|| panic!("no {operation}")).0
    };
    let requested = at("RequestCertificate", false);
    let distribution = at("CreateDistributionWithTags", false);
    assert!(requested < distribution && distribution < at("ChangeResourceRecordSets", true));
    assert_eq!(
        user.calls("UpdateDistribution"),
        0,
        "it was made with its names at once"
    );
}

fn a_name_that_is_dropped_goes_and_the_other_stays(user: &User, zone: &str) {
    let one = ["--set", "domain.name=www.example.org"];
    user.confctl(&line(&["up", "--yes"], &one)).exits(0);
    let names: Vec<String> = records(user, zone).into_iter().map(|(_, name)| name).collect();
    assert!(names.iter().all(|name| name.ends_with("www.example.org.")), "{names:?}");
    assert_eq!(names.len(), 3, "{names:?}");
    user.confctl(&line(&["plan", "--detailed-exitcode"], &one)).exits(0);
}

/// Reads the lines of a run until one of them tells of what is to be set; gives the record's name and value.
fn until_it_tells_the_record(run: &mut Child) -> (String, String) {
    let out = run.stdout.take().unwrap();
    let mut lines = BufReader::new(out).lines();
    let told = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let event: Value = serde_json::from_str(&line).unwrap();
        let text = event["text"]
            .as_str()?
            .split_once("set at your DNS provider: ")?
            .1
            .to_owned();
        let (name, value) = text.split_once(" CNAME ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    // What comes after must not keep it from being written.
    std::thread::spawn(move || {
        let mut rest = lines;
        while rest.next().is_some() {}
    });
    told.unwrap_or_else(|| {
        let mut text = String::new();
        let _ = run.stderr.take().unwrap().read_to_string(&mut text);
        panic!("it never told: {text}")
    })
}

#[test]
fn with_dns_elsewhere_it_waits_goes_on_where_it_was_and_says_what_stays() {
    let user = User::new();
    let before = user.inventory_of_a_fresh_sandbox();
    let named = ["--set", "domain.name=events.example.com"];
    let up = line(&["up", "--yes", "--no-verify"], &named);

    let mut run = user.start(&up);
    let (name, value) = until_it_tells_the_record(&mut run);
    send(&run, "-INT");
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let plan = user.confctl(&line(&["plan"], &named)).exits(0);
    let notices = plan.events().into_iter().filter(|event| event["type"] == "notice");
    let notices: Vec<String> = notices.map(|notice| notice["text"].to_string()).collect();
    assert!(notices.iter().any(|text| text.contains(&name)), "{notices:?}");
    assert_eq!(
        user.calls("CreateDistributionWithTags"),
        0,
        "no edge without its certificate"
    );

    user.confctl(&["sandbox", "dns", "set", &name, &value]).exits(0);
    let outputs = user.confctl(&up).exits(0).summary()["outputs"].clone();
    assert_eq!(
        user.calls("RequestCertificate"),
        1,
        "it was followed, and not requested again"
    );
    let edge = outputs["distribution_domain"].as_str().unwrap();
    assert_eq!(outputs["dns_records"], format!("events.example.com CNAME {edge}"));

    // The name leads nowhere yet.
    let verify = ["verify", "--sandbox", "--timeout", "3s"];
    let unverified = user.confctl(&verify).exits(7);
    assert!(
        unverified.stderr.contains(&format!("events.example.com CNAME {edge}")),
        "{}",
        unverified.stderr
    );
    user.confctl(&["sandbox", "dns", "set", "events.example.com", edge])
        .exits(0);
    user.confctl(&["verify", "--sandbox"]).exits(0);

    let down = user
        .confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert!(
        format!("{}{}", down.stdout, down.stderr).contains("at your DNS provider"),
        "{}",
        down.stderr
    );
    assert_eq!(user.inventory(), before);
}
