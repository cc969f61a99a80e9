//! A million registrations take no more memory than a page of them. In a program of its own: what it took at most is the process's.

use confctl_export::{Export, Format, Plan, Row};

const ROWS: usize = 1_000_000;
/// As many as DynamoDB gives in its page of 1 MB.
const PAGE: usize = 8_000;
const MOST_MEGABYTES: u64 = 100;

fn row(person: usize) -> Row {
    let mut row = Row::new();
    row.insert(
        "email".to_owned(),
        format!("person-{person}@some-company.example").into(),
    );
    row.insert("registered_at".to_owned(), "2026-12-10T18:00:00.000Z".into());
    row.insert("ticket".to_owned(), format!("{person:032x}").into());
    row
}

/// The most that this process took, where the system says so.
fn most_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()
        .map(|kilobytes: u64| kilobytes / 1024)
}

#[test]
fn a_million_people_fit_into_a_hundred_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    let mut export = Export::open(Plan {
        path: path.clone(),
        format: Format::Csv,
        source: "users".to_owned(),
        key: "email".to_owned(),
        columns: vec!["registered_at".to_owned(), "ticket".to_owned()],
        leaves_out: |_| false,
    })
    .unwrap();
    for first in (0..ROWS).step_by(PAGE) {
        let last = (first + PAGE).min(ROWS);
        let next = format!("person-{}@some-company.example", last - 1);
        export.page((first..last).map(row), Some(&next)).unwrap();
    }
    assert_eq!(export.finish().unwrap().rows, ROWS as u64);
    assert!(path.metadata().unwrap().len() > 80_000_000);
    if let Some(most) = most_megabytes() {
        assert!(most < MOST_MEGABYTES, "{most} MB");
    }
}
