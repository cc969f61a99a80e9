//! Inputs like real ones, but wrong somewhere: for tests of what must take any bytes. What libFuzzer finds by looking into the
//! program, these find by number, in the build that everybody has; its findings become seeds.
//! Must know nothing of what reads them. They are the same in every run, so that what fails once fails again.

mod say;

use std::path::Path;

pub use say::say;

/// How many a test draws: as many as usual, or `CONFCTL_MUTANTS`.
pub fn count(usual: usize) -> usize {
    let set = std::env::var("CONFCTL_MUTANTS").ok();
    set.and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// The files of a folder, in the order of their names.
///
/// # Panics
/// Where there are none: a test without seeds tests nothing.
pub fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    assert!(!seeds.is_empty(), "no seeds in {}", folder.display());
    seeds
}

/// The seeds themselves, then mutants of them without end.
pub fn of(seeds: Vec<Vec<u8>>) -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice(0x5eed);
    let first = seeds.clone();
    first.into_iter().chain(std::iter::repeat_with(move || {
        let mut bytes = dice.one_of(&seeds).clone();
        for _ in 0..=dice.below(2) {
            mutate(&mut bytes, &seeds, &mut dice);
        }
        bytes
    }))
}

/// What parsers stumble over.
const SPECIAL: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"=",
    b"&",
    b"%",
    b"\"",
    b"..",
    b"/",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"4294967295",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
];

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let until = (at + dice.below(16)).min(bytes.len());
    match dice.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 => drop(bytes.splice(at..at, dice.one_of(SPECIAL).iter().copied())),
        2 => drop(bytes.splice(at..until, dice.one_of(SPECIAL).iter().copied())),
        3 => drop(bytes.drain(at..until)),
        4 => {
            let piece = bytes[at..until].repeat(1 + dice.below(8));
            bytes.splice(at..at, piece);
        }
        5 => bytes.truncate(at),
        _ => {
            let other = dice.one_of(seeds);
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_begin_with_the_seeds_differ_and_are_the_same_every_time() {
        let seeds = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec(), b"web: ./server\n".to_vec()];
        let some: Vec<_> = of(seeds.clone()).take(2_000).collect();
        assert_eq!(some[..2], seeds);
        assert_eq!(some, of(seeds.clone()).take(2_000).collect::<Vec<_>>());
        let distinct: std::collections::HashSet<_> = some.iter().collect();
        assert!(distinct.len() > 1_000, "{}", distinct.len());
        // None is so long that only its length is tested.
        assert!(some.iter().all(|bytes| bytes.len() < 2_000));
    }
}
