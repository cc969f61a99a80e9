//! The credentials that requests are signed with, fetched ahead of their end, so that no visitor waits for them.
//! It knows neither requests nor tables.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How long before their end credentials are replaced. Those of an instance profile last hours, and new ones are there
/// at least five minutes before the old ones end (EC2 guide, "Retrieve security credentials from instance metadata").
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// Between two fetches, whatever asks for them: the metadata service throttles.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two fetches where credentials have no end.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What is current, without a lock that a fetch could hold.
pub struct Credentials {
    current: watch::Receiver<Option<Arc<Identity>>>,
    doubted: Arc<Notify>,
}

impl Credentials {
    /// Fetches from `provider` now and whenever it is time, in a task that ends with the returned value.
    pub fn kept_fresh(provider: SharedCredentialsProvider) -> Self {
        let (publish, current) = watch::channel(None);
        let doubted = Arc::new(Notify::new());
        tokio::spawn(keep_fresh(provider, publish, doubted.clone()));
        Self { current, doubted }
    }

    /// The current credentials; waits for the first ones only. `None` where they can never come.
    pub async fn get(&self) -> Option<Arc<Identity>> {
        if let Some(identity) = &*self.current.borrow() {
            return Some(identity.clone());
        }
        let mut current = self.current.clone();
        current.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// AWS said that they are not good any more: fetch again soon.
    pub fn doubt(&self) {
        self.doubted.notify_one();
    }
}

async fn keep_fresh(
    provider: SharedCredentialsProvider,
    publish: watch::Sender<Option<Arc<Identity>>>,
    doubted: Arc<Notify>,
) {
    loop {
        let fetched = Instant::now();
        let pause = match provider.provide_credentials().await {
            Ok(credentials) => {
                let pause = pause_until_next(credentials.expiry(), SystemTime::now());
                publish.send_replace(Some(Arc::new(credentials.into())));
                pause
            }
            Err(error) => {
                // The kind only, by its text without sources: those may hold what a provider answered.
                tracing::error!(%error, "no credentials");
                SHORTEST_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = doubted.notified() => tokio::time::sleep_until(fetched + SHORTEST_PAUSE).await,
            () = publish.closed() => return,
        }
    }
}

/// Ahead of the end; where that is near already (the metadata service goes on giving old ones while it is in trouble),
/// half of what is left.
fn pause_until_next(end: Option<SystemTime>, now: SystemTime) -> Duration {
    let Some(end) = end else { return LONGEST_PAUSE };
    let left = end.duration_since(now).unwrap_or_default();
    let pause = if left > 2 * AHEAD { left - AHEAD } else { left / 2 };
    pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::Credentials as Keys;
    use aws_credential_types::provider::{error::CredentialsError, future};

    use super::*;

    /// Fails at first, then gives keys that are named by how often it was asked.
    #[derive(Debug, Default)]
    struct Provider(AtomicUsize);

    impl ProvideCredentials for Provider {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Err(CredentialsError::provider_timed_out(Duration::from_secs(1))),
                time => Ok(Keys::new(format!("key-{time}"), "secret", None, None, "test")),
            })
        }
    }

    fn key(identity: &Identity) -> String {
        let keys = identity.data::<Keys>().map(Keys::access_key_id);
        keys.unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn the_first_request_waits_for_them_and_a_doubt_brings_new_ones() {
        let credentials = Credentials::kept_fresh(SharedCredentialsProvider::new(Provider::default()));
        assert_eq!(key(&credentials.get().await.unwrap()), "key-1");
        credentials.doubt();
        let mut current = credentials.current.clone();
        let renewed = current.wait_for(|seen| seen.as_deref().map(key).as_deref() == Some("key-2"));
        let renewed = tokio::time::timeout(Duration::from_secs(30), renewed).await;
        assert!(renewed.is_ok_and(|seen| seen.is_ok()));
    }

    #[test]
    fn they_are_replaced_ahead_of_their_end() {
        let now = SystemTime::now();
        let pause = |seconds| pause_until_next(Some(now + Duration::from_secs(seconds)), now);
        assert_eq!(pause_until_next(None, now), LONGEST_PAUSE);
        assert_eq!(pause(1200), Duration::from_secs(900));
        assert_eq!(pause(60), Duration::from_secs(30));
        assert_eq!(pause(0), SHORTEST_PAUSE);
        assert_eq!(pause(6 * 3600), LONGEST_PAUSE);
    }
}
