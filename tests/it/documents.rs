//! The parts of the documentation that are made from the code's own tables are what the tables say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Where what is made from tables begins; it goes on to the end of the page.
const HEADING: &str = "## Options without effect\n";

/// The section of docs/sandbox.md that lists the option settings that change nothing.
fn options() -> String {
    let mut namespaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (namespace, name) in confctl_sandbox::options_without_effect() {
        namespaces.entry(namespace).or_default().push(format!("`{name}`"));
    }
    let mut text = format!(
        "{HEADING}\nOption settings of Elastic Beanstalk that are checked, kept and shown as on AWS, and change nothing here.\n\n\
         | namespace | options |\n|---|---|\n"
    );
    for (namespace, names) in namespaces {
        let _ = writeln!(text, "| `{namespace}` | {} |", names.join(", "));
    }
    text
}

/// How members are written, for those who read the page and for tests/conformance, which goes by it.
const LEGEND: &str = "\nEvery operation that the sandbox has, and the members of its request that it honours, by their names on \
the wire. Whatever else a request holds is refused, by its path.\n\n\
| written | means |\n|---|---|\n\
| `Name{A,B}` | a structure, or a list of structures; of it, these members |\n\
| `Name{*}` | everything in it |\n\
| `Name{@Other}` | the same as of the `Other` around it |\n\
| `Name=a\\|b` | only these values; nothing behind `=` is the empty text |\n\
| `Name~` | taken without effect: kept and shown at most |\n\
| `Name{…}` | written out below the table |\n";

/// A structure that is written longer than this goes below the table.
const LONGEST: usize = 90;

/// The section of docs/sandbox.md that lists every operation: services and operations in the order of their names.
fn operations() -> String {
    let mut services: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for operation in confctl_sandbox::supported_operations() {
        services
            .entry(operation.service)
            .or_default()
            .insert(operation.name, operation.honoured);
    }
    let mut text = format!("\n## Operations\n{LEGEND}");
    for (service, operations) in services {
        let _ = write!(
            text,
            "\n### {service}\n\n| operation | parameters honoured |\n|---|---|\n"
        );
        let mut structures: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, honoured) in operations {
            let mut members = Vec::new();
            for member in honoured {
                if member.len() > LONGEST {
                    structures.entry(member).or_default().push(format!("`{name}`"));
                    let short = member.split('{').next().unwrap_or_default();
                    members.push(format!("`{short}{{…}}`"));
                } else {
                    members.push(format!("`{}`", member.replace('|', "\\|")));
                }
            }
            let members = if members.is_empty() {
                "none".to_owned()
            } else {
                members.join(", ")
            };
            let _ = writeln!(text, "| `{name}` | {members} |");
        }
        for (position, (structure, operations)) in structures.iter().enumerate() {
            let gap = if position == 0 { "\n" } else { "" };
            let _ = writeln!(text, "{gap}- `{structure}`: of {}", operations.join(", "));
        }
    }
    text
}

#[test]
fn the_page_on_the_sandbox_lists_what_dispatch_goes_by() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sandbox.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, listed) = text
        .split_once(HEADING)
        .expect("docs/sandbox.md has no section 'Options without effect'");
    let wanted = options() + &operations();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{wanted}")).unwrap();
        return;
    }
    assert!(
        format!("{HEADING}{listed}") == wanted,
        "docs/sandbox.md is out of date: UPDATE_DOCS=1 cargo test documents"
    );
}

#[test]
fn every_page_that_the_documentation_points_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for page in pages
        .filter(|page| page.extension().is_some_and(|ext| ext == "md"))
        .chain([root.join("README.md"), root.join("CONTRIBUTING.md")])
    {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            if !target.is_empty() && !target.contains("://") {
                let path = page.parent().unwrap().join(target);
                assert!(
                    path.exists(),
                    "{} points to {target}, which is not there",
                    page.display()
                );
            }
        }
    }
}
