//! What a user sees of bundles: the same bytes for the same input, and each mistake told with its way out.

mod cases;
mod checking;
mod making;
mod sent;

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
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
use super::elf_fixture::{GLIBC_LOADER, good_program, program, strong, weak};
use super::*;
use confctl_profile::Architecture;

/// What the made-up programs of these tests are for.
fn instances() -> Instances {
    on("Go 1 running on 64bit Amazon Linux 2023")
}

fn on(branch: &str) -> Instances {
    Instances {
        architecture: Architecture::X86_64,
        branch: branch.to_owned(),
        unchecked: false,
        release: false,
    }
}

fn node() -> Instances {
    on("Node.js 24 running on 64bit Amazon Linux 2023")
}

fn of(architecture: Architecture) -> Instances {
    Instances {
        architecture,
        ..instances()
    }
}

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
    findings(folder, &instances()).0
}

/// Flaws and notes, as the user reads them.
fn findings(folder: &TempDir, instances: &Instances) -> (Vec<String>, Vec<String>) {
    let contents = Contents::of_folder(folder.path()).unwrap();
    let findings = check::check(&contents, instances, None).unwrap();
    let texts = |findings: &[Finding]| findings.iter().map(Finding::to_string).collect();
    (texts(&findings.flaws), texts(&findings.notes))
}

/// A folder with these files; a program where a file's text is `ELF`.
fn app(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        if *text == "ELF" {
            put(folder.path(), name, good_program());
        } else {
            put(folder.path(), name, text);
        }
    }
    folder
}

fn link(folder: &TempDir, name: &str, target: &str) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

/// The names in the zip that is made of a folder.
fn names_sent(folder: &TempDir) -> Vec<String> {
    let contents = Contents::of_folder(folder.path()).unwrap();
    contents.files.into_iter().map(|file| file.name).collect()
}

/// The one flaw, as the user reads it.
fn flaw_of(folder: &TempDir) -> String {
    let flaws = flaws_of(folder);
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    flaws[0].clone()
}

/// The mode of a link in [`foreign_zip`].
const LINK: u32 = 0o120_777;

/// A zip as somebody else's tool makes it.
fn foreign_zip(files: &[(&str, &[u8], u32)], system: System) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.zip");
    let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes, mode) in files {
        if *mode == LINK {
            let target = std::str::from_utf8(bytes).unwrap();
            zip.add_symlink(name, target, SimpleFileOptions::default().system(system))
                .unwrap();
            continue;
        }
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
