//! A deployment that fails says why at the end of what it prints, by the instances' own logs, and keeps the whole of them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::User;

/// Puts up a site of these files, which Beanstalk cannot run, past the check that would have said so; gives what was printed.
fn fails(files: &[(&str, &str)]) -> (User, String) {
    let user = User::new();
    let folder = user.home().join("site");
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let set = format!("app.bundle={}", folder.display());
    let up = ["up", "--sandbox", "--yes", "-p", "dev", "--no-check", "--set", &set];
    let printed = user.confctl(&up).exits(1).stderr;
    (user, printed)
}

#[track_caller]
fn its_last_ten_lines_say(printed: &str, cause: &str) {
    let lines: Vec<_> = printed.lines().collect();
    let last_ten = lines[lines.len().saturating_sub(10)..].join("\n");
    assert!(
        last_ten.contains(cause),
        "{cause} is not in the last ten lines of\n{printed}"
    );
}

#[track_caller]
fn the_whole_is_kept(printed: &str, what: &str) {
    let (_, file) = printed
        .split_once("the whole of the instances' logs is in ")
        .expect(printed);
    let file = Path::new(file.lines().next().unwrap());
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(kept.contains("/var/log/eb-engine.log") && kept.contains(what), "{kept}");
    // For the user alone: there may be visitors' addresses in it.
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_app_that_crashes_is_told_with_its_own_words() {
    let start = "echo 'no database configured' >&2\nexit 3\n";
    let (_user, printed) = fails(&[("Procfile", "web: sh start.sh\n"), ("start.sh", start)]);
    its_last_ten_lines_say(&printed, "no database configured");
    the_whole_is_kept(&printed, "no database configured");
}

/// Beanstalk tests the proxy's files in a folder where there is no mime.types.
#[test]
fn a_proxy_configuration_that_nginx_refuses_is_told_with_its_words() {
    let nginx = "events {}\nhttp {\n  include mime.types;\n  include conf.d/*.conf;\n}\n";
    let (_user, printed) = fails(&[
        ("Procfile", "web: python3 -m http.server $PORT\n"),
        (".platform/nginx/nginx.conf", nginx),
    ]);
    its_last_ten_lines_say(&printed, "mime.types\" failed");
    the_whole_is_kept(&printed, "mime.types\" failed");
}

#[test]
fn a_bundle_without_anything_to_start_is_told_so() {
    let (_user, printed) = fails(&[("index.html", "hello\n"), ("Buildfile", "make: true\n")]);
    its_last_ten_lines_say(&printed, "no Procfile");
    the_whole_is_kept(&printed, "no Procfile");
}
