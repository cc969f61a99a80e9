//! What a user sees of bundles: the same bytes for the same input, and each mistake told with its way out.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use zip::write::SimpleFileOptions;
use zip::{System, ZipWriter};

use super::archive;
use super::build::assemble;
use super::cargo::Package;
use super::check;
use super::contents::Contents;
use super::elf_fixture::{GLIBC_LOADER, good_program, program};
use super::*;
use crate::profile::Architecture;

/// What the made-up programs of these tests are for.
const INSTANCES: Architecture = Architecture::X86_64;
/// What rustc compiles for here.
const HERE: Architecture = if cfg!(target_arch = "aarch64") {
    Architecture::Arm64
} else {
    Architecture::X86_64
};
const ELSEWHERE: Architecture = if cfg!(target_arch = "aarch64") {
    Architecture::X86_64
} else {
    Architecture::Arm64
};

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A folder that Beanstalk can run.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "Procfile", "web: ./server\n");
    put(folder.path(), "server", good_program());
    put(
        folder.path(),
        ".platform/hooks/predeploy/01_say.sh",
        "#!/bin/bash\necho hello\n",
    );
    put(folder.path(), "public/index.html", "<h1>hello</h1>");
    folder
}

fn flaws_of(folder: &TempDir) -> Vec<String> {
    let contents = Contents::of_folder(folder.path()).unwrap();
    check::check(&contents, INSTANCES)
        .unwrap()
        .iter()
        .map(Flaw::to_string)
        .collect()
}

/// The one flaw, as the user reads it.
fn flaw_of(folder: &TempDir) -> String {
    let flaws = flaws_of(folder);
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    flaws[0].clone()
}

/// A zip as somebody else's tool makes it.
fn foreign_zip(files: &[(&str, &[u8], u32)], system: System) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes, mode) in files {
        zip.start_file(
            name,
            SimpleFileOptions::default().unix_permissions(*mode).system(system),
        )
        .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    (folder, path)
}

fn package() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "Cargo.toml",
        "[workspace]\nmembers = [\"site\"]\n[workspace.dependencies]\nshared = { path = \"shared\" }\n",
    );
    put(
        root.path(),
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"shared\"\nversion = \"0.0.0\"\n\n[[package]]\nname = \"site\"\nversion = \
         \"0.0.0\"\ndependencies = [\n \"shared\",\n]\n",
    );
    put(root.path(), "shared/Cargo.toml", "[package]\nname = \"shared\"\n");
    put(root.path(), "shared/src/lib.rs", "");
    put(
        root.path(),
        "site/Cargo.toml",
        "[package]\nname = \"site\"\n[[bin]]\nname = \"server\"\npath = \"src/main.rs\"\n[dependencies]\nshared.workspace = true\n",
    );
    put(root.path(), "site/src/main.rs", "fn main() {}\n");
    put(root.path(), "site/Procfile", "web: ./bin/server\n");
    put(root.path(), "site/.ebextensions/01.config", "option_settings: {}\n");
    root
}

#[test]
fn a_folder_gives_the_same_zip_wherever_and_whenever_it_is_made() {
    let (one, other) = (folder(), folder());
    // Another umask and another time of writing are not another app.
    std::fs::set_permissions(other.path().join("Procfile"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let zips = tempfile::tempdir().unwrap();
    let paths = [zips.path().join("one.zip"), zips.path().join("other.zip")];
    archive::write(&Contents::of_folder(one.path()).unwrap(), &paths[0]).unwrap();
    archive::write(&Contents::of_folder(other.path()).unwrap(), &paths[1]).unwrap();
    assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
}

#[test]
fn programs_and_hooks_can_be_run_and_the_rest_cannot() {
    let (folder, zips) = (folder(), tempfile::tempdir().unwrap());
    put(folder.path(), ".git/config", "secret");
    let path = zips.path().join("app.zip");
    archive::write(&Contents::of_folder(folder.path()).unwrap(), &path).unwrap();
    let zipped = Contents::of_zip(&path).unwrap();
    let modes: Vec<(&str, u32)> = zipped
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.mode))
        .collect();
    let expected = [
        (".platform/hooks/predeploy/01_say.sh", 0o755),
        ("Procfile", 0o644),
        ("public/index.html", 0o644),
        ("server", 0o755),
    ];
    assert_eq!(modes, expected);
    assert_eq!(zipped.find("server").unwrap().read().unwrap(), good_program());
}

#[test]
fn a_good_folder_has_no_flaws() {
    assert_eq!(flaws_of(&folder()), Vec::<String>::new());
}

#[test]
fn a_missing_misspelt_or_wrapped_procfile_is_told() {
    let missing = folder();
    std::fs::remove_file(missing.path().join("Procfile")).unwrap();
    assert!(flaw_of(&missing).starts_with("Procfile: is missing"));

    put(missing.path(), "procfile", "web: ./server\n");
    assert!(flaw_of(&missing).contains("rename it to `Procfile`"));

    let wrapped = tempfile::tempdir().unwrap();
    put(wrapped.path(), "site/Procfile", "web: ./server\n");
    put(wrapped.path(), "site/server", "#!/bin/sh\n");
    assert!(flaw_of(&wrapped).starts_with("site/: wraps everything"));
}

