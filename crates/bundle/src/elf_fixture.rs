//! The smallest ELF files, made by hand: tests of the checks must not depend on the programs of the machine they run on.
//! Only for tests.

/// The loader of glibc on x86-64.
pub(super) const GLIBC_LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A version of glibc that symbols are asked for by.
pub(super) struct Need {
    pub(super) version: &'static str,
    /// Only weak symbols ask for it: the linker says so to the loader.
    pub(super) is_weak: bool,
}

pub(super) fn strong(version: &'static str) -> Need {
    Need {
        version,
        is_weak: false,
    }
}

pub(super) fn weak(version: &'static str) -> Need {
    Need { version, is_weak: true }
}

/// The least ELF file for x86-64 that says which loader and which versions of glibc it needs.
pub(super) fn program(loader: &str, needs: &[Need]) -> Vec<u8> {
    let loader = format!("{loader}\0");
    let mut strings = "\0libc.so.6\0".to_owned();
    let names: Vec<usize> = needs
        .iter()
        .map(|need| {
            let at = strings.len();
            strings.push_str(need.version);
            strings.push('\0');
            at
        })
        .collect();
    let loader_at = 64 + 56;
    let strings_at = loader_at + loader.len();
    let versions_at = (strings_at + strings.len()).next_multiple_of(8);
    let versions_size = 16 + 16 * needs.len();
    let sections_at = versions_at + versions_size;
    let mut bytes = Vec::new();
    let mut word = |number: usize, width: usize| bytes.extend_from_slice(&number.to_le_bytes()[..width]);

    // ELF header: magic, 64 bits, little-endian; an executable for machine 62, x86-64.
    [
        (0x0001_0102_464c_457f, 8),
        (0, 8),
        (2, 2),
        (62, 2),
        (1, 4),
        (0, 8),
        (64, 8),
        (sections_at, 8),
        (0, 4),
    ]
    .into_iter()
    .chain([(64, 2), (56, 2), (1, 2), (64, 2), (3, 2), (1, 2)])
    .for_each(|(number, width)| word(number, width));
    // One segment, PT_INTERP.
    [
        (3, 4),
        (4, 4),
        (loader_at, 8),
        (0, 8),
        (0, 8),
        (loader.len(), 8),
        (loader.len(), 8),
        (1, 8),
    ]
    .into_iter()
    .for_each(|(number, width)| word(number, width));
    bytes.extend_from_slice(loader.as_bytes());
    bytes.extend_from_slice(strings.as_bytes());
    bytes.resize(versions_at, 0);

    let mut word = |number: usize, width: usize| bytes.extend_from_slice(&number.to_le_bytes()[..width]);
    // One needed library, and the versions that are needed of it; names are offsets into the strings.
    [(1, 2), (needs.len(), 2), (1, 4), (16, 4), (0, 4)]
        .into_iter()
        .for_each(|(number, width)| word(number, width));
    for (index, need) in needs.iter().enumerate() {
        let next = if index + 1 == needs.len() { 0 } else { 16 };
        let flags = if need.is_weak { 2 } else { 0 };
        [(0, 4), (flags, 2), (index + 2, 2), (names[index], 4), (next, 4)]
            .into_iter()
            .for_each(|(number, width)| word(number, width));
    }
    // Three sections: none, the strings (SHT_STRTAB), the versions (SHT_GNU_VERNEED, linked to the strings).
    for (kind, at, size, link, info) in [
        (0, 0, 0, 0, 0),
        (3, strings_at, strings.len(), 0, 0),
        (0x6fff_fffe, versions_at, versions_size, 1, 1),
    ] {
        [
            (0, 4),
            (kind, 4),
            (0, 8),
            (0, 8),
            (at, 8),
            (size, 8),
            (link, 4),
            (info, 4),
            (1, 8),
            (0, 8),
        ]
        .into_iter()
        .for_each(|(number, width)| word(number, width));
    }
    bytes
}

/// A program that Amazon Linux 2023 can run.
pub(super) fn good_program() -> Vec<u8> {
    program(GLIBC_LOADER, &[strong("GLIBC_2.34")])
}
