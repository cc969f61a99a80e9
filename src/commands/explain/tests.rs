//! The page on exit codes and errors, made of the same tables that `explain` speaks from, and held against the page.
//! For tests: the program itself writes no documentation.

use std::fmt::Write;
use std::path::Path;

use super::{Exit, Kind, KnownError, kinds_of, known, word};

const HEAD: &str = "# Exit codes and errors

Pipelines can rely on the codes, programs on the kinds. `confctl explain` says the same in the terminal: of a code (`confctl explain 4`), a kind
(`confctl explain denied`), an error of AWS's (`confctl explain VcpuLimitExceeded`), and also of a resource or a key of the profile.

## Exit codes
";

const KINDS: &str = "
## Kinds of errors

In `-o json` an error has a `kind`, which decides the exit code, and AWS's own `code` where there is one.
";

const REASONS: &str = "
## Errors of AWS's that are known

By their code, or by a sentence where AWS uses one code for several things or none. What else AWS answers is told in its own words: the
kind is `unreachable` with a status of 429 or from 500 on, `missing` with 404 or a code that ends in `NotFound`, else `failed`.
";

fn page() -> String {
    let mut text = format!("{HEAD}\n| code | meaning | kinds of errors |\n|---|---|---|\n");
    for exit in Exit::ALL {
        let kinds = kinds_of(*exit).into_iter().map(|kind| format!("`{kind}`"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "| {} | {} | {kinds} |", *exit as u8, exit.about());
    }
    let _ = writeln!(text, "{KINDS}\n| kind | meaning | exit code |\n|---|---|---|");
    for kind in Kind::ALL {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            word(*kind),
            kind.about(),
            Exit::from(*kind) as u8
        );
    }
    let _ = writeln!(text, "{REASONS}\n| code | sentence | kind |\n|---|---|---|");
    for KnownError {
        code, contains, kind, ..
    } in known()
    {
        let code = if code == "*" {
            "any".to_owned()
        } else {
            format!("`{code}`")
        };
        let _ = writeln!(text, "| {code} | {contains} | `{}` |", word(kind));
    }
    text
}

#[test]
fn the_page_on_exit_codes_tells_what_the_program_goes_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exit-codes.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
        return;
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == page(),
        "docs/exit-codes.md is out of date: UPDATE_DOCS=1 cargo test documents"
    );
}