#[test]
fn a_procfile_that_beanstalk_cannot_read_is_told() {
    let folder = folder();
    put(folder.path(), "Procfile", "worker: ./server\n");
    assert!(flaw_of(&folder).contains("does not begin with the process `web`"));
    put(folder.path(), "Procfile", "web: ./server\r\n");
    assert!(flaw_of(&folder).contains("Windows line ends"));
    put(folder.path(), "Procfile", "web: ./sever\n");
    assert!(flaw_of(&folder).contains("sever, which is not in the bundle"));
    put(folder.path(), "Procfile", "web: server\n");
    assert!(flaw_of(&folder).contains("write `web: ./server`"));
}

#[test]
fn a_program_of_another_kind_is_told() {
    let folder = folder();
    put(folder.path(), "server", "MZ not for Linux");
    assert!(flaw_of(&folder).contains("neither a Linux program"));
    put(folder.path(), "server", "#!/bin/sh\r\nexec true\r\n");
    assert!(flaw_of(&folder).contains("Windows line ends"));
}

#[test]
fn a_program_for_another_processor_is_told() {
    let folder = folder();
    let flaws = check::check(&Contents::of_folder(folder.path()).unwrap(), Architecture::Arm64).unwrap();
    assert_eq!(flaws.len(), 1);
    assert!(flaws[0].to_string().contains("server: is built for"), "{}", flaws[0]);
}

#[test]
fn a_program_that_needs_a_newer_glibc_is_told() {
    let folder = folder();
    put(folder.path(), "server", program(GLIBC_LOADER, "GLIBC_2.39"));
    let told = flaw_of(&folder);
    assert!(
        told.contains("needs glibc 2.39, Amazon Linux 2023 has 2.34") && told.contains("cargo zigbuild"),
        "{told}"
    );
}

#[test]
fn a_program_for_another_loader_is_told() {
    let folder = folder();
    put(folder.path(), "server", program("/lib/ld-musl-x86_64.so.1", "OTHER_1"));
    assert!(flaw_of(&folder).contains("wants the loader /lib/ld-musl-x86_64.so.1"));
}

#[test]
fn a_hook_without_an_interpreter_is_told() {
    let folder = folder();
    put(folder.path(), ".platform/hooks/prebuild/00.sh", "echo hello\n");
    assert!(flaw_of(&folder).starts_with(".platform/hooks/prebuild/00.sh: is a hook without"));
}

#[test]
fn a_zip_made_elsewhere_is_checked_by_reading_it() {
    let program = good_program();
    let procfile: &[u8] = b"web: ./server\n";
    let (_good, path) = foreign_zip(
        &[("Procfile", procfile, 0o644), ("server", &program, 0o755)],
        System::Unix,
    );
    let source = Source::locate("app.zip", path.parent().unwrap()).unwrap();
    let bundle = build(&source, INSTANCES, &CancellationToken::new(), &mut |_| {}).unwrap();
    assert_eq!(bundle.path, std::fs::canonicalize(&path).unwrap());
    assert_eq!(bundle.size, std::fs::metadata(&path).unwrap().len());
    assert_eq!(bundle.version_label, format!("app-{}", &bundle.sha256[..12]));

    for (mode, system) in [(0o644, System::Unix), (0o755, System::Dos)] {
        let (_bad, path) = foreign_zip(&[("Procfile", procfile, 0o644), ("server", &program, mode)], system);
        let error = build(&Source::Zip(path), INSTANCES, &CancellationToken::new(), &mut |_| {}).unwrap_err();
        assert!(
            error.to_string().contains("server: is not executable"),
            "{system:?}: {error}"
        );
    }

    let (_bad, path) = foreign_zip(
        &[("Procfile", procfile, 0o644), ("bin\\server", &program, 0o755)],
        System::Unix,
    );
    let error = build(&Source::Zip(path), INSTANCES, &CancellationToken::new(), &mut |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("bin\\server: is no relative path"),
        "{error}"
    );
}

#[test]
fn a_file_that_only_calls_itself_a_zip_is_told() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "app.zip", "no zip");
    let error = build(
        &Source::Zip(folder.path().join("app.zip")),
        HERE,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, BundleError::Zip { .. }), "{error}");
}

#[test]
fn a_bundle_of_more_than_500_megabytes_is_told() {
    assert!(check::too_large("app.zip", check::MOST_BYTES).is_none());
    assert!(
        check::too_large("app.zip", 612_000_000)
            .unwrap()
            .to_string()
            .contains("612 MB, Beanstalk takes 500 MB")
    );
}

#[test]
fn a_package_is_put_together_where_its_procfile_expects_the_program() {
    let (root, zips) = (package(), tempfile::tempdir().unwrap());
    let package = Package::read(&root.path().join("site")).unwrap();
    let path = zips.path().join("site.zip");
    put(zips.path(), "server", good_program());
    assemble(&package, &zips.path().join("server"), &path, INSTANCES).unwrap();
    let zipped = Contents::of_zip(&path).unwrap();
    let names: Vec<&str> = zipped.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [".ebextensions/01.config", "Procfile", "bin/server"],
        "sources stay out"
    );
}

