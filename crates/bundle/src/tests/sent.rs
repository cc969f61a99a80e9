//! What leaves the machine: names, links, and what must not.

use super::*;

fn site() -> Vec<(&'static str, &'static str)> {
    vec![("Procfile", "web: node server.js\n"), ("server.js", "// the page\n")]
}

#[test]
fn what_ebignore_names_stays_here() {
    let mut files = site();
    files.extend([
        (".ebignore", ".env\nnotes/\n"),
        (".env", "SECRET=hunter2\n"),
        ("notes/people.csv", "eve@example.com\n"),
    ]);
    let folder = app(&files);
    assert_eq!(names_sent(&folder), ["Procfile", "server.js"]);
    let (flaws, notes) = findings(&folder, &node());
    assert!(flaws.is_empty() && notes.is_empty(), "{flaws:?} {notes:?}");
}

#[test]
fn without_ebignore_gitignore_counts_and_is_told() {
    let mut files = site();
    files.extend([
        (".gitignore", "*.log\n/dist\n"),
        ("run.log", "noise"),
        ("dist/out.js", ""),
        ("lib/.gitignore", "!keep.log\n"),
        ("lib/keep.log", ""),
    ]);
    let folder = app(&files);
    assert_eq!(
        names_sent(&folder),
        [".gitignore", "Procfile", "lib/.gitignore", "lib/keep.log", "server.js"]
    );
    let (_, notes) = findings(&folder, &node());
    assert!(
        notes[0].starts_with(".gitignore: keeps out dist and 1 more"),
        "{notes:?}"
    );
    put(folder.path(), ".ebignore", "lib/\n");
    assert_eq!(
        names_sent(&folder),
        [".gitignore", "Procfile", "dist/out.js", "run.log", "server.js"]
    );
}

#[test]
fn secrets_are_never_sent_by_themselves() {
    let mut files = site();
    files.extend([
        (".env", "SECRET=hunter2\n"),
        (".env.example", "SECRET=\n"),
        (".git/config", "[remote]\n"),
        ("keys/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"),
        ("keys/id_ed25519.pub", "ssh-ed25519 AAAA\n"),
        ("tls/site.pem", "-----BEGIN CERTIFICATE-----\nMII\n"),
    ]);
    let folder = app(&files);
    assert_eq!(
        names_sent(&folder),
        [
            ".env.example",
            "Procfile",
            "keys/id_ed25519.pub",
            "server.js",
            "tls/site.pem"
        ]
    );
    let (flaws, notes) = findings(&folder, &node());
    assert!(flaws.is_empty(), "{flaws:?}");
    let told: Vec<_> = notes.iter().map(|note| note.split(':').next().unwrap()).collect();
    assert_eq!(told, [".env", "keys/id_ed25519"]);
    // Who wants them sent says so.
    put(folder.path(), ".ebignore", "!.env\n!keys/id_ed25519\n");
    let sent = names_sent(&folder);
    assert!(
        sent.contains(&".env".to_owned()) && sent.contains(&"keys/id_ed25519".to_owned()),
        "{sent:?}"
    );
}

#[test]
fn a_zip_with_secrets_is_not_sent_as_it_is() {
    let files: [(&str, &[u8], u32); 4] = [
        ("Procfile", b"web: node server.js\n", 0o644),
        (".env", b"SECRET=hunter2\n", 0o644),
        (".git/config", b"[remote]\n", 0o644),
        ("id_rsa", b"-----BEGIN RSA PRIVATE KEY-----\n", 0o644),
    ];
    let (_folder, path) = foreign_zip(&files, System::Unix);
    let error = inspect(&Source::Zip(path), &node()).unwrap_err().to_string();
    for told in [
        ".env: may hold secrets",
        "id_rsa: may hold secrets",
        ".git/: is the whole history",
    ] {
        assert!(error.contains(told), "{error}");
    }
}

/// A folder that was on a Mac.
#[test]
fn files_of_macos_are_left_out_and_told_in_a_zip() {
    let mut files = site();
    files.extend([
        (".ebextensions/app.config", "option_settings: []\n"),
        (".ebextensions/._app.config", "\0\u{5}\u{16}\u{7}\0"),
        ("__MACOSX/._server.js", "\0\u{5}"),
        (".DS_Store", "\0"),
    ]);
    let folder = app(&files);
    assert_eq!(
        names_sent(&folder),
        [".ebextensions/app.config", "Procfile", "server.js"]
    );
    let zipped: [(&str, &[u8], u32); 3] = [
        ("Procfile", b"web: node server.js\n", 0o644),
        ("__MACOSX/._server.js", b"\0\x05", 0o644),
        ("__MACOSX/.ebextensions/._app.config", b"\0\x05\x16\x07\0", 0o644),
    ];
    let (_folder, path) = foreign_zip(&zipped[..2], System::Unix);
    let notes = inspect(&Source::Zip(path), &node()).unwrap().notes;
    assert!(
        notes[0]
            .problem
            .contains("macOS left files of its own: __MACOSX/._server.js"),
        "{notes:?}"
    );
    let (_folder, path) = foreign_zip(&zipped, System::Unix);
    let error = inspect(&Source::Zip(path), &node()).unwrap_err().to_string();
    assert!(
        error.contains("__MACOSX/.ebextensions/._app.config: is neither YAML nor JSON"),
        "{error}"
    );
}

