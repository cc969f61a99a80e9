//! Health checks of target groups: asks every target at its interval and writes what came out into the world.
//! Must know nothing of who reads it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use http::header;

use super::forward::{Client, Failed};
use crate::world::World;
use crate::world::balancing::{HealthCheck, Target, TargetState};
use crate::world::clock::SHORTEST;

/// New targets are found within this time.
const LOOK: Duration = Duration::from_millis(100);

/// Real sockets need real time, however fast the sandbox's clock runs.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Names a target: region, target group, instance.
type Key = (String, String, String);

struct Turn {
    due: Instant,
    busy: Arc<AtomicBool>,
}

/// Checks all targets of the account for ever.
pub(super) async fn check_all(world: Arc<World>, client: Arc<Client>) {
    let mut turns: HashMap<Key, Turn> = HashMap::new();
    loop {
        let targets = targets(&world);
        turns.retain(|key, _| targets.contains_key(key));
        let now = Instant::now();
        for (key, target) in targets {
            let turn = turns.entry(key.clone()).or_insert_with(|| Turn {
                due: now,
                busy: Arc::default(),
            });
            if turn.due > now || turn.busy.swap(true, Ordering::AcqRel) {
                continue;
            }
            turn.due = now + world.clock.between_looks(target.check.interval.into());
            tokio::spawn(check_one(world.clone(), client.clone(), key, target, turn.busy.clone()));
        }
        let next = turns.values().map(|turn| turn.due.saturating_duration_since(now)).min();
        tokio::time::sleep(next.unwrap_or(LOOK).clamp(SHORTEST, LOOK)).await;
    }
}

/// How a target is checked.
struct Due {
    check: HealthCheck,
    /// The check's own, else the target's.
    port: u16,
}

fn targets(world: &World) -> HashMap<Key, Due> {
    let state = world.lock();
    let groups = state.regions().flat_map(|region| {
        let groups = region.balancing.target_groups.values();
        groups.map(move |group| (region.name.clone(), group))
    });
    groups
        .flat_map(|(region, group)| {
            let checked = group
                .targets
                .values()
                .filter(|target| target.state != TargetState::Draining);
            checked.map(move |target| {
                let key = (region.clone(), group.arn.clone(), target.instance_id.clone());
                let port = group.check.port.unwrap_or(target.port);
                let check = group.check.clone();
                (key, Due { check, port })
            })
        })
        .collect()
}

async fn check_one(world: Arc<World>, client: Arc<Client>, key: Key, due: Due, busy: Arc<AtomicBool>) {
    let (region, arn, instance_id) = key;
    let result = ask(&world, &client, &instance_id, &due).await;
    {
        let mut state = world.lock();
        let group = state.region(&region).balancing.target_groups.get_mut(&arn);
        // Deregistered in between: nothing to write.
        if let Some(target) = group.and_then(|group| group.targets.get_mut(&instance_id)) {
            judge(target, &due.check, result);
        }
    }
    busy.store(false, Ordering::Release);
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All that a check by TCP wants.
    Connected,
    Status(u16),
    TimedOut,
    NoConnection,
}

