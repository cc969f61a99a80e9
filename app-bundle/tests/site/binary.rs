//! What Amazon Linux 2023 has to offer to run the program: glibc 2.34 and nothing newer.

use std::collections::BTreeSet;

#[test]
fn the_program_asks_for_no_glibc_beyond_2_34() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_confapp")).unwrap();
    let mut versions = BTreeSet::new();
    for (start, _) in program
        .windows(7)
        .enumerate()
        .filter(|(_, window)| *window == b"GLIBC_2")
    {
        // Names of symbol versions end in a zero byte in the string table.
        let name: Vec<u8> = program[start + 6..]
            .iter()
            .copied()
            .take_while(|byte| *byte != 0)
            .take(8)
            .collect();
        let numbers: Option<Vec<u32>> = String::from_utf8(name)
            .ok()
            .map(|name| name.split('.').map_while(|part| part.parse().ok()).collect());
        if let Some(&[major, minor, ..]) = numbers.as_deref() {
            versions.insert((major, minor));
        }
    }
    let newest = versions.last().copied();
    assert!(
        newest.is_some_and(|newest| ((2, 17)..=(2, 34)).contains(&newest)),
        "{versions:?}"
    );
}
