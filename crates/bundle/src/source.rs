//! What `app.bundle` stands for.
//! Only looks; builds and reads nothing but names and the hash of a release's bundle.

use std::path::{Path, PathBuf};

use super::error::BundleError;
use super::release::{self, COMPILED_IN};
use confctl_profile::Architecture;

/// The profile's word for the app that comes with confctl.
const OWN_APP: &str = "app-bundle";
/// What a release's versions are called.
const OF_THE_RELEASE: &str = "confapp";

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The directory of a Cargo package, to be compiled.
    Package(PathBuf),
    /// A directory with everything that the app needs.
    Folder(PathBuf),
    /// A ready zip.
    Zip(PathBuf),
    /// The zip that this program was released with.
    Release(PathBuf),
}

impl Source {
    /// Finds what `spec` (a path relative to `base`) stands for. `app-bundle` is the app that comes with confctl: that of the
    /// release where this is one; else a checkout's, here or where this very program was compiled.
    pub fn locate(spec: &str, base: &Path, architecture: Architecture) -> Result<Self, BundleError> {
        if spec == OWN_APP
            && let Some(path) = release::bundle(&std::env::current_exe()?, architecture, COMPILED_IN)?
        {
            return Ok(Self::Release(path));
        }
        let path = base.join(spec);
        if !path.exists() {
            if spec != OWN_APP {
                return Err(BundleError::NotFound { path });
            }
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(OWN_APP);
            let own = fs_err::canonicalize(own).map_err(|_| BundleError::NoApp { architecture })?;
            return Self::of_path(own);
        }
        Self::of_path(fs_err::canonicalize(path)?)
    }

    fn of_path(path: PathBuf) -> Result<Self, BundleError> {
        if path.is_file() {
            // Tomcat's web archives are zips by another name.
            let is_zip = path
                .extension()
                .is_some_and(|extension| ["zip", "war"].iter().any(|zip| extension.eq_ignore_ascii_case(zip)));
            return if is_zip {
                Ok(Self::Zip(path))
            } else {
                Err(BundleError::NotABundle { path })
            };
        }
        if path.join("Cargo.toml").is_file() {
            Ok(Self::Package(path))
        } else if fs_err::read_dir(&path)?.next().is_some() {
            // What may be lacking depends on the platform: the check says it.
            Ok(Self::Folder(path))
        } else {
            Err(BundleError::NotABundle { path })
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Package(path) | Self::Folder(path) | Self::Zip(path) | Self::Release(path) => path,
        }
    }

    /// Its own name, without a zip's ending.
    pub(super) fn stem(&self) -> String {
        let name = match self {
            Self::Release(_) => return OF_THE_RELEASE.into(),
            Self::Zip(path) => path.file_stem(),
            Self::Package(path) | Self::Folder(path) => path.file_name(),
        };
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
