//! Running a script on instances through Systems Manager's Run Command, which needs neither an open port nor a key.
//! Must know nothing of why it is run.

use serde_json::json;

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::texts::clean;
use crate::engine::Error;
use crate::plan::Burn;

/// The most instances that SendCommand takes by id.
const MOST: usize = 50;

/// AWS's own document for shell scripts.
const DOCUMENT: &str = "AWS-RunShellScript";

/// A command that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    pub instances: Vec<String>,
    /// AWS's own time of it, in seconds since 1970.
    pub at: Option<f64>,
}

/// Starts a burn. Systems Manager ends it a minute after its script's own bounds should have.
///
/// # Errors
/// Where Systems Manager does not take it.
pub async fn send(aws: &Aws, burn: &Burn, comment: &str) -> Result<Vec<Sent>, Error> {
    let mut sent = Vec::new();
    let limit = burn.bound as u64 + 60;
    for some in burn.instances.chunks(MOST) {
        let parameters = json!({
            "commands": burn.script.lines().collect::<Vec<_>>(),
            "executionTimeout": [limit.to_string()],
        });
        let answer = aws.ssm.send_command(DOCUMENT, some, parameters, comment).await;
        let command = answer.explain("run the burn on the instances")?.command;
        sent.push(Sent {
            instances: some.to_vec(),
            at: command
                .as_ref()
                .and_then(|command| command.requested_date_time)
                .map(|at| at.as_secs_f64()),
            id: command.and_then(|command| command.command_id).unwrap_or_default(),
        });
    }
    Ok(sent)
}

/// How the commands fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Waiting,
    Running,
    Ended,
    Failed(String),
}

/// The state of the worst of them.
pub(crate) async fn state(aws: &Aws, sent: &[Sent]) -> Result<State, Error> {
    let (mut waiting, mut running) = (false, false);
    for command in sent {
        for instance in &command.instances {
            let get = aws.ssm.get_command_invocation(&command.id, instance);
            // Eventually consistent: not known yet right after SendCommand.
            let answer = get
                .await
                .or_absent(&["InvocationDoesNotExist"], "see whether the burn runs")?;
            let Some(answer) = answer else {
                waiting = true;
                continue;
            };
            match answer.status.as_deref() {
                Some("Pending" | "Delayed") | None => waiting = true,
                Some("InProgress" | "Cancelling") => running = true,
                Some("Failed" | "TimedOut") => {
                    let details = answer.status_details.as_deref().unwrap_or("Failed");
                    let said = answer.standard_error_content.as_deref().map(clean).unwrap_or_default();
                    return Ok(State::Failed(format!("{instance}: {details} {said}").trim().to_owned()));
                }
                _ => {}
            }
        }
    }
    Ok(match (waiting, running) {
        (true, _) => State::Waiting,
        (false, true) => State::Running,
        (false, false) => State::Ended,
    })
}

/// What the first instance's script said.
pub(crate) async fn said(aws: &Aws, sent: &[Sent]) -> Option<String> {
    let command = sent.first()?;
    let get = aws.ssm.get_command_invocation(&command.id, command.instances.first()?);
    let said = clean(&get.await.ok()?.standard_output_content?);
    Some(said.trim().to_owned()).filter(|said| !said.is_empty())
}

/// Ends the commands before their time.
pub(crate) async fn cancel(aws: &Aws, sent: &[Sent]) -> Result<(), Error> {
    for command in sent {
        let cancelled = aws.ssm.cancel_command(&command.id).await;
        cancelled.explain("end the burn before its time")?;
    }
    Ok(())
}
