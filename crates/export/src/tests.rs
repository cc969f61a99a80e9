//! An export as its user meets it: whole, interrupted, opened in a spreadsheet.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn row(email: &str, more: Value) -> Row {
    let mut row = Row::new();
    row.insert("email".to_owned(), email.into());
    row.extend(more.as_object().cloned().unwrap_or_default());
    row
}

fn plan(path: &Path) -> Plan {
    Plan {
        path: path.to_owned(),
        format: Format::of(path).unwrap(),
        source: "users".to_owned(),
        key: "email".to_owned(),
        columns: vec!["registered_at".to_owned(), "ticket".to_owned()],
        leaves_out: |address| address.ends_with(".invalid"),
    }
}

/// Three pages, of which the last has one that was made up.
fn pages() -> Vec<(Vec<Row>, Option<&'static str>)> {
    let at = || json!({"registered_at": "2026-12-10T18:00:00.000Z", "ticket": "00"});
    vec![
        (
            vec![row("ada@example.com", at()), row("eve@example.com", at())],
            Some("eve@example.com"),
        ),
        (
            vec![row("grace@example.com", json!({"size": "XL"}))],
            Some("grace@example.com"),
        ),
        (vec![row("p1@x.invalid", at()), row("joan@example.com", at())], None),
    ]
}

fn whole(path: &Path) -> Written {
    let mut export = Export::open(plan(path)).unwrap();
    for (rows, next) in pages() {
        export.page(rows, next).unwrap();
    }
    export.finish().unwrap()
}

fn file(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn a_file_is_its_owners_and_tells_what_is_not_in_it() {
    let (folder, path) = file("people.csv");
    let written = whole(&path);
    assert_eq!((written.rows, written.left_out), (4, 1));
    assert!(written.without_column.contains("size"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().next(), Some("email,registered_at,ticket"));
    assert!(text.contains("joan@example.com,2026-12-10T18:00:00.000Z,00") && !text.contains("invalid"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    // It is not written over.
    assert!(matches!(Export::open(plan(&path)), Err(ExportError::Taken(_))));
}

#[test]
fn json_lines_have_everything_as_it_was_stored() {
    let (_folder, path) = file("people.jsonl");
    assert!(whole(&path).without_column.is_empty());
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[2], row("grace@example.com", json!({"size": "XL"})));
}

#[test]
fn what_was_interrupted_anywhere_goes_on_and_comes_to_the_same() {
    for name in ["people.csv", "people.jsonl"] {
        let (_folder, expected) = file(name);
        whole(&expected);
        for interrupted in 0..3 {
            let (_folder, path) = file(name);
            let mut export = Export::open(plan(&path)).unwrap();
            for (rows, next) in pages().into_iter().take(interrupted) {
                export.page(rows, next).unwrap();
            }
            drop(export);
            // The power went while the next page was being written.
            let part = path.with_file_name(format!("{name}.part"));
            let mut text = std::fs::read(&part).unwrap();
            text.extend_from_slice(b"half a li");
            std::fs::write(&part, text).unwrap();

            let mut export = Export::open(plan(&path)).unwrap();
            assert_eq!(export.resumed(), interrupted > 0);
            let next = export.next().map(str::to_owned);
            let rest = pages().into_iter().skip(interrupted);
            assert_eq!(
                next.as_deref(),
                interrupted.checked_sub(1).and_then(|last| pages()[last].1)
            );
            for (rows, next) in rest {
                export.page(rows, next).unwrap();
            }
            let written = export.finish().unwrap();
            assert_eq!((written.rows, written.left_out), (4, 1));
            assert_eq!(
                std::fs::read(&path).unwrap(),
                std::fs::read(&expected).unwrap(),
                "{name} {interrupted}"
            );
        }
    }
}

#[test]
fn an_export_of_another_table_does_not_go_on_with_this_one_and_two_do_not_write_at_once() {
    let (_folder, path) = file("people.csv");
    let mut export = Export::open(plan(&path)).unwrap();
    let (rows, next) = pages().remove(0);
    export.page(rows, next).unwrap();
    assert!(matches!(Export::open(plan(&path)), Err(ExportError::Busy(_))));
    drop(export);
    let other = Plan {
        source: "others".to_owned(),
        ..plan(&path)
    };
    assert!(matches!(Export::open(other), Err(ExportError::OfAnother(_))));
}

#[test]
fn no_cell_is_run_by_a_spreadsheet() {
    for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
        assert_eq!(harmless(formula), format!("'{formula}"));
    }
    for plain in ["ada@example.com", "a=b", "", "'quoted"] {
        assert_eq!(harmless(plain), plain);
    }
    let (_folder, path) = file("people.csv");
    let mut export = Export::open(plan(&path)).unwrap();
    let rows = [row("ada@example.com", json!({"ticket": "=HYPERLINK(\"http://x\")"}))];
    export.page(rows, None).unwrap();
    export.finish().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with("\"'=HYPERLINK(\"\"http://x\"\")\"\n"), "{text}");
}

proptest! {
    // Each is a file that is brought to the disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_in_a_row_is_one_record_that_begins_with_no_formula(ticket in any::<String>(), at in any::<String>()) {
        let (_folder, path) = file("people.csv");
        let mut export = Export::open(plan(&path)).unwrap();
        export.page([row("ada@example.com", json!({"ticket": ticket, "registered_at": at}))], None).unwrap();
        export.finish().unwrap();
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let records: Vec<_> = reader.records().map(|record| record.unwrap()).collect();
        prop_assert_eq!(records.len(), 1);
        prop_assert_eq!(&records[0][2], harmless(&ticket));
        for cell in &records[0] {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
        }
    }
}
