//! Whatever bytes a visitor sends: the site answers or hangs up, and serves the next.

use std::path::Path;

use axum::http::StatusCode;
use futures_util::{StreamExt, stream};

use crate::site::{FORM, Site};

#[tokio::test]
async fn the_site_answers_whatever_comes_or_hangs_up() {
    let complaints = tempfile::NamedTempFile::new().unwrap();
    let mut site = Site::start_complaining_to(complaints.reopen().unwrap().into(), &[]).await;
    let seeds = mutants::seeds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/http"));
    let address = site.address;
    let answers = stream::iter(mutants::of(seeds).take(mutants::count(3_000)))
        .map(|bytes| tokio::task::spawn_blocking(move || (mutants::say(address, &bytes), bytes)))
        .buffer_unordered(64);
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    for (answer, bytes) in &answers {
        let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.");
        assert!(is_http, "{:?}", String::from_utf8_lossy(bytes));
        assert!(
            !answer.starts_with(b"HTTP/1.1 500"),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    let is_good = |answer: &[u8]| answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 201");
    let good = answers.iter().filter(|(answer, _)| is_good(answer)).count();
    assert!(good > answers.len() / 20, "only {good} are understood");
    // What was taken for an address is one.
    let mut addresses = site.table.addresses();
    assert!(!addresses.is_empty());
    addresses.retain(|address| address.matches('@').count() != 1 || address.contains(char::is_whitespace));
    assert!(addresses.is_empty(), "{addresses:?}");
    assert_eq!(site.get("/").await.status, StatusCode::OK);
    assert_eq!(site.post(FORM, "email=eve%40example.com").await.status, StatusCode::OK);
    assert!(site.process.try_wait().unwrap().is_none());
    let said = std::fs::read_to_string(complaints.path()).unwrap();
    assert!(!said.contains("panicked"), "{said}");
}
