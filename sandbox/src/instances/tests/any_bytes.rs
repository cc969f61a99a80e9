//! What a bundle may bring, wrong in every way: the checks of the fuzz targets, by mutants of their seeds.

use std::path::Path;

#[path = "../../../fuzz/checks/procfile.rs"]
mod procfile;
#[path = "../../../fuzz/checks/unpack.rs"]
mod unpack;

fn seeds(of: &str) -> Vec<Vec<u8>> {
    mutants::seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(of))
}

#[test]
fn whatever_a_procfile_holds_is_read_or_refused() {
    for bytes in mutants::of(seeds("procfile")).take(mutants::count(20_000)) {
        procfile::check(&bytes);
    }
}

#[test]
fn whatever_a_zip_holds_stays_in_its_folder() {
    let seeds = seeds("unpack");
    // What is well-formed is unpacked: else nothing would be tested.
    let place = tempfile::tempdir().unwrap();
    let plain = std::io::Cursor::new(&seeds[2]);
    crate::instances::unpack::unpack(plain, place.path(), 1 << 20).unwrap();
    assert!(place.path().join("static/page.txt").exists());
    for bytes in mutants::of(seeds).take(mutants::count(3_000)) {
        unpack::check(&bytes, |zip, folder| {
            crate::instances::unpack::unpack(zip, folder, 1 << 20)
        });
    }
}
