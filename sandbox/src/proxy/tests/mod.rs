//! Traffic as viewers see it, over real HTTP: the edge, the load balancer and the web ACL before origins that count what
//! reaches them. Each test is a row of the table of what AWS does; its name says which.

mod any_bytes;
mod app;
mod balancer;
mod edge_cache;
mod edge_errors;
mod edge_forwarding;
mod edge_representation;
mod edge_rules;
mod health_checks;
mod http;
mod origin_tls;
mod processes;
mod web_acl;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::http::request::Builder;
use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::world::balancing::{HealthCheck, Listener, LoadBalancer, Target, TargetGroup};
use crate::world::balancing_rules::RuleAction;
use crate::world::balancing_tls::ListenerTls;
use crate::world::certificates;
use crate::world::clock::Clock;
use crate::world::distributions::{Behavior, Caching, Configuration, ErrorResponse, Origin};
use crate::world::edge_policies::{CacheRules, Draft, OriginRequestRules};
use crate::world::plane::{DataPlane, Deployment, DeploymentFailure, Objects};
use crate::world::{Tags, World};
use app::App;

pub(crate) const BALANCER: &str = "awseb-1.us-east-1.elb.localhost";
pub(crate) const OPTIMIZED: &str = "Managed-CachingOptimized";
const DISABLED: &str = "Managed-CachingDisabled";
const ALL_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"];

/// Instances that are servers of the test.
#[derive(Default)]
pub(crate) struct Fixed(BTreeMap<String, SocketAddr>);

