//! Procfile and Buildfile of a version: Beanstalk's parser, with the sentences of a deployment log.
//! Must know nothing of how their processes are run.

use beanstalk_procfile as beanstalk;

/// A line of a Procfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub name: String,
    pub command: String,
    /// The proxy forwards to it.
    pub is_main: bool,
}

/// Reads a Procfile.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn parse(text: &str) -> Result<Vec<Process>, String> {
    read(text, beanstalk::PROCFILE)
}

/// Reads a Buildfile, whose lines are as those of a Procfile.
///
/// # Errors
/// A sentence for the deployment log.
pub(super) fn parse_buildfile(text: &str) -> Result<Vec<Process>, String> {
    read(text, beanstalk::BUILDFILE)
}

fn read(text: &str, file: &str) -> Result<Vec<Process>, String> {
    let processes = beanstalk::parse(text).map_err(|fault| format!("{file} could not be parsed: {fault}"))?;
    let main = beanstalk::main(&processes);
    let owned = |process: &beanstalk::Process| Process {
        name: process.name.to_owned(),
        command: process.command.to_owned(),
        is_main: Some(*process) == main,
    };
    Ok(processes.iter().map(owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_log_names_the_file_and_the_fault() {
        assert_eq!(parse("").unwrap_err(), "Procfile could not be parsed: it is empty");
        let fault = parse_buildfile("make ./build.sh").unwrap_err();
        assert!(fault.starts_with("Buildfile could not be parsed: line 1"), "{fault}");
    }

    #[test]
    fn one_process_is_the_site() {
        let processes = parse("worker: ./work\nweb: ./serve\n").unwrap();
        let main: Vec<_> = processes.iter().map(|process| process.is_main).collect();
        assert_eq!(main, [false, true]);
    }
}
