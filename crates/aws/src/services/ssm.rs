//! Systems Manager: Run Command and Session Manager. Source of names: botocore's model of ssm, 2014-11-06.

use std::fmt;

use aws_config::SdkConfig;
use aws_smithy_types::DateTime;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::clients::Mode;
use crate::wire::members::{or_default, time};
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "SSM",
    signing_name: "ssm",
    host: "ssm",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "AmazonSSM",
    was_query: false,
};

#[derive(Debug, Clone)]
pub struct Ssm(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceInformationAnswer {
    #[serde(default, deserialize_with = "or_default")]
    pub instance_information_list: Vec<InstanceInformation>,
    pub next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInformation {
    pub instance_id: Option<String>,
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping_status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendCommandAnswer {
    pub command: Option<Command>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Command {
    pub command_id: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub requested_date_time: Option<DateTime>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCommandInvocationAnswer {
    pub status: Option<String>,
    pub status_details: Option<String>,
    /// -1 while there is none, and where there never was one.
    pub response_code: Option<i32>,
    pub standard_output_content: Option<String>,
    pub standard_error_content: Option<String>,
}

/// What opens a session's data channel. Whoever has the token is in.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartSessionAnswer {
    #[serde(default, deserialize_with = "or_default")]
    pub session_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub token_value: String,
    #[serde(default, deserialize_with = "or_default")]
    pub stream_url: String,
}

impl fmt::Debug for StartSessionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartSessionAnswer")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

impl Ssm {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// A page of what Systems Manager knows of these instances.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn describe_instance_information(
        &self,
        instances: &[String],
        token: Option<String>,
    ) -> Called<DescribeInstanceInformationAnswer> {
        let mut input = json!({"Filters": [{"Key": "InstanceIds", "Values": instances}]});
        if let Some(token) = token {
            input["NextToken"] = token.into();
        }
        PROTOCOL.call(&self.0, "DescribeInstanceInformation", &input).await
    }

    /// Runs a document on instances; each parameter is a list of texts.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn send_command(
        &self,
        document: &str,
        instances: &[String],
        parameters: serde_json::Value,
        comment: &str,
    ) -> Called<SendCommandAnswer> {
        let input = json!({
            "DocumentName": document,
            "InstanceIds": instances,
            "Parameters": parameters,
            "Comment": comment,
        });
        PROTOCOL.call(&self.0, "SendCommand", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_command_invocation(&self, command: &str, instance: &str) -> Called<GetCommandInvocationAnswer> {
        let input = json!({"CommandId": command, "InstanceId": instance});
        PROTOCOL.call(&self.0, "GetCommandInvocation", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn cancel_command(&self, command: &str) -> Called<IgnoredAny> {
        let input = json!({"CommandId": command});
        PROTOCOL.call(&self.0, "CancelCommand", &input).await
    }

    /// Where the service is called, as Session Manager's plugin is told it.
    pub fn url(&self) -> &str {
        &self.0.endpoint.url
    }

    /// Begins a session on an instance: a shell, through Session Manager's plugin.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn start_session(&self, instance: &str, reason: &str) -> Called<StartSessionAnswer> {
        let input = json!({"Target": instance, "Reason": reason});
        PROTOCOL.call(&self.0, "StartSession", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn terminate_session(&self, session: &str) -> Called<IgnoredAny> {
        let input = json!({"SessionId": session});
        PROTOCOL.call(&self.0, "TerminateSession", &input).await
    }
}
