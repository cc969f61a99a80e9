//! Each mistake is told with its way out.

use super::*;

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
    let by_github = app(&[("site-main/package.json", "{}"), ("site-main/app.js", "")]);
    assert!(findings(&by_github, &node()).0[0].starts_with("site-main/: wraps everything"));
}

#[test]
fn a_procfile_that_beanstalk_cannot_read_is_told() {
    let folder = folder();
    // The guide wants `web` first; AWS's sample for load tests runs without.
    put(folder.path(), "Procfile", "worker: ./server\n");
    let (flaws, notes) = findings(&folder, &instances());
    assert!(flaws.is_empty(), "{flaws:?}");
    assert!(notes[0].contains("does not begin with the process `web`"), "{notes:?}");
    put(folder.path(), "Procfile", "web: ./server\r\n");
    assert!(flaw_of(&folder).contains("Windows line ends"));
    put(folder.path(), "Procfile", "web: ./sever\n");
    let (flaws, notes) = findings(&folder, &instances());
    assert!(flaws.is_empty(), "its hook may make it: {flaws:?}");
    assert!(notes[0].contains("sever, which is not in the bundle"), "{notes:?}");
    std::fs::remove_dir_all(folder.path().join(".platform")).unwrap();
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
    let (flaws, _) = findings(&folder, &of(Architecture::Arm64));
    assert_eq!(flaws.len(), 1);
    assert!(flaws[0].contains("server: is built for"), "{}", flaws[0]);
}

#[test]
fn a_program_that_needs_a_newer_glibc_is_told() {
    let folder = folder();
    put(
        folder.path(),
        "server",
        program(GLIBC_LOADER, &[strong("GLIBC_2.34"), strong("GLIBC_2.39")]),
    );
    let told = flaw_of(&folder);
    assert!(
        told.contains("needs glibc 2.39, Amazon Linux 2023 has 2.34") && told.contains("cargo zigbuild"),
        "{told}"
    );
}

/// As a host with glibc 2.39 links: the C of a library asks for `__isoc23_strtol`, Rust's standard library weakly for
/// `pidfd_spawnp`.
#[test]
fn a_need_that_the_loader_forgives_is_forgiven_and_one_of_the_same_build_is_not() {
    let folder = folder();
    let only_weak = [strong("GLIBC_2.34"), strong("GLIBC_2.2.5"), weak("GLIBC_2.39")];
    put(folder.path(), "server", program(GLIBC_LOADER, &only_weak));
    assert_eq!(flaws_of(&folder), Vec::<String>::new());
    let true_need = [weak("GLIBC_2.39"), strong("GLIBC_2.38"), strong("GLIBC_2.34")];
    put(folder.path(), "server", program(GLIBC_LOADER, &true_need));
    assert!(flaw_of(&folder).contains("needs glibc 2.38, Amazon Linux 2023 has 2.34"));
}

#[test]
fn a_program_for_another_loader_is_told() {
    let folder = folder();
    put(
        folder.path(),
        "server",
        program("/lib/ld-musl-x86_64.so.1", &[strong("OTHER_1")]),
    );
    assert!(flaw_of(&folder).contains("wants the loader /lib/ld-musl-x86_64.so.1"));
}

#[test]
fn a_hook_without_an_interpreter_is_told() {
    let folder = folder();
    put(folder.path(), ".platform/hooks/prebuild/00.sh", "echo hello\n");
    assert!(flaw_of(&folder).starts_with(".platform/hooks/prebuild/00.sh: is a hook without"));
}

#[test]
fn a_bundle_of_more_than_500_megabytes_is_told() {
    assert!(check::too_large("app.zip", 500_000_000).is_none());
    assert!(
        check::too_large("app.zip", 612_000_000)
            .unwrap()
            .to_string()
            .contains("612 MB, Beanstalk takes 500 MB")
    );
}
