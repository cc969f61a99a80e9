//! Procfiles and Buildfiles as Elastic Beanstalk reads them: `name: command` lines.
//! Must know nothing of who runs the commands, nor of the files that they name.
//!
//! Each line has to match `^[A-Za-z0-9_-]+:\s*[^\s].*$` (Beanstalk guide: platforms-linux-extend.build-proc). Lines that are
//! blank or begin with `#` are skipped: AWS deploys a sample of its own with both (aws-samples/eb-locustio-sample, Procfile).

/// A Procfile's name, at the root of a bundle and in exactly this spelling (Beanstalk guide: go-procfile).
pub const PROCFILE: &str = "Procfile";
/// A Buildfile's name: its commands are run once, before the Procfile is used (Beanstalk guide: go-buildfile).
pub const BUILDFILE: &str = "Buildfile";

/// The process that the proxy forwards to, where there is one of this name (Beanstalk guide: java-se-procfile).
const WEB: &str = "web";

/// A line: a process of a Procfile, a step of a Buildfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process<'a> {
    pub name: &'a str,
    /// As it is handed to `/bin/sh -c`: the carriage return of a Windows line end is a part of it.
    pub command: &'a str,
}

/// Why a file is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is empty")]
    Empty,
    #[error("it begins with a byte order mark, which becomes part of the first name")]
    ByteOrderMark,
    #[error("line {number} is not of the form `name: command`: {line:?}")]
    Line { number: usize, line: String },
    #[error("there are two processes `{name}`")]
    Twice { name: String },
}

/// The lines of a file in their order.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Process<'_>>, Fault> {
    if text.starts_with('\u{feff}') {
        return Err(Fault::ByteOrderMark);
    }
    let mut processes: Vec<Process> = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        if line.trim().is_empty() || is_comment(line) {
            continue;
        }
        let process = process(line).ok_or_else(|| Fault::Line {
            number: number + 1,
            line: line.to_owned(),
        })?;
        if processes.iter().any(|other| other.name == process.name) {
            return Err(Fault::Twice {
                name: process.name.to_owned(),
            });
        }
        processes.push(process);
    }
    if processes.is_empty() {
        return Err(Fault::Empty);
    }
    Ok(processes)
}

/// The process that serves the site: `web`, else the first. The guide wants `web` to be the first; AWS's sample for load tests
/// has none.
pub fn main<'a>(processes: &[Process<'a>]) -> Option<Process<'a>> {
    let web = processes.iter().find(|process| process.name == WEB);
    web.or_else(|| processes.first()).copied()
}

/// Whether the first process is `web`, as the guide wants it (java-se-procfile, go-procfile).
pub fn begins_with_web(processes: &[Process]) -> bool {
    processes.first().is_some_and(|process| process.name == WEB)
}

/// Whether a line is a comment.
pub fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn process(line: &str) -> Option<Process<'_>> {
    let (name, command) = line.split_once(':')?;
    let named = !name.is_empty() && name.bytes().all(is_of_a_name);
    let command = command.trim_start();
    (named && !command.is_empty()).then_some(Process { name, command })
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        parse(text).unwrap().iter().map(|process| process.name).collect()
    }

    #[test]
    fn processes_keep_their_order_and_the_colons_of_their_commands() {
        let processes = parse("web: ./server --bind 0.0.0.0:5000\nworker_1:./work -x\n").unwrap();
        assert_eq!(processes[0].command, "./server --bind 0.0.0.0:5000");
        let worker = Process {
            name: "worker_1",
            command: "./work -x",
        };
        assert_eq!(processes[1], worker);
    }

    #[test]
    fn a_licence_header_a_commented_process_and_a_blank_end_are_skipped() {
        let text = "# licence\n#\n\nweb: node server.js\n\n  # mails, later\n#mailer: node mailer.js\n\n";
        assert_eq!(names(text), ["web"]);
    }

    #[test]
    fn what_does_not_match_the_guides_expression_is_told_with_its_line() {
        let fault = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(fault(""), "it is empty");
        assert_eq!(fault("# only a comment\n"), "it is empty");
        assert!(fault("web: a\nweb ./server\n").starts_with("line 2 is not of the form"));
        assert!(fault("web:   \n").starts_with("line 1"));
        assert!(fault(" web: ./server\n").starts_with("line 1"), "a name has no blanks");
        assert!(fault("web server: ./server\n").starts_with("line 1"));
        assert_eq!(fault("web: a\nweb: b\n"), "there are two processes `web`");
        assert!(fault("\u{feff}web: a\n").contains("byte order mark"));
    }

    #[test]
    fn a_windows_line_end_becomes_part_of_the_command() {
        assert_eq!(parse("web: ./server\r\n\r\n").unwrap()[0].command, "./server\r");
    }

    #[test]
    fn the_site_is_served_by_web_or_by_the_first() {
        let main_of = |text| main(&parse(text).unwrap()).unwrap().name;
        assert_eq!(main_of("worker: ./b\nweb: ./a\n"), "web");
        assert_eq!(main_of("coordinator: ./b\nfollower: ./a\n"), "coordinator");
        assert!(begins_with_web(&parse("web: ./a\n").unwrap()));
        assert!(!begins_with_web(&parse("worker: ./b\nweb: ./a\n").unwrap()));
    }
}
