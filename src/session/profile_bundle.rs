//! The bundle that a profile means, as a stack deploys it: its label without building, and how to build it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use confctl_bundle::{self as bundle, BundleError, Finding, Identity, Instances, Source};

use crate::engine::{Error, Hint, Kind};
use crate::profile::Profile;
use crate::profile::paths::at_home;
use crate::resources::BundleToRun;
use crate::ui::Ui;

/// For what says what the stack should be: checked as far as that goes without a compiler. What is worth to be known of it is
/// told.
pub(crate) fn bundle_to_run(profile: &Profile, unchecked: bool, ui: &Ui) -> Result<BundleToRun, Error> {
    let instances = instances(profile, unchecked);
    let source = source(profile)?;
    let inspected = bundle::inspect(&source, &instances).map_err(bundle_error)?;
    tell(ui, &inspected.notes);
    Ok(BundleToRun {
        properties: inspected.properties,
        ..to_run(profile, source, instances, inspected.identity)
    })
}

/// For what is only removed or looked at, by a profile that the command line names: that must work without the bundle's sources.
pub(crate) fn bundle_or_unknown(profile: &Profile) -> BundleToRun {
    let instances = instances(profile, true);
    let identified = source(profile).and_then(|source| {
        let identity = bundle::identity(&source, &instances).map_err(bundle_error)?;
        Ok((source, identity))
    });
    match identified {
        // What is deployed is not judged by what is on this machine now.
        Ok((source, identity)) => BundleToRun {
            mark: String::new(),
            ..to_run(profile, source, instances, identity)
        },
        Err(_) => unknown(),
    }
}

/// For former profiles, whose versions go with their application: nothing is hashed.
pub(crate) fn unknown() -> BundleToRun {
    labelled(None)
}

/// For what the record says: the label of what was deployed, if any. Nothing of this machine is looked at.
pub(crate) fn labelled(label: Option<&str>) -> BundleToRun {
    BundleToRun {
        label: label.unwrap_or_default().to_owned(),
        description: String::new(),
        mark: String::new(),
        properties: BTreeSet::new(),
        build: Box::new(|_, _| Err(Error::failed("the bundle cannot be built from here").hint(Hint::run("bundle")))),
    }
}

/// For a deployment by the profile that the record has, which holds nothing of any machine: of what a bundle is made here, only the
/// command line says. What is not named is confctl's own app, and takes the place of no other one.
pub(crate) fn bundle_to_deploy(
    profile: &mut Profile,
    set: &[String],
    unchecked: bool,
    ui: &Ui,
) -> Result<BundleToRun, Error> {
    let names = |key: &str| {
        set.iter()
            .any(|set| set.split('=').next().is_some_and(|name| name.trim() == key))
    };
    let ran = match names("app.version_label") {
        true => None,
        // That of what was deployed last: another bundle has another.
        false => profile.app.version_label.take(),
    };
    let is_named = profile.app.bundle != Profile::default().app.bundle;
    let bundle = bundle_to_run(profile, unchecked, ui);
    match ran.filter(|_| !is_named) {
        Some(ran) if !bundle.as_ref().is_ok_and(|bundle| is_akin(&ran, &bundle.label)) => Err(not_said(&ran)),
        _ => bundle,
    }
}

fn not_said(ran: &str) -> Error {
    let text = format!("the stack runs {ran}, and nobody says where its bundle is on this machine");
    Error::new(Kind::Usage, text)
        .because("the record keeps the profile that the stack was brought up with, and no path of any machine")
        .hint("name the bundle with --set app.bundle=PATH, or the profile with -p FILE")
}

/// Whether two labels are of bundles of one name: `NAME-` and 12 hexadecimal digits.
fn is_akin(one: &str, other: &str) -> bool {
    let name = |label: &str| {
        let (name, digits) = label.rsplit_once('-')?;
        let is_short = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_short.then(|| name.to_owned())
    };
    name(one).is_some_and(|one| name(other) == Some(one))
}

