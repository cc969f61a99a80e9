//! confctl in a terminal of one's own: completions in real shells, pages in real readers of them, and what is explained.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, User};

/// The completions for a shell, in a file.
fn script(user: &User, shell: &str) -> PathBuf {
    let script = user.confctl(&["completions", shell]).exits(0).stdout;
    let file = user.home().join(format!("confctl.{shell}"));
    std::fs::write(&file, script).unwrap();
    file
}

/// What the shell says to a program, started with no configuration of anybody's.
fn says(user: &User, program: &str, arguments: &[&str]) -> Ran {
    let mut shell = Command::new(program);
    shell
        .args(arguments)
        .current_dir(user.home())
        .env("HOME", user.home())
        .env("TERM", "dumb");
    shell.output().unwrap().into()
}

#[track_caller]
fn offers(user: &User, complete: impl Fn(&str) -> Vec<String>) {
    assert_eq!(complete("confctl tear"), ["teardown"]);
    assert_eq!(complete("confctl profile sh"), ["show"]);
    assert_eq!(complete("confctl up --no-ver"), ["--no-verify"]);
    assert_eq!(complete("confctl teardown --keep users"), ["users-table"]);
    assert_eq!(complete("confctl up --profile d"), ["dev"]);
    // Before the command too; and what is no option.
    assert_eq!(complete("confctl -p a"), ["article"]);
    assert_eq!(complete("confctl explain VcpuLim"), ["VcpuLimitExceeded"]);
    assert_eq!(complete("confctl logs w"), ["web"]);
    assert_eq!(complete("confctl profile diff de"), ["dev"]);
    assert_eq!(complete("confctl completions fi"), ["fish"]);
    // Every command that the help names.
    let all = complete("confctl ");
    let help = user.confctl(&["--help"]).exits(0).stdout;
    let (listed, _) = help.split_once("Options:").unwrap();
    let commands = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in commands {
        assert!(
            all.iter().any(|offered| offered == command),
            "{command} is not in {all:?}"
        );
    }
}

fn words(ran: Ran) -> Vec<String> {
    let stdout = ran.exits(0).stdout;
    let words = stdout.lines().filter_map(|line| line.split('\t').next());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes() {
    let user = User::new();
    let script = script(&user, "bash");
    let complete = |line: &str| {
        // As bash calls it: the words, the one at the cursor, and that and the one before it as arguments.
        let mut typed: Vec<&str> = line.split(' ').collect();
        let (last, before) = (typed[typed.len() - 1], typed[typed.len() - 2]);
        let place = typed.len() - 1;
        typed.iter_mut().for_each(|word| {
            if word.is_empty() {
                *word = "''"
            }
        });
        let program = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={place}; _confctl confctl '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            typed.join(" ")
        );
        words(says(&user, "bash", &["--norc", "-c", &program]))
    };
    offers(&user, complete);
    // Flags would hide the words that one is after.
    for (line, wanted) in [("confctl profile diff ", "dev"), ("confctl logs ", "engine")] {
        let words = complete(line);
        assert!(words.iter().any(|word| word == wanted), "{words:?}");
        assert!(!words.iter().any(|word| word.starts_with('-')), "{words:?}");
    }
    assert!(complete("confctl logs --gr") == ["--grep"]);
}

#[test]
fn fish_completes() {
    let user = User::new();
    let script = script(&user, "fish");
    offers(&user, |line| {
        let program = format!("source {}; complete -C '{line}'", script.display());
        words(says(&user, "fish", &["--no-config", "-c", &program]))
    });
}

/// A zsh that somebody types into: what is completed with the tabulator, and then run, says what it was called with.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal "PROMPT=; autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; source $1"
zpty -w terminal "confctl() { print -r -- \"\$*\" >$2.new; mv $2.new $2 }"
zpty -w -n terminal "$3"$'\t\n'
while [[ ! -e $2 && SECONDS -lt 60 ]]; do zpty -r -t terminal line || sleep 0.02; done
cat $2
"#;

