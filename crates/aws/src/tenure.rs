//! Whether the stack's lock is ours at this moment. A request that might change something waits while nobody knows, so that a machine
//! that slept, or a network that was gone, does no harm. Must know nothing of how the lock is kept.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
enum State {
    /// No lock was taken, or it was given back.
    None,
    /// Nobody else can have it before this.
    Ours(Instant),
    Lost,
}

/// What is known of the lock; shared by who keeps it and the clients that change something.
#[derive(Debug, Clone)]
pub struct Tenure(Arc<watch::Sender<State>>);

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
#[error("the stack's lock was lost")]
struct Lost;

impl Default for Tenure {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::None)))
    }
}

impl Tenure {
    /// The lock is ours at least until then.
    pub fn ours_until(&self, moment: Instant) {
        self.0.send_replace(State::Ours(moment));
    }

    pub fn is_lost(&self) {
        self.0.send_replace(State::Lost);
    }

    pub fn is_given_back(&self) {
        self.0.send_replace(State::None);
    }

    /// The same configuration for clients whose requests wait while it is not known that the lock is ours.
    pub fn over(&self, config: &SdkConfig) -> SdkConfig {
        let Some(inner) = config.http_client() else {
            return config.clone();
        };
        let waiting = SharedHttpClient::new(Waiting {
            inner,
            tenure: self.clone(),
        });
        config.clone().into_builder().http_client(waiting).build()
    }

    /// Ends when the lock is known to be ours, or none is needed.
    async fn sure(&self) -> Result<(), Lost> {
        let mut changes = self.0.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            match state {
                State::None => return Ok(()),
                // By the clock, not by a timer: who slept wakes with all timers due at once.
                State::Ours(until) if Instant::now() < until => return Ok(()),
                State::Ours(_) => {}
                State::Lost => return Err(Lost),
            }
            if changes.changed().await.is_err() {
                return Err(Lost);
            }
        }
    }
}

#[derive(Debug)]
struct Waiting {
    inner: SharedHttpClient,
    tenure: Tenure,
}

impl HttpClient for Waiting {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WaitingConnector {
            inner: self.inner.http_connector(settings, components),
            tenure: self.tenure.clone(),
        })
    }
}

#[derive(Debug)]
struct WaitingConnector {
    inner: SharedHttpConnector,
    tenure: Tenure,
}

impl HttpConnector for WaitingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, tenure) = (self.inner.clone(), self.tenure.clone());
        HttpConnectorFuture::new(async move {
            match tenure.sure().await {
                Ok(()) => inner.call(request).await,
                Err(lost) => Err(ConnectorError::user(lost.into())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_changes_something_waits_until_the_lock_is_known_to_be_ours_again() {
        let tenure = Tenure::default();
        tenure.sure().await.unwrap();
        tenure.ours_until(Instant::now() + Duration::from_secs(10));
        tenure.sure().await.unwrap();

        tokio::time::advance(Duration::from_secs(3600)).await;
        let waiting = tokio::spawn({
            let tenure = tenure.clone();
            async move { tenure.sure().await.map(|()| Instant::now()) }
        });
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(!waiting.is_finished());
        let renewed = Instant::now();
        tenure.ours_until(renewed + Duration::from_secs(10));
        assert_eq!(waiting.await.unwrap().unwrap(), renewed);

        tenure.is_lost();
        tenure.sure().await.unwrap_err();
        tenure.is_given_back();
        tenure.sure().await.unwrap();
    }
}
