//! Reads from an ELF program what decides whether Amazon Linux 2023 can run it: processor, loader, glibc.
//! Judges nothing.

use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, VER_FLG_WEAK};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, read};

use confctl_profile::Architecture;

/// What a program needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// `None` for a processor that Beanstalk has no instances of.
    pub(super) architecture: Option<Architecture>,
    /// The loader's path; `None` for a static program.
    pub(super) interpreter: Option<String>,
    /// The newest symbol version that glibc must have, as (2, 34). One that only weak symbols want is forgiven by the loader
    /// (glibc: elf/dl-version.c, VER_FLG_WEAK): Rust's standard library asks so for the pidfd functions of 2.39.
    pub(super) glibc: Option<(u32, u32)>,
}

/// Reads a 64-bit ELF file; the error is for anything else.
pub(super) fn needs(bytes: &[u8]) -> read::Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let architecture = match header.e_machine(endian) {
        EM_X86_64 => Some(Architecture::X86_64),
        EM_AARCH64 => Some(Architecture::Arm64),
        _ => None,
    };
    let mut interpreter = None;
    for segment in header.program_headers(endian, bytes)? {
        if let Some(path) = segment.interpreter(endian, bytes)? {
            interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    Ok(Needs {
        architecture,
        interpreter,
        glibc: newest_glibc(header, endian, bytes)?,
    })
}

fn newest_glibc(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
) -> read::Result<Option<(u32, u32)>> {
    let sections = header.sections(endian, bytes)?;
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, bytes)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, bytes, link)?;
    let mut newest = None;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            if version.vna_flags.get(endian) & VER_FLG_WEAK == VER_FLG_WEAK {
                continue;
            }
            newest = newest.max(glibc_version(&String::from_utf8_lossy(version.name(endian, strings)?)));
        }
    }
    Ok(newest)
}

/// `GLIBC_2.34` is (2, 34). Relative relocations have a marker of their own, which glibc has since 2.36.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let version = name.strip_prefix("GLIBC_")?;
    if version == "ABI_DT_RELR" {
        return Some((2, 36));
    }
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbol_versions_compare_as_numbers() {
        assert!(glibc_version("GLIBC_2.9") < glibc_version("GLIBC_2.34"));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
    }

    #[test]
    fn anything_else_than_elf_is_an_error() {
        let why = |bytes: &[u8]| needs(bytes).unwrap_err().to_string();
        assert_eq!(why(&b"#!/bin/sh\n".repeat(10)), "Unsupported ELF header");
        // Cut off within its header.
        assert_eq!(why(b"\x7fELF"), "Invalid ELF header size or alignment");
        assert_eq!(why(b""), "Invalid ELF header size or alignment");
    }
}