#[test]
fn zsh_completes() {
    let user = User::new();
    let script = script(&user, "zsh");
    let (program, typed) = (user.home().join("typing"), user.home().join("typed"));
    std::fs::write(&program, ZSH).unwrap();
    let completed = |line: &str| {
        let _ = std::fs::remove_file(&typed);
        let arguments = [&program, &script, &typed].map(|path| path.to_str().unwrap());
        let run = says(&user, "zsh", &[&["-f"], &arguments[..], &[line]].concat());
        run.exits(0).stdout.trim().to_owned()
    };
    std::fs::write(user.home().join("event.toml"), "").unwrap();
    assert_eq!(completed("confctl tear"), "teardown");
    assert_eq!(completed("confctl -p a"), "-p article");
    assert_eq!(completed("confctl -p eve"), "-p event.toml");
    assert_eq!(completed("confctl explain VcpuLim"), "explain VcpuLimitExceeded");
    assert_eq!(completed("confctl profile sh"), "profile show");
    assert_eq!(completed("confctl up --no-ver"), "up --no-verify");
    assert_eq!(
        completed("confctl teardown --keep users"),
        "teardown --keep users-table"
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that cannot run here says so")]
fn powershell_completes_where_there_is_one() {
    let user = User::new();
    let script = script(&user, "powershell");
    if Command::new("pwsh").arg("--version").output().is_err() {
        eprintln!("skipped: there is no PowerShell here");
        return;
    }
    let program = format!(
        ". {}; (TabExpansion2 'confctl tear' 12).CompletionMatches.CompletionText",
        script.display()
    );
    let completed = words(says(&user, "pwsh", &["-NoProfile", "-Command", &program]));
    assert_eq!(completed, ["teardown"]);
}

/// In a terminal only has Elvish what completes; without one it can still say whether it understands the script.
#[test]
#[expect(clippy::print_stderr, reason = "a test that cannot run here says so")]
fn elvish_understands_its_completions_where_there_is_one() {
    let user = User::new();
    let script = script(&user, "elvish");
    if Command::new("elvish").arg("-version").output().is_err() {
        eprintln!("skipped: there is no Elvish here");
        return;
    }
    let program = format!(
        "fn has-all {{|@words| }}; var edit: = (ns [&completion:=(ns [&arg-completer=[&]]) &complex-candidate~=$has-all~]); eval &ns=(ns [&edit:=$edit:]) (slurp < {})",
        script.display()
    );
    says(&user, "elvish", &["-norc", "-c", &program]).exits(0);
}

/// The pages in a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let pages = std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().path());
    pages.collect()
}

#[test]
fn the_pages_for_man_are_rendered_without_a_warning() {
    let user = User::new();
    let folder = user.home().join("man1");
    user.confctl(&["man", "--dir", folder.to_str().unwrap()]).exits(0);
    let pages = pages(&folder);
    for name in ["confctl", "confctl-up", "confctl-profile-show"] {
        assert!(
            pages.contains(&folder.join(format!("{name}.1"))),
            "no {name} in {pages:?}"
        );
    }
    for page in pages {
        let page = page.to_str().unwrap();
        let linted = says(&user, "mandoc", &["-T", "lint", "-W", "warning", page]);
        assert_eq!(linted.stdout, "");
        let shown = says(&user, "mandoc", &["-T", "utf8", page]).exits(0);
        assert!(shown.stdout.contains("Print help"), "{}", shown.stdout);
        // What man itself renders with; Debian's fish brings it along.
        if Command::new("groff").arg("--version").output().is_ok() {
            let groff = says(&user, "groff", &["-Kutf8", "-man", "-ww", "-z", "-Tutf8", page]).exits(0);
            assert_eq!(groff.stderr, "");
        }
    }
    let up = std::fs::read_to_string(folder.join("confctl-up.1")).unwrap();
    let (_, synopsis) = up.split_once(".SH SYNOPSIS\n").unwrap();
    let synopsis = synopsis.lines().next().unwrap();
    assert!(synopsis.ends_with("[OPTIONS] [PLAN]"), "{synopsis}");
    // One page alone goes to standard output, and has the examples; a packager dates it.
    let mut dated = user.command(&["man"]);
    let page: Ran = dated.env("SOURCE_DATE_EPOCH", "1796083200").output().unwrap().into();
    let page = page.exits(0).stdout;
    assert!(page.contains("2026-12-01"), "{page}");
    assert!(page.contains(".TH confctl 1") && page.contains("confctl up"), "{page}");
    let file = user.home().join("file");
    std::fs::write(&file, "").unwrap();
    user.confctl(&["man", "--dir", file.to_str().unwrap()]).exits(64);
}

#[test]
fn the_help_of_a_command_ends_in_examples() {
    let user = User::new();
    let help = user.confctl(&["teardown", "--help"]).exits(0).stdout;
    let (_, examples) = help.split_once("Examples:").unwrap();
    assert!(examples.contains("confctl teardown --keep users-table"), "{help}");
}

#[test]
fn codes_errors_resources_and_keys_are_explained() {
    let user = User::new();
    for (topic, wanted) in [
        ("4", &["Refused:", "refused"][..]),
        ("130", &["Ctrl-C", "stopped"]),
        ("did-not-scale", &["exit code 5"]),
        ("denied", &["AccessDenied", "explicit deny in a service control policy"]),
        (
            "vcpulimitexceeded",
            &["the kind account", "what to do", "scaling.max=2"],
        ),
        ("You are not subscribed to this service. Please go to", &["sign-up"]),
        // As plans show it.
        ("VersionLabel", &["app.version_label", "restarts"]),
        ("aws:autoscaling:asg MinSize", &["scaling.min", "in place"]),
        ("scaling.max", &["1 to 10000", "default: 4", "in place"]),
        (
            "environment",
            &[
                "needs app-version.label, of app-version",
                "gives environment.origin",
                "usually made in",
            ],
        ),
    ] {
        let said = user.confctl(&["explain", topic]).exits(0).stdout;
        for wanted in wanted {
            assert!(said.contains(wanted), "{topic}: no '{wanted}' in {said}");
        }
    }
    let none = user.confctl(&["explain", "distribution", "-p", "dev"]).exits(0).stdout;
    assert!(none.contains("not in the profile dev"), "{none}");
    let all = user.confctl(&["explain"]).exits(0).stdout;
    for topic in ["143", "unforeseen", "users-table", "OptInRequired", "waf.mode"] {
        assert!(all.contains(topic), "{all}");
    }
    // A sentence need not be quoted, and who mistypes is told what is like it.
    let line = ["explain", "You", "are", "not", "subscribed", "to", "this", "service"];
    assert!(user.confctl(&line).exits(0).stdout.contains("sign-up"));
    let like = user.confctl(&["explain", "scaling.maxx"]).exits(64).stderr;
    assert!(like.contains("did you mean `confctl explain scaling.max`?"), "{like}");
    // A hint of its own leads to the same stack.
    let hint = user.confctl(&["explain", "nonsense", "-p", "dev"]).exits(64).stderr;
    assert!(hint.contains("confctl explain -p dev"), "{hint}");
}