#[test]
fn a_package_is_compiled_once_and_then_taken_as_it_is() {
    let root = package();
    let source = Source::Package(root.path().join("site"));
    let mut lines = Vec::new();
    let first = build(&source, HERE, &CancellationToken::new(), &mut |line| {
        lines.push(line.to_string())
    })
    .unwrap();
    assert!(lines.iter().any(|line| line.starts_with("Compiling site")), "{lines:?}");
    assert_eq!(first.version_label, identity(&source).unwrap().version_label);
    let second = build(&source, HERE, &CancellationToken::new(), &mut |line| {
        panic!("compiled again: {line}")
    })
    .unwrap();
    assert_eq!(first, second);
}

#[test]
fn a_package_that_does_not_compile_is_told_in_the_compilers_words() {
    let root = package();
    put(root.path(), "site/src/main.rs", "fn main() { no_such_thing() }\n");
    let error = build(
        &Source::Package(root.path().join("site")),
        HERE,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("cannot find function `no_such_thing`"),
        "{error}"
    );
}

#[test]
fn a_package_without_a_procfile_is_told() {
    let root = package();
    std::fs::remove_file(root.path().join("site/Procfile")).unwrap();
    let error = identity(&Source::Package(root.path().join("site"))).unwrap_err();
    assert!(error.to_string().contains("needs a Procfile"), "{error}");
    let error = identity(&Source::Package(root.path().into())).unwrap_err();
    assert!(error.to_string().contains("is a workspace, not a package"), "{error}");
}

#[test]
fn a_package_for_another_processor_needs_a_prebuilt_bundle() {
    let root = package();
    let error = build(
        &Source::Package(root.path().join("site")),
        ELSEWHERE,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, BundleError::OtherArchitecture { .. }), "{error}");
    assert!(error.hint().unwrap().contains("zigbuild"));
}

#[test]
fn the_label_follows_the_inputs_and_not_the_place() {
    let label = |root: &TempDir| {
        identity(&Source::Package(root.path().join("site")))
            .unwrap()
            .version_label
    };
    let (one, other) = (package(), package());
    assert_eq!(label(&one), label(&other));
    assert!(label(&one).starts_with("site-") && label(&one).len() <= 100);

    put(other.path(), "target/bundle/release/server", "output is no input");
    put(other.path(), "README.md", "nor is what lies around the package");
    assert_eq!(label(&one), label(&other));

    for (file, text) in [
        ("site/src/main.rs", "fn main() { }\n"),
        ("shared/src/lib.rs", "// a local dependency\n"),
        ("Cargo.lock", "version = 4\n# changed\n"),
        ("site/Procfile", "web: ./bin/server --fast\n"),
    ] {
        let changed = package();
        put(changed.path(), file, text);
        assert_ne!(label(&one), label(&changed), "{file}");
    }
}

#[test]
fn what_git_ignores_is_no_input() {
    let root = package();
    let git = std::process::Command::new("git")
        .args(["init", "-q"])
        .current_dir(root.path())
        .status();
    assert!(git.is_ok_and(|status| status.success()));
    put(root.path(), ".gitignore", "*.log\n");
    let source = Source::Package(root.path().join("site"));
    let before = identity(&source).unwrap();
    put(root.path(), "site/run.log", "noise");
    assert_eq!(identity(&source).unwrap(), before);
    put(root.path(), "site/src/new.rs", "// not committed yet, but compiled");
    assert_ne!(identity(&source).unwrap(), before);
}

#[test]
fn a_folders_label_follows_its_files() {
    let (one, other) = (folder(), folder());
    let inputs = |folder: &TempDir| identity(&Source::Folder(folder.path().into())).unwrap().inputs_sha256;
    assert_eq!(inputs(&one), inputs(&other));
    put(other.path(), "public/index.html", "<h1>good bye</h1>");
    assert_ne!(inputs(&one), inputs(&other));
}

#[test]
fn a_source_is_recognised_by_what_is_there() {
    let base = tempfile::tempdir().unwrap();
    put(base.path(), "package/Cargo.toml", "");
    put(base.path(), "ready/Procfile", "");
    put(base.path(), "site.zip", "");
    put(base.path(), "empty/notes.txt", "");
    let at = |spec: &str| Source::locate(spec, base.path());
    assert!(matches!(at("package"), Ok(Source::Package(_))));
    assert!(matches!(at("ready"), Ok(Source::Folder(_))));
    assert!(matches!(at("site.zip"), Ok(Source::Zip(_))));
    assert!(matches!(at("empty"), Err(BundleError::NotABundle { .. })));
    assert!(matches!(at("nowhere"), Err(BundleError::NotFound { .. })));
    assert!(at("nowhere").unwrap_err().hint().unwrap().contains("app.bundle"));
}

#[test]
fn the_app_of_confctl_is_found_from_anywhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let Ok(Source::Package(found)) = Source::locate("app-bundle", elsewhere.path()) else {
        panic!("not found")
    };
    assert!(found.join("Cargo.toml").is_file());
}