#[test]
fn links_within_the_bundle_are_kept() {
    let mut files = site();
    files.extend([("shared/config/app.json", "{}"), ("packages/ui/index.js", "")]);
    let folder = app(&files);
    link(&folder, "config", "shared/config");
    link(&folder, "node_modules/@signup/ui", "../../packages/ui");
    link(&folder, "python", "/usr/bin/python3");
    let (flaws, notes) = findings(&folder, &node());
    assert!(flaws.is_empty() && notes.is_empty(), "{flaws:?} {notes:?}");
    let path = folder.path().join("app.zip");
    archive::write(&Contents::of_folder(folder.path()).unwrap(), &path).unwrap();
    let zipped = Contents::of_zip(&path).unwrap();
    assert_eq!(zipped.find("config").unwrap().link(), Some("shared/config"));
    assert_eq!(
        zipped.find("node_modules/@signup/ui").unwrap().link(),
        Some("../../packages/ui")
    );
    assert!(zipped.open("config/app.json").is_some());
}

/// As `unzip` makes it, which is what Beanstalk unpacks with.
#[test]
fn unzip_makes_the_links_again() {
    let folder = app(&[("Procfile", "web: node server.js\n"), ("shared/config/app.json", "{}")]);
    link(&folder, "config", "shared/config");
    let zips = tempfile::tempdir().unwrap();
    let path = zips.path().join("app.zip");
    archive::write(&Contents::of_folder(folder.path()).unwrap(), &path).unwrap();
    let unzip = std::process::Command::new("unzip")
        .arg("-q")
        .arg("-o")
        .arg(&path)
        .current_dir(zips.path())
        .output();
    let Ok(unzipped) = unzip else {
        assert!(std::env::var_os("CI").is_none(), "install unzip");
        return;
    };
    assert!(unzipped.status.success(), "{unzipped:?}");
    assert_eq!(
        std::fs::read_link(zips.path().join("config")).unwrap(),
        Path::new("shared/config")
    );
    assert_eq!(
        std::fs::read_to_string(zips.path().join("config/app.json")).unwrap(),
        "{}"
    );
}

#[test]
fn a_link_that_leads_out_of_the_bundle_is_told_and_never_followed() {
    let folder = app(&site());
    link(&folder, "assets", "../assets");
    link(&folder, "home", "/home/eve/site");
    link(&folder, "gone", "nowhere");
    let (flaws, notes) = findings(&folder, &node());
    assert_eq!(flaws.len(), 2, "{flaws:?}");
    assert!(
        flaws[0].starts_with("assets: is a link to ../assets, which leads out of the bundle"),
        "{flaws:?}"
    );
    assert!(
        flaws[1].starts_with("home: is a link to /home/eve/site of this machine"),
        "{flaws:?}"
    );
    assert!(
        notes[0].starts_with("gone: is a link to nowhere, which is not in the bundle"),
        "{notes:?}"
    );
    link(&folder, "round", "about");
    link(&folder, "about", "round");
    assert_eq!(findings(&folder, &node()).0.len(), 4, "a circle ends");
}

#[test]
fn a_venv_in_ebignore_and_its_links_are_nobodys_business() {
    let mut files = site();
    files.extend([(".ebignore", "venv/\n"), ("venv/lib/site.py", "")]);
    let folder = app(&files);
    link(&folder, "venv/lib64", "lib");
    link(&folder, "venv/bin/python", "/home/eve/.pyenv/python3");
    assert_eq!(names_sent(&folder), ["Procfile", "server.js"]);
    assert!(findings(&folder, &node()).0.is_empty());
}

/// zip -y, with `web: ./start` and start -> releases/1/start.
#[test]
fn a_program_behind_a_link_is_the_one_that_is_looked_at() {
    let script: &[u8] = b"#!/bin/sh\nexec node server.js\n";
    let zipped = |mode| {
        let files = [
            ("Procfile", &b"web: ./start\n"[..], 0o644),
            ("releases/1/start", script, mode),
            ("start", &b"releases/1/start"[..], LINK),
        ];
        foreign_zip(&files, System::Unix)
    };
    let (_folder, path) = zipped(0o755);
    assert_eq!(inspect(&Source::Zip(path), &instances()).unwrap().notes, []);
    let (_folder, path) = zipped(0o644);
    let error = inspect(&Source::Zip(path), &instances()).unwrap_err().to_string();
    assert!(error.contains("releases/1/start: is not executable"), "{error}");
}

#[test]
fn a_name_that_is_not_utf8_is_refused_by_name() {
    use std::os::unix::ffi::OsStrExt;
    let folder = app(&site());
    put(folder.path(), "Grüße 東京.txt", "fine");
    assert!(findings(&folder, &node()).0.is_empty());
    for name in [&b"r\xe9sum\xe9.txt"[..], b"r\xe8sum\xe8.txt"] {
        std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), "a").unwrap();
    }
    let (flaws, _) = findings(&folder, &node());
    assert_eq!(flaws.len(), 2, "{flaws:?}");
    assert!(
        flaws[1].starts_with(r"r\xe9sum\xe9.txt: has a name that is not UTF-8"),
        "{flaws:?}"
    );
}

#[test]
fn a_zip_made_on_windows_is_told_before_it_is_sent() {
    let files: [(&str, &[u8], u32); 2] = [
        ("Procfile", b"web: node app/server.js\r\n", 0o644),
        ("app\\server.js", b"// the page\r\n", 0o644),
    ];
    let (_folder, path) = foreign_zip(&files, System::Dos);
    let error = inspect(&Source::Zip(path), &node()).unwrap_err().to_string();
    assert!(
        error.contains("app\\server.js: is no relative path with slashes"),
        "{error}"
    );
    assert!(error.contains("Procfile: has Windows line ends"), "{error}");
}
