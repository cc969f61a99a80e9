//! The AWS CLI as it is for whoever types it, many times over at the price of one start. Must know nothing of the sandbox.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};

use serde_json::json;

/// A Python that has the CLI loaded, and copies itself for each command.
pub struct AwsCli {
    python: Child,
    commands: Option<ChildStdin>,
    codes: BufReader<ChildStdout>,
}

impl AwsCli {
    /// `python` is the one that the CLI is installed in.
    pub fn load(python: &Path) -> Self {
        let mut python = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/aws_cli.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = python.stdin.take();
        let codes = BufReader::new(python.stdout.take().unwrap());
        Self {
            python,
            commands,
            codes,
        }
    }

    /// One command in this environment and no other; what it says passes through files in this folder.
    pub fn run(&mut self, arguments: &[&str], environment: &BTreeMap<String, String>, folder: &Path) -> Output {
        let (stdout, stderr) = (folder.join("aws-stdout"), folder.join("aws-stderr"));
        let command = json!({
            "arguments": arguments, "environment": environment, "stdout": stdout, "stderr": stderr,
        });
        writeln!(self.commands.as_ref().unwrap(), "{command}").unwrap();
        let mut code = String::new();
        self.codes.read_line(&mut code).unwrap();
        let said = Output {
            // Of `wait`, which keeps the code in the second byte.
            status: ExitStatus::from_raw(code.trim().parse::<i32>().unwrap() << 8),
            stdout: std::fs::read(&stdout).unwrap(),
            stderr: std::fs::read(&stderr).unwrap(),
        };
        std::fs::remove_file(stdout).unwrap();
        std::fs::remove_file(stderr).unwrap();
        said
    }
}

impl Drop for AwsCli {
    fn drop(&mut self) {
        // Without further commands it ends by itself.
        drop(self.commands.take());
        let _ = self.python.wait();
    }
}
