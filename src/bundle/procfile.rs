//! Beanstalk's Procfile: `name: command` lines, `web` first.
//! Reads text only; whether the command's program exists is `check`'s.

/// The file's name, at the root of the bundle and in exactly this spelling (Beanstalk guide: go-procfile).
pub(super) const PROCFILE: &str = "Procfile";

/// The program that the `web` line starts, as it is written: the first word that is neither `exec` nor a variable.
pub(super) fn web_program(text: &str) -> Option<&str> {
    let command = text.lines().find_map(|line| line.strip_prefix("web:"))?;
    let is_assignment = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    command
        .split_whitespace()
        .find(|word| *word != "exec" && !is_assignment(word))
}

/// The place in the bundle of a program written as a relative path; `None` for one that the system has.
pub(super) fn place_in_bundle(program: &str) -> Option<&str> {
    let relative = program
        .strip_prefix("./")
        .or_else(|| program.strip_prefix("/var/app/current/"))
        .unwrap_or(program);
    (program.contains('/') && !relative.starts_with('/')).then_some(relative)
}

/// What is wrong with the text, in words; `None` if Beanstalk takes it.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.contains('\r') {
        return Some("has Windows line ends, which become part of the commands".into());
    }
    let mut lines = text.lines().enumerate();
    // Every line must match ^[A-Za-z0-9_-]+:\s*[^\s].*$ (Beanstalk guide: platforms-linux-extend.build-proc).
    if let Some((number, line)) = lines.clone().find(|(_, line)| !is_process(line)) {
        return Some(format!(
            "line {} is not of the form `name: command`: {line:?}",
            number + 1
        ));
    }
    match lines.next() {
        None => Some("is empty".into()),
        Some((_, first)) if !first.starts_with("web:") => Some("does not begin with the process `web`".into()),
        Some(_) => None,
    }
}

fn is_process(line: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(name, command)| is_name(name) && !command.trim().is_empty())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_behind_exec_and_variables() {
        assert_eq!(web_program("web: ./confapp\n"), Some("./confapp"));
        assert_eq!(
            web_program("web:RUST_LOG=info exec bin/server --port 5000"),
            Some("bin/server")
        );
        assert_eq!(web_program("worker: ./x"), None);
    }

    #[test]
    fn only_relative_programs_are_looked_for_in_the_bundle() {
        assert_eq!(place_in_bundle("./confapp"), Some("confapp"));
        assert_eq!(place_in_bundle("bin/server"), Some("bin/server"));
        assert_eq!(place_in_bundle("/var/app/current/x"), Some("x"));
        assert_eq!(place_in_bundle("/usr/bin/java"), None);
        assert_eq!(place_in_bundle("java"), None);
    }

    #[test]
    fn what_beanstalk_chokes_on_is_told() {
        assert_eq!(fault("web: ./a\nworker: ./b\n"), None);
        assert!(fault("").is_some_and(|fault| fault.contains("empty")));
        assert!(fault("worker: ./b\nweb: ./a\n").is_some_and(|fault| fault.contains("begin with")));
        assert!(fault("web: ./a\r\n").is_some_and(|fault| fault.contains("Windows")));
        assert!(fault("web: ./a\n# note\n").is_some_and(|fault| fault.contains("line 2")));
        assert!(fault("web:\n").is_some_and(|fault| fault.contains("line 1")));
    }
}
