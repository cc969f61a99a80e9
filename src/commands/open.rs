//! `open`: the site in a browser, or its address where there is none to open it in.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::cli::{Format, Global};
use crate::engine::{Error, Kind};
use crate::exit::Exit;
use crate::programs;
use crate::session::{Purpose, Session};
use crate::ui::{Summary, Ui};

/// What opens an address says soon that it cannot; one that is still there after this is a browser.
const SOON: Duration = Duration::from_secs(3);

const NO_BROWSER: &str = "set BROWSER to one that is there; --print only prints the address";

#[derive(Debug, Clone, Args)]
pub(crate) struct OpenArgs {
    /// Only print the address
    #[arg(long)]
    pub print: bool,
}

pub(super) async fn run(global: &Global, args: &OpenArgs, ui: &Ui) -> Result<Summary, Error> {
    let session = Session::open(global, ui, Purpose::of_what_is("open")).await?;
    let look = session.look().await?;
    let url = address(&session.site_url(&look)?)?;
    let mut summary = Summary::done().output("site_url", url.as_str());
    summary.stack = Some(session.stack.name.to_string());
    // Who reads JSON has no browser in mind.
    let opener = match args.print || global.output != Format::Text {
        true => Ok(None),
        false => opener(),
    };
    let opened = match opener {
        Err(error) => Err(error),
        Ok(None) => Ok(false),
        Ok(Some(words)) => start(words, &url).await.map(|()| true),
    };
    summary = summary
        .output("opened", matches!(opened, Ok(true)))
        .say(url.to_string());
    if let Err(error) = opened {
        summary.exit = Exit::from(error.kind);
        summary.errors.push(error);
    }
    Ok(summary)
}

/// What AWS gave as a host becomes an address only if it is one.
fn address(url: &str) -> Result<Url, Error> {
    let parsed = Url::parse(url)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    parsed.ok_or_else(|| Error::failed(format!("AWS gives an address that is none: {url:?}")))
}

/// The program and its words, without the address: what BROWSER says, else the system's own, if there is a screen to open it on.
///
/// # Errors
/// Where BROWSER says something that is not there: whoever set it means that one, and no other.
fn opener() -> Result<Option<(PathBuf, Vec<String>)>, Error> {
    let chosen = std::env::var("BROWSER").unwrap_or_default();
    match chosen.split(':').find_map(browser) {
        None if chosen.trim().is_empty() => {}
        None => {
            let text = format!("BROWSER names no program that is there: {chosen}");
            return Err(Error::new(Kind::Usage, text).hint(NO_BROWSER));
        }
        found => return Ok(found),
    }
    let name = match cfg!(target_os = "macos") {
        true => "open",
        false => "xdg-open",
    };
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_screen = cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    let own = programs::find(name).filter(|_| has_screen);
    Ok(own.map(|program| (program, Vec::new())))
}

/// One of the commands in BROWSER, by its words (environ(7): a list of commands, separated by colons).
fn browser(command: &str) -> Option<(PathBuf, Vec<String>)> {
    let mut words = command.split_whitespace().map(str::to_owned);
    let name = words.next()?;
    let program = match name.contains('/') {
        true => Some(PathBuf::from(name)).filter(|program| program.is_file()),
        false => programs::find(&name),
    };
    Some((program?, words.collect()))
}

/// Opens it, as far as that can be told.
async fn start((program, words): (PathBuf, Vec<String>), url: &Url) -> Result<(), Error> {
    let shown = program.display().to_string();
    let mut command = programs::command(&program);
    command
        .args(with_address(words, url))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // It goes on when confctl ends, and a Ctrl-C here is not for it.
        .process_group(0);
    let unopened =
        |reason: &dyn std::fmt::Display| Error::failed(format!("{shown} did not open it: {reason}")).hint(NO_BROWSER);
    let mut child = command.spawn().map_err(|error| unopened(&error))?;
    match tokio::time::timeout(SOON, child.wait()).await {
        Ok(Ok(ended)) if !ended.success() => Err(unopened(&ended)),
        Ok(Err(error)) => Err(unopened(&error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// In the place that the command has for it, else at its end.
fn with_address(words: Vec<String>, url: &Url) -> Vec<String> {
    let has_place = words.iter().any(|word| word.contains("%s"));
    let mut words: Vec<String> = words.into_iter().map(|word| word.replace("%s", url.as_str())).collect();
    if !has_place {
        words.push(url.to_string());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_is_opened_and_as_one_word() {
        let site = address("http://d1.cloudfront.localhost:4566").unwrap();
        let words = |words: &[&str]| with_address(words.iter().map(|word| (*word).to_owned()).collect(), &site);
        assert_eq!(words(&[]), ["http://d1.cloudfront.localhost:4566/"]);
        assert_eq!(
            words(&["--app=%s", "-n"]),
            ["--app=http://d1.cloudfront.localhost:4566/", "-n"]
        );
        assert!(address("https://x;rm -rf ~").is_err());
        for none in ["file:///etc/passwd", "javascript:alert(1)", "--help", "https://", ""] {
            assert!(address(none).is_err(), "{none}");
        }
    }
}