async fn ask(world: &World, client: &Client, instance_id: &str, Due { check, port }: &Due) -> Outcome {
    let Some(address) = super::listening(world, instance_id, *port) else {
        return Outcome::NoConnection;
    };
    let limit = Duration::from_secs(u64::from(check.timeout)).max(SHORTEST_TIMEOUT);
    if check.path.is_empty() {
        return match tokio::time::timeout(limit, tokio::net::TcpStream::connect(address)).await {
            Ok(Ok(_)) => Outcome::Connected,
            Ok(Err(_)) => Outcome::NoConnection,
            Err(_) => Outcome::TimedOut,
        };
    }
    let request = Request::builder()
        .uri(&check.path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        .body(Body::empty());
    let Ok(request) = request else {
        return Outcome::NoConnection;
    };
    match client.send(address, request, limit).await {
        Ok(answer) => Outcome::Status(answer.status().as_u16()),
        Err(Failed::TimedOut(_) | Failed::Stalled(_)) => Outcome::TimedOut,
        Err(Failed::Connection(_) | Failed::Malformed) => Outcome::NoConnection,
    }
}

/// Moves a target's state by one result. A new target is healthy with its first success, and unhealthy after as many failures
/// as any other (ELB guide, target group health checks).
fn judge(target: &mut Target, check: &HealthCheck, outcome: Outcome) {
    let passed = match outcome {
        Outcome::Connected => true,
        Outcome::Status(status) => matches_codes(&check.matcher, status),
        Outcome::TimedOut | Outcome::NoConnection => false,
    };
    target.streak = if passed == target.last_ok {
        target.streak.saturating_add(1)
    } else {
        1
    };
    target.last_ok = passed;
    let state = match (target.state, passed) {
        (TargetState::Draining, _) => return,
        (TargetState::Initial, true) => TargetState::Healthy,
        (TargetState::Unhealthy, true) if target.streak >= check.healthy_threshold => TargetState::Healthy,
        (TargetState::Initial | TargetState::Healthy, false) if target.streak >= check.unhealthy_threshold => {
            TargetState::Unhealthy
        }
        (same, _) => same,
    };
    target.state = state;
    match state {
        TargetState::Healthy => (target.reason, target.description) = (None, None),
        TargetState::Unhealthy if !passed => {
            let (reason, description) = explain(outcome);
            target.reason = Some(reason.to_owned());
            target.description = Some(description);
        }
        TargetState::Initial => {
            target.reason = Some("Elb.InitialHealthChecking".to_owned());
            target.description = Some("Initial health checks in progress".to_owned());
        }
        _ => {}
    }
}

/// As DescribeTargetHealth words it.
fn explain(outcome: Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Status(status) => (
            "Target.ResponseCodeMismatch",
            format!("Health checks failed with these codes: [{status}]"),
        ),
        Outcome::TimedOut => ("Target.Timeout", "Request timed out".to_owned()),
        Outcome::Connected | Outcome::NoConnection => ("Target.FailedHealthChecks", "Health checks failed".to_owned()),
    }
}

/// Whether `200`, `200,301` or `200-299` names the status.
fn matches_codes(matcher: &str, status: u16) -> bool {
    matcher
        .split(',')
        .map(str::trim)
        .any(|part| match part.split_once('-') {
            Some((low, high)) => {
                matches!((low.parse(), high.parse()), (Ok(low), Ok(high)) if (low..=high).contains(&status))
            }
            None => part.parse() == Ok(status),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> HealthCheck {
        HealthCheck {
            port: None,
            path: "/health".to_owned(),
            interval: 15,
            timeout: 5,
            healthy_threshold: 3,
            unhealthy_threshold: 2,
            matcher: "200,300-301".to_owned(),
        }
    }

    #[test]
    fn a_new_target_is_in_service_after_one_good_check() {
        let mut target = Target::new("i-1", 80);
        judge(&mut target, &check(), Outcome::NoConnection);
        assert_eq!(target.state, TargetState::Initial);
        judge(&mut target, &check(), Outcome::Status(301));
        assert_eq!((target.state, target.reason), (TargetState::Healthy, None));
    }

    #[test]
    fn thresholds_count_results_in_a_row() {
        let mut target = Target::new("i-1", 80);
        let judge = |target: &mut Target, outcome| {
            judge(target, &check(), outcome);
            target.state
        };
        judge(&mut target, Outcome::Status(200));
        assert_eq!(judge(&mut target, Outcome::Status(500)), TargetState::Healthy);
        assert_eq!(judge(&mut target, Outcome::Status(200)), TargetState::Healthy);
        assert_eq!(judge(&mut target, Outcome::Status(500)), TargetState::Healthy);
        assert_eq!(judge(&mut target, Outcome::Status(500)), TargetState::Unhealthy);
        assert_eq!(target.reason.as_deref(), Some("Target.ResponseCodeMismatch"));
        assert_eq!(
            target.description.as_deref(),
            Some("Health checks failed with these codes: [500]")
        );
        for _ in 0..2 {
            assert_eq!(judge(&mut target, Outcome::Status(200)), TargetState::Unhealthy);
        }
        assert_eq!(judge(&mut target, Outcome::Status(200)), TargetState::Healthy);
    }
}
