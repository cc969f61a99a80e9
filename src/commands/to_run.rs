//! The bundle that a profile means, as a stack deploys it: its label without building, and how to build it.

use std::path::Path;

use crate::bundle;
use crate::engine::Error;
use crate::profile::Profile;
use crate::resources::BundleToRun;

pub(super) fn bundle_to_run(profile: &Profile) -> Result<BundleToRun, Error> {
    let source = bundle::Source::locate(&profile.app.bundle, Path::new(".")).map_err(bundle_error)?;
    let identity = bundle::identity(&source).map_err(bundle_error)?;
    let architecture = profile.instance.architecture;
    Ok(BundleToRun {
        label: profile.app.version_label.clone().unwrap_or(identity.version_label),
        description: identity.description,
        build: Box::new(move |stop, progress| {
            bundle::build(&source, architecture, stop, progress)
                .map(|bundle| bundle.path)
                .map_err(bundle_error)
        }),
    })
}

/// For what is only removed or looked at: that must work without the bundle's sources and a toolchain.
pub(super) fn bundle_or_unknown(profile: &Profile) -> BundleToRun {
    bundle_to_run(profile).unwrap_or_else(|_| unknown())
}

/// For former profiles, whose versions go with their application: nothing is hashed, no toolchain asked.
pub(super) fn unknown() -> BundleToRun {
    BundleToRun {
        label: String::new(),
        description: String::new(),
        build: Box::new(|_, _| Err(Error::failed("the bundle cannot be built from here").hint("confctl bundle"))),
    }
}

pub(super) fn bundle_error(error: bundle::BundleError) -> Error {
    if matches!(error, bundle::BundleError::Stopped) {
        return Error::stopped();
    }
    let text = error.to_string();
    // What a compiler or rustup said, without its own stack.
    let mut said = text
        .lines()
        .take_while(|line| !line.starts_with("Stack backtrace"))
        .filter(|line| !line.is_empty());
    let mut explained = Error::failed(said.next().unwrap_or("the bundle cannot be built"));
    explained.causes = said.map(str::to_owned).collect();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        explained.causes.push(error.to_string());
        cause = error.source();
    }
    explained.hint(
        error
            .hint()
            .unwrap_or_else(|| "confctl bundle builds and checks it alone".to_owned()),
    )
}
