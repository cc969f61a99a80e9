//! Names, links and sizes, and what must not be sent.
//! Opens no file.

use super::super::contents::{Contents, File, Place};
use super::super::left_out::EBIGNORE;
use super::{Finding, Findings};

/// Beanstalk's limit for a bundle (Beanstalk guide: applications-sourcebundle).
const MOST_BYTES: u64 = 500_000_000;
/// Where an absolute link leads to something on an instance.
const OF_THE_INSTANCE: &[&str] = &[
    "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "run", "sbin", "usr", "var",
];
/// How many names a sentence lists.
const NAMED: usize = 3;

pub(super) fn check(contents: &Contents, findings: &mut Findings) {
    for name in &contents.unnameable {
        let way_out = format!("rename it, or name it in {EBIGNORE}");
        findings.flaw(name, "has a name that is not UTF-8, and is not sent", way_out);
    }
    for file in &contents.files {
        if is_bad(&file.name) {
            let way_out = "make the zip with `zip -r` or with confctl";
            findings.flaw(&file.name, "is no relative path with slashes", way_out);
        } else if let Some(target) = file.link() {
            link(contents, file, target, findings);
        }
    }
    secrets(contents, findings);
    of_git_and_macos(contents, findings);
}

/// The flaw of a zip that is too large.
pub(in super::super) fn too_large(bundle: &str, bytes: u64) -> Option<Finding> {
    (bytes > MOST_BYTES).then(|| {
        let problem = format!(
            "is {} MB, Beanstalk takes {} MB",
            bytes / 1_000_000,
            MOST_BYTES / 1_000_000
        );
        Finding::new(
            bundle,
            problem,
            "leave out what the app does not need, or fetch it at start",
        )
    })
}

fn is_bad(name: &str) -> bool {
    name.contains('\\') || name.starts_with('/') || name.split('/').any(|part| part == "..")
}

/// Beanstalk's `unzip` makes links again (github.com/aws/aws-elastic-beanstalk-cli/issues/69); what they lead to has to be there.
fn link(contents: &Contents, file: &File, target: &str, findings: &mut Findings) {
    let copy = format!("put a copy in its place, or name it in {EBIGNORE}");
    match contents.place_of(&file.name) {
        // The root itself is there too.
        Place::Inside(place) if place.is_empty() || contents.has(&place) => {}
        Place::Inside(_) => {
            findings.note(
                &file.name,
                format!("is a link to {target}, which is not in the bundle"),
                copy,
            );
        }
        Place::Absolute(path) => {
            let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            if !OF_THE_INSTANCE.contains(&first) {
                findings.flaw(&file.name, format!("is a link to {target} of this machine"), copy);
            }
        }
        Place::Outside => findings.flaw(
            &file.name,
            format!("is a link to {target}, which leads out of the bundle"),
            copy,
        ),
    }
}

/// A folder is sent without what may be a secret. A zip would be sent as it is, so it is not.
fn secrets(contents: &Contents, findings: &mut Findings) {
    let (in_the_bundle, left_out): (Vec<&String>, Vec<&String>) =
        contents.secrets.iter().partition(|name| contents.find(name).is_some());
    for name in left_out {
        let way_out = format!("a line `!{name}` in {EBIGNORE} sends it; app.properties is the place for settings");
        findings.note(name, "may hold secrets and is not sent", way_out);
    }
    for name in in_the_bundle {
        let way_out = format!("take it out with `zip -d`: zip -d BUNDLE '{name}'");
        let problem = "may hold secrets, and every instance of the account may read the bundle";
        findings.flaw(name, problem, way_out);
    }
}

fn of_git_and_macos(contents: &Contents, findings: &mut Findings) {
    if let Some(first) = contents.ignored_by_git.first() {
        let others = contents.ignored_by_git.len() - 1;
        let more = if others == 0 {
            String::new()
        } else {
            format!(" and {others} more")
        };
        let way_out = format!("where there is an {EBIGNORE}, it decides alone");
        findings.note(".gitignore", format!("keeps out {first}{more}"), way_out);
    }
    if contents.has_folder(".git") {
        let problem = "is the whole history, secrets that were taken out again included";
        findings.flaw(
            ".git/",
            problem,
            "make the zip without it: git archive, or zip -x '.git/*'",
        );
    }
    let apple = |file: &&File| {
        file.name
            .split('/')
            .any(|part| part == "__MACOSX" || part.starts_with("._"))
    };
    let of_macos: Vec<&str> = contents
        .files
        .iter()
        .filter(apple)
        .map(|file| file.name.as_str())
        .collect();
    if !of_macos.is_empty() {
        let named = of_macos[..of_macos.len().min(NAMED)].join(", ");
        let way_out = "zip -d BUNDLE '__MACOSX/*' '*/._*'";
        findings.note("__MACOSX", format!("macOS left files of its own: {named}"), way_out);
    }
}
