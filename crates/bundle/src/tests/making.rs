//! One input makes one zip, and one label that is known without building.

use super::*;

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
fn a_zip_made_elsewhere_is_checked_by_reading_it() {
    let program = good_program();
    let procfile: &[u8] = b"web: ./server\n";
    let (_good, path) = foreign_zip(
        &[("Procfile", procfile, 0o644), ("server", &program, 0o755)],
        System::Unix,
    );
    let source = Source::locate("app.zip", path.parent().unwrap(), HERE).unwrap();
    let bundle = build(&source, &instances(), &CancellationToken::new(), &mut |_| {}).unwrap();
    assert_eq!(bundle.path, std::fs::canonicalize(&path).unwrap());
    assert_eq!(bundle.size, std::fs::metadata(&path).unwrap().len());
    assert_eq!(bundle.version_label, format!("app-{}", &bundle.sha256[..12]));

    for (mode, system) in [(0o644, System::Unix), (0o755, System::Dos)] {
        let (_bad, path) = foreign_zip(&[("Procfile", procfile, 0o644), ("server", &program, mode)], system);
        let error = build(&Source::Zip(path), &instances(), &CancellationToken::new(), &mut |_| {}).unwrap_err();
        assert!(
            error.to_string().contains("server: is not executable"),
            "{system:?}: {error}"
        );
    }

    let (_bad, path) = foreign_zip(
        &[("Procfile", procfile, 0o644), ("bin\\server", &program, 0o755)],
        System::Unix,
    );
    let error = build(&Source::Zip(path), &instances(), &CancellationToken::new(), &mut |_| {}).unwrap_err();
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
        &of(HERE),
        &CancellationToken::new(),
        &mut |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, BundleError::Zip { .. }), "{error}");
}

#[test]
fn a_package_is_put_together_where_its_procfile_expects_the_program() {
    let (root, zips) = (package(), tempfile::tempdir().unwrap());
    let package = Package::read(&root.path().join("site"), false).unwrap();
    let path = zips.path().join("site.zip");
    put(zips.path(), "server", good_program());
    assemble(&package, &zips.path().join("server"), &path, &instances()).unwrap();
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
    let first = build(&source, &of(HERE), &CancellationToken::new(), &mut |line| {
        lines.push(line.to_string())
    })
    .unwrap();
    assert!(lines.iter().any(|line| line.starts_with("Compiling site")), "{lines:?}");
    assert_eq!(first.version_label, identity(&source, &of(HERE)).unwrap().version_label);
    let second = build(&source, &of(HERE), &CancellationToken::new(), &mut |line| {
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
        &of(HERE),
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
    let error = identity(&Source::Package(root.path().join("site")), &of(HERE)).unwrap_err();
    assert!(error.to_string().contains("needs a Procfile"), "{error}");
    let error = identity(&Source::Package(root.path().into()), &of(HERE)).unwrap_err();
    assert!(error.to_string().contains("is a workspace, not a package"), "{error}");
}

#[test]
fn a_package_for_another_processor_needs_a_prebuilt_bundle() {
    let root = package();
    let error = build(
        &Source::Package(root.path().join("site")),
        &of(ELSEWHERE),
        &CancellationToken::new(),
        &mut |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, BundleError::OtherArchitecture { .. }), "{error}");
    assert!(error.hint().unwrap().contains("app.bundle"));
}

#[test]
fn the_label_follows_the_inputs_and_not_the_place() {
    let label = |root: &TempDir| {
        identity(&Source::Package(root.path().join("site")), &of(HERE))
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
    let before = identity(&source, &of(HERE)).unwrap();
    put(root.path(), "site/run.log", "noise");
    assert_eq!(identity(&source, &of(HERE)).unwrap(), before);
    put(root.path(), "site/src/new.rs", "// not committed yet, but compiled");
    assert_ne!(identity(&source, &of(HERE)).unwrap(), before);
}

#[test]
fn a_folders_label_follows_its_files() {
    let (one, other) = (folder(), folder());
    let inputs = |folder: &TempDir| {
        identity(&Source::Folder(folder.path().into()), &of(HERE))
            .unwrap()
            .inputs_sha256
    };
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
    // What may be lacking is the check's to say, which knows the platform.
    put(base.path(), "wsgi/main.py", "");
    std::fs::create_dir(base.path().join("empty")).unwrap();
    let at = |spec: &str| Source::locate(spec, base.path(), HERE);
    assert!(matches!(at("package"), Ok(Source::Package(_))));
    assert!(matches!(at("ready"), Ok(Source::Folder(_))));
    assert!(matches!(at("site.zip"), Ok(Source::Zip(_))));
    assert!(matches!(at("wsgi"), Ok(Source::Folder(_))));
    assert!(matches!(at("empty"), Err(BundleError::NotABundle { .. })));
    assert!(matches!(at("nowhere"), Err(BundleError::NotFound { .. })));
    assert!(at("nowhere").unwrap_err().hint().unwrap().contains("app.bundle"));
}

#[test]
fn the_app_of_confctl_is_found_from_anywhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let Ok(Source::Package(found)) = Source::locate("app-bundle", elsewhere.path(), HERE) else {
        panic!("not found")
    };
    assert!(found.join("Cargo.toml").is_file());
    let inspected = inspect(&Source::Package(found), &instances()).unwrap();
    assert_eq!(
        inspected.notes,
        [],
        "nothing is wrong with what can be told without a compiler"
    );
}
