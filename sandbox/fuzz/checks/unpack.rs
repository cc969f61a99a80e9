//! Whatever a bundle's zip holds: nothing is written outside of its folder, and nothing in it runs as somebody else.

use std::fs;
use std::io::{self, Cursor};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub fn check(bytes: &[u8], unpack: impl FnOnce(Cursor<&[u8]>, &Path) -> io::Result<()>) {
    const TEXT: &str = "not the bundle's";
    let place = tempfile::tempdir().expect("a folder");
    let (folder, outside) = (place.path().join("folder"), place.path().join("outside"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(&outside, TEXT).expect("a file");
    // Refused or not: what was written until then counts.
    let _ = unpack(Cursor::new(bytes), &folder);
    assert_eq!(fs::read_to_string(&outside).ok().as_deref(), Some(TEXT));
    assert_eq!(fs::read_dir(place.path()).expect("the place").count(), 2);
    let mut waiting = vec![folder];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).expect("what was unpacked");
        assert!(found.is_dir() || found.is_file() || found.is_symlink(), "{path:?}");
        assert_eq!(found.mode() & 0o7000, 0, "{path:?}");
        if found.is_dir() {
            let entries = fs::read_dir(&path).expect("what was unpacked").flatten();
            waiting.extend(entries.map(|entry| entry.path()));
        }
    }
}