fn to_run(profile: &Profile, source: Source, instances: Instances, identity: Identity) -> BundleToRun {
    // Built once in a run, however often it is asked for.
    let built: Mutex<Option<PathBuf>> = Mutex::default();
    BundleToRun {
        mark: identity.mark(),
        properties: BTreeSet::new(),
        label: profile.app.version_label.clone().unwrap_or(identity.version_label),
        description: identity.description,
        build: Box::new(move |stop, progress| {
            let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(path) = &*built {
                return Ok(path.clone());
            }
            let bundle = bundle::build(&source, &instances, stop, progress).map_err(bundle_error)?;
            *built = Some(bundle.path.clone());
            Ok(bundle.path)
        }),
    }
}

/// What `app.bundle` stands for.
pub(crate) fn source(profile: &Profile) -> Result<Source, Error> {
    let bundle = at_home(&profile.app.bundle);
    let bundle = bundle.to_str().unwrap_or(&profile.app.bundle);
    Source::locate(bundle, Path::new("."), profile.instance.architecture).map_err(bundle_error)
}

pub(crate) fn instances(profile: &Profile, unchecked: bool) -> Instances {
    Instances {
        architecture: profile.instance.architecture,
        branch: profile.app.platform.clone(),
        unchecked,
        release: false,
    }
}

pub(crate) fn tell(ui: &Ui, notes: &[Finding]) {
    for note in notes {
        ui.notice(
            &format!("{}: {}", note.file, note.problem),
            Some(note.way_out.clone().into()),
        );
    }
}

pub(crate) fn bundle_error(error: BundleError) -> Error {
    if matches!(error, BundleError::Stopped) {
        return Error::stopped();
    }
    let text = error.to_string();
    // What a compiler or rustup said, without its own stack.
    let mut said = text
        .lines()
        .take_while(|line| !line.starts_with("Stack backtrace"))
        .filter(|line| !line.is_empty());
    // What the profile names and is none is a mistake in the profile, as one in any other value of it.
    let kind = match error {
        BundleError::NotFound { .. } | BundleError::NotABundle { .. } => Kind::Usage,
        _ => Kind::Failed,
    };
    let mut explained = Error::new(kind, said.next().unwrap_or("the bundle cannot be built"));
    // A compiler's lines point at columns of each other; all else stands in a list of its own.
    let points = matches!(error, BundleError::Build { .. });
    let line = |line: &str| if points { line } else { line.trim_start() }.to_owned();
    explained.causes = said.map(line).collect();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        explained.causes.push(error.to_string());
        cause = error.source();
    }
    let alone = || Hint::run("bundle").and(" builds and checks it alone");
    explained.hint(error.hint().map_or_else(alone, Hint::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bundle_of_the_same_name_takes_the_place_of_another_unasked() {
        assert!(is_akin("confapp-20bcfb4f6d5d", "confapp-8fe8252b48de"));
        assert!(!is_akin("site-20bcfb4f6d5d", "confapp-8fe8252b48de"));
        assert!(!is_akin("v1", "v2") && !is_akin("", "confapp-8fe8252b48de"));
    }

    #[test]
    fn what_a_bundle_lacks_is_told_without_the_margin_of_a_list() {
        let flaw = |problem: &str| Finding {
            file: "Procfile".to_owned(),
            problem: problem.to_owned(),
            way_out: "write one".to_owned(),
        };
        let error = bundle_error(BundleError::Unfit {
            bundle: "site".to_owned(),
            flaws: vec![flaw("is missing"), flaw("has no web process")],
        });
        assert_eq!(error.kind, Kind::Failed);
        assert_eq!(error.causes.len(), 2, "{:?}", error.causes);
        assert!(
            error.causes.iter().all(|cause| cause.starts_with("Procfile")),
            "{:?}",
            error.causes
        );
        let nowhere = bundle_error(BundleError::NotFound { path: "absent".into() });
        assert_eq!(nowhere.kind, Kind::Usage);
    }
}
