//! Whether Amazon Linux 2023 can run a program: processor, loader, glibc, interpreter, mode.
//! Knows nothing of Procfiles.

use super::super::contents::File;
use super::super::elf;
use super::super::error::BundleError;
use super::super::instances::target;
use super::Findings;
use confctl_profile::Architecture;

/// glibc of Amazon Linux 2023 (AL2023 user guide, glibc-gcc-and-binutils).
pub(in super::super) const GLIBC: (u32, u32) = (2, 34);

/// `mended` is whether something on the instance may yet set the program's mode.
pub(super) fn check(
    file: &File,
    architecture: Architecture,
    mended: bool,
    findings: &mut Findings,
) -> Result<(), BundleError> {
    let bytes = file.read()?;
    match elf::needs(&bytes) {
        Ok(needs) => of_elf(&file.name, &needs, architecture, findings),
        Err(_) if bytes.starts_with(b"#!") => of_script(&file.name, &bytes, findings),
        Err(_) => {
            let way_out = format!("build it for {}", target(architecture));
            let problem = "is neither a Linux program (64-bit ELF) nor a script";
            findings.flaw(&file.name, problem, way_out);
            return Ok(());
        }
    }
    if !file.is_executable() && !mended {
        let way_out = "chmod +x it and zip it on Linux or macOS, or give confctl the folder";
        findings.flaw(&file.name, "is not executable", way_out);
    }
    Ok(())
}

/// What is wrong with an ELF file.
pub(super) fn of_elf(name: &str, needs: &elf::Needs, architecture: Architecture, findings: &mut Findings) {
    let target = target(architecture);
    if needs.architecture != Some(architecture) {
        let built_for = needs.architecture.map_or("another processor", Architecture::as_str);
        let problem = format!("is built for {built_for}, the instances are {architecture}");
        let way_out = format!("build it for {target}, or change `instance.architecture` and `instance.types`");
        findings.flaw(name, problem, way_out);
        return;
    }
    let loader = match architecture {
        Architecture::X86_64 => "/lib64/ld-linux-x86-64.so.2",
        Architecture::Arm64 => "/lib/ld-linux-aarch64.so.1",
    };
    if let Some(other) = needs.interpreter.as_deref().filter(|path| *path != loader) {
        let problem = format!("wants the loader {other}, which Amazon Linux 2023 does not have");
        let way_out = format!("link it statically, or build it for {target}");
        findings.flaw(name, problem, way_out);
    }
    if let Some((major, minor)) = needs.glibc.filter(|version| *version > GLIBC) {
        let problem = format!(
            "needs glibc {major}.{minor}, Amazon Linux 2023 has {}.{}",
            GLIBC.0, GLIBC.1
        );
        let way_out =
            format!("build it with `cargo zigbuild --release --target {target}.2.34`, or link it statically (musl)");
        findings.flaw(name, problem, way_out);
    }
}

fn of_script(name: &str, bytes: &[u8], findings: &mut Findings) {
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first_line.ends_with(b"\r") {
        let problem = "has Windows line ends, so its interpreter is not found";
        findings.flaw(name, problem, "save it with Unix line ends");
    }
}
