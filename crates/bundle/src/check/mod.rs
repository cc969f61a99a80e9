//! What Beanstalk would choke on, minutes later and in other words, told before anything is uploaded.
//! Looks at a bundle's files only; changes nothing.

mod extensions;
mod files;
mod hooks;
mod nginx;
mod platform;
mod processes;
mod program;

use std::collections::BTreeSet;
use std::fmt;

use super::contents::Contents;
use super::error::BundleError;
use super::instances::Instances;

pub(super) use files::too_large;
pub(super) use processes::place_of_program;
pub(super) use program::GLIBC;

/// One thing that is wrong with a bundle, or worth to be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file in the bundle, or the bundle itself.
    pub file: String,
    pub problem: String,
    /// What to do about it.
    pub way_out: String,
}

impl Finding {
    fn new(file: &str, problem: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            problem: problem.into(),
            way_out: way_out.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.file, self.problem, self.way_out)
    }
}

/// What a look at a bundle found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Beanstalk would not run it, or it must not be sent.
    pub(super) flaws: Vec<Finding>,
    /// It runs, but may not do what was meant.
    pub(super) notes: Vec<Finding>,
    /// The environment's properties that the bundle sets by itself.
    pub(super) properties: BTreeSet<String>,
}

impl Findings {
    fn flaw(&mut self, file: &str, problem: impl Into<String>, way_out: impl Into<String>) {
        self.flaws.push(Finding::new(file, problem, way_out));
    }

    fn note(&mut self, file: &str, problem: impl Into<String>, way_out: impl Into<String>) {
        self.notes.push(Finding::new(file, problem, way_out));
    }
}

/// Looks at these files with the eyes of the platform. `built` is a program that is not among them yet.
pub(super) fn check(contents: &Contents, instances: &Instances, built: Option<&str>) -> Result<Findings, BundleError> {
    let mut findings = Findings::default();
    files::check(contents, &mut findings);
    let extensions = extensions::check(contents, &mut findings)?;
    findings.properties.clone_from(extensions.properties());
    let platform = platform::View {
        contents,
        platform: instances.platform(),
        extensions: &extensions,
        built,
    };
    processes::check(&platform, instances, &mut findings)?;
    hooks::check(contents, instances.architecture, &mut findings)?;
    nginx::check(contents, &mut findings)?;
    Ok(findings)
}
