//! Running a script on instances through Systems Manager's Run Command, which needs neither an open port nor a key.
//! Must know nothing of what is run.

use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter, PingStatus};

use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::texts::clean;
use crate::engine::Error;

/// The most instances that SendCommand takes by id.
const MOST: usize = 50;

/// AWS's own document for shell scripts.
const DOCUMENT: &str = "AWS-RunShellScript";

/// A command that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub id: String,
    pub instances: Vec<String>,
    /// AWS's own time of it, in seconds since 1970.
    pub at: Option<f64>,
}

/// Those of the instances whose agent answers: one without the policy for it never registers.
pub(super) async fn reachable(aws: &Aws, instances: &[String]) -> Result<Vec<String>, Error> {
    let filter = InstanceInformationStringFilter::builder()
        .key("InstanceIds")
        .set_values(Some(instances.to_vec()));
    let filter = filter
        .build()
        .map_err(|error| Error::failed("could not ask Systems Manager").because(error.to_string()))?;
    let mut pages = aws
        .ssm
        .describe_instance_information()
        .filters(filter)
        .into_paginator()
        .items()
        .send();
    let mut online = Vec::new();
    while let Some(information) = pages.next().await {
        let information = information.explain("see which instances Systems Manager reaches")?;
        if information.ping_status() == Some(&PingStatus::Online) {
            online.extend(information.instance_id().map(str::to_owned));
        }
    }
    online.retain(|id| instances.contains(id));
    Ok(online)
}

/// Starts a script. `limit`: seconds after which Systems Manager ends it, beside the script's own bounds.
pub(super) async fn send(
    aws: &Aws,
    instances: &[String],
    script: &str,
    limit: u64,
    comment: &str,
) -> Result<Vec<Sent>, Error> {
    let mut sent = Vec::new();
    for some in instances.chunks(MOST) {
        let send = aws
            .ssm
            .send_command()
            .document_name(DOCUMENT)
            .set_instance_ids(Some(some.to_vec()))
            .parameters("commands", script.lines().map(str::to_owned).collect())
            .parameters("executionTimeout", vec![limit.to_string()])
            .comment(comment);
        let answer = send.send().await.explain("run the burn on the instances")?;
        let command = answer.command();
        sent.push(Sent {
            id: command
                .and_then(|command| command.command_id())
                .unwrap_or_default()
                .to_owned(),
            instances: some.to_vec(),
            at: command
                .and_then(|command| command.requested_date_time())
                .map(aws_smithy_types::DateTime::as_secs_f64),
        });
    }
    Ok(sent)
}

/// How the commands fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    Ended,
    Failed(String),
}

/// The state of the worst of them.
pub(super) async fn state(aws: &Aws, sent: &[Sent]) -> Result<State, Error> {
    let (mut waiting, mut running) = (false, false);
    for command in sent {
        for instance in &command.instances {
            let get = aws
                .ssm
                .get_command_invocation()
                .command_id(&command.id)
                .instance_id(instance);
            // Eventually consistent: not known yet right after SendCommand.
            let answer = get
                .send()
                .await
                .or_absent(&["InvocationDoesNotExist"], "see whether the burn runs")?;
            let Some(answer) = answer else {
                waiting = true;
                continue;
            };
            match answer.status() {
                Some(CommandInvocationStatus::Pending | CommandInvocationStatus::Delayed) | None => waiting = true,
                Some(CommandInvocationStatus::InProgress | CommandInvocationStatus::Cancelling) => running = true,
                Some(CommandInvocationStatus::Failed | CommandInvocationStatus::TimedOut) => {
                    let details = answer.status_details().unwrap_or("Failed");
                    let said = answer.standard_error_content().map(clean).unwrap_or_default();
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
pub(super) async fn said(aws: &Aws, sent: &[Sent]) -> Option<String> {
    let command = sent.first()?;
    let get = aws
        .ssm
        .get_command_invocation()
        .command_id(&command.id)
        .instance_id(command.instances.first()?);
    let answer = get.send().await.ok()?;
    let said = answer.standard_output_content().map(clean)?;
    Some(said.trim().to_owned()).filter(|said| !said.is_empty())
}

/// Ends the commands before their time.
pub(super) async fn cancel(aws: &Aws, sent: &[Sent]) -> Result<(), Error> {
    for command in sent {
        let cancel = aws.ssm.cancel_command().command_id(&command.id);
        cancel.send().await.explain("end the burn before its time")?;
    }
    Ok(())
}
