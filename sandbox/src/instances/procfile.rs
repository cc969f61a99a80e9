//! The Procfile, with the rules of Beanstalk (Beanstalk guide: platforms-linux-extend.build-proc, go-procfile).
//! Must know nothing of how its processes are run.

/// A line of a Procfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub name: String,
    pub command: String,
}

/// Reads a Procfile: `name: command` lines, the first of which is `web`.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn parse(text: &str) -> Result<Vec<Process>, String> {
    let processes = lines(text)?;
    match processes.first() {
        None => Err("Procfile could not be parsed: it is empty".to_owned()),
        Some(first) if first.name != "web" => Err(format!(
            "Procfile could not be parsed: the first process must be 'web', not '{}'",
            first.name
        )),
        Some(_) => Ok(processes),
    }
}

/// The `name: command` lines alone, whatever they are.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn lines(text: &str) -> Result<Vec<Process>, String> {
    let mut processes: Vec<Process> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let process = parse_line(line).ok_or_else(|| {
            format!("Procfile could not be parsed: the line '{line}' does not match ^[A-Za-z0-9_-]+:\\s*[^\\s].*$")
        })?;
        if processes.iter().any(|other| other.name == process.name) {
            return Err(format!(
                "Procfile could not be parsed: there are two processes '{}'",
                process.name
            ));
        }
        processes.push(process);
    }
    Ok(processes)
}

fn parse_line(line: &str) -> Option<Process> {
    let (name, command) = line.split_once(':')?;
    let named = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let command = command.trim_start();
    (named && !command.is_empty()).then(|| Process {
        name: name.to_owned(),
        command: command.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_in_order_and_keeps_colons_of_the_command() {
        let processes = parse("web: ./server --bind 0.0.0.0:5000\n\n# note\nworker_1: ./work\n").unwrap();
        assert_eq!(processes[0].command, "./server --bind 0.0.0.0:5000");
        assert_eq!(processes[1].name, "worker_1");
    }

    #[test]
    fn says_what_beanstalk_would_choke_on() {
        assert!(parse("").unwrap_err().contains("empty"));
        assert!(parse("worker: ./work").unwrap_err().contains("'worker'"));
        assert!(parse("web ./server").unwrap_err().contains("web ./server"));
        assert!(parse("web:   ").unwrap_err().contains("does not match"));
        assert!(parse("web: a\nweb: b").unwrap_err().contains("two processes"));
    }
}
