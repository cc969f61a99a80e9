//! The whole data plane: real processes behind health checks, a load balancer and the edge.

use std::net::Ipv4Addr;
use std::time::Duration;

use ::http::{Request, StatusCode};

use super::{BALANCER, OPTIMIZED, Site, balance, configuration, http, world};
use crate::instances::tests as instances;
use crate::world::balancing::TargetState;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_process_serves_through_the_edge_until_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let world = world(600.0, instances::machines(directory.path()));
    let page = instances::bundle(&[("Procfile", instances::SERVER, 0o644), ("page.txt", "hello", 0o644)]);
    for id in ["i-1", "i-2"] {
        world
            .plane
            .deploy(instances::deployment(id, page.clone()))
            .await
            .unwrap();
    }
    let group = super::new_group();
    balance(&world, &group, &["i-1", "i-2"], "/page.txt");
    crate::proxy::start(&world);
    let state = |id: &str| world.lock().region("us-east-1").balancing.target_groups[&group].targets[id].state;
    let becomes = async |id: &str, wanted: TargetState| {
        for _ in 0..300 {
            if state(id) == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{id} does not become {wanted:?}");
    };
    becomes("i-1", TargetState::Healthy).await;
    becomes("i-2", TargetState::Healthy).await;

    let (_, domain) = Site::distribute(&world, configuration(OPTIMIZED));
    let front = http::front(world.clone()).await;
    let ask = async |host: &str| {
        let request = Request::get("/page.txt").header("host", host);
        http::ask(front, Ipv4Addr::LOCALHOST, request, "").await
    };
    assert_eq!(ask(&domain).await.text(), "hello");
    world.plane.terminate("i-1").await;
    becomes("i-1", TargetState::Unhealthy).await;
    for _ in 0..4 {
        assert_eq!(
            ask(BALANCER).await.status,
            StatusCode::OK,
            "a request went to an unhealthy target"
        );
    }
    world.plane.terminate("i-2").await;
    becomes("i-2", TargetState::Unhealthy).await;
    assert_eq!(ask(BALANCER).await.status, StatusCode::BAD_GATEWAY);
    world.shutdown.cancel();
}
