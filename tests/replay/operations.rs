//! Which operations confctl calls, read from its sources, held against the table of reads, the page on permissions and the
//! cases here: nothing is asked for that nothing calls, and nothing is called that no case answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use confctl::aws::reads::READS;

use crate::say;

/// A client's field in `Aws`, the permission's prefix, the service as the SDK names it.
const SERVICES: [(&str, &str, &str); 18] = [
    ("acm", "acm", "ACM"),
    ("autoscaling", "autoscaling", "Auto Scaling"),
    ("beanstalk", "elasticbeanstalk", "Elastic Beanstalk"),
    ("cloudformation", "cloudformation", "CloudFormation"),
    ("cloudfront", "cloudfront", "CloudFront"),
    ("cloudwatch", "cloudwatch", "CloudWatch"),
    ("dynamodb", "dynamodb", "DynamoDB"),
    ("ec2", "ec2", "EC2"),
    ("elb", "elasticloadbalancing", "Elastic Load Balancing v2"),
    ("iam", "iam", "IAM"),
    ("logs", "logs", "CloudWatch Logs"),
    ("quotas", "servicequotas", "Service Quotas"),
    ("route53", "route53", "Route 53"),
    ("s3", "s3", "S3"),
    ("ssm", "ssm", "SSM"),
    ("sts", "sts", "STS"),
    ("tagging", "tag", "Resource Groups Tagging API"),
    ("waf", "wafv2", "WAFV2"),
];

/// Methods of clients that are no operations.
const NO_OPERATIONS: [&str; 6] = ["build", "clone", "config", "is_err", "set_region", "url"];

fn sources(directory: &str) -> Vec<PathBuf> {
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    let mut found = Vec::new();
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => left.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// A source without its comments, its tests and all white space.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

fn prefix(field: &str) -> &'static str {
    let found = SERVICES.iter().find(|(name, _, _)| *name == field);
    found.map_or("unknown", |(_, prefix, _)| prefix)
}

