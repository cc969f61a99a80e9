//! Answers as bytes for the tests, in place of the network: what was sent is kept, what comes back is given in turn.
//! Must know nothing of services.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// What comes back.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Http(u16, Vec<(&'static str, &'static str)>, String),
    /// The connection ended before an answer.
    Dropped,
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer::Http(status, Vec::new(), body.to_owned())
}

/// What was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub method: String,
    pub uri: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Replay {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Replay {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            sent: Arc::default(),
        }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// A configuration whose calls end here. No pause between tries.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "secret", None);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::ZERO),
            )
            .build()
    }
}

impl HttpConnector for Replay {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (answers, sent) = (self.answers.clone(), self.sent.clone());
        HttpConnectorFuture::new(async move {
            let body = ByteStream::new(request.take_body()).collect().await.unwrap().to_vec();
            let headers = request.headers().iter();
            sent.lock().unwrap().push(Sent {
                method: request.method().to_owned(),
                uri: request.uri().to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                body: String::from_utf8(body).unwrap(),
            });
            let answer = answers.lock().unwrap().pop_front();
            match answer {
                Some(Answer::Http(status, headers, body)) => {
                    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                    for (name, value) in headers {
                        response.headers_mut().insert(name, value);
                    }
                    Ok(response)
                }
                Some(Answer::Dropped) => Err(ConnectorError::io("connection reset by peer".into())),
                None => Err(ConnectorError::user("no answer is left".into())),
            }
        })
    }
}
