//! The proxy's configuration, tested as Beanstalk tests it: the platform's own files in a staging folder, the bundle's
//! `.platform/nginx` over them, and `nginx -t` (aws/elastic-beanstalk-roadmap#322). There is no nginx in the way of requests
//! here: where the machine has none, nothing is tested. Must know nothing of the version's processes.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::beneath::Folder;
use super::output::Output;
use super::wire::Setup;
use super::{guest, home, hooks, mark};

/// What Beanstalk calls the folder.
const STAGING: &str = "/var/proxy/staging/nginx";

/// Where programs of administrators are, whatever the path.
const SYSTEM: &str = "/usr/sbin:/usr/local/sbin:/sbin";

/// An `nginx -t` that resolves names may take its time.
const LIMIT: Duration = Duration::from_secs(20);

/// Characters of what it says that a deployment's log quotes.
const LONGEST_OUTPUT: usize = 24_000;

/// The platform's own files, by their paths in the folder. There is no `mime.types` among them: Beanstalk's `nginx.conf` names
/// the one of the package (Beanstalk guide: platforms-linux-extend.proxy; as others show the file:
/// yoochangyeon.github.io/elastic-beanstalk-nginx-config, aws/elastic-beanstalk-roadmap#13).
const PLATFORM: &[(&str, &str)] = &[
    ("nginx.conf", include_str!("nginx/nginx.conf")),
    (
        "conf.d/elasticbeanstalk/00_application.conf",
        include_str!("nginx/00_application.conf"),
    ),
    (
        "conf.d/elasticbeanstalk/healthd.conf",
        include_str!("nginx/healthd.conf"),
    ),
    (
        "conf.d/healthd_logformat.conf",
        include_str!("nginx/healthd_logformat.conf"),
    ),
];

/// Stages the configuration and tests it.
///
/// # Errors
/// The engine's sentence.
pub(super) async fn test(setup: &Setup, version: &Path, port: u16) -> Result<(), String> {
    let staging = home::of_proxy(setup);
    // What an earlier test left.
    let _ = std::fs::remove_dir_all(&staging);
    let staged = home::hand_over(setup, &staging, |folder| {
        stage(folder, &staging, &Folder::open(version, setup.user)?, port)
    });
    staged.map_err(|error| format!("copy proxy conf to staging failed with error {error}"))?;
    hooks::note(
        setup,
        "INFO",
        &format!("Running command /bin/sh -c /usr/sbin/nginx -t -c {STAGING}/nginx.conf"),
    );
    let said = run(setup, &staging).await;
    let _ = std::fs::remove_dir_all(&staging);
    match said {
        None => Ok(()),
        Some(errors) => Err(format!(
            "copy proxy conf from staging failed with error validate nginx configuration failed with error Command /bin/sh -c \
             /usr/sbin/nginx -t -c {STAGING}/nginx.conf failed with error exit status 1. Stderr:{}",
            errors.replace(&staging.display().to_string(), STAGING).trim_end()
        )),
    }
}

/// Fills `folder`, which will be `staging`.
fn stage(folder: &Path, staging: &Path, bundle: &Folder, port: u16) -> std::io::Result<()> {
    for inner in ["conf.d/elasticbeanstalk", "log/nginx/healthd", "run"] {
        std::fs::create_dir_all(folder.join(inner))?;
    }
    let here = staging.display().to_string();
    for (name, text) in PLATFORM {
        std::fs::write(folder.join(name), as_here(text, &here, port))?;
    }
    overlay(folder, &here, bundle, Path::new(""), port)
}

/// The bundle's files over what is there, folder by folder.
fn overlay(folder: &Path, here: &str, bundle: &Folder, within: &Path, port: u16) -> std::io::Result<()> {
    let from = Path::new(".platform/nginx").join(within);
    for (name, is_folder) in bundle.names(&from)? {
        let inside = within.join(&name);
        let target = folder.join(&inside);
        if is_folder {
            std::fs::create_dir_all(&target)?;
            overlay(folder, here, bundle, &inside, port)?;
            continue;
        }
        match String::from_utf8(bundle.read(&from.join(&name))?) {
            Ok(text) => std::fs::write(target, as_here(&text, here, port))?,
            Err(binary) => std::fs::write(target, binary.into_bytes())?,
        }
    }
    Ok(())
}

/// A file, with what only an instance of one's own can have told from it: the user nginx, ports below 1024 and `/var`.
fn as_here(text: &str, here: &str, port: u16) -> String {
    let lines = text.lines().map(|line| at_home(line, here));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text.replace("127.0.0.1:5000", &format!("127.0.0.1:{port}"))
}

fn at_home(line: &str, here: &str) -> String {
    let line = line
        .replace("/var/log/", &format!("{here}/log/"))
        .replace("/var/run/", &format!("{here}/run/"))
        .replace("/run/nginx.pid", &format!("{here}/run/nginx.pid"));
    let line = line.replace(&format!("{here}{here}"), here);
    let mut words = line.trim_start().split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some("user"), Some(_)) => String::new(),
        (Some("listen"), Some(place)) => {
            let place = place.trim_end_matches(';');
            let name = place.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
            line.replacen(place, &format!("unix:{here}/run/{name}.sock"), 1)
        }
        _ => line,
    }
}

/// What nginx says against the configuration in the folder; `None` where it says nothing, and where there is no nginx.
async fn run(setup: &Setup, staging: &Path) -> Option<String> {
    let mut command = Command::new("nginx");
    guest::prepare(&mut command, setup.user, staging);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .arg("-t")
        .arg("-c")
        .arg(staging.join("nginx.conf"))
        .env("PATH", format!("{path}:{SYSTEM}"))
        .env(mark::VARIABLE, format!("{}nginx", setup.mark))
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            hooks::note(
                setup,
                "INFO",
                &format!("The machine has no nginx to test with: {error}"),
            );
            return None;
        }
    };
    let said = Output::up_to(LONGEST_OUTPUT);
    let errors = child.stderr.take();
    let ended = tokio::time::timeout(LIMIT, async {
        if let Some(errors) = errors {
            said.clone().keep(errors).await;
        }
        child.wait().await
    });
    match ended.await {
        Ok(Ok(status)) if status.success() => None,
        _ => {
            let said = said.text();
            // A log that this user may not open is the machine's affair.
            let meant = said
                .lines()
                .filter(|line| !line.contains("[alert]") && !line.contains("[warn]"));
            Some(meant.collect::<Vec<_>>().join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::at_home;

    #[test]
    fn only_what_the_machine_cannot_give_is_changed() {
        let there = |line: &str| at_home(line, "/s");
        assert_eq!(there("user  nginx;"), "");
        assert_eq!(
            there("  listen 80 default_server;"),
            "  listen unix:/s/run/80.sock default_server;"
        );
        assert_eq!(there("  listen [::]:80;"), "  listen unix:/s/run/_____80.sock;");
        assert_eq!(there("pid /var/run/nginx.pid;"), "pid /s/run/nginx.pid;");
        assert_eq!(there("  include mime.types;"), "  include mime.types;");
        assert_eq!(
            there("  include /etc/nginx/mime.types;"),
            "  include /etc/nginx/mime.types;"
        );
        assert_eq!(
            there("  error_log /var/log/nginx/error.log;"),
            "  error_log /s/log/nginx/error.log;"
        );
    }
}
