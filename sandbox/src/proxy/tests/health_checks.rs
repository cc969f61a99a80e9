//! Health checks as a target group's settings say, and what follows for traffic. ELB guide, target-group-health-checks.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, StatusCode};

use super::app::App;
use super::{BALANCER, Fixed, balance, http, world};
use crate::world::World;
use crate::world::balancing::{HealthCheck, ShownHealth};

/// Two apps in a target group, checked at `/health` as `check` says. A check interval takes 20 ms.
struct Checked {
    world: Arc<World>,
    group: String,
    apps: [App; 2],
    front: SocketAddr,
}

impl Checked {
    async fn new(check: impl FnOnce(&mut HealthCheck)) -> Self {
        let apps = [App::default(), App::default()];
        let mut addresses = BTreeMap::new();
        for (id, app) in ["i-0", "i-1"].into_iter().zip(&apps) {
            app.has_page("/health", 200, "well");
            addresses.insert(id.to_owned(), app.serve().await);
        }
        let world = world(750.0, Fixed(addresses));
        let group = super::new_group();
        balance(&world, &group, &["i-0", "i-1"], "/health");
        {
            let mut state = world.lock();
            check(
                &mut state
                    .region("us-east-1")
                    .balancing
                    .target_groups
                    .get_mut(&group)
                    .unwrap()
                    .check,
            );
        }
        crate::proxy::start(&world);
        let front = http::front(world.clone()).await;
        Self {
            world,
            group,
            apps,
            front,
        }
    }

    fn health(&self, id: &str) -> ShownHealth {
        let mut state = self.world.lock();
        let region = state.region("us-east-1");
        let group = &region.balancing.target_groups[&self.group];
        region.shown_health(group, &group.targets[id])
    }

    async fn becomes(&self, id: &str, state: &str) -> ShownHealth {
        for _ in 0..500 {
            if self.health(id).state == state {
                return self.health(id);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{id} does not become {state}: {:?}", self.health(id));
    }

    /// Asks for a page so many times; how many of them each app got.
    async fn traffic(&self, times: usize) -> [usize; 2] {
        let pages = |app: &App| app.seen_at("/page");
        let before = [0, 1].map(|number| pages(&self.apps[number]));
        for _ in 0..times {
            let request = Request::get("/page").header("host", format!("{BALANCER}:4566"));
            let answer = http::ask(self.front, Ipv4Addr::LOCALHOST, request, "").await;
            assert_eq!(answer.status, StatusCode::OK);
        }
        [0, 1].map(|number| pages(&self.apps[number]) - before[number])
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.world.shutdown.cancel();
    }
}

#[tokio::test]
async fn a_new_target_is_initial_and_healthy_after_its_first_good_check() {
    let site = Checked::new(|check| check.healthy_threshold = 10).await;
    let healthy = site.becomes("i-0", "healthy").await;
    assert_eq!((healthy.reason, healthy.description), (None, None));
    let seen = site.apps[0].seen();
    assert_eq!(
        (seen.path.as_str(), seen.header("user-agent")),
        ("/health", Some("ELB-HealthChecker/2.0"))
    );
}

#[tokio::test]
async fn requests_go_round_the_healthy_targets() {
    let site = Checked::new(|_| {}).await;
    site.becomes("i-0", "healthy").await;
    site.becomes("i-1", "healthy").await;
    assert_eq!(site.traffic(8).await, [4, 4]);
}

#[tokio::test]
async fn a_target_that_fails_its_checks_gets_no_requests_and_comes_back() {
    let site = Checked::new(|check| check.unhealthy_threshold = 3).await;
    site.becomes("i-0", "healthy").await;
    site.becomes("i-1", "healthy").await;
    site.apps[0].has_page("/health", 503, "");
    let unhealthy = site.becomes("i-0", "unhealthy").await;
    assert_eq!(unhealthy.reason.as_deref(), Some("Target.ResponseCodeMismatch"));
    assert_eq!(
        unhealthy.description.as_deref(),
        Some("Health checks failed with these codes: [503]")
    );
    assert_eq!(site.traffic(4).await, [0, 4]);
    site.apps[0].has_page("/health", 200, "");
    site.becomes("i-0", "healthy").await;
    assert_eq!(site.traffic(4).await, [2, 2]);
}

#[tokio::test]
async fn at_another_port_than_nginxs_nobody_listens() {
    let site = Checked::new(|_| {}).await;
    site.becomes("i-0", "healthy").await;
    {
        let mut state = site.world.lock();
        let groups = &mut state.region("us-east-1").balancing.target_groups;
        for target in groups.get_mut(&site.group).unwrap().targets.values_mut() {
            target.port = 5000;
        }
    }
    let unhealthy = site.becomes("i-0", "unhealthy").await;
    assert_eq!(unhealthy.reason.as_deref(), Some("Target.FailedHealthChecks"));
    let request = Request::get("/page").header("host", format!("{BALANCER}:4566"));
    let answer = http::ask(site.front, Ipv4Addr::LOCALHOST, request, "").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(site.apps[0].seen_at("/page"), 0);
}

#[tokio::test]
async fn a_check_at_a_port_of_its_own_does_not_follow_the_traffic() {
    let site = Checked::new(|check| check.port = Some(5000)).await;
    site.becomes("i-0", "unhealthy").await;
    assert_eq!(
        site.traffic(4).await,
        [2, 2],
        "a load balancer without healthy targets fails open"
    );
}

#[tokio::test]
async fn the_matcher_says_which_codes_are_good() {
    let site = Checked::new(|check| check.matcher = "200,300-308".to_owned()).await;
    site.apps[0].has_page("/health", 302, "");
    site.apps[1].has_page("/health", 204, "");
    site.becomes("i-0", "healthy").await;
    site.becomes("i-1", "unhealthy").await;
}

#[tokio::test]
async fn a_check_that_takes_longer_than_its_timeout_has_failed() {
    let site = Checked::new(|check| (check.timeout, check.unhealthy_threshold) = (1, 1)).await;
    site.becomes("i-0", "healthy").await;
    site.apps[0].waits(Duration::from_secs(3));
    let unhealthy = site.becomes("i-0", "unhealthy").await;
    assert_eq!(unhealthy.reason.as_deref(), Some("Target.Timeout"));
    assert_eq!(unhealthy.description.as_deref(), Some("Request timed out"));
}

#[tokio::test]
async fn a_target_group_that_nothing_forwards_to_is_not_in_use() {
    let site = Checked::new(|_| {}).await;
    site.becomes("i-0", "healthy").await;
    site.world.lock().region("us-east-1").balancing.listeners.clear();
    let unused = site.health("i-0");
    assert_eq!(
        (unused.state, unused.reason.as_deref()),
        ("unused", Some("Target.NotInUse"))
    );
}
