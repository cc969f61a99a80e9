//! What Amazon Linux 2023 has to offer to run the program: glibc 2.34 and nothing newer.

use object::elf::{FileHeader64, SHN_UNDEF, SHT_DYNSYM, STB_WEAK};
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, SymbolIndex, read};

/// Compiled against glibc 2.38, C code asks for `__isoc23_strtol` and its like: no C that parses numbers may be in here.
/// What is asked for weakly is the standard library's (pidfd_spawnp of glibc 2.39), for processes, which the app starts none of: it is
/// here because what is tested shares its tokio with the tests. confctl's check of a bundle looks at the versions of all.
#[test]
fn the_program_asks_for_no_glibc_beyond_2_34() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_confapp")).unwrap();
    let mut asked = needs(&program).unwrap();
    assert!(asked.iter().any(|(_, version)| version == "GLIBC_2.34"), "{asked:?}");
    asked.retain(|(_, version)| minor(version) > 34);
    assert!(asked.is_empty(), "Amazon Linux 2023 does not have {asked:?}");
}

/// The symbols of glibc that the program cannot start without, with their versions.
fn needs(program: &[u8]) -> read::Result<Vec<(String, String)>> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let table = sections.symbols(endian, program, SHT_DYNSYM)?;
    let Some(versions) = sections.versions(endian, program)? else {
        return Ok(Vec::new());
    };
    let mut needs = Vec::new();
    for (number, symbol) in table.symbols().iter().enumerate() {
        if symbol.st_shndx(endian) != SHN_UNDEF || symbol.st_bind() == STB_WEAK {
            continue;
        }
        let version = versions.version_index(endian, SymbolIndex(number)).index();
        let version = versions.version(version)?.map(|version| text(version.name()));
        if let Some(version) = version.filter(|version| version.starts_with("GLIBC_")) {
            needs.push((text(symbol.name(endian, table.strings())?), version));
        }
    }
    Ok(needs)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `GLIBC_2.34` is 34. What has no such number (GLIBC_PRIVATE) is more than any: it is not for programs.
fn minor(version: &str) -> u32 {
    let minor = version.strip_prefix("GLIBC_2.").and_then(|rest| rest.split('.').next());
    minor.and_then(|minor| minor.parse().ok()).unwrap_or(u32::MAX)
}
