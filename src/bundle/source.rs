//! What `app.bundle` stands for.
//! Only looks; builds and reads nothing but names.

use std::path::{Path, PathBuf};

use super::error::BundleError;

/// The profile's word for the app that comes with confctl.
const OWN_APP: &str = "app-bundle";

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The directory of a Cargo package, to be compiled.
    Package(PathBuf),
    /// A directory with a Procfile and everything that it needs.
    Folder(PathBuf),
    /// A ready zip.
    Zip(PathBuf),
}

impl Source {
    /// Finds what `spec` (a path relative to `base`) stands for. `app-bundle`, where there is no such path, is the app that
    /// this very program was compiled beside.
    pub fn locate(spec: &str, base: &Path) -> Result<Self, BundleError> {
        let path = base.join(spec);
        if !path.exists() {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(OWN_APP);
            if spec == OWN_APP && own.join("Cargo.toml").is_file() {
                return Ok(Self::Package(own));
            }
            return Err(BundleError::NotFound { path });
        }
        let path = fs_err::canonicalize(path)?;
        if path.is_file() {
            let is_zip = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
            return if is_zip {
                Ok(Self::Zip(path))
            } else {
                Err(BundleError::NotABundle { path })
            };
        }
        if path.join("Cargo.toml").is_file() {
            Ok(Self::Package(path))
        } else if has_procfile(&path)? {
            Ok(Self::Folder(path))
        } else {
            Err(BundleError::NotABundle { path })
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Package(path) | Self::Folder(path) | Self::Zip(path) => path,
        }
    }

    /// Its own name, without a zip's ending.
    pub(super) fn stem(&self) -> String {
        let name = match self {
            Self::Zip(path) => path.file_stem(),
            Self::Package(path) | Self::Folder(path) => path.file_name(),
        };
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// In any spelling, or one folder down: the checks then say what is wrong with it.
fn has_procfile(directory: &Path) -> Result<bool, BundleError> {
    let is_procfile = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.eq_ignore_ascii_case("Procfile"))
    };
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if is_procfile(&path) || path.join("Procfile").is_file() {
            return Ok(true);
        }
    }
    Ok(false)
}
