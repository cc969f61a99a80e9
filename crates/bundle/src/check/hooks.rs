//! Platform hooks: run by the kernel as root, each of them, in the order of their names.
//! Knows nothing of what they do (Beanstalk guide: platforms-linux-extend.hooks).

use super::super::contents::{Contents, is_hook};
use super::super::elf;
use super::super::error::BundleError;
use super::{Findings, program};
use confctl_profile::Architecture;

const STEPS: &[&str] = &["prebuild", "predeploy", "postdeploy"];

/// Their line ends and their mode Beanstalk sets right itself.
pub(super) fn check(
    contents: &Contents,
    architecture: Architecture,
    findings: &mut Findings,
) -> Result<(), BundleError> {
    for hook in contents.files.iter().filter(|file| is_hook(&file.name)) {
        let mut parts = hook.name.split('/').skip(2);
        let (step, inner, deeper) = (parts.next(), parts.next(), parts.next());
        if !step.is_some_and(|step| STEPS.contains(&step)) || inner.is_none() || deeper.is_some() {
            let way_out = format!("put it into one of {}", STEPS.join(", "));
            findings.note(&hook.name, "is in no folder whose hooks are run", way_out);
            continue;
        }
        // A link is opened where it leads.
        let Some(file) = contents.open(&hook.name) else {
            continue;
        };
        let bytes = file.read()?;
        if let Ok(needs) = elf::needs(&bytes) {
            program::of_elf(&hook.name, &needs, architecture, findings);
        } else if !bytes.starts_with(b"#!") {
            let problem = "is a hook without an interpreter in its first line";
            findings.flaw(&hook.name, problem, "begin it with `#!/bin/bash`");
        }
    }
    Ok(())
}

/// Whether there are hooks that can make something before the processes start.
pub(super) fn make_something(contents: &Contents) -> bool {
    ["prebuild", "predeploy"]
        .iter()
        .any(|step| contents.has_folder(&format!(".platform/hooks/{step}")))
}
