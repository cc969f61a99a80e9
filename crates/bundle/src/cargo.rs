//! The Cargo package that is compiled into a bundle: its manifest, its workspace, what it depends on by path.
//! Runs nothing; knows nothing of Beanstalk but where the Procfile wants the program.

use std::path::{Path, PathBuf};

use beanstalk_procfile::{self as procfile, PROCFILE};
use fs_err as fs;
use toml::{Table, Value};

use super::check::place_of_program;
use super::error::BundleError;

/// The profiles of Cargo that a workspace may have for bundles: one that is compiled sooner than `release`, and one for what is
/// released. Where it has none of that name it is `release`.
const SOON: &str = "bundle";
const RELEASED: &str = "bundle-release";
const RELEASE: &str = "release";

/// A package with a Procfile.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) directory: PathBuf,
    /// The workspace's directory; the package's own where it is in none.
    pub(super) root: PathBuf,
    pub(super) name: String,
    /// Where the Procfile's web line expects the program; its last part is the name of Cargo's binary.
    pub(super) place: String,
    /// The profile that Cargo compiles it with.
    pub(super) profile: &'static str,
}

impl Package {
    pub(super) fn read(directory: &Path, release: bool) -> Result<Self, BundleError> {
        let path = directory.join("Cargo.toml");
        let manifest = manifest(&path)?;
        let unusable = |path: &Path, reason: &str| BundleError::Manifest {
            path: path.into(),
            reason: reason.into(),
        };
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str);
        let name = name.ok_or_else(|| unusable(&path, "is a workspace, not a package: name one of its members"))?;

        let procfile = directory.join(PROCFILE);
        if !procfile.is_file() {
            return Err(unusable(
                &path,
                "needs a Procfile beside it, with a first line as `web: ./server`",
            ));
        }
        let text = fs::read_to_string(&procfile)?;
        let processes = procfile::parse(&text).unwrap_or_default();
        let place = procfile::main(&processes).and_then(|process| place_of_program(process.command));
        let place = place.ok_or_else(|| {
            unusable(
                &procfile,
                "needs a line `web: ./NAME`, NAME being a binary of the package",
            )
        })?;
        let root = workspace_root(directory)?;
        Ok(Self {
            profile: profile_of(&root, if release { RELEASED } else { SOON })?,
            directory: directory.into(),
            root,
            name: name.into(),
            place: place.into(),
        })
    }

    /// The directories of the package and of all that it depends on by path, its own first.
    pub(super) fn local_packages(&self) -> Result<Vec<PathBuf>, BundleError> {
        let shared = manifest(&self.root.join("Cargo.toml"))?;
        let shared = shared
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(Value::as_table);
        let mut found = vec![self.directory.clone()];
        let mut next = 0;
        while let Some(directory) = found.get(next).cloned() {
            next += 1;
            let manifest = manifest(&directory.join("Cargo.toml"))?;
            for (name, dependency) in dependencies(&manifest) {
                let inherited = dependency.get("workspace").is_some();
                let (base, dependency) = match shared.and_then(|shared| shared.get(name)) {
                    Some(shared) if inherited => (&self.root, shared),
                    _ => (&directory, dependency),
                };
                let Some(path) = dependency.get("path").and_then(Value::as_str) else {
                    continue;
                };
                let path = fs::canonicalize(base.join(path))?;
                if !found.contains(&path) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }
}

fn manifest(path: &Path) -> Result<Table, BundleError> {
    let text = fs::read_to_string(path)?;
    toml::from_str(&text).map_err(|error| BundleError::Manifest {
        path: path.into(),
        reason: error.message().into(),
    })
}

/// `wanted`, where the workspace has it.
fn profile_of(root: &Path, wanted: &'static str) -> Result<&'static str, BundleError> {
    let manifest = manifest(&root.join("Cargo.toml"))?;
    let profiles = manifest.get("profile").and_then(Value::as_table);
    Ok(match profiles {
        Some(profiles) if profiles.contains_key(wanted) => wanted,
        _ => RELEASE,
    })
}

fn workspace_root(directory: &Path) -> Result<PathBuf, BundleError> {
    for candidate in directory.ancestors() {
        let path = candidate.join("Cargo.toml");
        if path.is_file() && manifest(&path)?.contains_key("workspace") {
            return Ok(candidate.into());
        }
    }
    Ok(directory.into())
}

/// What goes into the program; dependencies of tests do not.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values());
    std::iter::once(manifest)
        .chain(targets.filter_map(Value::as_table))
        .flat_map(|table| {
            ["dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|kind| table.get(kind)?.as_table())
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_says_by_its_profiles_how_bundles_are_compiled() {
        let workspace = tempfile::tempdir().unwrap();
        let with = |profiles: &str| fs::write(workspace.path().join("Cargo.toml"), profiles).unwrap();
        let chosen = |wanted| profile_of(workspace.path(), wanted).unwrap();
        with("[profile.bundle]\n[profile.bundle-release]\n");
        assert_eq!((chosen(SOON), chosen(RELEASED)), ("bundle", "bundle-release"));
        with("[profile.bundle]\n");
        assert_eq!((chosen(SOON), chosen(RELEASED)), ("bundle", "release"));
        with("[workspace]\n");
        assert_eq!((chosen(SOON), chosen(RELEASED)), ("release", "release"));
    }
}
