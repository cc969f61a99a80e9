//! The ways into an instance: a session of Session Manager, one command by Run Command, and what SSH needs.
//! Must know nothing of the programs that are started for them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Rounds;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::ssm::GetCommandInvocationAnswer;
use crate::aws::texts::clean;
use crate::engine::{Error, Kind, Settings};
use crate::key_pair::private_key_file;
use crate::profile::paths::at_home;
use crate::stack::Stack;

pub use crate::aws::managed_instances::reachable;
pub use crate::aws::services::ssm::StartSessionAnswer as Session;

/// AWS's own document for shell scripts.
const DOCUMENT: &str = "AWS-RunShellScript";

/// Between two looks at a command, in AWS's time.
const EVERY: Duration = Duration::from_secs(2);

/// How long ending a command before its time may hold up a Ctrl-C.
const GOODBYE: Duration = Duration::from_secs(5);

/// Begins a session on an instance.
///
/// # Errors
/// Where Systems Manager does not.
pub async fn start_session(aws: &Aws, instance: &str, reason: &str) -> Result<Session, Error> {
    let started = aws.ssm.start_session(instance, reason).await;
    started.explain(&format!("begin a session on {instance}"))
}

/// Ends a session that nobody is in: else Systems Manager keeps it open for a while.
///
/// # Errors
/// Where Systems Manager does not.
pub async fn end_session(aws: &Aws, session: &str) -> Result<(), Error> {
    let ended = aws.ssm.terminate_session(session).await;
    ended.explain("end the session that was begun").map(drop)
}

/// Where sessions are asked for, as the plugin wants to be told.
pub fn service_url(aws: &Aws) -> &str {
    aws.ssm.url()
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// In AWS's word: `Success`, `Failed`, `TimedOut`, …
    pub status: String,
    /// `None` where it did not come to its end.
    pub code: Option<i32>,
    /// The first 24,000 characters, of errors 8,000 (botocore: ssm, GetCommandInvocation).
    pub stdout: String,
    pub stderr: String,
}

/// Runs a line of the instance's shell to its end. `write` runs it.
///
/// # Errors
/// Where Systems Manager does not take it or does not tell, or the run is stopped; it is ended then.
pub async fn run(
    (read, write): (&Aws, &Aws),
    settings: &Settings,
    instance: &str,
    line: &str,
    comment: &str,
) -> Result<Ended, Error> {
    let instances = [instance.to_owned()];
    let parameters = json!({"commands": [line]});
    let sent = write.ssm.send_command(DOCUMENT, &instances, parameters, comment).await;
    let sent = sent.explain(&format!("run the command on {instance}"))?;
    let id = sent.command.and_then(|command| command.command_id).unwrap_or_default();
    let followed = follow(read, settings, &id, instance).await;
    if followed.is_err() {
        // What cannot be ended ends by Systems Manager's own time-out.
        let cancel = write.ssm.cancel_command(&id);
        if !matches!(tokio::time::timeout(GOODBYE, cancel).await, Ok(Ok(_))) {
            tracing::info!(id, "the command could not be ended");
        }
    }
    followed
}

async fn follow(aws: &Aws, settings: &Settings, id: &str, instance: &str) -> Result<Ended, Error> {
    let mut rounds = Rounds::every(EVERY);
    loop {
        // Eventually consistent: not known yet right after SendCommand.
        let asked = aws.ssm.get_command_invocation(id, instance).await;
        let asked = asked.or_absent(&["InvocationDoesNotExist"], "see what came of the command");
        let answered = asked.is_ok();
        match asked {
            Ok(answer) => {
                if let Some(ended) = answer.and_then(ended) {
                    return Ok(ended);
                }
            }
            Err(error) if error.kind == Kind::Unreachable => tracing::debug!(%error, "a look is missing"),
            Err(error) => return Err(error),
        }
        if !rounds.next(settings, answered).await {
            return Err(match Instant::now() >= settings.deadline {
                true => Error::new(Kind::Deadline, "the deadline came before the command had ended")
                    .hint("give it longer with --timeout"),
                false => Error::stopped(),
            });
        }
    }
}

/// `None` while it goes on.
fn ended(answer: GetCommandInvocationAnswer) -> Option<Ended> {
    let status = answer.status.filter(|status| {
        let goes_on = ["Pending", "InProgress", "Delayed", "Cancelling"];
        !goes_on.contains(&status.as_str())
    })?;
    Some(Ended {
        status: clean(answer.status_details.as_deref().unwrap_or(&status)),
        code: answer.response_code.filter(|code| *code >= 0),
        stdout: answer.standard_output_content.unwrap_or_default(),
        stderr: answer.standard_error_content.unwrap_or_default(),
    })
}

/// The instance's public address, where it has one.
///
/// # Errors
/// Where EC2 does not say.
pub async fn address(aws: &Aws, instance: &str) -> Result<Option<String>, Error> {
    let describe = aws.ec2.describe_instances().instance_ids(instance);
    let answer = describe
        .send()
        .await
        .explain(&format!("read the address of {instance}"))?;
    let instances = answer
        .reservations()
        .iter()
        .flat_map(|reservation| reservation.instances());
    let addresses = instances.filter_map(|instance| instance.public_ip_address());
    Ok(addresses.filter(|address| !address.is_empty()).map(clean).next())
}

/// Where the private key of the stack's key pair is on this machine, if it is. One that was imported is beside its public key.
///
/// # Errors
/// Where there is no home to look in.
pub fn private_key(aws: &Aws, stack: &Stack) -> Result<Option<PathBuf>, Error> {
    let file = match stack.profile.ssh.public_key.as_deref() {
        Some(public) => public.strip_suffix(".pub").map(at_home),
        None => Some(private_key_file(stack, aws)?),
    };
    Ok(file.filter(|file| file.is_file()))
}
