//! The bundle that a release of confctl carries beside its program: `share/confctl/bundle-ARCHITECTURE.zip`.
//! Knows nothing of where else a bundle may come from.

use std::path::{Path, PathBuf};

use super::archive;
use super::error::BundleError;
use confctl_profile::Architecture;

/// SHA-256 of the release's bundles in hexadecimal. `packaging/release` gives them to the compiler; without them this is no
/// release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes {
    pub(super) x86_64: Option<&'static str>,
    pub(super) arm64: Option<&'static str>,
}

pub(super) const COMPILED_IN: Hashes = Hashes {
    x86_64: option_env!("CONFCTL_BUNDLE_SHA256_X86_64"),
    arm64: option_env!("CONFCTL_BUNDLE_SHA256_ARM64"),
};

impl Hashes {
    fn of(self, architecture: Architecture) -> Option<&'static str> {
        match architecture {
            Architecture::X86_64 => self.x86_64,
            Architecture::Arm64 => self.arm64,
        }
    }

    fn are_there(self) -> bool {
        self.x86_64.is_some() || self.arm64.is_some()
    }
}

/// The release's bundle for this architecture, looked up from the program's own place; `None` where this is no release. One
/// that is not what this very program was released with is refused.
pub(super) fn bundle(
    executable: &Path,
    architecture: Architecture,
    hashes: Hashes,
) -> Result<Option<PathBuf>, BundleError> {
    if !hashes.are_there() {
        return Ok(None);
    }
    let hash = hashes.of(architecture).ok_or(BundleError::NoApp { architecture })?;
    let executable = fs_err::canonicalize(executable)?;
    let root = executable.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let path = root.join(format!("share/confctl/bundle-{architecture}.zip"));
    if !path.is_file() {
        return Err(BundleError::NotFound { path });
    }
    if archive::sha256(&path)?.0 == hash {
        Ok(Some(path))
    } else {
        Err(BundleError::NotOfTheRelease { path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `bundle of the release`.
    const HASH: &str = "0c8bc35e50044ce55c3fe8c32e5992e5e3fcf04c45e361ca400f38992d8bf20a";

    fn release() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("bin/confctl", "the program"),
            ("share/confctl/bundle-x86_64.zip", "bundle of the release"),
        ] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn found(
        root: &tempfile::TempDir,
        architecture: Architecture,
        hash: &'static str,
    ) -> Result<Option<PathBuf>, BundleError> {
        let hashes = Hashes {
            x86_64: Some(hash),
            arm64: None,
        };
        bundle(&root.path().join("bin/confctl"), architecture, hashes)
    }

    #[test]
    fn a_release_has_its_bundle_beside_itself_also_behind_a_link() {
        let root = release();
        let expected = fs_err::canonicalize(root.path().join("share/confctl/bundle-x86_64.zip")).unwrap();
        assert_eq!(
            found(&root, Architecture::X86_64, HASH).unwrap(),
            Some(expected.clone())
        );
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root.path().join("bin/confctl"), elsewhere.path().join("confctl")).unwrap();
        let hashes = Hashes {
            x86_64: Some(HASH),
            arm64: None,
        };
        let behind = bundle(&elsewhere.path().join("confctl"), Architecture::X86_64, hashes);
        assert_eq!(behind.unwrap(), Some(expected));
    }

    #[test]
    fn a_bundle_that_was_changed_or_taken_away_is_refused() {
        let root = release();
        let path = root.path().join("share/confctl/bundle-x86_64.zip");
        std::fs::write(&path, "another bundle").unwrap();
        let error = found(&root, Architecture::X86_64, HASH).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("is not the bundle that this confctl was released with"),
            "{error}"
        );
        std::fs::remove_file(&path).unwrap();
        let error = found(&root, Architecture::X86_64, HASH).unwrap_err();
        assert!(matches!(error, BundleError::NotFound { .. }), "{error}");
    }

    #[test]
    fn a_release_without_a_bundle_for_the_instances_names_the_way_out() {
        let error = found(&release(), Architecture::Arm64, HASH).unwrap_err();
        assert!(error.to_string().contains("without the app for arm64"), "{error}");
        assert!(error.hint().unwrap().contains("app.bundle"));
    }

    #[test]
    fn without_hashes_this_is_no_release() {
        let none = Hashes {
            x86_64: None,
            arm64: None,
        };
        let root = release();
        let found = bundle(&root.path().join("bin/confctl"), Architecture::X86_64, none);
        assert_eq!(found.unwrap(), None);
    }
}