impl DataPlane for Fixed {
    fn launch(&self, _: &str, _: u32) {}
    fn deploy(&self, _: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>> {
        async { Ok(()) }.boxed()
    }
    fn restart(&self, _: &str) {}
    fn terminate(&self, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn address(&self, instance_id: &str) -> Option<SocketAddr> {
        self.0.get(instance_id).copied()
    }
    fn log_tail(&self, _: &str) -> String {
        String::new()
    }
}

struct NoObjects;

impl Objects for NoObjects {
    fn ensure_bucket(&self, _: &str, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn region(&self, _: &str) -> Option<String> {
        None
    }
    fn get(&self, _: &str, _: &str) -> BoxFuture<'static, Option<Bytes>> {
        async { None }.boxed()
    }
    fn put(&self, _: &str, _: &str, _: Bytes) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn delete(&self, _: &str, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn list_all(&self) -> BoxFuture<'static, Vec<String>> {
        async { Vec::new() }.boxed()
    }
}

pub(crate) fn world(scale: f64, plane: impl DataPlane + 'static) -> Arc<World> {
    let clock = Clock::new(scale);
    World::new(
        "123456789012",
        clock,
        CancellationToken::new(),
        Box::new(plane),
        Box::new(NoObjects),
    )
}

/// The target group of a site with one instance.
const GROUP: &str = "group";

/// An ARN for a group of more: it is the key of what the process remembers of whose turn it is, and tests run side by side.
fn new_group() -> String {
    format!("group-{}", crate::world::ids::uuid())
}

/// Puts a load balancer in front of the instances.
pub(crate) fn balance(world: &World, group: &str, instances: &[&str], path: &str) {
    let mut state = world.lock();
    let balancing = &mut state.region("us-east-1").balancing;
    let tags = Tags::new();
    balancing.load_balancers.insert(
        "lb".to_owned(),
        LoadBalancer {
            arn: "lb".to_owned(),
            name: "awseb".to_owned(),
            dns_name: BALANCER.to_owned(),
            state: "active".to_owned(),
            kind: "application".to_owned(),
            scheme: "internet-facing".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            subnets: Vec::new(),
            security_groups: Vec::new(),
            idle_timeout: 60,
            created: jiff::Timestamp::now(),
            tags: tags.clone(),
        },
    );
    balancing.listeners.insert(
        "listener".to_owned(),
        Listener {
            arn: "listener".to_owned(),
            load_balancer_arn: "lb".to_owned(),
            port: 80,
            protocol: "HTTP".to_owned(),
            tls: None,
            default_action: RuleAction::forward(group),
        },
    );
    let targets = instances.iter().map(|id| ((*id).to_owned(), Target::new(id, 80)));
    balancing.target_groups.insert(
        group.to_owned(),
        TargetGroup {
            arn: group.to_owned(),
            name: "group".to_owned(),
            port: 80,
            protocol: "HTTP".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            check: HealthCheck {
                port: None,
                path: path.to_owned(),
                interval: 15,
                timeout: 5,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                matcher: "200".to_owned(),
            },
            deregistration_delay: 20,
            targets: targets.collect(),
            tags,
        },
    );
}

/// A certificate for that name, issued.
pub(crate) fn certificate(world: &Arc<World>, region: &str, name: &str) -> String {
    let request = certificates::Request {
        domain_name: name.to_owned(),
        ..certificates::Request::default()
    };
    let now = world.clock.now();
    let arn = world.lock().request_certificate(region, request, now);
    let record = certificates::validation("123456789012", name);
    world.lock().zones.set_elsewhere(&record.name, &record.value);
    certificates::look(world);
    world.clock.skip(Duration::from_secs(61));
    certificates::look(world);
    arn
}

/// Has the load balancer listen by HTTPS, and by nothing else.
pub(crate) fn listen_by_https(world: &Arc<World>, certificate_arn: &str, policy: &str) {
    let mut state = world.lock();
    let balancing = &mut state.region("us-east-1").balancing;
    let tls = ListenerTls {
        certificate_arn: certificate_arn.to_owned(),
        policy: policy.to_owned(),
    };
    let listener = balancing.listeners.get_mut("listener").unwrap();
    (listener.port, listener.protocol, listener.tls) = (443, "HTTPS".to_owned(), Some(tls));
}

/// A behavior of everything, under a managed cache policy.
fn behavior(policy: &str) -> Behavior {
    let world = world(1.0, Fixed::default());
    let state = world.lock();
    let policy = state
        .edge_policies
        .cache
        .all()
        .find(|known| known.name == policy)
        .unwrap();
    let methods = |list: &[&str]| list.iter().map(|&method| method.to_owned()).collect();
    Behavior {
        path_pattern: "*".to_owned(),
        target_origin_id: "origin".to_owned(),
        viewer_protocol_policy: "allow-all".to_owned(),
        allowed_methods: methods(ALL_METHODS),
        cached_methods: methods(&["GET", "HEAD"]),
        compress: true,
        caching: Caching::Policies {
            cache_policy_id: policy.id.clone(),
            origin_request_policy_id: None,
        },
        response_headers_policy_id: None,
    }
}

/// A distribution before the load balancer, with one behavior.
pub(crate) fn configuration(policy: &str) -> Configuration {
    with(behavior(policy))
}

fn with(behavior: Behavior) -> Configuration {
    Configuration {
        caller_reference: crate::world::ids::uuid(),
        comment: String::new(),
        enabled: true,
        aliases: Vec::new(),
        certificate_arn: String::new(),
        minimum_protocol: String::new(),
        default_root_object: String::new(),
        web_acl_id: String::new(),
        origins: vec![Arc::new(Origin {
            id: "origin".to_owned(),
            domain_name: BALANCER.to_owned(),
            path: String::new(),
            custom_headers: Vec::new(),
            protocol_policy: "http-only".to_owned(),
            http_port: 80,
            https_port: 443,
            ssl_protocols: vec!["TLSv1.2".to_owned()],
            read_timeout: 30,
        })],
        default_behavior: Arc::new(behavior),
        behaviors: Vec::new(),
        error_responses: BTreeMap::new(),
        document: serde_json::Value::Null,
    }
}

/// The parts of a configuration that tests change.
trait Changed: Sized {
    fn changed(self, change: impl FnOnce(&mut Self)) -> Self;
}

impl<T> Changed for T {
    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// The only origin, to change it.
fn origin(configuration: &mut Configuration) -> &mut Origin {
    Arc::make_mut(&mut configuration.origins[0])
}

/// An answer as a viewer gets it.
#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// `Hit`, `Miss`, `RefreshHit`, `Error`, `Redirect`.
    fn x_cache(&self) -> &str {
        self.header("x-cache")
            .strip_suffix(" from cloudfront")
            .unwrap_or_default()
    }
}

/// A world with an app behind a load balancer behind a distribution, deployed long ago. Its clock stands but for what tests let
/// pass, or what passes really.
pub(crate) struct Site {
    pub world: Arc<World>,
    app: App,
    pub id: String,
    domain: String,
    front: SocketAddr,
}

impl Site {
    async fn new(configuration: Configuration) -> Self {
        Self::at(1.0, configuration).await
    }

    pub(crate) async fn at(scale: f64, configuration: Configuration) -> Self {
        Self::made(scale, |_| configuration).await
    }

    /// A site whose configuration needs something of the world: a policy, a web ACL.
    async fn with(configuration: impl FnOnce(&Arc<World>) -> Configuration) -> Self {
        Self::made(1.0, configuration).await
    }

    /// The same, on a clock of that pace.
    async fn made(scale: f64, configuration: impl FnOnce(&Arc<World>) -> Configuration) -> Self {
        let app = App::default();
        let address = app.serve().await;
        let world = world(scale, Fixed(BTreeMap::from([("i-1".to_owned(), address)])));
        balance(&world, GROUP, &["i-1"], "/");
        let configuration = configuration(&world);
        let (id, domain) = Self::distribute(&world, configuration);
        let front = http::front(world.clone()).await;
        Self {
            world,
            app,
            id,
            domain,
            front,
        }
    }

    fn distribute(world: &World, configuration: Configuration) -> (String, String) {
        let long_ago = world.clock.now() - jiff::SignedDuration::from_hours(1);
        let made = world
            .lock()
            .create_distribution(configuration, Tags::new(), long_ago)
            .unwrap();
        (made.id, made.domain_name)
    }

    /// Asks the edge, as curl does.
    async fn ask(&self, request: Builder, body: &str) -> Answer {
        self.ask_from(Ipv4Addr::LOCALHOST, request, body).await
    }

    async fn ask_from(&self, viewer: Ipv4Addr, request: Builder, body: &str) -> Answer {
        let has = |name: &str| request.headers_ref().is_some_and(|headers| headers.contains_key(name));
        let agent = (!has("user-agent")).then_some("curl/8");
        let request = request.header("host", format!("{}:4566", self.domain));
        let request = match agent {
            Some(agent) => request.header("user-agent", agent),
            None => request,
        };
        http::ask(self.front, viewer, request, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path), "").await
    }

    /// Asks the edge as a client without a user agent does.
    pub(crate) async fn ask_without_agent(&self, path: &str) {
        self.ask(Request::get(path).header("user-agent", ""), "").await;
    }

    /// Asks the load balancer itself.
    async fn ask_balancer(&self, request: Builder, body: &str) -> Answer {
        let request = request.header("host", format!("{BALANCER}:4566"));
        http::ask(self.front, Ipv4Addr::LOCALHOST, request, body).await
    }

    /// Lets sandbox seconds pass at once.
    pub(crate) fn later(&self, seconds: u64) {
        self.world.clock.skip(Duration::from_secs(seconds));
    }

    /// Replaces the configuration; it is not deployed yet.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Configuration)) -> crate::world::distributions::Distribution {
        let present = self.world.lock().distributions.get(&self.id).unwrap().clone();
        let configuration = Configuration::clone(&present.configuration).changed(change);
        let now = self.world.clock.now();
        let mut state = self.world.lock();
        state
            .update_distribution(&self.id, Some(&present.etag), configuration, now)
            .unwrap()
    }
}

/// A cache policy of one's own; its id.
fn cache_policy(world: &World, rules: CacheRules) -> String {
    let draft = Draft {
        name: crate::world::ids::uuid(),
        comment: String::new(),
        rules,
    };
    world
        .lock()
        .edge_policies
        .cache
        .create(draft, world.clock.now())
        .unwrap()
        .id
}

/// An origin request policy of one's own; its id.
fn origin_request_policy(world: &World, rules: OriginRequestRules) -> String {
    let draft = Draft {
        name: crate::world::ids::uuid(),
        comment: String::new(),
        rules,
    };
    let mut state = world.lock();
    let made = state.edge_policies.origin_request.create(draft, world.clock.now());
    made.unwrap().id
}

/// A behavior under those policies.
fn under(cache_policy_id: String, origin_request_policy_id: Option<String>) -> Behavior {
    behavior(OPTIMIZED).changed(|behavior| {
        behavior.caching = Caching::Policies {
            cache_policy_id,
            origin_request_policy_id,
        };
    })
}
