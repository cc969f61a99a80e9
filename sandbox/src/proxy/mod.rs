//! The load balancer and the edge: how traffic is carried, by the names that it asks for.
//! Must know nothing of APIs; it reads the world's configuration and writes target health and samples of what rules caught.

mod balancer;
mod edge;
mod forward;
pub(crate) mod glob;
mod health;
mod listener;
mod pages;
#[cfg(test)]
pub(crate) mod tests;
mod watched;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::StatusCode;

use crate::world::World;
use crate::world::balancing::Listener;
use crate::world::balancing_access::Peer;
use crate::world::routes::{self, Route};

/// On a request that came by TLS: the name by which its client came, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sni(pub String);

/// The address that load balancers see of the edge.
const EDGE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The port that the proxy of every instance listens at.
const NGINX: u16 = 80;

/// What carrying needs between requests. One for a process, which has one world; what it keeps is by random ids, so that
/// the worlds of tests do not meet in it.
static CARRIAGE: LazyLock<Carriage> = LazyLock::new(Carriage::default);

#[derive(Default)]
struct Carriage {
    client: forward::Client,
    turns: balancer::Turns,
    edge: edge::Edge,
}

/// Starts what runs beside requests: the health checks of target groups. Ends with the world.
pub(crate) fn start(world: &Arc<World>) {
    // With connections of their own: traffic must not keep them waiting.
    world.spawn(health::check_all(world.clone(), Arc::default()));
}

/// Why nobody answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// A load balancer's security groups do not let the connection in: on AWS its packets are dropped.
    Dropped,
    /// Nobody listens there.
    Refused,
}

/// How somebody comes to a load balancer.
#[derive(Debug, Clone, Copy)]
struct Way {
    by_tls: bool,
    /// `None`: the sandbox's one port stands for whichever it listens at.
    port: Option<u16>,
}

/// Whether a name that a client came by with TLS is a load balancer's: it goes to that one, whatever host it asks for then.
pub(crate) fn is_balancer(name: &str) -> bool {
    name.ends_with(".elb.localhost")
}

/// Answers a request for a public name: `*.cloudfront.localhost` and distributions' aliases, `*.elb.localhost`,
/// `*.elasticbeanstalk.localhost`.
pub(crate) async fn serve(world: Arc<World>, mut request: Request) -> Result<Response, Unreachable> {
    let by_tls = request.extensions().get::<Sni>().map(|Sni(name)| name.clone());
    let host = by_tls
        .clone()
        .filter(|name| is_balancer(name))
        .unwrap_or_else(|| host_of(&request));
    // What a viewer says of his connection takes nothing away of what is added from here on.
    forward::remove_hop_by_hop(request.headers_mut());
    let viewer = viewer_of(&request);
    let is_edge = host.ends_with(".cloudfront.localhost") || is_alias(&world, &host);
    if is_edge {
        return Ok(edge::serve(&CARRIAGE, &world, &host, viewer, request).await);
    }
    let route = routes::route(&world.lock(), &host);
    let way = Way {
        by_tls: by_tls.is_some(),
        port: None,
    };
    match route {
        Some(route) => carry(&CARRIAGE, &world, &route, (Peer::Outside(viewer.ip()), way), request).await,
        None => Ok(pages::plain(
            StatusCode::NOT_FOUND,
            &format!("The sandbox has nothing of the name {host}."),
        )),
    }
}

/// The HTTPS listener that a client comes to by a load balancer's name; `None` where he does not get so far.
pub(crate) fn listener(world: &World, name: &str, client: IpAddr) -> Option<Listener> {
    let route = routes::route(&world.lock(), name)?;
    let Route::LoadBalancer { region, arn } = route else {
        return None;
    };
    let way = Way {
        by_tls: true,
        port: None,
    };
    balancer::way_in(world, &region, &arn, Peer::Outside(client), way)
        .ok()
        .flatten()
}

/// Whether it is a distribution's alternate domain name.
fn is_alias(world: &World, host: &str) -> bool {
    let now = world.clock.now();
    world.lock().distributions.by_host(host, now).is_some()
}

/// Takes a request to what stands behind a name.
async fn carry(
    carriage: &Carriage,
    world: &Arc<World>,
    route: &Route,
    (peer, way): (Peer, Way),
    request: Request,
) -> Result<Response<Body>, Unreachable> {
    let viewer = match peer {
        Peer::Edge => EDGE,
        Peer::Outside(address) => address,
    };
    match route {
        Route::LoadBalancer { region, arn } => {
            let listener = balancer::way_in(world, region, arn, peer, way)?;
            Ok(balancer::balance(carriage, world, (region, arn), listener, viewer, request).await)
        }
        Route::Instance { instance_id, .. } => {
            Ok(balancer::to_instance(carriage, world, instance_id, viewer, request).await)
        }
    }
}

/// Where that port of an instance is on this machine. Nginx's is the only one that anybody listens at: a load balancer that is
/// sent to another finds nobody (Beanstalk guide: platforms-linux-extend.proxy, environments-cfg-alb).
fn listening(world: &World, instance_id: &str, port: u16) -> Option<SocketAddr> {
    (port == NGINX).then(|| world.plane.address(instance_id)).flatten()
}

/// The host that is asked for, in small letters, without a port.
fn host_of(request: &Request) -> String {
    let named = request
        .headers()
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = named.or_else(|| request.uri().host()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn viewer_of(request: &Request) -> SocketAddr {
    let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connection.map_or((EDGE, 0).into(), |ConnectInfo(address)| *address)
}
