//! A browser without a window: whether a page opens without a word in its console, and what is then in it.

use std::path::Path;
use std::process::{Command, Stdio};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The page as the browser has it once it is loaded.
///
/// # Panics
/// Where the console says anything; in CI also where there is no browser.
#[track_caller]
pub fn open(page: &Path) -> Option<String> {
    let (dom, console) = load(page)?;
    assert!(console.is_empty(), "{} says {console:#?}", page.display());
    Some(dom)
}

/// The page, and the lines of its console.
#[track_caller]
fn load(page: &Path) -> Option<(String, Vec<String>)> {
    let works = |name: &&&str| {
        Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok()
    };
    let Some(browser) = NAMES.iter().find(works) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no chromium to open reports with"
        );
        return None;
    };
    let profile = tempfile::tempdir().unwrap();
    // Without these it asks the network for updates and its own services.
    let quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--dump-dom",
    ];
    let output = Command::new(browser)
        .args(quiet)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .env("TMPDIR", profile.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{browser} ended with {}: {said}",
        output.status
    );
    let console = said.lines().filter(|line| line.contains("CONSOLE"));
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((dom, console.map(str::to_owned).collect()))
}

#[test]
fn the_browser_tells_of_a_page_with_an_error() {
    let place = tempfile::tempdir().unwrap();
    let page = place.path().join("broken.html");
    std::fs::write(
        &page,
        "<!doctype html><title>x</title><script>console.error('broken')</script>",
    )
    .unwrap();
    if let Some((dom, console)) = load(&page) {
        assert!(dom.contains("<title>x</title>"), "{dom}");
        assert!(
            matches!(&console[..], [line] if line.contains("\"broken\"")),
            "{console:#?}"
        );
    }
}