/// Names of operations and of methods alike: `describe_vpcs`, `DescribeVpcs`, `ListDistributionsByWebACLId`.
fn plain(name: &str) -> String {
    name.replace('_', "").to_ascii_lowercase()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The word at the end, and the word at the beginning.
fn word_before(text: &str) -> &str {
    text.rsplit(|c| !is_word(c)).next().unwrap_or_default()
}

fn word_after(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

/// Operations of the clients of confctl's own, by service and method: each method names the operation that it calls.
fn own_operations() -> BTreeMap<(String, String), String> {
    let ids: BTreeMap<&str, &str> = SERVICES.iter().map(|(field, _, id)| (*id, *field)).collect();
    let mut operations = BTreeMap::new();
    for path in sources("crates/aws/src/services") {
        let code = code(&path);
        let Some((_, id)) = code.split_once("id:\"") else {
            continue;
        };
        let id = id.split('"').next().unwrap_or_default();
        let Some(field) = ids
            .iter()
            .find(|(known, _)| known.replace(' ', "") == id)
            .map(|(_, field)| *field)
        else {
            continue;
        };
        for method in code.split("pubasyncfn").skip(1) {
            let called = ["call(&self.0,\"", "Form::new(\"", "self.call(\"", "call(\""];
            let called = called
                .iter()
                .filter_map(|before| Some(method.split_once(before)?.1))
                .next();
            if let Some(called) = called {
                let operation = word_after(called).to_owned();
                operations.insert((field.to_owned(), word_after(method).to_owned()), operation);
            }
        }
    }
    operations
}

/// Every operation that the sources call, as `prefix:operation` in small letters.
fn called() -> BTreeSet<String> {
    let own = own_operations();
    let mut called = BTreeSet::new();
    let below = |path: &Path| path.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/aws/src/services"));
    let callers = ["src", "crates/aws/src", "crates/resources/src", "crates/stress/src"];
    let callers = callers.iter().flat_map(|folder| sources(folder));
    for path in callers.filter(|path| !below(path)) {
        let code = code(&path);
        for (at, _) in code.match_indices('.') {
            let (field, method) = (word_before(&code[..at]), word_after(&code[at + 1..]));
            let is_call = code[at + 1 + method.len()..].starts_with('(');
            let is_client = SERVICES.iter().any(|(name, _, _)| *name == field);
            if !is_call || !is_client || NO_OPERATIONS.contains(&method) {
                continue;
            }
            let operation = own
                .get(&(field.to_owned(), method.to_owned()))
                .map_or(method, String::as_str);
            called.insert(format!("{}:{}", prefix(field), plain(operation)));
        }
        // The one client that is made where it is used.
        for (at, opening) in code.match_indices("aws_sdk_sts::Client::") {
            let made = &code[at + opening.len()..];
            if let Some((_, method)) = made.split_once(").") {
                called.insert(format!("sts:{}", plain(word_after(method))));
            }
        }
    }
    called
}

fn reads() -> BTreeSet<String> {
    let rows = READS
        .iter()
        .flat_map(|(service, operations)| operations.iter().map(move |operation| (*service, *operation)));
    rows.map(|(service, operation)| named(service, operation)).collect()
}

fn named(service: &str, operation: &str) -> String {
    let found = SERVICES.iter().find(|(_, _, id)| *id == service);
    format!(
        "{}:{}",
        found.map_or("unknown", |(_, prefix, _)| prefix),
        plain(operation)
    )
}

/// The operations in a table of the page on permissions.
fn on_the_page(heading: &str) -> BTreeSet<String> {
    let page = include_str!("../../docs/permissions.md");
    let (_, table) = page
        .split_once(&format!("| service | {heading} |\n|---|---|\n"))
        .unwrap();
    let mut operations = BTreeSet::new();
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (service, cell) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        let named_here = cell.split('`').skip(1).step_by(2);
        let named_here = named_here.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        operations.extend(named_here.map(|operation| named(service, operation)));
    }
    operations
}

/// The answers of the cases here: by operation, how many of each mark.
fn answered() -> BTreeMap<String, [usize; 3]> {
    let mut answers: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for path in sources("tests/replay") {
        let code = code(&path);
        for (mark, word) in ["recorded(\"", "documented(\"", "modelled(\""].iter().enumerate() {
            for (at, word) in code.match_indices(word) {
                let operation = code[at + word.len()..].split('"').next().unwrap_or_default();
                if let Some((service, operation)) = operation.split_once(':') {
                    answers.entry(format!("{service}:{operation}")).or_default()[mark] += 1;
                }
            }
        }
    }
    answers
}

#[test]
fn the_table_of_reads_has_what_is_called_and_nothing_else() {
    let (called, reads) = (called(), reads());
    let idle: Vec<_> = reads.difference(&called).collect();
    assert!(
        idle.is_empty(),
        "in crates/aws/src/reads.rs, and called by nothing: {idle:?}"
    );
    assert_eq!(
        reads,
        on_the_page("reads"),
        "docs/permissions.md and crates/aws/src/reads.rs"
    );
}

#[test]
fn the_page_on_permissions_names_every_write_and_no_other() {
    let mut asked_for = on_the_page("writes");
    // A permission, and no call: the page says so.
    asked_for.remove("iam:passrole");
    let writes: BTreeSet<String> = called().difference(&reads()).cloned().collect();
    assert_eq!(writes, asked_for);
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for whoever runs this with --nocapture")]
fn every_operation_that_is_called_has_an_answer_of_aws() {
    let answered = answered();
    let known: BTreeSet<String> = answered
        .keys()
        .filter_map(|operation| operation.split_once(':'))
        .map(|(service, operation)| format!("{service}:{}", plain(operation)))
        .collect();
    let called = called();
    let missing: Vec<_> = called.difference(&known).collect();
    let mut sums = [0; 3];
    println!("{:<55} recorded documented modelled", "operation");
    for (operation, marks) in &answered {
        println!("{operation:<55} {:>8} {:>10} {:>8}", marks[0], marks[1], marks[2]);
        sums.iter_mut().zip(marks).for_each(|(sum, mark)| *sum += mark);
    }
    say(&format!(
        "{} operations are called and {} answered: by {} recorded, {} documented and {} modelled answers",
        called.len(),
        answered.len(),
        sums[0],
        sums[1],
        sums[2]
    ));
    assert!(missing.is_empty(), "called, and answered by no case: {missing:?}");
    let idle: Vec<_> = known.difference(&called).collect();
    assert!(idle.is_empty(), "answered by a case, and called by nothing: {idle:?}");
}
